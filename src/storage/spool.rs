//! A buffer that outgrows memory into an unlinked temporary file, encrypted under a key that lives only as long.
//!
//! Invariant: no plaintext of a record reaches the disk here (P5), and memory stays below `IN_MEMORY`.

use crate::crypto::secret::Secret32;
use crate::crypto::stream::{StreamReader, StreamWriter};
use std::fs::File;
use std::io::{self, Read, Seek, Write};

/// Bytes kept in memory before the rest goes to disk.
const IN_MEMORY: usize = 8 << 20;

/// Written once from front to back, then read once.
#[derive(Default)]
pub struct Spool {
    memory: Vec<u8>,
    spilled: Option<Spilled>,
    len: u64,
}

struct Spilled {
    file: File,
    key: Secret32,
    writer: StreamWriter,
    sealed_len: u64,
}

impl Spool {
    /// Bytes written.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// Those of the temporary file.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.len += bytes.len() as u64;
        if self.spilled.is_none() && self.memory.len() + bytes.len() <= IN_MEMORY {
            self.memory.extend_from_slice(bytes);
            return Ok(());
        }
        if self.spilled.is_none() {
            let key = Secret32::random();
            let writer = StreamWriter::new(&key);
            self.spilled = Some(Spilled { file: tempfile::tempfile()?, key, writer, sealed_len: 0 });
        }
        let spilled = self.spilled.as_mut().expect("it was just made");
        let Spilled { file, writer, sealed_len, .. } = spilled;
        writer.write(bytes, |sealed| {
            *sealed_len += sealed.len() as u64;
            file.write_all(sealed)
        })
    }

    /// Gives everything to `sink`, in order.
    ///
    /// # Errors
    /// Those of the temporary file and of `sink`.
    pub fn read_back<E: From<io::Error>>(self, mut sink: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        sink(&self.memory)?;
        let Some(Spilled { mut file, key, writer, mut sealed_len }) = self.spilled else {
            return Ok(());
        };
        writer.finish(|sealed| {
            sealed_len += sealed.len() as u64;
            file.write_all(sealed)
        })?;
        file.rewind()?;
        let mut reader = StreamReader::new(&key, io::BufReader::new(file), sealed_len).map_err(io::Error::other)?;
        let mut buffer = vec![0; 64 << 10];
        loop {
            match reader.read(&mut buffer)? {
                0 => return Ok(()),
                n => sink(&buffer[..n])?,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_spills_comes_back() {
        let mut spool = Spool::default();
        let line = [7u8; 1000];
        for _ in 0..20_000 {
            spool.write(&line).unwrap();
        }
        assert!(spool.spilled.is_some());
        let mut total = 0u64;
        spool
            .read_back::<io::Error>(|bytes| {
                assert!(bytes.iter().all(|&b| b == 7));
                total += bytes.len() as u64;
                Ok(())
            })
            .unwrap();
        assert_eq!(total, 20_000_000);
    }
}
