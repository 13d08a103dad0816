//! Converts between locks and rows.

use std::collections::HashMap;
use std::sync::Arc;

use deadpool_postgres::Object;
use easemob_admin_api::UserId;
use easemob_admin_ops::locks::lock::{Lock, LockState};
use easemob_admin_ops::locks::store::Listing;
use easemob_admin_ops::store_error::StoreError;
use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::statement::{damaged, execute, field, number, query};

const PENDING: &str = "pending";
const LOCKED: &str = "locked";

const LOCK: &str = "SELECT name, since, until, state, run, earlier, changed, app_root, operator, reason, ticket, folded \
                    FROM easemob_admin.lock";

/// The locks of the place `$1` on the server with the root `$2`, or on all servers without a root.
const OURS: &str = "place = $1 AND ($2::text IS NULL OR app_root IN ('', $2))";

/// Whose locks count.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) name: String,
    /// `None` is the embedded sandbox, whose root differs each time.
    pub(super) app_root: Option<String>,
}

/// Waits until nobody else changes the locks of the place, and keeps others from it until the end of the transaction.
pub(super) async fn hold(connection: Arc<Object>, place: Place) -> Result<(), StoreError> {
    let enter = "INSERT INTO easemob_admin.lock_place (place) VALUES ($1) ON CONFLICT DO NOTHING";
    execute(&connection, enter, &[&place.name]).await?;
    let hold = "SELECT FROM easemob_admin.lock_place WHERE place = $1 FOR UPDATE";
    query(&connection, hold, &[&place.name]).await.map(drop)
}

/// Reads the locks of users, by their names in lower case.
pub(super) async fn of_users(
    connection: Arc<Object>,
    place: Place,
    users: Vec<String>,
) -> Result<HashMap<String, Lock>, StoreError> {
    // The lock of this server comes last, and takes the place of one without a server.
    let wanted = format!("{LOCK} WHERE {OURS} AND folded = ANY($3) ORDER BY app_root");
    let rows = query(&connection, &wanted, &[&place.name, &place.app_root, &users]).await?;
    rows.iter().map(|row| Ok((field(row, 11)?, lock(row)?))).collect()
}

/// Reads locks, sorted by user name.
pub(super) async fn list(
    connection: Arc<Object>,
    place: Place,
    listing: Listing,
) -> Result<Vec<Lock>, StoreError> {
    let select = |condition: &str| format!("{LOCK} WHERE {OURS} AND {condition} ORDER BY folded");
    let (name, root) = (&place.name, &place.app_root);
    let rows = match listing {
        Listing::All => query(&connection, &select("true"), &[name, root]).await,
        Listing::Pending => query(&connection, &select("state = 'pending'"), &[name, root]).await,
        Listing::Due(at) => query(&connection, &select("until <= $3"), &[name, root, &text(at)]).await,
    };
    rows?.iter().map(lock).collect()
}

/// Counts the locks of the server with this root.
pub(super) async fn count(connection: Arc<Object>, place: Place) -> Result<u64, StoreError> {
    let wanted = format!("SELECT count(*) FROM easemob_admin.lock WHERE {OURS}");
    let rows = query(&connection, &wanted, &[&place.name, &place.app_root]).await?;
    rows.first().map_or(Ok(0), |row| number(row, 0))
}

/// Counts the locks of each other server.
pub(super) async fn elsewhere(
    connection: Arc<Object>,
    place: Place,
) -> Result<Vec<(String, u64)>, StoreError> {
    let wanted = "SELECT app_root, count(*) FROM easemob_admin.lock WHERE place = $1 AND $2::text IS NOT NULL AND \
                  app_root NOT IN ('', $2) GROUP BY app_root ORDER BY app_root";
    let rows = query(&connection, wanted, &[&place.name, &place.app_root]).await?;
    rows.iter()
        .map(|row| Ok((field(row, 0)?, number(row, 1)?)))
        .collect()
}

