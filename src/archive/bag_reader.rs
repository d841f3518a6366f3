//! Reads the inside of a record: walks its tar stream, checks it against its own manifests, and shows each member.
//!
//! Invariant: memory is bounded whatever the stream holds; a path that could leave `data/` is never shown.
//! Spec: `spec/archive.md`, "Inside a record".

use super::ArchiveError;
use super::bag_writer::{BAGIT, BagSummary, LINKED_KEYWORD, LINKS, MAX_LINKED, ORIGINAL_NAMES, SKIPPED, manifest_line};
use super::leaf::RecordLeaf;
use super::pax::{parse_time, pax_record};
use super::record::read_error;
use crate::crypto::hash::{Hash, Hasher, sha256};
use crate::storage::source::{Attributes, resolve};
use std::cell::Cell;
use std::collections::HashMap;
use std::io::{self, Read};
use std::rc::Rc;
use tr::tr;

/// A pax header may have this many bytes.
const MAX_PAX: u64 = 1 << 20;
/// A tag file other than the manifest may have this many bytes.
const MAX_TAG: u64 = 64 << 20;

/// What may come out of one record before it is refused as a bomb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Files and links to files, as the label says.
    pub files: u64,
    /// Bytes in them, as the label says.
    pub bytes: u64,
    /// Members of any kind.
    pub members: u64,
    /// Bytes of the whole tar stream, headers and tag files included.
    pub stream: u64,
}

/// Zero bytes behind the first end block: the second one, and nothing else.
const LAST_BLOCK: usize = 512;

/// Takes what a bag holds, member by member.
pub trait BagVisitor {
    /// A folder below `data/`; the path is empty for `data/` itself.
    ///
    /// # Errors
    /// The visitor's own.
    fn directory(&mut self, path: &str, attributes: Attributes) -> Result<(), ArchiveError>;
    /// A file below `data/`. What the visitor leaves unread is read behind it.
    ///
    /// # Errors
    /// The visitor's own.
    fn file(
        &mut self,
        path: &str,
        attributes: Attributes,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<(), ArchiveError>;
    /// One more name of a file shown before.
    ///
    /// # Errors
    /// The visitor's own.
    fn hard_link(&mut self, path: &str, target: &str) -> Result<(), ArchiveError>;
    /// A symbolic link to a file inside `data/`; the hash is what the manifest says of that file.
    ///
    /// # Errors
    /// The visitor's own.
    fn link(&mut self, path: &str, target: &str, attributes: Attributes) -> Result<(), ArchiveError>;
    /// A tag file beside `data/`.
    ///
    /// # Errors
    /// The visitor's own.
    fn tag_file(&mut self, name: &str, content: &mut dyn Read) -> Result<(), ArchiveError>;
    /// A file's hash, after it was shown and read to its end.
    ///
    /// # Errors
    /// The visitor's own.
    fn hashed(&mut self, path: &str, hash: &Hash) -> Result<(), ArchiveError>;
}

/// Walks the bag in `stream` to the end of its tar stream; gives the stream back for its own end to be checked.
///
/// # Errors
/// [`ArchiveError::Damaged`] for a bag that is not valid, [`ArchiveError::Limit`] for a bomb, the visitor's own errors.
pub fn read_bag<R: Read>(
    stream: R,
    leaf: &RecordLeaf,
    limits: Limits,
    visitor: &mut dyn BagVisitor,
) -> Result<(BagSummary, R), ArchiveError> {
    let exceeded = Rc::new(Cell::new(false));
    let mut archive = tar::Archive::new(Metered { inner: stream, left: limits.stream, exceeded: exceeded.clone() });
    let mut walk = Walk {
        leaf,
        limits,
        visitor,
        members: 0,
        summary: BagSummary::default(),
        manifest: Hasher::default(),
        manifest_len: 0,
        linked: HashMap::new(),
        tags: Vec::new(),
        stage: Stage::Start,
    };
    let walked = walk.members(&mut archive);
    let summary = walk.summary.clone();
    let mut stream = archive.into_inner();
    let outcome = walked.and_then(|()| read_end(&mut stream, leaf));
    if exceeded.get() {
        return Err(walk.limit(tr!("it grows more than the limit allows")));
    }
    outcome?;
    Ok((summary, stream.inner))
}

/// Checks that one more block of zeros ends the stream.
fn read_end(stream: &mut impl Read, leaf: &RecordLeaf) -> Result<(), ArchiveError> {
    let mut rest = Vec::new();
    stream.take(LAST_BLOCK as u64 + 1).read_to_end(&mut rest).map_err(|e| read_error(leaf, e))?;
    if rest != [0; LAST_BLOCK] {
        let place = tr!("record {record}", record = leaf.record);
        return Err(ArchiveError::damaged(place, tr!("its tar stream does not end with two blocks of zeros")));
    }
    Ok(())
}

/// Ends a stream with an error where it has given more than it may.
struct Metered<R> {
    inner: R,
    left: u64,
    exceeded: Rc<Cell<bool>>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(out)?;
        match self.left.checked_sub(n as u64) {
            Some(left) => {
                self.left = left;
                Ok(n)
            }
            None => {
                self.exceeded.set(true);
                Err(io::Error::other(tr!("it grows more than the limit allows")))
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Start,
    Payload,
    Tags,
    End,
}

#[derive(Default)]
struct Pax {
    path: Option<String>,
    target: Option<String>,
    mtime: Option<(i64, u32)>,
    linked: bool,
}

struct Walk<'a> {
    leaf: &'a RecordLeaf,
    limits: Limits,
    visitor: &'a mut dyn BagVisitor,
    members: u64,
    summary: BagSummary,
    manifest: Hasher,
    manifest_len: u64,
    /// By the hash of the path: a path may be long, and there may be many.
    linked: HashMap<Hash, (Hash, u64)>,
    tags: Vec<(String, Hash)>,
    stage: Stage,
}

impl Walk<'_> {
    fn damaged(&self, what: impl Into<String>) -> ArchiveError {
        ArchiveError::damaged(tr!("record {record}", record = self.leaf.record), what)
    }

