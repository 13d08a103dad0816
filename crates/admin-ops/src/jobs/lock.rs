//! Locks a user: a ban, a logout of any remaining devices, and an end that is recorded before the ban is
//! sent.

use std::collections::HashMap;

use easemob_admin_api::{DeviceId, UserId};
use jiff::Timestamp;

use crate::jobs::logout::{Fate, Mode, UserResult, logout_user};
use crate::locks::bans::{self, BAN, Ban};
use crate::locks::lock::{Lock, LockState, enter};
use crate::locks::store::{LockStore, LockStoreError};
use crate::report::lock::{LockReport, failed, not_started};
use crate::report::{Failure, Outcome, one};
use crate::run::id::RunId;
use crate::run::item::{Item, Task};
use crate::run::journal::header::Header;
use crate::run::journal::record::{self, State};
use crate::run::outcome;
use crate::run::recorder::{RecordError, Recorder};
use crate::run::store::RunStore;
use crate::schedule::cap::Cap;
use crate::schedule::pipeline::Stop;
use crate::schedule::run_loop::Done;
use crate::schedule::tally::Settled;
use crate::select::decide::Order;
use crate::server::calls::{AccountCalls, CallError, SessionCalls};

/// Why a run that locks users cannot start.
#[derive(Debug, thiserror::Error)]
pub enum CannotLock {
    /// The results of earlier attempts are unreadable.
    #[error("cannot read run {0}")]
    Run(String),
    /// The locks cannot be read or written.
    #[error(transparent)]
    Locks(#[from] LockStoreError),
}

/// Returns the outcome of locking a user who is not banned, or whose ban is a lock.
///
/// A lock is extended, never shortened by accident: to shorten it, unlock the user.
#[must_use]
pub fn outcome_for(in_force: Option<&Lock>, run: Option<&str>, until: Timestamp) -> Outcome {
    match in_force {
        None => Outcome::Locked,
        // An earlier attempt of the same run got as far as the ban.
        Some(lock) if run == Some(lock.run.as_str()) => Outcome::Locked,
        Some(lock) if lock.until < until => Outcome::Extended,
        Some(_) => Outcome::AlreadyLocked,
    }
}

/// What earlier attempts of the run left for a user whom they may have banned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// The lock still exists, so a ban belongs to this run.
    Held,
    /// Somebody has unlocked, banned or unbanned the user since then.
    Undone,
}

/// The result for one user.
enum LockResult {
    /// The ban failed, or the check for an existing ban.
    Failed(CallError),
    /// An existing ban is in force, and stays.
    BannedBefore,
    /// Nothing was done, for this reason.
    Left(Outcome),
    /// Banned, which signed out some devices; the remaining ones had these fates.
    Banned {
        outcome: Outcome,
        until: Timestamp,
        by_the_ban: Vec<DeviceId>,
        devices: UserResult,
    },
    /// The intent or the lock could not be recorded, so nothing was sent.
    Unrecorded(RecordError),
}

/// The state for locking users.
#[derive(Debug)]
pub struct Locking<'a, S> {
    server: &'a S,
    recorder: &'a Recorder,
    header: &'a Header,
    runs: &'a dyn RunStore,
    locks: &'a dyn LockStore,
    until: Timestamp,
    before: HashMap<u64, Before>,
}

