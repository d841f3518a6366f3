//! Notices of destruction: where a rule asks that those concerned are told first, nothing is destroyed before they were.
//!
//! Invariant: what counts is the day that a person gave as that of sending, and the trusted date; several rules all have to be
//! satisfied; a notice counts only while the record's last day is the one that it told. Spec: `spec/notices.md`,
//! "Before destruction".

use super::period::Period;
use super::ranges::Ranges;
use super::term::{Counting, FiscalYearEnd, last_day};
use super::transition::Refusal;
use super::{Retention, is_plain_date};
use crate::crypto::kdf::ArchiveId;
use crate::language::text;
use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};
use tr::tr;

/// The id of a notice: 16 random bytes.
pub type NoticeId = [u8; 16];

/// A notice of destruction that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SentNotice {
    /// Which.
    #[serde(with = "hex")]
    pub id: NoticeId,
    /// The archive.
    #[serde(with = "hex")]
    pub archive: ArchiveId,
    /// The records that it names.
    pub records: Ranges,
    /// On which day it was sent, as somebody said.
    pub on: NaiveDate,
    /// The last days that it told, rising; records in none of them had no last day then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<Told>,
}

/// Records with the last day that a notice told of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    /// Their last day.
    pub until: NaiveDate,
    /// Which.
    pub records: Ranges,
}

/// The last days that notices told: rising, each once, of records that `all` has, no record twice.
pub fn are_told_once(told: &[Told], all: &Ranges) -> bool {
    let rises = told.windows(2).all(|two| two[0].until < two[1].until);
    let known = |told: &Told| is_plain_date(told.until) && !told.records.is_empty() && all.contains_all(&told.records);
    let once = || {
        let (one, each) = told.iter().fold((Ranges::default(), 0u64), |(one, each), told| {
            (one.union(&told.records), each.saturating_add(told.records.count()))
        });
        one.count() == each
    };
    rises && told.iter().all(known) && once()
}

/// Groups records by their last day, as [`Told`] has them.
pub fn told(days: impl IntoIterator<Item = (u64, NaiveDate)>) -> Vec<Told> {
    let mut by_day: std::collections::BTreeMap<NaiveDate, Vec<u64>> = std::collections::BTreeMap::new();
    for (record, until) in days {
        by_day.entry(until).or_default().push(record);
    }
    by_day.into_iter().map(|(until, records)| Told { until, records: records.into_iter().collect() }).collect()
}

/// Why a record must stay although its time has run.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Unnotified {
    /// Nobody told those concerned.
    #[error("{}", tr!("notice of destruction not sent, which {rule} asks for", rule = rule))]
    Unsent {
        /// The rule that asks for it.
        rule: String,
    },
    /// They were told another day than the one until which the record is kept now, or none.
    #[error("{}", void(*sent, told, until, rule))]
    Void {
        /// On which day the last such notice was sent.
        sent: NaiveDate,
        /// The last day that it told; none where none was known.
        told: Option<NaiveDate>,
        /// The last day now; none where the record waits for an event.
        until: Option<NaiveDate>,
        /// The rule that asks for a notice.
        rule: String,
    },
    /// They were told that the record is kept until a day that is still to come, and it would be destroyed before.
    #[error("{}", tr!(
        "no notice of a destruction before {until}, which {rule} asks for: the one sent on {sent} is about a later one",
        rule = rule,
        sent = sent.to_string(),
        until = until.to_string()
    ))]
    Early {
        /// On which day the last such notice was sent.
        sent: NaiveDate,
        /// The last day.
        until: NaiveDate,
        /// The rule that asks for a notice.
        rule: String,
    },
    /// They were told a short time ago.
    #[error("{}", running(*sent, until, rule))]
    Running {
        /// On which day it was sent first.
        sent: NaiveDate,
        /// The last day on which the record must stay; none where the calendar has no such day.
        until: Option<NaiveDate>,
        /// The rule that asks for so long a time.
        rule: String,
    },
}

