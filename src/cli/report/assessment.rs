//! `keepuntil report assessment`.

use super::deliver::{begun, deliver, fields, list};
use super::words;
use crate::cli::args::{Common, KeyringPlace};
use crate::cli::error::Failure;
use crate::cli::output::OutputArgs;
use crate::cli::output::to_file;
use crate::cli::sheet::{Block, Sheet, Table};
use crate::cli::{Done, home, render};
use crate::language::said;
use crate::ops::OpsError;
use crate::ops::report::archives;
use crate::ops::report::assessment::{AssessmentReport, Facts, PolicyFact, RequesterFact, assessment};
use crate::ops::report::questions::{Answers, MAX_ANSWERS, PARTS, QUESTIONS, Question, read, template};
use crate::storage::read_limited;
use clap::Args;
use std::path::PathBuf;
use tr::tr;

/// Record of an impact assessment (PIPL articles 55 and 56): facts of the keyring, answers of the firm
#[derive(Args)]
#[command(
    after_help = "keepuntil fills in what it knows and judges nothing. What only the firm can say stands in a TOML \
    file: --questions writes it, --answers reads it. Archives that are named say who their recipients are.\nExit code 3 \
    means that questions are not answered.\n\nExamples:\n  keepuntil report assessment --questions -o answers.toml\n  \
    keepuntil report assessment --answers answers.toml firm.sealed \\\n    -o assessment.html --lang zh"
)]
pub struct AssessmentArgs {
    /// Archives of the keyring whose recipients are listed
    #[arg(value_name = "ARCHIVE", conflicts_with = "questions")]
    archives: Vec<PathBuf>,
    /// Write the questions, to be answered in that file
    #[arg(long, conflicts_with_all = ["answers", "format"])]
    questions: bool,
    /// Answers of the firm, as --questions wrote the file
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    keyring: KeyringPlace,
}

pub fn run(args: &AssessmentArgs, common: Common) -> Result<Done, Failure> {
    if args.questions {
        return questions(&args.output, common);
    }
    let answers = match &args.answers {
        None => Answers::new(),
        Some(path) => read(&read_limited(path, MAX_ANSWERS)?)
            .map_err(|source| OpsError::Answers { path: path.clone(), source })?,
    };
    let custody = home::reading(&args.keyring)?;
    let archives = archives::open(&custody, &args.archives)?;
    let report = assessment(&custody, &archives, &answers)?;
    deliver("report_assessment", &report, || sheet(&report), &args.output, common)?;
    home::remember(custody)?;
    Ok(if report.unanswered.is_empty() { Done::Clean } else { Done::Findings })
}

fn questions(output: &OutputArgs, common: Common) -> Result<Done, Failure> {
    let text = template();
    let Some(path) = &output.output else {
        render::text(&text, common)?;
        return Ok(Done::Clean);
    };
    to_file(path, output.force, common, |out| out.write_all(text.as_bytes()).map_err(Failure::Output))?;
    if common.json {
        render::written_text(&text, Some(path));
    }
    Ok(Done::Clean)
}

