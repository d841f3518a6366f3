//! Offline proofs that a leaf is in a log (C2SP tlog-proof); the leaf itself travels as the proof's extra data.

use super::TlogError;
use super::checkpoint::{self, Checkpoint, SignedCheckpoint};
use super::merkle::{leaf_hash, root_from_proof};
use crate::crypto::hash::Hash;
use crate::crypto::sign::VerifierKey;
use crate::language::text;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";
/// Hashes that a proof may have: the height of the largest tree.
const MAX_HASHES: usize = 64;

/// A leaf with its path to a signed checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The leaf's bytes.
    pub leaf: Vec<u8>,
    /// Its index in the log.
    pub index: u64,
    /// Inclusion proof, from the leaf's sibling up.
    pub hashes: Vec<Hash>,
    /// The signed checkpoint, verbatim.
    pub checkpoint: String,
}

impl Proof {
    /// The file's text.
    pub fn to_text(&self) -> String {
        let hashes: String = self.hashes.iter().map(|hash| BASE64_STANDARD.encode(hash) + "\n").collect();
        let leaf = BASE64_STANDARD.encode(&self.leaf);
        format!("{FIRST_LINE}\nextra {leaf}\nindex {}\n{hashes}\n{}", self.index, self.checkpoint)
    }

    /// Parses a proof file.
    ///
    /// # Errors
    /// [`TlogError::Proof`] for anything that is not in canonical form.
    pub fn parse(text: &str) -> Result<Self, TlogError> {
        let malformed = TlogError::Proof(text!("it is not written as C2SP tlog-proof demands"));
        let Some((head, checkpoint)) = text.split_once("\n\n") else {
            return Err(malformed);
        };
        let mut lines = head.split('\n');
        let (Some(FIRST_LINE), Some(extra), Some(index)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(malformed);
        };
        let leaf = extra.strip_prefix("extra ").and_then(|leaf| BASE64_STANDARD.decode(leaf).ok());
        let index = index.strip_prefix("index ").and_then(|index| index.parse().ok());
        let hashes: Option<Vec<Hash>> = lines.map(|line| BASE64_STANDARD.decode(line).ok()?.try_into().ok()).collect();
        let (Some(leaf), Some(index), Some(hashes)) = (leaf, index, hashes) else {
            return Err(malformed);
        };
        let proof = Self { leaf, index, hashes, checkpoint: checkpoint.to_owned() };
        if proof.hashes.len() > MAX_HASHES || proof.to_text() != text {
            return Err(malformed);
        }
        Ok(proof)
    }

    /// Verifies path and checkpoint.
    ///
    /// # Errors
    /// [`TlogError`] when either fails.
    pub fn verify(&self, keys: &[VerifierKey; 2]) -> Result<SignedCheckpoint, TlogError> {
        let signed = checkpoint::verify(self.checkpoint.as_bytes(), keys)?;
        self.leads_to(&signed.checkpoint)?;
        Ok(signed)
    }

    /// Everything that [`Self::verify`] checks but the signatures: whoever forged it made it whole.
    ///
    /// # Errors
    /// [`TlogError`] when the checkpoint is none, or the path does not lead to it.
    pub fn consistent(&self) -> Result<Checkpoint, TlogError> {
        let checkpoint = checkpoint::claimed(self.checkpoint.as_bytes())?;
        self.leads_to(&checkpoint)?;
        Ok(checkpoint)
    }

    fn leads_to(&self, checkpoint: &Checkpoint) -> Result<(), TlogError> {
        match root_from_proof(leaf_hash(&self.leaf), self.index, checkpoint.size, &self.hashes)? == checkpoint.root {
            true => Ok(()),
            false => Err(TlogError::Proof(text!("it does not lead to the checkpoint's root"))),
        }
    }
}

/// A journal's entry with its proof, as files that rest on the journal carry it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// The leaf's bytes, in base64.
    pub leaf: String,
    /// C2SP tlog-proof whose extra data is the leaf.
    pub proof: String,
}

impl From<&Proof> for Evidence {
    fn from(proof: &Proof) -> Self {
        Self { leaf: BASE64_STANDARD.encode(&proof.leaf), proof: proof.to_text() }
    }
}

impl Evidence {
    /// The proof, where it is for the leaf beside it; `None` for a proof of another.
    ///
    /// # Errors
    /// [`TlogError::Proof`] for a text that is no proof.
    pub fn proof(&self) -> Result<Option<Proof>, TlogError> {
        let proof = Proof::parse(&self.proof)?;
        Ok((BASE64_STANDARD.encode(&proof.leaf) == self.leaf).then_some(proof))
    }
}
