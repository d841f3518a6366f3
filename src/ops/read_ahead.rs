//! Reads one record; a large one is decrypted and decompressed on a thread of its own, ahead of whoever reads its bag.

use crate::archive::ArchiveError;
use crate::archive::bag_reader::{BagVisitor, Limits, read_bag};
use crate::archive::label::Label;
use crate::archive::leaf::RecordLeaf;
use crate::archive::record;
use crate::crypto::secret::Secret32;
use crossbeam_channel::bounded;
use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use tr::tr;

/// Reads one record from end to end: shows its bag to `visitor`, then checks the seal's hash and what the label says of it.
///
/// # Errors
/// [`ArchiveError::Damaged`], [`ArchiveError::Limit`], the visitor's own errors.
pub fn read_record(
    file: &Arc<File>,
    leaf: &RecordLeaf,
    label: &Label,
    key: &Secret32,
    limits: Limits,
    visitor: &mut dyn BagVisitor,
) -> Result<(), ArchiveError> {
    let stream = record::open(file.clone(), leaf, key)?;
    let (summary, stream) =
        read_ahead(stream, leaf, |source| read_bag(source, leaf, limits, visitor).map(|(summary, _)| summary))?;
    record::finish(stream, leaf)?;
    label.check_bag(leaf.record, &summary)
}

/// Decrypts and decompresses a large record on a thread of its own while `consume` reads what comes out.
///
/// # Errors
/// Those of `consume`, which sees failures of the stream as read errors.
fn read_ahead<T>(
    mut stream: record::BagStream,
    leaf: &RecordLeaf,
    consume: impl FnOnce(&mut dyn Read) -> Result<T, ArchiveError>,
) -> Result<(T, record::BagStream), ArchiveError> {
    const PIECE: usize = 512 << 10;
    if leaf.size < PIECE as u64 {
        return consume(&mut stream).map(|value| (value, stream));
    }
    std::thread::scope(|scope| {
        let (sender, receiver) = bounded::<io::Result<Vec<u8>>>(4);
        let (recycle, recycled) = bounded::<Vec<u8>>(8);
        let feeder = scope.spawn(move || {
            loop {
                let mut piece: Vec<u8> = recycled.try_recv().unwrap_or_default();
                piece.resize(PIECE, 0);
                let mut filled = 0;
                let outcome = loop {
                    match stream.read(&mut piece[filled..]) {
                        Ok(0) => break Ok(()),
                        Ok(n) => filled += n,
                        Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                        Err(e) => break Err(e),
                    }
                    if filled == PIECE {
                        break Ok(());
                    }
                };
                piece.truncate(filled);
                let last = filled < PIECE;
                if filled > 0 && sender.send(Ok(piece)).is_err() {
                    return stream;
                }
                if let Err(e) = outcome {
                    let _ = sender.send(Err(e));
                    return stream;
                }
                if last {
                    return stream;
                }
            }
        });
        let mut pieces = Pieces { receiver, recycle, current: Vec::new(), position: 0 };
        let outcome = consume(&mut pieces);
        // What follows the tar stream was decrypted ahead, so `record::finish` would not see it.
        let rest = if outcome.is_ok() { pieces.read(&mut [0]) } else { Ok(0) };
        drop(pieces);
        let stream = feeder.join().expect("a decrypting thread does not panic");
        let value = outcome?;
        match rest {
            Ok(0) => Ok((value, stream)),
            Ok(_) => {
                Err(ArchiveError::damaged(tr!("record {}", leaf.record), tr!("bytes follow the end of its tar stream")))
            }
            Err(e) => Err(record::read_error(leaf, e)),
        }
    })
}

struct Pieces {
    receiver: crossbeam_channel::Receiver<io::Result<Vec<u8>>>,
    recycle: crossbeam_channel::Sender<Vec<u8>>,
    current: Vec<u8>,
    position: usize,
}

impl Read for Pieces {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.position == self.current.len() {
            let Ok(next) = self.receiver.recv() else { return Ok(0) };
            let spent = std::mem::replace(&mut self.current, next?);
            let _ = self.recycle.try_send(spent);
            self.position = 0;
        }
        let n = out.len().min(self.current.len() - self.position);
        out[..n].copy_from_slice(&self.current[self.position..self.position + n]);
        self.position += n;
        Ok(n)
    }
}
