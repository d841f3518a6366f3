//! `keepuntil report risks`.

use super::deliver::{begun, deliver, fields, list};
use super::risk_words::{Told, told};
use super::surroundings::surroundings;
use super::words;
use crate::cli::args::{Common, IdentityPlace, KeyringPlace};
use crate::cli::error::Failure;
use crate::cli::output::OutputArgs;
use crate::cli::sheet::{Block, Sheet};
use crate::cli::{Done, home};
use crate::ops::report::archives;
use crate::ops::report::risks::{Kind, Level, RiskReport, risks};
use clap::Args;
use std::path::PathBuf;
use tr::tr;

/// Risks of this keyring, each with what is so, why it matters and what to do; and a plan for emergencies
#[derive(Args)]
#[command(
    after_help = "Looks at the keyring and around it; what cannot be seen from here is listed as such. Archives \
    that are named are looked at for recipients that a quantum computer would open.\nExit code 3 means that something \
    should have happened and has not, or cannot.\n\nExamples:\n  keepuntil report risks\n  \
    keepuntil report risks firm.sealed -o risks.html --lang zh"
)]
pub struct RisksArgs {
    /// Archives of the keyring to be looked at
    #[arg(value_name = "ARCHIVE")]
    archives: Vec<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    identity: IdentityPlace,
    #[command(flatten)]
    keyring: KeyringPlace,
}

pub fn run(args: &RisksArgs, common: Common) -> Result<Done, Failure> {
    let custody = home::reading(&args.keyring)?;
    let archives = archives::open(&custody, &args.archives)?;
    let report = risks(&custody, &archives, surroundings(&custody, &args.identity.identity))?;
    deliver("report_risks", &report, || sheet(&report), &args.output, common)?;
    home::remember(custody)?;
    let urgent = report.risks.iter().any(|risk| risk.level == Level::Now);
    Ok(if urgent { Done::Findings } else { Done::Clean })
}

fn sheet(report: &RiskReport) -> Sheet<'static> {
    let mut sheet = begun(&tr!("Risks and emergency plan"), &report.firm, &report.keyring, report.made);
    fields(&mut sheet, vec![(tr!("Live records"), report.records.live.to_string())]);
    super::notices::notices(&mut sheet, &report.notices);
    sheet.paragraph(tr!(
        "Each risk is a fact that was looked at when this was made. The order says what is at stake, not how likely it is."
    ));
    for level in [Level::Now, Level::OneStep, Level::Unseen] {
        sheet.heading(&match level {
            Level::Now => tr!("Now: what should have happened and has not, or cannot"),
            Level::OneStep => tr!("One step: one loss, theft or mistake breaks a promise"),
            Level::Unseen => tr!("Unseen: nobody would notice, or could prove it"),
        });
        let of_level: Vec<_> = report.risks.iter().filter(|risk| risk.level == level).collect();
        if of_level.is_empty() {
            sheet.paragraph(tr!("Nothing of this kind was found."));
        }
        for risk in of_level {
            let Told { title, fact, why, what, command } = told(risk);
            sheet.blocks.push(Block::Subheading(title));
            let promises = risk.promises.iter().map(|promise| super::risk_words::promise(promise));
            fields(
                &mut sheet,
                vec![
                    (tr!("What is so"), fact),
                    (tr!("About"), words::joined(risk.about.iter().cloned())),
                    (tr!("Why it matters"), why),
                    (tr!("Promise"), words::joined(promises)),
                    (tr!("What to do"), what),
                ],
            );
            if !command.is_empty() {
                sheet.blocks.push(Block::Commands(vec![command.to_owned()]));
            }
        }
    }
    not_seen(&mut sheet, &report.not_looked_at);
    emergency(&mut sheet);
    sheet
}

fn not_seen(sheet: &mut Sheet, not_looked_at: &[Kind]) {
    sheet.heading(&tr!("What was not looked at, and what cannot be seen from here"));
    let skipped = not_looked_at.iter().map(|kind| match kind {
        Kind::ClassicalRecipients => {
            tr!("Not all archives of the keyring were named: the recipients of the others were not looked at.")
        }
        _ => tr!("The crontab could not be read: whether a schedule is installed is not known."),
    });
    let always = [
        tr!("Copies of the root key: backups, snapshots, images of a virtual machine."),
        tr!(
            "A schedule that another user, a container or keepuntil schedule watch runs; whether a timer that is there also runs: keepuntil schedule show."
        ),
        tr!("Whether the people on the roster still hold their keys, and nobody else does."),
        tr!("Copies of what was restored, printed or granted."),
        tr!("Whether somebody keeps an older checkpoint of the journal."),
    ];
    list(sheet, skipped.chain(always).collect(), String::new());
}

fn emergency(sheet: &mut Sheet) {
    sheet.heading(&tr!("Emergency plan"));
    sheet
        .paragraph(tr!("Fill in, print, and keep it where it is found without this machine. No secret belongs on it."));
    let person = |role: String| {
        let blanks = [tr!("Name"), tr!("Telephone"), tr!("Substitute"), tr!("Telephone")];
        Block::Signature(role, blanks.into_iter().map(|label| (label, None)).collect())
    };
    sheet.blocks.extend([
        person(tr!("Custodian: keyring and root key")),
        person(tr!("Holder of identity and passphrase")),
        person(tr!("People who approve")),
        person(tr!("Witness of the journal")),
        person(tr!("Lawyer, supervising authority")),
    ]);
    let places = [
        tr!("Keyring is at"),
        tr!("Root key is at"),
        tr!("Archives are at"),
        tr!("Identity is at"),
        tr!("Emergency key sheets are at"),
        tr!("Last journal export is at"),
    ];
    sheet.blocks.push(Block::Signature(tr!("Places"), places.into_iter().map(|label| (label, None)).collect()));
    let mut step = |title: String, text: String, commands: Vec<&str>| {
        sheet.blocks.push(Block::Subheading(title));
        sheet.paragraph(text);
        sheet.blocks.push(Block::Commands(commands.into_iter().map(str::to_owned).collect()));
    };
    step(
        tr!("The machine with the keyring is lost"),
        tr!(
            "Without keyring and root no record opens again, except those on emergency key sheets. Look for keyring and root \
             on their disks before anything is written there; bring both to another machine and check them. A keyring that was \
             stolen is reported: whoever also has an identity can read."
        ),
        vec!["keepuntil keyring check --keyring DIR ARCHIVE", "keepuntil journal verify --keyring DIR"],
    );
    step(
        tr!("The custodian is gone"),
        tr!(
            "Whoever takes over gets keyring, root and this sheet, sees what is due, and changes the roster with the signatures \
             of the people on it. Nothing is destroyed until somebody runs it."
        ),
        vec!["keepuntil status", "keepuntil due", "keepuntil roster set --help"],
    );
    step(
        tr!("A court or an authority demands records"),
        tr!("Stop destruction first, then answer the request; a hold needs no key and no approval."),
        vec!["keepuntil hold place ARCHIVE --matter TEXT --authority TEXT", "keepuntil request check REQUEST"],
    );
    step(
        tr!("Something is to be destroyed that must not be"),
        tr!("Until a cool-off is over it can be called off."),
        vec!["keepuntil status", "keepuntil purge cancel ID"],
    );
    step(
        tr!("An archive is damaged"),
        tr!("Compare all copies; what one lacks another may have."),
        vec!["keepuntil verify ARCHIVE --note"],
    );
}
