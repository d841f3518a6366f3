//! What goes wrong is told in Chinese: typical mistakes of people who read no English, and no English sentence outside brackets.
//!
//! Needs `ssh-keygen`.

mod support;

use regex::Regex;
use std::fs;
use support::{Home, Ran};

/// A mistake: what is typed, and what must be said of it.
type Mistake<'a> = (&'a [&'a str], &'a str);

/// Words that stand together and are no command, option, path, name or code, outside of brackets.
fn english(text: &str) -> Vec<String> {
    let typed = Regex::new(
        r"`[^`]*`|（[^（）]*）|\([^()]*\)|“[^”]*”|keepuntil( [a-z-]+)*|ssh-keygen .*|<[^>]*>|chmod .*|\[[^\]]*\]|--[a-z-]+( [A-Z]+)?",
    )
    .unwrap();
    // What is not a letter of a word keeps apart; a path or a code is no word.
    let words = Regex::new(r"(^|[\s，：；。])[A-Za-z]{2,}( [A-Za-z]{2,})+").unwrap();
    let lines =
        text.lines().filter(|line| !line.trim_start().starts_with(['|', '1', '2', '3', '4', '5', '6', '7', '8', '9']));
    let lines = lines.filter(|line| words.is_match(&typed.replace_all(line, "")));
    lines.map(str::to_owned).collect()
}

fn wrong(home: &Home, arguments: &[&str]) -> Ran {
    home.run(&[arguments, &["--lang", "zh"]].concat())
}

#[test]
fn the_search_sees_english_and_not_what_is_typed() {
    assert_eq!(english("keepuntil: 错误：a.txt: No such file or directory (os error 2)").len(), 1);
    assert_eq!(english("提示: the clock is wrong").len(), 1);
    for fine in
        ["无法使用（no such thing here）", "用 `keepuntil roster set FILE`", "1 | retain = P10Y", "加上 --until DATE"]
    {
        assert!(english(fine).is_empty(), "{fine}");
    }
}

/// A small firm, sealed; a roster; a request.
fn firm() -> Home {
    let home = Home::new();
    home.small_firm();
    home.create("firm.sealed");
    home.people(&[("lin", "lin@lantern.example")]);
    home.run(&["roster", "set", "people.txt"]).ends(0);
    home
}

