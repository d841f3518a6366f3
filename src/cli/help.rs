//! The help in the language of the moment: the texts of all commands and arguments, translated by their English text.
//!
//! Invariant: in English the help is clap's own. In another language the same facts are composed here, since clap has no
//! other words of its own than English ones and breaks lines at spaces only.

use super::args::Cli;
use super::sheet::wrap;
use crate::language::{Language, language, said, text};
use clap::builder::{PossibleValue, PossibleValuesParser, StyledStr};
use clap::{Arg, Command, CommandFactory};
use std::collections::BTreeSet;
use std::fmt::Write;
use tr::tr;
use unicode_width::UnicodeWidthStr;

/// Where descriptions begin at most: a longer name has its description in the next line.
const WIDEST_NAME: usize = 30;

/// The command as it is parsed, with all its texts in the language of the moment.
pub fn command() -> Command {
    if language() == Language::English {
        return Cli::command();
    }
    with_help(localised(built()))
}

/// The same for descriptions in other files, such as those that shells show; it is not parsed.
pub fn described() -> Command {
    if language() == Language::English {
        return Cli::command();
    }
    with_said_values(localised(built()))
}

/// The command with what clap itself adds to it.
fn built() -> Command {
    let mut command = Cli::command();
    command.build();
    command
}

/// A command with the texts of itself and of all below it in the language of the moment.
pub fn localised(command: Command) -> Command {
    if language() == Language::English {
        return command;
    }
    let text = |text: Option<&StyledStr>| text.map(|text| paragraphs_said(&text.to_string()));
    let (about, long_about) = (text(command.get_about()), text(command.get_long_about()));
    let (before, after) = (text(command.get_before_help()), text(command.get_after_help()));
    let mut command = command;
    if let Some(text) = about {
        command = command.about(text);
    }
    if let Some(text) = long_about {
        command = command.long_about(text);
    }
    if let Some(text) = before {
        command = command.before_help(text);
    }
    if let Some(text) = after {
        command = command.after_help(text);
    }
    command.mut_args(localised_arg).mut_subcommands(localised)
}

fn localised_arg(arg: Arg) -> Arg {
    let text = |text: Option<&StyledStr>| text.map(|text| said(&text.to_string()).into_owned());
    let (help, long) = (text(arg.get_help()), text(arg.get_long_help()));
    let mut arg = arg;
    if let Some(text) = help {
        arg = arg.help(text);
    }
    if let Some(text) = long {
        arg = arg.long_help(text);
    }
    arg
}

/// What is said about the values of an argument, too; they are no longer read as what they mean.
fn with_said_values(command: Command) -> Command {
    let of_arg = |arg: Arg| {
        let values = possible_values(&arg);
        if values.iter().all(|value| value.get_help().is_none()) {
            return arg;
        }
        let values = values.into_iter().map(|value| match value.get_help().map(ToString::to_string) {
            Some(help) => value.help(said(&help).into_owned()),
            None => value,
        });
        arg.value_parser(PossibleValuesParser::new(values.collect::<Vec<_>>()))
    };
    command.mut_args(of_arg).mut_subcommands(with_said_values)
}

/// The values that an argument takes, where they are listed.
fn possible_values(arg: &Arg) -> Vec<PossibleValue> {
    match arg.get_action().takes_values() {
        true => arg.get_possible_values().into_iter().filter(|value| !value.is_hide_set()).collect(),
        false => Vec::new(),
    }
}

/// The heading of a paragraph of examples, and its lines, which are the same in every language but for [`SAMPLES`].
pub fn examples(paragraph: &str) -> Option<(&str, &str)> {
    let (heading, lines) = paragraph.split_once('\n')?;
    let is_one = |english: &str| heading == english || heading == said(english);
    (is_one(text!("Example:")) || is_one(text!("Examples:"))).then_some((heading, lines))
}

/// What stands in examples for words of people, who write them in their own language.
const SAMPLES: [&str; 16] = [
    text!("'Smith*'"),
    text!("'Statutory audit of 2019'"),
    text!("'my own file'"),
    text!("'for my pension'"),
    text!("'Smith v. Jones'"),
    text!("'District Court, case 12/2031'"),
    text!("--matter investigation"),
    text!("'Public Prosecutor'"),
    text!("--matter audit"),
    text!("'tax office'"),
    text!("'Lantern Ltd'"),
    text!("--to Lantern"),
    text!("'The engagement letter covers 2019 only.'"),
    text!("'Shanghai, …'"),
    text!("'needs the file for a claim'"),
    text!("'The statutory period has not run.'"),
];

/// What stands in commands of hints for the file of somebody's private key.
pub fn sample_key() -> String {
    tr!("sample" => "KEY")
}

/// The same for the signature of somebody.
pub fn sample_signature() -> String {
    tr!("sample" => "NAME.sig")
}

