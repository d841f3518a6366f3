//! Notices of destruction against the date that they told: what moves it later voids them, and everything that looks says so.
//!
//! Needs Debian's `faketime` and `ssh-keygen`.

mod desk;
mod support;

use desk::{Desk, SEALED};
use keepuntil::disclosure::notices::DOCUMENT;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use unicode_width::UnicodeWidthStr;

/// Two folders under a rule with dates, and one under a rule that waits for an event.
const POLICY: &str = r#"
[[compartment]]
name = "clients"
class = "sensitive"
[[rule]]
id = "own-files"
title = "Client files"
period = "P10Y"
base = "record-date"
counting = "day"
notify = "P30D"
[[rule]]
id = "own-contracts"
title = "Contracts"
period = "P1Y"
base = "event:contract-end"
counting = "day"
notify = "P30D"
[[records]]
path = "files/{name}/**"
record = "{name}"
dated = "2020-12-31"
rule = "own-files"
compartment = "clients"
[[records]]
path = "contract/**"
record = "contract"
rule = "own-contracts"
compartment = "clients"
"#;

const LETTER: &str = "keepuntil-notice/v1 destruction en\nRecords {records}: {kept-until}\n";

/// An archive of the folders; the numbers of the named records.
fn sealed<const N: usize>(names: [&str; N]) -> (Desk, [String; N]) {
    let desk = Desk::new();
    for name in names {
        let path = if name == "contract" { "contract".to_owned() } else { format!("files/{name}") };
        desk.home.write(&format!("firm/{path}/file.txt"), name);
    }
    desk.home.write("policy.toml", POLICY);
    desk.home.write("letter.txt", LETTER);
    desk.at(SEALED, &["create", "-o", "firm.sealed", "--policy", "policy.toml", "firm"]).ends(0);
    desk.at(SEALED, &["roster", "set", "people.txt"]).ends(0);
    let shown = desk.at(SEALED, &["inspect", "firm.sealed", "--json"]).ends(0).json("record");
    let number = |name: &str| {
        let is_it = |record: &&serde_json::Value| record["label"]["name"] == name;
        shown.iter().find(is_it).unwrap()["record"].to_string()
    };
    (desk, names.map(number))
}

/// Makes one letter about the records and notes that it was published; what noting said.
fn tell(desk: &Desk, time: &str, records: &str, into: &str) -> support::Ran {
    announce(desk, time, records, into).ends(0);
    sent(desk, time, &format!("{into}/mailing.json"), "publication")
}

fn announce(desk: &Desk, time: &str, records: &str, into: &str) -> support::Ran {
    let merge = ["notice", "merge", "letter.txt", "--archive", "firm.sealed", "--everybody", records, "-o", into];
    desk.at(time, &[&merge[..], &["--json"]].concat())
}

fn sent(desk: &Desk, time: &str, mailing: &str, by: &str) -> support::Ran {
    desk.at(time, &["notice", "sent", mailing, "--on", &time[..10], "--by", by, "--json"]).ends(0)
}

fn extend(desk: &Desk, time: &str, record: &str, until: &str) {
    desk.at(time, &["extend", "firm.sealed", "--record", record, "--until", until]).ends(0);
}

