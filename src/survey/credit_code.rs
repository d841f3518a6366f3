//! Chinese unified social credit codes (GB 32100): registry, region, check character.

use super::finding::stands_alone;
use super::resident::is_province;
use regex::Regex;
use std::sync::LazyLock;

static CODE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[1-9AN-Y][1-9A]\d{6}[0-9A-HJ-NPQRTUWXY]{10}").expect("a fixed pattern"));

const ALPHABET: &[u8] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";

/// How many a text holds.
pub fn count(text: &str) -> usize {
    CODE.find_iter(text).filter(|m| stands_alone(text, m.start(), m.end()) && is_valid(m.as_str())).count()
}

/// Whether 18 characters are such a code.
pub fn is_valid(code: &str) -> bool {
    let values: Vec<usize> =
        code.bytes().filter_map(|byte| ALPHABET.iter().position(|letter| *letter == byte)).collect();
    if code.len() != 18 || values.len() != 18 || !(is_province(&code[2..4]) || &code[2..4] == "10") {
        return false;
    }
    // Weights are the powers of 3 modulo 31.
    let (sum, _) = values[..17].iter().fold((0, 1), |(sum, weight), value| (sum + value * weight, weight * 3 % 31));
    // A number of an identity card is never also counted as a firm.
    (31 - sum % 31) % 31 == values[17] && organisation(&code.as_bytes()[8..17]) && !super::resident::is_valid(code)
}

/// The nine characters inside are an organisation code with a check character of its own (GB 11714).
fn organisation(code: &[u8]) -> bool {
    const WEIGHTS: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];
    let value = |byte: u8| (byte as char).to_digit(36).unwrap_or(0);
    let sum: u32 = WEIGHTS.iter().zip(code).map(|(weight, byte)| weight * value(*byte)).sum();
    let check = match 11 - sum % 11 {
        10 => b'X',
        11 => b'0',
        digit => b'0' + u8::try_from(digit).unwrap_or(0),
    };
    check == code[8]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn region_and_check_character_must_fit() {
        // Public codes of well-known listed companies.
        for right in ["91440300708461136T", "9144030071526726XG"] {
            assert!(is_valid(right), "{right}");
        }
        for wrong in ["91440300708461136X", "91990300708461136T", "9144030070846113", "91440300I08461136T"] {
            assert!(!is_valid(wrong), "{wrong}");
        }
        assert_eq!(count("统一社会信用代码：91440300708461136T。x91440300708461136T"), 1);
    }
}
