//! Checkpoints (C2SP tlog-checkpoint) under exactly two signatures: Ed25519, then ML-DSA-44 (C2SP tlog-cosignature).
//!
//! Invariant: a checkpoint is accepted only when both signatures verify. Spec: `spec/archive.md`, "The seal".

use super::TlogError;
use super::note::{Note, signature_line};
use crate::crypto::hash::Hash;
use crate::crypto::sign::{ML_DSA_44_LEN, Scheme, SigningKey, VerifierKey};
use crate::language::text;
use base64::{Engine, prelude::BASE64_STANDARD};

/// The head of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// Leaves in it.
    pub size: u64,
    /// Root hash over them.
    pub root: Hash,
}

/// Bytes that a signed checkpoint may have.
pub const MAX_CHECKPOINT: u64 = 16 * 1024;

impl Checkpoint {
    /// The note text: three lines.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, BASE64_STANDARD.encode(self.root))
    }

    pub(super) fn parse(text: &str) -> Result<Self, TlogError> {
        let lines: Vec<&str> = text.split_terminator('\n').collect();
        let [origin, size, root] = lines[..] else {
            return Err(TlogError::Note(text!("it does not have exactly three lines of text")));
        };
        let size_value: u64 = size.parse().map_err(|_| TlogError::Note(text!("its tree size is not a number")))?;
        let root = BASE64_STANDARD
            .decode(root)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(TlogError::Note(text!("its root hash is not 32 bytes of base64")))?;
        let checkpoint = Self { origin: origin.to_owned(), size: size_value, root };
        if origin.is_empty() || checkpoint.text() != text {
            return Err(TlogError::Note(text!("its text is not in canonical form")));
        }
        Ok(checkpoint)
    }

    /// Signs with both keys. `time` is in seconds since 1970, as the signer's clock says.
    pub fn sign(&self, key: &SigningKey, time: u64) -> String {
        let [ed25519, ml_dsa_44] = key.verifier_keys();
        let text = self.text();
        let first = key.sign_ed25519(text.as_bytes());
        let message = self.cosigned_message(&ml_dsa_44.name, time);
        let second = [&time.to_be_bytes()[..], &key.sign_ml_dsa_44(&message)].concat();
        let lines = [
            signature_line(&ed25519.name, ed25519.id(), &first),
            signature_line(&ml_dsa_44.name, ml_dsa_44.id(), &second),
        ];
        format!("{text}\n{}", lines.concat())
    }

    /// The bytes that an ML-DSA-44 cosignature signs (C2SP tlog-cosignature, `cosigned_message`).
    pub(super) fn cosigned_message(&self, cosigner: &str, time: u64) -> Vec<u8> {
        let mut message = b"subtree/v1\n\0".to_vec();
        let push_short = |message: &mut Vec<u8>, text: &str| {
            // Names longer than a length byte can say never sign: see `MAX_ORIGIN`.
            message.push(u8::try_from(text.len()).unwrap_or(0));
            message.extend_from_slice(text.as_bytes());
        };
        push_short(&mut message, cosigner);
        message.extend_from_slice(&time.to_be_bytes());
        push_short(&mut message, &self.origin);
        message.extend_from_slice(&0u64.to_be_bytes());
        message.extend_from_slice(&self.size.to_be_bytes());
        message.extend_from_slice(&self.root);
        message
    }
}

/// Bytes that an origin or a key name may have.
pub const MAX_ORIGIN: usize = 255;

/// A checkpoint whose two signatures verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// What was signed.
    pub checkpoint: Checkpoint,
    /// The signer's own time in the second signature, seconds since 1970.
    pub time: u64,
}

