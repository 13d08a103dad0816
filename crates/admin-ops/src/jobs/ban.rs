//! Bans a user, or lifts the ban.
//!
//! Before a ban, the user is looked up: whoever is banned already is left as is, so that an intent proves that the ban of the
//! run came first. Both can be repeated without harm. Either change removes a lock of the user, because the end of a lock must
//! not lift a permanent ban.

use easemob_admin_api::UserId;

use crate::locks::lock::Lock;
use crate::locks::store::LockStore;
use crate::report::ban::BanReport;
use crate::report::{Outcome, one};
use crate::run::item::{Item, Task};
use crate::run::journal::record::{self, State};
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
    /// A ban that another run set is lifted, if it is still in force and has not become a lock.
    Lift,
}

impl Change {
    /// Returns the name of the call.
    #[must_use]
    pub fn call(self) -> &'static str {
        match self {
            Self::Ban => "users.ban",
            Self::Unban | Self::Lift => "users.unban",
        }
    }

    /// Returns the outcome of a call that succeeds, or of a dry run.
    #[must_use]
    pub fn outcome(self, dry_run: bool) -> Outcome {
        match (self, dry_run) {
            (Self::Ban, false) => Outcome::Banned,
            (Self::Ban, true) => Outcome::WouldBan,
            (Self::Unban | Self::Lift, false) => Outcome::Unbanned,
            (Self::Unban | Self::Lift, true) => Outcome::WouldUnban,
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
        let changed = self.change(&task).await;
        changed.unwrap_or_else(|error| Done {
            reports: vec![BanReport::new(&task.item, Outcome::NotStarted)],
            stop: Some(Stop::Record(error)),
            ..Done::default()
        })
    }

    /// # Errors
    /// When the intent, or the removal of a lock before a ban, cannot be recorded. Nothing was sent then.
    async fn change(&self, task: &Task) -> Result<Done<BanReport>, RecordError> {
        let item = &task.item;
        let user = &item.user;
        let _guard = self.locks.guard(user).await?;
        if let Some(done) = self.look(task).await? {
            return Ok(done);
        }
        self.recorder
            .intend(item, self.change.call(), Vec::new(), Vec::new())
            .await?;
        // Remove the lock before the ban, so that a kill cannot leave an end for a permanent ban.
        let mut lock = match self.change {
            Change::Ban => self.take_out(user)?,
            Change::Unban | Change::Lift => None,
        };
        let result = match self.change {
            Change::Ban => self.server.ban(user).await,
            Change::Unban | Change::Lift => self.server.unban(user).await,
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

    /// Looks the user up, and returns the result if there is nothing to send.
    ///
    /// # Errors
    /// When the result, or the removal of a lock, cannot be recorded.
    async fn look(&self, task: &Task) -> Result<Option<Done<BanReport>>, RecordError> {
        let (item, user) = (&task.item, &task.item.user);
        if self.change == Change::Unban {
            return Ok(None);
        }
        if self.change == Change::Lift && self.locks.lock_of(user)?.is_some() {
            let left = self.left(item, Outcome::ChangedSince, State::Skipped);
            return left.await.map(Some);
        }
        // An intent without an outcome proves that an earlier attempt found the user otherwise.
        let earlier = task.intended.is_some();
        let (outcome, state) = match (self.server.is_banned(user).await, self.change) {
            (Err(error), _) => return self.unknown(item, error, earlier).await.map(Some),
            (Ok(true), Change::Ban) if earlier => (Outcome::Banned, State::Done),
            (Ok(true), Change::Ban) => (Outcome::AlreadyBanned, State::Nothing),
            (Ok(false), Change::Lift) if earlier => (Outcome::Unbanned, State::Done),
            (Ok(false), Change::Lift) => (Outcome::NotBanned, State::Nothing),
            (Ok(_), _) => return Ok(None),
        };
        // A lock that has become a permanent ban has no end.
        let lock = match self.change {
            Change::Ban => self.take_out(user)?,
            Change::Unban | Change::Lift => None,
        };
        let mut done = self.left(item, outcome, state).await?;
        for report in &mut done.reports {
            report.lock_ended = lock.is_some().then_some(true);
        }
        Ok(Some(done))
    }

    /// Notes that nothing is sent.
    async fn left(
        &self,
        item: &Item,
        outcome: Outcome,
        state: State,
    ) -> Result<Done<BanReport>, RecordError> {
        let noted = record::Outcome {
            state,
            ..outcome::of_call(item, &Ok(()), self.recorder.now())
        };
        self.recorder.settle(item, Some(noted)).await?;
        let settled = match state {
            State::Done => Settled::Done,
            _ => Settled::NothingToDo,
        };
        Ok(one(BanReport::new(item, outcome), settled))
    }

    /// Notes that the user could not be looked up.
    async fn unknown(
        &self,
        item: &Item,
        error: CallError,
        earlier: bool,
    ) -> Result<Done<BanReport>, RecordError> {
        let mut noted = Some(outcome::of_call(item, &Err(error.clone()), self.recorder.now()));
        if earlier {
            // What an earlier attempt sent may have arrived, and that stays on record.
            noted = noted
                .filter(|_| !error.was_not_sent())
                .map(|noted| record::Outcome {
                    state: State::Unknown,
                    ..noted
                });
        }
        self.recorder.settle(item, noted).await?;
        Ok(done_with(item, Err(error), self.change.outcome(false)))
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

/// Reads one user, so that an unknown name is found before anything is changed, and reports what would be done.
pub async fn preview(server: &impl AccountCalls, item: &Item, change: Change) -> Done<BanReport> {
    match server.is_banned(&item.user).await {
        Ok(true) if change == Change::Ban => {
            one(BanReport::new(item, Outcome::AlreadyBanned), Settled::NothingToDo)
        }
        found => done_with(item, found.map(drop), change.outcome(true)),
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
