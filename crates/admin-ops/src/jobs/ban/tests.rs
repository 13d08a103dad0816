//! Bans against one scripted answer: what happens to the lock of the user, and what is reported.

use std::sync::Mutex;

use serde_json::{Value, json};

use super::*;
use crate::jobs::kept_notes::KeptNotes;
use crate::locks::lock::LockState;
use crate::locks::memory::MemoryLocks;
use crate::run::journal::header::Durability;
use crate::run::run_record::{InOrder, Sink};

/// Gives the one answer, and counts the calls.
struct Answer {
    /// Whether the user is banned, or why that cannot be read.
    banned: Result<bool, CallError>,
    result: Result<(), CallError>,
    calls: Mutex<Vec<&'static str>>,
}

impl Answer {
    fn give(&self, call: &'static str) -> Result<(), CallError> {
        self.calls.lock().unwrap().push(call);
        self.result.clone()
    }
}

impl AccountCalls for Answer {
    async fn is_banned(&self, _: &UserId) -> Result<bool, CallError> {
        self.calls.lock().unwrap().push("look");
        self.banned.clone()
    }

    async fn ban(&self, _: &UserId) -> Result<(), CallError> {
        self.give("ban")
    }

    async fn unban(&self, _: &UserId) -> Result<(), CallError> {
        self.give("unban")
    }
}

/// A server on which the user is not banned.
fn answering(result: Result<(), CallError>) -> Answer {
    Answer {
        banned: Ok(false),
        result,
        calls: Mutex::default(),
    }
}

fn ann() -> UserId {
    UserId::parse("ann").unwrap()
}

fn locks(locked: bool) -> MemoryLocks {
    let locks = MemoryLocks::default();
    if locked {
        let lock = Lock::for_test("ann", "a", LockState::Locked);
        locks.change(&[&ann()], &mut |_, _| Some(lock.clone())).unwrap();
    }
    locks
}

fn recorder(sinks: Vec<Box<dyn Sink>>) -> Recorder {
    Recorder::start(Box::new(InOrder(sinks)), Durability::Batch, || 0).unwrap()
}

fn item() -> Item {
    Item::new(0, 1, ann())
}

fn refused() -> CallError {
    CallError {
        status: Some(400),
        retry_may_help: false,
        ..CallError::new("users.ban", "no")
    }
}

fn unanswered() -> CallError {
    CallError {
        outcome_unknown: true,
        ..CallError::new("users.ban", "no answer")
    }
}

fn given_up() -> CallError {
    CallError {
        given_up: true,
        ..CallError::new("users.ban", "the run stops")
    }
}

#[tokio::test]
async fn a_lock_ends_with_a_ban_that_may_be_in_force_and_with_an_unban_that_is() {
    use Change::{Ban, Unban};
    for (change, locked, result, outcome, ended, stays) in [
        (Ban, false, Ok(()), "banned", Value::Null, false),
        (Ban, true, Ok(()), "banned", json!(true), false),
        (Ban, true, Err(refused()), "failed", Value::Null, true),
        (Ban, false, Err(refused()), "failed", Value::Null, false),
        (Ban, true, Err(unanswered()), "failed", json!(true), false),
        (Ban, true, Err(given_up()), "not_started", Value::Null, true),
        (Unban, false, Ok(()), "unbanned", Value::Null, false),
        (Unban, true, Ok(()), "unbanned", json!(true), false),
        (Unban, true, Err(refused()), "failed", Value::Null, true),
        (Unban, true, Err(unanswered()), "failed", Value::Null, true),
    ] {
        let case = format!("{change:?}, locked {locked}, {result:?}");
        let server = answering(result);
        let (locks, recorder) = (locks(locked), recorder(Vec::new()));
        let banning = Banning::new(&server, &recorder, &locks, change);
        let done = banning.work_on(Task::fresh(item())).await;
        let report = serde_json::to_value(&done.reports).unwrap();
        assert_eq!(report[0]["outcome"], outcome, "{case}");
        assert_eq!(report[0]["lock_ended"], ended, "{case}");
        assert_eq!(locks.lock_of(&ann()).unwrap().is_some(), stays, "{case}");
        assert_eq!(done.failures.len(), usize::from(server.result.is_err()), "{case}");
        assert!(done.stop.is_none(), "{case}");
        let calls = usize::from(change == Ban) + 1;
        assert_eq!(server.calls.lock().unwrap().len(), calls, "{case}");
    }
}

