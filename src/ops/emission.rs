//! Records in parallel, output in order: workers pack, compress and (for small records) encrypt; one thread writes.
//!
//! Memory is bounded by the number of threads: a record waits with at most a few chunks until it is its turn.

use super::pack::{Packed, inspect, pack};
use super::plan::RecordPlan;
use super::{OpsError, Progress};
use crate::archive::ArchiveError;
use crate::archive::bag_writer::{BagWriter, ChunkSink};
use crate::archive::compress::{CHUNK, ChunkCompressor, padded_size, write_padding};
use crate::archive::label::Label;
use crate::archive::leaf::RecordLeaf;
use crate::archive::writer::{ArchiveWriter, Placed};
use crate::crypto::hash::sha256;
use crate::crypto::kdf::{self, ArchiveId, ExpiryHalves};
use crate::crypto::record_file;
use crate::crypto::secret::Secret32;
use crate::crypto::stream::{SealedPart, StreamWriter};
use crate::keyring::NewRecord;
use crate::retention::Retention;
use crate::storage::source::{Names, Problem};
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tr::tr;

/// Chunks of one record that may be with the compressing threads while the next is read.
const AHEAD: usize = 3;
/// Bytes of padding that go to the writer at a time.
const PART: usize = 1 << 20;

/// What all records of an archive have in common while they are sealed.
pub struct Sealing<'a> {
    /// Archive id.
    pub archive: ArchiveId,
    /// The compartments' names, secrets and padding, as [`super::plan::Kept::compartment`] counts them.
    pub compartments: &'a [CompartmentKeys],
    /// How names are read.
    pub names: Names,
    /// Whether what cannot be read is left out instead of refused.
    pub skip: bool,
    /// Threads to use.
    pub threads: usize,
    /// Lines of every record's `bag-info.txt`.
    pub info: &'a str,
    /// Set from outside to stop.
    pub interrupted: &'a AtomicBool,
    /// Hears of bytes read.
    pub progress: &'a dyn Progress,
}

/// A compartment while records are sealed.
pub struct CompartmentKeys {
    /// Its name.
    pub name: String,
    /// `S_c`.
    pub secret: Secret32,
    /// Whether its records are padded.
    pub pad: bool,
}

/// What came of the records.
#[derive(Default)]
pub struct Emitted {
    /// What the keyring is given of records 1, 2, 3 …
    pub keys: Vec<NewRecord>,
    /// What was left out.
    pub skipped: Vec<Problem>,
    /// Files sealed, links among them.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
}

/// What a worker has for the writer, in order.
enum Piece {
    /// Bytes of a large record's age file.
    Part(SealedPart),
    /// Its last bytes, and everything that was learned about the record.
    End(SealedPart, Box<Sealed>),
    /// A small record's whole age file.
    Whole(Vec<u8>, [u8; 32], Box<Sealed>),
    /// The record could not be made.
    Failed(OpsError),
    /// Nothing will be written any more; only problems are being gathered.
    Abandoned,
}

struct Sealed {
    halves: ExpiryHalves,
    label: Vec<u8>,
    retention: Arc<Retention>,
    compartment: usize,
    packed: Packed,
}

struct Job {
    chunk: Vec<u8>,
    done: Sender<Result<Vec<u8>, ArchiveError>>,
}

