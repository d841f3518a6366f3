//! `keepuntil rules`.

use super::args::{Common, Rules};
use super::create::read_policy;
use super::error::Failure;
use super::render::{self, WIDTH};
use super::{Done, kept};
use crate::language::{Language, language, said};
use crate::retention::rule::{Base, Confidence, Length, Rule};
use crate::retention::rules::{NO_ADVICE, built_in};
use crate::retention::term::{Bound, Counting};
use tr::tr;
use unicode_width::UnicodeWidthStr;

pub fn run(args: Rules, common: Common) -> Result<Done, Failure> {
    let policy = args.policy.as_deref().map(read_policy).transpose()?.map(|(policy, _)| policy);
    let own = policy.map(|policy| policy.rules).unwrap_or_default();
    let all = || built_in().iter().chain(&own);
    let chosen: Vec<&Rule> = match (&args.id, &args.jurisdiction) {
        (Some(id), _) => vec![all().find(|rule| rule.id == *id).ok_or_else(|| {
            Failure::Usage(
                tr!("there is no rule {id}", id = format!("{id:?}")),
                tr!("see them all with `keepuntil rules`; own rules stand in a policy: --policy FILE"),
            )
        })?],
        (None, Some(code)) => {
            let of_it = |rule: &&Rule| rule.jurisdiction.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(code));
            all().filter(of_it).collect()
        }
        (None, None) => all().collect(),
    };
    if chosen.is_empty() {
        let code = format!("{:?}", args.jurisdiction.unwrap_or_default());
        return Err(Failure::Usage(
            tr!("there is no rule of the jurisdiction {code}", code = code),
            tr!("use cn, de, eu, uk or us"),
        ));
    }
    if common.json {
        chosen.iter().for_each(|rule| render::json_line(&json(rule)));
        render::end_of_list(chosen.len() as u64);
        return Ok(Done::Clean);
    }
    let text = match (&args.id, chosen.as_slice()) {
        (Some(_), [rule]) => in_full(rule),
        _ => table(&chosen),
    };
    render::print(&text)?;
    Ok(Done::Clean)
}

fn json(rule: &Rule) -> serde_json::Value {
    serde_json::json!({
        "message_type": "rule", "rule": rule.id, "jurisdiction": rule.jurisdiction, "title": rule.title,
        "title_zh": rule.title_zh, "applies_to": rule.records, "period": rule.period, "base": rule.base,
        "counting": rule.counting, "bound": rule.bound, "at_expiry": rule.at_expiry, "notify": rule.notify,
        "citation": rule.citation, "confidence": rule.confidence, "note": rule.note, "applied": rule.applied,
        "advice": NO_ADVICE,
    })
}

/// Columns that a title has, however long the ids of own rules are.
const NARROWEST: usize = 12;

fn table(rules: &[&Rule]) -> String {
    let heads = [tr!("rules" => "rule"), tr!("rules" => "keep"), tr!("rules" => "from"), tr!("rules" => "records")];
    let mut rows = vec![heads.to_vec()];
    for rule in rules {
        let bound = if rule.bound == Bound::Ceiling { "≤ " } else { "" };
        let period = match rule.period {
            None => "?".into(),
            Some(Length::Permanent) => tr!("permanent"),
            Some(Length::Period(period)) => period.words(),
        };
        rows.push(vec![rule.id.clone(), format!("{bound}{period}"), from(rule)]);
    }
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max();
    // A column of the table has a space on both sides.
    let taken: usize = (0..3).filter_map(width).map(|width| width + 2).sum();
    let titles =
        rules.iter().map(|rule| render::shorten(titles(rule).0, (WIDTH - 2).saturating_sub(taken).max(NARROWEST)));
    rows[1..].iter_mut().zip(titles).for_each(|(row, title)| row.push(title));
    let legend =
        tr!("≤ at most; ? the law is silent, and you give it (--retain, --start).\nOne in full: keepuntil rules ID");
    let advice = render::wrapped(&said(NO_ADVICE), 0);
    format!("{}\n{legend}\n{advice}", render::table(&rows, &[]))
}

