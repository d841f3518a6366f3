//! `survey`: what a folder holds, and a policy that might fit it.
//!
//! Invariant: nothing is changed, and memory does not grow with the bytes, only by a few dozen bytes with each file that has
//! the size of another, and by about a hundred with each in which something was found. Names are kept of so many files only.

use super::policy_check::{PolicyCheck, check_entries};
use super::survey_file::{FileReader, threads};
use super::{OpsError, Progress};
use crate::language::text;
use crate::retention::policy::Policy;
use crate::storage::source::{Kind, Names, Problem, Walk};
use crate::survey::draft::{self, Heading};
use crate::survey::facts::{Facts, Read, Totals};
use crate::survey::form::forms;
use crate::survey::proposal::{Proposal, Setting, propose};
use crate::survey::tree::{Named, Tree};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::cell::Cell;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Paths of one kind that are told by name, and paths that are remembered so that copies can be named.
const LISTED: usize = 50_000;

/// What to survey, and how.
pub struct SurveyOptions<'a> {
    /// The folder.
    pub root: PathBuf,
    /// How names are read.
    pub names: Names,
    /// Bytes of a file that are searched.
    pub max_bytes: u64,
    /// Threads to use.
    pub threads: usize,
    /// What is known beside.
    pub setting: Setting<'a>,
    /// What is written above the policy.
    pub heading: Heading,
    /// The program that reads PDF: our own.
    pub pdf: Option<PathBuf>,
}

/// What a folder holds.
pub struct SurveyOutcome {
    /// The folders.
    pub tree: Tree,
    /// What could not be read, the first of it, and how much in all.
    pub problems: (u64, Vec<Problem>),
    /// Encrypted files: how many, and the first of them.
    pub encrypted: (u64, Vec<String>),
    /// What the law may send to somebody else.
    pub elsewhere: Elsewhere,
    /// Files with the same content.
    pub copies: Copies,
    /// The parts of the policy.
    pub proposals: Vec<Proposal>,
    /// The policy's text.
    pub policy: String,
    /// What the policy does to the folder.
    pub check: PolicyCheck,
}

/// Files that the law may send to somebody else, as their names say or those of their folders.
#[derive(Debug, Default)]
pub struct Elsewhere {
    /// Files, links among them.
    pub files: u64,
    /// Folders, and files that are in none of these.
    pub paths: u64,
    /// The first of these.
    pub first: Vec<String>,
}

/// Files with the same content.
#[derive(Debug, Default)]
pub struct Copies {
    /// Contents that stand in more than one file.
    pub sets: u64,
    /// Files beyond the first of each.
    pub files: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Those of which paths are known, the largest first.
    pub named: Vec<CopySet>,
}

/// Files that all have one content.
#[derive(Debug)]
pub struct CopySet {
    /// Bytes of one.
    pub bytes: u64,
    /// How many there are.
    pub files: u64,
    /// The paths that are known.
    pub paths: Vec<String>,
}

/// A file whose size others have.
struct Candidate {
    hash: [u8; 16],
    folder: u32,
    size: u64,
    path: Option<Box<str>>,
}

enum Seen {
    Folder(String),
    Link(String),
    File(String, Facts, Option<[u8; 16]>, Option<Problem>),
}

/// Surveys a folder.
///
/// # Errors
/// [`OpsError::Problems`] where it is no folder; [`OpsError::Interrupted`]; [`OpsError::Policy`] would be a defect.
pub fn survey(
    options: &SurveyOptions<'_>,
    interrupted: &AtomicBool,
    progress: &dyn Progress,
) -> Result<SurveyOutcome, OpsError> {
    if !std::fs::metadata(&options.root).is_ok_and(|metadata| metadata.is_dir()) {
        return Err(OpsError::Problems(vec![Problem::new(&options.root, text!("it is not a folder"))]));
    }
    let sizes = sizes(options, interrupted, progress)?;
    let name = options.root.canonicalize().ok().and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    let mut found = Found { tree: Tree::named(&name.unwrap_or_default()), ..Found::default() };
    let threads = threads(options.max_bytes, options.threads);
    let reader = FileReader { max_bytes: options.max_bytes, pdf: options.pdf.as_deref(), interrupted };
    let walk_problems = std::thread::scope(|scope| {
        let (files, queue) = bounded::<(String, PathBuf)>(256);
        let (seen, results) = bounded::<Seen>(256);
        for _ in 0..threads {
            let (queue, seen, sizes, reader) = (queue.clone(), seen.clone(), &sizes, &reader);
            scope.spawn(move || work(&queue, &seen, sizes, reader, progress));
        }
        drop(queue);
        let feeder = scope.spawn(move || feed(options, &files, &seen, interrupted));
        results.iter().for_each(|seen| found.take(seen));
        feeder.join().unwrap_or_default()
    });
    if interrupted.load(Ordering::Relaxed) {
        return Err(OpsError::Interrupted);
    }
    walk_problems.into_iter().for_each(|problem| note(&mut found.problems, problem));
    let copies = found.copies();
    let elsewhere = found.elsewhere();
    let Found { tree, problems, encrypted, remarkable, .. } = found;
    let (proposals, policy, check) = drafted(options, &tree, &remarkable, interrupted, progress)?;
    let (problems, encrypted) = (listed(problems), listed(encrypted));
    Ok(SurveyOutcome { tree, problems, encrypted, elsewhere, copies, proposals, policy, check })
}

