//! Grants, receipts and what is forgotten: exactly the approved records, for exactly who asked, once (P3, P5).
//!
//! Needs `ssh-keygen`.

mod support;

use chrono::{DateTime, Days, FixedOffset, TimeDelta, Utc};
use keepuntil::archive::reader::ArchiveReader;
use keepuntil::crypto::envelope;
use keepuntil::crypto::identity::{Identities, Prompts};
use keepuntil::crypto::kdf::{self, ArchiveId};
use keepuntil::crypto::record_file::RecordHeader;
use keepuntil::crypto::secret::Secret32;
use keepuntil::crypto::sign::{SigningKey, VerifierKey};
use keepuntil::disclosure::grant::{Grant, GrantedKeys, RecordKeys};
use keepuntil::disclosure::ledger::DOCUMENT;
use keepuntil::disclosure::policy::DisclosurePolicy;
use keepuntil::disclosure::proposal::Proposal;
use keepuntil::disclosure::purpose::Purpose;
use keepuntil::disclosure::receipt::Receipt;
use keepuntil::disclosure::refusal::{Refusal, RefusalReason};
use keepuntil::journal::certificate::{Certificate, GrantedRecords};
use keepuntil::journal::entry::Leaf;
use keepuntil::ops::OpsError;
use keepuntil::ops::approval::statement;
use keepuntil::ops::attestation::{consistent_grant, consistent_refusal, entry_of_grant, verify_grant, verify_refusal};
use keepuntil::ops::custody::{Custody, Now};
use keepuntil::ops::disclosure_policy;
use keepuntil::ops::disclosures::{DisclosuresOptions, disclosures};
use keepuntil::ops::grant::{GrantOptions, grant};
use keepuntil::ops::proposal::{ProposeOptions, propose};
use keepuntil::ops::purge::PlanError;
use keepuntil::ops::refuse::refuse;
use keepuntil::ops::request::{self, RequestOptions};
use keepuntil::retention::clock::Reading;
use keepuntil::retention::ranges::Ranges;
use keepuntil::retention::{AtExpiry, Class, Retention};
use keepuntil::tlog::checkpoint::Checkpoint;
use keepuntil::tlog::merkle::leaf_hash;
use keepuntil::tlog::proof::{Evidence, Proof};
use std::fs;
use std::os::unix::fs::FileExt;
use std::process::Command;
use std::time::Duration;
use support::{Bag, Forge, Home, Ran};

const AUDITOR: &str = "auditor@cpa.example";
const CLIENT: &str = "client@mail.example";
/// A word that stands in every free text, and nowhere else.
const WORDS: &str = "Quillon divorce";
const POLICY: &str = "[[requester]]\nprincipal = \"auditor@cpa.example\"\npurposes = [\"audit\", \"court-order\"]\n\n\
    [[requester]]\nprincipal = \"client@mail.example\"\npurposes = [\"own-file\"]\n";

/// A custodian's home, with the keys of all people in it.
struct Desk {
    home: Home,
}

impl Desk {
    /// A keyring, an archive of four records, a policy, and a roster of two approvers and two requesters.
    fn new() -> Self {
        Self::with_policy(POLICY)
    }

    fn with_policy(policy: &str) -> Self {
        let desk = Self { home: Home::new() };
        for name in ["Adams", "Brown", "Clark", "Davis"] {
            desk.home.write(&format!("clients/{name}/file.txt"), format!("the file of {name}"));
        }
        desk.home.create("firm.sealed");
        desk.home.run(&["keyring", "set", "--cool-off-days", "0"]).ends(0);
        let policy = DisclosurePolicy::parse(policy.as_bytes()).unwrap();
        disclosure_policy::set(&mut desk.custody(), &policy, &[]).unwrap();
        desk.home.people(&[
            ("lin", "lin@lantern.example"),
            ("lin2", "lin@lantern.example"),
            ("wang", "wang@lantern.example"),
            ("auditor", AUDITOR),
            ("auditor2", AUDITOR),
            ("client", CLIENT),
        ]);
        desk.home.run(&["roster", "set", "people.txt"]).ends(0);
        desk
    }

    fn custody(&self) -> Custody {
        let now = Now { reading: Reading { wall: Utc::now(), boot: None }, zone: FixedOffset::east_opt(0).unwrap() };
        Custody::open(&self.home.keyring_dir(), Duration::from_secs(5), now).unwrap()
    }

    fn reader(&self, archive: &str) -> ArchiveReader {
        ArchiveReader::open(fs::File::open(self.home.path(archive)).unwrap()).unwrap()
    }

    /// Changes the policy, as a person on the roster signed.
    fn set_policy(&self, text: &str) {
        let mut custody = self.custody();
        let policy = DisclosurePolicy::parse(text.as_bytes()).unwrap();
        self.home.write("change.txt", statement(&custody, &disclosure_policy::lines(&policy)));
        let by = |key: &str| fs::read(self.home.path(&self.sign(key, "keepuntil-settings", "change.txt"))).unwrap();
        let (lin, wang) = (by("lin"), by("wang"));
        // As many as the policy in force asks for: one person cannot undo what needs two.
        let alone = disclosure_policy::set(&mut custody, &policy, std::slice::from_ref(&lin));
        assert!(matches!(alone, Err(OpsError::Plan(PlanError::ChangeUnsigned { needed: 2, have: 1 }))), "{alone:?}");
        assert!(disclosure_policy::set(&mut custody, &policy, &[lin, wang]).unwrap());
    }

