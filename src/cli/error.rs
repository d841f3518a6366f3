//! Errors as people and programs see them: one line, a hint that can be run, an exit code.

use super::hint::hint;
use super::render;
use crate::archive::ArchiveError;
use crate::crypto::CryptoError;
use crate::disclosure::ledger::LedgerError;
use crate::disclosure::notices::NoticesError;
use crate::disclosure::roster::RosterError;
use crate::journal::JournalError;
use crate::journal::certificate::CertificateError;
use crate::keyring::KeyringError;
use crate::language::text;
use crate::ops::OpsError;
use crate::ops::destruction::Stopped;
use crate::ops::eligibility::{Eligibility, Ineligible};
use crate::ops::grant::GrantError;
use crate::ops::granted::GrantedError;
use crate::ops::purge::PlanError;
use crate::ops::receipt::ReceiptError;
use crate::ops::request::RequestError;
use crate::retention::disposition::Forbidden;
use crate::retention::register::Refusal;
use crate::storage::StorageError;
use crate::storage::document::DocumentError;
use tr::tr;

pub const FAILED: u8 = 1;
pub const USAGE: u8 = 2;
pub const FINDINGS: u8 = 3;
pub const DAMAGED: u8 = 10;
pub const FORBIDDEN: u8 = 11;
pub const NO_IDENTITY: u8 = 12;
pub const DESTROYED: u8 = 13;
pub const LOCKED: u8 = 14;
pub const APPROVAL_MISSING: u8 = 15;
pub const CLOCK: u8 = 16;
pub const INTERRUPTED: u8 = 130;

/// What the exit codes mean, in words to be said in the language of the moment.
pub const MEANINGS: [(u8, &str); 12] = [
    (0, text!("done")),
    (FAILED, text!("failed")),
    (USAGE, text!("usage")),
    (FINDINGS, text!("done with findings")),
    (DAMAGED, text!("damaged or forged")),
    (FORBIDDEN, text!("retention or hold forbids")),
    (NO_IDENTITY, text!("no identity opens it")),
    (DESTROYED, text!("key destroyed")),
    (LOCKED, text!("locked by another process")),
    (APPROVAL_MISSING, text!("approval missing")),
    (CLOCK, text!("clock not trusted")),
    (INTERRUPTED, text!("interrupted")),
];

/// The same as a sentence of the help, which is translated as a whole.
pub fn exit_codes() -> String {
    let codes: Vec<_> = MEANINGS.iter().map(|(code, meaning)| format!("{code} {meaning}")).collect();
    format!("Exit codes: {}.", codes.join(", "))
}

/// Tells people at the terminal what went wrong.
pub fn tell_error(text: &str) {
    tell(&tr!("error"), text);
}

/// Tells them what they should know although the work was done.
pub fn tell_warning(text: &str) {
    tell(&tr!("warning"), text);
}

/// Tells them what they can do.
pub fn tell_hint(text: &str) {
    tell(&tr!("hint"), text);
}

/// Tells them what was done and what comes next, which standard output is not for.
pub fn tell_done(text: &str) {
    eprint!("{}", render::sentence_of_errors(text));
}

/// Lines of standard error, those after the first indented.
fn tell(kind: &str, text: &str) {
    let whole = tr!("keepuntil: {kind}: {text}", kind = kind, text = text);
    // What has lines already, such as an error in a TOML file, shows a place in them.
    match text.contains('\n') {
        true => eprintln!("{whole}"),
        false => eprint!("{}", render::sentence_of_errors(&whole)),
    }
}

/// Lines of a list that are printed before the rest is counted.
const LISTED: usize = 200;

/// Why the command ends without having done its work.
pub enum Failure {
    /// From below.
    Ops(OpsError),
    /// The arguments make no sense together.
    Usage(String, String),
    /// Standard output is gone.
    Output(std::io::Error),
}

impl<E: Into<OpsError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Ops(error.into())
    }
}

impl Failure {
    pub fn code(&self) -> u8 {
        match self {
            Self::Ops(error) => code(error),
            Self::Usage(..) => USAGE,
            Self::Output(_) => FAILED,
        }
    }

