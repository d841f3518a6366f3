//! The journal's rows in the catalogue: opaque leaves, the hash tiles over them, and the last signed checkpoint.
//!
//! Invariant: leaves are only ever added; tiles of every level, the partial right edge among them, are those of the
//! leaves; no checkpoint is stored for fewer leaves than an earlier one. Spec: `spec/journal.md`, "In the keyring".

use super::KeyringError;
use crate::crypto::hash::Hash;
use crate::language::text;
use crate::tlog::consistency::consistency_proof;
use crate::tlog::merkle::{TileSource, inclusion_proof, leaf_hash, root_of, subtree};
use crate::tlog::tile::{MAX_ENTRY, TILE_HEIGHT, TILE_WIDTH, tile_hashes, width};
use rusqlite::{Connection, OptionalExtension, params};
use tr::tr;

/// The tables, with the head of an empty log.
pub const SCHEMA: &str = "
CREATE TABLE log_leaf (
    idx INTEGER PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;
CREATE TABLE log_tile (
    level INTEGER NOT NULL,
    idx INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (level, idx)
) STRICT;
CREATE TABLE log_head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    size INTEGER NOT NULL,
    signed_size INTEGER NOT NULL,
    checkpoint BLOB
) STRICT;
INSERT INTO log_head (one, size, signed_size, checkpoint) VALUES (1, 0, 0, NULL);
";

/// Appends leaves within the transaction that is open, or in one of its own; returns the new size.
///
/// # Errors
/// [`KeyringError::Journal`] for a leaf above 65,535 bytes; [`KeyringError::Damaged`]; those of SQLite.
pub fn append(connection: &Connection, leaves: &[Vec<u8>]) -> Result<u64, KeyringError> {
    let own = if connection.is_autocommit() { Some(connection.unchecked_transaction()?) } else { None };
    let log = Log::new(connection);
    let mut size = log.size()?;
    let mut edge = log.edge(size)?;
    let mut add = connection.prepare_cached("INSERT INTO log_leaf (idx, body) VALUES (?1, ?2)")?;
    for leaf in leaves {
        if leaf.len() > MAX_ENTRY {
            return Err(KeyringError::Journal(text!("an entry is longer than 65,535 bytes")));
        }
        add.execute(params![size as i64, leaf])?;
        let mut carry = Some(leaf_hash(leaf));
        let mut level = 0;
        while let Some(hash) = carry.take() {
            if edge.len() == level {
                edge.push(Vec::new());
            }
            edge[level].push(hash);
            if edge[level].len() == TILE_WIDTH {
                let tile = std::mem::take(&mut edge[level]);
                set_tile(connection, level as u32, tile_index(size, level as u32), &tile)?;
                carry = Some(root_of(&tile));
            }
            level += 1;
        }
        size += 1;
    }
    for (level, tile) in edge.iter().enumerate().filter(|(_, tile)| !tile.is_empty()) {
        set_tile(connection, level as u32, tile_index(size, level as u32), tile)?;
    }
    drop(add);
    connection.execute("UPDATE log_head SET size = ?1", params![size as i64])?;
    if let Some(own) = own {
        own.commit()?;
    }
    Ok(size)
}

/// The tile of a level that a leaf with this index falls into.
fn tile_index(leaf: u64, level: u32) -> u64 {
    leaf.checked_shr(TILE_HEIGHT * (level + 1)).unwrap_or(0)
}

fn set_tile(connection: &Connection, level: u32, index: u64, hashes: &[Hash]) -> Result<(), KeyringError> {
    let sql = "INSERT INTO log_tile (level, idx, body) VALUES (?1, ?2, ?3)
               ON CONFLICT (level, idx) DO UPDATE SET body = excluded.body";
    connection.prepare_cached(sql)?.execute(params![level, index as i64, hashes.concat()])?;
    Ok(())
}

/// The log as it is in the catalogue.
#[derive(Clone, Copy)]
pub struct Log<'a> {
    connection: &'a Connection,
}

