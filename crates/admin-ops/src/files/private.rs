//! Creates directories and files that only their owner can read.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

/// Creates a directory and its parents, with mode 0700 on Unix.
///
/// # Errors
/// When it cannot be created. An existing directory is left unchanged.
pub fn make_directory(path: &Path) -> io::Result<()> {
    builder().recursive(true).create(path)
}

/// Creates a directory that must not exist yet.
///
/// # Errors
/// When it cannot be created, or exists.
pub fn make_new_directory(path: &Path) -> io::Result<()> {
    builder().create(path)
}

/// Creates a file that must not exist yet, for reading and writing, with mode 0600 on Unix.
///
/// # Errors
/// When it cannot be created, or exists.
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
