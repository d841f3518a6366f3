//! `keepuntil roster …`.

use super::args::{AgreementArgs, Common, KeyringPlace};
use super::codes;
use super::error::{Failure, tell_warning};
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
use tr::tr;

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
        /// The disclosure policy (TOML)
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        agreement: AgreementArgs,
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
        /// The roster: a line for each key, as in OpenSSH's allowed_signers
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// A disclosure policy to check together with it
        #[arg(long, value_name = "POLICY")]
        disclosure: Option<PathBuf>,
    },
}

#[derive(Args)]
pub struct Set {
    /// The roster: a line for each key, as in OpenSSH's allowed_signers
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// People who must sign a plan: N, or RULE=N for records under a rule; may be given more than once
    #[arg(long, value_name = "N", default_value = "1")]
    pub plan_approvals: Vec<String>,
    #[command(flatten)]
    pub agreement: AgreementArgs,
    #[command(flatten)]
    pub keyring: KeyringPlace,
}

pub fn run(command: RosterCommand, common: Common) -> Result<Done, Failure> {
    match command {
        RosterCommand::Set(args) => run_set(&args, common),
        RosterCommand::Show { keyring } => run_show(home::reading(&keyring)?, common),
        RosterCommand::Disclosure { file, agreement, keyring } => run_disclosure(&file, &agreement, &keyring, common),
        RosterCommand::Check { file, disclosure } => {
            let roster = Roster::parse(&read_limited(&file, 1 << 20)?)?;
            let (people, keys) = (roster.people().len(), roster.entries().len());
            if common.json {
                render::json_line(&serde_json::json!({
                    "message_type": "roster_checked", "people_count": people, "key_count": keys,
                }));
            } else {
                let people = tr!("{n} person" | "{n} people" % people);
                let keys = tr!("{n} key" | "{n} keys" % keys);
                let text = tr!("{file}: {people}, {keys}", file = show(&file), people = people, keys = keys);
                render::print(&(text + "\n"))?;
            }
            disclosure.map_or(Ok(Done::Clean), |path| check_disclosure(&path, &roster, common))
        }
    }
}

fn run_set(args: &Set, common: Common) -> Result<Done, Failure> {
    let mut custody = home::custody(&args.keyring)?;
    let text = home::text(&args.file, 1 << 20)?;
    let (mut default, mut by_rule) = (1, BTreeMap::new());
    for number in &args.plan_approvals {
        match number.split_once('=') {
            Some((rule, people)) => drop(by_rule.insert(rule.to_owned(), people_count(people)?)),
            None => default = people_count(number)?,
        }
    }
    let options = RosterOptions { text, plan_approvals: default, plan_approvals_by_rule: by_rule };
    if args.agreement.statement {
        match statement(&custody, &options)? {
            Some(text) => render::text(&String::from_utf8_lossy(&text), common)?,
            None => tell_warning(&tr!("there is no roster yet: the first needs no signature")),
        }
        return Ok(Done::Clean);
    }
    let signatures = home::signatures(&args.agreement.approval)?;
    set(&mut custody, &options, &signatures)?;
    if common.quiet && !common.json { Ok(Done::Clean) } else { show_roster(&custody, common) }
}

fn people_count(text: &str) -> Result<u32, Failure> {
    text.parse().map_err(|_| usage(tr!("{text} is not a number of people", text = format!("{text:?}"))))
}

fn usage(message: String) -> Failure {
    Failure::Usage(message, tr!("see `keepuntil roster set --help`"))
}

fn read_policy(path: &Path) -> Result<DisclosurePolicy, Failure> {
    Ok(DisclosurePolicy::parse(&read_limited(path, MAX_TEXT as u64)?)?)
}

