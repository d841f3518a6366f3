//! `keepuntil evidence`.

use super::args::{Common, TrustArgs};
use super::error::Failure;
use super::{Done, home, render};
use crate::disclosure::receipt::Handled;
use crate::ops::evidence::{Checked, EvidenceOutcome, Pinned, Proven, verify_evidence};
use crate::ops::restored_bag::ProvedBag;
use crate::storage::{escape, show};
use chrono::{DateTime, Utc};
use clap::Subcommand;
use serde_json::{Value, json};
use std::path::PathBuf;

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
            render::print(&format!("{}: not looked at\n", show(path)))?;
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
        eprintln!("keepuntil: error: {}: {broken} of {} broken", show(path), outcome.checked.len());
        eprintln!("keepuntil: hint: do not rely on it; ask whoever gave it to you for another copy");
        return Ok(Done::Damaged);
    }
    if !common.json {
        let verdict = if known { "proved under the firm's keys" } else { "consistent, signer unknown" };
        render::print(&format!("{}: {verdict}\n", show(path)))?;
    }
    if !known {
        eprintln!("keepuntil: hint: say whose seal it must be: --trust FILE with the firm's two verifier keys");
    }
    Ok(if known && !outcome.has_remarks() { Done::Clean } else { Done::Findings })
}

fn time(seconds: Option<u64>) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(i64::try_from(seconds?).ok()?, 0)
}

fn checked_text(checked: &Checked) -> String {
    let path = show(&checked.path);
    match &checked.found {
        Err(what) => format!("{path}: broken: {}\n", escape(what)),
        Ok(Proven::Bag(bag)) => bag_text(&path, bag),
        Ok(Proven::Grant(grant, attested)) => format!(
            "{path}: grant\n  grant    {}\n  to       {}, for {}\n  records  {} of {}\n  valid    {} to {}\n  \
             journal  entry {} of {}\n",
            hex::encode(grant.grant),
            escape(&grant.requester.name),
            grant.purpose.code(),
            render::shorten(&grant.records.to_string(), 60),
            hex::encode(grant.archive),
            grant.valid_from.format("%Y-%m-%d"),
            grant.valid_until.format("%Y-%m-%d %H:%M:%S UTC"),
            attested.entry,
            escape(&attested.checkpoint.origin),
        ),
        Ok(Proven::Refusal(refusal, attested)) => format!(
            "{path}: refusal of {}\n  reason   {}\n  archive  {}\n  journal  entry {} of {}\n",
            refusal.refused.format("%Y-%m-%d %H:%M:%S UTC"),
            refusal.reason.code(),
            hex::encode(refusal.archive),
            attested.entry,
            escape(&attested.checkpoint.origin),
        ),
        Ok(Proven::Receipt { receipt, signed }) => format!(
            "{path}: receipt, {}\n  by       {}, {}\n  what     {}: {}\n",
            if *signed { "signed by the requester's key" } else { "not signed by anybody" },
            escape(&receipt.requester),
            receipt.made.format("%Y-%m-%d %H:%M:%S UTC"),
            handled(receipt.what),
            render::records(&receipt.records),
        ),
    }
}

fn bag_text(path: &str, bag: &ProvedBag) -> String {
    let ProvedBag { proved, label, grant } = bag;
    let sealed = time(proved.signed).map(|time| time.format(", %Y-%m-%d %H:%M:%S UTC").to_string()).unwrap_or_default();
    let granted = grant.map_or(String::new(), |grant| format!("  grant    {}\n", hex::encode(grant)));
    format!(
        "{path}: whole\n  record   {} of {}\n  sealed   by {}{sealed}\n  name     {}\n  holds    {}, {}\n{granted}",
        proved.leaf.record,
        hex::encode(proved.archive),
        escape(&proved.firm),
        escape(&label.name),
        render::count(label.files, "file"),
        render::bytes(label.bytes),
    )
}

fn handled(what: Handled) -> &'static str {
    match what {
        Handled::Opened => "opened",
        Handled::Returned => "returned",
        Handled::Destroyed => "destroyed",
    }
}

fn checked_json(checked: &Checked, known: bool) -> Value {
    let path = checked.path.to_string_lossy();
    let signer = if known { "pinned" } else { "unknown" };
    match &checked.found {
        Err(what) => json!({ "message_type": "broken", "path": path, "what": what }),
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
            "requester": grant.requester.name,
            "purpose": grant.purpose,
            "archive": hex::encode(grant.archive),
            "records": grant.records,
            "valid_until": grant.valid_until,
            "entry": attested.entry,
            "origin": attested.checkpoint.origin,
            "signer": signer,
        }),
        Ok(Proven::Refusal(refusal, attested)) => json!({
            "message_type": "proved_refusal",
            "path": path,
            "refusal": hex::encode(refusal.refusal),
            "reason": refusal.reason,
            "archive": hex::encode(refusal.archive),
            "entry": attested.entry,
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
            "requester": receipt.requester,
            "signed": signed,
        }),
    }
}
