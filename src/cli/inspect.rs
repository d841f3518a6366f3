//! `keepuntil inspect`.

use super::args::{Common, Inspect};
use super::error::Failure;
use super::{Done, home, kept, render};
use crate::language::language;
use crate::ops::inspect::{Overview, RecordView, overview, record_view};
use crate::ops::open::{Opener, Signer, open_archive};
use crate::retention::rule::{Confidence, Rule};
use crate::retention::spelled;
use crate::retention::term::Standing;
use crate::storage::lock::Sharing;
use crate::storage::{escape, show};
use tr::tr;

/// Records that are listed for people before the rest is left to `--json` and `--record`.
const LISTED: usize = 1000;

pub fn run(args: Inspect, common: Common) -> Result<Done, Failure> {
    let trust = home::trust(&args.trust)?;
    let mut keyring = home::keyring(&args.keyring, Sharing::Shared)?;
    let (mut reader, signer) = open_archive(&args.archive, &trust, keyring.as_ref())?;
    let known = match &keyring {
        Some(keyring) => keyring.known_archive(reader.archive())?.is_some(),
        None => false,
    };
    let identities = if known { home::identities(&args.identity)? } else { None };
    let mut opener = match (&identities, keyring.as_mut()) {
        (Some(identities), Some(keyring)) if known => Some(Opener::new(&reader, identities, keyring)),
        _ => None,
    };
    let named = |e: crate::ops::OpsError| match e {
        crate::ops::OpsError::Archive { source, .. } => crate::ops::OpsError::archive(&args.archive)(source),
        other => other,
    };
    let rules = reader.manifest().rules.clone();
    if !args.record.is_empty() {
        for &number in &args.record {
            let leaf = reader.record(number).map_err(crate::ops::OpsError::archive(&args.archive))?;
            let view = record_view(&reader, &leaf, opener.as_mut()).map_err(named)?;
            if common.json {
                render::json_line(&record_json(&view));
            } else {
                render::print(&record_text(&view, &rules))?;
            }
        }
        if common.json {
            render::end_of_list(args.record.len() as u64);
        }
        return Ok(Done::Clean);
    }
    let mut rows = vec![vec![tr!("record"), tr!("compartment"), tr!("size"), tr!("until"), tr!("name")]];
    let overview = overview(&mut reader, signer, |reader, leaf| {
        if common.json {
            render::json_line(&record_json(&record_view(reader, leaf, opener.as_mut())?));
        } else if rows.len() <= LISTED {
            rows.push(record_row(&record_view(reader, leaf, opener.as_mut())?));
        }
        Ok(())
    })
    .map_err(named)?;
    if common.json {
        render::json_line(&overview_json(&overview));
        return Ok(Done::Clean);
    }
    render::print(&overview_text(&overview, &args.archive))?;
    render::print(&render::table(&rows, &[0, 2]))?;
    let unlisted = overview.records.saturating_sub(LISTED as u64);
    if unlisted > 0 {
        let more = tr!("  … and {more} more: see them with --json, or one with --record N", more = unlisted);
        render::print(&(more + "\n"))?;
    }
    if !known {
        render::print(&format!("\n{}\n", tr!("Names are shown to those with an identity and the keyring.")))?;
    }
    Ok(Done::Clean)
}

/// What is known of the signer, in words.
pub fn signer_words(signer: Signer) -> String {
    match signer {
        Signer::Pinned { post_quantum: true } => tr!("by the key that was named"),
        Signer::Pinned { post_quantum: false } => {
            tr!("by the key that was named (pinned by its Ed25519 key only)")
        }
        Signer::KeyringArchive => tr!("by this keyring, which holds its keys"),
        Signer::KeyringKey => tr!("by this keyring, which holds no keys of it"),
        Signer::Unknown => tr!("signer unknown: these keys are the archive's own claim"),
    }
}

/// The same for programs.
pub fn signer_word(signer: Signer) -> &'static str {
    match signer {
        Signer::Pinned { post_quantum: true } => "pinned",
        Signer::Pinned { post_quantum: false } => "pinned-classical",
        Signer::KeyringArchive => "keyring",
        Signer::KeyringKey => "keyring-key",
        Signer::Unknown => "unknown",
    }
}

