//! `keepuntil request propose`.

use super::super::args::Common;
use super::super::error::{Failure, tell_warning};
use super::super::help::sample_key;
use super::super::{Done, home, render};
use super::{ProposeArgs, date, shown};
use crate::cli::codes;
use crate::disclosure::conditions::Conditions;
use crate::disclosure::proposal::{Proposal, Signatory};
use crate::ops::proposal::{ProposeOptions, policy, propose};
use crate::ops::request::roster;
use crate::storage::{escape, show};
use tr::tr;

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
        tell_warning(&tr!("disclosure policy: {finding}", finding = escape(finding)));
    }
    if common.json {
        render::json_line(&serde_json::json!({
            "message_type": "proposal", "path": shown(&args.output), "proposal": hex::encode(proposal.identity()),
            "content": proposal,
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
        0 => render::sentence_of_errors(&tr!("Wrote {file}. Nobody has to approve it.", file = file)),
        n => {
            let key = sample_key();
            let approve = tr!(
                "Wrote {file}. {n} person on the roster must approve it, each with:"
                    | "Wrote {file}. {n} people on the roster must approve it, each with:" % n,
                file = file
            );
            let sign =
                tr!("  (or: {command})", command = format!("ssh-keygen -Y sign -n keepuntil-approval -f {key} {file}"));
            format!("{}  keepuntil approve {file} --sign-with {key}\n{sign}\n", render::sentence_of_errors(&approve))
        }
    }
}

/// What a proposal says, in lines for people.
pub fn text(proposal: &Proposal) -> String {
    use super::field;
    let mut text = tr!("proposal {id}", id = hex::encode(proposal.identity())) + "\n";
    let mut add = |name: &str, value: &str| text.push_str(&field(name, value));
    add(&tr!("request"), &hex::encode(proposal.request));
    let Signatory { name, key } = &proposal.requester;
    add(&tr!("requester"), &tr!("{name}, key {key}", name = name, key = key));
    add(&tr!("firm"), &proposal.firm);
    add(&tr!("archive"), &hex::encode(proposal.archive));
    let classes: Vec<String> = proposal.classes.iter().map(|class| render::class(*class)).collect();
    let classes = render::list(classes.iter().map(String::as_str));
    add(&tr!("records"), &tr!("{records} ({classes})", records = proposal.records, classes = classes));
    add(&tr!("purpose"), &codes::purpose(proposal.purpose.code()));
    let conditions = &proposal.conditions;
    if conditions.no_copies {
        add(&tr!("condition"), &tr!("no copies"));
    }
    if let Some(day) = conditions.destroy_by {
        add(&tr!("condition"), &tr!("destroyed by {day}", day = day));
    }
    if let Some(day) = conditions.return_by {
        add(&tr!("condition"), &tr!("given back by {day}", day = day));
    }
    if let Some(words) = &conditions.text {
        add(&tr!("condition"), words);
    }
    let (from, until) = (render::time(proposal.valid_from), render::time(proposal.valid_until));
    add(&tr!("grant" => "valid"), &tr!("from {from} to {until}", from = from, until = until));
    let (needed, until) = (proposal.approvals_needed, render::time(proposal.approve_until));
    add(&tr!("approvals"), &tr!("{needed} needed, until {time}", needed = needed, time = until));
    text
}
