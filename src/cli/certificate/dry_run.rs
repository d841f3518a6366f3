//! What `purge --dry-run` shows of a plan: groups, totals, and what stays and why.

use crate::cli::render::class as class_word;
use crate::cli::render::{shorten, table};
use crate::journal::plan::Plan;
use crate::language::said;
use crate::retention::Class;
use crate::storage::escape;
use chrono::NaiveDate;
use std::collections::BTreeMap;
use tr::tr;

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
        let rules = if rules.is_empty() { tr!("a date that was set") } else { rules.join(", ") };
        let place = tr!(
            "archive {archive}, {compartment} ({class})",
            archive = hex::encode(archive),
            compartment = compartment,
            class = class_word(*class)
        );
        out.push_str(&format!("{}\n  {}\n", shorten(&escape(&place), 80), shorten(&escape(&rules), 78)));
        let mut rows = vec![vec![
            tr!("plan" => "until"),
            tr!("plan" => "records"),
            tr!("plan" => "to review"),
            tr!("plan" => "early"),
        ]];
        for (until, (records, review, early)) in days {
            let until = until.map_or_else(|| tr!("plan" => "an event"), |until| until.to_string());
            rows.push(vec![until, records.to_string(), review.to_string(), early.to_string()]);
        }
        out.push_str(&table(&rows, &[1, 2, 3]));
    }
    let total = |wanted: &dyn Fn(&crate::journal::plan::PlannedRecord) -> bool| {
        plan.records.iter().filter(|record| wanted(record)).count() as u64
    };
    let all = tr!("{n} record would be destroyed" | "{n} records would be destroyed" % plan.records.len());
    let (review, early) = (total(&|r| r.review), total(&|r| r.early));
    let summary = match (review, early) {
        (0, 0) => all,
        (review, 0) => tr!("{all} (to review: {review})", all = all, review = review),
        (0, early) => tr!("{all} (early: {early})", all = all, early = early),
        (review, early) => {
            tr!("{all} (to review: {review}, early: {early})", all = all, review = review, early = early)
        }
    };
    out.push_str(&format!("\n{summary}\n"));
    if plan.approvals_needed > 0 {
        let people = tr!("{n} person must sign the plan" | "{n} people must sign the plan" % plan.approvals_needed);
        out.push_str(&format!("{people}\n"));
    }
    for Left { why, records } in left {
        let why = escape(&said(why));
        let left = tr!("{n} record left alone: {why}" | "{n} records left alone: {why}" % *records, why = why);
        out.push_str(&format!("{left}\n"));
    }
    out
}
