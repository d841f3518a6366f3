//! `survey` and `policy`: what a folder holds is counted and never shown, a draft is a policy that `create` takes, what is not
//! sure is kept longest, and hostile files cost nothing but themselves.

mod support;

use keepuntil::ops::survey_file::FileReader;
use keepuntil::survey::facts::Read;
use keepuntil::survey::finding::Finding;
use serde_json::Value;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use support::Home;
use zip::write::SimpleFileOptions;

/// Numbers that standards publish as examples; they are nobody's.
const RESIDENT: &str = "11010519491231002X";
const CREDIT_CODE: &str = "91440300708461136T";
const CARD: &str = "6222021234567890128";
const PHONE: &str = "13800138000";

fn firm() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/firm")
}

fn zipped(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// The object about one folder.
fn folder(ran: &support::Ran, path: &str) -> Value {
    let found = ran.json("survey_folder").into_iter().find(|folder| folder["path"] == path);
    found.unwrap_or_else(|| panic!("{path}: {ran:#?}"))
}

/// Surveys `tree` into a policy, seals by it, and compares every record with the folder.
#[track_caller]
fn survives(home: &Home, tree: &str) -> String {
    home.run(&["survey", tree, "-o", "policy.toml", "--force"]).ends(0);
    let check = home.run(&["policy", "check", "policy.toml", tree, "--json"]).json("policy_check");
    assert_eq!(check[0]["usable"], true, "{check:#?}");
    home.run(&["create", "-o", "a.sealed", "--force", "--policy", "policy.toml", tree]).ends(0);
    home.run(&["verify", "a.sealed", "--against", tree]).ends(0);
    std::fs::read_to_string(home.path("policy.toml")).unwrap()
}

#[test]
fn a_small_firm_goes_from_survey_to_a_verified_archive_in_chinese() {
    let home = Home::new();
    let firm = firm();
    let firm = firm.to_str().unwrap();
    let ran = home.run(&["survey", firm, "-o", "策略.toml", "--lang", "zh"]).ends(0);
    for part in ["会计凭证", "劳动合同", "须由人核对", "keepuntil policy check 策略.toml"] {
        assert!(ran.out.contains(part), "{ran:#?}");
    }
    let policy = std::fs::read_to_string(home.path("策略.toml")).unwrap();
    for part in [
        "path = \"vouchers/{year}/**\"",
        "rule = \"cn-accounting-voucher\"",
        "rule = \"cn-accounting-annual\"",
        "# CHECK: ",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    let check = home.run(&["policy", "check", "策略.toml", firm, "--lang", "zh"]).ends(3);
    assert!(check.out.contains("处 CHECK: 标注") && check.out.contains("  第 "), "{check:#?}");
    assert!(check.out.contains("2049-12-31") && check.out.contains("可以照此封存"), "{check:#?}");
    home.run(&["create", "-o", "firm.sealed", "--policy", "策略.toml", firm]).ends(0);
    home.run(&["verify", "firm.sealed", "--against", firm]).ends(0);
    assert!(check.out.lines().chain(ran.out.lines()).all(|line| unicode_width::UnicodeWidthStr::width(line) <= 80));
}

#[test]
fn what_is_found_is_counted_and_never_shown() {
    let home = Home::new();
    let csv = format!("姓名,身份证,手机\n林,{RESIDENT},{PHONE}\n");
    home.write("t/a/utf-8.csv", &csv);
    home.write("t/a/gb18030.csv", encoding_rs::GB18030.encode(&csv).0);
    home.write("t/a/utf-16.txt", csv.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>());
    let docx = format!("<w:p><w:t>卡号 {}</w:t><w:t>{}</w:t></w:p>", &CARD[..9], &CARD[9..]);
    home.write("t/b/card.docx", zipped(&[("word/document.xml", docx.as_bytes())]));
    let sheet = format!("<sst><si><t>{RESIDENT}</t></si><si><t>{CREDIT_CODE}</t></si></sst>");
    home.write("t/b/list.xlsx", zipped(&[("xl/sharedStrings.xml", sheet.as_bytes())]));
    home.write("t/c/passport.txt", "护照号码 E12345678，账号 DE89370400440532013000，lin@example.com");
    let ran = home.run(&["survey", "t", "--json"]).ends(0);
    let found = |path: &str| folder(&ran, path)["personal_data"].clone();
    // 姓名 身份证 手机 stand at the head of two tables; utf-16.txt is none.
    assert_eq!(found("a"), serde_json::json!({ "resident-id": 3, "mobile": 3, "personal-column": 6 }));
    assert_eq!(found("b"), serde_json::json!({ "resident-id": 1, "bank-card": 1, "credit-code": 1 }));
    assert_eq!(found("c"), serde_json::json!({ "passport": 1, "iban": 1, "email": 1 }));
    let text = home.run(&["survey", "t", "-o", "policy.toml"]).ends(0);
    let policy = std::fs::read_to_string(home.path("policy.toml")).unwrap();
    for value in [RESIDENT, CREDIT_CODE, CARD, PHONE, "E12345678", "DE89370400440532013000", "lin@example.com"] {
        for output in [&ran.out, &ran.err, &text.out, &policy] {
            assert!(!output.contains(value), "{value} is shown: {output}");
        }
    }
}

/// A compound file, as Office wrote them before 2007 and WPS writes them, with one stream.
fn compound(stream: &str, content: &[u8]) -> Vec<u8> {
    let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
    file.create_stream(format!("/{stream}")).unwrap().write_all(content).unwrap();
    file.flush().unwrap();
    file.into_inner().into_inner()
}

#[test]
fn old_office_files_are_searched_and_encrypted_ones_named() {
    let home = Home::new();
    let utf_16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let word = [&[0xec, 0xa5][..], &[0; 200], &utf_16(&format!("身份证 {RESIDENT} 手机 {PHONE}"))].concat();
    home.write("t/a/合同.doc", compound("WordDocument", &word));
    home.write("t/a/wps.wps", compound("WordDocument", &word));
    let number = [&[3, 2, 14, 0, 0, 0, 0, 0, 0, 0][..], &13_800_138_000_f64.to_le_bytes()].concat();
    home.write("t/b/工资.xls", compound("Workbook", &number));
    home.write("t/b/slides.ppt", compound("PowerPoint Document", format!("Visa card {CARD}").as_bytes()));
    let locked = [&[0xec, 0xa5][..], &[0; 8], &[0, 1], &[0; 100], &utf_16(RESIDENT)].concat();
    home.write("t/c/locked.doc", compound("WordDocument", &locked));
    home.write("t/c/pass.xls", compound("Workbook", &[0x2f, 0, 2, 0, 1, 0]));
    home.write("t/c/new.docx", compound("EncryptedPackage", b"secret"));
    let ran = home.run(&["survey", "t", "--json"]).ends(0);
    assert_eq!(folder(&ran, "a")["personal_data"], serde_json::json!({ "resident-id": 2, "mobile": 2 }));
    assert_eq!(folder(&ran, "b")["personal_data"], serde_json::json!({ "mobile": 1, "bank-card": 1 }));
    let summary = &ran.json("survey")[0];
    assert_eq!(summary["encrypted_files"]["first"], serde_json::json!(["c/locked.doc", "c/new.docx", "c/pass.xls"]));
    // Damage costs the file, and nothing else.
    let whole = compound("WordDocument", &word);
    for at in (0..whole.len()).step_by(31) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0xff;
        home.write(&format!("d/{at}.doc"), damaged);
        home.write(&format!("d/cut-{at}.doc"), &whole[..at]);
    }
    home.run(&["survey", "d", "--json"]).ends(0);
}

#[test]
fn ids_of_fifteen_digits_are_possible_ones_and_only_beside_a_word() {
    let home = Home::new();
    home.write("t/a/x.txt", "身份证号：110105491231002\n");
    home.write("t/b/x.txt", "订单 110105491231002\n");
    let ran = home.run(&["survey", "t", "--json"]).ends(0);
    assert_eq!(folder(&ran, "a")["personal_data"], serde_json::json!({ "possible-resident-id": 1 }));
    assert_eq!(folder(&ran, "b")["personal_data"], serde_json::json!({}));
    let text = in_chinese(&home, &["survey", "t", "--lang", "zh"]);
    assert!(text.contains("疑似 15 位身份证号 1"), "{text}");
}

fn in_chinese(home: &Home, arguments: &[&str]) -> String {
    home.run(arguments).ends(0).out
}

#[test]
fn the_text_of_pdf_is_read_by_a_process_of_its_own() {
    let home = Home::new();
    std::fs::create_dir(home.path("t")).unwrap();
    let source = firm().join("vouchers/2024/07月/记-020 发放7月工资.pdf");
    let pdf = std::fs::read(source).unwrap();
    home.write("t/whole.pdf", &pdf);
    let ran = home.run(&["survey", "t", "--json"]).ends(0);
    assert_eq!(folder(&ran, "")["read"], 1);
    let ran = home.run(&["survey", "t", "--json", "--no-pdf"]).ends(0);
    assert_eq!(folder(&ran, "")["not_text"], 1);
    // Damage of every kind: the file is counted, and nothing else happens.
    let mut state = 3usize;
    for number in 0..24 {
        let mut damaged = pdf.clone();
        for _ in 0..40 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let at = (state >> 33) % damaged.len();
            damaged[at] = (state >> 20) as u8;
        }
        damaged.truncate(damaged.len() - number * 100);
        home.write(&format!("t/{number}.pdf"), &damaged);
    }
    home.write("t/nested.pdf", format!("%PDF-1.7\n1 0 obj\n{}\nendobj\ntrailer <</Root 1 0 R>>", "[".repeat(200_000)));
    let ran = home.run(&["survey", "t", "--json"]).ends(0);
    assert_eq!(folder(&ran, "")["files"], 26);
}

