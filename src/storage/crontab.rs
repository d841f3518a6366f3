//! A schedule in the user's crontab: lines between two marks, through `crontab`.
//!
//! Invariant: everything outside the marks stays byte by byte; marks that do not pair change nothing.

use super::process::{ProcessError, Program};
use super::schedule::ScheduleError;
use std::time::Duration;

const PROGRAM: &str = "crontab";
const TIME: Duration = Duration::from_secs(30);
const OUTPUT: usize = 1 << 20;

/// The user's crontab; empty where there is none.
///
/// # Errors
/// [`ProcessError`].
pub fn read() -> Result<Vec<u8>, ProcessError> {
    let ran = Program::new(PROGRAM, TIME, OUTPUT).arg("-l").run()?;
    if ran.code == Some(1) && ran.complaint().contains("no crontab") {
        return Ok(Vec::new());
    }
    ran.succeeded()
}

/// Puts `line` between the marks of the schedule called `name`, or with `None` takes it away; true when that changed
/// something.
///
/// # Errors
/// [`ScheduleError::Marks`]; [`ProcessError`].
pub fn set(name: &str, line: Option<&str>) -> Result<bool, ScheduleError> {
    let before = read()?;
    let after = edited(&before, name, line)?;
    if after == before {
        return Ok(false);
    }
    Program::new(PROGRAM, TIME, OUTPUT).arg("-").input(&after).run()?.succeeded()?;
    Ok(true)
}

/// The lines of the schedule called `name` as they belong into a crontab.
pub fn block(name: &str, line: &str) -> String {
    let [begin, end] = marks(name);
    format!("{begin}\n{line}\n{end}\n")
}

/// The line between the marks of the schedule called `name`.
///
/// # Errors
/// [`ScheduleError::Marks`].
pub fn find(crontab: &[u8], name: &str) -> Result<Option<String>, ScheduleError> {
    let Some((start, end)) = place(crontab, name)? else { return Ok(None) };
    let block = String::from_utf8_lossy(&crontab[start..end]).into_owned();
    Ok(Some(block.lines().nth(1).unwrap_or_default().to_owned()))
}

fn marks(name: &str) -> [String; 2] {
    [format!("# keepuntil-schedule/v1 {name} begin"), format!("# keepuntil-schedule/v1 {name} end")]
}

/// Where the block is, its marks included.
fn place(crontab: &[u8], name: &str) -> Result<Option<(usize, usize)>, ScheduleError> {
    let [begin, end] = marks(name);
    let mut at = 0;
    let mut found = Vec::new();
    for (number, line) in crontab.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        if text == begin.as_bytes() {
            found.push((true, number, at));
        } else if text == end.as_bytes() {
            found.push((false, number, at + line.len()));
        }
        at += line.len();
    }
    match found[..] {
        [] => Ok(None),
        // Exactly one line between them: whatever else stands there is somebody else's.
        [(true, first, start), (false, last, end)] if last == first + 2 => Ok(Some((start, end))),
        _ => Err(ScheduleError::Marks),
    }
}

fn edited(crontab: &[u8], name: &str, line: Option<&str>) -> Result<Vec<u8>, ScheduleError> {
    let block = line.map(|line| block(name, line)).unwrap_or_default();
    let (start, end) = place(crontab, name)?.unwrap_or((crontab.len(), crontab.len()));
    let mut after = crontab[..start].to_vec();
    if !block.is_empty() && !after.is_empty() && !after.ends_with(b"\n") {
        after.push(b'\n');
    }
    after.extend_from_slice(block.as_bytes());
    after.extend_from_slice(&crontab[end..]);
    Ok(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_outside_the_marks_stays() {
        for theirs in ["", "5 4 * * * theirs\n", "# no newline at the end", "M\u{e4}il=x\n\n"] {
            let once = edited(theirs.as_bytes(), "keepuntil-1", Some("1 1 * * * a")).unwrap();
            assert_eq!(edited(&once, "keepuntil-1", Some("1 1 * * * a")).unwrap(), once);
            let other = edited(&once, "keepuntil-2", Some("2 2 * * * b")).unwrap();
            let changed = edited(&other, "keepuntil-1", Some("3 3 * * * c")).unwrap();
            assert_eq!(find(&changed, "keepuntil-1").unwrap().as_deref(), Some("3 3 * * * c"));
            assert_eq!(find(&changed, "keepuntil-2").unwrap().as_deref(), Some("2 2 * * * b"));
            let without = edited(&edited(&changed, "keepuntil-1", None).unwrap(), "keepuntil-2", None).unwrap();
            let newline = if theirs.is_empty() || theirs.ends_with('\n') { "" } else { "\n" };
            assert_eq!(without, format!("{theirs}{newline}").as_bytes());
        }
    }

    #[test]
    fn damaged_marks_change_nothing() {
        let [begin, end] = marks("k");
        for bad in [
            format!("{begin}\n"),
            format!("{end}\n"),
            format!("{end}\nx\n{begin}\n"),
            format!("{begin}\nx\ny\n{end}\n"),
            format!("{begin}\nx\n{end}\n{begin}\nx\n{end}\n"),
        ] {
            assert!(matches!(edited(bad.as_bytes(), "k", None), Err(ScheduleError::Marks)), "{bad}");
        }
    }
}
