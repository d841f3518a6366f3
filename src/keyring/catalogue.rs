//! The SQLite file of a keyring: sealed pages, the sealed table, and columns that find them.
//!
//! Invariant: no column decides about destruction; the sealed pages do. Spec: `spec/keyring.md`, "Catalogue".

use super::export::Export;
use super::{KeyringError, KnownArchive};
use crate::crypto::kdf::ArchiveId;
use crate::storage::StorageError;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::path::Path;

/// Kept in SQLite's `user_version`.
const SCHEMA_VERSION: i64 = 1;

const SCHEMA: &str = "
CREATE TABLE state (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    generation INTEGER NOT NULL,
    key_table BLOB NOT NULL
) STRICT;
CREATE TABLE archive (
    id BLOB PRIMARY KEY,
    origin TEXT NOT NULL,
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    deposited TEXT NOT NULL
) STRICT;
CREATE TABLE page (
    id INTEGER PRIMARY KEY,
    archive BLOB NOT NULL REFERENCES archive (id),
    first INTEGER NOT NULL,
    count INTEGER NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (archive, first)
) STRICT;
CREATE TABLE export (
    id INTEGER PRIMARY KEY,
    time TEXT NOT NULL,
    archive BLOB NOT NULL REFERENCES archive (id),
    records TEXT NOT NULL
) STRICT;
";

/// An open catalogue.
pub struct Catalogue {
    connection: Connection,
}

impl Catalogue {
    /// Makes a catalogue at generation 0.
    ///
    /// # Errors
    /// [`StorageError::Exists`]; those of SQLite.
    pub fn create(path: &Path, sealed_table: &[u8]) -> Result<(), KeyringError> {
        // SQLite would make the file for everybody to read.
        crate::storage::output::write_new(path, &[], 0o600)?;
        let mut connection = connect(path)?;
        let transaction = connection.transaction()?;
        transaction.execute_batch(SCHEMA)?;
        transaction.execute_batch(super::log::SCHEMA)?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        transaction
            .execute("INSERT INTO state (one, generation, key_table) VALUES (1, 0, ?1)", params![sealed_table])?;
        transaction.commit()?;
        Ok(())
    }

    /// Opens a catalogue.
    ///
    /// # Errors
    /// [`KeyringError::Damaged`] for another file; those of SQLite.
    pub fn open(path: &Path) -> Result<Self, KeyringError> {
        std::fs::metadata(path).map_err(StorageError::at(path))?;
        let connection = connect(path)?;
        let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version != SCHEMA_VERSION {
            return Err(KeyringError::Damaged(format!("its catalogue has schema {version}, not {SCHEMA_VERSION}")));
        }
        Ok(Self { connection })
    }

