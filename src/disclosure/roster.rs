//! The roster: who may sign, as a text of OpenSSH's allowed signers, read more strictly than OpenSSH does.
//!
//! Invariant: one name is one person. `ssh-keygen` checks the cryptography of a signature; whose it is, what for and
//! when it counts is read here, so that one person with two keys is one. Spec: `spec/roster.md`.

use super::entry::{Entry, fingerprint};
use super::namespace;
use super::signature::Signature;
use super::statement::RosterChange;
use crate::crypto::hash::{Hash, sha256};
use crate::language::{said, text};
use crate::storage::process::ProcessError;
use crate::storage::ssh_keygen;
use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;
use tr::tr;

/// Bytes of a roster, at most.
pub const MAX_TEXT: usize = 256 << 10;
/// Keys on a roster, at most.
pub const MAX_ENTRIES: usize = 256;
/// A roster or a signature under it that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RosterError {
    /// The text is too long, or too many keys are on it.
    #[error("{}", tr!("roster: {}", said(_0)))]
    Size(&'static str),
    /// A line is not one of a roster.
    #[error("{}", tr!("roster: line {line}: {what}", line = line, what = what))]
    Line {
        /// Which, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// Nobody is on it.
    #[error("{}", tr!("roster: nobody is on it"))]
    Empty,
    /// Not an SSH signature.
    #[error("{}", tr!("signature: it is not one of ssh-keygen -Y sign"))]
    Malformed,
    /// Made for something else.
    #[error("{}", tr!("signature: it was made for {found}, not for {wanted}", found = format!("{:?}", found), wanted = format!("{:?}", wanted)))]
    OtherPurpose {
        /// Its namespace.
        found: String,
        /// The namespace that was needed.
        wanted: String,
    },
    /// By a key that is not on the roster.
    #[error("{}", tr!("signature: its key {} is not on the roster", _0))]
    UnknownKey(String),
    /// By somebody on the roster who decides nothing.
    #[error("{}", tr!("signature: {} may ask for records, and so decides nothing", _0))]
    Undeciding(String),
    /// By a key that may not sign this.
    #[error("{}", tr!("signature: the roster does not let the key of {principal} sign for {wanted}", principal = principal, wanted = format!("{:?}", wanted)))]
    NotFor {
        /// Whose key.
        principal: String,
        /// The namespace that was needed.
        wanted: String,
    },
    /// By a key outside its time.
    #[error("{}", tr!("signature: the key of {principal} is not valid at {}", at.format("%Y-%m-%dT%H:%M:%SZ"), principal = principal))]
    NotValid {
        /// Whose key.
        principal: String,
        /// The time of signing that was looked at.
        at: DateTime<Utc>,
    },
    /// Not over this message.
    #[error("{}", tr!("signature: it is not over this text by {principal}: {complaint}", principal = principal, complaint = complaint))]
    Forged {
        /// Whose key it names.
        principal: String,
        /// What `ssh-keygen` says.
        complaint: String,
    },
    /// One of several signatures.
    #[error("{}", tr!("{source} (the {number}. of those given)", source = source, number = number))]
    Among {
        /// Which, from 1.
        number: usize,
        /// Why.
        source: Box<RosterError>,
    },
    /// Fewer people than needed.
    #[error("{}", tr!("roster: {have} of {needed} people needed have signed", have = have, needed = needed))]
    TooFew {
        /// Distinct people who signed.
        have: usize,
        /// Distinct people needed.
        needed: usize,
    },
    /// A new roster that could never be changed nor used.
    #[error("{}", tr!("roster: {people} people are on it, but {needed} are needed to approve", people = people, needed = needed))]
    TooSmall {
        /// Distinct people on it.
        people: usize,
        /// Distinct people needed.
        needed: usize,
    },
    /// The change is not about this roster.
    #[error("{}", tr!("roster: the change was made from another roster than the one in force"))]
    Stale,
    /// `ssh-keygen` could not be run.
    #[error(transparent)]
    Process(#[from] ProcessError),
}

/// Who signed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signer {
    /// The person, by the name on the roster.
    pub principal: String,
    /// The key, as `ssh-keygen -l` shows it: `SHA256:…`.
    pub fingerprint: String,
}

/// Who may sign what, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    text: String,
    entries: Vec<Entry>,
    /// Of people whose signatures do not count.
    left_out: Vec<Entry>,
}

