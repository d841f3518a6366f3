//! `keepuntil request show` and `keepuntil request check`.

use super::super::args::{Common, KeyringPlace};
use super::super::error::Failure;
use super::super::{Done, home, render};
use super::{CheckArgs, MessageArgs, field, json, look, text};
use crate::disclosure::ledger::RequestState;
use crate::ops::OpsError;
use crate::ops::custody::Custody;
use crate::ops::intake::{Checked, check, same_archive};
use crate::ops::open::{Opener, Trust, open_archive};
use crate::ops::proposal;
use crate::ops::request::{RequestError, identify};
use crate::retention::ranges::Ranges;
use crate::storage::escape;
use crate::storage::lock::Sharing;
use std::collections::BTreeMap;
use tr::tr;

/// Records whose names are shown.
const NAMED: u64 = 200;

pub fn show(message: &MessageArgs, place: &KeyringPlace, common: Common) -> Result<Done, Failure> {
    let (received, signature) = message.read()?;
    let signed = match look(place)? {
        None => None,
        Some(custody) => match signature.and_then(|signature| identify(&custody, &received, &signature)) {
            Err(OpsError::Request(RequestError::NoRoster)) => None,
            other => Some(other),
        },
    };
    let words = match &signed {
        None => tr!("NOT CHECKED: there is no keyring with a roster here"),
        Some(Ok(signer)) => tr!("by {name}, key {key}: it counts", name = signer.name, key = signer.key),
        Some(Err(e)) => tr!("IT DOES NOT COUNT: {why}", why = e),
    };
    if common.json {
        let mut object = json(&received);
        object["signature_checked"] = signed.is_some().into();
        object["signature_counts"] = signed.as_ref().map(Result::is_ok).into();
        object["signed_by"] = serde_json::json!(signed.as_ref().and_then(|signed| signed.as_ref().ok()));
        object["problem"] = signed.as_ref().and_then(|signed| signed.as_ref().err()).map(ToString::to_string).into();
        render::json_line(&object);
    } else {
        render::print(&(text(&received) + &field(&tr!("signature"), &words)))?;
    }
    Ok(if matches!(signed, Some(Err(_))) { Done::Findings } else { Done::Clean })
}

pub fn run(args: &CheckArgs, common: Common) -> Result<Done, Failure> {
    let (received, signature) = args.message.read()?;
    let records = home::records(&args.record)?;
    let proposal = args.proposal.as_ref().map(|path| proposal::read(path, Some(&received))).transpose()?;
    let signatures = home::signatures(&args.approval)?;
    let mut keyring = home::required_keyring(&args.keyring, Sharing::Shared)?;
    let mut names = BTreeMap::new();
    if let Some(path) = &args.archive {
        let (mut reader, _) = open_archive(path, &Trust::default(), Some(&keyring))?;
        same_archive(&received, reader.archive())?;
        let wanted = records.as_ref().or(received.request.records.as_ref());
        if let (Some(identities), Some(wanted)) = (home::identities(&args.identity)?, wanted) {
            let mut opener = Opener::new(&reader, &identities, &mut keyring);
            names = named(&mut reader, &mut opener, wanted);
        }
    }
    let custody = Custody::reading(keyring, home::clocks())?;
    let proposed = proposal.as_ref().map(|proposal| (proposal, &signatures[..]));
    let checked = check(&custody, &received, signature, records.as_ref(), proposed)?;
    if common.json {
        let mut object = json(&received);
        object["message_type"] = "request_checked".into();
        object["names"] = serde_json::json!(names);
        add_checked(&mut object, &checked, proposal.as_ref().map(|proposal| proposal.approvals_needed));
        render::json_line(&object);
    } else {
        let needed = proposal.as_ref().map(|proposal| proposal.approvals_needed);
        let words_only = records.is_none() && received.request.records.is_none();
        let hint = match words_only {
            true => field(&tr!("records"), &tr!("named in words only: `keepuntil request find`")),
            false => String::new(),
        };
        render::print(&(text(&received) + &checked_text(&checked, &names, needed) + &hint))?;
    }
    worst(checked.problems)
}

/// Of all that stands against it, what says most by its exit code.
fn worst(problems: Vec<OpsError>) -> Result<Done, Failure> {
    use super::super::error::{APPROVAL_MISSING, DAMAGED, DESTROYED, FORBIDDEN, code};
    let weight = |error: &OpsError| match code(error) {
        DAMAGED => 0,
        FORBIDDEN => 1,
        APPROVAL_MISSING => 2,
        DESTROYED => 3,
        _ => 4,
    };
    match problems.into_iter().min_by_key(weight) {
        Some(problem) => Err(problem.into()),
        None => Ok(Done::Clean),
    }
}