fn sheet(report: &AssessmentReport) -> Sheet<'static> {
    let title = tr!("Personal information protection impact assessment");
    let mut sheet = begun(&title, &report.firm, &report.keyring, report.made);
    fields(&mut sheet, vec![(tr!("Keep this record at least until"), report.keep_until.to_string())]);
    sheet.paragraph(tr!(
        "For articles 55 and 56 of the Personal Information Protection Law. Facts are counted by keepuntil from the keyring. \
         Answers are the firm's. keepuntil judges neither purpose nor risk."
    ));
    if !report.unanswered.is_empty() {
        let n = report.unanswered.len() as u64;
        sheet.blocks.push(Block::Warning(tr!("{n} question is not answered." | "{n} questions are not answered." % n)));
    }
    for (part, title) in PARTS {
        sheet.heading(&said(title));
        for question in QUESTIONS.iter().filter(|question| question.part == part) {
            sheet.blocks.push(Block::Subheading(numbered(question)));
            match report.answers.get(&question.name()) {
                Some(answer) => {
                    answer.lines().filter(|line| !line.trim().is_empty()).for_each(|line| sheet.paragraph(line));
                }
                None => sheet.paragraph("_".repeat(60)),
            }
        }
        match part {
            "lawfulness" => what_is_kept(&mut sheet, &report.facts),
            "impact" => who_sees(&mut sheet, &report.facts),
            "measures" => measures(&mut sheet, &report.facts),
            _ => {}
        }
    }
    sheet.heading(&tr!("Not answered"));
    let open = QUESTIONS.iter().filter(|question| report.unanswered.contains(&question.name()));
    list(&mut sheet, open.map(numbered).collect(), tr!("Every question is answered."));
    let person = |role: String| {
        let blanks = [tr!("Name"), tr!("Office"), tr!("Date"), tr!("Signature")];
        Block::Signature(role, blanks.into_iter().map(|label| (label, None)).collect())
    };
    sheet.heading(&tr!("Signatures"));
    sheet.blocks.extend([person(tr!("Assessed by")), person(tr!("Agreed to by whoever answers for the information"))]);
    sheet
}

/// A question behind its number, as the file of questions has it.
fn numbered(question: &Question) -> String {
    format!("{}. {}", question.number(), said(question.ask))
}

fn what_is_kept(sheet: &mut Sheet, facts: &Facts) {
    sheet.blocks.push(Block::Subheading(tr!("Facts: what is kept, and until when")));
    let classes = facts.by_class.iter().map(|(class, n)| format!("{} {n}", words::class(class)));
    let date = |date: Option<chrono::NaiveDate>| date.map_or_else(String::new, |date| date.to_string());
    let rules = facts.by_rule.iter().filter(|(_, n)| **n > 0).map(|(rule, n)| match rule.as_str() {
        "" => tr!("a chosen date: {n}", n = n),
        rule => tr!("{rule}: {n}", rule = rule, n = n),
    });
    fields(
        sheet,
        vec![
            (tr!("Archives"), facts.archives.to_string()),
            (tr!("Live records"), facts.records.live.to_string()),
            (tr!("Destroyed records"), facts.records.destroyed.to_string()),
            (tr!("Live records by class"), words::joined(classes)),
            (tr!("Live records by rule"), words::joined(rules)),
            (tr!("Earliest last day"), date(facts.first)),
            (tr!("Latest last day"), date(facts.last)),
            (tr!("Awaiting an event"), facts.records.awaiting.to_string()),
            (tr!("Permanent"), facts.records.permanent.to_string()),
            (tr!("Overdue"), facts.records.overdue.to_string()),
            (tr!("Holds in force"), facts.holds.to_string()),
        ],
    );
    if !facts.compartments.is_empty() {
        let head = vec![tr!("Compartment"), tr!("Class"), tr!("Live"), tr!("count" => "Destroyed")];
        let rows = facts.compartments.iter().map(|it| {
            vec![it.compartment.clone(), words::class(it.class), it.live.to_string(), it.destroyed.to_string()]
        });
        sheet.blocks.push(Block::Table(Table { head, rows: rows.collect(), right: vec![2, 3] }));
    }
}

