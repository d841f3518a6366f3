//! `keepuntil policy …`: what a policy does to a folder, and a first policy from a few answers.

use super::args::Common;
use super::create::read_policy;
use super::error::Failure;
use super::progress::Bar;
use super::survey::{FirmArgs, Jurisdiction};
use super::{Done, INTERRUPTED, home, kept, prompt, render};
use crate::crypto::recipient::{Recipients, recipients_file};
use crate::language::{Language, language};
use crate::ops::policy_check::{CheckedRecord, PolicyCheck, policy_check};
use crate::retention::Class;
use crate::retention::policy::Policy;
use crate::retention::term::Standing;
use crate::storage::output::write_new;
use crate::storage::{escape, read_limited, show};
use crate::survey::draft::{self, Heading};
use crate::survey::template::{PLACES, template};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Write a first policy, or see what one does to a folder
#[derive(Subcommand)]
pub enum PolicyCommand {
    Check(CheckArgs),
    Init(InitArgs),
}

/// Show which part of a policy takes which file and when each record ends; seals nothing
#[derive(Args)]
#[command(after_help = "Exit code 3 means: create would refuse the folder.\n\n\
    Examples:\n  keepuntil policy check policy.toml firm/\n  keepuntil policy check policy.toml firm/ --json")]
pub struct CheckArgs {
    #[arg(value_name = "POLICY")]
    policy: PathBuf,
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
    let policy = read_policy(&args.policy)?;
    let lang = language();
    let bar = Bar::new("checking", common.quiet);
    let names = home::names(args.names_from.as_deref())?;
    let check = policy_check(&args.folder, names, &policy, home::now().date_naive(), &INTERRUPTED, &bar)?;
    bar.done();
    if common.json {
        objects(&check, &policy);
    } else {
        render::print(&report(&check, &policy, &args.folder, lang))?;
    }
    Ok(if check.is_usable() { Done::Clean } else { Done::Findings })
}

/// Records of a report; all are in `--json`.
const ROWS: usize = 200;

fn report(check: &PolicyCheck, policy: &Policy, folder: &Path, lang: Language) -> String {
    let patterns: Vec<&str> = policy.patterns().collect();
    let heads = lang.pick(
        ["record", "files", "size", "last day", "then", "part"],
        ["记录", "文件", "大小", "最后一日", "届满", "部分"],
    );
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    for (name, record) in check.records.iter().take(ROWS) {
        rows.push(vec![
            render::shorten(&escape(name), 30),
            record.files.to_string(),
            render::bytes(record.bytes),
            last_day(record, lang),
            then(record, lang),
            (record.part + 1).to_string(),
        ]);
    }
    let mut text = render::table(&rows, &[1, 2, 5]);
    if check.records.len() > ROWS {
        let more = check.records.len() - ROWS;
        text.push_str(&lang.pick(format!("  … and {more} more: --json\n"), format!("  ……另有 {more} 条：--json\n")));
    }
    text.push_str(lang.pick("\nparts of the policy, in order:\n", "\n策略各部分（按先后）：\n"));
    for (index, pattern) in patterns.iter().enumerate() {
        let (files, _) = check.parts[index];
        let first = check.records.values().find(|record| record.part == index);
        let why = first.map(|record| format!("{}; {}", compartment(record, policy), why(record, lang)));
        let nothing = || lang.pick("takes nothing", "没有文件").to_owned();
        let catches = if *pattern == "**" { lang.pick(" (whatever is left)", "（其余一切）") } else { "" };
        let line = lang.pick(
            format!(
                "{}{catches}: {}; {}",
                escape(pattern),
                render::count(files, "file"),
                why.clone().unwrap_or_else(nothing)
            ),
            format!("{}{catches}：{files} 个文件；{}", escape(pattern), why.unwrap_or_else(nothing)),
        );
        text.push_str(&format!(" {:>3}  {}", index + 1, render::wrapped(&line, 6)));
    }
    let refused = [
        (check.unmatched.0, &check.unmatched.1, lang.pick("files that no part takes", "个文件没有匹配的部分")),
        (
            check.invalid.0,
            &check.invalid.1,
            lang.pick("files whose date or period makes no sense", "个文件的日期或期限无法成立"),
        ),
    ];
    for (count, first, what) in refused {
        if count > 0 {
            text.push_str(&format!("\n{count} {what}\n"));
            first.iter().take(20).for_each(|line| text.push_str(&format!("  {}\n", escape(line))));
        }
    }
    if !check.conflicts.is_empty() {
        let what = lang.pick("records whose files are treated differently", "条记录中的文件处理方式不一致");
        text.push_str(&format!("\n{} {what}\n", check.conflicts.len()));
        check.conflicts.iter().take(20).for_each(|name| text.push_str(&format!("  {}\n", escape(name))));
    }
    check.problems.iter().take(20).for_each(|problem| text.push_str(&format!("  {problem}\n")));
    let verdict = match check.is_usable() {
        true => lang.pick("create takes it so", "可以照此封存"),
        false => lang.pick("create would refuse it", "不能照此封存"),
    };
    text.push_str(&format!("\n{}: {verdict}\n", show(folder)));
    text
}