/// Seals `plans` in their order as records 1, 2, 3 … of `writer`.
///
/// # Errors
/// [`OpsError::Problems`] with everything that cannot be sealed, unless that may be skipped; those of output and disk.
pub fn emit<W: Write>(
    plans: &[RecordPlan],
    sealing: &Sealing<'_>,
    writer: &mut ArchiveWriter<W>,
) -> Result<Emitted, OpsError> {
    let problems = Mutex::new(Vec::new());
    let abandoned = AtomicBool::new(false);
    let (turn_sender, turns) = bounded::<Receiver<Piece>>(2 * sealing.threads);
    let next = Mutex::new((plans.iter().zip(1u64..), turn_sender));
    let emitted = std::thread::scope(|scope| {
        let (job_sender, job_queue) = unbounded::<Job>();
        let buffers = Buffers::new(sealing.threads);
        let next = &next;
        for _ in 0..sealing.threads {
            let (queue, buffers_of_jobs) = (job_queue.clone(), buffers.clone());
            scope.spawn(move || compress_jobs(&queue, &buffers_of_jobs));
            let worker = Worker {
                sealing,
                jobs: job_sender.clone(),
                buffers: buffers.clone(),
                problems: &problems,
                abandoned: &abandoned,
            };
            scope.spawn(move || {
                let mut worker_compressor = ChunkCompressor::new();
                loop {
                    let (pieces, outbox) = bounded(2);
                    let (plan, number) = {
                        let mut next = next.lock().expect("no worker panicked");
                        let Some(plan) = next.0.next() else { return };
                        // The writer takes turns in this order; it has gone when sending fails.
                        if next.1.send(outbox).is_err() {
                            return;
                        }
                        plan
                    };
                    let outcome = match &mut worker_compressor {
                        Ok(compressor) => worker.record(plan, number, &pieces, compressor),
                        Err(e) => Err(Stop::Failed(io_error(io::Error::other(e.to_string())))),
                    };
                    match outcome {
                        Ok(()) => {}
                        Err(Stop::Failed(error)) => drop(pieces.send(Piece::Failed(error))),
                        Err(Stop::WriterGone) => return,
                    }
                    if number == plans.len() as u64 {
                        return;
                    }
                }
            });
        }
        drop((job_sender, job_queue));
        // The last turn closes the channel: the writer counts instead.
        let emitted = write_in_order(plans.len(), &turns, sealing, writer, &abandoned, &buffers);
        drop(turns);
        emitted
    });
    let mut problems = problems.into_inner().expect("no worker panicked");
    if !sealing.skip && !problems.is_empty() {
        problems.sort_by(|a: &Problem, b| a.path.cmp(&b.path));
        return Err(OpsError::Problems(problems));
    }
    emitted
}

/// Chunks, frames and parts that go round, so that memory is not given back and asked for all the time.
#[derive(Clone)]
struct Buffers {
    chunks: (Sender<Vec<u8>>, Receiver<Vec<u8>>),
    frames: (Sender<Vec<u8>>, Receiver<Vec<u8>>),
}

impl Buffers {
    fn new(threads: usize) -> Self {
        Self { chunks: bounded(threads), frames: bounded(2 * threads) }
    }

    fn chunk(&self) -> Vec<u8> {
        self.chunks.1.try_recv().unwrap_or_else(|_| vec![0; CHUNK])
    }

    fn frame(&self) -> Vec<u8> {
        self.frames.1.try_recv().unwrap_or_default()
    }

    fn take_back_chunk(&self, chunk: Vec<u8>) {
        // More than are needed are dropped.
        let _ = self.chunks.0.try_send(chunk);
    }

    fn take_back_frame(&self, frame: Vec<u8>) {
        let _ = self.frames.0.try_send(frame);
    }
}

fn compress_jobs(queue: &Receiver<Job>, buffers: &Buffers) {
    let mut compressor = ChunkCompressor::new();
    for Job { chunk, done } in queue {
        let mut frame = buffers.frame();
        let outcome = match &mut compressor {
            Ok(compressor) => compressor.compress(&chunk, &mut frame),
            Err(e) => Err(ArchiveError::Io(io::Error::other(e.to_string()))),
        };
        // Whoever waits for the frame may have given up.
        let _ = done.send(outcome.map(|()| frame));
        buffers.take_back_chunk(chunk);
    }
}

fn write_in_order<W: Write>(
    records: usize,
    turns: &Receiver<Receiver<Piece>>,
    sealing: &Sealing<'_>,
    writer: &mut ArchiveWriter<W>,
    abandoned: &AtomicBool,
    buffers: &Buffers,
) -> Result<Emitted, OpsError> {
    let mut emitted = Emitted::default();
    for _ in 0..records {
        let Ok(pieces) = turns.recv() else { break };
        let (placed, sealed) = match write_record(&pieces, writer, buffers) {
            Ok(Some(written)) => written,
            Ok(None) => continue,
            Err(error) => {
                abandoned.store(true, Ordering::Relaxed);
                return Err(error);
            }
        };
        let record = emitted.keys.len() as u64 + 1;
        let leaf = RecordLeaf {
            record,
            compartment: sealing.compartments[sealed.compartment].name.clone(),
            offset: placed.offset,
            size: placed.size,
            sha256: placed.sha256,
            retention: (*sealed.retention).clone(),
            commitments: sealed.halves.commitments(&sealing.archive, record).into(),
            label: sealed.label,
        };
        writer.record_leaf(&leaf).map_err(io_archive)?;
        let compartment = u32::try_from(sealed.compartment).expect("a manifest has far fewer compartments");
        emitted.keys.push(NewRecord { halves: sealed.halves, compartment, retention: sealed.retention });
        emitted.skipped.extend(sealed.packed.problems);
        emitted.files += sealed.packed.summary.files + sealed.packed.links_beside;
        emitted.bytes += sealed.packed.summary.bytes;
    }
    Ok(emitted)
}

