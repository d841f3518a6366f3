//! An outside time for a journal: the cosignature of a pinned witness.
//!
//! Invariant: counts only over this journal's own signed checkpoint, by a key that is not its own, with a time. Spec:
//! `spec/journal.md`, "Cosignatures".

use super::{JournalError, checkpoint};
use crate::crypto::sign::{Scheme, VerifierKey};
use crate::language::text;
use crate::tlog::TlogError;
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::cosignature;
use chrono::{DateTime, Utc};
use tr::tr;

/// What a witness stated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosigned {
    /// The head that it saw. Whether it is one of this log is for the caller to compare.
    pub checkpoint: Checkpoint,
    /// The witness's own time.
    pub time: DateTime<Utc>,
}

/// Whether a key can be pinned as a witness: of a cosignature type, and not one of the journal's own.
///
/// # Errors
/// [`JournalError::Foreign`] says why not.
pub fn may_witness(witness: &VerifierKey, journal: &[VerifierKey; 2]) -> Result<(), JournalError> {
    let name = &witness.name;
    if journal.iter().any(|key| key.public == witness.public || key.name == *name) {
        return Err(JournalError::Foreign(tr!(
            "witness {name}: the journal's own key proves no outside time",
            name = name
        )));
    }
    if witness.scheme == Scheme::Ed25519 {
        return Err(JournalError::Foreign(tr!("witness {name}: its key is not for cosignatures", name = name)));
    }
    Ok(())
}

/// Verifies a cosigned checkpoint: both signatures of the journal, then the witness's line.
///
/// # Errors
/// [`JournalError::Foreign`] for a key that cannot witness and another journal; [`JournalError::Tlog`] for what does
/// not verify, [`TlogError::Cosignature`] also for a time of zero, which states none.
pub fn verify(note: &[u8], witness: &VerifierKey, journal: &[VerifierKey; 2]) -> Result<Cosigned, JournalError> {
    may_witness(witness, journal)?;
    checkpoint::verify(note, journal)?;
    let (checkpoint, seconds) = cosignature::verify(note, witness)?;
    let time = i64::try_from(seconds).ok().filter(|seconds| *seconds != 0).and_then(|s| DateTime::from_timestamp(s, 0));
    let time = time.ok_or(TlogError::Cosignature(text!("it states no time")))?;
    Ok(Cosigned { checkpoint, time })
}
