//! `keepuntil receipt …`.

use super::args::{Common, KeyringPlace};
use super::error::{Failure, tell_hint, tell_warning};
use super::evidence::handled;
use super::help::sample_key;
use super::{Done, home, render};
use crate::disclosure::grant::Grant;
use crate::disclosure::namespace;
use crate::disclosure::receipt::{Handled, MAX_RECEIPT};
use crate::ops::attestation::consistent_grant;
use crate::ops::receipt::{ReceiptOutcome, import, receipt};
use crate::ops::request::{beside, read_signature};
use crate::storage::document::MAX_DOCUMENT;
use crate::storage::output::OutputFile;
use crate::storage::ssh_keygen;
use crate::storage::{StorageError, escape, read_limited, show};
use clap::{Args, Subcommand, ValueEnum};
use std::io::Write;
use std::path::{Path, PathBuf};
use tr::tr;

/// Say what became of what was granted, and take such a word into the journal
#[derive(Subcommand)]
pub enum ReceiptCommand {
    /// Write and sign a receipt; for the requester, who needs no keyring
    #[command(after_help = "That the records were opened is written by `keepuntil restore --grant` itself.\n\n\
        Examples:\n  keepuntil receipt new grant.json --what destroyed \\\n    \
        --sign-with ~/.ssh/id_ed25519 -o destroyed.json\n  keepuntil receipt new grant.json --what returned --record 17 -o returned.json")]
    New(New),
    /// Take a receipt into the keyring and its journal
    #[command(after_help = "Taken a second time it changes nothing.\n\n\
        Examples:\n  keepuntil receipt import destroyed.json\n  \
        keepuntil receipt import keepuntil-receipt.json --signature received.sig")]
    Import(Import),
}

#[derive(Args)]
pub struct New {
    /// The grant that was opened
    #[arg(value_name = "GRANT")]
    pub grant: PathBuf,
    /// What was done
    #[arg(long, value_name = "WHAT")]
    pub what: WhatArg,
    /// With these records only, such as 17 or 1-4,9 [default: all of the grant]
    #[arg(long, value_name = "N")]
    pub record: Vec<String>,
    /// Sign with this SSH key, into FILE.sig
    #[arg(long, value_name = "KEY")]
    pub sign_with: Option<PathBuf>,
    /// Where the receipt goes
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
}

#[derive(Args)]
pub struct Import {
    /// The receipt, whose signature is FILE.sig
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The requester's signature under it [default: FILE.sig]
    #[arg(long, value_name = "FILE")]
    pub signature: Option<PathBuf>,
    #[command(flatten)]
    pub keyring: KeyringPlace,
}

/// What a requester may say was done.
#[derive(Clone, Copy, ValueEnum)]
pub enum WhatArg {
    /// Given back, and no copy was kept
    Returned,
    /// What was handed over was destroyed
    Destroyed,
}

pub fn run(command: ReceiptCommand, common: Common) -> Result<Done, Failure> {
    match command {
        ReceiptCommand::New(args) => run_new(&args, common),
        ReceiptCommand::Import(args) => run_import(&args, common),
    }
}

fn run_new(args: &New, common: Common) -> Result<Done, Failure> {
    let grant = Grant::parse(&read_limited(&args.grant, MAX_DOCUMENT)?)?;
    consistent_grant(&grant)?;
    let what = match args.what {
        WhatArg::Returned => Handled::Returned,
        WhatArg::Destroyed => Handled::Destroyed,
    };
    let receipt = receipt(&grant, what, home::records(&args.record)?, home::now().to_utc())?;
    let bytes = receipt.to_bytes();
    // Before anything is written: without a signature there is no receipt.
    let signature = args.sign_with.as_deref().map(|key| ssh_keygen::sign(key, namespace::RECEIPT, &bytes));
    let signature = signature.transpose()?;
    let signed = beside(&args.output, ".sig");
    let file = begun(&args.output, &bytes)?;
    let second = signature.as_deref().map(|signature| begun(&signed, signature)).transpose()?;
    file.finish()?;
    second.map_or(Ok(()), OutputFile::finish)?;
    if common.json {
        render::json_line(&serde_json::json!({
            "message_type": "receipt_written", "grant": hex::encode(receipt.grant), "what": receipt.what,
            "records": receipt.records, "path": args.output.to_string_lossy(),
            "signature": signature.map(|_| signed.to_string_lossy().into_owned()),
        }));
    } else if !common.quiet {
        let text = tr!(
            "{file}: {records} of grant {grant}",
            file = show(&args.output),
            records = render::records(&receipt.records),
            grant = hex::encode(receipt.grant)
        );
        render::print(&(text + "\n"))?;
    }
    if args.sign_with.is_none() {
        tell_warning(&tr!("the receipt is not signed: it counts for nothing yet"));
        let sign = format!("ssh-keygen -Y sign -n {} -f {} {}", namespace::RECEIPT, sample_key(), show(&args.output));
        tell_hint(&tr!("sign it: {command}", command = sign));
    }
    Ok(Done::Clean)
}

/// A new file that is whole but has no name yet.
fn begun(path: &Path, bytes: &[u8]) -> Result<OutputFile, Failure> {
    let mut file = OutputFile::begin(path, 0o644, false)?;
    file.write_all(bytes).map_err(StorageError::at(path))?;
    Ok(file)
}

fn run_import(args: &Import, common: Common) -> Result<Done, Failure> {
    let file = read_limited(&args.file, MAX_RECEIPT)?;
    let signature = read_signature(&args.file, args.signature.as_deref())?;
    let mut custody = home::custody(&args.keyring)?;
    let ReceiptOutcome { receipt, signer, again } = import(&mut custody, &file, &signature)?;
    if common.json {
        render::json_line(&serde_json::json!({
            "message_type": "receipt_taken", "grant": hex::encode(receipt.grant), "what": receipt.what,
            "records": receipt.records, "made": receipt.made, "again": again,
            "signed_by": { "name": signer.name, "key": signer.key },
        }));
    } else if !common.quiet {
        let said = tr!(
            "grant {grant}: {what} {records}, says {name}",
            grant = hex::encode(receipt.grant),
            what = handled(receipt.what),
            records = render::records(&receipt.records),
            name = escape(&signer.name)
        );
        let text = if again { tr!("{said}; that was known", said = said) } else { said };
        render::print(&(text + "\n"))?;
    }
    Ok(Done::Clean)
}
