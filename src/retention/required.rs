//! How long a record must be kept, as registers name it (应保管期限): the period of the deciding term and its first day.
//!
//! Invariant: a period is named only where a term, an event and a rule say it; nothing is counted from a day that nobody
//! gave. Spec: `spec/reports.md`, "Periods".

use super::disposition::{Judge, RecordView};
use super::event;
use super::period::Period;
use super::rule::{Base, Length, Rule};
use super::rules::find;
use super::term::{Bound, Counting, Keep, Retention, Standing, Term, last_day};
use chrono::NaiveDate;
use serde::Serialize;
use std::collections::BTreeSet;
use tr::tr;

/// What the deciding term asks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Required {
    /// The period; none where it is a bare date or has no end.
    pub period: Option<Period>,
    /// Its first day; that after the record's own date where there is no period. None where nobody gave one.
    #[serde(rename = "period_start")]
    pub start: Option<NaiveDate>,
    /// The event with which the period begins, where it has not been recorded.
    #[serde(rename = "period_event")]
    pub awaited: Option<String>,
    /// Whether it is kept at most so long.
    #[serde(rename = "period_at_most")]
    pub at_most: bool,
    /// Whether it was then extended to its last day.
    #[serde(rename = "period_extended")]
    pub extended: bool,
    /// The last day, of the extension where there is one.
    #[serde(skip)]
    pub last: Option<NaiveDate>,
}

/// What is known beside the record's terms.
pub struct Known<'k> {
    /// The date of an event that was recorded for it.
    pub event: &'k dyn Fn(&str) -> Option<NaiveDate>,
    /// The rule with this id, as its archive applies it or as it is built in.
    pub rule: &'k dyn Fn(&str) -> Option<&'k Rule>,
    /// Its own date, where its label was read.
    pub dated: Option<NaiveDate>,
}

impl Required {
    /// What the terms of a record ask.
    pub fn of(retention: &Retention, known: &Known<'_>) -> Self {
        let standing = retention.standing(known.event);
        let deciding = retention.governing(known.event).unwrap_or_default();
        let extended = extended(retention, deciding, &standing, known.event);
        let base = extended.as_ref().unwrap_or(retention);
        let term = &base.terms[base.governing(known.event).unwrap_or_default()];
        let own_start = known.dated.and_then(|dated| dated.succ_opt());
        let (period, start, awaited) = match &term.keep {
            Keep::Permanent => (None, own_start, None),
            Keep::Until(last) => match by_rule(term, *last, known) {
                Some((period, first)) => (Some(period), Some(first), None),
                None => (None, own_start, None),
            },
            Keep::After(after) => {
                let begun = (known.event)(&after.event);
                let last =
                    begun.and_then(|day| last_day(day, after.counting, after.fiscal_year_end, after.period).ok());
                let start = last.and_then(|last| after.period.first_day_to(last));
                (Some(after.period), start, begun.is_none().then(|| after.event.clone()))
            }
        };
        let (at_most, extended) = (term.bound == Bound::Ceiling, extended.is_some());
        Self { period, start, awaited, at_most, extended, last: standing.last_day() }
    }

    /// In words, in the language of the moment: `10 years`, `permanent`, `until 2035-12-31`.
    pub fn words(&self) -> String {
        let period = match (self.period, &self.awaited, self.last) {
            (Some(period), None, _) => period.words(),
            (Some(period), Some(event), _) => {
                tr!("{period} from “{event}” on", period = period.words(), event = event::meaning(event))
            }
            (None, _, Some(last)) if self.extended => return tr!("extended to {last}", last = last),
            (None, _, Some(last)) if self.at_most => return tr!("until {last} at the latest", last = last),
            (None, _, Some(last)) => tr!("until {last}", last = last),
            (None, _, None) => tr!("permanent"),
        };
        let bounded = if self.at_most { tr!("period" => "at most {term}", term = period) } else { period };
        match self.last.filter(|_| self.extended) {
            Some(last) => tr!("{period}, extended to {last}", period = bounded, last = last),
            None => bounded,
        }
    }

    /// For how long it has been kept (已保管期限) on the day `today`; none where its period has not begun, or nobody knows when.
    pub fn elapsed(&self, today: NaiveDate) -> Option<Period> {
        Period::elapsed(self.start?, today)
    }
}

