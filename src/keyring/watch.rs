//! Who hears how far long work in a keyring is: pages that are opened or rewritten, entries of the journal that are checked.
//!
//! Invariant: it is told, never asked; what it does changes nothing in the keyring.

use std::sync::Arc;

/// Hears how far work is.
pub trait Watcher: Send + Sync {
    /// So many more steps there will be.
    fn total(&self, more: u64);
    /// So many more are done.
    fn advance(&self, done: u64);
}

/// One, or nobody.
#[derive(Clone, Default)]
pub struct Watched(Option<Arc<dyn Watcher>>);

impl Watched {
    /// By this one.
    pub fn by(watcher: Arc<dyn Watcher>) -> Self {
        Self(Some(watcher))
    }

    /// Tells how many more steps there will be.
    pub fn total(&self, more: u64) {
        if let Some(watcher) = &self.0 {
            watcher.total(more);
        }
    }

    /// Tells that so many more are done.
    pub fn advance(&self, done: u64) {
        if let Some(watcher) = &self.0 {
            watcher.advance(done);
        }
    }
}
