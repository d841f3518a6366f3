//! What a risk sheet says of each risk: what is so, why it matters, what to do.

use super::words;
use crate::ops::report::risks::{Kind, Risk};
use tr::tr;

/// The words for one risk.
pub struct Told {
    pub title: String,
    pub fact: String,
    pub why: String,
    pub what: String,
    pub command: &'static str,
}

/// A promise in plain words, with its number.
pub fn promise(number: &str) -> String {
    match number {
        "P1" => tr!("promise" => "before expiry a record opens only with both halves of its key"),
        "P2" => tr!("promise" => "after destruction no copy of the archive opens again"),
        "P3" => tr!("promise" => "a grant opens exactly the records that it names"),
        "P4" => tr!("promise" => "anyone can verify an archive without a key"),
        "P6" => tr!("promise" => "retention is never shortened, and a hold beats expiry"),
        "P7" => tr!("promise" => "no entry of the journal is changed or dropped unseen"),
        "P8" => tr!("promise" => "no crash loses a live key or revives a dead one"),
        "P9" => tr!("promise" => "a wrong clock destroys nothing and revives nothing"),
        "P11" => tr!("promise" => "whoever records today reads nothing with a later quantum computer"),
        other => other.to_owned(),
    }
}

fn all(title: String, fact: String, why: String, what: String, command: &'static str) -> Told {
    Told { title, fact, why, what, command }
}

/// The words for a risk.
pub fn told(risk: &Risk) -> Told {
    let n = risk.count;
    match risk.code {
        Kind::ArchiveDamaged => all(
            tr!("A damaged archive"),
            tr!("{n} archive was found damaged when it was last verified."
                | "{n} archives were found damaged when they were last verified." % n),
            tr!("Records that are damaged in every copy are lost, though the law still asks for them."),
            tr!("Verify every other copy, and replace the damaged one."),
            "keepuntil verify ARCHIVE --note",
        ),
        Kind::ChangeInterrupted => all(
            tr!("An interrupted change"),
            tr!("A change of the keyring was interrupted; the former root may still be there."),
            tr!("Until it is finished, older copies of the keyring may still open what was to be destroyed."),
            tr!("Run any command that changes the keyring: it finishes the change first."),
            "keepuntil purge --unattended",
        ),
        Kind::ClockNotTrusted => all(
            tr!("A clock that is not trusted"),
            tr!("The clock jumped, or is far behind what it showed before."),
            tr!("Nothing is destroyed while that is so: records are kept too long."),
            tr!("Set the clock right; if it is right, have somebody else say so."),
            "keepuntil clock confirm --help",
        ),
        Kind::RecordsOverdue => all(
            tr!("Records kept too long"),
            tr!("{n} record should have been destroyed." | "{n} records should have been destroyed." % n),
            tr!(
                "The law asks that personal information goes when its time has run; what is still there can still leak."
            ),
            tr!("Look at them, have the plan signed where a rule asks for review, and carry it out."),
            "keepuntil due",
        ),
        Kind::NoticesLate => all(
            tr!("Notices of destruction not sent in time"),
            tr!("The notice of destruction of {n} record should have been sent."
                | "The notices of destruction of {n} records should have been sent." % n),
            tr!("Until people were told that long before, their records stay, longer than their time."),
            tr!("Write to those concerned, and note it on the day on which it is sent."),
            "keepuntil notice template destruction -o FILE",
        ),
        Kind::ReturnsOverdue => all(
            tr!("Promises not kept"),
            tr!("{n} grant has something overdue that was to be returned or destroyed."
                | "{n} grants have something overdue that was to be returned or destroyed." % n),
            tr!("What was granted is out of reach of every key; only the promise binds whoever has it."),
            tr!("Ask the requester for the receipt."),
            "keepuntil disclosures --open",
        ),
        Kind::RequestsWaiting => all(
            tr!("Requests without an answer"),
            tr!("{n} request has waited for more than 21 days." | "{n} requests have waited for more than 21 days." % n),
            tr!(
                "Whoever asks for what is held about them has a right to a timely answer, with reasons where it is refused."
            ),
            tr!("Grant or refuse each of them."),
            "keepuntil disclosures --open",
        ),
        other => of_one_step(other, risk),
    }
}

