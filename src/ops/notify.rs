//! Records whose rules ask for a notice of destruction: which wait for one, by when it must go out, and which wait for its period.
//!
//! Invariant: a live record with a last day is counted once; what a hold keeps, and what waits for an event, needs no letter now.
//! Spec: `spec/notices.md`, "Before destruction".

use crate::retention::disposition::{Disposition, Judge, RecordView};
use crate::retention::notice::{Noticed, send_by};
use chrono::NaiveDate;
use serde::Serialize;

/// What stands where the calendar has no day.
const END: NaiveDate = NaiveDate::from_ymd_opt(9999, 12, 31).expect("it is a day");

/// What a record waits for before it may be destroyed in its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// A notice that has to be sent.
    ToSend {
        /// Whether one was sent that no longer counts.
        void: bool,
        /// The last day on which it can be sent so that the record need not stay longer for it; none where none was early enough.
        by: Option<NaiveDate>,
    },
    /// The end of the period of one that was sent.
    Running {
        /// The last day on which it must stay for it; none where the calendar has no such day.
        until: Option<NaiveDate>,
    },
}

/// What the record waits for, where the trusted date is `trusted`; none where no rule asks for a notice, the record has no last day,
/// or the period is over.
pub fn waits(judge: &Judge<'_>, view: &RecordView<'_>, trusted: NaiveDate) -> Option<Waits> {
    let noticed = judge.noticed(view).filter(|_| view.live)?;
    let last = judge.standing(view).last_day()?;
    match noticed {
        Noticed::Unsent { .. } => Some(Waits::ToSend { void: false, by: send_by(view.retention, last) }),
        Noticed::Void { .. } | Noticed::Early { .. } => {
            Some(Waits::ToSend { void: true, by: send_by(view.retention, last) })
        }
        Noticed::Sent { until, .. } => until.is_none_or(|until| until >= trusted).then_some(Waits::Running { until }),
    }
}

/// How many records wait for notices, and for how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NoticeCounts {
    /// Nobody was told.
    #[serde(rename = "unsent_count")]
    pub unsent: u64,
    /// Those concerned were told another last day than the one of now, or none.
    #[serde(rename = "void_count")]
    pub void: u64,
    /// Of both: the last day to send it is over, so that they will stay too long.
    #[serde(rename = "late_count")]
    pub late: u64,
    /// Of both: the earliest last day to send it.
    pub send_by: Option<NaiveDate>,
    /// A notice was sent, and its period runs.
    #[serde(rename = "running_count")]
    pub running: u64,
    /// The earliest day until which one of these stays.
    pub runs_until_first: Option<NaiveDate>,
    /// The latest one; the last day of the calendar where there is none.
    pub runs_until_last: Option<NaiveDate>,
}

impl NoticeCounts {
    /// Counts one more record; `today` is the day by which a letter is late.
    pub fn add(&mut self, waits: Waits, today: NaiveDate) {
        let earlier = |known: Option<NaiveDate>, day: NaiveDate| Some(known.map_or(day, |known| known.min(day)));
        match waits {
            Waits::ToSend { void, by } => {
                *if void { &mut self.void } else { &mut self.unsent } += 1;
                self.late += u64::from(by.is_none_or(|by| by < today));
                self.send_by = by.map_or(self.send_by, |by| earlier(self.send_by, by));
            }
            Waits::Running { until } => {
                self.running += 1;
                let until = until.unwrap_or(END);
                self.runs_until_first = earlier(self.runs_until_first, until);
                self.runs_until_last = self.runs_until_last.max(Some(until));
            }
        }
    }

    /// Those for which a letter has to be sent.
    pub fn to_send(&self) -> u64 {
        self.unsent + self.void
    }
}

/// What the record waits for, unless a hold keeps it.
pub fn unheld(
    judge: &Judge<'_>,
    view: &RecordView<'_>,
    disposition: &Disposition,
    trusted: NaiveDate,
) -> Option<Waits> {
    match disposition {
        Disposition::Held { .. } => None,
        _ => waits(judge, view, trusted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_sent_and_what_runs_is_counted_apart_with_its_days() {
        let date = |text: &str| text.parse::<NaiveDate>().unwrap();
        let mut counts = NoticeCounts::default();
        let today = date("2031-03-01");
        let by = |day: &str| Some(date(day));
        for waits in [
            Waits::ToSend { void: false, by: by("2031-03-01") },
            Waits::ToSend { void: true, by: by("2031-02-28") },
            Waits::ToSend { void: false, by: None },
            Waits::Running { until: by("2031-03-20") },
            Waits::Running { until: by("2031-03-10") },
        ] {
            counts.add(waits, today);
        }
        assert_eq!((counts.unsent, counts.void, counts.late, counts.running, counts.to_send()), (2, 1, 2, 2, 3));
        let days = [counts.send_by, counts.runs_until_first, counts.runs_until_last];
        assert_eq!(days, [by("2031-02-28"), by("2031-03-10"), by("2031-03-20")]);
    }
}
