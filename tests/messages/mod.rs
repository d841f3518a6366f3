//! One whole exchange of messages, each good in itself and fitting the others: what vectors and tests begin with.
#![allow(dead_code, reason = "each test crate uses its part")]

use keepuntil::crypto::hash::{Hash, sha256};
use keepuntil::crypto::identity::{Identities, Prompts};
use keepuntil::crypto::recipient::Recipients;
use keepuntil::crypto::secret::Secret32;
use keepuntil::crypto::sign::SigningKey;
use keepuntil::crypto::{envelope, hybrid};
use keepuntil::disclosure::conditions::Conditions;
use keepuntil::disclosure::grant::{self, Grant, GrantedKeys, RecordKeys};
use keepuntil::disclosure::proposal::{self, Proposal, Signatory};
use keepuntil::disclosure::purpose::Purpose;
use keepuntil::disclosure::receipt::{self, Handled, OpenedRecord, Receipt};
use keepuntil::disclosure::refusal::{self, Refusal, RefusalReason};
use keepuntil::disclosure::request::{self, IdentityPaper, Reference, ReferenceKind, Request};
use keepuntil::journal::entry::{Entry, Leaf};
use keepuntil::ops::attestation::{entry_of_grant, entry_of_refusal};
use keepuntil::retention::{Class, parse_date};
use keepuntil::tlog::checkpoint::Checkpoint;
use keepuntil::tlog::merkle::{TileSource, inclusion_proof, leaf_hash, root_of};
use keepuntil::tlog::proof::{Evidence, Proof};
use std::path::{Path, PathBuf};

pub const FIRM: &str = "vectors.example";
pub const ARCHIVE: [u8; 16] = [0x42; 16];
pub const KEYRING: [u8; 16] = [0x9b; 16];
/// When the journal of these messages signed.
const SIGNED_AT: u64 = 1_926_000_000;

pub fn date(text: &str) -> chrono::NaiveDate {
    parse_date(text).unwrap()
}

pub fn instant(text: &str) -> chrono::DateTime<chrono::Utc> {
    text.parse().unwrap()
}

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/vectors/disclosure")
}

/// The requester's one-time identity.
pub fn identity() -> Identities {
    let file = std::fs::read(folder().join("requester.identity")).unwrap();
    Identities::parse("requester.identity", &file, &Prompts::none()).unwrap()
}

/// The requester's one-time address.
pub fn address() -> String {
    identity().recipients()[0].clone().unwrap()
}

pub fn signing_key() -> SigningKey {
    SigningKey::from_seeds(FIRM, &Secret32::from_bytes([1; 32]), &Secret32::from_bytes([2; 32]))
}

pub fn person(name: &str, key: u8) -> Signatory {
    use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
    Signatory { name: name.into(), key: format!("SHA256:{}", BASE64_STANDARD_NO_PAD.encode([key; 32])) }
}

pub fn auditor() -> Signatory {
    person("auditor@cpa.example", 7)
}

pub fn request() -> Request {
    Request {
        format: request::FORMAT.into(),
        archive: ARCHIVE,
        records: Some("3,17".parse().unwrap()),
        description: Some("2019 年第 3、17 号记账凭证".into()),
        purpose: Purpose::Audit,
        explanation: "Audit of the 2019 accounts:\nvouchers chosen for inspection of documents.".into(),
        legal_basis: Some("《中华人民共和国注册会计师法》第十四条".into()),
        references: vec![
            Reference { kind: ReferenceKind::EngagementLetter, text: "CPA 2031-114".into() },
            Reference { kind: ReferenceKind::ConfidentialityAgreement, text: "NDA 2031-02-11".into() },
        ],
        identity: vec![IdentityPaper { paper: "CPA certificate".into(), sha256: sha256(&[b"certificate"]) }],
        wanted_until: date("2031-03-31"),
        made: instant("2031-01-05T08:30:00Z"),
        requester: auditor().name,
        address: address(),
    }
}

pub fn conditions() -> Conditions {
    Conditions {
        no_copies: true,
        destroy_by: Some(date("2031-03-31")),
        return_by: None,
        text: Some("仅供审计使用。".into()),
    }
}

pub fn proposal() -> Proposal {
    Proposal {
        format: proposal::FORMAT.into(),
        keyring: KEYRING,
        firm: FIRM.into(),
        made: instant("2031-01-06T09:00:00Z"),
        request: Request::identity_of(&request().to_bytes()),
        requester: auditor(),
        address: address(),
        archive: ARCHIVE,
        root: sha256(&[b"root"]),
        records: "3,17".parse().unwrap(),
        classes: vec![Class::Sensitive, Class::Confidential],
        purpose: Purpose::Audit,
        conditions: conditions(),
        valid_from: instant("2031-01-06T09:00:00Z"),
        valid_until: instant("2031-02-05T09:00:00Z"),
        approvals_needed: 2,
        approve_until: instant("2031-01-20T09:00:00Z"),
        roster: sha256(&[b"roster"]),
    }
}

