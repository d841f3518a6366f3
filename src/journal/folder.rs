//! Reads and verifies an exported journal: a static tlog-tiles folder of a stranger.
//!
//! Invariant: only the files that the checkpoint's size demands are opened, each of a bounded size. Spec:
//! `spec/journal.md`, "Export".

use super::JournalError;
use super::entry::Leaf;
use super::verify::{Replay, Verified};
use crate::storage::{StorageError, read_limited, show};
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::cosignature::MAX_COSIGNED;
use crate::tlog::merkle::leaf_hash;
use crate::tlog::tile::{Finished, MAX_ENTRY, TILE_WIDTH, bundle_entries, path, width};
use std::path::{Path, PathBuf};
use tr::tr;

/// Name of the checkpoint in a folder.
pub const CHECKPOINT: &str = "checkpoint";

/// An exported journal.
pub struct Folder {
    dir: PathBuf,
}

impl Folder {
    /// The folder at `dir`.
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.into() }
    }

    /// Its checkpoint, unverified.
    ///
    /// # Errors
    /// [`JournalError::Storage`].
    pub fn checkpoint(&self) -> Result<Vec<u8>, JournalError> {
        Ok(read_limited(&self.regular(CHECKPOINT)?, MAX_COSIGNED)?)
    }

    /// Replays the leaves that `head` is over, compares every bundle and tile, and the roots of `head` and `earlier`.
    ///
    /// # Errors
    /// [`JournalError::Entry`], [`JournalError::Damaged`], [`JournalError::Forked`], [`JournalError::Older`].
    pub fn verify(
        &self,
        head: &Checkpoint,
        earlier: &[Checkpoint],
        each: &mut dyn FnMut(u64, &Leaf),
    ) -> Result<Verified, JournalError> {
        if let Some(earlier) = earlier.iter().find(|earlier| earlier.size > head.size) {
            return Err(JournalError::Older { size: head.size, seen: earlier.size });
        }
        let mut replay = Replay::new(earlier.iter().chain([head]));
        for bundle in 0..head.size.div_ceil(TILE_WIDTH as u64) {
            let wanted = width(head.size, 0, bundle);
            let name = path("entries", bundle, wanted);
            let bytes = self.read(&name, wanted * (MAX_ENTRY + 2))?;
            let damaged = |e| JournalError::Damaged(format!("{name}: {e}"));
            let entries = bundle_entries(&bytes, wanted).map_err(damaged)?;
            let mut hashes = Vec::with_capacity(wanted * 32);
            for (index, entry) in (bundle * TILE_WIDTH as u64..).zip(entries) {
                let (leaf, finished) = replay.push(entry)?;
                each(index, &leaf);
                hashes.extend(leaf_hash(entry));
                self.compare(&finished)?;
            }
            self.compare(&[Finished { path: path(0, bundle, wanted), bytes: hashes }])?;
        }
        let (verified, partial) = replay.finish()?;
        self.compare(&partial)?;
        Ok(verified)
    }

    /// Compares files with what the leaves demand; bundles are where the leaves came from.
    fn compare(&self, demanded: &[Finished]) -> Result<(), JournalError> {
        for tile in demanded.iter().filter(|tile| !tile.path.starts_with("tile/entries/")) {
            if self.read(&tile.path, tile.bytes.len())? != tile.bytes {
                return Err(JournalError::Damaged(tr!("{}: it does not hold the hashes of its entries", tile.path)));
            }
        }
        Ok(())
    }

    fn read(&self, name: &str, limit: usize) -> Result<Vec<u8>, JournalError> {
        let missing = |e: StorageError| JournalError::Damaged(e.to_string());
        read_limited(&self.regular(name).map_err(missing)?, limit as u64).map_err(missing)
    }

    /// The path of a file, refusing what would block a reader.
    fn regular(&self, name: &str) -> Result<PathBuf, StorageError> {
        let path = self.dir.join(name);
        let metadata = std::fs::metadata(&path).map_err(StorageError::at(&path))?;
        if !metadata.is_file() {
            let what = std::io::Error::other(tr!("{} is not a regular file", show(&path)));
            return Err(StorageError::at(&path)(what));
        }
        Ok(path)
    }
}
