//! Notices to those whose data the records hold, on the command line: from a template to letters, from what was sent to what is
//! destroyed, and what people answer.
//!
//! Needs Debian's `faketime` and `ssh-keygen`.

mod desk;
mod support;

use desk::{Desk, SEALED};
use keepuntil::disclosure::notices::{DOCUMENT, Notices};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use support::files_below;

const POLICY: &str = r#"
[[compartment]]
name = "clients"
class = "sensitive"
[[rule]]
id = "own-client-files"
title = "Client files"
title-zh = "客户案卷"
period = "P10Y"
base = "record-date"
counting = "day"
citation = "本所档案管理制度第八条"
notify = "P30D"
[[records]]
path = "clients/{client}/**"
record = "{client}"
dated = "2020-12-31"
rule = "own-client-files"
compartment = "clients"
[[records]]
path = "contacts.csv"
record = "contacts"
until = "2060-12-31"
compartment = "clients"
[[records]]
path = "old/**"
record = "old"
until = "2030-12-31"
compartment = "clients"
"#;

/// Four people, one of them with two records.
const CONTACTS: &str = "\u{feff}name,address,client\r\n\
    王芳,上海市静安区长寿路 1 号,wang\r\n\
    John Smith,\"1 High Street\nLeeds\",\"smith\nold\"\r\n\
    赵六,=HYPERLINK(1),zhao\r\n";

/// An archive of three clients, an old record and the table of contacts, which is nowhere else.
fn sealed() -> (Desk, BTreeMap<String, u64>) {
    let desk = Desk::new();
    for client in ["wang", "smith", "zhao"] {
        desk.home.write(&format!("firm/clients/{client}/file.txt"), client);
    }
    desk.home.write("firm/old/a.txt", "old");
    desk.home.write("firm/contacts.csv", CONTACTS);
    desk.home.write("policy.toml", POLICY);
    desk.at(SEALED, &["create", "-o", "firm.sealed", "--policy", "policy.toml", "firm"]).ends(0);
    desk.at(SEALED, &["roster", "set", "people.txt"]).ends(0);
    fs::remove_dir_all(desk.home.path("firm")).unwrap();
    let shown = desk.at(SEALED, &["inspect", "firm.sealed", "--json"]).ends(0).json("record");
    let number = |record: &serde_json::Value| {
        (record["label"]["name"].as_str().unwrap().to_owned(), record["record"].as_u64().unwrap())
    };
    let numbers = shown.iter().map(number).collect();
    (desk, numbers)
}

/// Writes the template of a kind with its blanks filled.
fn template(desk: &Desk, kind: &str, lang: &str) -> String {
    let name = format!("{kind}.txt");
    let _ = fs::remove_file(desk.home.path(&name));
    desk.at(SEALED, &["notice", "template", kind, "--lang", lang, "-o", &name]).ends(0);
    let text = fs::read_to_string(desk.home.path(&name)).unwrap();
    let mut filled = String::new();
    let mut rest = text.as_str();
    while let Some((head, tail)) = rest.split_once('【') {
        filled.push_str(head);
        filled.push_str("（已填）");
        rest = tail.split_once('】').unwrap().1;
    }
    desk.home.write(&name, filled + rest);
    name
}

/// Makes letters from the table inside the archive.
fn merge(desk: &Desk, time: &str, numbers: &BTreeMap<String, u64>, letter: &str, into: &str) -> support::Ran {
    let record = numbers["contacts"].to_string();
    let from = ["--archive", "firm.sealed", "--record", &record, "--path", "data/contacts.csv", "--by-name"];
    let merge = ["notice", "merge", letter, "--records-column", "client", "-o", into, "--json"];
    desk.at(time, &[&merge[..], &from[..]].concat())
}

fn letter(desk: &Desk, path: &str) -> String {
    fs::read_to_string(desk.home.path(path)).unwrap()
}