#[tokio::test]
async fn a_ban_that_cannot_be_recorded_is_not_sent_and_the_lock_stays() {
    let server = answering(Ok(()));
    let (locks, recorder) = (locks(true), recorder(vec![Box::new(KeptNotes::new(true))]));
    let banning = Banning::new(&server, &recorder, &locks, Change::Ban);
    let done = banning.work_on(Task::fresh(item())).await;
    assert!(matches!(done.stop, Some(Stop::Record(_))));
    assert_eq!(done.reports, [BanReport::new(&item(), Outcome::NotStarted)]);
    assert_eq!(*server.calls.lock().unwrap(), ["look"]);
    assert!(locks.lock_of(&ann()).unwrap().is_some());
}

#[test]
fn a_lock_that_came_meanwhile_is_not_replaced_by_the_one_put_back() {
    let server = answering(Ok(()));
    let (locks, recorder) = (locks(true), recorder(Vec::new()));
    let banning = Banning::new(&server, &recorder, &locks, Change::Ban);
    let taken = banning.take_out(&ann()).unwrap().unwrap();
    assert_eq!(locks.lock_of(&ann()).unwrap(), None);
    let newer = Lock::for_test("ann", "b", LockState::Locked);
    locks.change(&[&ann()], &mut |_, _| Some(newer.clone())).unwrap();
    banning.put_back(&taken).unwrap();
    assert_eq!(locks.lock_of(&ann()).unwrap().unwrap().run, "b");
}

#[test]
fn a_dry_run_and_a_run_have_words_and_calls_of_their_own() {
    use Outcome::{Banned, Unbanned, WouldBan, WouldUnban};
    for (change, call, done, would) in [
        (Change::Ban, "users.ban", Banned, WouldBan),
        (Change::Unban, "users.unban", Unbanned, WouldUnban),
        (Change::Lift, "users.unban", Unbanned, WouldUnban),
    ] {
        assert_eq!(change.call(), call);
        assert_eq!((change.outcome(false), change.outcome(true)), (done, would));
    }
}

#[test]
fn a_failed_ban_counts_by_whether_repeating_helps() {
    for (error, failed_retry, failed_final, not_tried) in [
        (refused(), 0, 1, 0),
        (unanswered(), 1, 0, 0),
        (given_up(), 0, 0, 1),
    ] {
        let tally = done_with(&item(), Err(error.clone()), Outcome::Banned).tally;
        let counted = (tally.failed_retry, tally.failed_final, tally.not_tried);
        assert_eq!(counted, (failed_retry, failed_final, not_tried), "{error:?}");
    }
}

#[tokio::test]
async fn nothing_is_sent_to_a_user_who_is_as_wished() {
    use Change::{Ban, Lift};
    let unread = || Err(CallError::new("users.get", "busy"));
    let intended = Some(Vec::new());
    for (change, banned, locked, earlier, outcome, lock_stays, calls) in [
        (Ban, Ok(true), false, None, "already_banned", false, 1),
        // The ban behind the lock is permanent from now on.
        (Ban, Ok(true), true, None, "already_banned", false, 1),
        // The request of an earlier attempt has arrived.
        (Ban, Ok(true), false, intended.clone(), "banned", false, 1),
        (Ban, Ok(false), false, intended.clone(), "banned", false, 2),
        (Ban, unread(), true, None, "failed", true, 1),
        (Lift, Ok(false), false, None, "not_banned", false, 1),
        (Lift, Ok(false), false, intended, "unbanned", false, 1),
        (Lift, Ok(true), false, None, "unbanned", false, 2),
        // Somebody has locked the user, and ends that.
        (Lift, Ok(true), true, None, "changed_since", true, 0),
        (Lift, unread(), false, None, "failed", false, 1),
    ] {
        let case = format!("{change:?} {banned:?} {locked} {earlier:?}");
        let server = Answer {
            banned,
            ..answering(Ok(()))
        };
        let (locks, recorder) = (locks(locked), recorder(Vec::new()));
        let banning = Banning::new(&server, &recorder, &locks, change);
        let task = Task {
            intended: earlier,
            ..Task::fresh(item())
        };
        let done = banning.work_on(task).await;
        assert_eq!(done.reports[0].outcome.as_str(), outcome, "{case}");
        assert_eq!(
            done.reports[0].lock_ended,
            (locked && !lock_stays).then_some(true),
            "{case}"
        );
        assert_eq!(locks.lock_of(&ann()).unwrap().is_some(), lock_stays, "{case}");
        assert_eq!(server.calls.lock().unwrap().len(), calls, "{case}");
    }
}

