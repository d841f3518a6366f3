//! The journal: vectors under `fixtures/vectors/journal/`, other people's code for the same logs, and the command line.
//!
//! `KEEPUNTIL_WRITE_VECTORS=1` makes the vectors that are missing, `=all` all anew. ML-DSA signatures differ from one making to
//! the next, what is expected does not.

mod tools;

use keepuntil::crypto::hash::Hash;
use keepuntil::crypto::secret::Secret32;
use keepuntil::crypto::sign::{Scheme, SigningKey, VerifierKey};
use keepuntil::journal::cosign::{State, cosign};
use keepuntil::journal::entry::*;
use keepuntil::journal::items::{Item, Items, ItemsDigest};
use keepuntil::journal::{JournalError, checkpoint, cosignature};
use keepuntil::keyring::log;
use keepuntil::ops::{OpsError, journal as ops};
use keepuntil::retention::ranges::Ranges;
use keepuntil::storage::StorageError;
use keepuntil::storage::lock::{Lock, Sharing};
use keepuntil::tlog::consistency::{Request, consistency_proof, verify_consistency};
use keepuntil::tlog::merkle::{TileSource, leaf_hash, root_of};
use keepuntil::tlog::note::Note;
use keepuntil::tlog::tile::TILE_WIDTH;
use keepuntil::tlog::{TlogError, cosignature as lines};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tools::Home;

const FIRM: &str = "vectors.example";
const TIME: u64 = 1_927_000_000;

fn journal_key() -> SigningKey {
    SigningKey::from_seeds(FIRM, &Secret32::from_bytes([1; 32]), &Secret32::from_bytes([2; 32]))
}

fn witness_key() -> SigningKey {
    SigningKey::from_seeds("witness.example", &Secret32::from_bytes([4; 32]), &Secret32::from_bytes([5; 32]))
}

fn origin() -> String {
    checkpoint::origin(FIRM, &"51".repeat(16))
}

/// Leaf hashes of a log that anyone can compute.
struct Leaves(Vec<Hash>);

impl Leaves {
    fn of(size: u64) -> Self {
        Self((0..size).map(|leaf| leaf_hash(format!("entry {leaf}").as_bytes())).collect())
    }
}

impl TileSource for Leaves {
    type Error = std::convert::Infallible;
    fn tile(&mut self, level: u32, index: u64, width: usize) -> Result<Vec<Hash>, Self::Error> {
        let span = TILE_WIDTH.pow(level);
        let first = index as usize * TILE_WIDTH;
        Ok((first..first + width).map(|i| root_of(&self.0[i * span..(i + 1) * span])).collect())
    }
}

/// A vector: its folder, the requirements it is for, its file and that file's content, and what reading it says: nothing, or
/// a part of the message.
struct Vector {
    name: String,
    holds: &'static [&'static str],
    file: &'static str,
    content: Vec<u8>,
    says: Option<&'static str>,
    /// Whose cosignature is looked for.
    witness: Option<&'static str>,
}

fn vector(
    name: impl Into<String>,
    holds: &'static [&'static str],
    file: &'static str,
    content: impl Into<Vec<u8>>,
    says: Option<&'static str>,
) -> Vector {
    Vector { name: name.into(), holds, file, content: content.into(), says, witness: None }
}

fn entries() -> Vec<Entry> {
    let ranges = |text: &str| text.parse::<Ranges>().unwrap();
    let items = || vec![item([0x42; 16], "1-4,7"), item([0x43; 16], "9")];
    let date = |text: &str| text.parse::<chrono::NaiveDate>().unwrap();
    let time = |text: &str| text.parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    let fingerprint = || vec![format!("SHA256:{}", "Ab0+/".repeat(9).get(..43).unwrap())];
    let record = Scope { archive: Some([0x42; 16]), records: Some(ranges("17")), ..Scope::default() };
    let scope = Scope { compartment: Some("payroll".into()), rule: Some("cn-payroll".into()), ..Scope::default() };
    vec![
        Entry::Made { keyring: [0x51; 16] },
        Entry::Deposit { archive: [0x42; 16], records: ranges("1-17"), root: [7; 32] },
        Entry::Export { archive: [0x42; 16], records: ranges("3,5-6") },
        Entry::Hold { hold: [0x61; 16], scope: record, from: date("2031-02-03"), text: [8; 32], secrecy: false },
        Entry::Release { hold: [0x61; 16] },
        Entry::Extension { archive: [0x42; 16], records: ranges("1-4"), until: date("2045-12-31") },
        Entry::Event {
            event: [0x62; 16],
            name: "relationship-end".into(),
            date: date("2030-06-30"),
            scope,
            corrects: Some([0x60; 16]),
            approvals: fingerprint(),
        },
        Entry::Roster {
            sha256: [9; 32],
            plan_approvals: PlanApprovals { default: 1, rules: [("cn-payroll".to_owned(), 2)].into() },
            signed_under: Some([6; 32]),
        },
        Entry::Settings {
            cool_off_days: 7,
            fiscal_year_end: "12-31".into(),
            typed_confirmation: false,
            witnesses: vec![HexHash([3; 32])],
            timestamp_authorities: vec![],
        },
        Entry::Plan { purge: [0x63; 16], sha256: Some([10; 32]), items: items().into() },
        Entry::Cancelled { purge: [0x63; 16] },
        Entry::Intent { purge: [0x64; 16], generation: 3, items: items().into() },
        Entry::Destroyed {
            purge: [0x64; 16],
            generation: 3,
            items: items().into(),
            count: 6,
            inventory: [11; 32],
            approvals: fingerprint(),
            held_exports: vec![item([0x42; 16], "3")],
        },
        Entry::ClockAlarm { shown: time("2099-01-01T00:00:00Z"), mark: time("2031-02-03T04:05:06Z") },
        Entry::ClockAlarmClosed { wall: time("2031-02-04T04:05:06Z") },
        Entry::ClockConfirmed { by: ConfirmedBy::TimestampAuthority, time: time("2031-02-04T04:05:00Z") },
        Entry::Verified { archive: [0x42; 16], root: [7; 32], outcome: VerifiedOutcome::Whole, deep: false },
        Entry::Plan {
            purge: [0x65; 16],
            sha256: Some([12; 32]),
            items: Items::Digest(ItemsDigest { count: 10_000, sha256: [13; 32] }),
        },
        Entry::Hold {
            hold: [0x66; 16],
            scope: Scope::default(),
            from: date("2031-02-03"),
            text: [14; 32],
            secrecy: false,
        },
        Entry::DisclosurePolicy { sha256: [15; 32], approvals: fingerprint() },
        Entry::Request {
            request: [16; 32],
            archive: [0x42; 16],
            records: Some(ranges("3,17")),
            requester: Some(fingerprint().remove(0)),
            purpose: "court-order".into(),
        },
        Entry::Refusal { refusal: [0x67; 16], request: [16; 32], reason: "secrecy".into(), document: [17; 32] },
        Entry::Grant {
            grant: [0x68; 16],
            request: [16; 32],
            archive: [0x42; 16],
            records: ranges("3,17"),
            requester: fingerprint().remove(0),
            until: date("2031-03-31"),
            document: [18; 32],
            approvals: fingerprint(),
        },
        Entry::Receipt {
            grant: [0x68; 16],
            what: "destroyed".into(),
            records: ranges("3,17"),
            document: [19; 32],
            by: fingerprint().remove(0),
        },
        Entry::Hold {
            hold: [0x69; 16],
            scope: Scope::default(),
            from: date("2031-02-03"),
            text: [20; 32],
            secrecy: true,
        },
        Entry::Verified { archive: [0x42; 16], root: [7; 32], outcome: VerifiedOutcome::Damaged, deep: true },
        Entry::Notice {
            notice: [0x72; 16],
            kind: "destruction".into(),
            archive: Some([0x42; 16]),
            records: Some(ranges("3-4,17")),
            letters: 2,
            by: "post".into(),
            on: date("2031-01-06"),
            document: [21; 32],
        },
        Entry::Reply {
            reply: [0x73; 16],
            notice: Some([0x72; 16]),
            kind: "objection".into(),
            archive: Some([0x42; 16]),
            records: Some(ranges("17")),
            received: date("2031-01-20"),
            due: date("2031-02-19"),
        },
        Entry::Answer { reply: [0x73; 16], outcome: "rejected".into(), on: date("2031-02-03") },
    ]
}

