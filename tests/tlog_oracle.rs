//! Our transparency log against other people's code for the same specifications: `tlog_tiles` and `signed_note`.

mod tools;

use base64::{Engine, prelude::BASE64_STANDARD};
use keepuntil::crypto::hash::Hash;
use keepuntil::crypto::secret::Secret32;
use keepuntil::crypto::sign::SigningKey;
use keepuntil::tlog::checkpoint::Checkpoint;
use keepuntil::tlog::merkle::{TileSource, inclusion_proof, leaf_hash};
use keepuntil::tlog::note::Note;
use keepuntil::tlog::tile::{Finished, LogBuilder, TILE_WIDTH, bundle_entries, path, tile_hashes, width};
use std::collections::HashMap;
use tlog_tiles::{HashReader, Tile};

/// A log as our builder writes it.
struct Log {
    size: u64,
    root: Hash,
    tiles: HashMap<String, Vec<u8>>,
}

fn log(size: u64) -> Log {
    let mut builder = LogBuilder::default();
    let mut tiles = HashMap::new();
    let mut keep = |finished: Vec<Finished>| tiles.extend(finished.into_iter().map(|f| (f.path, f.bytes)));
    for leaf in 0..size {
        keep(builder.push(format!("entry {leaf}").as_bytes()).unwrap());
    }
    let (partial, root) = builder.finish();
    keep(partial);
    Log { size, root, tiles }
}

impl TileSource for Log {
    type Error = std::convert::Infallible;

    fn tile(&mut self, level: u32, index: u64, width: usize) -> Result<Vec<Hash>, Self::Error> {
        if level == 0 {
            let bundle = &self.tiles[&path("entries", index, width)];
            return Ok(bundle_entries(bundle, width).unwrap().into_iter().map(leaf_hash).collect());
        }
        Ok(tile_hashes(&self.tiles[&path(level, index, width)], width).unwrap())
    }
}

/// All hashes of a tree as `tlog_tiles` numbers and computes them.
struct StoredHashes(Vec<tlog_tiles::Hash>);

impl HashReader for StoredHashes {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::tlog::Error> {
        Ok(indexes.iter().map(|&index| self.0[index as usize]).collect())
    }
}

impl StoredHashes {
    fn of(size: u64) -> Self {
        let mut stored = Self(Vec::new());
        for leaf in 0..size {
            let more = tlog_tiles::stored_hashes(leaf, format!("entry {leaf}").as_bytes(), &stored).unwrap();
            stored.0.extend(more);
        }
        stored
    }
}

#[test]
fn roots_proofs_and_tiles_are_those_of_another_implementation() {
    for size in [1, 2, 3, 7, 8, 255, 256, 257, 511, 513, 65_536, 65_793] {
        let mut ours = log(size);
        let theirs = StoredHashes::of(size);
        let root = tlog_tiles::tree_hash(size, &theirs).unwrap();
        assert_eq!(ours.root, root.0, "size {size}");
        for leaf in [0, 1, size / 3, size / 2, size.saturating_sub(2), size - 1] {
            let leaf = leaf.min(size - 1);
            let proof = inclusion_proof(&mut ours, size, leaf).unwrap();
            let expected = tlog_tiles::prove_record(size, leaf, &theirs).unwrap();
            assert_eq!(proof, expected.iter().map(|hash| hash.0).collect::<Vec<_>>(), "leaf {leaf} of {size}");
            let hash = tlog_tiles::record_hash(format!("entry {leaf}").as_bytes());
            let proof = proof.into_iter().map(tlog_tiles::Hash).collect();
            tlog_tiles::check_record(&proof, size, root, leaf, hash).unwrap();
        }
        // The tiles above the leaves hold the same bytes under the same names (which they begin with the height).
        let tiles = Tile::new_tiles(8, 0, ours.size).into_iter().filter(|tile| tile.level() > 0);
        let mut compared = 0;
        for tile in tiles.filter(|tile| width(size, tile.level().into(), tile.level_index()) == tile.width() as usize) {
            let name = tile.path().replacen("tile/8/", "tile/", 1);
            assert_eq!(ours.tiles.get(&name), Some(&tile.read_data(&theirs).unwrap()), "{name} of {size}");
            compared += 1;
        }
        assert_eq!(compared, ours.tiles.keys().filter(|name| !name.starts_with("tile/entries/")).count());
        let full = (size / TILE_WIDTH as u64) as usize;
        assert_eq!(ours.tiles.len() - compared, full + usize::from(!size.is_multiple_of(TILE_WIDTH as u64)));
    }
}

