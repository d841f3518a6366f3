//! Records from sealing to destruction, on the command line, with the clock moved through the years.
//!
//! Needs Debian's `faketime` and `ssh-keygen`.

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;
use support::{Home, Ran};

/// A home whose clock shows what the test says.
struct Desk {
    home: Home,
}

impl Desk {
    /// A home with two approvers' keys and the roster that names them; no keyring yet.
    fn new() -> Self {
        let desk = Self { home: Home::new() };
        let mut roster = String::new();
        for person in ["lin", "wang"] {
            let key = desk.home.path(person);
            let arguments = ["-q", "-t", "ed25519", "-N", "", "-C", person, "-f"];
            let made = Command::new("ssh-keygen").args(arguments).arg(&key).status();
            assert!(made.expect("ssh-keygen is installed").success());
            let public = fs::read_to_string(key.with_extension("pub")).unwrap();
            roster.push_str(&format!("{person}@lantern.example {public}"));
        }
        desk.home.write("people.txt", roster);
        desk
    }

    /// Runs the program while the clock shows `time`.
    fn at(&self, time: &str, arguments: &[&str]) -> Ran {
        let command = self.home.command();
        let mut faked = Command::new("faketime");
        faked.arg("-f").arg(format!("@{time}")).arg(command.get_program()).args(arguments);
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => faked.env(name, value),
                None => faked.env_remove(name),
            };
        }
        faked.env("TZ", "Asia/Shanghai").current_dir(command.get_current_dir().unwrap());
        // What a killed run left behind can bear the name that this one wants: the next has another.
        loop {
            let ran = Ran::from(faked.output().expect("faketime is installed"));
            if !ran.err.contains("sem_open: File exists") {
                return ran;
            }
        }
    }

    /// Signs a file in the home for a purpose; returns the signature's name.
    fn sign(&self, person: &str, namespace: &str, file: &str) -> String {
        let signature = self.home.path(&format!("{file}.sig"));
        let _ = fs::remove_file(&signature);
        let signed = Command::new("ssh-keygen")
            .args(["-q", "-Y", "sign", "-n", namespace, "-f"])
            .arg(self.home.path(person))
            .arg(self.home.path(file))
            .output()
            .unwrap();
        assert!(signed.status.success(), "{signed:?}");
        let of_person = format!("{file}.{person}.sig");
        fs::rename(signature, self.home.path(&of_person)).unwrap();
        of_person
    }

    /// Moves to a later time that a person on the roster confirms.
    fn travel(&self, time: &str) {
        let statement = self.at(time, &["clock", "statement"]).ends(0).out;
        self.home.write("now.txt", statement);
        let signature = self.sign("lin", "keepuntil-clock", "now.txt");
        self.at(time, &["clock", "confirm", "--statement", "now.txt", "--signature", &signature]).ends(0);
    }

    fn status(&self, time: &str, code: i32) -> serde_json::Value {
        self.at(time, &["status", "--json"]).ends(code).json("status").remove(0)
    }
}

const SEALED: &str = "2026-11-22 10:00:00";