/// What the period begins with, in one word.
fn from(rule: &Rule) -> String {
    match (&rule.base, rule.counting) {
        _ if rule.period == Some(Length::Permanent) => "–".into(),
        (None, _) => "?".into(),
        (Some(Base::Event(_)), _) => tr!("counted from" => "event"),
        (Some(_), Some(Counting::FiscalYear)) => tr!("counted from" => "fiscal year"),
        (Some(_), Some(Counting::CalendarYear)) => tr!("counted from" => "year"),
        (Some(Base::RecordDate), _) => tr!("counted from" => "date"),
        (Some(Base::Creation), _) => tr!("counted from" => "creation"),
    }
}

/// The title in the language of the moment, and in English also the Chinese one, as which Chinese law knows the records.
fn titles(rule: &Rule) -> (&str, Option<&str>) {
    match (language(), rule.title_zh.as_deref()) {
        (Language::Chinese, Some(chinese)) => (chinese, None),
        (_, chinese) => (&rule.title, chinese),
    }
}

fn period(rule: &Rule) -> String {
    match (rule.period, rule.bound) {
        (None, Bound::Floor) => tr!("at least a period that you give: its text does not say how long"),
        (None, Bound::Ceiling) => tr!("at most a period that you give: its text does not say how long"),
        (Some(Length::Permanent), _) => tr!("for ever"),
        (Some(Length::Period(period)), Bound::Floor) => tr!("at least {period}", period = period.words()),
        (Some(Length::Period(period)), Bound::Ceiling) => tr!("at most {period}", period = period.words()),
    }
}

fn start(rule: &Rule) -> String {
    if rule.period == Some(Length::Permanent) {
        return String::new();
    }
    let day = match &rule.base {
        None => return tr!("a start that you give: its text does not say"),
        Some(Base::RecordDate) => tr!("the record's date"),
        Some(Base::Creation) => tr!("the archive's creation"),
        Some(Base::Event(event)) => tr!("the event {event}", event = event),
    };
    match rule.counting.unwrap_or(Counting::Day) {
        Counting::Day => tr!("the day after {day}", day = day),
        Counting::CalendarYear => tr!("the first day after the calendar year of {day}", day = day),
        Counting::FiscalYear => tr!("the first day after the fiscal year of {day}", day = day),
    }
}

fn in_full(rule: &Rule) -> String {
    let (title, other) = titles(rule);
    let confidence = match rule.confidence {
        Some(Confidence::High) => tr!("H: the text itself was read"),
        Some(Confidence::Middle) => tr!("M: from a secondary source"),
        Some(Confidence::Low) => tr!("L: from memory; check it before you rely on it"),
        None => String::new(),
    };
    let is_permanent = rule.period == Some(Length::Permanent);
    let then = if is_permanent { String::new() } else { kept::at_expiry(rule.at_expiry) };
    let given = |value: &Option<String>| value.clone().unwrap_or_default();
    // Texts of built-in rules are translated; those of a firm's own stand as they were written.
    let words = |value: &Option<String>| value.as_deref().map(said).unwrap_or_default().into_owned();
    let lines = [
        (tr!("rule" => "title"), title.to_owned()),
        (String::new(), other.unwrap_or_default().to_owned()),
        (tr!("rule" => "jurisdiction"), given(&rule.jurisdiction)),
        (tr!("rule" => "records"), words(&rule.records)),
        (tr!("rule" => "keep"), period(rule)),
        (tr!("rule" => "from"), start(rule)),
        (tr!("rule" => "then"), then),
        (tr!("rule" => "citation"), given(&rule.citation)),
        (tr!("rule" => "confidence"), confidence),
        (tr!("rule" => "note"), words(&rule.note)),
    ];
    let mut text = format!("{}\n", rule.id);
    for (name, value) in lines.iter().filter(|(_, value)| !value.is_empty()) {
        text.push_str(&render::field(name, render::wrapped(value, 15).trim_end(), 15));
    }
    format!("{text}\n{}", render::wrapped(&said(NO_ADVICE), 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::in_language;
    use crate::retention::rules::find;

    #[test]
    fn every_line_fits_a_terminal() {
        let rules: Vec<&Rule> = built_in().iter().collect();
        for language in Language::ALL {
            let texts: Vec<String> =
                in_language(language, || rules.iter().map(|rule| in_full(rule)).chain([table(&rules)]).collect());
            for text in texts {
                assert!(text.lines().all(|line| line.width() <= WIDTH), "{text}");
            }
        }
    }

    #[test]
    fn one_rule_is_shown_with_its_source_and_its_limits() {
        let text = in_full(find("cn-network-log").unwrap());
        for part in ["at least 6 months", "the day after the record's date", "L: from memory", "no legal advice"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
