//! `keepuntil disclosures`.

use super::args::{Common, KeyringPlace};
use super::codes;
use super::error::Failure;
use super::evidence::handled;
use super::{Done, home, render};
use crate::disclosure::ledger::{Due, NotedReceipt, RequestState};
use crate::disclosure::proposal::Signatory;
use crate::disclosure::receipt::Handled;
use crate::ops::disclosures::{Asked, Disclosures, DisclosuresOptions, Given, disclosures};
use crate::ops::scope::archive_id;
use crate::storage::escape;
use clap::Args;
use std::path::PathBuf;
use tr::tr;

/// List who asked for what, who was given it, and what is still to be returned or destroyed
#[derive(Args)]
#[command(after_help = "Exit code 3 means that somebody should have returned or destroyed something.\n\n\
    Examples:\n  keepuntil disclosures\n  keepuntil disclosures --open\n  \
    keepuntil disclosures --archive firm.sealed --record 17 --json")]
pub struct DisclosuresArgs {
    /// Only of this archive: its file or its id
    #[arg(long, value_name = "ARCHIVE")]
    pub archive: Option<PathBuf>,
    /// Only of this record
    #[arg(long, value_name = "N", requires = "archive")]
    pub record: Option<u64>,
    /// Only those of which something is still to come
    #[arg(long)]
    pub open: bool,
    #[command(flatten)]
    pub keyring: KeyringPlace,
}

pub fn run(args: DisclosuresArgs, common: Common) -> Result<Done, Failure> {
    let custody = home::custody(&args.keyring)?;
    let archive = args.archive.as_deref().map(|archive| archive_id(custody.keyring(), archive)).transpose()?;
    let options = DisclosuresOptions { archive, record: args.record, open: args.open };
    let found = disclosures(&custody, &options)?;
    if common.json {
        found.grants.iter().for_each(|given| render::json_line(&grant_json(given)));
        found.requests.iter().for_each(|asked| render::json_line(&request_json(asked)));
        render::end_of_list((found.grants.len() + found.requests.len()) as u64);
    } else {
        render::print(&text(&found))?;
    }
    Ok(if found.overdue() > 0 { Done::Findings } else { Done::Clean })
}

fn text(found: &Disclosures) -> String {
    if found.grants.is_empty() && found.requests.is_empty() {
        return tr!("nothing was asked for, or nothing of it is open") + "\n";
    }
    let grants = found.grants.iter().map(grant_text);
    grants.chain(found.requests.iter().map(request_text)).collect::<Vec<_>>().join("\n")
}

fn line(name: &str, value: &str) -> String {
    render::field(name, render::wrapped(value, 13).trim_end_matches('\n'), 13)
}

fn who(requester: Option<&Signatory>) -> String {
    requester.map_or_else(|| tr!("somebody whose signature did not hold"), |requester| escape(&requester.name))
}

fn grant_text(given: &Given) -> String {
    let grant = &given.noted.grant;
    let id = hex::encode(grant.grant);
    let heading = if given.overdue { tr!("OVERDUE  grant {id}", id = id) } else { tr!("grant {id}", id = id) };
    let mut text = heading + "\n";
    let to =
        tr!("{who}, for {purpose}", who = who(Some(&grant.requester)), purpose = codes::purpose(grant.purpose.code()));
    text.push_str(&line(&tr!("grant to" => "to"), &to));
    let archive = hex::encode(grant.archive);
    text.push_str(&line(&tr!("records"), &tr!("{records} of {archive}", records = grant.records, archive = archive)));
    let (granted, until) = (grant.granted.format("%Y-%m-%d"), grant.valid_until.format("%Y-%m-%d"));
    let granted = match given.lapsed {
        false => tr!("{granted}, valid until {until}", granted = granted, until = until),
        true => {
            tr!("{granted}, valid until {until}; no word that anything was opened", granted = granted, until = until)
        }
    };
    text.push_str(&line(&tr!("granted"), &granted));
    let conditions = &grant.conditions;
    let no_copies = conditions.no_copies.then(|| tr!("no copies"));
    let words = conditions.text.as_deref().map(|words| escape(&words.replace('\n', " ")));
    let conditions: Vec<String> = no_copies.into_iter().chain(words).collect();
    if !conditions.is_empty() {
        text.push_str(&line(&tr!("conditions"), &conditions.join(&tr!("between conditions" => "; "))));
    }
    for Due { what, by, records } in &given.due {
        let name = if *what == Handled::Returned { tr!("return by") } else { tr!("destroy by") };
        let records = render::records(records);
        let value = match given.overdue {
            true => tr!("{day}: no receipt for {records}", day = by, records = records),
            false => tr!("{day}: awaited for {records}", day = by, records = records),
        };
        text.push_str(&line(&name, &value));
    }
    for receipt in &given.noted.receipts {
        let (made, records) = (receipt.made.format("%Y-%m-%d"), render::records(&receipt.records));
        text.push_str(&line(&handled(receipt.what), &tr!("{day}: {records}", day = made, records = records)));
    }
    text
}