#[test]
fn a_plain_date_runs_out_and_the_unattended_purge_destroys_for_ever() {
    let desk = Desk::new();
    desk.home.small_firm();
    desk.at(SEALED, &["create", "-o", "firm.sealed", "--until", "2036-12-31", "clients"]).ends(0);
    desk.at(SEALED, &["roster", "set", "people.txt"]).ends(0);
    let before = desk.status(SEALED, 0);
    let records = before["records"]["kept"].as_u64().unwrap();
    assert!(records > 1);
    desk.at(SEALED, &["purge", "--unattended"]).ends(0);

    // The day has come by this clock alone: it jumped, and nothing happens.
    let jumped = desk.at("2037-03-01 10:00:00", &["purge", "--unattended"]).ends(16);
    assert!(jumped.err.contains("jumped"), "{jumped:?}");
    assert_eq!(desk.status("2037-03-01 10:00:00", 3)["records"]["kept"], 0);
    desk.at("2037-03-01 10:00:00", &["restore", "firm.sealed", "--record", "1", "-o", "still"]).ends(0);
    // Set right again, it goes on.
    desk.at("2026-11-23 10:00:00", &["status"]).ends(0);

    // Somebody else says that it is 2037.
    desk.travel("2037-03-01 11:00:00");
    let due = desk.status("2037-03-01 11:10:00", 3);
    assert_eq!((due["records"]["due"].as_u64(), due["overdue"].as_u64()), (Some(records), Some(records)));
    let scheduled = desk.at("2037-03-01 12:00:00", &["purge", "--unattended", "--json"]).ends(0);
    assert_eq!(scheduled.json("scheduled")[0]["records"], records);
    desk.at("2037-03-04 12:00:00", &["purge", "--unattended"]).ends(0);
    desk.at("2037-03-04 12:30:00", &["restore", "firm.sealed", "--record", "1", "-o", "again"]).ends(0);
    fs::copy(desk.home.path("firm.sealed"), desk.home.path("copy.sealed")).unwrap();
    let done = desk.at("2037-03-09 12:00:00", &["purge", "--unattended", "--json"]).ends(0);
    assert_eq!(done.json("destroyed")[0]["records"], records);
    let certificate = done.json("destroyed")[0]["certificate"].as_str().unwrap().to_owned();

    for copy in ["firm.sealed", "copy.sealed"] {
        desk.at("2037-03-09 13:00:00", &["restore", copy, "--record", "1", "-o", "gone"]).fails(13, "record 1");
    }
    let after = desk.status("2037-03-09 13:00:00", 0);
    assert_eq!((after["records"]["destroyed"].as_u64(), after["records"]["live"].as_u64()), (Some(records), Some(0)));
    let keys = desk.at("2037-03-09 13:00:00", &["keyring", "info", "--vkeys"]).ends(0).out;
    let keys: Vec<&str> = keys.lines().collect();
    let verify = ["certificate", "verify", &certificate, "--journal", keys[0], "--journal", keys[1]];
    desk.at("2037-03-09 13:00:00", &verify).ends(0);
    desk.at("2037-03-09 13:00:00", &["journal", "verify"]).ends(0);

    // The ciphertext goes too; what is gone by right is told from damage by the keyring, or by the certificate.
    desk.at("2037-03-09 14:00:00", &["purge", "--reclaim", "firm.sealed"]).ends(0);
    desk.at("2037-03-09 14:00:00", &["verify", "firm.sealed"]).ends(0);
    let stranger = Desk::new();
    fs::copy(desk.home.path("firm.sealed"), stranger.home.path("firm.sealed")).unwrap();
    fs::copy(&certificate, stranger.home.path("certificate.json")).unwrap();
    let signers = ["--signer", keys[0], "--signer", keys[1]];
    let plain = [&["verify", "firm.sealed"], &signers[..]].concat();
    let without_proof = stranger.home.run(&plain).ends(10);
    assert!(without_proof.err.contains("--certificate FILE"), "{without_proof:?}");
    let with_proof = [&plain[..], &["--certificate", "certificate.json"]].concat();
    stranger.home.run(&with_proof).ends(0);
}

const ROLES: &str = "[witness]\nname = \"顾清禾\"\ntitle = \"监销人\"\n[custodian]\nname = \"Ada Östlund\"\n";

/// Three records, one of them planned and scheduled for 2037-03-09.
fn one_of_three_scheduled(roles: &[&str]) -> Desk {
    let desk = Desk::new();
    desk.home.small_firm();
    desk.home.write("roles.toml", ROLES);
    desk.at(SEALED, &["create", "-o", "firm.sealed", "--until", "2036-12-31", "clients"]).ends(0);
    desk.at(SEALED, &["roster", "set", "people.txt"]).ends(0);
    desk.travel("2037-03-01 09:00:00");
    let time = "2037-03-01 10:00:00";
    desk.at(time, &["purge", "--plan", "plan.json", "--archive", "firm.sealed", "--record", "1-2"]).ends(0);
    desk.at(time, &[&["purge", "--execute", "plan.json"], roles].concat()).ends(0);
    desk
}

