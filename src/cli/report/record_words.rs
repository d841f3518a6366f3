//! What reports say of records, in words: state, how long they must be kept and have been.

use crate::ops::report::inventory::KeepUntil;
use crate::ops::status::{Counts, State};
use crate::retention::event::named;
use chrono::{Datelike, NaiveDate};
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
    events.into_iter().map(named).collect::<Vec<_>>().join(" ")
}

/// The same for names that the data has joined with spaces.
pub fn joined_named(events: &str) -> String {
    waited_for(events.split(' '))
}

/// 应保管期限.
pub fn keep(keep: &KeepUntil) -> String {
    match keep {
        KeepUntil::Until(last) => last.to_string(),
        KeepUntil::AwaitingEvents(events) => {
            tr!("awaiting {events}", events = waited_for(events.iter().map(String::as_str)))
        }
        KeepUntil::Permanent(_) => tr!("state" => "permanent"),
    }
}

pub fn until(last: Option<NaiveDate>) -> String {
    last.map_or(NOTHING.to_owned(), |last| last.to_string())
}

pub fn rules(rules: &[String]) -> String {
    if rules.is_empty() { NOTHING.to_owned() } else { rules.join(" ") }
}

/// 已保管期限: whole years and months from one date to another, days where there is no month.
pub fn kept(from: NaiveDate, to: NaiveDate) -> String {
    let mut months = (to.year() - from.year()) * 12 + to.month() as i32 - from.month() as i32;
    if to.day() < from.day() {
        months -= 1;
    }
    match (months / 12, months % 12) {
        _ if months <= 0 => tr!("{days} d", days = (to - from).num_days().max(0)),
        (0, months) => tr!("{months} m", months = months),
        (years, 0) => tr!("{years} y", years = years),
        (years, months) => tr!("{years} y {months} m", years = years, months = months),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_months_are_counted_and_days_only_without_one() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        for (from, to, words) in [
            ("2026-11-22", "2026-11-22", "0 d"),
            ("2026-11-22", "2026-12-21", "29 d"),
            ("2026-11-22", "2026-12-22", "1 m"),
            ("2026-11-22", "2027-11-21", "11 m"),
            ("2026-11-22", "2027-11-22", "1 y"),
            ("2026-11-22", "2037-01-22", "10 y 2 m"),
            ("2026-11-22", "2026-01-01", "0 d"),
        ] {
            assert_eq!(kept(day(from), day(to)), words, "{from} {to}");
        }
    }
}
