//! The compliance report: what the rules ask, what was done, and first of all what is not as it should be.
//!
//! Invariant: what is said of the past is said by the journal, which is verified first, or by a certificate that the journal
//! speaks for. Spec: `spec/reports.md`, "Compliance".

use super::archives::OpenedArchive;
use super::disclosures::{Answer, DisclosureReport, disclosure_report};
use super::past::{Past, past};
use super::period::Period;
use crate::crypto::kdf::ArchiveId;
use crate::ops::OpsError;
use crate::ops::custody::Custody;
use crate::ops::journal::verify_own;
use crate::ops::notify::NoticeCounts;
use crate::ops::status::{Counts, Status, status};
use crate::retention::AtExpiry;
use crate::retention::clock::ClockDistrust;
use crate::retention::disposition::Disposition;
use crate::retention::hold::Hold;
use crate::retention::rule::Rule;
use crate::retention::rules;
use crate::retention::scope::Scope;
use crate::retention::term::Standing;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use std::collections::BTreeMap;

/// Days after which a verification, or somebody else's word on journal and clock, is too old.
pub const LONG_AGO: i64 = 366;
/// Days after which the clock or the journal has stood unconfirmed for long.
pub const UNCONFIRMED: i64 = 35;

/// What a keyring did and does about its rules.
#[derive(Clone, Debug, Serialize)]
pub struct ComplianceReport {
    /// Id of the keyring.
    pub keyring: String,
    /// Its firm.
    pub firm: String,
    /// The day on which it was made.
    #[serde(rename = "date")]
    pub made: NaiveDate,
    /// Days whose events are in it.
    #[serde(flatten)]
    pub period: Period,
    /// What is not as it should be.
    pub findings: Vec<Finding>,
    /// Records by what is to become of them.
    #[serde(rename = "states")]
    pub records: RecordCounts,
    /// What each rule asks, and of how many records; records of no rule under the empty id.
    #[serde(rename = "by_rules")]
    pub rules: Vec<RuleLine>,
    /// Events that records wait for.
    pub awaited: BTreeMap<String, u64>,
    /// Records that wait for a notice of their destruction, or for the end of its period.
    pub notices: NoticeCounts,
    /// Holds in force, and those released in the period.
    pub holds: Vec<HoldLine>,
    /// What the journal says of the period.
    pub past: Past,
    /// Answers to requests, and how long they took.
    #[serde(rename = "answering")]
    pub answers: Answers,
    /// The journal.
    pub journal: JournalLine,
    /// The clock.
    pub clock: ClockLine,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which, as `spec/reports.md` lists them.
    #[serde(rename = "finding")]
    pub code: &'static str,
    /// How many, or how many days.
    pub count: u64,
    /// What it is about, where that has a name.
    pub about: Vec<String>,
}

/// [`Counts`] as data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RecordCounts {
    /// Keys are there.
    pub live: u64,
    /// Their time runs.
    pub kept: u64,
    /// Run out by this machine's clock, which alone does not suffice.
    pub run_out: u64,
    /// Due.
    pub due: u64,
    /// Due, and a person must decide.
    pub due_for_review: u64,
    /// In a cool-off.
    pub scheduled: u64,
    /// Held.
    pub held: u64,
    /// Waiting for an event.
    pub awaiting: u64,
    /// Kept for ever.
    pub permanent: u64,
    /// Destroyed here.
    pub destroyed: u64,
    /// Should have been destroyed.
    pub overdue: u64,
}

impl RecordCounts {
    /// From the status.
    pub fn of(status: &Status) -> Self {
        let Counts { kept, run_out, review, due, scheduled, held, awaiting, permanent, destroyed } = status.all;
        Self {
            live: status.all.live(),
            kept,
            run_out,
            due,
            due_for_review: review,
            scheduled,
            held,
            awaiting,
            permanent,
            destroyed,
            overdue: status.overdue,
        }
    }
}

