//! `keepuntil report disclosures`.

use super::deliver::{PeriodArgs, begun, deliver, fields, list};
use super::words;
use crate::cli::args::{Common, KeyringPlace};
use crate::cli::error::Failure;
use crate::cli::output::OutputArgs;
use crate::cli::render;
use crate::cli::sheet::{Bar, Block, Chart, Sheet, Table};
use crate::cli::{Done, home};
use crate::disclosure::proposal::Signatory;
use crate::ops::report::disclosures::{Answer, DisclosureReport, Granted, Outcomes, Owed, Told, disclosure_report};
use clap::Args;
use tr::tr;

/// Access and disclosure: who asked for what, how it was answered, what is still to come back
#[derive(Args)]
#[command(after_help = "DATE is a day on which a request was taken. What is still to come back is always all of it.\n\
    Exit code 3 means that somebody should have returned or destroyed something, or that ledger and journal differ.\n\n\
    Examples:\n  keepuntil report disclosures --since 2027-01-01 --until 2027-12-31\n  \
    keepuntil report disclosures -o disclosures.html --lang zh")]
pub struct DisclosuresReportArgs {
    #[command(flatten)]
    period: PeriodArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    keyring: KeyringPlace,
}

pub fn run(args: &DisclosuresReportArgs, common: Common) -> Result<Done, Failure> {
    let period = args.period.period()?;
    let custody = home::reading(&args.keyring)?;
    let report = disclosure_report(&custody, period)?;
    deliver("report_disclosures", &data(&report), || sheet(&report), &args.output, common)?;
    home::remember(custody)?;
    let findings = !report.overdue.is_empty() || !report.disagreements.is_empty();
    Ok(if findings { Done::Findings } else { Done::Clean })
}

/// The report for programs: an answer has the same fields whatever it is.
fn data(report: &DisclosureReport) -> serde_json::Value {
    const FIELDS: [&str; 15] = [
        "slow",
        "refusal",
        "refused",
        "reason",
        "explanation",
        "journal_entry",
        "grant",
        "granted",
        "records",
        "valid_from",
        "valid_until",
        "approvals",
        "conditions",
        "lapsed",
        "receipts",
    ];
    let mut data = serde_json::json!(report);
    for request in data["requests"].as_array_mut().into_iter().flatten() {
        request["answered"] = render::complete(request["answered"].take(), &FIELDS);
    }
    data
}

fn sheet(report: &DisclosureReport) -> Sheet<'static> {
    let mut sheet = begun(&tr!("Access and disclosure"), &report.firm, &report.keyring, report.made);
    fields(&mut sheet, vec![(tr!("Requests taken"), words::period(&report.period))]);
    sheet.paragraph(tr!(
        "This file has words that people wrote about records. The keyring forgets them when a record is destroyed; \
         this file does not. Whoever keeps it removes it then."
    ));
    sheet.heading(&tr!("Still to come back"));
    if !report.overdue.is_empty() {
        let n = report.overdue.len() as u64;
        let text = tr!("{n} promise is overdue." | "{n} promises are overdue." % n);
        sheet.blocks.push(Block::Warning(text));
    }
    let owed = report.overdue.iter().chain(&report.promised).map(owed).collect();
    let nothing = match report.grants {
        0 => tr!("Nothing: there was no grant."),
        _ => tr!("Nothing: whoever was given records has confirmed what they promised, or promised nothing."),
    };
    list(&mut sheet, owed, nothing);
    numbers(&mut sheet, report);
    sheet.heading(&tr!("Requests"));
    if report.requests.is_empty() {
        sheet.paragraph(tr!("None was taken in this period."));
    }
    for (index, request) in report.requests.iter().enumerate() {
        one(&mut sheet, index + 1, request);
    }
    sheet.heading(&tr!("Ledger and journal"));
    let differs = report.disagreements.iter().map(|it| match it.only_in {
        "journal" => tr!("{what} {id}: the journal tells of it, the ledger does not", what = it.what, id = it.id),
        _ => tr!("{what} {id}: the ledger has it, the journal does not", what = it.what, id = it.id),
    });
    list(&mut sheet, differs.collect(), tr!("Every request, answer and receipt of one is in the other."));
    sheet.heading(&tr!("What this report is not"));
    sheet.blocks.push(Block::List(vec![
        tr!("It tells what went through the keyring. What somebody with keys handed over by themself is not in it."),
        tr!("A receipt is the word of whoever signed it; a copy that was kept is not seen."),
        tr!("A grant is a key: it opens its records after its validity too. The validity is a promise."),
    ]));
    sheet
}

fn owed(owed: &Owed) -> String {
    let (by, who, records, grant) = (owed.by, &owed.requester, &owed.records, &owed.grant);
    match owed.what {
        "returned" => tr!(
            "{by}: {who} returns records {records}, or confirms that they did (grant {grant})",
            by = by,
            who = who,
            records = records,
            grant = grant
        ),
        _ => tr!(
            "{by}: {who} destroys records {records}, or confirms that they did (grant {grant})",
            by = by,
            who = who,
            records = records,
            grant = grant
        ),
    }
}

