//! A catalogue that opened under the root of its generation.

use super::catalogue::{Catalogue, PageRow};
use super::page::Page;
use super::root::RootSlots;
use super::table::Table;
use super::{CATALOGUE, KeyringError, KnownArchive, known, sealed};
use crate::crypto::secret::Secret32;
use std::path::Path;
use tr::tr;
use zeroize::Zeroizing;

/// The document that tells of the known archives.
pub const ARCHIVES: &str = "archives";

/// An open catalogue with everything that its root opens directly.
pub struct Opened {
    /// The catalogue.
    pub catalogue: Catalogue,
    /// Its generation.
    pub generation: u64,
    /// The root of that.
    pub root: Secret32,
    /// The key table.
    pub table: Table,
    /// The known archives, oldest deposit first.
    pub archives: Vec<KnownArchive>,
}

impl Opened {
    /// Opens the catalogue in `dir` on a connection of its own.
    ///
    /// # Errors
    /// [`KeyringError::CatalogueOlder`], [`KeyringError::RootMissing`], damage.
    pub fn read(dir: &Path, slots: &RootSlots, keyring: &[u8; 16]) -> Result<Self, KeyringError> {
        let catalogue = Catalogue::open(&dir.join(CATALOGUE))?;
        let (generation, sealed_table) = catalogue.table()?;
        let root = slots.load(generation, keyring)?;
        let table = Table::open(&sealed_table, &root)?;
        let mut opened = Self { catalogue, generation, root, table, archives: Vec::new() };
        if let Some(text) = opened.document(ARCHIVES)? {
            opened.archives = known::parse(&text)?;
        }
        Ok(opened)
    }

    /// The text of a document.
    ///
    /// # Errors
    /// [`KeyringError::Damaged`] where it does not open, or is missing although there is an identity for it.
    pub fn document(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeyringError> {
        match (self.table.documents.get(name), self.catalogue.document(name)?) {
            (None, None) => Ok(None),
            (Some(identity), Some(body)) => {
                let text = sealed::open(identity, &body).map_err(|e| {
                    KeyringError::Damaged(tr!("document {name} does not open: {what}", name = name, what = e))
                })?;
                Ok(Some(text))
            }
            (Some(_), None) => {
                Err(KeyringError::Damaged(tr!("document {name} is missing from the catalogue", name = name)))
            }
            (None, Some(_)) => Err(KeyringError::Damaged(tr!("document {name} has no key in the table", name = name))),
        }
    }

    /// The known archive of this id.
    pub fn archive(&self, id: &[u8; 16]) -> Option<&KnownArchive> {
        self.archives.iter().find(|archive| archive.id == *id)
    }

    /// The sealed page that `record` of a known archive is on.
    ///
    /// # Errors
    /// [`KeyringError::UnknownRecord`]; damage.
    pub fn page_of(&self, archive: &KnownArchive, record: u64) -> Result<Found, KeyringError> {
        if record == 0 || record > archive.records() {
            return Err(KeyringError::UnknownRecord(record));
        }
        let first = super::page::first_of(record);
        let row = self.catalogue.page_at(&archive.id, first)?.ok_or_else(|| {
            KeyringError::Damaged(tr!(
                "the page of record {record} of archive {archive} is missing",
                record = record,
                archive = hex::encode(archive.id)
            ))
        })?;
        self.found(row)
    }

    /// A sealed page by its id.
    ///
    /// # Errors
    /// Damage.
    pub fn page(&self, id: u64) -> Result<Found, KeyringError> {
        let missing = || KeyringError::Damaged(tr!("page {id} is missing from the catalogue", id = id));
        self.found(self.catalogue.page(id)?.ok_or_else(missing)?)
    }

    fn found(&self, row: PageRow) -> Result<Found, KeyringError> {
        let id = row.id;
        let identity = self.table.pages.get(&id).cloned();
        let identity =
            identity.ok_or_else(|| KeyringError::Damaged(tr!("the key of page {id} is not in the table", id = id)))?;
        Ok(Found { row, identity })
    }

    /// Opens a page that was found here.
    ///
    /// # Errors
    /// Damage.
    pub fn open(&self, found: &Found) -> Result<Page, KeyringError> {
        open_page(&self.archives, found)
    }
}

/// A sealed page and the identity that opens it.
pub struct Found {
    /// The page.
    pub row: PageRow,
    identity: Secret32,
}

/// Opens a page of one of `archives`, on whatever thread.
///
/// # Errors
/// Damage.
pub fn open_page(archives: &[KnownArchive], found: &Found) -> Result<Page, KeyringError> {
    let PageRow { id, archive, first, count, body } = &found.row;
    let known = archives.iter().find(|known| known.id == *archive);
    let known =
        known.ok_or_else(|| KeyringError::Damaged(tr!("page {id} is of an archive that is not known", id = id)))?;
    Page::open(&found.identity, body, known, *first, *count)
}
