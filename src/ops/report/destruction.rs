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
use chrono::NaiveDate;
use serde::Serialize;
use std::collections::BTreeMap;

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

/// Records that the same rules govern.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleGroup {
    /// The rules; none for a date that somebody chose.
    pub rules: Vec<String>,
    /// How closely the records are guarded.
    pub class: Class,
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

/// The plan's records by the rules that govern them, for those who appraise.
pub fn by_rule(plan: &Plan) -> Vec<RuleGroup> {
    let mut groups: BTreeMap<(&[String], Class), RuleGroup> = BTreeMap::new();
    for record in &plan.records {
        let group = groups.entry((&record.rules, record.class)).or_insert_with(|| RuleGroup {
            rules: record.rules.clone(),
            class: record.class,
            records: 0,
            review: 0,
            early: 0,
            first: None,
            last: None,
        });
        group.records += 1;
        group.review += u64::from(record.review);
        group.early += u64::from(record.early);
        if let Some(until) = record.until {
            group.first = Some(group.first.map_or(until, |first| first.min(until)));
            group.last = group.last.max(Some(until));
        }
    }
    groups.into_values().collect()
}

/// Takes a planned record with what its label says.
type Show<'a> = dyn FnMut(&PlannedRecord, Option<Labelled>) -> Result<(), OpsError> + 'a;

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
    for record in &plan.records {
        let label = named.label(custody, &record.archive, record.record)?;
        each(record, label.map(Labelled::new))?;
    }
    Ok(())
}
