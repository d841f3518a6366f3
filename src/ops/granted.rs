//! `restore --grant`: on the requester's machine, opens what a grant names and nothing else, with a copy of the archive or an
//! extract of it.
//!
//! Invariant: before a key is used the journal has spoken for the grant, the seal is the one it is for, and the clock lies within
//! its validity; no keyring is needed. Spec: `spec/evidence.md`, "Opening".

use super::OpsError;
use super::attestation::verify_grant;
use super::open::{Signer, Trust, judge_keys, open_file};
use super::restore::{EachFound, KeysAndProof, OpenKeys, RecordSource, Selection};
use crate::archive::extract::{ExtractReader, is_extract};
use crate::archive::label::Label;
use crate::archive::leaf::RecordLeaf;
use crate::archive::reader::ArchiveReader;
use crate::crypto::CryptoError;
use crate::crypto::hash::Hash;
use crate::crypto::identity::Identities;
use crate::crypto::kdf::{self, ArchiveId, ExpiryHalves};
use crate::crypto::sign::VerifierKey;
use crate::crypto::{envelope, header, hybrid};
use crate::disclosure::grant::{Grant, GrantedKeys, RecordKeys};
use crate::language::said;
use crate::retention::ranges::Ranges;
use crate::storage::document::{DocumentError, MAX_DOCUMENT};
use crate::storage::{read_limited, show};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tr::tr;

/// Why a grant opens nothing here.
#[derive(Debug, thiserror::Error)]
pub enum GrantedError {
    /// A receipt signed by a key that is not the requester's.
    #[error("{}", tr!("the receipt's key {found} is not the one that the grant names: {granted}", found = found, granted = granted))]
    OtherKey {
        /// The key that signed.
        found: String,
        /// The requester's key.
        granted: String,
    },
    /// Not the file of a grant.
    #[error("{}", tr!("{what}: {why}", what = show(path), why = source))]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        source: DocumentError,
    },
    /// For another archive.
    #[error("{}", tr!("grant {}: it is for the archive {}, and this is {}", hex::encode(grant), hex::encode(granted), hex::encode(found)))]
    OtherArchive {
        /// Which grant.
        grant: [u8; 16],
        /// The archive that it names.
        granted: ArchiveId,
        /// The archive at hand.
        found: ArchiveId,
    },
    /// Of an archive of this id with another seal.
    #[error("{}", tr!("grant {}: it is for another seal of an archive of this id", hex::encode(_0)))]
    OtherSeal([u8; 16]),
    /// Its validity has ended.
    #[error("{}", tr!("grant {}: it was valid until {}", hex::encode(grant), until.format("%Y-%m-%d %H:%M:%S UTC")))]
    Ended {
        /// Which grant.
        grant: [u8; 16],
        /// Its last second.
        until: DateTime<Utc>,
    },
    /// The clock stands before its first second.
    #[error("{}", tr!("grant {}: it is valid from {}, and the clock stands at {}", hex::encode(grant), from.format("%Y-%m-%d %H:%M:%S UTC"), now.format("%Y-%m-%d %H:%M:%S UTC")))]
    NotYet {
        /// Which grant.
        grant: [u8; 16],
        /// Its first second.
        from: DateTime<Utc>,
        /// The clock.
        now: DateTime<Utc>,
    },
    /// None of the identities is the one that it was made out to.
    #[error("{}", tr!("grant {}: none of the identities is the one-time identity that it is for", hex::encode(_0)))]
    NoIdentity([u8; 16]),
    /// What its keys are is not what it says.
    #[error("{}", tr!("grant {}: the keys in it are not those of its records: {what}", hex::encode(grant), what = what))]
    Keys {
        /// Which grant.
        grant: [u8; 16],
        /// What does not fit.
        what: String,
    },
    /// A record that was asked for is not in it.
    #[error("{}", tr!("grant {}: record {record} is not in it; it names {records}", hex::encode(grant), record = record, records = records))]
    NotGranted {
        /// Which grant.
        grant: [u8; 16],
        /// Which record.
        record: u64,
        /// Those that are.
        records: Ranges,
    },
}

