//! The retention calendar as a file for calendar programs (RFC 5545): an entry for each day from which records may be destroyed.
//!
//! Invariant: it holds numbers and dates, never the name of a record; the same keyring gives an entry the same id each time.

use crate::crypto::hash::sha256;
use crate::ops::report::calendar::Sum;
use chrono::{DateTime, NaiveDate, SubsecRound, Utc};
use icalendar::{Component, Event, EventLike, Property};
use std::collections::BTreeMap;
use tr::tr;

/// Entries of one file.
const MOST: usize = 5000;

/// A calendar file.
pub struct CalendarFile {
    /// Its content.
    pub text: String,
    /// Days that had no room in it.
    pub left_out: usize,
}

/// Makes the file. What is past stands on today.
pub fn text(
    days: &BTreeMap<NaiveDate, BTreeMap<String, Sum>>,
    keyring: &[u8; 16],
    today: NaiveDate,
    now: DateTime<Utc>,
) -> CalendarFile {
    let mut entries: BTreeMap<NaiveDate, Sum> = BTreeMap::new();
    for (day, parts) in days {
        let entry = entries.entry(*day.max(&today)).or_default();
        parts.values().for_each(|part| entry.add(*part));
    }
    let left_out = entries.len().saturating_sub(MOST);
    let mut calendar = icalendar::Calendar::empty();
    let product = format!("-//keepuntil//keepuntil {}//EN", env!("CARGO_PKG_VERSION"));
    for (key, value) in [("VERSION", "2.0"), ("PRODID", product.as_str()), ("CALSCALE", "GREGORIAN")] {
        calendar.append_property(Property::new(key, value));
    }
    for (day, sum) in entries.into_iter().take(MOST) {
        let mut event = Event::new();
        event
            .uid(&format!("{}@keepuntil", hex::encode(&sha256(&[keyring, day.to_string().as_bytes()])[..16])))
            .timestamp(now.trunc_subsecs(0))
            .summary(&summary(&sum))
            .description(&description(&sum, keyring))
            .starts(day)
            // Without an end it is the whole day. Nobody is busy all day because of it.
            .add_property("TRANSP", "TRANSPARENT");
        calendar.push(event.done());
    }
    CalendarFile { text: calendar.to_string(), left_out }
}

fn summary(sum: &Sum) -> String {
    match sum.review {
        0 => {
            tr!("{n} record may be destroyed from today on"
                | "{n} records may be destroyed from today on" % sum.records)
        }
        review if review == sum.records => {
            tr!("{n} record to be reviewed before its destruction"
                | "{n} records to be reviewed before their destruction" % review)
        }
        review => tr!(
            "{n} record may be destroyed from today on, {review} of them after review"
                | "{n} records may be destroyed from today on, {review} of them after review" % sum.records,
            review = review
        ),
    }
}

fn description(sum: &Sum, keyring: &[u8; 16]) -> String {
    let keyring = hex::encode(keyring);
    tr!(
        "Keyring {keyring}. Held when this was made: {held}. Rules, events and holds may have changed since: see `keepuntil due` and `keepuntil report calendar`.",
        keyring = keyring,
        held = sum.held
    )
}
