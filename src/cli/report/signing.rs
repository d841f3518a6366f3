//! Lines that people fill in by hand on reports: who they are, what they decide, their signatures. Nothing is ticked for them.

use crate::cli::sheet::{Block, Sheet};
use tr::tr;

/// Boxes, one of which a person ticks; none is parted from its words.
fn boxes(choices: &[String]) -> String {
    choices.iter().map(|choice| format!("□\u{a0}{choice}")).collect::<Vec<_>>().join("\u{a0}\u{a0} ")
}

fn person() -> [String; 2] {
    [tr!("signing" => "Name"), tr!("signing" => "Title")]
}

fn signature() -> [String; 2] {
    [tr!("signing" => "Signature"), tr!("signing" => "Date")]
}

/// What those who appraise find before a destruction: 鉴定意见.
pub fn appraisal(sheet: &mut Sheet) {
    sheet.blocks.push(Block::Subheading(tr!("To be checked and filled in by those who appraise")));
    sheet.paragraph(tr!(
        "The program knows neither debts nor matters outside the keyring: only people can say the following."
    ));
    let yes_or_no = boxes(&[tr!("no"), tr!("yes, and these records are taken out and listed")]);
    sheet.blocks.push(Block::Fields(vec![
        (tr!("Unsettled claims and debts"), yes_or_no.clone()),
        (tr!("Other matters that are still open"), yes_or_no),
        (tr!("Lawsuits, audits and inspections that run or are expected"), boxes(&[tr!("no"), tr!("yes")])),
        (
            tr!("Opinion of the group"),
            boxes(&[tr!("destroy all"), tr!("destroy, without those listed"), tr!("keep all on")]),
        ),
    ]));
    sheet.blanks(&tr!("Records that are taken out, and why"), &[tr!("Records"), tr!("Kept on until"), tr!("Why")]);
    sheet.paragraph(tr!(
        "The archives lead the appraisal; accounting, audit and discipline inspection carry it out with them. Where the firm has no such department, say who acts in its place."
    ));
    let departments = [
        tr!("Appraisal: the archives (lead)"),
        tr!("Appraisal: accounting"),
        tr!("Appraisal: audit"),
        tr!("Appraisal: discipline inspection and supervision"),
    ];
    for role in departments {
        let [name, title] = person();
        let [signed, date] = signature();
        sheet.blanks(&role, &[name, title, tr!("Opinion"), date, signed]);
    }
}

/// Who made an inventory, and who answers for it: 编制人, 负责人.
pub fn inventory(sheet: &mut Sheet) {
    for role in [tr!("Made by"), tr!("Head of archives"), tr!("Head of the firm, or liquidator")] {
        let [name, title] = person();
        let [signed, date] = signature();
        sheet.blanks(&role, &[name, title, date, signed]);
    }
}

/// What those who agree to a destruction are to do.
pub fn about_officers() -> String {
    tr!("Those named below are to write their opinion on this list before anything is destroyed.")
}

/// Who agrees to a destruction beforehand.
pub fn officers(sheet: &mut Sheet) {
    let roles = [
        tr!("Head of the firm, or liquidator"),
        tr!("Head of archives"),
        tr!("Head of accounting"),
        tr!("Clerk of the archives"),
        tr!("Clerk of accounting"),
    ];
    for role in roles {
        let [name, title] = person();
        let [signed, date] = signature();
        sheet.blanks(&role, &[name, title, tr!("Opinion"), date, signed]);
    }
}

/// Who watches a destruction: before it they compare the list, after it they sign.
pub fn witnesses(sheet: &mut Sheet, done: bool) {
    let roles = [
        tr!("Witness for the archives"),
        tr!("Witness for accounting"),
        tr!("Witness for information systems (electronic records)"),
    ];
    for role in roles {
        let [name, title] = person();
        let [signed, date] = signature();
        let what = if done { tr!("Found after the destruction") } else { tr!("Found when it was compared before") };
        sheet.blanks(&role, &[name, title, what, date, signed]);
    }
}

/// Both sides of a handover.
pub fn handover(sheet: &mut Sheet, from: Option<&str>, to: &str) {
    let sides = [
        (tr!("Handing over: who handles it"), from),
        (tr!("Handing over: supervisor"), from),
        (tr!("Taking over: who handles it"), Some(to)),
        (tr!("Taking over: supervisor"), Some(to)),
    ];
    for (role, organisation) in sides {
        let [name, title] = person();
        let [signed, date] = signature();
        let fields = vec![
            (tr!("Organisation"), organisation.map(str::to_owned)),
            (name, None),
            (title, None),
            (date, None),
            (signed, None),
        ];
        sheet.blocks.push(Block::Signature(role, fields));
    }
}
