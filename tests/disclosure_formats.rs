//! The messages of a disclosure: the vectors under `fixtures/vectors/disclosure/`, their JSON Schema, their bounds.
//!
//! `KEEPUNTIL_WRITE_VECTORS` makes the vectors as in `tests/vectors.rs`; encryption and signatures differ from one making to the
//! next.

mod messages;
mod tools;

use keepuntil::crypto::envelope;
use keepuntil::crypto::hash::sha256;
use keepuntil::disclosure::grant::{Grant, GrantedKeys};
use keepuntil::disclosure::policy::{DisclosurePolicy, DisclosurePolicyError};
use keepuntil::disclosure::proposal::Proposal;
use keepuntil::disclosure::receipt::{Handled, Receipt};
use keepuntil::disclosure::refusal::Refusal;
use keepuntil::disclosure::request::{MAX_MESSAGE, Request};
use keepuntil::ops::attestation::{verify_grant, verify_refusal};
use keepuntil::retention::Class;
use keepuntil::storage::document::{DocumentError, MAX_DOCUMENT};
use keepuntil::storage::read_limited;
use messages::*;
use serde_json::{Value, json};
use std::sync::OnceLock;

/// A vector: its folder, the requirements it is for, what is said of it (nothing: it is valid), its bytes.
type Vector = (&'static str, &'static [&'static str], &'static str, Vec<u8>);

/// `text` with one place changed.
fn edit(text: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = std::str::from_utf8(text).unwrap();
    assert_eq!(text.matches(from).count(), 1, "{from:?}");
    text.replacen(from, to, 1).into_bytes()
}

/// What a person without the program writes: other order, other blanks.
fn by_hand() -> Vec<u8> {
    let text = r#"{ "format": "keepuntil-request/v1",
  "requester": "wang.fang@client.example",
  "archive": "42424242424242424242424242424242",
  "description": "沐阳贸易有限公司 2019 年的全部档案",
  "purpose": "own-file", "explanation": "办理税务注销，需要本公司档案。",
  "legal_basis": "《中华人民共和国个人信息保护法》第四十五条",
  "made": "2031-01-05T08:30:00Z", "wanted_until": "2031-06-30",
  "address": "ADDRESS"
}"#;
    edit(text.as_bytes(), "ADDRESS", &address())
}

fn requests() -> Vec<Vector> {
    let good = request().to_bytes();
    let text = |from: &str, to: &str| edit(&good, from, to);
    let value = |change: fn(&mut Value)| {
        let mut value: Value = serde_json::from_slice(&good).unwrap();
        change(&mut value);
        value.to_string().into_bytes()
    };
    let records = |to: &str| text("\"3,17\"", &format!("\"{to}\""));
    let name = |to: &str| text("\"auditor@cpa.example\"", &format!("\"{to}\""));
    let classical = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
    vec![
        ("01-request-valid", &["G-1", "G-9", "G-10", "G-11"], "", good.clone()),
        ("02-request-by-hand", &["G-1", "G-9"], "", by_hand()),
        ("03-request-key-twice", &["G-1"], "duplicate field", text("{\n  \"f", "{\n  \"purpose\": \"audit\",\n  \"f")),
        ("04-request-unknown-key", &["G-1"], "unknown field", value(|v| v["urgent"] = true.into())),
        ("05-request-empty-list", &["G-1"], "references: where there is", value(|v| v["references"] = json!([]))),
        ("06-request-other-format", &["G-3"], "keepuntil-request/v2", text("request/v1", "request/v2")),
        ("07-request-time-in-zone", &["G-4"], "made: its one spelling", text("08:30:00Z", "16:30:00+08:00")),
        ("08-request-half-second", &["G-4"], "made: it is not in whole", text("08:30:00Z", "08:30:00.500Z")),
        ("09-request-capital-hex", &["G-4"], "archive: its one", value(|v| v["archive"] = "4A".repeat(16).into())),
        ("10-request-name-turns", &["G-5"], "bidirectional", name("auditor\u{202e}@cpa.example")),
        ("11-request-name-of-two", &["G-5"], "several principals", name("auditor@cpa.example,b")),
        ("12-request-text-hides", &["G-6"], "explanation: it has a control", text("chosen for", "chosen\u{200b} for")),
        ("13-request-text-empty", &["G-6"], "legal_basis: it is empty", value(|v| v["legal_basis"] = " ".into())),
        ("14-request-text-long", &["G-6"], "2000 characters", value(|v| v["description"] = "字".repeat(2001).into())),
        ("15-request-records-bomb", &["G-7"], "not a list of records", records("1-18446744073709551615")),
        ("16-request-records-many", &["G-7"], "more than 100000", records("1-9223372036854775807")),
        ("17-request-records-fall", &["G-7"], "not a list of records", records("17,3")),
        ("18-request-classical-address", &["G-8"], "address", text(&address(), classical)),
        ("19-request-capital-address", &["G-8"], "address", text(&address(), &address().to_uppercase())),
        ("20-request-for-nothing", &["G-9"], "names no records", {
            value(|v| ["records", "description"].iter().for_each(|key| drop(v.as_object_mut().unwrap().remove(*key))))
        }),
        ("21-request-many-references", &["G-10"], "more than 20", {
            value(|v| v["references"] = vec![json!({ "kind": "other", "text": "a" }); 21].into())
        }),
        ("22-request-curious", &["G-11"], "unknown variant", value(|v| v["purpose"] = "curiosity".into())),
    ]
}

