//! What the service takes although it is not written as the pages ask.

use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Api, finish, refused};

#[tokio::test]
async fn a_token_is_given_under_every_type_that_scripts_send() {
    let api = Api::start().await;
    let body = json!({
        "grant_type": "client_credentials",
        "client_id": api.sandbox.client_id(),
        "client_secret": api.sandbox.client_secret(),
    });
    let send = |kind: Option<&'static str>| {
        let request = api.request(Method::POST, "/token").body(body.to_string());
        finish(match kind {
            Some(kind) => request.header("content-type", kind),
            None => request,
        })
    };
    for kind in [
        None,
        Some("application/json, application/json"),
        Some("text/plain"),
        // What curl says of every body.
        Some("application/x-www-form-urlencoded"),
    ] {
        let answer = send(kind).await;
        assert_eq!(answer.status, 200, "{kind:?}: {}", answer.text);
        assert!(answer.json()["access_token"].is_string());
    }
    assert_eq!(
        send(Some("application/xml")).await.error(),
        refused(415, "web_application")
    );
}

#[tokio::test]
async fn booleans_numbers_and_both_spellings_of_a_field_are_understood() {
    let api = Api::start().await;
    for name in ["ann", "13"] {
        api.sandbox.register(name);
    }
    let body = json!({
        "groupname": 7,
        "desc": "short",
        "description": "long",
        "public": "true",
        "membersonly": "true",
        "members_only": false,
        "approval": null,
        "owner": "ann",
        "members": [13],
        "maxusers": "300",
    });
    let group = api.post("/chatgroups", body).await.data();
    let group = &api
        .get(&format!("/chatgroups/{}", group["groupid"].as_str().unwrap()))
        .await
        .data()[0];
    assert_eq!(
        [
            &group["name"],
            &group["description"],
            &group["public"],
            &group["membersonly"]
        ],
        [&json!("7"), &json!("long"), &json!(true), &json!(true)]
    );
    assert_eq!(group["affiliations_count"], 2);
    let refused_one = api
        .post("/chatgroups", json!({"owner": "ann", "public": "perhaps"}))
        .await;
    assert_eq!(refused_one.error(), refused(400, "illegal_argument"));
}

#[tokio::test]
async fn every_call_with_a_form_takes_texts_for_numbers_and_numbers_for_texts() {
    let api = Api::start().await;
    for name in ["ann", "13"] {
        api.sandbox.register(name);
    }
    let calls: &[(Method, &str, Value)] = &[
        (
            Method::POST,
            "/users",
            json!({"username": 77, "password": 1234, "nickname": null}),
        ),
        (
            Method::PUT,
            "/users/ann/password",
            json!({"newpassword": 123_456}),
        ),
        (
            Method::POST,
            "/users/batch/status",
            json!({"usernames": [13, "ann"]}),
        ),
        (Method::POST, "/mutes", json!({"username": 13, "chat": "60"})),
        (
            Method::PUT,
            "/devices/limits",
            json!({"mode": "multi", "default": "3", "platforms": {"web": "2"}}),
        ),
        (Method::POST, "/users/ann/presence/web/1", json!({"ext": 5})),
        (Method::POST, "/users/ann/presence", json!({"usernames": [13]})),
        (
            Method::POST,
            "/users/ann/contacts/apply",
            json!({"usernames": [13], "reason": 1}),
        ),
        (
            Method::POST,
            "/users/ann/blocks/users",
            json!({"usernames": [13]}),
        ),
        (
            Method::POST,
            "/messages/users",
            json!({"to": [13], "type": "txt", "body": {"msg": "hi"}, "sync_device": "false"}),
        ),
        (
            Method::POST,
            "/token",
            json!({"grant_type": "inherit", "username": 13, "autoCreateUser": "false", "ttl": "60"}),
        ),
    ];
    for (method, path, body) in calls {
        let answer = api
            .as_holder(&api.token, method.clone(), path, Some(body.clone()))
            .await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    }
    assert_eq!(api.get("/users/77").await.status, 200);
    assert_eq!(api.get("/mutes/13").await.data()["chat"], 60);
}
