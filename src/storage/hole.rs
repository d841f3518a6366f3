//! Removes a stretch of a file's content in place: a hole where the file system has them, zeros elsewhere.
//!
//! Invariant: bytes outside of the stretch, and the file's length, stay as they are. What is on the medium below is not
//! overwritten: this gives back space, it does not destroy. Spec: `spec/archive.md`, "Removed records".

use super::StorageError;
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A file open for removing parts of it.
pub struct HoleWriter {
    file: File,
    path: PathBuf,
    holes: bool,
}

impl HoleWriter {
    /// Opens an existing file.
    ///
    /// # Errors
    /// [`StorageError::File`].
    pub fn open(path: &Path) -> Result<Self, StorageError> {
        let file = File::options().read(true).write(true).open(path).map_err(StorageError::at(path))?;
        Ok(Self { file, path: path.into(), holes: true })
    }

    /// Makes `len` bytes from `offset` on read as zeros.
    ///
    /// # Errors
    /// [`StorageError::File`].
    pub fn remove(&mut self, offset: u64, len: u64) -> Result<(), StorageError> {
        if self.holes {
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            match fallocate(&self.file, flags, offset, len) {
                Ok(()) => return Ok(()),
                Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => self.holes = false,
                Err(e) => return Err(StorageError::at(&self.path)(e.into())),
            }
        }
        static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
        let mut done = 0;
        while done < len {
            let n = (len - done).min(ZEROS.len() as u64);
            self.file.write_all_at(&ZEROS[..n as usize], offset + done).map_err(StorageError::at(&self.path))?;
            done += n;
        }
        Ok(())
    }

    /// Makes what was removed durable; whether the space was given back.
    ///
    /// # Errors
    /// [`StorageError::File`].
    pub fn finish(self) -> Result<bool, StorageError> {
        self.file.sync_all().map_err(StorageError::at(&self.path))?;
        Ok(self.holes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_stretch_becomes_zeros() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        for holes in [true, false] {
            std::fs::write(&path, vec![7; 300_000]).unwrap();
            let mut writer = HoleWriter::open(&path).unwrap();
            writer.holes &= holes;
            writer.remove(1000, 200_001).unwrap();
            writer.finish().unwrap();
            let content = std::fs::read(&path).unwrap();
            assert_eq!(content.len(), 300_000);
            for (at, &byte) in content.iter().enumerate() {
                assert_eq!(byte == 0, (1000..201_001).contains(&at), "{at}");
            }
        }
    }
}
