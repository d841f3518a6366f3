//! `verify --deep` opens every record and checks the bag inside; `verify --note` tells the journal what was found.

use super::custody::Custody;
use super::open::{Opener, concerns_one_record, none_for_these_identities};
use super::read_ahead::read_record;
use super::restore::{DEFAULT_MAX_MEMBERS, Selection, limits, select};
use super::{OpsError, Progress};
use crate::archive::ArchiveError;
use crate::archive::bag_reader::BagVisitor;
use crate::archive::label::Label;
use crate::archive::leaf::RecordLeaf;
use crate::archive::reader::ArchiveReader;
use crate::crypto::hash::Hash;
use crate::crypto::kdf::ArchiveId;
use crate::crypto::secret::Secret32;
use crate::journal::entry::{Entry, VerifiedOutcome};
use crate::keyring::{Keyring, KeyringError};
use crate::storage::source::Attributes;
use std::fs::File;
use std::io::Read;
use std::sync::{Arc, Mutex};

/// What opening every record came to.
#[derive(Debug, Default)]
pub struct DeepOutcome {
    /// Records whose bags are valid.
    pub opened: u64,
    /// Files in them.
    pub files: u64,
    /// Bytes in these files.
    pub bytes: u64,
    /// Records that did not open, or whose bag is not valid.
    pub failed: Vec<(u64, OpsError)>,
}

/// Opens every record; `each` is given a visitor's view of record and label and says what to do with it.
///
/// # Errors
/// What concerns all records.
pub fn deep(
    reader: &mut ArchiveReader,
    opener: &mut Opener<'_>,
    threads: usize,
    progress: &dyn Progress,
    visitor_for: &(dyn Fn(&RecordLeaf, &Label) -> Box<dyn BagVisitor> + Sync),
) -> Result<DeepOutcome, OpsError> {
    let outcome = Mutex::new(DeepOutcome::default());
    let fatal = Mutex::new(None);
    let file = reader.file().clone();
    progress.total(reader.tail().index_at);
    let failed = std::thread::scope(|scope| {
        let (sender, queue) = crossbeam_channel::bounded::<(RecordLeaf, Label, Secret32)>(threads);
        for _ in 0..threads.max(1) {
            let (queue, file) = (queue.clone(), file.clone());
            let (outcome, fatal) = (&outcome, &fatal);
            scope.spawn(move || {
                for (leaf, label, key) in queue {
                    let mut visitor = visitor_for(&leaf, &label);
                    let opened = open_one(&file, &leaf, &label, &key, visitor.as_mut());
                    progress.advance(leaf.size);
                    let mut outcome = outcome.lock().expect("no verifying thread panicked");
                    match opened {
                        Ok(()) => {
                            outcome.opened += 1;
                            outcome.files += label.files;
                            outcome.bytes = outcome.bytes.saturating_add(label.bytes);
                        }
                        Err(e) if concerns_one_record(&e) => outcome.failed.push((leaf.record, e)),
                        Err(e) => drop(fatal.lock().expect("no verifying thread panicked").get_or_insert(e)),
                    }
                }
            });
        }
        drop(queue);
        select(reader, opener, &Selection::All, &mut |reader, leaf, label, opener| {
            let key = opener.record_key(reader, &leaf)?;
            let _ = sender.send((leaf, label, key));
            Ok(())
        })
    });
    if let Some(error) = fatal.into_inner().expect("no verifying thread panicked") {
        return Err(error);
    }
    let mut outcome = outcome.into_inner().expect("no verifying thread panicked");
    outcome.failed.extend(failed?);
    outcome.failed.sort_by_key(|(record, _)| *record);
    if outcome.opened == 0 && none_for_these_identities(&outcome.failed) {
        return Err(outcome.failed.swap_remove(0).1);
    }
    Ok(outcome)
}

/// Notes in the journal, durably, that an archive of the keyring was verified and with which outcome; returns the index of
/// the entry. `deep` says that every record whose keys are there was opened.
///
/// # Errors
/// [`KeyringError::UnknownArchive`]; those of the keyring.
pub fn note(custody: &mut Custody, archive: &ArchiveId, outcome: VerifiedOutcome, deep: bool) -> Result<u64, OpsError> {
    let root = known_root(custody.keyring(), archive)?;
    custody.note(vec![Entry::Verified { archive: *archive, root, outcome, deep }])?;
    Ok(custody.keyring().log().size()? - 1)
}

/// The root that the seal of an archive must have.
///
/// # Errors
/// [`KeyringError::UnknownArchive`].
pub fn known_root(keyring: &Keyring, archive: &ArchiveId) -> Result<Hash, KeyringError> {
    let known = keyring.known_archive(archive)?;
    Ok(known.ok_or_else(|| KeyringError::UnknownArchive(hex::encode(archive)))?.root)
}

fn open_one(
    file: &Arc<File>,
    leaf: &RecordLeaf,
    label: &Label,
    key: &Secret32,
    visitor: &mut dyn BagVisitor,
) -> Result<(), OpsError> {
    // Nothing is written here, so only the label's own numbers limit what may come out.
    let limits = limits(leaf, label, DEFAULT_MAX_MEMBERS, u64::MAX)?;
    Ok(read_record(file, leaf, label, key, limits, visitor)?)
}

/// Looks at nothing: the bag reader's own checks are all that is wanted.
pub struct CheckOnly;

impl BagVisitor for CheckOnly {
    fn directory(&mut self, _: &str, _: Attributes) -> Result<(), ArchiveError> {
        Ok(())
    }
    fn file(&mut self, _: &str, _: Attributes, _: u64, _: &mut dyn Read) -> Result<(), ArchiveError> {
        Ok(())
    }
    fn hard_link(&mut self, _: &str, _: &str) -> Result<(), ArchiveError> {
        Ok(())
    }
    fn link(&mut self, _: &str, _: &str, _: Attributes) -> Result<(), ArchiveError> {
        Ok(())
    }
    fn tag_file(&mut self, _: &str, _: &mut dyn Read) -> Result<(), ArchiveError> {
        Ok(())
    }
    fn hashed(&mut self, _: &str, _: &Hash) -> Result<(), ArchiveError> {
        Ok(())
    }
}
