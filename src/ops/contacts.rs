//! A table of those who are written to: CSV in UTF-8 or another charset, read row by row.
//!
//! Invariant: memory is bounded by one row, whatever the file holds; what is wrong is told with line and column, never with
//! the value. Spec: `spec/notices.md`, "Contacts".

use super::OpsError;
use crate::disclosure::template::is_name;
use crate::storage::escape;
use csv::{ByteRecord, ErrorKind, ReaderBuilder, Terminator};
use encoding_rs::Encoding;
use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;
use tr::tr;

/// Bytes of one row, at most.
const MAX_ROW: usize = 64 << 10;
/// Columns, at most.
const MAX_COLUMNS: usize = 100;
/// Bytes that are read at once.
const BUFFER: usize = 8 << 10;

/// What is wrong with a table.
#[derive(Debug, thiserror::Error)]
pub enum ContactsError {
    /// It has no row with the names of its columns, or one that cannot be used.
    #[error("{}", tr!("line 1: {what}", what = _0))]
    Header(String),
    /// It has no column that says which records are somebody's.
    #[error("{}", tr!("line 1: {what}", what = _0))]
    NoRecords(String),
    /// There is no such file in the record.
    #[error("{}", tr!("the record holds no such file"))]
    NoSuchFile {
        /// The first files in it that may be a table, by name.
        tables: Vec<String>,
        /// How many there are.
        count: u64,
    },
    /// A row.
    #[error("{}", tr!("line {line}: {what}", line = line, what = what))]
    Row {
        /// The line on which it begins, from 1.
        line: u64,
        /// What is wrong.
        what: String,
    },
    /// A value.
    #[error("{}", tr!("line {line}, column {column}: {what}", line = line, column = escape(column), what = what))]
    Field {
        /// The line on which its row begins, from 1.
        line: u64,
        /// The name of its column.
        column: String,
        /// What is wrong.
        what: String,
    },
    /// It could not be read.
    #[error("{}", crate::language::of_system(_0))]
    Read(io::Error),
}

/// The names of the columns, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns(Vec<String>);

impl Columns {
    /// The place of a column.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|known| known == name)
    }

    /// All of them.
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

/// One row.
pub struct Row<'a> {
    /// The line on which it begins, from 1.
    pub line: u64,
    columns: &'a Columns,
    record: &'a ByteRecord,
    charset: &'static Encoding,
}

impl Row<'_> {
    /// The value in the column at `index`, without blanks around it.
    ///
    /// # Errors
    /// [`ContactsError::Field`] for one that is empty, not in the charset, or holds what a reader cannot see.
    pub fn value(&self, index: usize) -> Result<String, ContactsError> {
        let bytes = self.record.get(index).unwrap_or_default();
        let text = self.charset.decode_without_bom_handling_and_without_replacement(bytes);
        let text =
            text.ok_or_else(|| self.wrong(index, tr!("it is not text in {charset}", charset = self.charset.name())))?;
        let text = text.trim().replace("\r\n", "\n");
        if text.is_empty() {
            return Err(self.wrong(index, tr!("it is empty")));
        }
        if escape(&text.replace('\n', " ")) != text.replace('\n', " ") {
            return Err(self.wrong(index, tr!("it has a control, bidirectional or invisible character")));
        }
        Ok(text)
    }

    /// An error about a value of it.
    pub fn wrong(&self, index: usize, what: String) -> ContactsError {
        ContactsError::Field { line: self.line, column: self.columns.0[index].clone(), what }
    }
}

