//! Reads the header of an SQLite file without SQLite, which creates files beside a file that it only reads.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The numbers that the creator of a file chooses. Changes that SQLite has not yet moved from its log to the
/// file are not visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SqliteHeader {
    /// The id of the kind of file.
    pub(crate) application_id: i64,
    /// The format of the file.
    pub(crate) user_version: i64,
}

/// Reads the numbers, or returns `None` if it is not an SQLite file or cannot be read.
///
/// The offsets are documented at <https://www.sqlite.org/fileformat.html#the_database_header>.
pub(crate) fn read(path: &Path) -> Option<SqliteHeader> {
    let mut header = [0; 100];
    File::open(path).ok()?.read_exact(&mut header).ok()?;
    let number = |at: usize| {
        let bytes = header[at..at + 4].try_into().ok()?;
        Some(i64::from(i32::from_be_bytes(bytes)))
    };
    header.starts_with(b"SQLite format 3\0").then_some(())?;
    Some(SqliteHeader {
        application_id: number(68)?,
        user_version: number(60)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_that_sqlite_wrote() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("file.sqlite");
        assert_eq!(read(&path), None);
        std::fs::write(&path, [b'x'; 200]).unwrap();
        assert_eq!(read(&path), None);
        std::fs::remove_file(&path).unwrap();
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.pragma_update(None, "application_id", 77).unwrap();
        connection.pragma_update(None, "user_version", -5).unwrap();
        let expected = SqliteHeader {
            application_id: 77,
            user_version: -5,
        };
        assert_eq!(read(&path), Some(expected));
    }
}
