//! Locks in PostgreSQL: bans with an end, which all machines of a team see.

mod guard;
mod rows;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use deadpool_postgres::Object;
use easemob_admin_api::UserId;
use easemob_admin_ops::locks::lock::Lock;
use easemob_admin_ops::locks::store::{Listing, LockStore, LockStoreError, LockStores, UserGuard};
use easemob_admin_ops::store_error::StoreError;
use easemob_admin_ops::target::Target;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::Timestamp;

use self::guard::Guards;
use self::rows::Place;
use crate::database::{ASK_AGAIN, Database, RESTART, helps_repeating};
use crate::lease;
use crate::transaction::Transaction;

/// The locks of all targets, in one database. Clones share them.
#[derive(Debug, Clone)]
pub struct PgLockStores {
    database: Database,
    /// One session per target has all its guards.
    guards: Arc<Mutex<HashMap<String, Arc<Guards>>>>,
    silence: Duration,
}

/// The locks of one target.
///
/// One change of a target's locks is made at a time, on all machines: each holds the row of the target.
#[derive(Debug)]
pub struct PgLocks {
    database: Database,
    place: Place,
    guards: Arc<Guards>,
}

impl PgLockStores {
    /// Keeps locks in this database.
    #[must_use]
    pub fn in_database(database: Database) -> Self {
        Self {
            database,
            guards: Arc::default(),
            silence: lease::LENGTH,
        }
    }

    /// Sets after how long a silence of one process others may work on the users that it was working on; 30 s by default.
    /// Call it before the locks of a place are opened.
    #[must_use]
    pub fn with_silence(self, silence: Duration) -> Self {
        Self { silence, ..self }
    }

    /// Opens the locks of a place by its [name](Target::name), for the server with a root; `None` is the embedded
    /// sandbox.
    #[must_use]
    pub fn at(&self, place: &str, app_root: Option<&str>) -> PgLocks {
        let mut guards = self.guards.lock().unwrap_or_else(PoisonError::into_inner);
        let guards = guards
            .entry(place.to_owned())
            .or_insert_with(|| Arc::new(Guards::of(self.database.clone(), place, self.silence)));
        PgLocks {
            database: self.database.clone(),
            place: Place {
                name: place.to_owned(),
                app_root: app_root.map(str::to_owned),
            },
            guards: Arc::clone(guards),
        }
    }
}

impl PgLockStores {
    /// Brings locks of a place in, and when they were last lifted, and returns how many locks are new. Locks that are there
    /// stay as they are. Blocks the thread.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn import(
        &self,
        place: &str,
        locks: &[Lock],
        lifted_last: Option<Timestamp>,
    ) -> Result<usize, LockStoreError> {
        let mut by_root: BTreeMap<Option<&str>, Vec<&Lock>> = BTreeMap::new();
        for lock in locks {
            by_root.entry(lock.app_root.as_deref()).or_default().push(lock);
        }
        let mut new = 0;
        for (root, locks) in by_root {
            let users: Vec<&UserId> = locks.iter().map(|lock| &lock.user).collect();
            let mut entered = 0;
            self.at(place, root).change(&users, &mut |index, held| {
                if index == 0 {
                    entered = 0;
                }
                entered += usize::from(held.is_none());
                held.or_else(|| locks.get(index).map(|lock| Lock::clone(lock)))
            })?;
            new += entered;
        }
        let store = self.at(place, None);
        if let (Some(at), None) = (lifted_last, store.lifted_last()?) {
            store.note_lifted(at)?;
        }
        Ok(new)
    }
}

impl LockStores for PgLockStores {
    fn of(&self, target: &Target) -> Result<Arc<dyn LockStore>, LockStoreError> {
        Ok(Arc::new(self.at(&target.name(), target.lasting_root())))
    }
}