    /// Prints the error and its hint to standard error; with `json` also as an object to standard output.
    pub fn report(&self, json: bool) {
        let (message, list, hint) = self.words();
        if json {
            let object = serde_json::json!({
                "message_type": "error", "exit_code": self.code(), "message": message, "list": list, "hint": hint,
            });
            super::render::json_line(&object);
        }
        tell_error(&message);
        for line in list.iter().take(LISTED) {
            tell_done(&format!("  {line}"));
        }
        if list.len() > LISTED {
            tell_done(&format!("  {}", tr!("… and {} more", list.len() - LISTED)));
        }
        if let Some(hint) = hint {
            tell_hint(&hint);
        }
    }

    /// What is said of it: the sentence, lines below it, and what to do.
    pub fn words(&self) -> (String, Vec<String>, Option<String>) {
        match self {
            Self::Usage(message, hint) => (message.clone(), Vec::new(), Some(hint.clone())),
            Self::Output(error) => {
                (tr!("standard output: {error}", error = crate::language::of_system(error)), Vec::new(), None)
            }
            Self::Ops(error) => {
                let list = match error {
                    OpsError::Problems(problems) => problems.iter().map(ToString::to_string).collect(),
                    OpsError::Forbidden(stopped) => stopped.iter().map(stopped_line).collect(),
                    OpsError::Ineligible(found) => found.refused.iter().map(ineligible_line).collect(),
                    OpsError::Unmatched(paths) => paths.iter().map(|path| crate::storage::escape(path)).collect(),
                    _ => Vec::new(),
                };
                (error.to_string(), list, hint(error))
            }
        }
    }
}

fn stopped_line(stopped: &Stopped) -> String {
    let archive = hex::encode(stopped.archive);
    let why = stopped.why.to_string();
    let line = tr!("record {record} of {archive}: {why}", record = stopped.record, archive = &archive[..12], why = why);
    crate::storage::escape(&line)
}

/// The words for an error about one record, which name the record once.
pub fn of_record(record: u64, error: &OpsError) -> String {
    let text = match error {
        OpsError::Archive { source, .. } => source.to_string(),
        other => other.to_string(),
    };
    let named = tr!("record {record}: {what}", record = record, what = text);
    let name = tr!("record {record}: {what}", record = record, what = "");
    if text.starts_with(&name) { text } else { named }
}

fn ineligible_line((why, records): (&Ineligible, &crate::retention::ranges::Ranges)) -> String {
    let (numbers, why) = (records.to_string(), why.to_string());
    tr!("record {numbers}: {why}" | "records {numbers}: {why}" % records.count(), numbers = numbers, why = why)
}

/// The code of the worst of the reasons.
pub fn ineligible_code(found: &Eligibility) -> u8 {
    let stands = |why| found.refused.contains_key(&why);
    if stands(Ineligible::Secrecy) || stands(Ineligible::Expired) {
        FORBIDDEN
    } else if stands(Ineligible::OutOfScope) {
        APPROVAL_MISSING
    } else if stands(Ineligible::Destroyed) {
        DESTROYED
    } else {
        FAILED
    }
}

