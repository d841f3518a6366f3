//! Opening a grant, with an archive or an extract, and what an auditor can check of it years later.
//!
//! Needs `ssh-keygen`, `tar`, `age` and `zstd`.

mod forge;
mod grants;
mod support;
mod tools;

use chrono::{TimeDelta, Utc};
use grants::{Desk, REQUESTER, Requester, Wrong, secret};
use keepuntil::archive::ArchiveError;
use keepuntil::archive::extract::{self, ExtractReader};
use keepuntil::archive::layout;
use keepuntil::archive::reader::ArchiveReader;
use keepuntil::crypto::identity::x25519_secret_string;
use keepuntil::crypto::sign::VerifierKey;
use keepuntil::disclosure::evidence::BagEvidence;
use keepuntil::disclosure::grant::Grant;
use keepuntil::disclosure::receipt::Receipt;
use keepuntil::ops::evidence::{EvidenceOutcome, Pinned, verify_evidence};
use keepuntil::ops::granted::{GrantedRecords, SealedCopy};
use keepuntil::ops::open::Trust;
use keepuntil::storage::document;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{Ran, files_below, members};
use tools::{PYTHON, project, stdout, tool};

const OPEN: [&str; 8] = ["restore", "firm.sealed", "--grant", "grant.json", "-i", "request.json.identity", "-o", "out"];

fn open(requester: &Requester, more: &[&str]) -> Ran {
    requester.home.run(&[&OPEN, more].concat())
}

/// The requester has opened records 1 and 3 of the desk's archive and signed the receipt.
fn opened() -> (Desk, Requester, Grant) {
    let (desk, requester) = (Desk::new(), Requester::new());
    let grant = desk.grant("1,3", &requester);
    desk.hand_over(&requester, &grant);
    open(&requester, &["--sign-with", "id_ed25519", "--trust", "firm.vkeys"]).ends(0);
    (desk, requester, grant)
}

fn evidence(path: &Path, keys: &[VerifierKey]) -> EvidenceOutcome {
    verify_evidence(path, None, &Pinned(keys)).unwrap()
}

fn bags(out: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(out).unwrap().map(|entry| entry.unwrap().path());
    let mut bags: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    bags.sort();
    bags
}

/// Content of everything below a folder but receipts, which are salted.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = files_below(folder).into_iter().filter(|path| path.is_file());
    let lasting = files.filter(|path| !path.to_string_lossy().contains("keepuntil-receipt"));
    lasting.map(|path| (path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap())).collect()
}

#[test]
fn a_grant_opens_what_it_names_with_nothing_else_at_hand() {
    let (desk, requester, grant) = opened();
    let out = requester.home.path("out");
    assert_eq!(bags(&out).len(), 2);
    assert!(!requester.identity().exists(), "the one-time identity is gone");
    assert!(!requester.home.path("home").exists(), "no keyring was made or looked for");
    assert_eq!(fs::read(out.join("keepuntil-grant.json")).unwrap(), grant.to_bytes());
    let receipt = Receipt::parse(&fs::read(out.join("keepuntil-receipt.json")).unwrap()).unwrap();
    assert_eq!((receipt.grant, receipt.records, receipt.requester.as_str()), (grant.grant, grant.records, REQUESTER));
    for bag in bags(&out) {
        let said = BagEvidence::parse(&fs::read(bag.join("evidence.json")).unwrap()).unwrap();
        assert_eq!((said.grant, said.watermark), (Some(grant.grant), Some(grant.watermark)));
        let notice = fs::read_to_string(bag.join("disclosure-notice.txt")).unwrap();
        for part in [REQUESTER, &hex::encode(grant.watermark), "只在阅览室内", "no copies", "不得复制"] {
            assert!(notice.contains(part), "{part}");
        }
    }
    requester.home.has_no_leftovers();
    // The same from an extract.
    let other = Requester::new();
    other.home.write("grant.json", desk.grant("1,3", &other).to_bytes());
    other.home.write("firm.sealed", desk.extract("1,3"));
    let opened = open(&other, &["--json"]).ends(0).json("opened_grant").remove(0);
    assert_eq!((&opened["complete"], &opened["signature"]), (&true.into(), &serde_json::Value::Null));
    assert!(!other.identity().exists());
    let payload = |(path, _): &(PathBuf, Vec<u8>)| path.to_string_lossy().contains("/data/");
    let files = |folder: &Path| contents(folder).into_iter().filter(payload).collect::<Vec<_>>();
    assert!(files(&out) == files(&other.home.path("out")) && files(&out).len() > 1);
}

