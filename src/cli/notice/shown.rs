//! What a keyring holds of notices and replies, as people and programs see it: `notice list`, `show` and `due`.

use super::read_mailing;
use crate::cli::args::{Common, KeyringPlace};
use crate::cli::error::Failure;
use crate::cli::{Done, codes, home, render};
use crate::disclosure::mailing::Mailing;
use crate::disclosure::notices::{NotedNotice, NotedReply};
use crate::ops::notices::{read, today};
use crate::storage::{escape, show};
use chrono::NaiveDate;
use serde_json::json;
use std::path::Path;
use tr::tr;

pub fn list(place: &KeyringPlace, common: Common) -> Result<Done, Failure> {
    let custody = home::reading(place)?;
    let (notices, day) = (read(custody.keyring())?, today(&custody));
    if common.json {
        notices.notices().iter().for_each(|notice| render::json_line(&notice_json(notice)));
        notices.replies().iter().for_each(|reply| render::json_line(&reply_json(reply, day)));
        render::end_of_list((notices.notices().len() + notices.replies().len()) as u64);
    } else if notices.notices().is_empty() && notices.replies().is_empty() {
        render::print(&(tr!("no notice was sent, and nobody wrote") + "\n"))?;
    } else {
        let short = |id: &[u8; 16]| hex::encode(&id[..4]);
        let (no, yes) = (String::new(), ToString::to_string);
        let of = |records: &Option<_>| records.as_ref().map_or_else(|| no.clone(), yes);
        let mut rows: Vec<Vec<String>> = Vec::new();
        for notice in notices.notices() {
            let letters = tr!(
                "{n} letter by {way}" | "{n} letters by {way}" % notice.letters,
                way = codes::of_notice(notice.by.code())
            );
            let records = render::shorten(&of(&notice.records), 18);
            rows.push(vec![
                short(&notice.notice),
                notice.on.to_string(),
                codes::of_notice(notice.kind.code()),
                records,
                letters,
            ]);
        }
        for reply in notices.replies() {
            let records = render::shorten(&of(&reply.records), 18);
            rows.push(vec![
                short(&reply.reply),
                reply.received.to_string(),
                codes::of_notice(reply.kind.code()),
                records,
                state_words(reply, day),
            ]);
        }
        render::print(&render::table(&rows, &[]))?;
    }
    home::remember(custody)?;
    Ok(Done::Clean)
}

fn state_words(reply: &NotedReply, day: NaiveDate) -> String {
    match &reply.answer {
        Some(answer) => {
            tr!("{outcome} on {on}", outcome = codes::of_notice(answer.outcome.code()), on = answer.on.to_string())
        }
        None if reply.is_overdue(day) => tr!("OVERDUE since {due}", due = reply.due.to_string()),
        None => tr!("to be answered by {due}", due = reply.due.to_string()),
    }
}

pub fn due(place: &KeyringPlace, common: Common) -> Result<Done, Failure> {
    let custody = home::reading(place)?;
    let (notices, day) = (read(custody.keyring())?, today(&custody));
    let mut open: Vec<&NotedReply> = notices.open().collect();
    open.sort_by_key(|reply| reply.due);
    let overdue = open.iter().any(|reply| reply.is_overdue(day));
    if common.json {
        open.iter().for_each(|reply| render::json_line(&reply_json(reply, day)));
        render::end_of_list(open.len() as u64);
    } else if open.is_empty() {
        render::print(&(tr!("nobody waits for an answer") + "\n"))?;
    } else {
        let row = |reply: &&NotedReply| {
            let id = hex::encode(&reply.reply[..4]);
            vec![id, reply.received.to_string(), codes::of_notice(reply.kind.code()), state_words(reply, day)]
        };
        render::print(&render::table(&open.iter().map(row).collect::<Vec<_>>(), &[]))?;
    }
    home::remember(custody)?;
    Ok(if overdue { Done::Findings } else { Done::Clean })
}

pub fn run_show(
    id: &str,
    address: Option<(&Path, &str)>,
    place: &KeyringPlace,
    common: Common,
) -> Result<Done, Failure> {
    let custody = home::reading(place)?;
    let (notices, day) = (read(custody.keyring())?, today(&custody));
    let done = match notices.notice(id) {
        Ok(notice) => show_notice(notice, address, common)?,
        Err(unknown) => {
            let reply = notices.reply(id).map_err(|_| unknown)?;
            if address.is_some() {
                let what = tr!("{id} is a reply, and a reply has no letters", id = escape(id));
                return Err(Failure::Usage(what, tr!("name the notice: `keepuntil notice list`")));
            }
            match common.json {
                true => render::json_line(&reply_json(reply, day)),
                false => render::print(&reply_text(reply, day))?,
            }
            Done::Clean
        }
    };
    home::remember(custody)?;
    Ok(done)
}

