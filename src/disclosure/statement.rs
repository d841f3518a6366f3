//! Texts that people sign with `ssh-keygen -Y sign`: the date, and a change of the roster.
//!
//! Invariant: pure; a text has one spelling, can be read by whoever signs it, and cannot be used a second time, since
//! it names the keyring and the state that it is about. Spec: `spec/outside-time.md`, `spec/roster.md`.

use crate::crypto::hash::{Hash, sha256};
use chrono::{DateTime, SecondsFormat, Utc};
use std::collections::BTreeMap;

/// "It is now `time`", said by a second person about a keyring whose journal has `size` leaves and the root `root`.
/// Signed with [`super::namespace::CLOCK`].
pub fn clock_statement(keyring: &[u8; 16], size: u64, root: &Hash, time: DateTime<Utc>) -> Vec<u8> {
    let (keyring, root, time) = (hex::encode(keyring), hex::encode(root), seconds(time));
    format!("keepuntil-clock/v1\nkeyring {keyring}\njournal {size} {root}\ntime {time}\n").into_bytes()
}

fn seconds(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A change of the roster, as those who are on the roster before sign it with [`super::namespace::ROSTER`].
pub struct RosterChange<'a> {
    /// The keyring whose roster it is.
    pub keyring: &'a [u8; 16],
    /// The keyring's generation, another at every change: an old change cannot be made again.
    pub number: u64,
    /// SHA-256 of the roster before.
    pub before: Hash,
    /// The whole new text of allowed signers.
    pub text: &'a str,
    /// How many people a plan of destruction needs from now on.
    pub plan_approvals: u32,
    /// The same for records under a rule, by its id, where it differs.
    pub plan_approvals_by_rule: &'a BTreeMap<String, u32>,
}

impl RosterChange<'_> {
    /// The text to be signed.
    pub fn statement(&self) -> Vec<u8> {
        let mut text = format!(
            "keepuntil-roster/v1\nkeyring {}\nchange {}\nbefore {}\nafter {}\nplan-approvals {}\n",
            hex::encode(self.keyring),
            self.number,
            hex::encode(self.before),
            hex::encode(sha256(&[self.text.as_bytes()])),
            self.plan_approvals,
        );
        for (rule, people) in self.plan_approvals_by_rule {
            text.push_str(&format!("plan-approvals {people} {rule}\n"));
        }
        // People read what they sign: the list itself stands below its hash.
        text.push('\n');
        text.push_str(self.text);
        text.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_stated_for_one_state_of_one_keyring() {
        let time = DateTime::from_timestamp(1_795_365_600, 999_000_000).unwrap();
        let text = String::from_utf8(clock_statement(&[0xab; 16], 17, &[1; 32], time)).unwrap();
        let expected = format!(
            "keepuntil-clock/v1\nkeyring {}\njournal 17 {}\ntime 2026-11-22T16:40:00Z\n",
            "ab".repeat(16),
            "01".repeat(32)
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn a_change_says_what_it_replaces_and_how_many_must_agree() {
        let by_rule = BTreeMap::from([("cn-accounting-voucher".to_owned(), 3)]);
        let (text, before) = ("a@example ssh-ed25519 AAAA\n", sha256(&[b"old"]));
        let keyring = &[1; 16];
        let change =
            RosterChange { keyring, number: 2, before, text, plan_approvals: 2, plan_approvals_by_rule: &by_rule };
        let expected = format!(
            "keepuntil-roster/v1\nkeyring {}\nchange 2\nbefore {}\nafter {}\nplan-approvals 2\n\
             plan-approvals 3 cn-accounting-voucher\n\n{text}",
            "01".repeat(16),
            hex::encode(before),
            hex::encode(sha256(&[text.as_bytes()]))
        );
        assert_eq!(String::from_utf8(change.statement()).unwrap(), expected);
    }
}
