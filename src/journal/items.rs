//! Which records an entry is about.
//!
//! Invariant: a list that would not fit into a leaf stands there as its hash, or the entry is refused. Spec: `spec/journal.md`, "Entries".

use crate::crypto::hash::{Hash, sha256};
use crate::retention::ranges::Ranges;
use serde::{Deserialize, Serialize};
use tr::tr;

/// Bytes of text up to which a list of records stands in the entry itself.
const LISTED: usize = 24 * 1024;

pub use crate::retention::scope::Item;

/// Records of several archives: a list, or the hash of one that is too long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Items {
    /// The list.
    Listed(Vec<Item>),
    /// Only how long it is and its hash; the list itself is in the plan and the certificate.
    Digest(ItemsDigest),
}

/// Stands for a list of items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemsDigest {
    /// Records in the list.
    pub count: u64,
    /// SHA-256 of the list's JSON.
    #[serde(with = "hex::serde")]
    pub sha256: Hash,
}

impl Items {
    /// Records in all.
    pub fn count(&self) -> u64 {
        match self {
            Self::Listed(items) => items.iter().map(|item| item.records.count()).sum(),
            Self::Digest(digest) => digest.count,
        }
    }

    /// Whether these are the records of `items`.
    pub fn are(&self, items: &[Item]) -> bool {
        match self {
            Self::Listed(listed) => listed == items,
            Self::Digest(digest) => *digest == ItemsDigest::of(items),
        }
    }

    pub(super) fn check(&self) -> Result<(), String> {
        match self {
            Self::Listed(items) if items.iter().any(|item| item.records.is_empty()) => {
                Err(tr!("an archive is listed without records"))
            }
            Self::Listed(items) if items.windows(2).any(|pair| pair[0].archive >= pair[1].archive) => {
                Err(tr!("archives are not listed once each, in the order of their ids"))
            }
            _ => Ok(()),
        }
    }
}

impl From<Vec<Item>> for Items {
    fn from(items: Vec<Item>) -> Self {
        if json(&items).len() <= LISTED { Self::Listed(items) } else { Self::Digest(ItemsDigest::of(&items)) }
    }
}

impl ItemsDigest {
    /// Of a list.
    pub fn of(items: &[Item]) -> Self {
        Self { count: items.iter().map(|item| item.records.count()).sum(), sha256: sha256(&[&json(items)]) }
    }
}

/// Whether the records of a disclosure can stand in an entry: at least one, and not too scattered.
pub(super) fn check_disclosed(records: &Ranges) -> Result<(), String> {
    if records.is_empty() {
        return Err(tr!("it names no records"));
    }
    match records.to_string().len() <= LISTED {
        true => Ok(()),
        false => Err(tr!("its records are too scattered: their list is longer than {listed} bytes", listed = LISTED)),
    }
}

fn json(items: &[Item]) -> Vec<u8> {
    serde_json::to_vec(items).expect("items are always JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_stand_as_their_hash() {
        let few = vec![Item { archive: [1; 16], records: (1..=10_000).collect() }];
        let many = vec![Item { archive: [1; 16], records: (1..=10_000).map(|n| n * 2).collect() }];
        let listed = Items::from(few.clone());
        let digest = Items::from(many.clone());
        assert!(matches!(listed, Items::Listed(_)) && listed.are(&few) && !listed.are(&many));
        assert!(matches!(digest, Items::Digest(_)) && digest.are(&many) && !digest.are(&few));
        assert_eq!((listed.count(), digest.count()), (10_000, 10_000));
        for items in [listed, digest] {
            let text = serde_json::to_string(&items).unwrap();
            assert_eq!(serde_json::from_str::<Items>(&text).unwrap(), items);
        }
    }
}
