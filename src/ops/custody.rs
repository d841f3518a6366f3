//! A keyring with its register open: what every command about retention works on.
//!
//! Invariant: the clock is read into the register before anything is decided, and what changes is stored in one
//! transaction with its journal entries. Who only looks stores nothing before all is shown, and can do without.
//! Spec: `spec/disposition.md`; `spec/keyring.md`, "Locks".

use super::OpsError;
use crate::crypto::hash::sha256;
use crate::crypto::kdf::{ArchiveId, parse_archive_id};
use crate::journal::entry::{Entry, HexHash, Leaf, PlanApprovals};
use crate::keyring::{Keyring, KeyringError, KnownArchive, RecordEntry, Update};
use crate::retention::clock::{Observed, Reading};
use crate::retention::disposition::{Disposition, Judge, RecordView};
use crate::retention::ranges::Ranges;
use crate::retention::register::{Effect, Register};
use crate::storage::lock::Sharing;
use chrono::{DateTime, FixedOffset, NaiveDate, Utc};
use std::path::Path;
use std::time::Duration;

/// Hex digits by which an id can be named, at least: an empty word names nothing.
pub const MIN_PREFIX: usize = 4;

/// Name of the register among the keyring's sealed documents.
pub const REGISTER: &str = "register";

/// What the clocks of this machine show.
#[derive(Clone, Debug)]
pub struct Now {
    /// Wall clock and time since boot.
    pub reading: Reading,
    /// The firm's zone: calendar days begin in it.
    pub zone: FixedOffset,
}

impl Now {
    /// The calendar day that an instant falls into.
    pub fn day(&self, instant: DateTime<Utc>) -> NaiveDate {
        instant.with_timezone(&self.zone).date_naive()
    }

    /// The later of the days that an instant falls into in the firm's zone and in UTC: a time in a file has no zone of the machine
    /// that wrote it.
    pub fn later_day(&self, instant: DateTime<Utc>) -> NaiveDate {
        self.day(instant).max(instant.date_naive())
    }

    /// What the wall clock calls today.
    pub fn today(&self) -> NaiveDate {
        self.day(self.reading.wall)
    }
}

/// Takes a record that a keyring shows.
type Show<'a> = dyn FnMut(&KnownArchive, RecordEntry<'_>) -> Result<(), KeyringError> + 'a;

/// A keyring, locked, with its register.
pub struct Custody {
    keyring: Keyring,
    register: Register,
    now: Now,
    observed: Observed,
    /// What the journal is to say of a reading of the clock that is not stored; none where it is.
    unstored: Option<Vec<Entry>>,
}

impl Custody {
    /// Opens the keyring to change it, finishes what an earlier run left, and reads the clock into the register.
    ///
    /// # Errors
    /// Those of the keyring.
    pub fn open(dir: &Path, wait: Duration, now: Now) -> Result<Self, OpsError> {
        let keyring = Keyring::open(dir, Sharing::Exclusive, wait)?;
        Self::over(keyring, now)
    }

    /// Takes an exclusively opened keyring.
    ///
    /// # Errors
    /// Those of the keyring.
    pub fn over(keyring: Keyring, now: Now) -> Result<Self, OpsError> {
        let mut custody = Self::reading(keyring, now)?;
        if let Some(entries) = custody.unstored.take() {
            let leaves = entries.into_iter().map(|entry| leaf(&custody.now, entry)).collect::<Result<_, _>>()?;
            let documents = vec![(REGISTER.to_owned(), custody.register.to_bytes())];
            custody.keyring.store(Update { documents, leaves, ..Update::default() })?;
        }
        Ok(custody)
    }

    /// Takes a keyring, however it was opened, to show what is in it: the clock is read into the register in memory
    /// only, and [`Self::remember`] stores it.
    ///
    /// # Errors
    /// Those of the keyring.
    pub fn reading(keyring: Keyring, now: Now) -> Result<Self, OpsError> {
        let known = keyring.document(REGISTER)?;
        let before = known.map(|bytes| Register::from_bytes(&bytes)).transpose()?;
        let mut register = before.clone().unwrap_or_else(|| Register::new(&now.reading));
        let (observed, effect) = register.observe(&now.reading);
        let is_news = before.is_none_or(|before| before.to_bytes() != register.to_bytes());
        let unstored = is_news.then(|| effect.into_iter().map(|effect| entry_of(effect, &register)).collect());
        Ok(Self { keyring, register, now, observed, unstored })
    }

