//! The tree inside an archive file: any leaf with its proof, read through the index.
//!
//! Invariant: a leaf is given out only after it led to the root that the tree was opened with. The index is a hint, and
//! so are hash tiles: where they do not lead to the root, the hashes are made from the bundles.
//! Spec: `spec/archive.md`, "Reading".

use super::ArchiveError;
use super::layout::{self, BLOCK};
use crate::crypto::hash::Hash;
use crate::language::{said, text};
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::merkle::{TileSource, inclusion_proof, leaf_hash, root_from_proof, root_of};
use crate::tlog::tile::{self, MAX_ENTRY, TILE_HEIGHT, TILE_WIDTH, bundle_entries, tile_hashes};
use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use tr::tr;

/// The largest bundle: 256 entries with their length prefixes.
const MAX_BUNDLE: u64 = (TILE_WIDTH * (MAX_ENTRY + 2)) as u64;
/// Bundles and tiles that are kept at hand.
const CACHED_BUNDLES: usize = 4;
const CACHED_TILES: usize = 1024;

/// A tree of known head in an archive file.
pub struct SealedTree {
    file: Arc<File>,
    index_at: u64,
    head: Checkpoint,
    bundles: HashMap<u64, Arc<Vec<u8>>>,
    tiles: HashMap<(u32, u64), Vec<Hash>>,
    hashes: HashSource,
}

/// Where hashes above the leaves come from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum HashSource {
    /// The stored tiles.
    Tiles,
    /// The bundles: a stored tile is damaged.
    Bundles,
    /// The stored tiles, since the bundles do not make the root either.
    TilesOnly,
}

impl SealedTree {
    /// The tree with this head, whose index member stands at `index_at`.
    pub fn new(file: Arc<File>, index_at: u64, head: Checkpoint) -> Self {
        Self { file, index_at, head, bundles: HashMap::new(), tiles: HashMap::new(), hashes: HashSource::Tiles }
    }

    /// Leaves in the tree.
    pub fn size(&self) -> u64 {
        self.head.size
    }

    /// A leaf's bytes and its inclusion proof, which was followed to the root.
    ///
    /// # Errors
    /// [`ArchiveError::NoSuchRecord`]; [`ArchiveError::Damaged`] when bundle or tiles do not lead to the root.
    pub fn leaf(&mut self, index: u64) -> Result<(Vec<u8>, Vec<Hash>), ArchiveError> {
        let error = match self.proved_leaf(index) {
            Err(error @ ArchiveError::Damaged { .. }) if self.hashes == HashSource::Tiles => error,
            other => return other,
        };
        self.use_hashes(HashSource::Bundles);
        self.proved_leaf(index).map_err(|_| {
            // Tried once only: it reads every bundle.
            self.use_hashes(HashSource::TilesOnly);
            error
        })
    }

    fn use_hashes(&mut self, source: HashSource) {
        self.hashes = source;
        self.tiles.clear();
    }

    fn proved_leaf(&mut self, index: u64) -> Result<(Vec<u8>, Vec<Hash>), ArchiveError> {
        let size = self.size();
        if index >= size {
            return Err(ArchiveError::NoSuchRecord(index, size - 1));
        }
        let bundle_index = index / TILE_WIDTH as u64;
        let bundle = self.bundle(bundle_index)?;
        let entries = bundle_entries(&bundle, tile::width(size, 0, bundle_index))?;
        let leaf = entries[(index % TILE_WIDTH as u64) as usize].to_vec();
        let proof = inclusion_proof(self, size, index)?;
        if root_from_proof(leaf_hash(&leaf), index, size, &proof)? != self.head.root {
            return Err(ArchiveError::damaged(
                tr!("leaf {index}", index = index),
                tr!("it does not lead to the sealed root"),
            ));
        }
        Ok((leaf, proof))
    }

    /// All leaves of one bundle, proved.
    ///
    /// # Errors
    /// As [`Self::leaf`].
    pub fn leaves(&mut self, bundle_index: u64) -> Result<Vec<Vec<u8>>, ArchiveError> {
        // The proof of one leaf rests on the hashes of all leaves of its bundle.
        self.leaf(bundle_index * TILE_WIDTH as u64)?;
        let bundle = self.bundle(bundle_index)?;
        let entries = bundle_entries(&bundle, tile::width(self.size(), 0, bundle_index))?;
        Ok(entries.into_iter().map(<[u8]>::to_vec).collect())
    }