/// A rule and its records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RuleLine {
    /// Its id; empty for a date that somebody chose.
    pub rule: String,
    /// What it is called.
    pub title: Option<String>,
    /// The same in Chinese.
    pub title_zh: Option<String>,
    /// Where it is written.
    pub citation: Option<String>,
    /// How sure the citation is: `H` its text was read, `M` from a secondary source, `L` from memory.
    pub confidence: Option<&'static str>,
    /// Who says title and citation: `archive` or `built-in`; none where nobody does.
    pub source: Option<&'static str>,
    /// Live records.
    #[serde(rename = "live_count")]
    pub live: u64,
    /// Destroyed records.
    #[serde(rename = "destroyed_count")]
    pub destroyed: u64,
    /// The earliest last day of a live record, whatever else binds it.
    #[serde(rename = "first_day")]
    pub first: Option<NaiveDate>,
    /// The latest one.
    #[serde(rename = "last_day")]
    pub last: Option<NaiveDate>,
    /// Live records that are destroyed at their end without review.
    #[serde(rename = "destroy_count")]
    pub destroy: u64,
    /// Live records that somebody reviews first.
    #[serde(rename = "review_count")]
    pub review: u64,
    /// Live records that wait for an event.
    #[serde(rename = "awaiting_count")]
    pub awaiting: u64,
    /// Live records that are kept for ever.
    #[serde(rename = "permanent_count")]
    pub permanent: u64,
    /// Live records that are held.
    #[serde(rename = "held_count")]
    pub held: u64,
    /// Live records that should have been destroyed.
    #[serde(rename = "overdue_count")]
    pub overdue: u64,
}

/// A hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HoldLine {
    /// Its id.
    pub hold: String,
    /// What it is about; none when it was released.
    pub matter: Option<String>,
    /// Who ordered it.
    pub authority: Option<String>,
    /// What it covers.
    pub scope: Scope,
    /// Since when.
    #[serde(rename = "since")]
    pub from: NaiveDate,
    /// When it was placed.
    pub placed: DateTime<Utc>,
    /// When it was released.
    pub released: Option<DateTime<Utc>>,
    /// Whether it forbids disclosure too.
    pub secrecy: bool,
}

/// How requests of the period were answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Answers {
    /// Requests taken in the period.
    #[serde(rename = "request_count")]
    pub requests: u64,
    /// Granted.
    #[serde(rename = "granted_count")]
    pub granted: u64,
    /// Refused, by reason.
    #[serde(rename = "refused_by_reason")]
    pub refused: BTreeMap<String, u64>,
    /// Without an answer.
    #[serde(rename = "open_count")]
    pub open: u64,
    /// Without an answer for more than 21 days.
    #[serde(rename = "slow_count")]
    pub slow: u64,
    /// Whole days to the answer: the fewest.
    pub shortest_days: Option<i64>,
    /// Half of them took no longer.
    pub median_days: Option<i64>,
    /// The most.
    pub longest_days: Option<i64>,
}

/// The journal as this run found it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JournalLine {
    /// Its origin.
    pub origin: String,
    /// Entries, all of which were verified.
    pub entries: u64,
    /// Root over them.
    pub root: Option<String>,
    /// Entries under the last signed checkpoint.
    #[serde(rename = "signed_entries")]
    pub signed: Option<u64>,
    /// Entries whose time is before an earlier one's.
    #[serde(rename = "times_backwards")]
    pub backwards: u64,
    /// The first time of a witness's cosignature that the journal tells of.
    pub witnessed_since: Option<DateTime<Utc>>,
    /// The last one.
    pub witnessed_last: Option<DateTime<Utc>>,
    /// The last time-stamp over a checkpoint.
    pub timestamped_last: Option<DateTime<Utc>>,
    /// Entries after the one that tells of the last cosignature or time-stamp.
    #[serde(rename = "entries_since")]
    pub since_then: Option<u64>,
}

/// The clock as it is believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClockLine {
    /// The day that has certainly come.
    pub certain_date: NaiveDate,
    /// The latest time that somebody else proved.
    pub proved: Option<DateTime<Utc>>,
    /// Days since somebody confirmed it.
    pub unconfirmed_days: i64,
    /// Why nothing is destroyed, where that is so: `not-read`, `jumped` or `far-behind`.
    pub distrust: Option<&'static str>,
}

