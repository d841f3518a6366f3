//! Checks every byte of an archive without a key.
//!
//! The sealed leaves say where each record must stand; from there every header, padding and content byte has one allowed
//! value. Goes on after damage and names each place. Spec: `spec/archive.md`, "Verifying".

use super::ArchiveError;
use super::layout::{self, BLOCK, Offsets};
use super::leaf::RecordLeaf;
use super::reader::ArchiveReader;
use crate::crypto::hash::Hasher;
use crate::crypto::record_file::{PREFIX, RecordHeader};
use crate::tlog::tile::{self, Finished, LogBuilder, TILE_WIDTH};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use tr::tr;

/// Something in the file that is not as it was sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The record, where it lies in one.
    pub record: Option<u64>,
    /// The first and last byte of the file that may be concerned.
    pub first: u64,
    /// See `first`.
    pub last: u64,
    /// What is wrong.
    pub what: String,
}

/// What verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// Records that are as they were sealed.
    pub whole: u64,
    /// Records whose content was removed after their keys were destroyed.
    pub removed: u64,
    /// Records of which nothing but zeros is left, without a proof that their keys were destroyed; they are damaged, too.
    pub emptied: u64,
    /// Everything else, in file order.
    pub damage: Vec<Damage>,
    /// Bytes looked at.
    pub bytes: u64,
}

/// Damage that is listed one by one; beyond it only the count of whole records tells.
const MAX_DAMAGE: usize = 10_000;
const BUFFER: usize = 1 << 20;

/// Verifies an open archive with `threads` threads; `progress` is told of bytes that were read.
///
/// `destroyed` says of which records somebody proved that their keys were destroyed: their content may be zeros.
///
/// # Errors
/// [`ArchiveError::Io`] when the disk cannot be read; damage is not an error here.
pub fn verify(
    reader: &mut ArchiveReader,
    threads: usize,
    destroyed: &(dyn Fn(u64) -> bool + Sync),
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Verification, ArchiveError> {
    let check = Check::new(reader.file().clone(), progress);
    let (whole, removed, emptied) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let outcome: Result<(), ArchiveError> = std::thread::scope(|scope| {
        let (jobs, queue) = crossbeam_channel::bounded::<RecordLeaf>(2 * TILE_WIDTH);
        let workers: Vec<_> = (0..threads.max(1))
            .map(|_| {
                let queue = queue.clone();
                let (check, whole, removed, emptied) = (&check, &whole, &removed, &emptied);
                scope.spawn(move || -> Result<(), ArchiveError> {
                    for leaf in queue {
                        match check.record(&leaf, destroyed(leaf.record))? {
                            RecordState::Whole => drop(whole.fetch_add(1, Ordering::Relaxed)),
                            RecordState::Removed => drop(removed.fetch_add(1, Ordering::Relaxed)),
                            RecordState::Emptied => drop(emptied.fetch_add(1, Ordering::Relaxed)),
                            RecordState::Damaged => {}
                        }
                    }
                    Ok(())
                })
            })
            .collect();
        drop(queue);
        let structure = check.structure(reader, &jobs);
        drop(jobs);
        for worker in workers {
            worker.join().expect("a verifying thread does not panic")?;
        }
        structure
    });
    outcome?;
    let (removed, emptied) = (removed.into_inner(), emptied.into_inner());
    Ok(Verification { removed, emptied, ..check.into_verification(whole.into_inner()) })
}

/// What a record's bytes in the file turned out to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RecordState {
    /// As they were sealed.
    Whole,
    /// Zeros, where that is allowed.
    Removed,
    /// Zeros, where nobody proved that this is allowed.
    Emptied,
    /// Anything else.
    Damaged,
}

/// Checks parts of one file and gathers what is wrong.
pub(super) struct Check<'a> {
    file: std::sync::Arc<File>,
    damage: Mutex<Vec<Damage>>,
    bytes: AtomicU64,
    progress: &'a (dyn Fn(u64) + Sync),
}

