//! Leaves of an archive's tree: leaf 0 binds the preamble, leaf n record n.
//!
//! Invariant: one allowed spelling; whatever does not serialize back to the same bytes is refused, duplicate keys
//! among it. Spec: `spec/archive.md`, "Leaves".

use super::ArchiveError;
use crate::crypto::hash::Hash;
use crate::crypto::kdf::Commitments;
use crate::retention::Retention;
use crate::storage::document::base64_text;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tr::tr;

/// Leaf 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreambleLeaf {
    /// Archive id, 32 hex digits.
    pub archive: String,
    /// README.txt, archive.json and the access files, in file order.
    pub members: Vec<PreambleMember>,
}

/// A member that leaf 0 binds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreambleMember {
    /// Member name.
    pub name: String,
    /// Bytes of content.
    pub size: u64,
    /// SHA-256 of the content.
    #[serde(with = "hex::serde")]
    pub sha256: Hash,
}

/// Leaf n > 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordLeaf {
    /// The record's number, which is the leaf's index.
    pub record: u64,
    /// Its compartment.
    pub compartment: String,
    /// Offset of its first member's header in the archive file.
    pub offset: u64,
    /// Bytes of its age file.
    pub size: u64,
    /// SHA-256 of its age file.
    #[serde(with = "hex::serde")]
    pub sha256: Hash,
    /// How long it is kept.
    pub retention: Retention,
    /// Hashes of its expiry halves.
    pub commitments: LeafCommitments,
    /// The encrypted label.
    #[serde(with = "base64_text")]
    pub label: Vec<u8>,
}

/// [`Commitments`] as a leaf spells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeafCommitments {
    /// Of `E_n`.
    #[serde(with = "hex::serde")]
    pub record: Hash,
    /// Of `D_n`.
    #[serde(with = "hex::serde")]
    pub label: Hash,
}

impl From<Commitments> for LeafCommitments {
    fn from(c: Commitments) -> Self {
        Self { record: c.record, label: c.label }
    }
}

/// A leaf's bytes.
pub fn to_bytes(leaf: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(leaf).expect("a leaf is always JSON")
}

/// Parses a leaf.
///
/// # Errors
/// [`ArchiveError::Damaged`] for anything but the one spelling.
pub fn parse<L: Serialize + DeserializeOwned>(index: u64, bytes: &[u8]) -> Result<L, ArchiveError> {
    let damaged = |what: String| ArchiveError::damaged(tr!("leaf {index}", index = index), what);
    let leaf: L = serde_json::from_slice(bytes).map_err(|e| damaged(crate::language::of_library(e)))?;
    if to_bytes(&leaf) != bytes {
        return Err(damaged(tr!("not in canonical form")));
    }
    Ok(leaf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_have_one_spelling() {
        let leaf = PreambleLeaf {
            archive: "00".repeat(16),
            members: vec![PreambleMember { name: "README.txt".into(), size: 1, sha256: [0; 32] }],
        };
        let bytes = to_bytes(&leaf);
        assert_eq!(parse::<PreambleLeaf>(0, &bytes).unwrap(), leaf);
        let text = String::from_utf8(bytes).unwrap();
        for bad in [
            text.replacen(":1,", ": 1,", 1),
            text.replacen("\"size\":1", "\"size\":1,\"size\":1", 1),
            text.replacen("\"size\":1", "\"size\":1,\"extra\":1", 1),
            format!("{text} "),
        ] {
            assert!(parse::<PreambleLeaf>(0, bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
