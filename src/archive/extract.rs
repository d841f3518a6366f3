//! An extract: the age files of some records of an archive, each with the proof that it is sealed, and nothing else.
//!
//! Invariant: every byte of an extract follows from `extract.json` and the sealed leaves, and a leaf is given out only after its
//! proof led to the one seal. Spec: `spec/evidence.md`, "Extract".

use super::ArchiveError;
use super::layout::{self, BLOCK};
use super::leaf::RecordLeaf;
use super::manifest::verifier_keys;
use super::proof::{ProvedRecord, verify_record_proof};
use super::reader::ArchiveReader;
use super::record::SegmentReader;
use super::tree::{member_at, read_exact};
use crate::crypto::kdf::ArchiveId;
use crate::crypto::record_file::SMALLEST;
use crate::crypto::sign::VerifierKey;
use crate::language::{said, text};
use crate::retention::ranges::Ranges;
use crate::storage::document;
use crate::tlog::checkpoint::Checkpoint;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{Read, Write};
use std::sync::Arc;
use tr::tr;

/// The format that this version writes and reads.
pub const FORMAT: &str = "keepuntil-extract/v1";
/// First member.
pub const HEADER: &str = "extract.json";
/// Records in an extract, at most.
pub const MAX_RECORDS: u64 = 100_000;
/// Bytes of the text of its records, at most: as many as a grant may have.
const MAX_RECORDS_TEXT: usize = 24_576;
/// Bytes of `extract.json`, at most.
const MAX_HEADER: u64 = 32 << 10;
/// Bytes of a proof, at most: a leaf of 65,535 bytes in base64, 64 hashes and a checkpoint.
pub const MAX_PROOF: u64 = 128 << 10;
/// What ends an extract.
const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// The content of `extract.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// [`FORMAT`].
    pub format: String,
    /// The archive that it was cut out of.
    #[serde(with = "hex::serde")]
    pub archive: ArchiveId,
    /// Its records.
    pub records: Ranges,
    /// Ed25519 and ML-DSA-44 vkeys of the seal: claims, until pinned.
    pub verifier_keys: [String; 2],
}

impl Header {
    fn parse(bytes: &[u8]) -> Result<Self, ArchiveError> {
        use document::DocumentError;
        let header: Self = document::parse_within(bytes, FORMAT, MAX_HEADER).map_err(|e| match e {
            DocumentError::OtherFormat(format) => ArchiveError::NewerFormat(format),
            other @ DocumentError::Malformed(_) => ArchiveError::damaged(HEADER, other.to_string()),
        })?;
        check_records(&header.records).map_err(|what| ArchiveError::damaged(HEADER, said(what)))?;
        Ok(header)
    }
}

fn check_records(records: &Ranges) -> Result<(), &'static str> {
    if records.is_empty() || records.contains(0) {
        return Err(text!("it has no records, or one without a number"));
    }
    if records.count() > MAX_RECORDS {
        return Err(text!("it has more than 100,000 records"));
    }
    if records.to_string().len() > MAX_RECORDS_TEXT {
        return Err(text!("its records are too scattered: their list is longer than 24,576 bytes"));
    }
    Ok(())
}

/// Name of the member that proves record `record`.
pub fn proof_member(record: u64) -> String {
    format!("proofs/{record:010}.tlog-proof")
}

/// Writes the extract of `records` to `out`.
///
/// # Errors
/// [`ArchiveError::NoSuchRecord`]; [`ArchiveError::Damaged`] for a record whose content is not what was sealed, since it was
/// removed or damaged; those of the output.
pub fn write(reader: &mut ArchiveReader, records: &Ranges, out: &mut dyn Write) -> Result<(), ArchiveError> {
    check_records(records).map_err(|what| ArchiveError::damaged(tr!("extract"), said(what)))?;
    let header = Header {
        format: FORMAT.into(),
        archive: *reader.archive(),
        records: records.clone(),
        verifier_keys: reader.keys().clone().map(|key| key.to_string()),
    };
    member(out, HEADER, &document::to_bytes(&header))?;
    for record in records.iter() {
        let leaf = reader.record(record)?;
        member(out, &proof_member(record), reader.proof(record)?.to_text().as_bytes())?;
        copy_record(reader.file(), &leaf, out)?;
    }
    Ok(out.write_all(&END)?)
}

