//! Consistency proofs (RFC 6962, section 2.1.2): that a tree still holds, in their order, all leaves of an earlier one.
//!
//! They travel as the request body of C2SP tlog-witness: old size, proof, new checkpoint. Spec: `spec/journal.md`.

use super::TlogError;
use super::merkle::{TileSource, node_hash, split, subtree};
use crate::crypto::hash::Hash;
use crate::language::text;
use base64::{Engine, prelude::BASE64_STANDARD};

/// Hashes that a proof may have (C2SP tlog-witness).
pub const MAX_HASHES: usize = 63;

/// Proof that the tree of `new` leaves extends that of its first `old`; empty for `old` = 0 and for equal sizes.
///
/// # Errors
/// Those of the source.
///
/// # Panics
/// When `old` is above `new`.
pub fn consistency_proof<S: TileSource>(source: &mut S, old: u64, new: u64) -> Result<Vec<Hash>, S::Error> {
    assert!(old <= new, "an earlier tree is not larger");
    let mut proof = Vec::new();
    if old == 0 {
        return Ok(proof);
    }
    let (mut start, mut end) = (0, new);
    while end != old {
        let middle = start + split(end - start);
        if old <= middle {
            proof.push(subtree(source, new, middle, end)?);
            end = middle;
        } else {
            proof.push(subtree(source, new, start, middle)?);
            start = middle;
        }
    }
    // Where no turn went right, the last subtree is the earlier tree itself, whose root the verifier has.
    if start > 0 {
        proof.push(subtree(source, new, start, end)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Verifies that the tree `new` (size, root) extends the tree `old` (RFC 9162, section 2.1.4.2).
///
/// # Errors
/// [`TlogError::Proof`] when it does not, for an `old` of no leaves or more than `new` has, and for any further hash.
pub fn verify_consistency(old: (u64, &Hash), new: (u64, &Hash), proof: &[Hash]) -> Result<(), TlogError> {
    if old.0 == 0 || old.0 > new.0 {
        return Err(TlogError::Proof(text!("its sizes are not those of an earlier and a later tree")));
    }
    if old.0 == new.0 {
        return match (old.1 == new.1, proof.is_empty()) {
            (true, true) => Ok(()),
            (false, _) => Err(TlogError::Proof(text!("two trees of one size have different roots"))),
            (true, false) => Err(TlogError::Proof(text!("it has too many hashes"))),
        };
    }
    // The nodes on the right edge of the old tree, from the first that is not a left subtree of the new one up.
    let skipped = old.0.trailing_zeros();
    let (mut position, mut last) = ((old.0 - 1) >> skipped, (new.0 - 1) >> skipped);
    let too_few = TlogError::Proof(text!("it has too few hashes"));
    let (first, path) = match proof.split_first() {
        _ if old.0.is_power_of_two() => (*old.1, proof),
        Some((first, path)) => (*first, path),
        None => return Err(too_few),
    };
    let (mut old_root, mut new_root) = (first, first);
    for sibling in path {
        if last == 0 {
            return Err(TlogError::Proof(text!("it has too many hashes")));
        }
        if position & 1 == 1 || position == last {
            old_root = node_hash(sibling, &old_root);
            new_root = node_hash(sibling, &new_root);
            while position & 1 == 0 && position != 0 {
                position >>= 1;
                last >>= 1;
            }
        } else {
            new_root = node_hash(&new_root, sibling);
        }
        position >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(too_few);
    }
    if old_root != *old.1 || new_root != *new.1 {
        return Err(TlogError::Proof(text!("the later tree does not hold the earlier one")));
    }
    Ok(())
}

/// What a witness is asked to cosign: the body of C2SP tlog-witness's `add-checkpoint`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Size of the checkpoint that the witness signed last; 0 for none.
    pub old: u64,
    /// Proof that the checkpoint extends it.
    pub proof: Vec<Hash>,
    /// The signed checkpoint, verbatim.
    pub checkpoint: String,
}

impl Request {
    /// The file's text.
    pub fn to_text(&self) -> String {
        let hashes: String = self.proof.iter().map(|hash| BASE64_STANDARD.encode(hash) + "\n").collect();
        format!("old {}\n{hashes}\n{}", self.old, self.checkpoint)
    }

    /// Parses a request.
    ///
    /// # Errors
    /// [`TlogError::Proof`] for anything that is not in canonical form.
    pub fn parse(text: &str) -> Result<Self, TlogError> {
        let malformed = TlogError::Proof(text!("it is not written as C2SP tlog-witness demands"));
        let Some((head, checkpoint)) = text.split_once("\n\n") else {
            return Err(malformed);
        };
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(|size| size.parse().ok());
        let proof: Option<Vec<Hash>> = lines.map(|line| BASE64_STANDARD.decode(line).ok()?.try_into().ok()).collect();
        let (Some(old), Some(proof)) = (old, proof) else {
            return Err(malformed);
        };
        let request = Self { old, proof, checkpoint: checkpoint.to_owned() };
        if request.proof.len() > MAX_HASHES || request.to_text() != text {
            return Err(malformed);
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::merkle::{leaf_hash, root_of};
    use crate::tlog::tile::TILE_WIDTH;

    struct Leaves(Vec<Hash>);

    impl TileSource for Leaves {
        type Error = std::convert::Infallible;
        fn tile(&mut self, level: u32, index: u64, width: usize) -> Result<Vec<Hash>, Self::Error> {
            let span = TILE_WIDTH.pow(level);
            let first = index as usize * TILE_WIDTH;
            Ok((first..first + width).map(|i| root_of(&self.0[i * span..(i + 1) * span])).collect())
        }
    }

    /// SUBPROOF of RFC 6962, word for word.
    fn naive(m: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
        if m == leaves.len() {
            return if whole { Vec::new() } else { vec![root_of(leaves)] };
        }
        let k = split(leaves.len() as u64) as usize;
        if m <= k {
            [naive(m, &leaves[..k], whole), vec![root_of(&leaves[k..])]].concat()
        } else {
            [naive(m - k, &leaves[k..], false), vec![root_of(&leaves[..k])]].concat()
        }
    }

    #[test]
    fn proofs_of_all_sizes_are_those_of_the_definition_and_verify() {
        let leaves: Vec<Hash> = (0u64..300).map(|i| leaf_hash(&i.to_be_bytes())).collect();
        let roots: Vec<Hash> = (1..=300).map(|size| root_of(&leaves[..size])).collect();
        let mut source = Leaves(leaves.clone());
        for new in 1..=300 {
            for old in 1..=new {
                let proof = consistency_proof(&mut source, old as u64, new as u64).unwrap();
                assert_eq!(proof, naive(old, &leaves[..new], true), "{old} of {new}");
                let (old_tree, new_tree) = ((old as u64, &roots[old - 1]), (new as u64, &roots[new - 1]));
                verify_consistency(old_tree, new_tree, &proof).unwrap();
                let longer = [&proof[..], &[roots[0]]].concat();
                assert!(verify_consistency(old_tree, new_tree, &longer).is_err(), "{old} of {new}, longer");
                assert!(verify_consistency((old as u64, &[0; 32]), new_tree, &proof).is_err(), "{old} of {new}, root");
                assert!(verify_consistency(old_tree, (new as u64, &[0; 32]), &proof).is_err(), "{old} of {new}, root");
                if let Some(shorter) = proof.len().checked_sub(1) {
                    assert!(verify_consistency(old_tree, new_tree, &proof[..shorter]).is_err(), "{old} of {new}, cut");
                }
            }
        }
        assert!(verify_consistency((0, &[0; 32]), (1, &roots[0]), &[]).is_err());
        assert!(verify_consistency((2, &roots[1]), (1, &roots[0]), &[]).is_err());
    }

    #[test]
    fn requests_have_one_spelling() {
        let request = Request { old: 7, proof: vec![[1; 32], [2; 32]], checkpoint: "a\n1\nb\n\n— a b\n".into() };
        let text = request.to_text();
        assert_eq!(Request::parse(&text), Ok(request));
        for bad in [
            text.replacen("old 7", "old 07", 1),
            text.replacen("old ", "new ", 1),
            text.replacen("\n\n", "\n", 2),
            text.replacen('\n', "\r\n", 1),
            text.replacen("\n\n", "\nAAAA\n\n", 1),
        ] {
            assert!(Request::parse(&bad).is_err(), "{bad:?}");
        }
        let long = Request { old: 7, proof: vec![[1; 32]; 64], checkpoint: String::new() };
        assert!(Request::parse(&long.to_text()).is_err());
    }
}
