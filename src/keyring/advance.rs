//! A new generation: the one way in which keys are destroyed, retentions extended and what decides about them changed.
//!
//! The write order, which the promises rest on (P2, P8); each step is durable before the next begins:
//!
//! 1. The caller holds the exclusive lock, has rechecked everything, and has journalled what it intends ([`Keyring::store`]).
//! 2. A new, independent root goes into the idle slot. So far nothing has changed: the old root opens the catalogue.
//! 3. One transaction: the touched pages and documents under fresh identities, the whole key table under the new root, the
//!    generation, the journal's leaves, and what is still to be done (the document `unfinished`). This is the point of no
//!    return. Both roots are there; the old one opens older copies only.
//! 4. On a new connection, with the root as the slot gives it back: every page identity, every document and every touched
//!    page opens, and what the touched pages say is what was intended.
//! 5. The old slot is overwritten. From here on every older copy of the catalogue, its journal and free pages is noise.
//! 6. The outcome is journalled, and `unfinished` goes, in one transaction.
//!
//! Recovery is steps 4 to 6 again, by the same code: what an interruption left in the idle slot is overwritten only after
//! the catalogue has opened and proved whole under its own root. An interruption before the point of no return leaves the
//! new root there, one after it the old root; either is then the wrong one. After a failed write or `fsync` nothing is tried
//! again in the same run, since the kernel may have dropped what it could not write: this value refuses every
//! further change. Spec: `spec/keyring.md`, "A new generation" and "Recovery".

use super::opened::{Found, Opened, open_page};
use super::page::{Id, PageChange, RecordEntry, first_of};
use super::parallel::in_order;
use super::root::{Idle, RootSlots};
use super::table::{LastPurge, Table};
use super::update::{UNFINISHED, Update};
use super::{Keyring, KeyringError, KnownArchive, PurgeId};
use crate::crypto::hash::{Hash, Hasher};
use crate::crypto::kdf::ArchiveId;
use crate::crypto::secret::Secret32;
use crate::language::text;
use crate::retention::ranges::Ranges;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tr::tr;

/// What an interrupted change had come to when the keyring was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovered {
    /// Nothing was interrupted.
    Nothing,
    /// The change had not reached the point of no return: it has not happened.
    Undone,
    /// The change had passed it: it is finished now.
    Finished(Option<PurgeId>),
}

/// The document `unfinished`: what a change intends, and what is to be journalled once it is done.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unfinished {
    generation: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    purge: Option<Id>,
    /// Ids of the touched pages.
    pages: Ranges,
    /// SHA-256 over their fingerprints, by rising id.
    content: String,
    /// Leaves in hex.
    outcome: Vec<String>,
}

/// Everything that is written, made before anything is.
struct Prepared {
    generation: u64,
    root: Secret32,
    table: Table,
    pages: Vec<Rewritten>,
    documents: Vec<(String, Vec<u8>)>,
    leaves: Vec<Vec<u8>>,
    unfinished: Unfinished,
}

/// Pages without the keys of records that are to go, each under a new identity: in memory, nothing is written yet.
pub struct Rewrite {
    generation: u64,
    purge: Option<PurgeId>,
    pages: Vec<Rewritten>,
}

/// A page under its new identity.
struct Rewritten {
    id: u64,
    identity: Secret32,
    body: Vec<u8>,
    fingerprint: Hash,
}

impl Keyring {
    /// Makes a change under a new root and destroys the old one; returns the new generation. Durable when it returns.
    ///
    /// Where the error is one of the update, nothing was changed. After any other the change may or may not have passed
    /// the point of no return: this value can only be dropped, and the next exclusive opening finds out and finishes.
    ///
    /// # Errors
    /// [`KeyringError::Destroyed`], [`KeyringError::Shortened`], [`KeyringError::UnknownArchive`],
    /// [`KeyringError::UnknownRecord`], [`KeyringError::Refused`] are the update's; those of files and catalogue.
    pub fn advance(&mut self, update: Update) -> Result<u64, KeyringError> {
        self.may_change()?;
        let prepared = self.prepare(update)?;
        // Taken back only at the end of all steps.
        self.stopped = true;
        self.page = None;
        self.slots.store(prepared.generation, &self.id, &prepared.root)?;
        self.commit(&prepared)?;
        let mut reached = Opened::read(&self.dir, &self.slots, &self.id)?;
        let written = Unfinished::of(&reached)?;
        if reached.table != prepared.table || written.as_ref() != Some(&prepared.unfinished) {
            return Err(KeyringError::Damaged(tr!("it gives back other keys than were written to it")));
        }
        finish(&mut reached, &self.slots, written)?;
        self.opened = reached;
        self.stopped = false;
        Ok(self.opened.generation)
    }

