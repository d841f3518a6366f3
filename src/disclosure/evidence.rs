//! What stands in a restored bag so that it can be checked years later without archive, keyring or requester.
//!
//! Invariant: the label's key opens the sealed leaf's label and nothing else, and every value here is compared with something
//! that was signed. Spec: `spec/evidence.md`, "Evidence".

use super::grant::Grant;
use crate::crypto::kdf::ArchiveId;
use crate::crypto::secret::Secret32;
use crate::storage::document::{self, DocumentError};
use serde::{Deserialize, Serialize};
use tr::tr;

/// The format that this version writes and reads.
pub const FORMAT: &str = "keepuntil-evidence/v1";
/// Name of the file in a bag.
pub const FILE: &str = "evidence.json";
/// Bytes of such a file, at most.
pub const MAX_EVIDENCE: u64 = 4096;

/// The content of `evidence.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BagEvidence {
    /// [`FORMAT`].
    pub format: String,
    /// The archive.
    #[serde(with = "hex::serde")]
    pub archive: ArchiveId,
    /// The record's number.
    pub record: u64,
    /// `L_n`, which opens the label in the record's leaf.
    #[serde(with = "hex::serde")]
    label_key: [u8; 32],
    /// The grant that it was opened with.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_id")]
    pub grant: Option<[u8; 16]>,
    /// The grant's watermark.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_id")]
    pub watermark: Option<[u8; 16]>,
}

impl BagEvidence {
    /// For record `record` of `archive`, opened with `grant` where it was.
    pub fn new(archive: ArchiveId, record: u64, label_key: &Secret32, grant: Option<&Grant>) -> Self {
        Self {
            format: FORMAT.into(),
            archive,
            record,
            label_key: *label_key.expose(),
            grant: grant.map(|grant| grant.grant),
            watermark: grant.map(|grant| grant.watermark),
        }
    }

    /// The key of the record's label.
    pub fn label_key(&self) -> Secret32 {
        Secret32::from_bytes(self.label_key)
    }

    /// The bytes of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        document::to_bytes(self)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`DocumentError`] for anything but the one spelling.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        let evidence: Self = document::parse_within(bytes, FORMAT, MAX_EVIDENCE)?;
        if evidence.grant.is_some() != evidence.watermark.is_some() || evidence.record == 0 {
            return Err(DocumentError::malformed(tr!("it has a grant without its watermark, or no record")));
        }
        Ok(evidence)
    }
}

/// Serde for an id that may be absent, as hex.
mod optional_id {
    use serde::{Deserializer, Serializer};

    pub fn serialize<S: Serializer>(id: &Option<[u8; 16]>, serializer: S) -> Result<S::Ok, S::Error> {
        match id {
            Some(id) => hex::serde::serialize(id, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<[u8; 16]>, D::Error> {
        hex::serde::deserialize(deserializer).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_has_one_spelling() {
        let plain = BagEvidence::new([0xab; 16], 17, &Secret32::from_bytes([7; 32]), None);
        let granted = BagEvidence { grant: Some([1; 16]), watermark: Some([2; 16]), ..plain.clone() };
        for evidence in [&plain, &granted] {
            assert_eq!(BagEvidence::parse(&evidence.to_bytes()).as_ref(), Ok(evidence));
        }
        let text = String::from_utf8(granted.to_bytes()).unwrap();
        assert!(text.ends_with(&format!("\"watermark\": \"{}\"\n}}\n", "02".repeat(16))), "{text}");
        for bad in [
            text.replacen("17", "017", 1),
            text.replacen("17", "0", 1),
            text.replacen("ab", "AB", 1),
            text.replacen("\"grant\"", "\"Grant\"", 1),
            text.replacen(",\n  \"watermark\": \"02020202020202020202020202020202\"", "", 1),
            text.replacen("evidence/v1", "evidence/v2", 1),
            format!("{text}\n"),
        ] {
            assert!(BagEvidence::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
