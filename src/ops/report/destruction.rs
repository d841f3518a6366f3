//! The destruction list (销毁清册): what a plan is about to destroy, checked against the keyring, with names where they open.
//!
//! Invariant: a plan is shown only where it is this keyring's and fits its state now, or is the one that a cool-off runs for.
//! Spec: `spec/reports.md`, "Destruction".

use super::inventory::Labelled;
use super::named::{NamedArchives, kept_from};
use crate::crypto::kdf::ArchiveId;
use crate::journal::plan::{self, Plan, PlannedRecord};
use crate::ops::OpsError;
use crate::ops::custody::Custody;
use crate::ops::purge::{self, PlanError};
use crate::retention::Class;
use crate::retention::period::Period;
use crate::retention::ranges::Ranges;
use crate::retention::required::Required;
use chrono::NaiveDate;
use serde::Serialize;
use std::collections::BTreeMap;

/// Records whose labels are read together.
const TOGETHER: usize = 500;

/// A plan, and how it stands in the keyring.
#[derive(Clone, Debug)]
pub struct PlannedDestruction {
    /// SHA-256 of the plan's file.
    pub sha256: [u8; 32],
    /// The plan.
    pub plan: Plan,
    /// Where it stands.
    pub stage: Stage,
    /// Dates from which the records of each archive are kept.
    pub kept_from: BTreeMap<ArchiveId, NaiveDate>,
}

/// How far a plan has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It fits the keyring as it is, and nobody has executed it.
    Fits {
        /// Days that its cool-off will take.
        cool_off_days: u32,
    },
    /// Its cool-off runs.
    Scheduled {
        /// Id of the purge.
        #[serde(with = "hex::serde")]
        purge: [u8; 16],
        /// The first day on which it may be carried out.
        not_before: NaiveDate,
        /// Records of it that are held now, which stops it.
        held: u64,
    },
}

/// Records that the same rules govern, for the same time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleGroup {
    /// The rules; none for a date that somebody chose.
    pub rules: Vec<String>,
    /// How closely the records are guarded.
    pub class: Class,
    /// How long they must be kept, whenever each began.
    #[serde(flatten)]
    pub required: Required,
    /// How many.
    #[serde(rename = "record_count")]
    pub records: u64,
    /// Of these: a person must decide.
    #[serde(rename = "review_count")]
    pub review: u64,
    /// Of these: before their time.
    #[serde(rename = "early_count")]
    pub early: u64,
    /// The earliest last day.
    #[serde(rename = "first_day")]
    pub first: Option<NaiveDate>,
    /// The latest last day.
    #[serde(rename = "last_day")]
    pub last: Option<NaiveDate>,
    /// The earliest of the records' own dates that were read.
    pub dated_first: Option<NaiveDate>,
    /// The latest of them.
    pub dated_last: Option<NaiveDate>,
}

/// A record of a plan, and what keyring and label say of it.
#[derive(Clone, Debug)]
pub struct ShownRecord<'p> {
    /// What the plan says.
    pub planned: &'p PlannedRecord,
    /// How long it must be kept: 应保管期限.
    pub required: Required,
    /// For how long it has been kept on the day of the report: 已保管期限.
    pub kept_for: Option<Period>,
    /// What its label says, where it opens.
    pub labelled: Option<Labelled>,
}

