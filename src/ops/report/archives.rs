//! Archives that somebody names to a report: what they say to anybody beside what the keyring knows.
//!
//! Invariant: only archives whose keys the keyring holds, under the seal that it was given, each once. Spec:
//! `spec/reports.md`, "Archives that are named".

use crate::archive::leaf::RecordLeaf;
use crate::archive::reader::ArchiveReader;
use crate::crypto::kdf::ArchiveId;
use crate::keyring::KeyringError;
use crate::ops::OpsError;
use crate::ops::custody::Custody;
use crate::ops::open::{Signer, Trust, open_archive};
use crate::retention::rule::Rule;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Stanza type of a recipient that a quantum computer does not help against.
const POST_QUANTUM: &str = "mlkem768x25519";

/// An archive of the keyring, opened.
pub struct OpenedArchive {
    /// Its file.
    pub(super) path: PathBuf,
    /// Its id.
    pub archive: ArchiveId,
    pub(super) reader: ArchiveReader,
}

/// The recipients of one compartment, as its access file has them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Access {
    /// The archive.
    pub archive: String,
    /// The compartment.
    pub compartment: String,
    /// Stanza types and how many of each.
    #[serde(rename = "recipient_counts")]
    pub recipients: BTreeMap<String, u64>,
}

impl Access {
    /// Whether each of its recipients is post-quantum.
    pub fn is_post_quantum(&self) -> bool {
        self.recipients.keys().all(|kind| kind == POST_QUANTUM)
    }
}

/// Opens archives; each may be named once.
///
/// # Errors
/// Those of opening; [`KeyringError::UnknownArchive`] for one whose keys are elsewhere; [`OpsError::ArchiveTwice`].
pub fn open(custody: &Custody, paths: &[PathBuf]) -> Result<Vec<OpenedArchive>, OpsError> {
    let mut archives: Vec<OpenedArchive> = Vec::new();
    for path in paths {
        let (reader, signer) = open_archive(path, &Trust::default(), Some(custody.keyring()))?;
        let archive = *reader.archive();
        if signer != Signer::KeyringArchive {
            return Err(KeyringError::UnknownArchive(hex::encode(archive)).into());
        }
        if archives.iter().any(|known| known.archive == archive) {
            return Err(OpsError::ArchiveTwice(path.clone()));
        }
        archives.push(OpenedArchive { path: path.clone(), archive, reader });
    }
    Ok(archives)
}

impl OpenedArchive {
    /// The rules that its records name, as they were when it was sealed.
    pub fn rules(&self) -> &[Rule] {
        &self.reader.manifest().rules
    }

    /// Who may read its compartments.
    pub fn access(&self) -> Vec<Access> {
        let archive = hex::encode(self.archive);
        let of = |compartment: &crate::archive::manifest::Compartment| {
            let mut recipients = BTreeMap::new();
            compartment.recipients.iter().for_each(|kind| *recipients.entry(kind.clone()).or_default() += 1);
            Access { archive: archive.clone(), compartment: compartment.name.clone(), recipients }
        };
        self.reader.manifest().compartments.iter().map(of).collect()
    }

    /// Bytes of its file.
    pub fn bytes(&self) -> u64 {
        self.reader.tail().file_len
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Shows the leaf of every record, rising.
    ///
    /// # Errors
    /// Damage; those of `each`.
    pub fn for_each_record(
        &mut self,
        mut each: impl FnMut(RecordLeaf) -> Result<(), OpsError>,
    ) -> Result<(), OpsError> {
        let path = self.path.clone();
        self.reader.for_each_record::<OpsError>(|_, leaf| each(leaf)).map_err(|e| match e {
            OpsError::Archive { source, .. } => OpsError::Archive { path, source },
            other => other,
        })
    }
}
