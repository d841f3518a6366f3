//! What a letter says of somebody's records from the keyring: which there are, until when each is kept and by which rule.
//!
//! Invariant: a hold for secrecy is never mentioned; what is destroyed is never said to be kept. Memory is a few bytes for a
//! record. Spec: `spec/notices.md`, "Facts".

use super::OpsError;
use super::custody::Custody;
use crate::crypto::kdf::ArchiveId;
use crate::language::{Language, language};
use crate::retention::disposition::{Judge, RecordView};
use crate::retention::notice::{Told, is_asked_for, told};
use crate::retention::period::Period;
use crate::retention::ranges::Ranges;
use crate::retention::rule::{Confidence, Rule};
use crate::retention::term::{Counting, Keep, Retention, Standing};
use crate::retention::{AtExpiry, event, rules};
use chrono::{Datelike, NaiveDate};
use std::collections::{BTreeMap, HashMap};
use tr::tr;

/// How long a record is kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Until {
    Destroyed,
    Day(NaiveDate),
    Awaiting(Vec<Awaited>),
    Permanent,
}

/// An event that nobody recorded, and the period that begins with it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Awaited {
    event: String,
    /// As ISO 8601 spells it, with how it counts; none where the event is known by name only.
    period: Option<(String, FirstDay)>,
}

/// After what a period begins that an event starts: the day, or the end of its year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum FirstDay {
    DayAfter,
    CalendarYear,
    FiscalYear,
}

/// All that a letter says of a record; many records share one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Fact {
    until: Until,
    governed_by: Option<String>,
    rules: Vec<String>,
    review: bool,
    /// Whether a hold stops its destruction that is not secret.
    held: bool,
    /// Whether a secret one does.
    secret: bool,
    /// Whether a rule asks for a notice before its destruction.
    notify: bool,
}

/// What is known of every record of an archive.
pub struct Facts {
    /// The archive.
    pub archive: ArchiveId,
    of: Vec<u32>,
    different: Vec<Fact>,
    own_rules: Vec<Rule>,
}

/// What a letter says of the records of one person.
pub struct Said {
    /// How many of them still have keys.
    pub live: u64,
    /// Whether a hold for secrecy is on one of them.
    pub secret: bool,
    /// The latest last day, or in words what stands in its place.
    pub kept_until: String,
    /// The rules, in words.
    pub rules: String,
    /// A line for records that are kept alike.
    pub retention: String,
}

impl Facts {
    /// Gathers what is known of the archive's records; `own_rules` are those that its `archive.json` defines.
    ///
    /// # Errors
    /// Those of the keyring.
    pub fn gather(custody: &Custody, archive: ArchiveId, own_rules: Vec<Rule>) -> Result<Self, OpsError> {
        let (mut of, mut different) = (Vec::new(), Vec::new());
        let mut known: HashMap<Fact, u32> = HashMap::new();
        custody.for_each_record(Some(&archive), |judge, view, _| {
            let fact = fact(judge, view);
            let index = *known.entry(fact).or_insert_with_key(|fact| {
                different.push(fact.clone());
                different.len() as u32 - 1
            });
            let at = view.record as usize;
            if of.len() <= at {
                of.resize(at + 1, u32::MAX);
            }
            of[at] = index;
            Ok(())
        })?;
        Ok(Self { archive, of, different, own_rules })
    }

    /// Whether the archive has all of these records.
    pub fn has(&self, records: &Ranges) -> bool {
        !records.is_empty()
            && !records.contains(0)
            && records.last().is_some_and(|last| (last as usize) < self.of.len())
    }

    /// Of these records, those that are not destroyed and whose last day is after `day`, with that last day, in the order of days.
    pub fn later_than(&self, records: &Ranges, day: NaiveDate) -> Vec<Told> {
        self.told(records).into_iter().filter(|told| told.until > day).collect()
    }

    /// The last days of these records, as their letters tell them; what is destroyed, or waits for an event, has none.
    pub fn told(&self, records: &Ranges) -> Vec<Told> {
        told(records.iter().filter_map(|record| {
            let fact = self.different.get(*self.of.get(record as usize)? as usize)?;
            match fact.until {
                Until::Day(day) => Some((record, day)),
                Until::Destroyed | Until::Awaiting(_) | Until::Permanent => None,
            }
        }))
    }

    /// How many of these records, for which a rule asks for a notice, wait for an event: no letter can tell their last day.
    pub fn undated(&self, records: &Ranges) -> u64 {
        let fact = |record: u64| self.different.get(*self.of.get(record as usize)? as usize);
        let waits = |fact: &Fact| fact.notify && matches!(fact.until, Until::Awaiting(_));
        records.iter().filter(|record| fact(*record).is_some_and(waits)).count() as u64
    }

