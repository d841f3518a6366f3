//! `keepuntil schedule …`: destruction on the day without anybody there.

use super::args::{Common, KeyringPlace, LangArg};
use super::error::{Failure, tell_error, tell_hint, tell_warning};
use super::{Done, INTERRUPTED, home, render};
use crate::keyring::{Config, KeyringError};
use crate::language::{Language, language, said, text};
use crate::storage::process::{ProcessError, Program};
use crate::storage::schedule::{MARKER, Manager, Schedule, ScheduleError, TimeOfDay};
use crate::storage::timer::{Standing, Units, systemctl};
use crate::storage::{StorageError, crontab, read_limited, show, timer};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tr::tr;

/// Have purge and status run every day, so that what is due is destroyed and what is overdue is seen
#[derive(Subcommand)]
pub enum ScheduleCommand {
    /// Write the files into DIR, to be looked at or installed by hand
    #[command(after_help = "Example:\n  keepuntil schedule write -o units/")]
    Write {
        /// Folder for the files
        #[arg(short, long, value_name = "DIR")]
        output: PathBuf,
        #[command(flatten)]
        what: What,
    },
    /// Install it for this user, or with --system for the machine
    #[command(after_help = "Examples:\n  keepuntil schedule install --at 02:15\n  \
        keepuntil schedule install --cron --keyring /srv/keyring")]
    Install {
        #[command(flatten)]
        what: What,
    },
    /// Take away what install made, and nothing else
    #[command(
        after_help = "Takes away units of your own systemd and the line in your crontab, whichever there is, and says which; \
        --cron or --user takes away that kind alone, --system the machine's units.\n\nExample:\n  keepuntil schedule remove"
    )]
    Remove {
        #[command(flatten)]
        what: What,
    },
    /// Say what is installed and whether it runs
    #[command(after_help = "Example:\n  keepuntil schedule show")]
    Show {
        #[command(flatten)]
        what: What,
    },
    /// Stay and run purge and status again and again: for containers
    #[command(after_help = "Runs once at the start, prints a line for every run, and ends with 0 on SIGTERM or \
        SIGINT.\n\nExample:\n  keepuntil schedule watch --every P1D --keyring /srv/keyring")]
    Watch {
        /// Time from run to run: P1D, 6h, 90m
        #[arg(long, value_name = "PERIOD", default_value = "P1D")]
        every: String,
        #[command(flatten)]
        keyring: KeyringPlace,
    },
}

#[derive(Args)]
pub struct What {
    /// Time of day, in the zone of this machine; systemd adds up to 30 minutes at random [default: 03:30, or as installed]
    #[arg(long, value_name = "HH:MM")]
    at: Option<String>,
    /// A line of cron instead of a systemd timer
    #[arg(long)]
    cron: bool,
    /// Units of your own systemd [default]
    #[arg(long, conflicts_with_all = ["system", "cron"])]
    user: bool,
    /// Units of the machine's systemd, run as the owner of the keyring
    #[arg(long, conflicts_with = "cron")]
    system: bool,
    #[command(flatten)]
    keyring: KeyringPlace,
}

pub fn run(command: ScheduleCommand, common: Common) -> Result<Done, Failure> {
    match command {
        ScheduleCommand::Write { output, what } => write(&output, &what, common),
        ScheduleCommand::Install { what } => install(&what, common),
        ScheduleCommand::Remove { what } => remove(&what, common),
        ScheduleCommand::Show { what } => show_schedule(&what, common),
        ScheduleCommand::Watch { every, keyring } => watch(&every, &keyring, common),
    }
}

/// The time of day where none is named.
const USUAL: &str = "03:30";

fn absolute(path: &Path) -> Result<PathBuf, StorageError> {
    std::path::absolute(path).map_err(StorageError::at(path))
}

fn program() -> Result<PathBuf, StorageError> {
    std::env::current_exe().map_err(StorageError::at(tr!("the program itself")))
}

