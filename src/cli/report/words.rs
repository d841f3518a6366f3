//! Words for the codes that stand in messages, rules and the journal.

use crate::cli::render;
use crate::ops::report::period::Period;
use crate::retention::Class;
use tr::tr;

/// What a request is for.
pub fn purpose(code: &str) -> String {
    match code {
        "audit" => tr!("purpose" => "audit"),
        "tax-inspection" => tr!("purpose" => "tax inspection"),
        "regulatory-inspection" => tr!("purpose" => "regulatory inspection"),
        "court-order" => tr!("purpose" => "court order"),
        "investigation" => tr!("purpose" => "investigation"),
        "legal-claim" => tr!("purpose" => "legal claim"),
        "own-file" => tr!("purpose" => "own file"),
        "subject-access" => tr!("purpose" => "subject access"),
        "portability" => tr!("purpose" => "portability"),
        "relative-of-deceased" => tr!("purpose" => "relative of the deceased"),
        "liquidation" => tr!("purpose" => "liquidation"),
        other => other.to_owned(),
    }
}

/// Why a request was refused.
pub fn reason(code: &str) -> String {
    match code {
        "not-identified" => tr!("refused" => "not identified"),
        "out-of-scope" => tr!("refused" => "out of scope"),
        "no-legal-basis" => tr!("refused" => "no legal basis"),
        "secrecy" => tr!("refused" => "secrecy"),
        "destroyed" => tr!("refused" => "records destroyed"),
        "expired" => tr!("refused" => "time has run"),
        "not-found" => tr!("refused" => "not found"),
        "not-approved" => tr!("refused" => "not approved"),
        "withdrawn" => tr!("refused" => "withdrawn"),
        other => other.to_owned(),
    }
}

/// Why records are destroyed before their last day; codes of a firm's own are shown as they are.
pub fn early_reason(code: &str) -> String {
    match code {
        "consent" | "consent-withdrawn" => tr!("early" => "consent withdrawn"),
        "deletion" | "deletion-request" => tr!("early" => "deletion asked for"),
        "purpose-fulfilled" => tr!("early" => "purpose fulfilled"),
        "duplicate" => tr!("early" => "a duplicate"),
        other => other.to_owned(),
    }
}

/// What was done with records that were granted.
pub fn handled(code: &str) -> String {
    match code {
        "opened" => tr!("receipt" => "opened"),
        "returned" => tr!("receipt" => "returned"),
        "destroyed" => tr!("receipt" => "destroyed"),
        other => other.to_owned(),
    }
}

/// Who the content is meant for.
pub fn class(code: &str) -> String {
    match code {
        "public" => render::class(Class::Public),
        "sensitive" => render::class(Class::Sensitive),
        "confidential" => render::class(Class::Confidential),
        other => other.to_owned(),
    }
}

/// The first digits of an id, where all of it stands elsewhere.
pub fn short(id: &str) -> String {
    id.chars().take(8).collect()
}

/// The days of a report.
pub fn period(period: &Period) -> String {
    match (period.since, period.until) {
        (None, None) => tr!("all days so far"),
        (Some(since), None) => tr!("from {since} on", since = since),
        (None, Some(until)) => tr!("up to {until}", until = until),
        (Some(since), Some(until)) => tr!("from {since} to {until}", since = since, until = until),
    }
}

/// So many days.
pub fn days(n: i64) -> String {
    tr!("{n} day" | "{n} days" % n.unsigned_abs())
}

/// So many records.
pub fn records(n: u64) -> String {
    tr!("{n} record" | "{n} records" % n)
}

/// Items of a list in one line.
pub fn joined(items: impl IntoIterator<Item = String>) -> String {
    items.into_iter().collect::<Vec<_>>().join(&tr!("list" => ", "))
}

/// An exact number of bytes.
pub fn bytes(n: u64) -> String {
    tr!("{n} byte" | "{n} bytes" % n)
}