pub fn granted_keys() -> GrantedKeys {
    let half = |n: u64, kind: u8| Secret32::from_bytes(sha256(&[&n.to_be_bytes(), &[kind]]));
    let keys = |record| RecordKeys { record, access: half(record, 1), expiry: half(record, 2), label: half(record, 3) };
    GrantedKeys {
        format: grant::KEYS_FORMAT.into(),
        grant: [0x61; 16],
        archive: ARCHIVE,
        records: vec![keys(3), keys(17)],
    }
}

/// Keys as an age file to these recipients.
pub fn sealed(keys: &GrantedKeys, recipients: &[String]) -> Vec<u8> {
    envelope::seal(&Recipients::parse(recipients, &Prompts::none()).unwrap(), &keys.to_bytes()).unwrap()
}

/// A recipient that nobody asked for.
pub fn other_address() -> String {
    hybrid::Identity::generate().to_public().to_string()
}

/// A grant that its journal has not noted yet.
pub fn unproved_grant() -> Grant {
    let Proposal { request, requester, address, archive, root, records, purpose, conditions, .. } = proposal();
    let Proposal { valid_from, valid_until, .. } = proposal();
    Grant {
        format: grant::FORMAT.into(),
        grant: [0x61; 16],
        keyring: KEYRING,
        firm: FIRM.into(),
        granted: instant("2031-01-07T10:00:00Z"),
        request,
        proposal: proposal().identity(),
        approvals: vec![person("gu@vectors.example", 2), person("lin@vectors.example", 3)],
        requester,
        keys: sealed(&granted_keys(), std::slice::from_ref(&address)),
        address,
        archive,
        root,
        records,
        purpose,
        conditions,
        valid_from,
        valid_until,
        watermark: [0x77; 16],
        journal: None,
    }
}

pub fn grant() -> Grant {
    let grant = unproved_grant();
    Grant { journal: Some(evidence(entry_of_grant(&grant), grant.granted, &grant.origin())), ..grant }
}

pub fn refusal() -> Refusal {
    let refusal = Refusal {
        format: refusal::FORMAT.into(),
        refusal: [0x51; 16],
        keyring: KEYRING,
        firm: FIRM.into(),
        refused: instant("2031-01-07T10:00:00Z"),
        request: Request::identity_of(&request().to_bytes()),
        requester: Some(auditor()),
        archive: ARCHIVE,
        reason: RefusalReason::NoLegalBasis,
        explanation: "The engagement ended in 2030.\n委托已于 2030 年终止。".into(),
        salt: [0x52; 16],
        journal: None,
    };
    Refusal { journal: Some(evidence(entry_of_refusal(&refusal), refusal.refused, &refusal.origin())), ..refusal }
}

pub fn receipt_of(grant: &Grant, what: Handled) -> Receipt {
    let opened = |record| OpenedRecord { record, bag: bag_hash(record) };
    Receipt {
        format: receipt::FORMAT.into(),
        grant: grant.grant,
        grant_sha256: grant.document(),
        archive: grant.archive,
        what,
        records: grant.records.clone(),
        opened: if what == Handled::Opened { grant.records.iter().map(opened).collect() } else { Vec::new() },
        made: instant("2031-01-08T08:00:00Z"),
        requester: grant.requester.name.clone(),
        tool: "keepuntil 0.1.0".into(),
        salt: [0x53; 16],
    }
}

fn bag_hash(record: u64) -> Hash {
    sha256(&[&record.to_be_bytes()])
}

pub const POLICY: &str = r#"# Who may be granted what, and how many people must approve.
[approvals]
sensitive = 1
confidential = 2

# The auditor of the liquidation: accounts of 2019 to 2021.
[[requester]]
principal = "auditor@cpa.example"
purposes = ["audit"]
classes = ["sensitive", "confidential"]
compartments = ["accounts"]
archive = "42424242424242424242424242424242"
records = "1-400,500-999"
until = 2031-12-31

# Courts may ask for anything.
[[requester]]
principal = "registry@court.example"
purposes = ["court-order", "investigation"]
"#;

/// The leaf hashes of a small log, as one tile.
struct Leaves(Vec<Hash>);

impl TileSource for Leaves {
    type Error = std::convert::Infallible;

    fn tile(&mut self, level: u32, index: u64, width: usize) -> Result<Vec<Hash>, Self::Error> {
        assert_eq!((level, index), (0, 0));
        Ok(self.0[..width].to_vec())
    }
}

/// A journal of seven entries whose sixth says this, and the proof of it.
pub fn evidence(entry: Entry, time: chrono::DateTime<chrono::Utc>, origin: &str) -> Evidence {
    let leaf = Leaf::new(time, entry).to_bytes().unwrap();
    let mut leaves: Vec<Hash> = (0..7u8).map(|n| leaf_hash(&[n])).collect();
    leaves[5] = leaf_hash(&leaf);
    let checkpoint = Checkpoint { origin: origin.into(), size: 7, root: root_of(&leaves) };
    let hashes = inclusion_proof(&mut Leaves(leaves), 7, 5).unwrap();
    (&Proof { leaf, index: 5, hashes, checkpoint: checkpoint.sign(&signing_key(), SIGNED_AT) }).into()
}
