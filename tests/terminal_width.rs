//! What people read fits a terminal of 80 columns in both languages, characters of Chinese counted as two.
//!
//! Needs `ssh-keygen`.

mod support;

use std::collections::HashMap;
use support::{Home, Ran};
use unicode_width::UnicodeWidthStr;

/// Columns of a terminal.
const COLUMNS: usize = 80;

/// Runs by what they show, each after the exit code that it must have.
const RUNS: &str = "
0 create -o firm.sealed --until 2099-12-31 clients
0 create -o consent.sealed --rule cn-pi-minimum --start creation --retain P3Y clients
0 create -o staff.sealed --rule cn-labour-contract --class sensitive clients
2 create -o none.sealed clients
0 inspect staff.sealed
0 inspect firm.sealed --record 2
0 verify firm.sealed --deep --against clients
3 verify firm.sealed --against other
0 restore firm.sealed --match *Smith* -o out
3 evidence verify out
0 create -o long.sealed --policy long.toml clients
0 inspect long.sealed
0 inspect long.sealed --record 1
0 keyring export firm.sealed --record 1 -o sheet.txt
0 keyring info
0 keyring check firm.sealed
0 keyring set --cool-off-days 7
0 keyring set --cool-off-days 7 --statement
0 rules
0 rules cn-pi-minimum
0 rules cn-labour-contract
0 roster check people.txt
0 roster disclosure may-ask.toml
0 roster set people.txt
0 roster show
0 purge --plan plan.json --archive consent.sealed --record 1-2 --early consent-withdrawn
15 purge --execute plan.json
0 hold place firm.sealed --record 1 --matter case --authority court
0 hold place --everything --secrecy --matter investigation --authority court
0 hold place long.sealed --compartment accounts-of-the-liquidated-firm-and-of-all-its-subsidiaries-abro --matter long --authority court
0 hold place firm.sealed --record 2 --matter 关于沐阳贸易有限公司与上海某某物流有限公司之间的仓储合同纠纷一案及其后续的执行程序 --authority 上海市浦东新区人民法院民事审判第一庭
0 hold list
0 event record contract-end staff.sealed --record 1 --date 2026-01-01
0 event list
0 extend firm.sealed --record 1-2 --until 2100-12-31
0 status
0 due --within P90Y
0 clock show
0 clock statement
0 survey clients
0 policy init --jurisdiction cn
0 policy init --jurisdiction us
0 request new firm.sealed --record 1-2 --purpose audit --explain audit --as auditor@cpa.example --sign-with auditor -o request.json
0 request show request.json
11 request check request.json firm.sealed
0 request find --match *Smith* firm.sealed
0 request template
2 request template firm.sealed
0 disclosures
0 notice due
0 notice list
0 notice template closing -o closing.txt
2 notice template other
1 notice merge letter.txt --contacts people.csv --address-column 住址 -o letters
0 notice merge letter.txt --contacts people.csv --address-column 地址 -o letters
0 notice sent letters/mailing.json --on TODAY --by post
1 notice sent letters/mailing.json --on TODAY --by post
0 notice merge letter.txt --archive firm.sealed --everybody 1-3 -o public
0 notice sent public/mailing.json --on TODAY --by publication
0 notice reply --archive firm.sealed --record 1-3 --kind objection --received 2026-01-08 --text 需要该档案用于向劳动争议仲裁委员会主张权利并请求在案件终结之前不要销毁与本人有关的任何材料
0 notice list
3 notice due
0 notice show NOTICE
0 notice show REPLY
1 notice show ffff
0 journal show
0 journal verify
0 journal export -o journal
0 purge --dry-run
0 purge --dry-run --archive consent.sealed --record 1 --early consent-withdrawn
0 report inventory firm.sealed
0 report calendar
0 report handover --to successor --records
0 report disclosures
3 report compliance
3 report assessment
0 report risks firm.sealed
0 report cost firm.sealed
2 report cost firm.sealed --price 980元/TB
0 schedule write -o .
3 schedule show
0 certificate show --help
1 certificate show plan.json
10 certificate verify people.txt
2 journal cosign
11 extend firm.sealed --record 1 --until 2030-01-01
1 create -o firm.sealed --until 2099-12-31 clients
2 create -o new.sealed --rule no-such-rule clients
1 restore firm.sealed --match no-such-name -o nothing
2 hold place
2 restore
2 nonsense
";

/// Whether a line may be wider: a command that is copied as it stands, alone on it, or a word that no line can hold with
/// what belongs to it.
fn may_be_wider(line: &str) -> bool {
    let line = line.trim();
    let is_command = ["keepuntil ", "ssh-keygen ", "`"].iter().any(|program| line.starts_with(program));
    let is_prose = line.matches('`').count() == 2 && line.split('`').nth(2).unwrap().width() > 20;
    is_command && !is_prose || line.split(' ').any(|word| word.width() > COLUMNS - 20)
}

