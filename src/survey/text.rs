//! Text in files that are text: UTF-8, UTF-16, GB18030, else Western.
//!
//! Invariant: as much memory as the input needs a few times over, and no byte sequence is an error.

use encoding_rs::{Encoding, GB18030, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// The text in `bytes`, which may end in the middle of a character; `None` when they are no text.
pub fn decode(bytes: &[u8]) -> Option<String> {
    if let Some((encoding, length)) = Encoding::for_bom(bytes) {
        return Some(encoding.decode_without_bom_handling(&bytes[length..]).0.into_owned());
    }
    if let Some(encoding) = utf_16(bytes) {
        return encoding.decode_without_bom_handling_and_without_replacement(even(bytes)).map(|text| text.into_owned());
    }
    if is_binary(bytes) {
        return None;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => return Some(text.to_owned()),
        // Cut in the middle of the last character.
        Err(e) if e.error_len().is_none() => {
            return Some(String::from_utf8_lossy(&bytes[..e.valid_up_to()]).into_owned());
        }
        Err(_) => {}
    }
    if is_western(bytes) {
        return Some(WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned());
    }
    // A character of GB18030 has four bytes at most.
    let whole = (0..4.min(bytes.len()))
        .find_map(|cut| GB18030.decode_without_bom_handling_and_without_replacement(&bytes[..bytes.len() - cut]));
    Some(whole.unwrap_or_else(|| WINDOWS_1252.decode_without_bom_handling(bytes).0).into_owned())
}

fn even(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len() / 2 * 2]
}

/// Which UTF-16 it is, when every other of the first bytes is often zero and the others never are.
fn utf_16(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = &bytes[..bytes.len().min(4096) / 2 * 2];
    let zeros = |first: usize| head.iter().skip(first).step_by(2).filter(|byte| **byte == 0).count();
    match (zeros(0), zeros(1)) {
        (0, high) if high * 8 > head.len() => Some(UTF_16LE),
        (high, 0) if high * 8 > head.len() => Some(UTF_16BE),
        _ => None,
    }
}

/// Whether high bytes stand alone between letters, as in names with umlauts, more often than in pairs, as in Chinese.
fn is_western(bytes: &[u8]) -> bool {
    let (mut alone, mut pairs) = (0, 0);
    let mut rest = &bytes[..bytes.len().min(1 << 16)];
    while let [first, tail @ ..] = rest {
        rest = match tail {
            [second, after @ ..] if *first >= 0x81 && *second >= 0xa1 => {
                pairs += 1;
                after
            }
            _ => {
                alone += usize::from(*first >= 0x81);
                tail
            }
        };
    }
    alone > pairs
}

/// Control characters that text does not have, more than one in a hundred.
fn is_binary(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(1 << 16)];
    let is_control = |byte: &&u8| matches!(**byte, 0..=8 | 14..=26 | 28..=31 | 127);
    head.contains(&0) || head.iter().filter(is_control).count() * 100 > head.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charsets_are_told_apart() {
        let text = "姓名,手机\n林,13800138000\n";
        let utf_16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let ascii_16: Vec<u8> = "name,phone\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(decode(text.as_bytes()).unwrap(), text);
        assert_eq!(decode(&[b"\xef\xbb\xbf", text.as_bytes()].concat()).unwrap(), text);
        assert_eq!(decode(&GB18030.encode(text).0).unwrap(), text);
        assert_eq!(decode(&[b"\xff\xfe", utf_16.as_slice()].concat()).unwrap(), text);
        assert_eq!(decode(&ascii_16).unwrap(), "name,phone\n");
        assert_eq!(
            decode("M\u{fc}ller & Söhne\n".chars().map(|c| c as u8).collect::<Vec<_>>().as_slice()).unwrap(),
            "Müller & Söhne\n"
        );
        assert_eq!(decode(b"\x7fELF\x02\x01\x01\0\0\0"), None);
        assert_eq!(decode(b"").unwrap(), "");
    }

    #[test]
    fn a_cut_in_a_character_loses_only_that() {
        // Not 凭证, whose bytes in GB18030 are also UTF-8.
        let text = "账簿账簿";
        assert_eq!(decode(&text.as_bytes()[..11]).unwrap(), "账簿账");
        let gb = GB18030.encode(text).0;
        assert_eq!(decode(&gb[..7]).unwrap(), "账簿账");
    }

    #[test]
    fn no_bytes_are_an_error() {
        let mut state = 7u64;
        for length in 0..300 {
            let bytes: Vec<u8> = (0..length)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (state >> 56) as u8
                })
                .collect();
            drop(decode(&bytes));
        }
    }
}
