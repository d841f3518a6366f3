//! `keepuntil create`.

use super::args::{AtExpiryArg, ClassArg, Common, CountingArg, Create, KeyringPlace};
use super::error::{Failure, tell_hint, tell_warning};
use super::hint::rule_hint;
use super::progress::Bar;
use super::{Done, INTERRUPTED, home, kept, prompt, render};
use crate::crypto::identity::{Prompts, generate, seal_with_passphrase};
use crate::crypto::recipient::{Recipients, recipients_file};
use crate::keyring::Keyring;
use crate::language::text;
use crate::ops::OpsError;
use crate::ops::create::{CompartmentOptions, CreateOptions, CreateOutcome, create};
use crate::ops::keys::identity_file;
use crate::ops::plan::Grouping;
use crate::retention::demand::{Demand, find_rules};
use crate::retention::policy::{Policy, PolicyCompartment};
use crate::retention::rule::RuleError;
use crate::retention::term::Counting;
use crate::retention::{AtExpiry, Class, RetentionError, parse_date};
use crate::storage::output::{OutputFile, create_private_dir, write_new};
use crate::storage::{StorageError, show};
use crate::survey::draft::{OpenCheck, open_checks};
use chrono::{DateTime, FixedOffset, NaiveDate};
use std::io::{BufWriter, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tr::tr;

/// The compartment of an archive that is made without a policy.
const ONLY_COMPARTMENT: &str = "records";

pub fn run(args: Create, common: Common) -> Result<Done, Failure> {
    let now = home::now();
    let policy = match &args.policy {
        Some(path) => {
            let (policy, checks) = read_policy(path)?;
            warn_of_checks(path, checks.len(), &args.sources);
            Some(policy)
        }
        None => None,
    };
    let alike = if policy.is_none() { Some(alike(&args, now.date_naive())?) } else { None };
    let to_stdout = args.output == Path::new("-");
    if to_stdout && std::io::stdout().is_terminal() {
        return Err(Failure::Usage(tr!("an archive is not for a terminal"), tr!("name a file with -o FILE")));
    }
    if !to_stdout && !args.force && args.output.symlink_metadata().is_ok() {
        return Err(StorageError::Exists(args.output.clone()).into());
    }
    let names = home::names(args.names_from.as_deref())?;
    let mut given = args.recipient.clone();
    for path in &args.recipients_file {
        given.extend(recipients_file(&home::text(path, 1 << 20)?).into_iter().map(str::to_owned));
    }
    let needs_default = match &policy {
        Some(policy) => policy.compartments.iter().any(|c| c.recipients.is_empty()),
        None => true,
    };
    ensure_keyring(&args.keyring, args.firm.as_deref(), common)?;
    if given.is_empty() && needs_default {
        given = ensure_default_recipients(now, common)?;
    }
    let grouping = match (&policy, alike) {
        (Some(policy), _) => Grouping::Policy { policy, created: now.date_naive() },
        (None, Some(alike)) => alike,
        (None, None) => unreachable!("without a policy all records are alike"),
    };
    let options = CreateOptions {
        sources: args.sources.clone(),
        names,
        grouping,
        compartments: compartments(policy.as_ref(), &args, &given)?,
        keyring: home::keyring_dir(&args.keyring)?,
        wait: home::WAIT,
        // Hours of sealing are not thrown away because somebody restores.
        deposit_wait: Duration::from_secs(3600),
        created: now,
        clock: &|| home::now().to_utc(),
        skip_unreadable: args.skip_unreadable,
        threads: home::threads(),
        output: (!to_stdout).then(|| args.output.clone()),
    };
    let bar = Bar::new(text!("sealing"), common.quiet);
    let outcome = if to_stdout {
        let out = BufWriter::with_capacity(1 << 20, std::io::stdout());
        let (outcome, mut out) = create(&options, out, &INTERRUPTED, &bar)?;
        std::io::Write::flush(&mut out).map_err(Failure::Output)?;
        outcome
    } else {
        let out = OutputFile::begin(&args.output, 0o644, args.force)?;
        let (outcome, out) = create(&options, out, &INTERRUPTED, &bar)?;
        out.finish()?;
        outcome
    };
    bar.done();
    report(&outcome, &args.output, to_stdout, common)?;
    Ok(if outcome.skipped.is_empty() { Done::Clean } else { Done::Findings })
}

/// The person who seals decides; what a draft left to somebody is told all the same.
fn warn_of_checks(policy: &Path, checks: usize, sources: &[PathBuf]) {
    if checks > 0 {
        tell_warning(&tr!(
            "{policy}: {n} mark CHECK: is left in it, which nobody has settled"
                | "{policy}: {n} marks CHECK: are left in it, which nobody has settled" % checks,
            policy = show(policy)
        ));
        let folder = sources.first().map_or_else(|| "DIR".to_owned(), |folder| show(folder));
        tell_hint(&tr!(
            "see them with `keepuntil policy check {policy} {folder}`",
            policy = show(policy),
            folder = folder
        ));
    }
}

/// The policy in a file, and the marks of its draft that are left in it.
pub fn read_policy(path: &Path) -> Result<(Policy, Vec<OpenCheck>), Failure> {
    let text = home::text(path, 4 << 20)?;
    let policy = Policy::parse(&text).map_err(OpsError::from)?;
    for rule in policy.rules.iter().filter(|rule| rule.has_long_notice()) {
        tell_warning(&tr!(
            "rule {rule}: notify = {notify} is longer than the rule keeps its records, or than five years: is that meant?",
            rule = rule.id,
            notify = rule.notify.map_or_else(String::new, |period| format!("\"{period}\""))
        ));
    }
    for (path, rule, retain) in policy.long_notices() {
        tell_warning(&tr!(
            "records {path}: rule {rule} has notify = {notify}, longer than the {retain} for which they are kept: is that meant?",
            path = format!("{path:?}"),
            rule = rule.id,
            notify = rule.notify.map_or_else(String::new, |period| format!("\"{period}\"")),
            retain = retain
        ));
    }
    Ok((policy, open_checks(&text)))
}

/// Every entry a record, all kept alike.
fn alike(args: &Create, today: NaiveDate) -> Result<Grouping<'static>, Failure> {
    let counting = |counting| match counting {
        CountingArg::Day => Counting::Day,
        CountingArg::CalendarYear => Counting::CalendarYear,
        CountingArg::FiscalYear => Counting::FiscalYear,
    };
    let at_expiry = |at_expiry| match at_expiry {
        AtExpiryArg::Destroy => AtExpiry::Destroy,
        AtExpiryArg::Review => AtExpiry::Review,
    };
    let fiscal_year_end = args.fiscal_year_end.clone().map(TryInto::try_into).transpose()?;
    let dated = args.dated.as_deref().map(parse_date).transpose()?;
    let demand = Demand {
        rules: find_rules(&args.rule, &[]).map_err(refused)?,
        until: args.until.as_deref().map(parse_date).transpose()?,
        retain: args.retain.as_deref().map(str::parse).transpose()?,
        start: args.start.as_deref().map(str::parse).transpose()?,
        counting: args.counting.map(counting),
        fiscal_year_end: fiscal_year_end.unwrap_or_default(),
        at_expiry: args.at_expiry.map(at_expiry),
    };
    let rules = demand.used_rules().map_err(refused)?;
    let retention = demand.retention(dated, today).map_err(refused)?;
    Ok(Grouping::PerEntry { retention, rules, dated })
}

