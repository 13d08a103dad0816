//! Locks users: the act of `sessions lock`.

pub mod book;
pub mod overdue;
pub mod row;

use std::collections::HashMap;
use std::io;

use easemob_admin_api::{DeviceId, UserId};
use jiff::Timestamp;

use self::book::{book_of_run, reconcile};

pub use self::row::LockRow;
use self::row::{failed, not_started, one};
use super::attempt::{Attempt, now};
use crate::command_error::CommandError;
use crate::context::Context;
use crate::drive::Done;
use crate::exit::{self, Exit};
use crate::summary::Words;
use easemob_admin_ops::jobs::logout::{Fate, Mode, UserResult, logout_user};
use easemob_admin_ops::locks::bans::{self, Ban};
use easemob_admin_ops::locks::book::LockBook;
use easemob_admin_ops::locks::glance::Glance;
use easemob_admin_ops::locks::lock::{Lock, LockState, enter};
use easemob_admin_ops::run::directory::Runs;
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::item::Task;
use easemob_admin_ops::run::journal::header::Header;
use easemob_admin_ops::run::journal::record::{Outcome, Record, State};
use easemob_admin_ops::run::outcome;
use easemob_admin_ops::run::recorder::{Note, RecordError, Recorder};
use easemob_admin_ops::schedule::cap::Cap;
use easemob_admin_ops::schedule::pipeline::Stop;
use easemob_admin_ops::schedule::tally::Settled;
use easemob_admin_ops::select::decide::Order;
use easemob_admin_ops::server::calls::{CallError, SessionCalls};
use easemob_admin_ops::server::client::Server;

const BAN: &str = "users.ban";

/// The words of a run that locks.
pub const WORDS: Words = Words {
    done: "locked",
    nothing: "left as they were",
    devices: Some("ended"),
};

/// What locking means for somebody who is not banned, or whose ban is a lock.
///
/// A lock is extended, never cut short by accident: that is what unlocking is for.
#[must_use]
pub fn outcome_for(in_force: Option<&Lock>, run: Option<&str>, until: Timestamp) -> &'static str {
    match in_force {
        None => "locked",
        // An earlier attempt of the same run has come as far as the ban.
        Some(lock) if run == Some(lock.run.as_str()) => "locked",
        Some(lock) if lock.until < until => "extended",
        Some(_) => "already_locked",
    }
}

/// Works on the tasks of a run that locks users.
///
/// All users are in the book before the first ban; who turns out to have been banned before is taken out.
pub(super) async fn lock(
    attempt: Attempt<'_>,
    tasks: impl Iterator<Item = io::Result<Task>>,
    until: Timestamp,
) -> Result<Exit, CommandError> {
    let context = attempt.context;
    let book = book_of_run(context, &attempt.header)?;
    let tasks: Vec<Task> = tasks.collect::<io::Result<_>>().map_err(|error| {
        CommandError::new(exit::INTERNAL, "the users of the run cannot be read").because(error)
    })?;
    if until <= Timestamp::now() {
        context.ui.warn(format_args!(
            "the time of this lock was over on {until:.0}, so nobody is locked any more; who was banned by an \
             earlier attempt is put down as overdue"
        ));
    }
    let locking = Locking::begin(context, &attempt, &book, until, &tasks)?;
    let mut driven = attempt.drive::<LockRow>("locking", WORDS);
    let work = async |task: Task| {
        let result = locking.lock_user(&task).await;
        let recorded = note(&attempt.recorder, &task, &result).await;
        let mut done = done_with(&task, &result);
        done.stop = done.stop.or(recorded.err().map(Stop::Record));
        done
    };
    driven
        .phase(tasks.into_iter().map(Ok), work, |task| {
            vec![LockRow::cut_off(&task.item)]
        })
        .await;
    attempt.end(&mut driven).await;
    let reconciled = reconcile(context, &book);
    let exit = driven.finish()?;
    reconciled.map(|_| exit)
}

