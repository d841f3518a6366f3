//! Reports on disclosures, compliance, assessment, risks and cost: they say what keyring and journal say, and nothing else.
//!
//! Needs Debian's `faketime` and `ssh-keygen`.

mod desk;
mod support;

use desk::{Desk, SEALED};
use keepuntil::disclosure::ledger::{DOCUMENT, Ledger};
use keepuntil::keyring::Update;
use keepuntil::ops::destruction::CERTIFICATES;
use keepuntil::ops::report::risks::Kind;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use support::{Home, Ran};
use unicode_width::UnicodeWidthStr;

const AUDITOR: &str = "auditor@cpa.example";
/// What a requester writes who means ill.
const HOSTILE: &str = "<script src=\"http://evil.example/x\">alert('Quillon')</script> & \"so\"";
const ASKED: &str = "2026-11-22 11:00:00";
const GRANTED: &str = "2026-11-22 12:00:00";
const REFUSED: &str = "2026-11-25 12:30:00";
const LATER: &str = "2026-11-26 09:00:00";
const OVERDUE: &str = "2027-01-05 09:00:00";

/// A desk with `firm.sealed` (three records until 2036-12-31) and `books.sealed` (one, under a Chinese rule), a disclosure policy
/// and a roster on which the auditor is too.
fn office() -> Desk {
    let desk = Desk::new();
    desk.home.small_firm();
    desk.home.write("books/2025/voucher.csv", "1,2,3\n");
    let key = desk.home.path("auditor");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
    assert!(made.unwrap().success());
    let people = fs::read_to_string(desk.home.path("people.txt")).unwrap();
    let public = fs::read_to_string(key.with_extension("pub")).unwrap();
    desk.home.write("people.txt", format!("{people}{AUDITOR} {public}"));
    desk.home
        .write("policy.toml", format!("[approvals]\nconfidential = 1\n\n[[requester]]\nprincipal = \"{AUDITOR}\"\n"));
    desk.at(SEALED, &["create", "-o", "firm.sealed", "--until", "2036-12-31", "clients"]).ends(0);
    let rule = ["create", "-o", "books.sealed", "--rule", "cn-accounting-voucher", "--dated", "2025-06-30", "books"];
    desk.at(SEALED, &rule).ends(0);
    desk.at(SEALED, &["roster", "disclosure", "policy.toml"]).ends(0);
    desk.at(SEALED, &["roster", "set", "people.txt"]).ends(0);
    desk
}

fn ask(desk: &Desk, name: &str, records: &str) {
    let output = format!("{name}.json");
    let asked = ["request", "new", "firm.sealed", "--record", records, "--purpose", "audit", "--explain", HOSTILE];
    let by = ["--as", AUDITOR, "--sign-with", "auditor", "-o", &output];
    desk.at(ASKED, &[&asked[..], &by].concat()).ends(0);
}

/// One request that was granted, one that was refused, one without an answer.
fn asked(desk: &Desk) {
    ask(desk, "mine", "1-2");
    let conditions = ["request", "propose", "mine.json", "--no-copies", "--destroy-by", "2026-12-31"];
    desk.at(ASKED, &[&conditions[..], &["-o", "proposal.json"]].concat()).ends(0);
    desk.sign("lin", "keepuntil-approval", "proposal.json");
    desk.at(GRANTED, &["grant", "firm.sealed", "proposal.json", "--request", "mine.json", "-o", "grant.json"]).ends(0);
    ask(desk, "other", "3");
    desk.at(ASKED, &["request", "propose", "other.json", "-o", "other-proposal.json"]).ends(0);
    let why = ["refuse", "other.json", "--reason", "out-of-scope", "--explain", "<b>not Quillon</b>"];
    desk.at(REFUSED, &[&why[..], &["-o", "refusal.json"]].concat()).ends(0);
    ask(desk, "open", "3");
    desk.at(REFUSED, &["request", "propose", "open.json", "-o", "open-proposal.json"]).ends(0);
}

/// The data of a report.
fn report(desk: &Desk, time: &str, name: &str, more: &[&str], code: i32) -> Value {
    let ran = desk.at(time, &[&["report", name, "--json"], more].concat()).ends(code);
    assert_eq!(ran.out.lines().count(), 1, "{ran:?}");
    ran.json(&format!("report_{name}")).remove(0)
}

fn findings(report: &Value) -> BTreeSet<String> {
    report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["finding"].as_str().unwrap().to_owned())
        .collect()
}