fn of_one_step(kind: Kind, risk: &Risk) -> Told {
    let n = risk.count;
    match kind {
        Kind::SoleCustodian => all(
            tr!("A sole custodian"),
            tr!("This keyring alone holds the expiry halves of {n} live record."
                | "This keyring alone holds the expiry halves of {n} live records." % n),
            tr!(
                "If keyring or root is lost or deleted, no record opens again before its time either. This version has no second custodian."
            ),
            tr!(
                "Keep emergency key sheets of what must not be lost, locked away, and know that destruction does not reach them."
            ),
            "keepuntil keyring export --help",
        ),
        Kind::RootKeepsCopies => all(
            tr!("A file system that keeps what is overwritten"),
            tr!(
                "The root key lies on {name}, which does not overwrite in place.",
                name = words::joined(risk.about.iter().cloned())
            ),
            tr!("What is destroyed may stay on the disk or in a snapshot, and with it every record destroyed since."),
            tr!("Make the next keyring with its root on ext4 or xfs, and keep snapshots off the present one."),
            "keepuntil keyring init DIR --root FOLDER",
        ),
        Kind::RootBesideCatalogue => all(
            tr!("Root and catalogue on one disk"),
            tr!("The root key lies on the disk of the catalogue."),
            tr!("One image or theft of this disk has both; a backup of all of it revives what is destroyed later."),
            tr!("Leave the root out of backups, and make the next keyring with its root on another disk."),
            "keepuntil keyring info",
        ),
        Kind::IdentityBesideKeyring => all(
            tr!("An identity on the disk of the keyring"),
            tr!("An identity that opens records lies on the disk of the keyring or its root."),
            tr!(
                "Whoever takes this disk has both halves of every key and can read all records until they are destroyed."
            ),
            tr!("Move the identity to another machine or a token."),
            "keepuntil keyring info",
        ),
        Kind::IdentityOnThisMachine => all(
            tr!("An identity on the machine of the keyring"),
            tr!("An identity that opens records is on this machine, on another disk than the keyring."),
            tr!("Whoever takes over this machine has both halves of every key."),
            tr!("Move the identity to another machine or a token."),
            "keepuntil keyring info",
        ),
        Kind::NobodyApproves => all(
            tr!("Nobody else decides"),
            tr!("There is no roster: the custodian changes settings alone, and nobody can approve, review or ask."),
            tr!("What one person does wrong or is forced to do nobody else has to agree to."),
            tr!("Name people with their SSH keys."),
            "keepuntil roster set --help",
        ),
        Kind::OneApprover => all(
            tr!("A single approver"),
            tr!("One signature suffices to change roster, settings and policy; {n} person can give it."
                | "One signature suffices to change roster, settings and policy; {n} people can give it." % n),
            tr!("Whoever holds that one key can, with the custodian, change who decides."),
            tr!("Ask for two: in the roster for plans, in the disclosure policy for records."),
            "keepuntil roster set --help",
        ),
        Kind::RequesterApproves => all(
            tr!("People who ask also approve"),
            tr!("{n} person who may ask for records may also approve what others ask for."
                | "{n} people who may ask for records may also approve what others ask for." % n),
            tr!("Nobody approves their own request, but two who may both ask can approve each other's."),
            tr!("Limit their keys on the roster to asking: namespaces=\"keepuntil-request,keepuntil-receipt\"."),
            "keepuntil roster set --help",
        ),
        Kind::NoSubstitute => all(
            tr!("No substitute"),
            tr!("{n} person must decide, and there are no more." | "{n} people must decide, and there are no more." % n),
            tr!("If one of them is ill or loses a key, nothing that needs them can be decided, not even a new roster."),
            tr!("Add a person while all of them can still sign."),
            "keepuntil roster set --help",
        ),
        Kind::TypedDates => all(
            tr!("The custodian alone may confirm the clock"),
            tr!("The settings allow to confirm the date by typing it."),
            tr!("A wrong date that is typed makes records due before their time, and nobody else has seen it."),
            tr!("Take a witness or a second person for it."),
            "keepuntil keyring set --typed-confirmation no",
        ),
        Kind::NoCoolOff => all(
            tr!("No cool-off"),
            tr!("What is scheduled may be destroyed on the same day."),
            tr!("There is no time in which a mistake is seen and called off."),
            tr!("Set some days."),
            "keepuntil keyring set --cool-off-days 7",
        ),
        Kind::NoSchedule => all(
            tr!("No schedule"),
            tr!("No timer and no crontab line for this keyring was found for this user or the machine."),
            tr!("Nothing acts by itself: without a schedule what is due stays, and nobody is told."),
            tr!("Install one, or have somebody run it."),
            "keepuntil schedule install",
        ),
        other => of_unseen(other, risk),
    }
}

