//! One restored bag as evidence: that it is, byte for byte, what was sealed as one record.
//!
//! Invariant: every file of the bag is tied to the seal, by its manifests, the label and the proof, or to the grant; what is tied to
//! nothing is a fault. Spec: `spec/evidence.md`, "Evidence".

use super::evidence::Pinned;
use crate::archive::bag_writer::{LINKS, ORIGINAL_NAMES, SKIPPED, decode_column};
use crate::archive::extract::MAX_PROOF;
use crate::archive::label::Label;
use crate::archive::proof::{ProvedRecord, consistent_record_proof, verify_record_proof};
use crate::crypto::hash::{Hash, sha256};
use crate::disclosure::evidence::{self, BagEvidence, MAX_EVIDENCE};
use crate::disclosure::grant::Grant;
use crate::disclosure::notice;
use crate::disclosure::receipt::Receipt;
use crate::storage::StorageError;
use crate::storage::tree::{NameKind, TreeReader};
use std::collections::HashSet;
use std::io::{self, BufRead, BufReader, Read};
use tr::tr;

const TAG_MANIFEST: &str = "tagmanifest-sha256.txt";
const MANIFEST: &str = "manifest-sha256.txt";
const INFO: &str = "bag-info.txt";
/// Tag files that a bag may have, in the order of its tag manifest; the second list need not be there.
const NEEDED: [&str; 3] = ["bagit.txt", MANIFEST, INFO];
const ALLOWED: [&str; 3] = [LINKS, ORIGINAL_NAMES, SKIPPED];
/// Bytes of a tag manifest, at most: it has six lines.
const MAX_TAG_MANIFEST: u64 = 4096;
/// Bytes of a line of a manifest, at most: a path of 32 KiB, encoded.
const MAX_LINE: u64 = 128 << 10;
/// Bytes of the notice, at most: the records of a grant stand in it twice.
const MAX_NOTICE: u64 = 4 << 20;

/// A bag that is what was sealed.
#[derive(Clone, Debug)]
pub struct ProvedBag {
    /// The proof that led to the seal.
    pub proved: ProvedRecord,
    /// The record's label.
    pub label: Label,
    /// The grant that it was opened with.
    pub grant: Option<[u8; 16]>,
}

/// What stands beside the bags of one folder, already checked.
pub struct Beside<'a> {
    /// The grant.
    pub grant: Option<&'a Grant>,
    /// Receipts, by name.
    pub receipts: &'a [(String, Receipt)],
}

/// Checks the bag `name` in `folder`.
///
/// # Errors
/// What does not fit, in words.
pub fn check_bag(
    folder: &TreeReader,
    name: &str,
    beside: &Beside<'_>,
    pinned: &Pinned<'_>,
) -> Result<ProvedBag, String> {
    let bag = folder.folder(name).map_err(words)?;
    let tag_manifest = bag.read(TAG_MANIFEST, MAX_TAG_MANIFEST).map_err(words)?;
    let hash = sha256(&[&tag_manifest]);
    let tags = check_tags(&bag, &tag_manifest)?;
    let said = bag.read(evidence::FILE, MAX_EVIDENCE).map_err(words)?;
    let said = BagEvidence::parse(&said).map_err(|e| format!("{}: {e}", evidence::FILE))?;
    let proved = proof_of(folder, name, said.record, pinned)?;
    if (proved.archive, proved.leaf.record) != (said.archive, said.record) {
        return Err(tr!("{}: its proof is of another record", evidence::FILE));
    }
    let label = Label::open(&said.label_key(), said.record, &proved.leaf.label).map_err(|e| e.to_string())?;
    if label.bag != hash {
        return Err(tr!("the sealed label names another bag"));
    }
    let files = check_payload(&bag)?;
    if files != label.files {
        return Err(tr!("it does not have as many files as the sealed label says"));
    }
    check_names(&bag, &tags, said.grant.is_some())?;
    check_identifier(&bag, &said)?;
    check_grant(&bag, &said, &proved, beside.grant)?;
    for (receipt, content) in beside.receipts {
        let listed = content.opened.iter().find(|opened| opened.record == said.record);
        if content.archive == said.archive && listed.is_some_and(|opened| opened.bag != hash) {
            return Err(tr!("{receipt} names another bag", receipt = receipt));
        }
    }
    Ok(ProvedBag { proved, label, grant: said.grant })
}

