//! What is said of records that wait for a notice of destruction: not sent, void, and running until a day.
//!
//! Invariant: the three are never told as one. Spec: `spec/notices.md`, N-23.

use crate::ops::notify::NoticeCounts;
use chrono::NaiveDate;
use tr::tr;

/// One day, or the first and the last of several.
pub fn days(first: Option<NaiveDate>, last: Option<NaiveDate>) -> String {
    match (first, last) {
        (Some(first), Some(last)) if first == last => first.to_string(),
        (Some(first), Some(last)) => tr!("{first} to {last}", first = first, last = last),
        _ => String::new(),
    }
}

/// Until when those stay whose notice runs.
pub fn running_until(of: &NoticeCounts) -> String {
    days(of.runs_until_first, of.runs_until_last)
}

/// A line for each reason why records that are due stay.
pub fn why_they_stay(of: &NoticeCounts) -> Vec<String> {
    let unsent = (of.unsent > 0).then(|| {
        tr!("{n} due record stays: notice of destruction not sent"
            | "{n} due records stay: notice of destruction not sent" % of.unsent)
    });
    let void = (of.void > 0).then(|| {
        tr!("{n} due record stays: notice of destruction void, it told another last day, or none"
            | "{n} due records stay: notice of destruction void, it told another last day, or none" % of.void)
    });
    let running = (of.running > 0).then(|| {
        tr!(
            "{n} due record stays: its notice of destruction runs until {until}"
                | "{n} due records stay: their notice of destruction runs until {until}" % of.running,
            until = running_until(of)
        )
    });
    [unsent, void, running].into_iter().flatten().collect()
}

/// What is to be sent, and until when; what is late for that; of what is not `due` yet, what is void and what runs.
pub fn what_to_send(of: &NoticeCounts, due: &NoticeCounts) -> Vec<String> {
    let by = of.send_by.map_or_else(|| "-".to_owned(), |day| day.to_string());
    let to_send = (of.to_send() > of.late).then(|| match of.late {
        0 => tr!(
            "{n} record needs a notice of destruction, to be sent by {day}"
                | "{n} records need a notice of destruction, the first to be sent by {day}" % of.to_send(),
            day = by
        ),
        late => tr!("{n} more record needs a notice of destruction, for which there is time"
            | "{n} more records need a notice of destruction, for which there is time" % of.to_send() - late),
    });
    let late = (of.late > 0).then(|| {
        tr!(
            "OVERDUE: notice of destruction of {n} record, to be sent by {day}: `keepuntil notice template`"
                | "OVERDUE: notice of destruction of {n} records, the first to be sent by {day}: `keepuntil notice template`"
                    % of.late,
            day = by
        )
    });
    let void = of.void - due.void;
    let void = (void > 0).then(|| {
        tr!("for {n} of them a notice was sent that is void: it told another last day, or none"
            | "for {n} of them notices were sent that are void: they told another last day, or none" % void)
    });
    let running = of.running - due.running;
    let running = (running > 0).then(|| {
        tr!(
            "{n} record not due yet: its notice of destruction runs, the last until {until}"
                | "{n} records not due yet: their notice of destruction runs, the last until {until}" % running,
            until = of.runs_until_last.map_or_else(String::new, |day| day.to_string())
        )
    });
    [to_send, late, void, running].into_iter().flatten().collect()
}
