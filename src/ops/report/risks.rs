//! The risk sheet: what in this keyring could fail, and which promise would fail with it.
//!
//! Invariant: nothing is said that was not looked at; the order follows from the level and the list, never from a number. Spec:
//! `spec/reports.md`, "Risks".

use super::archives::OpenedArchive;
use super::compliance::{LONG_AGO, RecordCounts, UNCONFIRMED};
use super::past::{LastVerified, past};
use super::period::Period;
use crate::disclosure::entry::Entry;
use crate::disclosure::namespace;
use crate::disclosure::roster::Roster;
use crate::ops::OpsError;
use crate::ops::custody::Custody;
use crate::ops::deciders::deciders;
use crate::ops::disclosure_policy::in_force;
use crate::ops::notify::NoticeCounts;
use crate::ops::status::status;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

/// What lies around the keyring, which only the command line can see.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Surroundings {
    /// An identity is on the disk of the keyring or of its root.
    pub identity_on_same_disk: bool,
    /// An identity is on this machine.
    pub identity_here: bool,
    /// The root is on the disk of the catalogue.
    pub root_on_same_disk: bool,
    /// The root's file system, where it keeps what was overwritten.
    pub root_file_system_keeps_copies: Option<&'static str>,
    /// Whether a timer or a crontab line was found for this keyring; none where that could not be looked at.
    #[serde(rename = "schedule_installed")]
    pub scheduled: Option<bool>,
}

/// What is at stake, most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Something that should have happened has not, or cannot happen.
    Now,
    /// One loss, theft or mistake breaks a promise.
    OneStep,
    /// Something could go wrong and nobody would notice, or could prove it.
    Unseen,
}

/// What can be found, in the order in which it is shown within its level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)] // Described where they are specified: spec/reports.md, "Risks".
pub enum Kind {
    ArchiveDamaged,
    ChangeInterrupted,
    ClockNotTrusted,
    RecordsOverdue,
    NoticesLate,
    ReturnsOverdue,
    RequestsWaiting,
    SoleCustodian,
    RootKeepsCopies,
    RootBesideCatalogue,
    IdentityBesideKeyring,
    IdentityOnThisMachine,
    NobodyApproves,
    OneApprover,
    RequesterApproves,
    NoSubstitute,
    TypedDates,
    NoCoolOff,
    NoSchedule,
    KeySheetsAlive,
    ClassicalRecipients,
    NeverWitnessed,
    NotWitnessedLately,
    ClockNeverConfirmed,
    ClockNotConfirmedLately,
    ArchiveNeverVerified,
    ArchiveNotVerifiedLately,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 27] = [
        Self::ArchiveDamaged,
        Self::ChangeInterrupted,
        Self::ClockNotTrusted,
        Self::RecordsOverdue,
        Self::NoticesLate,
        Self::ReturnsOverdue,
        Self::RequestsWaiting,
        Self::SoleCustodian,
        Self::RootKeepsCopies,
        Self::RootBesideCatalogue,
        Self::IdentityBesideKeyring,
        Self::IdentityOnThisMachine,
        Self::NobodyApproves,
        Self::OneApprover,
        Self::RequesterApproves,
        Self::NoSubstitute,
        Self::TypedDates,
        Self::NoCoolOff,
        Self::NoSchedule,
        Self::KeySheetsAlive,
        Self::ClassicalRecipients,
        Self::NeverWitnessed,
        Self::NotWitnessedLately,
        Self::ClockNeverConfirmed,
        Self::ClockNotConfirmedLately,
        Self::ArchiveNeverVerified,
        Self::ArchiveNotVerifiedLately,
    ];

    /// What is at stake.
    pub fn level(self) -> Level {
        match self {
            kind if kind <= Self::RequestsWaiting => Level::Now,
            kind if kind <= Self::NoSchedule => Level::OneStep,
            _ => Level::Unseen,
        }
    }

    /// Numbers of the promises that it touches, as in `spec/threat-model.md`.
    pub fn promises(self) -> &'static [&'static str] {
        match self {
            Self::ArchiveDamaged | Self::ArchiveNeverVerified | Self::ArchiveNotVerifiedLately => &["P4"],
            Self::ChangeInterrupted => &["P2", "P8"],
            Self::ClockNotTrusted | Self::TypedDates | Self::ClockNeverConfirmed | Self::ClockNotConfirmedLately => {
                &["P9"]
            }
            Self::RecordsOverdue | Self::NoticesLate | Self::NoSchedule => &["P2"],
            Self::ReturnsOverdue | Self::RequestsWaiting | Self::RequesterApproves => &["P3"],
            Self::SoleCustodian => &["P6"],
            Self::RootKeepsCopies | Self::RootBesideCatalogue | Self::KeySheetsAlive => &["P2"],
            Self::IdentityBesideKeyring | Self::IdentityOnThisMachine => &["P1"],
            Self::NobodyApproves | Self::OneApprover | Self::NoSubstitute => &["P3", "P6"],
            Self::NoCoolOff => &["P6"],
            Self::ClassicalRecipients => &["P11"],
            Self::NeverWitnessed | Self::NotWitnessedLately => &["P7"],
        }
    }
}