fn show_notice(notice: &NotedNotice, address: Option<(&Path, &str)>, common: Common) -> Result<Done, Failure> {
    let mut object = notice_json(notice);
    let mut text = notice_text(notice);
    let mut done = Done::Clean;
    if let Some((path, address)) = address {
        let (mailing, bytes) = read_mailing(path)?;
        if Mailing::identity_of(&bytes) != notice.document {
            let what = tr!("{path}: it is not the mailing that was noted", path = show(path));
            return Err(Failure::Usage(what, tr!("name mailing.json as it was when it was noted as sent")));
        }
        let letters: Vec<u64> = mailing.letters_to(address).collect();
        object["letters_to_address"] = json!(letters);
        let numbers = letters.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
        text.push_str(&match letters.is_empty() {
            true => tr!("no letter of it went to this address"),
            false => tr!("to this address went letter {numbers}", numbers = numbers),
        });
        text.push('\n');
        done = if letters.is_empty() { Done::Findings } else { Done::Clean };
    }
    match common.json {
        true => render::json_line(&object),
        false => render::print(&text)?,
    }
    Ok(done)
}

fn line(name: &str, value: &str) -> String {
    let fill = " ".repeat(12usize.saturating_sub(unicode_width::UnicodeWidthStr::width(name)));
    format!("  {name}{fill}{}", render::wrapped(value, 14))
}

fn words(text: &str) -> String {
    escape(&text.replace('\n', " "))
}

fn about_text(archive: Option<[u8; 16]>, records: Option<&crate::retention::ranges::Ranges>) -> String {
    match (archive, records) {
        (Some(archive), Some(records)) => {
            tr!("{records} of {archive}", records = records.to_string(), archive = hex::encode(archive))
        }
        (Some(archive), None) => tr!("some of {archive}", archive = hex::encode(archive)),
        (None, _) => tr!("not said"),
    }
}

fn notice_text(notice: &NotedNotice) -> String {
    let mut text = tr!("notice {id}", id = hex::encode(notice.notice)) + "\n";
    text.push_str(&line(&tr!("kind"), &codes::of_notice(notice.kind.code())));
    let way = tr!("{on}, by {way}", on = notice.on.to_string(), way = codes::of_notice(notice.by.code()));
    text.push_str(&line(&tr!("sent"), &way));
    text.push_str(&line(&tr!("letters"), &notice.letters.to_string()));
    text.push_str(&line(&tr!("records"), &about_text(notice.archive, notice.records.as_ref())));
    text.push_str(&line(&tr!("mailing"), &hex::encode(notice.document)));
    if let Some(note) = &notice.note {
        text.push_str(&line(&tr!("note"), &words(note)));
    }
    text
}

fn reply_text(reply: &NotedReply, day: NaiveDate) -> String {
    let mut text = tr!("reply {id}", id = hex::encode(reply.reply)) + "\n";
    text.push_str(&line(&tr!("kind"), &codes::of_notice(reply.kind.code())));
    text.push_str(&line(&tr!("received"), &reply.received.to_string()));
    if let Some(notice) = reply.notice {
        text.push_str(&line(&tr!("to notice"), &hex::encode(notice)));
    }
    text.push_str(&line(&tr!("records"), &about_text(reply.archive, reply.records.as_ref())));
    text.push_str(&line(&tr!("answer"), &state_words(reply, day)));
    if let Some(said) = &reply.text {
        text.push_str(&line(&tr!("text"), &words(said)));
    }
    if let Some(why) = reply.answer.as_ref().and_then(|answer| answer.explanation.as_deref()) {
        text.push_str(&line(&tr!("reason"), &words(why)));
    }
    text
}

pub fn notice_json(notice: &NotedNotice) -> serde_json::Value {
    json!({
        "message_type": "notice", "notice": hex::encode(notice.notice), "mailing": hex::encode(notice.mailing),
        "document": hex::encode(notice.document), "template": notice.template.map(hex::encode), "kind": notice.kind,
        "archive": notice.archive.map(hex::encode), "records": notice.records, "letters": notice.letters,
        "on": notice.on, "by": notice.by, "noted": notice.noted, "note": notice.note, "journal_entry": notice.leaf,
        "letters_to_address": null,
        "void_count": null,
    })
}

pub fn reply_json(reply: &NotedReply, day: NaiveDate) -> serde_json::Value {
    let answer = reply.answer.as_ref().map(|answer| {
        json!({
            "outcome": answer.outcome, "on": answer.on, "explanation": answer.explanation, "journal_entry": answer.leaf,
        })
    });
    json!({
        "message_type": "reply", "reply": hex::encode(reply.reply), "notice": reply.notice.map(hex::encode),
        "archive": reply.archive.map(hex::encode), "records": reply.records, "kind": reply.kind,
        "received": reply.received, "due": reply.due, "overdue": reply.is_overdue(day), "text": reply.text,
        "answer": answer, "journal_entry": reply.leaf,
    })
}
