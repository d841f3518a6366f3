//! `keepuntil policy …`: what a policy does to a folder, and a first policy from a few answers.

use super::args::Common;
use super::create::{read_policy, recipients_of};
use super::error::{Failure, tell_done, tell_hint};
use super::hint::hint;
use super::progress::Bar;
use super::survey::{FirmArgs, Jurisdiction};
use super::{Done, INTERRUPTED, home, kept, prompt, render};
use crate::crypto::recipient::{Recipients, recipients_file};
use crate::language::text;
use crate::ops::OpsError;
use crate::ops::policy_check::{CheckedRecord, PolicyCheck, policy_check};
use crate::retention::Class;
use crate::retention::policy::Policy;
use crate::retention::term::Standing;
use crate::storage::output::write_new;
use crate::storage::{escape, show};
use crate::survey::draft::{self, Heading, OpenCheck};
use crate::survey::template::{PLACES, template};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::PathBuf;
use tr::tr;

/// Write a first policy, or see what one does to a folder
#[derive(Subcommand)]
pub enum PolicyCommand {
    Check(CheckArgs),
    Init(InitArgs),
}

/// Show which part of a policy takes which file and when each record ends; seals nothing
#[derive(Args)]
#[command(
    after_help = "Exit code 3 means: create would refuse the folder, or marks CHECK: of a draft are left in the policy.\n\n\
    Examples:\n  keepuntil policy check policy.toml firm/\n  keepuntil policy check policy.toml firm/ --json"
)]
pub struct CheckArgs {
    /// The policy (TOML)
    #[arg(value_name = "POLICY")]
    policy: PathBuf,
    /// The folder that is to be sealed by it
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Read file names that are not UTF-8 as this charset, such as GB18030
    #[arg(long, value_name = "CHARSET")]
    names_from: Option<String>,
}

/// Write a first policy; asks for what is not given, where there is a terminal
#[derive(Args)]
#[command(after_help = "For a folder that exists, `keepuntil survey` drafts a better one.\n\n\
    Examples:\n  keepuntil policy init -o policy.toml\n  \
    keepuntil policy init -o policy.toml --jurisdiction cn -r age1pq1...")]
pub struct InitArgs {
    /// Write the policy to FILE instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    firm: FirmArgs,
    /// Recipient of every compartment; may be given more than once
    #[arg(short, long, value_name = "RECIPIENT")]
    recipient: Vec<String>,
    /// The recipients in FILE, one a line
    #[arg(short = 'R', long, value_name = "FILE")]
    recipients_file: Vec<PathBuf>,
    /// Class of a compartment, such as accounts=confidential; may be given more than once
    #[arg(long, value_name = "NAME=CLASS")]
    class: Vec<String>,
}

pub fn run(command: PolicyCommand, common: Common) -> Result<Done, Failure> {
    match command {
        PolicyCommand::Check(args) => check(args, common),
        PolicyCommand::Init(args) => init(args, common),
    }
}

fn check(args: CheckArgs, common: Common) -> Result<Done, Failure> {
    let (policy, checks) = read_policy(&args.policy)?;
    let bar = Bar::counting(text!("checking"), common.quiet);
    let names = home::names(args.names_from.as_deref())?;
    let check = policy_check(&args.folder, names, &policy, home::now().date_naive(), &INTERRUPTED, &bar)?;
    bar.done();
    let readers = readers(&policy);
    let usable = check.is_usable() && readers.iter().all(|readers| readers.problem.is_none());
    if common.json {
        objects(&check, (&policy, &readers), &checks, usable);
    } else {
        let mut text = report(&check, (&policy, &readers), &checks);
        let (folder, verdict) = (show(&args.folder), usable);
        let verdict = match verdict {
            true => tr!("{folder}: create takes it so", folder = folder),
            false => tr!("{folder}: create would refuse it", folder = folder),
        };
        text.push_str(&format!("\n{verdict}\n"));
        render::print(&text)?;
        let of_readers = readers.into_iter().find_map(|readers| readers.hint);
        let of_rules = check.first_invalid.and_then(|error| hint(&OpsError::from(error)));
        of_rules.iter().chain(&of_readers).for_each(|hint| tell_hint(hint));
    }
    Ok(if usable && checks.is_empty() { Done::Clean } else { Done::Findings })
}

/// Who may read a compartment, as far as the policy says.
struct Readers {
    /// How many it names.
    count: usize,
    /// Why `create` would refuse them.
    problem: Option<String>,
    /// What to do about it.
    hint: Option<String>,
}

