//! The snapshots and watches of one open store, each under a lease.

use std::collections::BTreeMap;
use std::sync::Arc;

use easemob_admin_ops::logins::store::{SnapshotId, StoreError};

use crate::database::Database;
use crate::lease::{LENGTH, Lease, Term};

/// What one open store owns.
#[derive(Debug)]
pub(super) struct Owned {
    database: Database,
    place: i32,
    taken: BTreeMap<SnapshotId, Lease>,
    watches: BTreeMap<String, Lease>,
}

impl Owned {
    /// Owns nothing yet.
    pub(super) fn new(database: Database, place: i32) -> Self {
        Self {
            database,
            place,
            taken: BTreeMap::new(),
            watches: BTreeMap::new(),
        }
    }

    /// Takes a snapshot.
    pub(super) fn take(&mut self, snapshot: SnapshotId) -> Result<(), StoreError> {
        if !self.taken.contains_key(&snapshot) {
            let lease = Lease::take(&self.database, &format!("snapshot {snapshot}"), LENGTH)?;
            self.taken
                .insert(snapshot, lease.ok_or(StoreError::Taken(snapshot))?);
        }
        Ok(())
    }

    /// Takes a watch.
    pub(super) fn take_watch(&mut self, watch: &str) -> Result<(), StoreError> {
        if !self.watches.contains_key(watch) {
            let what = format!("watch {} {watch}", self.place);
            let lease = Lease::take(&self.database, &what, LENGTH)?;
            let lease = lease.ok_or_else(|| StoreError::Watched(watch.to_owned()))?;
            self.watches.insert(watch.to_owned(), lease);
        }
        Ok(())
    }

    /// Returns what proves that a snapshot is still its own, if it ever was.
    pub(super) fn term(&self, snapshot: SnapshotId) -> Option<Arc<Term>> {
        self.taken.get(&snapshot).map(|lease| Arc::clone(lease.term()))
    }

    /// Releases a snapshot that nobody needs to take again.
    pub(super) fn release(&mut self, snapshot: SnapshotId) {
        self.taken.remove(&snapshot);
    }

    /// Releases all snapshots but these.
    pub(super) fn keep_only(&mut self, kept: &[SnapshotId]) {
        self.taken.retain(|snapshot, _| kept.contains(snapshot));
    }
}
