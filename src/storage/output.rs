//! Files that appear whole or not at all.
//!
//! Invariant: under its final name a file is complete and on disk; a failure leaves nothing.

use super::StorageError;
use super::direct::DirectWriter;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use tr::tr;

/// A file being written under a temporary name beside its final one.
pub struct OutputFile {
    writer: Option<DirectWriter>,
    temporary: PathBuf,
    path: PathBuf,
    replace: bool,
    finished: bool,
}

impl OutputFile {
    /// Begins the file; with `replace` an existing one gives way at the end.
    ///
    /// # Errors
    /// [`StorageError::Exists`]; [`StorageError::File`], also for `-`.
    pub fn begin(path: &Path, mode: u32, replace: bool) -> Result<Self, StorageError> {
        // Commands that can write to standard output look for it before they come here.
        if path == Path::new("-") {
            return Err(StorageError::at(path)(io::Error::other(tr!(
                "this cannot go to standard output; for a file of that name say ./-"
            ))));
        }
        if !replace && path.symlink_metadata().is_ok() {
            return Err(StorageError::Exists(path.into()));
        }
        // Known beforehand, so that nobody learns it only after the work.
        if path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
            return Err(StorageError::at(path)(io::ErrorKind::IsADirectory.into()));
        }
        let Some(name) = path.file_name() else {
            return Err(StorageError::at(path)(io::Error::other(tr!("it is not a file's name"))));
        };
        let unique = hex::encode(&crate::crypto::secret::random_id()[..6]);
        let mut temporary_name = std::ffi::OsString::from(format!(".keepuntil-{unique}-"));
        // The end of a long name is enough to recognise it, and leaves room for the prefix.
        temporary_name.push(if name.len() > 200 { std::ffi::OsStr::new("partial") } else { name });
        let temporary = path.with_file_name(temporary_name);
        let file =
            File::options().write(true).create_new(true).mode(mode).open(&temporary).map_err(StorageError::at(path))?;
        let writer = Some(DirectWriter::new(file));
        Ok(Self { writer, temporary, path: path.into(), replace, finished: false })
    }

    /// Makes the file durable and gives it its name.
    ///
    /// # Errors
    /// [`StorageError::Exists`] when the name was taken meanwhile; [`StorageError::File`].
    pub fn finish(mut self) -> Result<(), StorageError> {
        self.settle()?;
        self.name()
    }

    /// Makes the content durable.
    fn settle(&mut self) -> Result<(), StorageError> {
        match self.writer.take() {
            Some(writer) => writer.finish().and_then(|file| file.sync_all()).map_err(StorageError::at(&self.path)),
            None => Ok(()),
        }
    }

    fn name(&mut self) -> Result<(), StorageError> {
        rename(&self.temporary, &self.path, self.replace)?;
        self.finished = true;
        sync_parent(&self.path)
    }
}

/// Finishes files that are of use only together: all of them are durable before the first gets its name, and where one cannot get
/// it, those before it are removed again. They get their names in the order given.
///
/// # Errors
/// As [`OutputFile::finish`].
pub fn finish_together(mut files: Vec<OutputFile>) -> Result<(), StorageError> {
    files.iter_mut().try_for_each(OutputFile::settle)?;
    let finished = files.iter_mut().try_for_each(OutputFile::name);
    if finished.is_err() {
        for file in files.iter().filter(|file| file.finished) {
            // A file that cannot be removed is told by the error that made it useless.
            let _ = std::fs::remove_file(&file.path);
        }
    }
    finished
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.writer {
            Some(writer) => writer.write(bytes),
            None => Err(io::Error::other(tr!("it is finished"))),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        if !self.finished {
            // Nothing more can be done about a file that cannot be removed; its name says what it is.
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}

/// Renames, refusing to replace unless told to.
fn rename(from: &Path, to: &Path, replace: bool) -> Result<(), StorageError> {
    if replace {
        return std::fs::rename(from, to).map_err(StorageError::at(to));
    }
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::EXIST) => Err(StorageError::Exists(to.into())),
        // File systems without the flag: a hard link refuses an existing name as well.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => match std::fs::hard_link(from, to) {
            Ok(()) => std::fs::remove_file(from).map_err(StorageError::at(from)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Err(StorageError::Exists(to.into())),
            Err(e) => Err(StorageError::at(to)(e)),
        },
        Err(e) => Err(StorageError::at(to)(e.into())),
    }
}

/// Makes a name in a folder durable.
///
/// # Errors
/// [`StorageError::File`].
pub fn sync_parent(path: &Path) -> Result<(), StorageError> {
    let parent = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => Path::new("/"),
    };
    File::open(parent).and_then(|folder| folder.sync_all()).map_err(StorageError::at(parent))
}

/// Writes a small file whole: durable, never over an existing one.
///
/// # Errors
/// [`StorageError::Exists`]; [`StorageError::File`].
pub fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), StorageError> {
    let mut file = OutputFile::begin(path, mode, false)?;
    file.write_all(bytes).map_err(StorageError::at(path))?;
    file.finish()
}

/// Makes a folder and those above it, durably; only the owner may enter what is new.
///
/// # Errors
/// [`StorageError::File`].
pub fn create_private_dir(path: &Path) -> Result<(), StorageError> {
    create_dir(path, 0o700)
}

/// Makes a folder and those above it, durably; who may enter what is new, the umask says.
///
/// # Errors
/// [`StorageError::File`].
pub fn create_shared_dir(path: &Path) -> Result<(), StorageError> {
    create_dir(path, 0o777)
}

fn create_dir(path: &Path, mode: u32) -> Result<(), StorageError> {
    use std::os::unix::fs::DirBuilderExt;
    super::leftover::refuse_reserved(path)?;
    let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && folder.symlink_metadata().is_err();
    let missing: Vec<&Path> = path.ancestors().take_while(is_missing).collect();
    std::fs::DirBuilder::new().recursive(true).mode(mode).create(path).map_err(StorageError::at(path))?;
    // What is synced in a folder is lost with it where the folder's own name is not on disk.
    missing.into_iter().rev().try_for_each(sync_parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_belong_together_come_together_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let [first, second] = ["first", "second"].map(|name| dir.path().join(name));
        let begun = || [&first, &second].map(|path| OutputFile::begin(path, 0o600, false).unwrap()).into();
        let files: Vec<OutputFile> = begun();
        // Somebody takes the second name while the files are being written.
        std::fs::write(&second, "another's").unwrap();
        assert!(matches!(finish_together(files), Err(StorageError::Exists(path)) if path == second));
        let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["second"]);
        assert_eq!(std::fs::read(&second).unwrap(), b"another's");
        std::fs::remove_file(&second).unwrap();
        finish_together(begun()).unwrap();
        assert!(first.exists() && second.exists());
    }

    #[test]
    fn standard_output_is_no_file_name() {
        let error = OutputFile::begin(Path::new("-"), 0o600, true).err().expect("refused").to_string();
        assert!(error.contains("./-"), "{error}");
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("-");
        write_new(&path, b"1", 0o600).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"1");
    }
}
