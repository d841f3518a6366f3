//! Files and folders: reading sources, durable writes, locks, confined extraction.
//!
//! Invariant: the only module that writes through `std::fs`; nothing here knows what the bytes mean.

pub mod crontab;
pub mod direct;
pub mod document;
pub mod extract;
pub mod fault;
pub mod hole;
pub mod leftover;
pub mod limits;
pub mod lock;
pub mod output;
pub mod process;
pub mod schedule;
pub mod slot;
pub mod source;
pub mod spool;
pub mod ssh_keygen;
pub mod timer;
pub mod timestamp;
pub mod tree;
pub mod wipe;

use std::path::{Path, PathBuf};
use tr::tr;

/// A failure that names its file.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// An operation on a file failed.
    #[error("{}", tr!("{what}: {why}", what = show(path), why = crate::language::of_system(source)))]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The output is there already.
    #[error("{}", tr!("{path}: it exists already", path = show(_0)))]
    Exists(PathBuf),
    /// A name that only folders of runs that are not finished have.
    #[error("{}", tr!("{path}: the next run would remove a folder of this name as an interrupted one's", path = show(_0)))]
    Reserved(PathBuf),
    /// Somebody else holds the lock.
    #[error("{}", tr!("{path}: another keepuntil is using it", path = show(_0)))]
    Locked(PathBuf),
    /// A secret file that others on the machine can read.
    #[error("{}", tr!("{path}: other users of this machine can read it (mode {mode})", path = show(path), mode = format!("{mode:03o}")))]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

impl StorageError {
    /// Names the file behind an I/O error.
    pub fn at(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}

/// A path for a message: control characters, which a hostile name could use on a terminal, are escaped.
pub fn show(path: &Path) -> String {
    escape(&path.to_string_lossy())
}

/// Escapes control, bidirectional and zero-width characters, which a hostile name could use to deceive a reader.
pub fn escape(text: &str) -> String {
    let deceptive = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
    };
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if deceptive(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// Reads a whole file of at most `limit` bytes.
///
/// # Errors
/// [`StorageError::File`], also for a larger file.
pub fn read_limited(path: &Path, limit: u64) -> Result<Vec<u8>, StorageError> {
    use std::io::Read;
    let read = || {
        let mut bytes = Vec::new();
        std::fs::File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            return Err(std::io::Error::other(tr!("it is larger than {limit} bytes", limit = limit)));
        }
        Ok(bytes)
    };
    read().map_err(StorageError::at(path))
}

/// Reads a file that holds a secret; refuses one that group or others can read.
///
/// # Errors
/// [`StorageError::Exposed`]; [`StorageError::File`].
pub fn read_secret(path: &Path, limit: u64) -> Result<zeroize::Zeroizing<Vec<u8>>, StorageError> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = std::fs::metadata(path).map_err(StorageError::at(path))?;
    let mode = metadata.permissions().mode() & 0o777;
    // A pipe or a descriptor (`<(pass show …)`) has no readers but us.
    if metadata.is_file() && mode & 0o077 != 0 {
        return Err(StorageError::Exposed { path: path.into(), mode });
    }
    read_limited(path, limit).map(zeroize::Zeroizing::new)
}

#[cfg(test)]
mod tests {
    #[test]
    fn deceptive_characters_are_escaped() {
        assert_eq!(super::escape("a\u{1b}[2Jb\u{202e}c"), "a\\u{1b}[2Jb\\u{202e}c");
        assert_eq!(super::escape("沐阳 Ö"), "沐阳 Ö");
    }
}