fn item(archive: Id, records: &str) -> Item {
    Item { archive, records: records.parse().unwrap() }
}

fn leaf(entry: Entry) -> String {
    let time = "2031-02-03T04:05:06Z".parse().unwrap();
    String::from_utf8(Leaf { time, salt: [0x5a; 16], entry }.to_bytes().unwrap()).unwrap()
}

fn leaf_vectors() -> Vec<Vector> {
    let all = entries();
    let text = |kind: &str| leaf(all.iter().find(|entry| entry.kind() == kind).unwrap().clone());
    let mut vectors: Vec<Vector> = (1..)
        .zip(&all)
        .map(|(number, entry)| {
            let name = match number {
                18 => "18-valid-plan-with-a-long-list".into(),
                19 => "19-valid-hold-on-everything".into(),
                25 => "25-valid-hold-for-secrecy".into(),
                26 => "26-valid-verified-deep".into(),
                _ => format!("{number:02}-valid-{}", entry.kind()),
            };
            vector(name, &["J-1", "J-4"], "leaf.json", leaf(entry.clone()), None)
        })
        .collect();
    let mut bad = |name: &'static str, holds, kind, from: &str, to: &str, says| {
        let good = text(kind);
        assert!(good.contains(from), "{name}: {from} in {good}");
        vectors.push(vector(name, holds, "leaf.json", good.replacen(from, to, 1), Some(says)));
    };
    let spelling = "not in canonical form";
    bad("30-space", &["J-1"], "made", ":{", ": {", spelling);
    bad(
        "31-key-twice",
        &["J-1"],
        "cancelled",
        "{\"purge\"",
        "{\"purge\":\"63636363636363636363636363636363\",\"purge\"",
        "duplicate field",
    );
    bad("32-unknown-key", &["J-1", "J-4"], "cancelled", "\"}}}", "\",\"why\":\"no\"}}}", "unknown field");
    bad(
        "33-key-order",
        &["J-1"],
        "export",
        "\"archive\":\"42424242424242424242424242424242\",\"records\":\"3,5-6\"",
        "\"records\":\"3,5-6\",\"archive\":\"42424242424242424242424242424242\"",
        spelling,
    );
    bad("34-null", &["J-1"], "hold", "\"scope\":{", "\"scope\":{\"rule\":null,", spelling);
    bad("35-unknown-kind", &["J-4"], "cancelled", "cancelled", "refused", "unknown variant");
    bad(
        "36-two-kinds",
        &["J-4"],
        "release",
        "\"}}}",
        "\"},\"made\":{\"keyring\":\"51515151515151515151515151515151\"}}}",
        "expected",
    );
    bad("37-field-missing", &["J-4"], "intent", "\"generation\":3,", "", "missing field");
    bad("38-time-with-offset", &["J-2"], "made", "06Z", "06+00:00", spelling);
    bad("39-time-with-fraction", &["J-2"], "made", "06Z", "06.5Z", spelling);
    bad("40-date-spelling", &["J-2"], "extension", "2045-12-31", "+2045-12-31", spelling);
    bad("41-salt-short", &["J-3"], "made", "5a5a5a5a\"", "5a5a5a\"", "length");
    bad("42-no-salt", &["J-3"], "made", "\"salt\":\"5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a\",", "", "missing field");
    bad("43-upper-hex", &["J-1"], "made", "5a5a", "5A5A", spelling);
    bad("44-event-name-is-prose", &["J-6"], "event", "relationship-end", "end of Smith", "is not a code");
    bad("45-approval-by-name", &["J-6"], "event", "SHA256:Ab0", "SHA256:Ab@", "is not a key's fingerprint");
    let archive = "\"archive\":\"42424242424242424242424242424242\",";
    bad("56-notice-of-no-archive", &["J-31"], "notice", archive, "", "records of no archive");
    bad("57-reply-kind-is-prose", &["J-6"], "reply", "objection", "angry letter", "is not a code");
    bad(
        "46-records-of-no-archive",
        &["J-7"],
        "hold",
        "\"archive\":\"42424242424242424242424242424242\",",
        "",
        "records of no archive",
    );
    bad("47-ranges-spelling", &["J-4"], "deposit", "1-17", "1-9,10-17", "not a list of records");
    bad(
        "48-items-out-of-order",
        &["J-8"],
        "intent",
        "42424242424242424242424242424242",
        "44444444444444444444444444444444",
        "order of their ids",
    );
    bad("49-items-without-records", &["J-8"], "plan", "\"1-4,7\"", "\"\"", "without records");
    bad("50-count", &["J-9"], "destroyed", "\"count\":6", "\"count\":5", "count");
    bad("51-grant-of-nothing", &["J-31"], "grant", "\"records\":\"3,17\"", "\"records\":\"\"", "names no records");
    bad("52-requester-by-name", &["J-6"], "grant", "\"requester\":\"SHA256:", "\"requester\":\"a.wang:", "fingerprint");
    bad("53-purpose-is-prose", &["J-6"], "request", "court-order", "an order", "is not a code");
    bad("54-secrecy-spelled-out", &["J-1"], "hold", "0808\"", "0808\",\"secrecy\":false", spelling);
    bad("55-not-deep", &["J-4"], "verified", "\"whole\"", "\"whole\",\"deep\":false", spelling);
    vectors
}

