//! Temporary files, which disappear with the process.

use std::fs::File;
use std::io;

/// Creates an unnamed file in the temporary directory of the system.
///
/// # Errors
/// When that is not possible; the error names the directory.
pub fn temporary_file() -> io::Result<File> {
    tempfile::tempfile().map_err(|error| {
        let directory = std::env::temp_dir();
        let what = format!(
            "cannot create a file in the temporary directory {}: {error}; set TMPDIR to another directory",
            directory.display()
        );
        io::Error::new(error.kind(), what)
    })
}
