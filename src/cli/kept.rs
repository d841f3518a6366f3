//! How long records are kept, in words: dates, awaited events, and which rule decides against which.

use super::render;
use crate::retention::rule::Rule;
use crate::retention::term::{After, Bound, Counting, Keep, Standing, Term};
use crate::retention::{AtExpiry, Retention};
use crate::storage::escape;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tr::tr;

/// Ways of keeping that are told one by one.
const LISTED: usize = 20;
/// Where what is said of a field begins.
const COLUMN: usize = 15;

/// `until 2055-12-31, then review`; nothing happens after `permanent`.
pub fn short(retention: &Retention) -> String {
    match retention.planned() {
        Standing::Permanent => tr!("permanently"),
        Standing::Until { last, .. } => {
            tr!("until {last}, then {what}", last = last, what = at_expiry(retention.at_expiry))
        }
        Standing::Awaiting(events) => {
            let events = crate::retention::event::all_named(events);
            tr!("awaiting {events}, then {what}", events = events, what = at_expiry(retention.at_expiry))
        }
    }
}

/// What happens when the time is over, in a word.
pub fn at_expiry(at_expiry: AtExpiry) -> String {
    match at_expiry {
        AtExpiry::Destroy => tr!("at expiry" => "destroy"),
        AtExpiry::Review => tr!("at expiry" => "review"),
    }
}

/// Lines on every way of keeping, with what governs it and which ceilings it overrides.
pub fn text(kept: &BTreeMap<Retention, u64>, rules: &[Rule]) -> String {
    let mut text = String::new();
    let alike = alike(kept, rules);
    for (how, why, records) in alike.iter().take(LISTED) {
        let how = tr!("{kept}: {n} record" | "{kept}: {n} records" % *records, kept = how);
        text.push_str(&render::field(&tr!("retention" => "kept"), &how, COLUMN));
        why.iter().for_each(|line| text.push_str(&below(line)));
    }
    if alike.len() > LISTED {
        text.push_str(&below(&tr!("and {n} more way" | "and {n} more ways" % alike.len() - LISTED)));
    }
    text
}

/// Ways of keeping of which the same is said, with how many records are kept so, in the order of the first of each.
fn alike(kept: &BTreeMap<Retention, u64>, rules: &[Rule]) -> Vec<(String, Vec<String>, u64)> {
    let mut alike: Vec<(String, Vec<String>, u64)> = Vec::new();
    let mut places: BTreeMap<(String, Vec<String>), usize> = BTreeMap::new();
    for (retention, records) in kept {
        let why = if retention.rules().is_empty() { Vec::new() } else { reasons(retention, rules) };
        let said = (short(retention), why);
        match places.get(&said) {
            Some(place) => alike[*place].2 += records,
            None => {
                places.insert(said.clone(), alike.len());
                alike.push((said.0, said.1, *records));
            }
        }
    }
    alike
}

/// Lines under a field.
fn below(text: &str) -> String {
    render::field("", render::wrapped(text, COLUMN).trim_end(), COLUMN)
}

/// Which term governs and which ceilings are overridden, a line each.
fn reasons(retention: &Retention, rules: &[Rule]) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(governing) = governing(retention) {
        let term = &retention.terms[governing];
        let several = retention.terms.iter().filter(|other| other.bound == term.bound).count() > 1;
        let source = source(term, rules);
        lines.push(match term.bound {
            _ if !several => tr!("by {source}", source = source),
            Bound::Floor => tr!("by {source}, which is the longest", source = source),
            Bound::Ceiling => tr!("by {source}, which is the shortest", source = source),
        });
    }
    for index in retention.conflicts(|_| None) {
        let term = &retention.terms[index];
        lines.push(tr!("over {source}: at most {term}", source = source(term, rules), term = keep(&term.keep)));
    }
    lines
}

