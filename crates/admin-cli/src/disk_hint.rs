//! Hints for disk errors; only a full disk is called full.

use std::error::Error as StdError;
use std::io::{self, ErrorKind};
use std::sync::Arc;

use easemob_admin_words::t;

/// Returns a hint for the cause of `error`, followed by what is true in any case.
#[must_use]
pub fn disk_hint(error: &(dyn StdError + 'static), in_any_case: &str) -> String {
    match cause_of(error) {
        Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge) => {
            full_disk_hint(in_any_case)
        }
        Some(ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) => {
            t!("check the permissions of the file and its directory; {in_any_case}")
        }
        _ => in_any_case.to_owned(),
    }
}

/// Returns the hint for a full disk.
#[must_use]
pub fn full_disk_hint(in_any_case: &str) -> String {
    t!(
        "the disk is full, or a quota or a limit on the size of files (ulimit -f) is used up: free some space; {in_any_case}"
    )
}

/// Returns the system's error kind, however deep in the chain.
fn cause_of(error: &(dyn StdError + 'static)) -> Option<ErrorKind> {
    let io = error
        .downcast_ref::<io::Error>()
        .or_else(|| error.downcast_ref::<Arc<io::Error>>().map(AsRef::as_ref));
    if let Some(io) = io {
        // An error that wraps another one has no kind of its own.
        return match io.get_ref() {
            Some(inner) => {
                cause_of(inner).or_else(|| Some(io.kind()).filter(|kind| *kind != ErrorKind::Other))
            }
            None => Some(io.kind()),
        };
    }
    error.source().and_then(cause_of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use easemob_admin_ops::run::recorder::RecordError;

    #[test]
    fn only_a_full_disk_is_called_full() {
        let system = |code| io::Error::from_raw_os_error(code);
        // ENOSPC, EDQUOT, EACCES, EROFS, EIO on Linux.
        let rows: Vec<(Box<dyn StdError>, &str)> = vec![
            (Box::new(system(28)), "full"),
            (Box::new(system(122)), "full"),
            // EFBIG: a limit on the size of files, of which SIGXFSZ warns.
            (Box::new(system(27)), "full"),
            (Box::new(io::Error::other(system(28))), "full"),
            (Box::new(RecordError::from(system(28))), "full"),
            (Box::new(RecordError::from(io::Error::other(system(28)))), "full"),
            (Box::new(RecordError::from(system(13))), "check the permissions"),
            (Box::new(system(30)), "check the permissions"),
            (Box::new(RecordError::from(system(5))), "as it was"),
            (
                Box::new(RecordError::from(io::Error::new(
                    ErrorKind::InvalidInput,
                    "too long",
                ))),
                "as it was",
            ),
            (Box::new(io::Error::other("anything")), "as it was"),
        ];
        for (error, word) in rows {
            let hint = disk_hint(error.as_ref(), "the file is as it was");
            assert!(hint.contains(word), "{error:?}: {hint}");
            assert_eq!(hint.contains("full"), word == "full", "{error:?}: {hint}");
            assert!(hint.ends_with("the file is as it was"));
        }
    }
}
