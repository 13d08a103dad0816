//! Documents in an SQLite file.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{Document, DocumentStore, Put};
use crate::files::database::{self, Layout, failure};
use crate::store_error::StoreError;

const LAYOUT: Layout = Layout {
    what: "database of a service",
    // `EASD`
    application_id: 0x4541_5344,
    migrations: &["
CREATE TABLE documents (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    -- JSON.
    body TEXT NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;
"],
    // A revoked key must stay revoked after a power failure.
    settings: "PRAGMA synchronous = extra;",
    patience: Duration::from_secs(10),
};

/// Documents in a file, which other processes may use at the same time.
#[derive(Debug)]
pub struct SqliteDocuments {
    path: PathBuf,
    connection: Mutex<Connection>,
}

impl SqliteDocuments {
    /// Opens the file, or creates it, readable only by its owner.
    ///
    /// # Errors
    /// When it cannot be used. It is left unchanged then.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = database::open(path, &LAYOUT)?;
        Ok(Self {
            path: path.to_owned(),
            connection: Mutex::new(connection),
        })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, error: rusqlite::Error) -> StoreError {
        failure(&self.path, error)
    }
}

fn document(row: &Row<'_>) -> rusqlite::Result<Document> {
    Ok(Document {
        id: row.get(0)?,
        revision: row.get(1)?,
        body: row.get(2)?,
    })
}

impl DocumentStore for SqliteDocuments {
    fn get(&self, kind: &str, id: &str) -> Result<Option<Document>, StoreError> {
        let connection = self.connection();
        let found = connection
            .prepare_cached("SELECT id, revision, body FROM documents WHERE kind = ?1 AND id = ?2")
            .and_then(|mut find| find.query_row(params![kind, id], document).optional());
        found.map_err(|error| self.failed(error))
    }

    fn page(&self, kind: &str, after: Option<&str>, most: u32) -> Result<Vec<Document>, StoreError> {
        let connection = self.connection();
        let page = || -> rusqlite::Result<Vec<Document>> {
            connection
                .prepare_cached(
                    "SELECT id, revision, body FROM documents
                     WHERE kind = ?1 AND (?2 IS NULL OR id > ?2) ORDER BY id LIMIT ?3",
                )?
                .query_map(params![kind, after, most], document)?
                .collect()
        };
        page().map_err(|error| self.failed(error))
    }

    fn put(&self, kind: &str, id: &str, body: &str, read: Option<u64>) -> Result<Put, StoreError> {
        let connection = self.connection();
        let changed = match read {
            None => connection
                .prepare_cached(
                    "INSERT INTO documents (kind, id, revision, body) VALUES (?1, ?2, 1, ?3) ON CONFLICT DO NOTHING",
                )
                .and_then(|mut put| put.execute(params![kind, id, body])),
            Some(read) => connection
                .prepare_cached(
                    "UPDATE documents SET revision = revision + 1, body = ?3
                     WHERE kind = ?1 AND id = ?2 AND revision = ?4",
                )
                .and_then(|mut put| put.execute(params![kind, id, body, read])),
        };
        match changed.map_err(|error| self.failed(error))? {
            0 => Ok(Put::Changed),
            _ => Ok(Put::Done(read.unwrap_or_default() + 1)),
        }
    }

    fn remove(&self, kind: &str, id: &str, read: u64) -> Result<Put, StoreError> {
        let connection = self.connection();
        let removed = connection
            .prepare_cached("DELETE FROM documents WHERE kind = ?1 AND id = ?2 AND revision = ?3")
            .and_then(|mut remove| remove.execute(params![kind, id, read]));
        match removed.map_err(|error| self.failed(error))? {
            0 => Ok(Put::Changed),
            _ => Ok(Put::Done(read)),
        }
    }

    fn now_ms(&self) -> Result<i64, StoreError> {
        Ok(Timestamp::now().as_millisecond())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::documents::conformance::try_all;

    #[test]
    fn follows_the_rules() {
        let directory = tempfile::tempdir().unwrap();
        try_all(&|| {
            let path = directory.path().join(fastrand::u64(..).to_string());
            [0, 1].map(|_| Arc::new(SqliteDocuments::open(&path).unwrap()) as Arc<dyn DocumentStore>)
        });
    }
}
