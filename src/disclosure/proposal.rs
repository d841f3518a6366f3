//! A proposal: exactly what a custodian means to hand over, as approvers sign it.
//!
//! Invariant: it names request, seal, records, address, validity and conditions, so that an approval is good for nothing
//! else. Spec: `spec/disclosure.md`, "Proposal".

use super::conditions::{Conditions, check_line};
use super::entry::check_principal;
use super::grant::MAX_APPROVALS;
use super::purpose::Purpose;
use super::request::{MAX_MESSAGE, check_address, check_records};
use crate::crypto::hash::{Hash, sha256};
use crate::crypto::kdf::ArchiveId;
use crate::crypto::sign::is_key_name;
use crate::retention::Class;
use crate::retention::ranges::Ranges;
use crate::storage::document::{self, DocumentError, is_plain_time};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tr::tr;

/// The format that this version writes and reads.
pub const FORMAT: &str = "keepuntil-proposal/v1";

/// The content of a proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    /// [`FORMAT`].
    pub format: String,
    /// The keyring that is to grant.
    #[serde(with = "hex::serde")]
    pub keyring: [u8; 16],
    /// Key name of its journal.
    pub firm: String,
    /// When it was made.
    pub made: DateTime<Utc>,
    /// SHA-256 of the request's file.
    #[serde(with = "hex::serde")]
    pub request: Hash,
    /// Who asked.
    pub requester: Signatory,
    /// Where the answer goes.
    pub address: String,
    /// The archive.
    #[serde(with = "hex::serde")]
    pub archive: ArchiveId,
    /// The root under its seal.
    #[serde(with = "hex::serde")]
    pub root: Hash,
    /// The records.
    pub records: Ranges,
    /// Their classes, rising, each once.
    pub classes: Vec<Class>,
    /// What they are for.
    pub purpose: Purpose,
    /// What the requester promises.
    pub conditions: Conditions,
    /// The first second of the grant.
    pub valid_from: DateTime<Utc>,
    /// The last second of the grant.
    pub valid_until: DateTime<Utc>,
    /// How many distinct people must approve.
    pub approvals_needed: u32,
    /// The last second at which approvals of it count.
    pub approve_until: DateTime<Utc>,
    /// SHA-256 of the roster in force.
    #[serde(with = "hex::serde")]
    pub roster: Hash,
}

/// Somebody who signed: the name on the roster, and the key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signatory {
    /// The principal.
    pub name: String,
    /// Fingerprint of the key, `SHA256:…`.
    pub key: String,
}

impl Signatory {
    /// What is wrong with it.
    ///
    /// # Errors
    /// In words.
    pub fn check(&self) -> Result<(), String> {
        let base64 = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
        let fits = |hash: &str| hash.len() == 43 && hash.bytes().all(base64);
        if !self.key.strip_prefix("SHA256:").is_some_and(fits) {
            return Err(tr!("the fingerprint of a key is malformed"));
        }
        check_principal(&self.name)
    }
}

impl From<super::roster::Signer> for Signatory {
    fn from(signer: super::roster::Signer) -> Self {
        Self { name: signer.principal, key: signer.fingerprint }
    }
}

impl Proposal {
    /// The bytes of the file; approvers sign them with [`super::namespace::APPROVAL`].
    pub fn to_bytes(&self) -> Vec<u8> {
        document::to_bytes(self)
    }

    /// Reads a proposal.
    ///
    /// # Errors
    /// [`DocumentError`] for anything but the one spelling of a possible proposal.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        let proposal: Self = document::parse_within(bytes, FORMAT, MAX_MESSAGE)?;
        proposal.check().map_err(DocumentError::Malformed)?;
        Ok(proposal)
    }

    /// By what grants name it: the hash of its file's bytes.
    pub fn identity(&self) -> Hash {
        sha256(&[&self.to_bytes()])
    }

    fn check(&self) -> Result<(), String> {
        self.requester.check()?;
        check_address(&self.address)?;
        check_records(&self.records)?;
        self.conditions.check()?;
        check_validity(self.valid_from, self.valid_until)?;
        self.conditions.check_from(self.valid_from.date_naive())?;
        check_firm(&self.firm)?;
        if !is_plain_time(self.made) || !is_plain_time(self.approve_until) || self.approve_until < self.made {
            return Err(tr!("a time is not in whole seconds, or approvals end before it was made"));
        }
        if self.approvals_needed as usize > MAX_APPROVALS {
            return Err(tr!("approvals_needed: more than {max_approvals} people", max_approvals = MAX_APPROVALS));
        }
        if self.classes.is_empty() || !self.classes.is_sorted_by(|a, b| a < b) {
            return Err(tr!("classes: there are none, or they do not rise"));
        }
        Ok(())
    }
}

/// Whether a firm may sign under this name.
///
/// # Errors
/// In words.
pub fn check_firm(name: &str) -> Result<(), String> {
    check_line("firm", name)?;
    if is_key_name(name) { Ok(()) } else { Err(tr!("firm: it is not a key name")) }
}

/// Whether a grant may be valid from one time until another.
///
/// # Errors
/// In words.
pub fn check_validity(from: DateTime<Utc>, until: DateTime<Utc>) -> Result<(), String> {
    if !is_plain_time(from) || !is_plain_time(until) || from >= until {
        return Err(tr!("its validity ends before it begins, or is not in whole seconds"));
    }
    Ok(())
}
