//! What is sent again, and what never is.

use std::time::Duration;

use easemob_admin_api::{DeviceId, RateLimit, Reason, RetryPolicy, Timeouts};
use easemob_admin_sandbox::{Fault, Sandbox};
use futures_util::FutureExt as _;

use super::setup::{builder, client, hasty_client, sandbox, user};

async fn ann_on_ios() -> (Sandbox, DeviceId) {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    let device = DeviceId::parse(sandbox.sign_in("ann", "ios").unwrap().resource).unwrap();
    (sandbox, device)
}

#[tokio::test]
async fn a_logout_whose_connection_was_cut_is_sent_once() {
    for fault in [
        Fault::cut_after("sessions.logout_all"),
        Fault::cut_before("sessions.logout_all"),
    ] {
        let (sandbox, _) = ann_on_ios().await;
        sandbox.inject(fault);
        let (client, _) = hasty_client(&sandbox);
        let error = client.logout_all(&user("ann")).await.unwrap_err();
        assert!(error.is_outcome_unknown() && error.is_transient(), "{error:?}");
        assert!(!error.is_retryable(), "it may have happened: {error:?}");
        assert_eq!(error.attempts(), 1);
        assert_eq!(sandbox.call_count("sessions.logout_all"), 1);
    }
}

#[tokio::test]
async fn a_logout_behind_a_failing_gateway_is_sent_once() {
    for status in [500, 502, 503, 504, 520, 524, 599] {
        let (sandbox, device) = ann_on_ios().await;
        sandbox.inject(
            Fault::raw_body("sessions.logout_device", "text/html", "<h1>oh</h1>")
                .answer_status(status)
                .header("Retry-After", "1"),
        );
        let (client, _) = hasty_client(&sandbox);
        let error = client.logout_device(&user("ann"), &device).await.unwrap_err();
        assert!(error.is_outcome_unknown(), "{status}: {error:?}");
        assert_eq!(sandbox.call_count("sessions.logout_device"), 1, "{status}");
    }
}

#[tokio::test]
async fn a_logout_is_sent_again_after_a_503_of_the_service_only() {
    let spring =
        r#"{"timestamp":"2026-01-05T09:36:35Z","status":503,"error":"Service Unavailable","path":"/"}"#;
    let service = r#"{"error":"busy","error_description":"later","timestamp":1767605795325}"#;
    for (body, sent) in [(spring, 1), (service, 4)] {
        let (sandbox, _) = ann_on_ios().await;
        let fault = Fault::raw_body("sessions.logout_all", "application/json", body).answer_status(503);
        sandbox.inject(fault);
        let (client, _) = hasty_client(&sandbox);
        let error = client.logout_all(&user("ann")).await.unwrap_err();
        assert_eq!(error.is_outcome_unknown(), sent == 1, "{error:?}");
        assert_eq!(sandbox.call_count("sessions.logout_all"), sent);
    }
}

#[tokio::test]
async fn a_change_that_may_have_happened_is_not_told_to_have_been_refused() {
    for later in [
        Fault::status("users.ban", 429),
        Fault::status("users.ban", 404),
        Fault::status("users.ban", 403),
    ] {
        let sandbox = sandbox().await;
        sandbox.register("ann");
        sandbox.inject(Fault::cut_after("users.ban").times(1));
        sandbox.inject(later);
        let (client, _) = hasty_client(&sandbox);
        let error = client.ban(&user("ann")).await.unwrap_err();
        assert!(error.is_outcome_unknown() && error.attempts() > 1, "{error:?}");
        assert!(!error.is_unreachable());
        assert_eq!(error.is_retryable(), error.status() == Some(429), "{error:?}");
    }
}

#[tokio::test]
async fn a_refusal_of_the_rate_holds_everyone_up_even_if_the_call_is_given_up() {
    let (sandbox, _) = ann_on_ios().await;
    let fault = Fault::status("devices.list", 429).header("Retry-After", "60");
    sandbox.inject(fault.times(1));
    let (client, clock) = hasty_client(&sandbox);
    let error = client.list_devices(&user("ann")).await.unwrap_err();
    assert_eq!((error.status(), error.attempts()), (Some(429), 1));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(60)));
    client.list_devices(&user("ann")).await.unwrap();
    let slept: Duration = clock.slept().iter().sum();
    assert!(slept >= Duration::from_secs(59), "{slept:?}");
}

