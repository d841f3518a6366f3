//! The power goes (P8): deposits, extensions and purges of the real program are recorded call by call, and at every point of
//! a recording the disk is left with what was synced and with some of what was not (`crash/disk.rs`).
//!
//! What is left is judged by a reader of its own (`crash/reader.rs`); then the program goes on where it was interrupted.
//! Runs a sample by default; `KEEPUNTIL_CRASH=all` runs everything.

#[path = "crash/disk.rs"]
mod disk;
#[path = "crash/reader.rs"]
mod reader;
mod support;

use disk::{CALLS, Call, Disk, Left, Tree, lay_out, recorded};
use reader::{View, copies_opened_by, read};
use std::collections::BTreeSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::PathBuf;
use std::process::Command;
use support::Home;

const DESTROYED: [u64; 2] = [1, 3];
const EXECUTE: [&str; 5] = ["purge", "--execute", "plan.json", "--approval", "plan.json.sig"];
const EXTEND: [&str; 6] = ["extend", "firm.sealed", "--record", "2", "--until", "2098-12-31"];

/// A command that was recorded, and everything it may leave behind.
struct Recorded {
    home: Home,
    before: Disk,
    calls: Vec<Call>,
}

/// What a loss of power left: laid out at home.
struct Loss<'a> {
    home: &'a Home,
    tree: &'a Tree,
    /// The calls that were made.
    calls: &'a [Call],
    /// For messages.
    what: String,
}

/// Whether everything is run, or a sample.
fn all() -> bool {
    std::env::var("KEEPUNTIL_CRASH").is_ok_and(|which| which == "all")
}

fn data(home: &Home) -> PathBuf {
    home.path("home/data/keepuntil")
}

/// Lets `arguments` run under `strace`; `None` where that does not work.
fn record(home: Home, arguments: &[&str]) -> Option<Recorded> {
    if !Command::new("strace").args(["-f", "true"]).output().is_ok_and(|output| output.status.success()) {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "strace does not work here");
        eprintln!("strace does not work here: losses of power were NOT TESTED");
        return None;
    }
    let before = Disk::of(&home.path(""));
    let outside = tempfile::tempdir().unwrap();
    let trace = outside.path().join("trace");
    let command = home.command();
    let mut traced = Command::new("strace");
    traced.args(["-f", "-qq", "-y", "-xx", "-s", "4194304", "-e", CALLS, "-o"]).arg(&trace);
    traced.arg(command.get_program()).args(arguments).env_clear().current_dir(home.path(""));
    command.get_envs().for_each(|(name, value)| _ = traced.env(name, value.unwrap()));
    let ran = traced.output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
    let calls = recorded(&std::fs::read_to_string(&trace).unwrap(), &home.path(""));
    assert!(calls.iter().any(|call| matches!(call, Call::Reported)), "the program says what it did");
    // The model is right where it ends with what there is.
    let mut disk = before.clone();
    calls.iter().for_each(|call| disk.apply(call));
    assert!(disk.left(Left::Everything) == Disk::of(&home.path("")).left(Left::Nothing), "the model misses a call");
    Some(Recorded { home, before, calls })
}

impl Recorded {
    /// Judges what can be left at each point; of the points, or states at them, one in `sample`.
    fn judge(&self, sample: usize, judge: impl Fn(&Loss<'_>)) {
        // Between two syncs nothing becomes impossible: what can be left before the second includes all before it.
        let is_point = |at: &usize| matches!(self.calls.get(*at), None | Some(Call::Sync(_) | Call::Reported));
        let mut disk = self.before.clone();
        let (mut seen, mut count, mut judged) = (BTreeSet::new(), 0, 0);
        for at in 0..=self.calls.len() {
            if is_point(&at) {
                let dice = if all() { 12 } else { 3 };
                let some = (0..dice).map(|n| Left::Some(at as u64 * 1000 + n));
                for left in [Left::Nothing, Left::Everything, Left::Names].into_iter().chain(some) {
                    let tree = disk.left(left);
                    let mut hasher = DefaultHasher::new();
                    (&tree, at == self.calls.len()).hash(&mut hasher);
                    if !seen.insert(hasher.finish()) {
                        continue;
                    }
                    count += 1;
                    let end = at == self.calls.len();
                    if !(all() || end || count % sample == 0) {
                        continue;
                    }
                    judged += 1;
                    let what = format!("{left:?} left after {at} of {} calls", self.calls.len());
                    let loss = Loss { home: &self.home, tree: &tree, calls: &self.calls[..at], what };
                    loss.lay_out();
                    judge(&loss);
                }
            }
            self.calls.get(at).into_iter().for_each(|call| disk.apply(call));
        }
        eprintln!("{judged} states of {count}");
        assert!(judged > 10);
    }
}

impl Loss<'_> {
    /// As it was left, whatever a reader has done to it since.
    fn lay_out(&self) {
        lay_out(self.tree, &self.home.path(""));
    }

    fn reported(&self) -> bool {
        self.calls.iter().any(|call| matches!(call, Call::Reported))
    }

