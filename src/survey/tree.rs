//! The folders of a tree with sums over what is in them.
//!
//! Invariant: memory is bounded by `MAX_NODES`, however many files there are; what is below the folders that are kept is
//! counted in them.

use super::facts::{Facts, Totals};
use super::form::{self, Unit, forms};
use super::year::{self, Dating};
use std::collections::{BTreeMap, HashMap};

/// Folders that are kept one by one.
const MAX_NODES: usize = 20_000;
/// Folders in one folder that are kept one by one.
const MAX_CHILDREN: usize = 1000;
/// Folders within each other that are kept one by one.
const MAX_DEPTH: usize = 4;
/// Ways in which names of files in one folder say what they are.
const MAX_LABELS: usize = 40;

/// A form's index, and the word by which a name fits it.
pub type Named = (usize, &'static str);

/// One folder.
#[derive(Debug, Default)]
pub struct Node {
    /// Its own name.
    pub name: String,
    /// Path below the root.
    pub path: String,
    /// Folders above it.
    pub depth: usize,
    /// What its name stands for.
    pub form: Option<Named>,
    /// The folders in it, in the order in which they were met.
    pub children: Vec<usize>,
    /// Folders directly in it, also those that are not kept.
    pub folders: u64,
    /// What the names of files directly in it say.
    pub files: Names,
    /// Bytes of the longest name in it.
    pub longest: usize,
    /// Sums over everything below.
    pub totals: Totals,
    parent: Option<usize>,
    index: HashMap<String, usize>,
}

/// What names of files say.
#[derive(Debug, Default)]
pub struct Names {
    /// Files.
    pub count: u64,
    /// The years in them.
    pub years: BTreeMap<i32, u64>,
    /// Names with digits that look like a year and are none.
    pub murky: u64,
    /// Forms, by the word as it is spelled there, with the latest year and whether all have one.
    pub labels: BTreeMap<(String, usize), Label>,
}

/// Files whose names fit one form by one word.
#[derive(Clone, Copy, Debug, Default)]
pub struct Label {
    /// How many.
    pub count: u64,
    /// The latest year in their names.
    pub latest: Option<i32>,
    /// Names without a year.
    pub undated: u64,
}

/// All folders; the first is the root.
pub struct Tree {
    nodes: Vec<Node>,
}

impl Default for Tree {
    fn default() -> Self {
        Self { nodes: vec![Node::default()] }
    }
}

impl Tree {
    /// Of a folder of this name.
    pub fn named(name: &str) -> Self {
        Self { nodes: vec![Node { name: name.into(), form: form::of_name(name), ..Node::default() }] }
    }

    /// The folder with this index.
    pub fn node(&self, index: usize) -> &Node {
        &self.nodes[index]
    }

    /// All of them.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter()
    }

    /// The folders in a folder, by name.
    pub fn children(&self, index: usize) -> Vec<usize> {
        let mut children = self.nodes[index].children.clone();
        children.sort_by(|a, b| self.nodes[*a].name.cmp(&self.nodes[*b].name));
        children
    }

    /// Adds a folder at a path below the root.
    pub fn add_folder(&mut self, path: &str) {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let (at, whole) = self.locate(parent);
        if whole {
            self.nodes[at].folders += 1;
            self.nodes[at].longest = self.nodes[at].longest.max(name.len());
            self.locate(path);
        }
    }

    /// Adds a link at a path below the root.
    pub fn add_link(&mut self, path: &str) {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let (at, whole) = self.locate(parent);
        if whole {
            self.nodes[at].files.count += 1;
            self.nodes[at].longest = self.nodes[at].longest.max(name.len());
        }
        self.above(at, |node| node.totals.links += 1);
    }

    /// Adds a file; gives back the folder in which it is counted.
    pub fn add_file(&mut self, path: &str, facts: &Facts) -> usize {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let (at, whole) = self.locate(parent);
        let form = form::of_name(name);
        if whole {
            let node = &mut self.nodes[at];
            node.files.add(name, form);
            node.longest = node.longest.max(name.len());
        }
        self.above(at, |node| node.totals.add(facts, form.map(|(form, _)| form)));
        at
    }

    /// Says that so many files counted in a folder have copies.
    pub fn add_copies(&mut self, index: usize, files: u64) {
        self.above(index, |node| node.totals.copies += files);
    }

    /// Whether a folder above this one is such.
    pub fn is_below(&self, index: usize, is_such: impl Fn(&Node) -> bool) -> bool {
        let mut at = self.nodes[index].parent;
        while let Some(index) = at {
            if is_such(&self.nodes[index]) {
                return true;
            }
            at = self.nodes[index].parent;
        }
        false
    }

    /// Whether this folder or one above it is such.
    pub fn is_within(&self, index: usize, is_such: impl Fn(&Node) -> bool) -> bool {
        is_such(&self.nodes[index]) || self.is_below(index, is_such)
    }

    fn above(&mut self, index: usize, mut change: impl FnMut(&mut Node)) {
        let mut at = Some(index);
        while let Some(index) = at {
            change(&mut self.nodes[index]);
            at = self.nodes[index].parent;
        }
    }

    /// The folder at a path, or the nearest above it that is kept, and whether it is the one.
    fn locate(&mut self, path: &str) -> (usize, bool) {
        let mut at = 0;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            match self.nodes[at].index.get(name) {
                Some(child) => at = *child,
                None if self.is_full(at) => return (at, false),
                None => at = self.add_node(at, name),
            }
        }
        (at, true)
    }

    fn is_full(&self, index: usize) -> bool {
        let node = &self.nodes[index];
        let unit = |node: &Node| node.form.map(|(form, _)| forms()[form].unit);
        // In a folder of clients every entry is a record, and in one of years every year.
        let above = node.parent.and_then(|parent| unit(&self.nodes[parent]));
        unit(node) == Some(Unit::Entry)
            || matches!(above, Some(Unit::Year | Unit::Whole))
            || node.depth >= MAX_DEPTH
            || node.children.len() >= MAX_CHILDREN
            || self.nodes.len() >= MAX_NODES
    }

    fn add_node(&mut self, parent: usize, name: &str) -> usize {
        let index = self.nodes.len();
        let above = &mut self.nodes[parent];
        above.children.push(index);
        above.index.insert(name.to_owned(), index);
        let path = if above.path.is_empty() { name.to_owned() } else { format!("{}/{name}", above.path) };
        let depth = above.depth + 1;
        let form = form::of_name(name);
        self.nodes.push(Node { name: name.into(), path, depth, form, parent: Some(parent), ..Node::default() });
        index
    }
}

