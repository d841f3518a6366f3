//! `keepuntil survey`: what a folder holds, and a policy that might fit it.

use super::args::Common;
use super::error::Failure;
use super::progress::Bar;
use super::{Done, INTERRUPTED, home, render};
use crate::language::{Language, language};
use crate::ops::survey::{SurveyOptions, SurveyOutcome, survey};
use crate::ops::survey_file::DEFAULT_MAX_BYTES;
use crate::retention::parse_date;
use crate::retention::term::FiscalYearEnd;
use crate::storage::output::OutputFile;
use crate::storage::{StorageError, escape, show};
use crate::survey::draft::{Heading, open_checks};
use crate::survey::facts::{Read, Totals};
use crate::survey::form::forms;
use crate::survey::proposal::{Keep, Proposal, Setting};
use crate::survey::tree::Node;
use chrono::NaiveDate;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};

/// See what a folder holds, and draft a policy for it
#[derive(Args)]
#[command(after_help = "Counts what it finds and never shows it. The policy is a draft: lines with CHECK: are for a \
    person, and what is not sure is kept longest.\n\n\
    Examples:\n  keepuntil survey firm/ -o policy.toml\n  \
    keepuntil survey firm/ -o policy.toml --lang zh --fiscal-year-end 03-31\n  \
    keepuntil policy check policy.toml firm/\n  keepuntil create -o firm.sealed --policy policy.toml firm/")]
pub struct SurveyArgs {
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Write the drafted policy to FILE; - for standard output, instead of the report
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    firm: FirmArgs,
    /// Search this many bytes of each file
    #[arg(long, value_name = "N", default_value_t = DEFAULT_MAX_BYTES)]
    max_bytes: u64,
    /// Leave PDF unread, which takes most of the time
    #[arg(long)]
    no_pdf: bool,
    /// Read file names that are not UTF-8 as this charset, such as GB18030
    #[arg(long, value_name = "CHARSET")]
    names_from: Option<String>,
    /// Replace an existing policy
    #[arg(long)]
    force: bool,
}

/// What only the firm knows.
#[derive(Args)]
pub struct FirmArgs {
    /// Whose rules to suggest
    #[arg(long, value_name = "CODE")]
    pub jurisdiction: Option<Jurisdiction>,
    /// Last day of the firm's fiscal years [default: 12-31]
    #[arg(long, value_name = "MM-DD")]
    pub fiscal_year_end: Option<String>,
    /// The day on which the firm closes: what has no year in its name counts from it, if it is later than today
    #[arg(long, value_name = "DATE")]
    pub closing_date: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Jurisdiction {
    Cn,
    De,
    Eu,
    Uk,
    Us,
}

impl Jurisdiction {
    pub fn code(self) -> &'static str {
        match self {
            Self::Cn => "cn",
            Self::De => "de",
            Self::Eu => "eu",
            Self::Uk => "uk",
            Self::Us => "us",
        }
    }
}

impl FirmArgs {
    pub fn setting(&self, today: NaiveDate) -> Result<Setting<'static>, Failure> {
        let closing = self.closing_date.as_deref().map(parse_date).transpose()?;
        Ok(Setting {
            jurisdiction: self.jurisdiction.unwrap_or(Jurisdiction::Cn).code(),
            fiscal_year_end: match self.fiscal_year_end.clone() {
                Some(end) => FiscalYearEnd::try_from(end)?,
                None => FiscalYearEnd::default(),
            },
            today,
            latest: closing.map_or(today, |closing| closing.max(today)),
            lang: language(),
            separator: "-",
        })
    }
}

pub fn run(args: SurveyArgs, common: Common) -> Result<Done, Failure> {
    let setting = args.firm.setting(home::now().date_naive())?;
    let to_stdout = args.output.as_deref() == Some(Path::new("-"));
    let output = args.output.as_deref().filter(|_| !to_stdout);
    if let Some(path) = output {
        // Known before the work whether it can be written; begun after it, because it may lie in the folder.
        drop(OutputFile::begin(path, 0o644, args.force)?);
    }
    let options = SurveyOptions {
        root: args.folder.clone(),
        names: home::names(args.names_from.as_deref())?,
        max_bytes: args.max_bytes,
        threads: home::threads(),
        setting,
        heading: heading(&args.folder, &setting),
        pdf: if args.no_pdf { None } else { std::env::current_exe().ok() },
    };
    let bar = Bar::new("surveying", common.quiet);
    let outcome = survey(&options, &INTERRUPTED, &bar)?;
    bar.done();
    if let Some(path) = output {
        let mut file = OutputFile::begin(path, 0o644, args.force)?;
        file.write_all(outcome.policy.as_bytes()).map_err(StorageError::at(path))?;
        file.finish()?;
    }
    if to_stdout {
        render::print(&outcome.policy)?;
    } else if common.json {
        objects(&outcome, &args.folder).iter().for_each(render::json_line);
    } else {
        render::print(&report(&outcome, &args.folder, output, setting.lang))?;
    }
    Ok(if outcome.problems.0 == 0 { Done::Clean } else { Done::Findings })
}

