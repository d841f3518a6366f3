//! The ledger: who asked for what, how each request was answered, and what came back. The sealed document `disclosures`.
//!
//! Invariant: a request has one answer; keys of a grant stay no longer than it may be written again; free texts and keys
//! go with the first record that they are about. Spec: `spec/disclosure.md`, "Ledger".

use super::grant::Grant;
use super::proposal::Signatory;
use super::purpose::Purpose;
use super::receipt::{Handled, Receipt};
use super::refusal::{Refusal, RefusalReason};
use super::request::{IdentityPaper, Reference, Request, check_records};
use crate::crypto::hash::Hash;
use crate::crypto::kdf::ArchiveId;
use crate::retention::ranges::Ranges;
use crate::retention::{is_plain_date, whole_second};
use crate::storage::document::is_plain_time;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Name of the sealed document.
pub const DOCUMENT: &str = "disclosures";
/// Bytes of a ledger, at most.
pub const MAX_LEDGER: usize = 64 << 20;
/// Requests in a ledger, at most.
const MAX_REQUESTS: usize = 1 << 16;
/// Records that one request was found to be about, at most.
const MAX_KNOWN: u64 = 1 << 20;
/// Receipts under one grant, at most.
const MAX_RECEIPTS: usize = 64;

/// Something that the ledger does not allow, or a ledger that cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LedgerError {
    /// Not what was stored.
    #[error("document {DOCUMENT}: {0}")]
    Damaged(String),
    /// The request has its answer.
    #[error("request {}: it was {answer} already as {}", hex::encode(&.request[..8]), hex::encode(.by))]
    Answered {
        /// Which request.
        request: Hash,
        /// `granted` or `refused`.
        answer: &'static str,
        /// Id of the grant or the refusal.
        by: [u8; 16],
    },
    /// Nobody noted such a request.
    #[error("request {}: it was never noted in this keyring", hex::encode(&.0[..8]))]
    UnknownRequest(Hash),
    /// No such grant.
    #[error("grant {}: it was not made in this keyring", hex::encode(.0))]
    UnknownGrant([u8; 16]),
    /// The grant cannot be written a second time.
    #[error("grant {}: {what}", hex::encode(.grant))]
    Spent {
        /// Which grant.
        grant: [u8; 16],
        /// Why not.
        what: &'static str,
    },
    /// A receipt that is not one for this grant.
    #[error("receipt of grant {}: {what}", hex::encode(.grant))]
    Receipt {
        /// Which grant.
        grant: [u8; 16],
        /// What is wrong.
        what: &'static str,
    },
    /// No room.
    #[error("ledger of disclosures: {0}")]
    Full(&'static str),
}

/// All disclosures of a keyring.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    requests: Vec<NotedRequest>,
    grants: Vec<NotedGrant>,
}

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
    /// [`Refusal::document`].
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

impl Ledger {
    /// As it is stored: JSON, written in one way.
    ///
    /// # Errors
    /// [`LedgerError::Full`] when it would be too long to be read again.
    pub fn to_bytes(&self) -> Result<Vec<u8>, LedgerError> {
        let bytes = serde_json::to_vec(self).expect("a ledger is JSON");
        if bytes.len() > MAX_LEDGER { Err(LedgerError::Full("it would be longer than 64 MiB")) } else { Ok(bytes) }
    }

