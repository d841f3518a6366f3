//! The report on access and disclosure: who asked for what, how it was answered, and what is still to come back.
//!
//! Invariant: words that the ledger has dropped are nowhere in it, and neither keys nor addresses are. Spec:
//! `spec/reports.md`, "Disclosures".

use super::period::Period;
use crate::disclosure::conditions::Conditions;
use crate::disclosure::ledger::{Due, NotedGrant, NotedReceipt, NotedRequest, RequestState};
use crate::disclosure::proposal::Signatory;
use crate::disclosure::request::Reference;
use crate::journal::entry::Entry;
use crate::ops::OpsError;
use crate::ops::custody::Custody;
use crate::ops::disclosures::{self, DisclosuresOptions};
use crate::ops::journal::show_entries;
use crate::ops::ledger;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// All that a keyring knows of disclosures in a period.
#[derive(Clone, Debug, Default, Serialize)]
pub struct DisclosureReport {
    /// Id of the keyring.
    pub keyring: String,
    /// Its firm.
    pub firm: String,
    /// The day on which it was made.
    #[serde(rename = "date")]
    pub made: NaiveDate,
    /// Days on which requests were taken.
    #[serde(flatten)]
    pub period: Period,
    /// All requests of the period.
    pub all: Outcomes,
    /// By purpose.
    pub by_purpose: BTreeMap<String, Outcomes>,
    /// By the month in which they were taken, `YYYY-MM`.
    #[serde(rename = "taken_by_month")]
    pub by_month: BTreeMap<String, Outcomes>,
    /// Refusals by reason.
    #[serde(rename = "refused_by_reason")]
    pub by_reason: BTreeMap<String, u64>,
    /// What should have come back before today, of any period.
    #[serde(rename = "owed_late")]
    pub overdue: Vec<Owed>,
    /// Grants of any period.
    #[serde(skip)]
    pub grants: u64,
    /// What is promised and not due yet, of any period.
    #[serde(rename = "owed_later")]
    pub promised: Vec<Owed>,
    /// The requests, in the order of their coming.
    pub requests: Vec<Told>,
    /// Where ledger and journal do not agree, of any period.
    pub disagreements: Vec<Disagreement>,
}

/// Requests by how they were answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Outcomes {
    /// Requests.
    #[serde(rename = "request_count")]
    pub requests: u64,
    /// Answered with a grant.
    #[serde(rename = "granted_count")]
    pub granted: u64,
    /// Answered with a refusal.
    #[serde(rename = "refused_count")]
    pub refused: u64,
    /// Not answered.
    #[serde(rename = "open_count")]
    pub open: u64,
}

/// Something that a requester promised and has not confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Owed {
    /// Under which grant.
    pub grant: String,
    /// Who.
    #[serde(rename = "requester_name")]
    pub requester: String,
    /// `returned` or `destroyed`.
    pub what: &'static str,
    /// The last day for it.
    #[serde(rename = "due")]
    pub by: NaiveDate,
    /// Records that no receipt speaks of.
    pub records: String,
}

/// One request and its answer.
#[derive(Clone, Debug, Serialize)]
pub struct Told {
    /// SHA-256 of the request's file.
    pub request: String,
    /// When it was taken.
    pub taken: DateTime<Utc>,
    /// Index of the journal's entry about it; none where the journal has none.
    pub journal_entry: Option<u64>,
    /// Who asked, where their signature held.
    pub requester: Option<Signatory>,
    /// The archive.
    pub archive: String,
    /// The records that it was found to be about.
    pub records: Option<String>,
    /// What for.
    pub purpose: &'static str,
    /// The last day on which the answer is of use.
    pub wanted_until: NaiveDate,
    /// What stood in it in words; none where that was forgotten with a destroyed record.
    #[serde(rename = "wording")]
    pub words: Option<Words>,
    /// How it was answered.
    #[serde(rename = "answered")]
    pub answer: Answer,
    /// Whole days from its taking to its answer, or to now.
    pub days: i64,
}

/// What a requester wrote in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Words {
    /// What the records are.
    pub description: Option<String>,
    /// What for.
    pub explanation: String,
    /// On what ground.
    pub legal_basis: Option<String>,
    /// What it refers to.
    pub references: Vec<Reference>,
    /// Papers of identity that were shown, in words.
    pub papers: Vec<String>,
}

