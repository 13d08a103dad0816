//! The store that ships: one SQLite file for each target, in the data directory.

mod directory;
mod owned;
mod questions;
mod schema;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use self::owned::Owned;
use self::schema::{LAYOUT, WATCHES};
use crate::files::database;
use crate::logins::store::{
    Arrival, AskedAgain, Change, Counts, Forgotten, Gap, KnownDevice, KnownUser, LoginEvent, LoginKind,
    LoginStore, LoginStores, NotKnown, PROGRAM, Position, Range, SeenDevice, Shape, Snapshot, SnapshotId,
    StoreError, UserOrder, UserPlace, UserState, WhichUsers,
};

/// A database for each target, in a directory of its own below one directory.
#[derive(Debug, Clone)]
pub struct LoginDatabases(PathBuf);

impl LoginDatabases {
    /// Names the directory, which need not exist yet.
    #[must_use]
    pub fn below(directory: PathBuf) -> Self {
        Self(directory)
    }

    fn file_of(&self, target: &str) -> PathBuf {
        self.0.join(target).join("logins.sqlite")
    }
}

impl LoginStores for LoginDatabases {
    fn of(&self, target: &str) -> Result<Box<dyn LoginStore>, StoreError> {
        Ok(Box::new(SqliteLogins::open(&self.file_of(target))?))
    }

    fn kept(&self, target: &str) -> Result<Option<Box<dyn LoginStore>>, StoreError> {
        let is_there = self.file_of(target).exists();
        is_there.then(|| self.of(target)).transpose()
    }

    fn targets(&self) -> Result<Vec<String>, StoreError> {
        let unreadable = |source| StoreError::File {
            path: self.0.clone(),
            source,
        };
        let entries = match std::fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unreadable(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(unreadable)?.file_name();
            names.extend(name.into_string().ok().filter(|name| self.file_of(name).exists()));
        }
        names.sort();
        Ok(names)
    }
}

/// The logins of a target in a file.
#[derive(Debug)]
pub struct SqliteLogins {
    connection: Connection,
    owned: Owned,
}

impl SqliteLogins {
    /// Opens the database, or makes it, readable by its owner only.
    ///
    /// # Errors
    /// When the file cannot be used, is something else, damaged, or newer. It is left as it is then.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = database::open(path, &LAYOUT)?;
        let owned = Owned::beside(path);
        Ok(Self { connection, owned })
    }

    pub(crate) fn write(&mut self) -> Result<Transaction<'_>, StoreError> {
        // A reader that becomes a writer may have to give up; a writer from the start waits its turn.
        Ok(self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?)
    }

    /// Lets the file grow to so many pages only, as a full disk does.
    #[cfg(test)]
    pub(crate) fn limit_pages_for_test(&self, pages: i64) {
        self.connection
            .pragma_update(None, "max_page_count", pages)
            .unwrap();
    }

    /// Does not wait for the disk, which is most of the time of a test that writes a lot.
    #[cfg(test)]
    pub(crate) fn hurry_for_test(&self) {
        self.connection.pragma_update(None, "synchronous", "off").unwrap();
    }
}

const SNAPSHOT: &str = "SELECT id, started_ms, finished_ms, source, users, online, offline, changed, unknown, failed, \
    devices, cursor, done, limits, program FROM snapshots";

const RECORD_GAP: &str = "INSERT OR IGNORE INTO gaps (since_ms, until_ms, why) VALUES (?1, ?2, ?3)";

/// Snapshot by snapshot, because that is how their devices are found without looking at all of them.
const FORGET_DEVICES: &str = "DELETE FROM devices WHERE last_seen_ms < ?1 AND NOT EXISTS (SELECT 1 FROM snapshots \
    CROSS JOIN snapshot_devices AS kept WHERE kept.snapshot = snapshots.id AND kept.user = devices.user \
    AND kept.resource = devices.resource)";

fn snapshot(row: &Row<'_>) -> rusqlite::Result<Snapshot> {
    Ok(Snapshot {
        id: row.get(0)?,
        started_ms: row.get(1)?,
        finished_ms: row.get(2)?,
        source: row.get(3)?,
        counts: Counts {
            users: row.get(4)?,
            online: row.get(5)?,
            offline: row.get(6)?,
            changed: row.get(7)?,
            unknown: row.get(8)?,
            failed: row.get(9)?,
            devices: row.get(10)?,
        },
        limits: row.get(13)?,
        program: row.get(14)?,
    })
}

