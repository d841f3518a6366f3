//! `status` and `due`: what is kept until when, and what should have been destroyed.

use super::OpsError;
use super::custody::Custody;
use super::disclosures::{Summary, summary};
use super::notices;
use super::notify::{self, NoticeCounts};
use crate::crypto::kdf::ArchiveId;
use crate::retention::Class;
use crate::retention::disposition::Disposition;
use crate::retention::term::Standing;
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use serde::Serialize;
use std::collections::BTreeMap;

/// Records counted by what is to become of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Kept: their time runs.
    pub kept: u64,
    /// Their last day has passed by this machine's clock, which alone does not suffice.
    pub run_out: u64,
    /// Due, and a person must decide.
    #[serde(rename = "due_for_review")]
    pub review: u64,
    /// Due, and may be destroyed without review.
    pub due: u64,
    /// In their cool-off.
    pub scheduled: u64,
    /// Held.
    pub held: u64,
    /// Waiting for an event.
    pub awaiting: u64,
    /// Kept for ever.
    pub permanent: u64,
    /// Destroyed here.
    pub destroyed: u64,
}

/// What is to become of a record, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Kept: its time runs.
    Kept,
    /// Its last day has passed by this machine's clock, which alone does not suffice.
    RunOut,
    /// Due, and a person must decide.
    #[serde(rename = "due_for_review")]
    Review,
    /// Due, and may be destroyed without review.
    Due,
    /// In its cool-off.
    Scheduled,
    /// Held.
    Held,
    /// Waiting for an event.
    Awaiting,
    /// Kept for ever.
    Permanent,
    /// Destroyed here.
    Destroyed,
}

impl State {
    /// The word for a disposition, where the wall clock shows `today`.
    pub fn of(disposition: &Disposition, today: NaiveDate) -> Self {
        match disposition {
            Disposition::Destroyed => Self::Destroyed,
            Disposition::Held { .. } => Self::Held,
            Disposition::Permanent => Self::Permanent,
            Disposition::Awaiting(_) => Self::Awaiting,
            Disposition::Kept { until, .. } if *until < today => Self::RunOut,
            Disposition::Kept { .. } => Self::Kept,
            Disposition::Due { review: true, .. } => Self::Review,
            Disposition::Due { .. } => Self::Due,
            Disposition::Scheduled { .. } => Self::Scheduled,
        }
    }
}

impl Counts {
    /// Counts one more record.
    pub fn add(&mut self, state: State) {
        *match state {
            State::Kept => &mut self.kept,
            State::RunOut => &mut self.run_out,
            State::Review => &mut self.review,
            State::Due => &mut self.due,
            State::Scheduled => &mut self.scheduled,
            State::Held => &mut self.held,
            State::Awaiting => &mut self.awaiting,
            State::Permanent => &mut self.permanent,
            State::Destroyed => &mut self.destroyed,
        } += 1;
    }

    /// Records whose keys are there.
    pub fn live(&self) -> u64 {
        self.kept + self.run_out + self.review + self.due + self.scheduled + self.held + self.awaiting + self.permanent
    }
}

/// A cool-off that runs or has run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoolOff {
    /// Id of the purge to be.
    pub purge: [u8; 16],
    /// Records.
    pub records: u64,
    /// First day on which they may be destroyed.
    pub not_before: NaiveDate,
    /// Whether that day has come.
    pub ready: bool,
    /// Records of it that are held.
    pub held: u64,
    /// Others of it that wait for a notice of destruction, or for the end of its period.
    pub unnotified: u64,
    /// Whether people signed a plan for it.
    pub planned: bool,
}

/// The keyring at a glance.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// All records.
    pub all: Counts,
    /// By class.
    pub by_class: BTreeMap<Class, Counts>,
    /// By rule; records without any under the empty name, records of several under each.
    pub by_rule: BTreeMap<String, Counts>,
    /// By archive.
    pub by_archive: BTreeMap<ArchiveId, Counts>,
    /// Records by the month of the first day on which they may be destroyed.
    pub by_month: BTreeMap<(i32, u32), u64>,
    /// Events that records wait for.
    pub awaited: BTreeMap<String, u64>,
    /// Records that are due and neither scheduled nor held, or whose cool-off is over.
    pub overdue: u64,
    /// Cool-offs.
    pub cool_offs: Vec<CoolOff>,
    /// Holds in force.
    pub holds: u64,
    /// Requests, grants, and what should have come back.
    pub disclosures: Summary,
    /// What people wrote about their data, and what of it is to be answered.
    pub notices: notices::Summary,
    /// Records that are due and stay, since a rule asks for a notice first.
    pub unnotified: NoticeCounts,
    /// Records of purges before their time that stay: no notice counts for that, or its period runs.
    pub unnotified_early: u64,
    /// All live records that wait for a notice, or for the end of its period, and are not held.
    pub awaiting_notice: NoticeCounts,
    /// The clock.
    pub clock: ClockStatus,
}

/// How far the clock is believed.
#[derive(Clone, Debug, Default)]
pub struct ClockStatus {
    /// The high-water mark.
    pub mark: DateTime<Utc>,
    /// The latest time that somebody else's clock proved.
    pub proved: Option<DateTime<Utc>>,
    /// The day that has certainly come.
    pub trusted_today: NaiveDate,
    /// Days since somebody else confirmed the clock.
    pub unconfirmed_days: i64,
    /// Why nothing may be destroyed, where that is so.
    pub distrust: Option<String>,
}

