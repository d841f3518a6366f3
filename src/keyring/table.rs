//! The key table: everything that the root of a generation opens directly.
//!
//! Spec: `spec/keyring.md`, "Key table".

use super::{KeyringError, PurgeId, sealed};
use crate::crypto::secret::Secret32;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tr::tr;
use zeroize::Zeroizing;

/// The content of the key table.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// What seals are signed with.
    pub signing: SigningSeeds,
    /// Identities of the pages, by their ids.
    pub pages: BTreeMap<u64, Secret32>,
    /// Identities of the documents, by their names.
    pub documents: BTreeMap<String, Secret32>,
    /// The last purge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purge: Option<LastPurge>,
}

/// Seeds of the two signing keys.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigningSeeds {
    /// Of RFC 8032.
    pub ed25519: Secret32,
    /// ξ of FIPS 204.
    pub ml_dsa_44: Secret32,
}

/// Which purge was the last, and the generation that it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LastPurge {
    /// Its id.
    #[serde(with = "hex::serde")]
    pub id: PurgeId,
    /// The generation.
    pub generation: u64,
}

impl Table {
    /// The table of a new keyring, with fresh seeds.
    pub fn fresh() -> Self {
        let signing = SigningSeeds { ed25519: Secret32::random(), ml_dsa_44: Secret32::random() };
        Self { signing, pages: BTreeMap::new(), documents: BTreeMap::new(), purge: None }
    }

    /// The table under a root.
    pub fn seal(&self, root: &Secret32) -> Vec<u8> {
        let text = Zeroizing::new(serde_json::to_vec(self).expect("a table is always JSON"));
        sealed::seal(root, &text)
    }

    /// Opens a table.
    ///
    /// # Errors
    /// [`KeyringError::Damaged`].
    pub fn open(file: &[u8], root: &Secret32) -> Result<Self, KeyringError> {
        let text = sealed::open(root, file)
            .map_err(|e| KeyringError::Damaged(tr!("its table does not open under its root: {what}", what = e)))?;
        serde_json::from_slice(&text)
            .map_err(|e| KeyringError::Damaged(tr!("its table: {what}", what = crate::language::of_library(e))))
    }

    /// Seals a document to a fresh identity, which replaces the one that the document had.
    pub fn seal_document(&mut self, name: &str, text: &[u8]) -> Vec<u8> {
        let identity = Secret32::random();
        let file = sealed::seal(&identity, text);
        self.documents.insert(name.into(), identity);
        file
    }
}
