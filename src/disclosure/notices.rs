//! The list of notices that were sent, and of what people answered to them or asked: the sealed document `notices`.
//!
//! Invariant: free texts go with the first record that they are, or may be, about; what was sent, when, and whether it was
//! answered in time stays. Spec: `spec/notices.md`, "In the keyring".

use super::conditions::check_text;
use super::mailing::Mailing;
pub use super::noted_notice::{NewReply, NotedAnswer, NotedNotice, NotedReply, Outcome, ReplyKind, Way};
use crate::crypto::hash::Hash;
use crate::crypto::kdf::ArchiveId;
use crate::retention::ranges::Ranges;
use crate::retention::{is_plain_date, whole_second};
use chrono::{DateTime, Days, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use tr::tr;

/// Name of the sealed document.
pub const DOCUMENT: &str = "notices";
/// Bytes of it, at most.
pub const MAX_NOTICES: usize = 64 << 20;
/// Notices, or replies, at most.
const MAX_NOTED: usize = 1 << 14;
/// Days until a reply has to be answered unless somebody says otherwise: the program's own default, and no law's.
pub const DEFAULT_DAYS: u64 = 30;

/// Something that is not noted, or a document that cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NoticesError {
    /// Not what was stored.
    #[error("{}", tr!("document {document}: {what}", document = DOCUMENT, what = _0))]
    Damaged(String),
    /// The mailing was noted as sent in this way.
    #[error(
        "{}",
        tr!("mailing {mailing}: it was noted as sent by {way} on {on}", mailing = hex::encode(mailing), way = way.words(), on = on.to_string())
    )]
    SentBefore {
        /// Which mailing.
        mailing: [u8; 16],
        /// How.
        way: Way,
        /// When.
        on: NaiveDate,
    },
    /// There is no such notice or reply, or more than one.
    #[error("{}", tr!("no notice or reply has an id that begins with \"{id}\", or more than one has", id = _0))]
    Unknown(String),
    /// It was answered.
    #[error("{}", tr!("reply {reply}: it was answered on {on}", reply = hex::encode(reply), on = on.to_string()))]
    Answered {
        /// Which.
        reply: [u8; 16],
        /// When.
        on: NaiveDate,
    },
    /// A rejection without a reason.
    #[error("{}", tr!("a rejection needs a reason"))]
    Unexplained,
    /// A day that cannot be.
    #[error("{}", tr!("{date}: {what}", date = date.to_string(), what = what))]
    Date {
        /// Which.
        date: NaiveDate,
        /// What is wrong with it.
        what: String,
    },
    /// Something else that cannot be noted.
    #[error("{0}")]
    Refused(String),
}

/// All notices and replies of a keyring.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notices {
    notices: Vec<NotedNotice>,
    replies: Vec<NotedReply>,
}

impl Notices {
    /// As it is stored: JSON, written in one way.
    ///
    /// # Errors
    /// [`NoticesError::Refused`] when it would be too long to be read again.
    pub fn to_bytes(&self) -> Result<Vec<u8>, NoticesError> {
        let bytes = serde_json::to_vec(self).expect("notices are JSON");
        match bytes.len() > MAX_NOTICES {
            true => Err(NoticesError::Refused(tr!("the list of notices would be longer than 67,108,864 bytes"))),
            false => Ok(bytes),
        }
    }

