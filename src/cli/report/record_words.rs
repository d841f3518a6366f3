//! What reports say of records, in words: state, what they wait for.

use crate::ops::status::{Counts, State};
use crate::retention::event::meaning;
use chrono::NaiveDate;
use tr::tr;

/// Stands where nothing is known or nothing applies.
pub const NOTHING: &str = "—";

pub fn state(state: State) -> String {
    match state {
        State::Kept => tr!("state" => "kept"),
        State::RunOut => tr!("state" => "run out, date not certain"),
        State::Review => tr!("state" => "due for review"),
        State::Due => tr!("state" => "due"),
        State::Scheduled => tr!("state" => "scheduled"),
        State::Held => tr!("state" => "held"),
        State::Awaiting => tr!("state" => "awaiting an event"),
        State::Permanent => tr!("state" => "permanent"),
        State::Destroyed => tr!("state" => "destroyed"),
    }
}

/// How many records are in which state; states that none is in are left out.
pub fn counts(counts: &Counts) -> String {
    let all = [
        (State::Kept, counts.kept),
        (State::RunOut, counts.run_out),
        (State::Review, counts.review),
        (State::Due, counts.due),
        (State::Scheduled, counts.scheduled),
        (State::Held, counts.held),
        (State::Awaiting, counts.awaiting),
        (State::Permanent, counts.permanent),
        (State::Destroyed, counts.destroyed),
    ];
    let each = all.into_iter().filter(|(_, records)| *records > 0);
    let each: Vec<String> = each.map(|(of, records)| format!("{} {records}", state(of))).collect();
    if each.is_empty() { NOTHING.to_owned() } else { each.join(&tr!("counts" => ", ")) }
}

/// Names of events as people read them.
fn waited_for<'a>(events: impl IntoIterator<Item = &'a str>) -> String {
    events.into_iter().map(meaning).collect::<Vec<_>>().join(&tr!("list" => ", "))
}

/// The same for names that the data has joined with spaces.
pub fn joined_named(events: &str) -> String {
    waited_for(events.split(' '))
}

pub fn until(last: Option<NaiveDate>) -> String {
    last.map_or(NOTHING.to_owned(), |last| last.to_string())
}
