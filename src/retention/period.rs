//! Periods of calendar time (ISO 8601: `P10Y`, `P6M`, `P1Y6M`, `P90D`, `P2W`).

use super::RetentionError;
use chrono::{Datelike, Days, Months, NaiveDate};
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use tr::tr;

/// A period in calendar units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period {
    months: u32,
    days: u32,
}

impl Period {
    /// So many years.
    pub const fn of_years(years: u32) -> Self {
        Self { months: years * 12, days: 0 }
    }

    /// Whether this period never ends before `other` does; in doubt (`P30D` and `P1M`) it may.
    pub fn is_at_least(self, other: Self) -> bool {
        // The Gregorian calendar has 146,097 days in 4,800 months; no run of months is three days off that measure.
        let days = |period: Self| u64::from(period.months) * 146_097 / 4800 + u64::from(period.days);
        (self.months >= other.months && self.days >= other.days) || days(self) >= days(other) + 7
    }

    /// The last day of the period when `first` is its first day.
    ///
    /// A period of one year from 2025-03-10 ends on 2026-03-09. Where the month has no such day (one year from
    /// 2024-02-29) the period ends on the last day of that month, never earlier.
    ///
    /// # Errors
    /// [`RetentionError::Beyond`] when the calendar ends before.
    pub fn last_day_from(self, first: NaiveDate) -> Result<NaiveDate, RetentionError> {
        let beyond = || RetentionError::Beyond(self.to_string(), first);
        let shifted = first.checked_add_months(Months::new(self.months)).ok_or_else(beyond)?;
        // `checked_add_months` clips to the month's end; that day is then still inside the period.
        let clipped = chrono::Datelike::day(&shifted) != chrono::Datelike::day(&first);
        let next = shifted.checked_add_days(Days::new(self.days.into())).ok_or_else(beyond)?;
        let last = if clipped { Some(next) } else { next.pred_opt() };
        last.filter(|last| super::is_plain_date(*last)).ok_or_else(beyond)
    }

    /// The first day of the period when `last` is its last day, the latest that fits; none where no day does.
    pub fn first_day_to(self, last: NaiveDate) -> Option<NaiveDate> {
        let after = last.succ_opt()?.checked_sub_days(Days::new(self.days.into()))?;
        let first = after.checked_sub_months(Months::new(self.months))?;
        (self.last_day_from(first).ok()? == last).then_some(first)
    }

    /// Whole years and months from the day `first` to the day `today`, days where there is no month; none before `first`.
    pub fn elapsed(first: NaiveDate, today: NaiveDate) -> Option<Self> {
        let days = u32::try_from((today - first).num_days()).ok()?;
        let months = (today.year() - first.year()) * 12 + today.month() as i32 - first.month() as i32;
        let whole = u32::try_from(months - i32::from(today.day() < first.day())).ok()?;
        Some(if whole == 0 { Self { months: 0, days } } else { Self { months: whole, days: 0 } })
    }

    /// The period as people say it, in the language of the moment: `10 years`, `1 year 6 months`.
    pub fn words(self) -> String {
        let (years, months, days) = (self.months / 12, self.months % 12, self.days);
        let mut parts = Vec::new();
        if years > 0 {
            parts.push(tr!("{n} year" | "{n} years" % years));
        }
        if months > 0 {
            parts.push(tr!("{n} month" | "{n} months" % months));
        }
        if days > 0 || parts.is_empty() {
            parts.push(tr!("{n} day" | "{n} days" % days));
        }
        parts.join(" ")
    }
}

impl FromStr for Period {
    type Err = RetentionError;

    fn from_str(text: &str) -> Result<Self, RetentionError> {
        let malformed = || RetentionError::Period(text.into());
        let mut rest = text.strip_prefix('P').ok_or_else(malformed)?;
        let mut period = Self { months: 0, days: 0 };
        let mut units = "YMWD".chars();
        if rest.is_empty() {
            return Err(malformed());
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(malformed)?;
            let count: u32 = rest[..digits].parse().map_err(|_| malformed())?;
            let unit = rest[digits..].chars().next().ok_or_else(malformed)?;
            // Units come in falling order, each once.
            units.find(|&u| u == unit).ok_or_else(malformed)?;
            let times = |factor| count.checked_mul(factor).ok_or_else(malformed);
            match unit {
                'Y' => period.months = times(12)?,
                'M' => period.months = period.months.checked_add(count).ok_or_else(malformed)?,
                'W' => period.days = times(7)?,
                _ => period.days = period.days.checked_add(count).ok_or_else(malformed)?,
            }
            rest = &rest[digits + 1..];
        }
        if period.months == 0 && period.days == 0 { Err(malformed()) } else { Ok(period) }
    }
}

impl TryFrom<String> for Period {
    type Error = RetentionError;

