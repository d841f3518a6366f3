//! What `spec/` demands of writers and keyrings, as far as no file can show it: see `spec/coverage.toml`.

mod forge;

use base64::{Engine, prelude::BASE64_STANDARD};
use forge::*;
use keepuntil::archive::layout;
use keepuntil::archive::reader::ArchiveReader;
use keepuntil::crypto::identity::{Identities, Prompts, x25519_identity, x25519_secret_string};
use keepuntil::crypto::kdf::{self, ArchiveId, ExpiryHalves};
use keepuntil::crypto::recipient::Recipients;
use keepuntil::crypto::secret::Secret32;
use keepuntil::crypto::{CryptoError, envelope};
use keepuntil::keyring::export::Export;
use keepuntil::keyring::{
    Deposit, Keyring, KeyringError, KnownArchive, KnownCompartment, NewRecord, Recovered, Update,
};
use keepuntil::ops::OpsError;
use keepuntil::ops::create::{CompartmentOptions, CreateOptions, CreateOutcome, create};
use keepuntil::ops::open::{Opener, Signer, Trust, open_archive};
use keepuntil::ops::plan::Grouping;
use keepuntil::ops::{NoProgress, keys};
use keepuntil::retention::{AtExpiry, Class, Retention, parse_date};
use keepuntil::storage::StorageError;
use keepuntil::storage::lock::{Lock, Sharing};
use keepuntil::storage::output::OutputFile;
use keepuntil::storage::source::Names;
use serde_json::Value;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// A folder with a source tree and a keyring.
struct World {
    dir: tempfile::TempDir,
}

fn retention() -> Retention {
    Retention::until(parse_date("2036-12-31").unwrap(), AtExpiry::Destroy)
}

impl World {
    fn new() -> Self {
        let world = Self { dir: tempfile::tempdir().unwrap() };
        Keyring::create(&world.keyring_dir(), &world.root_dir(), FIRM).unwrap();
        std::fs::create_dir(world.source()).unwrap();
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn keyring_dir(&self) -> PathBuf {
        self.path("keyring")
    }

    fn root_dir(&self) -> PathBuf {
        self.path("root")
    }

    fn source(&self) -> PathBuf {
        self.path("source")
    }

    fn keyring(&self) -> Result<Keyring, KeyringError> {
        Keyring::open(&self.keyring_dir(), Sharing::Exclusive, Duration::ZERO)
    }

    fn catalogue(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.keyring_dir().join("catalogue.sqlite")).unwrap()
    }

    fn create<W: Write>(&self, out: W, skip_unreadable: bool) -> Result<(CreateOutcome, W), OpsError> {
        let options = CreateOptions {
            sources: vec![self.source()],
            names: Names::default(),
            grouping: Grouping::PerEntry { retention: retention(), rules: Default::default(), dated: None },
            compartments: vec![CompartmentOptions {
                name: "records".into(),
                class: Class::Confidential,
                recipients: Recipients::of_x25519(&reader_secret()),
                pad: true,
            }],
            keyring: self.keyring_dir(),
            wait: Duration::ZERO,
            deposit_wait: Duration::ZERO,
            created: chrono::DateTime::parse_from_rfc3339("2027-01-15T08:00:00+08:00").unwrap(),
            clock: &chrono::Utc::now,
            skip_unreadable,
            threads: 2,
            output: None,
        };
        create(&options, out, &AtomicBool::new(false), &NoProgress)
    }

    fn archive(&self) -> (CreateOutcome, Vec<u8>) {
        self.create(Vec::new(), false).unwrap()
    }

    fn saved(&self, bytes: &[u8]) -> PathBuf {
        let path = self.path("archive.sealed");
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// The root secret, read from its slot as `spec/keyring.md` describes it.
    fn root(&self, generation: u64) -> Secret32 {
        let slot = std::fs::read(self.root_dir().join(format!("slot-{}", generation % 2))).unwrap();
        assert_eq!(&slot[..16], b"keepuntil root\n\0");
        assert_eq!(slot[16..24], generation.to_be_bytes());
        Secret32::from_slice(&slot[40..72]).unwrap()
    }

    /// A world with a copy of another's keyring and root.
    fn copy_of(other: &Self) -> Self {
        let world = Self { dir: tempfile::tempdir().unwrap() };
        std::fs::create_dir(world.source()).unwrap();
        for (from, to) in [(other.keyring_dir(), world.keyring_dir()), (other.root_dir(), world.root_dir())] {
            std::fs::create_dir(&to).unwrap();
            for entry in std::fs::read_dir(from).unwrap() {
                let entry = entry.unwrap();
                std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
            }
        }
        let path = world.keyring_dir().join("keyring.json");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace(other.root_dir().to_str().unwrap(), "../root")).unwrap();
        world
    }

    /// Changes a sealed document, as only whoever has the root can.
    fn change_document(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let identity = decoded(&self.table()["documents"][name]);
        let sealed: Vec<u8> =
            self.catalogue().query_row("SELECT body FROM document WHERE name = ?1", [name], |row| row.get(0)).unwrap();
        let mut document: Value = serde_json::from_slice(&opened(&identity, &sealed)).unwrap();
        change(&mut document);
        let body = envelope::seal(&Recipients::of_x25519(&identity), document.to_string().as_bytes()).unwrap();
        self.catalogue().execute("UPDATE document SET body = ?1 WHERE name = ?2", (body, name)).unwrap();
    }

    fn table(&self) -> Value {
        let sealed: Vec<u8> = self.catalogue().query_row("SELECT key_table FROM state", [], |row| row.get(0)).unwrap();
        serde_json::from_slice(&opened(&self.root(0), &sealed)).unwrap()
    }
}

