//! The payload of an age file (STREAM: 64 KiB chunks of ChaCha20-Poly1305).
//!
//! Wire-compatible with the age specification, on a faster AEAD than the `age` crate's.
//! Invariant: a reader gives out only authenticated bytes, and an end only when the final chunk was seen.

use super::CryptoError;
use super::secret::Secret32;
use crate::language::text;
use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use std::convert::Infallible;
use std::io::{self, Read};

/// Plaintext bytes in every chunk but the last.
pub const CHUNK: usize = 64 * 1024;
/// Bytes that each chunk grows by.
pub const TAG: usize = 16;
/// Ciphertext bytes of a full chunk.
pub const SEALED_CHUNK: usize = CHUNK + TAG;

/// Bytes of the payload for a plaintext of `plain` bytes.
pub fn sealed_len(plain: u64) -> u64 {
    plain + TAG as u64 * plain.div_ceil(CHUNK as u64).max(1)
}

struct ChunkCipher {
    key: LessSafeKey,
    counter: u128,
}

impl ChunkCipher {
    fn new(payload_key: &Secret32) -> Self {
        let key = UnboundKey::new(&CHACHA20_POLY1305, payload_key.expose()).expect("the key is 32 bytes");
        Self { key: LessSafeKey::new(key), counter: 0 }
    }

    fn next_nonce(&mut self, last: bool) -> Nonce {
        let mut nonce = [0; 12];
        nonce[..11].copy_from_slice(&self.counter.to_be_bytes()[5..]);
        nonce[11] = u8::from(last);
        self.counter += 1;
        Nonce::assume_unique_for_key(nonce)
    }

    fn seal(&mut self, chunk: &mut [u8], last: bool) -> [u8; TAG] {
        let nonce = self.next_nonce(last);
        let tag =
            self.key.seal_in_place_separate_tag(nonce, Aad::empty(), chunk).expect("a chunk is far below the limit");
        tag.as_ref().try_into().expect("the tag is 16 bytes")
    }

    fn open<'a>(&mut self, chunk: &'a mut [u8], last: bool) -> Result<&'a mut [u8], CryptoError> {
        let nonce = self.next_nonce(last);
        self.key
            .open_in_place(nonce, Aad::empty(), chunk)
            .map_err(|_| CryptoError::Damaged(text!("a chunk does not authenticate")))
    }
}

/// Encrypts a payload into a sink that takes whole sealed pieces.
pub struct StreamWriter {
    cipher: ChunkCipher,
    pending: Vec<u8>,
}

impl StreamWriter {
    /// A writer for the payload under this key.
    pub fn new(payload_key: &Secret32) -> Self {
        Self { cipher: ChunkCipher::new(payload_key), pending: Vec::with_capacity(SEALED_CHUNK) }
    }

    /// Takes plaintext; gives every completed chunk to `sink`.
    ///
    /// # Errors
    /// Whatever `sink` reports.
    pub fn write<E>(&mut self, mut bytes: &[u8], mut sink: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        while !bytes.is_empty() {
            // A full chunk is held back until more arrives: only then is it known not to be the last.
            if self.pending.len() == CHUNK {
                self.seal_pending(false, &mut sink)?;
            }
            let n = bytes.len().min(CHUNK - self.pending.len());
            self.pending.extend_from_slice(&bytes[..n]);
            bytes = &bytes[n..];
        }
        Ok(())
    }

    /// Takes plaintext like [`Self::write`], but encrypts whole chunks where they stand.
    pub fn write_in_place(&mut self, mut bytes: Vec<u8>) -> SealedPart {
        let mut before = Vec::new();
        let mut append = |sealed: &[u8]| -> Result<(), Infallible> {
            before.extend_from_slice(sealed);
            Ok(())
        };
        let to_fill = if self.pending.is_empty() { 0 } else { CHUNK - self.pending.len() };
        let start = to_fill.min(bytes.len());
        let (head, mut rest) = bytes.split_at_mut(start);
        let Ok(()) = self.write(head, &mut append);
        if !rest.is_empty() && !self.pending.is_empty() {
            let Ok(()) = self.seal_pending(false, &mut append);
        }
        let mut tags = Vec::with_capacity(rest.len() / CHUNK);
        // The last chunk is held back, as a full one may be the last of all.
        while rest.len() > CHUNK {
            let (chunk, tail) = rest.split_at_mut(CHUNK);
            tags.push(self.cipher.seal(chunk, false));
            rest = tail;
        }
        self.pending.extend_from_slice(rest);
        SealedPart { before, chunks: bytes, start, tags }
    }

    /// Seals the last chunk.
    ///
    /// # Errors
    /// Whatever `sink` reports.
    pub fn finish<E>(mut self, mut sink: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        self.seal_pending(true, &mut sink)
    }

    fn seal_pending<E>(&mut self, last: bool, sink: &mut impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let tag = self.cipher.seal(&mut self.pending, last);
        self.pending.extend_from_slice(&tag);
        sink(&self.pending)?;
        self.pending.clear();
        Ok(())
    }
}

