//! What a requester promises with what they are given.
//!
//! Invariant: the same in proposal, grant and ledger, so that what people approved is what was granted. Spec:
//! `spec/disclosure.md`, "Conditions".

use crate::retention::is_plain_date;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

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
            return Err("conditions: a date has no year of four digits".into());
        }
        self.text.as_deref().map_or(Ok(()), |text| check_text("conditions: text", text))
    }
}

/// Whether a text of people may stand in a message: 1 to 2,000 characters, line feeds allowed, and no other character that
/// controls a terminal, changes the direction of text or cannot be seen.
///
/// # Errors
/// In words, with `what` in front.
pub fn check_text(what: &str, text: &str) -> Result<(), String> {
    if text.trim().is_empty() || text.chars().take(MAX_TEXT + 1).count() > MAX_TEXT {
        return Err(format!("{what}: it is empty or longer than {MAX_TEXT} characters"));
    }
    let plain = text.replace('\n', " ");
    if crate::storage::escape(&plain) != plain {
        return Err(format!("{what}: it has a control, bidirectional or invisible character"));
    }
    Ok(())
}
