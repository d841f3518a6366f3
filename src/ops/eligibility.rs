//! Which records of an archive may be granted to somebody: for each of them one reason why not, or none.
//!
//! Invariant: asked with the same answer when a proposal is made and when it is granted, then under the exclusive lock; a record
//! that any reason stands against is never granted in part or by mistake. Spec: `spec/disclosure.md`, "Who may be granted what".

use super::OpsError;
use super::custody::Custody;
use crate::crypto::kdf::ArchiveId;
use crate::keyring::KeyringError;
use crate::language::{said, text};
use crate::retention::Class;
use crate::retention::disposition::{Judge, RecordView};
use crate::retention::ranges::Ranges;
use chrono::NaiveDate;
use std::collections::{BTreeMap, BTreeSet};

/// Why a record may not be granted; where several reasons stand, the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ineligible {
    /// The archive has no such record.
    Missing,
    /// Its keys are gone.
    Destroyed,
    /// The disclosure policy does not let this requester ask for it.
    OutOfScope,
    /// A hold for secrecy covers it.
    Secrecy,
    /// Its time has run, no hold keeps it, and it awaits destruction.
    Expired,
}

impl Ineligible {
    /// The code that stands in JSON.
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "not-found",
            Self::Destroyed => "destroyed",
            Self::OutOfScope => "out-of-scope",
            Self::Secrecy => "secrecy",
            Self::Expired => "expired",
        }
    }
}

impl std::fmt::Display for Ineligible {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&said(match self {
            Self::Missing => text!("there is no such record"),
            Self::Destroyed => text!("its keys were destroyed"),
            Self::OutOfScope => text!("the disclosure policy does not let the requester ask for it"),
            Self::Secrecy => text!("a hold for secrecy forbids its disclosure"),
            Self::Expired => text!("its time has run, and it awaits destruction"),
        }))
    }
}

/// What was found of the records that were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Eligibility {
    /// Those that may be granted.
    pub eligible: Ranges,
    /// The others, by why not.
    pub refused: BTreeMap<Ineligible, Ranges>,
    /// Classes of those that may be granted.
    pub classes: BTreeSet<Class>,
}

impl Eligibility {
    /// That all records may be granted.
    ///
    /// # Errors
    /// [`OpsError::Ineligible`] lists those that may not, by reason.
    pub fn require(self) -> Result<Self, OpsError> {
        if self.refused.is_empty() { Ok(self) } else { Err(OpsError::Ineligible(Box::new(self))) }
    }

    /// How many records may not be granted.
    pub fn refused_count(&self) -> u64 {
        self.refused.values().map(Ranges::count).sum()
    }
}

/// Looks at the records, of which `in_scope` says what the disclosure policy lets the requester ask for.
///
/// # Errors
/// An archive that the keyring does not know; those of the keyring.
pub fn examine(
    custody: &Custody,
    archive: &ArchiveId,
    records: &Ranges,
    in_scope: impl Fn(&RecordView<'_>) -> bool,
) -> Result<Eligibility, OpsError> {
    let known = custody.keyring().known_archive(archive)?;
    let known = known.ok_or_else(|| KeyringError::UnknownArchive(hex::encode(archive)))?;
    let (there, missing): (Vec<u64>, Vec<u64>) = records.iter().partition(|record| *record <= known.records());
    let mut found = Eligibility::default();
    if !missing.is_empty() {
        found.refused.insert(Ineligible::Missing, missing.into_iter().collect());
    }
    if there.is_empty() {
        return Ok(found);
    }
    let today = custody.trusted_today();
    custody.for_records(archive, &there.into_iter().collect(), |judge, view, _| {
        match judge_one(judge, view, today, &in_scope) {
            Some(why) => found.refused.entry(why).or_default().push(view.record),
            None => {
                found.eligible.push(view.record);
                found.classes.insert(view.class);
            }
        }
        Ok(())
    })?;
    Ok(found)
}

/// The first reason why the record may not be granted on the trusted day `today`.
pub fn judge_one(
    judge: &Judge<'_>,
    view: &RecordView<'_>,
    today: NaiveDate,
    in_scope: impl Fn(&RecordView<'_>) -> bool,
) -> Option<Ineligible> {
    if !view.live {
        return Some(Ineligible::Destroyed);
    }
    if !in_scope(view) {
        return Some(Ineligible::OutOfScope);
    }
    let mut holds = judge.holds(view).peekable();
    // A court may need what is held, also when its time has run.
    let held = holds.peek().is_some();
    if holds.any(|hold| hold.secrecy) {
        return Some(Ineligible::Secrecy);
    }
    let run = judge.standing(view).last_day().is_some_and(|last| last < today);
    (run && !held).then_some(Ineligible::Expired)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retention::clock::Reading;
    use crate::retention::hold::Hold;
    use crate::retention::register::Register;
    use crate::retention::scope::Scope;
    use crate::retention::{AtExpiry, Retention};

    #[test]
    fn each_reason_has_its_turn() {
        let wall = "2030-01-01T00:00:00Z".parse().unwrap();
        let mut register = Register::new(&Reading { wall, boot: None });
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let retention = Retention::until(day("2029-12-31"), AtExpiry::Destroy);
        let view = |live| RecordView {
            archive: [1; 16],
            record: 17,
            compartment: "clients",
            class: Class::Sensitive,
            retention: &retention,
            live,
        };
        let judged = |register: &Register, live, scope, today: &str| {
            judge_one(&Judge::new(register), &view(live), day(today), |_| scope)
        };
        assert_eq!(judged(&register, false, false, "2030-01-01"), Some(Ineligible::Destroyed));
        assert_eq!(judged(&register, true, false, "2030-01-01"), Some(Ineligible::OutOfScope));
        assert_eq!(judged(&register, true, true, "2029-12-31"), None);
        assert_eq!(judged(&register, true, true, "2030-01-01"), Some(Ineligible::Expired));
        let mut hold = |id: u8, secrecy| {
            let scope = Scope::of_archive([1; 16]);
            let hold = Hold::new([id; 16], [0; 16], ("matter", None), scope, day("2029-01-01"), wall).unwrap();
            register.place_hold(Hold { secrecy, ..hold }).unwrap();
            register.clone()
        };
        assert_eq!(judged(&hold(1, false), true, true, "2030-01-01"), None, "held: a court may need it");
        let secret = hold(2, true);
        assert_eq!(judged(&secret, true, true, "2029-12-31"), Some(Ineligible::Secrecy));
        assert_eq!(judged(&secret, true, false, "2029-12-31"), Some(Ineligible::OutOfScope));
        let mut released = secret;
        released.release_hold(&[2; 16], wall).unwrap();
        assert_eq!(judged(&released, true, true, "2029-12-31"), None);
    }
}