fn proposals() -> Vec<Vector> {
    let made = |change: fn(&mut Proposal)| {
        let mut proposal = proposal();
        change(&mut proposal);
        proposal.to_bytes()
    };
    let good = made(|_| {});
    vec![
        ("30-proposal-valid", &["G-1", "G-13", "G-14", "G-15"], "", good.clone()),
        ("31-proposal-other-spelling", &["G-1"], "not in canonical form", edit(&good, "{\n  \"f", "{ \"f")),
        ("32-proposal-key-twice", &["G-1"], "duplicate field", {
            edit(&good, "\"no_copies\": true", "\"no_copies\": false,\n    \"no_copies\": true")
        }),
        ("33-proposal-promise-over", &["G-13"], "over before", {
            made(|p| p.conditions.destroy_by = Some(date("2031-01-04")))
        }),
        ("34-proposal-never-valid", &["G-14"], "ends before it begins", made(|p| p.valid_until = p.valid_from)),
        ("35-proposal-approved-before", &["G-14"], "approvals end", {
            made(|p| p.approve_until = instant("2031-01-06T08:59:59Z"))
        }),
        ("36-proposal-classes-fall", &["G-15"], "classes", made(|p| p.classes.reverse())),
        ("37-proposal-no-class", &["G-15"], "classes", made(|p| p.classes.clear())),
        ("38-proposal-many-approvals", &["G-15"], "more than 64", made(|p| p.approvals_needed = 65)),
    ]
}

/// The grant that is a vector: whoever makes the others needs its hash.
fn one_grant() -> &'static Grant {
    static GRANT: OnceLock<Grant> = OnceLock::new();
    let read = || std::fs::read(folder().join("40-grant-valid/grant.json")).ok();
    let old = || read().filter(|_| std::env::var("KEEPUNTIL_WRITE_VECTORS").as_deref() != Ok("all"));
    GRANT.get_or_init(|| old().map_or_else(grant, |bytes| Grant::parse(&bytes).unwrap()))
}

