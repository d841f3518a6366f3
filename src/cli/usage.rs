//! Arguments that cannot be understood, said in the language of the moment.
//!
//! Invariant: in English the words are clap's own; in another language the same facts are said in ours, and what was typed
//! is escaped.

use super::help;
use crate::language::{Language, language, of_library};
use crate::storage::escape;
use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::error::Error as _;
use std::num::{IntErrorKind, ParseIntError};
use tr::tr;

/// Prints what clap has to say: help and version to standard output, an error to standard error; with `json` an error also as
/// an object to standard output.
pub fn report(error: &Error, json: bool) {
    if json && error.use_stderr() {
        super::render::json_line(&object(error));
    }
    let is_help = !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if is_help || language() == Language::English {
        let _ = error.print();
    } else {
        eprint!("{}", words(error));
    }
}

/// The error, what was perhaps meant, the usage, and where more is said.
fn words(error: &Error) -> String {
    let mut out = tr!("keepuntil: error: {message}", message = message(error));
    out.push('\n');
    for tip in tips(error) {
        out += &format!("  {}\n", tr!("tip: {tip}", tip = tip));
    }
    if let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) {
        out += &format!("\n{}", help::usage(&usage.to_string()));
    }
    out + &format!("\n{}\n", tr!("Add --help to the command to read more."))
}

/// The error for programs: the first line says it, what belongs to it follows.
fn object(error: &Error) -> serde_json::Value {
    let message = match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => tr!("it is not said what to do"),
        _ => message(error),
    };
    let mut lines = message.lines().map(str::trim);
    let tip = tips(error).into_iter().next();
    serde_json::json!({
        "message_type": "error", "exit_code": super::error::USAGE, "message": lines.next(),
        "list": lines.collect::<Vec<_>>(), "hint": tip.unwrap_or_else(|| tr!("Add --help to the command to read more.")),
    })
}

fn one(error: &Error, kind: ContextKind) -> Option<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => Some(escape(text)),
        Some(ContextValue::Number(number)) => Some(number.to_string()),
        _ => None,
    }
}

fn many(error: &Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![escape(text)],
        Some(ContextValue::Strings(texts)) => texts.iter().map(|text| escape(text)).collect(),
        _ => Vec::new(),
    }
}

/// A sentence with what belongs to it in further lines.
fn listed(sentence: String, items: &[String]) -> String {
    items.iter().fold(sentence, |text, item| format!("{text}\n  {item}"))
}

/// A sentence with the values that could have been given.
fn offered(sentence: String, values: &[String]) -> String {
    if values.is_empty() {
        return sentence;
    }
    let values = values.join(&tr!("between values" => ", "));
    listed(sentence, &[tr!("[possible values: {values}]", values = values)])
}

fn message(error: &Error) -> String {
    let argument = one(error, ContextKind::InvalidArg).unwrap_or_default();
    let value = one(error, ContextKind::InvalidValue).unwrap_or_default();
    let command = one(error, ContextKind::InvalidSubcommand).unwrap_or_default();
    let number = |kind| one(error, kind).unwrap_or_default();
    match error.kind() {
        ErrorKind::InvalidValue => {
            let sentence = match value.is_empty() {
                true => tr!("{argument}: a value is needed, none was given", argument = argument),
                false => tr!("{argument}: \"{value}\" is no valid value", argument = argument, value = value),
            };
            offered(sentence, &many(error, ContextKind::ValidValue))
        }
        ErrorKind::ValueValidation => match reason(error) {
            Some(reason) => {
                tr!(
                    "{argument}: \"{value}\" is no valid value: {reason}",
                    argument = argument,
                    value = value,
                    reason = reason
                )
            }
            None => tr!("{argument}: \"{value}\" is no valid value", argument = argument, value = value),
        },
        ErrorKind::UnknownArgument => tr!("\"{argument}\" is not expected here", argument = argument),
        ErrorKind::InvalidSubcommand => tr!("there is no command \"{command}\"", command = command),
        ErrorKind::MissingRequiredArgument => {
            let missing = many(error, ContextKind::InvalidArg);
            listed(tr!("something is missing that must be given:"), &missing)
        }
        ErrorKind::MissingSubcommand => {
            let sentence = tr!("after \"{command}\" must follow what it is to do", command = command);
            offered(sentence, &many(error, ContextKind::ValidSubcommand))
        }
        ErrorKind::ArgumentConflict => conflict(error),
        ErrorKind::NoEquals => tr!("{argument}: its value must follow after an equals sign", argument = argument),
        ErrorKind::TooManyValues => {
            tr!("{argument}: \"{value}\" is one value too many", argument = argument, value = value)
        }
        ErrorKind::TooFewValues => tr!(
            "{argument}: at least {needed} values are needed, {given} given",
            argument = argument,
            needed = number(ContextKind::MinValues),
            given = number(ContextKind::ActualNumValues)
        ),
        ErrorKind::WrongNumberOfValues => tr!(
            "{argument}: {needed} values are needed, {given} given",
            argument = argument,
            needed = number(ContextKind::ExpectedNumValues),
            given = number(ContextKind::ActualNumValues)
        ),
        ErrorKind::InvalidUtf8 => tr!("an argument is not UTF-8"),
        // What is not an error of usage; clap has no such today.
        _ => escape(&error.to_string()),
    }
}

