//! What will become a record: every entry of the folders, or what a policy groups; in shuffled order.

use super::OpsError;
use crate::archive::label::{RecordKind, is_record_name};
use crate::crypto::secret::shuffle;
use crate::language::{said, text};
use crate::retention::Retention;
use crate::retention::policy::{Assignment, Policy, PolicyError};
use crate::retention::rule::{Rule, merge};
use crate::storage::source::{Kind, Names, Problem, Walk, list};
use chrono::NaiveDate;
use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tr::tr;

/// One record to be.
#[derive(Clone, Debug)]
pub struct RecordPlan {
    /// Its name.
    pub name: String,
    /// Where and how long it is kept.
    pub kept: Arc<Kept>,
    /// What goes into it.
    pub source: RecordSource,
    /// What is known not to go into it.
    pub problems: Vec<Problem>,
}

/// Where and how long records are kept; those that are kept alike share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Index of the compartment.
    pub compartment: usize,
    /// For how long.
    pub retention: Arc<Retention>,
    /// The rules that ask for it, as they are used.
    pub rules: Arc<[Rule]>,
    /// The date that counts from.
    pub dated: Option<NaiveDate>,
}

/// What goes into a record.
#[derive(Clone, Debug)]
pub enum RecordSource {
    /// A folder with everything below it.
    Folder(PathBuf),
    /// A single file or link, with the original bytes of its name where they were converted.
    File(PathBuf, Option<Vec<u8>>),
    /// Paths below a folder.
    Group(Arc<Path>, Vec<GroupedPath>),
}

/// One path of a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupedPath {
    /// Below the sealed folder.
    pub relative: String,
    /// The bytes of `relative` where they were converted.
    pub original: Option<Box<[u8]>>,
}

impl GroupedPath {
    /// Where it is, below the sealed folder `root`.
    pub fn path(&self, root: &Path) -> PathBuf {
        let relative = self.original.as_deref().unwrap_or(self.relative.as_bytes());
        root.join(OsStr::from_bytes(relative))
    }
}

impl RecordSource {
    /// As a label says it.
    pub fn kind(&self) -> RecordKind {
        match self {
            Self::Folder(_) => RecordKind::Folder,
            Self::File(..) => RecordKind::File,
            Self::Group(..) => RecordKind::Group,
        }
    }
}

/// How records are made.
pub enum Grouping<'a> {
    /// Every entry directly under the folders is one, all alike.
    PerEntry {
        /// How long all are kept.
        retention: Retention,
        /// The rules that ask for it, as they are used.
        rules: Arc<[Rule]>,
        /// The date that counts from.
        dated: Option<NaiveDate>,
    },
    /// As a policy says.
    Policy {
        /// The policy.
        policy: &'a Policy,
        /// Today, for periods without another start.
        created: NaiveDate,
    },
}

/// Finds the records of the source folders. Problems that only concern single entries are returned beside.
///
/// # Errors
/// [`OpsError::Empty`], [`OpsError::SameName`], [`OpsError::Unmatched`], [`OpsError::Policy`], [`OpsError::Problems`] for
/// a source that is no folder.
pub fn plan(
    sources: &[PathBuf],
    names: Names,
    grouping: &Grouping<'_>,
) -> Result<(Vec<RecordPlan>, Vec<Problem>), OpsError> {
    let mut problems = Vec::new();
    let mut records = Vec::new();
    for source in sources {
        let metadata = std::fs::metadata(source)
            .map_err(|e| OpsError::Problems(vec![Problem::new(source, crate::language::of_system(&e))]))?;
        if !metadata.is_dir() {
            return Err(OpsError::Problems(vec![Problem::new(
                source,
                text!("it is not a folder; name the folder it is in"),
            )]));
        }
        match grouping {
            Grouping::PerEntry { retention, rules, dated } => {
                let before = records.len();
                let retention = Arc::new(retention.clone());
                let kept = Arc::new(Kept { compartment: 0, retention, rules: rules.clone(), dated: *dated });
                let alike = |name, source| RecordPlan { name, kept: kept.clone(), source, problems: Vec::new() };
                records.extend(per_entry(source, names, &mut problems).map(|(name, source)| alike(name, source)));
                if records.len() == before && problems.is_empty() {
                    return Err(OpsError::Empty(source.clone()));
                }
            }
            Grouping::Policy { policy, created } => {
                records.extend(by_policy(source, names, policy, *created, &mut problems)?);
            }
        }
    }
    if records.is_empty() && problems.is_empty() {
        return Err(OpsError::Empty(sources.first().cloned().unwrap_or_default()));
    }
    let mut seen = HashSet::new();
    for record in &records {
        if !is_record_name(&record.name) {
            return Err(OpsError::RecordName(record.name.clone()));
        }
        if !seen.insert(&record.name) {
            return Err(OpsError::SameName(record.name.clone()));
        }
    }
    shuffle(&mut records);
    Ok((records, problems))
}

