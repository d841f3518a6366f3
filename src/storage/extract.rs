//! Writes a restored tree: only below the output folder, never through a link, under its final name only when whole.
//!
//! Every path is resolved by the kernel beneath an open folder (`cap-std`), so a name that tries to leave fails.

use super::StorageError;
use super::source::Attributes;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, DirBuilder, DirBuilderExt, OpenOptions, OpenOptionsExt};
use rustix::fs::{
    AtFlags, Mode, OFlags, RenameFlags, Timespec, Timestamps, fchmod, futimens, openat, renameat_with, utimensat,
};
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Blocks of zeros of this size become holes.
const HOLE: usize = 4096;
const BUFFER: usize = 256 << 10;

/// A folder that restored trees go into.
pub struct OutputFolder {
    dir: Dir,
    path: PathBuf,
    replace: bool,
    made: bool,
}

impl OutputFolder {
    /// Opens the folder, which is made where it is missing. With `replace`, existing names give way.
    ///
    /// # Errors
    /// [`StorageError::File`].
    pub fn open(path: &Path, replace: bool) -> Result<Self, StorageError> {
        let made = path.symlink_metadata().is_err();
        std::fs::create_dir_all(path).map_err(StorageError::at(path))?;
        let dir = Dir::open_ambient_dir(path, ambient_authority()).map_err(StorageError::at(path))?;
        Ok(Self { dir, path: path.into(), replace, made })
    }

    /// Where the folder is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses a name that is taken, unless it may be replaced.
    ///
    /// # Errors
    /// [`StorageError::Exists`].
    pub fn check_free(&self, name: &str) -> Result<(), StorageError> {
        if !self.replace && self.dir.symlink_metadata(name).is_ok() {
            return Err(StorageError::Exists(self.path.join(name)));
        }
        Ok(())
    }

    /// Waits until everything that was written is on disk.
    ///
    /// # Errors
    /// [`StorageError::File`].
    pub fn make_durable(&self) -> Result<(), StorageError> {
        // The open folder serves for resolving paths only.
        let folder = std::fs::File::open(&self.path).map_err(StorageError::at(&self.path))?;
        rustix::fs::syncfs(folder).map_err(|e| StorageError::at(&self.path)(e.into()))
    }

    /// Whether a folder has this name.
    pub fn has_folder(&self, name: &str) -> bool {
        self.dir.symlink_metadata(name).is_ok_and(|metadata| metadata.is_dir())
    }

    /// Begins a tree under a temporary name.
    ///
    /// # Errors
    /// [`StorageError::File`].
    pub fn begin(&self) -> Result<PartialTree<'_>, StorageError> {
        self.begin_as(&temporary_name(""), 0o777, None)
    }

    fn begin_as(&self, name: &str, mode: u32, lock: Option<File>) -> Result<PartialTree<'_>, StorageError> {
        let make = || {
            if lock.is_none() {
                self.dir.create_dir_with(name, DirBuilder::new().mode(mode))?;
            }
            self.dir.open_dir(name)
        };
        let dir = make().map_err(StorageError::at(self.path.join(name)))?;
        let (name, directories, buffer) = (name.to_owned(), Vec::new(), vec![0; BUFFER]);
        Ok(PartialTree { folder: self, dir, name, directories, buffer, finished: false, _lock: lock })
    }

    /// Begins a tree that only the owner can enter from the start, and that [`OutputFolder::remove_interrupted`] leaves alone as long
    /// as this process lives.
    ///
    /// # Errors
    /// [`StorageError::File`].
    pub fn begin_private(&self) -> Result<PartialTree<'_>, StorageError> {
        loop {
            let name = temporary_name(PRIVATE);
            let at = || StorageError::at(self.path.join(&name));
            self.dir.create_dir_with(&name, DirBuilder::new().mode(0o700)).map_err(at())?;
            let lock = self.open_itself(&name).map_err(at())?;
            match lock.try_lock() {
                // Where there are no locks nobody else gets one either, and so nobody removes it.
                Ok(()) | Err(TryLockError::Error(_)) => {}
                Err(TryLockError::WouldBlock) => continue,
            }
            // Before it was locked, another run may have taken it for an interrupted one's.
            if self.is_still(&name, &lock) {
                return self.begin_as(&name, 0o700, Some(lock));
            }
        }
    }

    /// Removes private trees beside which no process is left, and returns where they were. Only what the owner alone can enter, and
    /// what holds nothing but files of which `is_ours` knows the names, is one.
    ///
    /// # Errors
    /// [`StorageError::File`] when the folder cannot be listed.
    pub fn remove_interrupted(&self, is_ours: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>, StorageError> {
        let mut removed = Vec::new();
        // The open folder serves for resolving paths only.
        for entry in std::fs::read_dir(&self.path).map_err(StorageError::at(&self.path))? {
            let entry = entry.map_err(StorageError::at(&self.path))?;
            let Some(name) = entry.file_name().to_str().filter(|name| is_temporary(name, PRIVATE)).map(str::to_owned)
            else {
                continue;
            };
            if self.remove_one(&name, &is_ours).is_some() {
                removed.push(self.path.join(name));
            }
        }
        Ok(removed)
    }

    /// None where it is in use, is not what was looked for, or cannot be removed: then it stays as it is.
    fn remove_one(&self, name: &str, is_ours: &impl Fn(&str) -> bool) -> Option<()> {
        let folder = self.open_itself(name).ok()?;
        let metadata = folder.metadata().ok()?;
        let is_private = metadata.mode() & 0o077 == 0 && metadata.uid() == rustix::process::geteuid().as_raw();
        if !is_private || folder.try_lock().is_err() || !self.is_still(name, &folder) {
            return None;
        }
        let inside = Dir::from_std_file(folder.try_clone().ok()?);
        let mut files = Vec::new();
        for entry in inside.entries().ok()? {
            let entry = entry.ok()?;
            let file = entry.file_name().to_str().filter(|file| is_ours(file))?.to_owned();
            files.push(entry.file_type().ok().filter(cap_std::fs::FileType::is_file).map(|_| file)?);
        }
        files.iter().try_for_each(|file| inside.remove_file(file)).ok()?;
        // Only an empty folder can be removed so: what came into it meanwhile stays.
        self.dir.remove_dir(name).ok()
    }

    /// The folder of this name as something that can be locked; never what a link leads to.
    fn open_itself(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(File::from(openat(&self.dir, name, flags, Mode::empty())?))
    }

    /// Whether the name is still that of the open folder.
    fn is_still(&self, name: &str, folder: &File) -> bool {
        let same = |a: std::fs::Metadata, b: std::fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
        let now = self.open_itself(name).and_then(|now| now.metadata());
        now.is_ok_and(|now| folder.metadata().is_ok_and(|then| same(now, then)))
    }

    /// Writes a small file beside the trees.
    ///
    /// # Errors
    /// [`StorageError::Exists`]; [`StorageError::File`].
    pub fn write_file(&self, name: &str, content: &[u8]) -> Result<(), StorageError> {
        self.check_free(name)?;
        super::output::OutputFile::begin(&self.path.join(name), 0o644, self.replace).and_then(|mut file| {
            file.write_all(content).map_err(StorageError::at(self.path.join(name)))?;
            file.finish()
        })
    }
}