fn grants() -> Vec<Vector> {
    let made = |change: fn(&mut Grant)| {
        let mut grant = one_grant().clone();
        change(&mut grant);
        grant.to_bytes()
    };
    let good = made(|_| {});
    vec![
        ("40-grant-valid", &["G-1", "G-17", "G-18", "G-19", "G-20", "G-21"], "", good.clone()),
        ("41-grant-firm-of-words", &["G-5"], "firm", made(|g| g.firm = "Vectors Ltd".into())),
        ("42-grant-fingerprint-short", &["G-5"], "fingerprint", made(|g| g.requester.key.truncate(49))),
        ("43-grant-approvals-unsorted", &["G-17"], "approvals", made(|g| g.approvals.reverse())),
        ("44-grant-approved-twice", &["G-17"], "approvals", {
            made(|g| g.approvals = vec![g.approvals[0].clone(), person("gu@vectors.example", 4)])
        }),
        ("45-grant-approved-by-requester", &["G-17"], "requester is among", {
            made(|g| g.approvals.insert(0, person("auditor@cpa.example", 9)))
        }),
        ("46-grant-approved-by-their-key", &["G-17"], "requester is among", {
            made(|g| g.approvals.insert(0, person("another@cpa.example", 7)))
        }),
        ("47-grant-second-reader", &["G-18"], "one address", {
            made(|g| g.keys = sealed(&granted_keys(), &[address(), other_address()]))
        }),
        ("49-grant-without-journal", &["G-20"], "lacks the journal", made(|g| g.journal = None)),
        ("50-grant-loose-base64", &["G-4"], "Invalid", {
            // Of one byte more than was written, of which no bit counts.
            let text = String::from_utf8(good.clone()).unwrap();
            let at = text.find("\"keys\": \"").unwrap() + 9;
            let end = at + text[at..].find('"').unwrap();
            format!("{}A{}", &text[..end], &text[end..]).into_bytes()
        }),
        ("51-grant-after-its-end", &["G-21"], "granted", made(|g| g.granted = instant("2031-02-05T09:00:01Z"))),
    ]
}

fn refusals_and_receipts() -> Vec<Vector> {
    let refused = |change: fn(&mut Refusal)| {
        let mut refusal = refusal();
        change(&mut refusal);
        refusal.to_bytes()
    };
    let grant = one_grant();
    let handled = |what: Handled, change: fn(&mut Receipt)| {
        let mut receipt = receipt_of(grant, what);
        change(&mut receipt);
        receipt.to_bytes()
    };
    let opened = |change: fn(&mut Receipt)| handled(Handled::Opened, change);
    let salt = "  \"salt\": \"52525252525252525252525252525252\",\n";
    vec![
        ("60-refusal-valid", &["G-1", "G-20", "G-22", "G-23"], "", refused(|_| {})),
        ("61-refusal-unexplained", &["G-22"], "explanation", refused(|r| r.explanation.clear())),
        ("62-refusal-other-reason", &["G-22"], "unknown variant", edit(&refused(|_| {}), "no-legal-basis", "no-time")),
        ("63-refusal-without-journal", &["G-20"], "lacks the journal", refused(|r| r.journal = None)),
        ("64-refusal-without-salt", &["G-23"], "missing field `salt`", edit(&refused(|_| {}), salt, "")),
        ("70-receipt-opened", &["G-1", "G-23", "G-24", "G-25"], "", opened(|_| {})),
        ("71-receipt-destroyed", &["G-24"], "", handled(Handled::Destroyed, |_| {})),
        ("72-receipt-one-too-few", &["G-24"], "not the list", opened(|r| r.opened.truncate(1))),
        ("73-receipt-one-twice", &["G-24"], "not the list", opened(|r| r.opened.insert(0, r.opened[0].clone()))),
        ("74-receipt-returned-and-opened", &["G-24"], "not the list", opened(|r| r.what = Handled::Returned)),
        ("75-receipt-tool-escapes", &["G-6"], "tool", opened(|r| r.tool = "keepuntil\u{2066}".into())),
    ]
}

fn policies() -> Vec<Vector> {
    let text = |from: &str, to: &str| edit(POLICY.as_bytes(), from, to);
    vec![
        ("80-policy-valid", &["G-26", "G-27", "G-29"], "", POLICY.into()),
        ("81-policy-unknown-key", &["G-26"], "line 14: unknown field", text("until =", "unitl =")),
        ("82-policy-hidden-text", &["G-26"], "line 16: it has a control", text("Courts", "Courts\u{200d}")),
        ("83-policy-records-alone", &["G-27"], "line 12: records", {
            text("archive = \"42424242424242424242424242424242\"\n", "")
        }),
        ("84-policy-no-purpose", &["G-27"], "line 9: purposes", text("[\"audit\"]", "[]")),
        ("85-policy-pattern", &["G-27"], "line 18: \"*@court.example\"", text("registry@", "*@")),
        ("86-policy-many-approvals", &["G-29"], "line 4: more than 64", text("confidential = 2", "confidential = 65")),
    ]
}

