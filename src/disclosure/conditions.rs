//! What a requester promises with what they are given.
//!
//! Invariant: the same in proposal, grant and ledger, so that what people approved is what was granted. Spec:
//! `spec/disclosure.md`, "Conditions".

use crate::retention::is_plain_date;
use crate::storage::document::is_text;
use crate::storage::escape;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use tr::tr;

/// Characters of a text in a message, at most.
pub const MAX_TEXT: usize = 2000;

/// Conditions of a disclosure. The purpose stands beside them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conditions {
    /// Whether copies are forbidden.
    pub no_copies: bool,
    /// The last day on which what was handed over may still exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destroy_by: Option<NaiveDate>,
    /// The last day on which it must be given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_by: Option<NaiveDate>,
    /// Anything else, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl Conditions {
    /// What is wrong with them.
    ///
    /// # Errors
    /// In words.
    pub fn check(&self) -> Result<(), String> {
        if ![self.destroy_by, self.return_by].into_iter().flatten().all(is_plain_date) {
            return Err(tr!("conditions: a date has no year of four digits"));
        }
        self.text.as_deref().map_or(Ok(()), |text| check_text("conditions: text", text))
    }

    /// Whether they can be kept by somebody who is given something on this day at the earliest.
    ///
    /// # Errors
    /// In words.
    pub fn check_from(&self, from: NaiveDate) -> Result<(), String> {
        // A day earlier: it may still be yesterday where the promise is made.
        let over = |by: NaiveDate| by.succ_opt().is_some_and(|day| day < from);
        match [self.destroy_by, self.return_by].into_iter().flatten().any(over) {
            true => Err(tr!("conditions: a date is over before the grant begins")),
            false => Ok(()),
        }
    }
}

/// Whether a text of people may stand in a message: 1 to 2,000 characters, line feeds allowed, and no other character that
/// controls a terminal, changes the direction of text or cannot be seen.
///
/// # Errors
/// In words, with `what` in front.
pub fn check_text(what: &str, text: &str) -> Result<(), String> {
    if text.trim().is_empty() || text.chars().take(MAX_TEXT + 1).count() > MAX_TEXT {
        return Err(tr!("{what}: it is empty or longer than {max_text} characters", what = what, max_text = MAX_TEXT));
    }
    let plain = text.replace('\n', " ");
    check_visible(what, &plain)
}

/// Whether a short text, such as the name of a program, may stand in a message: one line of 1 to 200 characters, all of which
/// can be seen.
///
/// # Errors
/// In words, with `what` in front.
pub fn check_line(what: &str, text: &str) -> Result<(), String> {
    if !is_text(text) {
        return Err(tr!("{what}: it is empty, longer than 200 characters, or more than a line", what = what));
    }
    check_visible(what, text)
}

fn check_visible(what: &str, text: &str) -> Result<(), String> {
    match escape(text) == text {
        true => Ok(()),
        false => Err(tr!("{what}: it has a control, bidirectional or invisible character", what = what)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_show_all_that_they_say() {
        for good in ["a", "沐阳贸易 2019\n第二行", "Ö", &"字".repeat(MAX_TEXT)] {
            assert_eq!(check_text("it", good), Ok(()), "{good}");
        }
        for bad in [
            "",
            " \n",
            "a\rb",
            "a\tb",
            "a\u{202e}b",
            "a\u{200b}b",
            "a\u{7f}",
            "\u{feff}a",
            "a\u{ad}b",
            "\u{e0041}",
            &"字".repeat(MAX_TEXT + 1),
        ] {
            assert!(check_text("it", bad).is_err(), "{bad:?}");
        }
        assert!(check_line("it", "a\nb").is_err() && check_line("it", "a\u{2066}b").is_err());
        assert_eq!(check_line("it", "keepuntil 0.1.0"), Ok(()));
    }

    #[test]
    fn a_promise_can_be_kept() {
        let day = |text: &str| crate::retention::parse_date(text).unwrap();
        let by = |destroy_by| Conditions { destroy_by: Some(destroy_by), ..Conditions::default() };
        assert_eq!(by(day("2026-11-30")).check_from(day("2026-12-01")), Ok(()));
        assert!(by(day("2026-11-29")).check_from(day("2026-12-01")).is_err());
        assert_eq!(Conditions::default().check_from(NaiveDate::MAX), Ok(()));
    }
}
