//! A new generation is interrupted at each of its writes (P8): the process is killed, calls fail, or what was not yet
//! synced is lost. What is left is judged by a reader of its own (`crash/reader.rs`), written from `spec/keyring.md`.
//!
//! Runs a sample by default; `KEEPUNTIL_CRASH=all` runs everything.

#[path = "crash/reader.rs"]
mod reader;

use chrono::{DateTime, FixedOffset, Utc};
use keepuntil::crypto::kdf::ExpiryHalves;
use keepuntil::journal::certificate::Certificate;
use keepuntil::journal::entry::{Entry, Leaf};
use keepuntil::keyring::{
    Deposit, Keyring, KeyringError, KnownArchive, KnownCompartment, NewRecord, Recovered, Update,
};
use keepuntil::ops::custody::{Custody, Now};
use keepuntil::ops::destruction::{notes, write_certificates};
use keepuntil::ops::settings::SettingsOptions;
use keepuntil::ops::{OpsError, clock, journal, purge as purges, settings};
use keepuntil::retention::clock::Reading;
use keepuntil::retention::term::{Bound, Keep, Term};
use keepuntil::retention::{AtExpiry, Class, Retention};
use keepuntil::storage::fault::{self, Fault};
use keepuntil::storage::lock::Sharing;
use reader::{View, copies_opened_by, read};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const ARCHIVE: [u8; 16] = [0xa1; 16];
const OTHER: [u8; 16] = [0xb2; 16];
const PURGE: [u8; 16] = [0xc3; 16];
/// Records of [`ARCHIVE`]: two pages.
const RECORDS: u64 = 1100;
const DESTROYED: [u64; 2] = [2, 1100];

fn retention(days: &[&str]) -> Retention {
    let term =
        |day: &&str| Term { keep: Keep::Until(day.parse().unwrap()), bound: Bound::Floor, rule: None, notify: None };
    Retention { terms: days.iter().map(term).collect(), at_expiry: AtExpiry::Destroy }
}

fn open(home: &Path, sharing: Sharing) -> Result<Keyring, KeyringError> {
    // A killed process may not have ended altogether when its parent hears of it.
    Keyring::open(&home.join("keyring"), sharing, Duration::from_secs(5))
}

/// A new keyring that can be moved, root and all.
fn make(home: &Path) {
    Keyring::create(&home.join("keyring"), &home.join("root"), "firm.example").unwrap();
    let config = home.join("keyring/keyring.json");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace(home.join("root").to_str().unwrap(), "../root")).unwrap();
}

/// Deposits two archives; the journal says so in these leaves.
fn deposit(keyring: &mut Keyring, last_day: &str, leaves: &[Vec<u8>]) {
    for (id, count) in [(ARCHIVE, RECORDS), (OTHER, 3)] {
        let record =
            |_| NewRecord { halves: ExpiryHalves::random(), compartment: 0, retention: retention(&[last_day]).into() };
        let records: Vec<NewRecord> = (0..count).map(record).collect();
        let archive = KnownArchive {
            id,
            origin: format!("firm.example/archive/{}", hex::encode(id)),
            size: count + 1,
            root: [7; 32],
            deposited: "2026-01-01T00:00:00+00:00".into(),
            compartments: vec![KnownCompartment { name: "clients".into(), class: Class::Confidential }],
        };
        keyring.deposit(&Deposit { archive, records: &records, leaves }).unwrap();
    }
}

/// A keyring at generation 1 with two archives, its intention to purge journalled.
fn prepare(home: &Path) {
    make(home);
    let mut keyring = open(home, Sharing::Exclusive).unwrap();
    deposit(&mut keyring, "2030-01-01", &[b"deposit".to_vec()]);
    let documents = vec![("register".to_owned(), b"before".to_vec())];
    keyring.advance(Update { documents, ..Update::default() }).unwrap();
    keyring.store(Update { leaves: vec![b"intent".to_vec()], ..Update::default() }).unwrap();
}