fn vectors() -> Vec<Vector> {
    [requests(), proposals(), grants(), refusals_and_receipts(), policies()].concat()
}

/// Which message a vector is: the first word behind its number.
fn message_of(name: &str) -> &str {
    name.split('-').nth(1).unwrap()
}

fn file_of(name: &str) -> String {
    let message = message_of(name);
    if message == "policy" { "policy.toml".into() } else { format!("{message}.json") }
}

/// What is wrong with bytes as a message of this kind, and whether it is another format.
fn read(message: &str, bytes: &[u8]) -> Result<(), (&'static str, String)> {
    let document = |e: DocumentError| match e {
        DocumentError::OtherFormat(_) => ("format", e.to_string()),
        DocumentError::Malformed(_) => ("document", e.to_string()),
    };
    match message {
        "request" => Request::parse(bytes).map(drop).map_err(document),
        "proposal" => Proposal::parse(bytes).map(drop).map_err(document),
        "grant" => Grant::parse(bytes).map(drop).map_err(document),
        "refusal" => Refusal::parse(bytes).map(drop).map_err(document),
        "receipt" => Receipt::parse(bytes).map(drop).map_err(document),
        "policy" => DisclosurePolicy::parse(bytes).map(drop).map_err(|e| ("document", e.to_string())),
        other => panic!("{other}"),
    }
}

#[test]
fn vectors_are_read_or_fail_for_their_reason() {
    let made = vectors();
    for (name, holds, what, bytes) in &made {
        let (file, expect) = (folder().join(name).join(file_of(name)), folder().join(name).join("expect.json"));
        if std::env::var("KEEPUNTIL_WRITE_VECTORS").is_ok_and(|which| which == "all" || !file.exists()) {
            let ends = read(message_of(name), bytes).map_or_else(|(kind, _)| kind, |()| "valid");
            let text = json!({ "message": message_of(name), "ends": ends, "holds": holds, "what": what });
            std::fs::create_dir_all(folder().join(name)).unwrap();
            std::fs::write(&file, bytes).unwrap();
            std::fs::write(&expect, serde_json::to_string_pretty(&text).unwrap() + "\n").unwrap();
        }
        let expect: Value = serde_json::from_slice(&std::fs::read(&expect).unwrap()).unwrap();
        assert_eq!((&expect["holds"], &expect["what"]), (&json!(holds), &json!(what)), "{name}");
        let (ends, said) = match read(message_of(name), &std::fs::read(&file).unwrap()) {
            Ok(()) => ("valid", String::new()),
            Err(said) => said,
        };
        assert_eq!((expect["ends"].as_str(), what.is_empty()), (Some(ends), ends == "valid"), "{name}: {said}");
        assert!(said.contains(what), "{name}: {said}");
    }
    let folders = std::fs::read_dir(folder()).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_dir()).count();
    assert_eq!(folders, made.len(), "a folder is nobody's vector");
}

/// Folders whose fault no schema can see: spelling, order, sums, what is inside a text in base64.
const BEYOND_SCHEMA: [&str; 17] = [
    "03-request-key-twice",
    "15-request-records-bomb",
    "16-request-records-many",
    "17-request-records-fall",
    "31-proposal-other-spelling",
    "32-proposal-key-twice",
    "33-proposal-promise-over",
    "34-proposal-never-valid",
    "35-proposal-approved-before",
    "43-grant-approvals-unsorted",
    "44-grant-approved-twice",
    "45-grant-approved-by-requester",
    "46-grant-approved-by-their-key",
    "47-grant-second-reader",
    "51-grant-after-its-end",
    "72-receipt-one-too-few",
    "73-receipt-one-twice",
];

#[test]
fn schemas_agree_with_the_readers() {
    let Some(python) = tools::tool(tools::PYTHON) else { return };
    for message in ["request", "proposal", "grant", "refusal", "receipt"] {
        let of_it: Vec<_> = vectors().into_iter().filter(|(name, ..)| message_of(name) == message).collect();
        let files: Vec<_> = of_it.iter().map(|(name, ..)| folder().join(name).join(file_of(name))).collect();
        let said = tools::schema(&python, message, &files);
        assert_eq!(said.lines().count(), of_it.len(), "{said}");
        for ((name, _, what, _), line) in of_it.iter().zip(said.lines()) {
            let taken = line.ends_with("\tok");
            assert_eq!(taken, what.is_empty() || BEYOND_SCHEMA.contains(name), "{line}");
        }
    }
}

