//! `keepuntil certificate …`, and what certificates, plans and inventories look like to people.

mod compose;
pub mod dry_run;
mod list;
pub mod names;
mod words;

use super::args::Common;
use super::error::{Failure, tell_hint};
use super::output::OutputArgs;
use super::{Done, render};
use crate::crypto::sign::{Scheme, VerifierKey};
use crate::journal::certificate::{Certificate, CertificateError, Verified};
use crate::language::{Language, language};
use crate::ops::OpsError;
use crate::storage::document::MAX_DOCUMENT;
use crate::storage::{escape, read_limited, show};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};
use tr::tr;

/// Whether the signatures behind a certificate were checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signatures {
    /// With keys that came from elsewhere.
    Checked,
    /// Nobody named a key.
    Unchecked,
}

/// A certificate as text of 80 columns.
pub fn to_text(certificate: &Certificate, verified: &Verified, signatures: Signatures, language: Language) -> String {
    compose::sheet(certificate, verified, signatures, language).text()
}

/// A certificate as one HTML file.
pub fn to_html(certificate: &Certificate, verified: &Verified, signatures: Signatures, language: Language) -> String {
    compose::sheet(certificate, verified, signatures, language).html()
}

#[derive(Args)]
pub(super) struct JournalArgs {
    /// Verifier key of the journal, or a file with one a line; give both keys of the firm
    #[arg(long, value_name = "VKEY")]
    journal: Vec<String>,
}

/// Check and show certificates of destruction; needs no keyring
#[derive(Subcommand)]
pub(super) enum CertificateCommand {
    /// Check that a journal says what a certificate says
    #[command(after_help = "Exit code 3 means: consistent, but nobody said whose journal it should be.\n\n\
        Example:\n  keepuntil certificate verify purge.json --journal firm.vkeys")]
    Verify {
        /// The certificate
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        journal: JournalArgs,
    },
    /// Show a certificate for reading, printing and signing by hand
    #[command(after_help = "Examples:\n  keepuntil certificate show purge.json --lang en\n  \
        keepuntil certificate show purge.json --lang zh \\\n    --journal firm.vkeys -o purge.pdf")]
    Show {
        /// The certificate
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        output: OutputArgs,
        #[command(flatten)]
        journal: JournalArgs,
    },
}

pub(super) fn run(command: CertificateCommand, common: Common) -> Result<Done, Failure> {
    match command {
        CertificateCommand::Verify { file, journal } => verify(&file, &journal, common),
        CertificateCommand::Show { file, output, journal } => {
            let (certificate, verified, signatures) = open(&file, &journal)?;
            if output.wants_plain_sheet(common)? {
                output.write(compose::sheet(&certificate, &verified, signatures, language()), common)?;
            }
            if common.json {
                render::json_line(&serde_json::json!({
                    "message_type": "certificate_content",
                    "path": file.to_string_lossy(),
                    "purge": hex::encode(certificate.purge),
                    "signer": signer(signatures),
                    "content": certificate,
                }));
            }
            Ok(Done::Clean)
        }
    }
}

/// What is known of whoever signed, for programs.
fn signer(signatures: Signatures) -> &'static str {
    match signatures {
        Signatures::Checked => "pinned",
        Signatures::Unchecked => "unknown",
    }
}

/// Reads a certificate and checks it, with the journal's keys where they were named.
pub(super) fn open(path: &Path, journal: &JournalArgs) -> Result<(Certificate, Verified, Signatures), Failure> {
    let broken = |source: CertificateError| OpsError::Certificate { path: path.into(), source };
    let certificate = Certificate::parse(&read_limited(path, MAX_DOCUMENT)?).map_err(broken)?;
    match keys(path, journal, &certificate.firm)? {
        Some(keys) => {
            let verified = certificate.verify(&keys).map_err(broken)?;
            Ok((certificate, verified, Signatures::Checked))
        }
        None => {
            let verified = certificate.consistent().map_err(broken)?;
            Ok((certificate, verified, Signatures::Unchecked))
        }
    }
}

