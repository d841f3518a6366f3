//! `extend`: a later last day for records. There is no way to an earlier one.
//!
//! Spec: `spec/disposition.md`, "Extension".

use super::OpsError;
use super::custody::Custody;
use crate::crypto::kdf::ArchiveId;
use crate::journal::entry::Entry;
use crate::retention::extension;
use crate::retention::ranges::Ranges;
use chrono::NaiveDate;

/// Keeps `records` of an archive to the end of `until` at least; without numbers all that are live.
///
/// # Errors
/// For a record that is kept longer already, and then for all; for a destroyed or unknown one; those of the keyring.
pub fn extend(
    custody: &mut Custody,
    archive: ArchiveId,
    records: Option<&Ranges>,
    until: NaiveDate,
) -> Result<Ranges, OpsError> {
    let mut extended = Vec::new();
    let mut numbers = Ranges::default();
    custody.for_each_record(Some(&archive), |judge, view, _| {
        let named = records.is_none_or(|records| records.contains(view.record));
        if named && (view.live || records.is_some()) {
            if !view.live {
                return Err(crate::keyring::KeyringError::Destroyed(view.record).into());
            }
            let retention = extension::extend(view.retention, until, |name| judge.event(view, name))
                .map_err(|source| OpsError::Record { record: view.record, source })?;
            numbers.push(view.record);
            extended.push((archive, view.record, retention));
        }
        Ok(())
    })?;
    if numbers.is_empty() {
        return Err(crate::keyring::KeyringError::Destroyed(records.and_then(Ranges::last).unwrap_or(1)).into());
    }
    custody.change(|_, _, update| {
        update.extend = extended;
        let entry = Entry::Extension { archive, records: numbers.clone(), until };
        Ok((numbers, vec![entry]))
    })
}
