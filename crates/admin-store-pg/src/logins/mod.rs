//! Logins in PostgreSQL: snapshots of who was online, and login events, which all machines of a team share.

mod directory;
mod events;
mod import;
mod owned;
mod rows;
mod snapshots;

use std::sync::Arc;

use deadpool_postgres::Object;
use easemob_admin_ops::logins::store::{
    Arrival, AskedAgain, Change, Forgotten, Gap, KnownDevice, KnownUser, LoginEvent, LoginKind, LoginStore,
    LoginStores, NotKnown, Position, Range, SeenDevice, Shape, Snapshot, SnapshotId, StoreError, UserOrder,
    UserPlace, UserState, WhichUsers,
};

use self::owned::Owned;
use crate::database::Database;
use crate::statement::{damaged, execute, field, query, query_opt};
use crate::transaction::Transaction;

/// The logins of all targets, in one database. Clones share them.
#[derive(Debug, Clone)]
pub struct PgLoginStores {
    database: Database,
}

/// The logins of one target.
#[derive(Debug)]
pub struct PgLogins {
    database: Database,
    place: i32,
    owned: Owned,
}

impl PgLoginStores {
    /// Keeps logins in this database.
    #[must_use]
    pub fn in_database(database: Database) -> Self {
        Self { database }
    }

    fn open(&self, place: i32) -> Box<dyn LoginStore> {
        Box::new(PgLogins {
            database: self.database.clone(),
            place,
            owned: Owned::new(self.database.clone(), place),
        })
    }
}

impl LoginStores for PgLoginStores {
    fn of(&self, target: &str) -> Result<Box<dyn LoginStore>, StoreError> {
        let name = target.to_owned();
        let place = self.database.read(move |connection| async move {
            if let Some(found) = find(&connection, &name).await? {
                return Ok(found);
            }
            let enter = "INSERT INTO easemob_admin.login_place (place) VALUES ($1) ON CONFLICT DO NOTHING";
            execute(&connection, enter, &[&name]).await?;
            let made = find(&connection, &name).await?;
            made.ok_or_else(|| damaged("the place of the logins was removed while it was made"))
        });
        Ok(self.open(place?))
    }

    fn kept(&self, target: &str) -> Result<Option<Box<dyn LoginStore>>, StoreError> {
        let name = target.to_owned();
        let place = self
            .database
            .read(move |connection| async move { find(&connection, &name).await });
        Ok(place?.map(|place| self.open(place)))
    }

    fn targets(&self) -> Result<Vec<String>, StoreError> {
        self.database.read(|connection| async move {
            let wanted = "SELECT place FROM easemob_admin.login_place ORDER BY place";
            let rows = query(&connection, wanted, &[]).await?;
            rows.iter().map(|row| field(row, 0)).collect()
        })
    }
}

async fn find(connection: &Object, name: &str) -> Result<Option<i32>, StoreError> {
    let wanted = "SELECT id FROM easemob_admin.login_place WHERE place = $1";
    let row = query_opt(connection, wanted, &[&name]).await?;
    row.map(|row| field(&row, 0)).transpose()
}

impl PgLogins {
    /// Makes one change, in a statement of its own.
    fn change<T, F>(
        &self,
        change: impl FnOnce(Arc<Object>, i32) -> F + Send + 'static,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let place = self.place;
        self.database.read(move |connection| change(connection, place))
    }

    /// Makes several changes, all of them or none.
    fn change_all<T, F>(
        &self,
        change: impl FnOnce(Arc<Object>, i32) -> F + Send + 'static,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let place = self.place;
        let transaction = Transaction::begin(&self.database)?;
        let changed = transaction.ask(move |connection| change(connection, place))?;
        transaction.commit()?;
        Ok(changed)
    }
}

