//! `keepuntil verify`.

use super::args::{Common, Verify};
use super::error::{Failure, code, of_record, tell_error, tell_hint, tell_warning};
use super::inspect::{signer_word, signer_words};
use super::progress::Bar;
use super::{Done, error, home, render};
use crate::archive::ArchiveError;
use crate::archive::reader::ArchiveReader;
use crate::archive::salvage::{Salvage, claimed_archive, salvage};
use crate::archive::verify::{Verification, verify as verify_structure};
use crate::crypto::kdf::ArchiveId;
use crate::journal::certificate::Certificate;
use crate::journal::entry::VerifiedOutcome;
use crate::keyring::Keyring;
use crate::language::text;
use crate::ops::against::{Comparison, Difference, Same};
use crate::ops::open::{Opener, Signer, open_archive, open_file};
use crate::ops::verify::{self, CheckOnly, DeepOutcome, deep};
use crate::ops::{OpsError, Progress};
use crate::retention::ranges::Ranges;
use crate::storage::document::MAX_DOCUMENT;
use crate::storage::lock::Sharing;
use crate::storage::{read_limited, show};
use std::collections::BTreeSet;
use std::sync::Arc;
use tr::tr;

/// What a verification has come to so far, for the journal.
#[derive(Default)]
struct Seen {
    /// Where the seal is the one that the keyring knows.
    archive: Option<ArchiveId>,
    outcome: Option<VerifiedOutcome>,
    deep: bool,
}

pub fn run(args: Verify, common: Common) -> Result<Done, Failure> {
    let mut seen = Seen::default();
    let checked = check(&args, common, &mut seen);
    let noted = if args.note { note(&args, &seen, common) } else { Ok(()) };
    if args.note && checked.is_err() && seen.outcome.is_none() {
        tell_warning(&tr!("nothing was noted in the journal: the verification came to no outcome"));
    }
    match (checked, noted) {
        (checked, Ok(())) => checked,
        (Ok(Done::Clean | Done::Findings), Err(failure)) => Err(failure),
        // What is wrong with the archive decides how the command ends.
        (checked, Err(failure)) => {
            failure.report(common.json);
            checked
        }
    }
}

impl Seen {
    fn note(&mut self, done: Done) {
        let damaged = done == Done::Damaged;
        self.outcome = Some(if damaged { VerifiedOutcome::Damaged } else { VerifiedOutcome::Whole });
    }
}

/// Notes what was seen, where it came to an outcome.
fn note(args: &Verify, seen: &Seen, common: Common) -> Result<(), Failure> {
    let Some(outcome) = seen.outcome else { return Ok(()) };
    let archive = match seen.archive {
        Some(archive) => archive,
        None => claimed_archive(&Arc::new(open_file(&args.archive)?)).map_err(OpsError::archive(&args.archive))?,
    };
    let entry = verify::note(&mut home::custody(&args.keyring)?, &archive, outcome, seen.deep)?;
    if common.json {
        render::json_line(&serde_json::json!({
            "message_type": "noted", "archive": hex::encode(archive), "journal_entry": entry, "outcome": outcome,
            "deep": seen.deep,
        }));
    } else if !common.quiet {
        render::print(&(tr!("noted in the journal as entry {entry}", entry = entry) + "\n"))?;
    }
    Ok(())
}

