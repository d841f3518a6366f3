//! age v1 headers: written without the grease stanza that the `age` crate adds, and listed without a key.
//!
//! Invariant: what is written holds exactly the stanzas of the recipients. Spec: `spec/archive.md`, "age profile".

use super::CryptoError;
use super::secret::Secret32;
use crate::language::text;
use age_core::format::{FileKey, Stanza, write::age_stanza};
use age_core::primitives::hkdf;
use age_core::secrecy::ExposeSecret;
use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use rand::{RngCore, rngs::OsRng};

/// First line of every age file.
pub const VERSION_LINE: &str = "age-encryption.org/v1\n";

/// A fresh file key.
pub fn new_file_key() -> FileKey {
    FileKey::init_with_mut(|key| OsRng.fill_bytes(key))
}

/// Header and payload nonce of a new age file, and the key of its payload.
pub fn write_header(file_key: &FileKey, stanzas: &[Stanza]) -> (Vec<u8>, Secret32) {
    let mut out = VERSION_LINE.as_bytes().to_vec();
    for stanza in stanzas {
        out = cookie_factory::gen_simple(age_stanza(&stanza.tag, &stanza.args, &stanza.body), out)
            .expect("writing to memory cannot fail");
    }
    out.extend_from_slice(b"---");
    let mac = hmac::sign(&mac_key(file_key), &out);
    out.push(b' ');
    out.extend_from_slice(BASE64_STANDARD_NO_PAD.encode(mac).as_bytes());
    out.push(b'\n');
    let mut nonce = [0; 16];
    OsRng.fill_bytes(&mut nonce);
    out.extend_from_slice(&nonce);
    (out, payload_key(file_key, &nonce))
}

/// The key under which a header's MAC is made.
pub fn mac_key(file_key: &FileKey) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, &hkdf(&[], b"header", file_key.expose_secret()))
}

/// The key of the payload that follows `nonce`.
pub fn payload_key(file_key: &FileKey, nonce: &[u8; 16]) -> Secret32 {
    Secret32::from_bytes(hkdf(nonce, b"payload", file_key.expose_secret()))
}

/// Bytes and lines that a header may have: about 150 post-quantum recipients. The `age` crate parses a header anew for
/// every line, so that a forged one of megabytes would take hours.
const MAX_HEADER: usize = 256 << 10;
const MAX_LINES: usize = 8192;

/// Parses an age file's header.
///
/// # Errors
/// [`CryptoError::Header`] when the bytes do not begin with a valid age v1 header, or with too large a one.
pub fn parse(file: &[u8]) -> Result<age::Decryptor<&[u8]>, CryptoError> {
    let head = &file[..file.len().min(MAX_HEADER)];
    let mut lines = head.split(|&b| b == b'\n').take(MAX_LINES);
    if file.len() > MAX_HEADER.min(MAX_LINES) && !lines.any(|line| line.starts_with(b"---")) {
        return Err(CryptoError::Header(text!("it is larger than a header may be").into()));
    }
    let decryptor =
        age::Decryptor::new_buffered(file).map_err(|e| CryptoError::Header(crate::language::of_library(e)))?;
    if !stanzas_end(file) {
        return Err(CryptoError::Header(text!("a stanza has no last line").into()));
    }
    Ok(decryptor)
}

/// Whether every stanza's body ends in a line shorter than 64 characters, as the age specification demands; the `age`
/// crate does without, for the sake of files older than the specification, which other implementations refuse.
fn stanzas_end(file: &[u8]) -> bool {
    let mut open = false;
    for line in file.split(|&b| b == b'\n').skip(1) {
        let (begins, mac) = (line.starts_with(b"-> "), line.starts_with(b"---"));
        if open && (begins || mac) {
            return false;
        }
        if mac {
            break;
        }
        open = begins || line.len() == 64;
    }
    true
}

/// The stanza types of an age file's header, in order.
///
/// # Errors
/// [`CryptoError::Header`] when the bytes do not begin with a valid age v1 header.
pub fn stanza_types(file: &[u8]) -> Result<Vec<String>, CryptoError> {
    parse(file)?;
    let header_lines = file.split(|&b| b == b'\n').take_while(|line| !line.starts_with(b"---"));
    Ok(header_lines
        .filter_map(|line| line.strip_prefix(b"-> "))
        .map(|line| String::from_utf8_lossy(line.split(|&b| b == b' ').next().unwrap_or_default()).into_owned())
        .collect())
}
