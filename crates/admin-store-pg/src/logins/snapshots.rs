//! The rows of snapshots, and of the devices that were seen.

use std::collections::BTreeMap;
use std::sync::Arc;

use deadpool_postgres::Object;
use easemob_admin_ops::logins::store::{
    Change, ChangeKind, Counts, KnownDevice, NotKnown, PROGRAM, Position, SeenDevice, Snapshot, SnapshotId,
    StoreError, UserState,
};
use tokio_postgres::Row;

use super::rows;
use crate::database::Database;
use crate::lease::Term;
use crate::statement::{self, column, damaged, execute, field, query, query_opt};
use crate::visit::each;

const SNAPSHOT: &str = "SELECT number, started_ms, finished_ms, source, users, online, offline, changed, unknown, failed, \
                        devices, position, done, limits, program FROM easemob_admin.login_snapshot WHERE place = $1";

/// What a scan found. Of a user or device that was found twice, the later state counts.
pub(super) struct Found {
    counts: Counts,
    after: Position,
    now_ms: i64,
    not_known: Vec<NotKnown>,
    devices: Vec<(String, SeenDevice)>,
}

impl Found {
    pub(super) fn of(users: &[(String, UserState)], after: &Position, now_ms: i64) -> Self {
        let mut counts = Counts::default();
        let (mut not_known, mut devices) = (BTreeMap::new(), BTreeMap::new());
        for (user, state) in users {
            counts.add(state);
            match state {
                UserState::Offline | UserState::Changed => {}
                UserState::Unknown(why) => {
                    not_known.insert(user, ("unknown", why));
                }
                UserState::Failed(why) => {
                    not_known.insert(user, ("failed", why));
                }
                UserState::Online(seen) => {
                    devices.extend(seen.iter().map(|device| ((user, &device.resource), device)));
                }
            }
        }
        let not_known = not_known.into_iter().map(|(user, (state, why))| NotKnown {
            user: user.clone(),
            state: state.to_owned(),
            why: why.clone(),
        });
        let devices = devices.into_iter();
        Self {
            counts,
            after: after.clone(),
            now_ms,
            not_known: not_known.collect(),
            devices: devices
                .map(|((user, _), device)| (user.clone(), device.clone()))
                .collect(),
        }
    }
}

/// Returns how far a scan is and what it counted, as columns: `done`, and the counts in the order of the table.
pub(super) fn columns(position: &Position, counts: Counts) -> [i64; 8] {
    [
        position.done,
        counts.users,
        counts.online,
        counts.offline,
        counts.changed,
        counts.unknown,
        counts.failed,
        counts.devices,
    ]
    .map(column)
}

/// Returns a number that no snapshot ever had.
pub(super) async fn number(connection: Arc<Object>) -> Result<SnapshotId, StoreError> {
    let next = "SELECT nextval('easemob_admin.login_snapshot_number')";
    let row = query_opt(&connection, next, &[]).await?;
    row.map_or_else(|| Err(damaged("a sequence has no number")), |row| field(&row, 0))
}

pub(super) async fn begin(
    connection: Arc<Object>,
    place: i32,
    number: SnapshotId,
    source: String,
    now_ms: i64,
) -> Result<(), StoreError> {
    let begin = "INSERT INTO easemob_admin.login_snapshot (number, place, source, started_ms, program) \
                 VALUES ($1, $2, $3, $4, $5)";
    execute(&connection, begin, &[&number, &place, &source, &now_ms, &PROGRAM]).await?;
    Ok(())
}

pub(super) async fn add(
    connection: Arc<Object>,
    place: i32,
    snapshot: SnapshotId,
    term: Option<Arc<Term>>,
    found: Found,
) -> Result<(), StoreError> {
    if let Some(term) = term
        && !term.renew(&connection).await?
    {
        return Err(StoreError::Taken(snapshot));
    }
    let update = "UPDATE easemob_admin.login_snapshot SET position = $3, done = $4, users = users + $5, \
                  online = online + $6, offline = offline + $7, changed = changed + $8, unknown = unknown + $9, \
                  failed = failed + $10, devices = devices + $11 WHERE number = $1 AND place = $2 AND finished_ms IS NULL";
    let [done, users, online, offline, changed, unknown, failed, devices] =
        columns(&found.after, found.counts);
    let updated = execute(
        &connection,
        update,
        &[
            &snapshot,
            &place,
            &found.after.cursor,
            &done,
            &users,
            &online,
            &offline,
            &changed,
            &unknown,
            &failed,
            &devices,
        ],
    )
    .await?;
    met(updated, snapshot)?;
    rows::not_known(&connection, snapshot, &found.not_known).await?;
    rows::seen_devices(&connection, snapshot, &found.devices).await?;
    let known = |(user, device): (String, SeenDevice)| {
        let known = KnownDevice {
            resource: device.resource,
            platform: device.platform,
            name: device.name,
            first_seen_ms: found.now_ms,
            last_seen_ms: found.now_ms,
        };
        (user, known)
    };
    let known: Vec<_> = found.devices.into_iter().map(known).collect();
    rows::known_devices(&connection, place, &known).await
}

