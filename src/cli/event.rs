//! `keepuntil event …`.

use super::args::{AgreementArgs, Common, KeyringPlace};
use super::error::{Failure, tell_hint, tell_warning};
use super::hold::ScopeArgs;
use super::{Done, home, render};
use crate::ops::event::{Effect, EventOptions, concerned, effect, find, record, statement};
use crate::retention::event::{Event, EventId, current, named};
use crate::retention::parse_date;
use crate::storage::escape;
use chrono::NaiveDate;
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
            let before = custody.register().events.clone();
            let event = record(&mut custody, &options)?;
            let effect = effect(&custody, &before, &event)?;
            if common.json {
                render::json_line(&json(&event, Some(&effect)));
            } else if !common.quiet {
                render::print(&(text(&event) + &effect_text(&effect)))?;
            }
            warn(concerned, &options.name);
            warn_of_later(&event, &effect);
        }
        EventCommand::List { keyring } => {
            let custody = home::custody(&keyring)?;
            let mut listed = 0;
            for event in current(&custody.register().events) {
                listed += 1;
                if common.json {
                    render::json_line(&json(event, None));
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

/// Warns of records for which the event does not count: the latest of several does.
fn warn_of_later(event: &Event, effect: &Effect) {
    for ((day, id), records) in &effect.later {
        tell_warning(&tr!(
            "for {n} record {day} goes on to count: of several events {name} the latest does"
                | "for {n} records {day} goes on to count: of several events {name} the latest does" % *records,
            day = day,
            name = escape(&event.name)
        ));
        // Of several names the first digits are enough.
        let id = &hex::encode(id)[..12];
        tell_hint(&tr!("if that one was wrong, record the right day in its place: --corrects {id}", id = id));
    }
}

fn effect_text(effect: &Effect) -> String {
    let records = |n: u64| tr!("{n} record" | "{n} records" % n);
    let mut text = String::new();
    if effect.changed + effect.unchanged > 0 {
        text.push_str(&render::field(&tr!("day changed"), &records(effect.changed), 15));
        text.push_str(&render::field(&tr!("day stays"), &records(effect.unchanged), 15));
    }
    text
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

/// The event; what it did is known where it was just recorded.
fn json(event: &Event, effect: Option<&Effect>) -> serde_json::Value {
    let later = effect.map(|effect| {
        let one = |((day, id), records): (&(NaiveDate, EventId), &u64)| {
            serde_json::json!({ "event": hex::encode(id), "date": day, "record_count": records })
        };
        effect.later.iter().map(one).collect::<Vec<_>>()
    });
    serde_json::json!({
        "message_type": "event", "event": hex::encode(event.id), "name": event.name, "date": event.date,
        "scope": event.scope, "recorded": event.recorded, "corrects": event.corrects.map(hex::encode),
        "approved_by": event.approved_by, "changed_count": effect.map(|effect| effect.changed),
        "unchanged_count": effect.map(|effect| effect.unchanged), "later_events": later,
    })
}
