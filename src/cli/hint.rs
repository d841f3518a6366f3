//! What people can do about an error: a command that can be run, or a sentence.

use super::codes;
use super::error::{FORBIDDEN, forbidden_code};
use super::report::words;
use crate::archive::ArchiveError;
use crate::crypto::CryptoError;
use crate::disclosure::ledger::LedgerError;
use crate::disclosure::notices::NoticesError;
use crate::disclosure::policy::DisclosurePolicyError;
use crate::disclosure::roster::RosterError;
use crate::journal::JournalError;
use crate::journal::certificate::CertificateError;
use crate::keyring::KeyringError;
use crate::language::misfit::Misfit;
use crate::language::{said, text};
use crate::ops::OpsError;
use crate::ops::clock::ClockError;
use crate::ops::contacts::ContactsError;
use crate::ops::grant::GrantError;
use crate::ops::granted::GrantedError;
use crate::ops::proposal::ProposalError;
use crate::ops::purge::PlanError;
use crate::ops::request::RequestError;
use crate::retention::RetentionError;
use crate::retention::disposition::Forbidden;
use crate::retention::policy::PolicyError;
use crate::retention::register::Refusal;
use crate::retention::rule::RuleError;
use crate::storage::document::DocumentError;
use crate::storage::process::ProcessError;
use crate::storage::timestamp::TimestampError;
use crate::storage::{StorageError, show};
use std::path::Path;
use tr::tr;

