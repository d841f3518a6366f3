//! age's post-quantum recipient type `mlkem768x25519` (identities `AGE-SECRET-KEY-PQ-1…`, recipients `age1pq1…`).
//!
//! The age specification's HPKE over the MLKEM768-X25519 KEM of draft-ietf-hpke-pq-03, which the `age` crate does not
//! offer yet; HPKE, ML-KEM, X25519 and SHA-3 come from the crates that the `age` crate itself uses.

use super::secret::Secret32;
use crate::language::text;
use age::{DecryptError, EncryptError};
use age_core::format::{FileKey, Stanza};
use age_core::primitives::{bech32_decode, bech32_encode, hpke_open, hpke_seal};
use age_core::secrecy::ExposeSecret;
use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use hpke::{Deserializable, HpkeError, Kem as _, Serializable, kem::SharedSecret};
use ml_kem::kem::{Decapsulate, Encapsulate};
use ml_kem::{EncodedSizeUser, KemCore, MlKem768};
use rand::{CryptoRng, RngCore, rngs::OsRng};
use sha3::digest::typenum::{Sum, U32, U64, U96, U128, U1024};
use sha3::digest::{ExtendableOutput, Update, XofReader};
use sha3::{Digest, Sha3_256, Shake256};
use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;
use x25519_dalek::{PublicKey as X25519Public, StaticSecret as X25519Secret};
use zeroize::Zeroizing;

/// Stanza type in age headers.
pub const STANZA: &str = "mlkem768x25519";

const INFO: &[u8] = b"age-encryption.org/mlkem768x25519";
const LABEL: &[u8; 6] = b"\\.//^\\";
const EK_LEN: usize = 1184;
const CT_LEN: usize = 1088;
const RECIPIENT_HRP: bech32::Hrp = bech32::Hrp::parse_unchecked("age1pq");
const IDENTITY_HRP: bech32::Hrp = bech32::Hrp::parse_unchecked("age-secret-key-pq-");

type EncappedLen = Sum<U1024, U96>;
type PublicLen = Sum<Sum<U1024, U128>, U64>;
type DecapsulationKey = <MlKem768 as KemCore>::DecapsulationKey;
type EncapsulationKey = <MlKem768 as KemCore>::EncapsulationKey;

#[derive(Clone)]
struct PrivateKey {
    seed: Secret32,
    dk: DecapsulationKey,
    ek: EncapsulationKey,
    x: X25519Secret,
}

impl PrivateKey {
    fn expand(seed: Secret32) -> Self {
        let mut expanded = Zeroizing::new([0; 96]);
        Shake256::default().chain(seed.expose()).finalize_xof().read(expanded.as_mut());
        let part = |i: usize| -> [u8; 32] { expanded[i * 32..][..32].try_into().expect("96 bytes have three parts") };
        let (dk, ek) = MlKem768::generate_deterministic(&part(0).into(), &part(1).into());
        Self { seed, dk, ek, x: X25519Secret::from(part(2)) }
    }
}

impl PartialEq for PrivateKey {
    fn eq(&self, other: &Self) -> bool {
        self.seed == other.seed
    }
}
impl Eq for PrivateKey {}

impl Serializable for PrivateKey {
    type OutputSize = U32;
    fn write_exact(&self, out: &mut [u8]) {
        out.copy_from_slice(self.seed.expose());
    }
}

impl Deserializable for PrivateKey {
    fn from_bytes(bytes: &[u8]) -> Result<Self, HpkeError> {
        Secret32::from_slice(bytes).map(Self::expand).ok_or(HpkeError::IncorrectInputLength(32, bytes.len()))
    }
}

#[derive(Clone, Debug, PartialEq)]
struct PublicKey {
    ek: EncapsulationKey,
    x: X25519Public,
}
impl Eq for PublicKey {}

impl Serializable for PublicKey {
    type OutputSize = PublicLen;
    fn write_exact(&self, out: &mut [u8]) {
        out[..EK_LEN].copy_from_slice(&self.ek.as_bytes());
        out[EK_LEN..].copy_from_slice(self.x.as_bytes());
    }
}

