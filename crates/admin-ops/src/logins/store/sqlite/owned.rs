//! The snapshots and watches of a process: each has a lock beside the database, which dies with the process.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::files::digest::Sha256;
use crate::files::lock_file::{LockFile, NotLocked};
use crate::logins::store::{SnapshotId, StoreError};

/// What one open database owns.
#[derive(Debug)]
pub(super) struct Owned {
    database: PathBuf,
    taken: BTreeMap<SnapshotId, LockFile>,
    watches: BTreeMap<String, LockFile>,
}

impl Owned {
    /// Owns nothing yet.
    pub(super) fn beside(database: &Path) -> Self {
        Self {
            database: database.to_owned(),
            taken: BTreeMap::new(),
            watches: BTreeMap::new(),
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

    /// Takes a watch.
    pub(super) fn take_watch(&mut self, watch: &str) -> Result<(), StoreError> {
        if self.watches.contains_key(watch) {
            return Ok(());
        }
        let mut digest = Sha256::default();
        digest.add(watch.as_bytes());
        let path = self.beside_database(&format!("watch-{}.lock", &digest.hex()[..16]));
        let lock = LockFile::take(&path, Duration::ZERO).map_err(|error| match error {
            NotLocked::Held => StoreError::Watched(watch.to_owned()),
            NotLocked::Io(source) => StoreError::File { path, source },
        })?;
        self.watches.insert(watch.to_owned(), lock);
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

    fn beside_database(&self, end: &str) -> PathBuf {
        let mut name = self.database.file_stem().unwrap_or_default().to_owned();
        name.push(".");
        name.push(end);
        self.database.with_file_name(name)
    }

    fn file_of(&self, snapshot: SnapshotId) -> PathBuf {
        self.beside_database(&format!("snapshot-{snapshot}.lock"))
    }

    fn number_in(&self, file_name: &str) -> Option<SnapshotId> {
        let (stem, number) = file_name.strip_suffix(".lock")?.rsplit_once(".snapshot-")?;
        let ours = self.database.file_stem().is_some_and(|ours| ours == stem);
        number.parse().ok().filter(|_| ours)
    }
}
