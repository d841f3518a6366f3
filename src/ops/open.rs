//! Opens an archive, decides whose seal it is, and joins halves to open its records.

use super::OpsError;
use crate::archive::ArchiveError;
use crate::archive::label::Label;
use crate::archive::leaf::RecordLeaf;
use crate::archive::reader::ArchiveReader;
use crate::crypto::CryptoError;
use crate::crypto::envelope;
use crate::crypto::identity::Identities;
use crate::crypto::kdf::{self, ArchiveId, ExpiryHalves};
use crate::crypto::secret::Secret32;
use crate::crypto::sign::VerifierKey;
use crate::keyring::Keyring;
use crate::storage::StorageError;
use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use tr::tr;

/// Whose seals are accepted.
#[derive(Default)]
pub struct Trust {
    /// Keys that the user named. When there are any, the seal must be by one of them.
    pub pinned: Vec<VerifierKey>,
}

/// Who sealed an archive, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signer {
    /// A key that the user named.
    Pinned {
        /// Whether the ML-DSA-44 key was among them; without it the pin is classical only.
        post_quantum: bool,
    },
    /// The keyring beside, which also knows the archive and the root it must have.
    KeyringArchive,
    /// The keyring beside; it holds no keys of this archive.
    KeyringKey,
    /// Only the keys that the archive names itself.
    Unknown,
}

/// Opens the file of an archive.
///
/// # Errors
/// [`OpsError::NotAFile`]; those of the disk.
pub fn open_file(path: &Path) -> Result<File, OpsError> {
    let at = || crate::storage::StorageError::at(path);
    // Asked before it is opened: opening a pipe would wait for a writer.
    if std::fs::metadata(path).map_err(at())?.is_file() {
        Ok(File::open(path).map_err(at())?)
    } else {
        Err(OpsError::NotAFile(path.into()))
    }
}

/// Opens an archive and checks its seal against the keyring and the pinned keys.
///
/// # Errors
/// [`OpsError::Archive`]; [`OpsError::ForeignSeal`] when it was sealed by another, or differently.
pub fn open_archive(
    path: &Path,
    trust: &Trust,
    keyring: Option<&Keyring>,
) -> Result<(ArchiveReader, Signer), OpsError> {
    let file = open_file(path)?;
    let reader = ArchiveReader::open(file).map_err(OpsError::archive(path))?;
    let signer = judge(path, &reader, trust, keyring)?;
    Ok((reader, signer))
}

fn judge(path: &Path, reader: &ArchiveReader, trust: &Trust, keyring: Option<&Keyring>) -> Result<Signer, OpsError> {
    let foreign = |what: String| OpsError::ForeignSeal { path: path.into(), what };
    let keys = reader.keys();
    let mut by_keyring = Signer::Unknown;
    if let Some(keyring) = keyring {
        if let Some(known) = keyring.known_archive(reader.archive())? {
            let head = &reader.sealed().checkpoint;
            if known.root != head.root || known.size != head.size || known.origin != head.origin {
                return Err(foreign(tr!("its seal is not the one that the keyring was given for this archive")));
            }
            if keyring.verifier_keys() != *keys {
                return Err(foreign(tr!("its seal is not by the keyring that holds its keys")));
            }
            by_keyring = Signer::KeyringArchive;
        } else if keyring.verifier_keys() == *keys {
            by_keyring = Signer::KeyringKey;
        }
    }
    Ok(match judge_keys(path, keys, trust)? {
        Signer::Unknown => by_keyring,
        pinned => pinned,
    })
}

/// Whether the keys under a seal are those that the user named; [`Signer::Unknown`] where none was named.
///
/// # Errors
/// [`OpsError::ForeignSeal`].
pub fn judge_keys(path: &Path, keys: &[VerifierKey; 2], trust: &Trust) -> Result<Signer, OpsError> {
    if trust.pinned.is_empty() {
        return Ok(Signer::Unknown);
    }
    // Keys of other firms may stand in a trust file; those of this name must be the seal's.
    let of_this_name: Vec<_> = trust.pinned.iter().filter(|key| key.name == keys[0].name).collect();
    if of_this_name.is_empty() || !of_this_name.iter().all(|key| keys.contains(key)) {
        let what = tr!("it was sealed by {}, not by a key that was named", describe(&keys[0]));
        return Err(OpsError::ForeignSeal { path: path.into(), what });
    }
    Ok(Signer::Pinned { post_quantum: of_this_name.contains(&&keys[1]) })
}

/// A key's name and id.
fn describe(key: &VerifierKey) -> String {
    format!("{}+{}", key.name, hex::encode(key.id()))
}

/// Secrets of an archive's compartments that were opened, by name.
pub type Secrets = HashMap<String, Secret32>;

/// Joins the halves of records.
pub struct Opener<'a> {
    identities: &'a Identities,
    keyring: &'a mut Keyring,
    archive: ArchiveId,
    secrets: Secrets,
}

impl<'a> Opener<'a> {
    /// For the records of `reader`.
    pub fn new(reader: &ArchiveReader, identities: &'a Identities, keyring: &'a mut Keyring) -> Self {
        Self::resume(reader, identities, keyring, Secrets::new())
    }

    /// The same where some compartments were opened before: no identity is asked twice.
    pub fn resume(
        reader: &ArchiveReader,
        identities: &'a Identities,
        keyring: &'a mut Keyring,
        secrets: Secrets,
    ) -> Self {
        Self { identities, keyring, archive: *reader.archive(), secrets }
    }

