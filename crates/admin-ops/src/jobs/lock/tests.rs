//! Locks against scripted answers: what is sent, what is recorded, and what becomes of the lock.

mod scene;

use std::io;

use self::scene::*;
use super::*;
use crate::jobs::kept_notes::KeptNotes;
use crate::locks::memory::MemoryLocks;
use crate::run::basis::{Basis, Known};
use crate::run::journal::header::Durability;
use crate::run::memory::MemoryRuns;
use crate::run::run_record::InOrder;

#[tokio::test]
async fn a_ban_has_an_end_on_record_before_it_is_sent() {
    let server = server().lists([Ok(vec!["ios_1", "web_1"])]);
    let seen = work(&server, scene()).await;
    assert_eq!(*server.calls.lock().unwrap(), ["look", "list", "ban", "list"]);
    let expected = Lock {
        since: at(1),
        changed: Some(at(NOW)),
        operator: "olga".into(),
        reason: None,
        ..pending(&first(), UNTIL)
    };
    assert_eq!(seen.begun.as_ref(), Some(&expected));
    assert_eq!(seen.lock, Some(expected));

    assert_eq!(seen.outcome(), "locked");
    let report = seen.report();
    assert_eq!(
        (report.devices_ended, report.devices.as_str()),
        (Some(2), "ios_1 web_1")
    );
    assert_eq!(report.until, Some(format!("{:.0}", at(UNTIL))));
    assert_eq!(report.basis, Some(Basis::Devices));
    assert_eq!((seen.done.tally.done, seen.done.tally.devices), (1, 2));
    assert!(seen.done.stop.is_none() && seen.done.failures.is_empty());

    let intent = seen.intended().unwrap();
    assert_eq!(
        (intent.call.as_str(), &intent.devices),
        (BAN, &ids(&["ios_1", "web_1"]))
    );
    let outcome = seen.recorded().unwrap();
    assert_eq!(
        (outcome.state, &outcome.ended),
        (State::Done, &ids(&["ios_1", "web_1"]))
    );
}

#[tokio::test]
async fn what_the_ban_leaves_online_is_signed_out_and_counts_once() {
    let server = server().lists([Ok(vec!["ios_1", "web_1"]), Ok(vec!["web_1", "ios_2"])]);
    let seen = work(&server, scene()).await;
    assert_eq!(
        *server.calls.lock().unwrap(),
        ["look", "list", "ban", "list", "logout"]
    );
    assert_eq!(seen.report().devices, "ios_1 ios_2 web_1");
    assert_eq!(seen.recorded().unwrap().ended, ids(&["ios_1", "ios_2", "web_1"]));
    assert_eq!(seen.done.tally.devices, 3);
}

#[tokio::test]
async fn a_user_who_is_offline_is_banned_without_a_list() {
    let server = server();
    let seen = work(
        &server,
        Scene {
            known: Known::Offline,
            ..scene()
        },
    )
    .await;
    assert_eq!(*server.calls.lock().unwrap(), ["look", "ban"]);
    assert_eq!(seen.recorded().unwrap().state, State::Done);
    assert_eq!(seen.report().basis, Some(Basis::Status));
}

#[tokio::test]
async fn devices_that_an_earlier_attempt_saw_stay_in_the_intent() {
    let server = server().lists([Ok(vec!["ios_1", "web_1"])]);
    let scene = Scene {
        intended: Some(ids(&["ios_1", "ios_0"])),
        ..scene()
    };
    let seen = work(&server, scene).await;
    assert_eq!(
        seen.intended().unwrap().devices,
        ids(&["ios_1", "ios_0", "web_1"])
    );
    assert_eq!(seen.recorded().unwrap().ended, ids(&["ios_1", "ios_0", "web_1"]));
}