impl<'a> Check<'a> {
    /// Over `file`; `progress` is told of bytes that were read.
    pub(super) fn new(file: std::sync::Arc<File>, progress: &'a (dyn Fn(u64) + Sync)) -> Self {
        Self { file, damage: Mutex::default(), bytes: AtomicU64::new(0), progress }
    }

    /// What was gathered, beside `whole` records that nothing is wrong with.
    pub(super) fn into_verification(self, whole: u64) -> Verification {
        let mut damage = self.damage.into_inner().expect("no verifying thread panicked");
        damage.sort_by_key(|d| d.first);
        Verification { whole, removed: 0, emptied: 0, damage, bytes: self.bytes.into_inner() }
    }

    /// Checks a record whose leaf was not proved; `false` also where it cannot lie in a file of `len` bytes.
    pub(super) fn record_if_inside(
        &self,
        leaf: &RecordLeaf,
        len: u64,
        may_be_removed: bool,
    ) -> Result<RecordState, ArchiveError> {
        let end = layout::record_len(leaf.size).and_then(|record_len| leaf.offset.checked_add(record_len));
        if end.is_none_or(|end| end > len) {
            self.report(Some(leaf.record), leaf.offset.min(len), 1, tr!("it does not lie within the file"));
            return Ok(RecordState::Damaged);
        }
        self.record(leaf, may_be_removed)
    }

    pub(super) fn report(&self, record: Option<u64>, first: u64, len: u64, what: impl Into<String>) {
        let mut damage = self.damage.lock().expect("no verifying thread panicked");
        if damage.len() < MAX_DAMAGE {
            damage.push(Damage { record, first, last: first + len.max(1) - 1, what: what.into() });
        }
    }

    fn advance(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        (self.progress)(bytes);
    }

    /// Walks the file in order from the leaves; records go to `jobs`, everything else is checked here.
    fn structure(
        &self,
        reader: &mut ArchiveReader,
        jobs: &crossbeam_channel::Sender<RecordLeaf>,
    ) -> Result<(), ArchiveError> {
        let mut at = 0;
        for member in reader.preamble().members.clone() {
            at = self.member(at, &member.name, member.size, |content| {
                crate::crypto::hash::sha256(&[content]) == member.sha256
            })?;
        }
        self.access_files(reader)?;
        let size = reader.sealed().checkpoint.size;
        let mut rebuilt = Some((LogBuilder::default(), Offsets::default()));
        for bundle_index in 0..size.div_ceil(TILE_WIDTH as u64) {
            let first = bundle_index * TILE_WIDTH as u64;
            let Some(entries) = self.proved_entries(reader, bundle_index)? else {
                let path = tile::path("entries", bundle_index, tile::width(size, 0, bundle_index));
                let last = (size - 1).min(first + TILE_WIDTH as u64 - 1);
                let what = tr!(
                    "{path}: damaged; records {first} to {last} cannot be checked",
                    path = path,
                    first = first.max(1),
                    last = last
                );
                self.report(None, at, 1, what);
                rebuilt = None;
                continue;
            };
            if rebuilt.is_none() {
                at = self.resume_at(reader, first, &entries).unwrap_or(at);
            }
            for (number, entry) in (first..).zip(entries) {
                if number > 0 {
                    at = self.queue_record(reader, number, &entry, at, jobs)?;
                }
                if let Some((log, offsets)) = &mut rebuilt {
                    for finished in log.push(&entry)? {
                        at = self.finished(at, finished, offsets)?;
                    }
                }
            }
        }
        let Some((log, mut offsets)) = rebuilt else {
            // Without all leaves, hash tiles and index cannot be made anew; the proofs read only what led to the root.
            return Ok(());
        };
        let (partial, _) = log.finish();
        for finished in partial {
            at = self.finished(at, finished, &mut offsets)?;
        }
        let index = offsets.to_bytes();
        at = self.member(at, layout::INDEX, index.len() as u64, |content| content == index)?;
        let tail = reader.tail();
        let (checkpoint, end) = (tail.checkpoint.clone(), tail.file_len);
        if at != tail.checkpoint_at {
            self.report(None, at, end - at, tr!("the members do not fill the file as they must"));
            return Ok(());
        }
        at =
            self.member(at, layout::CHECKPOINT, checkpoint.len() as u64, |content| content == checkpoint.as_bytes())?;
        // `ArchiveReader::open` compared trailer and end blocks byte for byte.
        self.advance(end - at);
        Ok(())
    }

