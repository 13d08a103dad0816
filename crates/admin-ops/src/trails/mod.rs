//! The audit trails to read, wherever they are kept.

pub mod export;
mod files;
pub mod in_order;
pub mod verified;

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use easemob_admin_audit::{Against, AuditError, Entry, Filter, Problem, PublicKey, Verification};
use tokio::sync::watch;

pub use self::files::{TrailInDirectory, TrailsInFiles};
use crate::store_error::StoreError;

/// Why a trail cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrailError {
    /// Nothing was recorded yet.
    #[error("there is no audit trail in {0}")]
    Missing(Place),
    /// The database cannot be used.
    #[error("cannot use the audit trail in the {place}")]
    Store {
        /// The database.
        place: String,
        /// The cause.
        source: StoreError,
    },
    /// The files, the key, the heads or the evidence cannot be used.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// Something else changed the lines since this machine signed them last.
    #[error("the audit trail in the database was changed: {0}")]
    Changed(Problem),
}

/// Where trails are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a directory.
    Directory(PathBuf),
    /// In a database.
    Database {
        /// The name of the trail, if one is meant.
        trail: Option<String>,
        /// The database, without a password.
        database: String,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => path.display().fmt(f),
            Self::Database {
                trail: Some(trail),
                database,
            } => write!(f, "{trail} in the {database}"),
            Self::Database {
                trail: None,
                database,
            } => write!(f, "the {database}"),
        }
    }
}

/// The trails of all targets.
pub trait Trails: fmt::Debug + Send + Sync {
    /// Returns the names of the targets that have a trail.
    ///
    /// # Errors
    /// When they cannot be read.
    fn names(&self) -> Result<Vec<String>, TrailError>;

    /// Returns the trail of a target, which may have no entries yet.
    ///
    /// # Errors
    /// When it cannot be read.
    fn of(&self, name: &str) -> Result<Box<dyn Trail>, TrailError>;

    /// Returns the place of all trails.
    fn place(&self) -> Place;

    /// Returns what changes soon after something was appended to any trail; nothing if one has to look. A change may be missed,
    /// so whoever waits looks from time to time, too.
    fn changes(&self) -> Option<watch::Receiver<u64>> {
        None
    }
}

/// One trail.
pub trait Trail: Send + Sync {
    /// Returns its place.
    fn place(&self) -> Place;

    /// Returns true if something was recorded there.
    fn is_there(&self) -> bool;

    /// Finds entries, of which only the newest may be wanted.
    ///
    /// # Errors
    /// When it cannot be read.
    fn search(&self, filter: Filter, newest: Option<u64>) -> Result<Box<dyn Found>, TrailError>;

    /// Finds entries with these numbers, of which only the newest may be wanted. Archives are not read: their entries may have
    /// the same numbers.
    ///
    /// # Errors
    /// When it cannot be read.
    fn search_between(
        &self,
        filter: Filter,
        numbers: Range<u64>,
        newest: Option<u64>,
    ) -> Result<Box<dyn Found>, TrailError>;

    /// Returns the number that the next entry will have.
    ///
    /// # Errors
    /// When it cannot be read.
    fn end(&self) -> Result<u64, TrailError> {
        let last = self
            .search_between(Filter::default(), 0..u64::MAX, Some(1))?
            .last();
        Ok(last.transpose()?.map_or(0, |last| last.seq + 1))
    }

    /// Returns the lines as they are stored, headers and entries, each without its end. They begin with entry `from`, or with
    /// the header of its segment if it is the first one there.
    ///
    /// # Errors
    /// When it cannot be read. Each line may be an error, too, and nothing follows then.
    fn lines(&self, from: u64) -> Result<Lines, TrailError>;

    /// Returns the heads that a key signed, one compact JWS per line.
    ///
    /// # Errors
    /// When they cannot be read.
    fn heads(&self, key: &PublicKey) -> Result<Vec<u8>, TrailError>;

    /// Returns all keys that sign heads, first the one of this machine, or else the one that signed last.
    ///
    /// # Errors
    /// When they cannot be read.
    fn keys(&self) -> Result<Vec<PublicKey>, TrailError> {
        Ok(vec![self.key()?])
    }

    /// Verifies all entries.
    ///
    /// # Errors
    /// When the trail or the evidence cannot be read. Problems of the trail itself are not errors.
    fn verify(&self, against: &Against) -> Result<Verification, TrailError>;

    /// Returns the number of the first entry that is there; earlier ones are in archives.
    ///
    /// # Errors
    /// When it cannot be read.
    fn first_entry(&self) -> Result<u64, TrailError> {
        Ok(0)
    }

    /// Returns the archives of entries that are not there. Those on this machine are read beside it.
    ///
    /// # Errors
    /// When they cannot be read.
    fn archives(&self) -> Result<Vec<ArchiveBeside>, TrailError> {
        Ok(Vec::new())
    }

    /// Verifies the archives on this machine, and returns all of them with what was found.
    ///
    /// # Errors
    /// When the database that knows them cannot be read.
    fn verify_archives(&self) -> Result<Vec<(ArchiveBeside, ArchiveFound)>, TrailError> {
        Ok(Vec::new())
    }

    /// Returns the key that verifies checkpoints.
    ///
    /// # Errors
    /// When it cannot be read.
    fn key(&self) -> Result<PublicKey, TrailError>;
}

/// Lines of a trail, oldest first.
pub type Lines = Box<dyn Iterator<Item = Result<Vec<u8>, TrailError>> + Send>;

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
pub trait Found: Iterator<Item = Result<Entry, TrailError>> + Send {
    /// Returns the unique id of an entry that was just found.
    fn id_of(&self, entry: &Entry) -> String;

    /// Makes entries available that were appended since then.
    ///
    /// # Errors
    /// When the trail cannot be read.
    fn read_on(&mut self) -> Result<(), TrailError>;

    /// Returns true if the last line has no end.
    fn is_torn(&self) -> bool;
}
