//! The users who are known, and the figures of the overview.

use easemob_admin_api::DeviceLimits;
use easemob_admin_ops::logins::store::{
    Gap, LoginEvent, LoginKind, LoginStore, Position, SeenDevice, UserState,
};
use easemob_admin_ops::stores::Stores;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::served::Served;

/// Opens the logins of the app as another process does.
pub(crate) fn logins(served: &Served) -> Box<dyn LoginStore> {
    Stores::on_disk(served.home.path())
        .logins()
        .of("sandbox")
        .unwrap()
}

fn device(resource: &str) -> SeenDevice {
    SeenDevice {
        resource: resource.into(),
        platform: resource.split('_').next().unwrap().into(),
        name: Some("phone".into()),
        signed_in_ms: None,
    }
}

/// A complete scan.
pub(crate) fn scanned(store: &mut dyn LoginStore, users: &[(&str, &[&str])], at_ms: i64) -> i64 {
    let id = store.begin("all", at_ms).unwrap();
    let users: Vec<_> = users
        .iter()
        .map(|(user, resources)| {
            let state = match resources {
                [] => UserState::Offline,
                _ => UserState::Online(resources.iter().map(|resource| device(resource)).collect()),
            };
            ((*user).to_owned(), state)
        })
        .collect();
    store.add(id, &users, &Position::default(), at_ms).unwrap();
    store.finish(id, at_ms + 1).unwrap();
    id
}

pub(crate) fn event(call_id: &str, user: &str, resource: &str, kind: LoginKind, at_ms: i64) -> LoginEvent {
    LoginEvent {
        call_id: call_id.into(),
        user: user.into(),
        resource: resource.into(),
        platform: device(resource).platform,
        kind,
        at_ms,
        reason: "why".into(),
    }
}

