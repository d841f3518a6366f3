//! The disclosure policy: who may be granted what for which purposes, and how many people must approve, by class.
//!
//! Invariant: what it does not allow is forbidden; of several entries for one requester any one that allows a record
//! suffices. Spec: `spec/disclosure.md`, "Policy".

use super::entry::check_principal;
use super::purpose::Purpose;
use super::roster::Roster;
use super::{grant, namespace};
use crate::crypto::hash::{Hash, sha256};
use crate::crypto::kdf::ArchiveId;
use crate::language::misfit::Misfit;
use crate::language::{said, text};
use crate::retention::ranges::Ranges;
use crate::retention::term::is_code;
use crate::retention::{Class, is_plain_date, parse_date};
use crate::storage::escape;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;
use std::collections::BTreeSet;
use toml::Spanned;
use tr::tr;

/// Bytes of a policy, at most.
pub const MAX_TEXT: usize = 256 << 10;
/// Requesters in a policy, at most.
pub const MAX_REQUESTERS: usize = 1000;
/// Elements of one list in it, at most.
const MAX_LISTED: usize = 64;

/// A policy that cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DisclosurePolicyError {
    /// The text is too long, or too many requesters are in it.
    #[error("{}", tr!("disclosure policy: {}", said(_0)))]
    Size(&'static str),
    /// A part of it makes no sense.
    #[error("{}", tr!("disclosure policy: line {line}: {what}", line = line, what = what))]
    Line {
        /// Which, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// It is not the TOML that is expected.
    #[error("{}", tr!("disclosure policy: line {line}: {what}", line = line, what = what))]
    Toml {
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
        /// What was probably meant.
        misfit: Option<Misfit>,
    },
}

/// Who may be granted what, and who must agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisclosurePolicy {
    text: String,
    approvals: Approvals,
    requesters: Vec<Requester>,
}

/// How many distinct people must approve, by class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Approvals {
    public: u32,
    sensitive: u32,
    confidential: u32,
}

/// One `[[requester]]`: everything that it names narrows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requester {
    /// The name on the roster.
    pub principal: String,
    /// What for; `None`: all purposes.
    pub purposes: Option<Vec<Purpose>>,
    /// Of which classes; `None`: of all.
    pub classes: Option<Vec<Class>>,
    /// In compartments of which names; `None`: in all.
    pub compartments: Option<Vec<String>>,
    /// Of which archive; `None`: of all.
    pub archive: Option<ArchiveId>,
    /// With which numbers; only with an archive.
    pub records: Option<Ranges>,
    /// The last day on which anything may be granted; `None`: no end.
    pub until: Option<NaiveDate>,
    /// The line on which it begins, from 1.
    pub line: usize,
}