#[test]
fn another_implementation_reads_and_verifies_our_seals() {
    let key = SigningKey::from_seeds("firm.example", &Secret32::random(), &Secret32::random());
    let checkpoint = Checkpoint { origin: "firm.example/archive/00".into(), size: 1234, root: [0xa5; 32] };
    let signed = checkpoint.sign(&key, 1_700_000_000);
    let note = signed_note::Note::from_bytes(signed.as_bytes()).unwrap();
    assert_eq!(note.to_bytes(), signed.as_bytes());
    let verifier = signed_note::StandardVerifier::new(&key.verifier_keys()[0].to_string()).unwrap();
    let known = signed_note::VerifierList::new(vec![Box::new(verifier)]);
    let (verified, unknown) = note.verify(&known).unwrap();
    assert_eq!((verified.len(), unknown.len()), (1, 1), "the second signature is of a type that it does not know");
    let theirs = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
    assert_eq!((theirs.origin(), theirs.size(), theirs.hash().0), ("firm.example/archive/00", 1234, [0xa5; 32]));
    assert_eq!(theirs.extension(), "");

    let mut changed = signed.clone().into_bytes();
    changed[3] ^= 1;
    assert!(signed_note::Note::from_bytes(&changed).unwrap().verify(&known).is_err());
}

#[test]
fn both_refuse_the_same_notes_and_we_read_theirs() {
    let (secret, public) = signed_note::generate_key(&mut rand::rngs::OsRng, "example.com/log");
    let signer = signed_note::StandardSigner::new(&secret).unwrap();
    let mut note = signed_note::Note::new(b"example.com/log\n1\nroot\n", &[]).unwrap();
    note.add_sigs(&[&signer]).unwrap();
    let good = String::from_utf8(note.to_bytes()).unwrap();
    let ours = Note::parse(good.as_bytes()).unwrap();
    let key: keepuntil::crypto::sign::VerifierKey = public.parse().unwrap();
    assert_eq!((ours.signatures[0].name, ours.signatures[0].id), (key.name.as_str(), key.id()));
    assert!(key.verifies(ours.text.as_bytes(), &ours.signatures[0].signature));

    let line = good.lines().last().unwrap();
    for bad in [
        String::new(),
        "text\n".into(),
        good.trim_end().into(),
        good.replace("\n\n", "\n"),
        good.replace("— ", "- "),
        good.replace("— example.com/log ", "— "),
        good.replace("— example.com/log ", "—  "),
        good.replace("— example.com/log ", "— a+b "),
        good.replace("root", "ro\tot"),
        format!("{good}\n"),
        format!("{good}text\n"),
        good.replace(line, "— example.com/log AAAA"),
        good.replace(line, "— example.com/log !!!!"),
        format!("{good}{}", format!("{line}\n").repeat(100)),
    ] {
        assert!(Note::parse(bad.as_bytes()).is_err(), "we read {bad:?}");
        assert!(signed_note::Note::from_bytes(bad.as_bytes()).is_err(), "they read {bad:?}");
    }
}

#[test]
fn the_proofs_beside_restored_records_verify_elsewhere() {
    let home = tools::Home::new();
    home.seal_clients(&[]);
    home.keepuntil(&["restore", "firm.sealed", "--all", "-o", "out"]);
    let vkeys = home.keepuntil(&["keyring", "info", "--vkeys"]);
    let verifier = signed_note::StandardVerifier::new(vkeys.lines().next().unwrap()).unwrap();
    let known = signed_note::VerifierList::new(vec![Box::new(verifier)]);
    let files = std::fs::read_dir(home.path("out")).unwrap().map(|entry| entry.unwrap().path());
    let mut verified = Vec::new();
    for file in files.filter(|path| path.extension().is_some_and(|extension| extension == "tlog-proof")) {
        let text = std::fs::read_to_string(&file).unwrap();
        let (head, checkpoint) = text.split_once("\n\n").unwrap();
        let mut lines = head.lines();
        assert_eq!(lines.next(), Some("c2sp.org/tlog-proof@v1"));
        let leaf = BASE64_STANDARD.decode(lines.next().unwrap().strip_prefix("extra ").unwrap()).unwrap();
        let index = lines.next().unwrap().strip_prefix("index ").unwrap().parse().unwrap();
        let path = lines.map(|line| tlog_tiles::Hash::parse_hash(line).unwrap()).collect();
        let note = signed_note::Note::from_bytes(checkpoint.as_bytes()).unwrap();
        note.verify(&known).unwrap();
        let head = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
        tlog_tiles::check_record(&path, head.size(), *head.hash(), index, tlog_tiles::record_hash(&leaf)).unwrap();
        verified.push(index);
    }
    verified.sort_unstable();
    assert_eq!(verified, (1..=8).collect::<Vec<u64>>());
}
