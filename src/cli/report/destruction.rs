//! `keepuntil report destruction`: the list and the opinions before a destruction, from its plan; see [`super::destroyed`] for
//! the time after it.

use super::record_words::{NOTHING, until};
use super::rule_words::{RuleWords, ids};
use super::words::early_reason;
use super::{ArchivesArgs, archive_facts, columns, destroyed, inventory, signing};
use crate::cli::args::{Common, KeyringPlace};
use crate::cli::certificate::JournalArgs;
use crate::cli::error::{Failure, tell_hint, tell_warning};
use crate::cli::output::{FormatArg, OutputArgs};
use crate::cli::render::class;
use crate::cli::sheet::{Block, LongTable, Sheet, Table, csv, give_rows};
use crate::cli::{Done, home, render};
use crate::crypto::kdf::ArchiveId;
use crate::journal::certificate::Reason;
use crate::journal::plan::MAX_PLAN;
use crate::language::language;
use crate::ops::OpsError;
use crate::ops::custody::Custody;
use crate::ops::report::destruction::{PlannedDestruction, RuleGroup, ShownRecord, Stage, by_rule, planned, records};
use crate::ops::report::named::{ArchiveFacts, NamedArchives};
use crate::storage::read_limited;
use clap::Args;
use std::collections::{BTreeMap, BTreeSet};
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
    // An identity may be named by the environment for other commands: none is needed here.
    /// The certificate, afterwards; needs no keyring and no identity
    #[arg(long, value_name = "FILE", conflicts_with_all = ["plan", "archive"])]
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
    let of_plan: BTreeSet<_> = planned.plan.records.iter().map(|record| record.archive).collect();
    let unnamed: Vec<_> = of_plan.iter().filter(|id| !named.has_names() || !named.has(id)).map(hex::encode).collect();
    if args.output.wants_sheet(common) {
        if args.output.format() == FormatArg::Csv {
            args.output.deliver(common, |out| {
                let notice = (unnamed.len() < of_plan.len()).then(columns::outlives);
                csv::write(spreadsheet(&mut custody, &mut named, &planned), notice.as_deref(), out)
            })?;
        } else {
            args.output.write(sheet(&mut custody, &mut named, &planned)?, common)?;
        }
    }
    if common.json {
        json(&mut custody, &mut named, &planned)?;
    }
    if unnamed.len() < of_plan.len() && !common.quiet {
        tell_warning(&tr!("this list names records, and outlives them"));
    }
    if !unnamed.is_empty() && !common.quiet {
        let archives = unnamed.join(" ");
        tell_warning(&tr!(
            "{archives}: the list has no names of these records, which nobody can read once they are destroyed",
            archives = archives
        ));
        tell_hint(&tr!("name the file of every archive in the plan, and with -i an identity that opens it"));
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
        "groups": by_rule(custody, named, plan)?,
    }));
    records(custody, named, plan, &mut |ShownRecord { planned: record, required, kept_for, labelled }| {
        let mut object = serde_json::json!(record);
        if let (Some(object), serde_json::Value::Object(more)) = (object.as_object_mut(), serde_json::json!(required)) {
            object.extend(more);
        }
        object["kept_for"] = serde_json::json!(kept_for);
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

fn sheet<'a>(
    custody: &'a mut Custody,
    named: &'a mut NamedArchives,
    planned: &'a PlannedDestruction,
) -> Result<Sheet<'a>, Failure> {
    let plan = &planned.plan;
    let mut sheet = Sheet::new(language(), &tr!("Appraisal and list for a destruction"));
    sheet.landscape = true;
    sheet.blocks.push(Block::Warning(tr!("Nothing has been destroyed: this is a plan.")));
    if named.has_names() && plan.records.iter().any(|record| named.has(&record.archive)) {
        sheet.blocks.push(Block::Warning(columns::outlives()));
    }
    stage(&mut sheet, custody, planned);
    let facts = named.facts(custody, |id| plan.records.iter().any(|record| record.archive == *id))?;
    appraisal(&mut sheet, custody, named, planned, &facts)?;
    sheet.heading(&tr!("Destruction list"));
    let mut notes = vec![tr!(
        "The date of destruction is filled in afterwards: `keepuntil report destruction --certificate FILE`."
    )];
    let short = archive_facts::short_names(plan.records.iter().map(|record| record.archive));
    notes.extend(inventory::notes(named, &facts, &short));
    if plan.records.iter().any(|record| record.early) {
        notes.push(tr!("A star marks what is to be destroyed before its last day."));
    }
    sheet.blocks.push(Block::LongTable(listed(custody, named, planned, short)));
    notes.into_iter().for_each(|note| sheet.paragraph(note));
    sheet.heading(&tr!("Agreement of the officers"));
    sheet.paragraph(signing::about_officers());
    signing::officers(&mut sheet);
    sheet.heading(&tr!("Before the destruction"));
    sheet.paragraph(tr!(
        "The witnesses are to compare this list with what is to be destroyed before the destruction, and to sign after it."
    ));
    signing::witnesses(&mut sheet, false);
    sheet.paragraph(limits());
    Ok(sheet)
}

