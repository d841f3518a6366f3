//! `keepuntil clock …`.

use super::args::{AgreementArgs, Common, KeyringPlace};
use super::error::Failure;
use super::prompt;
use super::{Done, home, render};
use crate::ops::approval::statement as settings_statement;
use crate::ops::clock::{
    confirm_by_statement, confirm_by_timestamp, confirm_by_witness, confirm_typed, may_type, pin, pin_lines, statement,
};
use crate::storage::read_limited;
use clap::{Args, Subcommand};
use std::path::PathBuf;
use tr::tr;

/// Have somebody else's clock confirm the date, on which destruction depends
#[derive(Subcommand)]
pub enum ClockCommand {
    /// Show how far the clock is believed
    Show {
        #[command(flatten)]
        keyring: KeyringPlace,
    },
    /// Print the text that a second person signs to say what time it is
    #[command(after_help = "Example:\n  keepuntil clock statement > now.txt\n  \
        ssh-keygen -Y sign -n keepuntil-clock -f ~/.ssh/id_ed25519 now.txt\n  \
        keepuntil clock confirm --statement now.txt --signature now.txt.sig")]
    Statement {
        #[command(flatten)]
        keyring: KeyringPlace,
    },
    /// Take a time from elsewhere
    #[command(after_help = "Examples:\n  keepuntil clock confirm --statement now.txt --signature now.txt.sig\n  \
        keepuntil clock confirm --timestamp token.tsr\n  keepuntil clock confirm --witness cosigned\n  \
        keepuntil clock confirm --typed")]
    Confirm(Confirm),
    /// Pin outside clocks in place of those that were pinned
    #[command(after_help = "Example:\n  keepuntil clock trust --witness 'witness.example+…' --authority tsa.pem")]
    Trust {
        /// Verifier key of a witness; may be given more than once
        #[arg(long, value_name = "VKEY", required_unless_present = "authority")]
        witness: Vec<String>,
        /// Certificate of an RFC 3161 authority (PEM); may be given more than once
        #[arg(long, value_name = "FILE")]
        authority: Vec<PathBuf>,
        #[command(flatten)]
        agreement: AgreementArgs,
        #[command(flatten)]
        keyring: KeyringPlace,
    },
}

#[derive(Args)]
pub struct Confirm {
    /// What `clock statement` printed
    #[arg(long, value_name = "FILE", group = "source", requires = "signature", required = true)]
    pub statement: Option<PathBuf>,
    /// The signature under it, by a person on the roster
    #[arg(long, value_name = "FILE", requires = "statement")]
    pub signature: Option<PathBuf>,
    /// An RFC 3161 time-stamp of the journal's checkpoint
    #[arg(long, value_name = "FILE", group = "source")]
    pub timestamp: Option<PathBuf>,
    /// The journal's checkpoint, cosigned by a witness
    #[arg(long, value_name = "FILE", group = "source")]
    pub witness: Option<PathBuf>,
    /// Type today's date, where the keyring's settings allow it: the journal says that nobody else confirmed it
    #[arg(long, group = "source")]
    pub typed: bool,
    #[command(flatten)]
    pub keyring: KeyringPlace,
}

pub fn run(command: ClockCommand, common: Common) -> Result<Done, Failure> {
    match command {
        ClockCommand::Show { keyring } => show(&keyring, common),
        ClockCommand::Statement { keyring } => {
            let text = statement(&home::custody(&keyring)?)?;
            render::text(&String::from_utf8_lossy(&text), common)?;
            Ok(Done::Clean)
        }
        ClockCommand::Confirm(confirm) => run_confirm(&confirm, common),
        ClockCommand::Trust { witness, authority, agreement, keyring } => {
            let mut custody = home::custody(&keyring)?;
            let authorities = authority.iter().map(|path| home::text(path, 1 << 16)).collect::<Result<Vec<_>, _>>()?;
            if agreement.statement {
                let text = settings_statement(&custody, &pin_lines(&witness, &authorities));
                render::text(&String::from_utf8_lossy(&text), common)?;
                return Ok(Done::Clean);
            }
            pin(&mut custody, witness, authorities, &home::signatures(&agreement.approval)?)?;
            let register = custody.register();
            let (witnesses, authorities) = (register.witnesses.len(), register.timestamp_authorities.len());
            if common.json {
                render::json_line(&serde_json::json!({
                    "message_type": "pinned", "witness_count": witnesses, "authority_count": authorities,
                }));
            } else if !common.quiet {
                let pinned = tr!(
                    "pinned: {witnesses} witness keys, {authorities} time-stamping authorities",
                    witnesses = witnesses,
                    authorities = authorities
                );
                render::print(&(pinned + "\n"))?;
            }
            Ok(Done::Clean)
        }
    }
}

fn run_confirm(args: &Confirm, common: Common) -> Result<Done, Failure> {
    let mut custody = home::custody(&args.keyring)?;
    let time = match (&args.statement, &args.signature, &args.timestamp, &args.witness) {
        (Some(text), Some(signature), ..) => {
            let text = read_limited(text, 1 << 16)?;
            confirm_by_statement(&mut custody, &text, &read_limited(signature, 1 << 16)?)?
        }
        (.., Some(token), _) => confirm_by_timestamp(&mut custody, &read_limited(token, 1 << 20)?)?,
        (.., Some(cosigned)) => confirm_by_witness(&mut custody, &read_limited(cosigned, 1 << 20)?)?,
        _ => {
            may_type(&custody)?;
            confirm_typed(&mut custody, &prompt::line(&tr!("Today's date (YYYY-MM-DD)"))?)?
        }
    };
    if common.json {
        render::json_line(&serde_json::json!({ "message_type": "confirmed", "time": time }));
    } else if !common.quiet {
        let certain = custody.trusted_today();
        let time = render::time(time);
        let text = tr!("confirmed: {time}; certain date {certain}", time = time, certain = certain);
        render::print(&(text + "\n"))?;
    }
    Ok(Done::Clean)
}

fn show(place: &KeyringPlace, common: Common) -> Result<Done, Failure> {
    let custody = home::reading(place)?;
    let clock = &custody.register().clock;
    let distrust = clock.may_destroy().err().map(|e| e.to_string());
    if common.json {
        render::json_line(&serde_json::json!({
            "message_type": "clock", "mark": clock.mark, "proved": clock.proved, "confirmed": clock.confirmed,
            "confirmed_by": clock.confirmed_by, "certain_date": custody.trusted_today(),
            "budget_seconds": clock.budget_seconds, "distrust": distrust,
        }));
    } else {
        let time = render::time;
        let lines = [
            (tr!("wall clock"), time(custody.now().reading.wall)),
            (tr!("mark"), time(clock.mark)),
            (tr!("proved"), clock.proved.map_or_else(|| tr!("proved" => "never"), time)),
            (tr!("certain date"), custody.trusted_today().to_string()),
            (tr!("unvouched"), tr!("{days} of 35 days left", days = clock.budget_seconds / 86_400)),
            (tr!("destruction"), distrust.clone().unwrap_or_else(|| tr!("allowed"))),
        ];
        render::print(&lines.map(|(name, value)| render::field(&name, &value, 16)).concat())?;
    }
    super::status::warn(&custody);
    home::remember(custody)?;
    Ok(if distrust.is_some() { Done::Findings } else { Done::Clean })
}
