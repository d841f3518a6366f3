//! Carries out a scheduled purge: the gate, the intent, the new root, the outcome, the certificate.
//!
//! Invariant: every record passes [`may_destroy`](crate::retention::disposition::Judge::may_destroy) under the exclusive lock right before; what a crash interrupts is
//! finished by the next run that opens the keyring. Spec: `spec/keyring.md`, "Destruction".

use super::OpsError;
use super::custody::{Custody, REGISTER, leaf, view};
use super::journal::sign;
use super::ledger;
use super::notices;
use super::purge::PlanError;
use crate::crypto::kdf::ArchiveId;
use crate::journal::certificate::{
    self, Approval, Certificate, CoolOff, CountedTerm, DestroyedRecord, GrantedRecords, KeySheet, KnownDate, Method,
    PlanReference, Reason, Tool, inventory,
};
use crate::journal::entry::{Entry, HexHash, Leaf};
use crate::journal::plan::{RecordState, state_hash};
use crate::journal::role::Roles;
use crate::keyring::{KeyringError, KnownArchive, RecordEntry, Rewrite, Update};
use crate::retention::Retention;
use crate::retention::disposition::{Forbidden, Judge};
use crate::retention::ranges::Ranges;
use crate::retention::register::{PurgeId, Scheduled};
use crate::retention::required::Required;
use crate::retention::scope::Item;
use crate::retention::whole_second;
use crate::storage::output::OutputFile;
use crate::tlog::proof::{Evidence, Proof};
use chrono::DateTime;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::PathBuf;
use tr::tr;

/// Name of the sealed document that holds what the certificates of scheduled and unfinished purges need.
const PURGES: &str = "purges";
/// Folder of certificates in a keyring.
pub const CERTIFICATES: &str = "certificates";

/// What the register does not say of a purge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PurgeNotes {
    #[serde(with = "hex::serde")]
    purge: PurgeId,
    approvals: Vec<Approval>,
    reason: Option<Reason>,
    /// The state that the plan was made from; none where there is no plan.
    state: Option<HexHash>,
    /// Who takes part, for the certificate.
    #[serde(default, skip_serializing_if = "Roles::is_empty")]
    roles: Roles,
    /// From the intent on: the certificate without its journal evidence.
    certificate: Option<Certificate>,
}

impl PurgeNotes {
    /// Of a purge that is being scheduled.
    pub fn new(purge: PurgeId, approvals: &[Approval], reason: Option<Reason>, state: Option<[u8; 32]>) -> Self {
        let (approvals, state) = (approvals.to_vec(), state.map(HexHash));
        Self { purge, approvals, reason, state, roles: Roles::new(), certificate: None }
    }

    /// Whether they are of this purge.
    pub fn is_of(&self, purge: &PurgeId) -> bool {
        self.purge == *purge
    }
}

/// A purge that was carried out.
#[derive(Clone, Debug)]
pub struct Executed {
    /// Its certificate.
    pub certificate: Certificate,
    /// Where the certificate was written.
    pub path: PathBuf,
}

/// A record that something forbids to destroy.
#[derive(Clone, Debug)]
pub struct Stopped {
    /// Its archive.
    pub archive: ArchiveId,
    /// Its number.
    pub record: u64,
    /// Why.
    pub why: Forbidden,
}

/// The notes on all purges that are not finished.
///
/// # Errors
/// Those of the keyring.
pub fn notes(custody: &Custody) -> Result<Vec<PurgeNotes>, OpsError> {
    let Some(bytes) = custody.keyring().document(PURGES)? else { return Ok(Vec::new()) };
    let damaged = |e: serde_json::Error| {
        KeyringError::Damaged(tr!(
            "document {document}: {error}",
            document = PURGES,
            error = crate::language::of_library(e)
        ))
    };
    Ok(serde_json::from_slice(&bytes).map_err(damaged)?)
}

/// The document that holds notes.
pub fn notes_document(notes: &[PurgeNotes]) -> (String, Vec<u8>) {
    (PURGES.to_owned(), serde_json::to_vec(notes).expect("notes are always JSON"))
}

