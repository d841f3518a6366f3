//! Lists of records say how long each must be kept and has been kept as the regulation means it: by the period of the deciding
//! term and its own first day (spec/reports.md, "Columns"; spec/certificate.md, C-22 and C-23).
//!
//! Needs Debian's `faketime` and `ssh-keygen`.

mod desk;
mod support;

use desk::{Desk, SEALED};
use serde_json::{Value, json};
use std::fs;
use support::Ran;
use unicode_width::UnicodeWidthStr;

/// When the reports are made.
const REPORTED: &str = "2028-07-15 10:00:00";

/// Vouchers of a built-in rule, files of a rule of the firm's own, a bare date, what awaits an event, what is permanent.
fn firm() -> Desk {
    let desk = Desk::new();
    for folder in ["vouchers/2025", "own/2024/files", "bare/letters", "aml/Gu", "annual/2025", "pi/consent"] {
        desk.home.write(&format!("{folder}/a.txt"), folder);
    }
    desk.home.write(
        "own.toml",
        "[[compartment]]\nname = \"files\"\nclass = \"sensitive\"\n[[rule]]\nid = \"own\"\ntitle = \"Files\"\n\
         period = \"P3Y6M\"\nbase = \"record-date\"\ncounting = \"calendar-year\"\n[[records]]\npath = \"{year}/**\"\n\
         record = \"files {year}\"\ndated = \"{year}-05-05\"\nrule = \"own\"\ncompartment = \"files\"\n",
    );
    let create = |archive: &str, arguments: &[&str]| {
        desk.at(SEALED, &[&["create", "-o", archive], arguments].concat()).ends(0);
    };
    create("vouchers.sealed", &["--rule", "cn-accounting-voucher", "--dated", "2025-06-30", "vouchers"]);
    create("own.sealed", &["--policy", "own.toml", "own"]);
    create("bare.sealed", &["--until", "2036-12-31", "bare"]);
    create("aml.sealed", &["--rule", "cn-aml-identity", "aml"]);
    create("annual.sealed", &["--rule", "cn-accounting-annual", "--dated", "2025-12-31", "annual"]);
    create("pi.sealed", &["--rule", "cn-pi-minimum", "--start", "creation", "--retain", "P3Y", "pi"]);
    desk
}

fn report(desk: &Desk, arguments: &[&str]) -> Ran {
    desk.at(REPORTED, &[&["report"], arguments].concat())
}

/// Period, first day, event, at most, extended, kept for, of each record.
fn terms(ran: &Ran, kind: &str) -> Vec<Value> {
    let keys = ["period", "period_start", "period_event", "period_at_most", "period_extended", "kept_for"];
    ran.json(kind).iter().map(|row| Value::from(keys.map(|key| row[key].clone()).to_vec())).collect()
}

