//! Mailings and letter templates: the vectors under `fixtures/vectors/notices/`, the JSON Schema, and the list in the keyring.
//!
//! `KEEPUNTIL_WRITE_VECTORS` makes the vectors as in `tests/vectors.rs`.

mod tools;

use keepuntil::disclosure::mailing::{FORMAT, Letter, Mailing, NoticeKind, address_hash, text_hash};
use keepuntil::disclosure::notices::{NewReply, NotedAnswer, Notices, NoticesError, Outcome, ReplyKind, Way};
use keepuntil::disclosure::template::Template;
use keepuntil::retention::notice::told;
use keepuntil::retention::parse_date;
use keepuntil::retention::ranges::Ranges;
use keepuntil::storage::document::DocumentError;
use serde_json::{Value, json};
use std::path::PathBuf;

/// A vector: its folder, the requirements it is for, what is said of it (nothing: it is valid), its bytes.
type Vector = (&'static str, &'static [&'static str], &'static str, Vec<u8>);

fn folder() -> PathBuf {
    tools::project("fixtures/vectors/notices")
}

fn ranges(text: &str) -> Ranges {
    text.parse().unwrap()
}

fn mailing() -> Mailing {
    let salt = [0x5a; 16];
    let letter = |number: u64, records: &str, address: &str| Letter {
        letter: number,
        records: Some(ranges(records)),
        address: Some(address_hash(&salt, number, address)),
        text: text_hash(&salt, number, b"Dear Wang Fang\n"),
    };
    Mailing {
        format: FORMAT.into(),
        mailing: [0x71; 16],
        keyring: [0x9b; 16],
        firm: "vectors.example".into(),
        made: "2031-01-05T08:30:00Z".parse().unwrap(),
        kind: NoticeKind::Destruction,
        template: [5; 32],
        archive: Some([0x42; 16]),
        records: Some(ranges("3-4,17")),
        told: told([3, 4].map(|record| (record, parse_date("2036-12-31").unwrap()))),
        salt,
        letters: vec![letter(1, "3", "上海市静安区 1 号"), letter(2, "4,17", "1 High Street\nLeeds")],
    }
}

fn mailings() -> Vec<Vector> {
    let made = |change: fn(&mut Mailing)| {
        let mut mailing = mailing();
        change(&mut mailing);
        mailing.to_bytes()
    };
    let good = made(|_| {});
    let text = |from: &str, to: &str| {
        let text = std::str::from_utf8(&good).unwrap();
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1).into_bytes()
    };
    let announcement = made(|m| {
        m.kind = NoticeKind::Closing;
        m.archive = None;
        m.records = None;
        m.told.clear();
        m.letters.truncate(1);
        m.letters[0].records = None;
        m.letters[0].address = None;
    });
    vec![
        ("01-mailing-valid", &["N-14", "N-15", "N-16"], "", good.clone()),
        ("02-mailing-announcement", &["N-15", "N-16"], "", announcement),
        ("03-mailing-other-format", &["N-14"], "keepuntil-mailing/v2", text("mailing/v1", "mailing/v2")),
        ("04-mailing-other-spelling", &["N-14"], "not in canonical form", text("{\n  \"f", "{ \"f")),
        ("05-mailing-key-twice", &["N-14"], "duplicate field", text("{\n  \"f", "{\n  \"kind\": \"closing\",\n  \"f")),
        ("06-mailing-unknown-key", &["N-14"], "unknown field", text("\"salt\"", "\"names\": [],\n  \"salt\"")),
        ("07-mailing-other-kind", &["N-14"], "unknown variant", text("\"destruction\"", "\"advertising\"")),
        ("08-mailing-no-letters", &["N-15"], "there are none", made(|m| m.letters.clear())),
        ("09-mailing-numbers", &["N-15"], "not numbered from 1", made(|m| m.letters.swap(0, 1))),
        ("10-mailing-some-about-records", &["N-15"], "some are about records", made(|m| m.letters[1].records = None)),
        ("11-mailing-names-too-many", &["N-15"], "more than 1,000,000", {
            made(|m| {
                m.told.clear();
                m.letters = (1..=11).map(|letter| Letter { letter, ..m.letters[0].clone() }).collect();
                m.letters.iter_mut().for_each(|letter| letter.records = Some((1..=100_000).collect()));
                m.records = Some((1..=100_000).collect());
            })
        }),
        ("12-mailing-archive-alone", &["N-16"], "without records", {
            made(|m| {
                m.records = None;
                m.letters.iter_mut().for_each(|letter| letter.records = None);
            })
        }),
        (
            "13-mailing-other-records",
            &["N-16"],
            "not those of the letters",
            made(|m| m.records = Some(ranges("3-4,18"))),
        ),
        ("14-mailing-destruction-of-nothing", &["N-16"], "names the records", {
            made(|m| {
                m.archive = None;
                m.records = None;
                m.letters.iter_mut().for_each(|letter| letter.records = None);
            })
        }),
        ("15-mailing-tells-out-of-order", &["N-16"], "not after the one before", {
            made(|m| m.told.push(told([(17, parse_date("2036-12-31").unwrap())]).remove(0)))
        }),
        ("16-mailing-tells-of-others", &["N-16"], "cannot be told of", {
            made(|m| m.told.push(told([(18, parse_date("2037-12-31").unwrap())]).remove(0)))
        }),
        ("17-mailing-of-closing-tells", &["N-16"], "cannot be told of", made(|m| m.kind = NoticeKind::Closing)),
    ]
}