#[test]
fn a_date_that_moves_later_leaves_its_notice_behind_up_to_the_last_gate() {
    let (desk, [smith, wang]) = sealed(["smith", "wang"]);
    let both = "1-2";
    desk.travel("2031-03-01 09:00:00");
    let time = "2031-03-01 10:00:00";
    let noted = tell(&desk, time, both, "first");
    assert_eq!(noted.json("notice")[0]["void_count"], 0);
    extend(&desk, time, &wang, "2031-03-20");

    // The period of the notice is over for both, and only one of them was told its last day.
    desk.travel("2031-04-02 09:00:00");
    let time = "2031-04-02 10:00:00";
    let dry = desk.at(time, &["purge", "--dry-run"]).ends(0);
    assert!(
        dry.out.contains("1 record left alone: notice of destruction void: it told another last day, or none"),
        "{dry:?}"
    );
    assert!(dry.out.contains("1 record would be destroyed") && dry.err.contains("keepuntil notice sent"), "{dry:?}");
    let of = desk.status(time, 3)["notices"].clone();
    let counts =
        [&of["unnotified"]["unsent_count"], &of["unnotified"]["void_count"], &of["unnotified"]["running_count"]];
    assert_eq!(counts, [&0, &1, &0].map(|n| serde_json::json!(n)).each_ref(), "{of}");
    let text = desk.at(time, &["status"]).ends(3).out;
    assert!(text.contains("1 due record stays: notice of destruction void, it told another"), "{text}");
    let alone = desk.at(time, &["purge", "--unattended", "--json"]).ends(0);
    assert_eq!(alone.json("scheduled")[0]["record_count"], 1);
    assert_eq!(
        (&alone.json("unnotified")[0]["void_count"], &alone.json("unnotified")[0]["unsent_count"]),
        (&1.into(), &0.into())
    );
    assert!(alone.err.contains("1 due record stays: notice of destruction void"), "{alone:?}");

    // Within the cool-off the other one is extended, to a day that comes before its end.
    extend(&desk, time, &smith, "2031-04-05");
    desk.travel("2031-04-14 09:00:00");
    // Until then it is neither overdue nor ready.
    let status = desk.status("2031-04-14 09:30:00", 3);
    let purge = &status["scheduled_purges"][0];
    assert_eq!((&purge["ready"], &purge["unnotified_count"]), (&true.into(), &1.into()), "{status}");
    assert_eq!(status["overdue_count"], 0, "{status}");
    let text = desk.at("2031-04-14 09:30:00", &["status"]).ends(3).out;
    assert!(text.contains("1 without a notice of destruction that counts, cannot be destroyed now"), "{text}");
    let stopped = desk.at("2031-04-14 10:00:00", &["purge", "--unattended", "--json"]).ends(3);
    let why = "notice of destruction void, which own-files asks for: the one sent on 2031-03-01 told 2030-12-31, and the last day \
        is now 2031-04-05";
    assert!(stopped.err.contains(&format!("record {smith} of archive")) && stopped.err.contains(why), "{stopped:?}");
    assert!(stopped.json("destroyed").is_empty(), "{stopped:?}");

    // Told anew, and the period has run anew: both go.
    tell(&desk, "2031-04-14 11:00:00", both, "second");
    let runs = desk.at("2031-04-14 12:00:00", &["purge", "--dry-run"]).ends(0).out;
    assert!(runs.contains("2 records: notice of destruction sent, its period runs until 2031-05-14"), "{runs}");
    desk.travel("2031-05-16 09:00:00");
    desk.at("2031-05-16 10:00:00", &["purge", "--unattended"]).ends(0);
    let done = desk.at("2031-05-24 10:00:00", &["purge", "--unattended", "--json"]).ends(0);
    assert_eq!(done.json("destroyed")[0]["record_count"], 2, "{done:?}");
}

