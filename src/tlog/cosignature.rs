//! Cosignatures of witnesses (C2SP tlog-cosignature): a statement, at a time, that this is the largest tree they saw.
//!
//! Invariant: a cosignature counts only for the pinned key, once, over exactly this checkpoint. Spec:
//! `spec/journal.md`, "Cosignatures".

use super::TlogError;
use super::checkpoint::{Checkpoint, MAX_ORIGIN};
use super::note::{Note, signature_line};
use crate::crypto::sign::{ED25519_LEN, ML_DSA_44_LEN, Scheme, SigningKey, VerifierKey};
use crate::language::text;

/// Bytes that a checkpoint with cosignatures may have.
pub const MAX_COSIGNED: u64 = 256 * 1024;

/// The bytes that a cosignature by a key of this scheme and name signs.
fn message(checkpoint: &Checkpoint, scheme: Scheme, name: &str, time: u64) -> Vec<u8> {
    match scheme {
        Scheme::MlDsa44 => checkpoint.cosigned_message(name, time),
        _ => format!("cosignature/v1\ntime {time}\n{}", checkpoint.text()).into_bytes(),
    }
}

/// Both cosignature lines of a witness, Ed25519 first. `time` is in seconds since 1970, as the witness's clock says.
pub fn lines(checkpoint: &Checkpoint, witness: &SigningKey, time: u64) -> String {
    let [ed25519, ml_dsa_44] = witness.cosigner_keys();
    let line = |key: &VerifierKey, signature: Vec<u8>| {
        signature_line(&key.name, key.id(), &[&time.to_be_bytes()[..], &signature].concat())
    };
    let message = |key: &VerifierKey| message(checkpoint, key.scheme, &key.name, time);
    line(&ed25519, witness.sign_ed25519(&message(&ed25519)))
        + &line(&ml_dsa_44, witness.sign_ml_dsa_44(&message(&ml_dsa_44)))
}

/// What a note's text says and when the witness signed it, in seconds since 1970; lines of other keys are passed over.
///
/// # Errors
/// [`TlogError::Note`] for a malformed note; [`TlogError::Cosignature`] when the witness did not sign it, signed it
/// twice, or the signature is false.
pub fn verify(bytes: &[u8], witness: &VerifierKey) -> Result<(Checkpoint, u64), TlogError> {
    let note = Note::parse(bytes)?;
    let checkpoint = Checkpoint::parse(note.text)?;
    let signature_len = match witness.scheme {
        Scheme::Ed25519Cosignature => ED25519_LEN,
        Scheme::MlDsa44 => ML_DSA_44_LEN,
        Scheme::Ed25519 => {
            return Err(TlogError::Cosignature(text!("the key is for checkpoints, not for cosignatures")));
        }
    };
    if checkpoint.origin.len() > MAX_ORIGIN || witness.name.len() > MAX_ORIGIN {
        return Err(TlogError::Cosignature(text!("a name is too long")));
    }
    let id = witness.id();
    let mut by_witness = note.signatures.iter().filter(|line| line.name == witness.name && line.id == id);
    let Some(line) = by_witness.next() else {
        return Err(TlogError::Cosignature(text!("there is none by this witness")));
    };
    if by_witness.next().is_some() {
        return Err(TlogError::Cosignature(text!("there are two by one witness")));
    }
    let Some((time, signature)) = line.signature.split_first_chunk::<8>() else {
        return Err(TlogError::Cosignature(text!("it is cut short")));
    };
    let time = u64::from_be_bytes(*time);
    let signed = message(&checkpoint, witness.scheme, &witness.name, time);
    if time > i64::MAX as u64 || signature.len() != signature_len || !witness.verifies(&signed, signature) {
        return Err(TlogError::Cosignature(text!("it does not verify")));
    }
    Ok((checkpoint, time))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::secret::Secret32;

    fn key(name: &str) -> SigningKey {
        SigningKey::from_seeds(name, &Secret32::random(), &Secret32::random())
    }

    #[test]
    fn a_cosignature_counts_for_its_witness_its_time_and_its_checkpoint_only() {
        let (log, witness, other) = (key("firm.example"), key("witness.example/w"), key("witness.example/w"));
        let checkpoint = Checkpoint { origin: "firm.example/journal/00".into(), size: 3, root: [7; 32] };
        let note = checkpoint.sign(&log, 1_700_000_000) + &lines(&checkpoint, &witness, 1_700_000_060);
        for vkey in witness.cosigner_keys() {
            assert_eq!(verify(note.as_bytes(), &vkey), Ok((checkpoint.clone(), 1_700_000_060)));
            let id = vkey.id();
            for bad in [
                note.replacen("\n3\n", "\n4\n", 1),
                note.replacen("/journal/", "/archive/", 1),
                checkpoint.sign(&log, 1_700_000_000),
                note.clone() + &lines(&checkpoint, &witness, 1_700_000_061),
                note.replacen(
                    &signature_of(&note, id),
                    &{
                        let mut line = signature_of(&note, id);
                        // A digit within the time: 1_700_000_060 is in its lower bytes.
                        let at = line.rfind(' ').unwrap() + 15;
                        let byte = if &line[at..=at] == "A" { "B" } else { "A" };
                        line.replace_range(at..=at, byte);
                        line
                    },
                    1,
                ),
            ] {
                assert!(verify(bad.as_bytes(), &vkey).is_err(), "{bad}");
            }
        }
        for vkey in other.cosigner_keys().iter().chain(&witness.verifier_keys()[..1]) {
            assert!(matches!(verify(note.as_bytes(), vkey), Err(TlogError::Cosignature(_))));
        }
    }

    fn signature_of(note: &str, id: [u8; 4]) -> String {
        let parsed = Note::parse(note.as_bytes()).unwrap();
        let line = parsed.signatures.iter().find(|line| line.id == id).unwrap();
        signature_line(line.name, line.id, &line.signature)
    }

    #[test]
    fn the_example_of_the_specification_is_read_as_one_line_of_each_key() {
        let note = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
            — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
            — witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";
        let parsed = Note::parse(note.as_bytes()).unwrap();
        let line = &parsed.signatures[1];
        assert_eq!(u64::from_be_bytes(line.signature[..8].try_into().unwrap()), 1_679_315_147);
        let checkpoint = Checkpoint::parse(parsed.text).unwrap();
        assert!(
            message(&checkpoint, Scheme::Ed25519Cosignature, line.name, 1_679_315_147)
                .starts_with(b"cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\nCsUY")
        );
    }
}