/// Reads the file of a grant; proves nothing yet.
///
/// # Errors
/// [`GrantedError::File`]; [`OpsError::Storage`].
pub fn read_grant(path: &Path) -> Result<(Grant, Vec<u8>), OpsError> {
    let bytes = read_limited(path, MAX_DOCUMENT)?;
    let grant = Grant::parse(&bytes).map_err(|source| GrantedError::File { path: path.into(), source })?;
    Ok((grant, bytes))
}

/// A copy of an archive, whole or in part.
pub enum SealedCopy {
    /// The whole archive.
    Archive(Box<ArchiveReader>),
    /// Some of its records.
    Extract(Box<ExtractReader>),
}

impl SealedCopy {
    /// Opens an archive or an extract, whichever the file is, and says whose seal it is.
    ///
    /// # Errors
    /// [`OpsError::Archive`]; [`OpsError::ForeignSeal`].
    pub fn open(path: &Path, trust: &Trust) -> Result<(Self, Signer), OpsError> {
        let file = open_file(path)?;
        let named = OpsError::archive(path);
        let opened = match is_extract(&file) {
            Ok(true) => ExtractReader::open(file).map(|extract| Self::Extract(Box::new(extract))),
            Ok(false) => ArchiveReader::open(file).map(|archive| Self::Archive(Box::new(archive))),
            Err(e) => Err(e),
        };
        let opened = opened.map_err(named)?;
        let signer = judge_keys(path, opened.keys(), trust)?;
        Ok((opened, signer))
    }

    /// The keys that the seal verified under: claims, until pinned.
    pub fn keys(&self) -> &[VerifierKey; 2] {
        match self {
            Self::Archive(archive) => archive.keys(),
            Self::Extract(extract) => extract.keys(),
        }
    }

    /// The archive's id.
    pub fn archive(&self) -> &ArchiveId {
        match self {
            Self::Archive(archive) => archive.archive(),
            Self::Extract(extract) => extract.archive(),
        }
    }

    fn root(&self) -> Hash {
        match self {
            Self::Archive(archive) => archive.sealed().checkpoint.root,
            Self::Extract(extract) => extract.sealed().root,
        }
    }

    fn file(&self) -> Arc<File> {
        match self {
            Self::Archive(archive) => archive.file().clone(),
            Self::Extract(extract) => extract.file().clone(),
        }
    }

    fn record(&mut self, record: u64) -> Result<RecordLeaf, OpsError> {
        Ok(match self {
            Self::Archive(archive) => archive.record(record)?,
            Self::Extract(extract) => extract.record(record)?,
        })
    }

    fn proof(&mut self, record: u64) -> Result<String, OpsError> {
        Ok(match self {
            Self::Archive(archive) => archive.proof(record)?.to_text(),
            Self::Extract(extract) => extract.proof(record)?,
        })
    }
}

/// Records of a copy, and the granted keys that open them.
pub struct GrantedRecords {
    copy: SealedCopy,
    archive: ArchiveId,
    keys: BTreeMap<u64, RecordKeys>,
}

impl GrantedRecords {
    /// Checks a grant and opens its keys.
    ///
    /// # Errors
    /// [`OpsError::Unattested`]; [`GrantedError`].
    pub fn open(
        copy: SealedCopy,
        grant: &Grant,
        identities: &Identities,
        now: DateTime<Utc>,
    ) -> Result<Self, OpsError> {
        let id = grant.grant;
        // Asked first for the clearer error: a grant for another archive is mostly of other keys as well.
        if grant.archive != *copy.archive() {
            return Err(GrantedError::OtherArchive { grant: id, granted: grant.archive, found: *copy.archive() }.into());
        }
        verify_grant(grant, copy.keys())?;
        if grant.root != copy.root() {
            return Err(GrantedError::OtherSeal(id).into());
        }
        if now > grant.valid_until {
            return Err(GrantedError::Ended { grant: id, until: grant.valid_until }.into());
        }
        if now < grant.valid_from {
            return Err(GrantedError::NotYet { grant: id, from: grant.valid_from, now }.into());
        }
        let keys = open_keys(grant, identities)?;
        let archive = grant.archive;
        Ok(Self { copy, archive, keys: keys.records.into_iter().map(|keys| (keys.record, keys)).collect() })
    }