fn check(args: &Verify, common: Common, seen: &mut Seen) -> Result<Done, Failure> {
    let trust = home::trust(&args.trust)?;
    let needs_keys = args.deep || !args.against.is_empty();
    let mut keyring = home::keyring(&args.keyring, Sharing::Shared)?;
    if (needs_keys || args.note) && keyring.is_none() {
        return Err(OpsError::KeyringMissing.into());
    }
    let (mut reader, signer) = match open_archive(&args.archive, &trust, keyring.as_ref()) {
        Err(OpsError::Archive { path, source: source @ ArchiveError::Damaged { .. } }) => {
            seen.outcome = Some(VerifiedOutcome::Damaged);
            let failure = Failure::from(OpsError::Archive { path, source });
            return report_salvage(&failure, args, keyring.as_ref(), common);
        }
        Err(e @ OpsError::ForeignSeal { .. }) => {
            seen.outcome = Some(VerifiedOutcome::Damaged);
            return Err(e.into());
        }
        opened => opened?,
    };
    if let (true, Some(keyring)) = (args.note, &keyring) {
        // Known before the long work begins.
        verify::known_root(keyring, reader.archive())?;
        seen.archive = Some(*reader.archive());
    }
    let destroyed = destroyed_records(args, &reader, signer, keyring.as_ref())?;
    let bar = Bar::new(text!("verifying"), common.quiet);
    bar.total(reader.tail().file_len);
    let found = verify_structure(&mut reader, home::threads(), &|record| destroyed.contains(record), &|bytes| {
        bar.advance(bytes)
    })
    .map_err(OpsError::archive(&args.archive))?;
    bar.done();
    let mut done = if found.damage.is_empty() { Done::Clean } else { Done::Damaged };
    // Whole is what all that was asked for says, and that may not end; damage is damage whatever comes behind it.
    if done == Done::Damaged || !needs_keys {
        seen.note(done);
    }
    report_structure(&found, reader.records(), args, common)?;
    if needs_keys {
        let identities = home::required_identities(&args.identity)?;
        let keyring = keyring.as_mut().expect("its absence was refused above");
        let mut opener = Opener::new(&reader, &identities, keyring);
        let names = home::names(args.names_from.as_deref())?;
        let comparison = (!args.against.is_empty()).then(|| Arc::new(Comparison::new(args.against.clone(), names)));
        let bar = Bar::new(text!("opening"), common.quiet);
        let outcome = deep(&mut reader, &mut opener, home::threads(), &bar, &|leaf, label| match &comparison {
            Some(comparison) => comparison.visitor(leaf, label),
            None => Box::new(CheckOnly),
        })?;
        bar.done();
        done = worse(done, report_deep(&outcome, common)?);
        seen.note(done);
        seen.deep = outcome.failed.iter().all(|(_, e)| [error::DAMAGED, error::DESTROYED].contains(&code(e)));
        if let Some(comparison) = comparison {
            let (differences, same) = comparison.finish();
            done = worse(done, report_comparison(&differences, same, common)?);
        }
    }
    if done == Done::Clean && !common.json {
        let (archive, words) = (show(&args.archive), signer_words(signer));
        let verdict = match signer {
            Signer::Unknown => tr!("{archive}: consistent, {signer}", archive = archive, signer = words),
            _ => tr!("{archive}: whole, sealed {signer}", archive = archive, signer = words),
        };
        render::print(&(verdict + "\n"))?;
        print_removed(found.removed)?;
    }
    if common.json {
        render::json_line(&serde_json::json!({
            "message_type": "verified",
            "archive": reader.manifest().archive,
            "whole": done == Done::Clean,
            "signer": signer_word(signer),
            "record_count": reader.records(),
            "whole_count": found.whole,
            "removed_count": found.removed,
            "bytes": found.bytes,
        }));
    }
    if signer == Signer::Unknown && done == Done::Clean {
        tell_hint(&tr!("say whose seal it must be: --trust FILE with the firm's verifier keys, or --keyring DIR"));
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
        destroyed.extend(destroyed_in(keyring, reader.archive())?);
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

/// Records of an archive whose keys the keyring destroyed.
fn destroyed_in(keyring: &Keyring, archive: &ArchiveId) -> Result<Vec<u64>, Failure> {
    let mut destroyed = Vec::new();
    keyring.for_each_record(Some(archive), &mut |_, entry| {
        destroyed.extend((!entry.live).then_some(entry.record));
        Ok(())
    })?;
    Ok(destroyed)
}

fn worse(a: Done, b: Done) -> Done {
    match (a, b) {
        (Done::Damaged, _) | (_, Done::Damaged) => Done::Damaged,
        (Done::Findings, _) | (_, Done::Findings) => Done::Findings,
        _ => Done::Clean,
    }
}

/// The seal does not verify: says what can be said of the records without it.
fn report_salvage(
    failure: &Failure,
    args: &Verify,
    keyring: Option<&Keyring>,
    common: Common,
) -> Result<Done, Failure> {
    failure.report(common.json);
    let bar = Bar::new(text!("searching"), common.quiet);
    let file = Arc::new(open_file(&args.archive)?);
    bar.total(file.metadata().map_or(0, |metadata| metadata.len()));
    // Which archive it is nobody proves, nor anything else of it here: what the keyring destroyed of the one that it says it is.
    let destroyed = match (keyring, claimed_archive(&file)) {
        (Some(keyring), Ok(archive)) if keyring.known_archive(&archive).is_ok_and(|known| known.is_some()) => {
            destroyed_in(keyring, &archive)?.into_iter().collect()
        }
        _ => Ranges::default(),
    };
    let salvage = salvage(&file, &|record| destroyed.contains(record), &|bytes| bar.advance(bytes))
        .map_err(OpsError::archive(&args.archive))?;
    bar.done();
    report_damage(&salvage.found, common)?;
    let Salvage { found, listed, fits_checkpoint } = salvage;
    if common.json {
        render::json_line(&serde_json::json!({
            "message_type": "salvage",
            "listed_count": listed,
            "whole_count": found.whole,
            "removed_count": found.removed,
            "fits_checkpoint": fits_checkpoint,
        }));
    } else if listed > 0 {
        let whole = found.whole;
        let text = match fits_checkpoint {
            true => tr!(
                "{whole} of {n} records are as the archive lists them; the list fits its checkpoint",
                whole = whole,
                n = listed
            ),
            false => tr!(
                "{whole} of {n} records are as the archive lists them; nothing proves the list",
                whole = whole,
                n = listed
            ),
        };
        render::print(&(text + "\n"))?;
        print_removed(found.removed)?;
    }
    Ok(Done::Damaged)
}

/// Records that are destroyed are not damaged, and are told apart.
fn print_removed(removed: u64) -> Result<(), Failure> {
    if removed > 0 {
        let removed = tr!("  the content of {n} destroyed record was removed, by right"
            | "  the content of {n} destroyed records was removed, by right" % removed);
        render::print(&(removed + "\n"))?;
    }
    Ok(())
}

fn report_damage(found: &Verification, common: Common) -> Result<(), Failure> {
    for damage in &found.damage {
        if common.json {
            render::json_line(&serde_json::json!({
                "message_type": "damage",
                "record": damage.record,
                "first_byte": damage.first,
                "last_byte": damage.last,
                "problem": damage.what,
            }));
        } else {
            let place = damage.record.map_or_else(|| tr!("archive"), |record| tr!("record {record}", record = record));
            let text = tr!(
                "{place}: {what} (bytes {first} to {last})",
                place = place,
                what = damage.what,
                first = damage.first,
                last = damage.last
            );
            render::print(&(text + "\n"))?;
        }
    }
    Ok(())
}

fn report_structure(found: &Verification, records: u64, args: &Verify, common: Common) -> Result<(), Failure> {
    report_damage(found, common)?;
    if !found.damage.is_empty() && !common.json {
        // Destroyed records whose content was removed by right are neither whole nor damaged.
        let there = records - found.removed;
        tell_error(&match found.removed {
            0 => tr!(
                "{archive}: damaged; {n} record of {records} whole"
                    | "{archive}: damaged; {n} records of {records} whole" % found.whole,
                archive = show(&args.archive),
                records = records
            ),
            removed => tr!(
                "{archive}: damaged; {n} record whole of the {there} whose content was not removed by right ({removed} were)"
                    | "{archive}: damaged; {n} records whole of the {there} whose content was not removed by right ({removed} were)"
                        % found.whole,
                archive = show(&args.archive),
                there = there,
                removed = removed
            ),
        });
        if is_only_emptied(found) {
            tell_hint(&tr!(
                "nothing is wrong but that {n} record is all zeros: this may be ciphertext that was removed by `purge --reclaim` after \
                 its key was destroyed; then prove it with the certificate of destruction, --certificate FILE, or with --keyring DIR"
                    | "nothing is wrong but that {n} records are all zeros: this may be ciphertext that was removed by `purge --reclaim` after \
                       their keys were destroyed; then prove it with the certificate of destruction, --certificate FILE, or with --keyring DIR"
                        % found.emptied
            ));
            return Ok(());
        }
        tell_hint(&tr!("the records that are whole can still be restored; look for another copy for the rest"));
        if found.emptied > 0 {
            tell_hint(&tr!(
                "the content of {n} record was removed; if their keys were destroyed, prove it: --certificate FILE, or \
                 --keyring DIR"
                    | "the content of {n} records was removed; if their keys were destroyed, prove it: --certificate \
                       FILE, or --keyring DIR"
                        % found.emptied
            ));
        }
    }
    Ok(())
}

/// Whether all that is wrong is that whole records are zeros.
fn is_only_emptied(found: &Verification) -> bool {
    let places: BTreeSet<Option<u64>> = found.damage.iter().map(|damage| damage.record).collect();
    found.emptied > 0 && !places.contains(&None) && places.len() as u64 == found.emptied
}

fn report_deep(outcome: &DeepOutcome, common: Common) -> Result<Done, Failure> {
    let mut done = Done::Clean;
    for (record, e) in &outcome.failed {
        // A record that is gone by right or meant for others is a finding, not damage.
        done = worse(done, if code(e) == error::DAMAGED { Done::Damaged } else { Done::Findings });
        if common.json {
            let object =
                serde_json::json!({ "message_type": "not_opened", "record": record, "problem": e.to_string() });
            render::json_line(&object);
        } else {
            render::print(&format!("{}\n", of_record(*record, e)))?;
        }
    }
    if common.json {
        render::json_line(&serde_json::json!({
            "message_type": "opened",
            "record_count": outcome.opened,
            "files": outcome.files,
            "bytes": outcome.bytes,
            "failed": outcome.failed.len(),
        }));
    } else {
        let opened = tr!(
            "{n} record opened: {files}, {bytes}; every bag is valid"
                | "{n} records opened: {files}, {bytes}; every bag is valid" % outcome.opened,
            files = render::file_count(outcome.files),
            bytes = render::bytes(outcome.bytes)
        );
        render::print(&(opened + "\n"))?;
    }
    Ok(done)
}

fn report_comparison(differences: &[Difference], same: Same, common: Common) -> Result<Done, Failure> {
    for Difference { record, path, what } in differences {
        if common.json {
            render::json_line(&serde_json::json!({
                "message_type": "difference", "record": record, "path": path, "problem": what,
            }));
        } else {
            let text = match record {
                Some(record) => tr!("{path} (record {record}): {what}", path = path, record = record, what = what),
                None => tr!("{path}: {what}", path = path, what = what),
            };
            render::print(&(text + "\n"))?;
        }
    }
    if common.json {
        render::json_line(&serde_json::json!({
            "message_type": "compared", "same": same.files, "links_beside": same.links_beside, "different": differences.len(),
        }));
    } else if differences.is_empty() {
        let text = tr!("{n} file compared: names and contents are the same"
            | "{n} files compared: names and contents are the same" % same.files);
        render::print(&(text + "\n"))?;
        if same.links_beside > 0 {
            let beside = tr!("{n} of them is a link out of its record: no bag counts it"
                | "{n} of them are links out of their records: no bag counts them" % same.links_beside);
            render::print(&format!("  {beside}\n"))?;
        }
    } else {
        tell_warning(&tr!(
            "{n} difference; {files} the same" | "{n} differences; {files} the same" % differences.len(),
            files = render::file_count(same.files)
        ));
    }
    Ok(if differences.is_empty() { Done::Clean } else { Done::Findings })
}