/// Remembers who takes part in a scheduled purge, in place of those that were named before; names of nobody change nothing.
///
/// # Errors
/// Those of the keyring.
pub fn name_roles(custody: &mut Custody, purge: &PurgeId, roles: &Roles) -> Result<(), OpsError> {
    if roles.is_empty() {
        return Ok(());
    }
    let mut all = notes(custody)?;
    all.iter_mut().filter(|notes| notes.is_of(purge)).for_each(|notes| notes.roles = roles.clone());
    Ok(custody.keyring_mut().store(Update { documents: vec![notes_document(&all)], ..Update::default() })?)
}

/// Destroys the keys of a scheduled purge's records that nothing forbids to destroy; the others are due as before.
///
/// # Errors
/// [`OpsError::Forbidden`] when none may be destroyed, or when a plan names one that may not; a cool-off that runs; those
/// of the keyring.
pub fn carry_out(custody: &mut Custody, purge: PurgeId) -> Result<(Executed, Vec<Stopped>), OpsError> {
    let scheduled = custody.register().ready(&purge)?.clone();
    let Examined { records, stopped, state, rewrite } = examine(custody, &scheduled)?;
    // People signed a plan as a whole.
    if records.is_empty() || (scheduled.plan.is_some() && !stopped.is_empty()) {
        return Err(OpsError::Forbidden(stopped));
    }
    let items = super::purge::items(records.iter().map(|record| (record.archive, record.record)));
    let mut all_notes = notes(custody)?;
    let at = all_notes.iter().position(|notes| notes.purge == purge);
    let at = at.ok_or_else(|| {
        KeyringError::Damaged(tr!("document {document}: it lacks a scheduled purge", document = PURGES))
    })?;
    if all_notes[at].state.is_some_and(|signed| signed.0 != state) {
        return Err(PlanError::Stale.into());
    }
    let draft = draft(custody, &scheduled, &all_notes[at], records, &items)?;
    let generation = draft.generation;
    let entry = Entry::Destroyed {
        purge,
        generation,
        items: items.clone().into(),
        count: draft.records.len() as u64,
        inventory: draft.inventory,
        approvals: draft.plan.signed_by.iter().map(|approval| approval.key.clone()).collect(),
        held_exports: exported(custody, &items)?,
    };
    all_notes[at].certificate = Some(draft);
    custody.note(vec![Entry::Intent { purge, generation, items: items.clone().into() }])?;
    let outcome = vec![leaf(custody.now(), entry)?];
    let mut register = custody.register().clone();
    register.finish(&purge)?;
    let mut documents = vec![(REGISTER.to_owned(), register.to_bytes()), notes_document(&all_notes)];
    // What people wrote about these records, and keys of grants of them, go in the same update.
    let mut ledger = ledger::read(custody.keyring())?;
    let forgotten: usize = items.iter().map(|item| ledger.forget(&item.archive, &item.records)).sum();
    if forgotten + ledger.forget_keys(custody.signing_time()) > 0 {
        documents.push(ledger::document(&ledger)?);
    }
    let mut notices = notices::read(custody.keyring())?;
    if items.iter().map(|item| notices.forget(&item.archive, &item.records)).sum::<usize>() > 0 {
        documents.push(notices::document(&notices)?);
    }
    let rewrite = Some(rewrite);
    custody.advance(Update { documents, rewrite, purge: Some(purge), outcome, ..Update::default() }, register)?;
    let mut written = write_certificates(custody)?;
    let found = written.iter().position(|executed| executed.certificate.purge == purge);
    Ok((written.swap_remove(found.ok_or(PlanError::Nothing)?), stopped))
}

/// What a purge comes to.
struct Examined {
    /// Records that may go, as the certificate lists them.
    records: Vec<DestroyedRecord>,
    /// Records that something forbids to destroy.
    stopped: Vec<Stopped>,
    /// Hash of the state of the former.
    state: [u8; 32],
    /// Their pages without their keys.
    rewrite: Rewrite,
}