#[test]
fn evidence_holds_offline_and_says_whose_it_is() {
    let (desk, requester, _) = opened();
    let home = &requester.home;
    fs::remove_file(home.path("firm.sealed")).unwrap();
    home.run(&["evidence", "verify", "out", "--trust", "firm.vkeys"]).ends(0);
    home.run(&["evidence", "verify", "out"]).ends(3);
    let bag = bags(&home.path("out")).remove(0);
    let ran = home.run(&["evidence", "verify", bag.to_str().unwrap(), "--trust", "firm.vkeys", "--json"]).ends(0);
    assert_eq!(ran.json("proved_bag").len(), 1);
    assert_eq!(ran.json("evidence")[0]["signer"], "pinned");
    for (file, message) in [("keepuntil-grant.json", "proved_grant"), ("keepuntil-receipt.json", "proved_receipt")] {
        let path = format!("out/{file}");
        let ran = home.run(&["evidence", "verify", &path, "--trust", "firm.vkeys", "--json"]).ends(0);
        assert_eq!(ran.json(message).len(), 1, "{ran:?}");
    }
    // A receipt that nobody signed, and a file that belongs to nothing, are remarks.
    let out = home.path("out");
    assert!(!evidence(&out, &desk.keys()).has_remarks());
    home.write("out/stray.txt", "?");
    assert!(evidence(&out, &desk.keys()).has_remarks() && !evidence(&out, &desk.keys()).is_broken());
    fs::remove_file(out.join("stray.txt")).unwrap();
    fs::remove_file(out.join("keepuntil-receipt.json.sig")).unwrap();
    assert!(evidence(&out, &desk.keys()).has_remarks());
    // Another firm's keys, one key of two, and no bag at all.
    let others = Desk::new();
    assert!(evidence(&out, &others.keys()).is_broken());
    assert!(evidence(&out, &desk.keys()[..1]).is_broken());
    assert!(evidence(&out, &desk.keys()[1..]).is_broken());
    home.run(&["evidence", "verify", "firm.vkeys"]).fails(10, "firm.vkeys: it is neither a grant");
    fs::create_dir(home.path("nothing")).unwrap();
    home.run(&["evidence", "verify", "nothing"]).fails(10, "there is no bag in it");
}

#[test]
fn a_grant_that_is_named_takes_the_place_of_the_one_beside_the_bags() {
    let (desk, requester, _) = opened();
    let home = &requester.home;
    let verify = |grant: &str| home.run(&["evidence", "verify", "out", "--trust", "firm.vkeys", "--grant", grant]);
    // Of the file beside the bags it is said that nobody looked at it.
    let ran = verify("grant.json").ends(3);
    assert!(ran.out.contains("keepuntil-grant.json: not looked at"), "{ran:?}");
    // Another grant for the same records: the bags were not opened with it, nor is the receipt for it.
    let other = desk.grant("1,3", &requester);
    home.write("other.json", other.to_bytes());
    let broken = |ran: Ran| {
        let ran = ran.fails(10, "out: ");
        assert_eq!(ran.out.matches("names another grant").count(), 2, "{ran:?}");
    };
    broken(verify("other.json"));
    // And the bags' own, where another lies beside them.
    let own = fs::read(home.path("out/keepuntil-grant.json")).unwrap();
    home.write("out/keepuntil-grant.json", other.to_bytes());
    broken(home.run(&["evidence", "verify", "out", "--trust", "firm.vkeys"]));
    verify("grant.json").ends(3);
    home.write("out/keepuntil-grant.json", own);
    home.run(&["evidence", "verify", "out", "--trust", "firm.vkeys"]).ends(0);
}