/// The readers of every compartment, in order, looked at as `create` does.
fn readers(policy: &Policy) -> Vec<Readers> {
    let prompts = home::prompts();
    let of_one = |compartment| {
        let parsed = recipients_of(compartment, &[], &prompts)
            .and_then(|recipients| recipients.agree().map(|()| recipients.len()).map_err(Failure::from));
        match parsed {
            Ok(count) => Readers { count, problem: None, hint: None },
            Err(failure) => {
                let (problem, _, hint) = failure.words();
                Readers { count: compartment.recipients.len(), problem: Some(problem), hint }
            }
        }
    };
    policy.compartments.iter().map(of_one).collect()
}

/// What is wrong with the readers of compartments, and where `create` has to be told them.
fn readers_text(policy: &Policy, readers: &[Readers]) -> String {
    let mut lines = Vec::new();
    for (compartment, readers) in policy.compartments.iter().zip(readers) {
        let name = escape(&compartment.name);
        match &readers.problem {
            Some(problem) => lines.push(tr!(
                "compartment {name}: {problem}",
                name = name,
                problem = escape(problem)
            )),
            None if readers.count == 0 => lines.push(tr!(
                "compartment {name}: names no recipients; read by those that are given to create with -r or -R, or by your own identity",
                name = name
            )),
            None => {}
        }
    }
    if lines.is_empty() {
        return String::new();
    }
    let lines = lines.iter().map(|line| format!("  {}", render::wrapped(line, 4)));
    format!("\n{}\n{}", tr!("recipients:"), lines.collect::<String>())
}

/// Records of a report; all are in `--json`.
const ROWS: usize = 200;

fn report(check: &PolicyCheck, (policy, readers): (&Policy, &[Readers]), checks: &[OpenCheck]) -> String {
    let patterns: Vec<&str> = policy.patterns().collect();
    let mut rows = vec![vec![
        tr!("policy" => "record"),
        tr!("policy" => "files"),
        tr!("policy" => "size"),
        tr!("policy" => "last day"),
        tr!("policy" => "then"),
        tr!("policy" => "part"),
    ]];
    for (name, record) in check.records.iter().take(ROWS) {
        rows.push(vec![
            render::shorten(&escape(name), 30),
            record.files.to_string(),
            render::bytes(record.bytes),
            last_day(record),
            then(record),
            (record.part + 1).to_string(),
        ]);
    }
    let mut text = render::table(&rows, &[1, 2, 5]);
    if check.records.len() > ROWS {
        let more = tr!("records" => "… and {more} more: --json", more = check.records.len() - ROWS);
        text.push_str(&format!("  {more}\n"));
    }
    text.push_str(&format!("\n{}\n", tr!("parts of the policy, in order:")));
    for (index, pattern) in patterns.iter().enumerate() {
        let (files, _) = check.parts[index];
        let first = check.records.values().find(|record| record.part == index);
        let why = first
            .map(|record| tr!("{compartment}; {why}", compartment = compartment(record, policy), why = why(record)));
        let why = why.unwrap_or_else(|| match files {
            0 => tr!("takes nothing"),
            _ => tr!("they join records of other parts"),
        });
        let files = tr!("{n} file" | "{n} files" % files);
        let line = match *pattern {
            "**" => tr!("{path} (whatever is left): {files}; {why}", path = "**", files = files, why = why),
            path => tr!("{path}: {files}; {why}", path = escape(path), files = files, why = why),
        };
        text.push_str(&format!(" {:>3}  {}", index + 1, render::wrapped(&line, 6)));
    }
    let refused = [
        (&check.unmatched, tr!("{files} files that no part takes", files = check.unmatched.0)),
        (&check.invalid, tr!("{files} files whose date or period makes no sense", files = check.invalid.0)),
    ];
    for ((count, first), what) in refused {
        if *count > 0 {
            text.push_str(&format!("\n{what}\n"));
            first.iter().take(20).for_each(|line| text.push_str(&format!("  {}\n", escape(line))));
        }
    }
    if !check.conflicts.is_empty() {
        let what = tr!("{records} records whose files are treated differently", records = check.conflicts.len());
        text.push_str(&format!("\n{what}\n"));
        check.conflicts.iter().take(20).for_each(|name| text.push_str(&format!("  {}\n", escape(name))));
    }
    check.problems.iter().take(20).for_each(|problem| text.push_str(&format!("  {problem}\n")));
    text.push_str(&readers_text(policy, readers));
    text.push_str(&marks(checks));
    text
}

