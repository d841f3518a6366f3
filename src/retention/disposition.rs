//! Disposition: what is to be done with a record, and the one gate before its keys are destroyed.
//!
//! Invariant: [`Judge::may_destroy`] alone allows destruction, and takes the date from the keyring's clock alone.
//! Spec: `spec/disposition.md`, "Disposition".

use super::clock::ClockDistrust;
use super::event::{self, Event};
use super::hold::{Hold, HoldId};
use super::notice::{self, Noticed, Unnotified};
use super::register::{PurgeId, Register, Scheduled};
use super::term::Standing;
use super::{AtExpiry, Class, Retention};
use crate::crypto::kdf::ArchiveId;
use chrono::NaiveDate;
use std::collections::BTreeSet;
use tr::tr;

/// A record as these rules see it.
#[derive(Clone, Copy, Debug)]
pub struct RecordView<'a> {
    /// Its archive.
    pub archive: ArchiveId,
    /// Its number.
    pub record: u64,
    /// The name of its compartment.
    pub compartment: &'a str,
    /// How closely it is guarded.
    pub class: Class,
    /// What applies: the page's terms, not the leaf's.
    pub retention: &'a Retention,
    /// Whether its keys are still there.
    pub live: bool,
}

/// Where a record stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Its keys are gone.
    Destroyed,
    /// Holds stop its destruction.
    Held {
        /// Which.
        holds: Vec<HoldId>,
        /// Whether it would be due without them.
        due: bool,
    },
    /// It is kept for ever.
    Permanent,
    /// Its time begins with events that have not been recorded.
    Awaiting(Vec<String>),
    /// Its time has not run.
    Kept {
        /// Its last day.
        until: NaiveDate,
        /// The rule that decides; none for a date that somebody chose.
        rule: Option<String>,
    },
    /// Its time has run.
    Due {
        /// The first day after it.
        since: NaiveDate,
        /// Whether somebody has to approve.
        review: bool,
    },
    /// A cool-off runs.
    Scheduled {
        /// Of which purge.
        purge: PurgeId,
        /// The day on which it is over.
        not_before: NaiveDate,
    },
}

/// A hold as a message names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Which.
    pub id: HoldId,
    /// Its matter.
    pub matter: String,
    /// Since when.
    pub from: NaiveDate,
}

/// Why a record may not be destroyed. Shown after the record, as in `record 17 of …: held by "Smith v. Jones" since 2031-02-03`.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Forbidden {
    /// There is nothing left to destroy.
    #[error("{}", tr!("it is destroyed already"))]
    Destroyed,
    /// Holds.
    #[error("{}", holdings(.0))]
    Held(Vec<Holding>),
    /// A term without end.
    #[error("{}", tr!("it is kept for ever"))]
    Permanent,
    /// Events that have not been recorded.
    #[error("{}", tr!("it is kept until {} is recorded", _0.join(&tr!("list" => ", "))))]
    Awaiting(Vec<String>),
    /// Its time has not certainly run.
    #[error("{}", kept(until, rule.as_deref(), today))]
    Kept {
        /// Its last day.
        until: NaiveDate,
        /// The rule that decides.
        rule: Option<String>,
        /// The clock's trusted date.
        today: NaiveDate,
    },
    /// Those concerned were not told early enough.
    #[error(transparent)]
    Notice(#[from] Unnotified),
    /// Before its time, where a floor does not allow it.
    #[error("{}", tr!("it must be kept: only a record that nothing but ceilings bind may be destroyed before its time"))]
    Floor,
    /// People have to agree who did not.
    #[error("{}", approvals(*needed, *given))]
    Approvals {
        /// How many distinct people.
        needed: u32,
        /// How many did.
        given: u32,
    },
    /// No purge has been scheduled that names it.
    #[error("{}", tr!("no purge of that id is scheduled for it"))]
    NotScheduled,
    /// The cool-off runs.
    #[error("{}", tr!("its cool-off runs until {not_before}", not_before = not_before))]
    CoolOff {
        /// The day on which it is over.
        not_before: NaiveDate,
    },
    /// The clock is not trusted.
    #[error(transparent)]
    Clock(#[from] ClockDistrust),
}

/// The register as it is asked about many records: holds in force and current events are looked up once.
#[derive(Debug)]
pub struct Judge<'a> {
    register: &'a Register,
    holds: Vec<&'a Hold>,
    events: Vec<&'a Event>,
}

impl<'a> Judge<'a> {
    /// For the register as it is now.
    pub fn new(register: &'a Register) -> Self {
        let holds = register.holds.iter().filter(|hold| hold.in_force()).collect();
        Self { register, holds, events: event::current(&register.events) }
    }

