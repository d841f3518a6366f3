//! The one spelling that files for people and programs have: pretty JSON, and nothing else that means the same.
//!
//! Invariant: whatever does not serialize back to the same bytes is refused, duplicate and unknown keys among it.
//! Spec: `spec/certificate.md`, "Spelling".

use chrono::{DateTime, Datelike, Timelike, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tr::tr;

/// Bytes that such a file may have, unless its format allows fewer.
pub const MAX_DOCUMENT: u64 = 64 << 20;

/// Characters that a text in one may have.
const MAX_TEXT: usize = 200;

/// A file that is not what it must be.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DocumentError {
    /// A format that this version does not read.
    #[error("{}", tr!("its format is {format}, which this version of keepuntil does not read", format = format!("{_0:?}")))]
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
    parse_within(bytes, format, MAX_DOCUMENT)
}

/// The same, of at most `limit` bytes.
///
/// # Errors
/// As [`parse`].
pub fn parse_within<D: Serialize + DeserializeOwned>(
    bytes: &[u8],
    format: &str,
    limit: u64,
) -> Result<D, DocumentError> {
    let document: D = parse_any(bytes, format, limit)?;
    if to_bytes(&document) != bytes {
        return Err(DocumentError::malformed(tr!("it is not in canonical form")));
    }
    Ok(document)
}

/// The same in any spelling of the JSON: for what people may have written by hand and is known by its own bytes.
///
/// # Errors
/// [`DocumentError`] for another format, for more than `limit` bytes, for keys that are unknown or stand twice.
pub fn parse_any<D: DeserializeOwned>(bytes: &[u8], format: &str, limit: u64) -> Result<D, DocumentError> {
    #[derive(Deserialize)]
    struct Claims {
        format: String,
    }
    if bytes.len() as u64 > limit {
        return Err(DocumentError::malformed(tr!("it is larger than {limit} bytes", limit = limit)));
    }
    if let Ok(Claims { format: claimed }) = serde_json::from_slice(bytes)
        && claimed != format
    {
        return Err(DocumentError::OtherFormat(claimed.chars().take(MAX_TEXT).collect()));
    }
    serde_json::from_slice(bytes).map_err(|e| DocumentError::malformed(crate::language::of_library(e)))
}

/// Whether a text may stand in a file: 1 to 200 characters, none of them a control character.
pub fn is_text(text: &str) -> bool {
    (1..=MAX_TEXT).contains(&text.chars().take(MAX_TEXT + 1).count()) && !text.chars().any(char::is_control)
}

/// Whether a time has whole seconds and a year of four digits, so that it has one spelling.
pub fn is_plain_time(time: DateTime<Utc>) -> bool {
    time.nanosecond() == 0 && (1..=9999).contains(&time.year())
}

/// Serde for bytes as standard base64 text.
pub mod base64_text {
    use base64::{Engine, prelude::BASE64_STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
    }

    /// Reads.
    ///
    /// # Errors
    /// Text that is not standard base64.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        BASE64_STANDARD.decode(text.as_bytes()).map_err(D::Error::custom)
    }
}
