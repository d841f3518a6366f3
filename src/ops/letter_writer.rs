//! The letters of `notice merge`, one by one: from a row of the table, or for everybody, to a file and its hash.
//!
//! Invariant: every place of the template is filled from the keyring or from the row, or there is an error that tells where;
//! an error never holds a value. Spec: `spec/notices.md`, "Contacts" and "Letters".

use super::OpsError;
use super::contacts::{Columns, ContactsError, Row};
use super::letter_facts::{Facts, Said};
use super::letters::MergeOptions;
use crate::crypto::hash::{Hash, sha256};
use crate::disclosure::mailing::{Letter, MAX_LETTERS, MAX_NAMED, NoticeKind, address_hash, text_hash};
use crate::disclosure::template::{Place, Template};
use crate::keyring::KeyringError;
use crate::language::in_language;
use crate::retention::ranges::Ranges;
use crate::storage::extract::PartialTree;
use crate::storage::source::Attributes;
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use tr::tr;

/// What is filled in whoever a letter is for.
pub const ALWAYS: [&str; 3] = ["firm", "today", "letter"];
/// What is filled in from the keyring where an archive is named.
pub const OF_RECORDS: [&str; 6] = ["archive", "records", "count", "kept-until", "rules", "retention"];

/// Columns that an error names.
const LISTED: usize = 12;

/// Where a table has what the letters need.
pub(super) struct Table {
    address: usize,
    records: Option<usize>,
    /// Columns of the places of the template, by name.
    columns: HashMap<String, usize>,
}

impl Table {
    pub(super) fn of(
        columns: &Columns,
        template: &Template,
        has_facts: bool,
        options: &MergeOptions<'_>,
    ) -> Result<Self, OpsError> {
        let header = |what: String| OpsError::from(ContactsError::Header(what));
        let taken = |name: &&String| is_fact(name, has_facts);
        if let Some(name) = columns.names().iter().find(taken) {
            return Err(header(tr!(
                "the column \"{name}\" has the name of what is filled in from the keyring",
                name = name
            )));
        }
        let mut looked_for = template.places().map(|place| place.name.as_str());
        let is_header = looked_for.any(|name| columns.find(name).is_some())
            || columns.find(options.address_column).is_some()
            || (has_facts && columns.find(options.records_column).is_some());
        let needed = |name: &str| {
            // The first line may be somebody's data, where the table has no names of columns: it is shown only where one of
            // them is what was looked for.
            let missing = || {
                header(match is_header {
                    true => {
                        tr!(
                            "there is no column \"{name}\"; the columns are: {columns}",
                            name = name,
                            columns = listed(columns)
                        )
                    }
                    false => {
                        tr!("there is no column \"{name}\"; it is the first line that names the columns", name = name)
                    }
                })
            };
            columns.find(name).ok_or_else(missing)
        };
        let address = needed(options.address_column)?;
        let records = match has_facts {
            true => Some(needed(options.records_column).map_err(|e| match e {
                OpsError::Contacts { path, source: ContactsError::Header(what) } => {
                    OpsError::Contacts { path, source: ContactsError::NoRecords(what) }
                }
                other => other,
            })?),
            false => None,
        };
        let mut found = HashMap::new();
        for place in template.places().filter(|place| !is_fact(&place.name, has_facts)) {
            let index = columns.find(&place.name).ok_or_else(|| unknown(place, has_facts, Some(columns)))?;
            found.insert(place.name.clone(), index);
        }
        Ok(Self { address, records, columns: found })
    }
}

fn is_fact(name: &str, has_facts: bool) -> bool {
    ALWAYS.contains(&name) || (has_facts && OF_RECORDS.contains(&name))
}

/// The names of the columns, as far as they fit into an error.
fn listed(columns: &Columns) -> String {
    let first = columns.names().iter().take(LISTED).map(String::as_str).collect::<Vec<_>>();
    let more = if columns.names().len() > LISTED { " …" } else { "" };
    first.join(&tr!("in a list" => ", ")) + more
}

fn unknown(place: &Place, has_facts: bool, columns: Option<&Columns>) -> OpsError {
    let name = &place.name;
    let what = match columns {
        _ if OF_RECORDS.contains(&name.as_str()) && !has_facts => {
            tr!("{{{name}}} is known only where the archive is named", name = name)
        }
        Some(columns) => tr!(
            "{{{name}}} is neither known from the keyring nor a column of the table: add a column {name} to the table, or write in the template one that it has: {columns}",
            name = name,
            columns = listed(columns)
        ),
        None => tr!(
            "{{{name}}} is neither a column of the table nor known from the keyring: take it out of the template, or add a column of that name",
            name = name
        ),
    };
    OpsError::Template { path: PathBuf::new(), source: place.error(what) }
}

/// Writes letters into a tree.
pub(super) struct Writer<'w, 't> {
    pub(super) template: &'w Template,
    pub(super) template_path: &'w Path,
    pub(super) facts: Option<&'w Facts>,
    pub(super) by_name: Option<&'w HashMap<String, u64>>,
    pub(super) tree: &'w mut PartialTree<'t>,
    pub(super) attributes: Attributes,
    pub(super) firm: &'w str,
    pub(super) today: String,
    pub(super) salt: [u8; 16],
    pub(super) letters: Vec<Letter>,
    pub(super) named: u64,
    /// Hashes of address and records, with their lines.
    pub(super) seen: HashMap<Hash, u64>,
    pub(super) left_out: Vec<u64>,
    pub(super) secret: u64,
}

