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

/// As base64 text, for the sealed structures of the keyring only. There are millions of them: none is copied to the heap.
impl serde::Serialize for Secret32 {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use base64::{Engine, prelude::BASE64_STANDARD};
        use serde::ser::Error;
        let mut text = Zeroizing::new([0; 44]);
        BASE64_STANDARD.encode_slice(self.expose(), text.as_mut()).map_err(S::Error::custom)?;
        serializer.serialize_str(std::str::from_utf8(text.as_ref()).map_err(S::Error::custom)?)
    }
}

impl<'de> serde::Deserialize<'de> for Secret32 {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = Secret32;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("32 bytes in base64")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Secret32, E> {
                use base64::{Engine, prelude::BASE64_STANDARD};
                // Room for what 44 characters might hold; a longer text is refused by its length.
                let mut bytes = Zeroizing::new([0; 36]);
                let len = BASE64_STANDARD.decode_slice(text, bytes.as_mut()).map_err(E::custom)?;
                Secret32::from_slice(&bytes[..len]).ok_or_else(|| E::custom("not 32 bytes"))
            }
        }
        deserializer.deserialize_str(Text)
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
