//! age 1.3 or later, which knows post-quantum keys, and age plugins: what machines of today often lack.
//!
//! Ignored unless asked for: `tests/newer_age.sh` and `tests/age_plugin.sh` run these.

mod tools;

use keepuntil::crypto::envelope;
use keepuntil::crypto::identity::{Identities, Prompts};
use keepuntil::crypto::recipient::Recipients;
use std::fs;
use std::path::Path;
use std::process::Command;
use tools::{Home, stdout};

fn seen(home: &Home, identity: &str) -> usize {
    let shown = home.keepuntil(&["inspect", "firm.sealed", "--json", "-i", identity]);
    let objects = shown.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    objects.filter(|object| object["label"]["name"].is_string()).count()
}

fn secret_of(home: &Home, identity: &str) -> Vec<u8> {
    let access = home.member("access/records.age");
    stdout(Command::new("age").arg("-d").arg("-i").arg(home.path(identity)).arg(access))
}

#[test]
#[ignore = "needs age 1.3: tests/newer_age.sh runs it"]
fn age_takes_our_identities_and_files_and_we_take_its() {
    let home = Home::new();
    home.keepuntil(&["keygen", "-o", "ours.txt"]);
    home.keepuntil(&["keygen", "--classic", "-o", "ours-classic.txt"]);
    stdout(Command::new("age-keygen").arg("-pq").arg("-o").arg(home.path("theirs.txt")));
    stdout(Command::new("age-keygen").arg("-o").arg(home.path("theirs-classic.txt")));
    for (name, start) in [
        ("ours.txt", "age1pq1"),
        ("theirs.txt", "age1pq1"),
        ("ours-classic.txt", "age1"),
        ("theirs-classic.txt", "age1"),
    ] {
        let file = home.path(name);
        let recipient = home.keepuntil(&["keygen", "-y", name]);
        assert_eq!(recipient.as_bytes(), stdout(Command::new("age-keygen").arg("-y").arg(&file)));
        let recipient = recipient.trim();
        assert!(recipient.starts_with(start));

        let identities = Identities::parse(name, &fs::read(&file).unwrap(), &Prompts::none()).unwrap();
        let recipients = Recipients::parse(&[recipient], &Prompts::none()).unwrap();
        for len in [0, 1, 65_535, 65_536, 65_537, 200_000] {
            let message: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
            let (plain, sealed) = (home.path("plain"), home.path("sealed"));
            fs::write(&sealed, envelope::seal(&recipients, &message).unwrap()).unwrap();
            assert_eq!(stdout(Command::new("age").arg("-d").arg("-i").arg(&file).arg(&sealed)), message);
            fs::write(&plain, &message).unwrap();
            let theirs = stdout(Command::new("age").arg("-r").arg(recipient).arg(&plain));
            assert_eq!(*envelope::open(identities.iter(), &theirs, len as u64).unwrap(), message);
        }

        home.seal_clients(&["-r", recipient, "--force"]);
        assert_eq!(seen(&home, name), 8);
        assert_eq!(secret_of(&home, name).len(), 32);
    }
}

#[test]
#[ignore = "needs age 1.3: tests/newer_age.sh runs it"]
fn age_inspect_understands_what_an_archive_holds() {
    let home = Home::new();
    home.seal_clients(&[]);
    let inspect = |file: &Path| -> serde_json::Value {
        serde_json::from_slice(&stdout(Command::new("age-inspect").arg("--json").arg(file))).unwrap()
    };
    let access = inspect(&home.member("access/records.age"));
    assert_eq!((&access["postquantum"], &access["stanza_types"][0]), (&"yes".into(), &"mlkem768x25519".into()));
    assert_eq!(access["sizes"]["min_payload"], 32);
    let record = inspect(&home.member("records/0000000001"));
    assert_eq!(record["stanza_types"], serde_json::json!(["X25519"]));
}

#[test]
#[ignore = "needs an age plugin: tests/age_plugin.sh runs it"]
fn a_plugin_may_be_recipient_and_identity() {
    let home = Home::new();
    let made = String::from_utf8(stdout(&mut Command::new("age-plugin-unencrypted"))).unwrap();
    let recipient = made.lines().find_map(|line| line.strip_prefix("# recipient: ")).unwrap();
    home.secret("plugin.txt", &made);
    home.seal_clients(&["-r", recipient]);
    assert_eq!(seen(&home, "plugin.txt"), 8);
    home.keepuntil(&["restore", "firm.sealed", "--record", "1", "-i", "plugin.txt", "-o", "out"]);
    assert_eq!(secret_of(&home, "plugin.txt").len(), 32, "age itself opens it with the same plugin");

    // Several in one file, as age writes them; and without the plugin an error that names it.
    home.keepuntil(&["keygen", "--classic", "-o", "other.txt"]);
    let other = home.keepuntil(&["keygen", "-y", "other.txt"]);
    home.seal_clients(&["--force", "-r", recipient, "-r", other.trim()]);
    assert_eq!((seen(&home, "plugin.txt"), seen(&home, "other.txt")), (8, 8));
    let mut without = home.command(&["inspect", "firm.sealed", "--record", "1", "-i", "plugin.txt"]);
    let outcome = without.env("PATH", "/nowhere").output().unwrap();
    let said = String::from_utf8(outcome.stderr).unwrap();
    assert!(!outcome.status.success() && said.contains("unencrypted"), "{said}");
}