fn head(origin: &str, size: u64) -> String {
    checkpoint::sign(origin, size, root_of(&Leaves::of(size.max(1)).0), &journal_key(), TIME)
}

/// A note with the signature of one line made false.
fn falsified(note: &str, key: &VerifierKey) -> String {
    let parsed = Note::parse(note.as_bytes()).unwrap();
    let line = parsed.signatures.iter().find(|line| line.id == key.id()).unwrap();
    let mut signature = line.signature.clone();
    *signature.last_mut().unwrap() ^= 1;
    let write = |signature: &[u8]| keepuntil::tlog::note::signature_line(line.name, line.id, signature);
    note.replacen(&write(&line.signature), &write(&signature), 1)
}

fn note_vectors() -> Vec<Vector> {
    let good = head(&origin(), 300);
    let (journal, witness) = (journal_key().verifier_keys(), witness_key().cosigner_keys());
    let without_second = good.split_inclusive('\n').take(5).collect::<String>();
    let mut all = vec![
        vector("60-valid-checkpoint", &["J-10"], "checkpoint", good.clone(), None),
        vector(
            "61-seal-of-an-archive",
            &["J-10"],
            "checkpoint",
            head(&format!("{FIRM}/archive/{}", "51".repeat(16)), 300),
            Some("not the origin of a journal"),
        ),
        vector(
            "62-journal-of-another-firm",
            &["J-10"],
            "checkpoint",
            head(&checkpoint::origin("other.example", &"51".repeat(16)), 300),
            Some("not of a journal of"),
        ),
        vector("63-over-no-entries", &["J-11"], "checkpoint", head(&origin(), 0), Some("over no entries")),
        vector("64-no-second-signature", &["J-10"], "checkpoint", without_second, Some("two signatures")),
        vector("65-ed25519-false", &["J-10"], "checkpoint", falsified(&good, &journal[0]), Some("Ed25519")),
        vector("66-ml-dsa-false", &["J-10"], "checkpoint", falsified(&good, &journal[1]), Some("ML-DSA-44")),
    ];
    let parsed = checkpoint::claimed(good.as_bytes()).unwrap();
    let line_at =
        |time: u64| lines::lines(&parsed, &witness_key(), time).split_inclusive('\n').next().unwrap().to_owned();
    let cosigned = cosign(&good, &witness_key(), TIME + 60).unwrap();
    let mut cosignature = |name, holds, witness, note: String, says| {
        all.push(Vector { witness: Some(witness), ..vector(name, holds, "cosigned", note, says) });
    };
    cosignature("70-valid-cosignatures", &["J-24", "J-25"], "both", cosigned.clone(), None);
    cosignature("71-not-cosigned", &["J-24"], "ed25519", good.clone(), Some("none by this witness"));
    cosignature(
        "72-cosigned-twice",
        &["J-24"],
        "ed25519",
        good.clone() + &line_at(TIME + 60) + &line_at(TIME + 61),
        Some("two by one witness"),
    );
    cosignature("73-no-time", &["J-25"], "ed25519", good.clone() + &line_at(0), Some("states no time"));
    cosignature(
        "74-ed25519-cosignature-false",
        &["J-24"],
        "ed25519",
        falsified(&(good.clone() + &line_at(TIME + 60)), &witness[0]),
        Some("does not verify"),
    );
    cosignature(
        "75-ml-dsa-cosignature-false",
        &["J-24"],
        "ml-dsa-44",
        falsified(&cosigned, &witness[1]),
        Some("does not verify"),
    );
    cosignature("76-own-key", &["J-25"], "own", good.clone(), Some("own key"));
    let proof = consistency_proof(&mut Leaves::of(300), 7, 300).unwrap();
    let request = Request { old: 7, proof, checkpoint: good }.to_text();
    all.push(vector("80-valid-request", &["J-23"], "request", request.clone(), None));
    let spelled = request.replacen("old 7", "old 07", 1);
    all.push(vector("81-request-spelling", &["J-23"], "request", spelled, Some("tlog-witness demands")));
    all
}