impl Judge<'_> {
    /// What the record's terms ask with the events that were recorded; `rules` are those of its archive where they are known,
    /// built-in ones stand in for others. `dated` is its own date, where its label was read.
    pub fn required(&self, view: &RecordView<'_>, rules: &[Rule], dated: Option<NaiveDate>) -> Required {
        let event = |name: &str| self.event(view, name);
        let rule = |id: &str| rules.iter().find(|rule| rule.id == id).or_else(|| find(id));
        Required::of(view.retention, &Known { event: &event, rule: &rule, dated })
    }
}

/// The terms without the date that decides, where that is no rule's and others stand before it: an extension.
fn extended(
    retention: &Retention,
    deciding: usize,
    standing: &Standing,
    event: impl Fn(&str) -> Option<NaiveDate>,
) -> Option<Retention> {
    let is_chosen =
        |term: &Term| term.rule.is_none() && term.bound == Bound::Floor && matches!(term.keep, Keep::Until(_));
    if deciding == 0 || !matches!(standing, Standing::Until { .. }) || !is_chosen(&retention.terms[deciding]) {
        return None;
    }
    let before = retention.terms.iter().enumerate().take(deciding);
    let terms = before.filter(|(index, term)| *index == 0 || !is_chosen(term)).map(|(_, term)| term.clone()).collect();
    let base = Retention { terms, at_expiry: retention.at_expiry };
    // A ceiling beside an earlier date that somebody chose was not extended by it.
    let is_later = base.standing(event).last_day() < standing.last_day();
    is_later.then_some(base)
}