impl Drop for OutputFolder {
    fn drop(&mut self) {
        if self.made {
            // Only an empty folder can be removed so: where nothing was restored, nothing shall be left.
            let _ = std::fs::remove_dir(&self.path);
        }
    }
}

/// A tree being written; removed again unless it is finished.
pub struct PartialTree<'a> {
    folder: &'a OutputFolder,
    dir: Dir,
    name: String,
    directories: Vec<(String, Attributes)>,
    buffer: Vec<u8>,
    finished: bool,
    /// Of a private tree: held as long as the process lives.
    _lock: Option<File>,
}

impl PartialTree<'_> {
    fn at(&self, path: &str) -> impl FnOnce(io::Error) -> StorageError + use<> {
        StorageError::at(self.folder.path.join(&self.name).join(path))
    }

    /// Makes a folder; mode and times are set at the end.
    ///
    /// # Errors
    /// [`StorageError::File`].
    pub fn directory(&mut self, path: &str, attributes: Attributes) -> Result<(), StorageError> {
        if !path.is_empty() {
            self.dir.create_dir(path).map_err(self.at(path))?;
        }
        self.directories.push((path.to_owned(), attributes));
        Ok(())
    }

    /// Writes a file; long runs of zeros become holes.
    ///
    /// # Errors
    /// [`StorageError::File`], for failures of `content` too.
    pub fn file(&mut self, path: &str, attributes: Attributes, content: &mut dyn Read) -> Result<(), StorageError> {
        let at = self.at(path);
        self.write_content(path, attributes, content).map_err(at)
    }

    fn write_content(&mut self, path: &str, attributes: Attributes, content: &mut dyn Read) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut file = self.dir.open_with(path, &options)?;
        let mut ends_in_hole = false;
        let mut len = 0u64;
        loop {
            let filled = fill(content, &mut self.buffer)?;
            for block in self.buffer[..filled].chunks(HOLE) {
                ends_in_hole = block.len() == HOLE && is_zero(block);
                if ends_in_hole {
                    file.seek(SeekFrom::Current(HOLE as i64))?;
                } else {
                    file.write_all(block)?;
                }
            }
            len += filled as u64;
            if filled < BUFFER {
                break;
            }
        }
        if ends_in_hole {
            file.set_len(len)?;
        }
        fchmod(&file, Mode::from_raw_mode(attributes.mode & 0o777))?;
        futimens(&file, &times(attributes))?;
        Ok(())
    }

    /// Gives a file one more name.
    ///
    /// # Errors
    /// [`StorageError::File`].
    pub fn hard_link(&mut self, path: &str, target: &str) -> Result<(), StorageError> {
        self.dir.hard_link(target, &self.dir, path).map_err(self.at(path))
    }

    /// Makes a symbolic link; its target is not looked at.
    ///
    /// # Errors
    /// [`StorageError::File`].
    pub fn link(&mut self, path: &str, target: &str, attributes: Attributes) -> Result<(), StorageError> {
        let make = || -> io::Result<()> {
            let (parent, name) = path.rsplit_once('/').unwrap_or((".", path));
            let parent = self.dir.open_dir(parent)?;
            parent.symlink_contents(target, name)?;
            Ok(utimensat(&parent, name, &times(attributes), AtFlags::SYMLINK_NOFOLLOW)?)
        };
        make().map_err(self.at(path))
    }

    /// A reader over a file that was written here.
    ///
    /// # Errors
    /// [`StorageError::File`].
    pub fn open(&self, path: &str) -> Result<impl Read + use<>, StorageError> {
        self.dir.open(path).map_err(self.at(path))
    }

    /// Sets the folders' modes and times and gives the tree, or the one thing `inner` in it, its final name.
    ///
    /// # Errors
    /// [`StorageError::Exists`]; [`StorageError::File`].
    pub fn finish(mut self, inner: Option<&str>, name: &str) -> Result<(), StorageError> {
        for (path, attributes) in std::mem::take(&mut self.directories).into_iter().rev() {
            let set = || -> io::Result<()> {
                let dir = if path.is_empty() { self.dir.try_clone()? } else { self.dir.open_dir(&path)? };
                // Opened for path resolution only, a folder handle cannot change modes; the path through it can.
                let file = dir.into_std_file();
                rustix::fs::chmodat(&file, ".", Mode::from_raw_mode(attributes.mode & 0o777), AtFlags::empty())?;
                utimensat(&file, ".", &times(attributes), AtFlags::empty())?;
                Ok(())
            };
            set().map_err(self.at(&path))?;
        }
        let from = match inner {
            Some(inner) => Path::new(&self.name).join(inner),
            None => PathBuf::from(&self.name),
        };
        self.folder.check_free(name)?;
        let to = self.folder.path.join(name);
        let root = &self.folder.dir;
        let flags = if self.folder.replace && root.symlink_metadata(name).is_ok() {
            RenameFlags::EXCHANGE
        } else {
            RenameFlags::NOREPLACE
        };
        match renameat_with(root, &from, root, name, flags) {
            Ok(()) => {}
            Err(rustix::io::Errno::EXIST) => return Err(StorageError::Exists(to)),
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
                root.rename(&from, root, name).map_err(StorageError::at(to))?;
            }
            Err(e) => return Err(StorageError::at(to)(e.into())),
        }
        // After an exchange, or with only one thing taken out, something is left under the temporary name.
        self.finished = flags == RenameFlags::NOREPLACE && inner.is_none();
        Ok(())
    }
}

