//! `create`: seals folders into an archive.
//!
//! The write order, which the promises rest on (P8): everything but the seal goes to the output; the keys are deposited
//! and durable; only then does the first byte of the checkpoint go out.

use super::custody::REGISTER;
use super::emission::{CompartmentKeys, Emitted, Sealing, emit};
use super::plan::{Grouping, RecordPlan, name_left_out, plan, used_rules};
use super::{OpsError, Progress};
use crate::archive::layout;
use crate::archive::manifest::{Compartment, Custodians, FORMAT, Manifest, check_stanzas};
use crate::archive::readme;
use crate::archive::writer::{ArchiveWriter, TreeHead};
use crate::crypto::envelope;
use crate::crypto::header::stanza_types;
use crate::crypto::kdf::ArchiveId;
use crate::crypto::recipient::Recipients;
use crate::crypto::secret::{Secret32, random_id};
use crate::journal::entry::{Entry, Leaf};
use crate::keyring::{Deposit, Keyring, KeyringError, KnownArchive, KnownCompartment};
use crate::retention::disposition::{Judge, RecordView};
use crate::retention::register::Register;
use crate::retention::rule::Rule;
use crate::retention::term::Standing;
use crate::retention::{Class, Retention, RetentionError};
use crate::storage::StorageError;
use crate::storage::lock::Sharing;
use crate::storage::source::{Names, Problem};
use crate::tlog::checkpoint::Checkpoint;
use chrono::{DateTime, FixedOffset, Utc};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tr::tr;

/// What to seal, and how.
pub struct CreateOptions<'a> {
    /// The folders.
    pub sources: Vec<PathBuf>,
    /// How names are read.
    pub names: Names,
    /// What a record is and how long it is kept.
    pub grouping: Grouping<'a>,
    /// The compartments.
    pub compartments: Vec<CompartmentOptions>,
    /// The keyring that is given the keys.
    pub keyring: PathBuf,
    /// How long to wait for other users of the keyring at the beginning.
    pub wait: Duration,
    /// How long to wait for them before the deposit, when all the work is done but the last.
    pub deposit_wait: Duration,
    /// Now, in the firm's zone.
    pub created: DateTime<FixedOffset>,
    /// Asked for the time of the deposit, which the journal tells.
    pub clock: &'a (dyn Fn() -> DateTime<Utc> + Sync),
    /// Whether what cannot be read is left out instead of refused.
    pub skip_unreadable: bool,
    /// Threads to use.
    pub threads: usize,
    /// Where the archive will be, if it is a file: for messages, and not to seal it into itself.
    pub output: Option<PathBuf>,
}

/// A compartment to be.
pub struct CompartmentOptions {
    /// Its name.
    pub name: String,
    /// Its class.
    pub class: Class,
    /// Who may read it.
    pub recipients: Recipients,
    /// Whether sizes are padded.
    pub pad: bool,
}

/// What was sealed.
pub struct CreateOutcome {
    /// Archive id.
    pub archive: ArchiveId,
    /// Origin of its log.
    pub origin: String,
    /// Records.
    pub records: u64,
    /// Files in them.
    pub files: u64,
    /// Bytes in these files.
    pub source_bytes: u64,
    /// Bytes of the archive.
    pub archive_bytes: u64,
    /// Root hash under the seal.
    pub root: [u8; 32],
    /// Records by how long they are kept.
    pub retention: BTreeMap<Retention, u64>,
    /// The rules that ask for it.
    pub rules: Vec<Rule>,
    /// What was left out.
    pub skipped: Vec<Problem>,
}

