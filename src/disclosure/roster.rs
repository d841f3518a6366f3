//! The roster: who may sign, as a text of OpenSSH's allowed signers, read more strictly than OpenSSH does.
//!
//! Invariant: one name is one person. `ssh-keygen` checks the cryptography of a signature; whose it is, what for and
//! when it counts is read here, so that one person with two keys is one. Spec: `spec/roster.md`.

use super::namespace;
use super::signature::{Signature, string};
use super::statement::RosterChange;
use crate::crypto::hash::{Hash, sha256};
use crate::storage::escape;
use crate::storage::process::ProcessError;
use crate::storage::ssh_keygen;
use base64::{Engine, prelude::BASE64_STANDARD, prelude::BASE64_STANDARD_NO_PAD};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use std::collections::BTreeSet;

/// Bytes of a roster, at most.
pub const MAX_TEXT: usize = 256 << 10;
/// Keys on a roster, at most.
pub const MAX_ENTRIES: usize = 256;
/// Bytes of a line, at most.
const MAX_LINE: usize = 8192;
/// Bytes of a name, at most.
const MAX_PRINCIPAL: usize = 200;
/// Bits of an RSA modulus.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=16_384;

/// A roster or a signature under it that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RosterError {
    /// The text is too long, or too many keys are on it.
    #[error("roster: {0}")]
    Size(&'static str),
    /// A line is not one of a roster.
    #[error("roster: line {line}: {what}")]
    Line {
        /// Which, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// Nobody is on it.
    #[error("roster: nobody is on it")]
    Empty,
    /// Not an SSH signature.
    #[error("signature: it is not one of ssh-keygen -Y sign")]
    Malformed,
    /// Made for something else.
    #[error("signature: it was made for {found:?}, not for {wanted:?}")]
    OtherPurpose {
        /// Its namespace.
        found: String,
        /// The namespace that was needed.
        wanted: String,
    },
    /// By a key that is not on the roster.
    #[error("signature: its key {0} is not on the roster")]
    UnknownKey(String),
    /// By a key that may not sign this.
    #[error("signature: the roster does not let the key of {principal} sign for {wanted:?}")]
    NotFor {
        /// Whose key.
        principal: String,
        /// The namespace that was needed.
        wanted: String,
    },
    /// By a key outside its time.
    #[error("signature: the key of {principal} is not valid at {}", .at.format("%Y-%m-%dT%H:%M:%SZ"))]
    NotValid {
        /// Whose key.
        principal: String,
        /// The time of signing that was looked at.
        at: DateTime<Utc>,
    },
    /// Not over this message.
    #[error("signature: it is not over this text by {principal}: {complaint}")]
    Forged {
        /// Whose key it names.
        principal: String,
        /// What `ssh-keygen` says.
        complaint: String,
    },
    /// One of several signatures.
    #[error("{source} (the {number}. of those given)")]
    Among {
        /// Which, from 1.
        number: usize,
        /// Why.
        source: Box<RosterError>,
    },
    /// Fewer people than needed.
    #[error("roster: {have} of {needed} people needed have signed")]
    TooFew {
        /// Distinct people who signed.
        have: usize,
        /// Distinct people needed.
        needed: usize,
    },
    /// A new roster that could never be changed nor used.
    #[error("roster: {people} people are on it, but {needed} are needed to approve")]
    TooSmall {
        /// Distinct people on it.
        people: usize,
        /// Distinct people needed.
        needed: usize,
    },
    /// The change is not about this roster.
    #[error("roster: the change was made from another roster than the one in force")]
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

/// One key of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whose key it is.
    pub principal: String,
    /// Its type, such as `ssh-ed25519`.
    pub kind: String,
    /// The key in SSH's wire form.
    pub key: Vec<u8>,
    /// What it may sign; `None`: everything.
    pub namespaces: Option<Vec<String>>,
    /// The first second at which it is valid.
    pub valid_after: Option<DateTime<Utc>>,
    /// The last second at which it is valid.
    pub valid_before: Option<DateTime<Utc>>,
}

impl Entry {
    /// The key's fingerprint.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.key)
    }

    /// Whether the key is valid at a time.
    pub fn is_valid(&self, at: DateTime<Utc>) -> bool {
        // Whole seconds, as OpenSSH counts them.
        let at = at.timestamp();
        self.valid_after.is_none_or(|after| after.timestamp() <= at)
            && self.valid_before.is_none_or(|before| at <= before.timestamp())
    }

    /// Whether the key may sign for a purpose.
    pub fn may_sign(&self, wanted: &str) -> bool {
        let matches = |pattern: &String| match pattern.strip_suffix('*') {
            Some(prefix) => wanted.starts_with(prefix),
            None => pattern == wanted,
        };
        self.namespaces.as_ref().is_none_or(|patterns| patterns.iter().any(matches))
    }
}

