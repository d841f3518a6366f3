//! A second reader of keyrings, from `spec/keyring.md` alone: SQLite, age, JSON.
#![allow(dead_code, reason = "each test file uses a part of it")]

use age::x25519::Identity;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

type Record = (String, u64);

/// What a keyring says.
#[derive(Debug, Clone)]
pub struct View {
    pub generation: u64,
    pub root: Vec<u8>,
    /// Generations whose roots lie in the slots; 0 and a foreign number for what is neither a root nor empty.
    pub roots: Vec<u64>,
    /// Halves of live records.
    pub live: BTreeMap<Record, (String, String)>,
    /// The purge of destroyed ones.
    pub destroyed: BTreeMap<Record, String>,
    pub retentions: BTreeMap<Record, Value>,
    pub documents: BTreeMap<String, Vec<u8>>,
    pub leaves: Vec<Vec<u8>>,
    secrets: Vec<[u8; 32]>,
}

fn identity(secret: &[u8; 32]) -> Identity {
    let hrp = bech32::Hrp::parse("age-secret-key-").unwrap();
    bech32::encode_upper::<bech32::Bech32>(hrp, secret).unwrap().parse().unwrap()
}

fn open(secret: &[u8; 32], file: &[u8]) -> Result<Vec<u8>, String> {
    if file
        .split(|&b| b == b'\n')
        .take_while(|line| !line.starts_with(b"---"))
        .filter(|l| l.starts_with(b"-> "))
        .count()
        != 1
    {
        return Err("not exactly one stanza".into());
    }
    let identity = identity(secret);
    let decryptor = age::Decryptor::new_buffered(file).map_err(|e| e.to_string())?;
    let mut reader = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)).map_err(|e| e.to_string())?;
    let mut text = Vec::new();
    reader.read_to_end(&mut text).map_err(|e| e.to_string())?;
    Ok(text)
}

fn secret(value: &Value) -> [u8; 32] {
    BASE64_STANDARD.decode(value.as_str().unwrap()).unwrap().try_into().unwrap()
}

