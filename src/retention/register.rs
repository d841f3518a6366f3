//! The register: everything that people decided about records, beside the retention on their pages.
//!
//! Invariant: a transition either happens whole and gives the effect that the journal has to tell of, or is refused and
//! changes nothing. Spec: `spec/disposition.md`, "Register".

use super::clock::{Clock, Confirmation, ConfirmationRefused, Confirmer, Observed, Reading};
use super::disposition::{Judge, RecordView};
use super::event::{Event, EventId, event_hastens};
use super::extension::extend;
use super::hold::{Hold, HoldId};
use super::notice::SentNotice;
pub use super::scheduled::{NewSchedule, PurgeId, Scheduled};
pub use super::settings::{Roster, Settings};
pub use super::transition::{Effect, Refusal};
use super::{Retention, whole_second};
use crate::language::{said, text};
use chrono::{DateTime, Days, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use tr::tr;

/// Bytes of a register, at most.
pub const MAX_REGISTER: usize = 64 << 20;
const MAX_HOLDS: usize = 1 << 16;
const MAX_EVENTS: usize = 1 << 16;
const MAX_NOTICES: usize = 1 << 14;
const MAX_SCHEDULED: usize = 1 << 12;
const MAX_PINNED: usize = 64;
const MAX_PINNED_BYTES: usize = 64 << 10;

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
    /// Notices of destruction that were sent, in the order of recording.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<SentNotice>,
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

/// A register that this program did not write.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{}", tr!("the register is damaged: {}", _0))]
pub struct RegisterDamaged(pub String);

impl Register {
    /// The register of a new keyring.
    pub fn new(reading: &Reading) -> Self {
        Self {
            clock: Clock::new(reading),
            holds: Vec::new(),
            events: Vec::new(),
            scheduled: Vec::new(),
            notices: Vec::new(),
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
            return Err(Refusal::Text(text!("matter")));
        }
        fresh(text!("hold"), &hold.id, self.holds.iter().map(|other| &other.id), MAX_HOLDS)?;
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
        let hold = self.holds.iter_mut().find(|hold| hold.id == *id).ok_or_else(|| unknown(text!("hold"), id))?;
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
        fresh(text!("event"), &event.id, self.events.iter().map(|other| &other.id), MAX_EVENTS)?;
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

    /// Takes note that a notice of destruction was sent. `today` is the wall date in the firm's zone. Whether the keyring knows
    /// its records is the caller's to check; the journal tells of it with what else is known of the notice.
    ///
    /// # Errors
    /// What is wrong with it; [`Refusal::Future`], [`Refusal::SameId`], [`Refusal::Full`].
    pub fn record_notice(&mut self, notice: SentNotice, today: NaiveDate) -> Result<(), Refusal> {
        notice.check()?;
        if notice.on > today {
            return Err(Refusal::Future { date: notice.on, today });
        }
        fresh("notice", &notice.id, self.notices.iter().map(|other| &other.id), MAX_NOTICES)?;
        self.notices.push(notice);
        Ok(())
    }

    /// Starts a cool-off. Each record was allowed to be scheduled ([`Judge::may_schedule`]).
    ///
    /// # Errors
    /// [`Refusal::Clock`], [`Refusal::Items`], [`Refusal::NeedsApproval`] (early, without anybody's), [`Refusal::Approvers`],
    /// [`Refusal::SameId`], [`Refusal::Full`].
    pub fn schedule(&mut self, new: NewSchedule, now: DateTime<Utc>) -> Result<Effect, Refusal> {
        self.clock.may_destroy()?;
        fresh(text!("purge"), &new.id, self.scheduled.iter().map(|other| &other.id), MAX_SCHEDULED)?;
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
        let scheduled = scheduled.ok_or_else(|| unknown(text!("purge"), purge))?;
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
            return Err(damaged(&tr!("it is too long")));
        }
        let register: Self = serde_json::from_slice(bytes).map_err(|e| damaged(&crate::language::of_library(e)))?;
        register.check().map_err(|e| damaged(&e))?;
        if register.to_bytes() != bytes { Err(damaged(&tr!("it is not written in the one way"))) } else { Ok(register) }
    }

    fn check(&self) -> Result<(), RegisterDamaged> {
        let damaged = |refusal: Refusal| RegisterDamaged(refusal.to_string());
        self.clock.check().map_err(|what| RegisterDamaged(said(what).into_owned()))?;
        self.settings.check().map_err(damaged)?;
        self.roster.as_ref().map_or(Ok(()), Roster::check).map_err(damaged)?;
        check_pinned(&self.witnesses).and_then(|()| check_pinned(&self.timestamp_authorities)).map_err(damaged)?;
        self.holds.iter().try_for_each(Hold::check).map_err(damaged)?;
        self.events.iter().try_for_each(Event::check).map_err(damaged)?;
        self.scheduled.iter().try_for_each(Scheduled::check).map_err(damaged)?;
        self.notices.iter().try_for_each(SentNotice::check).map_err(damaged)?;
        let (mut recorded, mut corrected) = (HashSet::new(), HashSet::new());
        for event in &self.events {
            let follows = event.corrects.is_none_or(|id| recorded.contains(&id) && corrected.insert(id));
            if !follows || !recorded.insert(event.id) {
                return Err(RegisterDamaged(tr!("its events do not follow from each other")));
            }
        }
        let ids: HashSet<_> = self.holds.iter().map(|hold| hold.id).collect();
        let purges: HashSet<_> = self.scheduled.iter().map(|scheduled| scheduled.id).collect();
        let notices: HashSet<_> = self.notices.iter().map(|notice| notice.id).collect();
        let numbers = [
            (ids.len(), self.holds.len(), MAX_HOLDS),
            (purges.len(), self.scheduled.len(), MAX_SCHEDULED),
            (notices.len(), self.notices.len(), MAX_NOTICES),
        ];
        if numbers.iter().any(|(distinct, all, max)| distinct != all || all > max) || self.events.len() > MAX_EVENTS {
            return Err(RegisterDamaged(tr!("an id is there twice, or there are too many")));
        }
        Ok(())
    }

    /// The event, or what now stands in its place.
    fn newest_of(&self, id: &EventId) -> Result<&Event, Refusal> {
        let first = self.events.iter().position(|event| event.id == *id).ok_or_else(|| unknown(text!("event"), id))?;
        let later = &self.events[first + 1..];
        // Corrections come after what they correct, so one pass follows the whole chain.
        let newest = later
            .iter()
            .fold(&self.events[first], |newest, event| if event.corrects == Some(newest.id) { event } else { newest });
        Ok(newest)
    }

    fn remove(&mut self, purge: &PurgeId) -> Result<(), Refusal> {
        let at = self.scheduled.iter().position(|scheduled| scheduled.id == *purge);
        self.scheduled.remove(at.ok_or_else(|| unknown(text!("purge"), purge))?);
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
    use crate::crypto::hash::sha256;
    use crate::retention::scope::{Item, Scope};
    use crate::retention::term::{After, Bound, Counting, FiscalYearEnd, Keep, Term};
    use crate::retention::{AtExpiry, Class, Retention, parse_date};
    use std::collections::BTreeMap;

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
        let term = Term { keep: Keep::After(after), bound: Bound::Floor, rule: Some("own".into()), notify: None };
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
}
