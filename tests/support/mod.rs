//! A home of its own for every test: runs of the built program, and archives that are sealed properly but maliciously.
#![allow(dead_code, reason = "each test file uses a part of it")]

use keepuntil::archive::bag_writer::manifest_line;
use keepuntil::archive::label::{Label, RecordKind};
use keepuntil::archive::layout;
use keepuntil::archive::leaf::RecordLeaf;
use keepuntil::archive::manifest::{Compartment, Custodians, FORMAT, Manifest};
use keepuntil::archive::writer::{ArchiveWriter, Placed, TreeHead};
use keepuntil::crypto::envelope;
use keepuntil::crypto::hash::{Hash, sha256};
use keepuntil::crypto::identity::Prompts;
use keepuntil::crypto::kdf::{self, ArchiveId, ExpiryHalves};
use keepuntil::crypto::recipient::Recipients;
use keepuntil::crypto::record_file;
use keepuntil::crypto::secret::{Secret32, random_id};
use keepuntil::crypto::sign::VerifierKey;
use keepuntil::crypto::stream::StreamWriter;
use keepuntil::keyring::{Deposit, Keyring, KnownArchive, KnownCompartment, NewRecord};
use keepuntil::retention::{AtExpiry, Class, Retention};
use keepuntil::storage::lock::Sharing;
use keepuntil::tlog::checkpoint::Checkpoint;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// A folder that is everything to one test: home, data, state and work.
pub struct Home {
    dir: tempfile::TempDir,
}

/// What a run of the program came to.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Asserts the exit code, and that nothing in the output speaks of a panic.
    #[track_caller]
    pub fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        assert!(!self.err.contains("panicked") && !self.err.contains("RUST_BACKTRACE"), "{self:#?}");
        self
    }

    /// Asserts failure with an error line that names `object`.
    #[track_caller]
    pub fn fails(self, code: i32, object: &str) -> Self {
        let ran = self.ends(code);
        assert!(ran.err.contains("keepuntil: error: "), "{ran:#?}");
        assert!(ran.err.contains(object), "does not name {object:?}: {ran:#?}");
        ran
    }

    /// The JSON objects on standard output of one type.
    pub fn json(&self, message_type: &str) -> Vec<serde_json::Value> {
        let parsed = self.out.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        parsed.filter(|value| value["message_type"] == message_type).collect()
    }
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

impl Home {
    pub fn new() -> Self {
        Self { dir: tempfile::Builder::new().prefix("keepuntil-test-").tempdir().unwrap() }
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keepuntil"));
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path("home"))
            .env("XDG_DATA_HOME", self.path("home/data"))
            .env("XDG_STATE_HOME", self.path("home/state"))
            .env("LC_ALL", "C.UTF-8")
            // Tests look for whole sentences; `tests/terminal_width.rs` sees where they break.
            .env("COLUMNS", "10000")
            .current_dir(self.dir.path())
            .stdin(Stdio::null());
        command
    }

    pub fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Ran {
        Ran::from(self.command().args(arguments).output().unwrap())
    }

    pub fn write(&self, relative: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Signs a file with stock OpenSSH, into the file `signature`, whose name it returns.
    #[track_caller]
    pub fn sign(&self, key: &str, namespace: &str, file: &str, signature: String) -> String {
        let message = fs::File::open(self.path(file)).unwrap();
        let signed = Command::new("ssh-keygen")
            .args(["-q", "-Y", "sign", "-n", namespace, "-f"])
            .arg(self.path(key))
            .stdin(message)
            .output()
            .unwrap();
        assert!(signed.status.success(), "{signed:?}");
        self.write(&signature, signed.stdout);
        signature
    }

    /// A few clients below `clients/`.
    pub fn small_firm(&self) {
        self.write("clients/Smith/letter.txt", "Dear Mr Smith");
        self.write("clients/Smith/2019/invoice.txt", "100.00\n".repeat(300));
        self.write("clients/沐阳贸易/凭证.csv", "日期,金额\n".repeat(50));
        self.write("clients/note.txt", "");
    }

    /// Seals `clients/` into `name`.
    #[track_caller]
    pub fn create(&self, name: &str) -> Ran {
        self.run(&["create", "-o", name, "--until", "2099-12-31", "clients"]).ends(0)
    }

    /// Makes an SSH key in the home; returns its public half as `ssh-keygen` writes it.
    pub fn ssh_key(&self, name: &str) -> String {
        let path = self.path(name);
        let arguments = ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"];
        let made = Command::new("ssh-keygen").args(arguments).arg(&path).status();
        assert!(made.expect("ssh-keygen is installed").success());
        fs::read_to_string(path.with_extension("pub")).unwrap()
    }

    /// Makes a key for each person, given as key and principal, and the roster `people.txt` that names them.
    pub fn people(&self, people: &[(&str, &str)]) {
        let entry = |(key, person): &(&str, &str)| format!("{person} {}", self.ssh_key(key));
        self.write("people.txt", people.iter().map(entry).collect::<String>());
    }

    pub fn keyring_dir(&self) -> PathBuf {
        self.path("home/data/keepuntil/keyring")
    }

    pub fn identity(&self) -> PathBuf {
        self.path("home/data/keepuntil/identity.txt")
    }

    pub fn open_keyring(&self) -> Keyring {
        Keyring::open(&self.keyring_dir(), Sharing::Exclusive, Duration::from_secs(5)).unwrap()
    }

    /// Asserts that no unfinished output lies anywhere.
    #[track_caller]
    pub fn has_no_leftovers(&self) {
        for path in files_below(self.dir.path()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            assert!(!name.starts_with(".keepuntil-"), "left behind: {}", path.display());
        }
    }

    /// Asserts that nothing was restored into `relative`.
    #[track_caller]
    pub fn nothing_in(&self, relative: &str) {
        let found = files_below(&self.path(relative));
        assert!(found.is_empty(), "{found:?}");
        self.has_no_leftovers();
    }
}

