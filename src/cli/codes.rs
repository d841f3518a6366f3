//! Codes as people read them: as they are typed, and in other languages than English with their meaning before them.

use super::report::words;
use crate::language::with_code;
use tr::tr;

/// What a request is for.
pub fn purpose(code: &str) -> String {
    with_code(words::purpose(code), code)
}

/// Why a request was refused.
pub fn reason(code: &str) -> String {
    with_code(words::reason(code), code)
}

/// Kinds of notices, ways of sending them, kinds of replies and how these were answered.
pub fn of_notice(code: &str) -> String {
    let meaning = match code {
        "closing" => tr!("notice" => "closing"),
        "destruction" => tr!("notice" => "destruction"),
        "answer" => tr!("notice" => "answer"),
        "post" => tr!("sent by" => "post"),
        "email" => tr!("sent by" => "email"),
        "sms" => tr!("sent by" => "sms"),
        "publication" => tr!("sent by" => "publication"),
        "hand" => tr!("sent by" => "hand"),
        "question" => tr!("reply" => "question"),
        "objection" => tr!("reply" => "objection"),
        "complaint" => tr!("reply" => "complaint"),
        "correction" => tr!("reply" => "correction"),
        "deletion" => tr!("reply" => "deletion"),
        "upheld" => tr!("reply" => "upheld"),
        "rejected" => tr!("reply" => "rejected"),
        "answered" => tr!("reply" => "answered"),
        other => other.to_owned(),
    };
    with_code(meaning, code)
}
