//! The archives that a report is of, each with the short name that its records bear in the list.

use super::record_words::{NOTHING, counts};
use crate::cli::render;
use crate::cli::sheet::{Block, Sheet};
use crate::crypto::kdf::ArchiveId;
use crate::ops::report::named::ArchiveFacts;
use crate::ops::status::Counts;
use std::collections::BTreeMap;
use tr::tr;

/// Digits of an archive's id that are its mark on paper.
const MARK: usize = 6;

/// Marks by archive: the beginning of its id, so that every document gives it the same one; the whole id where two begin alike.
pub fn short_names(archives: impl IntoIterator<Item = ArchiveId>) -> BTreeMap<ArchiveId, String> {
    let mut names: BTreeMap<ArchiveId, String> = archives.into_iter().map(|id| (id, hex::encode(id))).collect();
    let mut begin: BTreeMap<String, usize> = BTreeMap::new();
    for id in names.values() {
        *begin.entry(id[..MARK].to_owned()).or_default() += 1;
    }
    for id in names.values_mut().filter(|id| begin[&id[..MARK]] == 1) {
        id.truncate(MARK);
    }
    names
}

/// What all archives come to together.
pub fn sum(archives: &[ArchiveFacts]) -> Counts {
    let mut sum = Counts::default();
    for Counts { kept, run_out, review, due, scheduled, held, awaiting, permanent, destroyed } in
        archives.iter().map(|facts| facts.counts)
    {
        sum.kept += kept;
        sum.run_out += run_out;
        sum.review += review;
        sum.due += due;
        sum.scheduled += scheduled;
        sum.held += held;
        sum.awaiting += awaiting;
        sum.permanent += permanent;
        sum.destroyed += destroyed;
    }
    sum
}

/// Adds a part on each archive.
pub fn push(sheet: &mut Sheet, archives: &[ArchiveFacts]) {
    sheet.heading(&tr!("inventory" => "Archives"));
    let names = short_names(archives.iter().map(|facts| facts.archive));
    for facts in archives {
        let title = tr!("archive {short}", short = names[&facts.archive]);
        sheet.blocks.push(Block::Subheading(title));
        let mut fields = vec![
            (tr!("Archive id"), hex::encode(facts.archive)),
            (tr!("Name in its seal"), facts.firm.clone()),
            (tr!("Keys deposited"), facts.kept_from.to_string()),
        ];
        if let Some(file) = &facts.file {
            let sealed = file.sealed.map_or(NOTHING.to_owned(), render::time);
            fields.extend([
                (tr!("inventory" => "File"), file.name.clone()),
                (tr!("Archive begun, by its sealer's clock"), render::spelled_time(&file.begun)),
                (tr!("Seal signed, by the same clock"), sealed),
                (tr!("Size of the file"), render::bytes(file.bytes)),
            ]);
        }
        fields.extend([
            (tr!("Root of its seal"), facts.root.clone()),
            (tr!("inventory" => "Records"), facts.records.to_string()),
            (tr!("Records by state"), counts(&facts.counts)),
            (tr!("Checked by this command"), checked(facts)),
        ]);
        if let Some(closed) = facts.file.as_ref().and_then(|file| file.closed.as_ref()).filter(|c| !c.is_empty()) {
            let names = closed.iter().cloned().collect::<Vec<_>>().join(" ");
            fields.push((tr!("Compartments whose names no identity opens"), names));
        }
        sheet.blocks.push(Block::Fields(fields));
    }
}

fn checked(facts: &ArchiveFacts) -> String {
    match &facts.file {
        Some(_) => tr!(
            "its seal is the one that the keyring was given, and every entry read here is proved under it; the contents of the records were not read: `keepuntil verify ARCHIVE --deep` does that"
        ),
        None => tr!("no: its file was not named, so this is what the keyring was given when it was sealed"),
    }
}
