//! A sheet for people, before it is text or HTML: headings, fields, tables, charts, lines to sign.
//!
//! Invariant: what is written needs memory for one part of the sheet, never for all rows of a long table.

pub mod csv;
mod html;
mod pdf;
mod text;

pub use text::wrap;

use crate::cli::error::Failure;
use crate::language::{Language, in_language};
use crate::ops::OpsError;
use std::io::Write;

pub use pdf::PdfOptions;

/// One sheet, whose texts are all in one language.
pub struct Sheet<'a> {
    pub language: Language,
    pub title: String,
    pub blocks: Vec<Block<'a>>,
    /// Whether it is printed across: for tables of many columns.
    pub landscape: bool,
}

/// A part of a sheet.
pub enum Block<'a> {
    Heading(String),
    Subheading(String),
    Paragraph(String),
    /// A paragraph that must not be overlooked.
    Warning(String),
    Fields(Vec<(String, String)>),
    List(Vec<String>),
    Table(Table),
    /// A table that may have more rows than fit in memory.
    LongTable(LongTable<'a>),
    Chart(Chart),
    /// Commands, to be copied as they stand.
    Commands(Vec<String>),
    /// What one person fills in: name of the role, then fields that are given or blank.
    Signature(String, Vec<(String, Option<String>)>),
}

/// Rows under a head; `right` are the columns of numbers.
pub struct Table {
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
    pub right: Vec<usize>,
}

/// Takes one row after the other.
pub type RowSink<'s> = dyn FnMut(Vec<String>) -> Result<(), Failure> + 's;

/// Gives a sink the rows that `run` makes, which speaks of errors as the layers below do.
pub fn give_rows(
    sink: &mut RowSink,
    run: impl FnOnce(&mut dyn FnMut(Vec<String>) -> Result<(), OpsError>) -> Result<(), OpsError>,
) -> Result<(), Failure> {
    let mut failed = None;
    let outcome = run(&mut |row| {
        sink(row).map_err(|failure| {
            failed = Some(failure);
            OpsError::Interrupted
        })
    });
    match failed {
        Some(failure) => Err(failure),
        None => Ok(outcome?),
    }
}

/// Makes rows: gives every one to the sink, in order.
pub type Rows<'a> = dyn FnOnce(&mut RowSink) -> Result<(), Failure> + 'a;

/// A table whose rows are made while they are written.
pub struct LongTable<'a> {
    pub head: Vec<String>,
    pub right: Vec<usize>,
    /// Gives every row to the sink, in order.
    pub rows: Box<Rows<'a>>,
}

/// Horizontal bars of stacked parts.
pub struct Chart {
    /// What each part of a bar stands for.
    pub legend: Vec<String>,
    pub bars: Vec<Bar>,
}

/// One bar of a chart.
pub struct Bar {
    pub label: String,
    /// As many as the legend has.
    pub parts: Vec<u64>,
    /// The sum, as it is to be read.
    pub value: String,
}

impl Bar {
    fn sum(&self) -> u64 {
        self.parts.iter().fold(0, |sum, part| sum.saturating_add(*part))
    }
}

impl Chart {
    /// The longest bar, at least 1.
    fn longest(&self) -> u64 {
        self.bars.iter().map(Bar::sum).max().unwrap_or(0).max(1)
    }
}

impl<'a> Sheet<'a> {
    pub fn new(language: Language, title: &str) -> Self {
        Self { language, title: title.to_owned(), blocks: Vec::new(), landscape: false }
    }

    pub fn heading(&mut self, text: &str) {
        self.blocks.push(Block::Heading(text.to_owned()));
    }

    pub fn paragraph(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Paragraph(text.into()));
    }

    /// A row for one person to fill in: the role, then labels over blank lines.
    pub fn blanks(&mut self, role: &str, labels: &[String]) {
        let fields = labels.iter().map(|label| (label.clone(), None)).collect();
        self.blocks.push(Block::Signature(role.to_owned(), fields));
    }

    pub fn fields(&mut self, fields: Vec<(impl Into<String>, String)>) {
        self.blocks.push(Block::Fields(fields.into_iter().map(|(label, value)| (label.into(), value)).collect()));
    }

    /// Writes one HTML file that needs nothing else: no network, no script.
    pub fn write_html(self, out: &mut dyn Write) -> Result<(), Failure> {
        in_language(self.language, || html::write(self, out))
    }

    /// Writes PDF/A-2u; gives the number of characters that the font lacks, which are shown as `?`.
    pub fn write_pdf(self, options: &PdfOptions, out: &mut dyn Write) -> Result<usize, Failure> {
        in_language(self.language, || pdf::write(self, options, out))
    }

    /// Writes text of 80 columns.
    pub fn write_text(self, out: &mut dyn Write) -> Result<(), Failure> {
        in_language(self.language, || text::write(self, out))
    }

    /// A sheet without long tables as HTML.
    pub fn html(self) -> String {
        in_memory(|out| self.write_html(out))
    }

    /// A sheet without long tables as text.
    pub fn text(self) -> String {
        in_memory(|out| self.write_text(out))
    }
}

fn in_memory(write: impl FnOnce(&mut dyn Write) -> Result<(), Failure>) -> String {
    let mut out = Vec::new();
    let written = write(&mut out);
    assert!(written.is_ok(), "memory takes what a sheet that has all its rows writes");
    String::from_utf8(out).expect("sheets are UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// Counts what is written.
    struct Counted<'c>(&'c Cell<usize>);

    impl Write for Counted<'_> {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.set(self.0.get() + bytes.len());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn rows_are_written_while_they_are_made() {
        const ROWS: usize = 20_000;
        const ROW: usize = 100;
        // Far less than all of it may wait in memory.
        const MOST: usize = 1 << 17;
        type Writer = fn(Sheet, &mut dyn Write) -> Result<(), Failure>;
        let writers: [Writer; 3] = [
            |sheet, out| sheet.write_text(out),
            |sheet, out| sheet.write_html(out),
            |mut sheet, out| match sheet.blocks.remove(0) {
                Block::LongTable(table) => csv::write(table, None, out),
                _ => unreachable!("it has nothing else"),
            },
        ];
        for write in writers {
            let written = Cell::new(0);
            let rows = |sink: &mut RowSink| {
                for made in 0..ROWS {
                    sink(vec!["x".repeat(ROW)])?;
                    assert!(written.get() + MOST > made * ROW, "row {made}: {}", written.get());
                }
                Ok(())
            };
            let mut sheet = Sheet::new(Language::English, "long");
            sheet.blocks.push(Block::LongTable(LongTable {
                head: vec!["cells".into()],
                right: Vec::new(),
                rows: Box::new(rows),
            }));
            assert!(write(sheet, &mut Counted(&written)).is_ok());
            assert!(written.get() > ROWS * ROW);
        }
    }
}
