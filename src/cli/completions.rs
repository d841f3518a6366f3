//! `keepuntil completions`: the script with which a shell completes commands and options, described in the language of the
//! moment.

use super::args::Common;
use super::error::Failure;
use super::{Done, help, render};
use clap::{Args, ValueEnum};
use clap_complete::{Shell, generate};

/// Print the script with which a shell completes commands and options
#[derive(Args)]
#[command(after_help = "Examples:\n  keepuntil completions bash > /etc/bash_completion.d/keepuntil\n  \
    keepuntil completions zsh > \"${fpath[1]}/_keepuntil\"\n  \
    keepuntil completions fish > ~/.config/fish/completions/keepuntil.fish\n  \
    keepuntil completions powershell >> $PROFILE")]
pub struct CompletionsArgs {
    /// The shell that reads it
    #[arg(value_name = "SHELL")]
    shell: ShellArg,
}

#[derive(Clone, Copy, ValueEnum)]
enum ShellArg {
    Bash,
    Zsh,
    Fish,
    #[value(name = "powershell")]
    PowerShell,
}

pub fn run(args: &CompletionsArgs, common: Common) -> Result<Done, Failure> {
    let shell = match args.shell {
        ShellArg::Bash => Shell::Bash,
        ShellArg::Zsh => Shell::Zsh,
        ShellArg::Fish => Shell::Fish,
        ShellArg::PowerShell => Shell::PowerShell,
    };
    let mut script = Vec::new();
    generate(shell, &mut help::described(), "keepuntil", &mut script);
    render::text(&String::from_utf8_lossy(&script), common)?;
    Ok(Done::Clean)
}
