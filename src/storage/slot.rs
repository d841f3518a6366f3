//! A preallocated file of one block that is overwritten in place, never renamed: where a root secret lives.
//!
//! Invariant: after [`write()`] returned, the former content is no longer in the file on a file system that overwrites
//! in place, and the new content is durable. Spec: `spec/keyring.md`, "Root slots".

use super::StorageError;
use super::output::{sync_parent, write_new};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Bytes of a slot.
pub const SLOT: usize = 4096;

/// Makes an empty slot: all zero, allocated.
///
/// # Errors
/// [`StorageError::Exists`]; [`StorageError::File`].
pub fn create(path: &Path) -> Result<(), StorageError> {
    write_new(path, &[0; SLOT], 0o600)
}

/// Overwrites a slot in place and makes it durable.
///
/// # Errors
/// [`StorageError::File`].
pub fn write(path: &Path, content: &[u8; SLOT]) -> Result<(), StorageError> {
    let write = || {
        let file = File::options().write(true).open(path)?;
        file.write_all_at(content, 0)?;
        file.sync_all()
    };
    write().map_err(StorageError::at(path))?;
    sync_parent(path)
}

/// Reads a slot.
///
/// # Errors
/// [`StorageError::File`], also when it is not of a slot's size.
pub fn read(path: &Path) -> Result<zeroize::Zeroizing<[u8; SLOT]>, StorageError> {
    let read = || {
        let file = File::open(path)?;
        if file.metadata()?.len() != SLOT as u64 {
            return Err(std::io::Error::other("it is not a root slot: its size is wrong"));
        }
        let mut content = zeroize::Zeroizing::new([0; SLOT]);
        file.read_exact_at(content.as_mut(), 0)?;
        Ok(content)
    };
    read().map_err(StorageError::at(path))
}
