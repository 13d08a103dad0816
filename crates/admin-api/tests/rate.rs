//! The rate as the server sees it, over ten real seconds. Alone in its binary, so that nothing else runs.
#![allow(
    clippy::print_stdout,
    reason = "the figures are worth showing with --nocapture"
)]
#![allow(clippy::unwrap_used, reason = "set-up that fails shall fail the test")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use easemob_admin_api::{AppRoot, Client, Credentials, RateLimit, UserId};

const RATE: usize = 200;
const SECONDS: usize = 10;

/// When requests arrived, but for those for tokens.
type Arrivals = Arc<Mutex<Vec<Instant>>>;

/// A server that answers devices at once, and tokens after a while.
async fn serve(token_takes: Duration) -> (AppRoot, Arrivals) {
    let arrivals = Arrivals::default();
    let noted = Arc::clone(&arrivals);
    let server = Router::new().fallback(move |request: axum::extract::Request| {
        let is_token = request.uri().path().ends_with("/token");
        if !is_token {
            noted.lock().unwrap().push(Instant::now());
        }
        async move {
            if is_token {
                tokio::time::sleep(token_takes).await;
                return r#"{"access_token":"YWMtx","expires_in":7200}"#;
            }
            r#"{"data":[]}"#
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let root = format!("http://{}/acme/chat", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, server).await });
    (AppRoot::parse(&root).unwrap(), arrivals)
}

/// Lists devices from 32 tasks until `end`.
async fn list_until(client: &Client, end: Instant) {
    let tasks: Vec<_> = (0..32)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                let ann = UserId::parse("ann").unwrap();
                while Instant::now() < end {
                    client.list_devices(&ann).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

fn most_in_a_second(arrivals: &Arrivals) -> usize {
    let mut times = arrivals.lock().unwrap().clone();
    times.sort();
    (0..times.len())
        .map(|first| {
            let second = times[first] + Duration::from_secs(1);
            times[first..].iter().take_while(|time| **time < second).count()
        })
        .max()
        .unwrap()
}

/// Both parts in one test: side by side they would disturb each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_a_second_are_used_and_never_exceeded() {
    let (root, arrivals) = serve(Duration::ZERO).await;
    let rate = RateLimit::per_second(u32::try_from(RATE).unwrap());
    let client = Client::builder(root)
        .credentials(Credentials::fixed_token("YWMtx"))
        .rate(rate)
        .build()
        .unwrap();
    let end = Instant::now() + Duration::from_secs(SECONDS as u64);
    list_until(&client, end).await;
    let most = most_in_a_second(&arrivals);
    let used = arrivals
        .lock()
        .unwrap()
        .iter()
        .filter(|time| **time < end)
        .count();
    println!("{used} calls in {SECONDS} s, at most {most} in a second");
    assert!(most <= RATE, "{most} in a rolling second");
    assert!(
        used * 100 >= RATE * SECONDS * 97,
        "only {used} of {} used",
        RATE * SECONDS
    );

    // While all tasks wait for the first token, no permits are gathered.
    let (root, arrivals) = serve(Duration::from_secs(1)).await;
    let client = Client::builder(root)
        .credentials(Credentials::client_secret("YXA6id", "YXA6secret"))
        .rate(RateLimit::per_second(20))
        .build()
        .unwrap();
    list_until(&client, Instant::now() + Duration::from_secs(3)).await;
    let most = most_in_a_second(&arrivals);
    println!("after a slow token: at most {most} in a second");
    assert!(most <= 20, "{most} in a rolling second after a slow token");
}
