//! What is known of one file after it was read, and sums of it.

use super::finding::Findings;
use super::kind::Kind;
use std::collections::BTreeMap;

/// One file.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// What it is.
    pub kind: Kind,
    /// Bytes.
    pub size: u64,
    /// How much of its content was seen.
    pub read: Read,
    /// What was found in it.
    pub findings: Findings,
}

/// How much of a file's content was searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Read {
    /// All.
    Whole,
    /// Its beginning.
    Part,
    /// Nothing: pictures, packed folders and other kinds that hold no text that can be read.
    NotText,
    /// Nothing: documents are read whole, and it is larger than is read.
    TooLarge,
    /// Nothing: it should have text, and could not be understood.
    Damaged,
    /// Nothing: it is encrypted.
    Encrypted,
    /// Nothing: it could not be opened.
    Failed,
}

/// Sums over files.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Links.
    pub links: u64,
    /// Files and bytes of each kind.
    pub kinds: BTreeMap<Kind, (u64, u64)>,
    /// What was found.
    pub findings: Findings,
    /// Files with personal data.
    pub personal: u64,
    /// Files by how they were read.
    pub read: BTreeMap<Read, u64>,
    /// Files by the form that their name fits.
    pub forms: BTreeMap<usize, u64>,
    /// Files whose content is also elsewhere in the tree.
    pub copies: u64,
}

impl Totals {
    /// Adds one file, and the form that its name fits.
    pub fn add(&mut self, facts: &Facts, form: Option<usize>) {
        self.files += 1;
        self.bytes += facts.size;
        let kind = self.kinds.entry(facts.kind).or_default();
        *kind = (kind.0 + 1, kind.1 + facts.size);
        self.findings.add(&facts.findings);
        self.personal += u64::from(facts.findings.is_personal());
        *self.read.entry(facts.read).or_default() += 1;
        if let Some(form) = form {
            *self.forms.entry(form).or_default() += 1;
        }
    }

    /// Files that were read so.
    pub fn read(&self, read: Read) -> u64 {
        self.read.get(&read).copied().unwrap_or(0)
    }

    /// The form that most file names fit, where nearly all that say anything agree and they are not few.
    pub fn leading_form(&self) -> Option<usize> {
        let (form, count) = self.forms.iter().max_by_key(|(_, count)| **count)?;
        (*count >= 3 && *count * 5 >= self.files * 3).then_some(*form)
    }
}
