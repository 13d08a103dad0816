//! What is asked of the tables.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::logins::store::{
    Arrival, AskedAgain, Change, ChangeKind, Gap, HOUR_MS, KnownDevice, LoginEvent, LoginKind, NotKnown,
    Range, SeenDevice, Snapshot, SnapshotId, StoreError,
};

pub(super) fn each_device(
    connection: &Connection,
    snapshot: SnapshotId,
    visit: &mut dyn FnMut(&str, SeenDevice),
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT user, resource, platform, name, signed_in_ms FROM snapshot_devices WHERE snapshot = ?1 \
         ORDER BY user, resource",
    )?;
    let mut rows = statement.query([snapshot])?;
    while let Some(row) = rows.next()? {
        let device = SeenDevice {
            resource: row.get(1)?,
            platform: row.get(2)?,
            name: row.get(3)?,
            signed_in_ms: row.get(4)?,
        };
        visit(row.get_ref(0)?.as_str().unwrap_or_default(), device);
    }
    Ok(())
}

pub(super) fn each_not_known(
    connection: &Connection,
    snapshot: SnapshotId,
    visit: &mut dyn FnMut(NotKnown),
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT user, state, why FROM snapshot_not_known WHERE snapshot = ?1 ORDER BY user",
    )?;
    let rows = statement.query_map([snapshot], |row| {
        Ok(NotKnown {
            user: row.get(0)?,
            state: row.get(1)?,
            why: row.get(2)?,
        })
    })?;
    for row in rows {
        visit(row?);
    }
    Ok(())
}

pub(super) fn each_change(
    connection: &Connection,
    from: &Snapshot,
    to: &Snapshot,
    visit: &mut dyn FnMut(Change),
) -> Result<(), StoreError> {
    // Of users without a device a snapshot keeps no row: then it has to be one that covers them.
    let mut statement = connection.prepare_cached(
        "SELECT one.user, one.resource, one.platform, 0, EXISTS (SELECT 1 FROM snapshot_not_known AS lost \
            WHERE lost.snapshot = ?2 AND lost.user = one.user) OR NOT (?4 OR EXISTS (SELECT 1 \
            FROM snapshot_devices AS read WHERE read.snapshot = ?2 AND read.user = one.user)) \
         FROM snapshot_devices AS one WHERE one.snapshot = ?1 AND NOT EXISTS (SELECT 1 FROM snapshot_devices AS other \
            WHERE other.snapshot = ?2 AND other.user = one.user AND other.resource = one.resource) \
         UNION ALL \
         SELECT one.user, one.resource, one.platform, 1, EXISTS (SELECT 1 FROM snapshot_not_known AS lost \
            WHERE lost.snapshot = ?1 AND lost.user = one.user) OR NOT (?3 OR EXISTS (SELECT 1 \
            FROM snapshot_devices AS read WHERE read.snapshot = ?1 AND read.user = one.user)) \
         FROM snapshot_devices AS one WHERE one.snapshot = ?2 AND NOT EXISTS (SELECT 1 FROM snapshot_devices AS other \
            WHERE other.snapshot = ?1 AND other.user = one.user AND other.resource = one.resource) \
         ORDER BY 1, 2",
    )?;
    let rows = statement.query_map(params![from.id, to.id, from.covers(to), to.covers(from)], |row| {
        let (later, not_known): (bool, bool) = (row.get(3)?, row.get(4)?);
        Ok(Change {
            user: row.get(0)?,
            resource: row.get(1)?,
            platform: row.get(2)?,
            kind: match (later, not_known) {
                (true, false) => ChangeKind::SignedIn,
                (false, false) => ChangeKind::SignedOut,
                (false, true) => ChangeKind::NotKnownLater,
                (true, true) => ChangeKind::NotKnownEarlier,
            },
        })
    })?;
    for row in rows {
        visit(row?);
    }
    Ok(())
}

fn event(row: &Row<'_>) -> rusqlite::Result<LoginEvent> {
    let kind: String = row.get(4)?;
    Ok(LoginEvent {
        call_id: row.get(0)?,
        user: row.get(1)?,
        resource: row.get(2)?,
        platform: row.get(3)?,
        // Only these words are ever written.
        kind: LoginKind::of(&kind).unwrap_or(LoginKind::Logout),
        at_ms: row.get(5)?,
        reason: row.get(6)?,
    })
}