fn purge() -> Update {
    Update {
        documents: vec![("register".into(), b"after".to_vec())],
        leaves: vec![b"extension".to_vec()],
        extend: vec![(ARCHIVE, 5, retention(&["2030-01-01", "2040-01-01"]))],
        destroy: vec![(ARCHIVE, DESTROYED.into_iter().collect())],
        purge: Some(PURGE),
        outcome: vec![b"destroyed".to_vec()],
        ..Update::default()
    }
}

/// Makes the keyring that [`the_change`] changes, for `tests/erased_root.sh`.
#[test]
#[ignore = "a part of tests/erased_root.sh, which runs it as a process of its own"]
fn the_beginning() {
    let Some(home) = std::env::var_os("KEEPUNTIL_CRASH_HOME").map(PathBuf::from) else { return };
    prepare(&home);
}

/// What is run under `strace`: the change between two calls that mark it.
#[test]
#[ignore = "a part of the other tests, which run it as a process of its own"]
fn the_change() {
    let Some(home) = std::env::var_os("KEEPUNTIL_CRASH_HOME").map(PathBuf::from) else { return };
    let mut keyring = open(&home, Sharing::Exclusive).unwrap();
    assert!(Path::new("/change-begins").metadata().is_err());
    let outcome = keyring.advance(purge());
    assert!(Path::new("/change-ends").metadata().is_err());
    let failed = outcome.is_err();
    if failed {
        assert!(matches!(keyring.advance(purge()), Err(KeyringError::Stopped)));
        assert!(matches!(keyring.halves(&ARCHIVE, 1), Err(KeyringError::Stopped)));
    }
    drop(keyring);
    assert!(!failed, "the change failed");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let place = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &place)
        } else {
            _ = std::fs::copy(entry.path(), place).unwrap();
        }
    }
}

/// The states that are right: before the change, and after it.
struct Judge {
    _dir: tempfile::TempDir,
    start: PathBuf,
    before: View,
    after: View,
    /// How often each of them was found.
    found: std::cell::RefCell<BTreeMap<&'static str, u32>>,
}

