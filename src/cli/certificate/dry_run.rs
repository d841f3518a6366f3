//! What `purge --dry-run` shows of a plan: groups, totals, and what stays and why.

use crate::cli::render::{count, shorten, table};
use crate::journal::plan::Plan;
use crate::retention::Class;
use crate::storage::escape;
use chrono::NaiveDate;
use std::collections::BTreeMap;

/// Records that a plan leaves alone, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Why, in a few words: `held`, `not due before 2031-01-01`.
    pub why: String,
    /// How many records.
    pub records: u64,
}

/// Archive, compartment, class and rules.
type Group<'a> = ([u8; 16], &'a str, Class, &'a [String]);

/// What one last day comes to within a group: records, those that need a review, those that are early.
type Day = (u64, u64, u64);

/// Text of 80 columns: by archive, compartment with class, rules and last day; then totals.
pub fn dry_run(plan: &Plan, left: &[Left]) -> String {
    let mut groups: BTreeMap<Group, BTreeMap<Option<NaiveDate>, Day>> = BTreeMap::new();
    for record in &plan.records {
        let group = groups
            .entry((record.archive, record.compartment.as_str(), record.class, record.rules.as_slice()))
            .or_default();
        let day = group.entry(record.until).or_default();
        *day = (day.0 + 1, day.1 + u64::from(record.review), day.2 + u64::from(record.early));
    }
    let mut out = String::new();
    for ((archive, compartment, class, rules), days) in &groups {
        let rules = if rules.is_empty() { "a date that was set".to_owned() } else { rules.join(", ") };
        let place = format!("archive {}, {compartment} ({})", hex::encode(archive), class.as_str());
        out.push_str(&format!("{}\n  {}\n", shorten(&escape(&place), 80), shorten(&escape(&rules), 78)));
        let mut rows = vec![["until", "records", "to review", "early"].map(str::to_owned).to_vec()];
        for (until, (records, review, early)) in days {
            let until = until.map_or("an event".to_owned(), |until| until.to_string());
            rows.push(vec![until, records.to_string(), review.to_string(), early.to_string()]);
        }
        out.push_str(&table(&rows, &[1, 2, 3]));
    }
    let total = |wanted: &dyn Fn(&crate::journal::plan::PlannedRecord) -> bool| {
        plan.records.iter().filter(|record| wanted(record)).count() as u64
    };
    out.push_str(&format!("\n{} would be destroyed", count(plan.records.len() as u64, "record")));
    let parts = [(total(&|r| r.review), "after review"), (total(&|r| r.early), "early")];
    for (n, what) in parts.into_iter().filter(|(n, _)| *n > 0) {
        out.push_str(&format!(", {n} of them {what}"));
    }
    out.push('\n');
    if plan.approvals_needed > 0 {
        let people = if plan.approvals_needed == 1 { "person" } else { "people" };
        out.push_str(&format!("{} {people} must sign the plan\n", plan.approvals_needed));
    }
    for Left { why, records } in left {
        out.push_str(&format!("{} left alone: {}\n", count(*records, "record"), escape(why)));
    }
    out
}
