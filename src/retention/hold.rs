//! Holds: orders that stop destruction for as long as they stand, and disclosure where they are for secrecy.
//!
//! Invariant: the texts go with the release, what was signed and journalled stays verifiable. Spec: `spec/disposition.md`, "Holds".

use super::register::Refusal;
use super::scope::{Scope, hex_option};
use super::{is_plain_date, whole_second};
use crate::crypto::hash::{Hash, sha256};
use crate::language::text;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

/// The id of a hold: 16 random bytes.
pub type HoldId = [u8; 16];

/// Bytes in a matter or an authority, at most.
pub const MAX_TEXT: usize = 4096;
/// Bytes in a signature, at most.
const MAX_SIGNATURE: usize = 16 << 10;

/// One hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// Which.
    #[serde(with = "hex")]
    pub id: HoldId,
    /// What it is about; gone with the release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matter: Option<String>,
    /// Who ordered it; gone with the release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
    /// Which records.
    pub scope: Scope,
    /// Since when, as the order says. It holds from the moment it is placed, whatever this date.
    pub from: NaiveDate,
    /// When it was placed.
    pub placed: DateTime<Utc>,
    /// Whether it forbids disclosure as well, while it stands.
    #[serde(default, skip_serializing_if = "is_false")]
    pub secrecy: bool,
    /// SHA-256 of salt, matter, a zero byte and authority.
    #[serde(with = "hex")]
    pub text_commitment: Hash,
    /// The salt; gone with the release.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "hex_option")]
    pub salt: Option<[u8; 16]>,
    /// An SSH signature of [`Hold::statement`], where somebody else than the keyring signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// When it was released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<DateTime<Utc>>,
}

impl Hold {
    /// A hold that is to be placed. The id and the salt are random.
    ///
    /// # Errors
    /// [`Refusal::Text`], [`Refusal::Date`], [`Refusal::Scope`].
    pub fn new(
        id: HoldId,
        salt: [u8; 16],
        (matter, authority): (&str, Option<&str>),
        scope: Scope,
        from: NaiveDate,
        placed: DateTime<Utc>,
    ) -> Result<Self, Refusal> {
        let text_commitment = commitment(&salt, matter, authority);
        let placed = whole_second(placed);
        let hold = Self {
            id,
            matter: Some(matter.to_owned()),
            authority: authority.map(str::to_owned),
            scope,
            from,
            placed,
            secrecy: false,
            text_commitment,
            salt: Some(salt),
            signature: None,
            released: None,
        };
        hold.check().map(|()| hold)
    }

    /// What is signed: everything but the texts, which it commits to.
    pub fn statement(&self) -> Vec<u8> {
        let statement = Statement {
            from: self.from,
            hold: self.id,
            placed: self.placed,
            scope: &self.scope,
            secrecy: self.secrecy,
            text: self.text_commitment,
        };
        let statement = serde_json::to_string(&statement).expect("a statement is JSON");
        format!("keepuntil-hold/v1\n{statement}\n").into_bytes()
    }

    /// Whether it stands.
    pub fn in_force(&self) -> bool {
        self.released.is_none()
    }

    /// What a person knows it by: its matter.
    pub fn name(&self) -> String {
        self.matter.clone().unwrap_or_else(|| hex::encode(self.id))
    }

    pub(super) fn release(&mut self, now: DateTime<Utc>) {
        self.released = Some(now);
        (self.matter, self.authority, self.salt) = (None, None, None);
    }

    pub(super) fn check(&self) -> Result<(), Refusal> {
        self.scope.check()?;
        if !is_plain_date(self.from) {
            return Err(Refusal::Date(self.from));
        }
        if self.signature.as_ref().is_some_and(|signature| signature.len() > MAX_SIGNATURE) {
            return Err(Refusal::Text(text!("signature")));
        }
        match (&self.matter, &self.salt, self.in_force()) {
            (Some(matter), Some(salt), true) => {
                let words = |text: &str| {
                    (1..=MAX_TEXT).contains(&text.len())
                        && !text.trim().is_empty()
                        && !text.chars().any(char::is_control)
                };
                if !words(matter) {
                    return Err(Refusal::Text(text!("matter")));
                }
                if self.authority.as_deref().is_some_and(|authority| !words(authority)) {
                    return Err(Refusal::Text(text!("authority")));
                }
                let same = commitment(salt, matter, self.authority.as_deref()) == self.text_commitment;
                if same { Ok(()) } else { Err(Refusal::Text(text!("commitment"))) }
            }
            (None, None, false) if self.authority.is_none() => Ok(()),
            _ => Err(Refusal::Text(text!("matter"))),
        }
    }
}

