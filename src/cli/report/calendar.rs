//! `keepuntil report calendar`.

use super::OutputArgs;
use crate::cli::args::{Common, KeyringPlace};
use crate::cli::error::Failure;
use crate::cli::sheet::{Bar, Block, Chart, Sheet};
use crate::cli::{Done, home, render};
use crate::language::language;
use crate::ops::report::calendar::{Calendar, calendar};
use clap::Args;
use tr::tr;

/// The retention calendar: how many records may be destroyed from when on
#[derive(Args)]
#[command(
    after_help = "Examples:\n  keepuntil report calendar\n  keepuntil report calendar -o calendar.html --lang zh"
)]
pub struct CalendarArgs {
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    keyring: KeyringPlace,
}

pub fn run(args: &CalendarArgs, common: Common) -> Result<Done, Failure> {
    let custody = home::reading(&args.keyring)?;
    let calendar = calendar(&custody)?;
    if common.json {
        let mut object = serde_json::json!(calendar);
        object["message_type"] = "report_calendar".into();
        render::json_line(&object);
    } else {
        args.output.write(sheet(&calendar), common)?;
    }
    home::remember(custody)?;
    Ok(Done::Clean)
}

fn sheet(calendar: &Calendar) -> Sheet<'static> {
    let mut sheet = Sheet::new(language(), &tr!("Retention calendar"));
    let bars = calendar.years.iter().map(|(year, rules)| {
        let records: u64 = rules.values().sum();
        Bar { label: year.to_string(), parts: vec![records], value: tr!("{n} record" | "{n} records" % records) }
    });
    sheet.blocks.push(Block::Chart(Chart { legend: vec![tr!("records")], bars: bars.collect() }));
    sheet
}
