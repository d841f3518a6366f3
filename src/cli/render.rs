//! Text for terminals of 80 columns: wide characters aligned, hostile ones escaped, sizes readable.

use super::args::Common;
use super::error::Failure;
use crate::language::lines::{filled, lines};
use crate::retention::Class;
use crate::retention::ranges::Ranges;
use chrono::{DateTime, Utc};
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use tr::tr;
use unicode_width::UnicodeWidthStr;

/// Columns of a terminal.
pub const WIDTH: usize = 80;

/// Columns of standard error: those that COLUMNS says, or of a terminal.
pub fn columns_of_errors() -> usize {
    let said = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    said.filter(|columns| *columns >= 40).unwrap_or(WIDTH)
}

/// Prints to standard output; a closed pipe ends the command quietly.
pub fn print(text: &str) -> Result<(), Failure> {
    std::io::stdout().write_all(text.as_bytes()).map_err(Failure::Output)
}

/// Why an object could not be printed.
static LOST: Mutex<Option<std::io::Error>> = Mutex::new(None);

/// Prints one JSON object as a line. Whether one was lost is asked at the end, by [`lost`].
pub fn json_line(value: &serde_json::Value) {
    if let Err(e) = writeln!(std::io::stdout(), "{value}") {
        LOST.lock().expect("nobody panics with it").get_or_insert(e);
    }
}

/// Why an object could not be printed; none where all were.
pub fn lost() -> Option<std::io::Error> {
    LOST.lock().expect("nobody panics with it").take()
}

/// Ends a list of objects: whoever reads them knows that none is missing.
pub fn end_of_list(count: u64) {
    json_line(&serde_json::json!({ "message_type": "end", "count": count }));
}

/// An object with all the fields of its type: those that it lacks do not apply, which is null.
pub fn complete(mut object: serde_json::Value, fields: &[&str]) -> serde_json::Value {
    for field in fields {
        // Looking at a field that is not there makes it null.
        let _ = &mut object[field];
    }
    object
}

/// Prints a text that is meant for elsewhere: to be signed, filled in or read by another program.
pub fn text(text: &str, common: Common) -> Result<(), Failure> {
    if common.json {
        written_text(text, None);
        return Ok(());
    }
    print(text)
}

/// Such a text for programs, with the file that it was written to.
pub fn written_text(text: &str, path: Option<&Path>) {
    let path = path.map(Path::to_string_lossy);
    json_line(&serde_json::json!({ "message_type": "text", "text": text, "path": path }));
}

/// Bytes in decimal units.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 999.95 && unit < UNITS.len() - 1 {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{n} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// So many records.
pub fn record_count(n: u64) -> String {
    tr!("{n} record" | "{n} records" % n)
}

/// So many files.
pub fn file_count(n: u64) -> String {
    tr!("{n} file" | "{n} files" % n)
}

/// So many files of so many bytes.
pub fn files_and_bytes(files: u64, size: u64) -> String {
    tr!("{files}, {bytes}", files = file_count(files), bytes = bytes(size))
}

/// So many people.
pub fn people_count(n: u32) -> String {
    tr!("{n} person" | "{n} people" % n)
}

/// Words one after the other.
pub fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().collect::<Vec<_>>().join(&tr!("in a list" => ", "))
}

/// A class in words; options and JSON have its code.
pub fn class(class: Class) -> String {
    match class {
        Class::Public => tr!("class" => "public"),
        Class::Sensitive => tr!("class" => "sensitive"),
        Class::Confidential => tr!("class" => "confidential"),
    }
}

/// Seconds since 1970 as an instant; none beyond the years that a calendar has.
pub fn instant(seconds: u64) -> Option<DateTime<Utc>> {
    i64::try_from(seconds).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0))
}

/// A time to the second, for people.
pub fn time(time: DateTime<Utc>) -> String {
    time.format("%F %T UTC").to_string()
}