pub(super) async fn restart(
    connection: Arc<Object>,
    place: i32,
    snapshot: SnapshotId,
) -> Result<(), StoreError> {
    let restart = "UPDATE easemob_admin.login_snapshot SET position = NULL, done = 0, users = online + unknown, \
                   offline = 0, changed = 0, failed = 0 WHERE number = $1 AND place = $2 AND finished_ms IS NULL";
    met(
        execute(&connection, restart, &[&snapshot, &place]).await?,
        snapshot,
    )?;
    let again = "DELETE FROM easemob_admin.login_not_known WHERE snapshot = $1 AND state = 'failed'";
    execute(&connection, again, &[&snapshot]).await?;
    Ok(())
}

pub(super) async fn set_limits(
    connection: Arc<Object>,
    place: i32,
    snapshot: SnapshotId,
    limits: String,
) -> Result<(), StoreError> {
    let set = "UPDATE easemob_admin.login_snapshot SET limits = $3 WHERE number = $1 AND place = $2 \
               AND finished_ms IS NULL";
    met(
        execute(&connection, set, &[&snapshot, &place, &limits]).await?,
        snapshot,
    )
}

pub(super) async fn finish(
    connection: Arc<Object>,
    place: i32,
    snapshot: SnapshotId,
    now_ms: i64,
) -> Result<(), StoreError> {
    let finish = "UPDATE easemob_admin.login_snapshot SET finished_ms = $3 WHERE number = $1 AND place = $2 \
                  AND finished_ms IS NULL";
    met(
        execute(&connection, finish, &[&snapshot, &place, &now_ms]).await?,
        snapshot,
    )
}

/// Refuses a change that met no row: the snapshot is finished, or not there.
fn met(rows: u64, snapshot: SnapshotId) -> Result<(), StoreError> {
    if rows == 0 {
        return Err(StoreError::NotOpen(snapshot));
    }
    Ok(())
}

pub(super) async fn unfinished(
    connection: Arc<Object>,
    place: i32,
    source: String,
) -> Result<Option<(Snapshot, Position)>, StoreError> {
    let newest = format!("{SNAPSHOT} AND source = $2 ORDER BY number DESC LIMIT 1");
    let Some(row) = query_opt(&connection, &newest, &[&place, &source]).await? else {
        return Ok(None);
    };
    let (snapshot, position) = (
        snapshot(&row)?,
        Position {
            cursor: field(&row, 11)?,
            done: statement::number(&row, 12)?,
        },
    );
    Ok((snapshot.finished_ms.is_none()).then_some((snapshot, position)))
}

pub(super) async fn all(connection: Arc<Object>, place: i32) -> Result<Vec<Snapshot>, StoreError> {
    let all = format!("{SNAPSHOT} ORDER BY number");
    let rows = query(&connection, &all, &[&place]).await?;
    rows.iter().map(snapshot).collect()
}

fn snapshot(row: &Row) -> Result<Snapshot, StoreError> {
    let number = |index| statement::number(row, index);
    Ok(Snapshot {
        id: field(row, 0)?,
        started_ms: field(row, 1)?,
        finished_ms: field(row, 2)?,
        source: field(row, 3)?,
        counts: Counts {
            users: number(4)?,
            online: number(5)?,
            offline: number(6)?,
            changed: number(7)?,
            unknown: number(8)?,
            failed: number(9)?,
            devices: number(10)?,
        },
        limits: field(row, 13)?,
        program: field(row, 14)?,
    })
}

pub(super) fn each_device(
    database: &Database,
    snapshot: SnapshotId,
    visit: &mut dyn FnMut(&str, SeenDevice),
) -> Result<(), StoreError> {
    let wanted = "SELECT who, resource, platform, name, signed_in_ms FROM easemob_admin.login_snapshot_device \
                  WHERE snapshot = $1 ORDER BY who, resource";
    each(database, wanted, vec![Box::new(snapshot)], &mut |row| {
        let device = SeenDevice {
            resource: field(row, 1)?,
            platform: field(row, 2)?,
            name: field(row, 3)?,
            signed_in_ms: field(row, 4)?,
        };
        visit(field(row, 0)?, device);
        Ok(())
    })
}

pub(super) fn each_not_known(
    database: &Database,
    snapshot: SnapshotId,
    visit: &mut dyn FnMut(NotKnown),
) -> Result<(), StoreError> {
    let wanted = "SELECT who, state, why FROM easemob_admin.login_not_known WHERE snapshot = $1 ORDER BY who";
    each(database, wanted, vec![Box::new(snapshot)], &mut |row| {
        visit(NotKnown {
            user: field(row, 0)?,
            state: field(row, 1)?,
            why: field(row, 2)?,
        });
        Ok(())
    })
}

