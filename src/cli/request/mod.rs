//! `keepuntil request …`: for requesters to write one, for custodians to read, check and answer it.

mod check;
mod find;
mod new;
pub mod propose;
mod template;

use super::args::{Common, IdentityPlace, KeyringPlace};
use super::error::Failure;
use super::{Done, home, render};
use crate::cli::codes;
use crate::disclosure::request::Request;
use crate::ops::OpsError;
use crate::ops::request::{self, Received};
use crate::retention::parse_date;
use crate::storage::escape;
use chrono::NaiveDate;
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};
use tr::tr;

/// Ask for records of an archive, or handle what somebody asks for
#[derive(Subcommand)]
pub enum RequestCommand {
    /// Write a request; needs this program and an SSH key, and no keyring
    #[command(
        after_help = "Writes FILE, FILE.identity (which opens the answer: keep it secret, it is used once) and, with \
        --sign-with, FILE.sig. Send FILE and FILE.sig to the custodian.\n\n\
        Examples:\n  keepuntil request new firm.sealed --record 17 --purpose audit \\\n    \
        --explain 'Statutory audit of 2019' --as auditor@cpa.example \\\n    \
        --sign-with ~/.ssh/id_ed25519 -o request.json\n  \
        keepuntil request new --archive-id b471b1e7ddfacaaaab391d824f73942c \\\n    \
        --describe 'my own file' --purpose own-file --explain 'for my pension' \\\n    \
        --as m.zhao@mail.example -o request.json"
    )]
    New(Box<NewArgs>),
    /// Print a request to fill in by hand, and on standard error how
    #[command(after_help = "Example:\n  keepuntil request template --lang en > request.json")]
    Template {
        /// What does not belong here, so that it can be said
        #[arg(hide = true, value_name = "ARCHIVE")]
        archive: Option<PathBuf>,
    },
    /// Show a request in plain words; checks the signature where there is a keyring with a roster
    #[command(after_help = "Exit code 3 means: the signature does not count.\n\n\
        Example:\n  keepuntil request show request.json")]
    Show {
        #[command(flatten)]
        message: MessageArgs,
        #[command(flatten)]
        keyring: KeyringPlace,
    },
    /// Say what stands against a request: signature, policy, each record; changes nothing
    #[command(after_help = "Ends with the exit code of the worst that was found.\n\n\
        Examples:\n  keepuntil request check request.json\n  \
        keepuntil request check request.json --proposal proposal.json \\\n    \
        --approval proposal.json.wang.sig")]
    Check(Box<CheckArgs>),
    /// Find the records that a request describes, by their names
    #[command(
        allow_missing_positional = true,
        after_help = "Examples:\n  keepuntil request find request.json firm.sealed -i identity.txt\n  \
        keepuntil request find --match '*沐阳*' firm.sealed"
    )]
    Find(Box<FindArgs>),
    /// Write a proposal: exactly what is to be handed over, for approvers to sign
    #[command(after_help = "Notes the request in ledger and journal. Needs no identity: nothing is opened.\n\n\
        Examples:\n  keepuntil request propose request.json -o proposal.json\n  \
        keepuntil request propose request.json --record 17 --no-copies \\\n    \
        --destroy-by 2031-06-30 -o proposal.json")]
    Propose(Box<ProposeArgs>),
}

/// A request and its signature.
#[derive(Args)]
pub struct MessageArgs {
    /// The request
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Its signature [default: FILE.sig]
    #[arg(long, value_name = "FILE")]
    pub signature: Option<PathBuf>,
}

/// A request as it is typed.
#[derive(Args)]
#[command(override_usage = "keepuntil request new [OPTIONS] --purpose <PURPOSE> --explain <TEXT>\n       \
    --as <PRINCIPAL> --output <FILE> <ARCHIVE | --archive-id <ID>>")]