    /// Generation and sealed key table.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn table(&self) -> Result<(u64, Vec<u8>), KeyringError> {
        let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?));
        Ok(self.connection.query_row("SELECT generation, key_table FROM state", [], read)?)
    }

    /// One archive.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn archive(&self, id: &ArchiveId) -> Result<Option<KnownArchive>, KeyringError> {
        let sql = "SELECT id, origin, size, root, deposited FROM archive WHERE id = ?1";
        Ok(self.connection.query_row(sql, params![id], read_archive).optional()?)
    }

    /// All archives, oldest deposit first.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn archives(&self) -> Result<Vec<KnownArchive>, KeyringError> {
        let sql = "SELECT id, origin, size, root, deposited FROM archive ORDER BY rowid";
        let mut statement = self.connection.prepare(sql)?;
        let rows = statement.query_map([], read_archive)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The page that holds a record: its id and sealed body.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn page_of(&self, archive: &ArchiveId, record: u64) -> Result<Option<(u64, Vec<u8>)>, KeyringError> {
        let Ok(record) = i64::try_from(record) else { return Ok(None) };
        let sql =
            "SELECT id, body, first, count FROM page WHERE archive = ?1 AND first <= ?2 ORDER BY first DESC LIMIT 1";
        let read = |row: &Row<'_>| {
            let inside = record < row.get::<_, i64>(2)? + row.get::<_, i64>(3)?;
            Ok(inside.then_some((row.get::<_, i64>(0)? as u64, row.get(1)?)))
        };
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_row(params![archive, record], read).optional()?.flatten())
    }

    /// Records that the pages of an archive have room for.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn records_of(&self, archive: &ArchiveId) -> Result<u64, KeyringError> {
        let sql = "SELECT coalesce(sum(count), 0) FROM page WHERE archive = ?1";
        Ok(self.connection.query_row(sql, params![archive], |row| row.get::<_, i64>(0))? as u64)
    }

    /// Shows every page: id, archive, first record, count, sealed body.
    ///
    /// # Errors
    /// Those of SQLite and of `each`.
    pub fn for_each_page(
        &self,
        mut each: impl FnMut(u64, &ArchiveId, u64, u64, &[u8]) -> Result<(), KeyringError>,
    ) -> Result<(), KeyringError> {
        let mut statement = self.connection.prepare("SELECT id, archive, first, count, body FROM page ORDER BY id")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let body = row.get_ref(4)?.as_blob().map_err(|e| KeyringError::Damaged(e.to_string()))?;
            let number = |column| row.get::<_, i64>(column).map(|n| n as u64);
            each(number(0)?, &row.get(1)?, number(2)?, number(3)?, body)?;
        }
        Ok(())
    }

    /// SQLite's own check of the file.
    ///
    /// # Errors
    /// [`KeyringError::Damaged`] with what it found.
    pub fn integrity(&self) -> Result<(), KeyringError> {
        let found: String = self.connection.pragma_query_value(None, "integrity_check", |row| row.get(0))?;
        if found == "ok" { Ok(()) } else { Err(KeyringError::Damaged(format!("its catalogue: {found}"))) }
    }

    /// The journal's rows.
    pub fn log(&self) -> super::log::Log<'_> {
        super::log::Log::new(&self.connection)
    }

    /// Begins a change that happens whole or not at all.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn begin(&mut self) -> Result<Change<'_>, KeyringError> {
        Ok(Change { transaction: self.connection.transaction()? })
    }

    /// Adds an export.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn add_export(&mut self, export: &Export) -> Result<(), KeyringError> {
        let sql = "INSERT INTO export (time, archive, records) VALUES (?1, ?2, ?3)";
        self.connection.execute(sql, params![export.time, export.archive, export.ranges()])?;
        Ok(())
    }

    /// All exports, oldest first.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn exports(&self) -> Result<Vec<Export>, KeyringError> {
        let mut statement = self.connection.prepare("SELECT time, archive, records FROM export ORDER BY id")?;
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?));
        let mut exports = Vec::new();
        for row in statement.query_map([], read)? {
            let (time, archive, ranges) = row?;
            let records = Export::parse_ranges(&ranges)
                .ok_or_else(|| KeyringError::Damaged("the records of an export are malformed".into()))?;
            exports.push(Export { time, archive, records });
        }
        Ok(exports)
    }
}

/// An open transaction; undone unless it is committed.
pub struct Change<'a> {
    transaction: rusqlite::Transaction<'a>,
}

impl Change<'_> {
    /// Adds an archive.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn add_archive(&mut self, archive: &KnownArchive) -> Result<(), KeyringError> {
        let sql = "INSERT INTO archive (id, origin, size, root, deposited) VALUES (?1, ?2, ?3, ?4, ?5)";
        let size = archive.size as i64;
        self.transaction.execute(sql, params![archive.id, archive.origin, size, archive.root, archive.deposited])?;
        Ok(())
    }

    /// Adds a page; returns its id.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn add_page(
        &mut self,
        archive: &ArchiveId,
        first: u64,
        count: usize,
        body: &[u8],
    ) -> Result<u64, KeyringError> {
        let sql = "INSERT INTO page (archive, first, count, body) VALUES (?1, ?2, ?3, ?4)";
        self.transaction.prepare_cached(sql)?.execute(params![archive, first as i64, count as i64, body])?;
        Ok(self.transaction.last_insert_rowid() as u64)
    }

    /// Replaces the key table and the generation that it is sealed under.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn set_table(&mut self, generation: u64, sealed: &[u8]) -> Result<(), KeyringError> {
        self.transaction
            .execute("UPDATE state SET generation = ?1, key_table = ?2", params![generation as i64, sealed])?;
        Ok(())
    }

    /// Makes the change durable.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn commit(self) -> Result<(), KeyringError> {
        Ok(self.transaction.commit()?)
    }
}

fn connect(path: &Path) -> Result<Connection, KeyringError> {
    let connection = Connection::open_with_flags(
        path,
        rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    // A rollback journal, synced together with its folder: what was committed is on disk.
    connection.pragma_update(None, "journal_mode", "DELETE")?;
    connection.pragma_update(None, "synchronous", "EXTRA")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "secure_delete", true)?;
    Ok(connection)
}

fn read_archive(row: &Row<'_>) -> rusqlite::Result<KnownArchive> {
    Ok(KnownArchive {
        id: row.get(0)?,
        origin: row.get(1)?,
        size: row.get::<_, i64>(2)? as u64,
        root: row.get(3)?,
        deposited: row.get(4)?,
    })
}
