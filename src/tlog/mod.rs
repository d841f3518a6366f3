//! Transparency logs as C2SP writes them: Merkle tree, tiles, signed checkpoints, proofs.
//!
//! Serves archives (whose records are leaves) and the journal alike. Invariant: pure computation over bytes that the
//! caller reads and writes. Spec: `spec/archive.md`, "The tree" and "The seal"; `spec/journal.md`.

pub mod checkpoint;
pub mod consistency;
pub mod cosignature;
pub mod merkle;
pub mod note;
pub mod proof;
pub mod tile;

use crate::language::said;
use std::borrow::Cow;
use tr::tr;

/// What can be wrong with a tree, a note or a proof.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TlogError {
    /// A signed note that breaks the grammar or this format's profile of it.
    #[error("{}: {}", tr!("checkpoint"), said(_0))]
    Note(&'static str),
    /// A signature that does not verify, or is by another key.
    #[error("{}: {}", tr!("checkpoint"), said(_0))]
    Signature(&'static str),
    /// A witness's line that is missing, doubled or does not verify.
    #[error("{}: {}", tr!("cosignature"), said(_0))]
    Cosignature(&'static str),
    /// A proof that does not lead to the root, or is not written as one.
    #[error("{}: {}", tr!("proof"), said(_0))]
    Proof(&'static str),
    /// An entry bundle that does not hold what its place demands.
    #[error("{}: {}", tr!("entry bundle"), said(_0))]
    Bundle(&'static str),
}

impl TlogError {
    /// Which part it is about, and what is wrong there, for people.
    pub(crate) fn place_and_fault(&self) -> (String, Cow<'static, str>) {
        match self {
            Self::Note(fault) | Self::Signature(fault) => (tr!("checkpoint"), said(fault)),
            Self::Cosignature(fault) => (tr!("cosignature"), said(fault)),
            Self::Proof(fault) => (tr!("proof"), said(fault)),
            Self::Bundle(fault) => (tr!("entry bundle"), said(fault)),
        }
    }
}