    /// Where the records of a bundle begin, by its first leaf: the members before it could not be followed.
    fn resume_at(&self, reader: &ArchiveReader, first: u64, entries: &[Vec<u8>]) -> Option<u64> {
        let leaf = reader.parse_record(first, entries.first()?).ok()?;
        Some(leaf.offset)
    }

    /// The leaves of a bundle; `None` where they do not lead to the root.
    fn proved_entries(
        &self,
        reader: &mut ArchiveReader,
        bundle_index: u64,
    ) -> Result<Option<Vec<Vec<u8>>>, ArchiveError> {
        match reader.tree().leaves(bundle_index) {
            Ok(entries) => Ok(Some(entries)),
            Err(ArchiveError::Io(e)) => Err(ArchiveError::Io(e)),
            Err(_) => Ok(None),
        }
    }

    fn access_files(&self, reader: &ArchiveReader) -> Result<(), ArchiveError> {
        let mut at = 0;
        for member in &reader.preamble().members {
            let compartment =
                reader.manifest().compartments.iter().find(|c| layout::access_member(&c.name) == member.name);
            if let Some(compartment) = compartment
                && let Ok(file) = reader.access_file(&compartment.name)
            {
                let types = crate::crypto::header::stanza_types(&file).unwrap_or_default();
                if types != compartment.recipients {
                    self.report(
                        None,
                        at,
                        member.size,
                        tr!("an access file has other recipients than archive.json says"),
                    );
                }
            }
            at += layout::member_len(member.size);
        }
        Ok(())
    }

    fn queue_record(
        &self,
        reader: &ArchiveReader,
        number: u64,
        entry: &[u8],
        at: u64,
        jobs: &crossbeam_channel::Sender<RecordLeaf>,
    ) -> Result<u64, ArchiveError> {
        let leaf = match reader.parse_record(number, entry) {
            Ok(leaf) => leaf,
            Err(e) => {
                self.report(Some(number), at, 1, e.to_string());
                return self.skip_record(number, at);
            }
        };
        if leaf.offset != at {
            let gap = leaf.offset.saturating_sub(at);
            self.report(Some(number), at, gap, tr!("its leaf places it at {offset}, not here", offset = leaf.offset));
            if leaf.offset < at {
                return self.skip_record(number, at);
            }
            self.advance(gap);
        }
        let at = leaf.offset;
        let len = layout::record_len(leaf.size).expect("a parsed leaf lies within the file");
        // Workers stop early only when the disk fails; their error is the one to tell.
        let _ = jobs.send(leaf);
        Ok(at + len)
    }

    /// Where a record ends whose leaf does not say so: behind the segments that bear its number.
    fn skip_record(&self, number: u64, mut at: u64) -> Result<u64, ArchiveError> {
        for segment in 0.. {
            let mut header = [0; BLOCK];
            if !self.read(at, &mut header)? {
                break;
            }
            let size = tar::Header::from_byte_slice(&header).size().unwrap_or(0);
            let is_segment = (1..=layout::SEGMENT).contains(&size)
                && layout::member_header(&layout::record_member(number, segment), size)? == header;
            if !is_segment {
                break;
            }
            self.advance(layout::member_len(size));
            at += layout::member_len(size);
        }
        Ok(at)
    }

    fn finished(&self, at: u64, finished: Finished, offsets: &mut Offsets) -> Result<u64, ArchiveError> {
        offsets.add(&finished.path, at);
        self.member(at, &finished.path, finished.bytes.len() as u64, |content| content == finished.bytes)
    }

