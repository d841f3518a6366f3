//! `purge`: from records whose time has run to a purge that may be carried out.
//!
//! Due → reviewed where the rule says → scheduled, with a cool-off that can be cancelled. What is carried out, and how, is in
//! [`super::destruction`]. Spec: `spec/disposition.md`, "Purge".

use super::OpsError;
use super::custody::{Custody, MIN_PREFIX, entry_of};
use super::deciders::deciders;
use super::destruction::{self, Executed, PurgeNotes};
use super::journal::show_entries;
use super::notices;
use super::notify::{NoticeCounts, waits};
use crate::crypto::hash::sha256;
use crate::crypto::kdf::ArchiveId;
use crate::crypto::secret::random_id;
use crate::disclosure::namespace;
use crate::journal::certificate::{Approval, Reason};
use crate::journal::entry::Entry;
use crate::journal::plan::{self, Decision, Plan, PlannedRecord, RecordState, state_hash};
use crate::journal::role::Roles;
use crate::retention::disposition::{Disposition, Judge, RecordView};
use crate::retention::notice::Unnotified;
use crate::retention::ranges::Ranges;
use crate::retention::register::{NewSchedule, PurgeId, Scheduled};
use crate::retention::scope::Item;
use crate::retention::{Retention, whole_second};
use chrono::NaiveDate;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use tr::tr;

/// Why a record that was selected is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftAlone {
    /// Its time has run: nothing about it is early.
    DueAlready,
    /// A rule keeps it whose time has not run.
    KeptByRule,
    /// Its time has not run.
    NotDue,
    /// Its time has not begun.
    AwaitingEvent,
    /// Its keys are gone.
    Destroyed,
    /// A hold covers it.
    Held,
    /// It is kept for ever.
    Permanent,
    /// A purge that includes it is in its cool-off.
    Scheduled,
    /// Its rule asks for a notice of destruction that nobody sent.
    NoticeUnsent,
    /// The notice that was sent told another last day, or none.
    NoticeVoid,
    /// The notice that was sent is not about a destruction before the last day.
    NoticeEarly,
    /// The notice was sent a short time ago.
    NoticeRunning,
}

impl LeftAlone {
    /// The same for people.
    pub fn words(self) -> String {
        match self {
            Self::DueAlready => tr!("due: not early"),
            Self::KeptByRule => tr!("kept by a rule that has not run"),
            Self::NotDue => tr!("not due"),
            Self::AwaitingEvent => tr!("awaiting an event"),
            Self::Destroyed => tr!("destroyed before"),
            Self::Held => tr!("held"),
            Self::Permanent => tr!("permanent"),
            Self::Scheduled => tr!("scheduled already"),
            Self::NoticeUnsent => tr!("notice of destruction not sent"),
            Self::NoticeVoid => tr!("notice of destruction void: it told another last day, or none"),
            Self::NoticeEarly => tr!("no notice of a destruction before the last day"),
            Self::NoticeRunning => tr!("notice of destruction sent, its period runs"),
        }
    }
}

/// Why a plan is not carried out.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The plan is another keyring's.
    #[error("{}", tr!("the plan was made for keyring {}", _0))]
    OtherKeyring(String),
    /// Something about its records changed.
    #[error("{}", tr!("the plan is stale: since it was made, something about its records has changed"))]
    Stale,
    /// It was carried out.
    #[error("{}", tr!("the plan was carried out on {}", _0))]
    CarriedOut(NaiveDate),
    /// Its cool-off was ended by somebody, so that what was signed is withdrawn.
    #[error("{}", tr!("the plan was cancelled on {}: what was signed counts no more", _0))]
    Cancelled(NaiveDate),
    /// Too few people signed a change that they must agree to.
    #[error("{}", tr!("the change needs signatures of different people on the roster: {needed}; it has {have}", needed = needed, have = have))]
    ChangeUnsigned {
        /// Distinct people.
        needed: u32,
        /// Distinct people who signed.
        have: u32,
    },
    /// Too few people signed it.
    #[error("{}", tr!("the plan needs signatures of different people on the roster: {needed}; it has {have}", needed = needed, have = have))]
    ApprovalMissing {
        /// Distinct people.
        needed: u32,
        /// Distinct people who signed.
        have: u32,
    },
    /// Nobody can have signed it.
    #[error("{}", tr!("there is no roster: nobody's signature counts"))]
    NoRoster,
    /// Nothing is to be destroyed.
    #[error("{}", tr!("there is nothing that may be destroyed"))]
    Nothing,
    /// No such purge is scheduled.
    #[error("{}", tr!("no purge {} is scheduled", _0))]
    NotScheduled(String),
}

