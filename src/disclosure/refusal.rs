//! A refusal: the letter that says no, why, and what can be done about it.
//!
//! Invariant: as with a grant, the journal's entry commits to everything but its own evidence. Spec: `spec/disclosure.md`,
//! "Refusal".

use super::conditions::check_text;
use super::proposal::{Signatory, check_firm};
use super::request::MAX_MESSAGE;
use crate::crypto::hash::{Hash, sha256};
use crate::crypto::kdf::ArchiveId;
use crate::storage::document::{self, DocumentError, is_plain_time};
use crate::tlog::proof::Evidence;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tr::tr;

/// The format that this version writes and reads.
pub const FORMAT: &str = "keepuntil-refusal/v1";

/// The content of a refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// [`FORMAT`].
    pub format: String,
    /// Which refusal: 16 random bytes.
    #[serde(with = "hex::serde")]
    pub refusal: [u8; 16],
    /// The keyring that refused.
    #[serde(with = "hex::serde")]
    pub keyring: [u8; 16],
    /// Key name of its journal.
    pub firm: String,
    /// When: the time of the journal's entry.
    pub refused: DateTime<Utc>,
    /// SHA-256 of the request's file.
    #[serde(with = "hex::serde")]
    pub request: Hash,
    /// Who asked, where their signature held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester: Option<Signatory>,
    /// The archive that was asked for.
    #[serde(with = "hex::serde")]
    pub archive: ArchiveId,
    /// Why.
    pub reason: RefusalReason,
    /// Why, in words.
    pub explanation: String,
    /// 16 random bytes, so that nobody can guess the words by the hash in the journal.
    #[serde(with = "hex::serde")]
    pub salt: [u8; 16],
    /// The journal's entry; absent only until it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal: Option<Evidence>,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalReason {
    /// The requester did not show who they are.
    NotIdentified,
    /// The requester may not ask for these records.
    OutOfScope,
    /// Purpose or legal basis do not carry it.
    NoLegalBasis,
    /// The law or an order demands secrecy.
    Secrecy,
    /// The records were destroyed when their time had run.
    Destroyed,
    /// Their time has run, and they await destruction.
    Expired,
    /// There are no such records.
    NotFound,
    /// The people who must approve did not.
    NotApproved,
    /// The requester withdrew it.
    Withdrawn,
}

impl RefusalReason {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 9] = [
        Self::NotIdentified,
        Self::OutOfScope,
        Self::NoLegalBasis,
        Self::Secrecy,
        Self::Destroyed,
        Self::Expired,
        Self::NotFound,
        Self::NotApproved,
        Self::Withdrawn,
    ];

    /// The code that stands in files.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotIdentified => "not-identified",
            Self::OutOfScope => "out-of-scope",
            Self::NoLegalBasis => "no-legal-basis",
            Self::Secrecy => "secrecy",
            Self::Destroyed => "destroyed",
            Self::Expired => "expired",
            Self::NotFound => "not-found",
            Self::NotApproved => "not-approved",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl Refusal {
    /// The bytes of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        document::to_bytes(self)
    }

    /// What the journal's entry commits to: the hash of the file without its `journal`.
    pub fn document(&self) -> Hash {
        sha256(&[&document::to_bytes(&Self { journal: None, ..self.clone() })])
    }

    /// Reads a refusal; proves nothing yet.
    ///
    /// # Errors
    /// [`DocumentError`] for anything but the one spelling of a possible refusal.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        let refusal: Self = document::parse_within(bytes, FORMAT, MAX_MESSAGE)?;
        refusal.check().map_err(DocumentError::Malformed)?;
        if refusal.journal.is_none() {
            return Err(DocumentError::malformed(tr!("it lacks the journal's entry")));
        }
        Ok(refusal)
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
        self.requester.as_ref().map_or(Ok(()), Signatory::check)?;
        check_text("explanation", &self.explanation)?;
        if !is_plain_time(self.refused) {
            return Err(tr!("refused: it is not in whole seconds"));
        }
        check_firm(&self.firm)
    }
}
