//! `grant`: hands a requester the halves of exactly the records that people approved, to the address they made for this.
//!
//! Invariant: everything is checked again under the exclusive lock; ledger and journal know of a grant before its file is
//! there, so that a run that was cut short writes the same one and never a second. Spec: `spec/disclosure.md`, "Granting".

use super::OpsError;
use super::attestation::entry_of_grant;
use super::custody::Custody;
use super::journal::evidence;
use super::ledger;
use super::open::Opener;
use super::proposal::{ProposalError, approvals, approvals_needed, eligible, policy, records_of};
use super::request::{Received, identify};
use crate::archive::extract;
use crate::archive::reader::ArchiveReader;
use crate::crypto::envelope;
use crate::crypto::identity::{Identities, Prompts};
use crate::crypto::recipient::Recipients;
use crate::crypto::secret::random_id;
use crate::disclosure::grant::{FORMAT, Grant, GrantedKeys, KEYS_FORMAT, RecordKeys};
use crate::disclosure::ledger::{Ledger, LedgerError, RequestState};
use crate::disclosure::proposal::{Proposal, Signatory};
use crate::language::{said, text};
use crate::retention::whole_second;
use crate::storage::StorageError;
use crate::storage::output::OutputFile;
use chrono::{DateTime, SecondsFormat, Utc};
use std::io::Write;
use std::path::Path;
use tr::tr;

/// What a grant rests on.
pub struct GrantOptions<'a> {
    /// The proposal.
    pub proposal: &'a Proposal,
    /// The request that it was made for.
    pub request: &'a Received,
    /// The requester's signature under the request.
    pub signature: &'a [u8],
    /// Signatures under the proposal.
    pub approvals: &'a [Vec<u8>],
}

/// A grant with the journal's evidence.
#[derive(Clone, Debug)]
pub struct GrantOutcome {
    /// The grant.
    pub grant: Grant,
    /// Whether it had been granted before, and is only written again.
    pub again: bool,
}

/// Why a proposal is not granted, beside what stands against its records, its request and its approvals.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum GrantError {
    /// Proposal, request, archive and keyring do not belong together.
    #[error("{}", tr!("proposal: {}", said(_0)))]
    Mismatch(&'static str),
    /// Too late.
    #[error("{}", tr!("proposal: the grant would have ended at {}", seconds(_0)))]
    Ended(DateTime<Utc>),
    /// The clock shows a time before the proposal was made.
    #[error("{}", tr!("proposal: it was made at {}, and the clock shows {}", seconds(made), seconds(shown)))]
    ClockBehind {
        /// When it was made.
        made: DateTime<Utc>,
        /// What the clock shows.
        shown: DateTime<Utc>,
    },
}

