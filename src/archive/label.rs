//! A record's label: its name, its counts and the hash of its bag, encrypted in the leaf, padded to whole buckets.
//!
//! Invariant: whoever has its key can tell the sealed bag from any other, without the record.
//!
//! Spec: `spec/archive.md`, "Label".

use super::ArchiveError;
use super::bag_writer::BagSummary;
use crate::crypto::hash::Hash;
use crate::crypto::kdf::{open_once, seal_once};
use crate::crypto::secret::Secret32;
use crate::language::{said, text};
use serde::{Deserialize, Serialize};
use tr::tr;

/// Labels are padded to a multiple of this many bytes.
pub const BUCKET: usize = 256;
/// Bytes of skipped names that a label lists; the rest is counted, and listed in the record itself.
const MAX_SKIPPED_BYTES: usize = 16 * 1024;

/// What a record is called and how much is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// The record's name: one path component.
    pub name: String,
    /// What its `data/` holds.
    pub kind: RecordKind,
    /// Regular files in it.
    pub files: u64,
    /// Bytes in these files.
    pub bytes: u64,
    /// SHA-256 of the bag's `tagmanifest-sha256.txt`, which covers every file of it.
    #[serde(with = "hex::serde")]
    pub bag: Hash,
    /// The date that its retention counts from, where one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dated: Option<chrono::NaiveDate>,
    /// What was left out or changed while it was read, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<String>,
    /// How many more were left out than `skipped` names.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skipped_more: u64,
}

/// What a record was made from, which says where its `data/` stood below the sealed folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordKind {
    /// One folder of the record's name: `data/` holds what was in it.
    #[default]
    Folder,
    /// One file of the record's name: `data/` holds that file.
    File,
    /// Files that a policy grouped: `data/` holds them with their paths below the sealed folder.
    Group,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl Label {
    /// Keeps as many skipped names as a leaf has room for, and counts the others.
    pub fn set_skipped(&mut self, names: &[String]) {
        let mut room = MAX_SKIPPED_BYTES;
        for name in names {
            // JSON may need six bytes for one of the name.
            let cost = name.len() * 6 + 3;
            if cost > room {
                self.skipped_more += 1;
            } else {
                room -= cost;
                self.skipped.push(name.clone());
            }
        }
    }

    /// Whether a bag that was read to its end is the one that was sealed.
    ///
    /// # Errors
    /// [`ArchiveError::Damaged`].
    pub fn check_bag(&self, record: u64, found: &BagSummary) -> Result<(), ArchiveError> {
        let damaged = |what: &str| Err(ArchiveError::damaged(tr!("record {record}", record = record), said(what)));
        if (found.files, found.bytes) != (self.files, self.bytes) {
            return damaged(text!("it holds less than its label says"));
        }
        if found.bag != self.bag {
            return damaged(text!("its bag is not the one that its label names"));
        }
        Ok(())
    }

    /// Encrypts the label, padded with spaces to whole buckets.
    pub fn seal(&self, key: &Secret32) -> Vec<u8> {
        let mut text = serde_json::to_vec(self).expect("a label is always JSON");
        text.resize(text.len().next_multiple_of(BUCKET), b' ');
        seal_once(key, &text)
    }

    /// Decrypts a label.
    ///
    /// # Errors
    /// [`ArchiveError::Damaged`] when it does not authenticate or names what no record may be called.
    pub fn open(key: &Secret32, record: u64, sealed: &[u8]) -> Result<Self, ArchiveError> {
        let damaged = |what: String| ArchiveError::damaged(tr!("label of record {record}", record = record), what);
        let text = open_once(key, sealed).map_err(|e| damaged(e.to_string()))?;
        if text.is_empty() || text.len() % BUCKET != 0 {
            return Err(damaged(tr!("not padded to whole buckets")));
        }
        let label: Self = serde_json::from_slice(&text).map_err(|e| damaged(crate::language::of_library(e)))?;
        if !is_record_name(&label.name) {
            return Err(damaged(tr!("its name cannot be a folder's")));
        }
        Ok(label)
    }
}

/// Whether `name` can name a record: one path component of at most 255 bytes.
pub fn is_record_name(name: &str) -> bool {
    (1..=255).contains(&name.len()) && name != "." && name != ".." && !name.contains(['/', '\0'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_round_trip_in_whole_buckets_and_refuse_paths() {
        let key = Secret32::random();
        let label = Label { name: "沐阳贸易".into(), files: 3, bytes: 4, ..Label::default() };
        let sealed = label.seal(&key);
        assert_eq!(sealed.len(), BUCKET + 16);
        assert_eq!(Label::open(&key, 1, &sealed).unwrap(), label);
        assert!(Label::open(&Secret32::random(), 1, &sealed).is_err());
        let evil = Label { name: "../x".into(), ..label };
        assert!(Label::open(&key, 1, &evil.seal(&key)).is_err());
    }

    #[test]
    fn a_long_list_of_skipped_names_still_fits_a_leaf() {
        let mut label = Label { name: "\u{1}".repeat(255), ..Label::default() };
        label.set_skipped(&vec!["\u{1}".repeat(250); 5000]);
        assert!(label.skipped.len() as u64 + label.skipped_more == 5000 && label.skipped_more > 0);
        assert!(label.seal(&Secret32::random()).len() < 40_000);
    }
}
