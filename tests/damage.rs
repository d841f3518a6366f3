//! Damaged, forged and hostile input: found, named, refused; nothing is written where it must not be, nothing is left.

mod support;

use keepuntil::archive::ArchiveError;
use keepuntil::archive::label::RecordKind;
use keepuntil::archive::reader::ArchiveReader;
use keepuntil::archive::verify::verify;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::{Bag, Content, Forge, Home, MakeFile, Ran, age_file, files_below, fix_checksum, members, tar_header};

/// A home with a small firm sealed in `firm.sealed`.
fn sealed() -> (Home, Vec<u8>) {
    let home = Home::new();
    home.small_firm();
    home.create("firm.sealed");
    let bytes = fs::read(home.path("firm.sealed")).unwrap();
    (home, bytes)
}

/// A home whose keyring and identity are there, for forged archives.
fn forging() -> Home {
    let home = Home::new();
    home.write("clients/a/x", "x");
    home.create("first.sealed");
    home
}

/// Whether the library finds the archive damaged.
fn is_found(file: &Path) -> bool {
    match ArchiveReader::open(File::open(file).unwrap()) {
        Err(ArchiveError::Damaged { .. }) => true,
        Err(other) => panic!("not called damage: {other}"),
        Ok(mut reader) => !verify(&mut reader, 1, &|_| false, &|_| ()).unwrap().damage.is_empty(),
    }
}

fn verify_fails(home: &Home, name: &str) -> Ran {
    home.run(&["verify", name]).fails(10, name)
}

fn restore(home: &Home, name: &str, more: &[&str]) -> Ran {
    let arguments = [&["restore", name, "--all", "-o", "out"], more].concat();
    home.run(&arguments)
}

/// Seals a bag as the only record, and expects `restore` in both forms and `verify --deep` to refuse it as damage.
#[track_caller]
fn bag_is_refused(bag: Bag, why: &str) {
    tar_is_refused_as(bag, 10, why);
}

#[track_caller]
fn tar_is_refused_as(bag: Bag, code: i32, why: &str) {
    let home = forging();
    home.write("precious", "precious");
    Forge::of_tar(bag).seal(&home, "forged.sealed");
    home.run(&["verify", "forged.sealed"]).ends(0);
    for more in [&[][..], &["--plain"]] {
        restore(&home, "forged.sealed", more).fails(code, why);
        home.nothing_in("out");
    }
    assert_eq!(fs::read(home.path("precious")).unwrap(), b"precious");
}

// Bits, bytes, lengths.

#[test]
fn every_single_flipped_bit_is_found() {
    let (home, bytes) = sealed();
    let copies: Vec<_> = (0..2).map(|i| home.write(&format!("copy-{i}"), &bytes)).collect();
    assert!(!is_found(&copies[0]));
    std::thread::scope(|scope| {
        for (part, path) in copies.iter().enumerate() {
            let bytes = &bytes;
            scope.spawn(move || {
                let file = File::options().write(true).open(path).unwrap();
                for at in (part..bytes.len()).step_by(2) {
                    let flipped = bytes[at] ^ (1 << (at % 8));
                    file.write_all_at(&[flipped], at as u64).unwrap();
                    assert!(is_found(path), "byte {at} of {}", bytes.len());
                    file.write_all_at(&bytes[at..=at], at as u64).unwrap();
                }
            });
        }
    });
}

#[test]
fn a_flip_in_each_class_of_bytes_is_exit_10_and_names_the_file() {
    let (home, bytes) = sealed();
    for (at, name, size) in members(&bytes) {
        for at in [at, at + 150, at + 512, at + 512 + size / 2, at + 512 + size - 1] {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            home.write("bad.sealed", &changed);
            let ran = verify_fails(&home, "bad.sealed");
            assert!(ran.out.is_empty() || !ran.out.contains("whole, sealed"), "{name}: {ran:#?}");
        }
    }
}

#[test]
fn damage_in_one_record_is_named_and_the_others_are_restored() {
    let (home, bytes) = sealed();
    let (at, ..) = members(&bytes).into_iter().find(|(_, name, _)| name.starts_with("records/0000000002/")).unwrap();
    let mut changed = bytes;
    changed[at + 512 + 300] ^= 1;
    home.write("bad.sealed", &changed);
    let ran = verify_fails(&home, "bad.sealed");
    assert!(ran.out.contains("record 2"), "{ran:#?}");
    assert!(ran.err.contains("2 records of 3 whole"), "{ran:#?}");
    restore(&home, "bad.sealed", &[]).fails(10, "record 2");
    let restored = fs::read_dir(home.path("out")).unwrap().count();
    assert_eq!(restored, 4, "two records with their proofs");
    home.has_no_leftovers();
    home.run(&["restore", "bad.sealed", "--record", "2", "-o", "alone"]).fails(10, "record 2");
    home.nothing_in("alone");
}

