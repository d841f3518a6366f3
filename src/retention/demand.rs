//! What somebody asks for one group of records: rules, a date, a period; and the retention that comes of it.
//!
//! Invariant: what is given fills only what the rules leave open, and nothing that is given is without effect.
//! Spec: `spec/retention.md`, "Rules".

use super::period::Period;
use super::rule::{Application, Base, Length, Rule, RuleError, RuleInput};
use super::term::{Bound, Counting, FiscalYearEnd, Keep, MAX_TERMS, Standing, Term};
use super::{AtExpiry, Retention, RetentionError};
use crate::language::text;
use chrono::NaiveDate;
use std::sync::Arc;
use tr::tr;

/// Rules, a date and a period for records that are alike.
#[derive(Clone, Debug, Default)]
pub struct Demand {
    /// The rules, each once.
    pub rules: Vec<Rule>,
    /// A last day, as a floor of its own.
    pub until: Option<NaiveDate>,
    /// The period of the rules that do not say how long; where all say it, a floor of its own.
    pub retain: Option<Period>,
    /// What periods begin with where no rule says it.
    pub start: Option<Base>,
    /// How they count where no rule says it.
    pub counting: Option<Counting>,
    /// Last day of the firm's fiscal years.
    pub fiscal_year_end: FiscalYearEnd,
    /// What happens at the end, whatever the rules say.
    pub at_expiry: Option<AtExpiry>,
}

type Applied<'a> = (Option<&'a Rule>, Application);

impl Demand {
    /// Checks all that can be checked before there is a date, and gives the rules as they are used.
    ///
    /// # Errors
    /// Those of [`Rule::apply`]; [`RuleError::Nothing`], [`RuleError::TooMany`], [`RuleError::Idle`].
    pub fn used_rules(&self) -> Result<Arc<[Rule]>, RuleError> {
        // Whether there is a date changes only what a period without a rule begins with.
        let applied = self.applied(&self.input(None, NaiveDate::MIN))?;
        if applied.is_empty() && self.until.is_none() {
            return Err(RuleError::Nothing);
        }
        if applied.len() + usize::from(self.until.is_some()) > MAX_TERMS {
            return Err(RuleError::TooMany);
        }
        let counts = |rule: &&Rule| rule.period != Some(Length::Permanent);
        let free = |is_open: fn(&Rule) -> bool| {
            applied.iter().any(|(rule, _)| rule.is_none_or(|rule| counts(&rule) && is_open(rule)))
        };
        if self.start.is_some() && !free(|rule| rule.base.is_none()) {
            return Err(RuleError::Idle(text!("a start")));
        }
        if self.counting.is_some() && !free(|rule| rule.counting.is_none()) {
            return Err(RuleError::Idle(text!("a counting")));
        }
        let used = applied.into_iter().filter_map(|(rule, application)| {
            let mut rule = rule?.clone();
            rule.applied = vec![application];
            Some(rule)
        });
        Ok(used.collect())
    }

    /// How long a record is kept that has this date and is sealed on the day `created`.
    ///
    /// # Errors
    /// As [`Self::used_rules`]; [`RuleError::NeedsDate`]; [`RuleError::Retention`] beyond the calendar, or when nothing
    /// would be kept.
    pub fn retention(&self, dated: Option<NaiveDate>, created: NaiveDate) -> Result<Retention, RuleError> {
        let input = self.input(dated, created);
        let mut terms = Vec::new();
        for (rule, application) in self.applied(&input)? {
            let (bound, id) = rule.map_or((Bound::Floor, None), |rule| (rule.bound, Some(rule.id.clone())));
            let notify = rule.and_then(|rule| rule.notify);
            let who = id.as_ref().map_or_else(|| tr!("the period"), |id| tr!("rule {}", id));
            terms.push(Term { keep: application.keep(&input, &who)?, bound, rule: id, notify });
        }
        terms.extend(self.until.map(|last| Term {
            keep: Keep::Until(last),
            bound: Bound::Floor,
            rule: None,
            notify: None,
        }));
        let reviewed = self.rules.iter().any(|rule| rule.at_expiry == AtExpiry::Review);
        let by_rules = if reviewed { AtExpiry::Review } else { AtExpiry::Destroy };
        let retention = Retention { terms, at_expiry: self.at_expiry.unwrap_or(by_rules) };
        match retention.planned() {
            Standing::Until { last, .. } if last < created => Err(RetentionError::Past(last).into()),
            _ => Ok(retention),
        }
    }

    fn input(&self, dated: Option<NaiveDate>, created: NaiveDate) -> RuleInput {
        RuleInput {
            dated,
            created,
            fiscal_year_end: self.fiscal_year_end,
            period: None,
            start: self.start.clone(),
            counting: self.counting,
        }
    }

    fn applied(&self, input: &RuleInput) -> Result<Vec<Applied<'_>>, RuleError> {
        let mut applied = Vec::new();
        for rule in &self.rules {
            let period = self.retain.filter(|_| rule.period.is_none());
            applied.push((Some(rule), rule.apply(&RuleInput { period, ..input.clone() })?));
        }
        let taken = self.rules.iter().any(|rule| rule.period.is_none());
        if let Some(period) = self.retain.filter(|_| !taken) {
            // Whoever gives less than the law asks for has misunderstood something, although the law would win.
            self.rules.iter().filter(|rule| rule.bound == Bound::Floor).try_for_each(|rule| rule.allows(period))?;
            let dated = if input.dated.is_some() { Base::RecordDate } else { Base::Creation };
            let base = self.start.clone().unwrap_or(dated);
            let counting = self.counting.unwrap_or(Counting::Day);
            applied.push((None, Application::new(Length::Period(period), base, counting, self.fiscal_year_end)));
        }
        Ok(applied)
    }
}

/// The rules with these ids, each once, from `own` or the built-in ones.
///
/// # Errors
/// [`RuleError::Unknown`].
pub fn find_rules(ids: &[String], own: &[Rule]) -> Result<Vec<Rule>, RuleError> {
    let mut found: Vec<Rule> = Vec::new();
    for id in ids {
        let rule = own.iter().find(|rule| rule.id == *id).or_else(|| super::rules::find(id));
        let rule = rule.ok_or_else(|| RuleError::Unknown(id.clone()))?;
        if !found.contains(rule) {
            found.push(rule.clone());
        }
    }
    Ok(found)
}
