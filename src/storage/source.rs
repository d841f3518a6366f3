//! Reads a source tree: names in order, links as links, and everything that cannot be sealed named instead of skipped.

use super::escape;
use crate::language::{Language, in_language, said, text};
use encoding_rs::Encoding;
use std::collections::HashSet;
use std::fs::{File, Metadata};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use tr::tr;

/// Mode and time of a file, folder or link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Permission bits.
    pub mode: u32,
    /// Seconds since 1970.
    pub mtime: i64,
    /// Nanoseconds on top.
    pub nanos: u32,
}

/// One thing in a source tree.
#[derive(Debug)]
pub struct SourceEntry {
    /// Path below the root, in UTF-8; empty for the root itself.
    pub relative: String,
    /// The name's original bytes below the root, where they were converted.
    pub original: Option<Vec<u8>>,
    /// Where it is.
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
}

/// What an entry is.
#[derive(Debug)]
pub enum Kind {
    /// A folder.
    Directory(Attributes),
    /// A regular file; its attributes are read when it is opened.
    File,
    /// A symbolic link and its target.
    Link {
        /// Target text.
        target: String,
        /// The link's own time.
        attributes: Attributes,
        /// Inode of the regular file inside the root that it leads to without another link.
        inside: Option<(u64, u64)>,
    },
}

/// Something that cannot be sealed. Archives name it in English, whatever is spoken where they are made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Its path, escaped for display.
    pub path: String,
    /// Why, in the language of the moment.
    pub reason: String,
    english: String,
}

impl Problem {
    /// Names a path and a reason, which was marked with `text!` or is somebody else's.
    pub fn new(path: &Path, reason: impl Into<String>) -> Self {
        let english = reason.into();
        Self { path: escape(&path.to_string_lossy()), reason: said(&english).into_owned(), english }
    }

    /// Names a path and a reason that is composed, for people and for the archive.
    pub fn composed(path: &Path, reason: impl Fn() -> String) -> Self {
        let english = in_language(Language::English, &reason);
        Self { path: escape(&path.to_string_lossy()), reason: reason(), english }
    }

    /// The line that an archive keeps.
    pub fn sealed_line(&self) -> String {
        format!("{}: {}", self.path, self.english)
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&tr!("{what}: {why}", what = self.path, why = self.reason))
    }
}

/// Bytes that file systems allow a name.
const MAX_NAME: usize = 255;

/// How names are read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Names {
    /// What names that are not UTF-8 are read as; without it they are a problem.
    pub charset: Option<&'static Encoding>,
}

impl Names {
    /// The name in UTF-8, and whether it was converted; `None` when it cannot be read.
    pub fn read(&self, bytes: &[u8]) -> Option<(String, bool)> {
        if let Ok(name) = std::str::from_utf8(bytes) {
            return Some((name.to_owned(), false));
        }
        let name = self.charset?.decode_without_bom_handling_and_without_replacement(bytes)?;
        // A converted separator would move the file to another folder; a name that grew too long could not be restored.
        (!name.contains(['/', '\0']) && name.len() <= MAX_NAME).then(|| (name.into_owned(), true))
    }
}

/// Reads the names in a folder, sorted by their UTF-8 form; what cannot be read goes to `problems`.
pub fn list(path: &Path, names: Names, problems: &mut Vec<Problem>) -> Vec<Listed> {
    let mut listed = Vec::new();
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(e) => {
            problems.push(Problem::new(path, crate::language::of_system(&e)));
            return listed;
        }
    };
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(e) => {
                problems.push(Problem::new(path, crate::language::of_system(&e)));
                continue;
            }
        };
        let bytes = entry.file_name().into_vec();
        match names.read(&bytes) {
            Some((name, converted)) => {
                let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
                listed.push(Listed { name, original: converted.then_some(bytes), path: entry.path(), is_file });
            }
            None if names.charset.is_some() => problems.push(Problem::new(
                &entry.path(),
                text!("its name is not in that charset, or is longer than 255 bytes in UTF-8"),
            )),
            None => problems.push(Problem::new(&entry.path(), text!("its name is not UTF-8"))),
        }
    }
    listed.sort_by(|a, b| a.name.cmp(&b.name));
    for pair in listed.windows(2).filter(|pair| pair[0].name == pair[1].name) {
        problems
            .push(Problem::new(&pair[1].path, text!("two names become the same when they are read in that charset")));
    }
    listed.dedup_by(|a, b| a.name == b.name);
    listed
}

