//! The test vectors under `fixtures/vectors/`: archives that are valid or fail for one reason, keys and trees with their values.
//!
//! `KEEPUNTIL_WRITE_VECTORS=1` makes those that are missing, `=all` all anew; without it the committed files are read. Random
//! parts (age file keys, ML-DSA signatures) differ from one making to the next, what is expected does not.

mod forge;

use forge::*;
use keepuntil::archive::bag_reader::{BagVisitor, read_bag};
use keepuntil::archive::label::Label;
use keepuntil::archive::leaf::RecordLeaf;
use keepuntil::archive::manifest::Compartment;
use keepuntil::archive::reader::ArchiveReader;
use keepuntil::archive::verify::verify;
use keepuntil::archive::{ArchiveError, layout, record};
use keepuntil::crypto::hash::{Hash, sha256};
use keepuntil::crypto::identity::{Identities, Prompts, x25519_identity, x25519_secret_string};
use keepuntil::crypto::kdf;
use keepuntil::crypto::recipient::Recipients;
use keepuntil::crypto::secret::Secret32;
use keepuntil::crypto::sign::SigningKey;
use keepuntil::crypto::{envelope, record_file};
use keepuntil::ops::restore::limits;
use keepuntil::retention::rule::{Application, Base, Rule};
use keepuntil::retention::term::{Bound, Counting, Keep, Term};
use keepuntil::retention::{AtExpiry, Class, Retention, parse_date};
use keepuntil::storage::source::Attributes;
use keepuntil::tlog::checkpoint::Checkpoint;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/vectors")
}

/// Whether a vector's file is to be made: where it is missing, or all of them.
fn writing(path: &Path) -> bool {
    std::env::var("KEEPUNTIL_WRITE_VECTORS").is_ok_and(|which| which == "all" || !path.exists())
}

/// A vector: its folder, the requirements it is for, where reading ends (`valid`, or a stage and kind), a part of the message.
struct Vector {
    name: &'static str,
    holds: &'static [&'static str],
    ends: &'static str,
    what: &'static str,
    build: Box<dyn Fn() -> Vec<u8>>,
}

fn vector(
    name: &'static str,
    holds: &'static [&'static str],
    ends: &'static str,
    what: &'static str,
    build: impl Fn() -> Vec<u8> + 'static,
) -> Vector {
    Vector { name, holds, ends, what, build: Box::new(build) }
}

fn forged(change: impl Fn(&mut Forge)) -> Vec<u8> {
    let mut forge = Forge::default();
    change(&mut forge);
    forge.build()
}

/// As [`forged`], with the first record replaced.
fn with_record(record: impl Fn() -> Record) -> Vec<u8> {
    forged(|f| f.records[0] = record())
}

/// A record with this payload, whose bag was then changed; its label counts the payload.
fn with_bag(payload: Vec<Member>, change: impl Fn(&mut Vec<Member>)) -> Vec<u8> {
    with_record(|| Record::of_stream(1, &label("first", &payload), &bag(&payload, &change)))
}

fn replaced(text: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = std::str::from_utf8(text).unwrap();
    assert!(text.contains(from), "{from:?}");
    text.replacen(from, to, 1).into_bytes()
}

fn with_manifest(change: impl Fn(&mut keepuntil::archive::manifest::Manifest)) -> Vec<u8> {
    forged(|f| change(&mut f.manifest))
}

fn with_manifest_text(from: &'static str, to: &'static str) -> Vec<u8> {
    forged(|f| f.manifest_bytes = Box::new(move |m| replaced(&m.to_bytes(), from, to)))
}

fn with_leaf1(change: impl Fn(&mut RecordLeaf) + Clone + 'static) -> Vec<u8> {
    forged(|f| {
        let change = change.clone();
        f.leaf = Box::new(move |mut leaf| {
            if leaf.record == 1 {
                change(&mut leaf);
            }
            keepuntil::archive::leaf::to_bytes(&leaf)
        });
    })
}

fn with_leaf1_text(from: &'static str, to: &'static str) -> Vec<u8> {
    forged(|f| {
        f.leaf = Box::new(move |leaf| {
            let text = keepuntil::archive::leaf::to_bytes(&leaf);
            if leaf.record == 1 { replaced(&text, from, to) } else { text }
        });
    })
}

fn with_seal(seal: impl Fn(&Checkpoint, &str) -> String + Clone + 'static) -> Vec<u8> {
    forged(|f| {
        let seal = seal.clone();
        f.seal = Box::new(move |c| seal(&c, &c.sign(&signing_key(), SEALED_AT)).into_bytes());
    })
}

fn after(change: impl Fn(&mut Vec<u8>) + Clone + 'static) -> Vec<u8> {
    forged(|f| f.after = Box::new(change.clone()))
}

/// An archive whose first record has a term of each kind, by the four rules of its `archive.json`.
fn ruled() -> Forge {
    let definitions = r#"[
        {"id":"a-dated","jurisdiction":"cn","title":"From the record's date","title_zh":"自记录日期起","records":"vouchers",
         "period":"P10Y","base":"record-date","counting":"fiscal-year","bound":"floor","at_expiry":"review",
         "citation":"art 1","confidence":"H","note":"a note",
         "applied":[{"period":"P10Y","base":"record-date","counting":"fiscal-year","fiscal_year_end":"03-31"}]},
        {"id":"b-awaits","title":"From an event","period":"P10Y","base":"event:relationship-end","counting":"day",
         "bound":"floor","at_expiry":"destroy",
         "applied":[{"period":"P10Y","base":"event:relationship-end","counting":"day"}]},
        {"id":"c-permanent","title":"For ever","period":"permanent","bound":"floor","at_expiry":"destroy",
         "applied":[{"period":"permanent"}]},
        {"id":"d-silent","title":"Says nothing","bound":"ceiling","at_expiry":"destroy","confidence":"L",
         "applied":[{"period":"P1Y","base":"creation","counting":"calendar-year"},
                    {"period":"P2Y","base":"event:moved","counting":"fiscal-year","fiscal_year_end":"02-29"}]}]"#;
    let terms = r#"[
        {"keep":{"until":"2036-03-31"},"rule":"a-dated"},
        {"keep":{"after":{"event":"relationship-end","period":"P10Y","counting":"day"}},"rule":"b-awaits"},
        {"keep":"permanent","rule":"c-permanent"},
        {"keep":{"until":"2028-12-31"},"bound":"ceiling","rule":"d-silent"},
        {"keep":{"after":{"event":"moved","period":"P2Y","counting":"fiscal-year","fiscal_year_end":"02-29"}},
         "bound":"ceiling","rule":"d-silent"},
        {"keep":{"until":"2040-01-01"}}]"#;
    let retention = Retention { terms: serde_json::from_str(terms).unwrap(), at_expiry: AtExpiry::Review };
    let mut forge = Forge { retention: vec![retention], ..Forge::default() };
    forge.manifest.rules = serde_json::from_str(definitions).unwrap();
    forge
}

fn with_rules(change: impl Fn(&mut keepuntil::archive::manifest::Manifest, &mut Retention)) -> Vec<u8> {
    let mut forge = ruled();
    change(&mut forge.manifest, &mut forge.retention[0]);
    forge.build()
}

/// An X25519 stanza's age file header with `n` stanzas, then a payload.
fn age_file_to(keys: &[Secret32], plaintext: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    for key in keys {
        all.push(x25519_identity(key).to_public().to_string());
    }
    envelope::seal(&Recipients::parse(&all, &Prompts::none()).unwrap(), plaintext).unwrap()
}

fn lines(signed: &str) -> Vec<String> {
    signed.split_inclusive('\n').map(str::to_owned).collect()
}

