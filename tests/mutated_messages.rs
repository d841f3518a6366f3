//! Every parser that reads bytes of strangers, with each vector and thousands of changed ones: none panics, and what is taken
//! has one spelling. The short form of the targets in `fuzz/`, with the same parsers and the same changes at every run.
//!
//! `KEEPUNTIL_WRITE_SEEDS=fuzz/corpus` writes what it begins with, for the long form.

mod forge;
mod messages;
mod parsers;

use keepuntil::archive::label::Label;
use keepuntil::archive::reader::ArchiveReader;
use keepuntil::archive::{layout, leaf};
use keepuntil::crypto::secret::Secret32;
use keepuntil::disclosure::evidence::BagEvidence;
use keepuntil::disclosure::ledger::Ledger;
use keepuntil::disclosure::mailing::Mailing;
use keepuntil::disclosure::notices::{NewReply, NotedAnswer, Notices, Outcome, ReplyKind, Way};
use keepuntil::disclosure::receipt::Handled;
use keepuntil::disclosure::request::Request;
use keepuntil::journal::plan::{self, Decision, Plan, PlannedRecord};
use keepuntil::retention::Class;
use keepuntil::retention::clock::Reading;
use keepuntil::retention::hold::Hold;
use keepuntil::retention::register::Register;
use keepuntil::retention::scope::Scope;
use keepuntil::tlog::consistency;
use messages::{ARCHIVE, date, instant};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Changed copies of one vector.
const ROUNDS: usize = 500;

/// What a parser begins with: the parser's name, the vector's, the bytes.
type Seed = (&'static str, String, Vec<u8>);

fn fixtures(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path)
}

/// The files of this name in the folders below `vectors/<piece>` whose names have `word` in them, rising.
fn vectors(parser: &'static str, piece: &str, word: &str, file: &str) -> Vec<Seed> {
    let folder = fixtures("vectors").join(piece);
    let mut names: Vec<String> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name.contains(word));
    names.sort();
    let read = |name: String| Some((parser, name.clone(), std::fs::read(folder.join(&name).join(file)).ok()?));
    names.into_iter().filter_map(read).collect()
}

fn seeds() -> Vec<Seed> {
    let mut seeds = [
        vectors("request", "disclosure", "-request-", "request.json"),
        vectors("proposal", "disclosure", "-proposal-", "proposal.json"),
        vectors("grant", "disclosure", "-grant-", "grant.json"),
        vectors("refusal", "disclosure", "-refusal-", "refusal.json"),
        vectors("receipt", "disclosure", "-receipt-", "receipt.json"),
        vectors("disclosure_policy", "disclosure", "-policy-", "policy.toml"),
        vectors("roster", "roster", "", "allowed_signers"),
        vectors("certificate", "certificate", "0", "certificate.json"),
        vectors("archive", "archive", "01-valid", "archive.sealed"),
        vectors("archive", "archive", "07-valid", "archive.sealed"),
    ]
    .concat();
    let mut add = |parser, name: &str, bytes: Vec<u8>| seeds.push((parser, name.to_owned(), bytes));
    add("ledger", "made", ledger());
    add("mailing", "valid", std::fs::read(fixtures("vectors/notices/01-mailing-valid/mailing.json")).unwrap());
    add("letter_template", "made", b"keepuntil-notice/v1 closing zh\n{name} {{{today}}}\n\xe6\xb2\x90\n".to_vec());
    add("notices", "made", notices());
    add("signature", "made", signature());
    add("ranges", "made", b"1-4,7,9-12,9223372036854775807".to_vec());
    add("policy", "frozen", std::fs::read(fixtures("archives/v1/policy.toml")).unwrap());
    add("plan", "made", planned());
    add("register", "made", register());
    add("bag", "made", forge::bag(&forge::payload(), |_| {}));
    let label = forge::label("first", &forge::payload());
    add("label", "made", serde_json::to_vec::<Label>(&label).unwrap());
    let grant = messages::grant();
    let evidence = grant.journal.unwrap();
    add("age_header", "grant", grant.keys);
    add("proof", "grant", evidence.proof.clone().into_bytes());
    let proof = keepuntil::tlog::proof::Proof::parse(&evidence.proof).unwrap();
    add("journal_entry", "grant", proof.leaf);
    let request = consistency::Request { old: 3, proof: vec![[7; 32]; 3], checkpoint: proof.checkpoint };
    add("consistency", "made", request.to_text().into_bytes());
    let mut reader =
        ArchiveReader::open(File::open(fixtures("vectors/archive/01-valid/archive.sealed")).unwrap()).unwrap();
    let mut extract = Vec::new();
    keepuntil::archive::extract::write(&mut reader, &(1..=2).collect(), &mut extract).unwrap();
    add("extract", "01-valid", extract);
    let grant = messages::unproved_grant();
    let key = Secret32::from_bytes([5; 32]);
    add("evidence", "alone", BagEvidence::new(ARCHIVE, 3, &key, None).to_bytes());
    add("evidence", "granted", BagEvidence::new(ARCHIVE, 3, &key, Some(&grant)).to_bytes());
    add("manifest", "01-valid", reader.manifest().to_bytes());
    add("preamble", "01-valid", leaf::to_bytes(reader.preamble()));
    add("checkpoint", "01-valid", reader.tail().checkpoint.clone().into_bytes());
    add("trailer", "01-valid", layout::trailer_text(512, 1024).into_bytes());
    let first = leaf::to_bytes(&reader.record(1).unwrap());
    add("tiles", "01-valid", [&[0][..], &(first.len() as u16).to_be_bytes(), &first].concat());
    add("record_leaf", "01-valid", first);
    for entry in ["04-valid-hold", "13-valid-destroyed", "18-valid-plan-with-a-long-list"] {
        seeds.extend(vectors("journal_entry", "journal", entry, "leaf.json"));
    }
    seeds
}

