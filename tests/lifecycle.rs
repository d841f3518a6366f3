//! Records from sealing to destruction, on the command line, with the clock moved through the years.
//!
//! Needs Debian's `faketime` and `ssh-keygen`.

mod desk;
mod support;

use desk::{Desk, SEALED};
use keepuntil::archive::layout;
use keepuntil::crypto::sign::VerifierKey;
use keepuntil::keyring::{Keyring, Update};
use keepuntil::ops::custody::REGISTER;
use keepuntil::retention::register::Register;
use keepuntil::tlog::note::Note;
use std::fs;
use std::path::Path;
use std::process::Command;
use support::Ran;

#[test]
fn a_second_event_says_which_day_counts() {
    let desk = Desk::new();
    desk.home.small_firm();
    let sealed = ["create", "-o", "firm.sealed", "--retain", "P10Y", "--start", "event:relationship-end", "clients"];
    desk.at(SEALED, &sealed).ends(0);
    let count = desk.home.run(&["inspect", "firm.sealed", "--json"]).ends(0).json("archive")[0]["record_count"].clone();
    let record = |date: &str, more: &[&str]| {
        let event = ["event", "record", "relationship-end", "firm.sealed", "--date", date];
        desk.at(SEALED, &[&event[..], more].concat()).ends(0)
    };
    let zero = serde_json::json!(0);
    let effect = |ran: &Ran| {
        let event = ran.json("event").remove(0);
        (
            event["changed_count"].clone(),
            event["unchanged_count"].clone(),
            event["later_events"].clone(),
            event["event"].clone(),
        )
    };
    let (changed, unchanged, later, first) = effect(&record("2026-11-10", &["--json"]));
    assert_eq!((&changed, &unchanged, &later), (&count, &zero, &serde_json::json!([])));
    // Another day before it counts for nothing, and is told.
    let (changed, unchanged, later, _) = effect(&record("2026-11-05", &["--json"]));
    let counts = serde_json::json!([{ "event": first, "date": "2026-11-10", "record_count": count }]);
    assert_eq!((&changed, &unchanged, &later), (&zero, &count, &counts));
    let ran = record("2026-11-06", &[]);
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let id = first.as_str().unwrap();
    assert!(flat(&ran.err).contains("2026-11-10 goes on to count"), "{ran:#?}");
    assert!(flat(&ran.err).contains(&format!("--corrects {}", &id[..12])), "{ran:#?}");
    assert!(flat(&ran.out).contains(&format!("day stays {count} record")), "{ran:#?}");
    // What the hint says does what it says.
    let (changed, unchanged, later, _) = effect(&record("2026-11-12", &["--corrects", &id[..12], "--json"]));
    assert_eq!((&changed, &unchanged, &later), (&count, &zero, &serde_json::json!([])));
    let listed = desk.home.run(&["event", "list", "--json"]).ends(0).json("event");
    assert!(listed.iter().all(|event| event["changed_count"].is_null() && event["later_events"].is_null()));
}

