//! Time stamps of outside authorities (RFC 3161), verified by `openssl ts` against pinned certificates.
//!
//! Invariant: the time that is returned stands in the signed bytes, is read here from DER that has one reading, and is the
//! time for which the authority's certificates were checked. Spec: `spec/outside-time.md`.

use super::escape;
use super::process::{ProcessError, Program, Scratch};
use crate::language::{said, text};
use chrono::{DateTime, NaiveDateTime, Utc};
use std::time::Duration;
use tr::tr;

/// Bytes of a time stamp, at most.
pub const MAX_TOKEN: usize = 256 << 10;

const PROGRAM: &str = "openssl";
const CHECKING: Duration = Duration::from_secs(30);
const OUTPUT: usize = 64 << 10;

/// A time stamp that proves no time.
#[derive(Debug, thiserror::Error)]
pub enum TimestampError {
    /// Not a time stamp in DER, or not one of those that are accepted.
    #[error("{}", tr!("time stamp: {what}", what = said(_0)))]
    Malformed(&'static str),
    /// No authority is pinned.
    #[error("{}", tr!("time stamp: no authority is trusted"))]
    NoAuthority,
    /// It is over something else, or no pinned authority made it.
    #[error("{}", tr!("time stamp: no trusted authority made it over this text: {what}", what = _0))]
    Untrusted(String),
    /// `openssl` could not be run.
    #[error(transparent)]
    Process(#[from] ProcessError),
}

/// The time that `stamp`, a response or a bare token, proves for `message`: an authority in `authorities` (certificates in
/// PEM: the authority's own, or those that issued it) says that it had seen `message` then. Whole seconds.
///
/// # Errors
/// [`TimestampError`].
pub fn verify(message: &[u8], stamp: &[u8], authorities: &[String]) -> Result<DateTime<Utc>, TimestampError> {
    let Stamp { is_token, time } = Stamp::parse(stamp)?;
    if authorities.is_empty() {
        return Err(TimestampError::NoAuthority);
    }
    let scratch = Scratch::new()?;
    let pinned = scratch.file("authorities.pem", authorities.join("\n").as_bytes())?;
    let mut program = Program::new(PROGRAM, CHECKING, OUTPUT).env("OPENSSL_CONF", "/dev/null");
    // Left to itself, openssl asks whether the certificates are valid today, which says nothing about the day of the
    // stamp: a certificate of 2026 would vouch for 2020.
    let at = time.timestamp().to_string();
    program = program.args(["ts", "-verify", "-partial_chain", "-x509_strict", "-attime", &at]);
    // Pinned twice: as what is trusted, and as where the signer's certificate is, should the stamp not carry it.
    program = program.arg("-CAfile").arg(&pinned).arg("-untrusted").arg(&pinned);
    program = program.arg("-data").arg(scratch.file("message", message)?);
    program = program.arg("-in").arg(scratch.file("stamp", stamp)?);
    if is_token {
        program = program.arg("-token_in");
    }
    let ran = program.run()?;
    match ran.code {
        Some(0) => Ok(time),
        Some(_) => Err(TimestampError::Untrusted(reasons(&ran.stderr))),
        None => Err(ran.failure().into()),
    }
}

/// What openssl's error lines (`…:error:…:library:function:reason:file:line:details`) have for people.
fn reasons(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(&stderr[..stderr.len().min(4096)]).into_owned();
    let reason = |line: &str| {
        let mut fields = line.splitn(9, ':').skip(5);
        let (reason, details) = (fields.next()?, fields.nth(2).unwrap_or_default());
        Some(if details.is_empty() { reason.to_owned() } else { format!("{reason} ({details})") })
    };
    escape(&text.lines().filter_map(reason).collect::<Vec<_>>().join(", "))
}

/// What we read of a stamp ourselves.
struct Stamp {
    is_token: bool,
    time: DateTime<Utc>,
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const OBJECT: u8 = 0x06;
const OCTETS: u8 = 0x04;
const GENERALIZED_TIME: u8 = 0x18;
const EXPLICIT_0: u8 = 0xa0;

const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
const TST_INFO: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04];
/// SHA-256, SHA-384 and SHA-512.
const HASHES: [&[u8]; 3] = [
    &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01],
    &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02],
    &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03],
];

