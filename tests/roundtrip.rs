//! What is sealed comes back: trees to the nanosecond, bags that check, texts to the byte.

mod support;

use keepuntil::archive::leaf::{self, LeafCommitments, PreambleLeaf, PreambleMember, RecordLeaf};
use keepuntil::archive::manifest::{Compartment, Custodians, FORMAT, Manifest};
use keepuntil::crypto::hash::sha256;
use keepuntil::crypto::secret::Secret32;
use keepuntil::crypto::sign::SigningKey;
use keepuntil::retention::{AtExpiry, Class, Retention};
use keepuntil::tlog::checkpoint::{self, Checkpoint};
use keepuntil::tlog::note::{Note, signature_line};
use keepuntil::tlog::proof::Proof;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Stdio;
use support::{Home, Ran, files_below};

/// Something to put into a tree.
#[derive(Clone, Debug)]
enum Thing {
    File {
        content: Vec<u8>,
        mode: u32,
    },
    Hole {
        before: Vec<u8>,
        hole: u64,
        after: Vec<u8>,
    },
    Folder {
        things: Vec<(String, Thing, Time)>,
        mode: u32,
    },
    /// A link to this text.
    Link(String),
    /// A link to one of the files written before, relative or absolute.
    LinkToFile {
        which: usize,
        absolute: bool,
    },
    HardLink {
        which: usize,
    },
}

type Time = (i64, u32);

fn name() -> impl Strategy<Value = String> {
    let any = prop_oneof![
        4 => "[a-zA-Z0-9 ._%~+-]{1,20}",
        3 => "[一-龥（）、。ÅÖüñ]{1,12}",
        1 => "[\\n\\r\\t\\\\\"'*?%:|<>]{1,6}",
        1 => "[a-z]{230,255}",
        1 => "[一-龥]{80,85}",
        1 => Just("%0A%25".to_owned()),
        1 => Just("bagit.txt".to_owned()),
        1 => Just("..data".to_owned()),
    ];
    any.prop_filter("a name", |name| name != "." && name != ".." && name.len() <= 255)
}

fn time() -> impl Strategy<Value = Time> {
    let seconds = prop_oneof![0..4_000_000_000i64, -2_000_000_000..0i64, Just(0), Just(-1), Just(1 << 33)];
    (seconds, prop_oneof![Just(0u32), 0..1_000_000_000u32, Just(999_999_999), Just(1)])
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(Vec::new()),
        prop::collection::vec(any::<u8>(), 1..2000),
        (511..1600usize).prop_map(|len| vec![b'x'; len]),
        (1usize << 20..(1 << 20) + 3).prop_map(|len| vec![b'y'; len]),
        Just(vec![0; 8192]),
    ]
}

fn thing() -> impl Strategy<Value = Thing> {
    let target = prop_oneof![
        Just("/etc/passwd".to_owned()),
        Just("../../outside".to_owned()),
        Just("dangling".to_owned()),
        Just(".".to_owned()),
        "[a-z/.%一-龥\\t\\n ]{1,150}",
    ];
    let leaf = prop_oneof![
        5 => (content(), 0..0o1000u32).prop_map(|(content, mode)| Thing::File { content, mode }),
        1 => (content(), 0..3_000_000u64, content())
            .prop_map(|(before, hole, after)| Thing::Hole { before, hole, after }),
        1 => target.prop_map(Thing::Link),
        2 => (any::<usize>(), any::<bool>()).prop_map(|(which, absolute)| Thing::LinkToFile { which, absolute }),
        2 => any::<usize>().prop_map(|which| Thing::HardLink { which }),
    ];
    leaf.prop_recursive(6, 40, 6, |inner| {
        (prop::collection::vec((name(), inner, time()), 0..6), 0..0o1000u32)
            .prop_map(|(things, mode)| Thing::Folder { things, mode })
    })
}

fn set_times(path: &Path, (seconds, nanos): Time) {
    use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
    let time = Timespec { tv_sec: seconds, tv_nsec: nanos.into() };
    utimensat(CWD, path, &Timestamps { last_access: time, last_modification: time }, AtFlags::SYMLINK_NOFOLLOW)
        .unwrap();
}

/// Modes that its own owner cannot read are for root alone to try.
fn readable(mode: u32, least: u32) -> fs::Permissions {
    fs::Permissions::from_mode(if rustix::process::geteuid().is_root() { mode } else { mode | least })
}