impl Deserializable for PublicKey {
    fn from_bytes(bytes: &[u8]) -> Result<Self, HpkeError> {
        if bytes.len() != EK_LEN + 32 {
            return Err(HpkeError::IncorrectInputLength(EK_LEN + 32, bytes.len()));
        }
        let (ek, x) = bytes.split_at(EK_LEN);
        let encoded: [u8; EK_LEN] = ek.try_into().expect("the length was checked");
        let ek = EncapsulationKey::from_bytes(&encoded.into());
        // FIPS 203's modulus check: a key with an unreduced coefficient encodes differently.
        if ek.as_bytes().as_slice() != encoded {
            return Err(HpkeError::ValidationError);
        }
        let x = X25519Public::from(<[u8; 32]>::try_from(x).expect("the length was checked"));
        // Whatever the scalar, a point of low order leads to zero: ML-KEM alone would then protect the message.
        if !X25519Secret::from([1; 32]).diffie_hellman(&x).was_contributory() {
            return Err(HpkeError::ValidationError);
        }
        Ok(Self { ek, x })
    }
}

#[derive(Clone)]
struct EncappedKey([u8; CT_LEN + 32]);

impl Serializable for EncappedKey {
    type OutputSize = EncappedLen;
    fn write_exact(&self, out: &mut [u8]) {
        out.copy_from_slice(&self.0);
    }
}

impl Deserializable for EncappedKey {
    fn from_bytes(bytes: &[u8]) -> Result<Self, HpkeError> {
        bytes.try_into().map(Self).map_err(|_| HpkeError::IncorrectInputLength(CT_LEN + 32, bytes.len()))
    }
}

fn combine(pq: &[u8], classical: &[u8; 32], ct_x: &[u8], pk_x: &X25519Public) -> SharedSecret<Kem> {
    let mut hasher = Sha3_256::new();
    for part in [pq, classical, ct_x, pk_x.as_bytes(), LABEL] {
        Digest::update(&mut hasher, part);
    }
    SharedSecret(hasher.finalize())
}

struct Kem;

impl hpke::Kem for Kem {
    type PublicKey = PublicKey;
    type PrivateKey = PrivateKey;
    type EncappedKey = EncappedKey;
    type NSecret = U32;
    const KEM_ID: u16 = 0x647a;

    fn sk_to_pk(sk: &PrivateKey) -> PublicKey {
        PublicKey { ek: sk.ek.clone(), x: X25519Public::from(&sk.x) }
    }

    // The age format never derives a key pair from other key material; `hpke` asks for it in its trait.
    fn derive_keypair(ikm: &[u8]) -> (PrivateKey, PublicKey) {
        let mut seed = [0; 32];
        Shake256::default().chain(ikm).finalize_xof().read(&mut seed);
        let sk = PrivateKey::expand(Secret32::from_bytes(seed));
        let pk = Self::sk_to_pk(&sk);
        (sk, pk)
    }

    fn encap<R: CryptoRng + RngCore>(
        pk: &PublicKey,
        sender: Option<(&PrivateKey, &PublicKey)>,
        rng: &mut R,
    ) -> Result<(SharedSecret<Self>, EncappedKey), HpkeError> {
        if sender.is_some() {
            return Err(HpkeError::EncapError);
        }
        let (ct, pq) = pk.ek.encapsulate(rng).map_err(|()| HpkeError::EncapError)?;
        let ephemeral = X25519Secret::random_from_rng(rng);
        let share = X25519Public::from(&ephemeral);
        let classical = ephemeral.diffie_hellman(&pk.x);
        let mut encapped = [0; CT_LEN + 32];
        encapped[..CT_LEN].copy_from_slice(&ct);
        encapped[CT_LEN..].copy_from_slice(share.as_bytes());
        Ok((combine(&pq, classical.as_bytes(), share.as_bytes(), &pk.x), EncappedKey(encapped)))
    }

    fn decap(
        sk: &PrivateKey,
        sender: Option<&PublicKey>,
        encapped: &EncappedKey,
    ) -> Result<SharedSecret<Self>, HpkeError> {
        if sender.is_some() {
            return Err(HpkeError::DecapError);
        }
        let (ct, share) = encapped.0.split_at(CT_LEN);
        let ct: [u8; CT_LEN] = ct.try_into().expect("the length is fixed");
        let share: [u8; 32] = share.try_into().expect("the length is fixed");
        let pq = sk.dk.decapsulate(&ct.into()).map_err(|()| HpkeError::DecapError)?;
        let classical = sk.x.diffie_hellman(&X25519Public::from(share));
        if !classical.was_contributory() {
            return Err(HpkeError::DecapError);
        }
        Ok(combine(&pq, classical.as_bytes(), &share, &X25519Public::from(&sk.x)))
    }
}

