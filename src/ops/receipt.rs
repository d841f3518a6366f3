//! `receipt`: what a requester says became of what they were given, and how it gets into the journal.
//!
//! Invariant: a receipt counts by the key that the grant names, or another key of the same person on the roster; the same one
//! counts once. Spec: `spec/disclosure.md`, "Receipts".

use super::OpsError;
use super::custody::Custody;
use super::ledger;
use crate::crypto::hash::sha256;
use crate::crypto::secret::random_id;
use crate::disclosure::grant::Grant;
use crate::disclosure::ledger::{LedgerError, NotedGrant};
use crate::disclosure::namespace;
use crate::disclosure::proposal::Signatory;
use crate::disclosure::receipt::{FORMAT, Handled, Receipt};
use crate::disclosure::roster::{Roster, RosterError, verify_by_key};
use crate::journal::entry::Entry;
use crate::language::{said, text};
use crate::retention::ranges::Ranges;
use crate::retention::whole_second;
use chrono::{DateTime, Utc};
use tr::tr;

/// Why a receipt is not made or not taken.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ReceiptError {
    /// It says something else than the grant.
    #[error("{}", tr!("receipt of grant {grant}: {what}", grant = grant, what = said(what)))]
    Mismatch {
        /// Id of the grant.
        grant: String,
        /// What does not fit.
        what: &'static str,
    },
    /// Signed by somebody else.
    #[error("{}", tr!("receipt of grant {grant}: it is signed by {signer}, not by {requester}", grant = grant, signer = signer, requester = requester))]
    OtherSigner {
        /// Id of the grant.
        grant: String,
        /// Who signed.
        signer: String,
        /// Who should have.
        requester: String,
    },
}

/// A receipt that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptOutcome {
    /// The receipt.
    pub receipt: Receipt,
    /// Who signed it.
    pub signer: Signatory,
    /// Whether it had been taken before.
    pub again: bool,
}

/// The receipt for what became of granted records, to be signed by the requester.
///
/// # Errors
/// [`ReceiptError::Mismatch`] for records that the grant does not name.
pub fn receipt(
    grant: &Grant,
    what: Handled,
    records: Option<Ranges>,
    made: DateTime<Utc>,
) -> Result<Receipt, OpsError> {
    let records = records.unwrap_or_else(|| grant.records.clone());
    within(grant, &records)?;
    Ok(Receipt {
        format: FORMAT.into(),
        grant: grant.grant,
        grant_sha256: grant.document(),
        archive: grant.archive,
        what,
        records,
        opened: Vec::new(),
        made: whole_second(made),
        requester: grant.requester.name.clone(),
        tool: format!("keepuntil {}", env!("CARGO_PKG_VERSION")),
        salt: random_id(),
    })
}

fn within(grant: &Grant, records: &Ranges) -> Result<(), ReceiptError> {
    let known = records.count() <= grant.records.count() && records.iter().all(|record| grant.records.contains(record));
    match known {
        true => Ok(()),
        false => Err(ReceiptError::Mismatch {
            grant: hex::encode(grant.grant),
            what: text!("it names records that were not granted"),
        }),
    }
}

/// Takes a receipt into ledger and journal.
///
/// # Errors
/// [`ReceiptError`]; [`LedgerError::UnknownGrant`], and [`LedgerError::Receipt`] where another one says the same of its
/// records; a signature that does not count; those of the keyring.
pub fn import(custody: &mut Custody, file: &[u8], signature: &[u8]) -> Result<ReceiptOutcome, OpsError> {
    let receipt = Receipt::parse(file)?;
    let mut ledger = ledger::read(custody.keyring())?;
    let noted = ledger.grant(&receipt.grant).ok_or(LedgerError::UnknownGrant(receipt.grant))?;
    agrees(&receipt, noted)?;
    let signer = signer(custody, &noted.grant, file, signature)?;
    let (now, document) = (custody.now().reading.wall, sha256(&[file]));
    let new = ledger.note_receipt(&receipt, document, &signer.key, now)?;
    if new {
        let entry = Entry::Receipt {
            grant: receipt.grant,
            what: receipt.what.code().into(),
            records: receipt.records.clone(),
            document,
            by: signer.key.clone(),
        };
        custody.change(|_, _, update| {
            update.documents.push(ledger::document(&ledger)?);
            Ok(((), vec![entry]))
        })?;
    }
    Ok(ReceiptOutcome { receipt, signer, again: !new })
}

/// That the receipt is one of this grant, as it was made.
fn agrees(receipt: &Receipt, noted: &NotedGrant) -> Result<(), ReceiptError> {
    let grant = &noted.grant;
    let differs = [
        (receipt.grant_sha256 != noted.document, text!("it is of another file than the grant")),
        (receipt.archive != grant.archive, text!("it names another archive")),
        (receipt.requester != grant.requester.name, text!("it names another requester")),
    ];
    match differs.into_iter().find(|(differs, _)| *differs) {
        Some((_, what)) => Err(ReceiptError::Mismatch { grant: hex::encode(grant.grant), what }),
        None => within(grant, &receipt.records),
    }
}

/// Who signed: the key that the grant names, whatever became of it on the roster since; or another one of the same person.
fn signer(custody: &Custody, grant: &Grant, file: &[u8], signature: &[u8]) -> Result<Signatory, OpsError> {
    match verify_by_key(file, signature, namespace::RECEIPT, &grant.requester.key) {
        Ok(()) => return Ok(grant.requester.clone()),
        Err(RosterError::UnknownKey(_)) => {}
        Err(e) => return Err(e.into()),
    }
    let by_another = |signer: String| ReceiptError::OtherSigner {
        grant: hex::encode(grant.grant),
        signer,
        requester: grant.requester.name.clone(),
    };
    let Some(known) = &custody.register().roster else { return Err(by_another(tr!("another key")).into()) };
    let roster = Roster::parse(known.text.as_bytes())?;
    let signer = roster.verify(file, signature, namespace::RECEIPT, custody.signing_time())?;
    match signer.principal == grant.requester.name {
        true => Ok(signer.into()),
        false => Err(by_another(signer.principal).into()),
    }
}
