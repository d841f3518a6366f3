//! Personal and secret data in text: one detector a file, and what they found, as counts.
//!
//! Invariant: a value that was found is never kept, only how many there were.

use super::kind::Kind;
use super::{card, columns, credit_code, email, iban, passport, phone, resident};
use std::borrow::Cow;

/// What can be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// Number of a Chinese resident identity card.
    ResidentId,
    /// Perhaps one of the old form: 15 digits without a check character, beside a word that says so.
    PossibleResidentId,
    /// Chinese mobile number.
    Mobile,
    /// Number of a bank card.
    BankCard,
    /// Passport number beside a word that says so.
    Passport,
    /// E-mail address.
    Email,
    /// International bank account number.
    Iban,
    /// Column of a table that is about people, by the word at its head.
    PersonalColumn,
    /// Chinese unified social credit code: of a firm, no personal data.
    CreditCode,
}

/// All of them, in the order of reports.
pub const FINDINGS: [Finding; 9] = [
    Finding::ResidentId,
    Finding::PossibleResidentId,
    Finding::Mobile,
    Finding::BankCard,
    Finding::Passport,
    Finding::Email,
    Finding::Iban,
    Finding::PersonalColumn,
    Finding::CreditCode,
];

impl Finding {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ResidentId => "resident-id",
            Self::PossibleResidentId => "possible-resident-id",
            Self::Mobile => "mobile",
            Self::BankCard => "bank-card",
            Self::Passport => "passport",
            Self::Email => "email",
            Self::Iban => "iban",
            Self::PersonalColumn => "personal-column",
            Self::CreditCode => "credit-code",
        }
    }

    /// Whether it is what the law calls sensitive, or opens an account: then the class is confidential.
    pub fn is_secret(self) -> bool {
        matches!(self, Self::ResidentId | Self::PossibleResidentId | Self::BankCard | Self::Passport | Self::Iban)
    }

    /// Whether it is about a person.
    pub fn is_personal(self) -> bool {
        self != Self::CreditCode
    }
}

/// How many of each were found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Findings([u64; FINDINGS.len()]);

impl Findings {
    /// How many of one.
    pub fn count(&self, finding: Finding) -> u64 {
        self.0[finding as usize]
    }

    /// Those that were found.
    pub fn found(&self) -> impl Iterator<Item = (Finding, u64)> + '_ {
        FINDINGS.into_iter().map(|finding| (finding, self.count(finding))).filter(|(_, count)| *count > 0)
    }

    /// Adds those of another text.
    pub fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(own, other)| *own += other);
    }

    /// Whether any is about a person.
    pub fn is_personal(&self) -> bool {
        self.found().any(|(finding, _)| finding.is_personal())
    }

    /// Whether any is secret.
    pub fn is_secret(&self) -> bool {
        self.found().any(|(finding, _)| finding.is_secret())
    }
}

/// How many of its kind a text holds.
type Detector = fn(&str) -> usize;

/// Counts what is in the text of a file of that kind.
pub fn scan(kind: Kind, text: &str) -> Findings {
    let text = narrowed(text);
    let mut findings = Findings::default();
    let detectors: [(Finding, Detector); FINDINGS.len() - 1] = [
        (Finding::ResidentId, resident::count),
        (Finding::PossibleResidentId, resident::count_possible),
        (Finding::Mobile, phone::count),
        (Finding::BankCard, card::count),
        (Finding::Passport, passport::count),
        (Finding::Email, email::count),
        (Finding::Iban, iban::count),
        (Finding::CreditCode, credit_code::count),
    ];
    for (finding, count) in detectors {
        findings.0[finding as usize] = count(&text) as u64;
    }
    findings.0[Finding::PersonalColumn as usize] = columns::count(kind, &text) as u64;
    findings
}

/// Full-width letters and digits, which Chinese forms use, as ASCII.
fn narrowed(text: &str) -> Cow<'_, str> {
    let is_wide = |c: char| matches!(c, '\u{ff01}'..='\u{ff5e}' | '\u{3000}');
    if !text.contains(is_wide) {
        return Cow::Borrowed(text);
    }
    let narrow = |c: char| match c {
        '\u{3000}' => ' ',
        // Full-width punctuation separates; only letters, digits, hyphen and the at sign belong to numbers and addresses.
        '\u{ff01}'..='\u{ff5e}' => {
            let ascii = char::from_u32(c as u32 - 0xfee0).unwrap_or(c);
            if ascii.is_ascii_alphanumeric() || matches!(ascii, '-' | '@' | '.') { ascii } else { c }
        }
        _ => c,
    };
    Cow::Owned(text.chars().map(narrow).collect())
}

/// Whether the number in `start..end` is not a part of something longer: a word, a decimal fraction, a hyphenated code.
pub(super) fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let word = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    let mut before = text[..start].chars().rev();
    let mut after = text[end..].chars();
    let free = |first: Option<char>, second: Option<char>| match first {
        Some(c) if word(&c) => false,
        Some('.') => !second.is_some_and(|c| c.is_ascii_digit()),
        Some('-') => !second.is_some_and(|c| c.is_ascii_alphanumeric()),
        _ => true,
    };
    free(before.next(), before.next()) && free(after.next(), after.next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_counted_and_full_width_digits_are_read() {
        let text =
            "姓名：林一　身份证：１１０１０１１９９００３０７８３５５，手机 13800138000；卡号 6222021234567890128";
        let findings = scan(Kind::Text, text);
        assert_eq!(findings.count(Finding::ResidentId), 1);
        assert_eq!(findings.count(Finding::BankCard), 1);
        assert_eq!(findings.count(Finding::Mobile), 1);
    }

    #[test]
    fn parts_of_longer_things_do_not_stand_alone() {
        for (text, alone) in [
            ("(123)", true),
            ("x123", false),
            ("0.123", false),
            ("号123，", true),
            ("a-123", false),
            ("-123.", true),
            ("No.123", true),
        ] {
            let start = text.find("123").unwrap();
            assert_eq!(stands_alone(text, start, start + 3), alone, "{text}");
        }
    }
}