fn templates() -> Vec<Vector> {
    let with = |body: &str| format!("keepuntil-notice/v1 closing zh\n{body}").into_bytes();
    vec![
        ("30-template-valid", &["N-1", "N-2"], "", with("{姓名}：\n{{today}} is {today}\n")),
        ("31-template-of-windows", &["N-1"], "", {
            [&b"\xef\xbb\xbf"[..], &with("{name}\n")]
                .concat()
                .split(|b| *b == b'\n')
                .collect::<Vec<_>>()
                .join(&b"\r\n"[..])
        }),
        ("32-template-no-first-line", &["N-1"], "line 1", b"{name}\n".to_vec()),
        ("33-template-other-language", &["N-1"], "line 1", b"keepuntil-notice/v1 closing de\nx\n".to_vec()),
        ("34-template-not-text", &["N-1"], "not text in UTF-8", [&with("")[..], b"\xff\n"].concat()),
        ("35-template-open-brace", &["N-2", "N-4"], "line 3, column 4: a brace", with("a\n沐阳 {name\n")),
        ("36-template-name-with-blanks", &["N-2"], "is not the name of a place", with("{ name }\n")),
        ("37-template-blank-left", &["N-3"], "line 2, column 5: a blank", with("联系人：【填写：姓名】\n")),
        ("38-template-hides", &["N-3"], "control, bidirectional or invisible", with("a\u{200b}b\n")),
        ("40-template-blank-with-blanks", &["N-3"], "line 2, column 6: a blank", with("Tel. [ Fill\u{3000}IN]\n")),
        ("39-template-many-places", &["N-2"], "more than 1000 places", with(&"{a}".repeat(1001))),
    ]
}

fn vectors() -> Vec<Vector> {
    [mailings(), templates()].concat()
}

fn file_of(name: &str) -> &'static str {
    if name.contains("-mailing-") { "mailing.json" } else { "template.txt" }
}

/// How reading ends, and what it says.
fn read(name: &str, bytes: &[u8]) -> (&'static str, String) {
    match file_of(name) {
        "mailing.json" => match Mailing::parse(bytes) {
            Ok(mailing) => {
                assert_eq!(mailing.to_bytes(), bytes);
                ("valid", String::new())
            }
            Err(e @ DocumentError::OtherFormat(_)) => ("other-format", e.to_string()),
            Err(e) => ("malformed", e.to_string()),
        },
        _ => match Template::parse(bytes) {
            Ok(_) => ("valid", String::new()),
            Err(e) => ("malformed", e.to_string()),
        },
    }
}

