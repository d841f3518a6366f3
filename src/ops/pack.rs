//! Turns one planned record into a bag: reads its files, names what could not be read.

use super::Progress;
use super::plan::{GroupedPath, RecordPlan, RecordSource};
use crate::archive::bag_writer::{
    BagSummary, BagWriter, ChunkSink, LINKS, ORIGINAL_NAMES, SKIPPED, encode_column, pax_time,
};
use crate::language::text;
use crate::storage::source::{Attributes, Kind, Names, OpenSource, Problem, Walk, classify, link_targets};
use std::collections::HashSet;
use std::path::Path;
use tr::tr;

/// Times that a small file is read anew when it changes while it is read.
const ATTEMPTS: usize = 3;
/// Files up to this size are read whole before anything of them is written.
const SMALL: u64 = 1 << 20;

/// What packing a record came to.
#[derive(Debug, Default)]
pub struct Packed {
    /// What is in it.
    pub summary: BagSummary,
    /// Links that lead out of the record: kept beside its files, in [`LINKS`].
    pub links_beside: u64,
    /// What is not, or not reliably.
    pub problems: Vec<Problem>,
}

/// Writes `plan` into `bag`. `info` are the lines of `bag-info.txt` but its count. Gives back what the bag's end does.
///
/// # Errors
/// Those of the sink.
pub fn pack<S: ChunkSink>(
    plan: &RecordPlan,
    names: Names,
    info: &str,
    bag: BagWriter<S>,
    progress: &dyn Progress,
) -> Result<(Packed, S, Vec<u8>, usize), S::Error> {
    let mut packer = Packer {
        bag,
        progress,
        problems: plan.problems.clone(),
        targets: HashSet::new(),
        links: Vec::new(),
        originals: String::new(),
        buffer: Vec::new(),
    };
    packer.payload(plan, names)?;
    packer.finish(info)
}

/// About how many bytes packing `plan` reads, by the sizes that its files have now.
pub fn bytes(plan: &RecordPlan, names: Names) -> u64 {
    let size = |path: &Path| match path.symlink_metadata() {
        Ok(metadata) if metadata.is_file() => metadata.len(),
        _ => 0,
    };
    match &plan.source {
        RecordSource::Folder(root) => {
            let files = Walk::new(root, names).filter(|entry| matches!(entry.kind, Kind::File));
            files.map(|entry| size(&entry.path)).sum()
        }
        RecordSource::File(path, _) => size(path),
        RecordSource::Group(root, paths) => paths.iter().map(|path| size(&path.path(root))).sum(),
    }
}

/// Looks at everything that `plan` names without reading it: to name all problems, not only the first.
pub fn inspect(plan: &RecordPlan, names: Names) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut check = |path: &Path| problems.extend(OpenSource::open(path).err());
    match &plan.source {
        RecordSource::Folder(root) => {
            let mut walk = Walk::new(root, names);
            for entry in walk.by_ref() {
                if matches!(entry.kind, Kind::File) {
                    check(&entry.path);
                }
            }
            problems.extend(walk.take_problems());
        }
        RecordSource::File(path, _) => match classify(Path::new("/"), "", path.clone()) {
            Ok((path, Kind::File)) => check(&path),
            Ok(_) => {}
            Err(problem) => problems.push(problem),
        },
        RecordSource::Group(root, paths) => {
            for path in paths.iter().map(|path| path.path(root)) {
                if path.symlink_metadata().is_ok_and(|metadata| metadata.is_file()) {
                    check(&path);
                }
            }
        }
    }
    problems
}

struct Packer<'a, S> {
    bag: BagWriter<S>,
    progress: &'a dyn Progress,
    problems: Vec<Problem>,
    targets: HashSet<(u64, u64)>,
    links: Vec<PendingLink>,
    originals: String,
    buffer: Vec<u8>,
}

