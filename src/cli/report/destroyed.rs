//! `keepuntil report destruction --certificate`: the destruction list as it was carried out, for the witnesses to sign after.

use super::destruction::{limits, list_head, push_archives};
use super::record_words::{kept, rules, until};
use super::{archive_facts, signing};
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
use std::path::Path;
use tr::tr;

pub fn run(path: &Path, journal: &JournalArgs, output: &OutputArgs, common: Common) -> Result<Done, Failure> {
    let (certificate, verified, signatures) = open(path, journal)?;
    if output.wants_sheet(common) {
        if output.format() == FormatArg::Csv {
            output.deliver(common, |out| csv::write(listed(&certificate, hex::encode), None, out))?;
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
        object.as_object_mut().map(|fields| fields.remove("destroyed"));
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
    sheet.paragraph(tr!(
        "Names died with the records; they stand on a list only where one was made before. “Kept for” counts from the deposit of the keys to the destruction. Each record counts as one volume. A star marks what was destroyed before its last day."
    ));
    let short = archive_facts::short_names(c.records.iter().map(|record| record.archive));
    push_archives(&mut sheet, &short);
    sheet.blocks.push(Block::LongTable(listed(c, move |archive| short[&archive].clone())));
    sheet.heading(&tr!("How to check it"));
    sheet.paragraph(tr!(
        "With the certificate's file and the journal's two verifier keys, on any machine, offline. Take the keys from somewhere else than from whoever gave you this."
    ));
    sheet.blocks.push(Block::Commands(vec!["keepuntil certificate verify FILE --journal firm.vkeys".to_owned()]));
    sheet.blocks.push(Block::Fields(vec![
        (tr!("Journal"), verified.checkpoint.origin.clone()),
        (tr!("Entry, of so many under the checkpoint"), format!("{} / {}", verified.entry, verified.checkpoint.size)),
        (tr!("SHA-256 of the record table"), hex::encode(c.inventory)),
    ]));
    sheet.heading(&tr!("After the destruction"));
    sheet.paragraph(tr!(
        "The witnesses compared the list before, and sign here after the destruction. What it does not prove stands in the certificate: `keepuntil certificate show FILE`."
    ));
    signing::witnesses(&mut sheet, true);
    sheet.paragraph(limits());
    sheet
}

fn listed<'a>(certificate: &'a Certificate, archive: impl Fn(ArchiveId) -> String + 'a) -> LongTable<'a> {
    let (head, right) = list_head(false, tr!("Destroyed"));
    let cells = move |(place, record): (usize, &DestroyedRecord)| {
        vec![
            (place + 1).to_string(),
            format!("{}-{}", archive(record.archive), record.record),
            record.record.to_string(),
            "1".to_owned(),
            rules(&record.rules),
            until(record.until),
            kept(record.kept_from, record.destroyed),
            format!("{}{}", record.destroyed, if record.early { "*" } else { "" }),
        ]
    };
    let rows = move |sink: &mut RowSink| certificate.records.iter().enumerate().map(cells).try_for_each(sink);
    LongTable { head, right, rows: Box::new(rows) }
}