/// Judges every record of a purge, under the lock that it is then destroyed under, and makes their pages without the keys of
/// those that may go.
fn examine(custody: &Custody, scheduled: &Scheduled) -> Result<Examined, OpsError> {
    let (mut records, mut stopped) = (Vec::new(), Vec::new());
    let destroyed = custody.now().today();
    let judge = Judge::new(custody.register());
    let made = |known: &KnownArchive| DateTime::parse_from_rfc3339(&known.deposited).ok().map(|made| made.date_naive());
    let of_record = |known: &KnownArchive, entry: RecordEntry<'_>| {
        let view = view(known, &entry)?;
        if let Err(why) = judge.may_destroy(&view, &scheduled.id) {
            return Ok((false, Err(Stopped { archive: view.archive, record: view.record, why })));
        }
        let until = judge.standing(&view).last_day();
        let record = DestroyedRecord {
            archive: view.archive,
            record: view.record,
            compartment: view.compartment.to_owned(),
            class: view.class,
            rules: view.retention.rules().into_iter().map(str::to_owned).collect(),
            kept_from: made(known).unwrap_or(destroyed),
            term: counted(&judge.required(&view, &[], None)),
            until,
            destroyed,
            early: until.is_none_or(|until| until >= destroyed),
        };
        Ok((true, Ok((record, view.retention.clone()))))
    };
    let wanted = scheduled.items.iter().map(|item| (item.archive, item.records.clone())).collect();
    let rewrite = custody.keyring().rewrite(scheduled.id, wanted, of_record, |said| match said {
        Ok(record) => records.push(record),
        Err(why) => stopped.push(why),
    })?;
    records.sort_by_key(|(record, _): &(DestroyedRecord, Retention)| (record.archive, record.record));
    let state = state_hash(records.iter().map(|(record, retention)| RecordState {
        archive: record.archive,
        record: record.record,
        compartment: &record.compartment,
        class: record.class,
        retention,
        until: record.until,
        holds: 0,
    }));
    Ok(Examined { records: records.into_iter().map(|(record, _)| record).collect(), stopped, state, rewrite })
}

/// The period that decided, where rule or event say from when on it counted.
fn counted(required: &Required) -> Option<CountedTerm> {
    let (period, from) = (required.period?, required.start?);
    required.last.map(|_| CountedTerm { period, from, extended: required.extended })
}

/// The certificate without the journal's evidence.
fn draft(
    custody: &Custody,
    scheduled: &Scheduled,
    notes: &PurgeNotes,
    records: Vec<DestroyedRecord>,
    items: &[Item],
) -> Result<Certificate, OpsError> {
    let now = custody.now();
    let clock = &custody.register().clock;
    let latest = records.iter().filter_map(|record| record.until).max();
    // What passed the last of the dates: somebody else's clock, or the mark by the margin.
    let outside = clock.proved.filter(|proved| latest.is_none_or(|latest| proved.date_naive() > latest));
    let by = clock.confirmed_by.filter(|by| by.is_outside());
    Ok(Certificate {
        format: certificate::FORMAT.into(),
        keyring: custody.keyring_id(),
        firm: custody.keyring().config().firm.clone(),
        purge: scheduled.id,
        generation: custody.keyring().generation() + 1,
        executed: whole_second(now.reading.wall),
        date: now.today(),
        tool: Tool { name: "keepuntil".into(), version: env!("CARGO_PKG_VERSION").into() },
        method: Method::CryptographicEraseByRoot,
        roles: notes.roles.clone(),
        plan: PlanReference { sha256: scheduled.plan, signed_by: notes.approvals.clone() },
        cool_off: CoolOff { from: now.day(scheduled.since), to: scheduled.not_before },
        clock: match (outside, by) {
            (Some(time), Some(by)) => KnownDate::Outside { by, name: None, time },
            _ => KnownDate::MarkLessMargin { mark: clock.mark, margin_days: 35 },
        },
        reason: notes.reason.clone(),
        exports: key_sheets(custody, items)?,
        disclosures: disclosures(custody, items)?,
        inventory: inventory(&records),
        records,
        journal: Evidence { leaf: String::new(), proof: String::new() },
    })
}

