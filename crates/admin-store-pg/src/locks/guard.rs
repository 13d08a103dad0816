//! Keeps two processes, on any machines, from changing the ban of the same user at the same time.
//!
//! Guards are advisory locks of one session, so that hundreds of them need one connection, and all end with the process.
//! A session takes a lock that it has once more without waiting, so tasks of one process wait for each other before.
//!
//! The session is used at least every third of the time after which the server ends a silent one: a machine that stands
//! still or is gone must not keep others from its users.
//!
//! If the session is cut, its guards are free for others before their holders know. The requests that they protect are
//! short, and the store itself still keeps every change of a lock whole.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use easemob_admin_api::UserId;
use easemob_admin_ops::files::digest;
use easemob_admin_ops::store_error::StoreError;
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};
use tokio::time::Instant;
use tokio_postgres::Client;

use crate::database::{Database, RESTART, failure, helps_repeating};

/// How often to retry a guard that another process holds.
const TRY_AGAIN: Duration = Duration::from_millis(20);

/// Users share this many guards, and wait for each other if they share one.
const GUARDS: u64 = 1024;

/// The guards of one target in this process.
pub(super) struct Guards {
    database: Database,
    place: String,
    silence: Duration,
    session: Mutex<Option<Arc<Client>>>,
    /// One for each guard, for the tasks of this process.
    turns: Vec<Arc<Mutex<()>>>,
}

/// A guard that is held until it is dropped.
pub(super) struct Held {
    session: Arc<Client>,
    key: i64,
    turn: Option<OwnedMutexGuard<()>>,
    /// Its runtime must not end before the guard does.
    database: Database,
}

impl Guards {
    pub(super) fn of(database: Database, place: &str, silence: Duration) -> Self {
        Self {
            database,
            place: place.to_owned(),
            silence,
            session: Mutex::default(),
            turns: (0..GUARDS).map(|_| Arc::default()).collect(),
        }
    }

    /// Waits for the guard of a user. If the future is dropped, the guard is released as soon as it is taken.
    pub(super) fn take(
        this: &Arc<Self>,
        user: &UserId,
    ) -> impl Future<Output = Result<Held, StoreError>> + use<> {
        let (this, user) = (Arc::clone(this), user.folded());
        async move {
            let (reply, taken) = oneshot::channel();
            let runtime = this.database.calling().handle().clone();
            // On a task of its own, because a statement that is abandoned half-way may have taken the guard.
            runtime.spawn(this.wait_for(user, reply));
            taken
                .await
                .unwrap_or_else(|_| Err(StoreError::Failed("the guard was not waited for".into())))
        }
    }

    async fn wait_for(self: Arc<Self>, user: String, mut reply: oneshot::Sender<Result<Held, StoreError>>) {
        let taken = async {
            let turn = turn_of(&user)?;
            let key = key(&self.place, turn)?;
            let turn = tokio::select! {
                turn = Arc::clone(&self.turns[turn]).lock_owned() => turn,
                () = reply.closed() => return Ok(None),
            };
            let mut turn = Some(turn);
            let began = Instant::now();
            while !reply.is_closed() {
                match self.try_to_lock(key).await {
                    Ok(None) => {}
                    Ok(Some(session)) => {
                        return Ok(Some(Held {
                            session,
                            key,
                            turn: turn.take(),
                            database: self.database.clone(),
                        }));
                    }
                    // A session that was cut has no guard any more, and another one takes its place.
                    Err(error) if helps_repeating(&error) && began.elapsed() < RESTART => {}
                    Err(error) => return Err(error),
                }
                tokio::select! {
                    () = tokio::time::sleep(TRY_AGAIN) => {}
                    () = reply.closed() => {}
                }
            }
            Ok(None)
        };
        if let Some(taken) = taken.await.transpose() {
            // Nobody listens any more: the guard is dropped, which releases it.
            let _ = reply.send(taken);
        }
    }

    /// Returns the session if it took the guard.
    async fn try_to_lock(&self, key: i64) -> Result<Option<Arc<Client>>, StoreError> {
        let session = self.session().await?;
        let tried = session
            .query_one("SELECT pg_try_advisory_lock($1)", &[&key])
            .await;
        let taken: bool = tried.and_then(|row| row.try_get(0)).map_err(failure)?;
        Ok(taken.then_some(session))
    }

    /// Returns the session of all guards; a new one if it was cut.
    async fn session(&self) -> Result<Arc<Client>, StoreError> {
        let mut session = self.session.lock().await;
        match &*session {
            Some(session) if !session.is_closed() => Ok(Arc::clone(session)),
            _ => Ok(Arc::clone(session.insert(self.open_session().await?))),
        }
    }

    /// Opens a session that the server ends after a silence, and uses it until it is no longer needed.
    async fn open_session(&self) -> Result<Arc<Client>, StoreError> {
        let session = Arc::new(self.database.session().await?);
        let (millis, seconds) = (self.silence.as_millis(), self.silence.as_secs().max(3) / 3);
        // A machine that is gone answers no probe; one that stands still answers them, but sends nothing. Servers before
        // PostgreSQL 14 notice only the first.
        let settings = format!(
            "SET tcp_keepalives_idle = {seconds}; SET tcp_keepalives_interval = {seconds}; SET tcp_keepalives_count = 2; \
             SELECT set_config('idle_session_timeout', '{millis}', false) \
             WHERE current_setting('server_version_num')::int >= 140000"
        );
        session.batch_execute(&settings).await.map_err(failure)?;
        let (pause, used) = (self.silence / 3, Arc::downgrade(&session));
        self.database.calling().handle().spawn(async move {
            loop {
                tokio::time::sleep(pause).await;
                match used.upgrade() {
                    Some(session) if session.batch_execute("").await.is_ok() => {}
                    _ => return,
                }
            }
        });
        Ok(session)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let (session, key, turn) = (Arc::clone(&self.session), self.key, self.turn.take());
        self.database.calling().handle().spawn(async move {
            // If the session was cut, the server has released its guards.
            let _ = session.query_one("SELECT pg_advisory_unlock($1)", &[&key]).await;
            // Only now: the session would take the guard a second time without waiting.
            drop(turn);
        });
    }
}

impl fmt::Debug for Guards {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Guards")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

/// Returns which of the guards belongs to a user.
fn turn_of(user: &str) -> Result<usize, StoreError> {
    Ok(usize::try_from(number("user", user)? % GUARDS).expect("a small number"))
}

/// Returns the number of the advisory lock of a guard.
fn key(place: &str, turn: usize) -> Result<i64, StoreError> {
    Ok(number("guard", &format!("{turn} {place}"))?.cast_signed())
}

/// Returns a number that is the same in all processes, which a hash of the standard library does not promise.
fn number(purpose: &str, of: &str) -> Result<u64, StoreError> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| StoreError::Failed(error);
    let digest = digest::of(format!("{purpose} {of}").as_bytes()).map_err(|error| failed(error.into()))?;
    u64::from_str_radix(&digest[..16], 16).map_err(|error| failed(error.into()))
}
