//! A disk that keeps only what was synced: calls recorded by `strace`, and what a loss of power can leave of them.
//!
//! As hostile as POSIX allows: until its file is synced a write is there, or not, or some of its 512-byte sectors are; a
//! length that was not synced is any that the file had, and what was never written is whatever lay there before; names are
//! durable only by a sync of their folder, each on its own, those of new folders too.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// The calls that change a disk or make it durable. Those that programs use and the model does not know are here as well:
/// on a watched file they end the test.
pub const CALLS: &str = "trace=openat,open,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,\
    unlink,unlinkat,rmdir,ftruncate,truncate,fallocate,write,pwrite64,writev,pwritev,pwritev2,copy_file_range,sendfile,\
    fsync,fdatasync,sync_file_range";
const SECTOR: usize = 512;

type Inode = usize;

/// One call, on what lies below the watched folder.
pub enum Call {
    /// A file or folder gets a name; an open cuts one that is there where `cut` is set.
    Open {
        path: PathBuf,
        cut: bool,
    },
    MakeFolder(PathBuf),
    /// At an offset, or (`None`) where the last write ended.
    Write {
        path: PathBuf,
        at: Option<usize>,
        bytes: Vec<u8>,
    },
    Length {
        path: PathBuf,
        length: usize,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    Remove(PathBuf),
    Sync(PathBuf),
    /// The program says on its standard output that it is done.
    Reported,
}

/// Reads the output of `strace -f -y -xx -e CALLS` of a program that was started in `folder`.
pub fn recorded(text: &str, folder: &Path) -> Vec<Call> {
    let (mut calls, mut unfinished) = (Vec::new(), BTreeMap::new());
    let first = text.split_once(' ').expect("strace names the process").0;
    for line in text.lines() {
        let (process, line) = line.split_once(' ').unwrap();
        let line = line.trim_start();
        // What another thread interrupts in the recording counts from its end on.
        let line = match line.strip_suffix(" <unfinished ...>") {
            Some(begin) => {
                unfinished.insert(process, begin);
                continue;
            }
            None => match line.strip_prefix("<... ").and_then(|line| line.split_once(" resumed>")) {
                Some((_, rest)) => format!("{}{rest}", unfinished.remove(process).expect("it began")),
                None => line.to_owned(),
            },
        };
        let Some((name, rest)) = line.split_once('(') else { continue };
        let Some((arguments, result)) = rest.rsplit_once(" = ") else { continue };
        if result.starts_with(['-', '?']) {
            continue;
        }
        let arguments = arguments.trim_end().strip_suffix(')').unwrap();
        let arguments: Vec<&str> = arguments.split(", ").collect();
        if name == "write" && arguments[0].starts_with("1<") && process == first {
            calls.push(Call::Reported);
        } else {
            calls.extend(call(name, &arguments, folder));
        }
    }
    calls
}

fn call(name: &str, arguments: &[&str], folder: &Path) -> Option<Call> {
    // Of a descriptor, of a folder's descriptor and a name, of a name alone.
    let below = |path: PathBuf| path.strip_prefix(folder).ok().map(Path::to_path_buf);
    let open_file = || below(PathBuf::from(bytes_between(arguments[0], '<', '>')));
    let named =
        |at: &str, name: &str| below(PathBuf::from(bytes_between(at, '<', '>')).join(bytes_between(name, '"', '"')));
    let alone = |name: &str| below(folder.join(bytes_between(name, '"', '"')));
    let number = |text: &str| text.parse::<usize>().unwrap();
    let bytes = || {
        assert!(!arguments[1].ends_with("..."), "strace cuts what is written");
        bytes_between(arguments[1], '"', '"').into_vec()
    };
    let open = |path, flags: &str| {
        let changes = flags.contains("O_CREAT") || flags.contains("O_TRUNC");
        assert!(!flags.contains("O_APPEND"), "{flags}");
        changes.then(|| Call::Open { path, cut: flags.contains("O_TRUNC") })
    };
    match name {
        "openat" => open(named(arguments[0], arguments[1])?, arguments[2]),
        "open" => open(alone(arguments[0])?, arguments[1]),
        "mkdir" => Some(Call::MakeFolder(alone(arguments[0])?)),
        "mkdirat" => Some(Call::MakeFolder(named(arguments[0], arguments[1])?)),
        "write" => Some(Call::Write { path: open_file()?, at: None, bytes: bytes() }),
        "pwrite64" => Some(Call::Write { path: open_file()?, at: Some(number(arguments[3])), bytes: bytes() }),
        "ftruncate" => Some(Call::Length { path: open_file()?, length: number(arguments[1]) }),
        "rename" => Some(Call::Rename { from: alone(arguments[0])?, to: alone(arguments[1])? }),
        "renameat" | "renameat2" => {
            Some(Call::Rename { from: named(arguments[0], arguments[1])?, to: named(arguments[2], arguments[3])? })
        }
        "unlink" | "rmdir" => Some(Call::Remove(alone(arguments[0])?)),
        "unlinkat" => Some(Call::Remove(named(arguments[0], arguments[1])?)),
        "fsync" | "fdatasync" => Some(Call::Sync(open_file()?)),
        other => {
            let place = folder.as_os_str().as_bytes().iter().map(|byte| format!("\\x{byte:02x}")).collect::<String>();
            assert!(!arguments.iter().any(|argument| argument.contains(&place)), "{other} is not in the model");
            None
        }
    }
}

/// What `-xx` prints between two marks.
fn bytes_between(argument: &str, from: char, to: char) -> OsString {
    let inside = argument.split_once(from).and_then(|(_, rest)| rest.rsplit_once(to)).map_or("", |(inside, _)| inside);
    let digits = inside.replace("\\x", "");
    OsString::from_vec(hex::decode(&digits).unwrap_or_else(|e| panic!("{argument:.80}: {e}")))
}

#[derive(Clone)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Length(usize),
}

