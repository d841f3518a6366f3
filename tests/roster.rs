//! Rosters and signatures under them: vectors, real keys of OpenSSH, and OpenSSH's own reading as the oracle.

mod support;

use chrono::{DateTime, Utc};
use keepuntil::crypto::hash::sha256;
use keepuntil::disclosure::namespace;
use keepuntil::disclosure::roster::{Roster, RosterError};
use keepuntil::disclosure::statement::{RosterChange, clock_statement};
use keepuntil::retention::register::Register;
use keepuntil::storage::process::ProcessError;
use keepuntil::storage::ssh_keygen;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

const NOW: &str = "2026-11-22T12:00:00Z";

/// Keys made for this run: two of Ed25519, one of each other type.
struct Keys {
    dir: tempfile::TempDir,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    for (name, kind, bits) in [
        ("a", "ed25519", "256"),
        ("b", "ed25519", "256"),
        ("ec", "ecdsa", "384"),
        ("rsa", "rsa", "2048"),
        ("out", "ed25519", "256"),
    ] {
        let path = dir.path().join(name);
        let made = Command::new("ssh-keygen").args(["-q", "-N", "", "-t", kind, "-b", bits, "-f"]).arg(path).status();
        assert!(made.unwrap().success());
    }
    Keys { dir }
});

impl Keys {
    fn private(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn public(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(format!("{name}.pub"))).unwrap().trim().to_owned()
    }

    fn sign(&self, name: &str, namespace: &str, message: &[u8]) -> Vec<u8> {
        ssh_keygen::sign(&self.private(name), namespace, message).unwrap()
    }
}

/// Wang has two keys, Li and Zhao one each.
fn roster() -> Roster {
    let [a, b, ec, rsa] = ["a", "b", "ec", "rsa"].map(|name| KEYS.public(name));
    let text = format!("wang {a}\nwang {ec}\nli {b}\nzhao {rsa}\n");
    Roster::parse(text.as_bytes()).unwrap()
}

#[test]
fn vectors_end_as_they_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/vectors/roster");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let expect: serde_json::Value =
            serde_json::from_slice(&std::fs::read(path.join("expect.json")).unwrap()).unwrap();
        let read = Roster::parse(&std::fs::read(path.join("allowed_signers")).unwrap());
        match (expect["what"].as_str(), read) {
            (None, Ok(roster)) => {
                assert_eq!(serde_json::json!(roster.people()), expect["people"], "{}", path.display())
            }
            (Some(what), Err(error)) => {
                let text = error.to_string();
                assert!(text.contains(what), "{}: {text}", path.display());
                let line = expect["line"].as_u64().map(|line| format!("line {line}: "));
                assert!(line.is_none_or(|line| text.contains(&line)), "{}: {text}", path.display());
            }
            (what, read) => panic!("{}: {what:?}, {read:?}", path.display()),
        }
        seen += 1;
    }
    assert!(seen > 30);
}

#[test]
fn rosters_are_bounded() {
    let key = KEYS.public("a");
    let many: String = (0..257).map(|_| format!("wang {key}\n")).collect();
    assert!(matches!(Roster::parse(many.as_bytes()), Err(RosterError::Size(_))));
    assert!(Roster::parse(many.split_inclusive('\n').take(256).collect::<String>().as_bytes()).is_ok());
    let long = format!("wang {key}\n{}", "#\n".repeat(140_000));
    assert!(matches!(Roster::parse(long.as_bytes()), Err(RosterError::Size(_))));
}

#[test]
fn every_type_of_key_signs() {
    for (key, who) in [("a", "wang"), ("b", "li"), ("ec", "wang"), ("rsa", "zhao")] {
        let signature = KEYS.sign(key, namespace::PLAN, b"plan");
        let signer = roster().verify(b"plan", &signature, namespace::PLAN, at(NOW)).unwrap();
        assert_eq!(signer.principal, who);
        let shown = Command::new("ssh-keygen").arg("-l").arg("-f").arg(KEYS.private(key)).output().unwrap();
        assert!(String::from_utf8(shown.stdout).unwrap().contains(&format!(" {} ", signer.fingerprint)), "{key}");
    }
}