/// Arguments that exclude each other.
fn conflict(error: &Error) -> String {
    let argument = one(error, ContextKind::InvalidArg).or_else(|| one(error, ContextKind::InvalidSubcommand));
    let argument = argument.unwrap_or_default();
    match many(error, ContextKind::PriorArg).as_slice() {
        [] => tr!("{argument} cannot be given together with something else that is", argument = argument),
        [other] if *other == argument => tr!("{argument} cannot be given more than once", argument = argument),
        [other] => tr!("{argument} cannot be given together with {other}", argument = argument, other = other),
        others => listed(tr!("{argument} cannot be given together with:", argument = argument), others),
    }
}

/// Why a value does not do, in words: numbers are the only values that are read while arguments are.
fn reason(error: &Error) -> Option<String> {
    let source = error.source()?;
    if let Some(number) = source.downcast_ref::<ParseIntError>() {
        return Some(match number.kind() {
            IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => tr!("the number is too large"),
            _ => tr!("not a whole number"),
        });
    }
    let text = source.to_string();
    match text.split_once(" is not in ") {
        Some((_, range)) => Some(tr!("not in {range}", range = range)),
        None => Some(escape(&of_library(text))),
    }
}

/// What was perhaps meant.
fn tips(error: &Error) -> Vec<String> {
    let mut tips = Vec::new();
    for kind in [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue] {
        // The most similar is clap's last.
        let similar: Vec<_> = many(error, kind).into_iter().rev().collect();
        if !similar.is_empty() {
            tips.push(tr!("similar: {words}", words = similar.join(&tr!("between values" => ", "))));
        }
    }
    if let Some(ContextValue::StyledStrs(suggestions)) = error.get(ContextKind::Suggested) {
        tips.extend(suggestions.iter().filter_map(|suggestion| tip(error, &suggestion.to_string())));
    }
    tips
}

/// A tip for which clap has only an English sentence.
fn tip(error: &Error, english: &str) -> Option<String> {
    let quoted = |text: &str| escape(text.trim_matches('\''));
    if english.starts_with("to pass ") {
        let typed = one(error, ContextKind::InvalidArg).or_else(|| one(error, ContextKind::InvalidSubcommand))?;
        return Some(tr!("as a value it is written: {words}", words = format!("-- {typed}")));
    }
    if let Some(words) = english.strip_suffix(" exists") {
        return Some(tr!("similar: {words}", words = quoted(words)));
    }
    let (words, _) = english.strip_prefix("subcommand ")?.split_once(" exists; ")?;
    Some(tr!("for the command {words}, leave out the -- before it", words = quoted(words)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::in_language;
    use clap::{Arg, ArgAction, Command, value_parser};

    fn command() -> Command {
        Command::new("x")
            .subcommand_required(true)
            .subcommand(
                Command::new("give")
                    .arg(Arg::new("must").long("must").required(true))
                    .arg(Arg::new("once").long("once").action(ArgAction::SetTrue).conflicts_with_all(["two", "n"]))
                    .arg(Arg::new("two").long("two").num_args(2).action(ArgAction::Append))
                    .arg(Arg::new("some").long("some").num_args(2..=3))
                    .arg(Arg::new("equal").long("equal").require_equals(true))
                    .arg(Arg::new("n").long("n").value_parser(value_parser!(u32).range(1..=9)))
                    .arg(Arg::new("how").long("how").value_parser(["text", "html"])),
            )
            .subcommand(Command::new("take").arg(Arg::new("what")))
    }

    #[test]
    fn every_error_has_its_sentence() {
        let plain = regex::Regex::new("[a-z]{3,} [a-z]{2,} [a-z]{2,}").unwrap();
        for (line, parts) in [
            ("x", &["“x”", "give"][..]),
            ("x giv", &["没有“giv”这个命令", "相近的有：give"]),
            ("x give", &["缺少", "--must <must>", "用法："]),
            ("x give --must", &["--must <must>：需要给出值"]),
            ("x give --must 1 --must 2", &["--must <must> 不能重复给出"]),
            ("x give --must 1 --once --n 2", &["不能与", "--once", "--n <n>"]),
            ("x give --must 1 --once --n 2 --two a b", &["--once", "--n <n>"]),
            ("x give --must 1 --n 10", &["--n <n>：“10”不是有效的值：不在 1..=9"]),
            ("x give --must 1 --n z", &["不是整数"]),
            ("x give --must 1 --n 99999999999999999999", &["数字过大"]),
            ("x give --must 1 --how txt", &["“txt”不是有效的值", "[可选值：text、html]", "相近的有：text"]),
            ("x give --must 1 --two a", &["--two <two> <two>：需要 2 个值，给出了 1 个"]),
            ("x give --must 1 --some a", &["至少需要 2 个值"]),
            ("x give --must 1 --equal a", &["等号"]),
            ("x give --must=1 --once=2", &["多出了一个值“2”"]),
            ("x give --mist 1", &["不应有“--mist”", "相近的有：--must"]),
            ("x take --\u{1b}[31m", &["不应有“--\\u{1b}[31m”", "-- --\\u{1b}[31m"]),
            ("x take a b", &["不应有“b”"]),
            ("x -- give", &["give", "--"]),
        ] {
            let error = command().try_get_matches_from(line.split(' ')).unwrap_err();
            let said = in_language(Language::Chinese, || words(&error));
            assert!(said.starts_with("keepuntil: 错误："), "{line}: {said}");
            assert!(parts.iter().all(|part| said.contains(part)), "{line}: {parts:?}: {said}");
            assert!(said.ends_with("--help 可查看说明。\n"), "{line}: {said}");
            assert!(!plain.is_match(&said), "{line}: {said}");
        }
    }
}
