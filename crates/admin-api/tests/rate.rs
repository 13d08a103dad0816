//! The rate as the server sees it, over ten real seconds. Alone in its binary, so that nothing else runs.
#![allow(
    clippy::print_stdout,
    reason = "the figures are worth showing with --nocapture"
)]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use easemob_admin_api::{AppRoot, Client, Credentials, RateLimit, UserId};

const RATE: usize = 200;
const SECONDS: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_a_second_are_used_and_never_exceeded() {
    let arrivals: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let noted = Arc::clone(&arrivals);
    let server = Router::new().fallback(move || {
        noted.lock().unwrap().push(Instant::now());
        async { (axum::http::StatusCode::OK, r#"{"data":[]}"#) }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let root = format!("http://{}/acme/chat", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move { axum::serve(listener, server).await });

    let client = Client::builder(AppRoot::parse(&root).unwrap())
        .credentials(Credentials::fixed_token("YWMtx"))
        .rate(RateLimit::per_second(u32::try_from(RATE).unwrap()))
        .build()
        .unwrap();
    let end = Instant::now() + Duration::from_secs(SECONDS as u64);
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
    serving.abort();

    let mut times = arrivals.lock().unwrap().clone();
    times.sort();
    let most = (0..times.len())
        .map(|first| {
            let second = times[first] + Duration::from_secs(1);
            times[first..].iter().take_while(|time| **time < second).count()
        })
        .max()
        .unwrap();
    let used = times.iter().filter(|time| **time < end).count();
    println!("{used} calls in {SECONDS} s, at most {most} in a second");
    assert!(most <= RATE, "{most} in a rolling second");
    assert!(
        used * 100 >= RATE * SECONDS * 97,
        "only {used} of {} used",
        RATE * SECONDS
    );
}