#[test]
fn schemas_fit_the_files_in_a_bag_and_in_an_extract() {
    let Some(python) = tools::tool(tools::PYTHON) else { return };
    let keys = signing_key().verifier_keys().map(|key| key.to_string());
    let extract = json!({
        "format": keepuntil::archive::extract::FORMAT,
        "archive": hex::encode(ARCHIVE),
        "records": "3,17",
        "verifier_keys": keys,
    });
    let keys: Value = serde_json::from_slice(&granted_keys().to_bytes()).unwrap();
    let evidence = json!({
        "format": "keepuntil-evidence/v1",
        "archive": hex::encode(ARCHIVE),
        "record": 3,
        "label_key": "ab".repeat(32),
    });
    let mut half = evidence.clone();
    half["grant"] = "ab".repeat(16).into();
    let home = tempfile::tempdir().unwrap();
    for (schema, value, good) in [
        ("extract", extract, true),
        ("granted-keys", keys, true),
        ("evidence", evidence, true),
        ("evidence", half, false),
    ] {
        let file = home.path().join("file.json");
        std::fs::write(&file, value.to_string()).unwrap();
        let said = tools::schema(&python, schema, &[file]);
        assert_eq!(said.trim_end().ends_with("\tok"), good, "{schema}: {said}");
    }
}

#[test]
fn the_grants_vector_opens_with_its_identity_and_is_the_journals() {
    let grant = Grant::parse(&std::fs::read(folder().join("40-grant-valid/grant.json")).unwrap()).unwrap();
    let text = envelope::open(identity().iter(), &grant.keys, GrantedKeys::limit(2)).unwrap();
    let keys = GrantedKeys::parse(&text, &grant).unwrap();
    assert_eq!(keys.to_bytes()[..], granted_keys().to_bytes()[..]);
    let verifier_keys = signing_key().verifier_keys();
    assert_eq!(verify_grant(&grant, &verifier_keys).unwrap().entry, 5);
    let refusal = Refusal::parse(&std::fs::read(folder().join("60-refusal-valid/refusal.json")).unwrap()).unwrap();
    assert!(verify_refusal(&refusal, &verifier_keys).is_ok());
    let receipt = Receipt::parse(&std::fs::read(folder().join("70-receipt-opened/receipt.json")).unwrap()).unwrap();
    assert_eq!(receipt.grant_sha256, grant.document());
}

#[test]
fn keys_are_those_of_the_records_and_of_nothing_else() {
    let grant = unproved_grant();
    let read = |change: fn(&mut GrantedKeys)| {
        let mut keys = granted_keys();
        change(&mut keys);
        GrantedKeys::parse(&keys.to_bytes(), &grant).map(drop)
    };
    assert_eq!(read(|_| {}), Ok(()));
    let faults: [fn(&mut GrantedKeys); 7] = [
        |keys| drop(keys.records.pop()),
        |keys| keys.records.reverse(),
        |keys| keys.records.push(keys.records[1].clone()),
        |keys| keys.records[1].record = 18,
        |keys| keys.grant[0] ^= 1,
        |keys| keys.archive[0] ^= 1,
        |keys| keys.format = "keepuntil-granted-keys/v2".into(),
    ];
    for (index, fault) in faults.into_iter().enumerate() {
        assert!(read(fault).is_err(), "{index}");
    }
    let spaced = [&granted_keys().to_bytes()[..], b" "].concat();
    assert!(GrantedKeys::parse(&spaced, &grant).is_err());
}

#[test]
fn keys_are_no_larger_than_those_of_the_records_can_be() {
    let with = |size: usize| {
        let mut grant = grant();
        grant.keys.resize(size, 0);
        Grant::parse(&grant.to_bytes()).map(drop)
    };
    // Two records.
    assert_eq!(with(66_560 + 2 * 320), Ok(()));
    assert!(with(66_560 + 2 * 320 + 1).unwrap_err().to_string().contains("larger"));
}

