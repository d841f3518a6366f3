//! Records, holds, events, extensions, purges and a clock that may be wrong, against a small model of them.
//!
//! The model counts in whole days since 2030-01-01 and knows the true time, which the register does not. Runs are the same
//! every time; `KEEPUNTIL_MODEL_CASES` makes them longer, `KEEPUNTIL_MODEL_SEED` (a number) makes others.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use keepuntil::retention::clock::{Clock, Confirmation, Confirmer, Observed, Reading, SPAN_SECONDS, Uptime};
use keepuntil::retention::disposition::{Disposition, Judge, RecordView};
use keepuntil::retention::event::Event;
use keepuntil::retention::hold::Hold;
use keepuntil::retention::ranges::Ranges;
use keepuntil::retention::register::{Effect, NewSchedule, Refusal, Register, Settings};
use keepuntil::retention::scope::{Item, Scope};
use keepuntil::retention::term::{After, Bound, Counting, FiscalYearEnd, Keep, Term};
use keepuntil::retention::{AtExpiry, Class, Retention};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::collections::BTreeSet;
use std::path::Path;

const DAY: i64 = 86_400;

fn start() -> DateTime<Utc> {
    "2030-01-01T00:00:00Z".parse().unwrap()
}

fn date(day: i64) -> NaiveDate {
    start().date_naive() + TimeDelta::days(day)
}

fn day(date: NaiveDate) -> i64 {
    (date - start().date_naive()).num_days()
}

/// Runs `test` on values of `strategy`, the same ones every time.
fn check<S: Strategy>(cases: u32, strategy: S, test: impl Fn(S::Value)) {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u32>().expect(name));
    let mut seed = [7; 32];
    seed[..4].copy_from_slice(&number("KEEPUNTIL_MODEL_SEED").unwrap_or(0).to_be_bytes());
    let config = Config {
        cases: number("KEEPUNTIL_MODEL_CASES").unwrap_or(cases),
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let outcome = runner.run(&strategy, |value| {
        test(value);
        Ok(())
    });
    outcome.unwrap_or_else(|e| panic!("{e}"));
}

/// The true time, and a machine whose wall clock is wrong by `offset`.
#[derive(Clone, Debug, Default)]
struct World {
    seconds: i64,
    offset: i64,
    starts: u32,
    started: i64,
    has_uptime: bool,
}

#[derive(Clone, Debug)]
enum Fate {
    Pass(i64),
    SetClock(i64),
    /// The machine is off for so many seconds.
    Reboot(i64),
    /// The counter that nobody sets goes away, or comes back.
    Uptime(bool),
}

impl World {
    fn suffer(&mut self, fate: &Fate) {
        match fate {
            Fate::Pass(seconds) => self.seconds += seconds,
            Fate::SetClock(offset) => self.offset = *offset,
            Fate::Reboot(seconds) => {
                self.seconds += seconds;
                (self.starts, self.started) = (self.starts + 1, self.seconds);
            }
            Fate::Uptime(there) => self.has_uptime = *there,
        }
    }

    fn today(&self) -> i64 {
        self.seconds.div_euclid(DAY)
    }

    fn wall(&self) -> DateTime<Utc> {
        start() + TimeDelta::seconds(self.seconds + self.offset)
    }

    fn reading(&self) -> Reading {
        let uptime = Uptime { boot_id: format!("boot-{}", self.starts), seconds: (self.seconds - self.started) as u64 };
        Reading { wall: self.wall(), boot: self.has_uptime.then_some(uptime) }
    }

    /// What somebody else's clock said `age` seconds ago, or the date that it is.
    fn outside(&self, age: i64, by: Confirmer) -> Confirmation {
        match by {
            Confirmer::Witness | Confirmer::TimestampAuthority => {
                Confirmation { time: start() + TimeDelta::seconds(self.seconds - age), by }
            }
            Confirmer::Approver | Confirmer::Typed => Confirmation::of_date(date(self.today()), by),
        }
    }
}