/// Everything below a folder that is there; links are not followed.
pub fn files_below(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(root) else { return found };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.symlink_metadata().unwrap().is_dir() {
            found.extend(files_below(&path));
        }
        found.push(path);
    }
    found.sort();
    found
}

/// A record of a forged archive: its label and the plaintext or whole file that stands for it.
pub struct ForgedRecord {
    pub label: Label,
    pub content: Content,
}

/// Makes a whole age file from a record's key.
pub type MakeFile = Box<dyn Fn(&Secret32) -> Vec<u8>>;

pub enum Content {
    /// A tar stream, to be compressed and encrypted as always.
    Tar(Vec<u8>),
    /// Compressed bytes, to be encrypted.
    Zstd(Vec<u8>),
    /// The age file, made from the record's key.
    Age(MakeFile),
}

/// Makes archives that only somebody with a signing key can make.
pub struct Forge {
    pub archive: ArchiveId,
    pub records: Vec<ForgedRecord>,
    /// Changes a leaf after its record was written.
    pub change_leaf: Box<dyn Fn(&mut RecordLeaf)>,
    /// Changes the manifest.
    pub change_manifest: Box<dyn Fn(&mut Manifest)>,
    /// Changes the access file.
    pub change_access: Box<dyn Fn(Vec<u8>) -> Vec<u8>>,
}

impl Forge {
    pub fn new() -> Self {
        Self {
            archive: random_id(),
            records: Vec::new(),
            change_leaf: Box::new(|_| ()),
            change_manifest: Box::new(|_| ()),
            change_access: Box::new(|file| file),
        }
    }

    /// One record of this tar stream, whose label counts as the stream does when it is honest.
    pub fn of_tar(bag: Bag) -> Self {
        let mut forge = Self::new();
        forge.add("client", bag);
        forge
    }

    pub fn add(&mut self, name: &str, bag: Bag) {
        let label = Label {
            name: name.into(),
            kind: RecordKind::Folder,
            files: bag.files,
            bytes: bag.bytes,
            bag: bag.hash,
            ..Label::default()
        };
        self.records.push(ForgedRecord { label, content: Content::Tar(bag.finish()) });
    }

    /// Seals under the home's own keyring, to its own identity, and deposits the keys.
    pub fn seal(&self, home: &Home, name: &str) -> PathBuf {
        let mut keyring = home.open_keyring();
        let recipients = fs::read_to_string(home.path("home/data/keepuntil/recipients.txt")).unwrap();
        let recipients = Recipients::parse(&[recipients.trim()], &Prompts::none()).unwrap();
        let keys = keyring.verifier_keys();
        let secret = Secret32::random();
        let (preamble, manifest) = self.preamble(&recipients, &secret, &keys);
        let mut writer = ArchiveWriter::begin(Vec::new(), &manifest.archive, &preamble).unwrap();
        let mut halves_of = Vec::new();
        for record in &self.records {
            let (leaf, halves) = self.record(&mut writer, record, &secret);
            writer.record_leaf(&leaf).unwrap();
            halves_of.push(NewRecord { halves, compartment: 0, retention: leaf.retention.into() });
        }
        let signing = keyring.signing_key();
        let seal = |head: TreeHead| -> Result<String, keepuntil::archive::ArchiveError> {
            let known = KnownArchive {
                id: self.archive,
                origin: manifest.origin(),
                size: head.size,
                root: head.root,
                deposited: "2026-01-01T00:00:00+00:00".into(),
                compartments: vec![KnownCompartment { name: "records".into(), class: Class::Sensitive }],
            };
            keyring.deposit(&Deposit { archive: known, records: &halves_of, leaves: &[] }).unwrap();
            let checkpoint = Checkpoint { origin: manifest.origin(), size: head.size, root: head.root };
            Ok(checkpoint.sign(&signing, 1_700_000_000))
        };
        let (bytes, _) = writer.finish(seal).unwrap();
        home.write(name, bytes)
    }

