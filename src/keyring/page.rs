//! Pages: the expiry halves of up to 256 records and everything that decides about their destruction.
//!
//! A page is an age file to an identity that is fresh at every write. Spec: `spec/keyring.md`, "Pages".

use super::KeyringError;
use crate::crypto::envelope;
use crate::crypto::identity::x25519_identity;
use crate::crypto::kdf::{ArchiveId, ExpiryHalves};
use crate::crypto::recipient::Recipients;
use crate::crypto::secret::Secret32;
use crate::retention::Retention;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Records on a page.
pub const PAGE_RECORDS: usize = 256;

/// The content of a page.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    archive: String,
    first: u64,
    records: Vec<PageRecord>,
}

/// What a page holds of one record.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageRecord {
    /// Absent after destruction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keys: Option<PageKeys>,
    retention: Retention,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PageKeys {
    record: Secret32,
    label: Secret32,
}

impl PageRecord {
    /// The record's halves, unless they were destroyed.
    pub fn halves(&self) -> Option<ExpiryHalves> {
        let keys = self.keys.as_ref()?;
        Some(ExpiryHalves { record: keys.record.clone(), label: keys.label.clone() })
    }
}

impl Page {
    /// A page of records from `first` on.
    pub fn new(archive: &ArchiveId, first: u64, records: &[(ExpiryHalves, Retention)]) -> Self {
        let record = |(halves, retention): &(ExpiryHalves, Retention)| PageRecord {
            keys: Some(PageKeys { record: halves.record.clone(), label: halves.label.clone() }),
            retention: retention.clone(),
        };
        Self { archive: hex::encode(archive), first, records: records.iter().map(record).collect() }
    }

    /// The page as an age file to `identity`.
    ///
    /// # Errors
    /// Those of the encryption.
    pub fn seal(&self, identity: &Secret32) -> Result<Vec<u8>, KeyringError> {
        let text = Zeroizing::new(serde_json::to_vec(self).expect("a page is always JSON"));
        Ok(envelope::seal(&Recipients::of_x25519(identity), &text)?)
    }

    /// Opens a page.
    ///
    /// # Errors
    /// [`KeyringError::Damaged`].
    pub fn open(identity: &Secret32, sealed: &[u8]) -> Result<Self, KeyringError> {
        let identity = x25519_identity(identity);
        let text = envelope::open(std::iter::once(&identity as &dyn age::Identity), sealed, sealed.len() as u64)
            .map_err(|e| KeyringError::Damaged(format!("a page does not open: {e}")))?;
        serde_json::from_slice(&text).map_err(|e| KeyringError::Damaged(format!("a page: {e}")))
    }

    /// The entry of a record of `archive`.
    pub fn record(&self, archive: &ArchiveId, record: u64) -> Option<&PageRecord> {
        if self.archive != hex::encode(archive) {
            return None;
        }
        self.records.get(usize::try_from(record.checked_sub(self.first)?).ok()?)
    }

    /// Whether the page is what the catalogue's columns say.
    pub fn is_for(&self, archive: &ArchiveId, first: u64, count: u64) -> bool {
        self.archive == hex::encode(archive) && self.first == first && self.records.len() as u64 == count
    }

    /// Records whose keys are there.
    pub fn live(&self) -> u64 {
        self.records.iter().filter(|record| record.keys.is_some()).count() as u64
    }
}
