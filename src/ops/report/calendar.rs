//! The retention calendar: how many records may be destroyed from when on, and which wait for something else.
//!
//! Invariant: every live record is counted once: by its first day, by the set of events that it waits for, or as permanent.
//! Spec: `spec/reports.md`, "Calendar".

use super::named::NamedArchives;
use crate::crypto::kdf::ArchiveId;
use crate::ops::OpsError;
use crate::ops::custody::Custody;
use crate::ops::notify::{Waits, unheld};
use crate::ops::status::State;
use crate::retention::term::Standing;
use chrono::NaiveDate;
use serde::Serialize;
use std::collections::BTreeMap;

/// By what the records of a day are divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Division {
    /// By class.
    Class,
    /// By rules; those of a record are joined by a space, none is the empty text.
    Rule,
}

/// Records, and what is known of their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sum {
    /// How many.
    #[serde(rename = "record_count")]
    pub records: u64,
    /// Of these: a person must decide before they are destroyed.
    #[serde(rename = "review_count")]
    pub review: u64,
    /// Of these: held now.
    #[serde(rename = "held_count")]
    pub held: u64,
    /// Of these: a notice of destruction has to be sent; what is held needs none now.
    #[serde(rename = "to_notify_count")]
    pub to_notify: u64,
    /// Of those to notify: one was sent that no longer counts.
    #[serde(rename = "void_count")]
    pub notice_void: u64,
    /// Of these: a notice was sent, and its period runs.
    #[serde(rename = "running_count")]
    pub notice_running: u64,
    /// Bytes that those in named archives take up there.
    pub bytes: u64,
}

impl Sum {
    /// What several sums come to together.
    pub fn over<'s>(parts: impl IntoIterator<Item = &'s Self>) -> Self {
        let mut sum = Self::default();
        parts.into_iter().for_each(|part| sum.add(*part));
        sum
    }

    /// Adds another sum.
    pub fn add(&mut self, other: Self) {
        self.records += other.records;
        self.review += other.review;
        self.held += other.held;
        self.to_notify += other.to_notify;
        self.notice_void += other.notice_void;
        self.notice_running += other.notice_running;
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// Live records by when they may be destroyed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    /// By the first day on which they may be destroyed, then by part.
    pub days: BTreeMap<NaiveDate, BTreeMap<String, Sum>>,
    /// Those for which a notice has to be sent and that are not held: by the last day to send it and their first day, then by part.
    pub letters: BTreeMap<(NaiveDate, NaiveDate), BTreeMap<String, Sum>>,
    /// Those that wait for events, by these events, joined by a space.
    pub awaiting: BTreeMap<String, Sum>,
    /// Those that are kept for ever.
    pub permanent: Sum,
    /// All of them.
    pub live: Sum,
    /// Archives whose files were named, so that bytes are known.
    pub measured: u64,
    /// Archives in the keyring.
    pub archives: u64,
}

impl Calendar {
    /// The records whose first day lies in the window, both ends included.
    pub fn within(
        &self,
        from: Option<NaiveDate>,
        until: Option<NaiveDate>,
    ) -> BTreeMap<NaiveDate, BTreeMap<String, Sum>> {
        self.days
            .iter()
            .filter(|(day, _)| is_inside(**day, from, until))
            .map(|(day, parts)| (*day, parts.clone()))
            .collect()
    }

    /// The same records as far as a notice of them has to be sent: by the last day to send it.
    pub fn letters_within(
        &self,
        from: Option<NaiveDate>,
        until: Option<NaiveDate>,
    ) -> BTreeMap<NaiveDate, BTreeMap<String, Sum>> {
        let mut letters: BTreeMap<NaiveDate, BTreeMap<String, Sum>> = BTreeMap::new();
        for ((by, first), parts) in &self.letters {
            if is_inside(*first, from, until) {
                let day = letters.entry(*by).or_default();
                parts.iter().for_each(|(part, sum)| day.entry(part.clone()).or_default().add(*sum));
            }
        }
        letters
    }
}

fn is_inside(day: NaiveDate, from: Option<NaiveDate>, until: Option<NaiveDate>) -> bool {
    from.is_none_or(|from| day >= from) && until.is_none_or(|until| day <= until)
}

/// Gathers the calendar.
///
/// # Errors
/// Those of the keyring; damage of a named archive.
pub fn calendar(custody: &mut Custody, named: &mut NamedArchives, division: Division) -> Result<Calendar, OpsError> {
    let mut calendar = Calendar::default();
    let ids: Vec<ArchiveId> = custody.keyring().archives()?.iter().map(|known| known.id).collect();
    let (today, trusted) = (custody.now().today(), custody.trusted_today());
    for id in ids {
        calendar.archives += 1;
        calendar.measured += u64::from(named.has(&id));
        named.for_each_record(custody, &id, false, &mut |judge, view, disposition, sealed| {
            if !view.live {
                return Ok(());
            }
            let waits = unheld(judge, view, &disposition, trusted);
            let to_send = matches!(waits, Some(Waits::ToSend { .. }));
            let one = Sum {
                records: 1,
                to_notify: u64::from(to_send),
                notice_void: u64::from(matches!(waits, Some(Waits::ToSend { void: true, .. }))),
                notice_running: u64::from(matches!(waits, Some(Waits::Running { .. }))),
                review: u64::from(judge.approvals_needed(view, false) > 0),
                held: u64::from(State::of(&disposition, today) == State::Held),
                bytes: sealed.map_or(0, |sealed| sealed.size),
            };
            calendar.live.add(one);
            let sum = match judge.standing(view) {
                Standing::Until { last, .. } => {
                    let part = match division {
                        Division::Class => view.class.as_str().to_owned(),
                        Division::Rule => view.retention.rules().join(" "),
                    };
                    let first = last.succ_opt().unwrap_or(last);
                    if let Some(Waits::ToSend { by, .. }) = waits {
                        let letters = calendar.letters.entry((by.unwrap_or(today), first)).or_default();
                        letters.entry(part.clone()).or_default().add(one);
                    }
                    calendar.days.entry(first).or_default().entry(part).or_default()
                }
                Standing::Awaiting(events) => calendar.awaiting.entry(events.join(" ")).or_default(),
                Standing::Permanent => &mut calendar.permanent,
            };
            sum.add(one);
            Ok(())
        })?;
    }
    Ok(calendar)
}
