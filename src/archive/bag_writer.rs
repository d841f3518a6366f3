//! Writes the inside of a record: a tar stream that is a BagIt bag (RFC 8493).
//!
//! Order: `bagit.txt`, `data/…`, `manifest-sha256.txt`, further tag files, `bag-info.txt`, `tagmanifest-sha256.txt`.
//! Invariant: manifest lines stand in the order of the members, so that a reader can check them as a running hash.
//! Spec: `spec/archive.md`, "Inside a record".

use super::compress::CHUNK;
use crate::crypto::hash::{Hash, Hasher, sha256};
use crate::storage::source::{Attributes, resolve};
use crate::storage::spool::Spool;
use std::collections::{HashMap, HashSet};
use std::io::{self, Read};
use tr::tr;

/// Content of `bagit.txt`.
pub const BAGIT: &str = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";
/// Tag file for links that a bag cannot list.
pub const LINKS: &str = "links.txt";
/// Tag file for the original bytes of converted names.
pub const ORIGINAL_NAMES: &str = "original-names.txt";
/// Tag file for what was left out.
pub const SKIPPED: &str = "skipped.txt";
/// pax keyword on a file, or a further name of one, that later members lead to.
pub const LINKED_KEYWORD: &str = "KEEPUNTIL.linked";
/// Members that carry it, at most; further files with several names are stored once per name.
pub const MAX_LINKED: usize = 50_000;

/// What a bag came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BagSummary {
    /// Files and links to files in the payload.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// SHA-256 of `tagmanifest-sha256.txt`; zeros until the bag has ended.
    pub bag: Hash,
}

/// Gives full chunks away and gets buffers back.
pub trait ChunkSink {
    /// What giving away can fail with.
    type Error: From<io::Error>;

    /// Takes a full chunk; returns a buffer of [`CHUNK`] bytes, whatever is in it.
    ///
    /// # Errors
    /// The sink's own.
    fn chunk(&mut self, chunk: Vec<u8>) -> Result<Vec<u8>, Self::Error>;
}

/// A bag being written.
pub struct BagWriter<S> {
    sink: S,
    chunk: Vec<u8>,
    filled: usize,
    headers: tar::Builder<Vec<u8>>,
    manifest: Spool,
    tags: Vec<(&'static str, Hash)>,
    summary: BagSummary,
    linked: HashMap<(u64, u64), (String, Hash, u64)>,
    further_names: HashSet<String>,
}

impl<S: ChunkSink> BagWriter<S> {
    /// Begins a bag in `buffer`, which has [`CHUNK`] bytes.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn new(sink: S, buffer: Vec<u8>) -> Result<Self, S::Error> {
        let mut writer = Self {
            sink,
            chunk: buffer,
            filled: 0,
            headers: tar::Builder::new(Vec::new()),
            manifest: Spool::default(),
            tags: Vec::new(),
            summary: BagSummary::default(),
            linked: HashMap::new(),
            further_names: HashSet::new(),
        };
        writer.tag_file("bagit.txt", BAGIT.as_bytes())?;
        Ok(writer)
    }