#[test]
fn vectors_are_read_or_fail_for_their_reason() {
    let made = vectors();
    for (name, holds, what, bytes) in &made {
        let (file, expect) = (folder().join(name).join(file_of(name)), folder().join(name).join("expect.json"));
        if std::env::var("KEEPUNTIL_WRITE_VECTORS").is_ok_and(|which| which == "all" || !file.exists()) {
            let text = json!({ "ends": read(name, bytes).0, "holds": holds, "what": what });
            std::fs::create_dir_all(folder().join(name)).unwrap();
            std::fs::write(&file, bytes).unwrap();
            std::fs::write(&expect, serde_json::to_string_pretty(&text).unwrap() + "\n").unwrap();
        }
        let expect: Value = serde_json::from_slice(&std::fs::read(&expect).unwrap()).unwrap();
        assert_eq!((&expect["holds"], &expect["what"]), (&json!(holds), &json!(what)), "{name}");
        let found = std::fs::read(&file).unwrap();
        assert_eq!(&found, bytes, "{name}: nothing in these is random");
        let (ends, said) = read(name, &found);
        assert_eq!((expect["ends"].as_str(), what.is_empty()), (Some(ends), ends == "valid"), "{name}: {said}");
        assert!(said.contains(what), "{name}: {said}");
    }
    let folders = std::fs::read_dir(folder()).unwrap().count();
    assert_eq!(folders, made.len(), "a folder is nobody's vector");
}

/// Folders whose fault no schema can see: spelling, order, sums.
const BEYOND_SCHEMA: [&str; 9] = [
    "04-mailing-other-spelling",
    "05-mailing-key-twice",
    "09-mailing-numbers",
    "10-mailing-some-about-records",
    "11-mailing-names-too-many",
    "13-mailing-other-records",
    "15-mailing-tells-out-of-order",
    "16-mailing-tells-of-others",
    "17-mailing-of-closing-tells",
];

#[test]
fn the_schema_agrees_with_the_reader() {
    let Some(python) = tools::tool(tools::PYTHON) else { return };
    let of_it = mailings();
    let files: Vec<_> = of_it.iter().map(|(name, ..)| folder().join(name).join("mailing.json")).collect();
    let said = tools::schema(&python, "mailing", &files);
    assert_eq!(said.lines().count(), of_it.len(), "{said}");
    for ((name, _, what, _), line) in of_it.iter().zip(said.lines()) {
        assert_eq!(line.ends_with("\tok"), what.is_empty() || BEYOND_SCHEMA.contains(name), "{line}");
    }
}

#[test]
fn the_example_in_the_specification_is_a_vector() {
    let text = std::fs::read_to_string(tools::project("spec/notices.md")).unwrap();
    let vector = std::fs::read_to_string(folder().join("01-mailing-valid/mailing.json")).unwrap();
    let example = text.split("A mailing:\n\n").nth(1).unwrap().split("\n\nThe whole").next().unwrap();
    let lines: Vec<_> = example.lines().collect();
    assert!(lines.len() > 12);
    for line in lines {
        let shown = line.strip_prefix("    ").unwrap().split('…').next().unwrap();
        assert!(vector.contains(shown), "{shown:?}");
    }
}

#[test]
fn an_address_is_found_by_whoever_knows_it() {
    let mailing = mailing();
    assert_eq!(mailing.letters_to("1 High Street\nLeeds").collect::<Vec<_>>(), [2]);
    assert_eq!(mailing.letters_to("1 High Street").count(), 0);
    assert_ne!(address_hash(&[1; 16], 1, "a"), address_hash(&[1; 16], 2, "a"));
    assert_ne!(address_hash(&[1; 16], 1, "a"), text_hash(&[1; 16], 1, b"a"));
}

fn noted() -> Notices {
    let now = "2031-01-07T10:00:00Z".parse().unwrap();
    let mut notices = Notices::default();
    let day = |text: &str| parse_date(text).unwrap();
    let sent = (day("2031-01-07"), Way::Post, Some("by Lin Yue"));
    notices.note_sent((&mailing(), [3; 32]), [4; 16], sent, (now, 5)).unwrap();
    let reply = |records: Option<&str>, archive| NewReply {
        notice: None,
        archive,
        records: records.map(ranges),
        kind: ReplyKind::Deletion,
        received: day("2031-01-20"),
        due: None,
        text: Some("please delete".into()),
    };
    let today = day("2031-01-21");
    notices.note_reply(&reply(Some("17"), Some([0x42; 16])), [0x17; 16], today, (now, 6)).unwrap();
    notices.note_reply(&reply(None, Some([0x42; 16])), [0x18; 16], today, (now, 7)).unwrap();
    notices.note_reply(&reply(Some("5"), Some([0x42; 16])), [0x19; 16], today, (now, 8)).unwrap();
    notices.note_reply(&reply(Some("17"), Some([0x43; 16])), [0x1a; 16], today, (now, 9)).unwrap();
    notices.note_reply(&reply(None, None), [0x1b; 16], today, (now, 10)).unwrap();
    notices
}

