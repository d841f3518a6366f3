//! Roles: who took part in a destruction, as the operator names them.
//!
//! Invariant: nothing binds them; a certificate repeats them as they were given. Spec: `spec/certificate.md`, "Certificate".

use serde::{Deserialize, Serialize};

/// What somebody did in a destruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Who holds the keyring and carried it out.
    Custodian,
    /// Who verified the outcome.
    Verifier,
    /// Who watched, for the archives.
    Witness,
    /// Who watched, for accounting.
    AccountingWitness,
    /// Who watched, for information systems.
    SystemsWitness,
    /// Head of the firm, or its liquidator.
    HeadOfFirm,
    /// Head of archives.
    HeadOfArchives,
    /// Head of accounting.
    HeadOfAccounting,
    /// Who handled it for archives.
    ArchivesClerk,
    /// Who handled it for accounting.
    AccountingClerk,
}

impl Role {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 10] = [
        Self::Custodian,
        Self::Verifier,
        Self::Witness,
        Self::AccountingWitness,
        Self::SystemsWitness,
        Self::HeadOfFirm,
        Self::HeadOfArchives,
        Self::HeadOfAccounting,
        Self::ArchivesClerk,
        Self::AccountingClerk,
    ];
}

/// Somebody, as the operator names them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// Name.
    pub name: String,
    /// Office or title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Where they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// How to reach them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
}
