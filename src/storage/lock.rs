//! Advisory locks between processes.

use super::StorageError;
use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A held lock; released when dropped or when the process ends.
pub struct Lock {
    _file: File,
}

/// Who else may hold the lock at the same time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// Other readers.
    Shared,
    /// Nobody.
    Exclusive,
}

impl Lock {
    /// Takes the lock on `path`, which is made where it is missing, waiting at most `wait`.
    ///
    /// # Errors
    /// [`StorageError::Locked`] when the time is over; [`StorageError::File`].
    pub fn take(path: &Path, sharing: Sharing, wait: Duration) -> Result<Self, StorageError> {
        let file = open(path, sharing).map_err(StorageError::at(path))?;
        let deadline = Instant::now() + wait;
        loop {
            let attempt = match sharing {
                Sharing::Shared => file.try_lock_shared(),
                Sharing::Exclusive => file.try_lock(),
            };
            match attempt {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(TryLockError::WouldBlock) => return Err(StorageError::Locked(PathBuf::from(path))),
                Err(TryLockError::Error(e)) => return Err(StorageError::at(path)(e)),
            }
        }
    }
}

fn open(path: &Path, sharing: Sharing) -> io::Result<File> {
    match File::options().create(true).truncate(false).read(true).write(true).open(path) {
        // Who only reads needs nothing but the file to be there.
        Err(e) if sharing == Sharing::Shared && is_read_only(&e) => File::open(path),
        opened => opened,
    }
}

fn is_read_only(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)
}