#[test]
fn damage_in_the_middle_of_a_large_record_is_damage_and_not_a_failure_of_the_disk() {
    let home = Home::new();
    let noise: Vec<u8> = (0..1u64 << 17).flat_map(|i| keepuntil::crypto::hash::sha256(&[&i.to_be_bytes()])).collect();
    home.write("clients/big/noise", &noise);
    home.write("clients/small/x", "x");
    home.create("firm.sealed");
    let mut bytes = fs::read(home.path("firm.sealed")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    home.write("bad.sealed", &bytes);
    for more in [&[][..], &["--plain"]] {
        let ran = restore(&home, "bad.sealed", more).fails(10, "does not open");
        assert!(!ran.err.contains(".keepuntil-"), "{ran:#?}");
        assert!(!home.path("out/big").exists() && home.path("out/small").exists());
        home.has_no_leftovers();
        fs::remove_dir_all(home.path("out")).unwrap();
    }
    home.run(&["verify", "bad.sealed", "--deep"]).fails(10, "bad.sealed");
}

#[test]
fn a_damaged_hash_tile_is_named_and_every_record_still_verifies() {
    let home = Home::new();
    for i in 0..600 {
        home.write(&format!("clients/{i:03}"), format!("{i}"));
    }
    home.create("firm.sealed");
    let bytes = fs::read(home.path("firm.sealed")).unwrap();
    let all = members(&bytes);
    let (tile, name, size) = all.iter().find(|(_, name, _)| name.starts_with("tile/1/")).unwrap();
    for at in tile + 512..tile + 512 + size {
        let mut changed = bytes.clone();
        changed[at] ^= 4;
        home.write("bad.sealed", changed);
        assert!(is_found(&home.path("bad.sealed")), "byte {at}");
    }
    let ran = verify_fails(&home, "bad.sealed");
    assert!(ran.out.contains(name) && ran.err.contains("600 records of 600 whole"), "{ran:#?}");
    restore(&home, "bad.sealed", &["--plain"]).ends(0);
    assert_eq!(fs::read(home.path("out/599")).unwrap(), b"599");
    // A damaged bundle hides where its own records are; those before and behind it are none the worse.
    let (bundle, ..) = all.iter().filter(|(_, name, _)| name.starts_with("tile/entries/")).nth(1).unwrap();
    let mut changed = bytes.clone();
    changed[bundle + 600] ^= 4;
    home.write("bad.sealed", changed);
    let ran = verify_fails(&home, "bad.sealed");
    assert!(ran.out.contains("records 256 to 511 cannot be checked"), "{ran:#?}");
    assert!(ran.err.contains("344 records of 600 whole"), "{ran:#?}");
    fs::remove_dir_all(home.path("out")).unwrap();
    let ran = restore(&home, "bad.sealed", &["--plain", "--json"]).ends(10);
    assert_eq!(ran.json("restored").len(), 344);
    home.run(&["restore", "bad.sealed", "--record", "600", "-o", "one"]).ends(0);
    home.run(&["restore", "bad.sealed", "--record", "300", "-o", "none"]).fails(10, "leaf 300");
    home.nothing_in("none");
}

#[test]
fn a_file_cut_at_any_member_or_anywhere_else_is_refused() {
    let (home, bytes) = sealed();
    let path = home.path("cut.sealed");
    let boundaries = members(&bytes).into_iter().flat_map(|(at, _, size)| [at, at + 512, at + 512 + size]);
    let elsewhere = (0..300).map(|i| i * 7919 % bytes.len());
    let end = [bytes.len() - 1, bytes.len() - 512, bytes.len() - 1024];
    for len in boundaries.chain(elsewhere).chain(end) {
        fs::write(&path, &bytes[..len]).unwrap();
        assert!(is_found(&path), "cut to {len}");
    }
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    verify_fails(&home, "cut.sealed");
    restore(&home, "cut.sealed", &[]).fails(10, "cut.sealed");
    home.run(&["inspect", "cut.sealed"]).fails(10, "cut.sealed");
    home.nothing_in("out");
}

#[test]
fn trailing_bytes_are_refused() {
    let (home, bytes) = sealed();
    for extra in [&[0][..], &[0; 512], &[0; 1024], b"x", &[7; 512]] {
        home.write("long.sealed", [&bytes, extra].concat());
        verify_fails(&home, "long.sealed");
    }
}

#[test]
fn what_is_no_archive_is_exit_10() {
    let (home, bytes) = sealed();
    home.write("empty", "");
    home.write("zeros", [0; 4096]);
    home.write("text", "not an archive\n".repeat(300));
    fs::create_dir(home.path("folder")).unwrap();
    mkfifo(&home.path("pipe"));
    let mut first_byte = bytes;
    first_byte[0] ^= 0x80;
    home.write("first-byte", &first_byte);
    for name in ["empty", "zeros", "text", "folder", "pipe", "first-byte"] {
        verify_fails(&home, name);
    }
    for name in ["empty", "zeros", "text", "folder", "pipe"] {
        home.run(&["inspect", name]).fails(10, name);
        restore(&home, name, &[]).fails(10, name);
        home.nothing_in("out");
    }
    home.run(&["verify", "absent"]).fails(1, "absent");
}

fn mkfifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

// The tar that everybody sees.

#[test]
fn members_duplicated_reordered_dropped_or_renamed_are_found() {
    let (home, bytes) = sealed();
    let path = home.path("forged.sealed");
    let all = members(&bytes);
    let ranges: Vec<_> = all.iter().map(|&(at, _, size)| at..at + 512 + size.next_multiple_of(512)).collect();
    for i in 0..all.len() {
        let (before, whole, after) = (&bytes[..ranges[i].start], &bytes[ranges[i].clone()], &bytes[ranges[i].end..]);
        fs::write(&path, [before, whole, whole, after].concat()).unwrap();
        assert!(is_found(&path), "{} twice", all[i].1);
        fs::write(&path, [before, after].concat()).unwrap();
        assert!(is_found(&path), "without {}", all[i].1);
        if let Some(next) = ranges.get(i + 1) {
            let swapped = [before, &bytes[next.clone()], whole, &bytes[next.end..]].concat();
            fs::write(&path, swapped).unwrap();
            assert!(is_found(&path), "{} and {} swapped", all[i].1, all[i + 1].1);
        }
        for name in ["x", "/etc/passwd", "../../x", "records/../../x", "records/0000000001/00000001"] {
            let mut changed = bytes.clone();
            let header = &mut changed[all[i].0..all[i].0 + 512];
            header[..100].fill(0);
            header[..name.len()].copy_from_slice(name.as_bytes());
            fix_checksum(header);
            fs::write(&path, changed).unwrap();
            assert!(is_found(&path), "{} named {name}", all[i].1);
        }
    }
}

#[test]
fn sizes_near_the_largest_number_in_any_header_are_found_without_a_panic() {
    let (home, bytes) = sealed();
    let path = home.path("forged.sealed");
    for (at, name, _) in members(&bytes) {
        for size in [(1u64 << 63) - 1, 1 << 63, u64::MAX, u64::MAX - 511, (1 << 33) - 1, 1 << 60] {
            let mut changed = bytes.clone();
            let header = &mut changed[at..at + 512];
            header[124..136].fill(0);
            header[124] = 0x80;
            header[128..136].copy_from_slice(&size.to_be_bytes());
            fix_checksum(header);
            fs::write(&path, changed).unwrap();
            assert!(is_found(&path), "{name} of {size} bytes");
        }
    }
    verify_fails(&home, "forged.sealed");
}

#[test]
fn a_trailer_that_points_elsewhere_is_refused() {
    let (home, bytes) = sealed();
    let path = home.path("forged.sealed");
    let at = bytes.len() - 1536;
    let huge = [0, 512, bytes.len() as u64, (1 << 62) - 1, 9_999_999_999_999_999_999];
    for index in huge {
        for checkpoint in huge {
            let mut changed = bytes.clone();
            let text = format!("keepuntil archive\nindex {index:020}\ncheckpoint {checkpoint:020}\n");
            changed[at..at + text.len()].copy_from_slice(text.as_bytes());
            fs::write(&path, changed).unwrap();
            assert!(is_found(&path), "{index} {checkpoint}");
        }
    }
}

// Properly sealed, by somebody who means harm.

#[test]
fn a_leaf_whose_record_lies_elsewhere_is_refused() {
    let two = |change: fn(&mut keepuntil::archive::leaf::RecordLeaf)| {
        let mut forge = Forge::new();
        forge.add("one", Bag::new().file("data/x", b"1").close());
        forge.add("two", Bag::new().file("data/x", b"2").close());
        forge.change_leaf = Box::new(change);
        forge
    };
    type Change = fn(&mut keepuntil::archive::leaf::RecordLeaf);
    let changes: [Change; 8] = [
        |leaf| leaf.offset += 512,
        |leaf| leaf.offset = 0,
        |leaf| leaf.offset = u64::MAX - 100,
        |leaf| leaf.offset = 1 << 63,
        |leaf| leaf.size = 1 << 60,
        |leaf| leaf.size = u64::MAX,
        |leaf| leaf.size = 3,
        |leaf| leaf.record += 1,
    ];
    for (i, change) in changes.into_iter().enumerate() {
        let home = forging();
        two(change).seal(&home, "forged.sealed");
        let ran = home.run(&["verify", "forged.sealed"]).fails(10, "forged.sealed");
        assert!(ran.out.contains("record 1"), "{i}: {ran:#?}");
        let ran = restore(&home, "forged.sealed", &[]);
        assert!(ran.code == Some(10), "{i}: {ran:#?}");
        home.nothing_in("out");
        let ran = home.run(&["inspect", "forged.sealed"]);
        assert!(ran.code == Some(10) || i < 2, "{i}: {ran:#?}");
    }
}

#[test]
fn a_compartment_that_is_not_declared_is_refused() {
    let home = forging();
    let mut forge = Forge::of_tar(Bag::new().close());
    forge.change_leaf = Box::new(|leaf| leaf.compartment = "others".into());
    forge.seal(&home, "forged.sealed");
    verify_fails(&home, "forged.sealed");
}

#[test]
fn a_newer_format_is_said_only_of_a_seal_that_verifies() {
    let home = forging();
    let mut forge = Forge::of_tar(Bag::new().close());
    forge.change_manifest = Box::new(|manifest| manifest.format = "keepuntil/v9".into());
    let path = forge.seal(&home, "newer.sealed");
    home.run(&["verify", "newer.sealed"]).fails(1, "keepuntil/v9");
    let mut bytes = fs::read(&path).unwrap();
    let at = members(&bytes).into_iter().find(|(_, name, _)| name == "checkpoint").unwrap().0 + 700;
    bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    fs::write(&path, bytes).unwrap();
    let ran = verify_fails(&home, "newer.sealed");
    assert!(!ran.err.contains("keepuntil/v9"), "{ran:#?}");
}

#[test]
fn a_preamble_member_of_impossible_size_is_refused_without_reserving_memory() {
    use keepuntil::archive::leaf::{self, PreambleLeaf};
    let home = forging();
    let path = Forge::of_tar(Bag::new().close()).seal(&home, "forged.sealed");
    // Sealed anew over a leaf 0 whose last member claims nearly all there is.
    for size in [1 << 60, u64::MAX, u64::MAX - 511, (16 << 20) + 1] {
        let bytes = fs::read(&path).unwrap();
        let forged = reseal(&home, &bytes, |entry| {
            let mut preamble: PreambleLeaf = leaf::parse(0, entry).unwrap();
            preamble.members[2].size = size;
            leaf::to_bytes(&preamble)
        });
        home.write("huge.sealed", forged);
        verify_fails(&home, "huge.sealed");
        restore(&home, "huge.sealed", &[]).fails(10, "huge.sealed");
        home.nothing_in("out");
    }
}

/// Rebuilds tree and seal of a one-bundle archive over a changed leaf 0, as only its signer can. The keyring does not
/// take part, so the result is foreign to it only where it is asked.
fn reseal(home: &Home, bytes: &[u8], change: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    use keepuntil::archive::layout;
    use keepuntil::tlog::checkpoint::{Checkpoint, claimed};
    use keepuntil::tlog::tile::{LogBuilder, bundle_entries};
    let all = members(bytes);
    let (at, name, size) = all.iter().find(|(_, name, _)| name.starts_with("tile/entries/")).unwrap();
    let width: usize = name.rsplit('/').next().unwrap().parse().unwrap();
    let mut log = LogBuilder::default();
    for (i, entry) in bundle_entries(&bytes[at + 512..at + 512 + size], width).unwrap().into_iter().enumerate() {
        assert!(log.push(&if i == 0 { change(entry) } else { entry.to_vec() }).unwrap().is_empty());
    }
    let (partial, root) = log.finish();
    let mut out = bytes[..*at].to_vec();
    let member = |out: &mut Vec<u8>, name: &str, content: &[u8]| {
        out.extend_from_slice(&layout::member_header(name, content.len() as u64).unwrap());
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(512), 0);
    };
    member(&mut out, &partial[0].path, &partial[0].bytes);
    let index = out.len() as u64;
    member(&mut out, layout::INDEX, &(*at as u64).to_be_bytes());
    let (at, _, size) = &all[all.len() - 2];
    let old = claimed(&bytes[at + 512..at + 512 + size]).unwrap();
    let key = home.open_keyring().signing_key();
    let checkpoint = out.len() as u64;
    member(&mut out, layout::CHECKPOINT, Checkpoint { root, ..old }.sign(&key, 1_700_000_000).as_bytes());
    member(&mut out, layout::TRAILER, layout::trailer_text(index, checkpoint).as_bytes());
    out.extend_from_slice(&[0; 1024]);
    out
}

