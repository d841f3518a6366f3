//! `request show|check|find`: what a custodian can know of a request before anything is decided.
//!
//! Invariant: changes nothing; every check that a proposal and a grant make is made here first, and all that fails is told.
//! Spec: `spec/disclosure.md`, "Who asks" and "Who may be granted what".

use super::OpsError;
use super::custody::Custody;
use super::eligibility::Eligibility;
use super::grant::fits_request;
use super::ledger;
use super::open::Opener;
use super::proposal::{approvals, approvals_needed, eligible, policy, still_wanted};
use super::request::{Received, RequestError, identify};
use super::restore::{Selection, select};
use crate::archive::reader::ArchiveReader;
use crate::crypto::kdf::ArchiveId;
use crate::disclosure::ledger::NotedRequest;
use crate::disclosure::proposal::{Proposal, Signatory};
use crate::retention::ranges::Ranges;
use std::collections::BTreeSet;

/// What was found of a request.
#[derive(Debug, Default)]
pub struct Checked {
    /// Who signed it, where the signature holds.
    pub signer: Option<Signatory>,
    /// What stands against it, the first reason first.
    pub problems: Vec<OpsError>,
    /// What may be granted of the records that it names; none where it names none.
    pub found: Option<Eligibility>,
    /// How many distinct people must approve what may be granted.
    pub needed: Option<u32>,
    /// What the ledger says of it.
    pub noted: Option<NotedRequest>,
    /// Who approved the proposal that was given.
    pub approved: Option<Vec<Signatory>>,
}

/// A proposal and signatures under it.
pub type Approved<'a> = (&'a Proposal, &'a [Vec<u8>]);

/// Checks a request in every way. `records` are those that it is found to be about, where it does not name them itself.
///
/// # Errors
/// Those of the keyring; what is wrong with the request stands in [`Checked::problems`].
pub fn check(
    custody: &Custody,
    received: &Received,
    signature: Result<Vec<u8>, OpsError>,
    records: Option<&Ranges>,
    proposal: Option<Approved<'_>>,
) -> Result<Checked, OpsError> {
    let mut checked = Checked::default();
    match signature.and_then(|signature| identify(custody, received, &signature)) {
        Ok(signer) => checked.signer = Some(signer),
        Err(e) => checked.problems.push(e),
    }
    let known = ledger::read(custody.keyring())?;
    checked.noted = known.request(&received.hash).cloned();
    if let Err(e) = ledger::unanswered(&known, &received.hash) {
        checked.problems.push(e.into());
    }
    if let Err(e) = still_wanted(custody, &received.request) {
        checked.problems.push(e.into());
    }
    match policy(custody) {
        Err(e) => checked.problems.push(e),
        Ok(policy) => {
            let today = custody.now().day(custody.signing_time());
            if !policy.may_ask(&received.request.requester, today) {
                checked.problems.push(RequestError::MayNotAsk(received.request.requester.clone()).into());
            } else if let Some(records) = records.or(received.request.records.as_ref()) {
                match eligible(custody, &policy, &received.request, records) {
                    Ok(found) => {
                        checked.needed = Some(approvals_needed(&policy, &found));
                        if let Err(e) = found.clone().require() {
                            checked.problems.push(e);
                        }
                        checked.found = Some(found);
                    }
                    Err(e) => checked.problems.push(e),
                }
            }
        }
    }
    if let Some((proposal, signatures)) = proposal {
        if let Err(e) = fits_request(proposal, received) {
            checked.problems.push(e);
        }
        match approvals(custody, proposal, signatures) {
            Ok(people) => {
                let (have, needed) = (people.len() as u32, proposal.approvals_needed.max(checked.needed.unwrap_or(0)));
                checked.approved = Some(people);
                if have < needed {
                    let proposal = proposal.identity();
                    checked.problems.push(super::proposal::ProposalError::Missing { proposal, needed, have }.into());
                }
            }
            Err(e) => checked.problems.push(e),
        }
    }
    Ok(checked)
}

/// A record that may be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its number.
    pub record: u64,
    /// Its name.
    pub name: String,
    /// Its compartment.
    pub compartment: String,
    /// How many words of the description its name has; 1 for a pattern.
    pub words: usize,
}

/// What was found in an archive.
#[derive(Debug, Default)]
pub struct Found {
    /// Records whose names fit, the best first.
    pub candidates: Vec<Candidate>,
    /// Records whose names do not open, and why.
    pub closed: Vec<(u64, OpsError)>,
}

/// What is looked for.
pub enum Wanted {
    /// Names that match a pattern.
    Pattern(globset::GlobMatcher),
    /// Names with words of a description.
    Words(BTreeSet<String>),
}

/// Looks for records by their names.
///
/// # Errors
/// What concerns all records.
pub fn find(reader: &mut ArchiveReader, opener: &mut Opener<'_>, wanted: &Wanted) -> Result<Found, OpsError> {
    let mut candidates = Vec::new();
    let closed = select(reader, opener, &Selection::All, &mut |_, leaf, label, _| {
        let words = match wanted {
            Wanted::Pattern(glob) => usize::from(glob.is_match(&label.name)),
            Wanted::Words(words) => {
                let name = label.name.to_lowercase();
                words.iter().filter(|word| name.contains(word.as_str())).count()
            }
        };
        if words > 0 {
            let (name, compartment) = (label.name.clone(), leaf.compartment.clone());
            candidates.push(Candidate { record: leaf.record, name, compartment, words });
        }
        Ok(())
    })?;
    candidates.sort_by_key(|candidate| (std::cmp::Reverse(candidate.words), candidate.record));
    Ok(Found { candidates, closed })
}

/// The words of a description by which names are looked for: of letters and digits, two or more; of scripts without spaces each
/// pair of characters that stand together.
pub fn words(description: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for run in description.to_lowercase().split(|c: char| !c.is_alphanumeric()) {
        let (mut word, mut before) = (String::new(), None);
        for c in run.chars() {
            if c.is_ascii() || c < '\u{2e80}' {
                word.push(c);
                before = None;
                continue;
            }
            keep(&mut found, std::mem::take(&mut word));
            if let Some(before) = before.replace(c) {
                found.insert([before, c].iter().collect());
            }
        }
        keep(&mut found, word);
    }
    found
}

fn keep(found: &mut BTreeSet<String>, word: String) {
    if word.chars().count() > 1 {
        found.insert(word);
    }
}

/// Refuses an archive that is not the one that the request is about.
///
/// # Errors
/// [`super::request::RequestError::OtherArchive`].
pub fn same_archive(received: &Received, archive: &ArchiveId) -> Result<(), OpsError> {
    if received.request.archive == *archive {
        return Ok(());
    }
    let (asked, found) = (hex::encode(received.request.archive), hex::encode(archive));
    Err(RequestError::OtherArchive { asked, found }.into())
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn descriptions_fall_into_words() {
        let of = |text: &str| words(text).into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(of("Invoice 17, of Smith & a"), "17 invoice of smith");
        assert_eq!(of("沐阳贸易 2019年凭证"), "2019 凭证 年凭 沐阳 贸易 阳贸");
        assert_eq!(of("."), "");
    }
}
