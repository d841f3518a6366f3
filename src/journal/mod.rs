//! The journal: what happened, provable to whoever holds an older checkpoint; plans and certificates of destruction.
//!
//! Spec: `spec/certificate.md`.

pub mod certificate;
pub mod document;
pub mod plan;