#[tokio::test]
async fn what_the_token_call_says_is_not_about_the_user() {
    let (sandbox, _) = ann_on_ios().await;
    sandbox.inject(Fault::status("token", 404));
    let (client, _) = hasty_client(&sandbox);
    let error = client.logout_all(&user("ann")).await.unwrap_err();
    assert_eq!(error.status(), Some(404));
    assert!(!error.is_not_found() && !error.is_unsupported(), "{error:?}");
}

#[tokio::test]
async fn a_logout_without_an_answer_in_time_is_sent_once() {
    let (sandbox, _) = ann_on_ios().await;
    sandbox.inject(Fault::delay("sessions.logout_all", Duration::from_secs(20)));
    let timeouts = Timeouts::default().total(Duration::from_millis(200));
    let client = builder(&sandbox).timeouts(timeouts).build().unwrap();
    let error = client.logout_all(&user("ann")).await.unwrap_err();
    assert!(error.is_outcome_unknown(), "{error:?}");
    assert!(
        error.to_string().contains("no answer within the time-out"),
        "{error}"
    );
    assert_eq!(error.attempts(), 1);
}

#[tokio::test]
async fn a_logout_that_was_refused_for_its_rate_is_sent_again() {
    let (sandbox, _) = ann_on_ios().await;
    sandbox.inject(Fault::status("sessions.logout_all", 429).times(2));
    let (client, clock) = hasty_client(&sandbox);
    assert!((client.logout_all(&user("ann")).await.unwrap()).is_logged_out());
    assert_eq!(sandbox.call_count("sessions.logout_all"), 3);
    assert!(!clock.slept().is_empty());
}

#[tokio::test]
async fn a_read_is_repeated_until_it_succeeds() {
    let (sandbox, _) = ann_on_ios().await;
    sandbox.inject(Fault::status("devices.list", 502).times(1));
    sandbox.inject(Fault::cut_before("devices.list").times(1));
    let (client, clock) = hasty_client(&sandbox);
    assert_eq!(client.list_devices(&user("ann")).await.unwrap().len(), 1);
    assert_eq!(sandbox.call_count("devices.list"), 3);
    assert_eq!(clock.slept().len(), 2);
}

#[tokio::test]
async fn attempts_run_out() {
    let (sandbox, _) = ann_on_ios().await;
    sandbox.inject(Fault::status("devices.list", 503));
    let (client, _) = hasty_client(&sandbox);
    let error = client.list_devices(&user("ann")).await.unwrap_err();
    assert_eq!((error.attempts(), error.status()), (4, Some(503)));
    assert!(error.is_retryable() && !error.is_outcome_unknown());
    assert_eq!(sandbox.call_count("devices.list"), 4);
}

#[tokio::test]
async fn the_servers_delay_is_kept_and_a_too_long_one_ends_the_call() {
    let (sandbox, _) = ann_on_ios().await;
    sandbox.inject(
        Fault::status("devices.list", 503)
            .header("Retry-After", "7")
            .times(1),
    );
    let (client, clock) = hasty_client(&sandbox);
    client.list_devices(&user("ann")).await.unwrap();
    // The clock runs on while the request is on its way, so that the last milliseconds may be missing.
    let slept: Duration = clock.slept().iter().sum();
    assert!((6_900..=7_000).contains(&slept.as_millis()), "{slept:?}");

    sandbox.reset_calls();
    sandbox.inject(Fault::status("devices.list", 503).header("Retry-After", "3600"));
    let error = client.list_devices(&user("ann")).await.unwrap_err();
    assert_eq!((error.attempts(), sandbox.call_count("devices.list")), (1, 1));
}

#[tokio::test]
async fn a_used_up_quota_is_final() {
    let sandbox = Sandbox::builder().max_users(0).start().await.unwrap();
    let ann = easemob_admin_api::NewUser::new(user("ann"), "pw-ann");
    let error = client(&sandbox).register_user(ann).await.unwrap_err();
    assert!(error.is_quota() && !error.is_retryable(), "{error:?}");
    assert_eq!(error.attempts(), 1);
}

