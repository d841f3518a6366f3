//! `keepuntil report calendar`.

use super::calendar_file;
use super::record_words::{NOTHING, joined_named};
use super::rule_words::RuleWords;
use crate::cli::args::{Common, KeyringPlace};
use crate::cli::error::{Failure, tell_warning};
use crate::cli::output::{OutputArgs, to_file};
use crate::cli::render::class;
use crate::cli::sheet::{Bar, Block, Chart, Sheet, Table};
use crate::cli::{Done, home, render};
use crate::language::language;
use crate::ops::report::calendar::{Calendar, Division, Sum, calendar};
use crate::ops::report::named::NamedArchives;
use crate::retention::{Class, parse_date};
use crate::storage::output::OutputFile;
use chrono::{Datelike, NaiveDate};
use clap::{Args, ValueEnum};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use tr::tr;

/// The retention calendar: how many records may be destroyed from when on
#[derive(Args)]
#[command(
    after_help = "Archive files that are named add their records' bytes; no identity is needed. With --ics it also writes a \
    calendar file, which names no record, with a day for each date on which records may be destroyed or must be reviewed, and for each last day to send a notice of \
    destruction.\n\n\
    Examples:\n  keepuntil report calendar\n  keepuntil report calendar firm.sealed -o calendar.html --lang zh\n  \
    keepuntil report calendar --by month --stack rule --from 2036-01-01\n  \
    keepuntil report calendar --ics calendar.ics"
)]
pub struct CalendarArgs {
    /// Archive files, for the bytes of their records
    #[arg(value_name = "ARCHIVE")]
    archive: Vec<PathBuf>,
    /// Length of a row
    #[arg(long, value_name = "UNIT", default_value = "year")]
    by: Unit,
    /// What the bars are divided by
    #[arg(long, value_name = "WHAT", default_value = "class")]
    stack: Stack,
    /// Only records that may be destroyed from this day on or later
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    /// Only records that may be destroyed from this day on or earlier
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    /// Also write the days to FILE, for calendar programs
    #[arg(long, value_name = "FILE")]
    ics: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    keyring: KeyringPlace,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Unit {
    Year,
    Month,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Stack {
    Class,
    Rule,
}

/// Parts of a bar that are told apart; what is left is one more.
const PARTS: usize = 4;

/// Rows of a chart up to which those without records stand between the others.
const GAPLESS: usize = 120;

pub fn run(args: &CalendarArgs, common: Common) -> Result<Done, Failure> {
    let [from, until] = [&args.from, &args.until].map(|day| day.as_deref().map(parse_date).transpose());
    let (from, until) = (from?, until?);
    if let (Some(from), Some(until)) = (from, until)
        && from > until
    {
        return Err(Failure::Usage(
            tr!("--from {from} is later than --until {until}", from = from, until = until),
            tr!("name the earlier day first: --from 2036-01-01 --until 2038-12-31"),
        ));
    }
    if let Some(path) = &args.ics {
        // Known before anything is printed whether it can be written.
        drop(OutputFile::begin(path, 0o600, args.output.force)?);
    }
    let mut custody = home::reading(&args.keyring)?;
    let mut named = NamedArchives::open(&mut custody, &args.archive, None)?;
    let division = match args.stack {
        Stack::Class => Division::Class,
        Stack::Rule => Division::Rule,
    };
    let calendar = calendar(&mut custody, &mut named, division)?;
    let periods = Periods::of(&calendar.within(from, until), args.by);
    let letters = calendar.letters_within(from, until);
    let today = custody.now().today();
    if args.output.wants_plain_sheet(common)? {
        args.output.write(sheet(args, &calendar, &periods, &letters, (from, until), today), common)?;
    }
    if common.json {
        json(args, &calendar, &periods, &letters, today);
    }
    if let Some(path) = &args.ics {
        let days = calendar.within(from, until);
        let file = calendar_file::text(&days, &letters, &custody.keyring_id(), today, custody.now().reading.wall);
        to_file(path, args.output.force, common, |out| out.write_all(file.text.as_bytes()).map_err(Failure::Output))?;
        if file.left_out > 0 {
            tell_warning(&tr!("{n} later day is not in the calendar file: it would be too long"
                | "{n} later days are not in the calendar file: it would be too long" % file.left_out));
        }
    }
    home::remember(custody)?;
    Ok(Done::Clean)
}

/// Records by year or month.
struct Periods {
    rows: BTreeMap<(i32, u32), BTreeMap<String, Sum>>,
    /// The parts with most records, most first.
    parts: Vec<String>,
    /// Whether there are others.
    others: bool,
    unit: Unit,
}

impl Periods {
    fn of(days: &BTreeMap<NaiveDate, BTreeMap<String, Sum>>, unit: Unit) -> Self {
        let mut rows: BTreeMap<(i32, u32), BTreeMap<String, Sum>> = BTreeMap::new();
        let mut by_part: BTreeMap<&String, u64> = BTreeMap::new();
        for (day, parts) in days {
            let period = (day.year(), if unit == Unit::Month { day.month() } else { 1 });
            for (part, sum) in parts {
                rows.entry(period).or_default().entry(part.clone()).or_default().add(*sum);
                *by_part.entry(part).or_default() += sum.records;
            }
        }
        let mut parts: Vec<(&String, u64)> = by_part.into_iter().collect();
        parts.sort_by_key(|(part, records)| (std::cmp::Reverse(*records), (*part).clone()));
        let others = parts.len() > PARTS;
        let parts = parts.into_iter().take(PARTS).map(|(part, _)| part.clone()).collect();
        Self { rows, parts, others, unit }
    }

    /// The same with the rows between that have no records, unless there would be very many.
    fn gapless(&self) -> Vec<((i32, u32), Sum, Vec<u64>)> {
        let mut keys: BTreeSet<(i32, u32)> = self.rows.keys().copied().collect();
        if let (Some(first), Some(last)) = (keys.first().copied(), keys.last().copied()) {
            let next = |(year, month): (i32, u32)| match self.unit {
                Unit::Month if month < 12 => (year, month + 1),
                _ => (year + 1, 1),
            };
            let between = std::iter::successors(Some(first), |at| Some(next(*at)));
            let between: Vec<_> = between.take_while(|at| *at <= last).take(GAPLESS + 1).collect();
            if between.len() <= GAPLESS {
                keys.extend(between);
            }
        }
        let row = |key: (i32, u32)| {
            let mut sum = Sum::default();
            let mut parts = vec![0; self.parts.len() + usize::from(self.others)];
            for (part, of_part) in self.rows.get(&key).into_iter().flatten() {
                sum.add(*of_part);
                let at = self.parts.iter().position(|named| named == part).unwrap_or(self.parts.len());
                parts[at] += of_part.records;
            }
            (key, sum, parts)
        };
        keys.into_iter().map(row).collect()
    }

    fn label(&self, (year, month): (i32, u32)) -> String {
        match self.unit {
            Unit::Year => year.to_string(),
            Unit::Month => format!("{year}-{month:02}"),
        }
    }
}

/// Sums by day and part.
type Days = BTreeMap<NaiveDate, BTreeMap<String, Sum>>;

fn json(args: &CalendarArgs, calendar: &Calendar, periods: &Periods, letters: &Days, today: NaiveDate) {
    let (by, stack) = (
        if args.by == Unit::Month { "month" } else { "year" },
        if args.stack == Stack::Rule { "rule" } else { "class" },
    );
    render::json_line(&serde_json::json!({
        "message_type": "report_calendar",
        "date": today,
        "by": by,
        "stack": stack,
        "from_day": args.from,
        "until": args.until,
        "archive_count": calendar.archives,
        "measured_count": calendar.measured,
    }));
    for (key, parts) in &periods.rows {
        let mut object = serde_json::json!(Sum::over(parts.values()));
        object["message_type"] = "report_period".into();
        object["of"] = periods.label(*key).into();
        object["parts"] = parts.iter().map(|(part, sum)| (part.clone(), serde_json::json!(sum.records))).collect();
        render::json_line(&object);
    }
    for (day, parts) in letters {
        let sum = Sum::over(parts.values());
        render::json_line(&serde_json::json!({
            "message_type": "report_notice", "send_by": day, "late": *day < today,
            "record_count": sum.records, "void_count": sum.notice_void,
        }));
    }
    render::json_line(&serde_json::json!({
        "message_type": "report_calendar_summary",
        "count": periods.rows.len() + letters.len(),
        "live_sum": calendar.live,
        "awaiting_sums": calendar.awaiting,
        "permanent_sum": calendar.permanent,
    }));
}

fn sheet(
    args: &CalendarArgs,
    calendar: &Calendar,
    periods: &Periods,
    letters: &Days,
    (from, until): (Option<NaiveDate>, Option<NaiveDate>),
    today: NaiveDate,
) -> Sheet<'static> {
    let mut sheet = Sheet::new(language(), &tr!("Retention calendar"));
    let mut fields = vec![
        (tr!("Date of this calendar"), today.to_string()),
        (tr!("Records whose keys are there"), calendar.live.records.to_string()),
        (tr!("Of these with a last day"), dated(calendar).records.to_string()),
        (tr!("Of these waiting for an event"), awaiting(calendar).records.to_string()),
        (tr!("Of these kept for ever"), calendar.permanent.records.to_string()),
        (tr!("Held now, among all of them"), calendar.live.held.to_string()),
    ];
    if from.is_some() || until.is_some() {
        let day = |day: Option<NaiveDate>| day.map_or("…".to_owned(), |day| day.to_string());
        fields.push((tr!("Window of first days"), format!("{} – {}", day(from), day(until))));
    }
    if calendar.measured > 0 {
        let known = tr!("{known} of {all}", known = calendar.measured, all = calendar.archives);
        fields.push((tr!("Archives whose bytes are counted"), known));
    }
    sheet.blocks.push(Block::Fields(fields));
    sheet.heading(&tr!("First days on which records may be destroyed"));
    sheet.paragraph(tr!(
        "By the rules and events that are recorded now. A hold stops destruction whatever the day, and where a rule asks for it people review first."
    ));
    let rows = periods.gapless();
    if rows.is_empty() {
        sheet.paragraph(tr!("No record has such a day."));
    } else {
        sheet.blocks.push(Block::Chart(chart(args, periods, &rows)));
        sheet.blocks.push(Block::Table(table(calendar, periods, &rows)));
    }
    notices(&mut sheet, args, letters, today);
    if !calendar.awaiting.is_empty() {
        sheet.heading(&tr!("Records that wait for an event"));
        let head = vec![tr!("Events"), tr!("inventory" => "Records"), tr!("Held")];
        let row =
            |(events, sum): (&String, &Sum)| vec![joined_named(events), sum.records.to_string(), sum.held.to_string()];
        let rows = calendar.awaiting.iter().map(row).collect();
        sheet.blocks.push(Block::Table(Table { head, rows, right: vec![1, 2] }));
    }
    sheet
}

/// The letters that have to go out first: by the last day on which they can.
fn notices(sheet: &mut Sheet<'_>, args: &CalendarArgs, letters: &Days, today: NaiveDate) {
    if letters.is_empty() {
        return;
    }
    sheet.heading(&tr!("Last days to send the notice of destruction"));
    sheet.paragraph(tr!(
        "Rules of these records ask that those concerned are told first. Sent later than on these days, the notice keeps them longer than their time."
    ));
    let periods = Periods::of(letters, args.by);
    let rows = periods.gapless();
    sheet.blocks.push(Block::Chart(chart(args, &periods, &rows)));
    let head = vec![
        if args.by == Unit::Year { tr!("Year") } else { tr!("Month") },
        tr!("The first to be sent by"),
        tr!("inventory" => "Records"),
        tr!("Of these late"),
        tr!("Sent before, now void"),
    ];
    let mut table = Vec::new();
    for (key, sum, _) in rows.iter().filter(|(_, sum, _)| sum.records > 0) {
        let inside = |day: &NaiveDate| day.year() == key.0 && (args.by == Unit::Year || day.month() == key.1);
        let days = || letters.iter().filter(|(day, _)| inside(day));
        let late = Sum::over(days().filter(|(day, _)| **day < today).flat_map(|(_, parts)| parts.values())).records;
        let first = days().next().map_or_else(String::new, |(day, _)| day.to_string());
        table.push(vec![
            periods.label(*key),
            first,
            sum.records.to_string(),
            late.to_string(),
            sum.notice_void.to_string(),
        ]);
    }
    sheet.blocks.push(Block::Table(Table { head, rows: table, right: vec![2, 3, 4] }));
}

fn dated(calendar: &Calendar) -> Sum {
    Sum::over(calendar.days.values().flat_map(BTreeMap::values))
}

fn awaiting(calendar: &Calendar) -> Sum {
    Sum::over(calendar.awaiting.values())
}

fn chart(args: &CalendarArgs, periods: &Periods, rows: &[((i32, u32), Sum, Vec<u64>)]) -> Chart {
    let mut legend: Vec<String> = periods.parts.iter().map(|part| part_words(args.stack, part)).collect();
    if periods.others {
        legend.push(tr!("others"));
    }
    let bar = |(key, sum, parts): &((i32, u32), Sum, Vec<u64>)| Bar {
        label: periods.label(*key),
        parts: parts.clone(),
        value: sum.records.to_string(),
    };
    Chart { legend, bars: rows.iter().map(bar).collect() }
}

fn part_words(stack: Stack, part: &str) -> String {
    match stack {
        Stack::Class => [Class::Public, Class::Sensitive, Class::Confidential]
            .into_iter()
            .find(|of| of.as_str() == part)
            .map_or(NOTHING.to_owned(), class),
        Stack::Rule if part.is_empty() => tr!("a date without a rule"),
        Stack::Rule => RuleWords::default().titles(&[0; 16], &[part.to_owned()]),
    }
}

fn table(calendar: &Calendar, periods: &Periods, rows: &[((i32, u32), Sum, Vec<u64>)]) -> Table {
    let mut head = vec![
        if periods.unit == Unit::Year { tr!("Year") } else { tr!("Month") },
        tr!("inventory" => "Records"),
        tr!("To review"),
        tr!("Held"),
    ];
    let asks = rows.iter().any(|(_, sum, _)| sum.to_notify + sum.notice_running > 0);
    if asks {
        head.extend([tr!("Notice to send"), tr!("Notice runs")]);
    }
    let measured = calendar.measured > 0;
    if measured {
        head.push(tr!("inventory" => "Bytes"));
    }
    let cells = |label: String, sum: &Sum| {
        let mut cells = vec![label, sum.records.to_string(), sum.review.to_string(), sum.held.to_string()];
        if asks {
            cells.extend([sum.to_notify.to_string(), sum.notice_running.to_string()]);
        }
        if measured {
            // None of these records lies in an archive that was named.
            let unknown = sum.bytes == 0 && sum.records > 0;
            cells.push(if unknown { NOTHING.to_owned() } else { render::bytes(sum.bytes) });
        }
        cells
    };
    let mut all = Sum::default();
    let mut table = Vec::new();
    for (key, sum, _) in rows.iter().filter(|(_, sum, _)| sum.records > 0) {
        all.add(*sum);
        table.push(cells(periods.label(*key), sum));
    }
    table.push(cells(tr!("Total"), &all));
    Table { head, rows: table, right: (1..=6).collect() }
}
