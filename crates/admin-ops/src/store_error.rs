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
    /// The disk is full; nothing was changed.
    #[error("no space is left for the database")]
    Full(#[source] Cause),
    /// A read or write failed.
    #[error("a database operation failed")]
    Failed(#[source] Cause),
}