fn seconds(time: &DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Grants, and writes the grant to `output`; also, where asked for, the records as they stand in the archive to `extract`.
///
/// # Errors
/// As [`grant`]; those of the files, after which the same call writes them.
pub fn write_grant(
    custody: &mut Custody,
    reader: &mut ArchiveReader,
    identities: &Identities,
    options: &GrantOptions<'_>,
    output: &Path,
    extract: Option<&Path>,
) -> Result<GrantOutcome, OpsError> {
    // Begun before anything is granted: what stands in the way of a file is known by then.
    let mut file = OutputFile::begin(output, 0o600, false)?;
    let mut part = extract.map(|path| OutputFile::begin(path, 0o600, false)).transpose()?;
    let outcome = grant(custody, reader, identities, options)?;
    file.write_all(&outcome.grant.to_bytes()).map_err(StorageError::at(output))?;
    if let Some(part) = &mut part {
        extract::write(reader, &outcome.grant.records, part)?;
    }
    file.finish()?;
    part.map_or(Ok(()), OutputFile::finish)?;
    Ok(outcome)
}

/// Grants what a proposal says, or, where it was granted already, gives the same grant again.
///
/// # Errors
/// [`GrantError`]; [`OpsError::Ineligible`]; [`LedgerError`] where the request has another answer; signatures that do not count
/// or are too few; an archive that does not open; those of the keyring.
pub fn grant(
    custody: &mut Custody,
    reader: &mut ArchiveReader,
    identities: &Identities,
    options: &GrantOptions<'_>,
) -> Result<GrantOutcome, OpsError> {
    let GrantOptions { proposal, request, signature, .. } = *options;
    fits_request(proposal, request)?;
    fits_keyring(custody, reader, proposal)?;
    in_time(custody, proposal)?;
    let mut ledger = ledger::read(custody.keyring())?;
    let policy = policy(custody)?;
    let found = eligible(custody, &policy, &request.request, &proposal.records)?.require()?;
    if let Some((grant, index)) = answered(custody, &ledger, proposal)? {
        let journal = evidence(custody, index)?;
        return Ok(GrantOutcome { grant: Grant { journal: Some(journal), ..grant }, again: true });
    }
    if !found.classes.iter().eq(&proposal.classes) {
        return Err(GrantError::Mismatch(text!("its classes are not those of its records")).into());
    }
    if identify(custody, request, signature)? != proposal.requester {
        return Err(GrantError::Mismatch(text!("its requester is not who signed the request")).into());
    }
    // Neither a policy that asks for less since, nor a proposal from before one that asks for more.
    let needed = approvals_needed(&policy, &found).max(proposal.approvals_needed);
    let approvals = approvals(custody, proposal, options.approvals)?;
    if (approvals.len() as u64) < u64::from(needed) {
        let (proposal, have) = (proposal.identity(), approvals.len() as u32);
        return Err(ProposalError::Missing { proposal, needed, have }.into());
    }
    let (id, granted) = (random_id(), whole_second(custody.now().reading.wall));
    let keys = keys(custody, reader, identities, proposal, id)?;
    let grant = draw_up(proposal, approvals, granted, (id, keys));
    let index = custody.keyring().log().size()?;
    ledger.note_grant(&grant, index)?;
    custody.change(|_, _, update| {
        update.documents.push(ledger::document(&ledger)?);
        Ok(((), vec![entry_of_grant(&grant)]))
    })?;
    let journal = evidence(custody, index)?;
    Ok(GrantOutcome { grant: Grant { journal: Some(journal), ..grant }, again: false })
}

/// A proposal that says other things than its request is none of it.
///
/// # Errors
/// [`ProposalError::OtherRequest`], [`GrantError::Mismatch`]; records that the request does not name.
pub fn fits_request(proposal: &Proposal, received: &Received) -> Result<(), OpsError> {
    let request = &received.request;
    if proposal.request != received.hash {
        return Err(ProposalError::OtherRequest { proposed: proposal.request, given: received.hash }.into());
    }
    refuse(&[
        (proposal.requester.name != request.requester, text!("its requester is not who asked")),
        (proposal.address != request.address, text!("its address is not that of the request")),
        (proposal.archive != request.archive, text!("its archive is not that of the request")),
        (proposal.purpose != request.purpose, text!("its purpose is not that of the request")),
    ])?;
    Ok(records_of(request, Some(&proposal.records)).map(drop)?)
}

/// A proposal is about one keyring, one seal of one archive, and one roster.
fn fits_keyring(custody: &Custody, reader: &ArchiveReader, proposal: &Proposal) -> Result<(), OpsError> {
    if proposal.keyring != custody.keyring_id() {
        return Err(ProposalError::OtherKeyring(hex::encode(proposal.keyring)).into());
    }
    refuse(&[
        (proposal.firm != custody.keyring().config().firm, text!("it was made for another firm")),
        (proposal.archive != *reader.archive(), text!("it was made for another archive")),
        (proposal.root != reader.sealed().checkpoint.root, text!("it was made for another seal of the archive")),
    ])?;
    Ok(())
}

fn refuse(differs: &[(bool, &'static str)]) -> Result<(), GrantError> {
    match differs.iter().find(|(differs, _)| *differs) {
        Some((_, what)) => Err(GrantError::Mismatch(what)),
        None => Ok(()),
    }
}

/// A grant is made after its proposal and before its own end.
fn in_time(custody: &Custody, proposal: &Proposal) -> Result<(), GrantError> {
    let shown = whole_second(custody.now().reading.wall);
    if shown < proposal.made {
        return Err(GrantError::ClockBehind { made: proposal.made, shown });
    }
    if custody.signing_time() > proposal.valid_until { Err(GrantError::Ended(proposal.valid_until)) } else { Ok(()) }
}

/// The grant that was made of this very proposal, with the index of its entry, as long as it may be written again.
fn answered(custody: &Custody, ledger: &Ledger, proposal: &Proposal) -> Result<Option<(Grant, u64)>, LedgerError> {
    let noted = ledger.request(&proposal.request).ok_or(LedgerError::UnknownRequest(proposal.request))?;
    let grant = match &noted.state {
        RequestState::Granted { grant } => ledger.grant(grant),
        RequestState::Open | RequestState::Refused(_) => None,
    };
    match grant.filter(|noted| noted.grant.proposal == proposal.identity()) {
        Some(noted) => Ok(Some((noted.again(custody.signing_time())?.clone(), noted.leaf))),
        None => ledger.unanswered(&proposal.request).map(|_| None),
    }
}

/// The age file to the requester's address with the halves of the records, proved to be those that were sealed.
fn keys(
    custody: &mut Custody,
    reader: &mut ArchiveReader,
    identities: &Identities,
    proposal: &Proposal,
    grant: [u8; 16],
) -> Result<Vec<u8>, OpsError> {
    let mut opener = Opener::new(reader, identities, custody.keyring_mut());
    let mut records = Vec::new();
    for record in proposal.records.iter() {
        let leaf = reader.record(record)?;
        let (access, halves) = opener.halves(reader, &leaf)?;
        records.push(RecordKeys { record, access, expiry: halves.record, label: halves.label });
    }
    let keys = GrantedKeys { format: KEYS_FORMAT.into(), grant, archive: proposal.archive, records };
    let address = Recipients::parse(&[&proposal.address], &Prompts::none())?;
    Ok(envelope::seal(&address, &keys.to_bytes())?)
}

/// The grant without the journal's evidence.
fn draw_up(
    proposal: &Proposal,
    approvals: Vec<Signatory>,
    granted: DateTime<Utc>,
    (grant, keys): ([u8; 16], Vec<u8>),
) -> Grant {
    Grant {
        format: FORMAT.into(),
        grant,
        keyring: proposal.keyring,
        firm: proposal.firm.clone(),
        granted,
        request: proposal.request,
        proposal: proposal.identity(),
        approvals,
        requester: proposal.requester.clone(),
        address: proposal.address.clone(),
        archive: proposal.archive,
        root: proposal.root,
        records: proposal.records.clone(),
        purpose: proposal.purpose,
        conditions: proposal.conditions.clone(),
        valid_from: proposal.valid_from,
        valid_until: proposal.valid_until,
        watermark: random_id(),
        keys,
        journal: None,
    }
}
