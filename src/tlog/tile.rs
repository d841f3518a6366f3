//! Tiles and entry bundles of C2SP tlog-tiles: their names, their bytes, and a builder that yields them in order.

use super::TlogError;
use super::merkle::{leaf_hash, node_hash, root_of};
use crate::crypto::hash::Hash;
use crate::language::text;

/// Tree levels in a tile.
pub const TILE_HEIGHT: u32 = 8;
/// Hashes in a full tile, entries in a full bundle.
pub const TILE_WIDTH: usize = 256;
/// Bytes of the largest entry, as a bundle's length prefix allows.
pub const MAX_ENTRY: usize = 65_535;

/// Hashes that the tile holds in a tree of `size` leaves; 0 where there is none.
pub fn width(size: u64, level: u32, index: u64) -> usize {
    let at_level = size >> (TILE_HEIGHT * level).min(63);
    at_level.saturating_sub(index * TILE_WIDTH as u64).min(TILE_WIDTH as u64) as usize
}

/// Path of a hash tile (`level` as a number) or an entry bundle (`"entries"`).
pub fn path(level: impl std::fmt::Display, index: u64, width: usize) -> String {
    let mut digits = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        digits = format!("x{:03}/{digits}", rest % 1000);
        rest /= 1000;
    }
    let partial = if width == TILE_WIDTH { String::new() } else { format!(".p/{width}") };
    format!("tile/{level}/{digits}{partial}")
}

/// A finished tile or bundle, in the order in which an archive writes them.
#[derive(Debug, PartialEq, Eq)]
pub struct Finished {
    /// Where it goes, as [`path`] names it.
    pub path: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Builds a log: takes entries one by one, yields bundles and tiles (level 1 and up) as they fill.
#[derive(Default)]
pub struct LogBuilder {
    size: u64,
    bundle: Vec<u8>,
    levels: Vec<Vec<Hash>>,
}

impl LogBuilder {
    /// Entries so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends an entry; returns what became full by it: the bundle, then tiles from level 1 up.
    ///
    /// # Errors
    /// [`TlogError::Bundle`] for an entry above [`MAX_ENTRY`] bytes.
    pub fn push(&mut self, entry: &[u8]) -> Result<Vec<Finished>, TlogError> {
        let len: u16 =
            entry.len().try_into().map_err(|_| TlogError::Bundle(text!("an entry is longer than 65,535 bytes")))?;
        self.bundle.extend_from_slice(&len.to_be_bytes());
        self.bundle.extend_from_slice(entry);
        let mut full = Vec::new();
        let mut carry = Some(leaf_hash(entry));
        let mut level = 0;
        while let Some(hash) = carry.take() {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            self.levels[level].push(hash);
            if self.levels[level].len() == TILE_WIDTH {
                let index = (self.size >> (TILE_HEIGHT * level as u32)) / TILE_WIDTH as u64;
                carry = Some(root_of(&self.levels[level]));
                full.push(self.finished(level, index));
                self.levels[level].clear();
            }
            level += 1;
        }
        self.size += 1;
        Ok(full)
    }

    /// Root over the entries so far; `None` before the first.
    pub fn root(&self) -> Option<Hash> {
        let mut root: Option<Hash> = None;
        for level in &self.levels {
            // Perfect subtrees of one level, right to left, then on to the larger ones of the level above.
            let mut hashes = &level[..];
            while !hashes.is_empty() {
                let (left, subtree) = hashes.split_at(hashes.len() - (1 << hashes.len().trailing_zeros()));
                let hash = root_of(subtree);
                root = Some(root.map_or(hash, |right| node_hash(&hash, &right)));
                hashes = left;
            }
        }
        root
    }

    /// The partial bundle and tiles that remain at the end, and the root.
    ///
    /// # Panics
    /// On a log without entries: the format has no empty log.
    pub fn finish(mut self) -> (Vec<Finished>, Hash) {
        let root = self.root().expect("a log has entries");
        let mut partial = Vec::new();
        for level in 0..self.levels.len() {
            if !self.levels[level].is_empty() {
                let index = (self.size >> (TILE_HEIGHT * level as u32)) / TILE_WIDTH as u64;
                partial.push(self.finished(level, index));
            }
        }
        (partial, root)
    }

