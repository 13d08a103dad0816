//! A file that one process at a time holds; the system releases it when the process ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::files::private::make_directory;

/// How long to wait before the next try.
const NEXT_TRY: Duration = Duration::from_millis(5);

/// A lock that is held until this value is dropped.
#[derive(Debug)]
pub struct LockFile(#[expect(dead_code, reason = "closing the file releases the lock")] File);

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotLocked {
    /// Another process, or another part of this one, holds it.
    #[error("another process holds the lock")]
    Held,
    /// The file cannot be created or locked.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl LockFile {
    /// Takes the lock of a file, which is created if it does not exist, and waits at most `patience` for it.
    ///
    /// # Errors
    /// When somebody else holds it until then, or the file cannot be created or locked.
    pub fn take(path: &Path, patience: Duration) -> Result<Self, NotLocked> {
        if let Some(directory) = path.parent() {
            make_directory(directory)?;
        }
        let mut options = OpenOptions::new();
        // Read as well, because to open a pipe for writing alone waits for a reader.
        options.create(true).truncate(false).read(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path)?;
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::WouldBlock) if begun.elapsed() < patience => std::thread::sleep(NEXT_TRY),
                Err(TryLockError::WouldBlock) => return Err(NotLocked::Held),
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_it_until_it_is_dropped() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("below/lock");
        let at_once = || LockFile::take(&path, Duration::ZERO);
        let first = at_once().unwrap();
        assert!(matches!(at_once(), Err(NotLocked::Held)));
        drop(first);
        let second = at_once().unwrap();
        let patient = std::thread::spawn({
            let path = path.clone();
            move || LockFile::take(&path, Duration::from_secs(60)).map(drop)
        });
        drop(second);
        patient.join().unwrap().unwrap();
        let unusable = home.path().join("below/lock/lock");
        assert!(matches!(
            LockFile::take(&unusable, Duration::ZERO),
            Err(NotLocked::Io(_))
        ));
    }
}
