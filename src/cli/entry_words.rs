//! An entry of the journal as people read it: in English its own names and codes, in other languages words for them, with the
//! code in brackets where it is typed somewhere.

use super::report::words;
use super::{codes, render};
use crate::journal::entry::Leaf;
use crate::language::{Language, language};
use crate::retention::event;
use crate::storage::escape;
use serde_json::Value;
use tr::tr;

/// Number, time and kind, and its fields as `name value`, a line each.
pub fn lines(index: u64, leaf: &Leaf) -> String {
    let value = serde_json::to_value(leaf).expect("a leaf is always JSON");
    let kind = leaf.entry.kind();
    let time = value["time"].as_str().unwrap_or_default();
    let is_english = language() == Language::English;
    let what = if is_english { kind.to_owned() } else { entry(kind) };
    let mut text = escape(&format!("{index:>6}  {time}  {what}")) + "\n";
    for (name, value) in value["entry"][kind].as_object().into_iter().flatten() {
        let shown = match is_english {
            true => format!("{name} {}", spaced(value)),
            false => format!("{} {}", field(kind, name), in_words(kind, name, value)),
        };
        text.push_str(&format!("{:8}{}", "", render::wrapped(&escape(&shown), 8)));
    }
    text
}

/// A value with spaces, where its lines may end.
fn spaced(value: &Value) -> String {
    match value {
        Value::Array(values) => format!("[{}]", values.iter().map(spaced).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| format!("{name}: {}", spaced(value));
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What happened.
fn entry(kind: &str) -> String {
    match kind {
        "made" => tr!("entry" => "made"),
        "deposit" => tr!("entry" => "deposit"),
        "export" => tr!("entry" => "export"),
        "hold" => tr!("entry" => "hold"),
        "release" => tr!("entry" => "release"),
        "extension" => tr!("entry" => "extension"),
        "event" => tr!("entry" => "event"),
        "roster" => tr!("entry" => "roster"),
        "settings" => tr!("entry" => "settings"),
        "plan" => tr!("entry" => "plan"),
        "cancelled" => tr!("entry" => "cancelled"),
        "intent" => tr!("entry" => "intent"),
        "destroyed" => tr!("entry" => "destroyed"),
        "clock-alarm" => tr!("entry" => "clock-alarm"),
        "clock-alarm-closed" => tr!("entry" => "clock-alarm-closed"),
        "clock-confirmed" => tr!("entry" => "clock-confirmed"),
        "verified" => tr!("entry" => "verified"),
        "disclosure-policy" => tr!("entry" => "disclosure-policy"),
        "request" => tr!("entry" => "request"),
        "refusal" => tr!("entry" => "refusal"),
        "grant" => tr!("entry" => "grant"),
        "receipt" => tr!("entry" => "receipt"),
        "notice" => tr!("entry" => "notice"),
        "reply" => tr!("entry" => "reply"),
        "answer" => tr!("entry" => "answer"),
        other => other.to_owned(),
    }
}

/// The name of one of its fields.
fn field(kind: &str, name: &str) -> String {
    match (kind, name) {
        ("receipt" | "clock-confirmed", "by") => tr!("of entry" => "signed or shown by"),
        (_, "by") => tr!("of entry" => "by"),
        (_, "text") => tr!("of entry" => "text"),
        (_, "approvals") => tr!("of entry" => "approvals"),
        (_, "archive") => tr!("of entry" => "archive"),
        (_, "compartment") => tr!("of entry" => "compartment"),
        (_, "cool_off_days") => tr!("of entry" => "cool_off_days"),
        (_, "corrects") => tr!("of entry" => "corrects"),
        (_, "count") => tr!("of entry" => "count"),
        (_, "date") => tr!("of entry" => "date"),
        (_, "deep") => tr!("of entry" => "deep"),
        (_, "default") => tr!("of entry" => "default"),
        (_, "document") => tr!("of entry" => "document"),
        (_, "due") => tr!("of entry" => "due"),
        (_, "event" | "hold" | "purge" | "refusal" | "grant" | "notice" | "reply") => tr!("of entry" => "id"),
        (_, "fiscal_year_end") => tr!("of entry" => "fiscal_year_end"),
        (_, "from") => tr!("of entry" => "from"),
        (_, "generation") => tr!("of entry" => "generation"),
        (_, "held_exports") => tr!("of entry" => "held_exports"),
        (_, "inventory") => tr!("of entry" => "inventory"),
        (_, "items") => tr!("of entry" => "items"),
        (_, "keyring") => tr!("of entry" => "keyring"),
        (_, "kind") => tr!("of entry" => "kind"),
        (_, "letters") => tr!("of entry" => "letters"),
        (_, "mark") => tr!("of entry" => "mark"),
        (_, "name") => tr!("of entry" => "name"),
        (_, "on") => tr!("of entry" => "on"),
        (_, "outcome") => tr!("of entry" => "outcome"),
        (_, "plan_approvals") => tr!("of entry" => "plan_approvals"),
        (_, "purpose") => tr!("of entry" => "purpose"),
        (_, "reason") => tr!("of entry" => "reason"),
        (_, "received") => tr!("of entry" => "received"),
        (_, "records") => tr!("of entry" => "records"),
        (_, "request") => tr!("of entry" => "request"),
        (_, "requester") => tr!("of entry" => "requester"),
        (_, "root") => tr!("of entry" => "root"),
        (_, "rule") => tr!("of entry" => "rule"),
        (_, "rules") => tr!("of entry" => "rules"),
        (_, "scope") => tr!("of entry" => "scope"),
        (_, "secrecy") => tr!("of entry" => "secrecy"),
        (_, "sha256") => "SHA-256".into(),
        (_, "shown" | "wall") => tr!("of entry" => "shown"),
        (_, "signed_under") => tr!("of entry" => "signed_under"),
        (_, "time") => tr!("of entry" => "time"),
        (_, "timestamp_authorities") => tr!("of entry" => "timestamp_authorities"),
        (_, "typed_confirmation") => tr!("of entry" => "typed_confirmation"),
        (_, "until") => tr!("of entry" => "until"),
        (_, "what") => tr!("of entry" => "what"),
        (_, "witnesses") => tr!("of entry" => "witnesses"),
        (_, other) => other.to_owned(),
    }
}

fn in_words(kind: &str, name: &str, value: &Value) -> String {
    match value {
        Value::String(text) => coded(kind, name, text),
        Value::Bool(true) => tr!("entry" => "yes"),
        Value::Bool(false) => tr!("entry" => "no"),
        Value::Array(items) if items.is_empty() => tr!("entry" => "none"),
        Value::Array(items) => {
            let each: Vec<String> = items.iter().map(|item| in_words(kind, name, item)).collect();
            each.join(&tr!("list" => ", "))
        }
        Value::Object(fields) if fields.is_empty() => tr!("entry" => "everything"),
        Value::Object(fields) => {
            // Rules stand there by their ids; every other name is one of the format's.
            let named = |key: &String| if name == "rules" { key.clone() } else { field(kind, key) };
            let each = fields.iter().map(|(key, value)| format!("{} {}", named(key), in_words(kind, key, value)));
            tr!("entry" => "({fields})", fields = each.collect::<Vec<_>>().join(&tr!("fields" => ", ")))
        }
        Value::Number(_) | Value::Null => value.to_string(),
    }
}

/// A text, which is a code in some fields.
fn coded(kind: &str, name: &str, text: &str) -> String {
    match (kind, name) {
        ("request", "purpose") => codes::purpose(text),
        ("refusal", "reason") => codes::reason(text),
        ("notice" | "reply" | "answer", "kind" | "by" | "outcome") => codes::of_notice(text),
        ("receipt", "what") => words::handled(text),
        ("event", "name") => event::named(text),
        ("clock-confirmed", "by") => match text {
            "approver" => tr!("clock of" => "approver"),
            "witness" => tr!("clock of" => "witness"),
            "timestamp-authority" => tr!("clock of" => "timestamp-authority"),
            "typed" => tr!("clock of" => "typed"),
            other => other.to_owned(),
        },
        ("verified", "outcome") => match text {
            "whole" => tr!("verified" => "whole"),
            "damaged" => tr!("verified" => "damaged"),
            other => other.to_owned(),
        },
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::entry::{Entry, Scope};
    use crate::language::in_language;

    fn leaf(entry: Entry) -> Leaf {
        let time = "2031-02-03T04:05:06Z".parse().unwrap();
        Leaf { time, salt: [0; 16], entry }
    }

    #[test]
    fn an_entry_has_words_in_chinese_and_its_own_names_in_english() {
        let event = leaf(Entry::Event {
            event: [1; 16],
            name: "contract-end".into(),
            date: "2031-01-01".parse().unwrap(),
            scope: Scope { rule: Some("cn-labour-contract".into()), ..Scope::default() },
            corrects: None,
            approvals: Vec::new(),
        });
        let id = "01".repeat(16);
        let of = |language| in_language(language, || lines(7, &event)).replace("\n        ", " | ");
        assert_eq!(
            of(Language::English),
            format!(
                "     7  2031-02-03T04:05:06Z  event | approvals [] | date 2031-01-01 | event {id} | name contract-end | \
                 scope {{rule: cn-labour-contract}}\n"
            )
        );
        assert_eq!(
            of(Language::Chinese),
            format!(
                "     7  2031-02-03T04:05:06Z  登记事件 | 批准 无 | 日期 2031-01-01 | 编号 {id} | 名称 合同终止（contract-end） | \
                 范围 （规则 cn-labour-contract）\n"
            )
        );
    }

    #[test]
    fn no_name_of_the_format_is_left_without_words() {
        let source = include_str!("../journal/entry.rs").split("/// How many people a plan needs.").next().unwrap();
        let entry_part = source.split("pub enum Entry {").nth(1).unwrap();
        let fields = entry_part.lines().filter_map(|line| line.trim_start().split_once(": ").map(|(name, _)| name));
        let fields: Vec<&str> =
            fields.filter(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_')).collect();
        assert!(fields.len() > 40, "{fields:?}");
        for name in fields {
            let said = in_language(Language::Chinese, || field("", name));
            assert!(name == "sha256" || !said.is_ascii(), "{name}: {said}");
        }
        let kinds = include_str!("../journal/entry.rs").split("pub fn kind(&self)").nth(1).unwrap();
        let kinds = kinds.split("fn check").next().unwrap().split('"').skip(1).step_by(2);
        for kind in kinds {
            let said = in_language(Language::Chinese, || entry(kind));
            assert!(!said.is_ascii(), "{kind}: {said}");
        }
    }
}
