//! Writes an archive in one forward pass, to a file or a pipe.
//!
//! Invariant: nothing is sought back; the checkpoint is asked for only after everything before it was handed to the
//! output and flushed, so that whoever makes it can first make the keys durable (P8). Spec: `spec/archive.md`, "Writing".

use super::ArchiveError;
use super::layout::{self, BLOCK, SEGMENT};
use super::leaf::{self, PreambleLeaf, PreambleMember, RecordLeaf};
use crate::crypto::hash::{Hash, Hasher, sha256};
use crate::tlog::tile::{Finished, LogBuilder, MAX_ENTRY};
use std::io::Write;
use tr::tr;

/// An archive being written.
pub struct ArchiveWriter<W> {
    out: W,
    offset: u64,
    log: LogBuilder,
    offsets: layout::Offsets,
    segment: Vec<u8>,
}

/// What is known of the tree when only the seal is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeHead {
    /// Leaves: records and the preamble.
    pub size: u64,
    /// Root hash.
    pub root: Hash,
}

/// Where the age file of a record ended up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Offset of its first member's header.
    pub offset: u64,
    /// Bytes.
    pub size: u64,
    /// SHA-256.
    pub sha256: Hash,
}

impl<W: Write> ArchiveWriter<W> {
    /// Begins an archive with its preamble: README.txt, archive.json and the access files, in this order.
    ///
    /// # Errors
    /// Those of the output.
    pub fn begin(out: W, archive: &str, preamble: &[(String, Vec<u8>)]) -> Result<Self, ArchiveError> {
        let mut writer = Self {
            out,
            offset: 0,
            log: LogBuilder::default(),
            offsets: layout::Offsets::default(),
            segment: Vec::with_capacity(SEGMENT as usize),
        };
        let mut members = Vec::new();
        for (name, bytes) in preamble {
            writer.member(name, bytes)?;
            members.push(PreambleMember { name: name.clone(), size: bytes.len() as u64, sha256: sha256(&[bytes]) });
        }
        writer.leaf(&leaf::to_bytes(&PreambleLeaf { archive: archive.to_owned(), members }))?;
        Ok(writer)
    }

    /// The number that the next record gets.
    pub fn next_record(&self) -> u64 {
        self.log.size()
    }

    /// Bytes written so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Begins the next record's age file.
    pub fn record(&mut self) -> RecordWriter<'_, W> {
        self.segment.clear();
        let start = self.offset;
        RecordWriter { archive: self, start, size: 0, segments: 0, hasher: Hasher::default(), open: 0 }
    }

    /// Writes a record whose whole age file is at hand, with its hash.
    ///
    /// # Errors
    /// Those of the output.
    pub fn whole_record(&mut self, file: &[u8], sha256: Hash) -> Result<Placed, ArchiveError> {
        let (offset, record) = (self.offset, self.next_record());
        for ((segment, _), bytes) in layout::segments(file.len() as u64).zip(file.chunks(SEGMENT as usize)) {
            self.member(&layout::record_member(record, segment), bytes)?;
        }
        Ok(Placed { offset, size: file.len() as u64, sha256 })
    }

    /// Adds the record's leaf, and the bundle and tiles that became full by it.
    ///
    /// # Errors
    /// [`ArchiveError::LeafTooLarge`]; those of the output.
    pub fn record_leaf(&mut self, leaf: &RecordLeaf) -> Result<(), ArchiveError> {
        let bytes = leaf::to_bytes(leaf);
        if bytes.len() > MAX_ENTRY {
            return Err(ArchiveError::LeafTooLarge(leaf.record));
        }
        self.leaf(&bytes)
    }

    /// Ends the archive. `seal` is called with the tree's head once everything before the checkpoint was flushed; it
    /// returns the signed checkpoint.
    ///
    /// # Errors
    /// Those of the output and of `seal`.
    pub fn finish<E: From<ArchiveError>>(
        mut self,
        seal: impl FnOnce(TreeHead) -> Result<String, E>,
    ) -> Result<(W, u64), E> {
        let size = self.log.size();
        let (partial, root) = std::mem::take(&mut self.log).finish();
        for finished in partial {
            self.finished(finished)?;
        }
        let index_at = self.offset;
        let index = self.offsets.to_bytes();
        self.member(layout::INDEX, &index)?;
        self.out.flush().map_err(ArchiveError::from)?;
        let checkpoint = seal(TreeHead { size, root })?;
        let checkpoint_at = self.offset;
        self.member(layout::CHECKPOINT, checkpoint.as_bytes())?;
        self.member(layout::TRAILER, layout::trailer_text(index_at, checkpoint_at).as_bytes())?;
        self.write(&[0; 2 * BLOCK])?;
        self.out.flush().map_err(ArchiveError::from)?;
        Ok((self.out, self.offset))
    }

    fn leaf(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        for finished in self.log.push(bytes)? {
            self.finished(finished)?;
        }
        Ok(())
    }

    fn finished(&mut self, finished: Finished) -> Result<(), ArchiveError> {
        self.offsets.add(&finished.path, self.offset);
        self.member(&finished.path, &finished.bytes)
    }

    fn member(&mut self, name: &str, content: &[u8]) -> Result<(), ArchiveError> {
        let size = content.len() as u64;
        self.write(&layout::member_header(name, size)?)?;
        self.write(content)?;
        self.write(&[0; BLOCK][..layout::padding(size)])
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        self.out.write_all(bytes)?;
        self.offset += bytes.len() as u64;
        Ok(())
    }
}

