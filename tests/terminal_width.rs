//! What people read fits a terminal of 80 columns in both languages, characters of Chinese counted as two.
//!
//! Needs `ssh-keygen`.

mod support;

use support::Home;
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
0 hold place firm.sealed --record 1 --matter case --authority court
0 hold place --everything --secrecy --matter investigation --authority court
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
0 disclosures
0 notice due
0 notice list
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
0 schedule write -o .
2 journal cosign
2 hold place
2 restore
2 nonsense
";

/// Whether a line may be wider: what is copied as it stands, and words that no line can hold with what belongs to them.
fn may_be_wider(line: &str) -> bool {
    let is_command = ["keepuntil ", "ssh-keygen "].iter().any(|program| line.trim_start().starts_with(program));
    is_command || line.split(' ').any(|word| word.contains('/') || word.width() > COLUMNS - 20)
}

#[test]
fn every_line_fits_in_both_languages() {
    let mut wide = Vec::new();
    for language in ["en", "zh"] {
        let home = Home::new();
        home.small_firm();
        home.write("other/note.txt", "other");
        home.people(&[("lin", "lin@lantern.example"), ("auditor", "auditor@cpa.example")]);
        home.write(
            "may-ask.toml",
            "[approvals]\nconfidential = 1\n\n[[requester]]\nprincipal = \"auditor@cpa.example\"\n",
        );
        for run in RUNS.lines().skip(1) {
            let (code, arguments) = run.split_once(' ').unwrap();
            let arguments: Vec<&str> = ["--lang", language].into_iter().chain(arguments.split(' ')).collect();
            let ran = home.run(&arguments);
            assert_eq!(ran.code, Some(code.parse().unwrap()), "{run}: {ran:#?}");
            // Errors, warnings and hints are one line each where no terminal shows them.
            let told = ran.err.lines().filter(|line| !line.starts_with("keepuntil: "));
            let lines = ran.out.lines().chain(told);
            let too_wide = lines.filter(|line| line.width() > COLUMNS && !may_be_wider(line));
            wide.extend(too_wide.map(|line| format!("{language} {run}: {}: {line}", line.width())));
        }
    }
    assert!(wide.is_empty(), "{}", wide.join("\n"));
}