fn who_sees(sheet: &mut Sheet, facts: &Facts) {
    sheet.blocks.push(Block::Subheading(tr!("Facts: who can see it, and who has asked")));
    let recipients = facts.recipients.iter().map(|access| {
        let kinds = words::joined(access.recipients.iter().map(|(kind, n)| format!("{kind} × {n}")));
        tr!(
            "compartment {name} of archive {archive} can be opened, with the keyring, by: {kinds}",
            name = access.compartment,
            archive = access.archive,
            kinds = kinds
        )
    });
    let mut lines: Vec<String> = recipients.collect();
    if facts.not_named > 0 {
        lines.push(tr!("The recipients of {n} archive are not listed: it was not named."
            | "The recipients of {n} archives are not listed: they were not named." % facts.not_named));
    }
    match &facts.policy {
        None => lines.push(tr!("There is no disclosure policy: nobody can be granted records.")),
        Some(policy) => lines.extend(who_may_ask(policy)),
    }
    sheet.blocks.push(Block::List(lines));
    let requests = &facts.requests;
    let by_purpose =
        facts.requests_by_purpose.iter().map(|(code, n)| format!("{} {}", words::purpose(code), n.requests));
    fields(
        sheet,
        vec![
            (tr!("Requests so far"), requests.requests.to_string()),
            (tr!("Granted"), requests.granted.to_string()),
            (tr!("Refused"), requests.refused.to_string()),
            (tr!("Open"), requests.open.to_string()),
            (tr!("By purpose"), words::joined(by_purpose)),
            (tr!("Live records on emergency key sheets"), facts.on_key_sheets.to_string()),
        ],
    );
}

fn who_may_ask(policy: &PolicyFact) -> Vec<String> {
    let needed = |class: &str| policy.approvals.get(class).copied().unwrap_or(0);
    let approvals = tr!(
        "People who must approve a disclosure: public {public}, sensitive {sensitive}, confidential {confidential}",
        public = needed("public"),
        sensitive = needed("sensitive"),
        confidential = needed("confidential")
    );
    let anything = || tr!("any");
    let line = |it: &RequesterFact| {
        let purposes = it.purposes.as_ref().map(|codes| words::joined(codes.iter().map(|code| words::purpose(code))));
        let classes = it.classes.as_ref().map(|codes| words::joined(codes.iter().map(|code| words::class(code))));
        let compartments = it.compartments.as_ref().map(|names| words::joined(names.iter().cloned()));
        let narrowed = [
            it.archive.as_ref().map(|archive| tr!("archive {archive}", archive = archive)),
            it.records.as_ref().map(|records| tr!("records {records}", records = records)),
            it.until.map(|until| tr!("up to {until}", until = until)),
        ];
        let narrowed = words::joined(narrowed.into_iter().flatten());
        let line = tr!(
            "{who} may ask; purposes: {purposes}; classes: {classes}; compartments: {compartments}",
            who = it.principal,
            purposes = purposes.unwrap_or_else(anything),
            classes = classes.unwrap_or_else(anything),
            compartments = compartments.unwrap_or_else(anything)
        );
        if narrowed.is_empty() { line } else { tr!("{line}; only {narrowed}", line = line, narrowed = narrowed) }
    };
    [approvals].into_iter().chain(policy.requesters.iter().map(line)).collect()
}

fn measures(sheet: &mut Sheet, facts: &Facts) {
    sheet.blocks.push(Block::Subheading(tr!("Facts: measures of this keyring")));
    let deciders = match (facts.deciders, facts.deciders_needed) {
        (Some(people), Some(needed)) => {
            tr!("{needed} of {people} people on the roster", needed = needed, people = people)
        }
        _ => tr!("no roster: the custodian alone"),
    };
    fields(
        sheet,
        vec![
            (
                tr!("Encryption"),
                tr!(
                    "each record is an age file (X25519, ChaCha20-Poly1305) of its own; its key is derived from an access half and an expiry half (HKDF-SHA256)"
                ),
            ),
            (tr!("Keyrings that hold the expiry halves"), facts.custodians.to_string()),
            (tr!("Who decides on roster, settings and policy"), deciders),
            (tr!("Cool-off before destruction"), words::days(facts.cool_off_days.into())),
            (tr!("Destruction"), tr!("cryptographic erase of the expiry halves after the last day; a hold stops it")),
            (tr!("Entries of the journal"), facts.journal_entries.to_string()),
            (tr!("Clock not confirmed for"), words::days(facts.clock_unconfirmed_days)),
        ],
    );
}
