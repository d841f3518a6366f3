//! `keepuntil restore`, by a custodian with a keyring or by a requester with a grant.

use super::args::{Common, Restore};
use super::error::{Failure, code, of_record, tell_error, tell_hint, tell_warning};
use super::help::sample_key;
use super::progress::Bar;
use super::{Done, INTERRUPTED, error, home, render};
use crate::crypto::identity::Identities;
use crate::language::text;
use crate::ops::OpsError;
use crate::ops::granted::{GrantedRecords, SealedCopy, read_grant};
use crate::ops::open::{Opener, Signer, open_archive};
use crate::ops::opened::{OpenOptions, Opened, open_grant};
use crate::ops::restore::{RestoreOptions, RestoreOutcome, Selection, restore};
use crate::storage::leftover::remove_trees;
use crate::storage::lock::Sharing;
use crate::storage::{escape, show};
use chrono::{DateTime, Utc};
use std::path::{Path, PathBuf};
use tr::tr;

pub fn run(args: Restore, common: Common) -> Result<Done, Failure> {
    let trust = home::trust(&args.trust)?;
    if let Some(grant) = &args.grant {
        return run_grant(&args, grant, &trust, common);
    }
    let selection = match &args.pattern {
        Some(pattern) => Selection::Match(glob(pattern)?),
        None if args.all => Selection::All,
        None => {
            let mut numbers = args.record.clone();
            numbers.sort_unstable();
            numbers.dedup();
            Selection::Records(numbers)
        }
    };
    let mut keyring = home::required_keyring(&args.keyring, Sharing::Shared)?;
    let (mut reader, signer) = open_archive(&args.archive, &trust, Some(&keyring))?;
    let identities = home::required_identities(&args.identity)?;
    let mut opener = Opener::new(&reader, &identities, &mut keyring);
    let options = options(&args, selection);
    tell_removed(&args.output)?;
    let bar = Bar::new(text!("restoring"), common.quiet);
    let outcome =
        restore(&mut reader, &mut opener, &options, &INTERRUPTED, &bar).map_err(|e| named(e, &args.archive))?;
    bar.done();
    warn_of_signer(signer, &args.archive);
    report(&outcome, common)
}

fn options(args: &Restore, selection: Selection) -> RestoreOptions {
    RestoreOptions {
        selection,
        plain: args.plain,
        force: args.force,
        output: args.output.clone(),
        threads: home::threads(),
        max_members: args.max_members,
        max_ratio: args.max_ratio,
    }
}

fn named(error: OpsError, archive: &Path) -> OpsError {
    match error {
        OpsError::Archive { source, .. } => OpsError::archive(archive)(source),
        other => other,
    }
}

/// Removes what an interrupted run left where records go, and names it.
fn tell_removed(output: &Path) -> Result<(), Failure> {
    for path in remove_trees(output)? {
        tell_warning(&tr!("{path}: an interrupted run had left it; it is removed", path = show(&path)));
    }
    Ok(())
}

fn warn_of_signer(signer: Signer, archive: &Path) {
    if signer == Signer::Unknown {
        tell_warning(&tr!("{archive}: signer unknown", archive = show(archive)));
    }
}

/// On the requester's machine: no keyring is looked for.
fn run_grant(args: &Restore, path: &Path, trust: &crate::ops::open::Trust, common: Common) -> Result<Done, Failure> {
    let (grant, file) = read_grant(path)?;
    let (identities, one_time) = granted_identities(args, &grant.address)?;
    let (copy, signer) = SealedCopy::open(&args.archive, trust)?;
    let now = home::now().to_utc();
    let mut records = GrantedRecords::open(copy, &grant, &identities, now).map_err(|e| named(e, &args.archive))?;
    let open = OpenOptions {
        records: args.record.clone(),
        sign_with: args.sign_with.clone(),
        identity: one_time.clone().filter(|_| !args.keep_identity),
        now,
        tool: format!("keepuntil {}", env!("CARGO_PKG_VERSION")),
    };
    let options = options(args, Selection::All);
    let bar = Bar::new(text!("restoring"), common.quiet);
    tell_removed(&args.output)?;
    let opened = open_grant(&mut records, (&grant, &file), options, &open, &INTERRUPTED, &bar)
        .map_err(|e| named(e, &args.archive))?;
    bar.done();
    warn_of_signer(signer, &args.archive);
    let done = report(&opened.outcome, common)?;
    Ok(worst(done, report_opened(&opened, args, one_time.as_deref(), grant.valid_until, common)?))
}

/// The identities that were named, and the file of the one that the answer was encrypted to where it holds nothing else.
fn granted_identities(args: &Restore, address: &str) -> Result<(Identities, Option<PathBuf>), Failure> {
    let mut all: Option<Identities> = None;
    let mut one_time = None;
    for path in &args.identity.identity {
        let identities = home::read_identities(path)?;
        if matches!(identities.recipients(), [Some(only)] if only == address) && path != Path::new("-") {
            one_time = Some(path.clone());
        }
        match &mut all {
            Some(all) => all.extend(identities),
            None => all = Some(identities),
        }
    }
    let missing = || {
        let hint = tr!("name the identity that was made with the request: -i REQUEST.identity");
        Failure::Usage(tr!("a grant is opened with its one-time identity"), hint)
    };
    Ok((all.ok_or_else(missing)?, one_time))
}