#[test]
fn an_event_that_is_corrected_voids_a_notice_and_a_mailing_cannot_tell_more() {
    let (desk, [contract]) = sealed(["contract"]);
    let time = "2027-01-10 10:00:00";
    desk.travel("2027-01-10 09:00:00");
    let early = announce(&desk, time, &contract, "early").ends(0);
    assert_eq!(early.json("letters")[0]["undated_count"], 1);
    assert!(early.err.contains("1 record waits for an event: this notice does not count for it"), "{early:?}");
    assert!(!early.err.contains("name people"), "an announcement names nobody: {early:?}");
    desk.home.write("words.txt", "keepuntil-notice/v1 closing zh\n{retention}\n");
    let words = ["--archive", "firm.sealed", "--everybody", &contract, "-o", "words"];
    desk.at(time, &[&["notice", "merge", "words.txt"], &words[..]].concat()).ends(0);
    let letter = fs::read_to_string(desk.home.path("words/0001.txt")).unwrap();
    assert!(letter.contains("自“合同终止”之次日起保管 1 年；该事件尚未登记"), "{letter}");
    sent(&desk, time, "early/mailing.json", "post");
    // Nor is a file believed that names a day of a record that has none.
    let told = format!(
        "  \"told\": [\n    {{\n      \"until\": \"9999-12-31\",\n      \"records\": \"{contract}\"\n    }}\n  ],\n  \"salt\""
    );
    let mailing = fs::read_to_string(desk.home.path("early/mailing.json")).unwrap();
    desk.home.write("dreamt.json", mailing.replacen("  \"salt\"", &told, 1));
    assert_eq!(sent(&desk, time, "dreamt.json", "email").json("notice")[0]["void_count"], 1);
    let happened = |time: &str, date: &str, more: &[&str]| {
        let event = ["event", "record", "contract-end", "firm.sealed", "--date", date, "--json"];
        let ran = desk.at(time, &[&event[..], more].concat()).ends(0);
        ran.json("event")[0]["event"].as_str().unwrap().to_owned()
    };
    let first = happened(time, "2027-01-08", &[]);
    desk.travel("2028-02-01 09:00:00");
    let time = "2028-02-01 10:00:00";
    let left = |time: &str| desk.at(time, &["purge", "--dry-run", "--json"]).json("plan")[0]["left"].clone();
    let void = serde_json::json!({ "notice_void": 1 });
    assert_eq!(left(time), void, "it told no day, and there is one");

    // Made while the day was 2028-01-08, and noted when it no longer was.
    announce(&desk, time, &contract, "late").ends(0);
    let mailing = fs::read_to_string(desk.home.path("late/mailing.json")).unwrap();
    assert!(mailing.contains("\"until\": \"2028-01-08\""), "{mailing}");
    let second = happened(time, "2027-01-20", &["--corrects", &first]);
    let noted = sent(&desk, time, "late/mailing.json", "post");
    assert_eq!(noted.json("notice")[0]["void_count"], 1);
    assert!(noted.err.contains("for 1 record this notice does not count"), "{noted:?}");
    assert_eq!(left(time), void);

    // Whoever writes a day that is still to come into the file gets nowhere, not even when the day has come to be that one.
    desk.home.write("more.json", mailing.replacen("2028-01-08", "2028-01-28", 1));
    let noted = sent(&desk, time, "more.json", "email");
    assert_eq!(noted.json("notice")[0]["void_count"], 1);
    assert_eq!(left(time), void);
    happened(time, "2027-01-28", &["--corrects", &second]);
    assert_eq!(left(time), void);
    // Without the day a mailing counts for nothing.
    let (before, after) = mailing.split_once("  \"told\": [").unwrap();
    desk.home.write("older.json", format!("{before}{}", after.split_once("],\n").unwrap().1));
    assert_eq!(sent(&desk, time, "older.json", "sms").json("notice")[0]["void_count"], 1);
}

