//! The store that ships: one SQLite file in the data directory.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::files::private::{create_new, make_directory};
use crate::files::sqlite_header;
use crate::logins::store::StoreError;
use crate::logins::store::schema::LAYOUT;

/// A database of logins.
#[derive(Debug)]
pub struct SqliteStore {
    pub(super) connection: Connection,
    path: PathBuf,
}

impl SqliteStore {
    /// Opens the database, or makes it, readable by its owner only.
    ///
    /// # Errors
    /// When the file cannot be used, is something else, damaged, or newer. It is left as it is then.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self {
            connection: database::open(path, &LAYOUT)?,
            path: path.to_owned(),
        })
    }

    /// Returns where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn write(&mut self) -> Result<Transaction<'_>, StoreError> {
        // A reader that becomes a writer may have to give up; a writer from the start waits its turn.
        Ok(self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?)
    }

    /// Lets the file grow to so many pages only, as a full disk does.
    #[cfg(test)]
    pub(crate) fn limit_pages_for_test(&self, pages: i64) {
        self.connection
            .pragma_update(None, "max_page_count", pages)
            .unwrap();
    }

    /// Gives the space of what was forgotten back to the disk.
    ///
    /// # Errors
    /// When the file cannot be written anew.
    pub fn vacuum(&self) -> Result<(), StoreError> {
        Ok(self.connection.execute_batch("VACUUM")?)
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}

/// Looks what a file is without changing a byte of it.
fn check(path: &Path) -> Result<(), StoreError> {
    let empty = std::fs::metadata(path).is_ok_and(|metadata| metadata.len() == 0);
    if empty {
        return Ok(());
    }
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let newer = |found| StoreError::Newer {
        path: path.to_owned(),
        found,
        known,
    };
    // SQLite makes files beside one that it only reads.
    if let Some(head) = sqlite_header::read(path)
        && head.application_id == APPLICATION_ID
        && head.user_version > known
    {
        return Err(newer(head.user_version));
    }
    let damaged = |source: rusqlite::Error| match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => StoreError::Foreign {
            path: path.to_owned(),
        },
        Some(ErrorCode::DatabaseCorrupt) => StoreError::Damaged {
            path: path.to_owned(),
            source,
        },
        _ => StoreError::Failed(source),
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(damaged)?;
    connection.busy_timeout(PATIENCE)?;
    let number = |pragma: &str| -> Result<i64, StoreError> {
        connection
            .pragma_query_value(None, pragma, |row| row.get(0))
            .map_err(damaged)
    };
    let (application, found) = (number("application_id")?, number("user_version")?);
    // Enough to notice a file that was cut off or overwritten; reading all of it would take minutes.
    let objects: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(damaged)?;
    if (application, found, objects) == (0, 0, 0) {
        // Begun by a process that was killed, or met a full disk, before the first table was there.
        return Ok(());
    }
    if application != APPLICATION_ID {
        return Err(StoreError::Foreign {
            path: path.to_owned(),
        });
    }
    if found > known { Err(newer(found)) } else { Ok(()) }
}

fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let format: usize = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if format == MIGRATIONS.len() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have done it while this one waited.
    let format: usize = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    for (index, step) in MIGRATIONS.iter().enumerate().skip(format) {
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", index + 1)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    Ok(transaction.commit()?)
}
