//! `keepuntil status`.

use super::args::{Common, KeyringPlace};
use super::error::{Failure, tell_hint, tell_warning};
use super::{Done, home, notify, render};
use crate::language::{said, text};
use crate::ops::custody::Custody;
use crate::ops::disclosures::Summary;
use crate::ops::status::{Counts, Status, status};
use crate::retention::clock::Observed;
use clap::Args;
use tr::tr;

/// Say what is kept until when, and what should have been destroyed
#[derive(Args)]
#[command(after_help = "Exit code 3 means that something is overdue, or that the clock is not trusted.\n\n\
    Examples:\n  keepuntil status\n  keepuntil status --json | jq .overdue_count")]
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
        || status.awaiting_notice.late > 0
        || status.clock.distrust.is_some();
    Ok(if findings || warned { Done::Findings } else { Done::Clean })
}

/// Warns of a clock that is not as it should be; whether destruction is stopped by it.
pub fn warn(custody: &Custody) -> bool {
    match custody.observed() {
        Observed::Alarm | Observed::AlarmLasts => {
            let wall = render::time(custody.now().reading.wall);
            tell_warning(&tr!("the clock jumped to {time}, by more than 35 days", time = wall));
            tell_hint(&tr!(
                "set the clock right; if it is right, have somebody else say so: `keepuntil clock confirm --help`"
            ));
            true
        }
        Observed::FarBehind { seconds } | Observed::Behind { seconds } => {
            let days = (seconds / 86_400).unsigned_abs();
            tell_warning(&match days {
                0 => tr!("the clock is behind what it showed before, by less than a day"),
                days => tr!("the clock is behind what it showed before, by {n} day"
                    | "the clock is behind what it showed before, by {n} days" % days),
            });
            false
        }
        Observed::BudgetSpent => {
            tell_warning(&tr!("nobody else has confirmed the clock for so long that destruction waits for it"));
            tell_hint(&tr!("see `keepuntil clock confirm --help`"));
            false
        }
        Observed::Fine | Observed::AlarmClosed => false,
    }
}

type Count = fn(&Counts) -> u64;

const WORDS: [(&str, Count); 9] = [
    (text!("kept"), |c| c.kept),
    (text!("run out, not yet certain"), |c| c.run_out),
    (text!("due for review"), |c| c.review),
    (text!("due"), |c| c.due),
    (text!("scheduled"), |c| c.scheduled),
    (text!("held"), |c| c.held),
    (text!("awaiting an event"), |c| c.awaiting),
    (text!("permanent"), |c| c.permanent),
    (text!("destroyed"), |c| c.destroyed),
];

fn text(custody: &Custody, status: &Status) -> String {
    let mut text = format!("{}\n", crate::storage::show(custody.keyring().dir()));
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (word, count) in WORDS {
        let n = count(&status.all);
        if n > 0 {
            rows.push(vec![said(word).into_owned(), n.to_string()]);
        }
    }
    if rows.is_empty() {
        rows.push(vec![tr!("no records"), String::new()]);
    }
    text.push_str(&render::table(&rows, &[1]));
    if status.by_class.len() > 1 {
        let counts: Vec<_> = status.by_class.iter().map(|(class, c)| (render::class(*class), c)).collect();
        text.push('\n');
        text.push_str(&breakdown(tr!("class"), &counts));
    }
    if status.by_rule.len() > 1 || status.by_rule.keys().any(|rule| !rule.is_empty()) {
        let counts: Vec<_> = status.by_rule.iter().map(|(rule, c)| (rule_name(rule), c)).collect();
        text.push('\n');
        text.push_str(&breakdown(tr!("rule"), &counts));
    }
    text.push_str(&years(status));
    for (event, records) in &status.awaited {
        let waiting = tr!(
            "{n} record waiting for {event}" | "{n} records waiting for {event}" % *records,
            event = crate::retention::event::named(event)
        );
        text.push_str(&format!("\n  {waiting}\n"));
    }
    for cool_off in &status.cool_offs {
        let records = match cool_off.held {
            0 => render::record_count(cool_off.records),
            held if held == cool_off.records => tr!("{n} record, held" | "{n} records, held" % held),
            held => tr!(
                "{n} record, {held} of them held" | "{n} records, {held} of them held" % cool_off.records,
                held = held
            ),
        };
        // People signed a plan as a whole: one hold stops all of it.
        let staying = cool_off.held + cool_off.unnotified;
        let stopped = staying > 0 && (cool_off.planned || staying == cool_off.records);
        let when = match (cool_off.ready, stopped) {
            (false, _) => tr!("in its cool-off"),
            (true, true) => tr!("cannot be destroyed now"),
            (true, false) if staying > 0 => tr!("the others may be destroyed now"),
            (true, false) => tr!("may be destroyed now"),
        };
        let purge = tr!("purge {id}", id = hex::encode(cool_off.purge));
        let records = match cool_off.unnotified {
            0 => records,
            n => tr!("{records}, {n} without a notice of destruction that counts", records = records, n = n),
        };
        let day = cool_off.not_before;
        let line = tr!("{records}, {state} (from {day} on)", records = records, state = when, day = day);
        text.push_str(&format!("\n  {purge}\n    {line}\n"));
    }
    if status.holds > 0 {
        let holds = tr!(
            "{n} hold in force: `keepuntil hold list`" | "{n} holds in force: `keepuntil hold list`" % status.holds
        );
        text.push_str(&format!("\n  {holds}\n"));
    }
    text.push_str(&disclosures(&status.disclosures));
    text.push_str(&notices(status));
    let clock = &status.clock;
    let certain = clock.trusted_today;
    let behind = matches!(custody.observed(), Observed::Behind { .. } | Observed::FarBehind { .. });
    let date = match clock.unconfirmed_days {
        _ if behind => tr!(
            "certain date {day}; the clock is behind {time}, which it showed before",
            day = certain,
            time = render::time(clock.mark)
        ),
        0 => tr!("certain date {day}; the clock was confirmed today, or is new", day = certain),
        days => tr!(
            "certain date {day}; nobody else has confirmed the clock for {n} day"
                | "certain date {day}; nobody else has confirmed the clock for {n} days" % days,
            day = certain
        ),
    };
    text.push_str(&format!("\n  {date}\n"));
    if let Some(distrust) = &clock.distrust {
        text.push_str(&format!("  {}\n", tr!("nothing is destroyed: {why}", why = distrust)));
    }
    if status.overdue > 0 {
        text.push_str(&format!("\n  {}\n", tr!("OVERDUE: {n} record" | "OVERDUE: {n} records" % status.overdue)));
    }
    text
}