fn opened(secret: &Secret32, sealed: &[u8]) -> Vec<u8> {
    let identity = x25519_identity(secret);
    envelope::open(std::iter::once(&identity as &dyn age::Identity), sealed, 1 << 20).unwrap().to_vec()
}

fn decoded(value: &Value) -> Secret32 {
    Secret32::from_slice(&BASE64_STANDARD.decode(value.as_str().unwrap()).unwrap()).unwrap()
}

fn identities() -> Identities {
    Identities::parse("test", x25519_secret_string(&reader_secret()).as_bytes(), &Prompts::none()).unwrap()
}

fn new_record(halves: ExpiryHalves) -> NewRecord {
    NewRecord { halves, compartment: 0, retention: retention().into() }
}

fn known(id: ArchiveId, records: u64) -> KnownArchive {
    KnownArchive {
        id,
        origin: format!("{FIRM}/archive/{}", hex::encode(id)),
        size: records + 1,
        root: [7; 32],
        deposited: "2027-01-15T08:00:00+08:00".into(),
        compartments: vec![KnownCompartment { name: "records".into(), class: Class::Confidential }],
    }
}

/// Deposits as many records as `records`, of an archive that need not exist.
fn deposit(keyring: &mut Keyring, id: ArchiveId, records: u64) -> Vec<ExpiryHalves> {
    let records: Vec<_> = (0..records).map(|_| new_record(ExpiryHalves::random())).collect();
    let archive = known(id, records.len() as u64);
    keyring.deposit(&Deposit { archive, records: &records, leaves: &[] }).unwrap();
    records.into_iter().map(|record| record.halves).collect()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

fn everything_in(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        all.extend(if path.is_dir() { everything_in(&path) } else { std::fs::read(path).unwrap() });
    }
    all
}

/// The 32 bytes of the recipient of an X25519 secret, and its string.
fn recipient(secret: &Secret32) -> (Vec<u8>, String) {
    let text = x25519_identity(secret).to_public().to_string();
    let (_, bytes) = bech32::decode(&text).unwrap();
    (bytes, text)
}

fn assert_not_in(haystack: &[u8], secret: &[u8]) {
    use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
    assert!(!contains(haystack, secret));
    assert!(!contains(haystack, hex::encode(secret).as_bytes()));
    assert!(!contains(haystack, BASE64_STANDARD_NO_PAD.encode(secret).as_bytes()));
}

#[test]
fn neither_halves_nor_recipients_of_records_stand_in_the_archive() {
    let world = World::new();
    std::fs::write(world.source().join("a name"), b"what the file says").unwrap();
    let (outcome, bytes) = world.archive();
    let path = world.saved(&bytes);
    let mut keyring = world.keyring().unwrap();
    let halves = keyring.halves(&outcome.archive, 1).unwrap();
    let (mut reader, _) = open_archive(&path, &Trust::default(), None).unwrap();
    let leaf = reader.record(1).unwrap();
    let identities = identities();
    let key = Opener::new(&reader, &identities, &mut keyring).record_key(&reader, &leaf).unwrap();
    let (point, text) = recipient(&key);
    for secret in [&halves.record.expose()[..], halves.label.expose(), key.expose(), &point] {
        assert_not_in(&bytes, secret);
    }
    assert!(!contains(&bytes, text.as_bytes()));
    assert!(!contains(&bytes, b"what the file says") && !contains(&bytes, b"a name"));
}

#[test]
fn halves_and_secrets_are_fresh_for_every_attempt() {
    let world = World::new();
    std::fs::write(world.source().join("a"), b"content").unwrap();
    let attempt = || {
        let (outcome, bytes) = world.archive();
        let path = world.saved(&bytes);
        let (reader, _) = open_archive(&path, &Trust::default(), None).unwrap();
        let secret = opened(&reader_secret(), &reader.access_file("records").unwrap());
        (outcome.archive, world.keyring().unwrap().halves(&outcome.archive, 1).unwrap(), secret)
    };
    let (first, second) = (attempt(), attempt());
    assert_ne!(first.0, second.0);
    assert_ne!(first.1.record, second.1.record);
    assert_ne!(first.1.label, second.1.label);
    assert_ne!(first.1.record, first.1.label);
    assert_ne!(first.2, second.2);
    assert_eq!(first.2.len(), 32);
}

#[test]
fn records_are_numbered_in_random_order() {
    let world = World::new();
    for n in 0..64 {
        std::fs::write(world.source().join(format!("{n:02}")), b"").unwrap();
    }
    let (_, bytes) = world.archive();
    let path = world.saved(&bytes);
    let mut keyring = world.keyring().unwrap();
    let (mut reader, _) = open_archive(&path, &Trust::default(), Some(&keyring)).unwrap();
    let identities = identities();
    let mut opener = Opener::new(&reader, &identities, &mut keyring);
    let mut names = Vec::new();
    for n in 1..=64 {
        let leaf = reader.record(n).unwrap();
        names.push(opener.label(&reader, &leaf).unwrap().name);
    }
    assert!(!names.is_sorted());
}

#[test]
fn keys_inside_an_archive_prove_nothing() {
    let world = World::new();
    let path = world.saved(&Forge::default().build());
    let signer = |trust: Trust, keyring: Option<&Keyring>| open_archive(&path, &trust, keyring).map(|(_, s)| s);
    assert_eq!(signer(Trust::default(), None).unwrap(), Signer::Unknown);
    // Another keyring of the same firm's name says nothing of it either.
    assert_eq!(signer(Trust::default(), Some(&world.keyring().unwrap())).unwrap(), Signer::Unknown);
    let [ed25519, ml_dsa_44] = signing_key().verifier_keys();
    let both = Trust { pinned: vec![ed25519.clone(), ml_dsa_44] };
    assert_eq!(signer(both, None).unwrap(), Signer::Pinned { post_quantum: true });
    assert_eq!(signer(Trust { pinned: vec![ed25519] }, None).unwrap(), Signer::Pinned { post_quantum: false });
    let foreign = Trust { pinned: world.keyring().unwrap().verifier_keys().into() };
    assert!(matches!(signer(foreign, None), Err(OpsError::ForeignSeal { .. })));
}

