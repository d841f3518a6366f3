//! `keepuntil report …`: documents for authorities, clients and partners.

mod archive_facts;
mod assessment;
mod calendar;
mod calendar_file;
mod compliance;
mod cost;
mod deliver;
mod destroyed;
mod destruction;
mod disclosures;
mod handover;
mod inventory;
mod notices;
pub mod record_words;
mod risk_words;
mod risks;
mod signing;
mod surroundings;
pub mod words;

use super::args::{Common, IdentityPlace};
use super::error::{Failure, tell_warning};
use super::sheet::{PdfOptions, Sheet};
use super::{Done, home, render};
use crate::ops::custody::Custody;
use crate::ops::report::named::NamedArchives;
use crate::storage::output::OutputFile;
use crate::storage::{StorageError, show};
use clap::{Args, Subcommand, ValueEnum};
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use tr::tr;

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

/// Where a report goes and how it looks.
#[derive(Args)]
pub struct OutputArgs {
    /// Write it to FILE instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How it is written [default: as the name of FILE ends, else text]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<FormatArg>,
    /// Font of the PDF [default: one that is installed and has Chinese]
    #[arg(long, value_name = "FILE")]
    pub font: Option<PathBuf>,
    /// Replace an existing file
    #[arg(long)]
    pub force: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    Text,
    Html,
    /// PDF/A-2u, with the fonts in it
    Pdf,
    Csv,
}

impl OutputArgs {
    /// How it is written.
    pub fn format(&self) -> FormatArg {
        let ending = self.output.as_deref().and_then(Path::extension).map(std::ffi::OsStr::to_ascii_lowercase);
        let of_ending = match ending.as_deref().and_then(std::ffi::OsStr::to_str) {
            Some("html" | "htm") => FormatArg::Html,
            Some("pdf") => FormatArg::Pdf,
            Some("csv") => FormatArg::Csv,
            _ => FormatArg::Text,
        };
        self.format.unwrap_or(of_ending)
    }

    /// Writes a sheet to where it is to go.
    pub fn write(&self, sheet: Sheet, common: Common) -> Result<(), Failure> {
        let format = self.format();
        self.deliver(common, |out| match format {
            FormatArg::Text => sheet.write_text(out),
            FormatArg::Html => sheet.write_html(out),
            FormatArg::Pdf => self.write_pdf(sheet, out),
            FormatArg::Csv => Err(Failure::Usage(
                tr!("this report is no table for spreadsheets"),
                tr!("take --format text, html or pdf; `keepuntil report inventory` and `destruction` also write CSV"),
            )),
        })
    }

    fn write_pdf(&self, sheet: Sheet, out: &mut dyn Write) -> Result<(), Failure> {
        let options = PdfOptions { font: self.font.as_deref(), made: home::now().to_utc() };
        let missing = sheet.write_pdf(&options, out)?;
        if missing > 0 {
            tell_warning(&tr!("{n} character is shown as ?: the font lacks it; name another with --font FILE"
                | "{n} characters are shown as ?: the font lacks them; name another with --font FILE" % missing));
        }
        Ok(())
    }

    /// Has something written to where it is to go; a failure leaves no file.
    pub fn deliver(
        &self,
        common: Common,
        write: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        match &self.output {
            None => {
                let mut out = BufWriter::new(std::io::stdout().lock());
                write(&mut out)?;
                out.flush().map_err(Failure::Output)
            }
            Some(path) => to_file(path, self.force, common, write),
        }
    }

    /// That nobody asks for JSON, which goes to standard output, and for a file at once.
    pub fn check(&self, common: Common) -> Result<(), Failure> {
        match &self.output {
            Some(_) if common.json => Err(Failure::Usage(
                tr!("--json writes to standard output, and --output names a file"),
                tr!("leave one of them out"),
            )),
            _ => Ok(()),
        }
    }
}

/// Has a file written that only its owner may read; a failure leaves none.
fn to_file(
    path: &Path,
    force: bool,
    common: Common,
    write: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if force {
        check_replaceable(path)?;
    }
    let mut file = OutputFile::begin(path, 0o600, force)?;
    write(&mut file).map_err(|failure| match failure {
        Failure::Output(e) => StorageError::at(path)(e).into(),
        other => other,
    })?;
    file.finish()?;
    if !common.quiet && !common.json {
        render::print(&tr!("wrote {file}\n", file = show(path)))?;
    }
    Ok(())
}

/// That what a report replaces is no archive, no keyring and no other file that is not text, HTML or PDF.
fn check_replaceable(path: &Path) -> Result<(), Failure> {
    const LOOKED_AT: usize = 4096;
    let mut start = Vec::new();
    match std::fs::File::open(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(StorageError::at(path)(e).into()),
        Ok(file) => file.take(LOOKED_AT as u64).read_to_end(&mut start).map_err(StorageError::at(path))?,
    };
    if start.starts_with(b"%PDF") || !start.contains(&0) {
        return Ok(());
    }
    Err(Failure::Usage(
        tr!("{file}: it is no report, and would be lost", file = show(path)),
        tr!("name another file; what is there can be an archive or a keyring"),
    ))
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
