//! Notices as a keyring keeps them: what was sent, what came back, and whether it was answered in time.
//!
//! Invariant: the list, the register and the journal's entry are one transaction under a new generation, so that no older copy
//! of the keyring undoes it. Spec: `spec/notices.md`, "In the keyring".

use super::OpsError;
use super::custody::Custody;
use super::scope::check_records;
use crate::crypto::kdf::ArchiveId;
use crate::crypto::secret::random_id;
use crate::disclosure::mailing::{Mailing, NoticeKind};
use crate::disclosure::notices::{
    DOCUMENT, NewReply, NotedAnswer, NotedNotice, NotedReply, Notices, NoticesError, Outcome, ReplyKind, Way,
};
use crate::journal::entry::Entry;
use crate::journal::plan::PlannedRecord;
use crate::keyring::{Keyring, KeyringError};
use crate::retention::notice::{SentNotice, Told, is_asked_for, told};
use crate::retention::ranges::Ranges;
use chrono::{DateTime, NaiveDate};
use tr::tr;

/// The notices of a keyring.
///
/// # Errors
/// Those of the keyring; damage.
pub fn read(keyring: &Keyring) -> Result<Notices, OpsError> {
    match keyring.document(DOCUMENT)? {
        Some(bytes) => Ok(Notices::from_bytes(&bytes)?),
        None => Ok(Notices::default()),
    }
}

/// The document that holds them.
///
/// # Errors
/// [`NoticesError::Refused`] when it would be too long.
pub fn document(notices: &Notices) -> Result<(String, Vec<u8>), NoticesError> {
    Ok((DOCUMENT.to_owned(), notices.to_bytes()?))
}

/// A mailing that was noted as sent.
#[derive(Clone, Debug)]
pub struct Sent {
    /// As it was noted.
    pub noted: NotedNotice,
    /// Whether words were given that are about destroyed records, and so were not kept.
    pub words_dropped: bool,
    /// Records that ask for a notice and for which this one does not count: it told another last day than the one of now, or
    /// none.
    pub void: u64,
}

/// Takes note that the mailing in `file` was sent on a day in a way.
///
/// # Errors
/// [`NoticesError`]; an unknown archive or record; those of the register and of the keyring.
pub fn sent(
    custody: &mut Custody,
    (mailing, file): (&Mailing, &[u8]),
    (on, by, note): (NaiveDate, Way, Option<&str>),
) -> Result<Sent, OpsError> {
    let refused = |what: String| OpsError::Notices(NoticesError::Refused(what));
    if mailing.keyring != custody.keyring_id() {
        return Err(refused(tr!("the mailing was made for keyring {keyring}", keyring = hex::encode(mailing.keyring))));
    }
    let now = custody.now();
    let (made, today) = (now.later_day(mailing.made), now.later_day(custody.signing_time()));
    if on > today {
        let what = tr!("it has not come: it is {today}", today = today.to_string());
        return Err(NoticesError::Date { date: on, what }.into());
    }
    if on < made {
        let what = tr!("the mailing was made on {made}", made = made.to_string());
        return Err(NoticesError::Date { date: on, what }.into());
    }
    if mailing.firm != custody.keyring().config().firm {
        return Err(refused(tr!(
            "the mailing is of another firm: {firm}",
            firm = crate::storage::escape(&mailing.firm)
        )));
    }
    let known = mailing.archive.as_ref().map(|archive| custody.keyring().known_archive(archive)).transpose()?.flatten();
    let deposited = known.and_then(|known| DateTime::parse_from_rfc3339(&known.deposited).ok());
    if let Some(deposited) = deposited.map(|time| now.later_day(time.to_utc()))
        && on < deposited
    {
        let what = tr!("the archive was sealed on {day}", day = deposited.to_string());
        return Err(NoticesError::Date { date: on, what }.into());
    }
    let late = is_about_destroyed(custody, mailing.archive.as_ref(), mailing.records.as_ref())?;
    let counted = match mailing.kind {
        NoticeKind::Destruction => Some(counted(custody, mailing)?),
        NoticeKind::Closing | NoticeKind::Answer => None,
    };
    let mut notices = read(custody.keyring())?;
    let (wall, leaf) = (custody.now().reading.wall, custody.keyring().log().size()?);
    let (id, document) = (random_id(), Mailing::identity_of(file));
    notices.note_sent((mailing, document), id, (on, by, note), (wall, leaf))?;
    if late {
        notices.forget_words_of(&id);
    }
    let noted = notices.notices().last().expect("it was just noted").clone();
    let entry = Entry::Notice {
        notice: id,
        kind: mailing.kind.code().into(),
        archive: mailing.archive,
        records: mailing.records.clone(),
        letters: noted.letters,
        by: by.code().into(),
        on,
        document,
    };
    custody.change(|register, now, update| {
        if let (Some(counted), Some(archive), Some(records)) = (&counted, mailing.archive, mailing.records.clone()) {
            let told = counted.told.clone();
            register.record_notice(SentNotice { id, archive, records, on, told }, now.later_day(now.reading.wall))?;
        }
        update.documents.push(self::document(&notices)?);
        Ok(((), vec![entry]))
    })?;
    let void = counted.map_or(0, |counted| counted.void);
    Ok(Sent { noted, words_dropped: late && note.is_some(), void })
}

/// For which of its records a mailing about destruction counts, and until which day.
struct Counted {
    told: Vec<Told>,
    void: u64,
}