/// What to do about an error.
pub fn hint(error: &OpsError) -> Option<String> {
    let text = match error {
        OpsError::Policy(PolicyError::Toml(_, Some(misfit)))
        | OpsError::DisclosurePolicy(DisclosurePolicyError::Toml { misfit: Some(misfit), .. }) => {
            return Some(misfit_hint(misfit));
        }
        OpsError::Forbidden(stopped) if stopped.iter().any(|s| matches!(s.why, Forbidden::Notice(_))) => {
            return Some(notice_hint());
        }
        OpsError::Notices(NoticesError::Unknown(_)) => text!("see them with `keepuntil notice list`"),
        OpsError::Notices(NoticesError::Unexplained) => text!("say why: --explain TEXT"),
        OpsError::LettersExist(_) => {
            text!("letters are never replaced: name a folder that is not there yet with -o DIR")
        }
        OpsError::Template { .. } => text!("see what can stand in it with `keepuntil notice template --help`"),
        OpsError::Contacts { source: ContactsError::NoSuchFile { tables, count }, .. } => {
            return Some(tables_hint(tables, *count));
        }
        OpsError::Contacts { source: ContactsError::NoRecords(_), .. } => {
            text!(
                "name the column with numbers of records: --records-column NAME; numbers are there only after the sealing: a table from \
                 before it names records by the names of their folders, in a column of its own: --records-column NAME --by-name"
            )
        }
        OpsError::Contacts { .. } => {
            text!(
                "correct the table or name what it has: --address-column, --records-column; one that is not in UTF-8 is read \
             with --charset GB18030"
            )
        }
        OpsError::Forbidden(stopped) if forbidden_code(stopped) == FORBIDDEN => {
            text!("see what keeps them with `keepuntil due`, `keepuntil hold list` and `keepuntil status`")
        }
        OpsError::PlanFile { source: DocumentError::OtherFormat(_), .. } => {
            text!("get a newer keepuntil, if it is a plan at all")
        }
        OpsError::PlanFile { .. } => text!("execute the file as `keepuntil purge --plan FILE` wrote it"),
        OpsError::Roles { .. } => text!("see the form with `keepuntil purge --help`"),
        OpsError::Request(RequestError::NoRoster) => text!("say who may ask and approve: `keepuntil roster set FILE`"),
        OpsError::Request(RequestError::NoPolicy) => {
            text!(
                "say who may ask for what: `keepuntil roster disclosure FILE`; see `keepuntil roster disclosure --help`"
            )
        }
        OpsError::Request(RequestError::MayNotAsk(_)) => text!("see who may ask with `keepuntil roster show`"),
        OpsError::Request(RequestError::Unsigned { .. }) => {
            text!(
                "the requester signs it: `ssh-keygen -Y sign -n keepuntil-request -f KEY FILE`; a signature that lies elsewhere is \
             named with --signature"
            )
        }
        OpsError::Request(RequestError::OtherRequester { .. }) => {
            text!("ask the requester through a channel that you know; it must be signed by the person that it names")
        }
        OpsError::Request(RequestError::Late(_)) => {
            text!("have the requester make a new one: `keepuntil request new --help`")
        }
        OpsError::Request(RequestError::NoRecords) => {
            text!("find out which are meant with `keepuntil request find FILE ARCHIVE`, then name them: --record N")
        }
        OpsError::Request(RequestError::Wider(_)) => {
            text!("have the requester ask for them: `keepuntil request new --help`")
        }
        OpsError::Proposal(ProposalError::Late(_) | ProposalError::OtherRoster) => {
            text!("make a new proposal with `keepuntil request propose FILE`, and have it approved anew")
        }
        OpsError::Proposal(ProposalError::Missing { .. }) => {
            text!("people on the roster sign it: `keepuntil approve PROPOSAL --sign-with KEY`")
        }
        OpsError::Proposal(ProposalError::OwnRequest(_)) => text!("somebody else on the roster has to approve it"),
        OpsError::Ledger(LedgerError::Answered { .. }) => {
            text!("a request is answered once: have the requester make a new one with `keepuntil request new`")
        }
        OpsError::Roster(RosterError::Undeciding(_)) => {
            text!("somebody on the roster has to sign whom the disclosure policy does not let ask for records")
        }
        OpsError::Roster(RosterError::UnknownKey(_)) => {
            text!("ask the person through a channel that you know; their key is added with `keepuntil roster set FILE`")
        }
        OpsError::Message { source: DocumentError::OtherFormat(_), .. } => {
            text!("name the right file; if it is the right one, get a newer keepuntil")
        }
        OpsError::Message { .. } => {
            text!("compare it with what was sent, or ask whoever made it for another copy")
        }
        OpsError::Ineligible(_) => {
            text!(
                "see what may be granted with `keepuntil request check FILE`, and propose only those: --record N; for the \
             rest write a letter: `keepuntil refuse FILE --help`"
            )
        }
        OpsError::Granted(GrantedError::NoIdentity(_)) => {
            text!("name the identity that was made with the request: -i REQUEST.identity")
        }
        OpsError::Granted(GrantedError::Ended { .. }) => {
            text!("ask the custodian again: a new request, for a new one-time address")
        }
        OpsError::Granted(GrantedError::NotYet { .. }) => text!("wait, or set the clock right"),
        OpsError::Granted(GrantedError::OtherArchive { .. }) => {
            text!("name the archive, or the extract, that the grant is for")
        }
        OpsError::Granted(GrantedError::OtherKey { .. }) => {
            text!(
                "sign it with the key that signed the request: `ssh-keygen -Y sign -n keepuntil-receipt -f KEY RECEIPT`"
            )
        }
        OpsError::Granted(_) => {
            text!("do not rely on this file; ask the custodian to send it again: `keepuntil grant` writes the same one")
        }
        OpsError::Plan(PlanError::CarriedOut(_)) => {
            text!("nothing is left to do; its certificate is in `certificates` of the keyring's folder")
        }
        OpsError::Plan(PlanError::Stale | PlanError::Cancelled(_)) => {
            text!("make a new plan with `keepuntil purge --plan FILE`, and have it signed anew")
        }
        OpsError::Plan(PlanError::ChangeUnsigned { .. }) => {
            text!(
                "print what they sign with --statement > FILE; each signs it: `ssh-keygen -Y sign -n keepuntil-settings -f KEY \
             < FILE > NAME.sig`; then add --approval NAME.sig for each"
            )
        }
        OpsError::Plan(PlanError::ApprovalMissing { .. }) => {
            text!(
                "people on the roster sign the plan: `ssh-keygen -Y sign -n keepuntil-plan -f KEY < PLAN > \
             NAME.sig`; then add --approval NAME.sig for each"
            )
        }
        OpsError::Plan(PlanError::NoRoster) => text!("say who may sign: `keepuntil roster set FILE`"),
        OpsError::Plan(PlanError::Nothing) => {
            text!("see what is due with `keepuntil due` and `keepuntil purge --dry-run`")
        }
        OpsError::Plan(PlanError::NotScheduled(_)) => text!("see what is scheduled with `keepuntil status`"),
        OpsError::NoSuchHold(_) => text!("see the holds with `keepuntil hold list`"),
        OpsError::Clock(_) | OpsError::Refused(Refusal::Clock(_)) => {
            text!("set the clock right; if it is right, have somebody else say so: `keepuntil clock confirm --help`")
        }
        OpsError::Refused(Refusal::NeedsApproval) => {
            text!("a second person signs what the same command prints with --statement; then add --approval FILE")
        }
        OpsError::Refused(Refusal::NoScope) => text!("name an archive, --compartment or --rule, or say --everything"),
        OpsError::Record { source: Refusal::NotLater { .. }, .. } => {
            text!("a retention date moves later, never earlier")
        }
        OpsError::Time(ClockError::NoRoster) => text!("say who may sign: `keepuntil roster set FILE`"),
        OpsError::Time(ClockError::OtherState) => {
            text!(
                "make a new one with `keepuntil clock statement`; nothing may happen in the keyring before it is confirmed"
            )
        }
        OpsError::Time(ClockError::TypedNotAllowed) => {
            text!(
                "allow it with `keepuntil keyring set --typed-confirmation yes`; the journal will say that nobody else \
             confirmed the date"
            )
        }
        OpsError::Problems(_) => {
            text!(
                "names in another charset are read with --names-from GB18030; `create` with --skip-unreadable seals the \
             rest, and names these in their records"
            )
        }
        OpsError::Unmatched(_) => {
            text!("add a pattern for them to the policy, or a last one with path = \"**\" for the rest")
        }
        OpsError::SameName(_) => text!("seal the folders into archives of their own, or rename one of the two"),
        OpsError::OutputInSource(_) => text!("write it to a folder beside the source: -o ../firm.sealed"),
        OpsError::NoIdentity { .. } => text!("name the identity file of one of its recipients with -i FILE"),
        OpsError::IdentityMissing => text!("name an identity file with -i FILE, or set KEEPUNTIL_IDENTITY"),
        OpsError::KeyringMissing | OpsError::Keyring(KeyringError::Missing(_)) => {
            text!("name it with --keyring DIR, or make one with `keepuntil keyring init DIR`")
        }
        OpsError::Policy(PolicyError::Rule(_, error)) => return policy_rule_hint(error),
        OpsError::NoRecipient(_) => text!("name one with -r age1pq1…, or in the policy"),
        OpsError::NoMatch(_) => text!("see the names with `keepuntil inspect ARCHIVE -i FILE`; quote the pattern"),
        OpsError::NoLiveMatch { .. } => {
            text!(
                "see the names that are left with `keepuntil inspect ARCHIVE -i FILE`; with --record N a record is asked for by number"
            )
        }
        OpsError::NotAFile(_) => text!("an archive is read from its end: save it to a file first"),
        OpsError::Certificate { source: CertificateError::Document(DocumentError::OtherFormat(_)), .. } => {
            text!("get a newer keepuntil, if it is a certificate at all")
        }
        OpsError::ForeignSeal { .. } | OpsError::Certificate { .. } => {
            text!("do not rely on this file; compare it with another copy, and tell whoever gave it to you")
        }
        OpsError::Keyring(KeyringError::UnknownArchive(_)) => {
            text!("name the keyring that it was sealed with: --keyring DIR")
        }
        OpsError::Keyring(KeyringError::CatalogueOlder { .. }) => {
            text!("this folder was restored from a backup; use the keyring as it was after its last purge")
        }
        OpsError::Keyring(KeyringError::RootMissing(..)) => {
            text!("without its root the keyring opens nothing; is the disk with the root folder there?")
        }
        OpsError::Keyring(KeyringError::RootTaken(_)) => {
            text!(
                "if its keyring is on a disk that is away, bring it back; else name another folder: `keepuntil keyring \
             init DIR --root FOLDER`; never remove a root that a keyring needs"
            )
        }
        OpsError::Ledger(LedgerError::UnknownRequest(_)) => {
            text!("note it and make a proposal with `keepuntil request propose FILE -o proposal.json`")
        }
        OpsError::Ledger(LedgerError::Spent { .. }) => {
            text!("the requester writes a new request: `keepuntil request new --help`")
        }
        OpsError::Grant(GrantError::Ended(_)) => {
            text!(
                "make a new proposal with `keepuntil request propose FILE -o proposal.json`, and have it approved anew"
            )
        }
        OpsError::Grant(GrantError::ClockBehind { .. }) => text!("set the clock right"),
        OpsError::Unattested(_) | OpsError::Grant(GrantError::Mismatch { .. }) => {
            text!("do not rely on this file; ask whoever made it for the one that they have")
        }
        OpsError::Archive { source: ArchiveError::NewerFormat(_), .. } => text!("get a newer keepuntil"),
        OpsError::Archive { source: ArchiveError::Limit { .. }, .. } => {
            text!("if you trust its origin, raise the limit with --max-ratio or --max-members")
        }
        OpsError::Archive { source: ArchiveError::Damaged { .. }, .. } => {
            text!("see what is still whole with `keepuntil verify ARCHIVE`, and look for another copy")
        }
        OpsError::Journal(JournalError::Forked(_) | JournalError::Older { .. }) => {
            text!("keep the older checkpoint: it proves that the journal was rewritten or put back")
        }
        OpsError::Journal(JournalError::OtherStart { .. }) => {
            text!(
                "ask for a whole export, or for one since the checkpoint that this witness signed last: `keepuntil journal \
             export --since FILE`"
            )
        }
        OpsError::Journal(JournalError::Storage(e)) => return storage_hint(e),
        OpsError::Keyring(KeyringError::Storage(e)) | OpsError::Storage(e) => return storage_hint(e),
        OpsError::Process(e) => return process_hint(e),
        OpsError::Roster(RosterError::Process(e)) => return process_hint(e),
        OpsError::Timestamp(TimestampError::Process(e)) => return process_hint(e),
        OpsError::Crypto(CryptoError::MixedRecipients) => {
            text!(
                "give each kind an archive or a compartment of its own; `keepuntil keygen` makes post-quantum identities"
            )
        }
        _ => return None,
    };
    Some(said(text).into_owned())
}