fn running(sent: NaiveDate, until: &Option<NaiveDate>, rule: &str) -> String {
    let until = until.map_or_else(|| "9999-12-31".to_owned(), |until| until.to_string());
    tr!(
        "notice of destruction sent on {sent}: by {rule} it stays until {until}",
        sent = sent.to_string(),
        rule = rule,
        until = until
    )
}

fn void(sent: NaiveDate, told: &Option<NaiveDate>, until: &Option<NaiveDate>, rule: &str) -> String {
    let day = |day: &Option<NaiveDate>, none: String| day.map_or(none, |day| day.to_string());
    tr!(
        "notice of destruction void, which {rule} asks for: the one sent on {sent} told {told}, and the last day is now {until}",
        rule = rule,
        sent = sent.to_string(),
        told = day(told, tr!("no day that counts")),
        until = day(until, tr!("not known"))
    )
}

impl SentNotice {
    /// The last day that it told of a record; none where none was known.
    pub fn told_of(&self, record: u64) -> Option<NaiveDate> {
        self.told.iter().find(|told| told.records.contains(record)).map(|told| told.until)
    }

    /// Whether it counts for a record whose last day is `until` now: only where that is what it told, be it none.
    pub fn counts(&self, record: u64, until: Option<NaiveDate>) -> bool {
        self.told_of(record) == until
    }

    /// Whether it names the record.
    pub fn names(&self, archive: &ArchiveId, record: u64) -> bool {
        self.archive == *archive && self.records.contains(record)
    }

    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.records.is_empty() {
            return Err(Refusal::Scope(text!("it names no record")));
        }
        if !are_told_once(&self.told, &self.records) {
            return Err(Refusal::Scope(text!("it tells a day twice, or of records that it does not name")));
        }
        if is_plain_date(self.on) { Ok(()) } else { Err(Refusal::Date(self.on)) }
    }
}

/// Periods of notice that the terms ask for, with their rules.
fn asked(retention: &Retention) -> impl Iterator<Item = (Period, &str)> {
    retention.terms.iter().filter_map(|term| Some((term.notify?, term.rule.as_deref()?)))
}

/// Whether a rule of it asks for a notice of destruction.
pub fn is_asked_for(retention: &Retention) -> bool {
    asked(retention).next().is_some()
}

/// The last day of a period of notice that begins when the notice is sent on `sent`; none where the calendar has no such day.
fn ends(sent: NaiveDate, period: Period) -> Option<NaiveDate> {
    last_day(sent, Counting::Day, FiscalYearEnd::default(), period).ok()
}

/// What the notices that name record `record` come to, where its last day is `until`; with `early`, for its destruction before that
/// day, of which none can have told. None where no rule of it asks for one.
pub fn standing<'n>(
    retention: &Retention,
    sent: impl Iterator<Item = &'n SentNotice>,
    (record, until, early): (u64, Option<NaiveDate>, bool),
) -> Option<Noticed> {
    let (_, rule) = asked(retention).next()?;
    if let Some(until) = until.filter(|_| early) {
        let rule = rule.to_owned();
        return Some(match sent.map(|notice| notice.on).max() {
            Some(sent) => Noticed::Early { sent, until, rule },
            None => Noticed::Unsent { rule },
        });
    }
    let (mut first, mut void): (Option<NaiveDate>, Option<&SentNotice>) = (None, None);
    for notice in sent {
        match notice.counts(record, until) {
            true => first = Some(first.map_or(notice.on, |first| first.min(notice.on))),
            false if void.is_none_or(|void| void.on <= notice.on) => void = Some(notice),
            false => {}
        }
    }
    let rule = rule.to_owned();
    Some(match (first, void) {
        (Some(sent), _) => {
            // Where several rules ask, the longest period decides.
            let end = |(period, rule): (Period, &str)| (ends(sent, period), rule.to_owned());
            let key = |of: &(Option<NaiveDate>, String)| of.0.unwrap_or(NaiveDate::MAX);
            let (until, rule) = asked(retention).map(end).max_by_key(key)?;
            Noticed::Sent { sent, until, rule }
        }
        (None, Some(notice)) => Noticed::Void { sent: notice.on, told: notice.told_of(record), until, rule },
        (None, None) => Noticed::Unsent { rule },
    })
}

