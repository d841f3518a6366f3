//! Text inside PDF.
//!
//! Invariant: a page gives at most `MAX_PAGE` unpacked bytes and a file `MAX_TEXT` of text. The format is large and its
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

#[cfg(test)]
mod tests {
    use super::*;
    use lopdf::content::{Content as Page, Operation};
    use lopdf::{EncryptionState, EncryptionVersion, Object, Permissions, Stream, StringFormat, dictionary};

    /// A page that says 13800138000.
    fn document() -> Document {
        let mut document = Document::with_version("1.5");
        let font = document.add_object(dictionary! {
            "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Courier", "Encoding" => "WinAnsiEncoding",
        });
        let operations = vec![
            Operation::new("BT", vec![]),
            Operation::new("Tf", vec!["F1".into(), 12.into()]),
            Operation::new("Tj", vec![Object::string_literal("13800138000")]),
            Operation::new("ET", vec![]),
        ];
        let page = Stream::new(dictionary! {}, Page { operations }.encode().unwrap());
        let contents = document.add_object(page);
        let pages = document.new_object_id();
        let fonts = dictionary! { "Font" => dictionary! { "F1" => font } };
        let page = document.add_object(dictionary! {
            "Type" => "Page", "Parent" => pages, "Contents" => contents, "Resources" => fonts,
            "MediaBox" => vec![0.into(), 0.into(), 595.into(), 842.into()],
        });
        let kids = dictionary! { "Type" => "Pages", "Kids" => vec![page.into()], "Count" => 1 };
        document.objects.insert(pages, Object::Dictionary(kids));
        let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => pages });
        document.trailer.set("Root", catalog);
        let id = Object::String(vec![7; 16], StringFormat::Literal);
        document.trailer.set("ID", vec![id.clone(), id]);
        document
    }

    fn saved(user_password: Option<&str>) -> Vec<u8> {
        let mut document = document();
        if let Some(user_password) = user_password {
            let version = EncryptionVersion::V2 {
                document: &document,
                owner_password: "owner",
                user_password,
                key_length: 128,
                permissions: Permissions::all(),
            };
            let state = EncryptionState::try_from(version).unwrap();
            document.encrypt(&state).unwrap();
        }
        let mut bytes = Vec::new();
        document.save_to(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn text_is_read_and_what_needs_a_password_is_told() {
        let holds = |content: &Content| matches!(content, Content::Text(text) if text.contains("13800138000"));
        assert!(holds(&text(&saved(None))));
        assert!(holds(&text(&saved(Some("")))), "everybody can read it");
        assert_eq!(text(&saved(Some("secret"))), Content::Encrypted);
        assert_eq!(text(b"%PDF-1.7 nothing"), Content::Unreadable);
    }
}
