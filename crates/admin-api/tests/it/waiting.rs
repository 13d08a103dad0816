//! Waiting can be seen, and given up.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use easemob_admin_api::{Leave, LeaveNow, RateLimit, RetryPolicy};
use easemob_admin_sandbox::Fault;

use super::setup::{builder, client, sandbox, user};

#[tokio::test]
async fn a_pause_is_seen_and_what_waits_for_its_end_is_not_sent() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    let client = builder(&sandbox).retry(RetryPolicy::none()).build().unwrap();
    client.list_devices(&user("ann")).await.unwrap();
    assert_eq!(client.paused_until(), None);
    sandbox.inject(Fault::status("devices.list", 429).header("Retry-After", "3600"));
    assert!(
        client
            .list_devices(&user("ann"))
            .await
            .unwrap_err()
            .is_rate_limited()
    );
    sandbox.clear_faults();
    let left = client
        .paused_until()
        .unwrap()
        .duration_since(SystemTime::now())
        .unwrap();
    assert!(
        left > Duration::from_secs(14 * 60) && left <= Duration::from_secs(15 * 60),
        "{left:?}"
    );

    let sent = client.requests_sent();
    let ann = user("ann");
    let (error, ()) = tokio::join!(client.logout_all(&ann), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        client.stop_waiting();
    });
    let error = error.unwrap_err();
    assert!(
        error.is_given_up() && !error.is_outcome_unknown() && error.attempts() == 0,
        "{error:?}"
    );
    assert_eq!(client.requests_sent(), sent);
}

#[tokio::test]
async fn what_need_not_wait_is_sent_after_waiting_was_given_up() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    let client = builder(&sandbox).rate(RateLimit::unlimited()).build().unwrap();
    client.list_devices(&user("ann")).await.unwrap();
    client.stop_waiting();
    client.list_devices(&user("ann")).await.unwrap();
}

#[tokio::test]
async fn a_token_that_is_waited_for_is_given_up_too() {
    let sandbox = sandbox().await;
    let client = client(&sandbox);
    client.stop_waiting();
    assert!(client.list_devices(&user("ann")).await.unwrap_err().is_given_up());
}

/// Leave that is given, or refused for good, when it is asked for the fourth time; and how often it was asked for.
fn late_leave(then: LeaveNow) -> (Leave, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let leave = Leave::new(move || {
        if counted.fetch_add(1, Ordering::Relaxed) < 3 {
            LeaveNow::NotYet
        } else {
            then
        }
    });
    (leave, asked)
}

#[tokio::test]
async fn a_call_waits_for_leave_and_is_given_up_if_it_will_never_come() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    let client = client(&sandbox);
    for (then, sent) in [(LeaveNow::Given, 1), (LeaveNow::Never, 0)] {
        sandbox.reset_calls();
        let (leave, asked) = late_leave(then);
        let called = client.with_leave(leave).logout_all(&user("ann")).await;
        // Once more after the wait for a turn.
        assert_eq!(asked.load(Ordering::Relaxed), 4 + sent);
        assert_eq!(sandbox.call_count("sessions.logout_all"), sent);
        match called {
            Ok(_) => assert_eq!(then, LeaveNow::Given),
            Err(error) => assert!(error.is_given_up() && !error.is_outcome_unknown(), "{error:?}"),
        }
    }
    // Whoever waits for leave can be told not to.
    let waiting = client.apart().with_leave(Leave::new(|| LeaveNow::NotYet));
    let ann = user("ann");
    let (error, ()) = tokio::join!(waiting.logout_all(&ann), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        waiting.stop_waiting();
    });
    assert!(error.unwrap_err().is_given_up());
    assert_eq!(sandbox.call_count("sessions.logout_all"), 0);
    // Nobody else needs leave.
    let _ = client.logout_all(&ann).await.unwrap();
}