/// A record as somebody asks for it.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Who, by the name on the roster.
    pub principal: &'a str,
    /// What for.
    pub purpose: Purpose,
    /// The archive.
    pub archive: &'a ArchiveId,
    /// Its number.
    pub record: u64,
    /// Its compartment's name.
    pub compartment: &'a str,
    /// Its compartment's class.
    pub class: Class,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    #[serde(default)]
    approvals: ApprovalsFile,
    #[serde(default, rename = "requester")]
    requesters: Vec<Spanned<RequesterFile>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ApprovalsFile {
    public: Option<Spanned<u32>>,
    sensitive: Option<Spanned<u32>>,
    confidential: Option<Spanned<u32>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequesterFile {
    principal: Spanned<String>,
    purposes: Option<Spanned<Vec<Purpose>>>,
    classes: Option<Spanned<Vec<Class>>>,
    compartments: Option<Spanned<Vec<String>>>,
    archive: Option<Spanned<String>>,
    records: Option<Spanned<String>>,
    until: Option<Spanned<Day>>,
}

/// A date as TOML has it, or in quotes as in other policies.
#[derive(Deserialize)]
#[serde(untagged)]
enum Day {
    Date(toml::value::Datetime),
    Text(String),
}

impl DisclosurePolicy {
    /// Reads a policy.
    ///
    /// # Errors
    /// [`DisclosurePolicyError`] names the line that is wrong.
    pub fn parse(text: &[u8]) -> Result<Self, DisclosurePolicyError> {
        if text.len() > MAX_TEXT {
            return Err(DisclosurePolicyError::Size(text!("it is longer than 262,144 bytes")));
        }
        let line = |at: usize| 1 + text[..at.min(text.len())].iter().filter(|&&byte| byte == b'\n').count();
        let fault = |at: usize, what: String| DisclosurePolicyError::Line { line: line(at), what };
        let utf8 = std::str::from_utf8(text).map_err(|e| fault(e.valid_up_to(), tr!("it is not UTF-8")))?;
        for (index, words) in utf8.split('\n').enumerate() {
            let plain = words.replace('\t', " ");
            if escape(&plain) != plain {
                let what = tr!("it has a control, bidirectional or invisible character");
                return Err(DisclosurePolicyError::Line { line: index + 1, what });
            }
        }
        let file: PolicyFile = toml::from_str(utf8).map_err(|e| DisclosurePolicyError::Toml {
            line: line(e.span().map_or(0, |span| span.start)),
            what: first_words(&crate::language::of_library(e.message())),
            misfit: Misfit::of(&e, utf8),
        })?;
        if file.requesters.len() > MAX_REQUESTERS {
            return Err(DisclosurePolicyError::Size(text!("more than 1000 requesters are in it")));
        }
        let approvals = Approvals::read(&file.approvals).map_err(|(at, what)| fault(at, what))?;
        let requester = |spanned: Spanned<RequesterFile>| {
            let begins = line(spanned.span().start);
            Requester::read(spanned.into_inner(), begins).map_err(|(at, what)| fault(at, what))
        };
        let requesters = file.requesters.into_iter().map(requester).collect::<Result<_, _>>()?;
        Ok(Self { text: utf8.to_owned(), approvals, requesters })
    }

    /// The text as it stands.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What the journal says of it.
    pub fn hash(&self) -> Hash {
        sha256(&[self.text.as_bytes()])
    }

    /// Its entries, in its order.
    pub fn requesters(&self) -> &[Requester] {
        &self.requesters
    }

    /// How many distinct people must approve the disclosure of a record of this class.
    pub fn approvals(&self, class: Class) -> u32 {
        match class {
            Class::Public => self.approvals.public,
            Class::Sensitive => self.approvals.sensitive,
            Class::Confidential => self.approvals.confidential,
        }
    }

    /// Whether anything may be granted to somebody on a day: `false` means that they need not ask.
    pub fn may_ask(&self, principal: &str, today: NaiveDate) -> bool {
        self.requesters.iter().any(|requester| requester.principal == principal && requester.is_current(today))
    }

    /// Whether one record may be granted on a day.
    pub fn allows(&self, asked: &Asked<'_>, today: NaiveDate) -> bool {
        self.requesters.iter().any(|requester| requester.is_current(today) && requester.covers(asked))
    }

    /// What does not work under a roster at a time, in words: requesters who cannot sign, and classes for which too few
    /// people are left to approve. Nothing when all works.
    pub fn findings(&self, roster: &Roster, at: DateTime<Utc>) -> Vec<String> {
        let able = |wanted: &str| -> BTreeSet<&str> {
            let entries = roster.entries().iter().filter(|entry| entry.may_sign(wanted) && entry.is_valid(at));
            entries.map(|entry| entry.principal.as_str()).collect()
        };
        let (people, requesters, approvers) = (roster.people(), able(namespace::REQUEST), able(namespace::APPROVAL));
        let mut findings = Vec::new();
        for Requester { principal, classes, line, .. } in &self.requesters {
            if !people.contains(principal.as_str()) {
                findings.push(tr!("line {line}: {principal} is not on the roster", line = line, principal = principal));
                continue;
            }
            if !requesters.contains(principal.as_str()) {
                let wanted = namespace::REQUEST;
                findings.push(tr!(
                    "line {line}: {principal} has no key that is valid now and may sign {wanted}",
                    line = line,
                    principal = principal,
                    wanted = wanted
                ));
            }
            let all = [Class::Public, Class::Sensitive, Class::Confidential];
            let left = approvers.iter().filter(|approver| *approver != principal).count();
            for class in classes.as_deref().unwrap_or(&all) {
                let needed = self.approvals(*class);
                if left < needed as usize {
                    let class = class.as_str();
                    findings.push(tr!("line {line}: {needed} people must approve {class} records, but besides {principal} the roster has {left} who can now", line = line, needed = needed, class = class, principal = principal, left = left));
                }
            }
        }
        findings
    }
}

impl Approvals {
    fn read(file: &ApprovalsFile) -> Result<Self, (usize, String)> {
        let number = |given: &Option<Spanned<u32>>, default: u32| match given {
            Some(number) if *number.get_ref() as usize > grant::MAX_APPROVALS => {
                Err((number.span().start, tr!("more than {} people", grant::MAX_APPROVALS)))
            }
            Some(number) => Ok(*number.get_ref()),
            None => Ok(default),
        };
        Ok(Self {
            public: number(&file.public, 0)?,
            sensitive: number(&file.sensitive, 1)?,
            confidential: number(&file.confidential, 2)?,
        })
    }
}

impl Requester {
    fn read(file: RequesterFile, line: usize) -> Result<Self, (usize, String)> {
        let principal = check(file.principal, |name: String| check_principal(&name).map(|()| name))?;
        let archive = optional(file.archive, |text: String| {
            let mut id = ArchiveId::default();
            let plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'));
            let read = plain && hex::decode_to_slice(&text, &mut id).is_ok();
            read.then_some(id).ok_or_else(|| tr!("archive: it is not an id of 32 hex digits"))
        })?;
        let records = optional(file.records, |text: String| {
            let records: Ranges = text.parse()?;
            match (archive, records.is_empty()) {
                (None, _) => Err(tr!("records: they are numbered within an archive, and it names none")),
                (_, true) => Err(tr!("records: there are none")),
                _ => Ok(records),
            }
        })?;
        let until = optional(file.until, |day: Day| {
            let date = match day {
                Day::Date(date) => date.to_string(),
                Day::Text(text) => text,
            };
            parse_date(&date).ok().filter(|date| is_plain_date(*date)).ok_or_else(|| {
                tr!(
                    "until: {} is not a date such as 2030-12-31",
                    format!("{:?}", date.chars().take(40).collect::<String>())
                )
            })
        })?;
        let compartments = optional(file.compartments, |names: Vec<String>| {
            let names = list("compartments", names)?;
            match names.iter().find(|name| !is_code(name)) {
                Some(_) => Err(tr!("compartments: no compartment has such a name")),
                None => Ok(names),
            }
        })?;
        let purposes = optional(file.purposes, |purposes| list("purposes", purposes))?;
        let classes = optional(file.classes, |classes| list("classes", classes))?;
        Ok(Self { principal, purposes, classes, compartments, archive, records, until, line })
    }

    fn is_current(&self, today: NaiveDate) -> bool {
        self.until.is_none_or(|until| today <= until)
    }

    fn covers(&self, asked: &Asked<'_>) -> bool {
        self.principal == asked.principal
            && self.purposes.as_ref().is_none_or(|purposes| purposes.contains(&asked.purpose))
            && self.classes.as_ref().is_none_or(|classes| classes.contains(&asked.class))
            && self.compartments.as_ref().is_none_or(|names| names.iter().any(|name| name == asked.compartment))
            && self.archive.is_none_or(|archive| archive == *asked.archive)
            && self.records.as_ref().is_none_or(|records| records.contains(asked.record))
    }
}

/// Takes a value that must satisfy something; what is wrong is told with its place.
fn check<T, U>(spanned: Spanned<T>, read: impl FnOnce(T) -> Result<U, String>) -> Result<U, (usize, String)> {
    let at = spanned.span().start;
    read(spanned.into_inner()).map_err(|what| (at, what))
}

fn optional<T, U>(
    spanned: Option<Spanned<T>>,
    read: impl FnOnce(T) -> Result<U, String>,
) -> Result<Option<U>, (usize, String)> {
    spanned.map(|spanned| check(spanned, read)).transpose()
}

/// A list that narrows: an empty one would allow nothing, and is a mistake.
fn list<T: PartialEq>(what: &str, elements: Vec<T>) -> Result<Vec<T>, String> {
    if elements.is_empty() || elements.len() > MAX_LISTED {
        return Err(tr!("{what}: it has none, or more than {max_listed}", what = what, max_listed = MAX_LISTED));
    }
    if elements.iter().enumerate().any(|(index, element)| elements[..index].contains(element)) {
        return Err(tr!("{what}: one of them stands twice", what = what));
    }
    Ok(elements)
}

/// What the parser says, on one line and not as long as what a stranger wrote.
fn first_words(message: &str) -> String {
    escape(&message.replace('\n', ", ")).chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"# who may ask
[approvals]
confidential = 3

[[requester]]
principal = "auditor@cpa.example"
purposes = ["audit"]
classes = ["public", "sensitive"]
compartments = ["accounts"]
archive = "0707070707070707070707070707ff07"
records = "1-4,9"
until = 2030-12-31

[[requester]]
principal = "auditor@cpa.example"
purposes = ["court-order"]
"#;

    fn day(text: &str) -> NaiveDate {
        parse_date(text).unwrap()
    }

    fn archive() -> ArchiveId {
        let mut id = [7; 16];
        id[14] = 0xff;
        id
    }

    fn asked(archive: &ArchiveId) -> Asked<'_> {
        let (principal, compartment) = ("auditor@cpa.example", "accounts");
        Asked { principal, purpose: Purpose::Audit, archive, record: 9, compartment, class: Class::Sensitive }
    }

    fn fault(text: &str) -> (usize, String) {
        match DisclosurePolicy::parse(text.as_bytes()) {
            Err(DisclosurePolicyError::Line { line, what } | DisclosurePolicyError::Toml { line, what, .. }) => {
                (line, what)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn all_that_an_entry_names_must_fit_and_one_entry_suffices() {
        let policy = DisclosurePolicy::parse(POLICY.as_bytes()).unwrap();
        assert_eq!(policy.requesters()[0].line, 5);
        assert_eq!(policy.hash(), sha256(&[POLICY.as_bytes()]));
        let (archive, other, last) = (archive(), [7; 16], day("2030-12-31"));
        let good = asked(&archive);
        assert!(policy.allows(&good, last));
        assert!(!policy.allows(&good, day("2031-01-01")));
        for bad in [
            Asked { principal: "b@cpa.example", ..good },
            Asked { purpose: Purpose::OwnFile, ..good },
            Asked { archive: &other, ..good },
            Asked { record: 5, ..good },
            Asked { compartment: "clients", ..good },
            Asked { class: Class::Confidential, ..good },
        ] {
            assert!(!policy.allows(&bad, last), "{bad:?}");
        }
        // The second entry narrows nothing but the purpose.
        let order = Asked { purpose: Purpose::CourtOrder, archive: &other, record: 700, ..good };
        assert!(policy.allows(&order, day("2099-01-01")));
        assert!(policy.may_ask("auditor@cpa.example", day("2099-01-01")));
        assert!(!policy.may_ask("b@cpa.example", last));
        assert!(!DisclosurePolicy::parse(b"").unwrap().allows(&good, last));
    }

    #[test]
    fn approvals_go_by_class() {
        let numbers = |text: &str| {
            let policy = DisclosurePolicy::parse(text.as_bytes()).unwrap();
            [Class::Public, Class::Sensitive, Class::Confidential].map(|class| policy.approvals(class))
        };
        assert_eq!(numbers(""), [0, 1, 2]);
        assert_eq!(numbers(POLICY), [0, 1, 3]);
        assert_eq!(numbers("[approvals]\npublic = 64\nsensitive = 0\n"), [64, 0, 2]);
        assert_eq!(fault("\n[approvals]\nsensitive = 65\n").0, 3);
        assert_eq!(fault("[approvals]\nsensitive = -1\n").0, 2);
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_line() {
        for (from, to, line) in [
            ("purposes = [\"audit\"]", "purposes = [\"curiosity\"]", 7),
            ("purposes = [\"audit\"]", "purposes = []", 7),
            ("purposes = [\"audit\"]", "purposes = [\"audit\", \"audit\"]", 7),
            ("\"public\", ", "\"secret\", ", 8),
            ("[\"accounts\"]", "[\"Accounts\"]", 9),
            ("0707070707070707070707070707ff07", "0707070707070707070707070707FF07", 10),
            ("archive = \"0707070707070707070707070707ff07\"", "", 11),
            ("\"1-4,9\"", "\"9,1-4\"", 11),
            ("\"1-4,9\"", "\"1-18446744073709551615\"", 11),
            ("\"1-4,9\"", "\"\"", 11),
            ("2030-12-31", "2030-02-30", 12),
            ("2030-12-31", "2030-12-31T00:00:00Z", 12),
            ("2030-12-31", "\"31.12.2030\"", 12),
            ("until =", "unitl =", 12),
            ("until = 2030-12-31", "records = \"1\"", 12),
            ("auditor@cpa.example", "*@cpa.example", 6),
            ("auditor@cpa.example", "", 6),
            ("auditor@cpa.example", "a\\u202e@cpa.example", 6),
            ("auditor@cpa.example", "a\u{202e}@cpa.example", 6),
            ("# who", "# \u{1b}who", 1),
            ("[approvals]", "[approval]", 2),
            ("confidential = 3", "secret = 3", 3),
        ] {
            let text = POLICY.replacen(from, to, 1);
            assert_ne!(text, POLICY, "{from}");
            assert_eq!(fault(&text).0, line, "{to}: {}", fault(&text).1);
        }
        assert_eq!(
            DisclosurePolicy::parse(b"\n\xff"),
            Err(DisclosurePolicyError::Line { line: 2, what: "it is not UTF-8".into() })
        );
    }

    #[test]
    fn a_date_may_be_quoted() {
        let quoted = POLICY.replace("2030-12-31", "\"2030-12-31\"");
        let policy = DisclosurePolicy::parse(quoted.as_bytes()).unwrap();
        assert_eq!(policy.requesters()[0].until, Some(day("2030-12-31")));
    }

    #[test]
    fn size_is_bounded() {
        let long = format!("#{}", "x".repeat(MAX_TEXT));
        assert!(matches!(DisclosurePolicy::parse(long.as_bytes()), Err(DisclosurePolicyError::Size(_))));
        let entries = |count| "[[requester]]\nprincipal=\"a\"\n".repeat(count);
        assert!(DisclosurePolicy::parse(entries(MAX_REQUESTERS).as_bytes()).is_ok());
        let many = entries(MAX_REQUESTERS + 1);
        assert!(matches!(DisclosurePolicy::parse(many.as_bytes()), Err(DisclosurePolicyError::Size(_))));
        // Nesting costs the parser no stack.
        let deep = format!("a = {}", "[".repeat(200_000));
        assert!(DisclosurePolicy::parse(deep.as_bytes()).is_err());
    }

    #[test]
    fn a_roster_must_have_who_asks_and_who_approves() {
        let key = |n: u8| {
            use base64::{Engine, prelude::BASE64_STANDARD};
            let blob = [&[0, 0, 0, 11][..], b"ssh-ed25519", &[0, 0, 0, 32], &[n; 32]].concat();
            format!("ssh-ed25519 {}", BASE64_STANDARD.encode(blob))
        };
        let at = DateTime::from_timestamp(1_795_365_600, 0).unwrap();
        let policy = DisclosurePolicy::parse(POLICY.as_bytes()).unwrap();
        let roster = |text: String| Roster::parse(text.as_bytes()).unwrap();
        let people = |names: &[&str]| {
            let lines = names.iter().enumerate().map(|(n, name)| format!("{name} {}\n", key(n as u8)));
            roster(lines.collect())
        };
        assert!(policy.findings(&people(&["auditor@cpa.example", "a", "b", "c"]), at).is_empty());
        assert_eq!(policy.findings(&people(&["a", "b", "c"]), at).len(), 2);
        // The auditor may approve, but not for themself.
        let few = policy.findings(&people(&["auditor@cpa.example", "a", "b"]), at);
        assert!(few.len() == 1 && few[0].contains("3 people must approve confidential"), "{few:?}");
        let only = format!("auditor@cpa.example namespaces=\"keepuntil-receipt\" {}\na {}\n", key(1), key(2));
        assert!(policy.findings(&roster(only), at)[0].contains("may sign keepuntil-request"));
    }
}