fn risks(report: &Value) -> Vec<String> {
    report["risks"].as_array().unwrap().iter().map(|risk| risk["risk"].as_str().unwrap().to_owned()).collect()
}

fn set(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn disclosures_are_told_as_ledger_and_journal_have_them() {
    let desk = office();
    let none = desk.at(LATER, &["report", "disclosures", "--lang", "zh"]).ends(0).out;
    assert!(none.contains("未曾有过授权") && !none.contains("均已确认"), "{none}");
    asked(&desk);
    let told = report(&desk, LATER, "disclosures", &[], 0);
    let known = desk.at(LATER, &["disclosures", "--json"]).ends(0);
    let entries = desk.at(LATER, &["journal", "show", "--json"]).ends(0).json("entry");
    let requests = told["requests"].as_array().unwrap();
    assert_eq!(requests.len(), 3);
    assert_eq!(told["all"], json!({ "request_count": 3, "granted_count": 1, "refused_count": 1, "open_count": 1 }));
    assert_eq!((&told["by_purpose"]["audit"], &told["taken_by_month"]["2026-11"]), (&told["all"], &told["all"]));
    assert_eq!((&told["refused_by_reason"], &told["disagreements"]), (&json!({ "out-of-scope": 1 }), &json!([])));
    let grant = &known.json("granted")[0];
    let of_grant = requests.iter().find(|request| request["answered"]["outcome"] == "granted").unwrap();
    for key in ["grant", "granted", "records", "valid_from", "valid_until", "approvals", "conditions", "journal_entry"]
    {
        assert_eq!(of_grant["answered"][key], grant[key], "{key}");
    }
    assert_eq!((&of_grant["requester"], &of_grant["request"]), (&grant["requester"], &grant["request"]));
    assert_eq!(of_grant["wording"]["explanation"], HOSTILE);
    let of_refusal = requests.iter().find(|request| request["answered"]["outcome"] == "refused").unwrap();
    let refused = known.json("requested").into_iter().find(|request| request["state"] == "refused").unwrap();
    for (mine, theirs) in [("refusal", "refusal"), ("refused", "refused"), ("reason", "reason")] {
        assert_eq!(of_refusal["answered"][mine], refused[theirs], "{mine}");
    }
    // Taken when it was proposed, answered three days later.
    assert_eq!((of_refusal["days"].as_i64(), &of_refusal["taken"]), (Some(3), &refused["taken"]));
    for request in requests {
        let index = request["journal_entry"].as_u64().unwrap() as usize;
        let entry = entries.iter().find(|entry| entry["journal_entry"] == index).unwrap();
        assert_eq!(
            (&entry["kind"], &entry["leaf"]["entry"]["request"]["request"]),
            (&json!("request"), &request["request"]),
            "{entry}"
        );
    }
    // A period is that of the days on which requests were taken, both ends included.
    let of_days = |since: &str, until: &str| {
        let told = report(&desk, LATER, "disclosures", &["--since", since, "--until", until], 0);
        told["all"]["request_count"].as_u64().unwrap()
    };
    assert_eq!((of_days("2026-11-22", "2026-11-22"), of_days("2026-11-23", "2026-11-25")), (2, 1));
    assert_eq!(of_days("2026-11-26", "2027-11-25"), 0);
    desk.at(LATER, &["report", "disclosures", "--since", "2027-01-01", "--until", "2026-01-01"]).ends(2);
}

#[test]
fn what_is_owed_is_told_and_what_was_forgotten_is_not() {
    let desk = office();
    asked(&desk);
    desk.travel(OVERDUE);
    let told = report(&desk, OVERDUE, "disclosures", &["--since", "2027-01-01"], 3);
    assert_eq!(told["requests"], json!([]));
    let owed = &told["owed_late"][0];
    assert_eq!(
        (&owed["what"], &owed["due"], &owed["records"]),
        (&json!("destroyed"), &json!("2026-12-31"), &json!("1-2"))
    );
    let text = desk.at(OVERDUE, &["report", "disclosures"]).ends(3).out;
    assert!(text.contains("! 1 promise is overdue.") && text.contains("Quillon"), "{text}");
    let grant = fs::read_to_string(desk.home.path("grant.json")).unwrap();
    let grant: Value = serde_json::from_str(&grant).unwrap();
    let data = desk.at(OVERDUE, &["report", "disclosures", "--json"]).ends(3).out;
    for secret in ["keys", "address"] {
        assert!(!data.contains(grant[secret].as_str().unwrap()), "{secret}");
    }
    // Destroyed, the records take the words with them.
    desk.travel("2037-03-01 09:00:00");
    desk.at("2037-03-01 10:00:00", &["purge", "--unattended"]).ends(0);
    desk.at("2037-03-09 12:00:00", &["purge", "--unattended"]).ends(0);
    let after = desk.at("2037-03-09 13:00:00", &["report", "disclosures", "--json"]).ends(3);
    assert!(!after.out.contains("Quillon"), "{after:?}");
    let after = after.json("report_disclosures").remove(0);
    assert!(after["requests"].as_array().unwrap().iter().all(|request| request["wording"].is_null()));
    let text = desk.at("2037-03-09 13:00:00", &["report", "disclosures"]).ends(3).out;
    assert!(text.contains("forgotten with a record that was destroyed") && !text.contains("Quillon"), "{text}");
}

#[test]
fn what_only_one_of_ledger_and_journal_has_is_listed() {
    let desk = office();
    asked(&desk);
    let documents = vec![(DOCUMENT.to_owned(), Ledger::default().to_bytes().unwrap())];
    desk.home.open_keyring().store(Update { documents, ..Update::default() }).unwrap();
    let told = report(&desk, LATER, "disclosures", &[], 3);
    let lists = told["disagreements"].as_array().unwrap();
    let count = |what: &str| lists.iter().filter(|it| it["what"] == what && it["only_in"] == "journal").count();
    assert_eq!((count("request"), count("refusal"), count("grant"), lists.len()), (3, 1, 1, 5));
    assert!(findings(&report(&desk, LATER, "compliance", &[], 3)).contains("ledger-and-journal-differ"));
}

#[test]
fn a_journal_that_does_not_verify_has_no_report() {
    let desk = office();
    desk.at(LATER, &["report", "compliance", "-o", "good.html"]).ends(3);
    let catalogue = rusqlite::Connection::open(desk.home.keyring_dir().join("catalogue.sqlite")).unwrap();
    let other = "UPDATE log_leaf SET body = (SELECT body FROM log_leaf WHERE idx = 0) WHERE idx = 1";
    assert_eq!(catalogue.execute(other, []), Ok(1));
    drop(catalogue);
    desk.at(LATER, &["report", "compliance", "-o", "bad.html"]).fails(10, "");
    assert!(desk.home.path("good.html").exists() && !desk.home.path("bad.html").exists());
}

#[test]
fn rules_are_cited_with_who_says_so() {
    let desk = office();
    let told = report(&desk, LATER, "compliance", &[], 3);
    let line = |told: &Value, rule: &str| {
        told["by_rules"].as_array().unwrap().iter().find(|line| line["rule"] == rule).unwrap().clone()
    };
    let voucher = line(&told, "cn-accounting-voucher");
    assert_eq!(
        (&voucher["live_count"], &voucher["first_day"], &voucher["last_day"]),
        (&json!(1), &json!("2055-12-31"), &json!("2055-12-31"))
    );
    assert_eq!((&voucher["source"], &voucher["confidence"]), (&json!("built-in"), &json!("M")));
    assert!(voucher["citation"].as_str().unwrap().contains("会计档案管理办法"), "{voucher}");
    let chosen = line(&told, "");
    assert_eq!(
        (&chosen["live_count"], &chosen["last_day"], &chosen["source"]),
        (&json!(3), &json!("2036-12-31"), &json!(null))
    );
    let named = report(&desk, LATER, "compliance", &["books.sealed"], 3);
    assert_eq!(line(&named, "cn-accounting-voucher")["source"], "archive");
    // A rule of the firm's own is known only by its archive.
    desk.home.write("own/a.txt", "x");
    let policy = "[[rule]]\nid = \"own-rule\"\ntitle = \"Own\"\ncitation = \"Board of 2020\"\nperiod = \"P50Y\"\n\
        base = \"creation\"\ncounting = \"day\"\n\n[[compartment]]\nname = \"a\"\nclass = \"public\"\n\n[[records]]\n\
        path = \"**\"\nrecord = \"rest\"\ncompartment = \"a\"\nrule = [\"own-rule\"]\n";
    desk.home.write("own.toml", policy);
    desk.at(LATER, &["create", "-o", "own.sealed", "--policy", "own.toml", "own"]).ends(0);
    let told = report(&desk, LATER, "compliance", &[], 3);
    assert!(findings(&told).contains("rule-without-citation"));
    let told = report(&desk, LATER, "compliance", &["own.sealed"], 3);
    assert!(!findings(&told).contains("rule-without-citation"));
    assert_eq!(line(&told, "own-rule")["citation"], "Board of 2020");
}

#[test]
fn findings_are_what_is_so_and_purges_are_told_by_their_certificates() {
    let desk = office();
    let quiet = findings(&report(&desk, LATER, "compliance", &[], 3));
    assert_eq!(quiet, set(&["clock-never-confirmed", "journal-never-witnessed"]));
    desk.travel("2037-03-01 09:00:00");
    desk.at("2037-03-01 09:10:00", &["hold", "place", "books.sealed", "--matter", "case 7", "--authority", "court"])
        .ends(0);
    let due = report(&desk, "2037-03-01 09:30:00", "compliance", &[], 3);
    assert!(findings(&due).contains("records-overdue"), "{due}");
    assert_eq!(due["states"]["overdue"], 3);
    assert_eq!((&due["holds"][0]["matter"], &due["past"]["purges"]), (&json!("case 7"), &json!([])));
    desk.at("2037-03-01 10:00:00", &["purge", "--unattended"]).ends(0);
    let done = desk.at("2037-03-09 12:00:00", &["purge", "--unattended", "--json"]).ends(0).json("destroyed");
    let id = done[0]["purge"].as_str().unwrap();
    desk.at("2037-03-09 12:30:00", &["verify", "books.sealed", "--note"]).ends(0);
    let after = report(&desk, "2037-03-09 13:00:00", "compliance", &[], 3);
    assert_eq!(findings(&after), set(&["journal-never-witnessed"]));
    let purge = &after["past"]["purges"][0];
    assert_eq!((&purge["purge"], &purge["record_count"]), (&json!(id), &json!(3)));
    assert_eq!((&purge["cool_off_days"], &purge["cool_off_kept"]), (&json!(7), &json!(true)));
    assert_eq!(purge["certified"]["early_count"], 0);
    assert_eq!(after["past"]["verifications"][0]["whole"], true);
    assert_eq!(after["past"]["clock_confirmations"][0]["by"], "approver");
    assert_eq!(after["journal"]["entries"], desk.at(LATER, &["journal", "show", "--json"]).json("entry").len());
    let early = report(&desk, "2037-03-09 13:00:00", "compliance", &["--until", "2037-03-08"], 3);
    assert_eq!(early["past"]["purges"], json!([]));
    // A certificate that is not there, or another, does not count.
    let path = desk.home.keyring_dir().join(CERTIFICATES).join(format!("{id}.json"));
    let whole = fs::read_to_string(&path).unwrap();
    let proof =
        serde_json::from_str::<Value>(&whole).unwrap()["journal"]["proof"].as_str().unwrap().trim_end().to_owned();
    // Not at its end, where an ML-DSA signature is padded with zeros.
    let signature = &proof[proof.len() - 440..proof.len() - 408];
    let other: String = signature.chars().rev().collect();
    assert!(whole.matches(signature).count() == 1 && other != signature);
    let forged = whole.replace(signature, &other);
    for changed in [whole.replacen("\"early\": false", "\"early\": true", 1), forged, String::new()] {
        assert_ne!(changed, whole);
        fs::write(&path, &changed).unwrap();
        let told = report(&desk, "2037-03-09 13:10:00", "compliance", &[], 3);
        assert!(findings(&told).contains("certificate-missing"), "{told}");
    }
    fs::remove_file(&path).unwrap();
    assert!(findings(&report(&desk, "2037-03-09 13:10:00", "compliance", &[], 3)).contains("certificate-missing"));
}

#[test]
fn an_assessment_counts_facts_and_asks_for_judgements() {
    let desk = office();
    asked(&desk);
    let unanswered = report(&desk, LATER, "assessment", &["firm.sealed"], 3);
    assert_eq!(unanswered["unanswered"].as_array().unwrap().len(), 20);
    assert_eq!((&unanswered["date"], &unanswered["keep_until"]), (&json!("2026-11-26"), &json!("2029-11-26")));
    let facts = &unanswered["facts"];
    let status = desk.status(LATER, 0);
    assert_eq!((&facts["states"]["live"], &facts["archive_count"]), (&status["states"]["live"], &json!(2)));
    assert_eq!((&facts["first_day"], &facts["last_day"]), (&json!("2036-12-31"), &json!("2055-12-31")));
    assert_eq!(facts["disclosure_policy"]["requesters"][0]["principal"], AUDITOR);
    assert_eq!((&facts["outcomes"]["granted_count"], &facts["not_named_count"]), (&json!(1), &json!(1)));
    assert_eq!(facts["access"][0]["recipient_counts"], json!({ "mlkem768x25519": 1 }));
    desk.at(LATER, &["report", "assessment", "--questions", "-o", "answers.toml"]).ends(0);
    let template = fs::read_to_string(desk.home.path("answers.toml")).unwrap();
    assert!(template.contains("# 个人信息处理者") && template.contains("# Who handles"), "{template}");
    let one = template.replacen("name = \"\"", "name = '''<b>Lantern</b> \"Accounting\"\n清算组'''", 1);
    desk.home.write("one.toml", &one);
    let answered = report(&desk, LATER, "assessment", &["--answers", "one.toml"], 3);
    assert_eq!(answered["answers"], json!({ "handler.name": "<b>Lantern</b> \"Accounting\"\n清算组" }));
    assert_eq!(answered["unanswered"].as_array().unwrap().len(), 19);
    let all: String = template
        .lines()
        .map(|line| if line.ends_with(" = \"\"") { line.replace("\"\"", "\"x\"") } else { line.into() } + "\n")
        .collect();
    desk.home.write("all.toml", all);
    report(&desk, LATER, "assessment", &["--answers", "all.toml"], 0);
    desk.home.write("wrong.toml", "[handler]\nname = \"x\"\nrisk = \"low\"\n");
    let wrong = ["report", "assessment", "--answers", "wrong.toml", "-o", "never.html"];
    desk.at(LATER, &wrong).fails(1, "wrong.toml: line 3: risk: there is no such question");
    assert!(!desk.home.path("never.html").exists());
    // The tool states no level of risk of its own.
    let text = desk.at(LATER, &["report", "assessment"]).ends(3).out.to_lowercase();
    for judgement in ["low risk", "high risk", "risk: low", "is lawful", "is sufficient", "acceptable"] {
        assert!(!text.contains(judgement), "{judgement}");
    }
}

#[test]
fn risks_are_told_where_they_are_and_in_their_order() {
    let desk = office();
    let told = report(&desk, LATER, "risks", &["firm.sealed", "books.sealed"], 0);
    let found = risks(&told);
    for there in ["sole-custodian", "identity-beside-keyring", "one-approver", "requester-approves", "never-witnessed"]
    {
        assert!(found.contains(&there.to_owned()), "{there}: {found:?}");
    }
    for not_there in ["records-overdue", "nobody-approves", "no-cool-off", "key-sheets-alive", "classical-recipients"] {
        assert!(!found.contains(&not_there.to_owned()), "{not_there}: {found:?}");
    }
    let levels: Vec<&str> =
        told["risks"].as_array().unwrap().iter().map(|risk| risk["level"].as_str().unwrap()).collect();
    let rank = |level: &&str| ["now", "one-step", "unseen"].iter().position(|known| known == level).unwrap();
    assert!(levels.iter().map(rank).is_sorted(), "{levels:?}");
    let order: Vec<Value> = Kind::ALL.iter().map(|kind| json!(kind)).collect();
    let place = |code: &String| order.iter().position(|known| known == code.as_str()).unwrap();
    assert!(found.iter().map(place).is_sorted(), "{found:?}");
    let skipped = |told: &Value| told["not_looked_at"].as_array().unwrap().contains(&json!("classical-recipients"));
    assert!(!skipped(&told) && skipped(&report(&desk, LATER, "risks", &["firm.sealed"], 0)));
    let of = |told: &Value, code: &str| {
        told["risks"].as_array().unwrap().iter().find(|risk| risk["risk"] == code).cloned().unwrap_or_default()
    };
    assert_eq!(
        (of(&told, "requester-approves")["about"][0].as_str(), of(&told, "sole-custodian")["count"].as_u64()),
        (Some(AUDITOR), Some(4))
    );
    // What changes them.
    desk.at(LATER, &["keyring", "export", "firm.sealed", "--record", "1", "-o", "sheet.txt"]).ends(0);
    desk.travel(OVERDUE);
    let told = report(&desk, OVERDUE, "risks", &[], 0);
    assert_eq!(
        (of(&told, "key-sheets-alive")["count"].as_u64(), risks(&told).contains(&"clock-never-confirmed".into())),
        (Some(1), false)
    );
    let jumped = report(&desk, "2036-01-01 09:00:00", "risks", &[], 3);
    assert_eq!(
        (&jumped["risks"][0]["risk"], &jumped["risks"][0]["level"]),
        (&json!("clock-not-trusted"), &json!("now"))
    );
    let alone = Home::new();
    alone.small_firm();
    alone.create("firm.sealed");
    let ran = alone.run(&["report", "risks", "--json"]).ends(0).json("report_risks").remove(0);
    assert!(risks(&ran).contains(&"nobody-approves".to_owned()), "{ran}");
}

#[test]
fn cost_is_bytes_times_days_and_exact_money() {
    let desk = office();
    let now = "2036-12-30 10:00:00";
    desk.travel(now);
    let inspected = desk.at(now, &["inspect", "firm.sealed", "--json"]).ends(0);
    let sizes: Vec<u64> = inspected
        .out
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|value| {
            (value["message_type"] == "record").then(|| value["size"].as_u64().or(value["bytes"].as_u64()))?
        })
        .collect();
    let told = report(&desk, now, "cost", &["firm.sealed", "--price", "1000000000"], 0);
    let archive = &told["archives"][0];
    if !sizes.is_empty() {
        assert_eq!(archive["live_count"].as_u64(), Some(sizes.iter().sum()), "{inspected:?}");
    }
    let (live, bytes) = (archive["live_count"].as_u64().unwrap(), archive["bytes"].as_u64().unwrap());
    assert_eq!(bytes, fs::metadata(desk.home.path("firm.sealed")).unwrap().len());
    assert_eq!(archive["other_bytes"].as_u64(), Some(bytes - live));
    // Today and the last day: two days.
    let year = &told["years"][0];
    assert_eq!(told["years"].as_array().unwrap().len(), 1);
    assert_eq!(
        (year["year"].as_i64(), year["record_count"].as_u64(), year["freed_bytes"].as_u64()),
        (Some(2036), Some(3), Some(live))
    );
    assert_eq!(year["byte_days"], (2 * live).to_string());
    assert_eq!(year["whole_byte_days"], (2 * bytes).to_string());
    // 10⁹ for 10¹² bytes and 366 days, in hundredths, half up.
    let hundredths = |byte_days: u128| (byte_days * 100 * 2 + 366 * 1000) / (2 * 366 * 1000);
    let money = |n: u128| format!("{}.{:02}", n / 100, n % 100);
    assert_eq!(told["saved"]["price"], money(hundredths(u128::from(2 * live))), "{told}");
    assert_eq!(told["kept_whole"]["price"], money(hundredths(u128::from(2 * bytes))));
    assert_eq!(told["undated"][0]["why"], "other");
    let plain = report(&desk, now, "cost", &["firm.sealed"], 0);
    assert_eq!(
        (&plain["price_given"], &plain["currency"], &plain["saved"]["price"]),
        (&json!(null), &json!(null), &json!(null))
    );
    let longer = report(&desk, now, "cost", &["firm.sealed", "books.sealed"], 0);
    assert_eq!(longer["years"].as_array().unwrap().len(), 20);
    for bad in [["--price", "1e3"], ["--price", "-1"], ["--currency", "yuan"]] {
        desk.at(now, &[&["report", "cost", "firm.sealed"][..], &bad].concat()).ends(2);
    }
}

