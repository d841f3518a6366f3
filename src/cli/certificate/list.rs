//! The destruction list (销毁清册) of a certificate: every record in a row, or grouped where they are many.

use super::words::NOT_RECORDED;
use crate::cli::render::class;
use crate::cli::report::columns;
use crate::cli::report::destroyed::{day_cells, notes, term_cells};
use crate::cli::report::rule_words::built_in_with_ids;
use crate::cli::sheet::{Block, Sheet, Table};
use crate::journal::certificate::{Certificate, DestroyedRecord};
use crate::retention::ranges::Ranges;
use chrono::NaiveDate;
use std::collections::BTreeMap;
use tr::tr;

/// Rows up to which every record has one of its own.
const MOST_ROWS: usize = 500;

/// Records of one archive that the same rules govern: archive, compartment, class, rules.
type Group<'a> = (&'a str, &'a str, String, Vec<&'a str>);

pub(super) fn write(sheet: &mut Sheet, c: &Certificate, archives: &BTreeMap<[u8; 16], String>) {
    sheet.heading(&tr!("Destruction list"));
    let mut groups: BTreeMap<Group, Vec<&DestroyedRecord>> = BTreeMap::new();
    for record in &c.records {
        let rules = record.rules.iter().map(String::as_str).collect();
        let key = (archives[&record.archive].as_str(), record.compartment.as_str(), class(record.class), rules);
        groups.entry(key).or_default().push(record);
    }
    let grouped = c.records.len() > MOST_ROWS;
    if grouped {
        sheet.paragraph(tr!(
            "The list is long, so record numbers are grouped; the file itself has every record in a row of its own."
        ));
    }
    let mut number = 0;
    for ((archive, compartment, class, rules), records) in groups {
        let rules = if rules.is_empty() { tr!("no rule: a date was set") } else { built_in_with_ids(rules) };
        sheet.blocks.push(Block::Subheading(tr!(
            "Archive {archive} · Compartment {compartment} ({class}) · Rules: {rules}",
            archive = archive,
            compartment = compartment,
            class = class,
            rules = rules
        )));
        if grouped {
            sheet.fields(group_fields(archive, &records));
        } else {
            sheet.blocks.push(Block::Table(table(archive, &records, &mut number)));
        }
    }
    notes(c, archives).into_iter().for_each(|note| sheet.paragraph(note));
}

fn table(archive: &str, records: &[&DestroyedRecord], number: &mut usize) -> Table {
    let head = vec![
        columns::number(),
        columns::volume(),
        columns::items(),
        columns::file_number(),
        columns::required(),
        columns::kept_for(),
        columns::last_day(),
        columns::destroyed(),
    ];
    let row = |record: &&DestroyedRecord| {
        *number += 1;
        let file_number = columns::file_number_cell(archive, record.record);
        let mut cells = vec![number.to_string(), archive.to_owned(), "1".to_owned(), file_number];
        cells.extend(term_cells(record));
        cells.extend(day_cells(record));
        cells
    };
    Table { head, rows: records.iter().map(row).collect(), right: vec![0, 2] }
}

/// What a list of texts, from least to most, comes to.
fn span(texts: impl IntoIterator<Item = String>) -> String {
    let mut texts: Vec<String> = texts.into_iter().collect();
    texts.dedup();
    match (texts.first(), texts.last()) {
        (Some(first), Some(last)) if first != last => [first.as_str(), last].join(" – "),
        (Some(one), _) => one.clone(),
        _ => NOT_RECORDED.to_owned(),
    }
}

fn group_fields(archive: &str, records: &[&DestroyedRecord]) -> Vec<(String, String)> {
    let mut untils: Vec<NaiveDate> = records.iter().filter_map(|record| record.until).collect();
    untils.sort_unstable();
    let mut terms: Vec<&DestroyedRecord> = records.to_vec();
    // Shortest first; those without a period before all.
    terms.sort_by_key(|record| (record.term.map(|term| term.period), record.until));
    let mut kept: Vec<&DestroyedRecord> = records.iter().copied().filter(|record| record.term.is_some()).collect();
    kept.sort_by_key(|record| std::cmp::Reverse(record.term.map(|term| term.from)));
    let numbers: Ranges = records.iter().map(|record| record.record).collect();
    let early = records.iter().any(|record| record.early);
    let of =
        |records: &[&DestroyedRecord], cell: usize| span(records.iter().map(|record| term_cells(record)[cell].clone()));
    vec![
        (columns::volume(), archive.to_owned()),
        (columns::items(), records.len().to_string()),
        // A comma that a line can break behind.
        (columns::record_number(), numbers.to_string().replace(',', ", ")),
        (columns::required(), of(&terms, 0)),
        (columns::kept_for(), of(&kept, 1)),
        (columns::last_day(), span(untils.iter().map(NaiveDate::to_string))),
        (columns::destroyed(), format!("{}{}", records[0].destroyed, if early { "*" } else { "" })),
    ]
}
