//! Makes directories and files that nobody but their owner can read.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

/// Makes a directory, and those above it, with mode 0700 where the system knows modes.
///
/// # Errors
/// When it cannot be made; one that is there is left as it is.
pub fn make_directory(path: &Path) -> io::Result<()> {
    builder().recursive(true).create(path)
}

/// Makes a directory that must not be there yet.
///
/// # Errors
/// When it cannot be made, or is there.
pub fn make_new_directory(path: &Path) -> io::Result<()> {
    builder().create(path)
}

/// Makes a file that must not be there yet, to read and write, with mode 0600 where the system knows modes.
///
/// # Errors
/// When it cannot be made, or is there.
pub fn create_new(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

fn builder() -> DirBuilder {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "only Unix has modes"))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder
}
