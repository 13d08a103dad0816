//! Questions with the largest and smallest values there are: each is answered or refused, and none ends the service.

use std::collections::BTreeSet;

use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use crate::served::{ADMIN, Served};

/// What is in the place of a value.
fn extremes() -> Vec<String> {
    let times = [Timestamp::MIN.to_string(), Timestamp::MAX.to_string()];
    let numbers = [0, 1, i64::MAX, i64::MIN, i64::from(u32::MAX)].map(|number| number.to_string());
    let words = [
        "",
        "18446744073709551615",
        "99999999999999999999",
        "1e400",
        "%00",
        "..",
        "latest",
        "a%cc%81",
    ];
    times
        .into_iter()
        .chain(numbers)
        .chain(words.map(str::to_owned))
        .collect()
}

/// Returns the address of each question of the document, with each of its parameters in turn having this value.
fn questions(document: &Value, value: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let Some(get) = operations.get("get") else {
            continue;
        };
        let path = path.replace("{app}", "chat");
        let beginning = path.split('{').next().unwrap();
        if beginning != path {
            let rest = path.split_once('}').unwrap().1;
            found.insert(format!("{beginning}{value}{rest}"));
        }
        for parameter in get["parameters"].as_array().into_iter().flatten() {
            if parameter["in"] == "query" && !path.contains('{') {
                found.insert(format!("{path}?{}={value}", parameter["name"].as_str().unwrap()));
            }
        }
    }
    // They follow without an end.
    found.retain(|address| !address.contains("/events") && !address.contains("/reports"));
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn no_value_is_too_large_or_too_small_for_a_question() {
    let served = Served::start().await;
    served.sandbox.register("ann");
    served.sandbox.sign_in("ann", "ios").unwrap();
    let run = json!({"action": {"kind": "logout", "selection": {}}, "users": ["ann"], "reason": "test"});
    let _ = served.post("/v1/apps/chat/runs", run).await.expect(201);
    let document: Value = serde_json::from_str(include_str!("../../openapi.json")).unwrap();
    let mut asked = 0;
    for value in extremes() {
        for address in questions(&document, &value) {
            let address = address.replace('+', "%2B");
            let answer = served.ask(Method::GET, &address, Some(ADMIN), None).await;
            assert!(answer.status < 500, "{address}: {answer:?}");
            asked += 1;
        }
    }
    assert!(asked > 1_000, "{asked} questions are few");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_time_is_too_early_or_too_late_for_an_act() {
    let served = Served::start().await;
    let numbers = [
        json!(0),
        json!(-1),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1e300),
    ];
    let times = [
        json!(Timestamp::MIN),
        json!(Timestamp::MAX),
        json!("0000-01-01T00:00:00Z"),
    ];
    let acts: [(Method, &str, Value, &[&str]); 6] = [
        (
            Method::POST,
            "/v1/keys",
            json!({"owner": "ann", "scopes": [], "apps": ["chat"], "reason": "x"}),
            &["expires"],
        ),
        (
            Method::PUT,
            "/v1/apps/chat/approval-rules",
            json!({"rules": []}),
            &["mass_deletions_a_day"],
        ),
        (
            Method::POST,
            "/v1/apps/chat/runs",
            json!({"action": {"kind": "logout", "selection": {}}, "users": ["ann"], "reason": "x", "hold": true}),
            &["max_logouts"],
        ),
        (
            Method::PUT,
            "/v1/apps/chat/watches/w",
            json!({"policy": "default = 1\n", "max_logouts_per_hour": 1, "delay_seconds": 1, "reason": "x"}),
            &["until", "max_logouts_per_hour", "delay_seconds"],
        ),
        (
            Method::PUT,
            "/v1/apps/chat/schedules/s",
            json!({"job": {"kind": "due_unlocks"}, "cron": "* * * * *", "zone": "UTC", "reason": "x"}),
            &["until", "cron", "zone"],
        ),
        (
            Method::POST,
            "/v1/apps/chat/limits/policies",
            json!({"policy": "default = 1\n", "reason": "x"}),
            &["after"],
        ),
    ];
    for (method, path, body, fields) in acts {
        for field in fields {
            for value in numbers.iter().chain(&times) {
                let mut body = body.clone();
                body[*field] = value.clone();
                let answer = served.ask(method.clone(), path, Some(ADMIN), Some(body)).await;
                assert!(answer.status < 500, "{path} {field} = {value}: {answer:?}");
            }
        }
    }
    for until in times {
        let action = json!({"kind": "lock", "until": until});
        let run = json!({"action": action, "users": ["ann"], "reason": "x", "hold": true});
        let answer = served.post("/v1/apps/chat/runs", run).await;
        assert!(answer.status < 500, "{until}: {answer:?}");
    }
    let _ = served.get("/v1/apps/chat/runs").await.expect(200);
}