fn linked_payload() -> Vec<Member> {
    vec![
        member(b'5', "data/", b""),
        linked("data/a", b"one content\n"),
        link(b'1', "data/b", "data/a"),
        link(b'2', "data/c", "a"),
    ]
}

/// A zstd frame of one raw block that asks for a window of 2^28 bytes.
fn wide_frame(content: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, (28 - 10) << 3];
    for (index, block) in content.chunks(1 << 16).enumerate() {
        let last = (index + 1) * (1 << 16) >= content.len();
        frame.extend_from_slice(&((block.len() as u32) << 3 | u32::from(last)).to_le_bytes()[..3]);
        frame.extend_from_slice(block);
    }
    frame
}

/// A label of any text, in which `BAG` is the hash of the default payload's bag.
fn sealed_label(text: &str, fill: usize) -> Vec<u8> {
    let bag = hex::encode(bag_hash(&bag(&payload(), |_| {})));
    let mut text = text.replace("BAG", &bag).into_bytes();
    text.resize(text.len().next_multiple_of(fill), b' ');
    kdf::seal_once(&label_key(1), &text)
}

fn with_label(text: &'static str, fill: usize) -> Vec<u8> {
    with_record(|| Record { label: sealed_label(text, fill), ..Record::of(1, "first", &payload()) })
}

const LABEL: &str = r#"{"name":"first","kind":"folder","files":2,"bytes":31,"bag":"BAG"}"#;

fn hybrid_identity() -> Identities {
    let hrp = bech32::Hrp::parse_unchecked("age-secret-key-pq-");
    let text = age_core::primitives::bech32_encode(hrp, &[9; 32]).to_uppercase();
    Identities::parse("vector", text.as_bytes(), &Prompts::none()).unwrap()
}

fn all() -> Vec<Vector> {
    let mut all = valid();
    all.extend(broken_files());
    all.extend(broken_manifests());
    all.extend(broken_leaves());
    all.extend(broken_rules());
    all.extend(broken_seals());
    all.extend(broken_records());
    all
}

fn valid() -> Vec<Vector> {
    vec![
        vector("01-valid", &["A-1", "A-2", "A-3", "A-4", "A-15"], "valid", "", || forged(|_| {})),
        vector("02-valid-post-quantum", &["A-12", "A-13"], "valid", "", || {
            forged(|f| {
                let recipient = hybrid_identity().recipients()[0].clone().unwrap();
                let recipients = Recipients::parse(&[recipient], &Prompts::none()).unwrap();
                f.access[0].1 = envelope::seal(&recipients, compartment_secret().expose()).unwrap();
                f.manifest.compartments[0].recipients = vec!["mlkem768x25519".into()];
            })
        }),
        vector("03-valid-links-and-long-names", &["A-26", "A-28", "A-29", "A-30"], "valid", "", || {
            let mut payload = linked_payload();
            payload.insert(1, member(b'0', &format!("data/{}%", "长".repeat(80)), b"x"));
            with_record(|| Record::of(1, "first", &payload))
        }),
        vector("04-valid-padded", &["A-24"], "valid", "", || {
            with_record(|| {
                let mut plain = frame(&bag(&payload(), |_| {}));
                plain.extend_from_slice(&0x184d_2a50u32.to_le_bytes());
                plain.extend_from_slice(&100u32.to_le_bytes());
                plain.extend_from_slice(&[0; 100]);
                Record { file: age_file(&record_key(1), &plain), ..Record::of(1, "first", &payload()) }
            })
        }),
        vector("05-valid-several-frames", &["A-23"], "valid", "", || {
            with_record(|| {
                let bag = bag(&payload(), |_| {});
                let plain = [frame(&bag[..1000]), frame(&bag[1000..])].concat();
                Record { file: age_file(&record_key(1), &plain), ..Record::of(1, "first", &payload()) }
            })
        }),
        vector("07-valid-link-to-a-further-name", &["A-29"], "valid", "", || {
            let mut payload = linked_payload();
            payload[2].pax.push(("KEEPUNTIL.linked".into(), "1".into()));
            payload[3].target = Some("b".into());
            with_record(|| Record::of(1, "first", &payload))
        }),
        vector("08-valid-rules", &["A-40", "A-66", "A-67", "A-68"], "valid", "", || with_rules(|_, _| {})),
        vector("06-valid-no-records", &["A-43"], "valid", "", || forged(|f| f.records.clear())),
    ]
}

fn broken_files() -> Vec<Vector> {
    vec![
        vector("10-empty", &["A-58"], "open damaged", "it is empty", Vec::new),
        vector("11-header-mode", &["A-1"], "verify damaged", "README.txt: its tar header was changed", || {
            after(|a| {
                a[104] = b'5';
                let sum: u32 = (0..512).map(|i| if (148..156).contains(&i) { 32 } else { u32::from(a[i]) }).sum();
                a[148..156].copy_from_slice(format!("{sum:07o}\0").as_bytes());
            })
        }),
        vector("12-padding", &["A-2"], "verify damaged", "its padding is not zero", || {
            after(|a| {
                let at = find(a, "archive.json");
                a[at - 1] = 1;
            })
        }),
        vector("13-record-padding", &["A-2"], "verify damaged", "the padding of its segment 0 is not zero", || {
            after(|a| {
                let at = find(a, "records/0000000002/00000000");
                a[at - 1] = 1;
            })
        }),
        vector("14-trailing-block", &["A-3"], "open damaged", "it does not end as an archive does", || {
            after(|a| a.extend_from_slice(&[0; 512]))
        }),
        vector("15-end-block-not-zero", &["A-3"], "open damaged", "it does not end as an archive does", || {
            after(|a| *a.last_mut().unwrap() = 1)
        }),
        vector("16-cut-short", &["A-58"], "open damaged", "it does not end as an archive does", || {
            after(|a| a.truncate(a.len() - 512))
        }),
        vector("17-gap-between-members", &["A-4", "A-38"], "verify damaged", "its leaf places it at", || {
            forged(|f| f.before_record = Box::new(|n| if n == 2 { vec![0; 512] } else { Vec::new() }))
        }),
        vector("18-record-renamed", &["A-1", "A-4"], "verify damaged", "the tar header of its segment 0", || {
            after(|a| {
                let at = find(a, "records/0000000002/00000000");
                let header = layout::member_header("records/0000000003/00000000", 512).unwrap();
                a[at..at + 100].copy_from_slice(&header[..100]);
            })
        }),
        vector("19-trailer-signs", &["A-51"], "open damaged", "it does not end as an archive does", || {
            after(|a| {
                let at = find(a, "trailer") + 512;
                let text = String::from_utf8_lossy(&a[at..at + 77]).replacen("index 0", "index +", 1);
                a[at..at + 77].copy_from_slice(text.as_bytes());
            })
        }),
        vector("20-trailer-elsewhere", &["A-52"], "open damaged", "index", || {
            after(|a| {
                let (index, checkpoint) = (find(a, "index") - 512, find(a, "checkpoint"));
                let at = find(a, "trailer") + 512;
                a[at..at + 77].copy_from_slice(layout::trailer_text(index as u64, checkpoint as u64).as_bytes());
            })
        }),
        vector("21-index-elsewhere", &["A-45", "A-57"], "open damaged", "tile/entries/000.p/3", || {
            forged(|f| f.index = Box::new(|_| 0u64.to_be_bytes().to_vec()))
        }),
        vector("22-index-outside", &["A-57"], "open damaged", "it lies outside the archive", || {
            forged(|f| f.index = Box::new(|_| (u64::MAX - 600).to_be_bytes().to_vec()))
        }),
        vector("23-bundle-changed", &["A-44"], "open damaged", "it does not lead to the sealed root", || {
            forged(|f| f.stored = Box::new(|finished| *finished.bytes.last_mut().unwrap() = b' '))
        }),
        vector("24-record-changed", &["A-39"], "verify damaged", "its content is not what was sealed", || {
            after(|a| {
                let at = find(a, "records/0000000001/00000000");
                a[at + 512 + 300] ^= 1;
            })
        }),
        vector("25-access-changed", &["A-36"], "verify damaged", "access/records.age: its content", || {
            after(|a| {
                let at = find(a, "access/records.age");
                a[at + 512 + 180] ^= 1;
            })
        }),
        vector("26-readme-changed", &["A-36"], "verify damaged", "README.txt: its content", || after(|a| a[512] ^= 1)),
    ]
}