/// One risk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Risk {
    /// Which.
    #[serde(rename = "risk")]
    pub code: Kind,
    /// What is at stake.
    pub level: Level,
    /// Which promises.
    pub promises: &'static [&'static str],
    /// How many, or how many days; 1 where there is nothing to count.
    pub count: u64,
    /// What it is about, where that has names: archives, compartments, people, a file system.
    pub about: Vec<String>,
}

/// All risks of a keyring.
#[derive(Clone, Debug, Serialize)]
pub struct RiskReport {
    /// Id of the keyring.
    pub keyring: String,
    /// Its firm.
    pub firm: String,
    /// The day on which it was made.
    #[serde(rename = "date")]
    pub made: NaiveDate,
    /// Records by what is to become of them.
    #[serde(rename = "states")]
    pub records: RecordCounts,
    /// Records that wait for a notice of their destruction, or for the end of its period.
    pub notices: NoticeCounts,
    /// What was found, most urgent first.
    pub risks: Vec<Risk>,
    /// What was not looked at.
    pub not_looked_at: Vec<Kind>,
    /// What lies around the keyring.
    pub surroundings: Surroundings,
}

/// Looks for every risk.
///
/// # Errors
/// Those of the keyring.
pub fn risks(
    custody: &Custody,
    archives: &[OpenedArchive],
    surroundings: Surroundings,
) -> Result<RiskReport, OpsError> {
    let status = status(custody)?;
    let mut found = Found::default();
    let live = status.all.live() > 0;
    found.when(status.overdue > 0, Kind::RecordsOverdue, status.overdue);
    let notices = status.awaiting_notice;
    if notices.late > 0 {
        // The earliest day is the one that a reader has to act on.
        found.add(Kind::NoticesLate, notices.late, notices.send_by.iter().map(NaiveDate::to_string).collect());
    }
    found.when(status.disclosures.overdue > 0, Kind::ReturnsOverdue, status.disclosures.overdue);
    found.when(status.disclosures.slow_requests > 0, Kind::RequestsWaiting, status.disclosures.slow_requests);
    found.when(status.clock.distrust.is_some(), Kind::ClockNotTrusted, 1);
    found.when(custody.keyring().unfinished(), Kind::ChangeInterrupted, 1);
    // This version of the formats has one custodian.
    found.when(live, Kind::SoleCustodian, status.all.live());
    found.when(surroundings.root_on_same_disk, Kind::RootBesideCatalogue, 1);
    found.when(surroundings.identity_on_same_disk, Kind::IdentityBesideKeyring, 1);
    let elsewhere = surroundings.identity_here && !surroundings.identity_on_same_disk;
    found.when(elsewhere, Kind::IdentityOnThisMachine, 1);
    if let Some(name) = surroundings.root_file_system_keeps_copies {
        found.add(Kind::RootKeepsCopies, 1, vec![name.to_owned()]);
    }
    match surroundings.scheduled {
        Some(scheduled) => found.when(live && !scheduled, Kind::NoSchedule, 1),
        None => found.not_looked_at.push(Kind::NoSchedule),
    }
    let settings = &custody.register().settings;
    found.when(settings.typed_confirmation, Kind::TypedDates, 1);
    found.when(settings.cool_off_days == 0, Kind::NoCoolOff, 1);
    people(custody, &mut found)?;
    copies(custody, archives, &mut found)?;
    unseen(custody, &mut found)?;
    found.risks.sort_by_key(|risk| risk.code);
    found.not_looked_at.sort_unstable();
    Ok(RiskReport {
        keyring: custody.keyring().config().keyring.clone(),
        firm: custody.keyring().config().firm.clone(),
        made: custody.now().today(),
        records: RecordCounts::of(&status),
        notices,
        risks: found.risks,
        not_looked_at: found.not_looked_at,
        surroundings,
    })
}

#[derive(Default)]
struct Found {
    risks: Vec<Risk>,
    not_looked_at: Vec<Kind>,
}