#[test]
fn roles_are_remembered_until_the_certificate_names_them() {
    let desk = one_of_three_scheduled(&["--roles", "roles.toml"]);
    desk.home.write("bad.toml", "[witness]\nname = \"\"\n");
    desk.home.write("large.toml", "#".repeat(70_000));
    let time = "2037-03-08 18:00:00";
    let bad = desk.at(time, &["purge", "--unattended", "--roles", "bad.toml"]).fails(1, "bad.toml: witness: name");
    assert!(bad.err.contains("keepuntil purge --help"), "{bad:?}");
    desk.at(time, &["purge", "--execute", "plan.json", "--roles", "large.toml"]).fails(1, "large.toml");
    desk.at(time, &["purge", "--dry-run", "--roles", "roles.toml"]).ends(2);

    let done = desk.at("2037-03-09 12:00:00", &["purge", "--unattended", "--json"]).ends(0).json("destroyed");
    let read = |path: &serde_json::Value| -> serde_json::Value {
        serde_json::from_slice(&fs::read(path.as_str().unwrap()).unwrap()).unwrap()
    };
    let certificate = read(&done[0]["certificate"]);
    assert_eq!(certificate["roles"]["witness"]["title"], "监销人");
    assert_eq!(certificate["roles"]["custodian"]["name"], "Ada Östlund");
    let shown = desk.at("2037-03-09 13:00:00", &["certificate", "show", done[0]["certificate"].as_str().unwrap()]);
    assert!(shown.ends(0).out.contains("顾清禾"));

    // The third was scheduled by the same run, without a word on who takes part.
    desk.home.write("later.toml", "[verifier]\nname = \"Lin Yue\"\n");
    let time = "2037-03-18 12:00:00";
    let done = desk.at(time, &["purge", "--unattended", "--roles", "later.toml", "--json"]).ends(0).json("destroyed");
    assert_eq!(read(&done[0]["certificate"])["roles"], serde_json::json!({ "verifier": { "name": "Lin Yue" } }));
}

#[test]
fn what_is_destroyed_is_said_once_and_held_no_more() {
    let desk = one_of_three_scheduled(&[]);
    let hold = |time: &str, records: &str| {
        let texts = ["--matter", "audit", "--authority", "tax office"];
        desk.at(time, &[&["hold", "place", "firm.sealed", "--record", records, "--json"], &texts[..]].concat())
    };
    let placed = hold("2037-03-07 10:00:00", "2").ends(0).json("hold")[0]["hold"].as_str().unwrap().to_owned();
    let held = desk.at("2037-03-09 10:00:00", &["status"]).ends(3).out;
    assert!(held.contains("2 records, 1 of them held, cannot be destroyed now"), "{held}");
    assert_eq!(desk.status("2037-03-09 10:00:00", 3)["scheduled"][0]["held"], 1);
    desk.at("2037-03-09 10:30:00", &["purge", "--execute", "plan.json"]).ends(11);
    desk.at("2037-03-09 11:00:00", &["hold", "release", &placed]).ends(0);
    let released = desk.at("2037-03-09 11:00:00", &["status"]).ends(3).out;
    assert!(released.contains("2 records, may be destroyed now"), "{released}");
    let time = "2037-03-09 12:00:00";
    desk.at(time, &["purge", "--execute", "plan.json"]).ends(0);

    let some = desk.at(time, &["restore", "firm.sealed", "--all", "-o", "some"]).ends(3);
    assert_eq!(some.err.matches("record 1: its keys were destroyed").count(), 1, "{some:?}");
    assert!(!some.err.contains("record 1: record 1"), "{some:?}");
    hold(time, "1").fails(13, "record 1: its keys were destroyed");
    hold(time, "1-2").fails(13, "all 2 records: their keys were destroyed");
    assert_eq!(desk.at(time, &["hold", "list", "--json"]).ends(0).out, "");
    let partly = hold(time, "1-3").ends(0);
    assert!(partly.err.contains("too late for records 1-2"), "{partly:?}");
    let id = partly.json("hold")[0]["hold"].as_str().unwrap().to_owned();
    desk.at(time, &["hold", "release", &id]).ends(0);

    desk.at(time, &["purge", "--unattended"]).ends(0);
    let time = "2037-03-17 12:00:00";
    desk.at(time, &["purge", "--unattended"]).ends(0);
    desk.at(time, &["restore", "firm.sealed", "--all", "-o", "none"]).fails(13, "all 3 records");
    desk.home.nothing_in("none");
}