fn broken_manifests() -> Vec<Vector> {
    let two = |m: &mut keepuntil::archive::manifest::Manifest, name: &str| {
        m.compartments.push(Compartment { name: name.into(), class: Class::Public, recipients: vec!["X25519".into()] });
    };
    vec![
        vector("30-manifest-not-canonical", &["A-5"], "open damaged", "archive.json: not in canonical form", || {
            with_manifest_text("\"firm\": ", "\"firm\":  ")
        }),
        vector("31-manifest-escapes", &["A-5"], "open damaged", "archive.json: not in canonical form", || {
            with_manifest_text("vectors.example\",\n  \"comp", "\\u0076ectors.example\",\n  \"comp")
        }),
        vector("32-manifest-unknown-key", &["A-5"], "open damaged", "archive.json: unknown field", || {
            with_manifest_text("\"firm\"", "\"note\": 1,\n  \"firm\"")
        }),
        vector("33-archive-id", &["A-6"], "open damaged", "the archive id is not 32 hex digits", || {
            with_manifest(|m| m.archive = "AB".repeat(16))
        }),
        vector("34-compartment-name", &["A-7"], "open damaged", "its name is not allowed", || {
            with_manifest(|m| m.compartments[0].name = "../records".into())
        }),
        vector("35-compartment-twice", &["A-7"], "open damaged", "stands twice", move || {
            with_manifest(|m| two(m, "records"))
        }),
        vector("36-no-compartment", &["A-7"], "open damaged", "it has no compartment", || {
            with_manifest(|m| m.compartments.clear())
        }),
        vector("37-created", &["A-8"], "open damaged", "the date of creation is not RFC 3339", || {
            with_manifest(|m| m.created = "2027-01-15".into())
        }),
        vector("38-threshold", &["A-8"], "open damaged", "the threshold of custodians is impossible", || {
            with_manifest(|m| m.custodians.threshold = 2)
        }),
        vector("39-keys-swapped", &["A-9"], "open damaged", "not one Ed25519 and one ML-DSA-44 key", || {
            with_manifest(|m| m.verifier_keys.swap(0, 1))
        }),
        vector("40-key-id", &["A-9"], "open damaged", "its id does not match its key", || {
            with_manifest(|m| {
                let mut parts = m.verifier_keys[0].split('+').map(str::to_owned).collect::<Vec<_>>();
                parts[1] = "00000000".into();
                m.verifier_keys[0] = parts.join("+");
            })
        }),
        vector("41-newer-format", &["A-11"], "open newer", "keepuntil/v2", || {
            with_manifest_text("\"keepuntil/v1\"", "\"keepuntil/v2\"")
        }),
        vector("42-newer-format-with-new-keys", &["A-11"], "open newer", "keepuntil/v2", || {
            with_manifest_text("\"format\": \"keepuntil/v1\",", "\"format\": \"keepuntil/v2\",\n  \"new\": [],")
        }),
        vector("43-newer-format-not-sealed", &["A-11"], "open damaged", "the Ed25519 signature", || {
            forged(|f| {
                f.manifest_bytes = Box::new(|m| replaced(&m.to_bytes(), "keepuntil/v1", "keepuntil/v2"));
                f.seal = Box::new(|c| {
                    let other = Checkpoint { size: c.size + 1, ..c.clone() }.sign(&signing_key(), SEALED_AT);
                    [c.text(), lines(&other)[3..].concat()].concat().into_bytes()
                });
            })
        }),
        vector("44-scrypt-recipient", &["A-12"], "open damaged", "a recipient type is not allowed", || {
            with_manifest(|m| m.compartments[0].recipients = vec!["scrypt".into()])
        }),
        vector("45-grease", &["A-12"], "open damaged", "a recipient type is not allowed", || {
            with_manifest(|m| m.compartments[0].recipients.push("abc-grease".into()))
        }),
        vector("46-mixed-recipients", &["A-12"], "open damaged", "are mixed", || {
            with_manifest(|m| m.compartments[0].recipients.push("mlkem768x25519".into()))
        }),
        vector("47-no-recipient", &["A-12"], "open damaged", "it has no recipient", || {
            with_manifest(|m| m.compartments[0].recipients.clear())
        }),
        vector("48-other-recipients", &["A-14"], "verify damaged", "an access file has other recipients", || {
            with_manifest(|m| m.compartments[0].recipients.push("X25519".into()))
        }),
        vector("49-access-not-age", &["A-14"], "verify damaged", "an access file has other recipients", || {
            forged(|f| f.access[0].1 = vec![3; 32])
        }),
    ]
}

fn broken_leaves() -> Vec<Vector> {
    vec![
        vector("50-leaf-space", &["A-35"], "verify damaged", "leaf 1: not in canonical form", || {
            with_leaf1_text("\"record\":1,", "\"record\": 1,")
        }),
        vector("51-leaf-key-twice", &["A-35"], "verify damaged", "duplicate field", || {
            with_leaf1_text("\"record\":1,", "\"record\":1,\"record\":1,")
        }),
        vector("52-leaf-unknown-key", &["A-35"], "verify damaged", "unknown field", || {
            with_leaf1_text("\"record\":1,", "\"record\":1,\"note\":1,")
        }),
        vector("53-leaf-order", &["A-35"], "verify damaged", "leaf 1: not in canonical form", || {
            with_leaf1_text("\"record\":1,\"compartment\":\"records\",", "\"compartment\":\"records\",\"record\":1,")
        }),
        vector("54-leaf-upper-hex", &["A-35"], "verify damaged", "leaf 1: not in canonical form", || {
            forged(|f| {
                f.leaf = Box::new(|leaf| {
                    let (text, hash) = (keepuntil::archive::leaf::to_bytes(&leaf), hex::encode(leaf.sha256));
                    if leaf.record == 1 { replaced(&text, &hash, &hash.to_uppercase()) } else { text }
                });
            })
        }),
        vector("55-leaf0-other-archive", &["A-36"], "open damaged", "it does not bind the members", || {
            forged(|f| {
                f.leaf0 = Box::new(|mut leaf| {
                    leaf.archive = "00".repeat(16);
                    keepuntil::archive::leaf::to_bytes(&leaf)
                });
            })
        }),
        vector("56-leaf0-without-access", &["A-36"], "open damaged", "it does not bind the members", || {
            forged(|f| {
                f.leaf0 = Box::new(|mut leaf| {
                    leaf.members.pop();
                    keepuntil::archive::leaf::to_bytes(&leaf)
                });
            })
        }),
        vector("57-leaf0-size", &["A-36"], "open damaged", "archive.json: its content is not what was sealed", || {
            forged(|f| {
                f.leaf0 = Box::new(|mut leaf| {
                    leaf.members[1].size += 1;
                    keepuntil::archive::leaf::to_bytes(&leaf)
                });
            })
        }),
        vector("58-leaf-number", &["A-37"], "verify damaged", "leaf 1: it is another record's", || {
            with_leaf1(|leaf| leaf.record = 2)
        }),
        vector("59-leaf-compartment", &["A-37"], "verify damaged", "its compartment is not in archive.json", || {
            with_leaf1(|leaf| leaf.compartment = "other".into())
        }),
        vector("60-leaf-outside", &["A-38"], "verify damaged", "its record does not lie within the archive", || {
            with_leaf1(|leaf| leaf.offset = u64::MAX - 100)
        }),
        vector("61-leaf-huge", &["A-38"], "verify damaged", "its record does not lie within the archive", || {
            with_leaf1(|leaf| leaf.size = (1 << 63) - 1)
        }),
        vector("62-record-too-small", &["A-21", "A-38"], "verify damaged", "does not lie within the archive", || {
            with_record(|| {
                let mut record = Record::of(1, "first", &payload());
                record.file.truncate(199);
                record
            })
        }),
        vector("63-leaf-year", &["A-40", "R-2"], "verify damaged", "its last day has no year", || {
            with_leaf1(|leaf| {
                let beyond = parse_date("9999-12-31").unwrap().succ_opt().unwrap();
                leaf.retention.terms[0].keep = keepuntil::retention::term::Keep::Until(beyond);
            })
        }),
        vector("64-leaf-date-spelling", &["A-40", "R-2"], "verify damaged", "leaf 1: ", || {
            with_leaf1_text("2036-12-31", "2036-12-1")
        }),
        vector("65-leaf-hash", &["A-39"], "verify damaged", "record 1: its content is not what was sealed", || {
            with_leaf1(|leaf| leaf.sha256 = [0; 32])
        }),
        vector("66-leaf-commitment", &["A-17"], "label foreign", "commitment", || {
            with_leaf1(|leaf| leaf.commitments.label = [0; 32])
        }),
    ]
}

