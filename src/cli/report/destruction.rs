//! `keepuntil report destruction`: the list and the opinions before a destruction, from its plan; see [`super::destroyed`] for
//! the time after it.

use super::record_words::{NOTHING, kept, rules, until};
use super::{ArchivesArgs, archive_facts, destroyed, inventory, signing};
use crate::cli::args::{Common, KeyringPlace};
use crate::cli::certificate::JournalArgs;
use crate::cli::error::{Failure, tell_warning};
use crate::cli::output::{FormatArg, OutputArgs};
use crate::cli::render::class;
use crate::cli::sheet::{Block, LongTable, Sheet, Table, csv, give_rows};
use crate::cli::{Done, home, render};
use crate::crypto::kdf::ArchiveId;
use crate::journal::certificate::Reason;
use crate::journal::plan::{MAX_PLAN, Plan, PlannedRecord};
use crate::language::{Language, language};
use crate::ops::OpsError;
use crate::ops::custody::Custody;
use crate::ops::report::destruction::{PlannedDestruction, RuleGroup, Stage, by_rule, planned, records};
use crate::ops::report::inventory::Labelled;
use crate::ops::report::named::NamedArchives;
use crate::retention::rules::find;
use crate::storage::read_limited;
use chrono::NaiveDate;
use clap::Args;
use std::collections::BTreeMap;
use std::path::PathBuf;
use tr::tr;

/// The destruction list with the lines that people sign: before, from the plan; after, from the certificate
#[derive(Args)]
#[command(
    after_help = "From a plan: the appraisal with its opinions, the list, the officers and the witnesses before. The plan is \
    compared with the keyring first. With its archive's file and an identity the list also names the records, and then outlives \
    them. From a certificate: the same list with the date of destruction, how to check it, and the witnesses after. What people \
    decide stays blank.\n\n\
    Examples:\n  keepuntil report destruction --plan plan.json firm.sealed -o before.html\n  \
    keepuntil report destruction --certificate purge.json --journal firm.vkeys"
)]
pub struct DestructionArgs {
    /// The plan, before it is carried out
    #[arg(long, value_name = "FILE", required_unless_present = "certificate")]
    plan: Option<PathBuf>,
    /// The certificate, afterwards; needs no keyring
    #[arg(long, value_name = "FILE", conflicts_with_all = ["plan", "archive", "identity"])]
    certificate: Option<PathBuf>,
    #[command(flatten)]
    archives: ArchivesArgs,
    #[command(flatten)]
    journal: JournalArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    keyring: KeyringPlace,
}

pub fn run(args: &DestructionArgs, common: Common) -> Result<Done, Failure> {
    if let Some(certificate) = &args.certificate {
        return destroyed::run(certificate, &args.journal, &args.output, common);
    }
    let path = args.plan.as_deref().expect("clap demands one of the two");
    let mut custody = home::reading(&args.keyring)?;
    let file = read_limited(path, MAX_PLAN)?;
    let planned = planned(&mut custody, &file).map_err(|e| match e {
        OpsError::PlanFile { source, .. } => OpsError::PlanFile { path: path.into(), source },
        other => other,
    })?;
    let mut named = args.archives.open(&mut custody)?;
    if args.output.wants_sheet(common) {
        if args.output.format() == FormatArg::Csv {
            args.output.deliver(common, |out| {
                let notice = named.has_names().then(inventory::outlives);
                csv::write(listed(&mut custody, &mut named, &planned, hex::encode), notice.as_deref(), out)
            })?;
        } else {
            args.output.write(sheet(&mut custody, &mut named, &planned), common)?;
        }
    }
    if common.json {
        json(&mut custody, &mut named, &planned)?;
    }
    if named.has_names() && !common.quiet {
        tell_warning(&tr!("this list names records, and outlives them"));
    }
    home::remember(custody)?;
    Ok(Done::Clean)
}

