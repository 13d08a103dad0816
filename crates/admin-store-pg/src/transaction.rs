//! A transaction that is driven from a thread outside the runtime, statement by statement.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::Object;
use easemob_admin_ops::store_error::StoreError;
use tokio_postgres::SimpleQueryMessage;

use crate::database::{Database, failure};

/// How often, and how many times, to ask what became of a transaction whose end was not heard: about as long as a server
/// takes to restart.
const ASK_AGAIN: Duration = Duration::from_millis(100);
const ASK_MOST: u32 = 300;

/// A transaction. Unless it is committed, its connection is closed, which takes everything back.
pub(crate) struct Transaction<'a> {
    database: &'a Database,
    connection: Option<Arc<Object>>,
    id: String,
}

impl<'a> Transaction<'a> {
    pub(crate) fn begin(database: &'a Database) -> Result<Self, StoreError> {
        Self::begin_with(database, "")
    }

    /// Begins with statements of its own, each with its end.
    pub(crate) fn begin_with(database: &'a Database, first: &str) -> Result<Self, StoreError> {
        let taking = database.clone();
        let connection = database
            .calling()
            .wait(async move { taking.connection().await })?;
        let mut this = Self {
            database,
            connection: Some(Arc::new(connection)),
            id: String::new(),
        };
        let begin = format!("BEGIN; {first} SELECT pg_current_xact_id()");
        this.id = this.ask(|connection| async move {
            let messages = connection.simple_query(&begin).await.map_err(failure)?;
            let id = messages.iter().find_map(|message| match message {
                SimpleQueryMessage::Row(row) => row.get(0),
                _ => None,
            });
            Ok(id.unwrap_or_default().to_owned())
        })?;
        Ok(this)
    }

    /// Does the work within the transaction.
    pub(crate) fn ask<T, F>(&self, work: impl FnOnce(Arc<Object>) -> F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let connection = self.connection.as_ref().expect("it is there until the end");
        self.database.calling().wait(work(Arc::clone(connection)))
    }

    /// Makes the changes last. If the connection is cut meanwhile, the server is asked what became of them.
    ///
    /// # Errors
    /// When nothing has changed, or when the server cannot be asked.
    pub(crate) fn commit(mut self) -> Result<(), StoreError> {
        let ended =
            self.ask(|connection| async move { connection.batch_execute("COMMIT").await.map_err(failure) });
        match ended {
            Ok(()) => {
                // Back into the pool.
                self.connection = None;
                Ok(())
            }
            Err(error) => {
                let (database, id) = (self.database.clone(), std::mem::take(&mut self.id));
                drop(self);
                let asking = database.clone();
                match database
                    .calling()
                    .wait(async move { status_of(&asking, &id).await })
                {
                    Status::Committed => Ok(()),
                    Status::Aborted => Err(error),
                    Status::Unknown => Err(StoreError::Failed(Box::new(Unheard(error)))),
                }
            }
        }
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take().and_then(Arc::into_inner) {
            // Out of the pool, which would hand it on with an open transaction.
            drop(Object::take(connection));
        }
    }
}

/// Nobody can tell whether a change was made.
#[derive(Debug, thiserror::Error)]
#[error(
    "the connection was cut during a commit, and the server does not say whether the change was made; check it"
)]
struct Unheard(#[source] StoreError);

enum Status {
    Committed,
    Aborted,
    Unknown,
}

async fn status_of(database: &Database, id: &str) -> Status {
    for _ in 0..ASK_MOST {
        if let Ok(client) = database.session().await {
            let asked = client
                .query_one("SELECT pg_xact_status($1::text::xid8)", &[&id])
                .await;
            match asked.and_then(|row| row.try_get::<_, Option<String>>(0)).as_ref() {
                Ok(Some(status)) if status == "committed" => return Status::Committed,
                Ok(Some(status)) if status == "aborted" => return Status::Aborted,
                // So old that the server has forgotten it.
                Ok(None) => return Status::Unknown,
                // In progress, or cut once more.
                Ok(Some(_)) | Err(_) => {}
            }
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
    Status::Unknown
}
