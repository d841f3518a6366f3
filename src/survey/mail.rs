//! Text in mail as programs store it: its headers, and bodies in quoted-printable and base64.
//!
//! Invariant: the output is no longer than the input, and no message is an error. Attachments that are no text are left out.

use super::text;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Whoever cut the file short also cut its padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// How a body is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Plain,
    QuotedPrintable,
    Base64,
}

/// The text of messages, and whether nothing was left out.
pub fn text(message: &str) -> (String, bool) {
    let (mut out, mut whole) = (String::new(), true);
    let (mut encoding, mut in_headers, mut body) = (Encoding::Plain, true, String::new());
    for line in message.lines().chain(["--"]) {
        // A boundary, or the next message of a folder.
        if line.starts_with("--") || line.starts_with("From ") {
            whole &= flush(&mut body, encoding, &mut out);
            (encoding, in_headers) = (Encoding::Plain, true);
        } else if in_headers && line.is_empty() {
            in_headers = false;
        } else if in_headers {
            if let Some(named) = named(line) {
                encoding = named;
            }
            out.push_str(line);
            out.push('\n');
        } else {
            body.push_str(line);
            body.push('\n');
        }
    }
    (out, whole)
}

fn named(header: &str) -> Option<Encoding> {
    let (name, value) = header.split_once(':')?;
    if !name.eq_ignore_ascii_case("content-transfer-encoding") {
        return None;
    }
    Some(match value.trim().to_ascii_lowercase().as_str() {
        "base64" => Encoding::Base64,
        "quoted-printable" => Encoding::QuotedPrintable,
        _ => Encoding::Plain,
    })
}

/// Appends a body as text, and says whether it is text.
fn flush(body: &mut String, encoding: Encoding, out: &mut String) -> bool {
    let body = std::mem::take(body);
    let bytes = match encoding {
        _ if body.is_empty() => return true,
        Encoding::Plain => {
            out.push_str(&body);
            return true;
        }
        Encoding::QuotedPrintable => unquoted(&body),
        Encoding::Base64 => {
            let packed: String = body.split_whitespace().collect();
            match BASE64.decode(packed) {
                Ok(bytes) => bytes,
                Err(_) => return false,
            }
        }
    };
    let decoded = text::decode(&bytes);
    out.push_str(decoded.as_deref().unwrap_or_default());
    out.push('\n');
    decoded.is_some()
}

fn unquoted(body: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = |digit: u8| (digit as char).to_digit(16);
        rest = match (first, tail) {
            (b'=', [b'\n', after @ ..]) => after,
            (b'=', [high, low, after @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                let value = hex(*high).unwrap_or(0) * 16 + hex(*low).unwrap_or(0);
                out.push(u8::try_from(value).unwrap_or(b'?'));
                after
            }
            _ => {
                out.push(*first);
                tail
            }
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_decoded_and_attachments_are_told() {
        let message = "From: a@example.com\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\
            Content-Transfer-Encoding: base64\n\n5omL5py6IDEzODAwMTM4MDAw\n--x\n\
            content-transfer-encoding: Quoted-Printable\n\n=E6=89=8B=E6=9C=BA 139=\n00139000\n--x--\n";
        let (out, whole) = text(message);
        assert!(whole && out.contains("手机 13800138000") && out.contains("手机 13900139000"), "{out}");
        let (_, whole) = text("Content-Transfer-Encoding: base64\n\niVBORw0KGgoAAAANSUhEUg==\n");
        assert!(!whole, "a picture is no text");
        let (_, whole) = text("Content-Transfer-Encoding: base64\n\n***\n");
        assert!(!whole);
        assert_eq!(text("").0, "");
    }

    #[test]
    fn a_cut_message_keeps_what_is_there() {
        let message = "Content-Transfer-Encoding: base64\n\n5omL5py6IDEzODAwMTM4MDAw";
        for end in 0..message.len() {
            drop(text(&message[..end]));
        }
    }
}
