use std::time::Duration;

use easemob_admin_sandbox::{BatchStatus, DeviceOrder, Habits, LastPage, LogoutAnswer, Rates, Refusal};
use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Api, builder, refused};

async fn with(change: impl FnOnce(&mut Habits)) -> Api {
    let mut habits = Habits::default();
    change(&mut habits);
    let api = Api::with(builder().habits(habits)).await;
    api.sandbox.register("ann");
    api
}

#[tokio::test]
async fn an_unknown_name_in_a_batch_is_what_the_server_makes_of_it() {
    let ask = async |kind: BatchStatus| {
        let api = with(|habits| habits.batch_status = kind).await;
        api.post("/users/batch/status", json!({"usernames": ["ann", "nobody"]}))
            .await
    };
    let ann = json!({"ann": "offline"});
    assert_eq!(
        ask(BatchStatus::Offline).await.data(),
        json!([ann, {"nobody": "offline"}])
    );
    assert_eq!(ask(BatchStatus::LeftOut).await.data(), json!([ann]));
    let no = BatchStatus::Refused(Refusal::new(400, "illegal_argument"));
    assert_eq!(ask(no).await.error(), refused(400, "illegal_argument"));
    let missing = ask(BatchStatus::Missing).await;
    assert_eq!(missing.error(), refused(404, "service_resource_not_found"));
}

#[tokio::test]
async fn logouts_that_end_nothing_are_answered_as_the_server_does() {
    let answers = async |answer: LogoutAnswer| {
        let api = with(|habits| {
            habits.logout_offline = answer.clone();
            habits.logout_unknown_user = answer.clone();
            habits.logout_unknown_device = answer;
        })
        .await;
        [
            api.get("/users/ann/disconnect").await,
            api.get("/users/nobody/disconnect").await,
            api.delete("/users/ann/disconnect/ios_1").await,
        ]
    };
    for result in [true, false] {
        for answer in answers(LogoutAnswer::Result(result)).await {
            assert_eq!(answer.data(), json!({"result": result}));
        }
    }
    let no = LogoutAnswer::Refused(Refusal::new(404, "entity_not_found"));
    for answer in answers(no).await {
        assert_eq!(answer.error(), refused(404, "entity_not_found"));
    }
}

#[tokio::test]
async fn a_device_is_ended_by_the_verb_that_the_server_knows_and_by_no_other() {
    for (delete, get) in [(true, false), (false, true)] {
        let api = with(|habits| (habits.logout_by_delete, habits.logout_by_get) = (delete, get)).await;
        for (method, known) in [(Method::DELETE, delete), (Method::GET, get)] {
            api.sandbox.sign_in_as("ann", "ios_1").unwrap();
            let path = "/users/ann/disconnect/ios_1";
            let answer = api.as_holder(&api.token, method, path, None).await;
            assert_eq!(answer.status, if known { 200 } else { 405 });
            assert_eq!(api.sandbox.devices("ann").is_empty(), known);
        }
    }
    let api = with(|habits| habits.single_logout_ends = false).await;
    api.sandbox.sign_in_as("ann", "ios_1").unwrap();
    let answer = api.delete("/users/ann/disconnect/ios_1").await;
    assert_eq!(answer.data(), json!({"result": true}));
    assert_eq!(api.sandbox.devices("ann").len(), 1);
}

#[tokio::test]
async fn lists_have_the_order_and_the_end_of_the_server() {
    let api = with(|habits| habits.device_order = DeviceOrder::NewestFirst).await;
    for resource in ["ios_b", "web_c", "android_a"] {
        api.sandbox.sign_in_as("ann", resource).unwrap();
    }
    let devices = api.get("/users/ann/resources").await.data();
    let names: Vec<&Value> = devices
        .as_array()
        .unwrap()
        .iter()
        .map(|device| &device["res"])
        .collect();
    assert_eq!(names, ["android_a", "web_c", "ios_b"]);

    for (style, again) in [(LastPage::EmptyPage, 0), (LastPage::Repeated, 1)] {
        let api = with(|habits| habits.last_page = style).await;
        for name in ["bob", "cid"] {
            api.sandbox.register(name);
        }
        let first = api.get("/users?limit=2").await.json()["cursor"].clone();
        let cursor = first.as_str().unwrap();
        let last = api.get(&format!("/users?limit=2&cursor={cursor}")).await.json();
        assert_eq!(last["count"], 1);
        let after = last["cursor"].as_str().unwrap();
        assert_eq!(after == cursor, style == LastPage::Repeated);
        let beyond = api.get(&format!("/users?limit=2&cursor={after}")).await.json();
        assert_eq!(beyond["count"], again, "{style:?}");
    }
}

#[tokio::test]
async fn a_status_lags_behind_sign_ins_and_sign_outs() {
    let second = Duration::from_secs(1);
    let lagging = builder().status_lag(3 * second).sign_out_lag(5 * second);
    let api = Api::with(lagging).await;
    api.sandbox.register("ann");
    let status = async || api.get("/users/ann/status").await.data()["ann"].clone();
    api.sandbox.sign_in_as("ann", "ios_1").unwrap();
    assert_eq!(status().await, "offline");
    api.sandbox.advance(3 * second);
    assert_eq!(status().await, "online");
    assert_eq!(api.get("/users/ann/disconnect").await.status, 200);
    api.sandbox.advance(4 * second);
    assert_eq!(status().await, "online");
    api.sandbox.advance(second);
    assert_eq!(status().await, "offline");
}

#[tokio::test]
async fn too_many_calls_are_refused_in_the_words_of_the_server() {
    let mut habits = Habits::default();
    habits.rate_error = "slow_down".to_owned();
    habits.retry_after = Some(7);
    let rates = Rates {
        users: Some(0),
        ..Rates::documented()
    };
    let api = Api::with(builder().habits(habits).rates(rates)).await;
    let call = api.request(Method::GET, "/users/ann").bearer_auth(&api.token);
    let answer = call.send().await.unwrap();
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "7");
    let body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!(body["error"], "slow_down");
}
