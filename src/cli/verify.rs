//! `keepuntil verify`.

use super::args::{Common, Verify};
use super::error::{Failure, code, of_record};
use super::inspect::{signer_word, signer_words};
use super::progress::Bar;
use super::{Done, error, home, render};
use crate::archive::ArchiveError;
use crate::archive::reader::ArchiveReader;
use crate::archive::salvage::{Salvage, salvage};
use crate::archive::verify::{Verification, verify};
use crate::journal::certificate::Certificate;
use crate::keyring::Keyring;
use crate::ops::against::{Comparison, Difference};
use crate::ops::open::{Opener, Signer, open_archive, open_file};
use crate::ops::verify::{CheckOnly, DeepOutcome, deep};
use crate::ops::{OpsError, Progress};
use crate::retention::ranges::Ranges;
use crate::storage::document::MAX_DOCUMENT;
use crate::storage::lock::Sharing;
use crate::storage::{read_limited, show};
use std::sync::Arc;

pub fn run(args: Verify, common: Common) -> Result<Done, Failure> {
    let trust = home::trust(&args.trust)?;
    let needs_keys = args.deep || !args.against.is_empty();
    let mut keyring = home::keyring(&args.keyring, Sharing::Shared)?;
    if needs_keys && keyring.is_none() {
        return Err(OpsError::KeyringMissing.into());
    }
    let (mut reader, signer) = match open_archive(&args.archive, &trust, keyring.as_ref()) {
        Err(OpsError::Archive { path, source: source @ ArchiveError::Damaged { .. } }) => {
            let failure = Failure::from(OpsError::Archive { path, source });
            return report_salvage(&failure, &args, common);
        }
        opened => opened?,
    };
    let destroyed = destroyed_records(&args, &reader, signer, keyring.as_ref())?;
    let bar = Bar::new("verifying", common.quiet);
    bar.total(reader.tail().file_len);
    let found = verify(&mut reader, home::threads(), &|record| destroyed.contains(record), &|bytes| bar.advance(bytes))
        .map_err(OpsError::archive(&args.archive))?;
    bar.done();
    report_structure(&found, reader.records(), &args, common)?;
    let mut done = if found.damage.is_empty() { Done::Clean } else { Done::Damaged };
    if needs_keys {
        let identities = home::required_identities(&args.identity)?;
        let keyring = keyring.as_mut().expect("its absence was refused above");
        let mut opener = Opener::new(&reader, &identities, keyring);
        let names = home::names(args.names_from.as_deref())?;
        let comparison = (!args.against.is_empty()).then(|| Arc::new(Comparison::new(args.against.clone(), names)));
        let bar = Bar::new("opening", common.quiet);
        let outcome = deep(&mut reader, &mut opener, home::threads(), &bar, &|leaf, label| match &comparison {
            Some(comparison) => comparison.visitor(leaf, label),
            None => Box::new(CheckOnly),
        })?;
        bar.done();
        done = worse(done, report_deep(&outcome, common)?);
        if let Some(comparison) = comparison {
            let (differences, same) = comparison.finish();
            done = worse(done, report_comparison(&differences, same, common)?);
        }
    }
    if done == Done::Clean {
        let verdict = if signer == Signer::Unknown { "consistent, " } else { "whole, sealed " };
        if !common.json {
            render::print(&format!("{}: {verdict}{}\n", show(&args.archive), signer_words(signer)))?;
            if found.removed > 0 {
                let n = render::count(found.removed, "destroyed record");
                render::print(&format!("  the content of {n} was removed, by right\n"))?;
            }
        }
    }
    if common.json {
        render::json_line(&serde_json::json!({
            "message_type": "verified",
            "archive": reader.manifest().archive,
            "whole": done == Done::Clean,
            "signer": signer_word(signer),
            "records": reader.records(),
            "whole_records": found.whole,
            "removed_records": found.removed,
            "bytes": found.bytes,
        }));
    }
    if signer == Signer::Unknown && done == Done::Clean {
        eprintln!(
            "keepuntil: hint: say whose seal it must be: --trust FILE with the firm's verifier keys, or --keyring DIR"
        );
        return Ok(Done::Findings);
    }
    Ok(done)
}

/// Records of which the keyring or a certificate says that their keys were destroyed.
fn destroyed_records(
    args: &Verify,
    reader: &ArchiveReader,
    signer: Signer,
    keyring: Option<&Keyring>,
) -> Result<Ranges, Failure> {
    let mut destroyed = Vec::new();
    if let (Signer::KeyringArchive, Some(keyring)) = (signer, keyring) {
        keyring.for_each_record(Some(reader.archive()), &mut |_, entry| {
            destroyed.extend((!entry.live).then_some(entry.record));
            Ok(())
        })?;
    }
    for path in &args.certificate {
        let broken = |source| OpsError::Certificate { path: path.clone(), source };
        let certificate = Certificate::parse(&read_limited(path, MAX_DOCUMENT)?).map_err(broken)?;
        // The journal is signed with the keys that sealed the archive.
        certificate.verify(reader.keys()).map_err(broken)?;
        let of_this = certificate.records.iter().filter(|record| record.archive == *reader.archive());
        destroyed.extend(of_this.map(|record| record.record));
    }
    Ok(destroyed.into_iter().collect())
}

