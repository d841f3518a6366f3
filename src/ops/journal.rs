//! `journal`: signs, verifies, exports and cosigns; joins the journal's rules to the keyring's rows and to files.
//!
//! Invariant: entries are durable before a checkpoint over them is signed, a checkpoint before it is shown.

use super::custody::Custody;
use super::{OpsError, Progress};
use crate::crypto::sign::VerifierKey;
use crate::journal::cosign::{MAX_STATE, State, WitnessKey, cosign as cosign_checkpoint};
use crate::journal::entry::Leaf;
use crate::journal::export::FolderWriter;
use crate::journal::folder::Folder;
use crate::journal::verify::{Replay, Verified};
use crate::journal::{JournalError, checkpoint};
use crate::keyring::Keyring;
use crate::language::text;
use crate::storage::extract::OutputFolder;
use crate::storage::lock::{Lock, Sharing};
use crate::storage::output::{OutputFile, write_new};
use crate::storage::{StorageError, read_limited, read_secret, show};
use crate::tlog::TlogError;
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::consistency::Request;
use crate::tlog::cosignature::MAX_COSIGNED;
use crate::tlog::proof::{Evidence, Proof};
use std::io::Write;
use std::path::Path;
use std::time::Duration;
use tr::tr;

/// The origin of a keyring's journal.
pub fn origin(keyring: &Keyring) -> String {
    checkpoint::origin(&keyring.config().firm, &keyring.config().keyring)
}

/// The signed checkpoint over all entries, durable. The keyring must be held exclusively.
///
/// `time` is in seconds since 1970, as the keyring's clock says.
///
/// # Errors
/// [`OpsError::JournalEmpty`]; [`JournalError::Forked`] where the entries are not those that were signed before: a
/// second history is never signed.
pub fn sign(keyring: &Keyring, time: u64) -> Result<String, OpsError> {
    let log = keyring.log();
    let size = log.size()?;
    if size == 0 {
        return Err(OpsError::JournalEmpty);
    }
    if let Some((head, note)) = signed(keyring)? {
        if log.root(head.size)? != head.root {
            return Err(rewritten(head.size).into());
        }
        if head.size == size {
            return Ok(note);
        }
    }
    let note = checkpoint::sign(&origin(keyring), size, log.root(size)?, &keyring.signing_key(), time);
    log.set_signed(size, note.as_bytes())?;
    Ok(note)
}

/// The entry at `index` with its proof under a checkpoint that is signed now, as files that rest on the journal carry it.
///
/// # Errors
/// As [`sign`]; those of the keyring.
pub fn evidence(custody: &Custody, index: u64) -> Result<Evidence, OpsError> {
    let keyring = custody.keyring();
    let time = u64::try_from(custody.now().reading.wall.timestamp()).unwrap_or(0);
    let checkpoint = sign(keyring, time)?;
    let (log, size) = (keyring.log(), keyring.log().size()?);
    let (leaf, hashes) = (log.leaf(index)?, log.inclusion_proof(index, size)?);
    Ok(Evidence::from(&Proof { index, leaf, hashes, checkpoint }))
}

/// The last checkpoint that was signed, verified.
fn signed(keyring: &Keyring) -> Result<Option<(Checkpoint, String)>, OpsError> {
    let Some((size, note)) = keyring.log().signed()? else { return Ok(None) };
    let head = of_journal(&note, &keyring.verifier_keys(), &origin(keyring))?;
    if head.size != size {
        return Err(JournalError::Damaged(tr!("its checkpoint is over other entries than it says")).into());
    }
    let note = String::from_utf8(note).map_err(|_| JournalError::Tlog(TlogError::Note(text!("it is not UTF-8"))))?;
    Ok(Some((head, note)))
}

/// A checkpoint that must be of this very journal.
fn of_journal(note: &[u8], keys: &[VerifierKey; 2], origin: &str) -> Result<Checkpoint, JournalError> {
    let head = checkpoint::verify(note, keys)?.checkpoint;
    same_journal(&head, origin)?;
    Ok(head)
}

fn same_journal(head: &Checkpoint, origin: &str) -> Result<(), JournalError> {
    if head.origin == origin {
        return Ok(());
    }
    Err(JournalError::Foreign(tr!(
        "checkpoint: it is of {}, not of {origin}",
        format!("{:?}", head.origin),
        origin = format!("{:?}", origin)
    )))
}

fn rewritten(size: u64) -> JournalError {
    JournalError::Forked(tr!("its first {size} entries are not those of the checkpoint over them", size = size))
}

/// What verification of a journal found.
pub struct JournalOutcome {
    /// Which journal.
    pub origin: String,
    /// What the replay found.
    pub verified: Verified,
    /// Entries under the signed checkpoint; `None` where nothing was signed yet.
    pub signed: Option<u64>,
    /// Whether the checkpoint's signer is one that somebody named.
    pub signer_known: bool,
}

