//! The ledger of disclosures as a keyring keeps it, and how a request gets into it.
//!
//! Invariant: a request is in the ledger and in the journal, or in neither, and once in each. Spec: `spec/disclosure.md`, "Ledger".

use super::OpsError;
use super::custody::{Custody, leaf};
use super::request::Received;
use crate::crypto::hash::Hash;
use crate::crypto::kdf::ArchiveId;
use crate::disclosure::ledger::{DOCUMENT, Ledger, LedgerError};
use crate::disclosure::proposal::Signatory;
use crate::journal::entry::Entry;
use crate::keyring::{Keyring, Update};
use crate::retention::ranges::Ranges;

/// The ledger of a keyring.
///
/// # Errors
/// Those of the keyring; damage.
pub fn read(keyring: &Keyring) -> Result<Ledger, OpsError> {
    match keyring.document(DOCUMENT)? {
        Some(bytes) => Ok(Ledger::from_bytes(&bytes)?),
        None => Ok(Ledger::default()),
    }
}

/// The document that holds the ledger.
///
/// # Errors
/// [`LedgerError::Full`].
pub fn document(ledger: &Ledger) -> Result<(String, Vec<u8>), LedgerError> {
    Ok((DOCUMENT.to_owned(), ledger.to_bytes()?))
}

/// That a request has no answer yet, whether or not it was noted.
///
/// # Errors
/// [`LedgerError::Answered`].
pub fn unanswered(ledger: &Ledger, request: &Hash) -> Result<(), LedgerError> {
    match ledger.unanswered(request) {
        Ok(_) | Err(LedgerError::UnknownRequest(_)) => Ok(()),
        Err(e) => Err(e),
    }
}

/// Takes a request into the ledger; the journal's entry, when it is new.
///
/// # Errors
/// [`LedgerError`].
pub fn take(
    custody: &Custody,
    ledger: &mut Ledger,
    received: &Received,
    requester: Option<&Signatory>,
    records: Option<&Ranges>,
) -> Result<Option<Entry>, OpsError> {
    let Received { request, hash, .. } = received;
    let at = custody.now().reading.wall;
    let is_new = ledger.note_request(*hash, request, requester.cloned(), records.cloned(), at)?;
    Ok(is_new.then(|| Entry::Request {
        request: *hash,
        archive: request.archive,
        records: request.records.clone(),
        requester: requester.map(|requester| requester.key.clone()),
        purpose: request.purpose.code().to_owned(),
    }))
}

/// Forgets at once the words of a request, and of its refusal, that are about destroyed records: they would go with no
/// destruction to come.
///
/// # Errors
/// Those of the keyring.
pub fn forget_late_words(custody: &Custody, ledger: &mut Ledger, received: &Received) -> Result<(), OpsError> {
    let request = &received.request;
    if is_about_destroyed(custody, &request.archive, request.records.as_ref())? {
        ledger.forget_request(&received.hash);
    }
    Ok(())
}

fn is_about_destroyed(custody: &Custody, archive: &ArchiveId, records: Option<&Ranges>) -> Result<bool, OpsError> {
    let Some(known) = custody.keyring().known_archive(archive)? else { return Ok(false) };
    let (mut live, mut destroyed) = (false, false);
    let mut look = |is_live: bool| {
        live |= is_live;
        destroyed |= !is_live;
        Ok(())
    };
    match records {
        Some(records) => {
            let there: Ranges = records.iter().filter(|record| (1..=known.records()).contains(record)).collect();
            custody.for_records(archive, &there, |_, view, _| look(view.live))?;
            Ok(destroyed)
        }
        None => {
            custody.for_each_record(Some(archive), |_, view, _| look(view.live))?;
            Ok(destroyed && !live)
        }
    }
}

/// The same, durably.
///
/// # Errors
/// Those of the ledger and of the keyring.
pub fn note(
    custody: &mut Custody,
    ledger: &mut Ledger,
    received: &Received,
    requester: &Signatory,
    records: &Ranges,
) -> Result<(), OpsError> {
    let entry = take(custody, ledger, received, Some(requester), Some(records))?;
    forget_late_words(custody, ledger, received)?;
    let leaves = entry.into_iter().map(|entry| leaf(custody.now(), entry)).collect::<Result<_, _>>()?;
    let documents = vec![document(ledger)?];
    Ok(custody.keyring_mut().store(Update { documents, leaves, ..Update::default() })?)
}