fn worst(a: Done, b: Done) -> Done {
    if a == Done::Clean { b } else { a }
}

/// What became of receipt and identity.
fn report_opened(
    opened: &Opened,
    args: &Restore,
    one_time: Option<&Path>,
    until: DateTime<Utc>,
    common: Common,
) -> Result<Done, Failure> {
    let mut done = Done::Clean;
    let path = |path: &Path| path.to_string_lossy().into_owned();
    let signature = opened.signature.as_ref().and_then(|signed| signed.as_ref().ok());
    let wiped = opened.wiped.as_ref().and_then(|wiped| wiped.as_ref().ok());
    if common.json {
        render::json_line(&serde_json::json!({
            "message_type": "opened_grant",
            "complete": opened.complete,
            "receipt": opened.receipt.as_deref().map(path),
            "signature": signature.map(|signature| path(signature)),
            "wiped_identity": wiped.map(|wiped| path(wiped)),
            "valid_until": until,
        }));
    }
    let say = |text: String| if common.json || common.quiet { Ok(()) } else { render::print(&text) };
    if let Some(receipt) = &opened.receipt {
        match &opened.signature {
            Some(Ok(_)) => {
                let signed = tr!("receipt: {file}, signed; send both files to the custodian", file = show(receipt));
                say(signed + "\n")?;
            }
            Some(Err(e)) => {
                let why = escape(&e.to_string());
                tell_error(&tr!("{file}: it is not signed: {why}", file = show(receipt), why = why));
                tell_hint(&format!("`ssh-keygen -Y sign -n keepuntil-receipt -f {} {}`", sample_key(), show(receipt)));
                done = Done::Findings;
            }
            None => {
                let sign = tr!("receipt: {file}; sign it and send it to the custodian:", file = show(receipt));
                say(format!(
                    "{sign}\n  ssh-keygen -Y sign -n keepuntil-receipt -f {} {}\n",
                    sample_key(),
                    show(receipt)
                ))?;
            }
        }
    }
    match &opened.wiped {
        Some(Ok(file)) => {
            let wiped = tr!("{file}: wiped and removed; the grant opens nothing any more here", file = show(file));
            say(wiped + "\n")?;
            if let Some(copying) = file.parent().and_then(crate::storage::slot::keeps_former_content) {
                tell_warning(&tr!(
                    "{file}: {file_system} may keep its former content",
                    file = show(file),
                    file_system = copying
                ));
            }
        }
        Some(Err(e)) => {
            tell_warning(&tr!("{error}: the one-time identity is still there; remove it yourself", error = e));
            done = Done::Findings;
        }
        None => match one_time {
            Some(file) if args.keep_identity => say(tr!("{file}: kept, as you asked", file = show(file)) + "\n")?,
            Some(file) => say(tr!("{file}: kept, since not every record was opened", file = show(file)) + "\n")?,
            None => tell_warning(&tr!(
                "the one-time identity was not removed: it is not alone in a file; remove it yourself"
            )),
        },
    }
    if opened.receipt.is_some() {
        let valid = tr!(
            "The grant is valid until {time}.\nWhat was opened stays open: copies cannot be taken back.",
            time = render::time(until)
        );
        say(valid + "\n")?;
    }
    Ok(done)
}

pub fn glob(pattern: &str) -> Result<globset::GlobMatcher, Failure> {
    let glob = globset::GlobBuilder::new(pattern).literal_separator(false).build();
    Ok(glob.map_err(|e| OpsError::Pattern(pattern.into(), crate::language::of_library(e.kind())))?.compile_matcher())
}

fn report(outcome: &RestoreOutcome, common: Common) -> Result<Done, Failure> {
    for restored in &outcome.restored {
        if common.json {
            render::json_line(&serde_json::json!({
                "message_type": "restored",
                "record": restored.record,
                "name": restored.label.name,
                "path": restored.path.to_string_lossy(),
                "proof": restored.proof.to_string_lossy(),
                "files": restored.label.files,
                "bytes": restored.label.bytes,
                "skipped": restored.label.skipped,
            }));
        } else if !common.quiet {
            let text = tr!(
                "record {record}: {path} ({files}, {bytes})",
                record = restored.record,
                path = show(&restored.path),
                files = render::file_count(restored.label.files),
                bytes = render::bytes(restored.label.bytes)
            );
            render::print(&(text + "\n"))?;
        }
        if !restored.label.skipped.is_empty() && !common.quiet {
            let n = restored.label.skipped.len() as u64 + restored.label.skipped_more;
            tell_warning(&tr!(
                "record {record}: {n} file left out when it was sealed"
                    | "record {record}: {n} files left out when it was sealed" % n,
                record = restored.record
            ));
        }
    }
    let mut done = Done::Clean;
    for (record, e) in &outcome.failed {
        if common.json {
            render::json_line(&serde_json::json!({
                "message_type": "not_restored", "record": record, "exit_code": code(e), "problem": e.to_string(),
            }));
        }
        tell_error(&of_record(*record, e));
        done = if code(e) == error::DAMAGED || done == Done::Damaged { Done::Damaged } else { Done::Findings };
    }
    if common.json {
        render::end_of_list((outcome.restored.len() + outcome.failed.len()) as u64);
    }
    Ok(done)
}
