//! `keepuntil purge …`.

use super::args::{Common, IdentityPlace, KeyringPlace};
use super::certificate::dry_run::{Left, dry_run};
use super::certificate::names::{NameInventory, NamedRecord};
use super::error::{Failure, tell_done, tell_hint, tell_warning};
use super::help::{sample_key, sample_signature};
use super::hint::notice_hint;
use super::notify;
use super::progress::Bar;
use super::{Done, home, render};
use crate::journal::plan::{MAX_PLAN, Plan};
use crate::journal::role::{MAX_ROLES, Roles, parse_roles};
use crate::keyring::watch::Watched;
use crate::language::{language, text};
use crate::ops::OpsError;
use crate::ops::custody::Custody;
use crate::ops::destruction::{Executed, Stopped, write_certificates};
use crate::ops::notices::{objected, open_objections};
use crate::ops::notify::NoticeCounts;
use crate::ops::open::{Opener, Trust, open_archive};
use crate::ops::purge::{LeftAlone, Proposal, Selection, Step, cancel, execute_plan, plan, propose, unattended};
use crate::ops::reclaim::reclaim;
use crate::ops::scope::{archive_id, check_records};
use crate::retention::register::Scheduled;
use crate::storage::output::OutputFile;
use crate::storage::{StorageError, read_limited, show};
use clap::{Args, Subcommand};
use std::io::Write;
use std::path::{Path, PathBuf};
use tr::tr;

/// Destroy the keys of records whose time has run
#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "A purge goes through a plan that people sign, or runs unattended for what needs no review. Between \
        scheduling and destruction lies a cool-off (7 days unless the keyring says otherwise).\n\n\
        Examples:\n  keepuntil purge --dry-run\n  keepuntil purge --plan plan.json\n  \
        ssh-keygen -Y sign -n keepuntil-plan -f ~/.ssh/id_ed25519 plan.json\n  \
        keepuntil purge --execute plan.json --approval plan.json.sig\n  \
        keepuntil purge --execute plan.json --roles roles.toml\n  \
        keepuntil purge --unattended\n  keepuntil purge cancel 3f5a\n  keepuntil purge --reclaim firm.sealed\n\n\
        --roles takes TOML with a table for each role; only name must be there:\n  [witness]\n  \
        name = \"Lin Yue\"\n  title = \"partner\"\n  place = \"Shanghai\"\n  contact = \"lin@lantern.example\"\n\
        Roles are custodian, verifier, witness, accounting-witness, systems-witness, head-of-firm, \
        head-of-archives, head-of-accounting, archives-clerk and accounting-clerk."
)]
pub struct PurgeArgs {
    #[command(subcommand)]
    pub command: Option<PurgeCommand>,
    /// Show what may be destroyed; change nothing
    #[arg(long, group = "what")]
    pub dry_run: bool,
    /// Write the plan to FILE, for people to read and sign
    #[arg(long, value_name = "FILE", group = "what")]
    pub plan: Option<PathBuf>,
    /// Carry out the plan in FILE: schedule it, or destroy when its cool-off is over
    #[arg(long, value_name = "FILE", group = "what")]
    pub execute: Option<PathBuf>,
    /// Destroy what needs no review: schedule what is due, destroy what was scheduled
    #[arg(long, group = "what")]
    pub unattended: bool,
    /// Remove the ciphertext of destroyed records from a copy of their archive
    #[arg(long, value_name = "ARCHIVE", group = "what")]
    pub reclaim: Option<PathBuf>,
    /// A signature under the plan; may be given more than once
    #[arg(long, value_name = "FILE", requires = "execute")]
    pub approval: Vec<PathBuf>,
    /// Name in the certificate who takes part, as FILE says; kept until the purge is carried out
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dry_run", "plan", "reclaim"])]
    pub roles: Option<PathBuf>,
    /// Only records of this archive: its file or its id
    #[arg(long, value_name = "ARCHIVE", conflicts_with_all = ["unattended", "execute", "reclaim"])]
    pub archive: Option<PathBuf>,
    /// Only these records of the archive, such as 17 or 1-4,9
    #[arg(long, value_name = "N", requires = "archive")]
    pub record: Vec<String>,
    /// Before their time, for this reason (a code such as consent-withdrawn): only records that no rule or date keeps
    #[arg(long, value_name = "CODE", requires = "archive")]
    pub early: Option<String>,
    /// Also write the planned records by name to FILE (.csv or .html), which then outlives them
    #[arg(long, value_name = "FILE", requires_all = ["plan", "archive"])]
    pub inventory: Option<PathBuf>,
    #[command(flatten)]
    pub identity: IdentityPlace,
    #[command(flatten)]
    pub keyring: KeyringPlace,
}