#[test]
fn status_and_reports_tell_by_when_a_letter_must_go_out() {
    let (desk, [smith, wang, zhao]) = sealed(["smith", "wang", "zhao"]);
    let time = "2030-11-20 10:00:00";
    desk.travel("2030-11-20 09:00:00");
    let of = desk.status(time, 0)["notices"]["destruction"].clone();
    assert_eq!(
        (&of["unsent_count"], &of["late_count"], &of["send_by"]),
        (&3.into(), &0.into(), &"2030-12-01".into()),
        "{of}"
    );
    let text = desk.at(time, &["status"]).ends(0).out;
    assert!(text.contains("3 records need a notice of destruction, the first to be sent by 2030-12-01"), "{text}");

    let calendar = desk.at(time, &["report", "calendar", "--ics", "days.ics"]).ends(0);
    for words in ["Last days to send the notice of destruction", "Notice to send", "2030-12-01"] {
        assert!(calendar.out.contains(words), "{words}: {calendar:?}");
    }
    assert!(calendar.out.lines().all(|line| line.width() <= 80), "{}", calendar.out);
    let ics = fs::read_to_string(desk.home.path("days.ics")).unwrap().replace("\r\n ", "");
    assert!(ics.contains("Last day to send the notice of destruction of 3 records"), "{ics}");
    assert!(ics.contains("DTSTART;VALUE=DATE:20301201") && ics.contains("DTSTART;VALUE=DATE:20310101"), "{ics}");
    let notice = |window: &[&str]| {
        desk.at(time, &[&["report", "calendar", "--json"], window].concat()).ends(0).json("report_notice")
    };
    let row = serde_json::json!({
        "message_type": "report_notice", "send_by": "2030-12-01", "late": false, "record_count": 3, "void_count": 0,
    });
    assert_eq!(notice(&["--from", "2031-01-01", "--until", "2031-01-01"]), [row]);
    assert!(notice(&["--until", "2030-12-31"]).is_empty(), "the window is of days of destruction");

    // A hold makes a letter needless; what was sent runs; what was not is late.
    let place = ["hold", "place", "firm.sealed", "--record", &zhao, "--matter", "m", "--authority", "court"];
    desk.at(time, &place).ends(0);
    tell(&desk, time, &smith, "letters");
    let time = "2030-12-02 10:00:00";
    desk.travel("2030-12-02 09:00:00");
    let of = desk.status(time, 3)["notices"]["destruction"].clone();
    assert_eq!(
        (&of["unsent_count"], &of["late_count"], &of["running_count"]),
        (&1.into(), &1.into(), &1.into()),
        "{of}"
    );
    assert_eq!((&of["runs_until_first"], &of["runs_until_last"]), (&"2030-12-20".into(), &"2030-12-20".into()), "{of}");
    let text = desk.at(time, &["status"]).ends(3).out;
    assert!(text.contains("OVERDUE: notice of destruction of 1 record, to be sent by 2030-12-01"), "{text}");
    let report = |what: &str| {
        let ran = desk.at(time, &["report", what, "--json"]).ends(3);
        serde_json::from_str::<serde_json::Value>(ran.out.lines().next().unwrap()).unwrap()
    };
    let compliance = report("compliance");
    let late = |report: &serde_json::Value, list: &str, of: &str| {
        report[list].as_array().unwrap().iter().find(|item| item[of] == "notices-late").cloned()
    };
    assert_eq!(late(&compliance, "findings", "finding").unwrap()["count"], 1);
    assert_eq!(compliance["notices"], of);
    let risks = report("risks");
    let risk = late(&risks, "risks", "risk").unwrap();
    assert_eq!(
        (&risk["level"], &risk["about"], &risk["count"]),
        (&"now".into(), &serde_json::json!(["2030-12-01"]), &1.into())
    );
    assert_eq!(risks["notices"], of);
    for what in ["compliance", "risks"] {
        let text = desk.at(time, &["report", what]).ends(3).out;
        assert!(text.contains("2030-12-20") && text.contains("should have been sent"), "{text}");
    }
    let json = desk.at(time, &["report", "calendar", "--json"]).ends(0);
    let row = &json.json("report_period")[0];
    let counts =
        [&row["record_count"], &row["held_count"], &row["to_notify_count"], &row["running_count"], &row["void_count"]];
    assert_eq!(counts, [3, 1, 1, 1, 0].map(|n: u64| serde_json::json!(n)).each_ref(), "{row}");
    assert_eq!(json.json("report_notice")[0]["record_count"], 1, "what is held needs no letter");
    assert_eq!(json.json("report_notice")[0]["late"], true);

    // A void notice is told apart.
    extend(&desk, time, &smith, "2031-06-30");
    let of = desk.status(time, 3)["notices"]["destruction"].clone();
    assert_eq!(
        (&of["void_count"], &of["unsent_count"], &of["running_count"]),
        (&1.into(), &1.into(), &0.into()),
        "{of}"
    );
    let text = desk.at(time, &["status"]).ends(3).out;
    assert!(text.contains("for 1 of them a notice was sent that is void: it told another last day"), "{text}");
    assert!(text.lines().all(|line| line.width() <= 80), "{text}");
    tell(&desk, time, &wang, "more");
    let text = desk.at(time, &["status"]).ends(0).out;
    assert!(text.contains("1 record not due yet: its notice of destruction runs, the last until"), "{text}");
    assert_eq!(desk.status(time, 0)["notices"]["destruction"]["late_count"], 0);
    let later = desk.at(time, &["report", "calendar", "--json"]).ends(0).json("report_notice").remove(0);
    assert_eq!((&later["send_by"], &later["void_count"]), (&"2031-05-31".into(), &1.into()), "{later}");
}

