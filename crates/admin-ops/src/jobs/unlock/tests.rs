//! Unlocking against scripted answers: what is sent, what is recorded, and what becomes of the lock.

use std::io;

use super::*;
use crate::jobs::kept_notes::KeptNotes;
use crate::locks::bans::BAN;
use crate::locks::lock::LockState;
use crate::locks::memory::MemoryLocks;
use crate::locks::sqlite::SqliteLocks;
use crate::run::job::Action;
use crate::run::journal::header::{Durability, Operator};
use crate::run::journal::record::{Intent, Record};
use crate::run::memory::MemoryRuns;
use crate::run::new::{Mandate, NewRun};
use crate::run::recorder::Note;
use crate::run::run_record::Recorded;
use crate::target::Target;

/// Gives one answer to each kind of call, and keeps the calls.
struct Server {
    banned: Result<bool, CallError>,
    unban: Result<(), CallError>,
    calls: Mutex<Vec<&'static str>>,
}

/// A server on which Ann is banned.
fn server() -> Server {
    Server {
        banned: Ok(true),
        unban: Ok(()),
        calls: Mutex::default(),
    }
}

impl AccountCalls for Server {
    async fn is_banned(&self, _: &UserId) -> Result<bool, CallError> {
        self.calls.lock().unwrap().push("look");
        self.banned.clone()
    }

    async fn ban(&self, _: &UserId) -> Result<(), CallError> {
        panic!("unlocking bans nobody")
    }

    async fn unban(&self, _: &UserId) -> Result<(), CallError> {
        self.calls.lock().unwrap().push("unban");
        self.unban.clone()
    }
}

const ROOT: &str = "https://im.example.com/acme/chat";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn item() -> Item {
    Item::new(0, 1, UserId::parse("ann").unwrap())
}

/// A run that locks Ann, and may have intended to ban her.
fn begun(runs: &MemoryRuns, intended: bool) -> String {
    let target = Target {
        app: "acme#chat".into(),
        app_root: ROOT.into(),
        profile: None,
        sandbox: false,
    };
    let (action, operator) = (Action::Lock { until: at(9) }, Operator::named("olga", "here"));
    let items = std::iter::once(Ok(item()));
    let new = NewRun::new(action, Mandate::default());
    let mut open = new.create(runs, &target, operator, at(1), 0, items).unwrap();
    let mut record = open.held.into_record(&open.header, &mut open.progress).unwrap();
    if intended {
        let intent = Intent {
            n: 0,
            at: 0,
            call: BAN.into(),
            devices: Vec::new(),
            kept: Vec::new(),
        };
        let note = Note::of_item(&item(), Record::Intent(intent));
        assert_eq!(record.record(&[note]).unwrap(), Recorded::All);
    }
    open.header.run
}

/// What came of it: the result, the states on record, and whether the lock is still there.
struct Seen {
    done: Done<LockReport>,
    states: Vec<State>,
    stays: bool,
}

/// Unlocks Ann as of second 10.
async fn work(server: &Server, runs: &MemoryRuns, held: Option<Lock>, of: Option<&str>, full: bool) -> Seen {
    let locks = MemoryLocks::default().of(Some(ROOT));
    let ann = item().user;
    locks.change(&[&ann], &mut |_, _| held.clone()).unwrap();
    let written = KeptNotes::new(full);
    let recorder = Recorder::start(written.record(), Durability::Batch, || 0).unwrap();
    let mut unlocking = Unlocking::begin(server, &recorder, runs, &locks, at(10)).unwrap();
    if let Some(run) = of {
        unlocking = unlocking.only_of(run);
    }
    let done = unlocking.work_on(Task::fresh(item())).await;
    let _ = recorder.close();
    Seen {
        done,
        states: written.states(),
        stays: locks.lock_of(&ann).unwrap().is_some(),
    }
}

fn locked() -> Lock {
    Lock::for_test("ann", "a", LockState::Locked)
}

#[tokio::test]
async fn a_lock_is_lifted_with_its_ban_and_only_with_it() {
    let busy = || Err(CallError::new("users.unban", "busy"));
    let deleted = || {
        Err(CallError {
            not_found: true,
            retry_may_help: false,
            ..CallError::new("users.unban", "no such user")
        })
    };
    let newer = Some(Lock {
        changed: Some(at(11)),
        ..locked()
    });
    for (held, of, unban, outcome, state, stays, sent) in [
        (Some(locked()), None, Ok(()), "unlocked", State::Done, false, true),
        (
            Some(locked()),
            None,
            busy(),
            "failed",
            State::FailedRetry,
            true,
            true,
        ),
        // A deleted account needs no lock.
        (
            Some(locked()),
            None,
            deleted(),
            "unlocked",
            State::Done,
            false,
            true,
        ),
        (None, None, Ok(()), "not_locked", State::Nothing, false, false),
        (newer, None, Ok(()), "changed_since", State::Skipped, true, false),
        // The lock that is to be undone, and one of another run.
        (
            Some(locked()),
            Some("a"),
            Ok(()),
            "unlocked",
            State::Done,
            false,
            true,
        ),
        (
            Some(locked()),
            Some("b"),
            Ok(()),
            "changed_since",
            State::Skipped,
            true,
            false,
        ),
    ] {
        let case = format!("{held:?} {of:?} {unban:?}");
        let failures = usize::from(outcome == "failed");
        let server = Server { unban, ..server() };
        let seen = work(&server, &MemoryRuns::default(), held, of, false).await;
        assert_eq!(seen.done.reports[0].outcome.as_str(), outcome, "{case}");
        assert_eq!((seen.states, seen.stays), (vec![state], stays), "{case}");
        assert_eq!(seen.done.failures.len(), failures, "{case}");
        assert!(seen.done.stop.is_none(), "{case}");
        assert_eq!(server.calls.lock().unwrap().contains(&"unban"), sent, "{case}");
    }
}

