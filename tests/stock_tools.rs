//! Other people's programs and what we write: tar, age, zstd, openssl, bagit, npm's age-encryption, both ways.

mod tools;

use keepuntil::crypto::envelope;
use keepuntil::crypto::identity::{Identities, Prompts};
use keepuntil::crypto::recipient::Recipients;
use std::fs;
use std::path::Path;
use std::process::Command;
use tools::{Home, NODE_MODULES, PYTHON, node, project, stdout, tool};

#[test]
fn every_record_opens_without_keepuntil() {
    let mut command = Command::new("bash");
    command.arg(project("tests/without_keepuntil.sh")).arg(env!("CARGO_BIN_EXE_keepuntil"));
    command.args(tool(PYTHON));
    let said = String::from_utf8(stdout(&mut command)).unwrap();
    assert!(said.contains("all 10 records opened without keepuntil"), "{said}");
}

#[test]
fn every_restored_record_is_a_valid_bag() {
    let Some(python) = tool(PYTHON) else { return };
    let home = Home::new();
    home.seal_clients(&[]);
    home.keepuntil(&["restore", "firm.sealed", "--all", "-o", "out"]);
    let bags: Vec<_> = fs::read_dir(home.path("out")).unwrap().map(|e| e.unwrap().path()).collect();
    let bags: Vec<_> = bags.into_iter().filter(|path| path.is_dir()).collect();
    let said = stdout(Command::new(python).arg(project("tests/stock/bags.py")).args(&bags));
    assert_eq!(String::from_utf8(said).unwrap(), format!("{} bags are valid\n", bags.len()));
    assert_eq!(bags.len(), 8);
}

#[test]
fn the_payload_of_a_bag_keeps_links_and_names_the_rest() {
    let home = Home::new();
    home.seal_clients(&[]);
    home.keepuntil(&["restore", "firm.sealed", "--all", "-o", "out"]);
    let kept = home.path("out/沐阳贸易有限公司/data/现行约定书.pdf");
    assert_eq!(fs::read_link(kept).unwrap(), Path::new("合同/业务约定书 2022（续签）.pdf"));
    let bag = home.path("out/Harbour & Vale Ltd");
    assert!(fs::symlink_metadata(bag.join("data/office notes.txt")).is_err(), "it would lead out of the bag");
    let links = fs::read_to_string(bag.join("links.txt")).unwrap();
    assert!(links.starts_with("office notes.txt\t../../notes.txt\t") && links.lines().count() == 1, "{links}");
}

#[test]
fn names_that_manifests_encode_make_valid_bags() {
    let Some(python) = tool(PYTHON) else { return };
    let home = Home::new();
    let names = ["a\nb", "c\rd", "a\r\nb", "100%", "%0A", "%250a", "tab\tinside", "\\n", "*", "é", "e\u{301}"];
    for name in names {
        let record = home.path("in").join(name);
        fs::create_dir_all(record.join(name)).unwrap();
        fs::write(record.join(name).join(name), name).unwrap();
    }
    home.keepuntil(&["create", "--quiet", "-o", "firm.sealed", "--until", "2999-12-31", "in"]);
    home.keepuntil(&["restore", "firm.sealed", "--all", "-o", "out"]);
    let bags = names.map(|name| home.path("out").join(name));
    let said = stdout(Command::new(python).arg(project("tests/stock/bags.py")).args(&bags));
    assert_eq!(String::from_utf8(said).unwrap(), format!("{} bags are valid\n", bags.len()));
}

/// The record names that an identity shows; none where it opens nothing.
fn names(home: &Home, identity: &Path) -> Vec<String> {
    let shown = home.keepuntil(&["inspect", "firm.sealed", "--json", "-i", identity.to_str().unwrap()]);
    let objects = shown.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    objects.filter_map(|object| Some(object["label"]["name"].as_str()?.to_owned())).collect()
}

#[test]
fn our_identities_and_access_files_are_anothers() {
    let Some(modules) = tool(NODE_MODULES) else { return };
    for kind in [&[][..], &["--classic"]] {
        let home = Home::new();
        let identity = home.path("identity.txt");
        home.keepuntil(&[&["keygen", "-o", "identity.txt"], kind].concat());
        let recipient = home.keepuntil(&["keygen", "-y", "identity.txt"]);
        assert_eq!(node(&modules, &[&"recipients", &identity]), recipient.trim());
        home.seal_clients(&["-r", recipient.trim()]);
        assert_eq!(names(&home, &identity).len(), 8);
        let access = home.member("access/records.age");
        let secret = node(&modules, &[&"decrypt", &identity, &access]);
        assert_eq!(secret.len(), 64, "a compartment secret is 32 bytes");
        if !kind.is_empty() {
            let by_age = stdout(Command::new("age").arg("-d").arg("-i").arg(&identity).arg(&access));
            assert_eq!(hex::encode(by_age), secret, "the age of this machine opens it too");
        }
    }
}

