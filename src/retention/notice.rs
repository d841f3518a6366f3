//! Notices of destruction: where a rule asks that those concerned are told first, nothing is destroyed before they were.
//!
//! Invariant: what counts is the day that a person gave as that of sending, and the trusted date; several rules all have to be
//! satisfied. Spec: `spec/notices.md`, "Before destruction".

use super::ranges::Ranges;
use super::term::{Counting, FiscalYearEnd, last_day};
use super::transition::Refusal;
use super::{Retention, is_plain_date};
use crate::crypto::kdf::ArchiveId;
use crate::language::text;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use tr::tr;

/// The id of a notice: 16 random bytes.
pub type NoticeId = [u8; 16];

/// A notice of destruction that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SentNotice {
    /// Which.
    #[serde(with = "hex")]
    pub id: NoticeId,
    /// The archive.
    #[serde(with = "hex")]
    pub archive: ArchiveId,
    /// The records that it names.
    pub records: Ranges,
    /// On which day it was sent, as somebody said.
    pub on: NaiveDate,
}

/// Why a record must stay although its time has run.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Unnotified {
    /// Nobody told those concerned.
    #[error("{}", tr!("notice of destruction not sent, which {rule} asks for", rule = rule))]
    Unsent {
        /// The rule that asks for it.
        rule: String,
    },
    /// They were told a short time ago.
    #[error("{}", running(*sent, until, rule))]
    Running {
        /// On which day it was sent first.
        sent: NaiveDate,
        /// The last day on which the record must stay; none where the calendar has no such day.
        until: Option<NaiveDate>,
        /// The rule that asks for so long a time.
        rule: String,
    },
}

fn running(sent: NaiveDate, until: &Option<NaiveDate>, rule: &str) -> String {
    let until = until.map_or_else(|| "9999-12-31".to_owned(), |until| until.to_string());
    tr!(
        "notice of destruction sent on {sent}: by {rule} it stays until {until}",
        sent = sent.to_string(),
        rule = rule,
        until = until
    )
}

impl SentNotice {
    /// Whether it names the record.
    pub fn names(&self, archive: &ArchiveId, record: u64) -> bool {
        self.archive == *archive && self.records.contains(record)
    }

    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.records.is_empty() {
            return Err(Refusal::Scope(text!("it names no record")));
        }
        if is_plain_date(self.on) { Ok(()) } else { Err(Refusal::Date(self.on)) }
    }
}

/// Whether a record of this retention must stay on the day `today` for want of a notice; `sent` are those that name it.
pub fn unnotified<'n>(
    retention: &Retention,
    sent: impl Iterator<Item = &'n SentNotice>,
    today: NaiveDate,
) -> Option<Unnotified> {
    let mut asking = retention.terms.iter().filter_map(|term| Some((term.notify?, term.rule.as_deref()?))).peekable();
    let (_, rule) = asking.peek()?;
    let Some(first) = sent.map(|notice| notice.on).min() else {
        return Some(Unnotified::Unsent { rule: (*rule).to_owned() });
    };
    let until = |(period, rule): (super::period::Period, &str)| {
        let until = last_day(first, Counting::Day, FiscalYearEnd::default(), period).ok();
        (until.is_none_or(|until| until >= today)).then(|| (until.unwrap_or(NaiveDate::MAX), until, rule.to_owned()))
    };
    let (_, until, rule) = asking.filter_map(until).max_by(|a, b| a.0.cmp(&b.0))?;
    Some(Unnotified::Running { sent: first, until, rule })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retention::AtExpiry;
    use crate::retention::term::{Bound, Keep, Term};

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn retention(periods: &[(&str, Option<&str>)]) -> Retention {
        let term = |(rule, notify): &(&str, Option<&str>)| Term {
            keep: Keep::Until(date("2030-12-31")),
            bound: Bound::Floor,
            rule: Some((*rule).into()),
            notify: notify.map(|period| period.parse().unwrap()),
        };
        Retention { terms: periods.iter().map(term).collect(), at_expiry: AtExpiry::Destroy }
    }

    fn sent(on: &str) -> SentNotice {
        SentNotice { id: [1; 16], archive: [2; 16], records: "3-4".parse().unwrap(), on: date(on) }
    }

    #[test]
    fn a_notice_runs_its_whole_period_and_the_longest_one_counts() {
        let (plain, one) = (retention(&[("a", None)]), retention(&[("a", None), ("b", Some("P30D"))]));
        let both = retention(&[("b", Some("P30D")), ("c", Some("P2M"))]);
        let judged = |retention: &Retention, sent: &[SentNotice], today: &str| {
            unnotified(retention, sent.iter(), date(today)).map(|why| why.to_string())
        };
        assert_eq!(judged(&plain, &[], "2031-01-01"), None);
        let unsent = "notice of destruction not sent, which b asks for".to_owned();
        assert_eq!(judged(&one, &[], "2031-01-01"), Some(unsent));
        let (first, later) = (sent("2031-01-01"), sent("2031-01-20"));
        let runs = "notice of destruction sent on 2031-01-01: by b it stays until 2031-01-31".to_owned();
        assert_eq!(judged(&one, &[later.clone(), first.clone()], "2031-01-31"), Some(runs));
        assert_eq!(judged(&one, &[later, first.clone()], "2031-02-01"), None);
        let runs = "notice of destruction sent on 2031-01-01: by c it stays until 2031-03-01".to_owned();
        assert_eq!(judged(&both, std::slice::from_ref(&first), "2031-01-20"), Some(runs.clone()));
        assert_eq!(judged(&both, std::slice::from_ref(&first), "2031-03-01"), Some(runs));
        assert_eq!(judged(&both, &[first], "2031-03-02"), None);
    }

    #[test]
    fn a_notice_names_records_of_one_archive() {
        let notice = sent("2031-01-01");
        assert!(notice.names(&[2; 16], 3) && !notice.names(&[2; 16], 5) && !notice.names(&[1; 16], 3));
        assert_eq!(notice.check(), Ok(()));
        assert!(SentNotice { records: Ranges::default(), ..notice }.check().is_err());
    }
}
