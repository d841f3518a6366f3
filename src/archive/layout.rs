//! Where everything stands in an archive file: member names, their order, and the one allowed tar header for each.
//!
//! Spec: `spec/archive.md`, "Members" and "Tar profile".

use super::ArchiveError;
use tr::tr;

/// A tar block.
pub const BLOCK: usize = 512;
/// Bytes of record content in every segment but a record's last.
pub const SEGMENT: u64 = 4 << 20;
/// Bytes from the trailer's header to the end of the file.
pub const TAIL: u64 = 4 * BLOCK as u64;
/// First member.
pub const README: &str = "README.txt";
/// Second member.
pub const MANIFEST: &str = "archive.json";
/// Third member from the end.
pub const INDEX: &str = "index";
/// Second member from the end.
pub const CHECKPOINT: &str = "checkpoint";
/// Last member.
pub const TRAILER: &str = "trailer";

/// The largest preamble member that is read: README, manifest, access file.
pub const MAX_PREAMBLE_MEMBER: u64 = 16 << 20;

/// Name of the access file of a compartment.
pub fn access_member(compartment: &str) -> String {
    format!("access/{compartment}.age")
}

/// Name of a segment of a record.
pub fn record_member(record: u64, segment: u64) -> String {
    format!("records/{record:010}/{segment:08}")
}

/// The tar header of a member: the only bytes that may stand there.
///
/// # Errors
/// [`ArchiveError::Damaged`] for a name or size that no member of this format has.
pub fn member_header(name: &str, size: u64) -> Result<[u8; BLOCK], ArchiveError> {
    let impossible = || ArchiveError::damaged(name, tr!("no member of an archive has such a name or size"));
    // 11 octal digits: larger sizes would need extensions that this format does not have.
    if size >= 1 << 33 || !name.is_ascii() || name.len() > 100 {
        return Err(impossible());
    }
    let mut header = tar::Header::new_ustar();
    header.set_path(name).map_err(|_| impossible())?;
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_cksum();
    Ok(*header.as_bytes())
}

/// Zero bytes behind content of `size` bytes.
pub fn padding(size: u64) -> usize {
    (size.next_multiple_of(BLOCK as u64) - size) as usize
}

/// Bytes of a whole member: header, content, padding.
pub fn member_len(size: u64) -> u64 {
    BLOCK as u64 + size.next_multiple_of(BLOCK as u64)
}

/// The segments of a record of `size` bytes: number and size of each.
pub fn segments(size: u64) -> impl Iterator<Item = (u64, u64)> {
    (0..size.div_ceil(SEGMENT)).map(move |segment| (segment, SEGMENT.min(size - segment * SEGMENT)))
}

/// Bytes of all members of a record of `size` bytes.
pub fn record_len(size: u64) -> Option<u64> {
    let full = size / SEGMENT;
    let rest = size % SEGMENT;
    let last = if rest > 0 { member_len(rest) } else { 0 };
    full.checked_mul(member_len(SEGMENT))?.checked_add(last)
}

/// Where the byte `at` of a record's content stands, relative to the record's first header.
pub fn content_offset(at: u64) -> u64 {
    at / SEGMENT * member_len(SEGMENT) + BLOCK as u64 + at % SEGMENT
}

/// The trailer's content.
pub fn trailer_text(index: u64, checkpoint: u64) -> String {
    format!("keepuntil archive\nindex {index:020}\ncheckpoint {checkpoint:020}\n")
}

/// Offsets of index and checkpoint from a trailer's content.
pub fn parse_trailer(text: &[u8]) -> Option<(u64, u64)> {
    let text = std::str::from_utf8(text).ok()?;
    let mut lines = text.lines().skip(1);
    let index = lines.next()?.strip_prefix("index ")?.parse().ok()?;
    let checkpoint = lines.next()?.strip_prefix("checkpoint ")?.parse().ok()?;
    (trailer_text(index, checkpoint) == text).then_some((index, checkpoint))
}

/// Where bundles and tiles were found: what the index must say.
#[derive(Default)]
pub struct Offsets {
    bundles: Vec<u64>,
    tiles: Vec<(u32, u64)>,
}

impl Offsets {
    /// Notes a bundle or tile by its path; within a level they come in order.
    pub fn add(&mut self, path: &str, offset: u64) {
        match path.split('/').nth(1).and_then(|level| level.parse().ok()) {
            Some(level) => self.tiles.push((level, offset)),
            None => self.bundles.push(offset),
        }
    }

    /// The content of the index: bundles, then tiles level by level, 8 bytes big-endian each.
    pub fn to_bytes(&mut self) -> Vec<u8> {
        self.tiles.sort_by_key(|(level, _)| *level);
        let tiles = self.tiles.iter().map(|(_, offset)| offset);
        self.bundles.iter().chain(tiles).flat_map(|offset| offset.to_be_bytes()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_plain_ustar() {
        let header = member_header("records/0000000017/00000000", 1234).unwrap();
        assert_eq!(&header[257..265], b"ustar\x0000");
        assert_eq!(&header[124..136], b"00000002322\0");
        assert!(member_header("x", u64::MAX).is_err());
    }

    #[test]
    fn record_lengths_add_up() {
        for size in [0, 1, 512, SEGMENT - 1, SEGMENT, SEGMENT + 1, 3 * SEGMENT + 7] {
            let sum: u64 = segments(size).map(|(_, len)| member_len(len)).sum();
            assert_eq!(record_len(size), Some(sum));
            assert_eq!(segments(size).map(|(_, len)| len).sum::<u64>(), size);
        }
        assert_eq!(content_offset(SEGMENT + 5), member_len(SEGMENT) + 512 + 5);
        assert_eq!(record_len(u64::MAX), None);
    }
}
