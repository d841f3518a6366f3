//! A second writer of archives, for test vectors: every part can be made wrong before it is sealed.

#![allow(dead_code)]

use keepuntil::archive::label::Label;
use keepuntil::archive::layout::{self, Offsets};
use keepuntil::archive::leaf::{self, PreambleLeaf, PreambleMember, RecordLeaf};
use keepuntil::archive::manifest::{Compartment, Custodians, FORMAT, Manifest};
use keepuntil::crypto::hash::sha256;
use keepuntil::crypto::kdf::{self, ArchiveId, ExpiryHalves};
use keepuntil::crypto::recipient::Recipients;
use keepuntil::crypto::secret::Secret32;
use keepuntil::crypto::sign::SigningKey;
use keepuntil::crypto::stream::StreamWriter;
use keepuntil::crypto::{envelope, record_file};
use keepuntil::retention::{AtExpiry, Class, Retention, parse_date};
use keepuntil::tlog::checkpoint::Checkpoint;
use keepuntil::tlog::tile::{Finished, LogBuilder};

pub const ARCHIVE: ArchiveId = [0x42; 16];
pub const FIRM: &str = "vectors.example";
pub const SEALED_AT: u64 = 1_800_000_000;

pub fn secret(byte: u8) -> Secret32 {
    Secret32::from_bytes([byte; 32])
}

pub fn signing_key() -> SigningKey {
    SigningKey::from_seeds(FIRM, &secret(1), &secret(2))
}

/// The X25519 identity that the vectors' access files are for.
pub fn reader_secret() -> Secret32 {
    secret(7)
}

pub fn compartment_secret() -> Secret32 {
    secret(3)
}

pub fn halves(record: u64) -> ExpiryHalves {
    let of = |kind: u8| Secret32::from_bytes(sha256(&[&[kind], &record.to_be_bytes()]));
    ExpiryHalves { record: of(b'E'), label: of(b'D') }
}

pub fn access(record: u64) -> Secret32 {
    kdf::access_half(&ARCHIVE, &compartment_secret(), record)
}

pub fn record_key(record: u64) -> Secret32 {
    kdf::record_key(&ARCHIVE, &access(record), &halves(record).record, record)
}

pub fn label_key(record: u64) -> Secret32 {
    kdf::label_key(&ARCHIVE, &access(record), &halves(record).label, record)
}

pub fn manifest() -> Manifest {
    Manifest {
        format: FORMAT.into(),
        archive: hex::encode(ARCHIVE),
        created: "2027-01-15T08:00:00+00:00".into(),
        firm: FIRM.into(),
        compartments: vec![Compartment {
            name: "records".into(),
            class: Class::Sensitive,
            recipients: vec!["X25519".into()],
        }],
        rules: Vec::new(),
        custodians: Custodians { count: 1, threshold: 1 },
        verifier_keys: signing_key().verifier_keys().map(|key| key.to_string()),
    }
}

/// One member of a bag, as a vector wants it.
#[derive(Clone)]
pub struct Member {
    pub kind: u8,
    pub path: String,
    pub target: Option<String>,
    pub pax: Vec<(String, String)>,
    pub content: Vec<u8>,
}

pub fn member(kind: u8, path: &str, content: &[u8]) -> Member {
    Member { kind, path: path.into(), target: None, pax: Vec::new(), content: content.into() }
}

pub fn linked(path: &str, content: &[u8]) -> Member {
    Member { pax: vec![("KEEPUNTIL.linked".into(), "1".into())], ..member(b'0', path, content) }
}

pub fn link(kind: u8, path: &str, target: &str) -> Member {
    Member { target: Some(target.into()), ..member(kind, path, b"") }
}

/// The tar stream of these members, without its end.
pub fn tar_stream(members: &[Member]) -> Vec<u8> {
    let mut out = Vec::new();
    for m in members {
        let mut pax = m.pax.clone();
        let mut header = tar::Header::new_ustar();
        let fits = m.path.is_ascii() && m.path.len() <= 100;
        // The name is written as it stands: the `tar` crate would refuse the paths that a vector needs.
        let name = if fits { m.path.as_str() } else { "data/pax" };
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        if !fits {
            pax.insert(0, ("path".into(), m.path.clone()));
        }
        if let Some(target) = &m.target {
            header.set_link_name_literal(target).unwrap();
        }
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1_700_000_000);
        header.set_size(m.content.len() as u64);
        header.set_entry_type(tar::EntryType::new(m.kind));
        header.set_cksum();
        if !pax.is_empty() {
            let mut builder = tar::Builder::new(Vec::new());
            builder.append_pax_extensions(pax.iter().map(|(k, v)| (k.as_str(), v.as_bytes()))).unwrap();
            out.append(builder.get_mut());
        }
        out.extend_from_slice(header.as_bytes());
        out.extend_from_slice(&m.content);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out
}

