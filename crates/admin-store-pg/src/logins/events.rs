//! The rows of login events, and of the times of which they may be missing.

use std::collections::HashSet;
use std::sync::Arc;

use deadpool_postgres::Object;
use easemob_admin_ops::logins::store::{
    Arrival, AskedAgain, Gap, HOUR_MS, LoginEvent, LoginKind, Range, StoreError,
};
use tokio_postgres::Row;

use crate::database::Database;
use crate::statement::{column, damaged, execute, field, number, query, query_opt};
use crate::visit::{self, Value};

const EVENT: &str = "SELECT call_id, who, resource, platform, kind, at_ms, reason FROM easemob_admin.login_event \
                     WHERE place = $1";

/// Keeps events, and returns of each whether it is new. Without a time, each was received when it happened.
pub(super) async fn record(
    connection: Arc<Object>,
    place: i32,
    events: Vec<LoginEvent>,
    received_ms: Option<i64>,
) -> Result<Vec<bool>, StoreError> {
    fn text(events: &[LoginEvent], field: impl Fn(&LoginEvent) -> &str) -> Vec<String> {
        events.iter().map(|event| field(event).to_owned()).collect()
    }
    let times: Vec<i64> = events.iter().map(|event| event.at_ms).collect();
    // In one order, so that two writers do not wait for each other.
    let insert = "INSERT INTO easemob_admin.login_event (place, call_id, who, resource, platform, kind, reason, at_ms, \
                  received_ms) SELECT $1::int, new.*, coalesce($9::bigint, new.at_ms) FROM unnest($2::text[], $3::text[], $4::text[], \
                  $5::text[], $6::text[], $7::text[], $8::bigint[]) AS new (call_id, who, resource, platform, kind, reason, \
                  at_ms) ORDER BY call_id COLLATE \"C\" ON CONFLICT DO NOTHING RETURNING call_id";
    let rows = query(
        &connection,
        insert,
        &[
            &place,
            &text(&events, |event| &event.call_id),
            &text(&events, |event| &event.user),
            &text(&events, |event| &event.resource),
            &text(&events, |event| &event.platform),
            &text(&events, |event| event.kind.word()),
            &text(&events, |event| &event.reason),
            &times,
            &received_ms,
        ],
    )
    .await?;
    let mut inserted: HashSet<&str> = rows
        .iter()
        .map(|row| field(row, 0))
        .collect::<Result<_, StoreError>>()?;
    // Of events that came twice together, the first is new.
    let new: Vec<bool> = events
        .iter()
        .map(|event| inserted.remove(&*event.call_id))
        .collect();
    let known = events.iter().zip(&new).filter(|(_, new)| !**new);
    let mut again: Vec<&str> = known.map(|(event, _)| &*event.call_id).collect();
    again.sort_unstable();
    let note = "UPDATE easemob_admin.login_event SET again_ms = coalesce($3, at_ms) WHERE place = $1 AND call_id = ANY($2)";
    execute(&connection, note, &[&place, &again, &received_ms]).await?;
    Ok(new)
}

pub(super) fn each(
    database: &Database,
    place: i32,
    range: Range,
    user: Option<&str>,
    visit: &mut dyn FnMut(LoginEvent),
) -> Result<(), StoreError> {
    let mut values: Vec<Value> = vec![
        Box::new(place),
        Box::new(range.since_ms),
        Box::new(range.until_ms),
    ];
    let mut wanted = format!("{EVENT} AND at_ms >= $2 AND at_ms < $3");
    if let Some(user) = user {
        wanted += " AND who = $4";
        values.push(Box::new(user.to_owned()));
    }
    wanted += " ORDER BY at_ms, call_id";
    visit::each(database, wanted, values, &mut |row| {
        visit(event(row)?);
        Ok(())
    })
}

fn event(row: &Row) -> Result<LoginEvent, StoreError> {
    Ok(LoginEvent {
        call_id: field(row, 0)?,
        user: field(row, 1)?,
        resource: field(row, 2)?,
        platform: field(row, 3)?,
        kind: kind(row, 4)?,
        at_ms: field(row, 5)?,
        reason: field(row, 6)?,
    })
}

fn kind(row: &Row, index: usize) -> Result<LoginKind, StoreError> {
    let word: &str = field(row, index)?;
    LoginKind::of(word).ok_or_else(|| damaged(format!("an event of the kind {word:?}")))
}

