//! The leaves of the journal, opaque here, in the catalogue's own transactions.

use super::KeyringError;
use rusqlite::{Connection, params};

/// The tables.
pub const SCHEMA: &str = "
CREATE TABLE log_leaf (
    idx INTEGER PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;
";

/// Appends leaves inside the transaction that `connection` is in; returns how many there are then.
///
/// # Errors
/// Those of SQLite.
pub fn append(connection: &Connection, leaves: &[Vec<u8>]) -> Result<u64, KeyringError> {
    let mut size: i64 = connection.query_row("SELECT coalesce(max(idx) + 1, 0) FROM log_leaf", [], |row| row.get(0))?;
    for leaf in leaves {
        connection.prepare_cached("INSERT INTO log_leaf (idx, body) VALUES (?1, ?2)")?.execute(params![size, leaf])?;
        size += 1;
    }
    Ok(size as u64)
}

/// The journal's leaves.
pub struct Log<'a> {
    connection: &'a Connection,
}

impl<'a> Log<'a> {
    /// Over an open catalogue.
    pub fn new(connection: &'a Connection) -> Self {
        Self { connection }
    }

    /// How many leaves there are.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn size(&self) -> Result<u64, KeyringError> {
        append(self.connection, &[])
    }
}
