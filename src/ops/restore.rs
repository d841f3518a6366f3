//! `restore`: opens records and writes each as a BagIt bag, or as the plain tree it was made from.
//!
//! Invariant: where records come from and what opens them is a [`RecordSource`]'s business; what is written, and that a
//! failed record leaves nothing, is the same for all. Spec: `spec/archive.md`, `spec/evidence.md`, "Evidence".

use super::extraction::{Extract, TAG_FILE};
use super::open::{Opener, concerns_one_record, none_for_these_identities};
use super::opened::is_reserved;
use super::read_ahead::read_record;
use super::{OpsError, Progress};
use crate::archive::ArchiveError;
use crate::archive::bag_reader::Limits;
use crate::archive::label::{Label, RecordKind};
use crate::archive::leaf::RecordLeaf;
use crate::archive::reader::ArchiveReader;
use crate::crypto::kdf::ArchiveId;
use crate::crypto::secret::Secret32;
use crate::disclosure::evidence::{self, BagEvidence};
use crate::disclosure::grant::Grant;
use crate::disclosure::notice;
use crate::keyring::KeyringError;
use crate::storage::StorageError;
use crate::storage::extract::{OutputFolder, PartialTree};
use crate::tlog::tile::TILE_WIDTH;
use crossbeam_channel::bounded;
use std::collections::HashSet;
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tr::tr;

/// Which records.
pub enum Selection {
    /// By number.
    Records(Vec<u64>),
    /// By name.
    Match(globset::GlobMatcher),
    /// Every one.
    All,
}

/// How to restore.
pub struct RestoreOptions {
    /// Which records.
    pub selection: Selection,
    /// The exact tree instead of a bag.
    pub plain: bool,
    /// Whether existing names give way.
    pub force: bool,
    /// Where to.
    pub output: PathBuf,
    /// Threads to use.
    pub threads: usize,
    /// Members that a record may have.
    pub max_members: u64,
    /// Bytes that may come out of one byte of a record.
    pub max_ratio: u64,
}

/// Members that a record may have unless the user says otherwise.
pub const DEFAULT_MAX_MEMBERS: u64 = 50_000_000;
/// Bytes that may come out of one byte of a record unless the user says otherwise.
pub const DEFAULT_MAX_RATIO: u64 = 2_000;
/// Records below this size are never held to the ratio: a file of zeros is nobody's bomb.
const RATIO_FROM: u64 = 1 << 30;

/// A record that was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Its number.
    pub record: u64,
    /// Its label.
    pub label: Label,
    /// Where it is.
    pub path: PathBuf,
    /// Where its proof is.
    pub proof: PathBuf,
}

/// What was restored, and what was not.
#[derive(Debug, Default)]
pub struct RestoreOutcome {
    /// In the order of their numbers.
    pub restored: Vec<Restored>,
    /// Records that were asked for with others and did not open, with the reason.
    pub failed: Vec<(u64, OpsError)>,
}

const PROOF_SUFFIX: &str = ".tlog-proof";

struct Job {
    leaf: RecordLeaf,
    label: Label,
    keys: OpenKeys,
    proof: String,
    proof_name: String,
}

/// What opens one record.
pub struct OpenKeys {
    /// `R_n`.
    pub record: Secret32,
    /// `L_n`.
    pub label: Secret32,
}

/// Sealed records, and what opens them.
pub trait RecordSource {
    /// The file that the age files stand in, where the leaves say.
    fn file(&self) -> Arc<File>;

    /// The archive that they were sealed in.
    fn archive(&self) -> ArchiveId;

    /// Shows the leaf and label of every selected record, with what gives its keys and proof; returns those that did not open.
    ///
    /// # Errors
    /// What concerns all records.
    fn select(&mut self, selection: &Selection, each: &mut EachFound<'_>) -> Result<Vec<(u64, OpsError)>, OpsError>;
}

/// Is shown every selected record.
pub type EachFound<'e> = dyn FnMut(RecordLeaf, Label, &mut dyn KeysAndProof) -> Result<(), OpsError> + 'e;

/// Makes what only a record that is to be written needs.
pub trait KeysAndProof {
    /// The keys of the record.
    ///
    /// # Errors
    /// Whatever keeps it from opening.
    fn keys(&mut self, leaf: &RecordLeaf) -> Result<OpenKeys, OpsError>;