#[test]
fn what_cannot_be_meant_is_said_before_it_counts() {
    let desk = Desk::new();
    desk.home.small_firm();
    let made = ["create", "-o", "firm.sealed", "--rule", "cn-aml-identity", "clients"];
    desk.at(SEALED, &made).ends(0);
    // Nobody is asked for a date that would not be taken.
    desk.at(SEALED, &["clock", "confirm", "--typed"]).fails(16, "does not take a typed date");
    desk.at(SEALED, &["keyring", "set", "--typed-confirmation", "yes"]).ends(0);
    desk.at(SEALED, &["clock", "confirm", "--typed"]).fails(2, "no terminal");

    desk.at(SEALED, &["purge", "--execute", "people.txt"]).fails(10, "people.txt: ");
    desk.home.write("newer.json", "{\"format\":\"keepuntil-plan/v9\"}");
    desk.at(SEALED, &["purge", "--execute", "newer.json"]).fails(1, "newer.json: its format is \"keepuntil-plan/v9\"");

    let event = |name: &str, scope: &[&str]| {
        let ran = desk.at(SEALED, &[&["event", "record", name, "--date", "2026-11-20"], scope].concat()).ends(0);
        ran.err.contains("warning")
    };
    assert!(event("relationship-ended", &["firm.sealed"]));
    assert!(event("relationship-end", &["--compartment", "clients"]));
    assert!(event("relationship-end", &["--rule", "cn-aml-identities"]));
    assert!(!event("relationship-end", &["firm.sealed", "--record", "1"]));
    for records in ["9", "1-9"] {
        let scope = ["event", "record", "relationship-end", "firm.sealed", "--record", records];
        desk.at(SEALED, &[&scope[..], &["--date", "2026-11-20"]].concat()).fails(1, "holds no keys of record");
    }

    let jumped = desk.at("2037-03-01 10:00:00", &["status"]).ends(3);
    let line = jumped.err.lines().find(|line| line.contains("jumped to")).unwrap();
    assert!(line.contains("2037-03-01 02:00:0") && !line.contains('.'), "{line}");
    let behind = desk.at("2020-03-01 10:00:00", &["status"]).ends(3).out;
    assert!(behind.contains("the clock is behind 2026-11-22") && !behind.contains("confirmed today"), "{behind}");
}

