//! Groups and threads over HTTP.

use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Answer, Api, finish, refused};

async fn as_user(api: &Api, user: &str, method: Method, path: &str, body: Value) -> Answer {
    let token = api.user_token(user).await;
    let request = api.request(method, path).bearer_auth(token);
    finish(
        request
            .header("content-type", "application/json")
            .body(body.to_string()),
    )
    .await
}

async fn with_group() -> (Api, String) {
    let api = Api::start().await;
    for user in ["ann", "bob"] {
        api.sandbox.register(user);
    }
    let group = json!({"groupname": "g", "owner": "ann", "members": ["BOB"]});
    let made = api.post("/chatgroups", group).await.data();
    (api, made["groupid"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn names_have_no_case() {
    let (api, id) = with_group().await;
    let admin = format!("/chatgroups/{id}/admin");
    assert_eq!(api.post(&admin, json!({"newadmin": "BOB"})).await.status, 200);
    assert_eq!(api.get(&admin).await.data(), json!(["bob"]));
    let mute = json!({"usernames": ["Bob"], "mute_duration": 1_000});
    assert_eq!(
        api.post(&format!("/chatgroups/{id}/mute"), mute).await.status,
        200
    );
    for path in ["mute/BOB", "admin/BOB", "users/BOB"] {
        let answer = api.delete(&format!("/chatgroups/{id}/{path}")).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let api = Api::start().await;
    let nothing = refused(404, "service_resource_not_found");
    assert_eq!(api.delete("/chatgroups/999").await.error(), nothing);
    assert_eq!(
        api.put("/chatgroups/999", json!({"groupname": "x"}))
            .await
            .error(),
        nothing
    );
    assert_eq!(api.delete("/thread/999").await.error(), nothing);
    assert_eq!(
        api.put("/thread/999", json!({"name": "x"})).await.error(),
        nothing
    );
}

#[tokio::test]
async fn nobody_acts_for_another_in_a_thread() {
    let (api, id) = with_group().await;
    let thread = json!({"name": "t", "group_id": id, "msg_id": "1"});
    let made = as_user(&api, "ann", Method::POST, "/thread", thread).await.data();
    let thread = made["thread_id"].as_str().unwrap();
    let join = format!("/thread/{thread}/user/BOB/join");
    assert_eq!(
        as_user(&api, "ann", Method::POST, &join, json!({})).await.status,
        401
    );
    assert_eq!(
        as_user(&api, "bob", Method::POST, &join, json!({})).await.status,
        200
    );
    let quit = format!("/thread/{thread}/user/bob/quit");
    assert_eq!(
        as_user(&api, "ann", Method::DELETE, &quit, json!({}))
            .await
            .status,
        401
    );
    assert_eq!(api.delete(&quit).await.status, 200, "the app may");
    assert_eq!(api.delete(&format!("/thread/{thread}")).await.status, 200);
}
