//! The register: everything that people decided about records, beside the retention on their pages.
//!
//! Invariant: a transition either happens whole and gives the effect that the journal has to tell of, or is refused and
//! changes nothing. Spec: `spec/disposition.md`, "Register".

use super::clock::{Clock, Confirmation, ConfirmationRefused, Confirmer, Observed, Reading};
use super::disposition::{Judge, RecordView};
use super::event::{self, Event, EventId, check_approvers, event_hastens};
use super::extension::extend;
use super::hold::{Hold, HoldId};
use super::scope::{Item, hex_option};
use super::term::{FiscalYearEnd, is_code};
pub use super::transition::{Effect, Refusal};
use super::{Retention, is_plain_date, whole_second};
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
            secrecy: hold.secrecy,
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
        check_pinned(&self.witnesses).and_then(|()| check_pinned(&self.timestamp_authorities)).map_err(damaged)?;
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

fn check_pinned(pinned: &[String]) -> Result<(), Refusal> {
    let plain = |text: &String| (1..=MAX_PINNED_BYTES).contains(&text.len());
    if pinned.len() <= MAX_PINNED && pinned.iter().all(plain) { Ok(()) } else { Err(Refusal::Pinned) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retention::scope::Scope;
    use crate::retention::term::{After, Bound, Counting, Keep, Term};
    use crate::retention::{AtExpiry, Class, Retention, parse_date};

    fn date(text: &str) -> NaiveDate {
        parse_date(text).unwrap()
    }

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn register() -> Register {
        Register::new(&Reading { wall: time("2030-01-01T00:00:00Z"), boot: None })
    }

    fn hold(id: u8) -> Hold {
        let texts = ("Smith v. Jones", Some("District court"));
        Hold::new([id; 16], [9; 16], texts, Scope::everything(), date("2029-12-01"), time("2030-01-01T00:00:00Z"))
            .unwrap()
    }

    fn event(id: u8, day: &str, corrects: Option<u8>) -> Event {
        Event {
            id: [id; 16],
            name: "contract-end".into(),
            date: date(day),
            scope: Scope::everything(),
            recorded: time("2030-01-01T00:00:00Z"),
            corrects: corrects.map(|id| [id; 16]),
            approved_by: Vec::new(),
        }
    }

    fn awaiting() -> Retention {
        let after = After {
            event: "contract-end".into(),
            period: "P10Y".parse().unwrap(),
            counting: Counting::Day,
            fiscal_year_end: FiscalYearEnd::default(),
        };
        let term = Term { keep: Keep::After(after), bound: Bound::Floor, rule: Some("own".into()) };
        Retention { terms: vec![term], at_expiry: AtExpiry::Destroy }
    }

    fn view(retention: &Retention) -> RecordView<'_> {
        RecordView { archive: [1; 16], record: 17, compartment: "clients", class: Class::Public, retention, live: true }
    }

    #[test]
    fn a_register_has_one_spelling_and_others_are_damage() {
        let mut register = register();
        register.place_hold(hold(1)).unwrap();
        register.place_hold(hold(2)).unwrap();
        register.release_hold(&[2; 16], time("2030-01-02T00:00:00.5Z")).unwrap();
        let retention = awaiting();
        register.record_event(event(3, "2029-12-31", None), date("2030-01-01"), [view(&retention)]).unwrap();
        let items = vec![Item { archive: [1; 16], records: "1-4,7".parse().unwrap() }];
        let new = NewSchedule { id: [4; 16], plan: Some([5; 32]), items, early: None, approved_by: Vec::new() };
        register.schedule(new, time("2030-01-01T00:00:00Z")).unwrap();
        let text = "a@lantern.example ssh-ed25519 AAAA".to_owned();
        let sha256 = sha256(&[text.as_bytes()]);
        let plan_approvals = BTreeMap::from([("own".to_owned(), 2)]);
        register.set_roster(Roster { text, sha256, plan_approvals_default: 1, plan_approvals }).unwrap();
        register.pin_clocks(vec!["w+1+AA".into()], Vec::new()).unwrap();
        let bytes = register.to_bytes();
        let read = Register::from_bytes(&bytes).unwrap();
        assert_eq!(read.to_bytes(), bytes);
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.contains(r#""released":"2030-01-02T00:00:00Z""#), "{text}");
        for (from, to) in [
            ("{\"clock\"", " {\"clock\""),
            ("\"holds\":", "\"more\":1,\"holds\":"),
            ("2030-01-02T00:00:00Z", "2030-01-02T01:00:00+01:00"),
            ("Smith", "Smyth"),
            (&"01".repeat(16), &"02".repeat(16)),
            ("\"budget_seconds\":3024000", "\"budget_seconds\":3024001"),
            ("\"plan_approvals_default\":1", "\"plan_approvals_default\":0"),
            ("\"budget_seconds\"", "\"budget_seconds\":1,\"budget_seconds\""),
            ("1-4,7", "7,1-4"),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{from}");
            assert!(Register::from_bytes(changed.as_bytes()).is_err(), "{to}");
        }
        let cut = &text.as_bytes()[..text.len() - 1];
        assert!(Register::from_bytes(cut).is_err());
    }

    #[test]
    fn holds_are_placed_once_and_released_once_and_lose_their_texts() {
        let mut register = register();
        register.place_hold(hold(1)).unwrap();
        assert!(matches!(register.place_hold(hold(1)), Err(Refusal::SameId("hold", _))));
        assert!(matches!(register.release_hold(&[7; 16], Utc::now()), Err(Refusal::Unknown("hold", _))));
        let before = register.holds[0].statement();
        let text = String::from_utf8(before.clone()).unwrap();
        let begins =
            format!("keepuntil-hold/v1\n{{\"from\":\"2029-12-01\",\"hold\":\"{}\",\"placed\":", "01".repeat(16));
        assert!(text.starts_with(&begins) && !text.contains("Smith"), "{text}");
        let commitment = sha256(&[&[9; 16], b"Smith v. Jones", &[0], b"District court"]);
        assert_eq!(register.holds[0].text_commitment, commitment);
        register.release_hold(&[1; 16], Utc::now()).unwrap();
        let released = &register.holds[0];
        assert_eq!((&released.matter, &released.authority, released.salt), (&None, &None, None));
        assert_eq!(released.statement(), before);
        assert!(!String::from_utf8(register.to_bytes()).unwrap().contains("Smith"));
        assert!(matches!(register.release_hold(&[1; 16], Utc::now()), Err(Refusal::AlreadyReleased { .. })));
        for text in ["", " ", "two\nlines", &"x".repeat(5000)] {
            let day = date("2030-01-01");
            let hold = Hold::new([1; 16], [9; 16], (text, None), Scope::everything(), day, Utc::now());
            assert_eq!(hold, Err(Refusal::Text("matter")));
        }
    }

    #[test]
    fn scopes_are_explicit_and_possible() {
        assert_eq!(Scope::default().explicit(false), Err(Refusal::NoScope));
        assert_eq!(Scope::default().explicit(true), Ok(Scope::everything()));
        let records = Some("1-4".parse().unwrap());
        assert!(Scope { records: records.clone(), ..Scope::default() }.explicit(false).is_err());
        assert!(
            Scope { archive: Some([1; 16]), records: Some("".parse().unwrap()), ..Scope::default() }.check().is_err()
        );
        assert!(Scope { rule: Some("No Rule".into()), ..Scope::default() }.check().is_err());
        assert!(Scope::of_archive([1; 16]).explicit(true).is_err());
        let scope = Scope { archive: Some([1; 16]), records, ..Scope::default() };
        assert_eq!(scope.check_known(|_| Some(4)), Ok(()));
        assert!(matches!(scope.check_known(|_| Some(3)), Err(Refusal::UnknownRecord { record: 4, .. })));
        assert!(matches!(scope.check_known(|_| None), Err(Refusal::UnknownArchive(_))));
        let retention = awaiting();
        let view = view(&retention);
        let covers = |scope: Scope| scope.covers(&view);
        assert!(covers(Scope { compartment: Some("clients".into()), rule: Some("own".into()), ..Scope::default() }));
        assert!(!covers(Scope { compartment: Some("staff".into()), rule: Some("own".into()), ..Scope::default() }));
        assert!(!covers(Scope { archive: Some([2; 16]), ..Scope::default() }));
        assert!(!covers(scope));
    }

    #[test]
    fn an_event_has_happened_and_has_a_name() {
        let today = date("2030-01-01");
        let mut register = register();
        let future = register.record_event(event(1, "2030-01-02", None), today, []);
        assert!(matches!(future, Err(Refusal::Future { .. })));
        let unnamed = Event { name: "Contract End".into(), ..event(1, "2030-01-01", None) };
        assert!(matches!(register.record_event(unnamed, today, []), Err(Refusal::EventName(_))));
        let unknown = register.record_event(event(1, "2030-01-01", Some(8)), today, []);
        assert!(matches!(unknown, Err(Refusal::Unknown("event", _))));
        register.record_event(event(1, "2030-01-01", None), today, []).unwrap();
        let other = Event { name: "audit-end".into(), ..event(2, "2030-01-01", Some(1)) };
        assert!(matches!(register.record_event(other, today, []), Err(Refusal::OtherEvent { .. })));
        // The later of two dates counts, also for what was deposited after them.
        register.record_event(event(3, "2029-01-01", None), today, []).unwrap();
        let retention = awaiting();
        assert_eq!(Judge::new(&register).standing(&view(&retention)).to_string(), "2040-01-01");
    }

    #[test]
    fn what_hastens_needs_a_second_person() {
        let today = date("2030-01-01");
        let retention = awaiting();
        let records = || [view(&retention)];
        let mut register = register();
        let long_ago = register.record_event(event(1, "2020-01-05", None), today, records());
        assert_eq!(long_ago, Err(Refusal::NeedsApproval), "due within the cool-off");
        register.record_event(event(1, "2020-01-08", None), today, records()).unwrap();
        register.record_event(event(2, "2021-01-01", Some(1)), today, records()).unwrap();
        assert_eq!(Judge::new(&register).standing(&view(&retention)).to_string(), "2031-01-01");
        let back = event(3, "2020-12-31", Some(1));
        assert_eq!(register.record_event(back.clone(), today, records()), Err(Refusal::NeedsApproval));
        let twice = Event { approved_by: vec!["b".into(), "b".into()], ..back.clone() };
        assert!(matches!(register.record_event(twice, today, records()), Err(Refusal::Approvers(_))));
        let approved = Event { approved_by: vec!["b".into()], ..back };
        register.record_event(approved, today, records()).unwrap();
        // It named the first, and takes the place of what stood there.
        assert_eq!(register.events[2].corrects, Some([2; 16]));
        assert_eq!(Judge::new(&register).standing(&view(&retention)).to_string(), "2030-12-31");
        let narrower = Event { scope: Scope::of_archive([2; 16]), ..event(4, "2025-01-01", Some(3)) };
        assert_eq!(register.record_event(narrower, today, records()), Err(Refusal::NeedsApproval));
    }

    #[test]
    fn a_cool_off_runs_its_days_and_can_be_ended() {
        let mut register = register();
        let new = |id: u8, items| NewSchedule { id: [id; 16], plan: None, items, early: None, approved_by: Vec::new() };
        let item = || Item { archive: [1; 16], records: "17".parse().unwrap() };
        let now = time("2030-01-01T00:00:00Z");
        assert_eq!(register.schedule(new(1, Vec::new()), now), Err(Refusal::Items));
        assert_eq!(register.schedule(new(1, vec![item(), item()]), now), Err(Refusal::Items));
        let early = NewSchedule { early: Some([1; 32]), ..new(1, vec![item()]) };
        assert_eq!(register.schedule(early, now), Err(Refusal::NeedsApproval));
        register.schedule(new(1, vec![item()]), now).unwrap();
        register.schedule(new(2, vec![item()]), now).unwrap();
        register.observe(&Reading { wall: time("2030-01-07T23:59:59Z"), boot: None });
        assert_eq!(register.ready(&[1; 16]), Err(Refusal::CoolOff { not_before: date("2030-01-08") }));
        register.observe(&Reading { wall: time("2030-01-08T00:00:00Z"), boot: None });
        register.ready(&[1; 16]).unwrap();
        register.cancel(&[2; 16]).unwrap();
        assert!(matches!(register.ready(&[2; 16]), Err(Refusal::Unknown("purge", _))));
        assert!(register.cancel(&[2; 16]).is_err());
        register.finish(&[1; 16]).unwrap();
        register.observe(&Reading { wall: time("2040-01-01T00:00:00Z"), boot: None });
        assert!(matches!(register.schedule(new(3, vec![item()]), now), Err(Refusal::Clock(_))));
    }
}
