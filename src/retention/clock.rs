//! The clock of a keyring: how far a wall clock that may be wrong is believed.
//!
//! Invariant: the mark together with what is left of the budget is never more than 35 days ahead of the true time, if
//! the clock was not ahead when the keyring was made. Spec: `spec/disposition.md`, "Clock".

use super::{at, whole_second};
use crate::language::text;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::{Deserialize, Serialize};
use tr::tr;

/// 35 days: the jump that alarms, the advance that nobody vouches for, and the margin, in seconds.
pub const SPAN_SECONDS: i64 = 35 * DAY_SECONDS;

const DAY_SECONDS: i64 = 86_400;
/// Where a day ends last on earth, twelve hours after UTC.
const LAST_ZONE_SECONDS: i64 = 12 * 3_600;
/// From where a day begins first (UTC+14) to where it begins last (UTC-12).
const ZONES_SECONDS: i64 = 26 * 3_600;
/// A step back that time services make, leap seconds among them, is no clock behind its mark.
const STEP_SECONDS: i64 = 60;
/// No machine runs for longer without being looked at: a longer span is an error of its counter.
const LONGEST_RUN_SECONDS: u64 = 20 * 366 * DAY_SECONDS as u64;
/// Bytes in a boot id, at most.
const MAX_BOOT_ID: usize = 64;

/// What the machine's clocks show at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The wall clock.
    pub wall: DateTime<Utc>,
    /// The clock that nobody sets; none where the machine has none.
    pub boot: Option<Uptime>,
}

/// A clock that counts from a machine's start and through its sleep (Linux: `CLOCK_BOOTTIME`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uptime {
    /// Which start of which machine.
    pub boot_id: String,
    /// Seconds since then.
    pub seconds: u64,
}

/// The state of a keyring's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// The latest time that was believed.
    pub mark: DateTime<Utc>,
    /// The latest outside time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proved: Option<DateTime<Utc>>,
    /// Seconds by which the mark may still move without anybody vouching for it.
    pub budget_seconds: i64,
    /// The start of the machine at the last reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<Boot>,
    /// A jump that the clock showed, until it shows it no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm: Option<Alarm>,
    /// What the last confirmation said, or the first reading.
    pub confirmed: DateTime<Utc>,
    /// Who said so; none when nobody did since the keyring was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_by: Option<Confirmer>,
    /// What the last reading came to. It is not kept: each run has to look at the clock itself.
    #[serde(skip)]
    observed: Option<Observed>,
}

/// What is known of the machine's start at the last reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Boot {
    /// Which start.
    pub id: String,
    /// What its clock showed.
    pub boottime_seconds: u64,
    /// The time up to which the wall clock would then have been believed: never before the mark.
    pub reckoned: DateTime<Utc>,
}

/// A jump of the wall clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alarm {
    /// What the clock showed when it was noticed.
    pub shown: DateTime<Utc>,
    /// Where the mark stood.
    pub at_mark: DateTime<Utc>,
}

/// What a reading comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Observed {
    /// The mark moved with the clock.
    Fine,
    /// The clock jumped by more than 35 days. The mark did not move.
    Alarm,
    /// It still shows that.
    AlarmLasts,
    /// It shows it no longer.
    AlarmClosed,
    /// The clock is behind the mark by so many seconds.
    Behind {
        /// How many.
        seconds: i64,
    },
    /// The same by more than 35 days.
    FarBehind {
        /// How many seconds.
        seconds: i64,
    },
    /// The mark did not follow all the way: nobody vouches for the rest.
    BudgetSpent,
}

/// Whose clock confirms a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confirmer {
    /// A pinned witness, in a cosignature.
    Witness,
    /// A pinned RFC 3161 authority, in a token.
    TimestampAuthority,
    /// A second person, in a signed statement of the date.
    Approver,
    /// The custodian alone, at a terminal.
    Typed,
}

impl Confirmer {
    fn states_a_date(self) -> bool {
        matches!(self, Self::Approver | Self::Typed)
    }

    /// Whether it is somebody else than the custodian.
    pub fn is_outside(self) -> bool {
        self != Self::Typed
    }
}

