//! What the journal says of a grant or a refusal: the entry that the file carries, and the checkpoint over it.
//!
//! Invariant: what [`verify_grant`] passes is, field by field, what the journal of the firm says of this grant; whoever made
//! another one would have to sign as the firm. Spec: `spec/disclosure.md`, "The journal's word".

use super::OpsError;
use crate::crypto::sign::VerifierKey;
use crate::disclosure::grant::Grant;
use crate::disclosure::refusal::Refusal;
use crate::journal::entry::{Entry, Leaf};
use crate::tlog::TlogError;
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::proof::Evidence;
use chrono::{DateTime, Utc};
use tr::tr;

/// What the journal was found to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attested {
    /// The journal's checkpoint.
    pub checkpoint: Checkpoint,
    /// The signer's time in it, seconds since 1970; none where nobody's signature was checked.
    pub signed: Option<u64>,
    /// Index of the entry.
    pub entry: u64,
}

/// A grant or a refusal that the journal does not speak for.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{}", tr!("{what}: {why}", what = what, why = why))]
pub struct Unattested {
    /// Which, such as `grant 0102…`.
    pub what: String,
    /// What does not fit.
    pub why: String,
}

/// Verifies a grant under the journal's keys (Ed25519, ML-DSA-44), which come from elsewhere than the grant.
///
/// # Errors
/// [`OpsError::Unattested`] says what does not fit.
pub fn verify_grant(grant: &Grant, keys: &[VerifierKey; 2]) -> Result<Attested, OpsError> {
    of_grant(grant, Some(keys))
}

/// Everything that [`verify_grant`] checks but the signatures: whoever forged it made it whole.
///
/// # Errors
/// [`OpsError::Unattested`] says what does not fit.
pub fn consistent_grant(grant: &Grant) -> Result<Attested, OpsError> {
    of_grant(grant, None)
}

/// Verifies a refusal, as [`verify_grant`] does a grant.
///
/// # Errors
/// [`OpsError::Unattested`] says what does not fit.
pub fn verify_refusal(refusal: &Refusal, keys: &[VerifierKey; 2]) -> Result<Attested, OpsError> {
    of_refusal(refusal, Some(keys))
}

/// Everything that [`verify_refusal`] checks but the signatures.
///
/// # Errors
/// [`OpsError::Unattested`] says what does not fit.
pub fn consistent_refusal(refusal: &Refusal) -> Result<Attested, OpsError> {
    of_refusal(refusal, None)
}

/// The journal's entry of a grant.
pub fn entry_of_grant(grant: &Grant) -> Entry {
    Entry::Grant {
        grant: grant.grant,
        request: grant.request,
        archive: grant.archive,
        records: grant.records.clone(),
        requester: grant.requester.key.clone(),
        until: grant.valid_until.date_naive(),
        document: grant.document(),
        approvals: grant.approvals.iter().map(|approval| approval.key.clone()).collect(),
    }
}

/// The journal's entry of a refusal.
pub fn entry_of_refusal(refusal: &Refusal) -> Entry {
    Entry::Refusal {
        refusal: refusal.refusal,
        request: refusal.request,
        reason: refusal.reason.code().into(),
        document: refusal.document(),
    }
}

fn of_grant(grant: &Grant, keys: Option<&[VerifierKey; 2]>) -> Result<Attested, OpsError> {
    let what = tr!("grant {}", hex::encode(grant.grant));
    let said = grant.check().and_then(|()| {
        let (entry, origin) = (entry_of_grant(grant), grant.origin());
        attested(grant.journal.as_ref(), &Claim { firm: &grant.firm, origin, time: grant.granted, entry }, keys)
    });
    Ok(said.map_err(|why| Unattested { what, why })?)
}

fn of_refusal(refusal: &Refusal, keys: Option<&[VerifierKey; 2]>) -> Result<Attested, OpsError> {
    let what = tr!("refusal {}", hex::encode(refusal.refusal));
    let said = refusal.check().and_then(|()| {
        let (entry, origin) = (entry_of_refusal(refusal), refusal.origin());
        attested(refusal.journal.as_ref(), &Claim { firm: &refusal.firm, origin, time: refusal.refused, entry }, keys)
    });
    Ok(said.map_err(|why| Unattested { what, why })?)
}

/// What a file says that the journal says.
struct Claim<'a> {
    firm: &'a str,
    origin: String,
    time: DateTime<Utc>,
    entry: Entry,
}

fn attested(
    evidence: Option<&Evidence>,
    claim: &Claim<'_>,
    keys: Option<&[VerifierKey; 2]>,
) -> Result<Attested, String> {
    let evidence = evidence.ok_or_else(|| tr!("it lacks the journal's entry"))?;
    let words = |e: TlogError| e.to_string();
    let proof = evidence
        .proof()
        .map_err(words)?
        .ok_or_else(|| tr!("its journal entry is not the one that the proof is for"))?;
    let (checkpoint, signed) = match keys {
        Some(keys) => {
            let signed = proof.verify(keys).map_err(words)?;
            if keys[0].name != claim.firm {
                return Err(tr!(
                    "it says that it is of {}, the keys are of {}",
                    format!("{:?}", claim.firm),
                    format!("{:?}", keys[0].name)
                ));
            }
            (signed.checkpoint, Some(signed.time))
        }
        None => (proof.consistent().map_err(words)?, None),
    };
    if checkpoint.origin != claim.origin {
        return Err(tr!("the log {} is not the journal of its keyring", format!("{:?}", checkpoint.origin)));
    }
    let leaf = Leaf::parse(proof.index, &proof.leaf).map_err(|e| e.to_string())?;
    if leaf.time != claim.time {
        return Err(tr!("its journal entry was made at another time"));
    }
    // One comparison for all fields: none can be forgotten when the entry gets another.
    if leaf.entry != claim.entry {
        return Err(match leaf.entry.kind() == claim.entry.kind() {
            true => tr!("its journal entry does not say what it says"),
            false => tr!("its journal entry is of another kind: {}", leaf.entry.kind()),
        });
    }
    Ok(Attested { checkpoint, signed, entry: proof.index })
}