/// Verifies a signed checkpoint: exactly two signature lines, by `keys` in this order.
///
/// # Errors
/// [`TlogError::Note`] for a malformed note; [`TlogError::Signature`] for a missing, further or false signature.
pub fn verify(bytes: &[u8], keys: &[VerifierKey; 2]) -> Result<SignedCheckpoint, TlogError> {
    let note = Note::parse(bytes)?;
    if note.signatures.len() != 2 {
        return Err(TlogError::Signature(text!("it does not have exactly two signatures")));
    }
    verify_first_two(&note, keys)
}

/// Verifies a signed checkpoint that cosignatures of witnesses may follow; they are not looked at.
///
/// # Errors
/// As [`verify`].
pub fn verify_cosigned(bytes: &[u8], keys: &[VerifierKey; 2]) -> Result<SignedCheckpoint, TlogError> {
    verify_first_two(&Note::parse(bytes)?, keys)
}

fn verify_first_two(note: &Note<'_>, keys: &[VerifierKey; 2]) -> Result<SignedCheckpoint, TlogError> {
    let checkpoint = Checkpoint::parse(note.text)?;
    let [first, second, ..] = &note.signatures[..] else {
        return Err(TlogError::Signature(text!("it does not have exactly two signatures")));
    };
    let schemes = [Scheme::Ed25519, Scheme::MlDsa44];
    for ((line, key), scheme) in [first, second].into_iter().zip(keys).zip(schemes) {
        if line.name != key.name || line.id != key.id() || key.scheme != scheme {
            return Err(TlogError::Signature(text!("a signature is by another key")));
        }
    }
    if checkpoint.origin.len() > MAX_ORIGIN || keys[1].name.len() > MAX_ORIGIN {
        return Err(TlogError::Note(text!("its origin is too long")));
    }
    if !keys[0].verifies(note.text.as_bytes(), &first.signature) {
        return Err(TlogError::Signature(text!("the Ed25519 signature does not verify")));
    }
    let Some((time, signature)) = second.signature.split_first_chunk::<8>() else {
        return Err(TlogError::Signature(text!("the ML-DSA-44 signature is cut short")));
    };
    let time = u64::from_be_bytes(*time);
    let message = checkpoint.cosigned_message(&keys[1].name, time);
    if time > i64::MAX as u64 || signature.len() != ML_DSA_44_LEN || !keys[1].verifies(&message, signature) {
        return Err(TlogError::Signature(text!("the ML-DSA-44 signature does not verify")));
    }
    Ok(SignedCheckpoint { checkpoint, time })
}

/// The checkpoint's text, unverified: to learn which log it claims to be.
///
/// # Errors
/// [`TlogError::Note`] for a malformed note.
pub fn claimed(bytes: &[u8]) -> Result<Checkpoint, TlogError> {
    Checkpoint::parse(Note::parse(bytes)?.text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::secret::Secret32;

    #[test]
    fn both_signatures_are_required_in_their_order() {
        let key = SigningKey::from_seeds("firm.example", &Secret32::random(), &Secret32::random());
        let keys = key.verifier_keys();
        let checkpoint = Checkpoint { origin: "firm.example/archive/00".into(), size: 3, root: [7; 32] };
        let signed = checkpoint.sign(&key, 1_700_000_000);
        assert_eq!(verify(signed.as_bytes(), &keys).unwrap().checkpoint, checkpoint);
        let lines: Vec<&str> = signed.split_inclusive('\n').collect();
        let without_second = lines[..lines.len() - 1].concat();
        let swapped = [&lines[..4], &[lines[5], lines[4]]].concat().concat();
        let doubled = [&lines[..], &[lines[5]]].concat().concat();
        for bad in
            [without_second, swapped, doubled, signed.replacen('3', "4", 1), signed.replacen("\n3\n", "\n03\n", 1)]
        {
            assert!(verify(bad.as_bytes(), &keys).is_err());
        }
        for at in 0..signed.len() {
            let mut changed = signed.clone().into_bytes();
            changed[at] ^= 1;
            assert!(verify(&changed, &keys).is_err(), "byte {at}");
        }
    }
}
