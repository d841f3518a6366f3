//! The age test vectors of C2SP/CCTV, all of them, against our ways of opening age files.
//!
//! Armored files and passphrases are not part of any file that an archive holds: those vectors must be refused.

mod tools;

use base64::{Engine, prelude::BASE64_STANDARD};
use keepuntil::archive::manifest::check_stanzas;
use keepuntil::crypto::hash::sha256;
use keepuntil::crypto::header::stanza_types;
use keepuntil::crypto::identity::{Identities, Prompts};
use keepuntil::crypto::record_file::{PREFIX, RecordHeader};
use keepuntil::crypto::secret::Secret32;
use keepuntil::crypto::stream::StreamReader;
use keepuntil::crypto::{CryptoError, envelope};
use serde::Deserialize;
use std::io::Read;

/// Larger than any vector.
const LIMIT: u64 = 1 << 30;

#[derive(Deserialize)]
struct Vector {
    name: String,
    expect: String,
    payload: String,
    identities: Vec<String>,
    passphrases: Vec<String>,
    armored: bool,
    file: String,
}

impl Vector {
    fn bytes(&self) -> Vec<u8> {
        BASE64_STANDARD.decode(&self.file).unwrap()
    }

    fn identities(&self) -> Option<Identities> {
        let text = self.identities.join("\n");
        (!text.is_empty()).then(|| Identities::parse(&self.name, text.as_bytes(), &Prompts::none()).unwrap())
    }

    fn is_payload(&self, bytes: &[u8]) -> bool {
        hex::encode(sha256(&[bytes])) == self.payload
    }

    /// Whether it is about something that the files of an archive may hold.
    fn is_in_profile(&self) -> bool {
        !self.armored && self.passphrases.is_empty()
    }
}

fn vectors() -> Option<Vec<Vector>> {
    let modules = tools::tool(tools::NODE_MODULES)?;
    let vectors: Vec<Vector> =
        tools::node(&modules, &[&"vectors"]).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(vectors.len(), 143, "the vectors of cctv-age 0.2.0");
    Some(vectors)
}

fn open(vector: &Vector) -> Result<Vec<u8>, CryptoError> {
    let identities = vector.identities();
    let identities = identities.iter().flat_map(Identities::iter);
    envelope::open(identities, &vector.bytes(), LIMIT).map(|plaintext| plaintext.to_vec())
}

#[test]
fn messages_open_or_fail_as_each_vector_says() {
    let Some(vectors) = vectors() else { return };
    let mut ran = 0;
    for vector in vectors.iter().filter(|vector| vector.is_in_profile()) {
        let outcome = open(vector);
        let as_expected = match (vector.expect.as_str(), &outcome) {
            ("success", Ok(plaintext)) => vector.is_payload(plaintext),
            ("no match", Err(CryptoError::NoIdentity)) => true,
            ("HMAC failure", Err(CryptoError::Damaged("its header does not authenticate"))) => true,
            ("header failure", Err(CryptoError::Header(_))) => true,
            ("payload failure", Err(CryptoError::Damaged("a chunk does not authenticate"))) => true,
            _ => false,
        };
        assert!(as_expected, "{}: {} expected, not {outcome:?}", vector.name, vector.expect);
        ran += 1;
    }
    assert_eq!(ran, 85);
}

#[test]
fn armor_and_passphrases_are_refused() {
    let Some(vectors) = vectors() else { return };
    for vector in vectors.iter().filter(|vector| !vector.is_in_profile()) {
        assert!(open(vector).is_err(), "{}", vector.name);
    }
}

/// The payload of a file that must have the shape of a record, and what it gives out before it fails.
fn open_record(file: &[u8], identity: &str) -> Result<(Vec<u8>, bool), CryptoError> {
    let (_, secret) = bech32::decode(&identity.to_lowercase()).unwrap();
    let key = RecordHeader::parse(file)?.open(&Secret32::from_slice(&secret).unwrap())?;
    let payload = &file[PREFIX..];
    let mut released = Vec::new();
    let whole = match StreamReader::new(&key, payload, payload.len() as u64) {
        Ok(mut stream) => stream.read_to_end(&mut released).is_ok(),
        Err(_) => false,
    };
    Ok((released, whole))
}

/// What the `age` crate's own reader gives out of a payload before it fails.
fn released_by_age(vector: &Vector) -> Vec<u8> {
    let file = vector.bytes();
    let identities = vector.identities().unwrap();
    let mut released = Vec::new();
    let mut reader = age::Decryptor::new_buffered(&file[..]).unwrap().decrypt(identities.iter()).unwrap();
    let _ = reader.read_to_end(&mut released);
    released
}

#[test]
fn our_reader_of_payloads_gives_out_what_each_vector_says_and_no_more() {
    let Some(vectors) = vectors() else { return };
    let mut streams = 0;
    for vector in vectors.iter().filter(|vector| vector.name.starts_with("stream_")) {
        let outcome = open_record(&vector.bytes(), &vector.identities[0]);
        match (vector.expect.as_str(), outcome) {
            ("success", Ok((released, true))) => assert!(vector.is_payload(&released), "{}", vector.name),
            // Ours knows the length, so that it often fails a chunk earlier than a reader that does not.
            ("payload failure", Ok((released, false))) => {
                let most = released_by_age(vector);
                assert!(vector.is_payload(&most) && most.starts_with(&released), "{}", vector.name);
            }
            ("header failure", Err(CryptoError::Header(_))) => {}
            (expect, outcome) => {
                panic!("{}: {expect} expected, not {:?}", vector.name, outcome.map(|(_, whole)| whole))
            }
        }
        streams += 1;
    }
    assert_eq!(streams, 28);
}

#[test]
fn records_are_read_from_files_of_one_shape_only() {
    let Some(vectors) = vectors() else { return };
    let classical = |vector: &&Vector| vector.is_in_profile() && vector.identities.len() == 1;
    let mut opened = Vec::new();
    for vector in vectors.iter().filter(classical).filter(|v| v.identities[0].starts_with("AGE-SECRET-KEY-1")) {
        if let Ok((released, true)) = open_record(&vector.bytes(), &vector.identities[0]) {
            assert!(vector.expect == "success" && vector.is_payload(&released), "{}", vector.name);
            opened.push(vector.name.as_str());
        }
    }
    // No further stanza, grease or several recipients: those files are good age files, but not records.
    let records = opened.into_iter().filter(|name| !name.starts_with("stream_")).collect::<Vec<_>>();
    assert_eq!(records, ["x25519"]);
}

#[test]
fn access_files_may_hold_fewer_stanzas_than_age_allows() {
    let Some(vectors) = vectors() else { return };
    for (name, allowed) in [
        ("hybrid", true),
        ("hybrid_multiple_recipients", true),
        ("hybrid_and_x25519", false),
        ("x25519", true),
        ("x25519_multiple_recipients", true),
        ("scrypt", false),
    ] {
        let vector = vectors.iter().find(|vector| vector.name == name).unwrap();
        let types = stanza_types(&vector.bytes()).unwrap();
        assert_eq!(check_stanzas(&types).is_ok(), allowed, "{name}: {types:?}");
    }
}