/// Verifies the keyring's own journal, also against an older checkpoint that somebody kept.
///
/// # Errors
/// [`OpsError::Journal`], [`OpsError::Keyring`] with what does not fit.
pub fn verify_own(keyring: &Keyring, since: Option<&[u8]>) -> Result<JournalOutcome, OpsError> {
    let log = keyring.log();
    let (keys, origin) = (keyring.verifier_keys(), origin(keyring));
    let mut heads = Vec::new();
    let signed = signed(keyring)?;
    heads.extend(signed.iter().map(|(head, _)| head.clone()));
    if let Some(note) = since {
        heads.push(of_journal(note, &keys, &origin)?);
    }
    // Every entry is read twice: beside its tiles, and for the heads.
    let size = log.size()?;
    keyring.watched().total(2 * size);
    log.check_heard(&mut || keyring.watched().advance(1))?;
    let mut replay = Replay::new(&heads);
    log.for_each_leaf::<OpsError>(0, size, |_, leaf| {
        keyring.watched().advance(1);
        Ok(replay.push(leaf).map(|_| ())?)
    })?;
    let (verified, _) = replay.finish()?;
    let signed = signed.map(|(head, _)| head.size);
    Ok(JournalOutcome { origin, verified, signed, signer_known: true })
}

/// Verifies an exported journal; without `keys` only whether it fits its own, unverified checkpoint.
///
/// # Errors
/// [`OpsError::Journal`] with what does not fit.
pub fn verify_folder(
    dir: &Path,
    keys: Option<&[VerifierKey; 2]>,
    since: Option<&[u8]>,
    progress: &dyn Progress,
) -> Result<JournalOutcome, OpsError> {
    let folder = Folder::new(dir);
    let read = |note: &[u8]| match keys {
        Some(keys) => checkpoint::verify(note, keys).map(|signed| signed.checkpoint),
        None => checkpoint::claimed(note),
    };
    let head = read(&folder.checkpoint()?)?;
    let since = since.map(read).transpose()?;
    if let Some(since) = &since {
        same_journal(since, &head.origin)?;
    }
    progress.total(head.size);
    let verified = folder.verify(&head, since.as_slice(), &mut |_, _| progress.advance(1))?;
    Ok(JournalOutcome { origin: head.origin, verified, signed: Some(head.size), signer_known: keys.is_some() })
}

/// The origin that an exported folder claims.
///
/// # Errors
/// [`OpsError::Journal`] for a folder that is none.
pub fn claimed_origin(dir: &Path) -> Result<String, OpsError> {
    Ok(checkpoint::claimed(&Folder::new(dir).checkpoint()?)?.origin)
}

/// Shows the entries from `from` on.
///
/// # Errors
/// [`OpsError::Journal`] for a damaged entry; those of the keyring and of `each`.
pub fn show_entries<E: From<OpsError>>(
    keyring: &Keyring,
    from: u64,
    mut each: impl FnMut(u64, Leaf) -> Result<(), E>,
) -> Result<(), E> {
    struct Stop<E>(E);
    impl<E: From<OpsError>> From<crate::keyring::KeyringError> for Stop<E> {
        fn from(error: crate::keyring::KeyringError) -> Self {
            Self(OpsError::from(error).into())
        }
    }
    let log = keyring.log();
    let size = log.size().map_err(OpsError::from)?;
    log.for_each_leaf::<Stop<E>>(from.min(size), size, |index, bytes| {
        let leaf = Leaf::parse(index, bytes).map_err(|e| Stop(OpsError::from(e).into()))?;
        each(index, leaf).map_err(Stop)
    })
    .map_err(|Stop(error)| error)
}

/// Writes the whole journal as a folder; signs what is not signed yet. Gives the number of entries.
///
/// # Errors
/// Those of [`sign`] and of the files.
pub fn export(keyring: &Keyring, output: &Path, time: u64) -> Result<u64, OpsError> {
    let (parent, name) = parent_and_name(output)?;
    let parent = OutputFolder::open(parent, false)?;
    parent.check_free(name)?;
    let note = sign(keyring, time)?;
    let size = keyring.log().size()?;
    let mut writer = FolderWriter::begin(&parent, i64::try_from(time).unwrap_or(0))?;
    keyring.log().for_each_leaf::<OpsError>(0, size, |_, leaf| Ok(writer.push(leaf)?))?;
    writer.finish(note.as_bytes(), name)?;
    Ok(size)
}

fn parent_and_name(path: &Path) -> Result<(&Path, &str), StorageError> {
    let name = path.file_name().and_then(|name| name.to_str());
    let unnamed = || StorageError::at(path)(std::io::Error::other(tr!("it is not a folder's name")));
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok((parent, name.ok_or_else(unnamed)?))
}

/// Writes the newest checkpoint with the proof that it extends an older one; signs what is not signed yet.
///
/// # Errors
/// [`JournalError::Foreign`], [`JournalError::Older`], [`JournalError::Forked`] for a checkpoint of another history.
pub fn export_since(keyring: &Keyring, since: &[u8], output: &Path, time: u64) -> Result<u64, OpsError> {
    let log = keyring.log();
    let old = of_journal(since, &keyring.verifier_keys(), &origin(keyring))?;
    let size = log.size()?;
    if old.size > size {
        return Err(JournalError::Older { size, seen: old.size }.into());
    }
    if log.root(old.size)? != old.root {
        return Err(rewritten(old.size).into());
    }
    let checkpoint = sign(keyring, time)?;
    let request = Request { old: old.size, proof: log.consistency_proof(old.size, size)?, checkpoint };
    write_new(output, request.to_text().as_bytes(), 0o644)?;
    Ok(size)
}