fn heading(folder: &Path, setting: &Setting<'_>) -> Heading {
    let name = folder.file_name().map_or_else(|| show(folder), |name| escape(&name.to_string_lossy()));
    let (jurisdiction, today) = (setting.jurisdiction, setting.today);
    let lines = setting.lang.pick(
        vec![
            format!("A draft by `keepuntil survey` of {today} for the folder {name}, rules of {jurisdiction}."),
            "See what it does with `keepuntil policy check FILE DIR`; seal with `keepuntil create --policy FILE`."
                .into(),
        ],
        vec![
            format!("保管策略草案：`keepuntil survey` 于 {today} 为文件夹“{name}”起草，适用 {jurisdiction} 的规则。"),
            "先用 `keepuntil policy check 策略 文件夹` 核对效果，再用 `keepuntil create --policy 策略` 封存。".into(),
        ],
    );
    Heading { lines, recipients: Vec::new() }
}

/// Folders of the table; more would hide the rest of the report.
const ROWS: usize = 40;
/// Names in a list.
const LISTED: usize = 10;

fn report(outcome: &SurveyOutcome, folder: &Path, policy: Option<&Path>, lang: Language) -> String {
    let root = &outcome.tree.node(0).totals;
    let mut text = lang.pick(
        format!("{}: {}, {}\n", show(folder), render::count(root.files, "file"), render::bytes(root.bytes)),
        format!("{}：{} 个文件，{}\n", show(folder), root.files, render::bytes(root.bytes)),
    );
    let comma = lang.pick(", ", "，");
    let list = |items: Vec<String>| items.join(comma);
    let read = root.read.iter().map(|(read, count)| format!("{count} {}", lang.read(*read))).collect();
    let mut line = |name: &str, words: String| {
        let fill = " ".repeat(12usize.saturating_sub(unicode_width::UnicodeWidthStr::width(name)));
        text.push_str(&format!("  {name}{fill}{}", render::wrapped(&words, 14)));
    };
    line(lang.pick("content", "内容"), list(read));
    let mut kinds: Vec<_> = root.kinds.iter().collect();
    kinds.sort_by_key(|(_, (files, _))| std::cmp::Reverse(*files));
    line(
        lang.pick("kinds", "类型"),
        list(kinds.iter().map(|(kind, (n, _))| format!("{} {n}", lang.kind(**kind))).collect()),
    );
    if let Some(found) = lang.found(&root.findings) {
        let files = lang
            .pick(format!("{found}; in {} files", root.personal), format!("{found}；涉及 {} 个文件", root.personal));
        line(lang.pick("personal", "个人信息"), files);
    }
    if outcome.copies.files > 0 {
        let (files, bytes) = (outcome.copies.files, render::bytes(outcome.copies.bytes));
        line(
            lang.pick("copies", "重复"),
            lang.pick(
                format!("{files} files are copies of others, {bytes}"),
                format!("{files} 个文件与其他文件相同，{bytes}"),
            ),
        );
    }
    text.push('\n');
    text.push_str(&folders(outcome, lang));
    let lists = [
        (
            &outcome.elsewhere,
            lang.pick(
                "perhaps records that the law sends to somebody else; see the policy",
                "可能属于依法应移交他处的资料，见策略中的说明",
            ),
        ),
        (
            &outcome.encrypted,
            lang.pick("encrypted: without the password nobody will read them", "已加密：没有密码，日后无人能读"),
        ),
    ];
    for ((count, first), what) in lists {
        named(&mut text, what, *count, first.iter().map(|path| escape(path)), lang);
    }
    let (count, problems) = &outcome.problems;
    let unread = lang.pick("could not be read", "无法读取");
    named(&mut text, unread, *count, problems.iter().map(ToString::to_string), lang);
    text.push_str(&policy_lines(outcome, folder, policy, lang));
    text
}

fn named(text: &mut String, what: &str, count: u64, first: impl Iterator<Item = String>, lang: Language) {
    if count == 0 {
        return;
    }
    text.push_str(&lang.pick(format!("\n{count} {what}:\n"), format!("\n{count} 项{what}：\n")));
    first.take(LISTED).for_each(|path| text.push_str(&format!("  {path}\n")));
    if count > LISTED as u64 {
        let more = count - LISTED as u64;
        text.push_str(&lang.pick(format!("  … and {more} more\n"), format!("  ……另有 {more} 项\n")));
    }
}

/// The folders at the top, and those in them that were looked into.
fn shown(outcome: &SurveyOutcome) -> Vec<&Node> {
    let tree = &outcome.tree;
    let mut nodes = Vec::new();
    for child in tree.children(0) {
        nodes.push(tree.node(child));
        let below = tree.children(child);
        if below.len() <= ROWS / 2 {
            nodes.extend(below.into_iter().map(|below| tree.node(below)));
        }
    }
    nodes
}