#[tokio::test]
async fn devices_that_cannot_be_read_do_not_stop_a_ban() {
    let unreadable = server().lists([Err(error("devices.list"))]);
    let seen = work(&unreadable, scene()).await;
    assert_eq!((seen.outcome(), seen.done.failures.len()), ("locked", 0));

    // After the ban, they may still be online.
    let given_up = CallError {
        given_up: true,
        ..error("devices.list")
    };
    for (failure, outcome, failed_retry, unknown) in [
        (error("devices.list"), "failed", 1, 0),
        (given_up, "unknown", 0, 1),
    ] {
        let server = server().lists([Ok(vec!["ios_1"]), Err(failure)]);
        let seen = work(&server, scene()).await;
        assert_eq!(seen.outcome(), outcome);
        assert_eq!(
            (seen.report().devices.as_str(), seen.done.failures.len()),
            ("", 1)
        );
        let tally = &seen.done.tally;
        assert_eq!((tally.failed_retry, tally.unknown), (failed_retry, unknown));
        assert!(
            !seen
                .report()
                .failure
                .error
                .as_deref()
                .unwrap_or_default()
                .is_empty()
        );
    }
}

#[tokio::test]
async fn a_ban_of_somebody_else_is_left_alone_and_one_of_an_unfinished_run_is_locked() {
    let banned = || Server {
        banned: Ok(true),
        ..server()
    };
    let stranger = banned();
    let seen = work(&stranger, scene()).await;
    assert_eq!(
        (seen.outcome(), seen.recorded().unwrap().state),
        ("banned_before", State::Nothing)
    );
    assert_eq!(*stranger.calls.lock().unwrap(), ["look"]);
    assert_eq!(seen.done.tally.nothing_to_do, 1);

    for (records, outcome) in [
        (vec![], "banned_before"),
        (vec![intent(), refused()], "banned_before"),
        (vec![intent()], "locked"),
    ] {
        let runs = MemoryRuns::default();
        let other = begun(&runs, 80, records).run;
        let scene = Scene {
            held: Some(pending(&other, 80)),
            ..scene()
        };
        let seen = work_with(&banned(), scene, &runs).await;
        assert_eq!(seen.outcome(), outcome);
        let lock = seen.lock.unwrap();
        assert_eq!((lock.until, lock.runs().count()), (at(UNTIL), 2));
    }
}

#[tokio::test]
async fn a_lock_in_force_is_extended_once_the_ban_is_sent_and_never_shortened() {
    for (until, ban, outcome, end, changed) in [
        (UNTIL - 1, Ok(()), "extended", UNTIL, Some(at(NOW))),
        (UNTIL, Ok(()), "already_locked", UNTIL, None),
        (UNTIL + 1, Ok(()), "already_locked", UNTIL + 1, None),
        (UNTIL - 1, Err(error(BAN)), "failed", UNTIL - 1, None),
    ] {
        let sent = ban.is_ok();
        let server = Server { ban, ..server() };
        let scene = Scene {
            held: Some(locked("other", until)),
            ..scene()
        };
        let seen = work(&server, scene).await;
        assert_eq!(seen.outcome(), outcome, "{until}");
        let expected = Lock {
            changed,
            ..locked("other", end)
        };
        assert_eq!(seen.lock, Some(expected), "{until}");
        let told = sent.then(|| format!("{:.0}", at(end)));
        assert_eq!(seen.report().until, told, "{until}");
        // The lock says that the user is banned.
        assert_eq!(server.calls.lock().unwrap()[..2], ["list", "ban"], "{until}");
    }
}

#[tokio::test]
async fn a_lock_whose_time_is_over_is_not_set() {
    for (held, banned, outcome) in [
        (None, false, "time_over"),
        (None, true, "banned_before"),
        (Some(locked("other", 200)), true, "time_over"),
    ] {
        let server = Server {
            banned: Ok(banned),
            ..server()
        };
        let scene = Scene {
            until: NOW,
            held: held.clone(),
            ..scene()
        };
        let seen = work(&server, scene).await;
        assert_eq!(seen.outcome(), outcome);
        assert_eq!(seen.begun, held, "no lock is entered");
        assert!(!server.calls.lock().unwrap().contains(&"ban"));
    }
    let scene = Scene {
        until: NOW + 1,
        ..scene()
    };
    assert_eq!(work(&server(), scene).await.outcome(), "locked");
}

