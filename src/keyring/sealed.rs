//! Everything secret in a catalogue: age files with one X25519 stanza, to recipients that are written nowhere.
//!
//! Invariant: a file with any other header is refused, since a further stanza would open it after its identity is gone.
//! Spec: `spec/keyring.md`, "Key table" and "Pages".

use crate::crypto::CryptoError;
use crate::crypto::record_file::{self, PREFIX, RecordHeader};
use crate::crypto::secret::Secret32;
use crate::crypto::stream::{StreamReader, StreamWriter};
use crate::language::text;
use std::convert::Infallible;
use std::io::Read;
use zeroize::Zeroizing;

/// `plaintext` as an age file to `identity`.
pub fn seal(identity: &Secret32, plaintext: &[u8]) -> Vec<u8> {
    let (mut file, payload_key) = record_file::seal(identity);
    let mut append = |bytes: &[u8]| -> Result<(), Infallible> {
        file.extend_from_slice(bytes);
        Ok(())
    };
    let mut stream = StreamWriter::new(&payload_key);
    let Ok(()) = stream.write(plaintext, &mut append);
    let Ok(()) = stream.finish(&mut append);
    file
}

/// The plaintext of what [`seal`] made.
///
/// # Errors
/// [`CryptoError::NoIdentity`] for another identity; [`CryptoError::Header`], [`CryptoError::Damaged`] for changed bytes.
pub fn open(identity: &Secret32, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let payload_key = RecordHeader::parse(sealed)?.open(identity)?;
    let payload = &sealed[PREFIX..];
    // Large enough never to be moved, which would leave a copy behind.
    let mut plaintext = Zeroizing::new(Vec::with_capacity(payload.len() + 64));
    StreamReader::new(&payload_key, payload, payload.len() as u64)?
        .read_to_end(&mut plaintext)
        .map_err(|_| CryptoError::Damaged(text!("a chunk does not authenticate")))?;
    Ok(plaintext)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_with_its_identity_only() {
        for size in [0, 1, 65_536, 200_000] {
            let (identity, text) = (Secret32::random(), vec![7; size]);
            let sealed = seal(&identity, &text);
            assert_eq!(open(&identity, &sealed).unwrap()[..], text);
            assert!(matches!(open(&Secret32::random(), &sealed), Err(CryptoError::NoIdentity)));
            let mut changed = sealed.clone();
            *changed.last_mut().unwrap() ^= 1;
            assert!(open(&identity, &changed).is_err());
            assert!(open(&identity, &sealed[..sealed.len() - 1]).is_err());
            assert!(open(&identity, &sealed[..100]).is_err());
        }
    }
}
