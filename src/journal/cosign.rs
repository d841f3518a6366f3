//! The witness: signs a journal's checkpoints with its own clock, never two that contradict each other.
//!
//! Invariant: what it signed last is in its state file, durable, before the cosignature leaves. Spec:
//! `spec/journal.md`, "Witnesses".

use super::JournalError;
use crate::crypto::hash::Hash;
use crate::crypto::secret::Secret32;
use crate::crypto::sign::{Scheme, SigningKey, VerifierKey, is_key_name};
use crate::tlog::checkpoint::{Checkpoint, MAX_ORIGIN};
use crate::tlog::consistency::verify_consistency;
use crate::tlog::cosignature;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tr::tr;
use zeroize::Zeroizing;

/// Bytes that a witness's state file may have.
pub const MAX_STATE: u64 = 4 << 20;
const FORMAT: &str = "keepuntil-witness/v1";
const PREFIX: &str = "PRIVATE+KEY+";

/// A witness's key pair.
pub struct WitnessKey {
    name: String,
    ed25519: Secret32,
    ml_dsa_44: Secret32,
}

impl WitnessKey {
    /// A fresh key.
    ///
    /// # Errors
    /// [`JournalError::File`] for a name that no key can have.
    pub fn generate(name: &str) -> Result<Self, JournalError> {
        if !is_key_name(name) || name.len() > MAX_ORIGIN {
            return Err(JournalError::File(tr!(
                "{name} cannot name a witness: 1 to {max_origin} bytes, without spaces and plus signs",
                name = format!("{:?}", name),
                max_origin = MAX_ORIGIN
            )));
        }
        Ok(Self { name: name.into(), ed25519: Secret32::random(), ml_dsa_44: Secret32::random() })
    }

    /// The key that signs.
    pub fn signing_key(&self) -> SigningKey {
        SigningKey::from_seeds(&self.name, &self.ed25519, &self.ml_dsa_44)
    }

    /// The key file: two lines as signed-note's implementations write private keys.
    pub fn to_text(&self) -> Zeroizing<String> {
        let seeds = [&self.ed25519, &self.ml_dsa_44];
        let mut text = Zeroizing::new(String::with_capacity(1024));
        for (key, seed) in self.signing_key().cosigner_keys().iter().zip(seeds) {
            let mut material = Zeroizing::new(vec![key.scheme.type_byte()]);
            material.extend_from_slice(seed.expose());
            let encoded = Zeroizing::new(BASE64_STANDARD.encode(&material));
            text.push_str(&format!("{PREFIX}{}+{}+", key.name, hex::encode(key.id())));
            text.push_str(&encoded);
            text.push('\n');
        }
        text
    }

    /// Parses a key file.
    ///
    /// # Errors
    /// [`JournalError::File`]; the text stays out of the message.
    pub fn parse(text: &[u8]) -> Result<Self, JournalError> {
        let malformed = || JournalError::File(tr!("witness key: it is not written as `journal witness-key` writes it"));
        let lines = std::str::from_utf8(text).map_err(|_| malformed())?;
        let mut lines = lines.lines().map(|line| -> Option<(&str, Secret32)> {
            let (name, rest) = line.strip_prefix(PREFIX)?.split_once('+')?;
            let material = Zeroizing::new(BASE64_STANDARD.decode(rest.split_once('+')?.1).ok()?);
            Some((name, Secret32::from_slice(material.get(1..)?)?))
        });
        let (Some(Some((name, ed25519))), Some(Some((_, ml_dsa_44))), None) =
            (lines.next(), lines.next(), lines.next())
        else {
            return Err(malformed());
        };
        let key = Self { name: name.into(), ed25519, ml_dsa_44 };
        // Names, key ids and types are in the text too: all of it must be what this key writes.
        if !is_key_name(name) || name.len() > MAX_ORIGIN || key.to_text().as_bytes() != text {
            return Err(malformed());
        }
        Ok(key)
    }
}

/// What a witness remembers: of each journal, whose it is and what it signed last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    format: String,
    journals: BTreeMap<String, Seen>,
}

/// The last head of one journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// Verifier keys of the journal.
    pub keys: [String; 2],
    /// Entries.
    pub size: u64,
    /// Root over them.
    #[serde(with = "hex::serde")]
    pub root: Hash,
}

impl Default for State {
    fn default() -> Self {
        Self { format: FORMAT.into(), journals: BTreeMap::new() }
    }
}

impl State {
    /// Parses a state file.
    ///
    /// # Errors
    /// [`JournalError::File`]: a witness that forgot what it signed could be made to sign a fork.
    pub fn parse(bytes: &[u8]) -> Result<Self, JournalError> {
        let malformed = |what: String| JournalError::File(tr!("witness state: {what}", what = what));
        let state: Self = serde_json::from_slice(bytes).map_err(|e| malformed(crate::language::of_library(e)))?;
        if state.to_bytes() != bytes || state.format != FORMAT {
            return Err(malformed(tr!("it is not {format}", format = FORMAT)));
        }
        Ok(state)
    }

