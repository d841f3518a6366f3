//! What keeping costs: bytes for every year until the last record has run, and their price.
//!
//! Invariant: whole bytes, whole days and exact decimals; what is rounded is rounded once, when it is shown. Spec:
//! `spec/reports.md`, "Cost".

use super::archives::OpenedArchive;
use crate::ops::OpsError;
use crate::ops::custody::Custody;
use crate::retention::term::Standing;
use chrono::{Datelike, Days, NaiveDate};
use serde::Serialize;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;

/// Bytes that a price is for.
const TERABYTE: u128 = 1_000_000_000_000;
/// Digits of a price behind the point, at most.
const DIGITS: u32 = 6;
/// The largest price: a thousand million for a terabyte and year.
const MAX_PRICE: u128 = 1_000_000_000 * 10u128.pow(DIGITS);

/// A price for a terabyte (10¹² bytes) and year, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price(u128);

/// An amount of money, exact: a numerator over a fixed base.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(u128);

impl std::str::FromStr for Price {
    type Err = ();

    /// Reads `120`, `120.5` or `120.50/TB-year`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let text = text.strip_suffix("/TB-year").unwrap_or(text);
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(part) || whole.len() > 10 || part.len() > DIGITS as usize {
            return Err(());
        }
        let number = |text: &str| text.parse::<u128>().map_err(drop);
        let missing = DIGITS - part.len() as u32;
        let price = number(whole)? * 10u128.pow(DIGITS) + number(part)? * 10u128.pow(missing);
        if price <= MAX_PRICE { Ok(Self(price)) } else { Err(()) }
    }
}

impl Price {
    /// What so many bytes for so many days of a year of so many days cost; none beyond what can be counted.
    fn of(self, byte_days: u128, days_of_year: u32) -> Option<Amount> {
        byte_days.checked_mul(self.0)?.checked_mul(Amount::YEARS / u128::from(days_of_year)).map(Amount)
    }
}

impl Amount {
    /// Days that years of either length divide.
    const YEARS: u128 = 365 * 366;
    /// What the numerator is over.
    const BASE: u128 = TERABYTE * Self::YEARS * 10u128.pow(DIGITS);

    fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }
}

impl std::fmt::Display for Amount {
    /// With two digits, half a hundredth and more rounded up.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let unit = Self::BASE / 100;
        let hundredths = self.0 / unit + u128::from(self.0 % unit >= unit - unit / 2);
        write!(f, "{}.{:02}", hundredths / 100, hundredths % 100)
    }
}

impl Serialize for Amount {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What keeping costs.
#[derive(Clone, Debug, Serialize)]
pub struct CostReport {
    /// Id of the keyring.
    pub keyring: String,
    /// The day from which it counts.
    #[serde(rename = "date")]
    pub made: NaiveDate,
    /// The archives that were named.
    pub archives: Vec<ArchiveCost>,
    /// Archives of the keyring that were not.
    #[serde(rename = "not_named_count")]
    pub not_named: u64,
    /// What has a date, by year.
    pub years: Vec<YearCost>,
    /// What has none, each for a whole year.
    pub undated: Vec<Undated>,
    /// Sum over the years, if every record's bytes are freed when its time has run.
    #[serde(rename = "saved")]
    pub freed: Total,
    /// Sum over the years, if every file stays whole until its last dated record has run.
    #[serde(rename = "kept_whole")]
    pub whole: Total,
}

/// One archive.
#[derive(Clone, Debug, Serialize)]
pub struct ArchiveCost {
    /// Its file, as it was named.
    pub path: String,
    /// Its id.
    pub archive: String,
    /// Records.
    #[serde(rename = "record_count")]
    pub records: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Bytes that the file takes on this disk.
    pub on_disk: u64,
    /// Bytes of ciphertext of live records.
    #[serde(rename = "live_count")]
    pub live: u64,
    /// Bytes of ciphertext of destroyed records, which `purge --reclaim` removes.
    #[serde(rename = "destroyed_count")]
    pub destroyed: u64,
    /// Bytes of all else: headers, tree, preamble. They stay as long as the file does.
    #[serde(rename = "other_bytes")]
    pub other: u64,
    /// Bytes whose last day is over: they count no more.
    #[serde(rename = "run_out_count")]
    pub run_out: u64,
    /// The last day of its last dated record.
    #[serde(rename = "last_day")]
    pub last: Option<NaiveDate>,
}

/// A year.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct YearCost {
    /// Which.
    pub year: i32,
    /// Records kept at its beginning, or today.
    #[serde(rename = "record_count")]
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes whose time runs out in it.
    #[serde(rename = "freed_bytes")]
    pub freed: u64,
    /// Bytes times days, with every record's freed when its time has run.
    #[serde(serialize_with = "text")]
    pub byte_days: u128,
    /// Their price.
    pub price: Option<Amount>,
    /// Bytes times days, with every file whole until its last dated record.
    #[serde(serialize_with = "text")]
    pub whole_byte_days: u128,
    /// Their price.
    pub whole_price: Option<Amount>,
}

