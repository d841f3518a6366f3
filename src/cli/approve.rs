//! `keepuntil approve`.

use super::args::Common;
use super::error::{Failure, tell_warning};
use super::request::propose;
use super::{Done, home, prompt, render};
use crate::ops::proposal::{approve, read};
use crate::ops::request;
use crate::storage::output::write_new;
use crate::storage::show;
use clap::Args;
use std::path::{Path, PathBuf};
use tr::tr;

/// As an approver: sign a proposal to hand records over; needs no keyring
#[derive(Args)]
#[command(
    after_help = "The same as `ssh-keygen -Y sign -n keepuntil-approval`, with the proposal shown and checked before.\n\n\
    Examples:\n  keepuntil approve proposal.json --request request.json \\\n    --sign-with ~/.ssh/id_ed25519\n  \
    keepuntil approve proposal.json --sign-with key --yes \\\n    -o proposal.json.wang.sig"
)]
pub struct ApproveArgs {
    /// What `keepuntil request propose` made
    #[arg(value_name = "PROPOSAL")]
    pub proposal: PathBuf,
    /// The request that it answers: shown too, and compared
    #[arg(long, value_name = "FILE")]
    pub request: Option<PathBuf>,
    /// Sign with this SSH key
    #[arg(long, value_name = "KEY")]
    pub sign_with: PathBuf,
    /// Write the signature to FILE [default: PROPOSAL.<name of the key's file>.sig]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

pub fn run(args: &ApproveArgs, common: Common) -> Result<Done, Failure> {
    let received = args.request.as_deref().map(request::read).transpose()?;
    let proposal = read(&args.proposal, received.as_ref())?;
    if !common.quiet && !common.json {
        if let Some(received) = &received {
            render::print(&super::request::text(received))?;
        }
        render::print(&propose::text(&proposal))?;
        if received.is_none() {
            tell_warning(&tr!("the request itself was not looked at: name it with --request FILE"));
        }
    }
    if !args.yes {
        let typed = prompt::line(&tr!("Approve that these records are handed over? Type yes"))?;
        if typed.trim() != "yes" && typed.trim() != tr!("approval" => "yes") {
            return Err(Failure::Usage(tr!("it was not approved"), tr!("nothing was signed")));
        }
    }
    let (signature, by) = approve(&proposal, &args.sign_with, home::now().to_utc())?;
    let output = args.output.clone().unwrap_or_else(|| default_output(&args.proposal, &args.sign_with));
    write_new(&output, &signature, 0o644)?;
    if common.json {
        render::json_line(&serde_json::json!({
            "message_type": "approval", "path": output.to_string_lossy(), "proposal": hex::encode(proposal.identity()),
            "key": by,
        }));
    } else if !common.quiet {
        eprintln!("{}\n  {by}", tr!("Wrote {file}: approved with key", file = show(&output)));
    }
    Ok(Done::Clean)
}

/// Beside the proposal, where `grant` looks for it.
fn default_output(proposal: &Path, key: &Path) -> PathBuf {
    let name = key.file_stem().map_or_else(|| "key".into(), |name| name.to_string_lossy().into_owned());
    request::beside(proposal, &format!(".{name}.sig"))
}
