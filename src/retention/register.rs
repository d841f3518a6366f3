//! The register: everything that people decided about records, beside the retention on their pages.
//!
//! Invariant: a transition either happens whole and gives the effect that the journal has to tell of, or is refused and
//! changes nothing. Spec: `spec/disposition.md`, "Register".

use super::clock::{Clock, ClockDistrust, Confirmation, ConfirmationRefused, Confirmer, Observed, Reading};
use super::disposition::{Judge, RecordView};
use super::event::{self, Event, EventId, check_approvers, event_hastens};
use super::hold::{Hold, HoldId};
use super::scope::{Item, Scope, hex_option};
use super::term::{Bound, FiscalYearEnd, Keep, MAX_TERMS, Standing, Term, is_code};
use super::{Retention, is_plain_date};
use crate::crypto::hash::{Hash, sha256};
use crate::crypto::kdf::ArchiveId;
use chrono::{DateTime, Days, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};

/// The id of a purge: 16 random bytes.
pub type PurgeId = [u8; 16];

/// Bytes of a register, at most.
pub const MAX_REGISTER: usize = 64 << 20;
const MAX_HOLDS: usize = 1 << 16;
const MAX_EVENTS: usize = 1 << 16;
const MAX_SCHEDULED: usize = 1 << 12;
const MAX_ITEMS: usize = 1 << 16;
const MAX_PINNED: usize = 64;
const MAX_PINNED_BYTES: usize = 64 << 10;
const MAX_ROSTER_BYTES: usize = 1 << 20;
/// People that a plan may need, at most.
const MAX_APPROVALS: u32 = event::MAX_APPROVERS as u32;
/// Days of a cool-off, at most.
pub const MAX_COOL_OFF_DAYS: u32 = 3650;

/// What people decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// How far the wall clock is believed.
    pub clock: Clock,
    /// Those in force, and released ones without their texts, in the order of placing.
    pub holds: Vec<Hold>,
    /// In the order of recording.
    pub events: Vec<Event>,
    /// Cool-offs that run.
    pub scheduled: Vec<Scheduled>,
    /// Who may approve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roster: Option<Roster>,
    /// Pinned outside clocks: verifier keys of cosignatures.
    pub witnesses: Vec<String>,
    /// Pinned outside clocks: certificates of RFC 3161 authorities, PEM.
    pub timestamp_authorities: Vec<String>,
    /// How this keyring is run.
    pub settings: Settings,
}

/// A purge in its cool-off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scheduled {
    /// Which purge.
    #[serde(with = "hex")]
    pub id: PurgeId,
    /// SHA-256 of its plan; none when nobody planned it.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "hex_option")]
    pub plan: Option<Hash>,
    /// What it destroys.
    pub items: Vec<Item>,
    /// When the cool-off began.
    pub since: DateTime<Utc>,
    /// The day on which it is over, by the clock's mark.
    pub not_before: NaiveDate,
    /// A commitment to the reason, when records are destroyed before their time.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "hex_option")]
    pub early: Option<Hash>,
    /// Principals whose approval of the plan was verified.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approved_by: Vec<String>,
}

impl Scheduled {
    /// Whether the record is among what it destroys.
    pub fn contains(&self, archive: &ArchiveId, record: u64) -> bool {
        self.items.iter().any(|item| item.archive == *archive && item.records.contains(record))
    }

    fn check(&self) -> Result<(), Refusal> {
        let archives: HashSet<&ArchiveId> = self.items.iter().map(|item| &item.archive).collect();
        let each = self.items.iter().all(|item| !item.records.is_empty());
        if self.items.is_empty() || self.items.len() > MAX_ITEMS || !each || archives.len() != self.items.len() {
            return Err(Refusal::Items);
        }
        if !is_plain_date(self.not_before) {
            return Err(Refusal::Date(self.not_before));
        }
        check_approvers(&self.approved_by)?;
        match self.early {
            Some(_) if self.approved_by.is_empty() => Err(Refusal::NeedsApproval),
            _ => Ok(()),
        }
    }
}