#[test]
fn anothers_identities_serve_as_ours() {
    let Some(modules) = tool(NODE_MODULES) else { return };
    for (kind, start) in [("pq", "age1pq1"), ("classic", "age1")] {
        let home = Home::new();
        let made = node(&modules, &[&"keygen", &kind]);
        let (secret, recipient) = made.split_once('\n').unwrap();
        assert!(recipient.starts_with(start), "{recipient}");
        let identity = home.secret("node.txt", format!("# of another program\n{secret}\n"));
        assert_eq!(home.keepuntil(&["keygen", "-y", "node.txt"]).trim(), recipient);
        home.seal_clients(&["-r", recipient]);
        assert!(names(&home, &identity).contains(&"Harbour & Vale Ltd".to_owned()));
    }
}

#[test]
fn messages_of_every_size_go_both_ways() {
    let Some(modules) = tool(NODE_MODULES) else { return };
    let home = Home::new();
    home.keepuntil(&["keygen", "-o", "pq.txt"]);
    home.keepuntil(&["keygen", "--classic", "-o", "classic.txt"]);
    for name in ["pq.txt", "classic.txt"] {
        let file = home.path(name);
        let identities = Identities::parse(name, &fs::read(&file).unwrap(), &Prompts::none()).unwrap();
        let recipient = identities.recipients()[0].clone().unwrap();
        let recipients = Recipients::parse(&[&recipient], &Prompts::none()).unwrap();
        for len in [0, 1, 65_535, 65_536, 65_537, 200_000] {
            let message: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
            let (plain, sealed) = (home.path("plain"), home.path("sealed"));
            fs::write(&sealed, envelope::seal(&recipients, &message).unwrap()).unwrap();
            assert_eq!(node(&modules, &[&"decrypt", &file, &sealed]), hex::encode(&message), "{name}, {len}");
            fs::write(&plain, &message).unwrap();
            node(&modules, &[&"encrypt", &recipient, &plain, &sealed]);
            let opened = envelope::open(identities.iter(), &fs::read(&sealed).unwrap(), len as u64).unwrap();
            assert_eq!(*opened, message, "{name}, {len}");
        }
    }
}

#[test]
fn records_and_locked_identities_are_anothers_too() {
    let Some(modules) = tool(NODE_MODULES) else { return };
    let home = Home::new();
    let passphrase = "correct horse battery staple";
    let with_passphrase = |args: &[&str]| {
        let mut command = home.command(args);
        command.env("KEEPUNTIL_PASSPHRASE_COMMAND", format!("echo '{passphrase}'"));
        String::from_utf8(stdout(&mut command)).unwrap()
    };
    with_passphrase(&["keygen", "--passphrase", "-o", "locked.txt"]);
    let recipient = with_passphrase(&["keygen", "-y", "locked.txt"]);
    let unlocked = hex::decode(node(&modules, &[&"unlock", &passphrase, &home.path("locked.txt")])).unwrap();
    home.secret("plain.txt", &unlocked);
    assert_eq!(home.keepuntil(&["keygen", "-y", "plain.txt"]), recipient);
    let locked = home.secret("locked-by-node.txt", "");
    node(&modules, &[&"lock", &passphrase, &home.path("plain.txt"), &locked]);
    assert_eq!(with_passphrase(&["keygen", "-y", "locked-by-node.txt"]), recipient);

    home.seal_clients(&["-r", recipient.trim()]);
    home.keepuntil(&["keyring", "export", "firm.sealed", "--record", "1", "-i", "plain.txt", "-o", "sheet.txt"]);
    let record = home.member("records/0000000001");
    let zstd = node(&modules, &[&"decrypt", &home.path("sheet.txt"), &record]);
    assert!(zstd.starts_with("28b52ffd"), "a record holds a zstd frame");
}

#[test]
fn another_implementation_of_ml_dsa_verifies_the_seal() {
    let Some(modules) = tool(NODE_MODULES) else { return };
    let home = Home::new();
    home.seal_clients(&[]);
    let vkeys = home.keepuntil(&["keyring", "info", "--vkeys"]);
    let checkpoint = home.member("checkpoint");
    assert_eq!(node(&modules, &[&"mldsa", &checkpoint, &vkeys.lines().nth(1).unwrap()]), "verified");
}
