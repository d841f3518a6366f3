//! `keepuntil request find`.

use super::super::args::Common;
use super::super::error::{Failure, tell_warning};
use super::super::{Done, home, kept, render};
use super::FindArgs;
use crate::ops::OpsError;
use crate::ops::custody::Custody;
use crate::ops::intake::{Candidate, Found, Wanted, find, same_archive, words};
use crate::ops::open::{Opener, Trust, open_archive};
use crate::ops::request;
use crate::retention::Class;
use crate::retention::ranges::Ranges;
use crate::retention::term::Standing;
use crate::storage::lock::Sharing;
use crate::storage::{escape, show};
use std::collections::BTreeMap;
use tr::tr;

/// Records that are listed for people before the rest is left to `--json`.
const LISTED: usize = 100;

pub fn run(args: &FindArgs, common: Common) -> Result<Done, Failure> {
    let path = args.archive.as_deref().expect("clap demands it");
    let received = args.file.as_deref().map(request::read).transpose()?;
    let wanted = match (&args.pattern, &received) {
        (Some(pattern), _) => Wanted::Pattern(super::super::restore::glob(pattern)?),
        (None, received) => {
            let request = &received.as_ref().expect("clap demands one of the two").request;
            let text = request.description.as_deref().ok_or_else(|| {
                let hint = tr!(
                    "there is nothing to search: go on with `keepuntil request propose {file} -o proposal.json`; other names are looked for \
                     with --match",
                    file = args.file.as_deref().map_or_else(String::new, show)
                );
                Failure::Usage(tr!("the request names its records by number and describes none"), hint)
            })?;
            Wanted::Words(words(text))
        }
    };
    let mut keyring = home::required_keyring(&args.keyring, Sharing::Shared)?;
    let identities = home::required_identities(&args.identity)?;
    let (mut reader, _) = open_archive(path, &Trust::default(), Some(&keyring))?;
    let archive = *reader.archive();
    if let Some(received) = &received {
        same_archive(received, &archive)?;
    }
    let mut opener = Opener::new(&reader, &identities, &mut keyring);
    let Found { candidates: found, closed: failed } = find(&mut reader, &mut opener, &wanted).map_err(|e| match e {
        OpsError::Archive { source, .. } => OpsError::archive(path)(source),
        other => other,
    })?;
    if crate::ops::open::none_for_these_identities(&failed) && found.is_empty() {
        return Err(failed.into_iter().next().expect("there is one").1.into());
    }
    let custody = Custody::reading(keyring, home::clocks())?;
    let known = about(&custody, &archive, &found)?;
    report(&found, &known, failed.len() as u64, common)
}

/// Class and last day of records.
fn about(
    custody: &Custody,
    archive: &crate::crypto::kdf::ArchiveId,
    found: &[Candidate],
) -> Result<BTreeMap<u64, (Class, Standing)>, Failure> {
    let mut known = BTreeMap::new();
    let records: Ranges = found.iter().map(|candidate| candidate.record).collect();
    if !records.is_empty() {
        custody.for_records(archive, &records, |judge, view, _| {
            known.insert(view.record, (view.class, judge.standing(view)));
            Ok(())
        })?;
    }
    Ok(known)
}

fn report(
    found: &[Candidate],
    known: &BTreeMap<u64, (Class, Standing)>,
    closed: u64,
    common: Common,
) -> Result<Done, Failure> {
    if common.json {
        for candidate in found {
            let known = known.get(&candidate.record);
            let mut object = serde_json::json!({
                "message_type": "candidate", "record": candidate.record, "name": candidate.name,
                "class": known.map(|(class, _)| class), "compartment": candidate.compartment,
                "matched_words": candidate.words,
            });
            if let Some((_, standing)) = known {
                kept::stand(&mut object, standing);
            }
            render::json_line(&render::complete(object, &["until", "awaiting_events", "permanent"]));
        }
        render::json_line(&serde_json::json!({
            "message_type": "found", "record_count": found.len(), "unreadable_count": closed,
        }));
        return Ok(Done::Clean);
    }
    let mut rows = vec![vec![tr!("record"), tr!("class"), tr!("compartment"), tr!("until"), tr!("name")]];
    for candidate in found.iter().take(LISTED) {
        let (class, until) = match known.get(&candidate.record) {
            Some((class, standing)) => (render::class(*class), standing.words()),
            None => (String::new(), String::new()),
        };
        rows.push(vec![
            candidate.record.to_string(),
            class,
            escape(&candidate.compartment),
            render::shorten(&until, 16),
            render::shorten(&escape(&candidate.name), 30),
        ]);
    }
    if found.is_empty() {
        render::print(&(tr!("no record has such a name") + "\n"))?;
    } else {
        render::print(&render::table(&rows, &[0]))?;
    }
    if found.len() > LISTED {
        let more = tr!("  … and {more} more: see them with --json", more = found.len() - LISTED);
        render::print(&(more + "\n"))?;
    }
    if closed > 0 {
        tell_warning(&tr!("{n} record could not be looked at: their keys are gone, or no identity opens them"
            | "{n} records could not be looked at: their keys are gone, or no identity opens them" % closed));
    }
    Ok(Done::Clean)
}
