//! The command line: arguments in, outcome rendered for people or as JSON, errors with hints and exit codes.
//!
//! The only module that prints, asks, and reads the environment and the clock.

mod approve;
mod args;
pub mod certificate;
mod clock;
mod codes;
mod completions;
mod create;
mod disclosures;
mod due;
mod entry_words;
mod error;
mod event;
mod evidence;
mod extend;
mod grant;
mod help;
mod hint;
mod hold;
mod home;
mod inspect;
mod journal;
mod kept;
mod keygen;
mod keyring;
mod letter;
mod man;
mod notice;
mod notify;
mod output;
mod policy;
mod progress;
mod prompt;
mod purge;
mod read_pdf;
mod receipt;
mod refuse;
mod render;
mod report;
mod request;
mod restore;
mod roster;
mod rules;
mod schedule;
mod sheet;
mod status;
mod survey;
mod usage;
mod verify;

use crate::language::speak;
use args::{Cli, Command};
use clap::FromArgMatches;
use error::Failure;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

/// Set when somebody interrupts; long work looks at it.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// How a command that did its work ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Done {
    /// Nothing to remark.
    Clean,
    /// With findings that somebody should look at.
    Findings,
    /// The archive is damaged or forged: the report says where.
    Damaged,
}

/// Every English text of the help, which the catalogues of other languages translate.
pub fn help_texts() -> std::collections::BTreeSet<String> {
    help::texts()
}

/// Runs the program.
pub fn main() -> ExitCode {
    speak(home::language());
    let matches = help::command().try_get_matches();
    let cli = match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(e) => {
            usage::report(&e, std::env::args_os().skip(1).take_while(|word| word != "--").any(|word| word == "--json"));
            return ExitCode::from(if e.use_stderr() { error::USAGE } else { 0 });
        }
    };
    // Without the handler an interruption would leave temporary files behind; that is no reason not to work.
    let cleans_up = matches!(
        cli.command,
        Command::Create(_) | Command::Restore(_) | Command::Grant(_) | Command::Survey(_) | Command::Man(_)
    ) || matches!(cli.command, Command::Notice(notice::NoticeCommand::Merge(_)))
        || matches!(cli.command, Command::Schedule(schedule::ScheduleCommand::Watch { .. }));
    let _ = ctrlc::set_handler(move || {
        // Only these have unfinished output to remove; everything else may end at once.
        if INTERRUPTED.swap(true, Ordering::Relaxed) || !cleans_up {
            std::process::exit(i32::from(error::INTERRUPTED));
        }
    });
    let json = cli.json;
    let ended = run(cli);
    // What was done is done, but who asked for it does not know.
    let ended = match (ended, render::lost()) {
        (Ok(_), Some(e)) => Err(Failure::Output(e)),
        (ended, _) => ended,
    };
    match ended {
        Ok(Done::Clean) => ExitCode::SUCCESS,
        Ok(Done::Findings) => ExitCode::from(error::FINDINGS),
        Ok(Done::Damaged) => ExitCode::from(error::DAMAGED),
        Err(failure) => {
            failure.report(json);
            ExitCode::from(failure.code())
        }
    }
}

fn run(cli: Cli) -> Result<Done, Failure> {
    let common = args::Common { json: cli.json, quiet: cli.quiet, lang: cli.lang };
    match cli.command {
        Command::Keygen(args) => keygen::run(args, common),
        Command::Create(args) => create::run(args, common),
        Command::Inspect(args) => inspect::run(args, common),
        Command::Verify(args) => verify::run(args, common),
        Command::Restore(args) => restore::run(*args, common),
        Command::Evidence(command) => evidence::run(command, common),
        Command::Rules(args) => rules::run(args, common),
        Command::Keyring(command) => keyring::run(command, common),
        Command::Journal(command) => journal::run(command, common),
        Command::Certificate(command) => certificate::run(command, common),
        Command::Schedule(command) => schedule::run(command, common),
        Command::Status(command) => status::run(command, common),
        Command::Due(command) => due::run(command, common),
        Command::Extend(command) => extend::run(command, common),
        Command::Hold(command) => hold::run(command, common),
        Command::Event(command) => event::run(command, common),
        Command::Purge(command) => purge::run(*command, common),
        Command::Clock(command) => clock::run(command, common),
        Command::Request(command) => request::run(command, common),
        Command::Approve(args) => approve::run(&args, common),
        Command::Refuse(args) => refuse::run(&args, common),
        Command::Roster(command) => roster::run(command, common),
        Command::Survey(args) => survey::run(args, common),
        Command::Policy(command) => policy::run(command, common),
        Command::ReadPdf => read_pdf::run(),
        Command::Grant(args) => grant::run(*args, common),
        Command::Receipt(command) => receipt::run(command, common),
        Command::Disclosures(args) => disclosures::run(args, common),
        Command::Notice(command) => notice::run(command, common),
        Command::Report(command) => report::run(command, common),
        Command::Completions(args) => completions::run(&args, common),
        Command::Man(args) => man::run(&args, common),
    }
}
