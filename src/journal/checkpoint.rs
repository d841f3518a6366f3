//! The journal's signed head: a checkpoint under the two keys that also seal archives.
//!
//! Invariant: accepted only for an origin `<key name>/journal/<keyring id>`, so that no seal passes for it. Spec:
//! `spec/journal.md`, "Checkpoints".

use super::JournalError;
use crate::crypto::hash::Hash;
use crate::crypto::kdf::parse_archive_id;
use crate::crypto::sign::{SigningKey, VerifierKey};
use crate::tlog::checkpoint::{Checkpoint, SignedCheckpoint, claimed as claimed_head, verify_cosigned};
use tr::tr;

/// The origin of a keyring's journal.
pub fn origin(firm: &str, keyring: &str) -> String {
    format!("{firm}/journal/{keyring}")
}

/// Signs a head. `time` is in seconds since 1970, as the keyring's clock says.
pub fn sign(origin: &str, size: u64, root: Hash, key: &SigningKey, time: u64) -> String {
    Checkpoint { origin: origin.into(), size, root }.sign(key, time)
}

/// Verifies a checkpoint of a journal; cosignatures of witnesses may follow the two signatures.
///
/// # Errors
/// [`JournalError::Tlog`] for a malformed note or false signatures; [`JournalError::Foreign`] for another origin or key.
pub fn verify(note: &[u8], keys: &[VerifierKey; 2]) -> Result<SignedCheckpoint, JournalError> {
    let head = claimed(note)?;
    let firm = head.origin.rsplit_once("/journal/").map(|(firm, _)| firm);
    if firm != Some(&keys[0].name) {
        return Err(JournalError::Foreign(tr!(
            "checkpoint: it is of {}, not of a journal of {}",
            format!("{:?}", head.origin),
            keys[0].name
        )));
    }
    Ok(verify_cosigned(note, keys)?)
}

/// What a checkpoint says, unverified.
///
/// # Errors
/// [`JournalError::Tlog`] for a malformed note; [`JournalError::Foreign`] where it is not a journal's;
/// [`JournalError::Damaged`] for one over no entries.
pub fn claimed(note: &[u8]) -> Result<Checkpoint, JournalError> {
    let head = claimed_head(note)?;
    let id = head.origin.rsplit_once("/journal/").and_then(|(_, id)| parse_archive_id(id));
    if id.is_none() {
        return Err(JournalError::Foreign(tr!(
            "checkpoint: {} is not the origin of a journal",
            format!("{:?}", head.origin)
        )));
    }
    if head.size == 0 {
        return Err(JournalError::Damaged(tr!("its checkpoint is over no entries")));
    }
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::secret::Secret32;

    #[test]
    fn no_seal_and_no_other_firm_passes_for_a_journal() {
        let key = SigningKey::from_seeds("firm.example", &Secret32::random(), &Secret32::random());
        let id = "00".repeat(16);
        let keys = key.verifier_keys();
        verify(sign(&origin("firm.example", &id), 3, [7; 32], &key, 9).as_bytes(), &keys).unwrap();
        for (bad, size) in [
            (format!("firm.example/archive/{id}"), 3),
            (origin("other.example", &id), 3),
            (origin("firm.example", "00"), 3),
            (origin("firm.example", &id), 0),
        ] {
            assert!(verify(sign(&bad, size, [7; 32], &key, 9).as_bytes(), &keys).is_err(), "{bad} {size}");
        }
    }
}
