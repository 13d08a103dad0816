use easemob_admin_sandbox::Rates;
use reqwest::Method;
use serde_json::json;

use crate::api::{Api, builder, refused};

fn two_a_second() -> Rates {
    Rates {
        users: Some(2),
        presence: Some(1),
        ..Rates::documented()
    }
}

#[tokio::test]
async fn one_call_too_many_is_refused() {
    let api = Api::with(builder().rates(two_a_second())).await;
    api.sandbox.register("ann");
    api.sandbox.sign_in("ann", "ios").unwrap();
    assert_eq!(api.get("/users/ann").await.status, 200);
    assert_eq!(api.get("/users/ann/resources").await.status, 200);
    let answer = api.get("/users/ann/disconnect").await;
    assert_eq!(answer.error(), refused(429, "reach_limit"));
    assert_eq!(answer.description(), "This request has reached api limit");
    assert_eq!(api.sandbox.devices("ann").len(), 1);
}

#[tokio::test]
async fn asking_for_tokens_too_often_is_refused() {
    let rates = Rates {
        token: Some(1),
        ..Rates::documented()
    };
    assert_eq!(Rates::documented().token, Some(300));
    let api = Api::with(builder().rates(rates)).await;
    let body = json!({"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"});
    let answer = api.as_nobody(Method::POST, "/token", Some(body)).await;
    assert_eq!(answer.error(), refused(429, "reach_limit"));
}

#[tokio::test]
async fn other_pools_have_their_own_count() {
    let api = Api::with(builder().rates(two_a_second())).await;
    api.sandbox.register("ann");
    for _ in 0..3 {
        api.get("/users/ann").await;
    }
    assert_eq!(api.get("/mutes").await.status, 200);
    assert!(!api.app_token().await.is_empty());
    let presence = || api.post("/users/ann/presence", json!({"usernames": ["ann"]}));
    assert_eq!(presence().await.status, 200);
    assert_eq!(presence().await.status, 429);
    assert_eq!(api.as_nobody(Method::GET, "/nothing", None).await.status, 404);
}
