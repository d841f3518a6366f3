//! Forms: what names of folders and files usually stand for, as data in `forms.toml`.
//!
//! Invariant: a form suggests a rule only where the rule's law says both period and start.

use super::words::titled;
use crate::retention::Class;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// What a name stands for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Form {
    /// Lower-case letters and hyphens.
    pub id: String,
    /// What it is called.
    title: String,
    /// The same in Chinese.
    title_zh: String,
    /// Names that it has, in lower case.
    pub words: Vec<String>,
    /// What becomes one record.
    pub unit: Unit,
    /// The lowest class.
    pub class: Class,
    /// The compartment.
    pub place: String,
    /// The rule that it suggests, by jurisdiction.
    #[serde(default)]
    rule: BTreeMap<String, String>,
    /// Why a person must look.
    #[serde(default)]
    ask: Option<String>,
    /// The same in Chinese.
    #[serde(default)]
    ask_zh: Option<String>,
    /// The jurisdictions where that is so; empty for all.
    #[serde(default)]
    ask_in: Vec<String>,
    /// Rules that may be meant but leave period or start open, by jurisdiction.
    #[serde(default)]
    silent: BTreeMap<String, Vec<String>>,
    /// Rules for some firms only, by jurisdiction.
    #[serde(default)]
    other: BTreeMap<String, Vec<String>>,
    /// The event that contracts usually let a period begin with.
    #[serde(default)]
    pub event: Option<String>,
    /// Whether the law sends them to somebody else.
    #[serde(default)]
    pub elsewhere: bool,
}

/// What becomes one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Every entry of the folder.
    Entry,
    /// Every year.
    Year,
    /// The folder.
    Whole,
    /// What is found inside decides.
    Mixed,
}

impl Form {
    /// What it is called, in the language of the moment.
    pub fn title(&self) -> &str {
        titled(&self.title, Some(&self.title_zh))
    }

    /// The rule that it suggests there.
    pub fn rule(&self, jurisdiction: &str) -> Option<&str> {
        self.rule.get(jurisdiction).map(String::as_str)
    }

    /// Why a person must look, in the language of the moment.
    pub fn asks(&self, jurisdiction: &str) -> Option<&str> {
        let there = self.ask_in.is_empty() || self.ask_in.iter().any(|own| own == jurisdiction);
        self.ask.as_deref().filter(|_| there).map(|ask| titled(ask, self.ask_zh.as_deref()))
    }

    /// The rules that may be meant, and need more than is known.
    pub fn open_rules(&self, jurisdiction: &str) -> impl Iterator<Item = &str> {
        let of = |rules: &'_ BTreeMap<String, Vec<String>>| rules.get(jurisdiction).cloned().unwrap_or_default();
        let named = of(&self.silent).into_iter().chain(of(&self.other));
        named.filter_map(|id| crate::retention::rules::find(&id)).map(|rule| rule.id.as_str())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FormFile {
    form: Vec<Form>,
}

static FORMS: LazyLock<Vec<Form>> = LazyLock::new(|| {
    toml::from_str::<FormFile>(include_str!("forms.toml")).expect("the built-in forms are valid").form
});

/// All of them.
pub fn forms() -> &'static [Form] {
    &FORMS
}

/// Index of the form whose word fits a name best, and that word.
pub fn of_name(name: &str) -> Option<(usize, &'static str)> {
    let name = name.to_lowercase();
    let words = FORMS.iter().enumerate().flat_map(|(index, form)| form.words.iter().map(move |word| (index, word)));
    // A Chinese character says as much as several letters.
    let weight = |word: &str| word.chars().map(|c| if c.is_ascii() { 1 } else { 4 }).sum::<usize>();
    let fitting = words.filter(|(_, word)| stands_in(word, &name));
    // Of equals the first counts.
    let best = fitting.fold(None, |best: Option<(usize, &String)>, (index, word)| match best {
        Some((_, other)) if weight(other) >= weight(word) => best,
        _ => Some((index, word)),
    });
    best.map(|(index, word)| (index, word.as_str()))
}

/// Whether a word stands in a name: Chinese anywhere, others between what is no letter, also with a plural s.
fn stands_in(word: &str, name: &str) -> bool {
    let is_letter = |c: char| c.is_alphabetic() && (c.is_ascii() || !is_han(c));
    let whole = !word.chars().any(is_han);
    let is_digit = |c: char| c.is_ascii_digit();
    // 1099 is a form, 21099 a number.
    let in_number = |at: usize| {
        word.starts_with(is_digit) && name[..at].ends_with(is_digit)
            || word.ends_with(is_digit) && name[at + word.len()..].starts_with(is_digit)
    };
    name.match_indices(word).filter(|(at, _)| !in_number(*at)).any(|(at, _)| {
        let after = &name[at + word.len()..];
        let after = after.strip_prefix('s').filter(|rest| !rest.starts_with(is_letter)).unwrap_or(after);
        !whole || !(name[..at].ends_with(is_letter) || after.starts_with(is_letter))
    })
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retention::rule::Length;
    use crate::retention::rules::find;

    #[test]
    fn the_longest_word_that_fits_decides() {
        let id = |name: &str| of_name(name).map(|(index, _)| FORMS[index].id.as_str());
        for (name, form) in [
            ("会计凭证", Some("voucher")),
            ("2019年记账凭证.csv", Some("voucher")),
            ("劳动合同", Some("labour-contract")),
            ("合同", Some("contract")),
            ("年度财务报告", Some("annual-report")),
            ("财务", Some("accounts")),
            ("Vouchers", Some("voucher")),
            ("clients", Some("client")),
            ("Bank Statements 2019", Some("interim-report")),
            ("customer_files", Some("client")),
            ("Lohnabrechnungen 2021", Some("payroll")),
            ("Personalakten", Some("staff")),
            ("Belege", Some("voucher")),
            ("Jahresabschlüsse", Some("annual-report")),
            ("Mandanten", Some("client")),
            ("W-2 2023", Some("payroll")),
            ("P60", Some("payroll")),
            ("1099s", Some("tax")),
            ("21099", None),
            ("10990", None),
            ("VAT 2023", Some("tax")),
            ("three", None),
            ("syntax", None),
            ("logistics", None),
            ("客户身份资料", Some("aml")),
            ("", None),
        ] {
            assert_eq!(id(name), form, "{name}");
        }
    }

    #[test]
    fn suggested_rules_are_there_and_leave_nothing_open() {
        for form in forms() {
            for (jurisdiction, id) in &form.rule {
                let rule = find(id).unwrap_or_else(|| panic!("{id}"));
                assert_eq!(rule.jurisdiction.as_ref(), Some(jurisdiction), "{id}");
                assert!(
                    rule.period == Some(Length::Permanent) || (rule.period.is_some() && rule.base.is_some()),
                    "{id}"
                );
            }
            for ids in form.silent.values().chain(form.other.values()) {
                assert!(ids.iter().all(|id| find(id).is_some()), "{ids:?}");
            }
            for ids in form.silent.values() {
                let open = |id: &String| find(id).is_some_and(|rule| rule.period.is_none() || rule.base.is_none());
                assert!(form.elsewhere || ids.iter().all(open), "{ids:?}");
            }
            assert!(form.words.iter().all(|word| *word == word.to_lowercase()), "{}", form.id);
            assert_eq!(form.ask.is_some(), form.ask_zh.is_some(), "{}", form.id);
        }
    }
}
