//! The inventory of what is kept (保管清册): every record of a keyring, or of the archives that are named.
//!
//! Invariant: rows come one by one, in the order of deposit and of numbers; memory does not grow with them.
//! Spec: `spec/reports.md`, "Inventory".

use super::named::{ArchiveFacts, NamedArchives, Sealed};
use crate::crypto::kdf::ArchiveId;
use crate::journal::entry::Entry;
use crate::ops::OpsError;
use crate::ops::custody::Custody;
use crate::ops::journal::show_entries;
use crate::ops::status::State;
use crate::retention::Class;
use crate::retention::disposition::{Disposition, Judge, RecordView};
use crate::retention::period::Period;
use crate::retention::ranges::Ranges;
use crate::retention::required::Required;
use crate::retention::rule::Rule;
use crate::retention::term::Standing;
use chrono::NaiveDate;
use serde::Serialize;
use std::collections::BTreeMap;

/// What an inventory is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Only archives whose files are named.
    pub only_named: bool,
    /// Also records whose keys were destroyed.
    pub with_destroyed: bool,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InventoryRecord {
    /// Its place in the list, from 1.
    pub number: u64,
    /// Its archive.
    #[serde(with = "hex::serde")]
    pub archive: ArchiveId,
    /// Its number in the archive.
    pub record: u64,
    /// Its compartment.
    pub compartment: String,
    /// The compartment's class.
    pub class: Class,
    /// Ids of its rules.
    pub rules: Vec<String>,
    /// The date on which its keys were deposited.
    pub kept_from: NaiveDate,
    /// Until when it must be kept.
    #[serde(flatten)]
    pub keep: KeepUntil,
    /// How long it must be kept: 应保管期限.
    #[serde(flatten)]
    pub required: Required,
    /// For how long it has been kept, to the report's day or to its destruction: 已保管期限.
    pub kept_for: Option<Period>,
    /// The day on which its keys were destroyed.
    pub destroyed_on: Option<NaiveDate>,
    /// What is to become of it.
    pub state: State,
    /// The first day on which a scheduled purge may destroy it.
    pub not_before: Option<NaiveDate>,
    /// Bytes that it takes up in its archive, where the file was named.
    pub size: Option<u64>,
    /// What its label says, where it opens.
    #[serde(flatten)]
    pub labelled: Option<Labelled>,
}

/// Until when a record must be kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeepUntil {
    /// To the end of this day.
    Until(NaiveDate),
    /// Until these events, and what follows from them.
    AwaitingEvents(Vec<String>),
    /// For ever.
    Permanent(bool),
}

/// What a record's label says of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Labelled {
    /// Its name.
    pub name: String,
    /// The date that its retention counts from.
    pub dated: Option<NaiveDate>,
    /// Files in it.
    pub files: u64,
    /// Bytes in these files.
    pub bytes: u64,
}

impl From<Standing> for KeepUntil {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Until { last, .. } => Self::Until(last),
            Standing::Awaiting(events) => Self::AwaitingEvents(events),
            Standing::Permanent => Self::Permanent(true),
        }
    }
}

impl Labelled {
    /// The part of a label that inventories show.
    pub fn new(label: crate::archive::label::Label) -> Self {
        Self { name: label.name, dated: label.dated, files: label.files, bytes: label.bytes }
    }
}

/// The archives that the inventory is of.
///
/// # Errors
/// Those of the keyring.
pub fn archives(custody: &Custody, named: &NamedArchives, extent: Extent) -> Result<Vec<ArchiveFacts>, OpsError> {
    named.facts(custody, |id| !extent.only_named || named.has(id))
}

/// Gives every record of `archives` to `each`.
///
/// # Errors
/// Those of the keyring and of `each`; damage.
pub fn records(
    custody: &mut Custody,
    named: &mut NamedArchives,
    archives: &[ArchiveFacts],
    extent: Extent,
    each: &mut dyn FnMut(InventoryRecord) -> Result<(), OpsError>,
) -> Result<(), OpsError> {
    let today = custody.now().today();
    let dates = if extent.with_destroyed { dates_of_purges(custody)? } else { BTreeMap::new() };
    let mut number = 0;
    for facts in archives {
        let kept_from = facts.kept_from;
        let purged = if dates.is_empty() { Vec::new() } else { purged(custody, &facts.archive, &dates)? };
        let rules = named.rules(&facts.archive);
        named.for_each_record(custody, &facts.archive, true, &mut |judge, view, disposition, sealed| {
            if !view.live && !extent.with_destroyed {
                return Ok(());
            }
            number += 1;
            let destroyed_on = purged.iter().find(|(_, records)| records.contains(view.record)).map(|(day, _)| *day);
            let days = Days { kept_from, destroyed_on, today };
            each(row(number, days, (judge, view, disposition), &rules, sealed))
        })?;
    }
    Ok(())
}

/// The day of every purge that the journal tells of, in the firm's zone.
fn dates_of_purges(custody: &Custody) -> Result<BTreeMap<[u8; 16], NaiveDate>, OpsError> {
    let mut dates = BTreeMap::new();
    show_entries::<OpsError>(custody.keyring(), 0, |_, leaf| {
        if let Entry::Destroyed { purge, .. } = leaf.entry {
            dates.insert(purge, custody.now().day(leaf.time));
        }
        Ok(())
    })?;
    Ok(dates)
}

/// Destroyed records of an archive by the day of their purge.
fn purged(
    custody: &Custody,
    archive: &ArchiveId,
    dates: &BTreeMap<[u8; 16], NaiveDate>,
) -> Result<Vec<(NaiveDate, Ranges)>, OpsError> {
    let mut purged: BTreeMap<NaiveDate, Ranges> = BTreeMap::new();
    custody.keyring().for_each_record(Some(archive), &mut |_, entry| {
        if let Some(day) = entry.destroyed.and_then(|purge| dates.get(&purge)) {
            purged.entry(*day).or_default().push(entry.record);
        }
        Ok(())
    })?;
    Ok(purged.into_iter().collect())
}

/// Days that a row is about.
struct Days {
    kept_from: NaiveDate,
    destroyed_on: Option<NaiveDate>,
    today: NaiveDate,
}

fn row(
    number: u64,
    days: Days,
    (judge, view, disposition): (&Judge<'_>, &RecordView<'_>, Disposition),
    rules: &[Rule],
    sealed: Option<Sealed>,
) -> InventoryRecord {
    let Days { kept_from, destroyed_on, today } = days;
    let not_before = match &disposition {
        Disposition::Scheduled { not_before, .. } => Some(*not_before),
        _ => None,
    };
    let size = sealed.as_ref().map(|sealed| sealed.size);
    let labelled = sealed.and_then(|sealed| sealed.label).map(Labelled::new);
    let required = judge.required(view, rules, labelled.as_ref().and_then(|labelled| labelled.dated));
    // What was destroyed is no longer kept, on whatever day that was.
    let kept_to = if view.live { Some(today) } else { destroyed_on };
    InventoryRecord {
        number,
        archive: view.archive,
        record: view.record,
        compartment: view.compartment.to_owned(),
        class: view.class,
        rules: view.retention.rules().into_iter().map(str::to_owned).collect(),
        kept_from,
        keep: judge.standing(view).into(),
        kept_for: kept_to.and_then(|day| required.elapsed(day)),
        required,
        destroyed_on,
        state: State::of(&disposition, today),
        not_before,
        size,
        labelled,
    }
}