impl<'a, S: SessionCalls + AccountCalls> Locking<'a, S> {
    /// Enters a lock for each user of `tasks`. All are entered before the first ban; locks of users who turn
    /// out to be banned already are removed later.
    ///
    /// # Errors
    /// When the locks cannot be written, or the results of earlier attempts of the run cannot be read.
    /// Nothing may be sent then.
    pub fn begin(
        server: &'a S,
        recorder: &'a Recorder,
        header: &'a Header,
        runs: &'a dyn RunStore,
        locks: &'a dyn LockStore,
        until: Timestamp,
        tasks: &[Task],
    ) -> Result<Self, CannotLock> {
        let bans = RunId::parse(&header.run)
            .and_then(|id| bans::of_run(runs, &id))
            .ok_or_else(|| CannotLock::Run(header.run.clone()))?;
        let mut this = Self {
            server,
            recorder,
            header,
            runs,
            locks,
            until,
            before: HashMap::new(),
        };
        let users: Vec<&UserId> = tasks.iter().map(|task| &task.item.user).collect();
        let (mut before, mut now) = (HashMap::new(), Timestamp::UNIX_EPOCH);
        locks.change(&users, &mut |index, held| {
            if index == 0 {
                // The store may have to begin again.
                (before, now) = (HashMap::new(), recorder.time());
            }
            let item = &tasks[index].item;
            let known = match bans.get(&item.number) {
                None | Some(Ban::Not) => None,
                Some(_) if held.is_none() => Some(Before::Undone),
                Some(_) => held
                    .as_ref()
                    .filter(|lock| lock.is_of(&header.run))
                    .map(|_| Before::Held),
            };
            before.extend(known.map(|known| (item.number, known)));
            if known != Some(Before::Undone) && until > now {
                Some(enter(held, this.pending(&item.user, now)))
            } else {
                held
            }
        })?;
        this.before = before;
        Ok(this)
    }

    fn pending(&self, user: &UserId, now: Timestamp) -> Lock {
        Lock {
            user: user.clone(),
            since: self.header.created,
            until: self.until,
            state: LockState::Pending,
            run: self.header.run.clone(),
            earlier: Vec::new(),
            changed: Some(now),
            app_root: self.locks.app_root().map(str::to_owned),
            operator: self.header.operator.os_user.clone(),
            reason: self.header.reason.clone(),
            ticket: self.header.ticket.clone(),
        }
    }

    /// Works on one user.
    pub async fn work_on(&self, task: Task) -> Done<LockReport> {
        let locked = self.try_to_lock(&task).await;
        let result = locked.unwrap_or_else(LockResult::Unrecorded);
        let noted = self.note(&task.item, &result).await;
        let mut done = done_with(&task.item, &result);
        done.stop = done.stop.or(noted.err().map(Stop::Record));
        done
    }

    async fn try_to_lock(&self, task: &Task) -> Result<LockResult, RecordError> {
        let user = &task.item.user;
        let before = self.before.get(&task.item.number).copied();
        if before == Some(Before::Undone) {
            return Ok(LockResult::Left(Outcome::LiftedSince));
        }
        let guard = self.locks.guard(user).await?;
        let held = self.locks.lock_of(user)?;
        // The lock may have changed since the run started: an existing ban may no longer belong to this run.
        let is_ours = |lock: &Lock| lock.is_of(&self.header.run);
        if before == Some(Before::Held) && !held.as_ref().is_some_and(is_ours) {
            return Ok(LockResult::Left(Outcome::LiftedSince));
        }
        let in_force = held.as_ref().filter(|lock| !lock.is_pending());
        let over = self.until <= self.recorder.time();
        if in_force.is_some() {
            if over {
                return Ok(LockResult::Left(Outcome::TimeOver));
            }
        } else {
            match self.server.is_banned(user).await {
                Err(error) => return Ok(LockResult::Failed(error)),
                Ok(true) => {
                    if before != Some(Before::Held) && !self.may_be_earlier(held.as_ref()) {
                        return Ok(LockResult::BannedBefore);
                    }
                }
                Ok(false) if over => return Ok(LockResult::Left(Outcome::TimeOver)),
                Ok(false) => {}
            }
        }
        let outcome = outcome_for(in_force, Some(&self.header.run), self.until);
        let meant = self.devices_before(task).await;
        let recorder = self.recorder;
        recorder
            .intend(&task.item, BAN, meant.clone(), Vec::new())
            .await?;
        self.put_down(user)?;
        if let Err(error) = self.server.ban(user).await {
            return Ok(LockResult::Failed(error));
        }
        let until = match self.extend(user) {
            Ok(until) => until,
            Err(error) => {
                return Ok(LockResult::Banned {
                    outcome,
                    until: in_force.map_or(self.until, |lock| lock.until),
                    by_the_ban: Vec::new(),
                    devices: UserResult::Unrecorded(error),
                });
            }
        };
        drop(guard);
        // The user can no longer sign in, so every device that is online is signed out. The ban has signed out the
        // devices of a user who was offline a moment ago and is not by now.
        let devices = logout_user(
            self.server,
            &Task::fresh(task.item.clone()).knowing(task.known),
            &Order::default(),
            Mode::Act(recorder),
            &Cap::new(None),
        )
        .await;
        Ok(LockResult::Banned {
            outcome,
            until,
            by_the_ban: gone(meant, &devices),
            devices,
        })
    }

