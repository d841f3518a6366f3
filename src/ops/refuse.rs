//! `refuse`: says no to a request, with a reason, so that the journal speaks for the letter.
//!
//! Invariant: the ledger, the journal's entries of request and refusal are one transaction before any file; the same refusal asked
//! for again is the same file again. Spec: `spec/disclosure.md`, "Refusing".

use super::OpsError;
use super::attestation::entry_of_refusal;
use super::custody::Custody;
use super::journal::evidence;
use super::ledger;
use super::request::{Received, identify};
use crate::crypto::secret::random_id;
use crate::disclosure::ledger::{Ledger, NotedRefusal, RefusalLetter, RequestState};
use crate::disclosure::proposal::Signatory;
use crate::disclosure::refusal::{FORMAT, Refusal, RefusalReason};
use crate::retention::whole_second;
use crate::storage::StorageError;
use crate::storage::output::OutputFile;
use std::io::Write;
use std::path::Path;

/// A refusal that was written.
#[derive(Debug)]
pub struct Refused {
    /// The letter.
    pub refusal: Refusal,
    /// Why nobody is named as the requester; none where the signature held.
    pub unsigned: Option<OpsError>,
    /// Whether it had been made before, and was written again.
    pub again: bool,
}

/// Refuses a request for `reason`; `signature` is the request's, where it has one.
///
/// # Errors
/// [`crate::disclosure::ledger::LedgerError::Answered`] for a request that was answered otherwise; those of the keyring and of the
/// disk.
pub fn refuse(
    custody: &mut Custody,
    received: &Received,
    signature: Result<Vec<u8>, OpsError>,
    (reason, explanation): (RefusalReason, &str),
    (output, force): (&Path, bool),
) -> Result<Refused, OpsError> {
    let identified = signature.and_then(|signature| identify(custody, received, &signature));
    let (requester, unsigned) = match identified {
        Ok(requester) => (Some(requester), None),
        Err(e) => (None, Some(e)),
    };
    let mut known = ledger::read(custody.keyring())?;
    let mut file = OutputFile::begin(output, 0o644, force)?;
    let before = again(custody, &known, received, reason, explanation);
    let (refusal, index, again) = match before {
        Some((refusal, index)) => (refusal, index, true),
        None => {
            let (refusal, index) = record(custody, &mut known, received, requester, (reason, explanation))?;
            (refusal, index, false)
        }
    };
    let refusal = Refusal { journal: Some(evidence(custody, index)?), ..refusal };
    file.write_all(&refusal.to_bytes()).map_err(StorageError::at(output))?;
    file.finish()?;
    Ok(Refused { refusal, unsigned, again })
}

/// Ledger and journal, in one transaction; the refusal without evidence, and the index of its entry.
fn record(
    custody: &mut Custody,
    known: &mut Ledger,
    received: &Received,
    requester: Option<Signatory>,
    (reason, explanation): (RefusalReason, &str),
) -> Result<(Refusal, u64), OpsError> {
    let asked = ledger::take(custody, known, received, requester.as_ref(), None)?;
    let refusal = Refusal {
        format: FORMAT.into(),
        refusal: random_id(),
        keyring: custody.keyring_id(),
        firm: custody.keyring().config().firm.clone(),
        refused: whole_second(custody.now().reading.wall),
        request: received.hash,
        // As the ledger knows them: a signature that held once is not lost because the key has expired since.
        requester: known.request(&received.hash).and_then(|noted| noted.requester.clone()),
        archive: received.request.archive,
        reason,
        explanation: explanation.to_owned(),
        salt: random_id(),
        journal: None,
    };
    refusal.check().map_err(crate::storage::document::DocumentError::Malformed)?;
    let entries: Vec<_> = asked.into_iter().chain([entry_of_refusal(&refusal)]).collect();
    let index = custody.keyring().log().size()? + entries.len() as u64 - 1;
    known.note_refusal(&refusal, index)?;
    ledger::forget_late_words(custody, known, received)?;
    // Under a new generation, so that no older copy of the keyring gives the request another answer.
    custody.change(|_, _, update| {
        update.documents.push(ledger::document(known)?);
        Ok(((), entries))
    })?;
    Ok((refusal, index))
}

/// The refusal of this request that was made before, where it says the same.
fn again(
    custody: &Custody,
    known: &Ledger,
    received: &Received,
    reason: RefusalReason,
    explanation: &str,
) -> Option<(Refusal, u64)> {
    let noted = known.request(&received.hash)?;
    let RequestState::Refused(made) = &noted.state else { return None };
    let NotedRefusal { refusal, refused, reason: before, document, leaf, letter: Some(letter) } = made else {
        return None;
    };
    let RefusalLetter { explanation: words, salt } = letter;
    let refusal = Refusal {
        format: FORMAT.into(),
        refusal: *refusal,
        keyring: custody.keyring_id(),
        firm: custody.keyring().config().firm.clone(),
        refused: *refused,
        request: received.hash,
        requester: noted.requester.clone(),
        archive: noted.archive,
        reason: *before,
        explanation: words.clone(),
        salt: *salt,
        journal: None,
    };
    let same = *before == reason && words == explanation && refusal.document() == *document;
    same.then_some((refusal, *leaf))
}
