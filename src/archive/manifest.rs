//! `archive.json`: what an archive says about itself to anyone.
//!
//! Its verifier keys are claims until somebody pins them. Spec: `spec/archive.md`, "archive.json".

use super::ArchiveError;
use super::layout::MANIFEST;
use crate::crypto::sign::VerifierKey;
use crate::language::{said, text};
use crate::retention::Class;
use crate::retention::rule::Rule;
use crate::retention::term::Term;
use serde::{Deserialize, Serialize};
use tr::tr;

/// The format that this version writes and reads.
pub const FORMAT: &str = "keepuntil/v1";

/// The content of `archive.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// Archive id, 32 hex digits.
    pub archive: String,
    /// When the archive was begun: RFC 3339 with the offset of the firm's zone.
    pub created: String,
    /// Key name of the seal and first part of the origin.
    pub firm: String,
    /// The compartments, in the order of their access files.
    pub compartments: Vec<Compartment>,
    /// Every rule that a leaf names, as it is used; sorted by id.
    pub rules: Vec<Rule>,
    /// How many custodians hold expiry halves, and how many are needed.
    pub custodians: Custodians,
    /// Ed25519 and ML-DSA-44 vkeys of the seal.
    pub verifier_keys: [String; 2],
}

/// One compartment: a class, and who may read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compartment {
    /// Lower-case letters, digits and hyphens.
    pub name: String,
    /// Its class.
    pub class: Class,
    /// Stanza types of its access file, in their order.
    pub recipients: Vec<String>,
}

/// Custodians of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Custodians {
    /// Keyrings that were given halves.
    pub count: u32,
    /// Keyrings needed to open a record.
    pub threshold: u32,
}

impl Manifest {
    /// The bytes of `archive.json`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("a manifest is always JSON");
        bytes.push(b'\n');
        bytes
    }

    /// Parses `archive.json`, of this format only.
    ///
    /// # Errors
    /// [`ArchiveError::NewerFormat`] for another format; [`ArchiveError::Damaged`] for anything not canonical.
    pub fn parse(bytes: &[u8]) -> Result<Self, ArchiveError> {
        let manifest: Self = match serde_json::from_slice(bytes) {
            Ok(manifest) => manifest,
            Err(error) => {
                return Err(match claimed_format(bytes) {
                    Some(format) if format != FORMAT => ArchiveError::NewerFormat(format),
                    _ => ArchiveError::damaged(MANIFEST, error.to_string()),
                });
            }
        };
        if manifest.format != FORMAT {
            return Err(ArchiveError::NewerFormat(manifest.format));
        }
        manifest.check().map_err(|what| ArchiveError::damaged(MANIFEST, what))?;
        if manifest.to_bytes() != bytes {
            return Err(ArchiveError::damaged(MANIFEST, tr!("not in canonical form")));
        }
        Ok(manifest)
    }

    fn check(&self) -> Result<(), String> {
        if self.archive_id().is_none() {
            return Err(tr!("the archive id is not 32 hex digits"));
        }
        if chrono::DateTime::parse_from_rfc3339(&self.created).is_err() {
            return Err(tr!("the date of creation is not RFC 3339"));
        }
        if self.custodians.threshold == 0 || self.custodians.threshold > self.custodians.count {
            return Err(tr!("the threshold of custodians is impossible"));
        }
        let mut names = std::collections::HashSet::new();
        for compartment in &self.compartments {
            let name = &compartment.name;
            if !is_compartment_name(name) || !names.insert(name) {
                return Err(tr!(
                    "compartment {name}: its name is not allowed or stands twice",
                    name = format!("{name:?}")
                ));
            }
            check_stanzas(&compartment.recipients)
                .map_err(|what| tr!("compartment {name}: {what}", name = name, what = what))?;
        }
        for rule in &self.rules {
            let id = &rule.id;
            rule.check().map_err(|what| tr!("rule {rule}: {what}", rule = format!("{id:?}"), what = said(what)))?;
            if rule.applied.is_empty() {
                return Err(tr!("rule {rule}: it does not say how it is applied", rule = id));
            }
        }
        if !self.rules.is_sorted_by(|a, b| a.id < b.id) {
            return Err(tr!("its rules are not in rising order, or one stands twice"));
        }
        if names.is_empty() { Err(tr!("it has no compartment")) } else { Ok(()) }
    }

    /// Whether a leaf may have this term.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check_term(&self, term: &Term) -> Result<(), &'static str> {
        let Some(id) = &term.rule else { return Ok(()) };
        match self.rule(id) {
            None => Err(text!("it names a rule that is not in archive.json")),
            Some(rule) if !rule.gives(term) => Err(text!("a term of it is not what archive.json says of its rule")),
            Some(_) => Ok(()),
        }
    }

    /// The archive id, where it is well formed.
    pub fn archive_id(&self) -> Option<crate::crypto::kdf::ArchiveId> {
        crate::crypto::kdf::parse_archive_id(&self.archive)
    }

    /// The compartment of that name.
    pub fn compartment(&self, name: &str) -> Option<&Compartment> {
        self.compartments.iter().find(|compartment| compartment.name == name)
    }

    /// The rule of that id.
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.binary_search_by(|rule| rule.id.as_str().cmp(id)).ok().map(|index| &self.rules[index])
    }

    /// The log's origin.
    pub fn origin(&self) -> String {
        format!("{}/archive/{}", self.firm, self.archive)
    }
}

