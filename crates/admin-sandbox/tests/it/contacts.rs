use reqwest::Method;
use serde_json::json;

use crate::api::Api;

#[tokio::test]
async fn contacts_are_made_listed_and_ended_for_both_sides() {
    let api = Api::start().await;
    for name in ["ann", "bob"] {
        api.sandbox.register(name);
    }
    let path = "/users/ann/contacts/users/bob";
    let added = api.as_holder(&api.token, Method::POST, path, None).await;
    assert_eq!(added.json()["entities"][0]["username"], "bob");
    for (user, other) in [("ann", "bob"), ("bob", "ann")] {
        let listed = api.get(&format!("/users/{user}/contacts/users")).await;
        assert_eq!(
            (listed.data(), &listed.json()["count"]),
            (json!([other]), &json!(1))
        );
    }
    let removed = api.delete(path).await;
    assert_eq!(removed.json()["entities"][0]["username"], "bob");
    assert_eq!(api.get("/users/bob/contacts/users").await.data(), json!([]));
    let nobody = api.as_holder(&api.token, Method::POST, "/users/ann/contacts/users/nobody", None);
    assert_eq!(nobody.await.status, 404);
    // A user asks, and does not take.
    let ann = api.user_token("ann").await;
    assert_eq!(api.as_holder(&ann, Method::POST, path, None).await.status, 401);
}

#[tokio::test]
async fn blocked_users_are_listed_and_let_go_one_by_one() {
    let api = Api::start().await;
    for name in ["ann", "bob", "cid"] {
        api.sandbox.register(name);
    }
    let body = json!({"usernames": ["bob", "cid"]});
    assert_eq!(
        api.post("/users/ann/blocks/users", body).await.data(),
        json!(["bob", "cid"])
    );
    let unblocked = api.delete("/users/ann/blocks/users/bob").await;
    assert_eq!(unblocked.json()["entities"][0]["username"], "bob");
    let listed = api.get("/users/ann/blocks/users").await;
    assert_eq!(
        (listed.data(), &listed.json()["count"]),
        (json!(["cid"]), &json!(1))
    );
}
