//! Pages: the expiry halves of up to 1,024 records and everything that decides about their destruction.
//!
//! Invariant: a record has its halves or the mark of the purge that destroyed them, never both, and no change takes a
//! term from it. Spec: `spec/keyring.md`, "Pages".

use super::{KeyringError, KnownArchive, NewRecord, PurgeId, sealed};
use crate::crypto::hash::{Hash, Hasher};
use crate::crypto::kdf::{ArchiveId, ExpiryHalves};
use crate::crypto::secret::Secret32;
use crate::language::text;
use crate::retention::term::{Bound, Keep, MAX_TERMS, Term};
use crate::retention::{AtExpiry, Retention};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use tr::tr;
use zeroize::Zeroizing;

/// Records on a page.
pub const PAGE_RECORDS: usize = 1024;

/// The first record of the page that `record` is on.
pub fn first_of(record: u64) -> u64 {
    (record - 1) / PAGE_RECORDS as u64 * PAGE_RECORDS as u64 + 1
}

/// Bytes of a record's two halves.
const HALVES: usize = 64;
/// What stands in the place of halves that were destroyed.
const NONE: [u8; HALVES] = [0; HALVES];

/// The content of a page, column by column: every column but the last has one entry for each record.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    #[serde(with = "hex::serde")]
    archive: ArchiveId,
    first: u64,
    /// Each once, in the order in which the records first use them: neighbours mostly share one.
    retentions: Vec<Retention>,
    compartments: Vec<u32>,
    /// Indices into the retentions.
    kept: Vec<u32>,
    /// `E_n` and `D_n`, or zeros after destruction.
    #[serde(with = "secret_text")]
    keys: Zeroizing<Vec<u8>>,
    /// Destroyed records, by number.
    destroyed: BTreeMap<u64, Id>,
}

/// The id of a purge, as 32 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Id(#[serde(with = "hex::serde")] pub PurgeId);

/// What a keyring says of one record without its halves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordEntry<'a> {
    /// Its number.
    pub record: u64,
    /// Its compartment: an index into [`KnownArchive::compartments`].
    pub compartment: u32,
    /// What applies to it.
    pub retention: &'a Retention,
    /// Whether its halves are here.
    pub live: bool,
    /// Otherwise: the purge that destroyed them.
    pub destroyed: Option<PurgeId>,
}

/// What is to become of records of one page.
#[derive(Default)]
pub struct PageChange {
    /// New retentions, to be applied in this order.
    pub extend: Vec<(u64, Retention)>,
    /// Records whose halves are destroyed.
    pub destroy: Vec<u64>,
}

impl Page {
    /// A page of records from `first` on.
    pub fn new(archive: &ArchiveId, first: u64, records: &[NewRecord]) -> Self {
        let mut page = Self {
            archive: *archive,
            first,
            retentions: Vec::new(),
            compartments: records.iter().map(|new| new.compartment).collect(),
            kept: Vec::with_capacity(records.len()),
            // Never moved: that would leave a copy behind.
            keys: Zeroizing::new(Vec::with_capacity(records.len() * HALVES)),
            destroyed: BTreeMap::new(),
        };
        for new in records {
            let retention = page.number_of(&new.retention);
            page.kept.push(retention);
            page.keys.extend_from_slice(new.halves.record.expose());
            page.keys.extend_from_slice(new.halves.label.expose());
        }
        page
    }

    /// The index of a retention, which is added where it is not there yet.
    fn number_of(&mut self, retention: &Retention) -> u32 {
        let known = self.retentions.iter().rposition(|known| known == retention);
        let at = known.unwrap_or_else(|| {
            self.retentions.push(retention.clone());
            self.retentions.len() - 1
        });
        u32::try_from(at).expect("a page has few records")
    }

    /// Brings the retentions into their order, without those that no record uses any more.
    fn order_retentions(&mut self) {
        let mut number = vec![None; self.retentions.len()];
        let mut ordered = Vec::new();
        for at in &mut self.kept {
            *at = *number[*at as usize].get_or_insert_with(|| {
                ordered.push(self.retentions[*at as usize].clone());
                ordered.len() as u32 - 1
            });
        }
        self.retentions = ordered;
    }