    /// The bytes of the state file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("a state is always JSON");
        bytes.push(b'\n');
        bytes
    }

    /// What it signed last of a journal.
    pub fn seen(&self, origin: &str) -> Option<&Seen> {
        self.journals.get(origin)
    }

    /// Verifier keys of a journal that it knows.
    ///
    /// # Errors
    /// [`JournalError::Crypto`] for a state that somebody edited.
    pub fn keys(&self, origin: &str) -> Result<Option<[VerifierKey; 2]>, JournalError> {
        let Some(seen) = self.seen(origin) else { return Ok(None) };
        Ok(Some(journal_keys(&[seen.keys[0].parse()?, seen.keys[1].parse()?])?))
    }

    /// The head that the next one must extend, for [`super::folder::Folder::verify`].
    pub fn head(&self, origin: &str) -> Option<Checkpoint> {
        let seen = self.seen(origin)?;
        Some(Checkpoint { origin: origin.into(), size: seen.size, root: seen.root })
    }

    /// Checks that a proof leads from what was signed last to `head`. Without anything signed, any head does.
    ///
    /// # Errors
    /// [`JournalError::Older`], [`JournalError::OtherStart`]; [`JournalError::Forked`] where it proves nothing.
    pub fn follows(&self, head: &Checkpoint, old: u64, proof: &[Hash]) -> Result<(), JournalError> {
        let seen = self.seen(&head.origin);
        let size = seen.map_or(0, |seen| seen.size);
        if head.size < size {
            return Err(JournalError::Older { size: head.size, seen: size });
        }
        if old != size {
            return Err(JournalError::OtherStart { offered: old, seen: size });
        }
        match seen {
            Some(seen) => verify_consistency((seen.size, &seen.root), (head.size, &head.root), proof).map_err(|e| {
                JournalError::Forked(tr!("what this witness signed is not proved to be in it ({error})", error = e))
            }),
            None if proof.is_empty() => Ok(()),
            None => Err(JournalError::Forked(tr!("a proof from no entries has no hashes"))),
        }
    }

    /// Remembers a head; the caller has checked that it follows, and makes the state durable before it cosigns.
    ///
    /// # Errors
    /// [`JournalError::Foreign`] for other keys than before; [`JournalError::Older`], [`JournalError::Forked`].
    pub fn remember(&mut self, head: &Checkpoint, keys: &[VerifierKey; 2]) -> Result<(), JournalError> {
        let keys = keys.each_ref().map(ToString::to_string);
        if let Some(seen) = self.seen(&head.origin) {
            if seen.keys != keys {
                return Err(JournalError::Foreign(tr!("{}: this witness knows it by other keys", head.origin)));
            }
            if head.size < seen.size {
                return Err(JournalError::Older { size: head.size, seen: seen.size });
            }
            if head.size == seen.size && head.root != seen.root {
                return Err(JournalError::Forked(tr!("this witness signed another tree of the same size")));
            }
        }
        self.journals.insert(head.origin.clone(), Seen { keys, size: head.size, root: head.root });
        Ok(())
    }
}

/// The two keys of one journal out of those that somebody named.
///
/// # Errors
/// [`JournalError::Foreign`] unless there are exactly an Ed25519 and an ML-DSA-44 key of one name.
pub fn journal_keys(named: &[VerifierKey]) -> Result<[VerifierKey; 2], JournalError> {
    let of = |scheme| named.iter().find(|key| key.scheme == scheme);
    match (of(Scheme::Ed25519), of(Scheme::MlDsa44)) {
        (Some(ed25519), Some(ml_dsa_44)) if named.len() == 2 && ed25519.name == ml_dsa_44.name => {
            Ok([ed25519.clone(), ml_dsa_44.clone()])
        }
        _ => Err(JournalError::Foreign(tr!("a journal has two verifier keys of one name: Ed25519 and ML-DSA-44"))),
    }
}

/// The checkpoint with the witness's two lines. `time` is in seconds since 1970, as the witness's clock says.
///
/// # Errors
/// [`JournalError::Foreign`] where the witness has the journal's name; [`JournalError::Unwritable`] for a time of zero.
pub fn cosign(checkpoint: &str, witness: &SigningKey, time: u64) -> Result<String, JournalError> {
    let head = super::checkpoint::claimed(checkpoint.as_bytes())?;
    if head.origin.rsplit_once("/journal/").is_some_and(|(firm, _)| firm == witness.verifier_keys()[0].name) {
        return Err(JournalError::Foreign(tr!("a journal cannot be its own witness")));
    }
    if time == 0 {
        return Err(JournalError::Unwritable(tr!("a cosignature without a time")));
    }
    Ok(checkpoint.to_owned() + &cosignature::lines(&head, witness, time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_files_are_read_as_written_and_no_other_way() {
        let key = WitnessKey::generate("witness.example/w1").unwrap();
        let text = key.to_text();
        let again = WitnessKey::parse(text.as_bytes()).unwrap();
        assert_eq!(again.signing_key().cosigner_keys(), key.signing_key().cosigner_keys());
        for bad in [
            text.replacen("w1", "w2", 1),
            text.lines().next().unwrap().into(),
            format!("{}\n", text.as_str()),
            text.replacen("PRIVATE", "private", 1),
        ] {
            assert!(WitnessKey::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(WitnessKey::generate("a witness").is_err());
    }
}
