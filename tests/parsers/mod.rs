//! Everything that reads bytes of strangers, as functions of bytes that must neither panic nor read a second spelling.
//!
//! Invariant: what parses is written back, and has to be the same bytes wherever the format has one spelling. Shared by the
//! fuzz targets and by `tests/mutated_messages.rs`.

use keepuntil::archive::bag_reader::{Limits, read_bag};
use keepuntil::archive::extract::{ExtractReader, is_extract};
use keepuntil::archive::leaf::{self, LeafCommitments, PreambleLeaf, RecordLeaf};
use keepuntil::archive::manifest::Manifest;
use keepuntil::archive::reader::ArchiveReader;
use keepuntil::archive::{label::Label, layout};
use keepuntil::crypto::{header, kdf, record_file::RecordHeader, secret::Secret32};
use keepuntil::disclosure::evidence::BagEvidence;
use keepuntil::disclosure::grant::Grant;
use keepuntil::disclosure::ledger::Ledger;
use keepuntil::disclosure::mailing::Mailing;
use keepuntil::disclosure::notices::Notices;
use keepuntil::disclosure::policy::DisclosurePolicy;
use keepuntil::disclosure::proposal::Proposal;
use keepuntil::disclosure::receipt::Receipt;
use keepuntil::disclosure::refusal::Refusal;
use keepuntil::disclosure::request::Request;
use keepuntil::disclosure::roster::Roster;
use keepuntil::disclosure::signature::Signature;
use keepuntil::disclosure::template::{Template, TemplateError};
use keepuntil::journal::certificate::Certificate;
use keepuntil::journal::entry::Leaf;
use keepuntil::journal::plan::Plan;
use keepuntil::ops::verify::CheckOnly;
use keepuntil::retention::policy::Policy;
use keepuntil::retention::register::Register;
use keepuntil::retention::{AtExpiry, Retention, parse_date, ranges::Ranges};
use keepuntil::tlog::{checkpoint, consistency, note::Note, proof::Proof, tile};
use std::io::Write;

