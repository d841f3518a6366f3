//! `keepuntil restore`.

use super::args::{Common, Restore};
use super::error::{Failure, code};
use super::progress::Bar;
use super::{Done, INTERRUPTED, error, home, render};
use crate::ops::OpsError;
use crate::ops::open::{Opener, Signer, open_archive};
use crate::ops::restore::{RestoreOptions, RestoreOutcome, Selection, restore};
use crate::storage::lock::Sharing;
use crate::storage::show;

pub fn run(args: Restore, common: Common) -> Result<Done, Failure> {
    let trust = home::trust(&args.trust)?;
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
    let options = RestoreOptions {
        selection,
        plain: args.plain,
        force: args.force,
        output: args.output.clone(),
        threads: home::threads(),
        max_members: args.max_members,
        max_ratio: args.max_ratio,
    };
    let bar = Bar::new("restoring", common.quiet);
    let outcome = restore(&mut reader, &mut opener, &options, &INTERRUPTED, &bar).map_err(|e| match e {
        OpsError::Archive { source, .. } => OpsError::archive(&args.archive)(source),
        other => other,
    })?;
    bar.done();
    if signer == Signer::Unknown {
        eprintln!("keepuntil: warning: {}: signer unknown", show(&args.archive));
    }
    report(&outcome, common)
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
        eprintln!("keepuntil: error: record {record}: {e}");
        done = if code(e) == error::DAMAGED || done == Done::Damaged { Done::Damaged } else { Done::Findings };
    }
    Ok(done)
}