#[test]
fn an_access_file_holds_exactly_32_bytes() {
    for secret in [&[3u8; 31][..], &[3; 33], &[3; 32]] {
        let world = World::new();
        let mut forge = Forge::default();
        forge.access[0].1 = envelope::seal(&Recipients::of_x25519(&reader_secret()), secret).unwrap();
        let path = world.saved(&forge.build());
        let (mut reader, _) = open_archive(&path, &Trust::default(), None).unwrap();
        let leaf = reader.record(1).unwrap();
        let mut keyring = world.keyring().unwrap();
        let records = [1, 2].map(|n| new_record(halves(n)));
        keyring.deposit(&Deposit { archive: known(ARCHIVE, 2), records: &records, leaves: &[] }).unwrap();
        let identities = identities();
        let opened = Opener::new(&reader, &identities, &mut keyring).label(&reader, &leaf);
        assert_eq!(opened.is_ok(), secret.len() == 32, "{} bytes: {opened:?}", secret.len());
    }
}

#[test]
fn other_halves_are_not_called_damage() {
    let world = World::new();
    let path = world.saved(&Forge::default().build());
    let (mut reader, _) = open_archive(&path, &Trust::default(), None).unwrap();
    let mut keyring = world.keyring().unwrap();
    deposit(&mut keyring, ARCHIVE, 2);
    let leaf = reader.record(1).unwrap();
    let identities = identities();
    let mut opener = Opener::new(&reader, &identities, &mut keyring);
    assert!(matches!(opener.label(&reader, &leaf), Err(OpsError::ForeignKeys(1))));
    assert!(matches!(opener.record_key(&reader, &leaf), Err(OpsError::ForeignKeys(1))));
}

#[test]
fn post_quantum_and_classical_recipients_are_not_mixed() {
    let hybrid = keepuntil::crypto::identity::generate(false).recipient;
    let classical = keepuntil::crypto::identity::generate(true).recipient;
    let mixed = Recipients::parse(&[hybrid, classical], &Prompts::none()).unwrap();
    assert!(matches!(envelope::seal(&mixed, b""), Err(CryptoError::MixedRecipients)));
}

/// Looks into the keyring when the first byte of the checkpoint member arrives.
struct Watching<'a> {
    world: &'a World,
    seen: Vec<u8>,
    known_at_checkpoint: Option<bool>,
    known_before: bool,
}

impl Write for Watching<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let known = || !self.world.keyring().unwrap().archives().unwrap().is_empty();
        if bytes.starts_with(b"checkpoint\0") {
            self.known_at_checkpoint = Some(known());
        } else if bytes.starts_with(b"records/") {
            self.known_before |= known();
        }
        self.seen.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_deposit_is_there_before_the_checkpoint() {
    let world = World::new();
    std::fs::write(world.source().join("a"), b"content").unwrap();
    let watching = Watching { world: &world, seen: Vec::new(), known_at_checkpoint: None, known_before: false };
    let (outcome, watching) = world.create(watching, false).unwrap();
    assert_eq!((watching.known_before, watching.known_at_checkpoint), (false, Some(true)));
    let known = world.keyring().unwrap().known_archive(&outcome.archive).unwrap().unwrap();
    assert_eq!((known.root, known.size, known.origin), (outcome.root, 2, outcome.origin));
}

/// Fails after some bytes.
struct Failing(usize);

impl Write for Failing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or_else(|| std::io::Error::other("the disk is full"))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_archive_that_fails_leaves_no_file_and_no_deposit() {
    let world = World::new();
    std::fs::write(world.source().join("a"), b"content").unwrap();
    assert!(world.create(Failing(9000), false).is_err());
    assert!(world.keyring().unwrap().archives().unwrap().is_empty());
    let path = world.path("out");
    let mut file = OutputFile::begin(&path, 0o644, false).unwrap();
    file.write_all(b"half").unwrap();
    assert!(!path.exists());
    drop(file);
    assert!(!path.exists());
    assert!(
        std::fs::read_dir(world.dir.path())
            .unwrap()
            .all(|e| !contains(e.unwrap().file_name().as_encoded_bytes(), b"out"))
    );
}

#[test]
fn what_is_left_out_is_named() {
    let world = World::new();
    std::fs::create_dir(world.source().join("a")).unwrap();
    std::fs::write(world.source().join("a/kept"), b"content").unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(world.source().join("a/socket")).unwrap();
    assert!(matches!(world.create(Vec::new(), false), Err(OpsError::Problems(problems)) if problems.len() == 1));
    let (outcome, bytes) = world.create(Vec::new(), true).unwrap();
    assert_eq!(outcome.skipped.len(), 1);
    let path = world.saved(&bytes);
    let mut keyring = world.keyring().unwrap();
    let (mut reader, _) = open_archive(&path, &Trust::default(), Some(&keyring)).unwrap();
    let leaf = reader.record(1).unwrap();
    let identities = identities();
    let label = Opener::new(&reader, &identities, &mut keyring).label(&reader, &leaf).unwrap();
    assert!(label.skipped[0].contains("socket"));
    let key = Opener::new(&reader, &identities, &mut keyring).record_key(&reader, &leaf).unwrap();
    let mut stream = keepuntil::archive::record::open(reader.file().clone(), &leaf, &key).unwrap();
    let mut tar = Vec::new();
    std::io::Read::read_to_end(&mut stream, &mut tar).unwrap();
    assert!(contains(&tar, b"skipped.txt") && contains(&tar, b"it is a socket"));
}

