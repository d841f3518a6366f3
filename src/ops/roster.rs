//! `roster`: who may approve, and how many of them it takes.
//!
//! Invariant: the first roster is taken as it is and journalled; every later one only with the signatures of people on the
//! one before, so that a custodian cannot add themself. Spec: `spec/roster.md`.

use super::OpsError;
use super::custody::{Custody, entry_of};
use super::deciders::{deciders, enough};
use super::disclosure_policy::in_force;
use crate::disclosure::roster::Roster;
use crate::disclosure::statement::RosterChange;
use crate::journal::entry::Entry;
use crate::retention::register;
use std::collections::BTreeMap;

/// A roster to be.
#[derive(Clone, Debug)]
pub struct RosterOptions {
    /// The text of an OpenSSH `allowed_signers` file.
    pub text: String,
    /// People who must approve a plan that needs review.
    pub plan_approvals: u32,
    /// The same by rule, where it differs.
    pub plan_approvals_by_rule: BTreeMap<String, u32>,
}

/// What people on the roster before must sign; `None` for the first roster.
///
/// # Errors
/// A text that is no roster.
pub fn statement(custody: &Custody, options: &RosterOptions) -> Result<Option<Vec<u8>>, OpsError> {
    Roster::parse(options.text.as_bytes())?;
    let Some(before) = &custody.register().roster else { return Ok(None) };
    let keyring = custody.keyring_id();
    Ok(Some(change(custody, &keyring, before, options).statement()))
}

fn change<'a>(
    custody: &Custody,
    keyring: &'a [u8; 16],
    before: &register::Roster,
    options: &'a RosterOptions,
) -> RosterChange<'a> {
    RosterChange {
        keyring,
        // The generation is another at every change, so that no old signature counts again.
        number: custody.keyring().generation(),
        before: before.sha256,
        text: &options.text,
        plan_approvals: options.plan_approvals,
        plan_approvals_by_rule: &options.plan_approvals_by_rule,
    }
}

/// Takes the roster.
///
/// # Errors
/// Too few signatures, or one that does not count; a text that is no roster; those of the keyring.
pub fn set(custody: &mut Custody, options: &RosterOptions, signatures: &[Vec<u8>]) -> Result<Roster, OpsError> {
    let at = custody.signing_time();
    let roster = match (&custody.register().roster, deciders(custody)?) {
        (Some(before), Some(deciders)) => {
            let keyring = custody.keyring_id();
            // Whoever could change the roster could lower every number on it.
            let change = change(custody, &keyring, before, options);
            deciders.roster.check_change(&change, signatures, deciders.needed as usize, at)?
        }
        _ => Roster::parse(options.text.as_bytes())?,
    };
    let numbers = options.plan_approvals_by_rule.values().copied();
    let needed = numbers.fold(options.plan_approvals, u32::max);
    enough(roster.clone(), needed, in_force(custody.keyring())?.as_ref())?;
    let signed_under = custody.register().roster.as_ref().map(|before| before.sha256);
    custody.change(|register, _, _| {
        let effect = register.set_roster(register::Roster {
            text: options.text.clone(),
            sha256: roster.hash(),
            plan_approvals_default: options.plan_approvals,
            plan_approvals: options.plan_approvals_by_rule.clone(),
        })?;
        let mut entry = entry_of(effect, register);
        if let Entry::Roster { signed_under: under, .. } = &mut entry {
            *under = signed_under;
        }
        Ok((roster, vec![entry]))
    })
}
