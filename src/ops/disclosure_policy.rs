//! `roster disclosure`: who may ask for what, and how many people must agree.
//!
//! Invariant: while there is a roster, its people sign every policy; without a policy nobody can ask for anything. Spec:
//! `spec/disclosure.md`, "Setting the policy".

use super::OpsError;
use super::approval;
use super::custody::Custody;
use super::deciders::{enough, for_plans};
use crate::disclosure::policy::DisclosurePolicy;
use crate::disclosure::roster::Roster;
use crate::journal::entry::Entry;
use crate::keyring::{Keyring, KeyringError};
use tr::tr;

/// Name of the policy among the keyring's sealed documents.
pub const DOCUMENT: &str = "disclosure";

/// The policy in force.
///
/// # Errors
/// Those of the keyring; damage.
pub fn in_force(keyring: &Keyring) -> Result<Option<DisclosurePolicy>, OpsError> {
    let Some(text) = keyring.document(DOCUMENT)? else { return Ok(None) };
    let damaged = |e: crate::disclosure::policy::DisclosurePolicyError| {
        OpsError::from(KeyringError::Damaged(tr!("document {document}: {error}", document = DOCUMENT, error = e)))
    };
    DisclosurePolicy::parse(&text).map(Some).map_err(damaged)
}

/// The lines about a policy that people on the roster sign: its hash, and below it the text itself, which they can read.
pub fn lines(policy: &DisclosurePolicy) -> String {
    format!("disclosure-policy {}\n\n{}", hex::encode(policy.hash()), policy.text())
}

/// Takes a policy, where it is another than the one in force; whether it was another.
///
/// # Errors
/// [`super::purge::PlanError::ChangeUnsigned`]; those of signatures and of the keyring.
pub fn set(custody: &mut Custody, policy: &DisclosurePolicy, signatures: &[Vec<u8>]) -> Result<bool, OpsError> {
    if in_force(custody.keyring())?.is_some_and(|before| before.hash() == policy.hash()) {
        return Ok(false);
    }
    if let Some(known) = &custody.register().roster {
        enough(Roster::parse(known.text.as_bytes())?, for_plans(known), Some(policy))?;
    }
    let signers = approval::require(custody, &lines(policy), signatures)?;
    let mut approvals: Vec<String> = signers.into_iter().map(|signer| signer.fingerprint).collect();
    approvals.sort();
    approvals.dedup();
    custody.change(|_, _, update| {
        update.documents.push((DOCUMENT.to_owned(), policy.text().as_bytes().to_vec()));
        Ok((true, vec![Entry::DisclosurePolicy { sha256: policy.hash(), approvals }]))
    })
}