/// Makes a thing; names that are taken, and links to nothing yet, are left out.
fn make(root: &Path, path: &Path, thing: &Thing, time: Time, files: &mut Vec<std::path::PathBuf>) {
    if path.symlink_metadata().is_ok() || path.as_os_str().len() > 2500 {
        return;
    }
    let earlier = |which: usize, files: &[std::path::PathBuf]| files.get(which % files.len().max(1)).cloned();
    match thing {
        Thing::File { content, mode } => {
            fs::write(path, content).unwrap();
            fs::set_permissions(path, readable(*mode, 0o400)).unwrap();
            files.push(path.to_owned());
        }
        Thing::Hole { before, hole, after } => {
            fs::write(path, before).unwrap();
            let file = File::options().write(true).open(path).unwrap();
            file.set_len(before.len() as u64 + hole + after.len() as u64).unwrap();
            file.write_all_at(after, before.len() as u64 + hole).unwrap();
            files.push(path.to_owned());
        }
        Thing::Folder { things, mode } => {
            fs::create_dir(path).unwrap();
            for (name, thing, time) in things {
                make(root, &path.join(name), thing, *time, files);
            }
            fs::set_permissions(path, readable(*mode, 0o700)).unwrap();
        }
        Thing::Link(target) => symlink(target, path).unwrap(),
        Thing::LinkToFile { which, absolute } => {
            let Some(file) = earlier(*which, files) else { return };
            let relative = file.strip_prefix(root).unwrap();
            let up = "../".repeat(path.strip_prefix(root).unwrap().components().count() - 1);
            let target = if *absolute { file.clone() } else { Path::new(&up).join(relative) };
            if target.as_os_str().len() >= 4000 {
                return;
            }
            symlink(target, path).unwrap();
        }
        Thing::HardLink { which } => {
            let Some(file) = earlier(*which, files) else { return };
            // Its time is that of the file that it is.
            fs::hard_link(file, path).unwrap();
            return;
        }
    }
    set_times(path, time);
}

/// All that is to survive of one path.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    kind: &'static str,
    mode: u32,
    time: Time,
    content: String,
    /// The first path of the same inode.
    same_as: String,
}

/// Everything below `root` by path, in bytes.
fn seen(root: &Path) -> BTreeMap<Vec<u8>, Seen> {
    let mut inodes: BTreeMap<u64, String> = BTreeMap::new();
    let mut out = BTreeMap::new();
    let mut paths = files_below(root);
    paths.sort();
    for path in paths.into_iter().chain([root.to_owned()]) {
        let metadata = path.symlink_metadata().unwrap();
        let relative = path.strip_prefix(root).unwrap().as_os_str().as_bytes().to_vec();
        let shown = String::from_utf8_lossy(&relative).into_owned();
        let (kind, content) = if metadata.is_dir() {
            ("folder", String::new())
        } else if metadata.is_symlink() {
            ("link", fs::read_link(&path).unwrap().to_string_lossy().into_owned())
        } else {
            ("file", hex::encode(sha256(&[&fs::read(&path).unwrap()])))
        };
        let same_as =
            if kind == "file" { inodes.entry(metadata.ino()).or_insert(shown).clone() } else { String::new() };
        let mode = if kind == "link" { 0 } else { metadata.mode() & 0o777 };
        let time = (metadata.mtime(), metadata.mtime_nsec() as u32);
        out.insert(relative, Seen { kind, mode, time, content, same_as });
    }
    out
}

/// Checks a bag as RFC 8493 says, without this project's reader.
fn check_bag(bag: &Path) {
    let decode = |path: &str| path.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%");
    assert_eq!(
        fs::read_to_string(bag.join("bagit.txt")).unwrap(),
        "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
    );
    let manifest = |name: &str| -> BTreeMap<String, String> {
        let text = fs::read_to_string(bag.join(name)).unwrap();
        text.lines()
            .map(|line| {
                let (hash, path) = line.split_once("  ").unwrap();
                assert_eq!(hex::encode(sha256(&[&fs::read(bag.join(decode(path))).unwrap()])), hash, "{path}");
                (decode(path), hash.to_owned())
            })
            .collect()
    };
    let listed = manifest("manifest-sha256.txt");
    let mut bytes = 0;
    let mut files = 0;
    for path in files_below(&bag.join("data")) {
        if !path.symlink_metadata().unwrap().is_dir() {
            let relative = path.strip_prefix(bag).unwrap().to_str().unwrap().to_owned();
            assert!(listed.contains_key(&relative), "{relative:?} is in no manifest");
            files += 1;
            bytes += path.metadata().unwrap().len();
        }
    }
    assert_eq!(files, listed.len());
    let tags = manifest("tagmanifest-sha256.txt");
    for entry in fs::read_dir(bag).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            name == "data" || name == "tagmanifest-sha256.txt" || name == "evidence.json" || tags.contains_key(&name),
            "{name}"
        );
    }
    let info = fs::read_to_string(bag.join("bag-info.txt")).unwrap();
    assert!(info.contains(&format!("Payload-Oxum: {bytes}.{files}\n")), "{info}");
}

