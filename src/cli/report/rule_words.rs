//! What the rules of records are called in lists: their titles, and their ids where people look a rule up.
//!
//! Invariant: a rule has the title that its archive gives it, else that of the built-in rule; where neither is known it is its id.
//! Spec: `spec/reports.md`, F-46.

use super::record_words::NOTHING;
use crate::crypto::kdf::ArchiveId;
use crate::language::language;
use crate::ops::report::named::NamedArchives;
use crate::retention::rule::Rule;
use crate::retention::rules::find;
use std::collections::BTreeMap;
use tr::tr;

/// Rules of the archives whose files were named.
#[derive(Default)]
pub struct RuleWords(BTreeMap<ArchiveId, Vec<Rule>>);

impl RuleWords {
    /// Those of these archives.
    pub fn of(named: &NamedArchives, archives: impl IntoIterator<Item = ArchiveId>) -> Self {
        Self(archives.into_iter().map(|archive| (archive, named.rules(&archive))).collect())
    }

    /// Titles of the rules of a record.
    pub fn titles(&self, archive: &ArchiveId, ids: &[String]) -> String {
        let own = self.0.get(archive).map_or(&[][..], Vec::as_slice);
        joined(ids.iter().map(|id| title(own, id).unwrap_or(id).to_owned()))
    }

    /// Titles of rules of whatever archive, each with its id in brackets.
    pub fn with_ids(&self, ids: &[String]) -> String {
        joined(ids.iter().map(|id| match self.0.values().find_map(|own| title(own, id)).or_else(|| title(&[], id)) {
            Some(title) => titled(title, id),
            None => id.clone(),
        }))
    }
}

/// Titles of built-in rules, each with its id in brackets; a firm's own rules by their ids.
pub fn built_in_with_ids<'i>(ids: impl IntoIterator<Item = &'i str>) -> String {
    joined(ids.into_iter().map(|id| title(&[], id).map_or_else(|| id.to_owned(), |title| titled(title, id))))
}

/// Ids, for spreadsheets and for whoever looks a rule up.
pub fn ids(rules: &[String]) -> String {
    if rules.is_empty() { NOTHING.to_owned() } else { rules.join(" ") }
}

fn title<'r>(own: &'r [Rule], id: &str) -> Option<&'r str> {
    let rule = own.iter().find(|rule| rule.id == id).or_else(|| find(id))?;
    Some(rule.title_in(language()))
}

fn titled(title: &str, id: &str) -> String {
    tr!("rule" => "{title} ({id})", title = title, id = id)
}

fn joined(each: impl Iterator<Item = String>) -> String {
    let each: Vec<String> = each.collect();
    if each.is_empty() { NOTHING.to_owned() } else { each.join(&tr!("; ")) }
}
