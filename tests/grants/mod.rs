//! A second writer of grants: a custodian's archive and keys at hand, and every part of a grant can be made wrong before the
//! journal speaks for it.
#![allow(dead_code, reason = "each test file uses a part of it")]

use crate::support::Home;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use keepuntil::archive::extract;
use keepuntil::archive::reader::ArchiveReader;
use keepuntil::crypto::envelope;
use keepuntil::crypto::identity::{Identities, Prompts, generate};
use keepuntil::crypto::kdf;
use keepuntil::crypto::recipient::Recipients;
use keepuntil::crypto::secret::{Secret32, random_id};
use keepuntil::crypto::sign::VerifierKey;
use keepuntil::disclosure::conditions::Conditions;
use keepuntil::disclosure::grant::{FORMAT, Grant, GrantedKeys, KEYS_FORMAT, RecordKeys};
use keepuntil::disclosure::proposal::Signatory;
use keepuntil::disclosure::purpose::Purpose;
use keepuntil::journal::entry::Leaf;
use keepuntil::ops::attestation::entry_of_grant;
use keepuntil::ops::open::Opener;
use keepuntil::retention::ranges::Ranges;
use keepuntil::tlog::checkpoint::Checkpoint;
use keepuntil::tlog::merkle::{leaf_hash, node_hash};
use keepuntil::tlog::proof::{Evidence, Proof};
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

pub const REQUESTER: &str = "auditor@cpa.example";

/// A custodian's home with one archive, `firm.sealed`.
pub struct Desk {
    pub home: Home,
}

/// A requester's empty home with a one-time identity and an SSH key.
pub struct Requester {
    pub home: Home,
    pub address: String,
    pub fingerprint: String,
}

impl Requester {
    pub fn new() -> Self {
        let home = Home::new();
        let made = generate(false);
        secret(&home, "request.json.identity", &format!("# one-time\n{}\n", made.secret.as_str()));
        let key = home.path("id_ed25519");
        let arguments = ["-q", "-t", "ed25519", "-N", "", "-C", "requester", "-f"];
        assert!(Command::new("ssh-keygen").args(arguments).arg(&key).status().unwrap().success());
        let shown = Command::new("ssh-keygen").arg("-lf").arg(&key).output().unwrap().stdout;
        let fingerprint = String::from_utf8(shown).unwrap().split(' ').nth(1).unwrap().to_owned();
        Self { home, address: made.recipient, fingerprint }
    }

    pub fn identity(&self) -> PathBuf {
        self.home.path("request.json.identity")
    }

    pub fn identities(&self) -> Identities {
        Identities::parse("one-time", &fs::read(self.identity()).unwrap(), &Prompts::none()).unwrap()
    }
}

/// Writes a file that others may not read, as identities must be.
pub fn secret(home: &Home, name: &str, content: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = home.write(name, content);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// What of a grant is made wrong.
pub struct Wrong<'a> {
    pub grant: &'a dyn Fn(&mut Grant),
    pub keys: &'a dyn Fn(&mut GrantedKeys),
    /// Further recipients of the keys.
    pub also_to: &'a [String],
}

impl Default for Wrong<'_> {
    fn default() -> Self {
        Self { grant: &|_| {}, keys: &|_| {}, also_to: &[] }
    }
}

impl Desk {
    /// Five records: among them one with links, one of two segments, and an empty file.
    pub fn new() -> Self {
        let home = Home::new();
        home.small_firm();
        home.write("clients/Smith/100%.txt", "sure");
        home.write("clients/Brown/letter.txt", "Dear Ms Brown");
        std::os::unix::fs::symlink("letter.txt", home.path("clients/Smith/link")).unwrap();
        let noise: Vec<u8> =
            (0..5_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8 ^ (i >> 13) as u8).collect();
        home.write("clients/large/noise", noise);
        home.create("firm.sealed");
        let vkeys = home.run(&["keyring", "info", "--vkeys"]).ends(0).out;
        home.write("firm.vkeys", vkeys);
        Self { home }
    }

    pub fn archive(&self) -> PathBuf {
        self.home.path("firm.sealed")
    }

    pub fn reader(&self) -> ArchiveReader {
        ArchiveReader::open(File::open(self.archive()).unwrap()).unwrap()
    }

    pub fn keys(&self) -> [VerifierKey; 2] {
        self.reader().keys().clone()
    }

    pub fn vkeys(&self) -> PathBuf {
        self.home.path("firm.vkeys")
    }

