//! `keepuntil report destruction --certificate`: the destruction list as it was carried out, for the witnesses to sign after.

use super::destruction::limits;
use super::record_words::NOTHING;
use super::rule_words::{RuleWords, ids};
use super::{archive_facts, columns, signing};
use crate::cli::args::Common;
use crate::cli::certificate::{JournalArgs, Signatures, open};
use crate::cli::error::{Failure, tell_hint};
use crate::cli::output::{FormatArg, OutputArgs};
use crate::cli::sheet::{Block, LongTable, RowSink, Sheet, csv};
use crate::cli::{Done, render};
use crate::crypto::kdf::ArchiveId;
use crate::journal::certificate::{Certificate, DestroyedRecord, Verified};
use crate::journal::plan::identity;
use crate::language::language;
use crate::retention::required::Required;
use std::collections::BTreeMap;
use std::path::Path;
use tr::tr;

pub fn run(path: &Path, journal: &JournalArgs, output: &OutputArgs, common: Common) -> Result<Done, Failure> {
    let (certificate, verified, signatures) = open(path, journal)?;
    if output.wants_sheet(common) {
        if output.format() == FormatArg::Csv {
            output.deliver(common, |out| csv::write(spreadsheet(&certificate), None, out))?;
        } else {
            output.write(sheet(&certificate, &verified, signatures), common)?;
        }
    }
    if common.json {
        json(&certificate, &verified, signatures);
    }
    match signatures {
        Signatures::Checked => Ok(Done::Clean),
        Signatures::Unchecked => {
            tell_hint(&tr!("say whose journal it must be: --journal FILE with the firm's two verifier keys"));
            Ok(Done::Findings)
        }
    }
}

fn json(certificate: &Certificate, verified: &Verified, signatures: Signatures) {
    render::json_line(&serde_json::json!({
        "message_type": "report_certificate",
        "checked": signatures == Signatures::Checked,
        "sha256": hex::encode(identity(&certificate.to_bytes())),
        "keyring": hex::encode(certificate.keyring),
        "firm": certificate.firm,
        "purge": hex::encode(certificate.purge),
        "executed": certificate.executed,
        "date": certificate.date,
        "plan": certificate.plan.sha256.map(hex::encode),
        "journal": { "origin": verified.checkpoint.origin, "journal_entry": verified.entry,
            "entries": verified.checkpoint.size },
    }));
    for record in &certificate.records {
        let mut object = serde_json::json!(record);
        object["message_type"] = "report_destroyed".into();
        object["destroyed_on"] = object["destroyed"].take();
        let required = required(record);
        object["period"] = serde_json::json!(record.term.map(|term| term.period));
        object["period_start"] = serde_json::json!(record.term.map(|term| term.from));
        object["period_extended"] = required.extended.into();
        object["kept_for"] = serde_json::json!(required.elapsed(record.destroyed));
        for moved in ["destroyed", "term"] {
            object.as_object_mut().map(|fields| fields.remove(moved));
        }
        render::json_line(&render::complete(object, &["until"]));
    }
    render::end_of_list(certificate.records.len() as u64);
}

fn sheet<'a>(certificate: &'a Certificate, verified: &Verified, signatures: Signatures) -> Sheet<'a> {
    let c = certificate;
    let mut sheet = Sheet::new(language(), &tr!("Destruction list, carried out"));
    sheet.landscape = true;
    match signatures {
        Signatures::Checked => sheet.paragraph(tr!(
            "The certificate was checked when this was made: the journal of the firm, whose keys were named, says what it says."
        )),
        Signatures::Unchecked => sheet.blocks.push(Block::Warning(tr!(
            "The signatures of the journal were NOT checked when this was made. Anybody can write a file that looks like this: see “How to check it”."
        ))),
    }
    sheet.blocks.push(Block::Fields(vec![
        (tr!("Firm, by its journal"), c.firm.clone()),
        (tr!("inventory" => "Keyring"), hex::encode(c.keyring)),
        (tr!("Purge"), hex::encode(c.purge)),
        (tr!("Carried out"), render::time(c.executed)),
        (tr!("Date of destruction"), c.date.to_string()),
        (tr!("Records destroyed by cryptographic erase"), c.records.len().to_string()),
        (
            tr!("Plan (SHA-256 of its file)"),
            c.plan
                .sha256
                .map_or_else(|| tr!("none: it ran unattended, as the retention of these records allows"), hex::encode),
        ),
        (tr!("Certificate (SHA-256 of its file)"), hex::encode(identity(&c.to_bytes()))),
    ]));
    sheet.heading(&tr!("Destruction list"));
    let short = archive_facts::short_names(c.records.iter().map(|record| record.archive));
    let notes = notes(c, &short);
    sheet.blocks.push(Block::LongTable(listed(c, short)));
    notes.into_iter().for_each(|note| sheet.paragraph(note));
    sheet.heading(&tr!("How to check it"));
    sheet.paragraph(tr!(
        "With the certificate's file and the journal's two verifier keys, on any machine, offline. Take the keys from somewhere else than from whoever gave you this."
    ));
    sheet.blocks.push(Block::Commands(vec!["keepuntil certificate verify FILE --journal firm.vkeys".to_owned()]));
    sheet.blocks.push(Block::Fields(vec![
        (tr!("Journal"), verified.checkpoint.origin.clone()),
        (
            tr!("certificate" => "Entry"),
            tr!("no. {entry} of {size}", entry = verified.entry, size = verified.checkpoint.size),
        ),
        (tr!("SHA-256 of the record table"), hex::encode(c.inventory)),
    ]));
    sheet.heading(&tr!("After the destruction"));
    sheet.paragraph(tr!(
        "The witnesses are to compare the list with what is destroyed before the destruction, and to sign here after it. Whether they did, only their signatures say. What it does not prove stands in the certificate: `keepuntil certificate show FILE`."
    ));
    signing::witnesses(&mut sheet, true);
    sheet.paragraph(limits());
    sheet
}

