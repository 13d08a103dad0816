//! Writes the file of an index, so that readers find all of it or nothing.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::error::AuditError;
use crate::trail::access::{self, Closed};

/// A file that becomes the index at `path`. Only one process at a time has it.
#[derive(Debug)]
pub(super) struct Draft {
    path: PathBuf,
    temporary: PathBuf,
    file: File,
}

impl Draft {
    /// Creates the file, or takes over one that a killed process left. Returns `None` if another process is
    /// writing it now.
    ///
    /// # Errors
    /// When the directory belongs to another account, or the file cannot be created there.
    pub(super) fn begin(path: &Path) -> Result<Option<Self>, AuditError> {
        // Files of another account among its own would lock the owner out.
        access::own_directory(path.parent().unwrap_or(path))?;
        let temporary = temporary(path);
        let mut options = access::private();
        options.write(true).create(true);
        let file = access::open(&temporary, &options, Closed::Entirely)?;
        let failed = AuditError::io("indexed", &temporary);
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
            Ok(()) => {}
        }
        // The process that held the lock may have renamed the file in the meantime.
        let is_ours = access::is_still_at(&file, &temporary).map_err(failed)?;
        let path = path.to_owned();
        Ok(is_ours.then_some(Self {
            path,
            temporary,
            file,
        }))
    }

    /// Writes the index and gives it its name.
    ///
    /// # Errors
    /// When it cannot be written. The earlier index is unchanged then.
    pub(super) fn finish(mut self, parts: &[&[u8]]) -> Result<(), AuditError> {
        let written = self.write(parts);
        if written.is_err() {
            // If it stays, the next draft takes it over.
            let _ = fs::remove_file(&self.temporary);
        }
        written.map_err(AuditError::io("indexed", &self.path))
    }

    /// Gives up; the earlier index is unchanged.
    pub(super) fn discard(self) {
        let _ = fs::remove_file(&self.temporary);
    }

    fn write(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        self.file.set_len(0)?;
        for part in parts {
            self.file.write_all(part)?;
        }
        // The name must not become durable before the content. A lost name costs only time.
        self.file.sync_all()?;
        fs::rename(&self.temporary, &self.path)
    }
}

fn temporary(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".new");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_at_a_time_writes_an_index() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("index");
        let first = Draft::begin(&path).unwrap().unwrap();
        assert!(Draft::begin(&path).unwrap().is_none());
        first.finish(&[b"one", b"two"]).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"onetwo");
        Draft::begin(&path).unwrap().unwrap().finish(&[b"three"]).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"three");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_killed_process_left_is_replaced() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("index");
        let mut left = access::private();
        let mut left = left.write(true).create(true).open(temporary(&path)).unwrap();
        left.write_all(b"a longer text than the next one").unwrap();
        drop(left);
        Draft::begin(&path).unwrap().unwrap().finish(&[b"whole"]).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
    }

    #[cfg(unix)]
    #[test]
    fn an_index_is_for_the_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("index");
        Draft::begin(&path).unwrap().unwrap().finish(&[b"x"]).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}