#[test]
fn a_document_is_the_file_without_the_journals_entry() {
    let grant = grant();
    let text = String::from_utf8(grant.to_bytes()).unwrap();
    let (head, _) = text.split_once(",\n  \"journal\"").unwrap();
    assert_eq!(grant.document(), sha256(&[format!("{head}\n}}\n").as_bytes()]));
    assert_eq!(grant.document(), Grant { journal: None, ..grant.clone() }.document());
    assert_ne!(grant.document(), Grant { watermark: [0; 16], ..grant }.document());
    let refusal = refusal();
    assert_ne!(refusal.document(), Refusal { salt: [0; 16], ..refusal.clone() }.document());
    assert_eq!(refusal.document(), Refusal { journal: None, ..refusal }.document());
}

#[test]
fn a_request_is_known_by_its_bytes() {
    let (ours, spaced) = (request().to_bytes(), [&request().to_bytes()[..], b"\n"].concat());
    assert_eq!(Request::parse(&ours), Request::parse(&spaced));
    assert_ne!(Request::identity_of(&ours), Request::identity_of(&spaced));
    assert_ne!(proposal().identity(), Proposal { approvals_needed: 1, ..proposal() }.identity());
}

#[test]
fn nothing_larger_than_its_limit_is_read() {
    let blanks = |limit: u64| vec![b' '; limit as usize + 1];
    for message in ["request", "proposal", "refusal"] {
        let (_, said) = read(message, &blanks(MAX_MESSAGE)).unwrap_err();
        assert_eq!(said, "it is larger than 262144 bytes", "{message}");
    }
    assert_eq!(read("grant", &blanks(MAX_DOCUMENT)).unwrap_err().1, "it is larger than 67108864 bytes");
    assert_eq!(read("receipt", &blanks(16_262_144)).unwrap_err().1, "it is larger than 16262144 bytes");
    // A file of 1 GiB is not read to find out that it is too large.
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(1 << 30).unwrap();
    let said = read_limited(file.path(), MAX_MESSAGE).unwrap_err().to_string();
    assert!(said.ends_with("it is larger than 262144 bytes"), "{said}");
    let nested = format!("{{\"format\":\"keepuntil-request/v1\",\"records\":{}", "[".repeat(200_000));
    assert!(read("request", nested.as_bytes()).is_err());
    let long = DisclosurePolicy::parse(&blanks(262_144));
    assert!(matches!(long, Err(DisclosurePolicyError::Size(_))));
}

#[test]
fn scattered_records_are_bounded_by_their_text() {
    let every_second = |count: u64| (0..count).map(|n| 1_000_001 + 2 * n).collect();
    let with = |count: u64| Proposal::parse(&Proposal { records: every_second(count), ..proposal() }.to_bytes());
    assert!(with(3072).is_ok());
    assert!(with(3073).unwrap_err().to_string().contains("too scattered"));
    let whole = Proposal { records: (1..=100_000).collect(), classes: vec![Class::Public], ..proposal() };
    assert_eq!(Proposal::parse(&whole.to_bytes()), Ok(whole));
}

/// The lines of the indented block before `end` in a text.
fn example_before(text: &str, end: usize) -> Vec<&str> {
    let lines: Vec<&str> = text[..end].lines().rev().collect();
    let block = lines
        .into_iter()
        .skip_while(|line| !line.starts_with("    "))
        .take_while(|line| line.is_empty() || line.starts_with("    "));
    let mut block: Vec<&str> = block.map(|line| line.get(4..).unwrap_or_default()).collect();
    block.reverse();
    block
}

#[test]
fn examples_in_the_specification_are_vectors() {
    let mut seen = 0;
    for entry in std::fs::read_dir(tools::project("spec")).unwrap() {
        let path = entry.unwrap().path();
        if !path.file_name().unwrap().to_string_lossy().starts_with("disclosure") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for (at, phrase) in text.match_indices("The whole of it is `") {
            let file = text[at + phrase.len()..].split('`').next().unwrap();
            let vector = std::fs::read_to_string(tools::project(file)).unwrap();
            for line in example_before(&text, at) {
                let shown = line.split('…').next().unwrap();
                assert!(vector.contains(shown), "{}: {line:?} is not in {file}", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 30, "the scan found the examples");
}