#[test]
fn the_other_writer_makes_the_same_bytes() {
    let forge = Forge { records: Vec::new(), ..Forge::default() };
    let bytes = forge.build();
    let mut preamble = vec![
        ("README.txt".to_owned(), b"A test vector: spec/archive.md says what it is.\n".to_vec()),
        ("archive.json".to_owned(), forge.manifest.to_bytes()),
    ];
    preamble.extend(forge.access.clone());
    let writer =
        keepuntil::archive::writer::ArchiveWriter::begin(Vec::new(), &forge.manifest.archive, &preamble).unwrap();
    let at = find(&bytes, "checkpoint");
    let size = tar::Header::from_byte_slice(&bytes[at..at + 512]).size().unwrap() as usize;
    let seal = String::from_utf8(bytes[at + 512..at + 512 + size].to_vec()).unwrap();
    let (written, _) = writer.finish::<keepuntil::archive::ArchiveError>(|_| Ok(seal)).unwrap();
    assert_eq!(written, bytes);
}

#[test]
fn an_archive_is_opened_from_its_end_and_one_record_reads_few_bytes() {
    let world = World::new();
    let records = (1..=600).map(|_| Record { file: vec![0; 200], label: vec![0; 272] }).collect();
    let mut bytes = Forge { records, ..Forge::default() }.build();
    // Garbage in records that nobody asks for goes unnoticed: they are not read.
    let places: Vec<_> = (2..600).map(|n| find(&bytes, &layout::record_member(n, 0))).collect();
    for at in places {
        bytes[at..at + 1024].fill(0xff);
    }
    let path = world.saved(&bytes);
    let mut reader = ArchiveReader::open(std::fs::File::open(path).unwrap()).unwrap();
    assert_eq!(reader.record(600).unwrap().record, 600);
}

#[test]
fn a_new_keyring_is_private_and_replaces_nothing() {
    let world = World::new();
    let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(world.keyring_dir()), mode(world.root_dir())), (0o700, 0o700));
    assert_eq!(mode(world.root_dir().join("slot-0")), 0o600);
    assert_eq!(mode(world.keyring_dir().join("catalogue.sqlite")), 0o600);
    let tag = std::fs::read_to_string(world.root_dir().join("CACHEDIR.TAG")).unwrap();
    assert!(tag.starts_with("Signature: 8a477f597d28d172789f06886806bc55\n"));
    let again = Keyring::create(&world.keyring_dir(), &world.path("root2"), FIRM);
    assert!(matches!(again, Err(KeyringError::Storage(StorageError::Exists(_)))));
    for name in ["", "a b", "a+b", "a\nb", &"x".repeat(201)] {
        let made = Keyring::create(&world.path("other"), &world.path("root3"), name);
        assert!(matches!(made, Err(KeyringError::FirmName(_))), "{name:?}");
    }
    std::fs::remove_file(world.keyring_dir().join("keyring.json")).unwrap();
    assert!(matches!(world.keyring(), Err(KeyringError::Missing(_))));
}

#[test]
fn a_changed_configuration_is_refused() {
    let world = World::new();
    let path = world.keyring_dir().join("keyring.json");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("{\n  \"format\": \"keepuntil-keyring/v1\",\n  \"keyring\": \""));
    for (from, to) in [
        ("keyring/v1", "keyring/v2"),
        ("\"firm\"", "\"note\": 1,\n  \"firm\""),
        (FIRM, "a firm"),
        ("\"keyring\": \"", "\"keyring\": \"00"),
    ] {
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
        assert!(world.keyring().is_err(), "{to}");
    }
}