fn words(error: StorageError) -> String {
    error.to_string()
}

/// The tag files that the tag manifest lists, which are as it says.
fn check_tags(bag: &TreeReader, manifest: &[u8]) -> Result<Vec<String>, String> {
    let text =
        std::str::from_utf8(manifest).map_err(|_| tr!("{tag_manifest} is not UTF-8", tag_manifest = TAG_MANIFEST))?;
    let mut names = Vec::new();
    for line in text.split_inclusive('\n') {
        let (hash, name) = manifest_line(line)
            .ok_or_else(|| tr!("{tag_manifest}: a line is malformed", tag_manifest = TAG_MANIFEST))?;
        if !NEEDED.contains(&name) && !ALLOWED.contains(&name) {
            return Err(tr!(
                "{tag_manifest} lists {name}, which no bag has",
                tag_manifest = TAG_MANIFEST,
                name = format!("{:?}", name)
            ));
        }
        if bag.hash(name).map_err(words)? != hash {
            return Err(tr!("{name} is not what {tag_manifest} says", name = name, tag_manifest = TAG_MANIFEST));
        }
        names.push(name.to_owned());
    }
    match NEEDED.iter().find(|needed| !names.iter().any(|name| name == *needed)) {
        Some(missing) => {
            Err(tr!("{tag_manifest} does not list {missing}", tag_manifest = TAG_MANIFEST, missing = missing))
        }
        None => Ok(names),
    }
}

fn manifest_line(line: &str) -> Option<(Hash, &str)> {
    let (digits, name) = line.strip_suffix('\n')?.split_once("  ")?;
    let mut hash = [0; 32];
    hex::decode_to_slice(digits, &mut hash).ok()?;
    (hex::encode(hash) == digits).then_some((hash, name))
}

/// Hashes every file that the manifest lists; no other may lie in the payload. Returns how many there are.
fn check_payload(bag: &TreeReader) -> Result<u64, String> {
    let mut manifest = BufReader::new(bag.file(MANIFEST).map_err(words)?);
    let at = |e: io::Error| format!("{MANIFEST}: {}", crate::language::of_system(&e));
    let mut seen: HashSet<[u8; 16]> = HashSet::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        if manifest.by_ref().take(MAX_LINE).read_until(b'\n', &mut line).map_err(at)? == 0 {
            break;
        }
        let parsed = std::str::from_utf8(&line).ok().and_then(manifest_line);
        let decoded = parsed.and_then(|(hash, path)| Some((hash, decode_path(path)?)));
        let Some((hash, path)) = decoded.filter(|(_, path)| path.starts_with("data/")) else {
            return Err(tr!("{manifest}: a line is malformed", manifest = MANIFEST));
        };
        if bag.hash(&path).map_err(words)? != hash {
            return Err(tr!("{path} is not what {manifest} says", path = format!("{:?}", path), manifest = MANIFEST));
        }
        let digest = sha256(&[path.as_bytes()]);
        if !seen.insert(digest[..16].try_into().expect("a hash has 16 bytes")) {
            return Err(tr!("{manifest} lists {path} twice", manifest = MANIFEST, path = format!("{:?}", path)));
        }
    }
    let files = seen.len() as u64;
    if bag.count_files("data").map_err(words)? != files {
        return Err(tr!("there are files in data/ that {manifest} does not list", manifest = MANIFEST));
    }
    Ok(files)
}

/// Undoes the encoding of a manifest's paths, in which tabs stand as they are.
fn decode_path(path: &str) -> Option<String> {
    decode_column(&path.replace('\t', "%09"))
}

