//! `keepuntil completions` and `keepuntil man`: what they print is read by the shells and by groff, and knows every command.

mod support;
mod tools;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use support::{Home, Ran};

const SHELLS: [&str; 4] = ["bash", "zsh", "fish", "powershell"];

/// Every command as its words, from `--help`: `hold`, `hold place`.
fn commands(home: &Home, above: &[String]) -> Vec<Vec<String>> {
    let mut arguments = above.to_vec();
    arguments.push("--help".into());
    let help = home.run(&arguments).ends(0).out;
    let listed = help.split_once("Commands:\n").map_or("", |(_, listed)| listed.split("\n\n").next().unwrap_or(""));
    let mut found = Vec::new();
    // What a command does may go on in a line that is indented further.
    for line in listed.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   ")) {
        let name = line.split_whitespace().next().unwrap();
        if name != "help" {
            let words = [above, &[name.to_owned()]].concat();
            found.push(words.clone());
            found.extend(commands(home, &words));
        }
    }
    found
}

fn all(home: &Home) -> Vec<Vec<String>> {
    let all = commands(home, &[]);
    for known in [&["create"][..], &["hold", "place"], &["journal", "cosign"], &["completions"], &["man"]] {
        assert!(all.iter().any(|words| words == known), "{known:?} is not in --help: {all:?}");
    }
    all
}

/// The path of a script that keepuntil prints for a shell.
fn script(home: &Home, shell: &str) -> PathBuf {
    home.write(&format!("script.{shell}"), home.run(&["completions", shell]).ends(0).out)
}

/// Whether a program is there. One that `.ci/run` installs must be in CI; elsewhere the test goes without it, and says so.
fn there(program: &str, in_ci: bool) -> bool {
    let there = Command::new(program).arg("--version").output().is_ok_and(|ran| ran.status.success());
    if !there {
        assert!(!in_ci || std::env::var("CI").as_deref() != Ok("true"), "{program} must be installed in CI");
        eprintln!("NOT TESTED: {program} is not installed");
    }
    there
}

/// Asserts that a shell's lines of `command<tab>completion` are the commands, all of them.
fn completes_all(home: &Home, lines: &str) {
    let completed: BTreeSet<&str> = lines.lines().collect();
    for words in all(home) {
        let (last, above) = words.split_last().unwrap();
        let line = format!("{}\t{last}", above.join(" "));
        assert!(completed.contains(line.as_str()), "{words:?} is not completed: {lines}");
    }
}

/// Commands that have others below them, the whole as the empty one.
fn groups(home: &Home) -> BTreeSet<String> {
    all(home).iter().map(|words| words[..words.len() - 1].join(" ")).collect()
}

#[test]
fn every_script_names_every_command() {
    let home = Home::new();
    for shell in SHELLS {
        let text = std::fs::read_to_string(script(&home, shell)).unwrap();
        for words in all(&home) {
            // How the scripts call the state after these words.
            let (last, above) = words.split_last().unwrap();
            let named = match shell {
                "bash" => format!(
                    "keepuntil{},{last})\n",
                    above.iter().map(|word| format!("__subcmd__{word}")).collect::<String>()
                ),
                "zsh" => format!("_keepuntil__subcmd__{}_commands()", words.join("__subcmd__")),
                "fish" => format!(" -a \"{last}\" "),
                _ => format!("'keepuntil;{}'", words.join(";")),
            };
            assert!(text.contains(&named), "{shell}: {named}");
        }
    }
}

#[test]
fn bash_completes_every_command() {
    let home = Home::new();
    let path = script(&home, "bash");
    assert!(Command::new("bash").arg("-n").arg(&path).output().is_ok_and(|ran| ran.status.success()));
    let mut asks = format!("set -eu; . {}\n", path.display());
    for group in groups(&home) {
        asks += &format!(
            "COMP_WORDS=(keepuntil {group} ''); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMPREPLY=()\n\
             _keepuntil keepuntil '' \"${{COMP_WORDS[COMP_CWORD-1]}}\"\n\
             for reply in \"${{COMPREPLY[@]}}\"; do printf '%s\\t%s\\n' '{group}' \"$reply\"; done\n"
        );
    }
    let ran = Ran::from(Command::new("bash").args(["--norc", "-c", &asks]).output().unwrap()).ends(0);
    assert_eq!(ran.err, "");
    completes_all(&home, &ran.out);
}

