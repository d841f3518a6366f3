//! Removes a file that holds a secret for one use: overwritten in place first, then unlinked.
//!
//! Invariant: what was overwritten is on disk before the name is gone; a link is never followed. What a file system or a disk keeps
//! of the former blocks is beyond this program. Spec: `spec/evidence.md`, "One-time identity".

use super::StorageError;
use super::output::sync_parent;
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use tr::tr;

/// Overwrites a regular file with zeros and removes it.
///
/// # Errors
/// [`StorageError::File`], also for a link or anything else that is not a regular file.
pub fn wipe(path: &Path) -> Result<(), StorageError> {
    let overwrite = || {
        let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(std::io::Error::other(tr!("it is not a regular file")));
        }
        std::io::copy(&mut std::io::Read::take(std::io::repeat(0), metadata.len()), &mut file)?;
        file.flush()?;
        file.sync_all()
    };
    overwrite().map_err(StorageError::at(path))?;
    std::fs::remove_file(path).map_err(StorageError::at(path))?;
    sync_parent(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_overwritten_and_gone_and_a_link_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other, link) = (dir.path().join("secret"), dir.path().join("other name"), dir.path().join("link"));
        std::fs::write(&path, b"AGE-SECRET-KEY-PQ-1").unwrap();
        std::fs::hard_link(&path, &other).unwrap();
        std::os::unix::fs::symlink(&other, &link).unwrap();
        wipe(&path).unwrap();
        assert!(!path.exists());
        assert_eq!(std::fs::read(&other).unwrap(), [0; 19]);
        std::fs::write(&other, b"kept").unwrap();
        assert!(wipe(&link).is_err());
        assert!(wipe(dir.path()).is_err());
        assert_eq!(std::fs::read(&other).unwrap(), b"kept");
    }
}
