//! `keepuntil due`.

use super::args::{Common, KeyringPlace};
use super::error::Failure;
use super::{Done, home, render};
use crate::ops::status::{DueRecord, due};
use crate::retention::disposition::Disposition;
use crate::retention::term::{Counting, FiscalYearEnd, last_day};
use chrono::NaiveDate;
use clap::Args;
use tr::tr;

/// List records whose time has run, or will have soon
#[derive(Args)]
#[command(after_help = "Examples:\n  keepuntil due\n  keepuntil due --within P1Y --json")]
pub struct DueArgs {
    /// Also what falls due within this period (P30D, P1Y) from now
    #[arg(long, value_name = "PERIOD")]
    pub within: Option<String>,
    #[command(flatten)]
    pub keyring: KeyringPlace,
}

pub fn run(args: DueArgs, common: Common) -> Result<Done, Failure> {
    let custody = home::reading(&args.keyring)?;
    let today = custody.now().today();
    let day = match &args.within {
        None => today,
        Some(period) => last_day(today, Counting::Day, FiscalYearEnd::default(), period.parse()?)?,
    };
    let mut rows = Vec::new();
    let mut found = 0u64;
    due(&custody, day, |record| {
        found += 1;
        if common.json {
            render::json_line(&json(&record));
        } else if rows.len() < LISTED {
            rows.push(row(&record, today));
        }
        Ok(())
    })?;
    super::status::warn(&custody);
    if common.json {
        render::end_of_list(found);
    } else {
        let header = vec![tr!("archive"), tr!("record"), tr!("last day"), tr!("compartment"), String::new()];
        let mut text = render::table(&[vec![header], rows].concat(), &[1]);
        if found > LISTED as u64 {
            let more = tr!("  … and {more} more; all of them with --json", more = found - LISTED as u64);
            text.push_str(&(more + "\n"));
        }
        if found == 0 {
            text = tr!("nothing is due") + "\n";
        }
        render::print(&text)?;
    }
    home::remember(custody)?;
    Ok(Done::Clean)
}

/// Records listed one by one.
const LISTED: usize = 1000;

fn row(record: &DueRecord, today: NaiveDate) -> Vec<String> {
    let id = hex::encode(record.archive);
    vec![
        id[..12].to_owned(),
        record.record.to_string(),
        record.until.to_string(),
        render::shorten(&record.compartment, 16),
        words(&record.disposition, record.until < today),
    ]
}

/// What is to become of a record, whose last day may have passed by this machine's clock.
pub fn words(disposition: &Disposition, has_passed: bool) -> String {
    match disposition {
        Disposition::Destroyed => tr!("destroyed"),
        Disposition::Held { .. } => tr!("held"),
        Disposition::Permanent => tr!("permanent"),
        Disposition::Awaiting(events) => {
            tr!("awaiting {events}", events = crate::retention::event::all_named(events))
        }
        Disposition::Kept { .. } if has_passed => tr!("kept: the date is not certain yet"),
        Disposition::Kept { .. } => tr!("kept"),
        Disposition::Due { review: true, .. } => tr!("due for review"),
        Disposition::Due { .. } => tr!("due"),
        Disposition::Scheduled { not_before, .. } => tr!("scheduled, from {day} on", day = not_before),
    }
}

fn json(record: &DueRecord) -> serde_json::Value {
    let state = match &record.disposition {
        Disposition::Destroyed => "destroyed",
        Disposition::Held { .. } => "held",
        Disposition::Permanent => "permanent",
        Disposition::Awaiting(_) => "awaiting",
        Disposition::Kept { .. } => "kept",
        Disposition::Due { review: true, .. } => "due_for_review",
        Disposition::Due { .. } => "due",
        Disposition::Scheduled { .. } => "scheduled",
    };
    serde_json::json!({
        "message_type": "due",
        "archive": hex::encode(record.archive),
        "record": record.record,
        "compartment": record.compartment,
        "class": record.class,
        "rules": record.rules,
        "until": record.until,
        "state": state,
    })
}
