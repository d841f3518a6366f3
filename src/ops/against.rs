//! `verify --against`: compares what is sealed with source folders, file by file, in both directions.
//!
//! Compared are names, contents, links and folders; not modes, times and owners.

use super::extraction::each_link;
use crate::archive::ArchiveError;
use crate::archive::bag_reader::BagVisitor;
use crate::archive::bag_writer::LINKS;
use crate::archive::label::{Label, RecordKind};
use crate::archive::leaf::RecordLeaf;
use crate::crypto::hash::{Hash, sha256, sha256_reader};
use crate::storage::source::{Attributes, Kind, Names, OpenSource, Problem, Walk};
use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tr::tr;

/// A place where source and archive differ.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// The record, where it is about something sealed.
    pub record: Option<u64>,
    /// Path below the source folder, escaped for display.
    pub path: String,
    /// What differs.
    pub what: String,
}

/// What is the same on both sides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Same {
    /// Files, links among them.
    pub files: u64,
    /// Those of them that are links out of their record: kept beside its files, and not counted with these in its label.
    pub links_beside: u64,
}

/// Source folders, and what of them was found sealed.
pub struct Comparison {
    roots: Vec<PathBuf>,
    names: Names,
    converted: HashMap<String, PathBuf>,
    found: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    seen: HashSet<[u8; 16]>,
    files: u64,
    links_beside: u64,
    differences: Vec<Difference>,
}

impl Comparison {
    /// Over the source folders.
    pub fn new(roots: Vec<PathBuf>, names: Names) -> Self {
        let mut converted = HashMap::new();
        if names.charset.is_some() {
            for root in &roots {
                for entry in Walk::new(root, names).filter(|entry| entry.original.is_some()) {
                    converted.insert(entry.relative, entry.path);
                }
            }
        }
        Self { roots, names, converted, found: Mutex::default() }
    }

    /// A visitor that compares one record.
    pub fn visitor(self: &Arc<Self>, leaf: &RecordLeaf, label: &Label) -> Box<dyn BagVisitor> {
        let prefix = match label.kind {
            RecordKind::Folder => format!("{}/", label.name),
            RecordKind::File | RecordKind::Group => String::new(),
        };
        Box::new(Compare { comparison: self.clone(), record: leaf.record, prefix })
    }

    /// Everything that differs, the files that nobody sealed among it; and what was the same.
    pub fn finish(&self) -> (Vec<Difference>, Same) {
        let mut found = std::mem::take(&mut *self.found.lock().expect("no comparing thread panicked"));
        let unsealed = |path: String| Difference { record: None, path, what: tr!("it is not in the archive") };
        for root in &self.roots {
            let mut walk = Walk::new(root, self.names);
            for entry in walk.by_ref() {
                let is_folder = matches!(entry.kind, Kind::Directory(_));
                let holds_others =
                    is_folder && std::fs::read_dir(&entry.path).is_ok_and(|mut entries| entries.next().is_some());
                if !holds_others && !found.seen.contains(&digest(&entry.relative)) {
                    found.differences.push(unsealed(crate::storage::escape(&entry.relative)));
                }
            }
            let named = |Problem { path, reason, .. }| Difference { record: None, path, what: reason };
            found.differences.extend(walk.take_problems().into_iter().map(named));
        }
        found.differences.sort();
        (found.differences, Same { files: found.files, links_beside: found.links_beside })
    }

    fn locate(&self, relative: &str) -> PathBuf {
        if let Some(path) = self.converted.get(relative) {
            return path.clone();
        }
        let candidates = self.roots.iter().map(|root| root.join(relative));
        candidates.clone().find(|path| path.symlink_metadata().is_ok()).unwrap_or_else(|| self.roots[0].join(relative))
    }
}

fn digest(relative: &str) -> [u8; 16] {
    sha256(&[relative.as_bytes()])[..16].try_into().expect("a hash has 16 bytes")
}

