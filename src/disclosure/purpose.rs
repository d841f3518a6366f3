//! What records may be asked for: the purposes that a request names, each with what law knows it by.
//!
//! Invariant: a closed list; a purpose that is none of these is no ground for disclosure. Spec: `spec/disclosure.md`,
//! "Purposes".

use serde::{Deserialize, Serialize};

/// Why somebody asks for records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// An audit that the law demands, or that was agreed.
    Audit,
    /// An inspection by a tax authority.
    TaxInspection,
    /// An inspection by another supervising authority.
    RegulatoryInspection,
    /// An order of a court or an arbitral tribunal.
    CourtOrder,
    /// An order of an investigating authority.
    Investigation,
    /// A party's own legal claim or defence.
    LegalClaim,
    /// A client asks for the file of their own matter.
    OwnFile,
    /// A person asks to see or copy what is held about them.
    SubjectAccess,
    /// A person asks for their data to be moved to another.
    Portability,
    /// A close relative of somebody who has died asks.
    RelativeOfDeceased,
    /// The firm's liquidator, or who came after it.
    Liquidation,
}

impl Purpose {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 11] = [
        Self::Audit,
        Self::TaxInspection,
        Self::RegulatoryInspection,
        Self::CourtOrder,
        Self::Investigation,
        Self::LegalClaim,
        Self::OwnFile,
        Self::SubjectAccess,
        Self::Portability,
        Self::RelativeOfDeceased,
        Self::Liquidation,
    ];

    /// The code that stands in files.
    pub fn code(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::TaxInspection => "tax-inspection",
            Self::RegulatoryInspection => "regulatory-inspection",
            Self::CourtOrder => "court-order",
            Self::Investigation => "investigation",
            Self::LegalClaim => "legal-claim",
            Self::OwnFile => "own-file",
            Self::SubjectAccess => "subject-access",
            Self::Portability => "portability",
            Self::RelativeOfDeceased => "relative-of-deceased",
            Self::Liquidation => "liquidation",
        }
    }
}
