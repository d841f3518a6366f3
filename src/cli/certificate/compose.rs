//! What a certificate says to people, in their language, as a sheet.

use super::words::{comma, outside_clock, role};
use super::{Signatures, list};
use crate::cli::render::time;
use crate::cli::report::archive_facts::short_names;
use crate::cli::report::words::early_reason;
use crate::cli::sheet::{Block, Sheet};
use crate::journal::certificate::{Certificate, KnownDate, Method, Reason, Role, Verified};
use crate::journal::plan::identity;
use crate::language::{Language, in_language, language};
use std::collections::BTreeMap;
use tr::tr;

pub(super) fn sheet(
    certificate: &Certificate,
    verified: &Verified,
    signatures: Signatures,
    language: Language,
) -> Sheet<'static> {
    in_language(language, || compose(certificate, verified, signatures))
}

fn compose(certificate: &Certificate, verified: &Verified, signatures: Signatures) -> Sheet<'static> {
    let mut sheet = Sheet::new(language(), &tr!("Certificate of destruction"));
    match signatures {
        Signatures::Checked => sheet.paragraph(tr!(
            "The signatures of the journal were checked when this was printed, with keys named by whoever printed it."
        )),
        Signatures::Unchecked => sheet.blocks.push(Block::Warning(tr!(
            "The signatures were NOT checked when this was printed. Anybody can write a file that looks like this: see \
             “How to check it”."
        ))),
    }
    let archives = short_names(certificate.records.iter().map(|record| record.archive));
    summary(&mut sheet, certificate, &archives);
    media(&mut sheet, certificate);
    erase(&mut sheet, certificate);
    list::write(&mut sheet, certificate, &archives);
    limits(&mut sheet);
    check(&mut sheet, certificate, verified);
    people(&mut sheet, certificate);
    sheet
}

fn summary(sheet: &mut Sheet, c: &Certificate, archives: &BTreeMap<[u8; 16], String>) {
    sheet.heading(&tr!("certificate" => "What was done"));
    let signers: Vec<String> = c.plan.signed_by.iter().map(|by| format!("{} ({})", by.name, by.key)).collect();
    let mut fields = vec![
        (tr!("Firm (name of the journal's key)"), c.firm.clone()),
        (tr!("certificate" => "Keyring"), hex::encode(c.keyring)),
        (tr!("certificate" => "Purge"), hex::encode(c.purge)),
        (tr!("Generation begun"), c.generation.to_string()),
        (tr!("Executed (UTC)"), time(c.executed)),
        (tr!("Date of destruction"), c.date.to_string()),
        (tr!("certificate" => "Records destroyed"), c.records.len().to_string()),
    ];
    let early = c.records.iter().filter(|record| record.early).count();
    if let Some(reason) = &c.reason {
        fields.push((tr!("of these before their last day"), early.to_string()));
        let reason = match reason {
            Reason::Code(code) => early_reason(code),
            Reason::Commitment(hash) => {
                tr!("a text kept elsewhere; its salted hash is {hash}", hash = hex::encode(hash))
            }
        };
        fields.push((tr!("Reason for early destruction"), reason));
    }
    let archive =
        |(id, short): (&[u8; 16], &String)| (tr!("certificate" => "Archive"), format!("{short} = {}", hex::encode(id)));
    fields.extend(archives.iter().map(archive));
    let unattended = || tr!("none: carried out unattended, as the retention of these records allows");
    fields.push((tr!("Plan (SHA-256)"), c.plan.sha256.map_or_else(unattended, hex::encode)));
    let signers = if signers.is_empty() { tr!("certificate" => "none") } else { signers.join(&comma()) };
    fields.push((tr!("Plan signed by"), signers));
    fields.push((tr!("Cool-off (scheduled – first day)"), format!("{} – {}", c.cool_off.from, c.cool_off.to)));
    let clock = match &c.clock {
        KnownDate::Outside { by, name: Some(name), time: at } => {
            tr!("{how} ({name}): {time}", how = outside_clock(*by), name = name, time = time(*at))
        }
        KnownDate::Outside { by, name: None, time: at } => {
            tr!("{how}: {time}", how = outside_clock(*by), time = time(*at))
        }
        KnownDate::MarkLessMargin { mark, margin_days } => tr!(
            "the keyring's own high-water mark, less a margin (days): {mark} − {days}",
            mark = time(*mark),
            days = margin_days
        ),
    };
    fields.push((tr!("How the date was known"), clock));
    sheet.fields(fields);
}

