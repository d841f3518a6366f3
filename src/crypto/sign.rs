//! The signature schemes of seals, journals and witnesses: Ed25519 and ML-DSA-44, and their verifier keys.
//!
//! Key names, key ids and vkeys follow C2SP signed-note; types 0x01 (Ed25519), 0x04 (Ed25519 cosignature) and 0x06
//! (ML-DSA-44 cosignature).

use super::CryptoError;
use super::hash::sha256;
use super::secret::Secret32;
use crate::language::text;
use aws_lc_rs::signature::{
    ED25519, Ed25519KeyPair, KeyPair, ML_DSA_44, ML_DSA_44_SIGNING, PqdsaKeyPair, UnparsedPublicKey,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use std::fmt;
use std::str::FromStr;

/// Bytes of an Ed25519 signature.
pub const ED25519_LEN: usize = 64;
/// Bytes of an ML-DSA-44 signature.
pub const ML_DSA_44_LEN: usize = 2420;

/// The signature types of C2SP signed-note that this format knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// Type 0x01: Ed25519 over the note text.
    Ed25519,
    /// Type 0x04: timestamped Ed25519 cosignature of a checkpoint, by a witness.
    Ed25519Cosignature,
    /// Type 0x06: timestamped ML-DSA-44 cosignature of a checkpoint.
    MlDsa44,
}

impl Scheme {
    /// The type byte in key ids and vkeys.
    pub fn type_byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::Ed25519Cosignature => 0x04,
            Self::MlDsa44 => 0x06,
        }
    }

    fn public_len(self) -> usize {
        match self {
            Self::Ed25519 | Self::Ed25519Cosignature => 32,
            Self::MlDsa44 => 1312,
        }
    }
}

/// A public key with its name: who may have signed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VerifierKey {
    /// The key name, as in signature lines.
    pub name: String,
    /// The signature type.
    pub scheme: Scheme,
    /// The public key: 32 bytes for Ed25519, 1,312 for ML-DSA-44.
    pub public: Vec<u8>,
}

impl VerifierKey {
    /// The four bytes that tell keys of one name apart.
    pub fn id(&self) -> [u8; 4] {
        let hash = sha256(&[self.name.as_bytes(), b"\n", &[self.scheme.type_byte()], &self.public]);
        hash[..4].try_into().expect("a hash has four bytes")
    }

    /// Whether `signature` over `message` is by this key.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self.scheme {
            Scheme::Ed25519 | Scheme::Ed25519Cosignature => {
                UnparsedPublicKey::new(&ED25519, &self.public).verify(message, signature).is_ok()
            }
            Scheme::MlDsa44 => UnparsedPublicKey::new(&ML_DSA_44, &self.public).verify(message, signature).is_ok(),
        }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut material = vec![self.scheme.type_byte()];
        material.extend_from_slice(&self.public);
        write!(f, "{}+{}+{}", self.name, hex::encode(self.id()), BASE64_STANDARD.encode(material))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({}+{})", self.name, hex::encode(self.id()))
    }
}

impl FromStr for VerifierKey {
    type Err = CryptoError;

    fn from_str(text: &str) -> Result<Self, CryptoError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(material)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(CryptoError::VerifierKey(text!("not of the form name+id+key")));
        };
        if !is_key_name(name) {
            return Err(CryptoError::VerifierKey(text!("its name is empty or has spaces")));
        }
        let material =
            BASE64_STANDARD.decode(material).map_err(|_| CryptoError::VerifierKey(text!("its key is not base64")))?;
        let (scheme, public) = match material.split_first() {
            Some((0x01, public)) => (Scheme::Ed25519, public),
            Some((0x04, public)) => (Scheme::Ed25519Cosignature, public),
            Some((0x06, public)) => (Scheme::MlDsa44, public),
            _ => return Err(CryptoError::VerifierKey(text!("neither Ed25519 (types 1 and 4) nor ML-DSA-44 (type 6)"))),
        };
        if public.len() != scheme.public_len() {
            return Err(CryptoError::VerifierKey(text!("its key has the wrong length")));
        }
        let key = Self { name: name.into(), scheme, public: public.into() };
        if hex::encode(key.id()) != id {
            return Err(CryptoError::VerifierKey(text!("its id does not match its key: it was mistyped or cut short")));
        }
        Ok(key)
    }
}

/// Whether `name` can be a key name: not empty, no white space, no control characters, no plus.
pub fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

/// The two key pairs with which one keyring signs its seals and its journal, or a witness its cosignatures.
pub struct SigningKey {
    name: String,
    ed25519: Ed25519KeyPair,
    ml_dsa_44: PqdsaKeyPair,
}

impl SigningKey {
    /// Both keys from their 32-byte seeds, under one name.
    pub fn from_seeds(name: &str, ed25519: &Secret32, ml_dsa_44: &Secret32) -> Self {
        Self {
            name: name.to_owned(),
            ed25519: Ed25519KeyPair::from_seed_unchecked(ed25519.expose()).expect("any 32 bytes are a seed"),
            ml_dsa_44: PqdsaKeyPair::from_seed(&ML_DSA_44_SIGNING, ml_dsa_44.expose())
                .expect("any 32 bytes are a seed"),
        }
    }

    /// The verifier keys: Ed25519, then ML-DSA-44.
    pub fn verifier_keys(&self) -> [VerifierKey; 2] {
        let key = |scheme, public: &[u8]| VerifierKey { name: self.name.clone(), scheme, public: public.into() };
        [
            key(Scheme::Ed25519, self.ed25519.public_key().as_ref()),
            key(Scheme::MlDsa44, self.ml_dsa_44.public_key().as_ref()),
        ]
    }

    /// The verifier keys of a witness: the Ed25519 cosignature's, then ML-DSA-44.
    pub fn cosigner_keys(&self) -> [VerifierKey; 2] {
        let [mut ed25519, ml_dsa_44] = self.verifier_keys();
        ed25519.scheme = Scheme::Ed25519Cosignature;
        [ed25519, ml_dsa_44]
    }

    /// An Ed25519 signature.
    pub fn sign_ed25519(&self, message: &[u8]) -> Vec<u8> {
        self.ed25519.sign(message).as_ref().to_vec()
    }

    /// An ML-DSA-44 signature.
    pub fn sign_ml_dsa_44(&self, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; ML_DSA_44_LEN];
        self.ml_dsa_44.sign(message, &mut signature).expect("signing with a valid key cannot fail");
        signature
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_signed_note_specification_parses() {
        let vkey = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
        let key: VerifierKey = vkey.parse().unwrap();
        assert_eq!(key.to_string(), vkey);
        assert!(vkey.replace("530d", "530e").parse::<VerifierKey>().is_err());
    }

    #[test]
    fn both_schemes_verify_their_own_message_only() {
        let key = SigningKey::from_seeds("firm", &Secret32::random(), &Secret32::random());
        let [ed, pq] = key.verifier_keys();
        let (ed_signature, pq_signature) = (key.sign_ed25519(b"text"), key.sign_ml_dsa_44(b"text"));
        assert!(ed.verifies(b"text", &ed_signature) && pq.verifies(b"text", &pq_signature));
        assert!(!ed.verifies(b"test", &ed_signature) && !pq.verifies(b"test", &pq_signature));
    }
}