fn broken_rules() -> Vec<Vector> {
    let rules = |change: fn(&mut Vec<Rule>)| move || with_rules(move |manifest, _| change(&mut manifest.rules));
    let terms = |change: fn(&mut Vec<Term>)| move || with_rules(move |_, retention| change(&mut retention.terms));
    let defined = "open damaged";
    vec![
        vector("130-rule-key-unknown", &["A-66"], defined, "unknown field", || {
            let mut forge = ruled();
            forge.manifest_bytes =
                Box::new(|m| replaced(&m.to_bytes(), "\"id\": \"b-awaits\"", "\"no\": 1,\n      \"id\": \"b-awaits\""));
            forge.build()
        }),
        vector("131-rules-order", &["A-66"], defined, "not in rising order", rules(|r| r.swap(0, 1))),
        vector("132-rule-twice", &["A-66"], defined, "one stands twice", rules(|r| r.insert(0, r[0].clone()))),
        vector(
            "133-rule-id",
            &["A-66", "R-14"],
            defined,
            "its id or jurisdiction",
            rules(|r| r[0].id = "A rule".into()),
        ),
        vector(
            "134-rule-text",
            &["A-66", "R-14"],
            defined,
            "a text in it",
            rules(|r| r[0].title = "a\u{1b}[2J".into()),
        ),
        vector("135-rule-not-applied", &["A-68"], defined, "how it is applied", rules(|r| r[0].applied.clear())),
        vector(
            "136-rule-shortened",
            &["A-68"],
            defined,
            "not applied as it is defined",
            rules(|r| {
                r[0].applied[0].period = "P9Y".to_owned().try_into().unwrap();
            }),
        ),
        vector(
            "137-rule-other-start",
            &["A-68"],
            defined,
            "not applied as it is defined",
            rules(|r| {
                r[1].applied[0].base = Some(Base::Creation);
            }),
        ),
        vector(
            "138-applications-order",
            &["A-68"],
            defined,
            "applications are not in rising",
            rules(|r| {
                let again = r[0].applied[0].clone();
                r[0].applied.push(again);
            }),
        ),
        vector(
            "139-rule-permanent-from",
            &["A-66", "R-14"],
            defined,
            "has no start",
            rules(|r| {
                r[2].counting = Some(Counting::Day);
            }),
        ),
        vector(
            "140-term-without-rule",
            &["A-67"],
            "verify damaged",
            "that is not in archive.json",
            terms(|t| {
                t[0].rule = Some("no-such".into());
            }),
        ),
        vector(
            "141-term-other-bound",
            &["A-67"],
            "verify damaged",
            "not what archive.json says",
            terms(|t| {
                t[0].bound = Bound::Ceiling;
            }),
        ),
        vector(
            "142-term-other-event",
            &["A-67"],
            "verify damaged",
            "not what archive.json says",
            terms(|t| {
                let Keep::After(after) = &mut t[1].keep else { unreachable!() };
                after.period = "P1Y".parse().unwrap();
            }),
        ),
        vector("143-no-terms", &["A-40", "R-1"], "verify damaged", "it has no terms", terms(|t| t.clear())),
        vector(
            "144-too-many-terms",
            &["A-40", "R-1"],
            "verify damaged",
            "or more than 16",
            terms(|t| {
                let again = t[0].clone();
                t.resize(17, again);
            }),
        ),
        vector(
            "145-event-name",
            &["A-40", "R-3"],
            "verify damaged",
            "an event has a name",
            terms(|t| {
                t[1].rule = None;
                let Keep::After(after) = &mut t[1].keep else { unreachable!() };
                after.event = "The end".into();
            }),
        ),
        vector(
            "146-fiscal-year-not-counted",
            &["A-40", "R-2"],
            "verify damaged",
            "which it does not count",
            terms(|t| {
                t[1].rule = None;
                let Keep::After(after) = &mut t[1].keep else { unreachable!() };
                after.fiscal_year_end = "03-31".to_owned().try_into().unwrap();
            }),
        ),
        vector("147-period-spelling", &["A-35", "R-2"], "verify damaged", "leaf 1: not in canonical form", || {
            let mut forge = ruled();
            forge.leaf = Box::new(|leaf| {
                let text = keepuntil::archive::leaf::to_bytes(&leaf);
                if leaf.record == 1 { replaced(&text, "\"P10Y\"", "\"P120M\"") } else { text }
            });
            forge.build()
        }),
        vector("148-floor-spelled-out", &["A-35", "R-2"], "verify damaged", "leaf 1: not in canonical form", || {
            with_leaf1_text("\"2036-12-31\"}}", "\"2036-12-31\"},\"bound\":\"floor\"}")
        }),
        vector(
            "149-rule-name",
            &["A-40", "R-3"],
            "verify damaged",
            "a rule has a name",
            terms(|t| {
                t[0].rule = Some("A rule".into());
            }),
        ),
        vector(
            "150-applications-many",
            &["A-68"],
            defined,
            "in more than 100 ways",
            rules(|r| {
                r[0].applied = (10..=110)
                    .map(|years| Application {
                        period: format!("P{years}Y").try_into().unwrap(),
                        ..r[0].applied[0].clone()
                    })
                    .collect();
            }),
        ),
    ]
}