#[tokio::test]
async fn the_ban_behind_an_interrupted_lock_is_lifted_if_the_run_sent_it() {
    let gone = || {
        Err(CallError {
            not_found: true,
            ..CallError::new("users.get", "no such user")
        })
    };
    let busy = || Err(CallError::new("users.get", "busy"));
    for (intended, banned, outcome, state, stays, calls) in [
        (
            Some(true),
            Ok(true),
            "unlocked",
            State::Done,
            false,
            &["look", "unban"][..],
        ),
        (
            Some(false),
            Ok(true),
            "banned_before",
            State::Nothing,
            false,
            &["look"],
        ),
        (
            Some(true),
            Ok(false),
            "not_banned",
            State::Nothing,
            false,
            &["look"],
        ),
        (Some(true), gone(), "not_banned", State::Nothing, false, &["look"]),
        (Some(true), busy(), "failed", State::FailedRetry, true, &["look"]),
        // The run is not there any more.
        (None, Ok(true), "run_unreadable", State::Skipped, true, &["look"]),
    ] {
        let case = format!("{intended:?} {banned:?}");
        let runs = MemoryRuns::default();
        let run = intended.map_or("20260101-000000-000001".into(), |intended| begun(&runs, intended));
        let held = Some(Lock::for_test("ann", &run, LockState::Pending));
        let server = Server { banned, ..server() };
        let seen = work(&server, &runs, held, None, false).await;
        assert_eq!(seen.done.reports[0].outcome.as_str(), outcome, "{case}");
        assert_eq!((seen.states, seen.stays), (vec![state], stays), "{case}");
        assert_eq!(*server.calls.lock().unwrap(), calls, "{case}");
    }
}

#[tokio::test]
async fn a_lock_stays_if_its_end_cannot_be_recorded() {
    let server = server();
    let seen = work(&server, &MemoryRuns::default(), Some(locked()), None, true).await;
    assert!(matches!(seen.done.stop, Some(Stop::Record(_))));
    assert_eq!(seen.done.reports, [LockReport::new(&item(), Outcome::NotStarted)]);
    assert!(seen.stays && server.calls.lock().unwrap().is_empty());
}

#[test]
fn a_run_stops_if_a_lock_stays_behind_a_lifted_ban() {
    let error = RecordError::from(io::Error::other("the disk is full"));
    let done = done_with(&item(), &UnlockResult::NotTakenOut(error));
    assert_eq!(
        (done.reports[0].outcome.as_str(), done.tally.done),
        ("unlocked", 1)
    );
    assert!(matches!(done.stop, Some(Stop::Record(_))));
}

#[test]
fn only_a_lock_that_has_not_changed_since_is_lifted() {
    let held = Lock {
        since: at(3),
        ..Lock::for_test("ann", "a", LockState::Locked)
    };
    assert_eq!(must_stay(None, at(5)), Some(Outcome::NotLocked));
    assert_eq!(must_stay(Some(&held), at(5)), None);
    assert_eq!(must_stay(Some(&held), at(2)), Some(Outcome::ChangedSince));
    let extended = Lock {
        changed: Some(at(6)),
        ..held.clone()
    };
    assert_eq!(must_stay(Some(&extended), at(5)), Some(Outcome::ChangedSince));
    assert_eq!(must_stay(Some(&extended), at(6)), None);
    let pending = |until| Lock {
        state: LockState::Pending,
        until: at(until),
        ..held.clone()
    };
    assert_eq!(must_stay(Some(&pending(5)), at(5)), None);
    assert_eq!(must_stay(Some(&pending(6)), at(5)), Some(Outcome::ChangedSince));
    assert_eq!(
        must_stay(
            Some(&Lock {
                changed: Some(at(6)),
                ..pending(5)
            }),
            at(5)
        ),
        Some(Outcome::ChangedSince)
    );
}

#[tokio::test]
async fn nobody_takes_the_failure_of_another_for_a_success() {
    let home = tempfile::tempdir().unwrap();
    let locks = SqliteLocks::open(home.path().join("prod.sqlite"), None).unwrap();
    let lifted = Lifted {
        locks: &locks,
        waiting: Mutex::default(),
    };
    let lock = |name| Lock::for_test(name, "a", LockState::Locked);
    let (ann, bob) = (lock("ann"), lock("bob"));
    let both = || async { tokio::join!(lifted.take_out(ann.clone()), lifted.take_out(bob.clone())) };

    std::fs::create_dir(home.path().join("prod.sqlite")).unwrap();
    let (first, second) = both().await;
    assert!(first.is_err() && second.is_err());
    assert!(lifted.waiting().is_empty());
    lifted.waiting().push(bob.clone());
    assert!(lifted.take_out(ann.clone()).await.is_err());
    assert_eq!(mem::take(&mut *lifted.waiting()), std::slice::from_ref(&bob));

    std::fs::remove_dir(home.path().join("prod.sqlite")).unwrap();
    locks
        .change(&[&ann.user, &bob.user], &mut |index, _| {
            Some([&ann, &bob][index].clone())
        })
        .unwrap();
    let (first, second) = both().await;
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(locks.count().unwrap(), 0);
}