fn json(custody: &mut Custody, named: &mut NamedArchives, planned: &PlannedDestruction) -> Result<(), Failure> {
    let plan = &planned.plan;
    let (cool_off_days, scheduled) = match planned.stage {
        Stage::Fits { cool_off_days } => (Some(cool_off_days), None),
        Stage::Scheduled { purge, not_before, held } => (None, Some((hex::encode(purge), not_before, held))),
    };
    let (code, commitment) = match &plan.reason {
        Some(Reason::Code(code)) => (Some(code), None),
        Some(Reason::Commitment(hash)) => (None, Some(hex::encode(hash))),
        None => (None, None),
    };
    render::json_line(&serde_json::json!({
        "message_type": "report_plan",
        "sha256": hex::encode(planned.sha256),
        "keyring": hex::encode(plan.keyring),
        "made": plan.made,
        "approvals_needed": plan.approvals_needed,
        "reason": code,
        "reason_commitment": commitment,
        "cool_off_days": cool_off_days,
        "purge": scheduled.as_ref().map(|(purge, ..)| purge),
        "not_before": scheduled.as_ref().map(|(_, day, _)| day),
        "held_count": scheduled.as_ref().map(|(.., held)| held),
        "date": custody.now().today(),
        "with_names": named.has_names(),
        "groups": by_rule(plan),
    }));
    records(custody, named, plan, &mut |record, labelled| {
        let mut object = serde_json::json!(record);
        object["message_type"] = "report_planned".into();
        object["kept_from"] = serde_json::json!(planned.kept_from.get(&record.archive));
        if let Some(labelled) = labelled
            && let (Some(object), serde_json::Value::Object(more)) =
                (object.as_object_mut(), serde_json::json!(labelled))
        {
            object.extend(more);
        }
        render::json_line(&render::complete(object, &["until", "name", "dated", "files", "bytes"]));
        Ok(())
    })?;
    render::end_of_list(plan.records.len() as u64);
    Ok(())
}

fn sheet<'a>(custody: &'a mut Custody, named: &'a mut NamedArchives, planned: &'a PlannedDestruction) -> Sheet<'a> {
    let plan = &planned.plan;
    let mut sheet = Sheet::new(language(), &tr!("Appraisal and list for a destruction"));
    sheet.landscape = true;
    sheet.blocks.push(Block::Warning(tr!("Nothing has been destroyed: this is a plan.")));
    if named.has_names() {
        sheet.blocks.push(Block::Warning(inventory::outlives()));
    }
    stage(&mut sheet, planned);
    appraisal(&mut sheet, custody, planned);
    sheet.heading(&tr!("Destruction list"));
    archives(&mut sheet, plan);
    sheet.paragraph(tr!(
        "“Keep until” is the last day of the retention; “kept for” counts from the deposit of the keys to the date of this list. Each record counts as one volume. The date of destruction is filled in afterwards: `keepuntil report destruction --certificate FILE`."
    ));
    if plan.records.iter().any(|record| record.early) {
        sheet.paragraph(tr!("A star marks what is to be destroyed before its last day."));
    }
    let short = archive_facts::short_names(plan.records.iter().map(|record| record.archive));
    let name = move |archive: ArchiveId| short[&archive].clone();
    sheet.blocks.push(Block::LongTable(listed(custody, named, planned, name)));
    sheet.heading(&tr!("Agreement of the officers"));
    signing::officers(&mut sheet);
    sheet.heading(&tr!("Before the destruction"));
    sheet.paragraph(tr!(
        "The witnesses compare this list with what is to be destroyed, and sign after the destruction."
    ));
    signing::witnesses(&mut sheet, false);
    sheet.paragraph(limits());
    sheet
}

/// What such a list does not claim.
pub fn limits() -> String {
    tr!(
        "The columns and the lines to sign follow a custom of the field. No conformity with any law or standard is claimed, and nothing here is legal advice."
    )
}

