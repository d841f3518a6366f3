//! `keepuntil report inventory`, `destruction`, `handover`, `calendar`: they say what status, plan, certificate and keyring say,
//! and nothing else (spec/reports.md).
//!
//! Needs Debian's `faketime` and `ssh-keygen`.

mod desk;
mod support;

use desk::{Desk, SEALED};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use support::{Home, Ran};
use unicode_width::UnicodeWidthStr;

const FORMULA: &str = "=HYPERLINK(\"x\")";
const MARKUP: &str = "<img src=x onerror=alert(1)>";
const CONTROL: &str = "red \u{1b}[31m";

/// When the reports are made, on the day after sealing.
const REPORTED: &str = "2026-11-23 10:00:00";

/// Two archives: seven records with a last day, some of them with hostile names, of which one is held; two that wait for an event.
fn firm() -> Desk {
    let desk = Desk::new();
    desk.home.small_firm();
    for name in [FORMULA, MARKUP, CONTROL] {
        desk.home.write(&format!("clients/{name}/a.txt"), name);
    }
    desk.home.write("identified/Gu/passport.txt", "x");
    desk.home.write("identified/Shen/passport.txt", "y");
    let plain = ["create", "-o", "firm.sealed", "--until", "2036-12-31", "--class", "confidential", "clients"];
    desk.at(SEALED, &plain).ends(0);
    desk.at(SEALED, &["create", "-o", "aml.sealed", "--rule", "cn-aml-identity", "identified"]).ends(0);
    desk.at(SEALED, &["roster", "set", "people.txt"]).ends(0);
    let hold = ["hold", "place", "firm.sealed", "--record", "2", "--matter", "Smith v. Jones", "--authority", "court"];
    desk.at(SEALED, &hold).ends(0);
    desk
}

fn report(desk: &Desk, arguments: &[&str]) -> Ran {
    desk.at(REPORTED, &[&["report"], arguments].concat())
}

fn rows(ran: &Ran) -> Vec<Value> {
    ran.json("report_record")
}

fn summary(ran: &Ran) -> Value {
    ran.json("report_summary").remove(0)
}

fn one(ran: &Ran, kind: &str) -> Value {
    ran.json(kind).remove(0)
}

/// Every report that is made of the firm, without `report`: with names and without, from a plan as well.
const REPORTS: [&[&str]; 8] = [
    &["inventory"],
    &["inventory", "--destroyed", "firm.sealed"],
    &["destruction", "--plan", "plan.json"],
    &["destruction", "--plan", "plan.json", "early.sealed"],
    &["handover", "--to", "Lantern"],
    &["handover", "--to", "Lantern", "--records", "firm.sealed"],
    &["calendar", "firm.sealed"],
    &["calendar", "--by", "month", "--stack", "rule"],
];

/// The firm with a third archive, of which a plan destroys two records early.
fn planned() -> Desk {
    let desk = firm();
    let arguments = ["--rule", "cn-pi-minimum", "--start", "creation", "--retain", "P3Y", "clients"];
    desk.at(SEALED, &[&["create", "-o", "early.sealed"], &arguments[..]].concat()).ends(0);
    let plan = ["purge", "--plan", "plan.json", "--archive", "early.sealed", "--record", "1-2", "--early", "consent"];
    desk.at(REPORTED, &plan).ends(0);
    desk
}

/// The same, destroyed; the certificate's path.
fn destroyed(desk: &Desk) -> String {
    desk.sign("lin", "keepuntil-plan", "plan.json");
    let execute = ["purge", "--execute", "plan.json", "--approval", "plan.json.lin.sig"];
    desk.at(REPORTED, &execute).ends(0);
    let done = desk.at("2026-12-02 10:00:00", &["purge", "--execute", "plan.json", "--json"]).ends(0);
    let certificate = done.json("destroyed").remove(0);
    certificate["certificate"].as_str().unwrap().to_owned()
}