    fn view(&self) -> View {
        read(&data(self.home)).unwrap_or_else(|e| panic!("{}: {e}", self.what))
    }

    fn run(&self, arguments: &[&str], code: i32) -> support::Ran {
        let ran = self.home.run(arguments);
        assert_eq!(ran.code, Some(code), "{}: {arguments:?}: {ran:#?}", self.what);
        ran
    }

    /// That keyring and journal are whole, and the second opening finds nothing to finish.
    fn is_whole(&self, view: &View) {
        assert_eq!(view.roots, [view.generation], "{}: one root is left", self.what);
        assert!(!view.documents.contains_key("unfinished"), "{}", self.what);
        self.run(&["keyring", "check"], 0);
        self.run(&["journal", "verify"], 0);
    }
}

/// How many leaves tell of `kind`.
fn told(view: &View, kind: &str) -> usize {
    let kind = format!("{{\"{kind}\":");
    view.leaves.iter().filter(|leaf| String::from_utf8_lossy(leaf).contains(&kind)).count()
}

/// A home with an archive whose records may be destroyed at once, by a plan that is signed.
fn planned() -> Home {
    let home = Home::new();
    home.small_firm();
    let create = ["create", "-o", "firm.sealed", "--rule", "cn-pi-minimum", "--start", "creation", "--retain", "P3Y"];
    home.run(&[&create[..], &["clients"]].concat()).ends(0);
    home.run(&["keyring", "set", "--cool-off-days", "0"]).ends(0);
    let key = home.path("key");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
    assert!(made.unwrap().success());
    let public = std::fs::read_to_string(home.path("key.pub")).unwrap();
    home.write("people.txt", format!("lin@lantern.example {public}"));
    home.run(&["roster", "set", "people.txt"]).ends(0);
    let plan = ["purge", "--plan", "plan.json", "--archive", "firm.sealed", "--record", "1,3"];
    home.run(&[&plan[..], &["--early", "consent-withdrawn"]].concat()).ends(0);
    let sign = ["-q", "-Y", "sign", "-n", "keepuntil-plan", "-f"];
    let signed = Command::new("ssh-keygen").args(sign).arg(&key).arg(home.path("plan.json")).output().unwrap();
    assert!(signed.status.success(), "{signed:?}");
    home
}

/// A copy of what the keyring was, root and all.
fn stolen(home: &Home) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let copied = Command::new("cp").arg("-a").arg(data(home).join("keyring")).arg(copy.path()).status();
    assert!(copied.unwrap().success());
    copy
}

#[test]
fn a_purge_destroys_whole_or_not_at_all() {
    let home = planned();
    let (before, copy) = (read(&data(&home)).unwrap(), stolen(&home));
    let Some(recorded) = record(home, &EXECUTE) else { return };
    let is_destroyed = |view: &View| -> bool {
        let gone = |(record, keys): (&(String, u64), &(String, String))| match view.live.get(record) {
            Some(found) => {
                assert_eq!(found, keys);
                false
            }
            None => view.destroyed.contains_key(record),
        };
        let (dead, alive): (Vec<_>, Vec<_>) = before.live.iter().partition(|((_, n), _)| DESTROYED.contains(n));
        assert!(alive.into_iter().all(|(record, keys)| view.live.get(record) == Some(keys)), "no live key is lost");
        let gone: BTreeSet<bool> = dead.into_iter().map(gone).collect();
        assert_eq!(gone.len(), 1, "all or none");
        gone.contains(&true)
    };
    let revives = |loss: &Loss<'_>| {
        assert_eq!(copies_opened_by(&data(loss.home), &[copy.path()]), Vec::<String>::new(), "{}", loss.what);
    };
    let certificates = |home: &Home| -> Vec<PathBuf> {
        let mut found = support::files_below(&data(home).join("keyring/certificates"));
        // What was being written lies there under a name that says so.
        found.retain(|path| !path.file_name().unwrap().to_string_lossy().starts_with(".keepuntil-"));
        found
    };
    recorded.judge(2, |loss| {
        let found = loss.view();
        let destroyed = is_destroyed(&found);
        assert!(found.leaves.starts_with(&before.leaves), "{}", loss.what);
        // The intention is told before anything is done, the outcome when the old root is gone.
        assert!(told(&found, "intent") == 1 || !destroyed, "{}", loss.what);
        assert!(told(&found, "destroyed") == 0 || (destroyed && found.roots == [found.generation]), "{}", loss.what);
        if loss.reported() {
            assert!(destroyed && told(&found, "destroyed") == 1, "{}", loss.what);
            assert_eq!(certificates(loss.home).len(), 1, "{}", loss.what);
            revives(loss);
        }
        loss.lay_out();
        loss.run(&["purge", "--unattended"], 0);
        if !is_destroyed(&loss.view()) {
            // Nobody can have heard of it, and nothing was scheduled: it is done again.
            assert!(!loss.reported(), "{}", loss.what);
            loss.run(&EXECUTE, 0);
        }
        let after = loss.view();
        assert!(is_destroyed(&after) && told(&after, "destroyed") == 1, "{}", loss.what);
        loss.is_whole(&after);
        revives(loss);
        let [certificate] = &certificates(loss.home)[..] else { panic!("{}: no certificate", loss.what) };
        let keys = loss.run(&["keyring", "info", "--vkeys"], 0).out;
        std::fs::write(loss.home.path("vkeys"), keys).unwrap();
        loss.run(&["certificate", "verify", certificate.to_str().unwrap(), "--journal", "vkeys"], 0);
        loss.run(&["restore", "firm.sealed", "--record", "2", "-o", "alive"], 0);
        loss.run(&["restore", "firm.sealed", "--record", "1", "-o", "dead"], 13);
    });
}

