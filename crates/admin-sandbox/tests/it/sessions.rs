use easemob_admin_sandbox::SignInRequest;
use reqwest::Method;
use serde_json::json;

use crate::api::{Api, refused};

#[tokio::test]
async fn devices_are_listed_without_age_or_order() {
    let api = Api::start().await;
    api.sandbox.register("ann");
    api.sandbox.sign_in_as("ann", "web_19c").unwrap();
    let phone = SignInRequest::with_resource("android_55ab")
        .device_name("Pixel-X")
        .device_uuid("9f-01");
    api.sandbox.sign_in_with("Ann", phone).unwrap();

    let mut body = api.get("/users/ann/resources").await.json();
    body["application"] = json!("<uuid>");
    body["duration"] = json!(0);
    body["uri"] = json!(
        body["uri"]
            .as_str()
            .unwrap()
            .replace(&api.sandbox.app_root(), "<root>")
    );
    insta::assert_snapshot!(serde_json::to_string_pretty(&body).unwrap(), @r#"
    {
      "action": "get",
      "application": "<uuid>",
      "applicationName": "sandbox",
      "data": [
        {
          "device_name": "Pixel-X",
          "device_uuid": "9f-01",
          "res": "android_55ab"
        },
        {
          "device_name": "webim",
          "device_uuid": "19c",
          "res": "web_19c"
        }
      ],
      "duration": 0,
      "entities": [],
      "organization": "easemob-demo",
      "path": "/users/ann/resources",
      "timestamp": 1700000000000,
      "uri": "<root>/users/ann/resources"
    }
    "#);
}

#[tokio::test]
async fn nobody_online_is_an_empty_list() {
    let api = Api::start().await;
    api.sandbox.register("ann");
    assert_eq!(api.get("/users/ann/resources").await.data(), json!([]));
    assert_eq!(
        api.get("/users/bob/resources").await.error(),
        refused(404, "service_resource_not_found")
    );
}

#[tokio::test]
async fn all_devices_are_logged_out() {
    let api = Api::start().await;
    api.sandbox.register("ann");
    for platform in ["ios", "web"] {
        api.sandbox.sign_in("ann", platform).unwrap();
    }
    let answer = api.get("/users/ann/disconnect").await;
    assert_eq!(
        (answer.data(), &answer.json()["count"]),
        (json!({"result": true}), &json!(0))
    );
    assert!(api.sandbox.devices("ann").is_empty());
    // Not a ban: the user may come back at once.
    assert!(api.sandbox.sign_in("ann", "ios").is_ok());
    assert_eq!(
        api.get("/users/bob/disconnect").await.error(),
        refused(404, "service_resource_not_found")
    );
}

#[tokio::test]
async fn one_device_is_logged_out_by_either_verb() {
    let api = Api::start().await;
    api.sandbox.register("ann");
    for (method, resource) in [(Method::DELETE, "ios_1"), (Method::GET, "web_1")] {
        api.sandbox.sign_in_as("ann", resource).unwrap();
        api.sandbox.sign_in_as("ann", "android_stays").unwrap();
        let path = format!("/users/ann/disconnect/{resource}");
        let answer = api.as_holder(&api.token, method.clone(), &path, None).await;
        assert_eq!(answer.data(), json!({"result": true}));
        let again = api.as_holder(&api.token, method, &path, None).await;
        assert_eq!(again.data(), json!({"result": false}));
        assert_eq!(api.sandbox.devices("ann").len(), 1);
    }
    assert_eq!(api.delete("/users/bob/disconnect/x").await.status, 404);
}

#[tokio::test]
async fn one_status_is_read() {
    let api = Api::start().await;
    api.sandbox.register("ann");
    let answer = api.get("/users/ann/status").await;
    assert_eq!(
        (answer.data(), &answer.json()["count"]),
        (json!({"ann": "offline"}), &json!(0))
    );
    api.sandbox.sign_in("ann", "ios").unwrap();
    assert_eq!(
        api.get("/users/ann/status").await.data(),
        json!({"ann": "online"})
    );
    assert_eq!(
        api.get("/users/bob/status").await.error(),
        refused(404, "service_resource_not_found")
    );
}

#[tokio::test]
async fn a_hundred_statuses_are_read() {
    let api = Api::start().await;
    api.sandbox.register("ann");
    api.sandbox.sign_in("ann", "ios").unwrap();
    let answer = api
        .post("/users/batch/status", json!({"usernames": ["Ann", "nobody"]}))
        .await;
    assert_eq!(answer.data(), json!([{"ann": "online"}, {"nobody": "offline"}]));
    assert_eq!(answer.json()["action"], "get batch user status");
    let over = api
        .post("/users/batch/status", json!({"usernames": vec!["x"; 101]}))
        .await;
    assert_eq!(over.error(), refused(400, "illegal_argument"));
    assert_eq!(
        over.description(),
        "request body exceeds maximum limit, maximum limit is 100"
    );
}