impl Judge {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let start = dir.path().join("start");
        prepare(&start);
        let before = read(&start).unwrap();
        assert_eq!((before.generation, before.live.len(), before.leaves.len()), (1, RECORDS as usize + 3, 3));
        let done = dir.path().join("done");
        copy(&start, &done);
        open(&done, Sharing::Exclusive).unwrap().advance(purge()).unwrap();
        let after = read(&done).unwrap();
        assert_eq!(after.generation, 2);
        assert_eq!(after.leaves, [&b"deposit"[..], b"deposit", b"intent", b"extension", b"destroyed"]);
        let mut left = before.live.clone();
        DESTROYED.iter().for_each(|n| drop(left.remove(&(hex::encode(ARCHIVE), *n)).unwrap()));
        assert_eq!(after.live, left);
        assert_eq!(after.destroyed.len(), 2);
        assert!(after.destroyed.values().all(|purge| *purge == hex::encode(PURGE)));
        assert_eq!(
            (&before.documents["register"][..], &after.documents["register"][..]),
            (&b"before"[..], &b"after"[..])
        );
        let old = [start.as_path()];
        assert_eq!(copies_opened_by(&done, &old), Vec::<String>::new());
        Self { _dir: dir, start, before, after, found: Default::default() }
    }

    fn same(&self, view: &View, other: &View) -> bool {
        // Roots are random; everything else is not.
        (view.generation, &view.live, &view.destroyed, &view.retentions, &view.documents, &view.leaves)
            == (other.generation, &other.live, &other.destroyed, &other.retentions, &other.documents, &other.leaves)
    }

    /// Judges what an interruption left, then what opening makes of it.
    fn judge(&self, home: &Path, what: &str) {
        // What is there opens before anything is finished, under one of the two roots.
        let left = home.with_extension("left");
        copy(home, &left);
        let raw = read(&left).unwrap_or_else(|e| panic!("{what}: {e}"));
        let live = if raw.generation == 1 { &self.before.live } else { &self.after.live };
        assert_eq!(&raw.live, live, "{what}");
        let reading = open(&left, Sharing::Shared).unwrap_or_else(|e| panic!("{what}: {e}"));
        let unfinished = reading.unfinished();
        assert_eq!(reading.generation(), raw.generation, "{what}");
        drop(reading);
        let keyring = open(home, Sharing::Exclusive).unwrap_or_else(|e| panic!("{what}: {e}"));
        assert_eq!(keyring.recovered() != Recovered::Nothing, unfinished, "{what}");
        assert!(!keyring.unfinished());
        keyring.check().unwrap_or_else(|e| panic!("{what}: {e}"));
        drop(keyring);
        let view = read(home).unwrap_or_else(|e| panic!("{what}: {e}"));
        let state = match view.generation {
            1 if self.same(&view, &self.before) => "before",
            2 if self.same(&view, &self.after) => "after",
            _ => panic!("{what}: neither before nor after: {view:?}"),
        };
        assert_eq!(view.generation, raw.generation, "{what}: opening goes neither back nor beyond");
        assert_eq!(view.roots, [view.generation], "{what}: one root is left");
        *self.found.borrow_mut().entry(state).or_default() += 1;
        if state == "after" {
            // No copy of what there was before or on the way opens what was destroyed.
            assert_eq!(copies_opened_by(home, &[&self.start]), Vec::<String>::new(), "{what}");
            if raw.generation == 2 {
                assert_eq!(copies_opened_by(&left, &[&self.start]), Vec::<String>::new(), "{what}");
            }
            assert!(!reader::everything_below(&home.join("root")).windows(32).any(|w| w == self.before.root), "{what}");
        } else {
            // The change can be made again.
            open(home, Sharing::Exclusive).unwrap().advance(purge()).unwrap_or_else(|e| panic!("{what}: {e}"));
            assert!(self.same(&read(home).unwrap(), &self.after), "{what}");
        }
        std::fs::remove_dir_all(&left).unwrap();
    }

    fn home(&self, name: &str) -> PathBuf {
        let home = self.start.with_file_name(name);
        let _ = std::fs::remove_dir_all(&home);
        copy(&self.start, &home);
        home
    }

    #[track_caller]
    fn saw_both(&self) {
        let found = self.found.borrow();
        assert!(found.contains_key("before") && found.contains_key("after"), "{found:?}");
    }
}

fn every(sample: usize) -> usize {
    if std::env::var("KEEPUNTIL_CRASH").is_ok_and(|which| which == "all") { 1 } else { sample }
}

fn under_strace(home: &Path, test: &str, options: &[&str]) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq"]).args(options).arg(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", test, "--test-threads=1"]).env("KEEPUNTIL_CRASH_HOME", home);
    command
}

fn strace_is_there() -> bool {
    let works = Command::new("strace").args(["-f", "true"]).output().is_ok_and(|output| output.status.success());
    if !works {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "strace does not work here");
        eprintln!("strace does not work here: interruptions of SQLite's calls were NOT TESTED");
    }
    works
}

/// The calls of a test between its marks: name, and which of this name it is in its thread.
fn calls(home: &Path, test: &str) -> Vec<(String, usize)> {
    let trace = home.join("trace");
    let names = "trace=write,pwrite64,writev,pwritev,fsync,fdatasync,unlink,ftruncate,rename,stat,statx,newfstatat";
    let ran = under_strace(home, test, &["-e", names, "-o", trace.to_str().unwrap()]).output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
    let text = std::fs::read_to_string(&trace).unwrap();
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    let (mut inside, mut calls) = (false, Vec::new());
    for line in text.lines() {
        let (thread, call) = line.split_once(' ').unwrap();
        let Some((name, _)) = call.trim_start().split_once('(') else { continue };
        inside = (inside || line.contains("/change-begins")) && !line.contains("/change-ends");
        let count = counts.entry((thread.into(), name.into())).or_default();
        *count += 1;
        if inside && !name.contains("stat") {
            calls.push((name.to_owned(), *count));
        }
    }
    assert!(calls.len() > 30, "the trace shows the change: {calls:?}");
    calls
}

