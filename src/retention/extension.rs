//! Extensions: a record is kept longer than was planned.
//!
//! Invariant: a floor is added, and what stands never comes earlier by it. Spec: `spec/disposition.md`, "Extensions".

use super::register::Refusal;
use super::term::{Bound, Keep, MAX_TERMS, Standing, Term};
use super::{Retention, is_plain_date};
use chrono::NaiveDate;

/// The retention with one more floor. `event` tells the date of an event that was recorded for the record.
///
/// Where no term has room any more, floors that somebody chose earlier and that the new one includes make way, the
/// first of them last; terms of rules never do.
///
/// # Errors
/// [`Refusal::NotLater`] when the record is kept so long anyway, or would be kept less long; [`Refusal::TooManyTerms`];
/// [`Refusal::Date`].
pub fn extend(
    retention: &Retention,
    until: NaiveDate,
    event: impl Fn(&str) -> Option<NaiveDate>,
) -> Result<Retention, Refusal> {
    if !is_plain_date(until) {
        return Err(Refusal::Date(until));
    }
    let standing = retention.standing(&event);
    let not_later = || Refusal::NotLater { until, standing: standing.words() };
    let is_chosen = |term: &Term| term.bound == Bound::Floor && term.rule.is_none();
    let dated = |term: &Term| match term.keep {
        Keep::Until(last) if term.bound == Bound::Floor => Some(last),
        _ => None,
    };
    if retention.terms.iter().filter_map(dated).any(|last| until <= last) {
        return Err(not_later());
    }
    let mut extended = retention.clone();
    while extended.terms.len() >= MAX_TERMS {
        let chosen = |term: &Term| is_chosen(term) && dated(term).is_some();
        let at = extended.terms.iter().rposition(chosen).ok_or(Refusal::TooManyTerms)?;
        extended.terms.remove(at);
    }
    extended.terms.push(Term { keep: Keep::Until(until), bound: Bound::Floor, rule: None, notify: None });
    let now = extended.standing(&event);
    match standing {
        // The floor is there for the day when the event has come.
        Standing::Awaiting(_) if now == standing => Ok(extended),
        _ if now.length() > standing.length() => Ok(extended),
        _ => Err(not_later()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retention::term::{After, Counting, FiscalYearEnd};
    use crate::retention::{AtExpiry, parse_date};

    fn date(text: &str) -> NaiveDate {
        parse_date(text).unwrap()
    }

    fn term(keep: Keep, bound: Bound, rule: Option<&str>) -> Term {
        Term { keep, bound, rule: rule.map(str::to_owned), notify: None }
    }

    fn after(event: &str) -> Keep {
        Keep::After(After {
            event: event.into(),
            period: "P10Y".parse().unwrap(),
            counting: Counting::Day,
            fiscal_year_end: FiscalYearEnd::default(),
        })
    }

    #[test]
    fn an_extension_only_adds_and_only_what_is_later() {
        let sealed = Retention::until(date("2036-12-31"), AtExpiry::Destroy);
        for until in ["2036-12-31", "2036-12-30", "2020-01-01"] {
            let refused = extend(&sealed, date(until), |_| None);
            assert!(matches!(refused, Err(Refusal::NotLater { .. })), "{until}");
        }
        let extended = extend(&sealed, date("2037-01-01"), |_| None).unwrap();
        assert_eq!(extended.terms[0], sealed.terms[0]);
        assert_eq!(extended.planned().to_string(), "2037-01-01");
        assert!(matches!(extend(&sealed, NaiveDate::MAX, |_| None), Err(Refusal::Date(_))));
        let for_ever = Retention { terms: vec![term(Keep::Permanent, Bound::Floor, None)], ..sealed.clone() };
        assert!(extend(&for_ever, date("2099-01-01"), |_| None).is_err());
    }

    #[test]
    fn an_extension_of_what_awaits_an_event_never_gives_it_an_end() {
        let of = |terms| Retention { terms, at_expiry: AtExpiry::Destroy };
        let floor = of(vec![term(after("contract-end"), Bound::Floor, Some("own"))]);
        let extended = extend(&floor, date("2050-01-01"), |_| None).unwrap();
        assert_eq!(extended.planned(), floor.planned());
        let ended = |_: &str| Some(date("2030-05-05"));
        assert_eq!(extended.standing(ended).to_string(), "2050-01-01");
        assert!(extend(&floor, date("2040-05-05"), ended).is_err(), "it stands until that day anyway");
        // Where only a ceiling awaits it, a floor would be the first date at which it may go by itself.
        let ceiling = of(vec![term(after("contract-end"), Bound::Ceiling, None)]);
        assert!(extend(&ceiling, date("2050-01-01"), |_| None).is_err());
        let dated = of(vec![term(Keep::Until(date("2040-01-01")), Bound::Ceiling, None)]);
        assert!(extend(&dated, date("2039-01-01"), |_| None).is_err());
        assert!(extend(&dated, date("2041-01-01"), |_| None).is_ok());
    }

    #[test]
    fn chosen_floors_make_way_for_later_ones_and_rules_never_do() {
        let mut retention = Retention::until(date("2030-01-01"), AtExpiry::Review);
        retention.terms.push(term(Keep::Until(date("2029-01-01")), Bound::Floor, Some("own")));
        for day in 2..=30 {
            retention = extend(&retention, date(&format!("2030-01-{day:02}")), |_| None).unwrap();
            retention.check().unwrap();
        }
        assert_eq!(retention.terms.len(), MAX_TERMS);
        assert_eq!(retention.planned().to_string(), "2030-01-30");
        assert_eq!(retention.terms[0].keep, Keep::Until(date("2030-01-01")));
        assert_eq!(retention.terms[1].rule.as_deref(), Some("own"));
        let rules = vec![term(Keep::Until(date("2030-01-01")), Bound::Floor, Some("own")); MAX_TERMS];
        let full = Retention { terms: rules, at_expiry: AtExpiry::Destroy };
        assert_eq!(extend(&full, date("2031-01-01"), |_| None), Err(Refusal::TooManyTerms));
    }
}