/// Lines of examples with the samples of the language of the moment.
fn with_samples(lines: &str) -> String {
    SAMPLES.iter().fold(lines.to_owned(), |lines, sample| lines.replace(sample, &said(sample)))
}

fn paragraphs_said(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(|paragraph| match examples(paragraph) {
        Some((heading, lines)) => format!("{}\n{}", said(heading), with_samples(lines)),
        None => said(paragraph).into_owned(),
    });
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

/// A name as it is typed, and what it is for.
pub struct Entry {
    pub name: String,
    pub text: String,
}

/// Entries of one kind.
pub struct Section {
    pub heading: String,
    pub entries: Vec<Entry>,
}

/// Commands below a built command, called as `call` does, its arguments and its options; empty sections are left out.
pub fn sections(command: &Command, call: impl Fn(&Command) -> String) -> Vec<Section> {
    let below = command.get_subcommands().filter(|below| !below.is_hide_set());
    let below = below
        .map(|below| Entry { name: call(below), text: below.get_about().map(ToString::to_string).unwrap_or_default() });
    let mut args: Vec<&Arg> = command.get_arguments().filter(|arg| !arg.is_hide_set()).collect();
    // What every command takes stands behind what this one takes.
    args.sort_by_key(|arg| (arg.is_global_set(), arg.get_display_order()));
    args.sort_by_key(|arg| !arg.get_action().takes_values() && matches!(arg.get_id().as_str(), "help" | "version"));
    let of_args = |positional: bool| {
        let args = args.iter().filter(move |arg| arg.is_positional() == positional);
        args.map(|arg| Entry { name: name(arg), text: description(arg) }).collect::<Vec<_>>()
    };
    let mut sections = vec![
        Section { heading: tr!("Commands"), entries: below.collect() },
        Section { heading: tr!("Arguments"), entries: of_args(true) },
        Section { heading: tr!("Options"), entries: of_args(false) },
    ];
    sections.retain(|section| !section.entries.is_empty());
    sections
}

/// `-o, --output <FILE>`; long options stand below one another.
fn name(arg: &Arg) -> String {
    match (arg.get_short(), arg.get_long()) {
        (Some(short), Some(_)) => format!("-{short}, {arg}"),
        (None, Some(_)) => format!("    {arg}"),
        _ => arg.to_string(),
    }
}

/// What an argument is for, and in brackets what it is without it and what it may be.
fn description(arg: &Arg) -> String {
    let between = tr!("between values" => ", ");
    let mut parts: Vec<String> = arg.get_help().map(ToString::to_string).into_iter().collect();
    if let Some(variable) = arg.get_env().filter(|_| !arg.is_hide_env_set()) {
        parts.push(tr!("[env: {name}]", name = variable.to_string_lossy()));
    }
    let defaults = arg.get_default_values();
    if arg.get_action().takes_values() && !arg.is_hide_default_value_set() && !defaults.is_empty() {
        let values: Vec<_> = defaults.iter().map(|value| value.to_string_lossy()).collect();
        parts.push(tr!("[default: {values}]", values = values.join(&between)));
    }
    if let Some(aliases) = arg.get_visible_aliases().filter(|aliases| !aliases.is_empty()) {
        parts.push(tr!("[aliases: {names}]", names = aliases.join(&between)));
    }
    let values = possible_values(arg);
    if !arg.is_hide_possible_values_set() && !values.is_empty() {
        let values: Vec<_> = values.iter().map(value_said).collect();
        parts.push(tr!("[possible values: {values}]", values = values.join(&between)));
    }
    parts.join(" ")
}

fn value_said(value: &PossibleValue) -> String {
    match value.get_help() {
        Some(help) => {
            tr!("{value} ({meaning})", value = value.get_name(), meaning = said(&help.to_string()))
        }
        None => value.get_name().to_owned(),
    }
}

/// Usage as clap composes it, in the language of the moment.
pub fn usage(english: &str) -> String {
    let heading = tr!("{heading}:", heading = tr!("Usage"));
    let indent = heading.width();
    let out: String = usage_lines(english).iter().map(|line| wrap(line, indent, indent + 2)).collect();
    heading + out.trim_start()
}

/// The same without its heading.
pub fn usage_lines(english: &str) -> Vec<String> {
    let line = |line: &str| {
        let line = line.trim().replace("[OPTIONS]", &tr!("[OPTIONS]"));
        line.replace("<COMMAND>", &tr!("<COMMAND>")).replace("[COMMAND]", &tr!("[COMMAND]"))
    };
    english.trim().trim_start_matches("Usage:").trim().lines().map(line).collect()
}

/// Gives a built command and all below it a help of our own.
fn with_help(mut command: Command) -> Command {
    let usage = usage(&command.render_usage().to_string());
    let help = composed(&command, &usage);
    command.override_help(StyledStr::from(help)).mut_subcommands(with_help)
}

/// The help of a built and localised command.
fn composed(command: &Command, usage: &str) -> String {
    let styles = command.get_styles();
    let (header, literal) = (styles.get_header(), styles.get_literal());
    let mut out = String::new();
    if let Some(about) = command.get_long_about().or_else(|| command.get_about()) {
        out += &format!("{}\n", lines(&about.to_string()));
    }
    let heading = tr!("{heading}:", heading = tr!("Usage"));
    let rest = usage.strip_prefix(&heading).unwrap_or(usage);
    let _ = write!(out, "{header}{heading}{header:#}{rest}");
    for section in sections(command, |below| below.get_name().to_owned()) {
        let heading = tr!("{heading}:", heading = section.heading);
        let _ = writeln!(out, "\n{header}{heading}{header:#}");
        let widths = section.entries.iter().map(|entry| entry.name.width() + 4);
        let column = widths.filter(|width| *width <= WIDEST_NAME).max().unwrap_or(WIDEST_NAME);
        for entry in &section.entries {
            let name = &entry.name;
            let _ = write!(out, "  {literal}{name}{literal:#}");
            let text = wrap(&entry.text, column, column);
            if entry.text.is_empty() {
                out.push('\n');
            } else if name.width() + 4 <= column {
                out += &" ".repeat(column - name.width() - 2);
                out += text.trim_start();
            } else {
                out.push('\n');
                out += &text;
            }
        }
    }
    if let Some(after) = command.get_after_long_help().or_else(|| command.get_after_help()) {
        for paragraph in after.to_string().split("\n\n") {
            out.push('\n');
            out += &lines(paragraph);
        }
    }
    out
}

/// Lines in the width of a terminal; what is indented stays so.
fn lines(text: &str) -> String {
    let of_line = |line: &str| {
        let bare = line.trim_start();
        let indent = line.len() - bare.len();
        wrap(bare, indent, if indent == 0 { 0 } else { indent + 2 })
    };
    text.lines().map(of_line).collect()
}

/// Every English text of the help.
pub fn texts() -> BTreeSet<String> {
    let mut texts = BTreeSet::new();
    collect(&built(), &mut texts);
    texts
}

fn collect(command: &Command, texts: &mut BTreeSet<String>) {
    let of_command =
        [command.get_about(), command.get_long_about(), command.get_before_help(), command.get_after_help()];
    for text in of_command.into_iter().flatten().map(ToString::to_string) {
        texts.extend(text.split("\n\n").map(|paragraph| match examples(paragraph) {
            Some((heading, _)) => heading.to_owned(),
            None => paragraph.to_owned(),
        }));
    }
    for arg in command.get_arguments() {
        texts.extend([arg.get_help(), arg.get_long_help()].into_iter().flatten().map(ToString::to_string));
        texts.extend(possible_values(arg).iter().filter_map(PossibleValue::get_help).map(ToString::to_string));
    }
    command.get_subcommands().for_each(|below| collect(below, texts));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::in_language;

    #[test]
    fn help_is_composed_of_what_clap_knows() {
        let arg = Arg::new("a").short('a').long("all").value_name("N").help("沐".repeat(40)).default_value("7");
        let long = Arg::new("b").long("a-name-that-is-longer-than-the-column").action(clap::ArgAction::SetTrue);
        let command = Command::new("x").about("做").arg(Arg::new("file").required(true)).arg(arg).arg(long.help("长"));
        let mut command = command.after_help("说明\n\n示例：\n  x  a");
        let text = in_language(Language::Chinese, || {
            command.build();
            let usage = usage(&command.render_usage().to_string());
            composed(&localised(command), &usage)
        });
        let plain = StyledStr::from(text).to_string();
        let head = "做\n\n用法：x [选项] <file>\n\n参数：\n  <file>\n\n选项：\n  -a, --all <N>  沐";
        assert!(plain.starts_with(head), "{plain}");
        for part in ["\n      --a-name-that-is-longer-than-the-column\n                 长\n", "[默认：7]"] {
            assert!(plain.contains(part), "{part}: {plain}");
        }
        assert!(plain.ends_with("\n\n说明\n\n示例：\n  x  a\n"), "{plain}");
        assert!(plain.lines().all(|line| line.width() <= 80), "{plain}");
    }

    #[test]
    fn every_command_and_argument_is_explained() {
        fn check(command: &Command, above: &str) {
            let name = format!("{above} {}", command.get_name());
            assert!(command.get_about().is_some(), "{name}");
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some_and(|help| !help.to_string().is_empty()), "{name}: {argument}");
            }
            command.get_subcommands().for_each(|below| check(below, &name));
        }
        let mut command = Cli::command();
        command.build();
        check(&command, "");
    }
}
