use std::time::Duration;

use easemob_admin_sandbox::{Seed, SeedUser};
use serde_json::json;

use crate::api::{Api, START_MS, refused};

#[tokio::test]
async fn mutes_run_out() {
    let api = Api::start().await;
    api.sandbox.register("ann");
    let body = json!({"username": "Ann", "chat": 100, "groupchat": -1});
    assert_eq!(api.post("/mutes", body).await.data(), json!({"result": "ok"}));
    api.sandbox.advance(Duration::from_secs(40));
    let data = json!({
        "userid": "easemob-demo#sandbox_ann",
        "chat": 60,
        "groupchat": -1,
        "chatroom": 0,
        "unixtime": START_MS / 1000 + 40,
    });
    assert_eq!(api.get("/mutes/ann").await.data(), data);
    api.sandbox.advance(Duration::from_secs(60));
    let rows = json!([{"username": "ann", "chat": 0}, {"username": "ann", "groupchat": -1}]);
    assert_eq!(api.get("/mutes").await.data()["data"], rows);
    assert_eq!(
        api.get("/mutes?pageNum=2&pageSize=1").await.data()["data"],
        json!([rows[1]])
    );
    assert_eq!(
        api.get("/mutes?pageNum=3&pageSize=1").await.data()["data"],
        json!([])
    );
}

#[tokio::test]
async fn bad_mutes_are_refused() {
    let api = Api::start().await;
    api.sandbox.register("ann");
    let unknown = api.post("/mutes", json!({"username": "bob", "chat": 1})).await;
    assert_eq!(unknown.error(), refused(400, "required_property_not_found"));
    for seconds in [-2_i64, 2_147_483_648] {
        let answer = api
            .post("/mutes", json!({"username": "ann", "chat": seconds}))
            .await;
        assert_eq!(answer.error(), refused(400, "illegal_argument"));
    }
    assert_eq!(api.post("/mutes", json!({"username": "ann"})).await.status, 200);
    assert_eq!(api.get("/mutes").await.data()["data"], json!([]));
    assert_eq!(api.get("/mutes/bob").await.status, 404);
}

#[tokio::test]
async fn waiting_messages_are_counted() {
    let api = Api::start().await;
    let user = |name: &str, waiting| SeedUser {
        username: name.into(),
        offline_messages: waiting,
        ..SeedUser::default()
    };
    api.sandbox
        .import(Seed {
            limits: None,
            users: vec![user("ann", 3), user("bob", 0)],
        })
        .unwrap();
    let answer = api.get("/users/ann/offline_msg_count").await;
    assert_eq!(
        (answer.data(), &answer.json()["count"]),
        (json!({"ann": 3}), &json!(0))
    );
    assert_eq!(
        api.get("/users/ann/offline_msg_status/77").await.data(),
        json!({"77": "undelivered"})
    );
    assert_eq!(
        api.get("/users/bob/offline_msg_status/77").await.data(),
        json!({"77": "delivered"})
    );
    assert_eq!(api.get("/users/cid/offline_msg_count").await.status, 404);
}
