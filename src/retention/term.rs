//! Terms: what one rule, or one person's word, asks of one record; and what several of them come to together.
//!
//! Invariant: the longest floor wins; ceilings decide only where there is no floor. Spec: `spec/retention.md`, "Terms".

use super::period::Period;
use super::{AtExpiry, RetentionError, is_plain_date};
use crate::language::text;
use chrono::{Datelike, Days, NaiveDate};
use serde::{Deserialize, Serialize};
use tr::tr;

/// Terms on a record, at most.
pub const MAX_TERMS: usize = 16;

/// How long a record is kept, and what happens then.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// One at least.
    pub terms: Vec<Term>,
    /// What happens when they have run.
    pub at_expiry: AtExpiry,
}

/// One demand.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// For how long.
    pub keep: Keep,
    /// At least or at most so long.
    #[serde(default, skip_serializing_if = "Bound::is_floor")]
    pub bound: Bound,
    /// Id of the rule that asks for it; none for a date that somebody chose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// How long before destruction a notice of it must have been sent, as the rule asks; none where it asks for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<Period>,
}

/// A length of time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// To the end of this day.
    Until(NaiveDate),
    /// For a period that begins with an event.
    After(After),
    /// For ever.
    Permanent,
}

/// A period that begins with an event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct After {
    /// Name of the event: lower-case letters, digits and hyphens.
    pub event: String,
    /// How long from then.
    pub period: Period,
    /// From which day.
    pub counting: Counting,
    /// Last day of fiscal years where that is not December 31.
    #[serde(default, skip_serializing_if = "FiscalYearEnd::is_calendar_year")]
    pub fiscal_year_end: FiscalYearEnd,
}

/// From which day on a period counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Counting {
    /// From the day after; the day itself is not counted.
    Day,
    /// From the first day after the end of the calendar year.
    CalendarYear,
    /// From the first day after the end of the fiscal year.
    FiscalYear,
}

/// Floor or ceiling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bound {
    /// At least so long.
    #[default]
    Floor,
    /// At most so long.
    Ceiling,
}

impl Counting {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::CalendarYear => "calendar-year",
            Self::FiscalYear => "fiscal-year",
        }
    }
}

impl Bound {
    fn is_floor(&self) -> bool {
        *self == Self::Floor
    }
}

/// The last day of a fiscal year, `MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FiscalYearEnd {
    month: u32,
    day: u32,
}

impl Default for FiscalYearEnd {
    fn default() -> Self {
        Self { month: 12, day: 31 }
    }
}

impl FiscalYearEnd {
    /// Whether fiscal years are calendar years.
    pub(super) fn is_calendar_year(&self) -> bool {
        *self == Self::default()
    }

    /// The end of the fiscal year in which `date` lies. February 29 is the end of February.
    fn end_after(self, date: NaiveDate) -> Option<NaiveDate> {
        let in_year = |year| match NaiveDate::from_ymd_opt(year, self.month, self.day) {
            None => NaiveDate::from_ymd_opt(year, 2, 28),
            end => end,
        };
        in_year(date.year()).filter(|end| *end >= date).or_else(|| in_year(date.year() + 1))
    }
}

impl TryFrom<String> for FiscalYearEnd {
    type Error = RetentionError;

    fn try_from(text: String) -> Result<Self, RetentionError> {
        // 2024 is a leap year: every day of any year is in it.
        let date = NaiveDate::parse_from_str(&format!("2024-{text}"), "%Y-%m-%d").ok();
        let end = date.map(|date| Self { month: date.month(), day: date.day() });
        end.filter(|end| end.to_string() == text).ok_or(RetentionError::FiscalYearEnd(text))
    }
}

impl From<FiscalYearEnd> for String {
    fn from(end: FiscalYearEnd) -> Self {
        end.to_string()
    }
}

impl std::fmt::Display for FiscalYearEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02}-{:02}", self.month, self.day)
    }
}

/// The last day of `period` when it counts from `base` as `counting` says.
///
/// # Errors
/// [`RetentionError::Beyond`] when the calendar ends before.
pub fn last_day(
    base: NaiveDate,
    counting: Counting,
    fiscal_year_end: FiscalYearEnd,
    period: Period,
) -> Result<NaiveDate, RetentionError> {
    let before = match counting {
        Counting::Day => Some(base),
        Counting::CalendarYear => FiscalYearEnd::default().end_after(base),
        Counting::FiscalYear => fiscal_year_end.end_after(base),
    };
    let first = before.and_then(|day| day.checked_add_days(Days::new(1)));
    period.last_day_from(first.ok_or_else(|| RetentionError::Beyond(period.to_string(), base))?)
}

/// What a record's terms come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is kept to the end of a day.
    Until {
        /// That day.
        last: NaiveDate,
        /// Index of the term that decides.
        governed_by: usize,
    },
    /// It is kept until these events have been recorded, and then for their periods.
    Awaiting(Vec<String>),
    /// It is kept for ever.
    Permanent,
}