/// Which records a purge is about.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Of this archive only.
    pub archive: Option<ArchiveId>,
    /// These records only.
    pub records: Option<Ranges>,
    /// Before their time, for this reason: only records that no floor keeps.
    pub early: Option<String>,
}

/// What could be destroyed.
#[derive(Clone, Debug, Default)]
pub struct Proposal {
    /// The records and what applies to them, rising by archive and number.
    pub records: Vec<(PlannedRecord, Retention)>,
    /// Selected records that are not in it, by why.
    pub left: BTreeMap<LeftAlone, u64>,
    /// Of these, those that stay for want of a notice.
    pub notices: NoticeCounts,
    /// Distinct people who must sign.
    pub approvals_needed: u32,
    /// Those of the records that nobody needs to sign for.
    pub unreviewed: Vec<(ArchiveId, u64)>,
}

impl Proposal {
    fn add(&mut self, judge: &Judge<'_>, view: &RecordView<'_>, planned: PlannedRecord) {
        let needed = judge.approvals_needed(view, planned.early);
        self.approvals_needed = self.approvals_needed.max(needed);
        if needed == 0 {
            self.unreviewed.push((planned.archive, planned.record));
        }
        self.records.push((planned, view.retention.clone()));
    }

    fn state(&self) -> [u8; 32] {
        // A held record is in no plan: the count of holds is always none.
        state_hash(self.records.iter().map(|(planned, retention)| RecordState {
            archive: planned.archive,
            record: planned.record,
            compartment: &planned.compartment,
            class: planned.class,
            retention,
            until: planned.until,
            holds: 0,
        }))
    }

    fn planned(&self) -> impl Iterator<Item = &PlannedRecord> {
        self.records.iter().map(|(planned, _)| planned)
    }
}

/// Gathers what may be destroyed: all that is due, or, with a reason, what no floor keeps.
///
/// # Errors
/// An unknown record; those of the keyring.
pub fn propose(custody: &mut Custody, selection: &Selection) -> Result<Proposal, OpsError> {
    let mut proposal = Proposal::default();
    let (today, trusted) = (notices::today(custody), custody.trusted_today());
    let each = |judge: &Judge<'_>, view: &RecordView<'_>, disposition: Disposition| {
        match consider(judge, view, &disposition, selection.early.is_some()) {
            Ok(planned) => proposal.add(judge, view, planned),
            Err(why) => {
                *proposal.left.entry(why).or_default() += 1;
                if [LeftAlone::NoticeUnsent, LeftAlone::NoticeVoid, LeftAlone::NoticeEarly, LeftAlone::NoticeRunning]
                    .contains(&why)
                    && let Some(waits) = waits(judge, view, trusted)
                {
                    proposal.notices.add(waits, today);
                }
            }
        }
        Ok(())
    };
    match (&selection.archive, &selection.records) {
        (Some(archive), Some(records)) => custody.for_records(archive, records, each)?,
        (archive, _) => custody.for_each_record(archive.as_ref(), each)?,
    }
    proposal.records.sort_by_key(|(planned, _)| (planned.archive, planned.record));
    Ok(proposal)
}