    /// The text of its proof.
    ///
    /// # Errors
    /// Damage.
    fn proof(&mut self, record: u64) -> Result<String, OpsError>;
}

/// An archive that is opened with identities and a keyring.
struct Custodian<'r, 'o, 'k> {
    reader: &'r mut ArchiveReader,
    opener: &'o mut Opener<'k>,
}

impl RecordSource for Custodian<'_, '_, '_> {
    fn file(&self) -> Arc<File> {
        self.reader.file().clone()
    }

    fn archive(&self) -> ArchiveId {
        *self.reader.archive()
    }

    fn select(&mut self, selection: &Selection, each: &mut EachFound<'_>) -> Result<Vec<(u64, OpsError)>, OpsError> {
        select(self.reader, self.opener, selection, &mut |reader, leaf, label, opener| {
            each(leaf, label, &mut Custodian { reader, opener })
        })
    }
}

impl KeysAndProof for Custodian<'_, '_, '_> {
    fn keys(&mut self, leaf: &RecordLeaf) -> Result<OpenKeys, OpsError> {
        let label = self.opener.label_key(self.reader, leaf)?;
        Ok(OpenKeys { record: self.opener.record_key(self.reader, leaf)?, label })
    }

    fn proof(&mut self, record: u64) -> Result<String, OpsError> {
        Ok(self.reader.proof(record)?.to_text())
    }
}

/// Restores the selected records.
///
/// # Errors
/// With one record selected, whatever keeps it from opening. With several, only what concerns all of them; the others
/// are in the outcome.
pub fn restore(
    reader: &mut ArchiveReader,
    opener: &mut Opener<'_>,
    options: &RestoreOptions,
    interrupted: &AtomicBool,
    progress: &dyn Progress,
) -> Result<RestoreOutcome, OpsError> {
    restore_from(&mut Custodian { reader, opener }, options, None, interrupted, progress)
}

/// Restores the selected records of any source; with a grant, bags say which.
///
/// # Errors
/// As [`restore`].
pub fn restore_from(
    source: &mut dyn RecordSource,
    options: &RestoreOptions,
    grant: Option<&Grant>,
    interrupted: &AtomicBool,
    progress: &dyn Progress,
) -> Result<RestoreOutcome, OpsError> {
    let tags = Tags { archive: source.archive(), grant, notice: grant.map(notice::text) };
    let folder = OutputFolder::open(&options.output, options.force)?;
    // Before anything is written: a name that is taken is no reason to do half the work.
    let mut like_proofs = HashSet::new();
    source.select(&options.selection, &mut |leaf, label, _| {
        if label.name.ends_with(PROOF_SUFFIX) {
            like_proofs.insert(label.name.clone());
        }
        if grant.is_some() && is_reserved(&label.name) {
            return Err(OpsError::RecordName(label.name));
        }
        folder.check_free(&label.name)?;
        progress.total(leaf.size);
        Ok(folder.check_free(&proof_name(&folder, &leaf, &label, &like_proofs))?)
    })?;
    let outcome = Mutex::new(RestoreOutcome::default());
    let fatal = Mutex::new(None);
    let stop = AtomicBool::new(false);
    let file = source.file();
    let selected = std::thread::scope(|scope| {
        let (sender, queue) = bounded::<Job>(options.threads);
        for _ in 0..options.threads.max(1) {
            let queue = queue.clone();
            let (file, folder, tags, outcome, fatal, stop) = (file.clone(), &folder, &tags, &outcome, &fatal, &stop);
            scope.spawn(move || {
                for job in queue {
                    if stop.load(Ordering::Relaxed) || interrupted.load(Ordering::Relaxed) {
                        continue;
                    }
                    let size = job.leaf.size;
                    let result = restore_one(&file, folder, &job, tags, options, interrupted);
                    progress.advance(size);
                    let mut outcome = outcome.lock().expect("no restoring thread panicked");
                    match result {
                        Ok(restored) => outcome.restored.push(restored),
                        Err(e) if concerns_one_record(&e) => outcome.failed.push((job.leaf.record, e)),
                        Err(e) => {
                            stop.store(true, Ordering::Relaxed);
                            fatal.lock().expect("no restoring thread panicked").get_or_insert(e);
                        }
                    }
                }
            });
        }
        drop(queue);
        source.select(&options.selection, &mut |leaf, label, hand| {
            if stop.load(Ordering::Relaxed) || interrupted.load(Ordering::Relaxed) {
                return Ok(());
            }
            folder.check_free(&label.name)?;
            let proof_name = proof_name(&folder, &leaf, &label, &like_proofs);
            let keys = hand.keys(&leaf)?;
            let proof = hand.proof(leaf.record)?;
            let _ = sender.send(Job { leaf, label, keys, proof, proof_name });
            Ok(())
        })
    });
    if interrupted.load(Ordering::Relaxed) {
        return Err(OpsError::Interrupted);
    }
    if let Some(error) = fatal.into_inner().expect("no restoring thread panicked") {
        return Err(error);
    }
    let mut outcome = outcome.into_inner().expect("no restoring thread panicked");
    outcome.failed.extend(selected?);
    outcome.restored.sort_by_key(|restored| restored.record);
    outcome.failed.sort_by_key(|(record, _)| *record);
    if outcome.restored.is_empty() && outcome.failed.len() > 1 && outcome.failed.iter().all(|(_, e)| is_destroyed(e)) {
        return Err(OpsError::AllDestroyed(outcome.failed.len() as u64));
    }
    if outcome.restored.is_empty() && (outcome.failed.len() == 1 || none_for_these_identities(&outcome.failed)) {
        return Err(outcome.failed.remove(0).1);
    }
    Ok(outcome)
}