impl Writer<'_, '_> {
    pub(super) fn row(&mut self, table: &Table, row: &Row<'_>) -> Result<(), OpsError> {
        let address = row.value(table.address)?;
        let records = match (self.facts, table.records) {
            (Some(facts), Some(index)) => Some(self.records(facts, row, index)?),
            _ => None,
        };
        let shown = records.as_ref().map_or_else(String::new, Ranges::to_string);
        if let Some(before) = self.seen.insert(sha256(&[address.as_bytes(), b"\0", shown.as_bytes()]), row.line) {
            let what = tr!("the same address and records stand on line {line}", line = before);
            return Err(ContactsError::Row { line: row.line, what }.into());
        }
        let mut values = HashMap::new();
        for (name, index) in &table.columns {
            values.insert(name.as_str(), row.value(*index)?);
        }
        let is_written = self.letter(records, Some(&address), |name| values.get(name).map(String::as_str))?;
        if !is_written {
            self.left_out.push(row.line);
        }
        Ok(())
    }

    pub(super) fn announce(&mut self, records: &Ranges) -> Result<(), OpsError> {
        let facts = self.facts.ok_or(OpsError::KeyringMissing)?;
        if !facts.has(records) {
            return Err(KeyringError::UnknownRecord(records.last().unwrap_or(0)).into());
        }
        if let Some(place) = self.template.places().find(|place| !is_fact(&place.name, true)) {
            let source = place.error(tr!(
                "{{{name}}} is not known of everybody: in the template of an announcement write words in its place, such as those whom it may concern",
                name = place.name
            ));
            return Err(OpsError::Template { path: self.template_path.into(), source });
        }
        match self.letter(Some(records.clone()), None, |_| None)? {
            true => Ok(()),
            false => Err(OpsError::AllDestroyed(records.count())),
        }
    }

    fn records(&mut self, facts: &Facts, row: &Row<'_>, index: usize) -> Result<Ranges, OpsError> {
        let value = row.value(index)?;
        let wrong = |what: String| OpsError::from(row.wrong(index, what));
        let records: Ranges = match self.by_name {
            None => {
                let parsed = Ranges::typed(&value).ok().filter(|records| !records.is_empty());
                parsed.ok_or_else(|| wrong(tr!("it names no records; they are named as 17 or as 1-4,9")))?
            }
            Some(names) => {
                let number = |name: &str| {
                    let none = || wrong(tr!("no record that can be opened has this name"));
                    names.get(name.trim()).copied().ok_or_else(none)
                };
                // Several names stand on lines of their own: a name may hold any other character.
                value.lines().map(number).collect::<Result<_, _>>()?
            }
        };
        self.named = self.named.saturating_add(records.count());
        if self.named > MAX_NAMED {
            return Err(wrong(tr!("the letters would name more than 1,000,000 records")));
        }
        match facts.has(&records) {
            true => Ok(records),
            false => Err(wrong(tr!("the archive has no such record"))),
        }
    }

    /// Writes one letter; `false` where there is nothing to say, since all records are destroyed.
    fn letter<'v>(
        &mut self,
        records: Option<Ranges>,
        address: Option<&str>,
        column: impl Fn(&str) -> Option<&'v str>,
    ) -> Result<bool, OpsError> {
        let number = self.letters.len() as u64 + 1;
        let name = format!("{number:04}");
        let template = self.template;
        let said: Option<Said> = in_language(template.language, || Some(self.facts?.say(records.as_ref()?)));
        if let Some(said) = &said {
            // An answer may be about what was destroyed; whoever is told of keeping or destroying has something kept.
            if said.live == 0 && template.kind != NoticeKind::Answer {
                return Ok(false);
            }
            self.secret += u64::from(said.secret);
        }
        if self.letters.len() == MAX_LETTERS {
            return Err(ContactsError::Header(tr!("there are more than 100,000 letters")).into());
        }
        let shown = records.as_ref().map_or_else(String::new, Ranges::to_string);
        let text = template.fill(|place| {
            let said = |of: fn(&Said) -> &str| said.as_ref().map(|said| Cow::Borrowed(of(said)));
            let value = match place.name.as_str() {
                "firm" => Some(Cow::Borrowed(self.firm)),
                "today" => Some(Cow::Borrowed(self.today.as_str())),
                "letter" => Some(Cow::Borrowed(name.as_str())),
                "archive" => self.facts.map(|facts| hex::encode(facts.archive).into()),
                "records" => records.as_ref().map(|_| Cow::Borrowed(shown.as_str())),
                "count" => records.as_ref().map(|records| records.count().to_string().into()),
                "kept-until" => said(|said| &said.kept_until),
                "rules" => said(|said| &said.rules),
                "retention" => said(|said| &said.retention),
                _ => None,
            };
            let value = value.or_else(|| column(&place.name).map(Cow::Borrowed));
            value.ok_or_else(|| unknown(place, self.facts.is_some(), None))
        })?;
        self.tree.file(&format!("{name}.txt"), self.attributes, &mut text.as_bytes())?;
        self.letters.push(Letter {
            letter: number,
            records,
            address: address.map(|address| address_hash(&self.salt, number, address)),
            text: text_hash(&self.salt, number, text.as_bytes()),
        });
        Ok(true)
    }
}
