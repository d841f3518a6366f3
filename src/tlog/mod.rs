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

/// What can be wrong with a tree, a note or a proof.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TlogError {
    /// A signed note that breaks the grammar or this format's profile of it.
    #[error("checkpoint: {0}")]
    Note(&'static str),
    /// A signature that does not verify, or is by another key.
    #[error("checkpoint: {0}")]
    Signature(&'static str),
    /// A witness's line that is missing, doubled or does not verify.
    #[error("cosignature: {0}")]
    Cosignature(&'static str),
    /// A proof that does not lead to the root, or is not written as one.
    #[error("proof: {0}")]
    Proof(&'static str),
    /// An entry bundle that does not hold what its place demands.
    #[error("entry bundle: {0}")]
    Bundle(&'static str),
}
