//! `policy check`: which part of a policy takes which file, and when each record would end; seals nothing.

use super::{OpsError, Progress};
use crate::language::text;
use crate::retention::Retention;
use crate::retention::policy::{Assignment, Policy, PolicyError};
use crate::retention::rule::Rule;
use crate::storage::source::{Kind, Names, Problem, Walk, count};
use chrono::NaiveDate;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Paths of one kind that are told by name.
pub const LISTED: usize = 200;

/// What a policy does to a folder.
#[derive(Debug, Default)]
pub struct PolicyCheck {
    /// The records, by name.
    pub records: BTreeMap<String, CheckedRecord>,
    /// Files and links that no part takes, and the first of them by name.
    pub unmatched: (u64, Vec<String>),
    /// Records whose files the policy treats differently: `create` refuses them.
    pub conflicts: BTreeSet<String>,
    /// Records that more than one part adds to.
    pub joined: BTreeSet<String>,
    /// Files whose date or period makes no sense, and the first reasons: `create` refuses them.
    pub invalid: (u64, Vec<String>),
    /// The first of these errors, where it is one of the policy.
    pub first_invalid: Option<PolicyError>,
    /// What could not be read.
    pub problems: Vec<Problem>,
    /// Files and bytes that each part takes.
    pub parts: Vec<(u64, u64)>,
}

/// A record as it would be made.
#[derive(Debug)]
pub struct CheckedRecord {
    /// The part that takes it: its place in [`Policy::patterns`].
    pub part: usize,
    /// Files and links in it.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Place of its compartment.
    pub compartment: usize,
    /// How long it would be kept.
    pub retention: Retention,
    /// The rules that ask for it.
    pub rules: Arc<[Rule]>,
    /// The date that counts.
    pub dated: Option<NaiveDate>,
}

impl PolicyCheck {
    /// Whether `create` would take the folder.
    pub fn is_usable(&self) -> bool {
        self.unmatched.0 == 0 && self.conflicts.is_empty() && self.invalid.0 == 0 && self.problems.is_empty()
    }
}

/// Holds a policy against a folder.
///
/// # Errors
/// [`OpsError::Problems`] where it is no folder; [`OpsError::Interrupted`].
pub fn policy_check(
    root: &Path,
    names: Names,
    policy: &Policy,
    today: NaiveDate,
    interrupted: &AtomicBool,
    progress: &dyn Progress,
) -> Result<PolicyCheck, OpsError> {
    // Names alone are read in a moment, what is asked about each is not.
    if progress.is_watched() {
        progress.total(count(root, interrupted));
    }
    check_entries(root, names, policy, today, &mut |_, _| {}, (interrupted, progress))
}

/// The same, where the caller knows how many there are and has said so; `taken` hears which part takes which path.
pub(super) fn check_entries(
    root: &Path,
    names: Names,
    policy: &Policy,
    today: NaiveDate,
    taken: &mut dyn FnMut(usize, &str),
    (interrupted, progress): (&AtomicBool, &dyn Progress),
) -> Result<PolicyCheck, OpsError> {
    if !std::fs::metadata(root).is_ok_and(|metadata| metadata.is_dir()) {
        return Err(OpsError::Problems(vec![Problem::new(root, text!("it is not a folder"))]));
    }
    let mut check = PolicyCheck { parts: vec![(0, 0); policy.patterns().count()], ..PolicyCheck::default() };
    let mut walk = Walk::new(root, names);
    for entry in walk.by_ref() {
        if interrupted.load(Ordering::Relaxed) {
            return Err(OpsError::Interrupted);
        }
        progress.advance(1);
        // As `create` does: folders come with what is in them.
        let is_folder = matches!(entry.kind, Kind::Directory(_));
        if is_folder && std::fs::read_dir(&entry.path).is_ok_and(|mut entries| entries.next().is_some()) {
            continue;
        }
        let bytes = match entry.kind {
            Kind::File => entry.path.symlink_metadata().map_or(0, |metadata| metadata.len()),
            _ => 0,
        };
        match policy.assign(&entry.relative, today) {
            Ok(Some((part, assignment))) => {
                taken(part, &entry.relative);
                check.take(part, assignment, u64::from(!is_folder), bytes);
            }
            Ok(None) => note(&mut check.unmatched, entry.relative),
            Err(error) => {
                note(&mut check.invalid, error.to_string());
                check.first_invalid.get_or_insert(error);
            }
        }
    }
    check.problems = walk.take_problems();
    Ok(check)
}

fn note((count, first): &mut (u64, Vec<String>), what: String) {
    *count += 1;
    if first.len() < LISTED {
        first.push(what);
    }
}

impl PolicyCheck {
    fn take(&mut self, part: usize, assignment: Assignment, files: u64, bytes: u64) {
        self.parts[part].0 += files;
        self.parts[part].1 += bytes;
        let Assignment { record, compartment, retention, rules, dated } = assignment;
        if !crate::archive::label::is_record_name(&record) {
            return note(&mut self.invalid, OpsError::RecordName(record).to_string());
        }
        match self.records.get_mut(&record) {
            Some(known) => {
                let same_rules = Arc::ptr_eq(&known.rules, &rules) || known.rules == rules;
                let same = known.compartment == compartment && known.retention == retention && known.dated == dated;
                if !(same && same_rules) {
                    self.conflicts.insert(record);
                    return;
                }
                if known.part != part {
                    self.joined.insert(record);
                }
                known.files += files;
                known.bytes += bytes;
            }
            None => {
                let checked = CheckedRecord { part, files, bytes, compartment, retention, rules, dated };
                self.records.insert(record, checked);
            }
        }
    }
}