fn ledger() -> Vec<u8> {
    let (request, grant) = (messages::request(), messages::unproved_grant());
    let (hash, now) = (Request::identity_of(&request.to_bytes()), instant("2031-01-07T10:00:00Z"));
    let mut ledger = Ledger::default();
    ledger.note_request(hash, &request, Some(messages::auditor()), None, now).unwrap();
    ledger.note_grant(&grant, 5).unwrap();
    ledger.note_receipt(&messages::receipt_of(&grant, Handled::Opened), [3; 32], "SHA256:a", now).unwrap();
    ledger.note_request([1; 32], &request, None, None, now).unwrap();
    ledger.note_request([2; 32], &request, None, None, now).unwrap();
    ledger
        .note_refusal(&keepuntil::disclosure::refusal::Refusal { request: [2; 32], ..messages::refusal() }, 6)
        .unwrap();
    ledger.to_bytes().unwrap()
}

fn notices() -> Vec<u8> {
    let bytes = std::fs::read(fixtures("vectors/notices/01-mailing-valid/mailing.json")).unwrap();
    let mailing = Mailing::parse(&bytes).unwrap();
    let (now, today) = (instant("2031-01-07T10:00:00Z"), date("2031-03-01"));
    let mut notices = Notices::default();
    let sent = (date("2031-01-07"), Way::Post, Some("by Lin Yue"));
    notices.note_sent((&mailing, [3; 32]), [4; 16], sent, (now, 5)).unwrap();
    let new = NewReply {
        notice: Some([4; 16]),
        archive: Some(ARCHIVE),
        records: Some("17".parse().unwrap()),
        kind: ReplyKind::Objection,
        received: today,
        due: None,
        text: Some("a claim".into()),
    };
    notices.note_reply(&new, [5; 16], today, (now, 6)).unwrap();
    let answer = NotedAnswer { outcome: Outcome::Rejected, on: today, leaf: 7, explanation: Some("barred".into()) };
    notices.note_answer("0505", answer, today).unwrap();
    notices.to_bytes().unwrap()
}

fn signature() -> Vec<u8> {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let string = |part: &[u8]| [&(part.len() as u32).to_be_bytes()[..], part].concat();
    let key = [string(b"ssh-ed25519"), string(&[7; 32])].concat();
    let signed = [string(b"ssh-ed25519"), string(&[8; 64])].concat();
    let parts = [string(&key), string(b"keepuntil-request"), string(b""), string(b"sha512"), string(&signed)].concat();
    let blob = BASE64_STANDARD.encode([&b"SSHSIG\0\0\0\x01"[..], &parts].concat());
    format!("-----BEGIN SSH SIGNATURE-----\n{blob}\n-----END SSH SIGNATURE-----\n").into_bytes()
}

