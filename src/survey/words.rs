//! Words for what a survey found: kinds of file, findings, rules.

use super::facts::Read;
use super::finding::{Finding, Findings};
use super::kind::Kind;
use super::proposal::Taken;
use crate::language::{Language, language};
use crate::retention::rule::{Length, Rule};
use tr::tr;

/// Of two texts that are data, the one in the language of the moment; English where there is no other.
pub(super) fn titled<'a>(english: &'a str, chinese: Option<&'a str>) -> &'a str {
    chinese.filter(|_| language() == Language::Chinese).unwrap_or(english)
}

/// What a rule is called.
fn title(rule: &Rule) -> &str {
    titled(&rule.title, rule.title_zh.as_deref())
}

/// How long a rule asks for.
pub(super) fn rule(rule: &Rule) -> String {
    tr!(
        "{title} ({citation}): {period}. All of it: keepuntil rules {id}",
        title = title(rule),
        citation = rule.citation.as_deref().unwrap_or_default(),
        period = match rule.period {
            Some(Length::Permanent) => tr!("permanent"),
            Some(length) => length.to_string(),
            None => String::new(),
        },
        id = rule.id
    )
}

/// A rule that needs something.
pub(super) fn open_rule(rule: &Rule) -> String {
    tr!(
        "perhaps {title} ({citation}); if so, fill in what is open and take these lines instead:",
        title = title(rule),
        citation = rule.citation.as_deref().unwrap_or_default()
    )
}

/// What the law says of personal data that no rule asks to keep.
pub(super) fn shortest(jurisdiction: &str) -> Option<String> {
    match jurisdiction {
        "cn" => Some(tr!(
            "personal data that no rule asks to keep may be kept only as long as its purpose needs (个人信息保护法 arts 19, 47): decide soon"
        )),
        "de" | "eu" | "uk" => Some(tr!(
            "personal data that no rule asks to keep may be kept only as long as its purpose needs (GDPR art 5(1)(e)): decide soon"
        )),
        _ => None,
    }
}

/// What was found, with counts.
pub fn found(findings: &Findings) -> Option<String> {
    let list: Vec<String> = findings.found().map(|(found, count)| format!("{} {count}", finding(found))).collect();
    (!list.is_empty()).then(|| tr!("found: {list}", list = list.join(&comma())))
}

/// What a part of the policy takes, with counts of its own.
pub fn taken(taken: &Taken) -> String {
    let list: Vec<String> =
        taken.findings.found().map(|(found, count)| format!("{} {count}", finding(found))).collect();
    match list.as_slice() {
        [] => tr!("takes {n} file" | "takes {n} files" % taken.files),
        list => tr!(
            "takes {n} file; found in it: {list}" | "takes {n} files; found in them: {list}" % taken.files,
            list = list.join(&comma())
        ),
    }
}

/// What stands between things that were found.
pub fn comma() -> String {
    tr!("survey" => ", ")
}

/// Files that were not read.
pub(super) fn not_read(how: Read, count: u64) -> String {
    tr!("files {how}: {count}", how = read(how), count = count)
}

/// How a file was read.
pub fn read(read: Read) -> String {
    match read {
        Read::Whole => tr!("files" => "read"),
        Read::Part => tr!("files" => "read in part"),
        Read::TooLarge => tr!("files" => "too large to be read"),
        Read::NotText => tr!("files" => "without text that can be read"),
        Read::Damaged => tr!("files" => "damaged, or of an unknown form"),
        Read::Encrypted => tr!("files" => "encrypted: who has the password?"),
        Read::Failed => tr!("files" => "could not be opened"),
    }
}

/// What was found.
fn finding(finding: Finding) -> String {
    match finding {
        Finding::ResidentId => tr!("finding" => "resident ids"),
        Finding::PossibleResidentId => tr!("finding" => "possible resident ids of 15 digits"),
        Finding::Mobile => tr!("finding" => "mobile numbers"),
        Finding::BankCard => tr!("finding" => "bank cards"),
        Finding::Passport => tr!("finding" => "passports"),
        Finding::Email => tr!("finding" => "e-mail addresses"),
        Finding::Iban => tr!("finding" => "IBANs"),
        Finding::PersonalColumn => tr!("finding" => "columns of personal data"),
        Finding::CreditCode => tr!("finding" => "social credit codes"),
    }
}

/// A kind of file.
pub fn kind(kind: Kind) -> String {
    match kind {
        Kind::Text => tr!("files" => "text"),
        Kind::Table => tr!("files" => "tables (csv)"),
        Kind::Markup => tr!("files" => "xml, html, json"),
        Kind::Mail => tr!("files" => "mail"),
        Kind::Document => tr!("files" => "documents"),
        Kind::Spreadsheet => tr!("files" => "spreadsheets"),
        Kind::Slides => tr!("files" => "slides"),
        Kind::Pdf => "PDF".into(),
        Kind::OldOffice => tr!("files" => "old Office files"),
        Kind::Ofd => "OFD".into(),
        Kind::Image => tr!("files" => "pictures"),
        Kind::Media => tr!("files" => "sound and film"),
        Kind::Packed => tr!("files" => "packed files"),
        Kind::Database => tr!("files" => "databases"),
        Kind::Program => tr!("files" => "programs"),
        Kind::Encrypted => tr!("files" => "encrypted files"),
        Kind::Empty => tr!("files" => "empty files"),
        Kind::Other => tr!("files" => "others"),
    }
}