#[tokio::test]
async fn no_retries_when_none_are_wanted() {
    let (sandbox, _) = ann_on_ios().await;
    sandbox.inject(Fault::status("devices.list", 503));
    let client = builder(&sandbox).retry(RetryPolicy::none()).build().unwrap();
    client.list_devices(&user("ann")).await.unwrap_err();
    assert_eq!(sandbox.call_count("devices.list"), 1);
}

#[tokio::test]
async fn an_unreachable_server_is_told_from_an_unknown_outcome() {
    let (sandbox, _) = ann_on_ios().await;
    let (client, _) = hasty_client(&sandbox);
    client.fetch_token().await.unwrap();
    sandbox.shutdown().await.unwrap();
    let error = client.logout_all(&user("ann")).await.unwrap_err();
    assert!(error.is_unreachable() || error.is_outcome_unknown(), "{error:?}");
    let error = client.logout_all(&user("ann")).await.unwrap_err();
    assert!(error.is_unreachable() && !error.is_outcome_unknown(), "{error:?}");
    assert_eq!(error.attempts(), 4);
}

#[tokio::test]
async fn a_deadline_ends_the_wait_for_the_rate() {
    let (sandbox, _) = ann_on_ios().await;
    let fault = Fault::status("sessions.logout_all", 429).header("Retry-After", "900");
    sandbox.inject(fault.times(1));
    let client = builder(&sandbox)
        .deadline(Duration::from_millis(300))
        .build()
        .unwrap();
    client.logout_all(&user("ann")).await.unwrap_err();
    let start = std::time::Instant::now();
    let error = client.logout_all(&user("ann")).await.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert!(
        !error.is_outcome_unknown() && error.is_retryable() && !error.is_unreachable(),
        "{error:?}"
    );
    assert_eq!(
        (error.attempts(), sandbox.call_count("sessions.logout_all")),
        (0, 1)
    );
}

#[tokio::test]
async fn nothing_is_sent_after_the_deadline() {
    let (sandbox, _) = ann_on_ios().await;
    let client = builder(&sandbox)
        .rate(RateLimit::per_second(1))
        .deadline(Duration::from_millis(1500))
        .build()
        .unwrap();
    client.list_devices(&user("ann")).await.unwrap();
    let ann = user("ann");
    let mut call = Box::pin(client.logout_all(&ann));
    assert!(call.as_mut().now_or_never().is_none(), "it waits for its turn");
    // The runtime stalls, so that the turn and the end come at once.
    std::thread::sleep(Duration::from_millis(1600));
    let error = call.await.unwrap_err();
    assert!(!error.is_outcome_unknown() && error.attempts() == 0, "{error:?}");
    assert_eq!(sandbox.call_count("sessions.logout_all"), 0);
}

#[tokio::test]
async fn a_deadline_in_the_middle_of_a_logout_leaves_its_outcome_unknown() {
    let (sandbox, _) = ann_on_ios().await;
    sandbox.inject(Fault::delay("sessions.logout_all", Duration::from_secs(20)));
    let client = builder(&sandbox)
        .deadline(Duration::from_millis(300))
        .build()
        .unwrap();
    let error = client.logout_all(&user("ann")).await.unwrap_err();
    assert!(error.is_outcome_unknown() && !error.is_retryable(), "{error:?}");
    assert!(
        error.to_string().contains("the deadline of the call has passed"),
        "{error}"
    );
    assert_eq!(error.attempts(), 1);
}

#[tokio::test]
async fn a_deadline_ends_the_wait_for_a_token_and_the_fetch_goes_on() {
    let sandbox = sandbox().await;
    sandbox.inject(Fault::delay("token", Duration::from_secs(600)));
    let client = client(&sandbox);
    let hurried = client.with_deadline(Duration::from_millis(100));
    let error = hurried.fetch_token().await.unwrap_err();
    assert!(error.is_timeout() && !error.is_outcome_unknown(), "{error:?}");
    assert_eq!((error.call(), error.reason()), ("token", Reason::DeadlinePassed));
    sandbox.release_calls();
    sandbox.clear_faults();
    client.fetch_token().await.unwrap();
    assert_eq!(sandbox.call_count("token"), 1);
}