    fn preamble(
        &self,
        recipients: &Recipients,
        secret: &Secret32,
        keys: &[VerifierKey; 2],
    ) -> (Vec<(String, Vec<u8>)>, Manifest) {
        let access = (self.change_access)(envelope::seal(recipients, secret.expose()).unwrap());
        let types = keepuntil::crypto::header::stanza_types(&access).unwrap_or_else(|_| vec!["mlkem768x25519".into()]);
        let mut manifest = Manifest {
            format: FORMAT.into(),
            archive: hex::encode(self.archive),
            created: "2026-01-01T00:00:00+00:00".into(),
            firm: keys[0].name.clone(),
            compartments: vec![Compartment { name: "records".into(), class: Class::Sensitive, recipients: types }],
            rules: Vec::new(),
            custodians: Custodians { count: 1, threshold: 1 },
            verifier_keys: keys.clone().map(|key| key.to_string()),
        };
        (self.change_manifest)(&mut manifest);
        let preamble = vec![
            (layout::README.to_owned(), b"readme\n".to_vec()),
            (layout::MANIFEST.to_owned(), manifest.to_bytes()),
            (layout::access_member("records"), access),
        ];
        (preamble, manifest)
    }

    fn record(
        &self,
        writer: &mut ArchiveWriter<Vec<u8>>,
        record: &ForgedRecord,
        secret: &Secret32,
    ) -> (RecordLeaf, ExpiryHalves) {
        let number = writer.next_record();
        let halves = ExpiryHalves::random();
        let access = kdf::access_half(&self.archive, secret, number);
        let key = kdf::record_key(&self.archive, &access, &halves.record, number);
        let file = match &record.content {
            Content::Tar(tar) => age_file(&key, &zstd::encode_all(&tar[..], 3).unwrap()),
            Content::Zstd(compressed) => age_file(&key, compressed),
            Content::Age(make) => make(&key),
        };
        let Placed { offset, size, sha256 } = writer.whole_record(&file, sha256(&[&file])).unwrap();
        let label_key = kdf::label_key(&self.archive, &access, &halves.label, number);
        let mut leaf = RecordLeaf {
            record: number,
            compartment: "records".into(),
            offset,
            size,
            sha256,
            retention: Retention::until("2099-12-31".parse().unwrap(), AtExpiry::Destroy),
            commitments: halves.commitments(&self.archive, number).into(),
            label: record.label.seal(&label_key),
        };
        (self.change_leaf)(&mut leaf);
        (leaf, halves)
    }
}

/// A record's age file around compressed bytes.
pub fn age_file(key: &Secret32, compressed: &[u8]) -> Vec<u8> {
    let (mut file, payload) = record_file::seal(key);
    let mut stream = StreamWriter::new(&payload);
    let mut append = |bytes: &[u8]| -> Result<(), std::convert::Infallible> {
        file.extend_from_slice(bytes);
        Ok(())
    };
    stream.write(compressed, &mut append).unwrap();
    stream.finish(&mut append).unwrap();
    file
}

/// A bag written by hand, member by member, with manifests that agree with it.
pub struct Bag {
    pub tar: Vec<u8>,
    pub files: u64,
    pub bytes: u64,
    /// Of its tag manifest, once the tags are closed.
    pub hash: Hash,
    manifest: String,
    tags: String,
}

pub const BAGIT: &str = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";

impl Bag {
    /// A bag with its first member and `data/`.
    pub fn new() -> Self {
        let mut bag =
            Self { tar: Vec::new(), files: 0, bytes: 0, hash: [0; 32], manifest: String::new(), tags: String::new() };
        bag.tag("bagit.txt", BAGIT.as_bytes());
        bag.directory("data/")
    }

    /// Any member: name, type, link target, content.
    pub fn raw(&mut self, name: &str, kind: u8, target: &str, content: &[u8]) {
        self.tar.extend_from_slice(&tar_header(name, kind, target, content.len() as u64));
        self.tar.extend_from_slice(content);
        self.pad();
    }

