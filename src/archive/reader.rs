//! Opens an archive at its end, verifies its seal, and reads single leaves and the preamble.
//!
//! Trailer and index are hints: whatever they lead to is checked against the sealed root before it is used.
//! Spec: `spec/archive.md`, "Reading".

use super::ArchiveError;
use super::layout::{self, BLOCK, TAIL};
use super::leaf::{self, PreambleLeaf, PreambleMember, RecordLeaf};
use super::manifest::{self, Manifest};
use super::tree::{SealedTree, index_entries, member_at, read_exact};
use crate::crypto::hash::sha256;
use crate::crypto::kdf::ArchiveId;
use crate::crypto::record_file;
use crate::crypto::sign::VerifierKey;
use crate::language::{said, text};
use crate::tlog::checkpoint::{self, MAX_CHECKPOINT, SignedCheckpoint};
use crate::tlog::proof::Proof;
use crate::tlog::tile::TILE_WIDTH;
use std::fs::File;
use std::sync::Arc;
use tr::tr;

/// An archive whose seal verified under the keys that it names itself.
pub struct ArchiveReader {
    file: Arc<File>,
    tail: Tail,
    tree: SealedTree,
    sealed: SignedCheckpoint,
    keys: [VerifierKey; 2],
    preamble: PreambleLeaf,
    manifest: Manifest,
    archive: ArchiveId,
}

/// What stands at the end of an archive file.
pub struct Tail {
    /// Bytes of the file.
    pub file_len: u64,
    /// Offset of the index member.
    pub index_at: u64,
    /// Offset of the checkpoint member.
    pub checkpoint_at: u64,
    /// The checkpoint, not yet verified.
    pub checkpoint: String,
}

impl ArchiveReader {
    /// Opens an archive and verifies its seal, its preamble and its `archive.json`.
    ///
    /// # Errors
    /// [`ArchiveError::Damaged`] for whatever is not a whole, valid archive; [`ArchiveError::NewerFormat`] only after
    /// the seal verified.
    pub fn open(file: File) -> Result<Self, ArchiveError> {
        let file = Arc::new(file);
        let tail = read_tail(&file)?;
        let head = checkpoint::claimed(tail.checkpoint.as_bytes())?;
        let mut tree = SealedTree::new(file.clone(), tail.index_at, head);
        let preamble: PreambleLeaf = leaf::parse(0, &tree.leaf(0)?.0)?;
        let manifest_bytes = preamble_member(&file, tail.index_at, &preamble, layout::MANIFEST)?;
        let keys = manifest::claimed_keys(&manifest_bytes)?;
        let sealed = checkpoint::verify(tail.checkpoint.as_bytes(), &keys)?;
        let manifest = Manifest::parse(&manifest_bytes)?;
        let expected = [layout::README.to_owned(), layout::MANIFEST.to_owned()]
            .into_iter()
            .chain(manifest.compartments.iter().map(|c| layout::access_member(&c.name)));
        if !preamble.members.iter().map(|member| &member.name).eq(expected.collect::<Vec<_>>().iter())
            || preamble.archive != manifest.archive
        {
            return Err(ArchiveError::damaged(
                tr!("leaf {index}", index = 0),
                tr!("it does not bind the members that archive.json demands"),
            ));
        }
        // A forged leaf 0 may claim any size; every later reader counts on members that lie within the file.
        let mut end: u64 = 0;
        for PreambleMember { name, size, .. } in &preamble.members {
            if *size > layout::MAX_PREAMBLE_MEMBER || end + layout::member_len(*size) > tail.index_at {
                return Err(ArchiveError::damaged(name, tr!("leaf 0 says that it is larger than it can be")));
            }
            end += layout::member_len(*size);
        }
        if sealed.checkpoint.origin != manifest.origin() || keys[0].name != manifest.firm {
            return Err(ArchiveError::damaged(layout::CHECKPOINT, tr!("its origin is not that of archive.json")));
        }
        let archive = manifest.archive_id().expect("a parsed manifest has an id");
        Ok(Self { file, tail, tree, sealed, keys, preamble, manifest, archive })
    }