/// Names of records as far as their labels open.
fn named(
    reader: &mut crate::archive::reader::ArchiveReader,
    opener: &mut Opener<'_>,
    wanted: &Ranges,
) -> BTreeMap<u64, String> {
    let there = wanted.iter().take_while(|record| *record <= reader.records()).take(NAMED as usize);
    let mut names = BTreeMap::new();
    for record in there.collect::<Vec<_>>() {
        if let Ok(leaf) = reader.record(record)
            && let Ok(label) = opener.label(reader, &leaf)
        {
            names.insert(record, label.name);
        }
    }
    names
}

fn checked_text(checked: &Checked, names: &BTreeMap<u64, String>, asked: Option<u32>) -> String {
    let mut text = String::from("\n");
    let mut add = |name: &str, value: &str| text.push_str(&field(name, value));
    match &checked.signer {
        Some(signer) => {
            add(&tr!("signature"), &tr!("by {name}, key {key}: it counts", name = signer.name, key = signer.key))
        }
        None => add(&tr!("signature"), &tr!("IT DOES NOT COUNT (see below)")),
    }
    match checked.noted.as_ref().map(|noted| &noted.state) {
        None => add(&tr!("ledger"), &tr!("it is new")),
        Some(RequestState::Open) => add(&tr!("ledger"), &tr!("it is there, without an answer")),
        Some(RequestState::Refused(noted)) => {
            add(&tr!("ledger"), &tr!("refused as {id}", id = hex::encode(noted.refusal)))
        }
        Some(RequestState::Granted { grant }) => add(&tr!("ledger"), &tr!("granted as {id}", id = hex::encode(grant))),
    }
    if let Some(found) = &checked.found {
        if !found.eligible.is_empty() {
            let classes: Vec<String> = found.classes.iter().map(|class| super::super::render::class(*class)).collect();
            let records = tr!(
                "records {records} ({classes})",
                records = found.eligible,
                classes = super::super::render::list(classes.iter().map(String::as_str))
            );
            add(&tr!("may be given"), &records);
        }
        for (why, records) in &found.refused {
            let (records, why) = (records.to_string(), why.to_string());
            add(&tr!("may NOT be"), &tr!("records {records}: {why}", records = records, why = why));
        }
    }
    for (record, name) in names {
        add("", &tr!("{record}: {name}", record = record, name = escape(name)));
    }
    if let Some(needed) = checked.needed {
        let approvals = tr!("{n} person must approve what may be given, not the requester"
            | "{n} people must approve what may be given, not the requester" % needed);
        add(&tr!("approvals"), &approvals);
    }
    if let (Some(approved), Some(needed)) = (&checked.approved, asked) {
        for person in approved {
            add(&tr!("approved by"), &tr!("{name}, key {key}", name = person.name, key = person.key));
        }
        add(&tr!("missing"), &needed.saturating_sub(approved.len() as u32).to_string());
    }
    for problem in &checked.problems {
        add(&tr!("against it"), &problem.to_string());
    }
    text
}

/// Adds what was found to the object of a request.
fn add_checked(object: &mut serde_json::Value, checked: &Checked, asked: Option<u32>) {
    let refused = checked
        .found
        .as_ref()
        .map(|found| found.refused.iter().map(|(why, records)| (why.code(), records)).collect::<BTreeMap<_, _>>());
    let obstacle =
        |e: &OpsError| serde_json::json!({ "exit_code": super::super::error::code(e), "message": e.to_string() });
    let state = checked.noted.as_ref().map(|noted| &noted.state);
    object["signed_by"] = serde_json::json!(checked.signer);
    object["eligible"] = serde_json::json!(checked.found.as_ref().map(|found| &found.eligible));
    object["refused_records"] = serde_json::json!(refused);
    object["classes"] = serde_json::json!(checked.found.as_ref().map(|found| &found.classes));
    object["approvals_needed"] = asked.or(checked.needed).into();
    object["approvals"] = serde_json::json!(checked.approved);
    object["state"] = match state {
        None => "new",
        Some(RequestState::Open) => "open",
        Some(RequestState::Refused(_)) => "refused",
        Some(RequestState::Granted { .. }) => "granted",
    }
    .into();
    object["refusal"] = match state {
        Some(RequestState::Refused(noted)) => hex::encode(noted.refusal).into(),
        _ => serde_json::Value::Null,
    };
    object["grant"] = match state {
        Some(RequestState::Granted { grant }) => hex::encode(grant).into(),
        _ => serde_json::Value::Null,
    };
    object["obstacles"] = checked.problems.iter().map(obstacle).collect();
}
