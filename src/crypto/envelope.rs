//! Small whole messages as age files: compartment secrets, keyring pages, key tables.

use super::CryptoError;
use super::header::{self, new_file_key, write_header};
use super::recipient::Recipients;
use super::stream::StreamWriter;
use crate::language::text;
use std::convert::Infallible;
use std::io::Read;
use zeroize::Zeroizing;

/// An age file of `plaintext` to all of `recipients`, with their stanzas and no other.
///
/// # Errors
/// [`CryptoError::MixedRecipients`], or a plugin that fails.
pub fn seal(recipients: &Recipients, plaintext: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let file_key = new_file_key();
    let stanzas = recipients.wrap(&file_key)?;
    let (mut out, payload_key) = write_header(&file_key, &stanzas);
    let mut sink = |bytes: &[u8]| -> Result<(), Infallible> {
        out.extend_from_slice(bytes);
        Ok(())
    };
    let mut writer = StreamWriter::new(&payload_key);
    let Ok(()) = writer.write(plaintext, &mut sink);
    let Ok(()) = writer.finish(&mut sink);
    Ok(out)
}

/// The plaintext of an age file of at most `limit` plaintext bytes.
///
/// # Errors
/// [`CryptoError::NoIdentity`] when none of the identities fits; [`CryptoError::Damaged`] for changed bytes.
pub fn open<'a>(
    identities: impl Iterator<Item = &'a dyn age::Identity>,
    file: &[u8],
    limit: u64,
) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let reader = header::parse(file)?.decrypt(identities).map_err(|e| match e {
        age::DecryptError::NoMatchingKeys => CryptoError::NoIdentity,
        age::DecryptError::PluginResolve(_) | age::DecryptError::Plugin(_) => {
            CryptoError::Plugin(crate::language::of_library(e))
        }
        age::DecryptError::InvalidMac | age::DecryptError::DecryptionFailed => {
            CryptoError::Damaged(text!("its header does not authenticate"))
        }
        other => CryptoError::Header(other.to_string()),
    })?;
    let mut plaintext = Zeroizing::new(Vec::with_capacity(file.len()));
    reader
        .take(limit + 1)
        .read_to_end(&mut plaintext)
        .map_err(|_| CryptoError::Damaged(text!("a chunk does not authenticate")))?;
    if plaintext.len() as u64 > limit {
        return Err(CryptoError::Damaged(text!("larger than such a message may be")));
    }
    Ok(plaintext)
}