/// The same of an instant that a file or an archive spells; what is none stays.
pub fn spelled_time(text: &str) -> String {
    DateTime::parse_from_rfc3339(text).map_or_else(|_| text.to_owned(), |read| time(read.to_utc()))
}

/// `record 5`, `records 5,7-9`.
pub fn records(records: &Ranges) -> String {
    let numbers = shorten(&records.to_string(), 60);
    tr!("record {numbers}" | "records {numbers}" % records.count(), numbers = numbers)
}

/// Columns below which no column of a table is narrowed.
const NARROWEST: usize = 10;

/// A table: every column as wide as its widest cell, the columns `right` right-aligned; where a terminal is too narrow, the
/// widest of the others have cells of several lines.
pub fn table(rows: &[Vec<String>], right: &[usize]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max().unwrap_or(0);
    let mut widths: Vec<usize> = (0..columns).map(width).collect();
    while widths.iter().sum::<usize>() + 2 * columns > WIDTH {
        let narrowed = (0..columns).filter(|column| !right.contains(column)).max_by_key(|column| widths[*column]);
        match narrowed {
            Some(column) if widths[column] > NARROWEST => widths[column] -= 1,
            _ => break,
        }
    }
    rows.iter().map(|row| table_row(row, &widths, right)).collect()
}

fn table_row(row: &[String], widths: &[usize], right: &[usize]) -> String {
    let cells: Vec<Vec<String>> = row.iter().zip(widths).map(|(cell, width)| filled(cell, *width)).collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    let mut out = String::new();
    for at in 0..height {
        let mut line = String::from(" ");
        for (column, cell) in cells.iter().enumerate() {
            let cell = cell.get(at).map_or("", String::as_str);
            let fill = " ".repeat(widths[column].saturating_sub(cell.width()));
            line.push(' ');
            if right.contains(&column) {
                line.push_str(&fill);
                line.push_str(cell);
            } else {
                line.push_str(cell);
                line.push_str(&fill);
            }
            line.push(' ');
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Text filled up with spaces to a number of columns.
pub fn padded(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(text.width())))
}

/// A named value, which begins in `column`, in lines of a terminal; one that has lines already keeps them.
pub fn field(name: &str, value: &str, column: usize) -> String {
    let name = padded(name, column.saturating_sub(2));
    let value = if value.contains('\n') { format!("{value}\n") } else { wrapped(value, column) };
    format!("  {name}{value}")
}

/// Shortens text to a number of columns.
pub fn shorten(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        if out.width() + unicode_width::UnicodeWidthChar::width(c).unwrap_or(0) >= columns {
            break;
        }
        out.push(c);
    }
    out + "…"
}

/// Text in lines of [`WIDTH`] columns, all but the first indented; Chinese breaks anywhere.
pub fn wrapped(text: &str, indent: usize) -> String {
    in_columns(text, indent, WIDTH)
}

/// A sentence in lines of a terminal; those after the first are indented deeper than it is.
pub fn sentence(text: &str) -> String {
    deeper(text, WIDTH)
}

/// Text of several lines, of which those that are too long are broken as sentences are.
pub fn fitted(text: &str) -> String {
    let fits = |line: &str| if line.width() > WIDTH { sentence(line) } else { format!("{line}\n") };
    text.lines().map(fits).collect()
}

/// A sentence of standard error, in lines as long as those are.
pub fn sentence_of_errors(text: &str) -> String {
    deeper(text, columns_of_errors())
}

fn deeper(text: &str, columns: usize) -> String {
    let bare = text.trim_start();
    let indent = text.len() - bare.len();
    format!("{}{}", " ".repeat(indent), in_columns(bare, indent + 2, columns))
}

fn in_columns(text: &str, indent: usize, columns: usize) -> String {
    let between = format!("\n{}", " ".repeat(indent));
    lines(text, columns - indent).iter().map(|line| line.trim_end()).collect::<Vec<_>>().join(&between) + "\n"
}
