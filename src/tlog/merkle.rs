//! The Merkle tree of RFC 6962: hashes, roots and inclusion proofs over tiles.

use super::TlogError;
use super::tile::{TILE_HEIGHT, TILE_WIDTH};
use crate::crypto::hash::{Hash, sha256};
use crate::language::text;

/// Hash of a leaf's bytes.
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    sha256(&[&[0], leaf])
}

/// Hash of an inner node.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[1], left, right])
}

/// Root of the tree over `hashes`, which must not be empty.
pub fn root_of(hashes: &[Hash]) -> Hash {
    match hashes {
        [one] => *one,
        _ => {
            let (left, right) = hashes.split_at(split(hashes.len() as u64) as usize);
            node_hash(&root_of(left), &root_of(right))
        }
    }
}

/// Leaves in the left subtree of a tree of `size` > 1 leaves: the largest power of two below `size`.
pub(super) fn split(size: u64) -> u64 {
    1 << (63 - (size - 1).leading_zeros())
}

/// Where the hashes of a tree can be read, a tile at a time.
pub trait TileSource {
    /// What reading can fail with.
    type Error;

    /// The first `width` hashes of tile `index` at `level`; level 0 are leaf hashes.
    ///
    /// # Errors
    /// Whatever keeps the tile from being read.
    fn tile(&mut self, level: u32, index: u64, width: usize) -> Result<Vec<Hash>, Self::Error>;
}

/// Root of the subtree over the leaves `start..end` of a tree of `size` leaves.
///
/// # Errors
/// Those of the source.
pub fn subtree<S: TileSource>(source: &mut S, size: u64, start: u64, end: u64) -> Result<Hash, S::Error> {
    let count = end - start;
    if count.is_power_of_two() && start.is_multiple_of(count) {
        return perfect(source, size, count.trailing_zeros(), start / count);
    }
    let middle = start + split(count);
    Ok(node_hash(&subtree(source, size, start, middle)?, &subtree(source, size, middle, end)?))
}

fn perfect<S: TileSource>(source: &mut S, size: u64, height: u32, index: u64) -> Result<Hash, S::Error> {
    let level = height / TILE_HEIGHT;
    let span = 1usize << (height % TILE_HEIGHT);
    let per_tile = (TILE_WIDTH / span) as u64;
    let tile_index = index / per_tile;
    let width = super::tile::width(size, level, tile_index);
    let hashes = source.tile(level, tile_index, width)?;
    let first = (index % per_tile) as usize * span;
    Ok(root_of(&hashes[first..first + span]))
}

/// Inclusion proof of leaf `index`, from its sibling up to the root's child.
///
/// # Errors
/// Those of the source.
pub fn inclusion_proof<S: TileSource>(source: &mut S, size: u64, index: u64) -> Result<Vec<Hash>, S::Error> {
    let (mut start, mut end) = (0, size);
    let mut proof = Vec::new();
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            proof.push(subtree(source, size, middle, end)?);
            end = middle;
        } else {
            proof.push(subtree(source, size, start, middle)?);
            start = middle;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// The root that an inclusion proof leads to (RFC 9162, section 2.1.3.2).
///
/// # Errors
/// [`TlogError::Proof`] when the proof is too long, too short or for a leaf outside the tree.
pub fn root_from_proof(leaf: Hash, index: u64, size: u64, proof: &[Hash]) -> Result<Hash, TlogError> {
    if index >= size {
        return Err(TlogError::Proof(text!("its index is outside the tree")));
    }
    let (mut position, mut last) = (index, size - 1);
    let mut hash = leaf;
    for sibling in proof {
        if last == 0 {
            return Err(TlogError::Proof(text!("it has too many hashes")));
        }
        if position & 1 == 1 || position == last {
            hash = node_hash(sibling, &hash);
            while position & 1 == 0 {
                position >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        position >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(TlogError::Proof(text!("it has too few hashes")));
    }
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Leaves(Vec<Hash>);

    impl TileSource for Leaves {
        type Error = TlogError;
        fn tile(&mut self, level: u32, index: u64, width: usize) -> Result<Vec<Hash>, TlogError> {
            let span = TILE_WIDTH.pow(level);
            let first = index as usize * TILE_WIDTH;
            Ok((first..first + width).map(|i| root_of(&self.0[i * span..(i + 1) * span])).collect())
        }
    }

    #[test]
    fn proofs_lead_to_the_root_at_every_size_and_fail_for_another_leaf() {
        for size in [1u64, 2, 3, 255, 256, 257, 700, 65_537] {
            let mut source = Leaves((0..size).map(|i| leaf_hash(&i.to_be_bytes())).collect());
            let root = root_of(&source.0);
            assert_eq!(subtree(&mut source, size, 0, size).unwrap(), root);
            for index in [0, size / 2, size - 1] {
                let proof = inclusion_proof(&mut source, size, index).unwrap();
                let leaf = source.0[index as usize];
                assert_eq!(root_from_proof(leaf, index, size, &proof).unwrap(), root);
                assert_ne!(root_from_proof(leaf_hash(b"x"), index, size, &proof).unwrap(), root);
                assert!(root_from_proof(leaf, index, size, &[proof.clone(), vec![root]].concat()).is_err());
            }
        }
    }

    #[test]
    fn the_test_vector_of_rfc_6962_implementations_holds() {
        let leaves: Vec<Hash> = [&b""[..], &[0], &[0x10]].iter().map(|leaf| leaf_hash(leaf)).collect();
        let expected = "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77";
        assert_eq!(hex::encode(root_of(&leaves)), expected);
    }
}
