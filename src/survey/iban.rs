//! International bank account numbers (ISO 13616): country, its length, check digits.

use super::finding::stands_alone;
use regex::Regex;
use std::sync::LazyLock;

static NUMBER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[A-Z]{2}\d{2} ?[A-Z0-9]{4}[A-Z0-9 ]{3,34}").expect("a fixed pattern"));

/// Characters that a country's numbers have.
const LENGTHS: [(&str, usize); 36] = [
    ("AD", 24),
    ("AE", 23),
    ("AT", 20),
    ("BE", 16),
    ("BG", 22),
    ("CH", 21),
    ("CY", 28),
    ("CZ", 24),
    ("DE", 22),
    ("DK", 18),
    ("EE", 20),
    ("ES", 24),
    ("FI", 18),
    ("FR", 27),
    ("GB", 22),
    ("GR", 27),
    ("HR", 21),
    ("HU", 28),
    ("IE", 22),
    ("IS", 26),
    ("IT", 27),
    ("LI", 21),
    ("LT", 20),
    ("LU", 20),
    ("LV", 21),
    ("MC", 27),
    ("MT", 31),
    ("NL", 18),
    ("NO", 15),
    ("PL", 28),
    ("PT", 25),
    ("RO", 24),
    ("SA", 24),
    ("SE", 24),
    ("SI", 19),
    ("SK", 24),
];

/// How many a text holds.
pub fn count(text: &str) -> usize {
    let (mut from, mut found) = (0, 0);
    while let Some(m) = NUMBER.find_at(text, from) {
        match number_end(m.as_str()) {
            Some(length) if stands_alone(text, m.start(), m.start() + length) => {
                found += 1;
                from = m.start() + length;
            }
            // What follows the first letters may itself begin a number.
            _ => from = m.start() + 2,
        }
    }
    found
}

/// Where the number ends whose characters are at the beginning of `text`, if its check digits fit.
fn number_end(text: &str) -> Option<usize> {
    let (_, wanted) = LENGTHS.iter().find(|(country, _)| text.starts_with(country))?;
    let characters: Vec<(usize, u8)> =
        text.bytes().enumerate().filter(|(_, byte)| *byte != b' ').take(*wanted).collect();
    let end = characters.last().filter(|_| characters.len() == *wanted)?.0 + 1;
    let turned = characters[4..].iter().chain(&characters[..4]);
    let rest = turned.fold(0u32, |rest, (_, byte)| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte - b'A') + 10) % 97,
    });
    (rest == 1).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the registry; none belongs to anybody.
    #[test]
    fn length_and_check_digits_must_fit() {
        for text in ["DE89370400440532013000", "GB29 NWBK 6016 1331 9268 19", "IBAN: FR1420041010050500013M02606."] {
            assert_eq!(count(text), 1, "{text}");
        }
        assert_eq!(count("DE89 3704 0044 0532 0130 00 and DE89370400440532013000"), 2);
        for text in
            ["DE88370400440532013000", "DE8937040044053201300", "XDE89370400440532013000", "ZZ89370400440532013000"]
        {
            assert_eq!(count(text), 0, "{text}");
        }
    }
}
