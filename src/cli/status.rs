//! `keepuntil status`.

use super::args::{Common, KeyringPlace};
use super::error::Failure;
use super::{Done, home, render};
use crate::ops::custody::Custody;
use crate::ops::disclosures::Summary;
use crate::ops::status::{Counts, Status, status};
use crate::retention::clock::Observed;
use clap::Args;
use tr::tr;

/// Say what is kept until when, and what should have been destroyed
#[derive(Args)]
#[command(after_help = "Exit code 3 means that something is overdue, or that the clock is not trusted.\n\n\
    Examples:\n  keepuntil status\n  keepuntil status --json | jq .overdue")]
pub struct StatusArgs {
    #[command(flatten)]
    pub keyring: KeyringPlace,
}

pub fn run(args: StatusArgs, common: Common) -> Result<Done, Failure> {
    let custody = home::reading(&args.keyring)?;
    let status = status(&custody)?;
    if common.json {
        render::json_line(&json(&custody, &status));
    } else {
        render::print(&text(&custody, &status))?;
    }
    let warned = warn(&custody);
    home::remember(custody)?;
    let findings = status.overdue > 0
        || status.disclosures.overdue > 0
        || status.notices.overdue > 0
        || status.clock.distrust.is_some();
    Ok(if findings || warned { Done::Findings } else { Done::Clean })
}

/// Warns of a clock that is not as it should be; whether destruction is stopped by it.
pub fn warn(custody: &Custody) -> bool {
    match custody.observed() {
        Observed::Alarm | Observed::AlarmLasts => {
            let wall = custody.now().reading.wall.format("%F %T UTC");
            eprintln!("keepuntil: warning: the clock jumped to {wall}, by more than 35 days");
            eprintln!(
                "keepuntil: hint: set the clock right; if it is right, have somebody else say so: `keepuntil clock confirm --help`"
            );
            true
        }
        Observed::FarBehind { seconds } | Observed::Behind { seconds } => {
            let days = seconds / 86_400;
            eprintln!("keepuntil: warning: the clock is behind what it showed before, by {}", days_words(days));
            false
        }
        Observed::BudgetSpent => {
            eprintln!(
                "keepuntil: warning: nobody else has confirmed the clock for so long that destruction waits for it"
            );
            eprintln!("keepuntil: hint: see `keepuntil clock confirm --help`");
            false
        }
        Observed::Fine | Observed::AlarmClosed => false,
    }
}

fn days_words(days: i64) -> String {
    if days == 0 { "less than a day".into() } else { render::count(days.unsigned_abs(), "day") }
}

type Count = fn(&Counts) -> u64;

const WORDS: [(&str, Count); 9] = [
    ("kept", |c| c.kept),
    ("run out, not yet certain", |c| c.run_out),
    ("due for review", |c| c.review),
    ("due", |c| c.due),
    ("scheduled", |c| c.scheduled),
    ("held", |c| c.held),
    ("awaiting an event", |c| c.awaiting),
    ("permanent", |c| c.permanent),
    ("destroyed", |c| c.destroyed),
];

fn text(custody: &Custody, status: &Status) -> String {
    let mut text = format!("{}\n", crate::storage::show(custody.keyring().dir()));
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (word, count) in WORDS {
        let n = count(&status.all);
        if n > 0 {
            rows.push(vec![word.into(), n.to_string()]);
        }
    }
    if rows.is_empty() {
        rows.push(vec!["no records".into(), String::new()]);
    }
    text.push_str(&render::table(&rows, &[1]));
    for (title, counts) in [
        ("class", status.by_class.iter().map(|(class, c)| (class.as_str().to_owned(), c)).collect::<Vec<_>>()),
        ("rule", status.by_rule.iter().map(|(rule, c)| (rule_name(rule), c)).collect()),
    ] {
        if counts.len() > 1 || counts.iter().any(|(name, _)| name != "(a date)" && title == "rule") {
            text.push('\n');
            text.push_str(&breakdown(title, &counts));
        }
    }
    text.push_str(&years(status));
    for (event, records) in &status.awaited {
        text.push_str(&format!("\n  {} for {event}\n", render::count(*records, "record") + " waiting"));
    }
    for cool_off in &status.cool_offs {
        let n = render::count(cool_off.records, "record");
        let id = hex::encode(cool_off.purge);
        let held = match cool_off.held {
            0 => String::new(),
            held if held == cool_off.records => ", held".into(),
            held => format!(", {held} of them held"),
        };
        // People signed a plan as a whole: one hold stops all of it.
        let stopped = cool_off.held > 0 && (cool_off.planned || cool_off.held == cool_off.records);
        let when = match (cool_off.ready, stopped) {
            (false, _) => "in its cool-off",
            (true, true) => "cannot be destroyed now",
            (true, false) if cool_off.held > 0 => "the others may be destroyed now",
            (true, false) => "may be destroyed now",
        };
        text.push_str(&format!("\n  purge {id}\n    {n}{held}, {when} (from {} on)\n", cool_off.not_before));
    }
    if status.holds > 0 {
        text.push_str(&format!("\n  {} in force: `keepuntil hold list`\n", render::count(status.holds, "hold")));
    }
    text.push_str(&disclosures(&status.disclosures));
    text.push_str(&notices(status));
    let clock = &status.clock;
    text.push_str(&format!("\n  certain date {}; ", clock.trusted_today));
    let behind = matches!(custody.observed(), Observed::Behind { .. } | Observed::FarBehind { .. });
    text.push_str(&match clock.unconfirmed_days {
        _ if behind => format!("the clock is behind {}, which it showed before\n", clock.mark.format("%F %T UTC")),
        0 => "the clock was confirmed today, or is new\n".to_owned(),
        days => format!("nobody else has confirmed the clock for {}\n", render::count(days as u64, "day")),
    });
    if let Some(distrust) = &clock.distrust {
        text.push_str(&format!("  nothing is destroyed: {distrust}\n"));
    }
    if status.overdue > 0 {
        text.push_str(&format!("\n  OVERDUE: {}\n", render::count(status.overdue, "record")));
    }
    text
}