    /// Assumes that a ban belongs to the unfinished run that intended to send it.
    fn may_be_earlier(&self, held: Option<&Lock>) -> bool {
        held.is_some_and(|lock| {
            let others = lock.runs().filter(|run| *run != self.header.run);
            bans::may_be_of(self.runs, others, &lock.user)
        })
    }

    /// Returns the devices that the ban will sign out, and those that an earlier attempt saw before its ban.
    async fn devices_before(&self, task: &Task) -> Vec<DeviceId> {
        let online = if task.known.is_without_devices() {
            Vec::new()
        } else {
            // If the devices cannot be read, the user is banned anyway.
            let read = self.server.list_devices_with_nameless(&task.item.user).await;
            read.unwrap_or_default()
        };
        let mut devices = task.intended.clone().unwrap_or_default();
        for device in online {
            if !devices.contains(&device.id) {
                devices.push(device.id);
            }
        }
        devices
    }

    /// Makes sure that the lock exists. A lock in force keeps its end.
    ///
    /// This comes after the intent: before there is an intent, others may remove a lock that this run failed
    /// to set. A process that settles pending locks in the meantime either has not read the intent, and is
    /// finished by now, or has read it.
    fn put_down(&self, user: &UserId) -> Result<(), RecordError> {
        Ok(self.locks.change(&[user], &mut |_, held| {
            let is_ours = |lock: &Lock| lock.is_pending() && lock.run == self.header.run;
            if held.as_ref().is_some_and(is_ours) {
                return held;
            }
            Some(enter(held, self.pending(user, self.recorder.time())))
        })?)
    }

    /// Makes sure that the lock does not end too early, and returns its end.
    ///
    /// This comes after the ban: if the ban is refused, a lock in force stays as it was.
    fn extend(&self, user: &UserId) -> Result<Timestamp, RecordError> {
        if let Some(lock) = self.locks.lock_of(user)?
            && lock.until >= self.until
        {
            return Ok(lock.until);
        }
        let mut until = self.until;
        self.locks.change(&[user], &mut |_, held| {
            let now = self.recorder.time();
            let mut lock = held.unwrap_or_else(|| self.pending(user, now));
            if lock.until < self.until {
                lock.until = self.until;
                lock.changed = Some(now);
            }
            until = lock.until;
            Some(lock)
        })?;
        Ok(until)
    }

    async fn note(&self, item: &Item, result: &LockResult) -> Result<(), RecordError> {
        let now = self.recorder.now();
        let in_state = |state| record::Outcome {
            state,
            ..outcome::of_call(item, &Ok(()), now)
        };
        let outcome = match result {
            LockResult::Unrecorded(_) => None,
            LockResult::Failed(error) => Some(outcome::of_call(item, &Err(error.clone()), now)),
            LockResult::BannedBefore => Some(in_state(State::Nothing)),
            LockResult::Left(_) => Some(in_state(State::Skipped)),
            LockResult::Banned {
                by_the_ban, devices, ..
            } => outcome::of_logout(item, devices, now).map(|outcome| record::Outcome {
                // If no device was online, the ban itself was the act.
                state: if outcome.state == State::Nothing {
                    State::Done
                } else {
                    outcome.state
                },
                ended: [&by_the_ban[..], &outcome.ended].concat(),
                ..outcome
            }),
        };
        self.recorder.settle(item, outcome).await
    }
}

/// Checks one user as a run would, and reports what it would do. Nothing is recorded, because nothing changes.
pub async fn preview<S: SessionCalls + AccountCalls>(
    server: &S,
    task: &Task,
    locks: &dyn LockStore,
    until: Timestamp,
) -> Done<LockReport> {
    let lock = match locks.lock_of(&task.item.user) {
        Ok(lock) => lock,
        Err(error) => return not_started(&task.item, &error.into()),
    };
    match would_lock(server, task, lock.as_ref(), until).await {
        Ok(done) => done,
        Err(error) => failed(LockReport::new(&task.item, Outcome::Failed), &error),
    }
}