#[derive(Subcommand)]
pub enum PurgeCommand {
    /// End the cool-off of a purge: nothing is destroyed
    #[command(after_help = "Example:\n  keepuntil purge cancel 3f5a")]
    Cancel {
        /// Id of the purge, or its first digits
        #[arg(value_name = "ID")]
        purge: String,
        #[command(flatten)]
        keyring: KeyringPlace,
    },
}

pub fn run(args: PurgeArgs, common: Common) -> Result<Done, Failure> {
    if let Some(PurgeCommand::Cancel { purge, keyring }) = &args.command {
        let mut custody = home::custody(keyring)?;
        let id = hex::encode(cancel(&mut custody, purge)?);
        if common.json {
            render::json_line(&serde_json::json!({ "message_type": "cancelled", "purge": id }));
        } else if !common.quiet {
            let cancelled = tr!("purge {id} cancelled: its records are due as before", id = id);
            render::print(&(cancelled + "\n"))?;
        }
        return Ok(Done::Clean);
    }
    if let Some(archive) = &args.reclaim {
        return reclaim_archive(archive, &args.keyring, common);
    }
    let roles = roles(args.roles.as_deref())?;
    let mut custody = home::custody(&args.keyring)?;
    super::status::warn(&custody);
    // What an earlier run could not finish is told before anything else.
    for executed in write_certificates(&mut custody)? {
        report(&executed, common)?;
    }
    if let Some(file) = &args.execute {
        let signatures = home::signatures(&args.approval)?;
        let plan = read_limited(file, MAX_PLAN)?;
        let bar = Bar::counting(text!("purging"), common.quiet);
        custody.keyring_mut().watch(bar.watched());
        let step = execute_plan(&mut custody, &plan, &signatures, &roles).map_err(|e| match e {
            OpsError::PlanFile { source, .. } => OpsError::PlanFile { path: file.clone(), source },
            other => other,
        })?;
        bar.done();
        custody.keyring_mut().watch(Watched::default());
        return match step {
            Step::Scheduled(scheduled) => report_scheduled(&scheduled, common),
            Step::Executed(executed) => report(&executed, common),
        };
    }
    if args.unattended {
        return run_unattended(&mut custody, &roles, common);
    }
    let selection = selection(&custody, &args)?;
    let proposal = propose(&mut custody, &selection)?;
    match &args.plan {
        Some(file) => {
            if let Some(inventory) = &args.inventory {
                write_inventory(&mut custody, &proposal, &args, inventory)?;
            }
            write_plan(&custody, &proposal, &selection, file, common)
        }
        None if args.dry_run => show_proposal(&custody, &proposal, &selection, common),
        None => Err(Failure::Usage(
            tr!("it is not said what to do"),
            tr!("add --dry-run, --plan FILE, --execute FILE, --unattended or --reclaim ARCHIVE"),
        )),
    }
}

/// The people in a file of roles; nobody where none is named.
fn roles(file: Option<&Path>) -> Result<Roles, Failure> {
    let Some(path) = file else { return Ok(Roles::new()) };
    let parsed = parse_roles(&home::text(path, MAX_ROLES)?);
    Ok(parsed.map_err(|source| OpsError::Roles { path: path.into(), source })?)
}

