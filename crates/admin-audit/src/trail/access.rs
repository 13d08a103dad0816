//! Files and directories that belong to this account and that no other account may change.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::path::Path;

use crate::error::AuditError;

/// What other accounts must not be able to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closed {
    /// Change it; its owner decides who may read it.
    ToWriting,
    /// Read or change it.
    Entirely,
}

/// Creates the directory and its parents, for this account only, if it does not exist, and checks it.
pub(super) fn own_directory(path: &Path) -> Result<(), AuditError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(AuditError::io("created", path))?;
    let metadata = fs::metadata(path).map_err(AuditError::io("opened", path))?;
    if !metadata.is_dir() {
        let path = path.to_owned();
        let expected = "directory";
        return Err(AuditError::NotA { path, expected });
    }
    check(path, &metadata, Closed::ToWriting)
}

/// Returns options for a file of this account only.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Opens a file, which must be a regular file of this account.
pub(super) fn open(path: &Path, options: &OpenOptions, closed: Closed) -> Result<File, AuditError> {
    // A link could lead the writer to any file of the account.
    match fs::symlink_metadata(path) {
        Ok(metadata) if !metadata.is_file() => {
            let path = path.to_owned();
            let expected = "file";
            return Err(AuditError::NotA { path, expected });
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(AuditError::io("opened", path)(error));
        }
        Ok(_) | Err(_) => {}
    }
    let file = options.open(path).map_err(AuditError::io("opened", path))?;
    let metadata = file.metadata().map_err(AuditError::io("opened", path))?;
    check(path, &metadata, closed)?;
    Ok(file)
}

#[cfg(unix)]
fn check(path: &Path, metadata: &Metadata, closed: Closed) -> Result<(), AuditError> {
    use std::os::unix::fs::MetadataExt as _;
    let own = rustix::process::geteuid().as_raw();
    judge(path, metadata.uid(), own, metadata.mode() & 0o7777, closed)
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "only Unix has such permissions")]
fn check(_: &Path, _: &Metadata, _: Closed) -> Result<(), AuditError> {
    Ok(())
}

#[cfg(unix)]
fn judge(path: &Path, owner: u32, own: u32, mode: u32, closed: Closed) -> Result<(), AuditError> {
    let path = path.to_owned();
    if owner != own {
        return Err(AuditError::Owner { path, owner, own });
    }
    let (forbidden, what) = match closed {
        Closed::ToWriting => (0o022, "changed"),
        Closed::Entirely => (0o077, "read or changed"),
    };
    if mode & forbidden != 0 {
        return Err(AuditError::Permissions { path, what, mode });
    }
    Ok(())
}

/// Makes new names in the directory durable.
pub(super) fn sync_directory(path: &Path) -> Result<(), AuditError> {
    #[cfg(unix)]
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(AuditError::io("written", path))?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Returns true if `path` still refers to the open file.
pub(super) fn is_still_at(file: &File, path: &Path) -> io::Result<bool> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let identity = |metadata: Metadata| (metadata.dev(), metadata.ino());
        match fs::symlink_metadata(path) {
            Ok(named) => Ok(identity(named) == identity(file.metadata()?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        path.try_exists()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn what_is_made_is_for_the_owner_only() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("audit").join("prod");
        own_directory(&directory).unwrap();
        let file = directory.join("file");
        open(&file, private().create(true).append(true), Closed::Entirely).unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&directory), mode(&file)), (0o700, 0o600));
    }

    #[test]
    fn others_must_not_write() {
        let path = Path::new("/x");
        let judged = |owner, mode, closed| judge(path, owner, 7, mode, closed);
        assert!(judged(7, 0o644, Closed::ToWriting).is_ok());
        for (mode, closed) in [
            (0o664, Closed::ToWriting),
            (0o602, Closed::ToWriting),
            (0o640, Closed::Entirely),
            (0o604, Closed::Entirely),
        ] {
            assert!(
                matches!(judged(7, mode, closed), Err(AuditError::Permissions { .. })),
                "{mode:o}"
            );
        }
        let error = judged(8, 0o600, Closed::ToWriting).unwrap_err();
        assert_eq!(error.to_string(), "/x belongs to user 8, not to user 7");
    }

    #[test]
    fn links_and_directories_are_no_files() {
        let home = tempfile::tempdir().unwrap();
        let (link, target) = (home.path().join("link"), home.path().join("target"));
        fs::write(&target, "").unwrap();
        symlink(&target, &link).unwrap();
        for path in [&link, &home.path().to_owned()] {
            let error = open(path, OpenOptions::new().read(true), Closed::ToWriting).unwrap_err();
            assert!(matches!(error, AuditError::NotA { .. }), "{error}");
        }
        assert!(matches!(
            own_directory(&target.join("below")),
            Err(AuditError::Io { .. })
        ));
    }
}