#[test]
fn a_signature_counts_for_its_text_purpose_and_key_only() {
    let signature = KEYS.sign("a", namespace::PLAN, b"plan");
    let verify = |message: &[u8], signature: &[u8], wanted: &str| {
        roster().verify(message, signature, wanted, at(NOW)).map(|signer| signer.principal)
    };
    assert_eq!(verify(b"plan", &signature, namespace::PLAN).unwrap(), "wang");
    assert!(matches!(verify(b"plan!", &signature, namespace::PLAN), Err(RosterError::Forged { .. })));
    assert!(matches!(verify(b"plan", &signature, namespace::HOLD), Err(RosterError::OtherPurpose { .. })));
    let other = KEYS.sign("out", namespace::PLAN, b"plan");
    assert!(matches!(verify(b"plan", &other, namespace::PLAN), Err(RosterError::UnknownKey(_))));
    assert!(matches!(verify(b"plan", b"signed, wang", namespace::PLAN), Err(RosterError::Malformed)));
    // The outside says Li's key, the signature is by another: only the cryptography can tell.
    let forged = swap_key(&other, &KEYS.public("b"));
    assert!(
        matches!(verify(b"plan", &forged, namespace::PLAN), Err(RosterError::Forged { principal, .. }) if principal == "li")
    );
}

/// The signature with another Ed25519 key on its outside.
fn swap_key(signature: &[u8], public: &str) -> Vec<u8> {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let text = std::str::from_utf8(signature).unwrap();
    let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    let mut blob = BASE64_STANDARD.decode(body).unwrap();
    let key = BASE64_STANDARD.decode(public.split(' ').nth(1).unwrap()).unwrap();
    blob[14..14 + key.len()].copy_from_slice(&key);
    format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n", BASE64_STANDARD.encode(blob))
        .into_bytes()
}

#[test]
fn a_key_signs_what_and_when_the_roster_lets_it() {
    let text = format!(
        "wang namespaces=\"keepuntil-plan\",valid-after=\"20260101\",valid-before=\"20261231235959Z\" {}\n",
        KEYS.public("a")
    );
    let roster = Roster::parse(text.as_bytes()).unwrap();
    let (plan, hold) = (KEYS.sign("a", namespace::PLAN, b"x"), KEYS.sign("a", namespace::HOLD, b"x"));
    assert!(matches!(roster.verify(b"x", &hold, namespace::HOLD, at(NOW)), Err(RosterError::NotFor { .. })));
    for (time, valid) in [
        ("2025-12-31T23:59:59Z", false),
        ("2026-01-01T00:00:00Z", true),
        ("2026-12-31T23:59:59Z", true),
        ("2027-01-01T00:00:00Z", false),
    ] {
        let verified = roster.verify(b"x", &plan, namespace::PLAN, at(time));
        match verified {
            Ok(_) => assert!(valid, "{time}"),
            Err(RosterError::NotValid { .. }) => assert!(!valid, "{time}"),
            Err(e) => panic!("{time}: {e}"),
        }
    }
}

#[test]
fn people_are_counted_not_keys() {
    let sign = |key: &str| KEYS.sign(key, namespace::PLAN, b"plan");
    let approvals = |signatures: &[Vec<u8>]| roster().approvals(b"plan", signatures, namespace::PLAN, at(NOW));
    let one = approvals(&[sign("a"), sign("ec"), sign("a")]).unwrap();
    assert_eq!(one, BTreeSet::from(["wang".to_owned()]));
    assert_eq!(approvals(&[sign("a"), sign("ec"), sign("b")]).unwrap().len(), 2);
    assert!(approvals(&[]).unwrap().is_empty());
    let error = approvals(&[sign("a"), sign("out"), sign("b")]).unwrap_err();
    assert!(matches!(error, RosterError::Among { number: 2, .. }), "{error}");
}

fn change<'a>(before: &Roster, text: &'a str, by_rule: &'a BTreeMap<String, u32>) -> RosterChange<'a> {
    RosterChange {
        keyring: &[7; 16],
        number: 3,
        before: before.hash(),
        text,
        plan_approvals: 2,
        plan_approvals_by_rule: by_rule,
    }
}

#[test]
fn a_roster_is_changed_by_those_who_are_on_it() {
    let (old, none) = (roster(), BTreeMap::new());
    let text = format!("wang {}\nli {}\nmallory {}\n", KEYS.public("a"), KEYS.public("b"), KEYS.public("out"));
    let wanted = change(&old, &text, &none);
    let sign = |key: &str| KEYS.sign(key, namespace::ROSTER, &wanted.statement());
    let check = |signatures: &[Vec<u8>], needed| old.check_change(&wanted, signatures, needed, at(NOW));
    assert_eq!(check(&[sign("a"), sign("b")], 2).unwrap().text(), text);
    // Two keys of one person, nobody at all, and somebody whom only the new roster knows.
    assert!(matches!(check(&[sign("a"), sign("ec")], 2), Err(RosterError::TooFew { have: 1, needed: 2 })));
    assert!(matches!(check(&[], 0), Err(RosterError::TooFew { have: 0, needed: 1 })));
    assert!(matches!(check(&[sign("a"), sign("out")], 2), Err(RosterError::Among { number: 2, .. })));
    // A signature for another purpose does not count.
    let plan = KEYS.sign("a", namespace::PLAN, &wanted.statement());
    assert!(matches!(check(&[plan, sign("b")], 2), Err(RosterError::Among { number: 1, .. })));
}

