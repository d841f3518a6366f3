//! What the journal says of a period: purges with their certificates, exceptions, verifications, the clock, changes.
//!
//! Invariant: one pass over the journal; a certificate counts only where the journal speaks for it. Spec: `spec/reports.md`,
//! "Compliance".

use super::period::Period;
use crate::journal::certificate::{Certificate, Reason};
use crate::journal::entry::{ConfirmedBy, Entry, Id, VerifiedOutcome};
use crate::ops::OpsError;
use crate::ops::custody::Custody;
use crate::ops::destruction::CERTIFICATES;
use crate::ops::journal::show_entries;
use crate::retention::settings::Settings;
use crate::storage::read_limited;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use std::collections::BTreeMap;

/// Bytes of a certificate that is read, at most.
const MAX_CERTIFICATE: u64 = 256 << 20;

/// What happened in a period.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Past {
    /// Purges that were carried out.
    pub purges: Vec<Purged>,
    /// Purges that were called off.
    pub cancelled: Vec<Dated>,
    /// Records that are kept longer.
    pub extensions: Vec<Extended>,
    /// Events that were recorded.
    pub events: Vec<Happened>,
    /// Emergency key sheets that were written.
    pub exports: Vec<Exported>,
    /// Verifications of archives.
    pub verifications: Vec<VerifiedArchive>,
    /// Alarms of the clock.
    pub clock_alarms: Vec<Dated>,
    /// Confirmations of the clock.
    pub clock_confirmations: Vec<Confirmed>,
    /// Changes of settings, roster and disclosure policy.
    pub changes: Vec<Changed>,
    /// The last verification of each archive, of any period.
    pub verified_last: BTreeMap<String, LastVerified>,
    /// When others last saw the journal, in any period.
    #[serde(skip)]
    pub seen: Seen,
}

/// A time and what it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dated {
    /// When.
    pub time: DateTime<Utc>,
    /// Id of a purge, or the time that the clock showed.
    #[serde(rename = "subject")]
    pub about: String,
}

/// A purge that was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Purged {
    /// Its id, which is also that of its certificate.
    pub purge: String,
    /// When.
    pub time: DateTime<Utc>,
    /// Records whose keys were destroyed.
    #[serde(rename = "record_count")]
    pub records: u64,
    /// The generation that it began.
    pub generation: u64,
    /// SHA-256 of the plan; none where nobody had to sign one.
    pub plan: Option<String>,
    /// Fingerprints of those who approved.
    #[serde(rename = "approved_by_keys")]
    pub approvals: Vec<String>,
    /// When the cool-off began; none where the journal does not say.
    #[serde(rename = "scheduled_at")]
    pub scheduled: Option<DateTime<Utc>>,
    /// Days of cool-off that the settings of then asked for.
    pub cool_off_days: u32,
    /// Whether so many days lie between.
    pub cool_off_kept: bool,
    /// What the certificate adds; none where there is none for which the journal speaks.
    #[serde(rename = "certified")]
    pub certificate: Option<Certified>,
}

/// What a certificate says beyond the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Certified {
    /// Records destroyed before their time.
    #[serde(rename = "early_count")]
    pub early: u64,
    /// Why, as a code; none where there were none, or the reason is a hash.
    pub reason: Option<String>,
    /// Records whose keys are on emergency key sheets: these are not destroyed.
    #[serde(rename = "key_sheet_count")]
    pub on_key_sheets: u64,
    /// Records that had been granted to somebody.
    #[serde(rename = "granted_count")]
    pub granted: u64,
}

/// Records that are kept longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Extended {
    /// When.
    pub time: DateTime<Utc>,
    /// The archive.
    pub archive: String,
    /// Which records.
    pub records: String,
    /// The new last day.
    pub until: NaiveDate,
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Happened {
    /// When it was recorded.
    pub time: DateTime<Utc>,
    /// Its name.
    #[serde(rename = "name")]
    pub event: String,
    /// The day on which it happened.
    pub date: NaiveDate,
    /// Whether it corrects another.
    #[serde(rename = "is_correction")]
    pub corrects: bool,
    /// Fingerprints of those who approved.
    #[serde(rename = "approved_by_keys")]
    pub approvals: Vec<String>,
}