#[derive(Clone)]
enum Node {
    File { durable: Vec<u8>, now: Vec<u8>, pending: Vec<Change>, position: usize },
    Folder { durable: Names, now: Names, pending: Vec<Renaming> },
}

type Names = BTreeMap<OsString, Inode>;
/// Names that change together: given, or (`None`) taken away.
type Renaming = Vec<(OsString, Option<Inode>)>;

/// The disk: what is durable, and what is only in the kernel's memory.
#[derive(Clone)]
pub struct Disk {
    nodes: Vec<Node>,
}

/// Which of the changes that were not synced the power leaves.
#[derive(Clone, Copy, Debug)]
pub enum Left {
    Nothing,
    Everything,
    /// Names and lengths, but none of the content.
    Names,
    /// A subset by the dice, torn at sectors.
    Some(u64),
}

/// Files and folders (without content) by path.
pub type Tree = BTreeMap<PathBuf, Option<Vec<u8>>>;

impl Disk {
    /// What lies in a folder now, all of it durable.
    pub fn of(folder: &Path) -> Self {
        let mut disk = Self { nodes: Vec::new() };
        disk.add(folder);
        disk
    }

    fn add(&mut self, path: &Path) -> Inode {
        let node = if path.is_dir() {
            let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap());
            // The folder itself comes before what is in it: the first node is the outermost.
            let at = self.new_folder();
            let names: Names = entries.map(|entry| (entry.file_name(), self.add(&entry.path()))).collect();
            self.nodes[at] = Node::Folder { durable: names.clone(), now: names, pending: Vec::new() };
            return at;
        } else {
            let content = std::fs::read(path).unwrap();
            Node::File { durable: content.clone(), now: content, pending: Vec::new(), position: 0 }
        };
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn new_folder(&mut self) -> Inode {
        self.nodes.push(Node::Folder { durable: Names::new(), now: Names::new(), pending: Vec::new() });
        self.nodes.len() - 1
    }

    fn find(&self, path: &Path) -> Option<Inode> {
        path.components().try_fold(0, |at, name| match &self.nodes[at] {
            _ if name.as_os_str() == "." => Some(at),
            Node::Folder { now, .. } => now.get(name.as_os_str()).copied(),
            Node::File { .. } => None,
        })
    }

    fn parent(&mut self, path: &Path) -> (&mut Names, &mut Vec<Renaming>) {
        let at = self.find(path.parent().unwrap()).unwrap_or_else(|| panic!("no folder for {}", path.display()));
        match &mut self.nodes[at] {
            Node::Folder { now, pending, .. } => (now, pending),
            Node::File { .. } => panic!("{} lies in a file", path.display()),
        }
    }

    fn rename(&mut self, path: &Path, names: Renaming) {
        let (now, pending) = self.parent(path);
        for (name, inode) in &names {
            match inode {
                Some(inode) => drop(now.insert(name.clone(), *inode)),
                None => drop(now.remove(name)),
            }
        }
        pending.push(names);
    }

    /// Does a call.
    pub fn apply(&mut self, call: &Call) {
        let name = |path: &Path| path.file_name().unwrap().to_owned();
        match call {
            Call::Open { path, cut } => match self.find(path) {
                Some(at) => {
                    let Node::File { now, pending, position, .. } = &mut self.nodes[at] else { return };
                    *position = 0;
                    if *cut && !now.is_empty() {
                        now.clear();
                        pending.push(Change::Length(0));
                    }
                }
                None => {
                    self.nodes.push(Node::File {
                        durable: Vec::new(),
                        now: Vec::new(),
                        pending: Vec::new(),
                        position: 0,
                    });
                    self.rename(path, vec![(name(path), Some(self.nodes.len() - 1))]);
                }
            },
            Call::MakeFolder(path) => {
                let at = self.new_folder();
                self.rename(path, vec![(name(path), Some(at))]);
            }
            Call::Write { path, at, bytes } => {
                let (now, pending, position) = self.file(path);
                let at = at.unwrap_or(*position);
                *position = at + bytes.len();
                put(now, at, bytes, 0);
                pending.push(Change::Write { at, bytes: bytes.clone() });
            }
            Call::Length { path, length } => {
                let (now, pending, _) = self.file(path);
                now.resize(*length, 0);
                pending.push(Change::Length(*length));
            }
            Call::Rename { from, to } => {
                assert_eq!(from.parent(), to.parent(), "the model renames within a folder");
                let inode = self.find(from).unwrap();
                self.rename(to, vec![(name(from), None), (name(to), Some(inode))]);
            }
            Call::Remove(path) => self.rename(path, vec![(name(path), None)]),
            Call::Sync(path) => {
                let at = self.find(path).unwrap_or_else(|| panic!("{} is not there", path.display()));
                match &mut self.nodes[at] {
                    Node::File { durable, now, pending, .. } => {
                        durable.clone_from(now);
                        pending.clear();
                    }
                    Node::Folder { durable, now, pending } => {
                        durable.clone_from(now);
                        pending.clear();
                    }
                }
            }
            Call::Reported => {}
        }
    }