#[test]
fn another_seal_of_an_archive_that_the_keyring_knows_is_refused() {
    let (home, bytes) = sealed();
    let other = reseal(&home, &bytes, |entry| [entry].concat());
    // The same tree under a signature of another time is the same seal; another tree is not.
    home.write("same.sealed", &other);
    home.run(&["verify", "same.sealed"]).ends(0);
    let at = members(&bytes)[0].0 + 512;
    let mut readme = bytes.clone();
    readme[at] ^= 1;
    let forged = reseal(&home, &readme, |entry| {
        use keepuntil::archive::leaf::{self, PreambleLeaf};
        let mut preamble: PreambleLeaf = leaf::parse(0, entry).unwrap();
        preamble.members[0].sha256 =
            keepuntil::crypto::hash::sha256(&[&readme[at..at + preamble.members[0].size as usize]]);
        leaf::to_bytes(&preamble)
    });
    home.write("forged.sealed", forged);
    for arguments in [&["verify", "forged.sealed"][..], &["inspect", "forged.sealed"]] {
        home.run(arguments).fails(10, "forged.sealed");
    }
    restore(&home, "forged.sealed", &[]).fails(10, "forged.sealed");
    home.nothing_in("out");
}

#[test]
fn an_access_file_with_a_header_of_megabytes_is_refused_quickly() {
    let home = forging();
    let mut forge = Forge::of_tar(Bag::new().close());
    forge.change_access = Box::new(|_| {
        let mut file = b"age-encryption.org/v1\n".to_vec();
        for _ in 0..200_000 {
            file.extend_from_slice(b"-> X\n\n");
        }
        file
    });
    forge.seal(&home, "forged.sealed");
    let start = Instant::now();
    verify_fails(&home, "forged.sealed");
    restore(&home, "forged.sealed", &[]).fails(10, "forged.sealed");
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    home.nothing_in("out");
}

