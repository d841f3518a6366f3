//! One line of a roster: whose key, which key, what for, when.
//!
//! Invariant: what is read has one reading, here and in OpenSSH; everything else is refused. Spec: `spec/roster.md`.

use super::signature::string;
use crate::crypto::hash::sha256;
use crate::storage::escape;
use base64::{Engine, prelude::BASE64_STANDARD, prelude::BASE64_STANDARD_NO_PAD};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use tr::tr;

/// Bytes of a line, at most.
const MAX_LINE: usize = 8192;
/// Bytes of a name, at most.
const MAX_PRINCIPAL: usize = 200;
/// Bits of an RSA modulus.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=16_384;

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
    /// Reads one line of a roster; `None` for a blank one or a comment.
    ///
    /// # Errors
    /// What is wrong with the line.
    pub fn read(line: &str) -> Result<Option<Self>, String> {
        if line.len() > MAX_LINE {
            return Err(tr!("it is longer than {max_line} bytes", max_line = MAX_LINE));
        }
        if escape(line) != line {
            return Err(tr!("it has a control, bidirectional or invisible character"));
        }
        let line = line.trim_matches(' ');
        if line.is_empty() || line.starts_with('#') {
            return Ok(None);
        }
        let (principal, rest) = line.split_once(' ').ok_or_else(|| tr!("it has no key"))?;
        check_principal(principal)?;
        let rest = rest.trim_start_matches(' ');
        let mut entry = Self {
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
        let (kind, encoded) =
            (fields.next().ok_or_else(|| tr!("it has no key"))?, fields.next().ok_or_else(|| tr!("it has no key"))?);
        if !is_kind(kind) {
            return Err(tr!("{kind} is not a type of key that may sign", kind = format!("{:?}", kind)));
        }
        entry.kind = kind.to_owned();
        entry.key = BASE64_STANDARD.decode(encoded).map_err(|_| tr!("its key is not base64"))?;
        check_key(kind, &entry.key)?;
        Ok(Some(entry))
    }

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

/// A key as `ssh-keygen -l` shows it.
pub fn fingerprint(key: &[u8]) -> String {
    format!("SHA256:{}", BASE64_STANDARD_NO_PAD.encode(sha256(&[key])))
}

/// Whether a person may have this name, on a roster and wherever else one stands.
///
/// # Errors
/// In words.
pub fn check_principal(name: &str) -> Result<(), String> {
    if name.is_empty() || escape(name) != name {
        return Err(tr!("a name is empty, or has a control, bidirectional or invisible character"));
    }
    if name.contains(',') {
        return Err(tr!("it names several principals: people are counted by name, so a key has one"));
    }
    if name.contains(['*', '?', '!']) {
        return Err(tr!("{name} is a pattern, not a person", name = format!("{:?}", name)));
    }
    if name.contains(['"', '\'', '\\', '=', '#']) || name.chars().any(char::is_whitespace) {
        return Err(tr!("{name} is not a name such as a.wang@firm.example", name = format!("{:?}", name)));
    }
    if name.len() > MAX_PRINCIPAL {
        return Err(tr!("its name is longer than {max_principal} bytes", max_principal = MAX_PRINCIPAL));
    }
    Ok(())
}

/// Reads the options off the front of `rest` into `entry`, and returns what follows them.
fn options<'a>(mut rest: &'a str, entry: &mut Entry) -> Result<&'a str, String> {
    loop {
        let end = rest.find(['=', ',', ' ']).unwrap_or(rest.len());
        let name = rest[..end].to_ascii_lowercase();
        if name == "cert-authority" {
            return Err(tr!("certificate authorities are not people: list the keys themselves"));
        }
        if !matches!(name.as_str(), "namespaces" | "valid-after" | "valid-before") {
            return Err(tr!("{name} is neither a type of key nor an option", name = format!("{:?}", name)));
        }
        let quoted = rest[end..].strip_prefix("=\"").and_then(|value| value.split_once('"'));
        let (value, after) = quoted.ok_or_else(|| tr!("option {name}: its value is not quoted", name = name))?;
        set_option(&name, value, entry).map_err(|what| tr!("option {name}: {what}", name = name, what = what))?;
        match after.as_bytes().first() {
            Some(b',') => rest = &after[1..],
            Some(b' ') => return Ok(after.trim_start_matches(' ')),
            Some(_) => return Err(tr!("option {name}: something follows its value", name = name)),
            None => return Err(tr!("it has no key")),
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
        return Err(tr!("it is given twice"));
    }
    match (entry.valid_after, entry.valid_before) {
        (Some(after), Some(before)) if before <= after => Err(tr!("the key would never be valid")),
        _ => Ok(()),
    }
}

/// A list of names, each of which may end in `*`.
fn namespaces(value: &str) -> Result<Vec<String>, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@' | '/' | ':');
    let name = |name: &str| {
        let stem = name.strip_suffix('*').unwrap_or(name);
        let good = !name.is_empty() && name.len() <= MAX_PRINCIPAL && stem.chars().all(plain);
        good.then(|| name.to_owned()).ok_or_else(|| tr!("{name} is not a namespace", name = format!("{:?}", name)))
    };
    value.split(',').map(name).collect()
}

/// `YYYYMMDD`, `YYYYMMDDhhmm` or `YYYYMMDDhhmmss`, with or without `Z`, always in UTC.
fn time(value: &str) -> Result<DateTime<Utc>, String> {
    let malformed = || tr!("{value} is not a time such as 20261231 or 20261231235959Z", value = format!("{:?}", value));
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
                return Err(tr!("its RSA key does not have 2,048 to 16,384 bits"));
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
    if fits && rest.is_empty() { Ok(()) } else { Err(tr!("its key is not one of type {kind}", kind = kind)) }
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
