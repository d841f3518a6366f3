//! What a policy could say about one part of a tree: pattern, record, compartment, rule, and why.
//!
//! Invariant: no rule is proposed that leaves something open; where none is sure the period is the longest that any rule of the
//! jurisdiction asks for, counted from the sealing, and then a person looks.

use super::facts::{Read, Totals};
use super::finding::{Finding, Findings};
use super::form::{Form, forms};
use super::tree::Tree;
use super::{units, words};
use crate::retention::demand::{Demand, find_rules};
use crate::retention::period::Period;
use crate::retention::rule::{Base, Length, Rule, RuleError};
use crate::retention::rules::built_in;
use crate::retention::term::{Bound, FiscalYearEnd};
use crate::retention::{Class, RetentionError};
use chrono::{Datelike, NaiveDate};
use tr::tr;

/// What is known beside the tree.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// Whose rules: `cn`, `de`, `eu`, `uk`, `us`.
    pub jurisdiction: &'a str,
    /// Last day of the firm's fiscal years.
    pub fiscal_year_end: FiscalYearEnd,
    /// The day of the survey.
    pub today: NaiveDate,
    /// No record is younger: the day of the survey, or of the closing where that is later.
    pub latest: NaiveDate,
    /// What stands between the folders' names in a record's.
    pub separator: &'a str,
}

/// One `[[records]]` of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The pattern.
    pub path: String,
    /// The record's name.
    pub record: String,
    /// The compartment.
    pub compartment: String,
    /// Its class.
    pub class: Class,
    /// How long.
    pub keep: Keep,
    /// Why, a line each.
    pub reasons: Vec<String>,
    /// What a person must look at, a line each.
    pub checks: Vec<String>,
    /// Lines that a person may want instead.
    pub instead: Vec<String>,
    /// What it takes, where a folder was surveyed.
    pub taken: Option<Taken>,
}

/// What one part of a policy takes of the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Files, links among them.
    pub files: u64,
    /// What was found in them.
    pub findings: Findings,
}

/// How long a proposal keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keep {
    /// As a rule says.
    Rule {
        /// Its id.
        rule: String,
        /// The record's date, where the rule counts from it.
        dated: Option<String>,
        /// Another last day, where the rule's has passed.
        until: Option<NaiveDate>,
    },
    /// As long as the longest rule, from the sealing, and then review.
    Longest(Period),
}

/// Where proposals go: in the order of the policy.
pub struct Proposer<'a> {
    /// The tree.
    pub tree: &'a Tree,
    /// What is known beside.
    pub setting: Setting<'a>,
    /// What each part takes, in the order of the policy; empty before it was tried.
    pub own: &'a [Totals],
    pub(super) made: Vec<Proposal>,
}

/// What is said of files that are alike.
pub(super) struct Subject<'a> {
    pub path: String,
    pub record: String,
    /// Index of the form.
    pub form: Option<usize>,
    /// What the form was seen by, as a sentence.
    pub because: String,
    /// Of the whole folder: what two parts of it add to one record must be of one class.
    pub totals: &'a Totals,
    /// The record's date: a template, and the earliest that comes of it.
    pub dated: (String, NaiveDate),
    /// Whether the date comes from a name.
    pub is_dated: bool,
    pub checks: Vec<String>,
}

/// The proposals for a tree; the last takes what no other does. `own` is what each of them takes, where that was tried: it changes
/// what is said of them, and not what they take.
pub fn propose(tree: &Tree, setting: Setting<'_>, own: &[Totals]) -> Vec<Proposal> {
    let mut proposer = Proposer { tree, setting, own, made: Vec::new() };
    units::root(&mut proposer);
    proposer.made
}

/// The longest period that a rule of the jurisdiction asks for; ten years at least.
pub fn longest(jurisdiction: &str) -> Period {
    let of_it = |rule: &&Rule| rule.jurisdiction.as_deref() == Some(jurisdiction) && rule.bound == Bound::Floor;
    let period = |rule: &Rule| match rule.period {
        Some(Length::Period(period)) => Some(period),
        _ => None,
    };
    let least: Period = "P10Y".parse().expect("a fixed period");
    let periods = built_in().iter().filter(of_it).filter_map(period);
    periods.fold(least, |longest, period| if period.is_at_least(longest) { period } else { longest })
}