    /// A folder of the payload; `path` is below `data/`, empty for `data/` itself.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn directory(&mut self, path: &str, attributes: Attributes) -> Result<(), S::Error> {
        let slash = if path.is_empty() { "" } else { "/" };
        self.header(&format!("data/{path}{slash}"), tar::EntryType::Directory, attributes, 0, None, false)
    }

    /// A file of the payload. Exactly `size` bytes are written: a shorter source is filled up with zeros, a longer one
    /// is cut. `inode` names a file that further members will lead to.
    ///
    /// # Errors
    /// Those of the sink. Errors of `source` are returned in the inner result, after the member was completed.
    pub fn file(
        &mut self,
        path: &str,
        attributes: Attributes,
        size: u64,
        inode: Option<(u64, u64)>,
        source: &mut impl Read,
    ) -> Result<io::Result<u64>, S::Error> {
        let path = format!("data/{path}");
        let inode = inode.filter(|_| self.may_mark());
        self.header(&path, tar::EntryType::Regular, attributes, size, None, inode.is_some())?;
        let mut hasher = Hasher::default();
        let mut left = size;
        let mut outcome = Ok(0);
        while left > 0 {
            let space = self.space()?;
            let room = space.len().min(READ).min(usize::try_from(left).unwrap_or(usize::MAX));
            let n = match &mut outcome {
                Ok(read) => match source.read(&mut space[..room]) {
                    Ok(0) => {
                        let read = *read;
                        outcome = Err(io::Error::new(io::ErrorKind::UnexpectedEof, Shrank { to: read }));
                        continue;
                    }
                    Ok(n) => {
                        *read += n as u64;
                        n
                    }
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                    Err(e) => {
                        outcome = Err(e);
                        continue;
                    }
                },
                Err(_) => {
                    space[..room].fill(0);
                    room
                }
            };
            hasher.update(&space[..n]);
            self.filled += n;
            left -= n as u64;
        }
        self.block_padding(size)?;
        let hash = hasher.finish();
        if let Some(inode) = inode {
            self.linked.insert(inode, (path.clone(), hash, size));
        }
        self.manifest_line(&path, &hash, size)?;
        Ok(outcome)
    }

    fn may_mark(&self) -> bool {
        self.linked.len() + self.further_names.len() < MAX_LINKED
    }

    /// A further name of a file that was written with this inode; `false` where none was. `leads_here` says that
    /// symbolic links may lead to this very name.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn hard_link(
        &mut self,
        path: &str,
        inode: (u64, u64),
        attributes: Attributes,
        leads_here: bool,
    ) -> Result<bool, S::Error> {
        let Some((target, hash, size)) = self.linked.get(&inode).cloned() else {
            return Ok(false);
        };
        let path = format!("data/{path}");
        let marked = leads_here && self.may_mark();
        self.header(&path, tar::EntryType::Link, attributes, 0, Some(&target), marked)?;
        self.manifest_line(&path, &hash, size)?;
        if marked {
            self.further_names.insert(path);
        }
        Ok(true)
    }

    /// A symbolic link to a file that was written with this inode; `false` where none was, or where the link's text
    /// leads to a name of it that a reader does not remember.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn link(
        &mut self,
        path: &str,
        target: &str,
        attributes: Attributes,
        inode: (u64, u64),
    ) -> Result<bool, S::Error> {
        let Some((name, hash, size)) = self.linked.get(&inode).cloned() else {
            return Ok(false);
        };
        let leads_to = resolve(path, target).map(|to| format!("data/{to}"));
        if !leads_to.is_some_and(|to| to == name || self.further_names.contains(&to)) {
            return Ok(false);
        }
        let path = format!("data/{path}");
        self.header(&path, tar::EntryType::Symlink, attributes, 0, Some(target), false)?;
        self.manifest_line(&path, &hash, size)?;
        Ok(true)
    }

    /// Ends the payload and writes the manifest.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn end_payload(&mut self) -> Result<BagSummary, S::Error> {
        let manifest = std::mem::take(&mut self.manifest);
        let size = manifest.len();
        self.header("manifest-sha256.txt", tar::EntryType::Regular, TAG_ATTRIBUTES, size, None, false)?;
        let mut hasher = Hasher::default();
        manifest.read_back(|bytes| {
            hasher.update(bytes);
            self.bytes(bytes)
        })?;
        self.block_padding(size)?;
        self.tags.push(("manifest-sha256.txt", hasher.finish()));
        Ok(self.summary.clone())
    }

    /// A tag file.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn tag_file(&mut self, name: &'static str, content: &[u8]) -> Result<(), S::Error> {
        self.header(name, tar::EntryType::Regular, TAG_ATTRIBUTES, content.len() as u64, None, false)?;
        self.bytes(content)?;
        self.block_padding(content.len() as u64)?;
        self.tags.push((name, sha256(&[content])));
        Ok(())
    }

    /// Ends the bag; gives back what it came to, the sink, the last buffer, and how many of its bytes are the last chunk.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn finish(mut self) -> Result<(BagSummary, S, Vec<u8>, usize), S::Error> {
        let tags: String = self.tags.iter().map(|(name, hash)| format!("{}  {name}\n", hex::encode(hash))).collect();
        self.tag_file("tagmanifest-sha256.txt", tags.as_bytes())?;
        self.bytes(&[0; 1024])?;
        let summary = BagSummary { bag: sha256(&[tags.as_bytes()]), ..self.summary };
        Ok((summary, self.sink, self.chunk, self.filled))
    }

    fn manifest_line(&mut self, path: &str, hash: &Hash, size: u64) -> Result<(), S::Error> {
        self.summary.files += 1;
        self.summary.bytes += size;
        self.manifest.write(manifest_line(path, hash).as_bytes())?;
        Ok(())
    }

    fn header(
        &mut self,
        path: &str,
        kind: tar::EntryType,
        attributes: Attributes,
        size: u64,
        target: Option<&str>,
        linked: bool,
    ) -> Result<(), S::Error> {
        let mut header = tar::Header::new_ustar();
        let mut extensions: Vec<(&str, Vec<u8>)> = Vec::new();
        if !path.is_ascii() || header.set_path(path).is_err() {
            extensions.push(("path", path.into()));
            // Only readers without pax see this name; the place of the member makes it unlike any other.
            header.set_path("data/pax").expect("a short name fits");
        }
        if let Some(target) = target
            && (!target.is_ascii() || target.is_empty() || header.set_link_name_literal(target).is_err())
        {
            extensions.push(("linkpath", target.into()));
            header.set_link_name_literal("pax").expect("a short name fits");
        }
        let whole_seconds = attributes.nanos == 0 && (0..1 << 33).contains(&attributes.mtime);
        header.set_mtime(if whole_seconds { attributes.mtime as u64 } else { 0 });
        if !whole_seconds {
            extensions.push(("mtime", pax_time(attributes.mtime, attributes.nanos).into_bytes()));
        }
        header.set_size(size);
        if linked {
            extensions.push((LINKED_KEYWORD, b"1".to_vec()));
        }
        header.set_mode(attributes.mode & 0o777);
        header.set_uid(0);
        header.set_gid(0);
        header.set_entry_type(kind);
        header.set_cksum();
        if !extensions.is_empty() {
            self.headers.append_pax_extensions(extensions.iter().map(|(key, value)| (*key, &value[..])))?;
        }
        let mut bytes = std::mem::take(self.headers.get_mut());
        bytes.extend_from_slice(header.as_bytes());
        let written = self.bytes(&bytes);
        bytes.clear();
        *self.headers.get_mut() = bytes;
        written
    }

    fn space(&mut self) -> Result<&mut [u8], S::Error> {
        if self.filled == CHUNK {
            let full = std::mem::take(&mut self.chunk);
            self.chunk = self.sink.chunk(full)?;
            self.filled = 0;
        }
        Ok(&mut self.chunk[self.filled..])
    }

    fn bytes(&mut self, mut bytes: &[u8]) -> Result<(), S::Error> {
        while !bytes.is_empty() {
            let space = self.space()?;
            let n = space.len().min(bytes.len());
            space[..n].copy_from_slice(&bytes[..n]);
            self.filled += n;
            bytes = &bytes[n..];
        }
        Ok(())
    }

    fn block_padding(&mut self, size: u64) -> Result<(), S::Error> {
        self.bytes(&[0; 512][..super::layout::padding(size)])
    }
}

