//! A whole keyring under `fixtures/vectors/keyring/`: catalogue, root slots, journal and a certificate as files, frozen since
//! the build that wrote it. This build and the second reader (`crash/reader.rs`) find in it what its `expect.json` says.
//!
//! `KEEPUNTIL_WRITE_VECTORS=1` makes it where it is missing, never anew: its bytes are random, and it stands for all that
//! were written before.

#[path = "crash/reader.rs"]
mod reader;

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, FixedOffset, Utc};
use keepuntil::crypto::kdf::ExpiryHalves;
use keepuntil::crypto::secret::Secret32;
use keepuntil::journal::certificate::Certificate;
use keepuntil::keyring::{Deposit, Keyring, KeyringError, KnownArchive, KnownCompartment, NewRecord};
use keepuntil::ops::custody::{Custody, Now, REGISTER, leaf};
use keepuntil::ops::settings::SettingsOptions;
use keepuntil::ops::{clock, extend, hold, journal, purge, settings};
use keepuntil::retention::clock::Reading;
use keepuntil::retention::ranges::Ranges;
use keepuntil::retention::register::Register;
use keepuntil::retention::scope::Scope;
use keepuntil::retention::term::{Bound, Keep, Term};
use keepuntil::retention::{AtExpiry, Class, Retention};
use keepuntil::storage::lock::Sharing;
use reader::View;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

const FIRST: [u8; 16] = [0x42; 16];
const SECOND: [u8; 16] = [0x43; 16];
/// Records of [`FIRST`]: more than a page has.
const RECORDS: u64 = 1026;

fn vector() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/vectors/keyring/01-whole")
}

fn open(home: &Path, sharing: Sharing) -> Result<Keyring, KeyringError> {
    Keyring::open(&home.join("keyring"), sharing, Duration::from_secs(5))
}

fn custody(home: &Path, time: &str) -> Custody {
    let wall: DateTime<Utc> = time.parse().unwrap();
    let now = Now { reading: Reading { wall, boot: None }, zone: FixedOffset::east_opt(0).unwrap() };
    Custody::over(open(home, Sharing::Exclusive).unwrap(), now).unwrap()
}

fn deposit(custody: &mut Custody, id: [u8; 16], count: u64, keep: impl Fn(u64) -> Keep) {
    let record = |n| {
        let term = Term { keep: keep(n), bound: Bound::Floor, rule: None, notify: None };
        let retention = Retention { terms: vec![term], at_expiry: AtExpiry::Destroy };
        NewRecord { halves: ExpiryHalves::random(), compartment: u32::from(n % 2 == 0), retention: retention.into() }
    };
    let records: Vec<NewRecord> = (1..=count).map(record).collect();
    let compartment = |name: &str, class| KnownCompartment { name: name.into(), class };
    let archive = KnownArchive {
        id,
        origin: format!("vectors.example/archive/{}", hex::encode(id)),
        size: count + 1,
        root: [id[0]; 32],
        deposited: "2026-01-01T00:00:00+00:00".into(),
        compartments: vec![compartment("clients", Class::Confidential), compartment("staff", Class::Sensitive)],
    };
    let entry =
        keepuntil::journal::entry::Entry::Deposit { archive: id, records: (1..=count).collect(), root: archive.root };
    let leaves = vec![leaf(custody.now(), entry).unwrap()];
    custody.keyring_mut().deposit(&Deposit { archive, records: &records, leaves: &leaves }).unwrap();
}

/// Writes the keyring: two archives, an extension, a hold, a purge and its certificate.
fn write(home: &Path) {
    fs::create_dir_all(home).unwrap();
    Keyring::create(&home.join("keyring"), &home.join("root"), "vectors.example").unwrap();
    let config = home.join("keyring/keyring.json");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace(home.join("root").to_str().unwrap(), "../root")).unwrap();
    let day = |text: &str| Keep::Until(text.parse().unwrap());
    let mut made = custody(home, "2026-01-01T00:00:00Z");
    made.begin().unwrap();
    let typed = SettingsOptions { typed_confirmation: Some(true), ..SettingsOptions::default() };
    settings::set(&mut made, &typed, &[]).unwrap();
    let early = |n| if n == 1025 { day("2029-12-01") } else { day("2036-12-31") };
    deposit(&mut made, FIRST, RECORDS, early);
    deposit(&mut made, SECOND, 3, |n| match n {
        1 => day("2036-12-31"),
        2 => day("2029-12-01"),
        _ => Keep::Permanent,
    });
    extend::extend(&mut made, FIRST, Some(&Ranges::from_iter([1026])), "2040-12-31".parse().unwrap()).unwrap();
    let scope = Scope::of_records(SECOND, Ranges::from_iter([2]));
    hold::place(&mut made, "Smith v. Jones", "District court", scope, false, None).unwrap();
    drop(made);
    let mut due = custody(home, "2030-02-01T10:00:00Z");
    clock::confirm_typed(&mut due, "2030-02-01").unwrap();
    assert!(purge::unattended(&mut due, &BTreeMap::new()).unwrap().scheduled.is_some());
    drop(due);
    assert_eq!(
        purge::unattended(&mut custody(home, "2030-02-09T10:00:00Z"), &BTreeMap::new()).unwrap().executed.len(),
        1
    );
}

