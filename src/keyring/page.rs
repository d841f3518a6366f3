//! Pages: the expiry halves of up to 256 records and everything that decides about their destruction.
//!
//! Invariant: a record has its halves or the mark of the purge that destroyed them, never both, and no change takes a
//! term from it. Spec: `spec/keyring.md`, "Pages".

use super::{KeyringError, KnownArchive, NewRecord, PurgeId, sealed};
use crate::crypto::hash::{Hash, Hasher};
use crate::crypto::kdf::{ArchiveId, ExpiryHalves};
use crate::crypto::secret::Secret32;
use crate::retention::term::Bound;
use crate::retention::{AtExpiry, Retention};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Records on a page.
pub const PAGE_RECORDS: usize = 256;

/// The first record of the page that `record` is on.
pub fn first_of(record: u64) -> u64 {
    (record - 1) / PAGE_RECORDS as u64 * PAGE_RECORDS as u64 + 1
}

/// The content of a page.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    #[serde(with = "hex::serde")]
    archive: ArchiveId,
    first: u64,
    /// Each once, in the order in which the records first use them: neighbours mostly share one.
    retentions: Vec<Retention>,
    records: Vec<PageRecord>,
}

/// What a page holds of one record.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageRecord {
    /// Absent after destruction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keys: Option<PageKeys>,
    compartment: u32,
    /// An index into the page's retentions.
    retention: u32,
    /// Present after destruction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    destroyed: Option<Id>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PageKeys {
    record: Secret32,
    label: Secret32,
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

impl PageRecord {
    /// The record's halves, unless they were destroyed.
    pub fn halves(&self) -> Option<ExpiryHalves> {
        let keys = self.keys.as_ref()?;
        Some(ExpiryHalves { record: keys.record.clone(), label: keys.label.clone() })
    }
}

impl Page {
    /// A page of records from `first` on.
    pub fn new(archive: &ArchiveId, first: u64, records: &[NewRecord]) -> Self {
        let mut page = Self { archive: *archive, first, retentions: Vec::new(), records: Vec::new() };
        for new in records {
            let keys = PageKeys { record: new.halves.record.clone(), label: new.halves.label.clone() };
            let retention = page.number_of(&new.retention);
            page.records.push(PageRecord {
                keys: Some(keys),
                compartment: new.compartment,
                retention,
                destroyed: None,
            });
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
        for record in &mut self.records {
            let at = record.retention as usize;
            let number = number[at].get_or_insert_with(|| {
                ordered.push(self.retentions[at].clone());
                ordered.len() as u32 - 1
            });
            record.retention = *number;
        }
        self.retentions = ordered;
    }

    /// Whether the retentions are each used, allowed, once there, and in the order of their first use.
    fn has_ordered_retentions(&self) -> bool {
        let mut used = 0;
        let in_order = self.records.iter().all(|record| {
            let fits = record.retention <= used;
            used += u32::from(record.retention == used);
            fits
        });
        let once = |(at, retention): (usize, &Retention)| !self.retentions[..at].contains(retention);
        in_order
            && used as usize == self.retentions.len()
            && self.retentions.iter().all(|retention| retention.check().is_ok())
            && self.retentions.iter().enumerate().all(once)
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
        let which = || format!("the page of record {first} of archive {}", hex::encode(archive.id));
        let text = sealed::open(identity, file)
            .map_err(|e| KeyringError::Damaged(format!("{} does not open: {e}", which())))?;
        let page: Self =
            serde_json::from_slice(&text).map_err(|e| KeyringError::Damaged(format!("{}: {e}", which())))?;
        if page.archive != archive.id || page.first != first || page.records.len() as u64 != count {
            return Err(KeyringError::Damaged(format!("{} is another's", which())));
        }
        let whole = |record: &PageRecord| {
            record.keys.is_some() != record.destroyed.is_some()
                && (record.compartment as usize) < archive.compartments.len()
        };
        if !page.records.iter().all(whole) || !page.has_ordered_retentions() {
            return Err(KeyringError::Damaged(format!("{} has a record that contradicts itself", which())));
        }
        Ok(page)
    }

    /// The entry of a record that is on this page.
    pub fn record(&self, record: u64) -> Option<&PageRecord> {
        self.records.get(usize::try_from(record.checked_sub(self.first)?).ok()?)
    }

    /// What the page says of a record that is on it.
    pub fn entry(&self, record: u64) -> Option<RecordEntry<'_>> {
        Some(self.entry_of(record, self.record(record)?))
    }

