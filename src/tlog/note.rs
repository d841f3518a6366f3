//! Signed notes (C2SP signed-note): text, blank line, signature lines.

use super::TlogError;
use crate::language::text;
use base64::{Engine, prelude::BASE64_STANDARD};

/// A note as it stands, not yet verified.
#[derive(Debug, PartialEq, Eq)]
pub struct Note<'a> {
    /// The text that the signatures cover, with its final newline.
    pub text: &'a str,
    /// The signature lines in their order.
    pub signatures: Vec<SignatureLine<'a>>,
}

/// One signature line.
#[derive(Debug, PartialEq, Eq)]
pub struct SignatureLine<'a> {
    /// Key name.
    pub name: &'a str,
    /// Key id.
    pub id: [u8; 4],
    /// The signature behind the key id.
    pub signature: Vec<u8>,
}

/// Signature lines that a note may have.
const MAX_SIGNATURES: usize = 64;

impl<'a> Note<'a> {
    /// Splits a note.
    ///
    /// # Errors
    /// [`TlogError::Note`] for anything that the grammar of C2SP signed-note does not allow.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, TlogError> {
        let note = std::str::from_utf8(bytes).map_err(|_| TlogError::Note(text!("it is not UTF-8")))?;
        if note.chars().any(|c| c < ' ' && c != '\n') {
            return Err(TlogError::Note(text!("it has control characters")));
        }
        let at = note.rfind("\n\n").ok_or(TlogError::Note(text!("it has no signatures")))?;
        let (text, lines) = (&note[..=at], &note[at + 2..]);
        let lines = lines.strip_suffix('\n').ok_or(TlogError::Note(text!("its last line does not end")))?;
        let signatures = lines.split('\n').map(SignatureLine::parse).collect::<Result<Vec<_>, _>>()?;
        if signatures.len() > MAX_SIGNATURES {
            return Err(TlogError::Note(text!("it has too many signatures")));
        }
        Ok(Self { text, signatures })
    }
}

impl<'a> SignatureLine<'a> {
    fn parse(line: &'a str) -> Result<Self, TlogError> {
        let malformed = TlogError::Note(text!("a signature line is malformed"));
        let Some((name, encoded)) = line.strip_prefix("— ").and_then(|rest| rest.split_once(' ')) else {
            return Err(malformed);
        };
        let blob = BASE64_STANDARD.decode(encoded).map_err(|_| TlogError::Note(text!("a signature is not base64")))?;
        let Some((id, signature)) = blob.split_first_chunk::<4>() else {
            return Err(malformed);
        };
        if !crate::crypto::sign::is_key_name(name) || signature.is_empty() {
            return Err(malformed);
        }
        Ok(Self { name, id: *id, signature: signature.to_vec() })
    }
}

/// Writes a signature line, newline included.
pub fn signature_line(name: &str, id: [u8; 4], signature: &[u8]) -> String {
    format!("— {name} {}\n", BASE64_STANDARD.encode([&id, signature].concat()))
}
