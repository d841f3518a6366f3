//! The inventory with names (名称): made before a destruction, by choice, and meant to outlive the records.
//!
//! It is written where the caller says and nowhere else; no certificate, journal or keyring holds it.

use super::words::NOT_RECORDED;
use crate::cli::render::time;
use crate::cli::report::archive_facts::short_names;
use crate::cli::report::columns;
use crate::cli::report::rule_words::built_in_with_ids;
use crate::cli::sheet::{Block, LongTable, RowSink, Sheet, Table, csv};
use crate::crypto::kdf::ArchiveId;
use crate::language::{Language, in_language};
use chrono::{DateTime, NaiveDate, Utc};
use tr::tr;

/// A record by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedRecord {
    /// Its archive.
    pub archive: ArchiveId,
    /// Its number.
    pub record: u64,
    /// Its name, as in the label.
    pub name: String,
    /// Years that it covers, where they are known.
    pub years: Option<String>,
    /// Files in it.
    pub files: u64,
    /// Ids of its rules.
    pub rules: Vec<String>,
    /// The last day of its retention.
    pub until: Option<NaiveDate>,
}

/// What is to be destroyed, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameInventory {
    /// When it was made.
    pub made: DateTime<Utc>,
    /// The records, in the order in which they are listed.
    pub records: Vec<NamedRecord>,
}

impl NameInventory {
    /// As CSV for spreadsheets: UTF-8 with a byte order mark, CRLF, the warning in the first line.
    pub fn to_csv(&self, language: Language) -> Vec<u8> {
        in_language(language, || {
            let Table { head, rows, right } = self.table();
            let rows = Box::new(|sink: &mut RowSink| rows.into_iter().try_for_each(sink));
            let mut out = Vec::new();
            let written = csv::write(LongTable { head, right, rows }, Some(&columns::outlives()), &mut out);
            assert!(written.is_ok(), "memory takes all rows");
            out
        })
    }

    /// As one HTML file that prints on A4.
    pub fn to_html(&self, language: Language) -> String {
        in_language(language, || {
            let mut sheet = Sheet::new(language, &tr!("Inventory with names, for a destruction"));
            sheet.blocks.push(Block::Warning(columns::outlives()));
            let (made, records) = (time(self.made), self.records.len().to_string());
            sheet.fields(vec![(tr!("Made (UTC)"), made), (columns::items(), records)]);
            sheet.blocks.push(Block::Table(self.table()));
            sheet.html()
        })
    }

    fn table(&self) -> Table {
        let head = vec![
            columns::number(),
            columns::name(),
            columns::archive_id(),
            columns::volume(),
            columns::record_number(),
            columns::file_number(),
            columns::years(),
            columns::files(),
            columns::rules(),
            columns::last_day(),
        ];
        let short = short_names(self.records.iter().map(|record| record.archive));
        let row = |(index, record): (usize, &NamedRecord)| {
            let or_dash = |value: Option<String>| value.unwrap_or_else(|| NOT_RECORDED.to_owned());
            let [archive, volume, number, file_number] =
                columns::spelled_numbers(&record.archive, &short[&record.archive], record.record);
            vec![
                (index + 1).to_string(),
                record.name.clone(),
                archive,
                volume,
                number,
                file_number,
                or_dash(record.years.clone()),
                record.files.to_string(),
                built_in_with_ids(record.rules.iter().map(String::as_str)),
                or_dash(record.until.map(|until| until.to_string())),
            ]
        };
        let rows = self.records.iter().enumerate().map(row).collect();
        Table { head, rows, right: vec![0, 4, 7] }
    }
}
