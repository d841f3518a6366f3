//! The SQLite file of a keyring: sealed pages and documents, the sealed table, and columns that find them.
//!
//! Invariant: no column decides about destruction; what is sealed does. Spec: `spec/keyring.md`, "Catalogue".

use super::{KeyringError, log};
use crate::crypto::kdf::ArchiveId;
use crate::storage::{StorageError, slot};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use tr::tr;

/// Kept in SQLite's `user_version`.
const SCHEMA_VERSION: i64 = 2;

const SCHEMA: &str = "
CREATE TABLE state (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    generation INTEGER NOT NULL,
    key_table BLOB NOT NULL
) STRICT;
CREATE TABLE document (
    name TEXT PRIMARY KEY NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE TABLE page (
    id INTEGER PRIMARY KEY,
    archive BLOB NOT NULL,
    first INTEGER NOT NULL,
    count INTEGER NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (archive, first)
) STRICT;
";

/// An open catalogue.
pub struct Catalogue {
    connection: Connection,
    path: PathBuf,
}

/// A page as it is found.
pub struct PageRow {
    /// Its id.
    pub id: u64,
    /// The archive that the columns say it is of.
    pub archive: ArchiveId,
    /// The record that it begins with.
    pub first: u64,
    /// Records on it.
    pub count: u64,
    /// The sealed page.
    pub body: Vec<u8>,
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
        transaction.execute_batch(log::SCHEMA)?;
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
            return Err(KeyringError::Damaged(tr!(
                "its catalogue has schema {version}, not {expected}",
                version = version,
                expected = SCHEMA_VERSION
            )));
        }
        Ok(Self { connection, path: path.into() })
    }

    /// For the journal, which knows its own tables.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Generation and sealed key table.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn table(&self) -> Result<(u64, Vec<u8>), KeyringError> {
        let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?));
        Ok(self.connection.query_row("SELECT generation, key_table FROM state", [], read)?)
    }

    /// A sealed document.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn document(&self, name: &str) -> Result<Option<Vec<u8>>, KeyringError> {
        let sql = "SELECT body FROM document WHERE name = ?1";
        Ok(self.connection.query_row(sql, params![name], |row| row.get(0)).optional()?)
    }

    /// Names of all documents.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn documents(&self) -> Result<BTreeSet<String>, KeyringError> {
        let mut statement = self.connection.prepare("SELECT name FROM document")?;
        let names = statement.query_map([], |row| row.get(0))?;
        Ok(names.collect::<Result<_, _>>()?)
    }

    /// The page of an archive that begins with record `first`.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn page_at(&self, archive: &ArchiveId, first: u64) -> Result<Option<PageRow>, KeyringError> {
        let Ok(first) = i64::try_from(first) else { return Ok(None) };
        let sql = "SELECT id, archive, first, count, body FROM page WHERE archive = ?1 AND first = ?2";
        Ok(self.connection.prepare_cached(sql)?.query_row(params![archive, first], read_page).optional()?)
    }

    /// A page by its id.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn page(&self, id: u64) -> Result<Option<PageRow>, KeyringError> {
        let sql = "SELECT id, archive, first, count, body FROM page WHERE id = ?1";
        Ok(self.connection.prepare_cached(sql)?.query_row(params![id as i64], read_page).optional()?)
    }

    /// Whether there is a page for each id of `pages`, and no other.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn has_pages<T>(&self, pages: &BTreeMap<u64, T>) -> Result<bool, KeyringError> {
        // In an order that the index has, so that no page is touched.
        let mut statement = self.connection.prepare("SELECT id FROM page ORDER BY archive, first")?;
        let mut rows = statement.query([])?;
        let mut seen = 0;
        while let Some(row) = rows.next()? {
            if !pages.contains_key(&(row.get::<_, i64>(0)? as u64)) {
                return Ok(false);
            }
            seen += 1;
        }
        Ok(seen == pages.len())
    }

    /// SQLite's own check of the file.
    ///
    /// # Errors
    /// [`KeyringError::Damaged`] with what it found.
    pub fn integrity(&self) -> Result<(), KeyringError> {
        let found: String = self.connection.pragma_query_value(None, "integrity_check", |row| row.get(0))?;
        if found == "ok" { Ok(()) } else { Err(KeyringError::Damaged(tr!("its catalogue: {what}", what = found))) }
    }

    /// Makes the file and its folder durable, whoever wrote them. No transaction may be open: closing the file gives up
    /// the locks that SQLite has on it.
    ///
    /// # Errors
    /// Those of the file.
    pub fn sync(&self) -> Result<(), KeyringError> {
        Ok(slot::sync(&self.path)?)
    }

    /// Begins a change that happens whole or not at all.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn begin(&mut self) -> Result<Change<'_>, KeyringError> {
        Ok(Change { transaction: self.connection.transaction()? })
    }
}

/// An open transaction; undone unless it is committed.
pub struct Change<'a> {
    transaction: rusqlite::Transaction<'a>,
}

impl Change<'_> {
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

    /// Replaces the body of a page.
    ///
    /// # Errors
    /// [`KeyringError::Damaged`] where there is no such page; those of SQLite.
    pub fn set_page(&mut self, id: u64, body: &[u8]) -> Result<(), KeyringError> {
        let sql = "UPDATE page SET body = ?2 WHERE id = ?1";
        match self.transaction.prepare_cached(sql)?.execute(params![id as i64, body])? {
            1 => Ok(()),
            _ => Err(KeyringError::Damaged(tr!("page {id} is missing from the catalogue", id = id))),
        }
    }

    /// Adds or replaces a document.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn set_document(&mut self, name: &str, body: &[u8]) -> Result<(), KeyringError> {
        let sql = "INSERT INTO document (name, body) VALUES (?1, ?2)
                   ON CONFLICT (name) DO UPDATE SET body = excluded.body";
        self.transaction.execute(sql, params![name, body])?;
        Ok(())
    }

    /// Removes a document.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn remove_document(&mut self, name: &str) -> Result<(), KeyringError> {
        self.transaction.execute("DELETE FROM document WHERE name = ?1", params![name])?;
        Ok(())
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

    /// Appends leaves to the journal.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn append(&mut self, leaves: &[Vec<u8>]) -> Result<(), KeyringError> {
        if !leaves.is_empty() {
            log::append(&self.transaction, leaves)?;
        }
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
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "secure_delete", true)?;
    Ok(connection)
}

fn read_page(row: &Row<'_>) -> rusqlite::Result<PageRow> {
    let number = |column| row.get::<_, i64>(column).map(|n| n as u64);
    Ok(PageRow { id: number(0)?, archive: row.get(1)?, first: number(2)?, count: number(3)?, body: row.get(4)? })
}