    /// The archive's own account of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Its id.
    pub fn archive(&self) -> &ArchiveId {
        &self.archive
    }

    /// The sealed head.
    pub fn sealed(&self) -> &SignedCheckpoint {
        &self.sealed
    }

    /// The keys that the seal verified under: claims, until pinned.
    pub fn keys(&self) -> &[VerifierKey; 2] {
        &self.keys
    }

    /// Leaf 0.
    pub fn preamble(&self) -> &PreambleLeaf {
        &self.preamble
    }

    /// Number of records; they are numbered from 1.
    pub fn records(&self) -> u64 {
        self.tree.size() - 1
    }

    /// The file.
    pub fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// The end of the file.
    pub fn tail(&self) -> &Tail {
        &self.tail
    }

    /// The tree.
    pub fn tree(&mut self) -> &mut SealedTree {
        &mut self.tree
    }

    /// The access file of a compartment, checked against leaf 0.
    ///
    /// # Errors
    /// [`ArchiveError::Damaged`] when it is not what was sealed.
    pub fn access_file(&self, compartment: &str) -> Result<Vec<u8>, ArchiveError> {
        preamble_member(&self.file, self.tail.index_at, &self.preamble, &layout::access_member(compartment))
    }

    /// Record `number`'s leaf.
    ///
    /// # Errors
    /// [`ArchiveError::NoSuchRecord`]; [`ArchiveError::Damaged`].
    pub fn record(&mut self, number: u64) -> Result<RecordLeaf, ArchiveError> {
        if number == 0 {
            return Err(ArchiveError::NoSuchRecord(number, self.records()));
        }
        let (bytes, _) = self.tree.leaf(number)?;
        self.parse_record(number, &bytes)
    }

    /// Parses and checks the bytes of record `number`'s leaf.
    ///
    /// # Errors
    /// [`ArchiveError::Damaged`].
    pub fn parse_record(&self, number: u64, bytes: &[u8]) -> Result<RecordLeaf, ArchiveError> {
        let leaf: RecordLeaf = leaf::parse(number, bytes)?;
        let damaged = |what: &str| ArchiveError::damaged(tr!("leaf {index}", index = number), said(what));
        if leaf.record != number {
            return Err(damaged(text!("it is another record's")));
        }
        if self.manifest.compartment(&leaf.compartment).is_none() {
            return Err(damaged(text!("its compartment is not in archive.json")));
        }
        leaf.retention.check().map_err(damaged)?;
        leaf.retention.terms.iter().try_for_each(|term| self.manifest.check_term(term)).map_err(damaged)?;
        let end = layout::record_len(leaf.size).and_then(|len| leaf.offset.checked_add(len));
        if end.is_none_or(|end| end > self.tail.index_at) || leaf.size < record_file::SMALLEST {
            return Err(damaged(text!("its record does not lie within the archive")));
        }
        Ok(leaf)
    }

    /// An offline proof that record `number` is sealed.
    ///
    /// # Errors
    /// As [`Self::record`].
    pub fn proof(&mut self, number: u64) -> Result<Proof, ArchiveError> {
        let (leaf, hashes) = self.tree.leaf(number)?;
        Ok(Proof { leaf, index: number, hashes, checkpoint: self.tail.checkpoint.clone() })
    }

    /// Bundles in the archive.
    pub fn bundles(&self) -> u64 {
        self.tree.size().div_ceil(TILE_WIDTH as u64)
    }

    /// The record leaves of one bundle, proved.
    ///
    /// # Errors
    /// [`ArchiveError::Damaged`].
    pub fn records_of_bundle(&mut self, bundle: u64) -> Result<Vec<RecordLeaf>, ArchiveError> {
        let first = bundle * TILE_WIDTH as u64;
        let leaves = (first..).zip(self.tree.leaves(bundle)?).filter(|(number, _)| *number > 0);
        leaves.map(|(number, bytes)| self.parse_record(number, &bytes)).collect()
    }

    /// All record leaves in order; a bundle is proved before its leaves are given out.
    ///
    /// # Errors
    /// Damage, or what `each` returns.
    pub fn for_each_record<E: From<ArchiveError>>(
        &mut self,
        mut each: impl FnMut(&mut Self, RecordLeaf) -> Result<(), E>,
    ) -> Result<(), E> {
        for bundle in 0..self.bundles() {
            for leaf in self.records_of_bundle(bundle)? {
                each(self, leaf)?;
            }
        }
        Ok(())
    }
}