fn refused(error: RuleError) -> Failure {
    match error {
        RuleError::Retention(error @ RetentionError::Past(_)) => error.into(),
        error => {
            let hint = rule_hint(&error).unwrap_or_else(|| tr!("see `keepuntil create --help`"));
            Failure::Usage(error.to_string(), hint)
        }
    }
}

fn compartments(policy: Option<&Policy>, args: &Create, given: &[String]) -> Result<Vec<CompartmentOptions>, Failure> {
    let prompts = home::prompts();
    let Some(policy) = policy else {
        let class = match args.class {
            ClassArg::Public => Class::Public,
            ClassArg::Sensitive => Class::Sensitive,
            ClassArg::Confidential => Class::Confidential,
        };
        return Ok(vec![CompartmentOptions {
            name: ONLY_COMPARTMENT.into(),
            class,
            recipients: Recipients::parse(given, &prompts)?,
            pad: args.pad || class == Class::Confidential,
        }]);
    };
    let compartment = |c: &PolicyCompartment| {
        Ok(CompartmentOptions {
            name: c.name.clone(),
            class: c.class,
            recipients: recipients_of(c, given, &prompts)?,
            pad: args.pad || c.pad.unwrap_or(c.class == Class::Confidential),
        })
    };
    policy.compartments.iter().map(compartment).collect()
}

/// Who reads a compartment of a policy: the recipients that it names, or else those that were given.
pub fn recipients_of(
    compartment: &PolicyCompartment,
    given: &[String],
    prompts: &Prompts,
) -> Result<Recipients, Failure> {
    if !crate::archive::manifest::is_compartment_name(&compartment.name) {
        return Err(Failure::Usage(
            tr!("policy: {name} cannot name a compartment", name = format!("{:?}", compartment.name)),
            tr!("use lower-case letters, digits and hyphens"),
        ));
    }
    let recipients = if compartment.recipients.is_empty() { given } else { &compartment.recipients };
    Ok(Recipients::parse(recipients, prompts)?)
}