#[test]
fn what_a_custodian_restores_is_evidence_too() {
    let desk = Desk::new();
    desk.home.run(&["restore", "firm.sealed", "--all", "-o", "out"]).ends(0);
    let ran = desk.home.run(&["evidence", "verify", "out", "--trust", "firm.vkeys", "--json"]).ends(0);
    assert_eq!(ran.json("proved_bag").len(), desk.reader().records() as usize);
    assert!(!desk.home.path("out/Smith/disclosure-notice.txt").exists());
}

#[test]
fn bags_with_evidence_are_valid_to_others() {
    let Some(python) = tool(PYTHON) else { return };
    let (_, requester, _) = opened();
    let bags = bags(&requester.home.path("out"));
    let said = stdout(Command::new(python).arg(project("tests/stock/bags.py")).args(&bags));
    assert_eq!(String::from_utf8(said).unwrap(), format!("{} bags are valid\n", bags.len()));
}

/// Offsets to change in a file: all of a small one, some of a large one.
fn sample(len: usize) -> impl Iterator<Item = usize> {
    (0..len).step_by(len.div_ceil(24).max(1)).chain(len.checked_sub(1))
}

#[test]
fn no_file_of_the_evidence_can_change_unseen() {
    let (desk, requester, _) = opened();
    let (out, keys) = (requester.home.path("out"), desk.keys());
    assert!(!evidence(&out, &keys).is_broken());
    for path in files_below(&out).into_iter().filter(|path| path.symlink_metadata().unwrap().is_file()) {
        let whole = fs::read(&path).unwrap();
        for at in sample(whole.len()) {
            let mut changed = whole.clone();
            changed[at] ^= 1 << (at % 7);
            fs::write(&path, &changed).unwrap();
            assert!(evidence(&out, &keys).is_broken(), "{}: byte {at}", path.display());
        }
        fs::write(&path, [&whole[..], b"\n"].concat()).unwrap();
        let outcome = evidence(&out, &keys);
        // The armour of a signature may end in any white space.
        assert!(outcome.is_broken() || path.extension().is_some_and(|e| e == "sig"), "{}: longer", path.display());
        fs::remove_file(&path).unwrap();
        let outcome = evidence(&out, &keys);
        let is_receipt = path.file_name().unwrap().to_string_lossy().starts_with("keepuntil-receipt");
        assert!(outcome.is_broken() || is_receipt, "{}: missing", path.display());
        fs::write(&path, &whole).unwrap();
    }
    assert!(!evidence(&out, &keys).is_broken());
    let bag = bags(&out).remove(0);
    for stray in ["data/more", "more.txt", "data/sub/more"] {
        fs::create_dir_all(bag.join(stray).parent().unwrap()).unwrap();
        fs::write(bag.join(stray), b"").unwrap();
        assert!(evidence(&out, &keys).is_broken(), "{stray}");
        fs::remove_file(bag.join(stray)).unwrap();
    }
    // A link out of the bag is not followed, whatever it leads to.
    let listed = files_below(&bag.join("data")).into_iter().find(|path| path.is_file()).unwrap();
    let content = fs::read(&listed).unwrap();
    let outside = requester.home.write("outside", &content);
    fs::remove_file(&listed).unwrap();
    std::os::unix::fs::symlink(outside, &listed).unwrap();
    assert!(evidence(&out, &keys).is_broken());
}

