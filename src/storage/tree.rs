//! Reads a folder that a stranger gave: only what lies below it, and nothing that is not a file.
//!
//! Invariant: every path is resolved by the kernel beneath the open folder, so that no link leads out of it; nothing but regular
//! files is opened.

use super::StorageError;
use crate::crypto::hash::{Hash, sha256_reader};
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use tr::tr;

/// A folder to be looked through.
pub struct TreeReader {
    dir: Dir,
    path: PathBuf,
}

/// What a name in a folder stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// Anything else.
    Other,
}

impl TreeReader {
    /// Opens a folder.
    ///
    /// # Errors
    /// [`StorageError::File`].
    pub fn open(path: &Path) -> Result<Self, StorageError> {
        let dir = Dir::open_ambient_dir(path, ambient_authority()).map_err(StorageError::at(path))?;
        Ok(Self { dir, path: path.into() })
    }

    /// The folder `name` in it; a link to one is followed beneath it.
    ///
    /// # Errors
    /// [`StorageError::File`].
    pub fn folder(&self, name: &str) -> Result<Self, StorageError> {
        let path = self.path.join(name);
        match self.dir.open_dir(name) {
            Ok(dir) => Ok(Self { dir, path }),
            Err(e) => Err(StorageError::at(path)(e)),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a regular file, and no link, has this name.
    pub fn has_file(&self, name: &str) -> bool {
        self.dir.symlink_metadata(name).is_ok_and(|metadata| metadata.is_file())
    }

    /// The names in it, in the order of their bytes.
    ///
    /// # Errors
    /// [`StorageError::File`], also for a name that is not UTF-8.
    pub fn names(&self) -> Result<Vec<(String, NameKind)>, StorageError> {
        let list = || {
            let mut names = Vec::new();
            for entry in self.dir.entries()? {
                let entry = entry?;
                let name = entry.file_name().into_string().map_err(|_| io::Error::other(tr!("a name is not UTF-8")))?;
                let kind = entry.file_type()?;
                names.push(if kind.is_dir() {
                    (name, NameKind::Folder)
                } else if kind.is_symlink() {
                    (name, NameKind::Link)
                } else if kind.is_file() {
                    (name, NameKind::File)
                } else {
                    (name, NameKind::Other)
                });
            }
            names.sort_unstable_by(|a, b| a.0.cmp(&b.0));
            Ok(names)
        };
        list().map_err(StorageError::at(&self.path))
    }

    /// A reader over a file; links in the way, or the last one, are followed beneath the folder.
    ///
    /// # Errors
    /// [`StorageError::File`], also for what is no regular file.
    pub fn file(&self, path: &str) -> Result<impl Read + use<>, StorageError> {
        let open = || {
            // Asked before it is opened: opening a pipe would wait for a writer.
            if !self.dir.metadata(path)?.is_file() {
                return Err(io::Error::other(tr!("it is not a regular file")));
            }
            self.dir.open(path)
        };
        open().map_err(StorageError::at(self.path.join(path)))
    }

    /// A whole file of at most `limit` bytes.
    ///
    /// # Errors
    /// [`StorageError::File`], also for a larger file.
    pub fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, StorageError> {
        let at = || StorageError::at(self.path.join(path));
        let mut bytes = Vec::new();
        self.file(path)?.take(limit + 1).read_to_end(&mut bytes).map_err(at())?;
        if bytes.len() as u64 > limit {
            return Err(at()(io::Error::other(tr!("it is larger than {limit} bytes", limit = limit))));
        }
        Ok(bytes)
    }

    /// SHA-256 of a file.
    ///
    /// # Errors
    /// [`StorageError::File`].
    pub fn hash(&self, path: &str) -> Result<Hash, StorageError> {
        sha256_reader(self.file(path)?).map_err(StorageError::at(self.path.join(path)))
    }

    /// How many files and links lie below the folder `name`.
    ///
    /// # Errors
    /// [`StorageError::File`], also for what is neither file nor folder nor link.
    pub fn count_files(&self, name: &str) -> Result<u64, StorageError> {
        let mut folders = vec![name.to_owned()];
        let mut files = 0;
        while let Some(folder) = folders.pop() {
            let at = || StorageError::at(self.path.join(&folder));
            for entry in self.dir.read_dir(&folder).map_err(at())? {
                let entry = entry.map_err(at())?;
                let kind = entry.file_type().map_err(at())?;
                if kind.is_dir() {
                    let name = entry.file_name();
                    let name = name.to_str().ok_or_else(|| at()(io::Error::other(tr!("a name is not UTF-8"))))?;
                    folders.push(format!("{folder}/{name}"));
                } else if kind.is_file() || kind.is_symlink() {
                    files += 1;
                } else {
                    return Err(at()(io::Error::other(tr!("it holds something that is no file"))));
                }
            }
        }
        Ok(files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_is_read_and_nothing_but_files() {
        let dir = tempfile::tempdir().unwrap();
        let inside = dir.path().join("in");
        std::fs::create_dir_all(inside.join("a/b")).unwrap();
        std::fs::write(dir.path().join("secret"), b"outside").unwrap();
        std::fs::write(inside.join("a/b/file"), b"inside").unwrap();
        std::os::unix::fs::symlink("../../secret", inside.join("a/out")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", inside.join("a/absolute")).unwrap();
        std::os::unix::fs::symlink("b/file", inside.join("a/link")).unwrap();
        let tree = TreeReader::open(&inside).unwrap();
        assert_eq!(tree.read("a/b/file", 6).unwrap(), b"inside");
        assert_eq!(tree.read("a/link", 6).unwrap(), b"inside");
        assert!(tree.read("a/b/file", 5).is_err());
        for outside in ["a/out", "a/absolute", "../secret", "a/b", "missing"] {
            assert!(tree.hash(outside).is_err(), "{outside}");
        }
        assert_eq!(tree.count_files("a").unwrap(), 4);
        assert_eq!(tree.names().unwrap(), [("a".to_owned(), NameKind::Folder)]);
        std::os::unix::fs::symlink("/etc", inside.join("etc")).unwrap();
        assert!(tree.folder("a").unwrap().folder("out").is_err() && tree.folder("etc").is_err());
    }
}
