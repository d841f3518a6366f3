//! Bounds that the system sets for this process: for reading what may be hostile.

use rustix::process::{Resource, Rlimit, setrlimit};

/// Bytes of memory that a process gets for reading one file.
const MEMORY: u64 = 2 << 30;
/// Seconds of computing.
const SECONDS: u64 = 20;

/// Bounds memory and time of this process, for good; it can write no file and leaves no image of its memory.
///
/// # Errors
/// Whatever the system reports: then nothing should be read.
pub fn confine() -> std::io::Result<()> {
    let limits = [
        (Resource::As, MEMORY),
        (Resource::Cpu, SECONDS),
        (Resource::Core, 0),
        (Resource::Fsize, 0),
        (Resource::Nofile, 16),
    ];
    for (resource, limit) in limits {
        setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })?;
    }
    Ok(())
}