impl PgLocks {
    /// Reads in a statement of its own, again if the connection is cut.
    fn read<T, F>(
        &self,
        ask: impl Fn(Arc<Object>, Place) -> F + Send + Sync + 'static,
    ) -> Result<T, LockStoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let place = self.place.clone();
        self.named(
            self.database
                .read_again(move |connection| ask(connection, place.clone())),
        )
    }

    /// Begins a transaction that is alone in changing the locks of the place.
    fn alone(&self) -> Result<Transaction<'_>, StoreError> {
        let transaction = Transaction::begin(&self.database)?;
        let place = self.place.clone();
        transaction.ask(|connection| rows::hold(connection, place))?;
        Ok(transaction)
    }

    /// Does something again that a cut connection ended, if nothing of it is there.
    fn again<T>(&self, mut work: impl FnMut() -> Result<T, StoreError>) -> Result<T, LockStoreError> {
        let began = Instant::now();
        loop {
            match work() {
                Err(error) if helps_repeating(&error) && began.elapsed() < RESTART => {
                    std::thread::sleep(ASK_AGAIN);
                }
                done => return self.named(done),
            }
        }
    }

    fn change_all(
        &self,
        users: &[&UserId],
        change: &mut dyn FnMut(usize, Option<Lock>) -> Option<Lock>,
    ) -> Result<(), StoreError> {
        let transaction = self.alone()?;
        let names: Vec<String> = users.iter().map(|user| user.folded()).collect();
        let (place, asked) = (self.place.clone(), names.clone());
        let mut held = transaction.ask(|connection| rows::of_users(connection, place, asked))?;
        let (mut removed, mut put) = (Vec::new(), Vec::new());
        for (index, name) in names.into_iter().enumerate() {
            let before = held.remove(&name);
            let after = change(index, before.clone());
            if after == before {
                continue;
            }
            if before.is_some() {
                removed.push(name);
            }
            put.extend(after);
        }
        if !removed.is_empty() {
            let place = self.place.clone();
            transaction.ask(|connection| rows::remove(connection, place, removed))?;
        }
        if !put.is_empty() {
            let place = self.place.clone();
            transaction.ask(|connection| rows::put(connection, place, put))?;
        }
        transaction.commit()
    }

    fn look_at_rest(&self, look: &mut dyn FnMut()) -> Result<(), StoreError> {
        let transaction = self.alone()?;
        look();
        transaction.commit()
    }

    fn note(&self, at: Timestamp) -> Result<(), StoreError> {
        let transaction = self.alone()?;
        let place = self.place.clone();
        transaction.ask(move |connection| rows::note_lifted(connection, place, at))?;
        transaction.commit()
    }

    fn named<T>(&self, result: Result<T, StoreError>) -> Result<T, LockStoreError> {
        result.map_err(|source| LockStoreError {
            place: format!("the {}", self.database.address()),
            source,
        })
    }
}

impl LockStore for PgLocks {
    fn app_root(&self) -> Option<&str> {
        self.place.app_root.as_deref()
    }

    fn lock_of(&self, user: &UserId) -> Result<Option<Lock>, LockStoreError> {
        let name = user.folded();
        let mut found =
            self.read(move |connection, place| rows::of_users(connection, place, vec![name.clone()]))?;
        Ok(found.remove(&user.folded()))
    }

    fn list(&self, listing: Listing) -> Result<Vec<Lock>, LockStoreError> {
        self.read(move |connection, place| rows::list(connection, place, listing))
    }

    fn count(&self) -> Result<u64, LockStoreError> {
        self.read(rows::count)
    }

    fn elsewhere(&self) -> Result<Vec<(String, u64)>, LockStoreError> {
        self.read(rows::elsewhere)
    }

    fn change(
        &self,
        users: &[&UserId],
        change: &mut dyn FnMut(usize, Option<Lock>) -> Option<Lock>,
    ) -> Result<(), LockStoreError> {
        self.again(|| self.change_all(users, change))
    }

    fn at_rest(&self, look: &mut dyn FnMut()) -> Result<(), LockStoreError> {
        self.named(self.look_at_rest(look))
    }

    fn lifted_last(&self) -> Result<Option<Timestamp>, LockStoreError> {
        self.read(rows::lifted_last)
    }

    fn note_lifted(&self, at: Timestamp) -> Result<(), LockStoreError> {
        self.again(|| self.note(at))
    }

    fn guard<'a>(&'a self, user: &'a UserId) -> BoxFuture<'a, Result<UserGuard, LockStoreError>> {
        let guard = Guards::take(&self.guards, user);
        async move { self.named(guard.await.map(UserGuard::new)) }.boxed()
    }
}