impl Roster {
    /// Reads a roster.
    ///
    /// # Errors
    /// [`RosterError::Line`], [`RosterError::Size`], [`RosterError::Empty`].
    pub fn parse(text: &[u8]) -> Result<Self, RosterError> {
        if text.len() > MAX_TEXT {
            return Err(RosterError::Size(text!("it is longer than 262,144 bytes")));
        }
        let text = std::str::from_utf8(text).map_err(|e| RosterError::Line {
            line: 1 + text[..e.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count(),
            what: tr!("it is not UTF-8"),
        })?;
        let mut entries: Vec<Entry> = Vec::new();
        for (index, line) in text.split('\n').enumerate() {
            let fault = |what: String| RosterError::Line { line: index + 1, what };
            let Some(entry) = Entry::read(line).map_err(fault)? else { continue };
            if let Some(what) = entries.iter().find_map(|other| clash(other, &entry)) {
                return Err(fault(what));
            }
            if entries.len() == MAX_ENTRIES {
                return Err(RosterError::Size(text!("more than 256 keys are on it")));
            }
            entries.push(entry);
        }
        if entries.is_empty() {
            return Err(RosterError::Empty);
        }
        Ok(Self { text: text.to_owned(), entries, left_out: Vec::new() })
    }

    /// The same roster, by its text and hash, without the keys of some people.
    pub fn without(mut self, left_out: impl Fn(&str) -> bool) -> Self {
        self.left_out.extend(self.entries.extract_if(.., |entry| left_out(&entry.principal)));
        self
    }

    /// The text as it stands.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What the journal says of it.
    pub fn hash(&self) -> Hash {
        sha256(&[self.text.as_bytes()])
    }

    /// The keys on it, in its order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The people on it.
    pub fn people(&self) -> BTreeSet<&str> {
        self.entries.iter().map(|entry| entry.principal.as_str()).collect()
    }

    /// Who signed `message` for the purpose `wanted` (one of [`namespace`]) at the time `at`.
    ///
    /// # Errors
    /// [`RosterError`]: why the signature does not count.
    pub fn verify(
        &self,
        message: &[u8],
        signature: &[u8],
        wanted: &str,
        at: DateTime<Utc>,
    ) -> Result<Signer, RosterError> {
        let outside = Signature::parse(signature).ok_or(RosterError::Malformed)?;
        if outside.namespace != wanted {
            return Err(RosterError::OtherPurpose { found: outside.namespace, wanted: wanted.into() });
        }
        let of_key: Vec<&Entry> = self.entries.iter().filter(|entry| entry.key == outside.key).collect();
        let Some(first) = of_key.first() else {
            let known = self.left_out.iter().find(|entry| entry.key == outside.key);
            let unknown = || RosterError::UnknownKey(fingerprint(&outside.key));
            return Err(known.map_or_else(unknown, |entry| RosterError::Undeciding(entry.principal.clone())));
        };
        let principal = first.principal.clone();
        let for_this: Vec<&&Entry> = of_key.iter().filter(|entry| entry.may_sign(wanted)).collect();
        if for_this.is_empty() {
            return Err(RosterError::NotFor { principal, wanted: wanted.into() });
        }
        if !for_this.iter().any(|entry| entry.is_valid(at)) {
            return Err(RosterError::NotValid { principal, at });
        }
        // `ssh-keygen` sees this one key under a name of ours, so that nothing rests on how it reads a roster.
        let allowed = format!("signer {} {}\n", first.kind, BASE64_STANDARD.encode(&first.key));
        match ssh_keygen::verify(&allowed, "signer", wanted, signature, message, None) {
            Ok(()) => Ok(Signer { principal, fingerprint: first.fingerprint() }),
            Err(ProcessError::Failed { code: Some(_), complaint, .. }) => {
                Err(RosterError::Forged { principal, complaint })
            }
            Err(e) => Err(e.into()),
        }
    }

    /// The distinct people who signed `message`. Every signature given must count, whoever else's are among them.
    ///
    /// # Errors
    /// [`RosterError::Among`]: the first signature that does not count.
    pub fn approvals(
        &self,
        message: &[u8],
        signatures: &[Vec<u8>],
        wanted: &str,
        at: DateTime<Utc>,
    ) -> Result<BTreeSet<String>, RosterError> {
        Ok(self.signers(message, signatures, wanted, at)?.into_iter().map(|signer| signer.principal).collect())
    }

    /// The same with the key of each signature, in the order of the signatures.
    ///
    /// # Errors
    /// As [`Self::approvals`].
    pub fn signers(
        &self,
        message: &[u8],
        signatures: &[Vec<u8>],
        wanted: &str,
        at: DateTime<Utc>,
    ) -> Result<Vec<Signer>, RosterError> {
        let verify = |(index, signature): (usize, &Vec<u8>)| {
            let among = |source| RosterError::Among { number: index + 1, source: Box::new(source) };
            self.verify(message, signature, wanted, at).map_err(among)
        };
        signatures.iter().enumerate().map(verify).collect()
    }

    /// The roster after a change that `needed` distinct people of this roster have signed, and at least one.
    ///
    /// # Errors
    /// [`RosterError::Stale`], [`RosterError::TooFew`], [`RosterError::TooSmall`], and those of the new text and of
    /// the signatures.
    pub fn check_change(
        &self,
        change: &RosterChange<'_>,
        signatures: &[Vec<u8>],
        needed: usize,
        at: DateTime<Utc>,
    ) -> Result<Self, RosterError> {
        let new = Self::parse(change.text.as_bytes())?;
        if change.before != self.hash() {
            return Err(RosterError::Stale);
        }
        let (needed, people) = (needed.max(1), new.people().len());
        let plans = change.plan_approvals_by_rule.values().copied().max().unwrap_or(0).max(change.plan_approvals);
        let most = needed.max(plans as usize);
        if people < most {
            return Err(RosterError::TooSmall { people, needed: most });
        }
        let have = self.approvals(&change.statement(), signatures, namespace::ROSTER, at)?.len();
        if have < needed {
            return Err(RosterError::TooFew { have, needed });
        }
        Ok(new)
    }
}

/// Whether `signature` over `message` is by the key of this fingerprint, for the purpose `wanted`. Whose key that is, and whether
/// it may still sign, says whoever knows the fingerprint: a grant, for the receipts under it.
///
/// # Errors
/// [`RosterError`]: why the signature does not count.
pub fn verify_by_key(message: &[u8], signature: &[u8], wanted: &str, key: &str) -> Result<(), RosterError> {
    let outside = Signature::parse(signature).ok_or(RosterError::Malformed)?;
    if outside.namespace != wanted {
        return Err(RosterError::OtherPurpose { found: outside.namespace, wanted: wanted.into() });
    }
    let (found, mut rest) = (fingerprint(&outside.key), &outside.key[..]);
    let kind = super::signature::string(&mut rest).and_then(|kind| std::str::from_utf8(kind).ok()).unwrap_or_default();
    // A line of its own, so that the key has the one spelling that a roster would take.
    let allowed = format!("signer {kind} {}", BASE64_STANDARD.encode(&outside.key));
    if found != key || !matches!(Entry::read(&allowed), Ok(Some(entry)) if entry.key == outside.key) {
        return Err(RosterError::UnknownKey(found));
    }
    match ssh_keygen::verify(&format!("{allowed}\n"), "signer", wanted, signature, message, None) {
        Ok(()) => Ok(()),
        Err(ProcessError::Failed { code: Some(_), complaint, .. }) => {
            Err(RosterError::Forged { principal: found, complaint })
        }
        Err(e) => Err(e.into()),
    }
}

/// Why two entries cannot stand on one roster.
fn clash(a: &Entry, b: &Entry) -> Option<String> {
    if a.key == b.key && a.principal != b.principal {
        return Some(tr!("it gives the key of {} to {} as well", a.principal, b.principal));
    }
    if a.principal != b.principal && a.principal.to_lowercase() == b.principal.to_lowercase() {
        return Some(tr!("{} and {} differ in capitals only: are they one person?", a.principal, b.principal));
    }
    None
}