/// Ciphertext whose chunks stand where their plaintext stood.
pub struct SealedPart {
    before: Vec<u8>,
    chunks: Vec<u8>,
    start: usize,
    tags: Vec<[u8; TAG]>,
}

impl SealedPart {
    /// Its bytes, in order.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> + Clone {
        let chunks = self.chunks[self.start..].chunks(CHUNK).zip(&self.tags);
        std::iter::once(&self.before[..]).chain(chunks.flat_map(|(chunk, tag)| [chunk, &tag[..]]))
    }

    /// Gives back the buffer, for other content.
    pub fn into_buffer(self) -> Vec<u8> {
        self.chunks
    }
}

impl From<Vec<u8>> for SealedPart {
    fn from(sealed: Vec<u8>) -> Self {
        Self { before: sealed, chunks: Vec::new(), start: 0, tags: Vec::new() }
    }
}

/// Decrypts a payload of known length.
pub struct StreamReader<R> {
    cipher: ChunkCipher,
    source: R,
    chunks_left: u64,
    last_chunk: usize,
    buffer: Vec<u8>,
    position: usize,
    end: usize,
}

impl<R: Read> StreamReader<R> {
    /// A reader over exactly `payload_len` ciphertext bytes of `source`.
    ///
    /// # Errors
    /// [`CryptoError::Damaged`] for a length that no payload has.
    pub fn new(payload_key: &Secret32, source: R, payload_len: u64) -> Result<Self, CryptoError> {
        let chunks = payload_len.div_ceil(SEALED_CHUNK as u64);
        let last_chunk = payload_len - chunks.saturating_sub(1) * SEALED_CHUNK as u64;
        // Only a payload without plaintext may have an empty last chunk.
        if last_chunk < TAG as u64 || (last_chunk == TAG as u64 && chunks > 1) {
            return Err(CryptoError::Damaged(text!("its length is not that of an age payload")));
        }
        Ok(Self {
            cipher: ChunkCipher::new(payload_key),
            source,
            chunks_left: chunks,
            last_chunk: last_chunk as usize,
            buffer: vec![0; SEALED_CHUNK],
            position: 0,
            end: 0,
        })
    }

    /// Gives back the source.
    pub fn into_source(self) -> R {
        self.source
    }

    fn fill(&mut self) -> io::Result<()> {
        let last = self.chunks_left == 1;
        let len = if last { self.last_chunk } else { SEALED_CHUNK };
        self.source.read_exact(&mut self.buffer[..len])?;
        let plain = self
            .cipher
            .open(&mut self.buffer[..len], last)
            .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?
            .len();
        self.chunks_left -= 1;
        self.position = 0;
        self.end = plain;
        Ok(())
    }
}

impl<R: Read> Read for StreamReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.position == self.end {
            if self.chunks_left == 0 {
                return Ok(0);
            }
            self.fill()?;
        }
        let n = out.len().min(self.end - self.position);
        out[..n].copy_from_slice(&self.buffer[self.position..self.position + n]);
        self.position += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(len: usize) {
        let key = Secret32::random();
        let plain: Vec<u8> = (0..len).map(|i| i as u8).collect();
        let mut sealed = Vec::new();
        let mut writer = StreamWriter::new(&key);
        let mut sink = |b: &[u8]| -> io::Result<()> {
            sealed.extend_from_slice(b);
            Ok(())
        };
        for (i, piece) in plain.chunks(if len.is_multiple_of(2) { 1000 } else { 150_000 }).enumerate() {
            if i % 2 == 0 {
                writer.write(piece, &mut sink).unwrap();
            } else {
                writer.write_in_place(piece.to_vec()).pieces().for_each(|bytes| sink(bytes).unwrap());
            }
        }
        writer.finish(&mut sink).unwrap();
        assert_eq!(sealed.len() as u64, sealed_len(len as u64));
        let mut opened = Vec::new();
        StreamReader::new(&key, &sealed[..], sealed.len() as u64).unwrap().read_to_end(&mut opened).unwrap();
        assert_eq!(opened, plain);
        let middle = sealed.len() / 2;
        sealed[middle] ^= 1;
        let broken = StreamReader::new(&key, &sealed[..], sealed.len() as u64).unwrap().read_to_end(&mut Vec::new());
        assert!(broken.is_err());
    }

    #[test]
    fn every_boundary_round_trips_and_a_flipped_byte_is_refused() {
        for len in
            [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 17, 9 * CHUNK + 1, 150_000 + 2 * CHUNK + 3]
        {
            round_trip(len);
        }
    }

    #[test]
    fn an_empty_last_chunk_after_others_is_refused() {
        let len = (SEALED_CHUNK + TAG) as u64;
        assert!(StreamReader::new(&Secret32::random(), io::empty(), len).is_err());
    }
}