#[test]
fn an_archive_is_the_keyrings_own_and_named_once() {
    let desk = office();
    let other = Home::new();
    other.small_firm();
    other.create("other.sealed");
    fs::copy(other.path("other.sealed"), desk.home.path("other.sealed")).unwrap();
    for name in ["compliance", "assessment", "risks", "cost"] {
        let foreign = desk.at(LATER, &["report", name, "other.sealed", "-o", "never.html"]);
        assert!(foreign.code != Some(0) && foreign.code != Some(3), "{foreign:?}");
        desk.at(LATER, &["report", name, "firm.sealed", "firm.sealed", "-o", "never.html"]).fails(1, "firm.sealed");
    }
    assert!(!desk.home.path("never.html").exists());
    desk.home.has_no_leftovers();
}

/// Words of Latin letters in a row that are no command.
fn latin_sentence(line: &str) -> bool {
    if line.contains("keepuntil ") || line.contains("Quillon") || line.contains("ssh-") {
        return false;
    }
    let is_word = |word: &str| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_alphabetic());
    line.split([' ', ',', ':', '(', ')'])
        .collect::<Vec<_>>()
        .windows(2)
        .any(|pair| is_word(pair[0]) && is_word(pair[1]))
}

fn has_chinese(line: &str) -> bool {
    line.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
}

