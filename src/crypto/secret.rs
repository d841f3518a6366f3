//! Secret bytes: random when made, wiped when dropped, never printed.

use rand::{RngCore, rngs::OsRng};
use zeroize::Zeroizing;

/// 32 secret bytes, wiped on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret32(Zeroizing<[u8; 32]>);

impl Secret32 {
    /// Fresh bytes from the operating system.
    pub fn random() -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        OsRng.fill_bytes(bytes.as_mut());
        Self(bytes)
    }

    /// Takes over bytes that came from storage or a derivation.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Takes over a slice of exactly 32 bytes; `None` for any other length.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        Some(Self::from_bytes(bytes.try_into().ok()?))
    }

    /// The bytes themselves.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for Secret32 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret32(…)")
    }
}

/// As base64 text, for the sealed structures of the keyring only.
impl serde::Serialize for Secret32 {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use base64::{Engine, prelude::BASE64_STANDARD};
        serializer.serialize_str(&Zeroizing::new(BASE64_STANDARD.encode(self.expose())))
    }
}

impl<'de> serde::Deserialize<'de> for Secret32 {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use base64::{Engine, prelude::BASE64_STANDARD};
        use serde::de::Error;
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        let bytes = BASE64_STANDARD.decode(text.as_bytes()).map(Zeroizing::new).map_err(D::Error::custom)?;
        Self::from_slice(&bytes).ok_or_else(|| D::Error::custom("not 32 bytes"))
    }
}

/// 16 random public bytes: archive and keyring ids.
pub fn random_id() -> [u8; 16] {
    let mut id = [0; 16];
    OsRng.fill_bytes(&mut id);
    id
}

/// A uniformly random permutation of `items`, from the operating system's randomness.
///
/// Record numbers come from here, so that neighbours in name order are not neighbours in number (P5).
pub fn shuffle<T>(items: &mut [T]) {
    use rand::seq::SliceRandom;
    items.shuffle(&mut OsRng);
}