    /// The date of an event for the record.
    pub fn event(&self, view: &RecordView<'_>, name: &str) -> Option<NaiveDate> {
        event::date_for(self.events.iter().copied(), view, name)
    }

    /// What the record's terms come to with the events that were recorded.
    pub fn standing(&self, view: &RecordView<'_>) -> Standing {
        view.retention.standing(|name| self.event(view, name))
    }

    /// The holds on the record.
    pub fn holds<'v>(&self, view: &'v RecordView<'_>) -> impl Iterator<Item = &'a Hold> + use<'a, 'v, '_> {
        self.holds.iter().copied().filter(|hold| hold.scope.covers(view))
    }

    /// Where the record stands on the day `today`: the clock's trusted date for what is *due*, the wall date for what has *run out*.
    pub fn of(&self, view: &RecordView<'_>, today: NaiveDate) -> Disposition {
        if !view.live {
            return Disposition::Destroyed;
        }
        let standing = self.standing(view);
        let due = matches!(standing, Standing::Until { last, .. } if last < today);
        let holds: Vec<HoldId> = self.holds(view).map(|hold| hold.id).collect();
        if !holds.is_empty() {
            return Disposition::Held { holds, due };
        }
        let scheduled =
            self.register.scheduled.iter().filter(|scheduled| {
                (due || scheduled.early.is_some()) && scheduled.contains(&view.archive, view.record)
            });
        if let Some(Scheduled { id, not_before, .. }) = scheduled.min_by_key(|scheduled| scheduled.not_before) {
            return Disposition::Scheduled { purge: *id, not_before: *not_before };
        }
        match standing {
            Standing::Permanent => Disposition::Permanent,
            Standing::Awaiting(events) => Disposition::Awaiting(events),
            Standing::Until { last, .. } if due => Disposition::Due {
                since: last.succ_opt().unwrap_or(last),
                review: self.approvals_needed(view, false) > 0,
            },
            Standing::Until { last, governed_by } => {
                Disposition::Kept { until: last, rule: rule_of(view, governed_by) }
            }
        }
    }

    /// What keeps the record from being destroyed at its time because a rule of it asks for a notice first; none where nothing does.
    pub fn unnotified(&self, view: &RecordView<'_>) -> Option<Unnotified> {
        self.unnotified_for(view, false)
    }

    /// The same; with `early`, for a destruction before its time.
    pub fn unnotified_for(&self, view: &RecordView<'_>, early: bool) -> Option<Unnotified> {
        self.noticed_for(view, early)?.unnotified(self.register.clock.trusted_today())
    }

    /// What the notices of destruction that were sent come to for the record; none where no rule of it asks for one.
    pub fn noticed(&self, view: &RecordView<'_>) -> Option<Noticed> {
        self.noticed_for(view, false)
    }

    fn noticed_for(&self, view: &RecordView<'_>, early: bool) -> Option<Noticed> {
        if !notice::is_asked_for(view.retention) {
            return None;
        }
        let about = self.register.notices.iter().filter(|notice| notice.names(&view.archive, view.record));
        let last = self.standing(view).last_day();
        // What began as early is at its time when that has come meanwhile.
        let early = early && last.is_some_and(|last| last >= self.register.clock.trusted_today());
        notice::standing(view.retention, about, (view.record, last, early))
    }

    /// How many distinct people have to approve the record's destruction.
    pub fn approvals_needed(&self, view: &RecordView<'_>, early: bool) -> u32 {
        let roster = self.register.roster.as_ref();
        let rules = view.retention.rules();
        let by_rule = rules.iter().filter_map(|rule| roster?.plan_approvals.get(*rule).copied()).max();
        let reviewed = early || view.retention.at_expiry == AtExpiry::Review;
        // The default also where a rule without a number of its own stands beside one that has one.
        let default = roster.map_or(1, |roster| roster.plan_approvals_default.max(1));
        let unnumbered = rules.iter().any(|rule| roster.is_none_or(|r| !r.plan_approvals.contains_key(*rule)));
        match by_rule {
            Some(number) if reviewed && unnumbered => number.max(default),
            Some(number) => number.max(u32::from(reviewed)),
            None if reviewed => default,
            None => 0,
        }
    }

    /// Whether a purge of the record may begin its cool-off.
    ///
    /// # Errors
    /// The first reason why not.
    pub fn may_schedule(&self, view: &RecordView<'_>, early: bool, approved_by: &[String]) -> Result<(), Forbidden> {
        if !view.live {
            return Err(Forbidden::Destroyed);
        }
        let holding = |hold: &Hold| Holding { id: hold.id, matter: hold.name(), from: hold.from };
        let holdings: Vec<Holding> = self.holds(view).map(holding).collect();
        if !holdings.is_empty() {
            return Err(Forbidden::Held(holdings));
        }
        let today = self.register.clock.trusted_today();
        match self.standing(view) {
            Standing::Permanent => return Err(Forbidden::Permanent),
            _ if early && view.retention.has_floor() => return Err(Forbidden::Floor),
            _ if early => {}
            Standing::Awaiting(events) => return Err(Forbidden::Awaiting(events)),
            Standing::Until { last, .. } if last < today => {}
            Standing::Until { last, governed_by } => {
                return Err(Forbidden::Kept { until: last, rule: rule_of(view, governed_by), today });
            }
        }
        if let Some(unnotified) = self.unnotified_for(view, early) {
            return Err(unnotified.into());
        }
        let needed = self.approvals_needed(view, early);
        let given = approved_by.iter().collect::<BTreeSet<_>>().len() as u32;
        if given < needed {
            return Err(Forbidden::Approvals { needed, given });
        }
        self.register.clock.may_destroy().map_err(Forbidden::Clock)
    }

    /// The gate: whether the record's keys may be destroyed now, by the purge of this id. To be asked for each record under
    /// the exclusive lock, with the register as it is then and after the clock was read.
    ///
    /// # Errors
    /// The first reason why not.
    pub fn may_destroy(&self, view: &RecordView<'_>, purge: &PurgeId) -> Result<(), Forbidden> {
        let scheduled = self.register.scheduled.iter().find(|scheduled| scheduled.id == *purge);
        let named = scheduled.filter(|scheduled| scheduled.contains(&view.archive, view.record));
        // What the record itself says comes first: "held" tells more than "not scheduled".
        let (early, approved_by) = named.map_or((false, &[][..]), |s| (s.early.is_some(), &s.approved_by[..]));
        self.may_schedule(view, early, approved_by)?;
        let not_before = named.ok_or(Forbidden::NotScheduled)?.not_before;
        if self.register.clock.mark_date() < not_before { Err(Forbidden::CoolOff { not_before }) } else { Ok(()) }
    }
}