/// A purge that is to be scheduled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSchedule {
    /// Its random id.
    pub id: PurgeId,
    /// SHA-256 of the plan, if there is one.
    pub plan: Option<Hash>,
    /// What it destroys: each archive once.
    pub items: Vec<Item>,
    /// A commitment to the reason, for destruction before the time.
    pub early: Option<Hash>,
    /// Principals whose approval was verified, each once.
    pub approved_by: Vec<String>,
}

/// Who may approve, and how many of them it takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Roster {
    /// An OpenSSH `allowed_signers` file.
    pub text: String,
    /// SHA-256 of it.
    #[serde(with = "hex")]
    pub sha256: Hash,
    /// People who must approve a plan that needs review.
    pub plan_approvals_default: u32,
    /// The same where a rule asks for another number; then also if the rule needs no review.
    pub plan_approvals: BTreeMap<String, u32>,
}

impl Roster {
    fn check(&self) -> Result<(), Refusal> {
        let numbers = [self.plan_approvals_default].into_iter().chain(self.plan_approvals.values().copied());
        if self.text.len() > MAX_ROSTER_BYTES || sha256(&[self.text.as_bytes()]) != self.sha256 {
            return Err(Refusal::Roster("its text is too long or not the one that was hashed"));
        }
        if !self.plan_approvals.keys().all(|rule| is_code(rule)) {
            return Err(Refusal::Roster("no rule has such a name"));
        }
        let allowed = numbers.into_iter().all(|number| (1..=MAX_APPROVALS).contains(&number));
        if allowed { Ok(()) } else { Err(Refusal::Roster("a plan needs from 1 to 64 approvals")) }
    }
}

/// How a keyring is run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Days between the start of a purge and destruction.
    pub cool_off_days: u32,
    /// Last day of the firm's fiscal year.
    pub fiscal_year_end: FiscalYearEnd,
    /// Whether the custodian may confirm the clock alone, by typing the date.
    pub typed_confirmation: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { cool_off_days: 7, fiscal_year_end: FiscalYearEnd::default(), typed_confirmation: false }
    }
}

impl Settings {
    fn check(&self) -> Result<(), Refusal> {
        if self.cool_off_days <= MAX_COOL_OFF_DAYS { Ok(()) } else { Err(Refusal::CoolOffDays(self.cool_off_days)) }
    }
}

/// What a transition did, for the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A hold was placed.
    HoldPlaced {
        /// Which.
        hold: HoldId,
        /// On which records.
        scope: Scope,
        /// Since when.
        from: NaiveDate,
        /// The commitment to its texts.
        text: Hash,
    },
    /// A hold was released.
    HoldReleased {
        /// Which.
        hold: HoldId,
    },
    /// An event was recorded.
    EventRecorded(Event),
    /// Floors were added.
    Extended {
        /// Of which archive.
        archive: ArchiveId,
        /// Of which record.
        record: u64,
        /// To the end of which day.
        until: NaiveDate,
    },
    /// A cool-off began.
    Scheduled {
        /// Of which purge.
        purge: PurgeId,
        /// The plan's hash.
        plan: Option<Hash>,
        /// What it will destroy.
        items: Vec<Item>,
        /// When it is over.
        not_before: NaiveDate,
    },
    /// A cool-off was ended without destruction.
    Cancelled {
        /// Of which purge.
        purge: PurgeId,
    },
    /// A purge was carried out and leaves the list of cool-offs.
    Finished {
        /// Which.
        purge: PurgeId,
    },
    /// There is a new roster.
    RosterChanged {
        /// SHA-256 of its text.
        sha256: Hash,
        /// People who must approve a plan.
        plan_approvals_default: u32,
        /// The same by rule.
        plan_approvals: BTreeMap<String, u32>,
    },
    /// There are new settings.
    SettingsChanged(Settings),
    /// There are other outside clocks.
    ClocksPinned {
        /// How many witnesses.
        witnesses: usize,
        /// How many RFC 3161 authorities.
        timestamp_authorities: usize,
    },
    /// The clock jumped.
    ClockAlarm {
        /// To what it shows.
        shown: DateTime<Utc>,
        /// From the mark.
        mark: DateTime<Utc>,
    },
    /// The clock shows the jump no longer.
    ClockAlarmClosed {
        /// What it shows.
        wall: DateTime<Utc>,
    },
    /// The clock was confirmed.
    ClockConfirmed {
        /// By whom.
        by: Confirmer,
        /// What time.
        time: DateTime<Utc>,
    },
}