#[test]
fn a_second_stanza_or_another_key_in_a_record_is_refused() {
    use keepuntil::crypto::secret::Secret32;
    let home = forging();
    fn tar() -> Vec<u8> {
        Bag::new().close().finish()
    }
    let two_stanzas = |key: &Secret32| {
        let file = age_file(key, &zstd::encode_all(&tar()[..], 3).unwrap());
        let second =
            b"-> X25519 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n";
        let at = file.windows(4).position(|w| w == b"--- ").unwrap();
        [&file[..at], second, &file[at..]].concat()
    };
    let another_key = |_: &Secret32| age_file(&Secret32::random(), &zstd::encode_all(&tar()[..], 3).unwrap());
    let contents: [(MakeFile, i32); 2] = [(Box::new(two_stanzas), 10), (Box::new(another_key), 0)];
    for (make, verified) in contents {
        let mut forge = Forge::of_tar(Bag::new().close());
        forge.records[0].content = Content::Age(make);
        forge.seal(&home, "forged.sealed");
        home.run(&["verify", "forged.sealed"]).ends(verified);
        restore(&home, "forged.sealed", &[]).fails(10, "record 1");
        home.nothing_in("out");
        home.run(&["verify", "forged.sealed", "--deep"]).ends(10);
    }
}

#[test]
fn bytes_behind_the_tar_stream_or_the_frames_are_refused() {
    bag_is_refused(
        {
            let mut bag = Bag::new().close();
            bag.tar.extend_from_slice(&[0; 1024]);
            bag.tar.push(1);
            bag
        },
        "two blocks of zeros",
    );
    bag_is_refused(
        {
            let mut bag = Bag::new().close();
            bag.tar.extend_from_slice(&[0; 512]);
            bag
        },
        "two blocks of zeros",
    );
    let home = forging();
    let compressed = zstd::encode_all(&Bag::new().close().finish()[..], 3).unwrap();
    let cut = compressed[..compressed.len() - 3].to_vec();
    for content in [[&compressed[..], b"more"].concat(), cut, Vec::new(), b"no zstd at all".to_vec()] {
        let mut forge = Forge::of_tar(Bag::new().close());
        forge.records[0].content = Content::Zstd(content);
        forge.seal(&home, "forged.sealed");
        restore(&home, "forged.sealed", &[]).fails(10, "record 1");
        home.nothing_in("out");
    }
    // Without any end block at all.
    let mut forge = Forge::of_tar(Bag::new().close());
    forge.records[0].content = Content::Tar(Bag::new().close().tar);
    forge.seal(&home, "forged.sealed");
    restore(&home, "forged.sealed", &[]).fails(10, "record 1");
}

#[test]
fn a_window_beyond_27_bits_is_refused() {
    let home = forging();
    // A frame header alone: no single segment, no content size, window log 10 + 18.
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 18 << 3, 0x01, 0x00, 0x00];
    let mut forge = Forge::of_tar(Bag::new().close());
    forge.records[0].content = Content::Zstd(frame.to_vec());
    forge.seal(&home, "forged.sealed");
    restore(&home, "forged.sealed", &[]).fails(10, "memory");
    home.nothing_in("out");
}

#[test]
fn zstd_and_tar_bombs_end_at_their_limits() {
    let home = forging();
    let zeros = |len: usize| vec![0u8; len];
    let with_label = |bag: Bag, files: u64, bytes: u64| {
        let mut forge = Forge::of_tar(bag);
        (forge.records[0].label.files, forge.records[0].label.bytes) = (files, bytes);
        forge
    };
    let refused = |forge: Forge, more: &[&str], code: i32, why: &str| {
        forge.seal(&home, "bomb.sealed");
        restore(&home, "bomb.sealed", more).fails(code, why);
        home.nothing_in("out");
    };
    // More files, or bytes, than the label says; and fewer.
    let three = || Bag::new().file("data/a", b"1").file("data/b", b"2").file("data/c", b"3").close();
    refused(with_label(three(), 2, 3), &[], 1, "more than its label says");
    refused(with_label(three(), 3, 2), &[], 1, "more than its label says");
    refused(with_label(three(), 4, 3), &[], 10, "less than its label says");
    refused(with_label(three(), 3, u64::MAX), &[], 1, "fold");
    // Members of no size at all.
    let mut many = Bag::new();
    for i in 0..3000 {
        many = many.directory(&format!("data/{i}/"));
    }
    refused(Forge::of_tar(many.close()), &["--max-members", "1000"], 1, "members");
    // Headers that are large themselves, and tag files.
    let mut pax = Bag::new();
    pax.raw("pax", b'x', "", &zeros((1 << 20) + 1));
    refused(Forge::of_tar(pax.close()), &[], 1, "pax header");
    let tag = Bag::new().end_payload().with_tag("skipped.txt", &zeros((64 << 20) + 1)).close_tags();
    refused(Forge::of_tar(tag), &[], 1, "tag file");
    // A manifest that goes on and on.
    let mut manifest = Bag::new();
    manifest.tag("manifest-sha256.txt", &zeros(100 << 20));
    refused(Forge::of_tar(manifest.close_tags()), &[], 10, "manifest-sha256.txt");
    // Content behind a folder, which no manifest would list.
    let mut folder = Bag::new();
    folder.raw("data/f/", b'5', "", b"hidden");
    refused(Forge::of_tar(folder.close()), &[], 10, "has content");
}

#[test]
fn a_stream_that_outgrows_the_ratio_outside_of_its_files_is_a_bomb_too() {
    let home = forging();
    // Two gigabytes of pax headers: one of a megabyte, compressed once, two thousand times over.
    let mut header = Bag::new();
    header.tar.clear();
    let value = "x".repeat((1 << 20) - 100);
    header.pax(&[("path", &value)]);
    let header = zstd::encode_all(&header.tar[..], 3).unwrap();
    let content = [zstd::encode_all(&Bag::new().tar[..], 3).unwrap(), header.repeat(2100)].concat();
    let mut forge = Forge::of_tar(Bag::new().close());
    forge.records[0].content = Content::Zstd(content);
    forge.seal(&home, "bomb.sealed");
    restore(&home, "bomb.sealed", &["--max-ratio", "100"]).fails(1, "grows more than");
    home.nothing_in("out");
}

#[test]
fn paths_that_lead_out_of_a_record_are_refused() {
    for path in
        ["data/../x", "data/../../precious", "data/a/../../x", "/etc/keepuntil-test", "data//x", "data/./x", "x"]
    {
        bag_is_refused(Bag::new().file(path, b"evil").close(), "record 1");
        bag_is_refused(Bag::new().with_pax(&[("path", path)]).file("data/pax", b"evil").close(), "record 1");
    }
    for path in ["data/../evil/", "data//"] {
        bag_is_refused(Bag::new().directory(path).close(), "record 1");
    }
}

