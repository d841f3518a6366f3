//! How long records are kept, in words: dates, awaited events, and which rule decides against which.

use super::render;
use crate::retention::rule::Rule;
use crate::retention::term::{Bound, Counting, Keep, Standing, Term};
use crate::retention::{AtExpiry, Retention};
use crate::storage::escape;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tr::tr;

/// Ways of keeping that are told one by one.
const LISTED: usize = 20;

/// `until 2055-12-31, then review`; nothing happens after `permanent`.
pub fn short(retention: &Retention) -> String {
    match (retention.planned(), retention.at_expiry) {
        (Standing::Permanent, _) => tr!("permanently"),
        (Standing::Until { last, .. }, AtExpiry::Destroy) => tr!("until {day}, then destroy", day = last),
        (Standing::Until { last, .. }, AtExpiry::Review) => tr!("until {day}, then review", day = last),
        (awaiting, AtExpiry::Destroy) => tr!("{awaiting}, then destroy", awaiting = awaiting),
        (awaiting, AtExpiry::Review) => tr!("{awaiting}, then review", awaiting = awaiting),
    }
}

/// Where values begin.
const COLUMN: usize = 15;

/// A line without a name, broken to the width of a terminal.
fn continued(text: &str) -> String {
    render::field("", render::wrapped(text, COLUMN).trim_end_matches('\n'), COLUMN)
}

/// Lines on every way of keeping, with what governs it and which ceilings it overrides.
pub fn text(kept: &BTreeMap<Retention, u64>, rules: &[Rule]) -> String {
    let mut text = String::new();
    for (retention, records) in kept.iter().take(LISTED) {
        let kept = tr!("{kept}: {n} record" | "{kept}: {n} records" % *records, kept = short(retention));
        text.push_str(&render::field(&tr!("retention" => "kept"), &kept, COLUMN));
        if !retention.rules().is_empty() {
            for line in reasons(retention, rules) {
                text.push_str(&continued(&line));
            }
        }
    }
    if kept.len() > LISTED {
        text.push_str(&render::field("", &tr!("and {more} more ways", more = kept.len() - LISTED), COLUMN));
    }
    text
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
        lines.push(tr!("over {source}: at most {kept}", source = source(term, rules), kept = keep(&term.keep)));
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
        let bound = match (&term.keep, term.bound) {
            (Keep::Permanent, _) => kept,
            (_, Bound::Floor) => tr!("at least {kept}", kept = kept),
            (_, Bound::Ceiling) => tr!("at most {kept}", kept = kept),
        };
        let words = match index {
            _ if governing == Some(index) => tr!("{term} (governs)", term = bound),
            _ if conflicts.contains(&index) => tr!("{term} (overridden: a floor is longer)", term = bound),
            _ => bound,
        };
        text.push_str(&render::field(&tr!("term"), &words, COLUMN));
        text.push_str(&continued(&tr!("by {source}", source = source(term, rules))));
    }
    text
}

fn keep(keep: &Keep) -> String {
    match keep {
        Keep::Until(last) => tr!("until {day}", day = last),
        Keep::Permanent => tr!("permanent"),
        Keep::After(after) => {
            let (period, event) = (after.period, after.event.to_string());
            match after.counting {
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
        object["records"] = json!(records);
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
    match retention.planned() {
        Standing::Until { last, .. } => object["until"] = json!(last),
        Standing::Awaiting(events) => object["awaiting"] = json!(events),
        Standing::Permanent => object["permanent"] = json!(true),
    }
    object
}