fn compartment(record: &CheckedRecord, policy: &Policy) -> String {
    let compartment = &policy.compartments[record.compartment];
    format!("{} ({})", compartment.name, compartment.class.as_str())
}

fn last_day(record: &CheckedRecord, lang: Language) -> String {
    match record.retention.planned() {
        Standing::Permanent => lang.pick("permanent", "永久").into(),
        Standing::Until { last, .. } => last.to_string(),
        Standing::Awaiting(_) => lang.pick("after an event", "待事件").into(),
    }
}

fn then(record: &CheckedRecord, lang: Language) -> String {
    match (record.retention.planned(), record.retention.at_expiry) {
        (Standing::Permanent, _) => String::new(),
        (_, crate::retention::AtExpiry::Destroy) => lang.pick("destroy", "销毁").into(),
        (_, crate::retention::AtExpiry::Review) => lang.pick("review", "复核").into(),
    }
}

/// Why a record is kept as long as it is.
fn why(record: &CheckedRecord, lang: Language) -> String {
    let governing = record.retention.governing(|_| None);
    let id = governing.and_then(|index| record.retention.terms[index].rule.as_deref());
    let rule = id.and_then(|id| record.rules.iter().find(|rule| rule.id == id));
    let mut why = match rule {
        Some(rule) => {
            let citation = rule.citation.as_deref().map(|citation| format!(" ({})", escape(citation)));
            lang.pick(format!("by {}", rule.id), format!("依 {}", rule.id)) + &citation.unwrap_or_default()
        }
        None => lang.pick("by the date or period of the policy", "依策略给出的日期或期限").into(),
    };
    let others = record.retention.terms.len() - 1;
    if others > 0 {
        why.push_str(&lang.pick(format!(", before {others} more"), format!("，另有 {others} 项期限从之")));
    }
    if let Standing::Awaiting(events) = record.retention.planned() {
        let events = events.into_iter().collect::<Vec<_>>().join(", ");
        why.push_str(&lang.pick(format!("; begins with {events}"), format!("；自事件 {events} 起算")));
    }
    why
}

fn objects(check: &PolicyCheck, policy: &Policy) {
    let patterns: Vec<&str> = policy.patterns().collect();
    for (name, record) in &check.records {
        let mut object = kept::summary(&record.retention);
        object["message_type"] = "policy_record".into();
        object["name"] = json!(name);
        object["part"] = json!(record.part + 1);
        object["path"] = json!(patterns[record.part]);
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
        render::json_line(&json!({ "message_type": "policy_part", "part": index + 1, "path": pattern, "files": files,
            "bytes": bytes }));
    }
    render::json_line(&json!({
        "message_type": "policy_check",
        "usable": check.is_usable(),
        "unmatched": { "files": check.unmatched.0, "first": check.unmatched.1 },
        "invalid": { "files": check.invalid.0, "first": check.invalid.1 },
        "conflicts": check.conflicts,
        "problems": check.problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
    }));
}