/// What the notices of a record that asks for one come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Noticed {
    /// None was sent.
    Unsent {
        /// The rule that asks for it.
        rule: String,
    },
    /// None that was sent counts: see [`Unnotified::Void`].
    Void {
        /// On which day the last one was sent.
        sent: NaiveDate,
        /// The last day that it told.
        told: Option<NaiveDate>,
        /// The last day now.
        until: Option<NaiveDate>,
        /// The rule that asks for it.
        rule: String,
    },
    /// None that was sent is about a destruction before the last day: see [`Unnotified::Early`].
    Early {
        /// On which day the last one was sent.
        sent: NaiveDate,
        /// The last day.
        until: NaiveDate,
        /// The rule that asks for it.
        rule: String,
    },
    /// One was sent that counts.
    Sent {
        /// The first that counts.
        sent: NaiveDate,
        /// The last day on which the record must stay for it; none where the calendar has no such day.
        until: Option<NaiveDate>,
        /// The rule that asks for so long a time.
        rule: String,
    },
}

impl Noticed {
    /// Why the record must stay on the day `today`; none where what was sent suffices.
    pub fn unnotified(self, today: NaiveDate) -> Option<Unnotified> {
        match self {
            Self::Unsent { rule } => Some(Unnotified::Unsent { rule }),
            Self::Void { sent, told, until, rule } => Some(Unnotified::Void { sent, told, until, rule }),
            Self::Early { sent, until, rule } => Some(Unnotified::Early { sent, until, rule }),
            Self::Sent { sent, until, rule } => {
                until.is_none_or(|until| until >= today).then_some(Unnotified::Running { sent, until, rule })
            }
        }
    }
}

/// The last day on which a notice can be sent so that the record, whose last day is `until`, need not stay longer for it. None where
/// no rule asks for one, or no day is early enough.
pub fn send_by(retention: &Retention, until: NaiveDate) -> Option<NaiveDate> {
    asked(retention).map(|(period, _)| latest(period, until)).min()?
}

