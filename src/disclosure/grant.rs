//! A grant: the halves of exactly the records it names, encrypted to the requester's one-time address, with what was
//! promised for them, and the journal's entry that says so.
//!
//! Invariant: what [`Grant::document`] hashes is everything but the journal's evidence, and the entry commits to it: a grant
//! that the journal does not know is none. Spec: `spec/disclosure.md`, "Grant".

use super::conditions::Conditions;
use super::proposal::{Signatory, check_firm, check_validity};
use super::purpose::Purpose;
use super::request::{check_address, check_records};
use crate::crypto::hash::{Hash, sha256};
use crate::crypto::kdf::ArchiveId;
use crate::crypto::secret::Secret32;
use crate::crypto::{header, hybrid};
use crate::language::text;
use crate::retention::ranges::Ranges;
use crate::storage::document::{self, DocumentError, MAX_DOCUMENT, base64_text, is_plain_time};
use crate::tlog::proof::Evidence;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tr::tr;
use zeroize::Zeroizing;

/// The format that this version writes and reads.
pub const FORMAT: &str = "keepuntil-grant/v1";
/// The format of the plaintext of [`Grant::keys`].
pub const KEYS_FORMAT: &str = "keepuntil-granted-keys/v1";
/// Approvals under a grant, at most.
pub const MAX_APPROVALS: usize = 64;
/// Bytes that encryption may add to [`Grant::keys`].
const ENVELOPE: u64 = 64 << 10;

/// The content of a grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// [`FORMAT`].
    pub format: String,
    /// Which grant: 16 random bytes.
    #[serde(with = "hex::serde")]
    pub grant: [u8; 16],
    /// The keyring that granted.
    #[serde(with = "hex::serde")]
    pub keyring: [u8; 16],
    /// Key name of its journal.
    pub firm: String,
    /// When: the time of the journal's entry.
    pub granted: DateTime<Utc>,
    /// SHA-256 of the request's file.
    #[serde(with = "hex::serde")]
    pub request: Hash,
    /// SHA-256 of the proposal's file.
    #[serde(with = "hex::serde")]
    pub proposal: Hash,
    /// Who approved it.
    pub approvals: Vec<Signatory>,
    /// Who may open it.
    pub requester: Signatory,
    /// Whom the keys are encrypted to.
    pub address: String,
    /// The archive.
    #[serde(with = "hex::serde")]
    pub archive: ArchiveId,
    /// The root under its seal.
    #[serde(with = "hex::serde")]
    pub root: Hash,
    /// The records.
    pub records: Ranges,
    /// What they are for.
    pub purpose: Purpose,
    /// What the requester promises.
    pub conditions: Conditions,
    /// The first second of the grant.
    pub valid_from: DateTime<Utc>,
    /// The last second of the grant.
    pub valid_until: DateTime<Utc>,
    /// By what a copy is traced to this grant: 16 random bytes.
    #[serde(with = "hex::serde")]
    pub watermark: [u8; 16],
    /// An age file to `address`, in base64, of [`GrantedKeys`].
    #[serde(with = "base64_text")]
    pub keys: Vec<u8>,
    /// The journal's entry; absent only until it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal: Option<Evidence>,
}

/// What only the requester can read.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantedKeys {
    /// [`KEYS_FORMAT`].
    pub format: String,
    /// Which grant they came with.
    #[serde(with = "hex::serde")]
    pub grant: [u8; 16],
    /// The archive.
    #[serde(with = "hex::serde")]
    pub archive: ArchiveId,
    /// One of each granted record, rising.
    pub records: Vec<RecordKeys>,
}

/// The halves of one record.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordKeys {
    /// Its number.
    pub record: u64,
    /// `A_n`.
    pub access: Secret32,
    /// `E_n`.
    pub expiry: Secret32,
    /// `D_n`.
    pub label: Secret32,
}

