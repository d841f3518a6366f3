//! `keepuntil grant`.

use super::args::{Common, IdentityPlace, KeyringPlace, TrustArgs};
use super::codes;
use super::error::Failure;
use super::{Done, home, render};
use crate::disclosure::grant::Grant;
use crate::disclosure::proposal::Signatory;
use crate::ops::grant::{GrantOptions, write_grant};
use crate::ops::open::open_archive;
use crate::ops::{proposal, request};
use crate::storage::{StorageError, escape, show};
use clap::Args;
use std::path::{Path, PathBuf};
use tr::tr;

/// Hand the keys of exactly the proposed records to who asked, once enough people approved
#[derive(Args)]
#[command(override_usage = "keepuntil grant [OPTIONS] --request <FILE> --output <FILE>\n       \
    <ARCHIVE> <PROPOSAL>")]
#[command(after_help = "Everything is checked again: who asked, what the disclosure policy allows, who\n\
    approved, holds for secrecy, what was destroyed. The grant opens the records for\n\
    whoever has the requester's one-time identity; it cannot be taken back.\n\
    Run it again, and it writes the same grant again.\n\n\
    Examples:\n  keepuntil grant firm.sealed proposal.json --request request.json -o grant.json\n  \
    keepuntil grant firm.sealed proposal.json --request request.json -i id.txt \\\n    \
    --approval wang.sig --approval li.sig -o grant.json --extract extract.tar")]
pub struct GrantArgs {
    /// The archive
    #[arg(value_name = "ARCHIVE")]
    pub archive: PathBuf,
    /// What `keepuntil request propose` made
    #[arg(value_name = "PROPOSAL")]
    pub proposal: PathBuf,
    /// The request that it answers
    #[arg(long, value_name = "FILE")]
    pub request: PathBuf,
    /// The requester's signature under the request [default: FILE.sig]
    #[arg(long, value_name = "FILE")]
    pub signature: Option<PathBuf>,
    /// A signature under the proposal; may be given more than once [default: PROPOSAL.*.sig beside it]
    #[arg(long, value_name = "FILE")]
    pub approval: Vec<PathBuf>,
    /// Where the grant goes
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Also cut these records out of the archive, for a requester who has no copy of it
    #[arg(long, value_name = "FILE")]
    pub extract: Option<PathBuf>,
    #[command(flatten)]
    pub identity: IdentityPlace,
    #[command(flatten)]
    pub keyring: KeyringPlace,
    #[command(flatten)]
    pub trust: TrustArgs,
}

pub fn run(args: GrantArgs, common: Common) -> Result<Done, Failure> {
    let request = request::read(&args.request)?;
    let approvals = if args.approval.is_empty() { signatures_of(&args.proposal)? } else { args.approval.clone() };
    let options = GrantOptions {
        proposal: &proposal::read(&args.proposal, Some(&request))?,
        request: &request,
        signature: &request::read_signature(&args.request, args.signature.as_deref())?,
        approvals: &home::signatures(&approvals)?,
    };
    let mut custody = home::custody(&args.keyring)?;
    let (mut reader, _) = open_archive(&args.archive, &home::trust(&args.trust)?, Some(custody.keyring()))?;
    let identities = home::required_identities(&args.identity)?;
    let extract = args.extract.as_deref();
    let outcome = write_grant(&mut custody, &mut reader, &identities, &options, &args.output, extract)?;
    if common.json {
        render::json_line(&json(&outcome.grant, outcome.again, &args));
    } else if !common.quiet {
        render::print(&text(&outcome.grant, outcome.again, &args))?;
    }
    Ok(Done::Clean)
}

/// The files PROPOSAL.*.sig, as `keepuntil approve` names them, in the order of their names.
fn signatures_of(proposal: &Path) -> Result<Vec<PathBuf>, Failure> {
    let folder = proposal.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let prefix = format!("{}.", proposal.file_name().unwrap_or_default().to_string_lossy());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(StorageError::at(folder))? {
        let path = entry.map_err(StorageError::at(folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.strip_prefix(&prefix).is_some_and(|rest| rest.len() > 4 && rest.ends_with(".sig")) {
            found.push(path);
        }
    }
    if found.len() > crate::disclosure::grant::MAX_APPROVALS {
        return Err(Failure::Usage(
            tr!("{proposal}: too many signatures lie beside it", proposal = show(proposal)),
            tr!("name those that count with --approval FILE"),
        ));
    }
    found.sort();
    Ok(found)
}

fn text(grant: &Grant, again: bool, args: &GrantArgs) -> String {
    let approved: Vec<String> = grant.approvals.iter().map(|approval| escape(&approval.name)).collect();
    let approved =
        if approved.is_empty() { tr!("nobody had to") } else { render::list(approved.iter().map(String::as_str)) };
    let id = hex::encode(grant.grant);
    let heading = if again { tr!("grant {id}, granted before", id = id) } else { tr!("grant {id}", id = id) };
    let mut text = heading + "\n";
    let mut add = |name: &str, value: &str| text.push_str(&render::field(name, value, 13));
    add(&tr!("records"), &tr!("{records} of {archive}", records = grant.records, archive = show(&args.archive)));
    add(
        &tr!("grant for" => "for"),
        &tr!("{name}, {purpose}", name = escape(&grant.requester.name), purpose = codes::purpose(grant.purpose.code())),
    );
    add(&tr!("grant" => "approved"), &approved);
    let until = render::time(grant.valid_until);
    add(&tr!("grant" => "valid"), &tr!("until {time}", time = until));
    add(&tr!("watermark"), &hex::encode(grant.watermark));
    add(&tr!("grant" => "written"), &show(&args.output));
    if let Some(extract) = &args.extract {
        add("", &show(extract));
    }
    text
}

fn json(grant: &Grant, again: bool, args: &GrantArgs) -> serde_json::Value {
    let people = |person: &Signatory| serde_json::json!({ "name": person.name, "key": person.key });
    serde_json::json!({
        "message_type": "grant",
        "grant": hex::encode(grant.grant),
        "again": again,
        "archive": hex::encode(grant.archive),
        "records": grant.records,
        "requester": people(&grant.requester),
        "purpose": grant.purpose,
        "approvals": grant.approvals.iter().map(people).collect::<Vec<_>>(),
        "valid_from": grant.valid_from,
        "valid_until": grant.valid_until,
        "conditions": grant.conditions,
        "watermark": hex::encode(grant.watermark),
        "path": args.output.to_string_lossy(),
        "extract": args.extract.as_ref().map(|path| path.to_string_lossy()),
    })
}
