//! Scopes: which records a hold or an event is about, also those that are deposited later.
//!
//! Invariant: what a scope names narrows it; a scope that names nothing is everything. Spec: `spec/disposition.md`, "Scopes".

use super::disposition::RecordView;
use super::ranges::Ranges;
use super::register::Refusal;
use super::term::is_code;
use crate::crypto::kdf::ArchiveId;
use crate::language::text;
use serde::{Deserialize, Serialize};
use tr::tr;

/// Bytes in the name of a compartment, at most.
const MAX_COMPARTMENT: usize = 255;

/// Which records: those for which all that it names is true.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// Of this archive.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "hex_option")]
    pub archive: Option<ArchiveId>,
    /// With these numbers; only together with an archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<Ranges>,
    /// In compartments of this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compartment: Option<String>,
    /// With a term of this rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
}

impl Scope {
    /// All records of all archives.
    pub fn everything() -> Self {
        Self::default()
    }

    /// All records of one archive.
    pub fn of_archive(archive: ArchiveId) -> Self {
        Self { archive: Some(archive), ..Self::default() }
    }

    /// Some records of one archive.
    pub fn of_records(archive: ArchiveId, records: Ranges) -> Self {
        Self { archive: Some(archive), records: Some(records), ..Self::default() }
    }

    /// Takes a scope as somebody gave it, where "everything" has to be said.
    ///
    /// # Errors
    /// [`Refusal::NoScope`] when nothing is named and everything is not asked for, [`Refusal::Scope`] for both at once
    /// and as [`Scope::check`].
    pub fn explicit(self, everything: bool) -> Result<Self, Refusal> {
        match (self == Self::everything(), everything) {
            (true, false) => Err(Refusal::NoScope),
            (false, true) => Err(Refusal::Scope(text!("it is everything, and yet names something"))),
            _ => self.check().map(|()| self),
        }
    }

    /// Whether it can be a scope.
    ///
    /// # Errors
    /// [`Refusal::Scope`].
    pub fn check(&self) -> Result<(), Refusal> {
        let words = |name: &str| (1..=MAX_COMPARTMENT).contains(&name.len()) && !name.chars().any(char::is_control);
        let wrong = match self {
            Self { records: Some(_), archive: None, .. } => {
                text!("records are numbered within an archive, and it names none")
            }
            Self { records: Some(records), .. } if records.is_empty() => text!("it names no record"),
            Self { compartment: Some(name), .. } if !words(name) => text!("no compartment has such a name"),
            Self { rule: Some(rule), .. } if !is_code(rule) => text!("no rule has such a name"),
            _ => return Ok(()),
        };
        Err(Refusal::Scope(wrong))
    }

    /// Whether the archive and the records that it names are there; `records_of` tells how many records an archive has.
    ///
    /// # Errors
    /// [`Refusal::UnknownArchive`], [`Refusal::UnknownRecord`].
    pub fn check_known(&self, records_of: impl Fn(&ArchiveId) -> Option<u64>) -> Result<(), Refusal> {
        let Some(archive) = &self.archive else { return Ok(()) };
        let count = records_of(archive).ok_or(Refusal::UnknownArchive(*archive))?;
        match self.records.as_ref().and_then(Ranges::last).filter(|last| *last > count) {
            Some(record) => Err(Refusal::UnknownRecord { archive: *archive, record }),
            None => Ok(()),
        }
    }

    /// Whether the record is one of them.
    pub fn covers(&self, view: &RecordView<'_>) -> bool {
        let of_rule = |rule: &str| view.retention.terms.iter().any(|term| term.rule.as_deref() == Some(rule));
        self.archive.is_none_or(|archive| archive == view.archive)
            && self.records.as_ref().is_none_or(|records| records.contains(view.record))
            && self.compartment.as_deref().is_none_or(|name| name == view.compartment)
            && self.rule.as_deref().is_none_or(of_rule)
    }
}

impl std::fmt::Display for Scope {
    /// Such as `records 1-4,7 of b471…, compartment clients`, or `everything`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let archive = self.archive.map(|archive| match &self.records {
            Some(records) => tr!("records {records} of {archive}", records = records, archive = hex::encode(archive)),
            None => tr!("archive {}", hex::encode(archive)),
        });
        let compartment = self.compartment.as_ref().map(|name| tr!("compartment {}", name));
        let rule = self.rule.as_ref().map(|rule| tr!("rule {}", rule));
        let named: Vec<String> = [archive, compartment, rule].into_iter().flatten().collect();
        f.write_str(&if named.is_empty() { tr!("everything") } else { named.join(&tr!("list" => ", ")) })
    }
}

/// Records of one archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Which archive.
    #[serde(with = "hex")]
    pub archive: ArchiveId,
    /// Their numbers.
    pub records: Ranges,
}

/// Bytes that may be absent, as hex digits.
pub(crate) mod hex_option {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer, const N: usize>(bytes: &Option<[u8; N]>, serializer: S) -> Result<S::Ok, S::Error> {
        match bytes {
            Some(bytes) => serializer.serialize_some(&hex::encode(bytes)),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>, const N: usize>(
        deserializer: D,
    ) -> Result<Option<[u8; N]>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = [0; N];
        hex::decode_to_slice(&text, &mut bytes).map_err(D::Error::custom)?;
        Ok(Some(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retention::term::{Bound, Keep, Term};
    use crate::retention::{AtExpiry, Class, Retention};

    #[test]
    fn scopes_are_explicit_and_possible() {
        assert_eq!(Scope::default().explicit(false), Err(Refusal::NoScope));
        assert_eq!(Scope::default().explicit(true), Ok(Scope::everything()));
        let records = Some("1-4".parse().unwrap());
        assert!(Scope { records: records.clone(), ..Scope::default() }.explicit(false).is_err());
        assert!(
            Scope { archive: Some([1; 16]), records: Some("".parse().unwrap()), ..Scope::default() }.check().is_err()
        );
        assert!(Scope { rule: Some("No Rule".into()), ..Scope::default() }.check().is_err());
        assert!(Scope::of_archive([1; 16]).explicit(true).is_err());
        let scope = Scope { archive: Some([1; 16]), records, ..Scope::default() };
        assert_eq!(scope.check_known(|_| Some(4)), Ok(()));
        assert!(matches!(scope.check_known(|_| Some(3)), Err(Refusal::UnknownRecord { record: 4, .. })));
        assert!(matches!(scope.check_known(|_| None), Err(Refusal::UnknownArchive(_))));
        let term = Term { keep: Keep::Permanent, bound: Bound::Floor, rule: Some("own".into()), notify: None };
        let retention = Retention { terms: vec![term], at_expiry: AtExpiry::Destroy };
        let view = RecordView {
            archive: [1; 16],
            record: 17,
            compartment: "clients",
            class: Class::Public,
            retention: &retention,
            live: true,
        };
        let covers = |scope: Scope| scope.covers(&view);
        assert!(covers(Scope { compartment: Some("clients".into()), rule: Some("own".into()), ..Scope::default() }));
        assert!(!covers(Scope { compartment: Some("staff".into()), rule: Some("own".into()), ..Scope::default() }));
        assert!(!covers(Scope { archive: Some([2; 16]), ..Scope::default() }));
        assert!(!covers(scope));
    }
}
