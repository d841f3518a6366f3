//! Identity files: the secrets of those who may read, as age writes them.
//!
//! Reads what `age-keygen` of any age version, `keepuntil keygen` and age plugins make, also under a passphrase.

use super::CryptoError;
use super::hybrid;
use super::secret::Secret32;
use crate::language::text;
use age_core::primitives::bech32_encode;
use age_core::secrecy::{ExposeSecret, SecretString};
use std::io::Read;
use std::sync::Arc;
use tr::tr;
use zeroize::Zeroizing;

/// How secrets are asked for; the command line gives one that knows the terminal.
pub trait PromptHandler: Send + Sync {
    /// Shows a message.
    fn message(&self, text: &str);
    /// Asks for a line that may be shown; `None` where nobody can be asked.
    fn line(&self, text: &str) -> Option<String>;
    /// Asks for a secret; `None` where nobody can be asked.
    fn passphrase(&self, text: &str) -> Option<Zeroizing<String>>;
}

/// A shared [`PromptHandler`], in the form that the `age` crate's plugin client wants.
#[derive(Clone)]
pub struct Prompts(Arc<dyn PromptHandler>);

impl Prompts {
    /// Wraps a handler.
    pub fn new(handler: impl PromptHandler + 'static) -> Self {
        Self(Arc::new(handler))
    }

    /// Asks nobody: for tests and unattended runs.
    pub fn none() -> Self {
        Self::new(Nobody)
    }

    /// Asks for a passphrase.
    pub fn passphrase(&self, text: &str) -> Option<Zeroizing<String>> {
        self.0.passphrase(text)
    }
}

struct Nobody;

impl PromptHandler for Nobody {
    fn message(&self, _: &str) {}
    fn line(&self, _: &str) -> Option<String> {
        None
    }
    fn passphrase(&self, _: &str) -> Option<Zeroizing<String>> {
        None
    }
}

impl age::Callbacks for Prompts {
    fn display_message(&self, message: &str) {
        self.0.message(message);
    }

    fn confirm(&self, message: &str, yes: &str, no: Option<&str>) -> Option<bool> {
        let answer = self.0.line(&format!("{message} [{yes}/{}]", no.unwrap_or("no")))?;
        Some(answer.trim().eq_ignore_ascii_case(yes))
    }

    fn request_public_string(&self, description: &str) -> Option<String> {
        self.0.line(description)
    }

    fn request_passphrase(&self, description: &str) -> Option<SecretString> {
        self.0.passphrase(description).map(|text| SecretString::from(text.as_str().to_owned()))
    }
}

/// An X25519 identity from its 32 secret bytes.
pub fn x25519_identity(secret: &Secret32) -> age::x25519::Identity {
    let text = x25519_secret_string(secret);
    text.parse().expect("32 bytes always make an identity")
}

/// `AGE-SECRET-KEY-1…` for 32 secret bytes.
pub fn x25519_secret_string(secret: &Secret32) -> Zeroizing<String> {
    let hrp = bech32::Hrp::parse_unchecked("age-secret-key-");
    let lower = Zeroizing::new(bech32_encode(hrp, secret.expose()));
    Zeroizing::new(lower.to_uppercase())
}

/// The identities of one file.
pub struct Identities {
    members: Vec<Box<dyn age::Identity + Send + Sync>>,
    recipients: Vec<Option<String>>,
}

