//! `clock`: what somebody else's clock says, taken into the register.
//!
//! Invariant: only a pinned witness, a pinned time-stamping authority, a person on the roster or (where the settings
//! allow it) somebody at the terminal confirms a time, each for the journal as it stands. Spec: `spec/outside-time.md`.

use super::OpsError;
use super::approval;
use super::custody::{Custody, entry_of};
use super::deciders::deciders;
use super::journal::sign;
use crate::crypto::hash::sha256;
use crate::crypto::sign::VerifierKey;
use crate::disclosure::namespace;
use crate::disclosure::statement::clock_statement;
use crate::journal::cosignature;
use crate::retention::clock::{Confirmation, Confirmer};
use crate::storage::timestamp;
use chrono::{DateTime, Utc};
use tr::tr;

/// Why a time was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ClockError {
    /// No roster says who may state the date.
    #[error("{}", tr!("there is no roster: nobody may state the date"))]
    NoRoster,
    /// A statement about something else.
    #[error("{}", tr!("the statement is not about the journal of this keyring as it stands"))]
    OtherState,
    /// A cosignature by nobody who was pinned.
    #[error("{}", tr!("no pinned witness has cosigned it"))]
    NoWitness,
    /// A keyring cannot be its own witness.
    #[error("{}", tr!("a keyring cannot be its own witness"))]
    OwnKey,
    /// The settings do not allow it.
    #[error("{}", tr!("this keyring does not take a typed date"))]
    TypedNotAllowed,
    /// What was typed is not today.
    #[error("{}", tr!("{} is not today's date", format!("{:?}", _0)))]
    NotToday(String),
}

/// The text that a second person signs to say that it is now what this machine's clock shows.
///
/// # Errors
/// Those of the keyring.
pub fn statement(custody: &Custody) -> Result<Vec<u8>, OpsError> {
    let wall = custody.now().reading.wall;
    statement_at(custody, wall)
}

fn statement_at(custody: &Custody, time: DateTime<Utc>) -> Result<Vec<u8>, OpsError> {
    let log = custody.keyring().log();
    let size = log.size()?;
    let root = log.root(size)?;
    Ok(clock_statement(&custody.keyring_id(), size, &root, time))
}

/// Takes a date that a person on the roster signed.
///
/// # Errors
/// [`ClockError`]; those of the signature and the keyring.
pub fn confirm_by_statement(custody: &mut Custody, text: &[u8], signature: &[u8]) -> Result<DateTime<Utc>, OpsError> {
    let roster = deciders(custody)?.ok_or(ClockError::NoRoster)?.roster;
    let time = stated_time(text).ok_or(ClockError::OtherState)?;
    if statement_at(custody, time)? != text {
        return Err(ClockError::OtherState.into());
    }
    roster.verify(text, signature, namespace::CLOCK, time)?;
    confirm(custody, time, Confirmer::Approver)
}

fn stated_time(text: &[u8]) -> Option<DateTime<Utc>> {
    let line = std::str::from_utf8(text).ok()?.lines().nth(3)?.strip_prefix("time ")?;
    Some(DateTime::parse_from_rfc3339(line).ok()?.to_utc())
}

/// The journal's signed checkpoint, which outside clocks sign in their turn.
fn checkpoint(custody: &Custody) -> Result<String, OpsError> {
    sign(custody.keyring(), u64::try_from(custody.now().reading.wall.timestamp()).unwrap_or(0))
}

/// Takes the time of an RFC 3161 token over the journal's signed checkpoint.
///
/// # Errors
/// Those of the token and the keyring.
pub fn confirm_by_timestamp(custody: &mut Custody, token: &[u8]) -> Result<DateTime<Utc>, OpsError> {
    let checkpoint = checkpoint(custody)?;
    let time = timestamp::verify(checkpoint.as_bytes(), token, &custody.register().timestamp_authorities)?;
    confirm(custody, time, Confirmer::TimestampAuthority)
}

