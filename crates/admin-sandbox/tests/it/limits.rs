use easemob_admin_sandbox::{DeviceLimits, UserLimits};
use serde_json::json;

use crate::api::{Api, builder, refused};

#[tokio::test]
async fn app_limits_are_read_and_set() {
    let api = Api::start().await;
    let data = json!({"mode": "multi", "default": 4, "platforms": {}, "source": "app"});
    assert_eq!(api.get("/devices/limits").await.data(), data);
    let wanted = json!({"mode": "multi", "default": 3, "platforms": {"webim": 1, "custom7": 0}});
    let data = json!({"mode": "multi", "default": 3, "platforms": {"web": 1, "custom7": 0}, "source": "app"});
    assert_eq!(api.put("/devices/limits", wanted).await.data(), data);
    assert_eq!(api.get("/devices/limits").await.data(), data);
}

#[tokio::test]
async fn user_limits_are_laid_over_the_apps() {
    let api = Api::start().await;
    api.sandbox.register("ann");
    api.sandbox
        .set_limits(DeviceLimits::multi(4).platform("ios", 2))
        .unwrap();
    let path = "/users/ann/devices/limits";
    assert_eq!(api.get(path).await.data()["source"], "app");
    let data = api.put(path, json!({"platforms": {"web": 1}})).await.data();
    let both = json!({"mode": "multi", "default": 4, "platforms": {"web": 1, "ios": 2}, "source": "user"});
    assert_eq!(data, both);
    api.sandbox.sign_in("ann", "web").unwrap();
    assert_eq!(api.sandbox.sign_in("ann", "web").unwrap().evicted.len(), 1);
    assert_eq!(api.delete(path).await.data()["source"], "app");
    assert_eq!(api.get("/users/bob/devices/limits").await.status, 404);
    api.sandbox
        .set_user_limits("ann", DeviceLimits::single())
        .unwrap();
    assert_eq!(api.get(path).await.data()["mode"], "single");
    api.sandbox.set_user_limits("ann", UserLimits::default()).unwrap();
}

#[tokio::test]
async fn a_lower_limit_evicts_at_the_next_sign_in() {
    let api = Api::start().await;
    api.sandbox.register("ann");
    for _ in 0..4 {
        api.sandbox.sign_in("ann", "web").unwrap();
    }
    api.put("/devices/limits", json!({"default": 2})).await;
    assert_eq!(api.sandbox.devices("ann").len(), 4);
    assert_eq!(api.sandbox.sign_in("ann", "web").unwrap().evicted.len(), 3);
}

#[tokio::test]
async fn limits_out_of_range_are_refused() {
    let api = Api::start().await;
    for body in [
        json!({"default": 11}),
        json!({"default": -1}),
        json!({"mode": "triple"}),
        json!({"platforms": {"web": 11}}),
        json!({"platforms": {"custom0": 1}}),
        json!({"platfroms": {"web": 1}}),
    ] {
        let answer = api.put("/devices/limits", body.clone()).await;
        assert_eq!(answer.error(), refused(400, "illegal_argument"), "{body}");
    }
    assert_eq!(api.get("/devices/limits").await.data()["default"], 4);
}

#[tokio::test]
async fn the_public_cloud_has_no_such_calls() {
    let api = Api::with(builder().server_managed_limits(false)).await;
    api.sandbox.register("ann");
    for path in ["/devices/limits", "/users/ann/devices/limits"] {
        assert_eq!(
            api.get(path).await.error(),
            refused(404, "service_resource_not_found")
        );
        assert_eq!(api.put(path, json!({"default": 1})).await.status, 404);
    }
}
