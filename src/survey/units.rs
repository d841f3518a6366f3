//! Walks the folders from the top and decides what one record is: an entry, a year, a folder.
//!
//! Invariant: patterns are tried in order, so that narrow ones come before the one for the rest of their folder, and later years
//! before earlier ones: a name with two years is kept for the later.

use super::facts::Totals;
use super::form::{Form, Unit, forms};
use super::proposal::{Proposer, Subject, literal, part};
use super::tree::Node;
use super::year::{self, Dating};
use crate::retention::rule::Base;
use chrono::NaiveDate;
use std::collections::{BTreeMap, BTreeSet};
use tr::tr;

/// Folders without a known form that get a part of the policy each; beyond, one pattern takes each as a record.
const EACH: usize = 12;
/// Folders in a folder of years that are none, listed one by one.
const IRREGULAR: usize = 20;
/// Bytes of a record's name.
const MAX_NAME: usize = 255;

/// Everything below the root, and the rest.
pub fn root(proposer: &mut Proposer<'_>) {
    match form_of(proposer.tree.node(0)).map(|form| form.unit) {
        // The folder of the clients itself, or of the vouchers.
        Some(Unit::Entry | Unit::Year | Unit::Whole) => folder(proposer, 0),
        None | Some(Unit::Mixed) => mixed(proposer, 0),
    }
    if proposer.made.last().is_some_and(|last| last.path == "**") {
        return;
    }
    let nothing = Totals::default();
    let base = subject(proposer, proposer.tree.node(0), "**".into(), None, tr!("everything that nothing above takes"));
    proposer.add(Subject { record: tr!("the-rest"), totals: &nothing, ..base });
}

fn form_of(node: &Node) -> Option<&'static Form> {
    node.form.map(|(form, _)| &forms()[form])
}

fn folder(proposer: &mut Proposer<'_>, index: usize) {
    let node = proposer.tree.node(index);
    let by_files = || node.totals.leading_form().filter(|_| node.form.is_none());
    let form = node.form.map(|(form, _)| form).or_else(by_files);
    match form.map(|form| forms()[form].unit) {
        None | Some(Unit::Mixed) if has_forms(proposer, index) => mixed(proposer, index),
        None | Some(Unit::Mixed) if years_of(proposer, index).0.len() > 1 => years(proposer, index, form),
        None | Some(Unit::Mixed) => whole(proposer, index, form),
        Some(Unit::Entry) => entries(proposer, index, form),
        Some(Unit::Year) => years(proposer, index, form),
        Some(Unit::Whole) => match needs_date(proposer, form) {
            true => years(proposer, index, form),
            false => whole(proposer, index, form),
        },
    }
}

fn needs_date(proposer: &Proposer<'_>, form: Option<usize>) -> bool {
    let rule = form.and_then(|form| forms()[form].rule(proposer.setting.jurisdiction));
    rule.and_then(crate::retention::rules::find).is_some_and(|rule| rule.base == Some(Base::RecordDate))
}

/// Whether names below say what is in them.
fn has_forms(proposer: &Proposer<'_>, index: usize) -> bool {
    let node = proposer.tree.node(index);
    !node.files.labels.is_empty()
        || node.children.iter().any(|child| proposer.tree.node(*child).form.is_some() || has_forms(proposer, *child))
}

/// A folder of several kinds of record.
fn mixed(proposer: &mut Proposer<'_>, index: usize) {
    if years_then_kinds(proposer, index) {
        return;
    }
    let children = proposer.tree.children(index);
    let (known, unknown): (Vec<usize>, Vec<usize>) = children.into_iter().partition(|child| {
        let node = proposer.tree.node(*child);
        node.form.is_some() || node.totals.leading_form().is_some() || has_forms(proposer, *child)
    });
    known.into_iter().for_each(|child| folder(proposer, child));
    let many = unknown.len() > EACH;
    if !many {
        unknown.into_iter().for_each(|child| folder(proposer, child));
    }
    labels(proposer, index);
    let node = proposer.tree.node(index);
    if many {
        let because = match node.path.as_str() {
            "" => tr!("every other folder is a record"),
            path => tr!("{path}: every other folder in it is a record", path = path),
        };
        let base = subject(proposer, node, below(node, "{entry}/**"), None, because);
        let record = named(proposer, node, "{entry}");
        proposer.add(Subject { record, ..base });
    }
    let loose = node.files.count > node.files.labels.values().map(|label| label.count).sum();
    if index != 0 && (loose || many) {
        let because = rest_of(node);
        let rest = subject(proposer, node, below(node, "**"), form_id(node), because);
        proposer.add(rest);
    }
}