fn member(out: &mut dyn Write, name: &str, content: &[u8]) -> Result<(), ArchiveError> {
    out.write_all(&layout::member_header(name, content.len() as u64)?)?;
    out.write_all(content)?;
    Ok(out.write_all(&END[..layout::padding(content.len() as u64)])?)
}

fn copy_record(file: &Arc<File>, leaf: &RecordLeaf, out: &mut dyn Write) -> Result<(), ArchiveError> {
    let mut content = SegmentReader::new(file.clone(), leaf);
    for (segment, size) in layout::segments(leaf.size) {
        out.write_all(&layout::member_header(&layout::record_member(leaf.record, segment), size)?)?;
        std::io::copy(&mut content.by_ref().take(size), out)?;
        out.write_all(&END[..layout::padding(size)])?;
    }
    if content.hash() != leaf.sha256 {
        return Err(ArchiveError::damaged(
            tr!("record {record}", record = leaf.record),
            tr!("its content is not what was sealed"),
        ));
    }
    Ok(())
}

/// An extract whose seal verified under the keys that it names itself.
pub struct ExtractReader {
    file: Arc<File>,
    header: Header,
    keys: [VerifierKey; 2],
    sealed: Checkpoint,
    /// Each record, rising, and where its proof stands.
    proofs: Vec<(u64, u64)>,
}

impl ExtractReader {
    /// Opens an extract; checks everything but the content of the age files, which is checked when a record is opened.
    ///
    /// # Errors
    /// [`ArchiveError::Damaged`] for whatever is not a whole, valid extract; [`ArchiveError::NewerFormat`].
    pub fn open(file: File) -> Result<Self, ArchiveError> {
        let file = Arc::new(file);
        let len = file.metadata()?.len();
        let header_bytes = member_at(&file, 0, len, HEADER, MAX_HEADER)?;
        let header = Header::parse(&header_bytes)?;
        let keys = verifier_keys(HEADER, &header.verifier_keys)?;
        let mut at = layout::member_len(header_bytes.len() as u64);
        let mut walk = Walk { file: &file, len, header: &header, keys: &keys, sealed: None };
        let mut proofs = Vec::new();
        for record in header.records.iter() {
            proofs.push((record, at));
            let (proved, content_at) = walk.proved(record, at)?;
            at = walk.segments(&proved.leaf, content_at)?;
        }
        let sealed = walk.sealed.take().expect("an extract has records");
        let mut end = END;
        if at + END.len() as u64 != len {
            return Err(ArchiveError::damaged(tr!("file"), tr!("it does not end where its last record does")));
        }
        read_exact(&file, &mut end, at, &tr!("file"))?;
        if end != END {
            return Err(ArchiveError::damaged(tr!("file"), tr!("it does not end with two blocks of zeros")));
        }
        Ok(Self { file, header, keys, sealed, proofs })
    }

    /// The archive that it was cut out of.
    pub fn archive(&self) -> &ArchiveId {
        &self.header.archive
    }

    /// Its records.
    pub fn records(&self) -> &Ranges {
        &self.header.records
    }

    /// The keys that the seal verified under: claims, until pinned.
    pub fn keys(&self) -> &[VerifierKey; 2] {
        &self.keys
    }

    /// The seal of the archive.
    pub fn sealed(&self) -> &Checkpoint {
        &self.sealed
    }

    /// The file.
    pub fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Record `record`'s leaf, with the offset at which the record stands in this file instead of the archive's.
    ///
    /// # Errors
    /// [`ArchiveError::NotInExtract`]; [`ArchiveError::Damaged`] when the file was changed since it was opened.
    pub fn record(&self, record: u64) -> Result<RecordLeaf, ArchiveError> {
        let (proved, content_at) = self.proved(record)?;
        Ok(RecordLeaf { offset: content_at, ..proved.leaf })
    }

    /// The text of the proof that record `record` is sealed.
    ///
    /// # Errors
    /// As [`Self::record`].
    pub fn proof(&self, record: u64) -> Result<String, ArchiveError> {
        self.proved(record)?;
        proof_text(&self.file, self.place(record)?, self.file.metadata()?.len(), record)
    }

