//! How a report leaves: as one line of JSON, as a file, or on standard output.

use crate::cli::args::Common;
use crate::cli::error::Failure;
use crate::cli::output::OutputArgs;
use crate::cli::render;
use crate::cli::sheet::{Block, Sheet};
use crate::language::language;
use crate::ops::report::period::Period;
use crate::retention::parse_date;
use clap::Args;
use serde::Serialize;
use tr::tr;

/// The days that a report is about.
#[derive(Args)]
pub struct PeriodArgs {
    /// From this day on
    #[arg(long, value_name = "DATE")]
    since: Option<String>,
    /// Up to and including this day
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
}

impl PeriodArgs {
    /// The period that was named.
    pub fn period(&self) -> Result<Period, Failure> {
        let day = |text: &Option<String>| text.as_deref().map(parse_date).transpose();
        let period = Period { since: day(&self.since)?, until: day(&self.until)? };
        match (period.since, period.until) {
            (Some(since), Some(until)) if since > until => Err(Failure::Usage(
                tr!("{until}: it is before {since}", until = until, since = since),
                tr!("name the first day with --since and the last one with --until"),
            )),
            _ => Ok(period),
        }
    }
}

/// Writes a report to where it is to go. With `--json` its data goes to standard output, and the sheet only to a file that
/// was named.
pub fn deliver(
    message_type: &str,
    data: &impl Serialize,
    sheet: impl FnOnce() -> Sheet<'static>,
    output: &OutputArgs,
    common: Common,
) -> Result<(), Failure> {
    if output.wants_plain_sheet(common)? {
        output.write(sheet(), common)?;
    }
    if common.json {
        let mut object = serde_json::json!(data);
        object["message_type"] = message_type.into();
        render::json_line(&object);
    }
    Ok(())
}

/// A sheet with a title and what every report says first.
pub fn begun(title: &str, firm: &str, keyring: &str, made: chrono::NaiveDate) -> Sheet<'static> {
    let mut sheet = Sheet::new(language(), title);
    fields(
        &mut sheet,
        vec![(tr!("Firm"), firm.to_owned()), (tr!("Keyring"), keyring.to_owned()), (tr!("Made on"), made.to_string())],
    );
    sheet
}

/// Adds fields, to those before where the sheet ends with such; those whose value is empty are left out.
pub fn fields(sheet: &mut Sheet, fields: Vec<(String, String)>) {
    let fields = fields.into_iter().filter(|(_, value)| !value.is_empty());
    match sheet.blocks.last_mut() {
        Some(Block::Fields(before)) => before.extend(fields),
        _ => sheet.blocks.push(Block::Fields(fields.collect())),
    }
}

/// Adds a list, or a sentence where it is empty.
pub fn list(sheet: &mut Sheet, items: Vec<String>, none: String) {
    sheet.blocks.push(if items.is_empty() { Block::Paragraph(none) } else { Block::List(items) });
}
