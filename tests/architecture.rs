//! The layers of `src/`: who may use whom, and who may touch the world.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What each module may use of the crate, beside `language`, which all may.
const MAY_USE: [(&str, &[&str]); 12] = [
    (
        "cli",
        &[
            "ops",
            "archive",
            "keyring",
            "journal",
            "disclosure",
            "survey",
            "tlog",
            "storage",
            "retention",
            "crypto",
            "language",
        ],
    ),
    (
        "ops",
        &[
            "archive",
            "keyring",
            "journal",
            "disclosure",
            "survey",
            "tlog",
            "storage",
            "retention",
            "crypto",
            "language",
        ],
    ),
    ("archive", &["tlog", "storage", "retention", "crypto"]),
    ("keyring", &["tlog", "storage", "retention", "crypto"]),
    ("journal", &["tlog", "storage", "retention", "crypto"]),
    ("disclosure", &["tlog", "storage", "retention", "crypto"]),
    ("survey", &["storage", "retention", "crypto"]),
    ("tlog", &["crypto"]),
    ("storage", &["crypto"]),
    ("retention", &["crypto"]),
    ("crypto", &[]),
    ("language", &[]),
];

fn sources() -> BTreeMap<PathBuf, String> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut sources = BTreeMap::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                // What a module's own tests do is their business.
                let code = text.split("#[cfg(test)]").next().unwrap().to_owned();
                sources.insert(path, code);
            }
        }
    }
    assert!(sources.len() > 40, "the scan found the sources");
    sources
}

fn layer(path: &Path) -> Option<String> {
    let below = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    (below.components().count() > 1).then(|| below.iter().next().unwrap().to_string_lossy().into_owned())
}

#[test]
fn arrows_point_down() {
    for (path, text) in sources() {
        let Some(layer) = layer(&path) else { continue };
        let (_, allowed) = MAY_USE.iter().find(|(name, _)| *name == layer).unwrap_or_else(|| panic!("{layer}"));
        for used in text.split("crate::").skip(1) {
            let module: String = used.chars().take_while(|c| c.is_ascii_lowercase()).collect();
            let known = module != "language" && MAY_USE.iter().any(|(name, _)| *name == module);
            assert!(
                !known || module == layer || allowed.contains(&module.as_str()),
                "{}: {layer} uses {module}",
                path.display()
            );
        }
    }
}

#[test]
fn only_the_command_line_prints_asks_and_reads_environment_and_clock() {
    let world =
        ["println!", "print!(", "eprint", "std::env::", "process::exit", "Local::now", "Utc::now", "SystemTime::now"];
    for (path, text) in sources() {
        if layer(&path).is_none_or(|layer| layer == "cli") {
            continue;
        }
        for word in world {
            assert!(!text.contains(word), "{} has {word}", path.display());
        }
    }
}

#[test]
fn only_crypto_uses_cryptographic_crates_and_only_storage_writes_files() {
    let crypto = ["aws_lc_rs", "sha2::", "hkdf::", "x25519_dalek", "ml_kem", "hpke::", "rand::"];
    let writing = ["fs::write", "File::create", "fs::remove", "fs::rename", "fs::create_dir", "OpenOptions::new"];
    for (path, text) in sources() {
        let Some(layer) = layer(&path) else { continue };
        let forbidden = [("crypto", &crypto[..]), ("storage", &writing[..])];
        for (home, words) in forbidden {
            for word in words {
                assert!(layer == home || !text.contains(word), "{} has {word}", path.display());
            }
        }
    }
}

#[test]
fn only_storage_and_the_command_line_start_programs() {
    for (path, text) in sources() {
        let allowed = layer(&path).is_none_or(|layer| layer == "storage" || layer == "cli");
        assert!(allowed || !text.contains("process::Command"), "{} starts a program", path.display());
    }
}