#[test]
fn the_evidence_of_two_records_does_not_mix() {
    let (desk, requester, _) = opened();
    let (out, keys) = (requester.home.path("out"), desk.keys());
    let [first, second] = &bags(&out)[..] else { panic!() };
    let swap = |a: &Path, b: &Path| {
        let between = out.join("between");
        fs::rename(a, &between).unwrap();
        fs::rename(b, a).unwrap();
        fs::rename(&between, b).unwrap();
    };
    for file in ["evidence.json", "bag-info.txt", "tagmanifest-sha256.txt"] {
        swap(&first.join(file), &second.join(file));
        assert!(evidence(&out, &keys).is_broken(), "{file}");
        swap(&first.join(file), &second.join(file));
    }
    let proof = |bag: &Path| PathBuf::from(format!("{}.tlog-proof", bag.display()));
    swap(&proof(first), &proof(second));
    assert!(evidence(&out, &keys).is_broken());
    swap(&proof(first), &proof(second));
    assert!(!evidence(&out, &keys).is_broken());
    // The grant of another requester for the same records, and another receipt, beside the bags.
    let other = Requester::new();
    let theirs = desk.grant("1,3", &other);
    let ours = fs::read(out.join("keepuntil-grant.json")).unwrap();
    fs::write(out.join("keepuntil-grant.json"), theirs.to_bytes()).unwrap();
    let outcome = evidence(&out, &keys);
    assert_eq!(outcome.checked.iter().filter(|checked| checked.found.is_err()).count(), 3, "{outcome:#?}");
    fs::write(out.join("keepuntil-grant.json"), ours).unwrap();
    // A receipt that names another bag, signed by the right key.
    let mut receipt = Receipt::parse(&fs::read(out.join("keepuntil-receipt.json")).unwrap()).unwrap();
    receipt.opened[0].bag = [0; 32];
    fs::write(out.join("keepuntil-receipt.json"), receipt.to_bytes()).unwrap();
    fs::remove_file(out.join("keepuntil-receipt.json.sig")).unwrap();
    let mut sign = Command::new("ssh-keygen");
    sign.args(["-Y", "sign", "-q", "-n", "keepuntil-receipt", "-f"]).arg(requester.home.path("id_ed25519"));
    assert!(sign.arg(out.join("keepuntil-receipt.json")).status().unwrap().success());
    let outcome = evidence(&out, &keys);
    let what = format!("{outcome:?}");
    assert!(outcome.is_broken() && what.contains("keepuntil-receipt.json names another bag"), "{what}");
}

#[test]
fn records_are_opened_one_by_one_and_the_identity_stays_until_the_last() {
    let (desk, requester) = (Desk::new(), Requester::new());
    desk.hand_over(&requester, &desk.grant("1,3", &requester));
    open(&requester, &["--record", "1"]).ends(0);
    assert!(requester.identity().exists());
    open(&requester, &["--record", "2"]).fails(15, "record 2 is not in it; it names 1,3");
    open(&requester, &["--record", "3"]).ends(0);
    let out = requester.home.path("out");
    assert!(out.join("keepuntil-receipt.json").exists() && out.join("keepuntil-receipt-2.json").exists());
    assert!(!evidence(&out, &desk.keys()).is_broken());
    assert!(requester.identity().exists());
    open(&requester, &[]).fails(1, "it exists already");
    open(&requester, &["--force", "--keep-identity"]).ends(0);
    assert!(requester.identity().exists());
    // Not alone in its file: it might be somebody's lasting identity.
    let both = format!("{}{}", fs::read_to_string(requester.identity()).unwrap(), "\n");
    let both = both + &keepuntil::crypto::identity::generate(false).secret;
    secret(&requester.home, "request.json.identity", &both);
    let ran = open(&requester, &["--force"]).ends(0);
    assert!(ran.err.contains("not removed") && requester.identity().exists(), "{ran:?}");
    // Another grant's records do not go into the same folder.
    let other = Requester::new();
    requester.home.write("grant.json", desk.grant("2", &other).to_bytes());
    fs::copy(other.identity(), requester.identity()).unwrap();
    open(&requester, &[]).fails(1, "keepuntil-grant.json: it exists already");
    open(&requester, &["--force"]).fails(1, "keepuntil-grant.json: it exists already");
    fs::rename(&out, requester.home.path("before")).unwrap();
    open(&requester, &["--trust", "firm.vkeys"]).ends(0);
    assert!(!requester.identity().exists());
}