impl<'a> Log<'a> {
    /// The log in an open catalogue.
    pub fn new(connection: &'a Connection) -> Self {
        Self { connection }
    }

    /// Leaves in it.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn size(&self) -> Result<u64, KeyringError> {
        Ok(self.connection.query_row("SELECT size FROM log_head", [], |row| row.get::<_, i64>(0))? as u64)
    }

    /// One leaf.
    ///
    /// # Errors
    /// [`KeyringError::NoEntry`]; [`KeyringError::Damaged`] where it is missing; those of SQLite.
    pub fn leaf(&self, index: u64) -> Result<Vec<u8>, KeyringError> {
        if index >= self.size()? {
            return Err(KeyringError::NoEntry(index));
        }
        let sql = "SELECT body FROM log_leaf WHERE idx = ?1";
        let body =
            self.connection.prepare_cached(sql)?.query_row(params![index as i64], |row| row.get(0)).optional()?;
        body.ok_or_else(|| missing(index))
    }

    /// Shows the leaves `from..to` in their order.
    ///
    /// # Errors
    /// [`KeyringError::NoEntry`]; [`KeyringError::Damaged`] where one is missing; those of SQLite and of `each`.
    pub fn for_each_leaf<E: From<KeyringError>>(
        &self,
        from: u64,
        to: u64,
        mut each: impl FnMut(u64, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.within(to)?;
        let sql = "SELECT idx, body FROM log_leaf WHERE idx >= ?1 AND idx < ?2 ORDER BY idx";
        let mut statement = self.connection.prepare_cached(sql).map_err(KeyringError::from)?;
        let mut rows = statement.query(params![from as i64, to as i64]).map_err(KeyringError::from)?;
        let mut next = from;
        while let Some(row) = rows.next().map_err(KeyringError::from)? {
            if row.get::<_, i64>(0).map_err(KeyringError::from)? as u64 != next {
                return Err(missing(next).into());
            }
            let body = row.get_ref(1).map_err(KeyringError::from)?;
            let body = body
                .as_blob()
                .map_err(|e| KeyringError::Damaged(tr!("journal: entry {entry}: {what}", entry = next, what = e)))?;
            each(next, body)?;
            next += 1;
        }
        if next < to { Err(missing(next).into()) } else { Ok(()) }
    }

    /// Root over the first `size` leaves.
    ///
    /// # Errors
    /// [`KeyringError::NoEntry`] beyond the log and for size 0; [`KeyringError::Damaged`]; those of SQLite.
    pub fn root(&self, size: u64) -> Result<Hash, KeyringError> {
        if size == 0 {
            return Err(KeyringError::NoEntry(0));
        }
        self.within(size)?;
        subtree(&mut { *self }, size, 0, size)
    }

    /// Proof that leaf `index` is in the tree of the first `size` leaves.
    ///
    /// # Errors
    /// [`KeyringError::NoEntry`]; [`KeyringError::Damaged`]; those of SQLite.
    pub fn inclusion_proof(&self, index: u64, size: u64) -> Result<Vec<Hash>, KeyringError> {
        self.within(size)?;
        if index >= size {
            return Err(KeyringError::NoEntry(index));
        }
        inclusion_proof(&mut { *self }, size, index)
    }

    /// Proof that the tree of the first `new` leaves extends that of the first `old`.
    ///
    /// # Errors
    /// [`KeyringError::NoEntry`] also for an `old` above `new`; [`KeyringError::Damaged`]; those of SQLite.
    pub fn consistency_proof(&self, old: u64, new: u64) -> Result<Vec<Hash>, KeyringError> {
        self.within(new)?;
        if old > new {
            return Err(KeyringError::NoEntry(old - 1));
        }
        consistency_proof(&mut { *self }, old, new)
    }

    /// Size and note of the last checkpoint that was signed.
    ///
    /// # Errors
    /// [`KeyringError::Damaged`]; those of SQLite.
    pub fn signed(&self) -> Result<Option<(u64, Vec<u8>)>, KeyringError> {
        let sql = "SELECT signed_size, checkpoint FROM log_head";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?));
        let (size, note): (u64, Option<Vec<u8>>) = self.connection.query_row(sql, [], read)?;
        match note {
            Some(note) if size > 0 && size <= self.size()? => Ok(Some((size, note))),
            None if size == 0 => Ok(None),
            _ => Err(KeyringError::Damaged(tr!("journal: its checkpoint is over other entries than it has"))),
        }
    }

    /// Remembers a signed checkpoint; durable when it returns, and only then may it be shown.
    ///
    /// # Errors
    /// [`KeyringError::Journal`] for fewer leaves than were signed before, for none, and for leaves that are not durable:
    /// those that are not there and those of an open transaction. Those of SQLite.
    pub fn set_signed(&self, size: u64, note: &[u8]) -> Result<(), KeyringError> {
        if !self.connection.is_autocommit() || size == 0 || size > self.size()? {
            return Err(KeyringError::Journal(text!("a checkpoint would sign entries that are not durable")));
        }
        let sql = "UPDATE log_head SET signed_size = ?1, checkpoint = ?2 WHERE signed_size <= ?1";
        match self.connection.execute(sql, params![size as i64, note])? {
            1 => Ok(()),
            _ => Err(KeyringError::Journal(text!("a checkpoint would sign fewer entries than the one before"))),
        }
    }

    /// Compares every tile with the leaves, and finds no other.
    ///
    /// # Errors
    /// [`KeyringError::Damaged`]; those of SQLite.
    pub fn check(&self) -> Result<(), KeyringError> {
        self.check_heard(&mut || ())
    }

    /// The same; `each` hears of every leaf.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn check_heard(&self, each: &mut dyn FnMut()) -> Result<(), KeyringError> {
        let size = self.size()?;
        let other = |level: u32, index: u64| {
            KeyringError::Damaged(tr!(
                "journal: tile {level}/{index} is not that of its entries",
                level = level,
                index = index
            ))
        };
        let mut hashes = Vec::with_capacity(TILE_WIDTH);
        self.for_each_leaf(0, size, |index, leaf| {
            each();
            hashes.push(leaf_hash(leaf));
            let tile = index / TILE_WIDTH as u64;
            if hashes.len() == TILE_WIDTH || index + 1 == size {
                if { *self }.tile(0, tile, hashes.len())? != hashes {
                    return Err(other(0, tile));
                }
                hashes.clear();
            }
            Ok(())
        })?;
        let (mut level, mut at_level, mut tiles) = (1, size >> TILE_HEIGHT, size.div_ceil(TILE_WIDTH as u64));
        while at_level > 0 {
            for index in 0..at_level.div_ceil(TILE_WIDTH as u64) {
                let stored = { *self }.tile(level, index, width(size, level, index))?;
                for (below, hash) in (index * TILE_WIDTH as u64..).zip(stored) {
                    if root_of(&{ *self }.tile(level - 1, below, TILE_WIDTH)?) != hash {
                        return Err(other(level, index));
                    }
                }
            }
            tiles += at_level.div_ceil(TILE_WIDTH as u64);
            (level, at_level) = (level + 1, at_level >> TILE_HEIGHT);
        }
        let count = |table: &str| -> Result<u64, KeyringError> {
            let sql = format!("SELECT count(*) FROM {table}");
            Ok(self.connection.query_row(&sql, [], |row| row.get::<_, i64>(0))? as u64)
        };
        if count("log_tile")? != tiles || count("log_leaf")? != size {
            return Err(KeyringError::Damaged(tr!("journal: it has rows that do not belong to its entries")));
        }
        Ok(())
    }

    fn within(&self, size: u64) -> Result<(), KeyringError> {
        if size > self.size()? { Err(KeyringError::NoEntry(size - 1)) } else { Ok(()) }
    }

    /// The tiles that are not full, level by level.
    fn edge(&self, size: u64) -> Result<Vec<Vec<Hash>>, KeyringError> {
        let mut edge = Vec::new();
        let mut at_level = size;
        while at_level > 0 {
            let width = (at_level % TILE_WIDTH as u64) as usize;
            let level = edge.len() as u32;
            edge.push(match width {
                0 => Vec::new(),
                width => { *self }.tile(level, at_level / TILE_WIDTH as u64, width)?,
            });
            at_level /= TILE_WIDTH as u64;
        }
        Ok(edge)
    }
}