    pub fn record_keys(&self, records: &Ranges) -> Vec<RecordKeys> {
        let mut keyring = self.home.open_keyring();
        let identities = Identities::parse("own", &fs::read(self.home.identity()).unwrap(), &Prompts::none()).unwrap();
        let mut reader = self.reader();
        let mut opener = Opener::new(&reader, &identities, &mut keyring);
        let mut keys = Vec::new();
        for record in records.iter() {
            let leaf = reader.record(record).unwrap();
            let (access, halves) = opener.halves(&reader, &leaf).unwrap();
            keys.push(RecordKeys { record, access, expiry: halves.record, label: halves.label });
        }
        keys
    }

    /// The X25519 secret of a record.
    pub fn record_secret(&self, record: u64) -> Secret32 {
        let keys = self.record_keys(&[record].into_iter().collect()).remove(0);
        kdf::record_key(self.reader().archive(), &keys.access, &keys.expiry, record)
    }

    /// A grant of these records, valid since yesterday and for a month.
    pub fn grant(&self, records: &str, requester: &Requester) -> Grant {
        self.wrong_grant(records, requester, &Wrong::default())
    }

    /// The same with something wrong in it, for which the journal nevertheless speaks.
    pub fn wrong_grant(&self, records: &str, requester: &Requester, wrong: &Wrong<'_>) -> Grant {
        let reader = self.reader();
        let records: Ranges = records.parse().unwrap();
        let now: DateTime<Utc> = Utc::now().trunc_subsecs(0);
        let id = random_id();
        let mut keys = GrantedKeys {
            format: KEYS_FORMAT.into(),
            grant: id,
            archive: *reader.archive(),
            records: self.record_keys(&records),
        };
        (wrong.keys)(&mut keys);
        let to = [std::slice::from_ref(&requester.address), wrong.also_to].concat();
        let to = Recipients::parse(&to, &Prompts::none()).unwrap();
        let keyring = kdf::parse_archive_id(&self.home.open_keyring().config().keyring).unwrap();
        let mut grant = Grant {
            format: FORMAT.into(),
            grant: id,
            keyring,
            firm: self.keys()[0].name.clone(),
            granted: now - TimeDelta::days(1),
            request: [3; 32],
            proposal: [4; 32],
            approvals: vec![Signatory { name: "lin@firm.example".into(), key: format!("SHA256:{}", "A".repeat(43)) }],
            requester: Signatory { name: REQUESTER.into(), key: requester.fingerprint.clone() },
            address: requester.address.clone(),
            archive: *reader.archive(),
            root: reader.sealed().checkpoint.root,
            records,
            purpose: Purpose::Audit,
            conditions: Conditions {
                no_copies: true,
                destroy_by: Some((now + TimeDelta::days(60)).date_naive()),
                return_by: None,
                text: Some("Only in the reading room.\n只在阅览室内。".into()),
            },
            valid_from: now - TimeDelta::days(1),
            valid_until: now + TimeDelta::days(30),
            watermark: random_id(),
            keys: envelope::seal(&to, &serde_json::to_vec(&keys).unwrap()).unwrap(),
            journal: None,
        };
        (wrong.grant)(&mut grant);
        self.attest(grant)
    }

    /// Has the journal say what the grant says.
    pub fn attest(&self, mut grant: Grant) -> Grant {
        grant.journal = None;
        let leaf = Leaf::new(grant.granted, entry_of_grant(&grant)).to_bytes().unwrap();
        let before = leaf_hash(b"an entry before");
        let root = node_hash(&before, &leaf_hash(&leaf));
        let checkpoint = Checkpoint { origin: grant.origin(), size: 2, root };
        let checkpoint = checkpoint.sign(&self.home.open_keyring().signing_key(), 1_800_000_000);
        grant.journal = Some(Evidence::from(&Proof { leaf, index: 1, hashes: vec![before], checkpoint }));
        grant
    }

    /// An extract of these records.
    pub fn extract(&self, records: &str) -> Vec<u8> {
        let mut out = Vec::new();
        extract::write(&mut self.reader(), &records.parse().unwrap(), &mut out).unwrap();
        out
    }

    /// Gives the requester grant, keys and archive.
    pub fn hand_over(&self, requester: &Requester, grant: &Grant) {
        requester.home.write("grant.json", grant.to_bytes());
        fs::copy(self.archive(), requester.home.path("firm.sealed")).unwrap();
        fs::copy(self.vkeys(), requester.home.path("firm.vkeys")).unwrap();
    }
}
