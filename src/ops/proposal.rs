//! `request propose` and `approve`: what exactly is to be handed over, and who agrees.
//!
//! Invariant: a proposal names only records that may be granted, never more than were asked for; an approval counts for one
//! proposal, until its end, under the roster that it names, and never by the requester. Spec: `spec/disclosure.md`,
//! "Proposing" and "Approving".

use super::OpsError;
use super::custody::Custody;
use super::disclosure_policy;
use super::eligibility::{Eligibility, examine};
use super::grant::fits_request;
use super::ledger;
use super::request::{Received, RequestError, identify, roster, short};
use crate::crypto::hash::Hash;
use crate::disclosure::conditions::Conditions;
use crate::disclosure::entry::fingerprint;
use crate::disclosure::namespace;
use crate::disclosure::policy::{Asked, DisclosurePolicy};
use crate::disclosure::proposal::{FORMAT, Proposal, Signatory};
use crate::disclosure::request::{MAX_MESSAGE, Request};
use crate::disclosure::signature::Signature;
use crate::keyring::KeyringError;
use crate::retention::ranges::Ranges;
use crate::retention::whole_second;
use crate::storage::output::OutputFile;
use crate::storage::{StorageError, read_limited, ssh_keygen};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use tr::tr;

/// Days for which a grant may be valid, or approvals be given, at most.
pub const MAX_DAYS: u32 = 3650;

/// Why a proposal, or an approval of it, does not count.
#[derive(Debug, thiserror::Error)]
pub enum ProposalError {
    /// Made in another keyring.
    #[error("{}", tr!("proposal: it was made for keyring {}", _0))]
    OtherKeyring(String),
    /// About another request.
    #[error("{}", tr!("proposal: it is about request {}, not about {}", short(proposed), short(given)))]
    OtherRequest {
        /// Hash of the request that it answers.
        proposed: Hash,
        /// Hash of the request that was given.
        given: Hash,
    },
    /// The roster changed since.
    #[error("{}", tr!("proposal: it was made under another roster than the one in force"))]
    OtherRoster,
    /// Approvals of it count no longer.
    #[error("{}", tr!("proposal: it could be approved until {}", _0.format("%Y-%m-%dT%H:%M:%SZ")))]
    Late(DateTime<Utc>),
    /// Too few people approved it.
    #[error("{}", tr!("proposal {}: approvals by different people: {needed} needed, {have} given", short(proposal), needed = needed, have = have))]
    Missing {
        /// Hash of the proposal.
        proposal: Hash,
        /// Distinct people needed.
        needed: u32,
        /// Distinct people who did.
        have: u32,
    },
    /// The requester approved their own request.
    #[error("{}", tr!("approval: {} asked for the records, and cannot approve that they are handed over", format!("{:?}", _0)))]
    OwnRequest(String),
}

/// How a proposal is to be made.
#[derive(Clone, Debug)]
pub struct ProposeOptions {
    /// The records; those of the request where it is left out.
    pub records: Option<Ranges>,
    /// Days for which the grant is valid.
    pub valid_days: u32,
    /// Days in which it may be approved.
    pub approve_days: u32,
    /// What the requester promises.
    pub conditions: Conditions,
}

/// Which of these records may be granted to the requester for the purpose, by the policy and by everything else.
///
/// # Errors
/// As [`examine`].
pub fn eligible(
    custody: &Custody,
    policy: &DisclosurePolicy,
    request: &Request,
    records: &Ranges,
) -> Result<Eligibility, OpsError> {
    // As with signatures, a clock that is set back revives nobody's right.
    let today = custody.now().day(custody.signing_time());
    examine(custody, &request.archive, records, |view| {
        let asked = Asked {
            principal: &request.requester,
            purpose: request.purpose,
            archive: &view.archive,
            record: view.record,
            compartment: view.compartment,
            class: view.class,
        };
        policy.allows(&asked, today)
    })
}

/// How many distinct people must approve that records of these classes are handed over.
pub fn approvals_needed(policy: &DisclosurePolicy, found: &Eligibility) -> u32 {
    found.classes.iter().map(|class| policy.approvals(*class)).max().unwrap_or(0)
}

/// The policy in force.
///
/// # Errors
/// [`RequestError::NoPolicy`]; those of the keyring.
pub fn policy(custody: &Custody) -> Result<DisclosurePolicy, OpsError> {
    Ok(disclosure_policy::in_force(custody.keyring())?.ok_or(RequestError::NoPolicy)?)
}

/// The records that are to be handed over: never more than the request names.
///
/// # Errors
/// [`RequestError::NoRecords`], [`RequestError::Wider`].
pub fn records_of(request: &Request, chosen: Option<&Ranges>) -> Result<Ranges, RequestError> {
    match (chosen, &request.records) {
        (None, None) => Err(RequestError::NoRecords),
        (None, Some(asked)) => Ok(asked.clone()),
        (Some(chosen), None) => Ok(chosen.clone()),
        (Some(chosen), Some(asked)) => {
            let wider: Ranges = chosen.iter().filter(|record| !asked.contains(*record)).collect();
            if wider.is_empty() { Ok(chosen.clone()) } else { Err(RequestError::Wider(wider)) }
        }
    }
}

