//! `keepuntil keyring …`.

use super::args::{AgreementArgs, Common, IdentityPlace, KeyringPlace, TrustArgs};
use super::error::{Failure, tell_done, tell_warning};
use super::progress::Bar;
use super::{Done, home, render};
use crate::journal::entry::{Entry, Leaf};
use crate::keyring::watch::Watched;
use crate::keyring::{Config, Keyring};
use crate::language::text;
use crate::ops::approval;
use crate::ops::custody::Custody;
use crate::ops::keys::key_sheet;
use crate::ops::open::{Opener, open_archive};
use crate::ops::restore::Selection;
use crate::ops::settings::{SettingsOptions, lines, set};
use crate::ops::{OpsError, Progress};
use crate::retention::spelled;
use crate::storage::lock::Sharing;
use crate::storage::output::OutputFile;
use crate::storage::slot::keeps_former_content;
use crate::storage::{StorageError, escape, show};
use clap::{Subcommand, ValueEnum};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use tr::tr;

/// Make and look after the keyring that holds the expiry halves of all keys
#[derive(Subcommand)]
pub enum KeyringCommand {
    /// Make a keyring in DIR
    #[command(after_help = "Example:\n  keepuntil keyring init --firm chengming.example /srv/keyring")]
    Init {
        /// Where it is to be
        #[arg(value_name = "DIR", env = "KEEPUNTIL_KEYRING")]
        dir: Option<PathBuf>,
        /// Name in its seals, such as firm.example [default: made from its id]
        #[arg(long, value_name = "NAME")]
        firm: Option<String>,
        /// Folder of its root key: on a disk that is not backed up [default: in your state folder]
        #[arg(long, value_name = "DIR")]
        root: Option<PathBuf>,
    },
    /// Say what the keyring holds and what losing or copying it means
    #[command(after_help = "Example:\n  keepuntil keyring info --vkeys > firm.vkeys")]
    Info {
        #[command(flatten)]
        keyring: KeyringPlace,
        #[command(flatten)]
        identity: IdentityPlace,
        /// Print only the verifier keys of its seals, as verify --trust takes them
        #[arg(long)]
        vkeys: bool,
    },
    /// Say how the keyring is run; what is not named stays as it is
    #[command(after_help = "Example:\n  keepuntil keyring set --cool-off-days 14")]
    Set {
        /// Days between the scheduling of a purge and destruction
        #[arg(long, value_name = "N")]
        cool_off_days: Option<u32>,
        /// Whether the custodian alone may confirm the clock, by typing the date
        #[arg(long, value_name = "WORD")]
        typed_confirmation: Option<YesNo>,
        /// Last day of the firm's fiscal year
        #[arg(long, value_name = "MM-DD")]
        fiscal_year_end: Option<String>,
        #[command(flatten)]
        agreement: AgreementArgs,
        #[command(flatten)]
        keyring: KeyringPlace,
    },
    /// Open everything in the keyring, and compare it with archives
    #[command(after_help = "Example:\n  keepuntil keyring check firm.sealed")]
    Check {
        /// Archives whose keys are compared with what was sealed
        #[arg(value_name = "ARCHIVE")]
        archives: Vec<PathBuf>,
        #[command(flatten)]
        keyring: KeyringPlace,
    },
    /// Write an emergency key sheet, which opens records without keepuntil
    #[command(after_help = "The sheet opens its records for ever: destroying keys in the keyring does not \
        reach it.\n\nExample:\n  keepuntil keyring export firm.sealed --record 17 -o sheet.txt")]
    Export {
        /// The archive
        #[arg(value_name = "ARCHIVE")]
        archive: PathBuf,
        /// Only these records
        #[arg(long, value_name = "N")]
        record: Vec<u64>,
        /// Write the sheet to FILE
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        #[command(flatten)]
        identity: IdentityPlace,
        #[command(flatten)]
        keyring: KeyringPlace,
        #[command(flatten)]
        trust: TrustArgs,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum YesNo {
    Yes,
    No,
}

pub fn run(command: KeyringCommand, common: Common) -> Result<Done, Failure> {
    match command {
        KeyringCommand::Init { dir, firm, root } => init(dir, firm.as_deref(), root, common),
        KeyringCommand::Info { keyring, identity, vkeys } => info(&keyring, &identity, vkeys, common),
        KeyringCommand::Set { cool_off_days, typed_confirmation, fiscal_year_end, agreement, keyring } => {
            let mut custody = home::custody(&keyring)?;
            let options = SettingsOptions {
                cool_off_days,
                typed_confirmation: typed_confirmation.map(|word| word == YesNo::Yes),
                fiscal_year_end: fiscal_year_end.map(TryInto::try_into).transpose()?,
            };
            if agreement.statement {
                let text = approval::statement(&custody, &lines(&custody, &options));
                render::text(&String::from_utf8_lossy(&text), common)?;
                return Ok(Done::Clean);
            }
            let settings = set(&mut custody, &options, &home::signatures(&agreement.approval)?)?;
            if common.json {
                let mut object = serde_json::json!(settings);
                object["message_type"] = "settings".into();
                render::json_line(&object);
            } else if !common.quiet {
                let typed = if settings.typed_confirmation {
                    tr!("typed confirmation" => "yes")
                } else {
                    tr!("typed confirmation" => "no")
                };
                let lines = [
                    (tr!("cool-off"), tr!("{n} day" | "{n} days" % settings.cool_off_days)),
                    (tr!("typed confirmation"), typed),
                    (tr!("fiscal year ends"), settings.fiscal_year_end.to_string()),
                ];
                render::print(&lines.map(|(name, value)| render::field(&name, &value, 22)).concat())?;
            }
            Ok(Done::Clean)
        }
        KeyringCommand::Check { archives, keyring } => check(&archives, &keyring, common),
        KeyringCommand::Export { archive, record, output, identity, keyring, trust } => {
            export(&archive, record, &output, (&identity, &keyring, &trust), common)
        }
    }
}

/// Makes a keyring; without a name its seals carry one made from random digits.
pub fn make(dir: &Path, root: &Path, firm: Option<&str>) -> Result<Config, Failure> {
    let made_up = format!("keyring-{}", hex::encode(&crate::crypto::secret::random_id()[..4]));
    let config = Keyring::create(dir, root, firm.unwrap_or(&made_up))?;
    // The journal begins with the keyring, the register with the clock as it is now.
    let keyring = Keyring::open(dir, Sharing::Exclusive, home::WAIT)?;
    Custody::over(keyring, home::clocks())?.begin()?;
    Ok(config)
}

fn init(dir: Option<PathBuf>, firm: Option<&str>, root: Option<PathBuf>, common: Common) -> Result<Done, Failure> {
    let place = KeyringPlace { keyring: dir };
    let dir = home::keyring_dir(&place)?;
    let root = match root {
        Some(root) => root,
        None => home::default_root_dir(&dir)?,
    };
    make(&dir, &root, firm)?;
    info(&KeyringPlace { keyring: Some(dir) }, &IdentityPlace { identity: Vec::new() }, false, common)
}

fn info(place: &KeyringPlace, identity: &IdentityPlace, vkeys: bool, common: Common) -> Result<Done, Failure> {
    let keyring = home::required_keyring(place, Sharing::Shared)?;
    let keys = keyring.verifier_keys();
    if vkeys {
        render::text(&format!("{}\n{}\n", keys[0], keys[1]), common)?;
        return Ok(Done::Clean);
    }
    let config = keyring.config();
    let archives = keyring.archives()?;
    let exports = keyring.exports()?;
    let together = identity_beside(identity, keyring.dir(), &config.root);
    let copying = keeps_former_content(&config.root);
    if common.json {
        render::json_line(&serde_json::json!({
            "message_type": "keyring",
            "keyring": config.keyring,
            "path": keyring.dir().to_string_lossy(),
            "root_path": config.root.to_string_lossy(),
            "firm": config.firm,
            "generation": keyring.generation(),
            "verifier_keys": keys.each_ref().map(ToString::to_string),
            "identity_on_same_disk": together.is_some(),
            "root_file_system_keeps_copies": copying,
            "unfinished": keyring.unfinished(),
            "archives": archives.iter().map(|a| serde_json::json!({
                "archive": hex::encode(a.id), "origin": a.origin, "record_count": a.size - 1,
                "root": hex::encode(a.root), "deposited": spelled(&a.deposited),
            })).collect::<Vec<_>>(),
            "key_sheets": exports.iter().map(|e| serde_json::json!({
                "time": spelled(&e.time), "archive": hex::encode(e.archive), "records": e.records,
            })).collect::<Vec<_>>(),
        }));
        return Ok(Done::Clean);
    }
    let mut text = show(keyring.dir()) + "\n";
    let mut add = |name: &str, value: &str| text.push_str(&render::field(name, value, 15));
    add(&tr!("keyring id"), &config.keyring.to_string());
    add(&tr!("firm"), &escape(&config.firm));
    let root = tr!("{path}, generation {n}", path = show(&config.root), n = keyring.generation());
    add(&tr!("root key"), &root);
    add(&tr!("signs with"), &keys[0].to_string());
    let key = keys[1].to_string().chars().take(28).collect::<String>() + "…";
    add("", &tr!("{key} (ML-DSA-44; whole with --vkeys)", key = key));
    for a in &archives {
        add(&tr!("archive"), &hex::encode(a.id));
        let (records, time) = (render::record_count(a.size - 1), render::spelled_time(&a.deposited));
        add("", &tr!("{records}, deposited {time}", records = records, time = time));
    }
    for e in &exports {
        let (id, records) = (hex::encode(e.archive), render::record_count(e.records.count()));
        add(&tr!("key sheet"), &tr!("{records} of archive {archive}", records = records, archive = id));
        add("", &tr!("written {time}", time = render::spelled_time(&e.time)));
    }
    let mut remark = |text_of_it: String| text.push_str(&format!("\n{}", render::fitted(&text_of_it)));
    remark(tr!("  If this keyring or its root is lost, no record of its archives opens again.\n  \
         It is the only one: nobody can help.\n  \
         If the root is copied (a backup, a snapshot, a virtual machine's image), the\n  \
         copy revives every record that is destroyed after it was made. Keep it out of\n  \
         backups."));
    if let Some(path) = together {
        remark(tr!(
            "  The identity {path} is on the same disk as the keyring.\n  \
             Whoever takes this disk has both halves of every key and can read all records\n  \
             until they are destroyed. Move the identity to another machine or a token.",
            path = show(&path)
        ));
    }
    if let Some(name) = copying {
        remark(tr!(
            "  The root lies on {file_system}, which does not overwrite in place: what is\n  \
             destroyed may stay on the disk, or in a snapshot of it. Make the keyring with\n  \
             its root on ext4 or xfs:\n  \
             `keepuntil keyring init DIR --root FOLDER`.",
            file_system = name
        ));
    }
    if keyring.unfinished() {
        remark(tr!("  A change was interrupted. The next command that changes the keyring finishes it;\n  \
             until then the former root is still there."));
    }
    render::print(&text)?;
    Ok(Done::Clean)
}

/// The identity file that lies on the disk of the keyring or its root.
fn identity_beside(identity: &IdentityPlace, keyring: &Path, root: &Path) -> Option<PathBuf> {
    let mut paths = identity.identity.clone();
    if paths.is_empty() {
        paths.extend(home::default_identity());
    }
    let device = |path: &Path| std::fs::metadata(path).ok().map(|metadata| metadata.dev());
    let disks = [device(keyring), device(root)];
    paths.into_iter().find(|path| device(path).is_some_and(|disk| disks.contains(&Some(disk))))
}

fn check(archives: &[PathBuf], place: &KeyringPlace, common: Common) -> Result<Done, Failure> {
    let mut keyring = home::required_keyring(place, Sharing::Shared)?;
    let bar = Bar::counting(text!("checking the keyring"), common.quiet);
    keyring.watch(bar.watched());
    let live = keyring.check()?;
    bar.done();
    let bar = Bar::counting(text!("checking the journal"), common.quiet);
    keyring.watch(bar.watched());
    crate::ops::journal::verify_own(&keyring, None)?;
    bar.done();
    keyring.watch(Watched::default());
    let mut compared = 0u64;
    for path in archives {
        let (mut reader, _) = open_archive(path, &crate::ops::open::Trust::default(), Some(&keyring))?;
        let archive = *reader.archive();
        let bar = Bar::counting(text!("comparing"), common.quiet);
        bar.total(reader.records());
        reader.for_each_record::<OpsError>(|_, leaf| {
            bar.advance(1);
            let halves = match keyring.halves(&archive, leaf.record) {
                Err(crate::keyring::KeyringError::Destroyed(_)) => return Ok(()),
                other => other?,
            };
            if leaf.commitments != halves.commitments(&archive, leaf.record).into() {
                return Err(OpsError::ForeignKeys(leaf.record));
            }
            compared += 1;
            Ok(())
        })?;
    }
    if common.json {
        render::json_line(&serde_json::json!({
            "message_type": "keyring_checked", "live_count": live, "compared_count": compared,
        }));
    } else {
        let whole = tr!(
            "{keyring}: whole; it holds the keys of {records}",
            keyring = show(keyring.dir()),
            records = render::record_count(live)
        );
        render::print(&render::sentence(&whole))?;
        if !archives.is_empty() {
            let fit = tr!("{n} key compared with what was sealed: all fit"
                | "{n} keys compared with what was sealed: all fit" % compared);
            render::print(&(fit + "\n"))?;
        }
    }
    Ok(Done::Clean)
}

fn export(
    archive: &Path,
    records: Vec<u64>,
    output: &Path,
    (identity, place, trust): (&IdentityPlace, &KeyringPlace, &TrustArgs),
    common: Common,
) -> Result<Done, Failure> {
    let trust = home::trust(trust)?;
    let mut keyring = home::required_keyring(place, Sharing::Exclusive)?;
    let (mut reader, _) = open_archive(archive, &trust, Some(&keyring))?;
    let identities = home::required_identities(identity)?;
    let selection = if records.is_empty() { Selection::All } else { Selection::Records(records) };
    // Begun first: a name that is taken must not leave an export in the keyring's memory.
    let mut file = OutputFile::begin(output, 0o600, false)?;
    let mut opener = Opener::new(&reader, &identities, &mut keyring);
    let created = home::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let bar = Bar::counting(text!("copying keys"), common.quiet);
    let mut sheet = key_sheet(&mut reader, &mut opener, &selection, &created, &bar)?;
    bar.done();
    if sheet.export.records.is_empty() && !sheet.failed.is_empty() {
        return Err(sheet.failed.remove(0).1.into());
    }
    let entry = Entry::Export { archive: sheet.export.archive, records: sheet.export.records.clone() };
    let leaf = Leaf::new(home::now().to_utc(), entry).to_bytes()?;
    keyring.remember_export(&sheet.export, &[leaf])?;
    file.write_all(sheet.text.as_bytes()).map_err(StorageError::at(output))?;
    file.finish()?;
    if common.json {
        render::json_line(&serde_json::json!({
            "message_type": "key_sheet", "path": output.to_string_lossy(), "time": spelled(&sheet.export.time),
            "archive": hex::encode(sheet.export.archive), "records": sheet.export.records,
        }));
    } else if !common.quiet {
        let records = render::record_count(sheet.export.records.count());
        tell_done(&tr!("Wrote the keys of {records} to {path}.", records = records, path = show(output)));
        eprintln!(
            "{}",
            tr!("  They open these records for ever, whatever is destroyed in the keyring. Print\n  \
                 the sheet, lock it away, and remove the file. The keyring remembers that it\n  exists.")
        );
    }
    for (record, e) in &sheet.failed {
        tell_warning(&tr!("record {record}: {what}", record = record, what = e));
    }
    Ok(if sheet.failed.is_empty() { Done::Clean } else { Done::Findings })
}
