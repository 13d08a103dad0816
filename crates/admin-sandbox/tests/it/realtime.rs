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