/// A time that did not come from this machine's clock. Whoever makes one has checked where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// The time. It is then or later.
    pub time: DateTime<Utc>,
    /// Whose clock.
    pub by: Confirmer,
}

impl Confirmation {
    /// For a stated date: the moment at which that day has begun everywhere (noon, UTC), so that [`Clock::trusted_today`] is the date.
    pub fn of_date(date: NaiveDate, by: Confirmer) -> Self {
        Self { time: at(date.and_time(NaiveTime::MIN).and_utc().timestamp() + LAST_ZONE_SECONDS), by }
    }
}

/// Why a confirmation was not taken.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConfirmationRefused {
    /// It is no news.
    #[error("{}", tr!("the confirmation is of {}, and {} was confirmed before", show(time), show(proved)))]
    NotNewer {
        /// What it says.
        time: DateTime<Utc>,
        /// What is known.
        proved: DateTime<Utc>,
    },
    /// The keyring does not let its custodian do this alone.
    #[error("{}", tr!("the keyring's settings do not allow to confirm the date by typing it"))]
    TypingNotAllowed,
}

/// Why nothing may be destroyed by this clock.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ClockDistrust {
    /// It has not been looked at.
    #[error("{}", tr!("the clock was not read"))]
    NotRead,
    /// It jumped.
    #[error("{}", tr!("the clock jumped to {} from {}, by more than 35 days", show(shown), show(mark)))]
    Jumped {
        /// What it showed.
        shown: DateTime<Utc>,
        /// Where the mark stands.
        mark: DateTime<Utc>,
    },
    /// It is far behind.
    #[error("{}", tr!("the clock is {} days behind {}, which it showed before", seconds / DAY_SECONDS, show(mark)))]
    FarBehind {
        /// How far.
        seconds: i64,
        /// Where the mark stands.
        mark: DateTime<Utc>,
    },
}

impl Clock {
    /// The clock of a new keyring: the first reading sets the mark, and nobody has confirmed it.
    pub fn new(reading: &Reading) -> Self {
        let wall = whole_second(reading.wall);
        Self {
            mark: wall,
            proved: None,
            budget_seconds: SPAN_SECONDS,
            boot: anchor(reading, wall),
            alarm: None,
            confirmed: wall,
            confirmed_by: None,
            observed: Some(Observed::Fine),
        }
    }

    /// Takes note of what the clocks show, and moves the mark as far as that is believed.
    pub fn observe(&mut self, reading: &Reading) -> Observed {
        let wall = whole_second(reading.wall);
        let mut reckoned = self.reckon(reading);
        let excess = seconds_between(reckoned, wall);
        let behind = seconds_between(wall, self.mark);
        let observed = if excess > SPAN_SECONDS {
            if self.alarm.is_some() {
                Observed::AlarmLasts
            } else {
                self.alarm = Some(Alarm { shown: wall, at_mark: self.mark });
                Observed::Alarm
            }
        } else if behind > SPAN_SECONDS {
            Observed::FarBehind { seconds: behind }
        } else {
            let drawn = excess.clamp(0, self.budget_seconds.max(0));
            self.budget_seconds -= drawn;
            reckoned = at(reckoned.timestamp() + drawn);
            self.mark = self.mark.max(wall.min(reckoned));
            if self.alarm.take().is_some() {
                Observed::AlarmClosed
            } else if behind > STEP_SECONDS {
                Observed::Behind { seconds: behind }
            } else if excess - drawn > STEP_SECONDS {
                Observed::BudgetSpent
            } else {
                Observed::Fine
            }
        };
        self.boot = anchor(reading, reckoned);
        self.observed = Some(observed);
        observed
    }

    /// Takes a time from elsewhere: the mark is set to it (also back), the budget is full again.
    ///
    /// # Errors
    /// [`ConfirmationRefused::NotNewer`] when no later than what was proved before.
    pub fn confirm(&mut self, reading: &Reading, confirmation: &Confirmation) -> Result<Observed, ConfirmationRefused> {
        let (time, wall) = (whole_second(confirmation.time), whole_second(reading.wall));
        if let Some(proved) = self.proved.filter(|proved| time <= *proved) {
            return Err(ConfirmationRefused::NotNewer { time, proved });
        }
        // Who states a date says nothing of the hour: a clock that shows a moment of that day is not behind it.
        let of_that_day = (0..=ZONES_SECONDS).contains(&seconds_between(wall, time));
        self.mark = if confirmation.by.states_a_date() && of_that_day { wall } else { time };
        self.budget_seconds = SPAN_SECONDS;
        self.boot = anchor(reading, self.mark);
        self.confirmed = time;
        self.confirmed_by = Some(confirmation.by);
        if confirmation.by.is_outside() {
            self.proved = Some(time);
        }
        Ok(self.observe(reading))
    }

