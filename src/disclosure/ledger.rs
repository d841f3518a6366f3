//! The ledger: who asked for what, how each request was answered, and what came back. The sealed document `disclosures`.
//!
//! Invariant: a request has one answer; keys of a grant stay no longer than it may be written again; free texts and keys
//! go with the first record that they are about. Spec: `spec/disclosure.md`, "Ledger".

use super::grant::Grant;
use super::noted::MAX_RECEIPTS;
pub use super::noted::{
    Due, NotedGrant, NotedReceipt, NotedRefusal, NotedRequest, RefusalLetter, RequestState, RequestTexts,
};
use super::proposal::Signatory;
use super::receipt::Receipt;
use super::refusal::Refusal;
use super::request::Request;
use crate::crypto::hash::Hash;
use crate::crypto::kdf::ArchiveId;
use crate::language::{said, text};
use crate::retention::ranges::Ranges;
use crate::retention::whole_second;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tr::tr;

/// Name of the sealed document.
pub const DOCUMENT: &str = "disclosures";
/// Bytes of a ledger, at most.
pub const MAX_LEDGER: usize = 64 << 20;
/// Requests in a ledger, at most.
const MAX_REQUESTS: usize = 1 << 16;

/// Something that the ledger does not allow, or a ledger that cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LedgerError {
    /// Not what was stored.
    #[error("{}", tr!("document {document}: {}", _0, document = DOCUMENT))]
    Damaged(String),
    /// The request has its answer.
    #[error("{}", answered(request, answer, by))]
    Answered {
        /// Which request.
        request: Hash,
        /// `granted` or `refused`.
        answer: &'static str,
        /// Id of the grant or the refusal.
        by: [u8; 16],
    },
    /// Nobody noted such a request.
    #[error("{}", tr!("request {}: it was never noted in this keyring", hex::encode(&_0[..8])))]
    UnknownRequest(Hash),
    /// No such grant.
    #[error("{}", tr!("grant {}: it was not made in this keyring", hex::encode(_0)))]
    UnknownGrant([u8; 16]),
    /// The grant cannot be written a second time.
    #[error("{}", tr!("grant {}: {what}", hex::encode(grant), what = said(what)))]
    Spent {
        /// Which grant.
        grant: [u8; 16],
        /// Why not.
        what: &'static str,
    },
    /// A receipt that is not one for this grant.
    #[error("{}", tr!("receipt of grant {}: {what}", hex::encode(grant), what = said(what)))]
    Receipt {
        /// Which grant.
        grant: [u8; 16],
        /// What is wrong.
        what: &'static str,
    },
    /// No room.
    #[error("{}", tr!("ledger of disclosures: {}", said(_0)))]
    Full(&'static str),
}

fn answered(request: &Hash, answer: &str, by: &[u8; 16]) -> String {
    let (request, by) = (hex::encode(&request[..8]), hex::encode(by));
    match answer {
        "granted" => tr!("request {request}: it was granted already as {by}", request = request, by = by),
        _ => tr!("request {request}: it was refused already as {by}", request = request, by = by),
    }
}

/// All disclosures of a keyring.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    requests: Vec<NotedRequest>,
    grants: Vec<NotedGrant>,
}

impl Ledger {
    /// As it is stored: JSON, written in one way.
    ///
    /// # Errors
    /// [`LedgerError::Full`] when it would be too long to be read again.
    pub fn to_bytes(&self) -> Result<Vec<u8>, LedgerError> {
        let bytes = serde_json::to_vec(self).expect("a ledger is JSON");
        if bytes.len() > MAX_LEDGER {
            Err(LedgerError::Full(text!("it would be longer than 67,108,864 bytes")))
        } else {
            Ok(bytes)
        }
    }

    /// From what [`Ledger::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`] for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LedgerError> {
        if bytes.len() > MAX_LEDGER {
            return Err(LedgerError::Damaged(tr!("it is too long")));
        }
        let ledger: Self =
            serde_json::from_slice(bytes).map_err(|e| LedgerError::Damaged(crate::language::of_library(e)))?;
        ledger.check().map_err(LedgerError::Damaged)?;
        match ledger.to_bytes()? == bytes {
            true => Ok(ledger),
            false => Err(LedgerError::Damaged(tr!("it is not written in the one way"))),
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
            return Err(LedgerError::Full(text!("it has as many requests as it can")));
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
            return refused(text!("its archive, requester or hash is not the grant's"));
        }
        if !receipt.records.iter().all(|record| records.contains(record)) {
            return refused(text!("it names records that were not granted"));
        }
        let of_kind = noted.receipts.iter().filter(|earlier| earlier.what == receipt.what);
        if of_kind.into_iter().any(|earlier| earlier.records.iter().any(|record| receipt.records.contains(record))) {
            return refused(text!("another receipt says the same of one of its records"));
        }
        if noted.receipts.len() == MAX_RECEIPTS {
            return Err(LedgerError::Full(text!("the grant has as many receipts as it can")));
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

    /// Forgets the texts of one request and of its refusal.
    pub fn forget_request(&mut self, request: &Hash) {
        self.requests.iter_mut().filter(|noted| noted.request == *request).for_each(|noted| {
            noted.forget();
        });
    }

    /// Forgets the keys of grants whose validity is over: they need not be written again. Returns of how many.
    pub fn forget_keys(&mut self, now: DateTime<Utc>) -> usize {
        let over = |noted: &&mut NotedGrant| noted.grant.valid_until < now && !noted.grant.keys.is_empty();
        self.grants.iter_mut().filter(over).map(|noted| noted.grant.keys.clear()).count()
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
                return Err(tr!("a request stands twice"));
            }
            noted.check()?;
        }
        let granted = |noted: &&NotedRequest| matches!(noted.state, RequestState::Granted { .. });
        if self.requests.len() > MAX_REQUESTS || self.requests.iter().filter(granted).count() != self.grants.len() {
            return Err(tr!("its requests and grants do not fit together"));
        }
        for noted in &self.grants {
            let Grant { grant, request, archive, .. } = &noted.grant;
            let fits =
                |of: &&NotedRequest| of.state == RequestState::Granted { grant: *grant } && of.archive == *archive;
            if !requests.get(request).is_some_and(fits) {
                return Err(tr!("a grant answers no request"));
            }
            noted.check()?;
        }
        Ok(())
    }
}
