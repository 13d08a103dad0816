//! One rate budget for all machines that work on an app: schedules of slots, as rows.
//!
//! Whoever sends reserves slots of the row of its pool, in batches that last for a tenth of a second. The slots of two
//! reservations never overlap, and each is used by the clock of the database. So all machines together keep the rate of
//! the row, and without the database nobody sends for longer than it has slots.

mod clock;
#[cfg(test)]
mod compared;
#[cfg(test)]
mod rules;
mod session;
mod settings;
#[cfg(test)]
mod simulation;
mod statements;

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use easemob_admin_api::transport::limit::adaptive::Reduction;
use easemob_admin_api::transport::limit::schedule::{Answer, HORIZON, Schedule, SharedBudget, Slots, Wish};
use easemob_admin_api::{AppRoot, Lane, RateLimit, Rates};
use easemob_admin_ops::files::digest;
use easemob_admin_ops::run::direction::Priority;
use easemob_admin_ops::store_error::StoreError;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use self::clock::{Difference, Noted, machine_time};
use self::session::{Session, Sessions, Which};
pub use self::settings::{PoolState, WorkerState};
use crate::database::Database;
use crate::statement::{Values, field};

/// How far ahead calls are given slots that somebody waits for, in microseconds.
const INTERACTIVE_HORIZON_US: i64 = 1_000_000;

/// A worker that has asked for nothing in this time, in microseconds, counts as gone.
const LIVELY_US: i64 = 1_000_000;

/// The longest name of an app that an index has room for; of a longer one, the digest is its name.
const LONGEST_NAME: usize = 1_000;

/// The rate of a pool that neither the table nor the client knows: that of most pools.
const DEFAULT_RATE: u32 = 100;

/// How much later than a timer was set it may go off, and a little more.
const TIMER: Duration = Duration::from_millis(3);

/// The budgets of all apps, in one database. Clones are the same worker.
#[derive(Clone)]
pub struct PgBudget {
    shared: Arc<Shared>,
}

struct Shared {
    sessions: Sessions,
    difference: Mutex<Difference>,
    /// What this worker works on: a run, and its weight.
    run: Mutex<Option<String>>,
    weight: AtomicI32,
    /// The rates of pools that are not in the database yet.
    new: Mutex<Rates>,
}

/// Returns how much of the rate a run gets beside others: twice the weight is twice the slots, while both have work.
fn weight(priority: Priority) -> i32 {
    match priority {
        Priority::Nightly => 1,
        Priority::Normal => 4,
        Priority::Incident => 16,
    }
}

impl PgBudget {
    /// Keeps budgets in a database.
    #[must_use]
    pub fn in_database(database: Database) -> Self {
        Self {
            shared: Arc::new(Shared {
                sessions: Sessions::of(database),
                difference: Mutex::default(),
                run: Mutex::default(),
                weight: AtomicI32::new(weight(Priority::Normal)),
                new: Mutex::new(Rates::default()),
            }),
        }
    }

    /// Sets the rates of pools that the database does not know yet; those of the vendor's table by default. Clones share it.
    pub fn set_rates_of_new_pools(&self, rates: Rates) {
        *lock(&self.shared.new) = rates;
    }

    /// Says which run this worker works on from now on, and with which priority. Runs share the rate by their priorities, and
    /// the workers of a run equally. A worker that has said nothing counts as one with a run of its own.
    pub fn work_on(&self, run: &str, priority: Priority) {
        *lock(&self.shared.run) = Some(run.to_owned());
        self.shared.weight.store(weight(priority), Ordering::Relaxed);
    }
}