/// The two keys of that firm among those that were named; `None` where none was named at all.
fn keys(path: &Path, journal: &JournalArgs, firm: &str) -> Result<Option<[VerifierKey; 2]>, Failure> {
    let mut named: Vec<VerifierKey> = Vec::new();
    for text in &journal.journal {
        match text.parse::<VerifierKey>() {
            Ok(key) => named.push(key),
            Err(e) if !Path::new(text).exists() => return Err(e.into()),
            Err(_) => {
                for line in
                    crate::crypto::recipient::recipients_file(&crate::cli::home::text(Path::new(text), 1 << 20)?)
                {
                    named.push(line.parse()?);
                }
            }
        }
    }
    if journal.journal.is_empty() {
        return Ok(None);
    }
    named.sort();
    named.dedup();
    let of_firm: Vec<&VerifierKey> = named.iter().filter(|key| key.name == firm).collect();
    match of_firm[..] {
        [] => Err(OpsError::ForeignSeal {
            path: path.into(),
            what: tr!("it is of the journal of {firm}, not of one whose key was named", firm = escape(firm)),
        }
        .into()),
        [first, second] if first.scheme == Scheme::Ed25519 && second.scheme == Scheme::MlDsa44 => {
            Ok(Some([first.clone(), second.clone()]))
        }
        _ => Err(Failure::Usage(
            tr!("{firm} needs exactly two verifier keys, Ed25519 and ML-DSA-44", firm = escape(firm)),
            tr!("name both as `keepuntil keyring info --vkeys` prints them: --journal VKEY --journal VKEY"),
        )),
    }
}

/// Where what is said of a field begins.
const COLUMN: usize = 11;

fn verify(path: &Path, journal: &JournalArgs, common: Common) -> Result<Done, Failure> {
    let (certificate, verified, signatures) = open(path, journal)?;
    let known = signatures == Signatures::Checked;
    let signed = verified.signed.and_then(render::instant);
    if common.json {
        render::json_line(&serde_json::json!({
            "message_type": "certificate",
            "purge": hex::encode(certificate.purge),
            "keyring": hex::encode(certificate.keyring),
            "firm": certificate.firm,
            "executed": certificate.executed,
            "record_count": verified.records,
            "signer": signer(signatures),
            "origin": verified.checkpoint.origin,
            "journal_entry": verified.entry,
            "entries": verified.checkpoint.size,
            "root": hex::encode(verified.checkpoint.root),
            "signed": signed,
        }));
    } else {
        render::print(&verdict(path, &certificate, &verified, known.then_some(signed)))?;
    }
    if !known {
        tell_hint(&tr!("say whose journal it must be: --journal FILE with the firm's two verifier keys"));
        return Ok(Done::Findings);
    }
    Ok(Done::Clean)
}

/// What was found; `signed` is the time of the signatures where the keys are known.
fn verdict(
    path: &Path,
    certificate: &Certificate,
    verified: &Verified,
    signed: Option<Option<DateTime<Utc>>>,
) -> String {
    let (file, firm) = (show(path), escape(&certificate.firm));
    let mut text = match signed {
        Some(Some(time)) => {
            tr!(
                "{file}: as the journal of {firm} says, signed {time}",
                file = file,
                firm = firm,
                time = render::time(time)
            )
        }
        Some(None) => tr!("{file}: as the journal of {firm} says", file = file, firm = firm),
        None => tr!("{file}: consistent, signer unknown", file = file),
    };
    text.push('\n');
    let purge =
        tr!("{purge}, {time}", purge = hex::encode(certificate.purge), time = render::time(certificate.executed));
    let records = tr!("{n} record destroyed by cryptographic erase"
        | "{n} records destroyed by cryptographic erase" % verified.records);
    let entry = tr!(
        "{entry} of {size} in {journal}",
        entry = verified.entry,
        size = verified.checkpoint.size,
        journal = escape(&verified.checkpoint.origin)
    );
    text.push_str(&render::field(&tr!("certificate" => "purge"), &purge, COLUMN));
    text.push_str(&render::field(&tr!("certificate" => "records"), &records, COLUMN));
    text.push_str(&render::field(&tr!("certificate" => "entry"), &entry, COLUMN));
    let bound = tr!(
        "The entry binds the record table, the purge, its time, the keys that approved, and for which archives there are \
         key sheets. Names, offices, the clock and the rest are the word of whoever wrote the file."
    );
    text + "  " + &render::wrapped(&bound, 2)
}