/// Links that a bag cannot list, from `links.txt`.
fn listed_links(bag: &Path) -> usize {
    fs::read_to_string(bag.join("links.txt")).map_or(0, |text| text.lines().count())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_tree_comes_back_plain_and_as_bags(
        things in prop::collection::vec((name(), thing(), time()), 1..6),
        class in prop_oneof![Just("public"), Just("confidential")],
    ) {
        let home = Home::new();
        let source = home.path("source");
        fs::create_dir(&source).unwrap();
        // Never empty, and something for the first link to lead to.
        let mut files = Vec::new();
        let anchor = Thing::File { content: b"anchor".to_vec(), mode: 0o640 };
        make(&source, &source.join("anchor"), &anchor, (1_000_000_000, 5), &mut files);
        for (name, thing, time) in &things {
            make(&source, &source.join(name), thing, *time, &mut files);
        }
        let before = seen(&source);
        home.run(&["create", "-o", "firm.sealed", "--until", "2099-12-31", "--class", class, "source"]).ends(0);
        prop_assert_eq!(&seen(&source), &before, "sealing changes nothing");
        home.run(&["verify", "firm.sealed", "--deep", "--against", "source"]).ends(0);

        home.run(&["restore", "firm.sealed", "--all", "--plain", "-o", "plain"]).ends(0);
        let records = fs::read_dir(&source).unwrap().count();
        let plain = home.path("plain");
        prop_assert_eq!(fs::read_dir(&plain).unwrap().count(), 2 * records, "each with its proof");
        for entry in fs::read_dir(&source).unwrap() {
            let name = entry.unwrap().file_name();
            let (sealed, restored) = (source.join(&name), plain.join(&name));
            // A record that is a link is compared as one: walking into it could lead to the folder of all records.
            match fs::read_link(&sealed) {
                Ok(target) => prop_assert_eq!(fs::read_link(&restored).unwrap(), target),
                Err(_) => compare_below(&sealed, &restored)?,
            }
        }

        home.run(&["restore", "firm.sealed", "--all", "-o", "bags"]).ends(0);
        for entry in fs::read_dir(&source).unwrap() {
            let entry = entry.unwrap();
            let bag = home.path("bags").join(entry.file_name());
            check_bag(&bag);
            let is_folder = entry.file_type().unwrap().is_dir();
            let inside = files_below(&bag.join("data")).len() + listed_links(&bag);
            prop_assert_eq!(inside, if is_folder { files_below(&entry.path()).len() } else { 1 });
        }
        home.has_no_leftovers();
    }
}

/// Compares two trees, hard links within the record included.
fn compare_below(source: &Path, restored: &Path) -> Result<(), TestCaseError> {
    let (expected, found) = (seen(source), seen(restored));
    prop_assert_eq!(expected.keys().collect::<Vec<_>>(), found.keys().collect::<Vec<_>>());
    for (path, expected) in &expected {
        let mut found =
            Seen { same_as: found[path].same_as.clone(), content: found[path].content.clone(), ..found[path] };
        if path.is_empty() {
            // The record itself: the first name of its own inode.
            found.same_as = expected.same_as.clone();
        }
        prop_assert_eq!(expected, &found, "{:?}", String::from_utf8_lossy(path));
    }
    Ok(())
}

// Parse and write.

fn hash() -> impl Strategy<Value = [u8; 32]> {
    any::<[u8; 32]>()
}

fn retention() -> impl Strategy<Value = Retention> {
    let day =
        (1900..9999i32, 1..366u32).prop_filter_map("a day", |(year, day)| chrono::NaiveDate::from_yo_opt(year, day));
    (day, any::<bool>())
        .prop_map(|(until, review)| Retention::until(until, if review { AtExpiry::Review } else { AtExpiry::Destroy }))
}