    /// Stores the reading of the clock in a keyring that was opened to be read, and finishes what an earlier run left;
    /// waits at most `wait` for other processes. It comes last: after a write that failed nothing more may be read.
    ///
    /// # Errors
    /// Those of the keyring; what was shown of it is right all the same.
    pub fn remember(self, wait: Duration) -> Result<(), OpsError> {
        if self.unstored.is_none() && !self.keyring.unfinished() {
            return Ok(());
        }
        let Self { keyring, now, .. } = self;
        let dir = keyring.dir().to_owned();
        // Its lock stands in the way of the exclusive one.
        drop(keyring);
        Self::open(&dir, wait, now).map(drop)
    }

    /// Writes the first entry of the journal of a new keyring.
    ///
    /// # Errors
    /// Those of the keyring.
    pub fn begin(&mut self) -> Result<(), OpsError> {
        self.note(vec![Entry::Made { keyring: self.keyring_id() }])
    }

    /// The keyring's id.
    pub fn keyring_id(&self) -> [u8; 16] {
        parse_archive_id(&self.keyring.config().keyring).expect("an open keyring has an id")
    }

    /// The keyring.
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// The keyring, to look up records or sign the journal.
    pub fn keyring_mut(&mut self) -> &mut Keyring {
        &mut self.keyring
    }

    /// The keyring, to look up records, with the register beside it.
    pub fn keyring_and_register(&mut self) -> (&mut Keyring, &Register) {
        (&mut self.keyring, &self.register)
    }

    /// The register.
    pub fn register(&self) -> &Register {
        &self.register
    }

    /// What the clocks show.
    pub fn now(&self) -> &Now {
        &self.now
    }

    /// What the register made of the clock.
    pub fn observed(&self) -> &Observed {
        &self.observed
    }

    /// The day that has certainly come.
    pub fn trusted_today(&self) -> NaiveDate {
        self.register.clock.trusted_today()
    }

    /// The time at which signatures are judged: never before what the clock showed once, so that setting it back revives
    /// nobody's expired key.
    pub fn signing_time(&self) -> DateTime<Utc> {
        self.now.reading.wall.max(self.register.clock.mark)
    }

    /// Shows every record, of one archive or all, with what is to become of it.
    ///
    /// # Errors
    /// Those of the keyring and of `each`.
    pub fn for_each_record(
        &self,
        archive: Option<&ArchiveId>,
        mut each: impl FnMut(&Judge<'_>, &RecordView<'_>, Disposition) -> Result<(), OpsError>,
    ) -> Result<(), OpsError> {
        self.judged(&mut each, |show| self.keyring.for_each_record(archive, show))
    }