/// What the draft left to a person and nobody has taken out.
fn marks(checks: &[OpenCheck]) -> String {
    if checks.is_empty() {
        return String::new();
    }
    let left = tr!("{n} mark CHECK: is left in the policy; settle it, then take its line out:"
        | "{n} marks CHECK: are left in the policy; settle each, then take its line out:" % checks.len());
    let mut text = format!("\n{}", render::wrapped(&left, 0));
    for check in checks {
        let line = tr!("policy" => "line {line}: {text}", line = check.line, text = escape(&check.text));
        text.push_str(&format!("  {}\n", render::wrapped(&line, 4).trim_end()));
    }
    text
}

fn compartment(record: &CheckedRecord, policy: &Policy) -> String {
    let compartment = &policy.compartments[record.compartment];
    tr!("{name} ({class})", name = escape(&compartment.name), class = render::class(compartment.class))
}

fn last_day(record: &CheckedRecord) -> String {
    match record.retention.planned() {
        Standing::Permanent => tr!("permanent"),
        Standing::Until { last, .. } => last.to_string(),
        Standing::Awaiting(_) => tr!("after an event"),
    }
}

fn then(record: &CheckedRecord) -> String {
    match record.retention.planned() {
        Standing::Permanent => String::new(),
        _ => kept::at_expiry(record.retention.at_expiry),
    }
}

/// Why a record is kept as long as it is.
fn why(record: &CheckedRecord) -> String {
    let governing = record.retention.governing(|_| None);
    let id = governing.and_then(|index| record.retention.terms[index].rule.as_deref());
    let rule = id.and_then(|id| record.rules.iter().find(|rule| rule.id == id));
    let mut why = match rule {
        Some(rule) => {
            let cited = match rule.citation.as_deref() {
                Some(citation) => tr!("{rule} ({citation})", rule = rule.id, citation = escape(citation)),
                None => rule.id.clone(),
            };
            tr!("policy" => "by {rule}", rule = cited)
        }
        None => tr!("by the date or period of the policy"),
    };
    let others = record.retention.terms.len() - 1;
    if others > 0 {
        why = tr!("{why}, the longest beside {others} more", why = why, others = others);
    }
    if let Standing::Awaiting(events) = record.retention.planned() {
        let events = crate::retention::event::all_named(events);
        why = tr!("{why}; begins with {events}", why = why, events = events);
    }
    why
}

fn objects(check: &PolicyCheck, (policy, readers): (&Policy, &[Readers]), checks: &[OpenCheck], usable: bool) {
    let patterns: Vec<&str> = policy.patterns().collect();
    for (name, record) in &check.records {
        let mut object = kept::summary(&record.retention);
        object["message_type"] = "policy_record".into();
        object["name"] = json!(name);
        object["part"] = json!(record.part + 1);
        object["pattern"] = json!(patterns[record.part]);
        object["compartment"] = json!(policy.compartments[record.compartment].name);
        object["class"] = json!(policy.compartments[record.compartment].class);
        object["files"] = json!(record.files);
        object["bytes"] = json!(record.bytes);
        object["dated"] = json!(record.dated);
        object["at_expiry"] = json!(record.retention.at_expiry);
        render::json_line(&object);
    }
    for (index, pattern) in patterns.iter().enumerate() {
        let (files, bytes) = check.parts[index];
        render::json_line(
            &json!({ "message_type": "policy_part", "part": index + 1, "pattern": pattern, "files": files,
            "bytes": bytes }),
        );
    }
    render::json_line(&json!({
        "message_type": "policy_check",
        "usable": usable,
        "compartments": policy.compartments.iter().zip(readers).map(|(compartment, readers)| json!({
            "name": compartment.name, "recipient_count": readers.count, "problem": readers.problem,
        })).collect::<Vec<_>>(),
        "open_check_count": checks.len(),
        "open_checks": checks.iter().map(|check| json!({ "line": check.line, "text": check.text })).collect::<Vec<_>>(),
        "unmatched": { "files": check.unmatched.0, "first": check.unmatched.1 },
        "invalid": { "files": check.invalid.0, "first": check.invalid.1 },
        "conflicts": check.conflicts,
        "problems": check.problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
    }));
}

