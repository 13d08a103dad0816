//! Waiting can be seen, and given up.

use std::time::{Duration, SystemTime};

use easemob_admin_api::{RateLimit, RetryPolicy};
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