pub struct NewArgs {
    /// The archive
    #[arg(value_name = "ARCHIVE", required_unless_present = "archive_id")]
    pub archive: Option<PathBuf>,
    /// The archive by its id: 32 hex digits
    #[arg(long, value_name = "ID", conflicts_with = "archive")]
    pub archive_id: Option<String>,
    /// Records by number, such as 17 or 1-4,9; may be given more than once
    #[arg(long, value_name = "N", required_unless_present = "describe")]
    pub record: Vec<String>,
    /// Records in your own words, where you do not know their numbers
    #[arg(long, value_name = "TEXT")]
    pub describe: Option<String>,
    /// What they are for
    #[arg(long, value_name = "PURPOSE", value_parser = codes::purposes())]
    pub purpose: String,
    /// The same in your own words
    #[arg(long, value_name = "TEXT")]
    pub explain: String,
    /// The law, contract or order that it rests on
    #[arg(long, value_name = "TEXT")]
    pub legal_basis: Option<String>,
    /// A paper that it refers to, as KIND=TEXT: case-number, engagement-letter, confidentiality-agreement, mandate, other
    #[arg(long, value_name = "KIND=TEXT")]
    pub reference: Vec<String>,
    /// A paper by which you show who you are, as NAME=FILE; only its hash goes into the request
    #[arg(long, value_name = "NAME=FILE")]
    pub identity_paper: Vec<String>,
    /// The last day on which the answer is of use [default: in 90 days]
    #[arg(long, value_name = "DATE")]
    pub wanted_until: Option<String>,
    /// Who asks: your name on the custodian's roster
    #[arg(long = "as", value_name = "PRINCIPAL")]
    pub requester: String,
    /// Sign with this SSH key
    #[arg(long, value_name = "KEY")]
    pub sign_with: Option<PathBuf>,
    /// Write the request to FILE
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Replace existing files
    #[arg(long)]
    pub force: bool,
}

#[derive(Args)]
pub struct CheckArgs {
    #[command(flatten)]
    pub message: MessageArgs,
    /// The archive, to show the records' names too
    #[arg(value_name = "ARCHIVE")]
    pub archive: Option<PathBuf>,
    /// The records that the request is found to be about, where it does not name them
    #[arg(long, value_name = "N")]
    pub record: Vec<String>,
    /// A proposal that answers it: who approved it, and how many are missing
    #[arg(long, value_name = "FILE")]
    pub proposal: Option<PathBuf>,
    /// A signature under the proposal; may be given more than once
    #[arg(long, value_name = "FILE", requires = "proposal")]
    pub approval: Vec<PathBuf>,
    #[command(flatten)]
    pub identity: IdentityPlace,
    #[command(flatten)]
    pub keyring: KeyringPlace,
}

#[derive(Args)]
pub struct FindArgs {
    /// The request whose description is looked for
    #[arg(value_name = "FILE", required_unless_present = "pattern")]
    pub file: Option<PathBuf>,
    /// The archive
    #[arg(value_name = "ARCHIVE", required = true)]
    pub archive: Option<PathBuf>,
    /// Look for names that match this pattern instead
    #[arg(long = "match", value_name = "GLOB", conflicts_with = "file")]
    pub pattern: Option<String>,
    #[command(flatten)]
    pub identity: IdentityPlace,
    #[command(flatten)]
    pub keyring: KeyringPlace,
}

#[derive(Args)]
pub struct ProposeArgs {
    #[command(flatten)]
    pub message: MessageArgs,
    /// Only these records; needed where the request does not name any
    #[arg(long, value_name = "N")]
    pub record: Vec<String>,
    /// Days for which the grant is valid
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub valid_days: u32,
    /// Days in which it may be approved
    #[arg(long, value_name = "N", default_value_t = 14, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub approve_days: u32,
    /// The requester makes no copies
    #[arg(long)]
    pub no_copies: bool,
    /// The requester destroys what they were given by this day
    #[arg(long, value_name = "DATE")]
    pub destroy_by: Option<String>,
    /// The requester gives it back by this day
    #[arg(long, value_name = "DATE")]
    pub return_by: Option<String>,
    /// Another condition, in words
    #[arg(long, value_name = "TEXT")]
    pub condition: Option<String>,
    /// Write the proposal to FILE
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Replace an existing file
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub keyring: KeyringPlace,
}

