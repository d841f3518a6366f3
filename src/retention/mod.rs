//! How long a record is kept: pure rules over calendar dates.
//!
//! Invariant: no I/O and no clock; today's date comes in as a value. Spec: `spec/retention.md`.

pub mod clock;
pub mod demand;
pub mod disposition;
pub mod event;
pub mod extension;
pub mod hold;
pub mod notice;
pub mod period;
pub mod policy;
pub mod ranges;
pub mod register;
pub mod required;
pub mod rule;
pub mod rules;
pub mod scheduled;
pub mod scope;
pub mod settings;
pub mod term;
pub mod transition;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use tr::tr;

pub use term::Retention;

/// What happens to a record whose time has run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AtExpiry {
    /// It is destroyed.
    Destroy,
    /// A person decides.
    Review,
}

/// How closely a compartment's content must be guarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Anyone might see it.
    Public,
    /// For those concerned.
    Sensitive,
    /// For the fewest; sizes are padded.
    Confidential,
}

impl AtExpiry {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Destroy => "destroy",
            Self::Review => "review",
        }
    }
}

impl Class {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Sensitive => "sensitive",
            Self::Confidential => "confidential",
        }
    }
}

/// A date or period that cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RetentionError {
    /// Not an ISO 8601 date.
    #[error("{}", tr!("{} is not a date such as 2036-12-31", format!("{:?}", _0)))]
    Date(String),
    /// Not an ISO 8601 period of years, months, weeks or days.
    #[error("{}", tr!("{} is not a period such as P10Y, P6M or P90D", format!("{:?}", _0)))]
    Period(String),
    /// Not a day of the year.
    #[error("{}", tr!("{} is not the last day of a fiscal year such as 12-31", format!("{:?}", _0)))]
    FiscalYearEnd(String),
    /// Not what a period can begin with.
    #[error("{}", tr!("{} is not record-date, creation or event:NAME with a name of lower-case letters, digits and hyphens", format!("{:?}", _0)))]
    Start(String),
    /// The end lies outside the calendar.
    #[error("{}", tr!("{0} after {1} is beyond the calendar", _0, _1))]
    Beyond(String, NaiveDate),
    /// A retention that has already ended.
    #[error("{}", tr!("{} is not in the future: nothing would be kept", _0))]
    Past(NaiveDate),
}

/// Whether the date has a year of four digits, so that it has one spelling of ten characters.
pub fn is_plain_date(date: NaiveDate) -> bool {
    (1..=9999).contains(&chrono::Datelike::year(&date))
}

/// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z.
const CALENDAR: (i64, i64) = (-62_135_596_800, 253_402_300_799);

/// An instant that somebody wrote with an offset, as all output spells instants: in UTC, with a `Z`; what is none stays.
pub fn spelled(instant: &str) -> String {
    let read = DateTime::parse_from_rfc3339(instant);
    read.map_or_else(|_| instant.to_owned(), |read| read.to_utc().to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// The instant as files spell it: whole seconds, a year of four digits.
pub fn whole_second(time: DateTime<Utc>) -> DateTime<Utc> {
    at(time.timestamp())
}

/// The instant so many seconds after 1970 began, or the nearest whose year has four digits.
pub fn at(seconds: i64) -> DateTime<Utc> {
    let seconds = seconds.clamp(CALENDAR.0, CALENDAR.1);
    DateTime::from_timestamp(seconds, 0).expect("a moment of the calendar")
}

/// Parses a calendar date.
///
/// # Errors
/// [`RetentionError::Date`] unless it is written `YYYY-MM-DD`.
pub fn parse_date(text: &str) -> Result<NaiveDate, RetentionError> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .ok()
        .filter(|date| is_plain_date(*date) && date.format("%Y-%m-%d").to_string() == text)
        .ok_or_else(|| RetentionError::Date(text.into()))
}