    fn file(&mut self, path: &Path) -> (&mut Vec<u8>, &mut Vec<Change>, &mut usize) {
        let at = self.find(path).unwrap_or_else(|| panic!("{} is not there", path.display()));
        match &mut self.nodes[at] {
            Node::File { now, pending, position, .. } => (now, pending, position),
            Node::Folder { .. } => panic!("{} is a folder", path.display()),
        }
    }

    /// What is found when the power is back.
    pub fn left(&self, left: Left) -> Tree {
        let mut dice = StdRng::seed_from_u64(if let Left::Some(seed) = left { seed } else { 0 });
        let mut tree = Tree::new();
        self.collect(0, PathBuf::new(), left, &mut dice, &mut tree);
        tree
    }

    fn collect(&self, at: Inode, path: PathBuf, left: Left, dice: &mut StdRng, tree: &mut Tree) {
        match &self.nodes[at] {
            Node::File { durable, now, pending, .. } => {
                let content = match left {
                    Left::Nothing => durable.clone(),
                    Left::Everything => now.clone(),
                    Left::Names => {
                        let mut content = durable.clone();
                        content.resize(now.len(), 0);
                        content
                    }
                    Left::Some(_) => torn(durable, pending, dice),
                };
                tree.insert(path, Some(content));
            }
            Node::Folder { durable, now, pending } => {
                tree.insert(path.clone(), None);
                let mut names =
                    if matches!(left, Left::Everything | Left::Names) { now.clone() } else { durable.clone() };
                if let Left::Some(_) = left {
                    for (name, inode) in pending.iter().filter(|_| dice.gen_bool(0.5)).flatten() {
                        match inode {
                            Some(inode) => drop(names.insert(name.clone(), *inode)),
                            None => drop(names.remove(name)),
                        }
                    }
                }
                for (name, inode) in names {
                    self.collect(inode, path.join(name), left, dice, tree);
                }
            }
        }
    }
}

/// A file of which some sectors of some changes arrived.
fn torn(durable: &[u8], pending: &[Change], dice: &mut StdRng) -> Vec<u8> {
    let (mut content, mut length) = (durable.to_vec(), durable.len());
    let mut lengths = vec![length];
    let arrives = [0.0, 0.1, 0.5, 0.9, 1.0][dice.gen_range(0..5)];
    // Zeros, or what a file that was here before had left.
    let fill = if dice.gen_bool(0.5) { 0 } else { 0xa5 };
    for change in pending {
        match change {
            Change::Write { at, bytes } => {
                length = length.max(at + bytes.len());
                let mut from = *at;
                while from < at + bytes.len() {
                    let to = ((from / SECTOR + 1) * SECTOR).min(at + bytes.len());
                    if dice.gen_bool(arrives) {
                        put(&mut content, from, &bytes[from - at..to - at], fill);
                    }
                    from = to;
                }
            }
            Change::Length(to) => {
                length = *to;
                if dice.gen_bool(arrives) {
                    content.resize(*to, fill);
                }
            }
        }
        lengths.push(length);
    }
    if dice.gen_bool(0.5) {
        content.resize(lengths[dice.gen_range(0..lengths.len())], fill);
    }
    content
}

fn put(content: &mut Vec<u8>, at: usize, bytes: &[u8], fill: u8) {
    if content.len() < at + bytes.len() {
        content.resize(at, fill);
        content.resize(at + bytes.len(), 0);
    }
    content[at..at + bytes.len()].copy_from_slice(bytes);
}

/// Puts a tree in the place of a folder's content.
pub fn lay_out(tree: &Tree, folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }.unwrap();
    }
    for (path, content) in tree.iter().filter(|(path, _)| **path != *OsStr::new("")) {
        match content {
            None => std::fs::create_dir(folder.join(path)).unwrap(),
            Some(content) => {
                use std::os::unix::fs::OpenOptionsExt;
                let mut file =
                    std::fs::File::options().write(true).create_new(true).mode(0o600).open(folder.join(path)).unwrap();
                std::io::Write::write_all(&mut file, content).unwrap();
            }
        }
    }
}