/// What is signed of a hold.
#[derive(Serialize)]
struct Statement<'a> {
    from: NaiveDate,
    #[serde(with = "hex")]
    hold: HoldId,
    placed: DateTime<Utc>,
    scope: &'a Scope,
    #[serde(skip_serializing_if = "is_false")]
    secrecy: bool,
    #[serde(with = "hex")]
    text: Hash,
}

/// Serde leaves out what is not so.
fn is_false(flag: &bool) -> bool {
    !flag
}

fn commitment(salt: &[u8; 16], matter: &str, authority: Option<&str>) -> Hash {
    sha256(&[salt, matter.as_bytes(), &[0], authority.unwrap_or("").as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retention::clock::Reading;
    use crate::retention::parse_date;
    use crate::retention::register::Register;

    fn date(text: &str) -> NaiveDate {
        parse_date(text).unwrap()
    }

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn hold(id: u8) -> Hold {
        let texts = ("Smith v. Jones", Some("District court"));
        Hold::new([id; 16], [9; 16], texts, Scope::everything(), date("2029-12-01"), time("2030-01-01T00:00:00Z"))
            .unwrap()
    }

    #[test]
    fn holds_are_placed_once_and_released_once_and_lose_their_texts() {
        let mut register = Register::new(&Reading { wall: time("2030-01-01T00:00:00Z"), boot: None });
        register.place_hold(hold(1)).unwrap();
        assert!(matches!(register.place_hold(hold(1)), Err(Refusal::SameId("hold", _))));
        assert!(matches!(register.release_hold(&[7; 16], Utc::now()), Err(Refusal::Unknown("hold", _))));
        let before = register.holds[0].statement();
        let text = String::from_utf8(before.clone()).unwrap();
        let begins =
            format!("keepuntil-hold/v1\n{{\"from\":\"2029-12-01\",\"hold\":\"{}\",\"placed\":", "01".repeat(16));
        assert!(text.starts_with(&begins) && !text.contains("Smith"), "{text}");
        let commitment = sha256(&[&[9; 16], b"Smith v. Jones", &[0], b"District court"]);
        assert_eq!(register.holds[0].text_commitment, commitment);
        register.release_hold(&[1; 16], Utc::now()).unwrap();
        let released = &register.holds[0];
        assert_eq!((&released.matter, &released.authority, released.salt), (&None, &None, None));
        assert_eq!(released.statement(), before);
        assert!(!String::from_utf8(register.to_bytes()).unwrap().contains("Smith"));
        assert!(matches!(register.release_hold(&[1; 16], Utc::now()), Err(Refusal::AlreadyReleased { .. })));
        for text in ["", " ", "two\nlines", &"x".repeat(5000)] {
            let day = date("2030-01-01");
            let hold = Hold::new([1; 16], [9; 16], (text, None), Scope::everything(), day, Utc::now());
            assert_eq!(hold, Err(Refusal::Text("matter")));
        }
    }

    #[test]
    fn secrecy_is_signed_and_has_one_spelling() {
        let placed = "2031-02-03T09:00:00Z".parse().unwrap();
        let from = "2031-02-03".parse().unwrap();
        let open = Hold::new([1; 16], [2; 16], ("case 7", Some("court")), Scope::everything(), from, placed).unwrap();
        let secret = Hold { secrecy: true, ..open.clone() };
        let said = |hold: &Hold| String::from_utf8(hold.statement()).unwrap();
        assert!(!said(&open).contains("secrecy"));
        assert!(said(&secret).contains(r#""scope":{},"secrecy":true,"text":"#), "{}", said(&secret));
        let stored = |hold: &Hold| serde_json::to_string(hold).unwrap();
        assert!(!stored(&open).contains("secrecy") && stored(&secret).contains(r#""secrecy":true"#));
        assert_eq!(serde_json::from_str::<Hold>(&stored(&secret)).unwrap(), secret);
        let mut released = secret.clone();
        released.release(placed);
        assert_eq!(said(&released), said(&secret), "a release leaves it verifiable");
    }
}