    /// From what [`Ledger::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`] for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LedgerError> {
        if bytes.len() > MAX_LEDGER {
            return Err(LedgerError::Damaged("it is too long".into()));
        }
        let ledger: Self = serde_json::from_slice(bytes).map_err(|e| LedgerError::Damaged(e.to_string()))?;
        ledger.check().map_err(LedgerError::Damaged)?;
        match ledger.to_bytes()? == bytes {
            true => Ok(ledger),
            false => Err(LedgerError::Damaged("it is not written in the one way".into())),
        }
    }

    /// All requests, in the order of their coming.
    pub fn requests(&self) -> &[NotedRequest] {
        &self.requests
    }

    /// All grants, in the order of their making.
    pub fn grants(&self) -> &[NotedGrant] {
        &self.grants
    }

    /// The request whose file has this hash.
    pub fn request(&self, request: &Hash) -> Option<&NotedRequest> {
        self.requests.iter().find(|noted| noted.request == *request)
    }

    /// The grant with this id.
    pub fn grant(&self, grant: &[u8; 16]) -> Option<&NotedGrant> {
        self.grants.iter().find(|noted| noted.grant.grant == *grant)
    }

    /// The request, if it has no answer.
    ///
    /// # Errors
    /// [`LedgerError::UnknownRequest`], [`LedgerError::Answered`].
    pub fn unanswered(&self, request: &Hash) -> Result<&NotedRequest, LedgerError> {
        let noted = self.request(request).ok_or(LedgerError::UnknownRequest(*request))?;
        noted.check_open().map(|()| noted)
    }

    /// Takes a request, or finds it, and what it was found to be about. `true` when it is new and has to be journalled.
    ///
    /// # Errors
    /// [`LedgerError::Answered`], [`LedgerError::Full`].
    pub fn note_request(
        &mut self,
        hash: Hash,
        request: &Request,
        requester: Option<Signatory>,
        records: Option<Ranges>,
        now: DateTime<Utc>,
    ) -> Result<bool, LedgerError> {
        let records = records.or_else(|| request.records.clone());
        if let Some(noted) = self.requests.iter_mut().find(|noted| noted.request == hash) {
            noted.check_open()?;
            noted.learn(records.as_ref())?;
            noted.requester = requester.or_else(|| noted.requester.take());
            return Ok(false);
        }
        if self.requests.len() == MAX_REQUESTS {
            return Err(LedgerError::Full("it has as many requests as it can"));
        }
        let Request { description, explanation, legal_basis, references, identity, .. } = request.clone();
        self.requests.push(NotedRequest {
            request: hash,
            requester,
            archive: request.archive,
            records,
            purpose: request.purpose,
            wanted_until: request.wanted_until,
            noted: whole_second(now),
            state: RequestState::Open,
            texts: Some(RequestTexts { description, explanation, legal_basis, references, identity }),
        });
        Ok(true)
    }

    /// Answers a request that was noted with a refusal; `leaf` is the index of its entry in the journal.
    ///
    /// # Errors
    /// [`LedgerError::UnknownRequest`], [`LedgerError::Answered`].
    pub fn note_refusal(&mut self, refusal: &Refusal, leaf: u64) -> Result<(), LedgerError> {
        let noted = self.open_request(&refusal.request)?;
        noted.state = RequestState::Refused(NotedRefusal {
            refusal: refusal.refusal,
            refused: refusal.refused,
            reason: refusal.reason,
            document: refusal.document(),
            leaf,
            letter: Some(RefusalLetter { explanation: refusal.explanation.clone(), salt: refusal.salt }),
        });
        Ok(())
    }

    /// Answers a request that was noted with a grant; `leaf` is the index of its entry in the journal.
    ///
    /// # Errors
    /// [`LedgerError::UnknownRequest`], [`LedgerError::Answered`].
    pub fn note_grant(&mut self, grant: &Grant, leaf: u64) -> Result<(), LedgerError> {
        self.forget_keys(grant.granted);
        let noted = self.open_request(&grant.request)?;
        noted.learn(Some(&grant.records))?;
        noted.state = RequestState::Granted { grant: grant.grant };
        let document = grant.document();
        let grant = Grant { journal: None, ..grant.clone() };
        self.grants.push(NotedGrant { grant, document, leaf, receipts: Vec::new() });
        Ok(())
    }

    /// Takes a receipt whose signature by the key `by` was verified; `document` is SHA-256 of its file. `true` when it is new
    /// and has to be journalled.
    ///
    /// # Errors
    /// [`LedgerError::UnknownGrant`], [`LedgerError::Receipt`], [`LedgerError::Full`].
    pub fn note_receipt(
        &mut self,
        receipt: &Receipt,
        document: Hash,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, LedgerError> {
        self.forget_keys(now);
        let id = receipt.grant;
        let noted = self.grants.iter_mut().find(|noted| noted.grant.grant == id);
        let noted = noted.ok_or(LedgerError::UnknownGrant(id))?;
        if noted.receipts.iter().any(|earlier| earlier.document == document) {
            return Ok(false);
        }
        let refused = |what| Err(LedgerError::Receipt { grant: id, what });
        let Grant { archive, records, requester, .. } = &noted.grant;
        if receipt.archive != *archive || receipt.grant_sha256 != noted.document || receipt.requester != requester.name
        {
            return refused("its archive, requester or hash is not the grant's");
        }
        if !receipt.records.iter().all(|record| records.contains(record)) {
            return refused("it names records that were not granted");
        }
        let of_kind = noted.receipts.iter().filter(|earlier| earlier.what == receipt.what);
        if of_kind.into_iter().any(|earlier| earlier.records.iter().any(|record| receipt.records.contains(record))) {
            return refused("another receipt says the same of one of its records");
        }
        if noted.receipts.len() == MAX_RECEIPTS {
            return Err(LedgerError::Full("the grant has as many receipts as it can"));
        }
        noted.receipts.push(NotedReceipt {
            what: receipt.what,
            records: receipt.records.clone(),
            made: receipt.made,
            noted: whole_second(now),
            document,
            by: by.to_owned(),
        });
        // Whoever sent a receipt has the grant: it need never be written again.
        noted.grant.keys.clear();
        Ok(true)
    }

    /// Forgets, of everything that is about one of these records, words and keys. For the update that destroys them, so that
    /// both are under no key that is left. How many entries lost something.
    pub fn forget(&mut self, archive: &ArchiveId, destroyed: &Ranges) -> usize {
        let touches = |records: &Ranges| records.iter().any(|record| destroyed.contains(record));
        let mut forgotten = 0;
        for noted in self.requests.iter_mut().filter(|noted| noted.archive == *archive) {
            // Nobody knows which records it is about: it may be these.
            if noted.records.as_ref().is_none_or(touches) {
                forgotten += usize::from(noted.forget());
            }
        }
        for noted in self.grants.iter_mut().filter(|noted| noted.grant.archive == *archive) {
            if touches(&noted.grant.records) {
                let had = noted.grant.conditions.text.take().is_some() | !noted.grant.keys.is_empty();
                noted.grant.keys.clear();
                forgotten += usize::from(had);
            }
        }
        forgotten
    }

    /// Forgets the keys of grants whose validity is over: they need not be written again.
    pub fn forget_keys(&mut self, now: DateTime<Utc>) {
        let over = self.grants.iter_mut().filter(|noted| noted.grant.valid_until < now);
        over.for_each(|noted| noted.grant.keys.clear());
    }

    /// Requests that have no answer, in the order of their coming.
    pub fn open(&self) -> impl Iterator<Item = &NotedRequest> {
        self.requests.iter().filter(|noted| noted.state == RequestState::Open)
    }

    /// What was promised and should have been done before this day, with its grant.
    pub fn overdue(&self, today: NaiveDate) -> impl Iterator<Item = (&NotedGrant, Due)> {
        let due = self.grants.iter().flat_map(|noted| noted.due().into_iter().map(move |due| (noted, due)));
        due.filter(move |(_, due)| due.by < today)
    }

    fn open_request(&mut self, request: &Hash) -> Result<&mut NotedRequest, LedgerError> {
        let noted = self.requests.iter_mut().find(|noted| noted.request == *request);
        let noted = noted.ok_or(LedgerError::UnknownRequest(*request))?;
        noted.check_open().map(|()| noted)
    }

    fn check(&self) -> Result<(), String> {
        let mut requests = BTreeMap::new();
        for noted in &self.requests {
            if requests.insert(noted.request, noted).is_some() {
                return Err("a request stands twice".into());
            }
            noted.check()?;
        }
        let granted = |noted: &&NotedRequest| matches!(noted.state, RequestState::Granted { .. });
        if self.requests.len() > MAX_REQUESTS || self.requests.iter().filter(granted).count() != self.grants.len() {
            return Err("its requests and grants do not fit together".into());
        }
        for noted in &self.grants {
            let Grant { grant, request, archive, .. } = &noted.grant;
            let fits =
                |of: &&NotedRequest| of.state == RequestState::Granted { grant: *grant } && of.archive == *archive;
            if !requests.get(request).is_some_and(fits) {
                return Err("a grant answers no request".into());
            }
            noted.check()?;
        }
        Ok(())
    }
}