#[test]
fn retention_is_the_period_of_the_deciding_term() {
    let desk = firm();
    let unnamed = terms(&report(&desk, &["inventory", "--json"]).ends(0), "report_record");
    let none = Value::Null;
    let voucher = json!(["P30Y", "2026-01-01", none, false, false, "P2Y6M"]);
    let bare = json!([none, none, none, false, false, none]);
    let awaiting = json!(["P10Y", none, "relationship-end", false, false, none]);
    let permanent = bare.clone();
    assert_eq!(unnamed[0], voucher, "counted from the fiscal year's end, not from the deposit");
    assert_eq!(unnamed[1], bare, "the keyring has no rules of the firm's own");
    assert_eq!((&unnamed[2], &unnamed[3], &unnamed[4]), (&bare, &awaiting, &permanent));
    assert_eq!(unnamed[5], json!([none, none, none, true, false, none]));
    let all = ["vouchers.sealed", "own.sealed", "bare.sealed", "aml.sealed", "annual.sealed", "pi.sealed"];
    let named = terms(&report(&desk, &[&["inventory", "--json"], &all[..]].concat()).ends(0), "report_record");
    assert_eq!(named[0], voucher);
    assert_eq!(named[1], json!(["P3Y6M", "2025-01-01", none, false, false, "P3Y6M"]), "by the archive's own rule");
    assert_eq!((&named[2], &named[3]), (&bare, &awaiting));
    assert_eq!(named[4], json!([none, "2026-01-01", none, false, false, "P2Y6M"]), "from the label's date on");
    assert_eq!(named[5], json!(["P3Y", "2026-11-23", none, true, false, "P1Y7M"]));

    let text = report(&desk, &[&["inventory", "--lang", "zh"], &all[..]].concat()).ends(0).out;
    let flat = text.replace(['\n', ' '], "");
    for words in ["30年", "3年6个月", "2年6个月", "至2036-12-31", "10年，自“", "永久", "最长3年", "2055-12-31"]
    {
        assert!(flat.contains(words), "{words}: {text}");
    }
    assert!(text.lines().all(|line| line.width() <= 80), "{text}");

    // An event starts the clock, an extension is said beside the period, in each list.
    let desk = firm();
    let event = ["event", "record", "relationship-end", "aml.sealed", "--record", "1", "--date", "2026-10-10"];
    desk.at(SEALED, &event).ends(0);
    desk.at(SEALED, &["extend", "vouchers.sealed", "--record", "1", "--until", "2060-06-30"]).ends(0);
    let handover = report(&desk, &["handover", "--to", "Lantern", "--json"]).ends(0);
    let groups = terms(&handover, "report_group");
    assert_eq!(groups[0], json!(["P30Y", "2026-01-01", none, false, true, "P2Y6M"]));
    assert_eq!(groups[3], json!(["P10Y", "2026-10-11", none, false, false, "P1Y9M"]), "from the day after the event");
    let text = report(&desk, &["handover", "--to", "Lantern"]).ends(0).out;
    assert!(text.replace(['\n', ' '], "").contains("30years,extendedto2060-06-30"), "{text}");
}

#[test]
fn columns_are_called_alike_and_say_why_they_are_not_there() {
    let desk = firm();
    desk.at(SEALED, &["roster", "set", "people.txt"]).ends(0);
    let plan = ["purge", "--plan", "plan.json", "--archive", "pi.sealed", "--record", "1", "--early", "consent"];
    desk.at(SEALED, &plan).ends(0);
    let html = |arguments: &[&str]| {
        let more = ["--lang", "zh", "--format", "html"];
        desk.at(SEALED, &[&["report"], arguments, &more].concat()).ends(0).out
    };
    let columns = ["应保管期限", "已保管期限", "到期日", "档案编号"].map(|name| format!(">{name}</th>"));
    let by_label = ["名称", "起止年度"].map(|name| format!(">{name}</th>"));
    let plan: &[&str] = &["destruction", "--plan", "plan.json"];
    let lists: [&[&str]; 3] = [&["inventory"], plan, &["handover", "--to", "Lantern", "--records"]];
    for list in lists {
        let page = html(list);
        assert!(columns.iter().all(|column| page.contains(column)), "{list:?}: {page}");
        assert!(page.contains("本次未提供档案包文件"), "{list:?}");
        let named = html(&[list, &["pi.sealed"]].concat());
        assert!(columns.iter().chain(&by_label).all(|column| named.contains(column)), "{list:?}");
        assert!(named.contains("推定") && !named.contains("本次未提供"), "{list:?}");
    }
    let appraisal = html(&[plan, &["pi.sealed"]].concat());
    let table = &appraisal[..appraisal.find("销毁清册</h2>").unwrap()];
    assert!(table.contains(&by_label[1]) && table.contains("最长 3 年"), "years stand in the appraisal too: {table}");
}

