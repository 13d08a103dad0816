//! Detects secrets that others can read.

use std::path::Path;

use easemob_admin_ops::files::encoding::quoted;
use easemob_admin_ops::names::harmless::harmless;
use easemob_admin_words::t;

/// Returns a warning if users other than the owner can read the file.
///
/// Returns `None` if the platform has no such permissions, or the file does not exist.
#[must_use]
pub fn readers(path: &Path) -> Option<String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
        (mode & 0o077 != 0).then(|| {
            t!(
                "other users can read {} (mode {mode:04o}); restrict it with: chmod 600 {}",
                harmless(&path.to_string_lossy()),
                quoted(path)
            )
        })
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}
