//! Requests, proposals, approvals and refusals on the command line: the whole way, and everything that must not pass.
//!
//! Needs Debian's `faketime` and `ssh-keygen`.

mod support;

use keepuntil::crypto::hash::sha256;
use keepuntil::disclosure::refusal::Refusal;
use keepuntil::ops::attestation::verify_refusal;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use support::{Home, Ran, files_below};

const POLICY: &str = r#"[approvals]
confidential = 2

[[requester]]
principal = "auditor@cpa.example"
purposes = ["audit", "tax-inspection"]

[[requester]]
principal = "old@cpa.example"

[[requester]]
principal = "li@lantern.example"

[[requester]]
principal = "wang@lantern.example"
"#;

/// A custodian with a keyring, an archive of three records, a roster and a policy; and everybody's SSH keys.
struct Desk {
    home: Home,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { home: Home::new() };
        let mut roster = String::new();
        for (key, name, options) in [
            ("auditor", "auditor@cpa.example", ""),
            ("wang", "wang@lantern.example", ""),
            ("wang2", "wang@lantern.example", ""),
            ("li", "li@lantern.example", "namespaces=\"keepuntil-approval,keepuntil-settings,keepuntil-roster\" "),
            ("old", "old@cpa.example", "valid-before=\"20200101\" "),
            ("zhao", "zhao@mail.example", ""),
            ("mallory", "", ""),
        ] {
            let path = desk.home.path(key);
            let arguments = ["-q", "-t", "ed25519", "-N", "", "-C", key, "-f"];
            let made = Command::new("ssh-keygen").args(arguments).arg(&path).status();
            assert!(made.expect("ssh-keygen is installed").success());
            if !name.is_empty() {
                let public = fs::read_to_string(path.with_extension("pub")).unwrap();
                roster.push_str(&format!("{name} {options}{public}"));
            }
        }
        desk.home.write("people.txt", roster);
        desk.home.write("policy.toml", POLICY);
        desk.home.small_firm();
        desk.home.create("firm.sealed");
        desk.home.run(&["roster", "set", "people.txt"]).ends(0);
        desk.approved(&["roster", "disclosure", "policy.toml"], "wang");
        desk
    }

    /// Runs what somebody on the roster must sign first.
    #[track_caller]
    fn approved(&self, arguments: &[&str], person: &str) -> Ran {
        let statement = self.home.run(&[arguments, &["--statement"]].concat()).ends(0).out;
        self.home.write("change.txt", statement);
        let namespace = if arguments[1] == "set" { "keepuntil-roster" } else { "keepuntil-settings" };
        let signature = self.sign(person, namespace, "change.txt");
        self.home.run(&[arguments, &["--approval", &signature]].concat()).ends(0)
    }

    /// Signs a file with stock OpenSSH; returns the signature's name.
    fn sign(&self, key: &str, namespace: &str, file: &str) -> String {
        self.home.sign(key, namespace, file, format!("{file}.by-{key}"))
    }

    /// A signed request of the auditor for records 1 and 2, with other arguments.
    #[track_caller]
    fn request(&self, file: &str, more: &[&str]) {
        self.request_of("auditor@cpa.example", "auditor", file, &[&["--record", "1-2"], more].concat());
    }

    #[track_caller]
    fn request_of(&self, name: &str, key: &str, file: &str, more: &[&str]) {
        let purpose = if more.contains(&"--purpose") { &[][..] } else { &["--purpose", "audit"] };
        let arguments = ["request", "new", "firm.sealed", "--explain", "Audit of 2019", "--as", name];
        let signed = ["--sign-with", key, "-o", file];
        self.home.run(&[&arguments, purpose, &signed, more].concat()).ends(0);
    }

    /// What `request check` and `request propose` both say no to, before and with an output file.
    #[track_caller]
    fn no(&self, code: i32, part: &str, arguments: &[&str]) {
        self.home.run(&[&["request", "check"], arguments].concat()).fails(code, part);
        self.home.run(&[&["request", "propose"], arguments, &["-o", "no.json"]].concat()).fails(code, part);
        assert!(!self.home.path("no.json").exists());
        self.home.has_no_leftovers();
    }

    fn journal(&self) -> String {
        self.home.run(&["journal", "show"]).ends(0).out
    }

    /// Every file of the keyring and its root, by hash.
    fn state(&self) -> BTreeMap<String, [u8; 32]> {
        let files = files_below(&self.home.path("home")).into_iter();
        let files = files.filter(|path| path.is_file() && !path.ends_with("lock"));
        files.map(|path| (path.display().to_string(), sha256(&[&fs::read(path).unwrap()]))).collect()
    }

    fn at(&self, time: &str, arguments: &[&str]) -> Ran {
        let command = self.home.command();
        let mut faked = Command::new("faketime");
        faked.arg("-f").arg(format!("@{time}")).arg(command.get_program()).args(arguments);
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => faked.env(name, value),
                None => faked.env_remove(name),
            };
        }
        faked.current_dir(command.get_current_dir().unwrap());
        loop {
            let ran = Ran::from(faked.output().expect("faketime is installed"));
            if !ran.err.contains("sem_open: File exists") {
                return ran;
            }
        }
    }
}