#[test]
fn spreadsheets_have_periods_and_days_for_programs() {
    let desk = firm();
    report(&desk, &["inventory", "vouchers.sealed", "-o", "list.csv", "--lang", "zh", "-q"]).ends(0);
    let text = fs::read_to_string(desk.home.path("list.csv")).unwrap();
    let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(text.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let cell = |name: &str| {
        let at = rows[1].iter().position(|head| head == name).unwrap_or_else(|| panic!("{name}: {text}"));
        rows[2][at].to_owned()
    };
    assert_eq!(cell("应保管期限"), "30 年");
    assert_eq!(cell("应保管期限（ISO 8601）"), "P30Y");
    assert_eq!(cell("期限起算日"), "2026-01-01");
    assert_eq!(cell("已保管期限"), "2 年 6 个月");
    assert_eq!(cell("已保管期限（ISO 8601）"), "P2Y6M");
    assert_eq!(cell("到期日"), "2055-12-31");
}

/// Logs of six months that are destroyed, and the certificate's path.
fn destroyed() -> (Desk, String) {
    let desk = Desk::new();
    desk.home.write("logs/web/a.txt", "x");
    desk.home.write("logs/mail/a.txt", "y");
    let create = ["create", "-o", "logs.sealed", "--rule", "cn-network-log", "--dated", "2026-08-31", "logs"];
    desk.at(SEALED, &create).ends(0);
    desk.at(SEALED, &["roster", "set", "people.txt"]).ends(0);
    desk.at(SEALED, &["extend", "logs.sealed", "--record", "2", "--until", "2027-03-31"]).ends(0);
    desk.travel("2027-06-01 09:00:00");
    let plan = ["purge", "--plan", "plan.json"];
    desk.at("2027-06-01 09:00:00", &plan).ends(0);
    desk.sign("lin", "keepuntil-plan", "plan.json");
    let execute = ["purge", "--execute", "plan.json", "--approval", "plan.json.lin.sig"];
    desk.at("2027-06-01 10:00:00", &execute).ends(0);
    let done = desk.at("2027-06-10 10:00:00", &["purge", "--execute", "plan.json", "--json"]).ends(0);
    let certificate = done.json("destroyed").remove(0)["certificate"].as_str().unwrap().to_owned();
    fs::copy(certificate, desk.home.path("c.json")).unwrap();
    (desk, "c.json".into())
}

#[test]
fn a_certificate_has_the_period_that_the_keyring_knew() {
    let (desk, certificate) = destroyed();
    let content: Value = serde_json::from_slice(&fs::read(desk.home.path(&certificate)).unwrap()).unwrap();
    let term = |record: usize| &content["records"][record]["term"];
    assert_eq!(term(0), &json!({ "period": "P6M", "from": "2026-09-01" }));
    assert_eq!(term(1), &json!({ "period": "P6M", "from": "2026-09-01", "extended": true }));
    let list =
        desk.at("2028-01-01 10:00:00", &["report", "destruction", "--certificate", &certificate, "--json"]).ends(3);
    for (row, until) in list.json("report_destroyed").iter().zip(["2027-02-28", "2027-03-31"]) {
        assert_eq!((&row["period"], &row["period_start"]), (&json!("P6M"), &json!("2026-09-01")), "{row}");
        assert_eq!((&row["kept_for"], &row["until"]), (&json!("P9M"), &json!(until)), "to the destruction: {row}");
        assert!(row.get("term").is_none());
    }
    let show = ["certificate", "show", &certificate, "--lang", "zh"];
    let shown = desk.at("2028-01-01 10:00:00", &show).ends(0).out;
    let flat = shown.replace(['\n', ' '], "");
    for words in ["6个月，延至2027-03-31", "9个月", "到期日", "应保管期限", "名称、起止年度和件数已随记录一并销毁"]
    {
        assert!(flat.contains(words), "{words}: {shown}");
    }
    assert!(shown.lines().all(|line| line.width() <= 80), "{shown}");
}

#[test]
fn what_was_destroyed_was_kept_to_its_destruction() {
    let (desk, _) = destroyed();
    let ran = desk.at("2028-01-01 10:00:00", &["report", "inventory", "--destroyed", "--json"]).ends(0);
    let rows = ran.json("report_record");
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert_eq!((&row["destroyed_on"], &row["kept_for"]), (&json!("2027-06-10"), &json!("P9M")), "{row}");
    }
}

