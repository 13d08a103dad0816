//! The lock that allows one writer at a time, among all processes of a profile.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::AuditError;
use crate::trail::access::{self, Closed};

const FILE: &str = "lock";
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// The lock of a trail, not held.
#[derive(Debug)]
pub(super) struct TrailLock {
    file: Arc<File>,
    path: PathBuf,
    wait: Duration,
}

/// The held lock, released when dropped; the system releases it when a process dies.
#[derive(Debug)]
pub(super) struct Held(Arc<File>);

impl TrailLock {
    /// Opens the lock file, and creates it if it does not exist; waits at most `wait` for the lock.
    pub(super) fn open(directory: &Path, wait: Duration) -> Result<Self, AuditError> {
        let path = directory.join(FILE);
        let file = access::open(
            &path,
            access::private().create(true).append(true),
            Closed::ToWriting,
        )?;
        Ok(Self::of(file, path, wait))
    }

    /// Opens the lock file of a trail that is only read; a copy may have none.
    pub(super) fn of_reader(directory: &Path, wait: Duration) -> Option<Self> {
        let path = directory.join(FILE);
        let file = OpenOptions::new().read(true).open(&path).ok()?;
        Some(Self::of(file, path, wait))
    }

    fn of(file: File, path: PathBuf, wait: Duration) -> Self {
        let file = Arc::new(file);
        Self { file, path, wait }
    }

    /// Takes the lock exclusively.
    pub(super) fn hold(&self) -> Result<Held, AuditError> {
        self.acquire(File::try_lock)
    }

    /// Takes the lock shared with other readers.
    pub(super) fn share(&self) -> Result<Held, AuditError> {
        self.acquire(File::try_lock_shared)
    }

    fn acquire(&self, attempt: fn(&File) -> Result<(), TryLockError>) -> Result<Held, AuditError> {
        let started = Instant::now();
        let mut pause = SHORTEST_PAUSE;
        loop {
            match attempt(&self.file) {
                Ok(()) => return Ok(Held(self.file.clone())),
                Err(TryLockError::Error(error)) => return Err(AuditError::io("locked", &self.path)(error)),
                Err(TryLockError::WouldBlock) if started.elapsed() >= self.wait => {
                    let (path, waited) = (self.path.clone(), self.wait);
                    return Err(AuditError::Busy { path, waited });
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(pause),
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Closing the file would release it too; an error cannot be handled better.
        let _ = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_writer_or_many_readers() {
        let home = tempfile::tempdir().unwrap();
        let wait = Duration::from_millis(5);
        let first = TrailLock::open(home.path(), wait).unwrap();
        let second = TrailLock::open(home.path(), wait).unwrap();
        let reader = TrailLock::of_reader(home.path(), wait).unwrap();
        let held = first.hold().unwrap();
        assert!(matches!(second.hold(), Err(AuditError::Busy { .. })));
        assert!(matches!(reader.share(), Err(AuditError::Busy { .. })));
        drop(held);
        let shared = reader.share().unwrap();
        assert!(first.share().is_ok());
        assert!(matches!(second.hold(), Err(AuditError::Busy { .. })));
        drop(shared);
        assert!(second.hold().is_ok());
    }
}
