//! Private SQLite files: made if need be, and left as they are if they are something else, damaged, or newer.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use crate::files::private::{create_new, make_directory};
use crate::files::sqlite_header;
use crate::store_error::StoreError;

/// How long to wait before a file that another process is making is tried again.
const NEXT_TRY: Duration = Duration::from_millis(20);

/// What a file of one kind looks like.
pub(crate) struct Layout {
    /// What it is, for people.
    pub(crate) what: &'static str,
    /// What tells it apart from other SQLite files.
    pub(crate) application_id: i64,
    /// One step from each format to the next; the format of a file is how many it has taken.
    pub(crate) migrations: &'static [&'static str],
    /// What every connection sets: how writes reach the disk.
    pub(crate) settings: &'static str,
    /// How long to wait while another process writes.
    pub(crate) patience: Duration,
}

/// Opens a file, or makes it, readable by its owner only.
///
/// # Errors
/// When the file cannot be used, is something else, damaged, or newer. It is left as it is then.
pub(crate) fn open(path: &Path, layout: &Layout) -> Result<Connection, StoreError> {
    let begun = Instant::now();
    loop {
        match open_at_once(path, layout) {
            // Where two processes make the same file, SQLite refuses one of them without any patience, lest both
            // wait for each other.
            Err(Refused::Busy(_)) if begun.elapsed() < layout.patience => std::thread::sleep(NEXT_TRY),
            result => return result.map_err(StoreError::from),
        }
    }
}

/// Translates what SQLite says of a file.
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
            _ => Self::Failed(error.into()),
        }
    }
}

/// Why a file could not be opened at once.
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

/// Makes the file, empty, unless it is there.
fn make(path: &Path) -> io::Result<()> {
    // By the rules of POSIX, closing a file ends all locks that this process has on it: those of a thread that finds
    // the file made, and uses it, before it is closed here.
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

/// What is written at the beginning of a file.
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
        // Enough to notice a file that was cut off or overwritten; reading all of it would take minutes.
        objects: connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?,
    })
}

/// Returns the format of a file without changing a byte of it; 0 if nothing is in it yet.
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
    // SQLite makes files beside one that it only reads.
    if let Some(head) = sqlite_header::read(path)
        && head.application_id == layout.application_id
        && usize::try_from(head.user_version).is_ok_and(|format| format > known)
    {
        return Err(newer(head.user_version).into());
    }
    let read = match head(path, OpenFlags::SQLITE_OPEN_READ_ONLY, layout) {
        // A process was killed while it wrote: what it began is undone before anything can be read.
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
        // Begun by a process that was killed, or met a full disk, before the first table was there.
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
    // Another process may have done it while this one waited.
    let format: usize = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    for (index, step) in layout.migrations.iter().enumerate().skip(format) {
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", index + 1)?;
    }
    transaction.pragma_update(None, "application_id", layout.application_id)?;
    transaction.commit()
}
