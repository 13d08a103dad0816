//! Lifts the lock of a user.

use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use easemob_admin_api::UserId;
use jiff::Timestamp;

use crate::locks::lock::Lock;
use crate::locks::settling::{Traces, Verdict, is_banned};
use crate::locks::store::{Listing, LockStore, LockStoreError};
use crate::report::lock::{LockReport, failed, not_started};
use crate::report::{Outcome, one};
use crate::run::item::{Item, Task};
use crate::run::journal::record::{self, State};
use crate::run::outcome;
use crate::run::recorder::{RecordError, Recorder};
use crate::run::store::RunStore;
use crate::schedule::pipeline::Stop;
use crate::schedule::run_loop::Done;
use crate::schedule::tally::Settled;
use crate::server::calls::{AccountCalls, CallError};

const UNBAN: &str = "users.unban";

/// The result for one user.
enum UnlockResult {
    /// The ban was lifted.
    Unlocked,
    /// The requested lock no longer exists, so nothing was sent.
    Left(Outcome),
    /// The ban could not be lifted.
    Failed(CallError),
    /// The intent could not be recorded, so nothing was sent.
    Unrecorded(RecordError),
    /// The ban was lifted, but the lock could not be removed.
    NotTakenOut(RecordError),
}

/// Returns why a lock must stay that was to be lifted at `as_of`, if there is a reason.
fn must_stay(held: Option<&Lock>, as_of: Timestamp) -> Option<Outcome> {
    match held {
        None => Some(Outcome::NotLocked),
        Some(lock) if lock.is_newer_than(as_of) => Some(Outcome::ChangedSince),
        // The ban behind it may be somebody else's; that is settled when the lock expires.
        Some(lock) if lock.is_pending() && !lock.is_due(as_of) => Some(Outcome::ChangedSince),
        Some(_) => None,
    }
}

/// Returns the outcome for a lock whose run was interrupted, if there is no ban to lift.
#[must_use]
pub fn left(verdict: Verdict) -> Option<Outcome> {
    match verdict {
        Verdict::Lift => None,
        Verdict::NotBanned => Some(Outcome::NotBanned),
        Verdict::BannedBefore => Some(Outcome::BannedBefore),
        Verdict::Working => Some(Outcome::LockInProgress),
        Verdict::Lost => Some(Outcome::RunUnreadable),
    }
}

/// The state for lifting locks.
#[derive(Debug)]
pub struct Unlocking<'a, S> {
    traces: Traces,
    server: &'a S,
    recorder: &'a Recorder,
    locks: &'a dyn LockStore,
    as_of: Timestamp,
    /// The run whose locks are lifted; those of all runs if there is none.
    of: Option<&'a str>,
    lifted: Lifted<'a>,
}

impl<'a, S: AccountCalls> Unlocking<'a, S> {
    /// Prepares to lift locks that were in force at `as_of`, or pending and expired by then.
    ///
    /// # Errors
    /// When the locks cannot be read. Nothing may be sent then.
    pub fn begin(
        server: &'a S,
        recorder: &'a Recorder,
        runs: &dyn RunStore,
        locks: &'a dyn LockStore,
        as_of: Timestamp,
    ) -> Result<Self, LockStoreError> {
        let due = locks.list(Listing::Due(as_of))?;
        let pending = due.iter().filter(|lock| lock.is_pending());
        Ok(Self {
            traces: Traces::read(runs, locks.app_root(), pending),
            server,
            recorder,
            locks,
            as_of,
            of: None,
            lifted: Lifted {
                locks,
                waiting: Mutex::default(),
            },
        })
    }

    /// Leaves alone locks that the run `of` did not set.
    #[must_use]
    pub fn only_of(self, of: &'a str) -> Self {
        Self { of: Some(of), ..self }
    }

    /// Works on one user.
    pub async fn work_on(&self, task: Task) -> Done<LockReport> {
        let unlocked = self.try_to_unlock(&task).await;
        let result = unlocked.unwrap_or_else(UnlockResult::Unrecorded);
        let noted = self.note(&task.item, &result).await;
        let mut done = done_with(&task.item, &result);
        done.stop = done.stop.or(noted.err().map(Stop::Record));
        done
    }