fn offset() -> impl Strategy<Value = i64> {
    prop_oneof![
        3 => Just(0),
        2 => -90..90i64,
        2 => prop::sample::select(vec![34 * DAY, -34 * DAY, 36 * DAY, -36 * DAY, 35 * DAY, 35 * DAY + 1]),
        1 => prop::sample::select(vec![70 * 365 * DAY, -60 * 365 * DAY, i64::from(i32::MAX), -i64::from(i32::MAX)]),
        2 => -400 * DAY..400 * DAY,
    ]
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => (0..20 * DAY).prop_map(Fate::Pass),
        1 => (0..90 * DAY).prop_map(Fate::Pass),
        2 => offset().prop_map(Fate::SetClock),
        2 => (0..2 * DAY).prop_map(Fate::Reboot),
        1 => any::<bool>().prop_map(Fate::Uptime),
    ]
}

fn confirmer() -> impl Strategy<Value = Confirmer> {
    use Confirmer::*;
    prop::sample::select(vec![Witness, TimestampAuthority, Approver, Typed])
}

#[test]
fn a_wrong_clock_never_makes_the_trusted_date_run_ahead_of_the_true_one() {
    #[derive(Clone, Debug)]
    enum Step {
        Fate(Fate),
        Observe,
        Confirm(i64, Confirmer),
    }
    let step = prop_oneof![
        4 => fate().prop_map(Step::Fate),
        6 => Just(Step::Observe),
        1 => (prop_oneof![Just(0), 0..50 * DAY], confirmer()).prop_map(|(age, by)| Step::Confirm(age, by)),
    ];
    // A first reading that is ahead is the one fault that the rules cannot see; its size then bounds the error.
    let first = prop_oneof![2 => Just(0), 1 => -400 * DAY..1, 1 => 1..80 * DAY, 1 => Just(70 * 365 * DAY)];
    check(2_000, (first, prop::collection::vec(step, 1..60)), |(first, steps)| {
        let mut world = World { offset: first, has_uptime: true, ..World::default() };
        let mut clock = Clock::new(&world.reading());
        let mut ahead = first.max(0);
        for step in steps {
            match step {
                Step::Fate(fate) => world.suffer(&fate),
                Step::Observe => {
                    clock.observe(&world.reading());
                }
                Step::Confirm(age, by) => {
                    if clock.confirm(&world.reading(), &world.outside(age, by)).is_ok() {
                        // A stated date holds from its noon in UTC, so that it is that date in the last zone too.
                        ahead = if matches!(by, Confirmer::Approver | Confirmer::Typed) { DAY / 2 } else { 0 };
                    }
                }
            }
            let mark = (clock.mark - start()).num_seconds();
            assert!(mark + clock.budget_seconds <= world.seconds + SPAN_SECONDS + ahead, "{clock:?} {world:?}");
            // Half a day is what the last zone is behind UTC: it hides the noon of a stated date.
            let bound = world.seconds + ahead - DAY / 2;
            assert!(
                day(clock.trusted_today()) <= bound.max(world.seconds - DAY / 2).div_euclid(DAY),
                "{clock:?} {world:?}"
            );
            if ahead <= clock.budget_seconds.max(DAY / 2) {
                assert!(day(clock.trusted_today()) <= world.today(), "{clock:?} {world:?}");
            }
        }
    });
}

/// What the model knows of a term, in days.
#[derive(Clone, Debug, PartialEq)]
enum Fact {
    Floor(i64),
    FloorAfter(&'static str, i64),
    Ceiling(i64),
    Forever,
}

/// An end in days; what is later is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Day(i64),
    Waiting,
    Never,
}

#[derive(Clone, Debug)]
enum Selection {
    All,
    Archive(usize),
    Record(usize, usize),
    Compartment(bool),
    Rule(&'static str),
}

#[derive(Clone, Debug)]
struct ModelRecord {
    facts: Vec<Fact>,
    review: bool,
    secret: bool,
    rule: Option<&'static str>,
    destroyed: bool,
}

#[derive(Clone, Debug)]
struct ModelEvent {
    id: [u8; 16],
    name: &'static str,
    day: i64,
    about: Selection,
    replaced: bool,
}

impl Selection {
    fn takes(&self, archive: usize, number: usize, record: &ModelRecord) -> bool {
        match self {
            Self::All => true,
            Self::Archive(a) => *a == archive,
            Self::Record(a, n) => (*a, *n) == (archive, number),
            Self::Compartment(secret) => *secret == record.secret,
            Self::Rule(rule) => record.rule == Some(*rule),
        }
    }

