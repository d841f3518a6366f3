//! Events: what happened in the world that periods wait for.
//!
//! Invariant: nothing recorded is changed; a correction is a further event that takes the place of one before it.
//! Spec: `spec/disposition.md`, "Events".

use super::disposition::RecordView;
use super::is_plain_date;
use super::register::Refusal;
use super::scope::{Scope, hex_option};
use super::term::{Keep, Standing, is_code};
use crate::language::{text, with_code};
use chrono::{DateTime, Days, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashSet};
use tr::tr;

/// The id of an event: 16 random bytes.
pub type EventId = [u8; 16];

/// Approvers of one event or plan, at most.
pub(super) const MAX_APPROVERS: usize = 64;
/// Bytes in an approver's name, at most.
const MAX_PRINCIPAL: usize = 255;

/// An event's name as people read it: in other languages than English those of the built-in rules, and of the policies that
/// are drafted, with their meaning before what is typed.
pub fn named(name: &str) -> String {
    let meaning = meaning(name);
    if meaning == name { meaning } else { with_code(meaning, name) }
}

/// What the name of an event means, without it; the name itself where nothing is known of it.
pub fn meaning(name: &str) -> String {
    match name {
        "asset-scrapped" => tr!("event" => "asset scrapped"),
        "audit-concluded" => tr!("event" => "audit concluded"),
        "certificate-expiry" => tr!("event" => "certificate expired"),
        "conduct-end" => tr!("event" => "conduct ended"),
        "contract-end" => tr!("event" => "contract ended"),
        "engagement-end" => tr!("event" => "engagement ended"),
        "office-end" => tr!("event" => "office ended"),
        "relationship-end" => tr!("event" => "relationship ended"),
        "transaction-completed" => tr!("event" => "transaction completed"),
        "transaction-end" => tr!("event" => "transaction ended"),
        other => other.to_owned(),
    }
}

/// Several names, each as people read it.
pub fn all_named<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    names.into_iter().map(|name| named(name.as_ref())).collect::<Vec<_>>().join(&tr!("list" => ", "))
}

/// One event, or the correction of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Which.
    #[serde(with = "hex")]
    pub id: EventId,
    /// What happened, such as `relationship-end`.
    pub name: String,
    /// On which day.
    pub date: NaiveDate,
    /// To which records.
    pub scope: Scope,
    /// When it was recorded.
    pub recorded: DateTime<Utc>,
    /// The event whose place it takes.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "hex_option")]
    pub corrects: Option<EventId>,
    /// Principals who approved it, beside whoever recorded it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approved_by: Vec<String>,
}

impl Event {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        self.scope.check()?;
        if !is_code(&self.name) {
            return Err(Refusal::EventName(self.name.chars().take(64).collect()));
        }
        if !is_plain_date(self.date) {
            return Err(Refusal::Date(self.date));
        }
        check_approvers(&self.approved_by)
    }
}

/// The events that no later one has corrected, in the order of recording.
pub fn current(events: &[Event]) -> Vec<&Event> {
    let corrected: HashSet<EventId> = events.iter().filter_map(|event| event.corrects).collect();
    events.iter().filter(|event| !corrected.contains(&event.id)).collect()
}

/// The date of the event `name` for the record: of several that cover it the latest, so that it is kept longest.
pub fn date_for<'e>(
    events: impl IntoIterator<Item = &'e Event>,
    view: &RecordView<'_>,
    name: &str,
) -> Option<NaiveDate> {
    let about = |event: &&Event| event.name == name && event.scope.covers(view);
    events.into_iter().filter(about).map(|event| event.date).max()
}

/// Whether `event`, recorded after `events`, brings a date forward or makes a record of `records` due in less than
/// `cool_off_days` from `today`: then somebody else has to approve it.
pub fn event_hastens<'r>(
    events: &[Event],
    event: &Event,
    today: NaiveDate,
    cool_off_days: u32,
    records: impl IntoIterator<Item = RecordView<'r>>,
) -> bool {
    let before = current(events);
    let mut after: Vec<&Event> = before.iter().copied().filter(|other| Some(other.id) != event.corrects).collect();
    after.push(event);
    let soon = today.checked_add_days(Days::new(cool_off_days.into())).unwrap_or(NaiveDate::MAX);
    let due_soon = |standing: &Standing| matches!(standing, Standing::Until { last, .. } if *last < soon);
    let awaits = |view: &RecordView<'_>| {
        view.retention.terms.iter().any(|term| matches!(&term.keep, Keep::After(after) if after.event == event.name))
    };
    records.into_iter().filter(|view| view.live && awaits(view)).any(|view| {
        let was = view.retention.standing(|name| date_for(before.iter().copied(), &view, name));
        let is = view.retention.standing(|name| date_for(after.iter().copied(), &view, name));
        // Nobody knew a date as long as an event was awaited, so the first date brings none forward.
        let forward = is.length() < was.length() && !matches!(was, Standing::Awaiting(_));
        forward || (due_soon(&is) && !due_soon(&was))
    })
}

/// Distinct people of whom each has a name.
pub(super) fn check_approvers(approvers: &[String]) -> Result<(), Refusal> {
    let named = |name: &String| (1..=MAX_PRINCIPAL).contains(&name.len()) && !name.chars().any(char::is_control);
    let distinct: BTreeSet<&String> = approvers.iter().collect();
    if approvers.len() > MAX_APPROVERS || !approvers.iter().all(named) {
        return Err(Refusal::Approvers(text!("a name is empty or too long, or there are too many")));
    }
    if distinct.len() != approvers.len() {
        return Err(Refusal::Approvers(text!("one person is named twice")));
    }
    Ok(())
}
