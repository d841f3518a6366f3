//! `keepuntil hold …`.

use super::args::{Common, KeyringPlace};
use super::error::{Failure, tell_warning};
use super::{Done, home, render};
use crate::ops::custody::Custody;
use crate::ops::hold::{in_force, named, place, release};
use crate::ops::scope::{ScopeOptions, resolve};
use crate::retention::hold::Hold;
use crate::retention::scope::Scope;
use crate::storage::escape;
use clap::{Args, Subcommand};
use std::path::PathBuf;
use tr::tr;

/// Stop the destruction of records for as long as a matter needs them
#[derive(Subcommand)]
pub enum HoldCommand {
    /// Place a hold; needs no decryption key
    #[command(override_usage = "keepuntil hold place [OPTIONS] --matter <TEXT> --authority <TEXT>\n       \
        [ARCHIVE]")]
    #[command(after_help = "A hold covers what its scope names, also what is deposited later.\n\n\
        Examples:\n  keepuntil hold place firm.sealed --record 17 --matter 'Smith v. Jones' \\\n    \
        --authority 'District Court, case 12/2031'\n  \
        keepuntil hold place firm.sealed --record 18 --secrecy \\\n    \
        --matter investigation --authority 'Public Prosecutor'\n  \
        keepuntil hold place --everything --matter audit --authority 'tax office'")]
    Place {
        #[command(flatten)]
        scope: ScopeArgs,
        /// What the records are needed for
        #[arg(long, value_name = "TEXT")]
        matter: String,
        /// Who demands it
        #[arg(long, value_name = "TEXT")]
        authority: String,
        /// The matter is secret: nothing that the hold covers may be disclosed either
        #[arg(long)]
        secrecy: bool,
        /// Sign with this SSH key instead of the keyring's own key
        #[arg(long, value_name = "KEY")]
        sign_with: Option<PathBuf>,
        #[command(flatten)]
        keyring: KeyringPlace,
    },
    /// End a hold; its texts are forgotten
    #[command(after_help = "Example:\n  keepuntil hold release 5f1c0b7a93d24e6f8b1d2c3a4e5f6071")]
    Release {
        /// Id of the hold, or its first digits
        #[arg(value_name = "ID")]
        hold: String,
        #[command(flatten)]
        keyring: KeyringPlace,
    },
    /// List the holds in force
    List {
        #[command(flatten)]
        keyring: KeyringPlace,
    },
}

/// Which records something is about.
#[derive(Args)]
pub struct ScopeArgs {
    /// An archive: its file or its id
    #[arg(value_name = "ARCHIVE", required_unless_present_any = ["compartment", "rule", "everything"])]
    pub archive: Option<PathBuf>,
    /// Only these records of the archive, such as 17 or 1-4,9
    #[arg(long, value_name = "N", requires = "archive")]
    pub record: Vec<String>,
    /// Only records of this compartment
    #[arg(long, value_name = "NAME")]
    pub compartment: Option<String>,
    /// Only records kept under this rule
    #[arg(long, value_name = "ID")]
    pub rule: Option<String>,
    /// Everything in the keyring, now and later
    #[arg(long, conflicts_with_all = ["archive", "compartment", "rule"])]
    pub everything: bool,
}

pub fn run(command: HoldCommand, common: Common) -> Result<Done, Failure> {
    match command {
        HoldCommand::Place { scope, matter, authority, secrecy, sign_with, keyring } => {
            let mut custody = home::custody(&keyring)?;
            let scope = scope.resolve(&custody)?;
            let hold = place(&mut custody, &matter, &authority, scope, secrecy, sign_with.as_deref())?;
            let covered = covered(&custody, &hold)?;
            let (destroyed, _) = named(&custody, &hold.scope)?;
            if !destroyed.is_empty() {
                tell_warning(&tr!(
                    "the hold comes too late for records {records}: their keys were destroyed",
                    records = destroyed
                ));
            }
            if covered == 0 {
                tell_warning(&tr!("the hold covers no live record now; it will cover what its scope names later"));
            }
            if common.json {
                render::json_line(&json(&hold, covered));
            } else if !common.quiet {
                let mut told = format!("{}\n  {}", heading(&hold), render::wrapped(&reach(&hold, covered), 2));
                if hold.secrecy {
                    told += &format!("  {}", render::wrapped(&tr!("secret: nothing of it may be disclosed"), 2));
                }
                render::print(&told)?;
            }
        }
        HoldCommand::Release { hold, keyring } => {
            let mut custody = home::custody(&keyring)?;
            let id = release(&mut custody, &hold)?;
            if common.json {
                render::json_line(&serde_json::json!({ "message_type": "released", "hold": hex::encode(id) }));
            } else if !common.quiet {
                render::print(&(tr!("hold {id} released", id = hex::encode(id)) + "\n"))?;
            }
        }
        HoldCommand::List { keyring } => {
            let custody = home::reading(&keyring)?;
            let mut listed = 0;
            for hold in in_force(&custody) {
                listed += 1;
                let covered = covered(&custody, hold)?;
                if common.json {
                    render::json_line(&json(hold, covered));
                } else {
                    render::print(&text(hold, covered))?;
                }
            }
            if common.json {
                render::end_of_list(listed);
            } else if listed == 0 && !common.quiet {
                render::print(&format!("{}\n", tr!("nothing is held")))?;
            }
            home::remember(custody)?;
        }
    }
    Ok(Done::Clean)
}

impl ScopeArgs {
    /// What was typed, looked up in the keyring.
    pub fn resolve(&self, custody: &Custody) -> Result<Scope, Failure> {
        let options = ScopeOptions {
            archive: self.archive.as_deref(),
            records: home::records(&self.record)?,
            compartment: self.compartment.as_deref(),
            rule: self.rule.as_deref(),
        };
        Ok(resolve(custody.keyring(), &options)?.explicit(self.everything)?)
    }
}

/// Live records that a hold covers now.
fn covered(custody: &Custody, hold: &Hold) -> Result<u64, Failure> {
    let mut covered = 0;
    custody.for_each_record(hold.scope.archive.as_ref(), |_, view, _| {
        covered += u64::from(view.live && hold.scope.covers(view));
        Ok(())
    })?;
    Ok(covered)
}

fn text(hold: &Hold, covered: u64) -> String {
    let mut text = heading(hold) + "\n";
    let mut add = |name: &str, value: &str| text.push_str(&render::field(name, value, 13));
    add(&tr!("hold" => "matter"), &escape(hold.matter.as_deref().unwrap_or("")));
    add(&tr!("hold" => "authority"), &escape(hold.authority.as_deref().unwrap_or("")));
    add(&tr!("scope"), &reach(hold, covered));
    add(&tr!("since"), &hold.from.to_string());
    if hold.secrecy {
        add(&tr!("secrecy"), &tr!("nothing of it may be disclosed"));
    }
    text
}

fn heading(hold: &Hold) -> String {
    tr!("hold {id}", id = hex::encode(hold.id))
}

/// What a hold names, and how much of it there is.
fn reach(hold: &Hold, covered: u64) -> String {
    let scope = escape(&hold.scope.to_string());
    tr!("{scope}: {n} record now" | "{scope}: {n} records now" % covered, scope = scope)
}

fn json(hold: &Hold, covered: u64) -> serde_json::Value {
    serde_json::json!({
        "message_type": "hold",
        "hold": hex::encode(hold.id),
        "matter": hold.matter,
        "authority": hold.authority,
        "scope": hold.scope,
        "since": hold.from,
        "secrecy": hold.secrecy,
        "record_count": covered,
        "signature_text": hold.signature,
    })
}
