use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::StatusCode;
use easemob_admin_sandbox::{DeviceLimits, Sandbox, Webhook};
use serde_json::Value;

type Received = Arc<Mutex<Vec<Value>>>;

/// A receiver that answers with the given statuses, then with the last of them.
async fn receiver(statuses: &'static [u16]) -> (String, Received) {
    let received = Received::default();
    let keep = Arc::clone(&received);
    let app = Router::new().fallback(move |body: String| {
        let mut kept = keep.lock().unwrap();
        kept.push(serde_json::from_str(&body).unwrap());
        let status = statuses[(kept.len() - 1).min(statuses.len() - 1)];
        async move { StatusCode::from_u16(status).unwrap() }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, received)
}

async fn until(received: &Received, count: usize) -> Vec<Value> {
    let started = Instant::now();
    loop {
        let now = received.lock().unwrap().clone();
        if now.len() >= count {
            return now;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{now:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn told(posts: &[Value]) -> Vec<String> {
    let mut told: Vec<String> = posts
        .iter()
        .map(|post| {
            format!(
                "{} {}",
                post["reason"].as_str().unwrap(),
                post["user"].as_str().unwrap()
            )
        })
        .collect();
    told.sort();
    told
}

#[tokio::test]
async fn sign_ins_evictions_and_logouts_are_posted() {
    let (url, received) = receiver(&[200]).await;
    let sandbox = Sandbox::builder()
        .app("o#a")
        .webhook(Webhook::new(url, "s"))
        .start()
        .await
        .unwrap();
    sandbox.set_limits(DeviceLimits::multi(1)).unwrap();
    sandbox.register("ann");
    sandbox.sign_in_as("ann", "ios_1").unwrap();
    sandbox.sign_in_as("ann", "ios_2").unwrap();
    sandbox.kick("ann", "ios_2");
    sandbox.sign_in_as("ann", "ios_3").unwrap();
    sandbox.sign_out("ann", "ios_3");
    let posts = until(&received, 6).await;
    assert_eq!(
        told(&posts),
        [
            "login o#a_ann@easemob.com/ios_1",
            "login o#a_ann@easemob.com/ios_2",
            "login o#a_ann@easemob.com/ios_3",
            "logout o#a_ann@easemob.com/ios_3",
            "replaced o#a_ann@easemob.com/ios_1",
            "replaced o#a_ann@easemob.com/ios_2",
        ]
    );
    let ids: std::collections::BTreeSet<&str> = posts
        .iter()
        .map(|post| post["callId"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 6, "each call has an id of its own");
}

#[tokio::test]
async fn a_post_has_the_time_of_what_it_tells_and_not_its_own() {
    let (url, received) = receiver(&[200]).await;
    let hook = Webhook::new(url, "s");
    let sandbox = Sandbox::builder().webhook(hook).start().await.unwrap();
    sandbox.register("ann");
    // Nothing is posted before the first wait.
    sandbox.sign_in_as("ann", "ios_1").unwrap();
    sandbox.advance(Duration::from_secs(60));
    sandbox.sign_in_as("ann", "ios_2").unwrap();
    let mut times: Vec<u64> = until(&received, 2)
        .await
        .iter()
        .map(|post| post["timestamp"].as_u64().unwrap())
        .collect();
    times.sort_unstable();
    assert!(times[1] - times[0] >= 60_000, "{times:?}");
}

#[tokio::test]
async fn a_failed_post_is_repeated_once_with_the_same_id() {
    let (url, received) = receiver(&[500, 200]).await;
    let sandbox = Sandbox::builder()
        .webhook(Webhook::new(url, "s"))
        .start()
        .await
        .unwrap();
    sandbox.register("ann");
    sandbox.sign_in_as("ann", "ios_1").unwrap();
    let posts = until(&received, 2).await;
    assert_eq!(posts[0]["callId"], posts[1]["callId"]);
    sandbox.sign_in_as("ann", "ios_2").unwrap();
    let posts = until(&received, 3).await;
    assert_ne!(posts[1]["callId"], posts[2]["callId"], "an answer of 200 ends it");
}

#[tokio::test]
async fn what_happens_to_a_user_is_posted_in_its_order() {
    let (url, received) = receiver(&[500, 200]).await;
    let hook = Webhook::new(url, "s");
    let sandbox = Sandbox::builder().webhook(hook).start().await.unwrap();
    sandbox.register("ann");
    for _ in 0..20 {
        sandbox.sign_in_as("ann", "ios_1").unwrap();
        sandbox.sign_out("ann", "ios_1");
    }
    let posts = until(&received, 41).await;
    let reasons: Vec<&str> = posts
        .iter()
        .map(|post| post["reason"].as_str().unwrap())
        .collect();
    // The first one is repeated.
    assert_eq!(reasons[1..], ["login", "logout"].repeat(20));
}

#[tokio::test]
async fn a_receiver_that_fails_too_often_gets_nothing_for_a_while() {
    let (url, received) = receiver(&[500]).await;
    let hook = Webhook::new(url, "s").block_after(4, Duration::from_secs(30), Duration::from_secs(60 * 60));
    let sandbox = Sandbox::builder().webhook(hook).start().await.unwrap();
    sandbox.register("ann");
    for number in 0..2 {
        sandbox.sign_in_as("ann", &format!("ios_{number}")).unwrap();
        until(&received, (number + 1) * 2).await;
    }
    // The last answer has to arrive before its failure counts.
    tokio::time::sleep(Duration::from_millis(100)).await;
    sandbox.sign_in_as("ann", "web_1").unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(received.lock().unwrap().len(), 4, "two posts, each repeated once");
}