fn stage(sheet: &mut Sheet, planned: &PlannedDestruction) {
    let plan = &planned.plan;
    let mut fields = vec![
        (tr!("inventory" => "Keyring"), hex::encode(plan.keyring)),
        (tr!("Plan (SHA-256 of its file)"), hex::encode(planned.sha256)),
        (tr!("Plan made"), render::time(plan.made)),
        (tr!("Records to be destroyed"), plan.records.len().to_string()),
        (tr!("People who must sign the plan"), plan.approvals_needed.to_string()),
        (
            tr!("Checked by this command"),
            tr!(
                "the plan is this keyring's; its records, rules, last days and holds are as it says, or its cool-off runs"
            ),
        ),
    ];
    match planned.stage {
        Stage::Fits { cool_off_days } => {
            fields.push((tr!("Planned date"), tr!("none yet: nobody has executed the plan")));
            fields.push((tr!("Cool-off after that, days"), cool_off_days.to_string()));
        }
        Stage::Scheduled { purge, not_before, .. } => {
            fields.push((tr!("Planned date"), tr!("not before {day}", day = not_before)));
            fields.push((tr!("Purge"), hex::encode(purge)));
        }
    }
    sheet.blocks.push(Block::Fields(fields));
    if let Stage::Scheduled { held: held @ 1.., .. } = planned.stage {
        sheet.blocks.push(Block::Warning(tr!(
            "{n} record of the plan is held now: it is not destroyed while the hold stands."
                | "{n} records of the plan are held now: they are not destroyed while the holds stand." % held
        )));
    }
}

fn appraisal(sheet: &mut Sheet, custody: &Custody, planned: &PlannedDestruction) {
    sheet.heading(&tr!("Opinion of the appraisal"));
    let groups = by_rule(&planned.plan);
    let early: u64 = groups.iter().map(|group| group.early).sum();
    let mut reasons = vec![
        tr!(
            "every record of the plan is past its last day by the keyring's trusted date, unless it is marked as early"
        ),
        tr!("no hold of the keyring covered any of them when the plan was made"),
    ];
    if early > 0 {
        let reason = match &planned.plan.reason {
            Some(Reason::Code(code)) => code.clone(),
            Some(Reason::Commitment(hash)) => hex::encode(hash),
            None => NOTHING.to_owned(),
        };
        reasons.push(tr!(
            "{n} record is destroyed before its time, for the reason {reason}; no rule obliges the firm to keep it longer" | "{n} records are destroyed before their time, for the reason {reason}; no rule obliges the firm to keep them longer" % early,
            reason = reason
        ));
    }
    sheet.blocks.push(Block::Fields(vec![
        (tr!("What is appraised"), tr!("{n} record" | "{n} records" % planned.plan.records.len() as u64)),
        (tr!("The keyring's trusted date"), custody.trusted_today().to_string()),
    ]));
    sheet.blocks.push(Block::Subheading(tr!("Why they may be destroyed, as far as the keyring knows")));
    sheet.blocks.push(Block::List(reasons));
    sheet.blocks.push(Block::Table(rule_table(&groups)));
    signing::appraisal(sheet);
}

fn rule_table(groups: &[RuleGroup]) -> Table {
    let head = vec![
        tr!("inventory" => "Rules"),
        tr!("What they are about"),
        tr!("inventory" => "Class"),
        tr!("inventory" => "Records"),
        tr!("Last days"),
        tr!("To review"),
        tr!("Early"),
    ];
    let row = |group: &RuleGroup| {
        let days = match (group.first, group.last) {
            (Some(first), Some(last)) if first != last => format!("{first} – {last}"),
            (first, _) => until(first),
        };
        vec![
            rules(&group.rules),
            titles(&group.rules),
            class(group.class),
            group.records.to_string(),
            days,
            group.review.to_string(),
            group.early.to_string(),
        ]
    };
    Table { head, rows: groups.iter().map(row).collect(), right: vec![3, 5, 6] }
}