fn worse(a: Done, b: Done) -> Done {
    match (a, b) {
        (Done::Damaged, _) | (_, Done::Damaged) => Done::Damaged,
        (Done::Findings, _) | (_, Done::Findings) => Done::Findings,
        _ => Done::Clean,
    }
}

/// The seal does not verify: says what can be said of the records without it.
fn report_salvage(failure: &Failure, args: &Verify, common: Common) -> Result<Done, Failure> {
    failure.report(common.json);
    let bar = Bar::new("searching", common.quiet);
    let salvage = salvage(&Arc::new(open_file(&args.archive)?), &|bytes| bar.advance(bytes))
        .map_err(OpsError::archive(&args.archive))?;
    bar.done();
    report_damage(&salvage.found, common)?;
    let Salvage { found, listed, fits_checkpoint } = salvage;
    if common.json {
        render::json_line(&serde_json::json!({
            "message_type": "salvage",
            "listed_records": listed,
            "whole_records": found.whole,
            "fits_checkpoint": fits_checkpoint,
        }));
    } else if listed > 0 {
        let proof = if fits_checkpoint { "the list fits its checkpoint" } else { "nothing proves the list" };
        render::print(&format!("{} of {listed} records are as the archive lists them; {proof}\n", found.whole))?;
    }
    Ok(Done::Damaged)
}

fn report_damage(found: &Verification, common: Common) -> Result<(), Failure> {
    for damage in &found.damage {
        if common.json {
            render::json_line(&serde_json::json!({
                "message_type": "damage",
                "record": damage.record,
                "first_byte": damage.first,
                "last_byte": damage.last,
                "what": damage.what,
            }));
        } else {
            let place = damage.record.map_or("archive".into(), |record| format!("record {record}"));
            render::print(&format!("{place}: {} (bytes {} to {})\n", damage.what, damage.first, damage.last))?;
        }
    }
    Ok(())
}

fn report_structure(found: &Verification, records: u64, args: &Verify, common: Common) -> Result<(), Failure> {
    report_damage(found, common)?;
    if !found.damage.is_empty() && !common.json {
        let whole = render::count(found.whole, "record");
        eprintln!("keepuntil: error: {}: damaged; {whole} of {records} whole", show(&args.archive));
        eprintln!(
            "keepuntil: hint: the records that are whole can still be restored; look for another copy for the rest"
        );
        if found.emptied > 0 {
            eprintln!(
                "keepuntil: hint: the content of {} was removed; if their keys were destroyed, prove it: --certificate FILE, \
                 or --keyring DIR",
                render::count(found.emptied, "record")
            );
        }
    }
    Ok(())
}

fn report_deep(outcome: &DeepOutcome, common: Common) -> Result<Done, Failure> {
    let mut done = Done::Clean;
    for (record, e) in &outcome.failed {
        // A record that is gone by right or meant for others is a finding, not damage.
        done = worse(done, if code(e) == error::DAMAGED { Done::Damaged } else { Done::Findings });
        if common.json {
            let object = serde_json::json!({ "message_type": "not_opened", "record": record, "what": e.to_string() });
            render::json_line(&object);
        } else {
            render::print(&format!("{}\n", of_record(*record, e)))?;
        }
    }
    if common.json {
        render::json_line(&serde_json::json!({
            "message_type": "opened",
            "records": outcome.opened,
            "files": outcome.files,
            "bytes": outcome.bytes,
            "failed": outcome.failed.len(),
        }));
    } else {
        render::print(&format!(
            "{} opened: {}, {}; every bag is valid\n",
            render::count(outcome.opened, "record"),
            render::count(outcome.files, "file"),
            render::bytes(outcome.bytes)
        ))?;
    }
    Ok(done)
}

fn report_comparison(differences: &[Difference], same: u64, common: Common) -> Result<Done, Failure> {
    for Difference { record, path, what } in differences {
        if common.json {
            render::json_line(&serde_json::json!({
                "message_type": "difference", "record": record, "path": path, "what": what,
            }));
        } else {
            let place = record.map_or(String::new(), |record| format!(" (record {record})"));
            render::print(&format!("{path}{place}: {what}\n"))?;
        }
    }
    if common.json {
        render::json_line(&serde_json::json!({
            "message_type": "compared", "same": same, "different": differences.len(),
        }));
    } else if differences.is_empty() {
        render::print(&format!("{} compared: names and contents are the same\n", render::count(same, "file")))?;
    } else {
        let n = render::count(differences.len() as u64, "difference");
        eprintln!("keepuntil: warning: {n}; {} the same", render::count(same, "file"));
    }
    Ok(if differences.is_empty() { Done::Clean } else { Done::Findings })
}