#[test]
fn a_request_becomes_an_approved_proposal() {
    let desk = Desk::new();
    // The requester has the archive, a key, and nothing else.
    let elsewhere = Home::new();
    for file in ["firm.sealed", "auditor", "people.txt"] {
        fs::copy(desk.home.path(file), elsewhere.path(file)).unwrap();
    }
    elsewhere.write("scan.pdf", "passport");
    let arguments =
        ["request", "new", "firm.sealed", "--record", "1-2", "--purpose", "audit", "--as", "auditor@cpa.example"];
    let words = ["--explain", "Audit of 2019,\nfirst half", "--legal-basis", "Audit Act, section 3"];
    let papers = ["--reference", "engagement-letter=EL-2019-7", "--identity-paper", "passport=scan.pdf"];
    let output = ["--sign-with", "auditor", "-o", "request.json"];
    let ran = elsewhere.run(&[&arguments[..], &words, &papers, &output].concat()).ends(0);
    assert!(ran.err.contains("request.json.identity"), "{ran:?}");
    let mode = fs::metadata(elsewhere.path("request.json.identity")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let address = elsewhere.run(&["keygen", "-y", "request.json.identity"]).ends(0).out;
    let request: serde_json::Value =
        serde_json::from_slice(&fs::read(elsewhere.path("request.json")).unwrap()).unwrap();
    assert_eq!(request["address"], address.trim());
    assert_eq!(request["identity"][0]["sha256"], hex::encode(sha256(&[b"passport"])));
    assert!(!elsewhere.path("home/data").exists(), "a requester needs no keyring");
    let shown = elsewhere.run(&["request", "show", "request.json"]).ends(0).out;
    assert!(shown.contains("NOT CHECKED") && shown.contains("Audit Act, section 3") && shown.contains("first half"));
    // Stock OpenSSH verifies what was signed here.
    let verified = Command::new("sh")
        .current_dir(elsewhere.path("."))
        .arg("-c")
        .arg(
            "ssh-keygen -Y verify -f people.txt -I auditor@cpa.example -n keepuntil-request -s request.json.sig \
             < request.json",
        )
        .output()
        .unwrap();
    assert!(verified.status.success(), "{verified:?}");

    for file in ["request.json", "request.json.sig"] {
        fs::copy(elsewhere.path(file), desk.home.path(file)).unwrap();
    }
    let before = desk.state();
    assert!(desk.home.run(&["request", "show", "request.json"]).ends(0).out.contains("it counts"));
    let checked = desk.home.run(&["request", "check", "request.json", "firm.sealed"]).ends(0).out;
    for part in ["it counts", "records 1-2 (confidential)", "2 people must approve", "it is new"] {
        assert!(checked.contains(part), "{part}: {checked}");
    }
    let found = desk.home.run(&["request", "find", "--match", "沐阳*", "firm.sealed", "--json"]).ends(0);
    assert_eq!(found.json("candidate")[0]["name"], "沐阳贸易");
    assert_eq!(desk.state(), before, "to look changes nothing");

    let conditions = ["--no-copies", "--destroy-by", "2031-06-30", "--condition", "for the working papers only"];
    let propose = ["request", "propose", "request.json", "-o", "proposal.json"];
    desk.home.run(&[&propose[..], &conditions].concat()).ends(0);
    desk.home.run(&propose).fails(1, "proposal.json");
    for key in ["wang", "li"] {
        let approve = ["approve", "proposal.json", "--request", "request.json", "--sign-with", key];
        let hint = desk.home.run(&approve).ends(2).err;
        assert!(hint.contains("no terminal"), "{hint}");
        desk.home.run(&[&approve[..], &["--yes"]].concat()).ends(0);
    }
    let check = ["request", "check", "request.json", "--proposal", "proposal.json"];
    let one = [&check[..], &["--approval", "proposal.json.wang.sig"]].concat();
    desk.home.run(&one).fails(15, "2 needed, 1 given");
    desk.home.run(&[&one[..], &["--approval", "proposal.json.li.sig"]].concat()).ends(0);
    // A second proposal of the same request is another proposal, and the request is journalled once, without names.
    desk.home.run(&["request", "propose", "request.json", "--record", "2", "-o", "second.json"]).ends(0);
    let journal = desk.journal();
    assert_eq!(journal.matches("  request\n").count(), 1, "{journal}");
    assert!(journal.contains("purpose audit") && journal.contains("records 1-2") && !journal.contains("cpa.example"));
    desk.home.has_no_leftovers();
}

#[test]
fn a_signature_counts_for_its_request_its_purpose_and_its_person() {
    let desk = Desk::new();
    desk.request("request.json", &[]);
    fs::rename(desk.home.path("request.json.sig"), desk.home.path("good.sig")).unwrap();
    desk.no(15, "it is not signed", &["request.json"]);
    desk.request("other.json", &[]);
    desk.no(15, "not over this text", &["request.json", "--signature", "other.json.sig"]);
    let signed = |key: &str, namespace: &str| desk.sign(key, namespace, "request.json");
    for (signature, part) in [
        (signed("mallory", "keepuntil-request"), "is not on the roster"),
        (signed("old", "keepuntil-request"), "is not valid at"),
        (signed("wang", "keepuntil-request"), "in the name of \"auditor@cpa.example\""),
        (signed("li", "keepuntil-request"), "does not let the key of li@lantern.example"),
        (signed("auditor", "keepuntil-approval"), "not for \"keepuntil-request\""),
    ] {
        desk.no(15, part, &["request.json", "--signature", &signature]);
        desk.home.run(&["request", "show", "request.json", "--signature", &signature]).ends(3);
    }
    desk.home.run(&["request", "check", "request.json", "--signature", "good.sig"]).ends(0);
    // The request with another byte is another request.
    let text = fs::read_to_string(desk.home.path("request.json")).unwrap();
    desk.home.write("edited.json", text.replace("2019", "2018"));
    desk.no(15, "not over this text", &["edited.json", "--signature", "good.sig"]);
    // A key that was taken off the roster is a stranger's.
    let people = fs::read_to_string(desk.home.path("people.txt")).unwrap();
    let without: String =
        people.lines().filter(|line| !line.starts_with("auditor")).map(|line| format!("{line}\n")).collect();
    desk.home.write("fewer.txt", without);
    desk.approved(&["roster", "set", "fewer.txt"], "zhao");
    desk.no(15, "is not on the roster", &["request.json", "--signature", "good.sig"]);
}

#[test]
fn what_strangers_send_is_bounded_and_has_one_meaning() {
    let desk = Desk::new();
    desk.request("request.json", &[]);
    let text = fs::read_to_string(desk.home.path("request.json")).unwrap();
    let big = fs::File::create(desk.home.path("big.json")).unwrap();
    big.set_len(1 << 30).unwrap();
    desk.no(1, "big.json: it is larger than", &["big.json"]);
    for (name, from, to, code) in [
        ("twice", "\"records\"", "\"records\": \"3\",\n  \"records\"", 10),
        ("unknown", "\"records\"", "\"record\": 3,\n  \"records\"", 10),
        ("bidi", "Audit of 2019", "Audit\u{202e} of 2019", 10),
        ("invisible", "auditor@cpa", "auditor\u{200b}@cpa", 10),
        ("bomb", "\"1-2\"", "\"1-18446744073709551615\"", 10),
        ("many", "\"1-2\"", "\"1-9223372036854775807\"", 10),
        ("address", "age1pq1", "age1", 10),
        ("future", "keepuntil-request/v1", "keepuntil-request/v2", 1),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{name}");
        let file = format!("{name}.json");
        desk.home.write(&file, changed);
        desk.sign("auditor", "keepuntil-request", &file);
        let signature = format!("{file}.by-auditor");
        desk.no(code, &file, &[&file, "--signature", &signature]);
    }
    desk.home.run(&["approve", "request.json", "--sign-with", "wang", "--yes"]).fails(1, "request.json");
    // By hand is as good: another order, other spaces.
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    desk.home.write("hand.json", serde_json::to_string(&value).unwrap());
    let signature = desk.sign("auditor", "keepuntil-request", "hand.json");
    desk.home.run(&["request", "check", "hand.json", "--signature", &signature]).ends(0);
}

#[test]
fn each_record_has_its_own_reason() {
    let desk = Desk::new();
    desk.request("late.json", &["--wanted-until", "2020-01-01"]);
    desk.no(15, "wanted until 2020-01-01", &["late.json"]);
    desk.request("court.json", &["--purpose", "court-order"]);
    desk.no(15, "2 records may not be granted", &["court.json"]);
    desk.request_of("zhao@mail.example", "zhao", "zhao.json", &["--describe", "my file", "--purpose", "own-file"]);
    desk.home.run(&["request", "check", "zhao.json"]).fails(15, "may not be granted anything");
    desk.home
        .run(&["request", "propose", "zhao.json", "--record", "1", "-o", "no.json"])
        .fails(15, "zhao@mail.example");
    desk.request("request.json", &[]);
    desk.home.run(&["request", "propose", "request.json", "--record", "3", "-o", "no.json"]).fails(15, "records 3");
    desk.home
        .run(&["hold", "place", "firm.sealed", "--record", "1", "--matter", "audit", "--authority", "tax office"])
        .ends(0);
    desk.home.run(&["request", "check", "request.json"]).ends(0);
    let place =
        ["hold", "place", "firm.sealed", "--record", "2", "--secrecy", "--matter", "case 7", "--authority", "court"];
    let hold = desk.home.run(&[&place[..], &["--json"]].concat()).ends(0).json("hold").remove(0);
    assert_eq!(hold["secrecy"], true);
    desk.no(11, "1 record may not be granted", &["request.json"]);
    let why = desk.home.run(&["request", "check", "request.json"]).fails(11, "record 2: a hold for secrecy");
    assert!(why.out.contains("records 1 (confidential)"), "{why:?}");
    desk.home.run(&["hold", "list"]).ends(0);
    assert!(desk.journal().contains("secrecy true"));
    desk.home.run(&["hold", "release", hold["hold"].as_str().unwrap()]).ends(0);
    desk.home.run(&["request", "check", "request.json"]).ends(0);
    // A record that is not there, in words of its own.
    let archive = hold["scope"]["archive"].as_str().unwrap();
    let asked = ["request", "new", "--archive-id", archive, "--record", "3-4", "--purpose", "audit", "--explain", "x"];
    let of = ["--as", "auditor@cpa.example", "--sign-with", "auditor", "-o", "four.json"];
    desk.home.run(&[&asked[..], &of].concat()).ends(0);
    desk.no(1, "1 record may not be granted", &["four.json"]);
    // Another archive.
    desk.home.run(&["create", "-o", "other.sealed", "--until", "2099-12-31", "clients"]).ends(0);
    desk.home.run(&["request", "check", "request.json", "other.sealed"]).fails(15, "it is about archive");
    let unknown = ["request", "new", "--archive-id", "00112233445566778899aabbccddeeff"];
    desk.home
        .run(
            &[
                &unknown[..],
                &asked[4..],
                &["--as", "auditor@cpa.example", "--sign-with", "auditor", "-o", "unknown.json"],
            ]
            .concat(),
        )
        .ends(0);
    desk.no(1, "00112233445566778899aabbccddeeff", &["unknown.json"]);
    // In words only: they are found by name, and have to be named.
    let words = ["request", "new", "firm.sealed", "--describe", "凭证 of 沐阳贸易, all years", "--purpose", "audit"];
    let of = ["--explain", "x", "--as", "auditor@cpa.example", "--sign-with", "auditor", "-o", "words.json"];
    desk.home.run(&[&words[..], &of].concat()).ends(0);
    let found = desk.home.run(&["request", "find", "words.json", "firm.sealed", "--json"]).ends(0).json("candidate");
    assert_eq!(found[0]["name"], "沐阳贸易");
    desk.home.run(&["request", "propose", "words.json", "-o", "no.json"]).fails(1, "names no records");
    let record = found[0]["record"].to_string();
    desk.home.run(&["request", "propose", "words.json", "--record", &record, "-o", "words-proposal.json"]).ends(0);
}

#[test]
fn approvals_count_people_for_one_proposal_until_its_end() {
    let desk = Desk::new();
    desk.request("request.json", &[]);
    desk.home.run(&["request", "propose", "request.json", "-o", "p.json"]).ends(0);
    desk.home.run(&["request", "propose", "request.json", "--no-copies", "-o", "q.json"]).ends(0);
    // Neither with this program, nor with stock OpenSSH.
    desk.home.run(&["approve", "p.json", "--sign-with", "auditor", "--yes"]).fails(15, "asked for the records");
    assert!(!desk.home.path("p.json.auditor.sig").exists());
    let check = |approvals: &[String]| {
        let mut arguments = vec!["request", "check", "request.json", "--proposal", "p.json"];
        approvals.iter().for_each(|file| arguments.extend(["--approval", file]));
        desk.home.run(&arguments)
    };
    let sign = |key: &str, file: &str| desk.sign(key, "keepuntil-approval", file);
    let (wang, li) = (sign("wang", "p.json"), sign("li", "p.json"));
    check(&[wang.clone(), li.clone()]).ends(0);
    check(&[wang.clone(), sign("auditor", "p.json")]).fails(15, "asked for the records");
    check(&[wang.clone(), sign("wang2", "p.json")]).fails(15, "1 given");
    check(&[wang.clone(), sign("li", "q.json")]).fails(15, "not over this text by li@lantern.example");
    check(&[wang.clone(), sign("mallory", "p.json")]).fails(15, "is not on the roster");
    check(&[wang.clone(), desk.sign("li", "keepuntil-plan", "p.json")]).fails(15, "keepuntil-approval");
    // The requester's other key is the requester's.
    desk.request_of("wang@lantern.example", "wang", "own.json", &["--record", "1"]);
    desk.home.run(&["request", "propose", "own.json", "-o", "own-p.json"]).ends(0);
    let other_key = sign("wang2", "own-p.json");
    desk.home
        .run(&["request", "check", "own.json", "--proposal", "own-p.json", "--approval", &other_key])
        .fails(15, "asked for the records");
    // A proposal is about one request, byte by byte.
    desk.home
        .run(&["approve", "own-p.json", "--request", "request.json", "--sign-with", "li", "--yes"])
        .fails(15, "request");
    let text = fs::read_to_string(desk.home.path("p.json")).unwrap();
    for (records, part) in
        [("1", "not over this text"), ("1-3", "records 3 are not among those that the request names")]
    {
        desk.home.write("other.json", text.replacen("\"1-2\"", &format!("{records:?}"), 1));
        let moved = ["request", "check", "request.json", "--proposal", "other.json", "--approval", &wang];
        desk.home.run(&moved).fails(15, part);
    }
    desk.home
        .run(&["approve", "other.json", "--request", "request.json", "--sign-with", "li", "--yes"])
        .fails(15, "records 3 are not among those that the request names");
    desk.home.write("spelled.json", text.replacen(": ", ":", 1));
    desk.home.run(&["approve", "spelled.json", "--sign-with", "li", "--yes"]).fails(10, "canonical");
    // After its end no signature helps, old or new. The archive is younger than the clock's span.
    let later = (chrono::Utc::now() + chrono::TimeDelta::days(15)).format("%Y-%m-%d %H:%M:%S").to_string();
    desk.at(&later, &["approve", "p.json", "--sign-with", "li", "--yes"]).fails(15, "it could be approved until");
    let late = ["request", "check", "request.json", "--proposal", "p.json", "--approval", &wang, "--approval", &li];
    desk.at(&later, &late).fails(15, "it could be approved until");
    // Another roster, another proposal.
    let people = fs::read_to_string(desk.home.path("people.txt")).unwrap();
    desk.home.write("people.txt", format!("# changed\n{people}"));
    desk.approved(&["roster", "set", "people.txt"], "zhao");
    check(&[wang, li]).fails(15, "another roster");
}

#[test]
fn a_refusal_has_a_reason_and_the_journals_word() {
    let desk = Desk::new();
    desk.request("request.json", &[]);
    let refuse = ["refuse", "request.json", "--reason", "secrecy", "--explain", "Case 7 is\nnot public."];
    let letter = ["-o", "refusal.json", "--letter", "letter.txt", "--lang", "zh"];
    desk.home.run(&[&refuse[..], &letter].concat()).ends(0);
    let first = fs::read(desk.home.path("refusal.json")).unwrap();
    let refusal = Refusal::parse(&first).unwrap();
    assert_eq!(refusal.requester.as_ref().unwrap().name, "auditor@cpa.example");
    verify_refusal(&refusal, &desk.home.open_keyring().verifier_keys()).unwrap();
    let edited = Refusal { explanation: "Case 8 is not public.".into(), ..refusal.clone() };
    assert!(verify_refusal(&edited, &desk.home.open_keyring().verifier_keys()).is_err());
    let text = fs::read_to_string(desk.home.path("letter.txt")).unwrap();
    for part in ["第四十五条", "人民法院", "投诉", "not public.", "auditor@cpa.example", &hex::encode(refusal.refusal)]
    {
        assert!(text.replace('\n', "").contains(part), "{part}: {text}");
    }
    let journal = desk.journal();
    assert!(journal.contains("reason secrecy") && !journal.contains("Case 7"), "{journal}");
    // The same again is the same file, also when the first was lost; anything else is an answer too many.
    desk.home.run(&[&refuse[..], &["-o", "again.json"]].concat()).ends(0);
    assert_eq!(fs::read(desk.home.path("again.json")).unwrap(), first);
    let other = ["refuse", "request.json", "--reason", "not-found", "--explain", "x", "-o", "no.json"];
    desk.home.run(&other).fails(15, "it was refused already as");
    desk.no(15, "it was refused already as", &["request.json"]);
    assert_eq!(desk.journal(), journal);
    // Somebody who did not show who they are is not named.
    desk.request_of("auditor@cpa.example", "mallory", "stranger.json", &["--record", "1"]);
    let stranger = ["refuse", "stranger.json", "--reason", "not-identified", "--explain", "Who are you?"];
    let ran = desk.home.run(&[&stranger[..], &["-o", "stranger-no.json", "--letter", "en.txt"]].concat()).ends(0);
    assert!(ran.err.contains("nobody is named as the requester"), "{ran:?}");
    let refusal = Refusal::parse(&fs::read(desk.home.path("stranger-no.json")).unwrap()).unwrap();
    assert_eq!(refusal.requester, None);
    assert!(fs::read_to_string(desk.home.path("en.txt")).unwrap().contains("You have not shown who you are"));
    desk.home.has_no_leftovers();
}

#[test]
fn a_policy_is_signed_by_those_on_the_roster() {
    let desk = Desk::new();
    desk.home.write("wider.toml", POLICY.replace("confidential = 2", "confidential = 0"));
    let set = ["roster", "disclosure", "wider.toml"];
    desk.home.run(&set).fails(15, "the change needs signatures of different people on the roster: 1; it has 0");
    let statement = desk.home.run(&[&set[..], &["--statement"]].concat()).ends(0).out;
    assert!(statement.contains("confidential = 0"), "people read what they sign: {statement}");
    desk.home.write("statement.txt", &statement);
    let by = |key: &str, namespace: &str| desk.sign(key, namespace, "statement.txt");
    for (signature, part) in [
        (by("mallory", "keepuntil-settings"), "is not on the roster"),
        (by("zhao", "keepuntil-roster"), "keepuntil-settings"),
        // Who may ask decides nothing.
        (by("wang", "keepuntil-settings"), "wang@lantern.example may ask for records, and so decides nothing"),
        (by("auditor", "keepuntil-settings"), "auditor@cpa.example may ask for records, and so decides nothing"),
    ] {
        desk.home.run(&[&set[..], &["--approval", &signature]].concat()).fails(15, part);
    }
    let signature = by("zhao", "keepuntil-settings");
    let other = ["roster", "disclosure", "policy2.toml", "--approval", &signature];
    desk.home.write("policy2.toml", format!("{POLICY}# another\n"));
    desk.home.run(&other).fails(15, "not over this text");
    desk.home.run(&[&set[..], &["--approval", &signature]].concat()).ends(0);
    let shown = desk.home.run(&["roster", "show"]).ends(0).out;
    assert!(shown.contains("confidential records: 0 people must approve"), "{shown}");
    let hash = hex::encode(sha256(&[fs::read(desk.home.path("wider.toml")).unwrap().as_slice()]));
    let journal = desk.journal();
    let before = journal.split(&hash).next().unwrap();
    let entry = before.rsplit("\n ").find(|line| line.ends_with("disclosure-policy")).unwrap();
    assert!(before.split(entry).last().unwrap().contains("SHA256:"), "{journal}");
    // A signature counts once: back and forth needs a new one.
    desk.approved(&["roster", "disclosure", "policy.toml"], "zhao");
    desk.home.run(&[&set[..], &["--approval", &signature]].concat()).fails(15, "not over this text");
    // Somebody must be left to decide.
    desk.home.write("all.toml", format!("{POLICY}\n[[requester]]\nprincipal = \"zhao@mail.example\"\n"));
    desk.home.run(&["roster", "disclosure", "all.toml"]).fails(15, "0 people are on it, but 1 are needed to approve");
    // Roster and policy are checked together.
    let check = |file: &str| desk.home.run(&["roster", "check", "people.txt", "--disclosure", file]);
    assert!(check("policy.toml").ends(3).out.contains("old@cpa.example"));
    desk.home.write("one.toml", "[[requester]]\nprincipal = \"auditor@cpa.example\"\n");
    check("one.toml").ends(0);
    desk.home.write("bad.toml", "[[requester]]\nprincipal = \"auditor@cpa.example\"\npurpose = [\"audit\"]\n");
    check("bad.toml").fails(1, "line 3");
}

#[test]
fn nobody_can_ask_without_roster_and_policy() {
    let desk = Desk { home: Home::new() };
    desk.home.small_firm();
    desk.home.create("firm.sealed");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(desk.home.path("auditor"))
        .status();
    assert!(made.unwrap().success());
    desk.request("request.json", &[]);
    desk.no(15, "there is no roster", &["request.json"]);
    let public = fs::read_to_string(desk.home.path("auditor.pub")).unwrap();
    desk.home.write("people.txt", format!("auditor@cpa.example {public}"));
    desk.home.run(&["roster", "set", "people.txt"]).ends(0);
    desk.no(15, "there is no disclosure policy", &["request.json"]);
}

#[test]
fn a_template_is_no_request_until_it_is_filled_in() {
    let desk = Desk::new();
    let address = desk.home.run(&["keygen", "-o", "hand.identity"]).ends(0).err;
    let address = address.trim().trim_start_matches("Public key: ").to_owned();
    desk.request("request.json", &[]);
    let request: serde_json::Value =
        serde_json::from_slice(&fs::read(desk.home.path("request.json")).unwrap()).unwrap();
    for (lang, mark) in [("en", "FILL IN"), ("zh", "请填写")] {
        let ran = desk.home.run(&["request", "template", "--lang", lang]).ends(0);
        assert!(
            ran.out.contains(mark) && ran.err.contains("age-keygen -pq") && ran.err.contains("relative-of-deceased")
        );
        let mut value: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        desk.home.write("empty.json", &ran.out);
        desk.home.run(&["request", "show", "empty.json"]).fails(10, "empty.json");
        // All of it is filled in with what a person would write.
        for (key, text) in [
            ("archive", request["archive"].as_str().unwrap()),
            ("records", "1"),
            ("description", "2019 年凭证"),
            ("purpose", "audit"),
            ("explanation", "年度审计"),
            ("legal_basis", "Audit Act"),
            ("wanted_until", "2099-01-01"),
            ("made", "2026-11-22T00:00:00Z"),
            ("requester", "auditor@cpa.example"),
            ("address", &address),
        ] {
            assert!(value[key].as_str().unwrap().contains(mark), "{key}");
            value[key] = text.into();
        }
        value["references"][0]["text"] = "12/2031".into();
        value["identity"][0] = serde_json::json!({ "paper": "passport", "sha256": "00".repeat(32) });
        desk.home.write("hand.json", serde_json::to_string_pretty(&value).unwrap());
        let signature = desk.sign("auditor", "keepuntil-request", "hand.json");
        desk.home.run(&["request", "check", "hand.json", "--signature", &signature]).ends(0);
    }
}