    /// What a letter about these records says, in the language of the moment. The archive has them.
    pub fn say(&self, records: &Ranges) -> Said {
        let mut alike: BTreeMap<Fact, Ranges> = BTreeMap::new();
        let mut secret = false;
        for record in records.iter() {
            if let Some(fact) = self.of.get(record as usize).and_then(|index| self.different.get(*index as usize)) {
                secret |= fact.secret;
                // A line of its own would tell of the hold as well, and what is not said makes no lines.
                alike.entry(Fact { secret: false, notify: false, ..fact.clone() }).or_default().push(record);
            }
        }
        let live = |(fact, _): &(&Fact, &Ranges)| fact.until != Until::Destroyed;
        let mut named: Vec<&str> = Vec::new();
        for rule in alike.iter().filter(live).flat_map(|(fact, _)| &fact.rules) {
            if !named.contains(&rule.as_str()) {
                named.push(rule);
            }
        }
        let separator = if language() == Language::Chinese { "；" } else { "; " };
        let rules = match named.is_empty() {
            true => tr!("a date that the firm set"),
            false => named.iter().map(|rule| self.rule(rule)).collect::<Vec<_>>().join(separator),
        };
        // The order of `Until` is that of length.
        let longest = alike.keys().map(|fact| &fact.until).max();
        Said {
            live: alike.iter().filter(live).map(|(_, records)| records.count()).sum(),
            secret,
            kept_until: longest.map_or_else(String::new, until_words),
            rules,
            retention: alike.iter().map(|(fact, records)| self.line(fact, records)).collect::<Vec<_>>().join("\n"),
        }
    }

    fn line(&self, fact: &Fact, records: &Ranges) -> String {
        let records = records.to_string();
        let mut line = match &fact.until {
            Until::Destroyed => return tr!("No. {records}: destroyed", records = records),
            Until::Day(day) if fact.review => {
                tr!(
                    "No. {records}: kept until and including {date}; then a person decides",
                    records = records,
                    date = date_words(*day)
                )
            }
            Until::Day(day) => {
                tr!(
                    "No. {records}: kept until and including {date}; then destroyed",
                    records = records,
                    date = date_words(*day)
                )
            }
            Until::Awaiting(awaited) => {
                let separator = if language() == Language::Chinese { "；" } else { "; " };
                let periods = awaited.iter().map(Awaited::words).collect::<Vec<_>>().join(separator);
                tr!(
                    "No. {records}: kept {periods}; that event has not been recorded",
                    records = records,
                    periods = periods
                )
            }
            Until::Permanent => tr!("No. {records}: kept for ever", records = records),
        };
        if let Some(rule) = &fact.governed_by {
            line = tr!("{line} (by: {rule})", line = line, rule = self.rule(rule));
        }
        if fact.held {
            line = tr!("{line}; a hold stops its destruction at present", line = line);
        }
        line
    }

    /// What a rule is called, with where it is written.
    fn rule(&self, id: &str) -> String {
        let Some(rule) = self.own_rules.iter().find(|rule| rule.id == id).or_else(|| rules::find(id)) else {
            return id.to_owned();
        };
        let title = rule.title_in(language());
        // A citation from memory does not go into a letter.
        match rule.citation.as_deref().filter(|_| rule.confidence != Some(Confidence::Low)) {
            Some(citation) => tr!("{rule}, {citation}", rule = title, citation = citation),
            None => title.to_owned(),
        }
    }
}

impl Awaited {
    /// The event with the periods that it begins in these terms.
    fn of(event: &str, retention: &Retention) -> Vec<Self> {
        let mut of: Vec<Self> = Vec::new();
        for term in &retention.terms {
            if let Keep::After(after) = &term.keep
                && after.event == event
            {
                let first = match after.counting {
                    Counting::Day => FirstDay::DayAfter,
                    Counting::CalendarYear => FirstDay::CalendarYear,
                    Counting::FiscalYear => FirstDay::FiscalYear,
                };
                let awaited = Self { event: event.to_owned(), period: Some((after.period.to_string(), first)) };
                if !of.contains(&awaited) {
                    of.push(awaited);
                }
            }
        }
        if of.is_empty() {
            of.push(Self { event: event.to_owned(), period: None });
        }
        of
    }

