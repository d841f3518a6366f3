//! `keepuntil restore`, by a custodian with a keyring or by a requester with a grant.

use super::args::{Common, Restore};
use super::error::{Failure, code, of_record};
use super::progress::Bar;
use super::{Done, INTERRUPTED, error, home, render};
use crate::crypto::identity::Identities;
use crate::ops::OpsError;
use crate::ops::granted::{GrantedRecords, SealedCopy, read_grant};
use crate::ops::open::{Opener, Signer, open_archive};
use crate::ops::opened::{OpenOptions, Opened, open_grant};
use crate::ops::restore::{RestoreOptions, RestoreOutcome, Selection, restore};
use crate::storage::lock::Sharing;
use crate::storage::{escape, show};
use std::path::{Path, PathBuf};

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
    let bar = Bar::new("restoring", common.quiet);
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

fn warn_of_signer(signer: Signer, archive: &Path) {
    if signer == Signer::Unknown {
        eprintln!("keepuntil: warning: {}: signer unknown", show(archive));
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
    let bar = Bar::new("restoring", common.quiet);
    let opened = open_grant(&mut records, (&grant, &file), options, &open, &INTERRUPTED, &bar)
        .map_err(|e| named(e, &args.archive))?;
    bar.done();
    warn_of_signer(signer, &args.archive);
    let done = report(&opened.outcome, common)?;
    let until = grant.valid_until.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    Ok(worst(done, report_opened(&opened, args, one_time.as_deref(), &until, common)?))
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
        let hint = "name the identity that was made with the request: -i REQUEST.identity";
        Failure::Usage("a grant is opened with its one-time identity".into(), hint.into())
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
    until: &str,
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
            Some(Ok(_)) => say(format!("receipt: {}, signed; send both files to the custodian\n", show(receipt)))?,
            Some(Err(e)) => {
                eprintln!("keepuntil: error: {}: it is not signed: {}", show(receipt), escape(&e.to_string()));
                eprintln!("keepuntil: hint: ssh-keygen -Y sign -n keepuntil-receipt -f KEY {}", show(receipt));
                done = Done::Findings;
            }
            None => say(format!(
                "receipt: {}; sign it and send it to the custodian:\n  ssh-keygen -Y sign -n keepuntil-receipt -f KEY {}\n",
                show(receipt),
                show(receipt)
            ))?,
        }
    }
    match &opened.wiped {
        Some(Ok(file)) => {
            say(format!("{}: wiped and removed; the grant opens nothing any more here\n", show(file)))?;
            if let Some(copying) = file.parent().and_then(crate::storage::slot::keeps_former_content) {
                eprintln!("keepuntil: warning: {}: {copying} may keep its former content", show(file));
            }
        }
        Some(Err(e)) => {
            eprintln!("keepuntil: warning: {e}: the one-time identity is still there; remove it yourself");
            done = Done::Findings;
        }
        None => match one_time {
            Some(file) if args.keep_identity => say(format!("{}: kept, as you asked\n", show(file)))?,
            Some(file) => say(format!("{}: kept, since not every record was opened\n", show(file)))?,
            None => eprintln!(
                "keepuntil: warning: the one-time identity was not removed: it is not alone in a file; remove it yourself"
            ),
        },
    }
    if opened.receipt.is_some() {
        say(format!("The grant is valid until {until}.\nWhat was opened stays open: copies cannot be taken back.\n"))?;
    }
    Ok(done)
}

pub fn glob(pattern: &str) -> Result<globset::GlobMatcher, Failure> {
    let glob = globset::GlobBuilder::new(pattern).literal_separator(false).build();
    Ok(glob.map_err(|e| OpsError::Pattern(pattern.into(), e.kind().to_string()))?.compile_matcher())
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
            render::print(&format!(
                "record {}: {} ({}, {})\n",
                restored.record,
                show(&restored.path),
                render::count(restored.label.files, "file"),
                render::bytes(restored.label.bytes)
            ))?;
        }
        if !restored.label.skipped.is_empty() && !common.quiet {
            let n = restored.label.skipped.len() as u64 + restored.label.skipped_more;
            eprintln!(
                "keepuntil: warning: record {}: {} left out when it was sealed",
                restored.record,
                render::count(n, "file")
            );
        }
    }
    let mut done = Done::Clean;
    for (record, e) in &outcome.failed {
        if common.json {
            render::json_line(&serde_json::json!({
                "message_type": "not_restored", "record": record, "code": code(e), "what": e.to_string(),
            }));
        }
        eprintln!("keepuntil: error: {}", of_record(*record, e));
        done = if code(e) == error::DAMAGED || done == Done::Damaged { Done::Damaged } else { Done::Findings };
    }
    Ok(done)
}
