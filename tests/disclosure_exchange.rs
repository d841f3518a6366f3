//! A whole disclosure with files only, between a custodian's home and a requester's: every message that is written on the way
//! fits its schema.
//!
//! Needs `ssh-keygen`.

mod support;
mod tools;

use keepuntil::disclosure::receipt::Handled;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use support::Home;

const AUDITOR: &str = "auditor@cpa.example";

fn give(from: &Home, to: &Home, files: &[&str]) {
    for file in files {
        fs::copy(from.path(file), to.path(file)).unwrap();
    }
}

/// Two homes: the custodian's with an archive, a roster and a policy, and the requester's with an SSH key.
fn homes() -> (Home, Home) {
    let (custodian, requester) = (Home::new(), Home::new());
    let mut roster = String::new();
    for (home, key, name) in [(&custodian, "lin", "lin@lantern.example"), (&requester, "auditor", AUDITOR)] {
        roster.push_str(&format!("{name} {}", home.ssh_key(key)));
    }
    custodian.small_firm();
    custodian.create("firm.sealed");
    custodian
        .write("policy.toml", format!("[approvals]\nconfidential = 1\n\n[[requester]]\nprincipal = \"{AUDITOR}\"\n"));
    custodian.run(&["roster", "disclosure", "policy.toml"]).ends(0);
    custodian.write("people.txt", roster);
    custodian.run(&["roster", "set", "people.txt"]).ends(0);
    let vkeys = custodian.run(&["keyring", "info", "--vkeys"]).ends(0).out;
    custodian.write("firm.vkeys", vkeys);
    give(&custodian, &requester, &["firm.sealed", "firm.vkeys"]);
    (custodian, requester)
}

fn ask(requester: &Home, file: &str, words: &str) {
    let what = ["request", "new", "firm.sealed", "--record", "1-2", "--purpose", "audit", "--explain", words];
    let more = ["--describe", "凭证两份", "--legal-basis", "§ 316 HGB", "--reference", "case-number=2031/7"];
    let by = ["--as", AUDITOR, "--sign-with", "auditor", "-o", file];
    requester.run(&[&what[..], &more, &by].concat()).ends(0);
}

#[test]
fn every_message_of_an_exchange_fits_its_schema() {
    let (custodian, requester) = homes();
    ask(&requester, "request.json", "Audit of 2019");
    ask(&requester, "second.json", "审计 2020 年度");
    give(&requester, &custodian, &["request.json", "request.json.sig", "second.json", "second.json.sig"]);
    let propose = ["request", "propose", "request.json", "--no-copies", "--condition", "仅供审计使用"];
    custodian.run(&[&propose[..], &["--destroy-by", "2099-12-31", "-o", "proposal.json"]].concat()).ends(0);
    custodian.run(&["approve", "proposal.json", "--sign-with", "lin", "--yes"]).ends(0);
    let grant = ["grant", "firm.sealed", "proposal.json", "--request", "request.json", "-o", "grant.json"];
    custodian.run(&[&grant[..], &["--extract", "extract.tar"]].concat()).ends(0);
    let why = ["--reason", "no-legal-basis", "--explain", "委托已于 2030 年终止。"];
    custodian.run(&[&["refuse", "second.json"][..], &why, &["-o", "refusal.json"]].concat()).ends(0);
    give(&custodian, &requester, &["grant.json", "extract.tar", "refusal.json"]);
    let open = ["restore", "extract.tar", "--grant", "grant.json", "-i", "request.json.identity", "-o", "out"];
    requester.run(&[&open[..], &["--sign-with", "auditor", "--trust", "firm.vkeys"]].concat()).ends(0);
    let destroyed = Handled::Destroyed.code();
    let receipt =
        ["receipt", "new", "grant.json", "--what", destroyed, "--sign-with", "auditor", "-o", "destroyed.json"];
    requester.run(&receipt).ends(0);
    let opened = ["keepuntil-receipt.json", "keepuntil-receipt.json.sig"];
    for file in opened {
        fs::copy(requester.path("out").join(file), custodian.path(file)).unwrap();
    }
    give(&requester, &custodian, &["destroyed.json", "destroyed.json.sig"]);
    for file in ["keepuntil-receipt.json", "destroyed.json"] {
        custodian.run(&["receipt", "import", file]).ends(0);
    }

    let Some(python) = tools::tool(tools::PYTHON) else { return };
    let header =
        Command::new("tar").arg("-xOf").arg(custodian.path("extract.tar")).arg("extract.json").output().unwrap();
    custodian.write("extract.json", header.stdout);
    let bags = fs::read_dir(requester.path("out")).unwrap().map(|entry| entry.unwrap().path().join("evidence.json"));
    let bags: Vec<PathBuf> = bags.filter(|path| path.exists()).collect();
    assert_eq!(bags.len(), 2);
    for (message, files) in [
        ("request", vec![custodian.path("request.json"), custodian.path("second.json")]),
        ("proposal", vec![custodian.path("proposal.json")]),
        ("grant", vec![custodian.path("grant.json")]),
        ("refusal", vec![custodian.path("refusal.json")]),
        ("receipt", vec![custodian.path("keepuntil-receipt.json"), custodian.path("destroyed.json")]),
        ("extract", vec![custodian.path("extract.json")]),
        ("evidence", bags),
    ] {
        for line in tools::schema(&python, message, &files).lines() {
            assert!(line.ends_with("\tok"), "{message}: {line}");
        }
    }
}