pub(super) fn each_event(
    connection: &Connection,
    range: Range,
    user: Option<&str>,
    visit: &mut dyn FnMut(LoginEvent),
) -> Result<(), StoreError> {
    let columns = "SELECT call_id, user, resource, platform, kind, at_ms, reason FROM events \
        WHERE at_ms >= ?1 AND at_ms < ?2";
    if let Some(user) = user {
        let one = format!("{columns} AND user = ?3 ORDER BY at_ms, call_id");
        let mut statement = connection.prepare_cached(&one)?;
        for row in statement.query_map(params![range.since_ms, range.until_ms, user], event)? {
            visit(row?);
        }
    } else {
        let mut statement = connection.prepare_cached(&format!("{columns} ORDER BY at_ms, call_id"))?;
        for row in statement.query_map(params![range.since_ms, range.until_ms], event)? {
            visit(row?);
        }
    }
    Ok(())
}

pub(super) fn most_events(
    connection: &Connection,
    kind: LoginKind,
    range: Range,
    most: usize,
) -> Result<Vec<(String, u64)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT user, count(*) AS times FROM events WHERE kind = ?1 AND at_ms >= ?2 AND at_ms < ?3 \
         GROUP BY user ORDER BY times DESC, user LIMIT ?4",
    )?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let wanted = params![kind.word(), range.since_ms, range.until_ms, most];
    let rows = statement.query_map(wanted, |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn sign_ins(
    connection: &Connection,
    received: Range,
) -> Result<Vec<(String, String)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT call_id, user FROM events WHERE received_ms >= ?1 AND received_ms < ?2 AND kind = 'login' \
         ORDER BY user, call_id",
    )?;
    let rows = statement.query_map(params![received.since_ms, received.until_ms], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn known_devices(connection: &Connection, user: &str) -> Result<Vec<KnownDevice>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT resource, platform, name, first_seen_ms, last_seen_ms FROM devices WHERE user = ?1 \
         ORDER BY first_seen_ms, resource",
    )?;
    let rows = statement.query_map([user], |row| {
        Ok(KnownDevice {
            resource: row.get(0)?,
            platform: row.get(1)?,
            name: row.get(2)?,
            first_seen_ms: row.get(3)?,
            last_seen_ms: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn last_event(
    connection: &Connection,
    user: &str,
    resource: &str,
) -> Result<Option<LoginEvent>, StoreError> {
    // Which of two in one millisecond came last nobody knows: what does not say that it signed in is believed.
    let mut statement = connection.prepare_cached(
        "SELECT call_id, user, resource, platform, kind, at_ms, reason FROM events WHERE user = ?1 AND resource = ?2 \
         ORDER BY at_ms DESC, kind = 'login', call_id DESC LIMIT 1",
    )?;
    Ok(statement.query_row([user, resource], event).optional()?)
}

pub(super) fn gaps(connection: &Connection, range: Range) -> Result<Vec<Gap>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT since_ms, until_ms, why FROM gaps WHERE until_ms >= ?1 AND since_ms < ?2 ORDER BY since_ms, until_ms, why",
    )?;
    let rows = statement.query_map(params![range.since_ms, range.until_ms], |row| {
        Ok(Gap {
            since_ms: row.get(0)?,
            until_ms: row.get(1)?,
            why: row.get(2)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn asked_again(connection: &Connection) -> Result<Vec<AskedAgain>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT date, posts, asked_ms, times, accepted FROM asked_again ORDER BY date")?;
    let rows = statement.query_map([], |row| {
        Ok(AskedAgain {
            date: row.get(0)?,
            posts: row.get(1)?,
            asked_ms: row.get(2)?,
            times: row.get(3)?,
            accepted: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn arrived_since(connection: &Connection, since_ms: i64) -> Result<Vec<Arrival>, StoreError> {
    // Each half has an index of its own.
    let mut statement = connection.prepare_cached(
        "SELECT at_ms, received_ms FROM events WHERE received_ms >= ?1 AND again_ms IS NULL \
         UNION ALL SELECT at_ms, again_ms FROM events WHERE again_ms IS NOT NULL AND again_ms >= ?1 ORDER BY 1, 2",
    )?;
    let rows = statement.query_map([since_ms], |row| {
        Ok(Arrival {
            at_ms: row.get(0)?,
            arrived_ms: row.get(1)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn events_by_hour(
    connection: &Connection,
    range: Range,
) -> Result<Vec<(i64, LoginKind, u64)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT at_ms - (at_ms % ?3 + ?3) % ?3 AS hour, kind, count(*) FROM events WHERE at_ms >= ?1 AND at_ms < ?2 \
         GROUP BY 1, 2 ORDER BY 1, 2",
    )?;
    let rows = statement.query_map(params![range.since_ms, range.until_ms, HOUR_MS], |row| {
        let kind: String = row.get(1)?;
        // Only these words are ever written.
        let kind = LoginKind::of(&kind).unwrap_or(LoginKind::Logout);
        Ok((row.get(0)?, kind, row.get(2)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
