//! `grant`: hands a requester the halves of exactly the records that people approved, to the address they made for this.
//!
//! Invariant: everything is checked again under the exclusive lock; ledger and journal know of a grant before its file is
//! there, so that a run that was cut short writes the same one and never a second. Spec: `spec/disclosure.md`, "Granting".

use super::OpsError;
use super::attestation::entry_of_grant;
use super::custody::Custody;
use super::eligibility::examine;
use super::journal::sign;
use super::open::Opener;
use super::{disclosure_policy, ledger};
use crate::archive::extract;
use crate::archive::reader::ArchiveReader;
use crate::crypto::envelope;
use crate::crypto::identity::{Identities, Prompts};
use crate::crypto::recipient::Recipients;
use crate::crypto::secret::random_id;
use crate::disclosure::grant::{FORMAT, Grant, GrantedKeys, KEYS_FORMAT, RecordKeys};
use crate::disclosure::ledger::{Ledger, LedgerError, RequestState};
use crate::disclosure::namespace;
use crate::disclosure::policy::Asked;
use crate::disclosure::proposal::{Proposal, Signatory};
use crate::disclosure::request::Request;
use crate::disclosure::roster::{Roster, RosterError};
use crate::retention::disposition::RecordView;
use crate::retention::whole_second;
use crate::storage::StorageError;
use crate::storage::output::OutputFile;
use crate::tlog::proof::{Evidence, Proof};
use chrono::{DateTime, SecondsFormat, Utc};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use zeroize::Zeroizing;

/// What a grant rests on, as files.
pub struct GrantOptions<'a> {
    /// The proposal.
    pub proposal: &'a [u8],
    /// The request that it was made for.
    pub request: &'a [u8],
    /// The requester's signature under the request.
    pub signature: &'a [u8],
    /// Signatures under the proposal.
    pub approvals: &'a [Vec<u8>],
}

/// A grant with the journal's evidence, ready to be written.
#[derive(Clone, Debug)]
pub struct GrantOutcome {
    /// The grant.
    pub grant: Grant,
    /// Whether it had been granted before, and is only written again.
    pub again: bool,
}

/// Why a proposal is not granted, beside what stands against its records.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum GrantError {
    /// Proposal, request, archive and keyring do not belong together.
    #[error("proposal {proposal}: {what}")]
    Mismatch {
        /// The proposal's hash.
        proposal: String,
        /// What is another one's.
        what: String,
    },
    /// Nobody can ask or approve.
    #[error("there is no {0} in force: nobody can be granted anything")]
    Nobody(&'static str),
    /// People approved under another roster.
    #[error("proposal {0}: the roster has changed since it was made")]
    RosterChanged(String),
    /// Too late.
    #[error("proposal {proposal}: {what} ended at {}", seconds(.at))]
    Ended {
        /// The proposal's hash.
        proposal: String,
        /// What did.
        what: &'static str,
        /// When.
        at: DateTime<Utc>,
    },
    /// The clock shows a time before the proposal was made.
    #[error("proposal {proposal}: it was made at {}, and the clock shows {}", seconds(.made), seconds(.shown))]
    ClockBehind {
        /// The proposal's hash.
        proposal: String,
        /// When it was made.
        made: DateTime<Utc>,
        /// What the clock shows.
        shown: DateTime<Utc>,
    },
    /// The requester among the approvers.
    #[error("approval: {0} is the requester, who cannot approve")]
    Requester(String),
    /// Too few people.
    #[error("proposal {proposal}: {needed} must approve, each counted once; who have: {}", names(.have))]
    Approvals {
        /// The proposal's hash.
        proposal: String,
        /// Distinct people.
        needed: u32,
        /// Those who did.
        have: Vec<String>,
    },
}

