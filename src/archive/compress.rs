//! Chunks of a record's tar stream to independent zstd frames, with parameters that fit what is in them.
//!
//! Frames follow one another; stock `zstd` reads them as one stream. Nothing is shared between records.
//! Spec: `spec/archive.md`, "Compression and padding".

use super::ArchiveError;
use std::io;
use zstd::bulk::Compressor;
use zstd::zstd_safe::{CParameter, Strategy};

/// Plaintext bytes in a frame, at most.
pub const CHUNK: usize = 4 << 20;

/// Bytes that the probe judges at a time, and what it looks at in each.
const PROBE_BLOCK: usize = 128 << 10;
const PROBE_SAMPLE: usize = 256;
const PROBE_SAMPLES: usize = 16;

/// Compresses chunks; one per thread.
pub struct ChunkCompressor {
    text: Compressor<'static>,
    mixed: Compressor<'static>,
    dense: Compressor<'static>,
}

impl ChunkCompressor {
    /// Sets up the three parameter sets. They were measured against `zstd -3` on four corpora: see `benches/`.
    ///
    /// # Errors
    /// What zstd reports.
    pub fn new() -> io::Result<Self> {
        let text = [
            CParameter::WindowLog(23),
            CParameter::HashLog(16),
            CParameter::ChainLog(12),
            CParameter::SearchLog(1),
            CParameter::MinMatch(5),
            CParameter::TargetLength(0),
            CParameter::Strategy(Strategy::ZSTD_dfast),
        ];
        let fast = |target_length| {
            [
                CParameter::WindowLog(23),
                CParameter::HashLog(17),
                CParameter::MinMatch(7),
                CParameter::TargetLength(target_length),
                CParameter::Strategy(Strategy::ZSTD_fast),
            ]
        };
        Ok(Self { text: compressor(3, &text)?, mixed: compressor(1, &fast(2))?, dense: compressor(1, &fast(32))? })
    }

    /// One frame that holds `chunk`, in `frame`, whose former content is dropped.
    ///
    /// # Errors
    /// What zstd reports.
    pub fn compress(&mut self, chunk: &[u8], frame: &mut Vec<u8>) -> Result<(), ArchiveError> {
        let even = even_share(chunk);
        let compressor = match even {
            share if share < 0.3 => &mut self.text,
            share if share < 0.8 => &mut self.mixed,
            _ => &mut self.dense,
        };
        frame.clear();
        frame.reserve(zstd::zstd_safe::compress_bound(chunk.len()));
        compressor.compress_to_buffer(chunk, frame)?;
        Ok(())
    }
}

fn compressor(level: i32, parameters: &[CParameter]) -> io::Result<Compressor<'static>> {
    let mut compressor = Compressor::new(level)?;
    for &parameter in parameters {
        compressor.set_parameter(parameter)?;
    }
    Ok(compressor)
}

/// The share of a chunk's blocks whose bytes are spread about evenly: compressed data, pictures, sound.
fn even_share(chunk: &[u8]) -> f64 {
    let blocks = chunk.len().div_ceil(PROBE_BLOCK).max(1);
    chunk.chunks(PROBE_BLOCK).filter(|block| is_even(block)).count() as f64 / blocks as f64
}

fn is_even(block: &[u8]) -> bool {
    const N: usize = PROBE_SAMPLE * PROBE_SAMPLES;
    if block.len() < N {
        return false;
    }
    let mut counts = [0u32; 256];
    let stride = (block.len() - PROBE_SAMPLE) / (PROBE_SAMPLES - 1);
    for sample in 0..PROBE_SAMPLES {
        for &byte in &block[sample * stride..][..PROBE_SAMPLE] {
            counts[usize::from(byte)] += 1;
        }
    }
    // 256 times the chance that two sampled bytes are equal: 1.0 for uniformly random bytes.
    let pairs: u64 = counts.iter().map(|&c| u64::from(c) * u64::from(c.saturating_sub(1))).sum();
    256.0 * pairs as f64 / (N * (N - 1)) as f64 <= 2.0
}

/// The size up to which `size` bytes of frames are padded (Padmé: at most 12 % more, O(log log n) bits leak).
///
/// Room for a skippable frame's own eight bytes is seen to.
pub fn padded_size(size: u64) -> u64 {
    let padme = |size: u64| {
        if size < 2 {
            return size;
        }
        let exponent = size.ilog2();
        let kept_bits = exponent.checked_ilog2().unwrap_or(0) + 1;
        let mask = (1u64 << exponent.saturating_sub(kept_bits)) - 1;
        (size + mask) & !mask
    };
    match padme(size) {
        padded if padded == size || padded >= size + 8 => padded,
        _ => padme(size + 8),
    }
}

/// Gives `sink` skippable frames of together exactly `len` bytes; `len` is 0 or at least 8.
///
/// # Errors
/// Those of `sink`.
pub fn write_padding<E>(mut len: u64, mut sink: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
    static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
    const LARGEST: u64 = 1 << 30;
    while len > 0 {
        // A remainder below eight bytes could not be a frame of its own.
        let frame = if len <= LARGEST + 8 { len } else { LARGEST };
        let mut content = frame - 8;
        sink(&0x184d_2a50u32.to_le_bytes())?;
        sink(&(content as u32).to_le_bytes())?;
        while content > 0 {
            let n = content.min(ZEROS.len() as u64);
            sink(&ZEROS[..n as usize])?;
            content -= n;
        }
        len -= frame;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_whole_frames_and_small() {
        for size in (1..3000).chain([9_999_999, 1 << 32, (1 << 40) + 12345]) {
            let padded = padded_size(size);
            assert!(padded == size || padded >= size + 8, "{size} {padded}");
            assert!(padded as f64 <= size as f64 * 1.12 + 16.0, "{size} {padded}");
        }
        let mut bytes = 0u64;
        write_padding::<()>(3 << 30, |piece| {
            bytes += piece.len() as u64;
            Ok(())
        })
        .unwrap();
        assert_eq!(bytes, 3 << 30);
    }

    #[test]
    fn frames_and_padding_are_stock_zstd() {
        let mut compressor = ChunkCompressor::new().unwrap();
        let text = b"client voucher ".repeat(100_000);
        let noise: Vec<u8> = (0..1u64 << 18).flat_map(|i| crate::crypto::hash::sha256(&[&i.to_be_bytes()])).collect();
        let (mut stream, mut frame) = (Vec::new(), Vec::new());
        for chunk in [&text, &noise] {
            compressor.compress(chunk, &mut frame).unwrap();
            stream.extend_from_slice(&frame);
        }
        assert!(stream.len() < noise.len() + noise.len() / 100 + 20_000);
        write_padding::<()>(1234, |piece| {
            stream.extend_from_slice(piece);
            Ok(())
        })
        .unwrap();
        assert_eq!(zstd::decode_all(&stream[..]).unwrap(), [text, noise].concat());
    }
}