    /// From what [`Notices::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`NoticesError::Damaged`] for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NoticesError> {
        if bytes.len() > MAX_NOTICES {
            return Err(NoticesError::Damaged(tr!("it is too long")));
        }
        let notices: Self =
            serde_json::from_slice(bytes).map_err(|e| NoticesError::Damaged(crate::language::of_library(e)))?;
        notices.check().map_err(NoticesError::Damaged)?;
        match notices.to_bytes()? == bytes {
            true => Ok(notices),
            false => Err(NoticesError::Damaged(tr!("it is not written in the one way"))),
        }
    }

    /// All notices, in the order of noting.
    pub fn notices(&self) -> &[NotedNotice] {
        &self.notices
    }

    /// All replies, in the order of noting.
    pub fn replies(&self) -> &[NotedReply] {
        &self.replies
    }

    /// Replies without an answer.
    pub fn open(&self) -> impl Iterator<Item = &NotedReply> {
        self.replies.iter().filter(|reply| reply.answer.is_none())
    }

    /// The one notice whose id, or whose mailing's id, begins so.
    ///
    /// # Errors
    /// [`NoticesError::Unknown`].
    pub fn notice(&self, start: &str) -> Result<&NotedNotice, NoticesError> {
        let is_it = |id: &[u8; 16]| hex::encode(id).starts_with(start);
        one(self.notices.iter().filter(|notice| is_it(&notice.notice)), start)
            .or_else(|_| one(self.notices.iter().filter(|notice| is_it(&notice.mailing)), start))
    }

    /// The one reply whose id begins so.
    ///
    /// # Errors
    /// [`NoticesError::Unknown`].
    pub fn reply(&self, start: &str) -> Result<&NotedReply, NoticesError> {
        one(self.replies.iter().filter(|reply| hex::encode(reply.reply).starts_with(start)), start)
    }

    /// Takes note that a mailing was sent; `leaf` is the index of its entry in the journal.
    ///
    /// # Errors
    /// [`NoticesError::SentBefore`], [`NoticesError::Date`], [`NoticesError::Refused`].
    pub fn note_sent(
        &mut self,
        (mailing, document): (&Mailing, Hash),
        notice: [u8; 16],
        (on, by, note): (NaiveDate, Way, Option<&str>),
        (noted, leaf): (DateTime<Utc>, u64),
    ) -> Result<&NotedNotice, NoticesError> {
        if let Some(before) = self.notices.iter().find(|other| other.mailing == mailing.mailing && other.by == by) {
            return Err(NoticesError::SentBefore { mailing: mailing.mailing, way: by, on: before.on });
        }
        note.map_or(Ok(()), |note| check_text("note", note)).map_err(NoticesError::Refused)?;
        self.notices.push(NotedNotice {
            notice,
            mailing: mailing.mailing,
            document,
            template: Some(mailing.template),
            kind: mailing.kind,
            archive: mailing.archive,
            records: mailing.records.clone(),
            letters: mailing.letters.len() as u64,
            on,
            by,
            noted: whole_second(noted),
            leaf,
            note: note.map(str::to_owned),
        });
        full(self.notices.len())?;
        Ok(self.notices.last().expect("it was just added"))
    }

    /// Takes note of a reply; `leaf` is the index of its entry in the journal.
    ///
    /// # Errors
    /// [`NoticesError::Date`], [`NoticesError::Refused`].
    pub fn note_reply(
        &mut self,
        new: &NewReply,
        reply: [u8; 16],
        today: NaiveDate,
        (noted, leaf): (DateTime<Utc>, u64),
    ) -> Result<&NotedReply, NoticesError> {
        let NewReply { notice, archive, records, kind, received, due, text } = new.clone();
        not_future(received, today)?;
        let latest = received.checked_add_days(Days::new(DEFAULT_DAYS)).filter(|day| is_plain_date(*day));
        let due = due.or(latest).unwrap_or(received);
        if due < received {
            return Err(NoticesError::Date { date: due, what: tr!("the answer would be due before the reply came") });
        }
        text.as_deref().map_or(Ok(()), |text| check_text("text", text)).map_err(NoticesError::Refused)?;
        let noted = whole_second(noted);
        let answer = None;
        self.replies.push(NotedReply {
            reply,
            notice,
            archive,
            records,
            kind,
            received,
            due,
            noted,
            leaf,
            text,
            answer,
        });
        full(self.replies.len())?;
        Ok(self.replies.last().expect("it was just added"))
    }

    /// Takes note of the answer to a reply; `leaf` is the index of its entry in the journal.
    ///
    /// # Errors
    /// [`NoticesError::Unknown`], [`NoticesError::Answered`], [`NoticesError::Unexplained`], [`NoticesError::Date`],
    /// [`NoticesError::Refused`].
    pub fn note_answer(
        &mut self,
        start: &str,
        answer: NotedAnswer,
        today: NaiveDate,
    ) -> Result<&NotedReply, NoticesError> {
        let id = self.reply(start)?.reply;
        let reply = self.replies.iter_mut().find(|reply| reply.reply == id).expect("it was just found");
        if let Some(before) = &reply.answer {
            return Err(NoticesError::Answered { reply: id, on: before.on });
        }
        if answer.outcome == Outcome::Rejected && answer.explanation.is_none() {
            return Err(NoticesError::Unexplained);
        }
        not_future(answer.on, today)?;
        if answer.on < reply.received {
            return Err(NoticesError::Date { date: answer.on, what: tr!("that is before the reply came") });
        }
        let explained = answer.explanation.as_deref();
        explained.map_or(Ok(()), |text| check_text("explanation", text)).map_err(NoticesError::Refused)?;
        reply.answer = Some(answer);
        Ok(reply)
    }

    /// Forgets, of everything that is or may be about one of these records, the words. For the update that destroys them. How many
    /// entries lost something.
    pub fn forget(&mut self, archive: &ArchiveId, destroyed: &Ranges) -> usize {
        let touches = |of: &Option<ArchiveId>, records: &Option<Ranges>| {
            // What names no archive, or no records, may be about these.
            of.is_none_or(|of| of == *archive)
                && records.as_ref().is_none_or(|records| destroyed.iter().any(|record| records.contains(record)))
        };
        let mut forgotten = 0;
        for notice in self.notices.iter_mut().filter(|notice| touches(&notice.archive, &notice.records)) {
            forgotten += usize::from(notice.forget());
        }
        for reply in self.replies.iter_mut().filter(|reply| touches(&reply.archive, &reply.records)) {
            forgotten += usize::from(reply.forget());
        }
        forgotten
    }

    /// Forgets the words of what was noted last: they are about a record that is destroyed already.
    pub fn forget_words_of(&mut self, id: &[u8; 16]) {
        self.notices.iter_mut().filter(|notice| notice.notice == *id).for_each(|notice| {
            notice.forget();
        });
        self.replies.iter_mut().filter(|reply| reply.reply == *id).for_each(|reply| {
            reply.forget();
        });
    }

    fn check(&self) -> Result<(), String> {
        let notices: HashSet<_> = self.notices.iter().map(|notice| notice.notice).collect();
        let replies: HashSet<_> = self.replies.iter().map(|reply| reply.reply).collect();
        let sent: HashSet<_> = self.notices.iter().map(|notice| (notice.mailing, notice.by.code())).collect();
        let distinct = notices.len() == self.notices.len() && sent.len() == self.notices.len();
        if !distinct || replies.len() != self.replies.len() || notices.len().max(replies.len()) > MAX_NOTED {
            return Err(tr!("an id is there twice, or there are too many"));
        }
        self.notices.iter().try_for_each(NotedNotice::check)?;
        self.replies.iter().try_for_each(NotedReply::check)?;
        let known = |reply: &NotedReply| reply.notice.is_none_or(|notice| notices.contains(&notice));
        match self.replies.iter().all(known) {
            true => Ok(()),
            false => Err(tr!("a reply is to a notice that is not there")),
        }
    }
}

fn one<'n, T>(mut found: impl Iterator<Item = &'n T>, start: &str) -> Result<&'n T, NoticesError> {
    /// Hex digits by which an id can be named, at least.
    const MIN_START: usize = 4;
    match (found.next(), found.next()) {
        (Some(one), None) if start.len() >= MIN_START => Ok(one),
        _ => Err(NoticesError::Unknown(start.chars().take(40).collect())),
    }
}

fn full(noted: usize) -> Result<(), NoticesError> {
    match noted > MAX_NOTED {
        true => Err(NoticesError::Refused(tr!("the list of notices has as many entries as it can"))),
        false => Ok(()),
    }
}

fn not_future(date: NaiveDate, today: NaiveDate) -> Result<(), NoticesError> {
    match date > today {
        true => {
            Err(NoticesError::Date { date, what: tr!("it has not come: it is {today}", today = today.to_string()) })
        }
        false => Ok(()),
    }
}