fn numbers(sheet: &mut Sheet, report: &DisclosureReport) {
    sheet.heading(&tr!("In numbers"));
    let row = |name: String, counts: &Outcomes| {
        let numbers = [counts.requests, counts.granted, counts.refused, counts.open].map(|n| n.to_string());
        [vec![name], numbers.to_vec()].concat()
    };
    let head = vec![tr!("For"), tr!("Requests"), tr!("Granted"), tr!("Refused"), tr!("Open")];
    let mut rows: Vec<_> = report.by_purpose.iter().map(|(code, counts)| row(words::purpose(code), counts)).collect();
    rows.push(row(tr!("all"), &report.all));
    sheet.blocks.push(Block::Table(Table { head, rows, right: vec![1, 2, 3, 4] }));
    if !report.by_month.is_empty() {
        let bars = report.by_month.iter().map(|(month, counts)| Bar {
            label: month.clone(),
            parts: vec![counts.granted, counts.refused, counts.open],
            value: counts.requests.to_string(),
        });
        let legend = vec![tr!("Granted"), tr!("Refused"), tr!("Open")];
        sheet.blocks.push(Block::Chart(Chart { legend, bars: bars.collect() }));
    }
    if !report.by_reason.is_empty() {
        sheet.paragraph(tr!("Refused, by reason:"));
        let reasons =
            report.by_reason.iter().map(|(code, n)| tr!("{reason}: {n}", reason = words::reason(code), n = n));
        sheet.blocks.push(Block::List(reasons.collect()));
    }
}

fn person(who: &Signatory) -> String {
    format!("{} ({})", who.name, who.key)
}

/// Text of people in one field: its lines are joined, since a field is one paragraph.
fn plain(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

fn one(sheet: &mut Sheet, number: usize, request: &Told) {
    let title = format!("{number}. {} · {}", request.taken.format("%F"), words::purpose(request.purpose));
    sheet.blocks.push(Block::Subheading(title));
    let who = request.requester.as_ref().map_or_else(|| tr!("somebody whose signature did not hold"), person);
    let entry = request.journal_entry.map_or_else(|| tr!("none"), |entry| entry.to_string());
    let mut told = vec![
        (tr!("Asked by"), who),
        (tr!("Request"), request.request.clone()),
        (tr!("Taken"), render::time(request.taken)),
        (tr!("Journal entry"), entry),
        (tr!("Archive"), request.archive.clone()),
        (tr!("Records"), request.records.clone().unwrap_or_else(|| tr!("not numbered"))),
        (tr!("Wanted until"), request.wanted_until.to_string()),
    ];
    match &request.words {
        None => told.push((tr!("Words"), tr!("forgotten with a record that was destroyed"))),
        Some(written) => {
            let references = written.references.iter().map(|reference| plain(&reference.text));
            told.extend([
                (tr!("What"), written.description.as_deref().map(plain).unwrap_or_default()),
                (tr!("What for"), plain(&written.explanation)),
                (tr!("Legal basis"), written.legal_basis.as_deref().map_or_else(|| tr!("none named"), plain)),
                (tr!("References"), words::joined(references)),
                (tr!("Papers shown"), words::joined(written.papers.iter().map(|paper| plain(paper)))),
            ]);
        }
    }
    match &request.answer {
        Answer::Open { slow } => {
            let waited = words::days(request.days);
            let text = match slow {
                true => tr!("none yet, after {waited}: longer than 21 days", waited = waited),
                false => tr!("none yet, after {waited}", waited = waited),
            };
            told.push((tr!("Answer"), text));
        }
        Answer::Refused { refusal, refused, reason, explanation, journal_entry } => {
            let text = tr!("answered {days} after it came: refused", days = words::days(request.days));
            let forgotten = || tr!("forgotten with a record that was destroyed");
            told.extend([
                (tr!("Answer"), text),
                (tr!("Refusal"), refusal.clone()),
                (tr!("Refused at"), render::time(*refused)),
                (tr!("Journal entry"), journal_entry.to_string()),
                (tr!("Reason"), words::reason(reason)),
                (tr!("Explanation"), explanation.as_deref().map_or_else(forgotten, plain)),
            ]);
        }
        Answer::Granted(granted) => {
            told.push((tr!("Answer"), tr!("answered {days} after it came: granted", days = words::days(request.days))));
            grant(&mut told, granted, request.words.is_none());
        }
    }
    fields(sheet, told);
}

fn grant(told: &mut Vec<(String, String)>, granted: &Granted, forgotten: bool) {
    let approvals = match granted.approvals.is_empty() {
        true => tr!("nobody had to"),
        false => words::joined(granted.approvals.iter().map(person)),
    };
    let validity =
        tr!("{from} to {to}", from = render::time(granted.valid_from), to = render::time(granted.valid_until));
    let conditions = &granted.conditions;
    let said = match &conditions.text {
        Some(text) => plain(text),
        None if forgotten => tr!("other words: none, or forgotten with a record that was destroyed"),
        None => String::new(),
    };
    let promised = [
        if conditions.no_copies { tr!("no copies") } else { String::new() },
        conditions.return_by.map_or_else(String::new, |by| tr!("return by {by}", by = by)),
        conditions.destroy_by.map_or_else(String::new, |by| tr!("destroy by {by}", by = by)),
        said,
    ];
    told.extend([
        (tr!("Grant"), granted.grant.clone()),
        (tr!("Granted at"), render::time(granted.granted)),
        (tr!("Journal entry"), granted.journal_entry.to_string()),
        (tr!("Approved by"), approvals),
        (tr!("Records granted"), granted.records.clone()),
        (tr!("Valid"), validity),
        (tr!("Conditions"), words::joined(promised.into_iter().filter(|text| !text.is_empty()))),
    ]);
    let receipts = granted.receipts.iter().map(|receipt| {
        let what = words::handled(receipt.what);
        let value = tr!(
            "{what}: records {records}, {made}",
            what = what,
            records = receipt.records,
            made = render::time(receipt.made)
        );
        (tr!("Receipt"), value)
    });
    told.extend(receipts);
    if granted.lapsed {
        told.push((tr!("Receipt"), tr!("its validity ended without a word that anything was opened")));
    }
}
