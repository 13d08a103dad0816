//! Private SQLite files: created if necessary, and left unchanged if they are of another kind, damaged, or
//! newer.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use crate::files::private::{create_new, make_directory};
use crate::files::sqlite_header;
use crate::store_error::StoreError;

/// How long to wait before retrying a file that another process is creating.
const NEXT_TRY: Duration = Duration::from_millis(20);

/// The layout of one kind of file.
pub(crate) struct Layout {
    /// What the file contains, for messages.
    pub(crate) what: &'static str,
    /// The id that distinguishes it from other SQLite files.
    pub(crate) application_id: i64,
    /// One migration from each format to the next; the format of a file is the number of migrations applied.
    pub(crate) migrations: &'static [&'static str],
    /// The settings of every connection, such as how writes reach the disk.
    pub(crate) settings: &'static str,
    /// How long to wait while another process writes.
    pub(crate) patience: Duration,
}

/// Opens a file, or creates it, readable only by its owner.
///
/// # Errors
/// When the file cannot be used, is of another kind, damaged, or newer. It is left unchanged then.
pub(crate) fn open(path: &Path, layout: &Layout) -> Result<Connection, StoreError> {
    let begun = Instant::now();
    loop {
        match open_at_once(path, layout) {
            // If two processes create the same file, SQLite refuses one of them at once, to avoid a deadlock.
            Err(Refused::Busy(_)) if begun.elapsed() < layout.patience => std::thread::sleep(NEXT_TRY),
            result => return result.map_err(StoreError::from),
        }
    }
}

/// Converts an SQLite error of a file.
pub(crate) fn failure(path: &Path, error: rusqlite::Error) -> StoreError {
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Damaged {
            path,
            source: error.into(),
        },
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => StoreError::File {
            path,
            source: io::Error::new(ErrorKind::PermissionDenied, error),
        },
        _ => error.into(),
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full(error.into()),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy(error.into()),
            Some(ErrorCode::FileLockingProtocolFailed) => Self::NoLocks(error.into()),
            _ if error
                .sqlite_error()
                .is_some_and(|error| is_about_locks(error.extended_code)) =>
            {
                Self::NoLocks(error.into())
            }
            // A limit on the size of files or a quota is not a full disk to SQLite.
            _ if error.sqlite_error().is_some_and(|error| {
                matches!(
                    error.extended_code,
                    rusqlite::ffi::SQLITE_IOERR_WRITE | rusqlite::ffi::SQLITE_IOERR_TRUNCATE
                )
            }) =>
            {
                Self::Unwritten(error.into())
            }
            _ => Self::Failed(error.into()),
        }
    }
}

/// Returns whether a file could not be locked, or the memory that processes share for their locks is not available.
fn is_about_locks(extended_code: i32) -> bool {
    use rusqlite::ffi::{
        SQLITE_IOERR_CHECKRESERVEDLOCK, SQLITE_IOERR_LOCK, SQLITE_IOERR_RDLOCK, SQLITE_IOERR_SHMLOCK,
        SQLITE_IOERR_SHMMAP, SQLITE_IOERR_SHMOPEN, SQLITE_IOERR_SHMSIZE, SQLITE_IOERR_UNLOCK,
    };
    [
        SQLITE_IOERR_LOCK,
        SQLITE_IOERR_RDLOCK,
        SQLITE_IOERR_UNLOCK,
        SQLITE_IOERR_CHECKRESERVEDLOCK,
        SQLITE_IOERR_SHMLOCK,
        SQLITE_IOERR_SHMMAP,
        SQLITE_IOERR_SHMOPEN,
        SQLITE_IOERR_SHMSIZE,
    ]
    .contains(&extended_code)
}

/// Why a file could not be opened at the first try.
enum Refused {
    Busy(rusqlite::Error),
    Error(StoreError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Error(error)
    }
}

impl From<Refused> for StoreError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Busy(error) => error.into(),
            Refused::Error(error) => error,
        }
    }
}

fn open_at_once(path: &Path, layout: &Layout) -> Result<Connection, Refused> {
    let file = |source| StoreError::File {
        path: path.to_owned(),
        source,
    };
    let refused = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy) => Refused::Busy(error),
        _ => Refused::Error(failure(path, error)),
    };
    make(path).map_err(file)?;
    let format = check(path, layout, refused)?;
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, layout).map_err(refused)?;
    connection.execute_batch(layout.settings).map_err(refused)?;
    if format < layout.migrations.len() {
        migrate(&mut connection, layout).map_err(refused)?;
    }
    Ok(connection)
}