/// Name and source of every entry directly under a folder.
fn per_entry(
    source: &Path,
    names: Names,
    problems: &mut Vec<Problem>,
) -> impl Iterator<Item = (String, RecordSource)> + use<> {
    list(source, names, problems).into_iter().map(|listed| {
        let is_folder = !listed.is_file && listed.path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir());
        let source = if is_folder {
            // The folder's own name is in the label; a converted one is remembered there in UTF-8 only.
            RecordSource::Folder(listed.path)
        } else {
            RecordSource::File(listed.path, listed.original)
        };
        (listed.name, source)
    })
}

fn by_policy(
    source: &Path,
    names: Names,
    policy: &Policy,
    created: NaiveDate,
    problems: &mut Vec<Problem>,
) -> Result<Vec<RecordPlan>, OpsError> {
    let mut groups: BTreeMap<String, (Arc<Kept>, Vec<GroupedPath>)> = BTreeMap::new();
    let mut shared: BTreeMap<(usize, Option<NaiveDate>), Arc<Kept>> = BTreeMap::new();
    let mut unmatched = Vec::new();
    let mut walk = Walk::new(source, names);
    for entry in walk.by_ref() {
        // Folders come with the files in them; only an empty one has to be sealed for itself.
        let is_folder = matches!(entry.kind, Kind::Directory(_));
        if is_folder && std::fs::read_dir(&entry.path).is_ok_and(|mut entries| entries.next().is_some()) {
            continue;
        }
        let Some((pattern, assignment)) = policy.assign(&entry.relative, created)? else {
            unmatched.push(entry.relative);
            continue;
        };
        let Assignment { record, compartment, retention, rules, dated } = assignment;
        // By one pattern all that have one date are kept alike.
        let kept = shared.entry((pattern, dated)).or_insert_with(|| {
            let retention = Arc::new(retention);
            Arc::new(Kept { compartment, retention, rules, dated })
        });
        let path = GroupedPath { relative: entry.relative, original: entry.original.map(Vec::into_boxed_slice) };
        match groups.get_mut(&record) {
            Some((first, _)) if first != kept => return Err(OpsError::SameName(record)),
            Some((_, paths)) => paths.push(path),
            None => {
                groups.insert(record, (kept.clone(), vec![path]));
            }
        }
    }
    problems.extend(walk.take_problems());
    if !unmatched.is_empty() {
        return Err(OpsError::Unmatched(unmatched));
    }
    let root: Arc<Path> = source.into();
    let record = |(name, (kept, mut paths)): (String, (Arc<Kept>, Vec<GroupedPath>))| {
        paths.shrink_to_fit();
        RecordPlan { name, kept, source: RecordSource::Group(root.clone(), paths), problems: Vec::new() }
    };
    Ok(groups.into_iter().map(record).collect())
}

/// Adds a record without files that names what no other record can name, kept as long as the longest of them.
///
/// # Errors
/// [`OpsError::Problems`] when there is no other record: then nothing at all could be read.
pub fn name_left_out(records: &mut Vec<RecordPlan>, problems: Vec<Problem>) -> Result<(), OpsError> {
    let Some(longest) = records.iter().max_by_key(|record| record.kept.retention.planned().length()) else {
        return Err(OpsError::Problems(problems));
    };
    let kept = Arc::new(Kept { dated: None, ..(*longest.kept).clone() });
    let taken: HashSet<&String> = records.iter().map(|record| &record.name).collect();
    let numbered = (1u64..).map(|n| format!("left-out-{n}"));
    let name = std::iter::once("left-out".to_owned()).chain(numbered).find(|name| !taken.contains(name));
    let name = name.expect("there are more numbers than records");
    let source = RecordSource::Group(Path::new("").into(), Vec::new());
    records.push(RecordPlan { name, kept, source, problems });
    shuffle(records);
    Ok(())
}

/// The rules of all records, sorted by id, each with all the ways in which it is used.
///
/// # Errors
/// [`OpsError::Policy`] when there are too many of them.
pub fn used_rules(records: &[RecordPlan]) -> Result<Vec<Rule>, OpsError> {
    // Records share few lists among them; each is looked at once.
    let lists: BTreeMap<_, _> = records.iter().map(|record| (record.kept.rules.as_ptr(), &record.kept.rules)).collect();
    let rules = merge(lists.into_values().flat_map(|rules| rules.iter()));
    for rule in &rules {
        rule.check()
            .map_err(|what| PolicyError::Part(tr!("rule {}", format!("{:?}", rule.id)), said(what).into_owned()))?;
    }
    Ok(rules)
}