    fn scope(&self) -> Scope {
        match self {
            Self::All => Scope::everything(),
            Self::Archive(a) => Scope::of_archive(archive_id(*a)),
            Self::Record(a, n) => Scope::of_records(archive_id(*a), [*n as u64].into_iter().collect()),
            Self::Compartment(secret) => Scope { compartment: Some(compartment(*secret).into()), ..Scope::default() },
            Self::Rule(rule) => Scope { rule: Some((*rule).into()), ..Scope::default() },
        }
    }
}

fn archive_id(archive: usize) -> [u8; 16] {
    [archive as u8 + 1; 16]
}

fn compartment(secret: bool) -> &'static str {
    if secret { "staff" } else { "clients" }
}

#[derive(Clone, Debug)]
enum Op {
    Fate(Fate),
    Run,
    Confirm(i64, Confirmer),
    Deposit(usize, Vec<ModelRecord>),
    Hold(Selection),
    Release(usize),
    Event {
        name: &'static str,
        ago: i64,
        about: Selection,
        approved: bool,
        corrects: Option<usize>,
    },
    Extend(usize, usize, i64),
    /// What an unattended run does: schedules all that is due without review.
    Unattended,
    /// A plan of everything in an archive, signed by so many people.
    Plan {
        archive: usize,
        approvals: usize,
        early: bool,
    },
    Cancel(usize),
    /// Carries out a purge as far as the gate allows.
    Purge(usize),
}

fn selection() -> impl Strategy<Value = Selection> {
    prop_oneof![
        1 => Just(Selection::All),
        2 => (0..3usize).prop_map(Selection::Archive),
        4 => (0..3usize, 1..4usize).prop_map(|(a, n)| Selection::Record(a, n)),
        2 => any::<bool>().prop_map(Selection::Compartment),
        2 => prop::sample::select(vec!["rule-a", "rule-b"]).prop_map(Selection::Rule),
    ]
}

fn event_name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["contract-end", "audit-end"])
}

fn model_record() -> impl Strategy<Value = ModelRecord> {
    let fact = prop_oneof![
        6 => (-50..150i64).prop_map(Fact::Floor),
        3 => (event_name(), 1..200i64).prop_map(|(name, days)| Fact::FloorAfter(name, days)),
        3 => (-50..150i64).prop_map(Fact::Ceiling),
        1 => Just(Fact::Forever),
    ];
    let rule = prop::sample::select(vec![None, Some("rule-a"), Some("rule-b")]);
    let facts = prop::collection::vec(fact, 1..3);
    (facts, any::<bool>(), any::<bool>(), rule).prop_map(|(facts, review, secret, rule)| ModelRecord {
        facts,
        review,
        secret,
        rule,
        destroyed: false,
    })
}

fn op() -> impl Strategy<Value = Op> {
    let event = (event_name(), -3..60i64, selection(), any::<bool>(), prop::option::of(0..6usize));
    prop_oneof![
        8 => fate().prop_map(Op::Fate),
        4 => Just(Op::Run),
        3 => (prop_oneof![3 => Just(0), 1 => 0..50 * DAY], confirmer()).prop_map(|(age, by)| Op::Confirm(age, by)),
        3 => (0..3usize, prop::collection::vec(model_record(), 1..4)).prop_map(|(a, records)| Op::Deposit(a, records)),
        1 => selection().prop_map(Op::Hold),
        3 => (0..8usize).prop_map(Op::Release),
        3 => event.prop_map(|(name, ago, about, approved, corrects)| Op::Event { name, ago, about, approved, corrects }),
        2 => (0..3usize, 1..4usize, 0..500i64).prop_map(|(a, n, until)| Op::Extend(a, n, until)),
        5 => Just(Op::Unattended),
        3 => (0..3usize, 0..3usize, any::<bool>())
            .prop_map(|(archive, approvals, early)| Op::Plan { archive, approvals, early }),
        1 => (0..4usize).prop_map(Op::Cancel),
        7 => (0..4usize).prop_map(Op::Purge),
    ]
}

