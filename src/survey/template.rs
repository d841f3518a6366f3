//! A policy before anything was surveyed: one part for each form that a rule of the jurisdiction is about, and one for the rest.
//!
//! Invariant: as for a survey's proposals; `create` takes it as it is.

use super::facts::Totals;
use super::form::{Form, Unit, forms};
use super::proposal::{Proposal, Proposer, Setting, Subject};
use super::tree::Tree;
use crate::language::{Language, language};
use crate::retention::Class;
use chrono::{Datelike, NaiveDate};
use std::collections::BTreeMap;
use tr::tr;

/// The compartments that a template has.
pub const PLACES: [(&str, Class); 4] = [
    ("accounts", Class::Sensitive),
    ("staff", Class::Confidential),
    ("clients", Class::Confidential),
    ("company", Class::Sensitive),
];

/// Forms that a template has beside those with a rule.
const ALWAYS: [&str; 2] = ["client", "contract"];

/// The parts of the template, with the classes of compartments that were asked for.
pub fn template(setting: Setting<'_>, classes: &BTreeMap<String, Class>) -> Vec<Proposal> {
    let tree = Tree::default();
    let mut proposer = Proposer { tree: &tree, setting, own: &[], made: Vec::new() };
    for (index, form) in forms().iter().enumerate() {
        if form.rule(setting.jurisdiction).is_some() || ALWAYS.contains(&form.id.as_str()) {
            add(&mut proposer, index, form);
        }
    }
    super::units::root(&mut proposer);
    let mut made = proposer.made;
    for proposal in &mut made {
        if let Some(class) = classes.get(&proposal.compartment) {
            proposal.class = *class;
        }
    }
    made
}

fn add(proposer: &mut Proposer<'_>, index: usize, form: &Form) {
    let latest = proposer.setting.latest;
    let name = folder(form);
    let (pattern, own, by_year) = match form.unit {
        Unit::Year => ("{year}/**", "{year}", true),
        Unit::Entry => ("{entry}/**", "{entry}", false),
        Unit::Whole | Unit::Mixed => ("**", "", false),
    };
    let record = if own.is_empty() { name.into() } else { format!("{name}{}{own}", proposer.setting.separator) };
    let year_end = NaiveDate::from_ymd_opt(latest.year(), 12, 31).unwrap_or(latest);
    let dated = if by_year { ("{year}-12-31".into(), year_end) } else { (latest.to_string(), latest) };
    proposer.add(Subject {
        path: format!("{name}/{pattern}"),
        record,
        form: Some(index),
        because: tr!(
            "{title}: name the folder {name}, or write your folder's name here",
            title = form.title(),
            name = name
        ),
        totals: &Totals::default(),
        dated,
        is_dated: by_year,
        checks: Vec::new(),
    });
}

/// The first of its words in the language of the moment.
fn folder(form: &Form) -> &str {
    let fits = |word: &&String| word.is_ascii() == (language() == Language::English);
    form.words.iter().find(fits).map_or(form.id.as_str(), String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::in_language;
    use crate::retention::policy::Policy;
    use crate::retention::term::FiscalYearEnd;
    use crate::survey::draft::{Heading, text};

    #[test]
    fn every_template_is_a_policy() {
        let today = NaiveDate::from_ymd_opt(2026, 11, 22).unwrap();
        for jurisdiction in ["cn", "de", "eu", "uk", "us"] {
            for lang in [Language::English, Language::Chinese] {
                let fiscal_year_end = FiscalYearEnd::default();
                let setting = Setting { jurisdiction, fiscal_year_end, today, latest: today, separator: "-" };
                let text =
                    in_language(lang, || text(&template(setting, &BTreeMap::new()), &setting, &Heading::default()));
                assert_eq!(text.contains("不是法律意见"), lang == Language::Chinese);
                let policy = Policy::parse(&text).unwrap_or_else(|e| panic!("{jurisdiction}: {e}\n{text}"));
                assert!(policy.assign("anything/at all", today).unwrap().is_some());
            }
        }
    }
}