/// What a schedule is for: the keyring need not open now, but must be there.
fn schedule(what: &What, common: Common) -> Result<Schedule, Failure> {
    let dir = absolute(&home::keyring_dir(&what.keyring)?)?;
    if !crate::keyring::Keyring::exists(&dir) {
        return Err(KeyringError::Missing(dir).into());
    }
    let bytes = read_limited(&dir.join("keyring.json"), 1 << 16)?;
    let config: Config = serde_json::from_slice(&bytes)
        .map_err(|e| KeyringError::Damaged(format!("keyring.json: {}", crate::language::of_library(e))))?;
    let at: TimeOfDay = what.at.as_deref().unwrap_or(USUAL).parse().map_err(failure)?;
    let schedule = Schedule::new(&program()?, &dir, &absolute(&dir.join(config.root))?, at).map_err(failure)?;
    // The scheduler's own locale says nothing about who reads its mails.
    let spoken = (language() == Language::Chinese).then_some(LangArg::Zh);
    Ok(schedule.speaking(common.lang.or(spoken).map(LangArg::as_typed)))
}

fn name(what: &What) -> Result<String, Failure> {
    Ok(crate::storage::schedule::name(&absolute(&home::keyring_dir(&what.keyring)?)?))
}

fn manager(what: &What) -> Result<Manager, Failure> {
    use std::os::unix::fs::MetadataExt;
    if !what.system {
        return Ok(Manager::User);
    }
    let dir = home::keyring_dir(&what.keyring)?;
    let owner = std::fs::metadata(&dir).map_err(StorageError::at(&dir))?.uid();
    Ok(Manager::System { owner })
}

fn units_dir(manager: Manager) -> Result<PathBuf, Failure> {
    match manager {
        Manager::System { .. } => Ok("/etc/systemd/system".into()),
        Manager::User => Ok(home::config_dir()?.join("systemd/user")),
    }
}

fn failure(error: ScheduleError) -> Failure {
    match error {
        ScheduleError::Storage(e) => e.into(),
        ScheduleError::Process(ProcessError::Missing(program)) if program == "crontab" => Failure::Usage(
            tr!("crontab: there is no such program"),
            tr!("install cron, or leave --cron out to use systemd"),
        ),
        ScheduleError::Process(e) => e.into(),
        other => {
            let hint = match &other {
                ScheduleError::Time(_) => tr!("write it as --at 03:30"),
                ScheduleError::Foreign(_) => tr!("look at it, and move it away if nobody needs it"),
                ScheduleError::Marks => tr!("put the marked lines in order with `crontab -e`, or remove them"),
                _ => tr!("move the program or the keyring to a plainer path"),
            };
            Failure::Usage(other.to_string(), hint)
        }
    }
}

fn say(common: Common, text: &str) -> Result<(), Failure> {
    if common.quiet || common.json { Ok(()) } else { render::print(&render::sentence(text)) }
}

fn write(output: &Path, what: &What, common: Common) -> Result<Done, Failure> {
    let schedule = schedule(what, common)?;
    let written = if what.cron {
        let path = output.join(format!("{}.cron", schedule.name()));
        let block = crontab::block(&schedule.name(), &schedule.cron_line().map_err(failure)?);
        timer::write_file(&path, &format!("{MARKER}\n{block}")).map_err(failure)?;
        vec![path]
    } else {
        let units = Units::new(output, &schedule.name());
        units.write(&schedule, manager(what)?).map_err(failure)?;
        vec![units.service(), units.timer()]
    };
    for path in &written {
        say(common, &tr!("Wrote {file}", file = show(path)))?;
    }
    report(common, serde_json::json!({ "paths": written.iter().map(|p| p.to_string_lossy()).collect::<Vec<_>>() }));
    Ok(Done::Clean)
}

fn report(common: Common, mut object: serde_json::Value) {
    if common.json {
        object["message_type"] = "schedule".into();
        let fields = ["paths", "crontab", "changed", "active", "service", "timer"];
        render::json_line(&render::complete(object, &fields));
    }
}

