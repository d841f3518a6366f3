//! What can still be said of a file whose end, preamble or seal is damaged: which records are as their leaves say.
//!
//! Walks the file for members, across gaps. Nothing that it finds is proved: the seal is what is missing.
//! Spec: `spec/archive.md`, "Verifying".

use super::ArchiveError;
use super::layout::{self, BLOCK};
use super::leaf::{self, RecordLeaf};
use super::manifest::Manifest;
use super::verify::{Check, RecordState, Verification};
use crate::crypto::kdf::{ArchiveId, parse_archive_id};
use crate::tlog::checkpoint;
use crate::tlog::tile::{LogBuilder, MAX_ENTRY, TILE_WIDTH};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use tr::tr;

/// What was found in a damaged file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Salvage {
    /// Records that are as their leaves say, those that were emptied by right, and damage to the others.
    pub found: Verification,
    /// Records that a leaf was found for.
    pub listed: u64,
    /// Whether the leaves make the root in the checkpoint that was found. The checkpoint itself was not verified.
    pub fits_checkpoint: bool,
}

/// Searches a damaged archive; `destroyed` says of which records the content may be zeros, as in [`super::verify::verify`].
///
/// # Errors
/// [`ArchiveError::Io`] when the disk cannot be read.
pub fn salvage(
    file: &Arc<File>,
    destroyed: &dyn Fn(u64) -> bool,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Salvage, ArchiveError> {
    let len = file.metadata()?.len();
    let check = Check::new(file.clone(), progress);
    let mut salvage = Salvage::default();
    let mut log = LogBuilder::default();
    let mut head = None;
    let mut at = 0;
    while let Some((name, size)) = next_member(file, &mut at, len, &check)? {
        let content_at = at + BLOCK as u64;
        at = content_at.saturating_add(size.next_multiple_of(BLOCK as u64));
        let is_bundle = name.starts_with("tile/entries/") && size <= (TILE_WIDTH * (MAX_ENTRY + 2)) as u64;
        let is_checkpoint = name == layout::CHECKPOINT && size <= checkpoint::MAX_CHECKPOINT;
        if !is_bundle && !is_checkpoint {
            continue;
        }
        let mut content = vec![0; size as usize];
        if file.read_exact_at(&mut content, content_at).is_err() {
            continue;
        }
        if !is_bundle {
            head = checkpoint::claimed(&content).ok();
            continue;
        }
        for (number, entry) in (log.size()..).zip(entries(&content)) {
            if log.push(entry).is_err() {
                break;
            }
            if let Ok(leaf) = leaf::parse::<RecordLeaf>(number, entry) {
                salvage.listed += 1;
                match check.record_if_inside(&leaf, len, destroyed(leaf.record))? {
                    RecordState::Whole => salvage.found.whole += 1,
                    RecordState::Removed => salvage.found.removed += 1,
                    RecordState::Emptied => salvage.found.emptied += 1,
                    RecordState::Damaged => {}
                }
            }
        }
    }
    salvage.fits_checkpoint =
        head.is_some_and(|head| log.size() > 0 && head.size == log.size() && head.root == log.finish().1);
    let Verification { whole, removed, emptied, .. } = salvage.found;
    let found = Verification { removed, emptied, ..check.into_verification(whole) };
    Ok(Salvage { found, ..salvage })
}

/// The archive that a damaged file says it is: its `archive.json`, or else the origin in its checkpoint. Nothing proves it.
///
/// # Errors
/// [`ArchiveError::Damaged`] where it does not say; [`ArchiveError::Io`] when the disk cannot be read.
pub fn claimed_archive(file: &Arc<File>) -> Result<ArchiveId, ArchiveError> {
    let len = file.metadata()?.len();
    let check = Check::new(file.clone(), &|_| ());
    let mut at = 0;
    while let Some((name, size)) = next_member(file, &mut at, len, &check)? {
        let content_at = at + BLOCK as u64;
        at = content_at.saturating_add(size.next_multiple_of(BLOCK as u64));
        let named = [layout::MANIFEST, layout::CHECKPOINT].contains(&name.as_str());
        if !named || size > layout::MAX_PREAMBLE_MEMBER {
            continue;
        }
        let mut content = vec![0; size as usize];
        let read = file.read_exact_at(&mut content, content_at);
        let id = match name.as_str() {
            layout::MANIFEST => Manifest::parse(&content).ok().and_then(|manifest| manifest.archive_id()),
            _ => checkpoint::claimed(&content)
                .ok()
                .and_then(|head| parse_archive_id(head.origin.rsplit_once("/archive/")?.1)),
        };
        if let (Ok(()), Some(id)) = (read, id) {
            return Ok(id);
        }
    }
    Err(ArchiveError::damaged(layout::MANIFEST, tr!("nothing in the file says which archive it is")))
}

/// The member at `at`, or the next one behind a stretch that is none; the stretch is reported as damage.
fn next_member(file: &File, at: &mut u64, len: u64, check: &Check<'_>) -> Result<Option<(String, u64)>, ArchiveError> {
    let begun = *at;
    let mut block = [0; BLOCK];
    while at.saturating_add(BLOCK as u64) <= len {
        file.read_exact_at(&mut block, *at)?;
        if let Some(member) = member(&block) {
            if *at > begun {
                check.report(None, begun, *at - begun, tr!("there is no member of an archive here"));
            }
            return Ok(Some(member));
        }
        *at += BLOCK as u64;
    }
    if begun > len {
        check.report(None, len.saturating_sub(1), 1, tr!("the file is cut short inside a member"));
    } else if len - begun != 2 * BLOCK as u64 {
        check.report(None, begun, len - begun, tr!("the file does not end as an archive does"));
    }
    Ok(None)
}

/// Name and size of a member whose header is exactly what this format allows.
fn member(block: &[u8; BLOCK]) -> Option<(String, u64)> {
    let header = tar::Header::from_byte_slice(block);
    let size = header.size().ok()?;
    let name = String::from_utf8(header.path_bytes().into_owned()).ok()?;
    (!name.is_empty() && layout::member_header(&name, size).is_ok_and(|expected| expected == *block))
        .then_some((name, size))
}

/// The entries of a bundle, as far as it is well formed.
fn entries(bundle: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bundle;
    std::iter::from_fn(move || {
        let (len, tail) = rest.split_first_chunk::<2>()?;
        let (entry, tail) = tail.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
        rest = tail;
        Some(entry)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::writer::ArchiveWriter;
    use crate::crypto::hash::sha256;
    use crate::retention::{AtExpiry, Retention};
    use std::io::Write;

    fn archive(records: u8) -> Vec<u8> {
        let mut writer = ArchiveWriter::begin(Vec::new(), "00", &[("README.txt".into(), vec![b'x'; 600])]).unwrap();
        for record in 1..=u64::from(records) {
            let file = vec![record as u8; 3000];
            let placed = writer.whole_record(&file, sha256(&[&file])).unwrap();
            let leaf = RecordLeaf {
                record,
                compartment: "c".into(),
                offset: placed.offset,
                size: placed.size,
                sha256: placed.sha256,
                retention: Retention::until("2036-12-31".parse().unwrap(), AtExpiry::Review),
                commitments: leaf::LeafCommitments { record: [0; 32], label: [0; 32] },
                label: vec![],
            };
            writer.record_leaf(&leaf).unwrap();
        }
        let seal = |_| Ok::<_, ArchiveError>("no checkpoint".to_owned());
        writer.finish(seal).unwrap().0
    }

    fn salvaged(bytes: &[u8]) -> Salvage {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        salvage(&Arc::new(file), &|_| false, &|_| {}).unwrap()
    }

    #[test]
    fn records_are_told_apart_without_a_seal_and_across_a_gap() {
        let mut bytes = archive(5);
        // Records here are no age files, which every one of them is told for; their hashes are what is looked at.
        let hash_damage = |s: &Salvage| s.found.damage.iter().filter(|d| d.what.contains("content")).count();
        let all = salvaged(&bytes);
        assert_eq!((all.listed, hash_damage(&all), all.fits_checkpoint), (5, 0, false));
        bytes[512 + 1024 + 512 + 100] ^= 1;
        bytes[0] ^= 1;
        let some = salvaged(&bytes);
        assert_eq!((some.listed, hash_damage(&some)), (5, 1));
        assert!(some.found.damage.iter().any(|d| d.first == 0 && d.what.contains("no member")));
        let cut = salvaged(&bytes[..9000]);
        assert_eq!(cut.listed, 0);
    }
}
