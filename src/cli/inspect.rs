//! `keepuntil inspect`.

use super::args::{Common, Inspect};
use super::error::Failure;
use super::{Done, home, kept, render};
use crate::ops::inspect::{Overview, RecordView, overview, record_view};
use crate::ops::open::{Opener, Signer, open_archive};
use crate::retention::rule::Rule;
use crate::retention::term::Standing;
use crate::storage::lock::Sharing;
use crate::storage::{escape, show};

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
        return Ok(Done::Clean);
    }
    let mut rows = vec![["record", "compartment", "size", "until", "name"].map(str::to_owned).to_vec()];
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
        render::print(&format!("  … and {unlisted} more: see them with --json, or one with --record N\n"))?;
    }
    if !known {
        render::print("\nNames are shown to those with an identity and the keyring.\n")?;
    }
    Ok(Done::Clean)
}

/// What is known of the signer, in words.
pub fn signer_words(signer: Signer) -> &'static str {
    match signer {
        Signer::Pinned { post_quantum: true } => "by the key that was named",
        Signer::Pinned { post_quantum: false } => "by the key that was named (pinned by its Ed25519 key only)",
        Signer::KeyringArchive => "by this keyring, which holds its keys",
        Signer::KeyringKey => "by this keyring, which holds no keys of it",
        Signer::Unknown => "signer unknown: these keys are the archive's own claim",
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
    let sealed = chrono::DateTime::from_timestamp(o.sealed as i64, 0).map_or("?".into(), |t| t.to_rfc3339());
    let mut text = format!(
        "{}: {}, {}\n  archive id   {}\n  sealed by    {}, {}\n               {}\n  tree root    {}\n  custodians   {} of {} needed\n",
        show(path),
        render::count(o.records, "record"),
        render::bytes(o.bytes),
        o.archive,
        escape(&o.firm),
        sealed,
        signer_words(o.signer),
        o.root,
        o.custodians.1,
        o.custodians.0,
    );
    for c in &o.compartments {
        text.push_str(&format!(
            "  compartment  {}: {}, {}, {}, to {}\n",
            c.name,
            c.class.as_str(),
            render::count(c.records, "record"),
            render::bytes(c.bytes),
            escape(&c.recipients.join(", ")),
        ));
    }
    text.push_str(&kept::text(&o.retention, &o.rules));
    for rule in &o.rules {
        let title = render::wrapped(&format!("{}: {}", rule.id, escape(&rule.title)), 15);
        text.push_str(&format!("  rule         {title}"));
        if let Some(citation) = &rule.citation {
            let confidence = rule.confidence.map_or(String::new(), |c| format!(", confidence {}", c.as_str()));
            let citation = render::wrapped(&format!("{}{confidence}", escape(citation)), 15);
            text.push_str(&format!("{:15}{citation}", ""));
        }
    }
    if !o.rules.is_empty() {
        text.push_str("               no legal advice: the sealer chose these rules\n");
    }
    text.push('\n');
    text
}

fn record_row(view: &RecordView) -> Vec<String> {
    let leaf = &view.leaf;
    let name = match &view.label {
        None => "–".into(),
        Some(Ok(label)) => render::shorten(&escape(&label.name), 30),
        Some(Err(e)) => format!("({})", short_reason(e)),
    };
    vec![
        leaf.record.to_string(),
        leaf.compartment.clone(),
        render::bytes(leaf.size),
        match leaf.retention.planned() {
            Standing::Awaiting(_) => "awaiting event".into(),
            standing => standing.to_string(),
        },
        name,
    ]
}

fn short_reason(error: &crate::ops::OpsError) -> &'static str {
    use crate::keyring::KeyringError;
    use crate::ops::OpsError;
    match error {
        OpsError::NoIdentity { .. } => "no identity opens it",
        OpsError::Keyring(KeyringError::Destroyed(_)) => "its keys were destroyed",
        OpsError::Keyring(_) => "its keys are not in the keyring",
        _ => "damaged",
    }
}

fn record_text(view: &RecordView, rules: &[Rule]) -> String {
    let leaf = &view.leaf;
    let mut text = format!(
        "record {}\n  compartment  {}\n  kept         {}\n{}  at           {}, {} bytes\n  sha256       {}\n",
        leaf.record,
        leaf.compartment,
        kept::short(&leaf.retention),
        kept::terms(&leaf.retention, rules),
        leaf.offset,
        leaf.size,
        hex::encode(leaf.sha256),
    );
    match &view.label {
        None => {}
        Some(Err(e)) => text.push_str(&format!("  name         ({})\n", short_reason(e))),
        Some(Ok(label)) => {
            text.push_str(&format!(
                "  name         {}\n  holds        {}, {}\n",
                escape(&label.name),
                render::count(label.files, "file"),
                render::bytes(label.bytes)
            ));
            for skipped in &label.skipped {
                text.push_str(&format!("  left out     {}\n", escape(skipped)));
            }
            if label.skipped_more > 0 {
                text.push_str(&format!("  left out     {} more, listed in the record\n", label.skipped_more));
            }
        }
    }
    text
}

fn record_json(view: &RecordView) -> serde_json::Value {
    let leaf = &view.leaf;
    let mut object = serde_json::json!({
        "message_type": "record",
        "record": leaf.record,
        "compartment": leaf.compartment,
        "offset": leaf.offset,
        "size": leaf.size,
        "sha256": hex::encode(leaf.sha256),
        "retention": leaf.retention,
        "kept": kept::summary(&leaf.retention),
    });
    match &view.label {
        None => {}
        Some(Ok(label)) => object["label"] = serde_json::json!(label),
        Some(Err(e)) => object["label_error"] = serde_json::json!(e.to_string()),
    }
    object
}

fn overview_json(o: &Overview) -> serde_json::Value {
    let compartment = |c: &crate::ops::inspect::CompartmentOverview| {
        serde_json::json!({
            "name": c.name, "class": c.class, "recipients": c.recipients, "records": c.records, "bytes": c.bytes,
        })
    };
    serde_json::json!({
        "message_type": "archive",
        "archive": o.archive,
        "created": o.created,
        "sealed": o.sealed,
        "firm": o.firm,
        "origin": o.origin,
        "root": o.root,
        "signer": signer_word(o.signer),
        "bytes": o.bytes,
        "records": o.records,
        "compartments": o.compartments.iter().map(compartment).collect::<Vec<_>>(),
        "retention": kept::json(&o.retention),
        "rules": o.rules,
        "custodians": o.custodians.0,
        "threshold": o.custodians.1,
        "verifier_keys": o.keys,
    })
}