/// An emergency key sheet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// When.
    pub time: DateTime<Utc>,
    /// The archive.
    pub archive: String,
    /// How many records.
    #[serde(rename = "record_count")]
    pub records: u64,
}

/// A verification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerifiedArchive {
    /// When.
    pub time: DateTime<Utc>,
    /// The archive.
    pub archive: String,
    /// Whether every byte was as it was sealed.
    pub whole: bool,
    /// Whether every record was opened.
    pub deep: bool,
}

/// The last verification of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LastVerified {
    /// When.
    pub time: DateTime<Utc>,
    /// Whether every byte was as it was sealed.
    pub whole: bool,
}

/// A confirmation of the clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Confirmed {
    /// When it was taken.
    pub time: DateTime<Utc>,
    /// By whose clock.
    pub by: ConfirmedBy,
    /// What it showed.
    pub shown: DateTime<Utc>,
}

/// A change of how the keyring is run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// When.
    pub time: DateTime<Utc>,
    /// `settings`, `roster` or `disclosure-policy`.
    pub what: &'static str,
    /// SHA-256 of the text; none for settings.
    pub sha256: Option<String>,
    /// Days of cool-off from then on; only for settings.
    pub cool_off_days: Option<u32>,
    /// Whether the custodian alone may confirm the clock from then on; only for settings.
    pub typed_confirmation: Option<bool>,
    /// Whether people on a roster signed it, where the journal tells.
    #[serde(rename = "was_signed")]
    pub signed: Option<bool>,
}

/// When somebody else last saw the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The first cosignature of a witness.
    pub witnessed_since: Option<DateTime<Utc>>,
    /// The last one.
    pub witnessed_last: Option<DateTime<Utc>>,
    /// The last time-stamp of an authority.
    pub timestamped_last: Option<DateTime<Utc>>,
    /// Index of the entry that tells of the last of them.
    pub entry: Option<u64>,
}