    /// A signed request NAME.json of `who` for records of `archive`.
    fn ask(&self, name: &str, who: (&str, &str), purpose: Purpose, archive: &str, records: &str) {
        let options = RequestOptions {
            archive: *self.reader(archive).archive(),
            records: Some(records.parse().unwrap()),
            description: Some(WORDS.into()),
            purpose,
            explanation: format!("because of the {WORDS}"),
            legal_basis: None,
            references: Vec::new(),
            identity: Vec::new(),
            wanted_until: Utc::now().date_naive() + Days::new(90),
            requester: who.1.into(),
        };
        let (key, output) = (self.home.path(who.0), self.home.path(&format!("{name}.json")));
        request::new(&options, Utc::now(), Some(&key), &output, false).unwrap();
    }

    /// A proposal PROPOSAL.json for NAME.json, changed before anybody approves it.
    fn propose(&self, name: &str, proposal: &str, change: impl FnOnce(&mut Proposal)) {
        let received = request::read(&self.home.path(&format!("{name}.json"))).unwrap();
        let signature = fs::read(self.home.path(&format!("{name}.json.sig"))).unwrap();
        let conditions = keepuntil::disclosure::conditions::Conditions {
            no_copies: true,
            text: Some(format!("only for the {WORDS}")),
            ..Default::default()
        };
        let options = ProposeOptions { records: None, valid_days: 30, approve_days: 14, conditions };
        let output = self.home.path(&format!("{proposal}.json"));
        let mut made = propose(&mut self.custody(), &received, &signature, &options, &output, false).unwrap();
        change(&mut made);
        fs::write(output, made.to_bytes()).unwrap();
    }

    /// Signs a file; the signature is FILE.KEY.sig.
    fn sign(&self, key: &str, namespace: &str, file: &str) -> String {
        self.home.sign(key, namespace, file, format!("{file}.{key}.sig"))
    }

    fn approve(&self, proposal: &str, keys: &[&str]) {
        for key in keys {
            self.sign(key, "keepuntil-approval", &format!("{proposal}.json"));
        }
    }

    /// Runs `grant` of PROPOSAL.json for NAME.json to OUTPUT.
    fn grant_of(&self, archive: &str, name: &str, proposal: &str, output: &str) -> Ran {
        let (proposal, request) = (format!("{proposal}.json"), format!("{name}.json"));
        self.home.run(&["grant", archive, &proposal, "--request", &request, "-o", output])
    }

    fn grant(&self, name: &str) -> Ran {
        self.grant_of("firm.sealed", name, &format!("{name}-proposal"), &format!("{name}-grant.json"))
    }

    /// From the request to the grant.
    fn granted(&self, name: &str, who: (&str, &str), purpose: Purpose, records: &str) -> Grant {
        self.granted_but(name, who, purpose, records, |_| ())
    }

    fn granted_but(
        &self,
        name: &str,
        who: (&str, &str),
        purpose: Purpose,
        records: &str,
        change: impl FnOnce(&mut Proposal),
    ) -> Grant {
        self.proposed(name, who, purpose, records, change);
        self.grant(name).ends(0);
        self.read_grant(&format!("{name}-grant.json"))
    }

    /// From the request to a proposal that two people approved.
    fn proposed(
        &self,
        name: &str,
        who: (&str, &str),
        purpose: Purpose,
        records: &str,
        change: impl FnOnce(&mut Proposal),
    ) {
        self.ask(name, who, purpose, "firm.sealed", records);
        self.propose(name, &format!("{name}-proposal"), change);
        self.approve(&format!("{name}-proposal"), &["lin", "wang"]);
    }

    fn read_grant(&self, file: &str) -> Grant {
        Grant::parse(&fs::read(self.home.path(file)).unwrap()).unwrap()
    }

    fn identities(&self, name: &str) -> Identities {
        let file = fs::read(self.home.path(&format!("{name}.json.identity"))).unwrap();
        Identities::parse(name, &file, &Prompts::none()).unwrap()
    }

    /// What the identity of one request opens of a grant.
    fn keys(&self, name: &str, grant: &Grant) -> Option<Vec<RecordKeys>> {
        let limit = GrantedKeys::limit(grant.records.count());
        let text = envelope::open(self.identities(name).iter(), &grant.keys, limit).ok()?;
        let keys: GrantedKeys = serde_json::from_slice(&text).unwrap();
        assert_eq!((keys.grant, keys.archive), (grant.grant, grant.archive));
        Some(keys.records)
    }

    fn vkeys(&self) -> [VerifierKey; 2] {
        self.home.open_keyring().verifier_keys()
    }

    /// Entries of one kind in the journal.
    fn entries(&self, kind: &str) -> Vec<serde_json::Value> {
        let shown = self.home.run(&["journal", "show", "--json"]).ends(0).json("entry");
        shown.into_iter().filter(|entry| entry["kind"] == kind).collect()
    }

    /// The ledger as it is sealed.
    fn ledger(&self) -> String {
        let text = self.home.open_keyring().document(DOCUMENT).unwrap().unwrap();
        String::from_utf8(text.to_vec()).unwrap()
    }
}

const BY_AUDITOR: (&str, &str) = ("auditor", AUDITOR);
const BY_CLIENT: (&str, &str) = ("client", CLIENT);

/// The age files of all records of an archive.
fn files(reader: &mut ArchiveReader) -> Vec<(u64, Vec<u8>)> {
    let numbers: Vec<u64> = (1..=reader.records()).collect();
    let file = |record: u64| {
        let leaf = reader.record(record).unwrap();
        let mut bytes = vec![0; leaf.size as usize];
        reader.file().read_exact_at(&mut bytes, leaf.offset + 512).unwrap();
        (record, bytes)
    };
    numbers.into_iter().map(file).collect()
}

/// Records that any of these secrets opens, as an identity or joined with any other to a record's key.
fn opened(archive: &ArchiveId, files: &[(u64, Vec<u8>)], secrets: &[Secret32]) -> Ranges {
    let opens = |record: u64, file: &[u8]| {
        let header = RecordHeader::parse(file).unwrap();
        let pairs = secrets.iter().flat_map(|one| secrets.iter().map(move |two| (one, two)));
        secrets.iter().any(|secret| header.open(secret).is_ok())
            || pairs.into_iter().any(|(a, e)| header.open(&kdf::record_key(archive, a, e, record)).is_ok())
    };
    files.iter().filter(|(record, file)| opens(*record, file)).map(|(record, _)| *record).collect()
}