struct PendingLink {
    relative: String,
    target: String,
    attributes: Attributes,
    inside: Option<(u64, u64)>,
}

impl<S: ChunkSink> Packer<'_, S> {
    fn payload(&mut self, plan: &RecordPlan, names: Names) -> Result<(), S::Error> {
        match &plan.source {
            RecordSource::Folder(root) => {
                self.targets = link_targets(root, names);
                let attributes = match classify(root, "", root.clone()) {
                    Ok((_, Kind::Directory(attributes))) => attributes,
                    _ => FOLDER,
                };
                self.bag.directory("", attributes)?;
                let mut walk = Walk::new(root, names);
                for entry in walk.by_ref() {
                    self.note_original(entry.original.as_deref(), &entry.relative);
                    self.entry(&entry.relative, &entry.path, entry.kind)?;
                }
                self.problems.extend(walk.take_problems());
            }
            RecordSource::File(path, original) => {
                self.bag.directory("", FOLDER)?;
                self.note_original(original.as_deref(), &plan.name);
                let root = path.parent().unwrap_or(Path::new("."));
                self.classified(root, &plan.name, path)?;
            }
            RecordSource::Group(root, paths) => {
                self.targets = group_targets(root, paths);
                self.bag.directory("", FOLDER)?;
                let mut parents = HashSet::new();
                for path in paths {
                    self.parents(root, &path.relative, &mut parents)?;
                    self.note_original(path.original.as_deref(), &path.relative);
                    self.classified(root, &path.relative, &path.path(root))?;
                }
            }
        }
        Ok(())
    }

    fn classified(&mut self, root: &Path, relative: &str, path: &Path) -> Result<(), S::Error> {
        match classify(root, relative, path.to_owned()) {
            Ok((path, kind)) => self.entry(relative, &path, kind),
            Err(problem) => {
                self.problems.push(problem);
                Ok(())
            }
        }
    }

    /// Writes the folders above a grouped path, each once.
    fn parents(&mut self, root: &Path, relative: &str, seen: &mut HashSet<String>) -> Result<(), S::Error> {
        for (at, _) in relative.match_indices('/') {
            let parent = &relative[..at];
            if seen.insert(parent.to_owned()) {
                let attributes = match classify(root, parent, root.join(parent)) {
                    Ok((_, Kind::Directory(attributes))) => attributes,
                    // The folder's name was converted, or it is gone: its files say so themselves.
                    _ => FOLDER,
                };
                self.bag.directory(parent, attributes)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, relative: &str, path: &Path, kind: Kind) -> Result<(), S::Error> {
        match kind {
            Kind::Directory(attributes) => self.bag.directory(relative, attributes),
            Kind::File => self.file(relative, path),
            Kind::Link { target, attributes, inside } => {
                self.links.push(PendingLink { relative: relative.to_owned(), target, attributes, inside });
                Ok(())
            }
        }
    }

    fn file(&mut self, relative: &str, path: &Path) -> Result<(), S::Error> {
        let mut source = match OpenSource::open(path) {
            Ok(source) => source,
            Err(problem) => {
                self.problems.push(problem);
                return Ok(());
            }
        };
        let leads_here = source.names > 1 || self.targets.contains(&source.inode);
        let inode = leads_here.then_some(source.inode);
        let linked_to = self.targets.contains(&source.inode);
        if source.names > 1 && self.bag.hard_link(relative, source.inode, source.attributes, linked_to)? {
            return Ok(());
        }
        if source.size <= SMALL {
            match self.read_small(path, source) {
                Ok(read) => source = read,
                Err(problem) => {
                    self.problems.push(problem);
                    return Ok(());
                }
            }
            let content = std::mem::take(&mut self.buffer);
            let size = content.len() as u64;
            let written = self.bag.file(relative, source.attributes, size, inode, &mut &content[..])?;
            debug_assert!(written.is_ok(), "memory does not fail");
            self.buffer = content;
            self.progress.advance(size);
            return Ok(());
        }
        let mut reporting = Reporting { inner: &source.file, progress: self.progress };
        let written = self.bag.file(relative, source.attributes, source.size, inode, &mut reporting)?;
        if let Err(e) = written {
            self.problems.push(Problem::composed(path, || {
                tr!("only its first bytes could be read: {what}", what = crate::language::of_system(&e))
            }));
        } else if !source.is_unchanged() {
            self.problems.push(Problem::new(path, text!("it changed while it was being sealed")));
        }
        Ok(())
    }

    /// Reads a small file into the buffer, anew when it changes meanwhile.
    fn read_small(&mut self, path: &Path, mut source: OpenSource) -> Result<OpenSource, Problem> {
        use std::io::Read;
        for _ in 0..ATTEMPTS {
            self.buffer.clear();
            let size = source.size as usize;
            self.buffer.resize(size, 0);
            let mut filled = 0;
            while filled < size {
                match source.file.read(&mut self.buffer[filled..]) {
                    Ok(0) => break,
                    Ok(n) => filled += n,
                    Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(e) => return Err(Problem::new(path, crate::language::of_system(&e))),
                }
            }
            if filled == size && source.is_unchanged() {
                return Ok(source);
            }
            source = OpenSource::open(path)?;
            if source.size > SMALL {
                break;
            }
        }
        Err(Problem::new(path, text!("it keeps changing while it is being sealed")))
    }

    fn note_original(&mut self, original: Option<&[u8]>, relative: &str) {
        if let Some(bytes) = original {
            self.originals.push_str(&format!("{}\t{}\n", hex::encode(bytes), encode_column(relative)));
        }
    }

    fn finish(mut self, info: &str) -> Result<(Packed, S, Vec<u8>, usize), S::Error> {
        let (mut outside, mut links_beside) = (String::new(), 0);
        for link in std::mem::take(&mut self.links) {
            let PendingLink { relative, target, attributes, inside } = link;
            let listed = match inside {
                Some(inode) => self.bag.link(&relative, &target, attributes, inode)?,
                None => false,
            };
            if !listed {
                let time = pax_time(attributes.mtime, attributes.nanos);
                let (relative, target) = (encode_column(&relative), encode_column(&target));
                outside.push_str(&format!("{relative}\t{target}\t{time}\n"));
                links_beside += 1;
            }
        }
        let summary = self.bag.end_payload()?;
        let skipped: String = self.problems.iter().map(|problem| problem.sealed_line() + "\n").collect();
        for (name, content) in [(LINKS, outside), (ORIGINAL_NAMES, self.originals), (SKIPPED, skipped)] {
            if !content.is_empty() {
                self.bag.tag_file(name, content.as_bytes())?;
            }
        }
        let info = format!("{info}Payload-Oxum: {}.{}\n", summary.bytes, summary.files);
        self.bag.tag_file("bag-info.txt", info.as_bytes())?;
        let (summary, sink, buffer, last) = self.bag.finish()?;
        Ok((Packed { summary, links_beside, problems: self.problems }, sink, buffer, last))
    }
}

const FOLDER: Attributes = Attributes { mode: 0o755, mtime: 0, nanos: 0 };

/// Inodes of the files in a group that links of the same group lead to.
fn group_targets(root: &Path, paths: &[GroupedPath]) -> HashSet<(u64, u64)> {
    let inside = |path: &GroupedPath| {
        let at = path.path(root);
        if !at.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink()) {
            return None;
        }
        match classify(root, &path.relative, at) {
            Ok((_, Kind::Link { inside, .. })) => inside,
            _ => None,
        }
    };
    paths.iter().filter_map(inside).collect()
}

struct Reporting<'a, R> {
    inner: R,
    progress: &'a dyn Progress,
}

impl<R: std::io::Read> std::io::Read for Reporting<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(out)?;
        self.progress.advance(n as u64);
        Ok(n)
    }
}
