//! `disclosures`: who was given what, what they promised, and what is still to come.
//!
//! Invariant: what is overdue comes first, and is judged by the latest day that the clock ever showed, so that setting it back
//! hides nothing. Spec: `spec/disclosure.md`, "What is open".

use super::OpsError;
use super::custody::Custody;
use super::ledger;
use crate::crypto::kdf::ArchiveId;
use crate::disclosure::ledger::{Due, NotedGrant, NotedRequest, RequestState};
use chrono::{Days, NaiveDate};

/// Days after which an open request is remarked upon: about 15 working days.
const SLOW_DAYS: u64 = 21;

/// Which disclosures are asked about.
#[derive(Clone, Copy, Debug, Default)]
pub struct DisclosuresOptions {
    /// Of this archive.
    pub archive: Option<ArchiveId>,
    /// Of this record.
    pub record: Option<u64>,
    /// Only those of which something is still to come.
    pub open: bool,
}

/// All that was asked and granted.
#[derive(Clone, Debug, Default)]
pub struct Disclosures {
    /// Requests that are not answered, and refused ones; oldest first.
    pub requests: Vec<Asked>,
    /// Grants: those with something overdue first, the longest overdue before others; then in the order of granting.
    pub grants: Vec<Given>,
}

/// A request without a grant.
#[derive(Clone, Debug)]
pub struct Asked {
    /// As it was noted.
    pub request: NotedRequest,
    /// Whether it has waited for its answer for too long.
    pub slow: bool,
}

/// A grant.
#[derive(Clone, Debug)]
pub struct Given {
    /// As it was noted.
    pub noted: NotedGrant,
    /// What was promised and is not confirmed.
    pub due: Vec<Due>,
    /// Whether the last day of any of that is over.
    pub overdue: bool,
    /// Whether its validity ended without a word that anything was opened.
    pub lapsed: bool,
}

impl Disclosures {
    /// Grants with something overdue.
    pub fn overdue(&self) -> u64 {
        self.grants.iter().filter(|given| given.overdue).count() as u64
    }
}

/// The day by which promises are judged.
fn today(custody: &Custody) -> NaiveDate {
    custody.now().day(custody.signing_time())
}

/// Gathers disclosures.
///
/// # Errors
/// Those of the keyring.
pub fn disclosures(custody: &Custody, options: &DisclosuresOptions) -> Result<Disclosures, OpsError> {
    let (ledger, today) = (ledger::read(custody.keyring())?, today(custody));
    let of_archive = |archive: &ArchiveId| options.archive.is_none_or(|wanted| wanted == *archive);
    let mut found = Disclosures::default();
    for request in ledger.requests() {
        let answered = request.state != RequestState::Open;
        let about = options.record.is_none_or(|n| request.records.as_ref().is_none_or(|records| records.contains(n)));
        if matches!(request.state, RequestState::Granted { .. }) || (options.open && answered) {
            continue;
        }
        if of_archive(&request.archive) && about {
            found.requests.push(Asked { slow: is_slow(custody, request, today), request: request.clone() });
        }
    }
    for noted in ledger.grants() {
        let (due, grant) = (noted.due(), &noted.grant);
        let about = options.record.is_none_or(|n| grant.records.contains(n));
        if of_archive(&grant.archive) && about && !(options.open && due.is_empty()) {
            let overdue = due.iter().any(|due| due.by < today);
            let lapsed = grant.valid_until < custody.signing_time() && !noted.was_opened();
            found.grants.push(Given { noted: noted.clone(), due, overdue, lapsed });
        }
    }
    let first_day = |given: &Given| given.due.iter().map(|due| due.by).min().filter(|_| given.overdue);
    found.grants.sort_by_key(|given| first_day(given).map_or((1, NaiveDate::MAX), |day| (0, day)));
    Ok(found)
}

fn is_slow(custody: &Custody, request: &NotedRequest, today: NaiveDate) -> bool {
    let since = custody.now().day(request.noted);
    let last = since.checked_add_days(Days::new(SLOW_DAYS)).unwrap_or(NaiveDate::MAX);
    request.state == RequestState::Open && last < today
}

/// Disclosures at a glance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Requests without an answer.
    pub open_requests: u64,
    /// Of those, requests that have waited for too long.
    pub slow_requests: u64,
    /// Grants ever made.
    pub grants: u64,
    /// Grants with something overdue.
    pub overdue: u64,
}

/// Counts disclosures.
///
/// # Errors
/// Those of the keyring.
pub fn summary(custody: &Custody) -> Result<Summary, OpsError> {
    let (ledger, today) = (ledger::read(custody.keyring())?, today(custody));
    let overdue = |noted: &&NotedGrant| noted.due().iter().any(|due| due.by < today);
    Ok(Summary {
        open_requests: ledger.open().count() as u64,
        slow_requests: ledger.open().filter(|request| is_slow(custody, request, today)).count() as u64,
        grants: ledger.grants().len() as u64,
        overdue: ledger.grants().iter().filter(overdue).count() as u64,
    })
}