#[test]
fn the_process_that_reads_pdf_is_another_and_confined() {
    let home = Home::new();
    let pdf = home.write("a.pdf", "%PDF-1.7 nothing");
    let program = home.write("reader", format!("#!/bin/sh\n[ \"$1\" = read-pdf ] && printf 'part\\n{PHONE}'\n"));
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let interrupted = std::sync::atomic::AtomicBool::new(false);
    let reader = FileReader { max_bytes: 1 << 20, pdf: Some(&program), interrupted: &interrupted };
    let (facts, hash, problem) = reader.read(&pdf, "a.pdf", true, &|_| ());
    assert_eq!((facts.read, facts.findings.count(Finding::Mobile)), (Read::Part, 1));
    assert!(hash.is_some() && problem.is_none());
    let mut command = home.command();
    let mut child =
        command.arg("read-pdf").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let limits = format!("/proc/{}/limits", child.id());
    // It waits for its input, and has bounded itself before.
    let line = |limits: &str, name: &str| {
        let line = limits.lines().find(|line| line.starts_with(name)).map(str::to_owned);
        line.unwrap_or_default().split_whitespace().rev().take(3).collect::<Vec<_>>().join(" ")
    };
    let deadline = Instant::now() + Duration::from_secs(20);
    let expected = [
        ("Max address space", "bytes 2147483648 2147483648"),
        ("Max cpu time", "seconds 20 20"),
        ("Max file size", "bytes 0 0"),
    ];
    let bounded = || {
        let text = std::fs::read_to_string(&limits).unwrap();
        expected.iter().all(|(name, limit)| line(&text, name) == *limit)
    };
    while !bounded() {
        assert!(Instant::now() < deadline, "{}", std::fs::read_to_string(&limits).unwrap());
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn hostile_office_files_end_within_bounds() {
    let home = Home::new();
    let mut bomb = format!("<w:p>{PHONE}</w:p>").into_bytes();
    bomb.resize(60 << 20, b' ');
    home.write("t/bomb.docx", zipped(&[("word/document.xml", &bomb)]));
    home.write("t/out.docx", zipped(&[("../../../out.xml", b"<p>x</p>"), ("/word/document.xml", b"<p>x</p>")]));
    home.write("t/deep.xlsx", zipped(&[("xl/sharedStrings.xml", "<a>".repeat(1 << 20).as_bytes())]));
    let entity = "<!DOCTYPE a [<!ENTITY b \"&c;&c;\"><!ENTITY c \"x\">]><a>&b;</a>";
    home.write("t/entity.docx", zipped(&[("word/document.xml", entity.as_bytes())]));
    let whole = zipped(&[("word/document.xml", b"<w:p>text</w:p>"), ("content.xml", b"<p>text</p>")]);
    for at in (0..whole.len()).step_by(3) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0xff;
        home.write(&format!("t/damaged/{at}.docx"), damaged);
        home.write(&format!("t/damaged/cut-{at}.docx"), &whole[..at]);
    }
    let before = support::files_below(&home.path(".")).len();
    let ran = home.run(&["survey", "t", "--json"]).ends(0);
    assert_eq!(support::files_below(&home.path(".")).len(), before, "nothing is unpacked");
    let root = folder(&ran, "");
    assert_eq!(root["personal_data"]["mobile"], 1, "the beginning of a bomb is searched: {root}");
    assert_eq!(root["read_in_part"].as_u64().map(|part| part >= 1), Some(true), "{root}");
}

#[test]
fn encrypted_files_copies_and_what_cannot_be_read_are_named() {
    let home = Home::new();
    home.write("t/x/a.txt", "the same content");
    home.write("t/y/b.txt", "the same content");
    home.write("t/y/c.txt", "not the same, bu");
    home.write("t/z/age.bin", "age-encryption.org/v1\n-> X25519");
    home.write(
        "t/z/old.xls",
        [
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".as_slice(),
            &"EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>(),
        ]
        .concat(),
    );
    let mut locked = zipped(&[("a.txt", b"secret")]);
    // The flag of encryption, in the member's header and in the directory.
    locked[6] |= 1;
    let directory = locked.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    locked[directory + 8] |= 1;
    home.write("t/z/locked.zip", locked);
    let _socket = std::os::unix::net::UnixListener::bind(home.path("t/socket")).unwrap();
    let ran = home.run(&["survey", "t", "--json"]).ends(3);
    let summary = &ran.json("survey")[0];
    assert_eq!(summary["encrypted_files"]["files"], 3, "{summary}");
    assert_eq!(summary["copies"]["files"], 1);
    assert_eq!(summary["copies"]["bytes"], 16);
    assert_eq!(summary["copies"]["named"][0]["paths"], serde_json::json!(["x/a.txt", "y/b.txt"]));
    assert_eq!(
        (folder(&ran, "x")["copied_files"].as_u64(), folder(&ran, "y")["copied_files"].as_u64()),
        (Some(1), Some(1))
    );
    assert!(summary["problems"][0].as_str().unwrap().contains("it is a socket"));
    let text = home.run(&["survey", "t"]).ends(3);
    assert!(text.out.contains("z/locked.zip") && text.out.contains("t/socket"), "{text:#?}");
    let copies = "1 content stands in more than one file:\n  2 files of 16 B each\n    x/a.txt\n    y/b.txt\n";
    assert!(text.out.contains(copies), "{text:#?}");
}

#[test]
fn lists_of_a_report_are_bounded_and_whole_in_json() {
    let home = Home::new();
    for index in 0..25 {
        home.write(&format!("t/locked/{index:02}.age"), format!("age-encryption.org/v1\n-> X25519 {index:04}"));
        home.write(&format!("t/{index:02}.txt"), "x".repeat(100 + index));
        home.write(&format!("t/again/{index:02}.txt"), "x".repeat(100 + index));
        home.write(&format!("t/many/{index:02}.txt"), "y".repeat(1000));
        home.write(&format!("t/evil/\u{202e}\u{1b}[2J{index}"), "z".repeat(2000));
    }
    let ran = home.run(&["survey", "t", "--json"]).ends(0);
    let summary = &ran.json("survey")[0];
    assert_eq!(summary["encrypted_files"]["first"].as_array().unwrap().len(), 25);
    let named = summary["copies"]["named"].as_array().unwrap();
    assert_eq!((named.len(), &summary["copies"]["sets"]), (27, &serde_json::json!(27)));
    assert_eq!((&named[1]["files"], named[1]["paths"].as_array().unwrap().len()), (&serde_json::json!(25), 25));
    let text = home.run(&["survey", "t"]).ends(0).out;
    for part in [
        "  locked/19.age\n  … and 5 more: --json\n",
        "  25 files of 1.0 kB each\n    many/00.txt\n",
        "    many/19.txt\n    … and 5 more\n",
        "  … and 7 more: --json\n",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains('\u{202e}') && !text.contains('\u{1b}'), "{text}");
}

#[test]
fn what_is_said_of_a_part_is_said_of_its_own_files() {
    let home = Home::new();
    let age = "age-encryption.org/v1\n-> X25519";
    home.write("t/客户说明.txt", "x");
    home.write("t/客户资料/甲/名单.age", age);
    home.write("t/财务/2020/客户.txt", "x");
    home.write("t/财务/2020/凭证.age", age);
    let ran = home.run(&["survey", "t", "--json"]).ends(0);
    for proposal in ran.json("survey_proposal") {
        let pattern = proposal["pattern"].as_str().unwrap();
        let told =
            proposal["checks"].as_array().unwrap().iter().any(|check| check.as_str().unwrap().contains("encrypted"));
        assert_eq!(told, pattern.starts_with("客户资料/") || pattern.contains("凭证"), "{proposal}");
    }
}

#[test]
fn what_is_not_sure_is_marked_and_kept_longest() {
    let home = Home::new();
    home.write("t/税务资料/说明.txt", "x");
    home.write("t/杂项/随手记.txt", "x");
    home.write("t/客户身份资料/张.txt", "x");
    home.write("t/应聘简历/李.txt", "x");
    home.write("t/notes.txt", "x");
    let policy = survives(&home, "t");
    let part = |folder: &str| {
        let at = policy.find(&format!("path = \"{folder}")).unwrap_or_else(|| panic!("{folder}: {policy}"));
        let from = policy[..at].rfind("\n\n").unwrap();
        let end = policy[at..].find("\n\n").map_or(policy.len(), |end| at + end);
        policy[from..end].to_owned()
    };
    for folder in ["税务资料", "杂项", "客户身份资料", "应聘简历", "**"] {
        let part = part(folder);
        assert!(part.contains("# CHECK: "), "{part}");
        assert!(part.contains("\nretain = \"P30Y\"\nstart = \"creation\"\nat-expiry = \"review\""), "{part}");
        assert!(!part.contains("\nrule = "), "{part}");
    }
    assert!(part("税务资料").contains("# rule = \"cn-tax-books\"\n# start = \"…\""), "{policy}");
    assert!(part("客户身份资料").replace("\n# ", "").contains("《反洗钱法》（2024 年）第三十四条"), "{policy}");
    // What nothing is known of is guarded most.
    assert!(
        part("杂项").contains("compartment = \"other\"")
            && policy.contains("name = \"other\"\nclass = \"confidential\"")
    );
    let ran = home.run(&["survey", "t", "--json"]).ends(0);
    assert_eq!(ran.json("survey")[0]["elsewhere"]["first"][0], "客户身份资料/");
}

#[test]
fn the_folder_of_the_clients_itself_gives_a_record_a_client() {
    let home = Home::new();
    home.write("客户/甲/合同/1.txt", "x");
    home.write("客户/甲/发票/2024/1.txt", "x");
    home.write("客户/乙.txt", "x");
    survives(&home, "客户");
    let check = home.run(&["policy", "check", "policy.toml", "客户", "--json"]).ends(3);
    let names: Vec<String> =
        check.json("policy_record").iter().map(|r| r["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, ["乙.txt", "甲"]);
    home.write("凭证/2019/1.txt", "x");
    home.write("凭证/旧.txt", "x");
    survives(&home, "凭证");
    let check = home.run(&["policy", "check", "policy.toml", "凭证", "--json"]).ends(3);
    let names: Vec<String> =
        check.json("policy_record").iter().map(|r| r["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, ["2019", "凭证"]);
}

#[test]
fn secret_data_raises_the_class_of_its_folder() {
    let home = Home::new();
    home.write("t/会计凭证/2024/a.txt", "x");
    home.write("t/会计账簿/2024/a.txt", format!("身份证 {RESIDENT}"));
    let policy = survives(&home, "t");
    assert!(policy.contains("name = \"accounts\"\nclass = \"sensitive\""), "{policy}");
    assert!(policy.contains("name = \"accounts-confidential\"\nclass = \"confidential\""), "{policy}");
}

#[test]
fn years_become_records_and_a_period_that_has_run_stops_nothing() {
    let home = Home::new();
    for year in ["2005", "2019", "2024"] {
        home.write(&format!("t/银行对账单/{year}年/1.csv"), "x");
        home.write(&format!("t/凭证/FY{year}/1.csv"), "x");
        home.write(&format!("t/财务部/{year}/凭证/1.csv"), "x");
        home.write(&format!("t/财务部/{year}/杂/1.csv"), "x");
    }
    home.write("t/凭证/旧/1.csv", "x");
    home.write("t/工资/工资 2019-2023.csv", "x");
    home.write("t/工资/工资 2019.csv", "x");
    home.write("t/总账/账 2021.csv", "x");
    home.write("t/总账/no 1202188.csv", "x");
    let policy = survives(&home, "t");
    // Ten years after fiscal 2005 is over: kept a while for a decision, the others by their rule.
    assert!(
        policy.contains("path = \"银行对账单/2005年/**\"") && policy.contains("at-expiry = \"review\""),
        "{policy}"
    );
    let check = home.run(&["policy", "check", "policy.toml", "t", "--json"]).ends(3);
    let record = |name: &str| {
        let found = check.json("policy_record").into_iter().find(|record| record["name"] == name);
        found.unwrap_or_else(|| panic!("{name}: {check:#?}"))
    };
    assert_eq!(record("银行对账单-2019年")["until"], "2029-12-31");
    assert_eq!(record("凭证-2024")["until"], "2054-12-31");
    assert_eq!(record("财务部-2019-凭证")["until"], "2049-12-31");
    // The later of two years decides.
    assert_eq!(record("工资-2023")["dated"], "2023-12-31");
    assert_eq!(record("工资-2019")["files"], 1);
    // Digits that look like a year are none: such a folder is dated as a whole, and late.
    assert_eq!(record("总账")["files"], 2);
    assert_eq!(record("凭证-旧")["files"], 1);
}

#[test]
fn whatever_folders_are_named_the_draft_is_a_policy() {
    let home = Home::new();
    let names = [
        "a*b",
        "a?b",
        "{year}",
        "{",
        "}",
        "\"quoted\"",
        "'",
        "new\nline",
        "tab\t",
        "# CHECK:",
        "[[records]]",
        "**",
        "\\",
        "凭证{x}",
        "2019",
    ];
    for name in names {
        home.write(&format!("t/{name}/2019/x.txt"), "x");
        home.write(&format!("t/{name}/y.txt"), "x");
        home.write(&format!("t/客户/{name}/z.txt"), "x");
    }
    // Two records that would be named alike.
    home.write("t/客户-甲/乙/1.txt", "x");
    home.write("t/客户/甲-乙/1.txt", "x");
    home.write(&format!("t/客户/{}.txt", "长".repeat(80)), "x");
    survives(&home, "t");
    let check = home.run(&["policy", "check", "policy.toml", "t", "--json"]).ends(3);
    let records = check.json("policy_record");
    let of = |part: &str| records.iter().filter(|record| record["name"].as_str().unwrap().contains(part)).count();
    assert_eq!((of("甲-乙"), of("客户-甲")), (1, 1), "{records:#?}");
}

#[test]
fn a_check_tells_what_create_would_refuse() {
    let home = Home::new();
    home.write("t/a/1.txt", "x");
    home.write("t/b/2.txt", "x");
    let head = "[[compartment]]\nname = \"c\"\nclass = \"public\"\n";
    let part = |path: &str, record: &str, more: &str| {
        format!("[[records]]\npath = \"{path}\"\nrecord = \"{record}\"\ncompartment = \"c\"\n{more}\n")
    };
    for (parts, field) in [
        (part("a/**", "a", "retain = \"P10Y\""), "unmatched"),
        (part("a/**", "x", "retain = \"P10Y\"") + &part("b/**", "x", "retain = \"P20Y\""), "conflicts"),
        (part("{n}/**", "x", "retain = \"P10Y\"\ndated = \"{n}-12-31\""), "invalid"),
    ] {
        home.write("p.toml", format!("{head}{parts}"));
        let ran = home.run(&["policy", "check", "p.toml", "t", "--json"]).ends(3);
        let check = &ran.json("policy_check")[0];
        assert_eq!(check["usable"], false);
        assert!(
            check[field]
                .get("files")
                .map_or(check[field] == serde_json::json!(["x"]), |files| files.as_u64() > Some(0)),
            "{check}"
        );
        assert!(home.run(&["policy", "check", "p.toml", "t"]).ends(3).out.contains("create would refuse it"));
        assert_ne!(home.run(&["create", "-o", "a.sealed", "--policy", "p.toml", "t"]).code, Some(0));
    }
    home.write("p.toml", format!("{head}{}", part("**", "x", "retain = \"P10Y\"")));
    let ran = home.run(&["policy", "check", "p.toml", "t"]).ends(0);
    assert!(ran.out.contains("(whatever is left)") && ran.out.contains("create takes it so"), "{ran:#?}");
}

#[test]
fn tables_of_names_are_personal_data_though_no_number_is_in_them() {
    let home = Home::new();
    home.write("t/a/名单.csv", "序号,姓名,联系电话\n1,林,\n");
    let sheet = "<sst><si><t>姓名</t></si><si><t>住址</t></si><si><t>林</t></si></sst>";
    home.write("t/b/名单.xlsx", zipped(&[("xl/sharedStrings.xml", sheet.as_bytes())]));
    home.write("t/c/price.csv", "name,price\nbolt,3\n");
    home.write("t/c/text.txt", "姓名,联系电话\n");
    let ran = home.run(&["survey", "t", "--json"]).ends(0);
    assert_eq!(folder(&ran, "a")["personal_data"], serde_json::json!({ "personal-column": 2 }));
    assert_eq!(folder(&ran, "b")["personal_data"], serde_json::json!({ "personal-column": 2 }));
    assert_eq!(folder(&ran, "c")["personal_data"], serde_json::json!({}));
    assert_eq!(folder(&ran, "")["personal_files"], 2);
    assert!(in_chinese(&home, &["survey", "t", "--lang", "zh"]).contains("个人信息列 4"));
}

#[test]
fn each_part_of_a_draft_has_its_own_counts() {
    let home = Home::new();
    home.write("t/财务/凭证 2024.txt", format!("身份证 {RESIDENT}"));
    home.write("t/财务/合同 甲.txt", format!("手机 {PHONE}"));
    home.write("t/财务/合同 乙.txt", "x");
    home.write("t/财务/别的.txt", "x");
    for year in ["2022", "2023"] {
        home.write(&format!("t/报表/{year}/凭证/1.txt"), format!("身份证 {RESIDENT}"));
        home.write(&format!("t/报表/{year}/杂/1.txt"), "x");
    }
    survives(&home, "t");
    let ran = home.run(&["survey", "t", "--json"]).ends(0);
    let parts = ran.json("survey_proposal");
    let part = |pattern: &str| {
        let found = parts.iter().find(|part| part["pattern"] == pattern);
        let found = found.unwrap_or_else(|| panic!("{pattern}: {parts:#?}"));
        (found["files"].clone(), found["personal_data"].clone())
    };
    assert_eq!(part("财务/*凭证*"), (1.into(), serde_json::json!({ "resident-id": 1 })));
    assert_eq!(part("财务/*合同*"), (2.into(), serde_json::json!({ "mobile": 1 })));
    assert_eq!(part("财务/**"), (1.into(), serde_json::json!({})));
    assert_eq!(part("报表/{year}/凭证/**"), (2.into(), serde_json::json!({ "resident-id": 2 })));
    assert_eq!(part("报表/{year}/**"), (2.into(), serde_json::json!({})));
    assert_eq!(parts.iter().filter_map(|part| part["files"].as_u64()).sum::<u64>(), 8);
    let policy = std::fs::read_to_string(home.path("policy.toml")).unwrap();
    assert!(policy.contains("# takes 2 files; found in them: mobile numbers 1\n"), "{policy}");
}

#[test]
fn files_are_counted_alike_from_survey_to_verification() {
    let home = Home::new();
    for path in ["t/甲/1.txt", "t/甲/2.txt", "t/乙/3.txt"] {
        home.write(path, path);
    }
    std::os::unix::fs::symlink("1.txt", home.path("t/甲/within")).unwrap();
    std::os::unix::fs::symlink("../乙/3.txt", home.path("t/甲/out")).unwrap();
    let said = home.run(&["survey", "t", "-o", "p.toml"]).ends(0).out;
    assert!(said.starts_with("t: 5 files, ") && said.contains("2 of the files are links"), "{said}");
    let check = home.run(&["policy", "check", "p.toml", "t", "--json"]);
    let parts = check.json("policy_part");
    assert_eq!(parts.iter().filter_map(|part| part["files"].as_u64()).sum::<u64>(), 5, "{parts:#?}");
    let sealed = home.run(&["create", "-o", "a.sealed", "--policy", "p.toml", "t", "--json"]).ends(0);
    assert_eq!(sealed.json("created")[0]["files"], 5, "{sealed:#?}");
    let said = home.run(&["verify", "a.sealed", "--against", "t"]).ends(0).out;
    assert!(said.contains("5 files compared") && said.contains("1 of them is a link out of its record"), "{said}");
    // The bags' own count is without it, as their labels say.
    let ran = home.run(&["verify", "a.sealed", "--against", "t", "--json"]).ends(0);
    let compared = &ran.json("compared")[0];
    assert_eq!((&compared["same"], &compared["links_beside"]), (&5.into(), &1.into()));
    assert_eq!(ran.json("opened")[0]["files"], 4);
}

#[test]
fn what_the_law_sends_elsewhere_is_counted_in_files() {
    let home = Home::new();
    for path in [
        "t/反洗钱/1.txt",
        "t/反洗钱/可疑交易.txt",
        "t/反洗钱/客户身份资料/3.txt",
        "t/杂项/大额交易.txt",
        "t/杂项/5.txt",
    ] {
        home.write(path, "x");
    }
    let ran = home.run(&["survey", "t", "--json"]).ends(0);
    let elsewhere = &ran.json("survey")[0]["elsewhere"];
    let expected = serde_json::json!({ "files": 4, "path_count": 2, "first": ["反洗钱/", "杂项/大额交易.txt"] });
    assert_eq!(*elsewhere, expected);
    let said = home.run(&["survey", "t"]).ends(0).out;
    assert!(said.contains("4 files perhaps of records"), "{said}");
}

#[test]
fn more_bytes_than_memory_is_planned_for_are_refused() {
    let home = Home::new();
    home.write("t/a.txt", "x");
    let refused = home.run(&["survey", "t", "--max-bytes", "268435457"]).ends(2);
    assert!(refused.err.contains("268435456"), "{refused:#?}");
    home.run(&["survey", "t", "--max-bytes", "268435456"]).ends(0);
}

#[test]
fn a_check_looks_at_recipients_as_create_does() {
    let home = Home::new();
    home.write("t/a.txt", "x");
    let own = home.run(&["keygen", "-o", "me.txt", "--json"]).ends(0).json("identity")[0]["recipient"].clone();
    let (own, classic) = (own.as_str().unwrap(), "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj");
    let policy = |name: &str, recipients: &[&str]| {
        format!(
            "[[compartment]]\nname = \"{name}\"\nclass = \"public\"\nrecipients = {recipients:?}\n\
             [[records]]\npath = \"**\"\nrecord = \"a\"\ncompartment = \"{name}\"\nretain = \"P10Y\"\n"
        )
    };
    let check = |more: &[&str]| home.run(&[&["policy", "check", "p.toml", "t"], more].concat());
    for (name, recipients, what) in [
        ("c", vec!["age1pq1…"], "age1pq1…"),
        ("c", vec![own, &own[..own.len() - 2]], &own[..20]),
        ("c", vec![own, classic], "post-quantum"),
        ("Big C", vec![own], "cannot name a compartment"),
    ] {
        home.write("p.toml", policy(name, &recipients));
        let ran = check(&["--json"]).ends(3);
        let checked = &ran.json("policy_check")[0];
        assert_eq!(checked["usable"], false);
        let problem = checked["compartments"][0]["problem"].as_str().unwrap_or_default();
        assert!(problem.contains(what), "{checked}");
        let said = check(&[]).ends(3);
        let flat = said.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            flat.contains(&format!("compartment {name}: ")) && flat.contains("create would refuse it"),
            "{said:#?}"
        );
        assert_ne!(home.run(&["create", "-o", "a.sealed", "--policy", "p.toml", "t"]).code, Some(0));
    }
    home.write("p.toml", policy("c", &[]));
    let ran = check(&[]).ends(0);
    assert!(
        ran.out.contains("compartment c: names no recipients") && ran.out.contains("create takes it so"),
        "{ran:#?}"
    );
    home.write("p.toml", policy("c", &[own]));
    let ran = check(&[]).ends(0);
    assert!(!ran.out.contains("recipients"), "{ran:#?}");
    home.run(&["create", "-o", "a.sealed", "--policy", "p.toml", "t"]).ends(0);
}

#[test]
fn marks_that_nobody_settled_are_listed_and_told() {
    let home = Home::new();
    home.write("t/杂项/随手记.txt", "x");
    for lang in ["en", "zh"] {
        home.run(&["survey", "t", "-o", "p.toml", "--force", "--lang", lang]).ends(0);
        let policy = std::fs::read_to_string(home.path("p.toml")).unwrap();
        let marked: Vec<u64> =
            (1..).zip(policy.lines()).filter(|(_, l)| l.starts_with("# CHECK:")).map(|l| l.0).collect();
        assert!(!marked.is_empty(), "{policy}");
        let ran = home.run(&["policy", "check", "p.toml", "t", "--json"]).ends(3);
        let check = &ran.json("policy_check")[0];
        let listed: Vec<u64> =
            check["open_checks"].as_array().unwrap().iter().map(|check| check["line"].as_u64().unwrap()).collect();
        assert_eq!((&listed, check["open_check_count"].as_u64()), (&marked, Some(marked.len() as u64)), "{policy}");
        assert_eq!(check["usable"], true, "create takes it all the same");
        let said = home.run(&["policy", "check", "p.toml", "t"]).ends(3).out;
        let question = check["open_checks"][0]["text"].as_str().unwrap();
        let first: String = question.chars().take(8).collect();
        assert!(said.contains(&format!("  line {}: {first}", marked[0])), "{said}");
        let sealed = home.run(&["create", "-o", "a.sealed", "--force", "--policy", "p.toml", "t"]).ends(0);
        let warning = format!("p.toml: {} marks CHECK: are left in it", marked.len());
        assert!(sealed.err.contains(&warning) && sealed.err.contains("keepuntil policy check p.toml t"), "{sealed:#?}");
        // Without the marks both are content.
        let settled: String =
            policy.lines().filter(|line| !line.starts_with('#')).map(|l| l.to_owned() + "\n").collect();
        home.write("p.toml", settled);
        home.run(&["policy", "check", "p.toml", "t"]).ends(0);
        let sealed = home.run(&["create", "-o", "a.sealed", "--force", "--policy", "p.toml", "t"]).ends(0);
        assert!(!sealed.err.contains("CHECK"), "{sealed:#?}");
    }
}

#[test]
fn a_first_policy_comes_from_options_where_nobody_can_be_asked() {
    let home = Home::new();
    home.run(&["keygen", "-o", "id.txt"]).ends(0);
    let recipient = home.run(&["keygen", "-y", "id.txt"]).ends(0).out;
    let arguments = [
        "policy",
        "init",
        "-o",
        "p.toml",
        "--lang",
        "zh",
        "--closing-date",
        "2027-03-31",
        "--fiscal-year-end",
        "03-31",
    ];
    home.run(&[&arguments[..], &["-r", recipient.trim(), "--class", "accounts=confidential"]].concat()).ends(0);
    let policy = std::fs::read_to_string(home.path("p.toml")).unwrap();
    assert!(
        policy.contains("name = \"accounts\"\nclass = \"confidential\"") && policy.contains(recipient.trim()),
        "{policy}"
    );
    assert!(policy.contains("fiscal-year-end = \"03-31\"") && policy.contains("2027-03-31"), "{policy}");
    home.write("t/会计凭证/2024/1.txt", "x");
    home.write("t/随便/1.txt", "x");
    let check = home.run(&["policy", "check", "p.toml", "t", "--json"]).ends(3);
    assert_eq!(check.json("policy_record")[0]["until"], "2055-03-31", "{check:#?}");
    home.run(&["create", "-o", "a.sealed", "--policy", "p.toml", "t"]).ends(0);
    home.run(&["policy", "init", "-o", "p.toml"]).fails(1, "it exists already");
    home.run(&["policy", "init", "--class", "x=secret"]).fails(2, "x=secret");
    home.run(&["policy", "init", "-r", "age1nobody"]).ends(1);
}

#[test]
fn a_survey_that_fails_leaves_no_policy() {
    let home = Home::new();
    home.run(&["survey", "missing", "-o", "p.toml"]).fails(1, "missing");
    assert!(!home.path("p.toml").exists());
    home.write("t/a.txt", "x");
    home.write("p.toml", "mine");
    home.run(&["survey", "t", "-o", "p.toml"]).fails(1, "p.toml");
    assert_eq!(std::fs::read(home.path("p.toml")).unwrap(), b"mine");
    let ran = home.run(&["survey", "t", "-o", "-"]).ends(0);
    assert!(ran.out.contains("[[records]]") && !ran.out.contains("policy:"), "{ran:#?}");
    home.has_no_leftovers();
}

#[test]
fn a_policy_that_is_not_utf8_is_refused_and_seals_nothing() {
    let home = Home::new();
    home.write("firm/合同/a.txt", "a");
    home.write("firm/工资/b.txt", "b");
    home.run(&["survey", "firm", "-o", "policy.toml", "--lang", "zh"]).ends(0);
    let text = std::fs::read_to_string(home.path("policy.toml")).unwrap();
    // As an editor of Chinese Windows saves it; its names would match nothing, and all would fall to the last part.
    home.write("ansi.toml", encoding_rs::GB18030.encode(&text).0);
    for arguments in
        [&["policy", "check", "ansi.toml", "firm"][..], &["create", "-o", "a.sealed", "--policy", "ansi.toml", "firm"]]
    {
        let ran = home.run(arguments).fails(2, "ansi.toml: line 1: it is not UTF-8");
        assert!(ran.err.contains("iconv -f GB18030 -t UTF-8 ansi.toml"), "{ran:?}");
    }
    assert!(!home.path("a.sealed").exists());
    // With the mark that the same editor puts before UTF-8 it is taken.
    home.write("bom.toml", format!("\u{feff}{text}"));
    home.run(&["create", "-o", "a.sealed", "--policy", "bom.toml", "firm"]).ends(0);
}