#[test]
fn thirty_mistakes_are_told_in_chinese() {
    let home = firm();
    let sealed = fs::read(home.path("firm.sealed")).unwrap();
    let mut damaged = sealed.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 600].fill(0x5a);
    home.write("damaged.sealed", damaged);
    home.write("cut.sealed", &sealed[..sealed.len() / 3]);
    home.write("text.sealed", "this is no archive at all");
    let head = "[[compartment]]\nname = \"c\"\nclass = \"public\"\n[[records]]\npath = \"**\"\nrecord = \"x\"\ncompartment = \"c\"\n";
    home.write("typo.toml", format!("{head}retian = \"P10Y\"\n"));
    home.write("unquoted.toml", format!("{head}retain = P10Y\n"));
    home.write("class.toml", head.replace("public", "secret"));
    home.write("number.toml", format!("{head}retain = 10\n"));
    home.write("rule.toml", format!("{head}rule = \"cn-no-such\"\ndated = \"2025-01-01\"\n"));
    home.write("date.toml", format!("{head}until = \"2046-02-30\"\n"));
    home.write("json.json", "{\"format\": \"keepuntil-request/v1\", ");
    home.write("plan.json", "{\"format\": \"keepuntil-plan/v1\", \"x\": 1}");
    home.write("roster.txt", "lin@lantern.example ssh-ed25519 not-a-key\n");
    home.write("questions.toml", "[handler]\nname = x\n");
    home.write("identity.txt", "AGE-SECRET-KEY-1QQQ\n");
    home.write("disclosure.toml", "[approvals]\nconfidental = 1\n");
    home.write("latin.csv", b"name,address\n\xff\xfe\x00\n");
    fs::create_dir(home.path("taken")).unwrap();
    home.write("taken/x", "x");
    let create = ["create", "-o", "new.sealed"];
    let sealed_so: [&[&str]; 9] = [
        &["--until", "2046-02-30", "clients"],
        &["--until", "2020-01-01", "clients"],
        &["--retain", "10 years", "clients"],
        &["--rule", "cn-no-such", "clients"],
        &["--rule", "cn-tax-books", "clients"],
        &["clients"],
        &["--until", "2046-02-28", "missing"],
        &["--until", "2046-02-28", "-r", "age1nobody", "clients"],
        &["--until", "2046-02-28", "--class", "geheim", "clients"],
    ];
    let policies = ["typo", "unquoted", "class", "number", "rule", "date"].map(|name| format!("{name}.toml"));
    let mut all: Vec<Vec<&str>> = sealed_so.iter().map(|more| [&create[..], more].concat()).collect();
    all.extend(policies.iter().map(|file| vec!["policy", "check", file.as_str(), "clients"]));
    let others: [&[&str]; 32] = [
        &["create", "-o", "no/such/folder/a.sealed", "--until", "2046-02-28", "clients"],
        &["inspect", "missing.sealed"],
        &["inspect", "clients"],
        &["verify", "damaged.sealed"],
        &["verify", "cut.sealed"],
        &["verify", "text.sealed"],
        &["restore", "firm.sealed", "--record", "99", "-o", "out"],
        &["restore", "firm.sealed", "--record", "x", "-o", "out"],
        &["restore", "firm.sealed", "--match", "[", "-o", "out"],
        &["restore", "firm.sealed", "--match", "nobody*", "-o", "out"],
        &["restore", "firm.sealed", "--all", "-i", "identity.txt", "-o", "out"],
        &["restore", "firm.sealed", "--all", "-i", "missing.txt", "-o", "out"],
        &["restore", "damaged.sealed", "--all", "-o", "out2"],
        &["status", "--keyring", "missing"],
        &["status", "--keyring", "clients"],
        &["keyring", "init", "home/data/keepuntil/keyring"],
        &["rules", "cn-no-such"],
        &["rules", "--jurisdiction", "fr"],
        &["policy", "check", "missing.toml", "clients"],
        &["policy", "check", "typo.toml", "missing"],
        &["survey", "missing"],
        &["request", "show", "json.json"],
        &["request", "show", "missing.json"],
        &["purge", "--execute", "plan.json"],
        &["roster", "set", "roster.txt"],
        &["roster", "disclosure", "disclosure.toml"],
        &["report", "assessment", "--answers", "questions.toml"],
        &["certificate", "verify", "json.json"],
        &["evidence", "verify", "missing"],
        &["hold", "release", "abcd"],
        &["extend", "firm.sealed", "--until", "2031-02-30"],
        &["journal", "verify", "taken"],
    ];
    all.extend(others.iter().map(|arguments| arguments.to_vec()));
    assert!(all.len() >= 40);
    let mut left = Vec::new();
    for arguments in &all {
        let ran = wrong(&home, arguments);
        let said = format!("{}{}", ran.out, ran.err);
        if ran.code == Some(0) || !said.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)) {
            left.push(format!("{arguments:?} told nothing in Chinese: {said}"));
        }
        left.extend(english(&said).into_iter().map(|line| format!("{arguments:?}: {line}")));
    }
    assert!(left.is_empty(), "{}", left.join("\n"));
}

#[test]
fn errors_of_the_system_and_of_libraries_have_chinese_words_with_their_place() {
    let home = firm();
    home.write("unquoted.toml", "name = x\n");
    home.write("json.json", "{\"format\": \"keepuntil-request/v1\", ");
    let cases: [Mistake<'_>; 6] = [
        (&["inspect", "missing.sealed"], "missing.sealed：没有这个文件或文件夹"),
        (&["create", "-o", "no/a.sealed", "--until", "2046-02-28", "clients"], "没有这个文件或文件夹"),
        (&["policy", "check", "unquoted.toml", "clients"], "TOML：第 1 行第 8 列"),
        (&["policy", "check", "unquoted.toml", "clients"], "文本要用引号括起"),
        (&["create", "-o", "x.sealed", "--until", "2046-02-30", "clients"], "2046-02-30"),
        (&["request", "show", "json.json"], "第 1 行"),
    ];
    for (arguments, words) in cases {
        let ran = wrong(&home, arguments);
        assert!(ran.err.contains(words), "{words}: {ran:#?}");
        // In English the words are those of the system and of the libraries.
        let english = home.run(arguments);
        assert!(english.err.is_ascii(), "{english:#?}");
    }
    assert!(home.run(&["inspect", "missing.sealed"]).err.contains("No such file or directory (os error 2)"));
}

/// A full disk and a folder without write permission need a machine that lets tests make them.
#[test]
fn a_full_disk_and_a_folder_that_cannot_be_written_are_told_in_chinese() {
    let home = firm();
    let ran = wrong(&home, &["create", "-o", "/dev/full/a.sealed", "--until", "2046-02-28", "clients"]);
    assert!(ran.err.contains("它不是文件夹") && english(&ran.err).is_empty(), "{ran:#?}");
    let ran = wrong(&home, &["create", "-o", "/proc/a.sealed", "--until", "2046-02-28", "clients"]);
    assert!(ran.code != Some(0) && english(&ran.err).is_empty(), "{ran:#?}");
    // The device that is always full.
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = home.command().args(["rules", "--lang", "zh"]).stdout(full).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("磁盘空间不足") && english(&said).is_empty(), "{said}");
}
