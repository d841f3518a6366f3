//! Failures on demand, for the writes whose order the promises rest on.
//!
//! Tests arm one failure for their own thread; it costs the program one look at a thread's variable for each of a handful
//! of writes. What SQLite writes is beyond its reach: there, tests let the kernel fail (`tests/crash.rs`).

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// What happens to one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails, and nothing was written.
    Fail,
    /// It fails after a 64th of the bytes was written: of a root, that is the first half.
    Tear,
    /// It reports success, and nothing was written.
    Lose,
}

thread_local! {
    static ARMED: Cell<Option<(u64, Fault)>> = const { Cell::new(None) };
    static DONE: Cell<u64> = const { Cell::new(0) };
}

/// Lets operation `at` of this thread, counted from 0 and from now on, go wrong.
pub fn arm(at: u64, fault: Fault) {
    DONE.set(0);
    ARMED.set(Some((at, fault)));
}

/// Lets nothing go wrong any more; returns how many operations there were since [`arm`].
pub fn disarm() -> u64 {
    ARMED.set(None);
    DONE.get()
}

fn now() -> Option<Fault> {
    let (at, fault) = ARMED.get()?;
    let done = DONE.get();
    DONE.set(done + 1);
    (done == at).then_some(fault)
}

fn failed() -> io::Error {
    io::Error::other("it failed because a test wants it to")
}

/// Writes `content` at the beginning of a file.
pub(super) fn write(file: &File, content: &[u8]) -> io::Result<()> {
    match now() {
        None => file.write_all_at(content, 0),
        Some(Fault::Fail) => Err(failed()),
        Some(Fault::Tear) => file.write_all_at(&content[..content.len() / 64], 0).and(Err(failed())),
        Some(Fault::Lose) => Ok(()),
    }
}

/// Makes a file or folder durable.
pub(super) fn sync(file: &File) -> io::Result<()> {
    match now() {
        None => file.sync_all(),
        Some(Fault::Fail | Fault::Tear) => Err(failed()),
        Some(Fault::Lose) => Ok(()),
    }
}