impl Stamp {
    fn parse(stamp: &[u8]) -> Result<Self, TimestampError> {
        if stamp.len() > MAX_TOKEN {
            return Err(TimestampError::Malformed(text!("it is longer than 262,144 bytes")));
        }
        let malformed = TimestampError::Malformed(text!("it is not one in DER"));
        let mut whole = Der(stamp);
        let Some(first) = whole.take(SEQUENCE).filter(|_| whole.0.is_empty()) else { return Err(malformed) };
        // A response is a status and a token; a token begins with what it is.
        let is_token = first.0.first() == Some(&OBJECT);
        let Some((hash, time)) = Self::info(first, is_token) else { return Err(malformed) };
        if !HASHES.contains(&hash) {
            return Err(TimestampError::Malformed(text!("its hash is none of SHA-256, SHA-384 and SHA-512")));
        }
        let time = generalized_time(time).ok_or(TimestampError::Malformed(text!("its time is not one in DER")))?;
        Ok(Self { is_token, time })
    }

    /// The hash algorithm and the time in the signed part: every step has one place where it can be.
    fn info(mut outer: Der<'_>, is_token: bool) -> Option<(&[u8], &[u8])> {
        let mut token = match is_token {
            true => outer,
            false => {
                outer.take(SEQUENCE)?;
                let token = outer.take(SEQUENCE)?;
                outer.0.is_empty().then_some(token)?
            }
        };
        (token.take(OBJECT)?.0 == SIGNED_DATA).then_some(())?;
        let mut content = token.take(EXPLICIT_0)?;
        let mut signed = content.take(SEQUENCE)?;
        (token.0.is_empty() && content.0.is_empty()).then_some(())?;
        signed.take(INTEGER)?;
        signed.take(SET)?;
        let mut encapsulated = signed.take(SEQUENCE)?;
        (encapsulated.take(OBJECT)?.0 == TST_INFO).then_some(())?;
        let mut explicit = encapsulated.take(EXPLICIT_0)?;
        let mut octets = explicit.take(OCTETS)?;
        let mut info = octets.take(SEQUENCE)?;
        (encapsulated.0.is_empty() && explicit.0.is_empty() && octets.0.is_empty()).then_some(())?;
        info.take(INTEGER)?;
        info.take(OBJECT)?;
        let mut imprint = info.take(SEQUENCE)?;
        let hash = imprint.take(SEQUENCE)?.take(OBJECT)?.0;
        info.take(INTEGER)?;
        Some((hash, info.take(GENERALIZED_TIME)?.0))
    }
}

/// `YYYYMMDDhhmmss[.fraction]Z`. A fraction is cut off.
fn generalized_time(bytes: &[u8]) -> Option<DateTime<Utc>> {
    let text = std::str::from_utf8(bytes).ok()?.strip_suffix('Z')?;
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.len() <= 14 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(seconds) || seconds.len() != 14 || !digits(fraction) {
        return None;
    }
    NaiveDateTime::parse_from_str(seconds, "%Y%m%d%H%M%S").ok().map(|time| time.and_utc())
}

/// Elements of DER, one after the other.
#[derive(Clone, Copy)]
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// Takes an element of the type `tag`, with a length in its shortest form.
    fn take(&mut self, tag: u8) -> Option<Der<'a>> {
        let (&found, rest) = self.0.split_first()?;
        let (&short, rest) = rest.split_first()?;
        let (length, rest) = match short {
            0..=0x7f => (usize::from(short), rest),
            0x81..=0x83 => {
                let (digits, rest) = rest.split_at_checked(usize::from(short & 0x7f))?;
                let length = digits.iter().fold(0, |length, &digit| length << 8 | usize::from(digit));
                let shortest = digits[0] != 0 && length >= 0x80;
                (shortest.then_some(length)?, rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        if found != tag {
            return None;
        }
        self.0 = rest;
        Some(Der(content))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_one_reading() {
        let seconds = |text: &str| generalized_time(text.as_bytes()).map(|time| time.timestamp());
        assert_eq!(seconds("20261122164000Z"), Some(1_795_365_600));
        assert_eq!(seconds("20261122164000.999Z"), Some(1_795_365_600));
        for bad in ["20261122164000", "20261122164000+0100", "202611221640Z", "20261322164000Z", "2026112216400xZ", "Z"]
        {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }

    #[test]
    fn lengths_have_one_form() {
        assert_eq!(Der(&[4, 1, 9]).take(4).unwrap().0, [9]);
        for bad in [&[4, 0x81, 1, 9][..], &[4, 0x80, 9, 0, 0], &[4, 0x82, 0, 1, 9], &[4, 2, 9], &[5, 1, 9], &[4], &[]] {
            assert!(Der(bad).take(4).is_none(), "{bad:?}");
        }
    }
}
