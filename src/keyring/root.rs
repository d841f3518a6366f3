//! The root secret of the current generation, in one of two slots that are overwritten in place.
//!
//! Spec: `spec/keyring.md`, "Root slots".

use super::KeyringError;
use crate::crypto::hash::sha256;
use crate::crypto::secret::Secret32;
use crate::storage::slot::{self, SLOT};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const MAGIC: &[u8; 16] = b"keepuntil root\n\0";
const CHECKED: usize = 72;
/// Tells backup programs to leave the folder alone (the Cache Directory Tagging convention).
const CACHEDIR_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n\
# The root key of a keepuntil keyring. Do not back this folder up: a copy of the\n\
# root revives every record that is destroyed after the copy was made.\n";

/// The two slots of a keyring.
pub struct RootSlots {
    dir: PathBuf,
}

impl RootSlots {
    /// Makes two empty slots in `dir`.
    ///
    /// # Errors
    /// Where slots exist, or the folder cannot be written.
    pub fn create(dir: &Path) -> Result<Self, KeyringError> {
        let slots = Self::open(dir);
        for index in 0..2 {
            slot::create(&slots.path(index))?;
        }
        if dir.join("CACHEDIR.TAG").symlink_metadata().is_err() {
            crate::storage::output::write_new(&dir.join("CACHEDIR.TAG"), CACHEDIR_TAG.as_bytes(), 0o644)?;
        }
        Ok(slots)
    }

    /// The slots in `dir`.
    pub fn open(dir: &Path) -> Self {
        Self { dir: dir.into() }
    }

    fn path(&self, index: u64) -> PathBuf {
        self.dir.join(format!("slot-{index}"))
    }

    /// Stores the root of a generation in its slot, over what stood there. Even generations use slot 0, odd ones slot 1.
    ///
    /// # Errors
    /// Those of the file.
    pub fn store(&self, generation: u64, keyring: &[u8; 16], root: &Secret32) -> Result<(), KeyringError> {
        let mut content = Zeroizing::new([0; SLOT]);
        content[..16].copy_from_slice(MAGIC);
        content[16..24].copy_from_slice(&generation.to_be_bytes());
        content[24..40].copy_from_slice(keyring);
        content[40..72].copy_from_slice(root.expose());
        let check = sha256(&[&content[..CHECKED]]);
        content[CHECKED..CHECKED + 32].copy_from_slice(&check);
        Ok(slot::write(&self.path(generation % 2), &content)?)
    }

    /// The root of `generation`.
    ///
    /// # Errors
    /// [`KeyringError::CatalogueOlder`] when only a later root is there; [`KeyringError::RootMissing`] when none is.
    pub fn load(&self, generation: u64, keyring: &[u8; 16]) -> Result<Secret32, KeyringError> {
        let mut later = None;
        for index in 0..2 {
            let Ok(content) = slot::read(&self.path(index)) else { continue };
            let Some((found, root)) = parse(&content, keyring) else { continue };
            if found == generation {
                return Ok(root);
            }
            later = later.max(Some(found).filter(|&found| found > generation));
        }
        Err(match later {
            Some(root) => KeyringError::CatalogueOlder { catalogue: generation, root },
            None => KeyringError::RootMissing(generation, self.dir.clone()),
        })
    }
}

fn parse(content: &[u8; SLOT], keyring: &[u8; 16]) -> Option<(u64, Secret32)> {
    let whole = content[..16] == MAGIC[..]
        && content[24..40] == keyring[..]
        && content[CHECKED..CHECKED + 32] == sha256(&[&content[..CHECKED]])
        && content[CHECKED + 32..].iter().all(|&b| b == 0);
    let generation = u64::from_be_bytes(content[16..24].try_into().ok()?);
    whole.then(|| Secret32::from_slice(&content[40..72]).map(|root| (generation, root)))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_found_by_its_generation_and_an_older_catalogue_is_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let slots = RootSlots::create(dir.path()).unwrap();
        let (id, root) = ([7; 16], Secret32::random());
        assert!(matches!(slots.load(0, &id), Err(KeyringError::RootMissing(0, _))));
        slots.store(3, &id, &root).unwrap();
        assert_eq!(slots.load(3, &id).unwrap(), root);
        assert!(matches!(slots.load(2, &id), Err(KeyringError::CatalogueOlder { catalogue: 2, root: 3 })));
        assert!(matches!(slots.load(3, &[8; 16]), Err(KeyringError::RootMissing(..))));
        let path = dir.path().join("slot-1");
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[50] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert!(matches!(slots.load(3, &id), Err(KeyringError::RootMissing(..))));
    }
}