/// Reads the journal.
///
/// # Errors
/// Those of the keyring and of a certificate that is there and cannot be read.
pub fn past(custody: &Custody, period: Period) -> Result<Past, OpsError> {
    let mut past = Past::default();
    let mut cool_off = Settings::default().cool_off_days;
    // Per purge: when its cool-off began, under how many days, and its plan.
    let mut begun: BTreeMap<Id, (DateTime<Utc>, u32, Option<String>)> = BTreeMap::new();
    show_entries::<OpsError>(custody.keyring(), 0, |index, leaf| {
        let (time, inside) = (leaf.time, period.covers(custody.now(), leaf.time));
        match leaf.entry {
            Entry::Settings { cool_off_days, typed_confirmation, .. } => {
                cool_off = cool_off_days;
                past.changed(
                    inside,
                    Changed {
                        cool_off_days: Some(cool_off_days),
                        typed_confirmation: Some(typed_confirmation),
                        ..Changed::of(time, "settings")
                    },
                );
            }
            Entry::Roster { sha256, signed_under, .. } => past.changed(
                inside,
                Changed {
                    sha256: Some(hex::encode(sha256)),
                    signed: Some(signed_under.is_some()),
                    ..Changed::of(time, "roster")
                },
            ),
            Entry::DisclosurePolicy { sha256, approvals } => past.changed(
                inside,
                Changed {
                    sha256: Some(hex::encode(sha256)),
                    signed: Some(!approvals.is_empty()),
                    ..Changed::of(time, "disclosure-policy")
                },
            ),
            Entry::Plan { purge, sha256, .. } => {
                begun.insert(purge, (time, cool_off, sha256.map(hex::encode)));
            }
            Entry::Destroyed { purge, generation, count, inventory, approvals, .. } if inside => {
                let (scheduled, days, plan) = begun
                    .get(&purge)
                    .map_or((None, cool_off, None), |(at, days, plan)| (Some(*at), *days, plan.clone()));
                let between = |from: DateTime<Utc>| (time.date_naive() - from.date_naive()).num_days();
                past.purges.push(Purged {
                    purge: hex::encode(purge),
                    time,
                    records: count,
                    generation,
                    plan,
                    approvals,
                    scheduled,
                    cool_off_days: days,
                    cool_off_kept: scheduled.is_some_and(|from| between(from) >= i64::from(days)),
                    certificate: certified(custody, &purge, &inventory)?,
                });
            }
            Entry::Cancelled { purge } if inside => past.cancelled.push(Dated { time, about: hex::encode(purge) }),
            Entry::Extension { archive, records, until } if inside => past.extensions.push(Extended {
                time,
                archive: hex::encode(archive),
                records: records.to_string(),
                until,
            }),
            Entry::Event { name, date, corrects, approvals, .. } if inside => {
                past.events.push(Happened { time, event: name, date, corrects: corrects.is_some(), approvals });
            }
            Entry::Export { archive, records } if inside => {
                past.exports.push(Exported { time, archive: hex::encode(archive), records: records.count() });
            }
            Entry::Verified { archive, outcome, deep, .. } => {
                let (archive, whole) = (hex::encode(archive), outcome == VerifiedOutcome::Whole);
                past.verified_last.insert(archive.clone(), LastVerified { time, whole });
                if inside {
                    past.verifications.push(VerifiedArchive { time, archive, whole, deep });
                }
            }
            Entry::ClockAlarm { shown, .. } if inside => {
                let about = shown.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
                past.clock_alarms.push(Dated { time, about });
            }
            Entry::ClockConfirmed { by, time: shown } => {
                past.seen.add(index, by, shown);
                if inside {
                    past.clock_confirmations.push(Confirmed { time, by, shown });
                }
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(past)
}

impl Past {
    fn changed(&mut self, inside: bool, change: Changed) {
        if inside {
            self.changes.push(change);
        }
    }
}

impl Changed {
    fn of(time: DateTime<Utc>, what: &'static str) -> Self {
        Self { time, what, sha256: None, cool_off_days: None, typed_confirmation: None, signed: None }
    }
}

impl Seen {
    /// A cosignature or a time-stamp is over the journal's checkpoint; a date that somebody states or types is not kept with one.
    fn add(&mut self, index: u64, by: ConfirmedBy, shown: DateTime<Utc>) {
        match by {
            ConfirmedBy::Witness => {
                self.witnessed_since = self.witnessed_since.or(Some(shown));
                self.witnessed_last = Some(shown);
            }
            ConfirmedBy::TimestampAuthority => self.timestamped_last = Some(shown),
            ConfirmedBy::Approver | ConfirmedBy::Typed => return,
        }
        self.entry = Some(index);
    }
}

/// What the certificate of a purge says, where there is one and the journal speaks for it.
fn certified(custody: &Custody, purge: &Id, inventory: &[u8; 32]) -> Result<Option<Certified>, OpsError> {
    let path = custody.keyring().dir().join(CERTIFICATES).join(format!("{}.json", hex::encode(purge)));
    if path.symlink_metadata().is_err() {
        return Ok(None);
    }
    let bytes = read_limited(&path, MAX_CERTIFICATE)?;
    let Ok(certificate) = Certificate::parse(&bytes) else { return Ok(None) };
    let speaks = certificate.purge == *purge
        && certificate.inventory == *inventory
        && certificate.verify(&custody.keyring().verifier_keys()).is_ok();
    let reason = match &certificate.reason {
        Some(Reason::Code(code)) => Some(code.clone()),
        _ => None,
    };
    Ok(speaks.then(|| Certified {
        early: certificate.records.iter().filter(|record| record.early).count() as u64,
        reason,
        on_key_sheets: certificate.exports.iter().map(|sheet| sheet.records).sum(),
        granted: certificate.disclosures.iter().map(|grant| grant.records).sum(),
    }))
}
