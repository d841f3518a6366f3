//! Tables as CSV for spreadsheets: UTF-8 with a byte order mark, CRLF, every cell quoted.
//!
//! Invariant: no spreadsheet takes a cell for a formula, and no cell holds a character that deceives the eye.

use super::LongTable;
use crate::cli::error::Failure;
use crate::storage::escape;
use csv::{QuoteStyle, Terminator, Writer, WriterBuilder};
use std::io::Write;

/// With what programs begin a formula, also in the wide forms of East Asian keyboards.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// Writes the table, after a line of its own with `notice` where there is one.
pub fn write(table: LongTable, notice: Option<&str>, out: &mut dyn Write) -> Result<(), Failure> {
    out.write_all("\u{feff}".as_bytes()).map_err(Failure::Output)?;
    let mut builder = WriterBuilder::new();
    // The notice is a row of one cell.
    builder.quote_style(QuoteStyle::Always).terminator(Terminator::CRLF).flexible(true);
    let mut writer = builder.from_writer(out);
    if let Some(notice) = notice {
        row(&mut writer, &[notice.to_owned()])?;
    }
    row(&mut writer, &table.head)?;
    (table.rows)(&mut |cells| row(&mut writer, &cells))?;
    writer.flush().map_err(Failure::Output)
}

fn row(writer: &mut Writer<&mut dyn Write>, cells: &[String]) -> Result<(), Failure> {
    let written = writer.write_record(cells.iter().map(|cell| harmless(cell)));
    written.map_err(|e| Failure::Output(e.into()))
}

/// A cell that no spreadsheet takes for a formula.
fn harmless(text: &str) -> String {
    let text = escape(text);
    if text.starts_with(FORMULA) { format!("'{text}") } else { text }
}
