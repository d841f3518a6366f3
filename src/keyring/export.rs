//! Exports: which record keys left the keyring on an emergency key sheet, so that later certificates can say so.
//!
//! They are the sealed document `exports`. Spec: `spec/keyring.md`, "Export".

use super::KeyringError;
use crate::crypto::kdf::ArchiveId;
use crate::retention::ranges::Ranges;
use serde::{Deserialize, Serialize};
use tr::tr;

/// One emergency key sheet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// When it was written, RFC 3339.
    pub time: String,
    /// The archive.
    #[serde(with = "hex::serde")]
    pub archive: ArchiveId,
    /// The records on it.
    pub records: Ranges,
}

/// The document.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exports {
    /// Oldest first.
    pub exports: Vec<Export>,
}

impl Exports {
    /// The text of the document.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("exports are always JSON")
    }

    /// The exports of a document.
    ///
    /// # Errors
    /// [`KeyringError::Damaged`].
    pub fn parse(text: &[u8]) -> Result<Self, KeyringError> {
        serde_json::from_slice(text).map_err(|e| {
            KeyringError::Damaged(tr!(
                "document {name}: {what}",
                name = "exports",
                what = crate::language::of_library(e)
            ))
        })
    }
}
