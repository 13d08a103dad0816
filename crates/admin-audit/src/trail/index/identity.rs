//! Whether a file is still the one that was read, without reading it again.

use std::fs::Metadata;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// How old the last change must be, in seconds: the clock of a file system may be coarse, and a second change at
/// the same tick would go unnoticed.
#[cfg(unix)]
const SETTLED: i64 = 2;

/// What changes when the content of a file changes; its size is compared separately.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    inode: u64,
    /// Seconds and nanoseconds since 1970.
    modified: (i64, i64),
    /// The same; programs cannot set this time.
    changed: (i64, i64),
}

impl Identity {
    /// Returns the identity of a file, or `None` if the system has none or the file changed just now.
    #[cfg(unix)]
    pub(super) fn settled(metadata: &Metadata, now: SystemTime) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;
        let now = now.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
        let is_settled = metadata.ctime().checked_add(SETTLED)? <= i64::try_from(now).ok()?;
        is_settled.then(|| Self {
            inode: metadata.ino(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }

    #[cfg(not(unix))]
    pub(super) fn settled(_: &Metadata, _: SystemTime) -> Option<Self> {
        None
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_file_that_changed_just_now_has_none() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("file");
        fs::write(&path, "one").unwrap();
        let now = SystemTime::now();
        let of = |now| Identity::settled(&fs::metadata(&path).unwrap(), now);
        assert_eq!(of(now), None);
        let before = of(now + Duration::from_secs(9));
        assert!(before.is_some());
        fs::rename(&path, home.path().join("old")).unwrap();
        fs::write(&path, "two").unwrap();
        assert_ne!(of(now + Duration::from_secs(9)), before);
    }
}