/// The register under test with the records beside it, and the model of both.
struct Run {
    world: World,
    register: Register,
    retentions: Vec<Vec<Retention>>,
    live: Vec<Vec<bool>>,
    log: Vec<Effect>,
    ids: u8,
    records: Vec<Vec<ModelRecord>>,
    holds: Vec<([u8; 16], Selection, bool)>,
    events: Vec<ModelEvent>,
    purges: Vec<([u8; 16], usize, bool)>,
    destroyed: usize,
}

impl Run {
    fn new(first: i64) -> Self {
        let world = World { offset: first, has_uptime: true, ..World::default() };
        let mut register = Register::new(&world.reading());
        let settings = Settings { typed_confirmation: true, ..Settings::default() };
        let log = vec![register.set_settings(settings).unwrap()];
        Self {
            world,
            register,
            retentions: Vec::new(),
            live: Vec::new(),
            log,
            ids: 0,
            records: Vec::new(),
            holds: Vec::new(),
            events: Vec::new(),
            purges: Vec::new(),
            destroyed: 0,
        }
    }

    fn id(&mut self) -> [u8; 16] {
        self.ids += 1;
        [self.ids; 16]
    }

    fn views(&self) -> Vec<RecordView<'_>> {
        let each = self.records.iter().enumerate().flat_map(|(a, records)| (1..=records.len()).map(move |n| (a, n)));
        each.map(|(a, n)| self.view(a, n)).collect()
    }

    fn view(&self, archive: usize, number: usize) -> RecordView<'_> {
        RecordView {
            archive: archive_id(archive),
            record: number as u64,
            compartment: compartment(self.records[archive][number - 1].secret),
            class: Class::Sensitive,
            retention: &self.retentions[archive][number - 1],
            live: self.live[archive][number - 1],
        }
    }

    fn each(&self) -> impl Iterator<Item = (usize, usize, &ModelRecord)> {
        let of = |(a, records): (usize, &'_ Vec<ModelRecord>)| (a, records.len());
        let sizes: Vec<(usize, usize)> = self.records.iter().enumerate().map(of).collect();
        sizes.into_iter().flat_map(move |(a, size)| (1..=size).map(move |n| (a, n, &self.records[a][n - 1])))
    }

    /// How many records an archive has; archives are deposited in order.
    fn size(&self, archive: usize) -> usize {
        self.records.get(archive).map_or(0, Vec::len)
    }

    fn held(&self, archive: usize, number: usize) -> bool {
        let record = &self.records[archive][number - 1];
        self.holds.iter().any(|(_, about, stands)| *stands && about.takes(archive, number, record))
    }

    fn happened(&self, events: &[ModelEvent], name: &str, archive: usize, number: usize) -> Option<i64> {
        let record = &self.records[archive][number - 1];
        let about = |e: &&ModelEvent| !e.replaced && e.name == name && e.about.takes(archive, number, record);
        events.iter().filter(about).map(|event| event.day).max()
    }

    fn end(&self, events: &[ModelEvent], archive: usize, number: usize) -> End {
        let facts = &self.records[archive][number - 1].facts;
        let mut floors = Vec::new();
        let mut ceilings = Vec::new();
        for fact in facts {
            match fact {
                Fact::Forever => floors.push(End::Never),
                Fact::Floor(day) => floors.push(End::Day(*day)),
                Fact::Ceiling(day) => ceilings.push(End::Day(*day)),
                Fact::FloorAfter(name, days) => {
                    let day = self.happened(events, name, archive, number);
                    floors.push(day.map_or(End::Waiting, |day| End::Day(day + days)));
                }
            }
        }
        floors.into_iter().max().unwrap_or_else(|| ceilings.into_iter().min().unwrap())
    }

    fn wall_day(&self) -> i64 {
        (self.world.seconds + self.world.offset).div_euclid(DAY)
    }

    /// Every command reads the register, looks at the clock, and stores what it changed.
    fn begin(&mut self) {
        self.register = Register::from_bytes(&self.register.to_bytes()).unwrap();
        assert!(self.register.clock.may_destroy().is_err(), "a clock that was not read");
        let before = self.register.clock.mark;
        let (observed, effect) = self.register.observe(&self.world.reading());
        if observed == Observed::Alarm {
            assert_eq!(self.register.clock.mark, before);
        }
        assert_eq!(effect.is_some(), matches!(observed, Observed::Alarm | Observed::AlarmClosed));
        self.log.extend(effect);
    }

    fn step(&mut self, op: &Op) {
        if let Op::Fate(fate) = op {
            return self.world.suffer(fate);
        }
        self.begin();
        let before: Vec<End> = self.each().map(|(a, n, _)| self.end(&self.events, a, n)).collect();
        let mut hastened = false;
        match op {
            Op::Fate(_) | Op::Run => {}
            Op::Confirm(age, by) => {
                if let Ok((_, effects)) = self.register.confirm(&self.world.reading(), &self.world.outside(*age, *by)) {
                    self.log.extend(effects);
                }
            }
            Op::Deposit(archive, records) => self.deposit(*archive, records),
            Op::Hold(about) => self.hold(about),
            Op::Release(index) => self.release(*index),
            Op::Event { name, ago, about, approved, corrects } => {
                // Most corrections are of the date alone.
                let same = corrects.and_then(|index| self.events.get(index)).filter(|_| ago % 4 != 0).cloned();
                let (name, about) = same.map_or((*name, about.clone()), |event| (event.name, event.about));
                hastened = self.event(name, self.wall_day() - ago, &about, *approved, *corrects);
            }
            Op::Extend(archive, number, until) => self.extend(*archive, *number, *until),
            Op::Unattended => self.unattended(),
            Op::Plan { archive, approvals, early } => self.plan(*archive, *approvals, *early),
            Op::Cancel(index) => self.cancel(*index),
            Op::Purge(index) => self.purge(*index),
        }
        for ((a, n, record), was) in self.each().zip(&before) {
            let is = self.end(&self.events, a, n);
            // For what is gone no date can be brought forward.
            let allowed = *was == End::Waiting || hastened || record.destroyed;
            assert!(is >= *was || allowed, "a floor shrank: {was:?} {is:?} {op:?}");
        }
        self.compare();
    }

    fn deposit(&mut self, archive: usize, records: &[ModelRecord]) {
        let archive = archive.min(self.records.len());
        if archive == self.records.len() && archive < 6 {
            self.retentions.push(records.iter().map(retention).collect());
            self.live.push(vec![true; records.len()]);
            self.records.push(records.to_vec());
        }
    }

    fn hold(&mut self, about: &Selection) {
        let id = self.id();
        let texts = ("Smith v. Jones", Some("District court"));
        let hold = Hold::new(id, id, texts, about.scope(), date(0), self.world.wall()).unwrap();
        self.log.push(self.register.place_hold(hold).unwrap());
        self.holds.push((id, about.clone(), true));
    }

    fn release(&mut self, index: usize) {
        let Some((id, _, stands)) = self.holds.get_mut(index) else {
            return assert!(self.register.release_hold(&[0; 16], Utc::now()).is_err());
        };
        let outcome = self.register.release_hold(id, self.world.wall());
        assert_eq!(outcome.is_ok(), *stands);
        *stands = false;
        self.log.extend(outcome.ok());
    }

    /// Whether a date was brought forward, with approval.
    fn event(
        &mut self,
        name: &'static str,
        day: i64,
        about: &Selection,
        approved: bool,
        corrects: Option<usize>,
    ) -> bool {
        let id = self.id();
        let corrected = corrects.and_then(|index| self.events.get(index)).map(|event| event.id);
        // What was corrected before is corrected through what took its place.
        let standing = corrects.filter(|index| *index < self.events.len()).map(|index| self.standing_for(index));
        let mut events = self.events.clone();
        if let Some(index) = standing {
            events[index].replaced = true;
        }
        events.push(ModelEvent { id, name, day, about: about.clone(), replaced: false });
        let soon = self.wall_day() + 7;
        let mut needs = standing.is_some_and(|index| events[index].about.scope() != about.scope());
        let mut shorter = false;
        for (a, n, record) in self.each().filter(|(_, _, record)| !record.destroyed) {
            let _ = record;
            let (was, is) = (self.end(&self.events, a, n), self.end(&events, a, n));
            let due_soon = |end| matches!(end, End::Day(day) if day < soon);
            shorter |= is < was && was != End::Waiting;
            needs |= (is < was && was != End::Waiting) || (due_soon(is) && !due_soon(was));
        }
        let event = Event {
            id,
            name: name.into(),
            date: date(day),
            scope: about.scope(),
            recorded: self.world.wall(),
            corrects: corrected,
            approved_by: if approved { vec!["second@lantern.example".into()] } else { Vec::new() },
        };
        let mut register = self.register.clone();
        let outcome = register.record_event(event, date(self.wall_day()), self.views());
        assert!(outcome.is_ok() || register == self.register, "refused, and yet changed");
        self.register = register;
        let future = day > self.wall_day();
        let other = standing.is_some_and(|index| self.events[index].name != name);
        match &outcome {
            Ok(_) => assert!(!future && !other && (approved || !needs), "{outcome:?}"),
            Err(Refusal::Future { .. }) => assert!(future),
            Err(Refusal::OtherEvent { .. }) => assert!(other),
            Err(Refusal::NeedsApproval) => assert!(needs && !approved),
            Err(refusal) => panic!("{refusal}"),
        }
        if outcome.is_ok() {
            self.events = events;
        }
        self.log.extend(outcome.ok());
        shorter && approved
    }

    fn standing_for(&self, index: usize) -> usize {
        let mut id = self.events[index].id;
        loop {
            let next = self.register.events.iter().find(|event| event.corrects == Some(id));
            match next {
                Some(event) => id = event.id,
                None => return self.events.iter().position(|event| event.id == id).unwrap(),
            }
        }
    }

    fn extend(&mut self, archive: usize, number: usize, until: i64) {
        if number > self.size(archive) {
            return;
        }
        let was = self.end(&self.events, archive, number);
        let facts = &self.records[archive][number - 1].facts;
        let later = facts.iter().all(|fact| !matches!(fact, Fact::Floor(day) if *day >= until));
        let outcome = self.register.extend(&self.view(archive, number), date(until));
        let mut facts = facts.clone();
        facts.push(Fact::Floor(until));
        let before = std::mem::replace(&mut self.records[archive][number - 1].facts, facts);
        let is = self.end(&self.events, archive, number);
        assert_eq!(
            outcome.is_ok(),
            later && (is > was || (is, was) == (End::Waiting, End::Waiting)),
            "{was:?} {until}"
        );
        match outcome {
            Ok((retention, effect)) => {
                let kept = |term: &Term| term.rule.is_none() || retention.terms.contains(term);
                assert!(self.retentions[archive][number - 1].terms.iter().all(kept));
                self.retentions[archive][number - 1] = retention;
                self.log.push(effect);
            }
            Err(_) => self.records[archive][number - 1].facts = before,
        }
    }

    fn unattended(&mut self) {
        let today = self.register.clock.trusted_today();
        let judge = Judge::new(&self.register);
        let due = |view: &&RecordView<'_>| matches!(judge.of(view, today), Disposition::Due { review: false, .. });
        let items = items(self.views().iter().filter(due));
        drop(judge);
        self.schedule(items, None, 0);
    }

    fn plan(&mut self, archive: usize, approvals: usize, early: bool) {
        if self.size(archive) == 0 {
            return;
        }
        let people: Vec<String> = (0..approvals).map(|n| format!("person-{n}")).collect();
        let views = self.views();
        let judge = Judge::new(&self.register);
        let allowed = |view: &&RecordView<'_>| judge.may_schedule(view, early, &people).is_ok();
        let items = items(views.iter().filter(|view| view.archive == archive_id(archive)).filter(allowed));
        drop(judge);
        self.schedule(items, early.then_some([9; 32]), approvals);
    }

    fn schedule(&mut self, items: Vec<Item>, early: Option<[u8; 32]>, approvals: usize) {
        let id = self.id();
        let approved_by = (0..approvals).map(|n| format!("person-{n}")).collect();
        let new = NewSchedule { id, plan: None, items, early, approved_by };
        if let Ok(effect) = self.register.schedule(new, self.world.wall()) {
            self.log.push(effect);
            self.purges.push((id, approvals, early.is_some()));
        }
    }

    fn cancel(&mut self, index: usize) {
        let known = index < self.purges.len();
        let id = if known { self.purges.remove(index).0 } else { [0; 16] };
        let outcome = self.register.cancel(&id);
        assert_eq!(outcome.is_ok(), known);
        self.log.extend(outcome.ok());
    }

    fn purge(&mut self, index: usize) {
        let Some(&(id, approvals, early)) = self.purges.get(index) else { return };
        let ready = self.register.ready(&id).is_ok();
        let judge = Judge::new(&self.register);
        let open = |a: usize, n: usize| judge.may_destroy(&self.view(a, n), &id).is_ok();
        let gone: Vec<(usize, usize)> = self.each().map(|(a, n, _)| (a, n)).filter(|&(a, n)| open(a, n)).collect();
        drop(judge);
        assert!(ready || gone.is_empty(), "destroyed without being ready");
        for &(a, n) in &gone {
            assert!(!self.held(a, n), "held and destroyed");
            let record = &self.records[a][n - 1];
            assert!(!record.destroyed, "destroyed twice");
            assert!(approvals > 0 || !(record.review || early), "not reviewed");
            let floors = record.facts.iter().any(|fact| !matches!(fact, Fact::Ceiling(_)));
            match self.end(&self.events, a, n) {
                End::Day(day) if !early => assert!(day < self.world.today(), "early: {day} of {:?}", self.world),
                End::Waiting | End::Never if !early => panic!("without a date"),
                _ => assert!(!floors, "early against a floor"),
            }
        }
        for (a, n) in gone {
            self.records[a][n - 1].destroyed = true;
            self.live[a][n - 1] = false;
            self.destroyed += 1;
        }
        if ready {
            self.log.push(self.register.finish(&id).unwrap());
            self.purges.remove(index);
        }
    }

    /// What the register says of every record is what the model says.
    fn compare(&self) {
        let today = self.register.clock.trusted_today();
        let judge = Judge::new(&self.register);
        for (a, n, record) in self.each() {
            let disposition = judge.of(&self.view(a, n), today);
            let end = self.end(&self.events, a, n);
            let due = matches!(end, End::Day(last) if last < day(today));
            let agrees = match &disposition {
                Disposition::Destroyed => record.destroyed,
                _ if record.destroyed => false,
                Disposition::Held { due: run, .. } => self.held(a, n) && *run == due,
                _ if self.held(a, n) => false,
                Disposition::Permanent => end == End::Never,
                Disposition::Awaiting(_) => end == End::Waiting,
                Disposition::Kept { until, .. } => end == End::Day(day(*until)) && !due,
                Disposition::Due { since, review } => {
                    end == End::Day(day(*since) - 1) && due && *review == record.review
                }
                Disposition::Scheduled { purge, .. } => self.purges.iter().any(|(id, ..)| id == purge),
            };
            assert!(agrees, "{disposition:?} {end:?} {record:?}");
        }
        let stands: BTreeSet<_> = self.holds.iter().filter(|(.., stands)| *stands).map(|(id, ..)| *id).collect();
        // The log alone tells which holds stand, what happened, what runs: no effect without its entry.
        let (mut held, mut events, mut running) = (BTreeSet::new(), Vec::new(), BTreeSet::new());
        for effect in &self.log {
            match effect {
                Effect::HoldPlaced { hold, .. } => assert!(held.insert(*hold)),
                Effect::HoldReleased { hold } => assert!(held.remove(hold)),
                Effect::EventRecorded(event) => events.push(event.clone()),
                Effect::Scheduled { purge, .. } => assert!(running.insert(*purge)),
                Effect::Cancelled { purge } | Effect::Finished { purge } => assert!(running.remove(purge)),
                _ => {}
            }
        }
        assert_eq!(held, stands);
        assert_eq!(events, self.register.events);
        assert_eq!(running, self.register.scheduled.iter().map(|scheduled| scheduled.id).collect());
        for hold in &self.register.holds {
            assert_eq!(hold.matter.is_some(), stands.contains(&hold.id), "the texts go with the release");
        }
    }
}