fn record_leaf() -> impl Strategy<Value = RecordLeaf> {
    let numbers = (any::<u64>(), any::<u64>(), any::<u64>());
    let label = prop::collection::vec(any::<u8>(), 0..600);
    (numbers, "[a-z0-9][a-z0-9-]{0,63}", hash(), retention(), (hash(), hash()), label).prop_map(
        |((record, offset, size), compartment, sha256, retention, (of_record, of_label), label)| RecordLeaf {
            record,
            compartment,
            offset,
            size,
            sha256,
            retention,
            commitments: LeafCommitments { record: of_record, label: of_label },
            label,
        },
    )
}

fn manifest() -> impl Strategy<Value = Manifest> {
    let compartments =
        prop::collection::hash_map("[a-z0-9][a-z0-9-]{0,63}", prop::collection::vec("[A-Za-z0-9]{1,20}", 1..4), 1..4);
    (any::<[u8; 16]>(), "[a-z.]{1,50}", compartments, 1..9u32).prop_map(|(id, firm, compartments, count)| {
        let key = SigningKey::from_seeds(&firm, &Secret32::random(), &Secret32::random());
        Manifest {
            format: FORMAT.into(),
            archive: hex::encode(id),
            created: "2026-11-22T08:00:00+08:00".into(),
            verifier_keys: key.verifier_keys().map(|key| key.to_string()),
            firm,
            compartments: compartments
                .into_iter()
                .map(|(name, recipients)| Compartment {
                    name,
                    class: Class::Sensitive,
                    recipients: recipients.into_iter().map(|r| format!("x-{r}")).collect(),
                })
                .collect(),
            rules: Vec::new(),
            custodians: Custodians { count, threshold: 1 },
        }
    })
}

proptest! {
    #[test]
    fn a_record_leaf_is_written_as_it_was_read(leaf in record_leaf()) {
        let bytes = leaf::to_bytes(&leaf);
        let parsed: RecordLeaf = leaf::parse(7, &bytes).unwrap();
        prop_assert_eq!(&parsed, &leaf);
        prop_assert_eq!(leaf::to_bytes(&parsed), bytes);
    }

    #[test]
    fn a_preamble_leaf_is_written_as_it_was_read(
        id in any::<[u8; 16]>(),
        members in prop::collection::vec(("\\PC{1,80}", any::<u64>(), hash()), 0..9),
    ) {
        let members = members.into_iter().map(|(name, size, sha256)| PreambleMember { name, size, sha256 }).collect();
        let leaf = PreambleLeaf { archive: hex::encode(id), members };
        let bytes = leaf::to_bytes(&leaf);
        let parsed: PreambleLeaf = leaf::parse(0, &bytes).unwrap();
        prop_assert_eq!(leaf::to_bytes(&parsed), bytes);
    }

    #[test]
    fn no_changed_leaf_is_read_as_another_spelling_of_the_same(leaf in record_leaf(), at in any::<usize>(), to in any::<u8>()) {
        let bytes = leaf::to_bytes(&leaf);
        let mut changed = bytes.clone();
        let at = at % changed.len();
        changed[at] = to;
        if let Ok(parsed) = leaf::parse::<RecordLeaf>(7, &changed) {
            prop_assert_eq!(parsed == leaf, changed == bytes);
        }
    }

    #[test]
    fn a_manifest_is_written_as_it_was_read(manifest in manifest()) {
        let bytes = manifest.to_bytes();
        let parsed = Manifest::parse(&bytes).unwrap();
        prop_assert_eq!(&parsed, &manifest);
        prop_assert_eq!(parsed.to_bytes(), bytes);
    }

    #[test]
    fn notes_checkpoints_and_proofs_are_written_as_they_were_read(
        origin in "[a-z][a-z./]{0,60}",
        size in 1..u64::MAX,
        root in hash(),
        leaf in prop::collection::vec(any::<u8>(), 0..300),
        hashes in prop::collection::vec(hash(), 0..40),
        time in 0..i64::MAX as u64,
    ) {
        let key = SigningKey::from_seeds("firm.example", &Secret32::random(), &Secret32::random());
        let signed = Checkpoint { origin, size, root }.sign(&key, time);
        let parsed = checkpoint::verify(signed.as_bytes(), &key.verifier_keys()).unwrap();
        prop_assert_eq!(parsed.time, time);
        let note = Note::parse(signed.as_bytes()).unwrap();
        let lines: String = note.signatures.iter().map(|s| signature_line(s.name, s.id, &s.signature)).collect();
        prop_assert_eq!(format!("{}\n{lines}", note.text), signed.clone());
        prop_assert_eq!(note.text, parsed.checkpoint.text());
        let proof = Proof { leaf, index: size / 2, hashes, checkpoint: signed };
        let text = proof.to_text();
        let parsed = Proof::parse(&text).unwrap();
        prop_assert_eq!(&parsed, &proof);
        prop_assert_eq!(parsed.to_text(), text);
    }

    #[test]
    fn no_bytes_make_a_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), text in "\\PC{0,200}") {
        for bytes in [&bytes[..], text.as_bytes()] {
            let _ = leaf::parse::<RecordLeaf>(1, bytes);
            let _ = Manifest::parse(bytes);
            let _ = keepuntil::archive::manifest::claimed_keys(bytes);
            let _ = checkpoint::claimed(bytes);
            let _ = keepuntil::archive::layout::parse_trailer(bytes);
            let _ = keepuntil::tlog::tile::bundle_entries(bytes, 3);
            let _ = keepuntil::crypto::header::stanza_types(bytes);
            let _ = keepuntil::crypto::header::stanza_types(&[b"age-encryption.org/v1\n", bytes].concat());
            let _ = keepuntil::crypto::record_file::RecordHeader::parse(bytes).is_ok();
        }
        let _ = Proof::parse(&text);
        let _ = Proof::parse(&format!("c2sp.org/tlog-proof@v1\nextra {text}\nindex 1\n\n{text}"));
        let _ = keepuntil::archive::pax::parse_time(&text);
        let _ = keepuntil::retention::policy::Policy::parse(&text);
        let _ = keepuntil::retention::parse_date(&text);
        let _ = text.parse::<keepuntil::retention::period::Period>();
        let _ = text.parse::<keepuntil::crypto::sign::VerifierKey>();
    }
}

