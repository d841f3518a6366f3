//! `request new`: what a requester writes, with nothing but an SSH key; and how a custodian knows who it was.
//!
//! Invariant: a request counts for the person on the roster whose key signed its very bytes, and for no other archive. Spec:
//! `spec/disclosure.md`, "Asking" and "Who asks".

use super::OpsError;
use super::custody::Custody;
use super::keys::identity_file;
use super::open::{Trust, open_archive, open_file};
use crate::archive::ArchiveError;
use crate::crypto::hash::{Hash, sha256_reader};
use crate::crypto::identity;
use crate::crypto::kdf::ArchiveId;
use crate::disclosure::namespace;
use crate::disclosure::proposal::Signatory;
use crate::disclosure::purpose::Purpose;
use crate::disclosure::request::{FORMAT, IdentityPaper, MAX_MESSAGE, Reference, Request};
use crate::disclosure::roster::Roster;
use crate::retention::ranges::Ranges;
use crate::retention::whole_second;
use crate::storage::document::DocumentError;
use crate::storage::output::{OutputFile, finish_together};
use crate::storage::ssh_keygen::{self, MAX_SIGNATURE};
use crate::storage::{StorageError, read_limited};
use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use tr::tr;

/// Why a request leads to nothing.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// Nobody's signature counts.
    #[error("{}", tr!("there is no roster: nobody who asks can be known"))]
    NoRoster,
    /// Nobody may ask.
    #[error("{}", tr!("there is no disclosure policy: nobody may be granted anything"))]
    NoPolicy,
    /// There is no signature.
    #[error("{}", tr!("{}: it is not signed: there is no {}", crate::storage::show(request), crate::storage::show(signature)))]
    Unsigned {
        /// The request.
        request: PathBuf,
        /// Where its signature should be.
        signature: PathBuf,
    },
    /// Signed by another than it says.
    #[error("{}", tr!("request: it is in the name of {named}, but the key that signed it is that of {signed}", named = format!("{:?}", named), signed = format!("{:?}", signed)))]
    OtherRequester {
        /// Whom the request names.
        named: String,
        /// Whose key it is.
        signed: String,
    },
    /// About another archive.
    #[error("{}", tr!("request: it is about archive {asked}, not about {found}", asked = asked, found = found))]
    OtherArchive {
        /// The archive that it names, in hex.
        asked: String,
        /// The archive that was given, in hex.
        found: String,
    },
    /// Too late.
    #[error("{}", tr!("request: its answer was wanted until {}", _0))]
    Late(NaiveDate),
    /// The policy does not name the requester, or no longer.
    #[error("{}", tr!("disclosure policy: {} may not be granted anything now", format!("{:?}", _0)))]
    MayNotAsk(String),
    /// Described only in words.
    #[error("{}", tr!("request: it names no records"))]
    NoRecords,
    /// More than was asked for.
    #[error("{}", tr!("records {} are not among those that the request names", _0))]
    Wider(Ranges),
}

/// The first digits of a request's hash, as people are shown them.
pub fn short(hash: &Hash) -> String {
    hex::encode(&hash[..6])
}

/// A request to be.
#[derive(Clone, Debug)]
pub struct RequestOptions {
    /// The archive.
    pub archive: ArchiveId,
    /// The records, where their numbers are known.
    pub records: Option<Ranges>,
    /// What they are, in words.
    pub description: Option<String>,
    /// What they are for.
    pub purpose: Purpose,
    /// The same in words.
    pub explanation: String,
    /// The law, contract or order that it rests on.
    pub legal_basis: Option<String>,
    /// Papers that it refers to.
    pub references: Vec<Reference>,
    /// Papers of identity: what each is, and its file.
    pub identity: Vec<(String, PathBuf)>,
    /// The last day on which the answer is of use.
    pub wanted_until: NaiveDate,
    /// Who asks.
    pub requester: String,
}

/// What `request new` wrote.
#[derive(Clone, Debug)]
pub struct NewRequest {
    /// The request.
    pub request: Request,
    /// By what it is known.
    pub hash: Hash,
    /// The file of its one-time identity.
    pub identity: PathBuf,
    /// Its signature, where it was signed.
    pub signature: Option<PathBuf>,
}

/// A file's name with something behind it.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// The id of an archive's file, which must have all of `records`.
///
/// # Errors
/// Those of opening it; [`ArchiveError::NoSuchRecord`].
pub fn archive_of(path: &Path, records: Option<&Ranges>) -> Result<ArchiveId, OpsError> {
    let (reader, _) = open_archive(path, &Trust::default(), None)?;
    match records.and_then(Ranges::last).filter(|last| *last > reader.records()) {
        Some(last) => Err(OpsError::archive(path)(ArchiveError::NoSuchRecord(last, reader.records()))),
        None => Ok(*reader.archive()),
    }
}

