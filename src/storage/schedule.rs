//! What makes destruction happen without anybody there: the text of a systemd timer and of a line of cron.
//!
//! Invariant: pure text, one schedule a keyring; whatever a path holds, it reaches the program as it is or is refused.

use super::process::ProcessError;
use super::{StorageError, show};
use crate::language::{Language, in_language, said, text};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use tr::tr;

/// First line of every file that belongs to a schedule; a file without it is somebody else's.
pub const MARKER: &str = "# keepuntil-schedule/v1: written by `keepuntil schedule`, and removed by it";
/// Bytes of a line of cron. Some crons cut a command after 999.
const CRON_LINE: usize = 990;

/// A schedule that cannot be written, installed or removed.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// A path that the scheduler could not pass on.
    #[error("{}: {}", show(path), said(what))]
    Path {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Not a time of day.
    #[error("{}", tr!("{text} is not a time of day such as 03:30", text = format!("{_0:?}")))]
    Time(String),
    /// A file of that name that is not ours.
    #[error("{}", tr!("{path}: it was not written by keepuntil and is left alone", path = show(_0)))]
    Foreign(PathBuf),
    /// A crontab whose marks do not pair.
    #[error("{}", tr!("crontab: the marks of the schedule are damaged: a line was removed or added between them"))]
    Marks,
    /// A line that cron would cut.
    #[error("{}", tr!("crontab: the line would have {length} bytes, more than every cron reads", length = _0))]
    Long(usize),
    /// A file.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// `systemctl` or `crontab`.
    #[error(transparent)]
    Process(#[from] ProcessError),
}

/// A time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeOfDay {
    hour: u8,
    minute: u8,
}

impl std::str::FromStr for TimeOfDay {
    type Err = ScheduleError;

    /// Reads `HH:MM`.
    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let number = |digits: &str, end: u8| {
            let plain = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse().ok().filter(|number| plain && *number < end)
        };
        let parts = text.split_once(':').and_then(|(hour, minute)| Some((number(hour, 24)?, number(minute, 60)?)));
        parts.map(|(hour, minute)| Self { hour, minute }).ok_or_else(|| ScheduleError::Time(text.into()))
    }
}

/// Whose systemd runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manager {
    /// That of the user.
    User,
    /// That of the machine, as the user with this number.
    System {
        /// The owner of the keyring.
        owner: u32,
    },
}

impl std::fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

/// A daily run of `purge --unattended` and `status` for one keyring.
#[derive(Clone, Debug)]
pub struct Schedule {
    program: String,
    keyring: String,
    root: String,
    at: TimeOfDay,
    lang: Option<String>,
}

impl Schedule {
    /// A schedule for the keyring in `keyring` with its root in `root`, run by `program`; all of them absolute paths.
    ///
    /// # Errors
    /// [`ScheduleError::Path`].
    pub fn new(program: &Path, keyring: &Path, root: &Path, at: TimeOfDay) -> Result<Self, ScheduleError> {
        let text = |path: &Path| {
            let fault = |what| ScheduleError::Path { path: path.into(), what };
            let text = path.to_str().ok_or_else(|| fault(text!("a schedule cannot name a path that is not UTF-8")))?;
            match () {
                () if !path.is_absolute() => Err(fault(text!("a schedule needs an absolute path"))),
                () if text.contains(char::is_control) => {
                    Err(fault(text!("a schedule cannot name a control character")))
                }
                () => Ok(text.to_owned()),
            }
        };
        Ok(Self { program: text(program)?, keyring: text(keyring)?, root: text(root)?, at, lang: None })
    }

    /// Has the runs speak this language, as `--lang` takes it, whatever the locale of the scheduler.
    pub fn speaking(self, lang: Option<&str>) -> Self {
        Self { lang: lang.map(str::to_owned), ..self }
    }

    /// The same at another time of day.
    pub fn at(self, at: TimeOfDay) -> Self {
        Self { at, ..self }
    }

    /// When it runs.
    pub fn time_of_day(&self) -> TimeOfDay {
        self.at
    }

    /// The language of what people read in it: that of its runs.
    fn language(&self) -> Language {
        self.lang.as_deref().map_or(Language::English, Language::of_locale)
    }

    /// What this schedule is called: every keyring has its own.
    pub fn name(&self) -> String {
        name(Path::new(&self.keyring))
    }

    /// The service: what is run.
    pub fn service(&self, manager: Manager) -> String {
        let Self { keyring, root, .. } = self;
        let line = |verb: &[&str]| {
            let lang = self.lang.as_deref().map_or(Vec::new(), |lang| vec!["--lang", lang]);
            let words = [&[self.program.as_str(), "--quiet"], verb, &["--keyring", keyring], lang.as_slice()].concat();
            let line = words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
            // Without this systemd would look for variables; only where needed, since old versions do not know it.
            if line.contains('$') { format!(":{line}") } else { line }
        };
        let (purge, status) = (line(&["purge", "--unattended"]), line(&["status"]));
        let fence = match manager {
            // A user's systemd can make no namespaces on many machines, and a unit that asks for them would not run.
            Manager::User => String::new(),
            Manager::System { owner } => format!(
                "User={owner}\nCapabilityBoundingSet=\nPrivateDevices=yes\nPrivateNetwork=yes\nPrivateTmp=yes\n\
                 ProtectClock=yes\nProtectControlGroups=yes\nProtectHome=read-only\nProtectHostname=yes\n\
                 ProtectKernelLogs=yes\nProtectKernelModules=yes\nProtectKernelTunables=yes\nProtectSystem=strict\n\
                 ReadWritePaths={} {}\n",
                quoted(keyring),
                quoted(root)
            ),
        };
        let [what, why] = in_language(self.language(), || {
            [
                tr!("Destroy keys of sealed records that are due (keepuntil)"),
                tr!(
                    "Runs whatever became of the purge, and fails the unit with it where something is overdue (exit code 3)."
                ),
            ]
        });
        format!(
            "{MARKER}\n\
             [Unit]\n\
             Description={what}\n\
             Documentation=man:keepuntil(1)\n\n\
             [Service]\n\
             Type=oneshot\n\
             ExecStart={purge}\n\
             # {why}\n\
             ExecStopPost={status}\n\
             TimeoutStopSec=1h\n\
             UMask=0077\n\
             {fence}\
             LockPersonality=yes\n\
             NoNewPrivileges=yes\n\
             RestrictAddressFamilies=AF_UNIX\n\
             RestrictRealtime=yes\n\
             RestrictSUIDSGID=yes\n\
             SystemCallArchitectures=native\n"
        )
    }