/// The verifier keys that an `archive.json` of any version names.
///
/// # Errors
/// [`ArchiveError::Damaged`] when there are not exactly two, Ed25519 first.
pub fn claimed_keys(bytes: &[u8]) -> Result<[VerifierKey; 2], ArchiveError> {
    #[derive(Deserialize)]
    struct Claims {
        verifier_keys: [String; 2],
    }
    let claims: Claims =
        serde_json::from_slice(bytes).map_err(|e| ArchiveError::damaged(MANIFEST, crate::language::of_library(e)))?;
    verifier_keys(MANIFEST, &claims.verifier_keys)
}

/// The keys of a seal from their two texts in the member `place`.
///
/// # Errors
/// [`ArchiveError::Damaged`] when they are not one Ed25519 and one ML-DSA-44 key of one name, in their one spelling.
pub fn verifier_keys(place: &str, texts: &[String; 2]) -> Result<[VerifierKey; 2], ArchiveError> {
    let damaged = |what: String| ArchiveError::damaged(place, what);
    let parse = |text: &str| text.parse::<VerifierKey>().map_err(|e| damaged(e.to_string()));
    let keys = [parse(&texts[0])?, parse(&texts[1])?];
    use crate::crypto::sign::Scheme;
    if keys[0].scheme != Scheme::Ed25519 || keys[1].scheme != Scheme::MlDsa44 || keys[0].name != keys[1].name {
        return Err(damaged(tr!("its verifier keys are not one Ed25519 and one ML-DSA-44 key of one name")));
    }
    Ok(keys)
}

fn claimed_format(bytes: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Claims {
        format: String,
    }
    serde_json::from_slice::<Claims>(bytes).ok().map(|claims| claims.format)
}

/// Whether `name` can name a compartment: 1 to 64 of `a-z0-9-`, not beginning with a hyphen.
pub fn is_compartment_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=64).contains(&name.len()) && name.bytes().all(allowed) && !name.starts_with('-')
}

/// Whether these stanza types may stand together in an access file.
///
/// # Errors
/// What is wrong with them, in words.
pub fn check_stanzas(types: &[String]) -> Result<(), String> {
    let classical = |t: &str| t == "X25519" || t == "p256tag" || t == "piv-p256";
    let forbidden = |t: &str| t == "scrypt" || t.starts_with("ssh-") || t.ends_with("-grease");
    if types.is_empty() {
        return Err(tr!("it has no recipient"));
    }
    if types.iter().any(|t| forbidden(t)) {
        return Err(tr!("a recipient type is not allowed in access files"));
    }
    let post_quantum = |t: &str| t == crate::crypto::hybrid::STANZA || t == "mlkem768p256tag";
    if types.iter().any(|t| post_quantum(t)) && types.iter().any(|t| classical(t)) {
        return Err(tr!("post-quantum and classical recipients are mixed"));
    }
    Ok(())
}