/// Every report with things in it, as it is asked for.
const ALL: [(&str, &[&str]); 5] = [
    ("disclosures", &[]),
    ("compliance", &["firm.sealed"]),
    ("assessment", &["firm.sealed", "--answers", "hostile.toml"]),
    ("risks", &["firm.sealed"]),
    ("cost", &["firm.sealed", "books.sealed", "--price", "980.5"]),
];

#[test]
fn sheets_are_plain_in_both_languages_and_data_in_none() {
    let desk = office();
    asked(&desk);
    desk.travel(OVERDUE);
    desk.home.write("hostile.toml", "[impact]\nharm = '''Quillon <img src=x onerror=y> \"'''\n");
    for (name, more) in ALL {
        let data = |language: &str| {
            let ran = desk.at(OVERDUE, &[&["--lang", language, "report", name, "--json"], more].concat());
            ran.out
        };
        assert_eq!(data("en"), data("zh"), "{name}");
        for language in ["en", "zh"] {
            let text = desk.at(OVERDUE, &[&["--lang", language, "report", name], more].concat()).out;
            assert!(!text.is_empty(), "{name}");
            for line in text.lines() {
                assert!(line.width() <= 80, "{name} {language}: {line}");
                assert!(!line.chars().any(char::is_control), "{name} {language}: {line:?}");
                // Titles of built-in rules and their citations are in the language of the law.
                let cited = ["Citation:", "Title:", "会计"].iter().any(|word| line.contains(word));
                match language {
                    "en" => assert!(cited || !has_chinese(line), "{name}: {line}"),
                    _ => assert!(!latin_sentence(line), "{name}: {line}"),
                }
            }
            let file = format!("{name}-{language}.html");
            desk.at(OVERDUE, &[&["--lang", language, "report", name, "-o", &file], more].concat());
            let html = fs::read_to_string(desk.home.path(&file)).unwrap();
            assert!(html.contains(&format!("<html lang=\"{}\">", if language == "en" { "en" } else { "zh-CN" })));
            for outside in
                ["<script", "<img", "<link", "<iframe", " src=\"", " href=\"", "url(", "@import", "onerror=y>"]
            {
                assert!(!html.contains(outside), "{name} {language}: {outside}");
            }
            if ["disclosures", "assessment"].contains(&name) {
                assert!(html.contains("Quillon") && html.contains("&lt;"), "{name}");
            }
        }
    }
}