    fn try_from(text: String) -> Result<Self, RetentionError> {
        text.parse()
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}

impl std::fmt::Display for Period {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [(self.months / 12, 'Y'), (self.months % 12, 'M'), (self.days, 'D')];
        f.write_str(if self.months == 0 && self.days == 0 { "P0D" } else { "P" })?;
        parts.iter().filter(|(count, _)| *count > 0).try_for_each(|(count, unit)| write!(f, "{count}{unit}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retention::parse_date;

    #[test]
    fn periods_end_on_the_day_before_the_anniversary_and_never_early_at_leap_days() {
        for (first, period, last) in [
            ("2025-03-10", "P1Y", "2026-03-09"),
            ("2026-01-01", "P30Y", "2055-12-31"),
            ("2024-02-29", "P1Y", "2025-02-28"),
            ("2024-02-29", "P4Y", "2028-02-28"),
            ("2025-01-31", "P1M", "2025-02-28"),
            ("2025-01-01", "P1D", "2025-01-01"),
            ("2025-01-01", "P2W", "2025-01-14"),
            ("2025-01-01", "P1Y6M", "2026-06-30"),
        ] {
            let period: Period = period.parse().unwrap();
            assert_eq!(period.last_day_from(parse_date(first).unwrap()).unwrap(), parse_date(last).unwrap(), "{first}");
        }
    }

    #[test]
    fn the_first_day_is_that_from_which_the_period_comes_to_the_last() {
        for (period, last, first) in [
            ("P10Y", "2035-12-31", Some("2026-01-01")),
            ("P1Y6M", "2026-06-30", Some("2025-01-01")),
            ("P1Y", "2025-02-28", Some("2024-03-01")),
            ("P90D", "2026-03-31", Some("2026-01-01")),
            ("P1Y", "2024-02-28", None),
        ] {
            let found = period.parse::<Period>().unwrap().first_day_to(parse_date(last).unwrap());
            assert_eq!(found.map(|day| day.to_string()).as_deref(), first, "{period} {last}");
        }
    }

    #[test]
    fn whole_months_are_counted_and_days_only_without_one() {
        let day = |text: &str| parse_date(text).unwrap();
        for (first, today, iso, words) in [
            ("2026-11-22", "2026-11-22", "P0D", "0 days"),
            ("2026-11-22", "2026-12-21", "P29D", "29 days"),
            ("2026-11-22", "2026-12-22", "P1M", "1 month"),
            ("2026-11-22", "2027-11-21", "P11M", "11 months"),
            ("2026-11-22", "2027-11-22", "P1Y", "1 year"),
            ("2026-11-22", "2037-01-22", "P10Y2M", "10 years 2 months"),
        ] {
            let elapsed = Period::elapsed(day(first), day(today)).unwrap();
            assert_eq!((elapsed.to_string().as_str(), elapsed.words().as_str()), (iso, words), "{first} {today}");
        }
        assert_eq!(Period::elapsed(day("2027-01-01"), day("2026-12-31")), None, "it has not begun");
        let period: Period = "P1Y6M3D".parse().unwrap();
        let chinese = crate::language::in_language(crate::language::Language::Chinese, || period.words());
        assert_eq!(chinese, "1 年 6 个月 3 天");
    }

    #[test]
    fn a_period_is_at_least_as_long_only_where_it_always_is() {
        let period = |text: &str| text.parse::<Period>().unwrap();
        for (long, short) in
            [("P10Y", "P10Y"), ("P11Y", "P10Y"), ("P1Y1D", "P1Y"), ("P10Y", "P3600D"), ("P53W", "P11M")]
        {
            assert!(period(long).is_at_least(period(short)), "{long} {short}");
        }
        for (a, b) in [("P1M", "P30D"), ("P365D", "P1Y"), ("P9Y", "P10Y"), ("P28D", "P1M"), ("P1Y", "P1Y1D")] {
            assert!(!period(a).is_at_least(period(b)), "{a} {b}");
        }
    }

    #[test]
    fn periods_beyond_the_year_9999_are_refused() {
        let first = parse_date("2026-01-01").unwrap();
        assert!("P7973Y".parse::<Period>().unwrap().last_day_from(first).is_ok());
        assert!("P7975Y".parse::<Period>().unwrap().last_day_from(first).is_err());
    }

    #[test]
    fn what_is_not_a_period_is_refused() {
        for text in [
            "",
            "P",
            "10Y",
            "P0Y",
            "P-1Y",
            "P1.5Y",
            "P1D1Y",
            "P1Y1Y",
            "PT5H",
            "P9999999999Y",
            "P613566756WP9D",
            "P613566756W9D",
        ] {
            assert!(text.parse::<Period>().is_err(), "{text}");
        }
    }
}