fn set(text: &str) -> Ranges {
    text.parse().unwrap()
}

#[test]
fn a_grant_opens_exactly_the_records_that_it_names() {
    let desk = Desk::new();
    let mine = desk.granted("mine", BY_AUDITOR, Purpose::Audit, "1-2");
    let other = desk.granted("other", BY_CLIENT, Purpose::OwnFile, "4");
    let keys = desk.vkeys();
    verify_grant(&mine, &keys).unwrap();
    assert_eq!(consistent_grant(&mine).unwrap().signed, None);
    assert_eq!(mine.records, set("1-2"));
    assert_eq!(
        mine.approvals.iter().map(|a| a.name.as_str()).collect::<Vec<_>>(),
        ["lin@lantern.example", "wang@lantern.example"]
    );
    let mut reader = desk.reader("firm.sealed");
    let (archive, files) = (*reader.archive(), files(&mut reader));
    // The whole archive, one's own grant, and everybody else's: nothing else opens.
    assert!(desk.keys("mine", &other).is_none() && desk.keys("other", &mine).is_none());
    let secrets = |name: &str, grant: &Grant| -> Vec<Secret32> {
        let keys = desk.keys(name, grant).unwrap();
        assert_eq!(keys.iter().map(|keys| keys.record).collect::<Ranges>(), grant.records);
        keys.into_iter().flat_map(|keys| [keys.access, keys.expiry, keys.label]).collect()
    };
    assert_eq!(opened(&archive, &files, &secrets("mine", &mine)), set("1-2"));
    assert_eq!(opened(&archive, &files, &secrets("other", &other)), set("4"));
    // Also when requesters lay together what they have.
    let together = [secrets("mine", &mine), secrets("other", &other)].concat();
    assert_eq!(opened(&archive, &files, &together), set("1-2,4"));
}

#[test]
fn half_a_key_opens_nothing() {
    let desk = Desk::new();
    let grant = desk.granted("mine", BY_AUDITOR, Purpose::Audit, "1-4");
    let mut reader = desk.reader("firm.sealed");
    let (archive, files) = (*reader.archive(), files(&mut reader));
    let keys = desk.keys("mine", &grant).unwrap();
    let with = |half: fn(&RecordKeys) -> [&Secret32; 2]| -> Vec<Secret32> {
        let known = [Secret32::random(), Secret32::from_bytes([0; 32])].into_iter();
        known.chain(keys.iter().flat_map(|keys| half(keys).map(Secret32::clone))).collect()
    };
    assert_eq!(opened(&archive, &files, &with(|keys| [&keys.access, &keys.access])), Ranges::default());
    assert_eq!(opened(&archive, &files, &with(|keys| [&keys.expiry, &keys.label])), Ranges::default());
    assert_eq!(opened(&archive, &files, &with(|keys| [&keys.access, &keys.label])), Ranges::default());
    assert_eq!(opened(&archive, &files, &with(|keys| [&keys.access, &keys.expiry])), set("1-4"));
}

#[test]
fn a_grant_with_another_byte_is_none() {
    let desk = Desk::new();
    desk.granted("mine", BY_AUDITOR, Purpose::Audit, "1,3");
    let (bytes, keys) = (fs::read(desk.home.path("mine-grant.json")).unwrap(), desk.vkeys());
    let verifies = |bytes: &[u8]| Grant::parse(bytes).is_ok_and(|grant| verify_grant(&grant, &keys).is_ok());
    assert!(verifies(&bytes));
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert!(!verifies(&changed), "byte {at}");
    }
    for at in (0..bytes.len()).step_by(97) {
        assert!(!verifies(&bytes[..at]), "cut at {at}");
        let mut longer = bytes.clone();
        longer.insert(at, b' ');
        assert!(!verifies(&longer), "a blank at {at}");
    }
    // A grant that another grant's entry stands under.
    let grant = Grant::parse(&bytes).unwrap();
    let other = desk.granted("second", BY_AUDITOR, Purpose::Audit, "1,3");
    let error = verify_grant(&Grant { journal: other.journal, ..grant.clone() }, &keys).unwrap_err();
    assert!(error.to_string().contains(&hex::encode(grant.grant)), "{error}");
    let mut wrong = keys.clone();
    wrong.swap(0, 1);
    assert!(verify_grant(&grant, &wrong).is_err());
}

#[test]
fn a_refusal_with_another_byte_is_none() {
    let desk = Desk::new();
    desk.ask("mine", BY_AUDITOR, Purpose::Audit, "firm.sealed", "1");
    let (received, output) = (request::read(&desk.home.path("mine.json")).unwrap(), desk.home.path("refusal.json"));
    let signature = Ok(fs::read(desk.home.path("mine.json.sig")).unwrap());
    let why = (RefusalReason::NotApproved, "nobody approved it");
    refuse(&mut desk.custody(), &received, signature, why, (&output, false)).unwrap();
    let (bytes, keys) = (fs::read(output).unwrap(), desk.vkeys());
    let verifies = |bytes: &[u8]| Refusal::parse(bytes).is_ok_and(|refusal| verify_refusal(&refusal, &keys).is_ok());
    assert!(verifies(&bytes));
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert!(!verifies(&changed), "byte {at}");
    }
    assert!(consistent_refusal(&Refusal::parse(&bytes).unwrap()).is_ok());
}

