//! The record of a personal information protection impact assessment: facts of the keyring, answers of the firm.
//!
//! Invariant: facts are counted here, judgements are only ever the firm's words. Spec: `spec/reports.md`, "Assessment".

use super::archives::{Access, OpenedArchive};
use super::compliance::RecordCounts;
use super::disclosures::{Outcomes, disclosure_report};
use super::period::Period;
use super::questions::{Answers, QUESTIONS, Question};
use crate::ops::OpsError;
use crate::ops::custody::Custody;
use crate::ops::deciders::deciders;
use crate::ops::disclosure_policy::in_force;
use crate::ops::status::status;
use crate::retention::Class;
use crate::retention::term::Standing;
use chrono::{Months, NaiveDate};
use serde::Serialize;
use std::collections::BTreeMap;

/// Months for which the record is kept at least: three years.
const KEPT: Months = Months::new(36);

/// The record.
#[derive(Clone, Debug, Serialize)]
pub struct AssessmentReport {
    /// Id of the keyring.
    pub keyring: String,
    /// Its firm.
    pub firm: String,
    /// The day on which it was made.
    #[serde(rename = "date")]
    pub made: NaiveDate,
    /// The day to which it is kept at least.
    pub keep_until: NaiveDate,
    /// What the keyring knows.
    pub facts: Facts,
    /// Answers by question, `part.key`.
    pub answers: BTreeMap<String, String>,
    /// Questions without an answer.
    pub unanswered: Vec<String>,
}

/// What the keyring knows.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Facts {
    /// Archives whose keys it holds.
    #[serde(rename = "archive_count")]
    pub archives: u64,
    /// Records by what is to become of them.
    #[serde(rename = "states")]
    pub records: RecordCounts,
    /// Live records by class.
    #[serde(rename = "count_by_class")]
    pub by_class: BTreeMap<&'static str, u64>,
    /// Live records by compartment's name and class.
    pub compartments: Vec<CompartmentFact>,
    /// Live records by rule; those of a chosen date under the empty id.
    #[serde(rename = "count_by_rule")]
    pub by_rule: BTreeMap<String, u64>,
    /// The earliest last day of a live record.
    #[serde(rename = "first_day")]
    pub first: Option<NaiveDate>,
    /// The latest one.
    #[serde(rename = "last_day")]
    pub last: Option<NaiveDate>,
    /// Recipients of the archives that were named.
    #[serde(rename = "access")]
    pub recipients: Vec<Access>,
    /// Archives that were not named: their recipients are not told.
    #[serde(rename = "not_named_count")]
    pub not_named: u64,
    /// Keyrings that hold the expiry halves.
    pub custodians: u32,
    /// Holds in force.
    #[serde(rename = "hold_count")]
    pub holds: u64,
    /// Days between scheduling and destruction.
    pub cool_off_days: u32,
    /// People on the roster who decide; none without a roster.
    #[serde(rename = "decider_count")]
    pub deciders: Option<u64>,
    /// How many of them a change of roster, settings or policy needs.
    pub deciders_needed: Option<u32>,
    /// Who may ask for what; none without a disclosure policy.
    #[serde(rename = "disclosure_policy")]
    pub policy: Option<PolicyFact>,
    /// Requests and answers so far.
    #[serde(rename = "outcomes")]
    pub requests: Outcomes,
    /// The same by purpose.
    #[serde(rename = "by_purpose")]
    pub requests_by_purpose: BTreeMap<String, Outcomes>,
    /// Live records whose keys are on emergency key sheets.
    #[serde(rename = "key_sheet_count")]
    pub on_key_sheets: u64,
    /// Days since somebody confirmed the clock.
    pub clock_unconfirmed_days: i64,
    /// Entries of the journal.
    #[serde(rename = "entries")]
    pub journal_entries: u64,
}

/// Compartments of one name and class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CompartmentFact {
    /// Its name.
    pub compartment: String,
    /// Its class.
    pub class: &'static str,
    /// Live records.
    #[serde(rename = "live_count")]
    pub live: u64,
    /// Destroyed ones.
    #[serde(rename = "destroyed_count")]
    pub destroyed: u64,
}

/// Who may ask for what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyFact {
    /// SHA-256 of its text.
    pub sha256: String,
    /// People who must approve, by class.
    #[serde(rename = "approvals_by_class")]
    pub approvals: BTreeMap<&'static str, u32>,
    /// Its entries.
    pub requesters: Vec<RequesterFact>,
}