/// The last day on which a notice of this period can be sent that has run out on `until`.
fn latest(period: Period, until: NaiveDate) -> Option<NaiveDate> {
    let in_time = |sent: &NaiveDate| ends(*sent, period).is_some_and(|end| end <= until);
    // A later sending never runs out earlier, so that halving finds the day; the end of a month is where counting back would err.
    let (mut late, mut step) = (until, 1u64);
    let first = NaiveDate::from_ymd_opt(1, 1, 1)?;
    let mut early = loop {
        let day = until.checked_sub_days(Days::new(step)).map_or(first, |day| day.max(first));
        if in_time(&day) {
            break day;
        }
        if day == first {
            return None;
        }
        (late, step) = (day, step.checked_mul(2)?);
    };
    while let days @ 2.. = (late - early).num_days() {
        let middle = early.checked_add_days(Days::new(days.unsigned_abs() / 2))?;
        if in_time(&middle) { early = middle } else { late = middle }
    }
    Some(early)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retention::AtExpiry;
    use crate::retention::term::{Bound, Keep, Term};

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn retention(periods: &[(&str, Option<&str>)]) -> Retention {
        let term = |(rule, notify): &(&str, Option<&str>)| Term {
            keep: Keep::Until(date("2030-12-31")),
            bound: Bound::Floor,
            rule: Some((*rule).into()),
            notify: notify.map(|period| period.parse().unwrap()),
        };
        Retention { terms: periods.iter().map(term).collect(), at_expiry: AtExpiry::Destroy }
    }

    fn sent(on: &str) -> SentNotice {
        let told = told([3, 4].map(|record| (record, date("2030-12-31"))));
        SentNotice { id: [1; 16], archive: [2; 16], records: "3-5".parse().unwrap(), on: date(on), told }
    }

    fn judged(retention: &Retention, sent: &[SentNotice], (record, until): (u64, &str), today: &str) -> Option<String> {
        let until = (!until.is_empty()).then(|| date(until));
        standing(retention, sent.iter(), (record, until, false))?.unnotified(date(today)).map(|why| why.to_string())
    }

    #[test]
    fn a_notice_runs_its_whole_period_and_the_longest_one_counts() {
        let (plain, one) = (retention(&[("a", None)]), retention(&[("a", None), ("b", Some("P30D"))]));
        let both = retention(&[("b", Some("P30D")), ("c", Some("P2M"))]);
        let judged =
            |retention: &Retention, sent: &[SentNotice], today: &str| judged(retention, sent, (3, "2030-12-31"), today);
        assert_eq!(judged(&plain, &[], "2031-01-01"), None);
        let unsent = "notice of destruction not sent, which b asks for".to_owned();
        assert_eq!(judged(&one, &[], "2031-01-01"), Some(unsent));
        let (first, later) = (sent("2031-01-01"), sent("2031-01-20"));
        let runs = "notice of destruction sent on 2031-01-01: by b it stays until 2031-01-31".to_owned();
        assert_eq!(judged(&one, &[later.clone(), first.clone()], "2031-01-31"), Some(runs));
        assert_eq!(judged(&one, &[later, first.clone()], "2031-02-01"), None);
        let runs = "notice of destruction sent on 2031-01-01: by c it stays until 2031-03-01".to_owned();
        assert_eq!(judged(&both, std::slice::from_ref(&first), "2031-01-20"), Some(runs.clone()));
        assert_eq!(judged(&both, std::slice::from_ref(&first), "2031-03-01"), Some(runs));
        assert_eq!(judged(&both, &[first], "2031-03-02"), None);
    }

    #[test]
    fn a_notice_is_void_while_the_last_day_is_not_the_one_that_it_told() {
        let asks = retention(&[("b", Some("P30D"))]);
        let (old, new) =
            (sent("2030-11-01"), SentNotice { told: told([(3, date("2031-12-31"))]), ..sent("2031-11-01") });
        let void = "notice of destruction void, which b asks for: the one sent on 2030-11-01 told 2030-12-31, and the last day \
            is now 2031-12-31";
        let moved = (3, "2031-12-31");
        assert_eq!(judged(&asks, std::slice::from_ref(&old), moved, "2032-01-01").as_deref(), Some(void));
        // Moved back it counts again; moved to an earlier day, whoever got the letter waits for a later one.
        assert_eq!(judged(&asks, std::slice::from_ref(&old), (3, "2030-12-31"), "2032-01-01"), None);
        let early = judged(&asks, std::slice::from_ref(&old), (3, "2030-12-30"), "2032-01-01").unwrap();
        assert!(early.contains("told 2030-12-31, and the last day is now 2030-12-30"), "{early}");
        // The period runs from the first notice that counts, not from the void one.
        let runs = "notice of destruction sent on 2031-11-01: by b it stays until 2031-12-01".to_owned();
        assert_eq!(judged(&asks, &[old.clone(), new.clone()], moved, "2031-12-01"), Some(runs));
        assert_eq!(judged(&asks, &[old.clone(), new], moved, "2031-12-02"), None);
        // Record 5 waited for an event when the letter was made.
        let no_day = judged(&asks, std::slice::from_ref(&old), (5, "2030-12-31"), "2032-01-01").unwrap();
        assert!(no_day.contains("told no day that counts, and the last day is now 2030-12-31"), "{no_day}");
        assert_eq!(judged(&asks, std::slice::from_ref(&old), (5, ""), "2032-01-01"), None, "it still waits");
        let waits = judged(&asks, &[old], (3, ""), "2032-01-01").unwrap();
        assert!(waits.contains("told 2030-12-31, and the last day is now not known"), "{waits}");
    }

    #[test]
    fn no_notice_of_a_day_counts_for_a_destruction_before_it() {
        let asks = retention(&[("b", Some("P30D"))]);
        let early = |sent: &[SentNotice], record, until: Option<&str>| {
            let why = standing(&asks, sent.iter(), (record, until.map(date), true))?.unnotified(date("2030-06-01"));
            why.map(|why| why.to_string())
        };
        let of = sent("2030-01-01");
        let why = "no notice of a destruction before 2030-12-31, which b asks for: the one sent on 2030-01-01 is about a later one";
        assert_eq!(early(std::slice::from_ref(&of), 3, Some("2030-12-31")).as_deref(), Some(why));
        assert_eq!(early(std::slice::from_ref(&of), 5, Some("2030-12-31")).as_deref(), Some(why), "it told none");
        let unsent = early(&[], 3, Some("2030-12-31")).unwrap();
        assert!(unsent.contains("not sent"), "{unsent}");
        // Without a last day there is none before which it would be.
        assert_eq!(early(&[of], 5, None), None);
    }

    #[test]
    fn the_last_day_to_send_is_the_one_from_which_the_period_just_fits() {
        for (periods, until, by) in [
            (&[("b", Some("P30D"))][..], "2030-12-31", Some("2030-12-01")),
            (&[("b", Some("P1D"))], "2030-12-31", Some("2030-12-30")),
            // Sent on January 28 to 31 it runs out on the same day, which counting back would not find.
            (&[("b", Some("P1M"))], "2031-02-28", Some("2031-01-31")),
            (&[("b", Some("P1M"))], "2031-03-01", Some("2031-02-01")),
            (&[("b", Some("P1M"))], "2031-02-27", Some("2031-01-27")),
            (&[("b", Some("P30D")), ("c", Some("P2M"))], "2030-12-31", Some("2030-10-31")),
            (&[("b", Some("P9999Y"))], "2030-12-31", None),
            (&[("a", None)], "2030-12-31", None),
        ] {
            let asks = retention(periods);
            let found = send_by(&asks, date(until));
            assert_eq!(found, by.map(date), "{periods:?} {until}");
            let Some(found) = found else { continue };
            let stays = |sent: NaiveDate| {
                let of = asked(&asks).map(|(period, _)| ends(sent, period).unwrap()).max().unwrap();
                of > date(until)
            };
            assert!(!stays(found) && stays(found.succ_opt().unwrap()), "{periods:?} {until}");
        }
    }

    #[test]
    fn a_notice_names_records_of_one_archive_and_tells_one_day_of_each() {
        let notice = sent("2031-01-01");
        assert!(notice.names(&[2; 16], 3) && !notice.names(&[2; 16], 6) && !notice.names(&[1; 16], 3));
        assert_eq!((notice.told_of(4), notice.told_of(5)), (Some(date("2030-12-31")), None));
        assert_eq!(notice.check(), Ok(()));
        assert!(SentNotice { records: Ranges::default(), told: Vec::new(), ..notice.clone() }.check().is_err());
        let told = |days: &[(&str, &str)]| {
            let one = |(until, records): &(&str, &str)| Told { until: date(until), records: records.parse().unwrap() };
            SentNotice { told: days.iter().map(one).collect(), ..notice.clone() }.check().is_ok()
        };
        assert!(told(&[]) && told(&[("2030-12-31", "3,5"), ("2031-12-31", "4")]));
        for wrong in [
            &[("2031-12-31", "3"), ("2030-12-31", "4")][..],
            &[("2030-12-31", "3"), ("2030-12-31", "4")],
            &[("2030-12-31", "3-4"), ("2031-12-31", "4-5")],
            &[("2030-12-31", "2-3")],
            &[("2030-12-31", "")],
        ] {
            assert!(!told(wrong), "{wrong:?}");
        }
    }
}
