//! `keepuntil roster …`.

use super::args::{Common, KeyringPlace};
use super::error::Failure;
use super::{Done, home, render};
use crate::disclosure::roster::Roster;
use crate::ops::custody::Custody;
use crate::ops::roster::{RosterOptions, set, statement};
use crate::storage::{escape, read_limited, show};
use clap::{Args, Subcommand};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Say whose SSH signatures count, and how many people a plan of destruction needs
#[derive(Subcommand)]
pub enum RosterCommand {
    /// Take a roster: the first as it is, every later one signed by people on the one before
    #[command(after_help = "FILE is an OpenSSH allowed_signers file: a name and a key a line.\n\n\
        Examples:\n  keepuntil roster set people.txt --plan-approvals 2\n  \
        keepuntil roster set people.txt --statement > change.txt\n  \
        ssh-keygen -Y sign -n keepuntil-roster -f ~/.ssh/id_ed25519 change.txt\n  \
        keepuntil roster set people.txt --approval change.txt.sig")]
    Set(Set),
    /// Show the roster in force
    Show {
        #[command(flatten)]
        keyring: KeyringPlace,
    },
    /// Read a roster file and say what is wrong with it
    Check {
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

#[derive(Args)]
pub struct Set {
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// People who must sign a plan: N, or RULE=N for records under a rule; may be given more than once
    #[arg(long, value_name = "N", default_value = "1")]
    pub plan_approvals: Vec<String>,
    /// Print the text that people on the roster before must sign, and change nothing
    #[arg(long)]
    pub statement: bool,
    /// A signature under that text; may be given more than once
    #[arg(long, value_name = "FILE")]
    pub approval: Vec<PathBuf>,
    #[command(flatten)]
    pub keyring: KeyringPlace,
}

pub fn run(command: RosterCommand, common: Common) -> Result<Done, Failure> {
    match command {
        RosterCommand::Set(args) => run_set(&args, common),
        RosterCommand::Show { keyring } => run_show(&home::custody(&keyring)?, common),
        RosterCommand::Check { file } => {
            let roster = Roster::parse(&read_limited(&file, 1 << 20)?)?;
            let (people, keys) = (roster.people().len() as u64, roster.entries().len() as u64);
            if common.json {
                render::json_line(&serde_json::json!({ "message_type": "roster", "people": people, "keys": keys }));
            } else {
                let people = if people == 1 { "1 person".into() } else { format!("{people} people") };
                render::print(&format!("{}: {people}, {}\n", show(&file), render::count(keys, "key")))?;
            }
            Ok(Done::Clean)
        }
    }
}

fn run_set(args: &Set, common: Common) -> Result<Done, Failure> {
    let mut custody = home::custody(&args.keyring)?;
    let text = read_limited(&args.file, 1 << 20)?;
    let text = String::from_utf8(text).map_err(|_| usage(&format!("{}: it is not UTF-8", show(&args.file))))?;
    let (mut default, mut by_rule) = (1, BTreeMap::new());
    for number in &args.plan_approvals {
        match number.split_once('=') {
            Some((rule, people)) => drop(by_rule.insert(rule.to_owned(), people_count(people)?)),
            None => default = people_count(number)?,
        }
    }
    let options = RosterOptions { text, plan_approvals: default, plan_approvals_by_rule: by_rule };
    if args.statement {
        match statement(&custody, &options)? {
            Some(text) => render::print(&String::from_utf8_lossy(&text))?,
            None => eprintln!("keepuntil: warning: there is no roster yet: the first needs no signature"),
        }
        return Ok(Done::Clean);
    }
    let signatures = home::signatures(&args.approval)?;
    set(&mut custody, &options, &signatures)?;
    if common.quiet { Ok(Done::Clean) } else { run_show(&custody, common) }
}

fn people_count(text: &str) -> Result<u32, Failure> {
    text.parse().map_err(|_| usage(&format!("{text:?} is not a number of people")))
}

fn usage(message: &str) -> Failure {
    Failure::Usage(message.into(), "see `keepuntil roster set --help`".into())
}

fn run_show(custody: &Custody, common: Common) -> Result<Done, Failure> {
    let Some(known) = &custody.register().roster else {
        render::print("there is no roster: nobody's signature counts\n")?;
        return Ok(Done::Clean);
    };
    let roster = Roster::parse(known.text.as_bytes())?;
    if common.json {
        let keys = roster
            .entries()
            .iter()
            .map(|entry| serde_json::json!({ "name": entry.principal, "key": entry.fingerprint() }));
        render::json_line(&serde_json::json!({
            "message_type": "roster", "sha256": hex::encode(known.sha256), "keys": keys.collect::<Vec<_>>(),
            "plan_approvals": known.plan_approvals_default, "plan_approvals_by_rule": known.plan_approvals,
        }));
        return Ok(Done::Clean);
    }
    let rows: Vec<Vec<String>> =
        roster.entries().iter().map(|entry| vec![escape(&entry.principal), entry.fingerprint()]).collect();
    let mut text = render::table(&rows, &[]);
    text.push_str(&format!("  a plan that needs review is signed by {}\n", people(known.plan_approvals_default)));
    for (rule, number) in &known.plan_approvals {
        text.push_str(&format!("  a plan with records under {rule} by {}\n", people(*number)));
    }
    render::print(&text)?;
    Ok(Done::Clean)
}

fn people(number: u32) -> String {
    if number == 1 { "1 person".into() } else { format!("{number} people") }
}
