use serde_json::json;

use crate::api::{Api, refused};

#[tokio::test]
async fn push_tokens_are_bound_by_device_and_listed_for_the_user() {
    let api = Api::start().await;
    api.sandbox.register("ann");
    let bind = |device: &str, token: &str| {
        let body = json!({"device_id": device, "device_token": token, "notifier_name": "fcm"});
        api.put("/users/ann/push/binding", body)
    };
    let row = json!({"device_id": "d1", "device_token": "t1", "notifier_name": "fcm"});
    assert_eq!(bind("d1", "t1").await.json()["entities"], json!([row]));
    assert_eq!(
        bind("d2", "t2").await.json()["entities"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let all = api.get("/users/ann/push/binding").await.json()["entities"].clone();
    assert_eq!(all.as_array().unwrap().len(), 2);
    assert_eq!(bind("d1", "").await.json()["entities"], json!([]));
    assert_eq!(bind("", "t1").await.error(), refused(400, "illegal_argument"));
    assert_eq!(api.get("/users/bob/push/binding").await.status, 404);
}

#[tokio::test]
async fn nickname_and_push_settings_are_changed_and_shown() {
    let api = Api::start().await;
    api.sandbox.register("ann");
    // The page's own example has the number as a text.
    let body = json!({"nickname": "Ann", "notification_display_style": "1"});
    let user = api.put("/users/ann", body).await.json()["entities"][0].clone();
    assert_eq!(
        (&user["nickname"], &user["notification_display_style"]),
        (&json!("Ann"), &json!(1))
    );
    let night = json!({
        "notification_no_disturbing": true,
        "notification_no_disturbing_start": "22",
        "notification_no_disturbing_end": "6",
    });
    assert_eq!(api.put("/users/ann", night).await.status, 200);
    let user = api.get("/users/ann").await.json()["entities"][0].clone();
    assert_eq!(
        (&user["notification_no_disturbing_start"], &user["nickname"]),
        (&json!(22), &json!("Ann"))
    );
    let late = json!({"notification_no_disturbing_end": 24});
    assert_eq!(
        api.put("/users/ann", late).await.error(),
        refused(400, "illegal_argument")
    );
    let long = json!({"nickname": "x".repeat(101)});
    assert_eq!(
        api.put("/users/ann", long).await.description(),
        "NICKNAME_TOO_LONG"
    );
    assert_eq!(api.put("/users/bob", json!({"nickname": "B"})).await.status, 404);
}