fn init(mut args: InitArgs, common: Common) -> Result<Done, Failure> {
    if prompt::can_ask() && !common.quiet {
        ask(&mut args)?;
    }
    let today = home::now().date_naive();
    let setting = args.firm.setting(today)?;
    let mut recipients = args.recipient.clone();
    for path in &args.recipients_file {
        recipients.extend(recipients_file(&home::text(path, 1 << 20)?).into_iter().map(str::to_owned));
    }
    Recipients::parse(&recipients, &home::prompts())?;
    let classes = args.class.iter().map(|text| class(text)).collect::<Result<BTreeMap<_, _>, _>>()?;
    let closing = args.firm.closing_date.as_deref().unwrap_or("?");
    let lines = vec![tr!(
        "A first policy by `keepuntil policy init` of {today}: rules of {jurisdiction}, the firm closes on {closing}.",
        today = today,
        jurisdiction = setting.jurisdiction,
        closing = closing
    )];
    let text = draft::text(&template(setting, &classes), &setting, &Heading { lines, recipients });
    match &args.output {
        None => render::text(&text, common)?,
        Some(path) => {
            write_new(path, text.as_bytes(), 0o644)?;
            if common.json {
                render::written_text(&text, Some(path));
            } else if !common.quiet {
                let wrote = tr!(
                    "Wrote {policy}. Set the folders' names in it, then: `keepuntil policy check {policy} DIR`",
                    policy = show(path)
                );
                tell_done(&wrote);
            }
        }
    }
    Ok(Done::Clean)
}

fn class(text: &str) -> Result<(String, Class), Failure> {
    // As the policy has it, or in the words of whoever is asked.
    let class = |word: &str| {
        let all = [Class::Public, Class::Sensitive, Class::Confidential];
        all.into_iter().find(|class| word == class.as_str() || word == render::class(*class))
    };
    let parsed = text.split_once('=').and_then(|(name, word)| Some((name.to_owned(), class(word)?)));
    let known = |name: &str| PLACES.iter().any(|(place, _)| *place == name);
    parsed.filter(|(name, _)| known(name)).ok_or_else(|| {
        Failure::Usage(
            tr!("{given} is not a compartment and its class", given = format!("{text:?}")),
            tr!(
                "name accounts, staff, clients or company, and public, sensitive or confidential: --class accounts=confidential"
            ),
        )
    })
}

/// Asks for what was not given; an empty answer takes what is in brackets.
fn ask(args: &mut InitArgs) -> Result<(), Failure> {
    if args.firm.jurisdiction.is_none() {
        let question = tr!("Whose law? cn, de, eu, uk or us [cn]");
        args.firm.jurisdiction = answer(&question, |text| Jurisdiction::from_str(text, true).ok())?;
    }
    if args.firm.fiscal_year_end.is_none() {
        let question = tr!("Last day of the fiscal year, MM-DD; in China always 12-31 [12-31]");
        let is_day = |text: &str| crate::retention::term::FiscalYearEnd::try_from(text.to_owned()).ok();
        args.firm.fiscal_year_end = answer(&question, |text| is_day(text).map(String::from))?;
    }
    if args.firm.closing_date.is_none() {
        let question = tr!("Day on which the firm closes, YYYY-MM-DD [not known]");
        let date = |text: &str| crate::retention::parse_date(text).ok().map(|date| date.to_string());
        args.firm.closing_date = answer(&question, date)?;
    }
    if args.recipient.is_empty() && args.recipients_file.is_empty() {
        let question =
            tr!("Who may read? age recipients of the custodians, with spaces between [those given to create]");
        let parse = |text: &str| {
            let all: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            Recipients::parse(&all, &home::prompts()).ok().map(|_| all)
        };
        args.recipient = answer(&question, parse)?.unwrap_or_default();
    }
    for (place, usual) in PLACES {
        if args.class.iter().any(|given| given.starts_with(&format!("{place}="))) {
            continue;
        }
        let question = tr!(
            "{place}: {what} Class: public, sensitive or confidential [{usual}]",
            place = place,
            what = draft::who(place),
            usual = usual.as_str()
        );
        let given = answer(&question, |text| class(&format!("{place}={text}")).ok())?;
        args.class.extend(given.map(|(name, class)| format!("{name}={}", class.as_str())));
    }
    Ok(())
}

/// Asks until the answer is one, or empty.
fn answer<T>(question: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Failure> {
    loop {
        let typed = prompt::line(question)?;
        match (typed.trim(), parse(typed.trim())) {
            ("", _) => return Ok(None),
            (_, Some(value)) => return Ok(Some(value)),
            (other, None) => eprintln!("{:?}?", escape(other)),
        }
    }
}