    /// Whether anything may be destroyed by this clock as it was last read.
    ///
    /// # Errors
    /// Why not.
    pub fn may_destroy(&self) -> Result<(), ClockDistrust> {
        let Some(observed) = self.observed else { return Err(ClockDistrust::NotRead) };
        if let Some(alarm) = &self.alarm {
            return Err(ClockDistrust::Jumped { shown: alarm.shown, mark: self.mark });
        }
        match observed {
            Observed::FarBehind { seconds } => Err(ClockDistrust::FarBehind { seconds, mark: self.mark }),
            _ => Ok(()),
        }
    }

    /// The date that it certainly is, or a later one: what is *due* is due by this date.
    ///
    /// It is the date of the latest outside time, or of the mark less 35 days, where on earth a day begins last.
    pub fn trusted_today(&self) -> NaiveDate {
        let by_mark = self.mark.timestamp() - SPAN_SECONDS;
        let proved = self.proved.map_or(i64::MIN, |proved| proved.timestamp());
        at(proved.max(by_mark) - LAST_ZONE_SECONDS).date_naive()
    }

    /// The date of the mark, in UTC: cool-offs run by it.
    pub fn mark_date(&self) -> NaiveDate {
        self.mark.date_naive()
    }

    /// For how many seconds nobody has confirmed the clock.
    pub fn unconfirmed_seconds(&self, wall: DateTime<Utc>) -> i64 {
        seconds_between(self.confirmed, whole_second(wall)).max(0)
    }

    /// Whether every field has a value that this program writes.
    pub fn check(&self) -> Result<(), &'static str> {
        let alarm = self.alarm.iter().flat_map(|alarm| [alarm.shown, alarm.at_mark]);
        let boot = self.boot.iter().map(|boot| boot.reckoned);
        let mut times = [self.mark, self.confirmed].into_iter().chain(self.proved).chain(alarm).chain(boot);
        if times.any(|time| whole_second(time) != time) {
            return Err(text!("a time of its clock is none"));
        }
        if !(0..=SPAN_SECONDS).contains(&self.budget_seconds) {
            return Err(text!("its clock's budget is none"));
        }
        match &self.boot {
            Some(boot) if !is_boot_id(&boot.id) => Err(text!("its clock's boot id is none")),
            Some(boot) if boot.reckoned < self.mark => Err(text!("its clock's mark is beyond what was reckoned")),
            _ => Ok(()),
        }
    }

    /// The time up to which the wall clock is believed without drawing on the budget: what the machine's own counter
    /// says has passed since the last reading is added, if it is still the same start.
    fn reckon(&self, reading: &Reading) -> DateTime<Utc> {
        let Some(boot) = &self.boot else { return self.mark };
        let same = reading.boot.as_ref().filter(|uptime| uptime.boot_id == boot.id);
        let passed = same.and_then(|uptime| uptime.seconds.checked_sub(boot.boottime_seconds));
        let passed = passed.filter(|seconds| *seconds <= LONGEST_RUN_SECONDS).unwrap_or(0);
        at(boot.reckoned.max(self.mark).timestamp() + passed as i64)
    }
}

fn seconds_between(from: DateTime<Utc>, to: DateTime<Utc>) -> i64 {
    to.timestamp() - from.timestamp()
}

fn anchor(reading: &Reading, reckoned: DateTime<Utc>) -> Option<Boot> {
    let uptime = reading.boot.as_ref().filter(|uptime| is_boot_id(&uptime.boot_id))?;
    Some(Boot { id: uptime.boot_id.clone(), boottime_seconds: uptime.seconds, reckoned })
}

