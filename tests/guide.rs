//! The task pages of spec/guide: both languages give the same commands, and the program takes each of them.

use std::path::{Path, PathBuf};
use std::process::Command;

fn guide() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("spec/guide")
}

/// Pages in English, without their ending.
fn pages() -> Vec<String> {
    let names = std::fs::read_dir(guide()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut pages: Vec<String> = names
        .filter(|name| !name.ends_with(".zh-CN.md"))
        .map(|name| name.strip_suffix(".md").expect("only pages lie there").to_owned())
        .collect();
    pages.sort();
    assert_eq!(pages.len(), 10, "nine tasks and the list of them: {pages:?}");
    pages
}

fn read(name: &str) -> String {
    std::fs::read_to_string(guide().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Lines of the blocks of commands.
fn commands(text: &str) -> Vec<String> {
    let blocks = text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.flat_map(str::lines).map(str::to_owned).collect()
}

/// Words of a line, as a shell without variables would find them.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split('\'').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words.into_iter().take_while(|word| word != ">").collect()
}

#[test]
fn both_languages_give_the_same_commands() {
    for page in pages() {
        let (english, chinese) = (read(&format!("{page}.md")), read(&format!("{page}.zh-CN.md")));
        assert_eq!(commands(&english), commands(&chinese), "{page}");
        assert!(english.contains(&format!("[中文]({page}.zh-CN.md)")), "{page}: no way to the Chinese page");
        assert!(chinese.contains(&format!("[English]({page}.md)")), "{page}: no way to the English page");
    }
}

#[test]
fn the_program_takes_every_command() {
    let mut taken = 0;
    for page in pages() {
        for line in commands(&read(&format!("{page}.md"))) {
            let words = words(&line);
            if words.first().is_none_or(|program| program != "keepuntil") {
                assert!(line.starts_with("ssh-keygen "), "{page}: {line}");
                continue;
            }
            // What stands before --help is read first, and refused where the program does not know it.
            let output = Command::new(env!("CARGO_BIN_EXE_keepuntil"))
                .args(&words[1..])
                .arg("--help")
                .env("LC_ALL", "C")
                .output()
                .unwrap();
            assert!(output.status.success(), "{page}: {line}\n{}", String::from_utf8_lossy(&output.stderr));
            taken += 1;
        }
    }
    assert!(taken > 40, "{taken} commands");
}

#[test]
fn every_page_that_is_named_exists() {
    for page in pages() {
        for name in [format!("{page}.md"), format!("{page}.zh-CN.md")] {
            for link in read(&name).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let path = guide().join(link.split('#').next().unwrap());
                assert!(path.exists(), "{name} names {link}");
            }
        }
    }
}