#[test]
fn a_grant_that_a_stranger_made_whole_is_consistent_and_no_more() {
    let desk = Desk::new();
    let mut grant = desk.granted("mine", BY_AUDITOR, Purpose::Audit, "1");
    let keys = desk.vkeys();
    // Whoever calls their key as the firm does can write a journal of one entry.
    let stranger = SigningKey::from_seeds(&grant.firm, &Secret32::random(), &Secret32::random());
    grant.records = set("1-4");
    let leaf = Leaf::new(grant.granted, entry_of_grant(&grant)).to_bytes().unwrap();
    let head = Checkpoint { origin: grant.origin(), size: 1, root: leaf_hash(&leaf) };
    let proof = Proof { leaf, index: 0, hashes: Vec::new(), checkpoint: head.sign(&stranger, 1_800_000_000) };
    grant.journal = Some(Evidence::from(&proof));
    let found = consistent_grant(&grant).unwrap();
    assert_eq!((found.entry, found.signed), (0, None));
    assert!(verify_grant(&grant, &keys).is_err());
    assert!(verify_grant(&grant, &stranger.verifier_keys()).is_ok());
    // What does not fit together is told from it.
    for change in [
        |grant: &mut Grant| grant.records = set("1-3"),
        |grant: &mut Grant| grant.granted += TimeDelta::seconds(1),
        |grant: &mut Grant| grant.keyring[0] ^= 1,
        |grant: &mut Grant| grant.journal = None,
        |grant: &mut Grant| grant.journal.as_mut().unwrap().leaf.clear(),
    ] {
        let mut changed = grant.clone();
        change(&mut changed);
        assert!(consistent_grant(&changed).is_err());
    }
}

#[test]
fn a_policy_that_asks_for_more_since_counts() {
    let desk = Desk::new();
    desk.proposed("mine", BY_AUDITOR, Purpose::Audit, "1", |_| ());
    desk.set_policy(&format!("[approvals]\nconfidential = 3\n\n{POLICY}"));
    let ran = desk.grant("mine").fails(15, "");
    assert!(ran.err.contains("3 needed, 2 given"), "{ran:?}");
    // One that asks for less does not undercut what the proposal says.
    desk.set_policy(&format!("[approvals]\nconfidential = 0\n\n{POLICY}"));
    fs::remove_file(desk.home.path("mine-proposal.json.wang.sig")).unwrap();
    let ran = desk.grant("mine").fails(15, "");
    assert!(ran.err.contains("2 needed, 1 given"), "{ran:?}");
}

#[test]
fn records_that_may_not_be_granted_are_refused_each_with_its_reason() {
    let desk = Desk::new();
    // A hold for secrecy that came after the proposal.
    desk.proposed("secret", BY_AUDITOR, Purpose::Audit, "1-2", |_| ());
    desk.proposed("wider", BY_CLIENT, Purpose::OwnFile, "1-2", |_| ());
    let place = ["hold", "place", "firm.sealed", "--record", "2", "--secrecy", "--matter", "m", "--authority", "a"];
    let hold = desk.home.run(&[&place[..], &["--json"]].concat()).ends(0).json("hold")[0]["hold"].clone();
    let ran = desk.grant("secret").fails(11, "");
    assert!(ran.err.contains("record 2: a hold for secrecy"), "{ran:?}");
    desk.home.run(&["hold", "release", hold.as_str().unwrap()]).ends(0);
    // The policy no longer lets the client ask.
    desk.set_policy(&POLICY.replace("\"own-file\"", "\"portability\""));
    let ran = desk.grant("wider").fails(15, "");
    assert!(ran.err.contains("records 1-2: the disclosure policy"), "{ran:?}");
    // The auditor's is as it was.
    desk.grant("secret").ends(0);
    assert_eq!(desk.entries("grant").len(), 1);
    desk.home.has_no_leftovers();
}

/// A second archive whose three records have run out long ago; a hold keeps them.
fn expired(desk: &Desk) -> String {
    let mut forge = Forge::new();
    for name in ["one", "two", "three"] {
        forge.add(name, Bag::new().file("data/x", name.as_bytes()).close());
    }
    forge.change_leaf =
        Box::new(|leaf| leaf.retention = Retention::until("2020-01-01".parse().unwrap(), AtExpiry::Destroy));
    forge.seal(&desk.home, "old.sealed");
    let place = ["hold", "place", "old.sealed", "--matter", "m", "--authority", "a", "--json"];
    desk.home.run(&place).ends(0).json("hold")[0]["hold"].as_str().unwrap().to_owned()
}