/// How a request was answered.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Answer {
    /// Not yet.
    Open {
        /// Whether it has waited for more than 21 days.
        slow: bool,
    },
    /// With a refusal.
    Refused {
        /// Which.
        refusal: String,
        /// When.
        refused: DateTime<Utc>,
        /// Why.
        reason: &'static str,
        /// Why, in words; none where they were forgotten with a destroyed record.
        explanation: Option<String>,
        /// Index of the journal's entry.
        journal_entry: u64,
    },
    /// With a grant.
    Granted(Box<Granted>),
}

/// A grant as it was made.
#[derive(Clone, Debug, Serialize)]
pub struct Granted {
    /// Which.
    pub grant: String,
    /// When.
    pub granted: DateTime<Utc>,
    /// The records.
    pub records: String,
    /// The first second of it.
    pub valid_from: DateTime<Utc>,
    /// The last second of it.
    pub valid_until: DateTime<Utc>,
    /// Who approved it.
    pub approvals: Vec<Signatory>,
    /// What the requester promised.
    pub conditions: Conditions,
    /// Whether its validity ended without a word that anything was opened.
    pub lapsed: bool,
    /// What came back.
    pub receipts: Vec<Received>,
    /// Index of the journal's entry.
    pub journal_entry: u64,
}

/// A receipt.
#[derive(Clone, Debug, Serialize)]
pub struct Received {
    /// `opened`, `returned` or `destroyed`.
    pub what: &'static str,
    /// Which records.
    pub records: String,
    /// When, by the requester's clock.
    pub made: DateTime<Utc>,
    /// When it was taken.
    pub taken: DateTime<Utc>,
}

/// Something that only one of ledger and journal says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Disagreement {
    /// `request`, `refusal`, `grant` or `receipt`.
    pub what: &'static str,
    /// Its hash or id.
    pub id: String,
    /// `journal` or `ledger`: the one that says it.
    pub only_in: &'static str,
}

impl Outcomes {
    fn add(&mut self, state: &RequestState) {
        self.requests += 1;
        match state {
            RequestState::Open => self.open += 1,
            RequestState::Refused(_) => self.refused += 1,
            RequestState::Granted { .. } => self.granted += 1,
        }
    }
}

/// Gathers the report.
///
/// # Errors
/// Those of the keyring.
pub fn disclosure_report(custody: &Custody, period: Period) -> Result<DisclosureReport, OpsError> {
    let (ledger, now) = (ledger::read(custody.keyring())?, custody.now());
    let found = disclosures::disclosures(custody, &DisclosuresOptions::default())?;
    let slow: BTreeSet<_> =
        found.requests.iter().filter(|asked| asked.slow).map(|asked| asked.request.request).collect();
    let lapsed: BTreeSet<_> = found.grants.iter().filter(|g| g.lapsed).map(|g| g.noted.grant.grant).collect();
    let (mut said, taken) = journalled(custody)?;
    let mut report = DisclosureReport {
        keyring: custody.keyring().config().keyring.clone(),
        firm: custody.keyring().config().firm.clone(),
        made: now.today(),
        period,
        grants: found.grants.len() as u64,
        ..DisclosureReport::default()
    };
    for request in ledger.requests() {
        let id = hex::encode(request.request);
        report.hear(&mut said, "request", &id);
        if let RequestState::Refused(refusal) = &request.state {
            report.hear(&mut said, "refusal", &hex::encode(refusal.refusal));
        }
        if !period.covers(now, request.noted) {
            continue;
        }
        let (purpose, month) = (request.purpose.code().to_owned(), now.day(request.noted).format("%Y-%m").to_string());
        report.all.add(&request.state);
        report.by_purpose.entry(purpose).or_default().add(&request.state);
        report.by_month.entry(month).or_default().add(&request.state);
        let answer = match &request.state {
            RequestState::Open => Answer::Open { slow: slow.contains(&request.request) },
            RequestState::Refused(noted) => {
                *report.by_reason.entry(noted.reason.code().to_owned()).or_default() += 1;
                Answer::Refused {
                    refusal: hex::encode(noted.refusal),
                    refused: noted.refused,
                    reason: noted.reason.code(),
                    explanation: noted.letter.as_ref().map(|letter| letter.explanation.clone()),
                    journal_entry: noted.leaf,
                }
            }
            RequestState::Granted { grant } => {
                // The ledger is refused where a granted request has no grant.
                let Some(noted) = ledger.grant(grant) else { continue };
                Answer::Granted(Box::new(granted(noted, lapsed.contains(grant))))
            }
        };
        report.requests.push(told(request, answer, taken.get(&id).copied(), now.reading.wall));
    }
    for given in &found.grants {
        let grant = hex::encode(given.noted.grant.grant);
        report.hear(&mut said, "grant", &grant);
        for NotedReceipt { document, .. } in &given.noted.receipts {
            report.hear(&mut said, "receipt", &hex::encode(document));
        }
        for Due { what, by, records } in &given.due {
            let owed = Owed {
                grant: grant.clone(),
                requester: given.noted.grant.requester.name.clone(),
                what: what.code(),
                by: *by,
                records: records.to_string(),
            };
            if *by < now.day(custody.signing_time()) { report.overdue.push(owed) } else { report.promised.push(owed) }
        }
    }
    let rest = said.into_iter().map(|(what, id)| Disagreement { what, id, only_in: "journal" });
    report.disagreements.extend(rest);
    report.overdue.sort_by_key(|owed| owed.by);
    report.promised.sort_by_key(|owed| owed.by);
    Ok(report)
}