fn init(mut args: InitArgs, common: Common) -> Result<Done, Failure> {
    let lang = language();
    if prompt::can_ask() && !common.quiet {
        ask(&mut args, lang)?;
    }
    let today = home::now().date_naive();
    let setting = args.firm.setting(today)?;
    let mut recipients = args.recipient.clone();
    for path in &args.recipients_file {
        let bytes = read_limited(path, 1 << 20)?;
        recipients.extend(recipients_file(&String::from_utf8_lossy(&bytes)).into_iter().map(str::to_owned));
    }
    Recipients::parse(&recipients, &home::prompts())?;
    let classes = args.class.iter().map(|text| class(text)).collect::<Result<BTreeMap<_, _>, _>>()?;
    let closing = args.firm.closing_date.as_deref().unwrap_or("?");
    let jurisdiction = setting.jurisdiction;
    let lines = lang.pick(
        vec![format!("A first policy by `keepuntil policy init` of {today}: rules of {jurisdiction}, the firm closes on {closing}.")],
        vec![format!("保管策略初稿：`keepuntil policy init` 于 {today} 生成，适用 {jurisdiction} 的规则，公司关闭日期 {closing}。")],
    );
    let text = draft::text(&template(setting, &classes), &setting, &Heading { lines, recipients });
    match &args.output {
        None => render::print(&text)?,
        Some(path) => {
            write_new(path, text.as_bytes(), 0o644)?;
            if !common.quiet {
                let path = show(path);
                eprintln!(
                    "{}",
                    lang.pick(
                        format!("Wrote {path}. Set the folders' names in it, then: keepuntil policy check {path} DIR"),
                        format!("已写入 {path}。请改好其中的文件夹名，然后：keepuntil policy check {path} 文件夹"),
                    )
                );
            }
        }
    }
    Ok(Done::Clean)
}

fn class(text: &str) -> Result<(String, Class), Failure> {
    let class = |word: &str| match word {
        "public" => Some(Class::Public),
        "sensitive" => Some(Class::Sensitive),
        "confidential" => Some(Class::Confidential),
        _ => None,
    };
    let parsed = text.split_once('=').and_then(|(name, word)| Some((name.to_owned(), class(word)?)));
    let known = |name: &str| PLACES.iter().any(|(place, _)| *place == name);
    parsed.filter(|(name, _)| known(name)).ok_or_else(|| {
        Failure::Usage(
            format!("{text:?} is not a compartment and its class"),
            "name accounts, staff, clients or company, and public, sensitive or confidential: --class accounts=confidential"
                .into(),
        )
    })
}

/// Asks for what was not given; an empty answer takes what is in brackets.
fn ask(args: &mut InitArgs, lang: Language) -> Result<(), Failure> {
    if args.firm.jurisdiction.is_none() {
        let question = lang.pick("Whose law? cn, de, eu, uk or us [cn]", "适用哪里的法律？cn、de、eu、uk 或 us [cn]");
        args.firm.jurisdiction = answer(question, |text| Jurisdiction::from_str(text, true).ok())?;
    }
    if args.firm.fiscal_year_end.is_none() {
        let question = lang.pick("Last day of the fiscal year, MM-DD [12-31]", "会计年度最后一日，月-日 [12-31]");
        let is_day = |text: &str| crate::retention::term::FiscalYearEnd::try_from(text.to_owned()).ok();
        args.firm.fiscal_year_end = answer(question, |text| is_day(text).map(String::from))?;
    }
    if args.firm.closing_date.is_none() {
        let question =
            lang.pick("Day on which the firm closes, YYYY-MM-DD [not known]", "公司关闭日期，年-月-日 [未定]");
        let date = |text: &str| crate::retention::parse_date(text).ok().map(|date| date.to_string());
        args.firm.closing_date = answer(question, date)?;
    }
    if args.recipient.is_empty() && args.recipients_file.is_empty() {
        let question = lang.pick(
            "Who may read? age recipients of the custodians, with spaces between [those given to create]",
            "谁可以阅读？保管人的 age 收件人，用空格隔开 [由 create 指定]",
        );
        let parse = |text: &str| {
            let all: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            Recipients::parse(&all, &home::prompts()).ok().map(|_| all)
        };
        args.recipient = answer(question, parse)?.unwrap_or_default();
    }
    for (place, usual) in PLACES {
        if args.class.iter().any(|given| given.starts_with(&format!("{place}="))) {
            continue;
        }
        let question = lang.pick(
            format!("Class of {place}: public, sensitive or confidential [{}]", usual.as_str()),
            format!("{place} 的密级：public（公开）、sensitive（敏感）或 confidential（机密）[{}]", usual.as_str()),
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