/// An `AGE-SECRET-KEY-PQ-1…` identity.
#[derive(Clone)]
pub struct Identity(PrivateKey);

impl Identity {
    /// A fresh identity.
    pub fn generate() -> Self {
        Self(PrivateKey::expand(Secret32::random()))
    }

    /// Its recipient.
    pub fn to_public(&self) -> Recipient {
        Recipient(Kem::sk_to_pk(&self.0))
    }

    /// Its text form; a secret.
    pub fn to_secret_string(&self) -> Zeroizing<String> {
        let lower = Zeroizing::new(bech32_encode(IDENTITY_HRP, self.0.seed.expose()));
        Zeroizing::new(lower.to_uppercase())
    }
}

impl FromStr for Identity {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let seed = bech32_decode(
            text,
            |_| text!("not valid Bech32"),
            |hrp| if hrp == IDENTITY_HRP { Ok(()) } else { Err(text!("not a post-quantum identity")) },
            |_, bytes| {
                Secret32::from_slice(&Zeroizing::new(bytes.collect::<Vec<_>>())).ok_or(text!("of the wrong length"))
            },
        )?;
        Ok(Self(PrivateKey::expand(seed)))
    }
}

impl age::Identity for Identity {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        if stanza.tag != STANZA {
            return None;
        }
        let [encapped] = &stanza.args[..] else {
            return Some(Err(DecryptError::InvalidHeader));
        };
        let encapped =
            BASE64_STANDARD_NO_PAD.decode(encapped).ok().and_then(|bytes| EncappedKey::from_bytes(&bytes).ok());
        let Some(encapped) = encapped else {
            return Some(Err(DecryptError::InvalidHeader));
        };
        if stanza.body.len() != 32 {
            return Some(Err(DecryptError::InvalidHeader));
        }
        let opened = match hpke_open::<Kem>(&encapped, &self.0, INFO, &stanza.body) {
            Ok(opened) => Zeroizing::new(opened),
            // A share that no honest sender makes.
            Err(HpkeError::DecapError) => return Some(Err(DecryptError::InvalidHeader)),
            // A ciphertext that does not open is for somebody else.
            Err(_) => return None,
        };
        let key: [u8; 16] = opened.as_slice().try_into().ok()?;
        Some(Ok(FileKey::new(Box::new(key))))
    }
}

/// An `age1pq1…` recipient.
#[derive(Clone, PartialEq)]
pub struct Recipient(PublicKey);

impl FromStr for Recipient {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        bech32_decode(
            text,
            |_| text!("not valid Bech32"),
            |hrp| if hrp == RECIPIENT_HRP { Ok(()) } else { Err(text!("not a post-quantum recipient")) },
            |_, bytes| {
                PublicKey::from_bytes(&bytes.collect::<Vec<_>>()).map(Self).map_err(|_| text!("not a valid public key"))
            },
        )
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bech32_encode(RECIPIENT_HRP, &self.0.to_bytes()))
    }
}

impl age::Recipient for Recipient {
    fn wrap_file_key(&self, file_key: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let (encapped, body) = hpke_seal::<Kem, _>(&self.0, INFO, file_key.expose_secret(), &mut OsRng);
        let stanza =
            Stanza { tag: STANZA.into(), args: vec![BASE64_STANDARD_NO_PAD.encode(encapped.to_bytes())], body };
        Ok((vec![stanza], HashSet::from(["postquantum".to_string()])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipient_whose_x25519_point_has_low_order_is_refused() {
        let honest = Identity::generate().to_public().0.to_bytes();
        assert!(PublicKey::from_bytes(&honest).is_ok());
        for point in [[0; 32], std::array::from_fn(|i| u8::from(i == 0))] {
            let low = [&honest[..EK_LEN], &point[..]].concat();
            assert!(bech32_encode(RECIPIENT_HRP, &low).parse::<Recipient>().is_err());
        }
    }
}