/// Why a transition did not happen.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Refusal {
    /// No scope was given.
    #[error("it names no archive, compartment or rule, and does not say that it is about everything")]
    NoScope,
    /// Something that is no scope.
    #[error("the scope is not possible: {0}")]
    Scope(&'static str),
    /// An archive that the keyring does not know.
    #[error("archive {}: the keyring does not know it", hex::encode(.0))]
    UnknownArchive(ArchiveId),
    /// A number that no record has.
    #[error("record {record}: archive {} has no such record", hex::encode(.archive))]
    UnknownRecord {
        /// Which archive.
        archive: ArchiveId,
        /// Which number.
        record: u64,
    },
    /// A text that is absent, too long or not plain.
    #[error("the {0} of the hold is missing, too long or not a line of text")]
    Text(&'static str),
    /// An id that is taken.
    #[error("{0} {1}: there is one already")]
    SameId(&'static str, String),
    /// An id that nothing has.
    #[error("{0} {1}: there is none")]
    Unknown(&'static str, String),
    /// A hold that does not stand any more.
    #[error("hold {}: it was released on {}", hex::encode(.hold), .released.date_naive())]
    AlreadyReleased {
        /// Which.
        hold: HoldId,
        /// When.
        released: DateTime<Utc>,
    },
    /// A name that no event has.
    #[error("{0:?} is not the name of an event, such as relationship-end")]
    EventName(String),
    /// A day outside of the calendar.
    #[error("{0} has no year of four digits")]
    Date(NaiveDate),
    /// Something that has not happened yet.
    #[error("{date} has not come: it is {today}")]
    Future {
        /// Of the event.
        date: NaiveDate,
        /// By the clock.
        today: NaiveDate,
    },
    /// A correction of something else.
    #[error("event {}: it is {name}, and a correction is of the same", hex::encode(.event))]
    OtherEvent {
        /// Which is to be corrected.
        event: EventId,
        /// What it is.
        name: String,
    },
    /// Nobody else agreed.
    #[error("it needs the approval of a second person")]
    NeedsApproval,
    /// Names of approvers that cannot be.
    #[error("the approvers cannot be taken: {0}")]
    Approvers(&'static str),
    /// A purge of nothing, or one that names an archive twice.
    #[error("the purge names no record, or an archive twice")]
    Items,
    /// A roster that cannot be.
    #[error("the roster cannot be taken: {0}")]
    Roster(&'static str),
    /// A cool-off that is too long.
    #[error("a cool-off of {0} days is longer than {MAX_COOL_OFF_DAYS}")]
    CoolOffDays(u32),
    /// Keys or certificates that cannot be.
    #[error("there are too many outside clocks, or one has no plain text")]
    Pinned,
    /// A date that is no later.
    #[error("{until} is not later than what stands: {standing}")]
    NotLater {
        /// What was asked for.
        until: NaiveDate,
        /// What stands.
        standing: String,
    },
    /// More terms than a record can have.
    #[error("the record has {MAX_TERMS} terms that must all be kept")]
    TooManyTerms,
    /// More of something than a register holds.
    #[error("the register is full: it has too many {0}")]
    Full(&'static str),
    /// A cool-off that is not over.
    #[error("the cool-off runs until {not_before}")]
    CoolOff {
        /// The day on which it is over.
        not_before: NaiveDate,
    },
    /// The clock forbids it.
    #[error(transparent)]
    Clock(#[from] ClockDistrust),
    /// A time that was not taken.
    #[error(transparent)]
    Confirmation(#[from] ConfirmationRefused),
}

/// A register that this program did not write.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the register is damaged: {0}")]
pub struct RegisterDamaged(pub String);

impl Register {
    /// The register of a new keyring.
    pub fn new(reading: &Reading) -> Self {
        Self {
            clock: Clock::new(reading),
            holds: Vec::new(),
            events: Vec::new(),
            scheduled: Vec::new(),
            roster: None,
            witnesses: Vec::new(),
            timestamp_authorities: Vec::new(),
            settings: Settings::default(),
        }
    }

    /// Takes note of what the clocks show.
    pub fn observe(&mut self, reading: &Reading) -> (Observed, Option<Effect>) {
        let observed = self.clock.observe(reading);
        let effect = match (observed, &self.clock.alarm) {
            (Observed::Alarm, Some(alarm)) => Some(Effect::ClockAlarm { shown: alarm.shown, mark: alarm.at_mark }),
            (Observed::AlarmClosed, _) => Some(Effect::ClockAlarmClosed { wall: reading.wall }),
            _ => None,
        };
        (observed, effect)
    }

    /// Takes a time from elsewhere; what follows for the clock is in the effects.
    ///
    /// # Errors
    /// [`Refusal::Confirmation`].
    pub fn confirm(
        &mut self,
        reading: &Reading,
        confirmation: &Confirmation,
    ) -> Result<(Observed, Vec<Effect>), Refusal> {
        if confirmation.by == Confirmer::Typed && !self.settings.typed_confirmation {
            return Err(ConfirmationRefused::TypingNotAllowed.into());
        }
        let observed = self.clock.confirm(reading, confirmation)?;
        let mut effects = vec![Effect::ClockConfirmed { by: confirmation.by, time: confirmation.time }];
        match (observed, &self.clock.alarm) {
            (Observed::Alarm, Some(alarm)) => {
                effects.push(Effect::ClockAlarm { shown: alarm.shown, mark: alarm.at_mark })
            }
            (Observed::AlarmClosed, _) => effects.push(Effect::ClockAlarmClosed { wall: reading.wall }),
            _ => {}
        }
        Ok((observed, effects))
    }

    /// Places a hold. It holds from now on.
    ///
    /// # Errors
    /// What is wrong with it; [`Refusal::SameId`], [`Refusal::Full`].
    pub fn place_hold(&mut self, hold: Hold) -> Result<Effect, Refusal> {
        hold.check()?;
        if !hold.in_force() {
            return Err(Refusal::Text("matter"));
        }
        fresh("hold", &hold.id, self.holds.iter().map(|other| &other.id), MAX_HOLDS)?;
        let effect = Effect::HoldPlaced {
            hold: hold.id,
            scope: hold.scope.clone(),
            from: hold.from,
            text: hold.text_commitment,
        };
        self.holds.push(hold);
        Ok(effect)
    }

    /// Releases a hold: its texts are dropped, what it was stays.
    ///
    /// # Errors
    /// [`Refusal::Unknown`], [`Refusal::AlreadyReleased`].
    pub fn release_hold(&mut self, id: &HoldId, now: DateTime<Utc>) -> Result<Effect, Refusal> {
        let hold = self.holds.iter_mut().find(|hold| hold.id == *id).ok_or_else(|| unknown("hold", id))?;
        if let Some(released) = hold.released {
            return Err(Refusal::AlreadyReleased { hold: *id, released });
        }
        hold.release(whole_second(now));
        Ok(Effect::HoldReleased { hold: *id })
    }

    /// Records an event, or the correction of one. `today` is the wall date in the firm's zone; `records` are all records
    /// of the keyring, looked at only where nobody approved. What `event.corrects` names may have been corrected before.
    ///
    /// # Errors
    /// What is wrong with it; [`Refusal::Future`], [`Refusal::Unknown`], [`Refusal::OtherEvent`],
    /// [`Refusal::NeedsApproval`], [`Refusal::SameId`], [`Refusal::Full`].
    pub fn record_event<'r>(
        &mut self,
        mut event: Event,
        today: NaiveDate,
        records: impl IntoIterator<Item = RecordView<'r>>,
    ) -> Result<Effect, Refusal> {
        event.check()?;
        event.recorded = whole_second(event.recorded);
        fresh("event", &event.id, self.events.iter().map(|other| &other.id), MAX_EVENTS)?;
        if event.date > today {
            return Err(Refusal::Future { date: event.date, today });
        }
        let corrected = event.corrects.map(|id| self.newest_of(&id)).transpose()?;
        if let Some(corrected) = corrected {
            if corrected.name != event.name {
                return Err(Refusal::OtherEvent { event: corrected.id, name: corrected.name.clone() });
            }
            event.corrects = Some(corrected.id);
        }
        // A correction that leaves records out would let a later event date them anew, without a date before it to compare.
        let other_scope = corrected.is_some_and(|corrected| corrected.scope != event.scope);
        if event.approved_by.is_empty()
            && (other_scope || event_hastens(&self.events, &event, today, self.settings.cool_off_days, records))
        {
            return Err(Refusal::NeedsApproval);
        }
        self.events.push(event.clone());
        Ok(Effect::EventRecorded(event))
    }

    /// Adds a floor to what stands for the record.
    ///
    /// # Errors
    /// As [`extend`].
    pub fn extend(&self, view: &RecordView<'_>, until: NaiveDate) -> Result<(Retention, Effect), Refusal> {
        let judge = Judge::new(self);
        let retention = extend(view.retention, until, |name| judge.event(view, name))?;
        Ok((retention, Effect::Extended { archive: view.archive, record: view.record, until }))
    }

    /// Starts a cool-off. Each record was allowed to be scheduled ([`Judge::may_schedule`]).
    ///
    /// # Errors
    /// [`Refusal::Clock`], [`Refusal::Items`], [`Refusal::NeedsApproval`] (early, without anybody's), [`Refusal::Approvers`],
    /// [`Refusal::SameId`], [`Refusal::Full`].
    pub fn schedule(&mut self, new: NewSchedule, now: DateTime<Utc>) -> Result<Effect, Refusal> {
        self.clock.may_destroy()?;
        fresh("purge", &new.id, self.scheduled.iter().map(|other| &other.id), MAX_SCHEDULED)?;
        let days = Days::new(self.settings.cool_off_days.into());
        let NewSchedule { id, plan, items, early, approved_by } = new;
        let not_before = self.clock.mark_date().checked_add_days(days).unwrap_or(NaiveDate::MAX);
        let scheduled = Scheduled { id, plan, items, since: whole_second(now), not_before, early, approved_by };
        scheduled.check()?;
        let effect = Effect::Scheduled { purge: id, plan, items: scheduled.items.clone(), not_before };
        self.scheduled.push(scheduled);
        Ok(effect)
    }

    /// Ends a cool-off; nothing is destroyed.
    ///
    /// # Errors
    /// [`Refusal::Unknown`].
    pub fn cancel(&mut self, purge: &PurgeId) -> Result<Effect, Refusal> {
        self.remove(purge).map(|()| Effect::Cancelled { purge: *purge })
    }

    /// Takes a purge from the list after it was carried out; what a hold kept back has to be scheduled anew.
    ///
    /// # Errors
    /// [`Refusal::Unknown`].
    pub fn finish(&mut self, purge: &PurgeId) -> Result<Effect, Refusal> {
        self.remove(purge).map(|()| Effect::Finished { purge: *purge })
    }

    /// The purge, if its cool-off is over and the clock can be trusted.
    ///
    /// # Errors
    /// [`Refusal::Unknown`], [`Refusal::CoolOff`], [`Refusal::Clock`].
    pub fn ready(&self, purge: &PurgeId) -> Result<&Scheduled, Refusal> {
        let scheduled = self.scheduled.iter().find(|scheduled| scheduled.id == *purge);
        let scheduled = scheduled.ok_or_else(|| unknown("purge", purge))?;
        self.clock.may_destroy()?;
        let not_before = scheduled.not_before;
        if self.clock.mark_date() < not_before { Err(Refusal::CoolOff { not_before }) } else { Ok(scheduled) }
    }

    /// Takes a roster, or another one. Whether it was signed under the one before is the caller's to check.
    ///
    /// # Errors
    /// [`Refusal::Roster`].
    pub fn set_roster(&mut self, roster: Roster) -> Result<Effect, Refusal> {
        roster.check()?;
        let effect = Effect::RosterChanged {
            sha256: roster.sha256,
            plan_approvals_default: roster.plan_approvals_default,
            plan_approvals: roster.plan_approvals.clone(),
        };
        self.roster = Some(roster);
        Ok(effect)
    }

    /// Takes settings. Cool-offs that run keep their end.
    ///
    /// # Errors
    /// [`Refusal::CoolOffDays`].
    pub fn set_settings(&mut self, settings: Settings) -> Result<Effect, Refusal> {
        settings.check()?;
        self.settings = settings.clone();
        Ok(Effect::SettingsChanged(settings))
    }

    /// Pins outside clocks in place of those that were pinned.
    ///
    /// # Errors
    /// [`Refusal::Pinned`].
    pub fn pin_clocks(
        &mut self,
        witnesses: Vec<String>,
        timestamp_authorities: Vec<String>,
    ) -> Result<Effect, Refusal> {
        check_pinned(&witnesses)?;
        check_pinned(&timestamp_authorities)?;
        (self.witnesses, self.timestamp_authorities) = (witnesses, timestamp_authorities);
        let (witnesses, timestamp_authorities) = (self.witnesses.len(), self.timestamp_authorities.len());
        Ok(Effect::ClocksPinned { witnesses, timestamp_authorities })
    }

    /// As it is stored: JSON, written in one way.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a register is JSON")
    }

    /// From what [`Register::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`RegisterDamaged`] for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RegisterDamaged> {
        let damaged = |what: &dyn std::fmt::Display| RegisterDamaged(what.to_string());
        if bytes.len() > MAX_REGISTER {
            return Err(damaged(&"it is too long"));
        }
        let register: Self = serde_json::from_slice(bytes).map_err(|e| damaged(&e))?;
        register.check().map_err(|e| damaged(&e))?;
        if register.to_bytes() != bytes { Err(damaged(&"it is not written in the one way")) } else { Ok(register) }
    }

    fn check(&self) -> Result<(), RegisterDamaged> {
        let damaged = |refusal: Refusal| RegisterDamaged(refusal.to_string());
        self.clock.check().map_err(|what| RegisterDamaged(what.into()))?;
        self.settings.check().map_err(damaged)?;
        self.roster.as_ref().map_or(Ok(()), Roster::check).map_err(damaged)?;
        [&self.witnesses, &self.timestamp_authorities].into_iter().try_for_each(check_pinned).map_err(damaged)?;
        self.holds.iter().try_for_each(Hold::check).map_err(damaged)?;
        self.events.iter().try_for_each(Event::check).map_err(damaged)?;
        self.scheduled.iter().try_for_each(Scheduled::check).map_err(damaged)?;
        let (mut recorded, mut corrected) = (HashSet::new(), HashSet::new());
        for event in &self.events {
            let follows = event.corrects.is_none_or(|id| recorded.contains(&id) && corrected.insert(id));
            if !follows || !recorded.insert(event.id) {
                return Err(RegisterDamaged("its events do not follow from each other".into()));
            }
        }
        let ids: HashSet<_> = self.holds.iter().map(|hold| hold.id).collect();
        let purges: HashSet<_> = self.scheduled.iter().map(|scheduled| scheduled.id).collect();
        let numbers = [(ids.len(), self.holds.len(), MAX_HOLDS), (purges.len(), self.scheduled.len(), MAX_SCHEDULED)];
        if numbers.iter().any(|(distinct, all, max)| distinct != all || all > max) || self.events.len() > MAX_EVENTS {
            return Err(RegisterDamaged("an id is there twice, or there are too many".into()));
        }
        Ok(())
    }

    /// The event, or what now stands in its place.
    fn newest_of(&self, id: &EventId) -> Result<&Event, Refusal> {
        let first = self.events.iter().position(|event| event.id == *id).ok_or_else(|| unknown("event", id))?;
        let later = &self.events[first + 1..];
        // Corrections come after what they correct, so one pass follows the whole chain.
        let newest = later
            .iter()
            .fold(&self.events[first], |newest, event| if event.corrects == Some(newest.id) { event } else { newest });
        Ok(newest)
    }

    fn remove(&mut self, purge: &PurgeId) -> Result<(), Refusal> {
        let at = self.scheduled.iter().position(|scheduled| scheduled.id == *purge);
        self.scheduled.remove(at.ok_or_else(|| unknown("purge", purge))?);
        Ok(())
    }
}

/// The retention with one more floor. `event` tells the date of an event that was recorded for the record.
///
/// Where no term has room any more, floors that somebody chose earlier and that the new one includes make way, the
/// first of them last; terms of rules never do.
///
/// # Errors
/// [`Refusal::NotLater`] when the record is kept so long anyway, or would be kept less long; [`Refusal::TooManyTerms`];
/// [`Refusal::Date`].
pub fn extend(
    retention: &Retention,
    until: NaiveDate,
    event: impl Fn(&str) -> Option<NaiveDate>,
) -> Result<Retention, Refusal> {
    if !is_plain_date(until) {
        return Err(Refusal::Date(until));
    }
    let standing = retention.standing(&event);
    let not_later = || Refusal::NotLater { until, standing: standing.to_string() };
    let is_chosen = |term: &Term| term.bound == Bound::Floor && term.rule.is_none();
    let dated = |term: &Term| match term.keep {
        Keep::Until(last) if term.bound == Bound::Floor => Some(last),
        _ => None,
    };
    if retention.terms.iter().filter_map(dated).any(|last| until <= last) {
        return Err(not_later());
    }
    let mut extended = retention.clone();
    while extended.terms.len() >= MAX_TERMS {
        let chosen = |term: &Term| is_chosen(term) && dated(term).is_some();
        let at = extended.terms.iter().rposition(chosen).ok_or(Refusal::TooManyTerms)?;
        extended.terms.remove(at);
    }
    extended.terms.push(Term { keep: Keep::Until(until), bound: Bound::Floor, rule: None });
    let now = extended.standing(&event);
    match standing {
        // The floor is there for the day when the event has come.
        Standing::Awaiting(_) if now == standing => Ok(extended),
        _ if now.length() > standing.length() => Ok(extended),
        _ => Err(not_later()),
    }
}

fn whole_second(time: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp(time.timestamp(), 0).unwrap_or(time)
}

fn unknown(what: &'static str, id: &[u8; 16]) -> Refusal {
    Refusal::Unknown(what, hex::encode(id))
}

fn fresh<'a>(
    what: &'static str,
    id: &[u8; 16],
    mut others: impl ExactSizeIterator<Item = &'a [u8; 16]>,
    max: usize,
) -> Result<(), Refusal> {
    if others.len() >= max {
        return Err(Refusal::Full(what));
    }
    if others.any(|other| other == id) { Err(Refusal::SameId(what, hex::encode(id))) } else { Ok(()) }
}

fn check_pinned(pinned: &Vec<String>) -> Result<(), Refusal> {
    let plain = |text: &String| (1..=MAX_PINNED_BYTES).contains(&text.len());
    if pinned.len() <= MAX_PINNED && pinned.iter().all(plain) { Ok(()) } else { Err(Refusal::Pinned) }
}
