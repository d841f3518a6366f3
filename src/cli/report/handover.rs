//! `keepuntil report handover`.

use super::inventory::{notes, record_json, state_words};
use super::rule_words::RuleWords;
use super::{ArchivesArgs, archive_facts, columns, signing};
use crate::cli::args::{Common, KeyringPlace};
use crate::cli::error::{Failure, tell_warning};
use crate::cli::output::OutputArgs;
use crate::cli::render::class;
use crate::cli::sheet::{Block, LongTable, Sheet, give_rows};
use crate::cli::{Done, home, render};
use crate::language::language;
use crate::ops::custody::Custody;
use crate::ops::report::handover::{Handover, KeyringFacts, RecordGroup, handover};
use crate::ops::report::inventory::{Extent, records};
use crate::ops::report::named::NamedArchives;
use clap::Args;
use tr::tr;

/// The list for handing a keyring and its archives over to another custodian, with the lines that both sides sign
#[derive(Args)]
#[command(
    after_help = "It lists what belongs to the keyring, what the receiver tries before signing, and hands over nothing by \
    itself. Archive files that are named are checked against the keyring; with --records and an identity their records stand on \
    the list by name.\n\n\
    Examples:\n  keepuntil report handover --to 'Lantern Ltd' firm.sealed -o list.html\n  \
    keepuntil report handover --to Lantern --records firm.sealed --lang zh"
)]
pub struct HandoverArgs {
    /// Who takes over
    #[arg(long, value_name = "NAME")]
    to: String,
    /// Who hands over [default: the name in the keyring's seals]
    #[arg(long, value_name = "NAME")]
    from: Option<String>,
    /// List every record, not only groups of them
    #[arg(long)]
    records: bool,
    #[command(flatten)]
    archives: ArchivesArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    keyring: KeyringPlace,
}

pub fn run(args: &HandoverArgs, common: Common) -> Result<Done, Failure> {
    let mut custody = home::reading(&args.keyring)?;
    let mut named = args.archives.open(&mut custody)?;
    let listed = handover(&custody, &named)?;
    let with_names = args.records && named.has_names();
    if args.output.wants_plain_sheet(common)? {
        args.output.write(sheet(args, &mut custody, &mut named, &listed), common)?;
    }
    if common.json {
        json(args, &mut custody, &mut named, &listed)?;
    }
    if with_names && !common.quiet {
        tell_warning(&tr!("this list names records, and outlives them"));
    }
    home::remember(custody)?;
    Ok(Done::Clean)
}

fn json(
    args: &HandoverArgs,
    custody: &mut Custody,
    named: &mut NamedArchives,
    listed: &Handover,
) -> Result<(), Failure> {
    let mut head = serde_json::json!(listed);
    head["message_type"] = "report_handover".into();
    head["date"] = serde_json::json!(custody.now().today());
    head["to_name"] = args.to.as_str().into();
    head["from_name"] = args.from.as_deref().into();
    render::json_line(&head);
    let mut written = listed.groups.len() as u64;
    for group in &listed.groups {
        let mut object = serde_json::json!(group);
        object["message_type"] = "report_group".into();
        render::json_line(&render::complete(object, &["until", "awaiting_events", "permanent"]));
    }
    if args.records {
        records(custody, named, &listed.archives, Extent::default(), &mut |record| {
            written += 1;
            render::json_line(&record_json(&record));
            Ok(())
        })?;
    }
    render::json_line(&serde_json::json!({
        "message_type": "report_summary", "count": written, "states": archive_facts::sum(&listed.archives),
    }));
    Ok(())
}

