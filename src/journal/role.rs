//! Roles: who took part in a destruction, as the operator names them.
//!
//! Invariant: no signature binds them, and each text is one that a certificate may hold. Spec: `spec/certificate.md`,
//! "File of roles".

use crate::storage::document::is_text;
use crate::storage::escape;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tr::tr;

/// Bytes of a file of roles, at most.
pub const MAX_ROLES: u64 = 64 << 10;

/// Who took part, by role.
pub type Roles = BTreeMap<Role, Person>;

/// A file of roles that cannot be used.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum RolesError {
    /// Not TOML.
    #[error("{}", tr!("line {line}: {what}", line = line, what = what))]
    Toml {
        /// Where it ends to be.
        line: usize,
        /// What is wrong there.
        what: String,
    },
    /// A role that is none, or a person that cannot be shown.
    #[error("{}", tr!("{role}: {what}", role = role, what = what))]
    Role {
        /// As the file names it.
        role: String,
        /// What is wrong with it.
        what: String,
    },
    /// Nobody is named.
    #[error("{}", tr!("it names nobody"))]
    Nobody,
}

/// What somebody did in a destruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Who holds the keyring and carried it out.
    Custodian,
    /// Who verified the outcome.
    Verifier,
    /// Who watched, for the archives.
    Witness,
    /// Who watched, for accounting.
    AccountingWitness,
    /// Who watched, for information systems.
    SystemsWitness,
    /// Head of the firm, or its liquidator.
    HeadOfFirm,
    /// Head of archives.
    HeadOfArchives,
    /// Head of accounting.
    HeadOfAccounting,
    /// Who handled it for archives.
    ArchivesClerk,
    /// Who handled it for accounting.
    AccountingClerk,
}

impl Role {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 10] = [
        Self::Custodian,
        Self::Verifier,
        Self::Witness,
        Self::AccountingWitness,
        Self::SystemsWitness,
        Self::HeadOfFirm,
        Self::HeadOfArchives,
        Self::HeadOfAccounting,
        Self::ArchivesClerk,
        Self::AccountingClerk,
    ];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Custodian => "custodian",
            Self::Verifier => "verifier",
            Self::Witness => "witness",
            Self::AccountingWitness => "accounting-witness",
            Self::SystemsWitness => "systems-witness",
            Self::HeadOfFirm => "head-of-firm",
            Self::HeadOfArchives => "head-of-archives",
            Self::HeadOfAccounting => "head-of-accounting",
            Self::ArchivesClerk => "archives-clerk",
            Self::AccountingClerk => "accounting-clerk",
        }
    }
}

/// Somebody, as the operator names them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// Name.
    pub name: String,
    /// Office or title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Where they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// How to reach them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
}

impl Person {
    /// The first of its texts that no certificate may hold.
    fn unfit(&self) -> Option<&'static str> {
        let others = [("title", &self.title), ("place", &self.place), ("contact", &self.contact)];
        let others = others.into_iter().filter_map(|(field, text)| Some((field, text.as_deref()?)));
        let mut texts = std::iter::once(("name", self.name.as_str())).chain(others);
        texts.find(|(_, text)| !is_text(text)).map(|(field, _)| field)
    }
}

/// Parses a file of roles: TOML, a table for each role.
///
/// # Errors
/// [`RolesError`] names the line, or the role with its field.
pub fn parse_roles(text: &str) -> Result<Roles, RolesError> {
    let file: toml::Table = toml::from_str(text).map_err(|e| {
        let at = e.span().map_or(0, |span| span.start);
        let line = text.bytes().take(at).filter(|&b| b == b'\n').count() + 1;
        RolesError::Toml { line, what: escape(&crate::language::of_library(e.message())) }
    })?;
    let mut roles = Roles::new();
    for (name, value) in file {
        let wrong = |what: String| RolesError::Role { role: escape(&name), what };
        let Some(role) = Role::ALL.into_iter().find(|role| role.as_str() == name) else {
            let known = Role::ALL.map(Role::as_str).join(", ");
            return Err(wrong(tr!("there is no such role; there are {known}", known = known)));
        };
        let person: Person =
            value.try_into().map_err(|e: toml::de::Error| wrong(escape(&crate::language::of_library(e.message()))))?;
        if let Some(field) = person.unfit() {
            return Err(wrong(tr!(
                "{field} must have 1 to 200 characters, none of them a control character",
                field = field
            )));
        }
        roles.insert(role, person);
    }
    if roles.is_empty() { Err(RolesError::Nobody) } else { Ok(roles) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_roles_names_people_and_nothing_else() {
        let roles =
            parse_roles("[witness]\nname = \"顾清禾\"\ntitle = \"监销人\"\n[custodian]\nname = \"Ada\"\n").unwrap();
        assert_eq!(roles.keys().copied().collect::<Vec<_>>(), [Role::Custodian, Role::Witness]);
        assert_eq!(roles[&Role::Witness].title.as_deref(), Some("监销人"));
        for (text, named) in [
            ("", "names nobody"),
            ("[witness]\nname = \"a\"\n[witness]\nname = \"b\"\n", "line 3: "),
            ("[custodian]\nname = \"a\"\nname = 1", "line 3: "),
            ("[liquidator]\nname = \"a\"", "liquidator: there is no such role; there are custodian, verifier"),
            ("\"wit\\u001bness\" = 1", "there is no such role"),
            ("[witness]\ntitle = \"a\"", "witness: missing field `name`"),
            ("[witness]\nname = \"a\"\nage = 7", "witness: unknown field `age`"),
            ("[witness]\nname = 7", "witness: "),
            ("witness = \"a\"", "witness: "),
            ("[witness]\nname = \"\"", "witness: name must have 1 to 200"),
            ("[witness]\nname = \"a\"\nplace = \"b\\nc\"", "witness: place must have 1 to 200"),
            (&format!("[witness]\nname = \"a\"\ncontact = \"{}\"", "x".repeat(201)), "witness: contact must"),
        ] {
            let error = parse_roles(text).unwrap_err().to_string();
            assert!(error.contains(named) && !error.contains(char::is_control), "{error}");
        }
    }

    #[test]
    fn the_words_for_roles_are_those_in_certificates() {
        for role in Role::ALL {
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
    }
}