#[test]
fn the_inventory_counts_what_status_counts() {
    let desk = planned();
    let status = desk.status(REPORTED, 0);
    let ran = report(&desk, &["inventory", "--json"]).ends(0);
    let mut states: BTreeMap<String, u64> = BTreeMap::new();
    let mut places = Vec::new();
    for row in rows(&ran) {
        *states.entry(row["state"].as_str().unwrap().to_owned()).or_default() += 1;
        places.push((row["archive"].as_str().unwrap().to_owned(), row["record"].as_u64().unwrap()));
        assert!(row["name"].is_null(), "{row}");
    }
    let live = status["states"]["live"].as_u64().unwrap();
    let listed = places.len();
    places.sort();
    places.dedup();
    assert_eq!((places.len(), listed as u64), (listed, live), "each once");
    for (state, records) in &states {
        assert_eq!(status["states"][state].as_u64(), Some(*records), "{state}");
    }
    assert_eq!(states["held"], 1);
    let sum = summary(&ran);
    for state in ["kept", "run_out", "due", "due_for_review", "scheduled", "held", "awaiting", "permanent", "destroyed"]
    {
        assert_eq!(sum["states"][state], status["states"][state], "{state}");
    }

    destroyed(&desk);
    let after = "2026-12-02 11:00:00";
    let live = desk.status(after, 0)["states"]["live"].as_u64().unwrap() as usize;
    let listed = |more: &[&str]| rows(&desk.at(after, &[&["report", "inventory", "--json"], more].concat()).ends(0));
    assert_eq!(listed(&[]).len(), live);
    let with_destroyed = listed(&["--destroyed"]);
    assert_eq!(with_destroyed.len(), live + 2);
    assert_eq!(with_destroyed.iter().filter(|row| row["state"] == "destroyed").count(), 2);
}

