//! Proofs of single records: what a `.tlog-proof` beside a restored record says to somebody with the firm's keys.
//!
//! Spec: `spec/archive.md`, "Proofs".

use super::ArchiveError;
use super::leaf::{self, RecordLeaf};
use crate::crypto::kdf::{ArchiveId, parse_archive_id};
use crate::crypto::sign::VerifierKey;
use crate::tlog::checkpoint::SignedCheckpoint;
use crate::tlog::proof::Proof;

/// A record that was proved to be under a seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvedRecord {
    /// The archive.
    pub archive: ArchiveId,
    /// The record's leaf.
    pub leaf: RecordLeaf,
    /// The seal.
    pub sealed: SignedCheckpoint,
}

/// Verifies the text of a proof file under `keys`, which come from elsewhere than the archive.
///
/// # Errors
/// [`ArchiveError::Damaged`] when it is not the proof of a record, or does not verify.
pub fn verify_record_proof(text: &str, keys: &[VerifierKey; 2]) -> Result<ProvedRecord, ArchiveError> {
    let proof = Proof::parse(text)?;
    let sealed = proof.verify(keys)?;
    let damaged = |what: &str| ArchiveError::damaged("proof", what);
    // The same keys may sign other logs; only this origin makes the leaf a record's.
    let id = sealed.checkpoint.origin.strip_prefix(&keys[0].name).and_then(|rest| rest.strip_prefix("/archive/"));
    let archive = id.and_then(parse_archive_id).ok_or_else(|| damaged("its origin is not that of an archive"))?;
    let leaf: RecordLeaf = leaf::parse(proof.index, &proof.leaf)?;
    if leaf.record != proof.index {
        return Err(damaged("its leaf is another record's"));
    }
    Ok(ProvedRecord { archive, leaf, sealed })
}