#[test]
fn a_change_cannot_be_made_again_or_elsewhere() {
    let (old, none) = (roster(), BTreeMap::new());
    let text = format!("wang {}\nli {}\n", KEYS.public("a"), KEYS.public("b"));
    let signed = change(&old, &text, &none);
    let signatures = ["a", "b"].map(|key| KEYS.sign(key, namespace::ROSTER, &signed.statement()));
    let fewer = BTreeMap::from([("de-voucher".to_owned(), 1)]);
    let other_text = text.replace("li ", "# li ");
    for other in [
        RosterChange { keyring: &[8; 16], ..change(&old, &text, &none) },
        RosterChange { number: 4, ..change(&old, &text, &none) },
        RosterChange { plan_approvals: 1, ..change(&old, &text, &none) },
        change(&old, &text, &fewer),
        RosterChange { plan_approvals: 1, ..change(&old, &other_text, &none) },
    ] {
        assert!(matches!(old.check_change(&other, &signatures, 1, at(NOW)), Err(RosterError::Among { .. })));
    }
    let stale = RosterChange { before: sha256(&[b"another"]), ..change(&old, &text, &none) };
    assert!(matches!(old.check_change(&stale, &signatures, 1, at(NOW)), Err(RosterError::Stale)));
    let new = old.check_change(&signed, &signatures, 2, at(NOW)).unwrap();
    assert!(matches!(new.check_change(&signed, &signatures, 2, at(NOW)), Err(RosterError::Stale)));
}

#[test]
fn a_roster_that_could_never_approve_is_refused() {
    let (old, none) = (roster(), BTreeMap::from([("de-voucher".to_owned(), 3)]));
    let text = format!("wang {}\nli {}\n", KEYS.public("a"), KEYS.public("b"));
    let wanted = change(&old, &text, &none);
    assert!(matches!(old.check_change(&wanted, &[], 1, at(NOW)), Err(RosterError::TooSmall { people: 2, needed: 3 })));
}

#[test]
fn the_date_can_be_stated_by_a_second_person() {
    let statement = clock_statement(&[1; 16], 9, &[2; 32], at(NOW));
    let signature = KEYS.sign("b", namespace::CLOCK, &statement);
    assert_eq!(roster().verify(&statement, &signature, namespace::CLOCK, at(NOW)).unwrap().principal, "li");
    for other in [
        clock_statement(&[3; 16], 9, &[2; 32], at(NOW)),
        clock_statement(&[1; 16], 8, &[2; 32], at(NOW)),
        clock_statement(&[1; 16], 9, &[3; 32], at(NOW)),
        clock_statement(&[1; 16], 9, &[2; 32], at("2099-01-01T00:00:00Z")),
    ] {
        assert!(roster().verify(&other, &signature, namespace::CLOCK, at(NOW)).is_err());
    }
}

/// A string of SSH's wire form.
fn wire(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat()
}

/// A security key as OpenSSH's PROTOCOL.u2f has it, in software: what it signs is the hash of its application, that it was
/// touched, how often it signed, and the hash of the message.
struct SecurityKey {
    pair: aws_lc_rs::signature::Ed25519KeyPair,
}

impl SecurityKey {
    const KIND: &str = "sk-ssh-ed25519@openssh.com";
    const APPLICATION: &[u8] = b"ssh:";
    const TOUCHED: u8 = 1;

    fn new() -> Self {
        Self { pair: aws_lc_rs::signature::Ed25519KeyPair::generate().unwrap() }
    }

    fn public(&self) -> Vec<u8> {
        use aws_lc_rs::signature::KeyPair;
        [wire(Self::KIND.as_bytes()), wire(self.pair.public_key().as_ref()), wire(Self::APPLICATION)].concat()
    }