/// Seals the sources into `out`; gives back `out` for the caller to finish.
///
/// # Errors
/// [`OpsError`]; then nothing usable was written, and nothing was deposited unless the failure came after.
pub fn create<W: Write>(
    options: &CreateOptions<'_>,
    out: W,
    interrupted: &AtomicBool,
    progress: &dyn Progress,
) -> Result<(CreateOutcome, W), OpsError> {
    check_output(options)?;
    let (mut plans, problems) = plan(&options.sources, options.names, &options.grouping)?;
    if !problems.is_empty() && !options.skip_unreadable {
        let others = plans.iter().flat_map(|plan| super::pack::inspect(plan, options.names));
        let mut all: Vec<_> = problems.into_iter().chain(others).collect();
        all.sort_by(|a, b| a.path.cmp(&b.path));
        return Err(OpsError::Problems(all));
    }
    if !problems.is_empty() {
        name_left_out(&mut plans, problems)?;
    }
    let named = |error: OpsError| match error {
        OpsError::Archive { source, .. } => {
            OpsError::Archive { path: options.output.clone().unwrap_or_else(|| "-".into()), source }
        }
        other => other,
    };
    let keyring = Keyring::open(&options.keyring, Sharing::Shared, options.wait)?;
    let (firm, keys) = (keyring.config().firm.clone(), keyring.verifier_keys());
    check_recorded_events(&keyring, options, &plans)?;
    drop(keyring);
    if progress.is_watched() {
        plans.iter().for_each(|plan| progress.total(super::pack::bytes(plan, options.names)));
    }
    let archive = random_id();
    let (compartments, keys_of, access) = compartments(&options.compartments)?;
    let manifest = Manifest {
        format: FORMAT.into(),
        archive: hex::encode(archive),
        created: options.created.to_rfc3339_opts(chrono::SecondsFormat::Secs, false),
        firm,
        compartments,
        rules: used_rules(&plans)?,
        custodians: Custodians { count: 1, threshold: 1 },
        verifier_keys: keys.clone().map(|key| key.to_string()),
    };
    let mut preamble = vec![
        (layout::README.to_owned(), readme::text(&manifest.archive).into_bytes()),
        (layout::MANIFEST.to_owned(), manifest.to_bytes()),
    ];
    preamble.extend(access);
    let begin = ArchiveWriter::begin(out, &manifest.archive, &preamble);
    let mut writer = begin.map_err(|e| named(OpsError::archive("")(e)))?;
    let info = format!(
        "Source-Organization: {}\nBagging-Date: {}\nBag-Software-Agent: keepuntil {}\n",
        manifest.firm,
        options.created.date_naive(),
        env!("CARGO_PKG_VERSION")
    );
    let sealing = Sealing {
        archive,
        compartments: &keys_of,
        names: options.names,
        skip: options.skip_unreadable,
        threads: options.threads,
        info: &info,
        interrupted,
        progress,
    };
    let Emitted { keys: halves, skipped, files, bytes } = emit(&plans, &sealing, &mut writer).map_err(named)?;
    let origin = manifest.origin();
    let retention = count_by_retention(&plans);
    let mut sealed_root = [0; 32];
    let seal = |head: TreeHead| -> Result<String, OpsError> {
        sealed_root = head.root;
        if interrupted.load(Ordering::Relaxed) {
            return Err(OpsError::Interrupted);
        }
        let mut keyring = open_patiently(&options.keyring, options.deposit_wait, interrupted)?;
        let archive = KnownArchive {
            id: archive,
            origin: origin.clone(),
            size: head.size,
            root: head.root,
            deposited: manifest.created.clone(),
            compartments: known_compartments(&manifest.compartments),
        };
        let records = (1..head.size).collect();
        let entry = Entry::Deposit { archive: archive.id, records, root: head.root };
        let leaves = [Leaf::new((options.clock)(), entry).to_bytes()?];
        keyring.deposit(&Deposit { archive, records: &halves, leaves: &leaves })?;
        let checkpoint = Checkpoint { origin: origin.clone(), size: head.size, root: head.root };
        let time = u64::try_from(options.created.timestamp()).unwrap_or(0);
        Ok(checkpoint.sign(&keyring.signing_key(), time))
    };
    let (out, archive_bytes) = writer.finish(seal).map_err(named)?;
    let records = halves.len() as u64;
    Ok((
        CreateOutcome {
            archive,
            origin,
            records,
            files,
            source_bytes: bytes,
            archive_bytes,
            root: sealed_root,
            retention,
            rules: manifest.rules,
            skipped,
        },
        out,
    ))
}