impl TileSource for Log<'_> {
    type Error = KeyringError;

    fn tile(&mut self, level: u32, index: u64, wanted: usize) -> Result<Vec<Hash>, KeyringError> {
        let sql = "SELECT body FROM log_tile WHERE level = ?1 AND idx = ?2";
        let body: Option<Vec<u8>> = self
            .connection
            .prepare_cached(sql)?
            .query_row(params![level, index as i64], |row| row.get(0))
            .optional()?;
        let stored = width(self.size()?, level, index);
        let hashes = body.and_then(|body| tile_hashes(&body, stored).ok()).filter(|_| wanted <= stored);
        let mut hashes = hashes.ok_or_else(|| {
            KeyringError::Damaged(tr!(
                "journal: tile {level}/{index} is not what its size demands",
                level = level,
                index = index
            ))
        })?;
        // A tile only grows: that of an earlier size is its beginning.
        hashes.truncate(wanted);
        Ok(hashes)
    }
}

fn missing(index: u64) -> KeyringError {
    KeyringError::Damaged(tr!("journal: entry {entry} is missing", entry = index))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::consistency::verify_consistency;
    use crate::tlog::merkle::root_from_proof;
    use crate::tlog::tile::{Finished, LogBuilder};
    use proptest::prelude::*;

    fn catalogue() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(SCHEMA).unwrap();
        connection
    }

    fn leaves(range: std::ops::Range<u64>) -> Vec<Vec<u8>> {
        range.map(|i| format!("entry {i}").into_bytes()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn roots_and_tiles_are_those_of_the_builder_however_leaves_arrive(
            batches in prop::collection::vec(prop_oneof![Just(1u64), 0u64..6, 200u64..300], 1..12)
        ) {
            let connection = catalogue();
            let log = Log::new(&connection);
            let mut builder = LogBuilder::default();
            let mut members: Vec<Finished> = Vec::new();
            for batch in batches {
                let size = log.size().unwrap();
                let new = leaves(size..size + batch);
                prop_assert_eq!(append(&connection, &new).unwrap(), size + batch);
                for leaf in &new {
                    members.extend(builder.push(leaf).unwrap());
                }
                prop_assert_eq!(builder.root(), (size + batch > 0).then(|| log.root(size + batch).unwrap()));
            }
            let size = log.size().unwrap();
            if size > 0 {
                members.extend(builder.finish().0);
            }
            let mut stored = std::collections::BTreeMap::new();
            let mut statement = connection.prepare("SELECT level, idx, body FROM log_tile").unwrap();
            let mut rows = statement.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                let (level, index): (u32, i64) = (row.get(0).unwrap(), row.get(1).unwrap());
                let body: Vec<u8> = row.get(2).unwrap();
                stored.insert(crate::tlog::tile::path(level, index as u64, body.len() / 32), body);
            }
            log.check().unwrap();
            let bundles = members.iter().filter(|member| member.path.starts_with("tile/entries/"));
            for (index, bundle) in bundles.enumerate() {
                let width = width(size, 0, index as u64);
                let entries = crate::tlog::tile::bundle_entries(&bundle.bytes, width).unwrap();
                let hashes: Vec<u8> = entries.into_iter().flat_map(leaf_hash).collect();
                prop_assert_eq!(stored.remove(&crate::tlog::tile::path(0, index as u64, width)), Some(hashes));
            }
            for tile in members.iter().filter(|member| !member.path.starts_with("tile/entries/")) {
                prop_assert_eq!(stored.remove(&tile.path), Some(tile.bytes.clone()));
            }
            prop_assert!(stored.is_empty(), "{:?}", stored.keys());
        }
    }

    #[test]
    fn proofs_hold_for_every_earlier_size() {
        let connection = catalogue();
        append(&connection, &leaves(0..700)).unwrap();
        let log = Log::new(&connection);
        let root = log.root(700).unwrap();
        for size in [1, 2, 255, 256, 257, 511, 699, 700] {
            let old = log.root(size).unwrap();
            verify_consistency((size, &old), (700, &root), &log.consistency_proof(size, 700).unwrap()).unwrap();
            for index in [0, size / 2, size - 1] {
                let proof = log.inclusion_proof(index, size).unwrap();
                let leaf = leaf_hash(&log.leaf(index).unwrap());
                assert_eq!(root_from_proof(leaf, index, size, &proof).unwrap(), old);
            }
        }
        let beyond = [
            log.leaf(700).map(|_| ()),
            log.root(701).map(|_| ()),
            log.root(0).map(|_| ()),
            log.inclusion_proof(5, 5).map(|_| ()),
            log.consistency_proof(6, 5).map(|_| ()),
            log.consistency_proof(6, 701).map(|_| ()),
            log.for_each_leaf(0, 701, |_, _| Ok(())),
        ];
        for outcome in beyond {
            assert!(matches!(outcome, Err(KeyringError::NoEntry(_))), "{outcome:?}");
        }
    }

    #[test]
    fn an_append_happens_with_its_transaction_or_not_at_all() {
        let mut connection = catalogue();
        append(&connection, &leaves(0..10)).unwrap();
        let root = Log::new(&connection).root(10).unwrap();
        let transaction = connection.transaction().unwrap();
        append(&transaction, &leaves(10..300)).unwrap();
        transaction.rollback().unwrap();
        let too_long = [leaves(10..11), vec![vec![0; MAX_ENTRY + 1]]].concat();
        assert!(matches!(append(&connection, &too_long), Err(KeyringError::Journal(_))));
        let log = Log::new(&connection);
        assert_eq!((log.size().unwrap(), log.root(10).unwrap()), (10, root));
        assert_eq!(append(&connection, &leaves(10..11)).unwrap(), 11);
    }

    #[test]
    fn checkpoints_are_over_durable_leaves_and_never_shrink() {
        let mut connection = catalogue();
        append(&connection, &leaves(0..5)).unwrap();
        let log = Log::new(&connection);
        assert_eq!(log.signed().unwrap(), None);
        for size in [0, 6] {
            assert!(matches!(log.set_signed(size, b"note"), Err(KeyringError::Journal(_))));
        }
        log.set_signed(4, b"four").unwrap();
        assert!(matches!(log.set_signed(3, b"three"), Err(KeyringError::Journal(_))));
        log.set_signed(4, b"four again").unwrap();
        assert_eq!(log.signed().unwrap(), Some((4, b"four again".to_vec())));
        let transaction = connection.transaction().unwrap();
        append(&transaction, &leaves(5..6)).unwrap();
        let log = Log::new(&transaction);
        assert!(matches!(log.set_signed(6, b"six"), Err(KeyringError::Journal(_))));
    }

    #[test]
    fn what_is_missing_from_the_tables_is_damage() {
        for damage in [
            "DELETE FROM log_leaf WHERE idx = 3",
            "DELETE FROM log_tile WHERE level = 0 AND idx = 1",
            "UPDATE log_tile SET body = substr(body, 1, 32) WHERE level = 0",
            "UPDATE log_tile SET body = zeroblob(8192) WHERE level = 0 AND idx = 0",
            "UPDATE log_tile SET body = zeroblob(32) WHERE level = 1",
            "UPDATE log_leaf SET body = x'00' WHERE idx = 3",
            "INSERT INTO log_tile (level, idx, body) VALUES (2, 0, zeroblob(32))",
            "INSERT INTO log_leaf (idx, body) VALUES (300, x'00')",
            "UPDATE log_head SET size = 299",
        ] {
            let connection = catalogue();
            append(&connection, &leaves(0..300)).unwrap();
            connection.execute_batch(damage).unwrap();
            let outcome = Log::new(&connection).check();
            assert!(matches!(outcome, Err(KeyringError::Damaged(_))), "{damage}: {outcome:?}");
        }
    }
}