fn is_boot_id(id: &str) -> bool {
    (1..=MAX_BOOT_ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn show(time: &DateTime<Utc>) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(seconds: i64, boot: &str, uptime: u64) -> Reading {
        Reading { wall: at(seconds), boot: Some(Uptime { boot_id: boot.into(), seconds: uptime }) }
    }

    #[test]
    fn the_alarm_lasts_while_the_clock_shows_the_jump() {
        let mut clock = Clock::new(&reading(0, "a", 0));
        assert_eq!(clock.observe(&reading(SPAN_SECONDS + 1, "a", 0)), Observed::Alarm);
        assert_eq!(clock.mark, at(0));
        assert!(matches!(clock.may_destroy(), Err(ClockDistrust::Jumped { .. })));
        assert_eq!(clock.observe(&reading(SPAN_SECONDS + 61, "a", 60)), Observed::AlarmLasts);
        assert_eq!(clock.observe(&reading(120, "a", 120)), Observed::AlarmClosed);
        assert_eq!((clock.mark, clock.budget_seconds), (at(120), SPAN_SECONDS));
        clock.may_destroy().unwrap();
    }

    #[test]
    fn a_clock_that_was_not_read_in_this_run_allows_nothing() {
        let clock = Clock::new(&reading(0, "a", 0));
        let stored: Clock = serde_json::from_str(&serde_json::to_string(&clock).unwrap()).unwrap();
        assert_eq!(stored.may_destroy(), Err(ClockDistrust::NotRead));
    }

    #[test]
    fn readings_without_sense_are_survived() {
        let far = [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, at(0), at(i64::MAX), at(i64::MIN)];
        let uptimes = [0, 1, u64::MAX, 1 << 63, 5];
        for first in far {
            let mut clock = Clock::new(&Reading { wall: first, boot: None });
            for (wall, seconds) in far.into_iter().zip(uptimes) {
                for id in ["", "a", &"x".repeat(500), "\u{0}"] {
                    let before = clock.trusted_today();
                    clock.observe(&Reading { wall, boot: Some(Uptime { boot_id: id.into(), seconds }) });
                    clock.check().unwrap();
                    assert!(clock.trusted_today() <= before + chrono::TimeDelta::days(35), "{wall} {seconds}");
                }
            }
        }
    }

    #[test]
    fn a_day_is_trusted_only_when_it_has_begun_everywhere() {
        let mut clock = Clock::new(&reading(0, "a", 0));
        let noon = |hour: &str| format!("2056-01-01T{hour}:00Z").parse::<DateTime<Utc>>().unwrap();
        let shows = Reading { wall: noon("12:00"), boot: None };
        for (hour, day) in [("11:59", "2055-12-31"), ("12:00", "2056-01-01")] {
            clock.confirm(&shows, &Confirmation { time: noon(hour), by: Confirmer::Witness }).unwrap();
            assert_eq!(clock.trusted_today().to_string(), day);
        }
        let stale = clock.confirm(&shows, &Confirmation { time: noon("12:00"), by: Confirmer::TimestampAuthority });
        assert!(matches!(stale, Err(ConfirmationRefused::NotNewer { .. })));
        let stated = NaiveDate::from_ymd_opt(2056, 1, 2).unwrap();
        clock.confirm(&shows, &Confirmation::of_date(stated, Confirmer::Approver)).unwrap();
        assert_eq!(clock.trusted_today(), stated);
    }

    #[test]
    fn a_typed_date_fills_the_budget_and_proves_nothing() {
        let mut clock = Clock::new(&reading(0, "a", 0));
        clock.observe(&reading(10 * DAY_SECONDS, "b", 0));
        assert_eq!(clock.budget_seconds, 25 * DAY_SECONDS);
        let date = at(10 * DAY_SECONDS).date_naive();
        let now = reading(10 * DAY_SECONDS + 60, "b", 60);
        assert_eq!(clock.confirm(&now, &Confirmation::of_date(date, Confirmer::Typed)), Ok(Observed::Fine));
        assert_eq!((clock.budget_seconds, clock.proved), (SPAN_SECONDS, None));
        assert!(clock.trusted_today() < at(0).date_naive());
        assert_eq!(clock.unconfirmed_seconds(at(12 * DAY_SECONDS)), 12 * DAY_SECONDS - clock.confirmed.timestamp());
    }
}