/// Creates an empty file, unless it exists.
fn make(path: &Path) -> io::Result<()> {
    // By POSIX rules, closing a file releases all locks that this process has on it, including those of a
    // thread that finds the file created and uses it before it is closed here.
    static MAKING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(directory) = path.parent() {
        make_directory(directory)?;
    }
    match create_new(path) {
        Ok(file) => drop(file),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

fn connect(path: &Path, flags: OpenFlags, layout: &Layout) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(layout.patience)?;
    Ok(connection)
}

/// The start of a file.
struct Head {
    application: i64,
    format: i64,
    objects: i64,
}

fn head(path: &Path, flags: OpenFlags, layout: &Layout) -> rusqlite::Result<Head> {
    let connection = connect(path, flags, layout)?;
    let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get(0));
    Ok(Head {
        application: number("application_id")?,
        format: number("user_version")?,
        // Enough to detect a truncated or overwritten file; reading all of it would take minutes.
        objects: connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?,
    })
}

/// Returns the format of a file without changing a byte of it; 0 if it is empty.
fn check(
    path: &Path,
    layout: &Layout,
    refused: impl Fn(rusqlite::Error) -> Refused,
) -> Result<usize, Refused> {
    if std::fs::metadata(path).is_ok_and(|metadata| metadata.len() == 0) {
        return Ok(0);
    }
    let known = layout.migrations.len();
    let newer = |found| StoreError::Newer {
        path: path.to_owned(),
        found,
        known: i64::try_from(known).unwrap_or(i64::MAX),
    };
    // SQLite creates files beside a file that it only reads.
    if let Some(head) = sqlite_header::read(path)
        && head.application_id == layout.application_id
        && usize::try_from(head.user_version).is_ok_and(|format| format > known)
    {
        return Err(newer(head.user_version).into());
    }
    let read = match head(path, OpenFlags::SQLITE_OPEN_READ_ONLY, layout) {
        // A process was killed while writing: its transaction must be rolled back before anything can be
        // read.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ReadOnly) => {
            head(path, OpenFlags::SQLITE_OPEN_READ_WRITE, layout)
        }
        read => read,
    };
    let foreign = || StoreError::Foreign {
        path: path.to_owned(),
        what: layout.what,
    };
    let head = read.map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => foreign().into(),
        _ => refused(error),
    })?;
    if (head.application, head.format, head.objects) == (0, 0, 0) {
        // The process that created it was killed, or the disk was full, before the first table existed.
        return Ok(0);
    }
    if head.application != layout.application_id {
        return Err(foreign().into());
    }
    match usize::try_from(head.format) {
        Ok(format) if format <= known => Ok(format),
        _ => Err(newer(head.format).into()),
    }
}

fn migrate(connection: &mut Connection, layout: &Layout) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have migrated it while this one waited.
    let format: usize = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    for (index, step) in layout.migrations.iter().enumerate().skip(format) {
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", index + 1)?;
    }
    transaction.pragma_update(None, "application_id", layout.application_id)?;
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    type Check = fn(&StoreError) -> bool;

    #[test]
    fn each_error_of_sqlite_has_its_cause() {
        let rows: [(i32, Check); 9] = [
            (ffi::SQLITE_IOERR_LOCK, |error| {
                matches!(error, StoreError::NoLocks(_))
            }),
            (ffi::SQLITE_IOERR_SHMMAP, |error| {
                matches!(error, StoreError::NoLocks(_))
            }),
            (ffi::SQLITE_PROTOCOL, |error| {
                matches!(error, StoreError::NoLocks(_))
            }),
            (ffi::SQLITE_BUSY, |error| matches!(error, StoreError::Busy(_))),
            (ffi::SQLITE_BUSY_SNAPSHOT, |error| {
                matches!(error, StoreError::Busy(_))
            }),
            (ffi::SQLITE_FULL, |error| matches!(error, StoreError::Full(_))),
            (ffi::SQLITE_IOERR_WRITE, |error| {
                matches!(error, StoreError::Unwritten(_))
            }),
            (ffi::SQLITE_IOERR_READ, |error| {
                matches!(error, StoreError::Failed(_))
            }),
            (ffi::SQLITE_ERROR, |error| matches!(error, StoreError::Failed(_))),
        ];
        for (code, is_expected) in rows {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            let error = StoreError::from(error);
            assert!(is_expected(&error), "{code}: {error:?}");
        }
    }
}