    /// The timer: when it is run.
    pub fn timer(&self) -> String {
        let [what, why] = in_language(self.language(), || {
            [tr!("Daily run of keepuntil"), tr!("A run that was missed while the machine was off is made up for.")]
        });
        format!(
            "{MARKER}\n\
             [Unit]\n\
             Description={what}\n\n\
             [Timer]\n\
             {CALENDAR}{}:00\n\
             RandomizedDelaySec=30min\n\
             # {why}\n\
             Persistent=true\n\n\
             [Install]\n\
             WantedBy=timers.target\n",
            self.at
        )
    }

    /// The line of cron, which prints (and so has cron send) only what went wrong.
    ///
    /// # Errors
    /// [`ScheduleError::Long`].
    pub fn cron_line(&self) -> Result<String, ScheduleError> {
        let run = |verb: &str| {
            let (program, keyring) = (single_quoted(&self.program), single_quoted(&self.keyring));
            let lang = self.lang.as_deref().map_or(String::new(), |lang| format!(" --lang {}", single_quoted(lang)));
            let command = format!("keepuntil {verb}");
            let ended = in_language(self.language(), || tr!("{command}: exit {code}", command = command, code = "$?"));
            format!("o=$({program} --quiet {verb} --keyring {keyring}{lang} 2>&1) || echo \"{ended} $o\"")
        };
        let TimeOfDay { hour, minute } = self.at;
        let line = format!("{minute} {hour} * * * {}; {}", run("purge --unattended"), run("status"));
        if line.len() > CRON_LINE { Err(ScheduleError::Long(line.len())) } else { Ok(line) }
    }
}

/// Before the time of day in a timer.
const CALENDAR: &str = "OnCalendar=*-*-* ";

/// When a timer of ours runs.
pub(super) fn time_of_timer(timer: &str) -> Option<TimeOfDay> {
    let time = timer.lines().find_map(|line| line.strip_prefix(CALENDAR))?;
    time.strip_suffix(":00")?.parse().ok()
}

/// The language that the runs of a service of ours speak, where it names one.
pub(super) fn lang_of_service(service: &str) -> Option<&str> {
    let run = service.lines().find(|line| line.starts_with("ExecStopPost="))?;
    let (_, lang) = run.rsplit_once(" --lang ")?;
    Some(lang).filter(|lang| !lang.contains(' '))
}

/// What the schedule of the keyring in `keyring` (an absolute path) is called.
pub fn name(keyring: &Path) -> String {
    format!("keepuntil-{}", hex::encode(&crate::crypto::hash::sha256(&[keyring.as_os_str().as_bytes()])[..4]))
}

/// A word for a unit file.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.');
    if word.chars().all(plain) {
        return word.to_owned();
    }
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%"))
}

/// A word for the shell inside a line of cron.
fn single_quoted(word: &str) -> String {
    // To cron a bare % ends the line. Outside the quotes the backslash is gone whoever takes it, cron or the shell.
    format!("'{}'", word.replace('\'', "'\\''").replace('%', "'\\%'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day() {
        assert_eq!("03:30".parse::<TimeOfDay>().unwrap(), TimeOfDay { hour: 3, minute: 30 });
        assert_eq!("03:05".parse::<TimeOfDay>().unwrap().to_string(), "03:05");
        for bad in ["24:00", "3:30", "03:60", "0330", "03:3", "+3:30", "03:30:00", ""] {
            assert!(bad.parse::<TimeOfDay>().is_err(), "{bad}");
        }
    }

    #[test]
    fn words_survive_unit_files_and_cron() {
        assert_eq!(quoted("/srv/key ring/50% \"沐阳\" \\"), "\"/srv/key ring/50%% \\\"沐阳\\\" \\\\\"");
        assert_eq!(quoted("/srv/keyring"), "/srv/keyring");
        assert_eq!(single_quoted("/a b/50%'s"), "'/a b/50'\\%''\\''s'");
    }

    #[test]
    fn paths_that_no_scheduler_passes_on_are_refused() {
        use std::ffi::OsStr;
        let at = "03:30".parse().unwrap();
        let new = |keyring: &Path| Schedule::new(Path::new("/bin/keepuntil"), keyring, Path::new("/root"), at);
        assert!(new(Path::new("/srv/keyring")).is_ok());
        assert!(new(Path::new("keyring")).is_err());
        assert!(new(Path::new("/srv/key\nring")).is_err());
        assert!(new(Path::new(OsStr::from_bytes(b"/srv/\xff"))).is_err());
        let long = new(Path::new(&format!("/{}", "x".repeat(600)))).unwrap();
        assert!(matches!(long.cron_line(), Err(ScheduleError::Long(_))));
    }
}