fn ensure_keyring(place: &KeyringPlace, firm: Option<&str>, common: Common) -> Result<(), Failure> {
    let dir = home::keyring_dir(place)?;
    if Keyring::exists(&dir) {
        if firm.is_some() {
            return Err(Failure::Usage(
                tr!("{keyring}: the keyring has its firm's name already", keyring = show(&dir)),
                tr!("leave --firm out, or make another keyring with `keepuntil keyring init`"),
            ));
        }
        return Ok(());
    }
    let root = home::default_root_dir(&dir)?;
    if let Err(error) = super::keyring::make(&dir, &root, firm) {
        // Whoever came first made it for both.
        return if firm.is_none() && Keyring::exists(&dir) { Ok(()) } else { Err(error) };
    }
    if !common.quiet {
        eprintln!("{}", tr!("Made a keyring:  {keyring}", keyring = show(&dir)));
        eprintln!("{}", tr!("  and its root:  {root}", root = show(&root)));
        eprintln!(
            "{}",
            tr!("  Without the keyring and its root no record opens again, ever. A copied root\n  \
                 revives records that were destroyed after the copy: do not back it up.")
        );
    }
    Ok(())
}

fn ensure_default_recipients(now: DateTime<FixedOffset>, common: Common) -> Result<Vec<String>, Failure> {
    let (path, identity_path) = (home::default_recipients()?, home::default_identity()?);
    if path.exists() {
        return Ok(recipients_file(&home::text(&path, 1 << 20)?).into_iter().map(str::to_owned).collect());
    }
    if identity_path.exists() {
        let identities = home::read_identities(&identity_path)?;
        return Ok(identities.recipients().iter().flatten().cloned().collect());
    }
    let identity = generate(false);
    let text = identity_file(&identity, &now.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
    let passphrase = prompt::new_passphrase(&tr!("Passphrase for the new identity (empty for none)"))?;
    if let Some(parent) = identity_path.parent() {
        create_private_dir(parent)?;
    }
    let written = match &passphrase {
        Some(passphrase) => write_new(&identity_path, &seal_with_passphrase(&text, passphrase), 0o600),
        None => write_new(&identity_path, text.as_bytes(), 0o600),
    };
    match written {
        // Another process made one meanwhile: it serves both.
        Err(StorageError::Exists(_)) => return ensure_default_recipients(now, common),
        written => written?,
    }
    write_new(&path, format!("{}\n", identity.recipient).as_bytes(), 0o644)?;
    if !common.quiet {
        eprintln!("{}", tr!("Made an identity: {identity}", identity = show(&identity_path)));
        eprintln!(
            "{}",
            tr!("  Whoever has it and the keyring can read the records; without it nobody can.\n  \
                 Keep a copy of it, apart from the keyring.")
        );
        if passphrase.is_none() {
            eprintln!("{}", tr!("  It has no passphrase: `keepuntil keygen --passphrase` makes one that has."));
        }
        eprintln!(
            "{}",
            tr!("  Identity and keyring are both on this machine: whoever takes it can read\n  \
                 everything until it is destroyed. `keepuntil keyring info` says more.")
        );
    }
    Ok(vec![identity.recipient])
}

fn report(outcome: &CreateOutcome, output: &Path, to_stdout: bool, common: Common) -> Result<(), Failure> {
    for problem in &outcome.skipped {
        tell_warning(&tr!("left out: {problem}", problem = problem));
    }
    let CreateOutcome { records, files, source_bytes, archive_bytes, .. } = outcome;
    if common.json && !to_stdout {
        render::json_line(&serde_json::json!({
            "message_type": "created",
            "archive": hex::encode(outcome.archive),
            "origin": outcome.origin,
            "root": hex::encode(outcome.root),
            "path": output.to_string_lossy(),
            "record_count": records,
            "files": files,
            "source_bytes": source_bytes,
            "archive_bytes": archive_bytes,
            "retentions": kept::json(&outcome.retention),
            "rule_definitions": outcome.rules,
            "skipped": outcome.skipped.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }));
        return Ok(());
    }
    let sealed = tr!(
        "Sealed {records} ({files}, {bytes}) into {output} ({size})",
        records = render::record_count(*records),
        files = render::file_count(*files),
        bytes = render::bytes(*source_bytes),
        output = if to_stdout { tr!("standard output") } else { show(output) },
        size = render::bytes(*archive_bytes)
    );
    let mut text = format!("{sealed}\n{}\n", tr!("Archive id: {archive}", archive = hex::encode(outcome.archive)));
    text.push_str(&kept::text(&outcome.retention, &outcome.rules));
    if to_stdout {
        if !common.quiet {
            eprint!("{text}");
        }
        return Ok(());
    }
    if common.quiet { Ok(()) } else { render::print(&text) }
}