#[test]
fn a_longer_retention_is_there_once_it_is_reported() {
    let home = planned();
    let before = read(&data(&home)).unwrap();
    let Some(recorded) = record(home, &EXTEND) else { return };
    let is_extended = |view: &View| {
        let changed = view.retentions.iter().filter(|(record, retention)| before.retentions[*record] != **retention);
        let changed: Vec<_> = changed.map(|((_, record), retention)| (*record, retention.to_string())).collect();
        assert!(changed.iter().all(|(record, retention)| *record == 2 && retention.contains("2098-12-31")));
        !changed.is_empty()
    };
    recorded.judge(1, |loss| {
        let found = loss.view();
        assert_eq!(found.live, before.live, "{}", loss.what);
        // The entry and the change are one transaction.
        assert_eq!(told(&found, "extension"), usize::from(is_extended(&found)), "{}", loss.what);
        assert!(is_extended(&found) || !loss.reported(), "{}", loss.what);
        loss.lay_out();
        // The same date is not later than itself.
        loss.run(&EXTEND, if is_extended(&found) { 11 } else { 0 });
        let after = loss.view();
        assert!(is_extended(&after) && after.live == before.live, "{}", loss.what);
        loss.is_whole(&after);
    });
}

/// Whether the checkpoint of an archive may have left: the archive is written in one piece.
fn is_sealed(calls: &[Call], name: &str) -> bool {
    let is_it = |path: &std::path::Path| path.file_name().is_some_and(|found| found.to_string_lossy().ends_with(name));
    let writes = |call: &&Call| matches!(call, Call::Write { path, bytes, .. } if is_it(path) && !bytes.is_empty());
    calls.iter().any(|call| writes(&call))
}

#[test]
fn a_deposit_is_there_before_the_archive_can_be() {
    let home = planned();
    let before = read(&data(&home)).unwrap();
    let create = |name| ["create", "-o", name, "--until", "2099-12-31", "clients"];
    let Some(recorded) = record(home, &create("second.sealed")) else { return };
    recorded.judge(1, |loss| {
        let found = loss.view();
        assert!(before.live.iter().all(|(record, keys)| found.live.get(record) == Some(keys)), "{}", loss.what);
        let deposited = found.live.len() > before.live.len();
        assert_eq!(told(&found, "deposit"), 1 + usize::from(deposited), "{}", loss.what);
        assert!(deposited || !is_sealed(loss.calls, "second.sealed"), "{}", loss.what);
        let there = loss.tree.contains_key(&PathBuf::from("second.sealed"));
        assert!(there || !loss.reported(), "{}", loss.what);
        loss.lay_out();
        if there {
            loss.run(&["restore", "second.sealed", "--all", "-o", "second"], 0);
        }
        loss.run(&create("third.sealed"), 0);
        loss.run(&["restore", "third.sealed", "--all", "-o", "third"], 0);
        loss.is_whole(&loss.view());
    });
}

#[test]
fn a_first_archive_has_its_keyring_and_identity() {
    let home = Home::new();
    home.small_firm();
    let create = |name| ["create", "-o", name, "--until", "2099-12-31", "clients"];
    let Some(recorded) = record(home, &create("first.sealed")) else { return };
    recorded.judge(3, |loss| {
        let sealed = is_sealed(loss.calls, "first.sealed");
        let there = loss.tree.contains_key(&PathBuf::from("first.sealed"));
        assert!(there || !loss.reported(), "{}", loss.what);
        if sealed {
            assert!(!loss.view().live.is_empty(), "{}", loss.what);
            loss.lay_out();
        }
        if there {
            loss.run(&["restore", "first.sealed", "--all", "-o", "first"], 0);
        }
        let ran = loss.home.run(&create("second.sealed"));
        if ran.code == Some(1) && !sealed {
            // Slots that may hold a root are never taken for a new keyring's: the user looks, and removes them.
            assert!(ran.err.contains("of one that was not finished"), "{}: {ran:?}", loss.what);
            return;
        }
        assert_eq!(ran.code, Some(0), "{}: {ran:?}", loss.what);
        loss.run(&["restore", "second.sealed", "--all", "-o", "second"], 0);
        loss.is_whole(&loss.view());
    });
}
