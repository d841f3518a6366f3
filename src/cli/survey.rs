//! `keepuntil survey`: what a folder holds, and a policy that might fit it.

use super::args::Common;
use super::error::Failure;
use super::progress::Bar;
use super::{Done, INTERRUPTED, home, render};
use crate::language::text;
use crate::ops::survey::{Copies, CopySet, SurveyOptions, SurveyOutcome, survey};
use crate::ops::survey_file::{DEFAULT_MAX_BYTES, MOST_BYTES};
use crate::retention::parse_date;
use crate::retention::term::FiscalYearEnd;
use crate::storage::output::OutputFile;
use crate::storage::{StorageError, escape, show};
use crate::survey::draft::{Heading, open_checks};
use crate::survey::facts::{Read, Totals};
use crate::survey::finding::Findings;
use crate::survey::form::forms;
use crate::survey::proposal::{Keep, Proposal, Setting};
use crate::survey::tree::Node;
use crate::survey::words;
use chrono::NaiveDate;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use tr::tr;

/// See what a folder holds, and draft a policy for it
#[derive(Args)]
#[command(after_help = "Counts what it finds and never shows it. The policy is a draft: lines with CHECK: are for a \
    person, and what is not sure is kept longest.\n\n\
    Examples:\n  keepuntil survey firm/ -o policy.toml\n  \
    keepuntil survey firm/ -o policy.toml --lang zh --fiscal-year-end 03-31\n  \
    keepuntil policy check policy.toml firm/\n  keepuntil create -o firm.sealed --policy policy.toml firm/")]
pub struct SurveyArgs {
    /// The folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Write the drafted policy to FILE; - for standard output, instead of the report
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    firm: FirmArgs,
    /// Search this many bytes of each file, 268435456 at most; all threads together hold at most 512 MiB of files
    #[arg(long, value_name = "N", default_value_t = DEFAULT_MAX_BYTES, value_parser = clap::value_parser!(u64).range(1..=MOST_BYTES))]
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
            separator: "-",
        })
    }
}

pub fn run(args: SurveyArgs, common: Common) -> Result<Done, Failure> {
    let setting = args.firm.setting(home::now().date_naive())?;
    let to_stdout = args.output.as_deref() == Some(Path::new("-"));
    let output = args.output.as_deref().filter(|_| !to_stdout);
    if to_stdout && common.json {
        return Err(Failure::Usage(
            tr!("-o -: with --json standard output has objects only"),
            tr!("leave -o - out: the policy stands in the last object, as `policy`"),
        ));
    }
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
    let bar = Bar::new(text!("surveying"), common.quiet);
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
        render::print(&report(&outcome, &args.folder, output))?;
    }
    Ok(if outcome.problems.0 == 0 { Done::Clean } else { Done::Findings })
}

fn heading(folder: &Path, setting: &Setting<'_>) -> Heading {
    let name = folder.file_name().map_or_else(|| show(folder), |name| escape(&name.to_string_lossy()));
    let lines = vec![
        tr!(
            "A draft by `keepuntil survey` of {today} for the folder {name}, rules of {jurisdiction}.",
            today = setting.today,
            name = name,
            jurisdiction = setting.jurisdiction
        ),
        tr!("See what it does with `keepuntil policy check FILE DIR`; seal with `keepuntil create --policy FILE`."),
    ];
    Heading { lines, recipients: Vec::new() }
}

/// Folders of the table; more would hide the rest of the report.
const ROWS: usize = 40;
/// Names in a list.
const LISTED: usize = 20;

