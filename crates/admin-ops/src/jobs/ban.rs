//! Bans a user, or lifts the ban.
//!
//! Both can be repeated without harm, so an item of an earlier attempt is simply done again. Either change
//! removes a lock of the user, because the end of a lock must not lift a permanent ban.

use easemob_admin_api::UserId;

use crate::locks::lock::Lock;
use crate::locks::store::LockStore;
use crate::report::ban::BanReport;
use crate::report::{Outcome, one};
use crate::run::item::{Item, Task};
use crate::run::outcome;
use crate::run::recorder::{RecordError, Recorder};
use crate::schedule::pipeline::Stop;
use crate::schedule::run_loop::Done;
use crate::schedule::tally::Settled;
use crate::server::calls::{AccountCalls, CallError};

/// Which change is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The user is banned.
    Ban,
    /// The ban is lifted.
    Unban,
}

impl Change {
    /// Returns the name of the call.
    #[must_use]
    pub fn call(self) -> &'static str {
        match self {
            Self::Ban => "users.ban",
            Self::Unban => "users.unban",
        }
    }

    /// Returns the outcome of a call that succeeds, or of a dry run.
    #[must_use]
    pub fn outcome(self, dry_run: bool) -> Outcome {
        match (self, dry_run) {
            (Self::Ban, false) => Outcome::Banned,
            (Self::Ban, true) => Outcome::WouldBan,
            (Self::Unban, false) => Outcome::Unbanned,
            (Self::Unban, true) => Outcome::WouldUnban,
        }
    }
}

/// The state for banning or unbanning users.
#[derive(Debug)]
pub struct Banning<'a, S> {
    server: &'a S,
    recorder: &'a Recorder,
    locks: &'a dyn LockStore,
    change: Change,
}

impl<'a, S: AccountCalls> Banning<'a, S> {
    /// Prepares to ban or unban users whose locks are in `locks`.
    #[must_use]
    pub fn new(server: &'a S, recorder: &'a Recorder, locks: &'a dyn LockStore, change: Change) -> Self {
        Self {
            server,
            recorder,
            locks,
            change,
        }
    }

    /// Works on one user.
    pub async fn work_on(&self, task: Task) -> Done<BanReport> {
        let changed = self.change(&task.item).await;
        changed.unwrap_or_else(|error| Done {
            reports: vec![BanReport::new(&task.item, Outcome::NotStarted)],
            stop: Some(Stop::Record(error)),
            ..Done::default()
        })
    }

    /// # Errors
    /// When the intent, or the removal of a lock before a ban, cannot be recorded. Nothing was sent then.
    async fn change(&self, item: &Item) -> Result<Done<BanReport>, RecordError> {
        let user = &item.user;
        let _guard = self.locks.guard(user).await?;
        self.recorder
            .intend(item, self.change.call(), Vec::new(), Vec::new())
            .await?;
        // Remove the lock before the ban, so that a kill cannot leave an end for a permanent ban.
        let mut lock = match self.change {
            Change::Ban => self.take_out(user)?,
            Change::Unban => None,
        };
        let result = match self.change {
            Change::Ban => self.server.ban(user).await,
            Change::Unban => self.server.unban(user).await,
        };
        // A ban that may have arrived is permanent, too.
        let in_force = result
            .as_ref()
            .map_or_else(|error| error.outcome_unknown, |()| true);
        let booked = match (&result, &lock) {
            (Ok(()), _) => self.take_out(user).map(|found| lock = lock.take().or(found)),
            (Err(_), Some(lock)) if !in_force => self.put_back(lock),
            (Err(_), _) => Ok(()),
        };
        let outcome = outcome::of_call(item, &result, self.recorder.now());
        let noted = self.recorder.settle(item, Some(outcome)).await;
        let lock_ended = in_force && lock.is_some();
        let mut done = done_with(item, result, self.change.outcome(false));
        for report in &mut done.reports {
            report.lock_ended = lock_ended.then_some(true);
        }
        done.stop = booked.and(noted).err().map(Stop::Record);
        Ok(done)
    }

    fn take_out(&self, user: &UserId) -> Result<Option<Lock>, RecordError> {
        // Most users have no lock, and need not wait for a change.
        let mut found = self.locks.lock_of(user)?;
        if found.is_some() {
            self.locks.change(&[user], &mut |_, held| {
                found = held;
                None
            })?;
        }
        Ok(found)
    }

    fn put_back(&self, lock: &Lock) -> Result<(), RecordError> {
        let held_or_this = &mut |_, held: Option<Lock>| held.or_else(|| Some(lock.clone()));
        Ok(self.locks.change(&[&lock.user], held_or_this)?)
    }
}

/// Returns the report of one user.
#[must_use]
pub fn done_with(item: &Item, result: Result<(), CallError>, outcome: Outcome) -> Done<BanReport> {
    match result {
        Ok(()) => one(BanReport::new(item, outcome), Settled::Done),
        Err(error) => {
            let report = if error.given_up {
                BanReport::new(item, Outcome::NotStarted)
            } else {
                BanReport::failed(item, &error)
            };
            Done {
                failures: vec![error.clone()],
                ..one(report, Settled::of_error(&error))
            }
        }
    }
}

#[cfg(test)]
mod tests;
