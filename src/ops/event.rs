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
use crate::retention::event::{Event, EventId, event_hastens};
use crate::retention::register::Refusal;
use crate::retention::scope::Scope;
use crate::retention::term::{Keep, Term};
use chrono::NaiveDate;

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
            let begins = |term: &Term| matches!(&term.keep, Keep::After(after) if after.event == options.name);
            covered += 1;
            waiting += u64::from(view.retention.terms.iter().any(begins));
        }
        Ok(())
    })?;
    Ok((covered, waiting))
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
