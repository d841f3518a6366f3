//! The retention calendar: how many records may be destroyed from when on.

use crate::ops::OpsError;
use crate::ops::custody::Custody;
use crate::retention::term::Standing;
use chrono::Datelike;
use serde::Serialize;
use std::collections::BTreeMap;

/// Live records by the year from which they may be destroyed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Calendar {
    /// Records by year and rule; several rules are joined by a space, none is the empty text.
    pub years: BTreeMap<i32, BTreeMap<String, u64>>,
    /// Records that wait for an event, by the event.
    pub awaiting: BTreeMap<String, u64>,
    /// Records that are kept for ever.
    pub permanent: u64,
}

/// Gathers the calendar.
///
/// # Errors
/// Those of the keyring.
pub fn calendar(custody: &Custody) -> Result<Calendar, OpsError> {
    let mut calendar = Calendar::default();
    custody.for_each_record(None, |judge, view, _| {
        if !view.live {
            return Ok(());
        }
        match judge.standing(view) {
            Standing::Until { last, .. } => {
                let first = last.succ_opt().unwrap_or(last);
                let rules = view.retention.rules().join(" ");
                *calendar.years.entry(first.year()).or_default().entry(rules).or_default() += 1;
            }
            Standing::Awaiting(events) => {
                events.iter().for_each(|event| *calendar.awaiting.entry(event.clone()).or_default() += 1);
            }
            Standing::Permanent => calendar.permanent += 1,
        }
        Ok(())
    })?;
    Ok(calendar)
}