pub fn run(command: RequestCommand, common: Common) -> Result<Done, Failure> {
    match command {
        RequestCommand::New(args) => new::run(&args, common),
        RequestCommand::Template { archive } => template::run(archive.as_deref(), common),
        RequestCommand::Show { message, keyring } => check::show(&message, &keyring, common),
        RequestCommand::Check(args) => check::run(&args, common),
        RequestCommand::Find(args) => find::run(&args, common),
        RequestCommand::Propose(args) => propose::run(&args, common),
    }
}

impl MessageArgs {
    /// The request, and its signature or why there is none.
    pub fn read(&self) -> Result<(Received, Result<Vec<u8>, OpsError>), Failure> {
        let received = request::read(&self.file)?;
        let signature = match request::read_signature(&self.file, self.signature.as_deref()) {
            // A file that was named must be there.
            Err(e) if self.signature.is_some() => return Err(e.into()),
            other => other,
        };
        Ok((received, signature))
    }
}

/// A day as it was typed.
fn date(typed: Option<&str>) -> Result<Option<NaiveDate>, Failure> {
    Ok(typed.map(parse_date).transpose()?)
}

/// What a request says, in lines for people.
pub fn text(received: &Received) -> String {
    let Request {
        archive,
        records,
        description,
        purpose,
        explanation,
        legal_basis,
        references,
        identity,
        wanted_until,
        made,
        address,
        requester,
        ..
    } = &received.request;
    let mut text = tr!("request {id}", id = hex::encode(received.hash)) + "\n";
    let mut add = |name: &str, value: &str| text.push_str(&field(name, value));
    add(&tr!("request from" => "from"), requester);
    add(&tr!("archive"), &hex::encode(archive));
    if let Some(records) = records {
        add(&tr!("records"), &records.to_string());
    }
    if let Some(description) = description {
        add(&tr!("described as"), description);
    }
    add(&tr!("purpose"), &codes::purpose(purpose.code()));
    add(&tr!("explained"), explanation);
    if let Some(basis) = legal_basis {
        add(&tr!("legal basis"), basis);
    }
    for reference in references {
        let kind = serde_json::to_value(reference.kind).unwrap_or_default();
        let kind = kind.as_str().unwrap_or_default();
        add(&tr!("reference"), &tr!("{kind}: {text}", kind = kind, text = reference.text));
    }
    for paper in identity {
        add(&tr!("paper"), &tr!("{paper}: SHA-256 {hash}", paper = paper.paper, hash = hex::encode(paper.sha256)));
    }
    add(&tr!("wanted until"), &wanted_until.to_string());
    add(&tr!("request made" => "made"), &render::time(*made));
    add(&tr!("answer to"), &render::shorten(address, 24));
    text
}

/// A named value, escaped line by line.
pub fn field(name: &str, value: &str) -> String {
    let lines = value.split('\n').map(|line| render::wrapped(&escape(line), 16));
    let between = format!("{:16}", "");
    render::field(name, lines.collect::<Vec<_>>().join(&between).trim_end_matches('\n'), 16)
}

/// The same for programs.
pub fn json(received: &Received) -> serde_json::Value {
    serde_json::json!({
        "message_type": "request", "request": hex::encode(received.hash), "content": received.request,
    })
}

/// The path, as JSON shows it.
fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The keyring to look at, where there is one.
fn look(place: &KeyringPlace) -> Result<Option<crate::ops::custody::Custody>, Failure> {
    let keyring = home::keyring(place, crate::storage::lock::Sharing::Shared)?;
    Ok(keyring.map(|keyring| crate::ops::custody::Custody::reading(keyring, home::clocks())).transpose()?)
}
