//! `event`: what happened in the world, and when, so that periods can begin.
//!
//! Spec: `spec/disposition.md`, "Events".

use super::OpsError;
use super::custody::{Custody, MIN_PREFIX, entry_of};
use super::deciders::deciders;
use crate::crypto::secret::random_id;
use crate::disclosure::namespace;
use crate::disclosure::roster::Signer;
use crate::journal::entry::Entry;
use crate::language::text;
use crate::retention::Retention;
use crate::retention::event::{Event, EventId, current, date_for, event_hastens};
use crate::retention::register::Refusal;
use crate::retention::scope::Scope;
use crate::retention::term::Keep;
use chrono::NaiveDate;
use std::collections::BTreeMap;

/// An event as it was typed.
#[derive(Clone, Debug)]
pub struct EventOptions {
    /// Its name.
    pub name: String,
    /// When it happened.
    pub date: NaiveDate,
    /// For which records.
    pub scope: Scope,
    /// The event that it takes the place of.
    pub corrects: Option<EventId>,
    /// SSH signatures of people on the roster under [`statement`].
    pub approvals: Vec<Vec<u8>>,
}

/// The text that a second person signs to approve an event that brings destruction nearer. It names the generation, so that
/// it counts once.
pub fn statement(custody: &Custody, options: &EventOptions) -> Vec<u8> {
    let (keyring, generation) = (&custody.keyring().config().keyring, custody.keyring().generation());
    let scope = serde_json::to_string(&options.scope).expect("a scope is always JSON");
    let corrects = options.corrects.map_or("-".into(), hex::encode);
    let (name, date) = (&options.name, options.date);
    format!(
        "keepuntil-event/v1\nkeyring {keyring}\ngeneration {generation}\nevent {name}\ndate {date}\nscope {scope}\n\
         corrects {corrects}\n"
    )
    .into_bytes()
}

/// Live records in the scope of an event, and those of them that have a term which begins with it.
///
/// # Errors
/// Those of the keyring.
pub fn concerned(custody: &Custody, options: &EventOptions) -> Result<(u64, u64), OpsError> {
    let (mut covered, mut waiting) = (0, 0);
    custody.for_each_record(options.scope.archive.as_ref(), |_, view, _| {
        if view.live && options.scope.covers(view) {
            covered += 1;
            waiting += u64::from(awaits(view.retention, &options.name));
        }
        Ok(())
    })?;
    Ok((covered, waiting))
}

/// What an event did to the records that wait for it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// Records for which another day counts now.
    pub changed: u64,
    /// Records for which the same day counts as before.
    pub unchanged: u64,
    /// Day and id of other events that count for some of them, because theirs is later, and for how many.
    pub later: BTreeMap<(NaiveDate, EventId), u64>,
}

/// What the recording of `event` changed, which `before` had not.
///
/// # Errors
/// Those of the keyring.
pub fn effect(custody: &Custody, before: &[Event], event: &Event) -> Result<Effect, OpsError> {
    let (before, after) = (current(before), current(&custody.register().events));
    // What the corrected one covered is concerned too, wherever the correction looks.
    let replaced: Vec<&Event> = before.iter().copied().filter(|other| event.corrects == Some(other.id)).collect();
    let mut effect = Effect::default();
    custody.for_each_record(None, |_, view, _| {
        let touched = event.scope.covers(view) || replaced.iter().any(|other| other.scope.covers(view));
        if !(view.live && touched && awaits(view.retention, &event.name)) {
            return Ok(());
        }
        let was = date_for(before.iter().copied(), view, &event.name);
        let is = date_for(after.iter().copied(), view, &event.name);
        match was == is {
            true => effect.unchanged += 1,
            false => effect.changed += 1,
        }
        if let Some(day) = is.filter(|day| *day > event.date && event.scope.covers(view)) {
            let counts = |other: &&&Event| other.name == event.name && other.date == day && other.scope.covers(view);
            if let Some(other) = after.iter().find(counts) {
                *effect.later.entry((day, other.id)).or_default() += 1;
            }
        }
        Ok(())
    })?;
    Ok(effect)
}

fn awaits(retention: &Retention, name: &str) -> bool {
    retention.terms.iter().any(|term| matches!(&term.keep, Keep::After(after) if after.event == name))
}

/// Records an event.
///
/// # Errors
/// [`Refusal`], among them that a second person has to approve it; those of signatures and keyring.
pub fn record(custody: &mut Custody, options: &EventOptions) -> Result<Event, OpsError> {
    let signers = signers(custody, options)?;
    let mut approved_by: Vec<String> = signers.iter().map(|signer| signer.principal.clone()).collect();
    approved_by.sort();
    approved_by.dedup();
    let now = custody.now();
    let event = Event {
        id: random_id(),
        name: options.name.clone(),
        date: options.date,
        scope: options.scope.clone(),
        recorded: now.reading.wall,
        corrects: options.corrects,
        approved_by,
    };
    // A clock that is not believed cannot say what falls due soon.
    let distrusted = custody.register().clock.may_destroy().is_err();
    if event.approved_by.is_empty() && (distrusted || hastens(custody, &event)?) {
        return Err(Refusal::NeedsApproval.into());
    }
    custody.change(|register, now, _| {
        // Whether it hastens anything was asked above, page by page.
        let effect = register.record_event(event, now.today(), [])?;
        let event = register.events.last().expect("it was just added").clone();
        let mut entry = entry_of(effect, register);
        if let Entry::Event { approvals, .. } = &mut entry {
            *approvals = signers.into_iter().map(|signer| signer.fingerprint).collect();
        }
        Ok((event, vec![entry]))
    })
}

/// Whether the event brings the destruction of any record nearer.
fn hastens(custody: &Custody, event: &Event) -> Result<bool, OpsError> {
    let register = custody.register();
    let today = custody.now().today().max(register.clock.mark_date());
    let cool_off = register.settings.cool_off_days;
    let mut hastens = false;
    custody.for_each_record(event.scope.archive.as_ref(), |_, view, _| {
        hastens = hastens || event_hastens(&register.events, event, today, cool_off, [*view]);
        Ok(())
    })?;
    Ok(hastens)
}

fn signers(custody: &Custody, options: &EventOptions) -> Result<Vec<Signer>, OpsError> {
    if options.approvals.is_empty() {
        return Ok(Vec::new());
    }
    let roster = deciders(custody)?.ok_or(super::purge::PlanError::NoRoster)?.roster;
    let text = statement(custody, options);
    let at = custody.signing_time();
    let verify = |signature: &Vec<u8>| Ok(roster.verify(&text, signature, namespace::EVENT, at)?);
    options.approvals.iter().map(verify).collect()
}

/// The one event whose id begins with `id`.
///
/// # Errors
/// [`Refusal::Unknown`] where there is none or more than one.
pub fn find(custody: &Custody, id: &str) -> Result<EventId, OpsError> {
    let mut found = custody
        .register()
        .events
        .iter()
        .filter(|event| hex::encode(event.id).starts_with(id) && id.len() >= MIN_PREFIX);
    match (found.next(), found.next()) {
        (Some(event), None) => Ok(event.id),
        _ => Err(Refusal::Unknown(text!("event"), id.into()).into()),
    }
}