fn interrupted(sample: usize, effects: &[&str]) {
    if !strace_is_there() {
        return;
    }
    let judge = Judge::new();
    let mut interrupted = 0;
    let calls = calls(&judge.home("traced"), "the_change");
    for effect in effects {
        for (name, count) in calls.iter().step_by(every(sample)) {
            if *effect == "error=ENOSPC" && ["fsync", "fdatasync", "unlink"].contains(&name.as_str()) {
                continue;
            }
            let what = format!("{effect} at {name} {count}");
            let home = judge.home("interrupted");
            let inject = format!("inject={name}:{effect}:when={count}");
            let trace = format!("trace={name}");
            let options = ["-o", "/dev/null", "-e", &trace, "-e", &inject];
            let ran = under_strace(&home, "the_change", &options).output().unwrap();
            interrupted += u32::from(!ran.status.success());
            judge.judge(&home, &what);
        }
    }
    assert!(interrupted > 5, "interruptions reach the change");
    judge.saw_both();
}

#[test]
fn killed_at_each_call() {
    interrupted(5, &["signal=SIGKILL"]);
}

#[test]
fn each_call_fails() {
    interrupted(9, &["error=EIO", "error=ENOSPC"]);
}

#[test]
fn writes_to_the_slots_fail_tear_and_get_lost() {
    let judge = Judge::new();
    fault::arm(u64::MAX, Fault::Fail);
    open(&judge.home("counted"), Sharing::Exclusive).unwrap().advance(purge()).unwrap();
    let operations = fault::disarm();
    // Two slots: write, file, folder; and the catalogue with its folder.
    assert_eq!(operations, 8);
    for kind in [Fault::Fail, Fault::Tear, Fault::Lose] {
        for at in 0..operations {
            let what = format!("{kind:?} at {at}");
            let home = judge.home("failed");
            let mut keyring = open(&home, Sharing::Exclusive).unwrap();
            fault::arm(at, kind);
            let outcome = keyring.advance(purge());
            fault::disarm();
            // A lost sync shows only when the power goes; a lost write is noticed.
            let write = [0, 5].contains(&at);
            assert_eq!(outcome.is_err(), kind != Fault::Lose || write, "{what}");
            assert_eq!(matches!(keyring.store(Update::default()), Err(KeyringError::Stopped)), outcome.is_err());
            drop(keyring);
            judge.judge(&home, &what);
        }
    }
    judge.saw_both();
}

#[test]
fn recovery_itself_can_be_interrupted() {
    let judge = Judge::new();
    for first in [0, 3, 5, 6] {
        for second in 0..5 {
            let home = judge.home("twice");
            let mut keyring = open(&home, Sharing::Exclusive).unwrap();
            fault::arm(first, Fault::Tear);
            assert!(keyring.advance(purge()).is_err());
            drop(keyring);
            fault::arm(second, Fault::Tear);
            let again = open(&home, Sharing::Exclusive);
            fault::disarm();
            drop(again);
            judge.judge(&home, &format!("torn at {first}, then at {second}"));
        }
    }
}

