//! Writes a large file past the page cache: no copy in the kernel, and nothing else is pushed out of memory.
//!
//! Falls back to ordinary writes where the file system does not offer it, and for the unaligned end.

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use std::fs::File;
use std::io::{self, Write};

/// What direct writes must be aligned to, in memory and in the file.
const ALIGNMENT: usize = 4096;
/// Bytes written at a time; files that never fill it are written the ordinary way.
const BUFFER: usize = 4 << 20;

/// A writer that gathers whole blocks.
pub struct DirectWriter {
    file: File,
    buffer: Vec<u8>,
    start: usize,
    filled: usize,
    direct: bool,
}

impl DirectWriter {
    /// Over an empty file.
    pub fn new(file: File) -> Self {
        let buffer = vec![0; BUFFER + ALIGNMENT];
        let start = buffer.as_ptr().align_offset(ALIGNMENT);
        // An allocator may decline to tell the offset; the file is then written the ordinary way.
        let (start, direct) = if start <= ALIGNMENT { (start, set_direct(&file, true).is_ok()) } else { (0, false) };
        Self { file, buffer, start, filled: 0, direct }
    }

    /// Writes what is left and gives the file back.
    ///
    /// # Errors
    /// Those of the file.
    pub fn finish(mut self) -> io::Result<File> {
        if self.direct {
            set_direct(&self.file, false)?;
            self.direct = false;
        }
        self.write_buffer()?;
        Ok(self.file)
    }

    fn write_buffer(&mut self) -> io::Result<()> {
        let bytes = &self.buffer[self.start..self.start + self.filled];
        match (&self.file).write_all(bytes) {
            // The flag can be set on files whose file system then refuses the write; nothing was written.
            Err(e) if self.direct && e.kind() == io::ErrorKind::InvalidInput => {
                set_direct(&self.file, false)?;
                self.direct = false;
                (&self.file).write_all(bytes)?;
            }
            other => other?,
        }
        self.filled = 0;
        Ok(())
    }
}

impl Write for DirectWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.filled == BUFFER {
            self.write_buffer()?;
        }
        let n = bytes.len().min(BUFFER - self.filled);
        self.buffer[self.start + self.filled..][..n].copy_from_slice(&bytes[..n]);
        self.filled += n;
        Ok(n)
    }

    /// Does nothing: a partial block cannot be written before the end, and the file is nobody's before [`Self::finish`].
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
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
        for size in [0, 1, ALIGNMENT, BUFFER - 1, BUFFER, BUFFER + 1, 2 * BUFFER + 12_345] {
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
}