/// The age file of one record being written.
///
/// A member's header says its size. Bytes therefore wait in memory until a segment is full or known to become so.
pub struct RecordWriter<'a, W> {
    archive: &'a mut ArchiveWriter<W>,
    start: u64,
    size: u64,
    segments: u64,
    hasher: Hasher,
    open: usize,
}

impl<W: Write> RecordWriter<'_, W> {
    /// Appends bytes of the age file, in pieces.
    ///
    /// # Errors
    /// Those of the output.
    pub fn append<'b>(&mut self, pieces: impl Iterator<Item = &'b [u8]> + Clone) -> Result<(), ArchiveError> {
        let mut left = pieces.clone().map(<[u8]>::len).sum();
        for bytes in pieces {
            self.append_piece(bytes, left)?;
            left -= bytes.len();
        }
        Ok(())
    }

    /// `certain` are the bytes that will come at least, these included.
    fn append_piece(&mut self, mut bytes: &[u8], mut certain: usize) -> Result<(), ArchiveError> {
        const FULL: usize = SEGMENT as usize;
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        while !bytes.is_empty() {
            let waiting = self.archive.segment.len();
            if self.open == 0 && waiting + certain >= FULL {
                self.begin_segment(FULL)?;
                self.open = FULL - waiting;
            }
            let now;
            if self.open > 0 {
                (now, bytes) = bytes.split_at(bytes.len().min(self.open));
                self.archive.write(now)?;
                self.open -= now.len();
            } else {
                (now, bytes) = (bytes, &[]);
                self.archive.segment.extend_from_slice(now);
            }
            certain -= now.len();
        }
        Ok(())
    }

    /// Ends the age file.
    ///
    /// # Errors
    /// Those of the output; [`ArchiveError::Io`] when fewer bytes came than were promised.
    pub fn finish(mut self) -> Result<Placed, ArchiveError> {
        if self.open > 0 {
            return Err(std::io::Error::other(tr!("a record ended before the bytes that were promised")).into());
        }
        let rest = self.archive.segment.len();
        if rest > 0 {
            self.begin_segment(rest)?;
            self.archive.write(&[0; BLOCK][..layout::padding(rest as u64)])?;
        }
        Ok(Placed { offset: self.start, size: self.size, sha256: self.hasher.finish() })
    }

    /// Writes a member's header and what waited of its content.
    fn begin_segment(&mut self, size: usize) -> Result<(), ArchiveError> {
        let name = layout::record_member(self.archive.next_record(), self.segments);
        self.segments += 1;
        self.archive.write(&layout::member_header(&name, size as u64)?)?;
        let waiting = std::mem::take(&mut self.archive.segment);
        let written = self.archive.write(&waiting);
        self.archive.segment = waiting;
        self.archive.segment.clear();
        written
    }
}
