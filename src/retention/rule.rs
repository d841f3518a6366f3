//! Rules: what a law, or the firm itself, says of how long one kind of record is kept.
//!
//! Invariant: what a rule leaves open must be given, and what it says is never changed: a floor is not shortened, a
//! start or a counting is not replaced. Spec: `spec/retention.md`, "Rules".

use super::period::Period;
use super::term::{After, Bound, Counting, FiscalYearEnd, Keep, Term, is_code, last_day};
use super::{AtExpiry, RetentionError};
use crate::language::{Language, said, text};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use tr::tr;

/// Bytes of any text in a rule, at most.
const MAX_TEXT: usize = 1000;

/// Ways in which one archive applies one rule, at most: every leaf is compared with them.
const MAX_APPLIED: usize = 100;
/// Years of a notice that is nearly certainly a mistake.
const LONG_NOTICE: u32 = 5;

/// One rule. Built-in ones are no legal advice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Lower-case letters, digits and hyphens.
    pub id: String,
    /// Whose law: `cn`, `eu`, `de`, `uk`, `us`; none for a firm's own rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jurisdiction: Option<String>,
    /// What it is called.
    pub title: String,
    /// The same in Chinese.
    #[serde(default, alias = "title-zh", skip_serializing_if = "Option::is_none")]
    pub title_zh: Option<String>,
    /// The kinds of record that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<String>,
    /// How long; none where its text does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Length>,
    /// What the period begins with; none where its text does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Base>,
    /// From which day the period counts; none where its text does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counting: Option<Counting>,
    /// At least or at most so long.
    #[serde(default)]
    pub bound: Bound,
    /// What happens then.
    #[serde(default = "destroy", alias = "at-expiry")]
    pub at_expiry: AtExpiry,
    /// How long before destruction those concerned must have been told; none where nobody has to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<Period>,
    /// Where it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub citation: Option<String>,
    /// How sure the citation is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
    /// What else is to be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// How an archive applies it, rising; empty where it is only defined.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub applied: Vec<Application>,
}

fn destroy() -> AtExpiry {
    AtExpiry::Destroy
}

/// A period, or for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Length {
    /// So long.
    Period(Period),
    /// For ever.
    Permanent,
}

/// What a period begins with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Base {
    /// The record's own date.
    RecordDate,
    /// The day on which the archive is made.
    Creation,
    /// An event of this name, recorded later.
    Event(String),
}

/// How sure a citation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Confidence {
    /// The text itself was read.
    #[serde(rename = "H")]
    High,
    /// It comes from a secondary source.
    #[serde(rename = "M")]
    Middle,
    /// It is from memory.
    #[serde(rename = "L")]
    Low,
}

/// A rule with nothing left open.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Application {
    /// How long.
    pub period: Length,
    /// What it begins with; none where it is permanent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Base>,
    /// From which day; none where it is permanent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counting: Option<Counting>,
    /// Last day of fiscal years, where these count and do not end on December 31.
    #[serde(default, skip_serializing_if = "FiscalYearEnd::is_calendar_year")]
    pub fiscal_year_end: FiscalYearEnd,
}

/// What is known beside the rule.
#[derive(Clone, Debug)]
pub struct RuleInput {
    /// The record's date.
    pub dated: Option<NaiveDate>,
    /// The day on which the archive is made.
    pub created: NaiveDate,
    /// Last day of the firm's fiscal years.
    pub fiscal_year_end: FiscalYearEnd,
    /// How long, for a rule that does not say.
    pub period: Option<Period>,
    /// What the period begins with, for a rule that does not say.
    pub start: Option<Base>,
    /// From which day it counts, for a rule that does not say; [`Counting::Day`] where this does not say either.
    pub counting: Option<Counting>,
}

