//! Figures of logins, scans, comparisons with policies, and plans.

use std::time::Duration;

use easemob_admin_ops::logins::store::{Gap, LoginKind};
use reqwest::Method;
use serde_json::{Value, json};

use crate::directory::{event, logins, scanned};
use crate::served::{ADMIN, Answer, Served};

const POLICY: &str = "default = 1\nunknown_age = \"oldest\"\n";

/// Returns the lines of an answer.
fn lines(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.form, "application/x-ndjson", "{answer:?}");
    answer
        .text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A user who is signed in on a device.
fn online(served: &Served, user: &str, resource: &str) {
    served.sandbox.register(user);
    served.sandbox.sign_in_as(user, resource).unwrap();
}

pub(crate) async fn until(what: &str, mut happened: impl AsyncFnMut() -> bool) {
    for _ in 0..600 {
        if happened().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("waited in vain: {what}");
}

fn fill(served: &Served) -> (i64, i64) {
    let mut store = logins(served);
    let first = scanned(
        &mut *store,
        &[("ann", &["ios_1", "ios_2"]), ("bob", &["web_1"]), ("eve", &[])],
        1_000,
    );
    let second = scanned(
        &mut *store,
        &[
            ("ann", &["ios_1"]),
            ("bob", &["web_1", "pc_1"]),
            ("eve", &["pc_1"]),
        ],
        2_000,
    );
    let events = [
        event("1", "ann", "ios_1", LoginKind::Login, 1_500),
        event("2", "ann", "ios_2", LoginKind::Replaced, 1_500),
        event("3", "ann", "ios_1", LoginKind::Login, 1_600),
        event("4", "bob", "pc_1", LoginKind::Login, 1_700),
    ];
    store.record_events(&events, 1_800).unwrap();
    store
        .record_gap(&Gap {
            since_ms: 1_100,
            until_ms: 1_200,
            why: "no collector was running".into(),
        })
        .unwrap();
    (first, second)
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_are_about_the_scans_that_were_asked_for() {
    let served = Served::start().await;
    for path in ["logins/count", "logins/top", "logins/diff"] {
        let missing = served.get(&format!("/v1/apps/chat/{path}")).await.expect(404);
        assert_eq!(missing.problem(), "nothing-kept", "{path}");
    }
    let (first, second) = fill(&served);
    let get = async |path: &str| {
        served
            .get(&format!("/v1/apps/chat/{path}"))
            .await
            .expect(200)
            .json()
    };
    let shown = get("logins/snapshots?limit=1").await;
    assert_eq!(shown["items"][0]["snapshot"], second);
    assert_eq!(shown["next"], second.to_string());
    let shown = get(&format!("logins/snapshots?after={second}")).await;
    assert_eq!(
        (&shown["items"][0]["snapshot"], &shown["next"]),
        (&json!(first), &Value::Null)
    );
    assert_eq!(shown["items"][0]["devices"], 3);

    let counted = get("logins/count?over=1").await;
    assert_eq!(counted["snapshot"]["snapshot"], second);
    assert_eq!(
        counted["groups"],
        json!([{"group": "ios", "users": 1, "devices": 1}, {"group": "pc", "users": 2, "devices": 2},
            {"group": "web", "users": 1, "devices": 1}])
    );
    assert_eq!(counted["exceeding"], 0);
    let counted = get("logins/count?snapshot=previous&by=devices&over=1").await;
    assert_eq!(
        counted["groups"],
        json!([{"group": "0", "users": 1, "devices": 0}, {"group": "1", "users": 1, "devices": 1},
            {"group": "2", "users": 1, "devices": 2}])
    );
    assert_eq!(counted["exceeding"], 1);

    let top = get("logins/top?limit=1").await;
    assert_eq!(
        top["items"],
        json!([{"user": "bob", "by": "devices", "count": 2, "platforms": {"pc": 1, "web": 1}}])
    );
    let top = get("logins/top?by=sign_ins&over=1").await;
    assert_eq!(
        top["items"],
        json!([{"user": "ann", "by": "sign_ins", "count": 2, "platforms": {}}])
    );
    assert_eq!(top["gaps"][0]["why"], "no collector was running");
    let none = get("logins/top?by=evictions&since=1970-01-01T00:00:01.501Z").await;
    assert_eq!((&none["items"], &none["gaps"]), (&json!([]), &json!([])));

    let diff = get("logins/diff").await;
    assert_eq!(
        diff["summary"],
        json!({"from": first, "to": second, "devices_before": 3, "devices_after": 4, "signed_in": 2, "signed_out": 1,
            "not_known": 0})
    );
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = get(&format!("logins/diff?limit=1{after}")).await;
        seen.extend(page["items"].as_array().unwrap().clone());
        assert_eq!(page["summary"], diff["summary"]);
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!((seen.len(), &json!(seen)), (3, &diff["items"]));

    let line = get("users/ANN/timeline").await;
    let events: Vec<_> = line["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["event"].as_str().unwrap())
        .collect();
    assert_eq!(
        events,
        [
            "first_seen",
            "first_seen",
            "last_seen",
            "login",
            "replaced",
            "login",
            "last_seen"
        ]
    );
    assert_eq!(line["gaps"][0]["why"], "no collector was running");
    let page = get("users/ann/timeline?limit=2&since=1970-01-01T00:00:01.5Z").await;
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    let next = page["next"].as_str().unwrap();
    let rest = get(&format!(
        "users/ann/timeline?since=1970-01-01T00:00:01.5Z&after={next}"
    ))
    .await;
    assert_eq!(rest["items"][0]["at"], "1970-01-01T00:00:01.6Z");
    assert_eq!(get("users/nobody/timeline").await["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_about_logins_that_make_no_sense_are_refused() {
    let served = Served::start().await;
    fill(&served);
    for (path, status, problem) in [
        ("logins/count?snapshot=newest", 400, "bad-request"),
        ("logins/count?snapshot=99", 404, "no-such-snapshot"),
        ("logins/count?by=label", 400, "bad-request"),
        ("logins/count?from=1", 400, "unknown-field"),
        (
            "logins/top?by=devices&since=2026-01-01T00:00:00Z",
            400,
            "bad-request",
        ),
        ("logins/top?by=sign_ins&snapshot=1", 400, "bad-request"),
        ("logins/top?limit=0", 400, "bad-request"),
        ("logins/diff?after=ann", 400, "bad-request"),
        ("logins/snapshots?after=ann", 400, "bad-request"),
        ("users/a%0Ab/timeline", 400, "bad-name"),
        ("users/ann/timeline?since=yesterday", 400, "bad-request"),
        ("logins/scans/7", 404, "no-such-scan"),
    ] {
        let refused = served.get(&format!("/v1/apps/chat/{path}")).await.expect(status);
        assert_eq!(refused.problem(), problem, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_is_made_in_the_background_and_can_be_stopped() {
    let served = Served::start().await;
    for user in ["ann", "bob", "eve"] {
        served.sandbox.register(user);
    }
    online(&served, "ann", "ios_1");
    let asked = served
        .post("/v1/apps/chat/logins/scans", json!({}))
        .await
        .expect(202)
        .json();
    let path = format!("/v1/apps/chat/logins/scans/{}", asked["id"].as_str().unwrap());
    until("the scan", async || {
        served.get(&path).await.expect(200).json()["ended_at"].is_string()
    })
    .await;
    let scan = served.get(&path).await.json();
    assert_eq!(
        (&scan["state"], &scan["snapshot"]["source"]),
        (&json!("complete"), &json!("all"))
    );
    assert_eq!(
        (&scan["snapshot"]["online"], &scan["snapshot"]["devices"]),
        (&json!(1), &json!(1))
    );
    let known = served.get("/v1/apps/chat/users").await.json();
    assert_eq!(known["items"][0]["user"], "ann");

    // Of a list, the command line names the same users with the same word.
    let listed = json!({"users": ["bob", "eve"], "read_every_user": true});
    let asked = served
        .post("/v1/apps/chat/logins/scans", listed)
        .await
        .expect(202)
        .json();
    assert_eq!(asked["users"], 2);
    let of_list = format!("/v1/apps/chat/logins/scans/{}", asked["id"].as_str().unwrap());
    until("the list", async || {
        served.get(&of_list).await.json()["state"] == "complete"
    })
    .await;
    let scan = served.get(&of_list).await.json();
    assert!(
        scan["snapshot"]["source"].as_str().unwrap().starts_with("list:"),
        "{scan}"
    );
    assert_eq!(scan["snapshot"]["users"], 2);
    let all = served.get("/v1/apps/chat/logins/scans").await.json();
    assert_eq!(all["items"][0]["id"], scan["id"]);
    assert_eq!(all["items"].as_array().unwrap().len(), 2);

    for (body, problem) in [
        (json!({"users": []}), "no-users"),
        (json!({"users": [""]}), "bad-name"),
        (json!({"user": ["ann"]}), "unknown-field"),
    ] {
        let refused = served.post("/v1/apps/chat/logins/scans", body).await.expect(400);
        assert_eq!(refused.problem(), problem);
    }
    let stopped = served.post(&format!("{path}/stop"), json!({})).await.expect(202);
    assert_eq!(stopped.json()["state"], "complete", "it was over");
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_compared_with_a_policy_now_and_as_a_scan_saw_them() {
    let served = Served::start().await;
    for (user, devices) in [("ann", &["ios_1", "ios_2"][..]), ("bob", &["web_1"])] {
        for device in devices {
            online(&served, user, device);
        }
    }
    let check = async |body: Value| {
        served
            .ask(
                Method::POST,
                "/v1/apps/chat/limits/check",
                Some(ADMIN),
                Some(body),
            )
            .await
    };
    let rows = lines(
        &check(json!({"policy": POLICY, "users": ["ann", "bob"]}))
            .await
            .expect(200),
    );
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert_eq!(
        (
            &rows[0]["user"],
            &rows[0]["outcome"],
            &rows[0]["platform"],
            &rows[0]["over"]
        ),
        (&json!("ann"), &json!("exceeds"), &json!("ios"), &json!(1))
    );
    assert_eq!(rows[1]["ended"]["users"], 2);
    assert_eq!(
        (&rows[1]["ended"]["users_over"], &rows[1]["ended"]["would_end"]),
        (&json!(1), &json!(1))
    );

    let mut store = logins(&served);
    scanned(
        &mut *store,
        &[("ann", &["ios_1"]), ("eve", &["pc_1", "pc_2", "pc_3"])],
        1_000,
    );
    let rows = lines(
        &check(json!({"policy": POLICY, "snapshot": "latest"}))
            .await
            .expect(200),
    );
    assert_eq!(
        (rows.len(), &rows[0]["user"], &rows[0]["over"]),
        (2, &json!("eve"), &json!(2))
    );
    for (body, problem) in [
        (json!({"policy": POLICY}), "no-users"),
        (
            json!({"policy": POLICY, "users": ["ann"], "snapshot": "latest"}),
            "no-users",
        ),
        (json!({"policy": POLICY, "users": []}), "no-users"),
        (json!({"policy": "defalt = 1", "users": ["ann"]}), "bad-request"),
        (
            json!({"policy": POLICY, "users": ["ann"], "all": true}),
            "unknown-field",
        ),
    ] {
        assert_eq!(check(body).await.expect(400).problem(), problem);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_is_enforced_as_a_run_and_previewed_without_one() {
    let served = Served::start().await;
    for device in ["ios_1", "ios_2", "ios_3"] {
        online(&served, "ann", device);
    }
    online(&served, "bob", "web_1");
    let body =
        json!({"policy": POLICY, "name": "limits.toml", "users": ["ann", "bob"], "reason": "policy 12"});
    let mut dry = body.clone();
    dry["dry_run"] = json!(true);
    let told = lines(&served.post("/v1/apps/chat/limits/enforce", dry).await.expect(200));
    assert!(
        told.iter().any(|line| line.to_string().contains("ios_1")),
        "{told:?}"
    );
    assert_eq!(served.sandbox.devices("ann").len(), 3);
    let run = served
        .post("/v1/apps/chat/limits/enforce", body)
        .await
        .expect(201)
        .json();
    assert_eq!(run["command"], "limits enforce");
    assert_eq!(run["action"]["policy"], "limits.toml");
    let path = format!("/v1/apps/chat/runs/{}", run["id"].as_str().unwrap());
    until("the run", async || {
        served.get(&path).await.json()["state"] == "done"
    })
    .await;
    assert_eq!(served.sandbox.devices("ann").len(), 1);
    assert_eq!(served.sandbox.devices("bob").len(), 1);
    let reader = served.key(&["devices:read"], &["chat"]).await;
    let refused = served
        .ask(
            Method::POST,
            "/v1/apps/chat/limits/enforce",
            Some(&reader),
            Some(json!({})),
        )
        .await;
    assert_eq!(refused.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_names_devices_and_ends_no_others() {
    let served = Served::start().await;
    for device in ["ios_1", "web_1"] {
        online(&served, "ann", device);
    }
    served.sandbox.register("bob");
    let body = json!({"selection": {"platforms": ["ios"]}, "users": ["ann", "bob"], "reason": "leak", "max_logouts": 1});
    let plan = served
        .post("/v1/apps/chat/plans", body.clone())
        .await
        .expect(201)
        .json();
    assert_eq!(
        (
            &plan["totals"]["users_read"],
            &plan["totals"]["devices_to_end"],
            &plan["run"]["users"]
        ),
        (&json!(2), &json!(1), &json!(1))
    );
    assert_eq!(plan["run"]["state"], "unfinished");
    let path = format!("/v1/apps/chat/runs/{}", plan["run"]["id"].as_str().unwrap());
    let items = lines(&served.get(&format!("{path}/items")).await.expect(200));
    assert_eq!(
        (&items[0]["user"], &items[0]["planned"]["end"]),
        (&json!("ann"), &json!(["ios_1"]))
    );
    // A device that came later stays.
    online(&served, "ann", "ios_2");
    served.post(&format!("{path}/start"), json!({})).await.expect(202);
    until("the run", async || {
        served.get(&path).await.json()["state"] == "done"
    })
    .await;
    assert_eq!(served.sandbox.devices("ann").len(), 2);
    let mut more = body.clone();
    more["max_logouts"] = json!(0);
    assert_eq!(
        served
            .post("/v1/apps/chat/plans", more)
            .await
            .expect(400)
            .problem(),
        "bad-request"
    );
    let mut nobody = body.clone();
    nobody["users"] = json!(["bob"]);
    let plan = served
        .post("/v1/apps/chat/plans", nobody)
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&plan["run"], &plan["totals"]["devices_to_end"]),
        (&Value::Null, &json!(0))
    );
}
