//! `keepuntil read-pdf`: what `survey` starts for every PDF; standard input to text, within bounds that the system sets.

use super::Done;
use super::error::Failure;
use crate::ops::survey_file::{PDF_ENCRYPTED, PDF_PART, PDF_WHOLE};
use crate::storage::StorageError;
use crate::storage::limits::confine;
use crate::survey::office::Content;
use crate::survey::pdf;
use std::io::{Read, Write};
use tr::tr;

/// Bytes of a PDF: `survey` gives no more.
const MAX_BYTES: u64 = 1 << 30;

pub fn run() -> Result<Done, Failure> {
    confine().map_err(StorageError::at("limits"))?;
    let mut bytes = Vec::new();
    std::io::stdin().take(MAX_BYTES).read_to_end(&mut bytes).map_err(StorageError::at(tr!("standard input")))?;
    let (word, text) = match pdf::text(&bytes) {
        Content::Text(text) => (PDF_WHOLE, text),
        Content::Part(text) => (PDF_PART, text),
        Content::Encrypted => (PDF_ENCRYPTED, String::new()),
        Content::Unreadable => {
            let what = std::io::Error::other(tr!("it is no PDF that can be read"));
            return Err(StorageError::at(tr!("standard input"))(what).into());
        }
    };
    let mut out = std::io::stdout().lock();
    out.write_all(word).and_then(|()| out.write_all(text.as_bytes())).map_err(Failure::Output)?;
    Ok(Done::Clean)
}
