//! Directories and files that nobody else can read.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

/// Makes a directory for this user alone, unless it is there.
pub(crate) fn make_directory(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.recursive(true).create(directory)
}

/// Lets a file that is made be readable by this user alone. A link in its place is not followed: where others may write to
/// the directory, it could lead to any file of this user.
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
        options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    }
    options
}

/// Returns true for a plain file of this user that nobody else can read or write.
pub(crate) fn is_private(metadata: &fs::Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if metadata.mode() & 0o077 != 0 || metadata.uid() != rustix::process::geteuid().as_raw() {
            return false;
        }
    }
    metadata.is_file()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_link_in_place_of_a_file_is_not_followed() {
        let home = tempfile::tempdir().unwrap();
        let (precious, link) = (home.path().join("precious"), home.path().join("link"));
        fs::write(&precious, "mine").unwrap();
        std::os::unix::fs::symlink(&precious, &link).unwrap();
        for create in [true, false] {
            assert!(
                private(OpenOptions::new().read(true).write(true).create(create))
                    .open(&link)
                    .is_err()
            );
        }
        assert!(
            private(OpenOptions::new().read(true).write(true))
                .open(&precious)
                .is_ok()
        );
    }
}