fn disclosures(of: &Summary) -> String {
    let mut text = String::new();
    if of.open_requests > 0 {
        let slow =
            if of.slow_requests > 0 { format!(", {} for more than 21 days", of.slow_requests) } else { String::new() };
        text.push_str(&format!("\n  {} without an answer{slow}\n", render::count(of.open_requests, "request")));
    }
    if of.overdue > 0 {
        let n = render::count(of.overdue, "grant");
        text.push_str(&format!("\n  OVERDUE: what {n} handed over: `keepuntil disclosures`\n"));
    }
    text
}

fn notices(status: &Status) -> String {
    let mut text = String::new();
    let mut line = |words: String| text.push_str(&format!("\n  {words}\n"));
    let of = status.notices;
    if of.open > of.overdue {
        let n = of.open - of.overdue;
        line(tr!("{n} person waits for an answer: `keepuntil notice due`"
            | "{n} people wait for an answer: `keepuntil notice due`" % n));
    }
    if of.overdue > 0 {
        line(tr!(
            "OVERDUE: {n} answer: `keepuntil notice due`" | "OVERDUE: {n} answers: `keepuntil notice due`" % of.overdue
        ));
    }
    if status.unnotified > 0 {
        line(tr!("{n} due record stays: notice of destruction not sent early enough"
            | "{n} due records stay: notice of destruction not sent early enough" % status.unnotified));
    }
    text
}

fn rule_name(rule: &str) -> String {
    if rule.is_empty() { "(a date)".into() } else { rule.into() }
}

fn breakdown(title: &str, counts: &[(String, &Counts)]) -> String {
    let mut rows = vec![[title, "live", "due", "held", "destroyed"].map(str::to_owned).to_vec()];
    for (name, c) in counts {
        let due = c.due + c.review + c.scheduled;
        let numbers = [c.live(), due, c.held, c.destroyed].map(|n| n.to_string());
        rows.push([vec![name.clone()], numbers.to_vec()].concat());
    }
    render::table(&rows, &[1, 2, 3, 4])
}

/// A picture of how much falls due in each year.
fn years(status: &Status) -> String {
    const BAR: u64 = 44;
    let mut years = std::collections::BTreeMap::<i32, u64>::new();
    for ((year, _), records) in &status.by_month {
        *years.entry(*year).or_default() += records;
    }
    let Some(most) = years.values().max().copied() else { return String::new() };
    let mut rows = Vec::new();
    for (year, records) in years {
        // Every year with records has at least one mark.
        let length = (records * BAR).div_ceil(most);
        rows.push(vec![year.to_string(), records.to_string(), "█".repeat(length as usize)]);
    }
    format!("\n  falls due in\n{}", render::table(&rows, &[1]))
}

fn json(custody: &Custody, status: &Status) -> serde_json::Value {
    let counts = |c: &Counts| {
        serde_json::json!({
            "live": c.live(), "kept": c.kept, "run_out": c.run_out, "due": c.due, "due_for_review": c.review,
            "scheduled": c.scheduled, "held": c.held, "awaiting": c.awaiting, "permanent": c.permanent,
            "destroyed": c.destroyed,
        })
    };
    let map = |named: Vec<(String, &Counts)>| -> serde_json::Map<String, serde_json::Value> {
        named.into_iter().map(|(name, c)| (name, counts(c))).collect()
    };
    let months: serde_json::Map<_, _> =
        status.by_month.iter().map(|((year, month), n)| (format!("{year:04}-{month:02}"), (*n).into())).collect();
    let cool_offs: Vec<_> = status
        .cool_offs
        .iter()
        .map(|c| {
            serde_json::json!({
                "purge": hex::encode(c.purge), "records": c.records, "not_before": c.not_before, "ready": c.ready,
                "held": c.held,
            })
        })
        .collect();
    serde_json::json!({
        "message_type": "status",
        "keyring": custody.keyring().config().keyring,
        "generation": custody.keyring().generation(),
        "records": counts(&status.all),
        "by_class": map(status.by_class.iter().map(|(class, c)| (class.as_str().to_owned(), c)).collect()),
        "by_rule": map(status.by_rule.iter().map(|(rule, c)| (rule.clone(), c)).collect()),
        "by_archive": map(status.by_archive.iter().map(|(id, c)| (hex::encode(id), c)).collect()),
        "by_month": months,
        "awaited": status.awaited,
        "overdue": status.overdue,
        "scheduled": cool_offs,
        "holds": status.holds,
        "disclosures": {
            "open_requests": status.disclosures.open_requests, "slow_requests": status.disclosures.slow_requests,
            "grants": status.disclosures.grants, "overdue": status.disclosures.overdue,
        },
        "notices": {
            "open": status.notices.open, "overdue": status.notices.overdue, "unnotified_records": status.unnotified,
        },
        "clock": {
            "mark": status.clock.mark, "proved": status.clock.proved, "certain_date": status.clock.trusted_today,
            "unconfirmed_days": status.clock.unconfirmed_days, "distrust": status.clock.distrust,
        },
    })
}
