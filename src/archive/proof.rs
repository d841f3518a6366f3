//! Proofs of single records: what a `.tlog-proof` beside a restored record says to somebody with the firm's keys.
//!
//! Spec: `spec/archive.md`, "Proofs".

use super::ArchiveError;
use super::leaf::{self, RecordLeaf};
use crate::crypto::kdf::{ArchiveId, parse_archive_id};
use crate::crypto::sign::VerifierKey;
use crate::language::{said, text};
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::proof::Proof;
use tr::tr;

/// A record that was proved to be under a seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvedRecord {
    /// The archive.
    pub archive: ArchiveId,
    /// Key name of the seal.
    pub firm: String,
    /// The record's leaf.
    pub leaf: RecordLeaf,
    /// The seal.
    pub checkpoint: Checkpoint,
    /// The signer's time in it, seconds since 1970; none where nobody's signature was checked.
    pub signed: Option<u64>,
}

/// Verifies the text of a proof file under `keys`, which come from elsewhere than the archive.
///
/// # Errors
/// [`ArchiveError::Damaged`] when it is not the proof of a record, or does not verify.
pub fn verify_record_proof(text: &str, keys: &[VerifierKey; 2]) -> Result<ProvedRecord, ArchiveError> {
    let proof = Proof::parse(text)?;
    let sealed = proof.verify(keys)?;
    let proved = record_of(&proof, sealed.checkpoint, Some(sealed.time))?;
    // The same keys may sign other logs; only this origin makes the leaf a record's.
    if proved.firm != keys[0].name {
        return Err(ArchiveError::damaged(tr!("proof"), tr!("its origin is not that of an archive")));
    }
    Ok(proved)
}

/// Everything that [`verify_record_proof`] checks but the signatures: whoever forged it made it whole.
///
/// # Errors
/// [`ArchiveError::Damaged`].
pub fn consistent_record_proof(text: &str) -> Result<ProvedRecord, ArchiveError> {
    let proof = Proof::parse(text)?;
    let head = proof.consistent()?;
    record_of(&proof, head, None)
}

fn record_of(proof: &Proof, checkpoint: Checkpoint, signed: Option<u64>) -> Result<ProvedRecord, ArchiveError> {
    let damaged = |what: &str| ArchiveError::damaged(tr!("proof"), said(what));
    let origin = checkpoint.origin.split_once("/archive/");
    let named = origin.and_then(|(firm, id)| Some((firm.to_owned(), parse_archive_id(id)?)));
    let (firm, archive) = named.ok_or_else(|| damaged(text!("its origin is not that of an archive")))?;
    let leaf: RecordLeaf = leaf::parse(proof.index, &proof.leaf)?;
    if leaf.record != proof.index {
        return Err(damaged(text!("its leaf is another record's")));
    }
    Ok(ProvedRecord { archive, firm, leaf, checkpoint, signed })
}
