//! The root secret of the current generation, in one of two slots that are overwritten in place.
//!
//! Spec: `spec/keyring.md`, "Root slots".

use super::KeyringError;
use crate::crypto::hash::sha256;
use crate::crypto::secret::Secret32;
use crate::storage::StorageError;
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
            let Content::Root(found, root) = parse(&content, index, keyring) else { continue };
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

    /// What lies in the slot that the root of `generation` does not use.
    ///
    /// # Errors
    /// [`KeyringError::RootForeign`] for a root that no interrupted change of this keyring can have left there; those
    /// of the file.
    pub fn idle(&self, generation: u64, keyring: &[u8; 16]) -> Result<Idle, KeyringError> {
        let index = (generation + 1) % 2;
        let path = self.path(index);
        let content = match slot::read(&path) {
            Ok(content) => content,
            // Nothing can be left in what is not there.
            Err(StorageError::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Idle::Empty);
            }
            Err(e) => return Err(e.into()),
        };
        match parse(&content, index, keyring) {
            Content::Empty => Ok(Idle::Empty),
            Content::Torn => Ok(Idle::Torn),
            Content::Root(found, _) if found == generation + 1 => Ok(Idle::Next),
            Content::Root(found, _) if found + 1 == generation => Ok(Idle::Former),
            Content::Root(..) | Content::Foreign => Err(KeyringError::RootForeign(path)),
        }
    }

    /// Overwrites the slot that the root of `generation` does not use with zeros.
    ///
    /// # Errors
    /// Those of the file.
    pub fn wipe_idle(&self, generation: u64) -> Result<(), KeyringError> {
        Ok(slot::write(&self.path((generation + 1) % 2), &[0; SLOT])?)
    }
}

/// What lies in the slot that is not in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    /// Zeros.
    Empty,
    /// A part of a root, or of zeros over one.
    Torn,
    /// The root of the next generation.
    Next,
    /// The root of the generation before.
    Former,
}

enum Content {
    Empty,
    Torn,
    Root(u64, Secret32),
    Foreign,
}

fn parse(content: &[u8; SLOT], index: u64, keyring: &[u8; 16]) -> Content {
    if content.iter().all(|&b| b == 0) {
        return Content::Empty;
    }
    let whole = content[..16] == MAGIC[..]
        && content[CHECKED..CHECKED + 32] == sha256(&[&content[..CHECKED]])
        && content[CHECKED + 32..].iter().all(|&b| b == 0);
    if !whole {
        return Content::Torn;
    }
    let generation = u64::from_be_bytes(content[16..24].try_into().expect("a slice of 8 bytes"));
    match Secret32::from_slice(&content[40..72]) {
        Some(root) if content[24..40] == keyring[..] && generation % 2 == index => Content::Root(generation, root),
        _ => Content::Foreign,
    }
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

    #[test]
    fn what_no_interruption_can_have_left_is_not_taken_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let slots = RootSlots::create(dir.path()).unwrap();
        let id = [7; 16];
        let idle = || slots.idle(4, &id);
        assert_eq!(idle().unwrap(), Idle::Empty);
        slots.store(5, &id, &Secret32::random()).unwrap();
        assert_eq!(idle().unwrap(), Idle::Next);
        slots.store(3, &id, &Secret32::random()).unwrap();
        assert_eq!(idle().unwrap(), Idle::Former);
        for (generation, keyring) in [(1, id), (7, id), (5, [8; 16])] {
            slots.store(generation, &keyring, &Secret32::random()).unwrap();
            assert!(matches!(idle(), Err(KeyringError::RootForeign(_))), "{generation}");
        }
        let path = dir.path().join("slot-1");
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[..64].fill(0);
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(idle().unwrap(), Idle::Torn);
        slots.wipe_idle(4).unwrap();
        assert_eq!(idle().unwrap(), Idle::Empty);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(idle().unwrap(), Idle::Empty);
        // A root in the slot of the other parity would be overwritten by the next one.
        slots.store(4, &id, &Secret32::random()).unwrap();
        std::fs::rename(dir.path().join("slot-0"), &path).unwrap();
        assert!(matches!(slots.load(4, &id), Err(KeyringError::RootMissing(..))));
    }
}
