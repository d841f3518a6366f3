//! Errors as people and programs see them: one line, a hint that can be run, an exit code.

use crate::archive::ArchiveError;
use crate::crypto::CryptoError;
use crate::disclosure::ledger::LedgerError;
use crate::disclosure::notices::NoticesError;
use crate::disclosure::roster::RosterError;
use crate::journal::JournalError;
use crate::journal::certificate::CertificateError;
use crate::keyring::KeyringError;
use crate::ops::OpsError;
use crate::ops::clock::ClockError;
use crate::ops::destruction::Stopped;
use crate::ops::eligibility::{Eligibility, Ineligible};
use crate::ops::grant::GrantError;
use crate::ops::granted::GrantedError;
use crate::ops::proposal::ProposalError;
use crate::ops::purge::PlanError;
use crate::ops::receipt::ReceiptError;
use crate::ops::request::RequestError;
use crate::retention::RetentionError;
use crate::retention::disposition::Forbidden;
use crate::retention::policy::PolicyError;
use crate::retention::register::Refusal;
use crate::retention::rule::RuleError;
use crate::storage::StorageError;
use crate::storage::document::DocumentError;
use crate::storage::process::ProcessError;
use crate::storage::timestamp::TimestampError;
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

/// What the exit codes mean.
pub const MEANINGS: [(u8, &str); 12] = [
    (0, "done"),
    (FAILED, "failed"),
    (USAGE, "usage"),
    (FINDINGS, "done with findings"),
    (DAMAGED, "damaged or forged"),
    (FORBIDDEN, "retention or hold forbids"),
    (NO_IDENTITY, "no identity opens it"),
    (DESTROYED, "key destroyed"),
    (LOCKED, "locked by another process"),
    (APPROVAL_MISSING, "approval missing"),
    (CLOCK, "clock not trusted"),
    (INTERRUPTED, "interrupted"),
];