/// How it is written.
fn misfit_hint(misfit: &Misfit) -> String {
    match misfit {
        Misfit::NoneOf(codes) => {
            let codes = codes.iter().map(|code| codes::code_and_meaning(code));
            tr!("write one of these: {codes}", codes = words::joined(codes))
        }
        Misfit::SingleBrackets(name) => tr!(
            "there may be several of these, so each begins with double brackets: write [[{name}]] instead of [{name}]",
            name = name
        ),
    }
}

/// Which path may have been meant.
fn tables_hint(tables: &[String], count: u64) -> String {
    if tables.is_empty() {
        return tr!("the path is wrong, or the record: no file in it has a name that ends in .csv");
    }
    let paths = words::joined(tables.iter().map(|path| format!("--path {}", show(Path::new(&format!("data/{path}"))))));
    match count - tables.len() as u64 {
        0 => tr!("the path is wrong; the tables in the record are: {paths}", paths = paths),
        more => {
            tr!("the path is wrong; tables in the record are: {paths}, and {more} more", paths = paths, more = more)
        }
    }
}

/// What lets a record go whose rule asks for a notice first.
pub fn notice_hint() -> String {
    tr!(
        "write to those concerned, and note it: `keepuntil notice template destruction -o FILE`, `keepuntil notice merge`, \
         `keepuntil notice sent`"
    )
}