/// The bag's own folder may hold what is checked and nothing else.
fn check_names(bag: &TreeReader, tags: &[String], granted: bool) -> Result<(), String> {
    for (name, kind) in bag.names().map_err(words)? {
        let known = match kind {
            NameKind::Folder => name == "data",
            NameKind::File => {
                name == TAG_MANIFEST
                    || name == evidence::FILE
                    || (granted && name == notice::FILE)
                    || tags.contains(&name)
            }
            NameKind::Link | NameKind::Other => false,
        };
        if !known {
            return Err(tr!("{name} is in none of its manifests", name = format!("{:?}", name)));
        }
    }
    Ok(())
}

fn proof_of(folder: &TreeReader, name: &str, record: u64, pinned: &Pinned<'_>) -> Result<ProvedRecord, String> {
    let names = [format!("{name}.tlog-proof"), format!("record-{record}.tlog-proof")];
    let Some(place) = names.iter().find(|place| folder.has_file(place)) else {
        return Err(tr!("there is no proof beside it: {}", names[0]));
    };
    let text = folder.read(place, MAX_PROOF).map_err(words)?;
    let text = String::from_utf8(text).map_err(|_| tr!("{place} is not UTF-8", place = place))?;
    let named = |e: crate::archive::ArchiveError| format!("{place}: {e}");
    let claimed = consistent_record_proof(&text).map_err(named)?;
    match pinned.of(&claimed.firm)? {
        Some(keys) => verify_record_proof(&text, &keys).map_err(named),
        None => Ok(claimed),
    }
}

fn check_identifier(bag: &TreeReader, said: &BagEvidence) -> Result<(), String> {
    let mut start = String::new();
    let line = format!("External-Identifier: {}/{}\n", hex::encode(said.archive), said.record);
    bag.file(INFO)
        .map_err(words)?
        .take(line.len() as u64)
        .read_to_string(&mut start)
        .map_err(|e| crate::language::of_system(&e))?;
    if start != line {
        return Err(tr!("{info} names another record", info = INFO));
    }
    Ok(())
}

fn check_grant(
    bag: &TreeReader,
    said: &BagEvidence,
    proved: &ProvedRecord,
    grant: Option<&Grant>,
) -> Result<(), String> {
    let covers = |grant: &&Grant| grant.archive == said.archive && grant.records.contains(said.record);
    let (id, grant) = match (said.grant, grant) {
        (None, None) => return Ok(()),
        (None, Some(grant)) if !covers(&grant) => return Ok(()),
        (None, Some(_)) => return Err(tr!("{} does not name the grant beside it", evidence::FILE)),
        (Some(id), Some(grant)) => (id, grant),
        (Some(id), None) => {
            return Err(tr!("the grant {} that it was opened with is not beside it, or is no grant", hex::encode(id)));
        }
    };
    if (id, said.watermark) != (grant.grant, Some(grant.watermark)) {
        return Err(tr!("{} names another grant than the one beside it", evidence::FILE));
    }
    if !covers(&grant) || grant.root != proved.checkpoint.root || grant.firm != proved.firm {
        return Err(tr!("the grant beside it does not name this record of this seal"));
    }
    let text = bag.read(notice::FILE, MAX_NOTICE).map_err(words)?;
    if text != notice::text(grant).as_bytes() {
        return Err(tr!("{} does not say what the grant says", notice::FILE));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_are_read_as_they_are_written() {
        use crate::archive::bag_writer;
        for path in ["data/a", "data/100%", "data/a\nb", "data/tab\tinside", "data/%0A", "data/  two"] {
            let line = bag_writer::manifest_line(path, &[7; 32]);
            let (hash, spelled) = manifest_line(&line).unwrap();
            assert_eq!((hash, decode_path(spelled).as_deref()), ([7; 32], Some(path)));
        }
        for bad in ["", "\n", &"a".repeat(70), &format!("{}  x", "ab".repeat(32)), &format!("{}  x\n", "AB".repeat(32))]
        {
            assert!(manifest_line(bad).is_none(), "{bad:?}");
        }
    }
}