/// A record as it stands in a plan, or why it cannot.
fn consider(
    judge: &Judge<'_>,
    view: &RecordView<'_>,
    disposition: &Disposition,
    early: bool,
) -> Result<PlannedRecord, LeftAlone> {
    let (review, early) = match disposition {
        Disposition::Due { .. } if early => return Err(LeftAlone::DueAlready),
        Disposition::Due { review, .. } => (*review, false),
        Disposition::Kept { .. } | Disposition::Awaiting(_) if early && !view.retention.has_floor() => (true, true),
        Disposition::Kept { .. } | Disposition::Awaiting(_) if early => {
            return Err(LeftAlone::KeptByRule);
        }
        Disposition::Kept { .. } => return Err(LeftAlone::NotDue),
        Disposition::Awaiting(_) => return Err(LeftAlone::AwaitingEvent),
        Disposition::Destroyed => return Err(LeftAlone::Destroyed),
        Disposition::Held { .. } => return Err(LeftAlone::Held),
        Disposition::Permanent => return Err(LeftAlone::Permanent),
        Disposition::Scheduled { .. } => return Err(LeftAlone::Scheduled),
    };
    match judge.unnotified_for(view, early) {
        None => {}
        Some(Unnotified::Early { .. }) => return Err(LeftAlone::NoticeEarly),
        Some(Unnotified::Unsent { .. }) => return Err(LeftAlone::NoticeUnsent),
        Some(Unnotified::Void { .. }) => return Err(LeftAlone::NoticeVoid),
        Some(Unnotified::Running { .. }) => return Err(LeftAlone::NoticeRunning),
    }
    Ok(PlannedRecord {
        archive: view.archive,
        record: view.record,
        class: view.class,
        compartment: view.compartment.to_owned(),
        rules: view.retention.rules().into_iter().map(str::to_owned).collect(),
        until: judge.standing(view).last_day(),
        decision: Decision::Destroy,
        review,
        early,
    })
}

/// The plan file for a proposal.
///
/// # Errors
/// [`PlanError::Nothing`].
pub fn plan(custody: &Custody, proposal: &Proposal, early: Option<&str>) -> Result<Plan, OpsError> {
    if proposal.records.is_empty() {
        return Err(PlanError::Nothing.into());
    }
    let has_early = proposal.planned().any(|record| record.early);
    Ok(Plan {
        format: plan::FORMAT.into(),
        keyring: custody.keyring_id(),
        made: whole_second(custody.now().reading.wall),
        state: proposal.state(),
        approvals_needed: proposal.approvals_needed,
        reason: early.filter(|_| has_early).map(|code| Reason::Code(code.to_owned())),
        records: proposal.planned().cloned().collect(),
    })
}

/// How far a plan has come.
pub enum Step {
    /// Its cool-off began, or goes on.
    Scheduled(Scheduled),
    /// It was carried out.
    Executed(Box<Executed>),
}

/// Carries a plan one step further: schedules it when it is signed by enough people and fits the state; destroys when its
/// cool-off is over. Roles are remembered from the one to the other.
///
/// # Errors
/// [`PlanError`]; what forbids destruction; those of the signatures and the keyring.
pub fn execute_plan(
    custody: &mut Custody,
    file: &[u8],
    signatures: &[Vec<u8>],
    roles: &Roles,
) -> Result<Step, OpsError> {
    let identity = plan::identity(file);
    let known = custody.register().scheduled.iter().find(|scheduled| scheduled.plan == Some(identity)).cloned();
    let scheduled = match known {
        Some(scheduled) => scheduled,
        None => schedule_plan(custody, file, signatures)?,
    };
    destruction::name_roles(custody, &scheduled.id, roles)?;
    if scheduled.not_before > custody.register().clock.mark_date() {
        return Ok(Step::Scheduled(scheduled));
    }
    let (executed, _) = destruction::carry_out(custody, scheduled.id)?;
    Ok(Step::Executed(Box::new(executed)))
}

fn schedule_plan(custody: &mut Custody, file: &[u8], signatures: &[Vec<u8>]) -> Result<Scheduled, OpsError> {
    let plan = Plan::parse(file)?;
    if plan.keyring != custody.keyring_id() {
        return Err(PlanError::OtherKeyring(hex::encode(plan.keyring)).into());
    }
    check_not_ended(custody, file)?;
    let needed = check_state(custody, &plan)?;
    let approvals = approvals(custody, file, signatures)?;
    let people: BTreeSet<&str> = approvals.iter().map(|approval| approval.name.as_str()).collect();
    let have = people.len() as u32;
    if have < needed {
        return Err(PlanError::ApprovalMissing { needed, have }.into());
    }
    let records = plan.records.iter().map(|record| (record.archive, record.record));
    let hashes = PlanHashes { identity: plan::identity(file), state: plan.state };
    schedule(custody, Some(hashes), items(records), &approvals, plan.reason.clone())
}