/// The mailing is a file that anybody may have changed: a day after the last one of now, or of a record that has none, is not taken
/// from it, so that no day to come can make it count.
fn counted(custody: &Custody, mailing: &Mailing) -> Result<Counted, OpsError> {
    let (Some(archive), Some(records)) = (&mailing.archive, &mailing.records) else {
        return Ok(Counted { told: Vec::new(), void: 0 });
    };
    let (mut days, mut void) = (Vec::new(), 0);
    custody.for_records(archive, records, |judge, view, _| {
        let said = mailing.told.iter().find(|told| told.records.contains(view.record)).map(|told| told.until);
        let last = judge.standing(view).last_day();
        void += u64::from(view.live && said != last && is_asked_for(view.retention));
        if let Some(said) = said.filter(|said| view.live && last.is_some_and(|last| *said <= last)) {
            days.push((view.record, said));
        }
        Ok(())
    })?;
    Ok(Counted { told: told(days), void })
}

/// Takes note of what somebody asked, objected or complained. What names a notice is about its archive and records.
///
/// # Errors
/// [`NoticesError`]; an unknown archive or record; those of the keyring.
pub fn reply(custody: &mut Custody, new: NewReply) -> Result<(NotedReply, bool), OpsError> {
    let mut notices = read(custody.keyring())?;
    let late = is_about_destroyed(custody, new.archive.as_ref(), new.records.as_ref())?;
    let (wall, leaf, today) = (custody.now().reading.wall, custody.keyring().log().size()?, custody.now().today());
    let id = random_id();
    notices.note_reply(&new, id, today, (wall, leaf))?;
    if late {
        notices.forget_words_of(&id);
    }
    let noted = notices.replies().last().expect("it was just noted").clone();
    let entry = Entry::Reply {
        reply: id,
        notice: noted.notice,
        kind: noted.kind.code().into(),
        archive: noted.archive,
        records: noted.records.clone(),
        received: noted.received,
        due: noted.due,
    };
    custody.change(|_, _, update| {
        update.documents.push(document(&notices)?);
        Ok(((), vec![entry]))
    })?;
    Ok((noted, late && new.text.is_some()))
}

/// Takes note of the answer to a reply, of which `id` is the beginning.
///
/// # Errors
/// [`NoticesError`]; those of the keyring.
pub fn answer(
    custody: &mut Custody,
    id: &str,
    (on, outcome, explanation): (NaiveDate, Outcome, Option<&str>),
) -> Result<(NotedReply, bool), OpsError> {
    let mut notices = read(custody.keyring())?;
    let (leaf, today) = (custody.keyring().log().size()?, custody.now().today());
    let answer = NotedAnswer { outcome, on, leaf, explanation: explanation.map(str::to_owned) };
    let reply = notices.note_answer(id, answer, today)?.clone();
    let late = is_about_destroyed(custody, reply.archive.as_ref(), reply.records.as_ref())?;
    if late {
        notices.forget_words_of(&reply.reply);
    }
    let entry = Entry::Answer { reply: reply.reply, outcome: outcome.code().into(), on };
    custody.change(|_, _, update| {
        update.documents.push(document(&notices)?);
        Ok(((), vec![entry]))
    })?;
    Ok((notices.reply(&hex::encode(reply.reply))?.clone(), late && explanation.is_some()))
}

/// Whether one of the records, or, where none is named, every record that it may be about is destroyed: words about them would go
/// with no destruction to come.
fn is_about_destroyed(
    custody: &Custody,
    archive: Option<&ArchiveId>,
    records: Option<&Ranges>,
) -> Result<bool, OpsError> {
    if let Some(archive) = archive
        && custody.keyring().known_archive(archive)?.is_none()
    {
        return Err(KeyringError::UnknownArchive(hex::encode(archive)).into());
    }
    let (mut live, mut destroyed) = (false, false);
    let mut look = |is_live: bool| {
        live |= is_live;
        destroyed |= !is_live;
        Ok(())
    };
    match (archive, records) {
        (Some(archive), Some(records)) => {
            check_records(custody.keyring(), archive, records)?;
            custody.for_records(archive, records, |_, view, _| look(view.live))?;
            Ok(destroyed)
        }
        (archive, _) => {
            custody.for_each_record(archive, |_, view, _| look(view.live))?;
            Ok(destroyed && !live)
        }
    }
}

/// Replies at a glance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Replies without an answer.
    pub open: u64,
    /// Of those, replies whose last day for an answer is over.
    pub overdue: u64,
}

/// Counts replies.
///
/// # Errors
/// Those of the keyring.
pub fn summary(custody: &Custody) -> Result<Summary, OpsError> {
    let (notices, today) = (read(custody.keyring())?, today(custody));
    let overdue = notices.open().filter(|reply| reply.is_overdue(today)).count() as u64;
    Ok(Summary { open: notices.open().count() as u64, overdue })
}

/// The day by which replies are judged: never before what the clock showed once.
pub fn today(custody: &Custody) -> NaiveDate {
    custody.now().day(custody.signing_time())
}

/// Of records that are to be destroyed, how many somebody objects to whom nobody has answered.
///
/// # Errors
/// Those of the keyring.
pub fn objected<'p>(custody: &Custody, planned: impl Iterator<Item = &'p PlannedRecord>) -> Result<u64, OpsError> {
    let notices = read(custody.keyring())?;
    let wants_it_kept = |reply: &&NotedReply| matches!(reply.kind, ReplyKind::Objection | ReplyKind::Complaint);
    let open: Vec<&NotedReply> = notices.open().filter(wants_it_kept).collect();
    Ok(planned.filter(|of| open.iter().any(|reply| reply.is_about(&of.archive, of.record))).count() as u64)
}

/// Objections and complaints that nobody has answered, whatever they are about.
///
/// # Errors
/// Those of the keyring.
pub fn open_objections(custody: &Custody) -> Result<u64, OpsError> {
    let notices = read(custody.keyring())?;
    let open = notices.open().filter(|reply| matches!(reply.kind, ReplyKind::Objection | ReplyKind::Complaint));
    Ok(open.count() as u64)
}
