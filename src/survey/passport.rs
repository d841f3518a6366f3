//! Passport numbers, which have no check digit: only beside a word that says so.

use super::finding::stands_alone;
use regex::Regex;
use std::sync::LazyLock;

static WORD: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)护照|\bpassports?\b|\breisepass").expect("a fixed pattern"));

static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[EGDSPHM]\d{8}|E[A-HJ-NP-Z]\d{7}|[A-Z]{2}\d{7}|[CFGHJK][0-9CFGHJKLMNPRTVWXYZ]{8}|\d{9}")
        .expect("a fixed pattern")
});

/// Bytes behind the word in which the number stands.
const REACH: usize = 48;

/// How many a text holds.
pub fn count(text: &str) -> usize {
    let mut last = 0;
    let mut found = 0;
    for word in WORD.find_iter(text) {
        let mut end = (word.end() + REACH).min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let from = word.end().max(last);
        let number = from < end;
        let number = if number { NUMBER.find(&text[from..end]) } else { None };
        if let Some(number) = number
            && stands_alone(text, from + number.start(), from + number.end())
            && number.as_str().bytes().filter(u8::is_ascii_digit).count() >= 5
        {
            found += 1;
            last = from + number.end();
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_counts_only_beside_the_word() {
        for text in ["护照号码：E12345678", "Passport No. EA1234567", "passport number 123456789", "护照 G12345678"]
        {
            assert_eq!(count(text), 1, "{text}");
        }
        for text in [
            "E12345678",
            "Invoice EA1234567",
            "passport to success",
            "护照复印件",
            "护照 E123456789",
            "passport is 12345",
        ] {
            assert_eq!(count(text), 0, "{text}");
        }
    }
}
