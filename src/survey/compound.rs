//! Text inside Office files of before 2007 and mail of Outlook (doc, xls, ppt, msg, and wps, et, dps of the same container):
//! streams in a compound file (OLE2).
//!
//! Invariant: a search, no reader of documents: runs of UTF-16LE and of 8-bit text in every stream, and long numbers in cells,
//! of at most [`MAX_TEXT`] bytes in at most [`MAX_STREAMS`] streams, whatever the file claims.

use super::office::{Content, MAX_TEXT};
use encoding_rs::GB18030;
use std::io::{Cursor, Read};
use std::path::PathBuf;

/// Streams of one file that are searched, at most.
pub const MAX_STREAMS: usize = 2_000;
/// Characters of a run of text, at least.
const SHORTEST: usize = 4;

/// The text of a compound file; where it is cut off or damaged, that of its bytes as they lie.
pub fn text(bytes: &[u8], is_whole: bool) -> Content {
    let mut out = String::new();
    let Ok(mut file) = cfb::CompoundFile::open(Cursor::new(bytes)) else {
        if is_encrypted("", bytes) {
            return Content::Encrypted;
        }
        search(bytes, &mut out);
        return if out.is_empty() { Content::Unreadable } else { Content::Part(out) };
    };
    let streams: Vec<PathBuf> =
        file.walk().filter(|entry| entry.is_stream()).map(|entry| entry.path().into()).collect();
    let (mut left, mut whole) = (MAX_TEXT, is_whole && streams.len() <= MAX_STREAMS);
    for path in streams.into_iter().take(MAX_STREAMS) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut content = Vec::new();
        let read = file.open_stream(&path).and_then(|stream| stream.take(left).read_to_end(&mut content));
        whole &= read.is_ok();
        left -= content.len() as u64;
        if is_encrypted(&name, &content) {
            return Content::Encrypted;
        }
        if name == "Workbook" || name == "Book" {
            match cells(&content, &mut out) {
                Cells::Encrypted => return Content::Encrypted,
                Cells::Searched => {}
            }
        }
        search(&content, &mut out);
        if left == 0 || out.len() as u64 >= MAX_TEXT {
            whole = false;
            break;
        }
    }
    if whole { Content::Text(out) } else { Content::Part(out) }
}