#[tokio::test]
async fn what_an_earlier_attempt_sent_stays_on_record_if_the_user_cannot_be_looked_up() {
    for (error, states) in [
        (CallError::new("users.get", "busy"), &[State::Unknown][..]),
        (given_up(), &[]),
    ] {
        let server = Answer {
            banned: Err(error),
            ..answering(Ok(()))
        };
        let (noted, locks) = (KeptNotes::default(), locks(false));
        let recorder = recorder(vec![Box::new(noted.clone())]);
        let banning = Banning::new(&server, &recorder, &locks, Change::Ban);
        let task = Task {
            intended: Some(Vec::new()),
            ..Task::fresh(item())
        };
        let _ = banning.work_on(task).await;
        recorder.close().unwrap();
        assert_eq!(noted.states(), states);
    }
}

#[tokio::test]
async fn what_needs_no_call_is_recorded_and_counted_as_what_it_is() {
    use Change::{Ban, Lift};
    let intended = Some(Vec::new());
    for (change, banned, locked, earlier, state, (done, nothing)) in [
        (Ban, true, false, None, State::Nothing, (0, 1)),
        (Ban, true, false, intended.clone(), State::Done, (1, 0)),
        (Lift, false, false, None, State::Nothing, (0, 1)),
        (Lift, false, false, intended, State::Done, (1, 0)),
        (Lift, true, true, None, State::Skipped, (0, 1)),
    ] {
        let case = format!("{change:?} {banned} {locked} {earlier:?}");
        let server = Answer {
            banned: Ok(banned),
            ..answering(Ok(()))
        };
        let (noted, locks) = (KeptNotes::default(), locks(locked));
        let recorder = recorder(vec![Box::new(noted.clone())]);
        let task = Task {
            intended: earlier,
            ..Task::fresh(item())
        };
        let tally = Banning::new(&server, &recorder, &locks, change)
            .work_on(task)
            .await
            .tally;
        recorder.close().unwrap();
        assert_eq!(noted.states(), [state], "{case}");
        assert_eq!((tally.done, tally.nothing_to_do), (done, nothing), "{case}");
    }
}

#[tokio::test]
async fn a_dry_run_reads_and_says_what_would_be_done() {
    use Change::{Ban, Unban};
    for (change, banned, outcome, (done, nothing, failed)) in [
        (Ban, Ok(false), Outcome::WouldBan, (1, 0, 0)),
        (Ban, Ok(true), Outcome::AlreadyBanned, (0, 1, 0)),
        (Unban, Ok(true), Outcome::WouldUnban, (1, 0, 0)),
        (Unban, Ok(false), Outcome::WouldUnban, (1, 0, 0)),
        (Ban, Err(refused()), Outcome::Failed, (0, 0, 1)),
    ] {
        let server = Answer {
            banned,
            ..answering(Ok(()))
        };
        let found = preview(&server, &item(), change).await;
        assert_eq!(found.reports[0].outcome, outcome);
        let tally = &found.tally;
        assert_eq!(
            (tally.done, tally.nothing_to_do, tally.failed_final),
            (done, nothing, failed),
            "{outcome:?}"
        );
        assert_eq!(*server.calls.lock().unwrap(), ["look"]);
    }
}
