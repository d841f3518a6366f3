//! Words for what certificates have codes for: roles, classes, clocks.

use crate::journal::certificate::{OutsideClock, Role};
use tr::tr;

pub(super) fn role(role: Role) -> String {
    match role {
        Role::Custodian => tr!("Custodian, who carried it out (sanitizer)"),
        Role::Verifier => tr!("role" => "Verifier"),
        Role::Witness => tr!("Witness for the archives"),
        Role::AccountingWitness => tr!("Witness for accounting"),
        Role::SystemsWitness => tr!("Witness for information systems"),
        Role::HeadOfFirm => tr!("Head of the firm, or liquidator"),
        Role::HeadOfArchives => tr!("Head of archives"),
        Role::HeadOfAccounting => tr!("Head of accounting"),
        Role::ArchivesClerk => tr!("Clerk of the archives"),
        Role::AccountingClerk => tr!("Clerk of accounting"),
    }
}

pub(super) fn outside_clock(clock: OutsideClock) -> String {
    match clock {
        OutsideClock::Witness => tr!("a witness that signed the journal with its own clock"),
        OutsideClock::TimestampAuthority => tr!("a time-stamping authority (RFC 3161)"),
        OutsideClock::Approver => tr!("a statement of the date, signed by somebody on the roster"),
        OutsideClock::Typed => tr!("typed by the custodian alone; nobody else confirmed it"),
    }
}

/// Between ids and names in a list.
pub(super) fn comma() -> String {
    tr!("list" => ", ")
}

/// What stands where nothing is known.
pub(super) const NOT_RECORDED: &str = "—";
