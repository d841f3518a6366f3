//! `keepuntil event …`.

use super::args::{AgreementArgs, Common, KeyringPlace};
use super::error::{Failure, tell_hint, tell_warning};
use super::hold::ScopeArgs;
use super::{Done, home, render};
use crate::ops::event::{EventOptions, concerned, find, record, statement};
use crate::retention::event::{Event, current, named};
use crate::retention::parse_date;
use crate::storage::escape;
use clap::{Args, Subcommand};
use tr::tr;

/// Say what happened, and when: periods that wait for it begin
#[derive(Subcommand)]
pub enum EventCommand {
    /// Record an event for the records of a scope, also for those deposited later
    #[command(after_help = "An event that makes records due soon, or brings a date forward, needs a second person: \
        they sign what --statement prints with `ssh-keygen -Y sign -n keepuntil-event`.\n\n\
        Examples:\n  keepuntil event record relationship-end firm.sealed \\\n    --record 17 --date 2031-05-04\n  \
        keepuntil event record relationship-end --rule cn-aml-identity \\\n    --date 2031-05-04")]
    Record(Box<RecordEvent>),
    /// List what was recorded
    List {
        #[command(flatten)]
        keyring: KeyringPlace,
    },
}

/// An event as it is typed.
#[derive(Args)]
pub struct RecordEvent {
    /// Its name, such as relationship-end
    #[arg(value_name = "NAME")]
    pub name: String,
    /// When it happened
    #[arg(long, value_name = "DATE")]
    pub date: String,
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// The event that this one corrects
    #[arg(long, value_name = "ID")]
    pub corrects: Option<String>,
    #[command(flatten)]
    pub agreement: AgreementArgs,
    #[command(flatten)]
    pub keyring: KeyringPlace,
}

pub fn run(command: EventCommand, common: Common) -> Result<Done, Failure> {
    match command {
        EventCommand::Record(args) => {
            let RecordEvent { name, date, scope, corrects, agreement, keyring } = *args;
            let mut custody = home::custody(&keyring)?;
            let approvals = home::signatures(&agreement.approval)?;
            let options = EventOptions {
                name,
                date: parse_date(&date)?,
                scope: scope.resolve(&custody)?,
                corrects: corrects.map(|id| find(&custody, &id)).transpose()?,
                approvals,
            };
            // Told behind what was done: where nothing was, the error says what matters.
            let concerned = concerned(&custody, &options)?;
            if agreement.statement {
                let text = statement(&custody, &options);
                render::text(&String::from_utf8_lossy(&text), common)?;
                warn(concerned, &options.name);
                return Ok(Done::Clean);
            }
            let event = record(&mut custody, &options)?;
            if common.json {
                render::json_line(&json(&event));
            } else if !common.quiet {
                render::print(&text(&event))?;
            }
            warn(concerned, &options.name);
        }
        EventCommand::List { keyring } => {
            let custody = home::custody(&keyring)?;
            let mut listed = 0;
            for event in current(&custody.register().events) {
                listed += 1;
                if common.json {
                    render::json_line(&json(event));
                } else {
                    render::print(&text(event))?;
                }
            }
            if common.json {
                render::end_of_list(listed);
            }
        }
    }
    Ok(Done::Clean)
}

/// Warns of an event that no record waits for: its name or scope may be mistyped.
fn warn((live, waiting): (u64, u64), name: &str) {
    if live == 0 {
        tell_warning(&tr!("the event concerns no live record now; it will concern what its scope names later"));
    } else if waiting == 0 {
        tell_warning(&tr!("no record in the event's scope waits for {name}, nor did", name = escape(name)));
        tell_hint(&tr!("see what records wait for with `keepuntil status`"));
    }
}

fn text(event: &Event) -> String {
    let mut text = tr!("event {id}", id = hex::encode(event.id)) + "\n";
    text.push_str(&format!("  {}\n", tr!("{event} on {day}", event = named(&event.name), day = event.date)));
    text.push_str(&render::field(&tr!("scope"), &escape(&event.scope.to_string()), 15));
    if !event.approved_by.is_empty() {
        text.push_str(&render::field(
            &tr!("approved by"),
            &escape(&render::list(event.approved_by.iter().map(String::as_str))),
            15,
        ));
    }
    text
}

fn json(event: &Event) -> serde_json::Value {
    serde_json::json!({
        "message_type": "event", "event": hex::encode(event.id), "name": event.name, "date": event.date,
        "scope": event.scope, "recorded": event.recorded, "corrects": event.corrects.map(hex::encode),
        "approved_by": event.approved_by,
    })
}