fn is_destroyed(error: &OpsError) -> bool {
    matches!(error, OpsError::Keyring(KeyringError::Destroyed(_)))
}

type EachSelected<'e> = dyn FnMut(&mut ArchiveReader, RecordLeaf, Label, &mut Opener<'_>) -> Result<(), OpsError> + 'e;

/// Shows the leaf and label of every selected record; returns those that did not open.
///
/// # Errors
/// [`OpsError::NoMatch`], [`OpsError::NoLiveMatch`]; what concerns all records.
pub fn select(
    reader: &mut ArchiveReader,
    opener: &mut Opener<'_>,
    selection: &Selection,
    each: &mut EachSelected<'_>,
) -> Result<Vec<(u64, OpsError)>, OpsError> {
    let (mut failed, mut lost) = (Vec::new(), Vec::new());
    let mut shown = 0u64;
    let mut show = |reader: &mut ArchiveReader, opener: &mut Opener<'_>, leaf: RecordLeaf| {
        let record = leaf.record;
        let opened = opener.label(reader, &leaf).and_then(|label| {
            if matches!(selection, Selection::Match(glob) if !glob.is_match(&label.name)) {
                return Ok(());
            }
            shown += 1;
            each(reader, leaf, label, opener)
        });
        match opened {
            Err(e) if concerns_one_record(&e) => failed.push((record, e)),
            other => other?,
        }
        Ok::<(), OpsError>(())
    };
    match selection {
        Selection::Records(numbers) => {
            // Before any of them is shown: a mistyped number is no reason to do half the work.
            if let Some(&number) = numbers.iter().find(|&&number| number == 0 || number > reader.records()) {
                return Err(ArchiveError::NoSuchRecord(number, reader.records()).into());
            }
            for &number in numbers {
                let leaf = reader.record(number)?;
                show(reader, opener, leaf)?;
            }
        }
        Selection::Match(_) | Selection::All => {
            for bundle in 0..reader.bundles() {
                match reader.records_of_bundle(bundle) {
                    Ok(leaves) => leaves.into_iter().try_for_each(|leaf| show(reader, opener, leaf))?,
                    // The records of other bundles are none the worse for it.
                    Err(e @ ArchiveError::Damaged { .. }) => lost.push((bundle * TILE_WIDTH as u64, e.into())),
                    Err(e) => return Err(e.into()),
                }
            }
        }
    }
    failed.extend(lost);
    match selection {
        // A name cannot be read where the label does not open: those records may have been meant or not.
        Selection::Match(glob) if shown == 0 && failed.iter().all(|(_, e)| is_destroyed(e)) => {
            let pattern = glob.glob().glob().to_owned();
            Err(match failed.len() as u64 {
                0 => OpsError::NoMatch(pattern),
                destroyed => OpsError::NoLiveMatch { pattern, destroyed },
            })
        }
        _ => Ok(failed),
    }
}

