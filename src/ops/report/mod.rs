//! Reports on a keyring: what they count, as data. How they look is the command line's business.
//!
//! Invariant: a report changes nothing, and says nothing that the keyring, its journal or an archive does not say.
//! Spec: `spec/reports.md`.

pub mod calendar;
pub mod destruction;
pub mod handover;
pub mod inventory;
pub mod named;
