//! `evidence verify`: checks bags that were handed over, their proofs, grant and receipts, offline and years later.
//!
//! Invariant: with the firm's two keys every byte looked at is the firm's or the requester's word; without them everything must
//! still fit together, and the outcome says that nobody's signature was checked. Spec: `spec/evidence.md`, "Evidence".

use super::OpsError;
use super::attestation::{Attested, consistent_grant, consistent_refusal, verify_grant, verify_refusal};
use super::granted::GrantedError;
use super::opened::{GRANT_FILE, RECEIPT_START};
use super::restored_bag::{Beside, ProvedBag, check_bag};
use crate::crypto::sign::{Scheme, VerifierKey};
use crate::disclosure::grant::{self, Grant};
use crate::disclosure::namespace;
use crate::disclosure::receipt::{self, MAX_RECEIPT, Receipt};
use crate::disclosure::refusal::{self, Refusal};
use crate::disclosure::roster::{RosterError, verify_by_key};
use crate::storage::document::{DocumentError, MAX_DOCUMENT};
use crate::storage::ssh_keygen::MAX_SIGNATURE;
use crate::storage::tree::{NameKind, TreeReader};
use crate::storage::{StorageError, read_limited};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tr::tr;

/// The keys that somebody brought.
pub struct Pinned<'a>(pub &'a [VerifierKey]);

impl Pinned<'_> {
    /// The two keys of `firm`; none where no key was brought at all.
    ///
    /// # Errors
    /// In words, where keys were brought and these are not among them.
    pub fn of(&self, firm: &str) -> Result<Option<[VerifierKey; 2]>, String> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let of_scheme = |scheme| self.0.iter().filter(move |key| key.name == firm && key.scheme == scheme);
        let all: BTreeSet<&VerifierKey> = of_scheme(Scheme::Ed25519).chain(of_scheme(Scheme::MlDsa44)).collect();
        match (of_scheme(Scheme::Ed25519).next(), of_scheme(Scheme::MlDsa44).next()) {
            (Some(first), Some(second)) if all.len() == 2 => Ok(Some([first.clone(), second.clone()])),
            (None, None) => Err(tr!("it is of {firm}, not of one whose key was named", firm = format!("{:?}", firm))),
            _ => {
                Err(tr!("{firm} needs exactly two verifier keys, Ed25519 and ML-DSA-44", firm = format!("{:?}", firm)))
            }
        }
    }
}

/// One thing that was looked at.
#[derive(Debug)]
pub struct Checked {
    /// Where it is.
    pub path: PathBuf,
    /// What it proves, or what is wrong with it.
    pub found: Result<Proven, String>,
}

/// What something proves.
#[derive(Debug)]
pub enum Proven {
    /// A bag is a sealed record.
    Bag(Box<ProvedBag>),
    /// The journal says of a grant what it says.
    Grant(Box<Grant>, Attested),
    /// The same of a refusal.
    Refusal(Box<Refusal>, Attested),
    /// A receipt is for the grant beside it.
    Receipt {
        /// The receipt.
        receipt: Box<Receipt>,
        /// Whether the requester's key signed it; nobody did where there is no signature.
        signed: bool,
    },
}

/// What looking at everything came to.
#[derive(Debug, Default)]
pub struct EvidenceOutcome {
    /// In the order of names: the grant, receipts, bags.
    pub checked: Vec<Checked>,
    /// What lies beside and was not looked at.
    pub ignored: Vec<PathBuf>,
}

impl EvidenceOutcome {
    /// Whether anything is broken.
    pub fn is_broken(&self) -> bool {
        self.checked.iter().any(|checked| checked.found.is_err())
    }

    /// Whether something is left to be remarked: what was not looked at, or not signed.
    pub fn has_remarks(&self) -> bool {
        let unsigned = |checked: &Checked| matches!(checked.found, Ok(Proven::Receipt { signed: false, .. }));
        !self.ignored.is_empty() || self.checked.iter().any(unsigned)
    }
}

/// Verifies a bag, a folder of bags, or the file of a grant, a refusal or a receipt. `grant` is the grant of a receipt where it is
/// not beside it.
///
/// # Errors
/// [`OpsError::Granted`] for a file that is none of these; [`OpsError::Process`] where `ssh-keygen` cannot be run; those of the disk.
pub fn verify_evidence(path: &Path, grant: Option<&Path>, pinned: &Pinned<'_>) -> Result<EvidenceOutcome, OpsError> {
    let metadata = std::fs::metadata(path).map_err(StorageError::at(path))?;
    if !metadata.is_dir() {
        return verify_file(path, grant, pinned);
    }
    let tree = TreeReader::open(path)?;
    if !tree.has_file("bagit.txt") {
        return Folder { tree: &tree, grant, pinned }.verify(None);
    }
    // A single bag: what belongs to it stands beside it.
    let whole = std::fs::canonicalize(path).map_err(StorageError::at(path))?;
    let (Some(parent), Some(name)) = (whole.parent(), whole.file_name().and_then(|name| name.to_str())) else {
        return Err(StorageError::at(path)(std::io::Error::other(tr!("it has no folder around it"))).into());
    };
    let tree = TreeReader::open(parent)?;
    Folder { tree: &tree, grant, pinned }.verify(Some(name))
}

