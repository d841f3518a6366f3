//! `keepuntil request new`.

use super::super::args::Common;
use super::super::error::{Failure, tell_done};
use super::super::{Done, home, render};
use super::{NewArgs, date, shown};
use crate::crypto::kdf::parse_archive_id;
use crate::disclosure::purpose::Purpose;
use crate::disclosure::request::Reference;
use crate::ops::request::{NewRequest, RequestOptions, archive_of, new, short};
use crate::storage::show;
use chrono::Days;
use tr::tr;

/// Days after which an answer is of no use, unless somebody says otherwise.
const WANTED_DAYS: u64 = 90;

pub fn run(args: &NewArgs, common: Common) -> Result<Done, Failure> {
    let records = home::records(&args.record)?;
    let archive = match (&args.archive, &args.archive_id) {
        (Some(path), _) => archive_of(path, records.as_ref())?,
        (None, id) => {
            let id = id.as_deref().unwrap_or_default();
            parse_archive_id(id).ok_or_else(|| {
                usage(
                    tr!("{id} is not the id of an archive: 32 hex digits", id = format!("{id:?}")),
                    tr!("see it with `keepuntil inspect ARCHIVE`"),
                )
            })?
        }
    };
    let now = home::now();
    let wanted = now.date_naive().checked_add_days(Days::new(WANTED_DAYS)).unwrap_or(now.date_naive());
    let options = RequestOptions {
        archive,
        records,
        description: args.describe.clone(),
        purpose: purpose(&args.purpose)?,
        explanation: args.explain.clone(),
        legal_basis: args.legal_basis.clone(),
        references: args.reference.iter().map(|text| reference(text)).collect::<Result<_, _>>()?,
        identity: args.identity_paper.iter().map(|text| paper(text)).collect::<Result<_, _>>()?,
        wanted_until: date(args.wanted_until.as_deref())?.unwrap_or(wanted),
        requester: args.requester.clone(),
    };
    let written = new(&options, now.to_utc(), args.sign_with.as_deref(), &args.output, args.force)?;
    report(&written, args, common)
}

fn report(written: &NewRequest, args: &NewArgs, common: Common) -> Result<Done, Failure> {
    let output = &args.output;
    if common.json {
        render::json_line(&serde_json::json!({
            "message_type": "request_written", "path": shown(output), "request": hex::encode(written.hash),
            "identity": shown(&written.identity), "signature": written.signature.as_deref().map(shown),
        }));
    }
    if common.quiet || common.json {
        return Ok(Done::Clean);
    }
    tell_done(&tr!("Wrote {file}: request {id}", file = show(output), id = short(&written.hash)));
    let identity = show(&written.identity);
    tell_done(&tr!("  {file}: opens the answer, once. Keep it secret; do not send it.", file = identity));
    match &written.signature {
        Some(signature) => {
            let (request, signature) = (show(output), show(signature));
            tell_done(&tr!("  {file}: your signature.", file = signature));
            let send =
                tr!("Send {request} and {signature} to the custodian.", request = request, signature = signature);
            tell_done(&send);
        }
        None => {
            tell_done(&tr!("It is not signed yet. Sign it with your key, then send both files:"));
            eprintln!("  ssh-keygen -Y sign -n keepuntil-request -f ~/.ssh/id_ed25519 {}", show(output));
        }
    }
    Ok(Done::Clean)
}

/// A purpose by its code.
pub fn purpose(code: &str) -> Result<Purpose, Failure> {
    let found = Purpose::ALL.into_iter().find(|purpose| purpose.code() == code);
    found.ok_or_else(|| {
        usage(tr!("{code} is not a purpose", code = format!("{code:?}")), tr!("see `keepuntil request new --help`"))
    })
}

fn reference(text: &str) -> Result<Reference, Failure> {
    let read = text.split_once('=').and_then(|(kind, text)| {
        let kind = serde_json::from_value(serde_json::Value::from(kind)).ok()?;
        Some(Reference { kind, text: text.to_owned() })
    });
    read.ok_or_else(|| {
        usage(
            tr!("{text} is not a reference such as case-number=12/2031", text = format!("{text:?}")),
            tr!("kinds are case-number, engagement-letter, confidentiality-agreement, mandate and other"),
        )
    })
}

fn paper(text: &str) -> Result<(String, std::path::PathBuf), Failure> {
    match text.split_once('=') {
        Some((name, file)) if !name.is_empty() && !file.is_empty() => Ok((name.to_owned(), file.into())),
        _ => Err(usage(
            tr!("{text} is not a paper such as passport=scan.pdf", text = format!("{text:?}")),
            tr!("name the paper and its file"),
        )),
    }
}

fn usage(message: String, hint: String) -> Failure {
    Failure::Usage(message, hint)
}
