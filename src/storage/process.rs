//! Runs of other programs: no shell, bounded input, output and time.
//!
//! Invariant: whatever the program does, a run ends within its time, keeps a bounded part of what was printed, and
//! leaves no file behind. Programs are found on the search path of whoever started keepuntil.

use super::{StorageError, escape};
use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use tr::tr;

/// How often a running program is looked at.
const TICK: Duration = Duration::from_millis(5);
/// How long a program may take to end after it was told to, and its output to arrive after its end.
const GRACE: Duration = Duration::from_millis(700);
/// Bytes of a program's complaint that an error repeats.
const COMPLAINT: usize = 600;

/// A program that did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It is not installed.
    #[error("{}", tr!("{program}: there is no such program", program = _0))]
    Missing(String),
    /// It could not be started or talked to.
    #[error("{}: {}", program, crate::language::of_system(source))]
    Start {
        /// Which.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// It said no.
    #[error("{}: {}", program, crate::language::of_program(complaint))]
    Failed {
        /// Which.
        program: String,
        /// Its exit code; `None` when a signal ended it.
        code: Option<i32>,
        /// What it wrote to standard error, shortened and escaped.
        complaint: String,
    },
    /// It did not end in time and was ended.
    #[error("{}", tr!("{program}: it had not ended after {seconds} seconds", program = program, seconds = seconds))]
    TimedOut {
        /// Which.
        program: String,
        /// Its time.
        seconds: u64,
    },
    /// It printed more than it may.
    #[error("{}", tr!("{program}: it printed more than {limit} bytes", program = program, limit = limit))]
    TooMuch {
        /// Which.
        program: String,
        /// Its bound.
        limit: usize,
    },
    /// Somebody interrupted us while it ran; it was ended.
    #[error("{}", tr!("{program}: interrupted", program = _0))]
    Interrupted(String),
    /// A file for it.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// What a program did.
#[derive(Debug)]
pub struct Ran {
    program: String,
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it complained of.
    pub stderr: Vec<u8>,
}

impl Ran {
    /// Standard output of a run that succeeded.
    ///
    /// # Errors
    /// [`ProcessError::Failed`] with what the program wrote to standard error.
    pub fn succeeded(self) -> Result<Vec<u8>, ProcessError> {
        match self.code {
            Some(0) => Ok(self.stdout),
            _ => Err(self.failure()),
        }
    }

    /// The run as an error.
    pub fn failure(self) -> ProcessError {
        let complaint = match self.complaint() {
            complaint if !complaint.is_empty() => complaint,
            _ => match self.code {
                Some(code) => tr!("it ended with {code}", code = code),
                None => tr!("a signal ended it"),
            },
        };
        ProcessError::Failed { program: self.program, code: self.code, complaint }
    }

    /// What it wrote to standard error on one line, shortened and escaped.
    pub fn complaint(&self) -> String {
        let text = String::from_utf8_lossy(&self.stderr[..self.stderr.len().min(COMPLAINT)]).into_owned();
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        escape(&lines.join("; "))
    }
}

/// A program to be run.
pub struct Program<'a> {
    name: OsString,
    command: Command,
    input: Vec<u8>,
    time: Duration,
    limit: usize,
    stop: Option<&'a AtomicBool>,
}

impl<'a> Program<'a> {
    /// A program, by name or absolute path, that may run for `time` and print `limit` bytes to each of its outputs.
    ///
    /// Its messages are in English and its clock in UTC, so that what it prints has one spelling.
    pub fn new(name: impl AsRef<OsStr>, time: Duration, limit: usize) -> Self {
        let mut command = Command::new(name.as_ref());
        command.env("LC_ALL", "C").env("TZ", "UTC0");
        Self { name: name.as_ref().into(), command, input: Vec::new(), time, limit, stop: None }
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets a variable of its environment.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Leaves language and time zone as they are.
    pub fn in_our_words(mut self) -> Self {
        for name in ["LC_ALL", "TZ"] {
            self.command.env_remove(name);
        }
        self
    }

    /// Gives it bytes on standard input; without them it reads nothing.
    pub fn input(mut self, bytes: &[u8]) -> Self {
        self.input = bytes.to_vec();
        self
    }

    /// Ends it as soon as `stop` is set.
    pub fn until(mut self, stop: &'a AtomicBool) -> Self {
        self.stop = Some(stop);
        self
    }

    /// Runs it.
    ///
    /// # Errors
    /// [`ProcessError`]; an exit code other than 0 is none: see [`Ran::succeeded`].
    pub fn run(mut self) -> Result<Ran, ProcessError> {
        let program = escape(&Path::new(&self.name).file_name().unwrap_or(&self.name).to_string_lossy());
        let start = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::NotFound => ProcessError::Missing(program.clone()),
            _ => ProcessError::Start { program: program.clone(), source },
        };
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().map_err(start)?;
        if let Some(mut stdin) = child.stdin.take() {
            let input = std::mem::take(&mut self.input);
            // A program that ends without reading everything has decided already: its exit code tells.
            std::thread::spawn(move || drop(stdin.write_all(&input)));
        }
        let outputs = [collect(child.stdout.take(), self.limit), collect(child.stderr.take(), self.limit)];
        let code = self.wait(&mut child, &program)?;
        // A grandchild may hold the pipe open: what has not arrived by then is not waited for.
        let arrived = |output: &Receiver<Vec<u8>>| output.recv_timeout(GRACE).unwrap_or_default();
        let [stdout, stderr] = outputs.each_ref().map(arrived);
        if stdout.len() > self.limit {
            return Err(ProcessError::TooMuch { program, limit: self.limit });
        }
        Ok(Ran { program, code, stdout, stderr })
    }