fn selection(custody: &Custody, args: &PurgeArgs) -> Result<Selection, Failure> {
    let archive = args.archive.as_ref().map(|archive| archive_id(custody.keyring(), archive)).transpose()?;
    let records = home::records(&args.record)?;
    if let (Some(archive), Some(records)) = (&archive, &records) {
        check_records(custody.keyring(), archive, records)?;
    }
    if let Some(code) = &args.early
        && !crate::retention::term::is_code(code)
    {
        return Err(Failure::Usage(
            tr!("{code} is not a code of lower-case letters, digits and hyphens", code = format!("{code:?}")),
            tr!("a reason must not name anybody: it outlives the record; use a code such as consent-withdrawn"),
        ));
    }
    Ok(Selection { archive, records, early: args.early.clone() })
}

fn show_proposal(
    custody: &Custody,
    proposal: &Proposal,
    selection: &Selection,
    common: Common,
) -> Result<Done, Failure> {
    if common.json {
        for (record, _) in &proposal.records {
            let mut object = serde_json::json!(record);
            object["message_type"] = "planned".into();
            render::json_line(&render::complete(object, &["until"]));
        }
        render::json_line(&serde_json::json!({
            "message_type": "plan", "record_count": proposal.records.len(),
            "approvals_needed": proposal.approvals_needed, "left": proposal.left, "notices": proposal.notices,
        }));
        return Ok(Done::Clean);
    }
    warn_of_notices(custody, proposal)?;
    let words = |why: LeftAlone| match why {
        LeftAlone::NoticeRunning => tr!(
            "notice of destruction sent, its period runs until {day}",
            day = notify::running_until(&proposal.notices)
        ),
        why => why.words(),
    };
    let left: Vec<Left> =
        proposal.left.iter().map(|(why, records)| Left { why: words(*why), records: *records }).collect();
    if proposal.records.is_empty() {
        let line =
            |left: &Left| tr!("  {n} record: {why}" | "  {n} records: {why}" % left.records, why = left.why) + "\n";
        let lines: String = left.iter().map(line).collect();
        render::print(&format!("{}\n{lines}", tr!("nothing may be destroyed now")))?;
        return Ok(Done::Clean);
    }
    render::print(&dry_run(&plan(custody, proposal, selection.early.as_deref())?, &left))?;
    Ok(Done::Clean)
}

/// Says of what somebody objects to, and of what stays since nobody was told.
fn warn_of_notices(custody: &Custody, proposal: &Proposal) -> Result<(), Failure> {
    let objected = objected(custody, proposal.records.iter().map(|(planned, _)| planned))?;
    if objected == 0 {
        warn_of_objections(custody)?;
    } else {
        let text =
            tr!("somebody objects to the destruction of {n} record, and was not answered: see `keepuntil notice due`"
                | "somebody objects to the destruction of {n} records, and was not answered: see `keepuntil notice due`"
                    % objected);
        tell_warning(&text);
    }
    if proposal.notices.to_send() > 0 {
        tell_hint(&notice_hint());
    }
    Ok(())
}

fn write_plan(
    custody: &Custody,
    proposal: &Proposal,
    selection: &Selection,
    file: &Path,
    common: Common,
) -> Result<Done, Failure> {
    let plan: Plan = plan(custody, proposal, selection.early.as_deref())?;
    let mut output = OutputFile::begin(file, 0o644, false)?;
    output.write_all(&plan.to_bytes()).map_err(StorageError::at(file))?;
    output.finish()?;
    show_proposal(custody, proposal, selection, common)?;
    if !common.quiet && !common.json {
        let path = show(file);
        tell_done(&tr!("Wrote the plan to {path}.", path = path));
        let then = |command: String| eprintln!("{}", tr!("  Then: {command}", command = command));
        match proposal.approvals_needed {
            0 => then(format!("keepuntil purge --execute {path}")),
            needed => {
                let sign = tr!("  {n} person on the roster must sign it, each into a file of their own:"
                    | "  {n} people on the roster must sign it, each into a file of their own:" % needed);
                tell_done(&sign);
                let (key, signature) = (sample_key(), sample_signature());
                eprintln!("    ssh-keygen -Y sign -n keepuntil-plan -f {key} < {path} > {signature}");
                then(format!("keepuntil purge --execute {path} --approval {signature} …"));
            }
        }
    }
    Ok(Done::Clean)
}