#[test]
fn links_that_lead_out_of_a_record_are_refused() {
    // A symbolic link in the payload leads to a file in it or is damage.
    for target in ["/etc/passwd", "../precious", "../../precious", "missing", "", "."] {
        bag_is_refused(Bag::new().link("data/link", b'2', target, b"x").close(), "record 1");
    }
    // A hard link leads to a file before it.
    for target in ["/etc/passwd", "data/missing", "data/../../precious", "precious"] {
        bag_is_refused(Bag::new().link("data/link", b'1', target, b"x").close(), "record 1");
    }
    // A file written through a link that came before.
    let through =
        Bag::new().linked_file("data/file", b"1").link("data/link", b'2', "file", b"1").file("data/link/x", b"evil");
    bag_is_refused(through.close(), "record 1");
    let over = Bag::new().linked_file("data/file", b"1").link("data/link", b'2', "file", b"1").file("data/link", b"2");
    bag_is_refused(over.close(), "record 1");
    // Devices, pipes and extensions that no record holds.
    for kind in [b'3', b'4', b'6', b'7', b'L', b'K', b'S', b'g', b'V'] {
        let mut bag = Bag::new();
        bag.raw("data/x", kind, "", b"");
        bag_is_refused(bag.close(), "record 1");
    }
}

#[test]
fn links_txt_writes_nothing_through_its_own_links() {
    let home = forging();
    home.write("outside/precious", "precious");
    let outside = home.path("outside");
    let evil = |lines: String| {
        Bag::new().directory("data/d/").end_payload().with_tag("links.txt", lines.as_bytes()).close_tags()
    };
    let cases = [
        format!("a\t{}\t0\na/b\tx\t0\n", outside.display()),
        "a\t../../outside\t0\na/b\tx\t0\n".to_owned(),
        "../a\tx\t0\n".to_owned(),
        "/a\tx\t0\n".to_owned(),
        "d\tx\t0\n".to_owned(),
        "a\tx\n".to_owned(),
        "a\tx\t0".to_owned(),
        format!("{}\tx\t0\n", "a".repeat(70_000)),
        "\u{fffd}%41\tx\t0\n".to_owned(),
    ];
    for lines in cases {
        Forge::of_tar(evil(lines.clone())).seal(&home, "forged.sealed");
        let ran = restore(&home, "forged.sealed", &["--plain"]);
        assert_eq!(ran.code, Some(10), "{lines:?}: {ran:#?}");
        home.nothing_in("out");
        assert_eq!(files_below(&outside), [outside.join("precious")], "{lines:?}");
    }
    let mut bag = Bag::new().end_payload();
    bag.tag("links.txt", b"\xff\tx\t0\n");
    Forge::of_tar(bag.close_tags()).seal(&home, "forged.sealed");
    restore(&home, "forged.sealed", &["--plain"]).fails(10, "links.txt");
}

#[test]
fn a_bag_that_does_not_agree_with_itself_is_refused() {
    bag_is_refused(Bag::new().listed("data/missing", b"x").close(), "manifest-sha256.txt");
    let mut unlisted = Bag::new();
    unlisted.raw("data/x", b'0', "", b"x");
    (unlisted.files, unlisted.bytes) = (1, 1);
    bag_is_refused(unlisted.close(), "manifest-sha256.txt");
    bag_is_refused(Bag::new().file("data/x", b"1").file("data/x", b"2").close(), "record 1");
    bag_is_refused(Bag::new().file("data/a", b"1").file("data/a/b", b"2").close(), "record 1");
    bag_is_refused(Bag::new().file("data/absent/b", b"2").close(), "record 1");
    bag_is_refused(Bag::new().end_payload().file("data/late", b"1").close_tags(), "behind the manifest");
    bag_is_refused(Bag::new().end_payload(), "no end");
    bag_is_refused(Bag::new().close().with_tag("bagit.txt", support::BAGIT.as_bytes()), "bagit.txt");
    bag_is_refused(Bag::new().end_payload().with_tag("evil.txt", b"x").close_tags(), "evil.txt");
    bag_is_refused(Bag::new().with_pax(&[("size", "7")]).file("data/x", b"x").close(), "keyword");
    bag_is_refused(Bag::new().with_pax(&[("mtime", "NaN")]).file("data/x", b"x").close(), "pax");
    let mut checksum = Bag::new();
    let mut header = tar_header("data/x", b'0', "", 0);
    header[0] ^= 1;
    checksum.tar.extend_from_slice(&header);
    bag_is_refused(checksum.close(), "record 1");
    let says_so = "more than its label says";
    for (size, code, why) in
        [(1u64 << 63, 1, says_so), (u64::MAX, 10, "size"), (u64::MAX - 511, 10, "size"), (1 << 40, 1, says_so)]
    {
        let mut huge = Bag::new();
        huge.tar.extend_from_slice(&tar_header("data/x", b'0', "", size));
        let home = forging();
        let mut forge = Forge::of_tar(huge.close());
        (forge.records[0].label.files, forge.records[0].label.bytes) = (1, 1);
        forge.seal(&home, "forged.sealed");
        restore(&home, "forged.sealed", &[]).fails(code, why);
        home.nothing_in("out");
    }
}

#[test]
fn extreme_times_and_modes_do_not_stop_a_restore() {
    let home = forging();
    let bag = Bag::new()
        .with_pax(&[("mtime", "-9223372036854775808")])
        .file("data/old", b"1")
        .with_pax(&[("mtime", "9223372036854775807.999999999")])
        .file("data/new", b"2")
        .close();
    Forge::of_tar(bag).seal(&home, "odd.sealed");
    restore(&home, "odd.sealed", &["--plain"]).ends(0);
    assert_eq!(fs::read(home.path("out/client/new")).unwrap(), b"2");
}

#[test]
fn hostile_names_are_escaped_and_stay_below_the_output() {
    let home = forging();
    let mut forge = Forge::new();
    for name in ["\u{1b}[2J\u{202e}gpj.exe", "new\nline", "-rf", "*"] {
        forge.add(name, Bag::new().file("data/x", b"x").close());
    }
    forge.seal(&home, "odd.sealed");
    let ran = restore(&home, "odd.sealed", &[]).ends(0);
    assert!(!ran.out.contains('\u{1b}') && !ran.out.contains('\u{202e}') && !ran.out.contains("new\nline"), "{ran:#?}");
    assert_eq!(fs::read_dir(home.path("out")).unwrap().count(), 8);
    let ran = home.run(&["inspect", "odd.sealed"]).ends(0);
    assert!(!ran.out.contains('\u{1b}') && !ran.out.contains('\u{202e}'), "{ran:#?}");
}

#[test]
fn names_in_labels_that_are_paths_are_refused() {
    for name in ["..", ".", "a/b", "/etc", "", "a\0b"] {
        let home = forging();
        let mut forge = Forge::of_tar(Bag::new().close());
        forge.records[0].label.name = name.into();
        forge.seal(&home, "forged.sealed");
        restore(&home, "forged.sealed", &[]).fails(10, "record 1");
        home.nothing_in("out");
    }
}

