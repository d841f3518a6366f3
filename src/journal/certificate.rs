//! Certificates of destruction: what one purge destroyed, tied by one journal leaf to a signed checkpoint.
//!
//! Invariant: what [`Certificate::verify`] passes is what the journal says of this purge, record by record; everything
//! that the leaf does not bind stays the word of whoever wrote the file. Spec: `spec/certificate.md`, "Certificate".

use super::entry::{Entry, Leaf};
use super::items::Item;
pub use super::role::{Person, Role};
use crate::crypto::hash::{Hash, Hasher};
use crate::crypto::kdf::ArchiveId;
use crate::crypto::sign::{VerifierKey, is_key_name};
use crate::language::{said, text};
use crate::retention::period::Period;
use crate::retention::scope::hex_option;
use crate::retention::term::{MAX_TERMS, is_code};
use crate::retention::{Class, is_plain_date};
use crate::storage::document::{self, DocumentError, is_plain_time, is_text};
use crate::tlog::TlogError;
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::proof::{Evidence, Proof};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use tr::tr;

/// The format that this version writes and reads.
pub const FORMAT: &str = "keepuntil-certificate/v1";

/// First line of what the inventory's hash covers.
const INVENTORY: &[u8] = b"keepuntil-inventory/v1\n";

/// The content of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// [`FORMAT`].
    pub format: String,
    /// Id of the keyring that destroyed.
    #[serde(with = "hex::serde")]
    pub keyring: [u8; 16],
    /// Key name of its journal.
    pub firm: String,
    /// Id of the purge.
    #[serde(with = "hex::serde")]
    pub purge: [u8; 16],
    /// The generation that the purge began; the root of the one before was destroyed.
    pub generation: u64,
    /// When: the time of the journal's entry.
    pub executed: DateTime<Utc>,
    /// The date of that time in the firm's zone.
    pub date: NaiveDate,
    /// What did it.
    pub tool: Tool,
    /// How.
    pub method: Method,
    /// Who took part, as the operator says.
    pub roles: BTreeMap<Role, Person>,
    /// The plan that was carried out.
    pub plan: PlanReference,
    /// How long it could be cancelled.
    pub cool_off: CoolOff,
    /// How the date was known.
    pub clock: KnownDate,
    /// Why records were destroyed early; only where some were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Emergency key sheets that cover any of the records: they are not destroyed.
    pub exports: Vec<KeySheet>,
    /// Grants that cover any of the records, in the order of granting: what was handed over is not destroyed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disclosures: Vec<GrantedRecords>,
    /// What was destroyed, rising by archive and record.
    pub records: Vec<DestroyedRecord>,
    /// [`inventory`] of the records.
    #[serde(with = "hex::serde")]
    pub inventory: Hash,
    /// The journal's entry of the destruction.
    pub journal: Evidence,
}

/// A program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// How keys were destroyed; the words for it come from whoever shows the certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// The expiry halves went with the root of the keyring's generation, which was overwritten.
    CryptographicEraseByRoot,
}

/// The plan that was carried out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanReference {
    /// SHA-256 of the plan file; none where the purge was unattended.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "hex_option")]
    pub sha256: Option<Hash>,
    /// Who signed it.
    pub signed_by: Vec<Approval>,
}

/// Somebody's signature under a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// The principal in the roster.
    pub name: String,
    /// Fingerprint of the key, `SHA256:…`.
    pub key: String,
}

/// The days between scheduling and destruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoolOff {
    /// The day on which it was scheduled.
    pub from: NaiveDate,
    /// The first day on which it could be carried out.
    pub to: NaiveDate,
}

/// How the date of a destruction was known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum KnownDate {
    /// Somebody else's clock had passed the records' dates.
    Outside {
        /// What kind of clock.
        by: OutsideClock,
        /// Whose, where it has a name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// What it said.
        time: DateTime<Utc>,
    },
    /// The keyring's own high-water mark had passed them by the margin.
    MarkLessMargin {
        /// The mark.
        mark: DateTime<Utc>,
        /// Days that were taken off it.
        margin_days: u32,
    },
}

pub use crate::retention::clock::Confirmer as OutsideClock;

