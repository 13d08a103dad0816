use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::api::{Api, START_MS, refused};

const START_S: u64 = START_MS / 1_000;

async fn two_users() -> Api {
    let api = Api::start().await;
    api.sandbox.register("ann");
    api.sandbox.register("bob");
    api.sandbox.sign_in_as("bob", "ios_1").unwrap();
    api
}

#[tokio::test]
async fn a_status_is_published_and_read() {
    let api = two_users().await;
    assert_eq!(
        api.post("/users/bob/presence/ios_1/101", json!({"ext": "busy"}))
            .await
            .json(),
        json!({"result": "ok"})
    );
    let shown = api
        .post("/users/ann/presence", json!({"usernames": ["bob", "nobody"]}))
        .await
        .json();
    let bob =
        json!({"uid": "bob", "last_time": START_S.to_string(), "ext": "busy", "status": {"ios_1": "101"}});
    assert_eq!(shown, json!({"result": [bob]}));
    for (body, text) in [
        (json!({}), "ext cannot be null"),
        (json!({"ext": "x".repeat(1025)}), "ext is too big"),
    ] {
        let answer = api.post("/users/bob/presence/ios_1/1", body).await;
        assert_eq!(
            (answer.error(), answer.description()),
            (refused(400, "illegal_argument"), text.to_owned())
        );
    }
}

#[tokio::test]
async fn subscriptions_come_and_go() {
    let api = two_users().await;
    let answer = api
        .post("/users/ann/presence/100", json!({"usernames": ["Bob"]}))
        .await
        .json();
    let expiry = (START_S + 100).to_string();
    assert_eq!(
        (&answer["result"][0]["uid"], &answer["result"][0]["expiry"]),
        (&json!("bob"), &json!(expiry))
    );
    let list = "/users/ann/presence/sublist?pageNum=1&pageSize=10";
    let held = json!({"result": {"totalnum": "1", "sublist": [{"uid": "bob", "expiry": expiry}]}});
    assert_eq!(api.get(list).await.json(), held);

    for body in [json!(["bob"]), json!({"users": ["bob"]})] {
        api.post("/users/ann/presence/100", json!({"usernames": ["bob"]}))
            .await;
        let answer = api
            .as_holder(&api.token, Method::DELETE, "/users/ann/presence", Some(body))
            .await;
        assert_eq!(answer.json(), json!({"result": "ok"}));
        assert_eq!(api.get(list).await.json()["result"]["totalnum"], "0");
    }

    api.post("/users/ann/presence/100", json!({"usernames": ["bob"]}))
        .await;
    api.sandbox.advance(Duration::from_secs(100));
    assert_eq!(api.get(list).await.json()["result"]["totalnum"], "0");
}

#[tokio::test]
async fn bad_presence_calls_are_refused() {
    let api = two_users().await;
    let many = vec!["x"; 101];
    for (path, body, text) in [
        ("presence", json!({"usernames": []}), "usernames is empty"),
        ("presence", json!({"usernames": many}), "too many get presences"),
        ("presence/9", json!({"usernames": many}), "too many sub presence"),
        (
            "presence/9",
            json!({"usernames": ["ANN"]}),
            "you can't sub yourself",
        ),
        (
            "presence/2592001",
            json!({"usernames": ["bob"]}),
            "expiry is not legal",
        ),
    ] {
        let answer = api.post(&format!("/users/ann/{path}"), body).await;
        assert_eq!(
            (answer.error(), answer.description()),
            (refused(400, "illegal_argument"), text.to_owned())
        );
    }
    assert_eq!(
        api.get("/presence/online/g1/type/1").await.json(),
        json!({"result": 0})
    );
}