impl Identities {
    /// Parses an identity file; asks for its passphrase when it is an age file itself.
    ///
    /// # Errors
    /// [`CryptoError::IdentityFile`] names `name` and the line; [`CryptoError::Passphrase`] when it was wrong or missing.
    pub fn parse(name: &str, file: &[u8], prompts: &Prompts) -> Result<Self, CryptoError> {
        if file.starts_with(b"age-encryption.org/") {
            let opened = open_with_passphrase(name, file, prompts)?;
            return Self::parse_lines(name, &opened, prompts);
        }
        if file.starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----") {
            return Err(bad_file(name, text!("is armored; remove the armor with `age --decrypt` first")));
        }
        Self::parse_lines(name, file, prompts)
    }

    fn parse_lines(name: &str, file: &[u8], prompts: &Prompts) -> Result<Self, CryptoError> {
        let text = std::str::from_utf8(file).map_err(|_| bad_file(name, text!("is not a text file")))?;
        let mut members: Vec<Box<dyn age::Identity + Send + Sync>> = Vec::new();
        let mut recipients = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Ok(identity) = line.parse::<hybrid::Identity>() {
                recipients.push(Some(identity.to_public().to_string()));
                members.push(Box::new(identity));
            } else if let Ok(identity) = line.parse::<age::x25519::Identity>() {
                recipients.push(Some(identity.to_public().to_string()));
                members.push(Box::new(identity));
            } else if let Ok(identity) = line.parse::<age::plugin::Identity>() {
                let plugin_name = identity.plugin().to_owned();
                let plugin = age::plugin::IdentityPluginV1::new(&plugin_name, &[identity], prompts.clone())
                    .map_err(|e| CryptoError::Plugin(format!("{plugin_name}: {e}")))?;
                recipients.push(None);
                members.push(Box::new(plugin));
            } else {
                // The line itself stays out of the message: it may be a mistyped secret.
                return Err(bad_file(name, &tr!("has no identity on line {line}", line = index + 1)));
            }
        }
        if members.is_empty() {
            return Err(bad_file(name, text!("holds no identity")));
        }
        Ok(Self { members, recipients })
    }

    /// The identities in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &dyn age::Identity> {
        self.members.iter().map(|identity| identity.as_ref() as &dyn age::Identity)
    }

    /// Their recipients; `None` for those that only a plugin knows.
    pub fn recipients(&self) -> &[Option<String>] {
        &self.recipients
    }

    /// Adds those of another file.
    pub fn extend(&mut self, other: Self) {
        self.members.extend(other.members);
        self.recipients.extend(other.recipients);
    }
}

fn open_with_passphrase(name: &str, file: &[u8], prompts: &Prompts) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let decryptor = age::Decryptor::new_buffered(file).map_err(|e| bad_file(name, &crate::language::of_library(e)))?;
    if !decryptor.is_scrypt() {
        return Err(bad_file(name, text!("is an age file, but not one under a passphrase")));
    }
    let wrong = |why| CryptoError::Passphrase(name.to_owned(), why);
    let passphrase = prompts
        .passphrase(&tr!("Passphrase of {name}", name = name))
        .ok_or_else(|| wrong(text!("it is under a passphrase, and there is no terminal to ask for it")))?;
    let identity = age::scrypt::Identity::new(SecretString::from(passphrase.as_str().to_owned()));
    let mut reader = decryptor
        .decrypt(std::iter::once(&identity as &dyn age::Identity))
        .map_err(|_| wrong(text!("the passphrase is wrong")))?;
    let mut text = Zeroizing::new(Vec::with_capacity(file.len()));
    reader.read_to_end(&mut text).map_err(|_| bad_file(name, text!("is damaged")))?;
    Ok(text)
}

fn bad_file(name: &str, why: &str) -> CryptoError {
    CryptoError::IdentityFile(name.to_owned(), why.to_owned())
}

/// A freshly generated identity and its recipient.
pub struct NewIdentity {
    /// The recipient string.
    pub recipient: String,
    /// The identity's text form; a secret.
    pub secret: Zeroizing<String>,
}

/// Generates an identity: post-quantum, or X25519 where `classical`.
pub fn generate(classical: bool) -> NewIdentity {
    if classical {
        let identity = age::x25519::Identity::generate();
        let secret = Zeroizing::new(identity.to_string().expose_secret().to_owned());
        NewIdentity { recipient: identity.to_public().to_string(), secret }
    } else {
        let identity = hybrid::Identity::generate();
        NewIdentity { recipient: identity.to_public().to_string(), secret: identity.to_secret_string() }
    }
}

/// Encrypts an identity file under a passphrase, as `age -p` does.
pub fn seal_with_passphrase(text: &str, passphrase: &str) -> Vec<u8> {
    let recipient = age::scrypt::Recipient::new(SecretString::from(passphrase.to_owned()));
    age::encrypt(&recipient, text.as_bytes()).expect("encrypting to memory cannot fail")
}
