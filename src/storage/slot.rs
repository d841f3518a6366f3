//! A preallocated file of one block that is overwritten in place, never renamed: where a root secret lives.
//!
//! Invariant: after [`write()`] returned, the former content is no longer in the file on a file system that overwrites
//! in place, and the new content is durable. Spec: `spec/keyring.md`, "Root slots".

use super::StorageError;
use super::fault;
use super::output::write_new;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use tr::tr;
use zeroize::Zeroizing;

/// Bytes of a slot.
pub const SLOT: usize = 4096;

/// File systems that write changed blocks elsewhere and leave the former ones, by their magic numbers.
const COPYING: [(u64, &str); 8] = [
    (0x9123_683e, "btrfs"),
    (0x2fc1_2fc1, "zfs"),
    (0xca45_1a4e, "bcachefs"),
    (0x794c_7630, "overlayfs"),
    (0xf2f5_2010, "f2fs"),
    (0x3434, "nilfs2"),
    (0x6969, "nfs"),
    (0xfe53_4d42, "smb"),
];

/// Makes an empty slot: all zero, allocated.
///
/// # Errors
/// [`StorageError::Exists`]; [`StorageError::File`].
pub fn create(path: &Path) -> Result<(), StorageError> {
    write_new(path, &[0; SLOT], 0o600)
}

/// Overwrites a slot in place, makes it durable, and reads it again from where it was written to.
///
/// # Errors
/// [`StorageError::File`], also when something else is read than was written.
pub fn write(path: &Path, content: &[u8; SLOT]) -> Result<(), StorageError> {
    let write = || {
        let file = File::options().read(true).write(true).open(path)?;
        fault::write(&file, content)?;
        fault::sync(&file)?;
        // Only a hint: where it is not heeded, the comparison is with what the kernel remembers.
        let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
        let mut found = Zeroizing::new([0; SLOT]);
        file.read_exact_at(found.as_mut(), 0)?;
        if *found != *content || file.metadata()?.len() != SLOT as u64 {
            return Err(std::io::Error::other(tr!("what was written to it did not arrive")));
        }
        Ok(())
    };
    write().map_err(StorageError::at(path))?;
    sync_folder(path)
}

/// Reads a slot.
///
/// # Errors
/// [`StorageError::File`], also when it is not of a slot's size.
pub fn read(path: &Path) -> Result<Zeroizing<[u8; SLOT]>, StorageError> {
    let read = || {
        let file = File::open(path)?;
        if file.metadata()?.len() != SLOT as u64 {
            return Err(std::io::Error::other(tr!("it is not a root slot: its size is wrong")));
        }
        let mut content = Zeroizing::new([0; SLOT]);
        file.read_exact_at(content.as_mut(), 0)?;
        Ok(content)
    };
    read().map_err(StorageError::at(path))
}

/// Makes a file that others wrote, and its name, durable.
///
/// # Errors
/// [`StorageError::File`].
pub fn sync(path: &Path) -> Result<(), StorageError> {
    File::open(path).and_then(|file| fault::sync(&file)).map_err(StorageError::at(path))?;
    sync_folder(path)
}

fn sync_folder(path: &Path) -> Result<(), StorageError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|file| fault::sync(&file)).map_err(StorageError::at(folder))
}

/// The name of the file system that `path` lies on, where that keeps the former content of what is overwritten in it.
pub fn keeps_former_content(path: &Path) -> Option<&'static str> {
    copying(rustix::fs::statfs(path).ok()?.f_type as u64)
}

fn copying(magic: u64) -> Option<&'static str> {
    COPYING.iter().find(|(number, _)| *number == magic & 0xffff_ffff).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_systems_are_known_by_their_numbers() {
        assert_eq!(copying(0x9123_683e), Some("btrfs"));
        // As a kernel with 32-bit numbers gives it.
        assert_eq!(copying(0xffff_ffff_9123_683e), Some("btrfs"));
        // ext4, xfs, tmpfs.
        for in_place in [0xef53, 0x5846_5342, 0x0102_1994] {
            assert_eq!(copying(in_place), None);
        }
        assert_eq!(keeps_former_content(Path::new("/proc")), None);
    }
}
