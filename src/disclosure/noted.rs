//! What the ledger keeps of one request, one refusal, one grant and one receipt.
//!
//! Invariant: nothing here says more of a record than its number once it was forgotten. Spec: `spec/disclosure.md`, "Ledger".

use super::grant::Grant;
use super::ledger::LedgerError;
use super::proposal::Signatory;
use super::purpose::Purpose;
use super::receipt::Handled;
use super::refusal::RefusalReason;
use super::request::{IdentityPaper, Reference, check_records};
use crate::crypto::hash::Hash;
use crate::crypto::kdf::ArchiveId;
use crate::language::text;
use crate::retention::is_plain_date;
use crate::retention::ranges::Ranges;
use crate::storage::document::is_plain_time;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use tr::tr;

/// Records that one request was found to be about, at most.
const MAX_KNOWN: u64 = 1 << 20;
/// Receipts under one grant, at most.
pub(super) const MAX_RECEIPTS: usize = 64;

/// A request as it was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotedRequest {
    /// SHA-256 of its file.
    #[serde(with = "hex::serde")]
    pub request: Hash,
    /// Who asked, where their signature held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester: Option<Signatory>,
    /// The archive.
    #[serde(with = "hex::serde")]
    pub archive: ArchiveId,
    /// The records that it was found to be about, as far as anybody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<Ranges>,
    /// What for.
    pub purpose: Purpose,
    /// The last day on which the answer is of use.
    pub wanted_until: NaiveDate,
    /// When it was taken.
    pub noted: DateTime<Utc>,
    /// How it was answered.
    pub state: RequestState,
    /// What stood in it in words; gone with the first of its records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub texts: Option<RequestTexts>,
}

/// What a requester wrote in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestTexts {
    /// What the records are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What for.
    pub explanation: String,
    /// On what ground.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_basis: Option<String>,
    /// What it refers to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<Reference>,
    /// The papers that were shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identity: Vec<IdentityPaper>,
}

/// How a request was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum RequestState {
    /// Not yet.
    Open,
    /// With a refusal.
    Refused(NotedRefusal),
    /// With a grant.
    Granted {
        /// Which.
        #[serde(with = "hex::serde")]
        grant: [u8; 16],
    },
}

/// A refusal as it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotedRefusal {
    /// Which.
    #[serde(with = "hex::serde")]
    pub refusal: [u8; 16],
    /// When.
    pub refused: DateTime<Utc>,
    /// Why.
    pub reason: RefusalReason,
    /// The refusal's [`document`](super::refusal::Refusal::document).
    #[serde(with = "hex::serde")]
    pub document: Hash,
    /// The index of the journal's entry.
    pub leaf: u64,
    /// Why, in words, and the salt of the document; gone with the first of the request's records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub letter: Option<RefusalLetter>,
}

/// What makes a refusal's file whole again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefusalLetter {
    /// Why, in words.
    pub explanation: String,
    /// The refusal's salt.
    #[serde(with = "hex::serde")]
    pub salt: [u8; 16],
}

/// A grant as it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotedGrant {
    /// The grant without the journal's entry; its keys are empty, and its conditions have no words, when they were forgotten.
    pub grant: Grant,
    /// [`Grant::document`], of the grant as it was.
    #[serde(with = "hex::serde")]
    pub document: Hash,
    /// The index of the journal's entry.
    pub leaf: u64,
    /// What came back, in the order of its coming.
    pub receipts: Vec<NotedReceipt>,
}

/// A receipt as it was taken. The hashes of what was opened are not kept: nothing of a record outlives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotedReceipt {
    /// What was done.
    pub what: Handled,
    /// With which records.
    pub records: Ranges,
    /// When, by the requester's clock.
    pub made: DateTime<Utc>,
    /// When it was taken.
    pub noted: DateTime<Utc>,
    /// SHA-256 of its file.
    #[serde(with = "hex::serde")]
    pub document: Hash,
    /// Fingerprint of the key that signed it.
    pub by: String,
}