fn disclosures(of: &Summary) -> String {
    let mut text = String::new();
    if of.open_requests > 0 {
        let open = match of.slow_requests {
            0 => tr!("{n} request without an answer" | "{n} requests without an answer" % of.open_requests),
            slow => tr!(
                "{n} request without an answer, {slow} for more than 21 days"
                    | "{n} requests without an answer, {slow} for more than 21 days" % of.open_requests,
                slow = slow
            ),
        };
        text.push_str(&format!("\n  {open}\n"));
    }
    if of.overdue > 0 {
        let overdue = tr!("OVERDUE: what {n} grant handed over: `keepuntil disclosures`"
            | "OVERDUE: what {n} grants handed over: `keepuntil disclosures`" % of.overdue);
        text.push_str(&format!("\n  {overdue}\n"));
    }
    text
}

fn notices(status: &Status) -> String {
    let mut text = String::new();
    let mut line = |words: String| text.push_str(&format!("\n  {}", render::wrapped(&words, 2)));
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
    notify::why_they_stay(&status.unnotified).into_iter().for_each(&mut line);
    if status.unnotified_early > 0 {
        line(tr!("{n} record of an early purge stays: no notice of destruction counts for it, or its period runs"
            | "{n} records of early purges stay: no notice of destruction counts for them, or its period runs"
                % status.unnotified_early));
    }
    notify::what_to_send(&status.awaiting_notice, &status.unnotified).into_iter().for_each(&mut line);
    text
}

fn rule_name(rule: &str) -> String {
    if rule.is_empty() { tr!("(a date)") } else { rule.into() }
}

fn breakdown(title: String, counts: &[(String, &Counts)]) -> String {
    let mut rows = vec![vec![title, tr!("live"), tr!("due"), tr!("held"), tr!("destroyed")]];
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
    format!("\n  {}\n{}", tr!("may be destroyed from"), render::table(&rows, &[1]))
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
                "purge": hex::encode(c.purge), "record_count": c.records, "not_before": c.not_before,
                "ready": c.ready, "held_count": c.held, "unnotified_count": c.unnotified,
            })
        })
        .collect();
    serde_json::json!({
        "message_type": "status",
        "keyring": custody.keyring().config().keyring,
        "generation": custody.keyring().generation(),
        "states": counts(&status.all),
        "by_class": map(status.by_class.iter().map(|(class, c)| (class.as_str().to_owned(), c)).collect()),
        "by_rule": map(status.by_rule.iter().map(|(rule, c)| (rule.clone(), c)).collect()),
        "by_archive": map(status.by_archive.iter().map(|(id, c)| (hex::encode(id), c)).collect()),
        "ends_by_month": months,
        "awaited": status.awaited,
        "overdue_count": status.overdue,
        "scheduled_purges": cool_offs,
        "hold_count": status.holds,
        "disclosures": {
            "open_count": status.disclosures.open_requests, "slow_count": status.disclosures.slow_requests,
            "grant_count": status.disclosures.grants, "overdue_count": status.disclosures.overdue,
        },
        "notices": {
            "open_count": status.notices.open, "overdue_count": status.notices.overdue,
            "unnotified_count": status.unnotified.to_send() + status.unnotified.running,
            "early_unnotified_count": status.unnotified_early,
            "unnotified": status.unnotified, "destruction": status.awaiting_notice,
        },
        "clock": {
            "mark": status.clock.mark, "proved": status.clock.proved, "certain_date": status.clock.trusted_today,
            "unconfirmed_days": status.clock.unconfirmed_days, "distrust": status.clock.distrust,
        },
    })
}