impl Found {
    fn add(&mut self, code: Kind, count: u64, about: Vec<String>) {
        self.risks.push(Risk { code, level: code.level(), promises: code.promises(), count, about });
    }

    fn when(&mut self, is_so: bool, code: Kind, count: u64) {
        if is_so {
            self.add(code, count, Vec::new());
        }
    }
}

/// Who decides, and who decides alone.
fn people(custody: &Custody, found: &mut Found) -> Result<(), OpsError> {
    let (Some(deciders), Some(known)) = (deciders(custody)?, &custody.register().roster) else {
        found.add(Kind::NobodyApproves, 1, Vec::new());
        return Ok(());
    };
    let people = deciders.roster.people().len() as u64;
    found.when(deciders.needed == 1, Kind::OneApprover, people);
    let needed = u64::from(deciders.needed);
    found.when(needed > 1 && people == needed, Kind::NoSubstitute, needed);
    let roster = Roster::parse(known.text.as_bytes())?;
    if let Some(policy) = in_force(custody.keyring())? {
        // A requester's own request is never approved by themself, but another's may be.
        let at = custody.signing_time();
        let may_approve = |principal: &str| {
            let entries = roster.entries().iter();
            let able = |entry: &Entry| entry.may_sign(namespace::APPROVAL) && entry.is_valid(at);
            entries.into_iter().any(|entry| entry.principal == principal && able(entry))
        };
        let asks = policy.requesters().iter().map(|requester| requester.principal.clone());
        let mut both: Vec<String> = asks.filter(|principal| may_approve(principal)).collect();
        both.sort();
        both.dedup();
        if !both.is_empty() {
            found.add(Kind::RequesterApproves, both.len() as u64, both);
        }
    }
    Ok(())
}

/// Keys of live records that are elsewhere, and recipients that a quantum computer would open.
fn copies(custody: &Custody, archives: &[OpenedArchive], found: &mut Found) -> Result<(), OpsError> {
    let exports = custody.keyring().exports()?;
    let mut on_sheets = 0;
    if !exports.is_empty() {
        custody.for_each_record(None, |_, view, _| {
            let on = |export: &crate::keyring::export::Export| {
                export.archive == view.archive && export.records.contains(view.record)
            };
            on_sheets += u64::from(view.live && exports.iter().any(on));
            Ok(())
        })?;
    }
    found.when(on_sheets > 0, Kind::KeySheetsAlive, on_sheets);
    let classical: Vec<String> = archives
        .iter()
        .flat_map(OpenedArchive::access)
        .filter(|access| !access.is_post_quantum())
        .map(|access| format!("{} {}", access.archive, access.compartment))
        .collect();
    if !classical.is_empty() {
        found.add(Kind::ClassicalRecipients, classical.len() as u64, classical);
    }
    if custody.keyring().archives()?.len() > archives.len() {
        found.not_looked_at.push(Kind::ClassicalRecipients);
    }
    Ok(())
}

/// What nobody else has seen or checked for long.
fn unseen(custody: &Custody, found: &mut Found) -> Result<(), OpsError> {
    let past = past(custody, Period::default())?;
    let age = |time: DateTime<Utc>| (custody.signing_time() - time).num_days();
    match past.seen.witnessed_last.max(past.seen.timestamped_last).map(age) {
        None => found.add(Kind::NeverWitnessed, 1, Vec::new()),
        Some(days) if days > UNCONFIRMED => found.add(Kind::NotWitnessedLately, days as u64, Vec::new()),
        Some(_) => {}
    }
    match custody.register().clock.proved.map(age) {
        None => found.add(Kind::ClockNeverConfirmed, 1, Vec::new()),
        Some(days) if days > UNCONFIRMED => found.add(Kind::ClockNotConfirmedLately, days as u64, Vec::new()),
        Some(_) => {}
    }
    let (mut never, mut long, mut damaged) = (Vec::new(), Vec::new(), Vec::new());
    for (archive, counts) in status(custody)?.by_archive {
        let archive = hex::encode(archive);
        match past.verified_last.get(&archive) {
            _ if counts.live() == 0 => {}
            None => never.push(archive),
            Some(LastVerified { whole: false, .. }) => damaged.push(archive),
            Some(last) if age(last.time) > LONG_AGO => long.push(archive),
            Some(_) => {}
        }
    }
    let lists =
        [(Kind::ArchiveNeverVerified, never), (Kind::ArchiveNotVerifiedLately, long), (Kind::ArchiveDamaged, damaged)];
    for (kind, archives) in lists.into_iter().filter(|(_, archives)| !archives.is_empty()) {
        found.add(kind, archives.len() as u64, archives);
    }
    Ok(())
}
