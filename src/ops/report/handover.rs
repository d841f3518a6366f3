//! The handover list (移交清册): what belongs to a keyring, so that another can take it over and see that it is whole.
//!
//! Invariant: it lists and hands over nothing; no secret is in it. Spec: `spec/reports.md`, "Handover".

use super::inventory::KeepUntil;
use super::named::{ArchiveFacts, NamedArchives};
use crate::crypto::kdf::ArchiveId;
use crate::disclosure::roster::Roster;
use crate::ops::OpsError;
use crate::ops::custody::Custody;
use crate::ops::journal::origin;
use crate::retention::Class;
use crate::retention::period::Period;
use crate::retention::required::Required;
use chrono::NaiveDate;
use serde::Serialize;
use std::collections::BTreeMap;

/// What is handed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Handover {
    /// The keyring.
    #[serde(rename = "custody")]
    pub keyring: KeyringFacts,
    /// Its archives.
    pub archives: Vec<ArchiveFacts>,
    /// Records by how long they must be kept.
    #[serde(skip)]
    pub groups: Vec<RecordGroup>,
}

/// What somebody must know who takes over a keyring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyringFacts {
    /// Its id.
    pub keyring: String,
    /// Name in its seals.
    pub firm: String,
    /// Its generation.
    pub generation: u64,
    /// Keys under its seals, Ed25519 and ML-DSA-44.
    pub verifier_keys: [String; 2],
    /// Its journal, as a checkpoint names it.
    pub journal: JournalHead,
    /// Emergency key sheets that were written.
    pub key_sheets: Vec<KeySheetFacts>,
    /// Who may approve; none without a roster.
    pub roster: Option<RosterFacts>,
    /// Holds in force.
    #[serde(rename = "hold_count")]
    pub holds: u64,
    /// Purges whose cool-off runs.
    #[serde(rename = "scheduled_purge_count")]
    pub scheduled: u64,
}

/// The journal as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JournalHead {
    /// Its origin.
    pub origin: String,
    /// Its entries.
    #[serde(rename = "entries")]
    pub size: u64,
    /// Root of the tree over them.
    pub root: String,
    /// Entries under the last signed checkpoint.
    #[serde(rename = "signed_entries")]
    pub signed: u64,
}

/// An emergency key sheet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeySheetFacts {
    /// When it was written.
    #[serde(serialize_with = "super::named::instant")]
    pub time: String,
    /// Whose records are on it.
    #[serde(with = "hex::serde")]
    pub archive: ArchiveId,
    /// How many.
    #[serde(rename = "record_count")]
    pub records: u64,
}

/// The roster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RosterFacts {
    /// SHA-256 of its text.
    pub sha256: String,
    /// The people on it.
    #[serde(rename = "principals")]
    pub people: Vec<String>,
    /// How many must sign a plan, unless a rule says otherwise.
    pub plan_approvals: u32,
}

/// Live records that are alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordGroup {
    /// Their archive.
    #[serde(with = "hex::serde")]
    pub archive: ArchiveId,
    /// Their compartment.
    pub compartment: String,
    /// Its class.
    pub class: Class,
    /// Ids of their rules.
    pub rules: Vec<String>,
    /// Until when they must be kept.
    #[serde(flatten)]
    pub keep: KeepUntil,
    /// How long they must be kept: 应保管期限.
    #[serde(flatten)]
    pub required: Required,
    /// For how long they have been kept: 已保管期限.
    pub kept_for: Option<Period>,
    /// The date on which their keys were deposited.
    pub kept_from: NaiveDate,
    /// How many.
    #[serde(rename = "record_count")]
    pub records: u64,
    /// Of these: held.
    #[serde(rename = "held_count")]
    pub held: u64,
}

/// Archive's place, compartment, class, rules, last day, period.
type GroupKey = (usize, String, Class, Vec<String>, KeepUntil, Required);

/// Gathers what is handed over.
///
/// # Errors
/// Those of the keyring.
pub fn handover(custody: &Custody, named: &NamedArchives) -> Result<Handover, OpsError> {
    let archives = named.facts(custody, |_| true)?;
    let today = custody.now().today();
    let mut groups: BTreeMap<GroupKey, (u64, u64)> = BTreeMap::new();
    for (place, facts) in archives.iter().enumerate() {
        let of_archive = named.rules(&facts.archive);
        custody.for_each_record(Some(&facts.archive), |judge, view, _| {
            if view.live {
                let rules = view.retention.rules().into_iter().map(str::to_owned).collect();
                let required = judge.required(view, &of_archive, None);
                let key =
                    (place, view.compartment.to_owned(), view.class, rules, judge.standing(view).into(), required);
                let (records, held) = groups.entry(key).or_default();
                *records += 1;
                *held += u64::from(judge.holds(view).next().is_some());
            }
            Ok(())
        })?;
    }
    let group =
        |((place, compartment, class, rules, keep, required), (records, held)): (GroupKey, (u64, u64))| RecordGroup {
            archive: archives[place].archive,
            compartment,
            class,
            rules,
            keep,
            kept_for: required.elapsed(today),
            required,
            kept_from: archives[place].kept_from,
            records,
            held,
        };
    let groups = groups.into_iter().map(group).collect();
    Ok(Handover { keyring: keyring(custody)?, groups, archives })
}

fn keyring(custody: &Custody) -> Result<KeyringFacts, OpsError> {
    let (keyring, register) = (custody.keyring(), custody.register());
    let log = keyring.log();
    let size = log.size()?;
    let roster = match &register.roster {
        None => None,
        Some(known) => Some(RosterFacts {
            sha256: hex::encode(known.sha256),
            people: Roster::parse(known.text.as_bytes())?.people().into_iter().map(str::to_owned).collect(),
            plan_approvals: known.plan_approvals_default,
        }),
    };
    let sheets = keyring.exports()?;
    let sheet = |sheet: &crate::keyring::export::Export| KeySheetFacts {
        time: sheet.time.clone(),
        archive: sheet.archive,
        records: sheet.records.count(),
    };
    Ok(KeyringFacts {
        keyring: keyring.config().keyring.clone(),
        firm: keyring.config().firm.clone(),
        generation: keyring.generation(),
        verifier_keys: keyring.verifier_keys().map(|key| key.to_string()),
        journal: JournalHead {
            origin: origin(keyring),
            size,
            root: hex::encode(log.root(size)?),
            signed: log.signed()?.map_or(0, |(signed, _)| signed),
        },
        key_sheets: sheets.iter().map(sheet).collect(),
        roster,
        holds: register.holds.iter().filter(|hold| hold.in_force()).count() as u64,
        scheduled: register.scheduled.len() as u64,
    })
}