fn broken_seals() -> Vec<Vector> {
    vec![
        vector("70-no-second-signature", &["A-47"], "open damaged", "exactly two signatures", || {
            with_seal(|_, signed| lines(signed)[..5].concat())
        }),
        vector("71-third-signature", &["A-48"], "open damaged", "exactly two signatures", || {
            with_seal(|_, signed| format!("{signed}{}", lines(signed)[4]))
        }),
        vector("72-signatures-swapped", &["A-48"], "open damaged", "a signature is by another key", || {
            with_seal(|_, signed| {
                let mut lines = lines(signed);
                lines.swap(4, 5);
                lines.concat()
            })
        }),
        vector("73-extension-line", &["A-46"], "open damaged", "exactly three lines", || {
            with_seal(|c, signed| {
                let text = format!("{}extension\n", c.text());
                let second = &lines(signed)[5];
                let [key, _] = signing_key().verifier_keys();
                let first = signing_key().sign_ed25519(text.as_bytes());
                format!("{text}\n{}{second}", keepuntil::tlog::note::signature_line(FIRM, key.id(), &first))
            })
        }),
        vector("74-ed25519-false", &["A-48"], "open damaged", "the Ed25519 signature does not verify", || {
            with_seal(|c, signed| {
                let other = Checkpoint { root: [0; 32], ..c.clone() }.sign(&signing_key(), SEALED_AT);
                [&lines(signed)[..4], &lines(&other)[4..5], &lines(signed)[5..]].concat().concat()
            })
        }),
        vector("75-ml-dsa-false", &["A-48"], "open damaged", "the ML-DSA-44 signature does not verify", || {
            with_seal(|c, signed| {
                let other = Checkpoint { root: [0; 32], ..c.clone() }.sign(&signing_key(), SEALED_AT);
                [&lines(signed)[..5], &lines(&other)[5..]].concat().concat()
            })
        }),
        vector("76-ml-dsa-other-time", &["A-47"], "open damaged", "the ML-DSA-44 signature does not verify", || {
            with_seal(|_, signed| {
                use base64::{Engine, prelude::BASE64_STANDARD};
                let line = lines(signed)[5].clone();
                let mut blob = BASE64_STANDARD.decode(line.trim_end().rsplit(' ').next().unwrap()).unwrap();
                blob[11] ^= 1;
                let last = format!("— {FIRM} {}\n", BASE64_STANDARD.encode(blob));
                [&lines(signed)[..5], &[last]].concat().concat()
            })
        }),
        vector("77-ml-dsa-time-too-large", &["A-48"], "open damaged", "the ML-DSA-44 signature does not", || {
            with_seal(|c, _| c.sign(&signing_key(), 1 << 63))
        }),
        vector("78-other-signer", &["A-48"], "open damaged", "a signature is by another key", || {
            with_seal(|c, _| c.sign(&SigningKey::from_seeds(FIRM, &secret(90), &secret(91)), SEALED_AT))
        }),
        vector("79-origin-of-another-archive", &["A-46", "A-49"], "open damaged", "its origin is not that", || {
            with_seal(|c, _| {
                let origin = format!("{FIRM}/archive/{}", "00".repeat(16));
                Checkpoint { origin, ..c.clone() }.sign(&signing_key(), SEALED_AT)
            })
        }),
        vector("80-firm-is-not-the-signer", &["A-9", "A-49"], "open damaged", "its origin is not that", || {
            with_manifest(|m| m.firm = "other.example".into())
        }),
        vector("81-size-with-zero", &["A-48"], "open damaged", "not in canonical form", || {
            with_seal(|c, signed| {
                let text = c.text().replacen("\n3\n", "\n03\n", 1);
                let [key, _] = signing_key().verifier_keys();
                let first = signing_key().sign_ed25519(text.as_bytes());
                format!("{text}\n{}{}", keepuntil::tlog::note::signature_line(FIRM, key.id(), &first), lines(signed)[5])
            })
        }),
        vector("82-checkpoint-too-large", &["A-50"], "open damaged", "checkpoint: its tar header is damaged", || {
            with_seal(|_, signed| format!("{signed}{}", lines(signed)[5].repeat(4)))
        }),
    ]
}