#[test]
fn a_relative_root_lies_beside_the_keyring() {
    let world = World::new();
    let path = world.keyring_dir().join("keyring.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace(world.root_dir().to_str().unwrap(), "../root")).unwrap();
    world.keyring().unwrap();
}

#[test]
fn slots_are_overwritten_in_place_with_independent_roots() {
    let world = World::new();
    let slot = world.root_dir().join("slot-0");
    let before = std::fs::metadata(&slot).unwrap();
    let first = world.root(0);
    let slots = keepuntil::keyring::root::RootSlots::open(&world.root_dir());
    slots.store(2, &[0; 16], &Secret32::random()).unwrap();
    let after = std::fs::metadata(&slot).unwrap();
    assert_eq!((before.ino(), before.len()), (after.ino(), after.len()));
    assert_eq!(after.len(), 4096);
    assert!(!contains(&std::fs::read(&slot).unwrap(), first.expose()));
    assert_ne!(World::new().root(0), World::new().root(0));
}

#[test]
fn an_older_catalogue_and_a_missing_root_have_errors_of_their_own() {
    let world = World::new();
    let id: [u8; 16] = {
        let slot = std::fs::read(world.root_dir().join("slot-0")).unwrap();
        slot[24..40].try_into().unwrap()
    };
    let slots = keepuntil::keyring::root::RootSlots::open(&world.root_dir());
    let zero = world.root(0);
    // Both roots are there: the catalogue's generation decides, and who may change the keyring clears up.
    slots.store(1, &id, &Secret32::random()).unwrap();
    let reader = Keyring::open(&world.keyring_dir(), Sharing::Shared, Duration::ZERO).unwrap();
    assert!(reader.unfinished() && reader.generation() == 0);
    drop(reader);
    assert_eq!(world.keyring().unwrap().recovered(), Recovered::Undone);
    assert_eq!(std::fs::read(world.root_dir().join("slot-1")).unwrap(), [0; 4096]);
    // Only the later one is there: nothing is written.
    slots.store(1, &id, &Secret32::random()).unwrap();
    std::fs::write(world.root_dir().join("slot-0"), [0; 4096]).unwrap();
    assert!(matches!(world.keyring(), Err(KeyringError::CatalogueOlder { catalogue: 0, root: 1 })));
    assert_ne!(std::fs::read(world.root_dir().join("slot-1")).unwrap(), [0; 4096]);
    std::fs::write(world.root_dir().join("slot-1"), [0; 4096]).unwrap();
    assert!(matches!(world.keyring(), Err(KeyringError::RootMissing(0, _))));
    slots.store(0, &id, &zero).unwrap();
    world.keyring().unwrap();
}

#[test]
fn another_schema_or_root_is_damage() {
    let world = World::new();
    let id: [u8; 16] = std::fs::read(world.root_dir().join("slot-0")).unwrap()[24..40].try_into().unwrap();
    let slots = keepuntil::keyring::root::RootSlots::open(&world.root_dir());
    let right = world.root(0);
    slots.store(0, &id, &Secret32::random()).unwrap();
    assert!(matches!(world.keyring(), Err(KeyringError::Damaged(_))));
    slots.store(0, &id, &right).unwrap();
    let mut table = world.table();
    table["note"] = 1.into();
    let recipients = Recipients::of_x25519(&right);
    let sealed = envelope::seal(&recipients, table.to_string().as_bytes()).unwrap();
    let before: Vec<u8> = world.catalogue().query_row("SELECT key_table FROM state", [], |row| row.get(0)).unwrap();
    world.catalogue().execute("UPDATE state SET key_table = ?1", [sealed]).unwrap();
    assert!(matches!(world.keyring(), Err(KeyringError::Damaged(_))));
    world.catalogue().execute("UPDATE state SET key_table = ?1", [before]).unwrap();
    world.keyring().unwrap();
    world.catalogue().pragma_update(None, "user_version", 3).unwrap();
    assert!(matches!(world.keyring(), Err(KeyringError::Damaged(_))));
}

#[test]
fn pages_hold_1024_records_under_identities_that_are_written_nowhere() {
    let world = World::new();
    let halves = deposit(&mut world.keyring().unwrap(), [1; 16], 1100);
    let rows: Vec<(i64, i64, i64, Vec<u8>)> = {
        let catalogue = world.catalogue();
        let mut statement = catalogue.prepare("SELECT id, first, count, body FROM page ORDER BY first").unwrap();
        let rows = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?))).unwrap();
        rows.map(Result::unwrap).collect()
    };
    assert_eq!(rows.iter().map(|row| (row.1, row.2)).collect::<Vec<_>>(), [(1, 1024), (1025, 76)]);
    let table = world.table();
    let stored = [everything_in(&world.keyring_dir()), everything_in(&world.root_dir())].concat();
    let mut secrets = vec![world.root(0)];
    for (id, first, count, body) in rows {
        let identity = decoded(&table["pages"][id.to_string()]);
        assert_eq!(keepuntil::crypto::header::stanza_types(&body).unwrap(), ["X25519"]);
        let page: Value = serde_json::from_slice(&opened(&identity, &body)).unwrap();
        assert_eq!(page["archive"], hex::encode([1; 16]));
        assert_eq!((page["first"].as_i64(), page["kept"].as_array().unwrap().len() as i64), (Some(first), count));
        let keys = BASE64_STANDARD.decode(page["keys"].as_str().unwrap()).unwrap();
        assert_eq!(keys[..32], *halves[first as usize - 1].record.expose());
        assert_not_in(&stored, identity.expose());
        secrets.push(identity);
    }
    for secret in &secrets {
        let (point, text) = recipient(secret);
        assert_not_in(&stored, &point);
        assert!(!contains(&stored, text.as_bytes()));
    }
    assert_not_in(&stored, halves[0].record.expose());
    // A second deposit seals its pages under other identities, and leaves the first ones as they are.
    deposit(&mut world.keyring().unwrap(), [2; 16], 1);
    let after = world.table();
    assert_eq!(after["pages"]["1"], table["pages"]["1"]);
    assert_eq!(after["signing"], table["signing"]);
    let all: std::collections::HashSet<_> =
        after["pages"].as_object().unwrap().values().map(ToString::to_string).collect();
    assert_eq!(all.len(), 3);
}

#[test]
fn the_table_s_seeds_are_the_signing_keys() {
    let world = World::new();
    let signing = &world.table()["signing"];
    let key = keepuntil::crypto::sign::SigningKey::from_seeds(
        FIRM,
        &decoded(&signing["ed25519"]),
        &decoded(&signing["ml_dsa_44"]),
    );
    assert_eq!(key.verifier_keys(), world.keyring().unwrap().verifier_keys());
    assert_ne!(World::new().keyring().unwrap().verifier_keys(), key.verifier_keys());
}

#[test]
fn columns_that_lie_are_found_out() {
    for change in [
        "UPDATE page SET first = first + 1 WHERE id = 1",
        "UPDATE page SET archive = x'02020202020202020202020202020202' WHERE id = 1",
        "UPDATE page SET body = (SELECT body FROM page WHERE id = 2) WHERE id = 1",
        "UPDATE page SET count = 3 WHERE id = 2",
        "DELETE FROM page WHERE id = 2",
        "DELETE FROM document",
        "UPDATE document SET body = zeroblob(300)",
        "INSERT INTO document VALUES ('register', x'00')",
    ] {
        let world = World::new();
        deposit(&mut world.keyring().unwrap(), [1; 16], 2);
        deposit(&mut world.keyring().unwrap(), [2; 16], 2);
        assert_eq!(world.keyring().unwrap().check().unwrap(), 4);
        let catalogue = world.catalogue();
        // Room for the lie.
        catalogue.execute_batch("DROP INDEX IF EXISTS sqlite_autoindex_page_1").ok();
        if change.contains("archive = x") {
            catalogue.execute("UPDATE page SET first = 100 WHERE id = 2", []).unwrap();
        }
        catalogue.execute(change, []).unwrap();
        drop(catalogue);
        let checked = world.keyring().and_then(|keyring| keyring.check());
        assert!(matches!(checked, Err(KeyringError::Damaged(_))), "{change}");
    }
    let world = World::new();
    deposit(&mut world.keyring().unwrap(), [1; 16], 2);
    world.catalogue().execute("UPDATE page SET first = 2", []).unwrap();
    assert!(matches!(world.keyring().unwrap().halves(&[1; 16], 2), Err(KeyringError::Damaged(_))));
}