/// What the built-in rules among these are called; a firm's own rules are known by id only.
fn titles(ids: &[String]) -> String {
    let title = |id: &String| {
        let rule = find(id)?;
        match language() {
            Language::Chinese => rule.title_zh.clone(),
            Language::English => Some(rule.title.clone()),
        }
    };
    let titles: Vec<String> = ids.iter().filter_map(title).collect();
    if titles.is_empty() { NOTHING.to_owned() } else { titles.join(&tr!("; ")) }
}

/// Says which archive bears which short name.
fn archives(sheet: &mut Sheet, plan: &Plan) {
    push_archives(sheet, &archive_facts::short_names(plan.records.iter().map(|record| record.archive)));
}

pub fn push_archives(sheet: &mut Sheet, short: &BTreeMap<ArchiveId, String>) {
    let field = |(id, short): (&ArchiveId, &String)| (tr!("archive {short}", short = short), hex::encode(id));
    let mut fields: Vec<(String, String)> = short.iter().map(field).collect();
    // As they are numbered: as text, A10 would come before A2.
    fields.sort_by_key(|(label, _)| (label.len(), label.clone()));
    sheet.blocks.push(Block::Fields(fields));
}

/// The head of a destruction list; the last column is what was planned, or what was done.
pub fn list_head(with_names: bool, last: String) -> (Vec<String>, Vec<usize>) {
    let mut head = vec![tr!("No.")];
    if with_names {
        head.push(tr!("inventory" => "Name"));
    }
    head.extend([tr!("File no."), tr!("Volume no."), tr!("Volumes")]);
    if with_names {
        head.extend([tr!("inventory" => "Years"), tr!("inventory" => "Files")]);
    }
    head.extend([tr!("inventory" => "Rules"), tr!("Keep until"), tr!("Kept for"), last]);
    let right = if with_names { vec![0, 3, 4, 6] } else { vec![0, 2, 3] };
    (head, right)
}

fn listed<'a>(
    custody: &'a mut Custody,
    named: &'a mut NamedArchives,
    planned: &'a PlannedDestruction,
    archive: impl Fn(ArchiveId) -> String + 'a,
) -> LongTable<'a> {
    let with_names = named.has_names();
    let (head, right) = list_head(with_names, tr!("Planned"));
    let today = custody.now().today();
    let day = match planned.stage {
        Stage::Fits { .. } => None,
        Stage::Scheduled { not_before, .. } => Some(not_before),
    };
    let mut number = 0u64;
    let mut cells = move |record: &PlannedRecord, labelled: Option<Labelled>| {
        number += 1;
        let mut cells = vec![number.to_string()];
        let label = labelled.as_ref();
        let nothing = || NOTHING.to_owned();
        if with_names {
            cells.push(label.map_or_else(nothing, |label| label.name.clone()));
        }
        let file_number = format!("{}-{}", archive(record.archive), record.record);
        cells.extend([file_number, record.record.to_string(), "1".to_owned()]);
        if with_names {
            let years = label.and_then(|label| label.dated).map(|dated: NaiveDate| dated.format("%Y").to_string());
            cells.extend([years.unwrap_or_else(nothing), label.map_or_else(nothing, |label| label.files.to_string())]);
        }
        let kept_from = planned.kept_from.get(&record.archive);
        let early = if record.early { "*" } else { "" };
        cells.extend([
            rules(&record.rules),
            format!("{}{early}", until(record.until)),
            kept_from.map_or_else(nothing, |from| kept(*from, today)),
            until(day),
        ]);
        cells
    };
    LongTable {
        head,
        right,
        rows: Box::new(move |sink| {
            give_rows(sink, |row| {
                records(custody, named, &planned.plan, &mut |record, labelled| row(cells(record, labelled)))
            })
        }),
    }
}