#[test]
fn zsh_reads_its_script() {
    if !there("zsh", true) {
        return;
    }
    let home = Home::new();
    let path = script(&home, "zsh");
    let ran = Ran::from(Command::new("zsh").args(["-f", "-n"]).arg(&path).output().unwrap()).ends(0);
    assert_eq!(ran.err, "");
    // Installed as a file of the search path, it is found and loaded.
    std::fs::create_dir(home.path("functions")).unwrap();
    std::fs::copy(&path, home.path("functions/_keepuntil")).unwrap();
    let load = "fpath=($PWD/functions $fpath); autoload -Uz compinit; compinit -D -u; echo $_comps[keepuntil]; \
                autoload +X _keepuntil";
    let mut zsh = Command::new("zsh");
    let ran = Ran::from(zsh.args(["-f", "-c", load]).current_dir(home.path("")).output().unwrap()).ends(0);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("_keepuntil\n", ""));
}

#[test]
fn fish_completes_every_command() {
    if !there("fish", true) {
        return;
    }
    let home = Home::new();
    let path = script(&home, "fish");
    let mut asks = format!("source {}\n", path.display());
    for group in groups(&home) {
        let line = if group.is_empty() { String::new() } else { format!("{group} ") };
        // The answer holds a tab and what the command does.
        asks += &format!(
            "for reply in (complete -C 'keepuntil {line}')\n printf '%s\\t%s\\n' '{group}' (string split -f1 \\t $reply)\nend\n"
        );
    }
    let mut fish = Command::new("fish");
    fish.env("HOME", home.path("fish"))
        .env("XDG_CONFIG_HOME", home.path("fish"))
        .env("XDG_DATA_HOME", home.path("fish"));
    assert!(fish.arg("-n").arg(&path).output().is_ok_and(|ran| ran.status.success()));
    let mut fish = Command::new("fish");
    fish.env("HOME", home.path("fish"))
        .env("XDG_CONFIG_HOME", home.path("fish"))
        .env("XDG_DATA_HOME", home.path("fish"));
    let ran = Ran::from(fish.args(["-N", "-c", &asks]).output().unwrap()).ends(0);
    assert_eq!(ran.err, "");
    completes_all(&home, &ran.out);
}

/// Debian has no package of PowerShell: a grammar of it reads the scripts, in every language that their texts are written in.
#[test]
fn a_grammar_of_powershell_reads_its_script() {
    let Some(python) = tools::tool(tools::PYTHON) else { return };
    let home = Home::new();
    let good = ["en", "zh"].map(|language| {
        let text = home.run(&["completions", "powershell", "--lang", language]).ends(0).out;
        home.write(&format!("{language}.ps1"), text)
    });
    // A quote of a text that ends the string, as an apostrophe in our words would.
    let text = std::fs::read_to_string(&good[0]).unwrap();
    let bad = home.write("bad.ps1", text.replacen("'--lang', '--lang'", "'--lang', '--la'ng'", 1));
    let mut reader = Command::new(python);
    reader.arg(tools::project("tests/stock/powershell.py")).args(&good).arg(&bad);
    let said = String::from_utf8(tools::stdout(&mut reader)).unwrap();
    let said: Vec<bool> = said.lines().map(|line| line.ends_with("\tok")).collect();
    assert_eq!(said, [true, true, false], "{said:?}");
}

