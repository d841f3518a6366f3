//! The inventory of what is kept (保管清册): every record of a keyring, or of the archives that are named.
//!
//! Invariant: rows come one by one, in the order of deposit and of numbers; memory does not grow with them.
//! Spec: `spec/reports.md`, "Inventory".

use super::named::{ArchiveFacts, NamedArchives, Sealed};
use crate::crypto::kdf::ArchiveId;
use crate::ops::OpsError;
use crate::ops::custody::Custody;
use crate::ops::status::State;
use crate::retention::Class;
use crate::retention::disposition::{Disposition, Judge, RecordView};
use crate::retention::term::Standing;
use chrono::NaiveDate;
use serde::Serialize;

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
    /// How long it must be kept.
    #[serde(flatten)]
    pub keep: KeepUntil,
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

/// How long a record must be kept: 应保管期限.
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
    let mut number = 0;
    for facts in archives {
        let kept_from = facts.kept_from;
        named.for_each_record(custody, &facts.archive, true, &mut |judge, view, disposition, sealed| {
            if !view.live && !extent.with_destroyed {
                return Ok(());
            }
            number += 1;
            each(row(number, kept_from, today, (judge, view, disposition), sealed))
        })?;
    }
    Ok(())
}

fn row(
    number: u64,
    kept_from: NaiveDate,
    today: NaiveDate,
    (judge, view, disposition): (&Judge<'_>, &RecordView<'_>, Disposition),
    sealed: Option<Sealed>,
) -> InventoryRecord {
    let not_before = match &disposition {
        Disposition::Scheduled { not_before, .. } => Some(*not_before),
        _ => None,
    };
    InventoryRecord {
        number,
        archive: view.archive,
        record: view.record,
        compartment: view.compartment.to_owned(),
        class: view.class,
        rules: view.retention.rules().into_iter().map(str::to_owned).collect(),
        kept_from,
        keep: judge.standing(view).into(),
        state: State::of(&disposition, today),
        not_before,
        size: sealed.as_ref().map(|sealed| sealed.size),
        labelled: sealed.and_then(|sealed| sealed.label).map(Labelled::new),
    }
}
