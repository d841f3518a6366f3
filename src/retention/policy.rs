//! The policy file: which files make up which record, who may read it, and how long it is kept.
//!
//! Spec: `spec/archive.md`, "Policy file".

use super::demand::{Demand, find_rules};
use super::period::Period;
use super::rule::{Base, Rule, RuleError};
use super::term::{Counting, FiscalYearEnd};
use super::{AtExpiry, Class, Retention, RetentionError, parse_date, rules};
use crate::language::misfit::Misfit;
use crate::language::{said, text};
use chrono::NaiveDate;
use serde::Deserialize;
use std::sync::Arc;
use tr::tr;

/// A parsed policy file.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The compartments, in the order of the file.
    pub compartments: Vec<PolicyCompartment>,
    /// The rules that it defines.
    pub rules: Vec<Rule>,
    groups: Vec<Group>,
}

/// A compartment as the policy asks for it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PolicyCompartment {
    /// Its name.
    pub name: String,
    /// Its class.
    pub class: Class,
    /// Its recipients; empty for those of the command line.
    #[serde(default)]
    pub recipients: Vec<String>,
    /// Whether sizes are padded; by default they are for confidential compartments.
    #[serde(default)]
    pub pad: Option<bool>,
}

/// Where the policy puts one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Name of the record.
    pub record: String,
    /// Index of the compartment in [`Policy::compartments`].
    pub compartment: usize,
    /// How long the record is kept.
    pub retention: Retention,
    /// The rules that ask for it, as they are used.
    pub rules: Arc<[Rule]>,
    /// The date that counts from, where the policy gives one.
    pub dated: Option<NaiveDate>,
}

/// A policy that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The file is not the TOML that is expected.
    #[error("{0}")]
    Toml(String, Option<Misfit>),
    /// A part of it makes no sense.
    #[error("{}", tr!("{what}: {why}", what = _0, why = _1))]
    Part(String, String),
    /// A part of it asks for what rules do not allow.
    #[error("{}", tr!("{what}: {why}", what = _0, why = _1))]
    Rule(String, RuleError),
}

/// Why a part cannot be used; whoever knows its place makes a [`PolicyError`] of it.
enum Reason {
    Words(String),
    Rule(RuleError),
}

impl Reason {
    fn at(self, place: String) -> PolicyError {
        match self {
            Self::Words(words) => PolicyError::Part(place, words),
            Self::Rule(error) => PolicyError::Rule(place, error),
        }
    }
}

impl From<String> for Reason {
    fn from(words: String) -> Self {
        Self::Words(words)
    }
}

impl From<&str> for Reason {
    fn from(words: &str) -> Self {
        Self::Words(words.into())
    }
}

impl From<RetentionError> for Reason {
    fn from(error: RetentionError) -> Self {
        Self::Words(error.to_string())
    }
}

impl From<RuleError> for Reason {
    fn from(error: RuleError) -> Self {
        Self::Rule(error)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    #[serde(default, rename = "compartment")]
    compartments: Vec<PolicyCompartment>,
    #[serde(default, rename = "records")]
    groups: Vec<GroupFile>,
    #[serde(default, rename = "rule")]
    rules: Vec<Rule>,
    #[serde(default, rename = "fiscal-year-end")]
    fiscal_year_end: FiscalYearEnd,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct GroupFile {
    path: String,
    record: String,
    compartment: String,
    dated: Option<String>,
    rule: Option<OneOrMore>,
    until: Option<String>,
    retain: Option<String>,
    start: Option<String>,
    counting: Option<Counting>,
    at_expiry: Option<AtExpiry>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

#[derive(Clone, Debug)]
struct Group {
    path: String,
    pattern: regex::Regex,
    record: String,
    compartment: usize,
    dated: Option<String>,
    demand: Demand,
    rules: Arc<[Rule]>,
}

impl Policy {
    /// Parses a policy file.
    ///
    /// # Errors
    /// [`PolicyError`] names the part that is wrong.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let file: PolicyFile = toml::from_str(text).map_err(|e| {
            let misfit = Misfit::of(&e, text);
            PolicyError::Toml(crate::language::of_library(e), misfit)
        })?;
        if file.compartments.is_empty() || file.groups.is_empty() {
            return Err(PolicyError::Toml(tr!("it needs at least one [[compartment]] and one [[records]]"), None));
        }
        check_own(&file.rules)?;
        let group = |group: GroupFile| {
            let place = tr!("records {}", format!("{:?}", group.path));
            Group::build(group, &file.compartments, &file.rules, file.fiscal_year_end).map_err(|what| what.at(place))
        };
        let groups = file.groups.into_iter().map(group).collect::<Result<_, _>>()?;
        Ok(Self { compartments: file.compartments, rules: file.rules, groups })
    }

