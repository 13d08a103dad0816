//! Keeps two runs from changing the ban of the same user at the same time.
//!
//! Whether a ban may be lifted or counts as a lock is read from the book, and the request takes a while: without
//! this, a lock that is set in between would be lifted by a request that was meant for the one before it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

use easemob_admin_api::UserId;

use crate::files::digest;
use crate::files::private::make_directory;

/// How often a guard that somebody else holds is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(5);

/// Held while the ban of a user is looked at and changed. Nobody else holds one for the user in the meantime.
#[derive(Debug)]
pub struct UserGuard {
    _file: File,
}

impl UserGuard {
    /// Waits until nobody else holds the guard of `user`. `directory` is that of the guards of one server.
    ///
    /// # Errors
    /// When the file cannot be made or locked.
    pub async fn take(directory: &Path, user: &UserId) -> io::Result<Self> {
        make_directory(directory)?;
        // A few files for all users; those who share one wait for each other.
        let mut name = digest::of(user.folded().as_bytes())?;
        name.truncate(2);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(directory.join(name))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) => tokio::time::sleep(TRY_AGAIN).await,
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_user_has_one_guard_whatever_the_case_of_the_name() {
        let home = tempfile::tempdir().unwrap();
        let user = |name| UserId::parse(name).unwrap();
        let held = UserGuard::take(home.path(), &user("Ann")).await.unwrap();
        let ann = user("ann");
        let mut again = std::pin::pin!(UserGuard::take(home.path(), &ann));
        let waited = tokio::time::timeout(3 * TRY_AGAIN, &mut again).await;
        assert!(waited.is_err());
        drop(held);
        assert!(again.await.is_ok());
    }
}
