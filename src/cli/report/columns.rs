//! Columns that lists of records share (会计档案管理办法, articles 18, 25 and 26), and the notes below them.
//!
//! Invariant: a column has one name and one fact in every report and certificate. Spec: `spec/reports.md`, "Columns".

use super::record_words::NOTHING;
use crate::crypto::kdf::ArchiveId;
use crate::ops::report::inventory::Labelled;
use crate::ops::report::named::{ArchiveFacts, NamedArchives};
use crate::retention::period::Period;
use crate::retention::required::Required;
use chrono::NaiveDate;
use std::collections::BTreeMap;
use tr::tr;

/// 序号: the place in the list.
pub fn number() -> String {
    tr!("No.")
}

/// 名称: what the record is called in its label.
pub fn name() -> String {
    tr!("inventory" => "Name")
}

/// 档案编号: the archive's mark in the list and the record's number.
pub fn file_number() -> String {
    tr!("File no.")
}

/// What stands in it.
pub fn file_number_cell(mark: &str, record: u64) -> String {
    format!("{mark}-{record}")
}

/// The heads of [`spelled_numbers`].
pub fn spelled_number_heads() -> [String; 4] {
    [archive_id(), volume(), record_number(), file_number()]
}

/// Archive id, volume, record number and file number: for spreadsheets.
pub fn spelled_numbers(archive: &ArchiveId, mark: &str, record: u64) -> [String; 4] {
    [hex::encode(archive), mark.to_owned(), record.to_string(), file_number_cell(mark, record)]
}

/// 卷号: the archive's mark in the list.
pub fn volume() -> String {
    tr!("Volume")
}

/// 记录号: the record's number in its archive, as commands take it.
pub fn record_number() -> String {
    tr!("Record no.")
}

/// 档案包编号: the archive's whole id.
pub fn archive_id() -> String {
    tr!("Archive id")
}

/// 册数: one for each record.
pub fn items() -> String {
    tr!("Items")
}

/// 起止年度: the year of the date that the label has.
pub fn years() -> String {
    tr!("inventory" => "Years")
}

/// 件数: files in the record.
pub fn files() -> String {
    tr!("inventory" => "Files")
}

/// 规则: titles of rules.
pub fn rules() -> String {
    tr!("inventory" => "Rules")
}

/// 规则代号: ids of rules.
pub fn rule_ids() -> String {
    tr!("Rule ids")
}

/// 应保管期限: what the deciding term asks.
pub fn required() -> String {
    tr!("Retention")
}

/// 已保管期限: from the first day of that term on.
pub fn kept_for() -> String {
    tr!("Kept for")
}

/// 到期日: the last day.
pub fn last_day() -> String {
    tr!("Last day")
}

/// 销毁时间.
pub fn destroyed() -> String {
    tr!("Destroyed")
}

/// The heads of [`label_cells`].
pub fn label_heads() -> [String; 3] {
    [name(), years(), files()]
}

/// The heads of what spreadsheets have of a term, in words and in ISO 8601.
pub fn spelled_term_heads() -> [String; 6] {
    let (iso, kept_iso) = (tr!("Period (ISO 8601)"), tr!("Kept for (ISO 8601)"));
    [required(), iso, tr!("First day of the period"), kept_for(), kept_iso, last_day()]
}

/// How long something was kept, or that nobody can say.
pub fn kept_cell(kept: Option<Period>) -> String {
    kept.map_or(NOTHING.to_owned(), Period::words)
}

/// Retention, time kept and last day of a record that must be kept.
pub fn term_cells(required: &Required, kept: Option<Period>) -> [String; 3] {
    [required.words(), kept_cell(kept), last_day_cell(required.last)]
}

/// Retention, period, first day, time kept in words and as a period, last day: for spreadsheets.
pub fn spelled_terms(required: &Required, kept: Option<Period>) -> [String; 6] {
    let [words, kept_words, last] = term_cells(required, kept);
    let iso = |period: Option<Period>| period.map_or(NOTHING.to_owned(), |period| period.to_string());
    [words, iso(required.period), last_day_cell(required.start), kept_words, iso(kept), last]
}

