//! Lists of users that are sent in lines: plans, comparisons, enforcement and scans.

use std::time::Duration;

use easemob_admin_sandbox::{Rates, Sandbox};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::logins::until;
use crate::records::{Home, Records};
use crate::served::{Answer, Served};

const POLICY: &str = "default = 1\nunknown_age = \"oldest\"\n";

const LINES: &str = "application/x-ndjson";

async fn served() -> Served {
    let sandbox = Sandbox::builder()
        .rates(Rates::unlimited())
        .start()
        .await
        .unwrap();
    let home = Home::of(Records::Files);
    let served = Served::start_with(sandbox, home, Timestamp::now);
    for (user, devices) in [("ann", &["ios_1", "ios_2"][..]), ("bob", &["web_1"])] {
        served.sandbox.register(user);
        for device in devices {
            served.sandbox.sign_in_as(user, device).unwrap();
        }
    }
    served
}

fn lines(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.form, LINES, "{answer:?}");
    let lines = answer.text.lines();
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn ended(served: &Served, path: &str) -> Value {
    loop {
        let now = served.get(path).await.expect(200).json();
        if ["done", "complete", "failed"].contains(&now["state"].as_str().unwrap()) {
            return now;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_lines_is_answered_in_lines() {
    let served = served().await;
    let first = json!({"selection": {"platforms": ["ios"]}, "reason": "leak"});
    // Whoever is named twice is planned once; `ghost` is no user.
    let of = |names: &[&str]| {
        [
            vec![first.clone()],
            names.iter().map(|name| json!(name)).collect(),
        ]
        .concat()
    };
    let told = served
        .post_lines("/v1/apps/chat/plans", of(&["ann", "ANN", "ghost", "bob"]))
        .await
        .expect(200);
    let told = lines(&told);
    assert_eq!(told[0]["unread"]["user"], "ghost", "{told:?}");
    let plan = &told.last().unwrap()["planned"];
    assert_eq!(
        (
            &plan["totals"]["users_read"],
            &plan["totals"]["users_unread"],
            &plan["totals"]["devices_to_end"]
        ),
        (&json!(2), &json!(1), &json!(2)),
        "{plan}"
    );
    let run = format!("/v1/apps/chat/runs/{}", plan["run"]["id"].as_str().unwrap());
    let _ = served.post(&format!("{run}/start"), json!({})).await.expect(202);
    let _ = ended(&served, &run).await;
    assert!(served.sandbox.devices("ann").is_empty());
    assert_eq!(served.sandbox.devices("bob").len(), 1);
    // What is refused after reading is the last line.
    served.sandbox.sign_in_as("ann", "ios_3").unwrap();
    let mut most = of(&["ann"]);
    most[0]["max_logouts"] = json!(0);
    let told = lines(&served.post_lines("/v1/apps/chat/plans", most).await.expect(200));
    assert_eq!(told[0]["refused"]["type"], "/problems/bad-request", "{told:?}");
    for (body, problem) in [
        (of(&[]), "no-users"),
        (vec![], "bad-request"),
        (
            vec![json!({"selection": {}, "users": ["ann"]}), json!("bob")],
            "bad-request",
        ),
        (vec![first.clone(), json!({"user": "ann"})], "bad-name"),
        (
            vec![
                first.clone(),
                json!({"line": 1, "user": "ann", "planned": {"end": ["ios_1"]}}),
            ],
            "bad-name",
        ),
        (vec![first.clone(), json!("a\u{0}b")], "bad-name"),
        (vec![first.clone(), json!(["ann"])], "bad-name"),
        (vec![json!({"selektion": {}}), json!("ann")], "unknown-field"),
    ] {
        let refused = served.post_lines("/v1/apps/chat/plans", body).await;
        assert_eq!(refused.expect(400).problem(), problem);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_is_compared_and_enforced_for_lines() {
    let served = served().await;
    let names = [json!("ann"), json!("bob"), json!("ghost")];
    let body = |first: Value| [vec![first], names.to_vec()].concat();
    let checked = served
        .post_lines("/v1/apps/chat/limits/check", body(json!({"policy": POLICY})))
        .await
        .expect(200);
    let rows = lines(&checked);
    let end = &rows.last().unwrap()["ended"];
    assert_eq!(
        (&end["users"], &end["users_over"], &end["not_known"]),
        (&json!(2), &json!(1), &json!(1)),
        "{rows:?}"
    );
    let both = json!({"policy": POLICY, "snapshot": "latest"});
    let refused = served.post_lines("/v1/apps/chat/limits/check", body(both)).await;
    assert_eq!(refused.expect(400).problem(), "no-users");
    let first = json!({"policy": POLICY, "reason": "policy 12"});
    let run = served
        .post_lines("/v1/apps/chat/limits/enforce", body(first.clone()))
        .await
        .expect(201)
        .json();
    assert_eq!(run["users"], 3);
    let run = format!("/v1/apps/chat/runs/{}", run["id"].as_str().unwrap());
    while served.get(&run).await.json()["unfinished"] != 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(served.sandbox.devices("ann").len(), 1);
    for path in ["limits/check", "limits/enforce"] {
        let nobody = served
            .post_lines(&format!("/v1/apps/chat/{path}"), [first.clone()])
            .await;
        assert_eq!(
            nobody.expect(400).problem(),
            if path == "limits/check" {
                "unknown-field"
            } else {
                "no-users"
            }
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_of_more_users_than_one_document_has_reads_them_all() {
    let served = served().await;

    let names: Vec<Value> = (0..10_001)
        .map(|number| json!(format!("user{number:05}")))
        .collect();
    let body = [vec![json!({})], names.clone(), vec![json!("ann")]].concat();
    let asked = served
        .post_lines("/v1/apps/chat/logins/scans", body.clone())
        .await
        .expect(202)
        .json();
    assert_eq!(asked["users"], 10_002);
    let path = format!("/v1/apps/chat/logins/scans/{}", asked["id"].as_str().unwrap());
    let scan = ended(&served, &path).await;
    assert_eq!(
        (
            &scan["state"],
            &scan["snapshot"]["users"],
            &scan["snapshot"]["devices"]
        ),
        (&json!("complete"), &json!(10_002), &json!(2)),
        "{scan}"
    );
    // Nothing of the list is left, once the end is on record.
    let kept = served.documents();
    until("the list to be forgotten", async || {
        kept.page("scan-users", None, 9).unwrap().is_empty()
    })
    .await;
    // One in a body of JSON has the same users, and the same word.
    let all = [names, vec![json!("ann")]].concat();
    let again = served
        .post("/v1/apps/chat/logins/scans", json!({ "users": all }))
        .await
        .expect(202)
        .json();
    let path = format!("/v1/apps/chat/logins/scans/{}", again["id"].as_str().unwrap());
    let again = ended(&served, &path).await;
    assert_eq!(again["snapshot"]["source"], scan["snapshot"]["source"]);
    let nobody = served.post_lines("/v1/apps/chat/logins/scans", [json!({})]).await;
    assert_eq!(nobody.expect(400).problem(), "no-users", "never everybody");
}

fn post(number: u32) -> String {
    let at = Timestamp::now().as_millisecond();
    let user = format!("easemob-demo#sandbox_user{number}@easemob.com/ios_1");
    json!({"callId": format!("call{number}"), "timestamp": at, "security": "0", "appkey": "easemob-demo#sandbox",
        "user": user, "reason": "login", "status": "online", "os": "ios", "version": "4", "ip": "127.0.0.1:1", "host": "h"})
    .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_are_imported_once_and_each_is_counted() {
    let served = served().await;
    let path = "/v1/apps/chat/logins/import";
    let mut posts: Vec<String> = (0..2_500).map(post).collect();
    posts.push(String::new());
    posts.push("no post".into());
    posts.push(post(1).replace("easemob-demo#sandbox", "other#app"));
    let body = posts.join("\n");
    let counted = served.sent_as(path, LINES, body.clone()).await.expect(200).json();
    let counts = |of: &Value| ["lines", "new", "duplicate", "refused"].map(|name| of[name].as_u64().unwrap());
    assert_eq!(counts(&counted), [2_502, 2_500, 0, 2]);
    assert_eq!(counted["refusals"][0]["line"], 2_501, "{counted}");
    // The answer was lost, so it is sent again.
    let again = served.sent_as(path, LINES, body).await.expect(200).json();
    assert_eq!(counts(&again), [2_502, 0, 2_500, 2]);
    let top = served
        .get("/v1/apps/chat/logins/top?by=sign_ins&limit=1000")
        .await
        .expect(200);
    assert_eq!(top.json()["items"].as_array().unwrap().len(), 1_000);
    let trail = served.get("/v1/apps/chat/audit?all=true").await.expect(200).text;
    assert_eq!(trail.matches("logins.imported").count(), 2, "{trail}");
    assert_eq!(
        served.post(path, json!({})).await.expect(415).problem(),
        "wrong-type"
    );
    let long = served.sent_as(path, LINES, "x".repeat(2_000_000)).await;
    assert_eq!(long.expect(413).problem(), "too-large");
    // A body that breaks off after some posts is no success, and what it had is kept once.
    let rest = crate::hostile::cut_off(
        &served,
        path,
        LINES,
        &format!("{}\n{}\n", post(9_000), post(9_001)),
    );
    assert!(!rest.contains(" 200 "), "{rest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_are_counted_by_label() {
    let served = served().await;
    let mut store = crate::directory::logins(&served);
    crate::directory::scanned(
        &mut *store,
        &[("ann", &["ios_1"]), ("bob", &["web_1", "pc_1"])],
        1_000,
    );
    let count = async |query: &str| served.get(&format!("/v1/apps/chat/logins/count?{query}")).await;
    let counted = count("label=phone%3Dpho*&label=kiosk%3DKiosk*")
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&counted["by"], &counted["groups"]),
        (
            &json!("label"),
            &json!([{"group": "phone", "users": 2, "devices": 3}])
        )
    );
    for (query, problem) in [
        ("label=phone", "bad-request"),
        ("label=%3DPhone*", "bad-request"),
        ("by=label", "bad-request"),
        ("by=devices&label=phone%3DPhone*", "bad-request"),
        ("over=1&over=2", "bad-request"),
        ("by=colour", "unknown-field"),
        ("lable=phone%3DPhone*", "unknown-field"),
        ("over=-1", "bad-request"),
    ] {
        assert_eq!(count(query).await.expect(400).problem(), problem, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_ends_when_its_time_is_over_or_somebody_says_so() {
    let served = served().await;
    drop(crate::directory::logins(&served));
    let path = "/v1/apps/chat/watches/phones";
    let put = async |until: Option<Timestamp>| {
        let body = json!({"policy": POLICY, "max_logouts_per_hour": 9, "delay_seconds": 0, "until": until});
        let put = served.ask(reqwest::Method::PUT, path, Some(crate::served::ADMIN), Some(body));
        put.await.expect(200).json()
    };
    let made = put(Some(Timestamp::now())).await;
    let now = loop {
        let now = served.get(path).await.expect(200).json();
        if now["ended"].is_string() {
            break now;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(
        (&now["ended"], &now["since"]),
        (&json!("its time is over"), &made["since"])
    );
    assert!(put(None).await["ended"].is_null(), "it stands again");
    let stopped = served
        .post(&format!("{path}/stop"), json!({"reason": "enough"}))
        .await
        .expect(200)
        .json();
    assert_eq!(stopped["ended"], "administrator has stopped it: enough");
    let again = served
        .post(&format!("{path}/stop"), json!({"reason": "again"}))
        .await
        .expect(200)
        .json();
    assert_eq!(again["ended"], stopped["ended"]);
    let trail = served.get("/v1/apps/chat/audit?all=true").await.expect(200).text;
    assert!(
        trail.contains("watch.stopped") && trail.contains("enough"),
        "{trail}"
    );
}
