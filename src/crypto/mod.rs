//! Everything that touches a key: derivation, encryption, signatures, identities, randomness.
//!
//! Invariant: no other module uses a cryptographic crate or draws randomness, and no error of this
//! module carries secret bytes. Spec: `spec/archive.md`, section "Keys".

pub mod envelope;
pub mod hash;
pub mod header;
pub mod hybrid;
pub mod identity;
pub mod kdf;
pub mod recipient;
pub mod record_file;
pub mod secret;
pub mod sign;
pub mod stream;

use crate::language::said;
use tr::tr;

/// What can go wrong with keys and ciphertext.
#[derive(Debug, thiserror::Error)]
pub enum CryptoError {
    /// None of the identities offered opens the file.
    #[error("{}", tr!("no identity opens it"))]
    NoIdentity,
    /// The ciphertext or its header is not what its key sealed.
    #[error("{}", said(_0))]
    Damaged(&'static str),
    /// An age header that breaks the age grammar or this format's profile of it.
    #[error("{}", tr!("age header: {what}", what = said(_0)))]
    Header(String),
    /// A recipient string that is not understood.
    #[error("{}", tr!("recipient {recipient}: {what}", recipient = format!("{_0:?}"), what = said(_1)))]
    Recipient(String, String),
    /// Post-quantum and classical recipients in one compartment.
    #[error(
        "{}",
        tr!("post-quantum and classical recipients cannot be mixed: the classical one would undo the protection of the other")
    )]
    MixedRecipients,
    /// An identity file that cannot be used.
    #[error("{}", tr!("identity file {file}: {what}", file = _0, what = said(_1)))]
    IdentityFile(String, String),
    /// A passphrase is needed and nobody could be asked, or it was wrong.
    #[error("{}", tr!("identity file {file}: {what}", file = _0, what = said(_1)))]
    Passphrase(String, &'static str),
    /// An age plugin failed.
    #[error("{}", tr!("age plugin: {what}", what = _0))]
    Plugin(String),
    /// A verifier key that does not follow the signed-note grammar.
    #[error("{}", tr!("verifier key: {what}", what = said(_0)))]
    VerifierKey(&'static str),
    /// Reading or writing failed.
    #[error("{}", crate::language::of_system(_0))]
    Io(#[from] std::io::Error),
}