    fn keys_of(&self, leaf: &RecordLeaf) -> Result<OpenKeys, OpsError> {
        let keys = self.keys.get(&leaf.record).ok_or(OpsError::ForeignKeys(leaf.record))?;
        let halves = ExpiryHalves { record: keys.expiry.clone(), label: keys.label.clone() };
        if leaf.commitments != halves.commitments(&self.archive, leaf.record).into() {
            return Err(OpsError::ForeignKeys(leaf.record));
        }
        Ok(OpenKeys {
            record: kdf::record_key(&self.archive, &keys.access, &keys.expiry, leaf.record),
            label: kdf::label_key(&self.archive, &keys.access, &keys.label, leaf.record),
        })
    }
}

fn open_keys(grant: &Grant, identities: &Identities) -> Result<GrantedKeys, OpsError> {
    let wrong = |what: &str| GrantedError::Keys { grant: grant.grant, what: what.into() };
    let types = header::stanza_types(&grant.keys).map_err(|e| wrong(&e.to_string()))?;
    // One more stanza would be one more reader whom nobody approved.
    if types != [hybrid::STANZA] {
        return Err(wrong(&tr!("they are not encrypted to one post-quantum address")).into());
    }
    let limit = GrantedKeys::limit(grant.records.count());
    let text = envelope::open(identities.iter(), &grant.keys, limit).map_err(|e| match e {
        CryptoError::NoIdentity => OpsError::from(GrantedError::NoIdentity(grant.grant)),
        CryptoError::Plugin(what) => CryptoError::Plugin(what).into(),
        other => wrong(&other.to_string()).into(),
    })?;
    GrantedKeys::parse(&text, grant).map_err(|what| wrong(&said(what)).into())
}

impl RecordSource for GrantedRecords {
    fn file(&self) -> Arc<File> {
        self.copy.file()
    }

    fn archive(&self) -> ArchiveId {
        self.archive
    }

    fn select(&mut self, selection: &Selection, each: &mut EachFound<'_>) -> Result<Vec<(u64, OpsError)>, OpsError> {
        let all: Vec<u64>;
        let numbers = match selection {
            Selection::Records(numbers) => numbers,
            Selection::All | Selection::Match(_) => {
                all = self.keys.keys().copied().collect();
                &all
            }
        };
        let mut failed = Vec::new();
        for &number in numbers {
            let opened = self.copy.record(number).and_then(|leaf| {
                let label = Label::open(&self.keys_of(&leaf)?.label, leaf.record, &leaf.label)?;
                if matches!(selection, Selection::Match(glob) if !glob.is_match(&label.name)) {
                    return Ok(());
                }
                each(leaf, label, self)
            });
            match opened {
                Err(e) if super::open::concerns_one_record(&e) => failed.push((number, e)),
                other => other?,
            }
        }
        Ok(failed)
    }
}

impl KeysAndProof for GrantedRecords {
    fn keys(&mut self, leaf: &RecordLeaf) -> Result<OpenKeys, OpsError> {
        self.keys_of(leaf)
    }

    fn proof(&mut self, record: u64) -> Result<String, OpsError> {
        self.copy.proof(record)
    }
}

/// The records to open: those that were asked for, or all that the grant names.
///
/// # Errors
/// [`GrantedError::NotGranted`].
pub fn selected(grant: &Grant, asked: &[u64]) -> Result<Ranges, OpsError> {
    if let Some(&record) = asked.iter().find(|record| !grant.records.contains(**record)) {
        return Err(GrantedError::NotGranted { grant: grant.grant, record, records: grant.records.clone() }.into());
    }
    Ok(if asked.is_empty() { grant.records.clone() } else { asked.iter().copied().collect() })
}