fn proof_vectors() -> Vec<Vector> {
    let proof = |old: u64, new: u64, change: &dyn Fn(&mut Vec<Hash>, &mut Hash)| {
        let mut source = Leaves::of(new.max(old));
        let root = |size: u64| if size == 0 { [0; 32] } else { root_of(&Leaves::of(size).0) };
        let mut hashes = if old <= new { consistency_proof(&mut source, old, new).unwrap() } else { Vec::new() };
        let mut old_root = root(old);
        change(&mut hashes, &mut old_root);
        let hashes: Vec<String> = hashes.iter().map(hex::encode).collect();
        let value = json!({
            "old_size": old, "old_root": hex::encode(old_root), "new_size": new, "new_root": hex::encode(root(new)), "proof": hashes,
        });
        serde_json::to_string_pretty(&value).unwrap() + "\n"
    };
    let same = |_: &mut Vec<Hash>, _: &mut Hash| {};
    let v = |name: &'static str, content: String, says| vector(name, &["J-22"], "proof.json", content, says);
    vec![
        v("82-valid-proof", proof(7, 300, &same), None),
        v("83-valid-proof-from-a-power-of-two", proof(256, 300, &same), None),
        v("84-valid-proof-of-equal-sizes", proof(300, 300, &same), None),
        v("85-proof-of-a-fork", proof(7, 300, &|_, root| root[0] ^= 1), Some("does not hold the earlier one")),
        v("86-proof-cut-short", proof(7, 300, &|proof, _| proof.truncate(proof.len() - 1)), Some("too few")),
        v("87-proof-too-long", proof(7, 300, &|proof, _| proof.push([0; 32])), Some("too many")),
        v("88-proof-of-equal-sizes-with-a-hash", proof(300, 300, &|proof, _| proof.push([0; 32])), Some("too many")),
        v("89-equal-sizes-other-root", proof(300, 300, &|_, root| root[0] ^= 1), Some("different roots")),
        v("90-proof-from-no-entries", proof(0, 300, &same), Some("sizes")),
        v("91-proof-backwards", proof(300, 7, &same), Some("sizes")),
    ]
}

fn read_vector(file: &str, bytes: &[u8], witness: Option<&str>) -> Result<(), JournalError> {
    let journal = journal_key().verifier_keys();
    match file {
        "leaf.json" => Leaf::parse(0, bytes).map(drop),
        "checkpoint" => checkpoint::verify(bytes, &journal).map(drop),
        "cosigned" => {
            let [ed25519, ml_dsa_44] = witness_key().cosigner_keys();
            let keys = match witness.unwrap() {
                "both" => vec![ed25519, ml_dsa_44],
                "ed25519" => vec![ed25519],
                "own" => vec![journal[1].clone()],
                _ => vec![ml_dsa_44],
            };
            for key in keys {
                let stated = cosignature::verify(bytes, &key, &journal)?;
                assert_eq!((stated.checkpoint.size, stated.time.timestamp()), (300, TIME as i64 + 60));
            }
            Ok(())
        }
        "request" => {
            let request = Request::parse(std::str::from_utf8(bytes).unwrap())?;
            let new = checkpoint::verify(request.checkpoint.as_bytes(), &journal)?.checkpoint;
            let old = root_of(&Leaves::of(request.old).0);
            Ok(verify_consistency((request.old, &old), (new.size, &new.root), &request.proof)?)
        }
        _ => {
            let value: Value = serde_json::from_slice(bytes).unwrap();
            let hash = |value: &Value| -> Hash { hex::decode(value.as_str().unwrap()).unwrap().try_into().unwrap() };
            let tree =
                |which: &str| (value[format!("{which}_size")].as_u64().unwrap(), hash(&value[format!("{which}_root")]));
            let proof: Vec<Hash> = value["proof"].as_array().unwrap().iter().map(hash).collect();
            let (old, new) = (tree("old"), tree("new"));
            Ok(verify_consistency((old.0, &old.1), (new.0, &new.1), &proof)?)
        }
    }
}

fn vectors() -> PathBuf {
    tools::project("fixtures/vectors/journal")
}

fn writing(path: &Path) -> bool {
    std::env::var("KEEPUNTIL_WRITE_VECTORS").is_ok_and(|which| which == "all" || !path.exists())
}

fn write_json(path: &Path, value: &Value) {
    std::fs::write(path, serde_json::to_string_pretty(value).unwrap() + "\n").unwrap();
}