fn install(what: &What, common: Common) -> Result<Done, Failure> {
    let schedule = schedule(what, common)?;
    if what.cron {
        let line = schedule.cron_line().map_err(failure)?;
        let changed = crontab::set(&schedule.name(), Some(&line)).map_err(failure)?;
        match changed {
            true => say(common, &tr!("Added to your crontab: every day at {time}.", time = schedule.time_of_day()))?,
            false => say(common, &tr!("Already in your crontab: every day at {time}.", time = schedule.time_of_day()))?,
        }
        say(common, &tr!("  A run that the machine was off for is not made up for before the next day."))?;
        report(common, serde_json::json!({ "crontab": line, "changed": changed, "active": true }));
        return Ok(Done::Clean);
    }
    let manager = manager(what)?;
    let units = Units::new(&units_dir(manager)?, &schedule.name());
    let changed = units.write(&schedule, manager).map_err(failure)?;
    for file in [units.service(), units.timer()] {
        match changed {
            true => say(common, &tr!("Wrote {file}", file = show(&file)))?,
            false => say(common, &tr!("Unchanged: {file}", file = show(&file)))?,
        }
    }
    let timer_name = format!("{}.timer", schedule.name());
    let active =
        systemctl(manager, &["daemon-reload"]).and_then(|_| systemctl(manager, &["enable", "--now", &timer_name]));
    let is_missing = matches!(active, Err(ProcessError::Missing(_)));
    let active = active.map_err(|e| e.to_string());
    report(
        common,
        serde_json::json!({
            "paths": [units.service().to_string_lossy(), units.timer().to_string_lossy()],
            "changed": changed, "active": active.is_ok(),
        }),
    );
    if let Err(why) = active {
        let user = if manager == Manager::User { " --user" } else { "" };
        tell_warning(&tr!("the timer is written but does not run: {why}", why = why));
        if !is_missing {
            tell_hint(&format!("`systemctl{user} daemon-reload && systemctl{user} enable --now {timer_name}`"));
        }
        tell_hint(&tr!(
            "where there is no systemd: `keepuntil schedule remove`, then `keepuntil schedule install --cron`, or \
             `keepuntil schedule watch` in a container"
        ));
        return Ok(Done::Findings);
    }
    let enabled = tr!(
        "Enabled {timer}: every day at {time}, up to 30 minutes later.",
        timer = timer_name,
        time = schedule.time_of_day()
    );
    say(common, &enabled)?;
    if manager == Manager::User {
        say(common, &tr!("  It runs while you are logged in; for always: loginctl enable-linger"))?;
    }
    Ok(Done::Clean)
}

/// The line of this schedule in the user's crontab; none where there is no cron.
fn cron_line(name: &str) -> Result<Option<String>, Failure> {
    match crontab::read() {
        Ok(crontab) => crontab::find(&crontab, name).map_err(failure),
        Err(ProcessError::Missing(_)) => Ok(None),
        Err(e) => Err(failure(e.into())),
    }
}

/// Which kinds of schedule are meant: units, and a line of cron; without an option both, since either may be installed.
fn kinds(what: &What) -> (bool, bool) {
    (!what.cron, what.cron || !(what.user || what.system))
}

fn remove(what: &What, common: Common) -> Result<Done, Failure> {
    let name = name(what)?;
    let (of_systemd, of_cron) = kinds(what);
    // Whose the machine's units are does not matter for taking them away, and the keyring may be gone.
    let manager = if what.system { Manager::System { owner: 0 } } else { Manager::User };
    let units = Units::new(&units_dir(manager)?, &name);
    // Whatever cannot be looked at stops all of it before anything is taken away.
    if of_systemd && !units.is_ours() {
        return Err(failure(ScheduleError::Foreign(units.timer())));
    }
    let line = if of_cron { cron_line(&name)? } else { None };
    let (mut removed, mut told) = (Vec::new(), Ok(()));
    if of_systemd {
        let there = |path: &PathBuf| path.symlink_metadata().is_ok();
        removed.extend([units.service(), units.timer()].into_iter().filter(there));
        let timer_name = format!("{name}.timer");
        if there(&units.timer()) {
            told = systemctl(manager, &["disable", "--now", &timer_name]).map(drop);
        }
        if units.remove().map_err(failure)? {
            told = told.and(systemctl(manager, &["daemon-reload"]).map(drop));
        }
        for path in &removed {
            say(common, &tr!("Removed {file}", file = show(path)))?;
        }
    }
    if line.is_some() {
        crontab::set(&name, None).map_err(failure)?;
        say(common, &tr!("Removed from your crontab."))?;
    }
    let changed = line.is_some() || !removed.is_empty();
    if !changed {
        let nothing = match (of_systemd, of_cron) {
            (true, true) => tr!("Nothing was installed: there are no units of yours, and no line in your crontab."),
            (true, false) => tr!("There were no units."),
            _ => tr!("It was not in your crontab."),
        };
        say(common, &nothing)?;
    }
    let paths: Vec<_> = removed.iter().map(|path| path.to_string_lossy()).collect();
    report(common, serde_json::json!({ "changed": changed, "paths": paths, "crontab": line }));
    let of_machine = Units::new(&units_dir(Manager::System { owner: 0 })?, &name);
    if !what.system && of_machine.timer().symlink_metadata().is_ok() {
        tell_hint(&tr!("the machine's systemd has it too: `keepuntil schedule remove --system`"));
    }
    if let Err(why) = told {
        tell_warning(&tr!("systemd was not told: {why}", why = why));
        return Ok(Done::Findings);
    }
    Ok(Done::Clean)
}

