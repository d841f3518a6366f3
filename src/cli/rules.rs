//! `keepuntil rules`.

use super::Done;
use super::args::{Common, Rules};
use super::create::read_policy;
use super::error::Failure;
use super::render::{self, WIDTH};
use crate::language::{Language, language};
use crate::retention::rule::{Base, Confidence, Length, Rule};
use crate::retention::rules::{NO_ADVICE, NO_ADVICE_ZH, built_in};
use crate::retention::term::{Bound, Counting};
use unicode_width::UnicodeWidthStr;

pub fn run(args: Rules, common: Common) -> Result<Done, Failure> {
    let policy = args.policy.as_deref().map(read_policy).transpose()?;
    let own = policy.map(|policy| policy.rules).unwrap_or_default();
    let all = || built_in().iter().chain(&own);
    let chosen: Vec<&Rule> = match (&args.id, &args.jurisdiction) {
        (Some(id), _) => vec![all().find(|rule| rule.id == *id).ok_or_else(|| {
            Failure::Usage(
                format!("there is no rule {id:?}"),
                "see them all with `keepuntil rules`; own rules stand in a policy: --policy FILE".into(),
            )
        })?],
        (None, Some(code)) => {
            let of_it = |rule: &&Rule| rule.jurisdiction.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(code));
            all().filter(of_it).collect()
        }
        (None, None) => all().collect(),
    };
    if chosen.is_empty() {
        return Err(Failure::Usage(
            format!("there is no rule of the jurisdiction {:?}", args.jurisdiction.unwrap_or_default()),
            "use cn, de, eu, uk or us".into(),
        ));
    }
    if common.json {
        for rule in chosen {
            let mut object = serde_json::json!(rule);
            object["message_type"] = "rule".into();
            object["advice"] = NO_ADVICE.into();
            render::json_line(&object);
        }
        return Ok(Done::Clean);
    }
    let chinese = language() == Language::Chinese;
    let text = match (&args.id, chosen.as_slice()) {
        (Some(_), [rule]) => in_full(rule, chinese),
        _ => table(&chosen, chinese),
    };
    render::print(&text)?;
    Ok(Done::Clean)
}

/// Columns that a title has, however long the ids of own rules are.
const NARROWEST: usize = 12;

fn table(rules: &[&Rule], chinese: bool) -> String {
    let heads = if chinese { ["编号", "期限", "起算", "名称"] } else { ["rule", "keep", "from", "records"] };
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    for rule in rules {
        let bound = if rule.bound == Bound::Ceiling { "≤ " } else { "" };
        let period = rule.period.map_or("?".into(), |length| length.to_string());
        rows.push(vec![rule.id.clone(), format!("{bound}{period}"), from(rule, chinese).into()]);
    }
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max();
    // A column of the table has a space on both sides.
    let taken: usize = (0..3).filter_map(width).map(|width| width + 2).sum();
    let titles = rules
        .iter()
        .map(|rule| render::shorten(title(rule, chinese), (WIDTH - 2).saturating_sub(taken).max(NARROWEST)));
    rows[1..].iter_mut().zip(titles).for_each(|(row, title)| row.push(title));
    let legend = if chinese {
        "≤ 至多（上限）；? 法律未定，须由用户给出（--retain、--start）。\n全文：keepuntil rules 编号"
    } else {
        "≤ at most; ? the law is silent, and you give it (--retain, --start).\nOne in full: keepuntil rules ID"
    };
    let advice = render::wrapped(if chinese { NO_ADVICE_ZH } else { NO_ADVICE }, 0);
    format!("{}\n{legend}\n{advice}", render::table(&rows, &[]))
}

/// What the period begins with, in one word.
fn from(rule: &Rule, chinese: bool) -> &'static str {
    let [english, other] = match (&rule.base, rule.counting) {
        _ if rule.period == Some(Length::Permanent) => ["–", "–"],
        (None, _) => ["?", "?"],
        (Some(Base::Event(_)), _) => ["event", "事件"],
        (Some(_), Some(Counting::FiscalYear)) => ["fiscal year", "会计年度末"],
        (Some(_), Some(Counting::CalendarYear)) => ["year", "年末"],
        (Some(Base::RecordDate), _) => ["date", "日期"],
        (Some(Base::Creation), _) => ["creation", "封存"],
    };
    if chinese { other } else { english }
}

fn title(rule: &Rule, chinese: bool) -> &str {
    rule.title_zh.as_deref().filter(|_| chinese).unwrap_or(&rule.title)
}

fn in_full(rule: &Rule, chinese: bool) -> String {
    let other = if chinese { Some(rule.title.as_str()) } else { rule.title_zh.as_deref() };
    let bound = if rule.bound == Bound::Ceiling { "at most " } else { "at least " };
    let period = match rule.period {
        None => format!("{bound}a period that you give: its text does not say how long"),
        Some(Length::Permanent) => "for ever".into(),
        Some(length) => format!("{bound}{length}"),
    };
    let start = match (&rule.base, rule.counting.unwrap_or(Counting::Day)) {
        _ if rule.period == Some(Length::Permanent) => String::new(),
        (None, _) => "a start that you give: its text does not say".into(),
        (Some(base), counting) => {
            let base = match base {
                Base::RecordDate => "the record's date".into(),
                Base::Creation => "the archive's creation".into(),
                Base::Event(event) => format!("the event {event}"),
            };
            match counting {
                Counting::Day => format!("the day after {base}"),
                Counting::CalendarYear => format!("the first day after the calendar year of {base}"),
                Counting::FiscalYear => format!("the first day after the fiscal year of {base}"),
            }
        }
    };
    let confidence = match rule.confidence {
        Some(Confidence::High) => "H: the text itself was read",
        Some(Confidence::Middle) => "M: from a secondary source",
        Some(Confidence::Low) => "L: from memory; check it before you rely on it",
        None => "",
    };
    let then = if rule.period == Some(Length::Permanent) { "" } else { rule.at_expiry.as_str() };
    let lines = [
        ("title", title(rule, chinese)),
        ("", other.unwrap_or_default()),
        ("jurisdiction", rule.jurisdiction.as_deref().unwrap_or_default()),
        ("records", rule.records.as_deref().unwrap_or_default()),
        ("keep", &period),
        ("from", &start),
        ("then", then),
        ("citation", rule.citation.as_deref().unwrap_or_default()),
        ("confidence", confidence),
        ("note", rule.note.as_deref().unwrap_or_default()),
    ];
    let mut text = format!("{}\n", rule.id);
    for (name, value) in lines.iter().filter(|(_, value)| !value.is_empty()) {
        text.push_str(&format!("  {name:<13}{}", render::wrapped(value, 15)));
    }
    format!("{text}\n{}", render::wrapped(if chinese { NO_ADVICE_ZH } else { NO_ADVICE }, 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retention::rules::find;

    #[test]
    fn every_line_fits_a_terminal() {
        let rules: Vec<&Rule> = built_in().iter().collect();
        for chinese in [false, true] {
            let texts = rules.iter().map(|rule| in_full(rule, chinese)).chain([table(&rules, chinese)]);
            for text in texts {
                assert!(text.lines().all(|line| line.width() <= WIDTH), "{text}");
            }
        }
    }

    #[test]
    fn one_rule_is_shown_with_its_source_and_its_limits() {
        let text = in_full(find("cn-network-log").unwrap(), false);
        for part in ["at least P6M", "the day after the record's date", "L: from memory", "no legal advice"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