/// What such a list does not claim.
pub fn limits() -> String {
    tr!(
        "The columns and the lines to sign follow a custom of the field. No conformity with any law or standard is claimed, and nothing here is legal advice."
    )
}

fn stage(sheet: &mut Sheet, custody: &Custody, planned: &PlannedDestruction) {
    let plan = &planned.plan;
    let mut fields = vec![
        (tr!("Firm, by its seals"), custody.keyring().config().firm.clone()),
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

fn appraisal(
    sheet: &mut Sheet,
    custody: &mut Custody,
    named: &mut NamedArchives,
    planned: &PlannedDestruction,
    facts: &[ArchiveFacts],
) -> Result<(), Failure> {
    sheet.heading(&tr!("Opinion of the appraisal"));
    let groups = by_rule(custody, named, &planned.plan)?;
    let rules = RuleWords::of(named, facts.iter().map(|facts| facts.archive));
    let early: u64 = groups.iter().map(|group| group.early).sum();
    let mut reasons = vec![
        tr!(
            "every record of the plan is past its last day by the keyring's trusted date, unless it is marked as early"
        ),
        tr!("no hold of the keyring covered any of them when the plan was made"),
    ];
    if early > 0 {
        let reason = match &planned.plan.reason {
            Some(Reason::Code(code)) => early_reason(code),
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
    sheet.blocks.push(Block::Table(rule_table(&groups, &rules, named.has_names())));
    if named.has_names() {
        sheet.paragraph(tr!("The names stand in the destruction list below."));
    }
    columns::about_labels(named, facts).into_iter().for_each(|note| sheet.paragraph(note));
    signing::appraisal(sheet);
    Ok(())
}

fn rule_table(groups: &[RuleGroup], rules: &RuleWords, with_names: bool) -> Table {
    let mut head = vec![columns::rules(), tr!("inventory" => "Class"), tr!("inventory" => "Records")];
    if with_names {
        head.push(columns::years());
    }
    head.extend([columns::required(), tr!("Last days"), tr!("To review"), tr!("Early")]);
    let row = |group: &RuleGroup| {
        let days = match (group.first, group.last) {
            (Some(first), Some(last)) if first != last => format!("{first} – {last}"),
            (first, _) => until(first),
        };
        let mut cells = vec![rules.with_ids(&group.rules), class(group.class), group.records.to_string()];
        if with_names {
            cells.push(columns::years_cell(group.dated_first, group.dated_last));
        }
        cells.extend([group.required.words(), days, group.review.to_string(), group.early.to_string()]);
        cells
    };
    let right = if with_names { vec![2, 6, 7] } else { vec![2, 5, 6] };
    Table { head, rows: groups.iter().map(row).collect(), right }
}

fn listed<'a>(
    custody: &'a mut Custody,
    named: &'a mut NamedArchives,
    planned: &'a PlannedDestruction,
    short: BTreeMap<ArchiveId, String>,
) -> LongTable<'a> {
    let with_names = named.has_names();
    let rules = RuleWords::of(named, short.keys().copied());
    let mut head = vec![columns::number()];
    if with_names {
        head.push(columns::name());
    }
    head.extend([columns::volume(), columns::items()]);
    if with_names {
        head.extend([columns::years(), columns::files()]);
    }
    head.extend([
        columns::file_number(),
        columns::rules(),
        columns::required(),
        columns::kept_for(),
        columns::last_day(),
        tr!("Planned"),
    ]);
    let right = if with_names { vec![0, 3, 5] } else { vec![0, 2] };
    let mut number = 0u64;
    let cells = move |shown: ShownRecord<'_>| {
        number += 1;
        let record = shown.planned;
        let mut cells = vec![number.to_string()];
        let [name, years, files] = columns::label_cells(shown.labelled.as_ref());
        let mark = &short[&record.archive];
        let volume = [mark.clone(), "1".to_owned()];
        match with_names {
            true => cells.extend([name].into_iter().chain(volume).chain([years, files])),
            false => cells.extend(volume),
        }
        let titles = rules.titles(&record.archive, &record.rules);
        cells.extend([columns::file_number_cell(mark, record.record), titles]);
        let [words, kept, last] = columns::term_cells(&shown.required, shown.kept_for);
        let early = if record.early { "*" } else { "" };
        cells.extend([words, kept, format!("{last}{early}"), planned_day(planned)]);
        cells
    };
    table((head, right), (custody, named), planned, cells)
}

/// The table for spreadsheets: everything in columns of its own.
fn spreadsheet<'a>(
    custody: &'a mut Custody,
    named: &'a mut NamedArchives,
    planned: &'a PlannedDestruction,
) -> LongTable<'a> {
    let mut head = vec![columns::number()];
    head.extend(columns::spelled_number_heads());
    head.push(columns::items());
    head.extend(columns::label_heads());
    head.extend([columns::rules(), columns::rule_ids()]);
    head.extend(columns::spelled_term_heads());
    head.extend([tr!("Early"), tr!("Planned")]);
    let short = archive_facts::short_names(planned.plan.records.iter().map(|record| record.archive));
    let rules = RuleWords::of(named, short.keys().copied());
    let mut number = 0u64;
    let cells = move |shown: ShownRecord<'_>| {
        number += 1;
        let record = shown.planned;
        let mut cells = vec![number.to_string()];
        cells.extend(columns::spelled_numbers(&record.archive, &short[&record.archive], record.record));
        cells.push("1".to_owned());
        cells.extend(columns::label_cells(shown.labelled.as_ref()));
        cells.extend([rules.titles(&record.archive, &record.rules), ids(&record.rules)]);
        cells.extend(columns::spelled_terms(&shown.required, shown.kept_for));
        let early = if record.early { "*" } else { NOTHING };
        cells.extend([early.to_owned(), planned_day(planned)]);
        cells
    };
    table((head, Vec::new()), (custody, named), planned, cells)
}

/// The first day on which the plan may be carried out, where its cool-off runs.
fn planned_day(planned: &PlannedDestruction) -> String {
    match planned.stage {
        Stage::Fits { .. } => NOTHING.to_owned(),
        Stage::Scheduled { not_before, .. } => not_before.to_string(),
    }
}

fn table<'a>(
    (head, right): (Vec<String>, Vec<usize>),
    (custody, named): (&'a mut Custody, &'a mut NamedArchives),
    planned: &'a PlannedDestruction,
    mut cells: impl FnMut(ShownRecord<'_>) -> Vec<String> + 'a,
) -> LongTable<'a> {
    LongTable {
        head,
        right,
        rows: Box::new(move |sink| {
            give_rows(sink, |row| records(custody, named, &planned.plan, &mut |shown| row(cells(shown))))
        }),
    }
}