fn show_schedule(what: &What, common: Common) -> Result<Done, Failure> {
    let schedule = schedule(what, common)?;
    let manager = manager(what)?;
    let units = Units::new(&units_dir(manager)?, &schedule.name());
    let installed = units.as_installed(schedule.clone());
    let (_, of_cron) = kinds(what);
    let line = if of_cron { cron_line(&schedule.name())? } else { None };
    let of_units = [units.service(), units.timer()].iter().any(|path| path.symlink_metadata().is_ok());
    if what.cron || (line.is_some() && !of_units) {
        let there = line.is_some();
        let shown = match &line {
            Some(line) => line.clone(),
            None => {
                say(common, &tr!("There is no line in your crontab. `keepuntil schedule install --cron` would add:"))?;
                schedule.cron_line().map_err(failure)?
            }
        };
        // A line is copied as it stands.
        if !common.quiet && !common.json {
            render::print(&format!("{shown}\n"))?;
        }
        report(common, serde_json::json!({ "crontab": line }));
        return Ok(if there { Done::Clean } else { Done::Findings });
    }
    // What is installed is compared with itself, unless a time was named.
    let schedule = match (&installed, &what.at) {
        (Some(installed), None) => installed.clone(),
        _ => schedule,
    };
    let word = |standing| match standing {
        Standing::Missing => text!("not there"),
        Standing::Current => text!("as it should be"),
        Standing::Differs => text!("differs: install it again"),
        Standing::Foreign => text!("not written by keepuntil"),
    };
    let code = |standing| match standing {
        Standing::Missing => "missing",
        Standing::Current => "current",
        Standing::Differs => "differs",
        Standing::Foreign => "foreign",
    };
    let standing = units.standing(&schedule, manager);
    let timer_name = format!("{}.timer", schedule.name());
    let active = systemctl(manager, &["is-active", &timer_name]);
    for (path, standing) in [units.service(), units.timer()].iter().zip(standing) {
        say(common, &tr!("{file}: {what}", file = show(path), what = said(word(standing))))?;
    }
    let state = match &active {
        Ok(state) => tr!("The timer is {state}", state = state),
        Err(e) => tr!("The timer does not run: {why}", why = e),
    };
    say(common, &state)?;
    let when = match &installed {
        Some(installed) => {
            tr!("Installed: every day at {time}, up to 30 minutes later.", time = installed.time_of_day())
        }
        None => tr!(
            "Nothing is installed. `keepuntil schedule install` would have it run every day at {time}, up to 30 minutes later.",
            time = schedule.time_of_day()
        ),
    };
    say(common, &when)?;
    if let Some(line) = line.as_deref().filter(|_| !common.quiet && !common.json) {
        say(common, &tr!("It is in your crontab as well, and runs twice:"))?;
        // A line is copied as it stands.
        render::print(&format!("{line}\n"))?;
    }
    report(
        common,
        serde_json::json!({
            "paths": [units.service().to_string_lossy(), units.timer().to_string_lossy()], "crontab": line,
            "service": code(standing[0]), "timer": code(standing[1]), "active": active.is_ok(),
        }),
    );
    let well = active.is_ok() && standing == [Standing::Current; 2];
    Ok(if well { Done::Clean } else { Done::Findings })
}

/// How often the loop looks at the clock and for a signal.
const TICK: Duration = Duration::from_millis(100);
/// A purge of a large keyring may take long; one that takes a day is stuck.
const LONGEST: Duration = Duration::from_secs(86_400);

