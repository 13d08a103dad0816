//! Files that apps upload: pictures, voices, documents. They are kept beside the messages.

use rusqlite::{OptionalExtension, params};

use super::history::{History, told};

/// All files take no more bytes than this; beyond it the oldest goes.
const MOST_BYTES: u64 = 512 * 1024 * 1024;

pub(super) const TABLE: &str = "
    CREATE TABLE IF NOT EXISTS files (
        number INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, name TEXT NOT NULL, media TEXT NOT NULL, content BLOB NOT NULL
    ) STRICT;
";

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredFile {
    pub(crate) name: String,
    /// Its media type.
    pub(crate) media: String,
    pub(crate) content: Vec<u8>,
}

impl History {
    /// Keeps a file under an id that nobody can guess; false if it could not be written.
    pub(crate) fn keep_file(&mut self, uuid: &str, file: &StoredFile) -> bool {
        let StoredFile { name, media, content } = file;
        let kept = self.db().execute(
            "INSERT INTO files (uuid, name, media, content) VALUES (?1, ?2, ?3, ?4)",
            params![uuid, name, media, content],
        );
        self.make_room_for_files(MOST_BYTES);
        told(kept).is_some()
    }

    fn make_room_for_files(&mut self, most: u64) {
        let total = "SELECT coalesce(sum(length(content)), 0) FROM files";
        while told(self.db().query_row(total, [], |row| row.get::<_, u64>(0)))
            .is_some_and(|bytes| bytes > most)
        {
            let oldest = "DELETE FROM files WHERE number = (SELECT min(number) FROM files)";
            if told(self.db().execute(oldest, [])).unwrap_or(0) == 0 {
                return;
            }
        }
    }

    /// Forgets a file.
    pub(crate) fn forget_file(&mut self, uuid: &str) {
        told(self.db().execute("DELETE FROM files WHERE uuid = ?1", [uuid]));
    }

    /// Returns a file.
    pub(crate) fn file(&self, uuid: &str) -> Option<StoredFile> {
        let sql = "SELECT name, media, content FROM files WHERE uuid = ?1";
        let read = |row: &rusqlite::Row<'_>| {
            Ok(StoredFile {
                name: row.get(0)?,
                media: row.get(1)?,
                content: row.get(2)?,
            })
        };
        told(self.db().query_row(sql, [uuid], read).optional()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_kept_until_there_are_too_many() {
        let mut history = History::default();
        let file = |size| StoredFile {
            name: "a.png".into(),
            media: "image/png".into(),
            content: vec![7; size],
        };
        assert!(history.keep_file("1", &file(600)));
        assert_eq!(history.file("1"), Some(file(600)));
        assert!(!history.keep_file("1", &file(1)), "the name is taken");
        history.keep_file("2", &file(600));
        history.make_room_for_files(1_000);
        assert_eq!((history.file("1"), history.file("2")), (None, Some(file(600))));
    }
}
