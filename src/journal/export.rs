//! Writes a journal as a static tlog-tiles folder, which any C2SP client reads from a disk or a web server.
//!
//! Invariant: the folder has its name only when it is whole. Spec: `spec/journal.md`, "Export".

use super::JournalError;
use super::folder::CHECKPOINT;
use crate::storage::extract::{OutputFolder, PartialTree};
use crate::storage::source::Attributes;
use crate::tlog::merkle::leaf_hash;
use crate::tlog::tile::{Finished, LogBuilder, TILE_WIDTH, path};
use std::collections::BTreeSet;
use tr::tr;

/// A folder being written.
pub struct FolderWriter<'a> {
    tree: PartialTree<'a>,
    made: BTreeSet<String>,
    log: LogBuilder,
    hashes: Vec<u8>,
    time: i64,
}

impl<'a> FolderWriter<'a> {
    /// Begins a folder in `parent`; its files are dated `time`, in seconds since 1970.
    ///
    /// # Errors
    /// [`JournalError::Storage`].
    pub fn begin(parent: &'a OutputFolder, time: i64) -> Result<Self, JournalError> {
        let mut tree = parent.begin()?;
        tree.directory("", Attributes { mode: 0o755, mtime: time, nanos: 0 })?;
        Ok(Self { tree, made: BTreeSet::new(), log: LogBuilder::default(), hashes: Vec::new(), time })
    }

    /// Takes the next leaf.
    ///
    /// # Errors
    /// [`JournalError::Storage`].
    pub fn push(&mut self, leaf: &[u8]) -> Result<(), JournalError> {
        let index = self.log.size() / TILE_WIDTH as u64;
        let finished = self.log.push(leaf)?;
        self.hashes.extend(leaf_hash(leaf));
        if self.hashes.len() == TILE_WIDTH * 32 {
            let bytes = std::mem::take(&mut self.hashes);
            self.write(&[Finished { path: path(0, index, TILE_WIDTH), bytes }])?;
        }
        self.write(&finished)
    }

    /// Writes what is not full, then the checkpoint, and gives the folder its name.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] where the leaves do not have the checkpoint's root; [`JournalError::Storage`].
    pub fn finish(mut self, checkpoint: &[u8], name: &str) -> Result<(), JournalError> {
        let head = super::checkpoint::claimed(checkpoint)?;
        if head.size != self.log.size() || Some(head.root) != self.log.root() {
            return Err(JournalError::Damaged(tr!("its entries are not those of its checkpoint")));
        }
        let partial = self.hashes.len() / 32;
        if partial > 0 {
            let bytes = std::mem::take(&mut self.hashes);
            self.write(&[Finished { path: path(0, head.size / TILE_WIDTH as u64, partial), bytes }])?;
        }
        let (finished, _) = std::mem::take(&mut self.log).finish();
        self.write(&finished)?;
        self.write(&[Finished { path: CHECKPOINT.into(), bytes: checkpoint.into() }])?;
        Ok(self.tree.finish(None, name)?)
    }

    fn write(&mut self, files: &[Finished]) -> Result<(), JournalError> {
        for file in files {
            let ends = file.path.match_indices('/').map(|(at, _)| at);
            for folder in ends.map(|at| &file.path[..at]) {
                if self.made.insert(folder.to_owned()) {
                    self.tree.directory(folder, Attributes { mode: 0o755, mtime: self.time, nanos: 0 })?;
                }
            }
            let attributes = Attributes { mode: 0o644, mtime: self.time, nanos: 0 };
            self.tree.file(&file.path, attributes, &mut &file.bytes[..])?;
        }
        Ok(())
    }
}