/// The exit code of an error.
pub fn code(error: &OpsError) -> u8 {
    match error {
        OpsError::Archive { source, .. } => match source {
            ArchiveError::Damaged { .. } => DAMAGED,
            ArchiveError::Crypto(e) => crypto_code(e),
            _ => FAILED,
        },
        OpsError::Certificate { source: CertificateError::Document(DocumentError::OtherFormat(_)), .. } => FAILED,
        OpsError::Certificate { .. } => DAMAGED,
        OpsError::NotAFile(_) | OpsError::ForeignSeal { .. } | OpsError::ForeignKeys(_) => DAMAGED,
        OpsError::NoIdentity { .. } | OpsError::IdentityMissing => NO_IDENTITY,
        OpsError::Keyring(KeyringError::Destroyed(_)) | OpsError::AllDestroyed(_) => DESTROYED,
        OpsError::Keyring(KeyringError::Damaged(_) | KeyringError::CatalogueOlder { .. }) => DAMAGED,
        OpsError::Keyring(KeyringError::Storage(e)) | OpsError::Storage(e) => storage_code(e),
        OpsError::Crypto(e) => crypto_code(e),
        OpsError::Forbidden(stopped) => forbidden_code(stopped),
        OpsError::Ineligible(found) => ineligible_code(found),
        OpsError::Record { source, .. } | OpsError::Refused(source) => refusal_code(source),
        OpsError::Plan(error) => plan_code(error),
        OpsError::Clock(_) | OpsError::Time(_) | OpsError::Timestamp(_) => CLOCK,
        OpsError::PlanFile { source: DocumentError::OtherFormat(_), .. } => FAILED,
        OpsError::Register(_) | OpsError::PlanFile { .. } => DAMAGED,
        OpsError::Message { source: DocumentError::OtherFormat(_), .. } | OpsError::DisclosurePolicy(_) => FAILED,
        OpsError::Message { .. } => DAMAGED,
        OpsError::Request(RequestError::NoRecords) => FAILED,
        OpsError::Request(_) | OpsError::Proposal(_) => APPROVAL_MISSING,
        OpsError::Ledger(e) => ledger_code(e),
        OpsError::Notices(NoticesError::Damaged(_)) => DAMAGED,
        OpsError::Unattested(_) => DAMAGED,
        OpsError::Journal(e) => journal_code(e),
        OpsError::Roster(error) => match error {
            RosterError::Line { .. } | RosterError::Size(_) | RosterError::Empty => FAILED,
            _ => APPROVAL_MISSING,
        },
        OpsError::Grant(error) => match error {
            GrantError::Mismatch { .. } => DAMAGED,
            GrantError::ClockBehind { .. } => CLOCK,
            _ => APPROVAL_MISSING,
        },
        OpsError::Receipt(ReceiptError::Mismatch { .. }) => DAMAGED,
        OpsError::Receipt(ReceiptError::OtherSigner { .. }) => APPROVAL_MISSING,
        OpsError::Granted(error) => granted_code(error),
        OpsError::Interrupted => INTERRUPTED,
        _ => FAILED,
    }
}

fn granted_code(error: &GrantedError) -> u8 {
    match error {
        GrantedError::File { source: DocumentError::OtherFormat(_), .. } => FAILED,
        GrantedError::Ended { .. } | GrantedError::NotGranted { .. } => APPROVAL_MISSING,
        GrantedError::NotYet { .. } => CLOCK,
        GrantedError::NoIdentity(_) => NO_IDENTITY,
        _ => DAMAGED,
    }
}

pub fn forbidden_code(stopped: &[Stopped]) -> u8 {
    let by_clock = |stopped: &Stopped| matches!(stopped.why, Forbidden::Clock(_));
    let by_approval = |stopped: &Stopped| matches!(stopped.why, Forbidden::Approvals { .. });
    match stopped {
        [_, ..] if stopped.iter().all(by_clock) => CLOCK,
        [_, ..] if stopped.iter().all(by_approval) => APPROVAL_MISSING,
        _ => FORBIDDEN,
    }
}

fn refusal_code(refusal: &Refusal) -> u8 {
    match refusal {
        Refusal::NeedsApproval => APPROVAL_MISSING,
        Refusal::Clock(_) | Refusal::Confirmation(_) => CLOCK,
        Refusal::NotLater { .. } | Refusal::CoolOff { .. } => FORBIDDEN,
        _ => FAILED,
    }
}

fn plan_code(error: &PlanError) -> u8 {
    match error {
        PlanError::ApprovalMissing { .. } | PlanError::ChangeUnsigned { .. } | PlanError::NoRoster => APPROVAL_MISSING,
        PlanError::Stale | PlanError::Cancelled(_) | PlanError::CarriedOut(_) => FORBIDDEN,
        _ => FAILED,
    }
}

fn ledger_code(error: &LedgerError) -> u8 {
    match error {
        LedgerError::Damaged(_) => DAMAGED,
        LedgerError::Full(_) => FAILED,
        _ => APPROVAL_MISSING,
    }
}

fn crypto_code(error: &CryptoError) -> u8 {
    match error {
        CryptoError::NoIdentity => NO_IDENTITY,
        CryptoError::Damaged(_) | CryptoError::Header(_) => DAMAGED,
        _ => FAILED,
    }
}

fn journal_code(error: &JournalError) -> u8 {
    match error {
        JournalError::Storage(e) => storage_code(e),
        JournalError::Crypto(e) => crypto_code(e),
        JournalError::Unwritable(_) | JournalError::OtherStart { .. } | JournalError::File(_) => FAILED,
        _ => DAMAGED,
    }
}

fn storage_code(error: &StorageError) -> u8 {
    if matches!(error, StorageError::Locked(_)) { LOCKED } else { FAILED }
}