pub(super) async fn by_hour(
    connection: Arc<Object>,
    place: i32,
    range: Range,
) -> Result<Vec<(i64, LoginKind, u64)>, StoreError> {
    let wanted = "SELECT at_ms - (at_ms % $4 + $4) % $4 AS hour, kind, count(*) FROM easemob_admin.login_event \
                  WHERE place = $1 AND at_ms >= $2 AND at_ms < $3 GROUP BY hour, kind ORDER BY hour, kind COLLATE \"C\"";
    let rows = query(
        &connection,
        wanted,
        &[&place, &range.since_ms, &range.until_ms, &HOUR_MS],
    )
    .await?;
    let hour = |row| Ok((field(row, 0)?, kind(row, 1)?, number(row, 2)?));
    rows.iter().map(hour).collect()
}

pub(super) async fn most(
    connection: Arc<Object>,
    place: i32,
    kind: LoginKind,
    range: Range,
    most: usize,
) -> Result<Vec<(String, u64)>, StoreError> {
    let wanted = "SELECT who, count(*) FROM easemob_admin.login_event WHERE place = $1 AND kind = $2 AND at_ms >= $3 \
                  AND at_ms < $4 GROUP BY who ORDER BY count(*) DESC, who LIMIT $5";
    let most = column(most as u64);
    let rows = query(
        &connection,
        wanted,
        &[&place, &kind.word(), &range.since_ms, &range.until_ms, &most],
    )
    .await?;
    rows.iter()
        .map(|row| Ok((field(row, 0)?, number(row, 1)?)))
        .collect()
}

pub(super) async fn sign_ins(
    connection: Arc<Object>,
    place: i32,
    received: Range,
) -> Result<Vec<(String, String)>, StoreError> {
    let wanted = "SELECT call_id, who FROM easemob_admin.login_event WHERE place = $1 AND received_ms >= $2 \
                  AND received_ms < $3 AND kind = 'login' ORDER BY who, call_id";
    let rows = query(
        &connection,
        wanted,
        &[&place, &received.since_ms, &received.until_ms],
    )
    .await?;
    rows.iter()
        .map(|row| Ok((field(row, 0)?, field(row, 1)?)))
        .collect()
}

/// Which of two in one millisecond came last nobody knows: what does not say that it signed in is believed.
pub(super) async fn last(
    connection: Arc<Object>,
    place: i32,
    user: String,
    resource: String,
) -> Result<Option<LoginEvent>, StoreError> {
    let wanted = format!(
        "{EVENT} AND who = $2 AND resource = $3 ORDER BY at_ms DESC, kind = 'login', call_id DESC LIMIT 1"
    );
    let row = query_opt(&connection, &wanted, &[&place, &user, &resource]).await?;
    row.as_ref().map(event).transpose()
}

pub(super) async fn arrived_since(
    connection: Arc<Object>,
    place: i32,
    since_ms: i64,
) -> Result<Vec<Arrival>, StoreError> {
    // Each half has an index of its own.
    let wanted = "SELECT at_ms, received_ms FROM easemob_admin.login_event WHERE place = $1 AND received_ms >= $2 \
                  AND again_ms IS NULL UNION ALL SELECT at_ms, again_ms FROM easemob_admin.login_event WHERE place = $1 \
                  AND again_ms IS NOT NULL AND again_ms >= $2 ORDER BY 1, 2";
    let rows = query(&connection, wanted, &[&place, &since_ms]).await?;
    let arrival = |row| {
        Ok(Arrival {
            at_ms: field(row, 0)?,
            arrived_ms: field(row, 1)?,
        })
    };
    rows.iter().map(arrival).collect()
}

pub(super) async fn watch_position(
    connection: Arc<Object>,
    place: i32,
    watch: String,
) -> Result<Option<String>, StoreError> {
    let wanted = "SELECT position FROM easemob_admin.login_watch WHERE place = $1 AND name = $2";
    let row = query_opt(&connection, wanted, &[&place, &watch]).await?;
    row.map(|row| field(&row, 0)).transpose()
}

pub(super) async fn set_watch_position(
    connection: Arc<Object>,
    place: i32,
    watch: String,
    position: String,
) -> Result<(), StoreError> {
    let set = "INSERT INTO easemob_admin.login_watch (place, name, position) VALUES ($1, $2, $3) \
               ON CONFLICT (place, name) DO UPDATE SET position = excluded.position";
    execute(&connection, set, &[&place, &watch, &position]).await?;
    Ok(())
}

pub(super) async fn alive(connection: Arc<Object>, place: i32) -> Result<Option<i64>, StoreError> {
    let wanted = "SELECT alive_ms FROM easemob_admin.login_place WHERE id = $1";
    let row = query_opt(&connection, wanted, &[&place]).await?;
    row.map_or(Ok(None), |row| field(&row, 0))
}