/// Folders of years with folders of kinds in them. Says whether it is so.
fn years_then_kinds(proposer: &mut Proposer<'_>, index: usize) -> bool {
    let (years, others) = years_of(proposer, index);
    let node = proposer.tree.node(index);
    let Some((_, (prefix, suffix))) = uniform(&years).filter(|_| others.is_empty() && node.files.count == 0) else {
        return false;
    };
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for (_, child, _) in &years {
        for grandchild in &proposer.tree.node(*child).children {
            let grandchild = proposer.tree.node(*grandchild);
            if let Some((form, _)) = grandchild.form.filter(|(form, _)| forms()[*form].unit != Unit::Mixed) {
                kinds.insert(grandchild.name.clone(), form);
            }
        }
    }
    if kinds.is_empty() {
        return false;
    }
    let oldest = years.iter().map(|(year, ..)| *year).min().unwrap_or_default();
    let shape = format!("{}{{year}}{}", literal(&prefix), literal(&suffix));
    for (name, form) in kinds {
        let because = tr!("“{name}” of every year: {title}", name = name, title = forms()[form].title());
        let path = below(node, &format!("{shape}/{}/**", literal(&name)));
        let base = subject(proposer, node, path, Some(form), because);
        let record = named(proposer, node, &format!("{{year}}{}{}", proposer.setting.separator, part(&name)));
        let base = Subject { record, ..base };
        proposer.add(Subject { dated: by_year(oldest), is_dated: true, ..base });
    }
    let because = rest_of(node);
    let base = subject(proposer, node, below(node, &format!("{shape}/**")), form_id(node), because);
    let record = named(proposer, node, "{year}");
    proposer.add(Subject { record, ..base });
    true
}

/// Files directly in a folder whose names say what they are.
fn labels(proposer: &mut Proposer<'_>, index: usize) {
    let node = proposer.tree.node(index);
    let mut labels: Vec<_> = node.files.labels.iter().collect();
    // As names are classified: the longest word first.
    labels.sort_by_key(|((word, _), _)| (std::cmp::Reverse(word.len()), word.clone()));
    for ((word, form), label) in labels {
        let because = tr!("files named “{word}”: {title}", word = word, title = forms()[*form].title());
        let path = below(node, &format!("*{}*", literal(word)));
        let base = subject(proposer, node, path, Some(*form), because);
        let record = named(proposer, node, &part(word));
        let latest = label.latest.filter(|_| label.undated == 0).and_then(year_end);
        let (dated, is_dated) = match latest {
            Some(end) => ((end.to_string(), end), true),
            None => (base.dated.clone(), false),
        };
        proposer.add(Subject { record, dated, is_dated, ..base });
    }
}

/// Every entry a record.
fn entries(proposer: &mut Proposer<'_>, index: usize, form: Option<usize>) {
    let node = proposer.tree.node(index);
    let because = because(node, form);
    let record = named(proposer, node, "{entry}");
    for (pattern, there) in [("{entry}/**", node.folders > 0), ("{entry}", node.files.count > 0)] {
        if there {
            let base = subject(proposer, node, below(node, pattern), form, because.clone());
            proposer.add(Subject { record: record.clone(), ..base });
        }
    }
}

/// Every year a record.
fn years(proposer: &mut Proposer<'_>, index: usize, form: Option<usize>) {
    let node = proposer.tree.node(index);
    let (years, others) = years_of(proposer, index);
    let because = because(node, form);
    let add = |proposer: &mut Proposer<'_>, path: String, own: &str, dated: (String, NaiveDate), totals: &Totals| {
        let base = subject(proposer, node, path, form, because.clone());
        let record = named(proposer, node, own);
        proposer.add(Subject { record, dated, is_dated: true, totals, ..base });
    };
    let tree = proposer.tree;
    let oldest = years.iter().map(|(year, ..)| *year).min();
    let one_pattern = uniform(&years).filter(|(several, _)| *several && others.len() <= IRREGULAR);
    let passed = oldest.is_some_and(|oldest| has_passed(proposer, form, oldest));
    match one_pattern {
        Some((_, (prefix, suffix))) if !passed => {
            for child in others {
                let child = tree.node(child);
                let undated = tr!("{path}: no year in its name", path = child.path);
                let base = subject(proposer, node, below(child, "**"), form, undated);
                let record = named(proposer, child, "");
                proposer.add(Subject { record, totals: &child.totals, ..base });
            }
            let path = format!("{}{{year}}{}/**", literal(&prefix), literal(&suffix));
            add(proposer, below(node, &path), "{year}", by_year(oldest.unwrap_or_default()), &node.totals);
        }
        _ => {
            for (year, child, _) in years.iter().rev() {
                let Some(end) = year_end(*year) else { continue };
                let child = tree.node(*child);
                add(proposer, below(child, "**"), &part(&child.name), (end.to_string(), end), &child.totals);
            }
        }
    }
    let left = node.folders > node.children.len() as u64 || tree.children(index).len() > years.len();
    let mut rest = left;
    if node.files.count > 0 {
        rest |= node.files.murky > 0 || node.files.undated() > 0;
        if node.files.murky == 0 {
            for year in node.files.years.keys().rev() {
                let Some(end) = year_end(*year) else { continue };
                let path = below(node, &format!("*{year}*"));
                add(proposer, path, &year.to_string(), (end.to_string(), end), &node.totals);
            }
        }
    }
    if rest || (years.is_empty() && node.files.years.is_empty()) {
        let base = subject(proposer, node, below(node, "**"), form, because);
        proposer.add(base);
    }
}