/// Shows `begin` the columns, then `each` every row.
///
/// # Errors
/// [`OpsError::Contacts`]; those of `begin` and `each`.
pub fn read_contacts<S>(
    source: impl Read,
    charset: &'static Encoding,
    begin: impl FnOnce(&Columns) -> Result<S, OpsError>,
    mut each: impl FnMut(&mut S, &Row<'_>) -> Result<(), OpsError>,
) -> Result<S, OpsError> {
    let left = Rc::new(Cell::new(MAX_ROW + BUFFER));
    let rationed = Rationed { inner: source, left: left.clone() };
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        // Where 0x0d ends a row as well its lines are counted too late; as a part of the last value it is blank.
        .terminator(Terminator::Any(b'\n'))
        .buffer_capacity(BUFFER)
        .from_reader(rationed);
    let mut record = ByteRecord::new();
    let mut line = 1;
    let mut next = |record: &mut ByteRecord| -> Result<bool, ContactsError> {
        left.set(MAX_ROW + BUFFER);
        line = reader.position().line();
        let more = reader.read_byte_record(record).map_err(|e| wrong(e, line, left.get()))?;
        match record.as_slice().len() + record.len() > MAX_ROW {
            true => Err(ContactsError::Row { line, what: too_long() }),
            false => Ok(more),
        }
    };
    if !next(&mut record)? {
        return Err(ContactsError::Header(tr!("there is no table")).into());
    }
    let columns = columns(&record, charset)?;
    let mut state = begin(&columns)?;
    while next(&mut record)? {
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() == 1 && record[0].trim_ascii().is_empty() {
            continue;
        }
        if record.len() != columns.0.len() {
            let (n, columns) = (record.len(), columns.0.len());
            let what = tr!("it has {n} fields, and there are {columns} columns", n = n, columns = columns);
            return Err(ContactsError::Row { line, what }.into());
        }
        each(&mut state, &Row { line, columns: &columns, record: &record, charset })?;
    }
    Ok(state)
}

fn columns(record: &ByteRecord, charset: &'static Encoding) -> Result<Columns, ContactsError> {
    let wrong = |what: String| Err(ContactsError::Header(what));
    if record.len() > MAX_COLUMNS {
        return wrong(tr!("it has more than {columns} columns", columns = MAX_COLUMNS));
    }
    let mut names: Vec<String> = Vec::new();
    for field in record {
        let Some(name) = charset.decode_without_bom_handling_and_without_replacement(field) else {
            return wrong(tr!("it is not text in {charset}", charset = charset.name()));
        };
        let name = name.trim().to_owned();
        if !is_name(&name) {
            return wrong(tr!("\"{name}\" is not the name of a column", name = escape(&name)));
        }
        if names.contains(&name) {
            return wrong(tr!("two columns are named \"{name}\"", name = name));
        }
        names.push(name);
    }
    Ok(Columns(names))
}

fn too_long() -> String {
    tr!("it is longer than {bytes} bytes", bytes = MAX_ROW)
}

fn wrong(error: csv::Error, line: u64, left: usize) -> ContactsError {
    match error.into_kind() {
        ErrorKind::Io(_) if left == 0 => ContactsError::Row { line, what: too_long() },
        ErrorKind::Io(error) => ContactsError::Read(error),
        other => ContactsError::Row { line, what: escape(&format!("{other:?}")) },
    }
}

/// Ends a stream with an error where one row takes more than its share.
struct Rationed<R> {
    inner: R,
    left: Rc<Cell<usize>>,
}

impl<R: Read> Read for Rationed<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = self.left.get();
        if left == 0 {
            return Err(io::Error::other("a row is too long"));
        }
        let most = out.len().min(left);
        let n = self.inner.read(&mut out[..most])?;
        self.left.set(left - n);
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], charset: &'static Encoding) -> Result<Vec<String>, String> {
        let each = |values: &mut Vec<String>, row: &Row<'_>| {
            for index in 0..row.columns.0.len() {
                values.push(format!("{}:{}", row.line, row.value(index)?));
            }
            Ok(())
        };
        read_contacts(bytes, charset, |_| Ok(Vec::new()), each).map_err(|e| e.to_string())
    }

    #[test]
    fn rows_are_read_with_mark_quotes_and_other_charsets() {
        let utf8 = encoding_rs::UTF_8;
        let table = "\u{feff}name,address\r\n王芳,\"上海市\n静安区, 1 号\"\r\n\"a \"\"b\"\"\",=1+1\n";
        let found = ["2:王芳", "2:上海市\n静安区, 1 号", "4:a \"b\"", "4:=1+1"].map(str::to_owned);
        assert_eq!(read(table.as_bytes(), utf8), Ok(found.to_vec()));
        let (gb, _, _) = encoding_rs::GB18030.encode("姓名,地址\n王芳,沐阳\n");
        assert_eq!(read(&gb, encoding_rs::GB18030), Ok(vec!["2:王芳".into(), "2:沐阳".into()]));
        assert!(read(&gb, utf8).unwrap_err().contains("line 1: it is not text in UTF-8"));
    }

    #[test]
    fn what_is_wrong_is_told_with_line_and_column_and_without_the_value() {
        let read = |text: &str| read(text.as_bytes(), encoding_rs::UTF_8).unwrap_err();
        for (table, says) in [
            ("", "line 1: there is no table"),
            ("a,a\n", "line 1: two columns"),
            ("a,\n", "line 1: \"\" is not"),
            ("a,b\n1\n", "line 2: it has 1 fields, and there are 2 columns"),
            ("a,b\n1,2\n1, \n", "line 3, column b: it is empty"),
            ("a,b\r\n1,2\r\n\r\n1,\r\n", "line 4, column b: it is empty"),
            ("a,b\r\n1,2,3\r\n", "line 2: it has 3 fields"),
            ("a\nx\u{1b}[31m\n", "line 2, column a: it has a control"),
            ("a\nx\u{202e}\n", "line 2, column a: it has a control"),
        ] {
            assert!(read(table).contains(says), "{table:?}: {}", read(table));
        }
    }

    #[test]
    fn one_row_is_bounded_whatever_the_file_holds() {
        let endless = io::Cursor::new("a,b\n1,2\n").chain(io::repeat(b'x').take(10 << 30));
        let read = read_contacts(endless, encoding_rs::UTF_8, |_| Ok(()), |(), _| Ok(()));
        assert!(read.unwrap_err().to_string().ends_with("line 3: it is longer than 65536 bytes"));
        let long = format!("a\n{}\n{}\n", "y".repeat(MAX_ROW - 1), "y".repeat(MAX_ROW));
        let read = read_contacts(long.as_bytes(), encoding_rs::UTF_8, |_| Ok(()), |(), _| Ok(()));
        assert!(read.unwrap_err().to_string().ends_with("line 3: it is longer than 65536 bytes"));
        let many = format!("a\n{}", "x\n".repeat(200_000));
        let count = read_contacts(
            many.as_bytes(),
            encoding_rs::UTF_8,
            |_| Ok(0),
            |n, _| {
                *n += 1;
                Ok(())
            },
        );
        assert_eq!(count.unwrap(), 200_000);
    }
}
