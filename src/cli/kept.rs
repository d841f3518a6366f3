//! How long records are kept, in words: dates, awaited events, and which rule decides against which.

use super::render;
use crate::retention::Retention;
use crate::retention::rule::Rule;
use crate::retention::term::{Bound, Counting, Keep, Standing, Term};
use crate::storage::escape;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Ways of keeping that are told one by one.
const LISTED: usize = 20;

/// `until 2055-12-31, then review`; nothing happens after `permanent`.
pub fn short(retention: &Retention) -> String {
    match retention.planned() {
        Standing::Permanent => "permanently".into(),
        Standing::Until { last, .. } => format!("until {last}, then {}", retention.at_expiry.as_str()),
        awaiting => format!("{awaiting}, then {}", retention.at_expiry.as_str()),
    }
}

/// Lines on every way of keeping, with what governs it and which ceilings it overrides.
pub fn text(kept: &BTreeMap<Retention, u64>, rules: &[Rule]) -> String {
    let mut text = String::new();
    for (retention, records) in kept.iter().take(LISTED) {
        text.push_str(&format!("  kept         {}: {}\n", short(retention), render::count(*records, "record")));
        if !retention.rules().is_empty() {
            for line in reasons(retention, rules) {
                text.push_str(&format!("{:15}{}", "", render::wrapped(&line, 15)));
            }
        }
    }
    if kept.len() > LISTED {
        text.push_str(&format!("               and {} more ways\n", kept.len() - LISTED));
    }
    text
}

/// Which term governs and which ceilings are overridden, a line each.
fn reasons(retention: &Retention, rules: &[Rule]) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(governing) = governing(retention) {
        let term = &retention.terms[governing];
        let several = retention.terms.iter().filter(|other| other.bound == term.bound).count() > 1;
        let among = match term.bound {
            _ if !several => "",
            Bound::Floor => ", which is the longest",
            Bound::Ceiling => ", which is the shortest",
        };
        lines.push(format!("by {}{among}", source(term, rules)));
    }
    for index in retention.conflicts(|_| None) {
        let term = &retention.terms[index];
        lines.push(format!("over {}: at most {}", source(term, rules), keep(&term.keep)));
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
        let bound = match (&term.keep, term.bound) {
            (Keep::Permanent, _) => "",
            (_, Bound::Floor) => "at least ",
            (_, Bound::Ceiling) => "at most ",
        };
        let role = match index {
            _ if governing == Some(index) => " (governs)",
            _ if conflicts.contains(&index) => " (overridden: a floor is longer)",
            _ => "",
        };
        text.push_str(&format!("  term         {bound}{}{role}\n", keep(&term.keep)));
        let source = render::wrapped(&format!("by {}", source(term, rules)), 15);
        text.push_str(&format!("{:15}{source}", ""));
    }
    text
}

fn keep(keep: &Keep) -> String {
    match keep {
        Keep::Until(last) => format!("until {last}"),
        Keep::Permanent => "permanent".into(),
        Keep::After(after) => {
            let from = match after.counting {
                Counting::Day => "",
                Counting::CalendarYear => "the end of the calendar year of ",
                Counting::FiscalYear => "the end of the fiscal year of ",
            };
            format!("{} after {from}{}", after.period, after.event)
        }
    }
}

/// The rule with its citation, or whose word it is.
fn source(term: &Term, rules: &[Rule]) -> String {
    let Some(id) = &term.rule else { return "the date or period that was given".into() };
    match rules.iter().find(|rule| rule.id == *id).and_then(|rule| rule.citation.as_deref()) {
        Some(citation) => format!("{id} ({})", escape(citation)),
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