#[test]
fn a_plain_date_runs_out_and_the_unattended_purge_destroys_for_ever() {
    let desk = Desk::new();
    desk.home.small_firm();
    desk.at(SEALED, &["create", "-o", "firm.sealed", "--until", "2036-12-31", "clients"]).ends(0);
    desk.at(SEALED, &["roster", "set", "people.txt"]).ends(0);
    let before = desk.status(SEALED, 0);
    let records = before["states"]["kept"].as_u64().unwrap();
    assert!(records > 1);
    desk.at(SEALED, &["purge", "--unattended"]).ends(0);

    // The day has come by this clock alone: it jumped, and nothing happens.
    let jumped = desk.at("2037-03-01 10:00:00", &["purge", "--unattended"]).ends(16);
    assert!(jumped.err.contains("jumped"), "{jumped:?}");
    assert_eq!(desk.status("2037-03-01 10:00:00", 3)["states"]["kept"], 0);
    desk.at("2037-03-01 10:00:00", &["restore", "firm.sealed", "--record", "1", "-o", "still"]).ends(0);
    // Set right again, it goes on.
    desk.at("2026-11-23 10:00:00", &["status"]).ends(0);

    // Somebody else says that it is 2037.
    desk.travel("2037-03-01 11:00:00");
    let due = desk.status("2037-03-01 11:10:00", 3);
    assert_eq!((due["states"]["due"].as_u64(), due["overdue_count"].as_u64()), (Some(records), Some(records)));
    let scheduled = desk.at("2037-03-01 12:00:00", &["purge", "--unattended", "--json"]).ends(0);
    assert_eq!(scheduled.json("scheduled")[0]["record_count"], records);
    desk.at("2037-03-04 12:00:00", &["purge", "--unattended"]).ends(0);
    desk.at("2037-03-04 12:30:00", &["restore", "firm.sealed", "--record", "1", "-o", "again"]).ends(0);
    fs::copy(desk.home.path("firm.sealed"), desk.home.path("copy.sealed")).unwrap();
    let done = desk.at("2037-03-09 12:00:00", &["purge", "--unattended", "--json"]).ends(0);
    assert_eq!(done.json("destroyed")[0]["record_count"], records);
    let certificate = done.json("destroyed")[0]["certificate"].as_str().unwrap().to_owned();

    for copy in ["firm.sealed", "copy.sealed"] {
        desk.at("2037-03-09 13:00:00", &["restore", copy, "--record", "1", "-o", "gone"]).fails(13, "record 1");
    }
    let after = desk.status("2037-03-09 13:00:00", 0);
    assert_eq!((after["states"]["destroyed"].as_u64(), after["states"]["live"].as_u64()), (Some(records), Some(0)));
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
    assert_eq!(desk.status("2037-03-09 10:00:00", 3)["scheduled_purges"][0]["held_count"], 1);
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
    assert_eq!(desk.at(time, &["hold", "list", "--json"]).ends(0).json("hold").len(), 0);
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
    assert_eq!(desk.status(now, 3)["states"]["scheduled"], 0);
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
    let purge = scheduled["scheduled_purges"][0]["purge"].as_str().unwrap().to_owned();
    desk.at("2027-02-02 10:00:00", &["purge", "cancel", &purge[..6]]).ends(0);
    // Whoever cancels withdraws what was signed, for all.
    desk.at("2027-02-02 11:00:00", &signed).fails(11, "the plan was cancelled on 2027-02-02");
    desk.at("2027-02-02 11:00:00", &["purge", "--unattended"]).ends(0);
    assert_eq!(desk.status("2027-02-02 11:00:00", 3)["states"]["scheduled"], 0);
    fs::remove_file(desk.home.path("plan.json")).unwrap();
    desk.at("2027-02-02 12:00:00", &["purge", "--plan", "plan.json"]).ends(0);
    desk.at("2027-02-02 12:00:00", &signed).fails(15, "not over this text");
    let by_lin = desk.sign("lin", "keepuntil-plan", "plan.json");
    let by_wang = desk.sign("wang", "keepuntil-plan", "plan.json");
    let signed = ["purge", "--execute", "plan.json", "--approval", &by_lin, "--approval", &by_wang];
    desk.at("2027-02-02 12:00:00", &signed).ends(0);
    let destroyed = desk.at("2027-02-10 10:00:00", &["purge", "--execute", "plan.json", "--json"]).ends(0);
    assert_eq!(destroyed.json("destroyed").len(), 1, "{destroyed:?}");
    desk.at("2027-02-10 10:00:00", &signed).fails(11, "the plan was carried out on 2027-02-10");
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

/// The journal's entry of a kind as it stands, the last of them, with its time.
fn last_entry(desk: &Desk, kind: &str) -> serde_json::Value {
    let shown = desk.home.run(&["journal", "show", "--json"]).ends(0);
    shown.json("entry").into_iter().rfind(|entry| entry["kind"] == kind).unwrap()["leaf"].clone()
}

/// What is signed under a hold, put together from the journal alone.
fn hold_statement(leaf: &serde_json::Value) -> String {
    let hold = &leaf["entry"]["hold"];
    let (from, id, placed) = (&hold["from"], &hold["hold"], &leaf["time"]);
    let (scope, text) = (&hold["scope"], &hold["text"]);
    format!(
        "keepuntil-hold/v1\n{{\"from\":{from},\"hold\":{id},\"placed\":{placed},\"scope\":{scope},\"text\":{text}}}\n"
    )
}

#[test]
fn both_kinds_of_signature_under_a_hold_are_checked_with_the_journal_alone() {
    let desk = Desk::new();
    desk.home.small_firm();
    desk.at(SEALED, &["create", "-o", "firm.sealed", "--until", "2026-12-31", "clients"]).ends(0);
    let place = ["hold", "place", "--everything", "--matter", "audit", "--authority", "tax office", "--json"];
    let signature = |ran: Ran| ran.json("hold")[0]["signature_text"].as_str().unwrap().to_owned();

    // By the keyring: one line of signed-note, by the first of its two keys.
    let by_keyring = signature(desk.at(SEALED, &place).ends(0));
    let statement = hold_statement(&last_entry(&desk, "hold"));
    let vkeys = desk.home.run(&["keyring", "info", "--vkeys"]).ends(0).out;
    let keys: Vec<VerifierKey> = vkeys.lines().map(|key| key.parse().unwrap()).collect();
    let note = format!("{statement}\n{by_keyring}");
    let note = Note::parse(note.as_bytes()).unwrap();
    let [line] = &note.signatures[..] else { panic!("{by_keyring}") };
    assert_eq!((note.text, line.name, line.id), (&statement[..], &keys[0].name[..], keys[0].id()));
    assert!(keys[0].verifies(statement.as_bytes(), &line.signature));
    assert!(!keys[1].verifies(statement.as_bytes(), &line.signature));
    for at in 0..line.signature.len() {
        let mut flipped = line.signature.clone();
        flipped[at] ^= 1;
        assert!(!keys[0].verifies(statement.as_bytes(), &flipped), "{at}");
    }
    assert!(
        !keys[0].verifies(statement.replace("\"scope\":{}", "\"scope\":{\"rule\":\"r\"}").as_bytes(), &line.signature)
    );

    // By a person: what stock OpenSSH verifies, for this purpose and this text.
    let by_lin = signature(desk.at(SEALED, &[&place[..], &["--sign-with", "lin"]].concat()).ends(0));
    let statement = hold_statement(&last_entry(&desk, "hold"));
    let counts = |namespace: &str, text: &str, signature: &str| {
        desk.home.write("hold.sig", signature);
        desk.home.write("hold.txt", text);
        let mut verify = Command::new("ssh-keygen");
        verify.args(["-Y", "verify", "-I", "lin@lantern.example", "-n", namespace, "-f"]);
        verify.arg(desk.home.path("people.txt")).arg("-s").arg(desk.home.path("hold.sig"));
        verify.stdin(fs::File::open(desk.home.path("hold.txt")).unwrap());
        verify.output().unwrap().status.success()
    };
    assert!(counts("keepuntil-hold", &statement, &by_lin));
    assert!(!counts("keepuntil-plan", &statement, &by_lin));
    assert!(!counts("keepuntil-hold", &statement.replacen("2026", "2027", 1), &by_lin));
    assert!(!counts("keepuntil-hold", &statement, ""));
    let mut flipped = by_lin.clone().into_bytes();
    let middle = by_lin.lines().nth(3).unwrap();
    let at = by_lin.find(middle).unwrap();
    flipped[at] = if flipped[at] == b'A' { b'B' } else { b'A' };
    assert!(!counts("keepuntil-hold", &statement, std::str::from_utf8(&flipped).unwrap()));
}

#[test]
fn a_hold_whose_signature_was_lost_or_is_false_still_holds() {
    let desk = Desk::new();
    desk.home.small_firm();
    desk.at(SEALED, &["create", "-o", "firm.sealed", "--until", "2026-12-31", "clients"]).ends(0);
    desk.at(SEALED, &["roster", "set", "people.txt"]).ends(0);
    let place = ["hold", "place", "--everything", "--matter", "audit", "--authority", "tax office"];
    desk.at(SEALED, &place).ends(0);
    desk.travel("2027-02-01 09:00:00");
    let register = |keyring: &Keyring| Register::from_bytes(&keyring.document(REGISTER).unwrap().unwrap()).unwrap();
    let signed = register(&desk.home.open_keyring()).holds[0].signature.clone().unwrap();
    for signature in [None, Some(signed.replacen(' ', "  ", 1)), Some(signed[..signed.len() - 9].to_owned())] {
        let mut keyring = desk.home.open_keyring();
        let mut edited = register(&keyring);
        edited.holds[0].signature = signature;
        let documents = vec![(REGISTER.to_owned(), edited.to_bytes())];
        keyring.advance(Update { documents, ..Update::default() }).unwrap();
        drop(keyring);
        let day = "2027-02-02 10:00:00";
        desk.at(day, &["purge", "--plan", "plan.json"]).fails(1, "nothing");
        assert!(desk.at(day, &["purge", "--unattended"]).ends(0).out.contains("nothing to destroy"));
        assert_eq!(desk.at(day, &["hold", "list", "--json"]).ends(0).json("hold").len(), 1);
    }
}

#[test]
fn an_unattended_purge_leaves_out_what_is_held_and_a_signed_plan_stops_as_a_whole() {
    for planned in [false, true] {
        let desk = Desk::new();
        desk.home.small_firm();
        let review: &[&str] = if planned { &["--at-expiry", "review"] } else { &[] };
        let create = ["create", "-o", "firm.sealed", "--until", "2026-12-31"];
        desk.at(SEALED, &[&create[..], review, &["clients"]].concat()).ends(0);
        desk.at(SEALED, &["roster", "set", "people.txt"]).ends(0);
        desk.travel("2027-02-01 09:00:00");
        let begun = "2027-02-01 10:00:00";
        if planned {
            desk.at(begun, &["purge", "--plan", "plan.json"]).ends(0);
            let by_lin = desk.sign("lin", "keepuntil-plan", "plan.json");
            desk.at(begun, &["purge", "--execute", "plan.json", "--approval", &by_lin]).ends(0);
        } else {
            desk.at(begun, &["purge", "--unattended"]).ends(0);
        }
        let hold = ["hold", "place", "firm.sealed", "--record", "2", "--matter", "audit", "--authority", "tax office"];
        let hold = desk.at("2027-02-03 10:00:00", &[&hold[..], &["--json"]].concat()).ends(0);
        let hold = hold.json("hold")[0]["hold"].as_str().unwrap().to_owned();

        let over = "2027-02-09 10:00:00";
        let opens = |record: &str, to: &str, code: i32| {
            desk.at(over, &["restore", "firm.sealed", "--record", record, "-o", to]).ends(code);
        };
        let run = desk.at(over, &["purge", "--unattended", "--json"]).ends(3);
        assert!(run.err.contains("record 2 of archive ") && run.err.contains("held by \"audit\""), "{run:?}");
        assert_eq!(run.err.matches("held by").count(), 1, "{run:?}");
        let status = desk.status(over, if planned { 3 } else { 0 });
        let destroyed = status["states"]["destroyed"].as_u64().unwrap();
        if planned {
            desk.at(over, &["purge", "--execute", "plan.json"]).fails(11, "held by \"audit\"");
            // Again, and each time the same: it waits.
            desk.at(over, &["purge", "--unattended"]).ends(3);
            assert_eq!((run.json("destroyed").len(), destroyed), (0, 0), "{run:?}");
            assert_eq!(desk.status(over, 3)["scheduled_purges"].as_array().unwrap().len(), 1);
            opens("1", "one", 0);
            opens("2", "two", 0);
            opens("3", "three", 0);
        } else {
            assert_eq!((&run.json("destroyed")[0]["record_count"], destroyed), (&2.into(), 2), "{run:?}");
            assert_eq!(status["scheduled_purges"].as_array().unwrap().len(), 0, "{status}");
            opens("1", "one", 13);
            opens("2", "two", 0);
            opens("3", "three", 13);
        }

        desk.at(over, &["hold", "release", &hold]).ends(0);
        // The plan is the one that was signed; what was held back without a plan has to be scheduled anew.
        let after = desk.at(over, &["purge", "--unattended", "--json"]).ends(0);
        let (done, begun) = (after.json("destroyed").len(), after.json("scheduled").len());
        assert_eq!((done, begun), if planned { (1, 0) } else { (0, 1) }, "{after:?}");
    }
}

#[test]
fn ciphertext_is_removed_only_where_the_members_are_those_of_the_leaf() {
    let desk = Desk::new();
    desk.home.small_firm();
    desk.at(SEALED, &["create", "-o", "firm.sealed", "--until", "2026-12-31", "clients"]).ends(0);
    desk.at(SEALED, &["roster", "set", "people.txt"]).ends(0);
    desk.travel("2027-02-01 09:00:00");
    desk.at("2027-02-01 10:00:00", &["purge", "--unattended"]).ends(0);
    desk.at("2027-02-09 10:00:00", &["purge", "--unattended"]).ends(0);
    let whole = fs::read(desk.home.path("firm.sealed")).unwrap();
    let members = support::members(&whole);
    let of_record = |n: u64| members.iter().find(|(_, name, _)| *name == layout::record_member(n, 0)).unwrap().clone();
    let (at, _, size) = of_record(2);
    let content = at + 512..at + 512 + size;
    type Edit = fn(&mut [u8]);
    let edits: [(&str, Edit); 5] = [
        ("another record's name", |header| {
            header[..layout::record_member(3, 0).len()].copy_from_slice(layout::record_member(3, 0).as_bytes())
        }),
        ("another segment", |header| {
            header[..layout::record_member(2, 1).len()].copy_from_slice(layout::record_member(2, 1).as_bytes())
        }),
        ("a smaller size", |header| header[134] ^= 1),
        ("another time", |header| header[146] ^= 1),
        ("a byte behind", |header| header[511] ^= 1),
    ];
    for (what, edit) in edits {
        let mut archive = whole.clone();
        edit(&mut archive[at..at + 512]);
        support::fix_checksum(&mut archive[at..at + 512]);
        desk.home.write("edited.sealed", &archive);
        let refused = desk.at("2027-02-09 11:00:00", &["purge", "--reclaim", "edited.sealed"]);
        let refused = refused.fails(10, "record 2: the tar header of its segment 0");
        assert!(refused.err.contains("nothing of it is removed"), "{what}: {refused:?}");
        let left = fs::read(desk.home.path("edited.sealed")).unwrap();
        assert_eq!(left[content.clone()], whole[content.clone()], "{what}");
        assert_eq!(left[at..at + 512], archive[at..at + 512], "{what}");
    }
    // Of an honest copy the content goes and nothing else.
    desk.at("2027-02-09 12:00:00", &["purge", "--reclaim", "firm.sealed"]).ends(0);
    let mut expected = whole;
    for n in 1..=3 {
        let (at, _, size) = of_record(n);
        expected[at + 512..at + 512 + size].fill(0);
    }
    assert!(fs::read(desk.home.path("firm.sealed")).unwrap() == expected);
}

#[test]
fn destroyed_records_are_neither_damaged_nor_known_by_a_name() {
    let desk = Desk::new();
    desk.home.small_firm();
    desk.at(SEALED, &["create", "-o", "firm.sealed", "--until", "2026-12-31", "clients"]).ends(0);
    desk.at(SEALED, &["roster", "set", "people.txt"]).ends(0);
    let never = |time: &str| desk.at(time, &["restore", "firm.sealed", "--match", "nobody*", "-o", "out", "--json"]);
    never(SEALED).fails(1, "no record is named \"nobody*\"");
    desk.at(SEALED, &["hold", "place", "firm.sealed", "--record", "3", "--matter", "m", "--authority", "court"])
        .ends(0);
    desk.travel("2027-02-01 09:00:00");
    desk.at("2027-02-01 10:00:00", &["purge", "--unattended"]).ends(0);
    desk.at("2027-02-09 10:00:00", &["purge", "--unattended"]);
    let time = "2027-02-09 11:00:00";
    // What was destroyed may have been called so or not; nobody can say that it is what was asked for.
    let ran = never(time).fails(1, "no live record is named \"nobody*\"; 2 records are destroyed");
    assert_eq!(ran.json("error")[0]["exit_code"], 1, "{ran:?}");
    assert!(!desk.home.path("out").exists());
    desk.at(time, &["restore", "firm.sealed", "--record", "1", "-o", "out"]).ends(13);

    desk.at(time, &["purge", "--reclaim", "firm.sealed"]).ends(0);
    let removed = fs::read(desk.home.path("firm.sealed")).unwrap();
    let members = support::members(&removed);
    let at = members.iter().find(|(_, name, _)| *name == layout::record_member(3, 0)).unwrap().0;
    let mut damaged = removed.clone();
    damaged[at + 512 + 300] ^= 1;
    // Who knows nothing of the keyring is told what zeros may be, where there is nothing else.
    let elsewhere = support::Home::new();
    elsewhere.write("firm.sealed", &removed);
    elsewhere.write("damaged.sealed", &damaged);
    let told = |name: &str| {
        let ran = elsewhere.run(&["verify", name]).ends(10);
        ran.err.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let zeros = "nothing is wrong but that 2 records are all zeros";
    let err = told("firm.sealed");
    assert!(err.contains(zeros) && err.contains("--certificate FILE") && !err.contains("another copy"), "{err}");
    let err = told("damaged.sealed");
    assert!(!err.contains(zeros) && err.contains("--certificate FILE") && err.contains("another copy"), "{err}");
    desk.home.write("damaged.sealed", damaged);
    let ran = desk.at(time, &["verify", "damaged.sealed"]).ends(10);
    let said = "0 records whole of the 1 whose content was not removed by right (2 were)";
    assert!(ran.err.contains(said), "{ran:?}");
    let ran = desk.at(time, &["verify", "damaged.sealed", "--json"]).ends(10);
    let verified = &ran.json("verified")[0];
    assert_eq!((&verified["whole_count"], &verified["removed_count"]), (&0.into(), &2.into()));
    // Without its seal: the trailer is cut off.
    let mut cut = removed;
    cut.truncate(cut.len() - 2048);
    desk.home.write("cut.sealed", cut);
    let ran = desk.at(time, &["verify", "cut.sealed", "--json"]).ends(10);
    let salvage = &ran.json("salvage")[0];
    assert_eq!((&salvage["whole_count"], &salvage["removed_count"]), (&1.into(), &2.into()), "{ran:?}");
    assert!(ran.json("damage").iter().all(|damage| damage["record"].is_null()), "{ran:?}");
    let ran = desk.at(time, &["verify", "cut.sealed"]).ends(10);
    assert!(ran.out.contains("the content of 2 destroyed records was removed, by right"), "{ran:?}");
}

#[test]
fn a_statement_for_an_older_state_of_the_keyring_counts_no_more() {
    let desk = Desk::new();
    desk.home.small_firm();
    desk.home.write("tsa.pem", "-----BEGIN CERTIFICATE-----");
    desk.at(SEALED, &["create", "-o", "firm.sealed", "--rule", "cn-aml-identity", "clients"]).ends(0);
    desk.at(SEALED, &["keyring", "set", "--cool-off-days", "9"]).ends(0);
    desk.at(SEALED, &["roster", "set", "people.txt"]).ends(0);
    desk.travel("2040-01-01 09:00:00");
    let people = fs::read_to_string(desk.home.path("people.txt")).unwrap();
    desk.home.write("fewer.txt", people.lines().next().unwrap().to_owned() + "\n");
    let day = "2040-01-01 10:00:00";
    let begin_a_generation = || {
        desk.at(day, &["hold", "place", "--everything", "--matter", "audit", "--authority", "court"]).ends(0);
    };
    let changes: [(&str, &[&str]); 4] = [
        ("keepuntil-settings", &["keyring", "set", "--cool-off-days", "8"]),
        ("keepuntil-settings", &["clock", "trust", "--authority", "tsa.pem"]),
        ("keepuntil-event", &["event", "record", "relationship-end", "firm.sealed", "--date", "2029-12-01"]),
        ("keepuntil-roster", &["roster", "set", "fewer.txt"]),
    ];
    for (namespace, change) in changes {
        let sign = || {
            desk.home.write("change.txt", desk.at(day, &[change, &["--statement"]].concat()).ends(0).out);
            desk.sign("lin", namespace, "change.txt")
        };
        let older = sign();
        // Anything else that begins a generation.
        begin_a_generation();
        let before = desk.home.open_keyring().generation();
        let refused = desk.at(day, &[change, &["--approval", &older]].concat());
        let refused = refused.fails(15, "signature: it is not over this text by lin@lantern.example");
        assert_eq!(desk.home.open_keyring().generation(), before, "{refused:?}");
        let now = sign();
        desk.at(day, &[change, &["--approval", &now]].concat()).ends(0);
        // What counted once does not count again, where it would still change something.
        if namespace == "keepuntil-event" {
            desk.at(day, &[change, &["--approval", &now]].concat()).fails(15, "not over this text");
        }
    }
    // A statement of the date is for the journal as it stood: its clock is not trusted.
    desk.home.write("now.txt", desk.at(day, &["clock", "statement"]).ends(0).out);
    let by_lin = desk.sign("lin", "keepuntil-clock", "now.txt");
    begin_a_generation();
    let confirm = ["clock", "confirm", "--statement", "now.txt", "--signature", &by_lin];
    desk.at(day, &confirm).fails(16, "the statement is not about the journal of this keyring as it stands");
}

#[test]
fn a_clock_before_1970_or_after_2100_changes_nothing_but_what_it_says() {
    let desk = Desk::new();
    desk.home.small_firm();
    desk.at(SEALED, &["create", "-o", "firm.sealed", "--until", "2036-12-31", "clients"]).ends(0);
    for time in ["1969-12-31 10:00:00", "1901-12-14 10:00:00", "2150-01-01 10:00:00"] {
        desk.at(time, &["purge", "--unattended"]).ends(16);
        desk.at(time, &["restore", "firm.sealed", "--record", "1", "-o", time]).ends(0);
        desk.at(time, &["status"]).ends(3);
    }
    assert_eq!(desk.status(SEALED, 0)["states"]["kept"], 3);
}

/// Sixteen terms are what a record has room for, and not how often it can be extended (D-12).
#[test]
fn an_extension_is_not_refused_for_want_of_room() {
    let desk = Desk::new();
    desk.home.small_firm();
    desk.at(SEALED, &["create", "-o", "firm.sealed", "--until", "2031-01-01", "clients"]).ends(0);
    for year in 2032..2052 {
        desk.at(SEALED, &["extend", "firm.sealed", "--record", "1", "--until", &format!("{year}-01-01")]).ends(0);
    }
    let due = desk.at(SEALED, &["due", "--within", "P40Y", "--json"]).ends(0).json("due");
    assert_eq!(due.iter().find(|due| due["record"] == 1).unwrap()["until"], "2051-01-01");
}