    /// Whether every record has what it needs and nothing that contradicts it.
    fn is_whole(&self, compartments: usize, count: u64) -> bool {
        let mut used = 0;
        let in_order = self.kept.iter().all(|at| {
            let fits = *at <= used;
            used += u32::from(*at == used);
            fits
        });
        let mut once = BTreeSet::new();
        let allowed = |retention| Retention::check(retention).is_ok() && once.insert(retention);
        let (first, halves) = (self.first, self.keys.chunks_exact(HALVES));
        let gone = |(number, halves): (u64, &[u8])| self.destroyed.contains_key(&number) == (halves == NONE);
        [self.compartments.len(), self.kept.len(), halves.len()].iter().all(|column| *column as u64 == count)
            && self.keys.len().is_multiple_of(HALVES)
            && self.compartments.iter().all(|compartment| (*compartment as usize) < compartments)
            && (in_order && used as usize == self.retentions.len() && self.retentions.iter().all(allowed))
            && self.destroyed.keys().all(|number| self.place(*number).is_some())
            && (first..).zip(halves).all(gone)
    }

    /// The page as an age file to `identity`.
    pub fn seal(&self, identity: &Secret32) -> Vec<u8> {
        let text = Zeroizing::new(serde_json::to_vec(self).expect("a page is always JSON"));
        sealed::seal(identity, &text)
    }

    /// Opens the page of `archive` that begins at record `first` and has `count`.
    ///
    /// # Errors
    /// [`KeyringError::Damaged`], also for another page than that.
    pub fn open(
        identity: &Secret32,
        file: &[u8],
        archive: &KnownArchive,
        first: u64,
        count: u64,
    ) -> Result<Self, KeyringError> {
        let id = || hex::encode(archive.id);
        let text = sealed::open(identity, file).map_err(|e| {
            KeyringError::Damaged(tr!(
                "the page of record {record} of archive {archive} does not open: {what}",
                record = first,
                archive = id(),
                what = e
            ))
        })?;
        let page: Self = serde_json::from_slice(&text).map_err(|e| {
            KeyringError::Damaged(tr!(
                "the page of record {record} of archive {archive}: {what}",
                record = first,
                archive = id(),
                what = crate::language::of_library(e)
            ))
        })?;
        if page.archive != archive.id || page.first != first {
            return Err(KeyringError::Damaged(tr!(
                "the page of record {record} of archive {archive} is another's",
                record = first,
                archive = id()
            )));
        }
        if !page.is_whole(archive.compartments.len(), count) {
            return Err(KeyringError::Damaged(tr!(
                "the page of record {record} of archive {archive} has a record that contradicts itself",
                record = first,
                archive = id()
            )));
        }
        Ok(page)
    }

    /// Where a record stands in the columns.
    fn place(&self, record: u64) -> Option<usize> {
        let at = usize::try_from(record.checked_sub(self.first)?).ok()?;
        (at < self.kept.len()).then_some(at)
    }

    fn halves_at(&self, at: usize) -> &[u8] {
        &self.keys[at * HALVES..][..HALVES]
    }

    /// The halves of a record that is on this page, unless they were destroyed.
    pub fn halves(&self, record: u64) -> Option<ExpiryHalves> {
        let at = self.place(record).filter(|_| !self.destroyed.contains_key(&record))?;
        let (record, label) = self.halves_at(at).split_at(HALVES / 2);
        Some(ExpiryHalves { record: Secret32::from_slice(record)?, label: Secret32::from_slice(label)? })
    }

