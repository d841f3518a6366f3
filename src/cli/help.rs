//! The help in the language of the moment: the texts of all commands and arguments, translated by their English text.

use super::args::Cli;
use crate::language::{Language, language};
use clap::builder::StyledStr;
use clap::{Arg, Command, CommandFactory};
use std::collections::BTreeSet;

/// The command with all its texts in the language of the moment.
pub fn command() -> Command {
    localised(Cli::command(), language())
}

fn localised(command: Command, language: Language) -> Command {
    if language == Language::English {
        return command;
    }
    let text = |text: Option<&StyledStr>| text.map(|text| language.translated(&text.to_string()).into_owned());
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
    command.mut_args(|arg| localised_arg(arg, language)).mut_subcommands(|below| localised(below, language))
}

fn localised_arg(arg: Arg, language: Language) -> Arg {
    let text = |text: Option<&StyledStr>| text.map(|text| language.translated(&text.to_string()).into_owned());
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

/// Every English text of the help.
pub fn texts() -> BTreeSet<String> {
    let mut texts = BTreeSet::new();
    collect(&Cli::command(), &mut texts);
    texts
}

fn collect(command: &Command, texts: &mut BTreeSet<String>) {
    let of_command =
        [command.get_about(), command.get_long_about(), command.get_before_help(), command.get_after_help()];
    texts.extend(of_command.into_iter().flatten().map(ToString::to_string));
    for arg in command.get_arguments() {
        texts.extend([arg.get_help(), arg.get_long_help()].into_iter().flatten().map(ToString::to_string));
    }
    command.get_subcommands().for_each(|below| collect(below, texts));
}