#[test]
fn every_journal_vector_ends_as_expected() {
    let mut wrong = Vec::new();
    let all: Vec<Vector> = leaf_vectors().into_iter().chain(note_vectors()).chain(proof_vectors()).collect();
    for vector in &all {
        let place = vectors().join(&vector.name);
        if writing(&place.join(vector.file)) {
            std::fs::create_dir_all(&place).unwrap();
            std::fs::write(place.join(vector.file), &vector.content).unwrap();
            let mut expect = json!({ "holds": vector.holds, "file": vector.file, "says": vector.says });
            if let Some(witness) = vector.witness {
                expect["witness"] = json!(witness);
            }
            write_json(&place.join("expect.json"), &expect);
        }
        let expect: Value = serde_json::from_slice(&std::fs::read(place.join("expect.json")).unwrap()).unwrap();
        assert_eq!((&expect["holds"], &expect["says"]), (&json!(vector.holds), &json!(vector.says)), "{}", vector.name);
        let bytes = std::fs::read(place.join(vector.file)).unwrap();
        let said = read_vector(vector.file, &bytes, expect["witness"].as_str()).map_err(|e| e.to_string());
        let right = match (expect["says"].as_str(), &said) {
            (None, Ok(())) => true,
            (Some(part), Err(message)) => message.contains(part),
            _ => false,
        };
        if !right {
            wrong.push(format!("{}: {said:?}", vector.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let folders = std::fs::read_dir(vectors()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    assert_eq!(folders.count(), all.len(), "every vector has a folder, and every folder is a vector");
}

#[test]
fn what_the_vectors_are_signed_with_is_published() {
    let keys = json!({
        "origin": origin(),
        "journal": journal_key().verifier_keys().map(|key| key.to_string()),
        "witness": witness_key().cosigner_keys().map(|key| key.to_string()),
        "leaf_of_the_trees": "entry 0, entry 1, ...",
    });
    let path = vectors().join("keys.json");
    if writing(&path) {
        write_json(&path, &keys);
    }
    assert_eq!(serde_json::from_slice::<Value>(&std::fs::read(path).unwrap()).unwrap(), keys);
}

/// All hashes of a tree as `tlog_tiles` numbers and computes them.
struct StoredHashes(Vec<tlog_tiles::Hash>);

impl tlog_tiles::HashReader for StoredHashes {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::tlog::Error> {
        Ok(indexes.iter().map(|&index| self.0[index as usize]).collect())
    }
}

impl StoredHashes {
    fn of<'a>(leaves: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut stored = Self(Vec::new());
        for (index, leaf) in (0..).zip(leaves) {
            stored.0.extend(tlog_tiles::stored_hashes(index, leaf, &stored).unwrap());
        }
        stored
    }
}

#[test]
fn consistency_proofs_are_those_of_another_implementation() {
    let leaves: Vec<String> = (0..700).map(|leaf| format!("entry {leaf}")).collect();
    let theirs = StoredHashes::of(leaves.iter().map(|leaf| leaf.as_bytes()));
    let mut ours = Leaves::of(700);
    for new in [1, 2, 3, 8, 255, 256, 257, 300, 513, 700] {
        let new_root = tlog_tiles::tree_hash(new, &theirs).unwrap();
        for old in [1, 2, 3, 7, 8, 128, 255, 256, 257, 512, 699, 700].into_iter().filter(|old| *old <= new) {
            let proof = consistency_proof(&mut ours, old, new).unwrap();
            let expected = tlog_tiles::prove_tree(new, old, &theirs).unwrap();
            assert_eq!(proof, expected.iter().map(|hash| hash.0).collect::<Vec<_>>(), "{old} of {new}");
            let old_root = tlog_tiles::tree_hash(old, &theirs).unwrap();
            tlog_tiles::check_tree(&expected, new, new_root, old, old_root).unwrap();
            verify_consistency((old, &old_root.0), (new, &new_root.0), &proof).unwrap();
        }
    }
}

#[test]
fn another_implementation_verifies_the_ed25519_cosignature() {
    use signed_note::Verifier;
    let note = cosign(&head(&origin(), 300), &witness_key(), TIME + 60).unwrap();
    let theirs = signed_note::Note::from_bytes(note.as_bytes()).unwrap();
    assert_eq!(theirs.to_bytes(), note.as_bytes(), "it reads all four lines");
    let mut key = witness_key().cosigner_keys()[0].clone();
    let parsed = Note::parse(note.as_bytes()).unwrap();
    let line = parsed.signatures.iter().find(|line| line.id == key.id()).unwrap();
    // Their verifier checks plain signatures; the message is built here as the specification's example shows it.
    key.scheme = Scheme::Ed25519;
    let verifier = signed_note::StandardVerifier::new(&key.to_string()).unwrap();
    let message = format!("cosignature/v1\ntime {}\n{}", TIME + 60, parsed.text);
    assert!(verifier.verify(message.as_bytes(), &line.signature[8..]));
    assert!(!verifier.verify(parsed.text.as_bytes(), &line.signature[8..]));
}

#[test]
fn the_longest_leaf_is_read_and_a_longer_one_is_not() {
    let of = |len: usize| {
        let event = |name: usize, approvals: usize| Entry::Event {
            event: [1; 16],
            name: "n".repeat(name),
            date: "2031-02-03".parse().unwrap(),
            scope: Scope::default(),
            corrects: None,
            approvals: vec![format!("SHA256:{}", "a".repeat(43)); approvals],
        };
        let leaf = |entry| Leaf { time: "2031-02-03T04:05:06Z".parse().unwrap(), salt: [0; 16], entry };
        let rest = len - leaf(event(1, 1)).to_bytes().unwrap().len();
        // Each further approval takes 53 bytes; the name takes what is left.
        let leaf = leaf(event(1 + rest % 53, 1 + rest / 53));
        (serde_json::to_vec(&leaf).unwrap(), leaf)
    };
    let (longest, leaf) = of(65_535);
    assert_eq!((longest.len(), leaf.to_bytes().unwrap()), (65_535, longest.clone()));
    assert_eq!(Leaf::parse(0, &longest).unwrap(), leaf);
    let (longer, leaf) = of(65_536);
    assert!(longer.len() == 65_536 && matches!(leaf.to_bytes(), Err(JournalError::Unwritable(_))));
    assert!(matches!(Leaf::parse(0, &longer), Err(JournalError::Entry { what, .. }) if what.contains("65,535")));
}

/// A home with a keyring whose journal has entries.
struct Custodian(Home);

impl Custodian {
    fn new(entries: u64) -> Self {
        let home = Home::new();
        // Made by the library, so that the journal begins with what the test appends.
        keepuntil::keyring::Keyring::create(&home.path("keyring"), &home.path("root"), "firm.example").unwrap();
        let custodian = Self(home);
        custodian.append(0..entries);
        std::fs::write(
            custodian.0.path("firm.vkeys"),
            custodian.0.keepuntil(&["keyring", "info", "--vkeys", "--keyring", "keyring"]),
        )
        .unwrap();
        custodian
    }

    fn connection(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.0.path("keyring/catalogue.sqlite")).unwrap()
    }

    fn append(&self, entries: std::ops::Range<u64>) {
        let time: chrono::DateTime<chrono::Utc> = "2031-01-01T00:00:00Z".parse().unwrap();
        let leaves: Vec<Vec<u8>> = entries
            .map(|n| {
                let entry = Entry::Export { archive: [0x42; 16], records: [n + 1].into_iter().collect() };
                Leaf::new(time + chrono::Duration::seconds(n as i64), entry).to_bytes().unwrap()
            })
            .collect();
        log::append(&self.connection(), &leaves).unwrap();
    }

    /// Exit code and everything that was said.
    fn run(&self, args: &[&str]) -> (i32, String) {
        let output = self.0.command(args).env("KEEPUNTIL_KEYRING", self.0.path("keyring")).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(said).unwrap())
    }

    fn done(&self, args: &[&str]) -> String {
        let (code, said) = self.run(args);
        assert_eq!(code, 0, "{args:?}: {said}");
        said
    }

    fn fails(&self, code: i32, part: &str, args: &[&str]) {
        let (found, said) = self.run(args);
        assert!(found == code && said.contains(part), "{args:?}: {found}: {said}");
    }
}

#[test]
fn a_journal_is_shown_verified_and_exported() {
    let custodian = Custodian::new(0);
    custodian.fails(1, "no entry yet", &["journal", "show", "--checkpoint"]);
    custodian.fails(1, "no entry yet", &["journal", "export", "-o", "out"]);
    custodian.append(0..300);
    let shown = custodian.done(&["journal", "show", "--from", "298"]);
    assert_eq!(shown.lines().count(), 6, "a line for each of two fields");
    assert!(shown.contains("298  2031-01-01T00:04:58Z  export\n        archive 4242"), "{shown}");
    let lines = custodian.done(&["journal", "show", "--json", "--from", "299"]);
    let (line, end) = lines.split_once('\n').unwrap();
    assert_eq!(end, "{\"count\":1,\"message_type\":\"end\"}\n");
    let value: Value = serde_json::from_str(line).unwrap();
    assert_eq!(
        (&value["journal_entry"], &value["kind"], &value["leaf"]["entry"]["export"]["records"]),
        (&json!(299), &json!("export"), &json!("300"))
    );
    assert!(custodian.done(&["journal", "verify"]).contains("none of them signed yet"));

    custodian.done(&["journal", "export", "-o", "out"]);
    let expected =
        ["checkpoint", "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/44"];
    assert_eq!(files(&custodian.0.path("out"), ""), expected);
    custodian.fails(1, "exists already", &["journal", "export", "-o", "out"]);
    assert!(custodian.done(&["journal", "verify", "out"]).contains("whole; 300 entries"));
    assert!(custodian.done(&["journal", "verify"]).contains("whole; 300 entries\n"));
    let stranger = Home::new();
    let folder = custodian.0.path("out");
    let folder = folder.to_str().unwrap();
    let vkeys = custodian.0.path("firm.vkeys");
    let output = stranger.command(&["journal", "verify", folder]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("consistent, signer unknown; 300 entries"), "{said}");
    let said = stranger.keepuntil(&["journal", "verify", folder, "--trust", vkeys.to_str().unwrap()]);
    assert!(said.contains("whole; 300 entries"), "{said}");
    let keys = std::fs::read_to_string(vkeys).unwrap();
    let one = keys.lines().next().unwrap();
    let output = stranger.command(&["journal", "verify", folder, "--journal", one]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "one of two keys is not enough");
    let other = witness_key().verifier_keys().map(|key| key.to_string());
    custodian.fails(
        10,
        "not of a journal of",
        &["journal", "verify", "out", "--journal", &other[0], "--journal", &other[1]],
    );
}

/// The paths of all files below a folder.
fn files(folder: &Path, prefix: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            found.extend(files(&entry.path(), &format!("{name}/")));
        } else {
            found.push(name);
        }
    }
    found.sort();
    found
}

