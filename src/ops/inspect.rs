//! `inspect`: what an archive says to anyone, and what its labels say to those who may open them.

use super::OpsError;
use super::open::{Opener, Signer};
use crate::archive::label::Label;
use crate::archive::leaf::RecordLeaf;
use crate::archive::reader::ArchiveReader;
use crate::retention::rule::Rule;
use crate::retention::{Class, Retention};
use std::collections::BTreeMap;

/// What anyone can see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    /// Archive id in hex.
    pub archive: String,
    /// When it was begun.
    pub created: String,
    /// Who sealed it, by its own account.
    pub firm: String,
    /// Origin of its log.
    pub origin: String,
    /// Root hash in hex.
    pub root: String,
    /// Seconds since 1970 in the seal.
    pub sealed: u64,
    /// What is known of the signer.
    pub signer: Signer,
    /// Bytes of the file.
    pub bytes: u64,
    /// Records.
    pub records: u64,
    /// The compartments in their order.
    pub compartments: Vec<CompartmentOverview>,
    /// Records by how long they are kept and what happens then.
    pub retention: BTreeMap<Retention, u64>,
    /// The rules that ask for it.
    pub rules: Vec<Rule>,
    /// Keyrings that were given keys, and how many are needed.
    pub custodians: (u32, u32),
    /// The verifier keys that the archive names.
    pub keys: [String; 2],
}

/// A compartment as anyone can see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompartmentOverview {
    /// Its name.
    pub name: String,
    /// Its class.
    pub class: Class,
    /// Types of its recipients.
    pub recipients: Vec<String>,
    /// Records in it.
    pub records: u64,
    /// Bytes of their age files.
    pub bytes: u64,
}

/// Summarises an archive, showing each record's leaf to `each` on the way.
///
/// # Errors
/// Damage, and what `each` returns.
pub fn overview(
    reader: &mut ArchiveReader,
    signer: Signer,
    mut each: impl FnMut(&mut ArchiveReader, &RecordLeaf) -> Result<(), OpsError>,
) -> Result<Overview, OpsError> {
    let manifest = reader.manifest().clone();
    let empty = |c: crate::archive::manifest::Compartment| CompartmentOverview {
        name: c.name,
        class: c.class,
        recipients: c.recipients,
        records: 0,
        bytes: 0,
    };
    let mut compartments: Vec<_> = manifest.compartments.into_iter().map(empty).collect();
    let mut retention = BTreeMap::new();
    reader.for_each_record::<OpsError>(|reader, leaf| {
        if let Some(compartment) = compartments.iter_mut().find(|c| c.name == leaf.compartment) {
            compartment.records += 1;
            // A forged archive may count the same bytes in many records.
            compartment.bytes = compartment.bytes.saturating_add(leaf.size);
        }
        *retention.entry(leaf.retention.clone()).or_default() += 1;
        each(reader, &leaf)
    })?;
    let sealed = reader.sealed();
    Ok(Overview {
        archive: manifest.archive,
        created: manifest.created,
        firm: manifest.firm,
        origin: sealed.checkpoint.origin.clone(),
        root: hex::encode(sealed.checkpoint.root),
        sealed: sealed.time,
        signer,
        bytes: reader.tail().file_len,
        records: reader.records(),
        compartments,
        retention,
        rules: manifest.rules,
        custodians: (manifest.custodians.count, manifest.custodians.threshold),
        keys: manifest.verifier_keys,
    })
}

/// A record as somebody with or without keys sees it.
#[derive(Debug)]
pub struct RecordView {
    /// Its leaf.
    pub leaf: RecordLeaf,
    /// Its label, or why it does not open; `None` where no keys were at hand.
    pub label: Option<Result<Label, OpsError>>,
}

/// Looks at one record.
///
/// # Errors
/// Those of the archive; a label that does not open is in the view.
pub fn record_view(
    reader: &ArchiveReader,
    leaf: &RecordLeaf,
    opener: Option<&mut Opener<'_>>,
) -> Result<RecordView, OpsError> {
    let label = match opener {
        None => None,
        Some(opener) => match opener.label(reader, leaf) {
            Err(e) if !super::open::concerns_one_record(&e) => return Err(e),
            label => Some(label),
        },
    };
    Ok(RecordView { leaf: leaf.clone(), label })
}
