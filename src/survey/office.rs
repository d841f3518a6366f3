//! Text inside Office files (docx, xlsx, pptx, odt, ods, odp) and OFD: XML in a zip file.
//!
//! Invariant: whatever the file claims, at most [`MAX_TEXT`] bytes are unpacked, of at most [`MAX_MEMBERS`] members; names in
//! the zip file are compared, never used as paths.

use quick_xml::Reader;
use quick_xml::events::Event;
use std::io::{Cursor, Read};

/// Bytes that are unpacked of one file, at most.
pub const MAX_TEXT: u64 = 32 << 20;
/// Members that a file may have.
pub const MAX_MEMBERS: usize = 20_000;

/// What came of reading a file that is not plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Its text.
    Text(String),
    /// The text of its beginning: the rest is beyond what is read.
    Part(String),
    /// It is encrypted.
    Encrypted,
    /// It cannot be read.
    Unreadable,
}

/// The text of a zipped document.
pub fn text(bytes: &[u8]) -> Content {
    let Ok(mut zip) = zip::ZipArchive::new(Cursor::new(bytes)) else { return Content::Unreadable };
    if zip.len() > MAX_MEMBERS {
        return Content::Unreadable;
    }
    let mut members = Vec::new();
    for index in 0..zip.len() {
        let Ok(member) = zip.by_index_raw(index) else { return Content::Unreadable };
        if member.encrypted() {
            return Content::Encrypted;
        }
        if let Ok(name) = member.name()
            && (is_text(&name) || name == ODF_MANIFEST)
        {
            members.push((name.into_owned(), index));
        }
    }
    // Sheets by number would need the workbook; by name is an order as good.
    members.sort();
    let (mut out, mut left, mut whole) = (String::new(), MAX_TEXT, true);
    for (name, index) in members {
        let mut xml = Vec::new();
        let Ok(member) = zip.by_index(index) else { return Content::Unreadable };
        let read = member.take(left + 1).read_to_end(&mut xml);
        if xml.len() as u64 > left {
            xml.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            whole = false;
        }
        if read.is_err() {
            whole = false;
        }
        left -= xml.len() as u64;
        if name == ODF_MANIFEST {
            if xml.windows(ODF_ENCRYPTED.len()).any(|window| window == ODF_ENCRYPTED) {
                return Content::Encrypted;
            }
            continue;
        }
        whole &= add_text(&String::from_utf8_lossy(&xml), &mut out);
        if left == 0 {
            break;
        }
    }
    match (whole, out.is_empty()) {
        (true, _) => Content::Text(out),
        (false, true) => Content::Unreadable,
        (false, false) => Content::Part(out),
    }
}

const ODF_MANIFEST: &str = "META-INF/manifest.xml";
const ODF_ENCRYPTED: &[u8] = b"encryption-data";

/// Whether a member holds text that people wrote.
fn is_text(name: &str) -> bool {
    let xml = |folder: &str| name.starts_with(folder) && name.ends_with(".xml") && !name[folder.len()..].contains('/');
    let word = ["document", "header", "footer", "footnotes", "endnotes", "comments"];
    let is_word = xml("word/") && word.iter().any(|part| name["word/".len()..].starts_with(part));
    is_word
        || name == "xl/sharedStrings.xml"
        || xml("xl/worksheets/")
        || xml("xl/")
            && name["xl/".len()..].starts_with("comments")
        || xml("ppt/slides/")
        || xml("ppt/notesSlides/")
        || name == "content.xml"
        // Doc_0/Pages/Page_0/Content.xml
        || name.ends_with("/Content.xml") && name.contains("Pages/")
}

/// Elements whose end ends a piece of text; what is inside of them belongs together however it is formatted.
const PIECES: [&str; 12] =
    ["p", "h", "si", "c", "is", "tr", "br", "tab", "table-cell", "line-break", "TextObject", "comment"];

