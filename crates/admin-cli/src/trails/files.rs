//! Trails in files.

use std::path::{Path, PathBuf};

use easemob_admin_audit::{Against, AuditError, Entry, Filter, PublicKey, Search, Verification, verify};
use easemob_admin_words::t;

use super::{CannotVerify, Found, Trail, Trails};
use crate::busy;
use crate::command_error::CommandError;

/// Trails below one directory.
pub struct TrailsInFiles(pub PathBuf);

/// The trail in a directory, which need not exist.
pub struct TrailInDirectory(pub PathBuf);

impl Trails for TrailsInFiles {
    fn names(&self) -> Result<Vec<String>, CommandError> {
        let entries = std::fs::read_dir(&self.0).into_iter().flatten().flatten();
        Ok(entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect())
    }

    fn of(&self, name: &str) -> Result<Box<dyn Trail>, CommandError> {
        Ok(Box::new(TrailInDirectory(self.0.join(name))))
    }

    fn place(&self) -> String {
        shown(&self.0)
    }
}

impl Trail for TrailInDirectory {
    fn place(&self) -> String {
        shown(&self.0)
    }

    fn is_there(&self) -> bool {
        self.0.is_dir()
    }

    fn search(&self, filter: Filter, newest: Option<u64>) -> Result<Box<dyn Found>, CommandError> {
        let mut search = Search::open(&self.0, filter).map_err(unreadable)?;
        if let Some(most) = newest {
            search = search.newest(most).map_err(unreadable)?;
        }
        Ok(Box::new(InFiles(search)))
    }

    fn verify(&self, against: &Against) -> Result<Verification, CannotVerify> {
        verify(&self.0, against).map_err(CannotVerify::Audit)
    }

    fn key(&self) -> Result<PublicKey, CommandError> {
        PublicKey::of_trail(&self.0).map_err(unreadable)
    }
}

struct InFiles(Search);

impl Iterator for InFiles {
    type Item = Result<Entry, CommandError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.next()?.map_err(unreadable))
    }
}

impl Found for InFiles {
    fn id_of(&self, entry: &Entry) -> String {
        self.0.id_of(entry)
    }

    fn read_on(&mut self) -> Result<(), CommandError> {
        self.0.read_on().map_err(unreadable)
    }

    fn is_torn(&self) -> bool {
        self.0.is_torn()
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Returns the error for a trail that cannot be read.
#[must_use]
pub fn unreadable(error: AuditError) -> CommandError {
    let hint = error.hint();
    CommandError::new(busy::exit_of(&error), t!("cannot read the audit trail"))
        .hint(hint)
        .because(error)
}