#[test]
fn a_hold_beats_expiry_and_its_release_does_not() {
    let desk = Desk::new();
    desk.home.small_firm();
    desk.at(SEALED, &["create", "-o", "firm.sealed", "--until", "2026-12-31", "clients"]).ends(0);
    desk.at(SEALED, &["roster", "set", "people.txt"]).ends(0);
    let place = ["hold", "place", "firm.sealed", "--record", "1", "--matter", "Smith v. Jones", "--authority", "court"];
    let placed = desk.at(SEALED, &[&place[..], &["--json"]].concat()).ends(0);
    let hold = placed.json("hold")[0]["hold"].as_str().unwrap().to_owned();
    desk.travel("2027-02-01 09:00:00");
    desk.at("2027-02-01 10:00:00", &["purge", "--unattended"]).ends(0);
    desk.at("2027-02-09 10:00:00", &["purge", "--unattended"]).ends(0);
    // The held record still opens for its custodian, the others do not.
    desk.at("2027-02-09 11:00:00", &["restore", "firm.sealed", "--record", "1", "-o", "held"]).ends(0);
    desk.at("2027-02-09 11:00:00", &["restore", "firm.sealed", "--record", "2", "-o", "gone"]).fails(13, "record 2");
    let plan = ["purge", "--plan", "plan.json", "--archive", "firm.sealed", "--record", "1"];
    desk.at("2027-02-09 11:00:00", &plan).fails(1, "nothing");
    desk.at("2027-02-10 11:00:00", &["hold", "release", &hold[..8]]).ends(0);
    let list = desk.at("2027-02-10 11:00:00", &["hold", "list"]).ends(0);
    assert!(!list.out.contains("Smith"), "{list:?}");
    desk.at("2027-02-10 12:00:00", &["purge", "--unattended"]).ends(0);
    desk.at("2027-02-18 12:00:00", &["purge", "--unattended"]).ends(0);
    desk.at("2027-02-18 13:00:00", &["restore", "firm.sealed", "--record", "1", "-o", "gone"]).fails(13, "record 1");
}

#[test]
fn a_hold_in_the_cool_off_stops_the_purge_of_its_record() {
    let desk = Desk::new();
    desk.home.small_firm();
    desk.at(SEALED, &["create", "-o", "firm.sealed", "--until", "2026-12-31", "clients"]).ends(0);
    desk.at(SEALED, &["roster", "set", "people.txt"]).ends(0);
    desk.travel("2027-02-01 09:00:00");
    desk.at("2027-02-01 10:00:00", &["purge", "--unattended"]).ends(0);
    let place = ["hold", "place", "--everything", "--matter", "tax audit", "--authority", "tax office"];
    desk.at("2027-02-03 10:00:00", &place).ends(0);
    let stopped = desk.at("2027-02-09 10:00:00", &["purge", "--unattended"]).ends(3);
    assert!(stopped.err.contains("held by \"tax audit\""), "{stopped:?}");
    desk.at("2027-02-09 11:00:00", &["restore", "firm.sealed", "--all", "-o", "all"]).ends(0);
}

