//! A schedule in systemd: unit files written, told of, and taken away again.
//!
//! Invariant: only files that begin with the marker are replaced or removed; doing it twice is doing it once.

use super::output::OutputFile;
use super::process::{ProcessError, Program};
use super::schedule::{MARKER, Manager, Schedule, ScheduleError, lang_of_service, time_of_timer};
use super::{StorageError, read_limited};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

const PROGRAM: &str = "systemctl";
const TIME: Duration = Duration::from_secs(60);
const OUTPUT: usize = 64 << 10;

/// The unit files of a schedule in a folder.
pub struct Units {
    dir: PathBuf,
    name: String,
}

/// How a unit file stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There is none.
    Missing,
    /// It is as it would be written now.
    Current,
    /// It is ours, but would be written otherwise now.
    Differs,
    /// It is somebody else's.
    Foreign,
}

impl Units {
    /// The units called `name` in `dir`.
    pub fn new(dir: &Path, name: &str) -> Self {
        Self { dir: dir.into(), name: name.into() }
    }

    /// Where the service is.
    pub fn service(&self) -> PathBuf {
        self.dir.join(format!("{}.service", self.name))
    }

    /// Where the timer is.
    pub fn timer(&self) -> PathBuf {
        self.dir.join(format!("{}.timer", self.name))
    }

    /// Writes both, making the folder where it is missing; true when something changed.
    ///
    /// # Errors
    /// [`ScheduleError::Foreign`] before anything is written.
    pub fn write(&self, schedule: &Schedule, manager: Manager) -> Result<bool, ScheduleError> {
        let files = [(self.service(), schedule.service(manager)), (self.timer(), schedule.timer())];
        let standings = files.each_ref().map(|(path, content)| standing(path, content));
        for ((path, _), standing) in files.iter().zip(&standings) {
            if *standing == Standing::Foreign {
                return Err(ScheduleError::Foreign(path.clone()));
            }
        }
        std::fs::create_dir_all(&self.dir).map_err(StorageError::at(&self.dir))?;
        for ((path, content), _) in files.iter().zip(&standings).filter(|(_, at)| **at != Standing::Current) {
            replace(path, content)?;
        }
        Ok(standings != [Standing::Current; 2])
    }

    /// The schedule as the files have it: at their time of day and in their language, where there are files of ours.
    pub fn as_installed(&self, schedule: Schedule) -> Option<Schedule> {
        let [service, timer] = [self.service(), self.timer()].map(|path| {
            let is_ours = standing(&path, "") == Standing::Differs;
            is_ours.then(|| read_limited(&path, 1 << 16).ok()).flatten()
        });
        let at = time_of_timer(&String::from_utf8_lossy(&timer?))?;
        let lang = service.map(|service| lang_of_service(&String::from_utf8_lossy(&service)).map(str::to_owned));
        let schedule = schedule.at(at);
        Some(match lang {
            Some(lang) => schedule.speaking(lang.as_deref()),
            None => schedule,
        })
    }

    /// How service and timer stand.
    pub fn standing(&self, schedule: &Schedule, manager: Manager) -> [Standing; 2] {
        [standing(&self.service(), &schedule.service(manager)), standing(&self.timer(), &schedule.timer())]
    }

    /// Whether nothing of that name is somebody else's.
    pub fn is_ours(&self) -> bool {
        [self.timer(), self.service()].iter().all(|path| standing(path, "") != Standing::Foreign)
    }

    /// Removes both; true when there was one.
    ///
    /// # Errors
    /// [`ScheduleError::Foreign`] before anything is removed.
    pub fn remove(&self) -> Result<bool, ScheduleError> {
        let paths = [self.timer(), self.service()];
        let standings = paths.each_ref().map(|path| standing(path, ""));
        if let Some((path, _)) = paths.iter().zip(&standings).find(|(_, at)| **at == Standing::Foreign) {
            return Err(ScheduleError::Foreign(path.clone()));
        }
        for (path, _) in paths.iter().zip(&standings).filter(|(_, at)| **at != Standing::Missing) {
            std::fs::remove_file(path).map_err(StorageError::at(path))?;
        }
        Ok(standings.iter().any(|at| *at != Standing::Missing))
    }
}

/// Writes a file of a schedule, over one of ours only.
///
/// # Errors
/// [`ScheduleError::Foreign`].
pub fn write_file(path: &Path, content: &str) -> Result<(), ScheduleError> {
    match standing(path, content) {
        Standing::Current => Ok(()),
        Standing::Foreign => Err(ScheduleError::Foreign(path.into())),
        Standing::Missing | Standing::Differs => replace(path, content),
    }
}

fn replace(path: &Path, content: &str) -> Result<(), ScheduleError> {
    let mut file = OutputFile::begin(path, 0o644, true)?;
    file.write_all(content.as_bytes()).map_err(StorageError::at(path))?;
    Ok(file.finish()?)
}

fn standing(path: &Path, content: &str) -> Standing {
    // A link, such as systemd's own for a masked unit, is a decision of somebody else.
    match path.symlink_metadata() {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Standing::Missing,
        Ok(metadata) if metadata.is_file() => {}
        _ => return Standing::Foreign,
    }
    match read_limited(path, 1 << 16) {
        Ok(found) if found == content.as_bytes() => Standing::Current,
        Ok(found) if found.split(|&byte| byte == b'\n').next() == Some(MARKER.as_bytes()) => Standing::Differs,
        _ => Standing::Foreign,
    }
}

/// Runs `systemctl` with `verbs`, for the user's systemd or the machine's.
///
/// # Errors
/// [`ProcessError`], also where there is no systemd to talk to.
pub fn systemctl(manager: Manager, verbs: &[&str]) -> Result<String, ProcessError> {
    let program = Program::new(PROGRAM, TIME, OUTPUT);
    let program = if manager == Manager::User { program.arg("--user") } else { program };
    let printed = program.arg("--no-ask-password").args(verbs).run()?.succeeded()?;
    Ok(String::from_utf8_lossy(&printed).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_others_are_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let at = "03:30".parse().unwrap();
        let schedule = Schedule::new(Path::new("/k"), Path::new("/keyring"), Path::new("/roots"), at).unwrap();
        let units = Units::new(&dir.path().join("new/folder"), &schedule.name());
        assert_eq!(units.standing(&schedule, Manager::User), [Standing::Missing; 2]);
        assert!(units.write(&schedule, Manager::User).unwrap());
        assert!(!units.write(&schedule, Manager::User).unwrap());
        assert_eq!(units.standing(&schedule, Manager::User), [Standing::Current; 2]);
        let ours = format!("{MARKER}\nold\n");
        std::fs::write(units.service(), &ours).unwrap();
        assert_eq!(units.standing(&schedule, Manager::User), [Standing::Differs, Standing::Current]);
        // Theirs stops both writing and removing before anything is done.
        std::fs::write(units.timer(), "[Timer]\n").unwrap();
        assert!(matches!(units.write(&schedule, Manager::User), Err(ScheduleError::Foreign(_))));
        assert!(matches!(units.remove(), Err(ScheduleError::Foreign(_))));
        assert_eq!(std::fs::read_to_string(units.service()).unwrap(), ours);
        std::fs::remove_file(units.timer()).unwrap();
        std::os::unix::fs::symlink("/dev/null", units.timer()).unwrap();
        assert!(matches!(units.write(&schedule, Manager::User), Err(ScheduleError::Foreign(_))));
        std::fs::remove_file(units.timer()).unwrap();
        assert!(units.remove().unwrap());
        assert!(!units.remove().unwrap());
    }
}