/// Those of the records that stand on emergency key sheets.
fn exported(custody: &Custody, items: &[Item]) -> Result<Vec<Item>, OpsError> {
    let exports = custody.keyring().exports()?;
    let on_a_sheet = |archive: &ArchiveId, record: u64| {
        exports.iter().any(|export| export.archive == *archive && export.records.contains(record))
    };
    let of_item = |item: &Item| {
        let records: Ranges = item.records.iter().filter(|record| on_a_sheet(&item.archive, *record)).collect();
        (!records.is_empty()).then_some(Item { archive: item.archive, records })
    };
    Ok(items.iter().filter_map(of_item).collect())
}

/// Emergency key sheets on which any of the records stands.
fn key_sheets(custody: &Custody, items: &[Item]) -> Result<Vec<KeySheet>, OpsError> {
    let mut sheets = Vec::new();
    for export in custody.keyring().exports()? {
        let records = items.iter().filter(|item| item.archive == export.archive);
        let on_it = records.flat_map(|item| item.records.iter()).filter(|record| export.records.contains(*record));
        let count = on_it.count() as u64;
        let time = DateTime::parse_from_rfc3339(&export.time).map(|time| time.to_utc());
        if let (1.., Ok(time)) = (count, time) {
            sheets.push(KeySheet { time: whole_second(time), archive: export.archive, records: count });
        }
    }
    Ok(sheets)
}

/// Grants that any of the records was handed over by.
fn disclosures(custody: &Custody, items: &[Item]) -> Result<Vec<GrantedRecords>, OpsError> {
    let mut found = Vec::new();
    for noted in ledger::read(custody.keyring())?.grants() {
        let grant = &noted.grant;
        let of_archive = items.iter().filter(|item| item.archive == grant.archive);
        let records: u64 = of_archive
            .map(|item| grant.records.iter().filter(|record| item.records.contains(*record)).count() as u64)
            .sum();
        if records > 0 {
            found.push(GrantedRecords { grant: grant.grant, records });
        }
    }
    Ok(found)
}

/// Writes the certificates of purges that are carried out and have none yet: also those that a crash left.
///
/// # Errors
/// Those of the keyring and of the disk.
pub fn write_certificates(custody: &mut Custody) -> Result<Vec<Executed>, OpsError> {
    let all = notes(custody)?;
    let (mut left, mut written) = (Vec::new(), Vec::new());
    for notes in all {
        let evidence = match &notes.certificate {
            Some(draft) if custody.keyring().generation() >= draft.generation => evidence(custody, notes.purge)?,
            _ => None,
        };
        let (Some(draft), Some(evidence)) = (&notes.certificate, evidence) else {
            left.push(notes);
            continue;
        };
        let certificate = Certificate { journal: evidence, ..draft.clone() };
        let path = write_certificate(custody, &certificate)?;
        written.push(Executed { certificate, path });
    }
    if !written.is_empty() {
        custody.keyring_mut().store(Update { documents: vec![notes_document(&left)], ..Update::default() })?;
    }
    Ok(written)
}

/// The journal's entry of a purge that is complete, with its proof under a checkpoint.
fn evidence(custody: &mut Custody, purge: PurgeId) -> Result<Option<Evidence>, OpsError> {
    let size = custody.keyring().log().size()?;
    for index in (0..size).rev() {
        let bytes = custody.keyring().log().leaf(index)?;
        let is_it =
            matches!(Leaf::parse(index, &bytes)?.entry, Entry::Destroyed { purge: found, .. } if found == purge);
        if is_it {
            let time = u64::try_from(custody.now().reading.wall.timestamp()).unwrap_or(0);
            let checkpoint = sign(custody.keyring(), time)?;
            let proof = custody.keyring().log().inclusion_proof(index, size)?;
            return Ok(Some(Evidence::from(&Proof { index, leaf: bytes, hashes: proof, checkpoint })));
        }
    }
    Ok(None)
}

fn write_certificate(custody: &Custody, certificate: &Certificate) -> Result<PathBuf, OpsError> {
    let folder = custody.keyring().dir().join(CERTIFICATES);
    crate::storage::output::create_private_dir(&folder)?;
    let path = folder.join(format!("{}.json", hex::encode(certificate.purge)));
    let mut file = OutputFile::begin(&path, 0o600, true)?;
    file.write_all(&certificate.to_bytes()).map_err(crate::storage::StorageError::at(&path))?;
    file.finish()?;
    Ok(path)
}