#[test]
fn times_are_written_as_they_were_read() {
    use keepuntil::archive::{bag_writer::pax_time, pax::parse_time};
    for seconds in [0, 1, -1, -2, i64::MAX, i64::MIN, i64::MIN + 1, 1 << 33, -(1 << 33)] {
        for nanos in [0, 1, 500_000_000, 999_999_999] {
            let text = pax_time(seconds, nanos);
            assert_eq!(parse_time(&text), Some((seconds, nanos)), "{text}");
        }
    }
}

// By hand.

#[test]
fn names_in_gb18030_are_read_and_their_bytes_are_kept() {
    let home = Home::new();
    let gb = |text: &str| encoding_rs::GB18030.encode(text).0.into_owned();
    let folder = home.path("firm").join(OsStr::from_bytes(&gb("客户资料")));
    fs::create_dir_all(&folder).unwrap();
    let file = OsStr::from_bytes(&gb("发票 100%.txt")).to_owned();
    fs::write(folder.join(&file), "发票").unwrap();
    fs::write(home.path("firm").join(OsStr::from_bytes(&gb("零散.txt"))), "x").unwrap();
    home.write("firm/已经是UTF-8/a.txt", "y");
    let create = ["create", "-o", "firm.sealed", "--until", "2099-12-31", "firm"];
    home.run(&create).fails(1, "--names-from GB18030");
    assert!(!home.path("firm.sealed").exists());
    home.run(&[&create[..], &["--names-from", "klingon"]].concat()).fails(2, "klingon");
    home.run(&[&create[..], &["--names-from", "GB18030"]].concat()).ends(0);
    home.run(&["verify", "firm.sealed", "--against", "firm", "--names-from", "GB18030"]).ends(0);
    home.run(&["restore", "firm.sealed", "--all", "-o", "out"]).ends(0);
    let bag = home.path("out/客户资料");
    check_bag(&bag);
    assert_eq!(fs::read_to_string(bag.join("data/发票 100%.txt")).unwrap(), "发票");
    let originals = fs::read_to_string(bag.join("original-names.txt")).unwrap();
    assert_eq!(originals, format!("{}\t发票 100%25.txt\n", hex::encode(file.as_bytes())));
    assert!(!home.path("out/已经是UTF-8/original-names.txt").exists());
    assert!(home.path("out/零散.txt/data/零散.txt").exists());
}