#[test]
fn a_receipt_that_cannot_be_signed_is_said_and_everything_else_is_there() {
    let (desk, requester) = (Desk::new(), Requester::new());
    desk.hand_over(&requester, &desk.grant("1", &requester));
    let ran = open(&requester, &["--sign-with", "no-such-key"]).ends(3);
    assert!(
        ran.err.contains("it is not signed") && ran.err.contains("ssh-keygen -Y sign -n keepuntil-receipt"),
        "{ran:?}"
    );
    assert!(requester.home.path("out/keepuntil-receipt.json").exists());
    // A signature by another key than the grant's would count for nothing.
    let (requester, other) = (Requester::new(), Requester::new());
    let key = requester.home.path("other");
    fs::copy(other.home.path("id_ed25519"), &key).unwrap();
    fs::copy(other.home.path("id_ed25519.pub"), key.with_extension("pub")).unwrap();
    desk.hand_over(&requester, &desk.grant("1", &requester));
    let ran = open(&requester, &["--sign-with", "other", "--keep-identity"]).ends(3);
    assert!(ran.err.contains("is not the one that the grant names"), "{ran:?}");
    assert!(!requester.home.path("out/keepuntil-receipt.json.sig").exists());
}

#[test]
fn what_is_not_this_requesters_to_open_stays_shut() {
    let (desk, requester) = (Desk::new(), Requester::new());
    let grant = desk.grant("1", &requester);
    desk.hand_over(&requester, &grant);
    let refused = |grant: &Grant, code: i32, why: &str| {
        requester.home.write("grant.json", grant.to_bytes());
        open(&requester, &[]).fails(code, why);
        requester.home.nothing_in("out");
        assert!(requester.identity().exists());
    };
    let other = Requester::new();
    refused(&desk.grant("1", &other), 12, "none of the identities is the one-time identity");
    let days = TimeDelta::days;
    let at =
        |change: &dyn Fn(&mut Grant)| desk.wrong_grant("1", &requester, &Wrong { grant: change, ..Wrong::default() });
    let over = |g: &mut Grant| {
        (g.granted, g.valid_from) = (g.granted - days(9), g.granted - days(9));
        g.valid_until = g.granted + days(5);
    };
    refused(&at(&over), 15, "it was valid until");
    refused(&at(&|g| g.valid_from = g.valid_until - days(1)), 16, "it is valid from");
    refused(&at(&|g| g.root = [0; 32]), 10, "another seal");
    refused(&at(&|g| g.archive = [0; 16]), 10, "it is for the archive 0000");
    refused(&at(&|g| g.firm = "other.example".into()), 10, "other.example");
    refused(&at(&|g| g.records = "1-2".parse().unwrap()), 10, "they are of other records");
    let keys = |change: &dyn Fn(&mut keepuntil::disclosure::grant::GrantedKeys)| {
        desk.wrong_grant("1", &requester, &Wrong { keys: change, ..Wrong::default() })
    };
    refused(&keys(&|k| k.grant = [0; 16]), 10, "another grant");
    refused(&keys(&|k| k.archive = [0; 16]), 10, "another grant");
    refused(&keys(&|k| k.format = "keepuntil-granted-keys/v2".into()), 10, "not written as they must be");
    let two = desk.record_keys(&"2".parse().unwrap()).remove(0);
    refused(&keys(&|k| k.records.push(two.clone())), 10, "they are of other records");
    let mut false_one = two.clone();
    false_one.record = 1;
    refused(&keys(&|k| k.records = vec![false_one.clone()]), 10, "not those that the record was sealed with");
    let both = Wrong { also_to: std::slice::from_ref(&other.address), ..Wrong::default() };
    refused(&desk.wrong_grant("1", &requester, &both), 10, "they are not encrypted to one address");
    // Changed after the journal spoke for it.
    let edited = |change: &dyn Fn(&mut Grant)| {
        let mut grant = grant.clone();
        change(&mut grant);
        grant
    };
    refused(&edited(&|g| g.valid_until += days(365)), 10, "journal entry");
    refused(&edited(&|g| g.requester.name = "mallory@example".into()), 10, "journal entry");
    refused(&edited(&|g| g.conditions.no_copies = false), 10, "journal entry");
    refused(&edited(&|g| g.journal = desk.grant("1", &requester).journal), 10, "journal entry");
    // Another archive of the same firm, and one whose signer was not named.
    requester.home.write("grant.json", grant.to_bytes());
    desk.home.create("second.sealed");
    fs::copy(desk.home.path("second.sealed"), requester.home.path("firm.sealed")).unwrap();
    open(&requester, &[]).fails(10, "it is for the archive");
    fs::copy(desk.archive(), requester.home.path("firm.sealed")).unwrap();
    let others = Desk::new();
    fs::copy(others.vkeys(), requester.home.path("others.vkeys")).unwrap();
    open(&requester, &["--trust", "others.vkeys"]).fails(10, "not by a key that was named");
    let without = ["restore", "firm.sealed", "--grant", "grant.json", "-o", "out"];
    requester.home.run(&without).fails(2, "one-time identity");
    for with in [&["--all"][..], &["--match", "*"], &["--plain"]] {
        requester.home.run(&[&OPEN[..], with].concat()).ends(2);
    }
    requester.home.nothing_in("out");
    open(&requester, &[]).ends(0);
}