/// How many names lie below a folder: only folders are read, nothing is opened, and what cannot be read counts as nothing.
pub fn count(root: &Path, interrupted: &AtomicBool) -> u64 {
    let (mut folders, mut count) = (vec![root.to_owned()], 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if interrupted.load(Ordering::Relaxed) {
                return count;
            }
            count += 1;
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
            }
        }
    }
    count
}

/// A name in a folder.
#[derive(Clone, Debug)]
pub struct Listed {
    /// In UTF-8.
    pub name: String,
    /// Its bytes, where they were converted.
    pub original: Option<Vec<u8>>,
    /// Where it is.
    pub path: PathBuf,
    /// Whether the folder says that it is a regular file.
    pub is_file: bool,
}

/// Inodes of the files below `root` that symbolic links below `root` lead to through real folders only.
///
/// Looked up before the files are sealed, so that the files can be marked; what cannot be read is left for later.
pub fn link_targets(root: &Path, names: Names) -> HashSet<(u64, u64)> {
    let mut targets = HashSet::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(root.join(&folder)) else { continue };
        for entry in entries.flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_file() {
                continue;
            }
            let Some((name, false)) = names.read(&entry.file_name().into_vec()) else { continue };
            let relative = join(&folder, &name);
            if kind.is_dir() {
                folders.push(relative);
            } else if kind.is_symlink()
                && let Ok(target) = std::fs::read_link(entry.path())
                && let Some(inode) = target.to_str().and_then(|target| link_inside(root, &relative, target))
            {
                targets.insert(inode);
            }
        }
    }
    targets
}

/// Walks a tree depth first, folders before what is in them, names in order.
pub struct Walk {
    root: PathBuf,
    names: Names,
    stack: Vec<std::vec::IntoIter<Pending>>,
    problems: Vec<Problem>,
}

/// A listed name with its path below the root and, where converted, the bytes of that path.
type Pending = (Listed, String, Option<Vec<u8>>);

impl Walk {
    /// Over what lies below `root`; links are judged inside or outside of it.
    pub fn new(root: &Path, names: Names) -> Self {
        let mut walk = Self { root: root.to_owned(), names, stack: Vec::new(), problems: Vec::new() };
        walk.descend(root, "", None);
        walk
    }

    fn descend(&mut self, path: &Path, relative: &str, original: Option<&[u8]>) {
        let listed = list(path, self.names, &mut self.problems);
        let below = |entry: Listed| {
            let child = join(relative, &entry.name);
            let child_original = match (original, &entry.original) {
                (None, None) => None,
                (parent, own) => {
                    let parent = parent.unwrap_or(relative.as_bytes());
                    let own = own.as_deref().unwrap_or(entry.name.as_bytes());
                    Some(if parent.is_empty() { own.to_vec() } else { [parent, b"/", own].concat() })
                }
            };
            (entry, child, child_original)
        };
        self.stack.push(listed.into_iter().map(below).collect::<Vec<_>>().into_iter());
    }

    /// What could not be read so far; empties the list.
    pub fn take_problems(&mut self) -> Vec<Problem> {
        std::mem::take(&mut self.problems)
    }
}

impl Iterator for Walk {
    type Item = SourceEntry;

    fn next(&mut self) -> Option<SourceEntry> {
        loop {
            let (listed, relative, original) = match self.stack.last_mut()?.next() {
                Some(next) => next,
                None => {
                    self.stack.pop();
                    continue;
                }
            };
            if listed.is_file {
                return Some(SourceEntry { relative, original, path: listed.path, kind: Kind::File });
            }
            match classify(&self.root, &relative, listed.path) {
                Ok((path, kind)) => {
                    if matches!(kind, Kind::Directory(_)) {
                        self.descend(&path, &relative, original.as_deref());
                    }
                    return Some(SourceEntry { relative, original, path, kind });
                }
                Err(problem) => self.problems.push(problem),
            }
        }
    }
}

/// What the thing at `path`, which is `relative` below `root`, is.
///
/// # Errors
/// A [`Problem`] for devices, sockets, pipes and whatever cannot be read.
pub fn classify(root: &Path, relative: &str, path: PathBuf) -> Result<(PathBuf, Kind), Problem> {
    let metadata = match std::fs::symlink_metadata(&path) {
        Ok(metadata) => metadata,
        Err(e) => return Err(Problem::new(&path, crate::language::of_system(&e))),
    };
    let kind = metadata.file_type();
    if kind.is_dir() {
        Ok((path, Kind::Directory(attributes(&metadata))))
    } else if kind.is_file() {
        Ok((path, Kind::File))
    } else if kind.is_symlink() {
        let target = std::fs::read_link(&path).map_err(|e| Problem::new(&path, crate::language::of_system(&e)))?;
        let Some(target) = target.to_str().map(str::to_owned) else {
            return Err(Problem::new(&path, text!("it is a link whose target is not UTF-8")));
        };
        let inside = link_inside(root, relative, &target);
        Ok((path, Kind::Link { target, attributes: attributes(&metadata), inside }))
    } else {
        let what = if kind.is_socket() {
            text!("it is a socket")
        } else if kind.is_fifo() {
            text!("it is a pipe")
        } else {
            text!("it is a device")
        };
        Err(Problem::new(&path, what))
    }
}