fn write_record<W: Write>(
    pieces: &Receiver<Piece>,
    writer: &mut ArchiveWriter<W>,
    buffers: &Buffers,
) -> Result<Option<(Placed, Sealed)>, OpsError> {
    let lost = || io_error(io::Error::other(tr!("a thread that was sealing a record ended early")));
    match pieces.recv().map_err(|_| lost())? {
        Piece::Whole(file, hash, sealed) => {
            let placed = writer.whole_record(&file, hash).map_err(io_archive)?;
            Ok(Some((placed, *sealed)))
        }
        Piece::Part(mut part) => {
            let mut record = writer.record();
            loop {
                record.append(part.pieces()).map_err(io_archive)?;
                buffers.take_back_frame(part.into_buffer());
                part = match pieces.recv().map_err(|_| lost())? {
                    Piece::Part(part) => part,
                    Piece::End(part, sealed) => {
                        record.append(part.pieces()).map_err(io_archive)?;
                        return Ok(Some((record.finish().map_err(io_archive)?, *sealed)));
                    }
                    Piece::Failed(error) => return Err(error),
                    _ => return Ok(None),
                };
            }
        }
        Piece::Failed(error) => Err(error),
        _ => Ok(None),
    }
}

enum Stop {
    Failed(OpsError),
    WriterGone,
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Failed(io_error(error))
    }
}

struct Worker<'a> {
    sealing: &'a Sealing<'a>,
    jobs: Sender<Job>,
    buffers: Buffers,
    problems: &'a Mutex<Vec<Problem>>,
    abandoned: &'a AtomicBool,
}

impl Worker<'_> {
    fn record(
        &self,
        plan: &RecordPlan,
        number: u64,
        pieces: &Sender<Piece>,
        compressor: &mut ChunkCompressor,
    ) -> Result<(), Stop> {
        if self.sealing.interrupted.load(Ordering::Relaxed) {
            self.abandoned.store(true, Ordering::Relaxed);
            return Err(Stop::Failed(OpsError::Interrupted));
        }
        if self.abandoned.load(Ordering::Relaxed) {
            self.note(&inspect(plan, self.sealing.names));
            return send(pieces, Piece::Abandoned);
        }
        let sealing = self.sealing;
        let compartment = &sealing.compartments[plan.kept.compartment];
        let halves = ExpiryHalves::random();
        let access = kdf::access_half(&sealing.archive, &compartment.secret, number);
        let record_key = kdf::record_key(&sealing.archive, &access, &halves.record, number);
        let sink = RecordSink { worker: self, pieces, record_key: &record_key, large: None };
        let info = format!("External-Identifier: {}/{number}\n{}", hex::encode(sealing.archive), sealing.info);
        let bag = BagWriter::new(sink, self.buffers.chunk())?;
        let (packed, sink, buffer, last) = pack(plan, sealing.names, &info, bag, sealing.progress)?;
        self.note(&packed.problems);
        if self.abandoned.load(Ordering::Relaxed) {
            return send(pieces, Piece::Abandoned);
        }
        let mut frame = self.buffers.frame();
        compressor.compress(&buffer[..last], &mut frame).map_err(|e| Stop::Failed(io_archive(e)))?;
        self.buffers.take_back_chunk(buffer);
        let mut label = Label {
            name: plan.name.clone(),
            kind: plan.source.kind(),
            files: packed.summary.files,
            bytes: packed.summary.bytes,
            bag: packed.summary.bag,
            dated: plan.kept.dated,
            ..Label::default()
        };
        label.set_skipped(&packed.problems.iter().map(Problem::sealed_line).collect::<Vec<_>>());
        let label_key = kdf::label_key(&sealing.archive, &access, &halves.label, number);
        let sealed = Box::new(Sealed {
            halves,
            label: label.seal(&label_key),
            retention: plan.kept.retention.clone(),
            compartment: plan.kept.compartment,
            packed,
        });
        if let Some(large) = sink.large {
            return large.finish(frame, compartment.pad, sealed);
        }
        let file = whole_file(&record_key, &frame, compartment.pad);
        self.buffers.take_back_frame(frame);
        let hash = sha256(&[&file]);
        send(pieces, Piece::Whole(file, hash, sealed))
    }

    fn note(&self, problems: &[Problem]) {
        if problems.is_empty() {
            return;
        }
        self.problems.lock().expect("no worker panicked").extend_from_slice(problems);
        if !self.sealing.skip {
            self.abandoned.store(true, Ordering::Relaxed);
        }
    }
}

