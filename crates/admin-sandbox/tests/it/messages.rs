use std::time::Duration;

use serde_json::{Value, json};

use crate::api::{Answer, Api, finish, refused};

async fn api() -> Api {
    let api = Api::start().await;
    for name in ["ann", "bob", "cid"] {
        api.sandbox.register(name);
    }
    api
}

async fn waiting(api: &Api, user: &str) -> Value {
    let counts = api.get(&format!("/users/{user}/offline_msg_count")).await.data();
    counts[user].clone()
}

async fn group(api: &Api, members: &[&str]) -> String {
    let body =
        json!({"groupname": "team", "description": "", "public": true, "owner": "ann", "members": members});
    api.post("/chatgroups", body).await.data()["groupid"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn messages_reach_users_groups_and_the_older_call() {
    let api = api().await;
    let group = group(&api, &["bob"]).await;
    let text = json!({"msg": "hi"});
    let to_users = json!({"from": "ann", "to": ["bob", "nobody"], "type": "txt", "body": text});
    let ids = api.post("/messages/users", to_users).await.data();
    assert!(
        ids["bob"].is_string() && ids["nobody"].is_string(),
        "names are not looked up: {ids}"
    );
    let to_group = json!({"from": "ann", "to": [group], "type": "txt", "body": text});
    assert!(api.post("/messages/chatgroups", to_group).await.data()[&group].is_string());
    let older = json!({"target_type": "users", "target": ["bob"], "msg": {"type": "txt", "msg": "hi"}, "from": "ann"});
    assert_eq!(
        api.post("/messages", older).await.data(),
        json!({"bob": "success"})
    );
    assert_eq!(waiting(&api, "bob").await, 3);
    assert_eq!(
        waiting(&api, "ann").await,
        0,
        "what one says does not wait for oneself"
    );
    let online = json!({"to": ["bob"], "type": "txt", "body": text, "routetype": "ROUTE_ONLINE"});
    assert_eq!(api.post("/messages/users", online).await.status, 200);
    assert_eq!(waiting(&api, "bob").await, 3, "nobody was there");
}

#[tokio::test]
async fn bad_messages_are_refused() {
    let api = api().await;
    let send = async |path: &str, to: Value, kind: &str, body: Value| -> Answer {
        api.post(path, json!({"to": to, "type": kind, "body": body}))
            .await
    };
    let illegal = refused(400, "illegal_argument");
    let text = json!({"msg": "hi"});
    let users: Vec<String> = (0..601).map(|number| number.to_string()).collect();
    assert_eq!(
        send("/messages/users", json!(users), "txt", text.clone())
            .await
            .description(),
        "param to exceed limit"
    );
    let groups = json!(["1", "2", "3", "4"]);
    assert_eq!(
        send("/messages/chatgroups", groups, "txt", text.clone())
            .await
            .error(),
        illegal
    );
    assert_eq!(
        send("/messages/users", json!([]), "txt", text.clone())
            .await
            .error(),
        illegal
    );
    assert_eq!(
        send("/messages/users", json!(["bob"]), "hologram", text.clone())
            .await
            .error(),
        illegal
    );
    assert_eq!(
        send("/messages/users", json!(["bob"]), "img", json!({"filename": "a"}))
            .await
            .error(),
        illegal
    );
    for from_and_ext in [json!({"from": ""}), json!({"ext": "text"})] {
        let mut body = json!({"to": ["bob"], "type": "txt", "body": text});
        for (name, value) in from_and_ext.as_object().unwrap() {
            body[name] = value.clone();
        }
        assert_eq!(
            api.post("/messages/users", body.clone()).await.error(),
            illegal,
            "{body}"
        );
    }
}

#[tokio::test]
async fn everybody_is_reached_now_and_then() {
    let api = api().await;
    let body = json!({"target_type": "users", "msg": {"type": "txt", "msg": "hi"}});
    let sent = api.post("/messages/broadcast", body.clone()).await.data();
    assert!(sent["id"].is_u64());
    for user in ["ann", "bob", "cid"] {
        assert_eq!(waiting(&api, user).await, 1);
    }
    assert_eq!(
        api.post("/messages/broadcast", body.clone()).await.error(),
        refused(429, "reach_limit")
    );
    for _ in 0..2 {
        api.sandbox.advance(Duration::from_secs(30 * 60));
        assert_eq!(api.post("/messages/broadcast", body.clone()).await.status, 200);
    }
    let online = json!({"msg": {"type": "txt", "msg": "hi"}});
    assert_eq!(api.post("/messages/users/broadcast", online).await.status, 200);
    assert_eq!(waiting(&api, "bob").await, 3, "nobody is connected");
    let untargeted = json!({"msg": {"type": "txt", "msg": "hi"}});
    assert_eq!(
        api.post("/messages/broadcast", untargeted).await.error(),
        refused(400, "illegal_argument")
    );
}

#[tokio::test]
async fn a_message_is_taken_back_before_somebody_has_it() {
    let api = api().await;
    let message = json!({"from": "ann", "to": ["bob"], "type": "txt", "body": {"msg": "hi"}});
    let id = api.post("/messages/users", message).await.data()["bob"].clone();
    let recall = json!({"msg_id": id, "to": "bob", "chat_type": "chat", "from": "ann", "force": false});
    let answer = api.post("/messages/msg_recall", recall.clone()).await.data();
    assert_eq!(
        (&answer["recalled"], &answer["chattype"]),
        (&json!("yes"), &json!("chat"))
    );
    assert_eq!(waiting(&api, "bob").await, 0);
    let again = api.post("/messages/msg_recall", recall.clone()).await;
    assert_eq!(
        (again.error(), again.description()),
        (refused(403, "message_recall_error"), "not_found msg".into())
    );
    let mut incomplete = recall.clone();
    incomplete["force"] = Value::Null;
    assert_eq!(
        api.post("/messages/msg_recall", incomplete).await.error(),
        refused(400, "message_recall_error")
    );
    let mut to_nobody = recall;
    to_nobody["to"] = json!("nobody");
    assert_eq!(
        api.post("/messages/msg_recall", to_nobody).await.description(),
        "can't find msg to"
    );
}

#[tokio::test]
async fn an_hour_of_messages_is_a_file_for_an_hour() {
    let api = api().await;
    // 14 November 2023, 22:13 UTC.
    let message = json!({"from": "ann", "to": ["bob"], "type": "loc", "body": {"lat": "39.9", "lng": "116.3", "addr": "here"}, "ext": {"k": 1}});
    let id = api.post("/messages/users", message).await.data()["bob"].clone();
    let rows = api.get("/chatmessages/2023111422").await.data();
    let url = rows[0]["url"].as_str().unwrap().to_owned();
    let file = finish(api.http.get(&url)).await;
    let line: Value = serde_json::from_str(file.text.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&line["msg_id"], &line["from"], &line["to"]),
        (&id, &json!("ann"), &json!("bob"))
    );
    assert_eq!(line["payload"]["bodies"][0]["addr"], "here");
    assert_eq!(
        (line["payload"]["ext"]["k"].clone(), file.text.lines().count()),
        (json!(1), 1)
    );
    assert_eq!(
        finish(api.http.get(url.replace("Signature=", "Signature=0")))
            .await
            .status,
        403
    );
    api.sandbox.advance(Duration::from_secs(60 * 60));
    assert_eq!(finish(api.http.get(&url)).await.status, 403);
    assert_eq!(
        api.get("/chatmessages/2023111421").await.error(),
        refused(404, "storage_object_not_found")
    );
    assert_eq!(
        api.get("/chatmessages/2023").await.error(),
        refused(400, "illegal_argument")
    );
    assert_eq!(
        api.get("/chatmessages/2023110122").await.error(),
        refused(400, "illegal_argument")
    );
}

#[tokio::test]
async fn groups_are_listed_joined_and_filled_by_the_app() {
    let api = api().await;
    let (first, second) = (group(&api, &[]).await, group(&api, &["bob"]).await);
    let page = api.get("/chatgroups?limit=1").await;
    assert_eq!(page.data()[0]["groupid"], second.as_str(), "newest first");
    assert_eq!(page.data()[0]["owner"], "easemob-demo#sandbox_ann");
    let cursor = page.json()["cursor"].as_str().unwrap().to_owned();
    let last = api.get(&format!("/chatgroups?limit=1&cursor={cursor}")).await;
    assert_eq!(
        (&last.data()[0]["groupid"], last.json().get("cursor")),
        (&json!(first), None)
    );
    let add = api
        .post(
            &format!("/chatgroups/{first}/users"),
            json!({"usernames": ["bob", "cid"]}),
        )
        .await;
    assert_eq!(add.data()["newmembers"], json!(["bob", "cid"]));
    let again = api
        .post(
            &format!("/chatgroups/{first}/users"),
            json!({"usernames": ["bob"]}),
        )
        .await;
    assert_eq!(again.error(), refused(400, "illegal_argument"));
    let one = api
        .post(&format!("/chatgroups/{second}/users/cid"), json!({}))
        .await;
    assert_eq!(
        (&one.data()["user"], &one.data()["action"]),
        (&json!("cid"), &json!("add_member"))
    );
    let joined = api.get("/users/cid/joined_chatgroups?pagesize=1").await;
    assert_eq!(
        joined.data()[0],
        json!({"groupid": second, "groupname": "team", "id": second, "name": "team", "disabled": false})
    );
    let joined = api.get("/chatgroups/user/cid?pagesize=1").await.json();
    assert_eq!([&joined["total"], &joined["count"]], [&json!(2), &json!(1)]);
    let row = &joined["entities"][0];
    assert_eq!(
        [&row["groupId"], &row["id"], &row["name"], &row["owner"]],
        [&json!(second), &json!(second), &json!("team"), &json!("ann")]
    );
    api.sandbox.sign_in("cid", "ios").unwrap();
    let online = async |kind: &str| {
        api.get(&format!("/presence/online/{first}/type/{kind}"))
            .await
            .json()
    };
    assert_eq!(
        (
            online("1").await["result"].clone(),
            online("0").await["result"].clone()
        ),
        (json!(1), json!(0))
    );
    assert_eq!(online("2").await["error"], "illegal_argument");
}