fn purge(desk: &Desk) -> Certificate {
    // The keyring has no cool-off: scheduled and carried out in one run.
    let done = desk.home.run(&["purge", "--unattended", "--json"]).ends(0);
    let path = done.json("destroyed")[0]["certificate"].as_str().unwrap().to_owned();
    Certificate::parse(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn what_awaits_destruction_and_what_is_destroyed_is_not_granted() {
    let desk = Desk::new();
    let hold = expired(&desk);
    for (name, records) in [("early", "1"), ("late", "2")] {
        desk.ask(name, BY_AUDITOR, Purpose::CourtOrder, "old.sealed", records);
        desk.propose(name, &format!("{name}-proposal"), |_| ());
        desk.approve(&format!("{name}-proposal"), &["lin"]);
    }
    let granting = |name: &str, output: &str| desk.grant_of("old.sealed", name, &format!("{name}-proposal"), output);
    // Held, it is there for the court that wants it.
    granting("early", "early-grant.json").ends(0);
    desk.home.run(&["hold", "release", &hold]).ends(0);
    let ran = granting("late", "late-grant.json").fails(11, "");
    assert!(ran.err.contains("record 2: its time has run"), "{ran:?}");
    // Nor is what was granted written again.
    granting("early", "again.json").ends(11);
    purge(&desk);
    for name in ["early", "late"] {
        let ran = granting(name, "destroyed.json").fails(13, "");
        assert!(ran.err.contains("its keys were destroyed"), "{ran:?}");
    }
    assert!(!desk.home.path("destroyed.json").exists() && !desk.home.path("again.json").exists());
}

#[test]
fn destruction_forgets_words_and_keys_of_its_records() {
    let desk = Desk::new();
    let hold = expired(&desk);
    desk.granted("kept", BY_AUDITOR, Purpose::Audit, "1");
    desk.ask("gone", BY_AUDITOR, Purpose::CourtOrder, "old.sealed", "2-3");
    desk.propose("gone", "gone-proposal", |_| ());
    desk.approve("gone-proposal", &["lin"]);
    desk.grant_of("old.sealed", "gone", "gone-proposal", "gone-grant.json").ends(0);
    let gone = desk.read_grant("gone-grant.json");
    let count = |text: &str, part: &str| text.matches(part).count();
    let encoded = serde_json::to_value(&gone).unwrap()["keys"].as_str().unwrap().to_owned();
    let before = desk.ledger();
    // Description, explanation and condition of each.
    assert_eq!((count(&before, WORDS), count(&before, &encoded)), (6, 1));
    let one = ["hold", "place", "old.sealed", "--record", "1", "--matter", "m", "--authority", "a"];
    desk.home.run(&one).ends(0);
    desk.home.run(&["hold", "release", &hold]).ends(0);
    let certificate = purge(&desk);
    assert_eq!(certificate.disclosures, [GrantedRecords { grant: gone.grant, records: 2 }]);
    let mut wrong = certificate.clone();
    for change in [
        |granted: &mut Vec<GrantedRecords>| granted[0].records = 0,
        |granted: &mut Vec<GrantedRecords>| granted[0].records = 4,
        |granted: &mut Vec<GrantedRecords>| granted.push(granted[0].clone()),
    ] {
        wrong.disclosures = certificate.disclosures.clone();
        change(&mut wrong.disclosures);
        assert!(Certificate::parse(&wrong.to_bytes()).is_err());
    }
    let after = desk.ledger();
    assert_eq!((count(&after, WORDS), count(&after, &encoded)), (3, 0));
    // Who was given what is still known.
    let shown = desk.home.run(&["disclosures", "--json"]).ends(0).json("granted");
    assert_eq!(shown.len(), 2);
    let of_gone = shown.iter().find(|grant| grant["grant"] == hex::encode(gone.grant)).unwrap();
    assert_eq!((&of_gone["records"], &of_gone["requester"]["name"]), (&"2-3".into(), &AUDITOR.into()));
    // Words that come later go at once: no destruction to come would take them.
    desk.ask("late", BY_AUDITOR, Purpose::CourtOrder, "old.sealed", "2");
    let words = "The file of somebody was destroyed";
    let refuse = ["refuse", "late.json", "--reason", "destroyed", "--explain", words, "-o", "late-refusal.json"];
    desk.home.run(&refuse).ends(0);
    assert!(fs::read_to_string(desk.home.path("late-refusal.json")).unwrap().contains(words));
    let ledger = desk.ledger();
    assert_eq!((count(&ledger, WORDS), count(&ledger, words)), (3, 0));
    // Nor do they stay because a record beside it lives, and is what is proposed.
    desk.ask("both", BY_AUDITOR, Purpose::CourtOrder, "old.sealed", "1-2");
    desk.home.run(&["request", "propose", "both.json", "--record", "1", "-o", "both-proposal.json"]).ends(0);
    assert_eq!(count(&desk.ledger(), WORDS), 3);
}

#[test]
fn only_people_who_may_approve_count_and_each_once() {
    let desk = Desk::new();
    desk.ask("mine", BY_AUDITOR, Purpose::Audit, "firm.sealed", "1");
    desk.propose("mine", "mine-proposal", |_| ());
    desk.grant("mine").fails(15, "");
    desk.approve("mine-proposal", &["lin", "lin2"]);
    let ran = desk.grant("mine").fails(15, "");
    assert!(ran.err.contains("2 needed, 1 given"), "{ran:?}");
    // The requester, also with another key.
    for key in ["auditor", "auditor2"] {
        let signature = desk.sign(key, "keepuntil-approval", "mine-proposal.json");
        desk.grant("mine").fails(15, AUDITOR);
        fs::remove_file(desk.home.path(&signature)).unwrap();
    }
    // An approval of another proposal for the same request.
    desk.propose("mine", "other-proposal", |proposal| proposal.conditions.no_copies = false);
    let moved = desk.sign("wang", "keepuntil-approval", "other-proposal.json");
    fs::copy(desk.home.path(&moved), desk.home.path("mine-proposal.json.wang.sig")).unwrap();
    desk.grant("mine").fails(15, "not over this text");
    // One made for something else.
    desk.sign("wang", "keepuntil-plan", "mine-proposal.json");
    desk.grant("mine").fails(15, "keepuntil-plan");
    desk.sign("wang", "keepuntil-approval", "mine-proposal.json");
    assert!(desk.entries("grant").is_empty());
    desk.grant("mine").ends(0);
}

#[test]
fn a_proposal_has_its_time() {
    let desk = Desk::new();
    let now: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
    let now = now + TimeDelta::seconds((Utc::now() - now).num_seconds());
    let shifted = |name: &str, change: Change<'_>| {
        desk.proposed(name, BY_AUDITOR, Purpose::Audit, "1", change);
        desk.grant(name)
    };
    let late = shifted("late", &|proposal| {
        proposal.made = now - TimeDelta::days(15);
        proposal.approve_until = now - TimeDelta::seconds(1);
    });
    late.fails(15, "approved until");
    let ended = shifted("ended", &|proposal| {
        proposal.made = now - TimeDelta::days(31);
        proposal.valid_from = proposal.made;
        proposal.valid_until = now - TimeDelta::seconds(1);
    });
    ended.fails(15, "ended at");
    let behind = shifted("behind", &|proposal| {
        proposal.made = now + TimeDelta::days(1);
        proposal.valid_from = proposal.made;
    });
    behind.fails(16, "the clock shows");
    assert!(desk.entries("grant").is_empty());
}

/// What somebody does to a proposal.
type Change<'a> = &'a dyn Fn(&mut Proposal);

#[test]
fn a_proposal_fits_its_request_and_its_archive() {
    let desk = Desk::new();
    let changes: [(&str, Change<'_>, i32); 7] = [
        ("records", &|proposal| proposal.records = set("1-3"), 15),
        ("address", &|proposal| proposal.address = keepuntil::crypto::identity::generate(false).recipient, 10),
        ("purpose", &|proposal| proposal.purpose = Purpose::CourtOrder, 10),
        ("root", &|proposal| proposal.root[0] ^= 1, 10),
        ("requester", &|proposal| proposal.requester.name = CLIENT.into(), 10),
        ("roster", &|proposal| proposal.roster[0] ^= 1, 15),
        ("classes", &|proposal| proposal.classes.insert(0, Class::Public), 10),
    ];
    for (name, change, code) in changes {
        desk.proposed(name, BY_AUDITOR, Purpose::Audit, "1-2", change);
        desk.grant(name).fails(code, "");
    }
    // Another request, which the same person signed.
    desk.proposed("one", BY_AUDITOR, Purpose::Audit, "1", |_| ());
    desk.ask("two", BY_AUDITOR, Purpose::Audit, "firm.sealed", "2");
    desk.grant_of("firm.sealed", "two", "one-proposal", "grant.json").fails(15, "is about request");
    // The request's signature is by somebody else on the roster, or over other words.
    fs::copy(desk.home.path("two.json.sig"), desk.home.path("one.json.sig")).unwrap();
    desk.grant("one").fails(15, "not over this text");
    assert!(desk.entries("grant").is_empty());
}

#[test]
fn a_request_is_granted_once_and_the_same_grant_is_written_again() {
    let desk = Desk::new();
    let first = desk.granted("mine", BY_AUDITOR, Purpose::Audit, "1-2");
    desk.grant("mine").fails(1, "mine-grant.json");
    desk.grant_of("firm.sealed", "mine", "mine-proposal", "again.json").ends(0);
    let again = desk.read_grant("again.json");
    verify_grant(&again, &desk.vkeys()).unwrap();
    assert_eq!(again.document(), first.document());
    assert_eq!(desk.entries("grant").len(), 1);
    // Another proposal of the same request, approved in time.
    let received = fs::read(desk.home.path("mine-proposal.json")).unwrap();
    let mut second = Proposal::parse(&received).unwrap();
    second.conditions.no_copies = false;
    desk.home.write("second-proposal.json", second.to_bytes());
    desk.approve("second-proposal", &["lin", "wang"]);
    let refused = desk.grant_of("firm.sealed", "mine", "second-proposal", "second.json");
    refused.fails(15, &hex::encode(first.grant));
    // Once a receipt came, who sent it has the grant.
    let signed = ["--sign-with", "auditor", "-o", "destroyed.json"];
    desk.home.run(&[&["receipt", "new", "again.json", "--what", "destroyed"], &signed[..]].concat()).ends(0);
    desk.home.run(&["receipt", "import", "destroyed.json"]).ends(0);
    desk.grant_of("firm.sealed", "mine", "mine-proposal", "third.json").fails(15, "receipt");
    assert!(!desk.home.path("second.json").exists() && !desk.home.path("third.json").exists());
}

#[test]
fn every_answer_is_under_a_generation_of_its_own() {
    let desk = Desk::new();
    let generation = || desk.home.open_keyring().generation();
    let catalogue = desk.home.keyring_dir().join("catalogue.sqlite");
    desk.proposed("given", BY_AUDITOR, Purpose::Audit, "1", |_| ());
    desk.ask("denied", BY_CLIENT, Purpose::OwnFile, "firm.sealed", "2");
    let refuse = ["refuse", "denied.json", "--reason", "out-of-scope", "--explain", "no", "-o", "refusal.json"];
    let answers: [&dyn Fn() -> Ran; 2] = [&|| desk.grant("given"), &|| desk.home.run(&refuse)];
    for answer in answers {
        let (before, older) = (generation(), fs::read(&catalogue).unwrap());
        answer().ends(0);
        assert_eq!(generation(), before + 1);
        // The keyring as it was before: it could give the request another answer, and does not open.
        let newer = fs::read(&catalogue).unwrap();
        fs::write(&catalogue, older).unwrap();
        desk.home.run(&["disclosures"]).fails(10, "");
        fs::write(&catalogue, newer).unwrap();
        desk.home.run(&["disclosures"]).ends(0);
    }
}

#[test]
fn a_grant_is_written_again_whoever_is_on_the_roster_since() {
    let desk = Desk::new();
    let first = desk.granted("mine", BY_AUDITOR, Purpose::Audit, "1-2");
    desk.proposed("other", BY_AUDITOR, Purpose::Audit, "3", |_| ());
    // Without the auditor's first key, which the request is signed with.
    let roster = fs::read_to_string(desk.home.path("people.txt")).unwrap();
    let public = fs::read_to_string(desk.home.path("auditor.pub")).unwrap();
    desk.home.write("fewer.txt", roster.replace(&format!("{AUDITOR} {public}"), ""));
    let statement = desk.home.run(&["roster", "set", "fewer.txt", "--statement"]).ends(0).out;
    desk.home.write("change.txt", statement);
    let mut set = vec!["roster".to_owned(), "set".into(), "fewer.txt".into()];
    for key in ["lin", "wang"] {
        set.extend(["--approval".to_owned(), desk.sign(key, "keepuntil-roster", "change.txt")]);
    }
    desk.home.run(&set.iter().map(String::as_str).collect::<Vec<_>>()).ends(0);
    desk.grant("other").fails(15, "");
    desk.grant_of("firm.sealed", "mine", "mine-proposal", "again.json").ends(0);
    assert_eq!(desk.read_grant("again.json").document(), first.document());
    assert_eq!(desk.entries("grant").len(), 1);
}

#[test]
fn keys_whose_validity_is_over_go_with_the_next_destruction() {
    let desk = Desk::new();
    let hold = expired(&desk);
    desk.granted_but("short", BY_AUDITOR, Purpose::Audit, "1", |proposal| {
        proposal.valid_until = proposal.made + TimeDelta::seconds(8);
    });
    let stays = desk.granted("long", BY_AUDITOR, Purpose::Audit, "2");
    let encoded = |grant: &Grant| serde_json::to_value(grant).unwrap()["keys"].as_str().unwrap().to_owned();
    let short = encoded(&desk.read_grant("short-grant.json"));
    assert!(desk.ledger().contains(&short));
    desk.home.run(&["hold", "release", &hold]).ends(0);
    std::thread::sleep(Duration::from_secs(9));
    // Of records that neither grant is about.
    purge(&desk);
    let ledger = desk.ledger();
    assert!(!ledger.contains(&short) && ledger.contains(&encoded(&stays)));
}

#[test]
fn what_was_cut_short_after_the_entry_gives_the_same_grant() {
    let desk = Desk::new();
    desk.proposed("mine", BY_AUDITOR, Purpose::Audit, "1-2", |_| ());
    let received = request::read(&desk.home.path("mine.json")).unwrap();
    let read = |file: &str| fs::read(desk.home.path(file)).unwrap();
    let granted = {
        let identities = Identities::parse("id", &fs::read(desk.home.identity()).unwrap(), &Prompts::none()).unwrap();
        let options = GrantOptions {
            proposal: &Proposal::parse(&read("mine-proposal.json")).unwrap(),
            request: &received,
            signature: &read("mine.json.sig"),
            approvals: &["lin", "wang"].map(|key| read(&format!("mine-proposal.json.{key}.sig"))),
        };
        // The file was never written.
        grant(&mut desk.custody(), &mut desk.reader("firm.sealed"), &identities, &options).unwrap()
    };
    assert!(!granted.again);
    let ran = desk.grant("mine").ends(0);
    assert!(ran.out.contains("granted before"), "{ran:?}");
    assert_eq!(desk.read_grant("mine-grant.json").document(), granted.grant.document());
    assert_eq!(desk.entries("grant").len(), 1);
}

#[test]
fn killed_before_the_file_has_its_name() {
    let works = Command::new("strace").args(["-f", "true"]).output().is_ok_and(|output| output.status.success());
    if !works {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "strace does not work here");
        eprintln!("strace does not work here: NOT TESTED");
        return;
    }
    let desk = Desk::new();
    desk.proposed("mine", BY_AUDITOR, Purpose::Audit, "1-2", |_| ());
    let command = desk.home.command();
    let mut traced = Command::new("strace");
    traced.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=renameat2", "-e", "inject=renameat2:signal=SIGKILL"]);
    traced.arg(command.get_program()).args(["grant", "firm.sealed", "mine-proposal.json", "--request", "mine.json"]);
    traced.args(["-o", "mine-grant.json"]).env_clear().current_dir(command.get_current_dir().unwrap());
    traced.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    assert!(!traced.output().unwrap().status.success());
    assert!(!desk.home.path("mine-grant.json").exists());
    let entries = desk.entries("grant");
    assert_eq!(entries.len(), 1, "it was killed after the entry");
    desk.grant("mine").ends(0);
    let grant = desk.read_grant("mine-grant.json");
    assert_eq!(entries[0]["leaf"]["entry"]["grant"]["document"], hex::encode(grant.document()));
    assert_eq!(desk.entries("grant").len(), 1);
}

#[test]
fn receipts_count_by_the_key_of_the_grant_or_the_person_and_once() {
    let desk = Desk::new();
    desk.granted("mine", BY_AUDITOR, Purpose::Audit, "1-3");
    desk.granted("other", BY_CLIENT, Purpose::OwnFile, "4");
    let new = |grant: &str, rest: &[&str]| desk.home.run(&[&["receipt", "new", grant], rest].concat());
    let import = |file: &str, signature: &str| desk.home.run(&["receipt", "import", file, "--signature", signature]);
    new("mine-grant.json", &["--what", "returned", "--record", "4", "-o", "x.json"]).fails(10, "not granted");
    let returned = ["--what", "returned", "--record", "1-2", "-o", "returned.json"];
    let unsigned = new("mine-grant.json", &returned).ends(0);
    assert!(unsigned.err.contains("ssh-keygen -Y sign -n keepuntil-receipt"), "{unsigned:?}");
    desk.home.run(&["receipt", "import", "returned.json"]).fails(15, "not signed");
    // Another's signature, another purpose, another text.
    import("returned.json", &desk.sign("client", "keepuntil-receipt", "returned.json")).fails(15, CLIENT);
    import("returned.json", &desk.sign("auditor", "keepuntil-approval", "returned.json"))
        .fails(15, "keepuntil-approval");
    let good = desk.sign("auditor", "keepuntil-receipt", "returned.json");
    let mut receipt = Receipt::parse(&fs::read(desk.home.path("returned.json")).unwrap()).unwrap();
    receipt.records = set("1-3");
    desk.home.write("edited.json", receipt.to_bytes());
    import("edited.json", &good).fails(15, "not over this text");
    // Right in itself, but of a grant that was edited or of another archive.
    let altered = |change: &dyn Fn(&mut Receipt), file: &str| {
        let mut receipt = receipt.clone();
        change(&mut receipt);
        desk.home.write(file, receipt.to_bytes());
        let signature = desk.sign("auditor", "keepuntil-receipt", file);
        import(file, &signature)
    };
    altered(&|receipt| receipt.grant_sha256[0] ^= 1, "a.json").fails(10, "another file");
    altered(&|receipt| receipt.archive[0] ^= 1, "b.json").fails(10, "another archive");
    altered(&|receipt| receipt.requester = CLIENT.into(), "c.json").fails(10, "another requester");
    altered(&|receipt| receipt.records = set("1-4"), "d.json").fails(10, "not granted");
    altered(&|receipt| receipt.grant[0] ^= 1, "e.json").fails(15, "not made in this keyring");
    assert!(desk.entries("receipt").is_empty());
    // The grant's key, then the person's other one; each record once.
    import("returned.json", &good).ends(0);
    let again = desk.home.run(&["receipt", "import", "returned.json", "--signature", &good, "--json"]).ends(0);
    assert_eq!(again.json("receipt_taken")[0]["again"], true);
    new("mine-grant.json", &["--what", "returned", "--record", "2-3", "-o", "twice.json"]).ends(0);
    let twice = desk.sign("auditor2", "keepuntil-receipt", "twice.json");
    import("twice.json", &twice).fails(15, "another receipt");
    new("mine-grant.json", &["--what", "destroyed", "--record", "3", "-o", "third.json"]).ends(0);
    import("third.json", &desk.sign("auditor2", "keepuntil-receipt", "third.json")).ends(0);
    let entries = desk.entries("receipt");
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[1]["leaf"]["entry"]["receipt"]["what"], "destroyed");
    assert!(!entries[0].to_string().contains(AUDITOR), "names never stand in the journal");
}