impl Standing {
    /// A key by which what is kept longer is greater.
    pub fn length(&self) -> impl Ord + use<> {
        self.end()
    }

    /// The last day, where it is known.
    pub fn last_day(&self) -> Option<NaiveDate> {
        match self {
            Self::Until { last, .. } => Some(*last),
            _ => None,
        }
    }

    /// The same in the language of the moment.
    pub fn words(&self) -> String {
        match self {
            Self::Until { last, .. } => last.to_string(),
            Self::Awaiting(events) => tr!("awaiting {}", super::event::all_named(events)),
            Self::Permanent => tr!("permanent"),
        }
    }

    fn end(&self) -> End {
        match self {
            Self::Until { last, .. } => End::Day(*last),
            Self::Awaiting(_) => End::Awaiting,
            Self::Permanent => End::Never,
        }
    }
}

impl std::fmt::Display for Standing {
    /// A date, `permanent`, or `awaiting` and the events: for programs and files, whatever language people read.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Until { last, .. } => last.fmt(f),
            Self::Awaiting(events) => write!(f, "awaiting {}", events.join(", ")),
            Self::Permanent => f.write_str("permanent"),
        }
    }
}

impl Retention {
    /// One date that somebody chose.
    pub fn until(last: NaiveDate, at_expiry: AtExpiry) -> Self {
        let term = Term { keep: Keep::Until(last), bound: Bound::Floor, rule: None, notify: None };
        Self { terms: vec![term], at_expiry }
    }

    /// What the terms come to before any event.
    pub fn planned(&self) -> Standing {
        self.standing(|_| None)
    }

    /// What the terms come to; `event` tells the date of an event that was recorded for this record.
    pub fn standing(&self, event: impl Fn(&str) -> Option<NaiveDate>) -> Standing {
        match self.decisive(&event) {
            Some((End::Day(last), governed_by)) => Standing::Until { last, governed_by },
            Some((End::Awaiting, decisive)) => Standing::Awaiting(self.awaited(self.terms[decisive].bound, &event)),
            // Terms are never empty; if they were, nothing would allow destruction.
            Some((End::Never, _)) | None => Standing::Permanent,
        }
    }

    /// Index of the term that decides; the first of those that are equally long.
    pub fn governing(&self, event: impl Fn(&str) -> Option<NaiveDate>) -> Option<usize> {
        self.decisive(&event).map(|(_, index)| index)
    }

    fn decisive(&self, event: &impl Fn(&str) -> Option<NaiveDate>) -> Option<(End, usize)> {
        let ends = |bound| {
            let of_bound = self.terms.iter().enumerate().filter(move |(_, term)| term.bound == bound);
            of_bound.map(|(index, term)| (term.keep.end(event), index))
        };
        let floors = ends(Bound::Floor).max_by_key(|(end, index)| (end.clone(), std::cmp::Reverse(*index)));
        floors.or_else(|| ends(Bound::Ceiling).min())
    }

    /// Whether there is a floor: then the record can never be destroyed before it has run.
    pub fn has_floor(&self) -> bool {
        self.terms.iter().any(|term| term.bound == Bound::Floor)
    }

    /// Ids of its rules, in the order of the terms, each once.
    pub fn rules(&self) -> Vec<&str> {
        let mut rules = Vec::new();
        for rule in self.terms.iter().filter_map(|term| term.rule.as_deref()) {
            if !rules.contains(&rule) {
                rules.push(rule);
            }
        }
        rules
    }

    /// Ceilings that have run before the floors: the law's two demands contradict each other, and the floor is kept.
    pub fn conflicts(&self, event: impl Fn(&str) -> Option<NaiveDate>) -> Vec<usize> {
        if !self.has_floor() {
            return Vec::new();
        }
        let end_of_floors = self.standing(&event).end();
        let overridden = |(index, term): (usize, &Term)| {
            (term.bound == Bound::Ceiling && term.keep.end(&event) < end_of_floors).then_some(index)
        };
        self.terms.iter().enumerate().filter_map(overridden).collect()
    }