    /// What the page says of a record that is on it.
    pub fn entry(&self, record: u64) -> Option<RecordEntry<'_>> {
        Some(self.entry_at(self.place(record)?))
    }

    fn entry_at(&self, at: usize) -> RecordEntry<'_> {
        let record = self.first + at as u64;
        let destroyed = self.destroyed.get(&record).map(|id| id.0);
        RecordEntry {
            record,
            compartment: self.compartments[at],
            retention: &self.retentions[self.kept[at] as usize],
            live: destroyed.is_none(),
            destroyed,
        }
    }

    /// What the page says of its records, in order.
    pub fn entries(&self) -> impl Iterator<Item = RecordEntry<'_>> {
        (0..self.kept.len()).map(|at| self.entry_at(at))
    }

    /// Whether the page is the one that `record` of `archive` is on.
    pub fn covers(&self, archive: &ArchiveId, record: u64) -> bool {
        self.archive == *archive && self.place(record).is_some()
    }

    /// Does what is asked.
    ///
    /// # Errors
    /// [`KeyringError::Destroyed`] names a record that has no halves any more; [`KeyringError::Shortened`] one whose
    /// terms would not all stay; [`KeyringError::UnknownRecord`] one that is not here.
    pub fn apply(&mut self, change: &PageChange, purge: Option<PurgeId>) -> Result<(), KeyringError> {
        for (number, retention) in &change.extend {
            let at = self.live(*number)?;
            if !may_follow(&self.retentions[self.kept[at] as usize], retention) {
                return Err(KeyringError::Shortened(*number));
            }
            self.kept[at] = self.number_of(retention);
        }
        for number in &change.destroy {
            let at = self.live(*number)?;
            let purge = purge.ok_or(KeyringError::Refused(text!("only a purge destroys keys")))?;
            self.keys[at * HALVES..][..HALVES].copy_from_slice(&NONE);
            self.destroyed.insert(*number, Id(purge));
        }
        self.order_retentions();
        Ok(())
    }

    /// Where a record stands that has its halves.
    fn live(&self, number: u64) -> Result<usize, KeyringError> {
        let at = self.place(number).ok_or(KeyringError::UnknownRecord(number))?;
        if self.destroyed.contains_key(&number) { Err(KeyringError::Destroyed(number)) } else { Ok(at) }
    }

    /// A hash over everything that the page says.
    pub fn fingerprint(&self) -> Hash {
        self.fingerprint_after(&PageChange::default(), None)
    }

    /// What [`Self::fingerprint`] must be once `change` was done: computed from what is asked, not from what was done.
    pub fn fingerprint_after(&self, change: &PageChange, purge: Option<PurgeId>) -> Hash {
        let mut hasher = Hasher::default();
        hasher.update(&self.archive);
        hasher.update(&self.first.to_be_bytes());
        let texts: Vec<Vec<u8>> = self.retentions.iter().map(text_of).collect();
        for (at, entry) in self.entries().enumerate() {
            let number = entry.record;
            match if change.destroy.contains(&number) { purge } else { entry.destroyed } {
                None => {
                    hasher.update(&[1]);
                    hasher.update(self.halves_at(at));
                }
                Some(purge) => {
                    hasher.update(&[0]);
                    hasher.update(&purge);
                }
            }
            hasher.update(&entry.compartment.to_be_bytes());
            let extended = change.extend.iter().rev().find(|(extended, _)| *extended == number);
            let extended = extended.map(|(_, retention)| text_of(retention));
            let text = extended.as_ref().unwrap_or(&texts[self.kept[at] as usize]);
            hasher.update(&(text.len() as u64).to_be_bytes());
            hasher.update(text);
        }
        hasher.finish()
    }
}

fn text_of(retention: &Retention) -> Vec<u8> {
    serde_json::to_vec(retention).expect("a retention is always JSON")
}

/// Serde for secret bytes as base64 text, without a copy that is not wiped.
mod secret_text {
    use base64::{Engine, prelude::BASE64_STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use zeroize::Zeroizing;

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(BASE64_STANDARD.encode(bytes)))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Zeroizing<Vec<u8>>, D::Error> {
        // A text with escapes is not borrowed, and not of ours.
        let text = <&str>::deserialize(deserializer)?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() / 4 * 3));
        BASE64_STANDARD.decode_vec(text, &mut bytes).map_err(D::Error::custom)?;
        Ok(bytes)
    }
}