/// Who may sign what, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    text: String,
    entries: Vec<Entry>,
}

impl Roster {
    /// Reads a roster.
    ///
    /// # Errors
    /// [`RosterError::Line`], [`RosterError::Size`], [`RosterError::Empty`].
    pub fn parse(text: &[u8]) -> Result<Self, RosterError> {
        if text.len() > MAX_TEXT {
            return Err(RosterError::Size("it is longer than 256 KiB"));
        }
        let text = std::str::from_utf8(text).map_err(|e| RosterError::Line {
            line: 1 + text[..e.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count(),
            what: "it is not UTF-8".into(),
        })?;
        let mut entries: Vec<Entry> = Vec::new();
        for (index, line) in text.split('\n').enumerate() {
            let fault = |what: String| RosterError::Line { line: index + 1, what };
            let Some(entry) = entry(line).map_err(fault)? else { continue };
            if let Some(what) = entries.iter().find_map(|other| clash(other, &entry)) {
                return Err(fault(what));
            }
            if entries.len() == MAX_ENTRIES {
                return Err(RosterError::Size("more than 256 keys are on it"));
            }
            entries.push(entry);
        }
        if entries.is_empty() {
            return Err(RosterError::Empty);
        }
        Ok(Self { text: text.to_owned(), entries })
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
            return Err(RosterError::UnknownKey(fingerprint(&outside.key)));
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
        let mut people = BTreeSet::new();
        for (index, signature) in signatures.iter().enumerate() {
            let among = |source| RosterError::Among { number: index + 1, source: Box::new(source) };
            people.insert(self.verify(message, signature, wanted, at).map_err(among)?.principal);
        }
        Ok(people)
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

fn fingerprint(key: &[u8]) -> String {
    format!("SHA256:{}", BASE64_STANDARD_NO_PAD.encode(sha256(&[key])))
}

/// Why two entries cannot stand on one roster.
fn clash(a: &Entry, b: &Entry) -> Option<String> {
    if a.key == b.key && a.principal != b.principal {
        return Some(format!("it gives the key of {} to {} as well", a.principal, b.principal));
    }
    if a.principal != b.principal && a.principal.to_lowercase() == b.principal.to_lowercase() {
        return Some(format!("{} and {} differ in capitals only: are they one person?", a.principal, b.principal));
    }
    None
}

/// Reads one line; `None` for a blank one or a comment.
fn entry(line: &str) -> Result<Option<Entry>, String> {
    if line.len() > MAX_LINE {
        return Err(format!("it is longer than {MAX_LINE} bytes"));
    }
    if escape(line) != line {
        return Err("it has a control, bidirectional or invisible character".into());
    }
    let line = line.trim_matches(' ');
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (principal, rest) = line.split_once(' ').ok_or("it has no key")?;
    check_principal(principal)?;
    let rest = rest.trim_start_matches(' ');
    let mut entry = Entry {
        principal: principal.to_owned(),
        kind: String::new(),
        key: Vec::new(),
        namespaces: None,
        valid_after: None,
        valid_before: None,
    };
    let first = rest.split(' ').next().unwrap_or_default();
    let rest = if is_kind(first) { rest } else { options(rest, &mut entry)? };
    let mut fields = rest.split(' ').filter(|field| !field.is_empty());
    let (kind, encoded) = (fields.next().ok_or("it has no key")?, fields.next().ok_or("it has no key")?);
    if !is_kind(kind) {
        return Err(format!("{kind:?} is not a type of key that may sign"));
    }
    entry.kind = kind.to_owned();
    entry.key = BASE64_STANDARD.decode(encoded).map_err(|_| "its key is not base64")?;
    check_key(kind, &entry.key)?;
    Ok(Some(entry))
}

fn check_principal(name: &str) -> Result<(), String> {
    if name.contains(',') {
        return Err("it names several principals: people are counted by name, so a key has one".into());
    }
    if name.contains(['*', '?', '!']) {
        return Err(format!("{name:?} is a pattern, not a person"));
    }
    if name.contains(['"', '\'', '\\', '=', '#']) || name.chars().any(char::is_whitespace) {
        return Err(format!("{name:?} is not a name such as a.wang@firm.example"));
    }
    if name.len() > MAX_PRINCIPAL {
        return Err(format!("its name is longer than {MAX_PRINCIPAL} bytes"));
    }
    Ok(())
}

/// Reads the options off the front of `rest` into `entry`, and returns what follows them.
fn options<'a>(mut rest: &'a str, entry: &mut Entry) -> Result<&'a str, String> {
    loop {
        let end = rest.find(['=', ',', ' ']).unwrap_or(rest.len());
        let name = rest[..end].to_ascii_lowercase();
        if name == "cert-authority" {
            return Err("certificate authorities are not people: list the keys themselves".into());
        }
        if !matches!(name.as_str(), "namespaces" | "valid-after" | "valid-before") {
            return Err(format!("{name:?} is neither a type of key nor an option"));
        }
        let quoted = rest[end..].strip_prefix("=\"").and_then(|value| value.split_once('"'));
        let (value, after) = quoted.ok_or_else(|| format!("option {name}: its value is not quoted"))?;
        set_option(&name, value, entry).map_err(|what| format!("option {name}: {what}"))?;
        match after.as_bytes().first() {
            Some(b',') => rest = &after[1..],
            Some(b' ') => return Ok(after.trim_start_matches(' ')),
            Some(_) => return Err(format!("option {name}: something follows its value")),
            None => return Err("it has no key".into()),
        }
    }
}

fn set_option(name: &str, value: &str, entry: &mut Entry) -> Result<(), String> {
    let (after, before) = (entry.valid_after, entry.valid_before);
    let twice = match name {
        "namespaces" => entry.namespaces.replace(namespaces(value)?).is_some(),
        "valid-after" => entry.valid_after.replace(time(value)?).is_some_and(|_| after.is_some()),
        _ => entry.valid_before.replace(time(value)?).is_some_and(|_| before.is_some()),
    };
    if twice {
        return Err("it is given twice".into());
    }
    match (entry.valid_after, entry.valid_before) {
        (Some(after), Some(before)) if before <= after => Err("the key would never be valid".into()),
        _ => Ok(()),
    }
}

/// A list of names, each of which may end in `*`.
fn namespaces(value: &str) -> Result<Vec<String>, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@' | '/' | ':');
    let name = |name: &str| {
        let stem = name.strip_suffix('*').unwrap_or(name);
        let good = !name.is_empty() && name.len() <= MAX_PRINCIPAL && stem.chars().all(plain);
        good.then(|| name.to_owned()).ok_or_else(|| format!("{name:?} is not a namespace"))
    };
    value.split(',').map(name).collect()
}