fn report(outcome: &SurveyOutcome, folder: &Path, policy: Option<&Path>) -> String {
    let root = &outcome.tree.node(0).totals;
    let every = root.files + root.links;
    let mut text = tr!(
        "{folder}: {n} file, {size}" | "{folder}: {n} files, {size}" % every,
        folder = show(folder),
        size = render::bytes(root.bytes)
    );
    text.push('\n');
    let list = |items: Vec<String>| items.join(&words::comma());
    let read = root.read.iter().map(|(read, count)| format!("{count} {}", words::read(*read))).collect();
    let mut line = |name: String, words: String| {
        text.push_str(&render::field(&name, render::wrapped(&words, 14).trim_end(), 14));
    };
    line(tr!("survey" => "content"), list(read));
    if root.links > 0 {
        let links = tr!("{n} of the files is a link" | "{n} of the files are links" % root.links);
        line(tr!("survey" => "links"), links);
    }
    let mut kinds: Vec<_> = root.kinds.iter().collect();
    kinds.sort_by_key(|(_, (files, _))| std::cmp::Reverse(*files));
    line(
        tr!("survey" => "kinds"),
        list(kinds.iter().map(|(kind, (n, _))| format!("{} {n}", words::kind(**kind))).collect()),
    );
    if let Some(found) = words::found(&root.findings) {
        let files = tr!("{found}; in {files} files", found = found, files = root.personal);
        line(tr!("survey" => "personal"), files);
    }
    if outcome.copies.files > 0 {
        let (files, size) = (outcome.copies.files, render::bytes(outcome.copies.bytes));
        let copies = tr!("{files} files are copies of others, {size}", files = files, size = size);
        line(tr!("survey" => "copies"), copies);
    }
    text.push('\n');
    text.push_str(&folders(outcome));
    let elsewhere = &outcome.elsewhere;
    let what = tr!("{n} file perhaps of records that the law sends to somebody else; see the policy:"
        | "{n} files perhaps of records that the law sends to somebody else; see the policy:" % elsewhere.files);
    named(&mut text, &what, elsewhere.paths, elsewhere.first.iter().map(|path| escape(path)));
    let (count, first) = &outcome.encrypted;
    let encrypted = tr!("{count} encrypted: without the password nobody will read them:", count = count);
    named(&mut text, &encrypted, *count, first.iter().map(|path| escape(path)));
    let (count, problems) = &outcome.problems;
    let unread = tr!("{count} could not be read:", count = count);
    named(&mut text, &unread, *count, problems.iter().map(ToString::to_string));
    text.push_str(&copies(&outcome.copies));
    text.push_str(&policy_lines(outcome, folder, policy));
    text
}

/// Contents that stand in more than one file, the largest first, with these files.
fn copies(copies: &Copies) -> String {
    if copies.sets == 0 {
        return String::new();
    }
    let head =
        tr!("{n} content stands in more than one file:"
            | "{n} contents stand in more than one file each:" % copies.sets);
    let mut text = format!("\n{head}\n");
    for set in copies.named.iter().take(LISTED) {
        let files =
            tr!("{n} file of {size} each" | "{n} files of {size} each" % set.files, size = render::bytes(set.bytes));
        text.push_str(&format!("  {files}\n"));
        set.paths.iter().take(LISTED).for_each(|path| text.push_str(&format!("    {}\n", escape(path))));
        let shown = set.paths.len().min(LISTED) as u64;
        if set.files > shown {
            text.push_str(&format!("    {}\n", tr!("paths" => "… and {more} more", more = set.files - shown)));
        }
    }
    let shown = copies.named.len().min(LISTED) as u64;
    if copies.sets > shown {
        text.push_str(&format!("  {}\n", tr!("contents" => "… and {more} more: --json", more = copies.sets - shown)));
    }
    text
}

