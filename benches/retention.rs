//! What retention costs in a keyring of a million records: one purge, ten thousand, `due`, `status`, `journal verify`.
//!
//! `cargo bench --bench retention [-- RECORDS ENTRIES]` (1,000,000 of each unless said). Straight through the library, as
//! the commands call it. Each line is one run with a newly opened keyring: CPU seconds (user and system, all threads) and
//! wall seconds. The first purge also pays for what a process does once, seeding the random generator: some 15 ms.
//! TMPDIR says where the keyrings go.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use keepuntil::crypto::kdf::{ArchiveId, ExpiryHalves};
use keepuntil::journal::entry::Entry;
use keepuntil::keyring::{Deposit, Keyring, KnownArchive, KnownCompartment, NewRecord};
use keepuntil::ops::custody::{Custody, Now};
use keepuntil::ops::purge::{Selection, Step, execute_plan, plan, propose};
use keepuntil::ops::settings::{SettingsOptions, set};
use keepuntil::ops::{journal, status};
use keepuntil::retention::clock::Reading;
use keepuntil::retention::ranges::Ranges;
use keepuntil::retention::term::{Bound, Keep, Term};
use keepuntil::retention::{AtExpiry, Class, Retention};
use keepuntil::storage::lock::Sharing;
use rustix::time::{ClockId, clock_gettime};
use std::fmt::Display;
use std::path::Path;
use std::time::{Duration, Instant};

const ARCHIVE: ArchiveId = [7; 16];
const RULES: [&str; 5] = ["cn-accounting-voucher", "cn-wage-ledger", "de-letter", "uk-liquidator", "us-audit-papers"];
/// Records in the archive that a small purge is compared with.
const FEW: u64 = 1_000;
/// Records of the large purge.
const MANY: u64 = 10_000;

fn main() {
    // Cargo says that this is a benchmark.
    let mut sizes = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let mut size = || sizes.next().map_or(1_000_000, |text| text.parse::<u64>().expect("a number"));
    let (records, entries) = (size(), size());
    assert!(records >= 3 * MANY, "records for every purge");
    let (few, all, log) = (folder(), folder(), folder());
    println!("{:52} {:>9} {:>9}", "", "cpu s", "wall s");
    measure(format_args!("deposit of {FEW} records"), || make(few.path(), FEW));
    measure(format_args!("deposit of {records} records"), || make(all.path(), records));
    for (dir, count) in [(few.path(), FEW), (all.path(), records)] {
        // The first opening warms the file cache.
        let _ = open(dir);
        measure(format_args!("open, of {count}"), || open(dir));
        let number = [2].into_iter().collect();
        let file = measure(format_args!("purge --plan of 1 record of {count}"), || planned(dir, &number));
        measure(format_args!("purge --execute of 1 record of {count}"), || executed(dir, &file, 1));
    }
    let due = measure(format_args!("due, of {records}"), || due(all.path()));
    println!("{due} due");
    let counts = measure(format_args!("status, of {records}"), || status::status(&open(all.path())).expect("a status"));
    assert_eq!((counts.all.due, counts.all.destroyed), (due, 1));
    let side_by_side: Ranges = (2..=MANY + 1).map(|n| n * 2).collect();
    // Numbers are dealt at random when an archive is made: what belongs together lies apart, on nearly every page.
    let (begin, step) = (2 * MANY + 4, records.saturating_sub(2 * MANY + 4) / MANY);
    let apart: Ranges = (0..MANY).map(|n| (begin + n * step) / 2 * 2).collect();
    for (how, numbers) in [("side by side", side_by_side), ("apart", apart)] {
        let count = numbers.count();
        let file = measure(format_args!("purge --plan of {count} records {how}"), || planned(all.path(), &numbers));
        measure(format_args!("purge --execute of {count} records {how}"), || executed(all.path(), &file, count));
    }
    measure(format_args!("journal of {entries} entries"), || write_journal(log.path(), entries));
    let verified = measure(format_args!("journal verify of {entries} entries"), || {
        let keyring = Keyring::open(&log.path().join("keyring"), Sharing::Shared, Duration::ZERO).expect("a keyring");
        journal::verify_own(&keyring, None).expect("a whole journal").verified.size
    });
    assert_eq!(verified, entries);
}

/// Does `work` and prints what it cost.
fn measure<T>(what: impl Display, work: impl FnOnce() -> T) -> T {
    let (cpu, wall) = (cpu(), Instant::now());
    let done = work();
    println!("{:52} {:9.4} {:9.4}", what.to_string(), cpu_since(cpu), wall.elapsed().as_secs_f64());
    done
}

fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn cpu_since(before: f64) -> f64 {
    cpu() - before
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// The machine's clock on the day of the benchmark: the same in every run, long after half of the records' last days.
fn now() -> Now {
    let wall: DateTime<Utc> = "2026-11-22T10:00:00Z".parse().expect("an instant");
    let zone = chrono::FixedOffset::east_opt(8 * 3600).expect("a zone");
    Now { reading: Reading { wall, boot: None }, zone }
}

/// A record: every second one is past its date.
fn record(number: u64) -> NewRecord {
    let years = if number.is_multiple_of(2) { 2016 } else { 2030 };
    let day = NaiveDate::from_ymd_opt(years, 1, 1).and_then(|day| day.with_ordinal(number as u32 % 365 + 1));
    let keep = Keep::Until(day.expect("a day of the year"));
    let rule = Some(RULES[number as usize % RULES.len()].to_owned());
    let retention =
        Retention { terms: vec![Term { keep, bound: Bound::Floor, rule, notify: None }], at_expiry: AtExpiry::Destroy };
    NewRecord { halves: ExpiryHalves::random(), compartment: number as u32 % 2, retention: retention.into() }
}

/// A keyring of one archive, without a cool-off.
fn make(dir: &Path, count: u64) {
    let keyring = dir.join("keyring");
    Keyring::create(&keyring, &dir.join("root"), "lantern.example").expect("a new keyring");
    let mut custody = open(dir);
    custody.begin().expect("a first entry");
    set(&mut custody, &SettingsOptions { cool_off_days: Some(0), ..SettingsOptions::default() }, &[])
        .expect("settings");
    let compartment = |(name, class): (&str, Class)| KnownCompartment { name: name.into(), class };
    let archive = KnownArchive {
        id: ARCHIVE,
        origin: format!("lantern.example/{}", hex::encode(ARCHIVE)),
        size: count + 1,
        root: [9; 32],
        deposited: "2020-01-01T00:00:00Z".into(),
        compartments: [("letters", Class::Public), ("books", Class::Sensitive)].map(compartment).into(),
    };
    let records: Vec<NewRecord> = (1..=count).map(record).collect();
    custody.keyring_mut().deposit(&Deposit { archive, records: &records, leaves: &[] }).expect("a deposit");
}

fn open(dir: &Path) -> Custody {
    Custody::open(&dir.join("keyring"), Duration::ZERO, now()).expect("an open keyring")
}

fn planned(dir: &Path, numbers: &Ranges) -> Vec<u8> {
    let mut custody = open(dir);
    let selection = Selection { archive: Some(ARCHIVE), records: Some(numbers.clone()), early: None };
    let proposal = propose(&mut custody, &selection).expect("a proposal");
    plan(&custody, &proposal, None).expect("a plan").to_bytes()
}

/// Schedules and, since there is no cool-off, destroys.
fn executed(dir: &Path, file: &[u8], count: u64) {
    match execute_plan(&mut open(dir), file, &[], &Default::default()).expect("a purge") {
        Step::Executed(executed) => assert_eq!(executed.certificate.records.len() as u64, count),
        Step::Scheduled(_) => panic!("there is no cool-off"),
    }
}

fn due(dir: &Path) -> u64 {
    let (custody, mut count) = (open(dir), 0);
    let day = custody.trusted_today();
    let counted = status::due(&custody, day, |_| {
        count += 1;
        Ok(())
    });
    counted.expect("records");
    count
}

/// A keyring with a signed journal: entries with a list of records and entries without.
fn write_journal(dir: &Path, count: u64) {
    Keyring::create(&dir.join("keyring"), &dir.join("root"), "lantern.example").expect("a new keyring");
    let mut custody = open(dir);
    custody.begin().expect("a first entry");
    let until = NaiveDate::from_ymd_opt(2040, 12, 31).expect("a date");
    let entry = |number: u64| match number % 2 {
        0 => Entry::Extension { archive: ARCHIVE, records: [number, number + 9].into_iter().collect(), until },
        _ => Entry::Release { hold: [number as u8; 16] },
    };
    let mut next = 1;
    while next < count {
        let end = count.min(next + 100_000);
        custody.note((next..end).map(entry).collect()).expect("entries");
        next = end;
    }
    let time = now().reading.wall.timestamp() as u64;
    journal::sign(custody.keyring(), time).expect("a checkpoint");
}