#[test]
fn words_go_with_the_first_record_that_they_are_or_may_be_about() {
    let mut notices = noted();
    assert_eq!(notices.forget(&[0x42; 16], &ranges("17")), 4);
    let with_text: Vec<u8> =
        notices.replies().iter().filter(|reply| reply.text.is_some()).map(|reply| reply.reply[0]).collect();
    assert_eq!(with_text, [0x19, 0x1a]);
    let notice = &notices.notices()[0];
    assert_eq!((notice.note.as_ref(), notice.template), (None, None));
    assert_eq!((notice.letters, notice.document), (2, [3; 32]));
    let bytes = notices.to_bytes().unwrap();
    assert_eq!(Notices::from_bytes(&bytes), Ok(notices.clone()));
    assert_eq!(notices.forget(&[0x42; 16], &ranges("17")), 0);
}

#[test]
fn a_reply_has_one_answer_and_a_rejection_its_reason() {
    let mut notices = noted();
    let today = parse_date("2031-02-25").unwrap();
    let reply = &notices.replies()[0];
    assert_eq!(reply.due, parse_date("2031-02-19").unwrap());
    assert!(reply.is_overdue(today) && !reply.is_overdue(reply.due));
    let answer = |outcome, on: &str, explanation: Option<&str>| NotedAnswer {
        outcome,
        on: parse_date(on).unwrap(),
        leaf: 11,
        explanation: explanation.map(str::to_owned),
    };
    let bare = answer(Outcome::Rejected, "2031-02-03", None);
    assert_eq!(notices.note_answer("1717", bare, today).map(drop), Err(NoticesError::Unexplained));
    let early = answer(Outcome::Answered, "2031-01-19", None);
    assert!(matches!(notices.note_answer("1717", early, today), Err(NoticesError::Date { .. })));
    let late = answer(Outcome::Answered, "2031-02-26", None);
    assert!(matches!(notices.note_answer("1717", late, today), Err(NoticesError::Date { .. })));
    let hidden = answer(Outcome::Rejected, "2031-02-03", Some("a\u{202e}b"));
    assert!(matches!(notices.note_answer("1717", hidden, today), Err(NoticesError::Refused(_))));
    let good = answer(Outcome::Rejected, "2031-02-03", Some("the period has not run"));
    assert!(!notices.note_answer("1717", good.clone(), today).unwrap().is_overdue(today));
    assert!(matches!(notices.note_answer("1717", good, today), Err(NoticesError::Answered { .. })));
    for unknown in ["17", "ffff", ""] {
        let good = answer(Outcome::Upheld, "2031-02-03", None);
        assert!(matches!(notices.note_answer(unknown, good, today), Err(NoticesError::Unknown(_))), "{unknown}");
    }
}

#[test]
fn the_list_has_one_spelling_and_others_are_damage() {
    let text = String::from_utf8(noted().to_bytes().unwrap()).unwrap();
    for (from, to) in [
        ("{\"notices\"", " {\"notices\""),
        ("\"replies\":", "\"more\":1,\"replies\":"),
        (&"17".repeat(16), &"18".repeat(16)),
        ("\"letters\":2", "\"letters\":0"),
        ("\"due\":\"2031-02-19\"", "\"due\":\"+2031-02-19\""),
        ("please delete", "please\\u001b delete"),
        ("\"by\":\"post\"", "\"by\":\"pigeon\""),
        ("T10:00:00Z", "T10:00:00.5Z"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        assert!(Notices::from_bytes(changed.as_bytes()).is_err(), "{to}");
    }
}