/// What a certificate knows of how long a record had to be kept.
pub fn required(record: &DestroyedRecord) -> Required {
    Required {
        period: record.term.map(|term| term.period),
        start: record.term.map(|term| term.from),
        awaited: None,
        at_most: false,
        extended: record.term.is_some_and(|term| term.extended),
        last: record.until,
    }
}

/// Retention and time kept of a destroyed record; blank where it waited for an event when it was destroyed.
pub fn term_cells(record: &DestroyedRecord) -> [String; 2] {
    let required = required(record);
    let words = if required.last.is_none() { NOTHING.to_owned() } else { required.words() };
    [words, columns::kept_cell(required.elapsed(record.destroyed))]
}

/// The last two columns of a list of what was destroyed: last day, and when it was.
pub fn day_cells(record: &DestroyedRecord) -> [String; 2] {
    let early = if record.early { "*" } else { "" };
    [columns::last_day_cell(record.until), format!("{}{early}", record.destroyed)]
}

/// What is said below a list of what a certificate says was destroyed.
pub fn notes(certificate: &Certificate, marks: &BTreeMap<ArchiveId, String>) -> Vec<String> {
    let mut notes = columns::about_numbers(marks);
    notes.extend([
        tr!(
            "Names, years and numbers of files died with the records and are not in the certificate; they stand on a list only where one was made before. The certificate has a period only where the keyring knew it: that of a built-in rule, or one that began with an event."
        ),
        columns::about_terms(&tr!("the destruction")),
    ]);
    if certificate.records.iter().any(|record| record.early) {
        notes.push(tr!("* destroyed before its last day, as a ceiling rule allows"));
    }
    notes
}

fn listed(certificate: &Certificate, short: BTreeMap<ArchiveId, String>) -> LongTable<'_> {
    let head = vec![
        columns::number(),
        columns::volume(),
        columns::items(),
        columns::file_number(),
        columns::rules(),
        columns::required(),
        columns::kept_for(),
        columns::last_day(),
        columns::destroyed(),
    ];
    let rules = RuleWords::default();
    let cells = move |(place, record): (usize, &DestroyedRecord)| {
        let mark = &short[&record.archive];
        let mut cells = vec![
            (place + 1).to_string(),
            mark.clone(),
            "1".to_owned(),
            columns::file_number_cell(mark, record.record),
            rules.titles(&record.archive, &record.rules),
        ];
        cells.extend(term_cells(record));
        cells.extend(day_cells(record));
        cells
    };
    let rows = move |sink: &mut RowSink| certificate.records.iter().enumerate().map(cells).try_for_each(sink);
    LongTable { head, right: vec![0, 2], rows: Box::new(rows) }
}

/// The table for spreadsheets: everything in columns of its own.
fn spreadsheet(certificate: &Certificate) -> LongTable<'_> {
    let mut head = vec![columns::number()];
    head.extend(columns::spelled_number_heads());
    head.extend([columns::items(), columns::rules(), columns::rule_ids()]);
    head.extend(columns::spelled_term_heads());
    head.push(columns::destroyed());
    let short = archive_facts::short_names(certificate.records.iter().map(|record| record.archive));
    let rules = RuleWords::default();
    let cells = move |(place, record): (usize, &DestroyedRecord)| {
        let mut cells = vec![(place + 1).to_string()];
        cells.extend(columns::spelled_numbers(&record.archive, &short[&record.archive], record.record));
        cells.extend(["1".to_owned(), rules.titles(&record.archive, &record.rules), ids(&record.rules)]);
        let required = required(record);
        let [words, _] = term_cells(record);
        let [_, iso, first, kept, kept_iso, _] = columns::spelled_terms(&required, required.elapsed(record.destroyed));
        cells.extend([words, iso, first, kept, kept_iso]);
        cells.extend(day_cells(record));
        cells
    };
    let rows = move |sink: &mut RowSink| certificate.records.iter().enumerate().map(cells).try_for_each(sink);
    LongTable { head, right: Vec::new(), rows: Box::new(rows) }
}