struct Compare {
    comparison: Arc<Comparison>,
    record: u64,
    prefix: String,
}

impl Compare {
    /// Says whether it is the same.
    fn note(&self, path: &str, check: impl FnOnce(&Path) -> Result<bool, String>) -> bool {
        let relative = format!("{}{path}", self.prefix);
        let outcome = check(&self.comparison.locate(&relative));
        let mut found = self.comparison.found.lock().expect("no comparing thread panicked");
        found.seen.insert(digest(&relative));
        match outcome {
            Ok(is_file) => {
                found.files += u64::from(is_file);
                true
            }
            Err(what) => {
                let path = crate::storage::escape(&relative);
                found.differences.push(Difference { record: Some(self.record), path, what });
                false
            }
        }
    }

    fn compare_link(&self, path: &str, target: &str) -> bool {
        self.note(path, |local| match std::fs::read_link(local) {
            Ok(found) if found.to_str() == Some(target) => Ok(true),
            Ok(_) => Err(tr!("the link leads elsewhere than the sealed one")),
            Err(e) => Err(missing(&e)),
        })
    }
}

fn missing(error: &std::io::Error) -> String {
    if error.kind() == std::io::ErrorKind::NotFound {
        tr!("it is sealed, but not in the folder")
    } else {
        tr!("it cannot be compared: {error}", error = crate::language::of_system(error))
    }
}

impl BagVisitor for Compare {
    fn directory(&mut self, path: &str, _: Attributes) -> Result<(), ArchiveError> {
        if path.is_empty() && self.prefix.is_empty() {
            return Ok(());
        }
        let path = if path.is_empty() { return self.root_folder() } else { path };
        self.note(path, |local| match local.symlink_metadata() {
            Ok(metadata) if metadata.is_dir() => Ok(false),
            Ok(_) => Err(tr!("it is sealed as a folder and is none")),
            Err(e) => Err(missing(&e)),
        });
        Ok(())
    }

    fn file(&mut self, _: &str, _: Attributes, _: u64, _: &mut dyn Read) -> Result<(), ArchiveError> {
        Ok(())
    }

    fn hard_link(&mut self, _: &str, _: &str) -> Result<(), ArchiveError> {
        Ok(())
    }

    fn link(&mut self, path: &str, target: &str, _: Attributes) -> Result<(), ArchiveError> {
        self.compare_link(path, target);
        Ok(())
    }

    fn tag_file(&mut self, name: &str, content: &mut dyn Read) -> Result<(), ArchiveError> {
        if name == LINKS {
            each_link(content, |path, target, _| {
                if self.compare_link(path, target) {
                    self.comparison.found.lock().expect("no comparing thread panicked").links_beside += 1;
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    fn hashed(&mut self, path: &str, hash: &Hash) -> Result<(), ArchiveError> {
        self.note(path, |local| {
            let source = OpenSource::open(local).map_err(|problem| {
                if local.symlink_metadata().is_err() {
                    tr!("it is sealed, but not in the folder")
                } else {
                    tr!("it cannot be compared: {}", problem.reason)
                }
            })?;
            match sha256_reader(&source.file) {
                Ok(found) if found == *hash => Ok(true),
                Ok(_) => Err(tr!("its content is not what was sealed")),
                Err(e) => Err(tr!("it cannot be compared: {error}", error = crate::language::of_system(&e))),
            }
        });
        Ok(())
    }
}

impl Compare {
    /// The folder that the record was made from.
    fn root_folder(&self) -> Result<(), ArchiveError> {
        let name = self.prefix.trim_end_matches('/').to_owned();
        let own = Self { comparison: self.comparison.clone(), record: self.record, prefix: String::new() };
        own.note(
            &name,
            |local| if local.is_dir() { Ok(false) } else { Err(tr!("it is sealed, but not in the folder")) },
        );
        Ok(())
    }
}
