//! The stream that tells pages what has changed.

use std::time::Duration;

use axum::http::Method;
use easemob_admin_remote::api::Scope;
use serde_json::json;
use tokio::time::timeout;

use super::browser::{ADMIN, Site};

const LIVE: &str = "/console/live";

#[tokio::test(flavor = "multi_thread")]
async fn pages_hear_of_acts_and_of_nothing_else() {
    let site = Site::start().await;
    site.sandbox.register("ann");
    site.sandbox.sign_in("ann", "ios").unwrap();
    let mut browser = site.browser();
    browser.sign_in(ADMIN).await;
    // Something has to be on record before there is a trail to follow.
    let run = json!({"action": {"kind": "logout", "selection": {}}, "users": ["ann"]});
    site.api(Method::POST, "/v1/apps/chat/runs", run.clone()).await;
    let mut stream = browser.stream(LIVE).await;
    let first = timeout(Duration::from_secs(10), stream.next())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(first, "event: beat\ndata: {}\n\n");
    site.sandbox.sign_in("ann", "ios").unwrap();
    let made = site.api(Method::POST, "/v1/apps/chat/runs", run).await;
    let run = made["id"].as_str().unwrap();
    let mut heard = String::new();
    while !(heard.contains(run) && heard.contains("\"ann\"")) {
        heard += &timeout(Duration::from_secs(20), stream.next())
            .await
            .unwrap()
            .unwrap();
    }
    assert!(
        heard.contains("event: change") && heard.contains("\"app\":\"chat\""),
        "{heard}"
    );
    assert!(
        !heard.contains("operator") && !heard.contains("prev"),
        "entries stay in the service: {heard}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_needs_the_right_to_read_the_trail() {
    let site = Site::start().await;
    let mut reader = site.signed_in("li", &[Scope::DevicesRead]).await;
    reader.get(LIVE).await.expect(403);
    let page = reader.get("/console/chat/users").await.expect(200).text;
    assert!(
        page.contains("data-live-every") && !page.contains("data-live=\""),
        "{page}"
    );
    site.browser().get(LIVE).await.expect(303);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_signs_out_hears_nothing_more() {
    let site = Site::start().await;
    site.api(
        Method::POST,
        "/v1/apps/chat/runs",
        json!({"action": {"kind": "logout", "selection": {}}, "users": ["ann"]}),
    )
    .await;
    let mut browser = site.browser();
    browser.sign_in(ADMIN).await;
    let mut stream = browser.stream(LIVE).await;
    browser.post("/console/sign-out", &[]).await.expect(303);
    let mut heard = String::new();
    while let Some(piece) = timeout(Duration::from_secs(40), stream.next()).await.unwrap() {
        heard += &piece;
    }
    assert!(heard.ends_with("event: out\ndata: {}\n\n"), "{heard}");
}
