//! A receipt: the requester's signed word about what was opened, given back or destroyed.
//!
//! Invariant: it names the grant by id and hash, and what was opened by the hash that the sealed label has of it. Spec:
//! `spec/disclosure.md`, "Receipt".

use super::conditions::check_line;
use super::entry::check_principal;
use super::request::{MAX_MESSAGE, MAX_RECORDS};
use crate::crypto::hash::Hash;
use crate::crypto::kdf::ArchiveId;
use crate::retention::ranges::Ranges;
use crate::storage::document::{self, DocumentError, is_plain_time};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tr::tr;

/// The format that this version writes and reads.
pub const FORMAT: &str = "keepuntil-receipt/v1";
/// Bytes of a receipt, at most: an opened record takes about 120.
pub const MAX_RECEIPT: u64 = MAX_MESSAGE + MAX_RECORDS * 160;

/// The content of a receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// [`FORMAT`].
    pub format: String,
    /// The grant.
    #[serde(with = "hex::serde")]
    pub grant: [u8; 16],
    /// The grant's [`document`](super::grant::Grant::document): the same however often the grant is written, with whichever proof.
    #[serde(with = "hex::serde")]
    pub grant_sha256: Hash,
    /// The archive.
    #[serde(with = "hex::serde")]
    pub archive: ArchiveId,
    /// What was done.
    pub what: Handled,
    /// With which records.
    pub records: Ranges,
    /// What each was when it was opened; only where it was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub opened: Vec<OpenedRecord>,
    /// When.
    pub made: DateTime<Utc>,
    /// By whom: the requester's name in the grant.
    pub requester: String,
    /// With which program.
    pub tool: String,
    /// 16 random bytes, so that nobody can guess what was opened by the hash in the journal.
    #[serde(with = "hex::serde")]
    pub salt: [u8; 16],
}

/// What a requester did with what they were given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Handled {
    /// The records were opened.
    Opened,
    /// They were given back, and no copy was kept.
    Returned,
    /// What was handed over was destroyed.
    Destroyed,
}

impl Handled {
    /// The code that stands in files.
    pub fn code(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Returned => "returned",
            Self::Destroyed => "destroyed",
        }
    }
}

/// A record as it was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenedRecord {
    /// Its number.
    pub record: u64,
    /// SHA-256 of its bag's `tagmanifest-sha256.txt`, which covers every file of it.
    #[serde(with = "hex::serde")]
    pub bag: Hash,
}

impl Receipt {
    /// The bytes of the file; the requester signs them with [`super::namespace::RECEIPT`].
    pub fn to_bytes(&self) -> Vec<u8> {
        document::to_bytes(self)
    }

    /// Reads a receipt; proves nothing about who wrote it.
    ///
    /// # Errors
    /// [`DocumentError`] for anything but the one spelling of a possible receipt.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        let receipt: Self = document::parse_within(bytes, FORMAT, MAX_RECEIPT)?;
        receipt.check().map_err(DocumentError::Malformed)?;
        Ok(receipt)
    }

    fn check(&self) -> Result<(), String> {
        super::request::check_records(&self.records)?;
        let opened: Ranges = self.opened.iter().map(|opened| opened.record).collect();
        let rising = self.opened.is_sorted_by(|a, b| a.record < b.record);
        let whole = match self.what {
            Handled::Opened => rising && opened == self.records,
            Handled::Returned | Handled::Destroyed => self.opened.is_empty(),
        };
        if !whole {
            return Err(tr!("opened: it is not the list of its records"));
        }
        if !is_plain_time(self.made) {
            return Err(tr!("made: it is not in whole seconds"));
        }
        check_principal(&self.requester)?;
        check_line("tool", &self.tool)
    }
}
