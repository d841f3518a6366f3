//! Errors as people and programs see them: one line, a hint that can be run, an exit code.

use crate::archive::ArchiveError;
use crate::crypto::CryptoError;
use crate::journal::certificate::CertificateError;
use crate::journal::document::DocumentError;
use crate::keyring::KeyringError;
use crate::ops::OpsError;
use crate::storage::StorageError;

pub const FAILED: u8 = 1;
pub const USAGE: u8 = 2;
pub const FINDINGS: u8 = 3;
pub const DAMAGED: u8 = 10;
pub const NO_IDENTITY: u8 = 12;
pub const DESTROYED: u8 = 13;
pub const LOCKED: u8 = 14;
pub const INTERRUPTED: u8 = 130;

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
                    OpsError::Unmatched(paths) => paths.iter().map(|path| crate::storage::escape(path)).collect(),
                    _ => Vec::new(),
                };
                (error.to_string(), list, hint(error))
            }
        }
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
        OpsError::Keyring(KeyringError::Destroyed(_)) => DESTROYED,
        OpsError::Keyring(KeyringError::Damaged(_) | KeyringError::CatalogueOlder { .. }) => DAMAGED,
        OpsError::Keyring(KeyringError::Storage(e)) | OpsError::Storage(e) => storage_code(e),
        OpsError::Crypto(e) => crypto_code(e),
        OpsError::Interrupted => INTERRUPTED,
        _ => FAILED,
    }
}

fn crypto_code(error: &CryptoError) -> u8 {
    match error {
        CryptoError::NoIdentity => NO_IDENTITY,
        CryptoError::Damaged(_) | CryptoError::Header(_) => DAMAGED,
        _ => FAILED,
    }
}

fn storage_code(error: &StorageError) -> u8 {
    if matches!(error, StorageError::Locked(_)) { LOCKED } else { FAILED }
}

fn hint(error: &OpsError) -> Option<String> {
    let text = match error {
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
        OpsError::Archive { source: ArchiveError::NewerFormat(_), .. } => "get a newer keepuntil",
        OpsError::Archive { source: ArchiveError::Limit { .. }, .. } => {
            "if you trust its origin, raise the limit with --max-ratio or --max-members"
        }
        OpsError::Archive { source: ArchiveError::Damaged { .. }, .. } => {
            "see what is still whole with `keepuntil verify ARCHIVE`, and look for another copy"
        }
        OpsError::Keyring(KeyringError::Storage(e)) | OpsError::Storage(e) => return storage_hint(e),
        OpsError::Crypto(CryptoError::MixedRecipients) => {
            "give each kind an archive or a compartment of its own; `keepuntil keygen` makes post-quantum identities"
        }
        _ => return None,
    };
    Some(text.into())
}

fn storage_hint(error: &StorageError) -> Option<String> {
    match error {
        StorageError::Exists(_) => Some("choose another name, or add --force to replace it".into()),
        StorageError::Exposed { path, .. } => Some(format!("chmod 600 {}", crate::storage::show(path))),
        StorageError::Locked(_) => Some("wait until it has ended, then try again".into()),
        StorageError::File { .. } => None,
    }
}
