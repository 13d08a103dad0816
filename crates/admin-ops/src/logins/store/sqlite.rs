//! The store that ships: one SQLite file in the data directory.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::files::database;
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
