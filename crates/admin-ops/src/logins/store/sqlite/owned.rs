//! The snapshots that a process fills: each has a lock file beside the database, which dies with the process.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::files::lock_file::{LockFile, NotLocked};
use crate::logins::store::{SnapshotId, StoreError};

/// The snapshots of one open database.
#[derive(Debug)]
pub(super) struct Owned {
    database: PathBuf,
    taken: BTreeMap<SnapshotId, LockFile>,
}

impl Owned {
    /// Owns nothing yet.
    pub(super) fn beside(database: &Path) -> Self {
        Self {
            database: database.to_owned(),
            taken: BTreeMap::new(),
        }
    }

    /// Takes a snapshot.
    pub(super) fn take(&mut self, snapshot: SnapshotId) -> Result<(), StoreError> {
        if self.taken.contains_key(&snapshot) {
            return Ok(());
        }
        let path = self.file_of(snapshot);
        let lock = LockFile::take(&path, Duration::ZERO).map_err(|error| match error {
            NotLocked::Held => StoreError::Taken(snapshot),
            NotLocked::Io(source) => StoreError::File { path, source },
        })?;
        self.taken.insert(snapshot, lock);
        Ok(())
    }

    /// Releases a snapshot that nobody needs to take again.
    pub(super) fn release(&mut self, snapshot: SnapshotId) {
        if let Some(lock) = self.taken.remove(&snapshot) {
            // A file that stays is empty, and removed when its snapshot is forgotten.
            let _ = fs::remove_file(self.file_of(snapshot));
            drop(lock);
        }
    }

    /// Removes the files of all snapshots but these.
    pub(super) fn keep_only(&mut self, kept: &[SnapshotId]) {
        self.taken.retain(|snapshot, _| kept.contains(snapshot));
        let folder = self.database.parent().map(fs::read_dir);
        for entry in folder.into_iter().flatten().flatten().flatten() {
            let number = entry.file_name().to_str().and_then(|name| self.number_in(name));
            if number.is_some_and(|number| !kept.contains(&number)) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn prefix(&self) -> OsString {
        let mut name = self.database.file_stem().unwrap_or_default().to_owned();
        name.push(".snapshot-");
        name
    }

    fn file_of(&self, snapshot: SnapshotId) -> PathBuf {
        let mut name = self.prefix();
        name.push(format!("{snapshot}.lock"));
        self.database.with_file_name(name)
    }

    fn number_in(&self, file_name: &str) -> Option<SnapshotId> {
        let number = file_name.strip_prefix(self.prefix().to_str()?)?;
        number.strip_suffix(".lock")?.parse().ok()
    }
}