fn media(sheet: &mut Sheet, c: &Certificate) {
    sheet.heading(&tr!("Media and method"));
    let method = match c.method {
        Method::CryptographicEraseByRoot => tr!(
            "cryptographic erase: the expiry halves of the records' keys were left out of the new generation, and the root \
             of the generation before was overwritten"
        ),
    };
    let media = tr!(
        "the file catalogue of the keyring named above and the slot of its root of the generation before; the archives \
         themselves were not touched"
    );
    let verification = tr!(
        "before the old root was overwritten, every key and touched page was opened again under the new one and compared \
         with the set of records that live; the medium itself was not examined"
    );
    sheet.fields(vec![
        (tr!("Media description"), media),
        (tr!("certificate" => "Method"), method),
        (tr!("Tool and version"), format!("{} {}", c.tool.name, c.tool.version)),
        (tr!("Verification method"), verification),
    ]);
}

fn erase(sheet: &mut Sheet, c: &Certificate) {
    sheet.heading(&tr!("Statement of cryptographic erase"));
    let generation =
        tr!("32 random bytes of the operating system for every half and every root, each independent of all others");
    let encryption = tr!(
        "each record is an age file (X25519, ChaCha20-Poly1305) of its own; its key needs an access half and an expiry \
         half (HKDF-SHA256); the keys inside age files have 128 bits"
    );
    let wrapping =
        tr!("root → key table → page identity → expiry half; with the access half → record key → age file key");
    let covered = tr!(
        "the listed records and their labels (names, dates, counts) in every copy of their archives, wherever it is; every \
         older copy of the keyring's catalogue without the destroyed root"
    );
    let not_covered = tr!(
        "whatever left the archive before: restored, printed or granted copies, the sources it was made from; what stays \
         visible in an archive: sizes, counts, dates, classes, names of compartments and rules"
    );
    let escrow = match c.exports.is_empty() {
        true => tr!("the keyring knows of no emergency key sheet that covers these records"),
        false => tr!("emergency key sheets cover some of these records. They are NOT destroyed and open them for ever"),
    };
    let copies = tr!(
        "none made by the tool; a copy of the root that somebody else made before the destruction still opens the \
         catalogue of that time"
    );
    sheet.fields(vec![
        (tr!("Key generation"), generation),
        (tr!("certificate" => "Encryption"), encryption),
        (tr!("Levels of key wrapping"), wrapping),
        (tr!("Areas covered"), covered),
        (tr!("Areas not covered"), not_covered),
        (tr!("Escrow and exports"), escrow),
        (tr!("Copies of keys"), copies),
    ]);
    if !c.exports.is_empty() {
        let sheets = c.exports.iter().map(|export| {
            tr!(
                "sheet written {time}, Archive {archive}, Records destroyed: {records}",
                time = time(export.time),
                archive = hex::encode(export.archive),
                records = export.records
            )
        });
        sheet.blocks.push(Block::List(sheets.collect()));
    }
    if !c.disclosures.is_empty() {
        let granted = tr!(
            "some of these records were granted to requesters. What was handed over is NOT destroyed, and a grant that was \
             kept with its one-time identity still opens them"
        );
        sheet.fields(vec![(tr!("certificate" => "Grants"), granted)]);
        let grants = c.disclosures.iter().map(|granted| {
            tr!(
                "grant {grant}, Records destroyed: {records}",
                grant = hex::encode(granted.grant),
                records = granted.records
            )
        });
        sheet.blocks.push(Block::List(grants.collect()));
    }
}

