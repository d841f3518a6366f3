//! `keepuntil report …`: documents for authorities, clients and partners.

pub mod archive_facts;
mod assessment;
mod calendar;
mod calendar_file;
pub mod columns;
mod compliance;
mod cost;
mod deliver;
pub mod destroyed;
mod destruction;
mod disclosures;
mod handover;
mod inventory;
mod notices;
pub mod record_words;
mod risk_words;
mod risks;
pub mod rule_words;
mod signing;
mod surroundings;
pub mod words;

use super::args::{Common, IdentityPlace};
use super::error::Failure;
use super::{Done, home};
use crate::ops::custody::Custody;
use crate::ops::report::named::NamedArchives;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Write a report: for reading, for printing on A4, or as JSON
#[derive(Subcommand)]
pub enum ReportCommand {
    Inventory(inventory::InventoryArgs),
    Destruction(destruction::DestructionArgs),
    Handover(handover::HandoverArgs),
    Calendar(calendar::CalendarArgs),
    Disclosures(disclosures::DisclosuresReportArgs),
    Compliance(compliance::ComplianceArgs),
    Assessment(assessment::AssessmentArgs),
    Risks(risks::RisksArgs),
    Cost(cost::CostArgs),
}

/// Archive files that a report is given, and who may read the names in them.
#[derive(Args)]
pub struct ArchivesArgs {
    /// Archive files, whose seals are checked
    #[arg(value_name = "ARCHIVE")]
    archive: Vec<PathBuf>,
    #[command(flatten)]
    identity: IdentityPlace,
}

impl ArchivesArgs {
    /// Opens them. No identity is asked for where no archive is named.
    fn open(&self, custody: &mut Custody) -> Result<NamedArchives, Failure> {
        if self.archive.is_empty() {
            return Ok(NamedArchives::none());
        }
        let identities = home::identities(&self.identity)?;
        Ok(NamedArchives::open(custody, &self.archive, identities)?)
    }
}

pub fn run(command: ReportCommand, common: Common) -> Result<Done, Failure> {
    match command {
        ReportCommand::Inventory(args) => inventory::run(&args, common),
        ReportCommand::Destruction(args) => destruction::run(&args, common),
        ReportCommand::Handover(args) => handover::run(&args, common),
        ReportCommand::Calendar(args) => calendar::run(&args, common),
        ReportCommand::Disclosures(args) => disclosures::run(&args, common),
        ReportCommand::Compliance(args) => compliance::run(&args, common),
        ReportCommand::Assessment(args) => assessment::run(&args, common),
        ReportCommand::Risks(args) => risks::run(&args, common),
        ReportCommand::Cost(args) => cost::run(&args, common),
    }
}