/// Bytes without a last day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Undated {
    /// `awaiting`, `permanent` or `other`.
    pub why: &'static str,
    /// The event that is awaited.
    #[serde(rename = "event_name")]
    pub event: Option<String>,
    /// Records; none of what is no record.
    #[serde(rename = "record_count")]
    pub records: u64,
    /// Bytes.
    pub bytes: u64,
    /// Price of a year.
    pub price_of_year: Option<Amount>,
}

/// A sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Total {
    /// Bytes times days.
    #[serde(serialize_with = "text")]
    pub byte_days: u128,
    /// Their price.
    pub price: Option<Amount>,
}

/// Numbers that JSON readers would cut are text.
fn text<S: serde::Serializer>(number: &u128, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

/// Bytes by the last day on which they are kept, today at the earliest.
#[derive(Default)]
struct Ends(BTreeMap<NaiveDate, (u64, u64)>);

impl Ends {
    fn add(&mut self, last: NaiveDate, records: u64, bytes: u64) {
        let end = self.0.entry(last).or_default();
        *end = (end.0 + records, end.1.saturating_add(bytes));
    }

    /// Bytes times days from `from` to `to`, both included.
    fn byte_days(&self, from: NaiveDate, to: NaiveDate) -> u128 {
        let days = |last: NaiveDate| (last.min(to) - from).num_days() + 1;
        self.0.range(from..).map(|(last, (_, bytes))| u128::from(*bytes) * u128::from(days(*last).unsigned_abs())).sum()
    }
}

/// Counts bytes, days and money.
///
/// # Errors
/// Damage of an archive; those of the keyring; [`OpsError::Uncountable`].
pub fn cost(custody: &Custody, archives: &mut [OpenedArchive], price: Option<Price>) -> Result<CostReport, OpsError> {
    let today = custody.now().today();
    let (mut ends, mut files) = (Ends::default(), Ends::default());
    let mut undated: BTreeMap<(&'static str, Option<String>), (u64, u64)> = BTreeMap::new();
    let mut told = Vec::new();
    for named in archives.iter_mut() {
        let of_archive = one(custody, named, today, &mut ends, &mut undated)?;
        if let Some(last) = of_archive.last.filter(|last| *last >= today) {
            files.add(last, 0, of_archive.bytes);
        }
        told.push(of_archive);
    }
    let last = ends.0.keys().chain(files.0.keys()).max().copied();
    let mut years = Vec::new();
    let (mut freed, mut whole) = (Total::default(), Total::default());
    for year in today.year()..=last.map_or(today.year() - 1, |last| last.year()) {
        let counted = of_year(year, today, (&ends, &files), price)?;
        for (total, byte_days, amount) in
            [(&mut freed, counted.byte_days, counted.price), (&mut whole, counted.whole_byte_days, counted.whole_price)]
        {
            total.byte_days += byte_days;
            total.price = match (price, amount) {
                (Some(_), Some(amount)) => {
                    Some(total.price.unwrap_or_default().plus(amount).ok_or(OpsError::Uncountable)?)
                }
                _ => None,
            };
        }
        years.push(counted);
    }
    let whole_year = |bytes: u64| priced(price, u128::from(bytes) * 365, 365);
    let undated = undated.into_iter().map(|((why, event), (records, bytes))| {
        Ok(Undated { why, event, records, bytes, price_of_year: whole_year(bytes)? })
    });
    Ok(CostReport {
        keyring: custody.keyring().config().keyring.clone(),
        made: today,
        not_named: custody.keyring().archives()?.len().saturating_sub(told.len()) as u64,
        archives: told,
        years,
        undated: undated.collect::<Result<_, OpsError>>()?,
        freed,
        whole,
    })
}

fn priced(price: Option<Price>, byte_days: u128, days: u32) -> Result<Option<Amount>, OpsError> {
    price.map(|price| price.of(byte_days, days).ok_or(OpsError::Uncountable)).transpose()
}

fn of_year(
    year: i32,
    today: NaiveDate,
    (ends, files): (&Ends, &Ends),
    price: Option<Price>,
) -> Result<YearCost, OpsError> {
    let day = |year: i32| NaiveDate::from_ymd_opt(year, 1, 1).ok_or(OpsError::Uncountable);
    let (first, next) = (day(year)?, day(year + 1)?);
    let days = (next - first).num_days() as u32;
    let (from, to) = (first.max(today), next - Days::new(1));
    let kept = ends.0.range(from..);
    let (records, bytes) = kept.fold((0, 0u64), |sum, (_, (n, bytes))| (sum.0 + n, sum.1.saturating_add(*bytes)));
    let freed = ends.0.range(from..=to).fold(0u64, |sum, (_, (_, bytes))| sum.saturating_add(*bytes));
    let (byte_days, whole_byte_days) = (ends.byte_days(from, to), files.byte_days(from, to));
    Ok(YearCost {
        year,
        records,
        bytes,
        freed,
        byte_days,
        price: priced(price, byte_days, days)?,
        whole_byte_days,
        whole_price: priced(price, whole_byte_days, days)?,
    })
}

/// What one archive adds.
fn one(
    custody: &Custody,
    named: &mut OpenedArchive,
    today: NaiveDate,
    ends: &mut Ends,
    undated: &mut BTreeMap<(&'static str, Option<String>), (u64, u64)>,
) -> Result<ArchiveCost, OpsError> {
    let mut sizes = Vec::new();
    named.for_each_record(|leaf| {
        sizes.push(leaf.size);
        Ok(())
    })?;
    let on_disk = std::fs::metadata(named.path()).map_err(crate::storage::StorageError::at(named.path()))?;
    let ciphertext = sizes.iter().fold(0u64, |sum, size| sum.saturating_add(*size));
    let mut told = ArchiveCost {
        path: named.path().to_string_lossy().into_owned(),
        archive: hex::encode(named.archive),
        records: sizes.len() as u64,
        bytes: named.bytes(),
        on_disk: on_disk.blocks().saturating_mul(512),
        live: 0,
        destroyed: 0,
        other: named.bytes().saturating_sub(ciphertext),
        run_out: 0,
        last: None,
    };
    custody.for_each_record(Some(&named.archive), |judge, view, _| {
        let size = sizes.get(view.record as usize - 1).copied().unwrap_or(0);
        if !view.live {
            told.destroyed += size;
            return Ok(());
        }
        told.live += size;
        let mut without_date = |why: &'static str, event: Option<String>| {
            let sum = undated.entry((why, event)).or_default();
            *sum = (sum.0 + 1, sum.1.saturating_add(size));
        };
        match judge.standing(view) {
            Standing::Until { last, .. } => {
                told.last = told.last.max(Some(last));
                if last < today { told.run_out += size } else { ends.add(last, 1, size) }
            }
            // Of several events the record is counted once, under all of them.
            Standing::Awaiting(events) => without_date("awaiting", Some(events.join(" "))),
            Standing::Permanent => without_date("permanent", None),
        }
        Ok(())
    })?;
    let other = undated.entry(("other", None)).or_default();
    other.1 = other.1.saturating_add(told.other);
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn prices_are_decimals_and_nothing_else() {
        for (text, millionths) in
            [("120", 120_000_000), ("0.05", 50_000), ("120.50/TB-year", 120_500_000), ("1000000000", 10u128.pow(15))]
        {
            assert_eq!(text.parse(), Ok(Price(millionths)), "{text}");
        }
        for bad in ["", ".", "1.", ".5", "-1", "+1", "1e3", "1,5", "0.0000001", "1000000000.1", "1/TB", "１"] {
            assert_eq!(bad.parse::<Price>(), Err(()), "{bad}");
        }
    }

    #[test]
    fn a_terabyte_for_a_year_costs_its_price_in_years_of_either_length() {
        let price: Price = "99.99".parse().unwrap();
        for days in [365, 366] {
            let amount = price.of(TERABYTE * u128::from(days), days).unwrap();
            assert_eq!(amount.to_string(), "99.99");
        }
        // Half a hundredth is rounded up, less is not.
        let price: Price = "0.005".parse().unwrap();
        assert_eq!(price.of(TERABYTE * 365, 365).unwrap().to_string(), "0.01");
        assert_eq!(price.of(TERABYTE * 365 - 1, 365).unwrap().to_string(), "0.00");
    }

    #[test]
    fn a_last_day_counts_and_the_day_after_does_not() {
        let mut ends = Ends::default();
        ends.add(day("2028-02-29"), 1, 10);
        assert_eq!(ends.byte_days(day("2028-02-28"), day("2028-12-31")), 20);
        assert_eq!(ends.byte_days(day("2028-03-01"), day("2028-12-31")), 0);
        let year = of_year(2028, day("2027-12-31"), (&ends, &Ends::default()), None).unwrap();
        assert_eq!((year.records, year.bytes, year.freed, year.byte_days), (1, 10, 10, 600));
        let years: u128 = (2027..=2028)
            .map(|year| of_year(year, day("2027-12-31"), (&ends, &Ends::default()), None).unwrap().byte_days)
            .sum();
        assert_eq!(years, 610);
    }
}
