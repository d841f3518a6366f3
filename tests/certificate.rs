//! Plans and certificates: the vectors under `fixtures/vectors/certificate/`, what people are shown, the commands.
//!
//! `KEEPUNTIL_WRITE_VECTORS` makes the vectors as in `tests/vectors.rs`; signatures differ from one making to the next.

use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use keepuntil::cli::certificate::dry_run::{Left, dry_run};
use keepuntil::cli::certificate::names::{NameInventory, NamedRecord};
use keepuntil::cli::certificate::{Signatures, to_html, to_text};
use keepuntil::crypto::hash::{Hash, sha256};
use keepuntil::crypto::secret::Secret32;
use keepuntil::crypto::sign::SigningKey;
use keepuntil::journal::certificate::*;
use keepuntil::journal::plan::{self, Decision, Plan, PlannedRecord, RecordState, state_hash};
use keepuntil::language::Language;
use keepuntil::retention::{AtExpiry, Class, Retention, parse_date};
use keepuntil::storage::document::{DocumentError, MAX_DOCUMENT};
use keepuntil::tlog::checkpoint::Checkpoint;
use keepuntil::tlog::merkle::{inclusion_proof, leaf_hash, root_of};
use keepuntil::tlog::proof::{Evidence, Proof};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use unicode_width::UnicodeWidthStr;

const FIRM: &str = "vectors.example";
const SIGNED_AT: u64 = 2_713_996_800;

fn key(seed: u8) -> SigningKey {
    let secret = |byte| Secret32::from_bytes([byte; 32]);
    SigningKey::from_seeds(FIRM, &secret(seed), &secret(seed + 1))
}

fn date(text: &str) -> chrono::NaiveDate {
    parse_date(text).unwrap()
}

fn instant(text: &str) -> chrono::DateTime<chrono::Utc> {
    text.parse().unwrap()
}

fn row(archive: u8, record: u64) -> DestroyedRecord {
    DestroyedRecord {
        archive: [archive; 16],
        record,
        compartment: "vouchers".into(),
        class: Class::Sensitive,
        rules: vec!["cn-accounting-voucher".into()],
        kept_from: date("2026-11-22"),
        term: None,
        until: Some(date("2055-12-31")),
        destroyed: date("2056-01-09"),
        early: false,
    }
}

fn certificate() -> Certificate {
    let person = |name: &str| Person {
        name: name.into(),
        title: Some("清算组组长".into()),
        place: Some("苏州".into()),
        contact: None,
    };
    let approval = |name: &str, key: u8| Approval {
        name: name.into(),
        key: format!("SHA256:{}", BASE64_STANDARD_NO_PAD.encode([key; 32])),
    };
    Certificate {
        format: keepuntil::journal::certificate::FORMAT.into(),
        keyring: [0x9b; 16],
        firm: FIRM.into(),
        purge: [0x77; 16],
        generation: 3,
        executed: instant("2056-01-08T17:20:00Z"),
        date: date("2056-01-09"),
        tool: Tool { name: "keepuntil".into(), version: "0.1.0".into() },
        method: Method::CryptographicEraseByRoot,
        roles: [(Role::Custodian, person("顾清禾")), (Role::Witness, person("Ada Östlund"))].into(),
        plan: PlanReference {
            sha256: Some(sha256(&[b"plan"])),
            signed_by: vec![approval("gu@vectors.example", 2), approval("ada@vectors.example", 1)],
        },
        cool_off: CoolOff { from: date("2056-01-01"), to: date("2056-01-08") },
        clock: KnownDate::Outside {
            by: OutsideClock::Witness,
            name: Some("witness.example".into()),
            time: instant("2056-01-08T16:00:00Z"),
        },
        reason: None,
        exports: vec![KeySheet { time: instant("2031-05-05T08:00:00Z"), archive: [0x42; 16], records: 1 }],
        disclosures: Vec::new(),
        records: vec![row(0x42, 3), row(0x42, 17), row(0x43, 1)],
        inventory: [0; 32],
        journal: Evidence { leaf: String::new(), proof: String::new() },
    }
}

fn leaf(c: &Certificate) -> Value {
    let items = c.records.chunk_by(|a, b| a.archive == b.archive).map(|records| {
        let numbers: keepuntil::retention::ranges::Ranges = records.iter().map(|r| r.record).collect();
        json!({ "archive": hex::encode(records[0].archive), "records": numbers })
    });
    json!({
        "time": c.executed,
        "salt": "00112233445566778899aabbccddeeff",
        "entry": { "destroyed": {
            "purge": hex::encode(c.purge),
            "generation": c.generation,
            "items": items.collect::<Vec<_>>(),
            "count": c.records.len(),
            "inventory": hex::encode(inventory(&c.records)),
            "approvals": c.plan.signed_by.iter().rev().map(|by| by.key.clone()).collect::<Vec<_>>(),
            "held_exports": c.exports.iter().map(|sheet| json!({ "archive": hex::encode(sheet.archive), "records": "17" })).collect::<Vec<_>>(),
        }}
    })
}

