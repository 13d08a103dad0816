//! Names that look like addresses reach the user they name, and nobody else.

use easemob_admin_api::{Reason, UserId, UserQuery};
use easemob_admin_sandbox::Fault;

use super::setup::{client, sandbox, user};

#[tokio::test]
async fn odd_names_do_not_change_the_route() {
    for name in [
        "a/b", "a%2fb", "批量", "a?b", "a#b", "...", "batch", "x y", "a&b=c", "a%00b",
    ] {
        let sandbox = sandbox().await;
        for bystander in ["a", "b", "ann"] {
            sandbox.register(bystander);
            sandbox.sign_in(bystander, "ios").unwrap();
        }
        sandbox.register(name);
        sandbox.sign_in(name, "android").unwrap();
        let client = client(&sandbox);
        let devices = client
            .list_devices(&user(name))
            .await
            .unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(devices.len(), 1, "{name}");
        let _ = client.logout_device(&user(name), &devices[0].id).await.unwrap();
        assert!(sandbox.devices(name).is_empty(), "{name}");
        let _ = client.logout_all(&user(name)).await.unwrap();
        for bystander in ["a", "b", "ann"] {
            assert_eq!(sandbox.devices(bystander).len(), 1, "{bystander} beside {name}");
        }
    }
}

#[tokio::test]
async fn names_that_collapse_are_never_sent() {
    let sandbox = sandbox().await;
    for name in [".", ".."] {
        assert!(UserId::parse(name).is_err());
        // A server may list such a user all the same.
        let listed = serde_json::from_value(name.into()).unwrap();
        let error = client(&sandbox).logout_all(&listed).await.unwrap_err();
        assert_eq!(error.reason(), Reason::InvalidCall);
        assert_eq!(error.attempts(), 0);
        assert!(!error.is_outcome_unknown());
    }
    assert!(sandbox.calls().is_empty());
}

#[tokio::test]
async fn a_custom_device_id_may_hold_anything() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    sandbox.sign_in_as("ann", "webim_web_kiosk/7 %2f").unwrap();
    sandbox.sign_in_as("ann", "webim_web_kiosk").unwrap();
    let client = client(&sandbox);
    let odd = easemob_admin_api::DeviceId::parse("webim_web_kiosk/7 %2f").unwrap();
    let _ = client.logout_device(&user("ann"), &odd).await.unwrap();
    let left: Vec<String> = sandbox
        .devices("ann")
        .into_iter()
        .map(|device| device.resource)
        .collect();
    assert_eq!(left, ["webim_web_kiosk"]);
}

#[tokio::test]
async fn no_name_that_a_device_gives_itself_hides_the_list() {
    let sandbox = sandbox().await;
    let odd = [
        r#"{"res":"android_evil ","device_name":"pwn\ud83d"}"#.to_owned(),
        format!(r#"{{"res":"{}"}}"#, "x".repeat(300)),
        r#"{"res":"ios_\u0000\udc00","device_uuid":"\ud83d"}"#.to_owned(),
        r#"{"res":"","device_name":null}"#.to_owned(),
    ];
    let body = format!(r#"{{"data":[{}]}}"#, odd.join(","));
    sandbox.inject(Fault::raw_body("devices.list", "application/json", &body));
    let client = client(&sandbox);
    let devices = client.list_devices(&user("ann")).await.unwrap();
    let ids: Vec<&str> = devices.iter().map(|device| device.id.as_str()).collect();
    assert_eq!(ids, ["android_evil ", &"x".repeat(300), "ios_\0\u{fffd}", ""]);
    assert_eq!(devices[0].name.as_deref(), Some("pwn\u{fffd}"));
    // One without an id cannot be named in a call, and the call that ends all of them needs no name.
    let error = client
        .logout_device(&user("ann"), &devices[3].id)
        .await
        .unwrap_err();
    assert_eq!((error.attempts(), error.is_outcome_unknown()), (0, false));
}

#[tokio::test]
async fn no_account_hides_the_page_that_lists_it() {
    let sandbox = sandbox().await;
    let long = "x".repeat(300);
    let body = format!(
        r#"{{"entities":[{{"username":" ann"}},{{"username":"a\u0000"}},{{"username":"{long}"}},
        {{"username":"bob","activated":"false","created":"soon","nickname":7,"uuid":{{}}}},
        {{"username":"eve","activated":0}}]}}"#
    );
    sandbox.inject(Fault::raw_body("users.list", "application/json", &body));
    let page = client(&sandbox)
        .list_users_page(&UserQuery::new(), None)
        .await
        .unwrap();
    let names: Vec<&str> = page.items.iter().map(|user| user.username.as_str()).collect();
    assert_eq!(names, [" ann", "a\0", &long, "bob", "eve"]);
    assert!(page.items[3].is_banned() && page.items[3].created.is_none());
    assert_eq!(page.items[4].activated, None);
    assert_eq!(sandbox.call_count("users.list"), 1);
}

#[tokio::test]
async fn no_status_hides_those_of_others() {
    let sandbox = sandbox().await;
    let body = r#"{"data":[{"ann":"online"},{"bob":3},{"eve":null},{"joe":"offline"}]}"#;
    sandbox.inject(Fault::raw_body("status.batch", "application/json", body));
    let asked = ["ann", "bob", "eve", "joe"].map(user);
    let statuses = client(&sandbox).status_batch(&asked).await.unwrap();
    let shown: Vec<String> = statuses.iter().map(|(_, status)| status.to_string()).collect();
    assert_eq!(shown, ["online", "3", "null", "offline"]);
}

#[tokio::test]
async fn the_own_app_key_before_a_muted_name_is_taken_off() {
    let sandbox = sandbox().await;
    let client = client(&sandbox);
    let key = client.app_root().app_key().unwrap();
    let body = format!(
        r#"{{"data":{{"data":[{{"username":"{key}_a_b","chat":-1}},{{"userid":"o#x_ann","chat":-1}}]}}}}"#
    );
    sandbox.inject(Fault::raw_body("mutes.list", "application/json", &body));
    let rows = client.list_mutes(1, 50).await.unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row.user.as_str()).collect();
    assert_eq!(names, ["a_b", "o#x_ann"]);
}
