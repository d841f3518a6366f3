//! Folders under temporary names: only their owner can enter them, from their creation on, and the next run removes what a killed
//! one left.
//!
//! Invariant: a folder that a process still uses is locked and stays; so does one of another user, and one of letters in which
//! anything else is. Spec: `spec/notices.md`, N-27; `spec/archive.md`, "Restoring".

use super::StorageError;
use super::extract::remove_whole;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, DirBuilder, DirBuilderExt};
use rustix::fs::{Mode, OFlags, openat};
use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What a folder is for, in its temporary name: each is removed by its own rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Letters and their mailing.
    Letters,
    /// A restored record, or an exported journal.
    Tree,
}

impl Purpose {
    fn infix(self) -> &'static str {
        match self {
            Self::Letters => "private-",
            Self::Tree => "tree-",
        }
    }
}

/// Bytes, in hex, that make a temporary name another each time.
const UNIQUE: usize = 6;

fn temporary_name(of: Purpose) -> String {
    let unique = hex::encode(&crate::crypto::secret::random_id()[..UNIQUE]);
    format!(".keepuntil-{}{unique}.partial", of.infix())
}

/// Whether [`temporary_name`] gave it.
fn is_temporary(name: &str, of: Purpose) -> bool {
    let unique =
        name.strip_prefix(".keepuntil-").and_then(|name| name.strip_prefix(of.infix())?.strip_suffix(".partial"));
    let is_hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    unique.is_some_and(|unique| unique.len() == 2 * UNIQUE && unique.bytes().all(is_hex))
}

/// Refuses a name under which the next run would remove what is there.
///
/// # Errors
/// [`StorageError::Reserved`].
pub fn refuse_reserved(path: &Path) -> Result<(), StorageError> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match [Purpose::Letters, Purpose::Tree].into_iter().any(|of| is_temporary(name, of)) {
        true => Err(StorageError::Reserved(path.into())),
        false => Ok(()),
    }
}

/// Makes a folder with a new temporary name that only the owner can enter, and that [`remove_trees`] and [`remove_letters`] leave
/// alone as long as the file that comes with it is open.
pub(super) fn make(dir: &Dir, path: &Path, of: Purpose) -> Result<(String, File), StorageError> {
    loop {
        let name = temporary_name(of);
        let at = || StorageError::at(path.join(&name));
        dir.create_dir_with(&name, DirBuilder::new().mode(0o700)).map_err(at())?;
        let lock = open_itself(dir, &name).map_err(at())?;
        match lock.try_lock() {
            // Where there are no locks nobody else gets one either, and so nobody removes it.
            Ok(()) | Err(TryLockError::Error(_)) => {}
            Err(TryLockError::WouldBlock) => continue,
        }
        // Before it was locked, another run may have taken it for an interrupted one's.
        if is_still(dir, &name, &lock) {
            return Ok((name, lock));
        }
    }
}

