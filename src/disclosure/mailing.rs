//! A mailing: what was written to the people whose data records hold, without their names.
//!
//! Invariant: nobody can be found in it who is not known beforehand: addresses and letters stand in it as salted hashes.
//! Spec: `spec/notices.md`, "Mailing".

use super::proposal::check_firm;
use super::request::check_records;
use crate::crypto::hash::{Hash, sha256};
use crate::crypto::kdf::ArchiveId;
use crate::language::Language;
use crate::retention::notice::{Told, are_told_once};
use crate::retention::ranges::Ranges;
use crate::retention::scope::hex_option;
use crate::storage::document::{self, DocumentError, MAX_DOCUMENT, is_plain_time};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tr::tr;

/// The format that this version writes and reads.
pub const FORMAT: &str = "keepuntil-mailing/v1";
/// Name of the file beside the letters.
pub const FILE: &str = "mailing.json";
/// Letters of one mailing, at most.
pub const MAX_LETTERS: usize = 100_000;
/// Records that all letters together name, at most, each counted as often as it stands there.
pub const MAX_NAMED: u64 = 1_000_000;

/// What a notice is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeKind {
    /// The firm closes: who keeps the data from now on.
    Closing,
    /// Records are about to be destroyed.
    Destruction,
    /// An answer to a question, an objection or a complaint.
    Answer,
}

impl NoticeKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Closing, Self::Destruction, Self::Answer];

    /// The code that stands in files.
    pub fn code(self) -> &'static str {
        match self {
            Self::Closing => "closing",
            Self::Destruction => "destruction",
            Self::Answer => "answer",
        }
    }

    /// The template that comes with the program.
    pub fn template(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::Closing, Language::English) => include_str!("notice_templates/closing.en.txt"),
            (Self::Closing, Language::Chinese) => include_str!("notice_templates/closing.zh.txt"),
            (Self::Destruction, Language::English) => include_str!("notice_templates/destruction.en.txt"),
            (Self::Destruction, Language::Chinese) => include_str!("notice_templates/destruction.zh.txt"),
            (Self::Answer, Language::English) => include_str!("notice_templates/answer.en.txt"),
            (Self::Answer, Language::Chinese) => include_str!("notice_templates/answer.zh.txt"),
        }
    }
}

/// The content of a mailing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mailing {
    /// [`FORMAT`].
    pub format: String,
    /// Which: 16 random bytes.
    #[serde(with = "hex::serde")]
    pub mailing: [u8; 16],
    /// The keyring beside which it was made.
    #[serde(with = "hex::serde")]
    pub keyring: [u8; 16],
    /// Key name of its journal.
    pub firm: String,
    /// When it was made.
    pub made: DateTime<Utc>,
    /// What it is for.
    pub kind: NoticeKind,
    /// SHA-256 of the template.
    #[serde(with = "hex::serde")]
    pub template: Hash,
    /// The archive, where the letters are about records.
    #[serde(with = "hex_option", default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<ArchiveId>,
    /// All records that the letters are about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<Ranges>,
    /// Of letters about destruction, the last days that they tell, rising; records in none of them had no last day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<Told>,
    /// 16 random bytes, which go into the hashes of the letters.
    #[serde(with = "hex::serde")]
    pub salt: [u8; 16],
    /// The letters, numbered from 1.
    pub letters: Vec<Letter>,
}

/// One letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Letter {
    /// Its number, which is that of its file.
    pub letter: u64,
    /// The records that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<Ranges>,
    /// [`address_hash`] of the line that it went to; none for an announcement to everybody.
    #[serde(with = "hex_option", default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Hash>,
    /// [`text_hash`] of its file.
    #[serde(with = "hex::serde")]
    pub text: Hash,
}

/// The hash of the address of one letter.
pub fn address_hash(salt: &[u8; 16], letter: u64, address: &str) -> Hash {
    sha256(&[b"keepuntil-mailing-address/v1\n", salt, &letter.to_be_bytes(), address.as_bytes()])
}

/// The hash of the file of one letter.
pub fn text_hash(salt: &[u8; 16], letter: u64, file: &[u8]) -> Hash {
    sha256(&[b"keepuntil-mailing-text/v1\n", salt, &letter.to_be_bytes(), file])
}

impl Mailing {
    /// The bytes of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        document::to_bytes(self)
    }

    /// Reads a mailing; proves nothing about who made it.
    ///
    /// # Errors
    /// [`DocumentError`] says what is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        let mailing: Self = document::parse_within(bytes, FORMAT, MAX_DOCUMENT)?;
        mailing.check().map_err(DocumentError::Malformed)?;
        Ok(mailing)
    }

    /// By what the journal knows it: the hash of its file.
    pub fn identity_of(bytes: &[u8]) -> Hash {
        sha256(&[bytes])
    }

    /// The numbers of the letters that went to this address.
    pub fn letters_to<'a>(&'a self, address: &'a str) -> impl Iterator<Item = u64> + 'a {
        let is_it = |letter: &&Letter| letter.address == Some(address_hash(&self.salt, letter.letter, address));
        self.letters.iter().filter(is_it).map(|letter| letter.letter)
    }

    /// What is wrong with it.
    ///
    /// # Errors
    /// In words.
    pub fn check(&self) -> Result<(), String> {
        let wrong = |what: String| Err(what);
        check_firm(&self.firm)?;
        if !is_plain_time(self.made) {
            return wrong(tr!("made: it is not in whole seconds"));
        }
        if self.letters.is_empty() || self.letters.len() > MAX_LETTERS {
            return wrong(tr!("letters: there are none, or more than 100,000"));
        }
        if !self.letters.iter().zip(1..).all(|(letter, number)| letter.letter == number) {
            return wrong(tr!("letters: they are not numbered from 1"));
        }
        if self.archive.is_some() != self.records.is_some() {
            return wrong(tr!("an archive without records, or records without an archive"));
        }
        if self.letters.iter().any(|letter| letter.records.is_some() != self.records.is_some()) {
            return wrong(tr!("letters: some are about records, others are not"));
        }
        if self.kind == NoticeKind::Destruction && self.records.is_none() {
            return wrong(tr!("a notice of destruction names the records"));
        }
        self.records.as_ref().map_or(Ok(()), check_records)?;
        self.letters.iter().filter_map(|letter| letter.records.as_ref()).try_for_each(check_records)?;
        if named(&self.letters) > MAX_NAMED {
            return wrong(tr!("letters: together they name more than 1,000,000 records"));
        }
        if union(&self.letters) != self.records {
            return wrong(tr!("records: they are not those of the letters"));
        }
        self.told.iter().try_for_each(|told| check_records(&told.records))?;
        let may_tell = |records: &Ranges| self.kind == NoticeKind::Destruction && are_told_once(&self.told, records);
        match self.told.is_empty() || self.records.as_ref().is_some_and(may_tell) {
            true => Ok(()),
            false => wrong(tr!("told: a day is not after the one before, or of a record that it cannot be told of")),
        }
    }
}

/// How many records the letters name, each counted as often as it stands there.
fn named(letters: &[Letter]) -> u64 {
    letters.iter().filter_map(|letter| letter.records.as_ref()).map(Ranges::count).sum()
}

/// The records of all letters; none where no letter is about records.
pub fn union(letters: &[Letter]) -> Option<Ranges> {
    letters
        .iter()
        .any(|letter| letter.records.is_some())
        .then(|| letters.iter().filter_map(|letter| letter.records.as_ref()).flat_map(Ranges::iter).collect())
}