impl DisclosureReport {
    /// Takes what the journal says too from the list of what it said; what it does not say is a disagreement.
    fn hear(&mut self, said: &mut BTreeSet<(&'static str, String)>, what: &'static str, id: &str) {
        if !said.remove(&(what, id.to_owned())) {
            self.disagreements.push(Disagreement { what, id: id.to_owned(), only_in: "ledger" });
        }
    }
}

/// What the journal says of disclosures, and the index of its entry about each request.
type Journalled = (BTreeSet<(&'static str, String)>, BTreeMap<String, u64>);

fn journalled(custody: &Custody) -> Result<Journalled, OpsError> {
    let (mut said, mut taken) = (BTreeSet::new(), BTreeMap::new());
    show_entries::<OpsError>(custody.keyring(), 0, |index, leaf| {
        match leaf.entry {
            Entry::Request { request, .. } => {
                taken.insert(hex::encode(request), index);
                said.insert(("request", hex::encode(request)));
            }
            Entry::Refusal { refusal, .. } => drop(said.insert(("refusal", hex::encode(refusal)))),
            Entry::Grant { grant, .. } => drop(said.insert(("grant", hex::encode(grant)))),
            Entry::Receipt { document, .. } => drop(said.insert(("receipt", hex::encode(document)))),
            _ => {}
        }
        Ok(())
    })?;
    Ok((said, taken))
}

fn told(request: &NotedRequest, answer: Answer, journal_entry: Option<u64>, now: DateTime<Utc>) -> Told {
    let answered = match &answer {
        Answer::Open { .. } => now,
        Answer::Refused { refused, .. } => *refused,
        Answer::Granted(granted) => granted.granted,
    };
    let words = request.texts.as_ref().map(|texts| Words {
        description: texts.description.clone(),
        explanation: texts.explanation.clone(),
        legal_basis: texts.legal_basis.clone(),
        references: texts.references.clone(),
        papers: texts.identity.iter().map(|paper| paper.paper.clone()).collect(),
    });
    Told {
        request: hex::encode(request.request),
        taken: request.noted,
        journal_entry,
        requester: request.requester.clone(),
        archive: hex::encode(request.archive),
        records: request.records.as_ref().map(ToString::to_string),
        purpose: request.purpose.code(),
        wanted_until: request.wanted_until,
        words,
        answer,
        days: (answered - request.noted).num_days(),
    }
}

fn granted(noted: &NotedGrant, lapsed: bool) -> Granted {
    let grant = &noted.grant;
    let received = |receipt: &NotedReceipt| Received {
        what: receipt.what.code(),
        records: receipt.records.to_string(),
        made: receipt.made,
        taken: receipt.noted,
    };
    Granted {
        grant: hex::encode(grant.grant),
        granted: grant.granted,
        records: grant.records.to_string(),
        valid_from: grant.valid_from,
        valid_until: grant.valid_until,
        approvals: grant.approvals.clone(),
        conditions: grant.conditions.clone(),
        lapsed,
        receipts: noted.receipts.iter().map(received).collect(),
        journal_entry: noted.leaf,
    }
}
