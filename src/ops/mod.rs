//! One verb a file: options in, outcome out. Composes archives, keyring and storage.
//!
//! Invariant: nothing here prints, reads the environment or the clock; dates come in as values.

pub mod against;
pub mod approval;
pub mod attestation;
pub mod clock;
pub mod contacts;
pub mod create;
pub mod custody;
pub mod deciders;
pub mod destruction;
pub mod disclosure_policy;
pub mod disclosures;
pub mod eligibility;
pub mod emission;
pub mod event;
pub mod evidence;
pub mod extend;
pub mod extraction;
pub mod grant;
pub mod granted;
pub mod hold;
pub mod inspect;
pub mod intake;
pub mod journal;
pub mod keys;
pub mod ledger;
pub mod letter_facts;
mod letter_writer;
pub mod letters;
pub mod notices;
pub mod notify;
pub mod open;
pub mod opened;
pub mod pack;
pub mod plan;
pub mod policy_check;
pub mod proposal;
pub mod purge;
pub mod read_ahead;
pub mod receipt;
pub mod reclaim;
pub mod refuse;
pub mod report;
pub mod request;
pub mod restore;
pub mod restored_bag;
pub mod roster;
pub mod scope;
pub mod settings;
pub mod status;
pub mod survey;
pub mod survey_file;
pub mod verify;

use crate::archive::ArchiveError;
use crate::crypto::CryptoError;
use crate::disclosure::ledger::LedgerError;
use crate::disclosure::notices::NoticesError;
use crate::disclosure::policy::DisclosurePolicyError;
use crate::disclosure::roster::RosterError;
use crate::disclosure::template::TemplateError;
use crate::journal::JournalError;
use crate::journal::certificate::CertificateError;
use crate::journal::role::RolesError;
use crate::keyring::KeyringError;
use crate::retention::RetentionError;
use crate::retention::clock::ClockDistrust;
use crate::retention::policy::PolicyError;
use crate::retention::register::{Refusal, RegisterDamaged};
use crate::storage::document::DocumentError;
use crate::storage::process::ProcessError;
use crate::storage::source::Problem;
use crate::storage::timestamp::TimestampError;
use crate::storage::{StorageError, show};
use std::path::PathBuf;
use tr::tr;

