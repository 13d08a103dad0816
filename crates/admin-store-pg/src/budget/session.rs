//! The session of the budget, which is opened when slots are wanted, and again after it was cut.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use easemob_admin_ops::store_error::StoreError;
use tokio::sync::Mutex;
use tokio_postgres::{Client, Row, Statement};

use super::statements;
use crate::database::{Database, failure};
use crate::statement::{Values, field};

/// How long to wait for an answer: after that, another session is tried.
const LONGEST_ANSWER: Duration = Duration::from_secs(5);

/// A reservation that is lost with the server is waited for anyway, so nobody waits for a disk.
const SETTINGS: &str = "SET synchronous_commit = off; SET statement_timeout = '5s'";

/// Makes statements, in a session of its own.
pub(super) struct Sessions {
    database: Database,
    open: Mutex<Option<Arc<Session>>>,
    /// Tells the workers apart; it outlives a session.
    worker: OnceLock<String>,
}

/// A session with its statements.
pub(super) struct Session {
    client: Client,
    enter: Statement,
    reserve: Statement,
    give_back: Statement,
    limited: Statement,
}

/// Which statement.
#[derive(Clone, Copy, Debug)]
pub(super) enum Which {
    Enter,
    Reserve,
    GiveBack,
    Limited,
}

impl Sessions {
    pub(super) fn of(database: Database) -> Self {
        Self {
            database,
            open: Mutex::default(),
            worker: OnceLock::new(),
        }
    }

    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    /// Returns the name of this worker, once there was a session.
    pub(super) fn worker(&self) -> &str {
        self.worker.get().map_or("", String::as_str)
    }

    /// Makes a statement that returns at most one row. If it fails, the next one has another session.
    pub(super) async fn ask(
        &self,
        session: &Session,
        which: Which,
        values: Values<'_>,
    ) -> Result<Option<Row>, StoreError> {
        let statement = match which {
            Which::Enter => &session.enter,
            Which::Reserve => &session.reserve,
            Which::GiveBack => &session.give_back,
            Which::Limited => &session.limited,
        };
        let asked = tokio::time::timeout(LONGEST_ANSWER, session.client.query_opt(statement, values)).await;
        let answer = match asked {
            Ok(answer) => answer.map_err(failure),
            Err(late) => Err(StoreError::Away(late.into())),
        };
        if answer.is_err() {
            *self.open.lock().await = None;
        }
        answer
    }

    /// Returns the session; a new one if it was cut.
    pub(super) async fn session(&self) -> Result<Arc<Session>, StoreError> {
        let mut open = self.open.lock().await;
        match &*open {
            Some(session) if !session.client.is_closed() => Ok(Arc::clone(session)),
            _ => {
                let made = tokio::time::timeout(LONGEST_ANSWER, self.make()).await;
                let made = made.map_err(|late| StoreError::Away(late.into()))??;
                Ok(Arc::clone(open.insert(Arc::new(made))))
            }
        }
    }

    async fn make(&self) -> Result<Session, StoreError> {
        let client = self.database.session().await?;
        client.batch_execute(SETTINGS).await.map_err(failure)?;
        let process = i64::from(std::process::id());
        let begun = client.query_one(&statements::begin(), &[&process]).await;
        let worker: String = field(&begun.map_err(failure)?, 0)?;
        self.worker.get_or_init(|| worker);
        let prepare = async |sql: &str| client.prepare(sql).await.map_err(failure);
        let (enter, reserve) = (
            prepare(&statements::enter()).await?,
            prepare(&statements::reserve()).await?,
        );
        let (give_back, limited) = (
            prepare(statements::give_back()).await?,
            prepare(&statements::limited()).await?,
        );
        Ok(Session {
            client,
            enter,
            reserve,
            give_back,
            limited,
        })
    }
}