fn sheet<'a>(
    args: &HandoverArgs,
    custody: &'a mut Custody,
    named: &'a mut NamedArchives,
    listed: &'a Handover,
) -> Sheet<'a> {
    let mut sheet = Sheet::new(language(), &tr!("Handover list"));
    sheet.landscape = true;
    sheet.blocks.push(Block::Warning(tr!(
        "This is a list and hands over nothing by itself: no key, no archive and no duty passes with it."
    )));
    if args.records && named.has_names() {
        sheet.blocks.push(Block::Warning(columns::outlives()));
    }
    let sum = archive_facts::sum(&listed.archives);
    let from = args.from.as_deref().unwrap_or(&listed.keyring.firm);
    sheet.blocks.push(Block::Fields(vec![
        (tr!("Handing over"), from.to_owned()),
        (tr!("Taking over"), args.to.clone()),
        (tr!("Date of this list"), custody.now().today().to_string()),
        (tr!("inventory" => "Archives"), listed.archives.len().to_string()),
        (tr!("Records whose keys are there"), sum.live().to_string()),
        (tr!("Records whose keys were destroyed"), sum.destroyed.to_string()),
    ]));
    keyring(&mut sheet, &listed.keyring);
    archive_facts::push(&mut sheet, &listed.archives);
    contents(args, &mut sheet, custody, named, listed);
    software(&mut sheet);
    tests(&mut sheet);
    sheet.heading(&tr!("Signatures"));
    sheet.paragraph(tr!(
        "To be signed only after the tests above. The receiver notes here what was missing or did not pass."
    ));
    sheet.blanks(&tr!("Findings of the receiver"), &[tr!("Missing"), tr!("Not passed"), tr!("Agreed")]);
    signing::handover(&mut sheet, args.from.as_deref(), &args.to);
    sheet
}

fn keyring(sheet: &mut Sheet, facts: &KeyringFacts) {
    sheet.heading(&tr!("inventory" => "Keyring"));
    let journal = &facts.journal;
    let mut fields = vec![
        (tr!("Keyring id"), facts.keyring.clone()),
        (tr!("Name in its seals"), facts.firm.clone()),
        (tr!("Generation"), facts.generation.to_string()),
        (tr!("Verifier keys"), short_keys(&facts.verifier_keys)),
        (tr!("Journal"), journal.origin.clone()),
        (tr!("Entries in the journal"), journal.size.to_string()),
        (tr!("Root over all entries"), journal.root.clone()),
        (tr!("Entries under the last signed checkpoint"), journal.signed.to_string()),
        (tr!("Holds in force"), facts.holds.to_string()),
        (tr!("Purges whose cool-off runs"), facts.scheduled.to_string()),
    ];
    match &facts.roster {
        None => fields.push((tr!("Roster"), tr!("none: nobody's signature counts"))),
        Some(roster) => {
            fields.push((tr!("Roster (SHA-256)"), roster.sha256.clone()));
            fields.push((tr!("People on the roster"), roster.people.join(" ")));
            fields.push((tr!("People who must sign a plan"), roster.plan_approvals.to_string()));
        }
    }
    sheet.blocks.push(Block::Fields(fields));
    sheet.blocks.push(Block::Subheading(tr!("Emergency key sheets")));
    if facts.key_sheets.is_empty() {
        sheet.paragraph(tr!("The keyring knows of none."));
        return;
    }
    sheet.paragraph(tr!(
        "Each opens its records for ever, without the keyring. They are handed over or destroyed one by one."
    ));
    let each = facts.key_sheets.iter().map(|written| {
        let (time, archive) = (render::spelled_time(&written.time), hex::encode(written.archive));
        tr!(
            "written {time}, archive {archive}: {n} record"
                | "written {time}, archive {archive}: {n} records" % written.records,
            time = time,
            archive = archive
        )
    });
    sheet.blocks.push(Block::List(each.collect()));
}

/// The Ed25519 key whole; of the other, which is as long as a page, its beginning.
fn short_keys([classical, post_quantum]: &[String; 2]) -> String {
    let beginning: String = post_quantum.chars().take(60).collect();
    format!("{classical}  {beginning}…")
}

