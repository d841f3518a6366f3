//! `keepuntil evidence`.

use super::args::{Common, TrustArgs};
use super::codes;
use super::error::{Failure, tell_error, tell_hint};
use super::{Done, home, render};
use crate::disclosure::receipt::Handled;
use crate::ops::evidence::{Checked, EvidenceOutcome, Pinned, Proven, verify_evidence};
use crate::ops::restored_bag::ProvedBag;
use crate::storage::{escape, show};
use chrono::{DateTime, Utc};
use clap::Subcommand;
use serde_json::{Value, json};
use std::path::PathBuf;
use tr::tr;

/// Check what was handed over: bags, proofs, grant and receipts; needs no keyring
#[derive(Subcommand)]
pub enum EvidenceCommand {
    /// Check that restored records are what was sealed, and who was given them
    #[command(after_help = "PATH is a restored record, a folder of them, or the file of a grant, a refusal or a \
        receipt. Exit code 3 means: consistent, but nobody said whose seal it should be, a receipt is not signed, \
        or something else lies there that was not looked at.\n\n\
        Examples:\n  keepuntil evidence verify out/ --trust firm.vkeys\n  \
        keepuntil evidence verify out/Smith --trust firm.vkeys\n  \
        keepuntil evidence verify receipt.json --grant grant.json --trust firm.vkeys")]
    Verify {
        /// A restored folder, or a receipt
        #[arg(value_name = "PATH")]
        path: PathBuf,
        /// The grant, where it is not beside the bags or the receipt
        #[arg(long, value_name = "FILE")]
        grant: Option<PathBuf>,
        #[command(flatten)]
        trust: TrustArgs,
    },
}

pub fn run(command: EvidenceCommand, common: Common) -> Result<Done, Failure> {
    let EvidenceCommand::Verify { path, grant, trust } = command;
    let trust = home::trust(&trust)?;
    let outcome = verify_evidence(&path, grant.as_deref(), &Pinned(&trust.pinned))?;
    let known = !trust.pinned.is_empty();
    for checked in &outcome.checked {
        if common.json {
            render::json_line(&checked_json(checked, known));
        } else {
            render::print(&checked_text(checked))?;
        }
    }
    for path in &outcome.ignored {
        if common.json {
            render::json_line(&json!({ "message_type": "not_checked", "path": path.to_string_lossy() }));
        } else {
            render::print(&(tr!("{path}: not looked at", path = show(path)) + "\n"))?;
        }
    }
    conclude(&outcome, &path, known, common)
}

fn conclude(outcome: &EvidenceOutcome, path: &std::path::Path, known: bool, common: Common) -> Result<Done, Failure> {
    let bags = outcome.checked.iter().filter(|checked| matches!(checked.found, Ok(Proven::Bag(_)))).count() as u64;
    let broken = outcome.checked.iter().filter(|checked| checked.found.is_err()).count() as u64;
    if common.json {
        render::json_line(&json!({
            "message_type": "evidence",
            "bags": bags,
            "broken": broken,
            "not_checked": outcome.ignored.len(),
            "signer": if known { "pinned" } else { "unknown" },
        }));
    }
    if outcome.is_broken() {
        let all = outcome.checked.len();
        tell_error(&tr!("{path}: {broken} of {all} broken", path = show(path), broken = broken, all = all));
        tell_hint(&tr!("do not rely on it; ask whoever gave it to you for another copy"));
        return Ok(Done::Damaged);
    }
    if !common.json {
        let verdict = match known {
            true => tr!("{path}: proved under the firm's keys", path = show(path)),
            false => tr!("{path}: consistent, signer unknown", path = show(path)),
        };
        render::print(&(verdict + "\n"))?;
    }
    if !known {
        tell_hint(&tr!("say whose seal it must be: --trust FILE with the firm's two verifier keys"));
    }
    Ok(if known && !outcome.has_remarks() { Done::Clean } else { Done::Findings })
}

fn time(seconds: Option<u64>) -> Option<DateTime<Utc>> {
    seconds.and_then(render::instant)
}

