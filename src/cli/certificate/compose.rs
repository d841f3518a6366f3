//! What a certificate says to people, in their language, as a sheet.

use super::Signatures;
use super::words::Words;
use crate::cli::sheet::{Block, Sheet, Table};
use crate::journal::certificate::{Certificate, DestroyedRecord, KnownDate, Method, Reason, Role, Verified};
use crate::journal::plan::identity;
use crate::language::Language;
use crate::retention::ranges::Ranges;
use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat, Utc};
use std::collections::BTreeMap;

/// Rows up to which every record has one of its own.
pub(super) const MOST_ROWS: usize = 500;

pub(super) fn sheet(
    certificate: &Certificate,
    verified: &Verified,
    signatures: Signatures,
    language: Language,
) -> Sheet<'static> {
    let w = Words::of(language);
    let mut sheet = Sheet::new(language, w.title);
    match signatures {
        Signatures::Checked => sheet.paragraph(w.checked),
        Signatures::Unchecked => sheet.blocks.push(Block::Warning(w.unchecked.to_owned())),
    }
    let archives = archives(certificate);
    summary(&mut sheet, certificate, &archives, w);
    media(&mut sheet, certificate, w);
    erase(&mut sheet, certificate, w);
    list(&mut sheet, certificate, &archives, w);
    sheet.heading(w.limits);
    let limits = [
        w.limit_statement,
        w.limit_claims,
        w.limit_copies,
        w.limit_keys,
        w.limit_custodians,
        w.limit_medium,
        w.limit_sealer,
        w.limit_grants,
        w.limit_ciphertext,
        w.limit_journal,
        w.limit_standard,
    ];
    sheet.blocks.push(Block::List(limits.map(str::to_owned).into()));
    check(&mut sheet, certificate, verified, w);
    people(&mut sheet, certificate, w);
    sheet
}

/// Archives in the order of the records, with the short name that the sheet gives them.
fn archives(certificate: &Certificate) -> BTreeMap<[u8; 16], String> {
    let mut archives = BTreeMap::new();
    for record in &certificate.records {
        let next = format!("A{}", archives.len() + 1);
        archives.entry(record.archive).or_insert(next);
    }
    archives
}

fn summary(sheet: &mut Sheet, c: &Certificate, archives: &BTreeMap<[u8; 16], String>, w: &Words) {
    sheet.heading(w.summary);
    let signers: Vec<String> = c.plan.signed_by.iter().map(|by| format!("{} ({})", by.name, by.key)).collect();
    let mut fields = vec![
        (w.firm, c.firm.clone()),
        (w.keyring, hex::encode(c.keyring)),
        (w.purge, hex::encode(c.purge)),
        (w.generation, c.generation.to_string()),
        (w.executed, time(c.executed)),
        (w.date, c.date.to_string()),
        (w.records, c.records.len().to_string()),
    ];
    let early = c.records.iter().filter(|record| record.early).count();
    if let Some(reason) = &c.reason {
        fields.push((w.early, early.to_string()));
        fields.push((
            w.reason,
            match reason {
                Reason::Code(code) => code.clone(),
                Reason::Commitment(hash) => format!("{} {}", w.reason_commitment, hex::encode(hash)),
            },
        ));
    }
    fields.extend(archives.iter().map(|(id, short)| (w.archive, format!("{short} = {}", hex::encode(id)))));
    fields.push((w.plan, c.plan.sha256.map_or(w.unattended.to_owned(), hex::encode)));
    fields.push((w.approved, if signers.is_empty() { w.none.to_owned() } else { signers.join(w.comma) }));
    fields.push((w.cool_off, format!("{} – {}", c.cool_off.from, c.cool_off.to)));
    let clock = match &c.clock {
        KnownDate::Outside { by, name, time: at } => {
            let name = name.as_ref().map_or(String::new(), |name| format!(" ({name})"));
            format!("{}{name}{}{}", w.outside_clock(*by), w.colon, time(*at))
        }
        KnownDate::MarkLessMargin { mark, margin_days } => {
            format!("{}{}{} − {margin_days}", w.clock_mark, w.colon, time(*mark))
        }
    };
    fields.push((w.clock, clock));
    sheet.fields(fields);
}

