//! The destruction list (销毁清册) of a certificate: every record in a row, or grouped where they are many.

use super::words::{NOT_RECORDED, comma};
use crate::cli::render::class;
use crate::cli::report::record_words::kept;
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
    sheet.paragraph(tr!(
        "Names are not recorded here, since they die with the records; an inventory with names exists only if one was made \
         before the execution. Years are not recorded either. Items are record numbers; each counts as one volume. The \
         column “Keep until” names the last day of the retention."
    ));
    let mut groups: BTreeMap<Group, Vec<&DestroyedRecord>> = BTreeMap::new();
    for record in &c.records {
        let rules = record.rules.iter().map(String::as_str).collect();
        let key = (archives[&record.archive].as_str(), record.compartment.as_str(), class(record.class), rules);
        groups.entry(key).or_default().push(record);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    // By archive as they are numbered: as text, A10 would come before A2.
    groups.sort_by_key(|(_, records)| records[0].archive);
    let grouped = c.records.len() > MOST_ROWS;
    if grouped {
        sheet.paragraph(tr!(
            "The list is long, so record numbers are grouped; the file itself has every record in a row of its own."
        ));
    }
    let mut number = 0;
    for ((archive, compartment, class, rules), records) in groups {
        let rules = if rules.is_empty() { tr!("no rule: a date was set") } else { rules.join(&comma()) };
        sheet.blocks.push(Block::Subheading(tr!(
            "Archive {archive} · Compartment {compartment} ({class}) · Rules: {rules}",
            archive = archive,
            compartment = compartment,
            class = class,
            rules = rules
        )));
        if grouped {
            sheet.fields(group_fields(&records));
        } else {
            sheet.blocks.push(Block::Table(table(archive, &records, &mut number)));
        }
    }
    if c.records.iter().any(|record| record.early) {
        sheet.paragraph(tr!("* destroyed before its last day, as a ceiling rule allows"));
    }
}

fn table(archive: &str, records: &[&DestroyedRecord], number: &mut usize) -> Table {
    let head = vec![
        tr!("column" => "No."),
        tr!("column" => "Name"),
        tr!("column" => "Vol."),
        tr!("column" => "Item"),
        tr!("column" => "Years"),
        tr!("column" => "File no."),
        tr!("column" => "Keep until"),
        tr!("column" => "Kept for"),
        tr!("column" => "Destroyed"),
    ];
    let row = |record: &&DestroyedRecord| {
        *number += 1;
        vec![
            number.to_string(),
            NOT_RECORDED.to_owned(),
            archive.to_owned(),
            record.record.to_string(),
            NOT_RECORDED.to_owned(),
            format!("{archive}-{}", record.record),
            record.until.map_or(NOT_RECORDED.to_owned(), |until| until.to_string()),
            kept(record.kept_from, record.destroyed),
            format!("{}{}", record.destroyed, if record.early { "*" } else { "" }),
        ]
    };
    Table { head, rows: records.iter().map(row).collect(), right: vec![0, 3, 7] }
}

fn group_fields(records: &[&DestroyedRecord]) -> Vec<(String, String)> {
    let span = |mut texts: Vec<String>| {
        texts.dedup();
        match (texts.first(), texts.last()) {
            (Some(first), Some(last)) if first != last => [first.as_str(), last].join(" – "),
            (Some(one), _) => one.clone(),
            _ => NOT_RECORDED.to_owned(),
        }
    };
    let mut untils: Vec<NaiveDate> = records.iter().filter_map(|record| record.until).collect();
    untils.sort_unstable();
    let mut from: Vec<(NaiveDate, NaiveDate)> = records.iter().map(|r| (r.kept_from, r.destroyed)).collect();
    from.sort_unstable_by(|a, b| b.cmp(a));
    let numbers: Ranges = records.iter().map(|record| record.record).collect();
    let early = records.iter().any(|record| record.early);
    vec![
        (tr!("volumes" => "Records"), records.len().to_string()),
        // A comma that a line can break behind.
        (tr!("Record numbers"), numbers.to_string().replace(',', ", ")),
        (tr!("column" => "Keep until"), span(untils.iter().map(NaiveDate::to_string).collect())),
        (tr!("column" => "Kept for"), span(from.iter().map(|(from, to)| kept(*from, *to)).collect())),
        (tr!("column" => "Destroyed"), format!("{}{}", records[0].destroyed, if early { "*" } else { "" })),
    ]
}