/// Reads a plan and compares it with the keyring.
///
/// # Errors
/// A file that is no plan; [`PlanError::OtherKeyring`]; [`PlanError::Stale`] where its records are not as it says.
pub fn planned(custody: &mut Custody, file: &[u8]) -> Result<PlannedDestruction, OpsError> {
    let plan = Plan::parse(file)?;
    if plan.keyring != custody.keyring_id() {
        return Err(PlanError::OtherKeyring(hex::encode(plan.keyring)).into());
    }
    let sha256 = plan::identity(file);
    let scheduled = custody.register().scheduled.iter().find(|scheduled| scheduled.plan == Some(sha256)).cloned();
    let stage = match scheduled {
        None => {
            purge::check_state(custody, &plan)?;
            Stage::Fits { cool_off_days: custody.register().settings.cool_off_days }
        }
        Some(scheduled) => {
            let mut held = 0;
            for item in &scheduled.items {
                custody.for_records(&item.archive, &item.records, |judge, view, _| {
                    held += u64::from(judge.holds(view).next().is_some());
                    Ok(())
                })?;
            }
            Stage::Scheduled { purge: scheduled.id, not_before: scheduled.not_before, held }
        }
    };
    let known = custody.keyring().archives()?;
    let kept_from = known.iter().map(|known| Ok((known.id, kept_from(known)?))).collect::<Result<_, OpsError>>()?;
    Ok(PlannedDestruction { sha256, plan, stage, kept_from })
}

/// The plan's records by the rules that govern them and how long they must be kept, for those who appraise.
///
/// # Errors
/// Those of [`records`].
pub fn by_rule(custody: &mut Custody, named: &mut NamedArchives, plan: &Plan) -> Result<Vec<RuleGroup>, OpsError> {
    let mut groups: BTreeMap<(Vec<String>, Class, Required), RuleGroup> = BTreeMap::new();
    records(custody, named, plan, &mut |ShownRecord { planned: record, required, labelled, .. }| {
        // Records of several years that must be kept for one period are one group; dates without a period are not.
        let last = required.last.filter(|_| required.period.is_none() || required.extended);
        let required = Required { start: None, last, ..required };
        let key = (record.rules.clone(), record.class, required.clone());
        let group = groups.entry(key).or_insert_with(|| RuleGroup {
            rules: record.rules.clone(),
            class: record.class,
            required,
            records: 0,
            review: 0,
            early: 0,
            first: None,
            last: None,
            dated_first: None,
            dated_last: None,
        });
        group.records += 1;
        group.review += u64::from(record.review);
        group.early += u64::from(record.early);
        widen(&mut group.first, &mut group.last, record.until);
        widen(&mut group.dated_first, &mut group.dated_last, labelled.and_then(|labelled| labelled.dated));
        Ok(())
    })?;
    Ok(groups.into_values().collect())
}

fn widen(first: &mut Option<NaiveDate>, last: &mut Option<NaiveDate>, day: Option<NaiveDate>) {
    if let Some(day) = day {
        *first = Some(first.map_or(day, |first| first.min(day)));
        *last = (*last).max(Some(day));
    }
}

/// Takes a record of a plan.
type Show<'a> = dyn FnMut(ShownRecord<'_>) -> Result<(), OpsError> + 'a;

/// Gives every record of the plan to `each`, with what its label says where its archive was named.
///
/// # Errors
/// Damage; those of the keyring and of `each`.
pub fn records(
    custody: &mut Custody,
    named: &mut NamedArchives,
    plan: &Plan,
    each: &mut Show<'_>,
) -> Result<(), OpsError> {
    let today = custody.now().today();
    for of_archive in plan.records.chunk_by(|one, next| one.archive == next.archive) {
        let archive = of_archive[0].archive;
        let rules = named.rules(&archive);
        for some in of_archive.chunks(TOGETHER) {
            let mut labels = Vec::with_capacity(some.len());
            for record in some {
                labels.push(named.label(custody, &archive, record.record)?.map(Labelled::new));
            }
            let numbers: Ranges = some.iter().map(|record| record.record).collect();
            let mut all = some.iter().zip(labels);
            custody.for_records(&archive, &numbers, |judge, view, _| {
                let Some((planned, labelled)) = all.next() else { return Ok(()) };
                let required = judge.required(view, &rules, labelled.as_ref().and_then(|labelled| labelled.dated));
                let kept_for = required.elapsed(today);
                each(ShownRecord { planned, required, kept_for, labelled })
            })?;
        }
    }
    Ok(())
}
