//! Interactive calls go before bulk calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use easemob_admin_api::{Lane, RateLimit};
use tokio::task::JoinSet;

use super::setup::{builder, sandbox, user};

#[tokio::test]
async fn a_read_waits_for_one_slot_behind_a_thousand_logouts() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    sandbox.register("bob");
    let shared = tempfile::tempdir().unwrap();
    for share in [false, true] {
        let mut builder = builder(&sandbox).rate(RateLimit::per_second(50));
        if share {
            builder = builder.shared_budget(shared.path());
        }
        let client = builder.build().unwrap();
        client.fetch_token().await.unwrap();
        let (bulk, done) = (client.with_lane(Lane::Bulk), Arc::new(AtomicUsize::new(0)));
        let mut job = JoinSet::new();
        for _ in 0..1_000 {
            let (bulk, done) = (bulk.clone(), Arc::clone(&done));
            job.spawn(async move {
                let _ = bulk.logout_all(&user("ann")).await.unwrap();
                done.fetch_add(1, Ordering::SeqCst);
            });
        }
        while done.load(Ordering::SeqCst) < 5 {
            tokio::task::yield_now().await;
        }
        let before = sandbox.calls().len();
        client.list_devices(&user("bob")).await.unwrap();
        let between = sandbox.calls()[before..]
            .iter()
            .filter(|call| call.path.contains("/ann"))
            .count();
        // One may have had its turn already, and be on its way.
        assert!(
            between <= 2,
            "{between} logouts went before the read; shared: {share}"
        );
        job.shutdown().await;
    }
}

#[tokio::test]
async fn a_read_goes_before_others_that_wait_for_a_connection() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    sandbox.register("bob");
    let client = builder(&sandbox).max_connections(2).build().unwrap();
    client.fetch_token().await.unwrap();
    sandbox.inject(easemob_admin_sandbox::Fault::delay(
        "devices.list",
        std::time::Duration::from_secs(600),
    ));
    let (bulk, mut job) = (client.with_lane(Lane::Bulk), JoinSet::new());
    for _ in 0..600 {
        let bulk = bulk.clone();
        job.spawn(async move { bulk.list_devices(&user("ann")).await.map(drop) });
    }
    while sandbox.held_calls() < 2 {
        tokio::task::yield_now().await;
    }
    let read = tokio::spawn({
        let client = client.clone();
        async move { client.get_user(&user("bob")).await.map(drop) }
    });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(sandbox.held_calls(), 2, "no third connection is opened");
    assert!(!read.is_finished());
    sandbox.release_calls();
    read.await.unwrap().unwrap();
    sandbox.clear_faults();
    let reads = sandbox
        .calls()
        .iter()
        .filter(|call| call.endpoint == "devices.list")
        .count();
    assert!(reads <= 4, "{reads} went before the read");
    while sandbox.held_calls() > 0 || !job.is_empty() {
        sandbox.release_calls();
        if let Ok(Some(done)) =
            tokio::time::timeout(std::time::Duration::from_millis(20), job.join_next()).await
        {
            done.unwrap().unwrap();
        }
    }
}
