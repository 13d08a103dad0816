use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Answer, Api, builder, refused};

fn user(name: &str) -> Value {
    json!({"username": name, "password": "secret", "nickname": "Nick"})
}

fn names(answer: &Answer) -> Vec<String> {
    let body = answer.json();
    let entities = body["entities"].as_array().unwrap();
    entities
        .iter()
        .map(|user| user["username"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn one_user_is_registered() {
    let api = Api::start().await;
    let body = api.post("/users", user("Ann")).await.json();
    assert_eq!(
        (&body["action"], &body["path"]),
        (&json!("post"), &json!("/users"))
    );
    assert_eq!(
        (&body["organization"], &body["applicationName"]),
        (&json!("easemob-demo"), &json!("sandbox"))
    );
    let entity = &body["entities"][0];
    assert_eq!(
        (&entity["username"], &entity["nickname"]),
        (&json!("ann"), &json!("Nick"))
    );
    assert_eq!(
        (&entity["activated"], &entity["type"]),
        (&json!(true), &json!("user"))
    );
    assert!(entity["created"].is_u64() && entity["modified"].is_u64() && entity["uuid"].is_string());
}

#[tokio::test]
async fn bad_registrations_are_refused() {
    let api = Api::start().await;
    api.sandbox.register("ann");
    for (body, kind, text) in [
        (user("a b"), "illegal_argument", "username [a b] is not legal"),
        (user(&"x".repeat(65)), "illegal_argument", "USERNAME_TOO_LONG"),
        (
            json!({"username": "x"}),
            "illegal_argument",
            "password or pin must provided",
        ),
        (
            json!({"password": "x"}),
            "illegal_argument",
            "Entity user requires a property named username",
        ),
        (
            user("ANN"),
            "duplicate_unique_property_exists",
            "value of ANN exists",
        ),
    ] {
        let answer = api.post("/users", body).await;
        assert_eq!(answer.error(), refused(400, kind));
        assert!(answer.description().contains(text), "{}", answer.text);
    }
    let open = api.as_nobody(Method::POST, "/users", Some(user("bob"))).await;
    assert_eq!(open.error(), refused(401, "unauthorized"));
    assert!(open.description().starts_with("Open registration doesn't allow"));
}

#[tokio::test]
async fn a_batch_registers_what_it_can() {
    let api = Api::start().await;
    api.sandbox.register("ann");
    let answer = api
        .post("/users", json!([user("bob"), user("ann"), user("cid")]))
        .await;
    assert_eq!(names(&answer), ["bob", "cid"]);
    let failure = json!([{"username": "ann", "registerUserFailReason": "the ann already exists"}]);
    assert_eq!(answer.data(), failure);
    assert_eq!(api.post("/users", json!([user("dan")])).await.data(), json!([]));
}

#[tokio::test]
async fn a_batch_holds_sixty() {
    let api = Api::start().await;
    let batch = |count: usize| {
        (0..count)
            .map(|index| user(&format!("u{index}")))
            .collect::<Value>()
    };
    let over = api.post("/users", batch(61)).await;
    assert_eq!(over.error(), refused(400, "illegal_argument"));
    assert!(over.description().starts_with("Request body array size[61]"));
    assert_eq!(names(&api.post("/users", batch(60)).await).len(), 60);
    let twice = json!([{"username": "z", "password": "1"}, {"username": "Z", "password": "2"}]);
    assert_eq!(
        api.post("/users", twice).await.error(),
        refused(400, "duplicate_unique_property_exists")
    );
}

#[tokio::test]
async fn the_free_edition_is_full_in_the_end() {
    let api = Api::with(builder().max_users(1)).await;
    assert_eq!(api.post("/users", user("ann")).await.status, 200);
    assert_eq!(
        api.post("/users", user("bob")).await.error(),
        refused(429, "resource_limited")
    );
    assert_eq!(
        api.post("/users", json!([user("bob")])).await.error(),
        refused(429, "resource_limited")
    );
}

#[tokio::test]
async fn one_user_is_read() {
    let api = Api::start().await;
    api.sandbox.register("ann");
    let body = api.get("/users/ANN").await.json();
    assert_eq!(
        (&body["count"], &body["entities"][0]["username"]),
        (&json!(1), &json!("ann"))
    );
    assert!(body.get("organization").is_none());
    let uuid = body["entities"][0]["uuid"].as_str().unwrap();
    assert_eq!(names(&api.get(&format!("/users/{uuid}")).await), ["ann"]);
    assert_eq!(
        api.get("/users/bob").await.error(),
        refused(404, "service_resource_not_found")
    );
}

#[tokio::test]
async fn users_are_listed_page_by_page() {
    let api = Api::start().await;
    for index in 0..25 {
        api.sandbox.register(&format!("u{index:02}"));
    }
    let mut seen = Vec::new();
    let mut query = "limit=10".to_owned();
    let mut pages = 0;
    loop {
        let answer = api.get(&format!("/users?{query}")).await;
        seen.extend(names(&answer));
        pages += 1;
        let body = answer.json();
        let Some(cursor) = body["cursor"].as_str() else {
            break;
        };
        query = format!("limit=10&cursor={cursor}");
    }
    assert_eq!((pages, seen.len()), (3, 25));
    assert!(seen.is_sorted());
    assert_eq!(names(&api.get("/users").await).len(), 10);
    assert_eq!(names(&api.get("/users?limit=1000").await).len(), 25);
    assert_eq!(
        api.get("/users?cursor=rubbish").await.error(),
        refused(400, "illegal_argument")
    );
}

#[tokio::test]
async fn banned_users_can_be_listed() {
    let api = Api::start().await;
    for user in ["ann", "bob"] {
        api.sandbox.register(user);
    }
    api.post("/users/ann/deactivate", json!({})).await;
    assert_eq!(names(&api.get("/users?activated=0").await), ["ann"]);
    assert_eq!(names(&api.get("/users?activated=1").await), ["bob"]);
}

#[tokio::test]
async fn users_are_deleted_with_their_sessions() {
    let api = Api::start().await;
    api.sandbox.register("ann");
    api.sandbox.sign_in("ann", "ios").unwrap();
    let token = api.user_token("ann").await;
    assert_eq!(names(&api.delete("/users/ann").await), ["ann"]);
    assert!(api.sandbox.devices("ann").is_empty());
    assert_eq!(
        api.as_holder(&token, Method::GET, "/users/ann", None)
            .await
            .status,
        401
    );
    assert_eq!(
        api.delete("/users/ann").await.error(),
        refused(404, "service_resource_not_found")
    );
}

#[tokio::test]
async fn a_batch_deletion_takes_the_oldest() {
    let api = Api::start().await;
    for user in ["c", "a", "b"] {
        api.sandbox.register(user);
    }
    let answer = api.delete("/users?limit=2").await;
    assert_eq!(names(&answer), ["c", "a"]);
    assert!(answer.json()["cursor"].is_string());
    let last = api.delete("/users").await;
    assert_eq!(names(&last), ["b"]);
    assert!(last.json().get("cursor").is_none());
}

#[tokio::test]
async fn a_new_password_ends_sessions_and_tokens() {
    let api = Api::start().await;
    api.sandbox.register("ann");
    api.sandbox.sign_in("ann", "ios").unwrap();
    let token = api.user_token("ann").await;
    let answer = api
        .put("/users/ann/password", json!({"newpassword": "another"}))
        .await
        .json();
    assert_eq!(answer["action"], "set user password");
    assert!(api.sandbox.devices("ann").is_empty());
    let dead = api.as_holder(&token, Method::GET, "/users/ann", None).await;
    assert_eq!(dead.error(), refused(401, "unauthorized"));
    let missing = api.put("/users/ann/password", json!({})).await;
    assert_eq!(
        (missing.status, missing.description()),
        (400, "newpassword is required".into())
    );
    let unknown = api
        .put("/users/bob/password", json!({"newpassword": "another"}))
        .await;
    assert_eq!(
        (unknown.error(), unknown.description()),
        (refused(404, "entity_not_found"), "User null not found".into())
    );
}

#[tokio::test]
async fn users_need_their_old_password() {
    let api = Api::start().await;
    api.sandbox.register("ann");
    let token = api.user_token("ann").await;
    let change = |body| api.as_holder(&token, Method::PUT, "/users/ann/password", Some(body));
    assert_eq!(
        change(json!({"newpassword": "n"})).await.description(),
        "oldPassword is required"
    );
    assert_eq!(
        change(json!({"newpassword": "n", "oldpassword": "pw-ann"}))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn bans_hold_until_lifted() {
    let api = Api::start().await;
    api.sandbox.register("ann");
    api.sandbox.sign_in("ann", "ios").unwrap();
    let request = api
        .request(Method::POST, "/users/ann/deactivate")
        .bearer_auth(&api.token);
    let body = crate::api::finish(request).await.json();
    assert_eq!(
        (&body["action"], &body["entities"][0]["activated"]),
        (&json!("Deactivate user"), &json!(false))
    );
    assert!(api.sandbox.devices("ann").is_empty());
    assert!(api.sandbox.sign_in("ann", "ios").is_err());
    let body = api.post("/users/ann/activate", json!({})).await.json();
    assert_eq!(body["action"], "activate user");
    assert!(body.get("entities").is_none());
    assert!(api.sandbox.sign_in("ann", "ios").is_ok());
    for verb in ["activate", "deactivate"] {
        let answer = api.post(&format!("/users/bob/{verb}"), json!({})).await;
        assert_eq!(answer.error(), refused(404, "service_resource_not_found"));
    }
}