    /// Where the file at `path` (below the sealed folder, `/` between components) goes, with the place in
    /// [`Self::patterns`] of the first pattern that matches. `None` where none does.
    ///
    /// # Errors
    /// [`PolicyError::Part`] when what it captured is not a date, or not a name.
    pub fn assign(&self, path: &str, created: NaiveDate) -> Result<Option<(usize, Assignment)>, PolicyError> {
        let find = |(index, group): (usize, &'_ Group)| group.pattern.captures(path).map(|captures| (index, captures));
        let Some((index, captures)) = self.groups.iter().enumerate().find_map(find) else { return Ok(None) };
        let group = &self.groups[index];
        let place = || tr!("{path} (records {})", format!("{:?}", group.path), path = path);
        let assignment = group.assign(&captures, created).map_err(|what| what.at(place()))?;
        Ok(Some((index, assignment)))
    }

    /// Parts whose records are kept for a shorter period than that of the notice which a rule without a period of its own asks for: the
    /// pattern, the rule and the period.
    pub fn long_notices(&self) -> impl Iterator<Item = (&str, &Rule, Period)> {
        self.groups.iter().flat_map(|group| {
            let retain = group.demand.retain;
            let is_longer = move |rule: &&Rule| {
                let notify = rule.notify.filter(|_| rule.period.is_none());
                notify.zip(retain).is_some_and(|(notify, retain)| notify != retain && !retain.is_at_least(notify))
            };
            let rules = group.rules.iter().filter(is_longer);
            rules.filter_map(move |rule| Some((group.path.as_str(), rule, retain?)))
        })
    }

    /// The patterns, in the order of the file.
    pub fn patterns(&self) -> impl Iterator<Item = &str> {
        self.groups.iter().map(|group| group.path.as_str())
    }
}

fn check_own(own: &[Rule]) -> Result<(), PolicyError> {
    for (index, rule) in own.iter().enumerate() {
        let what = match rule.check() {
            Err(what) => what,
            Ok(()) if !rule.applied.is_empty() => text!("`applied` is for archives to say"),
            Ok(()) if rules::find(&rule.id).is_some() => text!("a built-in rule has this id"),
            Ok(()) if own[..index].iter().any(|other| other.id == rule.id) => text!("its id stands twice"),
            Ok(()) => continue,
        };
        return Err(PolicyError::Part(tr!("rule {}", format!("{:?}", rule.id)), said(what).into_owned()));
    }
    Ok(())
}

impl Group {
    fn build(
        file: GroupFile,
        compartments: &[PolicyCompartment],
        own: &[Rule],
        fiscal_year_end: FiscalYearEnd,
    ) -> Result<Self, Reason> {
        let pattern = pattern(&file.path)?;
        let known = |name: &str| pattern.capture_names().flatten().any(|capture| capture == name);
        for template in [Some(&file.record), file.dated.as_ref()].into_iter().flatten() {
            for name in placeholders(template)? {
                if !known(name) {
                    return Err(tr!(
                        "{{{name}}} in {template} is not captured by the path",
                        name = name,
                        template = format!("{:?}", template)
                    )
                    .into());
                }
            }
        }
        let compartment = compartments
            .iter()
            .position(|c| c.name == file.compartment)
            .ok_or_else(|| tr!("there is no compartment {}", format!("{:?}", file.compartment)))?;
        let ids = match file.rule {
            None => Vec::new(),
            Some(OneOrMore::One(id)) => vec![id],
            Some(OneOrMore::More(ids)) => ids,
        };
        let demand = Demand {
            rules: find_rules(&ids, own)?,
            until: file.until.as_deref().map(parse_date).transpose()?,
            retain: file.retain.map(|period| period.parse::<Period>()).transpose()?,
            start: file.start.map(|start| start.parse::<Base>()).transpose()?,
            counting: file.counting,
            fiscal_year_end,
            at_expiry: file.at_expiry,
        };
        let rules = match demand.used_rules() {
            Err(RuleError::Nothing) => return Err(tr!("it needs one of `rule`, `until` and `retain`").into()),
            rules => rules?,
        };
        Ok(Self { path: file.path, pattern, record: file.record, compartment, dated: file.dated, demand, rules })
    }