fn of_unseen(kind: Kind, risk: &Risk) -> Told {
    let n = risk.count;
    let witness = "keepuntil journal export --help";
    match kind {
        Kind::KeySheetsAlive => all(
            tr!("Emergency key sheets"),
            tr!("The keys of {n} live record are also on emergency key sheets."
                | "The keys of {n} live records are also on emergency key sheets." % n),
            tr!("A sheet opens its records for ever, whatever is destroyed in the keyring."),
            tr!("Know where each sheet is, and destroy it when the last of its records is destroyed."),
            "keepuntil keyring info",
        ),
        Kind::ClassicalRecipients => all(
            tr!("Classical recipients"),
            tr!("{n} compartment has a recipient that is not post-quantum."
                | "{n} compartments have a recipient that is not post-quantum." % n),
            tr!(
                "Whoever copies the archive today could derive its access halves with a later quantum computer; the expiry halves still protect the records."
            ),
            tr!("Seal what comes next to post-quantum recipients."),
            "keepuntil keygen -o identity.txt",
        ),
        Kind::NeverWitnessed => all(
            tr!("A journal that nobody has witnessed"),
            tr!("No cosignature of a witness and no time-stamp was ever taken into the keyring."),
            tr!("The custodian could write another history; without somebody else's checkpoint nobody could prove it."),
            tr!("Give an export to a witness, and take its cosignature."),
            witness,
        ),
        Kind::NotWitnessedLately => all(
            tr!("A journal that nobody has witnessed lately"),
            tr!("The last cosignature or time-stamp is {n} day old."
                | "The last cosignature or time-stamp is {n} days old." % n),
            tr!("What was entered since then could be written anew, and nobody could prove it."),
            tr!("Give an export to a witness, and take its cosignature."),
            witness,
        ),
        Kind::ClockNeverConfirmed => all(
            tr!("A clock that nobody has confirmed"),
            tr!("Nobody else has ever said what time it is."),
            tr!(
                "The first reading of the clock is believed until somebody does; if it was ahead, records become due early."
            ),
            tr!("Have a witness, a time-stamping authority or a second person confirm it."),
            "keepuntil clock confirm --help",
        ),
        Kind::ClockNotConfirmedLately => all(
            tr!("A clock that nobody has confirmed lately"),
            tr!("Nobody else has confirmed the clock for {n} day."
                | "Nobody else has confirmed the clock for {n} days." % n),
            tr!("What is due is destroyed up to 35 days late, and later still on a machine that is often off."),
            tr!("Have a witness, a time-stamping authority or a second person confirm it."),
            "keepuntil clock confirm --help",
        ),
        Kind::ArchiveNeverVerified => all(
            tr!("Archives that nobody has verified"),
            tr!("The journal has no verification of {n} archive."
                | "The journal has no verification of {n} archives." % n),
            tr!("Damage is found when a court asks, and no other copy is left."),
            tr!("Verify every copy, and note it."),
            "keepuntil verify ARCHIVE --note",
        ),
        _ => all(
            tr!("Archives that nobody has verified lately"),
            tr!("The last verification of {n} archive is more than 366 days old."
                | "The last verification of {n} archives is more than 366 days old." % n),
            tr!("Damage is found when a court asks, and no other copy is left."),
            tr!("Verify every copy, and note it."),
            "keepuntil verify ARCHIVE --note",
        ),
    }
}