impl LoginStore for PgLogins {
    fn begin(&mut self, source: &str, now_ms: i64) -> Result<SnapshotId, StoreError> {
        let number = self.change(|connection, _| snapshots::number(connection))?;
        // Nobody finds the snapshot before it has an owner.
        self.owned.take(number)?;
        let source = source.to_owned();
        self.change(move |connection, place| snapshots::begin(connection, place, number, source, now_ms))?;
        Ok(number)
    }

    fn add(
        &mut self,
        snapshot: SnapshotId,
        users: &[(String, UserState)],
        after: &Position,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let found = snapshots::Found::of(users, after, now_ms);
        let term = self.owned.term(snapshot);
        let users = users.to_vec();
        self.change_all(move |connection, place| async move {
            snapshots::add(Arc::clone(&connection), place, snapshot, term, found).await?;
            directory::read(connection, place, users, now_ms).await
        })
    }

    fn restart(&mut self, snapshot: SnapshotId) -> Result<(), StoreError> {
        self.change_all(move |connection, place| snapshots::restart(connection, place, snapshot))
    }

    fn set_limits(&mut self, snapshot: SnapshotId, limits: &str) -> Result<(), StoreError> {
        let limits = limits.to_owned();
        self.change(move |connection, place| snapshots::set_limits(connection, place, snapshot, limits))
    }

    fn finish(&mut self, snapshot: SnapshotId, now_ms: i64) -> Result<(), StoreError> {
        self.change(move |connection, place| snapshots::finish(connection, place, snapshot, now_ms))?;
        self.owned.release(snapshot);
        Ok(())
    }

    fn own(&mut self, snapshot: SnapshotId) -> Result<(), StoreError> {
        self.owned.take(snapshot)
    }

    fn unfinished(&self, source: &str) -> Result<Option<(Snapshot, Position)>, StoreError> {
        let source = source.to_owned();
        self.change(move |connection, place| snapshots::unfinished(connection, place, source))
    }

    fn snapshots(&self) -> Result<Vec<Snapshot>, StoreError> {
        self.change(snapshots::all)
    }

    fn each_device(
        &self,
        snapshot: SnapshotId,
        visit: &mut dyn FnMut(&str, SeenDevice),
    ) -> Result<(), StoreError> {
        snapshots::each_device(&self.database, snapshot, visit)
    }

    fn each_not_known(
        &self,
        snapshot: SnapshotId,
        visit: &mut dyn FnMut(NotKnown),
    ) -> Result<(), StoreError> {
        snapshots::each_not_known(&self.database, snapshot, visit)
    }

    fn each_change(
        &self,
        from: &Snapshot,
        to: &Snapshot,
        visit: &mut dyn FnMut(Change),
    ) -> Result<(), StoreError> {
        snapshots::each_change(&self.database, from, to, visit)
    }

    fn known_devices(&self, user: &str) -> Result<Vec<KnownDevice>, StoreError> {
        let user = user.to_owned();
        self.change(move |connection, place| snapshots::known_devices(connection, place, user))
    }

    fn record_events(&mut self, events: &[LoginEvent], received_ms: i64) -> Result<Vec<bool>, StoreError> {
        let events = events.to_vec();
        self.change_all(move |connection, place| async move {
            let new =
                events::record(Arc::clone(&connection), place, events.clone(), Some(received_ms)).await?;
            let happened = events.into_iter().zip(&new).filter(|(_, new)| **new);
            let happened = happened.map(|(event, _)| event).collect();
            directory::happened(connection, place, happened).await?;
            Ok(new)
        })
    }

    fn each_event(
        &self,
        range: Range,
        user: Option<&str>,
        visit: &mut dyn FnMut(LoginEvent),
    ) -> Result<(), StoreError> {
        events::each(&self.database, self.place, range, user, visit)
    }

    fn most_events(
        &self,
        kind: LoginKind,
        range: Range,
        most: usize,
    ) -> Result<Vec<(String, u64)>, StoreError> {
        self.change(move |connection, place| events::most(connection, place, kind, range, most))
    }

    fn sign_ins(&self, received: Range) -> Result<Vec<(String, String)>, StoreError> {
        self.change(move |connection, place| events::sign_ins(connection, place, received))
    }

