//! Entries of the journal and the leaves that carry them.
//!
//! Invariant: one allowed spelling, at most 65,535 bytes, a fresh salt in each leaf. Spec: `spec/journal.md`,
//! "Entries".

use super::JournalError;
use super::items::{Item, Items, check_disclosed};
use crate::crypto::hash::Hash;
use crate::crypto::kdf::ArchiveId;
use crate::crypto::secret::random_id;
use crate::language::{said, text};
use crate::retention::is_plain_date;
use crate::retention::ranges::Ranges;
use crate::retention::scope::hex_option;
use crate::tlog::tile::MAX_ENTRY;
use chrono::{DateTime, Datelike, NaiveDate, SubsecRound, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tr::tr;

pub use crate::retention::clock::Confirmer as ConfirmedBy;
pub use crate::retention::scope::Scope;

/// Id of a hold, an event or a purge.
pub type Id = [u8; 16];

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[allow(missing_docs)] // The fields are described where the format is: spec/journal.md, "Entries".
pub enum Entry {
    /// The keyring was made, or its journal begun.
    Made {
        #[serde(with = "hex::serde")]
        keyring: Id,
    },
    /// An archive's halves were deposited.
    Deposit {
        #[serde(with = "hex::serde")]
        archive: ArchiveId,
        records: Ranges,
        #[serde(with = "hex::serde")]
        root: Hash,
    },
    /// Record keys left the keyring on an emergency key sheet.
    Export {
        #[serde(with = "hex::serde")]
        archive: ArchiveId,
        records: Ranges,
    },
    /// A hold was placed; `text` commits to matter and authority. One for secrecy forbids disclosure too.
    Hold {
        #[serde(with = "hex::serde")]
        hold: Id,
        scope: Scope,
        from: NaiveDate,
        #[serde(with = "hex::serde")]
        text: Hash,
        #[serde(default, skip_serializing_if = "is_false")]
        secrecy: bool,
    },
    /// A hold was released.
    Release {
        #[serde(with = "hex::serde")]
        hold: Id,
    },
    /// Records are kept longer.
    Extension {
        #[serde(with = "hex::serde")]
        archive: ArchiveId,
        records: Ranges,
        until: NaiveDate,
    },
    /// Something happened that starts a period.
    Event {
        #[serde(with = "hex::serde")]
        event: Id,
        name: String,
        date: NaiveDate,
        scope: Scope,
        #[serde(with = "hex_option", default, skip_serializing_if = "Option::is_none")]
        corrects: Option<Id>,
        approvals: Vec<String>,
    },
    /// Who may approve changed; signed under the roster before, where there was one.
    Roster {
        #[serde(with = "hex::serde")]
        sha256: Hash,
        plan_approvals: PlanApprovals,
        #[serde(with = "hex_option", default, skip_serializing_if = "Option::is_none")]
        signed_under: Option<Hash>,
    },
    /// The keyring's settings changed to these.
    Settings {
        cool_off_days: u32,
        fiscal_year_end: String,
        typed_confirmation: bool,
        witnesses: Vec<HexHash>,
        timestamp_authorities: Vec<HexHash>,
    },
    /// A purge was scheduled, by a plan or unattended; its cool-off runs.
    Plan {
        #[serde(with = "hex::serde")]
        purge: Id,
        #[serde(with = "hex_option", default, skip_serializing_if = "Option::is_none")]
        sha256: Option<Hash>,
        items: Items,
    },
    /// A cool-off was ended.
    Cancelled {
        #[serde(with = "hex::serde")]
        purge: Id,
    },
    /// A destruction begins; `generation` is the one that it leads to.
    Intent {
        #[serde(with = "hex::serde")]
        purge: Id,
        generation: u64,
        items: Items,
    },
    /// A destruction was done; `inventory` is the hash of the certificate's record table.
    Destroyed {
        #[serde(with = "hex::serde")]
        purge: Id,
        generation: u64,
        items: Items,
        count: u64,
        #[serde(with = "hex::serde")]
        inventory: Hash,
        approvals: Vec<String>,
        held_exports: Vec<Item>,
    },
    /// The clock jumped.
    ClockAlarm {
        #[serde(with = "instant")]
        shown: DateTime<Utc>,
        #[serde(with = "instant")]
        mark: DateTime<Utc>,
    },
    /// The clock shows a credible time again.
    ClockAlarmClosed {
        #[serde(with = "instant")]
        wall: DateTime<Utc>,
    },
    /// Somebody else's clock confirmed the time.
    ClockConfirmed {
        by: ConfirmedBy,
        #[serde(with = "instant")]
        time: DateTime<Utc>,
    },
    /// An archive was verified.
    Verified {
        #[serde(with = "hex::serde")]
        archive: ArchiveId,
        #[serde(with = "hex::serde")]
        root: Hash,
        outcome: VerifiedOutcome,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        deep: bool,
    },
    /// Who may ask for what changed; signed by people on the roster, where there is one.
    DisclosurePolicy {
        #[serde(with = "hex::serde")]
        sha256: Hash,
        approvals: Vec<String>,
    },
    /// Somebody asked for records; `request` is the hash of the signed file.
    Request {
        #[serde(with = "hex::serde")]
        request: Hash,
        #[serde(with = "hex::serde")]
        archive: ArchiveId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        records: Option<Ranges>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        requester: Option<String>,
        purpose: String,
    },
    /// A request was refused; `document` commits to the letter.
    Refusal {
        #[serde(with = "hex::serde")]
        refusal: Id,
        #[serde(with = "hex::serde")]
        request: Hash,
        reason: String,
        #[serde(with = "hex::serde")]
        document: Hash,
    },
    /// Records were granted to somebody; `document` commits to the grant.
    Grant {
        #[serde(with = "hex::serde")]
        grant: Id,
        #[serde(with = "hex::serde")]
        request: Hash,
        #[serde(with = "hex::serde")]
        archive: ArchiveId,
        records: Ranges,
        requester: String,
        until: NaiveDate,
        #[serde(with = "hex::serde")]
        document: Hash,
        approvals: Vec<String>,
    },
    /// A requester confirmed what became of what they were granted.
    Receipt {
        #[serde(with = "hex::serde")]
        grant: Id,
        what: String,
        records: Ranges,
        #[serde(with = "hex::serde")]
        document: Hash,
        by: String,
    },
    /// A notice to those whose data the records hold was sent; `document` is the hash of its mailing, which is salted.
    Notice {
        #[serde(with = "hex::serde")]
        notice: Id,
        kind: String,
        #[serde(with = "hex_option", default, skip_serializing_if = "Option::is_none")]
        archive: Option<ArchiveId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        records: Option<Ranges>,
        letters: u64,
        by: String,
        on: NaiveDate,
        #[serde(with = "hex::serde")]
        document: Hash,
    },
    /// Somebody whose data the records hold asked, objected or complained.
    Reply {
        #[serde(with = "hex::serde")]
        reply: Id,
        #[serde(with = "hex_option", default, skip_serializing_if = "Option::is_none")]
        notice: Option<Id>,
        kind: String,
        #[serde(with = "hex_option", default, skip_serializing_if = "Option::is_none")]
        archive: Option<ArchiveId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        records: Option<Ranges>,
        received: NaiveDate,
        due: NaiveDate,
    },
    /// They were answered.
    Answer {
        #[serde(with = "hex::serde")]
        reply: Id,
        outcome: String,
        on: NaiveDate,
    },
}

/// How many people a plan needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanApprovals {
    /// Unless a rule says otherwise.
    pub default: u32,
    /// By rule.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rules: BTreeMap<String, u32>,
}