    fn proved(&self, record: u64) -> Result<(ProvedRecord, u64), ArchiveError> {
        let len = self.file.metadata()?.len();
        let mut walk =
            Walk { file: &self.file, len, header: &self.header, keys: &self.keys, sealed: Some(self.sealed.clone()) };
        walk.proved(record, self.place(record)?)
    }

    fn place(&self, record: u64) -> Result<u64, ArchiveError> {
        let found = self.proofs.binary_search_by_key(&record, |(number, _)| *number);
        found.map(|index| self.proofs[index].1).map_err(|_| ArchiveError::NotInExtract(record))
    }
}

/// Whether a file begins as an extract does.
///
/// # Errors
/// Those of the disk.
pub fn is_extract(file: &File) -> Result<bool, ArchiveError> {
    let mut header = [0; BLOCK];
    match read_exact(file, &mut header, 0, HEADER) {
        Ok(()) => Ok(tar::Header::from_byte_slice(&header).path_bytes().as_ref() == HEADER.as_bytes()),
        Err(ArchiveError::Damaged { .. }) => Ok(false),
        Err(e) => Err(e),
    }
}

fn proof_text(file: &File, at: u64, end: u64, record: u64) -> Result<String, ArchiveError> {
    let name = proof_member(record);
    let bytes = member_at(file, at, end, &name, MAX_PROOF)?;
    String::from_utf8(bytes).map_err(|_| ArchiveError::damaged(name, tr!("it is not UTF-8")))
}

/// Goes through the members of an extract.
struct Walk<'a> {
    file: &'a File,
    len: u64,
    header: &'a Header,
    keys: &'a [VerifierKey; 2],
    /// The seal that the first proof led to, and all others must.
    sealed: Option<Checkpoint>,
}

impl Walk<'_> {
    /// The proof of `record` at `at`, verified, and where its first segment must stand.
    fn proved(&mut self, record: u64, at: u64) -> Result<(ProvedRecord, u64), ArchiveError> {
        let text = proof_text(self.file, at, self.len, record)?;
        let damaged = |what: &str| ArchiveError::damaged(proof_member(record), said(what));
        let proved = verify_record_proof(&text, self.keys).map_err(|e| match e {
            ArchiveError::Damaged { what, .. } => damaged(&what),
            other => other,
        })?;
        if proved.archive != self.header.archive {
            return Err(damaged(text!("it is of another archive")));
        }
        if proved.leaf.record != record || proved.leaf.size < SMALLEST {
            return Err(damaged(text!("it is another record's, or of a record that cannot be")));
        }
        if *self.sealed.get_or_insert_with(|| proved.checkpoint.clone()) != proved.checkpoint {
            return Err(damaged(text!("it leads to another seal than the first")));
        }
        Ok((proved, at + layout::member_len(text.len() as u64)))
    }

    /// Checks headers and padding of a record's segments from `at` on; gives the end of the last.
    fn segments(&self, leaf: &RecordLeaf, at: u64) -> Result<u64, ArchiveError> {
        let name = tr!("record {record}", record = leaf.record);
        let end = layout::record_len(leaf.size).and_then(|len| at.checked_add(len));
        let Some(end) = end.filter(|end| *end <= self.len) else {
            return Err(ArchiveError::damaged(name, tr!("it does not lie within the file")));
        };
        let mut at = at;
        for (segment, size) in layout::segments(leaf.size) {
            let mut header = [0; BLOCK];
            read_exact(self.file, &mut header, at, &name)?;
            if header != layout::member_header(&layout::record_member(leaf.record, segment), size)? {
                let what = tr!("the tar header of its segment {segment} was changed", segment = segment);
                return Err(ArchiveError::damaged(name, what));
            }
            let mut padding = [0; BLOCK];
            let padding = &mut padding[..layout::padding(size)];
            read_exact(self.file, padding, at + BLOCK as u64 + size, &name)?;
            if padding.iter().any(|&b| b != 0) {
                return Err(ArchiveError::damaged(
                    name,
                    tr!("the padding of its segment {segment} is not zero", segment = segment),
                ));
            }
            at += layout::member_len(size);
        }
        debug_assert_eq!(at, end);
        Ok(end)
    }
}
