//! Plans of destruction: the file that reviewers read and sign, and that is carried out only as it stands.
//!
//! Invariant: a plan's identity is the hash of its bytes, and it holds only for the state that it was made from.
//! Spec: `spec/certificate.md`, "Plan".

use super::certificate::Reason;
use crate::crypto::hash::{Hash, Hasher, sha256};
use crate::crypto::kdf::ArchiveId;
use crate::language::{said, text};
use crate::retention::term::{MAX_TERMS, is_code};
use crate::retention::{Class, Retention, is_plain_date};
use crate::storage::document::{self, DocumentError, is_plain_time};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use tr::tr;

/// The format that this version writes and reads.
pub const FORMAT: &str = "keepuntil-plan/v1";

/// The largest plan that is read.
pub const MAX_PLAN: u64 = 64 << 20;

/// Namespace of the SSH signatures under a plan.
pub const NAMESPACE: &str = "keepuntil-plan";

/// First line of what the state's hash covers.
const STATE: &[u8] = b"keepuntil-plan-state/v1\n";

/// The content of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// [`FORMAT`].
    pub format: String,
    /// Id of the keyring that is to destroy.
    #[serde(with = "hex::serde")]
    pub keyring: [u8; 16],
    /// When it was made.
    pub made: DateTime<Utc>,
    /// [`state_hash`] of its records when it was made.
    #[serde(with = "hex::serde")]
    pub state: Hash,
    /// How many distinct people must sign it.
    pub approvals_needed: u32,
    /// Why records are to be destroyed early; only where some are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// What is to be destroyed, rising by archive and record.
    pub records: Vec<PlannedRecord>,
}

/// One record of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedRecord {
    /// Its archive.
    #[serde(with = "hex::serde")]
    pub archive: ArchiveId,
    /// Its number.
    pub record: u64,
    /// The compartment's class.
    pub class: Class,
    /// Its compartment.
    pub compartment: String,
    /// Ids of its rules.
    pub rules: Vec<String>,
    /// The last day of its retention; absent where a ceiling awaits an event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<NaiveDate>,
    /// What happens to it.
    pub decision: Decision,
    /// Whether a person has to decide: its retention says `review`.
    pub review: bool,
    /// Whether its retention has not run.
    pub early: bool,
}

/// What a plan does with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// It is destroyed.
    Destroy,
}

/// What the state machine says of one planned record; any difference makes a plan stale.
#[derive(Clone, Debug, Serialize)]
pub struct RecordState<'a> {
    /// Its archive.
    #[serde(with = "hex::serde")]
    pub archive: ArchiveId,
    /// Its number.
    pub record: u64,
    /// Its compartment.
    pub compartment: &'a str,
    /// The compartment's class.
    pub class: Class,
    /// What applies to it.
    pub retention: &'a Retention,
    /// The last day that its terms and events come to.
    pub until: Option<NaiveDate>,
    /// How many holds are on it.
    pub holds: u64,
}

/// SHA-256 over the states of a plan's records, in the plan's order.
pub fn state_hash<'a>(states: impl IntoIterator<Item = RecordState<'a>>) -> Hash {
    let mut hasher = Hasher::default();
    hasher.update(STATE);
    for state in states {
        hasher.update(&serde_json::to_vec(&state).expect("a state is always JSON"));
        hasher.update(b"\n");
    }
    hasher.finish()
}

/// The identity of a plan: the hash of its file's bytes.
pub fn identity(bytes: &[u8]) -> Hash {
    sha256(&[bytes])
}

impl Plan {
    /// The bytes of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        document::to_bytes(self)
    }

    /// Parses a plan.
    ///
    /// # Errors
    /// [`DocumentError`] for anything that no writer makes.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        let plan: Self = document::parse(bytes, FORMAT)?;
        plan.check().map_err(DocumentError::Malformed)?;
        Ok(plan)
    }

    fn check(&self) -> Result<(), String> {
        let impossible = [
            (!is_plain_time(self.made), text!("its time is not in whole seconds")),
            (matches!(&self.reason, Some(Reason::Code(code)) if !is_code(code)), text!("its reason is not a code")),
            (self.records.is_empty(), text!("it has no records")),
            (
                self.reason.is_some() != self.records.iter().any(|record| record.early),
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
        self.records.iter().try_for_each(|record| {
            record.check().map_err(|what| tr!("record {}: {what}", record.record, what = said(what)))
        })
    }
}

impl PlannedRecord {
    fn check(&self) -> Result<(), &'static str> {
        if self.record == 0 || self.record > i64::MAX as u64 {
            return Err(text!("there is no such number"));
        }
        if !is_code(&self.compartment) || self.rules.len() > MAX_TERMS || !self.rules.iter().all(|rule| is_code(rule)) {
            return Err(text!("its compartment or a rule has a name that is not allowed"));
        }
        if !self.until.is_none_or(is_plain_date) || (self.until.is_none() && !self.early) {
            return Err(text!("its last day is missing or has no year of four digits"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retention::{AtExpiry, parse_date};

    fn hash(change: impl Fn(&mut RecordState<'_>, &mut Retention)) -> Hash {
        let until = parse_date("2036-12-31").unwrap();
        let mut retention = Retention::until(until, AtExpiry::Destroy);
        let plain = retention.clone();
        let mut state = RecordState {
            archive: [1; 16],
            record: 7,
            compartment: "clients",
            class: Class::Confidential,
            retention: &plain,
            until: Some(until),
            holds: 0,
        };
        change(&mut state, &mut retention);
        state_hash([RecordState { retention: &retention, ..state }])
    }

    #[test]
    fn every_part_of_a_record_s_state_is_in_the_hash() {
        let later = parse_date("2037-12-31").unwrap();
        let changes: [fn(&mut RecordState<'_>, &mut Retention); 8] = [
            |_, _| {},
            |state, _| state.archive[15] = 2,
            |state, _| state.record = 8,
            |state, _| state.compartment = "staff",
            |state, _| state.class = Class::Public,
            |_, retention| retention.at_expiry = AtExpiry::Review,
            |state, _| state.until = None,
            |state, _| state.holds = 1,
        ];
        let mut hashes: Vec<Hash> = changes.into_iter().map(hash).collect();
        hashes.push(hash(|_, retention| *retention = Retention::until(later, AtExpiry::Destroy)));
        hashes.push(state_hash([]));
        let all = hashes.len();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), all);
    }
}
