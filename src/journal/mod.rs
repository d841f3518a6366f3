//! What happened, as a log that nobody can rewrite unseen: entries, checkpoints, export, verification, witnesses.
//!
//! Invariant: an entry names records by number and people by key fingerprint; free text is in it only as a salted
//! commitment. Knows nothing of keyrings: leaves come in and go out as bytes. Spec: `spec/journal.md`.

pub mod certificate;
pub mod checkpoint;
pub mod cosign;
pub mod cosignature;
pub mod entry;
pub mod export;
pub mod folder;
pub mod items;
pub mod plan;
pub mod role;
pub mod verify;

use crate::crypto::CryptoError;
use crate::storage::StorageError;
use crate::tlog::TlogError;
use tr::tr;

/// What can be wrong with a journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A leaf that is not an entry of this format.
    #[error("{}", tr!("entry {index}: {what}", index = index, what = what))]
    Entry {
        /// Its index.
        index: u64,
        /// What is wrong with it.
        what: String,
    },
    /// An entry that must not be written.
    #[error("{}", tr!("this cannot stand in the journal: {}", _0))]
    Unwritable(String),
    /// Tree, tiles or checkpoint do not fit together.
    #[error("{}", tr!("journal: {}", _0))]
    Damaged(String),
    /// Two histories of one journal.
    #[error("{}", tr!("the journal was rewritten: {}", _0))]
    Forked(String),
    /// Less than what was there before.
    #[error("{}", tr!("the journal has {size} entries, but had {seen} before: it is a copy of an older state", size = size, seen = seen))]
    Older {
        /// Entries that it has.
        size: u64,
        /// Entries that the older checkpoint is over.
        seen: u64,
    },
    /// Signed by another, or for another journal.
    #[error("{0}")]
    Foreign(String),
    /// The witness has signed something else meanwhile.
    #[error("{}", tr!("the proof begins at {offered} entries, but this witness last signed {seen}", offered = offered, seen = seen))]
    OtherStart {
        /// Size that the proof begins at.
        offered: u64,
        /// Size that it should begin at.
        seen: u64,
    },
    /// A state file or a key file that cannot be used.
    #[error("{0}")]
    File(String),
    /// Notes, signatures, proofs.
    #[error(transparent)]
    Tlog(#[from] TlogError),
    /// Keys.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// Files.
    #[error(transparent)]
    Storage(#[from] StorageError),
}