async fn would_lock<S: SessionCalls + AccountCalls>(
    server: &S,
    task: &Task,
    lock: Option<&Lock>,
    until: Timestamp,
) -> Result<Done<LockReport>, CallError> {
    let item = &task.item;
    let banned = server.is_banned(&item.user).await?;
    // A pending lock may be a real lock or an existing ban; only its finished run shows which.
    let in_force = lock.filter(|lock| !lock.is_pending());
    if banned && lock.is_none() {
        return Ok(one(
            LockReport::new(item, Outcome::BannedBefore),
            Settled::NothingToDo,
        ));
    }
    let (would, until) = match (outcome_for(in_force, None, until), in_force) {
        (Outcome::Extended, _) => (Outcome::WouldExtend, until),
        (Outcome::AlreadyLocked, Some(lock)) => (Outcome::AlreadyLocked, lock.until),
        _ => (Outcome::WouldLock, until),
    };
    let devices = if task.known.is_without_devices() {
        Vec::new()
    } else {
        server.list_devices_with_nameless(&item.user).await?
    };
    let report = LockReport::new(item, would).until(until);
    let mut done = one(report.based_on(Some(task.known.basis())), Settled::Done);
    done.tally.devices = devices.len() as u64;
    Ok(done)
}

/// Returns the devices that were online before the ban but not after it; empty if they could not be read.
fn gone(before: Vec<DeviceId>, after: &UserResult) -> Vec<DeviceId> {
    let UserResult::Read { devices, .. } = after else {
        return Vec::new();
    };
    let remained = |id: &DeviceId| devices.iter().any(|device| device.choice.device.id == *id);
    before.into_iter().filter(|id| !remained(id)).collect()
}

fn done_with(item: &Item, result: &LockResult) -> Done<LockReport> {
    let report = |outcome| LockReport::new(item, outcome);
    match result {
        LockResult::Failed(error) => failed(report(Outcome::Failed), error),
        LockResult::BannedBefore => one(report(Outcome::BannedBefore), Settled::NothingToDo),
        LockResult::Left(why) => one(report(*why), Settled::NothingToDo),
        LockResult::Unrecorded(error) => not_started(item, error),
        LockResult::Banned {
            devices: UserResult::Unrecorded(error),
            until,
            ..
        } => {
            let why = "banned, but nothing more can be recorded, so devices may still be online";
            let report = report(Outcome::Unknown).until(*until).with(Failure::unknown(why));
            Done {
                stop: Some(Stop::Record(error.clone())),
                ..one(report, Settled::Unknown)
            }
        }
        LockResult::Banned {
            outcome,
            until,
            by_the_ban,
            devices,
        } => {
            let logged_out = devices.devices().iter();
            let logged_out = logged_out.filter(|device| matches!(device.fate, Fate::Ended { .. }));
            let mut ended = by_the_ban.clone();
            ended.extend(logged_out.map(|device| device.choice.device.id.clone()));
            let banned = |outcome| {
                let report = report(outcome).ended(&ended).until(*until);
                report.based_on(devices.basis())
            };
            let mut done = match devices.failures().next() {
                Some(error) if error.given_up => {
                    let why =
                        "banned, but stopped before all devices were signed out; they may still be online";
                    one(
                        banned(Outcome::Unknown).with(Failure::unknown(why)),
                        Settled::Unknown,
                    )
                }
                Some(error) => one(banned(Outcome::Failed).with(error), after_the_ban(error)),
                None => one(banned(*outcome), Settled::Done),
            };
            done.tally.devices = ended.len() as u64;
            done.failures = devices.failures().cloned().collect();
            done
        }
    }
}

/// Returns how a failure after the ban counts: a banned user counts as started, whether or not anything was
/// sent afterwards.
fn after_the_ban(error: &CallError) -> Settled {
    match Settled::of_error(error) {
        Settled::NotStarted => Settled::FailedRetry,
        settled => settled,
    }
}

#[cfg(test)]
mod tests;
