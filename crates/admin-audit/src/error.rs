//! Why the audit trail cannot be used.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why the audit trail cannot be used. Whoever gets this must not act.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The system refused.
    #[error("the audit trail cannot be {doing}: {}", path.display())]
    Io {
        /// What was tried, such as `written`.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process holds the lock.
    #[error("the audit trail is held by another process, for more than {} s: {}", waited.as_secs(), path.display())]
    Busy {
        /// The lock file.
        path: PathBuf,
        /// How long it was waited for.
        waited: Duration,
    },
    /// A file or directory belongs to somebody else.
    #[error("{} belongs to user {owner}, not to user {own}", path.display())]
    Owner {
        /// The file or directory.
        path: PathBuf,
        /// The number of the account it belongs to.
        owner: u32,
        /// The number of the account of this process.
        own: u32,
    },
    /// Others may change a file or directory, or read the key.
    #[error("{} can be {what} by others (mode {mode:04o})", path.display())]
    Permissions {
        /// The file or directory.
        path: PathBuf,
        /// What others can do.
        what: &'static str,
        /// Its permissions.
        mode: u32,
    },
    /// Something else is where a file or directory of the trail should be.
    #[error("{} is not a {expected}", path.display())]
    NotA {
        /// The path.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
    },
    /// The trail is not as it was written.
    #[error("the audit trail is damaged: {}, line {line}: {problem}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong there.
        problem: String,
    },
    /// The trail was written by a newer version of this program.
    #[error("{} was written by a newer version of easemob-admin (format {format})", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format it names.
        format: u64,
    },
    /// The trail is another one.
    #[error("{} is the trail of `{found}`, not of `{expected}`", path.display())]
    Origin {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        found: String,
        /// Whose it should be.
        expected: String,
    },
    /// A key cannot be used.
    #[error("the key {} cannot be used: {problem}", path.display())]
    Key {
        /// The key file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Entries are there, but the key that signs them is not.
    #[error("the key {} is missing, but there are entries", path.display())]
    NoKey {
        /// The key file.
        path: PathBuf,
    },
    /// The key that a trail is to be verified against is not the one that signs it.
    #[error("this key is not the key of this trail: the heads in {} are signed by {signer}", path.display())]
    OtherKey {
        /// The directory of the trail.
        path: PathBuf,
        /// The id of the key that signs them.
        signer: String,
    },
    /// The files changed in a way that appending does not explain.
    #[error("the audit trail was changed by something else: {}: {problem}", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// What happened.
        problem: &'static str,
    },
    /// An event is longer than a line may be.
    #[error("an event of {length} bytes is too long for the audit trail, which takes up to {limit}")]
    TooLong {
        /// The length of the line.
        length: usize,
        /// The longest line.
        limit: usize,
    },
    /// A line cannot be made of an event.
    #[error("an event cannot be written as JSON")]
    Json(#[source] serde_json::Error),
    /// An earlier write was not confirmed by the disk, so nobody knows what is there.
    #[error("the audit trail is closed, because the disk did not confirm an earlier entry")]
    Closed,
}

impl AuditError {
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }

    /// Returns what to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Io {
                doing: "read" | "found",
                path,
                ..
            } => format!("check that {} is there and can be read", path.display()),
            Self::Io { source, path, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                    "make room on the disk, or move old files of the trail to an archive (see docs/audit.md)"
                        .into()
                }
                io::ErrorKind::ReadOnlyFilesystem => {
                    "set EASEMOB_DATA_DIR to a directory that can be written to".into()
                }
                _ => format!(
                    "check that {} can be written to, or set EASEMOB_DATA_DIR to another place",
                    path.display()
                ),
            },
            Self::Busy { .. } => "wait for the other run, or look for one that hangs".into(),
            Self::Owner { path, own, .. } => format!(
                "run as its owner, or set EASEMOB_DATA_DIR to a place of your own (chown {own} {})",
                path.display()
            ),
            Self::Permissions { path, .. } => format!("close it with: chmod go-rwx {}", path.display()),
            Self::NotA { path, .. } => format!("move {} away", path.display()),
            Self::Damaged { .. } | Self::Changed { .. } => {
                "find out what happened with: easemob-admin audit verify; to go on, move the whole directory \
                 to a safe place, and a new trail begins"
                    .into()
            }
            Self::Newer { .. } => "update easemob-admin".into(),
            Self::Origin { .. } => "set EASEMOB_DATA_DIR to another place, or move the directory away".into(),
            Self::Key { path, .. } | Self::NoKey { path } => format!(
                "put {} back, or move the whole directory to a safe place, and a new trail begins",
                path.display()
            ),
            Self::OtherKey { .. } => {
                "give the key that was kept of this trail; if this is the one, the whole trail was written anew by \
                 somebody with another key"
                    .into()
            }
            Self::TooLong { .. } | Self::Json(_) => {
                "this is a defect of easemob-admin, or a reason or name of absurd length".into()
            }
            Self::Closed => "start again when the disk is in order".into(),
        }
    }
}
