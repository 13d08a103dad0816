//! What a hook is told of a call.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use easemob_admin_api::{CallEnd, CallReport, ClientBuilder, Lane, RetryPolicy};
use easemob_admin_sandbox::Fault;

use super::setup::{builder, sandbox, user};

type Reports = Arc<Mutex<Vec<CallReport>>>;

fn observed(builder: ClientBuilder) -> (easemob_admin_api::Client, Reports) {
    let reports = Reports::default();
    let kept = Arc::clone(&reports);
    let client = builder.on_call(move |report| kept.lock().unwrap().push(report.clone()));
    (client.build().unwrap(), reports)
}

#[tokio::test]
async fn a_hook_has_the_facts_of_each_call() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    let (client, reports) = observed(builder(&sandbox));
    sandbox.inject(Fault::status("devices.list", 503).times(1));
    client
        .with_lane(Lane::Bulk)
        .list_devices(&user("ann"))
        .await
        .unwrap();
    client.get_user(&user("nobody")).await.unwrap_err();
    let reports = reports.lock().unwrap();
    let facts: Vec<_> = reports
        .iter()
        .map(|report| {
            let end = report.end.as_str();
            (
                report.call,
                report.target.as_deref(),
                report.lane,
                report.attempts,
                report.status,
                end,
            )
        })
        .collect();
    assert_eq!(
        facts,
        [
            ("token", None, Lane::Interactive, 1, Some(200), "ok"),
            ("devices.list", Some("ann"), Lane::Bulk, 2, Some(200), "ok"),
            (
                "users.get",
                Some("nobody"),
                Lane::Interactive,
                1,
                Some(404),
                "refused"
            ),
        ]
    );
    assert!(reports[1].waited_for_token > Duration::ZERO);
    assert!(reports[1].elapsed >= reports[1].waited_for_token);
}

#[tokio::test]
async fn a_future_that_is_dropped_is_reported_with_whether_it_was_sent() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    let (client, reports) = observed(builder(&sandbox));
    client.fetch_token().await.unwrap();
    sandbox.inject(Fault::delay("sessions.logout_all", Duration::from_secs(600)));
    let ann = user("ann");
    {
        let logout = std::pin::pin!(client.logout_all(&ann));
        let sent = async {
            while sandbox.held_calls() == 0 {
                tokio::task::yield_now().await;
            }
        };
        futures_util::future::select(logout, std::pin::pin!(sent)).await;
    }
    let never_polled = client.logout_all(&ann);
    drop(never_polled);
    let reports = reports.lock().unwrap();
    assert_eq!(
        reports.len(),
        2,
        "a future that was never polled is no call: {reports:?}"
    );
    assert!(
        matches!(reports[1].end, CallEnd::Dropped { sent: true }),
        "{:?}",
        reports[1]
    );
    assert_eq!(
        (reports[1].call, reports[1].target.as_deref()),
        ("sessions.logout_all", Some("ann"))
    );
    sandbox.clear_faults();
    sandbox.release_calls();
}

#[tokio::test]
async fn a_future_that_is_dropped_while_it_waits_was_not_sent() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    let (client, reports) = observed(builder(&sandbox).retry(RetryPolicy::none()));
    sandbox.inject(Fault::delay("token", Duration::from_secs(600)));
    let ann = user("ann");
    {
        let list = std::pin::pin!(client.list_devices(&ann));
        let held = async {
            while sandbox.held_calls() == 0 {
                tokio::task::yield_now().await;
            }
        };
        futures_util::future::select(list, std::pin::pin!(held)).await;
    }
    let dropped = reports.lock().unwrap().pop().unwrap();
    assert!(
        matches!(dropped.end, CallEnd::Dropped { sent: false }),
        "{dropped:?}"
    );
    sandbox.clear_faults();
    sandbox.release_calls();
}