pub(super) async fn set_alive(connection: Arc<Object>, place: i32, now_ms: i64) -> Result<(), StoreError> {
    let set = "UPDATE easemob_admin.login_place SET alive_ms = $2 WHERE id = $1";
    execute(&connection, set, &[&place, &now_ms]).await?;
    Ok(())
}

pub(super) async fn record_gaps(
    connection: Arc<Object>,
    place: i32,
    gaps: Vec<Gap>,
) -> Result<(), StoreError> {
    let record = "INSERT INTO easemob_admin.login_gap (place, since_ms, until_ms, why) VALUES ($1, $2, $3, $4) \
                  ON CONFLICT DO NOTHING";
    for gap in &gaps {
        execute(
            &connection,
            record,
            &[&place, &gap.since_ms, &gap.until_ms, &gap.why],
        )
        .await?;
    }
    Ok(())
}

pub(super) async fn replace_gap(
    connection: Arc<Object>,
    place: i32,
    gap: Gap,
    left: Vec<Gap>,
) -> Result<(), StoreError> {
    let close = "DELETE FROM easemob_admin.login_gap WHERE place = $1 AND since_ms = $2 AND until_ms = $3 AND why = $4";
    let closed = execute(
        &connection,
        close,
        &[&place, &gap.since_ms, &gap.until_ms, &gap.why],
    )
    .await?;
    if closed == 1 {
        record_gaps(connection, place, left).await?;
    }
    Ok(())
}

pub(super) async fn gaps(connection: Arc<Object>, place: i32, range: Range) -> Result<Vec<Gap>, StoreError> {
    let wanted = "SELECT since_ms, until_ms, why FROM easemob_admin.login_gap WHERE place = $1 AND until_ms >= $2 \
                  AND since_ms < $3 ORDER BY since_ms, until_ms, why";
    let rows = query(&connection, wanted, &[&place, &range.since_ms, &range.until_ms]).await?;
    let gap = |row| {
        Ok(Gap {
            since_ms: field(row, 0)?,
            until_ms: field(row, 1)?,
            why: field(row, 2)?,
        })
    };
    rows.iter().map(gap).collect()
}

pub(super) async fn note_asked(
    connection: Arc<Object>,
    place: i32,
    asked: AskedAgain,
) -> Result<(), StoreError> {
    let note = "INSERT INTO easemob_admin.login_asked_again AS known (place, date, posts, asked_ms, times, accepted) \
                VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (place, date) DO UPDATE SET \
                posts = greatest(known.posts, excluded.posts), asked_ms = least(known.asked_ms, excluded.asked_ms), \
                times = known.times + excluded.times, accepted = known.accepted OR excluded.accepted";
    let [posts, times] = [asked.posts, asked.times].map(column);
    execute(
        &connection,
        note,
        &[
            &place,
            &asked.date,
            &posts,
            &asked.asked_ms,
            &times,
            &asked.accepted,
        ],
    )
    .await?;
    Ok(())
}

pub(super) async fn asked_again(connection: Arc<Object>, place: i32) -> Result<Vec<AskedAgain>, StoreError> {
    let wanted = "SELECT date, posts, asked_ms, times, accepted FROM easemob_admin.login_asked_again WHERE place = $1 \
                  ORDER BY date";
    let rows = query(&connection, wanted, &[&place]).await?;
    let asked = |row| {
        Ok(AskedAgain {
            date: field(row, 0)?,
            posts: number(row, 1)?,
            asked_ms: field(row, 2)?,
            times: number(row, 3)?,
            accepted: field(row, 4)?,
        })
    };
    rows.iter().map(asked).collect()
}

/// Forgets events that happened before a time, gaps that ended, and posts that the service was asked for.
pub(super) async fn forget(connection: Arc<Object>, place: i32, before_ms: i64) -> Result<usize, StoreError> {
    let forget = |table, time| format!("DELETE FROM easemob_admin.{table} WHERE place = $1 AND {time} < $2");
    execute(
        &connection,
        &forget("login_gap", "until_ms"),
        &[&place, &before_ms],
    )
    .await?;
    execute(
        &connection,
        &forget("login_asked_again", "asked_ms"),
        &[&place, &before_ms],
    )
    .await?;
    let events = execute(
        &connection,
        &forget("login_event", "at_ms"),
        &[&place, &before_ms],
    )
    .await?;
    Ok(usize::try_from(events).unwrap_or(usize::MAX))
}
