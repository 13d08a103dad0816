//! The vendor's calls through the service: what is passed on, what is on record, and what does not evade the rules.

use std::time::Duration;

use easemob_admin_sandbox::Fault;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::records::{Records, on_both_stores};
use crate::served::{ADMIN, Answer, Served, read};

on_both_stores!(
    acts_are_passed_on_and_on_record_before_and_after,
    each_act_has_an_intent_and_an_outcome_of_its_own,
    a_registration_that_succeeds_in_part_is_on_record_for_each_user,
    what_is_not_documented_or_has_no_reason_is_not_sent,
    a_lost_answer_is_an_unknown_outcome_and_nothing_is_sent_twice,
    repeating_is_left_to_the_client,
    who_waits_for_a_turn_for_long_is_told_to_come_back,
    a_call_whose_client_has_gone_is_finished_and_recorded,
    what_cannot_be_put_on_record_is_not_sent,
    a_ban_by_the_vendors_call_has_no_end,
);

const ROOT: &str = "/easemob-demo/sandbox";

/// What somebody sends to the vendor's address.
struct Asked<'a> {
    served: &'a Served,
    key: &'a str,
    reason: Option<&'a str>,
}

impl Asked<'_> {
    async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Response {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = http
            .request(method, format!("{}{ROOT}{path}", self.served.url))
            .header("authorization", format!("Bearer {}", self.key));
        if let Some(reason) = self.reason {
            request = request.header("x-reason", reason.as_bytes());
        }
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        request.send().await.unwrap()
    }

    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        read(self.send(method, path, body).await).await
    }
}

impl Served {
    fn vendor<'a>(&'a self, key: &'a str) -> Asked<'a> {
        Asked {
            served: self,
            key,
            reason: Some("泄露 leak"),
        }
    }

    async fn entries(&self, user: &str) -> Vec<Value> {
        let page = self
            .get(&format!("/v1/apps/chat/audit?all=true&limit=1000&user={user}"))
            .await;
        // Nothing was recorded yet.
        if page.status == 404 {
            return Vec::new();
        }
        page.expect(200).json()["items"].as_array().unwrap().clone()
    }

    /// Returns the kind, call, outcome and devices of what the trail has about a user.
    async fn recorded(&self, user: &str) -> Vec<String> {
        let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let entries = self.entries(user).await;
        entries
            .iter()
            .map(|entry| {
                let devices = entry["devices"].as_array().cloned().unwrap_or_default();
                [
                    word(&entry["kind"]),
                    word(&entry["call"]),
                    word(&entry["outcome"]),
                    devices.iter().map(word).collect::<Vec<_>>().join(" "),
                ]
                .join(" ")
                .trim_end()
                .to_owned()
            })
            .collect()
    }
}

fn error(answer: &Answer) -> String {
    let body = answer.json();
    assert!(
        body["error_description"].is_string() && body["timestamp"].is_u64(),
        "{answer:?}"
    );
    body["error"].as_str().unwrap().to_owned()
}

async fn acts_are_passed_on_and_on_record_before_and_after(records: Records) {
    let served = Served::start_in(records).await;
    served.sandbox.register("ann");
    served.sandbox.sign_in("ann", "ios").unwrap();
    served.sandbox.sign_in("ann", "web").unwrap();
    let vendor = served.vendor(ADMIN);
    let ended = vendor.send("GET", "/users/ann/disconnect", None).await;
    assert_eq!(ended.headers()["cache-control"], "no-store");
    let operation = ended.headers()["x-operation-id"].to_str().unwrap().to_owned();
    let ended = read(ended).await.expect(200);
    assert_eq!(ended.json()["data"]["result"], true);
    let found = served
        .get(&format!("/v1/apps/chat/operations/{operation}"))
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&found["state"], &found["by"], &found["users"], &found["reason"]),
        (
            &json!("done"),
            &json!("administrator"),
            &json!(["ann"]),
            &json!("泄露 leak")
        )
    );
    assert_eq!(
        served.recorded("ann").await,
        [
            "intent sessions.logout_all -",
            "outcome sessions.logout_all ended"
        ]
    );
    let entries = served.entries("ann").await;
    for entry in &entries {
        assert_eq!(
            (
                &entry["operator"]["subject"],
                &entry["reason"],
                &entry["details"]["operation"],
                &entry["details"]["key"]
            ),
            (
                &json!("administrator"),
                &json!("泄露 leak"),
                &json!(operation),
                &json!("admin")
            ),
        );
    }
    assert_eq!(served.sandbox.call_count("sessions.logout_all"), 1);
}