/// [`Judge::of`] for one record.
pub fn of(view: &RecordView<'_>, register: &Register, today: NaiveDate) -> Disposition {
    Judge::new(register).of(view, today)
}

/// [`Judge::may_destroy`] for one record.
///
/// # Errors
/// The first reason why not.
pub fn may_destroy(view: &RecordView<'_>, register: &Register, purge: &PurgeId) -> Result<(), Forbidden> {
    Judge::new(register).may_destroy(view, purge)
}

fn rule_of(view: &RecordView<'_>, term: usize) -> Option<String> {
    view.retention.terms.get(term)?.rule.clone()
}

fn kept(until: &NaiveDate, rule: Option<&str>, today: &NaiveDate) -> String {
    match rule {
        Some(rule) => tr!(
            "it is kept until {until} by {rule}, and the date that is certain is {today}",
            until = until,
            rule = rule,
            today = today
        ),
        None => tr!("it is kept until {until}, and the date that is certain is {today}", until = until, today = today),
    }
}

fn approvals(needed: u32, given: u32) -> String {
    tr!(
        "it needs {n} approval of the plan, and has {given}"
            | "it needs {n} approvals of the plan, and has {given}" % needed,
        given = given
    )
}

fn holdings(holdings: &[Holding]) -> String {
    let each = holdings.iter().map(|h| tr!("{matter} since {from}", matter = format!("{:?}", h.matter), from = h.from));
    tr!("held by {}", each.collect::<Vec<_>>().join(&tr!("list" => " and ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retention::clock::{Confirmation, Confirmer, Reading};
    use crate::retention::parse_date;
    use crate::retention::register::{NewSchedule, Roster};
    use crate::retention::scope::{Item, Scope};
    use crate::retention::term::{Bound, Keep, Term};

    fn date(text: &str) -> NaiveDate {
        parse_date(text).unwrap()
    }

    fn reading(day: &str) -> Reading {
        Reading { wall: format!("{day}T12:00:00Z").parse().unwrap(), boot: None }
    }

    fn on(register: &mut Register, day: &str) {
        let reading = reading(day);
        register.observe(&reading);
        register.confirm(&reading, &Confirmation { time: reading.wall, by: Confirmer::Witness }).unwrap();
    }

    fn schedule(register: &mut Register, id: u8, early: bool, people: &[&str]) {
        let items = vec![Item { archive: [1; 16], records: "17".parse().unwrap() }];
        let approved_by = people.iter().map(|name| (*name).to_owned()).collect();
        let early = early.then_some([3; 32]);
        let new = NewSchedule { id: [id; 16], plan: None, items, early, approved_by };
        register.schedule(new, reading("2031-01-01").wall).unwrap();
    }

    fn retention(last: &str, bound: Bound, at_expiry: AtExpiry) -> Retention {
        Retention {
            terms: vec![Term { keep: Keep::Until(date(last)), bound, rule: Some("own".into()), notify: None }],
            at_expiry,
        }
    }

    fn view(retention: &Retention) -> RecordView<'_> {
        RecordView { archive: [1; 16], record: 17, compartment: "clients", class: Class::Public, retention, live: true }
    }

    fn place(register: &mut Register, id: u8, matter: &str) {
        let from = date("2031-02-03");
        let scope = Scope { compartment: Some("clients".into()), ..Scope::default() };
        let hold = Hold::new([id; 16], [0; 16], (matter, None), scope, from, reading("2031-02-03").wall).unwrap();
        register.place_hold(hold).unwrap();
    }

    #[test]
    fn a_record_goes_the_day_after_its_last_and_after_the_cool_off() {
        let retention = retention("2030-12-31", Bound::Floor, AtExpiry::Destroy);
        let mut register = Register::new(&reading("2030-12-31"));
        on(&mut register, "2030-12-31");
        register.settings.cool_off_days = 7;
        let kept = Judge::new(&register).may_schedule(&view(&retention), false, &[]).unwrap_err();
        assert_eq!(kept.to_string(), "it is kept until 2030-12-31 by own, and the date that is certain is 2030-12-31");
        on(&mut register, "2031-01-01");
        let due = of(&view(&retention), &register, register.clock.trusted_today());
        assert_eq!(due, Disposition::Due { since: date("2031-01-01"), review: false });
        assert_eq!(may_destroy(&view(&retention), &register, &[1; 16]), Err(Forbidden::NotScheduled));
        schedule(&mut register, 1, false, &[]);
        let runs = may_destroy(&view(&retention), &register, &[1; 16]);
        assert_eq!(runs, Err(Forbidden::CoolOff { not_before: date("2031-01-08") }));
        on(&mut register, "2031-01-08");
        may_destroy(&view(&retention), &register, &[1; 16]).unwrap();
        let other = RecordView { record: 18, ..view(&retention) };
        assert_eq!(may_destroy(&other, &register, &[1; 16]), Err(Forbidden::NotScheduled));
        let gone = RecordView { live: false, ..view(&retention) };
        assert_eq!(may_destroy(&gone, &register, &[1; 16]), Err(Forbidden::Destroyed));
        register.observe(&reading("2034-01-01"));
        assert!(matches!(may_destroy(&view(&retention), &register, &[1; 16]), Err(Forbidden::Clock(_))));
    }

    #[test]
    fn a_hold_beats_expiry_at_any_point_before_the_end() {
        let retention = retention("2030-12-31", Bound::Floor, AtExpiry::Destroy);
        let mut register = Register::new(&reading("2031-01-01"));
        on(&mut register, "2031-01-02");
        schedule(&mut register, 1, false, &[]);
        on(&mut register, "2031-01-31");
        place(&mut register, 1, "Smith v. Jones");
        place(&mut register, 2, "Audit");
        let held = may_destroy(&view(&retention), &register, &[1; 16]).unwrap_err();
        assert_eq!(held.to_string(), r#"held by "Smith v. Jones" since 2031-02-03 and "Audit" since 2031-02-03"#);
        register.release_hold(&[1; 16], reading("2031-02-04").wall).unwrap();
        let today = register.clock.trusted_today();
        let still = of(&view(&retention), &register, today);
        assert_eq!(still, Disposition::Held { holds: vec![[2; 16]], due: true });
        register.release_hold(&[2; 16], reading("2031-02-04").wall).unwrap();
        assert!(matches!(of(&view(&retention), &register, today), Disposition::Scheduled { .. }));
        may_destroy(&view(&retention), &register, &[1; 16]).unwrap();
    }

    #[test]
    fn review_needs_as_many_distinct_people_as_the_roster_says() {
        let reviewed = retention("2030-12-31", Bound::Floor, AtExpiry::Review);
        let plain = retention("2030-12-31", Bound::Floor, AtExpiry::Destroy);
        let mut register = Register::new(&reading("2031-01-01"));
        on(&mut register, "2031-01-02");
        let people = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let given = |register: &Register, retention: &Retention, names: &[&str]| {
            Judge::new(register).may_schedule(&view(retention), false, &people(names))
        };
        assert_eq!(given(&register, &plain, &[]), Ok(()));
        assert_eq!(given(&register, &reviewed, &[]), Err(Forbidden::Approvals { needed: 1, given: 0 }));
        assert_eq!(given(&register, &reviewed, &["a"]), Ok(()));
        let sha256 = crate::crypto::hash::sha256(&[b""]);
        let plan_approvals = [("own".to_owned(), 2)].into();
        register.set_roster(Roster { text: String::new(), sha256, plan_approvals_default: 1, plan_approvals }).unwrap();
        assert_eq!(given(&register, &reviewed, &["a", "a"]), Err(Forbidden::Approvals { needed: 2, given: 1 }));
        assert_eq!(given(&register, &reviewed, &["a", "b"]), Ok(()));
        assert_eq!(given(&register, &plain, &["a"]), Err(Forbidden::Approvals { needed: 2, given: 1 }));
    }

    #[test]
    fn a_record_waits_for_its_notice_at_the_gate_too() {
        use crate::retention::notice::{SentNotice, told};
        let mut asks = retention("2030-12-31", Bound::Floor, AtExpiry::Destroy);
        asks.terms[0].notify = Some("P30D".parse().unwrap());
        let mut register = Register::new(&reading("2031-01-01"));
        on(&mut register, "2031-01-02");
        schedule(&mut register, 1, false, &[]);
        on(&mut register, "2031-01-20");
        let unsent = may_destroy(&view(&asks), &register, &[1; 16]).unwrap_err();
        assert!(matches!(unsent, Forbidden::Notice(Unnotified::Unsent { .. })), "{unsent}");
        let notice = |id: u8, records: &str, on: &str| SentNotice {
            id: [id; 16],
            archive: [1; 16],
            records: records.parse().unwrap(),
            on: date(on),
            told: told([(records.parse().unwrap(), date("2030-12-31"))]),
        };
        let today = date("2031-01-20");
        assert!(register.record_notice(notice(1, "17", "2031-01-21"), today).is_err());
        register.record_notice(notice(1, "18", "2031-01-01"), today).unwrap();
        assert!(register.record_notice(notice(1, "17", "2031-01-02"), today).is_err(), "an id stands once");
        register.record_notice(notice(2, "17", "2031-01-20"), today).unwrap();
        let read = Register::from_bytes(&register.to_bytes()).unwrap();
        assert_eq!(read.notices, register.notices);
        on(&mut register, "2031-02-19");
        let runs = Judge::new(&register).may_schedule(&view(&asks), false, &[]).unwrap_err();
        assert!(matches!(runs, Forbidden::Notice(Unnotified::Running { .. })), "{runs}");
        on(&mut register, "2031-02-20");
        may_destroy(&view(&asks), &register, &[1; 16]).unwrap();
        // The purge is ready; an extension in between that has run too leaves its notice behind.
        let (extended, _) = register.extend(&view(&asks), date("2031-02-10")).unwrap();
        let void = may_destroy(&view(&extended), &register, &[1; 16]).unwrap_err();
        assert!(matches!(void, Forbidden::Notice(Unnotified::Void { .. })), "{void}");
    }

    #[test]
    fn before_its_time_goes_only_what_no_floor_binds() {
        let ceiling = retention("2035-12-31", Bound::Ceiling, AtExpiry::Destroy);
        let mut both = ceiling.clone();
        both.terms.push(Term { keep: Keep::Until(date("2020-01-01")), bound: Bound::Floor, rule: None, notify: None });
        let mut register = Register::new(&reading("2031-01-01"));
        on(&mut register, "2031-01-02");
        let judge = Judge::new(&register);
        let one = ["a".to_owned()];
        assert!(matches!(judge.may_schedule(&view(&ceiling), false, &one), Err(Forbidden::Kept { .. })));
        assert_eq!(judge.may_schedule(&view(&ceiling), true, &[]), Err(Forbidden::Approvals { needed: 1, given: 0 }));
        assert_eq!(judge.may_schedule(&view(&ceiling), true, &one), Ok(()));
        assert_eq!(judge.may_schedule(&view(&both), true, &one), Err(Forbidden::Floor));
        let for_ever = Retention {
            terms: vec![Term { keep: Keep::Permanent, bound: Bound::Ceiling, rule: None, notify: None }],
            ..both
        };
        assert_eq!(judge.may_schedule(&view(&for_ever), true, &one), Err(Forbidden::Permanent));
        schedule(&mut register, 1, true, &["a"]);
        on(&mut register, "2031-01-09");
        may_destroy(&view(&ceiling), &register, &[1; 16]).unwrap();
    }
}
