//! `keepuntil report compliance`.

use super::deliver::{PeriodArgs, begun, deliver, fields, list};
use super::words;
use crate::cli::args::{Common, KeyringPlace};
use crate::cli::error::Failure;
use crate::cli::output::OutputArgs;
use crate::cli::render;
use crate::cli::sheet::{Block, Sheet, Table};
use crate::cli::{Done, home};
use crate::language::{Language, language};
use crate::ops::report::archives;
use crate::ops::report::compliance::{ComplianceReport, Finding, HoldLine, RuleLine, compliance};
use crate::ops::report::past::{Changed, Past, Purged};
use crate::retention::clock::Confirmer;
use crate::retention::event::meaning;
use crate::retention::scope::Scope;
use clap::Args;
use std::path::PathBuf;
use tr::tr;

/// Compliance: what each rule asks and what was done, with what is not as it should be at the top
#[derive(Args)]
#[command(
    after_help = "The journal is verified first; where it does not verify there is no report. DATE is a day of the \
    journal: what is kept now is always told as it is now. Archives that are named say by which citation their own \
    rules go.\nExit code 3 means that there are findings.\n\nExamples:\n  \
    keepuntil report compliance --since 2027-01-01 -o compliance.html\n  \
    keepuntil report compliance firm.sealed --lang zh"
)]
pub struct ComplianceArgs {
    /// Archives of the keyring whose rules are cited as they were sealed
    #[arg(value_name = "ARCHIVE")]
    archives: Vec<PathBuf>,
    #[command(flatten)]
    period: PeriodArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    keyring: KeyringPlace,
}

pub fn run(args: &ComplianceArgs, common: Common) -> Result<Done, Failure> {
    let period = args.period.period()?;
    let custody = home::reading(&args.keyring)?;
    let archives = archives::open(&custody, &args.archives)?;
    let report = compliance(&custody, &archives, period)?;
    deliver("report_compliance", &report, || sheet(&report), &args.output, common)?;
    home::remember(custody)?;
    Ok(if report.findings.is_empty() { Done::Clean } else { Done::Findings })
}

fn sheet(report: &ComplianceReport) -> Sheet<'static> {
    let mut sheet = begun(&tr!("Compliance report"), &report.firm, &report.keyring, report.made);
    fields(&mut sheet, vec![(tr!("Events of"), words::period(&report.period))]);
    sheet.heading(&tr!("Findings"));
    let findings = report.findings.iter().map(finding).collect();
    list(&mut sheet, findings, tr!("None of what this report looks for was found."));
    rules(&mut sheet, report);
    exceptions(&mut sheet, &report.past);
    sheet.heading(&tr!("Holds"));
    if report.holds.is_empty() {
        sheet.paragraph(tr!("No hold is in force, and none was released in this period."));
    }
    report.holds.iter().for_each(|it| hold(&mut sheet, it));
    sheet.heading(&tr!("Destruction"));
    if report.past.purges.is_empty() {
        sheet.paragraph(tr!("Nothing was destroyed in this period."));
    }
    report.past.purges.iter().for_each(|it| purge(&mut sheet, it));
    let cancelled = report.past.cancelled.iter().map(|it| {
        tr!(
            "{time}: purge {purge} was called off, or had nothing left to destroy",
            time = render::time(it.time),
            purge = it.about
        )
    });
    let cancelled: Vec<String> = cancelled.collect();
    if !cancelled.is_empty() {
        sheet.blocks.push(Block::List(cancelled));
    }
    answers(&mut sheet, report);
    verifications(&mut sheet, report);
    clock(&mut sheet, report);
    changes(&mut sheet, &report.past.changes);
    journal(&mut sheet, report);
    sheet.heading(&tr!("What this report is not"));
    sheet.blocks.push(Block::List(vec![
        tr!(
            "It counts records by the terms that they were sealed with. Which law holds for them is for people to say."
        ),
        tr!("Destroying keys is cryptographic erase. The ciphertext is there until somebody removes it."),
        tr!("Copies of plaintext or keys that were made before are not seen."),
        tr!("The journal proves its own past only to somebody who holds an older checkpoint of it."),
    ]));
    sheet
}

