//! `keepuntil report inventory`.

use super::record_words::{NOTHING, counts, state};
use super::rule_words::{RuleWords, ids};
use super::{ArchivesArgs, archive_facts, columns, signing};
use crate::cli::args::{Common, KeyringPlace};
use crate::cli::error::{Failure, tell_warning};
use crate::cli::output::{FormatArg, OutputArgs};
use crate::cli::render::class;
use crate::cli::sheet::{Block, LongTable, Sheet, csv, give_rows};
use crate::cli::{Done, home, render};
use crate::crypto::kdf::ArchiveId;
use crate::language::language;
use crate::ops::custody::Custody;
use crate::ops::report::inventory::{Extent, InventoryRecord, archives, records};
use crate::ops::report::named::{ArchiveFacts, NamedArchives};
use crate::ops::status::State;
use clap::Args;
use std::collections::BTreeMap;
use tr::tr;

/// The inventory of what is kept: every record, its rules, how long it must be kept and has been
#[derive(Args)]
#[command(
    after_help = "Without ARCHIVE it lists the records of the whole keyring by number. With archive files it lists \
    theirs, and by name where an identity opens them: such a list outlives the records that it names.\n\n\
    Examples:\n  keepuntil report inventory\n  keepuntil report inventory firm.sealed -o inventory.html --lang zh\n  \
    keepuntil report inventory firm.sealed -i identity.txt -o inventory.csv"
)]
pub struct InventoryArgs {
    #[command(flatten)]
    archives: ArchivesArgs,
    /// Also list records whose keys were destroyed
    #[arg(long)]
    destroyed: bool,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    keyring: KeyringPlace,
}

pub fn run(args: &InventoryArgs, common: Common) -> Result<Done, Failure> {
    let mut custody = home::reading(&args.keyring)?;
    let mut named = args.archives.open(&mut custody)?;
    let extent = Extent { only_named: !named.is_empty(), with_destroyed: args.destroyed };
    let archives = archives(&custody, &named, extent)?;
    if args.output.wants_sheet(common) {
        if args.output.format() == FormatArg::Csv {
            args.output.deliver(common, |out| {
                let notice = named.has_names().then(columns::outlives);
                csv::write(spreadsheet(&mut custody, &mut named, &archives, extent), notice.as_deref(), out)
            })?;
        } else {
            args.output.write(sheet(&mut custody, &mut named, &archives, extent), common)?;
        }
    }
    if common.json {
        json(&mut custody, &mut named, &archives, extent)?;
    }
    if named.has_names() && !common.quiet {
        tell_warning(&tr!("this list names records, and outlives them"));
    }
    home::remember(custody)?;
    Ok(Done::Clean)
}

fn json(
    custody: &mut Custody,
    named: &mut NamedArchives,
    archives: &[ArchiveFacts],
    extent: Extent,
) -> Result<(), Failure> {
    render::json_line(&serde_json::json!({
        "message_type": "report_inventory",
        "keyring": custody.keyring().config().keyring,
        "firm": custody.keyring().config().firm,
        "date": custody.now().today(),
        "with_names": named.has_names(),
        "archives": archives,
    }));
    let mut listed = 0u64;
    records(custody, named, archives, extent, &mut |record| {
        listed += 1;
        render::json_line(&record_json(&record));
        Ok(())
    })?;
    render::json_line(&serde_json::json!({
        "message_type": "report_summary", "count": listed, "states": archive_facts::sum(archives),
    }));
    Ok(())
}

/// A record of a report, for programs.
pub fn record_json(record: &InventoryRecord) -> serde_json::Value {
    let mut object = serde_json::json!(record);
    object["message_type"] = "report_record".into();
    render::complete(object, &["until", "awaiting_events", "permanent", "name", "dated", "files", "bytes"])
}

fn sheet<'a>(
    custody: &'a mut Custody,
    named: &'a mut NamedArchives,
    archives: &'a [ArchiveFacts],
    extent: Extent,
) -> Sheet<'a> {
    let mut sheet = Sheet::new(language(), &tr!("Inventory of archives that are kept"));
    sheet.landscape = true;
    if named.has_names() {
        sheet.blocks.push(Block::Warning(columns::outlives()));
    }
    let sum = archive_facts::sum(archives);
    let today = custody.now().today();
    let (firm, keyring) = (custody.keyring().config().firm.clone(), custody.keyring().config().keyring.clone());
    sheet.blocks.push(Block::Fields(vec![
        (tr!("Firm, by its seals"), firm),
        (tr!("inventory" => "Keyring"), keyring),
        (tr!("Date of this list"), today.to_string()),
        (tr!("Records whose keys are there"), sum.live().to_string()),
        (tr!("Records by state"), counts(&sum)),
    ]));
    archive_facts::push(&mut sheet, archives);
    sheet.heading(&tr!("inventory" => "Records"));
    let notes = notes(named, archives, &archive_facts::short_names(archives.iter().map(|facts| facts.archive)));
    sheet.blocks.push(Block::LongTable(listed(custody, named, archives, extent)));
    notes.into_iter().for_each(|note| sheet.paragraph(note));
    sheet.heading(&tr!("Signatures"));
    signing::inventory(&mut sheet);
    sheet
}

