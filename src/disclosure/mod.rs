//! What people decide and sign: the roster that says who they are, and the texts that they put their names to.
//!
//! Invariant: people are counted, never keys, and a signature for one purpose is none for another. Spec: `spec/roster.md`.

pub mod conditions;
pub mod entry;
pub mod evidence;
pub mod grant;
pub mod ledger;
pub mod mailing;
mod noted;
mod noted_notice;
pub mod notice;
pub mod notices;
pub mod policy;
pub mod proposal;
pub mod purpose;
pub mod receipt;
pub mod refusal;
pub mod request;
pub mod roster;
pub mod signature;
pub mod statement;
pub mod template;

/// What a signature is for: the namespace that `ssh-keygen -Y` signs with the message.
pub mod namespace {
    /// A plan of destruction.
    pub const PLAN: &str = "keepuntil-plan";
    /// A change of the roster.
    pub const ROSTER: &str = "keepuntil-roster";
    /// A change of the clocks that are pinned, or of settings.
    pub const SETTINGS: &str = "keepuntil-settings";
    /// A statement of the date.
    pub const CLOCK: &str = "keepuntil-clock";
    /// A hold.
    pub const HOLD: &str = "keepuntil-hold";
    /// An event that a retention waits for.
    pub const EVENT: &str = "keepuntil-event";
    /// A request for records.
    pub const REQUEST: &str = "keepuntil-request";
    /// An approval of a proposal to disclose.
    pub const APPROVAL: &str = "keepuntil-approval";
    /// A receipt for what was disclosed.
    pub const RECEIPT: &str = "keepuntil-receipt";
}