#[test]
fn an_export_is_a_log_that_another_implementation_reads() {
    let custodian = Custodian::new(700);
    custodian.done(&["journal", "export", "-o", "out"]);
    let out = custodian.0.path("out");
    let note = std::fs::read(out.join("checkpoint")).unwrap();
    let note = signed_note::Note::from_bytes(&note).unwrap();
    let head = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
    let mut leaves = Vec::new();
    for (name, width) in [("000", 256), ("001", 256), ("002.p/188", 188)] {
        let bundle = std::fs::read(out.join("tile/entries").join(name)).unwrap();
        let entries = keepuntil::tlog::tile::bundle_entries(&bundle, width).unwrap();
        leaves.extend(entries.into_iter().map(<[u8]>::to_vec));
    }
    let theirs = StoredHashes::of(leaves.iter().map(Vec::as_slice));
    assert_eq!(tlog_tiles::tree_hash(head.size(), &theirs).unwrap(), *head.hash());
    let mut compared = 0;
    for tile in tlog_tiles::Tile::new_tiles(8, 0, 700) {
        let file = out.join(tile.path().replacen("tile/8/", "tile/", 1));
        // It also lists the earlier, partial forms of a tile that grew.
        if let Ok(bytes) = std::fs::read(file) {
            assert_eq!(bytes, tile.read_data(&theirs).unwrap());
            compared += 1;
        }
    }
    assert_eq!(
        compared,
        files(&out, "").iter().filter(|name| name.starts_with("tile/") && !name.starts_with("tile/entries")).count()
    );
}

#[test]
fn no_byte_of_an_export_can_change_unseen() {
    let custodian = Custodian::new(300);
    custodian.done(&["journal", "export", "-o", "out"]);
    let verify = ["journal", "verify", "out", "--trust", "firm.vkeys"];
    custodian.done(&verify);
    for name in files(&custodian.0.path("out"), "") {
        let path = custodian.0.path("out").join(&name);
        let good = std::fs::read(&path).unwrap();
        for at in [0, good.len() / 2, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 1;
            std::fs::write(&path, bad).unwrap();
            custodian.fails(10, "", &verify);
        }
        std::fs::write(&path, [&good[..], b"x"].concat()).unwrap();
        custodian.fails(10, "", &verify);
        std::fs::remove_file(&path).unwrap();
        let (code, said) = custodian.run(&verify);
        assert!(code == 10 || name == "checkpoint" && code == 1, "{name}: {code}: {said}");
        // What would block a reader is not opened.
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        let (code, said) = custodian.run(&verify);
        assert!((code == 10 || code == 1) && said.contains("not a regular file"), "{name}: {code}: {said}");
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, good).unwrap();
    }
    custodian.done(&verify);
}

