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

/// The form of before 1999, without a check character.
static OLD: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[1-8]\d{14}").expect("a fixed pattern"));

static NEAR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"身份证|证件号|\bID\b|\b(?i:id (?:card|number|no)|identity card)").expect("a fixed pattern")
});

/// Bytes before a number in which a word makes it perhaps one of the old form.
const REACH: usize = 60;

/// How many numbers of 15 digits a text holds that are perhaps one of the old form: beside a word, with region and date.
pub fn count_possible(text: &str) -> usize {
    let is_possible = |m: &regex::Match<'_>| {
        let (at, number) = (m.start(), m.as_str());
        let born = NaiveDate::parse_from_str(&format!("19{}", &number[6..12]), "%Y%m%d");
        let from = (at.saturating_sub(REACH)..=at).find(|from| text.is_char_boundary(*from)).unwrap_or(at);
        is_province(&number[..2]) && born.is_ok() && stands_alone(text, at, m.end()) && NEAR.is_match(&text[from..at])
    };
    OLD.find_iter(text).filter(is_possible).count()
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
    fn fifteen_digits_count_only_beside_a_word_with_region_and_date() {
        for text in [
            "身份证号码：110105491231002",
            "证件号 110105491231002。",
            "ID: 110105491231002",
            "id card 110105491231002",
        ] {
            assert_eq!(count_possible(text), 1, "{text}");
        }
        let far = format!("身份证{}110105491231002", "。".repeat(20));
        for text in [
            "110105491231002",
            "身份证 110105491331002",
            "身份证 190105491231002",
            "身份证 1101054912310021",
            "身份证 11010519491231002X",
            "grid 110105491231002",
            &far,
        ] {
            assert_eq!(count_possible(text), 0, "{text}");
        }
    }

    #[test]
    fn only_whole_numbers_count() {
        assert_eq!(count("号码11010519491231002X，11010519491231002x;"), 2);
        assert_eq!(count("A11010519491231002X 11010519491231002X9 0.11010519491231002X"), 0);
    }
}