fn watch(every: &str, place: &KeyringPlace, common: Common) -> Result<Done, Failure> {
    let period = interval(every).ok_or_else(|| {
        let every = format!("{every:?}");
        Failure::Usage(tr!("{text} is not a time such as P1D, 6h or 90m", text = every), tr!("use 1 second to 31 days"))
    })?;
    let keyring = absolute(&home::keyring_dir(place)?)?;
    let program = program()?;
    let mut last: Option<DateTime<Utc>> = None;
    while !INTERRUPTED.load(Ordering::Relaxed) {
        let now = home::now().to_utc();
        // The wall clock, so that a night in which the machine slept counts; one that was set back does not stop us.
        if last.is_some_and(|last| now >= last && now < last + period) {
            std::thread::sleep(TICK);
            continue;
        }
        let missed = last.map_or(0, |last| ((now - last).num_seconds() / period.num_seconds() - 1).max(0));
        last = Some(now);
        let mut codes = [None; 2];
        for (verb, code) in [&["purge", "--unattended"][..], &["status"]].iter().zip(&mut codes) {
            match child(&program, verb, &keyring) {
                Ok(ended) => *code = ended,
                Err(ProcessError::Interrupted(_)) => return Ok(Done::Clean),
                Err(e) => tell_error(&tr!("{command}: {error}", command = verb[0], error = e)),
            }
        }
        log(common, now, codes, missed)?;
    }
    Ok(Done::Clean)
}

/// Runs a verb of this program; what it says is passed on where it did not end well.
fn child(program: &Path, verb: &[&str], keyring: &Path) -> Result<Option<i32>, ProcessError> {
    let lang = match language() {
        Language::English => "en",
        Language::Chinese => "zh",
    };
    let run = Program::new(program, LONGEST, 1 << 20).in_our_words().args(["--quiet", "--lang", lang]).args(verb);
    let ran = run.arg("--keyring").arg(keyring).until(&INTERRUPTED).run()?;
    if ran.code != Some(0) {
        eprint!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    }
    Ok(ran.code)
}

fn log(common: Common, time: DateTime<Utc>, codes: [Option<i32>; 2], missed: i64) -> Result<(), Failure> {
    let time = time.to_rfc3339_opts(SecondsFormat::Secs, true);
    let [purge, status] = codes;
    if common.json {
        render::json_line(&serde_json::json!({
            "message_type": "run", "time": time, "purge_exit_code": purge, "status_exit_code": status,
            "missed": missed,
        }));
        return Ok(());
    }
    let word = |code: Option<i32>| match code {
        Some(code) => tr!("exit {code}", code = code),
        None => tr!("ended without a code"),
    };
    let (purge, status) = (word(purge), word(status));
    let text = match missed {
        0 => tr!("{time} purge {purge}, status {status}", time = time, purge = purge, status = status),
        missed => tr!(
            "{time} purge {purge}, status {status}, made up for {n} missed run"
                | "{time} purge {purge}, status {status}, made up for {n} missed runs" % missed,
            time = time,
            purge = purge,
            status = status
        ),
    };
    render::print(&(text + "\n"))
}

/// `P1D`, `PT6H`, `1d`, `6h`, `90m`, `10s`: at least a second, at most 31 days.
fn interval(text: &str) -> Option<TimeDelta> {
    let (digits, unit) = match text.strip_prefix('P') {
        Some(rest) => match rest.strip_prefix('T') {
            Some(rest) => (rest.strip_suffix(['H', 'M', 'S'])?, rest.chars().last()?),
            None => (rest.strip_suffix(['D', 'W'])?, rest.chars().last()?),
        },
        None => (text.strip_suffix(['d', 'h', 'm', 's'])?, text.chars().last()?),
    };
    let number: i64 = digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    let seconds = match unit.to_ascii_lowercase() {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => 604_800,
    };
    number.checked_mul(seconds).filter(|seconds| (1..=31 * 86_400).contains(seconds)).map(TimeDelta::seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals() {
        for (text, seconds) in
            [("P1D", 86_400), ("P1W", 604_800), ("PT6H", 21_600), ("6h", 21_600), ("90m", 5_400), ("1s", 1)]
        {
            assert_eq!(interval(text).map(|delta| delta.num_seconds()), Some(seconds), "{text}");
        }
        for bad in
            ["", "P", "PT", "1", "0h", "-1h", "+1h", "P1M", "32d", "1 h", "99999999999999999999d", "6H", "P1h", "ü"]
        {
            assert_eq!(interval(bad), None, "{bad}");
        }
    }
}
