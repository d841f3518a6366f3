//! Every numbered requirement in `spec/` is held by a vector or a test that is there (`spec/coverage.toml`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).into()
}

/// The requirements that `spec/*.md` state: a number in bold at the beginning of a paragraph.
fn stated() -> BTreeSet<String> {
    let mut stated = BTreeSet::new();
    for entry in std::fs::read_dir(home().join("spec")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "md") {
            continue;
        }
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let Some((id, rest)) = line.strip_prefix("**").and_then(|line| line.split_once("** ")) else { continue };
            let is_id = id.split_once('-').is_some_and(|(piece, number)| {
                piece.bytes().all(|b| b.is_ascii_uppercase()) && number.bytes().all(|b| b.is_ascii_digit())
            });
            if is_id {
                assert!(stated.insert(id.to_owned()), "{id} is stated twice");
                assert!(!rest.is_empty());
            }
        }
    }
    stated
}

fn covered() -> BTreeMap<String, Vec<String>> {
    toml::from_str(&std::fs::read_to_string(home().join("spec/coverage.toml")).unwrap()).unwrap()
}

fn requirements_of(vector: &str) -> Vec<String> {
    let path = home().join("fixtures/vectors").join(vector).join("expect.json");
    let text = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let expect: serde_json::Value = serde_json::from_slice(&text).unwrap();
    expect["holds"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_requirement_is_held_and_none_is_stale() {
    let (stated, covered) = (stated(), covered());
    assert!(stated.len() > 80, "the scan found the requirements");
    let covered_ids: BTreeSet<String> = covered.keys().cloned().collect();
    assert_eq!(stated, covered_ids, "stated in spec/*.md (left), listed in spec/coverage.toml (right)");
    for (id, holders) in &covered {
        assert!(!holders.is_empty(), "{id}");
        for holder in holders {
            match holder.split_once("::") {
                Some((file, test)) => {
                    let text =
                        std::fs::read_to_string(home().join(file)).unwrap_or_else(|e| panic!("{id}: {file}: {e}"));
                    assert!(
                        text.contains(&format!("#[test]\nfn {test}("))
                            || text.contains(&format!("#[test]\n    fn {test}(")),
                        "{id}: no test {holder}"
                    );
                }
                None => assert!(requirements_of(holder).contains(id), "{holder} is not for {id}"),
            }
        }
    }
}

#[test]
fn every_vector_is_listed_for_what_it_holds() {
    let covered = covered();
    for piece in ["archive", "certificate", "disclosure", "keyring", "notices"] {
        for entry in std::fs::read_dir(home().join("fixtures/vectors").join(piece)).unwrap() {
            let entry = entry.unwrap();
            if !entry.path().is_dir() {
                continue;
            }
            let vector = format!("{piece}/{}", entry.file_name().into_string().unwrap());
            for id in requirements_of(&vector) {
                assert!(covered.get(&id).is_some_and(|holders| holders.contains(&vector)), "{vector} holds {id}");
            }
        }
    }
}

#[test]
fn vectors_stay_small() {
    fn size(folder: &Path) -> u64 {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| if path.is_dir() { size(&path) } else { path.metadata().unwrap().len() }).sum()
    }
    assert!(size(&home().join("fixtures/vectors")) < 7 << 19);
}
