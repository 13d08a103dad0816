//! Lifts locks: the act of `sessions unlock`.

use std::cell::RefCell;
use std::io;

use easemob_admin_ops::locks::book::{LockBook, LockBookError};
use easemob_admin_ops::locks::glance::Glance;
use easemob_admin_ops::locks::lock::Lock;
use easemob_admin_ops::locks::settling::{Traces, Verdict, is_banned};
use easemob_admin_ops::run::directory::Runs;
use easemob_admin_ops::run::item::Task;
use easemob_admin_ops::run::journal::record::{Outcome, Record, State};
use easemob_admin_ops::run::outcome;
use easemob_admin_ops::run::recorder::{Note, RecordError, Recorder};
use easemob_admin_ops::schedule::pipeline::Stop;
use easemob_admin_ops::schedule::tally::Settled;
use easemob_admin_ops::server::calls::CallError;
use easemob_admin_ops::server::client::Server;
use jiff::Timestamp;

use super::attempt::{Attempt, now};
use super::lock::book::book_of_run;
use super::lock::row::{LockRow, failed, not_started, one};
use crate::command_error::CommandError;
use crate::drive::Done;
use crate::exit::Exit;
use crate::summary::Words;

const UNBAN: &str = "users.unban";

/// What became of one user.
enum UnlockResult {
    /// The ban was lifted.
    Unlocked,
    /// The lock that was meant is no more, so nothing was sent.
    Left(&'static str),
    /// The ban could not be lifted.
    Failed(CallError),
    /// The intent could not be put on record, so nothing was sent.
    Unrecorded(RecordError),
    /// The ban was lifted, and the book still has the lock.
    NotTakenOut(RecordError),
}

/// Returns why a lock that was to be lifted at `as_of` must stay, if it must.
fn must_stay(held: Option<&Lock>, as_of: Timestamp) -> Option<&'static str> {
    match held {
        None => Some("not_locked"),
        Some(lock) if lock.is_newer_than(as_of) => Some("changed_since"),
        // A ban of somebody else may be behind it, which is settled when its time is over.
        Some(lock) if lock.is_pending() && !lock.is_due(as_of) => Some("changed_since"),
        Some(_) => None,
    }
}

/// Returns the word for a lock whose run was cut off, if there is nothing to lift.
#[must_use]
pub fn left(verdict: Verdict) -> Option<&'static str> {
    match verdict {
        Verdict::Lift => None,
        Verdict::NotBanned => Some("not_banned"),
        Verdict::BannedBefore => Some("banned_before"),
        Verdict::Working => Some("lock_in_progress"),
        Verdict::Lost => Some("run_unreadable"),
    }
}

/// Works on the tasks of a run that lifts the locks that were in force at `as_of`, or pending and due by then.
pub(super) async fn unlock(
    attempt: Attempt<'_>,
    tasks: impl Iterator<Item = io::Result<Task>>,
    as_of: Timestamp,
) -> Result<Exit, CommandError> {
    let book = book_of_run(attempt.context, &attempt.header)?;
    let runs = Runs::at(attempt.context.places()?.runs());
    let locks = book.read()?;
    let pending = locks
        .values()
        .filter(|lock| lock.is_pending() && lock.is_due(as_of));
    let unlocking = Unlocking {
        traces: Traces::read(&runs, book.app_root(), pending),
        server: &attempt.session.server,
        recorder: &attempt.recorder,
        book: &book,
        glance: Glance::into(&book),
        as_of,
        lifted: Lifted {
            book: &book,
            locks: RefCell::default(),
        },
    };
    let mut driven = attempt.drive::<LockRow>(
        "unlocking",
        Words {
            done: "unlocked",
            nothing: "nothing to do",
            devices: None,
        },
    );
    let work = async |task: Task| {
        let result = unlocking.unlock_user(&task).await;
        let recorded = note(&attempt.recorder, &task, &result).await;
        let mut done = done_with(LockRow::new(&task.item, word(&result)), &result);
        done.stop = done.stop.or(recorded.err().map(Stop::Record));
        done
    };
    driven
        .phase(tasks, work, |task| vec![LockRow::cut_off(&task.item)])
        .await;
    attempt.end(&mut driven).await;
    driven.finish()
}

struct Unlocking<'a> {
    traces: Traces,
    server: &'a Server,
    recorder: &'a Recorder,
    book: &'a LockBook,
    glance: Glance<'a>,
    as_of: Timestamp,
    lifted: Lifted<'a>,
}