fn limits(sheet: &mut Sheet) {
    sheet.heading(&tr!("What this does not prove"));
    let limits = vec![
        tr!(
            "It is a signed statement, not a proof of absence. An attestation can lie, and a lost key is not a destroyed \
             one."
        ),
        tr!(
            "The journal's entry binds the purge, its time, the record table, the keys that approved and the archives that \
             have key sheets. Everything else on this sheet, names and offices among it, is the word of whoever wrote it."
        ),
        tr!("Copies of the records that were restored, printed or granted before stay readable."),
        tr!(
            "Keys that somebody copied before the destruction, by being able to read them, still open the records: from \
             the keyring, its root, or an identity together with both."
        ),
        tr!(
            "It speaks for one keyring. Where several custodians hold keys, the records are gone only when enough of them \
             have destroyed theirs."
        ),
        tr!("Swap, snapshots, backups and the remapping of flash memory may keep an overwritten root."),
        tr!("Whoever made an archive could have kept the expiry halves."),
        tr!("A granted key still works after the validity that was promised for it."),
        tr!("The ciphertext was not removed by this; nobody can open it, and it still takes up space."),
        tr!(
            "The journal protects against a changed past only those who hold an older checkpoint of it. Signatures of \
             people are classical ones."
        ),
        tr!(
            "No conformity with any standard or regulation is claimed. The columns and fields follow customs of the field."
        ),
    ];
    sheet.blocks.push(Block::List(limits));
}

fn check(sheet: &mut Sheet, c: &Certificate, verified: &Verified) {
    sheet.heading(&tr!("How to check it"));
    sheet.paragraph(tr!(
        "With the certificate's file and the journal's two verifier keys, on any machine, offline. Take the keys from \
         somewhere else than from whoever gave you this: from a colleague, an earlier letter, an archive of the same firm."
    ));
    sheet
        .blocks
        .push(Block::Commands(vec!["keepuntil certificate verify FILE --journal VKEY --journal VKEY".to_owned()]));
    sheet.fields(vec![
        (tr!("certificate" => "Journal"), verified.checkpoint.origin.clone()),
        (tr!("certificate" => "Entry"), verified.entry.to_string()),
        (tr!("Entries under the checkpoint"), verified.checkpoint.size.to_string()),
        (tr!("Root hash of the checkpoint"), hex::encode(verified.checkpoint.root)),
        (tr!("SHA-256 of the record table"), hex::encode(c.inventory)),
        (tr!("SHA-256 of the certificate's file"), hex::encode(identity(&c.to_bytes()))),
    ]);
}

fn people(sheet: &mut Sheet, c: &Certificate) {
    sheet.heading(&tr!("certificate" => "Signatures"));
    sheet.paragraph(tr!(
        "To be filled in by hand. The witnesses are to compare the list before the destruction and to sign after it; the \
         officers are to write their opinion. Whether they did, only their signatures say."
    ));
    for office in Role::ALL {
        let person = c.roles.get(&office);
        let given = |value: Option<&String>| value.cloned();
        let mut fields = vec![
            (tr!("person" => "Name"), person.map(|person| person.name.clone())),
            (tr!("person" => "Title"), given(person.and_then(|person| person.title.as_ref()))),
            (tr!("person" => "Place"), given(person.and_then(|person| person.place.as_ref()))),
            (tr!("person" => "Contact"), given(person.and_then(|person| person.contact.as_ref()))),
        ];
        let (date, signature) = (tr!("person" => "Date"), tr!("person" => "Signature"));
        let by_hand = match office {
            Role::Witness | Role::AccountingWitness | Role::SystemsWitness => {
                vec![tr!("person" => "Checked before"), tr!("person" => "Signed after"), date]
            }
            Role::Custodian | Role::Verifier => vec![date, signature],
            _ => vec![tr!("person" => "Opinion"), date, signature],
        };
        fields.extend(by_hand.into_iter().map(|label| (label, None)));
        sheet.blocks.push(Block::Signature(role(office), fields));
    }
}