#[test]
fn no_report_spells_periods_codes_or_instants_for_programs() {
    let desk = firm();
    let (destroyed, certificate) = destroyed();
    let instant = regex::Regex::new("[0-9]T[0-9]{2}:[0-9]{2}").unwrap();
    let period = regex::Regex::new(r"\bP[0-9]+[YMWD]").unwrap();
    let code = regex::Regex::new(r"[（(\[](records-overdue|relationship-end|contract-end|clock-[a-z-]+|H|M|L)[)）\]]")
        .unwrap();
    let plain = |text: &str| {
        for spelled in [&instant, &period, &code] {
            assert!(!spelled.is_match(text), "{spelled}: {text}");
        }
    };
    let reports: [&[&str]; 10] = [
        &["inventory", "own.sealed", "aml.sealed"],
        &["handover", "--to", "Lantern", "--records", "vouchers.sealed"],
        &["calendar", "--stack", "rule"],
        &["compliance", "vouchers.sealed", "own.sealed"],
        &["disclosures"],
        &["assessment"],
        &["risks"],
        &["cost", "vouchers.sealed", "aml.sealed", "--price", "980/TB-year"],
        &["inventory"],
        &["compliance"],
    ];
    for arguments in reports {
        for language in ["zh", "en"] {
            let ran = report(&desk, &[arguments, &["--lang", language]].concat());
            assert!([Some(0), Some(3)].contains(&ran.code), "{ran:?}");
            plain(&ran.out);
            if arguments[0] == "cost" {
                assert!(ran.out.contains(if language == "zh" { "人民币元" } else { "CNY" }), "{ran:?}");
            }
        }
    }
    for arguments in [&["certificate", "show"][..], &["report", "destruction", "--certificate"]] {
        let ran = destroyed.at("2028-01-01 10:00:00", &[arguments, &[&certificate, "--lang", "zh"]].concat());
        assert!([Some(0), Some(3)].contains(&ran.code), "{ran:?}");
        plain(&ran.out);
    }
}

#[test]
fn numbers_and_rules_are_called_alike_on_screen_and_in_spreadsheets() {
    let desk = firm();
    desk.at(SEALED, &["roster", "set", "people.txt"]).ends(0);
    let plan = ["purge", "--plan", "plan.json", "--archive", "pi.sealed", "--record", "1", "--early", "consent"];
    desk.at(SEALED, &plan).ends(0);
    let (gone, certificate) = destroyed();
    let lists: [(&Desk, &[&str]); 4] = [
        (&desk, &["inventory", "vouchers.sealed"]),
        (&desk, &["destruction", "--plan", "plan.json"]),
        (&desk, &["destruction", "--plan", "plan.json", "pi.sealed"]),
        (&gone, &["destruction", "--certificate", &certificate]),
    ];
    for (desk, list) in lists {
        let _ = fs::remove_file(desk.home.path("list.csv"));
        let file = ["-o", "list.csv", "--lang", "zh", "-q"];
        let ran = desk.at(SEALED, &[&["report"], list, &file].concat());
        assert!([Some(0), Some(3)].contains(&ran.code), "{ran:?}");
        let text = fs::read_to_string(desk.home.path("list.csv")).unwrap();
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .has_headers(false)
            .from_reader(text.trim_start_matches('\u{feff}').as_bytes());
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let head = rows.iter().position(|row| row.len() > 1).unwrap();
        let cell = |name: &str| {
            let at = rows[head].iter().position(|cell| cell == name).unwrap_or_else(|| panic!("{name}: {text}"));
            rows[head + 1][at].to_owned()
        };
        assert_eq!((cell("卷号").as_str(), cell("档案包编号").len()), (&cell("档案包编号")[..6], 32), "{list:?}");
        assert_eq!(cell("档案编号"), format!("{}-{}", cell("卷号"), cell("记录号")), "{list:?}");
        assert!(cell("规则代号").starts_with("cn-") && !cell("规则").contains("cn-"), "{list:?}: {text}");
        let html = [&["report"], list, &["--format", "html", "--lang", "zh"]].concat();
        let html = desk.at(SEALED, &html).out.replace("<td class=\"w\">", "<td>").replace("<wbr>", "");
        let id = cell("档案包编号");
        assert!(html.contains(&format!("{} = {id}", cell("卷号"))), "{list:?}: {html}");
        assert!(html.contains(&format!("<td>{}</td>", cell("档案编号"))), "{list:?}");
        assert!(html.contains(&format!("<td>{}</td>", cell("规则"))), "{list:?}: titles of rules: {html}");
    }
}