fn media(sheet: &mut Sheet, c: &Certificate, w: &Words) {
    sheet.heading(w.media);
    let method = match c.method {
        Method::CryptographicEraseByRoot => w.method_is,
    };
    sheet.fields(vec![
        (w.media_description, w.media_is.to_owned()),
        (w.method, method.to_owned()),
        (w.tool, format!("{} {}", c.tool.name, c.tool.version)),
        (w.verification, w.verification_is.to_owned()),
    ]);
}

fn erase(sheet: &mut Sheet, c: &Certificate, w: &Words) {
    sheet.heading(w.erase);
    sheet.fields(vec![
        (w.key_generation, w.key_generation_is.to_owned()),
        (w.encryption, w.encryption_is.to_owned()),
        (w.wrapping, w.wrapping_is.to_owned()),
        (w.covered, w.covered_is.to_owned()),
        (w.not_covered, w.not_covered_is.to_owned()),
        (w.escrow, if c.exports.is_empty() { w.escrow_none } else { w.escrow_is }.to_owned()),
        (w.copies, w.copies_is.to_owned()),
    ]);
    if !c.exports.is_empty() {
        let sheets = c.exports.iter().map(|export| {
            let (at, archive) = (time(export.time), hex::encode(export.archive));
            format!(
                "{} {at}{}{} {archive}{}{}{}{}",
                w.sheet, w.comma, w.archive, w.comma, w.records, w.colon, export.records
            )
        });
        sheet.blocks.push(Block::List(sheets.collect()));
    }
    if !c.disclosures.is_empty() {
        sheet.fields(vec![(w.granted, w.granted_is.to_owned())]);
        let grants = c.disclosures.iter().map(|granted| {
            let grant = hex::encode(granted.grant);
            format!("{} {grant}{}{}{}{}", w.grant, w.comma, w.records, w.colon, granted.records)
        });
        sheet.blocks.push(Block::List(grants.collect()));
    }
}

/// Records of one archive that the same rules govern.
type Group<'a> = (&'a str, &'a str, &'static str, Vec<&'a str>);

fn list(sheet: &mut Sheet, c: &Certificate, archives: &BTreeMap<[u8; 16], String>, w: &Words) {
    sheet.heading(w.list);
    sheet.paragraph(w.list_note);
    let mut groups: BTreeMap<Group, Vec<&DestroyedRecord>> = BTreeMap::new();
    for record in &c.records {
        let rules = record.rules.iter().map(String::as_str).collect();
        let key = (archives[&record.archive].as_str(), record.compartment.as_str(), w.class(record.class), rules);
        groups.entry(key).or_default().push(record);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    // By archive as they are numbered: as text, A10 would come before A2.
    groups.sort_by_key(|(_, records)| records[0].archive);
    let grouped = c.records.len() > MOST_ROWS;
    if grouped {
        sheet.paragraph(w.list_grouped);
    }
    let mut number = 0;
    for ((archive, compartment, class, rules), records) in groups {
        let rules = if rules.is_empty() { w.no_rule.to_owned() } else { rules.join(w.comma) };
        let title = format!(
            "{} {archive} · {} {compartment} ({class}) · {}{}{rules}",
            w.archive, w.compartment, w.rules, w.colon
        );
        sheet.blocks.push(Block::Subheading(title));
        if grouped {
            sheet.fields(group_fields(&records, w));
        } else {
            sheet.blocks.push(Block::Table(table(archive, &records, &mut number, w)));
        }
    }
    if c.records.iter().any(|record| record.early) {
        sheet.paragraph(w.early_mark);
    }
}

fn table(archive: &str, records: &[&DestroyedRecord], number: &mut usize, w: &Words) -> Table {
    let head = [
        w.column_number,
        w.column_name,
        w.column_archive,
        w.column_record,
        w.column_years,
        w.column_file,
        w.column_until,
        w.column_kept,
        w.column_destroyed,
    ];
    let row = |record: &&DestroyedRecord| {
        *number += 1;
        vec![
            number.to_string(),
            w.not_recorded.to_owned(),
            archive.to_owned(),
            record.record.to_string(),
            w.not_recorded.to_owned(),
            format!("{archive}-{}", record.record),
            record.until.map_or(w.not_recorded.to_owned(), |until| until.to_string()),
            kept(record.kept_from, record.destroyed, w),
            format!("{}{}", record.destroyed, if record.early { "*" } else { "" }),
        ]
    };
    Table { head: head.map(str::to_owned).into(), rows: records.iter().map(row).collect(), right: vec![0, 3, 7] }
}

fn group_fields<'a>(records: &[&DestroyedRecord], w: &'a Words) -> Vec<(&'a str, String)> {
    let span = |mut texts: Vec<String>| {
        texts.dedup();
        match (texts.first(), texts.last()) {
            (Some(first), Some(last)) if first != last => format!("{first} – {last}"),
            (Some(one), _) => one.clone(),
            _ => w.not_recorded.to_owned(),
        }
    };
    let mut untils: Vec<NaiveDate> = records.iter().filter_map(|record| record.until).collect();
    untils.sort_unstable();
    let mut from: Vec<(NaiveDate, NaiveDate)> = records.iter().map(|r| (r.kept_from, r.destroyed)).collect();
    from.sort_unstable_by(|a, b| b.cmp(a));
    let numbers: Ranges = records.iter().map(|record| record.record).collect();
    let early = records.iter().any(|record| record.early);
    vec![
        (w.group_count, records.len().to_string()),
        // A comma that a line can break behind.
        (w.group_records, numbers.to_string().replace(',', ", ")),
        (w.column_until, span(untils.iter().map(NaiveDate::to_string).collect())),
        (w.column_kept, span(from.iter().map(|(from, to)| kept(*from, *to, w)).collect())),
        (w.column_destroyed, format!("{}{}", records[0].destroyed, if early { "*" } else { "" })),
    ]
}

