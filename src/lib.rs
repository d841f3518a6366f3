//! Seal the records of a closed firm, keep them as long as the law says, then destroy the keys for good.
//!
//! The crate is the library behind the `keepuntil` command; `spec/` in its repository is the published format.
//!
//! | module | what it is for |
//! |---|---|
//! | [`cli`] | the command line: the only part that prints, asks, reads environment and clock |
//! | [`ops`] | one verb a file: options in, outcome out |
//! | [`archive`] | one archive, from bytes to records and back |
//! | [`keyring`] | where expiry halves live until they are destroyed |
//! | [`journal`] | what happened, and its certificates |
//! | [`disclosure`] | what people decide and sign: the roster |
//! | [`survey`] | what a tree of files holds, and how it might be kept |
//! | [`tlog`] | Merkle tree, tiles, signed checkpoints, proofs |
//! | [`retention`] | how long: pure rules over calendar dates |
//! | [`storage`] | files: sources, durable writes, locks, confined extraction |
//! | [`crypto`] | keys, ciphertext, signatures, randomness |
//! | [`language`] | what people read, in English and Chinese |
//!
//! Arrows point down this list; `tests/architecture.rs` holds them to it.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod archive;
pub mod cli;
pub mod crypto;
pub mod disclosure;
pub mod journal;
pub mod keyring;
pub mod language;
pub mod ops;
pub mod retention;
pub mod storage;
pub mod survey;
pub mod tlog;
