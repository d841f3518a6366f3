//! A request: who asks for which records, what for, on what ground, and the one-time address that the answer goes to.
//!
//! Invariant: its hash is over the bytes as they were signed; a person without this program can write one, so any spelling of
//! its JSON is read, but no key twice and none that is unknown. Spec: `spec/disclosure.md`, "Request".

use super::conditions::check_text;
use super::entry::check_principal;
use super::purpose::Purpose;
use crate::crypto::hash::{Hash, sha256};
use crate::crypto::hybrid;
use crate::crypto::kdf::ArchiveId;
use crate::retention::is_plain_date;
use crate::retention::ranges::Ranges;
use crate::storage::document::{self, DocumentError, is_plain_time};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tr::tr;

/// The format that this version writes and reads.
pub const FORMAT: &str = "keepuntil-request/v1";
/// Bytes of a request, a proposal, a refusal or a receipt, at most.
pub const MAX_MESSAGE: u64 = 256 << 10;
/// Records that one request may name.
pub const MAX_RECORDS: u64 = 100_000;
/// Bytes of text that a list of records may have: as much as the journal takes.
pub const MAX_RANGES: usize = 24 << 10;
/// References, or papers of identity, in a request.
const MAX_LISTED: usize = 20;

/// The content of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// [`FORMAT`].
    pub format: String,
    /// The archive.
    #[serde(with = "hex::serde")]
    pub archive: ArchiveId,
    /// The records, where their numbers are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<Ranges>,
    /// What they are, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What they are for.
    pub purpose: Purpose,
    /// The purpose in the requester's words.
    pub explanation: String,
    /// The law, contract or order that the request rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_basis: Option<String>,
    /// Numbers and papers that it refers to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<Reference>,
    /// Papers by which the requester showed who they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identity: Vec<IdentityPaper>,
    /// The last day on which the answer is of use.
    pub wanted_until: NaiveDate,
    /// When it was written.
    pub made: DateTime<Utc>,
    /// Who asks: the name on the roster of the key that signs.
    pub requester: String,
    /// The one-time recipient `age1pq1…` that the answer goes to.
    pub address: String,
}

/// Something that a request refers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// What kind of paper.
    pub kind: ReferenceKind,
    /// Its number or title.
    pub text: String,
}

/// Kinds of papers that a request may refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReferenceKind {
    /// A court's or an authority's number.
    CaseNumber,
    /// An audit or legal engagement.
    EngagementLetter,
    /// A promise of secrecy.
    ConfidentialityAgreement,
    /// A power of attorney.
    Mandate,
    /// Anything else.
    Other,
}

/// A paper of identity, known by its hash only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityPaper {
    /// What it is, in words.
    pub paper: String,
    /// SHA-256 of the file that was shown.
    #[serde(with = "hex::serde")]
    pub sha256: Hash,
}

impl Request {
    /// The bytes of the file, as this program writes them.
    pub fn to_bytes(&self) -> Vec<u8> {
        document::to_bytes(self)
    }

    /// Reads a request in any spelling; proves nothing about who wrote it.
    ///
    /// # Errors
    /// [`DocumentError`] says what is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        let request: Self = document::parse_any(bytes, FORMAT, MAX_MESSAGE)?;
        request.check().and_then(|()| request.check_spelling(bytes)).map_err(DocumentError::Malformed)?;
        Ok(request)
    }

    /// By what proposals, grants and the journal name it: the hash of its file's bytes.
    pub fn identity_of(bytes: &[u8]) -> Hash {
        sha256(&[bytes])
    }

    /// Whether each value has its one spelling, however the JSON around them is written: nobody may read a date or a number
    /// in it in another way than this program does.
    fn check_spelling(&self, bytes: &[u8]) -> Result<(), String> {
        let object = |bytes| {
            serde_json::from_slice::<serde_json::Map<String, Value>>(bytes).map_err(crate::language::of_library)
        };
        let (read, plain) = (object(bytes)?, object(&self.to_bytes())?);
        let other = read.iter().find(|(key, value)| plain.get(key.as_str()) != Some(value));
        match other.map(|(key, _)| (key, plain.get(key.as_str()))) {
            Some((key, Some(plain))) => Err(tr!("{key}: its one spelling is {plain}", key = key, plain = plain)),
            Some((key, None)) => Err(tr!("{key}: where there is nothing to say it is left out", key = key)),
            None => Ok(()),
        }
    }

    /// What is wrong with it.
    ///
    /// # Errors
    /// In words.
    pub fn check(&self) -> Result<(), String> {
        check_records_or(self.records.as_ref(), self.description.as_deref())?;
        check_text("explanation", &self.explanation)?;
        self.legal_basis.as_deref().map_or(Ok(()), |text| check_text("legal_basis", text))?;
        if self.references.len() > MAX_LISTED || self.identity.len() > MAX_LISTED {
            return Err(tr!("more than {max_listed} references or papers of identity", max_listed = MAX_LISTED));
        }
        self.references.iter().try_for_each(|reference| check_text("references: text", &reference.text))?;
        self.identity.iter().try_for_each(|paper| check_text("identity: paper", &paper.paper))?;
        if !is_plain_date(self.wanted_until) {
            return Err(tr!("wanted_until: it has no year of four digits"));
        }
        if !is_plain_time(self.made) {
            return Err(tr!("made: it is not in whole seconds"));
        }
        check_principal(&self.requester).map_err(|what| tr!("requester: {what}", what = what))?;
        check_address(&self.address)
    }
}

fn check_records_or(records: Option<&Ranges>, description: Option<&str>) -> Result<(), String> {
    match (records, description) {
        (None, None) => return Err(tr!("it names no records: neither `records` nor a `description`")),
        (Some(records), _) => check_records(records)?,
        _ => {}
    }
    description.map_or(Ok(()), |text| check_text("description", text))
}

/// Whether a set of records may stand in a message.
///
/// # Errors
/// In words.
pub fn check_records(records: &Ranges) -> Result<(), String> {
    if records.is_empty() || records.contains(0) || records.last().is_some_and(|last| last > i64::MAX as u64) {
        return Err(tr!("records: there are none, or there is no such number"));
    }
    if records.count() > MAX_RECORDS {
        return Err(tr!("records: more than {max_records}", max_records = MAX_RECORDS));
    }
    if records.to_string().len() > MAX_RANGES {
        return Err(tr!(
            "records: too scattered, their list is longer than {max_ranges} bytes",
            max_ranges = MAX_RANGES
        ));
    }
    Ok(())
}

/// Whether an answer may be encrypted to `address`: one post-quantum recipient of age, in its one spelling.
///
/// # Errors
/// In words.
pub fn check_address(address: &str) -> Result<(), String> {
    match address.parse::<hybrid::Recipient>() {
        Ok(recipient) if recipient.to_string() == address => Ok(()),
        _ => Err(tr!("address: it is not a recipient age1pq1… such as `keepuntil request new` makes")),
    }
}
