//! What follows when a grant was opened: the grant and a receipt beside the bags, and the end of the one-time identity.
//!
//! Invariant: the receipt names what was restored and nothing else; the identity is wiped only when every record of the grant was
//! written and everything is on disk. Spec: `spec/evidence.md`, "Opening".

use super::granted::{GrantedError, GrantedRecords, selected};
use super::restore::{RestoreOptions, RestoreOutcome, Restored, Selection, restore_from};
use super::{OpsError, Progress};
use crate::crypto::secret::random_id;
use crate::disclosure::entry::fingerprint;
use crate::disclosure::grant::Grant;
use crate::disclosure::namespace;
use crate::disclosure::receipt::{self, Handled, OpenedRecord, Receipt};
use crate::disclosure::signature::Signature;
use crate::storage::extract::OutputFolder;
use crate::storage::wipe::wipe;
use crate::storage::{StorageError, ssh_keygen};
use chrono::{DateTime, SubsecRound, Utc};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// Name of the grant beside the bags.
pub const GRANT_FILE: &str = "keepuntil-grant.json";
/// With what the names of receipts beside the bags begin.
pub const RECEIPT_START: &str = "keepuntil-receipt";
/// Receipts that one folder may hold.
const MAX_RECEIPTS: usize = 1000;

/// How a grant is opened.
pub struct OpenOptions {
    /// The records; all that the grant names where empty.
    pub records: Vec<u64>,
    /// Key that signs the receipt, as `ssh-keygen -f` takes it.
    pub sign_with: Option<PathBuf>,
    /// The file of the one-time identity, where it is to be wiped.
    pub identity: Option<PathBuf>,
    /// Now.
    pub now: DateTime<Utc>,
    /// Program and version.
    pub tool: String,
}

/// What opening a grant came to.
pub struct Opened {
    /// The bags.
    pub outcome: RestoreOutcome,
    /// Where the receipt is; none where nothing was opened.
    pub receipt: Option<PathBuf>,
    /// Where its signature is, or why there is none; none where none was asked for.
    pub signature: Option<Result<PathBuf, OpsError>>,
    /// Whether every record of the grant was opened.
    pub complete: bool,
    /// What became of the one-time identity; none where it was to be kept, or must be.
    pub wiped: Option<Result<PathBuf, StorageError>>,
}

/// Restores the granted records below `restore.output`, with grant and receipt beside them.
///
/// # Errors
/// As [`super::restore::restore`]; [`super::granted::GrantedError::NotGranted`]; [`StorageError::Exists`] where another grant's
/// records are in the folder.
pub fn open_grant(
    records: &mut GrantedRecords,
    (grant, file): (&Grant, &[u8]),
    mut restore: RestoreOptions,
    options: &OpenOptions,
    interrupted: &AtomicBool,
    progress: &dyn Progress,
) -> Result<Opened, OpsError> {
    let asked = selected(grant, &options.records)?;
    restore.selection = Selection::Records(asked.iter().collect());
    // Held open until the end, so that a folder in which nothing was restored is removed again.
    let folder = OutputFolder::open(&restore.output, restore.force)?;
    let place = restore.output.join(GRANT_FILE);
    let is_there = holds(&place, file);
    // Whatever may be replaced: the bags of another grant would lose theirs.
    if !is_there && place.symlink_metadata().is_ok() {
        return Err(StorageError::Exists(place).into());
    }
    let outcome = restore_from(records, &restore, Some(grant), interrupted, progress)?;
    let mut opened = Opened { complete: false, outcome, receipt: None, signature: None, wiped: None };
    if opened.outcome.restored.is_empty() {
        return Ok(opened);
    }
    if !is_there {
        folder.write_file(GRANT_FILE, file)?;
    }
    let receipt = receipt(grant, &opened.outcome.restored, options);
    let name = free_receipt_name(&restore.output);
    let path = folder.path().join(&name);
    folder.write_file(&name, &receipt)?;
    opened.signature = options.sign_with.as_deref().map(|key| {
        let signature = ssh_keygen::sign(key, namespace::RECEIPT, &receipt)?;
        let found = Signature::parse(&signature).map_or_else(String::new, |outside| fingerprint(&outside.key));
        if found != grant.requester.key {
            return Err(GrantedError::OtherKey { found, granted: grant.requester.key.clone() }.into());
        }
        folder.write_file(&format!("{name}.sig"), &signature)?;
        Ok(folder.path().join(format!("{name}.sig")))
    });
    opened.receipt = Some(path);
    let found = opened.outcome.restored.iter().map(|restored| restored.record);
    opened.complete = opened.outcome.failed.is_empty() && found.eq(grant.records.iter());
    if opened.complete {
        // Without its end on disk nothing is wiped: after a loss of power the grant could not be opened again.
        let end = |path: &PathBuf| folder.make_durable().and_then(|()| wipe(path)).map(|()| path.clone());
        opened.wiped = options.identity.as_ref().map(end);
    }
    Ok(opened)
}

fn receipt(grant: &Grant, restored: &[Restored], options: &OpenOptions) -> Vec<u8> {
    let opened = |restored: &Restored| OpenedRecord { record: restored.record, bag: restored.label.bag };
    let receipt = Receipt {
        format: receipt::FORMAT.into(),
        grant: grant.grant,
        grant_sha256: grant.document(),
        archive: grant.archive,
        what: Handled::Opened,
        records: restored.iter().map(|restored| restored.record).collect(),
        opened: restored.iter().map(opened).collect(),
        made: options.now.trunc_subsecs(0),
        requester: grant.requester.name.clone(),
        tool: options.tool.clone(),
        salt: random_id(),
    };
    receipt.to_bytes()
}

/// Whether the file at `path` has exactly this content.
fn holds(path: &Path, content: &[u8]) -> bool {
    crate::storage::read_limited(path, content.len() as u64).is_ok_and(|found| found == content)
}

/// A name for one more receipt in `folder`: records of one grant may be opened one by one.
fn free_receipt_name(folder: &Path) -> String {
    let numbered = (2..MAX_RECEIPTS).map(|n| format!("{RECEIPT_START}-{n}.json"));
    let mut names = std::iter::once(format!("{RECEIPT_START}.json")).chain(numbered);
    let free = |name: &String| folder.join(name).symlink_metadata().is_err();
    names.find(free).unwrap_or_else(|| format!("{RECEIPT_START}.json"))
}

/// Whether a record of this name would stand where grant or receipts do.
pub fn is_reserved(name: &str) -> bool {
    name == GRANT_FILE || name.starts_with(RECEIPT_START)
}
