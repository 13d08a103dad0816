//! Why a store cannot be used, whatever its kind.

use std::error::Error;
use std::io;
use std::path::PathBuf;

/// The error of a database, for people to read.
pub type Cause = Box<dyn Error + Send + Sync>;

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file cannot be created, opened, locked, read or written.
    #[error("cannot use {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file is of another kind.
    #[error("{} is not a {what}; it was left unchanged", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
    },
    /// The file was written by a newer version.
    #[error("{} has format {found}, but this version only knows formats up to {known}; it was left unchanged", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest format that this version knows.
        known: i64,
    },
    /// The file is damaged.
    #[error("{} is damaged; it was left unchanged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        source: Cause,
    },
    /// A snapshot was to be changed that is finished, or is not there: it never was, or was forgotten.
    #[error("snapshot {0} cannot be changed: it is finished, or is no longer kept")]
    NotOpen(i64),
    /// Another process is filling a snapshot.
    #[error("another process is scanning into snapshot {0}")]
    Taken(i64),
    /// Another process watches the sign-ins for the same purpose.
    #[error("another process is already watching the sign-ins for {0}")]
    Watched(String),
    /// Another process used the store for too long; nothing was changed.
    #[error("another process is using the database")]
    Busy(#[source] Cause),
    /// The file system does not lock files as SQLite needs it; nothing was changed.
    #[error(
        "the file system cannot lock the database; network file systems (NFS, SMB, some container volumes) often cannot"
    )]
    NoLocks(#[source] Cause),
    /// The server of the database cannot be reached, or the connection to it was cut; nothing was changed.
    #[error("the database cannot be reached")]
    Away(#[source] Cause),
    /// The service that keeps the records cannot be reached, or gave no usable answer.
    #[error("the service gives no usable answer")]
    ServiceAway(#[source] Cause),
    /// The service that keeps the records refused.
    #[error("the service refused")]
    ServiceRefused(#[source] Cause),
    /// There is no room left on the disk; nothing was changed.
    #[error("the database has no room left")]
    Full(#[source] Cause),
    /// A write failed; nothing was changed.
    #[error("the database cannot be written: no room left, a limit on the size of files, or a failing disk")]
    Unwritten(#[source] Cause),
    /// A read failed, or the database refused.
    #[error("a database operation failed")]
    Failed(#[source] Cause),
}
