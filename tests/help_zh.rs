//! The command line explains itself in Chinese, all of it: help, usage errors, manual pages, descriptions in shells.

mod support;

use regex::Regex;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use support::{Home, Ran};
use unicode_width::UnicodeWidthStr;

fn help(home: &Home, words: &[String]) -> String {
    home.run(&[words, &["--help".to_owned(), "--lang".to_owned(), "zh".to_owned()]].concat()).ends(0).out
}

/// Every command as its words with its help, from the help.
fn commands(home: &Home, above: &[String]) -> Vec<(Vec<String>, String)> {
    let text = help(home, above);
    let listed = text.split_once("\n命令：\n").map_or("", |(_, listed)| listed.split("\n\n").next().unwrap());
    let names = listed.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names: Vec<_> = names.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect();
    let below = names.iter().filter(|name| *name != "help");
    let below: Vec<_> = below.flat_map(|name| commands(home, &[above, std::slice::from_ref(name)].concat())).collect();
    std::iter::once((above.to_vec(), text)).chain(below).collect()
}

/// Lines that speak English outside of what is typed: three words in a row, none of them in backticks or of a command.
fn english(text: &str) -> Vec<String> {
    let words = Regex::new("(^|[^A-Za-z-])[A-Za-z]?[a-z]+( [a-z]{2,}){2,}").unwrap();
    let typed = Regex::new("`[^`]*`|keepuntil( [a-z-]+)*").unwrap();
    let mut in_examples = false;
    let mut found = Vec::new();
    for line in text.lines() {
        in_examples = line.starts_with("示例：") || (in_examples && !line.is_empty());
        if !in_examples && words.is_match(&typed.replace_all(line, "")) {
            found.push(line.to_owned());
        }
    }
    found
}

#[test]
fn the_search_sees_english() {
    assert_eq!(
        english("  --force  Replace an existing file\n退出码 3\n示例：\n  ask for me now\n\nThe words here").len(),
        2
    );
    assert!(english("用 `ssh-keygen -Y sign` 签名 keepuntil schedule install now 的 FILE, en, zh").is_empty());
}

#[test]
fn a_language_may_be_typed_as_locales_spell_it() {
    let home = Home::new();
    let said = |language: &str| home.run(&["rules", "--lang", language]).ends(0).out;
    for (language, like) in [("zh-CN", "zh"), ("zh_CN", "zh"), ("zh-Hans", "zh"), ("en-US", "en"), ("en_GB", "en")] {
        assert_eq!(said(language), said(like), "{language}");
    }
    assert_eq!(home.run(&["rules", "--lang", "zh-"]).code, Some(2));
}