#[test]
fn a_reviewed_plan_needs_its_people_its_hash_and_the_state_it_was_made_from() {
    let desk = Desk::new();
    desk.home.small_firm();
    let create = ["create", "-o", "firm.sealed", "--until", "2026-12-31", "--at-expiry", "review", "clients"];
    desk.at(SEALED, &create).ends(0);
    desk.at(SEALED, &["roster", "set", "people.txt", "--plan-approvals", "2"]).ends(0);
    desk.travel("2027-02-01 09:00:00");
    let now = "2027-02-01 10:00:00";
    // What must be reviewed is not destroyed unattended.
    desk.at(now, &["purge", "--unattended"]).ends(0);
    assert_eq!(desk.status(now, 3)["records"]["scheduled"], 0);
    desk.at(now, &["purge", "--plan", "plan.json"]).ends(0);
    let by_lin = desk.sign("lin", "keepuntil-plan", "plan.json");
    let by_wang = desk.sign("wang", "keepuntil-plan", "plan.json");
    let execute = ["purge", "--execute", "plan.json", "--approval"];
    desk.at(now, &["purge", "--execute", "plan.json"]).ends(15);
    desk.at(now, &[&execute[..], &[&by_lin]].concat()).ends(15);
    desk.at(now, &[&execute[..], &[&by_lin, "--approval", &by_lin]].concat()).ends(15);
    let for_another_purpose = desk.sign("wang", "keepuntil-clock", "plan.json");
    desk.at(now, &[&execute[..], &[&by_lin, "--approval", &for_another_purpose]].concat()).ends(15);
    let by_wang = {
        let _ = by_wang;
        desk.sign("wang", "keepuntil-plan", "plan.json")
    };
    // An edited plan has other bytes than were signed.
    let plan = fs::read_to_string(desk.home.path("plan.json")).unwrap();
    desk.home.write("edited.json", plan.replacen("\"record\": 2", "\"record\": 3", 1));
    let both = ["--approval", by_lin.as_str(), "--approval", by_wang.as_str()];
    let edited = desk.at(now, &[&["purge", "--execute", "edited.json"], &both[..]].concat());
    assert!([10, 11, 15].contains(&edited.code.unwrap()), "{edited:?}");
    // Something about a record changed: the plan is stale.
    let signed = [&["purge", "--execute", "plan.json"], &both[..]].concat();
    desk.at(now, &["extend", "firm.sealed", "--record", "1", "--until", "2030-01-01"]).ends(0);
    desk.at(now, &signed).fails(11, "stale");
    desk.at(now, &["extend", "firm.sealed", "--record", "1", "--until", "2028-01-01"]).fails(11, "record 1");

    fs::remove_file(desk.home.path("plan.json")).unwrap();
    desk.at(now, &["purge", "--plan", "plan.json"]).ends(0);
    let by_lin = desk.sign("lin", "keepuntil-plan", "plan.json");
    let by_wang = desk.sign("wang", "keepuntil-plan", "plan.json");
    let signed = ["purge", "--execute", "plan.json", "--approval", &by_lin, "--approval", &by_wang];
    desk.at(now, &signed).ends(0);
    let scheduled = desk.status(now, 0);
    let purge = scheduled["scheduled"][0]["purge"].as_str().unwrap().to_owned();
    desk.at("2027-02-02 10:00:00", &["purge", "cancel", &purge[..6]]).ends(0);
    desk.at("2027-02-02 11:00:00", &signed).ends(0);
    let destroyed = desk.at("2027-02-10 10:00:00", &["purge", "--execute", "plan.json", "--json"]).ends(0);
    assert_eq!(destroyed.json("destroyed").len(), 1, "{destroyed:?}");
    desk.at("2027-02-10 11:00:00", &["restore", "firm.sealed", "--record", "1", "-o", "kept"]).ends(0);
    desk.at("2027-02-10 11:00:00", &["restore", "firm.sealed", "--record", "2", "-o", "gone"]).fails(13, "record 2");
}

