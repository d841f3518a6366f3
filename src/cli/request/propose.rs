//! `keepuntil request propose`.

use super::super::args::Common;
use super::super::error::Failure;
use super::super::{Done, home, render};
use super::{ProposeArgs, date, shown};
use crate::disclosure::conditions::Conditions;
use crate::disclosure::proposal::Proposal;
use crate::ops::proposal::{ProposeOptions, policy, propose};
use crate::ops::request::roster;
use crate::storage::{escape, show};

pub fn run(args: &ProposeArgs, common: Common) -> Result<Done, Failure> {
    let (received, signature) = args.message.read()?;
    let mut custody = home::custody(&args.keyring)?;
    let options = ProposeOptions {
        records: home::records(&args.record)?,
        valid_days: args.valid_days,
        approve_days: args.approve_days,
        conditions: Conditions {
            no_copies: args.no_copies,
            destroy_by: date(args.destroy_by.as_deref())?,
            return_by: date(args.return_by.as_deref())?,
            text: args.condition.clone(),
        },
    };
    let proposal = propose(&mut custody, &received, &signature?, &options, &args.output, args.force)?;
    let findings = policy(&custody)?.findings(&roster(&custody)?, custody.signing_time());
    for finding in &findings {
        eprintln!("keepuntil: warning: disclosure policy: {}", escape(finding));
    }
    if common.json {
        render::json_line(&serde_json::json!({
            "message_type": "proposal", "path": shown(&args.output), "hash": hex::encode(proposal.identity()),
            "proposal": proposal,
        }));
    } else if !common.quiet {
        render::print(&text(&proposal))?;
        eprint!("{}", next_steps(&proposal, args));
    }
    Ok(Done::Clean)
}

fn next_steps(proposal: &Proposal, args: &ProposeArgs) -> String {
    let file = show(&args.output);
    match proposal.approvals_needed {
        0 => format!("Wrote {file}. Nobody has to approve it.\n"),
        n => {
            let people = if n == 1 { "1 person".to_owned() } else { format!("{n} people") };
            format!(
                "Wrote {file}. {people} on the roster must approve it, each with:\n  keepuntil approve {file} --sign-with \
                 KEY\n  (or: ssh-keygen -Y sign -n keepuntil-approval -f KEY {file})\n"
            )
        }
    }
}

/// What a proposal says, in lines for people.
pub fn text(proposal: &Proposal) -> String {
    use super::field;
    let time = |time: chrono::DateTime<chrono::Utc>| time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let mut text = format!("proposal {}\n", hex::encode(proposal.identity()));
    let mut add = |name: &str, value: &str| text.push_str(&field(name, value));
    add("request", &hex::encode(proposal.request));
    add("requester", &format!("{}, key {}", proposal.requester.name, proposal.requester.key));
    add("firm", &proposal.firm);
    add("archive", &hex::encode(proposal.archive));
    let classes: Vec<&str> = proposal.classes.iter().map(|class| class.as_str()).collect();
    add("records", &format!("{} ({})", proposal.records, classes.join(", ")));
    add("purpose", proposal.purpose.code());
    let conditions = &proposal.conditions;
    if conditions.no_copies {
        add("condition", "no copies");
    }
    if let Some(day) = conditions.destroy_by {
        add("condition", &format!("destroyed by {day}"));
    }
    if let Some(day) = conditions.return_by {
        add("condition", &format!("given back by {day}"));
    }
    if let Some(words) = &conditions.text {
        add("condition", words);
    }
    add("valid", &format!("from {} to {}", time(proposal.valid_from), time(proposal.valid_until)));
    add("approvals", &format!("{} needed, until {}", proposal.approvals_needed, time(proposal.approve_until)));
    text
}
