//! Chat rooms, with the calls of a backend.

use serde_json::json;

use crate::api::{Api, refused};

async fn room(api: &Api) -> String {
    for user in ["ann", "bob"] {
        api.sandbox.register(user);
    }
    let form = json!({"name": "hall", "description": "d", "owner": "ann", "maxusers": 2});
    let made = api.post("/chatrooms", form).await;
    made.data()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_room_is_made_filled_listed_and_ended_by_the_app() {
    let api = Api::start().await;
    let room = room(&api).await;
    let add = api.post(&format!("/chatrooms/{room}/users/bob"), json!({})).await;
    assert_eq!(
        (&add.data()["id"], &add.data()["user"]),
        (&json!(room), &json!("bob"))
    );
    api.sandbox.register("eve");
    let full = api.post(&format!("/chatrooms/{room}/users/eve"), json!({})).await;
    assert_eq!(full.error(), refused(400, "illegal_argument"));
    let listed = api.get("/users/bob/joined_chatrooms").await;
    assert_eq!(
        (&listed.data()[0]["id"], &listed.data()[0]["name"]),
        (&json!(room), &json!("hall"))
    );
    let pages = [
        ("pagenum=1&pagesize=1", json!([{"owner": "ann"}])),
        ("pagenum=2&pagesize=1", json!([{"member": "bob"}])),
        ("limit=1&cursor=1", json!([{"member": "bob"}])),
        ("limit=1&cursor=18446744073709551615", json!([])),
    ];
    for (page, expected) in pages {
        let members = api.get(&format!("/chatrooms/{room}/users?{page}")).await;
        assert_eq!(members.data(), expected, "{page}");
    }
    let ended = api.delete(&format!("/chatrooms/{room}")).await;
    assert_eq!(ended.data()["success"], true);
    assert_eq!(
        api.get(&format!("/chatrooms/{room}")).await.error(),
        refused(404, "service_resource_not_found")
    );
}

#[tokio::test]
async fn groups_and_rooms_do_not_answer_for_each_other() {
    let api = Api::start().await;
    let room = room(&api).await;
    let group = api
        .post("/chatgroups", json!({"groupname": "team", "owner": "ann"}))
        .await;
    let group = group.data()["groupid"].as_str().unwrap().to_owned();
    let nothing = refused(404, "service_resource_not_found");
    let card = json!({"metaData": {"nick": "A"}});
    for answer in [
        api.get(&format!("/chatrooms/{group}")).await,
        api.get(&format!("/chatgroups/{room}")).await,
        api.post(&format!("/chatgroups/{room}/users/bob"), json!({}))
            .await,
        api.post(&format!("/metadata/chatroom/{group}"), json!({})).await,
        api.put(&format!("/sdk/metadata/chatgroup/{room}/user/ann"), card)
            .await,
    ] {
        assert_eq!(answer.error(), nothing);
    }
    assert_eq!(api.get("/chatgroups").await.json()["count"], 1);
    assert_eq!(api.get("/users/ann/joined_chatgroups").await.json()["count"], 1);
}

#[tokio::test]
async fn a_room_has_at_least_one_place_and_no_more_than_the_service_sells() {
    let api = Api::start().await;
    let room = room(&api).await;
    for most in [json!(0), json!(10_001), json!(-1)] {
        let form = json!({"name": "x", "owner": "ann", "maxusers": most});
        let made = api.post("/chatrooms", form.clone()).await;
        assert_eq!(made.error(), refused(400, "illegal_argument"), "{most}");
        let changed = api.put(&format!("/chatrooms/{room}"), form).await;
        assert_eq!(changed.error(), refused(400, "illegal_argument"), "{most}");
    }
}