/// Why a rule cannot be applied so.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RuleError {
    /// There is none of that name.
    #[error("{}", tr!("there is no rule {}", format!("{:?}", _0)))]
    Unknown(String),
    /// Its law is silent on the period.
    #[error("{}", tr!("rule {}: its text does not say how long", _0))]
    NeedsPeriod(String),
    /// Its law is silent on the start.
    #[error("{}", tr!("rule {}: its text does not say what the period begins with", _0))]
    NeedsStart(String),
    /// It counts from the record's date, and there is none.
    #[error("{}", tr!("{}: it counts from the record's date, which is not given", _0))]
    NeedsDate(String),
    /// A floor would be shortened.
    #[error("{}", tr!("rule {rule}: it asks for {own} at least, {given} is shorter", rule = rule, own = own, given = given))]
    Shorter {
        /// Which.
        rule: String,
        /// What it says.
        own: Length,
        /// What was given.
        given: Period,
    },
    /// A ceiling would be raised.
    #[error("{}", tr!("rule {rule}: it allows {own} at most, {given} is longer", rule = rule, own = own, given = given))]
    Longer {
        /// Which.
        rule: String,
        /// What it says.
        own: Length,
        /// What was given.
        given: Period,
    },
    /// Something was given that no rule leaves open.
    #[error("{}", tr!("{} is given, but no rule or period leaves it open", said(_0)))]
    Idle(&'static str),
    /// Neither rule, date nor period.
    #[error("{}", tr!("it is not said how long the records are kept"))]
    Nothing,
    /// More than [`super::term::MAX_TERMS`].
    #[error("{}", tr!("a record has 16 terms at most"))]
    TooMany,
    /// A date or period.
    #[error(transparent)]
    Retention(#[from] RetentionError),
}

impl Rule {
    /// Fills in what the rule leaves open.
    ///
    /// # Errors
    /// [`RuleError::NeedsPeriod`] and [`RuleError::NeedsStart`] where nothing does; [`RuleError::Shorter`] and
    /// [`RuleError::Longer`] for a period that the rule forbids.
    pub fn apply(&self, input: &RuleInput) -> Result<Application, RuleError> {
        let period = match (self.period, input.period) {
            (None, None) => return Err(RuleError::NeedsPeriod(self.id.clone())),
            (Some(own), None) => own,
            (_, Some(given)) => {
                self.allows(given)?;
                Length::Period(given)
            }
        };
        if period == Length::Permanent {
            return Ok(Application { period, base: None, counting: None, fiscal_year_end: FiscalYearEnd::default() });
        }
        let base = self.base.clone().or_else(|| input.start.clone());
        let base = base.ok_or_else(|| RuleError::NeedsStart(self.id.clone()))?;
        let counting = self.counting.or(input.counting).unwrap_or(Counting::Day);
        Ok(Application::new(period, base, counting, input.fiscal_year_end))
    }

    /// Whether a period of somebody's choice keeps to the rule.
    ///
    /// # Errors
    /// [`RuleError::Shorter`] than its floor, [`RuleError::Longer`] than its ceiling.
    pub fn allows(&self, given: Period) -> Result<(), RuleError> {
        let Some(own) = self.period else { return Ok(()) };
        let rule = self.id.clone();
        match (self.bound, own) {
            (Bound::Floor, Length::Period(period)) if given.is_at_least(period) => Ok(()),
            (Bound::Floor, _) => Err(RuleError::Shorter { rule, own, given }),
            (Bound::Ceiling, Length::Period(period)) if !period.is_at_least(given) => {
                Err(RuleError::Longer { rule, own, given })
            }
            (Bound::Ceiling, _) => Ok(()),
        }
    }

    /// What the rule asks of one record.
    ///
    /// # Errors
    /// As [`Self::apply`]; [`RuleError::NeedsDate`]; [`RuleError::Retention`] beyond the calendar.
    pub fn term(&self, input: &RuleInput) -> Result<Term, RuleError> {
        let keep = self.apply(input)?.keep(input, &tr!("rule {}", self.id))?;
        Ok(Term { keep, bound: self.bound, rule: Some(self.id.clone()), notify: self.notify })
    }

    /// Its title in a language, where it has one, or else the English one.
    pub fn title_in(&self, language: Language) -> &str {
        match language {
            Language::Chinese => self.title_zh.as_deref().unwrap_or(&self.title),
            Language::English => &self.title,
        }
    }

    /// Whether an archive that applies the rule as it says can hold this term of it.
    pub fn gives(&self, term: &Term) -> bool {
        term.bound == self.bound
            && term.notify == self.notify
            && self.applied.iter().any(|application| application.gives(&term.keep))
    }

    /// Whether the notice that it asks for must go out sooner than seems meant: more than five years before, or longer before than
    /// the rule keeps anything.
    pub fn has_long_notice(&self) -> bool {
        let shorter = |other: Period| self.notify.is_some_and(|notify| notify != other && !other.is_at_least(notify));
        let own = matches!(self.period, Some(Length::Period(period)) if shorter(period));
        own || shorter(Period::of_years(LONG_NOTICE))
    }

    /// Whether the definition makes sense and has one spelling.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check(&self) -> Result<(), &'static str> {
        if !is_code(&self.id) || self.jurisdiction.as_deref().is_some_and(|jurisdiction| !is_code(jurisdiction)) {
            return Err(text!("its id or jurisdiction is not allowed"));
        }
        let texts = [&self.title_zh, &self.records, &self.citation, &self.note].into_iter().flatten();
        for text in texts.chain([&self.title]) {
            if text.is_empty() || text.len() > MAX_TEXT || text.chars().any(char::is_control) {
                return Err(text!("a text in it is empty, too long, or has control characters"));
            }
        }
        if self.period == Some(Length::Permanent)
            && (self.base.is_some() || self.counting.is_some() || self.bound == Bound::Ceiling)
        {
            return Err(text!("what is kept for ever has no start, no counting and no ceiling"));
        }
        if self.period == Some(Length::Permanent) && self.notify.is_some() {
            return Err(text!("what is kept for ever is not destroyed: nobody is told of it"));
        }
        if !self.applied.iter().all(|application| self.fits(application)) {
            return Err(text!("it is not applied as it is defined"));
        }
        if self.applied.len() > MAX_APPLIED {
            return Err(text!("it is applied in more than 100 ways"));
        }
        if !self.applied.is_sorted_by(|a, b| a < b) {
            return Err(text!("its applications are not in rising order"));
        }
        Ok(())
    }

    fn fits(&self, application: &Application) -> bool {
        let Application { period, base, counting, fiscal_year_end } = application;
        let period_fits = match (*period, self.period) {
            (period, Some(own)) if period == own => true,
            (Length::Period(given), _) => self.allows(given).is_ok(),
            (Length::Permanent, _) => false,
        };
        let counts = *period != Length::Permanent;
        let spelled_once = *counting == Some(Counting::FiscalYear) || fiscal_year_end.is_calendar_year();
        let says = |own: bool, same: bool| !own || same;
        period_fits
            && base.is_some() == counts
            && counting.is_some() == counts
            && spelled_once
            && says(self.base.is_some(), self.base == *base)
            && says(self.counting.is_some(), self.counting == *counting)
    }
}