/// A folder of bags with what stands beside them.
struct Folder<'a> {
    tree: &'a TreeReader,
    grant: Option<&'a Path>,
    pinned: &'a Pinned<'a>,
}

impl Folder<'_> {
    fn verify(&self, only: Option<&str>) -> Result<EvidenceOutcome, OpsError> {
        let mut outcome = EvidenceOutcome::default();
        let names = self.tree.names()?;
        let file = |name: &str| names.iter().any(|(other, kind)| other == name && *kind == NameKind::File);
        let mut used = BTreeSet::new();
        let grant = self.grant_beside(&mut outcome, file(GRANT_FILE))?;
        // One that was named in place of it says nothing of the file that is here.
        used.extend((self.grant.is_none() && file(GRANT_FILE)).then(|| GRANT_FILE.to_owned()));
        let mut receipts = Vec::new();
        for (name, _) in names.iter().filter(|(name, kind)| is_receipt(name) && *kind == NameKind::File) {
            let signature = format!("{name}.sig");
            let signature = file(&signature).then_some(signature);
            let found = self.receipt(name, signature.as_ref(), grant.as_ref())?;
            if let Ok(Proven::Receipt { receipt, .. }) = &found {
                receipts.push((name.clone(), (**receipt).clone()));
            }
            outcome.checked.push(Checked { path: self.tree.path().join(name), found });
            used.extend([Some(name.clone()), signature].into_iter().flatten());
        }
        let beside = Beside { grant: grant.as_ref(), receipts: &receipts };
        for (name, kind) in &names {
            if *kind == NameKind::Folder && only.is_none_or(|only| only == name) {
                let found = check_bag(self.tree, name, &beside, self.pinned);
                let by_name = format!("{name}.tlog-proof");
                if file(&by_name) {
                    used.insert(by_name);
                } else if let Ok(bag) = &found {
                    used.insert(format!("record-{}.tlog-proof", bag.proved.leaf.record));
                }
                let found = found.map(|bag| Proven::Bag(Box::new(bag)));
                outcome.checked.push(Checked { path: self.tree.path().join(name), found });
            }
        }
        if only.is_none() {
            let ignored = names.iter().filter(|(name, kind)| *kind != NameKind::Folder && !used.contains(name));
            outcome.ignored = ignored.map(|(name, _)| self.tree.path().join(name)).collect();
            if outcome.checked.is_empty() {
                let path = self.tree.path().to_owned();
                let source = DocumentError::malformed(tr!("there is no bag in it, and it is none"));
                return Err(GrantedError::File { path, source }.into());
            }
        }
        Ok(outcome)
    }

    /// The grant in the folder, or the one that was named, where it holds.
    fn grant_beside(&self, outcome: &mut EvidenceOutcome, beside: bool) -> Result<Option<Grant>, OpsError> {
        let (path, bytes) = match self.grant {
            Some(path) => (path.to_owned(), read_limited(path, MAX_DOCUMENT)?),
            None if beside => (self.tree.path().join(GRANT_FILE), self.tree.read(GRANT_FILE, MAX_DOCUMENT)?),
            None => return Ok(None),
        };
        let found = check_grant(&bytes, self.pinned)?;
        let grant = match &found {
            Ok(Proven::Grant(grant, _)) => Some((**grant).clone()),
            _ => None,
        };
        outcome.checked.push(Checked { path, found });
        Ok(grant)
    }

    fn receipt(
        &self,
        name: &str,
        signature: Option<&String>,
        grant: Option<&Grant>,
    ) -> Result<Result<Proven, String>, OpsError> {
        let bytes = self.tree.read(name, MAX_RECEIPT)?;
        let signature = signature.map(|name| self.tree.read(name, MAX_SIGNATURE as u64)).transpose()?;
        check_receipt(&bytes, signature.as_deref(), grant)
    }
}

fn is_receipt(name: &str) -> bool {
    name.starts_with(RECEIPT_START) && name.ends_with(".json")
}

