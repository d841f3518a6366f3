//! `keepuntil report …`: documents for authorities, clients and partners.

mod calendar;

use super::args::Common;
use super::error::Failure;
use super::sheet::{PdfOptions, Sheet};
use super::{Done, home, render};
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
}

impl OutputArgs {
    fn format(&self) -> FormatArg {
        let ending = self.output.as_deref().and_then(Path::extension).map(std::ffi::OsStr::to_ascii_lowercase);
        let of_ending = match ending.as_deref().and_then(std::ffi::OsStr::to_str) {
            Some("html" | "htm") => FormatArg::Html,
            Some("pdf") => FormatArg::Pdf,
            _ => FormatArg::Text,
        };
        self.format.unwrap_or(of_ending)
    }

    fn render(&self, sheet: Sheet, out: &mut dyn Write) -> Result<(), Failure> {
        match self.format() {
            FormatArg::Text => sheet.write_text(out),
            FormatArg::Html => sheet.write_html(out),
            FormatArg::Pdf => {
                let options = PdfOptions { font: self.font.as_deref(), made: home::now().to_utc() };
                let missing = sheet.write_pdf(&options, out)?;
                if missing > 0 {
                    eprintln!(
                        "keepuntil: warning: {}",
                        tr!("{n} character is shown as ?: the font lacks it; name another with --font FILE"
                            | "{n} characters are shown as ?: the font lacks them; name another with --font FILE"
                                % missing)
                    );
                }
                Ok(())
            }
        }
    }

    /// Writes a sheet to where it is to go.
    pub fn write(&self, sheet: Sheet, common: Common) -> Result<(), Failure> {
        match &self.output {
            None => {
                let mut out = BufWriter::new(std::io::stdout().lock());
                self.render(sheet, &mut out)?;
                out.flush().map_err(Failure::Output)
            }
            Some(path) => {
                let mut file = OutputFile::begin(path, 0o600, self.force)?;
                self.render(sheet, &mut file).map_err(|failure| match failure {
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

pub fn run(command: ReportCommand, common: Common) -> Result<Done, Failure> {
    match command {
        ReportCommand::Calendar(args) => calendar::run(&args, common),
    }
}