#[test]
fn a_copy_from_before_opens_nothing_and_a_root_that_comes_back_does_not_stay() {
    let judge = Judge::new();
    let home = judge.home("now");
    open(&home, Sharing::Exclusive).unwrap().advance(purge()).unwrap();
    // The old catalogue beside the new root has an error of its own, and nothing is written.
    let mixed = judge.home("mixed");
    std::fs::remove_dir_all(mixed.join("root")).unwrap();
    copy(&home.join("root"), &mixed.join("root"));
    let before = reader::everything_below(&mixed);
    for sharing in [Sharing::Shared, Sharing::Exclusive] {
        assert!(matches!(open(&mixed, sharing), Err(KeyringError::CatalogueOlder { catalogue: 1, root: 2 })));
    }
    assert!(read(&mixed).is_err());
    assert_eq!(before, reader::everything_below(&mixed));
    // A slot restored from a backup: the destroyed root is destroyed again, and said to be so.
    std::fs::copy(judge.start.join("root/slot-1"), home.join("root/slot-1")).unwrap();
    assert!(open(&home, Sharing::Shared).unwrap().unfinished());
    open(&home, Sharing::Exclusive).unwrap();
    assert_eq!(read(&home).unwrap().roots, [2]);
}

#[test]
fn the_destroyed_root_is_nowhere_in_an_image() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/erased_root.sh");
    let ran = Command::new("bash").arg(script).arg(std::env::current_exe().unwrap()).output().unwrap();
    eprint!("{}", String::from_utf8_lossy(&ran.stdout));
    assert!(ran.status.success(), "{ran:?}");
}

fn custody(home: &Path, time: &str) -> Custody {
    let wall: DateTime<Utc> = time.parse().unwrap();
    let now = Now { reading: Reading { wall, boot: None }, zone: FixedOffset::east_opt(0).unwrap() };
    Custody::over(open(home, Sharing::Exclusive).unwrap(), now).unwrap()
}

/// The day after the cool-off of the purge that [`schedule`] schedules.
const READY: &str = "2030-02-09T10:00:00Z";

/// A keyring all of whose records are in a purge.
fn schedule(home: &Path) {
    make(home);
    let mut before = custody(home, "2026-01-01T00:00:00Z");
    before.begin().unwrap();
    let typed = SettingsOptions { typed_confirmation: Some(true), ..SettingsOptions::default() };
    settings::set(&mut before, &typed, &[]).unwrap();
    deposit(before.keyring_mut(), "2029-12-01", &[]);
    drop(before);
    let mut due = custody(home, "2030-02-01T10:00:00Z");
    clock::confirm_typed(&mut due, "2030-02-01").unwrap();
    assert!(purges::unattended(&mut due, &BTreeMap::new()).unwrap().scheduled.is_some());
}

/// One run as `purge --unattended` makes it; returns how many certificates it wrote.
fn run(custody: &mut Custody) -> Result<usize, OpsError> {
    let left = write_certificates(custody)?.len();
    Ok(left + purges::unattended(custody, &BTreeMap::new())?.executed.len())
}

/// What is run under `strace`: a whole purge, to its certificate.
#[test]
#[ignore = "a part of the other tests, which run it as a process of its own"]
fn the_purge() {
    let Some(home) = std::env::var_os("KEEPUNTIL_CRASH_HOME").map(PathBuf::from) else { return };
    let mut custody = custody(&home, READY);
    assert!(Path::new("/change-begins").metadata().is_err());
    let written = run(&mut custody);
    assert!(Path::new("/change-ends").metadata().is_err());
    assert_eq!(written.unwrap(), 1);
}

/// Certificates under their final names.
fn certificates(home: &Path) -> Vec<PathBuf> {
    let Ok(folder) = std::fs::read_dir(home.join("keyring/certificates")) else { return Vec::new() };
    let paths = folder.map(|entry| entry.unwrap().path());
    paths.filter(|path| !path.file_name().unwrap().to_str().unwrap().starts_with('.')).collect()
}

fn destructions(keyring: &Keyring) -> usize {
    let mut found = 0;
    let log = keyring.log();
    log.for_each_leaf::<OpsError>(0, log.size().unwrap(), |index, leaf| {
        found += usize::from(matches!(Leaf::parse(index, leaf)?.entry, Entry::Destroyed { .. }));
        Ok(())
    })
    .unwrap();
    found
}