/// Whether the journal tells of a purge by this plan that was cancelled (D-37) or carried out.
///
/// # Errors
/// [`PlanError::Cancelled`], [`PlanError::CarriedOut`]; a damaged journal.
fn check_not_ended(custody: &Custody, file: &[u8]) -> Result<(), OpsError> {
    let identity = plan::identity(file);
    let mut purges = BTreeSet::new();
    show_entries(custody.keyring(), 0, |_, leaf| match leaf.entry {
        Entry::Plan { purge, sha256: Some(sha256), .. } if sha256 == identity => {
            purges.insert(purge);
            Ok(())
        }
        Entry::Cancelled { purge } if purges.contains(&purge) => {
            Err(PlanError::Cancelled(leaf.time.date_naive()).into())
        }
        Entry::Destroyed { purge, .. } if purges.contains(&purge) => {
            Err(PlanError::CarriedOut(leaf.time.date_naive()).into())
        }
        _ => Ok(()),
    })
}

/// Compares the planned records, and all that decides about them, with the keyring as it is; returns how many distinct
/// people must have signed.
///
/// # Errors
/// [`PlanError::Stale`]; those of the keyring.
pub fn check_state(custody: &mut Custody, plan: &Plan) -> Result<u32, OpsError> {
    let early = match &plan.reason {
        Some(Reason::Code(code)) => Some(code.clone()),
        Some(Reason::Commitment(hash)) => Some(hex::encode(hash)),
        None => None,
    };
    let mut found = Proposal::default();
    for item in items(plan.records.iter().map(|record| (record.archive, record.record))) {
        let selection = Selection { archive: Some(item.archive), records: Some(item.records), early: early.clone() };
        let proposal = propose(custody, &selection)?;
        if !proposal.left.is_empty() {
            return Err(PlanError::Stale.into());
        }
        found.approvals_needed = found.approvals_needed.max(proposal.approvals_needed);
        found.records.extend(proposal.records);
    }
    if !found.planned().eq(&plan.records) || found.state() != plan.state {
        return Err(PlanError::Stale.into());
    }
    Ok(found.approvals_needed)
}

/// Who on the roster signed the plan; a signature that does not count is an error of its own.
fn approvals(custody: &Custody, file: &[u8], signatures: &[Vec<u8>]) -> Result<Vec<Approval>, OpsError> {
    if signatures.is_empty() {
        return Ok(Vec::new());
    }
    let roster = deciders(custody)?.ok_or(PlanError::NoRoster)?.roster;
    let at = custody.signing_time();
    let verify = |signature: &Vec<u8>| -> Result<Approval, OpsError> {
        let signer = roster.verify(file, signature, namespace::PLAN, at)?;
        Ok(Approval { name: signer.principal, key: signer.fingerprint })
    };
    signatures.iter().map(verify).collect()
}

/// Records as one item an archive.
pub(super) fn items(records: impl IntoIterator<Item = (ArchiveId, u64)>) -> Vec<Item> {
    let mut by_archive: BTreeMap<ArchiveId, Vec<u64>> = BTreeMap::new();
    for (archive, record) in records {
        by_archive.entry(archive).or_default().push(record);
    }
    by_archive.into_iter().map(|(archive, records)| Item { archive, records: records.into_iter().collect() }).collect()
}

/// A plan file, and what it was made from.
#[derive(Clone, Copy)]
struct PlanHashes {
    identity: [u8; 32],
    state: [u8; 32],
}

fn schedule(
    custody: &mut Custody,
    plan: Option<PlanHashes>,
    items: Vec<Item>,
    approvals: &[Approval],
    reason: Option<Reason>,
) -> Result<Scheduled, OpsError> {
    let id = random_id();
    let (plan, state) = (plan.map(|hashes| hashes.identity), plan.map(|hashes| hashes.state));
    let mut notes = destruction::notes(custody)?;
    notes.push(PurgeNotes::new(id, approvals, reason.clone(), state));
    custody.change(|register, now, update| {
        let mut approved_by: Vec<String> = approvals.iter().map(|approval| approval.name.clone()).collect();
        approved_by.sort();
        approved_by.dedup();
        let early = reason.as_ref().map(|reason| sha256(&[format!("{reason:?}").as_bytes()]));
        let effect = register.schedule(NewSchedule { id, plan, items, early, approved_by }, now.reading.wall)?;
        update.documents.push(destruction::notes_document(&notes));
        let scheduled = register.scheduled.last().expect("it was just added").clone();
        Ok((scheduled, vec![entry_of(effect, register)]))
    })
}