#[test]
fn own_rules_have_their_titles_where_their_archive_is_named() {
    let desk = firm();
    let html = |more: &[&str]| {
        report(&desk, &[&["inventory", "--lang", "zh", "--format", "html"], more].concat())
            .out
            .replace("<td class=\"w\">", "<td>")
    };
    assert!(html(&[]).contains("<td>own</td>"), "only the id is known: {}", html(&[]));
    assert!(!html(&["own.sealed"]).contains("<td>own</td>"), "{}", html(&["own.sealed"]));
}

#[test]
fn lists_ask_for_what_law_asks_for_and_claim_nothing_that_people_do() {
    let desk = firm();
    desk.at(SEALED, &["roster", "set", "people.txt"]).ends(0);
    let plan = ["purge", "--plan", "plan.json", "--archive", "pi.sealed", "--record", "1", "--early", "consent"];
    desk.at(SEALED, &plan).ends(0);
    let page = |arguments: &[&str]| {
        let ran = desk.at(SEALED, &[&["report"], arguments, &["--format", "html", "--lang", "zh"]].concat()).ends(0);
        ran.out
    };
    let plan = page(&["destruction", "--plan", "plan.json"]);
    let known = desk.at(SEALED, &["keyring", "info", "--json"]).ends(0).json("keyring").remove(0);
    let firm = format!("<td>{}</td>", known["firm"].as_str().unwrap());
    for words in [
        "第十六条、第十七条",
        "鉴定人（档案管理机构，牵头）",
        "鉴定人（会计机构）",
        "鉴定人（审计机构）",
        "鉴定人（纪检监察机构）",
        "监销人应当在销毁前",
        firm.as_str(),
    ] {
        assert!(plan.contains(words), "{words}: {plan}");
    }
    let officers =
        ["单位负责人", "档案管理机构负责人", "会计管理机构负责人", "档案管理机构经办人", "会计管理机构经办人"];
    let list = &plan[plan.find("负责人及经办人签署意见").unwrap()..];
    let places: Vec<usize> = officers.iter().map(|officer| list.find(officer).unwrap()).collect();
    assert!(places.is_sorted(), "as article 18 lists them");
    let inventory = page(&["inventory"]);
    assert!(inventory.contains("编制人") && inventory.contains("档案管理机构负责人"), "{inventory}");
    for list in [&["inventory", "pi.sealed"][..], &["handover", "--to", "Lantern", "--records", "pi.sealed"]] {
        let named = page(list);
        assert!(named.contains("永久保管") && named.contains("保密要求与记录相同"), "{named}");
        assert!(!named.contains("随记录一并销毁"), "{named}");
    }
    let (gone, certificate) = destroyed();
    let after = ["report", "destruction", "--certificate", &certificate, "--lang"];
    for (language, duty, claim) in [("zh", "应当在销毁前", "已在销毁前"), ("en", "are to compare", "compared the list")]
    {
        let text = gone.at("2028-01-01 10:00:00", &[&after[..], &[language]].concat()).ends(3).out;
        let flat = text.replace('\n', if language == "zh" { "" } else { " " });
        assert!(flat.contains(duty) && !flat.contains(claim), "{text}");
    }
}