/// Reads everything that the root of the catalogue's generation opens.
pub fn read(home: &Path) -> Result<View, String> {
    let config: Value = serde_json::from_slice(&std::fs::read(home.join("keyring/keyring.json")).unwrap()).unwrap();
    let id = hex::decode(config["keyring"].as_str().unwrap()).unwrap();
    let folder = home.join("keyring").join(config["root"].as_str().unwrap());
    let catalogue = rusqlite::Connection::open(home.join("keyring/catalogue.sqlite")).unwrap();
    let (generation, table): (u64, Vec<u8>) = catalogue
        .query_row("SELECT generation, key_table FROM state", [], |row| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?)))
        .map_err(|e| e.to_string())?;
    let (mut root, mut roots) = (None, Vec::new());
    for index in 0..2u64 {
        let slot = std::fs::read(folder.join(format!("slot-{index}"))).unwrap();
        if slot.iter().all(|&b| b == 0) {
            continue;
        }
        let number = u64::from_be_bytes(slot[16..24].try_into().unwrap());
        let right = slot.len() == 4096
            && slot[..16] == *b"keepuntil root\n\0"
            && slot[24..40] == id
            && slot[72..104] == Sha256::digest(&slot[..72])[..]
            && slot[104..].iter().all(|&b| b == 0)
            && number % 2 == index;
        roots.push(if right { number } else { u64::MAX });
        if right && number == generation {
            root = Some(slot[40..72].to_vec());
        }
    }
    let root = root.ok_or(format!("no root of generation {generation} among {roots:?}"))?;
    let table = open(root[..].try_into().unwrap(), &table)?;
    let table: Value = serde_json::from_slice(&table).unwrap();
    let mut view = View {
        generation,
        roots,
        live: BTreeMap::new(),
        destroyed: BTreeMap::new(),
        retentions: BTreeMap::new(),
        documents: BTreeMap::new(),
        leaves: Vec::new(),
        secrets: vec![root[..].try_into().unwrap()],
        root,
    };
    let mut statement = catalogue.prepare("SELECT name, body FROM document").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?))).unwrap();
    for row in rows {
        let (name, body) = row.map_err(|e| e.to_string())?;
        let key = secret(&table["documents"][&name]);
        view.secrets.push(key);
        view.documents.insert(name, open(&key, &body)?);
    }
    assert_eq!(view.documents.len(), table["documents"].as_object().unwrap().len());
    let archives: Value = serde_json::from_slice(&view.documents["archives"]).unwrap();
    let mut pages =
        catalogue.prepare("SELECT id, archive, first, count, body FROM page ORDER BY archive, first").unwrap();
    let mut rows = pages.query([]).unwrap();
    let mut ids = BTreeSet::new();
    while let Some(row) = rows.next().map_err(|e| e.to_string())? {
        let page_id = row.get::<_, i64>(0).unwrap().to_string();
        let key = secret(&table["pages"][&page_id]);
        ids.insert(page_id);
        view.secrets.push(key);
        let page: Value = serde_json::from_slice(&open(&key, &row.get::<_, Vec<u8>>(4).unwrap())?).unwrap();
        let archive = page["archive"].as_str().unwrap();
        assert_eq!(archive, hex::encode(row.get::<_, Vec<u8>>(1).unwrap()));
        assert_eq!(page["first"], row.get::<_, i64>(2).unwrap());
        let kept = page["kept"].as_array().unwrap();
        let keys = BASE64_STANDARD.decode(page["keys"].as_str().unwrap()).unwrap();
        assert_eq!(kept.len() as i64, row.get::<_, i64>(3).unwrap());
        assert_eq!((keys.len(), page["compartments"].as_array().unwrap().len()), (64 * kept.len(), kept.len()));
        for ((number, kept), halves) in (page["first"].as_u64().unwrap()..).zip(kept).zip(keys.chunks(64)) {
            let place = (archive.to_owned(), number);
            let retention = page["retentions"][kept.as_u64().unwrap() as usize].clone();
            view.retentions.insert(place.clone(), retention);
            let half = |half: &[u8]| BASE64_STANDARD.encode(half);
            match page["destroyed"].get(number.to_string()) {
                None => drop(view.live.insert(place, (half(&halves[..32]), half(&halves[32..])))),
                Some(purge) if halves == [0; 64] => drop(view.destroyed.insert(place, purge.as_str().unwrap().into())),
                Some(_) => return Err(format!("record {number} is destroyed and has keys")),
            }
        }
    }
    assert_eq!(ids.len(), table["pages"].as_object().unwrap().len());
    for archive in archives["archives"].as_array().unwrap() {
        let records = view.retentions.keys().filter(|(id, _)| *id == archive["archive"].as_str().unwrap()).count();
        assert_eq!(records as u64 + 1, archive["size"].as_u64().unwrap());
    }
    let mut leaves = catalogue.prepare("SELECT body FROM log_leaf ORDER BY idx").unwrap();
    view.leaves = leaves.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    Ok(view)
}

/// The bytes of every file below a folder.
pub fn everything_below(folder: &Path) -> Vec<u8> {
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let all =
        paths.iter().map(|path| if path.is_dir() { everything_below(path) } else { std::fs::read(path).unwrap() });
    all.collect::<Vec<_>>().concat()
}

/// Headers of age files in `copies`, wherever in their files (tables, journals, free pages), that a secret of the
/// keyring in `home` opens although the keyring does not hold them itself.
pub fn copies_opened_by(home: &Path, copies: &[&Path]) -> Vec<String> {
    const HEADER: usize = 184;
    let headers = |folder: &Path| -> BTreeSet<Vec<u8>> {
        let bytes = everything_below(folder);
        let starts = bytes.windows(22).enumerate().filter(|(_, w)| *w == b"age-encryption.org/v1\n").map(|(at, _)| at);
        starts.filter_map(|at| bytes.get(at..at + HEADER)).map(<[u8]>::to_vec).collect()
    };
    let (now, secrets) = (headers(home), read(home).unwrap().secrets);
    assert!(!now.is_empty());
    let identities: Vec<Identity> = secrets.iter().map(identity).collect();
    let mut opened = Vec::new();
    for header in copies.iter().flat_map(|copy| headers(copy)).filter(|header| !now.contains(header)) {
        let Ok(decryptor) = age::Decryptor::new_buffered(&header[..]) else { continue };
        if decryptor.decrypt(identities.iter().map(|identity| identity as &dyn age::Identity)).is_ok() {
            opened.push(String::from_utf8_lossy(&header[22..80]).into_owned());
        }
    }
    opened
}
