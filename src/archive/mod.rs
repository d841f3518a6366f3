//! One archive, from bytes to records and back.
//!
//! A POSIX tar of age files under one signed Merkle root. Invariant: every byte is either covered by the root or has
//! exactly one value that the format allows (P4). Spec: `spec/archive.md`.

pub mod bag_reader;
pub mod bag_writer;
pub mod compress;
pub mod extract;
pub mod label;
pub mod layout;
pub mod leaf;
pub mod manifest;
pub mod pax;
pub mod proof;
pub mod reader;
pub mod readme;
pub mod record;
pub mod salvage;
pub mod tree;
pub mod verify;
pub mod writer;

use crate::crypto::CryptoError;
use crate::tlog::TlogError;
use tr::tr;

/// What can go wrong with an archive.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The bytes are not a whole, valid archive.
    #[error("{}: {}", place, what)]
    Damaged {
        /// Which part, in the words of the spec.
        place: String,
        /// What is wrong with it.
        what: String,
    },
    /// A valid seal over a format that this version does not read.
    #[error("{}", tr!("its format is {format}, which is newer than this version of keepuntil", format = format!("{_0:?}")))]
    NewerFormat(String),
    /// There is no such record.
    #[error("{}", tr!("there is no record {record}; its records are numbered 1 to {last}", record = _0, last = _1))]
    NoSuchRecord(u64, u64),
    /// An extract without this record.
    #[error("{}", tr!("record {record} is not in this extract", record = _0))]
    NotInExtract(u64),
    /// Something in a record exceeds the limits that were set for reading it.
    #[error("{}", tr!("record {record}: {what}", record = record, what = what))]
    Limit {
        /// Which record.
        record: u64,
        /// Which limit.
        what: String,
    },
    /// A leaf that would not fit into its log.
    #[error("{}", tr!("record {record}: its leaf is larger than 65,535 bytes", record = _0))]
    LeafTooLarge(u64),
    /// Keys or ciphertext.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// Reading or writing failed.
    #[error("{}", crate::language::of_system(_0))]
    Io(#[from] std::io::Error),
}

impl ArchiveError {
    /// Damage at a place.
    pub fn damaged(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Damaged { place: place.into(), what: what.into() }
    }
}

impl From<TlogError> for ArchiveError {
    fn from(error: TlogError) -> Self {
        let (place, what) = error.place_and_fault();
        Self::damaged(place, what)
    }
}
