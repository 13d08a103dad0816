//! Documents in PostgreSQL, which all replicas of a service share.

use std::sync::Arc;

use deadpool_postgres::Object;
use easemob_admin_ops::documents::{Document, DocumentStore, Put};
use easemob_admin_ops::store_error::StoreError;
use tokio_postgres::Row;

use crate::database::Database;
use crate::statement::{column, damaged, execute, field, number, query, query_opt};
use crate::transaction::Transaction;

/// Documents in a database.
#[derive(Debug, Clone)]
pub struct PgDocuments {
    database: Database,
}

impl PgDocuments {
    /// Keeps documents in this database.
    #[must_use]
    pub fn in_database(database: Database) -> Self {
        Self { database }
    }

    /// Changes rows in a transaction, of which it is known afterwards what became of it, also if the connection was cut.
    fn change<F>(&self, change: impl FnOnce(Arc<Object>) -> F, done: u64) -> Result<Put, StoreError>
    where
        F: Future<Output = Result<u64, StoreError>> + Send + 'static,
    {
        let transaction = Transaction::begin(&self.database)?;
        let changed = transaction.ask(change)?;
        transaction.commit()?;
        Ok(match changed {
            0 => Put::Changed,
            _ => Put::Done(done),
        })
    }
}

fn document(row: &Row) -> Result<Document, StoreError> {
    let text = |index| String::from_utf8(field(row, index)?).map_err(damaged);
    Ok(Document {
        id: text(0)?,
        revision: number(row, 1)?,
        body: text(2)?,
    })
}

impl DocumentStore for PgDocuments {
    fn get(&self, kind: &str, id: &str) -> Result<Option<Document>, StoreError> {
        let (kind, id) = (kind.to_owned(), id.as_bytes().to_owned());
        self.database.read_again(move |connection| {
            let (kind, id) = (kind.clone(), id.clone());
            async move {
                let wanted =
                    "SELECT id, revision, body FROM easemob_admin.document WHERE kind = $1 AND id = $2";
                let row = query_opt(&connection, wanted, &[&kind, &id]).await?;
                row.as_ref().map(document).transpose()
            }
        })
    }

    fn page(&self, kind: &str, after: Option<&str>, most: u32) -> Result<Vec<Document>, StoreError> {
        let (kind, after) = (kind.to_owned(), after.map(|id| id.as_bytes().to_owned()));
        self.database.read_again(move |connection| {
            let (kind, after) = (kind.clone(), after.clone());
            async move {
                let wanted = "SELECT id, revision, body FROM easemob_admin.document \
                              WHERE kind = $1 AND ($2::bytea IS NULL OR id > $2) ORDER BY id LIMIT $3";
                let rows = query(&connection, wanted, &[&kind, &after, &i64::from(most)]).await?;
                rows.iter().map(document).collect()
            }
        })
    }

    fn put(&self, kind: &str, id: &str, body: &str, read: Option<u64>) -> Result<Put, StoreError> {
        let (kind, id, body) = (
            kind.to_owned(),
            id.as_bytes().to_owned(),
            body.as_bytes().to_owned(),
        );
        let done = read.unwrap_or_default() + 1;
        let put = |connection: Arc<Object>| async move {
            match read {
                None => {
                    let enter = "INSERT INTO easemob_admin.document (kind, id, revision, body) VALUES ($1, $2, 1, $3) \
                                 ON CONFLICT DO NOTHING";
                    execute(&connection, enter, &[&kind, &id, &body]).await
                }
                Some(read) => {
                    let change = "UPDATE easemob_admin.document SET revision = revision + 1, body = $3, \
                                  changed = clock_timestamp() WHERE kind = $1 AND id = $2 AND revision = $4";
                    execute(&connection, change, &[&kind, &id, &body, &column(read)]).await
                }
            }
        };
        self.change(put, done)
    }

    fn remove(&self, kind: &str, id: &str, read: u64) -> Result<Put, StoreError> {
        let (kind, id) = (kind.to_owned(), id.as_bytes().to_owned());
        let remove = |connection: Arc<Object>| async move {
            let remove = "DELETE FROM easemob_admin.document WHERE kind = $1 AND id = $2 AND revision = $3";
            execute(&connection, remove, &[&kind, &id, &column(read)]).await
        };
        self.change(remove, read)
    }

    fn now_ms(&self) -> Result<i64, StoreError> {
        self.database.read_again(|connection| async move {
            let now = "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint";
            match query_opt(&connection, now, &[]).await? {
                Some(row) => field(&row, 0),
                None => Err(damaged("the server has no time")),
            }
        })
    }
}