#[test]
fn a_record_of_a_single_file_gives_out_that_file_only() {
    let home = forging();
    let mut forge = Forge::of_tar(Bag::new().file("data/other", b"x").close());
    forge.records[0].label.kind = RecordKind::File;
    forge.seal(&home, "forged.sealed");
    let ran = restore(&home, "forged.sealed", &["--plain"]);
    assert_ne!(ran.code, Some(0), "{ran:#?}");
    home.nothing_in("out");
}

#[test]
fn two_records_of_one_name_do_not_overwrite_each_other() {
    let home = forging();
    let mut forge = Forge::new();
    forge.add("same", Bag::new().file("data/x", b"1").close());
    forge.add("same", Bag::new().file("data/x", b"2").close());
    forge.seal(&home, "forged.sealed");
    restore(&home, "forged.sealed", &[]).fails(1, "same");
    home.has_no_leftovers();
}

// The output.

#[test]
fn nothing_is_written_over_what_exists_or_through_planted_links() {
    let (home, _) = sealed();
    home.write("outside/precious", "precious");
    let precious = home.path("outside/precious");
    fs::create_dir(home.path("out")).unwrap();
    for (name, target) in [("Smith", home.path("outside")), ("Smith.tlog-proof", precious.clone())] {
        symlink(target, home.path("out").join(name)).unwrap();
        home.run(&["restore", "firm.sealed", "--match", "Smith", "-o", "out"]).fails(1, name);
        assert_eq!(files_below(&home.path("out")).len(), 1);
        assert_eq!(fs::read(&precious).unwrap(), b"precious");
        fs::remove_file(home.path("out").join(name)).unwrap();
    }
    // With --force the links give way; what they lead to stays.
    symlink(home.path("outside"), home.path("out/Smith")).unwrap();
    symlink(&precious, home.path("out/Smith.tlog-proof")).unwrap();
    home.run(&["restore", "firm.sealed", "--match", "Smith", "-o", "out", "--force"]).ends(0);
    assert!(!home.path("out/Smith").is_symlink() && !home.path("out/Smith.tlog-proof").is_symlink());
    assert_eq!(fs::read(&precious).unwrap(), b"precious");
    assert_eq!(files_below(&home.path("outside")), [precious]);
    home.has_no_leftovers();
    // A second time over a whole tree.
    home.run(&["restore", "firm.sealed", "--match", "Smith", "-o", "out", "--force"]).ends(0);
    home.has_no_leftovers();
}

#[test]
fn an_archive_that_exists_is_not_replaced_unless_that_is_asked_for() {
    let (home, bytes) = sealed();
    let arguments = ["create", "-o", "firm.sealed", "--until", "2099-12-31", "clients"];
    home.run(&arguments).fails(1, "firm.sealed");
    assert_eq!(fs::read(home.path("firm.sealed")).unwrap(), bytes);
    home.run(&[&arguments[..], &["--force"]].concat()).ends(0);
    assert_ne!(fs::read(home.path("firm.sealed")).unwrap(), bytes);
    fs::create_dir(home.path("folder")).unwrap();
    home.run(&["create", "-o", "folder", "--until", "2099-12-31", "--force", "clients"]).fails(1, "folder");
    home.run(&["create", "-o", "clients/x", "--until", "2099-12-31", "clients"]).fails(1, "clients/x");
    home.run(&["create", "-o", "absent/x", "--until", "2099-12-31", "clients"]).fails(1, "absent/x");
    home.has_no_leftovers();
}

#[test]
fn a_name_that_is_taken_is_refused_before_anything_is_written() {
    let (home, _) = sealed();
    home.write("out/Smith", "mine");
    restore(&home, "firm.sealed", &[]).fails(1, "out/Smith");
    assert_eq!(fs::read_dir(home.path("out")).unwrap().count(), 1);
    assert_eq!(fs::read(home.path("out/Smith")).unwrap(), b"mine");
}

#[test]
fn a_root_folder_that_is_taken_is_never_overwritten() {
    let home = Home::new();
    let root = home.path("root").to_string_lossy().into_owned();
    home.run(&["keyring", "init", "first", "--root", &root]).ends(0);
    let before = fs::read(home.path("root/slot-0")).unwrap();
    home.run(&["keyring", "init", "second", "--root", &root]).fails(1, "root");
    assert_eq!(fs::read(home.path("root/slot-0")).unwrap(), before);
    home.run(&["keyring", "check", "--keyring", "first"]).ends(0);
}

#[test]
fn a_number_that_no_record_has_is_refused_before_anything_is_written() {
    let (home, _) = sealed();
    for number in ["0", "4", "18446744073709551615"] {
        home.run(&["restore", "firm.sealed", "--record", "1", "--record", number, "-o", "out"]).fails(1, number);
        home.nothing_in("out");
        assert!(!home.path("out").exists());
    }
}

/// Runs a script with a file system of one megabyte under `small/`; `None` where the machine does not allow it.
fn on_a_small_disk(home: &Home, script: &str) -> Option<Ran> {
    fs::create_dir_all(home.path("small")).unwrap();
    let program = env!("CARGO_BIN_EXE_keepuntil");
    let script = format!(
        "mount -t tmpfs -o size=1m none small || exit 77\n{}\ncode=$?\nls -AR small >left\nexit $code",
        script.replace("keepuntil", program)
    );
    let mut command = Command::new("unshare");
    for (key, value) in home.command().get_envs() {
        command.env(key, value.unwrap_or_default());
    }
    let output = command.args(["-Urm", "sh", "-c", &script]).current_dir(home.path("")).output();
    let ran = Ran::from(output.ok()?);
    if ran.code == Some(77) || (ran.code == Some(1) && ran.err.starts_with("unshare:")) {
        eprintln!("skipped: this machine does not let tests mount a small file system: {}", ran.err);
        return None;
    }
    Some(ran)
}

#[test]
fn a_full_disk_leaves_no_half_archive_and_no_half_record() {
    let home = Home::new();
    let noise: Vec<u8> = (0..1u64 << 16).flat_map(|i| keepuntil::crypto::hash::sha256(&[&i.to_be_bytes()])).collect();
    home.write("clients/big/noise", &noise);
    home.create("firm.sealed");
    let script = "keepuntil create -o small/x.sealed --until 2099-12-31 clients";
    let Some(ran) = on_a_small_disk(&home, script) else { return };
    ran.fails(1, "small/x.sealed");
    assert_eq!(fs::read_to_string(home.path("left")).unwrap().trim(), "small:");
    for more in ["", "--plain"] {
        let ran = on_a_small_disk(&home, &format!("keepuntil restore firm.sealed --all -o small/out {more}")).unwrap();
        ran.fails(1, "No space left");
        assert_eq!(fs::read_to_string(home.path("left")).unwrap().trim(), "small:");
    }
    // A keyring that cannot take the deposit: no archive, and the keyring is as it was.
    let script = "keepuntil keyring init small/keyring --root root >/dev/null\n\
        dd if=/dev/zero of=small/fill bs=4k 2>/dev/null\n\
        keepuntil create -o y.sealed --keyring small/keyring --until 2099-12-31 clients\ncode=$?\nrm small/fill\n\
        keepuntil keyring check --keyring small/keyring || code=99\n(exit $code)";
    on_a_small_disk(&home, script).unwrap().fails(1, "keyring");
    assert!(!home.path("y.sealed").exists());
    home.has_no_leftovers();
}