/// The term that decides how long the record is kept, before any event.
fn governing(retention: &Retention) -> Option<usize> {
    retention.governing(|_| None)
}

/// One record's terms in full, a line or two each.
pub fn terms(retention: &Retention, rules: &[Rule]) -> String {
    let (governing, conflicts) = (governing(retention), retention.conflicts(|_| None));
    let mut text = String::new();
    for (index, term) in retention.terms.iter().enumerate() {
        let kept = keep(&term.keep);
        let bounded = match (&term.keep, term.bound) {
            (Keep::Permanent, _) => kept,
            (_, Bound::Floor) => tr!("at least {term}", term = kept),
            (_, Bound::Ceiling) => tr!("at most {term}", term = kept),
        };
        let term_and_role = match index {
            _ if governing == Some(index) => tr!("{term} (governs)", term = bounded),
            _ if conflicts.contains(&index) => tr!("{term} (overridden: a floor is longer)", term = bounded),
            _ => bounded,
        };
        text.push_str(&render::field(&tr!("retention" => "term"), &term_and_role, COLUMN));
        text.push_str(&below(&tr!("by {source}", source = source(term, rules))));
    }
    text
}

fn keep(keep: &Keep) -> String {
    match keep {
        Keep::Until(last) => tr!("until {last}", last = last),
        Keep::Permanent => tr!("permanent"),
        Keep::After(After { event, period, counting, .. }) => {
            let (event, period) = (crate::retention::event::named(event), period.words());
            match counting {
                Counting::Day => tr!("{period} after {event}", period = period, event = event),
                Counting::CalendarYear => {
                    tr!("{period} after the end of the calendar year of {event}", period = period, event = event)
                }
                Counting::FiscalYear => {
                    tr!("{period} after the end of the fiscal year of {event}", period = period, event = event)
                }
            }
        }
    }
}

/// The rule with its citation, or whose word it is.
fn source(term: &Term, rules: &[Rule]) -> String {
    let Some(id) = &term.rule else { return tr!("the date or period that was given") };
    match rules.iter().find(|rule| rule.id == *id).and_then(|rule| rule.citation.as_deref()) {
        Some(citation) => tr!("{rule} ({citation})", rule = id, citation = escape(citation)),
        None => id.clone(),
    }
}

/// Each way of keeping for programs.
pub fn json(kept: &BTreeMap<Retention, u64>) -> Value {
    let each = |(retention, records): (&Retention, &u64)| {
        let mut object = summary(retention);
        object["retention"] = json!(retention);
        object["record_count"] = json!(records);
        object
    };
    kept.iter().map(each).collect()
}

/// What a retention comes to, for programs.
pub fn summary(retention: &Retention) -> Value {
    let rule = |index: usize| retention.terms[index].rule.as_deref();
    let mut object = json!({
        "governed_by": governing(retention).and_then(rule),
        "overridden": retention.conflicts(|_| None).into_iter().map(rule).collect::<Vec<_>>(),
    });
    stand(&mut object, &retention.planned());
    object
}

/// Adds how long something is kept: one of the fields says it.
pub fn stand(object: &mut Value, standing: &Standing) {
    object["until"] = json!(standing.last_day());
    object["awaiting_events"] = match standing {
        Standing::Awaiting(events) => json!(events),
        _ => Value::Null,
    };
    object["permanent"] = json!(*standing == Standing::Permanent);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_alike_stands_once() {
        let day = |text: &str| text.parse().unwrap();
        let one = Retention::until(day("2036-12-31"), AtExpiry::Destroy);
        let mut other = one.clone();
        // A second term that does not decide, and of which nothing is said.
        other.terms.push(Term { keep: Keep::Until(day("2030-12-31")), ..one.terms[0].clone() });
        let kept = BTreeMap::from([(one, 2), (other, 3)]);
        let text = text(&kept, &[]);
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains("until 2036-12-31, then destroy: 5 records"), "{text}");
    }
}