/// What is said below a list of records.
pub fn notes(named: &NamedArchives, archives: &[ArchiveFacts], marks: &BTreeMap<ArchiveId, String>) -> Vec<String> {
    let to = tr!("the date of this list, or to the destruction");
    let mut notes = columns::about_numbers(marks);
    notes.push(columns::about_terms(&to));
    notes.extend(columns::about_rules(archives));
    notes.extend(columns::about_labels(named, archives));
    notes
}

/// The table for people: archives by their short names, and columns only for what is known.
fn listed<'a>(
    custody: &'a mut Custody,
    named: &'a mut NamedArchives,
    archives: &'a [ArchiveFacts],
    extent: Extent,
) -> LongTable<'a> {
    let short = archive_facts::short_names(archives.iter().map(|facts| facts.archive));
    let rules = RuleWords::of(named, archives.iter().map(|facts| facts.archive));
    let with_names = named.has_names();
    let mut head = vec![columns::number()];
    if with_names {
        head.extend([columns::name(), columns::years(), columns::files()]);
    }
    head.extend([
        columns::file_number(),
        tr!("inventory" => "Class"),
        tr!("inventory" => "Compartment"),
        columns::rules(),
        columns::required(),
        columns::kept_for(),
        columns::last_day(),
        tr!("inventory" => "State"),
    ]);
    let cells = move |record: InventoryRecord| {
        let mut cells = vec![record.number.to_string()];
        if with_names {
            cells.extend(columns::label_cells(record.labelled.as_ref()));
        }
        cells.extend([
            columns::file_number_cell(&short[&record.archive], record.record),
            class(record.class),
            record.compartment.clone(),
            rules.titles(&record.archive, &record.rules),
        ]);
        cells.extend(columns::term_cells(&record.required, record.kept_for));
        cells.push(state_words(&record));
        cells
    };
    let right = if with_names { vec![0, 3] } else { vec![0] };
    table((head, right), (custody, named), archives, extent, cells)
}

/// The table for spreadsheets: everything in columns of its own.
fn spreadsheet<'a>(
    custody: &'a mut Custody,
    named: &'a mut NamedArchives,
    archives: &'a [ArchiveFacts],
    extent: Extent,
) -> LongTable<'a> {
    let mut head = vec![columns::number()];
    head.extend(columns::spelled_number_heads());
    head.extend(columns::label_heads());
    head.extend([tr!("inventory" => "Bytes"), tr!("inventory" => "Class"), tr!("inventory" => "Compartment")]);
    head.extend([columns::rules(), columns::rule_ids(), tr!("Keys deposited")]);
    head.extend(columns::spelled_term_heads());
    head.extend([columns::destroyed(), tr!("inventory" => "State")]);
    let short = archive_facts::short_names(archives.iter().map(|facts| facts.archive));
    let rules = RuleWords::of(named, archives.iter().map(|facts| facts.archive));
    let cells = move |record: InventoryRecord| {
        let mut cells = vec![record.number.to_string()];
        cells.extend(columns::spelled_numbers(&record.archive, &short[&record.archive], record.record));
        cells.extend(columns::label_cells(record.labelled.as_ref()));
        let bytes = record.labelled.as_ref().map(|label| label.bytes.to_string());
        cells.extend([
            bytes.unwrap_or_else(|| NOTHING.to_owned()),
            class(record.class),
            record.compartment.clone(),
            rules.titles(&record.archive, &record.rules),
            ids(&record.rules),
            record.kept_from.to_string(),
        ]);
        cells.extend(columns::spelled_terms(&record.required, record.kept_for));
        cells.extend([columns::last_day_cell(record.destroyed_on), state_words(&record)]);
        cells
    };
    table((head, Vec::new()), (custody, named), archives, extent, cells)
}

fn table<'a>(
    (head, right): (Vec<String>, Vec<usize>),
    (custody, named): (&'a mut Custody, &'a mut NamedArchives),
    archives: &'a [ArchiveFacts],
    extent: Extent,
    cells: impl Fn(InventoryRecord) -> Vec<String> + 'a,
) -> LongTable<'a> {
    LongTable {
        head,
        right,
        rows: Box::new(move |sink| {
            give_rows(sink, |row| records(custody, named, archives, extent, &mut |record| row(cells(record))))
        }),
    }
}

/// The state, with the day on which a cool-off is over.
pub fn state_words(record: &InventoryRecord) -> String {
    match (record.state, record.not_before) {
        (State::Scheduled, Some(day)) => tr!("scheduled, from {day} on", day = day),
        (other, _) => state(other),
    }
}