/// Numbers of live and destroyed records of an archive, and some of the records in full.
#[derive(Default)]
struct Shown {
    live: Vec<u64>,
    destroyed: Vec<u64>,
    records: serde_json::Map<String, Value>,
}

/// What the second reader finds, with the commitments to the halves in place of the halves.
fn seen(view: &View) -> Value {
    let half = |text: &str| Secret32::from_slice(&BASE64_STANDARD.decode(text).unwrap()).unwrap();
    let mut archives: BTreeMap<String, Shown> = BTreeMap::new();
    for ((archive, n), retention) in &view.retentions {
        let place = (archive.clone(), *n);
        let Shown { live, destroyed, records } = archives.entry(archive.clone()).or_default();
        let mut record = json!({ "retention": retention });
        if let Some((record_half, label_half)) = view.live.get(&place) {
            live.push(*n);
            let halves = ExpiryHalves { record: half(record_half), label: half(label_half) };
            let id = hex::decode(archive).unwrap().try_into().unwrap();
            let commitments = halves.commitments(&id, *n);
            record["record"] = hex::encode(commitments.record).into();
            record["label"] = hex::encode(commitments.label).into();
        } else {
            destroyed.push(*n);
            record["destroyed"] = view.destroyed[&place].clone().into();
        }
        if [1, 2, 3, 1024, 1025, 1026].contains(n) {
            records.insert(n.to_string(), record);
        }
    }
    let ranges = |numbers: Vec<u64>| Ranges::from_iter(numbers).to_string();
    let archives = archives.into_iter().map(|(archive, Shown { live, destroyed, records })| {
        json!({ "archive": archive, "live": ranges(live), "destroyed": ranges(destroyed), "records": records })
    });
    let register: Value = serde_json::from_slice(&view.documents["register"]).unwrap();
    json!({
        "generation": view.generation,
        "roots": view.roots,
        "archives": archives.collect::<Vec<_>>(),
        "documents": view.documents.keys().collect::<Vec<_>>(),
        "holds": register["holds"].as_array().unwrap().iter().map(|hold| json!({
            "hold": hold["id"], "scope": hold["scope"], "matter": hold["matter"], "authority": hold["authority"],
        })).collect::<Vec<_>>(),
        "journal_entries": view.leaves.len(),
    })
}

/// Single bytes whose change a reader notices, or must not mind: file, offset, what the reader says.
fn changes(generation: u64) -> Value {
    let missing = "the root of generation";
    let (used, idle) = (format!("root/slot-{}", generation % 2), format!("root/slot-{}", 1 - generation % 2));
    let right = |at: u32, what: &str| json!({ "file": used, "at": at, "field": what, "says": missing });
    json!([
        right(0, "the first bytes"),
        right(23, "the generation"),
        right(24, "the keyring's id"),
        right(40, "the root"),
        right(72, "the hash"),
        right(104, "the zeros"),
        { "file": idle, "at": 0, "field": "the slot without a root", "says": null },
        { "file": idle, "at": 4095, "field": "the slot without a root", "says": null },
    ])
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let place = to.join(entry.file_name());
        if entry.path().is_dir() { copy(&entry.path(), &place) } else { _ = fs::copy(entry.path(), place).unwrap() }
    }
}

/// A copy of the vector that may be written to, and what is expected of it.
fn vector_copy() -> (tempfile::TempDir, Value) {
    let dir = tempfile::tempdir().unwrap();
    copy(&vector(), dir.path());
    let expect = serde_json::from_slice(&fs::read(vector().join("expect.json")).unwrap()).unwrap();
    (dir, expect)
}

fn write_where_missing() {
    if std::env::var_os("KEEPUNTIL_WRITE_VECTORS").is_none() || vector().exists() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    write(dir.path());
    let keyring = open(dir.path(), Sharing::Exclusive).unwrap();
    let mut expect = json!({
        "note": "A test vector. Its root lies beside it and is published with it: it protects nothing, and no archive \
            was sealed with it.",
        "holds": ["K-2", "K-4", "K-8", "K-10", "K-11", "K-14", "K-17", "K-18", "K-19", "K-29", "K-30"],
        "firm": keyring.config().firm,
        "keyring": keyring.config().keyring,
        "verifier_keys": keyring.verifier_keys().map(|key| key.to_string()),
        "changes": changes(keyring.generation()),
    });
    drop(keyring);
    expect["content"] = seen(&reader::read(dir.path()).unwrap());
    copy(dir.path(), &vector());
    fs::write(vector().join("expect.json"), serde_json::to_string_pretty(&expect).unwrap() + "\n").unwrap();
}

