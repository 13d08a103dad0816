use jiff::Timestamp;

use super::*;
use crate::operations::Stopped;
use crate::run::job::Action;
use crate::run::journal::header::{Durability, FORMAT, Operator};
use crate::status_first::Reading;

fn header(run: &str, priority: Priority, app: &str) -> Header {
    Header {
        format: FORMAT,
        run: run.into(),
        created: Timestamp::UNIX_EPOCH,
        tool: "0".into(),
        app: app.into(),
        app_root: format!("https://im.example.com/{app}"),
        sandbox: false,
        profile: None,
        operator: Operator::named("ann", "here"),
        reason: None,
        ticket: None,
        action: Action::LogoutUnread,
        source: String::new(),
        items: 1,
        input_sha256: String::new(),
        allowance: None,
        durability: Durability::Batch,
        reading: Reading::default(),
        priority,
    }
}

fn order(turns: &mut Turns, open: &[(Priority, &str)], now: Instant) -> String {
    let open = open
        .iter()
        .map(|(priority, run)| header(run, *priority, if *run < "c" { "one" } else { "two" }));
    let ordered = turns.order(open.collect(), now).into_iter();
    ordered.map(|header| header.run).collect()
}

#[test]
fn runs_of_the_same_urgency_take_turns() {
    use Priority::{Incident, Nightly, Normal};
    let runs = [(Nightly, "a"), (Normal, "b"), (Normal, "c"), (Normal, "d")];
    let (mut turns, now) = (Turns::default(), Instant::now());
    assert_eq!(order(&mut turns, &runs, now), "bcda");
    for (served, expected) in [("b", "cdba"), ("c", "dbca"), ("d", "bcda")] {
        turns.served(served);
        assert_eq!(order(&mut turns, &runs, now), expected);
    }
    turns.served("z");
    assert_eq!(order(&mut turns, &[(Normal, "a"), (Incident, "z")], now), "za");
}

#[test]
fn an_app_is_left_alone_for_a_while_and_the_others_are_not() {
    let runs = [(Priority::Normal, "a"), (Priority::Normal, "d")];
    let (mut turns, now) = (Turns::default(), Instant::now());
    turns.leave_alone("https://im.example.com/one", now);
    assert_eq!(order(&mut turns, &runs, now), "d");
    assert_eq!(order(&mut turns, &runs, now + LEAVE_ALONE), "ad");
}

#[test]
fn what_a_run_forbids_is_forbidden_to_all_and_a_silent_server_only_delays_one() {
    let ended = |reason: Option<&str>, error: Option<&str>| {
        after(&RunReport {
            run: "r".into(),
            users: 1,
            tally: Tally::default(),
            not_started: 1,
            first_line_not_started: None,
            failed_earlier_retry_may_help: 0,
            failed_earlier_final: 0,
            drifted: 0,
            status_first: None,
            requests: 0,
            stopped: reason.map(|reason| Stopped {
                reason: reason.into(),
                error: error.map(str::to_owned),
                kind: None,
            }),
        })
    };
    assert_eq!(ended(None, None), Next::GoOn);
    for reason in ["interrupted", "paused", "stopped", "taken_over"] {
        assert_eq!(ended(Some(reason), None), Next::GoOn, "{reason}");
    }
    for reason in ["max_logouts", "drift", "list_failed"] {
        assert_eq!(ended(Some(reason), None), Next::Pause(reason.into()));
    }
    assert_eq!(
        ended(Some("server"), Some("it is away")),
        Next::LeaveAlone("it is away".into())
    );
    // A reason that nobody knows yet is not one to go on with.
    assert_eq!(ended(Some("new"), None), Next::LeaveAlone("new".into()));
}

#[test]
fn what_was_there_before_is_not_counted_again() {
    let before = Counts {
        items: 20,
        done: 3,
        failed_retry: 2,
        in_vain: 4,
        devices_ended: 5,
        ..Counts::default()
    };
    let after = Counts {
        done: 8,
        nothing: 1,
        skipped: 1,
        failed_retry: 3,
        failed_final: 1,
        in_vain: 2,
        devices_ended: 12,
        ..before
    };
    let tally = done_between(&before, &after, Which::Unfinished);
    assert_eq!((tally.done, tally.nothing_to_do, tally.devices), (5, 2, 7));
    // Those that were in vain are tried again, and are in vain again.
    assert_eq!((tally.failed_retry, tally.failed_final), (3, 1));
}

#[test]
fn whoever_fails_again_is_a_failure_of_the_attempt_that_tried_again() {
    let before = Counts {
        items: 10,
        done: 2,
        failed_retry: 5,
        failed_final: 2,
        open: 1,
        ..Counts::default()
    };
    let after = Counts {
        done: 4,
        failed_retry: 3,
        failed_final: 2,
        open: 1,
        in_vain: 1,
        ..before
    };
    let reported = |which| report_between("run", &before, &after, which, None);
    let retried = reported(Which::AndFailed);
    assert_eq!((retried.users, retried.not_started), (6, 0));
    assert_eq!((retried.tally.done, retried.tally.failed_retry), (2, 4));
    assert_eq!(
        (
            retried.tally.failed_final,
            retried.failed_earlier_retry_may_help,
            retried.failed_earlier_final
        ),
        (0, 0, 2)
    );
    assert_eq!(reported(Which::AndAllFailed).tally.failed_final, 2);
    assert_eq!(reported(Which::Unfinished).failed_earlier_retry_may_help, 5);
}