    /// Gives `each` what `source` shows, with what is to become of it; its first error ends the showing.
    fn judged(
        &self,
        each: &mut dyn FnMut(&Judge<'_>, &RecordView<'_>, Disposition) -> Result<(), OpsError>,
        source: impl FnOnce(&mut Show<'_>) -> Result<(), KeyringError>,
    ) -> Result<(), OpsError> {
        let today = self.trusted_today();
        let judge = Judge::new(&self.register);
        let mut outcome = Ok(());
        source(&mut |known, entry| {
            if outcome.is_ok() {
                let view = view(known, &entry)?;
                outcome = each(&judge, &view, judge.of(&view, today));
            }
            Ok(())
        })?;
        outcome
    }

    /// Shows single records of an archive, without looking at others.
    ///
    /// # Errors
    /// An unknown record; those of the keyring and of `each`.
    pub fn for_records(
        &self,
        archive: &ArchiveId,
        records: &Ranges,
        mut each: impl FnMut(&Judge<'_>, &RecordView<'_>, Disposition) -> Result<(), OpsError>,
    ) -> Result<(), OpsError> {
        self.judged(&mut each, |show| self.keyring.for_records(archive, records, show))
    }

    /// Changes the register by `change`, and the keyring with it, under a new generation; the journal tells of the effects.
    ///
    /// # Errors
    /// Those of `change`, then nothing was changed; those of the keyring.
    pub fn change<T>(
        &mut self,
        change: impl FnOnce(&mut Register, &Now, &mut Update) -> Result<(T, Vec<Entry>), OpsError>,
    ) -> Result<T, OpsError> {
        let mut register = self.register.clone();
        let mut update = Update::default();
        let (outcome, entries) = change(&mut register, &self.now, &mut update)?;
        for entry in entries {
            update.leaves.push(leaf(&self.now, entry)?);
        }
        update.documents.push((REGISTER.to_owned(), register.to_bytes()));
        self.keyring.advance(update)?;
        self.register = register;
        Ok(outcome)
    }

    /// Changes keyring and register under a new generation, as prepared.
    ///
    /// # Errors
    /// Those of the keyring.
    pub fn advance(&mut self, update: Update, register: Register) -> Result<(), OpsError> {
        self.keyring.advance(update)?;
        self.register = register;
        Ok(())
    }

    /// Adds entries to the journal, durably, without any effect of their own.
    ///
    /// # Errors
    /// Those of the keyring.
    pub fn note(&mut self, entries: Vec<Entry>) -> Result<(), OpsError> {
        let leaves = entries.into_iter().map(|entry| leaf(&self.now, entry)).collect::<Result<_, _>>()?;
        Ok(self.keyring.store(Update { leaves, ..Update::default() })?)
    }
}

/// A journal leaf that tells of `entry` now.
///
/// # Errors
/// When it is too large for a leaf.
pub fn leaf(now: &Now, entry: Entry) -> Result<Vec<u8>, OpsError> {
    Ok(Leaf::new(now.reading.wall, entry).to_bytes()?)
}

/// A record of the keyring as the rules see it.
///
/// # Errors
/// [`KeyringError::Damaged`] where its compartment does not exist.
pub fn view<'a>(known: &'a KnownArchive, entry: &RecordEntry<'a>) -> Result<RecordView<'a>, KeyringError> {
    let compartment = known.compartment(entry.compartment)?;
    Ok(RecordView {
        archive: known.id,
        record: entry.record,
        compartment: &compartment.name,
        class: compartment.class,
        retention: entry.retention,
        live: entry.live,
    })
}

/// What the journal says of an effect on `register`.
pub fn entry_of(effect: Effect, register: &Register) -> Entry {
    match effect {
        Effect::HoldPlaced { hold, scope, from, text, secrecy } => Entry::Hold { hold, scope, from, text, secrecy },
        Effect::HoldReleased { hold } => Entry::Release { hold },
        Effect::EventRecorded(event) => Entry::Event {
            event: event.id,
            name: event.name,
            date: event.date,
            scope: event.scope,
            corrects: event.corrects,
            approvals: Vec::new(),
        },
        Effect::Extended { archive, record, until } => {
            Entry::Extension { archive, records: [record].into_iter().collect(), until }
        }
        Effect::Scheduled { purge, plan, items, .. } => Entry::Plan { purge, sha256: plan, items: items.into() },
        Effect::Cancelled { purge } | Effect::Finished { purge } => Entry::Cancelled { purge },
        Effect::RosterChanged { sha256, plan_approvals_default, plan_approvals } => Entry::Roster {
            sha256,
            plan_approvals: PlanApprovals { default: plan_approvals_default, rules: plan_approvals },
            signed_under: None,
        },
        Effect::SettingsChanged(_) | Effect::ClocksPinned { .. } => settings_of(register),
        Effect::ClockAlarm { shown, mark } => Entry::ClockAlarm { shown, mark },
        Effect::ClockAlarmClosed { wall } => Entry::ClockAlarmClosed { wall },
        Effect::ClockConfirmed { by, time } => Entry::ClockConfirmed { by, time },
    }
}

fn settings_of(register: &Register) -> Entry {
    let hashes = |texts: &[String]| texts.iter().map(|text| HexHash(sha256(&[text.as_bytes()]))).collect();
    Entry::Settings {
        cool_off_days: register.settings.cool_off_days,
        fiscal_year_end: register.settings.fiscal_year_end.to_string(),
        typed_confirmation: register.settings.typed_confirmation,
        witnesses: hashes(&register.witnesses),
        timestamp_authorities: hashes(&register.timestamp_authorities),
    }
}