/// The leaf with the hash of its list of records instead of the list.
fn leaf_with_digest(c: &Certificate) -> Value {
    let mut leaf = leaf(c);
    let items = &mut leaf["entry"]["destroyed"]["items"];
    // By hand, since a JSON value sorts its keys.
    let text = items
        .as_array()
        .unwrap()
        .iter()
        .map(|item| format!("{{\"archive\":{},\"records\":{}}}", item["archive"], item["records"]));
    let text = format!("[{}]", text.collect::<Vec<_>>().join(","));
    *items = json!({ "count": c.records.len(), "sha256": hex::encode(sha256(&[text.as_bytes()])) });
    leaf
}

/// A certificate whose parts can be made wrong one by one.
struct Forge {
    certificate: Certificate,
    /// What the journal says, made from the certificate as it stands then.
    leaf: fn(&Certificate) -> Value,
    origin: String,
    key: SigningKey,
    /// What is changed behind the journal's back.
    after: fn(&mut Certificate),
    text: fn(String) -> String,
}

impl Default for Forge {
    fn default() -> Self {
        let certificate = certificate();
        let origin = certificate.origin();
        Self { certificate, leaf, origin, key: key(1), after: |_| {}, text: |text| text }
    }
}

/// The leaf hashes of a small log, as one tile.
struct Leaves(Vec<Hash>);

impl keepuntil::tlog::merkle::TileSource for Leaves {
    type Error = std::convert::Infallible;

    fn tile(&mut self, level: u32, index: u64, width: usize) -> Result<Vec<Hash>, Self::Error> {
        assert_eq!((level, index), (0, 0));
        Ok(self.0[..width].to_vec())
    }
}

impl Forge {
    fn build(mut self) -> Vec<u8> {
        self.certificate.inventory = inventory(&self.certificate.records);
        let leaf = serde_json::to_vec(&(self.leaf)(&self.certificate)).unwrap();
        let mut leaves: Vec<Hash> = (0..5u8).map(|n| leaf_hash(&[n])).collect();
        leaves[3] = leaf_hash(&leaf);
        let checkpoint = Checkpoint { origin: self.origin, size: 5, root: root_of(&leaves) };
        let hashes = inclusion_proof(&mut Leaves(leaves), 5, 3).unwrap();
        let checkpoint = checkpoint.sign(&self.key, SIGNED_AT);
        self.certificate.journal = (&Proof { leaf, index: 3, hashes, checkpoint }).into();
        (self.after)(&mut self.certificate);
        (self.text)(String::from_utf8(self.certificate.to_bytes()).unwrap()).into_bytes()
    }
}

fn forged(change: impl Fn(&mut Forge)) -> Vec<u8> {
    let mut forge = Forge::default();
    change(&mut forge);
    forge.build()
}

fn early(c: &mut Certificate) {
    c.reason = Some(Reason::Code("consent-withdrawn".into()));
    c.records[1].early = true;
    c.records[1].until = Some(date("2060-12-31"));
    c.records[2].early = true;
    c.records[2].until = None;
}

fn term(period: &str, from: &str, extended: bool) -> CountedTerm {
    CountedTerm { period: period.parse().unwrap(), from: date(from), extended }
}

/// The first record was kept for the period of its rule, the second for one that was extended.
fn periods(c: &mut Certificate) {
    c.records[0].term = Some(term("P30Y", "2026-01-01", false));
    c.records[1].term = Some(term("P10Y", "2026-01-01", true));
}

fn planned(archive: u8, record: u64) -> PlannedRecord {
    PlannedRecord {
        archive: [archive; 16],
        record,
        class: Class::Sensitive,
        compartment: "vouchers".into(),
        rules: vec!["cn-accounting-voucher".into()],
        until: Some(date("2055-12-31")),
        decision: Decision::Destroy,
        review: record == 17,
        early: false,
    }
}

fn plan() -> Plan {
    let records = vec![planned(0x42, 3), planned(0x42, 17), planned(0x43, 1)];
    let retention = Retention::until(date("2055-12-31"), AtExpiry::Destroy);
    let state = |record: &PlannedRecord| (record.archive, record.record);
    let states: Vec<_> = records.iter().map(state).collect();
    let state = state_hash(states.into_iter().map(|(archive, record)| RecordState {
        archive,
        record,
        compartment: "vouchers",
        class: Class::Sensitive,
        retention: &retention,
        until: Some(date("2055-12-31")),
        holds: 0,
    }));
    Plan {
        format: plan::FORMAT.into(),
        keyring: [0x9b; 16],
        made: instant("2056-01-01T08:00:00Z"),
        state,
        approvals_needed: 2,
        reason: None,
        records,
    }
}

fn planned_by(change: impl Fn(&mut Plan)) -> Vec<u8> {
    let mut plan = plan();
    change(&mut plan);
    plan.to_bytes()
}

fn replaced(text: String, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from:?}");
    text.replacen(from, to, 1)
}