fn count_by_retention(plans: &[RecordPlan]) -> BTreeMap<Retention, u64> {
    let mut counted: BTreeMap<&Retention, u64> = BTreeMap::new();
    plans.iter().for_each(|plan| *counted.entry(&*plan.kept.retention).or_default() += 1);
    counted.into_iter().map(|(retention, records)| (retention.clone(), records)).collect()
}

/// Refuses records whose time has run, or will within the cool-off, by an event that was recorded before they are deposited:
/// then nobody else has agreed to the date.
fn check_recorded_events(
    keyring: &Keyring,
    options: &CreateOptions<'_>,
    plans: &[super::plan::RecordPlan],
) -> Result<(), OpsError> {
    let Some(bytes) = keyring.document(REGISTER)? else { return Ok(()) };
    let register = Register::from_bytes(&bytes)?;
    let judge = Judge::new(&register);
    let today = options.created.date_naive().max(register.clock.mark_date());
    let soon = today + chrono::Days::new(register.settings.cool_off_days.into());
    for plan in plans {
        let compartment = &options.compartments[plan.kept.compartment];
        let view = RecordView {
            archive: [0; 16],
            record: 0,
            compartment: &compartment.name,
            class: compartment.class,
            retention: &plan.kept.retention,
            live: true,
        };
        let (planned, recorded) = (plan.kept.retention.planned(), judge.standing(&view));
        if let (Standing::Awaiting(_), Standing::Until { last, .. }) = (planned, recorded)
            && last < soon
        {
            return Err(RetentionError::Past(last).into());
        }
    }
    Ok(())
}

/// Opens the keyring to change it, in short waits between which an interruption is heard.
fn open_patiently(dir: &Path, wait: Duration, interrupted: &AtomicBool) -> Result<Keyring, OpsError> {
    const STEP: Duration = Duration::from_millis(500);
    let mut left = wait;
    loop {
        match Keyring::open(dir, Sharing::Exclusive, left.min(STEP)) {
            Err(KeyringError::Storage(StorageError::Locked(_))) if interrupted.load(Ordering::Relaxed) => {
                return Err(OpsError::Interrupted);
            }
            Err(KeyringError::Storage(StorageError::Locked(_))) if left > STEP => left -= STEP,
            other => return Ok(other?),
        }
    }
}

fn check_output(options: &CreateOptions<'_>) -> Result<(), OpsError> {
    let Some(output) = &options.output else { return Ok(()) };
    let folder = output.parent().filter(|parent| !parent.as_os_str().is_empty()).map_or(".".into(), PathBuf::from);
    let Ok(folder) = folder.canonicalize() else { return Ok(()) };
    let inside = |source: &PathBuf| source.canonicalize().is_ok_and(|source| folder.starts_with(source));
    if options.sources.iter().any(inside) {
        return Err(OpsError::OutputInSource(output.clone()));
    }
    Ok(())
}

fn known_compartments(compartments: &[Compartment]) -> Vec<KnownCompartment> {
    compartments.iter().map(|c| KnownCompartment { name: c.name.clone(), class: c.class }).collect()
}

type Prepared = (Vec<Compartment>, Vec<CompartmentKeys>, Vec<(String, Vec<u8>)>);

/// Makes each compartment's secret and its access file.
fn compartments(options: &[CompartmentOptions]) -> Result<Prepared, OpsError> {
    let (mut public, mut keys, mut access) = (Vec::new(), Vec::new(), Vec::new());
    for compartment in options {
        let CompartmentOptions { name, class, recipients, pad } = compartment;
        if recipients.is_empty() {
            return Err(OpsError::NoRecipient(name.clone()));
        }
        let secret = Secret32::random();
        let file = envelope::seal(recipients, secret.expose())?;
        let types = stanza_types(&file)?;
        check_stanzas(&types)
            .map_err(|what| crate::crypto::CryptoError::Header(tr!("{name}: {what}", name = name, what = what)))?;
        public.push(Compartment { name: name.clone(), class: *class, recipients: types });
        access.push((layout::access_member(name), file));
        keys.push(CompartmentKeys { name: name.clone(), secret, pad: *pad });
    }
    Ok((public, keys, access))
}
