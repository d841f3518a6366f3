//! Numbers of Chinese resident identity cards (GB 11643): region, date of birth, check character.

use super::finding::stands_alone;
use chrono::NaiveDate;
use regex::Regex;
use std::sync::LazyLock;

static NUMBER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[1-8]\d{16}[\dXx]").expect("a fixed pattern"));

/// How many a text holds.
pub fn count(text: &str) -> usize {
    NUMBER.find_iter(text).filter(|m| stands_alone(text, m.start(), m.end()) && is_valid(m.as_str())).count()
}

/// Whether 18 characters are such a number.
pub fn is_valid(number: &str) -> bool {
    let bytes = number.as_bytes();
    if bytes.len() != 18 || !bytes[..17].iter().all(u8::is_ascii_digit) || !is_province(&number[..2]) {
        return false;
    }
    let born = NaiveDate::parse_from_str(&number[6..14], "%Y%m%d");
    born.is_ok() && (b"1900".as_slice()..b"2100".as_slice()).contains(&&bytes[6..10]) && check(bytes)
}

/// Whether two digits are a province of GB/T 2260, or one of the codes for residents of Hong Kong, Macao and Taiwan.
pub fn is_province(code: &str) -> bool {
    matches!(code.parse(), Ok(11u8..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81..=83))
}

/// ISO 7064, MOD 11-2.
fn check(bytes: &[u8]) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = WEIGHTS.iter().zip(bytes).map(|(weight, digit)| weight * u32::from(digit - b'0')).sum();
    b"10X98765432"[(sum % 11) as usize] == bytes[17].to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn region_date_and_check_character_must_fit() {
        // The example of GB 11643-1999.
        assert!(is_valid("11010519491231002X"));
        assert!(is_valid("11010519491231002x"));
        assert!(!is_valid("440524188001010014"), "nobody alive was born in 1880");
        for wrong in
            ["110105194912310021", "11010519491331002X", "10010519491231002X", "1101051949123100", "310199197406110233"]
        {
            assert!(!is_valid(wrong), "{wrong}");
        }
    }

    #[test]
    fn only_whole_numbers_count() {
        assert_eq!(count("号码11010519491231002X，11010519491231002x;"), 2);
        assert_eq!(count("A11010519491231002X 11010519491231002X9 0.11010519491231002X"), 0);
    }
}