/// What may come out of a record, from its label and size.
///
/// # Errors
/// [`ArchiveError::Limit`] when the label itself promises a bomb.
pub fn limits(leaf: &RecordLeaf, label: &Label, max_members: u64, max_ratio: u64) -> Result<Limits, ArchiveError> {
    if label.bytes > RATIO_FROM && label.bytes / leaf.size.max(1) > max_ratio {
        let what = tr!(
            "it would grow {} fold, more than the limit of {max_ratio}",
            label.bytes / leaf.size.max(1),
            max_ratio = max_ratio
        );
        return Err(ArchiveError::Limit { record: leaf.record, what });
    }
    let stream = RATIO_FROM.max(leaf.size.saturating_mul(max_ratio.saturating_add(1)));
    Ok(Limits { files: label.files, bytes: label.bytes, members: max_members, stream })
}

fn restore_one(
    file: &Arc<File>,
    folder: &OutputFolder,
    job: &Job,
    tags: &Tags<'_>,
    options: &RestoreOptions,
    interrupted: &AtomicBool,
) -> Result<Restored, OpsError> {
    let Job { leaf, label, keys, proof, proof_name } = job;
    let limits = limits(leaf, label, options.max_members, options.max_ratio)?;
    let mut tree = folder.begin()?;
    let mut visitor = Extract {
        tree: &mut tree,
        plain: options.plain,
        kind: label.kind,
        interrupted,
        error: None,
        record: leaf.record,
    };
    let read = read_record(file, leaf, label, &keys.record, limits, &mut visitor);
    // The visitor's own error names a file on this machine; the reader's would call it damage.
    if let Some(error) = visitor.error.take() {
        return Err(error);
    }
    read?;
    if !options.plain {
        tags.write(&mut tree, leaf.record, &keys.label)?;
    }
    let inner = (options.plain && label.kind == RecordKind::File).then_some(label.name.as_str());
    tree.finish(inner, &label.name)?;
    folder.write_file(proof_name, proof.as_bytes())?;
    Ok(Restored {
        record: leaf.record,
        label: label.clone(),
        path: folder.path().join(&label.name),
        proof: folder.path().join(proof_name),
    })
}

/// What is written into every bag besides what was sealed.
struct Tags<'a> {
    archive: ArchiveId,
    grant: Option<&'a Grant>,
    notice: Option<String>,
}

impl Tags<'_> {
    /// Neither file is in the tag manifest, which is as it was sealed; BagIt allows that.
    fn write(&self, tree: &mut PartialTree<'_>, record: u64, label_key: &Secret32) -> Result<(), StorageError> {
        let said = BagEvidence::new(self.archive, record, label_key, self.grant);
        tree.file(evidence::FILE, TAG_FILE, &mut &said.to_bytes()[..])?;
        match &self.notice {
            Some(text) => tree.file(notice::FILE, TAG_FILE, &mut text.as_bytes()),
            None => Ok(()),
        }
    }
}

/// Name of the proof beside a restored record.
fn proof_name(folder: &OutputFolder, leaf: &RecordLeaf, label: &Label, like_proofs: &HashSet<String>) -> String {
    let name = format!("{}{PROOF_SUFFIX}", label.name);
    if name.len() > 255 || like_proofs.contains(&name) || folder.has_folder(&name) {
        return format!("record-{}{PROOF_SUFFIX}", leaf.record);
    }
    name
}