/// What earlier attempts of the run left behind for a user whom they may have banned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// The lock is still in the book, so the ban is ours if there is one.
    Held,
    /// Somebody has unlocked, banned or unbanned the user since.
    Undone,
}

/// What became of one user.
enum LockResult {
    /// The ban, or looking for one before it, failed.
    Failed(CallError),
    /// Somebody else's ban is in force; it stays.
    BannedBefore,
    /// Nothing was done, for this reason.
    Left(&'static str),
    /// Banned, which ended some devices; those that were still online had these fates.
    Banned {
        outcome: &'static str,
        until: Timestamp,
        by_the_ban: Vec<DeviceId>,
        devices: UserResult,
    },
    /// The intent or the lock could not be put on record, so nothing was sent.
    Unrecorded(RecordError),
}

/// What locking a user needs.
struct Locking<'a> {
    server: &'a Server,
    recorder: &'a Recorder,
    header: &'a Header,
    runs: Runs,
    book: &'a LockBook,
    glance: Glance<'a>,
    until: Timestamp,
    before: HashMap<u64, Before>,
}

impl<'a> Locking<'a> {
    /// Puts the users of `tasks` into the book.
    fn begin(
        context: &Context,
        attempt: &'a Attempt<'_>,
        book: &'a LockBook,
        until: Timestamp,
        tasks: &[Task],
    ) -> Result<Self, CommandError> {
        let header = &attempt.header;
        let runs = Runs::at(context.places()?.runs());
        let bans = RunId::parse(&header.run)
            .and_then(|id| bans::of_run(&runs, &id))
            .ok_or_else(|| {
                CommandError::new(exit::INTERNAL, format!("the run {} cannot be read", header.run))
            })?;
        let mut this = Self {
            server: &attempt.session.server,
            recorder: &attempt.recorder,
            header,
            runs,
            book,
            glance: Glance::into(book),
            until,
            before: HashMap::new(),
        };
        this.before = book.change(|locks| {
            let mut before = HashMap::new();
            let now = Timestamp::now();
            for Task { item, .. } in tasks {
                let held = locks.get(&item.user.folded());
                let known = match bans.get(&item.number) {
                    None | Some(Ban::Not) => None,
                    Some(_) if held.is_none() => Some(Before::Undone),
                    Some(_) => held.filter(|lock| lock.is_of(&header.run)).map(|_| Before::Held),
                };
                before.extend(known.map(|known| (item.number, known)));
                if known != Some(Before::Undone) && until > now {
                    enter(locks, this.pending(&item.user, now));
                }
            }
            before
        })?;
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
            app_root: self.book.app_root().map(str::to_owned),
            operator: self.header.operator.os_user.clone(),
            reason: self.header.reason.clone(),
            ticket: self.header.ticket.clone(),
        }
    }

    async fn lock_user(&self, task: &Task) -> LockResult {
        let locked = self.try_to_lock(task).await;
        locked.unwrap_or_else(LockResult::Unrecorded)
    }

    async fn try_to_lock(&self, task: &Task) -> Result<LockResult, RecordError> {
        let user = &task.item.user;
        let before = self.before.get(&task.item.number).copied();
        if before == Some(Before::Undone) {
            return Ok(LockResult::Left("lifted_since"));
        }
        let guard = self.book.guard(user).await?;
        let held = self.glance.lock_of(user)?;
        // The book may have changed since the run began: the ban that is in force may be somebody else's by now.
        let is_ours = |lock: &Lock| lock.is_of(&self.header.run);
        if before == Some(Before::Held) && !held.as_ref().is_some_and(is_ours) {
            return Ok(LockResult::Left("lifted_since"));
        }
        let in_force = held.as_ref().filter(|lock| !lock.is_pending());
        let over = self.until <= Timestamp::now();
        if in_force.is_some() {
            if over {
                return Ok(LockResult::Left("time_over"));
            }
        } else {
            match self.server.client().get_user(user).await {
                Err(error) => return Ok(LockResult::Failed(CallError::from(&error))),
                Ok(found) if found.is_banned() => {
                    if before != Some(Before::Held) && !self.may_be_earlier(held.as_ref()) {
                        return Ok(LockResult::BannedBefore);
                    }
                }
                Ok(_) if over => return Ok(LockResult::Left("time_over")),
                Ok(_) => {}
            }
        }
        let outcome = outcome_for(in_force, Some(&self.header.run), self.until);
        let meant = self.devices_before(task).await;
        let recorder = self.recorder;
        recorder
            .intend(&task.item, BAN, meant.clone(), Vec::new())
            .await?;
        self.put_down(user)?;
        if let Err(error) = self.server.client().ban(user).await {
            return Ok(LockResult::Failed(CallError::from(&error)));
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
        // Nobody can sign in any more, so whoever is online is meant.
        let devices = logout_user(
            self.server,
            &Task::fresh(task.item.clone()),
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

    /// A ban that an unfinished run meant to send is taken to be that run's.
    fn may_be_earlier(&self, held: Option<&Lock>) -> bool {
        held.is_some_and(|lock| {
            let others = lock.runs().filter(|run| *run != self.header.run);
            bans::may_be_of(&self.runs, others, &lock.user)
        })
    }

    /// The devices that the ban is going to end, and those that an earlier attempt saw before its ban.
    async fn devices_before(&self, task: &Task) -> Vec<DeviceId> {
        // That they cannot be read keeps nobody from being banned.
        let online = self
            .server
            .list_devices_with_nameless(&task.item.user)
            .await
            .unwrap_or_default();
        let mut devices = task.intended.clone().unwrap_or_default();
        for device in online {
            if !devices.contains(&device.id) {
                devices.push(device.id);
            }
        }
        devices
    }

    /// Sees to it that the lock is in the book. One that is in force keeps its end.
    ///
    /// This comes after the intent: until there is one, others may take a lock out that this run failed to set.
    fn put_down(&self, user: &UserId) -> Result<(), RecordError> {
        let held = {
            // Whoever settles pending locks meanwhile has either not read the intent, and is done by now, or has.
            let _alone = self.book.alone()?;
            self.glance.lock_of(user)?
        };
        if !held.is_some_and(|lock| !lock.is_pending() || lock.run == self.header.run) {
            let new = self.pending(user, Timestamp::now());
            self.book.change(|locks| enter(locks, new))?;
        }
        Ok(())
    }

    /// Sees to it that the lock ends no earlier than meant, and returns its end.
    ///
    /// This comes after the ban: one that is refused leaves a lock in force as it was.
    fn extend(&self, user: &UserId) -> Result<Timestamp, RecordError> {
        if let Some(lock) = self.glance.lock_of(user)?
            && lock.until >= self.until
        {
            return Ok(lock.until);
        }
        Ok(self.book.change(|locks| {
            let now = Timestamp::now();
            let new = self.pending(user, now);
            let lock = locks.entry(user.folded()).or_insert(new);
            if lock.until < self.until {
                lock.until = self.until;
                lock.changed = Some(now);
            }
            lock.until
        })?)
    }
}

/// Returns the devices that were online before the ban and no longer after it; none if nobody could read that.
fn gone(before: Vec<DeviceId>, after: &UserResult) -> Vec<DeviceId> {
    let UserResult::Read { devices, .. } = after else {
        return Vec::new();
    };
    let remained = |id: &DeviceId| devices.iter().any(|device| device.choice.device.id == *id);
    before.into_iter().filter(|id| !remained(id)).collect()
}

async fn note(recorder: &Recorder, task: &Task, result: &LockResult) -> Result<(), RecordError> {
    let item = &task.item;
    let in_state = |state| Outcome {
        state,
        ..outcome::of_call(item, &Ok(()), now())
    };
    let outcome = match result {
        LockResult::Unrecorded(_) => None,
        LockResult::Failed(error) => Some(outcome::of_call(item, &Err(error.clone()), now())),
        LockResult::BannedBefore => Some(in_state(State::Nothing)),
        LockResult::Left(_) => Some(in_state(State::Skipped)),
        LockResult::Banned {
            by_the_ban, devices, ..
        } => outcome::of_logout(item, devices, now()).map(|outcome| Outcome {
            // Without any device online, the ban itself is what was done.
            state: if outcome.state == State::Nothing {
                State::Done
            } else {
                outcome.state
            },
            ended: [&by_the_ban[..], &outcome.ended].concat(),
            ..outcome
        }),
    };
    match outcome {
        Some(outcome) => {
            recorder
                .record(Note::of_item(item, Record::Outcome(outcome)))
                .await
        }
        None => Ok(()),
    }
}

fn done_with(task: &Task, result: &LockResult) -> Done<LockRow> {
    let row = |outcome| LockRow::new(&task.item, outcome);
    match result {
        LockResult::Failed(error) => failed(row("failed"), error),
        LockResult::BannedBefore => one(row("banned_before"), Settled::NothingToDo),
        LockResult::Left(why) => one(row(why), Settled::NothingToDo),
        LockResult::Unrecorded(error) => not_started(row("not_started"), error),
        LockResult::Banned {
            devices: UserResult::Unrecorded(error),
            until,
            ..
        } => {
            let why = "banned, but nothing more can be put on record, so devices may still be online";
            Done {
                stop: Some(Stop::Record(error.clone())),
                ..one(row("unknown").until(*until).unknown(why), Settled::Unknown)
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
            let mut done = match devices.failures().next() {
                Some(error) if error.given_up => {
                    let why =
                        "banned, and stopped before all devices were signed out; they may still be online";
                    let row = row("unknown").ended(&ended).until(*until).unknown(why);
                    one(row, Settled::Unknown)
                }
                Some(error) => one(
                    row("failed").ended(&ended).until(*until).failed(error),
                    after_the_ban(error),
                ),
                None => one(row(outcome).ended(&ended).until(*until), Settled::Done),
            };
            done.tally.devices = ended.len() as u64;
            done.failures = devices.failures().cloned().collect();
            done
        }
    }
}

/// Returns how a failure after the ban counts: whoever is banned was begun, whether or not anything was sent since.
fn after_the_ban(error: &CallError) -> Settled {
    match Settled::of_error(error) {
        Settled::NotStarted => Settled::FailedRetry,
        settled => settled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use easemob_admin_ops::run::item::Item;

    fn task() -> Task {
        Task::fresh(Item {
            number: 0,
            line: 1,
            user: UserId::parse("ann").unwrap(),
            planned: None,
        })
    }

    #[test]
    fn who_was_banned_without_a_record_of_the_rest_is_not_done() {
        let error = RecordError::from(io::Error::other("the disk is full"));
        let done = done_with(
            &task(),
            &LockResult::Banned {
                outcome: "locked",
                until: Timestamp::UNIX_EPOCH,
                by_the_ban: Vec::new(),
                devices: UserResult::Unrecorded(error),
            },
        );
        assert!(matches!(done.stop, Some(Stop::Record(_))));
        assert_eq!((done.tally.done, done.tally.unknown), (0, 1));
        let row = serde_json::to_value(&done.reports[0]).unwrap();
        assert_eq!(row["outcome"], "unknown");
    }

    #[test]
    fn a_lock_is_extended_only_by_a_later_end() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let held = Lock {
            until: at(10),
            ..crate::acts::samples::lock("ann", "a", LockState::Locked)
        };
        assert_eq!(outcome_for(None, None, at(10)), "locked");
        assert_eq!(outcome_for(Some(&held), Some("a"), at(10)), "locked");
        for (until, outcome) in [(9, "already_locked"), (10, "already_locked"), (11, "extended")] {
            assert_eq!(outcome_for(Some(&held), Some("b"), at(until)), outcome);
        }
    }
}