fn finding(found: &Finding) -> String {
    let n = found.count;
    let about = found.about.first().cloned().unwrap_or_default();
    match found.code {
        "records-overdue" => {
            tr!("{n} record should have been destroyed." | "{n} records should have been destroyed." % n)
        }
        "notices-late" => tr!("The notice of destruction of {n} record should have been sent."
            | "The notices of destruction of {n} records should have been sent." % n),
        "returns-overdue" => tr!("{n} promise to return or destroy what was granted is overdue."
            | "{n} promises to return or destroy what was granted are overdue." % n),
        "requests-waiting" => tr!("{n} request has waited for an answer for more than 21 days."
            | "{n} requests have waited for an answer for more than 21 days." % n),
        "clock-not-trusted" => tr!("The clock is not trusted: nothing is destroyed."),
        "change-interrupted" => tr!("A change of the keyring was interrupted and is not finished."),
        "ledger-and-journal-differ" => tr!("{n} request, answer or receipt is in only one of ledger and journal."
            | "{n} requests, answers or receipts are in only one of ledger and journal." % n),
        "journal-times-backwards" => tr!("{n} entry of the journal has a time before an earlier one's."
            | "{n} entries of the journal have a time before an earlier one's." % n),
        "cool-off-not-kept" => {
            tr!("{n} purge was carried out before its cool-off was over by the journal's times."
                | "{n} purges were carried out before their cool-off was over by the journal's times." % n)
        }
        "certificate-missing" => tr!("{n} purge has no certificate in the keyring for which the journal speaks."
            | "{n} purges have no certificate in the keyring for which the journal speaks." % n),
        "rule-without-citation" => tr!("{n} rule is not built in: name its archive to have it cited."
            | "{n} rules are not built in: name their archives to have them cited." % n),
        "journal-never-witnessed" => {
            tr!("No witness or time-stamping authority has ever confirmed the journal: nobody else can prove its past.")
        }
        "journal-not-witnessed-lately" => {
            tr!("No witness or time-stamping authority has confirmed the journal for {n} day."
                | "No witness or time-stamping authority has confirmed the journal for {n} days." % n)
        }
        "clock-never-confirmed" => tr!("Nobody else has ever confirmed the clock."),
        "clock-not-confirmed-lately" => tr!("Nobody else has confirmed the clock for {n} day."
            | "Nobody else has confirmed the clock for {n} days." % n),
        "archive-damaged" => tr!("Archive {about}: its last verification found it damaged.", about = about),
        "archive-not-verified-lately" => tr!(
            "Archive {about}: nobody noted a verification for {n} day."
                | "Archive {about}: nobody noted a verification for {n} days." % n,
            about = about
        ),
        "archive-never-verified" => tr!(
            "Archive {about}: nobody ever noted a verification, {n} day after its deposit."
                | "Archive {about}: nobody ever noted a verification, {n} days after its deposit." % n,
            about = about
        ),
        other => other.to_owned(),
    }
}

fn rules(sheet: &mut Sheet, report: &ComplianceReport) {
    sheet.heading(&tr!("Records by rule"));
    let all = &report.records;
    let or_none = |n: u64| if n > 0 { n.to_string() } else { String::new() };
    fields(
        sheet,
        vec![
            (tr!("Live records"), all.live.to_string()),
            (tr!("Destroyed records"), all.destroyed.to_string()),
            (tr!("Overdue"), all.overdue.to_string()),
            (tr!("In a cool-off"), or_none(all.scheduled)),
            (tr!("Run out, not yet certain"), or_none(all.run_out)),
        ],
    );
    for (event, n) in &report.awaited {
        let text = tr!(
            "{n} record waits for the event {event}." | "{n} records wait for the event {event}." % *n,
            event = meaning(event)
        );
        sheet.paragraph(text);
    }
    super::notices::notices(sheet, &report.notices);
    if report.rules.is_empty() {
        sheet.paragraph(tr!("The keyring has no records."));
    }
    report.rules.iter().for_each(|line| rule(sheet, line));
}

