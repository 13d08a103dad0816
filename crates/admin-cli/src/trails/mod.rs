//! The audit trails that commands read, wherever they are kept.

#[cfg(feature = "postgres")]
mod beside;
#[cfg(feature = "postgres")]
mod database;
mod files;

use easemob_admin_audit::{Against, AuditError, Entry, Filter, PublicKey, Verification};

#[cfg(feature = "postgres")]
pub use self::database::TrailsInDatabase;
pub use self::files::{TrailInDirectory, TrailsInFiles, unreadable};
use crate::command_error::CommandError;

/// The trails of all targets.
pub trait Trails: Send + Sync {
    /// Returns the names of the targets that have a trail.
    ///
    /// # Errors
    /// When they cannot be read.
    fn names(&self) -> Result<Vec<String>, CommandError>;

    /// Returns the trail of a target, which may have no entries yet.
    ///
    /// # Errors
    /// When it cannot be read.
    fn of(&self, name: &str) -> Result<Box<dyn Trail>, CommandError>;

    /// Returns the place of all trails, for people.
    fn place(&self) -> String;
}

/// One trail.
pub trait Trail {
    /// Returns its place, for people.
    fn place(&self) -> String;

    /// Returns true if something was recorded there.
    fn is_there(&self) -> bool;

    /// Finds entries, of which only the newest may be wanted.
    ///
    /// # Errors
    /// When it cannot be read.
    fn search(&self, filter: Filter, newest: Option<u64>) -> Result<Box<dyn Found>, CommandError>;

    /// Verifies all entries.
    ///
    /// # Errors
    /// When the trail or the evidence cannot be read. Problems of the trail itself are not errors.
    fn verify(&self, against: &Against) -> Result<Verification, CannotVerify>;

    /// Returns the number of the first entry that is there; earlier ones are in archives.
    ///
    /// # Errors
    /// When it cannot be read.
    fn first_entry(&self) -> Result<u64, CommandError> {
        Ok(0)
    }

    /// Returns the archives of entries that are not there. Those on this machine are read beside it.
    ///
    /// # Errors
    /// When they cannot be read.
    fn archives(&self) -> Result<Vec<ArchiveBeside>, CommandError> {
        Ok(Vec::new())
    }

    /// Verifies the archives on this machine, and returns all of them with what was found.
    ///
    /// # Errors
    /// When the database that knows them cannot be read.
    fn verify_archives(&self) -> Result<Vec<(ArchiveBeside, ArchiveFound)>, CommandError> {
        Ok(Vec::new())
    }

    /// Returns the key that verifies checkpoints.
    ///
    /// # Errors
    /// When it cannot be read.
    fn key(&self) -> Result<PublicKey, CommandError>;
}

/// An archive with entries that a trail has no more, or never had.
#[derive(Debug, Clone)]
pub struct ArchiveBeside {
    /// The name of its trail.
    pub origin: String,
    /// The number of its first entry.
    pub first: u64,
    /// The number of entries at its end.
    pub size: u64,
    /// The machine that sealed it.
    pub host: String,
    /// Its directory.
    pub directory: String,
}

/// What verifying an archive found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchiveFound {
    /// It is as it was sealed.
    Holds,
    /// Its directory is not on this machine.
    NotHere,
    /// It was changed, or cannot be read.
    Problem(String),
}

/// Entries that were found, oldest first.
pub trait Found: Iterator<Item = Result<Entry, CommandError>> {
    /// Returns the unique id of an entry that was just found.
    fn id_of(&self, entry: &Entry) -> String;

    /// Makes entries available that were appended since then.
    ///
    /// # Errors
    /// When the trail cannot be read.
    fn read_on(&mut self) -> Result<(), CommandError>;

    /// Returns true if the last line has no end.
    fn is_torn(&self) -> bool;
}

/// Why a trail cannot be verified.
pub enum CannotVerify {
    /// The trail or the evidence cannot be used.
    Audit(AuditError),
    /// What keeps the trail cannot be used.
    Store(CommandError),
}
