//! Changes of a keyring: what they consist of, and those that leave the generation as it is.
//!
//! Spec: `spec/keyring.md`, "Changes".

use super::advance::Rewrite;
use super::export::{Export, Exports};
use super::opened::ARCHIVES;
use super::page::{PAGE_RECORDS, Page};
use super::{Keyring, KeyringError, KnownArchive, PurgeId, known};
use crate::crypto::kdf::{ArchiveId, ExpiryHalves};
use crate::crypto::secret::Secret32;
use crate::language::text;
use crate::retention::Retention;
use crate::retention::ranges::Ranges;
use std::sync::Arc;

/// The document that remembers exports.
pub const EXPORTS: &str = "exports";
/// The document that is there from the point of no return of a change of generation until its end.
pub const UNFINISHED: &str = "unfinished";

/// A change, made whole or not at all.
#[derive(Default)]
pub struct Update {
    /// Documents to add or replace: name and text.
    pub documents: Vec<(String, Vec<u8>)>,
    /// Leaves of the journal, in the transaction of the change.
    pub leaves: Vec<Vec<u8>>,
    /// Retentions that replace those of single records: each has every term that it replaces.
    pub extend: Vec<(ArchiveId, u64, Retention)>,
    /// Records whose halves are destroyed.
    pub destroy: Vec<(ArchiveId, Ranges)>,
    /// The same, where their pages were rewritten already; then `destroy` and `extend` are empty.
    pub rewrite: Option<Rewrite>,
    /// The purge that destroys them.
    pub purge: Option<PurgeId>,
    /// Leaves that are appended only when the old root is gone.
    pub outcome: Vec<Vec<u8>>,
}

/// What `create` hands over once, before the seal.
pub struct Deposit<'a> {
    /// The archive.
    pub archive: KnownArchive,
    /// Records 1, 2, 3 …
    pub records: &'a [NewRecord],
    /// Leaves of the journal, in the transaction of the deposit.
    pub leaves: &'a [Vec<u8>],
}

/// A record that is deposited.
#[derive(Clone, Debug)]
pub struct NewRecord {
    /// Its halves.
    pub halves: ExpiryHalves,
    /// Its compartment: an index into [`KnownArchive::compartments`].
    pub compartment: u32,
    /// How long it is kept; records that are kept alike may share it.
    pub retention: Arc<Retention>,
}

impl Update {
    /// Refuses documents that the keyring writes by itself.
    pub(super) fn check_names(&self) -> Result<(), KeyringError> {
        match self.documents.iter().any(|(name, _)| [ARCHIVES, EXPORTS, UNFINISHED].contains(&name.as_str())) {
            true => Err(KeyringError::Refused(text!("a document of this name is written by the keyring alone"))),
            false => Ok(()),
        }
    }
}

impl Keyring {
    /// Makes a change that takes nothing from anybody: documents and leaves, in one transaction and under the same root.
    ///
    /// # Errors
    /// [`KeyringError::Refused`] for an update that extends or destroys; those of the catalogue, after which this value
    /// can only be dropped.
    pub fn store(&mut self, update: Update) -> Result<(), KeyringError> {
        self.may_change()?;
        update.check_names()?;
        let Update { documents, leaves, extend, destroy, rewrite, purge, outcome } = update;
        let takes = rewrite.is_some() || purge.is_some() || !destroy.is_empty();
        if takes || !extend.is_empty() || !outcome.is_empty() {
            return Err(KeyringError::Refused(text!("a change of retention or keys begins a new generation")));
        }
        self.write(&[], None, &documents, &leaves)
    }

    /// Takes the halves of a new archive; durable when it returns.
    ///
    /// # Errors
    /// [`KeyringError::AlreadyDeposited`]; [`KeyringError::Refused`] where records and archive do not fit together;
    /// those of the catalogue.
    pub fn deposit(&mut self, deposit: &Deposit<'_>) -> Result<(), KeyringError> {
        self.may_change()?;
        let archive = &deposit.archive;
        if self.opened.archive(&archive.id).is_some() {
            return Err(KeyringError::AlreadyDeposited(hex::encode(archive.id)));
        }
        let fits =
            |new: &NewRecord| (new.compartment as usize) < archive.compartments.len() && new.retention.check().is_ok();
        if archive.size != deposit.records.len() as u64 + 1 || !deposit.records.iter().all(fits) {
            return Err(KeyringError::Refused(text!("a deposit has a compartment and a retention for every record")));
        }
        let mut archives = self.opened.archives.clone();
        archives.push(archive.clone());
        let documents = [(ARCHIVES.to_owned(), known::to_bytes(&archives))];
        self.write(deposit.records, Some(&archive.id), &documents, deposit.leaves)?;
        self.opened.archives = archives;
        Ok(())
    }

    /// Remembers that record keys left the keyring on an emergency key sheet; durable when it returns.
    ///
    /// # Errors
    /// Those of the catalogue.
    pub fn remember_export(&mut self, export: &Export, leaves: &[Vec<u8>]) -> Result<(), KeyringError> {
        self.may_change()?;
        let mut exports = Exports { exports: self.exports()? };
        exports.exports.push(export.clone());
        self.write(&[], None, &[(EXPORTS.to_owned(), exports.to_bytes())], leaves)
    }

    /// All exports that were made, oldest first.
    ///
    /// # Errors
    /// Those of the catalogue.
    pub fn exports(&self) -> Result<Vec<Export>, KeyringError> {
        let text = self.document(EXPORTS)?;
        Ok(text.map(|text| Exports::parse(&text)).transpose()?.unwrap_or_default().exports)
    }

    /// New pages, documents and leaves in one transaction.
    fn write(
        &mut self,
        records: &[NewRecord],
        archive: Option<&ArchiveId>,
        documents: &[(String, Vec<u8>)],
        leaves: &[Vec<u8>],
    ) -> Result<(), KeyringError> {
        // What was written before an error is for the next opening to find out.
        self.stopped = true;
        let mut table = self.opened.table.clone();
        let mut change = self.opened.catalogue.begin()?;
        if let Some(archive) = archive {
            for (first, records) in (1u64..).step_by(PAGE_RECORDS).zip(records.chunks(PAGE_RECORDS)) {
                let identity = Secret32::random();
                let body = Page::new(archive, first, records).seal(&identity);
                let id = change.add_page(archive, first, records.len(), &body)?;
                table.pages.insert(id, identity);
            }
        }
        for (name, text) in documents {
            change.set_document(name, &table.seal_document(name, text))?;
        }
        change.append(leaves)?;
        // Leaves alone need no other keys.
        if archive.is_some() || !documents.is_empty() {
            change.set_table(self.opened.generation, &table.seal(&self.opened.root))?;
        }
        change.commit()?;
        self.opened.table = table;
        self.stopped = false;
        Ok(())
    }
}
