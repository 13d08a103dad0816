//! Leases: who works on something, until when, by the clock of the database.
//!
//! A lease is a row and not a lock of a session, so it outlives a cut connection, and works behind a pool of connections
//! that gives a session to each transaction. Its owner renews it until it is dropped. Each owner has an epoch of its own:
//! a write that names an epoch which is no longer that of the row is refused.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::Object;
use easemob_admin_ops::store_error::StoreError;
use tokio::task::AbortHandle;

use crate::database::Database;
use crate::statement::{column, execute, field, query_opt};

/// How long a lease lasts after its owner was last heard of.
pub(crate) const LENGTH: Duration = Duration::from_secs(30);

/// How long to wait for the database when a lease is given up; after that, it runs out by itself.
const GIVING_UP: Duration = Duration::from_secs(5);

/// A lease on all of something, which is given up when it is dropped.
pub(crate) struct Lease {
    database: Database,
    term: Term,
    renewing: AbortHandle,
}

/// What a write needs to prove that the lease is still its own.
#[derive(Debug, Clone)]
pub(crate) struct Term {
    what: String,
    epoch: i64,
    length: Duration,
}

impl Lease {
    /// Takes the lease on something, unless somebody else has it. Blocks the thread.
    pub(crate) fn take(
        database: &Database,
        what: &str,
        length: Duration,
    ) -> Result<Option<Self>, StoreError> {
        let (wanted, millis) = (what.to_owned(), milliseconds(length));
        let epoch: Option<i64> = database.read(move |connection| async move {
            let take = "INSERT INTO easemob_admin.lease (what, from_seq, to_seq, worker, epoch, until) VALUES ($1, 0, $2, \
                        $3 || coalesce(' at ' || host(inet_client_addr()), ''), nextval('easemob_admin.lease_epoch'), \
                        clock_timestamp() + $4::bigint * interval '1 ms') ON CONFLICT (what, from_seq) DO UPDATE SET \
                        to_seq = excluded.to_seq, worker = excluded.worker, epoch = excluded.epoch, until = excluded.until \
                        WHERE lease.until < clock_timestamp() RETURNING epoch";
            let worker = format!("process {}", std::process::id());
            let taken = query_opt(&connection, take, &[&wanted, &i64::MAX, &worker, &millis]).await?;
            taken.map(|row| field(&row, 0)).transpose()
        })?;
        Ok(epoch.map(|epoch| {
            let term = Term {
                what: what.to_owned(),
                epoch,
                length,
            };
            let renewing = database
                .calling()
                .handle()
                .spawn(renew(database.clone(), term.clone()));
            Self {
                database: database.clone(),
                term,
                renewing: renewing.abort_handle(),
            }
        }))
    }

    /// Returns what a write needs to prove that the lease is still its own.
    pub(crate) fn term(&self) -> &Term {
        &self.term
    }
}

impl Term {
    /// Renews the lease; false if somebody else has it. In a transaction, nobody can take it until the end.
    pub(crate) async fn renew(&self, connection: &Object) -> Result<bool, StoreError> {
        let renew = "UPDATE easemob_admin.lease SET until = clock_timestamp() + $3::bigint * interval '1 ms' \
                     WHERE what = $1 AND from_seq = 0 AND epoch = $2";
        let millis = milliseconds(self.length);
        Ok(execute(connection, renew, &[&self.what, &self.epoch, &millis]).await? == 1)
    }

    async fn give_up(&self, connection: &Object) -> Result<(), StoreError> {
        // Without an epoch, a renewal that is on its way does nothing.
        let give_up = "UPDATE easemob_admin.lease SET until = '-infinity', epoch = 0 \
                       WHERE what = $1 AND from_seq = 0 AND epoch = $2";
        execute(connection, give_up, &[&self.what, &self.epoch]).await?;
        Ok(())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewing.abort();
        let (database, term) = (self.database.clone(), self.term.clone());
        let given_up = async move {
            let connection = database.connection().await?;
            term.give_up(&connection).await
        };
        self.database.calling().wait(async move {
            // It runs out by itself.
            let _ = tokio::time::timeout(GIVING_UP, given_up).await;
        });
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Lease")
            .field("term", &self.term)
            .finish_non_exhaustive()
    }
}

/// Returns true if somebody has the lease on something.
pub(crate) async fn is_taken(connection: Arc<Object>, what: String) -> Result<bool, StoreError> {
    let wanted = "SELECT FROM easemob_admin.lease WHERE what = $1 AND until >= clock_timestamp()";
    Ok(query_opt(&connection, wanted, &[&what]).await?.is_some())
}

/// Renews the lease until somebody else has it.
async fn renew(database: Database, term: Term) {
    loop {
        tokio::time::sleep(term.length / 3).await;
        let renewed = async { term.renew(&database.connection().await?).await };
        // If the database is away, it may be back before the lease runs out.
        if matches!(renewed.await, Ok(false)) {
            return;
        }
    }
}

fn milliseconds(length: Duration) -> i64 {
    column(u64::try_from(length.as_millis()).unwrap_or(u64::MAX))
}