#[test]
fn a_grant_with_any_byte_changed_opens_nothing() {
    let (desk, requester) = (Desk::new(), Requester::new());
    let bytes = desk.grant("1", &requester).to_bytes();
    let identities = requester.identities();
    let opens = |bytes: &[u8]| {
        let Ok(grant) = Grant::parse(bytes) else { return false };
        let (copy, _) = SealedCopy::open(&desk.archive(), &Trust::default()).unwrap();
        GrantedRecords::open(copy, &grant, &identities, Utc::now()).is_ok()
    };
    assert!(opens(&bytes));
    for at in (0..bytes.len()).step_by(7) {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 7);
        assert!(!opens(&changed), "byte {at}");
    }
}

fn read_extract(bytes: &[u8]) -> Result<ExtractReader, ArchiveError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    ExtractReader::open(file.reopen().unwrap())
}

fn extract_is_damaged(bytes: &[u8], what: &str) {
    assert!(matches!(read_extract(bytes), Err(ArchiveError::Damaged { .. })), "{what}");
}

fn put(out: &mut Vec<u8>, name: &str, content: &[u8]) {
    out.extend_from_slice(&layout::member_header(name, content.len() as u64).unwrap());
    out.extend_from_slice(content);
    out.resize(out.len().next_multiple_of(512), 0);
}