#[test]
fn no_name_of_the_firm_is_in_keyring_or_journal() {
    let desk = Desk::new();
    desk.home.small_firm();
    desk.at(SEALED, &["create", "-o", "firm.sealed", "--until", "2026-12-31", "clients"]).ends(0);
    let place = ["hold", "place", "firm.sealed", "--record", "1", "--matter", "Smith v. Jones", "--authority", "court"];
    desk.at(SEALED, &place).ends(0);
    desk.at(SEALED, &["journal", "export", "-o", "journal"]).ends(0);
    let mut names: Vec<String> = vec!["Smith".into(), "court".into()];
    for path in support::files_below(&desk.home.path("clients")) {
        let relative = path.strip_prefix(desk.home.path("clients")).unwrap();
        names.extend(relative.components().map(|part| part.as_os_str().to_string_lossy().into_owned()));
    }
    let keyring = desk.home.keyring_dir();
    for folder in [desk.home.path("journal"), keyring] {
        for file in support::files_below(&folder) {
            if file.is_dir() {
                continue;
            }
            let content = fs::read(&file).unwrap();
            for name in &names {
                assert!(!contains(&content, name.as_bytes()), "{name} is in {}", file.display());
            }
        }
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    part.len() > 3 && bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn an_older_copy_of_the_catalogue_undoes_no_hold_and_no_purge() {
    let desk = Desk::new();
    desk.home.small_firm();
    desk.at(SEALED, &["create", "-o", "firm.sealed", "--until", "2026-12-31", "clients"]).ends(0);
    let catalogue = desk.home.keyring_dir().join("catalogue.sqlite");
    let copy = fs::read(&catalogue).unwrap();
    desk.at(SEALED, &["hold", "place", "--everything", "--matter", "audit", "--authority", "tax office"]).ends(0);
    fs::write(&catalogue, copy).unwrap();
    let refused = desk.at(SEALED, &["status"]).ends(10);
    assert!(refused.err.contains("older than its root"), "{refused:?}");
    assert!(!Path::new(&desk.home.path("gone")).exists());
}

#[test]
fn with_a_roster_nobody_alone_makes_dates_believed_or_cool_offs_shorter() {
    let desk = Desk::new();
    desk.home.small_firm();
    desk.at(SEALED, &["create", "-o", "firm.sealed", "--until", "2036-12-31", "clients"]).ends(0);
    desk.at(SEALED, &["keyring", "set", "--cool-off-days", "10"]).ends(0);
    desk.at(SEALED, &["roster", "set", "people.txt", "--plan-approvals", "1", "--plan-approvals", "r=2"]).ends(0);
    desk.at(SEALED, &["keyring", "set", "--cool-off-days", "12"]).ends(0);
    for change in [&["keyring", "set", "--cool-off-days", "11"][..], &["keyring", "set", "--typed-confirmation", "yes"]]
    {
        desk.at(SEALED, change).ends(15);
        let statement = desk.at(SEALED, &[change, &["--statement"]].concat()).ends(0).out;
        desk.home.write("change.txt", statement);
        let by_lin = desk.sign("lin", "keepuntil-settings", "change.txt");
        desk.at(SEALED, &[change, &["--approval", &by_lin]].concat()).ends(15);
        let by_wang = desk.sign("wang", "keepuntil-settings", "change.txt");
        let signed = [change, &["--approval", &by_lin, "--approval", &by_wang]].concat();
        desk.at(SEALED, &signed).ends(0);
    }
    desk.home.write("tsa.pem", "-----BEGIN CERTIFICATE-----");
    desk.at(SEALED, &["clock", "trust", "--authority", "tsa.pem"]).ends(15);
    // Adding somebody takes the largest of the numbers.
    let people = fs::read_to_string(desk.home.path("people.txt")).unwrap();
    desk.home.write("fewer.txt", people.lines().next().unwrap());
    desk.at(SEALED, &["roster", "set", "fewer.txt"]).ends(15);
}

#[test]
fn what_is_changed_after_a_plan_was_signed_stops_it() {
    let desk = Desk::new();
    desk.home.small_firm();
    let create = ["create", "-o", "firm.sealed", "--until", "2026-12-31", "--at-expiry", "review", "clients"];
    desk.at(SEALED, &create).ends(0);
    desk.at(SEALED, &["roster", "set", "people.txt"]).ends(0);
    desk.travel("2027-02-01 09:00:00");
    desk.at("2027-02-01 10:00:00", &["purge", "--plan", "plan.json"]).ends(0);
    let by_lin = desk.sign("lin", "keepuntil-plan", "plan.json");
    desk.at("2027-02-01 10:00:00", &["purge", "--execute", "plan.json", "--approval", &by_lin]).ends(0);
    desk.at("2027-02-02 10:00:00", &["extend", "firm.sealed", "--record", "1", "--until", "2026-12-01"]).ends(11);
    // Over again by the day of destruction, and yet another state than the one that was signed.
    desk.at("2027-02-02 10:00:00", &["extend", "firm.sealed", "--record", "1", "--until", "2027-01-05"]).ends(0);
    desk.at("2027-02-10 10:00:00", &["purge", "--execute", "plan.json"]).fails(11, "stale");
    desk.at("2027-02-10 10:00:00", &["restore", "firm.sealed", "--all", "-o", "all"]).ends(0);
}

#[test]
fn a_clock_set_back_finds_no_second_person_unneeded() {
    let desk = Desk::new();
    desk.home.small_firm();
    let rule = ["--rule", "cn-aml-identity"];
    desk.at(SEALED, &[&["create", "-o", "firm.sealed"], &rule[..], &["clients"]].concat()).ends(0);
    desk.at(SEALED, &["roster", "set", "people.txt"]).ends(0);
    desk.travel("2040-01-01 09:00:00");
    let event = ["event", "record", "relationship-end", "firm.sealed", "--date", "2029-12-01"];
    for time in ["2040-01-01 10:00:00", "2031-01-01 10:00:00"] {
        desk.at(time, &event).ends(15);
    }
    let statement = desk.at("2040-01-01 10:00:00", &[&event[..], &["--statement"]].concat()).ends(0).out;
    desk.home.write("event.txt", statement);
    let by_lin = desk.sign("lin", "keepuntil-event", "event.txt");
    desk.at("2040-01-01 10:00:00", &[&event[..], &["--approval", &by_lin]].concat()).ends(0);
    // Its period ran before the next archive is sealed: that one would be due at once.
    let everywhere = ["event", "record", "relationship-end", "--everything", "--date", "2020-01-01"];
    let statement = desk.at("2040-01-01 11:00:00", &[&everywhere[..], &["--statement"]].concat()).ends(0).out;
    desk.home.write("event.txt", statement);
    let by_lin = desk.sign("lin", "keepuntil-event", "event.txt");
    desk.at("2040-01-01 11:00:00", &[&everywhere[..], &["--approval", &by_lin]].concat()).ends(0);
    desk.at("2040-01-01 12:00:00", &[&["create", "-o", "late.sealed"], &rule[..], &["clients"]].concat()).ends(1);
}

#[test]
fn a_purge_is_never_wider_than_what_was_typed() {
    let desk = Desk::new();
    for options in [&["--unattended", "--archive", "a"][..], &["--execute", "p", "--archive", "a"]] {
        desk.home.run(&[&["purge"], options].concat()).ends(2);
    }
    desk.home.small_firm();
    desk.at(SEALED, &["create", "-o", "firm.sealed", "--until", "2036-12-31", "clients"]).ends(0);
    desk.at(SEALED, &["hold", "place", "--everything", "--matter", "audit", "--authority", "tax office"]).ends(0);
    desk.at(SEALED, &["hold", "release", ""]).ends(1);
}

#[test]
fn a_clock_set_back_makes_no_expired_key_valid() {
    let desk = Desk::new();
    desk.at(SEALED, &["keyring", "init"]).ends(0);
    let people = fs::read_to_string(desk.home.path("people.txt")).unwrap();
    let expiring: String = people
        .lines()
        .map(|line| match line.split_once(' ') {
            Some((name, key)) if name.starts_with("wang") => format!("{name} valid-before=\"20300101\" {key}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    desk.home.write("expiring.txt", expiring);
    desk.at(SEALED, &["roster", "set", "expiring.txt"]).ends(0);
    desk.travel("2031-01-01 09:00:00");
    let change = ["roster", "set", "people.txt"];
    let statement = desk.at("2031-01-01 10:00:00", &[&change[..], &["--statement"]].concat()).ends(0).out;
    desk.home.write("change.txt", statement);
    let by_wang = desk.sign("wang", "keepuntil-roster", "change.txt");
    for time in ["2031-01-01 11:00:00", "2029-01-01 11:00:00"] {
        desk.at(time, &[&change[..], &["--approval", &by_wang]].concat()).ends(15);
    }
    let by_lin = desk.sign("lin", "keepuntil-roster", "change.txt");
    desk.at("2031-01-01 12:00:00", &[&change[..], &["--approval", &by_lin]].concat()).ends(0);
}