async fn each_act_has_an_intent_and_an_outcome_of_its_own(records: Records) {
    let served = Served::start_in(records).await;
    served.sandbox.register("bob");
    served.sandbox.sign_in("bob", "ios").unwrap();
    served.sandbox.sign_in("bob", "web").unwrap();
    let vendor = served.vendor(ADMIN);
    let devices = vendor
        .ask("GET", "/users/bob/resources", None)
        .await
        .expect(200)
        .json();
    let devices: Vec<String> = devices["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|device| device["res"].as_str().unwrap().to_owned())
        .collect();
    // As the page says, and as the vendor's Java library does it.
    for (method, device) in [("DELETE", &devices[0]), ("GET", &devices[1])] {
        let path = format!("/users/bob/disconnect/{device}");
        assert_eq!(
            vendor.ask(method, &path, None).await.expect(200).json()["data"]["result"],
            true
        );
    }
    let banned = vendor
        .ask("POST", "/users/bob/deactivate", Some(json!({})))
        .await
        .expect(200);
    assert_eq!(banned.json()["entities"][0]["activated"], false);
    let _ = vendor.ask("POST", "/users/bob/activate", None).await.expect(200);
    let _ = vendor
        .ask(
            "PUT",
            "/users/bob/password",
            Some(json!({"newpassword": "correct horse battery"})),
        )
        .await
        .expect(200);
    let limits = json!({"mode": "multi", "default": 2, "platforms": {"web": 1}});
    let _ = vendor
        .ask("PUT", "/users/bob/devices/limits", Some(limits))
        .await
        .expect(200);
    let _ = vendor
        .ask("DELETE", "/users/bob/devices/limits", None)
        .await
        .expect(200);
    let _ = vendor.ask("DELETE", "/users/bob", None).await.expect(200);
    let outcomes: Vec<String> = served
        .recorded("bob")
        .await
        .into_iter()
        .filter(|entry| entry.starts_with("outcome"))
        .collect();
    assert_eq!(
        outcomes,
        [
            format!("outcome sessions.logout_device ended {}", devices[0]),
            format!("outcome sessions.logout_device ended {}", devices[1]),
            "outcome users.ban ended".into(),
            "outcome users.unban done".into(),
            "outcome users.set_password ended".into(),
            "outcome limits.set done".into(),
            "outcome limits.clear done".into(),
            "outcome users.delete ended".into(),
        ]
    );
    assert_eq!(served.recorded("bob").await.len(), 16, "each has an intent");
    let trail = served
        .get("/v1/apps/chat/audit?all=true&limit=1000")
        .await
        .expect(200)
        .text;
    assert!(!trail.contains("correct horse battery"));
    for (call, count) in [
        ("sessions.logout_device", 2),
        ("users.ban", 1),
        ("users.delete", 1),
    ] {
        assert_eq!(served.sandbox.call_count(call), count, "{call}");
    }
}

async fn a_registration_that_succeeds_in_part_is_on_record_for_each_user(records: Records) {
    let served = Served::start_in(records).await;
    served.sandbox.register("old");
    let vendor = served.vendor(ADMIN);
    let users =
        json!([{"username": "new1", "password": "a secret"}, {"username": "old", "password": "a secret"}]);
    let _ = vendor.ask("POST", "/users", Some(users)).await.expect(200);
    // The vendor's libraries send one user as an object, or as a list of one.
    let _ = vendor
        .ask(
            "POST",
            "/users",
            Some(json!({"username": "new2", "password": "a secret"})),
        )
        .await
        .expect(200);
    let outcome = async |user| served.recorded(user).await.pop().unwrap();
    assert_eq!(outcome("new1").await, "outcome users.register_batch done");
    assert_eq!(outcome("old").await, "outcome users.register_batch refused");
    assert_eq!(outcome("new2").await, "outcome users.register_batch done");
    for (body, why) in [
        (
            json!({"username": "x", "password": "y", "activated": false}),
            "a field that is not documented",
        ),
        (json!([]), "nobody"),
        (json!([{"password": "y"}]), "no name"),
        (
            json!({"username": "a/../b c", "password": "y"}),
            "no name that exists",
        ),
    ] {
        let refused = vendor.ask("POST", "/users", Some(body)).await;
        assert_eq!(
            (refused.status, error(&refused).as_str()),
            (400, "illegal_argument"),
            "{why}"
        );
    }
    assert_eq!(served.sandbox.call_count("users.register_batch"), 1);
    assert_eq!(served.sandbox.call_count("users.register"), 1);
}

async fn what_is_not_documented_or_has_no_reason_is_not_sent(records: Records) {
    let served = Served::start_in(records).await;
    served.sandbox.register("ann");
    served.sandbox.sign_in("ann", "ios").unwrap();
    let vendor = served.vendor(ADMIN);
    for (method, path) in [
        ("POST", "/users/ann/disconnect"),
        ("GET", "/users/ann/disconnect/ios_1/now"),
        ("POST", "/messages/users"),
        ("POST", "/callbacks/storage/retry"),
        ("DELETE", "/users/ann/friends"),
        ("PATCH", "/users/ann"),
        ("GET", "/sandbox/users"),
    ] {
        let refused = vendor
            .ask(method, path, (method == "POST").then(|| json!({})))
            .await;
        assert_eq!(
            (refused.status, error(&refused).as_str()),
            (404, "service_resource_not_found"),
            "{method} {path}"
        );
    }
    for (method, path, body) in [
        ("GET", "/users/ann/disconnect?force=true", None),
        ("DELETE", "/users?limit=2&limit=100", None),
        ("DELETE", "/users?limit=all", None),
        ("PUT", "/users/ann", Some(json!({"activated": false}))),
        ("GET", "/users/../disconnect", None),
        ("GET", "/users/%2E%2E/disconnect", None),
        ("POST", "/mutes", Some(json!({"chat": 60}))),
    ] {
        let refused = vendor.ask(method, path, body).await;
        assert!(
            [400, 404].contains(&refused.status),
            "{method} {path}: {refused:?}"
        );
        let _ = error(&refused);
    }
    let head = vendor.send("HEAD", "/users/ann/disconnect", None).await;
    assert_eq!(head.status().as_u16(), 405);
    let large = json!({"newpassword": "x".repeat(70_000)});
    let large = vendor.ask("PUT", "/users/ann/password", Some(large)).await;
    assert_eq!(
        (large.status, error(&large).as_str()),
        (413, "Request Entity Too Large")
    );
    let without = Asked {
        reason: None,
        ..served.vendor(ADMIN)
    };
    let refused = without.ask("GET", "/users/ann/disconnect", None).await;
    assert_eq!(
        (refused.status, error(&refused).as_str()),
        (400, "illegal_argument")
    );
    assert!(refused.text.contains("X-Reason"), "{refused:?}");
    for call in [
        "sessions.logout_all",
        "users.delete_batch",
        "users.update",
        "users.set_password",
        "mutes.set",
    ] {
        assert_eq!(served.sandbox.call_count(call), 0, "{call}");
    }
    assert_eq!(served.recorded("ann").await, Vec::<String>::new());
    // Programs that cannot send a reason use a key that has one.
    let body = json!({"owner": "backend", "scopes": ["sessions:apply"], "apps": ["chat"], "reason": "the user asked for it"});
    let key = served.post("/v1/keys", body).await.expect(201).json()["secret"]
        .as_str()
        .unwrap()
        .to_owned();
    let with_key = Asked {
        served: &served,
        key: &key,
        reason: None,
    };
    let _ = with_key
        .ask("GET", "/users/ann/disconnect", None)
        .await
        .expect(200);
    assert_eq!(served.entries("ann").await[0]["reason"], "the user asked for it");
}

async fn a_lost_answer_is_an_unknown_outcome_and_nothing_is_sent_twice(records: Records) {
    let served = Served::start_in(records).await;
    served.sandbox.register("ann");
    served.sandbox.sign_in("ann", "ios").unwrap();
    let vendor = served.vendor(ADMIN);
    for fault in [
        Fault::cut_after("sessions.logout_all"),
        Fault::truncated("sessions.logout_all"),
        Fault::raw_body(
            "sessions.logout_all",
            "text/html",
            "<html>sign in to this network</html>",
        ),
        Fault::status("sessions.logout_all", 502),
        Fault::raw_body(
            "sessions.logout_all",
            "application/json",
            r#"{"data": {"result": "perhaps"}, "timestamp": 1, "duration": 1}"#,
        ),
    ] {
        let about = format!("{fault:?}");
        let before = served.sandbox.call_count("sessions.logout_all");
        served.sandbox.inject(fault.times(1));
        let lost = vendor.send("GET", "/users/ann/disconnect", None).await;
        let operation = lost.headers()["x-operation-id"].to_str().unwrap().to_owned();
        assert!(lost.headers().get("retry-after").is_none());
        let lost = read(lost).await;
        assert_eq!(
            (lost.status, error(&lost).as_str()),
            (504, "service_outcome_unknown"),
            "{about}"
        );
        assert!(lost.text.contains(&operation), "{lost:?}");
        assert_eq!(
            served.sandbox.call_count("sessions.logout_all"),
            before + 1,
            "{about}"
        );
        let found = served
            .get(&format!("/v1/apps/chat/operations/{operation}"))
            .await
            .expect(200)
            .json();
        assert_eq!(found["state"], "unknown", "{about}");
        assert_eq!(
            served.recorded("ann").await.pop().unwrap(),
            "outcome sessions.logout_all unknown",
            "{about}"
        );
    }
    let other = served.key(&["sessions:apply"], &["chat"]).await;
    let first = served.entries("ann").await[0]["details"]["operation"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/v1/apps/chat/operations/{first}");
    let hidden = served
        .ask(Method::GET, &path, Some(&other), None)
        .await
        .expect(404);
    assert_eq!(hidden.problem(), "no-such-operation");
}

async fn repeating_is_left_to_the_client(records: Records) {
    let served = Served::start_in(records).await;
    served.sandbox.register("ann");
    let vendor = served.vendor(ADMIN);
    let calls = |name: &str| served.sandbox.call_count(name);
    served.sandbox.inject(
        Fault::status("users.ban", 429)
            .header("retry-after", "1")
            .times(1),
    );
    let refused = vendor.send("POST", "/users/ann/deactivate", None).await;
    assert_eq!(
        (
            refused.status().as_u16(),
            refused.headers()["retry-after"].to_str().unwrap()
        ),
        (429, "1")
    );
    assert_eq!(calls("users.ban"), 1);
    assert_eq!(
        served.recorded("ann").await.pop().unwrap(),
        "outcome users.ban refused"
    );
    served.sandbox.inject(Fault::status("devices.list", 503).times(1));
    let away = vendor.ask("GET", "/users/ann/resources", None).await;
    assert_eq!(away.status, 503, "{away:?}");
    assert_eq!(calls("devices.list"), 1);
    served
        .sandbox
        .inject(Fault::expired_token("devices.list").times(1));
    let _ = vendor.ask("GET", "/users/ann/resources", None).await.expect(200);
    assert_eq!(calls("devices.list"), 3, "a refused token is renewed");
    served.sandbox.inject(Fault::expired_token("users.ban").times(1));
    let _ = vendor
        .ask("POST", "/users/ann/deactivate", None)
        .await
        .expect(200);
}

async fn who_waits_for_a_turn_for_long_is_told_to_come_back(records: Records) {
    let served = Served::start_in(records).await;
    served.sandbox.register("ann");
    let vendor = served.vendor(ADMIN);
    served.sandbox.inject(
        Fault::status("devices.list", 429)
            .header("retry-after", "60")
            .times(1),
    );
    assert_eq!(vendor.ask("GET", "/users/ann/resources", None).await.status, 429);
    // The server asked for a pause, and nobody waits for it.
    for (method, path) in [("GET", "/users/ann/resources"), ("POST", "/users/ann/deactivate")] {
        let told = vendor.send(method, path, None).await;
        assert_eq!(told.status().as_u16(), 429, "{method} {path}");
        let wait: u64 = told.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((30..=60).contains(&wait), "{wait}");
        assert_eq!(error(&read(told).await), "reach_limit");
    }
    assert_eq!(
        (
            served.sandbox.call_count("devices.list"),
            served.sandbox.call_count("users.ban")
        ),
        (1, 0)
    );
    assert_eq!(
        served.recorded("ann").await.pop().unwrap(),
        "outcome users.ban failed"
    );
}

async fn a_call_whose_client_has_gone_is_finished_and_recorded(records: Records) {
    let served = Served::start_in(records).await;
    served.sandbox.register("ann");
    served.sandbox.sign_in("ann", "ios").unwrap();
    served
        .sandbox
        .inject(Fault::delay("sessions.logout_all", Duration::from_secs(600)).times(1));
    let url = format!("{}{ROOT}/users/ann/disconnect", served.url);
    let request = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = request
        .get(url)
        .header("authorization", format!("Bearer {ADMIN}"))
        .header("x-reason", "leak")
        .send();
    let gone = tokio::spawn(request);
    while served.sandbox.held_calls() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    served.sandbox.release_calls();
    // The service ends only when the call has, and its record.
    let (sandbox, home) = served.stop().await;
    assert_eq!(sandbox.call_count("sessions.logout_all"), 1);
    let served = Served::start_with(sandbox, home, jiff::Timestamp::now);
    assert_eq!(
        served.recorded("ann").await,
        [
            "intent sessions.logout_all -",
            "outcome sessions.logout_all ended"
        ]
    );
    let left = served
        .vendor(ADMIN)
        .ask("GET", "/users/ann/resources", None)
        .await
        .expect(200);
    assert_eq!(left.json()["data"], json!([]));
}

async fn what_cannot_be_put_on_record_is_not_sent(records: Records) {
    let served = Served::start_in(records).await;
    served.sandbox.register("ann");
    served.home.lose_the_trail();
    let refused = served
        .vendor(ADMIN)
        .ask("POST", "/users/ann/deactivate", None)
        .await;
    assert_eq!(
        (refused.status, error(&refused).as_str()),
        (503, "service_unavailable"),
        "{refused:?}"
    );
    assert_eq!(served.sandbox.call_count("users.ban"), 0);
}

async fn a_ban_by_the_vendors_call_has_no_end(records: Records) {
    let served = Served::start_in(records).await;
    served.sandbox.register("ann");
    let locked = json!({"action": {"kind": "lock", "until": "2099-01-01T00:00:00Z"}, "users": ["ann"], "reason": "leak"});
    let run = served.post("/v1/apps/chat/runs", locked).await.expect(201).json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    while served
        .get(&format!("/v1/apps/chat/runs/{run}"))
        .await
        .expect(200)
        .json()["state"]
        != "done"
    {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let lock = "/v1/apps/chat/users/ann/lock";
    let _ = served.get(lock).await.expect(200);
    // A refusal leaves the lock as it was.
    served.sandbox.inject(Fault::status("users.ban", 404).times(1));
    assert_ne!(
        served
            .vendor(ADMIN)
            .ask("POST", "/users/ann/deactivate", None)
            .await
            .status,
        200
    );
    let _ = served.get(lock).await.expect(200);
    let _ = served
        .vendor(ADMIN)
        .ask("POST", "/users/ann/deactivate", None)
        .await
        .expect(200);
    let _ = served.get(lock).await.expect(404);
}