#[test]
fn every_command_has_a_page_in_which_groff_finds_nothing() {
    let home = Home::new();
    let ran = home.run(&["man", "-o", "share/man1"]).ends(0);
    let all = all(&home);
    assert_eq!(ran.out, format!("Wrote {} pages into share/man1\n", all.len() + 1));
    let mut expected: Vec<String> = all.iter().map(|words| format!("keepuntil-{}.1", words.join("-"))).collect();
    expected.push("keepuntil.1".into());
    expected.sort();
    let paths = support::files_below(&home.path("share/man1"));
    let mut names: Vec<String> =
        paths.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    names.sort();
    assert_eq!(names, expected);
    if there("groff", true) {
        for path in &paths {
            // All warnings; output is only looked at.
            let ran = Command::new("groff").args(["-man", "-Tutf8", "-ww", "-z"]).arg(path).output().unwrap();
            let said = String::from_utf8_lossy(&ran.stderr).into_owned();
            assert!(ran.status.success() && said.is_empty(), "{}: {said}", path.display());
        }
    }
    if there("lexgrog", true) {
        // What apropos will know of it.
        for path in &paths {
            let said = Ran::from(Command::new("lexgrog").arg(path).output().unwrap()).ends(0).out;
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            assert!(said.contains(&format!("\"{name} - ")), "{said}");
        }
    }
}

/// A page as a reader sees it.
fn shown(path: &std::path::Path) -> String {
    let mut groff = Command::new("groff");
    // Without codes of a terminal, and in one line a paragraph.
    groff.args(["-man", "-Tutf8", "-P-c", "-P-b", "-P-u", "-rLL=2000n"]).arg(path);
    Ran::from(groff.output().unwrap()).ends(0).out
}

fn in_a_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn pages_carry_examples_exit_codes_and_environment() {
    if !there("groff", true) {
        return;
    }
    let home = Home::new();
    home.run(&["man", "-o", "man1"]).ends(0);
    for words in all(&home).into_iter().chain([Vec::new()]) {
        let name = [&["keepuntil".to_owned()], &words[..]].concat().join("-");
        let page = shown(&home.path(&format!("man1/{name}.1")));
        let help = home.run(&[&words[..], &["--help".to_owned()]].concat()).ends(0).out;
        for heading in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "ENVIRONMENT", "SEE ALSO"] {
            assert!(page.lines().any(|line| line == heading), "{name}: {heading}");
        }
        for part in ["retention or hold forbids", "KEEPUNTIL_KEYRING", "KEEPUNTIL_PASSPHRASE_COMMAND", "NO_COLOR"] {
            assert!(page.contains(part), "{name}: {part}");
        }
        // Every example stands there, with its characters as they are; --help breaks long ones at its 80 columns.
        for at in ["\nExample:\n", "\nExamples:\n"] {
            let examples = help.split_once(at).map_or("", |(_, rest)| rest.split("\n\n").next().unwrap());
            assert!(in_a_line(&page).contains(&in_a_line(examples)), "{name}: {examples}: {page}");
        }
    }
    // The page without a folder is the same.
    let page = std::fs::read_to_string(home.path("man1/keepuntil.1")).unwrap();
    assert_eq!(home.run(&["man"]).ends(0).out, page);
    assert!(shown(&home.path("man1/keepuntil.1")).contains("restore firm.sealed --match 'Smith*' -o out/"));
}

#[test]
fn a_refused_run_writes_no_page() {
    let home = Home::new();
    home.write("file", "");
    home.run(&["man", "-o", "file/man1"]).fails(1, "file/man1");
    home.run(&["man", "-o", "file"]).fails(1, "file");
    assert_eq!(std::fs::read(home.path("file")).unwrap(), b"");
    // The last page that is written is somebody's own: none is written, and his stays.
    let own = home.write("man1/keepuntil-man.1", "mine");
    let ran = home.run(&["man", "-o", "man1"]).fails(1, "keepuntil-man.1");
    assert!(ran.err.contains("--force"), "{ran:?}");
    assert_eq!(support::files_below(&home.path("man1")), [own.as_path()]);
    assert_eq!(std::fs::read(&own).unwrap(), b"mine");
    let ran = home.run(&["man", "-o", "man1", "--force", "--json"]).ends(0);
    let files = ran.json("man")[0]["paths"].as_array().unwrap().len();
    assert_eq!(support::files_below(&home.path("man1")).len(), files);
    assert_ne!(std::fs::read(&own).unwrap(), b"mine");
    home.has_no_leftovers();
    home.run(&["man", "--force"]).ends(2);
    home.run(&["completions", "tcsh"]).ends(2);
}