impl Application {
    /// Of a period that counts from somewhere.
    pub fn new(period: Length, base: Base, counting: Counting, fiscal_year_end: FiscalYearEnd) -> Self {
        let counts_fiscal_years = counting == Counting::FiscalYear;
        let fiscal_year_end = if counts_fiscal_years { fiscal_year_end } else { FiscalYearEnd::default() };
        Self { period, base: Some(base), counting: Some(counting), fiscal_year_end }
    }

    /// For how long a record with these dates is kept; `who` asks for it.
    ///
    /// # Errors
    /// [`RuleError::NeedsDate`]; [`RuleError::Retention`] beyond the calendar.
    pub fn keep(&self, input: &RuleInput, who: &str) -> Result<Keep, RuleError> {
        let (Length::Period(period), Some(base)) = (self.period, &self.base) else { return Ok(Keep::Permanent) };
        let counting = self.counting.unwrap_or(Counting::Day);
        let from = match base {
            Base::RecordDate => input.dated.ok_or_else(|| RuleError::NeedsDate(who.into()))?,
            Base::Creation => input.created,
            Base::Event(event) => {
                let (event, fiscal_year_end) = (event.clone(), self.fiscal_year_end);
                return Ok(Keep::After(After { event, period, counting, fiscal_year_end }));
            }
        };
        Ok(Keep::Until(last_day(from, counting, self.fiscal_year_end, period)?))
    }

    fn gives(&self, keep: &Keep) -> bool {
        match keep {
            Keep::Until(_) => matches!(self.base, Some(Base::RecordDate | Base::Creation)),
            Keep::Permanent => self.period == Length::Permanent,
            Keep::After(after) => {
                self.period == Length::Period(after.period)
                    && self.base == Some(Base::Event(after.event.clone()))
                    && self.counting == Some(after.counting)
                    && self.fiscal_year_end == after.fiscal_year_end
            }
        }
    }
}