/// Refuses a request whose answer is wanted no longer.
///
/// # Errors
/// [`RequestError::Late`].
pub fn still_wanted(custody: &Custody, request: &Request) -> Result<(), RequestError> {
    let today = custody.now().day(custody.signing_time());
    if today > request.wanted_until { Err(RequestError::Late(request.wanted_until)) } else { Ok(()) }
}

/// Makes a proposal of a signed request, notes the request in ledger and journal, and writes the proposal to `output`.
///
/// # Errors
/// Everything that stands against it: [`RequestError`], [`OpsError::Ineligible`], signatures, the keyring, the disk.
pub fn propose(
    custody: &mut Custody,
    received: &Received,
    signature: &[u8],
    options: &ProposeOptions,
    output: &Path,
    force: bool,
) -> Result<Proposal, OpsError> {
    let request = &received.request;
    let requester = identify(custody, received, signature)?;
    let policy = policy(custody)?;
    let today = custody.now().day(custody.signing_time());
    if !policy.may_ask(&request.requester, today) {
        return Err(RequestError::MayNotAsk(request.requester.clone()).into());
    }
    let mut known = ledger::read(custody.keyring())?;
    ledger::unanswered(&known, &received.hash)?;
    still_wanted(custody, request)?;
    let archive = custody.keyring().known_archive(&request.archive)?;
    let archive = archive.ok_or_else(|| KeyringError::UnknownArchive(hex::encode(request.archive)))?;
    let records = records_of(request, options.records.as_ref())?;
    let found = eligible(custody, &policy, request, &records)?.require()?;
    let made = whole_second(custody.now().reading.wall);
    let after = |days: u32| made + TimeDelta::days(days.into());
    let valid_until = after(options.valid_days);
    let proposal = Proposal {
        format: FORMAT.into(),
        keyring: custody.keyring_id(),
        firm: custody.keyring().config().firm.clone(),
        made,
        request: received.hash,
        requester: requester.clone(),
        address: request.address.clone(),
        archive: request.archive,
        root: archive.root,
        records,
        approvals_needed: approvals_needed(&policy, &found),
        classes: found.classes.into_iter().collect(),
        purpose: request.purpose,
        conditions: options.conditions.clone(),
        valid_from: made,
        valid_until,
        approve_until: after(options.approve_days).min(valid_until),
        roster: roster(custody)?.hash(),
    };
    let bytes = proposal.to_bytes();
    let message = |source| OpsError::Message { path: output.into(), source };
    Proposal::parse(&bytes).map_err(message)?;
    let mut file = OutputFile::begin(output, 0o644, force)?;
    file.write_all(&bytes).map_err(StorageError::at(output))?;
    ledger::note(custody, &mut known, received, &requester, &proposal.records)?;
    file.finish()?;
    Ok(proposal)
}

/// Reads a proposal; with `request` only one that answers it.
///
/// # Errors
/// [`OpsError::Message`] for anything that is none; [`ProposalError::OtherRequest`]; those of the disk.
pub fn read(path: &Path, request: Option<&Received>) -> Result<Proposal, OpsError> {
    let bytes = read_limited(path, MAX_MESSAGE)?;
    let proposal = Proposal::parse(&bytes).map_err(|source| OpsError::Message { path: path.into(), source })?;
    request.map_or(Ok(()), |request| fits_request(&proposal, request))?;
    Ok(proposal)
}

/// Signs a proposal at the time `now`; returns the signature and the key's fingerprint.
///
/// # Errors
/// [`ProposalError::Late`]; [`ProposalError::OwnRequest`] for the key that signed the request; those of `ssh-keygen`.
pub fn approve(proposal: &Proposal, key: &Path, now: DateTime<Utc>) -> Result<(Vec<u8>, String), OpsError> {
    if now > proposal.approve_until {
        return Err(ProposalError::Late(proposal.approve_until).into());
    }
    let signature = ssh_keygen::sign(key, namespace::APPROVAL, &proposal.to_bytes())?;
    let outside = Signature::parse(&signature).ok_or(crate::disclosure::roster::RosterError::Malformed)?;
    let by = fingerprint(&outside.key);
    if by == proposal.requester.key {
        return Err(ProposalError::OwnRequest(proposal.requester.name.clone()).into());
    }
    Ok((signature, by))
}

/// The distinct people who approved a proposal, by name. Every signature given must count.
///
/// # Errors
/// [`ProposalError`]; the first signature that does not count.
pub fn approvals(custody: &Custody, proposal: &Proposal, signatures: &[Vec<u8>]) -> Result<Vec<Signatory>, OpsError> {
    if proposal.keyring != custody.keyring_id() {
        return Err(ProposalError::OtherKeyring(hex::encode(proposal.keyring)).into());
    }
    let (roster, at) = (roster(custody)?, custody.signing_time());
    if roster.hash() != proposal.roster {
        return Err(ProposalError::OtherRoster.into());
    }
    if at > proposal.approve_until {
        return Err(ProposalError::Late(proposal.approve_until).into());
    }
    let signers = roster.signers(&proposal.to_bytes(), signatures, namespace::APPROVAL, at)?;
    let mut people = BTreeMap::new();
    for signer in signers {
        if signer.principal == proposal.requester.name {
            return Err(ProposalError::OwnRequest(signer.principal).into());
        }
        people.entry(signer.principal.clone()).or_insert_with(|| Signatory::from(signer));
    }
    Ok(people.into_values().collect())
}
