//! The files of a trail, named after the number of their first entry.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::AuditError;
use crate::naming::{first_of_segment, segment_name};

/// One file of a trail.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Segment {
    /// The number of its first entry.
    pub(super) first: u64,
    /// Its path.
    pub(super) path: PathBuf,
}

impl Segment {
    /// Returns the file that starts with entry `first`.
    pub(super) fn new(directory: &Path, first: u64) -> Self {
        let path = directory.join(segment_name(first));
        Self { first, path }
    }
}

/// Returns the files of a trail in order; a missing directory has none.
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
        let first = name.to_str().and_then(first_of_segment);
        found.extend(first.map(|first| Segment::new(directory, first)));
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