/// A file that had fewer bytes than when it was opened.
#[derive(Debug, thiserror::Error)]
#[error("{}", tr!("it shrank to {to} bytes", to = to))]
struct Shrank {
    to: u64,
}

/// Bytes of a file read at a time: few enough to be hashed while they are in the processor's cache.
const READ: usize = 256 << 10;

const TAG_ATTRIBUTES: Attributes = Attributes { mode: 0o644, mtime: 0, nanos: 0 };

/// A line of `manifest-sha256.txt`; RFC 8493 has LF, CR and % percent-encoded in paths.
pub fn manifest_line(path: &str, hash: &Hash) -> String {
    format!("{}  {}\n", hex::encode(hash), encode_path(path))
}

/// A path as RFC 8493 manifests spell it.
fn encode_path(path: &str) -> String {
    path.replace('%', "%25").replace('\n', "%0A").replace('\r', "%0D")
}

/// A column of this format's own tag files: as in manifests, and tabs are encoded too.
pub fn encode_column(text: &str) -> String {
    encode_path(text).replace('\t', "%09")
}

/// Undoes [`encode_column`]; `None` for any other use of a percent sign.
pub fn decode_column(text: &str) -> Option<String> {
    let decoded = text.replace("%0A", "\n").replace("%0D", "\r").replace("%09", "\t").replace("%25", "%");
    (encode_column(&decoded) == text).then_some(decoded)
}

/// A time as pax headers and tag files spell it: seconds since 1970 with a decimal fraction.
pub fn pax_time(seconds: i64, nanos: u32) -> String {
    // Before 1970 the fraction still counts forward from the whole second.
    if seconds < 0 && nanos > 0 {
        let (whole, fraction) = (-(seconds + 1), 1_000_000_000 - nanos);
        return format!("-{whole}.{fraction:09}");
    }
    if nanos > 0 { format!("{seconds}.{nanos:09}") } else { seconds.to_string() }
}