#[test]
fn the_second_reader_finds_what_the_vector_says() {
    write_where_missing();
    let (dir, expect) = vector_copy();
    assert_eq!(seen(&reader::read(dir.path()).unwrap()), expect["content"]);
}

#[test]
fn this_build_opens_the_vector_and_finds_the_same() {
    write_where_missing();
    let (dir, expect) = vector_copy();
    let view = reader::read(dir.path()).unwrap();
    let mut keyring = open(dir.path(), Sharing::Shared).unwrap();
    assert_eq!((keyring.generation(), keyring.check().unwrap()), (view.generation, view.live.len() as u64));
    assert_eq!(
        (&keyring.config().firm, &keyring.config().keyring),
        (&text(&expect["firm"]), &text(&expect["keyring"]))
    );
    let keys = keyring.verifier_keys();
    assert_eq!(json!(keys.each_ref().map(ToString::to_string)), expect["verifier_keys"]);
    for ((archive, n), retention) in &view.retentions {
        let id = hex::decode(archive).unwrap().try_into().unwrap();
        let entry = keyring.record_entry(&id, *n).unwrap();
        assert_eq!(serde_json::to_value(entry.retention).unwrap(), *retention, "{n}");
        assert_eq!(entry.live, view.live.contains_key(&(archive.clone(), *n)), "{n}");
        match keyring.halves(&id, *n) {
            Ok(halves) => {
                let read = view.live[&(archive.clone(), *n)].clone();
                let own = [halves.record, halves.label].map(|half| BASE64_STANDARD.encode(half.expose()));
                assert_eq!((own[0].clone(), own[1].clone()), read, "{n}");
            }
            Err(e) => assert!(matches!(e, KeyringError::Destroyed(record) if record == *n), "{e}"),
        }
    }
    let register = Register::from_bytes(&keyring.document(REGISTER).unwrap().unwrap()).unwrap();
    assert_eq!(register.holds.len(), expect["content"]["holds"].as_array().unwrap().len());
    assert!(keyring.signing_key().verifier_keys() == keys);
    journal::verify_own(&keyring, None).unwrap();
    let purge = view.destroyed.values().next().unwrap();
    let certificate = fs::read(dir.path().join(format!("keyring/certificates/{purge}.json"))).unwrap();
    let verified = Certificate::parse(&certificate).unwrap().verify(&keys).unwrap();
    assert_eq!(verified.records, view.destroyed.len() as u64);
    drop(keyring);
    // It is not only read: a later build goes on with it.
    let mut later = custody(dir.path(), "2030-02-10T10:00:00Z");
    let until = "2041-12-31".parse().unwrap();
    extend::extend(&mut later, SECOND, Some(&Ranges::from_iter([1])), until).unwrap();
    drop(later);
    let after = reader::read(dir.path()).unwrap();
    assert_eq!((after.generation, &after.live), (view.generation + 1, &view.live));
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[test]
fn changed_bytes_of_the_vector_end_as_it_says() {
    write_where_missing();
    let (_, expect) = vector_copy();
    for change in expect["changes"].as_array().unwrap() {
        let (dir, _) = vector_copy();
        let file = dir.path().join(change["file"].as_str().unwrap());
        let mut bytes = fs::read(&file).unwrap();
        bytes[change["at"].as_u64().unwrap() as usize] ^= 1;
        fs::write(&file, bytes).unwrap();
        let (own, second) = (open(dir.path(), Sharing::Shared), reader::read(dir.path()));
        match change["says"].as_str() {
            Some(says) => {
                let error = own.map(|_| ()).unwrap_err().to_string();
                assert!(error.contains(says), "{change}: {error}");
                assert!(second.is_err(), "{change}");
            }
            None => {
                assert_eq!(own.unwrap().generation(), expect["content"]["generation"], "{change}");
                assert_eq!(second.unwrap().live.len(), RECORDS as usize + 3 - 1, "{change}");
            }
        }
    }
    // Another version of the schema.
    let (dir, _) = vector_copy();
    let catalogue = rusqlite::Connection::open(dir.path().join("keyring/catalogue.sqlite")).unwrap();
    catalogue.pragma_update(None, "user_version", 3).unwrap();
    drop(catalogue);
    assert!(matches!(open(dir.path(), Sharing::Shared), Err(KeyringError::Damaged(_))));
}
