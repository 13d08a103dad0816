//! The file in which earlier versions stored the locks of a profile. It is read once, and never written.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::Deserialize;
use serde_json::error::Category;

use crate::files::digest;
use crate::locks::lock::Lock;
use crate::store_error::StoreError;

/// The only format that ever existed.
const FORMAT: i64 = 1;

/// The content of a file.
#[derive(Debug)]
pub struct Book {
    /// The locks of any server.
    pub locks: Vec<Lock>,
    /// The SHA-256 of the file, in hexadecimal.
    pub sha256: String,
}

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "easemob_admin_locks")]
    format: i64,
}

#[derive(Deserialize)]
struct Page {
    locks: Vec<Lock>,
}

/// Reads a file, or returns `None` if it does not exist.
///
/// # Errors
/// When it cannot be read, or is of another kind, damaged, or newer.
pub fn read(path: &Path) -> Result<Option<Book>, StoreError> {
    let file = |source| StoreError::File {
        path: path.to_owned(),
        source,
    };
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(file(error)),
    };
    let damaged = |error: serde_json::Error| StoreError::Damaged {
        path: path.to_owned(),
        source: error.into(),
    };
    let head: Head = serde_json::from_slice(&bytes).map_err(|error| match error.classify() {
        Category::Data => StoreError::Foreign {
            path: path.to_owned(),
            what: "file of locks",
        },
        _ => damaged(error),
    })?;
    if head.format > FORMAT {
        return Err(StoreError::Newer {
            path: path.to_owned(),
            found: head.format,
            known: FORMAT,
        });
    }
    let page: Page = serde_json::from_slice(&bytes).map_err(damaged)?;
    Ok(Some(Book {
        locks: page.locks,
        sha256: digest::of(&bytes[..]).map_err(file)?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_that_is_not_there_has_no_locks() {
        let home = tempfile::tempdir().unwrap();
        assert!(read(&home.path().join("none.json")).unwrap().is_none());
        assert!(matches!(read(home.path()), Err(StoreError::File { .. })));
    }
}