/// How verification of an archive ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VerifiedOutcome {
    /// Every byte is as it was sealed.
    Whole,
    /// It is not.
    Damaged,
}

/// A hash in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HexHash(#[serde(with = "hex::serde")] pub Hash);

impl Entry {
    /// The word for its kind, as in the JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Made { .. } => "made",
            Self::Deposit { .. } => "deposit",
            Self::Export { .. } => "export",
            Self::Hold { .. } => "hold",
            Self::Release { .. } => "release",
            Self::Extension { .. } => "extension",
            Self::Event { .. } => "event",
            Self::Roster { .. } => "roster",
            Self::Settings { .. } => "settings",
            Self::Plan { .. } => "plan",
            Self::Cancelled { .. } => "cancelled",
            Self::Intent { .. } => "intent",
            Self::Destroyed { .. } => "destroyed",
            Self::ClockAlarm { .. } => "clock-alarm",
            Self::ClockAlarmClosed { .. } => "clock-alarm-closed",
            Self::ClockConfirmed { .. } => "clock-confirmed",
            Self::Verified { .. } => "verified",
            Self::DisclosurePolicy { .. } => "disclosure-policy",
            Self::Request { .. } => "request",
            Self::Refusal { .. } => "refusal",
            Self::Grant { .. } => "grant",
            Self::Receipt { .. } => "receipt",
            Self::Notice { .. } => "notice",
            Self::Reply { .. } => "reply",
            Self::Answer { .. } => "answer",
        }
    }

    fn check(&self) -> Result<(), String> {
        let code = |what: &str, text: &str| match is_code(text) {
            true => Ok(()),
            false => Err(tr!(
                "{what} {text} is not a code: 1 to 128 bytes without white space",
                what = said(what),
                text = format!("{:?}", text)
            )),
        };
        let scope = |scope: &Scope| {
            scope.compartment.as_deref().map_or(Ok(()), |name| code(text!("compartment"), name))?;
            scope.rule.as_deref().map_or(Ok(()), |rule| code(text!("rule"), rule))?;
            match scope.records.is_some() && scope.archive.is_none() {
                true => Err(tr!("records of no archive")),
                false => Ok(()),
            }
        };
        let date = |date: &NaiveDate| is_plain_date(*date).then_some(()).ok_or_else(|| tr!("the year of {}", date));
        let instant =
            |time: &DateTime<Utc>| is_plain_instant(time).then_some(()).ok_or_else(|| tr!("the year of {}", time));
        let approvals = |approvals: &[String]| match approvals.iter().find(|text| !is_fingerprint(text)) {
            Some(text) => Err(tr!("{text} is not a key's fingerprint (SHA256:…)", text = format!("{:?}", text))),
            None => Ok(()),
        };
        let of_archive = |archive: &Option<ArchiveId>, records: &Option<Ranges>| match (archive, records) {
            (None, Some(_)) => Err(tr!("records of no archive")),
            (_, records) => records.as_ref().map_or(Ok(()), check_disclosed),
        };
        let by = |key: &String| approvals(std::slice::from_ref(key));
        match self {
            Self::Hold { scope: s, from, .. } => scope(s).and_then(|()| date(from)),
            Self::Extension { until, .. } => date(until),
            Self::Event { name, date: d, scope: s, approvals: a, .. } => {
                code("event", name)?;
                date(d)?;
                scope(s)?;
                approvals(a)
            }
            Self::Roster { plan_approvals, .. } => {
                plan_approvals.rules.keys().try_for_each(|rule| code(text!("rule"), rule))
            }
            Self::Settings { fiscal_year_end, .. } => code(text!("fiscal year's end"), fiscal_year_end),
            Self::Plan { items, .. } | Self::Intent { items, .. } => items.check(),
            Self::Destroyed { items, approvals: a, held_exports, count, .. } => {
                items.check()?;
                Items::Listed(held_exports.clone()).check()?;
                approvals(a)?;
                match items.count() == *count {
                    true => Ok(()),
                    false => Err(tr!("the count is not that of its items")),
                }
            }
            Self::ClockAlarm { shown, mark } => instant(shown).and_then(|()| instant(mark)),
            Self::ClockAlarmClosed { wall: time } | Self::ClockConfirmed { time, .. } => instant(time),
            Self::DisclosurePolicy { approvals: a, .. } => approvals(a),
            Self::Request { records, requester, purpose, .. } => {
                records.as_ref().map_or(Ok(()), check_disclosed)?;
                requester.as_ref().map_or(Ok(()), by)?;
                code("purpose", purpose)
            }
            Self::Refusal { reason, .. } => code("reason", reason),
            Self::Grant { records, requester, until, approvals: a, .. } => {
                check_disclosed(records)?;
                by(requester)?;
                date(until)?;
                approvals(a)
            }
            Self::Receipt { what, records, by: key, .. } => {
                code("what", what)?;
                check_disclosed(records)?;
                by(key)
            }
            Self::Notice { kind, archive, records, by: way, on, .. } => {
                code("kind", kind)?;
                code("way", way)?;
                of_archive(archive, records)?;
                date(on)
            }
            Self::Reply { kind, archive, records, received, due, .. } => {
                code("kind", kind)?;
                of_archive(archive, records)?;
                date(received).and_then(|()| date(due))
            }
            Self::Answer { outcome, on, .. } => code("outcome", outcome).and_then(|()| date(on)),
            _ => Ok(()),
        }
    }
}