fn named(text: &mut String, what: &str, count: u64, first: impl Iterator<Item = String>) {
    if count == 0 {
        return;
    }
    text.push_str(&format!("\n{what}\n"));
    first.take(LISTED).for_each(|path| text.push_str(&format!("  {path}\n")));
    if count > LISTED as u64 {
        let more = tr!("paths" => "… and {more} more: --json", more = count - LISTED as u64);
        text.push_str(&format!("  {more}\n"));
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

fn folders(outcome: &SurveyOutcome) -> String {
    let mut rows = vec![vec![
        tr!("survey" => "folder"),
        tr!("survey" => "files"),
        tr!("survey" => "size"),
        tr!("survey" => "personal"),
        tr!("survey" => "looks like"),
    ]];
    let nodes = shown(outcome);
    for node in nodes.iter().take(ROWS) {
        let form = node.form.map(|(form, _)| form).or_else(|| node.totals.leading_form());
        let title = form.map_or("", |form| forms()[form].title());
        let Totals { files, bytes, links, personal, .. } = node.totals;
        rows.push(vec![
            render::shorten(&format!("{}{}", "  ".repeat(node.depth - 1), escape(&node.name)), 28),
            (files + links).to_string(),
            render::bytes(bytes),
            personal.to_string(),
            render::shorten(title, 22),
        ]);
    }
    let mut text = if rows.len() > 1 { render::table(&rows, &[1, 2, 3]) } else { String::new() };
    if nodes.len() > ROWS {
        let more = tr!("folders" => "… and {more} more", more = nodes.len() - ROWS);
        text.push_str(&format!("  {more}\n"));
    }
    text
}

fn policy_lines(outcome: &SurveyOutcome, folder: &Path, policy: Option<&Path>) -> String {
    let (parts, records) = (outcome.proposals.len(), outcome.check.records.len());
    let checks = open_checks(&outcome.policy).len();
    let rest = outcome.check.parts.last().map_or(0, |(files, _)| *files);
    let summary = tr!(
        "policy: {parts}, {records}, {checks} to be checked by a person; files for the last part: {rest}",
        parts = tr!("{n} part" | "{n} parts" % parts),
        records = tr!("{n} record" | "{n} records" % records),
        checks = checks,
        rest = rest
    );
    let folder = show(folder);
    let next = match policy {
        None => tr!("write it with -o: keepuntil survey -o policy.toml {folder}", folder = folder),
        Some(path) => tr!(
            "written to {policy}; next: keepuntil policy check {policy} {folder}",
            policy = show(path),
            folder = folder
        ),
    };
    format!("\n{}{}", render::wrapped(&summary, 0), render::wrapped(&next, 0))
}

fn objects(outcome: &SurveyOutcome, folder: &Path) -> Vec<Value> {
    let mut objects: Vec<Value> = outcome.tree.nodes().map(of_node).collect();
    objects.extend(outcome.proposals.iter().map(of_proposal));
    let copies = &outcome.copies;
    let named = |set: &CopySet| json!({ "bytes": set.bytes, "files": set.files, "paths": set.paths });
    objects.push(json!({
        "message_type": "survey",
        "folder": folder.to_string_lossy(),
        "record_count": outcome.check.records.len(),
        "usable": outcome.check.is_usable(),
        "encrypted_files": { "files": outcome.encrypted.0, "first": outcome.encrypted.1 },
        "elsewhere": { "files": outcome.elsewhere.files, "path_count": outcome.elsewhere.paths,
            "first": outcome.elsewhere.first },
        "problem_count": outcome.problems.0,
        "problems": outcome.problems.1.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "copies": { "sets": copies.sets, "files": copies.files, "bytes": copies.bytes,
            "named": copies.named.iter().map(named).collect::<Vec<_>>() },
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
    let read = |read| node.totals.read(read);
    json!({
        "message_type": "survey_folder",
        "path": node.path,
        "form": node.form.map(|(form, _)| forms()[form].id.as_str()),
        "files": files, "bytes": bytes, "links": links, "kinds": kinds, "personal_data": counted(findings),
        "personal_files": personal, "copied_files": copies,
        "read": read(Read::Whole), "read_in_part": read(Read::Part), "too_large": read(Read::TooLarge),
        "not_text": read(Read::NotText), "damaged": read(Read::Damaged), "encrypted": read(Read::Encrypted),
        "failed": read(Read::Failed),
    })
}

fn counted(findings: &Findings) -> serde_json::Map<String, Value> {
    findings.found().map(|(finding, count)| (finding.as_str().into(), count.into())).collect()
}

fn of_proposal(proposal: &Proposal) -> Value {
    let mut object = json!({
        "message_type": "survey_proposal",
        "pattern": proposal.path,
        "record_name": proposal.record,
        "compartment": proposal.compartment,
        "class": proposal.class,
        "reasons": proposal.reasons,
        "checks": proposal.checks,
        "files": proposal.taken.map(|taken| taken.files),
        "personal_data": proposal.taken.map(|taken| counted(&taken.findings)),
    });
    match &proposal.keep {
        Keep::Rule { rule, dated, until } => {
            object["rule"] = json!(rule);
            object["dated_as"] = json!(dated);
            object["until"] = json!(until);
        }
        Keep::Longest(period) => object["retain"] = json!(period.to_string()),
    }
    render::complete(object, &["rule", "dated_as", "until", "retain"])
}
