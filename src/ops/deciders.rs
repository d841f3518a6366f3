//! Who decides about a keyring: the people on its roster whom the disclosure policy does not let ask for records.
//!
//! Invariant: nobody who may ask for records counts for a change by which they could be given more, and no change needs fewer
//! people than the disclosures that it could make easier. Spec: `spec/roster.md`, "Who decides".

use super::OpsError;
use super::custody::Custody;
use super::disclosure_policy::in_force;
use crate::disclosure::policy::DisclosurePolicy;
use crate::disclosure::roster::{Roster, RosterError};
use crate::retention::Class;
use crate::retention::register;

/// Those who decide.
pub struct Deciders {
    /// The roster with their keys only.
    pub roster: Roster,
    /// How many of them a change of roster, settings or policy needs.
    pub needed: u32,
}

/// Those who decide now; `None` without a roster.
///
/// # Errors
/// Damage; those of the keyring.
pub fn deciders(custody: &Custody) -> Result<Option<Deciders>, OpsError> {
    let Some(known) = &custody.register().roster else { return Ok(None) };
    let policy = in_force(custody.keyring())?;
    let roster = without_requesters(Roster::parse(known.text.as_bytes())?, policy.as_ref());
    let most = policy.map_or(0, |policy| {
        [Class::Public, Class::Sensitive, Class::Confidential]
            .map(|class| policy.approvals(class))
            .into_iter()
            .max()
            .unwrap_or(0)
    });
    // More than there are could never be had.
    let people = u32::try_from(roster.people().len()).unwrap_or(u32::MAX);
    Ok(Some(Deciders { needed: for_plans(known).max(most.min(people)), roster }))
}

/// Refuses a roster, with the policy beside it, on which too few people would be left to decide.
///
/// # Errors
/// [`RosterError::TooSmall`].
pub fn enough(roster: Roster, needed: u32, policy: Option<&DisclosurePolicy>) -> Result<(), RosterError> {
    let people = without_requesters(roster, policy).people().len();
    let needed = needed.max(1) as usize;
    if people < needed { Err(RosterError::TooSmall { people, needed }) } else { Ok(()) }
}

/// The largest number of people that any plan needs.
pub fn for_plans(roster: &register::Roster) -> u32 {
    roster.plan_approvals.values().copied().fold(roster.plan_approvals_default, u32::max)
}

fn without_requesters(roster: Roster, policy: Option<&DisclosurePolicy>) -> Roster {
    let may_ask =
        |name: &str| policy.is_some_and(|policy| policy.requesters().iter().any(|asks| asks.principal == name));
    roster.without(may_ask)
}
