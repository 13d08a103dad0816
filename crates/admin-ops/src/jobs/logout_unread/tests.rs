//! The job against scripted calls: which calls it sends, and what it concludes.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::sync::{Arc, Mutex};

use easemob_admin_api::{DeviceId, UserId};

use super::*;
use crate::jobs::kept_notes::KeptNotes;
use crate::report::Outcome;
use crate::run::basis::Known;
use crate::run::journal::header::Durability;
use crate::run::journal::record::Record;
use crate::run::recorder::Note;
use crate::run::run_record::{InOrder, Sink};
use crate::schedule::tally::Tally;
use crate::server::calls::SeenDevice;

type Log = Arc<Mutex<Vec<String>>>;

struct Script {
    lists: Mutex<VecDeque<Result<usize, CallError>>>,
    act: Mutex<Option<Result<Ended, CallError>>>,
    log: Log,
}

fn add(log: &Log, entry: &str) {
    log.lock().unwrap().push(entry.into());
}

struct Notes(Log);

impl Sink for Notes {
    fn append(&mut self, notes: &[Note]) -> io::Result<()> {
        for note in notes {
            let word = match &note.record {
                Record::Intent(intent) if intent.devices.is_empty() => "intent of everything",
                Record::Outcome(outcome) => &format!("{:?}", outcome.state),
                _ => "another",
            };
            add(&self.0, word);
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl SessionCalls for Script {
    async fn list_devices(&self, _: &UserId) -> Result<Vec<SeenDevice>, CallError> {
        add(&self.log, "list");
        let count = self.lists.lock().unwrap().pop_front().unwrap()?;
        let device = |number| SeenDevice {
            id: DeviceId::parse(format!("ios_{number}")).unwrap(),
            name: None,
            uuid: None,
            signed_in_at: None,
        };
        Ok((0..count).map(device).collect())
    }

    async fn offline(&self, _: &[UserId]) -> Result<BTreeSet<UserId>, CallError> {
        unreachable!("the job does not ask for statuses")
    }

    async fn logout_all(&self, _: &UserId) -> Result<Ended, CallError> {
        add(&self.log, "ALL");
        self.act.lock().unwrap().take().expect("one logout at most")
    }

    async fn logout_device(&self, _: &UserId, _: &DeviceId) -> Result<Ended, CallError> {
        unreachable!("no device is named")
    }
}

const YES: Ended = Ended::Yes { at: None };

fn lost() -> CallError {
    CallError {
        outcome_unknown: true,
        ..CallError::new(LOGOUT_ALL, "no answer")
    }
}

fn task() -> Task {
    Task::fresh(Item::new(0, 1, UserId::parse("ann").unwrap()))
}

fn script(
    act: Option<Result<Ended, CallError>>,
    lists: impl IntoIterator<Item = Result<usize, CallError>>,
) -> Script {
    Script {
        lists: Mutex::new(lists.into_iter().collect()),
        act: Mutex::new(act),
        log: Log::default(),
    }
}

/// Runs the job, and returns what was sent and recorded, with the report.
async fn told(
    task: Task,
    act: Option<Result<Ended, CallError>>,
    lists: impl IntoIterator<Item = Result<usize, CallError>>,
) -> (String, DeviceReport, Tally) {
    let script = script(act, lists);
    let sinks = InOrder(vec![Box::new(Notes(Arc::clone(&script.log)))]);
    let recorder = Recorder::start(Box::new(sinks), Durability::Batch, || 0).unwrap();
    let done = EndingUnread::new(&script, &recorder).work_on(task).await;
    let log = script.log.lock().unwrap().join(", ");
    (log, done.reports[0].clone(), done.tally)
}

#[tokio::test]
async fn one_call_is_enough() {
    let (log, report, tally) = told(task(), Some(Ok(YES)), []).await;
    assert_eq!(log, "intent of everything, ALL, Done");
    assert_eq!(
        (report.outcome, report.why.as_deref()),
        (Outcome::LoggedOut, Some("all devices"))
    );
    assert_eq!(
        (report.basis, report.confirmed_by_reading),
        (Some(Basis::Unread), Some(false))
    );
    assert_eq!(tally.done, 1);
}

#[tokio::test]
async fn who_is_offline_costs_nothing() {
    for (known, basis) in [
        (Known::Offline, Basis::Status),
        (Known::NoDevices, Basis::Devices),
    ] {
        let (log, report, _) = told(task().knowing(known), None, []).await;
        assert_eq!(log, "Nothing");
        assert_eq!(
            (report.outcome, report.basis),
            (Outcome::NothingToDo, Some(basis))
        );
    }
}

#[tokio::test]
async fn a_lost_answer_is_settled_by_reading_and_never_by_a_second_logout() {
    for (act, lists, log, outcome) in [
        (Err(lost()), vec![Ok(0)], "Done", Outcome::LoggedOut),
        (Err(lost()), vec![Ok(2)], "Unknown", Outcome::Failed),
        (
            Err(lost()),
            vec![Err(CallError::new("devices.list", "busy"))],
            "Unknown",
            Outcome::Failed,
        ),
        (Ok(Ended::No), vec![Ok(0)], "Done", Outcome::LoggedOut),
        (Ok(Ended::No), vec![Ok(1)], "FailedRetry", Outcome::Failed),
    ] {
        let (told, report, _) = told(task(), Some(act), lists).await;
        assert_eq!(told, format!("intent of everything, ALL, list, {log}"));
        assert_eq!(report.outcome, outcome, "{told}");
    }
}

#[tokio::test]
async fn what_an_earlier_attempt_may_have_sent_is_not_sent_again() {
    for (lists, log) in [(vec![Ok(0)], "list, Done"), (vec![Ok(1)], "list, Unknown")] {
        let earlier = Task {
            intended: Some(Vec::new()),
            ..task()
        };
        let (told, report, _) = told(earlier, None, lists).await;
        assert_eq!(told, log);
        let error = report.failure.error.unwrap_or_default();
        assert_eq!(
            error.contains("1 device is online"),
            log.ends_with("Unknown"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_refusal_is_a_failure_without_a_reading() {
    let (log, report, tally) = told(task(), Some(Err(CallError::new(LOGOUT_ALL, "busy"))), []).await;
    assert_eq!(log, "intent of everything, ALL, FailedRetry");
    assert_eq!((report.outcome, tally.failed_retry), (Outcome::Failed, 1));
}

/// Runs the job, and returns all that came of it, with the outcome that was recorded.
async fn whole(script: &Script, task: Task, full: bool) -> (Done<DeviceReport>, Option<record::Outcome>) {
    let kept = KeptNotes::new(full);
    let recorder = Recorder::start(kept.record(), Durability::Batch, || 0).unwrap();
    let done = EndingUnread::new(script, &recorder).work_on(task).await;
    drop(recorder.close());
    let outcome = kept.outcomes().pop();
    (done, outcome)
}

#[tokio::test]
async fn a_failure_says_what_is_known_and_how_far_it_reaches() {
    let ends_the_run = |message: &str| CallError {
        scope: Scope::Run,
        ..CallError::new(LOGOUT_ALL, message)
    };
    let lost = || CallError {
        outcome_unknown: true,
        ..ends_the_run("lost")
    };
    for (act, list, status, unknown, scope, message) in [
        (
            Ok(Ended::No),
            Ok(1),
            Some(200),
            false,
            Scope::Item,
            "(result is false)",
        ),
        (
            Ok(Ended::No),
            Err(ends_the_run("no list")),
            Some(200),
            true,
            Scope::Run,
            "no list",
        ),
        (
            Err(lost()),
            Ok(1),
            None,
            true,
            Scope::Item,
            "1 device is online, which may have signed in since then: sign the user out without --unread",
        ),
        (
            Err(lost()),
            Ok(2),
            None,
            true,
            Scope::Item,
            "2 devices are online, which may have signed in since then: sign the user out without --unread",
        ),
    ] {
        let (done, _) = whole(&script(Some(act), [list]), task(), false).await;
        let [failure] = &done.failures[..] else {
            panic!("{:?}", done.failures)
        };
        assert_eq!(
            (failure.status, failure.outcome_unknown, failure.scope),
            (status, unknown, scope),
            "{message}"
        );
        assert!(failure.message.ends_with(message), "{}", failure.message);
    }
}

#[tokio::test]
async fn an_outcome_is_recorded_with_its_basis_and_the_time_of_the_server() {
    let ended = Ok(Ended::Yes { at: Some(7) });
    let (_, outcome) = whole(&script(Some(ended), []), task(), false).await;
    let outcome = outcome.unwrap();
    assert_eq!((outcome.server_at, outcome.basis), (Some(7), Some(Basis::Unread)));
    let offline = task().knowing(Known::Offline);
    let (_, outcome) = whole(&script(None, []), offline, false).await;
    assert_eq!(outcome.unwrap().basis, Some(Basis::Status));
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_sent_and_ends_the_run() {
    let script = script(None, []);
    let (done, _) = whole(&script, task(), true).await;
    assert!(matches!(done.stop, Some(Stop::Record(_))));
    assert_eq!(done.reports[0].outcome, Outcome::NotStarted);
    assert!(script.log.lock().unwrap().is_empty());
}

#[test]
fn a_dry_run_says_what_would_be_done() {
    let would = preview(&task());
    assert_eq!(
        (would.reports[0].outcome, would.tally.done),
        (Outcome::WouldLogOut, 1)
    );
    let nothing = preview(&task().knowing(Known::Offline));
    assert_eq!(
        (nothing.reports[0].outcome, nothing.tally.nothing_to_do),
        (Outcome::NothingToDo, 1)
    );
}