    /// A signature that says `counter`, whatever the key signed.
    fn sign(&self, namespace: &str, message: &[u8], counter: u32, said: u32) -> Vec<u8> {
        use base64::{Engine, prelude::BASE64_STANDARD};
        use sha2::{Digest, Sha512};
        let outside = [wire(namespace.as_bytes()), wire(b""), wire(b"sha512")].concat();
        let inner = [b"SSHSIG", &outside[..], &wire(&Sha512::digest(message))].concat();
        let state = |counter: u32| [&[Self::TOUCHED][..], &counter.to_be_bytes()].concat();
        let signed = [&sha256(&[Self::APPLICATION])[..], &state(counter), &sha256(&[&inner])].concat();
        let signature = self.pair.sign(&signed);
        let signature = [&wire(Self::KIND.as_bytes())[..], &wire(signature.as_ref()), &state(said)].concat();
        let blob = [b"SSHSIG", &1u32.to_be_bytes()[..], &wire(&self.public()), &outside, &wire(&signature)].concat();
        let text = BASE64_STANDARD.encode(blob);
        format!("-----BEGIN SSH SIGNATURE-----\n{text}\n-----END SSH SIGNATURE-----\n").into_bytes()
    }
}

#[test]
fn a_security_key_signs() {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let key = SecurityKey::new();
    let text =
        format!("wang {} {}\nli {}\n", SecurityKey::KIND, BASE64_STANDARD.encode(key.public()), KEYS.public("b"));
    let roster = Roster::parse(text.as_bytes()).unwrap();
    let signature = key.sign(namespace::PLAN, b"plan", 7, 7);
    let signer = roster.verify(b"plan", &signature, namespace::PLAN, at(NOW)).unwrap();
    assert_eq!(signer.principal, "wang");
    let theirs = ssh_keygen::find_principals(&text, &signature, Some(at(NOW))).unwrap();
    assert_eq!(theirs, ["wang"]);
    let forged = |message: &[u8], signature: &[u8]| {
        let verified = roster.verify(message, signature, namespace::PLAN, at(NOW));
        matches!(verified, Err(RosterError::Forged { principal, .. }) if principal == "wang")
    };
    assert!(forged(b"plan!", &signature));
    assert!(forged(b"plan", &key.sign(namespace::PLAN, b"plan", 7, 8)));
    // Another key of the same kind is not on the roster.
    let other = SecurityKey::new().sign(namespace::PLAN, b"plan", 7, 7);
    assert!(matches!(roster.verify(b"plan", &other, namespace::PLAN, at(NOW)), Err(RosterError::UnknownKey(_))));
}

/// An agent that ends with the test.
struct Agent {
    child: std::process::Child,
    socket: PathBuf,
}

