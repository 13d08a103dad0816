use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Api, START_MS, builder, finish, refused};

async fn ask(api: &Api, body: Value) -> crate::api::Answer {
    api.as_nobody(Method::POST, "/token", Some(body)).await
}

fn credentials(api: &Api) -> Value {
    json!({
        "grant_type": "client_credentials",
        "client_id": api.sandbox.client_id(),
        "client_secret": api.sandbox.client_secret(),
    })
}

#[tokio::test]
async fn app_tokens_say_how_long_they_last() {
    let api = Api::start().await;
    let mut body = credentials(&api);
    let answer = ask(&api, body.clone()).await.json();
    assert!(answer["access_token"].as_str().unwrap().starts_with("YWMt"));
    assert_eq!(answer["expires_in"], 60 * 24 * 3600);
    assert!(answer["application"].is_string());
    for (ttl, shown) in [(json!(7200), 7200), (json!("60"), 60), (json!(0), 0)] {
        body["ttl"] = ttl;
        assert_eq!(ask(&api, body.clone()).await.json()["expires_in"], shown);
    }
}

#[tokio::test]
async fn some_clusters_count_in_milliseconds() {
    let api = Api::with(
        builder()
            .expires_in_millis(true)
            .token_ttl(Duration::from_secs(5)),
    )
    .await;
    assert_eq!(ask(&api, credentials(&api)).await.json()["expires_in"], 5_000);
}

#[tokio::test]
async fn wrong_credentials_are_named() {
    let api = Api::start().await;
    for field in ["client_id", "client_secret"] {
        let mut body = credentials(&api);
        body[field] = json!("YXA6wrong");
        let answer = ask(&api, body).await;
        assert_eq!(answer.error(), refused(400, "invalid_grant"));
        assert_eq!(answer.description(), format!("{field} does not match"));
    }
    assert_eq!(
        ask(&api, json!({"grant_type": "magic"})).await.error(),
        refused(400, "illegal_argument")
    );
}

#[tokio::test]
async fn passwords_give_user_tokens() {
    let api = Api::start().await;
    api.sandbox.register("ann");
    let body = |user: &str, password: &str| json!({"grant_type": "password", "username": user, "password": password});
    let answer = ask(&api, body("Ann", "pw-ann")).await.json();
    assert_eq!(answer["user"]["username"], "ann");
    assert_eq!(
        ask(&api, body("ann", "x")).await.description(),
        "invalid password"
    );
    let unknown = ask(&api, body("bob", "x")).await;
    assert_eq!(unknown.error(), refused(404, "invalid_grant"));
    assert_eq!(unknown.description(), "user not found");
    api.post("/users/ann/deactivate", json!({})).await;
    let banned = ask(&api, body("ann", "pw-ann")).await;
    assert_eq!(
        (banned.error(), banned.description()),
        (refused(400, "invalid_grant"), "user not activated".into())
    );
}

#[tokio::test]
async fn inherit_may_create_the_user() {
    let api = Api::start().await;
    let body = |create: bool| json!({"grant_type": "inherit", "username": "New", "autoCreateUser": create});
    assert_eq!(
        api.post("/token", body(false)).await.error(),
        refused(404, "entity_not_found")
    );
    assert_eq!(
        api.post("/token", body(true)).await.json()["user"]["username"],
        "new"
    );
    let illegal = json!({"grant_type": "inherit", "username": "a b", "autoCreateUser": true});
    assert_eq!(
        api.post("/token", illegal).await.error(),
        refused(400, "illegal_argument")
    );
    assert_eq!(ask(&api, body(true)).await.error(), refused(401, "unauthorized"));
    let user = api.user_token("new").await;
    let answer = api
        .as_holder(&user, Method::POST, "/token", Some(body(true)))
        .await;
    assert_eq!(answer.error(), refused(401, "auth_bad_access_token"));
}

#[tokio::test]
async fn a_stale_token_does_not_bar_from_a_new_one() {
    let api = Api::start().await;
    let answer = api
        .as_holder("YWMtstale", Method::POST, "/token", Some(credentials(&api)))
        .await;
    assert_eq!(answer.status, 200);
    let inherit = json!({"grant_type": "inherit", "username": "ann", "autoCreateUser": true});
    let answer = api
        .as_holder("YWMtstale", Method::POST, "/token", Some(inherit))
        .await;
    assert_eq!(answer.error(), refused(401, "auth_bad_access_token"));
}

#[tokio::test]
async fn tokens_expire_by_the_clock() {
    let api = Api::with(builder().token_ttl(Duration::from_secs(60))).await;
    api.sandbox.register("ann");
    assert_eq!(api.get("/users/ann").await.status, 200);
    api.sandbox.advance(Duration::from_secs(60));
    let answer = api.get("/users/ann").await;
    assert_eq!(answer.error(), refused(401, "unauthorized"));
    assert_eq!(
        answer.description(),
        "Unable to authenticate due to expired access token"
    );
}

#[tokio::test]
async fn bad_tokens_are_told_apart() {
    let api = Api::start().await;
    for (token, kind, text) in [
        (
            "rubbish",
            "auth_bad_access_token",
            "Unable to authenticate due to corrupt access token",
        ),
        ("YWMtrubbish", "auth_bad_access_token", "Unable to authenticate"),
    ] {
        let answer = api.as_holder(token, Method::GET, "/users/ann", None).await;
        assert_eq!(
            (answer.error(), answer.description()),
            (refused(401, kind), text.to_owned())
        );
    }
    let nobody = api.as_nobody(Method::GET, "/users/ann", None).await;
    assert_eq!(nobody.description(), "Unable to authenticate (OAuth)");
}

#[tokio::test]
async fn user_tokens_serve_their_user_alone() {
    let api = Api::start().await;
    for user in ["ann", "bob"] {
        api.sandbox.register(user);
        api.sandbox.sign_in(user, "ios").unwrap();
    }
    let token = api.user_token("ann").await;
    for (path, status) in [
        ("/users/ann/resources", 200),
        ("/users/ANN/status", 200),
        ("/users/bob/resources", 401),
        ("/users", 401),
        ("/devices/limits", 401),
    ] {
        assert_eq!(
            api.as_holder(&token, Method::GET, path, None).await.status,
            status,
            "{path}"
        );
    }
    let answer = api
        .as_holder(&token, Method::GET, "/users/bob/disconnect", None)
        .await;
    assert_eq!(answer.error(), refused(401, "unauthorized"));
    assert!(
        answer
            .description()
            .starts_with("Subject does not have permission [applications:get:")
    );
    assert_eq!(api.sandbox.devices("bob").len(), 1);
}

#[tokio::test]
async fn a_user_learns_when_the_token_of_the_call_ends() {
    let api = Api::start().await;
    for user in ["ann", "bob"] {
        api.sandbox.register(user);
    }
    let ask = |user: &str, token: String| {
        let path = format!("/sdk/users/{user}/token/expires");
        finish(api.request(Method::GET, &path).bearer_auth(token))
    };
    let ann = api.user_token("ann").await;
    let days_60 = 60 * 24 * 60 * 60 * 1_000;
    assert_eq!(
        ask("ANN", ann.clone()).await.json(),
        json!({"expire_timestamp": START_MS + days_60})
    );
    assert_eq!(ask("bob", ann).await.status, 401);
    assert_eq!(
        ask("ann", api.token.clone()).await.error(),
        refused(401, "auth_bad_access_token")
    );
    assert_eq!(ask("ann", "YWMtwrong".into()).await.status, 401);
}