/// Takes the time of a witness's cosignature on the journal's signed checkpoint.
///
/// # Errors
/// [`ClockError::NoWitness`]; those of the keyring.
pub fn confirm_by_witness(custody: &mut Custody, cosigned: &[u8]) -> Result<DateTime<Utc>, OpsError> {
    let own = checkpoint(custody)?;
    if !cosigned.starts_with(own.as_bytes()) {
        return Err(ClockError::OtherState.into());
    }
    let own_keys = custody.keyring().verifier_keys();
    let mut latest: Option<DateTime<Utc>> = None;
    for witness in &custody.register().witnesses {
        let key: VerifierKey = witness.parse()?;
        // Some other witness's line may be the one that counts.
        let Ok(cosigned) = cosignature::verify(cosigned, &key, &own_keys) else { continue };
        latest = latest.max(Some(cosigned.time));
    }
    let time = latest.ok_or(ClockError::NoWitness)?;
    confirm(custody, time, Confirmer::Witness)
}

/// Whether the settings allow to confirm the date by typing it: to be asked before the person is.
///
/// # Errors
/// [`ClockError::TypedNotAllowed`].
pub fn may_type(custody: &Custody) -> Result<(), ClockError> {
    if custody.register().settings.typed_confirmation { Ok(()) } else { Err(ClockError::TypedNotAllowed) }
}

/// Takes the date that somebody typed, where the settings allow it: the journal says that nobody else confirmed it.
///
/// # Errors
/// [`ClockError::TypedNotAllowed`], [`ClockError::NotToday`].
pub fn confirm_typed(custody: &mut Custody, typed: &str) -> Result<DateTime<Utc>, OpsError> {
    may_type(custody)?;
    if typed != custody.now().today().to_string() {
        return Err(ClockError::NotToday(typed.into()).into());
    }
    let wall = custody.now().reading.wall;
    confirm(custody, wall, Confirmer::Typed)
}

fn confirm(custody: &mut Custody, time: DateTime<Utc>, by: Confirmer) -> Result<DateTime<Utc>, OpsError> {
    custody.change(|register, now, _| {
        let (_, effects) = register.confirm(&now.reading, &Confirmation { time, by })?;
        Ok((time, effects.into_iter().map(|effect| entry_of(effect, register)).collect()))
    })
}

/// The lines about these clocks that people on the roster sign.
pub fn pin_lines(witnesses: &[String], authorities: &[String]) -> String {
    let hash = |what: &str, text: &String| format!("{what} {}\n", hex::encode(sha256(&[text.as_bytes()])));
    let witnesses = witnesses.iter().map(|text| hash("witness", text));
    witnesses.chain(authorities.iter().map(|text| hash("authority", text))).collect()
}

/// Pins witnesses and time-stamping authorities in place of those that were pinned; a kind that is not named stays. With a
/// roster in force people on it must have signed.
///
/// # Errors
/// A key that is none, or the keyring's own; [`super::purge::PlanError::ChangeUnsigned`]; those of the keyring.
pub fn pin(
    custody: &mut Custody,
    witnesses: Vec<String>,
    authorities: Vec<String>,
    signatures: &[Vec<u8>],
) -> Result<(), OpsError> {
    approval::require(custody, &pin_lines(&witnesses, &authorities), signatures)?;
    let own = custody.keyring().verifier_keys();
    for witness in &witnesses {
        let key: VerifierKey = witness.parse()?;
        if own.contains(&key) || key.name == own[0].name {
            return Err(ClockError::OwnKey.into());
        }
    }
    custody.change(|register, _, _| {
        // The kind that is not named stays.
        let keep = |named: Vec<String>, pinned: &Vec<String>| if named.is_empty() { pinned.clone() } else { named };
        let witnesses = keep(witnesses, &register.witnesses);
        let authorities = keep(authorities, &register.timestamp_authorities);
        let effect = register.pin_clocks(witnesses, authorities)?;
        Ok(((), vec![entry_of(effect, register)]))
    })
}