/// Why records were destroyed early. Never a client's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// A code: lower-case letters, digits and hyphens.
    Code(String),
    /// Salted hash of a text that is kept elsewhere.
    Commitment(#[serde(with = "hex::serde")] Hash),
}

/// An emergency key sheet that covers destroyed records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySheet {
    /// When it was written.
    pub time: DateTime<Utc>,
    /// Its archive.
    #[serde(with = "hex::serde")]
    pub archive: ArchiveId,
    /// How many of the destroyed records are on it.
    pub records: u64,
}

/// A grant of destroyed records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantedRecords {
    /// Id of the grant.
    #[serde(with = "hex::serde")]
    pub grant: [u8; 16],
    /// How many of the destroyed records it names.
    pub records: u64,
}

/// One row of the record table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DestroyedRecord {
    /// Its archive.
    #[serde(with = "hex::serde")]
    pub archive: ArchiveId,
    /// Its number.
    pub record: u64,
    /// Its compartment.
    pub compartment: String,
    /// The compartment's class.
    pub class: Class,
    /// Ids of its rules.
    pub rules: Vec<String>,
    /// The date on which its archive was made.
    pub kept_from: NaiveDate,
    /// The period of the term that decided, where the keyring knew it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term: Option<CountedTerm>,
    /// The last day of its retention; absent where a ceiling awaited an event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<NaiveDate>,
    /// The date of its destruction.
    pub destroyed: NaiveDate,
    /// Whether that was before the retention had run.
    pub early: bool,
}

/// A period, and the day on which it began for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountedTerm {
    /// How long the record had to be kept.
    pub period: Period,
    /// Its first day.
    pub from: NaiveDate,
    /// Whether it was then extended, to the last day of the retention.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub extended: bool,
}

/// What the journal was found to say of a certificate's purge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The journal's checkpoint.
    pub checkpoint: Checkpoint,
    /// The signer's time in it, seconds since 1970; none where nobody's signature was checked.
    pub signed: Option<u64>,
    /// Index of the entry.
    pub entry: u64,
    /// Records that it covers.
    pub records: u64,
}

/// Why a certificate proves nothing.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CertificateError {
    /// The file is not one.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// What it says of itself cannot be.
    #[error("{0}")]
    Impossible(String),
    /// The journal's entry is not one of this destruction.
    #[error("{}", tr!("journal entry: {}", _0))]
    Entry(String),
    /// Proof or checkpoint.
    #[error(transparent)]
    Tlog(#[from] TlogError),
    /// The checkpoint is that of another log.
    #[error("{}", tr!("the log {} is not the journal of this certificate's keyring", format!("{:?}", _0)))]
    OtherLog(String),
}

/// Whether `date` is the date of `time` in some zone.
fn is_date_of(date: NaiveDate, time: DateTime<Utc>) -> bool {
    is_plain_date(date) && (date - time.date_naive()).num_days().abs() <= 1
}

/// The hash by which a journal leaf commits to a record table.
pub fn inventory(records: &[DestroyedRecord]) -> Hash {
    let mut hasher = Hasher::default();
    hasher.update(INVENTORY);
    for record in records {
        hasher.update(&serde_json::to_vec(record).expect("a record is always JSON"));
        hasher.update(b"\n");
    }
    hasher.finish()
}