    /// Opens the touched pages, does to them what is asked, and seals everything: in memory, so that whatever is wrong
    /// with the update is found before the first write.
    fn prepare(&self, update: Update) -> Result<Prepared, KeyringError> {
        update.check_names()?;
        let changes = self.changes(&update)?;
        let Update { documents, leaves, purge, outcome, rewrite, .. } = update;
        let generation = self.opened.generation + 1;
        let rewrite = match rewrite {
            None => self.rewritten(&changes, purge, |_, _| Ok((true, ())), |()| ())?,
            Some(rewrite) if changes.is_empty() && (rewrite.generation, rewrite.purge) == (generation, purge) => {
                rewrite
            }
            Some(_) => return Err(KeyringError::Refused(text!("pages were rewritten for another change"))),
        };
        let pages = rewrite.pages;
        let mut content = Hasher::default();
        pages.iter().for_each(|page| content.update(&page.fingerprint));
        let unfinished = Unfinished {
            generation,
            purge: purge.map(Id),
            pages: pages.iter().map(|page| page.id).collect(),
            content: hex::encode(content.finish()),
            outcome: outcome.iter().map(hex::encode).collect(),
        };
        let mut table = self.opened.table.clone();
        table.pages.extend(pages.iter().map(|page| (page.id, page.identity.clone())));
        if let Some(id) = purge {
            table.purge = Some(LastPurge { id, generation });
        }
        let text = serde_json::to_vec(&unfinished).expect("what is unfinished is always JSON");
        let documents = documents.into_iter().chain([(UNFINISHED.to_owned(), text)]);
        let documents = documents.map(|(name, text)| (name.clone(), table.seal_document(&name, &text))).collect();
        Ok(Prepared { generation, root: Secret32::random(), table, pages, documents, leaves, unfinished })
    }