fn planned() -> Vec<u8> {
    let record = |record| PlannedRecord {
        archive: ARCHIVE,
        record,
        class: Class::Sensitive,
        compartment: "vouchers".into(),
        rules: vec!["cn-accounting-voucher".into()],
        until: Some(date("2055-12-31")),
        decision: Decision::Destroy,
        review: false,
        early: false,
    };
    let made = instant("2056-01-01T00:00:00Z");
    let records = vec![record(3), record(17)];
    let format = plan::FORMAT.into();
    Plan { format, keyring: [9; 16], made, state: [7; 32], approvals_needed: 2, reason: None, records }.to_bytes()
}

fn register() -> Vec<u8> {
    let now = instant("2030-01-01T00:00:00Z");
    let mut register = Register::new(&Reading { wall: now, boot: None });
    let texts = ("Smith v. Jones", Some("District court"));
    let hold = Hold::new([1; 16], [9; 16], texts, Scope::of_archive(ARCHIVE), date("2029-12-01"), now);
    register.place_hold(hold.unwrap()).unwrap();
    register.to_bytes()
}

/// Numbers that look random and are the same at every run (xorshift64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.max(1) as u64) as usize
    }
}

/// What a stranger might put somewhere.
const WORDS: [&[u8]; 14] = [
    b"0",
    b"-1",
    b"9223372036854775808",
    b"18446744073709551615",
    b"1e999",
    b"null",
    b"[]",
    b"{\"",
    b"\\u0000",
    "\u{202e}".as_bytes(),
    b"\xff",
    b"\n\n",
    b"1-9223372036854775807",
    b"0000-00-00",
];

fn change(bytes: &mut Vec<u8>, dice: &mut Dice) {
    let at = dice.below(bytes.len());
    match dice.below(6) {
        0 if !bytes.is_empty() => bytes[at] ^= 1 << dice.below(8),
        1 if !bytes.is_empty() => bytes[at] = dice.below(256) as u8,
        2 => bytes.truncate(at),
        3 => drop(bytes.drain(at..(at + 1 + dice.below(40)).min(bytes.len()))),
        4 => {
            let word = WORDS[dice.below(WORDS.len())];
            let end = (at + dice.below(word.len() + 1)).min(bytes.len());
            bytes.splice(at..end, word.iter().copied());
        }
        _ => {
            let end = (at + 1 + dice.below(200)).min(bytes.len());
            let copy = bytes[at..end].to_vec();
            let to = dice.below(bytes.len());
            bytes.splice(to..to, copy);
        }
    }
}

#[test]
fn changed_messages_neither_panic_nor_have_a_second_spelling() {
    let seeds = seeds();
    if let Some(corpus) = std::env::var_os("KEEPUNTIL_WRITE_SEEDS").map(PathBuf::from) {
        for (parser, name, bytes) in &seeds {
            std::fs::create_dir_all(corpus.join(parser)).unwrap();
            std::fs::write(corpus.join(parser).join(name), bytes).unwrap();
        }
    }
    for (name, parse) in parsers::PARSERS {
        let of_it: Vec<_> = seeds.iter().filter(|(parser, ..)| *parser == name).collect();
        assert!(of_it.iter().any(|(_, _, bytes)| parse(bytes)), "{name} takes none of its vectors");
        for (number, (_, vector, bytes)) in of_it.into_iter().enumerate() {
            let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (number as u64 + 1));
            for round in 0..ROUNDS {
                let mut changed = bytes.clone();
                (0..=dice.below(3)).for_each(|_| change(&mut changed, &mut dice));
                let outcome = std::panic::catch_unwind(|| parse(&changed));
                let shown = || String::from_utf8_lossy(&changed[..changed.len().min(2000)]).into_owned();
                assert!(outcome.is_ok(), "{name}, {vector}, round {round}: {}", shown());
            }
        }
    }
}
