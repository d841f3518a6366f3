//! What a keyring knows of the archives whose keys it holds: the sealed document `archives`.
//!
//! Spec: `spec/keyring.md`, "Documents".

use super::KeyringError;
use crate::crypto::hash::Hash;
use crate::crypto::kdf::ArchiveId;
use crate::retention::Class;
use serde::{Deserialize, Serialize};
use tr::tr;

/// What a keyring knows of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownArchive {
    /// Archive id.
    #[serde(rename = "archive", with = "hex::serde")]
    pub id: ArchiveId,
    /// Origin of its log.
    pub origin: String,
    /// Leaves in its tree: records and one.
    pub size: u64,
    /// Root that its seal must have.
    #[serde(with = "hex::serde")]
    pub root: Hash,
    /// When it was deposited, RFC 3339.
    pub deposited: String,
    /// Its compartments, in the order of its manifest.
    pub compartments: Vec<KnownCompartment>,
}

/// A compartment of a known archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownCompartment {
    /// Its name.
    pub name: String,
    /// Its class.
    pub class: Class,
}

impl KnownArchive {
    /// Records in it.
    pub fn records(&self) -> u64 {
        self.size.saturating_sub(1)
    }

    /// The compartment that a page calls `index`.
    ///
    /// # Errors
    /// [`KeyringError::Damaged`] where there are not so many.
    pub fn compartment(&self, index: u32) -> Result<&KnownCompartment, KeyringError> {
        self.compartments.get(index as usize).ok_or_else(|| {
            KeyringError::Damaged(tr!(
                "archive {archive} has no compartment {index}",
                archive = hex::encode(self.id),
                index = index
            ))
        })
    }
}

/// The document.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Archives {
    archives: Vec<KnownArchive>,
}

/// The text of the document, oldest deposit first.
pub fn to_bytes(archives: &[KnownArchive]) -> Vec<u8> {
    serde_json::to_vec(&Archives { archives: archives.to_vec() }).expect("archives are always JSON")
}

/// The archives of a document.
///
/// # Errors
/// [`KeyringError::Damaged`].
pub fn parse(text: &[u8]) -> Result<Vec<KnownArchive>, KeyringError> {
    let document: Archives = serde_json::from_slice(text).map_err(|e| {
        KeyringError::Damaged(tr!("document {name}: {what}", name = "archives", what = crate::language::of_library(e)))
    })?;
    Ok(document.archives)
}