/// How many files have each size.
fn sizes(
    options: &SurveyOptions<'_>,
    interrupted: &AtomicBool,
    progress: &dyn Progress,
) -> Result<HashMap<u64, u32>, OpsError> {
    let mut sizes: HashMap<u64, u32> = HashMap::new();
    for entry in Walk::new(&options.root, options.names) {
        if interrupted.load(Ordering::Relaxed) {
            return Err(OpsError::Interrupted);
        }
        if matches!(entry.kind, Kind::File)
            && let Ok(metadata) = entry.path.symlink_metadata()
        {
            let count = sizes.entry(metadata.len()).or_default();
            *count = count.saturating_add(1);
            progress.total(metadata.len());
        }
    }
    Ok(sizes)
}

fn feed(
    options: &SurveyOptions<'_>,
    files: &Sender<(String, PathBuf)>,
    seen: &Sender<Seen>,
    interrupted: &AtomicBool,
) -> Vec<Problem> {
    let mut walk = Walk::new(&options.root, options.names);
    for entry in walk.by_ref() {
        // Nobody takes anything any more when the survey has ended.
        let sent = match entry.kind {
            _ if interrupted.load(Ordering::Relaxed) => break,
            Kind::File => files.send((entry.relative, entry.path)).is_ok(),
            Kind::Directory(_) => seen.send(Seen::Folder(entry.relative)).is_ok(),
            Kind::Link { .. } => seen.send(Seen::Link(entry.relative)).is_ok(),
        };
        if !sent {
            break;
        }
    }
    walk.take_problems()
}

fn work(
    queue: &Receiver<(String, PathBuf)>,
    seen: &Sender<Seen>,
    sizes: &HashMap<u64, u32>,
    reader: &FileReader<'_>,
    progress: &dyn Progress,
) {
    for (relative, path) in queue {
        if reader.interrupted.load(Ordering::Relaxed) {
            // The feeder must not wait for room.
            continue;
        }
        let size = path.symlink_metadata().map_or(0, |metadata| metadata.len());
        let hashed = size > 0 && sizes.get(&size).is_some_and(|count| *count > 1);
        let name = relative.rsplit('/').next().unwrap_or(&relative);
        // What is hashed is told as it is read: one file may be most of a folder.
        let told = Cell::new(0);
        let advance = |bytes: u64| {
            told.set(told.get() + bytes);
            progress.advance(bytes);
        };
        let (facts, hash, problem) = reader.read(&path, name, hashed, &advance);
        progress.advance(size.saturating_sub(told.get()));
        progress.file();
        let hash = hash.map(|hash| std::array::from_fn(|index| hash[index]));
        if seen.send(Seen::File(relative, facts, hash, problem)).is_err() {
            return;
        }
    }
}

#[derive(Default)]
struct Found {
    tree: Tree,
    problems: (u64, BTreeSet<Problem>),
    encrypted: (u64, BTreeSet<String>),
    named_elsewhere: (u64, BTreeSet<String>),
    candidates: Vec<Candidate>,
    remarkable: Remarkable,
}

/// Of files in which something was found, or which could not be read, what the draft says of them; by a hash of the path.
type Remarkable = HashMap<[u8; 16], Facts>;

fn path_hash(relative: &str) -> [u8; 16] {
    let hash = crate::crypto::hash::sha256(&[relative.as_bytes()]);
    std::array::from_fn(|index| hash[index])
}

/// Keeps the first in their own order, in whatever order the threads find them.
fn note<T: Ord>((count, first): &mut (u64, BTreeSet<T>), what: T) {
    *count += 1;
    first.insert(what);
    if first.len() > LISTED {
        first.pop_last();
    }
}

fn listed<T>((count, first): (u64, BTreeSet<T>)) -> (u64, Vec<T>) {
    (count, first.into_iter().collect())
}