#[test]
fn destroyed_unknown_and_live_are_told_apart() {
    let world = World::new();
    deposit(&mut world.keyring().unwrap(), [1; 16], 2);
    let identity = decoded(&world.table()["pages"]["1"]);
    let body: Vec<u8> = world.catalogue().query_row("SELECT body FROM page", [], |row| row.get(0)).unwrap();
    let mut page: Value = serde_json::from_slice(&opened(&identity, &body)).unwrap();
    put_halves(&mut page, 0, &[0; 64]);
    page["destroyed"]["1"] = "0123456789abcdef0123456789abcdef".into();
    let body = envelope::seal(&Recipients::of_x25519(&identity), page.to_string().as_bytes()).unwrap();
    world.catalogue().execute("UPDATE page SET body = ?1", [body]).unwrap();
    let mut keyring = world.keyring().unwrap();
    assert!(matches!(keyring.halves(&[1; 16], 1), Err(KeyringError::Destroyed(1))));
    assert!(keyring.halves(&[1; 16], 2).is_ok());
    assert!(matches!(keyring.halves(&[1; 16], 3), Err(KeyringError::UnknownRecord(3))));
    assert!(matches!(keyring.halves(&[9; 16], 1), Err(KeyringError::UnknownArchive(_))));
    assert_eq!(keyring.check().unwrap(), 1);
}

#[test]
fn a_second_deposit_is_refused_and_the_first_stays() {
    let world = World::new();
    let mut keyring = world.keyring().unwrap();
    let halves = deposit(&mut keyring, [1; 16], 1);
    let archive = keyring.known_archive(&[1; 16]).unwrap().unwrap();
    let records = [new_record(ExpiryHalves::random())];
    let again = keyring.deposit(&Deposit { archive, records: &records, leaves: &[] });
    assert!(matches!(again, Err(KeyringError::AlreadyDeposited(_))));
    assert_eq!(keyring.halves(&[1; 16], 1).unwrap(), halves[0]);
}

#[test]
fn changes_are_durable_transactions() {
    let world = World::new();
    deposit(&mut world.keyring().unwrap(), [1; 16], 1);
    let catalogue = world.catalogue();
    let mode: String = catalogue.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(mode, "delete");
    assert!(!world.keyring_dir().join("catalogue.sqlite-wal").exists());
    // A deposit that fails in the middle changes nothing.
    catalogue
        .execute_batch("CREATE TRIGGER stop BEFORE UPDATE ON state BEGIN SELECT RAISE(ABORT, 'stop'); END")
        .unwrap();
    let mut keyring = world.keyring().unwrap();
    let records = [new_record(ExpiryHalves::random())];
    let failed = keyring.deposit(&Deposit { archive: known([2; 16], 1), records: &records, leaves: &[] });
    assert!(failed.is_err());
    // Nothing more is believed of it, or written to it, in the same run.
    assert!(matches!(keyring.archives(), Err(KeyringError::Stopped)));
    assert!(matches!(keyring.store(Update::default()), Err(KeyringError::Stopped)));
    drop(keyring);
    catalogue.execute_batch("DROP TRIGGER stop").unwrap();
    let keyring = world.keyring().unwrap();
    assert_eq!(keyring.archives().unwrap().len(), 1);
    assert_eq!(keyring.check().unwrap(), 1);
}

#[test]
fn another_seal_of_a_known_archive_is_refused() {
    let world = World::new();
    std::fs::write(world.source().join("a"), b"content").unwrap();
    let (outcome, bytes) = world.archive();
    let path = world.saved(&bytes);
    let open = || open_archive(&path, &Trust::default(), Some(&world.keyring().unwrap())).map(|(_, signer)| signer);
    assert_eq!(open().unwrap(), Signer::KeyringArchive);
    // Another keyring with the same keys was given another archive of the same id.
    for (field, value) in [("root", Value::from("00".repeat(32))), ("size", 7.into()), ("origin", "x".into())] {
        let other = World::copy_of(&world);
        other.change_document("archives", |archives| archives["archives"][0][field] = value);
        let opened = open_archive(&path, &Trust::default(), Some(&other.keyring().unwrap()));
        assert!(matches!(opened, Err(OpsError::ForeignSeal { .. })), "{field}");
    }
    assert_eq!(outcome.records, 1);
    // The same archive id under other keys.
    let other = World::new();
    deposit(&mut other.keyring().unwrap(), ARCHIVE, 2);
    let forged = other.saved(&Forge::default().build());
    let opened = open_archive(&forged, &Trust::default(), Some(&other.keyring().unwrap()));
    assert!(matches!(opened, Err(OpsError::ForeignSeal { .. })));
}

#[test]
fn whoever_cannot_get_the_lock_gives_up() {
    let world = World::new();
    let held = Lock::take(&world.keyring_dir().join("lock"), Sharing::Shared, Duration::ZERO).unwrap();
    assert!(matches!(world.keyring(), Err(KeyringError::Storage(StorageError::Locked(_)))));
    assert!(Keyring::open(&world.keyring_dir(), Sharing::Shared, Duration::ZERO).is_ok());
    std::fs::write(world.source().join("a"), b"content").unwrap();
    assert!(matches!(world.create(Vec::new(), false), Err(OpsError::Keyring(KeyringError::Storage(_)))));
    drop(held);
    assert!(world.keyring().unwrap().archives().unwrap().is_empty());
}

