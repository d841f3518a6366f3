//! Opens one record: from its leaf and its two halves to the bytes of its bag.

use super::ArchiveError;
use super::layout::{self, BLOCK, SEGMENT};
use super::leaf::RecordLeaf;
use crate::crypto::CryptoError;
use crate::crypto::hash::{Hash, Hasher};
use crate::crypto::record_file::{PREFIX, RecordHeader};
use crate::crypto::secret::Secret32;
use crate::crypto::stream::StreamReader;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use tr::tr;

/// Largest zstd window that is accepted: 128 MiB, what stock `zstd` accepts without being asked.
pub const MAX_WINDOW_LOG: u32 = 27;

/// The age file of a record, read across its segments and hashed on the way.
pub struct SegmentReader {
    file: Arc<File>,
    start: u64,
    size: u64,
    at: u64,
    hasher: Hasher,
}

impl SegmentReader {
    /// Over the record that `leaf` describes.
    pub fn new(file: Arc<File>, leaf: &RecordLeaf) -> Self {
        Self { file, start: leaf.offset, size: leaf.size, at: 0, hasher: Hasher::default() }
    }

    /// SHA-256 of everything read; call at the end.
    pub fn hash(self) -> Hash {
        self.hasher.finish()
    }

    /// Bytes read so far.
    pub fn position(&self) -> u64 {
        self.at
    }
}

impl Read for SegmentReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left_in_segment = SEGMENT - self.at % SEGMENT;
        let n = (out.len() as u64).min(self.size - self.at).min(left_in_segment) as usize;
        if n == 0 {
            return Ok(0);
        }
        let read = self.file.read_at(&mut out[..n], self.start + layout::content_offset(self.at))?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.hasher.update(&out[..read]);
        self.at += read as u64;
        Ok(read)
    }
}

/// The tar stream inside a record, decrypted and decompressed.
pub type BagStream = zstd::stream::read::Decoder<'static, BufReader<StreamReader<SegmentReader>>>;

/// Opens the record with its key.
///
/// # Errors
/// [`ArchiveError::Damaged`] when the key does not fit, or header or length are wrong.
pub fn open(file: Arc<File>, leaf: &RecordLeaf, record_key: &Secret32) -> Result<BagStream, ArchiveError> {
    let place = || tr!("record {record}", record = leaf.record);
    let mut segments = SegmentReader::new(file, leaf);
    let mut prefix = [0; PREFIX];
    segments.read_exact(&mut prefix).map_err(|e| read_error(leaf, e))?;
    let header = RecordHeader::parse(&prefix).map_err(|e| ArchiveError::damaged(place(), e.to_string()))?;
    // The halves were compared with the leaf before the key was made: if it does not fit, the record is broken.
    let payload_key = header.open(record_key).map_err(|e| match e {
        CryptoError::NoIdentity => ArchiveError::damaged(place(), tr!("the key that its halves make does not open it")),
        other => ArchiveError::damaged(place(), other.to_string()),
    })?;
    let payload = StreamReader::new(&payload_key, segments, leaf.size - PREFIX as u64)
        .map_err(|e| ArchiveError::damaged(place(), e.to_string()))?;
    let mut decoder = zstd::stream::read::Decoder::with_buffer(BufReader::with_capacity(256 << 10, payload))?;
    decoder.window_log_max(MAX_WINDOW_LOG)?;
    Ok(decoder)
}

/// Checks at the end of a record's tar stream that nothing but padding follows, and that the age file was the sealed one.
///
/// # Errors
/// [`ArchiveError::Damaged`].
pub fn finish(mut stream: BagStream, leaf: &RecordLeaf) -> Result<(), ArchiveError> {
    let place = || tr!("record {record}", record = leaf.record);
    let mut rest = [0; BLOCK];
    loop {
        match stream.read(&mut rest).map_err(|e| read_error(leaf, e))? {
            0 => break,
            n if rest[..n].iter().any(|&b| b != 0) => {
                return Err(ArchiveError::damaged(place(), tr!("bytes follow the end of its tar stream")));
            }
            _ => {}
        }
    }
    let segments = stream.finish().into_inner().into_source();
    if segments.position() != leaf.size || segments.hash() != leaf.sha256 {
        return Err(ArchiveError::damaged(place(), tr!("its content is not what was sealed")));
    }
    Ok(())
}

/// Tells damage in a record's stream from a failure to read the disk.
pub fn read_error(leaf: &RecordLeaf, error: io::Error) -> ArchiveError {
    if error.raw_os_error().is_some() {
        return ArchiveError::Io(error);
    }
    ArchiveError::damaged(
        tr!("record {record}", record = leaf.record),
        tr!("its content does not open: {what}", what = crate::language::of_system(&error)),
    )
}