fn checked_text(checked: &Checked) -> String {
    let path = show(&checked.path);
    match &checked.found {
        Err(what) => tr!("{path}: broken: {what}", path = path, what = escape(what)) + "\n",
        Ok(Proven::Bag(bag)) => bag_text(&path, bag),
        Ok(Proven::Grant(grant, attested)) => {
            let name = escape(&grant.requester.name);
            let numbers = render::shorten(&grant.records.to_string(), 60);
            let from = grant.valid_from.format("%Y-%m-%d");
            let until = render::time(grant.valid_until);
            let archive = hex::encode(grant.archive);
            let fields = [
                (tr!("grant"), hex::encode(grant.grant)),
                (
                    tr!("grant to" => "to"),
                    tr!("{who}, for {purpose}", who = name, purpose = codes::purpose(grant.purpose.code())),
                ),
                (tr!("records"), tr!("{records} of {archive}", records = numbers, archive = archive)),
                (tr!("grant" => "valid"), tr!("{from} to {until}", from = from, until = until)),
                (tr!("journal"), entry_of(attested.entry, &attested.checkpoint.origin)),
            ];
            listed(tr!("{path}: grant", path = path), &fields)
        }
        Ok(Proven::Refusal(refusal, attested)) => {
            let refused = render::time(refusal.refused);
            let fields = [
                (tr!("reason"), codes::reason(refusal.reason.code())),
                (tr!("archive"), hex::encode(refusal.archive)),
                (tr!("journal"), entry_of(attested.entry, &attested.checkpoint.origin)),
            ];
            listed(tr!("{path}: refusal of {time}", path = path, time = refused), &fields)
        }
        Ok(Proven::Receipt { receipt, signed }) => {
            let heading = match signed {
                true => tr!("{path}: receipt, signed by the requester's key", path = path),
                false => tr!("{path}: receipt, not signed by anybody", path = path),
            };
            let made = render::time(receipt.made);
            let records = render::records(&receipt.records);
            let what = tr!("{what}: {records}", what = handled(receipt.what), records = records);
            let by = tr!("{name}, {time}", name = escape(&receipt.requester), time = made);
            listed(heading, &[(tr!("receipt by" => "by"), by), (tr!("what"), what)])
        }
    }
}

fn listed(heading: String, fields: &[(String, String)]) -> String {
    let lines = fields.iter().map(|(name, value)| render::field(name, value, 11));
    heading + "\n" + &lines.collect::<String>()
}

fn entry_of(entry: u64, journal: &str) -> String {
    tr!("entry {entry} of {journal}", entry = entry, journal = escape(journal))
}

fn bag_text(path: &str, bag: &ProvedBag) -> String {
    let ProvedBag { proved, label, grant } = bag;
    let firm = escape(&proved.firm);
    let sealed = match time(proved.signed).map(render::time) {
        Some(time) => tr!("by {firm}, {time}", firm = firm, time = time),
        None => tr!("by {firm}", firm = firm),
    };
    let record = proved.leaf.record.to_string();
    let mut fields = vec![
        (tr!("record"), tr!("{records} of {archive}", records = record, archive = hex::encode(proved.archive))),
        (tr!("sealed"), sealed),
        (tr!("name"), escape(&label.name)),
        (tr!("holds"), render::files_and_bytes(label.files, label.bytes)),
    ];
    fields.extend(grant.map(|grant| (tr!("grant"), hex::encode(grant))));
    listed(tr!("{path}: whole", path = path), &fields)
}

/// What a requester says was done.
pub fn handled(what: Handled) -> String {
    match what {
        Handled::Opened => tr!("opened"),
        Handled::Returned => tr!("returned"),
        Handled::Destroyed => tr!("destroyed"),
    }
}

fn checked_json(checked: &Checked, known: bool) -> Value {
    let path = checked.path.to_string_lossy();
    let signer = if known { "pinned" } else { "unknown" };
    match &checked.found {
        Err(what) => json!({ "message_type": "broken", "path": path, "problem": what }),
        Ok(Proven::Bag(bag)) => json!({
            "message_type": "proved_bag",
            "path": path,
            "archive": hex::encode(bag.proved.archive),
            "record": bag.proved.leaf.record,
            "firm": bag.proved.firm,
            "root": hex::encode(bag.proved.checkpoint.root),
            "sealed": time(bag.proved.signed),
            "name": bag.label.name,
            "files": bag.label.files,
            "bytes": bag.label.bytes,
            "grant": bag.grant.map(hex::encode),
            "signer": signer,
        }),
        Ok(Proven::Grant(grant, attested)) => json!({
            "message_type": "proved_grant",
            "path": path,
            "grant": hex::encode(grant.grant),
            "requester_name": grant.requester.name,
            "purpose": grant.purpose,
            "archive": hex::encode(grant.archive),
            "records": grant.records,
            "valid_until": grant.valid_until,
            "journal_entry": attested.entry,
            "origin": attested.checkpoint.origin,
            "signer": signer,
        }),
        Ok(Proven::Refusal(refusal, attested)) => json!({
            "message_type": "proved_refusal",
            "path": path,
            "refusal": hex::encode(refusal.refusal),
            "reason": refusal.reason,
            "archive": hex::encode(refusal.archive),
            "journal_entry": attested.entry,
            "origin": attested.checkpoint.origin,
            "signer": signer,
        }),
        Ok(Proven::Receipt { receipt, signed }) => json!({
            "message_type": "proved_receipt",
            "path": path,
            "grant": hex::encode(receipt.grant),
            "what": receipt.what,
            "records": receipt.records,
            "made": receipt.made,
            "requester_name": receipt.requester,
            "is_signed": signed,
        }),
    }
}