/// An entry with its time and its salt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaf {
    /// When, as the keyring's clock said.
    #[serde(with = "instant")]
    pub time: DateTime<Utc>,
    /// Random, so that a hash of the leaf tells nothing about what may be guessed of it.
    #[serde(with = "hex::serde")]
    pub salt: [u8; 16],
    /// What happened.
    pub entry: Entry,
}

impl Leaf {
    /// A leaf with a fresh salt; fractions of a second are left out.
    pub fn new(time: DateTime<Utc>, entry: Entry) -> Self {
        Self { time: time.trunc_subsecs(0), salt: random_id(), entry }
    }

    /// The leaf's bytes.
    ///
    /// # Errors
    /// [`JournalError::Unwritable`] for an entry that [`Self::parse`] would refuse: too long, a date beyond the year
    /// 9999, names where codes and fingerprints belong.
    pub fn to_bytes(&self) -> Result<Vec<u8>, JournalError> {
        self.check().map_err(JournalError::Unwritable)?;
        let bytes = self.json();
        if bytes.len() > MAX_ENTRY {
            return Err(JournalError::Unwritable(tr!("it is longer than 65,535 bytes")));
        }
        Ok(bytes)
    }

    /// Parses the leaf at `index`.
    ///
    /// # Errors
    /// [`JournalError::Entry`] for anything but the one spelling of an allowed entry.
    pub fn parse(index: u64, bytes: &[u8]) -> Result<Self, JournalError> {
        let damaged = |what: String| JournalError::Entry { index, what };
        if bytes.len() > MAX_ENTRY {
            return Err(damaged(tr!("it is longer than 65,535 bytes")));
        }
        let leaf: Self = serde_json::from_slice(bytes).map_err(|e| damaged(crate::language::of_library(e)))?;
        if leaf.json() != bytes {
            return Err(damaged(tr!("not in canonical form")));
        }
        leaf.check().map_err(damaged)?;
        Ok(leaf)
    }

