//! What a transition of the register did, or why it did not happen.
//!
//! Invariant: every change has one effect, and every effect an entry in the journal. Spec: `spec/disposition.md`, "Register".

use super::clock::{ClockDistrust, ConfirmationRefused, Confirmer};
use super::event::{Event, EventId};
use super::hold::HoldId;
use super::scheduled::PurgeId;
use super::scope::{Item, Scope};
use super::settings::{MAX_COOL_OFF_DAYS, Settings};
use super::term::MAX_TERMS;
use crate::crypto::hash::Hash;
use crate::crypto::kdf::ArchiveId;
use crate::language::said;
use chrono::{DateTime, NaiveDate, Utc};
use std::collections::BTreeMap;
use tr::tr;

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
        /// Whether it forbids disclosure too.
        secrecy: bool,
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
    #[error("{}", tr!("it names no archive, compartment or rule, and does not say that it is about everything"))]
    NoScope,
    /// Something that is no scope.
    #[error("{}", tr!("the scope is not possible: {}", said(_0)))]
    Scope(&'static str),
    /// An archive that the keyring does not know.
    #[error("{}", tr!("archive {}: the keyring does not know it", hex::encode(_0)))]
    UnknownArchive(ArchiveId),
    /// A number that no record has.
    #[error("{}", tr!("record {record}: archive {} has no such record", hex::encode(archive), record = record))]
    UnknownRecord {
        /// Which archive.
        archive: ArchiveId,
        /// Which number.
        record: u64,
    },
    /// A text that is absent, too long or not plain.
    #[error("{}", tr!("the {} of the hold is missing, too long or not a line of text", said(_0)))]
    Text(&'static str),
    /// An id that is taken.
    #[error("{}", tr!("{0} {1}: there is one already", said(_0), _1))]
    SameId(&'static str, String),
    /// An id that nothing has.
    #[error("{}", tr!("{0} {1}: there is none", said(_0), _1))]
    Unknown(&'static str, String),
    /// A hold that does not stand any more.
    #[error("{}", tr!("hold {}: it was released on {}", hex::encode(hold), released.date_naive()))]
    AlreadyReleased {
        /// Which.
        hold: HoldId,
        /// When.
        released: DateTime<Utc>,
    },
    /// A name that no event has.
    #[error("{}", tr!("{} is not the name of an event, such as relationship-end", format!("{:?}", _0)))]
    EventName(String),
    /// A day outside of the calendar.
    #[error("{}", tr!("{} has no year of four digits", _0))]
    Date(NaiveDate),
    /// Something that has not happened yet.
    #[error("{}", tr!("{date} has not come: it is {today}", date = date, today = today))]
    Future {
        /// Of the event.
        date: NaiveDate,
        /// By the clock.
        today: NaiveDate,
    },
    /// A correction of something else.
    #[error("{}", tr!("event {}: it is {name}, and a correction is of the same", hex::encode(event), name = name))]
    OtherEvent {
        /// Which is to be corrected.
        event: EventId,
        /// What it is.
        name: String,
    },
    /// Nobody else agreed.
    #[error("{}", tr!("it needs the approval of a second person"))]
    NeedsApproval,
    /// Names of approvers that cannot be.
    #[error("{}", tr!("the approvers cannot be taken: {}", said(_0)))]
    Approvers(&'static str),
    /// A purge of nothing, or one that names an archive twice.
    #[error("{}", tr!("the purge names no record, or an archive twice"))]
    Items,
    /// A roster that cannot be.
    #[error("{}", tr!("the roster cannot be taken: {}", said(_0)))]
    Roster(&'static str),
    /// A cool-off that is too long.
    #[error("{}", tr!("a cool-off of {} days is longer than {max_cool_off_days}", _0, max_cool_off_days = MAX_COOL_OFF_DAYS))]
    CoolOffDays(u32),
    /// Keys or certificates that cannot be.
    #[error("{}", tr!("there are too many outside clocks, or one has no plain text"))]
    Pinned,
    /// A date that is no later.
    #[error("{}", tr!("{until} is not later than what stands: {standing}", until = until, standing = standing))]
    NotLater {
        /// What was asked for.
        until: NaiveDate,
        /// What stands.
        standing: String,
    },
    /// More terms than a record can have.
    #[error("{}", tr!("the record has {max_terms} terms that must all be kept", max_terms = MAX_TERMS))]
    TooManyTerms,
    /// More of something than a register holds.
    #[error("{}", tr!("the register is full: it has too many {}", said(_0)))]
    Full(&'static str),
    /// A cool-off that is not over.
    #[error("{}", tr!("the cool-off runs until {not_before}", not_before = not_before))]
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