/// The age file of a record that fits into one frame.
fn whole_file(record_key: &Secret32, frame: &[u8], pad: bool) -> Vec<u8> {
    let (mut file, payload_key) = record_file::seal(record_key);
    let mut stream = StreamWriter::new(&payload_key);
    let mut append = |bytes: &[u8]| append(&mut file, bytes);
    let Ok(()) = stream.write(frame, &mut append);
    if pad {
        let padding = padded_size(frame.len() as u64) - frame.len() as u64;
        let Ok(()) = write_padding(padding, |zeros| stream.write(zeros, &mut append));
    }
    let Ok(()) = stream.finish(&mut append);
    file
}

/// Takes the chunks of a record that outgrows one: from the first on, its age file goes to the writer part by part.
struct RecordSink<'a> {
    worker: &'a Worker<'a>,
    pieces: &'a Sender<Piece>,
    record_key: &'a Secret32,
    large: Option<LargeRecord<'a>>,
}

impl ChunkSink for RecordSink<'_> {
    type Error = Stop;

    fn chunk(&mut self, chunk: Vec<u8>) -> Result<Vec<u8>, Stop> {
        if self.worker.sealing.interrupted.load(Ordering::Relaxed) {
            self.worker.abandoned.store(true, Ordering::Relaxed);
            return Err(Stop::Failed(OpsError::Interrupted));
        }
        // Once the archive cannot come about, reading goes on only to find everything that cannot be sealed.
        if self.worker.abandoned.load(Ordering::Relaxed) {
            return Ok(chunk);
        }
        let large = match &mut self.large {
            Some(large) => large,
            none => none.insert(LargeRecord::begin(self.pieces, self.record_key)?),
        };
        let (done, frame) = bounded(1);
        // The compressing threads live as long as there are senders.
        self.worker.jobs.send(Job { chunk, done }).map_err(|_| Stop::WriterGone)?;
        large.frames.push_back(frame);
        if large.frames.len() > AHEAD {
            large.seal_next_frame()?;
        }
        Ok(self.worker.buffers.chunk())
    }
}

/// The age file of a record whose frames are compressed by several threads, encrypted in order.
struct LargeRecord<'a> {
    pieces: &'a Sender<Piece>,
    frames: VecDeque<Receiver<Result<Vec<u8>, ArchiveError>>>,
    payload: StreamWriter,
    compressed: u64,
}

impl<'a> LargeRecord<'a> {
    fn begin(pieces: &'a Sender<Piece>, record_key: &Secret32) -> Result<Self, Stop> {
        let (header, payload_key) = record_file::seal(record_key);
        let payload = StreamWriter::new(&payload_key);
        send(pieces, Piece::Part(header.into()))?;
        Ok(Self { pieces, frames: VecDeque::new(), payload, compressed: 0 })
    }

    fn seal_next_frame(&mut self) -> Result<(), Stop> {
        let Some(frame) = self.frames.pop_front() else { return Ok(()) };
        let lost = |_| io::Error::other(tr!("a thread that compresses ended early"));
        let frame = frame.recv().map_err(lost)?.map_err(|e| Stop::Failed(io_archive(e)))?;
        self.seal(frame)
    }

    fn seal(&mut self, frame: Vec<u8>) -> Result<(), Stop> {
        self.compressed += frame.len() as u64;
        send(self.pieces, Piece::Part(self.payload.write_in_place(frame)))
    }

    fn finish(mut self, last: Vec<u8>, pad: bool, sealed: Box<Sealed>) -> Result<(), Stop> {
        while !self.frames.is_empty() {
            self.seal_next_frame()?;
        }
        self.seal(last)?;
        let Self { pieces, mut payload, compressed, .. } = self;
        let mut end = Vec::new();
        if pad {
            write_padding(padded_size(compressed) - compressed, |zeros| {
                let Ok(()) = payload.write(zeros, |bytes| append(&mut end, bytes));
                if end.len() < PART { Ok(()) } else { send(pieces, Piece::Part(std::mem::take(&mut end).into())) }
            })?;
        }
        let Ok(()) = payload.finish(|bytes| append(&mut end, bytes));
        send(pieces, Piece::End(end.into(), sealed))
    }
}

fn append(to: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Infallible> {
    to.extend_from_slice(bytes);
    Ok(())
}

fn send(pieces: &Sender<Piece>, piece: Piece) -> Result<(), Stop> {
    pieces.send(piece).map_err(|_| Stop::WriterGone)
}

fn io_error(error: io::Error) -> OpsError {
    io_archive(ArchiveError::Io(error))
}

/// The writing side does not know the archive's path; the caller names it.
fn io_archive(error: ArchiveError) -> OpsError {
    OpsError::Archive { path: std::path::PathBuf::new(), source: error }
}