/// Why a command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum OpsError {
    /// An archive could not be read or written.
    #[error("{}", tr!("{what}: {why}", what = show(path), why = source))]
    Archive {
        /// Which.
        path: PathBuf,
        /// Why.
        source: ArchiveError,
    },
    /// A certificate proves nothing.
    #[error("{}", tr!("{what}: {why}", what = show(path), why = source))]
    Certificate {
        /// Which.
        path: PathBuf,
        /// Why.
        source: CertificateError,
    },
    /// An archive that was named twice.
    #[error("{}", tr!("{archive}: the same archive was named before", archive = show(_0)))]
    ArchiveTwice(PathBuf),
    /// Sums that are too large to be counted exactly.
    #[error("{}", tr!("the sums are too large to be counted exactly"))]
    Uncountable,
    /// Answers for an assessment that cannot be read.
    #[error("{}", tr!("{what}: {why}", what = show(path), why = source))]
    Answers {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: report::questions::AnswersError,
    },
    /// An archive that is not a file.
    #[error("{}", tr!("{}: it is not a regular file", show(_0)))]
    NotAFile(PathBuf),
    /// The seal is not by whom it must be.
    #[error("{}", tr!("{what}: {why}", what = show(path), why = what))]
    ForeignSeal {
        /// Which archive.
        path: PathBuf,
        /// Who sealed it, and who should have.
        what: String,
    },
    /// No identity opens the compartment.
    #[error("{}", tr!("compartment {compartment}: no identity opens it", compartment = compartment))]
    NoIdentity {
        /// Which.
        compartment: String,
    },
    /// A command needs an identity and has none.
    #[error("{}", tr!("there is no identity to open it with"))]
    IdentityMissing,
    /// A command needs a keyring and has none.
    #[error("{}", tr!("there is no keyring"))]
    KeyringMissing,
    /// Halves that do not belong to the record.
    #[error("{}", tr!("record {}: the keyring's keys are not those that the record was sealed with", _0))]
    ForeignKeys(u64),
    /// Files that cannot be sealed.
    #[error("{}", tr!("{n} file cannot be sealed" | "{n} files cannot be sealed" % _0.len()))]
    Problems(Vec<Problem>),
    /// Files that no pattern of the policy takes.
    #[error("{}", tr!("{n} file not matched by the policy" | "{n} files not matched by the policy" % _0.len()))]
    Unmatched(Vec<String>),
    /// Two records of one name.
    #[error("{}", tr!("two records would be named {}", format!("{:?}", _0)))]
    SameName(String),
    /// There is nothing to seal.
    #[error("{}", tr!("{}: there is nothing in it to seal", show(_0)))]
    Empty(PathBuf),
    /// The output lies in what is being sealed.
    #[error("{}", tr!("{}: the archive would lie inside the folder that is being sealed", show(_0)))]
    OutputInSource(PathBuf),
    /// A name that no record can have.
    #[error("{}", tr!("{} cannot name a record", format!("{:?}", _0)))]
    RecordName(String),
    /// Nothing was selected.
    #[error("{}", tr!("no record is named {}", format!("{:?}", _0)))]
    NoMatch(String),
    /// No live record matches, and of the destroyed ones nobody can read the name any more.
    #[error("{}", tr!(
        "no live record is named {pattern}; {n} record is destroyed, and nobody can read what it was called"
            | "no live record is named {pattern}; {n} records are destroyed, and nobody can read what they were called"
            % *destroyed,
        pattern = format!("{:?}", pattern)
    ))]
    NoLiveMatch {
        /// The pattern.
        pattern: String,
        /// How many records of the archive are destroyed.
        destroyed: u64,
    },
    /// A pattern that is not a glob.
    #[error("{}", tr!("{0} is not a pattern: {1}", format!("{:?}", _0), _1))]
    Pattern(String, String),
    /// A compartment without recipients.
    #[error("{}", tr!("compartment {}: it has no recipient", _0))]
    NoRecipient(String),
    /// The policy.
    #[error("{}", tr!("policy: {}", _0))]
    Policy(#[from] PolicyError),
    /// A date.
    #[error(transparent)]
    Retention(#[from] RetentionError),
    /// The keyring.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A journal without anything that could be signed.
    #[error("{}", tr!("the journal has no entry yet"))]
    JournalEmpty,
    /// Keys.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// Files.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Records that may not be destroyed.
    #[error("{}", tr!("{n} record may not be destroyed" | "{n} records may not be destroyed" % _0.len()))]
    Forbidden(Vec<destruction::Stopped>),
    /// Records that may not be granted.
    #[error("{}", ineligible(.0))]
    Ineligible(Box<eligibility::Eligibility>),
    /// What was asked for one record cannot be.
    #[error("{}", tr!("record {record}: {source}", record = record, source = source))]
    Record {
        /// Which.
        record: u64,
        /// Why.
        source: Refusal,
    },
    /// What was asked for cannot be.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// There is no such hold.
    #[error("{}", tr!("no hold in force has an id that begins with {}, or more than one has", format!("{:?}", _0)))]
    NoSuchHold(String),
    /// A plan.
    #[error(transparent)]
    Plan(#[from] purge::PlanError),
    /// A message of a disclosure that cannot be read.
    #[error("{}", tr!("{what}: {why}", what = show(path), why = source))]
    Message {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: DocumentError,
    },
    /// A plan that is none.
    #[error("{}", tr!("{what}: {why}", what = show(path), why = source))]
    PlanFile {
        /// Which.
        path: PathBuf,
        /// Why.
        source: DocumentError,
    },
    /// A file of roles.
    #[error("{}", tr!("{what}: {why}", what = show(path), why = source))]
    Roles {
        /// Which.
        path: PathBuf,
        /// Why.
        source: RolesError,
    },
    /// Of the records that were asked for none has keys left.
    #[error("{}", tr!("all {} records: their keys were destroyed", _0))]
    AllDestroyed(u64),
    /// A request that leads to nothing.
    #[error(transparent)]
    Request(#[from] request::RequestError),
    /// A proposal or an approval that does not count.
    #[error(transparent)]
    Proposal(#[from] proposal::ProposalError),
    /// The ledger of disclosures.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The list of notices.
    #[error(transparent)]
    Notices(#[from] NoticesError),
    /// A folder of letters is there already; letters are never replaced.
    #[error("{}", tr!("{path}: it exists already", path = show(_0)))]
    LettersExist(PathBuf),
    /// A template of letters.
    #[error("{}", tr!("{what}: {why}", what = show(path), why = source))]
    Template {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: TemplateError,
    },
    /// A table of those who are written to.
    #[error("{}", tr!("{what}: {why}", what = show(path), why = source))]
    Contacts {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: contacts::ContactsError,
    },
    /// A disclosure policy.
    #[error(transparent)]
    DisclosurePolicy(#[from] DisclosurePolicyError),
    /// The clock is not trusted.
    #[error(transparent)]
    Clock(#[from] ClockDistrust),
    /// A time that was not taken.
    #[error(transparent)]
    Time(#[from] clock::ClockError),
    /// A time-stamp that was not taken.
    #[error(transparent)]
    Timestamp(#[from] TimestampError),
    /// A roster, or a signature under something.
    #[error(transparent)]
    Roster(#[from] RosterError),
    /// A grant or a refusal that the journal does not speak for.
    #[error(transparent)]
    Unattested(#[from] attestation::Unattested),
    /// A proposal that is not granted.
    #[error(transparent)]
    Grant(#[from] grant::GrantError),
    /// A receipt that is not taken.
    #[error(transparent)]
    Receipt(#[from] receipt::ReceiptError),
    /// A grant that opens nothing here.
    #[error(transparent)]
    Granted(#[from] granted::GrantedError),
    /// A program that could not be run.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The register.
    #[error("{}", tr!("keyring: {}", _0))]
    Register(#[from] RegisterDamaged),
    /// Somebody interrupted.
    #[error("{}", tr!("interrupted"))]
    Interrupted,
}

impl OpsError {
    /// Names the archive behind an error.
    pub fn archive(path: impl Into<PathBuf>) -> impl FnOnce(ArchiveError) -> Self {
        let path = path.into();
        move |source| Self::Archive { path, source }
    }
}

/// For the places that do not know the archive's path; whoever does names it.
impl From<ArchiveError> for OpsError {
    fn from(source: ArchiveError) -> Self {
        Self::Archive { path: PathBuf::new(), source }
    }
}

/// For the places that do not know the table's path; whoever does names it.
impl From<contacts::ContactsError> for OpsError {
    fn from(source: contacts::ContactsError) -> Self {
        Self::Contacts { path: PathBuf::new(), source }
    }
}

/// For the places that do not know the template's path; whoever does names it.
impl From<TemplateError> for OpsError {
    fn from(source: TemplateError) -> Self {
        Self::Template { path: PathBuf::new(), source }
    }
}

/// For the places that do not know the plan's path; whoever does names it.
impl From<DocumentError> for OpsError {
    fn from(source: DocumentError) -> Self {
        Self::PlanFile { path: PathBuf::new(), source }
    }
}

fn ineligible(found: &eligibility::Eligibility) -> String {
    tr!("{n} record may not be granted" | "{n} records may not be granted" % found.refused_count())
}

/// Hears how far a long command is.
pub trait Progress: Sync {
    /// So many more bytes are done.
    fn advance(&self, bytes: u64);
    /// How many there will be, once it is known; what is told later is added.
    fn total(&self, bytes: u64);
    /// One more file is done.
    fn file(&self) {}
    /// What follows is other work: so many things, which are counted one by one from the beginning.
    fn stage(&self, _what: &'static str, _things: u64) {}
    /// Whether somebody looks, so that it is worth some work to know the total before.
    fn is_watched(&self) -> bool {
        false
    }
}

/// Hears nothing.
pub struct NoProgress;

impl Progress for NoProgress {
    fn advance(&self, _: u64) {}
    fn total(&self, _: u64) {}
}