#[test]
fn words_about_what_is_all_destroyed_are_not_kept_even_where_no_archive_is_named() {
    let desk = Desk::new();
    desk.home.small_firm();
    desk.at(SEALED, &["create", "-o", "firm.sealed", "--until", "2030-12-31", "clients"]).ends(0);
    desk.home.write("closing.txt", "keepuntil-notice/v1 closing en\nDear {name}\n");
    desk.home.write("table.csv", "name,address\nWang,Shanghai\n");
    desk.at(SEALED, &["notice", "merge", "closing.txt", "--contacts", "table.csv", "-o", "letters"]).ends(0);
    let noted = sent(&desk, SEALED, "letters/mailing.json", "post").json("notice").remove(0);
    let id = noted["notice"].as_str().unwrap();
    let reply = |time: &str, text: &str| {
        let words = ["--kind", "question", "--received", &time[..10], "--text", text];
        desk.at(time, &[&["notice", "reply", "--about", id][..], &words].concat()).ends(0)
    };
    let kept = || {
        let keyring = desk.home.open_keyring();
        String::from_utf8(keyring.document(DOCUMENT).unwrap().unwrap().to_vec()).unwrap()
    };
    assert!(!reply(SEALED, "before").err.contains("not kept") && kept().contains("before"));
    desk.at(SEALED, &["roster", "set", "people.txt"]).ends(0);
    desk.travel("2031-03-01 09:00:00");
    desk.at("2031-03-01 10:00:00", &["purge", "--unattended"]).ends(0);
    desk.at("2031-03-09 10:00:00", &["purge", "--unattended"]).ends(0);
    assert!(!kept().contains("before"), "they go at the destruction");
    assert!(reply("2031-03-09 11:00:00", "after").err.contains("they were not kept") && !kept().contains("after"));
}

/// A run that has written letters and waits for the rest of its table.
fn waiting(desk: &Desk, into: &str) -> (Child, fs::File, PathBuf) {
    let table = format!("{into}.csv");
    assert!(Command::new("mkfifo").arg(desk.home.path(&table)).status().unwrap().success());
    let merge = ["notice", "merge", "letter.txt", "--contacts", &table, "-o", into];
    let before = partial(desk);
    let child = desk.home.command().args(merge).stderr(Stdio::piped()).spawn().unwrap();
    let mut rows = fs::OpenOptions::new().write(true).open(desk.home.path(&table)).unwrap();
    rows.write_all(b"name,address\n").unwrap();
    for row in 0..2000 {
        writeln!(rows, "name {row},address {row}").unwrap();
    }
    loop {
        let new = partial(desk).into_iter().find(|path| !before.contains(path) && path.join("0001.txt").exists());
        match new {
            Some(new) => return (child, rows, new),
            None => std::thread::sleep(std::time::Duration::from_millis(5)),
        }
    }
}

/// Folders under a name that is not final.
fn partial(desk: &Desk) -> Vec<PathBuf> {
    let entries = fs::read_dir(desk.home.path("")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "partial")).collect()
}

#[test]
fn what_a_killed_run_left_is_removed_by_the_next_and_nothing_else() {
    let desk = Desk::new();
    desk.home.small_firm();
    desk.at(SEALED, &["create", "-o", "firm.sealed", "--until", "2099-12-31", "clients"]).ends(0);
    desk.home.write("letter.txt", "keepuntil-notice/v1 closing en\nDear {name}\n");
    desk.home.write("table.csv", "name,address\nWang,Shanghai\n");
    let (mut killed, _table, left) = waiting(&desk, "killed");
    let mode = |path: &PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&left), mode(&left.join("0001.txt"))), (0o700, 0o600));
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(left.join("0001.txt").exists(), "SIGKILL leaves no time to clean up");

    // What is another's, in use, open to others, or no folder.
    let folder = |digits: &str, mode: u32, file: &str| {
        let path = desk.home.path(&format!(".keepuntil-private-{digits}.partial"));
        fs::create_dir(&path).unwrap();
        fs::write(path.join(file), "x").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    };
    let link = desk.home.path(".keepuntil-private-000000000004.partial");
    fs::create_dir(desk.home.path("elsewhere")).unwrap();
    fs::write(desk.home.path("elsewhere/0001.txt"), "x").unwrap();
    fs::set_permissions(desk.home.path("elsewhere"), fs::Permissions::from_mode(0o700)).unwrap();
    symlink(desk.home.path("elsewhere"), &link).unwrap();
    let (running, rest, used) = waiting(&desk, "running");
    // The other run has removed it already.
    assert!(!left.exists(), "{}", left.display());
    let stay = [
        folder("000000000001", 0o700, "mine.txt"),
        folder("000000000002", 0o755, "0001.txt"),
        folder("00000000000x", 0o700, "0001.txt"),
        link,
        used,
    ];
    // A merge that comes to nothing has removed it, too, and says so.
    let failed_gone = folder("000000000005", 0o700, "0001.txt");
    desk.home.write("short.csv", "name,address\nWang\n");
    let failing = ["notice", "merge", "letter.txt", "--contacts", "short.csv", "-o", "none"];
    let failed = desk.at(SEALED, &failing).ends(1);
    assert!(
        failed.err.contains("000000000005.partial: an interrupted run had left it") && !failed_gone.exists(),
        "{failed:?}"
    );
    let gone = folder("000000000003", 0o700, "mailing.json");
    let merge = ["notice", "merge", "letter.txt", "--contacts", "table.csv", "-o", "letters", "--json"];
    let ran = desk.at(SEALED, &merge).ends(0);
    assert!(ran.err.contains(".keepuntil-private-000000000003.partial: an interrupted run had left it"), "{ran:?}");
    assert_eq!(ran.json("letters")[0]["removed"].as_array().unwrap().len(), 1, "{ran:?}");
    assert!(!gone.exists());
    for path in &stay {
        assert!(path.symlink_metadata().is_ok(), "{}", path.display());
    }
    assert!(desk.home.path("elsewhere/0001.txt").exists() && stay[4].join("0001.txt").exists());
    drop(rest);
    let done = running.wait_with_output().unwrap();
    assert!(done.status.success() && desk.home.path("running/2000.txt").exists(), "{done:?}");
    let again = desk.at(SEALED, &merge).fails(1, "exists already");
    assert!(again.err.contains("-o DIR") && !again.err.contains("--force"), "{again:?}");
}