fn rule(sheet: &mut Sheet, line: &RuleLine) {
    let title = match language() {
        Language::Chinese => line.title_zh.as_ref().or(line.title.as_ref()),
        Language::English => line.title.as_ref(),
    };
    let id = if line.rule.is_empty() { tr!("A date that somebody chose, no rule") } else { line.rule.clone() };
    sheet.blocks.push(Block::Subheading(title.cloned().unwrap_or(id)));
    let sure = match (line.confidence, line.source) {
        _ if line.rule.is_empty() => String::new(),
        (Some("H"), _) => tr!("the text itself was read"),
        (Some("M"), _) => tr!("from a secondary source"),
        (Some("L"), _) => tr!("from memory, to be checked before anybody relies on it"),
        (_, Some(_)) => tr!("not stated"),
        (_, None) => tr!("not known here: the archive that uses the rule was not named"),
    };
    let source = match line.source {
        Some("archive") => tr!("as it was sealed in an archive that was named"),
        Some(_) => tr!("as the built-in rule of this id says today"),
        None => String::new(),
    };
    let or_none = |n: u64| if n > 0 { n.to_string() } else { String::new() };
    let days = match (line.first, line.last) {
        (Some(first), Some(last)) if first == last => first.to_string(),
        (Some(first), Some(last)) => format!("{first} – {last}"),
        _ => String::new(),
    };
    let at_expiry = [
        (line.destroy, tr!("destroyed: {n}", n = line.destroy)),
        (line.review, tr!("reviewed first: {n}", n = line.review)),
    ];
    let at_expiry = at_expiry.into_iter().filter(|(n, _)| *n > 0).map(|(_, text)| text);
    fields(
        sheet,
        vec![
            (tr!("Id of the rule"), title.map_or_else(String::new, |_| line.rule.clone())),
            (tr!("Citation"), line.citation.clone().unwrap_or_default()),
            (tr!("How sure"), sure),
            (tr!("Whose words"), source),
            (tr!("Live records"), line.live.to_string()),
            (tr!("Destroyed records"), or_none(line.destroyed)),
            (tr!("First and last of their last days"), days),
            (tr!("After the last day"), words::joined(at_expiry)),
            (tr!("Awaiting an event"), or_none(line.awaiting)),
            (tr!("Permanent"), or_none(line.permanent)),
            (tr!("count" => "Held"), or_none(line.held)),
            (tr!("Overdue"), or_none(line.overdue)),
        ],
    );
}

fn exceptions(sheet: &mut Sheet, past: &Past) {
    sheet.heading(&tr!("Exceptions"));
    let extended = past.extensions.iter().map(|it| {
        tr!(
            "{time}: records {records} of archive {archive} are kept until {until}",
            time = render::time(it.time),
            records = it.records,
            archive = it.archive,
            until = it.until
        )
    });
    let early = past.purges.iter().filter_map(|it| {
        let certificate = it.certificate.as_ref().filter(|certificate| certificate.early > 0)?;
        let why = certificate
            .reason
            .as_deref()
            .map(words::early_reason)
            .unwrap_or_else(|| tr!("a hash of a text that is kept elsewhere"));
        Some(tr!(
            "{time}: {n} record was destroyed before its time, reason: {why}"
                | "{time}: {n} records were destroyed before their time, reason: {why}" % certificate.early,
            time = render::time(it.time),
            why = why
        ))
    });
    let events = past.events.iter().map(|it| {
        let (time, event, date) = (render::time(it.time), meaning(&it.event), it.date);
        match it.corrects {
            true => tr!(
                "{time}: event {event} of {date}, which corrects an earlier one",
                time = time,
                event = event,
                date = date
            ),
            false => tr!("{time}: event {event} of {date}", time = time, event = event, date = date),
        }
    });
    let sheets = past.exports.iter().map(|it| {
        tr!(
            "{time}: emergency key sheet of archive {archive} with {n} record; it is not destroyed with the keys"
                | "{time}: emergency key sheet of archive {archive} with {n} records; it is not destroyed with the keys"
                    % it.records,
            time = render::time(it.time),
            archive = it.archive
        )
    });
    let all = extended.chain(early).chain(events).chain(sheets).collect();
    list(sheet, all, tr!("No extension, early destruction, event or emergency key sheet in this period."));
}

