//! Converts between locks and rows.

use std::error::Error;

use easemob_admin_api::UserId;
use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use crate::locks::lock::{Lock, LockState};
use crate::locks::store::Listing;

const PENDING: &str = "pending";
const LOCKED: &str = "locked";

const LOCK: &str =
    "SELECT name, since, until, state, run, earlier, changed, app_root, operator, reason, ticket FROM locks";

const PENDING_ONLY: &str = "state = 'pending'";
const DUE: &str = "until <= ?2";

/// The locks of the server with the root `?1`, or all of them without a root.
const OURS: &str = "(?1 IS NULL OR app_root IN ('', ?1))";

/// Reads the lock of a user, given the name in lower case.
pub(super) fn lock_of(
    connection: &Connection,
    app_root: Option<&str>,
    user: &str,
) -> rusqlite::Result<Option<Lock>> {
    let wanted = format!("{LOCK} WHERE user = ?2 AND {OURS} ORDER BY app_root DESC LIMIT 1");
    let mut statement = connection.prepare_cached(&wanted)?;
    statement.query_row(params![app_root, user], lock).optional()
}

/// Reads the lock of the same user on the same server.
pub(super) fn lock_on(connection: &Connection, of: &Lock) -> rusqlite::Result<Option<Lock>> {
    let mut statement = connection.prepare_cached(&format!("{LOCK} WHERE user = ?1 AND app_root = ?2"))?;
    let app_root = of.app_root.as_deref().unwrap_or_default();
    statement
        .query_row(params![of.user.folded(), app_root], lock)
        .optional()
}

/// Reads locks, sorted by user name.
pub(super) fn list(
    connection: &Connection,
    app_root: Option<&str>,
    listing: Listing,
) -> rusqlite::Result<Vec<Lock>> {
    match listing {
        Listing::All => select(connection, "true", params![app_root]),
        Listing::Pending => select(connection, PENDING_ONLY, params![app_root]),
        Listing::Due(at) => select(connection, DUE, params![app_root, text(at)]),
    }
}

fn select(connection: &Connection, condition: &str, values: impl Params) -> rusqlite::Result<Vec<Lock>> {
    let mut statement = connection.prepare(&matching(condition))?;
    statement.query_map(values, lock)?.collect()
}

fn matching(condition: &str) -> String {
    // The `+` keeps SQLite from scanning all rows in order just to find a few in that order.
    format!("{LOCK} WHERE {OURS} AND {condition} ORDER BY +user")
}

/// Counts the locks of the server with this root.
pub(super) fn count(connection: &Connection, app_root: Option<&str>) -> rusqlite::Result<u64> {
    let wanted = format!("SELECT count(*) FROM locks WHERE {OURS}");
    connection.query_row(&wanted, [app_root], |row| row.get(0))
}

/// Counts the locks of each other server.
pub(super) fn elsewhere(
    connection: &Connection,
    app_root: Option<&str>,
) -> rusqlite::Result<Vec<(String, u64)>> {
    let wanted =
        format!("SELECT app_root, count(*) FROM locks WHERE NOT {OURS} GROUP BY app_root ORDER BY app_root");
    let mut statement = connection.prepare(&wanted)?;
    let rows = statement.query_map([app_root], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

/// Writes the lock of a user.
pub(super) fn put(connection: &Connection, lock: &Lock) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT OR REPLACE INTO locks (user, app_root, name, state, since, until, changed, run, earlier, operator, \
         reason, ticket) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?;
    statement.execute(params![
        lock.user.folded(),
        lock.app_root.as_deref().unwrap_or_default(),
        lock.user.as_str(),
        if lock.is_pending() { PENDING } else { LOCKED },
        text(lock.since),
        text(lock.until),
        lock.changed.map(text),
        lock.run,
        serde_json::Value::from(lock.earlier.as_slice()).to_string(),
        lock.operator,
        lock.reason,
        lock.ticket,
    ])?;
    Ok(())
}

/// Deletes the lock of a user.
pub(super) fn remove(connection: &Connection, app_root: Option<&str>, user: &str) -> rusqlite::Result<()> {
    let unwanted = format!("DELETE FROM locks WHERE user = ?2 AND {OURS}");
    connection
        .prepare_cached(&unwanted)?
        .execute(params![app_root, user])?;
    Ok(())
}

/// Returns a time in the form in which times are compared.
pub(super) fn text(at: Timestamp) -> String {
    format!("{at:.9}")
}

/// Reads a time.
pub(super) fn time(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<Timestamp>> {
    let text: Option<String> = row.get(index)?;
    text.map(|text| text.parse().map_err(|error| damaged(index, error)))
        .transpose()
}

fn lock(row: &Row<'_>) -> rusqlite::Result<Lock> {
    let certain = |index| time(row, index)?.ok_or_else(|| damaged(index, "a lock without a time"));
    let (name, state, earlier): (String, String, String) = (row.get(0)?, row.get(3)?, row.get(5)?);
    let app_root: String = row.get(7)?;
    Ok(Lock {
        user: UserId::parse(name).map_err(|error| damaged(0, error))?,
        since: certain(1)?,
        until: certain(2)?,
        state: match state.as_str() {
            PENDING => LockState::Pending,
            LOCKED => LockState::Locked,
            other => return Err(damaged(3, format!("a lock in the state {other:?}"))),
        },
        run: row.get(4)?,
        earlier: serde_json::from_str(&earlier).map_err(|error| damaged(5, error))?,
        changed: time(row, 6)?,
        app_root: Some(app_root).filter(|root| !root.is_empty()),
        operator: row.get(8)?,
        reason: row.get(9)?,
        ticket: row.get(10)?,
    })
}

fn damaged(index: usize, why: impl Into<Box<dyn Error + Send + Sync>>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(index, Type::Text, why.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locks::sqlite::schema::LAYOUT;

    #[test]
    fn a_few_locks_are_found_without_reading_all() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(LAYOUT.migrations[0]).unwrap();
        let ours = format!("{LOCK} WHERE user = ?2 AND {OURS}");
        for (query, index) in [
            (matching(DUE), "locks_by_end"),
            (matching(PENDING_ONLY), "locks_pending"),
            (ours, "PRIMARY KEY"),
        ] {
            let mut plan = connection
                .prepare(&format!("EXPLAIN QUERY PLAN {query}"))
                .unwrap();
            let step: String = plan.raw_query().next().unwrap().unwrap().get(3).unwrap();
            assert!(step.contains(index), "{step}");
        }
    }
}