/// Verifies the journal and gathers the report; archives that are named speak for their rules.
///
/// # Errors
/// A journal that does not verify; those of the keyring.
pub fn compliance(custody: &Custody, archives: &[OpenedArchive], period: Period) -> Result<ComplianceReport, OpsError> {
    let verified = verify_own(custody.keyring(), None)?;
    let status = status(custody)?;
    let past = past(custody, period)?;
    let requests = disclosure_report(custody, period)?;
    let seen = past.seen;
    let journal = JournalLine {
        origin: verified.origin,
        entries: verified.verified.size,
        root: verified.verified.root.map(hex::encode),
        signed: verified.signed,
        backwards: verified.verified.backwards,
        witnessed_since: seen.witnessed_since,
        witnessed_last: seen.witnessed_last,
        timestamped_last: seen.timestamped_last,
        since_then: seen.entry.map(|entry| verified.verified.size - entry - 1),
    };
    let clock = ClockLine {
        certain_date: status.clock.trusted_today,
        proved: status.clock.proved,
        unconfirmed_days: status.clock.unconfirmed_days,
        distrust: custody.register().clock.may_destroy().err().map(|why| distrust(&why)),
    };
    let mut report = ComplianceReport {
        keyring: custody.keyring().config().keyring.clone(),
        firm: custody.keyring().config().firm.clone(),
        made: custody.now().today(),
        period,
        findings: Vec::new(),
        records: RecordCounts::of(&status),
        rules: rule_lines(custody, archives)?,
        awaited: status.awaited.clone(),
        notices: status.awaiting_notice,
        holds: holds(custody, period),
        past,
        answers: answers(&requests),
        journal,
        clock,
    };
    report.findings = findings(custody, &report, &requests)?;
    Ok(report)
}

fn distrust(why: &ClockDistrust) -> &'static str {
    match why {
        ClockDistrust::NotRead => "not-read",
        ClockDistrust::Jumped { .. } => "jumped",
        ClockDistrust::FarBehind { .. } => "far-behind",
    }
}

fn rule_lines(custody: &Custody, archives: &[OpenedArchive]) -> Result<Vec<RuleLine>, OpsError> {
    let mut lines: BTreeMap<String, RuleLine> = BTreeMap::new();
    let mark = custody.register().clock.mark_date();
    custody.for_each_record(None, |judge, view, disposition| {
        let mut rules = view.retention.rules();
        if rules.is_empty() {
            rules.push("");
        }
        let standing = judge.standing(view);
        for rule in rules {
            let line = lines.entry(rule.to_owned()).or_default();
            if !view.live {
                line.destroyed += 1;
                continue;
            }
            line.live += 1;
            match view.retention.at_expiry {
                _ if standing == Standing::Permanent => {}
                AtExpiry::Destroy => line.destroy += 1,
                AtExpiry::Review => line.review += 1,
            }
            match &standing {
                Standing::Until { last, .. } => {
                    line.first = Some(line.first.map_or(*last, |first| first.min(*last)));
                    line.last = line.last.max(Some(*last));
                }
                Standing::Awaiting(_) => line.awaiting += 1,
                Standing::Permanent => line.permanent += 1,
            }
            match &disposition {
                Disposition::Held { .. } => line.held += 1,
                Disposition::Due { .. } => line.overdue += u64::from(judge.unnotified(view).is_none()),
                Disposition::Scheduled { not_before, .. } => line.overdue += u64::from(*not_before <= mark),
                _ => {}
            }
        }
        Ok(())
    })?;
    let told = |id: &str| -> Option<(&Rule, &'static str)> {
        let sealed = archives.iter().flat_map(OpenedArchive::rules).find(|rule| rule.id == id);
        sealed.map(|rule| (rule, "archive")).or_else(|| rules::find(id).map(|rule| (rule, "built-in")))
    };
    let with_words = |(id, mut line): (String, RuleLine)| {
        if let Some((rule, source)) = told(&id) {
            line.title = Some(rule.title.clone());
            line.title_zh = rule.title_zh.clone();
            line.citation = rule.citation.clone();
            line.confidence = rule.confidence.map(|confidence| confidence.as_str());
            line.source = Some(source);
        }
        line.rule = id;
        line
    };
    Ok(lines.into_iter().map(with_words).collect())
}

fn holds(custody: &Custody, period: Period) -> Vec<HoldLine> {
    let shown = |hold: &&Hold| hold.released.is_none_or(|released| period.covers(custody.now(), released));
    let line = |hold: &Hold| HoldLine {
        hold: hex::encode(hold.id),
        matter: hold.matter.clone(),
        authority: hold.authority.clone(),
        scope: hold.scope.clone(),
        from: hold.from,
        placed: hold.placed,
        released: hold.released,
        secrecy: hold.secrecy,
    };
    custody.register().holds.iter().filter(shown).map(line).collect()
}