fn seconds(time: &DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn names(people: &[String]) -> String {
    if people.is_empty() { "nobody".into() } else { people.join(", ") }
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
/// [`GrantError`]; [`OpsError::Ineligible`]; a signature that does not count; an archive that is not the proposal's or does
/// not open; those of the keyring.
pub fn grant(
    custody: &mut Custody,
    reader: &mut ArchiveReader,
    identities: &Identities,
    options: &GrantOptions<'_>,
) -> Result<GrantOutcome, OpsError> {
    let case = Case::read(options)?;
    case.belongs(custody, reader)?;
    let mut ledger = ledger::load(custody)?;
    let needed = case.examine(custody)?;
    let known = case.answered(custody, &ledger)?;
    let requester = case.requester(custody, options.signature)?;
    if let Some((grant, index)) = known {
        let journal = evidence(custody, index)?;
        return Ok(GrantOutcome { grant: Grant { journal: Some(journal), ..grant }, again: true });
    }
    case.in_time(custody, "the time for approvals", case.proposal.approve_until)?;
    let approvals = case.approvals(custody, options.approvals, needed)?;
    let id = random_id();
    let keys = case.keys(custody, reader, identities, id)?;
    let grant = case.draw_up(whole_second(custody.now().reading.wall), requester, approvals, (id, keys));
    let index = custody.keyring().log().size()?;
    let entry = entry_of_grant(&grant);
    ledger.note_grant(&grant, index)?;
    custody.change(|_, _, update| {
        update.documents.push(ledger::document(&ledger)?);
        Ok(((), vec![entry]))
    })?;
    let journal = evidence(custody, index)?;
    Ok(GrantOutcome { grant: Grant { journal: Some(journal), ..grant }, again: false })
}

/// The entry at `index` with its proof under the newest checkpoint.
fn evidence(custody: &Custody, index: u64) -> Result<Evidence, OpsError> {
    let keyring = custody.keyring();
    let time = u64::try_from(custody.now().reading.wall.timestamp()).unwrap_or(0);
    let checkpoint = sign(keyring, time)?;
    let log = keyring.log();
    let (leaf, hashes) = (log.leaf(index)?, log.inclusion_proof(index, log.size()?)?);
    Ok(Evidence::from(&Proof { leaf, index, hashes, checkpoint }))
}

/// A proposal with the request it is for.
struct Case {
    /// The proposal's hash, by which messages name it.
    name: String,
    file: Vec<u8>,
    proposal: Proposal,
    request_file: Vec<u8>,
    request: Request,
}

impl Case {
    /// Reads both; a proposal that says other things than its request is none of it.
    fn read(options: &GrantOptions<'_>) -> Result<Self, OpsError> {
        let (proposal, request) = (Proposal::parse(options.proposal)?, Request::parse(options.request)?);
        let name = hex::encode(proposal.identity());
        let case = Self {
            name,
            file: options.proposal.to_vec(),
            proposal,
            request_file: options.request.to_vec(),
            request,
        };
        let (proposal, request) = (&case.proposal, &case.request);
        let within = request.records.as_ref().is_none_or(|asked| proposal.records.iter().all(|n| asked.contains(n)));
        let differs = [
            (proposal.request != Request::identity_of(options.request), "it was made for another request"),
            (proposal.requester.name != request.requester, "its requester is not who asked"),
            (proposal.address != request.address, "its address is not the request's"),
            (proposal.archive != request.archive, "its archive is not the request's"),
            (proposal.purpose != request.purpose, "its purpose is not the request's"),
            (!within, "it names records that were not asked for"),
        ];
        case.refuse(&differs)?;
        Ok(case)
    }

    fn refuse(&self, differs: &[(bool, &str)]) -> Result<(), GrantError> {
        match differs.iter().find(|(differs, _)| *differs) {
            Some((_, what)) => Err(GrantError::Mismatch { proposal: self.name.clone(), what: (*what).into() }),
            None => Ok(()),
        }
    }

    /// That the proposal is about this keyring, this archive and this time.
    fn belongs(&self, custody: &Custody, reader: &ArchiveReader) -> Result<(), OpsError> {
        let proposal = &self.proposal;
        self.refuse(&[
            (proposal.keyring != custody.keyring_id(), "it was made for another keyring"),
            (proposal.firm != custody.keyring().config().firm, "it was made for another firm"),
            (proposal.archive != *reader.archive(), "it was made for another archive"),
            (proposal.root != reader.sealed().checkpoint.root, "it was made for another seal of the archive"),
        ])?;
        let shown = whole_second(custody.now().reading.wall);
        if shown < proposal.made {
            return Err(GrantError::ClockBehind { proposal: self.name.clone(), made: proposal.made, shown }.into());
        }
        self.in_time(custody, "its validity", proposal.valid_until)
    }

    fn in_time(&self, custody: &Custody, what: &'static str, at: DateTime<Utc>) -> Result<(), OpsError> {
        match custody.signing_time() > at {
            true => Err(GrantError::Ended { proposal: self.name.clone(), what, at }.into()),
            false => Ok(()),
        }
    }

    /// The grant that was made of this very proposal, with the index of its entry, as long as it may be written again.
    fn answered(&self, custody: &Custody, ledger: &Ledger) -> Result<Option<(Grant, u64)>, LedgerError> {
        let request = self.proposal.request;
        let noted = ledger.request(&request).ok_or(LedgerError::UnknownRequest(request))?;
        let grant = match &noted.state {
            RequestState::Granted { grant } => ledger.grant(grant),
            RequestState::Open | RequestState::Refused(_) => None,
        };
        match grant.filter(|noted| noted.grant.proposal == self.proposal.identity()) {
            Some(noted) => Ok(Some((noted.again(custody.signing_time())?.clone(), noted.leaf))),
            None => ledger.unanswered(&request).map(|_| None),
        }
    }

    /// That every record may be granted, and how many people must approve.
    fn examine(&self, custody: &Custody) -> Result<u32, OpsError> {
        let proposal = &self.proposal;
        let policy = disclosure_policy::in_force(custody.keyring())?.ok_or(GrantError::Nobody("disclosure policy"))?;
        let today = custody.now().day(custody.signing_time());
        let in_scope = |view: &RecordView<'_>| {
            let asked = Asked {
                principal: &proposal.requester.name,
                purpose: proposal.purpose,
                archive: &view.archive,
                record: view.record,
                compartment: view.compartment,
                class: view.class,
            };
            policy.allows(&asked, today)
        };
        let found = examine(custody, &proposal.archive, &proposal.records, in_scope)?.require()?;
        let by_class = found.classes.iter().map(|class| policy.approvals(*class)).max().unwrap_or(0);
        // What was signed is not undercut when the policy asks for fewer since, nor a stricter policy by an older proposal.
        Ok(by_class.max(proposal.approvals_needed))
    }

    /// The roster that the proposal was made under, which must be the one in force.
    fn roster(&self, custody: &Custody) -> Result<Roster, OpsError> {
        let known = custody.register().roster.as_ref().ok_or(GrantError::Nobody("roster"))?;
        match known.sha256 == self.proposal.roster {
            true => Ok(Roster::parse(known.text.as_bytes())?),
            false => Err(GrantError::RosterChanged(self.name.clone()).into()),
        }
    }

    /// Who signed the request: still somebody whose key is valid.
    fn requester(&self, custody: &Custody, signature: &[u8]) -> Result<Signatory, OpsError> {
        let at = custody.signing_time();
        let signer: Signatory =
            self.roster(custody)?.verify(&self.request_file, signature, namespace::REQUEST, at)?.into();
        self.refuse(&[(signer != self.proposal.requester, "the request is signed by another than its requester")])?;
        Ok(signer)
    }

    /// Who approved, by name, each once and with the first of their keys.
    fn approvals(
        &self,
        custody: &Custody,
        signatures: &[Vec<u8>],
        needed: u32,
    ) -> Result<Vec<Signatory>, OpsError> {
        let (roster, at) = (self.roster(custody)?, custody.signing_time());
        let mut people: BTreeMap<String, String> = BTreeMap::new();
        for (index, signature) in signatures.iter().enumerate() {
            let among = |source| RosterError::Among { number: index + 1, source: Box::new(source) };
            let signer = roster.verify(&self.file, signature, namespace::APPROVAL, at).map_err(among)?;
            if signer.principal == self.proposal.requester.name {
                return Err(GrantError::Requester(signer.principal).into());
            }
            people.entry(signer.principal).or_insert(signer.fingerprint);
        }
        if (people.len() as u64) < u64::from(needed) {
            let have = people.into_keys().collect();
            return Err(GrantError::Approvals { proposal: self.name.clone(), needed, have }.into());
        }
        Ok(people.into_iter().map(|(name, key)| Signatory { name, key }).collect())
    }

    /// The age file to the requester's address with the halves of the records, proved to be those that were sealed.
    fn keys(
        &self,
        custody: &mut Custody,
        reader: &mut ArchiveReader,
        identities: &Identities,
        grant: [u8; 16],
    ) -> Result<Vec<u8>, OpsError> {
        let mut opener = Opener::new(reader, identities, custody.keyring_mut());
        let mut records = Vec::new();
        for record in self.proposal.records.iter() {
            let leaf = reader.record(record)?;
            let (access, halves) = opener.halves(reader, &leaf)?;
            records.push(RecordKeys { record, access, expiry: halves.record, label: halves.label });
        }
        let keys = GrantedKeys { format: KEYS_FORMAT.into(), grant, archive: self.proposal.archive, records };
        let text = Zeroizing::new(serde_json::to_vec(&keys).expect("keys are always JSON"));
        let address = Recipients::parse(&[&self.proposal.address], &Prompts::none())?;
        Ok(envelope::seal(&address, &text)?)
    }

    /// The grant without the journal's evidence.
    fn draw_up(
        &self,
        granted: DateTime<Utc>,
        requester: Signatory,
        approvals: Vec<Signatory>,
        (grant, keys): ([u8; 16], Vec<u8>),
    ) -> Grant {
        let proposal = &self.proposal;
        Grant {
            format: FORMAT.into(),
            grant,
            keyring: proposal.keyring,
            firm: proposal.firm.clone(),
            granted,
            request: proposal.request,
            proposal: proposal.identity(),
            approvals,
            requester,
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
}
