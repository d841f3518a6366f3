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
    assert_eq!(pages.len(), 11, "nine tasks, the list of them and the policy file: {pages:?}");
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
        // What stands in quotes is an example in the language of the page.
        let unquoted = |line: &String| line.split('\'').step_by(2).collect::<Vec<_>>().join("''");
        let same = |text: &str| commands(text).iter().map(unquoted).collect::<Vec<_>>();
        assert_eq!(same(&english), same(&chinese), "{page}");
        assert!(english.contains(&format!("[中文]({page}.zh-CN.md)")), "{page}: no way to the Chinese page");
        assert!(chinese.contains(&format!("[English]({page}.md)")), "{page}: no way to the English page");
    }
}

#[test]
fn the_program_takes_every_command() {
    let mut taken = 0;
    for page in pages() {
        let chinese = commands(&read(&format!("{page}.zh-CN.md")));
        for line in commands(&read(&format!("{page}.md"))).into_iter().chain(chinese) {
            let words = words(&line);
            if words.first().is_none_or(|program| program != "keepuntil") {
                let known = ["ssh-keygen ", "export KEEPUNTIL_"].iter().any(|begin| line.starts_with(begin));
                assert!(known, "{page}: {line}");
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

/// The guide names keyring and identity once, in the environment: that must stand in the way of no command.
#[test]
fn what_the_environment_names_is_in_the_way_of_no_command() {
    let home = tempfile::tempdir().unwrap();
    let lines: Vec<String> = pages().iter().flat_map(|page| commands(&read(&format!("{page}.md")))).collect();
    // A schedule would be one of the machine that the tests run on.
    let ours = |line: &&String| line.starts_with("keepuntil ") && !line.starts_with("keepuntil schedule ");
    for line in lines.iter().filter(ours) {
        let output = Command::new(env!("CARGO_BIN_EXE_keepuntil"))
            .args(&words(line)[1..])
            .current_dir(home.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", home.path())
            .env("LC_ALL", "C.UTF-8")
            .env("COLUMNS", "10000")
            .env("KEEPUNTIL_KEYRING", home.path().join("keyring"))
            .env("KEEPUNTIL_IDENTITY", home.path().join("identity.txt"))
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("cannot be used with"), "{line}\n{said}");
    }
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

/// The key of every row of a page's tables.
fn keys(page: &str) -> Vec<String> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.flat_map(|row| row.split(" | ").next().unwrap().split('`').step_by(2)).map(str::to_owned).collect()
}

#[test]
fn the_example_of_a_policy_takes_the_firm_to_practise_on() {
    let (english, chinese) = (read("policy.md"), read("policy.zh-CN.md"));
    let example = |page: &str| page.split_once("```toml\n").unwrap().1.split_once("```").unwrap().0.to_owned();
    assert_eq!(example(&english), example(&chinese));
    let home = tempfile::tempdir().unwrap();
    let policy = home.path().join("policy.toml");
    std::fs::write(&policy, example(&english)).unwrap();
    let firm = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/firm");
    let check = Command::new(env!("CARGO_BIN_EXE_keepuntil"))
        .args(["policy", "check", "--json"])
        .args([&policy, &firm])
        .output()
        .unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
    let create = Command::new(env!("CARGO_BIN_EXE_keepuntil"))
        .args(["create", "--quiet", "-o", "firm.sealed", "--policy"])
        .args([&policy, &firm])
        .current_dir(home.path())
        .env("HOME", home.path())
        .env_remove("XDG_DATA_HOME")
        .env_remove("XDG_STATE_HOME")
        .output()
        .unwrap();
    assert!(create.status.success(), "{}", String::from_utf8_lossy(&create.stderr));
    // Every part takes files.
    let parts = String::from_utf8(check.stdout).unwrap();
    let parts = parts.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let parts: Vec<_> = parts.filter(|object| object["message_type"] == "policy_part").collect();
    assert_eq!(parts.len(), example(&english).matches("[[records]]").count());
    assert!(parts.iter().all(|part| part["files"].as_u64().unwrap() > 0), "{parts:#?}");
}

#[test]
fn every_key_of_a_policy_is_explained() {
    // What the format knows, from the errors of a key that it does not know.
    let refused = |text: &str| keepuntil::retention::policy::Policy::parse(text).unwrap_err().to_string();
    let known = |text: &str| {
        let said = refused(text);
        let list = said.split_once("expected one of ").unwrap_or_else(|| panic!("{said}")).1;
        // What is written with hyphens here has underscores in archive.json, and both are taken.
        list.split('`').skip(1).step_by(2).map(|key| key.replace('_', "-")).collect::<Vec<_>>()
    };
    let sections = ["no = 1", "[[compartment]]\nno = 1", "[[records]]\nno = 1", "[[rule]]\nno = 1"];
    for page in [read("policy.md"), read("policy.zh-CN.md")] {
        for key in sections.iter().flat_map(|section| known(section)) {
            let section = ["compartment", "records", "rule"].contains(&key.as_str());
            // These are the list of rules' own: nobody writes them.
            let ours = ["applied", "jurisdiction", "records", "confidence", "note"].contains(&key.as_str());
            let explained = if section { page.contains(&format!("[[{key}]]")) } else { keys(&page).contains(&key) };
            assert!(explained || ours, "{key}: {:?}", keys(&page));
        }
    }
}