fn preamble_member(file: &File, end: u64, preamble: &PreambleLeaf, name: &str) -> Result<Vec<u8>, ArchiveError> {
    let mut at: u64 = 0;
    for member in &preamble.members {
        if member.size > layout::MAX_PREAMBLE_MEMBER {
            return Err(ArchiveError::damaged(&member.name, tr!("it is larger than such a member may be")));
        }
        if member.name == name {
            return preamble_content(file, end, at, member);
        }
        at += layout::member_len(member.size);
    }
    Err(ArchiveError::damaged(name, tr!("leaf 0 does not bind it")))
}

fn preamble_content(file: &File, end: u64, at: u64, member: &PreambleMember) -> Result<Vec<u8>, ArchiveError> {
    let bytes = member_at(file, at, end, &member.name, layout::MAX_PREAMBLE_MEMBER)?;
    if bytes.len() as u64 != member.size || sha256(&[&bytes]) != member.sha256 {
        return Err(ArchiveError::damaged(&member.name, tr!("its content is not what was sealed")));
    }
    Ok(bytes)
}

/// Reads trailer and checkpoint, and checks that index, checkpoint and trailer stand as they must.
///
/// # Errors
/// [`ArchiveError::Damaged`] when the file does not end as an archive does.
pub fn read_tail(file: &File) -> Result<Tail, ArchiveError> {
    let file_len = file.metadata()?.len();
    let (index_at, checkpoint_at) = read_trailer(file, file_len)?;
    let checkpoint_end = file_len - TAIL;
    let bytes = member_at(file, checkpoint_at, checkpoint_end, layout::CHECKPOINT, MAX_CHECKPOINT)?;
    if checkpoint_at + layout::member_len(bytes.len() as u64) != checkpoint_end {
        return Err(ArchiveError::damaged(layout::TRAILER, tr!("it does not follow the checkpoint")));
    }
    let checkpoint =
        String::from_utf8(bytes).map_err(|_| ArchiveError::damaged(layout::CHECKPOINT, tr!("it is not UTF-8")))?;
    let size = checkpoint::claimed(checkpoint.as_bytes())?.size;
    // No tree has more leaves than its file has bytes; checked first, so that the product below stays small.
    let entries = if size <= index_at { index_entries(size) } else { 0 };
    let header = layout::member_header(layout::INDEX, 8 * entries)?;
    let mut found = [0; BLOCK];
    read_exact(file, &mut found, index_at, layout::INDEX)?;
    if entries == 0 || found != header || index_at + layout::member_len(8 * entries) != checkpoint_at {
        return Err(ArchiveError::damaged(layout::INDEX, tr!("it is not that of the tree")));
    }
    Ok(Tail { file_len, index_at, checkpoint_at, checkpoint })
}

fn read_trailer(file: &File, len: u64) -> Result<(u64, u64), ArchiveError> {
    let not_whole = || {
        ArchiveError::damaged(
            tr!("file"),
            tr!("it does not end as an archive does: it was cut short, or is something else"),
        )
    };
    if len == 0 {
        return Err(ArchiveError::damaged(tr!("file"), tr!("it is empty")));
    }
    if len < TAIL || !len.is_multiple_of(BLOCK as u64) {
        return Err(not_whole());
    }
    let mut tail = [0; TAIL as usize];
    read_exact(file, &mut tail, len - TAIL, layout::TRAILER)?;
    let text_len = layout::trailer_text(0, 0).len();
    let header = layout::member_header(layout::TRAILER, text_len as u64)?;
    let (text, rest) = tail[BLOCK..].split_at(text_len);
    match layout::parse_trailer(text) {
        Some((index, checkpoint))
            if tail[..BLOCK] == header
                && rest.iter().all(|&b| b == 0)
                && index < checkpoint
                && checkpoint < len - TAIL =>
        {
            Ok((index, checkpoint))
        }
        _ => Err(not_whole()),
    }
}