/// The help of a command and of all below it.
fn helps(home: &Home, language: &str, words: &[String], all: &mut Vec<(String, String)>) {
    let arguments = [&["--lang".to_owned(), language.to_owned()], words, &["--help".to_owned()]].concat();
    let text = Ran::from(home.command().env_remove("COLUMNS").args(arguments).output().unwrap()).ends(0).out;
    let listed = ["\nCommands:\n", "\n命令：\n"].iter().find_map(|heading| text.split_once(heading));
    let listed = listed.map_or("", |(_, listed)| listed.split("\n\n").next().unwrap());
    let names = listed.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    for name in names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help") {
        helps(home, language, &[words, &[name.to_owned()]].concat(), all);
    }
    all.push((format!("{language} {}", words.join(" ")), text));
}

#[test]
fn help_fits_and_its_examples_can_be_copied() {
    let home = Home::new();
    let mut all = Vec::new();
    ["en", "zh"].iter().for_each(|language| helps(&home, language, &[], &mut all));
    assert!(all.len() > 140, "{} pages", all.len());
    let mut wrong = Vec::new();
    for (command, text) in &all {
        let mut in_examples = false;
        let mut before = "";
        for line in text.lines() {
            let is_heading = ["Example:", "Examples:", "示例："].contains(&line);
            in_examples = is_heading || (in_examples && !line.is_empty());
            let continues = before.ends_with('\\');
            let whole = match line {
                _ if !in_examples || is_heading => true,
                line if continues => line.starts_with("    ") && line.trim() != "\\",
                line => ["  keepuntil ", "  ssh-keygen ", "  man "].iter().any(|program| line.starts_with(program)),
            };
            if !whole || line.width() > COLUMNS || line.trim() == "\\" {
                wrong.push(format!("{command}: {line}"));
            }
            before = line;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A policy whose compartment has the longest name that the format allows.
const LONG_NAMES: &str = r#"
[[compartment]]
name = "accounts-of-the-liquidated-firm-and-of-all-its-subsidiaries-abro"
class = "confidential"

[[records]]
path = "{name}/**"
record = "{name}"
compartment = "accounts-of-the-liquidated-firm-and-of-all-its-subsidiaries-abro"
until = "2099-12-31"

[[records]]
path = "**"
record = "rest"
compartment = "accounts-of-the-liquidated-firm-and-of-all-its-subsidiaries-abro"
until = "2099-12-31"
"#;

#[test]
fn every_line_fits_in_both_languages() {
    let mut wrong = Vec::new();
    for language in ["en", "zh"] {
        let home = Home::new();
        home.small_firm();
        home.write("other/note.txt", "other");
        home.people(&[("lin", "lin@lantern.example"), ("auditor", "auditor@cpa.example")]);
        home.write(
            "may-ask.toml",
            "[approvals]\nconfidential = 1\n\n[[requester]]\nprincipal = \"auditor@cpa.example\"\n",
        );
        home.write("people.csv", "姓名,地址\n王芳,上海市静安区一号\n李雷,北京市海淀区二号\n");
        home.write("letter.txt", "keepuntil-notice/v1 closing zh\n来自 {firm}，{today}，{letter}\n");
        home.write("long.toml", LONG_NAMES);
        home.write("clients/上海沐阳国际贸易有限公司二〇一九年度会计凭证及附件（含增值税专用发票抵扣联）/a.txt", "a");
        let mut ids = HashMap::from([("TODAY", chrono::Utc::now().date_naive().to_string())]);
        for run in RUNS.lines().skip(1) {
            let (code, arguments) = run.split_once(' ').unwrap();
            let known = |word: &str| ids.get(word).cloned().unwrap_or_else(|| word.to_owned());
            let arguments = ["--lang", language].into_iter().chain(arguments.split(' ')).map(known);
            let ran = home.command().env_remove("COLUMNS").args(arguments).output().unwrap();
            let ran = Ran::from(ran);
            if ran.code != Some(code.parse().unwrap()) {
                wrong.push(format!("{language} {run}: {ran:#?}"));
            }
            for (name, words) in [("NOTICE", ["notice ", "告知 "]), ("REPLY", ["reply ", "来函 "])] {
                let id = words.iter().find_map(|word| ran.out.strip_prefix(word));
                ids.extend(id.map(|id| (name, id[..8].to_owned())));
            }
            let lines = ran.out.lines().chain(ran.err.lines());
            let too_wide = lines.filter(|line| line.width() > COLUMNS && !may_be_wider(line));
            wrong.extend(too_wide.map(|line| format!("{language} {run}: {}: {line}", line.width())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
