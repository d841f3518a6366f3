//! `hold`: what stops destruction, and what lets it go on.
//!
//! Each is one change of the register under a new generation, with its journal entry, so that no older copy of the keyring
//! undoes it. Spec: `spec/disposition.md`, "Holds".

use super::OpsError;
use super::custody::{Custody, MIN_PREFIX, entry_of};
use crate::crypto::secret::random_id;
use crate::crypto::sign::SigningKey;
use crate::disclosure::namespace;
use crate::keyring::KeyringError;
use crate::retention::hold::{Hold, HoldId};
use crate::retention::ranges::Ranges;
use crate::retention::scope::Scope;
use crate::storage::ssh_keygen;
use crate::tlog::note::signature_line;
use std::path::Path;

/// Of the records that a scope names by number: those that are destroyed, and those that live.
///
/// # Errors
/// Those of the keyring.
pub fn named(custody: &Custody, scope: &Scope) -> Result<(Ranges, Ranges), OpsError> {
    let (mut destroyed, mut live) = (Vec::new(), Vec::new());
    if let (Some(archive), Some(records)) = (&scope.archive, &scope.records) {
        custody.for_records(archive, records, |_, view, _| {
            if scope.covers(view) {
                if view.live { &mut live } else { &mut destroyed }.push(view.record);
            }
            Ok(())
        })?;
    }
    Ok((destroyed.into_iter().collect(), live.into_iter().collect()))
}

/// Places a hold, with `secrecy` one that forbids disclosure too; without an SSH key the keyring's own key signs it.
///
/// # Errors
/// [`KeyringError::Destroyed`] or [`OpsError::AllDestroyed`] where all records that the scope names are destroyed; those of
/// the register, of `ssh-keygen` and of the keyring.
pub fn place(
    custody: &mut Custody,
    matter: &str,
    authority: &str,
    scope: Scope,
    secrecy: bool,
    sign_with: Option<&Path>,
) -> Result<Hold, OpsError> {
    let (destroyed, live) = named(custody, &scope)?;
    match (destroyed.count(), destroyed.last(), live.is_empty()) {
        (1, Some(record), true) => return Err(KeyringError::Destroyed(record).into()),
        (2.., _, true) => return Err(OpsError::AllDestroyed(destroyed.count())),
        _ => {}
    }
    let now = custody.now();
    let texts = (matter, Some(authority));
    let mut hold = Hold::new(random_id(), random_id(), texts, scope, now.today(), now.reading.wall)?;
    hold.secrecy = secrecy;
    let statement = hold.statement();
    hold.signature = Some(match sign_with {
        Some(key) => String::from_utf8_lossy(&ssh_keygen::sign(key, namespace::HOLD, &statement)?).into_owned(),
        None => sign(&custody.keyring().signing_key(), &statement),
    });
    custody.change(|register, _, _| {
        let effect = register.place_hold(hold.clone())?;
        Ok((hold, vec![entry_of(effect, register)]))
    })
}

/// A signature line of C2SP signed-note under the statement.
fn sign(key: &SigningKey, statement: &[u8]) -> String {
    let [ed25519, _] = key.verifier_keys();
    signature_line(&ed25519.name, ed25519.id(), &key.sign_ed25519(statement))
}

/// Ends the one hold in force whose id begins with `id`.
///
/// # Errors
/// [`OpsError::NoSuchHold`] where there is none or more than one; those of the keyring.
pub fn release(custody: &mut Custody, id: &str) -> Result<HoldId, OpsError> {
    let matching = |hold: &&Hold| id.len() >= MIN_PREFIX && hold.in_force() && hex::encode(hold.id).starts_with(id);
    let mut found = custody.register().holds.iter().filter(matching);
    let (Some(hold), None) = (found.next(), found.next()) else {
        return Err(OpsError::NoSuchHold(id.into()));
    };
    let id = hold.id;
    custody.change(|register, now, _| {
        let effect = register.release_hold(&id, now.reading.wall)?;
        Ok((id, vec![entry_of(effect, register)]))
    })
}

/// The holds in force, oldest first.
pub fn in_force(custody: &Custody) -> Vec<&Hold> {
    custody.register().holds.iter().filter(|hold| hold.in_force()).collect()
}