    fn wait(&self, child: &mut Child, program: &str) -> Result<Option<i32>, ProcessError> {
        let deadline = Instant::now() + self.time;
        loop {
            let ended = child.try_wait().map_err(|source| ProcessError::Start { program: program.into(), source })?;
            if let Some(status) = ended {
                return Ok(status.code());
            }
            if self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
                end(child);
                return Err(ProcessError::Interrupted(program.into()));
            }
            if Instant::now() >= deadline {
                end(child);
                return Err(ProcessError::TimedOut { program: program.into(), seconds: self.time.as_secs() });
            }
            std::thread::sleep(TICK);
        }
    }
}

/// Reads an output to its end, so that the program never waits for us, and keeps one byte more than `limit`.
fn collect(pipe: Option<impl Read + Send + 'static>, limit: usize) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    if let Some(mut pipe) = pipe {
        std::thread::spawn(move || {
            let mut kept = Vec::new();
            let mut buffer = [0; 8192];
            while let Ok(n @ 1..) = pipe.read(&mut buffer) {
                let room = (limit + 1).saturating_sub(kept.len());
                kept.extend_from_slice(&buffer[..n.min(room)]);
            }
            // Nobody listens any more when the time was over.
            let _ = sender.send(kept);
        });
    }
    receiver
}

/// Asks a program to end, and after a moment does not ask any more.
fn end(child: &mut Child) {
    let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        // It may have ended this instant.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    let deadline = Instant::now() + GRACE;
    while Instant::now() < deadline {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        std::thread::sleep(TICK);
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// A private folder for the files of one run; removed when dropped.
pub struct Scratch(tempfile::TempDir);

impl Scratch {
    /// Makes the folder.
    ///
    /// # Errors
    /// [`StorageError::File`].
    pub fn new() -> Result<Self, ProcessError> {
        let private = std::fs::Permissions::from_mode(0o700);
        let made = tempfile::Builder::new().prefix("keepuntil-").permissions(private).tempdir();
        Ok(made.map(Self).map_err(StorageError::at(tr!("a temporary folder")))?)
    }

    /// Writes a file in it, which only we can read.
    ///
    /// # Errors
    /// [`StorageError::File`].
    pub fn file(&self, name: &str, content: &[u8]) -> Result<PathBuf, ProcessError> {
        let path = self.0.path().join(name);
        let write = || {
            let mut file = std::fs::File::options().write(true).create_new(true).mode(0o600).open(&path)?;
            file.write_all(content)
        };
        write().map_err(StorageError::at(&path))?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Program<'static> {
        Program::new("sh", Duration::from_secs(10), 1000).arg("-c").arg(script)
    }

    #[test]
    fn a_run_gives_code_output_and_complaint() {
        let ran = shell("cat; echo no >&2; exit 7").input("grüße".as_bytes()).run().unwrap();
        assert_eq!((ran.code, ran.stdout.as_slice()), (Some(7), "grüße".as_bytes()));
        assert_eq!(ran.succeeded().unwrap_err().to_string(), "sh: no");
        let ran = shell("printf 'a\\n\\033[2Jb\\n' >&2; exit 1").run().unwrap();
        assert_eq!(ran.complaint(), "a; \\u{1b}[2Jb");
    }

    #[test]
    fn a_missing_program_has_an_error_of_its_own() {
        let error = Program::new("keepuntil-no-such-program", Duration::from_secs(1), 10).run().unwrap_err();
        assert!(matches!(error, ProcessError::Missing(_)), "{error}");
    }

    #[test]
    fn time_and_output_are_bounded() {
        let started = Instant::now();
        let slow = Program::new("sleep", Duration::from_millis(50), 10).arg("30");
        assert!(matches!(slow.run(), Err(ProcessError::TimedOut { .. })));
        // A program that does not listen, whose child keeps the pipes open.
        let deaf = Program::new("sh", Duration::from_millis(50), 10).arg("-c").arg("trap '' TERM; sleep 3; sleep 3");
        assert!(matches!(deaf.run(), Err(ProcessError::TimedOut { .. })));
        assert!(started.elapsed() < Duration::from_secs(3));
        assert!(matches!(shell("yes | head -c 100000").run(), Err(ProcessError::TooMuch { limit: 1000, .. })));
        assert_eq!(shell("yes | head -c 100000 >&2").run().unwrap().code, Some(0));
        // It need not read what it is given.
        assert_eq!(shell("exit 0").input(&vec![b'x'; 1 << 20]).run().unwrap().code, Some(0));
    }

    #[test]
    fn an_interruption_ends_it_within_a_second() {
        let (stop, started) = (AtomicBool::new(true), Instant::now());
        assert!(matches!(shell("sleep 30").until(&stop).run(), Err(ProcessError::Interrupted(_))));
        assert!(started.elapsed() < Duration::from_secs(1));
    }

    #[test]
    fn scratch_files_are_private_and_go_away() {
        let scratch = Scratch::new().unwrap();
        let path = scratch.file("message", b"secret").unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(path.parent().unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o700);
        drop(scratch);
        assert!(!path.exists());
    }
}