/// Writes locks, of one user each.
pub(super) async fn put(connection: Arc<Object>, place: Place, locks: Vec<Lock>) -> Result<(), StoreError> {
    fn column<T>(locks: &[Lock], field: impl Fn(&Lock) -> T) -> Vec<T> {
        locks.iter().map(field).collect()
    }
    let wanted = "INSERT INTO easemob_admin.lock (place, folded, app_root, name, state, since, until, changed, run, earlier, \
                  operator, reason, ticket) SELECT $1::text, * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], \
                  $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[]) \
                  ON CONFLICT (place, folded, app_root) DO UPDATE SET name = excluded.name, state = excluded.state, since = \
                  excluded.since, until = excluded.until, changed = excluded.changed, run = excluded.run, earlier = \
                  excluded.earlier, operator = excluded.operator, reason = excluded.reason, ticket = excluded.ticket";
    let state = |lock: &Lock| if lock.is_pending() { PENDING } else { LOCKED };
    let earlier = |lock: &Lock| serde_json::Value::from(lock.earlier.as_slice()).to_string();
    let values: [&(dyn ToSql + Sync); 13] = [
        &place.name,
        &column(&locks, |lock| lock.user.folded()),
        &column(&locks, |lock| lock.app_root.clone().unwrap_or_default()),
        &column(&locks, |lock| lock.user.as_str().to_owned()),
        &column(&locks, state),
        &column(&locks, |lock| text(lock.since)),
        &column(&locks, |lock| text(lock.until)),
        &column(&locks, |lock| lock.changed.map(text)),
        &column(&locks, |lock| lock.run.clone()),
        &column(&locks, earlier),
        &column(&locks, |lock| lock.operator.clone()),
        &column(&locks, |lock| lock.reason.clone()),
        &column(&locks, |lock| lock.ticket.clone()),
    ];
    execute(&connection, wanted, &values).await.map(drop)
}

/// Deletes the locks of users.
pub(super) async fn remove(
    connection: Arc<Object>,
    place: Place,
    users: Vec<String>,
) -> Result<(), StoreError> {
    let unwanted = format!("DELETE FROM easemob_admin.lock WHERE {OURS} AND folded = ANY($3)");
    execute(&connection, &unwanted, &[&place.name, &place.app_root, &users])
        .await
        .map(drop)
}

/// Reads when locks were last lifted.
pub(super) async fn lifted_last(
    connection: Arc<Object>,
    place: Place,
) -> Result<Option<Timestamp>, StoreError> {
    let wanted = "SELECT lifted_last FROM easemob_admin.lock_place WHERE place = $1";
    let rows = query(&connection, wanted, &[&place.name]).await?;
    rows.first().map_or(Ok(None), |row| time(row, 0))
}

/// Writes when locks were last lifted.
pub(super) async fn note_lifted(
    connection: Arc<Object>,
    place: Place,
    at: Timestamp,
) -> Result<(), StoreError> {
    let note = "UPDATE easemob_admin.lock_place SET lifted_last = $2 WHERE place = $1";
    execute(&connection, note, &[&place.name, &text(at)])
        .await
        .map(drop)
}

/// Returns a time in the form in which times are compared.
fn text(at: Timestamp) -> String {
    format!("{at:.9}")
}

fn time(row: &Row, index: usize) -> Result<Option<Timestamp>, StoreError> {
    let text: Option<&str> = field(row, index)?;
    text.map(|text| text.parse().map_err(damaged)).transpose()
}

fn lock(row: &Row) -> Result<Lock, StoreError> {
    let certain = |index| time(row, index)?.ok_or_else(|| damaged("a lock without a time"));
    let (name, state, earlier): (String, &str, &str) = (field(row, 0)?, field(row, 3)?, field(row, 5)?);
    let app_root: String = field(row, 7)?;
    Ok(Lock {
        user: UserId::parse(name).map_err(damaged)?,
        since: certain(1)?,
        until: certain(2)?,
        state: match state {
            PENDING => LockState::Pending,
            LOCKED => LockState::Locked,
            other => return Err(damaged(format!("a lock in the state {other:?}"))),
        },
        run: field(row, 4)?,
        earlier: serde_json::from_str(earlier).map_err(damaged)?,
        changed: time(row, 6)?,
        app_root: Some(app_root).filter(|root| !root.is_empty()),
        operator: field(row, 8)?,
        reason: field(row, 9)?,
        ticket: field(row, 10)?,
    })
}