#[test]
fn nothing_is_written_under_a_name_that_the_next_run_would_remove() {
    let desk = Desk::new();
    desk.home.small_firm();
    desk.at(SEALED, &["create", "-o", "firm.sealed", "--until", "2099-12-31", "clients"]).ends(0);
    desk.home.write("letter.txt", "keepuntil-notice/v1 closing en\nDear {name}\n");
    desk.home.write("table.csv", "name,address\nWang,Shanghai\n");
    for name in [".keepuntil-private-0123456789ab.partial", ".keepuntil-tree-0123456789ab.partial"] {
        for command in [
            &["notice", "merge", "letter.txt", "--contacts", "table.csv", "-o", name][..],
            &["journal", "export", "-o", name],
            &["restore", "firm.sealed", "--all", "-o", name],
            &["keyring", "init", name],
            &["man", "-o", name],
        ] {
            let refused = desk.at(SEALED, command).fails(1, "the next run would remove a folder of this name");
            assert!(refused.err.contains("choose another name"), "{refused:?}");
            assert!(!desk.home.path(name).exists(), "{command:?}");
        }
    }
}

#[test]
fn a_day_of_sending_is_compared_in_utc_and_the_firms_zone_whichever_is_later() {
    let desk = Desk::new();
    desk.home.small_firm();
    desk.at(SEALED, &["create", "-o", "firm.sealed", "--until", "2099-12-31", "clients"]).ends(0);
    desk.at(SEALED, &["roster", "set", "people.txt"]).ends(0);
    desk.home.write("letter.txt", "keepuntil-notice/v1 closing en\nDear {name}\n");
    desk.home.write("table.csv", "name,address\nWang,Shanghai\n");
    desk.travel("2031-01-05 09:00:00");
    // Twelve hours west of Greenwich: it is 08:30 of the fifth there.
    let west = |arguments: &[&str]| desk.at_in("Etc/GMT+12", "2031-01-04 20:30:00", arguments);
    west(&["notice", "merge", "letter.txt", "--contacts", "table.csv", "-o", "letters"]).ends(0);
    let mailing = fs::read_to_string(desk.home.path("letters/mailing.json")).unwrap();
    assert!(mailing.contains("\"made\": \"2031-01-05T08:30:"), "{mailing}");
    let sent = |on: &str| west(&["notice", "sent", "letters/mailing.json", "--on", on, "--by", "post"]);
    sent("2031-01-04").fails(1, "the mailing was made on 2031-01-05");
    sent("2031-01-06").fails(1, "it is 2031-01-05");
    sent("2031-01-05").ends(0);
}