fn items<'v>(views: impl Iterator<Item = &'v RecordView<'v>>) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    for view in views {
        match items.last_mut().filter(|item| item.archive == view.archive) {
            Some(item) => item.records.push(view.record),
            None => items.push(Item { archive: view.archive, records: Ranges::from_iter([view.record]) }),
        }
    }
    items
}

fn retention(record: &ModelRecord) -> Retention {
    let term = |fact: &Fact| {
        let (keep, bound) = match fact {
            Fact::Floor(day) => (Keep::Until(date(*day)), Bound::Floor),
            Fact::Ceiling(day) => (Keep::Until(date(*day)), Bound::Ceiling),
            Fact::Forever => (Keep::Permanent, Bound::Floor),
            Fact::FloorAfter(name, days) => {
                let period = format!("P{days}D").parse().unwrap();
                let after = After {
                    event: (*name).into(),
                    period,
                    counting: Counting::Day,
                    fiscal_year_end: FiscalYearEnd::default(),
                };
                (Keep::After(after), Bound::Floor)
            }
        };
        Term { keep, bound, rule: record.rule.map(str::to_owned), notify: None }
    };
    let at_expiry = if record.review { AtExpiry::Review } else { AtExpiry::Destroy };
    Retention { terms: record.facts.iter().map(term).collect(), at_expiry }
}

