//! Replays a journal from its first leaf: every entry, the tree, and the checkpoints that it must fit.
//!
//! Invariant: one pass, memory independent of the journal's length. Spec: `spec/journal.md`, "Verifying".

use super::JournalError;
use super::entry::Leaf;
use crate::crypto::hash::Hash;
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::tile::{Finished, LogBuilder};
use chrono::{DateTime, Utc};
use tr::tr;

/// Times that run backwards and are listed; the others are counted.
const LISTED: usize = 100;

/// A replay that has begun.
pub struct Replay<'a> {
    log: LogBuilder,
    heads: Vec<&'a Checkpoint>,
    latest: Option<DateTime<Utc>>,
    verified: Verified,
}

/// What a replay found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Entries.
    pub size: u64,
    /// Root over them; `None` where there are none.
    pub root: Option<Hash>,
    /// How often an entry's time was before an earlier entry's.
    pub backwards: u64,
    /// The first such entries: index and time.
    pub backwards_at: Vec<(u64, DateTime<Utc>)>,
}

impl<'a> Replay<'a> {
    /// A replay that must come by these heads.
    pub fn new(heads: impl IntoIterator<Item = &'a Checkpoint>) -> Self {
        Self {
            log: LogBuilder::default(),
            heads: heads.into_iter().collect(),
            latest: None,
            verified: Verified::default(),
        }
    }

    /// Takes the next leaf; gives its entry and the bundle and tiles that became full by it.
    ///
    /// # Errors
    /// [`JournalError::Entry`]; [`JournalError::Forked`] where the leaves so far are not those of a head.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(Leaf, Vec<Finished>), JournalError> {
        let index = self.log.size();
        let leaf = Leaf::parse(index, bytes)?;
        if self.latest.is_some_and(|latest| leaf.time < latest) {
            self.verified.backwards += 1;
            if self.verified.backwards_at.len() < LISTED {
                self.verified.backwards_at.push((index, leaf.time));
            }
        } else {
            self.latest = Some(leaf.time);
        }
        let finished = self.log.push(bytes)?;
        let size = self.log.size();
        for head in self.heads.iter().filter(|head| head.size == size) {
            if self.log.root() != Some(head.root) {
                return Err(JournalError::Forked(tr!(
                    "its first {size} entries are not those of the checkpoint over them",
                    size = size
                )));
            }
        }
        Ok((leaf, finished))
    }

    /// Ends the replay after the last leaf; gives what it found, and the bundle and tiles that are not full.
    ///
    /// # Errors
    /// [`JournalError::Older`] where a head is over more leaves than there were.
    pub fn finish(self) -> Result<(Verified, Vec<Finished>), JournalError> {
        let size = self.log.size();
        if let Some(head) = self.heads.iter().find(|head| head.size > size) {
            return Err(JournalError::Older { size, seen: head.size });
        }
        let (partial, root) = if size > 0 {
            let (partial, root) = self.log.finish();
            (partial, Some(root))
        } else {
            (Vec::new(), None)
        };
        Ok((Verified { size, root, ..self.verified }, partial))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::entry::Entry;

    fn leaf(time: &str) -> Vec<u8> {
        Leaf::new(time.parse().unwrap(), Entry::Release { hold: [1; 16] }).to_bytes().unwrap()
    }

    #[test]
    fn heads_are_compared_where_they_stand_and_times_only_noted() {
        let leaves = ["2031-01-01T00:00:00Z", "2031-01-03T00:00:00Z", "2031-01-02T00:00:00Z"].map(leaf);
        let replay = |heads: &[Checkpoint]| {
            let mut replay = Replay::new(heads);
            leaves.iter().try_for_each(|leaf| replay.push(leaf).map(|_| ()))?;
            replay.finish().map(|(verified, _)| verified)
        };
        let head = |size: usize, root| Checkpoint { origin: "f/journal/0".into(), size: size as u64, root };
        let root = |size: usize| {
            let mut log = LogBuilder::default();
            leaves[..size].iter().for_each(|leaf| drop(log.push(leaf).unwrap()));
            log.root().unwrap()
        };
        let found = replay(&[head(1, root(1)), head(2, root(2)), head(3, root(3))]).unwrap();
        assert_eq!((found.size, found.root, found.backwards), (3, Some(root(3)), 1));
        assert_eq!(found.backwards_at, [(2, "2031-01-02T00:00:00Z".parse().unwrap())]);
        assert!(matches!(replay(&[head(2, root(3))]), Err(JournalError::Forked(_))));
        assert!(matches!(replay(&[head(4, root(3))]), Err(JournalError::Older { size: 3, seen: 4 })));
    }
}