/// Something that a requester promised and has not confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// What was promised: [`Handled::Returned`] or [`Handled::Destroyed`].
    pub what: Handled,
    /// The last day for it.
    pub by: NaiveDate,
    /// The records that no receipt speaks of.
    pub records: Ranges,
}

impl NotedRequest {
    pub(super) fn check_open(&self) -> Result<(), LedgerError> {
        let (answer, by) = match &self.state {
            RequestState::Open => return Ok(()),
            RequestState::Refused(noted) => ("refused", noted.refusal),
            RequestState::Granted { grant } => ("granted", *grant),
        };
        Err(LedgerError::Answered { request: self.request, answer, by })
    }

    /// Adds records that it was found to be about.
    pub(super) fn learn(&mut self, records: Option<&Ranges>) -> Result<(), LedgerError> {
        let Some(records) = records else { return Ok(()) };
        let both: Ranges = self.records.iter().chain([records]).flat_map(Ranges::iter).collect();
        if both.count() > MAX_KNOWN {
            return Err(LedgerError::Full(text!("a request is about more records than it can keep")));
        }
        self.records = Some(both);
        Ok(())
    }

    pub(super) fn forget(&mut self) -> bool {
        let letter = match &mut self.state {
            RequestState::Refused(noted) => noted.letter.take().is_some(),
            RequestState::Open | RequestState::Granted { .. } => false,
        };
        self.texts.take().is_some() | letter
    }

    pub(super) fn check(&self) -> Result<(), String> {
        self.requester.as_ref().map_or(Ok(()), Signatory::check)?;
        if let Some(records) = &self.records
            && (records.is_empty() || records.count() > MAX_KNOWN)
        {
            return Err(tr!("a request is about no record, or about too many"));
        }
        if !is_plain_date(self.wanted_until) || !is_plain_time(self.noted) {
            return Err(tr!("a time of a request is not in whole seconds"));
        }
        Ok(())
    }
}

impl NotedGrant {
    /// The grant as it may be written once more.
    ///
    /// # Errors
    /// [`LedgerError::Spent`] when it is over, a receipt came, or its keys were forgotten.
    pub fn again(&self, now: DateTime<Utc>) -> Result<&Grant, LedgerError> {
        let what = match &self.grant {
            _ if !self.receipts.is_empty() => text!("it was received: its receipt is in the journal"),
            grant if grant.valid_until < now => text!("its validity is over"),
            grant if grant.keys.is_empty() => text!("its keys were forgotten with one of its records"),
            grant => return Ok(grant),
        };
        Err(LedgerError::Spent { grant: self.grant.grant, what })
    }

    /// Whether a receipt says that records were opened.
    pub fn was_opened(&self) -> bool {
        self.receipts.iter().any(|receipt| receipt.what == Handled::Opened)
    }

    /// What was promised and no receipt confirms yet. Whoever gave back or destroyed a record has kept both promises.
    pub fn due(&self) -> Vec<Due> {
        let settled: Vec<&Ranges> = (self.receipts.iter())
            .filter(|receipt| receipt.what != Handled::Opened)
            .map(|receipt| &receipt.records)
            .collect();
        let is_open = |record: &u64| !settled.iter().any(|records| records.contains(*record));
        let records: Ranges = self.grant.records.iter().filter(is_open).collect();
        let conditions = &self.grant.conditions;
        [(Handled::Returned, conditions.return_by), (Handled::Destroyed, conditions.destroy_by)]
            .into_iter()
            .filter_map(|(what, by)| Some(Due { what, by: by?, records: records.clone() }))
            .filter(|due| !due.records.is_empty())
            .collect()
    }

    pub(super) fn check(&self) -> Result<(), String> {
        self.grant.check()?;
        if self.grant.journal.is_some() || self.receipts.len() > MAX_RECEIPTS {
            return Err(tr!("a grant has a journal's entry, or too many receipts"));
        }
        for receipt in &self.receipts {
            check_records(&receipt.records)?;
            if !is_plain_time(receipt.made) || !is_plain_time(receipt.noted) {
                return Err(tr!("a time of a receipt is not in whole seconds"));
            }
        }
        Ok(())
    }
}