fn names(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().unwrap().iter();
    items.map(|item| item["user"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_found_by_what_is_known_of_them() {
    let served = Served::start().await;
    let nobody = served.get("/v1/apps/chat/users").await.expect(200).json();
    assert_eq!(nobody["items"], json!([]));
    assert_eq!(nobody["total"], json!({"users": 0, "at_least": false}));
    assert_eq!(nobody["as_of"], json!({"scan": null, "collected": null}));

    let mut store = logins(&served);
    let id = store.begin("all", 1_000).unwrap();
    let limits = DeviceLimits::multi(2);
    store
        .set_limits(id, &serde_json::to_string(&limits).unwrap())
        .unwrap();
    store.finish(id, 1_001).unwrap();
    let ios: &[&str] = &["ios_1", "ios_2", "ios_3"];
    let users: [(&str, &[&str]); 4] = [
        ("ann", ios),
        ("anna", &["web_1"]),
        ("bob_100%", &["web_1", "ios_1"]),
        ("eve", &[]),
    ];
    scanned(&mut *store, &users, 2_000);
    store
        .record_events(&[event("1", "eve", "pc_1", LoginKind::Login, 3_000)], 3_000)
        .unwrap();
    store.set_alive(3_500).unwrap();
    let get = async |query: &str| served.get(&format!("/v1/apps/chat/users{query}")).await;
    let all = get("").await.expect(200).json();
    assert_eq!(names(&all), ["ann", "anna", "bob_100%", "eve"]);
    assert_eq!(
        all["items"][0],
        json!({"user": "ann", "devices": 3, "platforms": {"ios": 3}, "over_limit": true,
            "last_seen": "1970-01-01T00:00:02Z"})
    );
    assert_eq!(all["limits"]["from"], "scan");
    assert_eq!(all["limits"]["limits"]["default"], 2);
    assert_eq!(all["as_of"]["scan"]["snapshot"], id + 1);
    assert_eq!(all["as_of"]["collected"], "1970-01-01T00:00:03.5Z");
    for (query, expected) in [
        ("?begins_with=AN", &["ann", "anna"][..]),
        ("?contains=00%25", &["bob_100%"]),
        ("?contains=_10", &["bob_100%"]),
        ("?platform=web", &["anna", "bob_100%"]),
        ("?platform=web&devices_at_least=2", &["bob_100%"]),
        ("?over=2", &["ann"]),
        ("?over_limit=true", &["ann"]),
        ("?seen_since=1970-01-01T00:00:03Z", &["eve"]),
        ("?sort=last_seen", &["eve", "ann", "anna", "bob_100%"]),
        ("?sort=devices", &["ann", "bob_100%", "anna", "eve"]),
        ("?platform=windows", &[]),
    ] {
        let page = get(query).await.expect(200).json();
        assert_eq!(names(&page), expected, "{query}");
        assert_eq!(page["total"]["users"], expected.len(), "{query}");
    }
    // Pages follow one another in each order.
    for sort in ["user", "last_seen", "devices"] {
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let page = get(&format!("?limit=1&sort={sort}{after}"))
                .await
                .expect(200)
                .json();
            seen.extend(names(&page).into_iter().map(str::to_owned));
            assert_eq!(page["total"]["users"], 4);
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        let whole = get(&format!("?sort={sort}")).await.json();
        assert_eq!(seen, names(&whole), "{sort}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_is_not_understood_never_means_everybody() {
    let served = Served::start().await;
    for (query, problem) in [
        ("platfrom=ios", "unknown-field"),
        ("sort=age", "unknown-field"),
        ("contains=ab", "bad-request"),
        ("begins_with=", "bad-request"),
        ("devices_at_least=-1", "bad-request"),
        ("seen_since=yesterday", "bad-request"),
        ("limit=0", "bad-request"),
        ("limit=1001", "bad-request"),
        ("after=ann", "bad-request"),
        ("over_limit=maybe", "bad-request"),
        ("contains=a%00bc", "bad-name"),
        // {"user":"\u0000","last_seen_ms":0,"devices":0}
        (
            "after=eyJ1c2VyIjoiXHUwMDAwIiwibGFzdF9zZWVuX21zIjowLCJkZXZpY2VzIjowfQ",
            "bad-name",
        ),
    ] {
        let refused = served
            .get(&format!("/v1/apps/chat/users?{query}"))
            .await
            .expect(400);
        assert_eq!(refused.problem(), problem, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_has_figures_with_their_times() {
    let served = Served::start().await;
    let empty = served.get("/v1/apps/chat/overview").await.expect(200).json();
    assert_eq!(empty["now"]["online"], json!({"users": 0, "devices": 0}));
    assert_eq!(empty["last_day"]["hours"].as_array().unwrap().len(), 24);
    assert_eq!(empty["work"]["runs"], json!({}));

    let now = Timestamp::now().as_millisecond();
    let mut store = logins(&served);
    let many: &[&str] = &["web_1", "web_2", "web_3", "web_4", "web_5"];
    scanned(
        &mut *store,
        &[("ann", many), ("bob", &["ios_1", "web_1"]), ("eve", &[])],
        now - 10_000,
    );
    let events = [
        event("1", "eve", "pc_1", LoginKind::Login, now - 5_000),
        event("2", "bob", "ios_1", LoginKind::Replaced, now - 4_000),
        event("3", "joe", "pc_1", LoginKind::Logout, now - 30 * 3_600_000),
    ];
    store.record_events(&events, now).unwrap();
    store
        .record_gap(&Gap {
            since_ms: now - 60_000,
            until_ms: now - 50_000,
            why: "no collector ran".into(),
        })
        .unwrap();
    store.set_alive(now).unwrap();
    let held = json!({"action": {"kind": "logout", "selection": {}}, "users": ["ann"], "reason": "test", "hold": true});
    served.post("/v1/apps/chat/runs", held).await.expect(201);
    let overview = served.get("/v1/apps/chat/overview").await.expect(200).json();
    assert_eq!(overview["now"]["known_users"], 4);
    assert_eq!(overview["now"]["online"], json!({"users": 3, "devices": 7}));
    assert_eq!(
        overview["now"]["platforms"]["web"],
        json!({"users": 2, "devices": 6})
    );
    assert_eq!(overview["now"]["over_limit"], 1);
    assert_eq!(overview["now"]["limits"]["from"], "default");
    let hours = overview["last_day"]["hours"].as_array().unwrap();
    let sum = |what: &str| hours.iter().map(|hour| hour[what].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("sign_ins"), sum("sign_outs"), sum("evictions")), (1, 0, 1));
    assert_eq!(overview["last_day"]["gaps"][0]["why"], "no collector ran");
    assert!(
        overview["last_day"]["as_of"].is_string() && overview["now"]["as_of"]["scan"]["snapshot"].is_i64()
    );
    assert_eq!(overview["work"]["runs"], json!({"unfinished": 1}));
    assert_eq!(
        (
            &overview["work"]["waiting_approvals"],
            &overview["work"]["locks_due"]
        ),
        (&json!(0), &json!(0))
    );
}
