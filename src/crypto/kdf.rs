//! The key schedule of an archive: which secret opens what.
//!
//! Invariant: a record's key needs an access half *and* an expiry half; the label has an expiry half of its own.
//! Spec: `spec/archive.md`, section "Key schedule".

use super::hash::{Hash, sha256};
use super::secret::Secret32;
use crate::language::text;
use age_core::primitives::hkdf;
use zeroize::Zeroizing;

/// The 16 bytes that name one archive.
pub type ArchiveId = [u8; 16];

/// An archive or keyring id from its 32 lower-case hex digits.
pub fn parse_archive_id(text: &str) -> Option<ArchiveId> {
    let mut id = [0; 16];
    hex::decode_to_slice(text, &mut id).ok()?;
    (hex::encode(id) == text).then_some(id)
}

/// The two secrets of one record that only keyrings hold; destroyed together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpiryHalves {
    /// `E_n`, the expiry half of the record.
    pub record: Secret32,
    /// `D_n`, the expiry half of its label and of later notes about it.
    pub label: Secret32,
}

impl ExpiryHalves {
    /// Fresh halves.
    pub fn random() -> Self {
        Self { record: Secret32::random(), label: Secret32::random() }
    }

    /// What the leaf says about them without giving them away.
    pub fn commitments(&self, archive: &ArchiveId, record: u64) -> Commitments {
        Commitments {
            record: commit("record", archive, record, &self.record),
            label: commit("label", archive, record, &self.label),
        }
    }
}

/// Hashes of a record's expiry halves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commitments {
    /// Of `E_n`.
    pub record: Hash,
    /// Of `D_n`.
    pub label: Hash,
}

fn commit(what: &str, archive: &ArchiveId, record: u64, half: &Secret32) -> Hash {
    let domain = format!("keepuntil/v1 commitment {what}\n");
    sha256(&[domain.as_bytes(), archive, &record.to_be_bytes(), half.expose()])
}

fn derive(archive: &ArchiveId, what: &str, record: u64, key_material: &[u8]) -> Secret32 {
    let mut info = format!("keepuntil/v1 {what}").into_bytes();
    info.extend_from_slice(&record.to_be_bytes());
    Secret32::from_bytes(hkdf(archive, &info, key_material))
}

fn join(access: &Secret32, expiry: &Secret32) -> Zeroizing<[u8; 64]> {
    let mut both = Zeroizing::new([0; 64]);
    both[..32].copy_from_slice(access.expose());
    both[32..].copy_from_slice(expiry.expose());
    both
}

/// `A_n`: the access half of record `record`, from its compartment's secret `S_c`.
pub fn access_half(archive: &ArchiveId, compartment_secret: &Secret32, record: u64) -> Secret32 {
    derive(archive, "access", record, compartment_secret.expose())
}

/// `R_n`: the X25519 secret of the record's age file.
pub fn record_key(archive: &ArchiveId, access: &Secret32, expiry: &Secret32, record: u64) -> Secret32 {
    derive(archive, "record", record, join(access, expiry).as_ref())
}

/// `L_n`: the key of the record's label.
pub fn label_key(archive: &ArchiveId, access: &Secret32, expiry: &Secret32, record: u64) -> Secret32 {
    derive(archive, "label", record, join(access, expiry).as_ref())
}

/// `T_n`: the key of later free text about the record.
pub fn note_key(archive: &ArchiveId, expiry: &Secret32, record: u64) -> Secret32 {
    derive(archive, "note", record, expiry.expose())
}

/// Encrypts the one text that `key` is ever used for (ChaCha20-Poly1305, zero nonce).
pub fn seal_once(key: &Secret32, plaintext: &[u8]) -> Vec<u8> {
    age_core::primitives::aead_encrypt(key.expose(), plaintext)
}

/// Decrypts what [`seal_once`] made.
///
/// # Errors
/// [`super::CryptoError::Damaged`] when the key is another or the bytes changed.
pub fn open_once(key: &Secret32, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, super::CryptoError> {
    let size = ciphertext.len().checked_sub(16).ok_or(super::CryptoError::Damaged(text!("shorter than its tag")))?;
    age_core::primitives::aead_decrypt(key.expose(), size, ciphertext)
        .map(Zeroizing::new)
        .map_err(|_| super::CryptoError::Damaged(text!("does not authenticate")))
}
