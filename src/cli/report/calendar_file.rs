//! The retention calendar as a file for calendar programs (RFC 5545): an entry for each day from which records may be destroyed, and
//! for each by which a notice of destruction must be sent.
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
    letters: &BTreeMap<NaiveDate, BTreeMap<String, Sum>>,
    keyring: &[u8; 16],
    today: NaiveDate,
    now: DateTime<Utc>,
) -> CalendarFile {
    let (entries, letters) = (by_day(days, today), by_day(letters, today));
    let left_out = entries.len().saturating_sub(MOST) + letters.len().saturating_sub(MOST);
    let mut calendar = icalendar::Calendar::empty();
    let product = format!("-//keepuntil//keepuntil {}//EN", env!("CARGO_PKG_VERSION"));
    for (key, value) in [("VERSION", "2.0"), ("PRODID", product.as_str()), ("CALSCALE", "GREGORIAN")] {
        calendar.append_property(Property::new(key, value));
    }
    let now = now.trunc_subsecs(0);
    for (day, sum) in entries.into_iter().take(MOST) {
        calendar.push(entry((day, &summary(&sum), &description(&sum, keyring)), (keyring, ""), now));
    }
    for (day, sum) in letters.into_iter().take(MOST) {
        calendar.push(entry((day, &to_send(&sum), &send_it(&sum, keyring)), (keyring, "notice "), now));
    }
    CalendarFile { text: calendar.to_string(), left_out }
}

/// Sums by day; what is past stands on today.
fn by_day(days: &BTreeMap<NaiveDate, BTreeMap<String, Sum>>, today: NaiveDate) -> BTreeMap<NaiveDate, Sum> {
    let mut entries: BTreeMap<NaiveDate, Sum> = BTreeMap::new();
    for (day, parts) in days {
        entries.entry(*day.max(&today)).or_default().add(Sum::over(parts.values()));
    }
    entries
}

/// A whole day; its id follows from the keyring, the day and what it is about.
fn entry(
    (day, summary, description): (NaiveDate, &str, &str),
    (keyring, about): (&[u8; 16], &str),
    now: DateTime<Utc>,
) -> Event {
    let id = sha256(&[keyring, about.as_bytes(), day.to_string().as_bytes()]);
    Event::new()
        .uid(&format!("{}@keepuntil", hex::encode(&id[..16])))
        .timestamp(now)
        .summary(summary)
        .description(description)
        .starts(day)
        // Without an end it is the whole day. Nobody is busy all day because of it.
        .add_property("TRANSP", "TRANSPARENT")
        .done()
}

fn to_send(sum: &Sum) -> String {
    tr!("Last day to send the notice of destruction of {n} record"
        | "Last day to send the notice of destruction of {n} records" % sum.records)
}

fn send_it(sum: &Sum, keyring: &[u8; 16]) -> String {
    let keyring = hex::encode(keyring);
    tr!(
        "Keyring {keyring}. Sent later, the records stay longer than their time. Of them sent before, and void since the date was moved: {void}. See `keepuntil notice template destruction` and `keepuntil status`.",
        keyring = keyring,
        void = sum.notice_void
    )
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
