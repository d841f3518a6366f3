//! Archives that are named to a report, and the names of their records where an identity opens them.
//!
//! Invariant: a label is taken only where its leaf is proved under the archive's seal. Spec: `spec/reports.md`, "Archives that are named".

use super::archives::{self, OpenedArchive};
use crate::archive::label::Label;
use crate::archive::leaf::RecordLeaf;
use crate::archive::reader::ArchiveReader;
use crate::crypto::identity::Identities;
use crate::crypto::kdf::ArchiveId;
use crate::keyring::{Keyring, KeyringError, KnownArchive};
use crate::ops::OpsError;
use crate::ops::custody::{Custody, view};
use crate::ops::open::{Opener, Secrets};
use crate::ops::status::{Counts, State};
use crate::retention::disposition::{Disposition, Judge, RecordView};
use crate::retention::rule::Rule;
use crate::retention::spelled;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use tr::tr;

/// Archive files, each by the id that its seal proves.
pub struct NamedArchives {
    files: BTreeMap<ArchiveId, NamedArchive>,
    identities: Option<Identities>,
}

struct NamedArchive {
    opened: OpenedArchive,
    secrets: Secrets,
    /// Compartments that no identity opens.
    closed: BTreeSet<String>,
}

/// What an archive's file says of a record.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// Bytes that it takes up, encrypted.
    pub size: u64,
    /// Its label; none where its keys are gone, no identity was given, or none opens its compartment.
    pub label: Option<Label>,
}

/// Takes a record with what is to become of it, and what its archive's file says of it.
type Show<'a> = dyn FnMut(&Judge<'_>, &RecordView<'_>, Disposition, Option<Sealed>) -> Result<(), OpsError> + 'a;

/// What is known of one archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ArchiveFacts {
    /// Its id.
    #[serde(with = "hex::serde")]
    pub archive: ArchiveId,
    /// Name in its seal.
    pub firm: String,
    /// The date on which its keys were deposited: from then on its records are kept.
    pub kept_from: NaiveDate,
    /// Root that its seal has.
    pub root: String,
    /// Records in it.
    #[serde(rename = "record_count")]
    pub records: u64,
    /// The records by what is to become of them.
    #[serde(rename = "states")]
    pub counts: Counts,
    /// What its file says; none where no file was named.
    pub file: Option<FileFacts>,
}

/// What an archive's file says of itself, proved by its seal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileFacts {
    /// Its name as it was given.
    pub name: String,
    /// When the archive was begun, by its sealer's clock.
    #[serde(serialize_with = "instant")]
    pub begun: String,
    /// When it was sealed, by the same clock.
    pub sealed: Option<DateTime<Utc>>,
    /// Bytes of the file.
    pub bytes: u64,
    /// Whether names were to be read, and in which compartments none could be.
    #[serde(rename = "closed_compartments")]
    pub closed: Option<BTreeSet<String>>,
}

/// An instant as an archive or a keyring has it, spelled as others are.
pub(super) fn instant<S: serde::Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&spelled(text))
}

impl NamedArchives {
    /// Opens the files and, where there are identities, the compartments that they open.
    ///
    /// # Errors
    /// Those of [`archives::open`]; [`OpsError::NoIdentity`] where the identities open no compartment of a file.
    pub fn open(custody: &mut Custody, paths: &[PathBuf], identities: Option<Identities>) -> Result<Self, OpsError> {
        let mut files = BTreeMap::new();
        for opened in archives::open(custody, paths)? {
            let id = opened.archive;
            let mut file = NamedArchive { opened, secrets: Secrets::new(), closed: BTreeSet::new() };
            if let Some(identities) = &identities {
                file.open_compartments(custody, identities)?;
            }
            files.insert(id, file);
        }
        Ok(Self { files, identities })
    }

    /// None at all.
    pub fn none() -> Self {
        Self { files: BTreeMap::new(), identities: None }
    }

    /// Whether no file was named.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Whether names are read.
    pub fn has_names(&self) -> bool {
        self.identities.is_some() && !self.files.is_empty()
    }

    /// Whether the file of this archive was named.
    pub fn has(&self, archive: &ArchiveId) -> bool {
        self.files.contains_key(archive)
    }

    /// The rules of this archive as it applies them; none where its file was not named.
    pub fn rules(&self, archive: &ArchiveId) -> Vec<Rule> {
        self.files.get(archive).map_or_else(Vec::new, |file| file.opened.rules().to_vec())
    }

    /// What is known of the archives that `wanted` takes, in the order of their deposit.
    ///
    /// # Errors
    /// Those of the keyring.
    pub fn facts(&self, custody: &Custody, wanted: impl Fn(&ArchiveId) -> bool) -> Result<Vec<ArchiveFacts>, OpsError> {
        let today = custody.now().today();
        let mut facts = Vec::new();
        for known in custody.keyring().archives()?.iter().filter(|known| wanted(&known.id)) {
            let mut counts = Counts::default();
            custody.for_each_record(Some(&known.id), |_, _, disposition| {
                counts.add(State::of(&disposition, today));
                Ok(())
            })?;
            let firm = known.origin.rsplit_once("/archive/").map_or(known.origin.as_str(), |(firm, _)| firm);
            facts.push(ArchiveFacts {
                archive: known.id,
                firm: firm.to_owned(),
                kept_from: kept_from(known)?,
                root: hex::encode(known.root),
                records: known.records(),
                counts,
                file: self.files.get(&known.id).map(|file| file.facts(self.identities.is_some())),
            });
        }
        Ok(facts)
    }

