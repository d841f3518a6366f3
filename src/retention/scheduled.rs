//! A purge in its cool-off: what will be destroyed, from which day on, and who approved it.
//!
//! Invariant: each archive stands in it once, with at least one record. Spec: `spec/disposition.md`, "Purge".

use super::event::check_approvers;
use super::is_plain_date;
use super::scope::{Item, hex_option};
use super::transition::Refusal;
use crate::crypto::hash::Hash;
use crate::crypto::kdf::ArchiveId;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

const MAX_ITEMS: usize = 1 << 16;

/// The id of a purge: 16 random bytes.
pub type PurgeId = [u8; 16];

/// A purge in its cool-off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scheduled {
    /// Which purge.
    #[serde(with = "hex")]
    pub id: PurgeId,
    /// SHA-256 of its plan; none when nobody planned it.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "hex_option")]
    pub plan: Option<Hash>,
    /// What it destroys.
    pub items: Vec<Item>,
    /// When the cool-off began.
    pub since: DateTime<Utc>,
    /// The day on which it is over, by the clock's mark.
    pub not_before: NaiveDate,
    /// A commitment to the reason, when records are destroyed before their time.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "hex_option")]
    pub early: Option<Hash>,
    /// Principals whose approval of the plan was verified.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approved_by: Vec<String>,
}

impl Scheduled {
    /// Whether the record is among what it destroys.
    pub fn contains(&self, archive: &ArchiveId, record: u64) -> bool {
        self.items.iter().any(|item| item.archive == *archive && item.records.contains(record))
    }

    pub(super) fn check(&self) -> Result<(), Refusal> {
        let archives: HashSet<&ArchiveId> = self.items.iter().map(|item| &item.archive).collect();
        let each = self.items.iter().all(|item| !item.records.is_empty());
        if self.items.is_empty() || self.items.len() > MAX_ITEMS || !each || archives.len() != self.items.len() {
            return Err(Refusal::Items);
        }
        if !is_plain_date(self.not_before) {
            return Err(Refusal::Date(self.not_before));
        }
        check_approvers(&self.approved_by)?;
        match self.early {
            Some(_) if self.approved_by.is_empty() => Err(Refusal::NeedsApproval),
            _ => Ok(()),
        }
    }
}

/// A purge that is to be scheduled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSchedule {
    /// Its random id.
    pub id: PurgeId,
    /// SHA-256 of the plan, if there is one.
    pub plan: Option<Hash>,
    /// What it destroys: each archive once.
    pub items: Vec<Item>,
    /// A commitment to the reason, for destruction before the time.
    pub early: Option<Hash>,
    /// Principals whose approval was verified, each once.
    pub approved_by: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retention::clock::Reading;
    use crate::retention::register::Register;

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_cool_off_runs_its_days_and_can_be_ended() {
        let mut register = Register::new(&Reading { wall: time("2030-01-01T00:00:00Z"), boot: None });
        let new = |id: u8, items| NewSchedule { id: [id; 16], plan: None, items, early: None, approved_by: Vec::new() };
        let item = || Item { archive: [1; 16], records: "17".parse().unwrap() };
        let now = time("2030-01-01T00:00:00Z");
        assert_eq!(register.schedule(new(1, Vec::new()), now), Err(Refusal::Items));
        assert_eq!(register.schedule(new(1, vec![item(), item()]), now), Err(Refusal::Items));
        let early = NewSchedule { early: Some([1; 32]), ..new(1, vec![item()]) };
        assert_eq!(register.schedule(early, now), Err(Refusal::NeedsApproval));
        register.schedule(new(1, vec![item()]), now).unwrap();
        register.schedule(new(2, vec![item()]), now).unwrap();
        register.observe(&Reading { wall: time("2030-01-07T23:59:59Z"), boot: None });
        assert_eq!(register.ready(&[1; 16]), Err(Refusal::CoolOff { not_before: "2030-01-08".parse().unwrap() }));
        register.observe(&Reading { wall: time("2030-01-08T00:00:00Z"), boot: None });
        register.ready(&[1; 16]).unwrap();
        register.cancel(&[2; 16]).unwrap();
        assert!(matches!(register.ready(&[2; 16]), Err(Refusal::Unknown("purge", _))));
        assert!(register.cancel(&[2; 16]).is_err());
        register.finish(&[1; 16]).unwrap();
        register.observe(&Reading { wall: time("2040-01-01T00:00:00Z"), boot: None });
        assert!(matches!(register.schedule(new(3, vec![item()]), now), Err(Refusal::Clock(_))));
    }
}