#[test]
fn exports_are_remembered_and_a_sheet_opens_its_records_only() {
    let world = World::new();
    for name in ["a", "b"] {
        std::fs::write(world.source().join(name), name).unwrap();
    }
    let (outcome, bytes) = world.archive();
    let path = world.saved(&bytes);
    let mut keyring = world.keyring().unwrap();
    let (mut reader, _) = open_archive(&path, &Trust::default(), Some(&keyring)).unwrap();
    let identities = identities();
    let selection = keepuntil::ops::restore::Selection::Records(vec![2]);
    let mut opener = Opener::new(&reader, &identities, &mut keyring);
    let sheet = keys::key_sheet(&mut reader, &mut opener, &selection, "2027-01-15T08:00:00Z", &NoProgress).unwrap();
    keyring.remember_export(&sheet.export, &[b"leaf".to_vec()]).unwrap();
    let expected =
        Export { time: "2027-01-15T08:00:00Z".into(), archive: outcome.archive, records: [2].into_iter().collect() };
    drop(keyring);
    assert_eq!(world.keyring().unwrap().exports().unwrap(), [expected]);
    let on_sheet = Identities::parse("sheet", sheet.text.as_bytes(), &Prompts::none()).unwrap();
    for n in [1, 2] {
        let at = find(&bytes, &layout::record_member(n, 0));
        let size = tar::Header::from_byte_slice(&bytes[at..at + 512]).size().unwrap() as usize;
        let opened = envelope::open(on_sheet.iter(), &bytes[at + 512..at + 512 + size], 1 << 20);
        assert_eq!(opened.is_ok(), n == 2);
    }
    assert!(sheet.text.contains("# record 0000000002, keep until 2036-12-31: "));
}

/// Puts other bytes in the place of a record's halves.
fn put_halves(page: &mut Value, at: usize, halves: &[u8; 64]) {
    let mut keys = BASE64_STANDARD.decode(page["keys"].as_str().unwrap()).unwrap();
    keys[at * 64..][..64].copy_from_slice(halves);
    page["keys"] = BASE64_STANDARD.encode(keys).into();
}

#[test]
fn an_entry_that_contradicts_itself_is_damage() {
    let changes: [fn(&mut Value); 13] = [
        |page| put_halves(page, 1, &[0; 64]),
        |page| page["destroyed"]["2"] = "00".repeat(16).into(),
        |page| page["destroyed"]["3"] = "00".repeat(16).into(),
        |page| page["compartments"][1] = 1.into(),
        |page| page["compartments"].as_array_mut().unwrap().push(0.into()),
        |page| drop(page["kept"].as_array_mut().unwrap().pop()),
        |page| page["keys"] = page["keys"].as_str().unwrap()[4..].into(),
        |page| page["keys"] = format!("{}AAAA", page["keys"].as_str().unwrap().trim_end_matches('=')).into(),
        |page| page["note"] = 1.into(),
        |page| page["kept"][1] = 1.into(),
        |page| page["retentions"][0]["terms"] = Value::Array(Vec::new()),
        |page| {
            let same = page["retentions"][0].clone();
            page["retentions"].as_array_mut().unwrap().push(same);
            page["kept"][1] = 1.into();
        },
        |page| {
            let mut unused = page["retentions"][0].clone();
            unused["at_expiry"] = "review".into();
            page["retentions"].as_array_mut().unwrap().push(unused);
        },
    ];
    for change in changes {
        let world = World::new();
        deposit(&mut world.keyring().unwrap(), [1; 16], 2);
        let identity = decoded(&world.table()["pages"]["1"]);
        let body: Vec<u8> = world.catalogue().query_row("SELECT body FROM page", [], |row| row.get(0)).unwrap();
        let mut page: Value = serde_json::from_slice(&opened(&identity, &body)).unwrap();
        change(&mut page);
        let body = envelope::seal(&Recipients::of_x25519(&identity), page.to_string().as_bytes()).unwrap();
        world.catalogue().execute("UPDATE page SET body = ?1", [body]).unwrap();
        assert!(matches!(world.keyring().unwrap().halves(&[1; 16], 1), Err(KeyringError::Damaged(_))), "{page}");
    }
}

#[test]
fn a_document_has_a_fresh_identity_at_every_write() {
    let world = World::new();
    let store = |text: &[u8]| {
        let documents = vec![("register".to_owned(), text.to_vec())];
        world.keyring().unwrap().store(Update { documents, ..Update::default() }).unwrap();
        assert_eq!(world.keyring().unwrap().document("register").unwrap().unwrap()[..], *text);
        world.table()["documents"]["register"].clone()
    };
    assert_eq!(world.keyring().unwrap().document("register").unwrap(), None);
    let (first, second) = (store(b"one"), store(b"two"));
    assert_ne!(first, second);
    for name in ["archives", "exports", "unfinished"] {
        let documents = vec![(name.to_owned(), Vec::new())];
        let stored = world.keyring().unwrap().store(Update { documents, ..Update::default() });
        assert!(matches!(stored, Err(KeyringError::Refused(_))), "{name}");
    }
    assert_eq!(world.keyring().unwrap().generation(), 0);
}