fn run_disclosure(
    file: &Path,
    agreement: &AgreementArgs,
    place: &KeyringPlace,
    common: Common,
) -> Result<Done, Failure> {
    let policy = read_policy(file)?;
    let mut custody = home::custody(place)?;
    let roster = custody.register().roster.as_ref().map(|known| Roster::parse(known.text.as_bytes())).transpose()?;
    match &roster {
        None => tell_warning(&tr!("there is no roster yet: nobody can ask before there is one")),
        Some(roster) => {
            for finding in policy.findings(roster, custody.signing_time()) {
                tell_warning(&tr!("{file}: {what}", file = show(file), what = escape(&finding)));
            }
        }
    }
    if agreement.statement {
        match roster {
            Some(_) => {
                let text = approval::statement(&custody, &disclosure_policy::lines(&policy));
                render::text(&String::from_utf8_lossy(&text), common)?;
            }
            None => tell_warning(&tr!("without a roster a policy needs no signature")),
        }
        return Ok(Done::Clean);
    }
    disclosure_policy::set(&mut custody, &policy, &home::signatures(&agreement.approval)?)?;
    if common.json || !common.quiet {
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
            "message_type": "disclosure_policy_checked",
            "requester_count": policy.requesters().len(), "problems": findings,
        }));
    } else {
        let (file, requesters) = (show(path), policy.requesters().len());
        let text = match findings.is_empty() {
            true => tr!(
                "{file}: {n} requester, and all of it works"
                    | "{file}: {n} requesters, and all of it works" % requesters,
                file = file
            ),
            false => tr!("{file}: {n} requester" | "{file}: {n} requesters" % requesters, file = file),
        };
        render::print(&(text + "\n"))?;
        findings.iter().try_for_each(|finding| render::print(&format!("  {}\n", escape(finding))))?;
    }
    Ok(if findings.is_empty() { Done::Clean } else { Done::Findings })
}

fn show_policy(policy: &DisclosurePolicy, common: Common) -> Result<(), Failure> {
    let classes = [Class::Public, Class::Sensitive, Class::Confidential];
    if common.json {
        let approvals: BTreeMap<_, _> = classes.map(|class| (class.as_str(), policy.approvals(class))).into();
        render::json_line(&serde_json::json!({
            "message_type": "disclosure_policy", "sha256": hex::encode(policy.hash()),
            "approvals_by_class": approvals,
            "text": policy.text(),
        }));
        return Ok(());
    }
    let mut text = tr!("disclosure policy {hash}", hash = hex::encode(policy.hash())) + "\n";
    for class in classes {
        let approve = tr!(
            "  {class} records: {n} person must approve"
                | "  {class} records: {n} people must approve" % policy.approvals(class),
            class = render::class(class)
        );
        text.push_str(&(approve + "\n"));
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
        let purposes: Vec<_> = purposes.iter().map(|purpose| codes::purpose(purpose.code())).collect();
        let purposes = render::list(purposes.iter().map(String::as_str));
        parts.push(tr!("for {purposes}", purposes = purposes));
    }
    if let Some(classes) = classes {
        let classes: Vec<String> = classes.iter().map(|class| render::class(*class)).collect();
        let classes = render::list(classes.iter().map(String::as_str));
        parts.push(tr!("{classes} only", classes = classes));
    }
    if let Some(names) = compartments {
        parts.push(tr!("compartments {names}", names = render::list(names.iter().map(String::as_str))));
    }
    if let Some(archive) = archive {
        let archive = hex::encode(archive);
        parts.push(match records {
            Some(records) => tr!("records {records} of archive {archive}", records = records, archive = archive),
            None => tr!("archive {archive}", archive = archive),
        });
    }
    if let Some(until) = until {
        parts.push(tr!("until {day}", day = until));
    }
    let what = if parts.is_empty() { tr!("everything") } else { parts.join(&tr!("between conditions" => "; ")) };
    escape(&tr!("{name} may ask: {what}", name = principal, what = what))
}

fn run_show(custody: Custody, common: Common) -> Result<Done, Failure> {
    show_roster(&custody, common)?;
    let policy = disclosure_policy::in_force(custody.keyring())?;
    if let Some(policy) = &policy {
        show_policy(policy, common)?;
    }
    if common.json {
        let shown = usize::from(custody.register().roster.is_some()) + usize::from(policy.is_some());
        render::end_of_list(shown as u64);
    }
    home::remember(custody)?;
    Ok(Done::Clean)
}

fn show_roster(custody: &Custody, common: Common) -> Result<Done, Failure> {
    let Some(known) = &custody.register().roster else {
        let none = tr!("there is no roster: nobody's signature counts");
        if common.json {
            tell_warning(&none);
        } else {
            render::print(&(none + "\n"))?;
        }
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
    let default = render::people_count(known.plan_approvals_default);
    text.push_str(&(tr!("  a plan that needs review is signed by {people}", people = default) + "\n"));
    for (rule, number) in &known.plan_approvals {
        let people = render::people_count(*number);
        text.push_str(&(tr!("  a plan with records under {rule} by {people}", rule = rule, people = people) + "\n"));
    }
    render::print(&text)?;
    Ok(Done::Clean)
}
