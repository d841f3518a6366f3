//! Text inside PDF.
//!
//! Invariant: a page gives at most [`MAX_PAGE`] unpacked bytes and a file [`MAX_TEXT`] of text. The format is large and its
//! readers have had defects, so that this runs in a process of its own, whose memory and time the system bounds.

use super::office::Content;
use lopdf::{Document, LoadOptions};

/// Bytes that one stream or page may unpack to.
const MAX_PAGE: usize = 32 << 20;
/// Bytes of text of one file.
const MAX_TEXT: usize = 16 << 20;

/// The text of a PDF; empty where it holds only pictures.
pub fn text(bytes: &[u8]) -> Content {
    let options = LoadOptions { max_decompressed_size: Some(MAX_PAGE), ..LoadOptions::default() };
    let document = match Document::load_mem_with_options(bytes, options) {
        Ok(document) => document,
        Err(_) if is_encrypted(bytes) => return Content::Encrypted,
        Err(_) => return Content::Unreadable,
    };
    // With an empty password it was opened: everybody can read it.
    if document.is_encrypted() && !document.was_encrypted() {
        return Content::Encrypted;
    }
    let (mut out, mut whole) = (String::new(), true);
    for page in document.get_pages().keys() {
        for chunk in document.extract_text_chunks_with_limit(&[*page], MAX_PAGE) {
            match chunk {
                Ok(text) => out.push_str(&text),
                Err(_) => whole = false,
            }
        }
        out.push('\n');
        if out.len() > MAX_TEXT {
            return Content::Part(out);
        }
    }
    match (whole, out.trim().is_empty()) {
        (true, _) => Content::Text(out),
        (false, true) => Content::Unreadable,
        (false, false) => Content::Part(out),
    }
}

fn is_encrypted(bytes: &[u8]) -> bool {
    bytes.windows(8).any(|window| window == b"/Encrypt")
}
