//! The two forms of roots, and where they are found.

use easemob_admin_sandbox::Sandbox;
use reqwest::Method;
use serde_json::json;

use crate::api::{Api, builder, finish, refused};

/// Published by Agora with its own tools, for the user 2882341273 and good until 1111711 s.
const PUBLISHED: &str = "007eJxTYPg19dsX8xO2Nys/bpSeoH/0j9CvSs1JWib9291PKC53l85UYLA0N3B2NDZNSTUzSDYxMTMxTUpKTLVINDI0NTAzTDI2dv8iwBDBxMDAyMDAwAwkWYAYxGcCk8xgkgVMKjCYp5gbGZuZpiZZWhibWJgaW5qnGqcap1mmmJgZJKWkJHIxGFlYGBmbGBqZGzMBzYGYxMlQklpcEl9anFrEChdEVgoAw6ct/Q==";

#[tokio::test]
async fn everything_below_an_app_id_is_as_below_the_app_key() {
    let api = Api::with(builder().agora_app("0123abcd", "certificate")).await;
    api.sandbox.register("ann");
    assert!(api.sandbox.app_id_root().ends_with("/app-id/0123abcd"));
    let get = |path: &str| {
        let url = format!("{}{path}", api.sandbox.app_id_root());
        finish(api.http.get(url).bearer_auth(&api.token))
    };
    let user = get("/users/ann").await.json();
    assert_eq!(user["entities"][0]["username"], "ann");
    assert_eq!(user["uri"], format!("{}/users", api.sandbox.app_id_root()));
    assert_eq!(get("/users/bob").await.status, 404);
    let other = format!("{}/app-id/other/users/ann", api.sandbox.rest_url());
    let other = finish(api.http.get(other).bearer_auth(&api.token)).await;
    assert_eq!(other.error(), refused(404, "organization_application_not_found"));
}

#[tokio::test]
async fn an_app_cannot_be_called_like_the_other_form() {
    for app in ["app-id#chat", "sandbox#chat"] {
        assert!(Sandbox::builder().app(app).start().await.is_err());
    }
}

#[tokio::test]
async fn a_token_of_agoras_kind_is_exchanged_for_one_that_ends_with_it() {
    let app_id = "970CA35de60c44645bbae8a215061b33";
    let clock = easemob_admin_sandbox::SandboxClock::manual(1_111_111_000);
    let builder = builder()
        .clock(clock)
        .agora_app(app_id, "5CFd2fd1755d40ecb72977518be15d3b");
    let api = Api::with(builder).await;
    let exchange = async |token: &str| {
        let body = json!({"grant_type": "agora"});
        api.as_holder(token, Method::POST, "/token", Some(body)).await
    };
    assert_eq!(
        exchange(PUBLISHED).await.error(),
        refused(404, "entity_not_found")
    );
    api.sandbox.register("2882341273");
    let answer = exchange(PUBLISHED).await.json();
    assert_eq!(answer["expire_timestamp"], 1_111_711_000);
    let token = answer["access_token"].as_str().unwrap();
    let own = api
        .as_holder(token, Method::GET, "/users/2882341273/status", None)
        .await;
    assert_eq!(own.status, 200);
    assert_eq!(
        exchange("007AAAA").await.error(),
        refused(401, "auth_bad_access_token")
    );
    let body = Some(json!({"grant_type": "agora"}));
    assert_eq!(api.as_nobody(Method::POST, "/token", body).await.status, 401);
    api.sandbox.advance(std::time::Duration::from_secs(10 * 60));
    assert_eq!(exchange(PUBLISHED).await.error(), refused(401, "unauthorized"));
    let own = api
        .as_holder(token, Method::GET, "/users/2882341273/status", None)
        .await;
    assert_eq!(own.status, 401, "it has ended as well");
}

#[tokio::test]
async fn servers_are_found_by_the_app_key() {
    let api = Api::start().await;
    let ask = |key: &str| {
        let url = format!("{}/easemob/server.json?app_key={key}", api.sandbox.rest_url());
        finish(api.http.get(url))
    };
    let found = ask("easemob-demo%23sandbox").await.json();
    let host = &found["rest"]["hosts"][0];
    assert_eq!(
        (&host["protocol"], &host["ip"]),
        (&json!("http"), &json!("127.0.0.1"))
    );
    assert_eq!(host["port"], api.sandbox.address().port());
    assert_eq!(ask("x%23y").await.status, 404);
    assert_eq!(api.sandbox.call_count("discovery.servers"), 2);
}

#[tokio::test]
async fn whoever_likes_registers_once_the_console_says_so() {
    let body = || Some(json!({"username": "ann", "password": "x"}));
    let api = Api::start().await;
    let closed = api.as_nobody(Method::POST, "/users", body()).await;
    assert_eq!(closed.error(), refused(401, "unauthorized"));
    let api = Api::with(builder().open_registration(true)).await;
    let made = api.as_nobody(Method::POST, "/users", body()).await.json();
    assert_eq!(made["entities"][0]["username"], "ann");
    let again = api.as_nobody(Method::POST, "/users", body()).await;
    assert_eq!(again.error(), refused(400, "duplicate_unique_property_exists"));
    // A token that is not good is still refused, and nothing else is open.
    let wrong = api.as_holder("YWMtwrong", Method::POST, "/users", body()).await;
    assert_eq!(wrong.status, 401);
    assert_eq!(api.as_nobody(Method::GET, "/users", None).await.status, 401);
}