/// One entry of the policy; what is none is not narrowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RequesterFact {
    /// Who.
    pub principal: String,
    /// For which purposes.
    pub purposes: Option<Vec<&'static str>>,
    /// Of which classes.
    pub classes: Option<Vec<&'static str>>,
    /// Of which compartments.
    #[serde(rename = "compartment_names")]
    pub compartments: Option<Vec<String>>,
    /// Of which archive.
    pub archive: Option<String>,
    /// Of which records.
    pub records: Option<String>,
    /// Until when.
    pub until: Option<NaiveDate>,
}

/// Gathers the facts and joins them with answers.
///
/// # Errors
/// Those of the keyring.
pub fn assessment(
    custody: &Custody,
    archives: &[OpenedArchive],
    answers: &Answers,
) -> Result<AssessmentReport, OpsError> {
    let made = custody.now().today();
    let name = |part: &str, key: &str| format!("{part}.{key}");
    let open = QUESTIONS.iter().filter(|question| !answers.contains_key(&(question.part, question.key)));
    Ok(AssessmentReport {
        keyring: custody.keyring().config().keyring.clone(),
        firm: custody.keyring().config().firm.clone(),
        made,
        keep_until: made.checked_add_months(KEPT).unwrap_or(NaiveDate::MAX),
        facts: facts(custody, archives)?,
        answers: answers.iter().map(|((part, key), answer)| (name(part, key), answer.clone())).collect(),
        unanswered: open.map(Question::name).collect(),
    })
}

fn facts(custody: &Custody, archives: &[OpenedArchive]) -> Result<Facts, OpsError> {
    let (status, requests) = (status(custody)?, disclosure_report(custody, Period::default())?);
    let deciders = deciders(custody)?;
    let known = custody.keyring().archives()?.len();
    let mut facts = Facts {
        archives: known as u64,
        records: RecordCounts::of(&status),
        by_class: status.by_class.iter().map(|(class, counts)| (class.as_str(), counts.live())).collect(),
        by_rule: status.by_rule.iter().map(|(rule, counts)| (rule.clone(), counts.live())).collect(),
        recipients: archives.iter().flat_map(OpenedArchive::access).collect(),
        not_named: known.saturating_sub(archives.len()) as u64,
        custodians: 1,
        holds: status.holds,
        cool_off_days: custody.register().settings.cool_off_days,
        deciders: deciders.as_ref().map(|deciders| deciders.roster.people().len() as u64),
        deciders_needed: deciders.as_ref().map(|deciders| deciders.needed),
        policy: policy(custody)?,
        requests: requests.all,
        requests_by_purpose: requests.by_purpose,
        clock_unconfirmed_days: status.clock.unconfirmed_days,
        journal_entries: custody.keyring().log().size()?,
        ..Facts::default()
    };
    let exports = custody.keyring().exports()?;
    let mut compartments: BTreeMap<(String, Class), (u64, u64)> = BTreeMap::new();
    custody.for_each_record(None, |judge, view, _| {
        let counts = compartments.entry((view.compartment.to_owned(), view.class)).or_default();
        if !view.live {
            counts.1 += 1;
            return Ok(());
        }
        counts.0 += 1;
        let on_it = exports.iter().any(|e| e.archive == view.archive && e.records.contains(view.record));
        facts.on_key_sheets += u64::from(on_it);
        if let Standing::Until { last, .. } = judge.standing(view) {
            facts.first = Some(facts.first.map_or(last, |first| first.min(last)));
            facts.last = facts.last.max(Some(last));
        }
        Ok(())
    })?;
    let fact = |((compartment, class), (live, destroyed)): ((String, Class), (u64, u64))| CompartmentFact {
        compartment,
        class: class.as_str(),
        live,
        destroyed,
    };
    facts.compartments = compartments.into_iter().map(fact).collect();
    Ok(facts)
}

fn policy(custody: &Custody) -> Result<Option<PolicyFact>, OpsError> {
    let Some(policy) = in_force(custody.keyring())? else { return Ok(None) };
    let classes = [Class::Public, Class::Sensitive, Class::Confidential];
    let requester = |entry: &crate::disclosure::policy::Requester| RequesterFact {
        principal: entry.principal.clone(),
        purposes: entry.purposes.as_ref().map(|purposes| purposes.iter().map(|purpose| purpose.code()).collect()),
        classes: entry.classes.as_ref().map(|classes| classes.iter().map(|class| class.as_str()).collect()),
        compartments: entry.compartments.clone(),
        archive: entry.archive.map(hex::encode),
        records: entry.records.as_ref().map(ToString::to_string),
        until: entry.until,
    };
    Ok(Some(PolicyFact {
        sha256: hex::encode(policy.hash()),
        approvals: classes.map(|class| (class.as_str(), policy.approvals(class))).into(),
        requesters: policy.requesters().iter().map(requester).collect(),
    }))
}
