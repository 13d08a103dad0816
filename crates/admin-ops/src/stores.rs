//! Where the engine stores its records.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::locks::memory::MemoryLockStores;
use crate::locks::sqlite::LockDatabases;
use crate::locks::store::{LockStore, LockStoreError, LockStores};
use crate::logins::store::LoginStores;
use crate::logins::store::memory::MemoryLoginStores;
use crate::logins::store::sqlite::LoginDatabases;
use crate::run::directory::RunDirectories;
use crate::run::memory::MemoryRuns;
use crate::run::store::RunStore;
use crate::target::Target;

/// The directory that contains all records on disk.
#[derive(Debug, Clone)]
pub struct DataDirectory(PathBuf);

impl DataDirectory {
    /// Uses this directory, which need not exist yet.
    #[must_use]
    pub fn at(directory: &Path) -> Self {
        Self(directory.to_owned())
    }

    /// Returns the directory of all runs, one subdirectory each.
    #[must_use]
    pub fn runs(&self) -> PathBuf {
        self.0.join("runs")
    }

    /// Returns the directory of all audit trails.
    #[must_use]
    pub fn trails(&self) -> PathBuf {
        self.0.join("audit")
    }

    /// Returns the directory of the audit trail of a target.
    #[must_use]
    pub fn trail(&self, target: &Target) -> PathBuf {
        self.trails().join(target.name())
    }

    /// Returns the directory of the keys of trails that are kept elsewhere, each with the heads that it signed.
    #[must_use]
    pub fn keys(&self) -> PathBuf {
        self.0.join("keys")
    }

    /// Returns the directory of all locks.
    #[must_use]
    pub fn locks(&self) -> PathBuf {
        self.0.join("locks")
    }

    /// Returns the directory of all logins, each target with a directory of its own.
    #[must_use]
    pub fn logins(&self) -> PathBuf {
        self.0.join("logins")
    }
}

/// Where runs, with their audit trails, locks and logins are kept. Clones are the same stores.
#[derive(Debug, Clone)]
pub struct Stores {
    runs: Arc<dyn RunStore>,
    locks: Arc<dyn LockStores>,
    logins: Arc<dyn LoginStores>,
}

impl Stores {
    /// Combines stores of any kind.
    #[must_use]
    pub fn new(
        runs: impl RunStore + 'static,
        locks: impl LockStores + 'static,
        logins: impl LoginStores + 'static,
    ) -> Self {
        Self {
            runs: Arc::new(runs),
            locks: Arc::new(locks),
            logins: Arc::new(logins),
        }
    }

    /// Keeps everything below a directory: runs and trails as files, locks and logins in SQLite.
    #[must_use]
    pub fn on_disk(directory: &Path) -> Self {
        let data = DataDirectory::at(directory);
        Self::new(
            RunDirectories::at(data.runs(), data.trails()),
            LockDatabases::below(data.locks()),
            LoginDatabases::below(data.logins()),
        )
    }

    /// Stores everything in memory: for tests.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::new(
            MemoryRuns::default(),
            MemoryLockStores::default(),
            MemoryLoginStores::default(),
        )
    }

    /// Returns the runs.
    #[must_use]
    pub fn runs(&self) -> &dyn RunStore {
        &*self.runs
    }

    /// Opens the locks of a target.
    ///
    /// # Errors
    /// When they cannot be used.
    pub fn locks(&self, target: &Target) -> Result<Arc<dyn LockStore>, LockStoreError> {
        self.locks.of(target)
    }

    /// Returns the logins.
    #[must_use]
    pub fn logins(&self) -> &dyn LoginStores {
        &*self.logins
    }
}