/// Inode of the regular file below `root` that a link leads to through real folders only.
fn link_inside(root: &Path, relative: &str, target: &str) -> Option<(u64, u64)> {
    let resolved = resolve(relative, target)?;
    let mut path = root.to_owned();
    let mut parts = resolved.split('/').peekable();
    while let Some(part) = parts.next() {
        path.push(part);
        let metadata = std::fs::symlink_metadata(&path).ok()?;
        if parts.peek().is_none() {
            return metadata.is_file().then(|| (metadata.dev(), metadata.ino()));
        }
        if !metadata.is_dir() {
            return None;
        }
    }
    None
}

/// A file that is being sealed.
pub struct OpenSource {
    /// The open file.
    pub file: File,
    /// Bytes it had when it was opened.
    pub size: u64,
    /// Mode and time then.
    pub attributes: Attributes,
    /// Device and inode.
    pub inode: (u64, u64),
    /// Names the file has.
    pub names: u64,
    before: (u64, i64, i64, i64, i64),
}

impl OpenSource {
    /// Opens a regular file; never blocks on a pipe, never follows a link.
    ///
    /// # Errors
    /// A [`Problem`] naming it.
    pub fn open(path: &Path) -> Result<Self, Problem> {
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        let opened = std::fs::OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path);
        let read = opened.and_then(|file| file.metadata().map(|metadata| (file, metadata)));
        match read {
            Ok((_, metadata)) if !metadata.is_file() => {
                Err(Problem::new(path, text!("it changed while it was being sealed")))
            }
            Ok((file, metadata)) => Ok(Self {
                size: metadata.len(),
                attributes: attributes(&metadata),
                inode: (metadata.dev(), metadata.ino()),
                names: metadata.nlink(),
                before: version(&metadata),
                file,
            }),
            Err(e) => Err(Problem::new(path, crate::language::of_system(&e))),
        }
    }

    /// Whether the file is still as it was when it was opened.
    pub fn is_unchanged(&self) -> bool {
        self.file.metadata().is_ok_and(|now| version(&now) == self.before)
    }
}

fn version(metadata: &Metadata) -> (u64, i64, i64, i64, i64) {
    (metadata.len(), metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec())
}

fn attributes(metadata: &Metadata) -> Attributes {
    Attributes {
        mode: metadata.mode() & 0o777,
        mtime: metadata.mtime(),
        nanos: u32::try_from(metadata.mtime_nsec()).unwrap_or(0),
    }
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") }
}

/// Where a relative link at `path` leads, if it stays inside.
pub fn resolve(path: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    if target.starts_with('/') {
        return None;
    }
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_resolve_inside_only() {
        assert_eq!(resolve("a/b/link", "../c"), Some("a/c".into()));
        assert_eq!(resolve("link", "./x/./y"), Some("x/y".into()));
        assert_eq!(resolve("link", "../x"), None);
        assert_eq!(resolve("a/link", "/etc/passwd"), None);
        assert_eq!(resolve("a/link", ".."), None);
    }
    #[test]
    fn an_archive_names_a_problem_in_english_and_people_in_their_language() {
        let shrank = || tr::tr!("it shrank to {to} bytes", to = 3);
        let problems = || {
            let path = Path::new("账簿/一月\n.txt");
            [Problem::new(path, text!("it is a pipe")), Problem::composed(path, shrank)]
        };
        let sealed = ["账簿/一月\\n.txt: it is a pipe", "账簿/一月\\n.txt: it shrank to 3 bytes"];
        let chinese = in_language(Language::Chinese, problems);
        assert_eq!(chinese.each_ref().map(|problem| problem.reason.as_str()), ["是管道", "文件缩短到 3 字节"]);
        for problems in [problems(), chinese] {
            assert_eq!(problems.each_ref().map(Problem::sealed_line), sealed);
        }
        assert_eq!(problems().map(|problem| problem.to_string()), sealed);
    }
}