/// What a witness is asked to do.
pub struct CosignOptions<'a> {
    /// A folder or a request that the journal's custodian exported.
    pub export: &'a Path,
    /// Keys of the journal, needed where the state does not know it.
    pub keys: Option<[VerifierKey; 2]>,
    /// The witness's key file.
    pub witness_key: &'a Path,
    /// Its state file.
    pub state: &'a Path,
    /// Where the cosigned checkpoint goes.
    pub output: &'a Path,
    /// The witness's clock, in seconds since 1970.
    pub time: u64,
    /// How long to wait for another run on the same state.
    pub wait: Duration,
}

/// Cosigns a journal's checkpoint; gives the head that was signed.
///
/// # Errors
/// [`JournalError::Forked`], [`JournalError::Older`], [`JournalError::Foreign`], [`JournalError::OtherStart`]: nothing
/// is signed then.
pub fn cosign(options: &CosignOptions<'_>) -> Result<Checkpoint, OpsError> {
    let witness = WitnessKey::parse(&read_secret(options.witness_key, 1 << 16)?)?.signing_key();
    let mut lock_path = options.state.as_os_str().to_owned();
    lock_path.push(".lock");
    let _lock = Lock::take(Path::new(&lock_path), Sharing::Exclusive, options.wait)?;
    let mut state = match options.state.symlink_metadata() {
        Ok(_) => State::parse(&read_limited(options.state, MAX_STATE)?)?,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => State::default(),
        Err(e) => return Err(StorageError::at(options.state)(e).into()),
    };
    let export = Export::open(options.export)?;
    let note = export.checkpoint();
    let claimed = checkpoint::claimed(note.as_bytes())?;
    let keys = match (state.keys(&claimed.origin)?, &options.keys) {
        (Some(known), Some(named)) if known != *named => {
            let what = tr!("{}: this witness knows it by other keys", claimed.origin);
            return Err(JournalError::Foreign(what).into());
        }
        (Some(keys), _) => keys,
        (None, Some(keys)) => keys.clone(),
        (None, None) => {
            let what = tr!("{}: this witness does not know its keys yet", claimed.origin);
            return Err(JournalError::File(what).into());
        }
    };
    let head = checkpoint::verify(note.as_bytes(), &keys)?.checkpoint;
    export.follows(&state, &head)?;
    let cosigned = cosign_checkpoint(note, &witness, options.time)?;
    state.remember(&head, &keys)?;
    let mut output = OutputFile::begin(options.output, 0o644, false)?;
    output.write_all(cosigned.as_bytes()).map_err(StorageError::at(options.output))?;
    // Before the cosignature has its name: a witness that forgot it could sign a fork.
    let mut file = OutputFile::begin(options.state, 0o600, true)?;
    file.write_all(&state.to_bytes()).map_err(StorageError::at(options.state))?;
    file.finish()?;
    output.finish()?;
    Ok(head)
}

/// What a custodian gave to a witness.
enum Export {
    Folder(Folder, String),
    Request(Request),
}

impl Export {
    fn open(path: &Path) -> Result<Self, OpsError> {
        let text = |bytes: Vec<u8>| {
            String::from_utf8(bytes).map_err(|_| JournalError::File(tr!("{}: it is not UTF-8", show(path))))
        };
        if path.is_dir() {
            let folder = Folder::new(path);
            let note = text(folder.checkpoint()?)?;
            return Ok(Self::Folder(folder, note));
        }
        let request = Request::parse(&text(read_limited(path, MAX_COSIGNED)?)?).map_err(JournalError::from)?;
        Ok(Self::Request(request))
    }

    fn checkpoint(&self) -> &str {
        match self {
            Self::Folder(_, note) => note,
            Self::Request(request) => &request.checkpoint,
        }
    }

    /// Whether `head` extends what was signed last: by every entry, or by the proof.
    fn follows(&self, state: &State, head: &Checkpoint) -> Result<(), JournalError> {
        match self {
            Self::Folder(folder, _) => {
                folder.verify(head, state.head(&head.origin).as_slice(), &mut |_, _| ())?;
                Ok(())
            }
            Self::Request(request) => state.follows(head, request.old, &request.proof),
        }
    }
}

/// Makes a witness's key file; gives its verifier keys.
///
/// # Errors
/// [`JournalError::File`] for a name that no key can have; [`StorageError::Exists`].
pub fn witness_key(output: &Path, name: &str) -> Result<[VerifierKey; 2], OpsError> {
    let key = WitnessKey::generate(name)?;
    write_new(output, key.to_text().as_bytes(), 0o600)?;
    Ok(key.signing_key().cosigner_keys())
}