    fn own_watch(&mut self, watch: &str) -> Result<Option<String>, StoreError> {
        self.owned.take_watch(watch)?;
        let watch = watch.to_owned();
        self.change(move |connection, place| events::watch_position(connection, place, watch))
    }

    fn set_watch_position(&mut self, watch: &str, position: &str) -> Result<(), StoreError> {
        let (watch, position) = (watch.to_owned(), position.to_owned());
        self.change(move |connection, place| events::set_watch_position(connection, place, watch, position))
    }

    fn last_event(&self, user: &str, resource: &str) -> Result<Option<LoginEvent>, StoreError> {
        let (user, resource) = (user.to_owned(), resource.to_owned());
        self.change(move |connection, place| events::last(connection, place, user, resource))
    }

    fn alive(&self) -> Result<Option<i64>, StoreError> {
        self.change(events::alive)
    }

    fn set_alive(&mut self, now_ms: i64) -> Result<(), StoreError> {
        self.change(move |connection, place| events::set_alive(connection, place, now_ms))
    }

    fn record_gap(&mut self, gap: &Gap) -> Result<(), StoreError> {
        let gap = gap.clone();
        self.change(move |connection, place| events::record_gaps(connection, place, vec![gap]))
    }

    fn gaps(&self, range: Range) -> Result<Vec<Gap>, StoreError> {
        self.change(move |connection, place| events::gaps(connection, place, range))
    }

    fn replace_gap(&mut self, gap: &Gap, left: &[Gap]) -> Result<(), StoreError> {
        let (gap, left) = (gap.clone(), left.to_vec());
        self.change_all(move |connection, place| events::replace_gap(connection, place, gap, left))
    }

    fn note_asked(&mut self, asked: &AskedAgain) -> Result<(), StoreError> {
        let asked = asked.clone();
        self.change(move |connection, place| events::note_asked(connection, place, asked))
    }

    fn asked_again(&self) -> Result<Vec<AskedAgain>, StoreError> {
        self.change(events::asked_again)
    }

    fn arrived_since(&self, since_ms: i64) -> Result<Vec<Arrival>, StoreError> {
        self.change(move |connection, place| events::arrived_since(connection, place, since_ms))
    }

    fn shapes(&self) -> Result<Vec<Shape>, StoreError> {
        self.change(directory::shapes)
    }

    fn users(
        &self,
        which: &WhichUsers,
        order: UserOrder,
        after: Option<&UserPlace>,
        most: usize,
    ) -> Result<Vec<KnownUser>, StoreError> {
        let (which, after) = (which.clone(), after.cloned());
        self.change(move |connection, place| directory::users(connection, place, which, order, after, most))
    }

    fn count_users(&self, which: &WhichUsers, up_to: usize) -> Result<usize, StoreError> {
        let which = which.clone();
        self.change(move |connection, place| directory::count(connection, place, which, up_to))
    }

    fn events_by_hour(&self, range: Range) -> Result<Vec<(i64, LoginKind, u64)>, StoreError> {
        self.change(move |connection, place| events::by_hour(connection, place, range))
    }

    fn forget(&mut self, before_ms: i64) -> Result<Forgotten, StoreError> {
        let forgotten = self.change_all(move |connection, place| async move {
            directory::forget(Arc::clone(&connection), place, before_ms).await?;
            let snapshots = snapshots::forget(Arc::clone(&connection), place, before_ms).await?;
            let events = events::forget(Arc::clone(&connection), place, before_ms).await?;
            let devices = snapshots::forget_devices(connection, place, before_ms).await?;
            Ok(Forgotten {
                snapshots,
                events,
                devices,
            })
        })?;
        let kept: Vec<SnapshotId> = self.snapshots()?.iter().map(|snapshot| snapshot.id).collect();
        self.owned.keep_only(&kept);
        Ok(forgotten)
    }

    /// PostgreSQL does that by itself.
    fn compact(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}