/// Removes folders of letters in `parent` beside which no process is left, and returns where they were. Only what the owner alone
/// can enter, and what holds nothing but files of which `is_ours` knows the names, is one.
///
/// # Errors
/// [`StorageError::File`] when the folder cannot be listed.
pub fn remove_letters(parent: &Path, is_ours: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>, StorageError> {
    remove(parent, Purpose::Letters, &|dir, name, folder| {
        let is_private = folder.metadata().ok()?.mode() & 0o077 == 0;
        let inside = Dir::from_std_file(folder.try_clone().ok().filter(|_| is_private)?);
        let mut files = Vec::new();
        for entry in inside.entries().ok()? {
            let entry = entry.ok()?;
            let file = entry.file_name().to_str().filter(|file| is_ours(file))?.to_owned();
            files.push(entry.file_type().ok().filter(cap_std::fs::FileType::is_file).map(|_| file)?);
        }
        files.iter().try_for_each(|file| inside.remove_file(file)).ok()?;
        // Only an empty folder can be removed so: what came into it meanwhile stays.
        dir.remove_dir(name).ok()
    })
}

/// The same of restored records and exported journals, with whatever is in them: their names are nobody else's, for no output may
/// have one.
///
/// # Errors
/// [`StorageError::File`] when the folder cannot be listed.
pub fn remove_trees(parent: &Path) -> Result<Vec<PathBuf>, StorageError> {
    remove(parent, Purpose::Tree, &|dir, name, _| {
        remove_whole(dir, name);
        dir.symlink_metadata(name).is_err().then_some(())
    })
}

/// Removes one folder, or says with `None` that it stays.
type RemoveOne<'a> = &'a dyn Fn(&Dir, &str, &File) -> Option<()>;

fn remove(parent: &Path, of: Purpose, one: RemoveOne<'_>) -> Result<Vec<PathBuf>, StorageError> {
    let mut removed = Vec::new();
    if !parent.exists() {
        return Ok(removed);
    }
    let dir = Dir::open_ambient_dir(parent, ambient_authority()).map_err(StorageError::at(parent))?;
    // The open folder serves for resolving paths only.
    for entry in std::fs::read_dir(parent).map_err(StorageError::at(parent))? {
        let name = entry.map_err(StorageError::at(parent))?.file_name();
        let Some(name) = name.to_str().filter(|name| is_temporary(name, of)) else { continue };
        let abandoned = || {
            let folder = open_itself(&dir, name).ok()?;
            let is_own = folder.metadata().ok()?.uid() == rustix::process::geteuid().as_raw();
            (is_own && folder.try_lock().is_ok() && is_still(&dir, name, &folder)).then_some(folder)
        };
        if abandoned().and_then(|folder| one(&dir, name, &folder)).is_some() {
            removed.push(parent.join(name));
        }
    }
    removed.sort();
    Ok(removed)
}

/// The folder of this name as something that can be locked; never what a link leads to.
fn open_itself(dir: &Dir, name: &str) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(File::from(openat(dir, name, flags, Mode::empty())?))
}

/// Whether the name is still that of the open folder.
fn is_still(dir: &Dir, name: &str, folder: &File) -> bool {
    let same = |a: std::fs::Metadata, b: std::fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
    let now = open_itself(dir, name).and_then(|now| now.metadata());
    now.is_ok_and(|now| folder.metadata().is_ok_and(|then| same(now, then)))
}

#[cfg(test)]
mod tests {
    use super::super::extract::OutputFolder;
    use super::super::source::Attributes;
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_tree_is_private_until_it_has_its_name_and_stays_while_it_is_in_use() {
        let dir = tempfile::tempdir().unwrap();
        let folder = OutputFolder::open(dir.path(), false).unwrap();
        let mut tree = folder.begin().unwrap();
        let file = Attributes { mode: 0o644, mtime: 0, nanos: 0 };
        tree.file("a", file, &mut &b"secret"[..]).unwrap();
        let there = || std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
        assert_eq!(mode(&there()[0]), 0o700);
        assert!(remove_trees(dir.path()).unwrap().is_empty());
        std::fs::create_dir(dir.path().join("usual")).unwrap();
        let usual = mode(&dir.path().join("usual"));
        tree.finish(None, "tree").unwrap();
        assert_eq!(mode(&dir.path().join("tree")), usual);
        let mut tree = folder.begin().unwrap();
        tree.directory("", Attributes { mode: 0o555, mtime: 7, nanos: 0 }).unwrap();
        tree.finish(None, "said").unwrap();
        assert_eq!(mode(&dir.path().join("said")), 0o555);
        assert_eq!(std::fs::metadata(dir.path().join("said")).unwrap().mtime(), 7);
    }

    #[test]
    fn what_a_killed_run_left_is_removed_whole_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let named = |name: &str| dir.path().join(name);
        let left = named(".keepuntil-tree-0123456789ab.partial");
        std::fs::create_dir_all(left.join("data/inner")).unwrap();
        std::fs::write(left.join("data/inner/secret.txt"), "x").unwrap();
        std::fs::set_permissions(left.join("data"), PermissionsExt::from_mode(0o500)).unwrap();
        let stay =
            ["usual", ".keepuntil-tree-0123456789.partial", ".keepuntil-private-0123456789ab.partial"].map(named);
        stay.iter().for_each(|path| std::fs::create_dir(path).unwrap());
        let link = named(".keepuntil-tree-0123456789ac.partial");
        symlink(&stay[0], &link).unwrap();
        assert_eq!(remove_trees(dir.path()).unwrap(), std::slice::from_ref(&left));
        assert!(!left.exists() && stay.iter().all(|path| path.exists()) && link.symlink_metadata().is_ok());
        assert!(remove_trees(&named("missing")).unwrap().is_empty());
    }
}