    fn assign(&self, captures: &regex::Captures<'_>, created: NaiveDate) -> Result<Assignment, Reason> {
        let dated = match &self.dated {
            Some(template) => Some(parse_date(&fill(template, captures))?),
            None => None,
        };
        let retention = self.demand.retention(dated, created)?;
        let record = fill(&self.record, captures);
        Ok(Assignment { record, compartment: self.compartment, retention, rules: self.rules.clone(), dated })
    }
}

/// `{name}` captures within one component, `*` and `?` match within one, `**` across components.
fn pattern(path: &str) -> Result<regex::Regex, String> {
    let mut out = String::from("^");
    let mut rest = path;
    while let Some(c) = rest.chars().next() {
        if let Some(tail) = rest.strip_prefix("**/") {
            out.push_str("(?:.*/)?");
            rest = tail;
        } else if let Some(tail) = rest.strip_prefix("**") {
            out.push_str(".*");
            rest = tail;
        } else if let Some(tail) = rest.strip_prefix('{') {
            let (name, tail) = tail
                .split_once('}')
                .ok_or_else(|| tr!("a {opening} has no {closing}", opening = '{', closing = '}'))?;
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
                return Err(tr!("{{{name}}} is not a name of letters, digits and underscores", name = name));
            }
            out.push_str(&format!("(?P<{name}>[^/]+)"));
            rest = tail;
        } else {
            match c {
                '*' => out.push_str("[^/]*"),
                '?' => out.push_str("[^/]"),
                other => out.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
            }
            rest = &rest[c.len_utf8()..];
        }
    }
    out.push('$');
    let pattern = regex::RegexBuilder::new(&out).dot_matches_new_line(true).size_limit(1 << 20).build();
    pattern.map_err(|_| tr!("it is not a usable pattern: a name may be captured only once"))
}

fn placeholders(template: &str) -> Result<Vec<&str>, String> {
    let mut names = Vec::new();
    let mut rest = template;
    while let Some((_, tail)) = rest.split_once('{') {
        let (name, tail) = tail
            .split_once('}')
            .ok_or_else(|| tr!("a {{ in {template} has no }}", template = format!("{:?}", template)))?;
        names.push(name);
        rest = tail;
    }
    Ok(names)
}