/// The words that the keyring holds about notices.
fn kept(desk: &Desk) -> String {
    let keyring = desk.home.open_keyring();
    let bytes = keyring.document(DOCUMENT).unwrap().unwrap();
    Notices::from_bytes(&bytes).unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn letters_say_of_each_person_what_is_kept_and_the_table_stays_in_the_archive() {
    let (desk, numbers) = sealed();
    desk.at(SEALED, &["notice", "template", "closing", "--lang", "zh", "-o", "raw.txt"]).ends(0);
    let unfilled = merge(&desk, SEALED, &numbers, "raw.txt", "letters").fails(1, "raw.txt: line ");
    assert!(unfilled.err.contains("a blank that is to be filled in"), "{unfilled:?}");
    let hold = |record: &str, more: &[&str]| {
        let number = numbers[record].to_string();
        let place =
            ["hold", "place", "firm.sealed", "--record", &number, "--matter", "Zhao v. X", "--authority", "court"];
        desk.at(SEALED, &[&place[..], more].concat()).ends(0);
    };
    hold("smith", &[]);
    hold("zhao", &["--secrecy"]);
    let closing = template(&desk, "closing", "zh");
    let merged = merge(&desk, "2026-11-23 10:00:00", &numbers, &closing, "letters").ends(0);
    assert!(merged.err.contains("outlive the records") && merged.err.contains("hold for secrecy"), "{merged:?}");
    assert_eq!(merged.json("letters")[0]["letters"], 3);

    let mode = |path: &str| fs::metadata(desk.home.path(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("letters"), mode("letters/0001.txt"), mode("letters/mailing.json")), (0o700, 0o600, 0o600));
    let wang = letter(&desk, "letters/0001.txt");
    let line = |record: &str| {
        format!(
            "编号 {}：保管至 2030年12月31日（含当日），期满后销毁（依据：客户案卷，本所档案管理制度第八条）",
            numbers[record]
        )
    };
    for words in ["王芳：", "2026年11月23日", "编号：0001", &line("wang")] {
        assert!(wang.contains(words), "{words}: {wang}");
    }
    assert!(!wang.contains("keepuntil-notice") && !wang.contains("目前因冻结"), "{wang}");
    let smith = letter(&desk, "letters/0002.txt");
    let held = format!("{}；目前因冻结暂缓销毁", line("smith"));
    let old = format!("编号 {}：保管至 2030年12月31日（含当日），期满后销毁\n", numbers["old"]);
    assert!(smith.contains(&held) && smith.contains(&old), "{smith}");
    let zhao = letter(&desk, "letters/0003.txt");
    assert!(zhao.contains(&line("zhao")) && !zhao.contains("冻结") && !zhao.contains("Zhao v."), "{zhao}");

    // The table is nowhere on disk, and the mailing names nobody.
    let mailing = letter(&desk, "letters/mailing.json");
    for path in files_below(desk.home.path("").as_path()) {
        let is_letter = path.parent().is_some_and(|parent| parent.ends_with("letters"));
        if path.is_file() && !(is_letter && path.extension().is_some_and(|e| e == "txt")) {
            let bytes = fs::read(&path).unwrap();
            let holds = |word: &str| bytes.windows(word.len()).any(|part| part == word.as_bytes());
            assert!(!holds("长寿路") && !holds("High Street") && !holds("王芳"), "{}", path.display());
        }
    }
    assert!(!mailing.contains("smith"));

    let time = "2026-11-24 10:00:00";
    let sent = ["notice", "sent", "letters/mailing.json", "--by", "post", "--on"];
    let at = |time: &str, day: &str| desk.at(time, &[&sent[..], &[day, "--json"]].concat());
    at(time, "2026-11-25").fails(1, "2026-11-25: it has not come");
    at(time, "2026-11-22").fails(1, "the mailing was made on 2026-11-23");
    let notice = at(time, "2026-11-24").ends(0).json("notice").remove(0);
    at(time, "2026-11-24").fails(1, "noted as sent by post on 2026-11-24");
    assert_eq!((notice["letters"].as_u64(), notice["kind"].as_str()), (Some(3), Some("closing")));
    let listed = desk.at(time, &["notice", "list"]).ends(0).out;
    assert!(listed.contains("closing") && listed.contains("3 letters by post"), "{listed}");
    let id = notice["notice"].as_str().unwrap();
    let to = |address: &str, code| {
        let show = ["notice", "show", &id[..8], "--mailing", "letters/mailing.json", "--address", address];
        desk.at(time, &show).ends(code).out
    };
    assert!(to("1 High Street\nLeeds", 0).contains("went letter 2"));
    assert!(to("1 High Street", 3).contains("no letter of it went to this address"));
    desk.at(time, &["journal", "verify"]).ends(0);
    let shown = desk.at(time, &["journal", "show", "--json"]).ends(0).out;
    assert!(shown.contains("\"kind\":\"notice\"") && !shown.contains("High Street"), "{shown}");

    // What was changed is not taken.
    desk.home.write("changed.json", mailing.replacen("\"letter\": 2", "\"letter\": 4", 1));
    desk.at(time, &["notice", "sent", "changed.json", "--by", "sms", "--on", "2026-11-24"])
        .fails(10, "numbered from 1");
    let other = Desk::new();
    other.home.small_firm();
    other.at(SEALED, &["create", "-o", "a.sealed", "--until", "2099-12-31", "clients"]).ends(0);
    other.home.write("mailing.json", mailing);
    other.at(time, &["notice", "sent", "mailing.json", "--by", "post", "--on", "2026-11-24"]).fails(1, "for keyring");
}

#[test]
fn a_record_stays_until_its_notice_was_sent_early_enough_and_words_go_with_it() {
    let (desk, numbers) = sealed();
    desk.travel("2031-03-01 09:00:00");
    let time = "2031-03-01 10:00:00";
    let dry = desk.at(time, &["purge", "--dry-run"]).ends(0);
    assert!(dry.out.contains("3 records left alone: notice of destruction not sent"), "{dry:?}");
    assert!(dry.out.contains("1 record would be destroyed"), "{dry:?}");
    assert!(dry.err.contains("keepuntil notice sent"), "{dry:?}");
    let wang = numbers["wang"].to_string();
    let only = ["--archive", "firm.sealed", "--record", &wang];
    desk.at(time, &[&["purge", "--plan", "none.json"], &only[..]].concat()).fails(1, "nothing that may be destroyed");
    assert_eq!(desk.status(time, 3)["notices"]["unnotified_count"], 3);
    let alone = desk.at(time, &["purge", "--unattended", "--json"]).ends(0);
    assert_eq!(alone.json("scheduled")[0]["record_count"], 1);
    assert!(alone.err.contains("3 due records stay: notice of destruction not sent"), "{alone:?}");

    let destruction = template(&desk, "destruction", "en");
    merge(&desk, time, &numbers, &destruction, "letters").ends(0);
    assert!(letter(&desk, "letters/0001.txt").contains("kept until and including 2030-12-31; then destroyed"));
    let sent = [
        "notice",
        "sent",
        "letters/mailing.json",
        "--by",
        "post",
        "--note",
        "by Lin Yue",
        "--on",
        "2031-03-01",
        "--json",
    ];
    let notice = desk.at(time, &sent).ends(0).json("notice")[0]["notice"].as_str().unwrap().to_owned();
    let reply = |about: &[&str], kind: &str, text: &str| {
        let words = ["--kind", kind, "--received", "2031-03-05", "--text", text, "--json"];
        let ran = desk.at("2031-03-06 10:00:00", &[&["notice", "reply"], about, &words[..]].concat()).ends(0);
        ran.json("reply").remove(0)
    };
    let objection = reply(&["--about", &notice, "--record", &wang], "objection", "needs it for a claim");
    assert_eq!(objection["due"], "2031-04-04");
    reply(&["--archive", "firm.sealed"], "question", "which file is meant");

    // On 2031-04-01 the certain date is the last day of the period.
    desk.travel("2031-04-01 09:00:00");
    let runs = desk.at("2031-04-01 10:00:00", &["purge", "--dry-run"]).ends(0).out;
    assert!(runs.contains("3 records: notice of destruction sent, its period runs until 2031-03-31"), "{runs}");
    let status = desk.status("2031-04-01 10:00:00", 3);
    let of = &status["notices"]["unnotified"];
    assert_eq!(
        (&of["running_count"], &of["unsent_count"], &of["runs_until_last"]),
        (&3.into(), &0.into(), &"2031-03-31".into())
    );
    desk.travel("2031-04-02 09:00:00");
    let time = "2031-04-02 10:00:00";
    let dry = desk.at(time, &["purge", "--dry-run"]).ends(0);
    assert!(dry.out.contains("3 records would be destroyed"), "{dry:?}");
    assert!(dry.err.contains("somebody objects to the destruction of 1 record"), "{dry:?}");
    let due = desk.at("2031-04-05 10:00:00", &["notice", "due"]).ends(3).out;
    assert!(due.contains("OVERDUE since 2031-04-04"), "{due}");
    let status = desk.at("2031-04-05 10:00:00", &["status"]).ends(3).out;
    assert!(status.contains("OVERDUE: 2 answers"), "{status}");
    let id = objection["reply"].as_str().unwrap();
    let answer = ["notice", "answer", &id[..8], "--on", "2031-04-05", "--outcome", "rejected"];
    desk.at("2031-04-05 11:00:00", &answer).fails(1, "a rejection needs a reason");
    let answer = [&answer[..], &["--explain", "the claim is barred"]].concat();
    desk.at("2031-04-05 11:00:00", &answer).ends(0);
    desk.at("2031-04-05 11:00:00", &answer).fails(1, "it was answered on 2031-04-05");
    for words in ["by Lin Yue", "needs it for a claim", "which file is meant", "the claim is barred"] {
        assert!(kept(&desk).contains(words), "{words}");
    }

    desk.travel("2031-04-06 09:00:00");
    desk.at("2031-04-06 10:00:00", &["purge", "--unattended"]).ends(0);
    let keyring = desk.home.keyring_dir();
    let catalogue = keyring.join("catalogue.sqlite");
    fs::copy(&catalogue, desk.home.path("older")).unwrap();
    let done = desk.at("2031-04-14 10:00:00", &["purge", "--unattended", "--json"]).ends(0);
    assert_eq!(done.json("destroyed").iter().map(|d| d["record_count"].as_u64().unwrap()).sum::<u64>(), 3, "{done:?}");
    let kept = kept(&desk);
    for words in ["by Lin Yue", "needs it for a claim", "which file is meant", "the claim is barred", "\"template\""] {
        assert!(!kept.contains(words), "{words}: {kept}");
    }
    assert!(kept.contains("\"outcome\":\"rejected\""), "{kept}");
    let time = "2031-04-15 10:00:00";
    desk.at(time, &["journal", "verify"]).ends(0);
    // Words about what is gone are not kept, and nobody is told that it is.
    let late = [
        "notice",
        "reply",
        "--about",
        &notice,
        "--kind",
        "question",
        "--received",
        "2031-04-15",
        "--text",
        "late words",
    ];
    assert!(desk.at(time, &late).ends(0).err.contains("they were not kept"));
    assert!(!self::kept(&desk).contains("late words"));
    let again =
        merge(&desk, time, &numbers, &destruction, "again").fails(1, "no record that can be opened has this name");
    assert!(!again.err.contains("王芳"), "{again:?}");
    desk.home.nothing_in("again");
    fs::copy(desk.home.path("older"), &catalogue).unwrap();
    desk.at(time, &["notice", "list"]).ends(10);
}

#[test]
fn no_day_before_the_deposit_and_no_clock_that_is_behind_opens_the_gate() {
    let (desk, numbers) = sealed();
    desk.travel("2031-03-01 09:00:00");
    let destruction = template(&desk, "destruction", "en");
    // A machine whose clock was lost: its day is before the mark, and before anything that can have been sent.
    let behind = "2027-01-05 10:00:00";
    merge(&desk, behind, &numbers, &destruction, "letters").ends(0);
    let sent = |file: &str, time: &str, on: &str| desk.at(time, &["notice", "sent", file, "--by", "post", "--on", on]);
    sent("letters/mailing.json", behind, "2027-01-05").fails(1, "the mailing was made on 2031-03-01");
    let mailing = letter(&desk, "letters/mailing.json");
    let made = mailing.split("\"made\": \"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    desk.home.write("early.json", mailing.replacen(&made, "2020-01-01T00:00:00Z", 1));
    let time = "2031-03-01 10:00:00";
    sent("early.json", time, "2020-06-01").fails(1, "the archive was sealed on 2026-11-22");
    let firm = mailing.split("\"firm\": \"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    desk.home.write("firm.json", mailing.replacen(&firm, "somebody.example", 1));
    sent("firm.json", time, "2031-03-01").fails(1, "of another firm: somebody.example");
    let noted = sent("letters/mailing.json", time, "2031-03-01").ends(0);
    assert!(noted.out.contains("as somebody says"), "{noted:?}");
    // What must stay until people were told is not overdue; the record without such a rule is.
    let status = desk.status(time, 3);
    assert_eq!((&status["overdue_count"], &status["notices"]["unnotified_count"]), (&1.into(), &3.into()), "{status}");
    let report = desk.at(time, &["report", "compliance", "--json"]).ends(3).out;
    assert!(report.contains("\"overdue\":1"), "{report}");
    let id = noted.out.split_once("notice ").unwrap().1[..32].to_owned();
    let words = ["--kind", "objection", "--received", "2031-03-01", "--text", "all of it"];
    desk.at(time, &[&["notice", "reply", "--about", &id][..], &words].concat()).ends(0);
    let alone = desk.at(time, &["purge", "--unattended"]).ends(0);
    assert!(alone.err.contains("1 objection or complaint is not answered"), "{alone:?}");
}

#[test]
fn whoever_has_nothing_left_gets_no_letter_but_an_answer() {
    let (desk, numbers) = sealed();
    desk.travel("2031-03-01 09:00:00");
    desk.at("2031-03-01 10:00:00", &["purge", "--unattended"]).ends(0);
    desk.at("2031-03-09 10:00:00", &["purge", "--unattended"]).ends(0);
    let (old, wang) = (numbers["old"], numbers["wang"]);
    let time = "2031-03-09 11:00:00";
    let table = "name,address,record,received,matter,answer,reasons\n";
    let row = |name: &str, records: &str| format!("{name},{name}@a.example,\"{records}\",2031-03-01,m,a,r\n");
    let rows = [row("a", &old.to_string()), row("b", &wang.to_string()), row("c", &both(old, wang))].concat();
    desk.home.write("table.csv", format!("{table}{rows}"));
    let merge = |kind: &str, into: &str| {
        let letter = template(&desk, kind, "zh");
        let id = desk.at(time, &["inspect", "firm.sealed", "--json"]).json("archive")[0]["archive"].clone();
        let id = id.as_str().unwrap().to_owned();
        desk.at(time, &["notice", "merge", &letter, "--contacts", "table.csv", "--archive", &id, "-o", into])
    };
    let merged = merge("closing", "closing").ends(3);
    assert!(merged.err.contains("1 row has no letter, since its records are destroyed: line 2"), "{merged:?}");
    let second = letter(&desk, "closing/0002.txt");
    assert!(second.contains(&format!("编号 {old}：已销毁")) && second.contains("2030年12月31日"), "{second}");
    merge("answer", "answer").ends(0);
    assert!(letter(&desk, "answer/0001.txt").contains(&format!("编号 {old}：已销毁")));

    // To be published: one letter to everybody.
    let announcement = "keepuntil-notice/v1 destruction en\nRecords {records} of {archive}, letter {letter}.\n";
    desk.home.write("announcement.txt", announcement);
    let everybody = |records: &str, into: &str| {
        let to = ["--archive", "firm.sealed", "--everybody", records, "-o", into];
        desk.at(time, &[&["notice", "merge", "announcement.txt"], &to[..]].concat())
    };
    everybody("1-5", "published").ends(0);
    assert!(letter(&desk, "published/0001.txt").starts_with("Records 1-5 of "));
    assert!(!letter(&desk, "published/mailing.json").contains("\"address\""));
    everybody(&old.to_string(), "gone").fails(13, "their keys were destroyed");
    everybody("1-9", "gone").fails(1, "record");
    desk.home.nothing_in("gone");
}

fn both(a: u64, b: u64) -> String {
    format!("{},{}", a.min(b), a.max(b))
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_leaves_no_folder() {
    let desk = Desk::new();
    desk.home.small_firm();
    desk.at(SEALED, &["create", "-o", "firm.sealed", "--until", "2099-12-31", "clients"]).ends(0);
    let first = "keepuntil-notice/v1 closing zh\n";
    let merge = |letter: &str, table: &[u8], more: &[&str]| {
        desk.home.write("letter.txt", format!("{first}{letter}"));
        desk.home.write("table.csv", table);
        let merge = ["notice", "merge", "letter.txt", "--contacts", "table.csv", "-o", "letters"];
        desk.at(SEALED, &[&merge[..], more].concat())
    };
    let good = b"name,address\nWang,Shanghai\n";
    let with_records = ["--archive", "firm.sealed"];
    for (letter, table, more, says) in [
        (
            "{nane}",
            &good[..],
            &[][..],
            "letter.txt: line 2, column 1: {nane} is neither known from the keyring nor a column",
        ),
        (
            "x\n {records}",
            good,
            &[],
            "letter.txt: line 3, column 2: {records} is known only where the archive is named",
        ),
        ("{name", good, &[], "letter.txt: line 2, column 1: a brace"),
        ("{name}", b"name,address\nWang,\n", &[], "table.csv: line 2, column address: it is empty"),
        ("{name}", b"name,address\n ,Shanghai\n", &[], "table.csv: line 2, column name: it is empty"),
        ("{name}", b"name,address\nWa\x1b[2Jng,x\n", &[], "table.csv: line 2, column name: it has a control"),
        ("{name}", b"name,address\n\xcd\xf5,x\n", &[], "table.csv: line 2, column name: it is not text in UTF-8"),
        ("{name}", b"name,address\nA,x\nB\n", &[], "table.csv: line 3: it has 1 fields, and there are 2 columns"),
        (
            "{name}",
            b"name,address\nA,x\nB,y\nB2,x\n",
            &[],
            "table.csv: line 4: the same address and records stand on line 2",
        ),
        (
            "{name}",
            b"name,addr\nA,x\n",
            &[],
            "table.csv: line 1: there is no column \"address\"; the columns are: name, addr",
        ),
        ("{name}", b"name,address,today\nA,x,y\n", &[], "the column \"today\" has the name of what is filled in"),
        ("{name}", b"", &[], "table.csv: line 1: there is no table"),
        ("{name}", b"name,address\n", &[], "there is nobody to write to"),
        ("{name}", good, &with_records, "there is no column \"record\""),
        (
            "{name}",
            b"name,address,record\nA,x,9\n",
            &with_records,
            "line 2, column record: the archive has no such record",
        ),
        ("{name}", b"name,address,record\nA,x,1-2x\n", &with_records, "line 2, column record: it names no records"),
        (
            "{name}",
            b"name,address,record\nA,x,1-9999999999\n",
            &with_records,
            "line 2, column record: the letters would name more",
        ),
    ] {
        let ran = merge(letter, table, more).fails(1, says);
        assert!(!ran.err.contains("Shanghai") && !ran.err.contains('\u{1b}'), "{ran:?}");
        desk.home.nothing_in("letters");
    }
    let many = merge(&"{name}".repeat(40_000), good, &[]).fails(1, "more than 1000 places");
    assert!(many.err.contains("line 2, column 6001"), "{many:?}");
    merge(&"{name}".repeat(1_000_000), good, &[]).fails(1, "larger than 262144 bytes");
    merge("{name}", good, &["--charset", "UTF-16"]).ends(2);
    desk.home.nothing_in("letters");
    // A row of 10 GB is not read to its end.
    desk.home.write("letter.txt", format!("{first}{{name}}"));
    let large = fs::File::create(desk.home.path("large.csv")).unwrap();
    (&large).write_all(b"name,address\n").unwrap();
    large.set_len(10 << 30).unwrap();
    let to_large = ["notice", "merge", "letter.txt", "--contacts", "large.csv", "-o", "letters"];
    desk.at(SEALED, &to_large).fails(1, "large.csv: line 2: it is longer than 65536 bytes");
    desk.home.nothing_in("letters");

    // What is dangerous elsewhere is text in a letter, and names are no names of files.
    let (gb, _, _) = encoding_rs::GB18030.encode("name,address\n../../王芳,\"=cmd|'/c calc'!A1\"\n");
    merge("{name} {address} {{{firm}}}", &gb, &["--charset", "GB18030"]).ends(0);
    assert!(letter(&desk, "letters/0001.txt").starts_with("../../王芳 =cmd|'/c calc'!A1 {"));
    assert_eq!(files_below(&desk.home.path("letters")).len(), 2);
    merge("{name}", good, &[]).fails(1, "exists already");
}

#[test]
fn a_damaged_record_gives_no_letters() {
    let (desk, numbers) = sealed();
    let closing = template(&desk, "closing", "zh");
    // The letters are written before the end of the record shows that it was changed.
    let sealed = desk.at(SEALED, &["inspect", "firm.sealed", "--json"]).ends(0).json("record");
    let record = sealed.iter().find(|record| record["record"] == numbers["contacts"]).unwrap();
    let end = record["offset"].as_u64().unwrap() + 512 + record["size"].as_u64().unwrap() - 1;
    let mut bytes = fs::read(desk.home.path("firm.sealed")).unwrap();
    bytes[end as usize] ^= 1;
    desk.home.write("firm.sealed", bytes);
    merge(&desk, SEALED, &numbers, &closing, "letters").fails(10, "record");
    desk.home.nothing_in("letters");
    let other = ["--archive", "firm.sealed", "--path", "data/none.csv", "--record"];
    let none = ["notice", "merge", &closing, "-o", "letters"];
    let wang = numbers["wang"].to_string();
    desk.at(SEALED, &[&none[..], &other[..], &[&wang]].concat()).fails(1, "the record holds no such file");
    desk.home.nothing_in("letters");
}

#[test]
fn a_wrong_path_is_told_with_the_tables_of_the_record() {
    let desk = Desk::new();
    let table = "name,address\n王芳,上海市一号\n";
    for name in ["a.csv", "b b.CSV", "c.csv", "d.csv", "e.csv", "f.csv", "notes.txt"] {
        desk.home.write(&format!("firm/many/{name}"), table);
    }
    desk.home.write("firm/none/notes.txt", "x");
    desk.home.write("firm/one/in/\u{202e}x.csv", table);
    desk.at(SEALED, &["create", "-o", "firm.sealed", "--until", "2099-12-31", "firm"]).ends(0);
    desk.home.write("letter.txt", "keepuntil-notice/v1 closing en\nDear {name}\n");
    let shown = desk.at(SEALED, &["inspect", "firm.sealed", "--json"]).ends(0).json("record");
    let merge = |name: &str, path: &str, more: &[&str]| {
        let record = shown.iter().find(|record| record["label"]["name"] == name).unwrap()["record"].to_string();
        let words = ["notice", "merge", "letter.txt", "-o", "letters", "--archive", "firm.sealed", "--record", &record];
        let ran = desk.at(SEALED, &[&words[..], &["--path", path], more].concat()).ends(1);
        ran.err.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let many = merge("many", "data/x.csv", &[]);
    assert!(many.contains("the path is wrong") && !many.contains("--address-column"), "{many}");
    for path in ["--path data/a.csv", "b b.CSV", "--path data/e.csv", "and 1 more"] {
        assert!(many.contains(path), "{path}: {many}");
    }
    assert!(!many.contains("f.csv") && !many.contains("notes"), "{many}");
    let none = merge("none", "data/x.csv", &[]);
    assert!(none.contains("no file in it has a name that ends in .csv"), "{none}");
    let one = merge("one", "x.csv", &[]);
    assert!(one.contains("--path") && one.contains("x.csv") && !one.contains('\u{202e}'), "{one}");
    // A table from before the sealing has no numbers of records.
    let columns = merge("many", "data/a.csv", &[]);
    assert!(columns.contains("no column \"record\"") && columns.contains("--by-name"), "{columns}");
    let zh = merge("many", "data/x.csv", &["--lang", "zh"]);
    assert!(zh.replace(' ', "").contains("路径有误"), "{zh}");
}

#[test]
fn an_interruption_leaves_no_letters() {
    let desk = Desk::new();
    desk.home.small_firm();
    desk.at(SEALED, &["create", "-o", "firm.sealed", "--until", "2099-12-31", "clients"]).ends(0);
    desk.home.write("letter.txt", "keepuntil-notice/v1 closing en\nDear {name}\n");
    let pipe = desk.home.path("table.csv");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let merge = ["notice", "merge", "letter.txt", "--contacts", "table.csv", "-o", "letters"];
    let mut child = desk.home.command().args(merge).stderr(Stdio::piped()).spawn().unwrap();
    let mut table = fs::OpenOptions::new().write(true).open(&pipe).unwrap();
    table.write_all(b"name,address\n").unwrap();
    for row in 0..2000 {
        writeln!(table, "name {row},address {row}").unwrap();
    }
    while !half_written(&desk.home.path("")) {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(100));
    drop(table);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    desk.home.nothing_in("letters");
}

/// Whether letters stand under a name that is not final.
fn half_written(home: &Path) -> bool {
    files_below(home).iter().any(|path| path.to_string_lossy().contains(".partial/0001.txt"))
}