impl Names {
    fn add(&mut self, name: &str, form: Option<Named>) {
        self.count += 1;
        let year = match year::of_name(name) {
            Dating::Year(year, _) => Some(year),
            Dating::Murky => {
                self.murky += 1;
                None
            }
            Dating::None => None,
        };
        if let Some(year) = year {
            *self.years.entry(year).or_default() += 1;
        }
        let Some((form, word)) = form else { return };
        let Some(spelled) = spelled(name, word) else { return };
        let key = (spelled.to_owned(), form);
        if self.labels.len() < MAX_LABELS || self.labels.contains_key(&key) {
            let label = self.labels.entry(key).or_default();
            label.count += 1;
            label.latest = label.latest.max(year);
            label.undated += u64::from(year.is_none());
        }
    }

    /// Files without a year.
    pub fn undated(&self) -> u64 {
        self.count - self.years.values().sum::<u64>()
    }
}

/// A word as it stands in a name: patterns tell upper from lower case.
fn spelled<'a>(name: &'a str, word: &str) -> Option<&'a str> {
    let at = |(at, _): (usize, char)| name.get(at..at + word.len()).filter(|part| part.eq_ignore_ascii_case(word));
    name.char_indices().find_map(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::survey::facts::Read;
    use crate::survey::finding::Findings;
    use crate::survey::kind::Kind;

    #[test]
    fn folders_are_kept_as_far_as_they_matter() {
        let facts = Facts { kind: Kind::Text, size: 2, read: Read::Whole, findings: Findings::default() };
        let mut tree = Tree::default();
        for path in ["clients/A/x/1.txt", "clients/B/1.txt", "凭证/2019/03/1.pdf", "报表/2019年银行对账单.csv", "a.txt"]
        {
            let parts: Vec<&str> = path.split('/').collect();
            for end in 1..parts.len() {
                let folder = parts[..end].join("/");
                if !tree.nodes().any(|node| node.path == folder) {
                    tree.add_folder(&folder);
                }
            }
            tree.add_file(path, &facts);
        }
        let paths: Vec<&str> = tree.nodes().map(|node| node.path.as_str()).collect();
        assert_eq!(paths, ["", "clients", "凭证", "凭证/2019", "报表"]);
        assert_eq!(tree.node(0).totals.files, 5);
        assert_eq!((tree.node(1).totals.files, tree.node(3).totals.bytes), (2, 2));
        let labels: Vec<_> =
            tree.node(4).files.labels.iter().map(|((word, _), label)| (word.as_str(), label.latest)).collect();
        assert_eq!(labels, [("银行对账单", Some(2019))]);
    }

    #[test]
    fn memory_stays_bounded() {
        let facts = Facts { kind: Kind::Text, size: 1, read: Read::Whole, findings: Findings::default() };
        let mut tree = Tree::default();
        for folder in 0..3000 {
            tree.add_file(&format!("{folder}/a/b/c/d/e/f"), &facts);
        }
        assert!(tree.nodes().count() <= 1 + MAX_CHILDREN * MAX_DEPTH);
        assert_eq!(tree.node(0).totals.files, 3000);
    }
}
