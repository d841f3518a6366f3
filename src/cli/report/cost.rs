//! `keepuntil report cost`.

use super::deliver::{begun, deliver, fields, list};
use super::record_words::joined_named;
use super::words;
use crate::cli::args::{Common, KeyringPlace};
use crate::cli::error::Failure;
use crate::cli::output::OutputArgs;
use crate::cli::sheet::{Bar, Block, Chart, Sheet, Table};
use crate::cli::{Done, home, render};
use crate::ops::report::archives;
use crate::ops::report::cost::{ArchiveCost, CostReport, Price, Undated, cost};
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;
use tr::tr;

/// What keeping costs: bytes for every year until the last record has run, and their price
#[derive(Args)]
#[command(
    after_help = "AMOUNT is a decimal such as 980 or 120.50, for 10^12 bytes and a year. Records that wait for an \
    event or are kept for ever are counted apart, each for one year.\n\nExamples:\n  \
    keepuntil report cost firm.sealed\n  \
    keepuntil report cost firm.sealed --price 980/TB-year \\\n    --currency CNY -o cost.html"
)]
pub struct CostArgs {
    /// Archives of the keyring whose bytes are counted
    #[arg(value_name = "ARCHIVE", required = true)]
    archives: Vec<PathBuf>,
    /// Price of a terabyte for a year; without it only bytes are counted
    #[arg(long, value_name = "AMOUNT/TB-year")]
    price: Option<String>,
    /// Currency of the price: three capital letters
    #[arg(long, value_name = "CODE", default_value = "CNY")]
    currency: String,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    keyring: KeyringPlace,
}

/// The report with what was asked on the command line.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    report: &'a CostReport,
    #[serde(rename = "price_given")]
    price: Option<&'a str>,
    currency: Option<&'a str>,
}

pub fn run(args: &CostArgs, common: Common) -> Result<Done, Failure> {
    let usage = |what: String| Failure::Usage(what, tr!("write --price 980.50 --currency CNY"));
    let price: Option<Price> = match &args.price {
        None => None,
        Some(text) => {
            let not_one = |()| usage(tr!("{text}: it is not a price", text = crate::storage::escape(text)));
            Some(text.parse().map_err(not_one)?)
        }
    };
    if args.currency.len() != 3 || !args.currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(usage(tr!("{text}: it is not a currency", text = crate::storage::escape(&args.currency))));
    }
    let custody = home::reading(&args.keyring)?;
    let mut archives = archives::open(&custody, &args.archives)?;
    let report = cost(&custody, &mut archives, price)?;
    let told = Told {
        report: &report,
        price: args.price.as_deref(),
        currency: args.price.as_ref().map(|_| args.currency.as_str()),
    };
    deliver("report_cost", &told, || sheet(&told), &args.output, common)?;
    home::remember(custody)?;
    Ok(Done::Clean)
}

