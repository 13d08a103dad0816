//! The files of a trail, named after the number of their first entry.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::AuditError;

const PREFIX: &str = "entries-";
const SUFFIX: &str = ".jsonl";

/// One file of entries.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Segment {
    /// The number of its first entry.
    pub(super) first: u64,
    /// Where it is.
    pub(super) path: PathBuf,
}

impl Segment {
    /// The file that begins with entry `first`.
    pub(super) fn new(directory: &Path, first: u64) -> Self {
        let path = directory.join(format!("{PREFIX}{first:012}{SUFFIX}"));
        Self { first, path }
    }

    fn named(directory: &Path, name: &str) -> Option<Self> {
        let first = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.parse().ok()?;
        Some(Self::new(directory, first)).filter(|segment| segment.path == directory.join(name))
    }
}

/// Returns the files of a trail in their order; none if there is no such directory.
pub(super) fn segments(directory: &Path) -> Result<Vec<Segment>, AuditError> {
    let failed = |error| AuditError::io("read", directory)(error);
    let mut found = Vec::new();
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(failed(error)),
    };
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        found.extend(name.to_str().and_then(|name| Segment::named(directory, name)));
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_in_the_order_of_their_entries() {
        let home = tempfile::tempdir().unwrap();
        for name in [
            "entries-000000000010.jsonl",
            "entries-000000000002.jsonl",
            "entries-1000000000000.jsonl",
            "entries-2.jsonl",
            "entries-000000000003.jsonl.gz",
            "key.pem",
        ] {
            fs::write(home.path().join(name), "").unwrap();
        }
        let firsts: Vec<u64> = segments(home.path())
            .unwrap()
            .into_iter()
            .map(|segment| segment.first)
            .collect();
        assert_eq!(firsts, [2, 10, 1_000_000_000_000]);
        assert_eq!(segments(&home.path().join("none")).unwrap(), []);
    }
}