#[test]
fn every_command_helps_in_chinese_within_the_terminal() {
    let home = Home::new();
    let all = commands(&home, &[]);
    for known in [&["create"][..], &["hold", "place"], &["journal", "cosign"], &["man"]] {
        assert!(all.iter().any(|(words, _)| words == known), "{known:?}");
    }
    // The same commands as in English.
    let listed = |text: &str, heading: &str| {
        let listed = text.split_once(heading).map_or("", |(_, listed)| listed.split("\n\n").next().unwrap());
        let names = listed.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        names.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let option = Regex::new("(?m)^(?:  -., |      )(--[a-z-]+)").unwrap();
    let options = |text: &str| option.captures_iter(text).map(|found| found[1].to_owned()).collect::<BTreeSet<_>>();
    for (words, text) in &all {
        assert_eq!(english(text), Vec::<String>::new(), "{words:?}: {text}");
        assert!(text.contains("用法：keepuntil"), "{words:?}: {text}");
        assert!(text.contains("选项：\n"), "{words:?}: {text}");
        for of_clap in
            ["Usage:", "Options:", "Commands:", "Arguments:", "[OPTIONS]", "<COMMAND>", "[default", "[env", "[possible"]
        {
            assert!(!text.contains(of_clap), "{words:?}: {of_clap}: {text}");
        }
        for line in text.lines() {
            assert!(line.width() <= 80, "{words:?}: {line}");
            assert!(!line.trim_start().starts_with(['，', '。', '；', '）', '、']), "{words:?}: {line}");
        }
        let mut in_english = words.clone();
        in_english.push("--help".into());
        let in_english = home.run(&in_english).ends(0).out;
        assert_eq!(listed(text, "\n命令：\n"), listed(&in_english, "\nCommands:\n"), "{words:?}");
        assert_eq!(options(text), options(&in_english), "{words:?}");
        // However it is asked for.
        let mut asked = vec!["--lang".to_owned(), "zh".to_owned(), "help".to_owned()];
        asked.extend_from_slice(words);
        assert_eq!(&home.run(&asked).ends(0).out, text, "{words:?}");
    }
    for (words, parts) in [
        (
            "create",
            &["[默认：confidential]", "[环境变量：KEEPUNTIL_KEYRING]", "day（自次日起算）", "  -h, --help "][..],
        ),
        ("roster set", &["[默认：1]"]),
        ("purge", &["角色有 custodian（保管人）", "  name = \"林悦\"\n"]),
        ("receipt new", &["已返还，且未留存副本"]),
        ("refuse", &["out-of-scope（申请人无权申请这些记录）"]),
        ("notice answer", &["rejected（未采纳：须用 --explain 说明理由）"]),
        ("notice reply", &["deletion（要求删除信息）"]),
        ("request new", &["tax-inspection（税务检查：税务机关检查）"]),
        ("hold place", &["用法：keepuntil hold place [选项]"]),
    ] {
        let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        let (_, text) = all.iter().find(|(of, _)| *of == words).unwrap();
        let bare = |text: &str| text.replace([' ', '\n'], "");
        for part in parts {
            assert!(bare(text).contains(&bare(part)), "{words:?}: {part}: {text}");
        }
    }
    // The locale says it as well; a group without a command shows its help as an error.
    let of_locale = Ran::from(home.command().env("LC_ALL", "zh_CN.UTF-8").arg("hold").output().unwrap()).ends(2);
    assert!(of_locale.err.contains("用法：keepuntil hold"), "{of_locale:?}");
}

#[test]
fn english_stays_as_clap_says_it() {
    let home = Home::new();
    for arguments in [&["--help"][..], &["create", "--help"], &["hold"], &["purge", "--no-such"], &["man", "--force"]] {
        let plain = home.run(arguments);
        let named = home.run(&[&["--lang", "en"], arguments].concat());
        assert_eq!((plain.code, &plain.out), (named.code, &named.out));
        // Usage says what was given.
        assert_eq!(plain.err.replace(" --lang <LANG>", ""), named.err.replace(" --lang <LANG>", ""));
        assert!((plain.out + &plain.err).contains("Usage: keepuntil"));
    }
}

#[test]
fn usage_errors_are_said_in_chinese() {
    let home = Home::new();
    for (line, parts) in [
        ("creat", &["没有“creat”这个命令", "相近的有：create、"][..]),
        ("create", &["缺少必须给出的内容：\n", "--output <FILE>", "<DIR>..."]),
        ("create --class secret", &["“secret”不是有效的值", "[可选值：public、sensitive、confidential]"]),
        ("create --unitl 2030-01-01", &["此处不应有“--unitl”", "相近的有：--until"]),
        ("create -o a b --until", &["--until <DATE>：需要给出值"]),
        ("create -o a b --policy p --pad --until 2030-01-01", &["不能与", "--until <DATE>"]),
        ("create -o a -o b c", &["--output <FILE> 不能重复给出"]),
        ("restore a -o b --record x", &["“x”不是有效的值：不是整数"]),
        ("grant --lang=xx", &["“xx”不是有效的值"]),
        ("man --force=1", &["多出了一个值“1”"]),
        ("status \u{1b}]0;x", &["此处不应有“\\u{1b}]0;x”"]),
    ] {
        let mut command = home.command();
        let ran = command.env("LANG", "zh_CN.UTF-8").env("LC_ALL", "").args(line.split(' ')).output().unwrap();
        let ran = Ran::from(ran);
        // A language that there is not is said in the other.
        if line.contains("--lang=xx") {
            assert!(ran.ends(2).err.starts_with("error: "));
            continue;
        }
        let ran = ran.ends(2);
        assert_eq!(ran.out, "");
        assert!(ran.err.starts_with("keepuntil: 错误："), "{ran:?}");
        assert!(parts.iter().all(|part| ran.err.contains(part)), "{parts:?}: {ran:?}");
        assert!(ran.err.contains("--help 可查看说明"), "{ran:?}");
        assert_eq!(english(&ran.err), Vec::<String>::new());
    }
}

/// A page as a reader sees it, without a warning.
fn shown(page: &Path) -> String {
    let mut groff = Command::new("groff");
    let ran = groff.args(["-Kutf8", "-Tutf8", "-man", "-ww", "-P-c", "-P-b", "-P-u", "-rLL=80n"]).arg(page);
    let ran = Ran::from(ran.output().unwrap()).ends(0);
    assert_eq!(ran.err, "", "{}", page.display());
    ran.out
}

#[test]
fn manual_pages_are_chinese_and_groff_finds_nothing() {
    let home = Home::new();
    let ran = home.run(&["man", "-o", "man1", "--lang", "zh"]).ends(0);
    let pages = support::files_below(&home.path("man1"));
    assert_eq!(ran.out, format!("已将 {} 页写入 man1\n", pages.len()));
    assert_eq!(pages.len(), commands(&home, &[]).len());
    if !Command::new("groff").arg("--version").output().is_ok_and(|ran| ran.status.success()) {
        eprintln!("NOT TESTED: groff is not installed");
        return;
    }
    for page in &pages {
        let name = page.file_stem().unwrap().to_string_lossy().into_owned();
        let text = shown(page);
        for heading in ["名称", "概要", "描述", "选项", "退出码", "环境变量", "另见"] {
            assert!(text.lines().any(|line| line == heading), "{name}: {heading}: {text}");
        }
        let (before, after) = text.split_once("\n示例\n").unwrap_or((&text, ""));
        let after = after.split_once("\n退出码\n").map_or("", |(_, after)| after);
        for part in [before, after] {
            assert_eq!(english(part), Vec::<String>::new(), "{name}: {text}");
            assert!(part.lines().all(|line| line.width() <= 80), "{name}: {text}");
        }
        let lexgrog = Command::new("lexgrog").env("LC_ALL", "C.UTF-8").arg(page).output();
        if let Ok(said) = lexgrog {
            let said = Ran::from(said).ends(0).out;
            assert!(said.contains(&format!("\"{name} - ")), "{said}");
        }
    }
}

#[test]
fn shells_describe_commands_in_chinese() {
    let home = Home::new();
    for (shell, parts) in [
        ("zsh", &["显示帮助", "设置冻结", "自次日起算"][..]),
        ("fish", &["显示帮助", "设置冻结", "自次日起算"]),
        ("powershell", &["显示帮助", "设置冻结"]),
    ] {
        let script = home.run(&["completions", shell, "--lang", "zh"]).ends(0).out;
        for part in parts {
            assert!(script.contains(part), "{shell}: {part}");
        }
        assert!(!script.contains("Print help") && !script.contains("Place a hold"), "{shell}");
    }
    let bash = |language| home.run(&["completions", "bash", "--lang", language]).ends(0).out;
    assert_eq!(bash("zh"), bash("en"));
}
