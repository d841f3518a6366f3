//! Writes a restored tree: only below the output folder, never through a link, under its final name only when whole.
//!
//! Every path is resolved by the kernel beneath an open folder (`cap-std`), so a name that tries to leave fails.

use super::StorageError;
use super::leftover::{self, Purpose};
use super::source::Attributes;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, DirBuilder, DirBuilderExt, OpenOptions, OpenOptionsExt};
use rustix::fs::{AtFlags, Mode, RenameFlags, Timespec, Timestamps, fchmod, futimens, renameat_with, utimensat};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Blocks of zeros of this size become holes.
const HOLE: usize = 4096;
const BUFFER: usize = 256 << 10;

/// A folder that restored trees go into.
pub struct OutputFolder {
    dir: Dir,
    path: PathBuf,
    replace: bool,
    made: bool,
    usual: OnceLock<u32>,
}

/// A folder that is made in a new tree, and removed, to see what mode it gets.
const PROBE: &str = "probe";

impl OutputFolder {
    /// Opens the folder, which is made where it is missing. With `replace`, existing names give way.
    ///
    /// # Errors
    /// [`StorageError::Reserved`]; [`StorageError::File`].
    pub fn open(path: &Path, replace: bool) -> Result<Self, StorageError> {
        leftover::refuse_reserved(path)?;
        let made = path.symlink_metadata().is_err();
        std::fs::create_dir_all(path).map_err(StorageError::at(path))?;
        let dir = Dir::open_ambient_dir(path, ambient_authority()).map_err(StorageError::at(path))?;
        Ok(Self { dir, path: path.into(), replace, made, usual: OnceLock::new() })
    }

    /// Where the folder is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses a name that is taken, unless it may be replaced, and one that is for temporary folders.
    ///
    /// # Errors
    /// [`StorageError::Exists`], [`StorageError::Reserved`].
    pub fn check_free(&self, name: &str) -> Result<(), StorageError> {
        leftover::refuse_reserved(&self.path.join(name))?;
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

    /// Begins a tree under a temporary name. Until it is finished only the owner can enter it; then it has the mode that a new folder
    /// has here, unless [`PartialTree::directory`] says another.
    ///
    /// # Errors
    /// [`StorageError::File`].
    pub fn begin(&self) -> Result<PartialTree<'_>, StorageError> {
        let mut tree = self.begin_as(Purpose::Tree)?;
        let usual = || -> io::Result<u32> {
            // Where nobody else can enter: what mode a new folder gets, the umask and the file system say.
            tree.dir.create_dir_with(PROBE, DirBuilder::new().mode(0o777))?;
            let mode = rustix::fs::statat(&tree.dir, PROBE, AtFlags::SYMLINK_NOFOLLOW)?.st_mode & 0o777;
            tree.dir.remove_dir(PROBE)?;
            Ok(mode)
        };
        let usual = match self.usual.get() {
            Some(usual) => *usual,
            None => {
                let usual = usual().map_err(StorageError::at(self.path.join(&tree.name)))?;
                *self.usual.get_or_init(|| usual)
            }
        };
        tree.usual = Some(usual);
        Ok(tree)
    }

    /// Begins a tree that stays one that only the owner can enter.
    ///
    /// # Errors
    /// [`StorageError::File`].
    pub fn begin_private(&self) -> Result<PartialTree<'_>, StorageError> {
        self.begin_as(Purpose::Letters)
    }

    fn begin_as(&self, of: Purpose) -> Result<PartialTree<'_>, StorageError> {
        let (name, lock) = leftover::make(&self.dir, &self.path, of)?;
        let dir = self.dir.open_dir(&name).map_err(StorageError::at(self.path.join(&name)))?;
        let (directories, buffer) = (Vec::new(), vec![0; BUFFER]);
        Ok(PartialTree { folder: self, dir, name, directories, buffer, usual: None, finished: false, _lock: lock })
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
    /// The mode that the tree gets where nothing says another.
    usual: Option<u32>,
    finished: bool,
    /// Held as long as the process lives: the next run leaves the tree alone.
    _lock: File,
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

    /// Sets mode and times of a folder.
    fn set(&self, path: &str, attributes: Attributes) -> io::Result<()> {
        let file = self.set_mode(path, attributes.mode)?;
        Ok(utimensat(&file, ".", &times(attributes), AtFlags::empty())?)
    }

    fn set_mode(&self, path: &str, mode: u32) -> io::Result<File> {
        let dir = if path.is_empty() { self.dir.try_clone()? } else { self.dir.open_dir(path)? };
        // Opened for path resolution only, a folder handle cannot change modes; the path through it can.
        let file = dir.into_std_file();
        rustix::fs::chmodat(&file, ".", Mode::from_raw_mode(mode & 0o777), AtFlags::empty())?;
        Ok(file)
    }

    /// Sets the folders' modes and times and gives the tree, or the one thing `inner` in it, its final name.
    ///
    /// # Errors
    /// [`StorageError::Exists`]; [`StorageError::File`].
    pub fn finish(mut self, inner: Option<&str>, name: &str) -> Result<(), StorageError> {
        let (whole, below): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.directories).into_iter().partition(|(path, _)| path.is_empty());
        below
            .into_iter()
            .rev()
            .try_for_each(|(path, attributes)| self.set(&path, attributes).map_err(self.at(&path)))?;
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
        // Others may enter only what is finished and has its name.
        if inner.is_none() {
            let set = match (whole.last(), self.usual) {
                (Some((_, attributes)), _) => self.set("", *attributes),
                (None, Some(usual)) => self.set_mode("", usual).map(drop),
                (None, None) => Ok(()),
            };
            set.map_err(StorageError::at(self.folder.path.join(name)))?;
        }
        // After an exchange, or with only one thing taken out, something is left under the temporary name.
        self.finished = flags == RenameFlags::NOREPLACE && inner.is_none();
        Ok(())
    }
}

impl Drop for PartialTree<'_> {
    fn drop(&mut self) {
        if !self.finished {
            remove_whole(&self.folder.dir, &self.name);
        }
    }
}

/// Removes whatever is there under the name, also where modes that were restored deny it. Nothing more can be done about what cannot
/// be removed; its name says what it is.
pub(super) fn remove_whole(root: &Dir, name: &str) {
    if root.remove_dir_all(name).is_err() {
        let _ = root.open_dir(name).and_then(|dir| make_writable(&dir));
        let _ = root.remove_dir_all(name);
        let _ = root.remove_file(name);
    }
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