#[test]
fn names_come_from_the_archive_that_is_named_and_the_list_says_that_it_outlives_them() {
    let desk = firm();
    let ran = report(&desk, &["inventory", "firm.sealed", "--json"]).ends(0);
    assert!(ran.err.contains("outlives"), "{ran:?}");
    let names: Vec<String> = rows(&ran).iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect();
    let inspected = desk.at(REPORTED, &["inspect", "firm.sealed", "--json"]).ends(0).json("record");
    let by_inspect: Vec<&str> = inspected.iter().map(|row| row["label"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, by_inspect, "the archive's records in its order, those of no other archive");
    assert!(names.contains(&"沐阳贸易".to_owned()) && names.contains(&FORMULA.to_owned()));
    let archive = &one(&ran, "report_inventory")["archives"][0];
    let known = one(&desk.at(REPORTED, &["keyring", "info", "--json"]).ends(0), "keyring");
    assert_eq!(archive["root"], known["archives"][0]["root"]);
    assert_eq!(archive["file"]["bytes"].as_u64(), Some(fs::metadata(desk.home.path("firm.sealed")).unwrap().len()));
    for (language, words) in [("en", "outlives"), ("zh", "仍然存在")] {
        let sheet = report(&desk, &["inventory", "firm.sealed", "--lang", language]).ends(0);
        assert!(sheet.out.contains(words) && sheet.out.contains("沐阳贸易"), "{sheet:?}");
    }

    // Nobody's names without an archive, or without an identity.
    assert!(!report(&desk, &["inventory"]).ends(0).out.contains("Smith"));
    fs::rename(desk.home.identity(), desk.home.path("away")).unwrap();
    let closed = report(&desk, &["inventory", "firm.sealed"]).ends(0);
    assert!(!closed.out.contains("Smith") && !closed.err.contains("outlives"), "{closed:?}");
    assert_eq!(rows(&report(&desk, &["inventory", "firm.sealed", "--json"]).ends(0)).len(), by_inspect.len());
}

#[test]
fn no_report_takes_the_place_of_an_archive_or_a_keyring() {
    let desk = planned();
    let catalogue = desk.home.path("home/data/keepuntil/keyring/catalogue.sqlite");
    let config = catalogue.with_file_name("keyring.json");
    for file in [desk.home.path("firm.sealed"), catalogue, config, desk.home.identity(), desk.home.path("plan.json")] {
        let before = fs::read(&file).unwrap();
        let arguments = ["inventory", "--format", "text", "-o", file.to_str().unwrap(), "--force"];
        report(&desk, &arguments).fails(2, "does not begin as this does, and would be lost");
        assert!(fs::read(&file).unwrap() == before, "{}", file.display());
    }
    for name in ["a.txt", "a.txt", "a.pdf", "a.pdf", "a.html", "a.html"] {
        report(&desk, &["inventory", "-o", name, "--force"]).ends(0);
    }
}

#[test]
fn bad_input_ends_in_an_error_and_leaves_no_file() {
    let desk = planned();
    let stranger = Home::new();
    stranger.small_firm();
    stranger.create("theirs.sealed");
    fs::copy(stranger.path("theirs.sealed"), desk.home.path("theirs.sealed")).unwrap();
    fs::copy(stranger.identity(), desk.home.path("stranger.txt")).unwrap();
    let mut damaged = fs::read(desk.home.path("firm.sealed")).unwrap();
    // In the leaves, behind the records.
    let (at, _, size) = support::members(&damaged).into_iter().rfind(|(_, name, _)| name.contains("entries")).unwrap();
    damaged[at + 512 + size / 2] ^= 1;
    desk.home.write("damaged.sealed", &damaged);
    let plan = fs::read_to_string(desk.home.path("plan.json")).unwrap();
    let keyring = one(&desk.at(REPORTED, &["keyring", "info", "--json"]).ends(0), "keyring");
    desk.home.write("other.json", plan.replace(keyring["keyring"].as_str().unwrap(), &"ab".repeat(16)));
    desk.home.write("broken.json", &plan[..plan.len() - 9]);

    let cases: [(&[&str], i32, &str); 10] = [
        (&["inventory", "firm.sealed", "./firm.sealed"], 1, "was named before"),
        (&["calendar", "firm.sealed", "firm.sealed"], 1, "was named before"),
        (&["inventory", "theirs.sealed"], 1, "holds no keys of archive"),
        (&["inventory", "damaged.sealed"], 10, "damaged.sealed"),
        (&["inventory", "firm.sealed", "-i", "stranger.txt"], 12, "no identity"),
        (&["handover", "--to", "X", "--records", "damaged.sealed"], 10, "damaged.sealed"),
        (&["calendar", "damaged.sealed"], 10, "damaged.sealed"),
        (&["destruction", "--plan", "other.json"], 1, "made for keyring"),
        (&["destruction", "--plan", "broken.json"], 10, "broken.json"),
        (&["calendar", "--from", "2030-01-01", "--until", "2029-01-01"], 2, "later than"),
    ];
    report(&desk, &["inventory", "--json", "-o", "out.json"]).fails(2, "out.json");
    assert!(!desk.home.path("out.json").exists());
    for (arguments, code, object) in cases {
        report(&desk, &[arguments, &["-o", "out.html"]].concat()).fails(code, object);
        assert!(!desk.home.path("out.html").exists(), "{arguments:?}");
        desk.home.has_no_leftovers();
    }
    report(&desk, &["calendar", "--format", "csv"]).ends(2);

    // A plan that no longer fits.
    desk.at(REPORTED, &["hold", "place", "early.sealed", "--record", "1", "--matter", "audit", "--authority", "court"])
        .ends(0);
    report(&desk, &["destruction", "--plan", "plan.json", "-o", "out.html"]).fails(11, "stale");
    assert!(!desk.home.path("out.html").exists());
}

#[test]
fn files_are_their_owner_s_and_replace_nothing() {
    let desk = planned();
    for (at, arguments) in REPORTS.iter().enumerate() {
        let name = format!("{at}.html");
        let told = report(&desk, &[arguments, &["-o", &name][..]].concat()).ends(0);
        assert!(told.out.contains(&name), "{told:?}");
        let mode = fs::metadata(desk.home.path(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{arguments:?}");
        report(&desk, &[arguments, &["-o", &name][..]].concat()).fails(1, &name);
        report(&desk, &[arguments, &["-o", &name, "--force", "-q"][..]].concat()).ends(0);
    }
    report(&desk, &["calendar", "--ics", "days.ics", "-q"]).ends(0);
    assert_eq!(fs::metadata(desk.home.path("days.ics")).unwrap().permissions().mode() & 0o777, 0o600);
    let refused = report(&desk, &["calendar", "--ics", "days.ics"]).fails(1, "days.ics");
    assert_eq!(refused.out, "", "nothing is printed before it is known that it can be written");
    assert_eq!(report(&desk, &["calendar", "--ics", "-"]).fails(1, "standard output").out, "");
    for json in [&[][..], &["--json"]] {
        for of in ["calendar", "risks", "compliance"] {
            let refused = report(&desk, &[&[of, "--format", "csv"][..], json].concat()).ends(2);
            assert!(refused.err.contains("no table for spreadsheets"), "{of}: {refused:?}");
            assert!(json.is_empty() || refused.json("error")[0]["exit_code"] == 2, "{of}: {refused:?}");
        }
    }
}

#[test]
fn a_pdf_has_its_fonts_in_it_and_can_be_searched() {
    let desk = firm();
    let identity = desk.home.identity();
    let arguments = ["inventory", "firm.sealed", "-i", identity.to_str().unwrap(), "--lang", "zh", "-o", "a.pdf"];
    report(&desk, &arguments).ends(0);
    let poppler = |program: &str, arguments: &[&str]| match std::process::Command::new(program)
        .args(arguments)
        .current_dir(desk.home.path("."))
        .output()
    {
        Ok(output) => Some(String::from_utf8(output.stdout).unwrap()),
        Err(e) => {
            assert!(std::env::var_os("CI").is_none(), "{program}: {e}");
            eprintln!("NOT TESTED: {program} is not installed");
            None
        }
    };
    let Some(text) = poppler("pdftotext", &["-layout", "a.pdf", "-"]) else { return };
    // How wide the blanks of a page number are is for the layout of that program to say.
    let numbered = text.lines().any(|line| line.replace(' ', "").starts_with("1/"));
    assert!(text.contains("档案保管清册") && numbered, "{text}");
    let fonts = poppler("pdffonts", &["a.pdf"]).unwrap();
    let embedded = fonts.lines().skip(2).filter(|line| line.contains(" yes yes yes ")).count();
    assert!(embedded > 0 && embedded == fonts.lines().count() - 2, "{fonts}");
    let facts = poppler("pdfinfo", &["-meta", "a.pdf"]).unwrap();
    assert!(facts.contains("<pdfaid:part>2</pdfaid:part>") && facts.contains("<pdfaid:conformance>U<"), "{facts}");
    let bad = ["inventory", "-o", "b.pdf", "--font", "firm.sealed"];
    report(&desk, &bad).fails(1, "not a font that can be embedded");
    assert!(!desk.home.path("b.pdf").exists());
}

#[test]
fn reports_change_nothing() {
    let desk = planned();
    let facts = || {
        let keyring = one(&desk.at(REPORTED, &["keyring", "info", "--json"]).ends(0), "keyring");
        let journal = one(&report(&desk, &["handover", "--to", "X", "--json"]).ends(0), "report_handover");
        (keyring, journal["custody"]["journal"].clone(), desk.status(REPORTED, 0))
    };
    let before = facts();
    for arguments in REPORTS {
        report(&desk, arguments).ends(0);
        report(&desk, &[arguments, &["--json"]].concat()).ends(0);
    }
    assert_eq!(facts(), before);
}

#[test]
fn no_hostile_name_and_nothing_outside_gets_into_html_text_or_csv() {
    let desk = planned();
    for language in ["en", "zh"] {
        for arguments in REPORTS {
            let html = report(&desk, &[arguments, &["--format", "html", "--lang", language]].concat()).ends(0).out;
            for outside in ["http", "href", "src=x>", "<img", "<script", "url(", "@import", "\u{1b}"] {
                assert!(!html.contains(outside), "{arguments:?} has {outside}");
            }
            assert!(html.starts_with("<!DOCTYPE html>") && html.ends_with("</html>\n"), "{arguments:?}");
            let text = report(&desk, &[arguments, &["--lang", language]].concat()).ends(0).out;
            assert!(!text.contains('\u{1b}'), "{arguments:?}");
            for line in text.lines() {
                assert!(line.width() <= 80, "{arguments:?}, {} columns: {line}", line.width());
            }
        }
    }
    let named = report(&desk, &["inventory", "firm.sealed", "--format", "html"]).ends(0).out;
    assert!(named.contains("&lt;img src=x onerror=alert(1)&gt;") && named.contains("red \\u{1b}[31m"));
    for arguments in [&["inventory", "firm.sealed"][..], &["destruction", "--plan", "plan.json", "early.sealed"]] {
        report(&desk, &[arguments, &["-o", "list.csv", "--force"]].concat()).ends(0);
        let csv = fs::read(desk.home.path("list.csv")).unwrap();
        assert!(csv.starts_with("\u{feff}".as_bytes()));
        let csv = String::from_utf8(csv).unwrap();
        assert!(csv.ends_with("\r\n") && !csv.replace("\r\n", "").contains('\n') && !csv.contains('\u{1b}'), "{csv}");
        let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(&csv.as_bytes()[3..]);
        let read: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let formula = |cell: &str| cell.starts_with(['=', '+', '-', '@']);
        assert!(!read.iter().flatten().any(formula), "{csv}");
        assert!(read[0][0].contains("outlives"));
        assert!(read[2..].iter().all(|row| row.len() == read[1].len()));
        if arguments[0] == "inventory" {
            assert!(read.iter().flatten().any(|cell| cell == format!("'{FORMULA}")));
        }
    }
}

/// Words of a text that are made of Latin letters.
fn latin(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "-._".contains(c)));
    let words = words.filter(|word| word.chars().filter(char::is_ascii_alphabetic).count() >= 2);
    words
        .filter(|word| word.chars().any(|c| c.is_ascii_alphabetic() && !c.is_ascii_hexdigit()))
        .map(str::to_owned)
        .collect()
}

/// Words of the data and of commands that stand in every edition.
const SAME: [&str; 46] = [
    "UTC",
    "SHA-256",
    "keepuntil",
    "README.txt",
    "tar",
    "age",
    "zstd",
    "JSON",
    "CSV",
    "Lantern",
    "firm.sealed",
    "aml.sealed",
    "early.sealed",
    "records",
    "cn-aml-identity",
    "cn-pi-minimum",
    "consent",
    "relationship-end",
    "lantern.example",
    "lin",
    "wang",
    "journal",
    "Ed25519",
    "ML-DSA-44",
    "report",
    "destruction",
    "--certificate",
    "FILE",
    "verify",
    "ARCHIVE",
    "--deep",
    "certificate",
    "show",
    "due",
    "calendar",
    "status",
    "restore",
    "--journal",
    "example",
    "keyring",
    "check",
    "info",
    "--trust",
    "IDENTITY",
    "CHECKPOINT",
    "vkeys",
];

#[track_caller]
fn is_in_one_language(desk: &Desk, time: &str, arguments: &[&str]) {
    let run = |language| {
        let ran = desk.at(time, &[&["report"], arguments, &["--lang", language]].concat());
        assert!([Some(0), Some(3)].contains(&ran.code), "{ran:?}");
        ran
    };
    let chinese = run("zh");
    // Keys are base64: their lines have a plus sign.
    let lines = chinese.out.lines().filter(|line| !line.starts_with("    keepuntil ") && !line.contains('+'));
    let text = lines.collect::<Vec<_>>().join("\n");
    let foreign: Vec<String> =
        latin(&text).into_iter().filter(|word| !SAME.iter().any(|same| word.contains(same))).collect();
    assert!(foreign.is_empty(), "{arguments:?}: {foreign:?}\n{}", chinese.out);
    let is_chinese = |line: &str| line.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
    assert!(chinese.out.lines().next().is_some_and(is_chinese), "{chinese:?}");
    assert!(chinese.err.lines().all(is_chinese), "{chinese:?}");
    let english = run("en").out;
    let foreign = |c: char| ('\u{3000}'..='\u{9fff}').contains(&c) || ('\u{ff00}'..='\u{ffef}').contains(&c);
    assert!(!english.contains(foreign), "{arguments:?}: {english}");
}

#[test]
fn each_edition_is_in_one_language() {
    let desk = planned();
    for arguments in REPORTS.into_iter().filter(|arguments| !arguments.iter().any(|word| word.ends_with(".sealed"))) {
        is_in_one_language(&desk, REPORTED, arguments);
    }
    let certificate = destroyed(&desk);
    // Short, since its path has words of the machine.
    fs::copy(certificate, desk.home.path("certificate")).unwrap();
    is_in_one_language(&desk, "2026-12-02 11:00:00", &["destruction", "--certificate", "certificate"]);
    is_in_one_language(&desk, "2026-12-02 11:00:00", &["inventory", "--destroyed"]);
}

#[test]
fn the_list_before_says_what_the_plan_says_and_the_one_after_what_the_certificate_says() {
    let desk = planned();
    let plan: Value = serde_json::from_slice(&fs::read(desk.home.path("plan.json")).unwrap()).unwrap();
    let before = report(&desk, &["destruction", "--plan", "plan.json", "early.sealed", "--json"]).ends(0);
    let head = one(&before, "report_plan");
    assert_eq!((&head["keyring"], &head["approvals_needed"]), (&plan["keyring"], &plan["approvals_needed"]));
    assert_eq!(head["cool_off_days"], 7);
    let listed = before.json("report_planned");
    let planned = plan["records"].as_array().unwrap();
    assert_eq!(listed.len(), planned.len());
    for (row, planned) in listed.iter().zip(planned) {
        for key in ["archive", "record", "rules", "until", "class", "early"] {
            assert_eq!(row[key], planned[key], "{key}");
        }
        assert_eq!(row["kept_from"], "2026-11-22");
    }
    let inspected = desk.at(REPORTED, &["inspect", "early.sealed", "--record", "1", "--json"]).ends(0);
    assert_eq!(listed[0]["name"], one(&inspected, "record")["label"]["name"]);

    desk.sign("lin", "keepuntil-plan", "plan.json");
    desk.at(REPORTED, &["purge", "--execute", "plan.json", "--approval", "plan.json.lin.sig"]).ends(0);
    let scheduled = report(&desk, &["destruction", "--plan", "plan.json", "--json"]).ends(0);
    let stage = &one(&scheduled, "report_plan");
    assert_eq!((&stage["not_before"], &stage["held_count"]), (&Value::from("2026-11-30"), &Value::from(0)));
    let hold = ["hold", "place", "early.sealed", "--record", "1", "--matter", "audit", "--authority", "court"];
    let hold = desk.at(REPORTED, &[&hold[..], &["--json"]].concat()).ends(0);
    let held = report(&desk, &["destruction", "--plan", "plan.json"]).ends(0);
    assert!(held.out.contains("1 record of the plan is held now"), "{held:?}");
    let id =
        serde_json::from_str::<Value>(hold.out.lines().next().unwrap()).unwrap()["hold"].as_str().unwrap().to_owned();
    desk.at(REPORTED, &["hold", "release", &id]).ends(0);

    let done = desk.at("2026-12-02 10:00:00", &["purge", "--execute", "plan.json", "--json"]).ends(0);
    let path = one(&done, "destroyed")["certificate"].as_str().unwrap().to_owned();
    let text = fs::read_to_string(&path).unwrap();
    let certificate: Value = serde_json::from_str(&text).unwrap();
    let keys = desk.at(REPORTED, &["keyring", "info", "--vkeys"]).ends(0).out;
    desk.home.write("vkeys", keys);
    // Whoever has no keyring can make it.
    let stranger = Desk::new();
    fs::copy(desk.home.path("vkeys"), stranger.home.path("vkeys")).unwrap();
    stranger.home.write("c.json", &text);
    let list = ["destruction", "--certificate", "c.json"];
    let unchecked = report(&stranger, &list).ends(3);
    assert!(unchecked.out.contains("NOT checked"), "{unchecked:?}");
    let with_keys = [&list[..], &["--journal", "vkeys"]].concat();
    let checked = report(&stranger, &with_keys).ends(0);
    assert!(!checked.out.contains("NOT checked") && checked.out.contains("keepuntil certificate verify"));
    let after = report(&stranger, &[&with_keys[..], &["--json"]].concat()).ends(0);
    assert_eq!(one(&after, "report_certificate")["purge"], certificate["purge"]);
    let listed = after.json("report_destroyed");
    let destroyed = certificate["records"].as_array().unwrap();
    assert_eq!(listed.len(), destroyed.len());
    for (row, destroyed) in listed.iter().zip(destroyed) {
        for key in ["archive", "record", "compartment", "class", "rules", "kept_from", "until", "early"] {
            assert_eq!(row[key], destroyed[key], "{key}");
        }
        assert_eq!(row["destroyed_on"], destroyed["destroyed"]);
    }
    stranger.home.write("c.json", text.replace("\"record\": 1,", "\"record\": 3,"));
    report(&stranger, &with_keys).fails(10, "c.json");
    desk.at("2026-12-02 11:00:00", &["report", "destruction", "--plan", "plan.json"]).fails(11, "stale");
}

#[test]
fn what_people_decide_is_blank() {
    let desk = planned();
    for language in ["en", "zh"] {
        let arguments = ["destruction", "--plan", "plan.json", "early.sealed", "--format", "html", "--lang", language];
        let html = report(&desk, &arguments).ends(0).out;
        assert!(html.matches('□').count() >= 9, "{html}");
        assert!(!html.contains(['☑', '☒', '✓', '✔', '■']));
        for block in html.split("<div class=\"sign\">").skip(1) {
            let block = block.split("</div>").next().unwrap();
            let cells = block.split("<td").skip(1).map(|cell| cell.split_once('>').unwrap().1);
            assert!(cells.clone().count() >= 3, "{block}");
            assert!(cells.into_iter().all(|cell| cell.starts_with("</td>")), "{block}");
        }
    }
    let html = report(&desk, &["handover", "--to", "Lantern", "--from", "Firm", "--format", "html"]).ends(0).out;
    let signing: String = html.split("<div class=\"sign\">").skip(1).collect();
    assert_eq!(signing.matches("<td>Lantern</td>").count() + signing.matches("<td>Firm</td>").count(), 4, "{signing}");
    let filled = signing.matches("<td").count() - signing.matches("></td>").count();
    assert_eq!(filled, 4, "only the organisations are filled in");
}

#[test]
fn the_handover_says_what_the_keyring_says_and_no_secret() {
    let desk = planned();
    let sheet = ["keyring", "export", "firm.sealed", "--record", "1", "-o", "sheet.txt"];
    desk.at(REPORTED, &sheet).ends(0);
    let known = one(&desk.at(REPORTED, &["keyring", "info", "--json"]).ends(0), "keyring");
    let ran = report(&desk, &["handover", "--to", "Lantern", "--records", "--json", "firm.sealed"]).ends(0);
    let head = one(&ran, "report_handover");
    for key in ["keyring", "firm", "generation", "verifier_keys"] {
        assert_eq!(head["custody"][key], known[key], "{key}");
    }
    assert_eq!(head["custody"]["key_sheets"].as_array().unwrap().len(), 1);
    assert_eq!(head["custody"]["roster"]["principals"].as_array().unwrap().len(), 2);
    assert_eq!(head["custody"]["hold_count"], 1);
    for (archive, known) in head["archives"].as_array().unwrap().iter().zip(known["archives"].as_array().unwrap()) {
        for key in ["archive", "root", "record_count"] {
            assert_eq!(archive[key], known[key], "{key}");
        }
    }
    let status = desk.status(REPORTED, 0);
    let sum = |key: &str| ran.json("report_group").iter().map(|group| group[key].as_u64().unwrap()).sum::<u64>();
    assert_eq!(status["states"]["live"], sum("record_count"));
    assert_eq!(status["states"]["held"], sum("held_count"));
    assert_eq!(rows(&ran).len() as u64, sum("record_count"));

    // The root of the journal is the one that its signed head has.
    desk.at(REPORTED, &["journal", "export", "-o", "journal"]).ends(0);
    let checkpoint = fs::read_to_string(desk.home.path("journal/checkpoint")).unwrap();
    let lines: Vec<&str> = checkpoint.lines().collect();
    let journal = &head["custody"]["journal"];
    assert_eq!((journal["origin"].as_str(), journal["entries"].to_string().as_str()), (Some(lines[0]), lines[1]));
    use base64::Engine as _;
    let root = base64::prelude::BASE64_STANDARD.decode(lines[2]).unwrap();
    assert_eq!(journal["root"], hex::encode(root));
    assert!(journal["signed_entries"].as_u64() < journal["entries"].as_u64(), "nothing was signed by it");

    let root = fs::read_dir(known["root_path"].as_str().unwrap())
        .unwrap()
        .map(|entry| fs::read(entry.unwrap().path()).unwrap());
    let roots: Vec<Vec<u8>> = root.collect();
    for more in [&["--json"][..], &[], &["--format", "html"], &["--lang", "zh"]] {
        let out =
            report(&desk, &[&["handover", "--to", "Lantern", "--records", "firm.sealed"], more].concat()).ends(0).out;
        assert!(!out.contains("SECRET-KEY"), "{out}");
        for slot in &roots {
            for window in slot.chunks(16).filter(|window| window.len() == 16 && window.iter().any(|byte| *byte != 0)) {
                assert!(!out.contains(&hex::encode(window)));
            }
        }
        if more != ["--json"] {
            assert!(out.contains("hands over nothing by itself") || out.contains("本身不移交任何内容"), "{out}");
        }
    }
}

#[test]
fn the_calendar_counts_each_live_record_once_and_its_months_are_those_of_status() {
    let desk = planned();
    let status = desk.status(REPORTED, 0);
    for by in ["month", "year"] {
        let ran = report(&desk, &["calendar", "--by", by, "--stack", "rule", "--json", "firm.sealed"]).ends(0);
        let sum = one(&ran, "report_calendar_summary");
        let mut months = BTreeMap::new();
        for period in ran.json("report_period") {
            let parts = period["parts"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum::<u64>();
            assert_eq!(period["record_count"], parts);
            months.insert(period["of"].as_str().unwrap().to_owned(), parts);
        }
        let awaiting = sum["awaiting_sums"]
            .as_object()
            .unwrap()
            .values()
            .map(|of| of["record_count"].as_u64().unwrap())
            .sum::<u64>();
        let all = months.values().sum::<u64>() + awaiting + sum["permanent_sum"]["record_count"].as_u64().unwrap();
        assert_eq!(status["states"]["live"], all);
        assert_eq!(sum["live_sum"]["record_count"], all);
        assert_eq!(sum["live_sum"]["held_count"], status["states"]["held"]);
        assert_eq!(awaiting, 2);
        if by == "month" {
            let of_status = status["ends_by_month"].as_object().unwrap();
            let of_status = of_status.iter().map(|(month, n)| (month.clone(), n.as_u64().unwrap())).collect();
            assert_eq!(months, of_status);
        }
        let bytes: u64 = ran.json("report_period").iter().map(|period| period["bytes"].as_u64().unwrap()).sum();
        let sizes = desk.at(REPORTED, &["inspect", "firm.sealed", "--json"]).ends(0).json("record");
        assert_eq!(bytes, sizes.iter().map(|record| record["size"].as_u64().unwrap()).sum::<u64>());
    }
    let window = ["calendar", "--from", "2030-01-01", "--until", "2036-12-31", "--json"];
    assert!(report(&desk, &window).ends(0).json("report_period").is_empty(), "the first day is 2037-01-01");
    let window = ["calendar", "--from", "2037-01-01", "--until", "2037-01-01", "--json"];
    assert_eq!(report(&desk, &window).ends(0).json("report_period").len(), 1);
}

#[test]
fn the_calendar_file_has_a_day_for_each_date_and_names_nothing() {
    let desk = planned();
    report(&desk, &["calendar", "--ics", "a.ics", "-q", "firm.sealed"]).ends(0);
    report(&desk, &["calendar", "--ics", "b.ics", "-q", "--lang", "zh"]).ends(0);
    let read = |name: &str| fs::read_to_string(desk.home.path(name)).unwrap();
    let (english, chinese) = (read("a.ics"), read("b.ics"));
    let of = |file: &str, key: &str| -> Vec<String> {
        file.lines().filter(|line| line.starts_with(key)).map(str::to_owned).collect()
    };
    for file in [&english, &chinese] {
        assert!(
            file.starts_with("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n") && file.ends_with("END:VCALENDAR\r\n"),
            "{file}"
        );
        assert!(!file.replace("\r\n", "").contains(['\n', '\r']));
        assert!(file.split("\r\n").all(|line| line.len() <= 75), "{file}");
        for name in ["Smith", "沐阳", "img", "HYPERLINK", "clients"] {
            assert!(!file.contains(name), "{name}");
        }
        assert_eq!(of(file, "DTSTART"), ["DTSTART;VALUE=DATE:20291123", "DTSTART;VALUE=DATE:20370101"]);
        assert_eq!(of(file, "DTSTAMP").len(), 2);
    }
    assert_eq!(of(&english, "UID"), of(&chinese, "UID"), "the same day of the same keyring");
    let unfolded = chinese.replace("\r\n ", "");
    assert!(unfolded.contains("条记录") && !unfolded.contains("record"), "{unfolded}");
    // What is past stands on the day on which it was made.
    desk.travel("2037-03-01 09:00:00");
    desk.at("2037-03-01 10:00:00", &["report", "calendar", "--ics", "c.ics", "-q"]).ends(0);
    assert_eq!(of(&read("c.ics"), "DTSTART"), ["DTSTART;VALUE=DATE:20370301"]);
}