fn fill(template: &str, captures: &regex::Captures<'_>) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((head, (name, tail))) = rest.split_once('{').and_then(|(head, t)| Some((head, t.split_once('}')?))) {
        out.push_str(head);
        out.push_str(captures.name(name).map_or("", |m| m.as_str()));
        rest = tail;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_longer_than_a_part_keeps_its_records_is_told() {
        let policy = |retain: &str| {
            format!(
                "[[compartment]]\nname = \"c\"\nclass = \"public\"\n[[rule]]\nid = \"own-open\"\ntitle = \"Open\"\n\
                 base = \"record-date\"\ncounting = \"day\"\nnotify = \"P1Y\"\n[[records]]\npath = \"a/**\"\nrecord = \"a\"\n\
                 compartment = \"c\"\nrule = \"own-open\"\nretain = \"{retain}\"\ndated = \"2030-01-01\"\n"
            )
        };
        for (retain, is_long) in [("P6M", true), ("P1Y", false), ("P2Y", false)] {
            let policy = Policy::parse(&policy(retain)).unwrap();
            let told: Vec<_> = policy.long_notices().map(|(path, rule, _)| (path, rule.id.as_str())).collect();
            assert_eq!(!told.is_empty(), is_long, "{retain}: {told:?}");
        }
    }

    const POLICY: &str = r#"
        [[compartment]]
        name = "accounts"
        class = "sensitive"
        [[records]]
        path = "vouchers/{year}/**"
        record = "vouchers-{year}"
        dated = "{year}-12-31"
        retain = "P30Y"
        compartment = "accounts"
        [[records]]
        path = "clients/{client}/**"
        record = "{client}"
        until = "2036-12-31"
        at-expiry = "review"
        compartment = "accounts"
    "#;

    #[test]
    fn the_first_pattern_that_matches_groups_and_dates() {
        let policy = Policy::parse(POLICY).unwrap();
        let today = parse_date("2026-11-22").unwrap();
        let (_, voucher) = policy.assign("vouchers/2019/03月/1.pdf", today).unwrap().unwrap();
        assert_eq!(voucher.record, "vouchers-2019");
        assert_eq!(voucher.retention, Retention::until(parse_date("2049-12-31").unwrap(), AtExpiry::Destroy));
        let (_, client) = policy.assign("clients/沐阳/a", today).unwrap().unwrap();
        assert_eq!((client.record.as_str(), client.retention.at_expiry), ("沐阳", AtExpiry::Review));
        assert_eq!(policy.assign("notes.txt", today).unwrap(), None);
        assert!(policy.assign("vouchers/bad/x", today).is_err());
    }

    #[test]
    fn rules_of_the_table_and_of_the_policy_give_terms() {
        let text = POLICY
            .replacen("retain = \"P30Y\"", "rule = [\"cn-accounting-voucher\", \"own\"]\nstart = \"event:moved\"", 1)
            .replacen(
                "[[compartment]]",
                "fiscal-year-end = \"03-31\"\n[[rule]]\nid = \"own\"\ntitle = \"Ours\"\nperiod = \"P2Y\"\n\
                 bound = \"ceiling\"\n[[compartment]]",
                1,
            );
        let policy = Policy::parse(&text).unwrap();
        let (_, assigned) = policy.assign("vouchers/2019/1.pdf", parse_date("2026-11-22").unwrap()).unwrap().unwrap();
        assert_eq!(assigned.retention.planned().to_string(), "2050-03-31");
        assert_eq!(assigned.retention.rules(), ["cn-accounting-voucher", "own"]);
        assert_eq!(assigned.retention.at_expiry, AtExpiry::Review);
        let own = &assigned.rules[1];
        assert_eq!(own.applied[0].base, Some(Base::Event("moved".into())));
        assert!(assigned.retention.terms.iter().zip(&*assigned.rules).all(|(term, rule)| rule.gives(term)));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (from, to) in [
            ("{year}-12-31", "{month}-12-31"),
            ("retain = \"P30Y\"", ""),
            ("compartment = \"accounts\"\n        [[records]]", "compartment = \"other\"\n        [[records]]"),
            ("\"P30Y\"", "\"P30Q\""),
            ("class =", "clas ="),
            ("retain = \"P30Y\"", "rule = \"cn-no-such\""),
            ("retain = \"P30Y\"", "rule = \"cn-tax-books\""),
            ("retain = \"P30Y\"", "rule = \"cn-tax-books\"\nstart = \"relationship-end\""),
            ("retain = \"P30Y\"", "rule = \"cn-accounting-voucher\"\nretain = \"P10Y\""),
            ("retain = \"P30Y\"", "rule = \"cn-accounting-voucher\"\nstart = \"creation\""),
            ("[[compartment]]", "fiscal-year-end = \"13-01\"\n[[compartment]]"),
            ("[[compartment]]", "[[rule]]\nid = \"cn-tax-books\"\ntitle = \"a\"\n[[compartment]]"),
            ("[[compartment]]", "[[rule]]\nid = \"Own\"\ntitle = \"a\"\n[[compartment]]"),
        ] {
            assert!(Policy::parse(&POLICY.replacen(from, to, 1)).is_err(), "{to}");
        }
    }
}