#[test]
fn files_are_private_and_replaced_only_by_force() {
    let desk = office();
    desk.home.write("hostile.toml", "");
    let before = desk.at(LATER, &["journal", "show", "--json"]).ends(0).out;
    for (name, more) in ALL {
        let ends = |ran: Ran| assert!(matches!(ran.code, Some(0 | 3)), "{ran:?}");
        let wanted = [&["report", name, "-o", "sheet.txt"], more].concat();
        ends(desk.at(LATER, &wanted));
        let path = desk.home.path("sheet.txt");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let written = fs::read_to_string(&path).unwrap();
        let title = written.lines().next().unwrap();
        let older = format!("{title}\nof another day");
        fs::write(&path, &older).unwrap();
        desk.at(LATER, &wanted).fails(1, "sheet.txt");
        assert_eq!(fs::read_to_string(&path).unwrap(), older);
        // Data on standard output, the sheet in its file.
        let both = desk.at(LATER, &[&wanted[..], &["--force", "--json"]].concat());
        assert_eq!((both.out.lines().count(), both.json(&format!("report_{name}")).len()), (1, 1), "{both:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), written, "{name}");
        fs::remove_file(path).unwrap();
    }
    assert_eq!(desk.at(LATER, &["journal", "show", "--json"]).ends(0).out, before);
    desk.at(LATER, &["report", "risks", "-o", "no/such/folder/x.html"]).fails(1, "x.html");
    desk.home.has_no_leftovers();
}
