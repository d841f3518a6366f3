//! One notice that was sent, one reply to it and its answer, as a keyring notes them.
//!
//! Invariant: each can forget its words and stays whole without them. Spec: `spec/notices.md`, "In the keyring".

use super::conditions::check_text;
use super::mailing::NoticeKind;
use super::request::check_records;
use crate::crypto::hash::Hash;
use crate::crypto::kdf::ArchiveId;
use crate::retention::is_plain_date;
use crate::retention::ranges::Ranges;
use crate::retention::scope::hex_option;
use crate::storage::document::is_plain_time;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use tr::tr;

/// How a notice was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// By letter.
    Post,
    /// By electronic mail.
    Email,
    /// By short message.
    Sms,
    /// Published where those concerned can read it.
    Publication,
    /// Handed over.
    Hand,
}

impl Way {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Post, Self::Email, Self::Sms, Self::Publication, Self::Hand];

    /// The code that stands in files.
    pub fn code(self) -> &'static str {
        match self {
            Self::Post => "post",
            Self::Email => "email",
            Self::Sms => "sms",
            Self::Publication => "publication",
            Self::Hand => "hand",
        }
    }

    /// What people call it, without its code.
    pub fn words(self) -> String {
        match self {
            Self::Post => tr!("sent by" => "post"),
            Self::Email => tr!("sent by" => "email"),
            Self::Sms => tr!("sent by" => "sms"),
            Self::Publication => tr!("sent by" => "publication"),
            Self::Hand => tr!("sent by" => "hand"),
        }
    }
}

/// What somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplyKind {
    /// To know something.
    Question,
    /// That something is not done, such as the destruction.
    Objection,
    /// That something is put right which was done.
    Complaint,
    /// That data is corrected or completed.
    Correction,
    /// That data is deleted.
    Deletion,
}

impl ReplyKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Question, Self::Objection, Self::Complaint, Self::Correction, Self::Deletion];

    /// The code that stands in files.
    pub fn code(self) -> &'static str {
        match self {
            Self::Question => "question",
            Self::Objection => "objection",
            Self::Complaint => "complaint",
            Self::Correction => "correction",
            Self::Deletion => "deletion",
        }
    }
}

/// How a reply was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// What was asked for is done.
    Upheld,
    /// It is not done, for a reason.
    Rejected,
    /// There was nothing to decide.
    Answered,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Upheld, Self::Rejected, Self::Answered];

    /// The code that stands in files.
    pub fn code(self) -> &'static str {
        match self {
            Self::Upheld => "upheld",
            Self::Rejected => "rejected",
            Self::Answered => "answered",
        }
    }
}

/// A notice that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotedNotice {
    /// Which: 16 random bytes, other than those of the mailing, which may be sent in several ways.
    #[serde(with = "hex::serde")]
    pub notice: [u8; 16],
    /// The mailing.
    #[serde(with = "hex::serde")]
    pub mailing: [u8; 16],
    /// SHA-256 of the mailing's file.
    #[serde(with = "hex::serde")]
    pub document: Hash,
    /// SHA-256 of the template; gone with the first of the records, since a template may name somebody.
    #[serde(with = "hex_option", default, skip_serializing_if = "Option::is_none")]
    pub template: Option<Hash>,
    /// What it is for.
    pub kind: NoticeKind,
    /// The archive, where it is about records.
    #[serde(with = "hex_option", default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<ArchiveId>,
    /// The records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<Ranges>,
    /// Number of letters.
    pub letters: u64,
    /// On which day it was sent.
    pub on: NaiveDate,
    /// How.
    pub by: Way,
    /// When that was noted.
    pub noted: DateTime<Utc>,
    /// The index of the journal's entry.
    pub leaf: u64,
    /// Anything else, in words; gone with the first of the records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Something that came from somebody whose data the records hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotedReply {
    /// Which: 16 random bytes.
    #[serde(with = "hex::serde")]
    pub reply: [u8; 16],
    /// The notice that it replies to.
    #[serde(with = "hex_option", default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<[u8; 16]>,
    /// The archive, where that is known.
    #[serde(with = "hex_option", default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<ArchiveId>,
    /// The records, where they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<Ranges>,
    /// What is wanted.
    pub kind: ReplyKind,
    /// On which day it came.
    pub received: NaiveDate,
    /// The last day for the answer.
    pub due: NaiveDate,
    /// When it was noted.
    pub noted: DateTime<Utc>,
    /// The index of the journal's entry.
    pub leaf: u64,
    /// What it says; gone with the first of the records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The answer; none yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<NotedAnswer>,
}

/// An answer to a reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotedAnswer {
    /// What came of it.
    pub outcome: Outcome,
    /// On which day it was given.
    pub on: NaiveDate,
    /// The index of the journal's entry.
    pub leaf: u64,
    /// Why, in words; gone with the first of the records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
}

/// What `keepuntil notice reply` is told.
#[derive(Clone, Debug)]
pub struct NewReply {
    /// The notice that it replies to.
    pub notice: Option<[u8; 16]>,
    /// The archive, where that is known.
    pub archive: Option<ArchiveId>,
    /// The records, where they are known.
    pub records: Option<Ranges>,
    /// What is wanted.
    pub kind: ReplyKind,
    /// On which day it came.
    pub received: NaiveDate,
    /// The last day for the answer; [`DEFAULT_DAYS`](super::notices::DEFAULT_DAYS) later where nobody says.
    pub due: Option<NaiveDate>,
    /// What it says.
    pub text: Option<String>,
}

impl NotedNotice {
    pub(super) fn forget(&mut self) -> bool {
        self.note.take().is_some() | self.template.take().is_some()
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if self.archive.is_some() != self.records.is_some() || self.letters == 0 {
            return Err(tr!("a notice has an archive without records, or no letters"));
        }
        self.records.as_ref().map_or(Ok(()), check_records)?;
        self.note.as_deref().map_or(Ok(()), |note| check_text("note", note))?;
        plain(self.noted, &[self.on])
    }
}

impl NotedReply {
    /// Whether its answer should have been given before this day.
    pub fn is_overdue(&self, today: NaiveDate) -> bool {
        self.answer.is_none() && self.due < today
    }

    /// Whether it is, or may be, about a record.
    pub fn is_about(&self, archive: &ArchiveId, record: u64) -> bool {
        self.archive == Some(*archive) && self.records.as_ref().is_none_or(|records| records.contains(record))
    }

    pub(super) fn forget(&mut self) -> bool {
        let explanation = self.answer.as_mut().and_then(|answer| answer.explanation.take());
        self.text.take().is_some() | explanation.is_some()
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if self.records.is_some() && self.archive.is_none() {
            return Err(tr!("a reply is about records of no archive"));
        }
        self.records.as_ref().map_or(Ok(()), check_records)?;
        self.text.as_deref().map_or(Ok(()), |text| check_text("text", text))?;
        if let Some(answer) = &self.answer {
            answer.explanation.as_deref().map_or(Ok(()), |text| check_text("explanation", text))?;
            plain(self.noted, &[answer.on])?;
        }
        plain(self.noted, &[self.received, self.due])
    }
}

fn plain(time: DateTime<Utc>, dates: &[NaiveDate]) -> Result<(), String> {
    match is_plain_time(time) && dates.iter().all(|date| is_plain_date(*date)) {
        true => Ok(()),
        false => Err(tr!("a time of it is not in whole seconds, or a year has not four digits")),
    }
}