/// `YYYYMMDD`, `YYYYMMDDhhmm` or `YYYYMMDDhhmmss`, with or without `Z`, always in UTC.
fn time(value: &str) -> Result<DateTime<Utc>, String> {
    let malformed = || format!("{value:?} is not a time such as 20261231 or 20261231235959Z");
    let digits = value.strip_suffix('Z').unwrap_or(value);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || !matches!(digits.len(), 8 | 12 | 14) {
        return Err(malformed());
    }
    let number = |at: std::ops::Range<usize>| digits.get(at).and_then(|part| part.parse::<u32>().ok()).unwrap_or(0);
    let year = i32::try_from(number(0..4)).map_err(|_| malformed())?;
    let date = NaiveDate::from_ymd_opt(year, number(4..6), number(6..8)).ok_or_else(malformed)?;
    let clock = NaiveTime::from_hms_opt(number(8..10), number(10..12), number(12..14)).ok_or_else(malformed)?;
    let time = NaiveDateTime::new(date, clock).and_utc();
    // To OpenSSH the second 0 means that there is no bound.
    if time.timestamp() > 0 { Ok(time) } else { Err(malformed()) }
}

/// Types of plain keys that `ssh-keygen -Y sign` can use.
const KINDS: [&str; 7] = [
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
];