/// Of users without a device a snapshot keeps no row: then it has to be one that covers them.
pub(super) fn each_change(
    database: &Database,
    from: &Snapshot,
    to: &Snapshot,
    visit: &mut dyn FnMut(Change),
) -> Result<(), StoreError> {
    let only_in = |here: &str, there: &str, covers: &str| {
        format!(
            "SELECT one.who, one.resource, one.platform, {here} = $2 AS later, \
             EXISTS (SELECT FROM easemob_admin.login_not_known AS lost WHERE lost.snapshot = {there} AND lost.who = one.who) \
             OR NOT ({covers} OR EXISTS (SELECT FROM easemob_admin.login_snapshot_device AS read \
             WHERE read.snapshot = {there} AND read.who = one.who)) AS not_known \
             FROM easemob_admin.login_snapshot_device AS one WHERE one.snapshot = {here} AND NOT EXISTS (SELECT \
             FROM easemob_admin.login_snapshot_device AS other WHERE other.snapshot = {there} AND other.who = one.who \
             AND other.resource = one.resource)"
        )
    };
    let (earlier, later) = (
        only_in("$1::bigint", "$2::bigint", "$4::boolean"),
        only_in("$2::bigint", "$1::bigint", "$3::boolean"),
    );
    let wanted = format!("{earlier} UNION ALL {later} ORDER BY 1, 2");
    let covers: (bool, bool) = (from.covers(to), to.covers(from));
    let values: Vec<crate::visit::Value> = vec![
        Box::new(from.id),
        Box::new(to.id),
        Box::new(covers.0),
        Box::new(covers.1),
    ];
    each(database, wanted, values, &mut |row| {
        visit(Change {
            user: field(row, 0)?,
            resource: field(row, 1)?,
            platform: field(row, 2)?,
            kind: match (field(row, 3)?, field(row, 4)?) {
                (true, false) => ChangeKind::SignedIn,
                (false, false) => ChangeKind::SignedOut,
                (false, true) => ChangeKind::NotKnownLater,
                (true, true) => ChangeKind::NotKnownEarlier,
            },
        });
        Ok(())
    })
}

pub(super) async fn known_devices(
    connection: Arc<Object>,
    place: i32,
    user: String,
) -> Result<Vec<KnownDevice>, StoreError> {
    let wanted = "SELECT resource, platform, name, first_seen_ms, last_seen_ms FROM easemob_admin.login_device \
                  WHERE place = $1 AND who = $2 ORDER BY first_seen_ms, resource";
    let rows = query(&connection, wanted, &[&place, &user]).await?;
    let device = |row| {
        Ok(KnownDevice {
            resource: field(row, 0)?,
            platform: field(row, 1)?,
            name: field(row, 2)?,
            first_seen_ms: field(row, 3)?,
            last_seen_ms: field(row, 4)?,
        })
    };
    rows.iter().map(device).collect()
}

/// Forgets snapshots that were begun before a time, except the newest finished one, which is what every question is about.
pub(super) async fn forget(connection: Arc<Object>, place: i32, before_ms: i64) -> Result<usize, StoreError> {
    let forget = "DELETE FROM easemob_admin.login_snapshot WHERE place = $1 AND started_ms < $2 AND number <> coalesce((\
                  SELECT max(number) FROM easemob_admin.login_snapshot WHERE place = $1 AND finished_ms IS NOT NULL), 0) \
                  RETURNING number";
    let rows = query(&connection, forget, &[&place, &before_ms]).await?;
    let gone: Vec<SnapshotId> = rows.iter().map(|row| field(row, 0)).collect::<Result<_, _>>()?;
    for table in ["login_snapshot_device", "login_not_known"] {
        let forget = format!("DELETE FROM easemob_admin.{table} WHERE snapshot = ANY($1)");
        execute(&connection, &forget, &[&gone]).await?;
    }
    Ok(gone.len())
}

/// Forgets devices that were last seen before a time, and that no snapshot has any more.
pub(super) async fn forget_devices(
    connection: Arc<Object>,
    place: i32,
    before_ms: i64,
) -> Result<usize, StoreError> {
    let forget = "DELETE FROM easemob_admin.login_device AS known WHERE place = $1 AND last_seen_ms < $2 AND NOT EXISTS (\
                  SELECT FROM easemob_admin.login_snapshot JOIN easemob_admin.login_snapshot_device AS kept \
                  ON kept.snapshot = number WHERE login_snapshot.place = $1 AND kept.who = known.who \
                  AND kept.resource = known.resource)";
    let forgotten = execute(&connection, forget, &[&place, &before_ms]).await?;
    Ok(usize::try_from(forgotten).unwrap_or(usize::MAX))
}
