//! What people type at a terminal: approvals, passphrases, the firm's answers. Each run has a terminal of its own (`script`).

mod desk;
mod support;

use desk::{Desk, SEALED};
use std::io::Write;
use std::process::{Command, Stdio};
use support::Ran;

/// Runs the program at a terminal, where somebody types these lines; what it prints and what is echoed are in `out`.
fn typing(desk: &Desk, lines: &[&str], arguments: &[&str]) -> Ran {
    let program = desk.home.command();
    let quoted = |word: &str| format!("'{}'", word.replace('\'', "'\\''"));
    let words = std::iter::once(program.get_program().to_str().unwrap()).chain(arguments.iter().copied());
    let line = words.map(quoted).collect::<Vec<_>>().join(" ");
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &line, "/dev/null"]).env_clear();
    for (name, value) in program.get_envs() {
        script.env(name, value.unwrap());
    }
    script.current_dir(program.get_current_dir().unwrap());
    let mut running = script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let typed: String = lines.iter().map(|line| format!("{line}\n")).collect();
    running.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    Ran::from(running.wait_with_output().unwrap())
}

/// A desk with a proposal that waits for its approval.
fn proposal() -> Desk {
    let desk = Desk::new();
    desk.home.small_firm();
    desk.home.create("firm.sealed");
    let auditor = format!("auditor@cpa.example {}", desk.home.ssh_key("auditor"));
    let people = std::fs::read_to_string(desk.home.path("people.txt")).unwrap();
    desk.home.write("people.txt", people + &auditor);
    desk.home.write("may-ask.toml", "[[requester]]\nprincipal = \"auditor@cpa.example\"\npurposes = [\"audit\"]\n");
    desk.home.run(&["roster", "disclosure", "may-ask.toml"]).ends(0);
    desk.home.run(&["roster", "set", "people.txt"]).ends(0);
    let ask = ["request", "new", "firm.sealed", "--record", "1", "--purpose", "audit", "--explain", "Audit of 2019"];
    let by = ["--as", "auditor@cpa.example", "--sign-with", "auditor", "-o", "request.json"];
    desk.home.run(&[&ask[..], &by].concat()).ends(0);
    desk.home.run(&["request", "propose", "request.json", "-o", "proposal.json"]).ends(0);
    desk
}

#[test]
fn an_approval_is_typed_in_the_language_of_the_question() {
    let desk = proposal();
    let approve = |typed: &str, language: &str| {
        let ran = typing(&desk, &[typed], &["approve", "proposal.json", "--sign-with", "lin", "--lang", language]);
        let signature = desk.home.path("proposal.json.lin.sig");
        (ran.code, std::fs::remove_file(signature).is_ok())
    };
    for (typed, language) in [("yes", "en"), ("yes", "zh"), ("是", "zh"), (" 是 ", "zh")] {
        assert_eq!(approve(typed, language), (Some(0), true), "{typed} in {language}");
    }
    for (typed, language) in [("no", "en"), ("", "en"), ("y", "en"), ("有", "zh"), ("否", "zh"), ("是", "en")] {
        assert_eq!(approve(typed, language), (Some(2), false), "{typed} in {language}");
    }
    // Where there is no terminal nobody approves.
    desk.home.run(&["approve", "proposal.json", "--sign-with", "lin"]).fails(2, "no terminal");
}

#[test]
fn a_passphrase_is_typed_twice_and_opens_the_identity() {
    let desk = Desk::new();
    let keygen = ["keygen", "-o", "identity.txt", "--passphrase"];
    let ran = typing(&desk, &["correct horse", "another"], &keygen).ends(2);
    assert!(ran.out.contains("the two passphrases differ"), "{ran:?}");
    assert!(!desk.home.path("identity.txt").exists());
    typing(&desk, &["correct horse", "correct horse"], &keygen).ends(0);
    let recipient = |typed: &str| typing(&desk, &[typed], &["keygen", "-y", "identity.txt"]);
    assert!(recipient("correct horse").ends(0).out.contains("age1pq1"));
    let wrong = recipient("wrong horse");
    assert_ne!(wrong.code, Some(0), "{wrong:?}");
}

#[test]
fn the_answers_of_a_firm_become_its_policy() {
    let desk = Desk::new();
    let answers = ["cn", "13-01", "06-30", "2026-12-31", "", "", "", "", "", "", ""];
    let ran = typing(&desk, &answers, &["policy", "init", "-o", "policy.toml"]).ends(0);
    assert!(ran.out.contains("\"13-01\"?"), "what is no day is asked for again: {ran:?}");
    let policy = std::fs::read_to_string(desk.home.path("policy.toml")).unwrap();
    for part in ["06-30", "2026-12-31", "cn-accounting-voucher"] {
        assert!(policy.contains(part), "{part}: {policy}");
    }
}

#[test]
fn a_class_is_answered_in_the_language_of_the_question() {
    let desk = Desk::new();
    let answers = ["cn", "", "", "", "保密", "公开", "机密", "敏感", "confidential"];
    let ran = typing(&desk, &answers, &["policy", "init", "-o", "policy.toml", "--lang", "zh"]).ends(0);
    assert!(ran.out.contains("confidential（保密）") && ran.out.contains("\"机密\"?"), "{ran:?}");
    let policy: toml::Table = std::fs::read_to_string(desk.home.path("policy.toml")).unwrap().parse().unwrap();
    let class = |name: &str| {
        let all = policy["compartment"].as_array().unwrap();
        let found = all.iter().find(|compartment| compartment["name"].as_str().unwrap().starts_with(name));
        found.map(|compartment| compartment["class"].as_str().unwrap().to_owned())
    };
    let found = ["accounts", "staff", "clients", "company"].map(class);
    assert_eq!(
        found,
        ["confidential", "public", "sensitive", "confidential"].map(|class| Some(class.to_owned())),
        "{policy}"
    );
}

#[test]
fn the_date_confirms_the_clock_where_the_keyring_allows_it() {
    let desk = Desk::new();
    desk.home.small_firm();
    desk.at(SEALED, &["create", "-o", "firm.sealed", "--until", "2030-12-31", "clients"]).ends(0);
    let confirm = |typed: &str| typing(&desk, &[typed], &["clock", "confirm", "--typed"]);
    let refused = confirm("2026-11-22");
    assert_ne!(refused.code, Some(0), "nothing is believed unless the keyring allows it: {refused:?}");
    desk.home.run(&["keyring", "set", "--typed-confirmation", "yes"]).ends(0);
    assert_ne!(confirm("1999-01-01").code, Some(0));
    assert_eq!(confirm(&chrono::Local::now().date_naive().to_string()).code, Some(0));
}