/// What a manifest lists of a member: a file's content, or that of the file that a link leads to.
fn content_of<'a>(m: &'a Member, payload: &'a [Member]) -> Option<&'a Vec<u8>> {
    let target = match m.kind {
        b'0' => return Some(&m.content),
        b'1' => m.target.clone(),
        b'2' => m.target.as_ref().map(|target| format!("data/{target}")),
        _ => None,
    };
    let target = payload.iter().find(|f| Some(&f.path) == target.as_ref())?;
    content_of(target, payload)
}

/// A whole bag around a payload: manifests are computed; `change` then has every member at hand.
pub fn bag(payload: &[Member], change: impl FnOnce(&mut Vec<Member>)) -> Vec<u8> {
    let mut members = vec![member(b'0', "bagit.txt", b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")];
    let mut manifest = String::new();
    for m in payload {
        let listed = content_of(m, payload);
        if let Some(content) = listed {
            let path = m.path.replace('%', "%25").replace('\n', "%0A").replace('\r', "%0D");
            manifest.push_str(&format!("{}  {path}\n", hex::encode(sha256(&[content]))));
        }
    }
    members.extend_from_slice(payload);
    members.push(member(b'0', "manifest-sha256.txt", manifest.as_bytes()));
    members.push(member(b'0', "bag-info.txt", b"Source-Organization: vectors.example\n"));
    let tags: String = members
        .iter()
        .filter(|m| !m.path.starts_with("data/"))
        .map(|m| format!("{}  {}\n", hex::encode(sha256(&[&m.content])), m.path))
        .collect();
    members.push(member(b'0', "tagmanifest-sha256.txt", tags.as_bytes()));
    change(&mut members);
    let mut out = tar_stream(&members);
    out.extend_from_slice(&[0; 1024]);
    out
}

/// An age file to `key` with exactly its one stanza.
pub fn age_file(key: &Secret32, plaintext: &[u8]) -> Vec<u8> {
    let (mut file, payload_key) = record_file::seal(key);
    let mut sink = |bytes: &[u8]| -> Result<(), std::convert::Infallible> {
        file.extend_from_slice(bytes);
        Ok(())
    };
    let mut stream = StreamWriter::new(&payload_key);
    let Ok(()) = stream.write(plaintext, &mut sink);
    let Ok(()) = stream.finish(&mut sink);
    file
}

pub fn frame(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

pub struct Record {
    pub file: Vec<u8>,
    pub label: Vec<u8>,
}

impl Record {
    /// A valid record of one folder with these payload members.
    pub fn of(number: u64, name: &str, payload: &[Member]) -> Self {
        Self::of_stream(number, &label(name, payload), &bag(payload, |_| {}))
    }

    /// Of any tar stream; the label names the bag that is in it.
    pub fn of_stream(number: u64, label: &Label, stream: &[u8]) -> Self {
        let label = Label { bag: bag_hash(stream), ..label.clone() };
        Self { file: age_file(&record_key(number), &frame(stream)), label: label.seal(&label_key(number)) }
    }
}

/// Hash of the last `tagmanifest-sha256.txt` of a stream; zeros where there is none.
pub fn bag_hash(stream: &[u8]) -> [u8; 32] {
    let header = |at: &usize| stream[*at..].starts_with(b"tagmanifest-sha256.txt\0");
    let Some(at) = (0..stream.len()).step_by(512).rfind(header) else { return [0; 32] };
    let size = tar::Header::from_byte_slice(&stream[at..at + 512]).size().unwrap() as usize;
    sha256(&[&stream[at + 512..at + 512 + size]])
}

pub fn label(name: &str, payload: &[Member]) -> Label {
    let size = |m: &Member| content_of(m, payload).map_or(0, Vec::len);
    let files = payload.iter().filter(|m| matches!(m.kind, b'0' | b'1' | b'2'));
    let (count, bytes) = files.fold((0, 0), |(n, bytes), m| (n + 1, bytes + size(m) as u64));
    Label { name: name.into(), files: count, bytes, ..Label::default() }
}

type Change<T> = Box<dyn Fn(T) -> Vec<u8>>;
type Surgery<T> = Box<dyn Fn(&mut T)>;

/// Everything an archive is put together from.
pub struct Forge {
    pub manifest: Manifest,
    pub manifest_bytes: Change<Manifest>,
    pub access: Vec<(String, Vec<u8>)>,
    pub leaf0: Change<PreambleLeaf>,
    pub records: Vec<Record>,
    /// Of the first records; the others are kept until 2036-12-31.
    pub retention: Vec<Retention>,
    pub before_record: Change<u64>,
    pub leaf: Change<RecordLeaf>,
    pub stored: Surgery<Finished>,
    pub index: Change<Vec<u8>>,
    pub seal: Change<Checkpoint>,
    pub after: Surgery<Vec<u8>>,
}

pub fn payload() -> Vec<Member> {
    vec![
        member(b'5', "data/", b""),
        member(b'0', "data/contract.txt", b"the parties agree\n"),
        member(b'0', "data/\u{5408}\u{540c}.txt", "双方同意\n".as_bytes()),
    ]
}

/// The access file of the one compartment.
pub fn access_file() -> Vec<u8> {
    envelope::seal(&Recipients::of_x25519(&reader_secret()), compartment_secret().expose()).unwrap()
}

impl Default for Forge {
    fn default() -> Self {
        Self {
            manifest: manifest(),
            manifest_bytes: Box::new(|manifest| manifest.to_bytes()),
            access: vec![(layout::access_member("records"), access_file())],
            leaf0: Box::new(|leaf| leaf::to_bytes(&leaf)),
            records: vec![
                Record::of(1, "first", &payload()),
                Record::of(2, "second", &[member(b'5', "data/", b""), member(b'0', "data/second", b"2\n")]),
            ],
            retention: Vec::new(),
            before_record: Box::new(|_| Vec::new()),
            leaf: Box::new(|leaf| leaf::to_bytes(&leaf)),
            stored: Box::new(|_| {}),
            index: Box::new(|index| index),
            seal: Box::new(|checkpoint| checkpoint.sign(&signing_key(), SEALED_AT).into_bytes()),
            after: Box::new(|_| {}),
        }
    }
}

fn default_retention() -> Retention {
    Retention::until(parse_date("2036-12-31").unwrap(), AtExpiry::Destroy)
}

fn put(out: &mut Vec<u8>, name: &str, content: &[u8]) {
    out.extend_from_slice(&layout::member_header(name, content.len() as u64).unwrap());
    out.extend_from_slice(content);
    out.resize(out.len().next_multiple_of(512), 0);
}

impl Forge {
    pub fn build(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut preamble = vec![
            (layout::README.to_owned(), b"A test vector: spec/archive.md says what it is.\n".to_vec()),
            (layout::MANIFEST.to_owned(), (self.manifest_bytes)(self.manifest.clone())),
        ];
        preamble.extend(self.access.iter().cloned());
        let mut members = Vec::new();
        for (name, bytes) in &preamble {
            put(&mut out, name, bytes);
            members.push(PreambleMember { name: name.clone(), size: bytes.len() as u64, sha256: sha256(&[bytes]) });
        }
        let (mut log, mut offsets) = (LogBuilder::default(), Offsets::default());
        let store = |out: &mut Vec<u8>, offsets: &mut Offsets, mut finished: Finished| {
            offsets.add(&finished.path, out.len() as u64);
            (self.stored)(&mut finished);
            put(out, &finished.path, &finished.bytes);
        };
        let first = (self.leaf0)(PreambleLeaf { archive: self.manifest.archive.clone(), members });
        for finished in log.push(&first).unwrap() {
            store(&mut out, &mut offsets, finished);
        }
        for (number, record) in (1u64..).zip(&self.records) {
            out.extend_from_slice(&(self.before_record)(number));
            let leaf = RecordLeaf {
                record: number,
                compartment: "records".into(),
                offset: out.len() as u64,
                size: record.file.len() as u64,
                sha256: sha256(&[&record.file]),
                retention: self.retention.get(number as usize - 1).cloned().unwrap_or_else(default_retention),
                commitments: halves(number).commitments(&ARCHIVE, number).into(),
                label: record.label.clone(),
            };
            for ((segment, _), bytes) in layout::segments(leaf.size).zip(record.file.chunks(layout::SEGMENT as usize)) {
                put(&mut out, &layout::record_member(number, segment), bytes);
            }
            for finished in log.push(&(self.leaf)(leaf)).unwrap() {
                store(&mut out, &mut offsets, finished);
            }
        }
        let size = log.size();
        let (partial, root) = log.finish();
        for finished in partial {
            store(&mut out, &mut offsets, finished);
        }
        let index_at = out.len() as u64;
        put(&mut out, layout::INDEX, &(self.index)(offsets.to_bytes()));
        let checkpoint_at = out.len() as u64;
        let checkpoint = Checkpoint { origin: self.manifest.origin(), size, root };
        put(&mut out, layout::CHECKPOINT, &(self.seal)(checkpoint));
        put(&mut out, layout::TRAILER, layout::trailer_text(index_at, checkpoint_at).as_bytes());
        out.resize(out.len() + 1024, 0);
        (self.after)(&mut out);
        out
    }
}

/// Offset of a member's header.
pub fn find(archive: &[u8], name: &str) -> usize {
    let mut at = 0;
    while at + 512 <= archive.len() {
        let header = tar::Header::from_byte_slice(&archive[at..at + 512]);
        if header.path_bytes().as_ref() == name.as_bytes() {
            return at;
        }
        at += 512 + (header.size().unwrap() as usize).next_multiple_of(512);
    }
    panic!("no member {name}");
}