impl PgBudget {
    fn pool(&self, app: &AppRoot, pool: &str, rate: RateLimit) -> io::Result<PgSchedule> {
        let known = lock(&self.shared.new)
            .pools()
            .into_iter()
            .find(|(name, _)| *name == pool);
        let new = known.map_or(rate, |(_, rate)| rate).calls_per_second();
        let new = i32::try_from(new.unwrap_or(DEFAULT_RATE)).unwrap_or(i32::MAX);
        Ok(PgSchedule {
            shared: Arc::clone(&self.shared),
            pool: Arc::new(Pool {
                app: name_of(app)?,
                name: pool.to_owned(),
                new,
                own: rate.calls_per_second().map(f64::from),
                known: Mutex::new(Known {
                    id: None,
                    rate: f64::from(new),
                    reduction: Reduction::default(),
                    slow_until: Duration::ZERO,
                }),
            }),
        })
    }
}

impl SharedBudget for PgBudget {
    fn schedule(&self, app: &AppRoot, pool: &str, rate: RateLimit) -> io::Result<Option<Arc<dyn Schedule>>> {
        Ok(Some(Arc::new(self.pool(app, pool, rate)?)))
    }
}

/// Returns the name of an app in the database.
fn name_of(app: &AppRoot) -> io::Result<String> {
    let name = app.to_string();
    if name.len() <= LONGEST_NAME {
        return Ok(name);
    }
    Ok(format!("sha256:{}", digest::of(name.as_bytes())?))
}

/// The slots of a pool.
#[derive(Debug, Clone)]
struct PgSchedule {
    shared: Arc<Shared>,
    pool: Arc<Pool>,
}

#[derive(Debug)]
struct Pool {
    app: String,
    name: String,
    /// The rate that it gets if the database does not know it.
    new: i32,
    /// The rate of this client, if it has one of its own.
    own: Option<f64>,
    known: Mutex<Known>,
}

/// What the last answer said.
#[derive(Debug, Clone, Copy)]
struct Known {
    id: Option<i32>,
    rate: f64,
    reduction: Reduction,
    slow_until: Duration,
}

impl PgSchedule {
    async fn ask(&self, wish: Wish) -> Result<Answer, StoreError> {
        let sessions = &self.shared.sessions;
        let session = sessions.session().await?;
        let id = self.id(&session).await?;
        let worker = sessions.worker();
        let run = lock(&self.shared.run)
            .clone()
            .unwrap_or_else(|| worker.to_owned());
        let weight = self.shared.weight.load(Ordering::Relaxed);
        let (slots, bulk) = (i64::from(wish.slots), wish.lane == Lane::Bulk);
        let way = micros(lock(&self.shared.difference).round_trip() / 2);
        let sent = machine_time();
        let row = sessions
            .ask(
                &session,
                Which::Reserve,
                &[&id, &slots, &bulk, &worker, &run, &weight, &way],
            )
            .await?;
        let received = machine_time();
        let Some(row) = row else {
            // Somebody removed it.
            lock(&self.pool.known).id = None;
            return Ok(Answer::Later(self.now() + HORIZON));
        };
        let shown = time(field(&row, 0)?);
        if lock(&self.shared.difference).note(sent, shown, received) == Noted::WasSet {
            return Ok(Answer::ClockWasSet(self.now() + time(INTERACTIVE_HORIZON_US)));
        }
        let (rate, factor, factor_at): (i32, f64, i64) = (field(&row, 6)?, field(&row, 7)?, field(&row, 8)?);
        *lock(&self.pool.known) = Known {
            id: Some(id),
            rate: f64::from(rate),
            reduction: Reduction::restore(factor, time(factor_at)),
            slow_until: time(field(&row, 9)?),
        };
        let (count, every): (i64, f64) = (field(&row, 1)?, field(&row, 3)?);
        if count == 0 {
            return Ok(Answer::Later(time(field(&row, 5)?)));
        }
        Ok(Answer::Reserved(Slots {
            first: time(field(&row, 2)?),
            every: Duration::from_secs_f64(every / 1e6),
            count: u32::try_from(count).unwrap_or(u32::MAX),
            end: time(field(&row, 4)?),
        }))
    }