/// The period of a rule that came to this last day when the record was sealed, with its first day; none where the rule is
/// not known or could have come to it in several ways.
fn by_rule(term: &Term, last: NaiveDate, known: &Known<'_>) -> Option<(Period, NaiveDate)> {
    let rule = (known.rule)(term.rule.as_deref()?)?;
    let mut ways = BTreeSet::new();
    if rule.applied.is_empty()
        && let Some(Length::Period(period)) = rule.period
    {
        ways.extend(period.first_day_to(last).map(|first| (period, first)));
    }
    for application in &rule.applied {
        let (Length::Period(period), Some(Base::RecordDate | Base::Creation)) = (application.period, &application.base)
        else {
            continue;
        };
        let (counting, end) = (application.counting.unwrap_or(Counting::Day), application.fiscal_year_end);
        let Some(first) = period.first_day_to(last) else { continue };
        let comes_to = |base: NaiveDate| last_day(base, counting, end, period) == Ok(last);
        let from_own_date = application.base == Some(Base::RecordDate);
        let fits = match known.dated.filter(|_| from_own_date) {
            Some(dated) => comes_to(dated),
            None => first.pred_opt().is_some_and(comes_to),
        };
        if fits {
            ways.insert((period, first));
        }
    }
    if ways.len() == 1 { ways.pop_first() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::{Language, in_language};
    use crate::retention::term::{After, FiscalYearEnd};
    use crate::retention::{AtExpiry, extension, parse_date};

    fn date(text: &str) -> NaiveDate {
        parse_date(text).unwrap()
    }

    fn until(last: &str, rule: Option<&str>) -> Term {
        Term { keep: Keep::Until(date(last)), bound: Bound::Floor, rule: rule.map(Into::into), notify: None }
    }

    fn after(event: &str) -> Term {
        let (period, counting) = ("P10Y".parse().unwrap(), Counting::CalendarYear);
        let after = After { event: event.into(), period, counting, fiscal_year_end: FiscalYearEnd::default() };
        Term { keep: Keep::After(after), bound: Bound::Floor, rule: Some("own".into()), notify: None }
    }

    fn required(terms: Vec<Term>, events: &[(&str, &str)], dated: Option<&str>) -> Required {
        let retention = Retention { terms, at_expiry: AtExpiry::Destroy };
        let event = |name: &str| events.iter().find(|(known, _)| *known == name).map(|(_, day)| date(day));
        Required::of(&retention, &Known { event: &event, rule: &|id| find(id), dated: dated.map(date) })
    }

    fn in_both(required: &Required) -> [String; 2] {
        [Language::English, Language::Chinese].map(|language| in_language(language, || required.words()))
    }

    #[test]
    fn a_rule_s_period_counts_from_its_own_first_day() {
        let voucher = required(vec![until("2055-12-31", Some("cn-accounting-voucher"))], &[], None);
        assert_eq!(in_both(&voucher), ["30 years", "30 年"]);
        assert_eq!(voucher.start, Some(date("2026-01-01")));
        assert_eq!(voucher.elapsed(date("2027-07-15")).unwrap().to_string(), "P1Y6M");
        assert_eq!(voucher.elapsed(date("2025-12-31")), None, "it has not begun");
    }

    #[test]
    fn a_bare_date_names_no_period_and_counts_from_the_record_s_own_date_at_most() {
        let bare = required(vec![until("2035-12-31", None)], &[], None);
        assert_eq!(in_both(&bare), ["until 2035-12-31", "至 2035-12-31"]);
        assert_eq!((bare.start, bare.elapsed(date("2030-01-01"))), (None, None));
        let own = required(vec![until("2035-12-31", Some("unknown"))], &[], Some("2025-06-30"));
        assert_eq!((own.period, own.start), (None, Some(date("2025-07-01"))));
        let permanent = Term { keep: Keep::Permanent, ..until("2035-12-31", Some("cn-accounting-annual")) };
        assert_eq!(in_both(&required(vec![permanent], &[], None)), ["permanent", "永久"]);
    }

    #[test]
    fn what_waits_for_an_event_has_a_period_and_no_start() {
        let waiting = required(vec![after("contract-end")], &[], Some("2020-01-01"));
        assert_eq!(in_both(&waiting), ["10 years from “contract ended” on", "10 年，自“合同终止”起"]);
        assert_eq!((waiting.start, waiting.elapsed(date("2030-01-01"))), (None, None));
        let begun = required(vec![after("contract-end")], &[("contract-end", "2026-05-05")], None);
        assert_eq!((in_both(&begun)[1].as_str(), begun.start), ("10 年", Some(date("2027-01-01"))));
    }

    #[test]
    fn the_deciding_term_is_named_and_an_extension_beside_it() {
        let voucher = until("2055-12-31", Some("cn-accounting-voucher"));
        let longer = required(vec![until("2040-12-31", Some("cn-pi-minimum")), voucher.clone()], &[], None);
        assert_eq!((in_both(&longer)[0].as_str(), longer.extended), ("30 years", false));
        let sealed = Retention { terms: vec![voucher], at_expiry: AtExpiry::Destroy };
        let once = extension::extend(&sealed, date("2057-12-31"), |_| None).unwrap();
        let twice = extension::extend(&once, date("2060-06-30"), |_| None).unwrap();
        let extended = required(twice.terms, &[], None);
        assert_eq!(in_both(&extended), ["30 years, extended to 2060-06-30", "30 年，延至 2060-06-30"]);
        assert_eq!(extended.start, Some(date("2026-01-01")), "the clock is still that of the rule");
        let bare =
            extension::extend(&Retention::until(date("2030-12-31"), AtExpiry::Destroy), date("2031-12-31"), |_| None);
        let bare = required(bare.unwrap().terms, &[], None);
        assert_eq!(in_both(&bare), ["extended to 2031-12-31", "延至 2031-12-31"]);
        let ceiling = Term { bound: Bound::Ceiling, ..after("contract-end") };
        let earlier =
            required(vec![ceiling.clone(), until("2030-12-31", None)], &[("contract-end", "2026-05-05")], None);
        assert_eq!((in_both(&earlier)[0].as_str(), earlier.extended), ("until 2030-12-31", false));
        let at_most = required(vec![ceiling], &[("contract-end", "2026-05-05")], None);
        assert_eq!(in_both(&at_most), ["at most 10 years", "最长 10 年"]);
        let dated = required(vec![Term { bound: Bound::Ceiling, ..until("2030-12-31", Some("x")) }], &[], None);
        assert_eq!(in_both(&dated), ["until 2030-12-31 at the latest", "最迟至 2030-12-31"]);
    }

    #[test]
    fn a_rule_that_could_have_come_to_the_day_in_two_ways_names_no_period() {
        let mut rule = find("cn-accounting-voucher").unwrap().clone();
        rule.period = None;
        let application = |period: &str| crate::retention::rule::Application {
            period: Length::Period(period.parse().unwrap()),
            base: Some(Base::RecordDate),
            counting: Some(Counting::FiscalYear),
            fiscal_year_end: FiscalYearEnd::default(),
        };
        rule.applied = vec![application("P10Y"), application("P30Y")];
        let of = |dated: Option<&str>| {
            let retention = Retention { terms: vec![until("2055-12-31", Some("x"))], at_expiry: AtExpiry::Destroy };
            let known = Known { event: &|_| None, rule: &|_| Some(&rule), dated: dated.map(date) };
            Required::of(&retention, &known).period.map(|period| period.to_string())
        };
        assert_eq!(of(None), None);
        assert_eq!(of(Some("2025-06-30")).as_deref(), Some("P30Y"));
        assert_eq!(of(Some("2045-06-30")).as_deref(), Some("P10Y"));
    }
}