/// Whole years and months between two dates; days where there is no month.
fn kept(from: NaiveDate, to: NaiveDate, w: &Words) -> String {
    let mut months = (to.year() - from.year()) * 12 + to.month() as i32 - from.month() as i32;
    if to.day() < from.day() {
        months -= 1;
    }
    match (months / 12, months % 12) {
        _ if months <= 0 => format!("{}{}", (to - from).num_days().max(0), w.day),
        (0, months) => format!("{months}{}", w.month),
        (years, 0) => format!("{years}{}", w.year),
        (years, months) => format!("{years}{}{months}{}", w.year_and, w.month),
    }
}

fn check(sheet: &mut Sheet, c: &Certificate, verified: &Verified, w: &Words) {
    sheet.heading(w.check);
    sheet.paragraph(w.check_how);
    sheet
        .blocks
        .push(Block::Commands(vec!["keepuntil certificate verify FILE --journal VKEY --journal VKEY".to_owned()]));
    sheet.fields(vec![
        (w.check_log, verified.checkpoint.origin.clone()),
        (w.check_entry, verified.entry.to_string()),
        (w.check_size, verified.checkpoint.size.to_string()),
        (w.check_root, hex::encode(verified.checkpoint.root)),
        (w.check_inventory, hex::encode(c.inventory)),
        (w.check_file, hex::encode(identity(&c.to_bytes()))),
    ]);
}

fn people(sheet: &mut Sheet, c: &Certificate, w: &Words) {
    sheet.heading(w.signatures);
    sheet.paragraph(w.signatures_note);
    for role in Role::ALL {
        let person = c.roles.get(&role);
        let given = |value: Option<&String>| value.cloned();
        let mut fields = vec![
            (w.person_name, person.map(|person| person.name.clone())),
            (w.person_title, given(person.and_then(|person| person.title.as_ref()))),
            (w.person_place, given(person.and_then(|person| person.place.as_ref()))),
            (w.person_contact, given(person.and_then(|person| person.contact.as_ref()))),
        ];
        match role {
            Role::Witness | Role::AccountingWitness | Role::SystemsWitness => {
                fields.extend([(w.person_before, None), (w.person_after, None), (w.person_date, None)]);
            }
            Role::Custodian | Role::Verifier => {
                fields.extend([(w.person_date, None), (w.person_signature, None)]);
            }
            _ => fields.extend([(w.person_opinion, None), (w.person_date, None), (w.person_signature, None)]),
        }
        let fields = fields.into_iter().map(|(label, value)| (label.to_owned(), value)).collect();
        sheet.blocks.push(Block::Signature(w.role(role).to_owned(), fields));
    }
}

pub(super) fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