#[test]
fn output_that_nobody_reads_is_a_failure() {
    let (home, _) = sealed();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = home
        .command()
        .args(["create", "-o", "-", "--until", "2099-12-31", "clients"])
        .stdout(full)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    Ran::from(output).fails(1, "-: ");
}

// The source.

#[test]
fn what_cannot_be_sealed_is_listed_whole_and_nothing_is_made() {
    use std::os::unix::ffi::OsStrExt;
    let home = Home::new();
    home.small_firm();
    mkfifo(&home.path("clients/Smith/pipe"));
    let _socket = std::os::unix::net::UnixListener::bind(home.path("clients/socket")).unwrap();
    let odd = std::ffi::OsStr::from_bytes(b"\xb7\xef\xd4");
    fs::create_dir(home.path("clients/Smith").join(odd)).unwrap();
    fs::write(home.path("clients/Smith").join(odd).join("x"), "x").unwrap();
    let arguments = ["create", "-o", "firm.sealed", "--until", "2099-12-31", "clients"];
    let ran = home.run(&arguments).fails(1, "pipe");
    assert!(ran.err.contains("clients/socket: it is a socket") && ran.err.contains("not UTF-8"), "{ran:#?}");
    assert!(ran.err.contains("--skip-unreadable"), "{ran:#?}");
    assert!(!home.path("firm.sealed").exists());
    home.has_no_leftovers();
    home.run(&["create", "-o", "x", "--until", "2099-12-31", "absent"]).fails(1, "absent");
    home.run(&["create", "-o", "x", "--until", "2099-12-31", "clients/note.txt"]).fails(1, "note.txt");
    fs::create_dir(home.path("empty")).unwrap();
    home.run(&["create", "-o", "x", "--until", "2099-12-31", "empty"]).fails(1, "empty");
    home.run(&["create", "-o", "x", "clients"]).fails(2, "how long");
    home.run(&["create", "-o", "x", "--until", "2036-13-31", "clients"]).fails(1, "2036-13-31");
    home.run(&["create", "-o", "x", "--until", "2000-12-31", "clients"]).fails(1, "2000-12-31");
    assert!(!home.path("x").exists());
}

#[test]
fn files_that_change_while_they_are_sealed_are_named() {
    let home = Home::new();
    for size in [100usize, 64 << 20] {
        let path = home.write("clients/Smith/ledger", vec![7; size]);
        home.write("clients/Smith/still", "still");
        let stop = std::sync::atomic::AtomicBool::new(false);
        let ran = std::thread::scope(|scope| {
            scope.spawn(|| {
                let file = File::options().write(true).open(&path).unwrap();
                for i in 0u64.. {
                    file.write_all_at(&i.to_be_bytes(), i % 64).unwrap();
                    if stop.load(std::sync::atomic::Ordering::Relaxed) {
                        return;
                    }
                }
            });
            let ran = home.run(&["create", "-o", "firm.sealed", "--until", "2099-12-31", "clients"]);
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
            ran
        });
        // A small file may be still for as long as it takes to read it; then it was sealed as it was.
        if size > 1 << 20 || ran.code != Some(0) {
            ran.fails(1, "clients/Smith/ledger");
            assert!(!home.path("firm.sealed").exists());
        } else {
            fs::remove_file(home.path("firm.sealed")).unwrap();
        }
        home.has_no_leftovers();
    }
}

// Keys.

#[test]
fn identities_that_do_not_fit_are_told_apart() {
    let (home, _) = sealed();
    home.run(&["keygen", "-o", "other.txt"]).ends(0);
    home.run(&["keygen", "--classic", "-o", "classic.txt"]).ends(0);
    let with = |identity: &str, code: i32, object: &str| {
        home.run(&["restore", "firm.sealed", "--all", "-i", identity, "-o", "out"]).fails(code, object);
        home.nothing_in("out");
    };
    with("other.txt", 12, "records");
    with("classic.txt", 12, "records");
    home.run(&["verify", "firm.sealed", "--deep", "-i", "other.txt"]).fails(12, "records");
    with("absent.txt", 1, "absent.txt");
    for (name, text) in [
        ("empty.txt", ""),
        ("comment.txt", "# nothing\n"),
        ("cut.txt", "AGE-SECRET-KEY-PQ-1QQQQ\n"),
        ("public.txt", "age1xyz\n"),
        ("binary.txt", "\u{0}\u{1}"),
        ("age.txt", "age-encryption.org/v1\n-> X25519 a\n"),
        ("armor.txt", "-----BEGIN AGE ENCRYPTED FILE-----\n"),
    ] {
        fs::set_permissions(home.write(name, text), fs::Permissions::from_mode(0o600)).unwrap();
        with(name, 1, name);
    }
    let secret = fs::read_to_string(home.identity()).unwrap();
    let mistyped = secret.lines().last().unwrap().replace('Q', "P");
    fs::set_permissions(home.write("typo.txt", &mistyped), fs::Permissions::from_mode(0o600)).unwrap();
    let ran = home.run(&["restore", "firm.sealed", "--all", "-i", "typo.txt", "-o", "out"]).fails(1, "typo.txt");
    assert!(!ran.err.contains(&mistyped[20..60]), "a mistyped secret is still a secret");
    fs::set_permissions(home.identity(), fs::Permissions::from_mode(0o644)).unwrap();
    let ran = restore(&home, "firm.sealed", &[]).fails(1, "identity.txt");
    assert!(ran.err.contains("chmod 600"), "{ran:#?}");
    home.nothing_in("out");
}

#[test]
fn a_keyring_of_another_archive_or_none_opens_nothing() {
    let (home, _) = sealed();
    home.run(&["keyring", "init", "other", "--root", "other-root"]).ends(0);
    home.run(&["restore", "firm.sealed", "--all", "--keyring", "other", "-o", "out"]).fails(1, "no keys of archive");
    home.run(&["restore", "firm.sealed", "--all", "--keyring", "absent", "-o", "out"]).fails(1, "absent");
    home.nothing_in("out");
    home.run(&["verify", "firm.sealed", "--keyring", "other"]).ends(3);
    home.run(&["verify", "firm.sealed", "--deep", "--keyring", "other"]).fails(1, "no keys of archive");
}

