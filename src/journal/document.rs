//! The one spelling that plans and certificates have: pretty JSON, and nothing else that means the same.
//!
//! Invariant: whatever does not serialize back to the same bytes is refused, duplicate and unknown keys among it.
//! Spec: `spec/certificate.md`, "Spelling".

use crate::retention::is_plain_date;
use chrono::{DateTime, NaiveDate, Timelike, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Bytes that a plan or a certificate may have.
pub const MAX_DOCUMENT: u64 = 64 << 20;

/// Characters that a text in one may have.
const MAX_TEXT: usize = 200;

/// A file that is not what it must be.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DocumentError {
    /// A format that this version does not read.
    #[error("its format is {0:?}, which this version of keepuntil does not read")]
    OtherFormat(String),
    /// Not JSON of this format, or not in its one spelling.
    #[error("{0}")]
    Malformed(String),
}

impl DocumentError {
    /// What is wrong, in words.
    pub fn malformed(what: impl Into<String>) -> Self {
        Self::Malformed(what.into())
    }
}

/// The bytes of a file: pretty JSON and a line feed.
pub fn to_bytes(document: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(document).expect("a document is always JSON");
    bytes.push(b'\n');
    bytes
}

/// Parses a file whose first key says that it is of `format`.
///
/// # Errors
/// [`DocumentError`] for another format, for more than [`MAX_DOCUMENT`] bytes, for anything but the one spelling.
pub fn parse<D: Serialize + DeserializeOwned>(bytes: &[u8], format: &str) -> Result<D, DocumentError> {
    #[derive(Deserialize)]
    struct Claims {
        format: String,
    }
    if bytes.len() as u64 > MAX_DOCUMENT {
        return Err(DocumentError::malformed(format!("it is larger than {MAX_DOCUMENT} bytes")));
    }
    if let Ok(Claims { format: claimed }) = serde_json::from_slice(bytes)
        && claimed != format
    {
        return Err(DocumentError::OtherFormat(claimed.chars().take(MAX_TEXT).collect()));
    }
    let document: D = serde_json::from_slice(bytes).map_err(|e| DocumentError::malformed(e.to_string()))?;
    if to_bytes(&document) != bytes {
        return Err(DocumentError::malformed("it is not in canonical form"));
    }
    Ok(document)
}

/// Whether a text may stand in a file: 1 to 200 characters, none of them a control character.
pub fn is_text(text: &str) -> bool {
    (1..=MAX_TEXT).contains(&text.chars().take(MAX_TEXT + 1).count()) && !text.chars().any(char::is_control)
}

/// Whether a time has whole seconds and a year of four digits, so that it has one spelling.
pub fn is_plain_time(time: DateTime<Utc>) -> bool {
    time.nanosecond() == 0 && is_plain_date(time.date_naive())
}

/// Whether `date` is the date of `time` in some zone.
pub fn is_date_of(date: NaiveDate, time: DateTime<Utc>) -> bool {
    is_plain_date(date) && (date - time.date_naive()).num_days().abs() <= 1
}
