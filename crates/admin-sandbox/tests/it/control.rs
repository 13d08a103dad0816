use reqwest::Method;
use serde_json::json;

use crate::api::{Api, START_MS, builder, finish};

#[tokio::test]
async fn devices_sign_in_and_out() {
    let api = Api::start().await;
    api.sandbox.register("ann");
    let body = json!({"user": "Ann", "platform": "webim", "device_name": "Firefox", "password": "pw-ann"});
    let answer = api.control(Method::POST, "sign-in", Some(body)).await.json();
    let resource = format!("webim_random_web_{START_MS}");
    assert_eq!(
        answer,
        json!({"login_id": format!("ann/{resource}"), "res": resource, "evicted": []})
    );
    let device = &api.sandbox.devices("ann")[0];
    assert_eq!(
        (device.device_name.as_str(), device.platform.as_str()),
        ("Firefox", "web")
    );
    let body = json!({"user": "ann", "resource": resource});
    for signed_out in [true, false] {
        let answer = api
            .control(Method::POST, "sign-out", Some(body.clone()))
            .await
            .json();
        assert_eq!(answer, json!({"signed_out": signed_out}));
    }
}

#[tokio::test]
async fn refused_sign_ins_have_a_status() {
    let api = Api::start().await;
    for user in ["ann", "bob"] {
        api.sandbox.register(user);
    }
    api.post("/users/bob/deactivate", json!({})).await;
    api.put("/devices/limits", json!({"platforms": {"custom1": 0}}))
        .await;
    for (body, status) in [
        (json!({"user": "ann"}), 400),
        (json!({"user": "nobody", "platform": "ios"}), 404),
        (json!({"user": "bob", "platform": "ios"}), 403),
        (json!({"user": "ann", "platform": "ios", "password": "x"}), 403),
        (json!({"user": "ann", "platform": "custom1"}), 409),
        (json!({"user": "ann", "platfrom": "ios"}), 400),
    ] {
        let answer = api.control(Method::POST, "sign-in", Some(body.clone())).await;
        assert_eq!(answer.status, status, "{body}");
        assert!(answer.json()["error"].is_string());
    }
}

#[tokio::test]
async fn the_policy_can_be_changed() {
    let api = Api::start().await;
    api.sandbox.register("ann");
    api.put("/devices/limits", json!({"default": 1})).await;
    let answer = api
        .control(Method::PUT, "policy", Some(json!({"policy": "refuse"})))
        .await;
    assert_eq!(answer.json(), json!({"policy": "refuse"}));
    api.sandbox.sign_in("ann", "ios").unwrap();
    assert!(api.sandbox.sign_in("ann", "ios").is_err());
}

#[tokio::test]
async fn the_clock_moves() {
    let api = Api::start().await;
    let body = json!({"seconds": 2, "millis": 5});
    api.control(Method::POST, "clock/advance", Some(body)).await;
    let answer = api.control(Method::GET, "clock", None).await.json();
    assert_eq!(answer, json!({"now_ms": START_MS + 2_005, "manual": true}));
}

#[tokio::test]
async fn times_that_are_none_are_refused() {
    let api = Api::start().await;
    let late =
        json!({"users": [{"username": "ann", "devices": [{"platform": "web", "signed_in_ms": u64::MAX}]}]});
    assert_eq!(api.control(Method::POST, "seed", Some(late)).await.status, 400);
    for body in [json!({"seconds": u64::MAX}), json!({"millis": u64::MAX})] {
        let answer = api.control(Method::POST, "clock/advance", Some(body)).await;
        assert_eq!(answer.status, 400, "{}", answer.text);
    }
    let far = json!({"millis": 1_u64 << 53});
    assert_eq!(
        api.control(Method::POST, "clock/advance", Some(far)).await.status,
        200
    );
    api.sandbox.register("ann");
    assert_eq!(api.sandbox.sign_in("ann", "web").unwrap().evicted.len(), 0);
    assert_eq!(
        api.control(Method::GET, "clock", None).await.json()["now_ms"],
        1_u64 << 53
    );
}

#[tokio::test]
async fn calls_are_shown_and_forgotten() {
    let api = Api::start().await;
    api.get("/users").await;
    let calls = api.control(Method::GET, "calls", None).await.json();
    assert_eq!(calls["calls"][0]["endpoint"], "users.list");
    assert_eq!(
        api.control(Method::DELETE, "calls", None).await.json(),
        json!({"calls": []})
    );
}

#[tokio::test]
async fn seeds_come_and_go() {
    let api = Api::start().await;
    let users = |answer: crate::api::Answer| answer.json()["users"].as_u64().unwrap();
    assert_eq!(
        users(api.control(Method::POST, "seed", Some(json!("demo"))).await),
        1_000
    );
    assert_eq!(users(api.control(Method::POST, "reset", None).await), 0);
    let seed = json!({"users": [{"username": "ann", "devices": [{"platform": "ios"}]}]});
    assert_eq!(users(api.control(Method::POST, "seed", Some(seed)).await), 1);
    assert_eq!(api.sandbox.devices("ann").len(), 1);
    for bad in [
        json!({"users": [{}]}),
        json!({"users": [{"username": ""}]}),
        json!(7),
    ] {
        assert_eq!(api.control(Method::POST, "seed", Some(bad)).await.status, 400);
    }
    // Credentials outlive a reset, and so does the token made of them.
    assert_eq!(api.get("/users/ann").await.status, 200);
}

#[tokio::test]
async fn it_is_healthy_and_nothing_else() {
    let api = Api::start().await;
    assert_eq!(
        api.control(Method::GET, "health", None).await.json()["status"],
        "ok"
    );
    assert_eq!(api.control(Method::GET, "nothing", None).await.status, 404);
    assert_eq!(api.sandbox.calls(), []);
}

#[tokio::test]
async fn web_pages_of_others_are_refused_unless_the_builder_says_otherwise() {
    for anywhere in [false, true] {
        let api = Api::with(builder().control_from_anywhere(anywhere)).await;
        let ask = |name: &'static str, value: &'static str| {
            let url = format!("{}/sandbox/reset", api.sandbox.rest_url());
            finish(api.http.post(url).header(name, value))
        };
        let expected = if anywhere { 200 } else { 403 };
        assert_eq!(ask("origin", "https://example.com").await.status, expected);
        assert_eq!(ask("host", "rebound.example.com").await.status, expected);
        assert_eq!(ask("origin", "http://localhost:3000").await.status, 200);
    }
}

#[tokio::test]
async fn a_body_beyond_what_is_read_has_its_own_status() {
    let api = Api::start().await;
    let url = format!("{}/sandbox/seed", api.sandbox.rest_url());
    let answer = finish(api.http.post(url).body(vec![b' '; 16 * 1024 * 1024 + 1])).await;
    assert_eq!(answer.status, 413, "{}", answer.text);
}