    /// Whether every term can be written in one way only, and the number of terms is allowed.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.terms.is_empty() || self.terms.len() > MAX_TERMS {
            return Err(text!("it has no terms, or more than 16"));
        }
        for term in &self.terms {
            match &term.keep {
                Keep::Until(last) if !is_plain_date(*last) => {
                    return Err(text!("its last day has no year of four digits"));
                }
                Keep::After(after) if !is_code(&after.event) => {
                    return Err(text!("an event has a name that is not allowed"));
                }
                Keep::After(after)
                    if after.counting != Counting::FiscalYear && !after.fiscal_year_end.is_calendar_year() =>
                {
                    return Err(text!("it names the end of fiscal years, which it does not count"));
                }
                _ => {}
            }
            if term.rule.as_deref().is_some_and(|rule| !is_code(rule)) {
                return Err(text!("a rule has a name that is not allowed"));
            }
            if term.notify.is_some() && term.rule.is_none() {
                return Err(text!("it asks for a notice of destruction, and no rule does"));
            }
        }
        Ok(())
    }

    fn awaited(&self, bound: Bound, event: impl Fn(&str) -> Option<NaiveDate>) -> Vec<String> {
        let mut names = Vec::new();
        for term in self.terms.iter().filter(|term| term.bound == bound) {
            if let Keep::After(after) = &term.keep
                && event(&after.event).is_none()
                && !names.contains(&after.event)
            {
                names.push(after.event.clone());
            }
        }
        names
    }
}

/// Whether `name` can name a rule or an event: 1 to 64 of `a-z0-9-`, not beginning with a hyphen.
pub fn is_code(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=64).contains(&name.len()) && name.bytes().all(allowed) && !name.starts_with('-')
}

/// Ends in the order of their lengths.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Day(NaiveDate),
    Awaiting,
    Never,
}

impl Keep {
    fn end(&self, event: impl Fn(&str) -> Option<NaiveDate>) -> End {
        match self {
            Self::Until(last) => End::Day(*last),
            Self::Permanent => End::Never,
            Self::After(after) => match event(&after.event) {
                None => End::Awaiting,
                // A period that the calendar does not hold never ends.
                Some(date) => {
                    last_day(date, after.counting, after.fiscal_year_end, after.period).map_or(End::Never, End::Day)
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retention::parse_date;

    fn date(text: &str) -> NaiveDate {
        parse_date(text).unwrap()
    }

    fn term(keep: Keep, bound: Bound) -> Term {
        Term { keep, bound, rule: None, notify: None }
    }

    #[test]
    fn the_vectors_of_vouchers_and_of_years_that_end_elsewhere() {
        let march: FiscalYearEnd = "03-31".to_owned().try_into().unwrap();
        let february: FiscalYearEnd = "02-29".to_owned().try_into().unwrap();
        for (base, counting, end, period, last) in [
            ("2025-06-30", Counting::FiscalYear, FiscalYearEnd::default(), "P30Y", "2055-12-31"),
            ("2025-03-10", Counting::CalendarYear, FiscalYearEnd::default(), "P8Y", "2033-12-31"),
            ("2025-03-31", Counting::FiscalYear, march, "P10Y", "2035-03-31"),
            ("2025-04-01", Counting::FiscalYear, march, "P10Y", "2036-03-31"),
            ("2024-02-29", Counting::FiscalYear, february, "P1Y", "2025-02-28"),
            ("2023-02-28", Counting::FiscalYear, february, "P1Y", "2024-02-29"),
            ("2025-03-10", Counting::Day, FiscalYearEnd::default(), "P1Y", "2026-03-10"),
            ("2024-02-29", Counting::Day, FiscalYearEnd::default(), "P1Y", "2025-02-28"),
        ] {
            assert_eq!(last_day(date(base), counting, end, period.parse().unwrap()), Ok(date(last)), "{base} {period}");
        }
    }

    #[test]
    fn the_longest_floor_wins_and_a_ceiling_only_alone() {
        let (early, late) = (Keep::Until(date("2030-01-01")), Keep::Until(date("2040-01-01")));
        let of = |terms| Retention { terms, at_expiry: AtExpiry::Destroy };
        let none = |_: &str| None;
        let both = of(vec![term(late.clone(), Bound::Floor), term(early.clone(), Bound::Ceiling)]);
        assert_eq!(both.standing(none), Standing::Until { last: date("2040-01-01"), governed_by: 0 });
        assert_eq!(both.conflicts(none), [1]);
        let ceilings = of(vec![term(late.clone(), Bound::Ceiling), term(early.clone(), Bound::Ceiling)]);
        assert_eq!(ceilings.standing(none), Standing::Until { last: date("2030-01-01"), governed_by: 1 });
        let after = Keep::After(After {
            event: "relationship-end".into(),
            period: "P10Y".parse().unwrap(),
            counting: Counting::Day,
            fiscal_year_end: FiscalYearEnd::default(),
        });
        let awaiting = of(vec![term(late, Bound::Floor), term(after, Bound::Floor)]);
        assert_eq!(awaiting.standing(none), Standing::Awaiting(vec!["relationship-end".into()]));
        let ended = |_: &str| Some(date("2035-05-05"));
        assert_eq!(awaiting.standing(ended), Standing::Until { last: date("2045-05-05"), governed_by: 1 });
        let for_ever = of(vec![term(early, Bound::Floor), term(Keep::Permanent, Bound::Floor)]);
        assert_eq!(for_ever.standing(none), Standing::Permanent);
    }
}
