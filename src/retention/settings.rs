//! How a keyring is run: its settings, and the roster of those who approve.
//!
//! Spec: `spec/disposition.md`, "Register"; `spec/roster.md`.

use super::event;
use super::term::{FiscalYearEnd, is_code};
use super::transition::Refusal;
use crate::crypto::hash::{Hash, sha256};
use crate::language::text;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const MAX_ROSTER_BYTES: usize = 1 << 20;
/// People that a plan may need, at most.
const MAX_APPROVALS: u32 = event::MAX_APPROVERS as u32;
/// Days of a cool-off, at most.
pub const MAX_COOL_OFF_DAYS: u32 = 3650;

/// Who may approve, and how many of them it takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Roster {
    /// An OpenSSH `allowed_signers` file.
    pub text: String,
    /// SHA-256 of it.
    #[serde(with = "hex")]
    pub sha256: Hash,
    /// People who must approve a plan that needs review.
    pub plan_approvals_default: u32,
    /// The same where a rule asks for another number; then also if the rule needs no review.
    pub plan_approvals: BTreeMap<String, u32>,
}

impl Roster {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        let numbers = [self.plan_approvals_default].into_iter().chain(self.plan_approvals.values().copied());
        if self.text.len() > MAX_ROSTER_BYTES || sha256(&[self.text.as_bytes()]) != self.sha256 {
            return Err(Refusal::Roster(text!("its text is too long or not the one that was hashed")));
        }
        if !self.plan_approvals.keys().all(|rule| is_code(rule)) {
            return Err(Refusal::Roster(text!("no rule has such a name")));
        }
        let allowed = numbers.into_iter().all(|number| (1..=MAX_APPROVALS).contains(&number));
        if allowed { Ok(()) } else { Err(Refusal::Roster(text!("a plan needs from 1 to 64 approvals"))) }
    }
}

/// How a keyring is run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Days between the start of a purge and destruction.
    pub cool_off_days: u32,
    /// Last day of the firm's fiscal year.
    pub fiscal_year_end: FiscalYearEnd,
    /// Whether the custodian may confirm the clock alone, by typing the date.
    pub typed_confirmation: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { cool_off_days: 7, fiscal_year_end: FiscalYearEnd::default(), typed_confirmation: false }
    }
}

impl Settings {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.cool_off_days <= MAX_COOL_OFF_DAYS { Ok(()) } else { Err(Refusal::CoolOffDays(self.cool_off_days)) }
    }
}