fn broken_records() -> Vec<Vector> {
    let stream = || bag(&payload(), |_| {});
    vec![
        vector("90-two-stanzas", &["A-19", "A-20"], "verify damaged", "not exactly one X25519 stanza", move || {
            with_record(|| Record {
                file: age_file_to(&[record_key(1), reader_secret()], &frame(&stream())),
                ..Record::of(1, "first", &payload())
            })
        }),
        vector("91-key-does-not-fit", &["A-18"], "record damaged", "does not open it", move || {
            with_record(|| Record {
                file: age_file(&secret(99), &frame(&stream())),
                ..Record::of(1, "first", &payload())
            })
        }),
        vector("92-payload-without-its-end", &["A-21"], "record damaged", "does not authenticate", move || {
            with_record(|| {
                let mut record = Record::of(1, "first", &[member(b'0', "data/x", &noise(70_000))]);
                record.file.truncate(record_file::PREFIX + 65_536 + 16);
                record
            })
        }),
        vector("94-wide-window", &["A-23"], "record damaged", "its content does not open", || {
            with_record(|| Record {
                file: age_file(&record_key(1), &wide_frame(&bag(&payload(), |_| {}))),
                ..Record::of(1, "first", &payload())
            })
        }),
        vector("95-not-zstd", &["A-23"], "record damaged", "its content does not open", move || {
            with_record(|| Record { file: age_file(&record_key(1), &stream()), ..Record::of(1, "first", &payload()) })
        }),
        vector("96-tags-out-of-order", &["A-25"], "record damaged", "stands in the wrong place", || {
            with_bag(payload(), |members| {
                let last = members.len() - 1;
                members.swap(0, last);
            })
        }),
        vector("97-unknown-tag-file", &["A-25"], "record damaged", "does not belong into a bag", || {
            with_bag(payload(), |members| members.insert(members.len() - 1, member(b'0', "fetch.txt", b"")))
        }),
        vector("98-payload-behind-manifest", &["A-25"], "record damaged", "goes on behind the manifest", || {
            with_bag(payload(), |members| members.insert(members.len() - 1, member(b'0', "data/late", b"")))
        }),
        vector("99-no-end", &["A-25"], "record damaged", "its bag has no end", || {
            with_bag(payload(), |members| drop(members.pop()))
        }),
        vector("100-bytes-behind-the-end", &["A-25"], "record damaged", "does not end with two blocks", || {
            with_record(|| {
                let mut stream = bag(&payload(), |_| {});
                stream.extend_from_slice(&[0; 512]);
                stream.push(1);
                Record::of_stream(1, &label("first", &payload()), &stream)
            })
        }),
        vector("101-device", &["A-26"], "record damaged", "is of a kind", || {
            with_bag([payload(), vec![member(b'3', "data/null", b"")]].concat(), |_| {})
        }),
        vector("102-gnu-long-name", &["A-26"], "record damaged", "", || {
            with_bag([payload(), vec![member(b'L', "././@LongLink", b"data/x\0")]].concat(), |_| {})
        }),
        vector("103-path-leaves", &["A-27"], "record damaged", "could lead out of the record", || {
            with_bag([payload(), vec![member(b'0', "data/../../x", b"")]].concat(), |_| {})
        }),
        vector("104-path-absolute", &["A-27"], "record damaged", "does not belong into a bag", || {
            with_bag([payload(), vec![member(b'0', "/etc/x", b"")]].concat(), |_| {})
        }),
        vector("105-path-empty-component", &["A-27"], "record damaged", "could lead out of the record", || {
            with_bag([payload(), vec![member(b'0', "data//etc/x", b"")]].concat(), |_| {})
        }),
        vector("106-pax-keyword", &["A-28"], "record damaged", "has the unknown keyword \"GNU.sparse.major\"", || {
            let mut bad = member(b'0', "data/x", b"");
            bad.pax.push(("GNU.sparse.major".into(), "1".into()));
            with_bag([payload(), vec![bad]].concat(), |_| {})
        }),
        vector("107-pax-length", &["A-28"], "record damaged", "a pax header is malformed", || {
            with_bag(
                [payload(), vec![member(b'x', "", b"99 path=data/x\n"), member(b'0', "data/x", b"")]].concat(),
                |_| {},
            )
        }),
        vector("108-global-header", &["A-28"], "record damaged", "", || {
            with_bag([payload(), vec![member(b'g', "", b"9 path=x\n")]].concat(), |_| {})
        }),
        vector("109-hard-link-to-nothing", &["A-29"], "record damaged", "does not come before it", || {
            with_bag([payload(), vec![link(b'1', "data/b", "data/a")]].concat(), |_| {})
        }),
        vector("110-hard-link-to-unmarked", &["A-29"], "record damaged", "does not come before it", || {
            with_bag([payload(), vec![link(b'1', "data/b", "data/contract.txt")]].concat(), |_| {})
        }),
        vector("111-link-out", &["A-29"], "record damaged", "does not lead to a file of the record", || {
            with_bag([payload(), vec![link(b'2', "data/b", "../../etc/passwd")]].concat(), |_| {})
        }),
        vector("112-manifest-false", &["A-30"], "record damaged", "manifest-sha256.txt does not agree", || {
            with_bag(payload(), |members| {
                let at = members.iter().position(|m| m.path.starts_with("manifest")).unwrap();
                members[at].content[0] ^= 1;
            })
        }),
        vector("113-manifest-misses-a-file", &["A-30"], "record damaged", "manifest-sha256.txt does not agree", || {
            with_bag(payload(), |members| {
                let at = members.iter().position(|m| m.path.starts_with("manifest")).unwrap();
                let text = std::mem::take(&mut members[at].content);
                members[at].content = text.split_inclusive(|&b| b == b'\n').next().unwrap().to_vec();
            })
        }),
        vector("114-tagmanifest-false", &["A-31"], "record damaged", "tagmanifest-sha256.txt does not agree", || {
            with_bag(payload(), |members| members.last_mut().unwrap().content[0] ^= 1)
        }),
        vector("115-bagit-false", &["A-31"], "record damaged", "bagit.txt does not agree", || {
            with_bag(payload(), |members| members[0].content[15] = b'9')
        }),
        vector("116-more-than-the-label", &["A-32"], "record limit", "it holds more than its label says", move || {
            with_record(|| Record {
                label: sealed_label(r#"{"name":"first","kind":"folder","files":2,"bytes":30,"bag":"BAG"}"#, 256),
                ..Record::of(1, "first", &payload())
            })
        }),
        vector("117-less-than-the-label", &["A-32"], "record damaged", "it holds less than its label says", || {
            with_label(r#"{"name":"first","kind":"folder","files":3,"bytes":31,"bag":"BAG"}"#, 256)
        }),
        vector("118-label-under-another-key", &["A-33"], "label damaged", "does not authenticate", || {
            with_record(|| {
                let named = Label { bag: bag_hash(&bag(&payload(), |_| {})), ..label("first", &payload()) };
                let sealed = named.seal(&label_key(2));
                Record { label: sealed, ..Record::of(1, "first", &payload()) }
            })
        }),
        vector("119-label-bucket", &["A-34"], "label damaged", "not padded to whole buckets", || {
            with_label(LABEL, 100)
        }),
        vector("120-label-unknown-key", &["A-34"], "label damaged", "unknown field", || {
            with_label(r#"{"name":"first","kind":"folder","files":2,"bytes":31,"bag":"BAG","note":1}"#, 256)
        }),
        vector("121-label-path", &["A-34"], "label damaged", "its name cannot be a folder's", || {
            with_label(r#"{"name":"../first","kind":"folder","files":2,"bytes":31,"bag":"BAG"}"#, 256)
        }),
        vector("122-label-empty-name", &["A-34"], "label damaged", "its name cannot be a folder's", || {
            with_label(r#"{"name":"","kind":"folder","files":2,"bytes":31,"bag":"BAG"}"#, 256)
        }),
        vector("123-label-without-bag", &["A-34"], "label damaged", "missing field `bag`", || {
            with_label(r#"{"name":"first","kind":"folder","files":2,"bytes":31}"#, 256)
        }),
        vector(
            "124-label-of-another-bag",
            &["A-72"],
            "record damaged",
            "its bag is not the one that its label names",
            || {
                with_record(|| {
                    let other = Label { bag: sha256(&[b"another"]), ..label("first", &payload()) };
                    Record { label: other.seal(&label_key(1)), ..Record::of(1, "first", &payload()) }
                })
            },
        ),
    ]
}

fn noise(len: usize) -> Vec<u8> {
    (0..len.div_ceil(32) as u64).flat_map(|i| sha256(&[&i.to_be_bytes()])).take(len).collect()
}

/// Collects the hashes of a bag's files.
#[derive(Default)]
struct Hashes(BTreeMap<String, String>);

impl BagVisitor for Hashes {
    fn directory(&mut self, _: &str, _: Attributes) -> Result<(), ArchiveError> {
        Ok(())
    }
    fn file(&mut self, _: &str, _: Attributes, _: u64, _: &mut dyn Read) -> Result<(), ArchiveError> {
        Ok(())
    }
    fn hard_link(&mut self, _: &str, _: &str) -> Result<(), ArchiveError> {
        Ok(())
    }
    fn link(&mut self, _: &str, _: &str, _: Attributes) -> Result<(), ArchiveError> {
        Ok(())
    }
    fn tag_file(&mut self, _: &str, _: &mut dyn Read) -> Result<(), ArchiveError> {
        Ok(())
    }
    fn hashed(&mut self, path: &str, hash: &Hash) -> Result<(), ArchiveError> {
        self.0.insert(path.into(), hex::encode(hash));
        Ok(())
    }
}

/// How reading an archive ends, and what was said; the records where nothing is wrong.
struct Outcome {
    ends: String,
    what: Vec<String>,
    records: Value,
}

fn ended(stage: &str, error: &ArchiveError) -> Outcome {
    let kind = match error {
        ArchiveError::Damaged { .. } => "damaged",
        ArchiveError::NewerFormat(_) => "newer",
        ArchiveError::Limit { .. } => "limit",
        _ => "other",
    };
    Outcome { ends: format!("{stage} {kind}"), what: vec![error.to_string()], records: Value::Null }
}

fn read(bytes: &[u8]) -> Outcome {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    let mut reader = match ArchiveReader::open(file) {
        Ok(reader) => reader,
        Err(e) => return ended("open", &e),
    };
    let found = match verify(&mut reader, 1, &|_| false, &|_| {}) {
        Ok(found) => found,
        Err(e) => return ended("verify", &e),
    };
    if !found.damage.is_empty() {
        let what = |d: keepuntil::archive::verify::Damage| match d.record {
            Some(record) => format!("record {record}: {}", d.what),
            None => d.what,
        };
        let what = found.damage.into_iter().map(what).collect();
        return Outcome { ends: "verify damaged".into(), what, records: Value::Null };
    }
    let mut records = Vec::new();
    for number in 1..=reader.records() {
        let leaf = reader.record(number).unwrap();
        let commitments = halves(number).commitments(&ARCHIVE, number);
        if leaf.commitments != commitments.into() {
            let what = vec!["commitments are of other halves".into()];
            return Outcome { ends: "label foreign".into(), what, records: Value::Null };
        }
        let label = match Label::open(&label_key(number), number, &leaf.label) {
            Ok(label) => label,
            Err(e) => return ended("label", &e),
        };
        match open_record(&reader, &leaf, &label) {
            Ok(files) => records.push(json!({ "label": label, "files": files })),
            Err(e) => return ended("record", &e),
        }
    }
    Outcome { ends: "valid".into(), what: Vec::new(), records: json!(records) }
}

fn open_record(
    reader: &ArchiveReader,
    leaf: &RecordLeaf,
    label: &Label,
) -> Result<BTreeMap<String, String>, ArchiveError> {
    let mut hashes = Hashes::default();
    let limits = limits(leaf, label, 1000, 1000)?;
    let stream = record::open(reader.file().clone(), leaf, &record_key(leaf.record))?;
    let (summary, stream) = read_bag(stream, leaf, limits, &mut hashes)?;
    record::finish(stream, leaf)?;
    label.check_bag(leaf.record, &summary)?;
    Ok(hashes.0)
}

fn json_file(path: &Path, value: &Value) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, serde_json::to_string_pretty(value).unwrap() + "\n").unwrap();
}

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))).unwrap()
}

