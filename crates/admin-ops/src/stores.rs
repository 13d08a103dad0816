//! Where the engine keeps what it records.

use std::path::{Path, PathBuf};

use easemob_admin_audit::{AuditError, AuditTrail};

use crate::locks::book::LockBook;
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

    /// Returns the directory of all lock books.
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

    /// Returns the locks of a target.
    #[must_use]
    pub fn lock_book(&self, target: &Target) -> LockBook {
        let path = self
            .directory
            .join("locks")
            .join(format!("{}.json", target.name()));
        // The embedded sandbox has another port each time.
        let app_root = (!target.sandbox).then(|| target.app_root.clone());
        LockBook::at(path, app_root)
    }
}