impl Unlocking<'_> {
    async fn unlock_user(&self, task: &Task) -> UnlockResult {
        let unlocked = self.try_to_unlock(task).await;
        unlocked.unwrap_or_else(UnlockResult::Unrecorded)
    }

    async fn try_to_unlock(&self, task: &Task) -> Result<UnlockResult, RecordError> {
        let user = &task.item.user;
        let _guard = self.book.guard(user).await?;
        let held = self.glance.lock_of(user)?;
        if let Some(why) = must_stay(held.as_ref(), self.as_of) {
            return Ok(UnlockResult::Left(why));
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
        match self
            .server
            .client()
            .unban(user)
            .await
            .map_err(|error| CallError::from(&error))
        {
            // An account that was deleted meanwhile needs no lock any more.
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
}

/// Locks that were lifted and are still in the book.
struct Lifted<'a> {
    book: &'a LockBook,
    locks: RefCell<Vec<Lock>>,
}

impl Lifted<'_> {
    /// Takes a lock out of the book, unless it has become another.
    ///
    /// The book is written whole, so those who have come as far at the same time go together.
    async fn take_out(&self, lock: Lock) -> Result<(), LockBookError> {
        self.locks.borrow_mut().push(lock.clone());
        tokio::task::yield_now().await;
        let lifted = self.locks.take();
        if lifted.is_empty() {
            return Ok(());
        }
        let changed = self.book.change(|locks| {
            for lock in &lifted {
                let user = lock.user.folded();
                if locks.get(&user) == Some(lock) {
                    locks.remove(&user);
                }
            }
        });
        if changed.is_err() {
            // The others try for themselves, so that none of them takes this for a success.
            let others = lifted.into_iter().filter(|other| *other != lock);
            self.locks.borrow_mut().extend(others);
        }
        changed
    }
}

async fn note(recorder: &Recorder, task: &Task, result: &UnlockResult) -> Result<(), RecordError> {
    let of_call = |result| outcome::of_call(&task.item, result, now());
    let in_state = |state| Outcome {
        state,
        ..of_call(&Ok(()))
    };
    let outcome = match result {
        UnlockResult::Unrecorded(_) => return Ok(()),
        UnlockResult::Unlocked | UnlockResult::NotTakenOut(_) => of_call(&Ok(())),
        UnlockResult::Left("not_locked" | "not_banned" | "banned_before") => in_state(State::Nothing),
        UnlockResult::Left(_) => in_state(State::Skipped),
        UnlockResult::Failed(error) => of_call(&Err(error.clone())),
    };
    recorder
        .record(Note::of_item(&task.item, Record::Outcome(outcome)))
        .await
}

fn word(result: &UnlockResult) -> &'static str {
    match result {
        UnlockResult::Unlocked | UnlockResult::NotTakenOut(_) => "unlocked",
        UnlockResult::Left(why) => why,
        UnlockResult::Failed(_) => "failed",
        UnlockResult::Unrecorded(_) => "not_started",
    }
}

fn done_with(row: LockRow, result: &UnlockResult) -> Done<LockRow> {
    match result {
        UnlockResult::Unlocked => one(row, Settled::Done),
        UnlockResult::Left(_) => one(row, Settled::NothingToDo),
        UnlockResult::Failed(error) => failed(row, error),
        UnlockResult::Unrecorded(error) => not_started(row, error),
        UnlockResult::NotTakenOut(error) => Done {
            stop: Some(Stop::Record(error.clone())),
            ..one(row, Settled::Done)
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use easemob_admin_ops::locks::lock::LockState;

    #[test]
    fn only_a_lock_that_has_not_changed_since_is_lifted() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let held = Lock {
            since: at(3),
            ..crate::acts::samples::lock("ann", "a", LockState::Locked)
        };
        assert_eq!(must_stay(None, at(5)), Some("not_locked"));
        assert_eq!(must_stay(Some(&held), at(5)), None);
        assert_eq!(must_stay(Some(&held), at(2)), Some("changed_since"));
        let extended = Lock {
            changed: Some(at(6)),
            ..held.clone()
        };
        assert_eq!(must_stay(Some(&extended), at(5)), Some("changed_since"));
        assert_eq!(must_stay(Some(&extended), at(6)), None);
        let pending = |until| Lock {
            state: LockState::Pending,
            until: at(until),
            ..held.clone()
        };
        assert_eq!(must_stay(Some(&pending(5)), at(5)), None);
        assert_eq!(must_stay(Some(&pending(6)), at(5)), Some("changed_since"));
        assert_eq!(
            must_stay(
                Some(&Lock {
                    changed: Some(at(6)),
                    ..pending(5)
                }),
                at(5)
            ),
            Some("changed_since")
        );
    }

    #[tokio::test]
    async fn nobody_takes_the_failure_of_another_for_a_success() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("prod.json");
        let book = LockBook::at(path.clone(), None);
        let lifted = Lifted {
            book: &book,
            locks: RefCell::default(),
        };
        let lock = |name| crate::acts::samples::lock(name, "a", LockState::Locked);
        let (ann, bob) = (lock("ann"), lock("bob"));
        let both = || async { tokio::join!(lifted.take_out(ann.clone()), lifted.take_out(bob.clone())) };

        std::fs::write(&path, "{").unwrap();
        let (first, second) = both().await;
        assert!(first.is_err() && second.is_err());
        assert!(lifted.locks.borrow().is_empty());

        std::fs::remove_file(&path).unwrap();
        for lock in [&ann, &bob] {
            book.change(|locks| locks.insert(lock.user.folded(), lock.clone()))
                .unwrap();
        }
        let (first, second) = both().await;
        assert!(first.is_ok() && second.is_ok());
        assert!(book.read().unwrap().is_empty());
    }
}
