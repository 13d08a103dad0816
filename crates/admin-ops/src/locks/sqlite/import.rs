//! Imports what an earlier version stored beside the database: the locks in `*.json`, and the time of the
//! last lifting in `*.lifted`.
//!
//! Imported files are recognised by their digest, which is written in the same transaction. So if a process
//! is killed before it can rename the file, the file is recognised later, and locks that were lifted since
//! then do not come back.

use std::cmp::max;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::rows;
use crate::files::database;
use crate::locks::book::{self, Book};
use crate::locks::lock::{Lock, enter};
use crate::store_error::StoreError;

/// The files that an earlier version left beside the database.
pub(super) struct Earlier<'a> {
    path: &'a Path,
    book: PathBuf,
    note: PathBuf,
}

impl<'a> Earlier<'a> {
    /// Looks beside `path`.
    pub(super) fn beside(path: &'a Path) -> Self {
        Self {
            path,
            book: path.with_extension("json"),
            note: path.with_extension("lifted"),
        }
    }

    /// Returns true if there are any.
    pub(super) fn is_there(&self) -> io::Result<bool> {
        Ok(self.book.try_exists()? || self.note.try_exists()?)
    }

    /// Refuses a lock file that cannot be imported, before anything is created.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        book::read(&self.book).map(drop)
    }

    /// Imports what is not yet in the database.
    pub(super) fn import(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let failure = |error| database::failure(self.path, error);
        let begun: bool = connection
            .query_row("SELECT count(*) FROM lifted", [], |row| row.get(0))
            .map_err(failure)?;
        let is_there = self.book.try_exists().map_err(|source| StoreError::File {
            path: self.book.clone(),
            source,
        })?;
        if begun && !is_there {
            return Ok(());
        }
        // Earlier versions hold this lock while they change their file, so the file does not change between
        // reading and renaming.
        let _alone = is_there.then(|| self.exclude()).transpose()?;
        let book = book::read(&self.book)?;
        self.write(connection, book.as_ref()).map_err(failure)?;
        if book.is_some() {
            self.put_away()?;
        }
        if !begun {
            // It is in the database, and never read again.
            let _ = fs::remove_file(&self.note);
        }
        Ok(())
    }

    fn write(&self, connection: &mut Connection, book: Option<&Book>) -> rusqlite::Result<()> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // An earlier version that runs later does not know the locks in the database, so its note says
        // nothing about them.
        transaction.execute(
            "INSERT OR IGNORE INTO lifted (id, at) VALUES (1, ?1)",
            [self.lifted_last().map(rows::text)],
        )?;
        if let Some(book) = book {
            let new = transaction.execute(
                "INSERT OR IGNORE INTO imported (sha256) VALUES (?1)",
                [&book.sha256],
            )?;
            if new == 1 {
                add(&transaction, &book.locks)?;
            }
        }
        transaction.commit()
    }

    fn lifted_last(&self) -> Option<Timestamp> {
        fs::read_to_string(&self.note).ok()?.trim().parse().ok()
    }

    fn exclude(&self) -> Result<File, StoreError> {
        let path = self.path.with_extension("lock");
        let locked = || {
            let file = OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .open(&path)?;
            file.lock()?;
            io::Result::Ok(file)
        };
        locked().map_err(|source| StoreError::File { path, source })
    }

    /// Renames the lock file, so that no earlier version uses it, and keeps it.
    fn put_away(&self) -> Result<(), StoreError> {
        let renamed = || {
            let mut away = self.book.with_extension("json.imported");
            for number in 2.. {
                if !away.try_exists()? {
                    break;
                }
                away.set_extension(format!("imported-{number}"));
            }
            fs::rename(&self.book, away)?;
            let directory = self.book.parent().unwrap_or(Path::new("."));
            File::open(directory)?.sync_all()
        };
        renamed().map_err(|source| StoreError::File {
            path: self.book.clone(),
            source,
        })
    }
}

fn add(transaction: &Transaction<'_>, locks: &[Lock]) -> rusqlite::Result<()> {
    for lock in locks {
        let held = rows::lock_on(transaction, lock)?;
        rows::put(transaction, &merged(held, lock.clone()))?;
    }
    Ok(())
}

/// Returns the lock to store if an earlier version has set one too: a locked user stays locked until the
/// later end, and a pending lock keeps the runs of both.
fn merged(held: Option<Lock>, found: Lock) -> Lock {
    let Some(held) = held else {
        return found;
    };
    let until = max(held.until, found.until);
    let changed = max(held.changed, found.changed);
    let lock = if held.is_pending() && !found.is_pending() {
        found
    } else {
        enter(Some(held), found)
    };
    Lock {
        until,
        changed,
        ..lock
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locks::lock::LockState::{Locked, Pending};

    #[test]
    fn a_lock_of_both_versions_ends_when_the_later_of_them_would() {
        let lock = |run: &str, state, until| Lock {
            until: Timestamp::from_second(until).unwrap(),
            ..Lock::for_test("ann", run, state)
        };
        assert_eq!(merged(None, lock("a", Locked, 1)), lock("a", Locked, 1));
        for ((held, found), expected) in [
            ((Locked, Locked), lock("a", Locked, 2)),
            ((Locked, Pending), lock("a", Locked, 2)),
            ((Pending, Locked), lock("b", Locked, 2)),
        ] {
            for (one, other) in [(1, 2), (2, 1)] {
                assert_eq!(
                    merged(Some(lock("a", held, one)), lock("b", found, other)),
                    expected
                );
            }
        }
        let both = merged(Some(lock("a", Pending, 2)), lock("b", Pending, 1));
        assert_eq!(both.runs().collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(both.until, Timestamp::from_second(2).unwrap());
    }
}
