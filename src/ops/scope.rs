//! From what was typed to the records that are meant.

use super::OpsError;
use super::open::{Trust, open_archive};
use crate::crypto::kdf::{ArchiveId, parse_archive_id};
use crate::keyring::{Keyring, KeyringError};
use crate::retention::ranges::Ranges;
use crate::retention::scope::Scope;
use std::path::Path;

/// What was typed.
#[derive(Clone, Debug, Default)]
pub struct ScopeOptions<'a> {
    /// The file of an archive, or its id.
    pub archive: Option<&'a Path>,
    /// Record numbers of it.
    pub records: Option<Ranges>,
    /// Name of a compartment.
    pub compartment: Option<&'a str>,
    /// Id of a rule.
    pub rule: Option<&'a str>,
}

/// The archive that a file or an id names; the keyring must know it.
///
/// # Errors
/// [`KeyringError::UnknownArchive`]; those of opening the file, a foreign seal among them.
pub fn archive_id(keyring: &Keyring, archive: &Path) -> Result<ArchiveId, OpsError> {
    let id = match archive.to_str().and_then(parse_archive_id) {
        Some(id) => id,
        None => *open_archive(archive, &Trust::default(), Some(keyring))?.0.archive(),
    };
    match keyring.known_archive(&id)? {
        Some(_) => Ok(id),
        None => Err(KeyringError::UnknownArchive(hex::encode(id)).into()),
    }
}

/// The scope, which names only what the keyring knows.
///
/// # Errors
/// An unknown archive or record.
pub fn resolve(keyring: &Keyring, options: &ScopeOptions<'_>) -> Result<Scope, OpsError> {
    let archive = options.archive.map(|archive| archive_id(keyring, archive)).transpose()?;
    if let (Some(id), Some(records)) = (&archive, &options.records) {
        check_records(keyring, id, records)?;
    }
    Ok(Scope {
        archive,
        records: options.records.clone(),
        compartment: options.compartment.map(str::to_owned),
        rule: options.rule.map(str::to_owned),
    })
}

/// Whether the archive has all these records.
///
/// # Errors
/// [`KeyringError::UnknownRecord`].
pub fn check_records(keyring: &Keyring, archive: &ArchiveId, records: &Ranges) -> Result<(), OpsError> {
    let size = keyring.known_archive(archive)?.map_or(0, |known| known.size);
    match records.last() {
        Some(last) if last >= size => Err(KeyringError::UnknownRecord(last).into()),
        _ => Ok(()),
    }
}