#[test]
fn what_should_have_come_back_is_overdue() {
    let desk = Desk::new();
    let two_days_ago = Utc::now().date_naive() - Days::new(2);
    desk.granted("fine", BY_CLIENT, Purpose::OwnFile, "4");
    desk.home.run(&["disclosures"]).ends(0);
    desk.granted_but("mine", BY_AUDITOR, Purpose::Audit, "1-2", |proposal| {
        // Granted long ago, as it were: nothing is promised for a day before a grant begins.
        proposal.made -= TimeDelta::days(10);
        proposal.valid_from = proposal.made;
        proposal.conditions.destroy_by = Some(two_days_ago);
    });
    desk.ask("open", BY_AUDITOR, Purpose::Audit, "firm.sealed", "3");
    desk.propose("open", "open-proposal", |_| ());
    let shown = desk.home.run(&["disclosures"]).ends(3);
    assert!(shown.out.starts_with("OVERDUE  grant "), "{shown:?}");
    assert!(shown.out.contains(&format!("{two_days_ago}: no receipt for records 1-2")), "{shown:?}");
    assert!(shown.out.lines().all(|line| line.chars().count() <= 80), "{shown:?}");
    let status = desk.home.run(&["status", "--json"]).ends(3).json("status").remove(0);
    assert_eq!(status["disclosures"]["overdue_count"], 1);
    assert_eq!(status["disclosures"]["open_count"], 1);
    assert!(desk.home.run(&["status"]).ends(3).out.contains("OVERDUE: what 1 grant handed over"));
    let open = desk.home.run(&["disclosures", "--open", "--json"]).ends(3);
    assert_eq!((open.json("granted").len(), open.json("requested").len()), (1, 1));
    let of_record = ["disclosures", "--archive", "firm.sealed", "--record", "4", "--json"];
    assert_eq!(desk.home.run(&of_record).ends(0).json("granted").len(), 1);
    // Half of it is not all of it.
    for (record, code) in [("1", 3), ("2", 0)] {
        let file = format!("destroyed-{record}.json");
        let new = ["receipt", "new", "mine-grant.json", "--what", "destroyed", "--record", record, "-o", &file];
        desk.home.run(&[&new[..], &["--sign-with", "auditor"]].concat()).ends(0);
        desk.home.run(&["receipt", "import", &file]).ends(0);
        desk.home.run(&["disclosures"]).ends(code);
        desk.home.run(&["status"]).ends(code);
    }
}

