//! Numbers of bank cards (ISO/IEC 7812): length, known prefix, Luhn; without a prefix of a Chinese bank only near a word.

use super::finding::stands_alone;
use regex::Regex;
use std::sync::LazyLock;

static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[2-69]\d{3}(?:([ -]?)\d{4})(?:[ -]?\d{4})(?:[ -]?\d{3,4})(?:[ -]?\d{1,3})?").expect("a fixed pattern")
});

static NEAR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)卡号|银行|账号|帐号|账户|帐户|信用卡|借记卡|\b(?:card|visa|mastercard|amex|account|bank|kreditkarte|konto)")
        .expect("a fixed pattern")
});

/// Bytes before a number in which a word makes it one of a card.
const REACH: usize = 60;

/// How many a text holds.
pub fn count(text: &str) -> usize {
    let is_card = |m: &regex::Match<'_>| {
        let digits: Vec<u8> = m.as_str().bytes().filter(u8::is_ascii_digit).map(|digit| digit - b'0').collect();
        stands_alone(text, m.start(), m.end()) && is_valid(&digits) && (is_chinese(&digits) || near(text, m.start()))
    };
    NUMBER.find_iter(text).filter(is_card).count()
}

fn near(text: &str, at: usize) -> bool {
    let mut from = at.saturating_sub(REACH);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    NEAR.is_match(&text[from..at])
}

/// UnionPay, and the older range of one large bank: nothing else is written so.
fn is_chinese(digits: &[u8]) -> bool {
    digits.starts_with(&[6, 2]) || digits.starts_with(&[9, 5, 5, 8])
}

/// Whether length, prefix and check digit fit.
fn is_valid(digits: &[u8]) -> bool {
    let number = |places: usize| digits[..places].iter().fold(0u32, |number, digit| number * 10 + u32::from(*digit));
    let known = match digits.len() {
        15 => matches!(number(2), 34 | 37),
        16 => matches!(number(4), 2221..=2720 | 3528..=3589 | 4000..=4999 | 5100..=5599 | 6011 | 6200..=6299 | 9558),
        // Numbers of 18 digits are left to identity cards, which begin with 62 in one province.
        17 => number(2) == 62,
        19 => matches!(number(4), 6200..=6299 | 9558),
        _ => false,
    };
    let varied = digits.windows(2).filter(|pair| pair[0] != pair[1]).count() > 3;
    known && varied && luhn(digits)
}

fn luhn(digits: &[u8]) -> bool {
    let weigh = |(place, digit): (usize, &u8)| match (place % 2, u32::from(*digit) * 2) {
        (0, _) => u32::from(*digit),
        (_, double) if double > 9 => double - 9,
        (_, double) => double,
    };
    digits.iter().rev().enumerate().map(weigh).sum::<u32>() % 10 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Test numbers that card organisations publish; none belongs to anybody.
    #[test]
    fn length_prefix_and_check_digit_must_fit() {
        for text in ["6222021234567890128", "card: 4012 8888 8888 1881", "卡号4012888888881881"] {
            assert_eq!(count(text), 1, "{text}");
        }
        assert_eq!(count("6212345678901232"), 1);
        assert_eq!(count("6212 3456 7890 1232"), 1);
        for text in
            ["6212345678901233", "62123456789012321234", "5555555555554444", "A6212345678901232", "6212345678901232.5"]
        {
            assert_eq!(count(text), 0, "{text}");
        }
    }

    #[test]
    fn a_foreign_card_needs_a_word_beside_it() {
        assert_eq!(count("order 4012888888881881"), 0);
        assert_eq!(count("Visa card no. 4012888888881881"), 1);
        assert_eq!(count("信用卡：4012888888881881"), 1);
    }
}