/// Writes a request to `output`, its one-time identity beside it, and its signature where there is a key to sign with.
///
/// # Errors
/// A request that cannot be; those of files and of `ssh-keygen`. Then nothing was written.
pub fn new(
    options: &RequestOptions,
    now: DateTime<Utc>,
    sign_with: Option<&Path>,
    output: &Path,
    force: bool,
) -> Result<NewRequest, OpsError> {
    let paper = |(paper, file): &(String, PathBuf)| {
        let sha256 = sha256_reader(open_file(file)?).map_err(StorageError::at(file))?;
        Ok::<_, OpsError>(IdentityPaper { paper: paper.clone(), sha256 })
    };
    let one_time = identity::generate(false);
    let request = Request {
        format: FORMAT.into(),
        archive: options.archive,
        records: options.records.clone(),
        description: options.description.clone(),
        purpose: options.purpose,
        explanation: options.explanation.clone(),
        legal_basis: options.legal_basis.clone(),
        references: options.references.clone(),
        identity: options.identity.iter().map(paper).collect::<Result<_, _>>()?,
        wanted_until: options.wanted_until,
        made: whole_second(now),
        requester: options.requester.clone(),
        address: one_time.recipient.clone(),
    };
    let bytes = request.to_bytes();
    // Read back as any reader will: what nobody could read is not written.
    Request::parse(&bytes).map_err(|source| OpsError::Message { path: output.into(), source })?;
    let (identity_at, signature_at) = (beside(output, ".identity"), beside(output, ".sig"));
    let text = identity_file(&one_time, &now.to_rfc3339_opts(SecondsFormat::Secs, true));
    let signed = sign_with.map(|key| ssh_keygen::sign(key, namespace::REQUEST, &bytes)).transpose()?;
    let mut files = vec![
        (&identity_at, OutputFile::begin(&identity_at, 0o600, force)?, text.as_bytes()),
        (&signature_at, OutputFile::begin(&signature_at, 0o644, force)?, signed.as_deref().unwrap_or_default()),
    ];
    if signed.is_none() {
        files.pop();
    }
    let at = PathBuf::from(output);
    files.push((&at, OutputFile::begin(output, 0o644, force)?, &bytes));
    for (path, file, content) in &mut files {
        file.write_all(content).map_err(StorageError::at(path.as_path()))?;
    }
    // The request last: who finds it finds what belongs to it.
    finish_together(files.into_iter().map(|(_, file, _)| file).collect())?;
    let hash = Request::identity_of(&bytes);
    let signature = signed.is_some().then_some(signature_at);
    Ok(NewRequest { request, hash, identity: identity_at, signature })
}

/// A request as it was received.
#[derive(Clone, Debug)]
pub struct Received {
    /// Its bytes, which were signed.
    pub bytes: Vec<u8>,
    /// What they say.
    pub request: Request,
    /// By what it is known.
    pub hash: Hash,
}

/// Reads a request.
///
/// # Errors
/// [`OpsError::Message`] for anything that is none; those of the disk.
pub fn read(path: &Path) -> Result<Received, OpsError> {
    let bytes = read_limited(path, MAX_MESSAGE)?;
    let message = |source: DocumentError| OpsError::Message { path: path.into(), source };
    let request = Request::parse(&bytes).map_err(message)?;
    let hash = Request::identity_of(&bytes);
    Ok(Received { bytes, request, hash })
}

/// The signature of a message: in the file that is named, or beside the message.
///
/// # Errors
/// [`RequestError::Unsigned`] where there is none; those of the disk.
pub fn read_signature(message: &Path, named: Option<&Path>) -> Result<Vec<u8>, OpsError> {
    let path = named.map_or_else(|| beside(message, ".sig"), Path::to_path_buf);
    if named.is_none() && !path.exists() {
        return Err(RequestError::Unsigned { request: message.into(), signature: path }.into());
    }
    Ok(read_limited(&path, MAX_SIGNATURE as u64)?)
}

/// The roster in force.
///
/// # Errors
/// [`RequestError::NoRoster`].
pub fn roster(custody: &Custody) -> Result<Roster, OpsError> {
    let known = custody.register().roster.as_ref().ok_or(RequestError::NoRoster)?;
    Ok(Roster::parse(known.text.as_bytes())?)
}

/// Who asked: the person on the roster whose key signed the request, and whom it names.
///
/// # Errors
/// [`RequestError::NoRoster`], [`RequestError::OtherRequester`]; why the signature does not count.
pub fn identify(custody: &Custody, received: &Received, signature: &[u8]) -> Result<Signatory, OpsError> {
    let at = custody.signing_time();
    let signer = roster(custody)?.verify(&received.bytes, signature, namespace::REQUEST, at)?;
    if signer.principal != received.request.requester {
        let (named, signed) = (received.request.requester.clone(), signer.principal);
        return Err(RequestError::OtherRequester { named, signed }.into());
    }
    Ok(signer.into())
}
