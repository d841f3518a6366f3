//! `keepuntil roster …`.

use super::args::{Common, KeyringPlace};
use super::error::Failure;
use super::{Done, home, render};
use crate::disclosure::policy::{DisclosurePolicy, MAX_TEXT, Requester};
use crate::disclosure::roster::Roster;
use crate::ops::approval;
use crate::ops::custody::Custody;
use crate::ops::disclosure_policy;
use crate::ops::roster::{RosterOptions, set, statement};
use crate::retention::Class;
use crate::storage::{escape, read_limited, show};
use clap::{Args, Subcommand};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Say whose SSH signatures count, how many people must agree, and who may ask for records
#[derive(Subcommand)]
pub enum RosterCommand {
    /// Take a roster: the first as it is, every later one signed by people on the one before
    #[command(after_help = "FILE is an OpenSSH allowed_signers file: a name and a key a line.\n\n\
        Examples:\n  keepuntil roster set people.txt --plan-approvals 2\n  \
        keepuntil roster set people.txt --statement > change.txt\n  \
        ssh-keygen -Y sign -n keepuntil-roster -f ~/.ssh/id_ed25519 change.txt\n  \
        keepuntil roster set people.txt --approval change.txt.sig")]
    Set(Set),
    /// Take a disclosure policy: who may be granted what, and how many people must approve
    #[command(after_help = "With a roster in force its people sign every policy, as they sign settings.\n\n\
        FILE is TOML:\n  [approvals]              # people by class: 0, 1, 2 unless said\n  confidential = 2\n\n  \
        [[requester]]\n  principal = \"auditor@cpa.example\"   # a name on the roster\n  \
        purposes = [\"audit\"]                # optional: else all\n  \
        classes = [\"sensitive\"]             # optional: else all\n  \
        compartments = [\"accounts\"]         # optional: else all\n  \
        archive = \"<32 hex digits>\"         # optional: else all\n  \
        records = \"1-4,9\"                   # optional, only with archive\n  \
        until = 2030-12-31                  # optional: the last day\n\n\
        Examples:\n  keepuntil roster disclosure policy.toml --statement > change.txt\n  \
        ssh-keygen -Y sign -n keepuntil-settings -f ~/.ssh/id_ed25519 change.txt\n  \
        keepuntil roster disclosure policy.toml --approval change.txt.sig")]
    Disclosure {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Print the text that people on the roster sign, and change nothing
        #[arg(long)]
        statement: bool,
        /// A signature under that text; may be given more than once
        #[arg(long, value_name = "FILE")]
        approval: Vec<PathBuf>,
        #[command(flatten)]
        keyring: KeyringPlace,
    },
    /// Show the roster in force, and the disclosure policy
    Show {
        #[command(flatten)]
        keyring: KeyringPlace,
    },
    /// Read a roster file and say what is wrong with it
    #[command(after_help = "Exit code 3 means: something in the policy would not work under this roster.\n\n\
        Example:\n  keepuntil roster check people.txt --disclosure policy.toml")]
    Check {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// A disclosure policy to check together with it
        #[arg(long, value_name = "POLICY")]
        disclosure: Option<PathBuf>,
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
        RosterCommand::Disclosure { file, statement, approval, keyring } => {
            run_disclosure(&file, statement, &approval, &keyring, common)
        }
        RosterCommand::Check { file, disclosure } => {
            let roster = Roster::parse(&read_limited(&file, 1 << 20)?)?;
            let (people, keys) = (roster.people().len() as u64, roster.entries().len() as u64);
            if common.json {
                render::json_line(&serde_json::json!({ "message_type": "roster", "people": people, "keys": keys }));
            } else {
                let people = if people == 1 { "1 person".into() } else { format!("{people} people") };
                render::print(&format!("{}: {people}, {}\n", show(&file), render::count(keys, "key")))?;
            }
            disclosure.map_or(Ok(Done::Clean), |path| check_disclosure(&path, &roster, common))
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
    if common.quiet { Ok(Done::Clean) } else { show_roster(&custody, common) }
}

fn people_count(text: &str) -> Result<u32, Failure> {
    text.parse().map_err(|_| usage(&format!("{text:?} is not a number of people")))
}

fn usage(message: &str) -> Failure {
    Failure::Usage(message.into(), "see `keepuntil roster set --help`".into())
}

fn read_policy(path: &Path) -> Result<DisclosurePolicy, Failure> {
    Ok(DisclosurePolicy::parse(&read_limited(path, MAX_TEXT as u64)?)?)
}

fn run_disclosure(
    file: &Path,
    statement: bool,
    approval: &[PathBuf],
    place: &KeyringPlace,
    common: Common,
) -> Result<Done, Failure> {
    let policy = read_policy(file)?;
    let mut custody = home::custody(place)?;
    let roster = custody.register().roster.as_ref().map(|known| Roster::parse(known.text.as_bytes())).transpose()?;
    match &roster {
        None => eprintln!("keepuntil: warning: there is no roster yet: nobody can ask before there is one"),
        Some(roster) => {
            for finding in policy.findings(roster, custody.signing_time()) {
                eprintln!("keepuntil: warning: {}: {}", show(file), escape(&finding));
            }
        }
    }
    if statement {
        match roster {
            Some(_) => {
                let text = approval::statement(&custody, &disclosure_policy::lines(&policy));
                render::print(&String::from_utf8_lossy(&text))?;
            }
            None => eprintln!("keepuntil: warning: without a roster a policy needs no signature"),
        }
        return Ok(Done::Clean);
    }
    disclosure_policy::set(&mut custody, &policy, &home::signatures(approval)?)?;
    if !common.quiet {
        show_policy(&policy, common)?;
    }
    Ok(Done::Clean)
}

/// What a policy would not do under a roster.
fn check_disclosure(path: &Path, roster: &Roster, common: Common) -> Result<Done, Failure> {
    let policy = read_policy(path)?;
    let findings = policy.findings(roster, home::now().to_utc());
    if common.json {
        render::json_line(&serde_json::json!({
            "message_type": "disclosure_policy_checked", "requesters": policy.requesters().len(), "findings": findings,
        }));
    } else {
        let entries = render::count(policy.requesters().len() as u64, "requester");
        let works = if findings.is_empty() { ", and all of it works" } else { "" };
        render::print(&format!("{}: {entries}{works}\n", show(path)))?;
        findings.iter().try_for_each(|finding| render::print(&format!("  {}\n", escape(finding))))?;
    }
    Ok(if findings.is_empty() { Done::Clean } else { Done::Findings })
}

fn show_policy(policy: &DisclosurePolicy, common: Common) -> Result<(), Failure> {
    let classes = [Class::Public, Class::Sensitive, Class::Confidential];
    if common.json {
        let approvals: BTreeMap<_, _> = classes.map(|class| (class.as_str(), policy.approvals(class))).into();
        render::json_line(&serde_json::json!({
            "message_type": "disclosure_policy", "sha256": hex::encode(policy.hash()), "approvals": approvals,
            "text": policy.text(),
        }));
        return Ok(());
    }
    let mut text = format!("disclosure policy {}\n", hex::encode(policy.hash()));
    for class in classes {
        text.push_str(&format!("  {} records: {} must approve\n", class.as_str(), people(policy.approvals(class))));
    }
    for requester in policy.requesters() {
        let line = render::wrapped(&requester_text(requester), 4);
        text.push_str(&format!("  {line}"));
    }
    render::print(&text)
}

/// One requester in words: what is not narrowed is not named.
fn requester_text(requester: &Requester) -> String {
    let Requester { principal, purposes, classes, compartments, archive, records, until, .. } = requester;
    let mut parts = Vec::new();
    if let Some(purposes) = purposes {
        parts.push(format!("for {}", purposes.iter().map(|p| p.code()).collect::<Vec<_>>().join(", ")));
    }
    if let Some(classes) = classes {
        parts.push(format!("{} only", classes.iter().map(|class| class.as_str()).collect::<Vec<_>>().join(", ")));
    }
    if let Some(names) = compartments {
        parts.push(format!("compartments {}", names.join(", ")));
    }
    if let Some(archive) = archive {
        let records = records.as_ref().map_or(String::new(), |records| format!("records {records} of "));
        parts.push(format!("{records}archive {}", hex::encode(archive)));
    }
    if let Some(until) = until {
        parts.push(format!("until {until}"));
    }
    let what = if parts.is_empty() { "everything".into() } else { parts.join("; ") };
    escape(&format!("{principal} may ask: {what}"))
}

fn run_show(custody: &Custody, common: Common) -> Result<Done, Failure> {
    show_roster(custody, common)?;
    if let Some(policy) = disclosure_policy::in_force(custody.keyring())? {
        show_policy(&policy, common)?;
    }
    Ok(Done::Clean)
}

fn show_roster(custody: &Custody, common: Common) -> Result<Done, Failure> {
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
