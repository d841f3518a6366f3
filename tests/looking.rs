//! What a custodian looks at: keyrings that cannot be written are shown all the same, and verifications are noted.

mod support;

use keepuntil::storage::lock::{Lock, Sharing};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;
use support::{Home, Ran, files_below};

const WARNING: &str = "keepuntil: warning: what the clock shows could not be stored: ";
const SHOWING: [&[&str]; 3] = [&["status"], &["due"], &["hold", "list"]];
const NOBODY: u32 = 65_534;

/// A home with a sealed archive, a hold, and a clock that has moved on since.
fn home() -> Home {
    let home = Home::new();
    home.small_firm();
    home.create("firm.sealed");
    home.run(&["hold", "place", "--everything", "--matter", "audit", "--authority", "tax office"]).ends(0);
    // The clock counts whole seconds: within one there is nothing to store.
    std::thread::sleep(Duration::from_millis(1100));
    home
}

#[track_caller]
fn shown_with_a_warning(ran: Ran, arguments: &[&str]) {
    let ran = ran.ends(0);
    assert!(ran.err.contains(WARNING), "{ran:#?}");
    let said = ["held  3", "nothing is due", "matter     audit"];
    let at = SHOWING.iter().position(|showing| *showing == arguments).unwrap();
    assert!(ran.out.contains(said[at]), "{ran:#?}");
}

#[test]
fn a_full_disk_stops_nobody_from_looking() {
    let home = home();
    let before = fs::read(home.keyring_dir().join("catalogue.sqlite")).unwrap();
    for arguments in SHOWING {
        let command = home.command();
        // No file may grow, as on a disk without a free block.
        let mut full = Command::new("bash");
        full.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\""]).arg(command.get_program()).args(arguments);
        full.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shown_with_a_warning(Ran::from(full.current_dir(home.path("")).output().unwrap()), arguments);
    }
    assert_eq!(before, fs::read(home.keyring_dir().join("catalogue.sqlite")).unwrap());
    let ran = home.run(&["status"]).ends(0);
    assert!(!ran.err.contains(WARNING), "{ran:#?}");
    assert_ne!(before, fs::read(home.keyring_dir().join("catalogue.sqlite")).unwrap());
}