#[test]
fn held_is_never_destroyed_floors_never_shrink_and_every_effect_has_its_entry() {
    let destroyed = std::cell::Cell::new(0);
    let first = prop_oneof![Just(0), -100 * DAY..1];
    let archives = prop::collection::vec(prop::collection::vec(model_record(), 1..4), 1..3);
    let ops = prop::collection::vec(op(), 20..120);
    check(1_000, (first, any::<bool>(), archives, ops), |(first, steady, archives, ops)| {
        let mut run = Run::new(first);
        archives.iter().enumerate().for_each(|(archive, records)| run.deposit(archive, records));
        // Half of the runs have a clock that nobody sets, so that more of them come to a destruction.
        let disturbs = |op: &&Op| steady && matches!(op, Op::Fate(Fate::SetClock(_)));
        ops.iter().filter(|op| !disturbs(op)).for_each(|op| run.step(op));
        destroyed.set(destroyed.get() + run.destroyed);
    });
    assert!(destroyed.get() > 200, "the runs do destroy: {}", destroyed.get());
}

/// `fixtures/vectors/disposition/`: readings of the clocks, and what each comes to.
#[test]
fn clock_vectors_hold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/vectors/disposition");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path().join("expect.json");
        let vector: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let time = |value: &serde_json::Value| value.as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
        let mut clock: Option<Clock> = None;
        for (index, step) in vector["readings"].as_array().unwrap().iter().enumerate() {
            let boot = step
                .get("boot")
                .map(|id| Uptime { boot_id: id.as_str().unwrap().into(), seconds: step["uptime"].as_u64().unwrap() });
            let reading = Reading { wall: time(&step["wall"]), boot };
            let observed = match (&mut clock, step.get("confirm")) {
                (None, _) => {
                    clock = Some(Clock::new(&reading));
                    "made".into()
                }
                (Some(clock), None) => serde_json::to_value(clock.observe(&reading)).unwrap(),
                (Some(clock), Some(confirm)) => {
                    let by = serde_json::from_value(confirm["by"].clone()).unwrap();
                    let confirmation = match confirm.get("date") {
                        Some(date) => Confirmation::of_date(date.as_str().unwrap().parse().unwrap(), by),
                        None => Confirmation { time: time(&confirm["time"]), by },
                    };
                    clock
                        .confirm(&reading, &confirmation)
                        .map_or("refused".into(), |o| serde_json::to_value(o).unwrap())
                }
            };
            let clock = clock.as_ref().unwrap();
            let got = serde_json::json!({
                "observed": observed,
                "mark": clock.mark,
                "budget": clock.budget_seconds,
                "today": clock.trusted_today(),
                "may_destroy": clock.may_destroy().is_ok(),
            });
            assert_eq!(got, step["expect"], "{} reading {index}", path.display());
            count += 1;
        }
    }
    assert!(count > 60, "{count}");
}
