//! Reports on a keyring: what they count, as data. How they look is the command line's business.
//!
//! Invariant: a report changes nothing, and says nothing that the keyring, its journal or an archive does not say.
//! Spec: `spec/reports.md`.

pub mod archives;
pub mod assessment;
pub mod calendar;
pub mod compliance;
pub mod cost;
pub mod destruction;
pub mod disclosures;
pub mod handover;
pub mod inventory;
pub mod named;
pub mod past;
pub mod period;
pub mod questions;
pub mod risks;