/// A vector: its folder, what it is for, how reading ends, a part of the message, its bytes.
type Vector = (&'static str, &'static [&'static str], &'static str, &'static str, Vec<u8>);

fn certificates() -> Vec<Vector> {
    vec![
        ("01-valid", &["C-1", "C-8", "C-11", "C-12", "C-13", "C-14", "C-15"], "valid", "", forged(|_| {})),
        ("02-valid-early", &["C-9"], "valid", "", forged(|f| early(&mut f.certificate))),
        (
            "03-valid-unattended",
            &["C-4"],
            "valid",
            "",
            forged(|f| {
                f.certificate.plan = PlanReference::default();
                f.certificate.roles.clear();
                f.certificate.exports.clear();
                f.certificate.clock =
                    KnownDate::MarkLessMargin { mark: instant("2056-02-12T00:00:00Z"), margin_days: 35 };
            }),
        ),
        ("04-valid-records-by-hash", &["C-13"], "valid", "", forged(|f| f.leaf = leaf_with_digest)),
        ("05-valid-with-periods", &["C-22"], "valid", "", forged(|f| periods(&mut f.certificate))),
        (
            "10-duplicate-key",
            &["C-1"],
            "document",
            "duplicate field",
            forged(|f| {
                f.text = |text| replaced(text, "  \"generation\": 3,", "  \"generation\": 3,\n  \"generation\": 3,");
            }),
        ),
        ("11-bytes-behind-the-end", &["C-1"], "document", "trailing", forged(|f| f.text = |text| text + "x")),
        ("12-not-canonical", &["C-1"], "document", "canonical", forged(|f| f.text = |text| text + "\n")),
        (
            "13-unknown-key",
            &["C-1", "C-16"],
            "document",
            "unknown field",
            forged(|f| {
                f.text = |text| replaced(text, "\"record\": 17,", "\"record\": 17,\n      \"name\": \"林默然\",");
            }),
        ),
        (
            "14-upper-hex",
            &["C-4"],
            "document",
            "canonical",
            forged(|f| {
                f.text = |text| replaced(text, "9b9b", "9B9b");
            }),
        ),
        (
            "15-newer-format",
            &["C-3"],
            "format",
            "keepuntil-certificate/v2",
            forged(|f| {
                f.text = |text| replaced(text, "certificate/v1", "certificate/v2");
            }),
        ),
        (
            "16-control-character",
            &["C-4"],
            "impossible",
            "a text",
            forged(|f| {
                f.certificate.tool.version = "1\u{1b}[2J".into();
            }),
        ),
        (
            "17-fraction-of-a-second",
            &["C-4"],
            "impossible",
            "date",
            forged(|f| {
                f.certificate.executed = instant("2056-01-08T17:20:00.5Z");
            }),
        ),
        (
            "20-record-edited",
            &["C-11"],
            "impossible",
            "inventory hash",
            forged(|f| {
                f.after = |c| c.records[1].class = Class::Public;
            }),
        ),
        (
            "21-record-edited-with-inventory",
            &["C-13"],
            "entry",
            "another inventory",
            forged(|f| {
                f.after = |c| {
                    c.records[1].class = Class::Public;
                    c.inventory = inventory(&c.records);
                };
            }),
        ),
        (
            "22-record-removed",
            &["C-13"],
            "entry",
            "another number",
            forged(|f| {
                f.after = |c| {
                    c.records.pop();
                    c.inventory = inventory(&c.records);
                };
            }),
        ),
        (
            "23-records-out-of-order",
            &["C-8"],
            "impossible",
            "do not rise",
            forged(|f| f.certificate.records.swap(0, 1)),
        ),
        ("24-no-records", &["C-8"], "impossible", "no records", forged(|f| f.certificate.records.clear())),
        (
            "25-record-twice",
            &["C-8"],
            "impossible",
            "do not rise",
            forged(|f| {
                f.certificate.records[1] = f.certificate.records[0].clone();
            }),
        ),
        (
            "26-early-without-reason",
            &["C-9"],
            "impossible",
            "reason",
            forged(|f| {
                early(&mut f.certificate);
                f.certificate.reason = None;
            }),
        ),
        (
            "27-early-unsaid",
            &["C-9"],
            "impossible",
            "early",
            forged(|f| {
                f.certificate.records[0].until = Some(date("2056-01-09"));
            }),
        ),
        (
            "28-destroyed-on-another-day",
            &["C-10"],
            "impossible",
            "date of destruction",
            forged(|f| {
                f.certificate.records[0].destroyed = date("2056-01-08");
            }),
        ),
        (
            "29-date-of-no-zone",
            &["C-10"],
            "impossible",
            "its date",
            forged(|f| {
                f.certificate.date = date("2056-01-10");
                f.certificate.records.iter_mut().for_each(|record| record.destroyed = date("2056-01-10"));
            }),
        ),
        ("30-leaf-of-another-purge", &["C-13"], "entry", "another purge", forged(|f| f.after = |c| c.purge[0] ^= 1)),
        (
            "31-count-edited",
            &["C-13"],
            "entry",
            "another number",
            forged(|f| {
                f.leaf = |c| {
                    let mut leaf = leaf(c);
                    leaf["entry"]["destroyed"]["count"] = json!(4);
                    leaf
                };
            }),
        ),
        (
            "32-items-edited",
            &["C-13"],
            "entry",
            "other records",
            forged(|f| {
                f.leaf = |c| {
                    let mut leaf = leaf(c);
                    leaf["entry"]["destroyed"]["items"][0]["records"] = json!("3,18");
                    leaf
                };
            }),
        ),
        (
            "33-other-time",
            &["C-13"],
            "entry",
            "another time",
            forged(|f| {
                f.after = |c| c.executed = instant("2056-01-08T17:20:01Z");
            }),
        ),
        ("34-other-generation", &["C-13"], "entry", "another generation", forged(|f| f.after = |c| c.generation = 4)),
        (
            "35-other-approvals",
            &["C-13"],
            "entry",
            "other approvals",
            forged(|f| {
                f.after = |c| c.plan.signed_by.truncate(1);
            }),
        ),
        (
            "36-leaf-of-another-kind",
            &["C-13"],
            "entry",
            "does not tell of a destruction",
            forged(|f| {
                f.leaf = |c| {
                    let mut leaf = leaf(c);
                    let said = leaf["entry"]["destroyed"].take();
                    leaf["entry"] = json!({ "intent": said });
                    leaf
                };
            }),
        ),
        (
            "37-leaf-not-the-proof-s",
            &["C-12"],
            "entry",
            "not the one that the proof is for",
            forged(|f| {
                f.after = |c| c.journal.leaf.replace_range(..4, "AAAA");
            }),
        ),
        ("38-key-sheet-hidden", &["C-13"], "entry", "other key sheets", forged(|f| f.after = |c| c.exports.clear())),
        (
            "39-other-records-by-hash",
            &["C-13"],
            "entry",
            "other records",
            forged(|f| {
                f.leaf = |c| {
                    let mut other = c.clone();
                    other.records[0].record = 4;
                    let mut leaf = leaf(c);
                    leaf["entry"]["destroyed"]["items"] =
                        leaf_with_digest(&other)["entry"]["destroyed"]["items"].take();
                    leaf
                };
            }),
        ),
        (
            "40-proof-of-another-log",
            &["C-14"],
            "log",
            "not the journal",
            forged(|f| {
                f.origin = format!("{FIRM}/journal/{}", "00".repeat(16));
            }),
        ),
        (
            "41-proof-of-an-archive",
            &["C-14"],
            "log",
            "not the journal",
            forged(|f| {
                f.origin = format!("{FIRM}/archive/{}", "9b".repeat(16));
            }),
        ),
        ("42-other-signer", &["C-15"], "proof", "another key", forged(|f| f.key = key(50))),
        (
            "43-leaf-edited",
            &["C-15"],
            "proof",
            "does not lead",
            forged(|f| {
                f.after = |c| {
                    let mut proof = Proof::parse(&c.journal.proof).unwrap();
                    let text = String::from_utf8(proof.leaf).unwrap();
                    proof.leaf = replaced(text, "\"count\":3", "\"count\":4").into_bytes();
                    c.journal = (&proof).into();
                };
            }),
        ),
        (
            "44-index-edited",
            &["C-15"],
            "proof",
            "does not lead",
            forged(|f| {
                f.after = |c| c.journal.proof = c.journal.proof.replacen("index 3", "index 2", 1);
            }),
        ),
        (
            "45-period-not-to-the-last-day",
            &["C-22"],
            "impossible",
            "period does not end",
            forged(|f| f.certificate.records[0].term = Some(term("P30Y", "2026-01-02", false))),
        ),
        (
            "46-extended-to-no-later-day",
            &["C-22"],
            "impossible",
            "period does not end",
            forged(|f| f.certificate.records[0].term = Some(term("P30Y", "2026-01-01", true))),
        ),
        (
            "47-period-without-a-last-day",
            &["C-22"],
            "impossible",
            "period does not end",
            forged(|f| {
                early(&mut f.certificate);
                f.certificate.records[2].term = Some(term("P30Y", "2026-01-01", false));
            }),
        ),
    ]
}

fn plans() -> Vec<Vector> {
    vec![
        ("60-plan-valid", &["C-5", "C-7"], "valid", "", planned_by(|_| {})),
        (
            "61-plan-valid-early",
            &["C-6"],
            "valid",
            "",
            planned_by(|p| {
                p.reason = Some(Reason::Commitment([7; 32]));
                p.records[0].early = true;
                p.records[0].until = None;
            }),
        ),
        ("62-plan-duplicate-key", &["C-1"], "document", "duplicate field", {
            replaced(
                String::from_utf8(plan().to_bytes()).unwrap(),
                "\"record\": 3,",
                "\"record\": 3,\n      \"record\": 3,",
            )
            .into_bytes()
        }),
        (
            "63-plan-bytes-behind-the-end",
            &["C-1"],
            "document",
            "canonical",
            [plan().to_bytes(), b" ".to_vec()].concat(),
        ),
        (
            "64-plan-newer-format",
            &["C-3"],
            "format",
            "keepuntil-plan/v9",
            planned_by(|p| p.format = "keepuntil-plan/v9".into()),
        ),
        ("65-plan-out-of-order", &["C-5"], "document", "do not rise", planned_by(|p| p.records.swap(0, 1))),
        (
            "66-plan-record-twice",
            &["C-5"],
            "document",
            "do not rise",
            planned_by(|p| p.records[1] = p.records[0].clone()),
        ),
        ("67-plan-without-records", &["C-5"], "document", "no records", planned_by(|p| p.records.clear())),
        ("68-plan-record-zero", &["C-5"], "document", "no such number", planned_by(|p| p.records[0].record = 0)),
        ("69-plan-early-without-reason", &["C-6"], "document", "reason", planned_by(|p| p.records[0].early = true)),
        ("70-plan-no-last-day", &["C-6"], "document", "last day", planned_by(|p| p.records[0].until = None)),
        (
            "71-plan-compartment",
            &["C-4"],
            "document",
            "not allowed",
            planned_by(|p| p.records[0].compartment = "A/b".into()),
        ),
        ("72-plan-other-decision", &["C-5"], "document", "unknown variant", {
            replaced(String::from_utf8(plan().to_bytes()).unwrap(), "\"destroy\"", "\"keep\"").into_bytes()
        }),
    ]
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/vectors/certificate")
}

fn read_certificate(bytes: &[u8]) -> (&'static str, String) {
    let read = Certificate::parse(bytes).and_then(|certificate| certificate.verify(&key(1).verifier_keys()));
    match read {
        Ok(verified) => {
            assert_eq!((verified.entry, verified.checkpoint.size, verified.signed), (3, 5, Some(SIGNED_AT)));
            ("valid", String::new())
        }
        Err(error) => {
            let stage = match &error {
                CertificateError::Document(DocumentError::OtherFormat(_)) => "format",
                CertificateError::Document(_) => "document",
                CertificateError::Impossible(_) => "impossible",
                CertificateError::Entry(_) => "entry",
                CertificateError::OtherLog(_) => "log",
                CertificateError::Tlog(_) => "proof",
            };
            (stage, error.to_string())
        }
    }
}

fn read_plan(bytes: &[u8]) -> (&'static str, String) {
    match Plan::parse(bytes) {
        Ok(_) => ("valid", String::new()),
        Err(error @ DocumentError::OtherFormat(_)) => ("format", error.to_string()),
        Err(error) => ("document", error.to_string()),
    }
}

#[test]
fn every_vector_ends_as_expected() {
    let kinds = [("certificate.json", certificates()), ("plan.json", plans())];
    let mut names = Vec::new();
    for (file, vectors) in kinds {
        for (name, holds, ends, what, made) in vectors {
            let path = folder().join(name).join(file);
            if std::env::var("KEEPUNTIL_WRITE_VECTORS").is_ok_and(|which| which == "all" || !path.exists()) {
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(&path, &made).unwrap();
                let mut expect = json!({ "holds": holds, "ends": ends, "what": what });
                if name == "60-plan-valid" {
                    expect["sha256"] = json!(hex::encode(plan::identity(&made)));
                    expect["state"] = json!(hex::encode(plan().state));
                }
                if name == "01-valid" {
                    expect["inventory"] = json!(hex::encode(Certificate::parse(&made).unwrap().inventory));
                }
                let text = serde_json::to_string_pretty(&expect).unwrap() + "\n";
                std::fs::write(path.with_file_name("expect.json"), text).unwrap();
            }
            let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let expect: Value =
                serde_json::from_slice(&std::fs::read(path.with_file_name("expect.json")).unwrap()).unwrap();
            assert_eq!((&expect["holds"], &expect["ends"]), (&json!(holds), &json!(ends)), "{name}");
            let (ended, message) = if file == "plan.json" { read_plan(&bytes) } else { read_certificate(&bytes) };
            assert_eq!(ended, ends, "{name}: {message}");
            assert!(message.contains(what), "{name}: {message}");
            names.push(name.to_owned());
        }
    }
    let there = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut there: Vec<String> = there.collect();
    there.sort();
    assert_eq!(there, names, "vectors that nobody reads, or in another order");
}

#[test]
fn hashes_are_those_that_the_specification_defines() {
    let read = |name: &str| std::fs::read(folder().join(name)).unwrap();
    let expect = |name: &str| serde_json::from_slice::<Value>(&read(name)).unwrap();
    // By hand, from the file's JSON alone, as another reader would.
    let bytes = read("01-valid/certificate.json");
    let rows = Certificate::parse(&bytes).unwrap().records;
    let mut text = b"keepuntil-inventory/v1\n".to_vec();
    for row in &rows {
        text.extend_from_slice(
            format!(
                "{{\"archive\":\"{}\",\"record\":{},\"compartment\":\"vouchers\",\"class\":\"sensitive\",\
                 \"rules\":[\"cn-accounting-voucher\"],\"kept_from\":\"2026-11-22\",\"until\":\"2055-12-31\",\
                 \"destroyed\":\"2056-01-09\",\"early\":false}}\n",
                hex::encode(row.archive),
                row.record
            )
            .as_bytes(),
        );
    }
    assert_eq!(expect("01-valid/expect.json")["inventory"], json!(hex::encode(sha256(&[&text]))));
    let plan = read("60-plan-valid/plan.json");
    let expected = expect("60-plan-valid/expect.json");
    assert_eq!(expected["sha256"], json!(hex::encode(sha256(&[&plan]))));
    let mut text = b"keepuntil-plan-state/v1\n".to_vec();
    for (archive, record) in [(0x42, 3), (0x42, 17), (0x43, 1)] {
        text.extend_from_slice(
            format!(
                "{{\"archive\":\"{}\",\"record\":{record},\"compartment\":\"vouchers\",\"class\":\"sensitive\",\
                 \"retention\":{{\"terms\":[{{\"keep\":{{\"until\":\"2055-12-31\"}}}}],\"at_expiry\":\"destroy\"}},\
                 \"until\":\"2055-12-31\",\"holds\":0}}\n",
                hex::encode([archive; 16])
            )
            .as_bytes(),
        );
    }
    assert_eq!(expected["state"], json!(hex::encode(sha256(&[&text]))));
}

#[test]
fn files_that_are_too_large_are_not_parsed() {
    let large = vec![b' '; MAX_DOCUMENT as usize + 1];
    assert!(Plan::parse(&large).unwrap_err().to_string().contains("larger than"));
    assert!(Certificate::parse(&large).unwrap_err().to_string().contains("larger than"));
}

#[test]
fn no_byte_that_the_journal_binds_can_change_unseen() {
    let bytes = forged(|_| {});
    let text = String::from_utf8(bytes.clone()).unwrap();
    let bound = [text.find("\"records\": [\n").unwrap()..bytes.len(), 0..text.find("\"tool\"").unwrap()];
    for at in bound.into_iter().flatten().step_by(3) {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 7);
        assert_ne!(
            read_certificate(&changed).0,
            "valid",
            "byte {at}: {}",
            String::from_utf8_lossy(&changed[at - at.min(20)..at + 1])
        );
    }
}

#[test]
fn a_certificate_that_somebody_else_signed_is_consistent_and_no_more() {
    let other = Certificate::parse(&forged(|f| f.key = key(50))).unwrap();
    assert_eq!(other.consistent().unwrap().signed, None);
    assert!(other.verify(&key(1).verifier_keys()).is_err());
    assert!(other.verify(&key(50).verifier_keys()).is_ok());
}

fn shown(bytes: &[u8], language: Language, signatures: Signatures) -> (String, String) {
    let certificate = Certificate::parse(bytes).unwrap();
    let verified = certificate.consistent().unwrap();
    (to_text(&certificate, &verified, signatures, language), to_html(&certificate, &verified, signatures, language))
}

#[test]
fn sheets_stand_alone_and_fit_in_both_languages() {
    for language in Language::ALL {
        let bytes = forged(|f| {
            early(&mut f.certificate);
            periods(&mut f.certificate);
        });
        let (text, html) = shown(&bytes, language, Signatures::Unchecked);
        for forbidden in ["http", "<script", "src=", "url(", "@import", "<link", "<img", "javascript"] {
            assert!(!html.to_lowercase().contains(forbidden), "{forbidden}");
        }
        assert!(html.contains("@page{size:A4") && html.contains("prefers-color-scheme:dark"));
        for line in text.lines() {
            assert!(line.width() <= 80, "{} columns: {line}", line.width());
        }
        // The columns of a 销毁清册, the limits and the evidence are all on it.
        let wanted: &[&str] = match language {
            Language::Chinese => &[
                "名称",
                "卷号",
                "册数",
                "起止年度",
                "档案编号",
                "应保管期限",
                "已保管期限",
                "销毁时间",
                "监销人",
                "密码学擦除说明",
                "到期日",
                "10 年，延至 2060-12-31",
                "30 年",
                "本证明不能证明的事项",
                "未核验签名",
                "提前销毁",
                "顾清禾",
                "应当在销毁前",
                "（cn-accounting-voucher）",
            ],
            Language::English => &[
                "Names",
                "Volume",
                "Items",
                "are to compare",
                "Accounting vouchers, ledgers, handover inventories (cn-accounting-voucher)",
                "years",
                "File no.",
                "Retention",
                "Kept for",
                "Last day",
                "Destroyed",
                "Key generation",
                "10 years, extended to 2060-12-31",
                "30 years",
                "What this does not prove",
                "NOT checked",
                "consent withdrawn",
                "Ada Östlund",
                "No conformity",
            ],
        };
        for shown in [&text, &html] {
            for word in wanted.iter().chain(&["424242-17", "2056-01-09*", "2055-12-31", "cn-accounting-voucher", FIRM])
            {
                let bare = |text: &str| text.replace(['\n', ' '], "");
                assert!(bare(shown).contains(&bare(word)), "{word} is missing: {shown}");
            }
        }
        let cells = html.replace(" class=\"w\"", "");
        assert!(cells.contains("<td>424242</td>"), "the archive's mark, not the record's number: {html}");
        assert!(
            !text.contains("销毁前按清册清点核对，销毁后在此") && !text.contains("The witnesses compare"),
            "{text}"
        );
        let (text, _) = shown(&forged(|_| {}), language, Signatures::Checked);
        assert!(!text.contains("NOT checked") && !text.contains("未核验"));
    }
}

#[test]
fn hostile_names_are_escaped() {
    let hostile = "<b>\"x\"</b>'&\u{202e}";
    let bytes = forged(|f| {
        f.certificate.tool.name = hostile.into();
        f.certificate.roles.insert(Role::Verifier, Person { name: hostile.into(), ..Person::default() });
        f.certificate.plan.signed_by[0].name = hostile.into();
        f.certificate.clock = KnownDate::Outside {
            by: OutsideClock::Typed,
            name: Some(hostile.into()),
            time: instant("2056-01-08T16:00:00Z"),
        };
    });
    for language in Language::ALL {
        let (text, html) = shown(&bytes, language, Signatures::Checked);
        assert!(!html.contains("<b>") && !html.contains('\u{202e}'));
        assert_eq!(html.matches("&lt;b&gt;&quot;x&quot;&lt;/b&gt;&#39;&amp;\\u{202e}").count(), 4);
        assert!(!text.contains('\u{202e}') && text.contains("\\u{202e}"));
    }
    // A compartment that could be hostile is no compartment.
    assert_eq!(read_certificate(&forged(|f| f.certificate.records[0].compartment = hostile.into())).0, "impossible");
}

#[test]
fn thousands_of_records_stay_printable() {
    let bytes = forged(|f| {
        f.certificate.records = (1..=4000).map(|n| row(0x42, n * 3 / 2)).collect();
        f.certificate.records.iter_mut().step_by(2).for_each(|record| record.rules.clear());
    });
    assert_eq!(read_certificate(&bytes).0, "valid");
    for language in Language::ALL {
        let (text, html) = shown(&bytes, language, Signatures::Checked);
        assert!(text.lines().all(|line| line.width() <= 80));
        assert!(text.lines().count() < 2000 && text.contains("2000"), "{}", text.lines().count());
        assert!(html.matches("<tr>").count() < 100);
    }
}

#[test]
fn a_dry_run_fits_and_says_what_stays() {
    let mut plan = plan();
    plan.records[2].rules = vec!["a-rule-with-a-very-long-name-indeed".into(), "another".into()];
    plan.records[2].compartment = "a-compartment-of-a-long-name".into();
    let left = [Left { why: "held".into(), records: 2 }, Left { why: "not due before 2061-01-01".into(), records: 1 }];
    let text = dry_run(&plan, &left);
    assert!(text.lines().all(|line| line.width() <= 80), "{text}");
    for word in [
        "archive 42424242424242424242424242424242, vouchers (sensitive)",
        "2055-12-31",
        "3 records would be destroyed (to review: 1)",
        "2 people",
        "2 records left alone: held",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[test]
fn an_inventory_with_names_warns_and_is_no_formula() {
    let record = |name: &str| NamedRecord {
        archive: [0x42; 16],
        record: 3,
        name: name.into(),
        years: Some("2019–2021".into()),
        files: 12,
        rules: Vec::new(),
        until: Some(date("2055-12-31")),
    };
    let records = vec![record("沐阳贸易有限公司"), record("=1+1"), record("a\"b,<i>\r\n")];
    let inventory = NameInventory { made: instant("2056-01-01T08:00:00Z"), records };
    for (language, warning) in [(Language::Chinese, "记录销毁后仍然存在"), (Language::English, "outlives the records")]
    {
        let csv = String::from_utf8(inventory.to_csv(language)).unwrap();
        let lines: Vec<&str> = csv.split("\r\n").collect();
        assert!(lines[0].starts_with('\u{feff}') && lines[0].contains(warning) && lines.len() == 6, "{csv}");
        assert!(lines[2].contains("\"沐阳贸易有限公司\"") && lines[3].contains("\"'=1+1\""));
        assert!(lines[4].contains("\"a\"\"b,<i>\\r\\n\""), "{}", lines[4]);
        let html = inventory.to_html(language);
        assert!(html.contains(warning) && html.contains("沐阳贸易有限公司") && !html.contains("<i>"));
        assert!(html.contains("30") && !html.contains("随记录一并销毁") && !html.contains("destroy it"), "{html}");
        let html = html.replace(" class=\"w\"", "");
        assert!(
            html.contains("<td>424242</td>") && html.contains("<td>424242-3</td>") && html.contains(&"42".repeat(16))
        );
        assert!(!html.contains("http"));
    }
}

fn run(dir: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_keepuntil"))
        .env_clear()
        .env("LANG", "zh_CN.UTF-8")
        .args(arguments)
        .current_dir(dir)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_command_needs_a_file_and_two_keys_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| std::fs::write(dir.path().join(name), bytes).unwrap();
    file("good.json", &forged(|_| {}));
    file("forged.json", &forged(|f| f.after = |c| c.generation = 4));
    file("newer.json", &forged(|f| f.text = |text| replaced(text, "certificate/v1", "certificate/v2")));
    let [first, second] = key(1).verifier_keys().map(|key| key.to_string());
    file("firm.vkeys", format!("# the firm\n{first}\n{second}\n").as_bytes());
    let elsewhere = SigningKey::from_seeds("other.example", &Secret32::random(), &Secret32::random());
    file("other.vkeys", elsewhere.verifier_keys().map(|key| format!("{key}\n")).concat().as_bytes());
    let other = key(50).verifier_keys().map(|key| key.to_string());
    let verify = |file: &str, keys: &[&str]| {
        let mut arguments = vec!["--lang", "en", "certificate", "verify", file];
        keys.iter().for_each(|key| arguments.extend(["--journal", key]));
        run(dir.path(), &arguments)
    };
    let (code, out, err) = verify("good.json", &[&first, &second]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("as the journal of vectors.example says") && out.contains("3 records destroyed"), "{out}");
    assert_eq!(verify("good.json", &["firm.vkeys"]).0, 0);
    assert_eq!(verify("good.json", &["firm.vkeys", "other.vkeys"]).0, 0);
    let (code, out, err) = verify("good.json", &[]);
    assert!(code == 3 && out.contains("consistent, signer unknown") && err.contains("hint"), "{out}{err}");
    for (name, keys, wanted) in [
        ("good.json", vec![other[0].as_str(), &other[1]], 10),
        ("good.json", vec!["other.vkeys"], 10),
        ("forged.json", vec!["firm.vkeys"], 10),
        ("forged.json", vec![], 10),
        ("newer.json", vec!["firm.vkeys"], 1),
        ("good.json", vec![first.as_str()], 2),
        ("good.json", vec!["nonsense"], 1),
        ("absent.json", vec!["firm.vkeys"], 1),
    ] {
        let (code, out, err) = verify(name, &keys);
        assert_eq!(code, wanted, "{name} {keys:?}: {out}{err}");
        assert!(out.is_empty() && err.contains("keepuntil: error: "), "{out}{err}");
    }
    let (code, out, _) = run(dir.path(), &["--json", "certificate", "verify", "good.json", "--journal", "firm.vkeys"]);
    let said: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, &said["message_type"], &said["signer"], &said["record_count"]),
        (0, &json!("certificate"), &json!("pinned"), &json!(3))
    );
}

#[test]
fn the_command_shows_what_it_has_checked() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = forged(|_| {});
    std::fs::write(dir.path().join("good.json"), &bytes).unwrap();
    std::fs::write(dir.path().join("forged.json"), forged(|f| f.after = |c| c.generation = 4)).unwrap();
    let keys = key(1).verifier_keys().map(|key| format!("{key}\n")).concat();
    std::fs::write(dir.path().join("firm.vkeys"), keys).unwrap();
    let show = |more: &[&str]| run(dir.path(), &[&["certificate", "show"], more].concat());
    let (code, out, _) = show(&["good.json"]);
    assert!(code == 0 && out.starts_with("档案销毁证明\n") && out.contains("未核验签名"), "{out}");
    let (code, out, _) = show(&["good.json", "--lang", "en", "--journal", "firm.vkeys"]);
    assert!(code == 0 && out.starts_with("Certificate of destruction\n") && !out.contains("NOT checked"), "{out}");
    let shown: Value = serde_json::from_str(&show(&["good.json", "--json"]).1).unwrap();
    assert_eq!(shown["message_type"], "certificate_content");
    assert_eq!(shown["content"], serde_json::from_slice::<Value>(&bytes).unwrap());
    assert_eq!(show(&["good.json", "--format", "csv"]).0, 2, "it is no table");
    assert_eq!(show(&["good.json", "--json", "-o", "out.pdf"]).0, 0);
    let pdf = std::fs::read(dir.path().join("out.pdf")).unwrap();
    assert!(pdf.starts_with(b"%PDF-") && pdf.windows(6).any(|bytes| bytes == b"pdfaid"), "PDF/A says what it is");
    assert_eq!(show(&["good.json", "--format", "html", "-o", "out.html"]).0, 0);
    assert!(std::fs::read_to_string(dir.path().join("out.html")).unwrap().starts_with("<!DOCTYPE html>"));
    assert_eq!(show(&["good.json", "-o", "out.html"]).0, 1, "it exists already");
    assert_eq!(show(&["good.json", "-o", "out.html", "--force"]).0, 0);
    assert_eq!(show(&["forged.json", "-o", "forged.txt"]).0, 10);
    assert!(!dir.path().join("forged.txt").exists());
}
