//! The age file of one record: exactly one X25519 stanza, to a recipient that is written nowhere.
//!
//! Invariant: a header of any other shape is refused with and without a key, since one more stanza to a
//! long-lived identity would survive the record's destruction (P2). Spec: `spec/archive.md`, "Record file".

use super::CryptoError;
use super::header::{VERSION_LINE, mac_key, new_file_key, payload_key, write_header};
use super::identity::x25519_identity;
use super::secret::Secret32;
use crate::language::text;
use age::{Identity, Recipient};
use age_core::format::{FileKey, Stanza};
use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};

/// Bytes of header and nonce in front of a record's payload; always the same.
pub const PREFIX: usize = 184;

/// Bytes of the smallest record file: its prefix and the tag of an empty payload.
pub const SMALLEST: u64 = (PREFIX + super::stream::TAG) as u64;

const SHARE_AT: usize = VERSION_LINE.len();
const STANZA_START: &[u8] = b"-> X25519 ";
const MAC_START: &[u8] = b"--- ";
const BASE64_32: usize = 43;

/// Header and nonce for a record's file, and the key of its payload.
pub fn seal(record_key: &Secret32) -> (Vec<u8>, Secret32) {
    let file_key = new_file_key();
    let recipient = x25519_identity(record_key).to_public();
    let (stanzas, _) = recipient.wrap_file_key(&file_key).expect("an X25519 recipient always wraps");
    write_header(&file_key, &stanzas)
}

/// The parts of a record's header, checked for shape only.
pub struct RecordHeader<'a> {
    share: &'a [u8],
    body: [u8; 32],
    mac: [u8; 32],
    signed: &'a [u8],
    nonce: [u8; 16],
}

impl<'a> RecordHeader<'a> {
    /// Parses the first [`PREFIX`] bytes of a record's file. Needs no key.
    ///
    /// # Errors
    /// [`CryptoError::Header`] unless there is exactly one X25519 stanza in its one canonical spelling.
    pub fn parse(prefix: &'a [u8]) -> Result<Self, CryptoError> {
        let mut rest = prefix.get(..PREFIX).ok_or_else(|| shape(text!("it is too short")))?;
        let mut take = |n: usize| {
            let (head, tail) = rest.split_at(n);
            rest = tail;
            head
        };
        let fits = take(SHARE_AT) == VERSION_LINE.as_bytes() && take(STANZA_START.len()) == STANZA_START;
        let share = take(BASE64_32);
        let fits = fits && take(1) == b"\n";
        let body = take(BASE64_32);
        let fits = fits && take(1) == b"\n" && take(MAC_START.len()) == MAC_START;
        let mac = take(BASE64_32);
        let fits = fits && take(1) == b"\n";
        if !fits {
            return Err(shape(text!("not exactly one X25519 stanza")));
        }
        decode_32(share)?;
        let signed_len = PREFIX - 16 - 1 - BASE64_32 - 1;
        Ok(Self {
            share,
            body: decode_32(body)?,
            mac: decode_32(mac)?,
            signed: &prefix[..signed_len],
            nonce: take(16).try_into().expect("16 bytes are left"),
        })
    }

    /// Unwraps the payload's key.
    ///
    /// # Errors
    /// [`CryptoError::NoIdentity`] when the key is another's; [`CryptoError::Damaged`] when the header's MAC fails.
    pub fn open(&self, record_key: &Secret32) -> Result<Secret32, CryptoError> {
        let stanza = Stanza {
            tag: "X25519".into(),
            args: vec![String::from_utf8_lossy(self.share).into_owned()],
            body: self.body.to_vec(),
        };
        let file_key: FileKey =
            x25519_identity(record_key).unwrap_stanza(&stanza).and_then(Result::ok).ok_or(CryptoError::NoIdentity)?;
        hmac::verify(&mac_key(&file_key), self.signed, &self.mac)
            .map_err(|_| CryptoError::Damaged(text!("its header does not authenticate")))?;
        Ok(payload_key(&file_key, &self.nonce))
    }
}

fn decode_32(text: &[u8]) -> Result<[u8; 32], CryptoError> {
    BASE64_STANDARD_NO_PAD
        .decode(text)
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| shape(text!("a value is not canonical base64")))
}

fn shape(what: &str) -> CryptoError {
    CryptoError::Header(what.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_opens_with_its_key_only_and_no_byte_of_it_may_change() {
        let key = Secret32::random();
        let (prefix, payload) = seal(&key);
        assert_eq!(prefix.len(), PREFIX);
        assert_eq!(RecordHeader::parse(&prefix).unwrap().open(&key).unwrap(), payload);
        assert!(matches!(
            RecordHeader::parse(&prefix).unwrap().open(&Secret32::random()),
            Err(CryptoError::NoIdentity)
        ));
        for at in 0..PREFIX - 16 {
            let mut changed = prefix.clone();
            changed[at] ^= 1;
            assert!(RecordHeader::parse(&changed).and_then(|h| h.open(&key)).is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_second_stanza_is_refused_without_a_key() {
        let file_key = new_file_key();
        let stanza = |key: &Secret32| x25519_identity(key).to_public().wrap_file_key(&file_key).unwrap().0;
        let mut stanzas = stanza(&Secret32::random());
        stanzas.extend(stanza(&Secret32::random()));
        let (header, _) = write_header(&file_key, &stanzas);
        assert!(RecordHeader::parse(&header).is_err());
    }
}