/// A single file, by the format that it claims.
fn verify_file(path: &Path, grant: Option<&Path>, pinned: &Pinned<'_>) -> Result<EvidenceOutcome, OpsError> {
    #[derive(Deserialize)]
    struct Claims {
        format: String,
    }
    let bytes = read_limited(path, MAX_DOCUMENT)?;
    let claimed = serde_json::from_slice::<Claims>(&bytes).map(|claims| claims.format).unwrap_or_default();
    let mut outcome = EvidenceOutcome::default();
    let found = match claimed.as_str() {
        grant::FORMAT => check_grant(&bytes, pinned)?,
        refusal::FORMAT => check_refusal(&bytes, pinned)?,
        receipt::FORMAT => {
            let beside = path.with_file_name(GRANT_FILE);
            let grant_path = grant.map(Path::to_owned).or_else(|| beside.exists().then_some(beside));
            let mut grant = None;
            if let Some(path) = grant_path {
                let found = check_grant(&read_limited(&path, MAX_DOCUMENT)?, pinned)?;
                if let Ok(Proven::Grant(found, _)) = &found {
                    grant = Some((**found).clone());
                }
                outcome.checked.push(Checked { path, found });
            }
            let mut signature = path.as_os_str().to_owned();
            signature.push(".sig");
            let signature = Path::new(&signature);
            let signature = signature.exists().then(|| read_limited(signature, MAX_SIGNATURE as u64)).transpose()?;
            check_receipt(&bytes, signature.as_deref(), grant.as_ref())?
        }
        _ => {
            let source =
                DocumentError::malformed(tr!("it is neither a grant, a refusal nor a receipt, and no folder of bags"));
            return Err(GrantedError::File { path: path.into(), source }.into());
        }
    };
    outcome.checked.push(Checked { path: path.into(), found });
    Ok(outcome)
}

fn check_grant(bytes: &[u8], pinned: &Pinned<'_>) -> Result<Result<Proven, String>, OpsError> {
    let grant = match Grant::parse(bytes) {
        Ok(grant) => grant,
        Err(e) => return Ok(Err(e.to_string())),
    };
    let attested = match pinned.of(&grant.firm) {
        Err(what) => return Ok(Err(what)),
        Ok(Some(keys)) => verify_grant(&grant, &keys),
        Ok(None) => consistent_grant(&grant),
    };
    unattested(attested, |attested| Proven::Grant(Box::new(grant), attested))
}

fn check_refusal(bytes: &[u8], pinned: &Pinned<'_>) -> Result<Result<Proven, String>, OpsError> {
    let refusal = match Refusal::parse(bytes) {
        Ok(refusal) => refusal,
        Err(e) => return Ok(Err(e.to_string())),
    };
    let attested = match pinned.of(&refusal.firm) {
        Err(what) => return Ok(Err(what)),
        Ok(Some(keys)) => verify_refusal(&refusal, &keys),
        Ok(None) => consistent_refusal(&refusal),
    };
    unattested(attested, |attested| Proven::Refusal(Box::new(refusal), attested))
}

fn unattested(
    attested: Result<Attested, OpsError>,
    proven: impl FnOnce(Attested) -> Proven,
) -> Result<Result<Proven, String>, OpsError> {
    match attested {
        Ok(attested) => Ok(Ok(proven(attested))),
        Err(OpsError::Unattested(e)) => Ok(Err(e.to_string())),
        Err(e) => Err(e),
    }
}

fn check_receipt(
    bytes: &[u8],
    signature: Option<&[u8]>,
    grant: Option<&Grant>,
) -> Result<Result<Proven, String>, OpsError> {
    let receipt = match Receipt::parse(bytes) {
        Ok(receipt) => receipt,
        Err(e) => return Ok(Err(e.to_string())),
    };
    let Some(grant) = grant else {
        return Ok(Err(tr!("the grant that it is for is not beside it, or is no grant")));
    };
    let of_grant = (receipt.grant, receipt.grant_sha256, receipt.archive, &receipt.requester)
        == (grant.grant, grant.document(), grant.archive, &grant.requester.name);
    if !of_grant || !receipt.records.iter().all(|record| grant.records.contains(record)) {
        return Ok(Err(tr!("it is not for the grant beside it")));
    }
    let signed = match signature {
        None => false,
        Some(signature) => match verify_by_key(bytes, signature, namespace::RECEIPT, &grant.requester.key) {
            Ok(()) => true,
            Err(RosterError::Process(e)) => return Err(e.into()),
            Err(e) => return Ok(Err(e.to_string())),
        },
    };
    Ok(Ok(Proven::Receipt { receipt: Box::new(receipt), signed }))
}