/// Whether a stream says that the document is encrypted.
fn is_encrypted(name: &str, content: &[u8]) -> bool {
    let at = |place: usize| content.get(place..place + 2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    match name {
        // Word: the bit fEncrypted in the beginning that all versions since 6.0 share.
        "WordDocument" => matches!(at(0), Some(0xa5ec | 0xa5dc)) && at(10).is_some_and(|flags| flags & 0x100 != 0),
        // Documents of today under a password, in the container of old.
        "EncryptedPackage" | "EncryptedSummary" => true,
        // PowerPoint: the other one of two values is for what is not encrypted.
        "Current User" => content.get(12..16) == Some(&0xf3d1_c4df_u32.to_le_bytes()),
        "" => super::office::is_encrypted_compound(content),
        _ => false,
    }
}

enum Cells {
    Encrypted,
    Searched,
}

/// Appends the long whole numbers in the cells of a worksheet: somebody may have typed a telephone number as one.
fn cells(content: &[u8], out: &mut String) -> Cells {
    const FILE_PASS: u16 = 0x2f;
    const NUMBER: u16 = 0x203;
    const RK: u16 = 0x27e;
    const MUL_RK: u16 = 0xbd;
    let mut rest = content;
    while let [kind_low, kind_high, size_low, size_high, after @ ..] = rest {
        let kind = u16::from_le_bytes([*kind_low, *kind_high]);
        let size = usize::from(u16::from_le_bytes([*size_low, *size_high]));
        let Some((data, next)) = after.split_at_checked(size) else { break };
        match (kind, size) {
            (FILE_PASS, _) => return Cells::Encrypted,
            (NUMBER, 14) => add_number(data[6..].try_into().map_or(0.0, f64::from_le_bytes), out),
            (RK, 10) => add_number(packed(&data[6..]), out),
            (MUL_RK, 6..) => data[4..size - 2].chunks_exact(6).for_each(|cell| add_number(packed(&cell[2..]), out)),
            _ => {}
        }
        if out.len() as u64 >= MAX_TEXT {
            break;
        }
        rest = next;
    }
    Cells::Searched
}

/// A number of four bytes: a whole one, or the upper half of a double; perhaps a hundred times too large.
fn packed(bytes: &[u8]) -> f64 {
    let Ok(bytes) = bytes.try_into() else { return 0.0 };
    let value = u32::from_le_bytes(bytes);
    let number = match value & 2 {
        0 => f64::from_bits(u64::from(value & !3) << 32),
        _ => f64::from(value.cast_signed() >> 2),
    };
    if value & 1 == 1 { number / 100.0 } else { number }
}

fn add_number(number: f64, out: &mut String) {
    if number.fract() == 0.0 && (1e10..1e15).contains(&number) {
        out.push_str(&format!("{number:.0}\n"));
    }
}

/// Appends every run of text.
fn search(content: &[u8], out: &mut String) {
    eight_bit(content, out);
    // Strings begin at even places and at odd ones.
    utf_16(content, out);
    utf_16(content.get(1..).unwrap_or_default(), out);
}

fn eight_bit(content: &[u8], out: &mut String) {
    for run in content.split(|byte| *byte < b' ' && *byte != b'\t' || *byte == 0x7f) {
        if run.len() >= SHORTEST && run.iter().filter(|byte| byte.is_ascii_alphanumeric()).count() * 2 >= SHORTEST {
            if out.len() as u64 + run.len() as u64 > MAX_TEXT {
                return;
            }
            out.push_str(&GB18030.decode_without_bom_handling(run).0);
            out.push('\n');
        }
    }
}

fn utf_16(content: &[u8], out: &mut String) {
    let mut run = String::new();
    let mut characters = 0;
    for pair in content.chunks_exact(2) {
        let c = char::from_u32(u32::from(u16::from_le_bytes([pair[0], pair[1]])));
        match c.filter(|c| is_written(*c)) {
            Some(c) => {
                run.push(c);
                characters += 1;
            }
            None => end(&mut run, &mut characters, out),
        }
        if out.len() as u64 + run.len() as u64 > MAX_TEXT {
            return;
        }
    }
    end(&mut run, &mut characters, out);
}

fn end(run: &mut String, characters: &mut usize, out: &mut String) {
    if *characters >= SHORTEST || run.contains(|c: char| ('\u{4e00}'..='\u{9fff}').contains(&c)) && *characters >= 2 {
        out.push_str(run);
        out.push('\n');
    }
    run.clear();
    *characters = 0;
}

/// Characters of Western and Chinese text.
fn is_written(c: char) -> bool {
    matches!(c, ' '..='~' | '\t' | '\u{a0}'..='\u{24f}' | '\u{2010}'..='\u{203b}' | '\u{3000}'..='\u{303f}')
        || matches!(c, '\u{4e00}'..='\u{9fff}' | '\u{ff01}'..='\u{ff5e}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// A compound file with these streams.
    fn compound(streams: &[(&str, &[u8])]) -> Vec<u8> {
        let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
        for (name, content) in streams {
            file.create_stream(format!("/{name}")).unwrap().write_all(content).unwrap();
        }
        file.flush().unwrap();
        file.into_inner().into_inner()
    }

    fn utf_16le(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    fn record(kind: u16, data: &[u8]) -> Vec<u8> {
        [&kind.to_le_bytes(), &u16::try_from(data.len()).unwrap().to_le_bytes()[..], data].concat()
    }

    #[test]
    fn text_of_both_widths_is_found_at_even_and_odd_places() {
        let word = [&[0xec, 0xa5][..], &[0; 30], b"tel 13800138000", &[0; 3], &utf_16le("手机：13900139000")].concat();
        let Content::Text(text) = text(&compound(&[("WordDocument", &word)]), true) else { panic!() };
        assert!(text.contains("tel 13800138000\n") && text.contains("手机：13900139000\n"), "{text}");
        for number in ["13800138000", "13900139000"] {
            assert_eq!(text.matches(number).count(), 1, "{number}: {text}");
        }
    }

    #[test]
    fn numbers_in_cells_are_numbers() {
        let number = [&[0; 6][..], &13_800_138_000_f64.to_le_bytes()].concat();
        // The upper half of a double: 2 to the power of 34, and nothing in its lower half.
        let rk = [&[0; 6][..], &u32::to_le_bytes((17_179_869_184_f64.to_bits() >> 32) as u32)].concat();
        let sheet = [record(0x809, &[0; 16]), record(0x203, &number), record(0x27e, &rk), record(0xfc, &[])].concat();
        let Content::Text(text) = text(&compound(&[("Workbook", &sheet)]), true) else { panic!() };
        assert!(text.starts_with("13800138000\n17179869184\n"), "{text}");
    }

    #[test]
    fn encrypted_documents_of_every_program_are_told() {
        let word = [&[0xec, 0xa5][..], &[0; 8], &[0, 1], &[0; 30]].concat();
        let excel = [record(0x809, &[0; 16]), record(0x2f, &[1, 0])].concat();
        let slides = [&[0; 12][..], &0xf3d1_c4df_u32.to_le_bytes()].concat();
        for streams in [
            [("WordDocument", word.as_slice())],
            [("Workbook", &excel)],
            [("Current User", &slides)],
            [("EncryptedPackage", b"x")],
        ] {
            assert_eq!(text(&compound(&streams), true), Content::Encrypted, "{}", streams[0].0);
        }
    }

    #[test]
    fn what_is_cut_off_or_damaged_is_searched_as_it_lies_and_no_damage_is_an_error() {
        let content = [utf_16le("手机 13900139000").as_slice(), &[0; 5000]].concat();
        let whole = compound(&[("WordDocument", &content), ("Workbook", &record(0xbd, &[0; 6]))]);
        let Content::Part(cut) = text(&whole[..whole.len() - 700], false) else { panic!() };
        assert!(cut.contains("13900139000"), "{cut}");
        for at in (0..whole.len()).step_by(7) {
            for value in [0, 1, 0x7f, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] = value;
                drop(text(&damaged, true));
            }
            drop(text(&whole[..at], false));
        }
        assert_eq!(text(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0", true), Content::Unreadable);
    }
}