/// The planned records of one archive by name: made before execution only, and nowhere but where it is asked for.
fn write_inventory(custody: &mut Custody, proposal: &Proposal, args: &PurgeArgs, path: &Path) -> Result<(), Failure> {
    let Some(archive) = args.archive.as_ref().filter(|archive| archive.is_file()) else {
        return Err(Failure::Usage(
            tr!("names are read from the archive, and --archive names no file"),
            tr!("name the archive's file: --archive firm.sealed"),
        ));
    };
    let (mut reader, _) = open_archive(archive, &Trust::default(), Some(custody.keyring()))?;
    let identities = home::required_identities(&args.identity)?;
    let mut opener = Opener::new(&reader, &identities, custody.keyring_mut());
    let mut records = Vec::new();
    let id = *reader.archive();
    for (planned, _) in proposal.records.iter().filter(|(planned, _)| planned.archive == id) {
        let leaf = reader.record(planned.record).map_err(OpsError::archive(archive))?;
        let label = opener.label(&reader, &leaf)?;
        records.push(NamedRecord {
            archive: planned.archive,
            record: planned.record,
            name: label.name,
            years: label.dated.map(|dated| dated.format("%Y").to_string()),
            files: label.files,
            rules: planned.rules.clone(),
            until: planned.until,
        });
    }
    let inventory = NameInventory { made: custody.now().reading.wall, records };
    let language = language();
    let html = path.extension().is_some_and(|extension| extension == "html");
    let content = if html { inventory.to_html(language).into_bytes() } else { inventory.to_csv(language) };
    let mut output = OutputFile::begin(path, 0o600, false)?;
    output.write_all(&content).map_err(StorageError::at(path))?;
    output.finish()?;
    tell_warning(&tr!("{file}: it names the records, and outlives them", file = show(path)));
    Ok(())
}

/// Says that people have objected and wait for an answer; their objections stop nothing by themselves.
fn warn_of_objections(custody: &Custody) -> Result<(), Failure> {
    let open = open_objections(custody)?;
    if open > 0 {
        tell_warning(&tr!("{n} objection or complaint is not answered: see `keepuntil notice due`"
            | "{n} objections or complaints are not answered: see `keepuntil notice due`" % open));
    }
    Ok(())
}

fn run_unattended(custody: &mut Custody, roles: &Roles, common: Common) -> Result<Done, Failure> {
    warn_of_objections(custody)?;
    let bar = Bar::counting(text!("purging"), common.quiet);
    custody.keyring_mut().watch(bar.watched());
    let outcome = unattended(custody, roles)?;
    bar.done();
    custody.keyring_mut().watch(Watched::default());
    let mut done = Done::Clean;
    for executed in &outcome.executed {
        report(executed, common)?;
    }
    for Stopped { archive, record, why } in &outcome.stopped {
        let (archive, why) = (hex::encode(archive), why.to_string());
        tell_warning(&tr!(
            "record {record} of archive {archive}: {why}",
            record = record,
            archive = archive,
            why = why
        ));
        done = Done::Findings;
    }
    if common.json && outcome.notices != NoticeCounts::default() {
        let mut object = serde_json::json!(outcome.notices);
        object["message_type"] = "unnotified".into();
        render::json_line(&object);
    }
    notify::why_they_stay(&outcome.notices).iter().for_each(|line| tell_warning(line));
    if outcome.notices.to_send() > 0 {
        tell_hint(&notice_hint());
    }
    match &outcome.scheduled {
        Some(scheduled) => {
            report_scheduled(scheduled, common)?;
        }
        None if outcome.executed.is_empty() && !common.json && !common.quiet => {
            render::print(&(tr!("nothing to destroy") + "\n"))?;
        }
        None => {}
    }
    if common.json {
        render::end_of_list(outcome.executed.len() as u64 + u64::from(outcome.scheduled.is_some()));
    }
    Ok(done)
}