/// The folder is one record.
fn whole(proposer: &mut Proposer<'_>, index: usize, form: Option<usize>) {
    let node = proposer.tree.node(index);
    let because = because(node, form);
    let base = subject(proposer, node, below(node, "**"), form, because);
    proposer.add(base);
}

fn has_passed(proposer: &Proposer<'_>, form: Option<usize>, year: i32) -> bool {
    let rule = form.and_then(|form| forms()[form].rule(proposer.setting.jurisdiction));
    let rule = rule.and_then(crate::retention::rules::find).filter(|rule| rule.base == Some(Base::RecordDate));
    rule.zip(year_end(year)).is_some_and(|(rule, end)| proposer.passed(rule, end).is_some())
}

/// A year, the folder's index, and its name around the year where there is one year in it.
type YearFolder = (i32, usize, Option<(String, String)>);

/// Folders named after years, rising, and the others.
fn years_of(proposer: &Proposer<'_>, index: usize) -> (Vec<YearFolder>, Vec<usize>) {
    let (mut years, mut others) = (Vec::new(), Vec::new());
    for child in proposer.tree.children(index) {
        let name = &proposer.tree.node(child).name;
        match year::of_name(name) {
            Dating::Year(year, place) => {
                let around = place.map(|place| (name[..place.start].to_owned(), name[place.end..].to_owned()));
                years.push((year, child, around));
            }
            _ => others.push(child),
        }
    }
    years.sort_by_key(|(year, child, _)| (*year, *child));
    (years, others)
}

/// What stands around the year in all of the names, and whether there is more than one.
fn uniform(years: &[YearFolder]) -> Option<(bool, (String, String))> {
    let around: BTreeSet<_> = years.iter().map(|(_, _, around)| around.clone()).collect();
    let distinct: BTreeSet<i32> = years.iter().map(|(year, ..)| *year).collect();
    match around.into_iter().collect::<Vec<_>>().as_slice() {
        // With braces around, a pattern would capture more than the year.
        [Some(around)] if distinct.len() == years.len() => Some((years.len() > 1, around.clone())),
        _ => None,
    }
}

fn year_end(year: i32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(year, 12, 31)
}

fn by_year(oldest: i32) -> (String, NaiveDate) {
    ("{year}-12-31".into(), year_end(oldest).unwrap_or_default())
}

fn form_id(node: &Node) -> Option<usize> {
    node.form.map(|(form, _)| form)
}

/// By what a folder's form was seen.
fn because(node: &Node, form: Option<usize>) -> String {
    let path = shown(node);
    match (form_of(node), form.map(|form| forms()[form].title())) {
        (Some(_), Some(title)) => tr!("{path}: its name says {title}", path = path, title = title),
        (None, Some(title)) => tr!("{path}: most of its files are named like {title}", path = path, title = title),
        _ => tr!("{path}: its name says nothing about what is in it", path = path),
    }
}

fn rest_of(node: &Node) -> String {
    tr!("{path}: what is left in it", path = node.path)
}

/// The folder's path, or the root's name.
fn shown(node: &Node) -> &str {
    if node.path.is_empty() { &node.name } else { &node.path }
}

/// A pattern for what is below a folder.
fn below(node: &Node, pattern: &str) -> String {
    if node.path.is_empty() { pattern.into() } else { format!("{}/{pattern}", literal(&node.path)) }
}

/// A record's name from the folder's and its own; without the folder's where it would be too long.
fn named(proposer: &Proposer<'_>, node: &Node, own: &str) -> String {
    let path = if own.is_empty() { shown(node) } else { &node.path };
    let folder = part(&path.replace('/', proposer.setting.separator));
    let longest = folder.len() + proposer.setting.separator.len() + own.len().max(node.longest);
    match (folder.is_empty(), own.is_empty()) {
        (true, _) => own.into(),
        (_, true) => folder.chars().take(MAX_NAME / 4).collect(),
        _ if longest > MAX_NAME => own.into(),
        _ => format!("{folder}{}{own}", proposer.setting.separator),
    }
}

/// What is alike in all proposals for a folder: its rest is dated on the day of the survey.
fn subject<'a>(
    proposer: &Proposer<'_>,
    node: &'a Node,
    path: String,
    form: Option<usize>,
    because: String,
) -> Subject<'a> {
    let latest = proposer.setting.latest;
    Subject {
        path,
        record: named(proposer, node, ""),
        form,
        because,
        totals: &node.totals,
        dated: (latest.to_string(), latest),
        is_dated: false,
        checks: Vec::new(),
    }
}