/// What a scope names, in words.
fn scope(scope: &Scope) -> String {
    let parts = [
        scope.archive.map(|archive| tr!("archive {archive}", archive = hex::encode(archive))),
        scope.records.as_ref().map(|records| tr!("records {records}", records = records)),
        scope.compartment.as_ref().map(|name| tr!("compartment {name}", name = name)),
        scope.rule.as_ref().map(|rule| tr!("rule {rule}", rule = rule)),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { tr!("everything") } else { words::joined(parts) }
}

fn hold(sheet: &mut Sheet, hold: &HoldLine) {
    let title = match hold.released {
        None => tr!("In force since {from}", from = hold.from),
        Some(released) => tr!("Released at {time}", time = render::time(released)),
    };
    sheet.blocks.push(Block::Subheading(title));
    fields(
        sheet,
        vec![
            (tr!("Hold"), hold.hold.clone()),
            (tr!("Matter"), hold.matter.clone().unwrap_or_else(|| tr!("forgotten with its release"))),
            (tr!("Authority"), hold.authority.clone().unwrap_or_default()),
            (tr!("Covers"), scope(&hold.scope)),
            (tr!("Placed"), render::time(hold.placed)),
            (tr!("Secrecy"), if hold.secrecy { tr!("forbids disclosure too") } else { String::new() }),
        ],
    );
}

fn purge(sheet: &mut Sheet, it: &Purged) {
    let title = format!("{} · {}", render::time(it.time), words::records(it.records));
    sheet.blocks.push(Block::Subheading(title));
    let approvals = match it.approvals.is_empty() {
        true => tr!("nobody had to sign"),
        false => words::joined(it.approvals.iter().cloned()),
    };
    let asked = words::days(it.cool_off_days.into());
    let cool_off = match (it.scheduled, it.cool_off_kept) {
        (Some(from), true) => {
            tr!("{asked} from {from}: kept", asked = asked, from = render::time(from))
        }
        (Some(from), false) => {
            tr!("{asked} from {from}: not kept by the journal's times", asked = asked, from = render::time(from))
        }
        (None, _) => tr!("the journal does not say when it began"),
    };
    let mut told = vec![
        (tr!("Certificate and purge"), it.purge.clone()),
        (tr!("Carried out"), render::time(it.time)),
        (tr!("Generation"), it.generation.to_string()),
        (tr!("Plan"), it.plan.clone().unwrap_or_else(|| tr!("none: nobody had to review these records"))),
        (tr!("Approved by"), approvals),
        (tr!("Cool-off"), cool_off),
    ];
    match &it.certificate {
        None => told.push((tr!("Certificate"), tr!("there is none in the keyring for which the journal speaks"))),
        Some(certificate) => {
            let or_none = |n: u64| if n > 0 { n.to_string() } else { String::new() };
            told.extend([
                (tr!("Certificate"), tr!("in the keyring, and the journal speaks for it")),
                (tr!("Before their time"), or_none(certificate.early)),
                (tr!("Also on emergency key sheets"), or_none(certificate.on_key_sheets)),
                (tr!("Granted to somebody before"), or_none(certificate.granted)),
            ]);
        }
    }
    fields(sheet, told);
}

fn answers(sheet: &mut Sheet, report: &ComplianceReport) {
    sheet.heading(&tr!("Requests"));
    let answers = &report.answers;
    let refused: u64 = answers.refused.values().sum();
    let reasons = answers.refused.iter().map(|(code, n)| tr!("{reason}: {n}", reason = words::reason(code), n = n));
    let took = match (answers.shortest_days, answers.median_days, answers.longest_days) {
        (Some(least), Some(median), Some(most)) => tr!(
            "{least} at least, {most} at most, half of them no longer than {median}",
            least = words::days(least),
            most = words::days(most),
            median = words::days(median)
        ),
        _ => String::new(),
    };
    fields(
        sheet,
        vec![
            (tr!("Requests taken"), answers.requests.to_string()),
            (tr!("Granted"), answers.granted.to_string()),
            (tr!("Refused"), refused.to_string()),
            (tr!("Reasons"), words::joined(reasons)),
            (tr!("Open"), answers.open.to_string()),
            (tr!("Time to the answer"), took),
        ],
    );
}

fn verifications(sheet: &mut Sheet, report: &ComplianceReport) {
    sheet.heading(&tr!("Verifications of archives"));
    if report.past.verifications.is_empty() {
        sheet.paragraph(tr!("None was noted in this period (keepuntil verify --note)."));
        return;
    }
    let row = |it: &crate::ops::report::past::VerifiedArchive| {
        let found = if it.whole { tr!("whole") } else { tr!("damaged") };
        let how = if it.deep { tr!("records opened") } else { tr!("every byte") };
        vec![render::time(it.time), words::short(&it.archive), found, how]
    };
    let head = vec![tr!("Time"), tr!("Archive"), tr!("Found"), tr!("Looked at")];
    let rows = report.past.verifications.iter().map(row).collect();
    sheet.blocks.push(Block::Table(Table { head, rows, right: Vec::new() }));
}

fn clock(sheet: &mut Sheet, report: &ComplianceReport) {
    sheet.heading(&tr!("Clock"));
    let distrust = match report.clock.distrust {
        None => tr!("answer" => "no"),
        Some("jumped") => tr!("yes: it jumped by more than 35 days"),
        Some("far-behind") => tr!("yes: it is more than 35 days behind what it showed before"),
        Some(_) => tr!("yes: it was not read"),
    };
    fields(
        sheet,
        vec![
            (tr!("Certain date"), report.clock.certain_date.to_string()),
            (tr!("Last proved from outside"), report.clock.proved.map_or_else(|| tr!("never"), render::time)),
            (tr!("Destruction is stopped by the clock"), distrust),
        ],
    );
    let alarms = report.past.clock_alarms.iter().map(|it| {
        tr!(
            "{time}: alarm, the clock showed {shown}",
            time = render::time(it.time),
            shown = render::spelled_time(&it.about)
        )
    });
    let confirmed = report.past.clock_confirmations.iter().map(|it| {
        let (time, shown) = (render::time(it.time), render::time(it.shown));
        match it.by {
            Confirmer::Witness => tr!("{time}: a witness confirmed {shown}", time = time, shown = shown),
            Confirmer::TimestampAuthority => {
                tr!("{time}: a time-stamping authority confirmed {shown}", time = time, shown = shown)
            }
            Confirmer::Approver => tr!("{time}: somebody on the roster confirmed {shown}", time = time, shown = shown),
            Confirmer::Typed => tr!("{time}: the custodian alone typed {shown}", time = time, shown = shown),
        }
    });
    list(sheet, alarms.chain(confirmed).collect(), tr!("No alarm and no confirmation in this period."));
}

fn changes(sheet: &mut Sheet, changes: &[Changed]) {
    sheet.heading(&tr!("Changes of how the keyring is run"));
    let signed = |it: &Changed| match it.signed {
        Some(true) => tr!("signed under the roster in force"),
        Some(false) => tr!("the first one, or without a roster"),
        None => String::new(),
    };
    let sha256 = |it: &Changed| it.sha256.clone().unwrap_or_default();
    let line = |it: &Changed| {
        let time = render::time(it.time);
        match it.what {
            "roster" => tr!("{time}: roster {sha256}, {signed}", time = time, sha256 = sha256(it), signed = signed(it)),
            "disclosure-policy" => {
                tr!(
                    "{time}: disclosure policy {sha256}, {signed}",
                    time = time,
                    sha256 = sha256(it),
                    signed = signed(it)
                )
            }
            _ => {
                let typed = match it.typed_confirmation {
                    Some(true) => tr!("the custodian alone may confirm the clock"),
                    _ => tr!("the custodian alone may not confirm the clock"),
                };
                let days = words::days(it.cool_off_days.unwrap_or_default().into());
                tr!("{time}: settings, cool-off {days}, {typed}", time = time, days = days, typed = typed)
            }
        }
    };
    list(sheet, changes.iter().map(line).collect(), tr!("None in this period."));
}

fn journal(sheet: &mut Sheet, report: &ComplianceReport) {
    sheet.heading(&tr!("Journal"));
    let journal = &report.journal;
    let never = || tr!("never");
    fields(
        sheet,
        vec![
            (
                tr!("Verified by this run"),
                tr!("yes: {n} entry, from the first to the last"
                    | "yes: {n} entries, from the first to the last" % journal.entries),
            ),
            (tr!("Journal"), journal.origin.clone()),
            (tr!("Root hash"), journal.root.clone().unwrap_or_default()),
            (
                tr!("Under the last signed checkpoint"),
                journal.signed.map_or_else(|| tr!("nothing was signed yet"), |n| n.to_string()),
            ),
            (tr!("Cosigned by a witness since"), journal.witnessed_since.map_or_else(never, render::time)),
            (tr!("Last cosigned by a witness"), journal.witnessed_last.map_or_else(never, render::time)),
            (tr!("Last time-stamped"), journal.timestamped_last.map_or_else(never, render::time)),
            (tr!("Entries since then"), journal.since_then.map_or_else(String::new, |n| n.to_string())),
        ],
    );
    sheet.paragraph(tr!(
        "These are the cosignatures and time-stamps that were taken into the keyring. Whoever was given an export, a grant, a \
         refusal or a certificate holds a checkpoint too; the keyring does not know who has kept it."
    ));
}
