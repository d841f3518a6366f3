//! The days that a report is about.
//!
//! Invariant: both ends belong to it; days are those of the firm's zone. Spec: `spec/reports.md`, "Period".

use crate::ops::custody::Now;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

/// From one day to another; without an end it is open there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Period {
    /// The first day.
    pub since: Option<NaiveDate>,
    /// The last day.
    pub until: Option<NaiveDate>,
}

impl Period {
    /// Whether an instant falls on one of its days.
    pub fn covers(&self, now: &Now, instant: DateTime<Utc>) -> bool {
        let day = now.day(instant);
        self.since.is_none_or(|since| since <= day) && self.until.is_none_or(|until| day <= until)
    }
}
