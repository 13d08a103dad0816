//! Waiting for a server that is away.

use std::sync::Arc;
use std::time::Duration;

use easemob_admin_api::transport::clock::Clock;
use easemob_admin_api::{AppRoot, Client, Credentials};
use easemob_admin_sandbox::{Fault, Sandbox};

use super::setup::{Hasty, builder, sandbox, user};

const FIVE_MINUTES: Duration = Duration::from_secs(300);

/// A client that waits for the server, and the clock that tells how long it would have waited.
fn patient(sandbox: &Sandbox) -> (Client, Arc<Hasty>) {
    let clock = Arc::new(Hasty::default());
    let shared: Arc<dyn Clock> = Arc::clone(&clock) as _;
    let builder = builder(sandbox).clock(shared).jitter_seed(7);
    (builder.wait_for_server(FIVE_MINUTES).build().unwrap(), clock)
}

fn page(status: u16) -> Fault {
    Fault::raw_body("*", "text/html", "<h1>Bad gateway</h1>").answer_status(status)
}

#[tokio::test]
async fn a_read_is_answered_once_the_server_is_back() {
    let away: [fn() -> Fault; 6] = [
        || Fault::status("*", 503),
        || page(502),
        || page(503),
        || page(504),
        || Fault::cut_before("*"),
        || Fault::cut_after("*"),
    ];
    for (row, fault) in away.into_iter().enumerate() {
        let sandbox = sandbox().await;
        sandbox.register("ann");
        sandbox.sign_in("ann", "ios").unwrap();
        let (client, clock) = patient(&sandbox);
        client.list_devices(&user("ann")).await.unwrap();
        sandbox.inject(fault().times(12));
        let devices = client.list_devices(&user("ann")).await.unwrap();
        assert_eq!(devices.len(), 1, "{row}");
        // Two attempts, ten probes, and the one that is answered.
        let waited: Duration = clock.slept().iter().sum();
        assert!(waited > Duration::from_secs(40), "{row}: {waited:?}");
        assert_eq!(client.outage(), None);
    }
}

#[tokio::test]
async fn an_act_whose_answer_was_lost_is_not_sent_again() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    sandbox.sign_in("ann", "ios").unwrap();
    let (client, clock) = patient(&sandbox);
    client.list_devices(&user("ann")).await.unwrap();
    sandbox.inject(Fault::cut_after("*").times(1));
    sandbox.inject(Fault::status("*", 503).skip(1).times(6));
    let error = client.logout_all(&user("ann")).await.unwrap_err();
    assert!(error.is_outcome_unknown() && !error.is_server_away());
    assert!(clock.slept().is_empty());
    // What settles it waits for the server.
    assert!(client.list_devices(&user("ann")).await.unwrap().is_empty());
    assert_eq!(sandbox.call_count("sessions.logout_all"), 1);
}

#[tokio::test]
async fn an_act_that_was_refused_is_sent_once_the_server_is_back() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    sandbox.sign_in("ann", "ios").unwrap();
    let (client, _) = patient(&sandbox);
    client.list_devices(&user("ann")).await.unwrap();
    sandbox.inject(Fault::status("*", 503).times(9));
    let outcome = client.logout_all(&user("ann")).await.unwrap();
    assert!(outcome.is_logged_out());
    assert!(sandbox.devices("ann").is_empty());
}

#[tokio::test]
async fn the_wait_has_an_end_which_comes_soon_before_the_first_answer() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    for (heard, longest) in [(false, 10), (true, 300)] {
        sandbox.clear_faults();
        let (client, clock) = patient(&sandbox);
        if heard {
            client.list_devices(&user("ann")).await.unwrap();
        }
        sandbox.inject(Fault::status("*", 503));
        let error = client.list_devices(&user("ann")).await.unwrap_err();
        assert!(
            error.is_server_away() && error.is_transient(),
            "{heard}: {error:?}"
        );
        let waited: Duration = clock.slept().iter().sum();
        let bound = Duration::from_secs(longest);
        assert!(
            waited >= bound.mul_f64(0.9) && waited < bound + Duration::from_secs(2),
            "{waited:?}"
        );
        // Calls fail at their first attempt until there is an answer.
        let sent = client.requests_sent();
        let token = u64::from(!heard);
        assert!(
            client
                .list_devices(&user("ann"))
                .await
                .unwrap_err()
                .is_server_away()
        );
        assert!(client.requests_sent() - sent <= 1 + token);
        // A failure to get a token is believed for a second, which this clock does not let pass.
        if heard {
            sandbox.clear_faults();
            client.list_devices(&user("ann")).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_call_that_fails_while_others_are_answered_does_not_wait() {
    let sandbox = sandbox().await;
    let (client, clock) = patient(&sandbox);
    sandbox.inject(Fault::status("devices.list", 503));
    let error = client.list_devices(&user("ann")).await.unwrap_err();
    assert!(!error.is_server_away());
    assert_eq!((error.attempts(), sandbox.call_count("devices.list")), (4, 4));
    assert!(clock.slept().iter().sum::<Duration>() < Duration::from_secs(3));
}

#[tokio::test]
async fn refused_credentials_are_not_waited_for() {
    let sandbox = sandbox().await;
    let clock = Arc::new(Hasty::default());
    let shared: Arc<dyn Clock> = Arc::clone(&clock) as _;
    let client = Client::builder(AppRoot::parse(&sandbox.app_root()).unwrap())
        .credentials(Credentials::client_secret("YXA6wrong", "YXA6wrong"))
        .transport(crate::transport())
        .clock(shared)
        .wait_for_server(FIVE_MINUTES)
        .build()
        .unwrap();
    let error = client.list_devices(&user("ann")).await.unwrap_err();
    assert!(error.is_unauthorized() && !error.is_server_away());
    assert_eq!((sandbox.total_calls(), clock.slept().len()), (1, 0));
}

#[tokio::test]
async fn who_waits_can_be_told_and_can_give_up() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    let client = builder(&sandbox).wait_for_server(FIVE_MINUTES).build().unwrap();
    client.list_devices(&user("ann")).await.unwrap();
    sandbox.inject(Fault::status("*", 503));
    let ann = user("ann");
    let look = async {
        while client.outage().is_none() {
            tokio::task::yield_now().await;
        }
        let outage = client.outage().unwrap();
        assert!(outage.left > Duration::from_secs(250) && outage.waited < Duration::from_secs(50));
        client.stop_waiting();
    };
    let (error, ()) = tokio::join!(client.list_devices(&ann), look);
    assert!(error.unwrap_err().is_given_up());
}