#[test]
fn an_extract_has_one_form_and_any_other_is_refused() {
    let desk = Desk::new();
    let bytes = desk.extract("1-3");
    let read = read_extract(&bytes).unwrap();
    assert_eq!((read.archive(), read.keys()), (desk.reader().archive(), &desk.keys()));
    for record in 1..=3 {
        let (ours, theirs) = (read.record(record).unwrap(), desk.reader().record(record).unwrap());
        assert_eq!((ours.sha256, ours.label), (theirs.sha256, theirs.label));
        assert_eq!(read.proof(record).unwrap(), desk.reader().proof(record).unwrap().to_text());
    }
    assert!(matches!(read.record(4), Err(ArchiveError::NotInExtract(4))));
    let all = members(&bytes);
    for (at, name, size) in &all {
        let (content, end) = (at + 512, at + 512 + size.next_multiple_of(512));
        extract_is_damaged(&bytes[..*at], &format!("cut before {name}"));
        for at in (*at..content).step_by(37) {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            extract_is_damaged(&changed, &format!("{name}: header byte {at}"));
        }
        for at in content + size..end {
            let mut changed = bytes.clone();
            changed[at] = 1;
            extract_is_damaged(&changed, &format!("{name}: padding byte {at}"));
        }
        if !name.starts_with("records/") {
            for at in (content..content + size).step_by(11) {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << (at % 7);
                assert!(read_extract(&changed).is_err(), "{name}: byte {at}");
            }
        }
        extract_is_damaged(&[&bytes[..*at], &bytes[end..]].concat(), &format!("without {name}"));
        extract_is_damaged(&[&bytes[..end], &bytes[*at..]].concat(), &format!("{name} twice"));
    }
    for cut in [1, 512, 1023, 1024] {
        extract_is_damaged(&bytes[..bytes.len() - cut], "cut short");
    }
    extract_is_damaged(&[&bytes[..], &[0; 512]].concat(), "one block more");
    extract_is_damaged(&[&bytes[..bytes.len() - 1], &[1]].concat(), "the end is not zero");
    extract_is_damaged(b"", "empty");
    // Of another archive of the same firm: a record, its proof, or both.
    desk.home.create("second.sealed");
    fs::copy(desk.home.path("second.sealed"), desk.archive()).unwrap();
    let second = desk.extract("1-3");
    let member = |archive: &[u8], wanted: &str| {
        let (at, _, size) = members(archive).into_iter().find(|(_, name, _)| name.starts_with(wanted)).unwrap();
        archive[at + 512..at + 512 + size].to_vec()
    };
    let header = member(&bytes, "extract.json");
    let spliced = |proof: &[u8], record: &[u8]| {
        let mut out = Vec::new();
        let text = String::from_utf8(header.clone()).unwrap().replacen("\"1-3\"", "\"1\"", 1);
        put(&mut out, "extract.json", text.as_bytes());
        put(&mut out, "proofs/0000000001.tlog-proof", proof);
        put(&mut out, "records/0000000001/00000000", record);
        out.resize(out.len() + 1024, 0);
        out
    };
    let of = |archive: &[u8]| (member(archive, "proofs/0000000001"), member(archive, "records/0000000001/00000000"));
    let ((proof, _), (other_proof, other_record)) = (of(&bytes), of(&second));
    extract_is_damaged(&spliced(&other_proof, &other_record), "a record and proof of another archive");
    extract_is_damaged(&spliced(&member(&bytes, "proofs/0000000002"), &other_record), "another record's proof");
    let _ = proof;
    let text = String::from_utf8(header.clone()).unwrap();
    for (from, to) in [("1-3", "0-3"), ("1-3", "1-9223372036854775807"), ("extract/v1", "extract/v2"), ("{", "{ ")] {
        let mut out = Vec::new();
        put(&mut out, "extract.json", text.replacen(from, to, 1).as_bytes());
        out.extend_from_slice(&bytes[512 + header.len().next_multiple_of(512)..]);
        assert!(read_extract(&out).is_err(), "{to}");
    }
}

#[test]
fn an_extract_is_of_one_seal() {
    // Two seals by one firm of archives that share an id, as a sealer that restores an old state could make them.
    let extract_of = |forge: &forge::Forge| {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), forge.build()).unwrap();
        let mut out = Vec::new();
        let mut reader = ArchiveReader::open(file.reopen().unwrap()).unwrap();
        extract::write(&mut reader, &"1-2".parse().unwrap(), &mut out).unwrap();
        out
    };
    let mut other = forge::Forge::default();
    other.records[1] = forge::Record::of(2, "another", &forge::payload());
    let (first, second) = (extract_of(&forge::Forge::default()), extract_of(&other));
    assert!(read_extract(&first).is_ok() && read_extract(&second).is_ok());
    let cut = |bytes: &[u8]| forge::find(bytes, "proofs/0000000002.tlog-proof");
    let mixed = [&first[..cut(&first)], &second[cut(&second)..]].concat();
    let Err(ArchiveError::Damaged { what, .. }) = read_extract(&mixed) else { panic!("two seals in one extract") };
    assert_eq!(what, "it leads to another seal than the first");
}