/// What an unattended run did.
#[derive(Default)]
pub struct Unattended {
    /// The cool-off that it began.
    pub scheduled: Option<Scheduled>,
    /// Purges that it carried out.
    pub executed: Vec<Executed>,
    /// Records whose purge was ready and that something forbids now: they are no longer scheduled.
    pub stopped: Vec<destruction::Stopped>,
    /// Records that are due and stay, since a rule asks for a notice first.
    pub notices: NoticeCounts,
}

impl Unattended {
    /// A purge that nobody planned and that something forbids as a whole is no longer scheduled: its records are due as
    /// before. A plan that people signed stays, for them to cancel or to wait for the release of a hold.
    fn carry_out(&mut self, custody: &mut Custody, purge: PurgeId) -> Result<(), OpsError> {
        match destruction::carry_out(custody, purge) {
            Ok((executed, stopped)) => {
                self.executed.push(executed);
                self.stopped.extend(stopped);
            }
            Err(OpsError::Forbidden(stopped)) => {
                self.stopped.extend(stopped);
                let is_it = |scheduled: &&Scheduled| scheduled.id == purge;
                let planned = custody.register().scheduled.iter().find(is_it).is_some_and(|s| s.plan.is_some());
                if !planned {
                    cancel(custody, &hex::encode(purge))?;
                }
            }
            Err(e) => return Err(e),
        }
        Ok(())
    }
}

/// One unattended run: carries out every purge whose cool-off is over, then schedules what is due and needs no review.
/// `roles` are for all of them.
///
/// # Errors
/// A clock that is not trusted; those of the keyring.
pub fn unattended(custody: &mut Custody, roles: &Roles) -> Result<Unattended, OpsError> {
    let mut outcome = Unattended::default();
    custody.register().clock.may_destroy()?;
    let today = custody.register().clock.mark_date();
    let ready: Vec<PurgeId> =
        custody.register().scheduled.iter().filter(|s| s.not_before <= today).map(|s| s.id).collect();
    for id in ready {
        destruction::name_roles(custody, &id, roles)?;
        outcome.carry_out(custody, id)?;
    }
    let Proposal { unreviewed: due, notices, .. } = propose(custody, &Selection::default())?;
    outcome.notices = notices;
    if !due.is_empty() {
        let scheduled = schedule(custody, None, items(due), &[], None)?;
        destruction::name_roles(custody, &scheduled.id, roles)?;
        // Where the settings ask for no cool-off, the day has come.
        if scheduled.not_before <= today {
            outcome.carry_out(custody, scheduled.id)?;
        } else {
            outcome.scheduled = Some(scheduled);
        }
    }
    Ok(outcome)
}

/// Ends the cool-off of the one purge whose id begins with `id`: its records are due as before.
///
/// # Errors
/// [`PlanError::NotScheduled`] where there is none or more than one; those of the keyring.
pub fn cancel(custody: &mut Custody, id: &str) -> Result<PurgeId, OpsError> {
    let mut found = custody
        .register()
        .scheduled
        .iter()
        .filter(|scheduled| id.len() >= MIN_PREFIX && hex::encode(scheduled.id).starts_with(id));
    let (Some(scheduled), None) = (found.next(), found.next()) else {
        return Err(PlanError::NotScheduled(id.into()).into());
    };
    let purge = scheduled.id;
    let mut notes = destruction::notes(custody)?;
    notes.retain(|notes| !notes.is_of(&purge));
    custody.change(|register, _, update| {
        update.documents.push(destruction::notes_document(&notes));
        let effect = register.cancel(&purge)?;
        Ok((purge, vec![entry_of(effect, register)]))
    })
}