    fn json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a leaf is always JSON")
    }

    fn check(&self) -> Result<(), String> {
        if !is_plain_instant(&self.time) {
            return Err(tr!("the year of {}", self.time));
        }
        self.entry.check()
    }
}

/// Serde leaves out what is not so.
fn is_false(flag: &bool) -> bool {
    !flag
}

/// Names of events, rules and compartments: codes, not prose.
fn is_code(text: &str) -> bool {
    (1..=128).contains(&text.len()) && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

/// As `ssh-keygen -l` writes the hash of a public key.
fn is_fingerprint(text: &str) -> bool {
    let base64 = |b: u8| b.is_ascii_alphanumeric() || b == b'+' || b == b'/';
    text.strip_prefix("SHA256:").is_some_and(|hash| hash.len() == 43 && hash.bytes().all(base64))
}

fn is_plain_instant(time: &DateTime<Utc>) -> bool {
    (1..=9999).contains(&time.year())
}

/// Serde for instants as RFC 3339 text in UTC, to the second: `2036-12-31T23:59:59Z`.
mod instant {
    use chrono::{DateTime, SecondsFormat, Utc};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Secs, true))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let time = DateTime::parse_from_rfc3339(&text).map_err(D::Error::custom)?;
        Ok(time.to_utc())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time() -> DateTime<Utc> {
        "2031-02-03T04:05:06Z".parse().unwrap()
    }

    #[test]
    fn leaves_are_salted_and_have_one_spelling() {
        let entry = Entry::Deposit { archive: [1; 16], records: (1..=4).collect(), root: [2; 32] };
        let (one, two) = (Leaf::new(time(), entry.clone()), Leaf::new(time(), entry));
        assert_ne!(one.to_bytes().unwrap(), two.to_bytes().unwrap());
        let bytes = one.to_bytes().unwrap();
        assert_eq!(Leaf::parse(0, &bytes).unwrap(), one);
        let text = String::from_utf8(bytes).unwrap();
        for bad in [
            text.replacen(":{", ": {", 1),
            text.replacen("06Z", "06+00:00", 1),
            text.replacen("06Z", "06.5Z", 1),
            text.replacen("\"1-4\"", "\"1-4\",\"records\":\"1-4\"", 1),
            text.replacen("0101", "010A", 1),
            text.replacen("0202", "0g02", 1),
            text.replacen("deposit", "deposits", 1),
        ] {
            assert!(matches!(Leaf::parse(7, bad.as_bytes()), Err(JournalError::Entry { index: 7, .. })), "{bad}");
        }
    }

    #[test]
    fn names_and_too_long_entries_are_refused_before_they_are_written() {
        let event = |name: &str, approvals: &[&str], scope: Scope| Entry::Event {
            event: [3; 16],
            name: name.into(),
            date: time().date_naive(),
            scope,
            corrects: None,
            approvals: approvals.iter().map(|&text| text.into()).collect(),
        };
        let fingerprint = format!("SHA256:{}", "a".repeat(43));
        let everything = Scope::default();
        let records = Scope { records: Some([1].into_iter().collect()), ..Scope::default() };
        Leaf::new(time(), event("relationship-end", &[&fingerprint], everything.clone())).to_bytes().unwrap();
        let scattered: Ranges = (1..40_000).map(|n| n * 2).collect();
        for bad in [
            event("end of Smith", &[], everything.clone()),
            event("", &[], everything.clone()),
            event("end", &["smith@firm.example"], everything),
            event("end", &[], records),
            Entry::Extension { archive: [1; 16], records: scattered.clone(), until: time().date_naive() },
            Entry::Request {
                request: [2; 32],
                archive: [1; 16],
                records: Some(scattered.iter().take(6000).collect()),
                requester: None,
                purpose: "audit".into(),
            },
            Entry::Extension { archive: [1; 16], records: Ranges::default(), until: NaiveDate::MAX },
        ] {
            assert!(matches!(Leaf::new(time(), bad).to_bytes(), Err(JournalError::Unwritable(_))));
        }
    }
}