    /// The label of one record; none where its archive was not named or its label does not open.
    ///
    /// # Errors
    /// Damage.
    pub fn label(
        &mut self,
        custody: &mut Custody,
        archive: &ArchiveId,
        record: u64,
    ) -> Result<Option<Label>, OpsError> {
        let (Some(file), Some(identities)) = (self.files.get_mut(archive), &self.identities) else { return Ok(None) };
        let NamedArchive { opened: OpenedArchive { path, reader, .. }, secrets, closed } = file;
        let leaf = reader.record(record).map_err(OpsError::archive(&*path))?;
        if closed.contains(&leaf.compartment) {
            return Ok(None);
        }
        let mut opener = Opener::resume(reader, identities, custody.keyring_mut(), std::mem::take(secrets));
        let label = label_of(&mut opener, reader, &leaf);
        *secrets = opener.into_secrets();
        label.map_err(named(path))
    }

    /// Shows every record of one archive, with what its file says where it was named; labels only where they are asked for.
    ///
    /// # Errors
    /// Those of the keyring and of `each`; damage.
    pub fn for_each_record(
        &mut self,
        custody: &mut Custody,
        archive: &ArchiveId,
        with_labels: bool,
        each: &mut Show<'_>,
    ) -> Result<(), OpsError> {
        let Some(file) = self.files.get_mut(archive) else {
            return custody
                .for_each_record(Some(archive), |judge, view, disposition| each(judge, view, disposition, None));
        };
        let known = custody.keyring().known_archive(archive)?;
        let known = known.ok_or_else(|| KeyringError::UnknownArchive(hex::encode(archive)))?;
        let today = custody.trusted_today();
        let (keyring, register) = custody.keyring_and_register();
        let judge = Judge::new(register);
        let NamedArchive { opened: OpenedArchive { path, reader, .. }, secrets, closed } = file;
        let mut show = |keyring: &mut Keyring, leaf: &RecordLeaf, label: Option<Label>| {
            let entry = keyring.record_entry(&known.id, leaf.record)?;
            let view = view(&known, &entry)?;
            each(&judge, &view, judge.of(&view, today), Some(Sealed { size: leaf.size, label }))
        };
        let outcome = match &self.identities {
            Some(identities) if with_labels => {
                let mut opener = Opener::resume(reader, identities, keyring, std::mem::take(secrets));
                let outcome = reader.for_each_record::<OpsError>(|reader, leaf| {
                    let label = match closed.contains(&leaf.compartment) {
                        true => None,
                        false => label_of(&mut opener, reader, &leaf)?,
                    };
                    show(opener.keyring(), &leaf, label)
                });
                *secrets = opener.into_secrets();
                outcome
            }
            _ => reader.for_each_record::<OpsError>(|_, leaf| show(keyring, &leaf, None)),
        };
        outcome.map_err(named(path))
    }
}

impl NamedArchive {
    fn open_compartments(&mut self, custody: &mut Custody, identities: &Identities) -> Result<(), OpsError> {
        let reader = &self.opened.reader;
        let names: Vec<String> = reader.manifest().compartments.iter().map(|c| c.name.clone()).collect();
        let mut opener = Opener::resume(reader, identities, custody.keyring_mut(), Secrets::new());
        for name in &names {
            match opener.compartment(reader, name) {
                Ok(_) => {}
                Err(OpsError::NoIdentity { .. }) => {
                    self.closed.insert(name.clone());
                }
                Err(e) => return Err(named(self.opened.path())(e)),
            }
        }
        self.secrets = opener.into_secrets();
        match names.iter().all(|name| self.closed.contains(name)) {
            true => Err(OpsError::NoIdentity { compartment: names.into_iter().next().unwrap_or_default() }),
            false => Ok(()),
        }
    }

    fn facts(&self, with_names: bool) -> FileFacts {
        let reader = &self.opened.reader;
        let sealed = i64::try_from(reader.sealed().time).ok();
        FileFacts {
            name: self.opened.path().to_string_lossy().into_owned(),
            begun: reader.manifest().created.clone(),
            sealed: sealed.and_then(|seconds| DateTime::from_timestamp(seconds, 0)),
            bytes: self.opened.bytes(),
            closed: with_names.then(|| self.closed.clone()),
        }
    }
}

/// A label, or none where the record's keys were destroyed.
fn label_of(opener: &mut Opener<'_>, reader: &ArchiveReader, leaf: &RecordLeaf) -> Result<Option<Label>, OpsError> {
    match opener.label(reader, leaf) {
        Err(OpsError::Keyring(KeyringError::Destroyed(_))) => Ok(None),
        other => other.map(Some),
    }
}

/// The date from which an archive's records are kept: that of the deposit of their keys.
///
/// # Errors
/// [`KeyringError::Damaged`].
pub fn kept_from(known: &KnownArchive) -> Result<NaiveDate, OpsError> {
    let date = DateTime::parse_from_rfc3339(&known.deposited).map(|deposited| deposited.date_naive());
    let damaged =
        |_| KeyringError::Damaged(tr!("archive {archive} has no date of deposit", archive = hex::encode(known.id)));
    Ok(date.map_err(damaged)?)
}

/// Names the file behind an error that does not.
fn named(path: &Path) -> impl Fn(OpsError) -> OpsError {
    let path = path.to_owned();
    move |error| match error {
        OpsError::Archive { source, path: unnamed } if unnamed.as_os_str().is_empty() => {
            OpsError::archive(&path)(source)
        }
        other => other,
    }
}
