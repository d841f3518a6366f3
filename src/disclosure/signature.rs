//! SSH signatures as they stand: whose key they name, and for what (PROTOCOL.sshsig).
//!
//! Invariant: reading proves nothing; it finds the entry of the roster under which the signature is then verified.

use base64::{Engine, prelude::BASE64_STANDARD};

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
const END: &str = "-----END SSH SIGNATURE-----";
const MAGIC: &[u8] = b"SSHSIG";

/// The outside of a signature.
#[derive(Debug, PartialEq, Eq)]
pub struct Signature {
    /// The public key in SSH's wire form.
    pub key: Vec<u8>,
    /// What it was made for.
    pub namespace: String,
}

impl Signature {
    /// Reads an armoured signature; `None` for anything else.
    pub fn parse(armoured: &[u8]) -> Option<Self> {
        if armoured.len() > crate::storage::ssh_keygen::MAX_SIGNATURE {
            return None;
        }
        // A signature may have gone through a mail program: line ends and blanks around it mean nothing.
        let text = std::str::from_utf8(armoured).ok()?.trim();
        let body: String = text.strip_prefix(BEGIN)?.strip_suffix(END)?.split_ascii_whitespace().collect();
        let blob = BASE64_STANDARD.decode(body).ok()?;
        let mut rest = blob.strip_prefix(MAGIC)?.strip_prefix(&1u32.to_be_bytes())?;
        let key = string(&mut rest)?.to_vec();
        let namespace = std::str::from_utf8(string(&mut rest)?).ok()?.to_owned();
        let (_reserved, _hash, _signature) = (string(&mut rest)?, string(&mut rest)?, string(&mut rest)?);
        rest.is_empty().then_some(Self { key, namespace })
    }
}

/// Takes a string of SSH's wire form (RFC 4251, section 5) off the front.
pub fn string<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk::<4>()?;
    let (taken, after) = after.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    *rest = after;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(parts: &[&[u8]]) -> Vec<u8> {
        let lengths = parts.iter().map(|part| [&(part.len() as u32).to_be_bytes()[..], part].concat());
        lengths.collect::<Vec<_>>().concat()
    }

    fn armour(blob: &[u8]) -> String {
        format!("{BEGIN}\n{}\n{END}\n", BASE64_STANDARD.encode(blob))
    }

    #[test]
    fn only_whole_signatures_are_read() {
        let inner = wire(&[b"key", b"keepuntil-plan", b"", b"sha512", b"signature"]);
        let good = [MAGIC, &[0, 0, 0, 1], &inner].concat();
        let read = Signature::parse(armour(&good).as_bytes()).unwrap();
        assert_eq!((read.key.as_slice(), read.namespace.as_str()), (&b"key"[..], "keepuntil-plan"));
        assert_eq!(Signature::parse(armour(&good).replace('\n', "\r\n").as_bytes()), Some(read));
        for cut in 0..good.len() {
            assert_eq!(Signature::parse(armour(&good[..cut]).as_bytes()), None, "{cut}");
        }
        assert_eq!(Signature::parse(armour(&[&good[..], b"x"].concat()).as_bytes()), None);
        assert_eq!(Signature::parse(armour(&[MAGIC, &[0, 0, 0, 2], &inner].concat()).as_bytes()), None);
        assert_eq!(Signature::parse(&good), None);
        assert_eq!(Signature::parse(&vec![b'\n'; 1 << 20]), None);
    }
}