fn report_scheduled(scheduled: &Scheduled, common: Common) -> Result<Done, Failure> {
    let records: u64 = scheduled.items.iter().map(|item| item.records.count()).sum();
    let id = hex::encode(scheduled.id);
    if common.json {
        render::json_line(&serde_json::json!({
            "message_type": "scheduled", "purge": id, "record_count": records, "not_before": scheduled.not_before,
        }));
    } else if !common.quiet {
        let what = tr!(
            "  {n} record scheduled; may be destroyed from {day} on"
                | "  {n} records scheduled; may be destroyed from {day} on" % records,
            day = scheduled.not_before
        );
        let cancel = tr!("  until then: {command}", command = format!("keepuntil purge cancel {}", &id[..8]));
        render::print(&format!("{}\n{what}\n{cancel}\n", tr!("purge {id}", id = id)))?;
    }
    Ok(Done::Clean)
}

fn report(executed: &Executed, common: Common) -> Result<Done, Failure> {
    let certificate = &executed.certificate;
    let id = hex::encode(certificate.purge);
    if common.json {
        render::json_line(&serde_json::json!({
            "message_type": "destroyed", "purge": id, "record_count": certificate.records.len(),
            "generation": certificate.generation, "certificate": executed.path.to_string_lossy(),
            "key_sheet_count": certificate.exports.iter().map(|sheet| sheet.records).sum::<u64>(),
            "grant_count": certificate.disclosures.len(),
        }));
        return Ok(Done::Clean);
    }
    if !common.quiet {
        let records = render::record_count(certificate.records.len() as u64);
        let erased = tr!("  the keys of {records} are destroyed here (cryptographic erase)", records = records);
        let written = render::field(&tr!("certificate"), &show(&executed.path), 15);
        render::print(&format!("{}\n{erased}\n{written}", tr!("purge {id}", id = id)))?;
    }
    for granted in &certificate.disclosures {
        tell_warning(&tr!(
            "grant {grant} handed over {n} of them: what was handed over is not destroyed",
            grant = hex::encode(granted.grant),
            n = granted.records
        ));
    }
    for sheet in &certificate.exports {
        tell_warning(&tr!(
            "a key sheet written on {day} still opens {n} of them: destroy it",
            day = sheet.time.date_naive(),
            n = sheet.records
        ));
    }
    Ok(Done::Clean)
}

fn reclaim_archive(archive: &Path, place: &KeyringPlace, common: Common) -> Result<Done, Failure> {
    let mut custody = home::custody(place)?;
    let (mut reader, _) = open_archive(archive, &Trust::default(), Some(custody.keyring()))?;
    let id = archive_id(custody.keyring(), archive)?;
    let bar = Bar::new(text!("removing"), common.quiet);
    let is_destroyed =
        |record: u64| -> Result<bool, OpsError> { Ok(!custody.keyring_mut().record_entry(&id, record)?.live) };
    let outcome = reclaim(archive, &mut reader, is_destroyed, &bar)?;
    bar.done();
    if common.json {
        render::json_line(&serde_json::json!({
            "message_type": "reclaimed", "record_count": outcome.records, "bytes": outcome.bytes,
            "space_freed": outcome.freed,
        }));
    } else if !common.quiet {
        let bytes = render::bytes(outcome.bytes);
        let removed = tr!(
            "{n} destroyed record: {bytes} of ciphertext removed"
                | "{n} destroyed records: {bytes} of ciphertext removed" % outcome.records,
            bytes = bytes
        );
        let text =
            if outcome.freed { removed } else { tr!("{removed}; this file system keeps the space", removed = removed) };
        render::print(&(text + "\n"))?;
    }
    Ok(Done::Clean)
}