impl Certificate {
    /// The bytes of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        document::to_bytes(self)
    }

    /// Parses a certificate; proves nothing yet.
    ///
    /// # Errors
    /// [`CertificateError::Document`]; [`CertificateError::Impossible`].
    pub fn parse(bytes: &[u8]) -> Result<Self, CertificateError> {
        let certificate: Self = document::parse(bytes, FORMAT)?;
        certificate.check().map_err(CertificateError::Impossible)?;
        Ok(certificate)
    }

    /// The origin of the journal that must speak for it.
    pub fn origin(&self) -> String {
        format!("{}/journal/{}", self.firm, hex::encode(self.keyring))
    }

    /// Verifies it under the journal's keys (Ed25519, ML-DSA-44), which come from elsewhere than the certificate.
    ///
    /// # Errors
    /// [`CertificateError`] says what does not fit.
    pub fn verify(&self, keys: &[VerifierKey; 2]) -> Result<Verified, CertificateError> {
        let proof = self.proof()?;
        let signed = proof.verify(keys)?;
        if keys[0].name != self.firm {
            return Err(CertificateError::OtherLog(signed.checkpoint.origin));
        }
        self.agrees(&proof, signed.checkpoint, Some(signed.time))
    }

    /// Everything that [`Self::verify`] checks but the signatures: whoever forged it made it whole.
    ///
    /// # Errors
    /// [`CertificateError`] says what does not fit.
    pub fn consistent(&self) -> Result<Verified, CertificateError> {
        let proof = self.proof()?;
        let checkpoint = proof.consistent()?;
        self.agrees(&proof, checkpoint, None)
    }

    fn proof(&self) -> Result<Proof, CertificateError> {
        self.check().map_err(CertificateError::Impossible)?;
        let other = || CertificateError::Entry(tr!("it is not the one that the proof is for"));
        self.journal.proof()?.ok_or_else(other)
    }

    fn agrees(&self, proof: &Proof, checkpoint: Checkpoint, signed: Option<u64>) -> Result<Verified, CertificateError> {
        if checkpoint.origin != self.origin() {
            return Err(CertificateError::OtherLog(checkpoint.origin));
        }
        let other =
            |what: String| CertificateError::Entry(tr!("it does not tell of a destruction: {what}", what = what));
        let leaf: Leaf = serde_json::from_slice(&proof.leaf).map_err(|e| other(crate::language::of_library(e)))?;
        let kind = leaf.entry.kind();
        let Entry::Destroyed { purge, generation, items, count, inventory, approvals, held_exports } = leaf.entry
        else {
            return Err(other(tr!("its kind is {kind}", kind = kind)));
        };
        let records = self.records.len() as u64;
        let differs = [
            (purge != self.purge, text!("it tells of another purge")),
            (generation != self.generation, text!("it names another generation")),
            (leaf.time != self.executed, text!("it was made at another time")),
            (count != records, text!("it counts another number of records")),
            (!items.are(&self.items()), text!("it names other records")),
            (inventory != self.inventory, text!("it commits to another inventory")),
            (!self.approved_by(&approvals), text!("it names other approvals")),
            (!self.exported_as(&held_exports), text!("it names other key sheets")),
        ];
        if let Some((_, what)) = differs.into_iter().find(|(differs, _)| *differs) {
            return Err(CertificateError::Entry(said(what).into_owned()));
        }
        Ok(Verified { checkpoint, signed, entry: proof.index, records })
    }

    /// The records as the journal's entry names them.
    fn items(&self) -> Vec<Item> {
        let of_one_archive = self.records.chunk_by(|a, b| a.archive == b.archive);
        let item = |records: &[DestroyedRecord]| Item {
            archive: records[0].archive,
            records: records.iter().map(|record| record.record).collect(),
        };
        of_one_archive.map(item).collect()
    }

    fn approved_by(&self, keys: &[String]) -> bool {
        let sorted = |mut keys: Vec<String>| {
            keys.sort_unstable();
            keys
        };
        sorted(self.plan.signed_by.iter().map(|approval| approval.key.clone()).collect()) == sorted(keys.to_vec())
    }

    /// Whether there are key sheets for just these archives, none for more records than the journal knows to be on one.
    fn exported_as(&self, held: &[Item]) -> bool {
        let known = |sheet: &KeySheet| {
            held.iter().any(|item| item.archive == sheet.archive && sheet.records <= item.records.count())
        };
        let shown = |item: &Item| self.exports.iter().any(|sheet| sheet.archive == item.archive);
        self.exports.iter().all(known) && held.iter().all(shown)
    }

    fn check(&self) -> Result<(), String> {
        let sheets_fit = |sheet: &KeySheet| is_plain_time(sheet.time) && sheet.records > 0;
        let impossible = [
            (!is_key_name(&self.firm) || self.firm.len() > 200, text!("its firm is not a key name")),
            (
                !is_plain_time(self.executed) || !is_date_of(self.date, self.executed),
                text!("its date is not that of its time"),
            ),
            (
                !self.texts().into_iter().all(is_text),
                text!("a text in it is empty, too long or has control characters"),
            ),
            (
                self.cool_off.from > self.cool_off.to || !self.cool_off.is_plain(),
                text!("its cool-off ends before it begins"),
            ),
            (!self.clock.is_plain(), text!("the time of its clock is not in whole seconds")),
            (
                !self.exports.iter().all(sheets_fit),
                text!("a key sheet has no records, or a time that is not in whole seconds"),
            ),
            (!self.disclosures_fit(), text!("a grant stands twice, or names none or more than all of the records")),
            (matches!(&self.reason, Some(Reason::Code(code)) if !is_code(code)), text!("its reason is not a code")),
            (self.records.is_empty(), text!("it has no records")),
            (
                self.reason.is_some() != self.records.iter().any(|r| r.early),
                text!("it has a reason but nothing early, or the reverse"),
            ),
            (
                !self.records.is_sorted_by(|a, b| (a.archive, a.record) < (b.archive, b.record)),
                text!("its records do not rise"),
            ),
        ];
        if let Some((_, what)) = impossible.into_iter().find(|(wrong, _)| *wrong) {
            return Err(said(what).into_owned());
        }
        for record in &self.records {
            record.check(self.date).map_err(|what| tr!("record {}: {what}", record.record, what = said(what)))?;
        }
        if inventory(&self.records) != self.inventory {
            return Err(tr!("its record table is not the one that its inventory hash is of"));
        }
        Ok(())
    }

    fn disclosures_fit(&self) -> bool {
        let grants: BTreeSet<&[u8; 16]> = self.disclosures.iter().map(|granted| &granted.grant).collect();
        let counts = |granted: &GrantedRecords| (1..=self.records.len() as u64).contains(&granted.records);
        grants.len() == self.disclosures.len() && self.disclosures.iter().all(counts)
    }

    fn texts(&self) -> Vec<&str> {
        let mut texts = vec![self.tool.name.as_str(), &self.tool.version];
        for person in self.roles.values() {
            texts.push(&person.name);
            texts.extend([&person.title, &person.place, &person.contact].into_iter().flatten().map(String::as_str));
        }
        for approval in &self.plan.signed_by {
            texts.extend([approval.name.as_str(), &approval.key]);
        }
        if let KnownDate::Outside { name: Some(name), .. } = &self.clock {
            texts.push(name);
        }
        texts
    }
}