impl Found {
    fn take(&mut self, seen: Seen) {
        match seen {
            Seen::Folder(path) => self.tree.add_folder(&path),
            Seen::Link(path) => self.tree.add_link(&path),
            Seen::File(path, facts, hash, problem) => {
                let folder = self.tree.add_file(&path, &facts);
                let is_read = matches!(facts.read, Read::Whole | Read::Part | Read::NotText | Read::TooLarge);
                if facts.findings.found().next().is_some() || !is_read {
                    self.remarkable.insert(path_hash(&path), facts);
                }
                if let Some(problem) = problem {
                    note(&mut self.problems, problem);
                }
                if facts.read == Read::Encrypted {
                    note(&mut self.encrypted, path.clone());
                }
                let form = crate::survey::form::of_name(path.rsplit('/').next().unwrap_or(&path));
                if is_elsewhere(form) && !self.tree.is_within(folder, |node| is_elsewhere(node.form)) {
                    note(&mut self.named_elsewhere, path.clone());
                }
                if let Some(hash) = hash {
                    let remembered = self.candidates.len() < LISTED;
                    let path = remembered.then(|| path.into_boxed_str());
                    let folder = u32::try_from(folder).unwrap_or(0);
                    self.candidates.push(Candidate { hash, folder, size: facts.size, path });
                }
            }
        }
    }

    /// Folders count with all files in them, and these not again.
    fn elsewhere(&mut self) -> Elsewhere {
        let mut paths = std::mem::take(&mut self.named_elsewhere);
        let mut files = paths.0;
        for (index, node) in self.tree.nodes().enumerate() {
            if is_elsewhere(node.form) && !self.tree.is_below(index, |above| is_elsewhere(above.form)) {
                files += node.totals.files + node.totals.links;
                note(&mut paths, format!("{}/", node.path));
            }
        }
        let (paths, first) = listed(paths);
        Elsewhere { files, paths, first }
    }

    fn copies(&mut self) -> Copies {
        let mut candidates = std::mem::take(&mut self.candidates);
        candidates.sort_by(|a, b| (b.size, a.hash, &a.path).cmp(&(a.size, b.hash, &b.path)));
        let mut copies = Copies::default();
        for set in candidates.chunk_by(|a, b| (a.size, a.hash) == (b.size, b.hash)).filter(|set| set.len() > 1) {
            let beyond = set.len() as u64 - 1;
            copies.sets += 1;
            copies.files += beyond;
            copies.bytes += beyond * set[0].size;
            set.iter().for_each(|file| self.tree.add_copies(file.folder as usize, 1));
            let paths: Vec<_> = set.iter().filter_map(|file| file.path.as_deref().map(str::to_owned)).collect();
            if !paths.is_empty() {
                copies.named.push(CopySet { bytes: set[0].size, files: set.len() as u64, paths });
            }
        }
        copies
    }
}

fn is_elsewhere(form: Option<Named>) -> bool {
    form.is_some_and(|(form, _)| forms()[form].elsewhere)
}

/// Drafts the policy and holds it against the folder; with other separators where two records would have one name.
fn drafted(
    options: &SurveyOptions<'_>,
    tree: &Tree,
    remarkable: &Remarkable,
    interrupted: &AtomicBool,
    progress: &dyn Progress,
) -> Result<(Vec<Proposal>, String, PolicyCheck), OpsError> {
    const OTHER: &str = " · ";
    let attempt = |separator| {
        let setting = Setting { separator, ..options.setting };
        let policy = Policy::parse(&draft::text(&propose(tree, setting, &[]), &setting, &options.heading))?;
        let mut own = vec![Totals::default(); policy.patterns().count()];
        let mut taken = |part: usize, path: &str| {
            if let Some(facts) = remarkable.get(&path_hash(path)) {
                own[part].add(facts, None);
            }
        };
        let root: &Path = &options.root;
        let totals = &tree.node(0).totals;
        progress.stage(text!("trying the policy"), totals.files + totals.links + tree.nodes().count() as u64 - 1);
        let watch = (interrupted, progress);
        let check = check_entries(root, options.names, &policy, setting.today, &mut taken, watch)?;
        own.iter_mut().zip(&check.parts).for_each(|(own, (files, _))| own.files = *files);
        // The same parts again, with what is now known of each.
        let proposals = propose(tree, setting, &own);
        let text = draft::text(&proposals, &setting, &options.heading);
        Policy::parse(&text)?;
        Ok::<_, OpsError>((proposals, text, check))
    };
    let first = attempt(options.setting.separator)?;
    if first.2.conflicts.is_empty() && first.2.joined.is_empty() { Ok(first) } else { attempt(OTHER) }
}