/// A parser under its name, which is that of its fuzz target.
pub type Parser = (&'static str, fn(&[u8]) -> bool);

/// All of them. Each says whether the bytes were taken.
pub const PARSERS: [Parser; 32] = [
    ("request", request),
    ("proposal", proposal),
    ("grant", grant),
    ("refusal", refusal),
    ("receipt", receipt),
    ("evidence", evidence),
    ("ledger", ledger),
    ("mailing", mailing),
    ("letter_template", letter_template),
    ("notices", notices),
    ("disclosure_policy", disclosure_policy),
    ("roster", roster),
    ("signature", signature),
    ("ranges", ranges),
    ("plan", plan),
    ("certificate", certificate),
    ("journal_entry", journal_entry),
    ("register", register),
    ("policy", policy),
    ("checkpoint", checkpoint),
    ("proof", proof),
    ("consistency", consistency),
    ("tiles", tiles),
    ("trailer", trailer),
    ("archive", archive),
    ("extract", extract),
    ("manifest", manifest),
    ("preamble", preamble),
    ("record_leaf", record_leaf),
    ("label", label),
    ("bag", bag),
    ("age_header", age_header),
];

/// Whether `written` is what was read.
fn same(read: &[u8], written: impl AsRef<[u8]>) -> bool {
    assert_eq!(read, written.as_ref(), "a second spelling was read");
    true
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// A request may be spelled in many ways: its content has to survive.
pub fn request(bytes: &[u8]) -> bool {
    let Ok(request) = Request::parse(bytes) else { return false };
    assert_eq!(Request::parse(&request.to_bytes()).as_ref(), Ok(&request));
    true
}

/// A proposal.
pub fn proposal(bytes: &[u8]) -> bool {
    Proposal::parse(bytes).is_ok_and(|proposal| same(bytes, proposal.to_bytes()))
}

/// A grant.
pub fn grant(bytes: &[u8]) -> bool {
    Grant::parse(bytes).is_ok_and(|grant| same(bytes, grant.to_bytes()) && grant.document() != [0; 32])
}

/// A refusal.
pub fn refusal(bytes: &[u8]) -> bool {
    Refusal::parse(bytes).is_ok_and(|refusal| same(bytes, refusal.to_bytes()) && refusal.document() != [0; 32])
}

/// A receipt.
pub fn receipt(bytes: &[u8]) -> bool {
    Receipt::parse(bytes).is_ok_and(|receipt| same(bytes, receipt.to_bytes()))
}

/// What stands in a restored bag.
pub fn evidence(bytes: &[u8]) -> bool {
    BagEvidence::parse(bytes).is_ok_and(|evidence| same(bytes, evidence.to_bytes()))
}

/// A ledger; what is asked of it must not panic either.
pub fn ledger(bytes: &[u8]) -> bool {
    let Ok(mut ledger) = Ledger::from_bytes(bytes) else { return false };
    let today = parse_date("2030-01-01").expect("a date");
    let _ = (ledger.open().count(), ledger.overdue(today).count());
    if let Some(archive) = ledger.requests().first().map(|noted| noted.archive) {
        let mut changed = ledger.clone();
        changed.forget(&archive, &(1..=3).collect());
        let written = changed.to_bytes().expect("it has become shorter");
        assert_eq!(Ledger::from_bytes(&written).as_ref(), Ok(&changed));
    }
    ledger.forget_keys(chrono::DateTime::UNIX_EPOCH);
    same(bytes, ledger.to_bytes().expect("it was read"))
}

/// A disclosure policy.
pub fn mailing(bytes: &[u8]) -> bool {
    Mailing::parse(bytes).is_ok_and(|mailing| same(bytes, mailing.to_bytes()))
}

/// A template has many spellings; what is filled in must not be read as another place.
pub fn letter_template(bytes: &[u8]) -> bool {
    Template::parse(bytes).is_ok_and(|template| template.fill::<TemplateError>(|_| Ok("{a}".into())).is_ok())
}

pub fn notices(bytes: &[u8]) -> bool {
    let Ok(mut notices) = Notices::from_bytes(bytes) else { return false };
    same(bytes, notices.to_bytes().unwrap());
    notices.forget(&[0x42; 16], &(1..=100).collect());
    Notices::from_bytes(&notices.to_bytes().unwrap()).unwrap();
    true
}

pub fn disclosure_policy(bytes: &[u8]) -> bool {
    DisclosurePolicy::parse(bytes).is_ok_and(|policy| same(bytes, policy.text()))
}

/// A roster.
pub fn roster(bytes: &[u8]) -> bool {
    Roster::parse(bytes).is_ok_and(|roster| same(bytes, roster.text()))
}

/// An SSH signature.
pub fn signature(bytes: &[u8]) -> bool {
    Signature::parse(bytes).is_some()
}

/// A list of records.
pub fn ranges(bytes: &[u8]) -> bool {
    let Ok(ranges) = text(bytes).parse::<Ranges>() else { return false };
    let _ = (ranges.count(), ranges.contains(7));
    same(text(bytes).as_bytes(), ranges.to_string())
}

/// A plan of destruction.
pub fn plan(bytes: &[u8]) -> bool {
    Plan::parse(bytes).is_ok_and(|plan| same(bytes, plan.to_bytes()))
}

/// A certificate of destruction.
pub fn certificate(bytes: &[u8]) -> bool {
    let Ok(certificate) = Certificate::parse(bytes) else { return false };
    let _ = certificate.consistent();
    same(bytes, certificate.to_bytes())
}

/// A leaf of a journal.
pub fn journal_entry(bytes: &[u8]) -> bool {
    Leaf::parse(1, bytes).is_ok_and(|leaf| same(bytes, leaf.to_bytes().expect("it was read")))
}

/// A register.
pub fn register(bytes: &[u8]) -> bool {
    Register::from_bytes(bytes).is_ok_and(|register| same(bytes, register.to_bytes()))
}

/// A policy for sealing.
pub fn policy(bytes: &[u8]) -> bool {
    let Ok(policy) = Policy::parse(text(bytes)) else { return false };
    let _ = policy.assign("clients/a/b", parse_date("2030-01-01").expect("a date"));
    true
}

/// A signed checkpoint.
pub fn checkpoint(bytes: &[u8]) -> bool {
    let _ = Note::parse(bytes);
    checkpoint::claimed(bytes).is_ok()
}

/// A proof that a leaf is in a log.
pub fn proof(bytes: &[u8]) -> bool {
    Proof::parse(text(bytes)).is_ok_and(|proof| same(text(bytes).as_bytes(), proof.to_text()))
}

/// A proof that one log extends another.
pub fn consistency(bytes: &[u8]) -> bool {
    consistency::Request::parse(text(bytes)).is_ok_and(|proof| same(text(bytes).as_bytes(), proof.to_text()))
}

/// A bundle of entries and a tile of hashes; the first byte says how many there should be.
pub fn tiles(bytes: &[u8]) -> bool {
    let Some((width, rest)) = bytes.split_first() else { return false };
    let width = usize::from(*width) + 1;
    tile::bundle_entries(rest, width).is_ok() | tile::tile_hashes(rest, width).is_ok()
}

/// The trailer of an archive.
pub fn trailer(bytes: &[u8]) -> bool {
    layout::parse_trailer(bytes).is_some_and(|(index, checkpoint)| same(bytes, layout::trailer_text(index, checkpoint)))
}

/// A whole archive.
pub fn archive(bytes: &[u8]) -> bool {
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(bytes).expect("it is written");
    let Ok(mut reader) = ArchiveReader::open(file) else { return false };
    let _ = (reader.record(1), reader.proof(1), reader.record(u64::MAX));
    true
}

/// A whole extract.
pub fn extract(bytes: &[u8]) -> bool {
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(bytes).expect("it is written");
    if !is_extract(&file).unwrap_or_default() {
        return false;
    }
    let Ok(reader) = ExtractReader::open(file) else { return false };
    for record in reader.records().iter().take(10) {
        let _ = (reader.record(record), reader.proof(record));
    }
    reader.record(u64::MAX).is_err()
}

/// The `archive.json` of an archive.
pub fn manifest(bytes: &[u8]) -> bool {
    Manifest::parse(bytes).is_ok_and(|manifest| same(bytes, manifest.to_bytes()))
}

/// Leaf 0 of an archive.
pub fn preamble(bytes: &[u8]) -> bool {
    leaf::parse::<PreambleLeaf>(0, bytes).is_ok_and(|read| same(bytes, leaf::to_bytes(&read)))
}

/// Another leaf of an archive.
pub fn record_leaf(bytes: &[u8]) -> bool {
    leaf::parse::<RecordLeaf>(1, bytes).is_ok_and(|read| same(bytes, leaf::to_bytes(&read)))
}

/// The plaintext of a label, which is padded here.
pub fn label(bytes: &[u8]) -> bool {
    let mut text = bytes.to_vec();
    text.resize(bytes.len().next_multiple_of(256).max(256), b' ');
    let key = Secret32::from_bytes([7; 32]);
    let Ok(label) = Label::open(&key, 1, &kdf::seal_once(&key, &text)) else { return false };
    assert_eq!(Label::open(&key, 1, &label.seal(&key)).expect("it was read"), label);
    true
}

/// The tar stream of a bag.
pub fn bag(bytes: &[u8]) -> bool {
    let retention = Retention::until(parse_date("2036-12-31").expect("a date"), AtExpiry::Destroy);
    let commitments = LeafCommitments { record: [0; 32], label: [0; 32] };
    let (compartment, sha256, label) = ("clients".into(), [0; 32], Vec::new());
    let leaf = RecordLeaf { record: 1, compartment, offset: 0, size: 1, sha256, retention, commitments, label };
    let limits = Limits { files: 100, bytes: 1 << 20, members: 200, stream: 1 << 22 };
    read_bag(bytes, &leaf, limits, &mut CheckOnly).is_ok()
}

/// The header of an age file.
pub fn age_header(bytes: &[u8]) -> bool {
    let _ = RecordHeader::parse(bytes);
    header::stanza_types(bytes).is_ok()
}