#[test]
fn a_converted_name_that_no_file_system_takes_is_a_problem_before_it_is_sealed() {
    let home = Home::new();
    // 120 characters: 240 bytes in GB18030, 360 in UTF-8.
    let long = encoding_rs::GB18030.encode(&"档".repeat(120)).0.into_owned();
    fs::create_dir_all(home.path("firm/a")).unwrap();
    fs::write(home.path("firm/a").join(OsStr::from_bytes(&long)), "x").unwrap();
    let create = ["create", "-o", "firm.sealed", "--until", "2099-12-31", "--names-from", "GB18030", "firm"];
    home.run(&create).fails(1, "255 bytes");
    assert!(!home.path("firm.sealed").exists());
}

#[test]
fn a_policy_groups_dates_and_separates() {
    let home = Home::new();
    home.run(&["keygen", "-o", "auditor.txt"]).ends(0);
    let auditor = home.run(&["keygen", "-y", "auditor.txt"]).ends(0).out.trim().to_owned();
    home.write("firm/vouchers/2019/01/1.pdf", "one");
    home.write("firm/vouchers/2019/02/2.pdf", "two");
    home.write("firm/vouchers/2020/01/3.pdf", "three");
    home.write("firm/clients/沐阳/合同.txt", "contract");
    symlink("1.pdf", home.path("firm/vouchers/2019/01/link")).unwrap();
    fs::create_dir(home.path("firm/clients/沐阳/空")).unwrap();
    let policy = format!(
        "[[compartment]]\nname = \"accounts\"\nclass = \"sensitive\"\nrecipients = [\"{auditor}\"]\n\
         [[compartment]]\nname = \"clients\"\nclass = \"confidential\"\n\
         [[records]]\npath = \"vouchers/{{year}}/**\"\nrecord = \"vouchers-{{year}}\"\ndated = \"{{year}}-12-31\"\n\
         retain = \"P80Y\"\ncompartment = \"accounts\"\n\
         [[records]]\npath = \"clients/{{client}}/**\"\nrecord = \"{{client}}\"\nuntil = \"2099-12-31\"\n\
         at-expiry = \"review\"\ncompartment = \"clients\"\n"
    );
    home.write("policy.toml", &policy);
    let create = ["create", "-o", "firm.sealed", "--policy", "policy.toml", "firm"];
    home.run(&create).ends(0);
    let ran = home.run(&["inspect", "firm.sealed", "--json"]).ends(0);
    let of = |name: &str| -> serde_json::Value {
        let records = ran.json("record");
        records
            .into_iter()
            .find(|record| record.to_string().contains(name))
            .unwrap_or_else(|| panic!("{name}: {ran:#?}"))
    };
    assert!(of("沐阳").to_string().contains("2099-12-31") && of("沐阳").to_string().contains("review"));
    assert_eq!(ran.json("record").len(), 3);
    // The default identity opens its own compartment only.
    home.run(&["restore", "firm.sealed", "--all", "--plain", "-o", "out"]).ends(3);
    assert!(home.path("out/沐阳/clients/沐阳/空").is_dir());
    assert_eq!(fs::read_dir(home.path("out")).unwrap().count(), 2);
    home.run(&["restore", "firm.sealed", "--all", "--plain", "-i", "auditor.txt", "-o", "audit"]).ends(3);
    assert_eq!(fs::read(home.path("audit/vouchers-2019/vouchers/2019/02/2.pdf")).unwrap(), b"two");
    assert_eq!(fs::read_link(home.path("audit/vouchers-2019/vouchers/2019/01/link")).unwrap(), Path::new("1.pdf"));
    let identity = home.identity();
    let both = ["verify", "firm.sealed", "--against", "firm", "-i", "auditor.txt", "-i", identity.to_str().unwrap()];
    home.run(&both).ends(0);
    // What no pattern takes is listed, and nothing is made.
    home.write("firm/notes.txt", "forgotten");
    home.run(&["create", "-o", "second.sealed", "--policy", "policy.toml", "firm"]).fails(1, "notes.txt");
    assert!(!home.path("second.sealed").exists());
}

