//! `keepuntil report inventory`.

use super::record_words::{NOTHING, counts, keep, kept, rules, state};
use super::{ArchivesArgs, archive_facts};
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
use chrono::NaiveDate;
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
                let notice = named.has_names().then(outlives);
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

/// What is said on every list with names.
pub fn outlives() -> String {
    tr!(
        "This list outlives the records: it names what can no longer be read once they are destroyed. Keep it as closely as the records are kept, or destroy it with them."
    )
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
        sheet.blocks.push(Block::Warning(outlives()));
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
    sheet.paragraph(tr!(
        "“Keep until” is the last day of the retention by the rules and events that are recorded now; “kept for” counts from the deposit of the keys to the date of this list. Each record counts as one volume."
    ));
    sheet.blocks.push(Block::LongTable(listed(custody, named, archives, extent, today)));
    sheet
}

/// The table for people: archives by their short names, and columns only for what is known.
fn listed<'a>(
    custody: &'a mut Custody,
    named: &'a mut NamedArchives,
    archives: &'a [ArchiveFacts],
    extent: Extent,
    today: NaiveDate,
) -> LongTable<'a> {
    let short = archive_facts::short_names(archives.iter().map(|facts| facts.archive));
    let with_names = named.has_names();
    let mut head = vec![tr!("No."), tr!("File no.")];
    if with_names {
        head.extend([tr!("inventory" => "Name"), tr!("inventory" => "Years"), tr!("inventory" => "Files")]);
    }
    head.extend([
        tr!("inventory" => "Class"),
        tr!("inventory" => "Compartment"),
        tr!("inventory" => "Rules"),
        tr!("Keep until"),
        tr!("Kept for"),
        tr!("inventory" => "State"),
    ]);
    let cells = move |record: InventoryRecord| {
        let mut cells = vec![record.number.to_string(), format!("{}-{}", short[&record.archive], record.record)];
        if with_names {
            cells.extend(label_cells(&record));
        }
        cells.extend([
            class(record.class),
            record.compartment.clone(),
            rules(&record.rules),
            keep(&record.keep),
            kept(record.kept_from, today),
            state_words(&record),
        ]);
        cells
    };
    let right = if with_names { vec![0, 4] } else { vec![0] };
    table((head, right), (custody, named), archives, extent, cells)
}

/// The table for spreadsheets: everything in columns of its own.
fn spreadsheet<'a>(
    custody: &'a mut Custody,
    named: &'a mut NamedArchives,
    archives: &'a [ArchiveFacts],
    extent: Extent,
) -> LongTable<'a> {
    let today = custody.now().today();
    let head = vec![
        tr!("No."),
        tr!("inventory" => "Archive"),
        tr!("inventory" => "Record"),
        tr!("inventory" => "Name"),
        tr!("inventory" => "Years"),
        tr!("inventory" => "Files"),
        tr!("inventory" => "Bytes"),
        tr!("inventory" => "Class"),
        tr!("inventory" => "Compartment"),
        tr!("inventory" => "Rules"),
        tr!("inventory" => "Kept since"),
        tr!("Keep until"),
        tr!("Kept for"),
        tr!("inventory" => "State"),
    ];
    let firm: BTreeMap<ArchiveId, String> = archives.iter().map(|f| (f.archive, hex::encode(f.archive))).collect();
    let cells = move |record: InventoryRecord| {
        let mut cells = vec![record.number.to_string(), firm[&record.archive].clone(), record.record.to_string()];
        cells.extend(label_cells(&record));
        let bytes = record.labelled.as_ref().map(|label| label.bytes.to_string());
        cells.extend([
            bytes.unwrap_or_else(|| NOTHING.to_owned()),
            class(record.class),
            record.compartment.clone(),
            rules(&record.rules),
            record.kept_from.to_string(),
            keep(&record.keep),
            kept(record.kept_from, today),
            state_words(&record),
        ]);
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

/// Name, years, files.
pub fn label_cells(record: &InventoryRecord) -> [String; 3] {
    match &record.labelled {
        None => [NOTHING, NOTHING, NOTHING].map(str::to_owned),
        Some(label) => {
            let years = label.dated.map_or(NOTHING.to_owned(), |dated| dated.format("%Y").to_string());
            [label.name.clone(), years, label.files.to_string()]
        }
    }
}

/// The state, with the day on which a cool-off is over.
pub fn state_words(record: &InventoryRecord) -> String {
    match (record.state, record.not_before) {
        (State::Scheduled, Some(day)) => tr!("scheduled, from {day} on", day = day),
        (other, _) => state(other),
    }
}