/// The last day, where there is one.
pub fn last_day_cell(last: Option<NaiveDate>) -> String {
    last.map_or(NOTHING.to_owned(), |last| last.to_string())
}

/// Name, years, files.
pub fn label_cells(labelled: Option<&Labelled>) -> [String; 3] {
    match labelled {
        None => [NOTHING, NOTHING, NOTHING].map(str::to_owned),
        Some(label) => {
            let years = label.dated.map_or(NOTHING.to_owned(), |dated| dated.format("%Y").to_string());
            [label.name.clone(), years, label.files.to_string()]
        }
    }
}

/// From the first to the last year; one where they are the same.
pub fn years_cell(first: Option<NaiveDate>, last: Option<NaiveDate>) -> String {
    let year = |day: Option<NaiveDate>| day.map(|day| day.format("%Y").to_string());
    match (year(first), year(last)) {
        (Some(first), Some(last)) if first != last => [first, last].join("–"),
        (Some(one), _) => one,
        _ => NOTHING.to_owned(),
    }
}

/// What retention, time kept and last day are; `to` says up to which day it is counted.
pub fn about_terms(to: &str) -> String {
    tr!(
        "“Retention” is the period of the term that decides, by the rules and events that are recorded. “Kept for” counts whole years and months from the first day of that period, such as the first day after the fiscal year, to {to}; it is blank where the period has not begun or nobody said when it did. “Last day” is the last day of the retention: destruction may begin on the day after.",
        to = to
    )
}

/// Where periods come from that no archive told.
pub fn about_rules(archives: &[ArchiveFacts]) -> Option<String> {
    archives.iter().any(|facts| facts.file.is_none()).then(built_in_periods)
}

/// What is said where the archive's own rules were not read.
pub fn built_in_periods() -> String {
    tr!(
        "Where an archive's file was not named, periods of rules are those of the built-in rules; of a firm's own rules and of periods that the firm chose only the last day is known."
    )
}

/// What the columns of a label are, or why there are none.
pub fn about_labels(named: &NamedArchives, archives: &[ArchiveFacts]) -> Vec<String> {
    if !named.has_names() {
        return vec![if named.is_empty() {
            tr!(
                "Names, years and numbers of files stand only in the labels of the records, inside the archives. No archive file was named, so this list has none: name the archive and an identity."
            )
        } else {
            tr!(
                "Names, years and numbers of files stand only in the labels of the records. No identity was given that could open them, so this list has none: add -i FILE."
            )
        }];
    }
    let mut notes = vec![tr!(
        "“Years” is the year of the date that was given for the record when it was sealed. The label has one date, and does not say whether it was read from the papers or assumed, such as from the times of files: compare it with the records. “Files” is how many files are in the record."
    )];
    let is_closed = |facts: &ArchiveFacts| {
        facts.file.as_ref().is_none_or(|file| file.closed.as_ref().is_none_or(|closed| !closed.is_empty()))
    };
    if archives.iter().any(is_closed) {
        notes.push(tr!(
            "A dash stands where the archive's file was not named, where no identity that was given opens the compartment, or where the keys were destroyed."
        ));
    }
    notes
}

/// What the columns of numbers are, and which archive bears which mark.
pub fn about_numbers(marks: &BTreeMap<ArchiveId, String>) -> Vec<String> {
    let mut notes = vec![tr!(
        "“Volume” is the archive's mark, the beginning of its id, “File no.” that mark with the record's number in the archive, as commands take it. Each record counts as one item."
    )];
    if !marks.is_empty() {
        let each = marks.iter().map(|(id, mark)| format!("{mark} = {}", hex::encode(id)));
        notes.push(tr!("Archives: {marks}", marks = each.collect::<Vec<_>>().join(&tr!("; "))));
    }
    notes
}

/// What is said on every list with names.
pub fn outlives() -> String {
    tr!(
        "This list names records and outlives the records: what it names can no longer be read once they are destroyed. It is as confidential as they are. It is the firm's own paper, which no cryptographic erase reaches. Where Chinese rules on accounting archives apply, inventories, destruction lists and appraisals are kept permanently, handover lists for 30 years."
    )
}
