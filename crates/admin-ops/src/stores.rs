//! Where the engine keeps what it records.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use easemob_admin_audit::{AuditError, AuditTrail};

use crate::locks::sqlite::SqliteLocks;
use crate::locks::store::{LockStore, LockStoreError};
use crate::run::directory::Runs;
use crate::target::Target;

/// The runs, trails and locks of a directory.
#[derive(Debug, Clone)]
pub struct Stores {
    directory: PathBuf,
}

impl Stores {
    /// Keeps everything below `directory`.
    #[must_use]
    pub fn on_disk(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
        }
    }

    /// Returns the directory of all runs.
    #[must_use]
    pub fn runs_directory(&self) -> PathBuf {
        self.directory.join("runs")
    }

    /// Returns the directory of all audit trails.
    #[must_use]
    pub fn trails_directory(&self) -> PathBuf {
        self.directory.join("audit")
    }

    /// Returns the directory of all locks.
    #[must_use]
    pub fn locks_directory(&self) -> PathBuf {
        self.directory.join("locks")
    }

    /// Returns the runs.
    #[must_use]
    pub fn runs(&self) -> Runs {
        Runs::at(self.runs_directory())
    }

    /// Returns the directory of the audit trail of a target.
    #[must_use]
    pub fn trail_directory(&self, target: &Target) -> PathBuf {
        self.trails_directory().join(target.name())
    }

    /// Opens the audit trail of a target, which proves that it can be written.
    ///
    /// # Errors
    /// When it cannot.
    pub fn open_trail(&self, target: &Target) -> Result<AuditTrail, AuditError> {
        AuditTrail::open(&self.trail_directory(target), &target.name())
    }

    /// Opens the locks of a target.
    ///
    /// # Errors
    /// When they cannot be used.
    pub fn locks(&self, target: &Target) -> Result<Arc<dyn LockStore>, LockStoreError> {
        // The embedded sandbox has another port each time.
        let app_root = (!target.sandbox).then(|| target.app_root.clone());
        Ok(Arc::new(SqliteLocks::open(self.lock_file(target), app_root)?))
    }

    /// Returns true if opening the locks of a target imports what an earlier version kept.
    #[must_use]
    pub fn imports_locks(&self, target: &Target) -> bool {
        SqliteLocks::imports(&self.lock_file(target))
    }

    fn lock_file(&self, target: &Target) -> PathBuf {
        self.locks_directory().join(format!("{}.sqlite", target.name()))
    }
}