fn request_text(asked: &Asked) -> String {
    let request = &asked.request;
    let mut text = tr!("request {id}", id = hex::encode(request.request)) + "\n";
    let by = tr!(
        "{who}, for {purpose}",
        who = who(request.requester.as_ref()),
        purpose = codes::purpose(request.purpose.code())
    );
    text.push_str(&line(&tr!("request by" => "by"), &by));
    let records = request.records.as_ref().map_or_else(|| tr!("not numbered"), ToString::to_string);
    let archive = hex::encode(request.archive);
    text.push_str(&line(&tr!("records"), &tr!("{records} of {archive}", records = records, archive = archive)));
    let (taken, wanted) = (request.noted.format("%Y-%m-%d"), request.wanted_until);
    let taken = match asked.slow {
        false => tr!("{taken}, wanted until {wanted}", taken = taken, wanted = wanted),
        true => {
            tr!("{taken}, wanted until {wanted}; it has waited for more than 21 days", taken = taken, wanted = wanted)
        }
    };
    text.push_str(&line(&tr!("request taken" => "taken"), &taken));
    if let RequestState::Refused(refusal) = &request.state {
        let day = refusal.refused.format("%Y-%m-%d");
        let refused = tr!("{day}, {reason}", day = day, reason = codes::reason(refusal.reason.code()));
        text.push_str(&line(&tr!("refused"), &refused));
    }
    text
}

fn person(signatory: &Signatory) -> serde_json::Value {
    serde_json::json!({ "name": signatory.name, "key": signatory.key })
}

fn grant_json(given: &Given) -> serde_json::Value {
    let grant = &given.noted.grant;
    let due = |due: &Due| serde_json::json!({ "what": due.what, "due": due.by, "records": due.records });
    let receipt = |receipt: &NotedReceipt| {
        serde_json::json!({
            "what": receipt.what, "records": receipt.records, "made": receipt.made, "taken": receipt.noted,
            "key": receipt.by,
        })
    };
    serde_json::json!({
        "message_type": "granted",
        "grant": hex::encode(grant.grant),
        "request": hex::encode(grant.request),
        "requester": person(&grant.requester),
        "archive": hex::encode(grant.archive),
        "records": grant.records,
        "purpose": grant.purpose,
        "granted": grant.granted,
        "valid_from": grant.valid_from,
        "valid_until": grant.valid_until,
        "approvals": grant.approvals.iter().map(person).collect::<Vec<_>>(),
        "conditions": grant.conditions,
        "watermark": hex::encode(grant.watermark),
        "owed": given.due.iter().map(due).collect::<Vec<_>>(),
        "overdue": given.overdue,
        "lapsed": given.lapsed,
        "receipts": given.noted.receipts.iter().map(receipt).collect::<Vec<_>>(),
        "journal_entry": given.noted.leaf,
    })
}

fn request_json(asked: &Asked) -> serde_json::Value {
    let request = &asked.request;
    let refusal = match &asked.request.state {
        RequestState::Refused(refusal) => Some(refusal),
        _ => None,
    };
    serde_json::json!({
        "message_type": "requested",
        "request": hex::encode(request.request),
        "requester": request.requester.as_ref().map(person),
        "archive": hex::encode(request.archive),
        "records": request.records,
        "purpose": request.purpose,
        "taken": request.noted,
        "wanted_until": request.wanted_until,
        "slow": asked.slow,
        "state": if refusal.is_some() { "refused" } else { "open" },
        "refusal": refusal.map(|refusal| hex::encode(refusal.refusal)),
        "refused": refusal.map(|refusal| refusal.refused),
        "reason": refusal.map(|refusal| refusal.reason),
    })
}