impl Grant {
    /// The bytes of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        document::to_bytes(self)
    }

    /// What the journal's entry commits to: the hash of the file without its `journal`.
    pub fn document(&self) -> Hash {
        sha256(&[&document::to_bytes(&Self { journal: None, ..self.clone() })])
    }

    /// Reads a grant; proves nothing yet.
    ///
    /// # Errors
    /// [`DocumentError`] for anything but the one spelling of a possible grant.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        let grant: Self = document::parse_within(bytes, FORMAT, MAX_DOCUMENT)?;
        grant.check().map_err(DocumentError::Malformed)?;
        if grant.journal.is_none() {
            return Err(DocumentError::malformed(tr!("it lacks the journal's entry")));
        }
        // One more stanza would be one more reader, whom the journal does not name.
        if !header::stanza_types(&grant.keys).is_ok_and(|types| types == [hybrid::STANZA]) {
            return Err(DocumentError::malformed(tr!("keys: they are not encrypted to one address")));
        }
        Ok(grant)
    }

    /// The origin of the journal that must speak for it.
    pub fn origin(&self) -> String {
        format!("{}/journal/{}", self.firm, hex::encode(self.keyring))
    }

    /// What is wrong with it.
    ///
    /// # Errors
    /// In words.
    pub fn check(&self) -> Result<(), String> {
        self.requester.check()?;
        self.approvals.iter().try_for_each(Signatory::check)?;
        if self.approvals.len() > MAX_APPROVALS || !self.approvals.is_sorted_by(|a, b| a.name < b.name) {
            return Err(tr!("approvals: too many, or not in the order of names, each once"));
        }
        let own = |by: &Signatory| by.name == self.requester.name || by.key == self.requester.key;
        if self.approvals.iter().any(own) {
            return Err(tr!("approvals: the requester is among them"));
        }
        check_address(&self.address)?;
        check_records(&self.records)?;
        self.conditions.check()?;
        check_validity(self.valid_from, self.valid_until)?;
        self.conditions.check_from(self.valid_from.date_naive())?;
        if !is_plain_time(self.granted) || self.granted > self.valid_until {
            return Err(tr!("granted: it is not in whole seconds, or after the end of the validity"));
        }
        if self.keys.len() as u64 > GrantedKeys::limit(self.records.count()) + ENVELOPE {
            return Err(tr!("keys: they are larger than those of its records can be"));
        }
        check_firm(&self.firm)?;
        Ok(())
    }
}

impl GrantedKeys {
    /// Bytes that one record takes, at most.
    const RECORD: u64 = 320;

    /// Bytes that the plaintext may have for so many records.
    pub fn limit(records: u64) -> u64 {
        1024 + records * Self::RECORD
    }

    /// The plaintext: JSON without blanks.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        // Large enough never to be moved, which would leave a copy behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(Self::limit(self.records.len() as u64) as usize));
        serde_json::to_writer(&mut *bytes, self).expect("keys are always JSON");
        bytes
    }

    /// Reads the plaintext of what came with `grant`.
    ///
    /// # Errors
    /// What is wrong, in words that quote nothing, for anything but the keys of exactly its records in their one spelling.
    pub fn parse(plaintext: &[u8], grant: &Grant) -> Result<Self, &'static str> {
        let read: Result<Self, _> = document::parse_any(plaintext, KEYS_FORMAT, Self::limit(grant.records.count()));
        // What the parser complains of could quote a secret.
        let keys = read.map_err(|_| text!("they are not written as they must be"))?;
        if keys.to_bytes()[..] != *plaintext {
            return Err(text!("they are not in canonical form"));
        }
        if keys.grant != grant.grant || keys.archive != grant.archive {
            return Err(text!("they are of another grant or archive"));
        }
        if !keys.records.iter().map(|keys| keys.record).eq(grant.records.iter()) {
            return Err(text!("they are of other records"));
        }
        Ok(keys)
    }
}