impl Drop for PartialTree<'_> {
    fn drop(&mut self) {
        if !self.finished {
            let root = &self.folder.dir;
            // Nothing more can be done about a folder that cannot be removed; its name says what it is.
            if root.remove_dir_all(&self.name).is_err() {
                let _ = root.open_dir(&self.name).and_then(|dir| make_writable(&dir));
                let _ = root.remove_dir_all(&self.name);
                let _ = root.remove_file(&self.name);
            }
        }
    }
}

/// What stands in the name of a private tree.
const PRIVATE: &str = "private-";
/// Bytes, in hex, that make a temporary name another each time.
const UNIQUE: usize = 6;

fn temporary_name(of: &str) -> String {
    format!(".keepuntil-{of}{}.partial", hex::encode(&crate::crypto::secret::random_id()[..UNIQUE]))
}

/// Whether [`temporary_name`] gave it.
fn is_temporary(name: &str, of: &str) -> bool {
    let unique = name.strip_prefix(".keepuntil-").and_then(|name| name.strip_prefix(of)?.strip_suffix(".partial"));
    let is_hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    unique.is_some_and(|unique| unique.len() == 2 * UNIQUE && unique.bytes().all(is_hex))
}

/// Gives the owner back the right to remove what is in a tree's folders, which restored modes may deny.
fn make_writable(dir: &Dir) -> io::Result<()> {
    rustix::fs::chmodat(dir, ".", Mode::RWXU, AtFlags::empty())?;
    for entry in dir.entries()? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            // A folder without these rights cannot even be opened.
            rustix::fs::chmodat(dir, entry.file_name(), Mode::RWXU, AtFlags::empty())?;
            make_writable(&entry.open_dir()?)?;
        }
    }
    Ok(())
}

fn fill(source: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

fn is_zero(block: &[u8]) -> bool {
    let (chunks, rest) = block.as_chunks::<16>();
    chunks.iter().all(|chunk| u128::from_ne_bytes(*chunk) == 0) && rest.iter().all(|&b| b == 0)
}

fn times(attributes: Attributes) -> Timestamps {
    let time = Timespec { tv_sec: attributes.mtime, tv_nsec: attributes.nanos.into() };
    Timestamps { last_access: time, last_modification: time }
}