#[test]
fn halves_of_another_archive_are_not_taken_for_these() {
    let home = forging();
    // The leaf commits to other halves than the keyring was given.
    let mut forge = Forge::of_tar(Bag::new().close());
    forge.change_leaf = Box::new(|leaf| leaf.commitments.record[0] ^= 1);
    forge.seal(&home, "forged.sealed");
    restore(&home, "forged.sealed", &[]).fails(10, "record 1");
    home.nothing_in("out");
    let mut forge = Forge::of_tar(Bag::new().close());
    forge.change_leaf = Box::new(|leaf| leaf.commitments.label[0] ^= 1);
    forge.seal(&home, "forged.sealed");
    restore(&home, "forged.sealed", &[]).fails(10, "record 1");
    home.nothing_in("out");
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn an_older_copy_of_the_keyring_knows_only_what_it_was_given() {
    let (home, _) = sealed();
    copy_tree(&home.keyring_dir(), &home.path("older"));
    home.create("second.sealed");
    home.run(&["restore", "second.sealed", "--all", "--keyring", "older", "-o", "out"]).fails(1, "no keys of archive");
    home.nothing_in("out");
    home.run(&["restore", "firm.sealed", "--all", "--keyring", "older", "-o", "out"]).ends(0);
}

#[test]
fn a_damaged_keyring_is_refused_and_not_repaired() {
    let (home, _) = sealed();
    let catalogue = fs::read(home.keyring_dir().join("catalogue.sqlite")).unwrap();
    let slots: Vec<PathBuf> =
        files_below(&home.path("home/state")).into_iter().filter(|p| p.ends_with("slot-0")).collect();
    let slot = fs::read(&slots[0]).unwrap();
    let fails = |what: &str| {
        let ran = restore(&home, "firm.sealed", &[]);
        assert!(matches!(ran.code, Some(1 | 10)), "{what}: {ran:#?}");
        ran.fails_with_keyring(what);
        home.nothing_in("out");
    };
    for at in [0, 30, 100, 5000, 9000, catalogue.len() / 2, catalogue.len() - 100] {
        let mut changed = catalogue.clone();
        changed[at.min(catalogue.len() - 1)..].iter_mut().take(64).for_each(|b| *b ^= 0xff);
        fs::write(home.keyring_dir().join("catalogue.sqlite"), &changed).unwrap();
        let ran = home.run(&["keyring", "check"]);
        let _ = restore(&home, "firm.sealed", &[]);
        assert!(!ran.err.contains("panicked"), "{at}: {ran:#?}");
        let _ = fs::remove_dir_all(home.path("out"));
    }
    fs::write(home.keyring_dir().join("catalogue.sqlite"), "").unwrap();
    fails("catalogue");
    fs::write(home.keyring_dir().join("catalogue.sqlite"), &catalogue).unwrap();
    let mut changed = slot.clone();
    changed[50] ^= 1;
    fs::write(&slots[0], &changed).unwrap();
    fails("root");
    fs::write(&slots[0], &slot[..100]).unwrap();
    fails("root");
    fs::remove_file(&slots[0]).unwrap();
    fails("root");
    fs::write(&slots[0], &slot).unwrap();
    fs::write(home.keyring_dir().join("keyring.json"), "{}").unwrap();
    fails("keyring.json");
}

trait FailsWithKeyring {
    fn fails_with_keyring(self, what: &str);
}

impl FailsWithKeyring for Ran {
    #[track_caller]
    fn fails_with_keyring(self, what: &str) {
        let code = self.code.unwrap();
        self.fails(code, what);
    }
}

// Signals and other processes.

/// Starts the program, waits until it has begun its output, and interrupts it.
fn interrupted(home: &Home, arguments: &[&str], folder: &str) -> Ran {
    let child = home.command().args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = || {
        fs::read_dir(home.path(folder)).is_ok_and(|entries| {
            entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with(".keepuntil-"))
        })
    };
    let deadline = Instant::now() + Duration::from_secs(30);
    while !begun() {
        assert!(Instant::now() < deadline, "it did not begin");
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let asked = Instant::now();
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert!(asked.elapsed() < Duration::from_secs(10), "it took {:?} to stop", asked.elapsed());
    ran
}

#[test]
fn an_interruption_leaves_nothing_behind() {
    let home = Home::new();
    let path = home.write("clients/big/hole", "");
    File::options().write(true).open(&path).unwrap().set_len(64 << 30).unwrap();
    let create = ["create", "-o", "firm.sealed", "--until", "2099-12-31", "clients"];
    interrupted(&home, &create, ".").fails(130, "interrupted");
    assert!(!home.path("firm.sealed").exists());
    home.has_no_leftovers();
    File::options().write(true).open(&path).unwrap().set_len(2 << 30).unwrap();
    home.create("firm.sealed");
    for more in [&[][..], &["--plain"]] {
        let arguments = [&["restore", "firm.sealed", "--all", "-o", "out", "--max-ratio", "100000000"], more].concat();
        interrupted(&home, &arguments, "out").fails(130, "interrupted");
        home.nothing_in("out");
    }
    // Nothing is lost: both work afterwards.
    restore(&home, "firm.sealed", &["--max-ratio", "100000000"]).ends(0);
}

#[test]
fn two_first_uses_at_once_share_one_keyring_and_one_identity() {
    let home = Home::new();
    home.small_firm();
    let start = |name: &str| {
        let arguments = ["create", "-o", name, "--until", "2099-12-31", "clients"];
        home.command().args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let names = ["a.sealed", "b.sealed", "c.sealed", "d.sealed"];
    let children: Vec<_> = names.iter().map(|name| start(name)).collect();
    for child in children {
        Ran::from(child.wait_with_output().unwrap()).ends(0);
    }
    home.run(&["keyring", "check", "a.sealed", "b.sealed", "c.sealed", "d.sealed"]).ends(0);
    for name in names {
        home.run(&["restore", name, "--all", "-o", &format!("out-{name}")]).ends(0);
    }
    home.has_no_leftovers();
}

#[test]
fn a_keyring_that_another_process_holds_is_exit_14_after_a_while() {
    let (home, _) = sealed();
    let lock = File::options().write(true).open(home.keyring_dir().join("lock")).unwrap();
    lock.lock().unwrap();
    let start = |arguments: &[&str]| {
        home.command().args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children = [
        start(&["restore", "firm.sealed", "--all", "-o", "out"]),
        start(&["create", "-o", "second.sealed", "--until", "2099-12-31", "clients"]),
        start(&["keyring", "info"]),
    ];
    for child in children {
        Ran::from(child.wait_with_output().unwrap()).fails(14, "lock");
    }
    assert!(!home.path("second.sealed").exists());
    home.nothing_in("out");
    lock.unlock().unwrap();
    restore(&home, "firm.sealed", &[]).ends(0);
}