#[test]
fn an_archive_goes_through_a_pipe_byte_for_byte() {
    let home = Home::new();
    home.small_firm();
    let file = File::create(home.path("piped.sealed")).unwrap();
    let output = home
        .command()
        .args(["create", "-o", "-", "--until", "2099-12-31", "clients"])
        .stdout(file)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    Ran::from(output).ends(0);
    home.run(&["verify", "piped.sealed", "--deep", "--against", "clients"]).ends(0);
    home.run(&["restore", "piped.sealed", "--all", "--plain", "-o", "out"]).ends(0);
    assert_eq!(fs::read(home.path("out/Smith/letter.txt")).unwrap(), b"Dear Mr Smith");
}

#[test]
fn what_was_skipped_is_said_by_exit_3_and_in_the_label() {
    let home = Home::new();
    home.small_firm();
    let _socket = std::os::unix::net::UnixListener::bind(home.path("clients/Smith/socket")).unwrap();
    let odd = home.path("clients/Smith").join(OsStr::from_bytes(b"\xff\xfe"));
    fs::write(odd, "x").unwrap();
    let create = ["create", "-o", "firm.sealed", "--until", "2099-12-31", "--skip-unreadable", "clients"];
    let ran = home.run(&create).ends(3);
    assert!(ran.err.contains("clients/Smith/socket"), "{ran:#?}");
    let ran = home.run(&["inspect", "firm.sealed", "--json"]).ends(0);
    let smith = ran.json("record").into_iter().find(|record| record.to_string().contains("\"Smith\"")).unwrap();
    assert!(smith.to_string().contains("clients/Smith/socket") && smith.to_string().contains("not UTF-8"), "{smith}");
    home.run(&["restore", "firm.sealed", "--match", "Smith", "-o", "out"]).ends(0);
    let skipped = fs::read_to_string(home.path("out/Smith/skipped.txt")).unwrap();
    assert!(skipped.contains("clients/Smith/socket: it is a socket"), "{skipped}");
    check_bag(&home.path("out/Smith"));
}

#[test]
fn what_a_policy_cannot_place_because_it_cannot_be_read_is_named_in_a_record_of_its_own() {
    let home = Home::new();
    home.small_firm();
    let _socket = std::os::unix::net::UnixListener::bind(home.path("clients/Smith/socket")).unwrap();
    home.write(
        "policy.toml",
        "[[compartment]]\nname = \"all\"\nclass = \"public\"\n[[records]]\npath = \"**\"\nrecord = \"all\"\n\
         until = \"2099-12-31\"\ncompartment = \"all\"\n",
    );
    let create = ["create", "-o", "firm.sealed", "--policy", "policy.toml", "clients"];
    home.run(&create).fails(1, "clients/Smith/socket");
    home.nothing_in("firm.sealed");
    home.run(&[&create[..], &["--skip-unreadable"]].concat()).ends(3);
    let ran = home.run(&["inspect", "firm.sealed", "--json"]).ends(0);
    let named = ran.json("record").into_iter().find(|record| record["label"]["name"] == "left-out").unwrap();
    assert!(named.to_string().contains("clients/Smith/socket"), "{named}");
    home.run(&["restore", "firm.sealed", "--all", "-o", "out"]).ends(0);
    check_bag(&home.path("out/left-out"));
}

#[test]
fn a_restored_folder_can_be_sealed_again() {
    let home = Home::new();
    home.small_firm();
    home.create("firm.sealed");
    home.run(&["restore", "firm.sealed", "--all", "-o", "out"]).ends(0);
    home.run(&["create", "-o", "again.sealed", "--until", "2099-12-31", "out"]).ends(0);
    home.run(&["verify", "again.sealed", "--against", "out"]).ends(0);
    // A record and the proof of another have one name: neither replaces the other.
    home.run(&["restore", "again.sealed", "--match", "Smith", "-o", "one"]).ends(0);
    home.run(&["restore", "again.sealed", "--match", "Smith.tlog-proof", "-o", "one"]).ends(1);
    home.run(&["restore", "again.sealed", "--all", "-o", "all"]).ends(0);
    assert!(home.path("all/Smith.tlog-proof").is_dir());
    home.run(&["restore", "again.sealed", "--match", "Smith.tlog-proof", "-o", "two"]).ends(0);
    home.run(&["restore", "again.sealed", "--match", "Smith", "-o", "two"]).ends(0);
    assert!(fs::read_dir(home.path("two")).unwrap().count() == 4);
    home.has_no_leftovers();
}