#[tokio::test]
async fn what_somebody_has_undone_since_an_earlier_attempt_stays_undone() {
    let server = Server {
        banned: Ok(true),
        ..server()
    };
    let ours = Some(pending(&first(), UNTIL));
    let theirs = locked("other", 200);
    for (held, meanwhile, begun, lock) in [
        (None, Meanwhile::Nothing, false, None),
        (ours.clone(), Meanwhile::Lifted, true, None),
        (
            ours.clone(),
            Meanwhile::Locked(Box::new(theirs.clone())),
            true,
            Some(theirs),
        ),
    ] {
        let scene = Scene {
            earlier: vec![intent()],
            held,
            meanwhile,
            ..scene()
        };
        let seen = work(&server, scene).await;
        assert_eq!(seen.outcome(), "lifted_since");
        assert_eq!(seen.recorded().unwrap().state, State::Skipped);
        assert_eq!((seen.begun.is_some(), seen.lock), (begun, lock));
    }
    assert!(server.calls.lock().unwrap().is_empty());

    for (earlier, held, outcome) in [
        // The ban is that of the earlier attempt.
        (vec![intent()], ours, "locked"),
        // The earlier attempt banned nobody.
        (vec![intent(), refused()], None, "banned_before"),
    ] {
        let scene = Scene {
            earlier,
            held,
            ..scene()
        };
        assert_eq!(work(&server, scene).await.outcome(), outcome);
    }
}

#[tokio::test]
async fn a_lock_that_disappears_before_the_ban_is_entered_again() {
    let server = server();
    let scene = Scene {
        meanwhile: Meanwhile::Lifted,
        ..scene()
    };
    let seen = work(&server, scene).await;
    assert_eq!(seen.outcome(), "locked");
    let lock = seen.lock.unwrap();
    assert_eq!((lock.run, lock.until), (first(), at(UNTIL)));
}

#[tokio::test]
async fn a_user_who_cannot_be_looked_up_or_banned_has_failed() {
    for (banned, ban, calls) in [
        (Err(error("users.get")), Ok(()), &["look"][..]),
        (Ok(false), Err(error(BAN)), &["look", "list", "ban"]),
    ] {
        let server = Server {
            banned,
            ban,
            ..server()
        };
        let seen = work(&server, scene()).await;
        assert_eq!(seen.outcome(), "failed");
        assert_eq!((seen.done.tally.failed_retry, seen.done.failures.len()), (1, 1));
        assert_eq!(seen.recorded().unwrap().state, State::FailedRetry);
        assert_eq!(*server.calls.lock().unwrap(), calls);
    }
}

#[tokio::test]
async fn a_ban_that_cannot_be_recorded_is_not_sent() {
    let (server, runs, locks) = (server(), MemoryRuns::default(), MemoryLocks::default());
    let header = begun(&runs, UNTIL, Vec::new());
    let record = KeptNotes::new(true).record();
    let recorder = Recorder::start(record, Durability::Batch, || NOW * 1_000).unwrap();
    let task = Task::fresh(item());
    let tasks = std::slice::from_ref(&task);
    let locking = Locking::begin(&server, &recorder, &header, &runs, &locks, at(UNTIL), tasks).unwrap();
    let done = locking.work_on(task).await;
    assert!(matches!(done.stop, Some(Stop::Record(_))));
    assert_eq!(done.reports, [LockReport::new(&item(), Outcome::NotStarted)]);
    assert_eq!(*server.calls.lock().unwrap(), ["look", "list"]);
}

#[test]
fn a_run_that_cannot_be_read_does_not_start() {
    let (server, runs, locks) = (server(), MemoryRuns::default(), MemoryLocks::default());
    let header = begun(&MemoryRuns::default(), UNTIL, Vec::new());
    let record = Box::new(InOrder(Vec::new()));
    let recorder = Recorder::start(record, Durability::Batch, || 0).unwrap();
    let tasks = [Task::fresh(item())];
    let begun = Locking::begin(&server, &recorder, &header, &runs, &locks, at(UNTIL), &tasks);
    assert!(matches!(begun, Err(CannotLock::Run(run)) if run == header.run));
    assert_eq!(locks.count().unwrap(), 0);
}