    pub fn pad(&mut self) {
        self.tar.resize(self.tar.len().next_multiple_of(512), 0);
    }

    pub fn tag(&mut self, name: &str, content: &[u8]) {
        self.raw(name, b'0', "", content);
        self.tags.push_str(&format!("{}  {name}\n", hex::encode(sha256(&[content]))));
    }

    pub fn with_tag(mut self, name: &str, content: &[u8]) -> Self {
        self.tag(name, content);
        self
    }

    pub fn directory(mut self, name: &str) -> Self {
        self.raw(name, b'5', "", b"");
        self
    }

    /// A file, listed in the manifest.
    pub fn file(mut self, name: &str, content: &[u8]) -> Self {
        self.raw(name, b'0', "", content);
        self.listed(name, content)
    }

    /// A file that later members may link to.
    pub fn linked_file(mut self, name: &str, content: &[u8]) -> Self {
        self.pax(&[("KEEPUNTIL.linked", "1")]);
        self.raw(name, b'0', "", content);
        self.listed(name, content)
    }

    /// A further member whose manifest line is that of `content`.
    pub fn link(mut self, name: &str, kind: u8, target: &str, content: &[u8]) -> Self {
        self.raw(name, kind, target, b"");
        self.listed(name, content)
    }

    pub fn listed(mut self, name: &str, content: &[u8]) -> Self {
        self.manifest.push_str(&manifest_line(name, &sha256(&[content])));
        self.files += 1;
        self.bytes += content.len() as u64;
        self
    }

    pub fn pax(&mut self, records: &[(&str, &str)]) {
        let record = |(key, value): &(&str, &str)| {
            let rest = key.len() + value.len() + 3;
            let len = (1..8).map(|digits| rest + digits).find(|len| len.to_string().len() + rest == *len).unwrap();
            format!("{len} {key}={value}\n")
        };
        let text: String = records.iter().map(record).collect();
        self.raw("pax", b'x', "", text.as_bytes());
    }

    pub fn with_pax(mut self, records: &[(&str, &str)]) -> Self {
        self.pax(records);
        self
    }

    /// The manifest, after which tag files may come.
    pub fn end_payload(mut self) -> Self {
        let manifest = std::mem::take(&mut self.manifest);
        self.tag("manifest-sha256.txt", manifest.as_bytes());
        self
    }

    /// Ends payload and tags but not the tar stream.
    pub fn close(self) -> Self {
        self.end_payload().close_tags()
    }

    pub fn close_tags(mut self) -> Self {
        let oxum = format!("Payload-Oxum: {}.{}\n", self.bytes, self.files);
        self.tag("bag-info.txt", oxum.as_bytes());
        let tags = std::mem::take(&mut self.tags);
        self.raw("tagmanifest-sha256.txt", b'0', "", tags.as_bytes());
        self.hash = sha256(&[tags.as_bytes()]);
        self
    }

    /// The tar stream with its end blocks.
    pub fn finish(mut self) -> Vec<u8> {
        self.tar.extend_from_slice(&[0; 1024]);
        self.tar
    }
}

/// A ustar header with whatever fields are asked for, and a checksum that fits them.
pub fn tar_header(name: &str, kind: u8, target: &str, size: u64) -> [u8; 512] {
    let mut header = [0u8; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..108].copy_from_slice(b"0000644\0");
    header[108..116].copy_from_slice(b"0000000\0");
    header[116..124].copy_from_slice(b"0000000\0");
    if size < 1 << 33 {
        header[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    } else {
        header[124] = 0x80;
        header[128..136].copy_from_slice(&size.to_be_bytes());
    }
    header[136..148].copy_from_slice(b"00000000000\0");
    header[156] = kind;
    header[157..157 + target.len()].copy_from_slice(target.as_bytes());
    header[257..265].copy_from_slice(b"ustar\x0000");
    fix_checksum(&mut header);
    header
}

/// Makes a changed header's checksum right again.
pub fn fix_checksum(header: &mut [u8]) {
    header[148..156].fill(b' ');
    let sum: u32 = header[..512].iter().map(|&b| u32::from(b)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// Offset, name and content length of every member of an archive file.
pub fn members(archive: &[u8]) -> Vec<(usize, String, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while archive.len() - at > 1024 {
        let header = tar::Header::from_byte_slice(&archive[at..at + 512]);
        let size = header.size().unwrap() as usize;
        found.push((at, header.path().unwrap().display().to_string(), size));
        at += 512 + size.next_multiple_of(512);
    }
    found
}