#[test]
fn an_extract_with_other_content_is_refused_when_it_is_opened() {
    let (desk, requester) = (Desk::new(), Requester::new());
    let grant = desk.grant("1-5", &requester);
    requester.home.write("grant.json", grant.to_bytes());
    let bytes = desk.extract("1-5");
    let contents = members(&bytes).into_iter().filter(|(_, name, _)| name.starts_with("records/"));
    for (at, name, size) in contents {
        for at in [at + 512, at + 512 + size / 2, at + 511 + size] {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            requester.home.write("firm.sealed", changed);
            let record: u64 = name.split('/').nth(1).unwrap().parse().unwrap();
            open(&requester, &["--record", &record.to_string()]).fails(10, &format!("record {record}"));
            requester.home.nothing_in("out");
        }
    }
    requester.home.write("firm.sealed", &bytes[..bytes.len() - 512]);
    open(&requester, &[]).fails(10, "firm.sealed");
    assert!(requester.identity().exists());
    requester.home.write("firm.sealed", bytes);
    open(&requester, &[]).ends(0);
}

#[test]
fn a_removed_or_damaged_record_is_not_extracted() {
    let desk = Desk::new();
    let mut archive = fs::read(desk.archive()).unwrap();
    let (at, _, size) =
        members(&archive).into_iter().find(|(_, name, _)| name.starts_with("records/0000000002/")).unwrap();
    archive[at + 512..at + 512 + size].fill(0);
    fs::write(desk.archive(), archive).unwrap();
    let mut out = Vec::new();
    let write = |records: &str, out: &mut Vec<u8>| extract::write(&mut desk.reader(), &records.parse().unwrap(), out);
    assert!(write("1,3", &mut out).is_ok());
    assert!(matches!(write("1-3", &mut out), Err(ArchiveError::Damaged { .. })));
    assert!(matches!(write("6", &mut out), Err(ArchiveError::NoSuchRecord(6, _))));
}

#[test]
fn an_extract_opens_with_stock_tools() {
    let desk = Desk::new();
    desk.home.write("extract.tar", desk.extract("1-5"));
    let extract = desk.home.path("extract.tar");
    let listed = String::from_utf8(stdout(Command::new("tar").arg("-tf").arg(&extract))).unwrap();
    assert_eq!(listed.lines().next(), Some("extract.json"));
    let header = stdout(Command::new("tar").arg("-xOf").arg(&extract).arg("extract.json"));
    assert_eq!(
        document::parse_any::<serde_json::Value>(&header, "keepuntil-extract/v1", 4096).unwrap()["records"],
        "1-5"
    );
    for record in 1..=5u64 {
        let identity = secret(&desk.home, "record.txt", &x25519_secret_string(&desk.record_secret(record)));
        let folder = desk.home.path(&format!("bag-{record}"));
        fs::create_dir(&folder).unwrap();
        let script = "tar -xOf \"$1\" \"records/$2\" | age -d -i \"$3\" | zstd -dq --long=27 | tar --warning=no-unknown-keyword -xf - -C \"$4\" && \
                      cd \"$4\" && sha256sum --quiet -c tagmanifest-sha256.txt";
        let mut run = Command::new("bash");
        run.args(["-eo", "pipefail", "-c", script, "bash"]).arg(&extract).arg(format!("{record:010}"));
        stdout(run.arg(&identity).arg(&folder));
        assert!(folder.join("bag-info.txt").exists());
    }
}

#[test]
fn a_record_named_as_our_files_are_is_refused() {
    let desk = Desk::new();
    desk.home.write("clients/keepuntil-grant.json/x", "1");
    fs::remove_file(desk.archive()).unwrap();
    desk.home.create("firm.sealed");
    let requester = Requester::new();
    desk.hand_over(&requester, &desk.grant("1-6", &requester));
    open(&requester, &[]).fails(1, "keepuntil-grant.json");
    requester.home.nothing_in("out");
}