/// The same as a sentence.
pub fn exit_codes() -> String {
    let codes: Vec<_> = MEANINGS.iter().map(|(code, meaning)| format!("{code} {meaning}")).collect();
    format!("Exit codes: {}.", codes.join(", "))
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
                "message_type": "error", "code": self.code(), "message": message, "list": list, "hint": hint,
            });
            super::render::json_line(&object);
        }
        eprintln!("keepuntil: error: {message}");
        for line in list.iter().take(LISTED) {
            eprintln!("  {line}");
        }
        if list.len() > LISTED {
            eprintln!("  … and {} more", list.len() - LISTED);
        }
        if let Some(hint) = hint {
            eprintln!("keepuntil: hint: {hint}");
        }
    }

    fn words(&self) -> (String, Vec<String>, Option<String>) {
        match self {
            Self::Usage(message, hint) => (message.clone(), Vec::new(), Some(hint.clone())),
            Self::Output(error) => (format!("standard output: {error}"), Vec::new(), None),
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
    crate::storage::escape(&format!("record {} of {}: {}", stopped.record, &archive[..12], stopped.why))
}

/// The words for an error about one record, which name the record once.
pub fn of_record(record: u64, error: &OpsError) -> String {
    let text = match error {
        OpsError::Archive { source, .. } => source.to_string(),
        other => other.to_string(),
    };
    let name = format!("record {record}: ");
    if text.starts_with(&name) { text } else { name + &text }
}

fn ineligible_line((why, records): (&Ineligible, &crate::retention::ranges::Ranges)) -> String {
    let noun = if records.count() == 1 { "record" } else { "records" };
    format!("{noun} {records}: {why}")
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

fn forbidden_code(stopped: &[Stopped]) -> u8 {
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
        PlanError::Stale => FORBIDDEN,
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

fn hint(error: &OpsError) -> Option<String> {
    let text = match error {
        OpsError::Forbidden(stopped) if stopped.iter().any(|s| matches!(s.why, Forbidden::Notice(_))) => {
            return Some(notice_hint());
        }
        OpsError::Notices(NoticesError::Unknown(_)) => return Some(tr!("see them with `keepuntil notice list`")),
        OpsError::Notices(NoticesError::Unexplained) => return Some(tr!("say why: --explain TEXT")),
        OpsError::Template { .. } => {
            return Some(tr!("see what can stand in it with `keepuntil notice template --help`"));
        }
        OpsError::Contacts { .. } => {
            return Some(tr!("correct the table; one that is not in UTF-8 is read with --charset GB18030"));
        }
        OpsError::Forbidden(stopped) if forbidden_code(stopped) == FORBIDDEN => {
            "see what keeps them with `keepuntil due`, `keepuntil hold list` and `keepuntil status`"
        }
        OpsError::PlanFile { source: DocumentError::OtherFormat(_), .. } => {
            "get a newer keepuntil, if it is a plan at all"
        }
        OpsError::PlanFile { .. } => "execute the file as `keepuntil purge --plan FILE` wrote it",
        OpsError::Roles { .. } => "see the form with `keepuntil purge --help`",
        OpsError::Request(RequestError::NoRoster) => "say who may ask and approve: `keepuntil roster set FILE`",
        OpsError::Request(RequestError::NoPolicy) => {
            "say who may ask for what: `keepuntil roster disclosure FILE`; see `keepuntil roster disclosure --help`"
        }
        OpsError::Request(RequestError::MayNotAsk(_)) => "see who may ask with `keepuntil roster show`",
        OpsError::Request(RequestError::Unsigned { .. }) => {
            "the requester signs it: ssh-keygen -Y sign -n keepuntil-request -f KEY FILE; a signature that lies elsewhere is \
             named with --signature"
        }
        OpsError::Request(RequestError::OtherRequester { .. }) => {
            "ask the requester through a channel that you know; it must be signed by the person that it names"
        }
        OpsError::Request(RequestError::Late(_)) => "have the requester make a new one: `keepuntil request new --help`",
        OpsError::Request(RequestError::NoRecords) => {
            "find out which are meant with `keepuntil request find FILE ARCHIVE`, then name them: --record N"
        }
        OpsError::Request(RequestError::Wider(_)) => "have the requester ask for them: `keepuntil request new --help`",
        OpsError::Proposal(ProposalError::Late(_) | ProposalError::OtherRoster) => {
            "make a new proposal with `keepuntil request propose FILE`, and have it approved anew"
        }
        OpsError::Proposal(ProposalError::Missing { .. }) => {
            "people on the roster sign it: `keepuntil approve PROPOSAL --sign-with KEY`"
        }
        OpsError::Proposal(ProposalError::OwnRequest(_)) => "somebody else on the roster has to approve it",
        OpsError::Ledger(LedgerError::Answered { .. }) => {
            "a request is answered once: have the requester make a new one with `keepuntil request new`"
        }
        OpsError::Roster(RosterError::UnknownKey(_)) => {
            "ask the person through a channel that you know; their key is added with `keepuntil roster set FILE`"
        }
        OpsError::Message { source: DocumentError::OtherFormat(_), .. } => {
            "name the right file; if it is the right one, get a newer keepuntil"
        }
        OpsError::Message { .. } => {
            "compare it with what was sent; `keepuntil request template` shows how a request looks"
        }
        OpsError::Ineligible(_) => {
            "see what may be granted with `keepuntil request check FILE`, and propose only those: --record N; for the \
             rest write a letter: `keepuntil refuse FILE --help`"
        }
        OpsError::Granted(GrantedError::NoIdentity(_)) => {
            "name the identity that was made with the request: -i REQUEST.identity"
        }
        OpsError::Granted(GrantedError::Ended { .. }) => {
            "ask the custodian again: a new request, for a new one-time address"
        }
        OpsError::Granted(GrantedError::NotYet { .. }) => "wait, or set the clock right",
        OpsError::Granted(GrantedError::OtherArchive { .. }) => {
            "name the archive, or the extract, that the grant is for"
        }
        OpsError::Granted(GrantedError::OtherKey { .. }) => {
            "sign it with the key that signed the request: ssh-keygen -Y sign -n keepuntil-receipt -f KEY RECEIPT"
        }
        OpsError::Granted(_) => {
            "do not rely on this file; ask the custodian to send it again: `keepuntil grant` writes the same one"
        }
        OpsError::Plan(PlanError::Stale) => {
            "make a new plan with `keepuntil purge --plan FILE`, and have it signed anew"
        }
        OpsError::Plan(PlanError::ChangeUnsigned { .. }) => {
            "print what they sign with --statement > FILE; each signs it: ssh-keygen -Y sign -n keepuntil-settings -f KEY \
             FILE; then add --approval FILE.sig for each"
        }
        OpsError::Plan(PlanError::ApprovalMissing { .. }) => {
            "people on the roster sign the plan: ssh-keygen -Y sign -n keepuntil-plan -f KEY PLAN; then add \
             --approval PLAN.sig for each"
        }
        OpsError::Plan(PlanError::NoRoster) => "say who may sign: `keepuntil roster set FILE`",
        OpsError::Plan(PlanError::Nothing) => "see what is due with `keepuntil due` and `keepuntil purge --dry-run`",
        OpsError::Plan(PlanError::NotScheduled(_)) => "see what is scheduled with `keepuntil status`",
        OpsError::NoSuchHold(_) => "see the holds with `keepuntil hold list`",
        OpsError::Clock(_) | OpsError::Refused(Refusal::Clock(_)) => {
            "set the clock right; if it is right, have somebody else say so: `keepuntil clock confirm --help`"
        }
        OpsError::Refused(Refusal::NeedsApproval) => {
            "a second person signs what the same command prints with --statement; then add --approval FILE"
        }
        OpsError::Refused(Refusal::NoScope) => "name an archive, --compartment or --rule, or say --everything",
        OpsError::Record { source: Refusal::NotLater { .. }, .. } => "a retention date moves later, never earlier",
        OpsError::Time(ClockError::NoRoster) => "say who may sign: `keepuntil roster set FILE`",
        OpsError::Time(ClockError::OtherState) => {
            "make a new one with `keepuntil clock statement`; nothing may happen in the keyring before it is confirmed"
        }
        OpsError::Time(ClockError::TypedNotAllowed) => {
            "allow it with `keepuntil keyring set --typed-confirmation yes`; the journal will say that nobody else \
             confirmed the date"
        }
        OpsError::Problems(_) => {
            "to seal the rest and have these named in their records: --skip-unreadable; for names in another \
             charset: --names-from GB18030"
        }
        OpsError::Unmatched(_) => "add a pattern for them to the policy, or a last one with path = \"**\" for the rest",
        OpsError::SameName(_) => "seal the folders into archives of their own, or rename one of the two",
        OpsError::OutputInSource(_) => "write it to a folder beside the source: -o ../firm.sealed",
        OpsError::NoIdentity { .. } => "name the identity file of one of its recipients with -i FILE",
        OpsError::IdentityMissing => "name an identity file with -i FILE, or set KEEPUNTIL_IDENTITY",
        OpsError::KeyringMissing | OpsError::Keyring(KeyringError::Missing(_)) => {
            "name it with --keyring DIR, or make one with `keepuntil keyring init DIR`"
        }
        OpsError::Policy(PolicyError::Rule(_, error)) => return policy_rule_hint(error),
        OpsError::NoRecipient(_) => "name one with -r age1pq1…, or in the policy",
        OpsError::NoMatch(_) => "see the names with `keepuntil inspect ARCHIVE -i FILE`; quote the pattern",
        OpsError::NotAFile(_) => "an archive is read from its end: save it to a file first",
        OpsError::Certificate { source: CertificateError::Document(DocumentError::OtherFormat(_)), .. } => {
            "get a newer keepuntil, if it is a certificate at all"
        }
        OpsError::ForeignSeal { .. } | OpsError::Certificate { .. } => {
            "do not rely on this file; compare it with another copy, and tell whoever gave it to you"
        }
        OpsError::Keyring(KeyringError::UnknownArchive(_)) => "name the keyring that it was sealed with: --keyring DIR",
        OpsError::Keyring(KeyringError::CatalogueOlder { .. }) => {
            "this folder was restored from a backup; use the keyring as it was after its last purge"
        }
        OpsError::Keyring(KeyringError::RootMissing(..)) => {
            "without its root the keyring opens nothing; is the disk with the root folder there?"
        }
        OpsError::Keyring(KeyringError::RootTaken(_)) => {
            "if its keyring is on a disk that is away, bring it back; else name another folder: `keepuntil keyring \
             init DIR --root FOLDER`; never remove a root that a keyring needs"
        }
        OpsError::Ledger(LedgerError::UnknownRequest(_)) => {
            "note it and make a proposal with `keepuntil request propose FILE -o proposal.json`"
        }
        OpsError::Ledger(LedgerError::Spent { .. }) => {
            "the requester writes a new request: `keepuntil request new --help`"
        }
        OpsError::Grant(GrantError::Ended(_)) => {
            "make a new proposal with `keepuntil request propose FILE -o proposal.json`, and have it approved anew"
        }
        OpsError::Grant(GrantError::ClockBehind { .. }) => "set the clock right",
        OpsError::Unattested(_) | OpsError::Grant(GrantError::Mismatch { .. }) => {
            "do not rely on this file; ask whoever made it for the one that they have"
        }
        OpsError::Archive { source: ArchiveError::NewerFormat(_), .. } => "get a newer keepuntil",
        OpsError::Archive { source: ArchiveError::Limit { .. }, .. } => {
            "if you trust its origin, raise the limit with --max-ratio or --max-members"
        }
        OpsError::Archive { source: ArchiveError::Damaged { .. }, .. } => {
            "see what is still whole with `keepuntil verify ARCHIVE`, and look for another copy"
        }
        OpsError::Journal(JournalError::Forked(_) | JournalError::Older { .. }) => {
            "keep the older checkpoint: it proves that the journal was rewritten or put back"
        }
        OpsError::Journal(JournalError::OtherStart { .. }) => {
            "ask for a whole export, or for one since the checkpoint that this witness signed last: `keepuntil journal \
             export --since FILE`"
        }
        OpsError::Journal(JournalError::Storage(e)) => return storage_hint(e),
        OpsError::Keyring(KeyringError::Storage(e)) | OpsError::Storage(e) => return storage_hint(e),
        OpsError::Process(e) => return process_hint(e),
        OpsError::Roster(RosterError::Process(e)) => return process_hint(e),
        OpsError::Timestamp(TimestampError::Process(e)) => return process_hint(e),
        OpsError::Crypto(CryptoError::MixedRecipients) => {
            "give each kind an archive or a compartment of its own; `keepuntil keygen` makes post-quantum identities"
        }
        _ => return None,
    };
    Some(text.into())
}

/// What lets a record go whose rule asks for a notice first.
pub fn notice_hint() -> String {
    tr!(
        "write to those concerned, and note it: `keepuntil notice template destruction -o FILE`, `keepuntil notice merge`, \
         `keepuntil notice sent`"
    )
}

/// What to add on the command line so that a rule can be applied.
pub fn rule_hint(error: &RuleError) -> Option<&'static str> {
    Some(match error {
        RuleError::Unknown(_) => "see `keepuntil rules`; own rules stand in the policy file",
        RuleError::NeedsPeriod(_) => "add the period that you decide on: --retain P3Y",
        RuleError::NeedsStart(_) => "add --start record-date, --start creation or --start event:relationship-end",
        RuleError::NeedsDate(_) => "add the records' date: --dated 2025-06-30",
        RuleError::Shorter { .. } | RuleError::Longer { .. } => {
            "leave --retain out, or give a period that the rule allows"
        }
        RuleError::Idle(_) => "leave --start or --counting out: what a rule says is never replaced",
        RuleError::Nothing => {
            "add --until 2036-12-31, --retain P10Y, --rule ID (see `keepuntil rules`), or --policy FILE"
        }
        RuleError::TooMany | RuleError::Retention(_) => return None,
    })
}

/// The same in a policy file.
fn policy_rule_hint(error: &RuleError) -> Option<String> {
    let text = match error {
        RuleError::Unknown(_) => "see `keepuntil rules`, or define it in the policy: [[rule]]",
        RuleError::NeedsPeriod(_) => "add the period that you decide on: retain = \"P3Y\"",
        RuleError::NeedsStart(_) => "add start = \"record-date\", \"creation\" or \"event:relationship-end\"",
        RuleError::NeedsDate(_) => "add the records' date: dated = \"2025-06-30\", or one that the path captures",
        RuleError::Shorter { .. } | RuleError::Longer { .. } => {
            "leave `retain` out, or give a period that the rule allows"
        }
        RuleError::Idle(_) => "leave `start` or `counting` out: what a rule says is never replaced",
        RuleError::Retention(RetentionError::Past(_)) => "what need not be kept any longer is not sealed",
        RuleError::Nothing | RuleError::TooMany | RuleError::Retention(_) => return None,
    };
    Some(text.into())
}

fn process_hint(error: &ProcessError) -> Option<String> {
    match error {
        ProcessError::Missing(program) if program == "ssh-keygen" => {
            Some("install OpenSSH (Debian: apt install openssh-client); its ssh-keygen signs and verifies".into())
        }
        ProcessError::Missing(program) if program == "openssl" => {
            Some("install OpenSSL (Debian: apt install openssl); it verifies time stamps".into())
        }
        ProcessError::Missing(program) => Some(format!("install {program}")),
        ProcessError::Storage(e) => storage_hint(e),
        _ => None,
    }
}

fn storage_hint(error: &StorageError) -> Option<String> {
    match error {
        StorageError::Exists(_) => Some("choose another name, or add --force to replace it".into()),
        StorageError::Exposed { path, .. } => Some(format!("chmod 600 {}", crate::storage::show(path))),
        StorageError::Locked(_) => Some("wait until it has ended, then try again".into()),
        StorageError::File { .. } => None,
    }
}