impl Proposer<'_> {
    /// Adds what is proposed for a subject.
    pub(super) fn add(&mut self, subject: Subject<'_>) {
        let form = subject.form.map(|form| &forms()[form]);
        let class = class(form, subject.totals);
        let mut reasons = vec![subject.because];
        let mut checks = subject.checks;
        let mut instead = Vec::new();
        let rule = form.and_then(|form| form.rule(self.setting.jurisdiction));
        let keep = match rule.and_then(crate::retention::rules::find) {
            Some(rule) => self.by_rule(rule, &subject.dated, subject.is_dated, &mut reasons, &mut checks),
            None => {
                let period = longest(self.setting.jurisdiction);
                reasons.push(tr!(
                    "no rule is certain: {period} from the sealing, the longest of any rule, and then a person decides",
                    period = period
                ));
                if form.is_none_or(|form| form.asks(self.setting.jurisdiction).is_none()) {
                    checks.push(tr!("what is it, and how long must it be kept?"));
                }
                Keep::Longest(period)
            }
        };
        if let Some(form) = form {
            checks.extend(form.asks(self.setting.jurisdiction).map(str::to_owned));
            instead = self.instead(form, matches!(keep, Keep::Longest(_)));
        }
        let own = self.own.get(self.made.len());
        if matches!(keep, Keep::Longest(_)) && own.is_some_and(|own| own.findings.is_personal()) {
            checks.extend(words::shortest(self.setting.jurisdiction));
        }
        if let Some(own) = own {
            self.warn(own, &mut checks);
        }
        let taken = own.map(|own| Taken { files: own.files, findings: own.findings });
        let place = form.map_or("other", |form| form.place.as_str());
        let compartment =
            if class == usual_class(place) { place.into() } else { format!("{place}-{}", class.as_str()) };
        let (path, record) = (subject.path, subject.record);
        self.made.push(Proposal { path, record, compartment, class, keep, reasons, checks, instead, taken });
    }

    fn by_rule(
        &self,
        rule: &Rule,
        dated: &(String, NaiveDate),
        is_dated: bool,
        reasons: &mut Vec<String>,
        checks: &mut Vec<String>,
    ) -> Keep {
        reasons.push(words::rule(rule));
        let counts = rule.base == Some(Base::RecordDate);
        if let Some(Base::Event(event)) = &rule.base {
            checks.push(tr!(
                "nothing is destroyed before the event {event} is recorded: keepuntil event --help",
                event = crate::retention::event::named(event)
            ));
        }
        if counts && !is_dated {
            checks.push(tr!(
                "no year is known: counted from {latest}; is any record younger?",
                latest = self.setting.latest
            ));
        }
        let mut until = None;
        if counts && let Some(passed) = self.passed(rule, dated.1) {
            let last = self.setting.today.with_year(self.setting.today.year() + 1).unwrap_or(self.setting.today);
            until = Some(last);
            checks.push(tr!(
                "its period ended on {passed}; kept until {until} so that somebody decides. Why seal it at all?",
                passed = passed,
                until = last
            ));
        }
        Keep::Rule { rule: rule.id.clone(), dated: counts.then(|| dated.0.clone()), until }
    }

    /// The last day of a period that has run already.
    pub(super) fn passed(&self, rule: &Rule, dated: NaiveDate) -> Option<NaiveDate> {
        let rules = find_rules(std::slice::from_ref(&rule.id), &[]).ok()?;
        let demand = Demand { rules, fiscal_year_end: self.setting.fiscal_year_end, ..Demand::default() };
        match demand.retention(Some(dated), self.setting.today) {
            Err(RuleError::Retention(RetentionError::Past(last))) => Some(last),
            _ => None,
        }
    }

    /// Lines that a person may take instead of the longest period, with what must be filled in.
    fn instead(&self, form: &Form, replaces: bool) -> Vec<String> {
        let mut lines = Vec::new();
        for id in form.open_rules(self.setting.jurisdiction) {
            let Some(rule) = crate::retention::rules::find(id) else { continue };
            lines.push(words::open_rule(rule));
            lines.push(format!("rule = {:?}", rule.id));
            if rule.period.is_none() {
                lines.push("retain = \"P…Y\"".into());
            }
            match rule.base {
                None => lines.push("start = \"…\"".into()),
                Some(Base::RecordDate) => lines.push("dated = \"…\"".into()),
                _ => {}
            }
        }
        if let (Some(event), true) = (&form.event, replaces) {
            lines.push(tr!("or as the contracts say:"));
            lines.push("retain = \"P…Y\"".into());
            lines.push(format!("start = \"event:{event}\""));
        }
        lines
    }

    fn warn(&self, totals: &Totals, checks: &mut Vec<String>) {
        for (read, count) in &totals.read {
            if matches!(read, Read::Encrypted | Read::Failed | Read::Damaged) {
                checks.push(words::not_read(*read, *count));
            }
        }
    }
}

/// The class that a compartment of this name has.
fn usual_class(place: &str) -> Class {
    match place {
        "accounts" | "company" => Class::Sensitive,
        _ => Class::Confidential,
    }
}

/// The form's class, or a higher one for what was found; where nothing is known, the highest.
fn class(form: Option<&Form>, totals: &Totals) -> Class {
    let secret = totals.findings.is_secret() || totals.findings.count(Finding::Mobile) > 20;
    match form {
        Some(form) if !secret => form.class,
        _ => Class::Confidential,
    }
}

/// A folder's or file's name as a pattern that matches it, and few others where it has characters of patterns.
pub(super) fn literal(name: &str) -> String {
    name.replace(['*', '?', '{'], "?")
}

/// A folder's name as a part of a record's.
pub(super) fn part(name: &str) -> String {
    name.replace('{', "(").replace('}', ")")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_period_is_that_of_the_jurisdiction() {
        assert_eq!(longest("cn").to_string(), "P30Y");
        assert_eq!(longest("uk").to_string(), "P10Y");
    }
}