impl FromStr for Base {
    type Err = RetentionError;

    fn from_str(text: &str) -> Result<Self, RetentionError> {
        match (text, text.strip_prefix("event:")) {
            ("record-date", _) => Ok(Self::RecordDate),
            ("creation", _) => Ok(Self::Creation),
            (_, Some(event)) if is_code(event) => Ok(Self::Event(event.into())),
            _ => Err(RetentionError::Start(text.into())),
        }
    }
}

impl std::fmt::Display for Base {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::RecordDate => f.write_str("record-date"),
            Self::Creation => f.write_str("creation"),
            Self::Event(event) => write!(f, "event:{event}"),
        }
    }
}

impl TryFrom<String> for Base {
    type Error = RetentionError;

    fn try_from(text: String) -> Result<Self, RetentionError> {
        text.parse()
    }
}

impl From<Base> for String {
    fn from(base: Base) -> Self {
        base.to_string()
    }
}

impl std::fmt::Display for Length {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Period(period) => period.fmt(f),
            Self::Permanent => f.write_str("permanent"),
        }
    }
}

impl TryFrom<String> for Length {
    type Error = RetentionError;

    fn try_from(text: String) -> Result<Self, RetentionError> {
        if text == "permanent" { Ok(Self::Permanent) } else { text.parse().map(Self::Period) }
    }
}

impl From<Length> for String {
    fn from(length: Length) -> Self {
        length.to_string()
    }
}

impl Confidence {
    /// The letter for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::High => "H",
            Self::Middle => "M",
            Self::Low => "L",
        }
    }
}

/// Joins rules as used into one list, sorted by id, each with all its applications.
pub fn merge<'a>(used: impl IntoIterator<Item = &'a Rule>) -> Vec<Rule> {
    let mut merged = std::collections::BTreeMap::<&str, Rule>::new();
    for rule in used {
        match merged.get_mut(rule.id.as_str()) {
            Some(known) => known.applied.extend(rule.applied.iter().cloned()),
            None => drop(merged.insert(&rule.id, rule.clone())),
        }
    }
    let mut rules: Vec<Rule> = merged.into_values().collect();
    for rule in &mut rules {
        rule.applied.sort();
        rule.applied.dedup();
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_asks_for_a_notice_gives_terms_that_do() {
        let text =
            r#"{"id":"own","title":"Ours","period":"P1Y","bound":"floor","at_expiry":"destroy","notify":"P30D"}"#;
        let mut rule: Rule = serde_json::from_str(text).unwrap();
        assert_eq!(rule.check(), Ok(()));
        assert_eq!(serde_json::to_string(&rule).unwrap(), text);
        let input = RuleInput {
            dated: None,
            created: "2030-01-01".parse().unwrap(),
            fiscal_year_end: FiscalYearEnd::default(),
            period: None,
            start: Some(Base::Creation),
            counting: None,
        };
        let term = rule.term(&input).unwrap();
        assert_eq!(term.notify, rule.notify);
        rule.applied = vec![rule.apply(&input).unwrap()];
        assert!(rule.gives(&term));
        assert!(!rule.gives(&Term { notify: None, ..term.clone() }), "an archive may not leave it out");
        let plain = Rule { notify: None, ..rule.clone() };
        assert!(!rule.has_long_notice() && !plain.has_long_notice());
        for (notify, is_long) in [("P1Y", false), ("P1Y1M", true), ("P9999Y", true)] {
            let rule = Rule { notify: Some(notify.parse().unwrap()), ..rule.clone() };
            assert_eq!(rule.has_long_notice(), is_long, "{notify}: kept for a year");
            let unsaid = Rule { period: None, ..rule };
            assert_eq!(unsaid.has_long_notice(), notify == "P9999Y", "{notify}: kept as long as a policy says");
        }
        assert!(!plain.gives(&term) && !serde_json::to_string(&plain).unwrap().contains("notify"));
        let for_ever = Rule { period: Some(Length::Permanent), applied: Vec::new(), ..rule };
        assert!(for_ever.check().is_err());
        let alone = super::super::Retention { terms: vec![Term { rule: None, ..term }], at_expiry: AtExpiry::Destroy };
        assert!(alone.check().is_err());
    }
}