#[test]
fn every_archive_vector_ends_as_expected() {
    let folder = vectors().join("archive");
    let (mut names, mut wrong) = (Vec::new(), Vec::new());
    for vector in all() {
        let place = folder.join(vector.name);
        names.push(vector.name.to_owned());
        if writing(&place.join("archive.sealed")) {
            let bytes = (vector.build)();
            let records = read(&bytes).records;
            std::fs::create_dir_all(&place).unwrap();
            std::fs::write(place.join("archive.sealed"), bytes).unwrap();
            let expect = json!({ "holds": vector.holds, "ends": vector.ends, "what": vector.what, "records": records });
            json_file(&place.join("expect.json"), &expect);
        }
        let expect = read_json(&place.join("expect.json"));
        let outcome = read(&std::fs::read(place.join("archive.sealed")).unwrap());
        let said = outcome.what.join("; ");
        // For one reason: nothing else is reported beside it.
        let right = expect["ends"] == outcome.ends
            && said.contains(expect["what"].as_str().unwrap())
            && outcome.what.len() <= 1
            && expect["records"] == outcome.records
            && expect["holds"] == json!(vector.holds);
        if !right {
            wrong.push(format!("{}: {}: {said}", vector.name, outcome.ends));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let mut found: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    found.sort();
    names.sort();
    assert_eq!(found, names, "every vector has a folder, and every folder is a vector");
}

#[test]
fn what_the_vectors_are_sealed_with_is_published() {
    let records: Vec<Value> = (1..=2)
        .map(|n| {
            let halves = halves(n);
            json!({
                "record": n,
                "expiry_half": hex::encode(halves.record.expose()),
                "label_expiry_half": hex::encode(halves.label.expose()),
                "record_identity": x25519_secret_string(&record_key(n)).as_str(),
            })
        })
        .collect();
    let keys = json!({
        "archive": hex::encode(ARCHIVE),
        "ed25519_seed": hex::encode(secret(1).expose()),
        "ml_dsa_44_seed": hex::encode(secret(2).expose()),
        "verifier_keys": signing_key().verifier_keys().map(|key| key.to_string()),
        "identity": x25519_secret_string(&reader_secret()).as_str(),
        "post_quantum_identity_seed": hex::encode([9; 32]),
        "compartment_secret": hex::encode(compartment_secret().expose()),
        "records": records,
    });
    let path = vectors().join("archive/keys.json");
    if writing(&path) {
        json_file(&path, &keys);
    }
    assert_eq!(read_json(&path), keys);
    let access = |name: &str, identities: &Identities| {
        let file = std::fs::File::open(vectors().join("archive").join(name).join("archive.sealed")).unwrap();
        let reader = ArchiveReader::open(file).unwrap();
        envelope::open(identities.iter(), &reader.access_file("records").unwrap(), 32).unwrap()
    };
    let classical =
        Identities::parse("vector", x25519_secret_string(&reader_secret()).as_bytes(), &Prompts::none()).unwrap();
    assert_eq!(access("01-valid", &classical)[..], compartment_secret().expose()[..]);
    assert_eq!(access("02-valid-post-quantum", &hybrid_identity())[..], compartment_secret().expose()[..]);
}

/// Compares a file of values with what the code makes of them; makes the file where it is missing.
fn holds(name: &str, value: Value) {
    let path = vectors().join("keys").join(name);
    if writing(&path) {
        json_file(&path, &value);
    }
    assert_eq!(read_json(&path), value, "{name}");
}

#[test]
fn the_key_schedule_holds() {
    let case = |archive: [u8; 16], n: u64, seed: u8| {
        let (s, e, d) = (secret(seed), secret(seed + 1), secret(seed + 2));
        let halves = kdf::ExpiryHalves { record: e.clone(), label: d.clone() };
        let commitments = halves.commitments(&archive, n);
        let access = kdf::access_half(&archive, &s, n);
        let record = kdf::record_key(&archive, &access, &e, n);
        let label_key = kdf::label_key(&archive, &access, &d, n);
        let label = Label { name: "沐阳".into(), files: 3, bytes: 4, bag: [0xba; 32], ..Label::default() };
        assert_eq!(Label::open(&label_key, n, &label.seal(&label_key)).unwrap(), label);
        json!({
            "archive": hex::encode(archive),
            "record": n,
            "compartment_secret": hex::encode(s.expose()),
            "expiry_half": hex::encode(e.expose()),
            "label_expiry_half": hex::encode(d.expose()),
            "access_half": hex::encode(access.expose()),
            "record_key": hex::encode(record.expose()),
            "record_identity": x25519_secret_string(&record).as_str(),
            "label_key": hex::encode(label_key.expose()),
            "note_key": hex::encode(kdf::note_key(&archive, &d, n).expose()),
            "commitment_record": hex::encode(commitments.record),
            "commitment_label": hex::encode(commitments.label),
            "label": label,
            "label_sealed": hex::encode(label.seal(&label_key)),
        })
    };
    holds("schedule.json", json!([case([0; 16], 1, 10), case([0xab; 16], 1, 20), case([0xab; 16], 1 << 40, 20)]));
}

#[test]
fn padded_sizes_hold() {
    let sizes =
        [1u64, 8, 9, 100, 255, 256, 257, 1000, 4096, 65_537, 1 << 20, (1 << 20) + 1, 9_999_999, (1 << 40) + 12_345];
    let padded: Vec<_> = sizes.map(|size| [size, keepuntil::archive::compress::padded_size(size)]).into();
    holds("padded-sizes.json", json!(padded));
}

#[test]
fn trees_hold() {
    let tree = |size: u64| {
        let mut log = keepuntil::tlog::tile::LogBuilder::default();
        let mut members: Vec<String> = Vec::new();
        for leaf in 0..size {
            members.extend(log.push(&leaf.to_be_bytes()).unwrap().into_iter().map(|finished| finished.path));
        }
        let (partial, root) = log.finish();
        members.extend(partial.into_iter().map(|finished| finished.path));
        let members = if size > 1000 { members.split_off(members.len() - 4) } else { members };
        json!({ "size": size, "root": hex::encode(root), "last_members": members })
    };
    holds("trees.json", json!([1, 2, 3, 5, 255, 256, 257, 700, 65_536, 66_000].map(tree)));
}

#[test]
fn root_slots_hold() {
    use keepuntil::keyring::root::RootSlots;
    let keyring = [0x51; 16];
    let slot = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut slot = b"keepuntil root\n\0".to_vec();
        slot.extend_from_slice(&7u64.to_be_bytes());
        slot.extend_from_slice(&keyring);
        slot.extend_from_slice(&[0x77; 32]);
        let check = sha256(&[&slot]);
        slot.extend_from_slice(&check);
        slot.resize(4096, 0);
        change(&mut slot);
        slot
    };
    let cases: [(&str, Vec<u8>); 7] = [
        ("valid", slot(&|_| {})),
        ("empty", vec![0; 4096]),
        ("magic", slot(&|s| s[0] = b'K')),
        ("check", slot(&|s| s[40] ^= 1)),
        ("other keyring", {
            let mut s = slot(&|s| s[24] ^= 1);
            let check = sha256(&[&s[..72]]);
            s[72..104].copy_from_slice(&check);
            s
        }),
        ("not zero behind", slot(&|s| s[4095] = 1)),
        ("short", slot(&|s| s.truncate(4095))),
    ];
    let mut values = Vec::new();
    for (name, content) in cases {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("slot-1"), &content).unwrap();
        let root = RootSlots::open(dir.path()).load(7, &keyring).ok().map(|root| hex::encode(root.expose()));
        assert_eq!(root.is_some(), name == "valid", "{name}");
        let shown = content.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
        values.push(json!({
            "name": name, "keyring": hex::encode(keyring), "generation": 7, "size": content.len(),
            "bytes_before_zeros": if shown < 200 { hex::encode(&content[..shown]) } else { "see root_slots_hold".into() },
            "root": root,
        }));
    }
    holds("root-slots.json", json!(values));
}

