//! `keepuntil extend`.

use super::args::{Common, KeyringPlace};
use super::error::Failure;
use super::{Done, home, render};
use crate::ops::extend::extend;
use crate::ops::scope::{archive_id, check_records};
use crate::retention::parse_date;
use clap::Args;
use std::path::PathBuf;
use tr::tr;

/// Keep records longer; a date moves later only
#[derive(Args)]
#[command(after_help = "Example:\n  keepuntil extend firm.sealed --record 17 --until 2041-12-31")]
pub struct ExtendArgs {
    /// The archive: its file or its id
    #[arg(value_name = "ARCHIVE")]
    pub archive: PathBuf,
    /// Only these records, such as 17 or 1-4,9 [default: all that are live]
    #[arg(long, value_name = "N")]
    pub record: Vec<String>,
    /// The new last day
    #[arg(long, value_name = "DATE")]
    pub until: String,
    #[command(flatten)]
    pub keyring: KeyringPlace,
}

pub fn run(args: ExtendArgs, common: Common) -> Result<Done, Failure> {
    let until = parse_date(&args.until)?;
    let records = home::records(&args.record)?;
    let mut custody = home::custody(&args.keyring)?;
    let archive = archive_id(custody.keyring(), &args.archive)?;
    if let Some(records) = &records {
        check_records(custody.keyring(), &archive, records)?;
    }
    let extended = extend(&mut custody, archive, records.as_ref(), until)?;
    if common.json {
        render::json_line(&serde_json::json!({
            "message_type": "extended", "archive": hex::encode(archive), "records": extended, "until": until,
        }));
    } else if !common.quiet {
        let kept = tr!(
            "{n} record kept until {day} at least" | "{n} records kept until {day} at least" % extended.count(),
            day = until
        );
        render::print(&(kept + "\n"))?;
    }
    Ok(Done::Clean)
}