#[test]
fn an_older_checkpoint_shows_what_was_rewritten_or_put_back() {
    let custodian = Custodian::new(200);
    let catalogue = custodian.0.path("keyring/catalogue.sqlite");
    let before = std::fs::read(&catalogue).unwrap();
    std::fs::write(custodian.0.path("held"), custodian.done(&["journal", "show", "--checkpoint"])).unwrap();
    custodian.append(200..400);
    let since = ["journal", "verify", "--since", "held"];
    assert!(custodian.done(&since).contains("it extends the older checkpoint"));
    custodian.done(&["journal", "export", "-o", "out"]);
    custodian.done(&["journal", "verify", "out", "--trust", "firm.vkeys", "--since", "held"]);
    std::fs::write(custodian.0.path("newest"), custodian.done(&["journal", "show", "--checkpoint"])).unwrap();

    // Put back: an older copy of the catalogue.
    std::fs::write(&catalogue, &before).unwrap();
    custodian.fails(10, "copy of an older state", &["journal", "verify", "--since", "newest"]);
    custodian.fails(10, "copy of an older state", &["journal", "export", "--since", "newest", "-o", "request"]);
    // And then written on: entries as many, but others.
    custodian.append(1000..1200);
    custodian.fails(10, "was rewritten", &["journal", "verify", "--since", "newest"]);
    custodian.fails(10, "was rewritten", &["journal", "export", "--since", "newest", "-o", "request"]);
    custodian.done(&["journal", "verify", "--since", "held"]);
    custodian.done(&["journal", "export", "-o", "forked"]);
    custodian.fails(
        10,
        "was rewritten",
        &["journal", "verify", "forked", "--since", "newest", "--trust", "firm.vkeys"],
    );
    // A seal's or another journal's checkpoint is none of this one.
    let other = Custodian::new(5);
    std::fs::write(custodian.0.path("other"), other.done(&["journal", "show", "--checkpoint"])).unwrap();
    custodian.fails(10, "", &["journal", "verify", "--since", "other"]);
}

#[test]
fn damage_in_the_keyring_is_found_and_never_signed() {
    let other_leaf = "UPDATE log_leaf SET body = (SELECT body FROM log_leaf WHERE idx = 4) WHERE idx = 3";
    for (damage, part, exports, signs) in [
        ("UPDATE log_leaf SET body = x'7b7d' WHERE idx = 3", "tile 0/0", false, true),
        (other_leaf, "tile 0/0", false, true),
        ("DELETE FROM log_leaf WHERE idx = 3", "entry 3", false, true),
        // The leaves are whole, and the tile is no part of the proof of the newest root.
        ("UPDATE log_tile SET body = zeroblob(8192) WHERE level = 0 AND idx = 0", "tile 0/0", true, true),
        ("UPDATE log_tile SET body = zeroblob(32) WHERE level = 1", "tile 1/0", false, false),
        ("UPDATE log_head SET size = 299", "", false, false),
        ("UPDATE log_head SET signed_size = 299", "checkpoint", false, false),
    ] {
        let custodian = Custodian::new(300);
        custodian.done(&["journal", "show", "--checkpoint"]);
        custodian.connection().execute_batch(damage).unwrap();
        custodian.fails(10, part, &["journal", "verify"]);
        let (code, said) = custodian.run(&["journal", "show", "--checkpoint"]);
        assert_eq!(code, if signs { 0 } else { 10 }, "{damage}: {said}");
        let (code, said) = custodian.run(&["journal", "export", "-o", "out"]);
        assert_eq!(code, if exports { 0 } else { 10 }, "{damage}: {said}");
        assert_eq!(custodian.0.path("out").exists(), exports, "{damage}");
    }
}

#[test]
fn times_that_run_backwards_are_a_warning() {
    let custodian = Custodian::new(3);
    custodian.append(1..2);
    let (code, said) = custodian.run(&["journal", "verify"]);
    assert!(code == 0 && said.contains("warning: entry 3: its time"), "{code}: {said}");
}

/// A home with a witness's key.
fn witness() -> (Home, [VerifierKey; 2]) {
    let home = Home::new();
    let printed = home.keepuntil(&["journal", "witness-key", "-o", "witness.key", "--name", "witness.example"]);
    let mut keys = printed.lines().map(|line| line.parse().unwrap());
    let keys = [keys.next().unwrap(), keys.next().unwrap()];
    (home, keys)
}

/// Exit code and words of a witness that is given an export.
fn cosigns(witness: &Home, export: &Path, more: &[&str], output: &str) -> (i32, String) {
    let mut args =
        vec!["journal", "cosign", export.to_str().unwrap(), "--witness-key", "witness.key", "--state", "state"];
    args.extend(more);
    args.extend(["-o", output]);
    let result = witness.command(&args).output().unwrap();
    (result.status.code().unwrap(), String::from_utf8_lossy(&result.stderr).into_owned())
}

#[test]
fn a_witness_on_another_machine_signs_what_extends_what_it_signed() {
    let custodian = Custodian::new(200);
    let (witness, keys) = witness();
    let vkeys = custodian.0.path("firm.vkeys");
    let trust = ["--trust", vkeys.to_str().unwrap()];
    custodian.done(&["journal", "export", "-o", "first"]);
    let (code, said) = cosigns(&witness, &custodian.0.path("first"), &[], "cosigned");
    assert!(code == 1 && said.contains("does not know its keys yet"), "{said}");
    assert!(!witness.path("state").exists() && !witness.path("cosigned").exists());
    assert_eq!(cosigns(&witness, &custodian.0.path("first"), &trust, "cosigned").0, 0);
    let journal = std::fs::read_to_string(&vkeys).unwrap();
    let journal: Vec<VerifierKey> = journal.lines().map(|line| line.parse().unwrap()).collect();
    let journal: [VerifierKey; 2] = journal.try_into().unwrap();
    let note = std::fs::read(witness.path("cosigned")).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    for key in &keys {
        let stated = cosignature::verify(&note, key, &journal).unwrap();
        assert_eq!(stated.checkpoint.size, 200);
        assert!((now - stated.time.timestamp()).abs() < 600);
    }
    // A cosigned checkpoint serves as an older one, and as the start of the next, small export.
    custodian.append(200..300);
    let cosigned = witness.path("cosigned");
    let cosigned = cosigned.to_str().unwrap();
    custodian.done(&["journal", "verify", "--since", cosigned]);
    custodian.done(&["journal", "export", "--since", cosigned, "-o", "request"]);
    assert!(std::fs::metadata(custodian.0.path("request")).unwrap().len() < 6000);
    assert_eq!(cosigns(&witness, &custodian.0.path("request"), &[], "cosigned-2").0, 0);
    assert_eq!(
        cosignature::verify(&std::fs::read(witness.path("cosigned-2")).unwrap(), &keys[0], &journal)
            .unwrap()
            .checkpoint
            .size,
        300
    );
    let state = std::fs::read(witness.path("state")).unwrap();

    // Smaller, from another start, or with a false proof: refused, and nothing is written.
    for (export, code, part) in
        [("first", 10, "copy of an older state"), ("request", 1, "this witness last signed 300")]
    {
        let (found, said) = cosigns(&witness, &custodian.0.path(export), &[], "refused");
        assert!(found == code && said.contains(part), "{export}: {found}: {said}");
    }
    custodian.append(300..310);
    custodian.done(&["journal", "export", "--since", witness.path("cosigned-2").to_str().unwrap(), "-o", "next"]);
    let good = std::fs::read_to_string(custodian.0.path("next")).unwrap();
    let mut request = Request::parse(&good).unwrap();
    request.proof[0][0] ^= 1;
    std::fs::write(custodian.0.path("false"), request.to_text()).unwrap();
    let (code, said) = cosigns(&witness, &custodian.0.path("false"), &[], "refused");
    assert!(code == 10 && said.contains("was rewritten"), "{code}: {said}");
    assert!(!witness.path("refused").exists());
    assert_eq!(std::fs::read(witness.path("state")).unwrap(), state);
    assert_eq!(cosigns(&witness, &custodian.0.path("next"), &[], "cosigned-3").0, 0);
    // Another firm's keys for the journal that it knows.
    let foreign: Vec<String> = witness_key().verifier_keys().map(|key| key.to_string()).into();
    let (code, said) =
        cosigns(&witness, &custodian.0.path("next"), &["--journal", &foreign[0], "--journal", &foreign[1]], "refused");
    assert!(code == 10 && said.contains("other keys"), "{code}: {said}");
}