fn folders(outcome: &SurveyOutcome, lang: Language) -> String {
    let heads = lang
        .pick(["folder", "files", "size", "personal", "looks like"], ["文件夹", "文件", "大小", "个人信息", "像是"]);
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    let nodes = shown(outcome);
    for node in nodes.iter().take(ROWS) {
        let form = node.form.map(|(form, _)| form).or_else(|| node.totals.leading_form());
        let title = form.map_or("", |form| lang.pick(forms()[form].title.as_str(), forms()[form].title_zh.as_str()));
        let Totals { files, bytes, personal, .. } = node.totals;
        rows.push(vec![
            render::shorten(&format!("{}{}", "  ".repeat(node.depth - 1), escape(&node.name)), 28),
            files.to_string(),
            render::bytes(bytes),
            personal.to_string(),
            render::shorten(title, 22),
        ]);
    }
    let mut text = if rows.len() > 1 { render::table(&rows, &[1, 2, 3]) } else { String::new() };
    if nodes.len() > ROWS {
        let more = nodes.len() - ROWS;
        text.push_str(&lang.pick(format!("  … and {more} more\n"), format!("  ……另有 {more} 个\n")));
    }
    text
}

fn policy_lines(outcome: &SurveyOutcome, folder: &Path, policy: Option<&Path>, lang: Language) -> String {
    let (parts, records) = (outcome.proposals.len(), outcome.check.records.len());
    let checks = open_checks(&outcome.policy);
    let rest = outcome.check.parts.last().map_or(0, |(files, _)| *files);
    let summary = lang.pick(
        format!(
            "policy: {}, {}, {checks} to be checked by a person; files for the last part: {rest}",
            render::count(parts as u64, "part"),
            render::count(records as u64, "record")
        ),
        format!("策略：{parts} 部分，{records} 条记录，{checks} 处须由人核对；{rest} 个文件归入最后一部分"),
    );
    let dir = show(folder);
    let next = match policy {
        None => lang.pick(
            format!("write it with -o: keepuntil survey -o policy.toml {dir}"),
            format!("用 -o 写出：keepuntil survey -o policy.toml {dir}"),
        ),
        Some(path) => {
            let path = show(path);
            lang.pick(
                format!("written to {path}; next: keepuntil policy check {path} {dir}"),
                format!("已写入 {path}；下一步：keepuntil policy check {path} {dir}"),
            )
        }
    };
    format!("\n{}{}", render::wrapped(&summary, 0), render::wrapped(&next, 0))
}

fn objects(outcome: &SurveyOutcome, folder: &Path) -> Vec<Value> {
    let mut objects: Vec<Value> = outcome.tree.nodes().map(of_node).collect();
    objects.extend(outcome.proposals.iter().map(of_proposal));
    let copies = &outcome.copies;
    let largest = |(bytes, paths): &(u64, Vec<String>)| json!({ "bytes": bytes, "paths": paths });
    objects.push(json!({
        "message_type": "survey",
        "folder": folder.to_string_lossy(),
        "records": outcome.check.records.len(),
        "usable": outcome.check.is_usable(),
        "encrypted": { "files": outcome.encrypted.0, "first": outcome.encrypted.1 },
        "elsewhere": { "paths": outcome.elsewhere.0, "first": outcome.elsewhere.1 },
        "problems": { "count": outcome.problems.0, "first": outcome.problems.1.iter().map(ToString::to_string).collect::<Vec<_>>() },
        "copies": { "sets": copies.sets, "files": copies.files, "bytes": copies.bytes,
            "largest": copies.largest.iter().map(largest).collect::<Vec<_>>() },
        "policy": outcome.policy,
    }));
    objects
}

fn of_node(node: &Node) -> Value {
    let Totals { files, bytes, links, kinds, findings, personal, copies, .. } = &node.totals;
    let kinds: serde_json::Map<String, Value> = kinds
        .iter()
        .map(|(kind, (files, bytes))| (kind.as_str().into(), json!({ "files": files, "bytes": bytes })))
        .collect();
    let findings: serde_json::Map<String, Value> =
        findings.found().map(|(finding, count)| (finding.as_str().into(), count.into())).collect();
    let read = |read| node.totals.read(read);
    json!({
        "message_type": "survey_folder",
        "path": node.path,
        "form": node.form.map(|(form, _)| forms()[form].id.as_str()),
        "files": files, "bytes": bytes, "links": links, "kinds": kinds, "findings": findings, "personal": personal,
        "copies": copies,
        "read": read(Read::Whole), "read_in_part": read(Read::Part), "too_large": read(Read::TooLarge),
        "not_text": read(Read::NotText), "damaged": read(Read::Damaged), "encrypted": read(Read::Encrypted),
        "failed": read(Read::Failed),
    })
}

fn of_proposal(proposal: &Proposal) -> Value {
    let mut object = json!({
        "message_type": "survey_proposal",
        "path": proposal.path,
        "record": proposal.record,
        "compartment": proposal.compartment,
        "class": proposal.class,
        "reasons": proposal.reasons,
        "checks": proposal.checks,
    });
    match &proposal.keep {
        Keep::Rule { rule, dated, until } => {
            object["rule"] = json!(rule);
            object["dated"] = json!(dated);
            object["until"] = json!(until);
        }
        Keep::Longest(period) => object["retain"] = json!(period.to_string()),
    }
    object
}
