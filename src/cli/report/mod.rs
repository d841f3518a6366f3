//! `keepuntil report …`: documents for authorities, clients and partners.

mod assessment;
mod calendar;
mod compliance;
mod cost;
mod deliver;
mod disclosures;
mod risk_words;
mod risks;
mod surroundings;
mod words;

use super::args::Common;
use super::error::Failure;
use super::sheet::Sheet;
use super::{Done, render};
use crate::storage::output::OutputFile;
use crate::storage::{StorageError, show};
use clap::{Args, Subcommand, ValueEnum};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use tr::tr;

/// Write a report: for reading, for printing on A4, or as JSON
#[derive(Subcommand)]
pub enum ReportCommand {
    Calendar(calendar::CalendarArgs),
    Disclosures(disclosures::DisclosuresReportArgs),
    Compliance(compliance::ComplianceArgs),
    Assessment(assessment::AssessmentArgs),
    Risks(risks::RisksArgs),
    Cost(cost::CostArgs),
}

/// Where a report goes and how it looks.
#[derive(Args)]
pub struct OutputArgs {
    /// Write it to FILE instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How it is written [default: as the name of FILE ends, else text]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<FormatArg>,
    /// Replace an existing file
    #[arg(long)]
    pub force: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    Text,
    Html,
}

impl OutputArgs {
    fn format(&self) -> FormatArg {
        let ending = self.output.as_deref().and_then(Path::extension).map(std::ffi::OsStr::to_ascii_lowercase);
        let of_ending = match ending.as_deref().and_then(std::ffi::OsStr::to_str) {
            Some("html" | "htm") => FormatArg::Html,
            _ => FormatArg::Text,
        };
        self.format.unwrap_or(of_ending)
    }

    /// Writes a sheet to where it is to go.
    pub fn write(&self, sheet: Sheet, common: Common) -> Result<(), Failure> {
        match &self.output {
            None => {
                let mut out = BufWriter::new(std::io::stdout().lock());
                write(sheet, self.format(), &mut out)?;
                out.flush().map_err(Failure::Output)
            }
            Some(path) => {
                let mut file = OutputFile::begin(path, 0o600, self.force)?;
                write(sheet, self.format(), &mut file).map_err(|failure| match failure {
                    Failure::Output(e) => StorageError::at(path)(e).into(),
                    other => other,
                })?;
                file.finish()?;
                if !common.quiet {
                    render::print(&tr!("wrote {file}\n", file = show(path)))?;
                }
                Ok(())
            }
        }
    }
}

fn write(sheet: Sheet, format: FormatArg, out: &mut dyn Write) -> Result<(), Failure> {
    match format {
        FormatArg::Text => sheet.write_text(out),
        FormatArg::Html => sheet.write_html(out),
    }
}

pub fn run(command: ReportCommand, common: Common) -> Result<Done, Failure> {
    match command {
        ReportCommand::Calendar(args) => calendar::run(&args, common),
        ReportCommand::Disclosures(args) => disclosures::run(&args, common),
        ReportCommand::Compliance(args) => compliance::run(&args, common),
        ReportCommand::Assessment(args) => assessment::run(&args, common),
        ReportCommand::Risks(args) => risks::run(&args, common),
        ReportCommand::Cost(args) => cost::run(&args, common),
    }
}