#[test]
fn a_folder_that_cannot_be_written_stops_nobody_from_looking() {
    let home = home();
    // Modes bind nobody who is root.
    let is_root = rustix::process::geteuid().is_root();
    let program = home.path("keepuntil");
    fs::copy(env!("CARGO_BIN_EXE_keepuntil"), &program).unwrap();
    for path in files_below(&home.path("")).iter().rev().chain([&home.path("")]) {
        let mode = if path.is_dir() || *path == program { 0o500 } else { 0o400 };
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        if is_root {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
    for arguments in SHOWING {
        let mut command = Command::new(&program);
        command.args(arguments).env_clear().current_dir(home.path(""));
        command.envs(home.command().get_envs().filter_map(|(name, value)| Some((name, value?))));
        if is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        shown_with_a_warning(Ran::from(command.output().unwrap()), arguments);
    }
    for path in [&home.path("")].into_iter().chain(&files_below(&home.path(""))).filter(|path| path.is_dir()) {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
    }
}

#[test]
fn another_reader_stops_nobody_from_looking() {
    let home = home();
    let lock = Lock::take(&home.keyring_dir().join("lock"), Sharing::Shared, Duration::ZERO).unwrap();
    for arguments in SHOWING {
        shown_with_a_warning(home.run(arguments), arguments);
    }
    drop(lock);
    assert!(!home.run(&["status"]).ends(0).err.contains(WARNING));
}

/// The fields of the last entry `verified`, and how many there are.
fn verified(home: &Home) -> (usize, serde_json::Value) {
    let entries = home.run(&["journal", "show", "--json"]).ends(0).json("entry");
    let verified: Vec<_> = entries.iter().filter(|entry| entry["kind"] == "verified").collect();
    (verified.len(), verified.last().map_or_else(Default::default, |e| e["leaf"]["entry"]["verified"].clone()))
}

#[test]
fn a_comparison_that_did_not_take_place_is_not_noted() {
    let home = home();
    home.run(&["keygen", "-o", "stranger.txt"]).ends(0);
    for more in [&["--against", "clients"][..], &["--deep"]] {
        let ran = home.run(&[&["verify", "firm.sealed", "--note", "-i", "stranger.txt"], more].concat());
        let ran = ran.fails(12, "identity");
        assert!(ran.err.contains("nothing was noted in the journal"), "{ran:#?}");
        assert_eq!(verified(&home).0, 0, "{more:?}");
    }
    // What is damaged without anybody's key is damaged.
    let mut bad = fs::read(home.path("firm.sealed")).unwrap();
    let record = bad.windows(8).position(|window| window == b"records/").unwrap() + 700;
    bad[record] ^= 1;
    home.write("bad.sealed", bad);
    assert_ne!(home.run(&["verify", "bad.sealed", "--note", "--deep", "-i", "stranger.txt"]).code, Some(0));
    assert_eq!((verified(&home).0, verified(&home).1["outcome"].as_str()), (1, Some("damaged")));
    home.run(&["verify", "firm.sealed", "--note", "--against", "clients"]);
    assert_eq!((verified(&home).0, verified(&home).1["outcome"].as_str()), (2, Some("whole")));
}

#[test]
fn verifications_are_noted_whatever_they_come_to() {
    let home = home();
    let known = home.open_keyring().archives().unwrap().remove(0);
    let entry = |outcome: &str, deep: bool| {
        let mut entry = serde_json::json!({
            "archive": hex::encode(known.id), "root": hex::encode(known.root), "outcome": outcome,
        });
        if deep {
            entry["deep"] = true.into();
        }
        entry
    };
    home.run(&["verify", "firm.sealed"]).ends(0);
    assert_eq!(verified(&home).0, 0);
    home.run(&["verify", "firm.sealed", "--note"]).ends(0);
    assert_eq!(verified(&home), (1, entry("whole", false)));
    let ran = home.run(&["verify", "firm.sealed", "--note", "--deep", "--json"]).ends(0);
    assert_eq!(verified(&home), (2, entry("whole", true)));
    assert_eq!(ran.json("noted")[0]["outcome"], "whole");

    // Damage in a record, before the seal, in the seal, and a file cut short.
    let good = fs::read(home.path("firm.sealed")).unwrap();
    let record = good.windows(8).position(|window| window == b"records/").unwrap() + 700;
    for (at, times) in [(record, 3), (600, 4), (good.len() - 3000, 5)] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        home.write("bad.sealed", bad);
        home.run(&["verify", "bad.sealed", "--note"]).ends(10);
        assert_eq!(verified(&home), (times, entry("damaged", false)), "{at}");
    }
    home.write("bad.sealed", &good[..good.len() / 2]);
    home.run(&["verify", "bad.sealed", "--note"]).ends(10);
    assert_eq!(verified(&home).0, 6);

    // What says nothing of an archive, and an archive of somebody else, cannot be noted.
    home.write("junk.sealed", "junk");
    home.run(&["verify", "junk.sealed", "--note"]).fails(10, "which archive it is");
    let stranger = Home::new();
    stranger.small_firm();
    stranger.create("other.sealed");
    fs::copy(stranger.path("other.sealed"), home.path("other.sealed")).unwrap();
    home.run(&["verify", "other.sealed", "--note"]).fails(1, "holds no keys of archive");
    assert_eq!(verified(&home).0, 6);
    home.run(&["journal", "verify"]).ends(0);
    home.run(&["verify", "firm.sealed", "--note", "--keyring", "nowhere"]).fails(1, "there is no keyring");
}