/// Whether a record's retention may become `after`: nothing that kept it may go, and nothing come that ends it earlier.
fn may_follow(before: &Retention, after: &Retention) -> bool {
    let added = |term: &&Term| !before.terms.contains(term);
    // Where there is no room, a floor that somebody chose makes way for a later one (D-12).
    let chosen = |term: &Term| match (&term.keep, term.bound, &term.rule) {
        (Keep::Until(last), Bound::Floor, None) => Some(*last),
        _ => None,
    };
    let latest = after.terms.iter().filter(added).filter_map(chosen).max();
    let makes_way =
        |term: &Term| before.terms.len() >= MAX_TERMS && chosen(term).is_some_and(|last| latest > Some(last));
    after.check().is_ok()
        && before.terms.iter().all(|term| after.terms.contains(term) || makes_way(term))
        && after.terms.iter().filter(added).all(|term| term.bound == Bound::Floor)
        && (before.at_expiry == after.at_expiry || after.at_expiry == AtExpiry::Review)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(day: &str, bound: Bound) -> Term {
        Term { keep: Keep::Until(day.parse().unwrap()), bound, rule: None, notify: None }
    }

    fn of(terms: &[Term], at_expiry: AtExpiry) -> Retention {
        Retention { terms: terms.to_vec(), at_expiry }
    }

    #[test]
    fn a_retention_only_grows() {
        let (short, long) = (term("2030-01-01", Bound::Floor), term("2040-01-01", Bound::Floor));
        let ceiling = term("2025-01-01", Bound::Ceiling);
        let before = of(std::slice::from_ref(&short), AtExpiry::Destroy);
        let review = of(std::slice::from_ref(&short), AtExpiry::Review);
        assert!(may_follow(&before, &before));
        assert!(may_follow(&before, &of(&[short.clone(), long.clone()], AtExpiry::Destroy)));
        assert!(may_follow(&before, &review));
        assert!(!may_follow(&review, &before));
        assert!(!may_follow(&before, &of(&[long], AtExpiry::Destroy)));
        assert!(!may_follow(&before, &of(&[], AtExpiry::Destroy)));
        assert!(!may_follow(&before, &of(&[short.clone(), ceiling], AtExpiry::Destroy)));
        assert!(!may_follow(&before, &of(&vec![short; 17], AtExpiry::Destroy)));
        // Where there is no room (D-12), the last chosen floor makes way for a later one, and nothing else does.
        let days: Vec<Term> = (0..16).map(|n| term(&format!("20{}-01-01", 40 + n), Bound::Floor)).collect();
        let with = |out: usize, day: &str| {
            let mut terms = days.clone();
            terms[out] = term(day, Bound::Floor);
            of(&terms, AtExpiry::Destroy)
        };
        let full = of(&days, AtExpiry::Destroy);
        assert!(may_follow(&full, &with(15, "2056-01-01")));
        assert!(!may_follow(&full, &with(15, "2054-12-31")), "the new one has to be later");
        assert!(!may_follow(&full, &of(&days[..15], AtExpiry::Destroy)));
        assert!(!may_follow(&of(&days[..15], AtExpiry::Destroy), &with(0, "2056-01-01")), "there is room");
        let rule = Term { rule: Some("own".into()), ..days[15].clone() };
        let of_rule = of(&[&days[..15], &[rule]].concat(), AtExpiry::Destroy);
        assert!(!may_follow(&of_rule, &with(15, "2056-01-01")), "a rule's never makes way");
    }

    #[test]
    fn a_fingerprint_is_foretold() {
        let retention = of(&[term("2030-01-01", Bound::Floor)], AtExpiry::Destroy);
        let new = |_| NewRecord { halves: ExpiryHalves::random(), compartment: 0, retention: retention.clone().into() };
        let mut page = Page::new(&[7; 16], 1025, &(0..5).map(new).collect::<Vec<_>>());
        let longer = of(&[term("2030-01-01", Bound::Floor), term("2040-01-01", Bound::Floor)], AtExpiry::Destroy);
        let change = PageChange { extend: vec![(1026, longer)], destroy: vec![1025, 1029] };
        let (before, foretold) = (page.fingerprint(), page.fingerprint_after(&change, Some([9; 16])));
        assert_ne!(before, foretold);
        assert_ne!(foretold, page.fingerprint_after(&change, Some([8; 16])));
        page.apply(&change, Some([9; 16])).unwrap();
        assert_eq!(page.fingerprint(), foretold);
        let entries: Vec<_> = page.entries().map(|entry| (entry.record, entry.live, entry.destroyed)).collect();
        let gone = Some([9; 16]);
        assert_eq!(
            entries,
            [(1025, false, gone), (1026, true, None), (1027, true, None), (1028, true, None), (1029, false, gone)]
        );
        assert!(matches!(page.apply(&change, Some([9; 16])), Err(KeyringError::Destroyed(1025))));
    }
}