    async fn try_to_unlock(&self, task: &Task) -> Result<UnlockResult, RecordError> {
        let user = &task.item.user;
        let _guard = self.locks.guard(user).await?;
        let held = self.locks.lock_of(user)?;
        if let Some(why) = must_stay(held.as_ref(), self.as_of) {
            return Ok(UnlockResult::Left(why));
        }
        let is_others = |lock: &Lock| self.of.is_some_and(|run| lock.run != run);
        if held.as_ref().is_some_and(is_others) {
            return Ok(UnlockResult::Left(Outcome::ChangedSince));
        }
        if let Some(lock) = held.as_ref().filter(|lock| lock.is_pending()) {
            let verdict = match is_banned(self.server, user).await {
                Ok(banned) => self.traces.judge(lock, banned),
                Err(error) => return Ok(UnlockResult::Failed(error)),
            };
            if let Some(why) = left(verdict) {
                if verdict.ends() {
                    self.lifted.take_out(lock.clone()).await?;
                }
                return Ok(UnlockResult::Left(why));
            }
        }
        self.recorder
            .intend(&task.item, UNBAN, Vec::new(), Vec::new())
            .await?;
        match self.server.unban(user).await {
            // A deleted account needs no lock any more.
            Err(error) if !error.not_found => return Ok(UnlockResult::Failed(error)),
            _ => {}
        }
        let taken_out = match held {
            Some(held) => self.lifted.take_out(held).await,
            None => Ok(()),
        };
        Ok(match taken_out {
            Ok(()) => UnlockResult::Unlocked,
            Err(error) => UnlockResult::NotTakenOut(error.into()),
        })
    }

    async fn note(&self, item: &Item, result: &UnlockResult) -> Result<(), RecordError> {
        let of_call = |result| outcome::of_call(item, result, self.recorder.now());
        let in_state = |state| record::Outcome {
            state,
            ..of_call(&Ok(()))
        };
        let outcome = match result {
            UnlockResult::Unrecorded(_) => None,
            UnlockResult::Unlocked | UnlockResult::NotTakenOut(_) => Some(of_call(&Ok(()))),
            UnlockResult::Left(Outcome::NotLocked | Outcome::NotBanned | Outcome::BannedBefore) => {
                Some(in_state(State::Nothing))
            }
            UnlockResult::Left(_) => Some(in_state(State::Skipped)),
            UnlockResult::Failed(error) => Some(of_call(&Err(error.clone()))),
        };
        self.recorder.settle(item, outcome).await
    }
}

/// Locks whose bans were lifted but which still exist.
#[derive(Debug)]
struct Lifted<'a> {
    locks: &'a dyn LockStore,
    waiting: Mutex<Vec<Lock>>,
}

impl Lifted<'_> {
    fn waiting(&self) -> MutexGuard<'_, Vec<Lock>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes a lock, unless it has changed.
    ///
    /// A change waits for the disk, so locks that get here at the same time are removed together.
    async fn take_out(&self, lock: Lock) -> Result<(), LockStoreError> {
        self.waiting().push(lock.clone());
        tokio::task::yield_now().await;
        let lifted = mem::take(&mut *self.waiting());
        if lifted.is_empty() {
            return Ok(());
        }
        let users: Vec<&UserId> = lifted.iter().map(|lock| &lock.user).collect();
        let changed = self.locks.change(&users, &mut |index, held| {
            held.filter(|held| *held != lifted[index])
        });
        if changed.is_err() {
            // The others retry on their own, so that none of them mistakes this for a success.
            let others = lifted.into_iter().filter(|other| *other != lock);
            self.waiting().extend(others);
        }
        changed
    }
}

fn done_with(item: &Item, result: &UnlockResult) -> Done<LockReport> {
    let report = |outcome| LockReport::new(item, outcome);
    match result {
        UnlockResult::Unlocked => one(report(Outcome::Unlocked), Settled::Done),
        UnlockResult::Left(why) => one(report(*why), Settled::NothingToDo),
        UnlockResult::Failed(error) => failed(report(Outcome::Failed), error),
        UnlockResult::Unrecorded(error) => not_started(item, error),
        UnlockResult::NotTakenOut(error) => Done {
            stop: Some(Stop::Record(error.clone())),
            ..one(report(Outcome::Unlocked), Settled::Done)
        },
    }
}

#[cfg(test)]
mod tests;