    /// A bundle as it stands in the file: not proved.
    ///
    /// # Errors
    /// [`ArchiveError::Damaged`] when there is no such member where the index points.
    pub fn bundle(&mut self, index: u64) -> Result<Arc<Vec<u8>>, ArchiveError> {
        if let Some(bundle) = self.bundles.get(&index) {
            return Ok(bundle.clone());
        }
        let name = tile::path("entries", index, tile::width(self.size(), 0, index));
        let at = self.indexed_offset(index)?;
        let bundle = Arc::new(member_at(&self.file, at, self.index_at, &name, MAX_BUNDLE)?);
        if self.bundles.len() >= CACHED_BUNDLES {
            self.bundles.clear();
        }
        self.bundles.insert(index, bundle.clone());
        Ok(bundle)
    }

    fn indexed_offset(&self, position: u64) -> Result<u64, ArchiveError> {
        let mut bytes = [0; 8];
        read_exact(&self.file, &mut bytes, self.index_at + BLOCK as u64 + 8 * position, layout::INDEX)?;
        Ok(u64::from_be_bytes(bytes))
    }
}

impl TileSource for SealedTree {
    type Error = ArchiveError;

    fn tile(&mut self, level: u32, index: u64, width: usize) -> Result<Vec<Hash>, ArchiveError> {
        if let Some(hashes) = self.tiles.get(&(level, index)) {
            return Ok(hashes.clone());
        }
        let hashes = if level == 0 {
            let bundle = self.bundle(index)?;
            bundle_entries(&bundle, width)?.into_iter().map(leaf_hash).collect()
        } else if self.hashes == HashSource::Bundles {
            let first = index * TILE_WIDTH as u64;
            let below = |i: u64| Ok(root_of(&self.tile(level - 1, first + i, TILE_WIDTH)?));
            (0..width as u64).map(below).collect::<Result<_, ArchiveError>>()?
        } else {
            let at = self.indexed_offset(index_position(self.size(), level, index))?;
            let name = tile::path(level, index, width);
            tile_hashes(&member_at(&self.file, at, self.index_at, &name, 32 * TILE_WIDTH as u64)?, width)?
        };
        if self.tiles.len() >= CACHED_TILES {
            self.tiles.clear();
        }
        self.tiles.insert((level, index), hashes.clone());
        Ok(hashes)
    }
}

/// Where the index lists a tile: all bundles come first, then the tiles of each level.
fn index_position(size: u64, level: u32, index: u64) -> u64 {
    let tiles_at = |level: u32| (size >> (TILE_HEIGHT * level)).div_ceil(TILE_WIDTH as u64);
    (0..level).map(tiles_at).sum::<u64>() + index
}

/// Entries that the index of a tree of `size` leaves has.
pub fn index_entries(size: u64) -> u64 {
    index_position(size, 8, 0)
}

/// Reads a member whose header must stand at `at` and whose end must not pass `end`.
///
/// # Errors
/// [`ArchiveError::Damaged`] for any other header, size or padding.
pub fn member_at(file: &File, at: u64, end: u64, name: &str, limit: u64) -> Result<Vec<u8>, ArchiveError> {
    let damaged = |what: &str| ArchiveError::damaged(name, said(what));
    if at.checked_add(BLOCK as u64).is_none_or(|content| content > end) {
        return Err(damaged(text!("it lies outside the archive")));
    }
    let mut header = [0; BLOCK];
    read_exact(file, &mut header, at, name)?;
    let size = tar::Header::from_byte_slice(&header).size().map_err(|_| damaged(text!("its tar header is damaged")))?;
    if size > limit || layout::member_header(name, size)? != header {
        return Err(damaged(text!("its tar header is damaged")));
    }
    if at + layout::member_len(size) > end {
        return Err(damaged(text!("it lies outside the archive")));
    }
    let mut content = vec![0; size as usize + layout::padding(size)];
    read_exact(file, &mut content, at + BLOCK as u64, name)?;
    if content[size as usize..].iter().any(|&b| b != 0) {
        return Err(damaged(text!("its padding is not zero")));
    }
    content.truncate(size as usize);
    Ok(content)
}

/// Reads at an offset; an early end of the file is damage.
///
/// # Errors
/// [`ArchiveError::Damaged`] at the end of the file; [`ArchiveError::Io`].
pub fn read_exact(file: &File, buffer: &mut [u8], at: u64, place: &str) -> Result<(), ArchiveError> {
    file.read_exact_at(buffer, at).map_err(|e| match e.kind() {
        std::io::ErrorKind::UnexpectedEof => ArchiveError::damaged(place, tr!("the file ends inside it")),
        _ => ArchiveError::Io(e),
    })
}