/// Gathers the status.
///
/// # Errors
/// Those of the keyring.
pub fn status(custody: &Custody) -> Result<Status, OpsError> {
    let register = custody.register();
    let (today, trusted_today) = (custody.now().today(), custody.trusted_today());
    let (clock, day) = (&register.clock, notices::today(custody));
    let mut status = Status {
        disclosures: summary(custody)?,
        notices: notices::summary(custody)?,
        holds: register.holds.iter().filter(|hold| hold.in_force()).count() as u64,
        clock: ClockStatus {
            mark: clock.mark,
            proved: clock.proved,
            trusted_today,
            unconfirmed_days: clock.unconfirmed_seconds(custody.now().reading.wall) / 86_400,
            distrust: clock.may_destroy().err().map(|e| e.to_string()),
        },
        ..Status::default()
    };
    for scheduled in &register.scheduled {
        status.cool_offs.push(CoolOff {
            purge: scheduled.id,
            records: scheduled.items.iter().map(|item| item.records.count()).sum(),
            not_before: scheduled.not_before,
            ready: scheduled.not_before <= clock.mark_date(),
            held: 0,
            unnotified: 0,
            planned: scheduled.plan.is_some(),
        });
    }
    custody.for_each_record(None, |judge, view, disposition| {
        let mut rules = view.retention.rules();
        if rules.is_empty() {
            rules.push("");
        }
        let standing = judge.standing(view);
        let overdue = match &disposition {
            Disposition::Due { .. } => true,
            Disposition::Scheduled { not_before, .. } => *not_before <= clock.mark_date(),
            _ => false,
        };
        let state = State::of(&disposition, today);
        let add = |counts: &mut Counts| counts.add(state);
        add(&mut status.all);
        add(status.by_class.entry(view.class).or_default());
        add(status.by_archive.entry(view.archive).or_default());
        for rule in rules {
            add(status.by_rule.entry(rule.to_owned()).or_default());
        }
        // What must stay until people were told is not overdue.
        let waits = notify::unheld(judge, view, &disposition, trusted_today);
        if let Some(waits) = waits {
            status.awaiting_notice.add(waits, day);
        }
        let is_scheduled = matches!(disposition, Disposition::Scheduled { .. });
        // A purge before their time is told apart: they are not due.
        let is_early = matches!(&disposition, Disposition::Scheduled { purge, .. }
            if register.scheduled.iter().any(|scheduled| scheduled.id == *purge && scheduled.early.is_some()));
        let stays_early = is_early
            && standing.last_day().is_none_or(|last| last >= trusted_today)
            && judge.unnotified_for(view, true).is_some();
        status.unnotified_early += u64::from(stays_early);
        let unnotified =
            waits.filter(|_| !stays_early && (is_scheduled || matches!(disposition, Disposition::Due { .. })));
        if let Some(waits) = unnotified {
            status.unnotified.add(waits, day);
        }
        status.overdue += u64::from(overdue && unnotified.is_none() && !stays_early);
        let is_held = matches!(disposition, Disposition::Held { .. });
        if is_held || unnotified.is_some() || stays_early {
            let named = register.scheduled.iter().map(|scheduled| scheduled.contains(&view.archive, view.record));
            for (cool_off, named) in status.cool_offs.iter_mut().zip(named) {
                *if is_held { &mut cool_off.held } else { &mut cool_off.unnotified } += u64::from(named);
            }
        }
        if let Disposition::Awaiting(events) = &disposition {
            for event in events {
                *status.awaited.entry(event.clone()).or_default() += 1;
            }
        }
        if view.live
            && let Standing::Until { last, .. } = standing
            && let Some(first) = last.succ_opt()
        {
            *status.by_month.entry((first.year(), first.month())).or_default() += 1;
        }
        Ok(())
    })?;
    Ok(status)
}

/// A record whose time has run, or will have by a day.
#[derive(Clone, Debug)]
pub struct DueRecord {
    /// Its archive.
    pub archive: ArchiveId,
    /// Its number.
    pub record: u64,
    /// Its compartment.
    pub compartment: String,
    /// Its class.
    pub class: Class,
    /// Its rules.
    pub rules: Vec<String>,
    /// Its last day.
    pub until: NaiveDate,
    /// What is to become of it.
    pub disposition: Disposition,
}

/// Shows the records whose last day lies before `day`, in the order of the keyring.
///
/// # Errors
/// Those of the keyring and of `each`.
pub fn due(
    custody: &Custody,
    day: NaiveDate,
    mut each: impl FnMut(DueRecord) -> Result<(), OpsError>,
) -> Result<(), OpsError> {
    custody.for_each_record(None, |judge, view, disposition| {
        let Standing::Until { last, .. } = judge.standing(view) else { return Ok(()) };
        if !view.live || last >= day {
            return Ok(());
        }
        each(DueRecord {
            archive: view.archive,
            record: view.record,
            compartment: view.compartment.to_owned(),
            class: view.class,
            rules: view.retention.rules().into_iter().map(str::to_owned).collect(),
            until: last,
            disposition,
        })
    })
}