impl Agent {
    fn start(folder: &Path) -> Self {
        let socket = folder.join("agent");
        let child =
            Command::new("ssh-agent").arg("-D").arg("-a").arg(&socket).stdout(std::process::Stdio::null()).spawn();
        let agent = Self { child: child.expect("ssh-agent is installed"), socket };
        while !agent.socket.exists() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        agent
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_key_that_only_an_agent_has_signs_holds_and_plans() {
    let home = support::Home::new();
    home.small_firm();
    let agent = Agent::start(&home.path(""));
    let run = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        let ran =
            command.args(arguments).current_dir(home.path("")).env("SSH_AUTH_SOCK", &agent.socket).output().unwrap();
        assert!(ran.status.success(), "{program} {arguments:?}: {ran:?}");
    };
    run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", "key"]);
    run("ssh-add", &["-q", "key"]);
    std::fs::remove_file(home.path("key")).unwrap();
    let public = std::fs::read_to_string(home.path("key.pub")).unwrap();
    let roster = home.write("people.txt", format!("wang {public}"));
    let create = ["create", "-o", "firm.sealed", "--rule", "cn-pi-minimum", "--start", "creation", "--retain", "P3Y"];
    home.run(&[&create[..], &["clients"]].concat()).ends(0);
    home.run(&["keyring", "set", "--cool-off-days", "0"]).ends(0);
    home.run(&["roster", "set", "people.txt"]).ends(0);

    let hold = ["hold", "place", "firm.sealed", "--record", "1", "--matter", "audit", "--authority", "tax office"];
    let hold = [&hold[..], &["--sign-with", "key.pub", "--json"]].concat();
    // Without the agent there is nothing to sign with.
    home.run(&hold).ends(1);
    let placed = support::Ran::from(home.command().args(&hold).env("SSH_AUTH_SOCK", &agent.socket).output().unwrap());
    let signature = placed.ends(0).json("hold")[0]["signature_text"].as_str().unwrap().to_owned();
    let register = Register::from_bytes(&home.open_keyring().document("register").unwrap().unwrap()).unwrap();
    let roster = Roster::parse(&std::fs::read(roster).unwrap()).unwrap();
    let [hold] = &register.holds[..] else { panic!("{:?}", register.holds) };
    let signer = roster.verify(&hold.statement(), signature.as_bytes(), namespace::HOLD, chrono::Utc::now()).unwrap();
    assert_eq!((signer.principal.as_str(), hold.signature.as_ref()), ("wang", Some(&signature)));

    let plan = ["purge", "--plan", "plan.json", "--archive", "firm.sealed", "--record", "2"];
    home.run(&[&plan[..], &["--early", "consent-withdrawn"]].concat()).ends(0);
    run("ssh-keygen", &["-q", "-Y", "sign", "-n", "keepuntil-plan", "-f", "key.pub", "plan.json"]);
    home.run(&["purge", "--execute", "plan.json", "--approval", "plan.json.sig"]).ends(0);
    home.run(&["restore", "firm.sealed", "--record", "2", "-o", "gone"]).ends(13);
}

#[test]
fn what_ssh_keygen_says_is_in_the_error() {
    let error = ssh_keygen::sign(Path::new("/no/such/key"), namespace::PLAN, b"x").unwrap_err();
    assert!(matches!(&error, ProcessError::Failed { .. }) && error.to_string().contains("/no/such/key"), "{error}");
    let text = roster().text().to_owned();
    let signature = KEYS.sign("a", namespace::PLAN, b"x");
    assert!(ssh_keygen::verify(&text, "wang", namespace::PLAN, &signature, b"x", Some(at(NOW))).is_ok());
    let error = ssh_keygen::verify(&text, "wang", namespace::PLAN, &signature, b"y", None).unwrap_err();
    assert!(error.to_string().to_lowercase().contains("signature"), "{error}");
}

/// A line that both readers take: principal, options, key.
fn lines() -> impl Strategy<Value = Vec<(usize, String, usize)>> {
    let time = prop_oneof![
        Just("20250101"),
        Just("20261122Z"),
        Just("202611221200"),
        Just("20261122120001Z"),
        Just("20300101")
    ];
    let option = prop_oneof![
        Just(String::new()),
        time.clone().prop_map(|time| format!("valid-after=\"{time}\" ")),
        time.clone().prop_map(|time| format!("valid-before=\"{time}\" ")),
        (time, Just("20310101"))
            .prop_map(|(after, before)| format!("valid-after=\"{after}\",VALID-BEFORE=\"{before}\" ")),
        Just("namespaces=\"keepuntil-*,file\" ".to_owned()),
        Just("cert-authority ".to_owned()),
        Just("valid-after=\"soon\" ".to_owned()),
    ];
    proptest::collection::vec((0usize..3, option, 0usize..4), 1..5)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever we take, OpenSSH takes for the same person at the same time; what we refuse counts for nobody.
    #[test]
    fn we_and_openssh_find_the_same_person(lines in lines()) {
        let (people, keys) = (["wang", "li", "王芳"], ["a", "b", "ec", "rsa"]);
        let text: String =
            lines.iter().map(|(who, options, key)| format!("{} {options}{}\n", people[*who], KEYS.public(keys[*key]))).collect();
        let Ok(roster) = Roster::parse(text.as_bytes()) else { return Ok(()) };
        for key in keys {
            let signature = KEYS.sign(key, namespace::PLAN, b"plan");
            let ours = roster.verify(b"plan", &signature, namespace::PLAN, at(NOW));
            let theirs = ssh_keygen::find_principals(&text, &signature, Some(at(NOW)));
            match ours {
                Ok(signer) => prop_assert_eq!(theirs.unwrap(), vec![signer.principal]),
                Err(_) => prop_assert!(theirs.is_err()),
            }
        }
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Roster::parse(&bytes);
    }

    #[test]
    fn no_line_makes_the_reader_panic(line in "(wang|王,li|\\*) ?(namespaces|valid-after|valid-before|x)?(=\"?[a-z0-9*,!Z]{0,14}\"?)?,? ?(ssh-ed25519|ssh-rsa|sk-ssh-ed25519@openssh.com|ecdsa-sha2-nistp256)? ?[A-Za-z0-9+/=]{0,80}") {
        let _ = Roster::parse(line.as_bytes());
    }

    #[test]
    fn no_key_makes_the_reader_panic(kind in "(ssh-ed25519|ssh-rsa|sk-ecdsa-sha2-nistp256@openssh.com|ecdsa-sha2-nistp521)", key in proptest::collection::vec(any::<u8>(), 0..200)) {
        use base64::{Engine, prelude::BASE64_STANDARD};
        let blob = [&(kind.len() as u32).to_be_bytes()[..], kind.as_bytes(), &key].concat();
        let _ = Roster::parse(format!("wang {kind} {}\n", BASE64_STANDARD.encode(blob)).as_bytes());
    }
}