/// What to add on the command line so that a rule can be applied.
pub fn rule_hint(error: &RuleError) -> Option<String> {
    let text = match error {
        RuleError::Unknown(_) => text!("see `keepuntil rules`; own rules stand in the policy file"),
        RuleError::NeedsPeriod(_) => text!("add the period that you decide on: --retain P3Y"),
        RuleError::NeedsStart(_) => {
            text!("add --start record-date, --start creation or --start event:relationship-end")
        }
        RuleError::NeedsDate(_) => text!("add the records' date: --dated 2025-06-30"),
        RuleError::Shorter { .. } | RuleError::Longer { .. } => {
            text!("leave --retain out, or give a period that the rule allows")
        }
        RuleError::Idle(_) => text!("leave --start or --counting out: what a rule says is never replaced"),
        RuleError::Nothing => {
            text!("add --until 2036-12-31, --retain P10Y, --rule ID (see `keepuntil rules`), or --policy FILE")
        }
        RuleError::TooMany | RuleError::Retention(_) => return None,
    };
    Some(said(text).into_owned())
}

/// The same in a policy file.
fn policy_rule_hint(error: &RuleError) -> Option<String> {
    let text = match error {
        RuleError::Unknown(_) => text!("see `keepuntil rules`, or define it in the policy: [[rule]]"),
        RuleError::NeedsPeriod(_) => text!("add the period that you decide on: retain = \"P3Y\""),
        RuleError::NeedsStart(_) => text!("add start = \"record-date\", \"creation\" or \"event:relationship-end\""),
        RuleError::NeedsDate(_) => {
            text!("add the records' date to that [[records]]: dated = \"2025-06-30\", or one that the path captures")
        }
        RuleError::Shorter { .. } | RuleError::Longer { .. } => {
            text!("leave `retain` out, or give a period that the rule allows")
        }
        RuleError::Idle(_) => text!("leave `start` or `counting` out: what a rule says is never replaced"),
        RuleError::Retention(RetentionError::Past(_)) => text!("what need not be kept any longer is not sealed"),
        RuleError::Nothing | RuleError::TooMany | RuleError::Retention(_) => return None,
    };
    Some(said(text).into_owned())
}

fn process_hint(error: &ProcessError) -> Option<String> {
    match error {
        ProcessError::Missing(program) if program == "ssh-keygen" => {
            Some(tr!("install OpenSSH (Debian: apt install openssh-client); its ssh-keygen signs and verifies"))
        }
        ProcessError::Missing(program) if program == "openssl" => {
            Some(tr!("install OpenSSL (Debian: apt install openssl); it verifies time stamps"))
        }
        ProcessError::Missing(program) => Some(tr!("install {program}", program = program)),
        ProcessError::Storage(e) => storage_hint(e),
        _ => None,
    }
}

fn storage_hint(error: &StorageError) -> Option<String> {
    match error {
        StorageError::Reserved(_) => Some(tr!("choose another name")),
        StorageError::Exists(_) => Some(tr!("choose another name, or add --force to replace it")),
        StorageError::Exposed { path, .. } => Some(format!("`chmod 600 {}`", crate::storage::show(path))),
        StorageError::Locked(_) => Some(tr!("wait until it has ended, then try again")),
        StorageError::File { .. } => None,
    }
}
