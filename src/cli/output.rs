//! How a sheet leaves: as text, HTML, PDF or CSV, to a file or on standard output.
//!
//! Invariant: a failure leaves no file, and what is replaced was such a file.

use super::args::Common;
use super::error::{Failure, tell_warning};
use super::sheet::{PdfOptions, Sheet};
use super::{home, render};
use crate::storage::output::OutputFile;
use crate::storage::{StorageError, show};
use clap::{Args, ValueEnum};
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use tr::tr;

/// Where a sheet goes and how it looks.
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
        if let Some(path) = self.output.as_deref().filter(|path| self.format.is_none() && is_named_json(path)) {
            return Err(Failure::Usage(
                tr!("{file}: no sheet is JSON, which goes to standard output", file = show(path)),
                tr!("give --json without -o, and `> FILE` behind it; or name a .html or .pdf file"),
            ));
        }
        self.deliver(common, |out| match format {
            FormatArg::Text => sheet.write_text(out),
            FormatArg::Html => sheet.write_html(out),
            FormatArg::Pdf => self.write_pdf(sheet, out),
            FormatArg::Csv => Err(no_table()),
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

    /// The same of a report that is no table: asked for as one it is refused, also where no sheet is written.
    pub fn wants_plain_sheet(&self, common: Common) -> Result<bool, Failure> {
        if self.format() == FormatArg::Csv {
            return Err(no_table());
        }
        Ok(self.wants_sheet(common))
    }

    /// Whether the sheet is written: with `--json`, which has standard output, only to a file that was named.
    pub fn wants_sheet(&self, common: Common) -> bool {
        self.output.is_some() || !common.json
    }
}

fn no_table() -> Failure {
    Failure::Usage(
        tr!("this report is no table for spreadsheets"),
        tr!("take --format text, html or pdf; `keepuntil report inventory` and `destruction` also write CSV"),
    )
}

fn is_named_json(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"))
}

/// Has a file written that only its owner may read; a failure leaves none.
pub fn to_file(
    path: &Path,
    force: bool,
    common: Common,
    write: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let before = if force { first_line_of(path)? } else { None };
    let mut file = Remembering { inner: OutputFile::begin(path, 0o600, force)?, start: Vec::new() };
    write(&mut file).map_err(|failure| match failure {
        Failure::Output(e) => StorageError::at(path)(e).into(),
        other => other,
    })?;
    if before.is_some_and(|before| before != first_line(&file.start)) {
        return Err(Failure::Usage(
            tr!("{file}: what is there does not begin as this does, and would be lost", file = show(path)),
            tr!("name another file, or remove this one first if it is no longer needed"),
        ));
    }
    file.inner.finish()?;
    if !common.quiet && !common.json {
        render::print(&tr!("wrote {file}\n", file = show(path)))?;
    }
    Ok(())
}

/// Bytes at the start of a file that tell what it is.
const START: usize = 4096;

/// How a file begins that is to be replaced; none where there is none.
fn first_line_of(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    let mut start = Vec::new();
    match std::fs::File::open(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(StorageError::at(path)(e).into()),
        Ok(file) => file.take(START as u64).read_to_end(&mut start).map_err(StorageError::at(path))?,
    };
    Ok(Some(first_line(&start).to_vec()))
}

/// The title of a text, the columns of a table, or what every HTML, PDF or calendar file begins with.
fn first_line(start: &[u8]) -> &[u8] {
    start.split(|byte| *byte == b'\n').next().unwrap_or_default()
}

/// A file, and how it begins.
struct Remembering {
    inner: OutputFile,
    start: Vec<u8>,
}

impl Write for Remembering {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.inner.write(bytes)?;
        let room = START.saturating_sub(self.start.len());
        self.start.extend_from_slice(&bytes[..written.min(room)]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}