#[test]
fn a_destruction_before_the_last_day_counts_no_notice_of_a_later_one() {
    let desk = Desk::new();
    let policy = POLICY.replace("counting = \"day\"", "counting = \"day\"\nbound = \"ceiling\"");
    desk.home.write("policy.toml", policy);
    desk.home.write("letter.txt", LETTER);
    desk.home.write("firm/files/smith/file.txt", "smith");
    desk.home.write("firm/contract/file.txt", "contract");
    desk.at(SEALED, &["create", "-o", "firm.sealed", "--policy", "policy.toml", "firm"]).ends(0);
    desk.at(SEALED, &["roster", "set", "people.txt"]).ends(0);
    let shown = desk.at(SEALED, &["inspect", "firm.sealed", "--json"]).ends(0).json("record");
    let number = |name: &str| {
        let is_it = |record: &&serde_json::Value| record["label"]["name"] == name;
        shown.iter().find(is_it).unwrap()["record"].to_string()
    };
    let (smith, contract) = (number("smith"), number("contract"));
    let early = |time: &str, record: &str| {
        let purge =
            ["purge", "--dry-run", "--archive", "firm.sealed", "--record", record, "--early", "consent-withdrawn"];
        desk.at(time, &[&purge[..], &["--json"]].concat()).json("plan")[0]["left"].clone()
    };
    assert_eq!(early(SEALED, &smith), serde_json::json!({ "notice_unsent": 1 }));
    tell(&desk, SEALED, "1-2", "letters");
    desk.travel("2027-02-01 09:00:00");
    let time = "2027-02-01 10:00:00";
    // Told was 2030-12-31, and the period of the notice is long over.
    assert_eq!(early(time, &smith), serde_json::json!({ "notice_early": 1 }));
    let purge = ["purge", "--dry-run", "--archive", "firm.sealed", "--record", &smith, "--early", "consent-withdrawn"];
    let said = desk.at(time, &purge);
    assert!(said.out.contains("no notice of a destruction before the last day"), "{said:?}");
    // What waits for an event has no day that a notice could have told.
    assert_eq!(early(time, &contract), serde_json::json!({}));

    // Scheduled as early, and then the event gives it a last day of which nobody was told.
    let plan = ["purge", "--plan", "plan.json", "--archive", "firm.sealed", "--record", &contract];
    desk.at(time, &[&plan[..], &["--early", "consent-withdrawn"]].concat()).ends(0);
    let signature = desk.sign("lin", "keepuntil-plan", "plan.json");
    desk.at(time, &["purge", "--execute", "plan.json", "--approval", &signature]).ends(0);
    let event = ["event", "record", "contract-end", "firm.sealed", "--date", "2027-01-20"];
    desk.at(time, &event).ends(0);
    desk.travel("2027-02-20 09:00:00");
    let time = "2027-02-20 10:00:00";
    let status = desk.status(time, 0);
    assert_eq!(status["notices"]["early_unnotified_count"], 1, "{status}");
    assert_eq!((&status["overdue_count"], &status["notices"]["unnotified_count"]), (&0.into(), &0.into()), "{status}");
    let text = desk.at(time, &["status"]).out;
    assert!(text.contains("1 record of an early purge stays") && !text.contains("due record"), "{text}");
    let refused = desk.at(time, &["purge", "--execute", "plan.json", "--approval", &signature]);
    assert!(refused.err.contains("no notice of a destruction before 2028-01-20"), "{refused:?}");
}

#[test]
fn letters_about_records_that_are_kept_for_years_yet_are_warned_of() {
    let (desk, [wang]) = sealed(["wang"]);
    let far = announce(&desk, "2027-01-10 10:00:00", &wang, "far").ends(0);
    let expected = serde_json::json!([{ "until": "2030-12-31", "records": wang }]);
    assert_eq!(far.json("letters")[0]["far"], expected);
    assert!(far.err.contains("kept until 2030-12-31"), "{far:?}");
    let soon = announce(&desk, "2030-06-01 10:00:00", &wang, "soon").ends(0);
    assert_eq!(soon.json("letters")[0]["far"], serde_json::json!([]));
    assert!(!soon.err.contains("kept until"), "{soon:?}");
}

#[test]
fn templates_ask_for_what_is_sensitive_and_promise_no_more_than_is_so() {
    let desk = Desk::new();
    for (language, words) in [
        ("zh", ["第三十条", "对您个人权益的影响", "应急密钥单"]),
        ("en", ["Sensitive personal data", "what this means for the person", "emergency key sheet"]),
    ] {
        for kind in ["closing", "destruction"] {
            let text = desk.at(SEALED, &["notice", "template", kind, "--lang", language]).ends(0).out;
            let flat = text.replace('\n', if language == "zh" { "" } else { " " }).replace("  ", " ");
            for word in words {
                assert!(flat.contains(word), "{kind} {language}: {word}: {text}");
            }
        }
    }
}