impl NotedRequest {
    fn check_open(&self) -> Result<(), LedgerError> {
        let (answer, by) = match &self.state {
            RequestState::Open => return Ok(()),
            RequestState::Refused(noted) => ("refused", noted.refusal),
            RequestState::Granted { grant } => ("granted", *grant),
        };
        Err(LedgerError::Answered { request: self.request, answer, by })
    }

    /// Adds records that it was found to be about.
    fn learn(&mut self, records: Option<&Ranges>) -> Result<(), LedgerError> {
        let Some(records) = records else { return Ok(()) };
        let both: Ranges = self.records.iter().chain([records]).flat_map(Ranges::iter).collect();
        if both.count() > MAX_KNOWN {
            return Err(LedgerError::Full("a request is about more records than it can keep"));
        }
        self.records = Some(both);
        Ok(())
    }

    fn forget(&mut self) -> bool {
        let letter = match &mut self.state {
            RequestState::Refused(noted) => noted.letter.take().is_some(),
            RequestState::Open | RequestState::Granted { .. } => false,
        };
        self.texts.take().is_some() | letter
    }

    fn check(&self) -> Result<(), String> {
        self.requester.as_ref().map_or(Ok(()), Signatory::check)?;
        if let Some(records) = &self.records
            && (records.is_empty() || records.count() > MAX_KNOWN)
        {
            return Err("a request is about no record, or about too many".into());
        }
        if !is_plain_date(self.wanted_until) || !is_plain_time(self.noted) {
            return Err("a time of a request is not in whole seconds".into());
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
            _ if !self.receipts.is_empty() => "it was received: its receipt is in the journal",
            grant if grant.valid_until < now => "its validity is over",
            grant if grant.keys.is_empty() => "its keys were forgotten with one of its records",
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

    fn check(&self) -> Result<(), String> {
        self.grant.check()?;
        if self.grant.journal.is_some() || self.receipts.len() > MAX_RECEIPTS {
            return Err("a grant has a journal's entry, or too many receipts".into());
        }
        for receipt in &self.receipts {
            check_records(&receipt.records)?;
            if !is_plain_time(receipt.made) || !is_plain_time(receipt.noted) {
                return Err("a time of a receipt is not in whole seconds".into());
            }
        }
        Ok(())
    }
}