#[test]
fn what_waits_or_lapsed_is_remarked_upon_and_no_finding() {
    let desk = Desk::new();
    desk.granted("mine", BY_AUDITOR, Purpose::Audit, "1");
    desk.ask("open", BY_AUDITOR, Purpose::Audit, "firm.sealed", "2");
    desk.propose("open", "open-proposal", |_| ());
    for (days, remarked) in [(20, false), (31, true)] {
        let wall = Utc::now() + TimeDelta::days(days);
        let now = Now { reading: Reading { wall, boot: None }, zone: FixedOffset::east_opt(0).unwrap() };
        let custody = Custody::reading(desk.home.open_keyring(), now).unwrap();
        let found = disclosures(&custody, &DisclosuresOptions::default()).unwrap();
        assert_eq!((found.requests[0].slow, found.grants[0].lapsed), (remarked, remarked), "{days}");
        assert_eq!(found.overdue(), 0);
    }
}

#[test]
fn an_extract_goes_with_the_grant() {
    let desk = Desk::new();
    desk.proposed("mine", BY_AUDITOR, Purpose::Audit, "2,4", |_| ());
    let arguments = ["--request", "mine.json", "-o", "mine-grant.json", "--extract", "extract.tar"];
    desk.home.run(&[&["grant", "firm.sealed", "mine-proposal.json"], &arguments[..]].concat()).ends(0);
    let extract = fs::File::open(desk.home.path("extract.tar")).unwrap();
    let extract = keepuntil::archive::extract::ExtractReader::open(extract).unwrap();
    assert_eq!(extract.records(), &set("2,4"));
    assert_eq!(extract.archive(), desk.reader("firm.sealed").archive());
}