    /// Rewrites, in memory, the pages of `records` without the keys of those that `judge` lets go, for an update of `purge`;
    /// gives `take` what it says of each. A page is opened once, and judged on whatever thread.
    ///
    /// # Errors
    /// [`KeyringError::Destroyed`], [`KeyringError::UnknownArchive`], [`KeyringError::UnknownRecord`]; damage; those of `judge`.
    pub fn rewrite<T: Send>(
        &self,
        purge: PurgeId,
        records: Vec<(ArchiveId, Ranges)>,
        judge: impl Fn(&KnownArchive, RecordEntry<'_>) -> Result<(bool, T), KeyringError> + Sync,
        take: impl FnMut(T),
    ) -> Result<Rewrite, KeyringError> {
        self.may_change()?;
        let purge = Some(purge);
        let changes = self.changes(&Update { destroy: records, purge, ..Update::default() })?;
        self.rewritten(&changes, purge, judge, take)
    }

    fn rewritten<T: Send>(
        &self,
        changes: &BTreeMap<(ArchiveId, u64), PageChange>,
        purge: Option<PurgeId>,
        judge: impl Fn(&KnownArchive, RecordEntry<'_>) -> Result<(bool, T), KeyringError> + Sync,
        mut take: impl FnMut(T),
    ) -> Result<Rewrite, KeyringError> {
        let mut places = changes.iter();
        let next = || {
            let Some(((archive, first), change)) = places.next() else { return Ok(None) };
            let unknown = || KeyringError::UnknownArchive(hex::encode(archive));
            let known = self.opened.archive(archive).ok_or_else(unknown)?;
            Ok(Some((known, self.opened.page_of(known, *first)?, change)))
        };
        let rewrite = |(known, found, asked): (&KnownArchive, Found, &PageChange)| {
            let mut page = open_page(std::slice::from_ref(known), &found)?;
            let mut change = PageChange { extend: asked.extend.clone(), destroy: Vec::new() };
            let mut said = Vec::new();
            for number in &asked.destroy {
                let entry = page.entry(*number).ok_or(KeyringError::UnknownRecord(*number))?;
                let (goes, what) = judge(known, entry)?;
                said.push(what);
                change.destroy.extend(goes.then_some(*number));
            }
            if change.extend.is_empty() && change.destroy.is_empty() {
                return Ok((said, None));
            }
            let fingerprint = page.fingerprint_after(&change, purge);
            page.apply(&change, purge)?;
            let identity = Secret32::random();
            let body = page.seal(&identity);
            Ok((said, Some(Rewritten { id: found.row.id, identity, body, fingerprint })))
        };
        let mut pages = Vec::new();
        self.watched.total(changes.len() as u64);
        in_order(changes.len(), next, rewrite, |(said, page)| {
            self.watched.advance(1);
            said.into_iter().for_each(&mut take);
            pages.extend(page);
            Ok(())
        })?;
        pages.sort_by_key(|page: &Rewritten| page.id);
        Ok(Rewrite { generation: self.opened.generation + 1, purge, pages })
    }

    /// What is asked, page by page.
    fn changes(&self, update: &Update) -> Result<BTreeMap<(ArchiveId, u64), PageChange>, KeyringError> {
        if update.purge.is_none() && !update.destroy.is_empty() {
            return Err(KeyringError::Refused(text!("only a purge destroys keys")));
        }
        let mut changes: BTreeMap<(ArchiveId, u64), PageChange> = BTreeMap::new();
        let records_of = |archive: &ArchiveId| match self.opened.archive(archive) {
            Some(known) => Ok(known.records()),
            None => Err(KeyringError::UnknownArchive(hex::encode(archive))),
        };
        for (archive, record, retention) in &update.extend {
            if *record == 0 || *record > records_of(archive)? {
                return Err(KeyringError::UnknownRecord(*record));
            }
            changes.entry((*archive, first_of(*record))).or_default().extend.push((*record, retention.clone()));
        }
        for (archive, records) in &update.destroy {
            let last = records.last().unwrap_or(0);
            // Looked at first: a set may name more records than there can be.
            if records.contains(0) || last > records_of(archive)? {
                return Err(KeyringError::UnknownRecord(last));
            }
            for record in records.iter() {
                changes.entry((*archive, first_of(record))).or_default().destroy.push(record);
            }
        }
        Ok(changes)
    }

    /// Step 3.
    fn commit(&mut self, prepared: &Prepared) -> Result<(), KeyringError> {
        let mut change = self.opened.catalogue.begin()?;
        for page in &prepared.pages {
            change.set_page(page.id, &page.body)?;
        }
        for (name, body) in &prepared.documents {
            change.set_document(name, body)?;
        }
        change.append(&prepared.leaves)?;
        change.set_table(prepared.generation, &prepared.table.seal(&prepared.root))?;
        change.commit()
    }
}

impl Unfinished {
    fn of(opened: &Opened) -> Result<Option<Self>, KeyringError> {
        let Some(text) = opened.document(UNFINISHED)? else { return Ok(None) };
        let damaged =
            |what: String| KeyringError::Damaged(tr!("document {name}: {what}", name = UNFINISHED, what = what));
        let unfinished: Self = serde_json::from_slice(&text).map_err(|e| damaged(crate::language::of_library(e)))?;
        if unfinished.generation != opened.generation {
            return Err(damaged(tr!("it is of generation {generation}", generation = unfinished.generation)));
        }
        Ok(Some(unfinished))
    }
}

/// Whether an interrupted change is to be finished: from the idle slot and the catalogue alone.
pub(super) fn is_unfinished(opened: &Opened, slots: &RootSlots, keyring: &[u8; 16]) -> Result<bool, KeyringError> {
    Ok(slots.idle(opened.generation, keyring)? != Idle::Empty || opened.table.documents.contains_key(UNFINISHED))
}

/// Finishes what an earlier run left; nothing is written where it left nothing.
pub(super) fn recover(opened: &mut Opened, slots: &RootSlots, keyring: &[u8; 16]) -> Result<Recovered, KeyringError> {
    let idle = slots.idle(opened.generation, keyring)?;
    let unfinished = Unfinished::of(opened)?;
    let recovered = match (&unfinished, idle) {
        (None, Idle::Empty) => return Ok(Recovered::Nothing),
        (None, _) => Recovered::Undone,
        (Some(unfinished), _) => Recovered::Finished(unfinished.purge.map(|id| id.0)),
    };
    finish(opened, slots, unfinished)?;
    Ok(recovered)
}

/// Steps 4 to 6, over a catalogue that was just opened.
fn finish(opened: &mut Opened, slots: &RootSlots, unfinished: Option<Unfinished>) -> Result<(), KeyringError> {
    verify(opened, unfinished.as_ref())?;
    // An earlier run may have ended between a commit and the last `fsync` of it. What is only in the kernel's memory must
    // be on the disk before the root that opens what is there now goes.
    opened.catalogue.sync()?;
    slots.wipe_idle(opened.generation)?;
    let Some(unfinished) = unfinished else { return Ok(()) };
    let leaves: Result<Vec<Vec<u8>>, _> = unfinished.outcome.iter().map(hex::decode).collect();
    let leaves =
        leaves.map_err(|e| KeyringError::Damaged(tr!("document {name}: {what}", name = UNFINISHED, what = e)))?;
    let mut table = opened.table.clone();
    table.documents.remove(UNFINISHED);
    let mut change = opened.catalogue.begin()?;
    change.append(&leaves)?;
    change.remove_document(UNFINISHED)?;
    change.set_table(opened.generation, &table.seal(&opened.root))?;
    change.commit()?;
    opened.table = table;
    Ok(())
}

/// Step 4: everything is there under this root, and the touched pages say what was intended.
fn verify(opened: &Opened, unfinished: Option<&Unfinished>) -> Result<(), KeyringError> {
    if !opened.catalogue.has_pages(&opened.table.pages)? {
        return Err(KeyringError::Damaged(tr!("its pages are not those of its table")));
    }
    for name in opened.table.documents.keys() {
        opened.document(name)?;
    }
    let Some(unfinished) = unfinished else { return Ok(()) };
    let mut ids = unfinished.pages.iter();
    let archives = &opened.archives[..];
    let mut content = Hasher::default();
    let jobs = usize::try_from(unfinished.pages.count()).unwrap_or(usize::MAX);
    in_order(
        jobs,
        || ids.next().map(|id| opened.page(id)).transpose(),
        |found| Ok(open_page(archives, &found)?.fingerprint()),
        |fingerprint| {
            content.update(&fingerprint);
            Ok(())
        },
    )?;
    if hex::encode(content.finish()) != unfinished.content {
        return Err(KeyringError::Damaged(tr!("its pages are not what was written to them")));
    }
    Ok(())
}