#[tokio::test]
async fn a_preview_says_what_a_run_would_do() {
    let busy = || Err(error("users.get"));
    for (held, banned, outcome, end, devices) in [
        (None, Ok(false), "would_lock", Some(UNTIL), 1),
        (None, Ok(true), "banned_before", None, 0),
        (Some(pending("other", 90)), Ok(true), "would_lock", Some(UNTIL), 1),
        (
            Some(pending("other", 200)),
            Ok(false),
            "would_lock",
            Some(UNTIL),
            1,
        ),
        (
            Some(locked("other", 90)),
            Ok(true),
            "would_extend",
            Some(UNTIL),
            1,
        ),
        (
            Some(locked("other", 200)),
            Ok(true),
            "already_locked",
            Some(200),
            1,
        ),
        (None, busy(), "failed", None, 0),
    ] {
        let case = format!("{held:?} {banned:?}");
        let server = Server {
            banned,
            ..server().lists([Ok(vec!["ios_1"])])
        };
        let locks = MemoryLocks::default();
        locks.change(&[&ann()], &mut |_, _| held.clone()).unwrap();
        let done = preview(&server, &Task::fresh(item()), &locks, at(UNTIL)).await;
        let report = &done.reports[0];
        assert_eq!(report.outcome.as_str(), outcome, "{case}");
        assert_eq!(report.until, end.map(|end| format!("{:.0}", at(end))), "{case}");
        assert_eq!(done.tally.devices, devices, "{case}");
        assert_eq!(locks.lock_of(&ann()).unwrap(), held, "{case}");
        assert!(!server.calls.lock().unwrap().contains(&"ban"), "{case}");
    }
    let (server, locks) = (server(), MemoryLocks::default());
    let offline = Task::fresh(item()).knowing(Known::Offline);
    let done = preview(&server, &offline, &locks, at(UNTIL)).await;
    assert_eq!(done.reports[0].basis, Some(Basis::Status));
    assert_eq!(*server.calls.lock().unwrap(), ["look"]);
}

#[test]
fn who_was_banned_without_a_record_of_the_rest_is_not_done() {
    let error = RecordError::from(io::Error::other("the disk is full"));
    let done = done_with(
        &item(),
        &LockResult::Banned {
            outcome: Outcome::Locked,
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
    let held = locked("a", 10);
    assert_eq!(outcome_for(None, None, at(10)), Outcome::Locked);
    assert_eq!(outcome_for(Some(&held), Some("a"), at(10)), Outcome::Locked);
    for (until, outcome) in [
        (9, Outcome::AlreadyLocked),
        (10, Outcome::AlreadyLocked),
        (11, Outcome::Extended),
    ] {
        assert_eq!(outcome_for(Some(&held), Some("b"), at(until)), outcome);
    }
}

#[test]
fn a_lock_is_on_record_before_the_ban_and_stays_what_it_is_if_it_is_ours() {
    let runs = MemoryRuns::default();
    let header = begun(&runs, UNTIL, Vec::new());
    let locks = MemoryLocks::default();
    let recorder = Recorder::start(Box::new(InOrder(Vec::new())), Durability::Batch, || NOW * 1_000).unwrap();
    let tasks = [Task::fresh(item())];
    let server = server();
    let locking = Locking::begin(&server, &recorder, &header, &runs, &locks, at(UNTIL), &tasks).unwrap();
    let of_others = Lock {
        earlier: vec!["other".into()],
        ..locking.pending(&ann(), at(NOW))
    };
    let of_earlier = pending(&first(), UNTIL);
    for (held, expected) in [
        (None, locking.pending(&ann(), at(NOW))),
        (Some(of_earlier.clone()), of_earlier),
        (Some(pending("other", UNTIL)), of_others),
        (Some(locked("other", 7)), locked("other", 7)),
        (Some(locked(&first(), 7)), locked(&first(), 7)),
    ] {
        locks.change(&[&ann()], &mut |_, _| held.clone()).unwrap();
        locking.put_down(&ann()).unwrap();
        assert_eq!(locks.lock_of(&ann()).unwrap(), Some(expected), "{held:?}");
    }
}