fn is_kind(word: &str) -> bool {
    KINDS.contains(&word)
}

/// Whether `key` is the one spelling of a key of its type: with two spellings one key could be two people's.
fn check_key(kind: &str, key: &[u8]) -> Result<(), String> {
    let mut rest = key;
    let mut next = || string(&mut rest);
    let fits = match kind {
        _ if next() != Some(kind.as_bytes()) => false,
        "ssh-ed25519" => next().is_some_and(|point| point.len() == 32),
        "sk-ssh-ed25519@openssh.com" => next().is_some_and(|point| point.len() == 32) && is_application(next()),
        "sk-ecdsa-sha2-nistp256@openssh.com" => {
            next() == Some(b"nistp256") && is_point(next(), 65) && is_application(next())
        }
        "ssh-rsa" => {
            let (exponent, modulus) = (next().and_then(bits), next().and_then(bits));
            if modulus.is_some_and(|bits| !RSA_BITS.contains(&bits)) {
                return Err("its RSA key does not have 2,048 to 16,384 bits".into());
            }
            exponent.is_some() && modulus.is_some()
        }
        _ => {
            let curve = kind.rsplit('-').next().unwrap_or_default();
            let length = match curve {
                "nistp256" => 65,
                "nistp384" => 97,
                _ => 133,
            };
            next() == Some(curve.as_bytes()) && is_point(next(), length)
        }
    };
    if fits && rest.is_empty() { Ok(()) } else { Err(format!("its key is not one of type {kind}")) }
}

fn is_point(bytes: Option<&[u8]>, length: usize) -> bool {
    // Uncompressed, the only form that SSH has.
    bytes.is_some_and(|point| point.len() == length && point[0] == 4)
}

fn is_application(bytes: Option<&[u8]>) -> bool {
    bytes.is_some_and(|name| !name.is_empty() && name.len() <= MAX_PRINCIPAL)
}

/// Bits of a positive number in its shortest form (RFC 4251, `mpint`).
fn bits(number: &[u8]) -> Option<usize> {
    let shortest = match number {
        [0, next, ..] => *next >= 0x80,
        [first, ..] => *first < 0x80 && *first > 0,
        [] => false,
    };
    let digits = number.strip_prefix(&[0]).unwrap_or(number);
    shortest.then(|| digits.len() * 8 - digits[0].leading_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_utc() {
        for (text, seconds) in
            [("20270101", 1_798_761_600), ("202701010001Z", 1_798_761_660), ("20270101000100", 1_798_761_660)]
        {
            assert_eq!(time(text).unwrap().timestamp(), seconds, "{text}");
        }
        for bad in ["", "2027", "20270229", "20270101T", "20270101z", "202701012400", "19700101", "２０２７０１０１"]
        {
            assert!(time(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers_have_one_spelling() {
        assert_eq!(bits(&[1, 0, 1]), Some(17));
        assert_eq!(bits(&[0, 0x80]), Some(8));
        for bad in [&[][..], &[0], &[0, 1], &[0x80], &[0, 0, 0x80]] {
            assert_eq!(bits(bad), None, "{bad:?}");
        }
    }
}