#[test]
fn a_damaged_hash_tile_keeps_no_record_from_being_checked() {
    let many = |change: fn(&mut keepuntil::tlog::tile::Finished)| {
        let mut forge = Forge { stored: Box::new(change), ..Forge::default() };
        forge.records = (1..=600).map(|n| Record { file: vec![0; 200], label: vec![n as u8; 272] }).collect();
        forge.build()
    };
    let whole = read_damage(&many(|_| {}));
    assert!(whole.iter().all(|what| what.contains("exactly one X25519 stanza")) && whole.len() == 600);
    let damaged = read_damage(&many(|finished| {
        if finished.path.starts_with("tile/1/") {
            // Among them the hash with which leaf 0 is proved when the archive is opened.
            finished.bytes.fill(0);
        }
    }));
    assert_eq!(damaged.len(), 601, "{:?}", &damaged[..2]);
    assert!(damaged.iter().any(|what| what.starts_with("tile/1/000.p/2: its content")), "{damaged:?}");
}

fn read_damage(bytes: &[u8]) -> Vec<String> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    let mut reader = ArchiveReader::open(file).unwrap();
    verify(&mut reader, 2, &|_| false, &|_| {}).unwrap().damage.into_iter().map(|d| d.what).collect()
}

#[test]
fn no_byte_of_an_archive_can_change_unseen() {
    let bytes = std::fs::read(vectors().join("archive/01-valid/archive.sealed")).unwrap();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        let outcome = read(&changed);
        assert!(outcome.ends.ends_with("damaged"), "byte {at}: {}", outcome.ends);
    }
    for len in (0..bytes.len()).step_by(97) {
        assert_eq!(read(&bytes[..len]).ends, "open damaged", "cut at {len}");
    }
}

#[test]
fn a_proof_ties_a_record_to_its_seal_and_nothing_else_passes() {
    use keepuntil::archive::proof::verify_record_proof;
    let file = std::fs::File::open(vectors().join("archive/01-valid/archive.sealed")).unwrap();
    let mut reader = ArchiveReader::open(file).unwrap();
    let keys = signing_key().verifier_keys();
    let proof = reader.proof(1).unwrap();
    let proved = verify_record_proof(&proof.to_text(), &keys).unwrap();
    assert_eq!((proved.archive, proved.leaf), (ARCHIVE, reader.record(1).unwrap()));
    let text = proof.to_text();
    let others = SigningKey::from_seeds(FIRM, &secret(90), &secret(91)).verifier_keys();
    assert!(verify_record_proof(&text, &others).is_err());
    for bad in [
        text.replacen("index 1", "index 2", 1),
        text.replacen("index 1", "index 01", 1),
        text.replacen("\nindex", "\n\nindex", 1),
        format!("{text}\n"),
        reader.proof(0).unwrap().to_text(),
    ] {
        assert!(verify_record_proof(&bad, &keys).is_err(), "{bad}");
    }
    // A leaf of another log under the same keys is no record, whatever it says.
    let leaf = proof.leaf.clone();
    let root = keepuntil::tlog::merkle::leaf_hash(&leaf);
    for (origin, index) in [(format!("{FIRM}/journal"), 0), (format!("{FIRM}/archive/{}", hex::encode(ARCHIVE)), 0)] {
        let checkpoint = Checkpoint { origin, size: 1, root }.sign(&signing_key(), SEALED_AT);
        let other = keepuntil::tlog::proof::Proof { leaf: leaf.clone(), index, hashes: Vec::new(), checkpoint };
        assert!(other.verify(&keys).is_ok(), "it is a valid proof of some log");
        assert!(verify_record_proof(&other.to_text(), &keys).is_err());
    }
}

fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let place = to.join(entry.file_name());
        if entry.path().is_dir() { copy_tree(&entry.path(), &place) } else { drop(std::fs::copy(entry.path(), place)) }
    }
}

/// What lies below a folder: hashes of files, targets of links.
fn tree(folder: &Path, prefix: &str, into: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().into_string().unwrap());
        let path = entry.path();
        let kind = entry.file_type().unwrap();
        if kind.is_symlink() {
            into.insert(name, format!("-> {}", std::fs::read_link(path).unwrap().display()));
        } else if kind.is_dir() {
            into.insert(format!("{name}/"), String::new());
            tree(&path, &format!("{name}/"), into);
        } else if !name.ends_with(".tlog-proof") {
            into.insert(name, hex::encode(sha256(&[&std::fs::read(path).unwrap()])));
        }
    }
}

#[test]
fn every_build_reads_the_frozen_archives() {
    use keepuntil::keyring::Keyring;
    use keepuntil::ops::NoProgress;
    use keepuntil::ops::open::{Opener, Signer, Trust, open_archive};
    use keepuntil::ops::restore::{RestoreOptions, Selection, restore};
    use keepuntil::ops::verify::{CheckOnly, deep};
    use keepuntil::storage::lock::Sharing;
    let frozen = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/archives/v1");
    let work = tempfile::tempdir().unwrap();
    // Opening a keyring locks it and may touch its catalogue.
    copy_tree(&frozen.join("keyring"), &work.path().join("keyring"));
    copy_tree(&frozen.join("root"), &work.path().join("root"));
    let mut expect = BTreeMap::new();
    for (name, identity) in [("clients", "identity.txt"), ("policy", "classic.txt"), ("many", "classic.txt")] {
        let text = std::fs::read(frozen.join(identity)).unwrap();
        let identities = Identities::parse(identity, &text, &Prompts::none()).unwrap();
        let mut keyring =
            Keyring::open(&work.path().join("keyring"), Sharing::Shared, std::time::Duration::ZERO).unwrap();
        let path = frozen.join(format!("{name}.sealed"));
        let (mut reader, signer) = open_archive(&path, &Trust::default(), Some(&keyring)).unwrap();
        assert_eq!(signer, Signer::KeyringArchive, "{name}");
        let found = verify(&mut reader, 2, &|_| false, &|_| {}).unwrap();
        assert_eq!(
            (found.damage, found.whole, found.bytes),
            (vec![], reader.records(), reader.tail().file_len),
            "{name}"
        );
        let mut opener = Opener::new(&reader, &identities, &mut keyring);
        let opened = deep(&mut reader, &mut opener, 2, &NoProgress, &|_, _| Box::new(CheckOnly)).unwrap();
        assert!(opened.failed.is_empty() && opened.opened == reader.records(), "{name}: {:?}", opened.failed);
        let options = RestoreOptions {
            selection: Selection::All,
            plain: true,
            force: false,
            output: work.path().join(name),
            threads: 2,
            max_members: 1000,
            max_ratio: 1000,
        };
        let interrupted = std::sync::atomic::AtomicBool::new(false);
        let outcome = restore(&mut reader, &mut opener, &options, &interrupted, &NoProgress).unwrap();
        assert!(outcome.failed.is_empty());
        for restored in &outcome.restored {
            let proof = std::fs::read_to_string(&restored.proof).unwrap();
            let proved = keepuntil::archive::proof::verify_record_proof(&proof, reader.keys()).unwrap();
            assert_eq!(proved.leaf.record, restored.record);
        }
        let mut files = BTreeMap::new();
        tree(&options.output, "", &mut files);
        expect.insert(
            name,
            json!({
                "archive": hex::encode(reader.archive()),
                "root": hex::encode(reader.sealed().checkpoint.root),
                "records": reader.records(),
                "restored": files,
            }),
        );
    }
    let path = frozen.join("expect.json");
    if writing(&path) {
        json_file(&path, &json!(expect));
    }
    assert_eq!(read_json(&path), json!(expect));
}