/// Refuses a change that met no row: the snapshot is finished, or not there.
fn met(rows: usize, snapshot: SnapshotId) -> Result<(), StoreError> {
    if rows == 0 {
        return Err(StoreError::NotOpen(snapshot));
    }
    Ok(())
}

impl LoginStore for SqliteLogins {
    fn begin(&mut self, source: &str, now_ms: i64) -> Result<SnapshotId, StoreError> {
        // Nobody finds the snapshot before it has an owner.
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute(
            "INSERT INTO snapshots (source, started_ms, program) VALUES (?1, ?2, ?3)",
            params![source, now_ms, PROGRAM],
        )?;
        let id = transaction.last_insert_rowid();
        self.owned.take(id)?;
        transaction.commit()?;
        Ok(id)
    }

    fn add(
        &mut self,
        snapshot: SnapshotId,
        users: &[(String, UserState)],
        after: &Position,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let transaction = self.write()?;
        let mut counts = Counts::default();
        for (_, state) in users {
            counts.add(state);
        }
        let rows = transaction.execute(
            "UPDATE snapshots SET cursor = ?2, done = ?3, users = users + ?4, online = online + ?5, \
             offline = offline + ?6, changed = changed + ?7, unknown = unknown + ?8, failed = failed + ?9, \
             devices = devices + ?10 WHERE id = ?1 AND finished_ms IS NULL",
            params![
                snapshot,
                after.cursor,
                after.done,
                counts.users,
                counts.online,
                counts.offline,
                counts.changed,
                counts.unknown,
                counts.failed,
                counts.devices
            ],
        )?;
        met(rows, snapshot)?;
        {
            let mut not_known = transaction.prepare_cached(
                "INSERT OR REPLACE INTO snapshot_not_known (snapshot, user, state, why) VALUES (?1, ?2, ?3, ?4)",
            )?;
            let mut online = transaction.prepare_cached(
                "INSERT OR REPLACE INTO snapshot_devices (snapshot, user, resource, platform, name, signed_in_ms) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?;
            let mut device = transaction.prepare_cached(
                "INSERT INTO devices (user, resource, platform, name, first_seen_ms, last_seen_ms) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?5) ON CONFLICT (user, resource) DO UPDATE \
                 SET first_seen_ms = min(first_seen_ms, excluded.first_seen_ms), \
                 last_seen_ms = max(last_seen_ms, excluded.last_seen_ms), name = coalesce(excluded.name, name)",
            )?;
            for (user, state) in users {
                match state {
                    UserState::Offline | UserState::Changed => {}
                    UserState::Unknown(why) => {
                        not_known.execute(params![snapshot, user, "unknown", why])?;
                    }
                    UserState::Failed(why) => {
                        not_known.execute(params![snapshot, user, "failed", why])?;
                    }
                    UserState::Online(devices) => {
                        for SeenDevice {
                            resource,
                            platform,
                            name,
                            signed_in_ms,
                        } in devices
                        {
                            online.execute(params![
                                snapshot,
                                user,
                                resource,
                                platform,
                                name,
                                signed_in_ms
                            ])?;
                            device.execute(params![user, resource, platform, name, now_ms])?;
                        }
                    }
                }
            }
        }
        directory::read(&transaction, users, now_ms)?;
        Ok(transaction.commit()?)
    }

    fn restart(&mut self, snapshot: SnapshotId) -> Result<(), StoreError> {
        let transaction = self.write()?;
        let rows = transaction.execute(
            "UPDATE snapshots SET cursor = NULL, done = 0, users = online + unknown, offline = 0, changed = 0, \
             failed = 0 WHERE id = ?1 AND finished_ms IS NULL",
            [snapshot],
        )?;
        met(rows, snapshot)?;
        transaction.execute(
            "DELETE FROM snapshot_not_known WHERE snapshot = ?1 AND state = 'failed'",
            [snapshot],
        )?;
        Ok(transaction.commit()?)
    }

    fn set_limits(&mut self, snapshot: SnapshotId, limits: &str) -> Result<(), StoreError> {
        let rows = self.connection.execute(
            "UPDATE snapshots SET limits = ?2 WHERE id = ?1 AND finished_ms IS NULL",
            params![snapshot, limits],
        )?;
        met(rows, snapshot)
    }

    fn finish(&mut self, snapshot: SnapshotId, now_ms: i64) -> Result<(), StoreError> {
        let rows = self.connection.execute(
            "UPDATE snapshots SET finished_ms = ?2 WHERE id = ?1 AND finished_ms IS NULL",
            params![snapshot, now_ms],
        )?;
        met(rows, snapshot)?;
        self.owned.release(snapshot);
        Ok(())
    }

    fn own(&mut self, snapshot: SnapshotId) -> Result<(), StoreError> {
        self.owned.take(snapshot)
    }

    fn unfinished(&self, source: &str) -> Result<Option<(Snapshot, Position)>, StoreError> {
        let newest = format!("{SNAPSHOT} WHERE source = ?1 ORDER BY id DESC LIMIT 1");
        let found = self.connection.query_row(&newest, [source], |row| {
            let position = Position {
                cursor: row.get(11)?,
                done: row.get(12)?,
            };
            Ok((snapshot(row)?, position))
        });
        Ok(found
            .optional()?
            .filter(|(snapshot, _)| snapshot.finished_ms.is_none()))
    }
    fn snapshots(&self) -> Result<Vec<Snapshot>, StoreError> {
        let mut all = self.connection.prepare(&format!("{SNAPSHOT} ORDER BY id"))?;
        let rows = all.query_map([], snapshot)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn record_events(&mut self, events: &[LoginEvent], received_ms: i64) -> Result<Vec<bool>, StoreError> {
        let transaction = self.write()?;
        let mut new = Vec::with_capacity(events.len());
        {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO events (call_id, user, resource, platform, kind, at_ms, received_ms, reason) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (call_id) DO NOTHING",
            )?;
            let mut again =
                transaction.prepare_cached("UPDATE events SET again_ms = ?2 WHERE call_id = ?1")?;
            for event in events {
                let inserted = insert.execute(params![
                    event.call_id,
                    event.user,
                    event.resource,
                    event.platform,
                    event.kind.word(),
                    event.at_ms,
                    received_ms,
                    event.reason
                ])?;
                if inserted == 0 {
                    again.execute(params![event.call_id, received_ms])?;
                }
                new.push(inserted == 1);
            }
        }
        let happened = events.iter().zip(&new).filter(|(_, new)| **new);
        directory::happened(&transaction, happened.map(|(event, _)| event))?;
        transaction.commit()?;
        Ok(new)
    }

    fn alive(&self) -> Result<Option<i64>, StoreError> {
        let alive = "SELECT alive_ms FROM collector";
        Ok(self
            .connection
            .query_row(alive, [], |row| row.get(0))
            .optional()?)
    }

    fn set_alive(&mut self, now_ms: i64) -> Result<(), StoreError> {
        self.connection.execute(
            "INSERT OR REPLACE INTO collector (id, alive_ms) VALUES (1, ?1)",
            [now_ms],
        )?;
        Ok(())
    }

    fn record_gap(&mut self, gap: &Gap) -> Result<(), StoreError> {
        self.connection
            .execute(RECORD_GAP, params![gap.since_ms, gap.until_ms, gap.why])?;
        Ok(())
    }

    fn replace_gap(&mut self, gap: &Gap, left: &[Gap]) -> Result<(), StoreError> {
        let transaction = self.write()?;
        let closed = transaction.execute(
            "DELETE FROM gaps WHERE since_ms = ?1 AND until_ms = ?2 AND why = ?3",
            params![gap.since_ms, gap.until_ms, gap.why],
        )?;
        if closed == 1 {
            for gap in left {
                transaction.execute(RECORD_GAP, params![gap.since_ms, gap.until_ms, gap.why])?;
            }
        }
        Ok(transaction.commit()?)
    }

    fn note_asked(&mut self, asked: &AskedAgain) -> Result<(), StoreError> {
        self.connection.execute(
            "INSERT INTO asked_again (date, posts, asked_ms, times, accepted) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (date) DO UPDATE SET posts = max(posts, excluded.posts), \
             asked_ms = min(asked_ms, excluded.asked_ms), times = times + excluded.times, \
             accepted = max(accepted, excluded.accepted)",
            params![
                asked.date,
                asked.posts,
                asked.asked_ms,
                asked.times,
                asked.accepted
            ],
        )?;
        Ok(())
    }

    fn asked_again(&self) -> Result<Vec<AskedAgain>, StoreError> {
        questions::asked_again(&self.connection)
    }

    fn arrived_since(&self, since_ms: i64) -> Result<Vec<Arrival>, StoreError> {
        questions::arrived_since(&self.connection, since_ms)
    }

    fn each_device(
        &self,
        snapshot: SnapshotId,
        visit: &mut dyn FnMut(&str, SeenDevice),
    ) -> Result<(), StoreError> {
        questions::each_device(&self.connection, snapshot, visit)
    }

    fn each_not_known(
        &self,
        snapshot: SnapshotId,
        visit: &mut dyn FnMut(NotKnown),
    ) -> Result<(), StoreError> {
        questions::each_not_known(&self.connection, snapshot, visit)
    }

    fn each_change(
        &self,
        from: &Snapshot,
        to: &Snapshot,
        visit: &mut dyn FnMut(Change),
    ) -> Result<(), StoreError> {
        questions::each_change(&self.connection, from, to, visit)
    }

    fn each_event(
        &self,
        range: Range,
        user: Option<&str>,
        visit: &mut dyn FnMut(LoginEvent),
    ) -> Result<(), StoreError> {
        questions::each_event(&self.connection, range, user, visit)
    }

    fn most_events(
        &self,
        kind: LoginKind,
        range: Range,
        most: usize,
    ) -> Result<Vec<(String, u64)>, StoreError> {
        questions::most_events(&self.connection, kind, range, most)
    }

    fn sign_ins(&self, received: Range) -> Result<Vec<(String, String)>, StoreError> {
        questions::sign_ins(&self.connection, received)
    }

    fn own_watch(&mut self, watch: &str) -> Result<Option<String>, StoreError> {
        self.owned.take_watch(watch)?;
        self.connection.execute_batch(WATCHES)?;
        let kept = "SELECT position FROM watches WHERE name = ?1";
        Ok(self
            .connection
            .query_row(kept, [watch], |row| row.get(0))
            .optional()?)
    }

    fn set_watch_position(&mut self, watch: &str, position: &str) -> Result<(), StoreError> {
        self.connection.execute_batch(WATCHES)?;
        self.connection.execute(
            "INSERT OR REPLACE INTO watches (name, position) VALUES (?1, ?2)",
            [watch, position],
        )?;
        Ok(())
    }

    fn known_devices(&self, user: &str) -> Result<Vec<KnownDevice>, StoreError> {
        questions::known_devices(&self.connection, user)
    }

    fn last_event(&self, user: &str, resource: &str) -> Result<Option<LoginEvent>, StoreError> {
        questions::last_event(&self.connection, user, resource)
    }

    fn gaps(&self, range: Range) -> Result<Vec<Gap>, StoreError> {
        questions::gaps(&self.connection, range)
    }

    fn shapes(&self) -> Result<Vec<Shape>, StoreError> {
        directory::shapes(&self.connection)
    }

    fn users(
        &self,
        which: &WhichUsers,
        order: UserOrder,
        after: Option<&UserPlace>,
        most: usize,
    ) -> Result<Vec<KnownUser>, StoreError> {
        directory::users(&self.connection, which, order, after, most)
    }

    fn count_users(&self, which: &WhichUsers, up_to: usize) -> Result<usize, StoreError> {
        directory::count(&self.connection, which, up_to)
    }

    fn events_by_hour(&self, range: Range) -> Result<Vec<(i64, LoginKind, u64)>, StoreError> {
        questions::events_by_hour(&self.connection, range)
    }

    fn forget(&mut self, before_ms: i64) -> Result<Forgotten, StoreError> {
        let transaction = self.write()?;
        directory::forget(&transaction, before_ms)?;
        // The newest finished one is what every question is about.
        let snapshots = transaction.execute(
            "DELETE FROM snapshots WHERE started_ms < ?1 AND id != \
             coalesce((SELECT max(id) FROM snapshots WHERE finished_ms IS NOT NULL), 0)",
            [before_ms],
        )?;
        let events = transaction.execute("DELETE FROM events WHERE at_ms < ?1", [before_ms])?;
        transaction.execute("DELETE FROM gaps WHERE until_ms < ?1", [before_ms])?;
        transaction.execute("DELETE FROM asked_again WHERE asked_ms < ?1", [before_ms])?;
        let devices = transaction.execute(FORGET_DEVICES, [before_ms])?;
        transaction.commit()?;
        let kept: Vec<SnapshotId> = self.snapshots()?.iter().map(|snapshot| snapshot.id).collect();
        self.owned.keep_only(&kept);
        Ok(Forgotten {
            snapshots,
            events,
            devices,
        })
    }

    fn compact(&mut self) -> Result<(), StoreError> {
        Ok(self.connection.execute_batch("VACUUM")?)
    }
}

#[cfg(test)]
mod tests;