fn overview_text(o: &Overview, path: &std::path::Path) -> String {
    let sealed = render::instant(o.sealed).map_or("?".into(), render::time);
    let mut text = tr!(
        "{archive}: {records}, {bytes}",
        archive = show(path),
        records = render::record_count(o.records),
        bytes = render::bytes(o.bytes)
    );
    text.push('\n');
    let mut add = |name: &str, value: &str| text.push_str(&render::field(name, value, 15));
    add(&tr!("archive id"), &o.archive.to_string());
    add(&tr!("sealed by"), &tr!("{name}, {time}", name = escape(&o.firm), time = sealed));
    add("", &signer_words(o.signer));
    add(&tr!("tree root"), &o.root.to_string());
    add(&tr!("custodians"), &tr!("{needed} of {all} needed", needed = o.custodians.1, all = o.custodians.0));
    for c in &o.compartments {
        let compartment = tr!(
            "{name}: {class}, {records}, {bytes}, to {recipients}",
            name = c.name,
            class = render::class(c.class),
            records = render::record_count(c.records),
            bytes = render::bytes(c.bytes),
            recipients = escape(&c.recipients.join(", "))
        );
        add(&tr!("compartment"), &compartment);
    }
    text.push_str(&kept::text(&o.retention, &o.rules));
    for rule in &o.rules {
        let title = tr!("{rule}: {title}", rule = rule.id, title = escape(rule.title_in(language())));
        text.push_str(&render::field(&tr!("rule"), render::wrapped(&title, 15).trim_end_matches('\n'), 15));
        if let Some(citation) = &rule.citation {
            let citation = match rule.confidence {
                None => escape(citation),
                Some(confidence) => {
                    let sure = match confidence {
                        Confidence::High => tr!("the text itself was read"),
                        Confidence::Middle => tr!("from a secondary source"),
                        Confidence::Low => tr!("from memory, to be checked before anybody relies on it"),
                    };
                    tr!("{citation} ({sure})", citation = escape(citation), sure = sure)
                }
            };
            text.push_str(&render::field("", render::wrapped(&citation, 15).trim_end_matches('\n'), 15));
        }
    }
    if !o.rules.is_empty() {
        text.push_str(&render::field("", &tr!("no legal advice: the sealer chose these rules"), 15));
    }
    text.push('\n');
    text
}

fn record_row(view: &RecordView) -> Vec<String> {
    let leaf = &view.leaf;
    let name = match &view.label {
        None => "–".into(),
        Some(Ok(label)) => render::shorten(&escape(&label.name), 30),
        Some(Err(e)) => tr!("({reason})", reason = short_reason(e)),
    };
    vec![
        leaf.record.to_string(),
        leaf.compartment.clone(),
        render::bytes(leaf.size),
        match leaf.retention.planned() {
            Standing::Awaiting(_) => tr!("awaiting event"),
            standing => standing.words(),
        },
        name,
    ]
}

fn short_reason(error: &crate::ops::OpsError) -> String {
    use crate::keyring::KeyringError;
    use crate::ops::OpsError;
    match error {
        OpsError::NoIdentity { .. } => tr!("no identity opens it"),
        OpsError::Keyring(KeyringError::Destroyed(_)) => tr!("its keys were destroyed"),
        OpsError::Keyring(_) => tr!("its keys are not in the keyring"),
        _ => tr!("damaged"),
    }
}

fn record_text(view: &RecordView, rules: &[Rule]) -> String {
    let leaf = &view.leaf;
    let mut text = tr!("record {record}", record = leaf.record) + "\n";
    let field = |name: &str, value: &str| render::field(name, value, 15);
    text.push_str(&field(&tr!("compartment"), &leaf.compartment));
    text.push_str(&field(&tr!("retention" => "kept"), &kept::short(&leaf.retention)));
    text.push_str(&kept::terms(&leaf.retention, rules));
    let place = tr!("{offset}, {n} byte" | "{offset}, {n} bytes" % leaf.size, offset = leaf.offset);
    text.push_str(&field(&tr!("place in the archive" => "at"), &place));
    text.push_str(&field("sha256", &hex::encode(leaf.sha256)));
    match &view.label {
        None => {}
        Some(Err(e)) => text.push_str(&field(&tr!("name"), &tr!("({reason})", reason = short_reason(e)))),
        Some(Ok(label)) => {
            text.push_str(&field(&tr!("name"), &escape(&label.name)));
            text.push_str(&field(&tr!("holds"), &render::files_and_bytes(label.files, label.bytes)));
            for skipped in &label.skipped {
                text.push_str(&field(&tr!("left out"), &escape(skipped)));
            }
            if label.skipped_more > 0 {
                let more = tr!("{more} more, listed in the record", more = label.skipped_more);
                text.push_str(&field(&tr!("left out"), &more));
            }
        }
    }
    text
}

fn record_json(view: &RecordView) -> serde_json::Value {
    let leaf = &view.leaf;
    serde_json::json!({
        "message_type": "record",
        "record": leaf.record,
        "compartment": leaf.compartment,
        "offset": leaf.offset,
        "size": leaf.size,
        "sha256": hex::encode(leaf.sha256),
        "retention": leaf.retention,
        "kept": kept::summary(&leaf.retention),
        "label": view.label.as_ref().and_then(|label| label.as_ref().ok()),
        "label_error": view.label.as_ref().and_then(|label| label.as_ref().err()).map(ToString::to_string),
    })
}

fn overview_json(o: &Overview) -> serde_json::Value {
    let compartment = |c: &crate::ops::inspect::CompartmentOverview| {
        serde_json::json!({
            "name": c.name, "class": c.class, "recipients": c.recipients, "record_count": c.records, "bytes": c.bytes,
        })
    };
    serde_json::json!({
        "message_type": "archive",
        "archive": o.archive,
        "created": spelled(&o.created),
        "sealed": render::instant(o.sealed),
        "firm": o.firm,
        "origin": o.origin,
        "root": o.root,
        "signer": signer_word(o.signer),
        "bytes": o.bytes,
        "record_count": o.records,
        "compartments": o.compartments.iter().map(compartment).collect::<Vec<_>>(),
        "retentions": kept::json(&o.retention),
        "rule_definitions": o.rules,
        "custodians": o.custodians.0,
        "threshold": o.custodians.1,
        "verifier_keys": o.keys,
    })
}
