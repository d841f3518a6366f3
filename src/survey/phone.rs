//! Chinese mobile numbers: prefixes in use, written in one or in groups of 3, 4 and 4.

use super::finding::stands_alone;
use regex::Regex;
use std::sync::LazyLock;

static NUMBER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?:\+?86[- ]?)?(1[3-9]\d)([- ]?)\d{4}([- ]?)\d{4}").expect("a fixed pattern"));

/// How many a text holds.
pub fn count(text: &str) -> usize {
    let is_number = |captures: &regex::Captures<'_>| {
        let (whole, prefix) = (captures.get(0)?, captures.get(1)?);
        let even = captures[2] == captures[3];
        // In groups it could be the middle of a longer grouped number.
        let grouped = !captures[2].is_empty();
        let digit_before = text[..whole.start()].trim_end_matches([' ', '-']).ends_with(|c: char| c.is_ascii_digit());
        let digit_after = text[whole.end()..].trim_start_matches([' ', '-']).starts_with(|c: char| c.is_ascii_digit());
        let alone = stands_alone(text, whole.start(), whole.end()) && !(grouped && (digit_before || digit_after));
        // A power of two that programs and their manuals are full of.
        let is_power = whole.as_str() == "17179869184";
        (!is_power && even && alone && is_prefix(prefix.as_str())).then_some(())
    };
    NUMBER.captures_iter(text).filter_map(|captures| is_number(&captures)).count()
}

/// Whether an operator has numbers that begin so; those of machines are left out.
fn is_prefix(prefix: &str) -> bool {
    matches!(
        prefix.parse(),
        Ok(130u16..=139 | 145..=149 | 150..=153 | 155..=159 | 162 | 165..=167 | 170..=178 | 180..=193 | 195..=199)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_use_count_however_they_are_grouped() {
        for text in ["13800138000", "手机:13800138000。", "+86 138-0013-8000", "138 0013 8000", "+8613800138000"] {
            assert_eq!(count(text), 1, "{text}");
        }
        assert_eq!(count("13800138000 19912345678,15512345678"), 3);
    }

    #[test]
    fn other_long_numbers_do_not() {
        for text in [
            "12800138000",
            "14412345678",
            "1380013800",
            "138001380001",
            "0.13800138000",
            "id13800138000",
            "13800138000.5",
            "6222 138 0013 8000 123",
            "138-00138000",
            "17179869184",
            "100 0000 0101",
        ] {
            assert_eq!(count(text), 0, "{text}");
        }
    }
}