    async fn take_back(&self, unused: Slots) -> Result<(), StoreError> {
        let (first, end, count) = (micros(unused.first), micros(unused.end), i64::from(unused.count));
        let session = self.shared.sessions.session().await?;
        let id = self.id(&session).await?;
        let values: Values<'_> = &[&id, &first, &end, &count];
        self.shared
            .sessions
            .ask(&session, Which::GiveBack, values)
            .await?;
        Ok(())
    }

    async fn note_limit(&self, pause: Duration) -> Result<(), StoreError> {
        let pause = micros(pause);
        let session = self.shared.sessions.session().await?;
        let id = self.id(&session).await?;
        self.shared
            .sessions
            .ask(&session, Which::Limited, &[&id, &pause])
            .await?;
        Ok(())
    }

    /// Returns the number of the row, which is entered if it is not there.
    async fn id(&self, session: &Session) -> Result<i32, StoreError> {
        let known = lock(&self.pool.known).id;
        if let Some(id) = known {
            return Ok(id);
        }
        let Pool { app, name, new, .. } = &*self.pool;
        let sent = machine_time();
        let sessions = &self.shared.sessions;
        let entered = sessions.ask(session, Which::Enter, &[app, name, new]).await?;
        let received = machine_time();
        // Entered by another worker in the same moment, it is not visible yet.
        let row =
            entered.ok_or_else(|| StoreError::Busy("another worker has entered the pool just now".into()))?;
        // The first reservation then knows the time. A clock that was set since is noticed by it.
        lock(&self.shared.difference).note(sent, time(field(&row, 1)?), received);
        let id = field(&row, 0)?;
        lock(&self.pool.known).id = Some(id);
        Ok(id)
    }

    /// Makes a change that nobody waits for.
    fn change<F: Future<Output = Result<(), StoreError>> + Send + 'static>(
        &self,
        change: impl FnOnce(Self) -> F,
    ) {
        let changed = change(self.clone());
        self.spawn(async move {
            // What is not given back is lost, and a refusal that is not heard of here is repeated there.
            let _ = changed.await;
        });
    }

    /// Runs `work` on the threads of the database.
    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let calling = self.shared.sessions.database().calling();
        calling.handle().spawn(work);
    }
}

impl Schedule for PgSchedule {
    fn now(&self) -> Duration {
        lock(&self.shared.difference).database_time(machine_time())
    }

    fn reserve(&self, wish: Wish) -> BoxFuture<'static, Answer> {
        let (reply, answer) = oneshot::channel();
        let this = self.clone();
        self.spawn(async move {
            let given = this.ask(wish).await;
            let given = given.unwrap_or_else(|why| Answer::Away(Arc::new(why)));
            if let Err(Answer::Reserved(unused)) = reply.send(given) {
                this.give_back(unused);
            }
        });
        async {
            answer
                .await
                .unwrap_or_else(|closed| Answer::Away(Arc::new(closed)))
        }
        .boxed()
    }

    fn give_back(&self, unused: Slots) {
        self.change(|this| async move { this.take_back(unused).await });
    }

    fn limited(&self, pause: Duration) {
        let now = self.now();
        {
            let mut known = lock(&self.pool.known);
            known.slow_until = known.slow_until.max(now + pause);
            known.reduction = known.reduction.on_limit(now);
        }
        self.change(move |this| async move { this.note_limit(pause).await });
    }

    fn pause(&self) -> Duration {
        lock(&self.pool.known).slow_until.saturating_sub(self.now())
    }

    fn effective_rate(&self) -> f64 {
        let known = *lock(&self.pool.known);
        let rate = self.pool.own.map_or(known.rate, |own| own.min(known.rate));
        rate * known.reduction.factor_at(self.now())
    }

    fn lead(&self) -> Duration {
        let round_trip = lock(&self.shared.difference).round_trip();
        (round_trip * 2 + TIMER).min(HORIZON / 2)
    }
}

impl fmt::Debug for PgBudget {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt(formatter)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PgBudget")
            .field("database", self.sessions.database())
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn time(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or_default())
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}
