//! Who may read a compartment: age recipients of every kind, and the rule against mixing them.

use super::CryptoError;
use super::hybrid;
use super::identity::Prompts;
use crate::language::text;
use age_core::format::{FileKey, Stanza};
use std::collections::{BTreeMap, HashSet};

/// The recipients of one age file, in the order given.
pub struct Recipients {
    members: Vec<Box<dyn age::Recipient + Send + Sync>>,
}

impl Recipients {
    /// Parses recipient strings: `age1pq1…`, `age1tagpq1…`, `age1…`, and those of age plugins (`age1name1…`).
    ///
    /// # Errors
    /// [`CryptoError::Recipient`] names the string; [`CryptoError::Plugin`] a plugin that is not installed.
    pub fn parse<S: AsRef<str>>(texts: &[S], prompts: &Prompts) -> Result<Self, CryptoError> {
        let mut members: Vec<Box<dyn age::Recipient + Send + Sync>> = Vec::new();
        let mut plugins: BTreeMap<String, Vec<age::plugin::Recipient>> = BTreeMap::new();
        for text in texts {
            let text = text.as_ref();
            if let Ok(recipient) = text.parse::<hybrid::Recipient>() {
                members.push(Box::new(recipient));
            } else if let Ok(recipient) = text.parse::<age::x25519::Recipient>() {
                members.push(Box::new(recipient));
            } else if let Ok(recipient) = text.parse::<age::tagpq::Recipient>() {
                members.push(Box::new(recipient));
            } else if let Ok(recipient) = text.parse::<age::tag::Recipient>() {
                members.push(Box::new(recipient));
            } else if let Ok(recipient) = text.parse::<age::plugin::Recipient>() {
                plugins.entry(recipient.plugin().into()).or_default().push(recipient);
            } else {
                return Err(not_understood(text));
            }
        }
        for (name, recipients) in plugins {
            let plugin = age::plugin::RecipientPluginV1::new(&name, &recipients, &[], prompts.clone())
                .map_err(|e| CryptoError::Plugin(format!("{name}: {e}")))?;
            members.push(Box::new(plugin));
        }
        Ok(Self { members })
    }

    /// A single X25519 recipient whose secret the keyring holds.
    pub fn of_x25519(secret: &super::secret::Secret32) -> Self {
        Self { members: vec![Box::new(super::identity::x25519_identity(secret).to_public())] }
    }

    /// Wraps a file key to every recipient.
    ///
    /// # Errors
    /// [`CryptoError::MixedRecipients`] when their labels differ, [`CryptoError::Plugin`] when a plugin fails.
    pub fn wrap(&self, file_key: &FileKey) -> Result<Vec<Stanza>, CryptoError> {
        let mut stanzas = Vec::new();
        let mut labels: Option<HashSet<String>> = None;
        for member in &self.members {
            let (mut wrapped, its_labels) =
                member.wrap_file_key(file_key).map_err(|e| CryptoError::Plugin(crate::language::of_library(e)))?;
            if labels.get_or_insert_with(|| its_labels.clone()) != &its_labels {
                return Err(CryptoError::MixedRecipients);
            }
            stanzas.append(&mut wrapped);
        }
        Ok(stanzas)
    }

    /// Whether a file can be sealed to all of them together: a key that nobody uses is wrapped to each.
    ///
    /// # Errors
    /// Those of [`Self::wrap`].
    pub fn agree(&self) -> Result<(), CryptoError> {
        self.wrap(&super::header::new_file_key()).map(drop)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}

/// The recipient strings of a recipients file: one a line, `#` begins a comment.
pub fn recipients_file(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

fn not_understood(text: &str) -> CryptoError {
    let (shown, why) = if text.to_ascii_uppercase().starts_with("AGE-SECRET-KEY-") {
        ("AGE-SECRET-KEY-…".into(), text!("this is an identity, a secret; its recipient is needed here"))
    } else if text.starts_with("ssh-") {
        (text.into(), text!("SSH keys sign here, they do not encrypt; make an age identity with `keepuntil keygen`"))
    } else {
        (text.into(), text!("not an age recipient"))
    };
    CryptoError::Recipient(shown, why.into())
}