impl CoolOff {
    fn is_plain(&self) -> bool {
        is_plain_date(self.from) && is_plain_date(self.to)
    }
}

impl KnownDate {
    fn is_plain(&self) -> bool {
        match self {
            Self::Outside { time, .. } => is_plain_time(*time),
            Self::MarkLessMargin { mark, .. } => is_plain_time(*mark),
        }
    }
}

impl CountedTerm {
    /// Whether it ends on this day, or before it where it was extended.
    fn comes_to(&self, until: Option<NaiveDate>) -> bool {
        match (self.period.last_day_from(self.from), until) {
            (Ok(last), Some(until)) if self.extended => last < until,
            (Ok(last), Some(until)) => last == until,
            _ => false,
        }
    }
}

impl DestroyedRecord {
    fn check(&self, date: NaiveDate) -> Result<(), &'static str> {
        let dates = [Some(self.kept_from), self.until, self.term.map(|term| term.from)];
        if self.record == 0 || self.record > i64::MAX as u64 {
            return Err(text!("there is no such number"));
        }
        if !is_code(&self.compartment) || self.rules.len() > MAX_TERMS || !self.rules.iter().all(|rule| is_code(rule)) {
            return Err(text!("its compartment or a rule has a name that is not allowed"));
        }
        if !dates.into_iter().flatten().all(is_plain_date) || self.destroyed != date {
            return Err(text!("its date of destruction is not the certificate's"));
        }
        if self.term.is_some_and(|term| !term.comes_to(self.until)) {
            return Err(text!("its period does not end on its last day"));
        }
        if self.early == self.until.is_some_and(|until| until < self.destroyed) {
            return Err(text!("its dates do not say whether it was destroyed early"));
        }
        Ok(())
    }
}
