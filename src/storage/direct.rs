//! Writes a large file past the page cache, on a thread of its own: no copy in the kernel, nothing else is pushed out of
//! memory, and whoever makes the bytes does not wait for the disk.
//!
//! Falls back to ordinary writes where the file system does not offer it, and for the unaligned end.

use crossbeam_channel::{Receiver, Sender, bounded};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use std::fs::File;
use std::io::{self, Write};
use std::thread::JoinHandle;
use tr::tr;

/// What direct writes must be aligned to, in memory and in the file.
const ALIGNMENT: usize = 4096;
/// Bytes written at a time; files that never fill it are written the ordinary way.
const BUFFER: usize = 2 << 20;

/// A writer that gathers whole blocks.
pub struct DirectWriter {
    file: Option<File>,
    disk: Option<Disk>,
    buffer: AlignedBuffer,
}

/// The thread that writes.
struct Disk {
    full: Sender<AlignedBuffer>,
    empty: Receiver<AlignedBuffer>,
    thread: JoinHandle<io::Result<File>>,
}

struct AlignedBuffer {
    bytes: Vec<u8>,
    start: usize,
    filled: usize,
    aligned: bool,
}

impl AlignedBuffer {
    fn new() -> Self {
        let bytes = vec![0; BUFFER + ALIGNMENT];
        let start = bytes.as_ptr().align_offset(ALIGNMENT);
        // An allocator may decline to tell the offset; the file is then written the ordinary way.
        let aligned = start <= ALIGNMENT;
        Self { bytes, start: if aligned { start } else { 0 }, filled: 0, aligned }
    }

    fn content(&self) -> &[u8] {
        &self.bytes[self.start..self.start + self.filled]
    }
}

impl DirectWriter {
    /// Over an empty file.
    pub fn new(file: File) -> Self {
        Self { file: Some(file), disk: None, buffer: AlignedBuffer::new() }
    }

    /// Writes what is left and gives the file back.
    ///
    /// # Errors
    /// Those of the file.
    pub fn finish(mut self) -> io::Result<File> {
        let file = match (self.disk.take(), self.file.take()) {
            (Some(disk), _) => disk.end()?,
            (None, Some(file)) => file,
            (None, None) => return Err(ended()),
        };
        (&file).write_all(self.buffer.content())?;
        Ok(file)
    }

    fn pass_on(&mut self) -> io::Result<()> {
        if let Some(file) = self.file.take() {
            self.disk = Some(Disk::start(file, self.buffer.aligned));
        }
        let disk = self.disk.as_ref().ok_or_else(ended)?;
        let exchanged = disk.empty.recv().ok().and_then(|empty| {
            let full = std::mem::replace(&mut self.buffer, empty);
            disk.full.send(full).ok()
        });
        match exchanged {
            Some(()) => Ok(()),
            // The thread has ended, which it does early only with an error.
            None => Err(self.disk.take().map_or_else(ended, |disk| disk.end().err().unwrap_or_else(ended))),
        }
    }
}

impl Write for DirectWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.filled == BUFFER {
            self.pass_on()?;
        }
        let buffer = &mut self.buffer;
        let n = bytes.len().min(BUFFER - buffer.filled);
        buffer.bytes[buffer.start + buffer.filled..][..n].copy_from_slice(&bytes[..n]);
        buffer.filled += n;
        Ok(n)
    }

    /// Does nothing: a partial block cannot be written before the end, and the file is nobody's before [`Self::finish`].
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Disk {
    fn start(file: File, aligned: bool) -> Self {
        let (full, to_write) = bounded::<AlignedBuffer>(1);
        let (written, empty) = bounded::<AlignedBuffer>(2);
        for _ in 0..2 {
            // The channel has room for both.
            let _ = written.send(AlignedBuffer::new());
        }
        let thread = std::thread::spawn(move || write_all(file, aligned, &to_write, &written));
        Self { full, empty, thread }
    }

    fn end(self) -> io::Result<File> {
        drop((self.full, self.empty));
        self.thread.join().unwrap_or_else(|_| Err(ended()))
    }
}

fn write_all(
    file: File,
    aligned: bool,
    to_write: &Receiver<AlignedBuffer>,
    written: &Sender<AlignedBuffer>,
) -> io::Result<File> {
    let mut direct = aligned && set_direct(&file, true).is_ok();
    for mut buffer in to_write {
        match (&file).write_all(buffer.content()) {
            // The flag can be set on files whose file system then refuses the write; nothing was written.
            Err(e) if direct && e.kind() == io::ErrorKind::InvalidInput => {
                set_direct(&file, false)?;
                direct = false;
                (&file).write_all(buffer.content())?;
            }
            other => other?,
        }
        buffer.filled = 0;
        // The last buffers are not wanted back.
        let _ = written.send(buffer);
    }
    if direct {
        set_direct(&file, false)?;
    }
    Ok(file)
}

fn ended() -> io::Error {
    io::Error::other(tr!("the thread that writes has ended"))
}

fn set_direct(file: &File, on: bool) -> io::Result<()> {
    let mut flags = fcntl_getfl(file)?;
    flags.set(OFlags::DIRECT, on);
    Ok(fcntl_setfl(file, flags)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_comes_back_at_every_size() {
        let dir = tempfile::tempdir().unwrap();
        for size in [0, 1, ALIGNMENT, BUFFER - 1, BUFFER, BUFFER + 1, 5 * BUFFER + 12_345] {
            let path = dir.path().join(size.to_string());
            let content: Vec<u8> = (0..size).map(|i| (i / 7) as u8).collect();
            let mut writer = DirectWriter::new(File::create(&path).unwrap());
            for piece in content.chunks(100_001) {
                writer.write_all(piece).unwrap();
            }
            writer.finish().unwrap();
            assert!(std::fs::read(&path).unwrap() == content, "{size}");
        }
    }

    #[test]
    fn an_error_of_the_disk_reaches_the_writer() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut writer = DirectWriter::new(full);
        let outcome = (0..10).try_for_each(|_| writer.write_all(&[1; BUFFER]));
        let outcome = outcome.and_then(|()| writer.finish().map(drop));
        assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