    fn entry_of<'a>(&'a self, number: u64, record: &PageRecord) -> RecordEntry<'a> {
        RecordEntry {
            record: number,
            compartment: record.compartment,
            retention: &self.retentions[record.retention as usize],
            live: record.keys.is_some(),
            destroyed: record.destroyed.map(|id| id.0),
        }
    }

    /// What the page says of its records, in order.
    pub fn entries(&self) -> impl Iterator<Item = RecordEntry<'_>> {
        (self.first..).zip(&self.records).map(|(number, record)| self.entry_of(number, record))
    }

    /// Whether the page is the one that `record` of `archive` is on.
    pub fn covers(&self, archive: &ArchiveId, record: u64) -> bool {
        self.archive == *archive && self.record(record).is_some()
    }

    /// Does what is asked.
    ///
    /// # Errors
    /// [`KeyringError::Destroyed`] names a record that has no halves any more; [`KeyringError::Shortened`] one whose
    /// terms would not all stay; [`KeyringError::UnknownRecord`] one that is not here.
    pub fn apply(&mut self, change: &PageChange, purge: Option<PurgeId>) -> Result<(), KeyringError> {
        for (number, retention) in &change.extend {
            let before = self.live(*number)?.retention as usize;
            if !may_follow(&self.retentions[before], retention) {
                return Err(KeyringError::Shortened(*number));
            }
            let after = self.number_of(retention);
            self.live(*number)?.retention = after;
        }
        self.order_retentions();
        for number in &change.destroy {
            let record = self.live(*number)?;
            record.keys = None;
            record.destroyed = purge.map(Id);
        }
        Ok(())
    }

    fn live(&mut self, number: u64) -> Result<&mut PageRecord, KeyringError> {
        let at = number.checked_sub(self.first).and_then(|at| usize::try_from(at).ok());
        let record = at.and_then(|at| self.records.get_mut(at)).ok_or(KeyringError::UnknownRecord(number))?;
        if record.keys.is_some() { Ok(record) } else { Err(KeyringError::Destroyed(number)) }
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
        let mut last: Option<(&Retention, Vec<u8>)> = None;
        for (number, record) in (self.first..).zip(&self.records) {
            let destroyed = if change.destroy.contains(&number) { purge.map(Id) } else { record.destroyed };
            match (&record.keys, destroyed) {
                (Some(keys), None) => {
                    hasher.update(&[1]);
                    hasher.update(keys.record.expose());
                    hasher.update(keys.label.expose());
                }
                (_, destroyed) => {
                    hasher.update(&[0]);
                    hasher.update(&destroyed.map_or([0; 16], |id| id.0));
                }
            }
            hasher.update(&record.compartment.to_be_bytes());
            let extended = change.extend.iter().rev().find(|(extended, _)| *extended == number);
            let retention = extended.map_or(&self.retentions[record.retention as usize], |(_, retention)| retention);
            // Neighbours mostly have the same.
            if last.as_ref().is_none_or(|(same, _)| *same != retention) {
                last = Some((retention, serde_json::to_vec(retention).expect("a retention is always JSON")));
            }
            let text = last.as_ref().map_or(&[][..], |(_, text)| text);
            hasher.update(&(text.len() as u64).to_be_bytes());
            hasher.update(text);
        }
        hasher.finish()
    }
}

/// Whether a record's retention may become `after`: nothing that kept it may go, and nothing come that ends it earlier.
fn may_follow(before: &Retention, after: &Retention) -> bool {
    let added = |term: &&crate::retention::term::Term| !before.terms.contains(term);
    after.check().is_ok()
        && before.terms.iter().all(|term| after.terms.contains(term))
        && after.terms.iter().filter(added).all(|term| term.bound == Bound::Floor)
        && (before.at_expiry == after.at_expiry || after.at_expiry == AtExpiry::Review)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retention::term::{Keep, Term};

    fn term(day: &str, bound: Bound) -> Term {
        Term { keep: Keep::Until(day.parse().unwrap()), bound, rule: None }
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
    }

    #[test]
    fn a_fingerprint_is_foretold() {
        let retention = of(&[term("2030-01-01", Bound::Floor)], AtExpiry::Destroy);
        let new = |_| NewRecord { halves: ExpiryHalves::random(), compartment: 0, retention: retention.clone() };
        let mut page = Page::new(&[7; 16], 257, &(0..5).map(new).collect::<Vec<_>>());
        let longer = of(&[term("2030-01-01", Bound::Floor), term("2040-01-01", Bound::Floor)], AtExpiry::Destroy);
        let change = PageChange { extend: vec![(258, longer)], destroy: vec![257, 261] };
        let (before, foretold) = (page.fingerprint(), page.fingerprint_after(&change, Some([9; 16])));
        assert_ne!(before, foretold);
        assert_ne!(foretold, page.fingerprint_after(&change, Some([8; 16])));
        page.apply(&change, Some([9; 16])).unwrap();
        assert_eq!(page.fingerprint(), foretold);
        let entries: Vec<_> = page.entries().map(|entry| (entry.record, entry.live, entry.destroyed)).collect();
        let gone = Some([9; 16]);
        assert_eq!(
            entries,
            [(257, false, gone), (258, true, None), (259, true, None), (260, true, None), (261, false, gone)]
        );
        assert!(matches!(page.apply(&change, Some([9; 16])), Err(KeyringError::Destroyed(257))));
    }
}