#[test]
fn only_a_new_generation_destroys_and_extends() {
    let world = World::new();
    let id = [1; 16];
    deposit(&mut world.keyring().unwrap(), id, 1100);
    let mut longer = retention();
    longer.terms.extend(Retention::until(parse_date("2050-12-31").unwrap(), AtExpiry::Destroy).terms);
    let shorter = Retention::until(parse_date("2020-12-31").unwrap(), AtExpiry::Destroy);
    let purge = Some([5; 16]);
    let destroy = |text: &str| vec![(id, text.parse().unwrap())];
    let mut keyring = world.keyring().unwrap();
    for refused in [
        Update { extend: vec![(id, 1, longer.clone())], ..Update::default() },
        Update { destroy: destroy("1"), purge, ..Update::default() },
        Update { outcome: vec![b"leaf".to_vec()], ..Update::default() },
    ] {
        assert!(matches!(keyring.store(refused), Err(KeyringError::Refused(_))));
    }
    // What is wrong with an update is found before anything is written.
    let mut refused = |update| keyring.advance(update).unwrap_err();
    assert!(matches!(
        refused(Update { extend: vec![(id, 1, shorter)], ..Update::default() }),
        KeyringError::Shortened(1)
    ));
    for (records, record) in [("1101", 1101), ("1-9223372036854775807", i64::MAX as u64)] {
        let update = Update { destroy: destroy(records), purge, ..Update::default() };
        assert!(matches!(refused(update), KeyringError::UnknownRecord(found) if found == record));
    }
    assert!(matches!(refused(Update { destroy: destroy("1"), ..Update::default() }), KeyringError::Refused(_)));
    let update = Update { destroy: vec![([9; 16], "1".parse().unwrap())], purge, ..Update::default() };
    assert!(matches!(refused(update), KeyringError::UnknownArchive(_)));
    assert_eq!((keyring.generation(), keyring.last_purge()), (0, None));
    // And done at once: two pages, one of them for both reasons.
    let update =
        Update { extend: vec![(id, 3, longer.clone())], destroy: destroy("1-2,1100"), purge, ..Update::default() };
    assert_eq!(keyring.advance(update).unwrap(), 1);
    assert!(matches!(keyring.halves(&id, 2), Err(KeyringError::Destroyed(2))));
    assert_eq!(keyring.record_entry(&id, 3).unwrap().retention, &longer);
    assert_eq!(keyring.record_entry(&id, 1100).unwrap().destroyed, purge);
    let again = keyring.advance(Update { destroy: destroy("1100"), purge, ..Update::default() });
    assert!(matches!(again, Err(KeyringError::Destroyed(1100))));
    let last = keyring.last_purge().unwrap();
    assert_eq!((last.id, last.generation), ([5; 16], 1));
    let (mut live, mut seen) = (0, 0);
    keyring
        .for_each_record(None, &mut |archive, entry| {
            seen += 1;
            assert_eq!((archive.id, entry.record), (id, seen));
            assert_eq!(archive.compartment(entry.compartment).unwrap().name, "records");
            live += u64::from(entry.live);
            Ok(())
        })
        .unwrap();
    assert_eq!((seen, live, keyring.check().unwrap()), (1100, 1097, 1097));
    // Single records: those that were asked for, in order, up to the first that there is not.
    for (asked, shown, unknown) in [
        ("2-3,1024-1025,1100", &[2, 3, 1024, 1025, 1100][..], None),
        ("1100-9223372036854775807", &[1100], Some(1101)),
        ("1600-1601", &[], Some(1600)),
    ] {
        let mut seen = Vec::new();
        let outcome = keyring.for_records(&id, &asked.parse().unwrap(), &mut |_, entry| {
            assert_eq!(entry.live, ![1, 2, 1100].contains(&entry.record));
            seen.push(entry.record);
            Ok(())
        });
        let refused =
            outcome.err().map(|e| matches!(e, KeyringError::UnknownRecord(record) if Some(record) == unknown));
        assert_eq!((&seen[..], refused), (shown, unknown.map(|_| true)), "{asked}");
    }
    drop(keyring);
    let mut reader = Keyring::open(&world.keyring_dir(), Sharing::Shared, Duration::ZERO).unwrap();
    assert!(!reader.unfinished());
    assert!(matches!(reader.advance(Update::default()), Err(KeyringError::Refused(_))));
}

#[test]
fn notes_need_no_identity_and_are_under_a_key_of_their_own() {
    let d = halves(1).label;
    let note = kdf::note_key(&ARCHIVE, &d, 1);
    assert_ne!(note, label_key(1));
    assert_ne!(note, kdf::note_key(&ARCHIVE, &d, 2));
    assert_ne!(note, kdf::note_key(&[0; 16], &d, 1));
}

#[test]
fn a_policy_leaves_no_file_unmatched_and_no_record_undecided() {
    use keepuntil::ops::plan::plan;
    use keepuntil::retention::policy::Policy;
    let world = World::new();
    for name in ["2019-a", "2020-a", "notes"] {
        std::fs::write(world.source().join(name), b"").unwrap();
    }
    let rule = "[[compartment]]\nname = \"c\"\nclass = \"public\"\n[[records]]\npath = \"{year}-{name}\"\n\
                record = \"{name}\"\nretain = \"P20Y\"\ncompartment = \"c\"\n";
    let all = "[[records]]\npath = \"**\"\nrecord = \"rest\"\nuntil = \"2040-01-01\"\ncompartment = \"c\"\n";
    let planned = |text: &str| {
        let policy = Policy::parse(text).unwrap();
        let created = parse_date("2027-01-15").unwrap();
        let grouping = Grouping::Policy { policy: &policy, created };
        plan(&[world.source()], Names::default(), &grouping).map(|(plans, _)| plans.len())
    };
    assert!(matches!(planned(rule), Err(OpsError::Unmatched(paths)) if paths == ["notes"]));
    assert_eq!(planned(&format!("{rule}{all}")).unwrap(), 2);
    // Two files of one record that would be kept from different dates.
    let dated = rule.replace("retain", "dated = \"{year}-01-01\"\nretain");
    assert!(matches!(planned(&format!("{dated}{all}")), Err(OpsError::SameName(name)) if name == "a"));
}
