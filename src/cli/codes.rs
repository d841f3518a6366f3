//! Codes as people read them: as they are typed, and in other languages than English with their meaning before them.

use super::report::words;
use crate::disclosure::mailing::NoticeKind;
use crate::disclosure::notices::{Outcome, ReplyKind, Way};
use crate::disclosure::purpose::Purpose;
use crate::disclosure::refusal::RefusalReason;
use crate::language::{Language, language, text, with_code};
use clap::builder::{PossibleValue, PossibleValuesParser};
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

/// A code that is to be typed, and in other languages than English what it means.
pub fn code_and_meaning(code: &str) -> String {
    let meaning = match code {
        "public" | "sensitive" | "confidential" => words::class(code),
        "destroy" => tr!("at expiry" => "destroy"),
        "review" => tr!("at expiry" => "review"),
        "day" => tr!("counting" => "from the day after"),
        "calendar-year" => tr!("counting" => "from the first day after the calendar year"),
        "fiscal-year" => tr!("counting" => "from the first day after the fiscal year"),
        other => words::purpose(other),
    };
    match language() {
        Language::English => code.to_owned(),
        _ if meaning == code => code.to_owned(),
        Language::Chinese => tr!("{code} ({meaning})", code = code, meaning = meaning),
    }
}

fn values<T: Copy, const N: usize>(
    all: [T; N],
    code: fn(T) -> &'static str,
    meaning: fn(T) -> &'static str,
) -> PossibleValuesParser {
    PossibleValuesParser::new(all.map(|value| PossibleValue::new(code(value)).help(meaning(value))))
}

/// Why a request is refused, as it is typed.
pub fn refusal_reasons() -> PossibleValuesParser {
    values(RefusalReason::ALL, RefusalReason::code, |reason| match reason {
        RefusalReason::NotIdentified => text!("The requester did not show who they are"),
        RefusalReason::OutOfScope => text!("The requester may not ask for these records"),
        RefusalReason::NoLegalBasis => text!("Purpose or legal basis do not carry it"),
        RefusalReason::Secrecy => text!("The law or an order demands secrecy"),
        RefusalReason::Destroyed => text!("The records were destroyed when their time had run"),
        RefusalReason::Expired => text!("Their time has run, and they await destruction"),
        RefusalReason::NotFound => text!("There are no such records"),
        RefusalReason::NotApproved => text!("The people who must approve did not"),
        RefusalReason::Withdrawn => text!("The requester withdrew it"),
    })
}

/// What a request is for, as it is typed.
pub fn purposes() -> PossibleValuesParser {
    values(Purpose::ALL, Purpose::code, |purpose| match purpose {
        Purpose::Audit => text!("An audit that the law demands, or that was agreed"),
        Purpose::TaxInspection => text!("An inspection by a tax authority"),
        Purpose::RegulatoryInspection => text!("An inspection by another supervising authority"),
        Purpose::CourtOrder => text!("An order of a court or an arbitral tribunal"),
        Purpose::Investigation => text!("An order of an investigating authority"),
        Purpose::LegalClaim => text!("A party's own legal claim or defence"),
        Purpose::OwnFile => text!("A client asks for the file of their own matter"),
        Purpose::SubjectAccess => text!("A person asks to see or copy what is held about them"),
        Purpose::Portability => text!("A person asks for their data to be moved to another"),
        Purpose::RelativeOfDeceased => text!("A close relative of somebody who has died asks"),
        Purpose::Liquidation => text!("The firm's liquidator, or who came after it"),
    })
}

/// Kinds of letters, as they are typed.
pub fn notice_kinds() -> PossibleValuesParser {
    values(NoticeKind::ALL, NoticeKind::code, |kind| match kind {
        NoticeKind::Closing => text!("The firm closes: who keeps the data from now on"),
        NoticeKind::Destruction => text!("Records are about to be destroyed"),
        NoticeKind::Answer => text!("An answer to a question, an objection or a complaint"),
    })
}

/// How letters were sent, as it is typed.
pub fn ways() -> PossibleValuesParser {
    values(Way::ALL, Way::code, |way| match way {
        Way::Post => text!("By letter"),
        Way::Email => text!("By electronic mail"),
        Way::Sms => text!("By short message"),
        Way::Publication => text!("Published where those concerned can read it"),
        Way::Hand => text!("Handed over"),
    })
}

/// What somebody wants, as it is typed.
pub fn reply_kinds() -> PossibleValuesParser {
    values(ReplyKind::ALL, ReplyKind::code, |kind| match kind {
        ReplyKind::Question => text!("To know something"),
        ReplyKind::Objection => text!("That something is not done, such as the destruction"),
        ReplyKind::Complaint => text!("That something is put right which was done"),
        ReplyKind::Correction => text!("That data is corrected or completed"),
        ReplyKind::Deletion => text!("That data is deleted"),
    })
}

/// What came of it, as it is typed.
pub fn outcomes() -> PossibleValuesParser {
    values(Outcome::ALL, Outcome::code, |outcome| match outcome {
        Outcome::Upheld => text!("What was asked for is done"),
        Outcome::Rejected => text!("It is not done, for a reason: --explain"),
        Outcome::Answered => text!("There was nothing to decide"),
    })
}
