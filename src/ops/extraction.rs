//! Extraction: writes what a bag shows into a folder that has no name yet, as a bag or as the plain tree it was made from.
//!
//! Invariant: what only a record with impossible paths can bring about is that record's damage; any other error of writing
//! is one of this machine. Spec: `spec/archive.md`.

use super::OpsError;
use crate::archive::ArchiveError;
use crate::archive::bag_reader::BagVisitor;
use crate::archive::bag_writer::{LINKS, decode_column};
use crate::archive::label::RecordKind;
use crate::archive::pax::parse_time;
use crate::crypto::hash::Hash;
use crate::storage::extract::PartialTree;
use crate::storage::source::Attributes;
use crate::storage::{StorageError, show};
use std::io::{self, BufRead, BufReader, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use tr::tr;

/// Attributes of the files of a bag that are not its payload.
pub(super) const TAG_FILE: Attributes = Attributes { mode: 0o644, mtime: 0, nanos: 0 };

/// Writes what a bag shows into a partial tree.
pub(super) struct Extract<'a, 'f> {
    /// Where to.
    pub tree: &'a mut PartialTree<'f>,
    /// The exact tree instead of a bag.
    pub plain: bool,
    /// What the record was made from.
    pub kind: RecordKind,
    /// Set when somebody stops the run.
    pub interrupted: &'a AtomicBool,
    /// The first error of this machine; what the bag reader returns then is not looked at.
    pub error: Option<OpsError>,
    /// Its number.
    pub record: u64,
}

impl Extract<'_, '_> {
    fn place(&self, path: &str) -> String {
        match (self.plain, path) {
            (true, path) => path.to_owned(),
            (false, "") => "data".to_owned(),
            (false, path) => format!("data/{path}"),
        }
    }

    /// Keeps the first error of this machine's disk; what the bag reader returns then is not looked at. What only a
    /// record with impossible paths can bring about is that record's damage.
    fn keep(&mut self, result: Result<(), StorageError>) -> Result<(), ArchiveError> {
        result.map_err(|e| match e {
            StorageError::File { path, source } if is_about_paths(&source) => {
                let what = format!("{}: {source}", show(&path));
                ArchiveError::damaged(tr!("record {}", self.record), what)
            }
            e => {
                self.error.get_or_insert(e.into());
                ArchiveError::Io(io::Error::other(tr!("writing failed")))
            }
        })
    }

    /// Writes a file, unless reading `content` fails or somebody interrupts: neither is an error of this machine's disk.
    fn write(&mut self, place: &str, attributes: Attributes, content: &mut dyn Read) -> Result<(), ArchiveError> {
        let mut content = Interruptible { inner: content, interrupted: self.interrupted, ended: None };
        let written = self.tree.file(place, attributes, &mut content);
        match content.ended {
            None => self.keep(written),
            Some(Ended::Failed) => Err(ArchiveError::Io(io::Error::other(tr!("reading failed")))),
            Some(Ended::Interrupted) => {
                self.error.get_or_insert(OpsError::Interrupted);
                Err(ArchiveError::Io(io::Error::other("interrupted")))
            }
        }
    }
}

/// Whether an error of a tree that nobody else writes to comes from paths that contradict each other or lead out of it.
fn is_about_paths(error: &io::Error) -> bool {
    use io::ErrorKind::{AlreadyExists, IsADirectory, NotADirectory, NotFound};
    // An attempt to leave the tree is found before the operating system is asked, and has no number of its own.
    matches!(error.kind(), AlreadyExists | IsADirectory | NotADirectory | NotFound) || error.raw_os_error().is_none()
}

/// Why a file's content ended before its end.
enum Ended {
    Failed,
    Interrupted,
}

struct Interruptible<'a> {
    inner: &'a mut dyn Read,
    interrupted: &'a AtomicBool,
    ended: Option<Ended>,
}

impl Read for Interruptible<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.interrupted.load(Ordering::Relaxed) {
            self.ended = Some(Ended::Interrupted);
            return Err(io::Error::other("interrupted"));
        }
        self.inner.read(out).inspect_err(|e| {
            if e.kind() != io::ErrorKind::Interrupted {
                self.ended = Some(Ended::Failed);
            }
        })
    }
}

impl BagVisitor for Extract<'_, '_> {
    fn directory(&mut self, path: &str, attributes: Attributes) -> Result<(), ArchiveError> {
        // Without `data/` around it, the payload's own folder is the tree itself, unless a single file is taken out of it.
        if self.plain && path.is_empty() && self.kind == RecordKind::File {
            return Ok(());
        }
        let place = self.place(path);
        let made = self.tree.directory(&place, attributes);
        self.keep(made)
    }

    fn file(
        &mut self,
        path: &str,
        attributes: Attributes,
        _size: u64,
        content: &mut dyn Read,
    ) -> Result<(), ArchiveError> {
        let place = self.place(path);
        self.write(&place, attributes, content)
    }

    fn hard_link(&mut self, path: &str, target: &str) -> Result<(), ArchiveError> {
        let (path, target) = (self.place(path), self.place(target));
        let made = self.tree.hard_link(&path, &target);
        self.keep(made)
    }

    fn link(&mut self, path: &str, target: &str, attributes: Attributes) -> Result<(), ArchiveError> {
        let place = self.place(path);
        let made = self.tree.link(&place, target, attributes);
        self.keep(made)
    }

    fn tag_file(&mut self, name: &str, content: &mut dyn Read) -> Result<(), ArchiveError> {
        if !self.plain {
            return self.write(name, TAG_FILE, content);
        }
        if name == LINKS {
            // The payload is complete: nothing can be written through these links any more.
            each_link(content, |path, target, attributes| {
                let made = self.tree.link(path, target, attributes);
                self.keep(made)
            })?;
        }
        Ok(())
    }

    fn hashed(&mut self, _: &str, _: &Hash) -> Result<(), ArchiveError> {
        Ok(())
    }
}

/// A line of `links.txt` has two paths, each at most three times as long as when it was not encoded.
const MAX_LINK_LINE: u64 = 64 << 10;

/// Shows the lines of `links.txt` one by one: path, target, attributes.
///
/// # Errors
/// [`ArchiveError::Damaged`] for a malformed line; those of `content` and `each`.
pub fn each_link(
    content: &mut dyn Read,
    mut each: impl FnMut(&str, &str, Attributes) -> Result<(), ArchiveError>,
) -> Result<(), ArchiveError> {
    let mut content = BufReader::new(content);
    let mut line = Vec::new();
    loop {
        line.clear();
        if content.by_ref().take(MAX_LINK_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let parsed = std::str::from_utf8(&line).ok().and_then(parse_link);
        let (path, target, attributes) =
            parsed.ok_or_else(|| ArchiveError::damaged(LINKS, tr!("a line is malformed")))?;
        each(&path, &target, attributes)?;
    }
}

fn parse_link(line: &str) -> Option<(String, String, Attributes)> {
    let columns: Vec<&str> = line.strip_suffix('\n')?.split('\t').collect();
    let &[path, target, time] = &columns[..] else { return None };
    let (mtime, nanos) = parse_time(time)?;
    let path = decode_column(path)?;
    let plain = path.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
    plain.then_some((path, decode_column(target)?, Attributes { mode: 0o777, mtime, nanos }))
}