fn sheet(told: &Told<'_>) -> Sheet<'static> {
    let report = told.report;
    let firm = String::new();
    let mut sheet = begun(&tr!("What keeping costs"), &firm, &report.keyring, report.made);
    let money = |amount: &Option<crate::ops::report::cost::Amount>| match (amount, told.currency) {
        (Some(amount), Some(code)) => tr!("{amount} {currency}", amount = amount, currency = currency(code)),
        _ => String::new(),
    };
    let price = match (told.price, told.currency) {
        (Some(price), Some(currency)) => tr!(
            "{price} {currency} for 10¹² bytes and a year",
            price = price.strip_suffix("/TB-year").unwrap_or(price),
            currency = self::currency(currency)
        ),
        _ => tr!("none was named: only bytes are counted"),
    };
    let years = |byte_days: u128| tr!("{n} byte-days", n = byte_days);
    fields(
        &mut sheet,
        vec![
            (tr!("Price"), price),
            (tr!("Sum, if every record's bytes are freed when its time has run"), years(report.freed.byte_days)),
            (tr!("Price of that"), money(&report.freed.price)),
            (tr!("Sum, if every file stays whole until its last dated record has run"), years(report.whole.byte_days)),
            (tr!("Price of that"), money(&report.whole.price)),
        ],
    );
    sheet.heading(&tr!("By year"));
    if report.years.is_empty() {
        sheet.paragraph(tr!("No record with a date is still to be kept."));
    } else {
        let bars = report.years.iter().map(|year| Bar {
            label: year.year.to_string(),
            parts: vec![year.bytes.saturating_sub(year.freed), year.freed],
            value: render::bytes(year.bytes),
        });
        let legend = vec![tr!("kept beyond the year"), tr!("time runs out in the year")];
        sheet.blocks.push(Block::Chart(Chart { legend, bars: bars.collect() }));
        let mut head = vec![tr!("cost" => "Year"), tr!("Records"), tr!("Bytes"), tr!("Run out")];
        if told.price.is_some() {
            head.extend([tr!("If freed"), tr!("If whole")]);
        }
        let amount = |amount: &Option<crate::ops::report::cost::Amount>| amount.map(|it| it.to_string());
        let rows = report.years.iter().map(|year| {
            let numbers = [year.records.to_string(), year.bytes.to_string(), year.freed.to_string()];
            let prices = [amount(&year.price), amount(&year.whole_price)].into_iter().flatten();
            std::iter::once(year.year.to_string()).chain(numbers).chain(prices).collect()
        });
        let right = (1..head.len()).collect();
        sheet.blocks.push(Block::Table(Table { rows: rows.collect(), head, right }));
        sheet.paragraph(tr!("Records and bytes are those at the beginning of the year, or today."));
    }
    sheet.heading(&tr!("Without a date: for each year that it is kept"));
    let undated = report.undated.iter().map(|it| undated(it, &money(&it.price_of_year)));
    list(&mut sheet, undated.collect(), tr!("Nothing."));
    sheet.heading(&tr!("Archives"));
    report.archives.iter().for_each(|it| archive(&mut sheet, it));
    if report.not_named > 0 {
        sheet.paragraph(tr!("{n} archive of the keyring was not named and is not counted."
            | "{n} archives of the keyring were not named and are not counted." % report.not_named));
    }
    sheet.heading(&tr!("How it is counted"));
    sheet.blocks.push(Block::List(vec![
        tr!("A record counts from today to its last day, both included: its bytes times its days. A year has 365 or 366."),
        tr!("The margin of the clock, review and cool-off come after the last day and are not counted; a hold may keep longer."),
        tr!("Bytes are freed only by keepuntil purge --reclaim, in every copy, where the file system takes holes back."),
        tr!("Amounts are exact; each is rounded once, where it is shown, to a hundredth, half a hundredth up. So the years may differ from their sum by hundredths."),
    ]));
    sheet
}

/// What a code of ISO 4217 means; the code itself where it is none of those that firms here most often name.
fn currency(code: &str) -> String {
    match code {
        "CNY" => tr!("currency" => "CNY"),
        "HKD" => tr!("currency" => "HKD"),
        "USD" => tr!("currency" => "USD"),
        "EUR" => tr!("currency" => "EUR"),
        "GBP" => tr!("currency" => "GBP"),
        other => other.to_owned(),
    }
}

fn undated(it: &Undated, price: &str) -> String {
    let (records, bytes) = (words::records(it.records), words::bytes(it.bytes));
    let what = match (it.why, &it.event) {
        ("awaiting", Some(event)) => {
            tr!(
                "waiting for {event}: {records}, {bytes}",
                event = joined_named(event),
                records = records,
                bytes = bytes
            )
        }
        ("permanent", _) => tr!("kept for ever: {records}, {bytes}", records = records, bytes = bytes),
        _ => tr!("headers, tree and preamble of the files: {bytes}", bytes = bytes),
    };
    if price.is_empty() { what } else { tr!("{what}, {price} a year", what = what, price = price) }
}

fn archive(sheet: &mut Sheet, it: &ArchiveCost) {
    sheet.blocks.push(Block::Subheading(it.path.clone()));
    let reclaim = match it.destroyed {
        0 => String::new(),
        _ if it.on_disk < it.bytes => {
            tr!(
                "the file takes {bytes} on this disk, less than it has: something was removed",
                bytes = words::bytes(it.on_disk)
            )
        }
        _ => tr!("the file takes {bytes} on this disk: nothing was removed yet", bytes = words::bytes(it.on_disk)),
    };
    fields(
        sheet,
        vec![
            (tr!("Archive"), it.archive.clone()),
            (tr!("Records"), it.records.to_string()),
            (tr!("File"), words::bytes(it.bytes)),
            (tr!("Live records"), words::bytes(it.live)),
            (tr!("Destroyed records"), words::bytes(it.destroyed)),
            (tr!("purge --reclaim"), reclaim),
            (tr!("Everything else"), words::bytes(it.other)),
            (tr!("Last day over, still to be destroyed"), words::bytes(it.run_out)),
            (tr!("Last day of its last dated record"), it.last.map_or_else(|| tr!("none"), |last| last.to_string())),
        ],
    );
}