    fn limit(&self, what: impl Into<String>) -> ArchiveError {
        ArchiveError::Limit { record: self.leaf.record, what: what.into() }
    }

    fn members<R: Read>(&mut self, archive: &mut tar::Archive<R>) -> Result<(), ArchiveError> {
        let mut pax = Pax::default();
        for entry in archive.entries().map_err(|e| read_error(self.leaf, e))?.raw(true) {
            let mut entry = entry.map_err(|e| read_error(self.leaf, e))?;
            if entry.header().entry_type().is_pax_local_extensions() {
                pax = self.read_pax(&mut entry)?;
                continue;
            }
            self.member(&mut entry, std::mem::take(&mut pax))?;
        }
        if self.stage != Stage::End {
            return Err(self.damaged(tr!("its bag has no end")));
        }
        Ok(())
    }

    fn count_member(&mut self) -> Result<(), ArchiveError> {
        self.members += 1;
        if self.members > self.limits.members {
            return Err(self.limit(tr!("it has more members than the limit allows")));
        }
        Ok(())
    }

    fn read_pax<R: Read>(&mut self, entry: &mut tar::Entry<'_, R>) -> Result<Pax, ArchiveError> {
        self.count_member()?;
        if entry.size() > MAX_PAX {
            return Err(self.limit(tr!("a pax header is larger than 1,048,576 bytes")));
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(|e| read_error(self.leaf, e))?;
        let malformed = || self.damaged(tr!("a pax header is malformed"));
        let mut pax = Pax::default();
        let mut rest = std::str::from_utf8(&bytes).map_err(|_| malformed())?;
        while !rest.is_empty() {
            let (keyword, value, tail) = pax_record(rest).ok_or_else(malformed)?;
            match keyword {
                "path" => pax.path = Some(value.to_owned()),
                "linkpath" => pax.target = Some(value.to_owned()),
                "mtime" => pax.mtime = Some(parse_time(value).ok_or_else(malformed)?),
                LINKED_KEYWORD => pax.linked = true,
                other => {
                    return Err(self.damaged(tr!(
                        "a pax header has the unknown keyword {keyword}",
                        keyword = format!("{other:?}")
                    )));
                }
            }
            rest = tail;
        }
        Ok(pax)
    }

    fn member<R: Read>(&mut self, entry: &mut tar::Entry<'_, R>, pax: Pax) -> Result<(), ArchiveError> {
        self.count_member()?;
        let path = match pax.path {
            Some(path) => path,
            None => String::from_utf8(entry.path_bytes().into_owned())
                .map_err(|_| self.damaged(tr!("a member's name is not UTF-8")))?,
        };
        let header = entry.header();
        let (mtime, nanos) = pax.mtime.unwrap_or((header.mtime().unwrap_or(0) as i64, 0));
        let attributes = Attributes { mode: header.mode().unwrap_or(0) & 0o777, mtime, nanos };
        let target = match pax.target {
            Some(target) => Some(target),
            None => entry.link_name_bytes().and_then(|bytes| String::from_utf8(bytes.into_owned()).ok()),
        };
        let Some(below) = path.strip_prefix("data/") else {
            return self.tag(&path, entry);
        };
        if self.stage != Stage::Start && self.stage != Stage::Payload {
            return Err(self.damaged(tr!("its payload goes on behind the manifest")));
        }
        let kind = entry.header().entry_type();
        // `data/` itself comes once, before what is in it.
        let is_root = kind.is_dir() && below.is_empty() && self.stage == Stage::Start;
        self.stage = Stage::Payload;
        let below = if kind.is_dir() { below.strip_suffix('/').unwrap_or(below) } else { below };
        if !is_root && !is_confined(below) {
            return Err(self.damaged(tr!("the path {path} could lead out of the record", path = format!("{path:?}"))));
        }
        // What follows such a header would be in no manifest.
        if kind != tar::EntryType::Regular && entry.size() != 0 {
            return Err(self.damaged(tr!("{path} has content, and is no file", path = format!("{path:?}"))));
        }
        match kind {
            tar::EntryType::Directory => self.visitor.directory(below, attributes),
            tar::EntryType::Regular => self.file(entry, &path, below, attributes, pax.linked),
            tar::EntryType::Link => self.hard_link(&path, below, target.as_deref(), pax.linked),
            tar::EntryType::Symlink => self.link(&path, below, target.as_deref(), attributes),
            other => Err(self.damaged(tr!(
                "{path} is of a kind ({kind}) that no record holds",
                path = format!("{path:?}"),
                kind = format!("{other:?}")
            ))),
        }
    }

    fn file<R: Read>(
        &mut self,
        entry: &mut tar::Entry<'_, R>,
        path: &str,
        below: &str,
        attributes: Attributes,
        linked: bool,
    ) -> Result<(), ArchiveError> {
        let size = entry.size();
        self.count_file(size)?;
        let mut content = Hashing { inner: entry, hasher: Hasher::default(), read: 0, failed: None };
        let shown = self.visitor.file(below, attributes, size, &mut content);
        let drained = drain(&mut content, &shown);
        // The stream's own failure explains a visitor's better than the visitor can.
        if let Some(error) = content.failed.take() {
            return Err(read_error(self.leaf, error));
        }
        shown?;
        drained.map_err(|e| read_error(self.leaf, e))?;
        if content.read != size {
            return Err(self.damaged(tr!("{path} ends early", path = format!("{path:?}"))));
        }
        let hash = content.hasher.finish();
        self.manifest_line(path, &hash);
        if linked {
            self.remember(path, hash, size)?;
        }
        self.visitor.hashed(below, &hash)
    }

    /// Remembers a file that later members lead to.
    fn remember(&mut self, path: &str, hash: Hash, size: u64) -> Result<(), ArchiveError> {
        if self.linked.len() >= MAX_LINKED {
            return Err(self.limit(tr!("it has more files with several names than the limit allows")));
        }
        self.linked.insert(sha256(&[path.as_bytes()]), (hash, size));
        Ok(())
    }

    fn hard_link(&mut self, path: &str, below: &str, target: Option<&str>, linked: bool) -> Result<(), ArchiveError> {
        let known = target.and_then(|target| Some((target, *self.linked.get(&sha256(&[target.as_bytes()]))?)));
        let Some((target, (hash, size))) = known else {
            return Err(self.damaged(tr!(
                "{path} is a further name of a file that does not come before it",
                path = format!("{path:?}")
            )));
        };
        self.count_file(size)?;
        self.manifest_line(path, &hash);
        self.visitor.hard_link(below, target.strip_prefix("data/").unwrap_or(target))?;
        if linked {
            self.remember(path, hash, size)?;
        }
        self.visitor.hashed(below, &hash)
    }

    fn link(
        &mut self,
        path: &str,
        below: &str,
        target: Option<&str>,
        attributes: Attributes,
    ) -> Result<(), ArchiveError> {
        let resolved = target.and_then(|target| resolve(below, target));
        let known = resolved.and_then(|to| self.linked.get(&sha256(&[b"data/", to.as_bytes()])).copied());
        let (Some(target), Some((hash, size))) = (target, known) else {
            return Err(self.damaged(tr!(
                "{path} is a link that does not lead to a file of the record",
                path = format!("{path:?}")
            )));
        };
        self.count_file(size)?;
        self.manifest_line(path, &hash);
        self.visitor.link(below, target, attributes)
    }

    fn manifest_line(&mut self, path: &str, hash: &Hash) {
        let line = manifest_line(path, hash);
        self.manifest.update(line.as_bytes());
        self.manifest_len += line.len() as u64;
    }

    fn count_file(&mut self, size: u64) -> Result<(), ArchiveError> {
        self.summary.files += 1;
        self.summary.bytes = self.summary.bytes.saturating_add(size);
        if self.summary.files > self.limits.files || self.summary.bytes > self.limits.bytes {
            return Err(self.limit(tr!("it holds more than its label says")));
        }
        Ok(())
    }

    fn tag<R: Read>(&mut self, name: &str, entry: &mut tar::Entry<'_, R>) -> Result<(), ArchiveError> {
        if entry.header().entry_type() != tar::EntryType::Regular {
            return Err(self.damaged(tr!("{name} does not belong into a bag", name = format!("{name:?}"))));
        }
        let stage = match name {
            "bagit.txt" => Stage::Start,
            "manifest-sha256.txt" => Stage::Payload,
            LINKS | ORIGINAL_NAMES | SKIPPED | "bag-info.txt" => Stage::Tags,
            "tagmanifest-sha256.txt" => Stage::Tags,
            _ => return Err(self.damaged(tr!("{name} does not belong into a bag", name = format!("{name:?}")))),
        };
        if stage != self.stage || self.tags.iter().any(|(seen, _)| seen == name) {
            return Err(self.damaged(tr!("{name} stands in the wrong place", name = name)));
        }
        let is_manifest = name == "manifest-sha256.txt";
        if is_manifest && entry.size() != self.manifest_len {
            return Err(self.damaged(tr!("{name} does not agree with what the bag holds", name = name)));
        }
        if !is_manifest && entry.size() > MAX_TAG {
            return Err(self.limit(tr!("a tag file is larger than 67,108,864 bytes")));
        }
        let mut content = Hashing { inner: entry, hasher: Hasher::default(), read: 0, failed: None };
        let shown = self.visitor.tag_file(name, &mut content);
        let drained = drain(&mut content, &shown);
        if let Some(error) = content.failed.take() {
            return Err(read_error(self.leaf, error));
        }
        shown?;
        drained.map_err(|e| read_error(self.leaf, e))?;
        let hash = content.hasher.finish();
        let expected = match name {
            "bagit.txt" => Some(sha256(&[BAGIT.as_bytes()])),
            "manifest-sha256.txt" => Some(std::mem::take(&mut self.manifest).finish()),
            "tagmanifest-sha256.txt" => {
                let line = |(name, hash): &(String, Hash)| format!("{}  {name}\n", hex::encode(hash));
                let text: String = self.tags.iter().map(line).collect();
                Some(sha256(&[text.as_bytes()]))
            }
            _ => None,
        };
        if expected.is_some_and(|expected| expected != hash) {
            return Err(self.damaged(tr!("{name} does not agree with what the bag holds", name = name)));
        }
        self.tags.push((name.to_owned(), hash));
        match name {
            "manifest-sha256.txt" => self.stage = Stage::Tags,
            "tagmanifest-sha256.txt" => {
                self.stage = Stage::End;
                self.summary.bag = hash;
            }
            _ => {}
        }
        Ok(())
    }
}

/// Reads what a visitor left; nothing where the visitor failed and nobody will ask for more.
fn drain(content: &mut impl Read, shown: &Result<(), ArchiveError>) -> io::Result<u64> {
    if shown.is_err() { Ok(0) } else { io::copy(content, &mut io::sink()) }
}

/// Hashes what passes and remembers how reading failed.
struct Hashing<R> {
    inner: R,
    hasher: Hasher,
    read: u64,
    failed: Option<io::Error>,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(out) {
            Ok(n) => {
                self.hasher.update(&out[..n]);
                self.read += n as u64;
                Ok(n)
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Err(e),
            Err(e) => {
                let copy = io::Error::new(e.kind(), e.to_string());
                self.failed.get_or_insert(e);
                Err(copy)
            }
        }
    }
}

/// Whether a path is relative, without empty, `.` or `..` components.
fn is_confined(path: &str) -> bool {
    !path.contains('\0') && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confined_paths_have_plain_components_only() {
        assert!(is_confined("a/b"));
        for bad in ["", "/a", "a//b", "a/../b", "./a", "a/", "a\0b"] {
            assert!(!is_confined(bad), "{bad:?}");
        }
    }
}
