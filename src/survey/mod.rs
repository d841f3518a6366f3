//! What a tree of files holds, and how it might be kept: detectors of personal data, text out of documents, names of folders,
//! a proposed policy.
//!
//! Invariant: a found value never leaves its detector, only counts do; whatever is in a file, reading it ends within bounds. What is
//! not sure is marked for a person and kept longer. Spec: `spec/survey.md`.

pub mod compound;
pub mod draft;
pub mod facts;
pub mod finding;
pub mod form;
pub mod kind;
pub mod mail;
pub mod office;
pub mod pdf;
pub mod proposal;
pub mod template;
pub mod text;
pub mod tree;
pub mod words;
pub mod year;

mod card;
mod columns;
mod credit_code;
mod email;
mod iban;
mod passport;
mod phone;
mod resident;
mod units;