fn answers(report: &DisclosureReport) -> Answers {
    let mut answers = Answers {
        requests: report.all.requests,
        granted: report.all.granted,
        refused: report.by_reason.clone(),
        open: report.all.open,
        ..Answers::default()
    };
    let mut days = Vec::new();
    for request in &report.requests {
        match &request.answer {
            Answer::Open { slow } => answers.slow += u64::from(*slow),
            Answer::Refused { .. } | Answer::Granted(_) => days.push(request.days),
        }
    }
    days.sort_unstable();
    answers.shortest_days = days.first().copied();
    answers.median_days = days.get(days.len().saturating_sub(1) / 2).copied();
    answers.longest_days = days.last().copied();
    answers
}

/// The last verification of each archive that the keyring knows and still has live records of.
fn unverified(custody: &Custody, past: &Past) -> Result<Vec<Finding>, OpsError> {
    let mut found = Vec::new();
    for (archive, counts) in status(custody)?.by_archive {
        if counts.live() == 0 {
            continue;
        }
        let last = past.verified_last.get(&hex::encode(archive));
        let about = vec![hex::encode(archive)];
        let age = |time: DateTime<Utc>| (custody.signing_time() - time).num_days();
        match last {
            Some(last) if !last.whole => found.push(Finding { code: "archive-damaged", count: 1, about }),
            Some(last) if age(last.time) <= LONG_AGO => {}
            Some(last) => {
                found.push(Finding { code: "archive-not-verified-lately", count: age(last.time) as u64, about });
            }
            None => {
                let deposited = deposited(custody, &archive)?;
                let days = deposited.map_or(0, age);
                if days > LONG_AGO {
                    found.push(Finding { code: "archive-never-verified", count: days as u64, about });
                }
            }
        }
    }
    Ok(found)
}

fn deposited(custody: &Custody, archive: &ArchiveId) -> Result<Option<DateTime<Utc>>, OpsError> {
    let known = custody.keyring().known_archive(archive)?;
    Ok(known.and_then(|known| DateTime::parse_from_rfc3339(&known.deposited).ok()).map(|time| time.to_utc()))
}

fn findings(
    custody: &Custody,
    report: &ComplianceReport,
    requests: &DisclosureReport,
) -> Result<Vec<Finding>, OpsError> {
    let mut found = Vec::new();
    let mut find = |code: &'static str, count: u64| {
        if count > 0 {
            found.push(Finding { code, count, about: Vec::new() });
        }
    };
    let days = |time: Option<DateTime<Utc>>| time.map(|time| (custody.signing_time() - time).num_days());
    find("records-overdue", report.records.overdue);
    find("notices-late", report.notices.late);
    find("returns-overdue", requests.overdue.len() as u64);
    find("requests-waiting", crate::ops::disclosures::summary(custody)?.slow_requests);
    find("clock-not-trusted", u64::from(report.clock.distrust.is_some()));
    find("change-interrupted", u64::from(custody.keyring().unfinished()));
    find("ledger-and-journal-differ", requests.disagreements.len() as u64);
    find("journal-times-backwards", report.journal.backwards);
    find("cool-off-not-kept", report.past.purges.iter().filter(|purge| !purge.cool_off_kept).count() as u64);
    find("certificate-missing", report.past.purges.iter().filter(|purge| purge.certificate.is_none()).count() as u64);
    let unsure = |line: &&RuleLine| !line.rule.is_empty() && line.live > 0 && line.source.is_none();
    find("rule-without-citation", report.rules.iter().filter(unsure).count() as u64);
    match days(report.journal.witnessed_last.max(report.journal.timestamped_last)) {
        None => find("journal-never-witnessed", 1),
        Some(days) if days > UNCONFIRMED => find("journal-not-witnessed-lately", days as u64),
        Some(_) => {}
    }
    match days(report.clock.proved) {
        None => find("clock-never-confirmed", 1),
        Some(days) if days > UNCONFIRMED => find("clock-not-confirmed-lately", days as u64),
        Some(_) => {}
    }
    found.extend(unverified(custody, &report.past)?);
    Ok(found)
}
