//! Brings in the logins of a target from another store.

use std::collections::BTreeSet;
use std::sync::Arc;

use deadpool_postgres::Object;
use easemob_admin_ops::logins::store::{LoginEvent, LoginStore, Range, Snapshot, StoreError};

use super::{PgLoginStores, directory, events, rows, snapshots};
use crate::statement::{execute, field, query_opt};
use crate::transaction::Transaction;

/// How many rows are written at once.
const BLOCK: usize = 2048;

/// Rows that are written in blocks within a transaction.
struct Blocks<'a, T, W> {
    transaction: &'a Transaction<'a>,
    rows: Vec<T>,
    write: W,
    failure: Option<StoreError>,
}

impl<'a, T, W, F> Blocks<'a, T, W>
where
    T: Send + 'static,
    W: Fn(Arc<Object>, Vec<T>) -> F,
    F: Future<Output = Result<(), StoreError>> + Send + 'static,
{
    fn new(transaction: &'a Transaction<'a>, write: W) -> Self {
        Self {
            transaction,
            rows: Vec::new(),
            write,
            failure: None,
        }
    }

    /// Adds a row; what fails is said at the end, because visitors cannot.
    fn push(&mut self, row: T) {
        self.rows.push(row);
        if self.rows.len() >= BLOCK && self.failure.is_none() {
            self.failure = self.flush().err();
        }
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        let rows = std::mem::take(&mut self.rows);
        self.transaction.ask(|connection| (self.write)(connection, rows))
    }

    fn finish(mut self) -> Result<(), StoreError> {
        match self.failure.take() {
            Some(failure) => Err(failure),
            None => self.flush(),
        }
    }
}

impl PgLoginStores {
    /// Brings in all logins of a target, and returns false if there are some already. When an event was received is not
    /// brought in: it counts as received when it happened. Positions of watches are not, either. Blocks the thread.
    ///
    /// # Errors
    /// When they cannot be read or written. Nothing of them is there then.
    pub fn import(&self, target: &str, from: &dyn LoginStore) -> Result<bool, StoreError> {
        let transaction = Transaction::begin(&self.database)?;
        let name = target.to_owned();
        let Some(place) = transaction.ask(|connection| enter(connection, name))? else {
            return Ok(false);
        };
        let mut users = BTreeSet::new();
        for snapshot in from.snapshots()? {
            import_snapshot(&transaction, place, from, &snapshot, &mut users)?;
        }
        let mut known = Blocks::new(&transaction, |connection, devices: Vec<_>| async move {
            rows::known_devices(&connection, place, &devices).await
        });
        for user in users {
            for device in from.known_devices(&user)? {
                known.push((user.clone(), device));
            }
        }
        known.finish()?;
        let mut kept = Blocks::new(&transaction, |connection, rows: Vec<LoginEvent>| async move {
            events::record(connection, place, rows, None).await.map(drop)
        });
        from.each_event(Range::ALL, None, &mut |event| kept.push(event))?;
        kept.finish()?;
        let (gaps, asked, alive) = (from.gaps(Range::ALL)?, from.asked_again()?, from.alive()?);
        transaction.ask(move |connection| async move {
            events::record_gaps(Arc::clone(&connection), place, gaps).await?;
            for asked in asked {
                events::note_asked(Arc::clone(&connection), place, asked).await?;
            }
            if let Some(alive) = alive {
                events::set_alive(Arc::clone(&connection), place, alive).await?;
            }
            directory::know(connection, place).await
        })?;
        transaction.commit()?;
        Ok(true)
    }
}

async fn enter(connection: Arc<Object>, target: String) -> Result<Option<i32>, StoreError> {
    let enter =
        "INSERT INTO easemob_admin.login_place (place) VALUES ($1) ON CONFLICT DO NOTHING RETURNING id";
    let row = query_opt(&connection, enter, &[&target]).await?;
    row.map(|row| field(&row, 0)).transpose()
}

fn import_snapshot(
    transaction: &Transaction<'_>,
    place: i32,
    from: &dyn LoginStore,
    snapshot: &Snapshot,
    users: &mut BTreeSet<String>,
) -> Result<(), StoreError> {
    let (whole, position) = (snapshot.clone(), from.unfinished(&snapshot.source)?);
    let position = position.filter(|(newest, _)| newest.id == snapshot.id);
    let position = position.map(|(_, position)| position).unwrap_or_default();
    let number = transaction.ask(move |connection| async move {
        let number = snapshots::number(Arc::clone(&connection)).await?;
        let insert = "INSERT INTO easemob_admin.login_snapshot (number, place, source, started_ms, finished_ms, position, \
                      done, users, online, offline, changed, unknown, failed, devices, limits, program) VALUES ($1, $2, \
                      $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
        let [done, users, online, offline, changed, unknown, failed, devices] =
            snapshots::columns(&position, whole.counts);
        execute(
            &connection,
            insert,
            &[
                &number,
                &place,
                &whole.source,
                &whole.started_ms,
                &whole.finished_ms,
                &position.cursor,
                &done,
                &users,
                &online,
                &offline,
                &changed,
                &unknown,
                &failed,
                &devices,
                &whole.limits,
                &whole.program,
            ],
        )
        .await?;
        Ok(number)
    })?;
    let mut seen = Blocks::new(transaction, |connection, devices: Vec<_>| async move {
        rows::seen_devices(&connection, number, &devices).await
    });
    from.each_device(snapshot.id, &mut |user, device| {
        if !users.contains(user) {
            users.insert(user.to_owned());
        }
        seen.push((user.to_owned(), device));
    })?;
    seen.finish()?;
    let mut lost = Blocks::new(transaction, |connection, users: Vec<_>| async move {
        rows::not_known(&connection, number, &users).await
    });
    from.each_not_known(snapshot.id, &mut |user| lost.push(user))?;
    lost.finish()
}
