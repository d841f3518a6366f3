//! What a custodian cannot do alone once there is a roster: anything by which a wrong date could pass for a true one, or a
//! cool-off become shorter.
//!
//! Invariant: a signature counts for one change of one generation. Spec: `spec/roster.md`, "What else is signed".

use super::OpsError;
use super::custody::Custody;
use super::deciders::{Deciders, deciders};
use super::purge::PlanError;
use crate::disclosure::namespace;
use crate::disclosure::roster::Signer;
use std::collections::BTreeSet;

/// The text that people sign to approve a change, which `what` spells out in lines.
pub fn statement(custody: &Custody, what: &str) -> Vec<u8> {
    let (keyring, generation) = (&custody.keyring().config().keyring, custody.keyring().generation());
    format!("keepuntil-settings/v1\nkeyring {keyring}\ngeneration {generation}\n{what}").into_bytes()
}

/// Refuses the change unless enough people on the roster signed it, and says who did; without a roster nobody needs to.
///
/// # Errors
/// [`PlanError::ChangeUnsigned`]; a signature that does not count.
pub fn require(custody: &Custody, what: &str, signatures: &[Vec<u8>]) -> Result<Vec<Signer>, OpsError> {
    let Some(Deciders { roster, needed }) = deciders(custody)? else { return Ok(Vec::new()) };
    let text = statement(custody, what);
    let signers = roster.signers(&text, signatures, namespace::SETTINGS, custody.signing_time())?;
    let people: BTreeSet<&str> = signers.iter().map(|signer| signer.principal.as_str()).collect();
    let have = people.len() as u32;
    if have < needed { Err(PlanError::ChangeUnsigned { needed, have }.into()) } else { Ok(signers) }
}