    /// Checks a small member; returns where the next one begins.
    fn member(
        &self,
        at: u64,
        name: &str,
        size: u64,
        is_right: impl FnOnce(&[u8]) -> bool,
    ) -> Result<u64, ArchiveError> {
        let len = layout::member_len(size);
        let mut bytes = vec![0; len as usize];
        self.advance(len);
        if !self.read(at, &mut bytes)? {
            self.report(None, at, len, tr!("{name}: the file ends inside it", name = name));
            return Ok(at + len);
        }
        let (header, content) = bytes.split_at(BLOCK);
        let (content, padding) = content.split_at(size as usize);
        if header != layout::member_header(name, size)? {
            self.report(None, at, BLOCK as u64, tr!("{name}: its tar header was changed", name = name));
        }
        if !is_right(content) {
            self.report(None, at + BLOCK as u64, size, tr!("{name}: its content is not what was sealed", name = name));
        }
        if padding.iter().any(|&b| b != 0) {
            self.report(
                None,
                at + BLOCK as u64 + size,
                padding.len() as u64,
                tr!("{name}: its padding is not zero", name = name),
            );
        }
        Ok(at + len)
    }

    /// Checks all segments of a record.
    fn record(&self, leaf: &RecordLeaf, may_be_removed: bool) -> Result<RecordState, ArchiveError> {
        let whole = std::cell::Cell::new(true);
        let mut zeroed = true;
        let mut wrong_header = None;
        let report = |first: u64, len: u64, what: &str| {
            whole.set(false);
            self.report(Some(leaf.record), first, len, what);
        };
        let mut hasher = Hasher::default();
        let mut buffer = vec![0; BUFFER.min(leaf.size as usize + BLOCK)];
        let mut at = leaf.offset;
        for (segment, size) in layout::segments(leaf.size) {
            let mut header = [0; BLOCK];
            let expected = layout::member_header(&layout::record_member(leaf.record, segment), size)?;
            if !self.read(at, &mut header)? || header != expected {
                report(
                    at,
                    BLOCK as u64,
                    &tr!("the tar header of its segment {segment} was changed", segment = segment),
                );
            }
            let mut done = 0;
            while done < size {
                let n = (size - done).min(buffer.len() as u64) as usize;
                if !self.read(at + BLOCK as u64 + done, &mut buffer[..n])? {
                    report(at + BLOCK as u64 + done, size - done, &tr!("the file ends inside it"));
                    break;
                }
                if segment == 0 && done == 0 {
                    wrong_header = RecordHeader::parse(&buffer[..n.min(PREFIX)]).err();
                }
                zeroed = zeroed && buffer[..n].iter().all(|&b| b == 0);
                hasher.update(&buffer[..n]);
                done += n as u64;
            }
            let padding = layout::padding(size);
            let padding_at = at + BLOCK as u64 + size;
            let mut zeros = [0; BLOCK];
            if !self.read(padding_at, &mut zeros[..padding])? || zeros.iter().any(|&b| b != 0) {
                report(
                    padding_at,
                    padding as u64,
                    &tr!("the padding of its segment {segment} is not zero", segment = segment),
                );
            }
            at += layout::member_len(size);
        }
        self.advance(at - leaf.offset);
        // Headers and padding stay as they were when content is removed.
        let emptied = zeroed && whole.get();
        if emptied && may_be_removed {
            return Ok(RecordState::Removed);
        }
        if let Some(e) = wrong_header {
            report(leaf.offset + BLOCK as u64, PREFIX as u64, &e.to_string());
        }
        if hasher.finish() != leaf.sha256 {
            report(leaf.offset, at - leaf.offset, &tr!("its content is not what was sealed"));
        }
        Ok(match whole.get() {
            true => RecordState::Whole,
            false if emptied => RecordState::Emptied,
            false => RecordState::Damaged,
        })
    }

    /// Fills the buffer; `false` where the file ends before.
    fn read(&self, at: u64, buffer: &mut [u8]) -> Result<bool, ArchiveError> {
        match self.file.read_exact_at(buffer, at) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
            Err(e) => Err(e.into()),
        }
    }
}