/// Appends the text between the tags, and says whether the XML was whole.
fn add_text(xml: &str, out: &mut String) -> bool {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = false;
    loop {
        match reader.read_event() {
            Ok(Event::Text(text)) => out.push_str(&text.xml10_content()),
            Ok(Event::CData(text)) => out.push_str(&text.xml10_content()),
            Ok(Event::GeneralRef(reference)) => match reference.resolve_char_ref() {
                Ok(Some(c)) => out.push(c),
                // The five that XML defines stand for characters that no number or name contains.
                _ => out.push(' '),
            },
            Ok(Event::End(end)) if PIECES.contains(&end.local_name().into_inner()) => out.push('\n'),
            Ok(Event::Empty(empty)) if PIECES.contains(&empty.local_name().into_inner()) => out.push('\n'),
            Ok(Event::Eof) => return true,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}

/// Whether a packed file has a member that is encrypted; looks at [`MAX_MEMBERS`] of them.
pub fn is_encrypted_zip(bytes: &[u8]) -> bool {
    let Ok(mut zip) = zip::ZipArchive::new(Cursor::new(bytes)) else { return false };
    (0..zip.len().min(MAX_MEMBERS)).any(|index| zip.by_index_raw(index).is_ok_and(|member| member.encrypted()))
}

/// Whether a file in Microsoft's compound format holds an encrypted document.
pub fn is_encrypted_compound(bytes: &[u8]) -> bool {
    let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    bytes.windows(name.len()).any(|window| window == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use zip::write::SimpleFileOptions;

    fn zipped(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in members {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    #[test]
    fn a_number_that_formatting_splits_is_one() {
        let xml =
            b"<w:p><w:r><w:t>138</w:t></w:r><w:r><w:t>00138000</w:t></w:r></w:p><w:p><w:t>a&amp;b&#65;</w:t></w:p>";
        let Content::Text(text) = text(&zipped(&[("word/document.xml", xml)])) else { panic!() };
        assert_eq!(text, "13800138000\na bA\n");
    }

    #[test]
    fn cells_are_apart_and_strings_are_found() {
        let sheet = b"<row><c><v>13800138000</v></c><c><v>2</v></c></row>";
        let strings = b"<sst><si><t>310101</t></si><si><r><t>a</t></r><r><t>b</t></r></si></sst>";
        let bytes = zipped(&[
            ("xl/worksheets/sheet1.xml", sheet),
            ("xl/sharedStrings.xml", strings),
            ("../../x.xml", b"<p>no</p>"),
        ]);
        assert_eq!(text(&bytes), Content::Text("310101\nab\n13800138000\n2\n".into()));
    }

    #[test]
    fn a_bomb_gives_its_beginning() {
        let mut bomb = b"<w:p>13800138000</w:p>".to_vec();
        bomb.resize(40 << 20, b'x');
        let bytes = zipped(&[("word/document.xml", &bomb), ("word/header1.xml", &bomb)]);
        assert!(bytes.len() < 1 << 20);
        let Content::Part(text) = text(&bytes) else { panic!() };
        assert!(text.len() as u64 <= MAX_TEXT && text.starts_with("13800138000\n"));
    }

    #[test]
    fn an_encrypted_document_is_told_from_a_broken_one() {
        let odf = zipped(&[("META-INF/manifest.xml", b"<m:encryption-data/>"), ("content.xml", b"\x93\x11")]);
        assert_eq!(text(&odf), Content::Encrypted);
        assert_eq!(text(b"PK\x03\x04 no"), Content::Unreadable);
    }

    #[test]
    fn no_damage_is_an_error() {
        let bytes =
            zipped(&[("word/document.xml", b"<w:p><w:t>text</w:t></w:p>"), ("content.xml", b"<a>&#x110000;</a>")]);
        for at in 0..bytes.len() {
            for value in [0, 0x7f, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] = value;
                drop(text(&damaged));
            }
            drop(text(&bytes[..at]));
        }
    }
}