#[test]
fn a_witness_never_signs_a_fork() {
    let custodian = Custodian::new(200);
    let catalogue = custodian.0.path("keyring/catalogue.sqlite");
    let before = std::fs::read(&catalogue).unwrap();
    let (witness, _) = witness();
    let vkeys = custodian.0.path("firm.vkeys");
    let trust = ["--trust", vkeys.to_str().unwrap()];
    custodian.append(200..300);
    custodian.done(&["journal", "export", "-o", "one"]);
    assert_eq!(cosigns(&witness, &custodian.0.path("one"), &trust, "cosigned").0, 0);
    // The custodian goes back and writes something else: as many entries, then more.
    std::fs::write(&catalogue, before).unwrap();
    for (name, entries) in [("two", 1000..1100), ("three", 1100..1200)] {
        custodian.append(entries);
        custodian.done(&["journal", "export", "-o", name]);
        let (code, said) = cosigns(&witness, &custodian.0.path(name), &[], "refused");
        assert!(code == 10 && said.contains("was rewritten"), "{name}: {code}: {said}");
    }
    // Nor while another run may be between reading and writing the state.
    let lock = Lock::take(&witness.path("state.lock"), Sharing::Exclusive, Duration::ZERO).unwrap();
    let refused = ops::cosign(&ops::CosignOptions {
        export: &custodian.0.path("one"),
        keys: None,
        witness_key: &witness.path("witness.key"),
        state: &witness.path("state"),
        output: &witness.path("refused"),
        time: TIME,
        wait: Duration::ZERO,
    });
    assert!(matches!(refused, Err(OpsError::Storage(StorageError::Locked(_)))));
    drop(lock);
    // Nor after its state was edited into nonsense, or with a key that others can read.
    std::fs::write(witness.path("state"), b"{}").unwrap();
    let (code, said) = cosigns(&witness, &custodian.0.path("one"), &trust, "refused");
    assert!(code == 1 && said.contains("witness state"), "{code}: {said}");
    std::fs::remove_file(witness.path("state")).unwrap();
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(witness.path("witness.key"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let (code, said) = cosigns(&witness, &custodian.0.path("one"), &trust, "refused");
    assert!(code == 1 && said.contains("can read it"), "{code}: {said}");
    assert!(!witness.path("refused").exists());
}

#[test]
fn a_state_remembers_each_journal_by_its_keys() {
    let keys = journal_key().verifier_keys();
    let head = |size: u64| checkpoint::claimed(head(&origin(), size).as_bytes()).unwrap();
    let mut state = State::default();
    state.follows(&head(5), 0, &[]).unwrap();
    assert!(matches!(state.follows(&head(5), 3, &[]), Err(JournalError::OtherStart { offered: 3, seen: 0 })));
    assert!(matches!(state.follows(&head(5), 0, &[[0; 32]]), Err(JournalError::Forked(_))));
    state.remember(&head(5), &keys).unwrap();
    assert_eq!(State::parse(&state.to_bytes()).unwrap(), state);
    assert!(matches!(state.clone().remember(&head(4), &keys), Err(JournalError::Older { .. })));
    let mut forked = head(5);
    forked.root[0] ^= 1;
    assert!(matches!(state.clone().remember(&forked, &keys), Err(JournalError::Forked(_))));
    assert!(matches!(state.clone().remember(&head(6), &witness_key().verifier_keys()), Err(JournalError::Foreign(_))));
    let proof = consistency_proof(&mut Leaves::of(9), 5, 9).unwrap();
    state.follows(&head(9), 5, &proof).unwrap();
    assert!(matches!(state.follows(&head(8), 5, &proof), Err(JournalError::Forked(_))));
    let itself = cosign(&self::head(&origin(), 5), &journal_key(), TIME);
    assert!(matches!(itself, Err(JournalError::Foreign(_))), "a journal is not its own witness");
    assert!(cosign(&self::head(&origin(), 5), &witness_key(), 0).is_err(), "without a clock there is nothing to state");
    let own = cosignature::verify(self::head(&origin(), 5).as_bytes(), &keys[0], &keys);
    assert!(matches!(own, Err(JournalError::Foreign(_))), "{own:?}");
    let stranger = cosignature::verify(self::head(&origin(), 5).as_bytes(), &witness_key().cosigner_keys()[0], &keys);
    assert!(matches!(stranger, Err(JournalError::Tlog(TlogError::Cosignature(_)))), "{stranger:?}");
}
