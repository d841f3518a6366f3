//! Long work says before it begins how much there is, so that the time left can be shown, and then does just that.

mod support;

use keepuntil::keyring::watch::{Watched, Watcher};
use keepuntil::ops::Progress;
use keepuntil::ops::journal::{verify_folder, verify_own};
use keepuntil::ops::open::{Opener, Trust, open_archive};
use keepuntil::ops::policy_check::policy_check;
use keepuntil::ops::restore::Selection;
use keepuntil::ops::survey::{SurveyOptions, survey};
use keepuntil::storage::source::Names;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use support::Home;

/// Hears how far work is.
#[derive(Default)]
struct Heard {
    total: AtomicU64,
    done: AtomicU64,
    files: AtomicU64,
    stages: Mutex<Vec<(&'static str, u64)>>,
}

impl Progress for Heard {
    fn advance(&self, done: u64) {
        self.done.fetch_add(done, Ordering::Relaxed);
    }

    fn total(&self, more: u64) {
        self.total.fetch_add(more, Ordering::Relaxed);
    }

    fn is_watched(&self) -> bool {
        true
    }

    fn file(&self) {
        self.files.fetch_add(1, Ordering::Relaxed);
    }

    fn stage(&self, what: &'static str, things: u64) {
        self.stages.lock().unwrap().push((what, things));
        self.done.store(0, Ordering::Relaxed);
    }
}

#[test]
fn how_much_a_walk_has_to_do_is_known_before_it() {
    let firm = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/firm");
    let policy = "[[compartment]]\nname = \"c\"\nclass = \"public\"\n[[records]]\npath = \"**\"\nrecord = \"x\"\n\
        compartment = \"c\"\nretain = \"P10Y\"\nstart = \"creation\"\n";
    let policy = keepuntil::retention::policy::Policy::parse(policy).unwrap();
    let today = "2026-11-22".parse().unwrap();
    let interrupted = AtomicBool::new(false);
    let heard = Heard::default();
    policy_check(&firm, Names::default(), &policy, today, &interrupted, &heard).unwrap();
    heard.all_was_done(117);
}

impl Heard {
    /// Asserts that everything was done that was announced, which was no less than `least`.
    #[track_caller]
    fn all_was_done(&self, least: u64) {
        let (total, done) = (self.total.load(Ordering::Relaxed), self.done.load(Ordering::Relaxed));
        assert!(total >= least && total == done, "{total} announced, {done} done");
    }
}

impl Watcher for Heard {
    fn total(&self, more: u64) {
        Progress::total(self, more);
    }

    fn advance(&self, done: u64) {
        Progress::advance(self, done);
    }
}

#[test]
fn the_last_walk_of_a_survey_is_counted_from_the_one_before() {
    let home = Home::new();
    for name in ["a/1.txt", "a/2.txt", "b/c/3.txt", "4.txt"] {
        home.write(&format!("t/{name}"), name);
    }
    let today = "2026-11-22".parse().unwrap();
    let setting = keepuntil::survey::proposal::Setting {
        jurisdiction: "cn",
        fiscal_year_end: Default::default(),
        today,
        latest: today,
        separator: "-",
    };
    let options = SurveyOptions {
        root: home.path("t"),
        names: Names::default(),
        max_bytes: 1 << 20,
        threads: 2,
        setting,
        heading: Default::default(),
        pdf: None,
    };
    let heard = Heard::default();
    survey(&options, &AtomicBool::new(false), &heard).unwrap();
    let stages = heard.stages.lock().unwrap().clone();
    // Four files in three folders.
    assert_eq!(stages, [("trying the policy", 7)]);
    assert_eq!(heard.done.load(Ordering::Relaxed), 7);
    assert_eq!(heard.files.load(Ordering::Relaxed), 4);
}

#[test]
fn work_in_a_keyring_and_its_journal_is_counted() {
    let home = Home::new();
    home.small_firm();
    home.create("firm.sealed");
    let mut keyring = home.open_keyring();
    let pages = Arc::new(Heard::default());
    keyring.watch(Watched::by(pages.clone()));
    keyring.check().unwrap();
    pages.all_was_done(1);
    let archive = keyring.archives().unwrap()[0].id;
    let records = vec![(archive, [1].into_iter().collect())];
    let before = pages.total.load(Ordering::Relaxed);
    drop(keyring.rewrite([1; 16], records, |_, _| Ok((true, ())), |()| ()).unwrap());
    pages.all_was_done(before + 1);
    let entries = Arc::new(Heard::default());
    keyring.watch(Watched::by(entries.clone()));
    verify_own(&keyring, None).unwrap();
    // Each of two entries, made and deposit, is read twice.
    entries.all_was_done(4);
    keyring.watch(Watched::default());
    let keys = Heard::default();
    let (mut reader, _) = open_archive(&home.path("firm.sealed"), &Trust::default(), Some(&keyring)).unwrap();
    let identity = std::fs::read(home.identity()).unwrap();
    let prompts = keepuntil::crypto::identity::Prompts::none();
    let identities = keepuntil::crypto::identity::Identities::parse("identity", &identity, &prompts).unwrap();
    let mut opener = Opener::new(&reader, &identities, &mut keyring);
    let created = "2027-01-15T08:00:00Z";
    keepuntil::ops::keys::key_sheet(&mut reader, &mut opener, &Selection::All, created, &keys).unwrap();
    keys.all_was_done(3);
    drop(opener);
    drop(keyring);
    home.run(&["journal", "export", "-o", "journal"]).ends(0);
    let folder = Heard::default();
    verify_folder(&home.path("journal"), None, None, &folder).unwrap();
    folder.all_was_done(2);
}