/// What the next runs make of an interrupted purge: its outcome and its certificate, each once.
fn finishes(home: &Path, what: &str) {
    let mut next = custody(home, "2030-02-09T11:00:00Z");
    run(&mut next).unwrap_or_else(|e| panic!("{what}: {e}"));
    assert_eq!(destructions(next.keyring()), 1, "{what}");
    assert!(notes(&next).unwrap().is_empty(), "{what}");
    let keys = next.keyring().verifier_keys();
    drop(next);
    let [path] = &certificates(home)[..] else { panic!("{what}: {:?}", certificates(home)) };
    let bytes = std::fs::read(path).unwrap();
    let certificate = Certificate::parse(&bytes).unwrap_or_else(|e| panic!("{what}: {e}"));
    let verified = certificate.verify(&keys).unwrap_or_else(|e| panic!("{what}: {e}"));
    assert_eq!((verified.records, certificate.records.len() as u64), (RECORDS + 3, RECORDS + 3), "{what}");
    assert!(path.ends_with(format!("{}.json", hex::encode(certificate.purge))), "{what}");
    // Nothing is left to do, and nothing of it is done again.
    let mut last = custody(home, "2030-02-09T12:00:00Z");
    assert_eq!(run(&mut last).unwrap(), 0, "{what}");
    assert_eq!(destructions(last.keyring()), 1, "{what}");
    journal::verify_own(last.keyring(), None).unwrap_or_else(|e| panic!("{what}: {e}"));
    assert_eq!((certificates(home).len(), std::fs::read(path).unwrap()), (1, bytes), "{what}");
    drop(last);
    assert!(read(home).unwrap().live.is_empty(), "{what}");
}

#[test]
fn a_certificate_that_a_crash_prevented_is_written_once_by_the_next_run() {
    if !strace_is_there() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let start = dir.path().join("start");
    schedule(&start);
    let again = |name: &str| {
        let home = dir.path().join(name);
        let _ = std::fs::remove_dir_all(&home);
        copy(&start, &home);
        home
    };
    let calls = calls(&again("traced"), "the_purge");
    // A certificate is written under another name, gets its own, and then its notes go.
    let named = calls.iter().rposition(|(name, _)| name == "rename").expect("a certificate gets its name");
    let mut late = 0;
    for (at, (name, count)) in calls.iter().enumerate() {
        let around = at + 6 > named && at < named + 6;
        if at % every(if around { 1 } else { 25 }) != 0 {
            continue;
        }
        let what = format!("killed at {name} {count}");
        let home = again("killed");
        let (trace, inject) = (format!("trace={name}"), format!("inject={name}:signal=SIGKILL:when={count}"));
        let options = ["-o", "/dev/null", "-e", &trace, "-e", &inject];
        let ran = under_strace(&home, "the_purge", &options).output().unwrap();
        assert!(!ran.status.success(), "{what}");
        // The outcome stands in the journal, and there is no certificate of it.
        let reading = open(&home, Sharing::Shared).unwrap();
        late += usize::from(!reading.unfinished() && destructions(&reading) == 1 && certificates(&home).is_empty());
        drop(reading);
        finishes(&home, &what);
    }
    assert!(late > 2, "interruptions reach the moment between outcome and certificate");
}

#[test]
fn a_certificate_that_could_not_be_written_is_written_by_the_next_run() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    schedule(&home);
    std::fs::write(home.join("keyring/certificates"), "in the way").unwrap();
    let mut failing = custody(&home, READY);
    assert!(matches!(run(&mut failing), Err(OpsError::Storage(_))));
    assert_eq!(destructions(failing.keyring()), 1);
    drop(failing);
    assert!(read(&home).unwrap().live.is_empty());
    std::fs::remove_file(home.join("keyring/certificates")).unwrap();
    finishes(&home, "nothing was in the way");
}