    /// The compartments that were opened, for [`Self::resume`].
    pub fn into_secrets(self) -> Secrets {
        self.secrets
    }

    /// The keyring.
    pub fn keyring(&mut self) -> &mut Keyring {
        self.keyring
    }

    /// Opens a compartment.
    ///
    /// # Errors
    /// [`OpsError::NoIdentity`]; damage.
    pub fn compartment(&mut self, reader: &ArchiveReader, compartment: &str) -> Result<&Secret32, OpsError> {
        if !self.secrets.contains_key(compartment) {
            let secret = open_compartment(reader, compartment, self.identities)?;
            self.secrets.insert(compartment.to_owned(), secret);
        }
        Ok(&self.secrets[compartment])
    }

    /// The access half of a record.
    ///
    /// # Errors
    /// [`OpsError::NoIdentity`].
    fn access(&mut self, reader: &ArchiveReader, leaf: &RecordLeaf) -> Result<Secret32, OpsError> {
        let archive = self.archive;
        Ok(kdf::access_half(&archive, self.compartment(reader, &leaf.compartment)?, leaf.record))
    }

    /// The record's label.
    ///
    /// # Errors
    /// [`OpsError::NoIdentity`], [`OpsError::Keyring`], [`OpsError::ForeignKeys`], damage.
    pub fn label(&mut self, reader: &ArchiveReader, leaf: &RecordLeaf) -> Result<Label, OpsError> {
        let key = self.label_key(reader, leaf)?;
        Ok(Label::open(&key, leaf.record, &leaf.label)?)
    }

    /// The key of the record's label.
    ///
    /// # Errors
    /// As [`Self::label`].
    pub fn label_key(&mut self, reader: &ArchiveReader, leaf: &RecordLeaf) -> Result<Secret32, OpsError> {
        let halves = self.keyring.halves(&self.archive, leaf.record)?;
        if halves.commitments(&self.archive, leaf.record).label != leaf.commitments.label {
            return Err(OpsError::ForeignKeys(leaf.record));
        }
        let access = self.access(reader, leaf)?;
        Ok(kdf::label_key(&self.archive, &access, &halves.label, leaf.record))
    }

    /// Both halves of a record and of its label, proved to be those that it was sealed with: what a grant hands over.
    ///
    /// # Errors
    /// As [`Self::label`].
    pub fn halves(&mut self, reader: &ArchiveReader, leaf: &RecordLeaf) -> Result<(Secret32, ExpiryHalves), OpsError> {
        let halves = self.keyring.halves(&self.archive, leaf.record)?;
        if leaf.commitments != halves.commitments(&self.archive, leaf.record).into() {
            return Err(OpsError::ForeignKeys(leaf.record));
        }
        Ok((self.access(reader, leaf)?, halves))
    }

    /// The record's key.
    ///
    /// # Errors
    /// As [`Self::label`].
    pub fn record_key(&mut self, reader: &ArchiveReader, leaf: &RecordLeaf) -> Result<Secret32, OpsError> {
        let halves = self.keyring.halves(&self.archive, leaf.record)?;
        if halves.commitments(&self.archive, leaf.record).record != leaf.commitments.record {
            return Err(OpsError::ForeignKeys(leaf.record));
        }
        let access = self.access(reader, leaf)?;
        Ok(kdf::record_key(&self.archive, &access, &halves.record, leaf.record))
    }
}

fn open_compartment(reader: &ArchiveReader, compartment: &str, identities: &Identities) -> Result<Secret32, OpsError> {
    let file = reader.access_file(compartment)?;
    let declared = reader.manifest().compartment(compartment).map(|c| c.recipients.clone()).unwrap_or_default();
    let damaged = |what: &str| ArchiveError::damaged(crate::archive::layout::access_member(compartment), what);
    if crate::crypto::header::stanza_types(&file).map_err(|e| damaged(&e.to_string()))? != declared {
        return Err(damaged(&tr!("it has other recipients than archive.json says")).into());
    }
    let secret = envelope::open(identities.iter(), &file, 32).map_err(|e| match e {
        CryptoError::NoIdentity => OpsError::NoIdentity { compartment: compartment.into() },
        CryptoError::Plugin(what) => CryptoError::Plugin(what).into(),
        other => damaged(&other.to_string()).into(),
    })?;
    Ok(Secret32::from_slice(&secret).ok_or_else(|| damaged(&tr!("it does not hold 32 bytes")))?)
}

/// Whether an error concerns this one record only, so that others may still open.
pub fn concerns_one_record(error: &OpsError) -> bool {
    use crate::keyring::KeyringError;
    matches!(
        error,
        OpsError::NoIdentity { .. }
            | OpsError::ForeignKeys(_)
            | OpsError::Storage(StorageError::Reserved(_))
            | OpsError::Keyring(KeyringError::Destroyed(_) | KeyringError::UnknownRecord(_))
            | OpsError::Archive { source: ArchiveError::Damaged { .. } | ArchiveError::Limit { .. }, .. }
    )
}

/// Whether no identity opened any of the records that were asked for: then that is the command's own error.
pub fn none_for_these_identities(failed: &[(u64, OpsError)]) -> bool {
    !failed.is_empty() && failed.iter().all(|(_, error)| matches!(error, OpsError::NoIdentity { .. }))
}