    fn words(&self) -> String {
        let event = event::meaning(&self.event);
        let Some((period, first)) = &self.period else {
            return tr!("for a period that begins with “{event}”", event = event);
        };
        let period = period.parse::<Period>().map_or_else(|_| period.clone(), Period::words);
        match first {
            FirstDay::DayAfter => tr!("{period} from the day after “{event}” on", period = period, event = event),
            FirstDay::CalendarYear => tr!(
                "{period} from the first day after the calendar year of “{event}” on",
                period = period,
                event = event
            ),
            FirstDay::FiscalYear => {
                tr!("{period} from the first day after the fiscal year of “{event}” on", period = period, event = event)
            }
        }
    }
}

fn fact(judge: &Judge<'_>, view: &RecordView<'_>) -> Fact {
    let standing = judge.standing(view);
    let governed_by = match &standing {
        Standing::Until { governed_by, .. } => {
            view.retention.terms.get(*governed_by).and_then(|term| term.rule.clone())
        }
        _ => None,
    };
    let until = match standing {
        _ if !view.live => Until::Destroyed,
        Standing::Until { last, .. } => Until::Day(last),
        Standing::Awaiting(events) => {
            Until::Awaiting(events.iter().flat_map(|event| Awaited::of(event, view.retention)).collect())
        }
        Standing::Permanent => Until::Permanent,
    };
    let (mut held, mut secret) = (false, false);
    for hold in judge.holds(view).filter(|_| view.live) {
        held |= !hold.secrecy;
        secret |= hold.secrecy;
    }
    let rules = view.retention.rules().into_iter().map(str::to_owned).collect();
    let notify = is_asked_for(view.retention);
    Fact { until, governed_by, rules, review: view.retention.at_expiry == AtExpiry::Review, held, secret, notify }
}

fn until_words(until: &Until) -> String {
    match until {
        Until::Destroyed => tr!("(destroyed)"),
        Until::Day(day) => date_words(*day),
        Until::Awaiting(_) => tr!("(a period that begins with an event)"),
        Until::Permanent => tr!("(for ever)"),
    }
}

/// A date as letters in the language of the moment have it.
pub fn date_words(date: NaiveDate) -> String {
    match language() {
        Language::English => date.to_string(),
        Language::Chinese => format!("{}年{}月{}日", date.year(), date.month(), date.day()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::in_language;

    #[test]
    fn dates_are_those_of_the_language() {
        let day = "2036-01-05".parse().unwrap();
        assert_eq!(in_language(Language::Chinese, || date_words(day)), "2036年1月5日");
        assert_eq!(date_words(day), "2036-01-05");
    }

    #[test]
    fn records_that_are_kept_alike_stand_on_one_line_and_secret_holds_on_none() {
        let fact = |until: Until, held, secret| Fact {
            until,
            governed_by: Some("cn-tax-books".into()),
            rules: vec!["cn-tax-books".into()],
            review: false,
            held,
            secret,
            notify: false,
        };
        let day = Until::Day("2036-12-31".parse().unwrap());
        let different = vec![
            fact(day.clone(), false, false),
            fact(day.clone(), true, false),
            fact(day, false, true),
            fact(Until::Destroyed, false, false),
        ];
        let facts = Facts { archive: [1; 16], of: vec![u32::MAX, 0, 1, 0, 2, 3], different, own_rules: Vec::new() };
        let said = facts.say(&"1-4".parse().unwrap());
        assert_eq!((said.live, said.secret, said.kept_until.as_str()), (4, true, "2036-12-31"));
        assert_eq!(said.retention.lines().count(), 2);
        assert!(said.retention.starts_with("No. 1,3-4: kept until and including 2036-12-31; then destroyed (by: "));
        assert_eq!(said.retention.matches("hold").count(), 1, "{}", said.retention);
        let gone = facts.say(&"5".parse().unwrap());
        assert_eq!((gone.live, gone.retention.as_str()), (0, "No. 5: destroyed"));
        let awaited = vec![Awaited { event: "contract-end".into(), period: Some(("P2Y".into(), FirstDay::DayAfter)) }];
        let waits = Facts {
            archive: [1; 16],
            of: vec![u32::MAX, 0],
            different: vec![fact(Until::Awaiting(awaited), false, false)],
            own_rules: Vec::new(),
        };
        let chinese = in_language(Language::Chinese, || waits.say(&"1".parse().unwrap()).retention);
        assert!(chinese.starts_with("编号 1：自“合同终止”之次日起保管 2 年；该事件尚未登记"), "{chinese}");
        assert!(!chinese.contains("contract-end") && !chinese.contains("（（"), "{chinese}");
        assert!(facts.has(&"1-5".parse().unwrap()) && !facts.has(&"1-6".parse().unwrap()));
    }
}
