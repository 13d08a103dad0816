//! The SQLite store: one file per profile, in the data directory.

mod import;
mod rows;
mod schema;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use easemob_admin_api::UserId;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};

use self::import::Earlier;
use self::schema::LAYOUT;
use crate::files::database;
use crate::locks::guard;
use crate::locks::lock::Lock;
use crate::locks::store::{Listing, LockStore, LockStoreError, LockStores, UserGuard};
use crate::store_error::StoreError;
use crate::target::Target;

/// The locks of a profile in a file.
///
/// A profile may later name another server with different users, so a file may contain the locks of several
/// servers.
#[derive(Debug)]
pub struct SqliteLocks {
    path: PathBuf,
    app_root: Option<String>,
    /// `None` while the file does not exist.
    connection: Mutex<Option<Connection>>,
}

/// One file per target, below one directory.
#[derive(Debug, Clone)]
pub struct LockDatabases(PathBuf);

impl LockDatabases {
    /// Uses this directory, which need not exist yet.
    #[must_use]
    pub fn below(directory: PathBuf) -> Self {
        Self(directory)
    }

    /// Returns true if opening the locks of a target imports locks of an earlier version, or if this cannot
    /// be determined.
    #[must_use]
    pub fn imports(&self, target: &Target) -> bool {
        Earlier::beside(&self.file_of(target)).is_there().unwrap_or(true)
    }

    fn file_of(&self, target: &Target) -> PathBuf {
        self.0.join(format!("{}.sqlite", target.name()))
    }
}

impl LockStores for LockDatabases {
    fn of(&self, target: &Target) -> Result<Arc<dyn LockStore>, LockStoreError> {
        let path = self.file_of(target);
        let app_root = target.lasting_root().map(str::to_owned);
        Ok(Arc::new(SqliteLocks::open(path, app_root)?))
    }
}

impl SqliteLocks {
    /// Opens the file, and imports locks that an earlier version stored in `*.json` beside it. If neither
    /// exists, only the first change creates a file: reading leaves nothing behind.
    ///
    /// `app_root` is the server whose locks count; `None` is the embedded sandbox, which has its own file and
    /// a different root each time.
    ///
    /// # Errors
    /// When one of the files cannot be used, is of another kind, damaged, or newer. It is left unchanged
    /// then.
    pub fn open(path: PathBuf, app_root: Option<String>) -> Result<Self, LockStoreError> {
        let this = Self {
            path,
            app_root,
            connection: Mutex::default(),
        };
        this.read(|_| Ok(()))?;
        Ok(this)
    }

    /// Limits the file to this many pages, to simulate a full disk.
    #[cfg(test)]
    fn limit_pages_for_test(&self, pages: i64) {
        let limit = |connection: &mut Connection| connection.pragma_update(None, "max_page_count", pages);
        self.write(limit).unwrap();
    }

    /// Reads from the file; if it does not exist, the answer is empty.
    fn read<T: Default>(
        &self,
        ask: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, LockStoreError> {
        self.use_if(|| self.is_there(), |connection| ask(connection))
    }

    /// Changes the file, and creates it first if necessary.
    fn write<T: Default>(
        &self,
        change: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, LockStoreError> {
        self.use_if(|| Ok(true), change)
    }

    /// Returns whether the file exists; an error does not count as missing.
    fn is_there(&self) -> Result<bool, StoreError> {
        let looked = || Ok(self.path.try_exists()? || Earlier::beside(&self.path).is_there()?);
        looked().map_err(|source| StoreError::File {
            path: self.path.clone(),
            source,
        })
    }

    fn use_if<T: Default>(
        &self,
        is_wanted: impl FnOnce() -> Result<bool, StoreError>,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, LockStoreError> {
        let mut slot = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let worked = || {
            if slot.is_none() && is_wanted()? {
                *slot = Some(connect(&self.path)?);
            }
            match &mut *slot {
                Some(connection) => work(connection).map_err(|error| self.failure(error)),
                None => Ok(T::default()),
            }
        };
        self.at_place(worked())
    }

    fn failure(&self, error: rusqlite::Error) -> StoreError {
        match error {
            rusqlite::Error::FromSqlConversionFailure(..) | rusqlite::Error::InvalidColumnType(..) => {
                StoreError::Damaged {
                    path: self.path.clone(),
                    source: error.into(),
                }
            }
            error => database::failure(&self.path, error),
        }
    }

    fn at_place<T>(&self, result: Result<T, StoreError>) -> Result<T, LockStoreError> {
        result.map_err(|source| LockStoreError {
            place: self.path.display().to_string(),
            source,
        })
    }
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let earlier = Earlier::beside(path);
    earlier.check()?;
    let mut connection = database::open(path, &LAYOUT)?;
    earlier.import(&mut connection)?;
    Ok(connection)
}

impl LockStore for SqliteLocks {
    fn app_root(&self) -> Option<&str> {
        self.app_root.as_deref()
    }

    fn lock_of(&self, user: &UserId) -> Result<Option<Lock>, LockStoreError> {
        self.read(|connection| rows::lock_of(connection, self.app_root(), &user.folded()))
    }

    fn list(&self, listing: Listing) -> Result<Vec<Lock>, LockStoreError> {
        self.read(|connection| rows::list(connection, self.app_root(), listing))
    }

    fn count(&self) -> Result<u64, LockStoreError> {
        self.read(|connection| rows::count(connection, self.app_root()))
    }

    fn elsewhere(&self) -> Result<Vec<(String, u64)>, LockStoreError> {
        self.read(|connection| rows::elsewhere(connection, self.app_root()))
    }

    fn change(
        &self,
        users: &[&UserId],
        change: &mut dyn FnMut(usize, Option<Lock>) -> Option<Lock>,
    ) -> Result<(), LockStoreError> {
        let app_root = self.app_root();
        self.write(|connection| {
            // A reader that becomes a writer may have to give up; a writer from the start waits its turn.
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for (index, user) in users.iter().enumerate() {
                let user = user.folded();
                let held = rows::lock_of(&transaction, app_root, &user)?;
                let lock = change(index, held.clone());
                if lock == held {
                    continue;
                }
                if held.is_some() {
                    rows::remove(&transaction, app_root, &user)?;
                }
                if let Some(lock) = lock {
                    rows::put(&transaction, &lock)?;
                }
            }
            transaction.commit()
        })
    }

    fn at_rest(&self, look: &mut dyn FnMut()) -> Result<(), LockStoreError> {
        let mut looked = false;
        self.use_if(
            || self.is_there(),
            |connection| {
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                looked = true;
                look();
                transaction.commit()
            },
        )?;
        if !looked {
            look();
        }
        Ok(())
    }

    fn lifted_last(&self) -> Result<Option<Timestamp>, LockStoreError> {
        self.read(|connection| {
            let last = connection.query_row("SELECT at FROM lifted", [], |row| rows::time(row, 0));
            Ok(last.optional()?.flatten())
        })
    }

    fn note_lifted(&self, at: Timestamp) -> Result<(), LockStoreError> {
        let note = "INSERT OR REPLACE INTO lifted (id, at) VALUES (1, ?1)";
        self.write(|connection| connection.execute(note, [rows::text(at)]).map(drop))
    }

    fn guard<'a>(&'a self, user: &'a UserId) -> BoxFuture<'a, Result<UserGuard, LockStoreError>> {
        let directory = self.path.with_extension("guards");
        async move {
            let taken = guard::take(&directory, user).await;
            self.at_place(taken.map(UserGuard::new).map_err(|source| StoreError::File {
                path: directory,
                source,
            }))
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests;