fn contents<'a>(
    args: &HandoverArgs,
    sheet: &mut Sheet<'a>,
    custody: &'a mut Custody,
    named: &'a mut NamedArchives,
    listed: &'a Handover,
) {
    sheet.heading(&tr!("Records by how long they must be kept"));
    let short = archive_facts::short_names(listed.archives.iter().map(|facts| facts.archive));
    let head = vec![
        tr!("inventory" => "Archive"),
        tr!("inventory" => "Compartment"),
        tr!("inventory" => "Class"),
        columns::rules(),
        tr!("inventory" => "Records"),
        tr!("Held"),
        columns::required(),
        columns::kept_for(),
        columns::last_day(),
    ];
    let names = short.clone();
    let titles = || RuleWords::of(named, listed.archives.iter().map(|facts| facts.archive));
    let (rules, rules_of_records) = (titles(), titles());
    let row = move |group: &RecordGroup| {
        let mut cells = vec![
            names[&group.archive].clone(),
            group.compartment.clone(),
            class(group.class),
            rules.titles(&group.archive, &group.rules),
            group.records.to_string(),
            group.held.to_string(),
        ];
        cells.extend(columns::term_cells(&group.required, group.kept_for));
        cells
    };
    let rows = move |sink: &mut crate::cli::sheet::RowSink| listed.groups.iter().map(row).try_for_each(sink);
    sheet.blocks.push(Block::LongTable(LongTable { head, right: vec![4, 5], rows: Box::new(rows) }));
    if !args.records {
        sheet.paragraph(columns::about_terms(&tr!("the date of this list")));
        columns::about_rules(&listed.archives).into_iter().for_each(|note| sheet.paragraph(note));
        return;
    }
    let notes = notes(named, &listed.archives, &short);
    sheet.heading(&tr!("inventory" => "Records"));
    let head = vec![
        columns::number(),
        columns::name(),
        columns::years(),
        columns::files(),
        columns::file_number(),
        tr!("inventory" => "Class"),
        columns::rules(),
        columns::required(),
        columns::kept_for(),
        columns::last_day(),
        tr!("inventory" => "State"),
    ];
    let rows = move |sink: &mut crate::cli::sheet::RowSink| {
        give_rows(sink, |row| {
            records(custody, named, &listed.archives, Extent::default(), &mut |record| {
                let mut cells = vec![record.number.to_string()];
                cells.extend(columns::label_cells(record.labelled.as_ref()));
                let file_number = columns::file_number_cell(&short[&record.archive], record.record);
                let rules = rules_of_records.titles(&record.archive, &record.rules);
                cells.extend([file_number, class(record.class), rules]);
                cells.extend(columns::term_cells(&record.required, record.kept_for));
                cells.push(state_words(&record));
                row(cells)
            })
        })
    };
    sheet.blocks.push(Block::LongTable(LongTable { head, right: vec![0, 3], rows: Box::new(rows) }));
    notes.into_iter().for_each(|note| sheet.paragraph(note));
}

fn software(sheet: &mut Sheet) {
    sheet.heading(&tr!("What is needed to read it"));
    sheet.blocks.push(Block::List(vec![
        tr!("the archive files listed above; any copy will do"),
        tr!("the keyring's folder together with its root: without both no record opens"),
        tr!("the identities (private keys) that open the compartments, handed over apart from the keyring"),
        tr!("keepuntil {version} or newer, or another program that reads its published format", version = env!("CARGO_PKG_VERSION")),
        tr!("without keepuntil: the first file in each archive, README.txt, says how to read it with tar, age and zstd and a key sheet"),
    ]));
    sheet.paragraph(tr!(
        "The root is moved, not copied: a copy that stays behind revives what is destroyed later. Whoever hands over says in writing that none stays."
    ));
}

fn tests(sheet: &mut Sheet) {
    sheet.heading(&tr!("Tests by the receiver, before signing"));
    sheet.paragraph(tr!(
        "On the receiver's own machine, with the files as they were received. Take the verifier keys and the checkpoint from earlier letters or from a witness, not from the same carrier."
    ));
    sheet.blocks.push(Block::Commands(
        [
            "keepuntil verify ARCHIVE --trust firm.vkeys",
            "keepuntil keyring info",
            "keepuntil keyring check ARCHIVE",
            "keepuntil journal verify --since CHECKPOINT",
            "keepuntil verify ARCHIVE --deep -i IDENTITY",
            "keepuntil restore ARCHIVE --record N -i IDENTITY -o out",
            "keepuntil status",
        ]
        .map(str::to_owned)
        .into(),
    ));
    sheet.blocks.push(Block::List(vec![
        tr!("the ids, roots and numbers that they show are those of this list"),
        tr!("the journal has at least the entries of this list, and its first ones have the root of this list"),
        tr!("records drawn by the receiver open, and are what their names say"),
    ]));
}
