//! Keeps two processes of one machine from changing the ban of the same user at the same time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

use easemob_admin_api::UserId;

use crate::files::digest;
use crate::files::private::make_directory;

/// How often to retry a guard that another process holds.
const TRY_AGAIN: Duration = Duration::from_millis(5);

/// Waits for the guard of `user`, and holds it until the returned file is closed. `directory` contains the
/// guards of one server.
///
/// # Errors
/// When the file cannot be created or locked.
pub(super) async fn take(directory: &Path, user: &UserId) -> io::Result<File> {
    make_directory(directory)?;
    // A few files serve all users; users who share a file wait for each other.
    let mut name = digest::of(user.folded().as_bytes())?;
    name.truncate(2);
    // Read as well, because to open a pipe for writing alone waits for a reader.
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
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
