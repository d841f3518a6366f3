//! Reads one file of a survey: what it is, what its text holds, its hash where others have its size.
//!
//! Invariant: memory and time for one file are bounded, whatever is in it; PDF, whose readers have had defects, is read by a
//! process of its own.

use crate::crypto::hash::{Hash, Hasher};
use crate::storage::process::Program;
use crate::storage::source::{OpenSource, Problem};
use crate::survey::compound;
use crate::survey::facts::{Facts, Read};
use crate::survey::finding::{Findings, scan};
use crate::survey::kind::{self, Kind};
use crate::survey::mail;
use crate::survey::office::{self, Content};
use crate::survey::text;
use std::io::Read as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Bytes of a file that are searched unless somebody asks for more.
pub const DEFAULT_MAX_BYTES: u64 = 16 << 20;
/// Bytes of a file that are searched at most, whatever somebody asks for.
pub const MOST_BYTES: u64 = 256 << 20;
/// Bytes of files that all threads together hold at most.
const HELD: u64 = 512 << 20;
/// How long one PDF may take.
const PDF_TIME: Duration = Duration::from_secs(20);
/// Bytes of text that it may give.
const PDF_TEXT: usize = 64 << 20;
/// First bytes that say what a file is.
const HEAD: usize = 4096;

/// How files are read.
pub struct FileReader<'a> {
    /// Bytes of a file that are searched.
    pub max_bytes: u64,
    /// The program that gives the text of the PDF on its standard input; without it PDF is not read.
    pub pdf: Option<&'a Path>,
    /// Set when somebody interrupts.
    pub interrupted: &'a AtomicBool,
}

/// How many threads may read so many bytes of a file each: at least one.
pub fn threads(max_bytes: u64, wanted: usize) -> usize {
    let fit = HELD / max_bytes.clamp(1, MOST_BYTES);
    wanted.min(usize::try_from(fit).unwrap_or(usize::MAX)).max(1)
}

/// The words before the text that the program for PDF writes.
pub const PDF_WHOLE: &[u8] = b"text\n";
/// The same where it is not all.
pub const PDF_PART: &[u8] = b"part\n";
/// Instead of a text.
pub const PDF_ENCRYPTED: &[u8] = b"encrypted\n";

impl FileReader<'_> {
    /// Reads the file, and hashes all of it with `hashed`; tells `advance` of bytes as they are read.
    pub fn read(
        &self,
        path: &Path,
        name: &str,
        hashed: bool,
        advance: &dyn Fn(u64),
    ) -> (Facts, Option<Hash>, Option<Problem>) {
        let unread = |read, size| Facts { kind: kind::of(name, b"?"), size, read, findings: Findings::default() };
        let mut source = match OpenSource::open(path) {
            Ok(source) => source,
            Err(problem) => return (unread(Read::Failed, 0), None, Some(problem)),
        };
        let size = source.size;
        let mut bytes = Vec::new();
        if let Err(e) = source.file.by_ref().take(self.max_bytes.min(MOST_BYTES)).read_to_end(&mut bytes) {
            return (unread(Read::Failed, size), None, Some(Problem::new(path, crate::language::of_system(&e))));
        }
        // Before they are searched, which takes longer.
        advance(bytes.len() as u64);
        let kind = kind::of(name, &bytes[..bytes.len().min(HEAD)]);
        let is_whole = bytes.len() as u64 >= size;
        let (read, findings) = self.content(kind, &bytes, is_whole);
        // A name without an end, and bytes that turned out to be text.
        let kind = if kind == Kind::Other && matches!(read, Read::Whole | Read::Part) { Kind::Text } else { kind };
        let hash = if hashed { self.hash(&bytes, source.file, advance) } else { None };
        (Facts { kind, size, read, findings }, hash, None)
    }

    fn hash(&self, head: &[u8], mut rest: impl std::io::Read, advance: &dyn Fn(u64)) -> Option<Hash> {
        let mut hasher = Hasher::default();
        hasher.update(head);
        let mut buffer = vec![0; 1 << 17];
        loop {
            if self.interrupted.load(std::sync::atomic::Ordering::Relaxed) {
                return None;
            }
            match rest.read(&mut buffer) {
                Ok(0) => return Some(hasher.finish()),
                Ok(n) => {
                    hasher.update(&buffer[..n]);
                    advance(n as u64);
                }
                Err(_) => return None,
            }
        }
    }

    fn content(&self, kind: Kind, bytes: &[u8], is_whole: bool) -> (Read, Findings) {
        let none = Findings::default();
        // A defect in a reader of documents costs one file, not the survey.
        let guarded = |read: &dyn Fn() -> Content| catch_unwind(AssertUnwindSafe(read)).unwrap_or(Content::Unreadable);
        let content = match kind {
            Kind::Empty => return (Read::Whole, none),
            Kind::Encrypted => return (Read::Encrypted, none),
            Kind::OldOffice => guarded(&|| compound::text(bytes, is_whole)),
            Kind::Packed if office::is_encrypted_zip(bytes) => return (Read::Encrypted, none),
            kind if kind.is_zipped_xml() && is_whole => guarded(&|| office::text(bytes)),
            Kind::Pdf if is_whole => match self.pdf {
                Some(program) => self.pdf(program, bytes),
                None => return (Read::NotText, none),
            },
            kind if kind.is_zipped_xml() || kind == Kind::Pdf => return (Read::TooLarge, none),
            kind if kind.may_be_text() => match text::decode(bytes) {
                Some(text) if kind == Kind::Mail => match mail::text(&text) {
                    (text, true) if is_whole => Content::Text(text),
                    (text, _) => Content::Part(text),
                },
                Some(text) if is_whole => Content::Text(text),
                Some(text) => Content::Part(text),
                None => return (Read::NotText, none),
            },
            _ => return (Read::NotText, none),
        };
        match content {
            // Scans have no text.
            Content::Text(text) if kind == Kind::Pdf && text.trim().is_empty() => (Read::NotText, none),
            Content::Text(text) => (Read::Whole, scan(kind, &text)),
            Content::Part(text) => (Read::Part, scan(kind, &text)),
            Content::Encrypted => (Read::Encrypted, none),
            Content::Unreadable => (Read::Damaged, none),
        }
    }

    fn pdf(&self, program: &Path, bytes: &[u8]) -> Content {
        let program = Program::new(PathBuf::from(program), PDF_TIME, PDF_TEXT).arg("read-pdf").input(bytes);
        let Ok(printed) = program.until(self.interrupted).run().and_then(|ran| ran.succeeded()) else {
            return Content::Unreadable;
        };
        let text = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
        match printed.as_slice() {
            PDF_ENCRYPTED => Content::Encrypted,
            printed => match (printed.strip_prefix(PDF_WHOLE), printed.strip_prefix(PDF_PART)) {
                (Some(whole), _) => Content::Text(text(whole)),
                (None, Some(part)) => Content::Part(text(part)),
                (None, None) => Content::Unreadable,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_threads_together_hold_no_more_than_is_said() {
        for (max_bytes, wanted, given) in [
            (DEFAULT_MAX_BYTES, 8, 8),
            (DEFAULT_MAX_BYTES, 64, 32),
            (MOST_BYTES, 8, 2),
            (u64::MAX, 8, 2),
            (1, 3, 3),
            (0, 0, 1),
        ] {
            assert_eq!(threads(max_bytes, wanted), given, "{max_bytes} bytes, {wanted} threads");
        }
    }
}
