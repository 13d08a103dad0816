//! Errors of the audit trail.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why the audit trail cannot be used. The caller must not act then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// An error of the operating system.
    #[error("the audit trail cannot be {doing}: {}", path.display())]
    Io {
        /// What was attempted, such as `written`.
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Another process holds the lock.
    #[error("another process has held the audit trail for more than {} s: {}", waited.as_secs(), path.display())]
    Busy {
        /// The lock file.
        path: PathBuf,
        /// How long this process waited for it.
        waited: Duration,
    },
    /// A file or directory belongs to another account.
    #[error("{} belongs to user {owner}, not to user {own}", path.display())]
    Owner {
        /// The file or directory.
        path: PathBuf,
        /// The user id of its owner.
        owner: u32,
        /// The user id of this process.
        own: u32,
    },
    /// Other accounts may change a file or directory, or read the key.
    #[error("{} can be {what} by other accounts (mode {mode:04o})", path.display())]
    Permissions {
        /// The file or directory.
        path: PathBuf,
        /// What other accounts can do.
        what: &'static str,
        /// Its permissions.
        mode: u32,
    },
    /// The path of a trail's file or directory has another type.
    #[error("{} is not a {expected}", path.display())]
    NotA {
        /// The path.
        path: PathBuf,
        /// The expected type.
        expected: &'static str,
    },
    /// The trail is not as it was written.
    #[error("the audit trail is damaged: {}, line {line}: {problem}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The problem.
        problem: String,
    },
    /// The trail was written by a newer version of this program.
    #[error("{} was written by a newer version of easemob-admin (format {format})", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: u64,
    },
    /// The directory contains another trail.
    #[error("{} is the trail of `{found}`, not of `{expected}`", path.display())]
    Origin {
        /// The file.
        path: PathBuf,
        /// The name of that trail.
        found: String,
        /// The expected name.
        expected: String,
    },
    /// A key cannot be used.
    #[error("cannot use the key {}: {problem}", path.display())]
    Key {
        /// The key file.
        path: PathBuf,
        /// The problem.
        problem: String,
    },
    /// There are entries, but the signing key is missing.
    #[error("the key {} is missing, but there are entries", path.display())]
    NoKey {
        /// The key file.
        path: PathBuf,
    },
    /// The given key is not the one that signs the trail.
    #[error("this is not the key of this trail: the heads in {} are signed by {signer}", path.display())]
    OtherKey {
        /// The directory of the trail.
        path: PathBuf,
        /// The id of the signing key.
        signer: String,
    },
    /// The files changed in a way that appending cannot explain.
    #[error("something other than this program changed the audit trail: {}: {problem}", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// What happened.
        problem: &'static str,
    },
    /// An event is longer than a line may be.
    #[error("an event of {length} bytes is too long for the audit trail, which accepts up to {limit}")]
    TooLong {
        /// The length of the line.
        length: usize,
        /// The longest line.
        limit: usize,
    },
    /// An event cannot be serialised.
    #[error("cannot write an event as JSON")]
    Json(#[source] serde_json::Error),
    /// The disk did not confirm an earlier write, so its effect is unknown.
    #[error("the audit trail is closed, because the disk did not confirm an earlier entry")]
    Closed,
}

impl AuditError {
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }

    /// Returns what to do about the error.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Io {
                doing: "read" | "found",
                path,
                ..
            } => format!("check that {} exists and is readable", path.display()),
            Self::Io { source, path, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                    "free some disk space, or move old files of the trail to an archive (see docs/audit.md)"
                        .into()
                }
                io::ErrorKind::ReadOnlyFilesystem => {
                    "set EASEMOB_DATA_DIR to a writable directory".into()
                }
                _ => format!(
                    "check that {} is writable, or set EASEMOB_DATA_DIR to another directory",
                    path.display()
                ),
            },
            Self::Busy { .. } => "wait for the other run, or check for a run that hangs".into(),
            Self::Owner { path, own, .. } => format!(
                "run as its owner, take it over (chown {own} {}), or set EASEMOB_DATA_DIR to your own directory",
                path.display()
            ),
            Self::Permissions { path, .. } => format!("restrict it with: chmod go-rwx {}", path.display()),
            Self::NotA { path, .. } => format!("move {} away", path.display()),
            Self::Damaged { .. } | Self::Changed { .. } => {
                "find out what happened with: easemob-admin audit verify; to continue, move the whole directory \
                 to a safe place, and a new trail is started"
                    .into()
            }
            Self::Newer { .. } => "update easemob-admin".into(),
            Self::Origin { .. } => "set EASEMOB_DATA_DIR to another directory, or move this one away".into(),
            Self::Key { path, .. } | Self::NoKey { path } => format!(
                "restore {}, or move the whole directory to a safe place, and a new trail is started",
                path.display()
            ),
            Self::OtherKey { .. } => {
                "use the stored key of this trail; if this is the one, somebody with another key has rewritten the whole \
                 trail"
                    .into()
            }
            Self::TooLong { .. } | Self::Json(_) => {
                "this is a bug in easemob-admin, or a reason or name is far too long".into()
            }
            Self::Closed => "run the command again once the disk works".into(),
        }
    }
}
