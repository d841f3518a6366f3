//! What a keyring says of records: one by one, or all of them.

use super::opened::{Found, open_page};
use super::page::{PAGE_RECORDS, Page, RecordEntry, first_of};
use super::parallel::in_order;
use super::{Keyring, KeyringError, KnownArchive};
use crate::crypto::kdf::{ArchiveId, ExpiryHalves};
use crate::retention::ranges::Ranges;
use tr::tr;

impl Keyring {
    /// The halves of one record.
    ///
    /// # Errors
    /// [`KeyringError::UnknownArchive`], [`KeyringError::UnknownRecord`], [`KeyringError::Destroyed`].
    pub fn halves(&mut self, archive: &ArchiveId, record: u64) -> Result<ExpiryHalves, KeyringError> {
        self.page_of(archive, record)?.halves(record).ok_or(KeyringError::Destroyed(record))
    }

    /// What is said of one record.
    ///
    /// # Errors
    /// [`KeyringError::UnknownArchive`], [`KeyringError::UnknownRecord`]; damage.
    pub fn record_entry(&mut self, archive: &ArchiveId, record: u64) -> Result<RecordEntry<'_>, KeyringError> {
        self.page_of(archive, record)?.entry(record).ok_or(KeyringError::UnknownRecord(record))
    }

    fn page_of(&mut self, archive: &ArchiveId, record: u64) -> Result<&Page, KeyringError> {
        self.may_read()?;
        if self.page.as_ref().is_none_or(|page| !page.covers(archive, record)) {
            let known = self.opened.archive(archive);
            let known = known.ok_or_else(|| KeyringError::UnknownArchive(hex::encode(archive)))?;
            let found = self.opened.page_of(known, record)?;
            self.page = Some(self.opened.open(&found)?);
        }
        Ok(self.page.as_ref().expect("it was just opened"))
    }

    /// Gives every record of one archive, or of all, to `each`: archives in the order of their deposit, records by
    /// number. Pages are opened on all cores; `each` is called on this thread.
    ///
    /// # Errors
    /// [`KeyringError::UnknownArchive`]; damage; those of `each`.
    pub fn for_each_record(
        &self,
        archive: Option<&ArchiveId>,
        each: &mut dyn FnMut(&KnownArchive, RecordEntry<'_>) -> Result<(), KeyringError>,
    ) -> Result<(), KeyringError> {
        self.for_each_page(archive, &mut |known, page| page.entries().try_for_each(|entry| each(known, entry)))
    }

    /// Gives single records of an archive to `each`, by number, without opening pages that none of them is on. Pages are
    /// opened on all cores; `each` is called on this thread.
    ///
    /// # Errors
    /// [`KeyringError::UnknownArchive`], [`KeyringError::UnknownRecord`]; damage; those of `each`.
    pub fn for_records(
        &self,
        archive: &ArchiveId,
        records: &Ranges,
        each: &mut dyn FnMut(&KnownArchive, RecordEntry<'_>) -> Result<(), KeyringError>,
    ) -> Result<(), KeyringError> {
        self.may_read()?;
        let known = self.opened.archive(archive);
        let known = known.ok_or_else(|| KeyringError::UnknownArchive(hex::encode(archive)))?;
        let pages = known.records().div_ceil(PAGE_RECORDS as u64).min(records.count());
        let mut numbers = records.iter().peekable();
        let next = || {
            let Some(number) = numbers.next() else { return Ok(None) };
            // Refuses a number that no record has, before anything is made of it.
            let found = self.opened.page_of(known, number)?;
            let end = first_of(number).saturating_add(PAGE_RECORDS as u64);
            let mut on_it = vec![number];
            while let Some(number) = numbers.next_if(|number| *number < end) {
                on_it.push(number);
            }
            Ok(Some((found, on_it)))
        };
        let open = |(found, on_it): (Found, Vec<u64>)| Ok((open_page(std::slice::from_ref(known), &found)?, on_it));
        in_order(usize::try_from(pages).unwrap_or(usize::MAX), next, open, |(page, on_it)| {
            on_it
                .into_iter()
                .try_for_each(|number| each(known, page.entry(number).ok_or(KeyringError::UnknownRecord(number))?))
        })
    }

    fn for_each_page(
        &self,
        archive: Option<&ArchiveId>,
        each: &mut dyn FnMut(&KnownArchive, &Page) -> Result<(), KeyringError>,
    ) -> Result<(), KeyringError> {
        self.may_read()?;
        let wanted = |known: &&KnownArchive| archive.is_none_or(|id| *id == known.id);
        let wanted: Vec<&KnownArchive> = self.opened.archives.iter().filter(wanted).collect();
        if let (Some(id), []) = (archive, &wanted[..]) {
            return Err(KeyringError::UnknownArchive(hex::encode(id)));
        }
        let pages_of = |known: &KnownArchive| (1..=known.records()).step_by(PAGE_RECORDS);
        let jobs = wanted.iter().map(|known| known.records().div_ceil(PAGE_RECORDS as u64) as usize).sum();
        self.watched.total(jobs as u64);
        let mut places = wanted.iter().flat_map(|known| pages_of(known).map(move |first| (*known, first)));
        let next = || places.next().map(|(known, first)| Ok((known, self.opened.page_of(known, first)?))).transpose();
        let open = |(known, found): (&KnownArchive, Found)| {
            let page = open_page(std::slice::from_ref(known), &found)?;
            let expected = (known.records() + 1 - found.row.first).min(PAGE_RECORDS as u64);
            if found.row.count == expected { Ok((known.id, page)) } else { Err(missing(known)) }
        };
        in_order(jobs, next, open, |(id, page)| {
            self.watched.advance(1);
            let known = self.opened.archive(&id).ok_or_else(|| KeyringError::UnknownArchive(hex::encode(id)))?;
            each(known, &page)
        })
    }

    /// Opens every page and document and compares them with the catalogue; returns the number of records with keys.
    ///
    /// # Errors
    /// [`KeyringError::Damaged`] names what does not fit.
    pub fn check(&self) -> Result<u64, KeyringError> {
        self.opened.catalogue.integrity()?;
        let (mut live, mut pages) = (0, 0);
        self.for_each_page(None, &mut |_, page| {
            pages += 1;
            live += page.entries().filter(|entry| entry.live).count() as u64;
            Ok(())
        })?;
        let table = &self.opened.table;
        if pages != table.pages.len() || !self.opened.catalogue.has_pages(&table.pages)? {
            return Err(KeyringError::Damaged(tr!("its pages are not those of its table")));
        }
        self.check_documents()?;
        Ok(live)
    }

    fn check_documents(&self) -> Result<(), KeyringError> {
        let found = self.opened.catalogue.documents()?;
        for name in found.iter().chain(self.opened.table.documents.keys()) {
            self.opened.document(name)?;
        }
        Ok(())
    }
}

fn missing(archive: &KnownArchive) -> KeyringError {
    KeyringError::Damaged(tr!("pages of archive {archive} are missing", archive = hex::encode(archive.id)))
}
