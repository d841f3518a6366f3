//! The built-in rules: data under `rules/`, one file a jurisdiction. They are no legal advice.

use super::rule::Rule;
use crate::language::text;
use serde::Deserialize;
use std::sync::LazyLock;

const FILES: [&str; 5] = [
    include_str!("rules/cn.toml"),
    include_str!("rules/de.toml"),
    include_str!("rules/eu.toml"),
    include_str!("rules/uk.toml"),
    include_str!("rules/us.toml"),
];

/// What is said wherever they are listed.
pub const NO_ADVICE: &str = text!(
    "This list is no legal advice: it may be wrong, incomplete or out of date. Read the text that is cited, or ask a lawyer."
);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    rule: Vec<Rule>,
}

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let parse = |text: &&str| toml::from_str::<RuleFile>(text).expect("the built-in rules are valid").rule;
    FILES.iter().flat_map(parse).collect()
});

/// All of them, jurisdiction by jurisdiction.
pub fn built_in() -> &'static [Rule] {
    &RULES
}

/// The one with this id.
pub fn find(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}