    fn finished(&mut self, level: usize, index: u64) -> Finished {
        let width = self.levels[level].len();
        if level == 0 {
            Finished { path: path("entries", index, width), bytes: std::mem::take(&mut self.bundle) }
        } else {
            Finished { path: path(level, index, width), bytes: self.levels[level].concat() }
        }
    }
}

/// Splits an entry bundle of `width` entries.
///
/// # Errors
/// [`TlogError::Bundle`] when it holds fewer or more.
pub fn bundle_entries(bytes: &[u8], width: usize) -> Result<Vec<&[u8]>, TlogError> {
    let mut entries = Vec::with_capacity(width);
    let mut rest = bytes;
    while let Some((len, tail)) = rest.split_first_chunk::<2>() {
        let len = usize::from(u16::from_be_bytes(*len));
        let entry = tail.get(..len).ok_or(TlogError::Bundle(text!("an entry is cut short")))?;
        // Empty entries cost two bytes in the bundle and more in memory: a forged bundle could be full of them.
        if entries.len() == width {
            return Err(TlogError::Bundle(text!("it holds more entries than its place allows")));
        }
        entries.push(entry);
        rest = &tail[len..];
    }
    if !rest.is_empty() || entries.len() != width {
        return Err(TlogError::Bundle(text!("it does not hold the number of entries that its place demands")));
    }
    Ok(entries)
}

/// Splits a hash tile of `width` hashes.
///
/// # Errors
/// [`TlogError::Bundle`] when its length is another.
pub fn tile_hashes(bytes: &[u8], width: usize) -> Result<Vec<Hash>, TlogError> {
    if bytes.len() != width * 32 {
        return Err(TlogError::Bundle(text!("a hash tile has the wrong length")));
    }
    Ok(bytes.chunks_exact(32).map(|hash| hash.try_into().expect("chunks are 32 bytes")).collect())
}

/// The names of all bundles and tiles of a tree of `size` leaves, each with level (`None`: bundle), index and width, in
/// the order in which [`LogBuilder`] yields them.
pub fn log_members(size: u64) -> impl Iterator<Item = (Option<u32>, u64, usize)> {
    let full_bundles = size / TILE_WIDTH as u64;
    let level_of = |level: u32| if level == 0 { None } else { Some(level) };
    let full = (0..full_bundles).flat_map(move |bundle| {
        let mut completed = vec![(None, bundle, TILE_WIDTH)];
        let (mut level, mut count) = (1, bundle + 1);
        while count.is_multiple_of(TILE_WIDTH as u64) {
            count /= TILE_WIDTH as u64;
            completed.push((Some(level), count - 1, TILE_WIDTH));
            level += 1;
        }
        completed
    });
    let partial = (0..8).filter_map(move |level| {
        let at_level = size >> (TILE_HEIGHT * level);
        let width = (at_level % TILE_WIDTH as u64) as usize;
        (width > 0).then_some((level_of(level), at_level / TILE_WIDTH as u64, width))
    });
    full.chain(partial)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_tlog_tiles_specification() {
        assert_eq!(path(1, 1_234_067, TILE_WIDTH), "tile/1/x001/x234/067");
        assert_eq!(path("entries", 0, 37), "tile/entries/000.p/37");
    }

    #[test]
    fn the_builder_yields_the_members_that_the_size_demands_and_the_same_root() {
        for size in [1u64, 2, 255, 256, 257, 65_536, 66_000] {
            let mut builder = LogBuilder::default();
            let mut names = Vec::new();
            let mut hashes = Vec::new();
            for i in 0..size {
                hashes.push(leaf_hash(&i.to_be_bytes()));
                names.extend(builder.push(&i.to_be_bytes()).unwrap().into_iter().map(|f| f.path));
            }
            let (partial, root) = builder.finish();
            names.extend(partial.into_iter().map(|f| f.path));
            let expected: Vec<String> = log_members(size)
                .map(|(level, index, width)| match level {
                    None => path("entries", index, width),
                    Some(level) => path(level, index, width),
                })
                .collect();
            assert_eq!(names, expected, "size {size}");
            assert_eq!(root, root_of(&hashes), "size {size}");
        }
    }
}
