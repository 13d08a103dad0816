//! Keeps two processes of one machine from changing the ban of the same user at the same time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

use easemob_admin_api::UserId;

use crate::files::digest;
use crate::files::private::make_directory;

/// How often a guard that somebody else holds is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(5);

/// Waits until nobody else holds the guard of `user`, which is held until the file is closed. `directory` is that of the
/// guards of one server.
///
/// # Errors
/// When the file cannot be made or locked.
pub(super) async fn take(directory: &Path, user: &UserId) -> io::Result<File> {
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
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(TRY_AGAIN).await,
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}
