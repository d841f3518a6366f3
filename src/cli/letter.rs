//! The letter of a refusal, for people: what was asked, why not, and what can be done about it.
//!
//! Text of 80 columns that prints well. What law it speaks of is Chinese law in Chinese, and none in English.

use super::render::wrapped;
use crate::disclosure::refusal::{Refusal, RefusalReason};
use crate::language::{Language, in_language};
use crate::ops::custody::Now;
use crate::ops::request::Received;
use crate::storage::escape;
use std::path::Path;
use tr::tr;

/// The letter that goes with a refusal in `file`.
pub fn letter(refusal: &Refusal, file: &Path, received: &Received, now: &Now, language: Language) -> String {
    in_language(language, || compose(refusal, file, received, now))
}

fn compose(refusal: &Refusal, file: &Path, received: &Received, now: &Now) -> String {
    let request = &received.request;
    let name = refusal.requester.as_ref().map_or(&request.requester, |requester| &requester.name);
    let meant = match (&request.records, &request.description) {
        (Some(records), _) => records.to_string(),
        (None, description) => description.clone().unwrap_or_default(),
    };
    let mut text = format!("{}\n\n", tr!("Answer to your request for records: refused"));
    for line in [
        tr!("To: {name}", name = escape(name)),
        tr!("From: custodian of the records of {firm}", firm = escape(&refusal.firm)),
        tr!("Date: {date}", date = now.day(refusal.refused)),
        tr!("Number: {number}", number = hex::encode(refusal.refusal)),
    ] {
        text.push_str(&wrapped(&line, 4));
    }
    text.push('\n');
    let asked = tr!(
        "On {made} you asked for records of the archive {archive}: {records}.",
        made = now.day(request.made),
        archive = hex::encode(refusal.archive),
        records = escape(&flat(&meant))
    );
    text.push_str(&wrapped(&asked, 0));
    text.push('\n');
    text.push_str(&wrapped(&tr!("We cannot give them to you, for this reason:"), 0));
    text.push_str(&wrapped(&reason(refusal.reason), 0));
    text.push('\n');
    text.push_str(&wrapped(&tr!("In our own words:"), 0));
    for part in refusal.explanation.split('\n') {
        text.push_str("  ");
        text.push_str(&wrapped(&escape(part), 2));
    }
    text.push_str(&format!("\n{}\n", tr!("What you can do:")));
    for remedy in remedies().lines() {
        text.push_str("- ");
        text.push_str(&wrapped(remedy, 2));
    }
    text.push('\n');
    let name = file.file_name().map_or_else(String::new, |name| escape(&name.to_string_lossy()));
    let proof = tr!(
        "This decision stands in our journal, which cannot be changed unseen. The file {file} that came with this letter \
         carries the proof; anybody can check it without us.",
        file = name
    );
    text.push_str(&wrapped(&proof, 0));
    text.push_str(&format!("  {}\n    {}\n", tr!("SHA-256 of your request:"), hex::encode(refusal.request)));
    let document = tr!("SHA-256 of the refusal, without its proof:");
    text.push_str(&format!("  {document}\n    {}\n", hex::encode(refusal.document())));
    text.push_str(&format!("\n\n{}\n", tr!("Signature: ______________________________")));
    text
}

fn flat(text: &str) -> String {
    text.replace('\n', " ")
}

/// One a line; one text, since each language has as many as its law gives.
fn remedies() -> String {
    tr!(
        "You may ask us to explain this decision, and to look at it again with what you can add: for instance a proof of who \
         you are, the legal basis of your request, or an order of a court.\n\
         A new request is looked at anew.\n\
         Where the records are about you, you may complain to the authority that protects personal data at your place.\n\
         You may go to court."
    )
}

fn reason(reason: RefusalReason) -> String {
    match reason {
        RefusalReason::NotIdentified => {
            tr!("You have not shown who you are, or the signature under the request does not count.")
        }
        RefusalReason::OutOfScope => tr!("These records are not among those that you may ask for."),
        RefusalReason::NoLegalBasis => tr!("The purpose or the legal basis of the request does not carry it."),
        RefusalReason::Secrecy => {
            tr!("The law, or an order of an authority, demands that these records are kept secret.")
        }
        RefusalReason::Destroyed => {
            tr!("The records were destroyed when the time for which they had to be kept was over.")
        }
        RefusalReason::Expired => {
            tr!("The time for which the records had to be kept is over, and they await destruction.")
        }
        RefusalReason::NotFound => tr!("There are no such records with us."),
        RefusalReason::NotApproved => tr!("The people whose approval is needed did not give it."),
        RefusalReason::Withdrawn => tr!("You withdrew the request."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn every_reason_has_words_and_no_line_is_too_long() {
        let request = crate::disclosure::request::Request {
            format: crate::disclosure::request::FORMAT.into(),
            archive: [1; 16],
            records: None,
            description: Some("the file of my late mother\nand her will".into()),
            purpose: crate::disclosure::purpose::Purpose::RelativeOfDeceased,
            explanation: "inheritance".into(),
            legal_basis: None,
            references: Vec::new(),
            identity: Vec::new(),
            wanted_until: "2031-12-31".parse().unwrap(),
            made: "2031-02-03T04:05:06Z".parse().unwrap(),
            requester: "m.zhao@mail.example".into(),
            address: String::new(),
        };
        let received = Received { bytes: Vec::new(), request, hash: [2; 32] };
        let reading = crate::retention::clock::Reading { wall: "2031-02-05T00:00:00Z".parse().unwrap(), boot: None };
        let now = Now { reading, zone: chrono::FixedOffset::east_opt(8 * 3600).unwrap() };
        for why in RefusalReason::ALL {
            let refusal = Refusal {
                format: crate::disclosure::refusal::FORMAT.into(),
                refusal: [3; 16],
                keyring: [4; 16],
                firm: "lantern.example".into(),
                refused: "2031-02-04T20:00:00Z".parse().unwrap(),
                request: [2; 32],
                requester: None,
                archive: [1; 16],
                reason: why,
                explanation:
                    "第一行。\nthe second line, which is long enough to be broken more than once, so that it is seen \
                              where it goes"
                        .into(),
                salt: [5; 16],
                journal: None,
            };
            for language in [Language::English, Language::Chinese] {
                let text = letter(&refusal, Path::new("refusal.json"), &received, &now, language);
                assert!(text.contains("m.zhao@mail.example") && text.contains("2031-02-05"), "{text}");
                let why = in_language(language, || reason(why));
                assert!(text.contains(&why.chars().take(6).collect::<String>()), "{text}");
                for line in text.lines() {
                    assert!(line.width() <= 80 && !line.starts_with(['、', '，', '。']), "{line}");
                }
                assert!(
                    language != Language::Chinese
                        || ["四十五", "四十九", "五十条", "六十五"]
                            .iter()
                            .all(|n| text.replace('\n', "").replace("  ", "").contains(n))
                );
            }
        }
    }
}
