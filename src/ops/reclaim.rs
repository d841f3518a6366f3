//! `purge --reclaim`: removes the ciphertext of destroyed records from a copy of their archive.
//!
//! Invariant: only content of records that are known to be destroyed is removed, and only where the sealed leaf and the
//! member headers agree that it is theirs. Spec: `spec/archive.md`, "Removed records".

use super::{OpsError, Progress};
use crate::archive::ArchiveError;
use crate::archive::layout::{self, BLOCK};
use crate::archive::leaf::RecordLeaf;
use crate::archive::reader::ArchiveReader;
use crate::storage::hole::HoleWriter;
use std::os::unix::fs::FileExt;
use std::path::Path;
use tr::tr;

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReclaimOutcome {
    /// Destroyed records whose content is gone from this copy now.
    pub records: u64,
    /// Bytes of content removed by this run.
    pub bytes: u64,
    /// Whether the file system gave the space back.
    pub freed: bool,
}

/// Removes the content of every record of the archive at `path` that `is_destroyed` names.
///
/// # Errors
/// Damage where a record is not where its leaf places it; those of the disk. What was removed until then stays removed;
/// running again goes on.
pub fn reclaim(
    path: &Path,
    reader: &mut ArchiveReader,
    mut is_destroyed: impl FnMut(u64) -> Result<bool, OpsError>,
    progress: &dyn Progress,
) -> Result<ReclaimOutcome, OpsError> {
    let mut file = HoleWriter::open(path)?;
    let mut outcome = ReclaimOutcome::default();
    progress.total(reader.tail().index_at);
    reader.for_each_record::<OpsError>(|reader, leaf| {
        if is_destroyed(leaf.record)? {
            check_place(reader, &leaf).map_err(OpsError::archive(path))?;
            let mut at = leaf.offset;
            for (_, size) in layout::segments(leaf.size) {
                file.remove(at + BLOCK as u64, size)?;
                at += layout::member_len(size);
            }
            outcome.records += 1;
            outcome.bytes += leaf.size;
        }
        progress.advance(leaf.size);
        Ok(())
    })?;
    outcome.freed = file.finish()?;
    Ok(outcome)
}

/// Compares the member headers of a record with what must stand there.
fn check_place(reader: &ArchiveReader, leaf: &RecordLeaf) -> Result<(), ArchiveError> {
    let mut at = leaf.offset;
    for (segment, size) in layout::segments(leaf.size) {
        let mut header = [0; BLOCK];
        reader.file().read_exact_at(&mut header, at)?;
        if header != layout::member_header(&layout::record_member(leaf.record, segment), size)? {
            let what =
                tr!("the tar header of its segment {segment} was changed; nothing of it is removed", segment = segment);
            return Err(ArchiveError::damaged(tr!("record {}", leaf.record), what));
        }
        at += layout::member_len(size);
    }
    Ok(())
}
