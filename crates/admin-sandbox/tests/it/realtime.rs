//! What devices with a connection see of calls.

use std::time::Duration;

use easemob_admin_sandbox::{DeviceEvent, DeviceLogin, SimulatedDevice};
use serde_json::json;

use crate::api::Api;

async fn device(api: &Api, user: &str, resource: &str) -> SimulatedDevice {
    let token = api.sandbox.user_token(user).unwrap();
    let login = DeviceLogin::new(&api.sandbox.ws_url(), api.sandbox.app_key(), user, &token);
    SimulatedDevice::connect(&login.resource(resource)).await.unwrap()
}

async fn next(device: &mut SimulatedDevice) -> Option<DeviceEvent> {
    tokio::time::timeout(Duration::from_secs(10), device.next())
        .await
        .expect("nothing happened")
}

/// On the one thread of this test, the device reads nothing until the call has ended.
#[tokio::test]
async fn one_call_with_something_for_very_many_queues_cuts_nobody_off() {
    let api = Api::start().await;
    let users: Vec<String> = (0..600).map(|number| format!("u{number}")).collect();
    for user in &users {
        api.sandbox.register(user);
    }
    api.sandbox.register("ann");
    let mut ann = device(&api, "ann", "ios_1").await;
    let message =
        json!({"from": "ann", "to": users, "type": "txt", "body": {"msg": "x"}, "sync_device": true});
    assert_eq!(api.post("/messages/users", message).await.status, 200);
    for _ in 0..600 {
        assert!(matches!(next(&mut ann).await, Some(DeviceEvent::Message { .. })));
    }
}

#[tokio::test]
async fn what_waits_for_a_user_is_counted_until_a_device_has_it() {
    let api = Api::start().await;
    for user in ["ann", "bob"] {
        api.sandbox.register(user);
    }
    let message = json!({"from": "bob", "to": ["ann"], "type": "txt", "body": {"msg": "x"}});
    let mut ids = Vec::new();
    for _ in 0..2 {
        let sent = api.post("/messages/users", message.clone()).await.data();
        ids.push(sent["ann"].as_str().unwrap().to_owned());
    }
    let count = async || api.get("/users/ann/offline_msg_count").await.data()["ann"].clone();
    let status = async |id: &str| {
        let path = format!("/users/ann/offline_msg_status/{id}");
        api.get(&path).await.data()[id].clone()
    };
    assert_eq!(
        (count().await, status(&ids[1]).await),
        (json!(2), json!("undelivered"))
    );
    assert_eq!(status("77").await, "delivered");
    let mut ann = device(&api, "ann", "ios_1").await;
    for _ in 0..2 {
        assert!(matches!(next(&mut ann).await, Some(DeviceEvent::Message { .. })));
    }
    // The device acknowledges before it leaves, and the sandbox reads its frames in their order.
    ann.leave().await;
    while !api.sandbox.devices("ann").is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        (count().await, status(&ids[1]).await),
        (json!(0), json!("delivered"))
    );
}
