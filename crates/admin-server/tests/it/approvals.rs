//! Approval: what needs it, who gives it, and what does not evade it.

use std::sync::atomic::{AtomicI64, Ordering};

use reqwest::Method;
use serde_json::{Value, json};

use crate::records::{Home, Records, on_both_stores};
use crate::served::{Answer, Served};

on_both_stores!(
    two_others_agree_and_the_run_does_what_they_saw,
    many_small_runs_and_other_spellings_do_not_evade_a_rule,
    a_refusal_is_final_and_break_glass_is_loud,
    loops_over_the_vendors_calls_and_runs_together_do_not_evade_a_rule,
    of_many_calls_at_once_only_as_many_are_sent_as_one_person_may,
    what_was_never_sent_does_not_count,
    users_who_are_not_named_are_deleted_only_if_a_rule_allows_it,
    a_decision_that_cannot_be_put_on_record_does_not_count,
    an_approval_that_is_over_or_of_something_else_begins_nothing,
);

/// A service with a rule: more than 2 users a day need one lead, and more than 4 two.
pub(crate) struct Ruled {
    pub(crate) served: Served,
    pub(crate) ann: String,
    pub(crate) bob: String,
    pub(crate) eve: String,
    pub(crate) joe: String,
}

const USERS: [&str; 6] = ["u1", "u2", "u3", "u4", "u5", "u6"];

pub(crate) async fn ruled(records: Records) -> Ruled {
    ruled_at(records, jiff::Timestamp::now).await
}

pub(crate) async fn ruled_at(records: Records, clock: fn() -> jiff::Timestamp) -> Ruled {
    let sandbox = easemob_admin_sandbox::Sandbox::start().await.unwrap();
    let served = Served::start_with(sandbox, Home::of(records), clock);
    for user in USERS {
        served.sandbox.register(user);
        served.sandbox.sign_in(user, "ios").unwrap();
    }
    let rules = json!({"rules": [
        {"verbs": ["logout", "ban"], "over_users": 2, "needs": [{"group": "leads", "count": 1}]},
        {"verbs": ["logout"], "over_users": 4, "needs": [{"group": "leads", "count": 2}]},
    ]});
    let put = served.ask(
        Method::PUT,
        "/v1/apps/chat/approval-rules",
        Some(crate::served::ADMIN),
        Some(rules),
    );
    let _ = put.await.expect(200);
    let key = async |owner: &str, scopes: Value, groups: Value| {
        let body = json!({"owner": owner, "scopes": scopes, "apps": ["chat"], "groups": groups});
        let made = served.post("/v1/keys", body).await.expect(201);
        made.json()["secret"].as_str().unwrap().to_owned()
    };
    let acts = || json!(["sessions:apply", "users:write", "sessions:approve"]);
    let ann = key("ann", acts(), json!(["leads"])).await;
    let bob = key("bob", acts(), json!(["leads"])).await;
    let eve = key("eve", acts(), json!(["leads"])).await;
    let joe = key("joe", acts(), json!(["support"])).await;
    Ruled {
        served,
        ann,
        bob,
        eve,
        joe,
    }
}

impl Ruled {
    pub(crate) async fn post(&self, key: &str, path: &str, body: Value) -> Answer {
        let path = format!("/v1/apps/chat/{path}");
        self.served.ask(Method::POST, &path, Some(key), Some(body)).await
    }

    pub(crate) async fn act(&self, key: &str, kind: &str, users: &[&str]) -> Answer {
        let body = json!({"action": {"kind": kind}, "users": users, "reason": "leak"});
        self.post(key, "runs", body).await
    }

    /// Asks for the sign-out of devices that are named, as a plan does.
    pub(crate) async fn apply(&self, key: &str, users: &[&str]) -> Answer {
        let action = json!({"kind": "apply", "plan_sha256": "0", "on_drift": "skip", "selection": {}});
        let mut lines = vec![json!({"action": action, "reason": "leak"}).to_string()];
        for (line, user) in users.iter().enumerate() {
            let devices = self.devices(user).await;
            let planned = json!({"line": line + 1, "user": user, "planned": {"end": devices}});
            lines.push(planned.to_string());
        }
        let request = reqwest::Client::builder().no_proxy().build().unwrap();
        let sent = request
            .post(format!("{}/v1/apps/chat/runs", self.served.url))
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", "application/x-ndjson")
            .body(lines.join("\n"));
        crate::served::read(sent.send().await.unwrap()).await
    }

    pub(crate) async fn devices(&self, user: &str) -> Vec<String> {
        let found = self
            .served
            .get(&format!("/v1/apps/chat/users/{user}/devices"))
            .await
            .expect(200);
        let devices = found.json()["devices"].as_array().unwrap().clone();
        devices
            .iter()
            .map(|device| device["device"].as_str().unwrap().to_owned())
            .collect()
    }

    pub(crate) async fn ended(&self, run: &str) -> Value {
        loop {
            let seen = self
                .served
                .get(&format!("/v1/apps/chat/runs/{run}"))
                .await
                .expect(200)
                .json();
            if seen["state"] == "done" {
                return seen;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn kinds(&self, run: &str) -> Vec<String> {
        let page = self
            .served
            .get(&format!("/v1/apps/chat/audit?run={run}&all=true"))
            .await
            .expect(200);
        let entries = page.json()["items"].as_array().unwrap().clone();
        entries
            .iter()
            .map(|entry| entry["kind"].as_str().unwrap().to_owned())
            .collect()
    }
}

pub(crate) fn id(answer: &Answer) -> String {
    answer.json()["id"].as_str().unwrap().to_owned()
}

async fn two_others_agree_and_the_run_does_what_they_saw(records: Records) {
    let ruled = ruled(records).await;
    let asked = ruled.apply(&ruled.ann, &USERS).await.expect(202);
    assert_eq!(asked.json()["state"], "waiting_for_approval");
    let run = id(&asked);
    // A device that appears now was not seen by those who approve.
    ruled.served.sandbox.sign_in("u1", "android").unwrap();
    let reason = || json!({"reason": "checked with legal"});
    let approve = format!("approvals/{run}/approve");
    let own = ruled.post(&ruled.ann, &approve, reason()).await.expect(409);
    assert_eq!(own.problem(), "cannot-decide");
    let early = ruled
        .post(&ruled.ann, &format!("runs/{run}/start"), json!({}))
        .await
        .expect(409);
    assert_eq!(early.problem(), "needs-approval");
    let nothing = ruled
        .post(&ruled.bob, &approve, json!({"reason": " "}))
        .await
        .expect(400);
    assert_eq!(nothing.problem(), "no-reason");
    let of_another_group = ruled.post(&ruled.joe, &approve, reason()).await.expect(200);
    assert_eq!(of_another_group.json()["state"], "pending");
    let first = ruled.post(&ruled.bob, &approve, reason()).await.expect(200);
    assert_eq!(first.json()["state"], "pending");
    let twice = ruled.post(&ruled.bob, &approve, reason()).await.expect(409);
    assert_eq!(twice.problem(), "cannot-decide");
    let second = ruled.post(&ruled.eve, &approve, reason()).await.expect(200);
    assert_eq!(
        (&second.json()["state"], &second.json()["order"]["devices"]),
        (&json!("approved"), &json!(6))
    );
    let ended = ruled.ended(&run).await;
    assert_eq!(
        (&ended["done"], &ended["devices"], &ended["operator"]),
        (&json!(6), &json!(6), &json!("ann"))
    );
    assert_eq!(ruled.devices("u1").await.len(), 1, "the new device stays");
    let kinds = ruled.kinds(&run).await;
    let decided: Vec<&str> = kinds
        .iter()
        .map(String::as_str)
        .filter(|kind| kind.starts_with("approval"))
        .collect();
    let expected = [
        "approval.requested",
        "approval.approved",
        "approval.approved",
        "approval.approved",
    ];
    assert_eq!(decided, expected);
    let list = ruled
        .served
        .get("/v1/apps/chat/approvals?state=approved")
        .await
        .expect(200)
        .json();
    assert_eq!(list["items"][0]["run"], json!(run));
}

async fn many_small_runs_and_other_spellings_do_not_evade_a_rule(records: Records) {
    let ruled = ruled(records).await;
    let _ = ruled.act(&ruled.ann, "logout_unread", &["u1"]).await.expect(201);
    let _ = ruled.act(&ruled.ann, "logout_unread", &["u2"]).await.expect(201);
    let third = ruled.act(&ruled.ann, "logout_unread", &["u3"]).await.expect(409);
    assert_eq!(third.problem(), "needs-plan");
    assert_eq!(id(&ruled.apply(&ruled.ann, &["u3"]).await.expect(202)).len(), 22);
    // Another key of the same person, under another spelling.
    let body = json!({"owner": " ANN ", "scopes": ["sessions:apply", "sessions:approve"], "apps": ["chat"], "groups": ["leads"]});
    let made = ruled.served.post("/v1/keys", body).await.expect(201);
    let second_key = made.json()["secret"].as_str().unwrap().to_owned();
    let _ = ruled.act(&second_key, "logout_unread", &["u4"]).await.expect(409);
    // Bans count by themselves, and somebody else has a day of his own.
    let _ = ruled.act(&ruled.ann, "ban", &["u5"]).await.expect(201);
    let _ = ruled.act(&ruled.bob, "logout_unread", &["u6"]).await.expect(201);
    // A run that was held is counted when it begins.
    let held =
        json!({"action": {"kind": "ban"}, "users": ["u1", "u2", "u3"], "reason": "leak", "hold": true});
    let held = id(&ruled.post(&ruled.bob, "runs", held).await.expect(201));
    let started = ruled
        .post(&ruled.bob, &format!("runs/{held}/start"), json!({}))
        .await
        .expect(409);
    assert_eq!(started.problem(), "needs-approval");
    assert_eq!(ruled.served.sandbox.call_count("users.ban"), 1);
}

async fn a_refusal_is_final_and_break_glass_is_loud(records: Records) {
    let ruled = ruled(records).await;
    let run = id(&ruled
        .act(&ruled.ann, "ban", &["u1", "u2", "u3"])
        .await
        .expect(202));
    let refuse = format!("approvals/{run}/refuse");
    let refused = ruled
        .post(&ruled.joe, &refuse, json!({"reason": "wrong list"}))
        .await
        .expect(200);
    assert_eq!(refused.json()["state"], "refused");
    let late = ruled
        .post(
            &ruled.bob,
            &format!("approvals/{run}/approve"),
            json!({"reason": "x"}),
        )
        .await;
    assert_eq!(late.expect(409).problem(), "cannot-decide");
    let started = ruled
        .post(&ruled.ann, &format!("runs/{run}/start"), json!({}))
        .await
        .expect(409);
    assert_eq!(started.problem(), "needs-approval");
    let glass = |run: &str| json!({"id": run, "action": {"kind": "ban"}, "users": USERS, "reason": "attack", "break_glass": true});
    let without = ruled
        .post(&ruled.ann, "runs", glass(&run.replace(&run[16..], "ffffff")))
        .await
        .expect(403);
    assert_eq!(without.problem(), "missing-scope");
    let body = json!({"owner": "ann", "scopes": ["users:write", "break-glass"], "apps": ["chat"]});
    let key = ruled.served.post("/v1/keys", body).await.expect(201).json()["secret"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut loud = glass("");
    loud.as_object_mut().unwrap().remove("id");
    let broken = id(&ruled.post(&key, "runs", loud).await.expect(201));
    let ended = ruled.ended(&broken).await;
    assert_eq!(ended["done"], 6);
    assert_eq!(ruled.kinds(&broken).await[0], "approval.bypassed");
}

impl Ruled {
    /// Sends a call of the vendor.
    pub(crate) async fn call(&self, key: &str, method: Method, path: &str) -> Answer {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let sent = http
            .request(method, format!("{}/easemob-demo/sandbox{path}", self.served.url))
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", "application/json")
            .header("x-reason", "leak");
        let body = path
            .ends_with("/password")
            .then(|| json!({"newpassword": "another one"}));
        let sent = match body {
            Some(body) => sent.body(body.to_string()),
            None => sent,
        };
        crate::served::read(sent.send().await.unwrap()).await
    }

    pub(crate) async fn key(&self, owner: &str, scopes: Value) -> String {
        let body = json!({"owner": owner, "scopes": scopes, "apps": ["chat"]});
        let made = self.served.post("/v1/keys", body).await.expect(201);
        made.json()["secret"].as_str().unwrap().to_owned()
    }
}

async fn loops_over_the_vendors_calls_and_runs_together_do_not_evade_a_rule(records: Records) {
    let ruled = ruled(records).await;
    let ended = ruled.call(&ruled.ann, Method::GET, "/users/u1/disconnect").await;
    let _ = ended.expect(200);
    let _ = ruled.act(&ruled.ann, "logout_unread", &["u2"]).await.expect(201);
    let device = ruled.devices("u3").await.remove(0);
    let token = {
        let (id, rest) = ruled.ann.trim_start_matches("ea_").split_once('_').unwrap();
        assert!(!rest.is_empty());
        let body = json!({"grant_type": "client_credentials", "client_id": id, "client_secret": ruled.ann});
        let signed_in = ruled
            .served
            .ask(Method::POST, "/easemob-demo/sandbox/token", None, Some(body))
            .await;
        signed_in.expect(200).json()["access_token"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let more = ruled
        .key(
            "Ann",
            json!(["sessions:apply", "accounts:write", "accounts:delete"]),
        )
        .await;
    // Other calls that sign out, a token in place of the key, and another key of the same person.
    for (key, method, path) in [
        (&ruled.ann, Method::GET, "/users/u3/disconnect".to_owned()),
        (
            &ruled.ann,
            Method::DELETE,
            format!("/users/u3/disconnect/{device}"),
        ),
        (&token, Method::GET, format!("/users/u3/disconnect/{device}")),
        (&more, Method::GET, "/users/u3/disconnect".to_owned()),
        (&more, Method::PUT, "/users/u3/password".to_owned()),
        (&more, Method::DELETE, "/users/u3".to_owned()),
    ] {
        let refused = ruled.call(key, method.clone(), &path).await;
        assert_eq!(
            (refused.status, &refused.json()["error"]),
            (403, &json!("forbidden_op")),
            "{method} {path}: {refused:?}"
        );
    }
    // What is left to others in a run is not left to one person because calls came first, or the other way round.
    let third = ruled.act(&ruled.ann, "logout_unread", &["u3"]).await.expect(409);
    assert_eq!(third.problem(), "needs-plan");
    assert_eq!(ruled.devices("u3").await, [device]);
    let sandbox = &ruled.served.sandbox;
    assert_eq!(
        (
            sandbox.call_count("sessions.logout_device"),
            sandbox.call_count("users.delete"),
            sandbox.call_count("users.set_password")
        ),
        (0, 0, 0)
    );
    // Bans count by themselves.
    for (user, status) in [("u1", 200), ("u2", 200), ("u3", 403)] {
        let banned = ruled
            .call(&ruled.ann, Method::POST, &format!("/users/{user}/deactivate"))
            .await;
        assert_eq!(banned.status, status, "{user}");
    }
    // Somebody else has a day of his own.
    let _ = ruled
        .call(&ruled.bob, Method::GET, "/users/u4/disconnect")
        .await
        .expect(200);
}

async fn of_many_calls_at_once_only_as_many_are_sent_as_one_person_may(records: Records) {
    let ruled = ruled(records).await;
    let calls = USERS.map(|user| {
        let ruled = &ruled;
        async move {
            ruled
                .call(&ruled.ann, Method::GET, &format!("/users/{user}/disconnect"))
                .await
                .status
        }
    });
    let mut statuses = futures_util::future::join_all(calls).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 403, 403, 403, 403]);
    assert_eq!(ruled.served.sandbox.call_count("sessions.logout_all"), 2);
}

async fn what_was_never_sent_does_not_count(records: Records) {
    let ruled = ruled(records).await;
    ruled.served.home.lose_the_trail();
    for _ in 0..3 {
        let unrecorded = ruled.call(&ruled.ann, Method::GET, "/users/u1/disconnect").await;
        assert_eq!(unrecorded.status, 503, "{unrecorded:?}");
    }
    ruled.served.home.give_the_trail_back();
    for (user, status) in [("u1", 200), ("u2", 200), ("u3", 403)] {
        let ended = ruled
            .call(&ruled.ann, Method::GET, &format!("/users/{user}/disconnect"))
            .await;
        assert_eq!(ended.status, status, "{user}");
    }
}

async fn users_who_are_not_named_are_deleted_only_if_a_rule_allows_it(records: Records) {
    let ruled = ruled(records).await;
    let key = ruled.key("dan", json!(["accounts:delete"])).await;
    let delete = async |path: &str| ruled.call(&key, Method::DELETE, path).await.status;
    let allow = async |users: u64| {
        let allowed = json!({"rules": [], "mass_deletions_a_day": users});
        let path = "/v1/apps/chat/approval-rules";
        let put = ruled
            .served
            .ask(Method::PUT, path, Some(crate::served::ADMIN), Some(allowed));
        let _ = put.await.expect(200);
    };
    assert_eq!(delete("/users?limit=1").await, 403);
    assert_eq!(ruled.served.sandbox.call_count("users.delete_batch"), 0);
    allow(4).await;
    assert_eq!(delete("/users").await, 403, "it would delete ten");
    assert_eq!(delete("/users?limit=2").await, 200);
    assert_eq!(delete("/users/u6").await, 200);
    assert_eq!(delete("/users?limit=2").await, 403);
    assert_eq!(delete("/users?limit=1").await, 200);
    assert_eq!(ruled.served.sandbox.call_count("users.delete_batch"), 2);
    let entries = ruled
        .served
        .get("/v1/apps/chat/audit?operator=dan")
        .await
        .expect(200)
        .json();
    let sizes: Vec<&Value> = entries["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["details"]["users"])
        .collect();
    assert_eq!(sizes, [&json!(2), &Value::Null, &json!(1)]);
}

async fn a_decision_that_cannot_be_put_on_record_does_not_count(records: Records) {
    let ruled = ruled(records).await;
    let run = id(&ruled
        .act(&ruled.ann, "ban", &["u1", "u2", "u3"])
        .await
        .expect(202));
    ruled.served.home.lose_the_trail();
    let approve = format!("approvals/{run}/approve");
    let lost = ruled
        .post(&ruled.bob, &approve, json!({"reason": "checked"}))
        .await;
    assert_eq!(lost.status, 503, "{lost:?}");
    ruled.served.home.give_the_trail_back();
    let shown = ruled
        .served
        .get(&format!("/v1/apps/chat/approvals/{run}"))
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&shown["state"], &shown["decisions"]),
        (&json!("pending"), &json!([]))
    );
    let _ = ruled
        .post(&ruled.bob, &approve, json!({"reason": "checked"}))
        .await
        .expect(200);
    let page = ruled
        .served
        .get(&format!("/v1/apps/chat/audit?run={run}"))
        .await
        .expect(200)
        .json();
    let shown: Vec<&str> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|entry| entry["kind"].as_str())
        .collect();
    assert_eq!(
        shown[..2],
        ["approval.requested", "approval.approved"],
        "without `all`"
    );
    let without = ruled
        .served
        .get(&format!("/v1/apps/chat/audit?run={run}&decisions=false"))
        .await
        .expect(200)
        .json();
    assert!(
        without["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|entry| entry["kind"] == "outcome")
    );
}

/// The time of the tests in each kind of store, which run at once.
static NOW: [AtomicI64; 2] = [const { AtomicI64::new(1_800_000_000) }; 2];

pub(crate) fn clock_of(records: &Records) -> (&'static AtomicI64, fn() -> jiff::Timestamp) {
    fn clock<const INDEX: usize>() -> jiff::Timestamp {
        jiff::Timestamp::from_second(NOW[INDEX].load(Ordering::SeqCst)).unwrap()
    }
    match records.index() {
        0 => (&NOW[0], clock::<0>),
        _ => (&NOW[1], clock::<1>),
    }
}

async fn an_approval_that_is_over_or_of_something_else_begins_nothing(records: Records) {
    let (now, clock) = clock_of(&records);
    let ruled = ruled_at(records, clock).await;
    let later = |minutes: i64| now.fetch_add(minutes * 60, Ordering::SeqCst);
    let reason = || json!({"reason": "checked"});
    let held = async || {
        let body =
            json!({"action": {"kind": "ban"}, "users": ["u1", "u2", "u3"], "reason": "leak", "hold": true});
        let run = id(&ruled.post(&ruled.ann, "runs", body).await.expect(201));
        let start = format!("runs/{run}/start");
        let waits = ruled.post(&ruled.ann, &start, json!({})).await.expect(409);
        assert_eq!(waits.problem(), "needs-approval");
        (run, start)
    };
    // Nobody decided within a day.
    let (run, start) = held().await;
    later(24 * 60);
    let late = ruled
        .post(&ruled.bob, &format!("approvals/{run}/approve"), reason())
        .await
        .expect(409);
    assert_eq!(late.problem(), "cannot-decide");
    assert_eq!(
        ruled
            .post(&ruled.ann, &start, json!({}))
            .await
            .expect(409)
            .problem(),
        "needs-approval"
    );
    // It was approved, and four hours have passed.
    let (run, start) = held().await;
    let approved = ruled
        .post(&ruled.bob, &format!("approvals/{run}/approve"), reason())
        .await
        .expect(200);
    assert_eq!(approved.json()["state"], "approved");
    later(4 * 60);
    assert_eq!(
        ruled
            .post(&ruled.ann, &start, json!({}))
            .await
            .expect(409)
            .problem(),
        "needs-approval"
    );
    // It was approved, and is another list now.
    let (run, start) = held().await;
    let _ = ruled
        .post(&ruled.bob, &format!("approvals/{run}/approve"), reason())
        .await
        .expect(200);
    let other = json!({"id": run, "action": {"kind": "ban"}, "users": ["u4", "u5", "u6"], "reason": "leak", "hold": true});
    assert_eq!(
        ruled.post(&ruled.ann, "runs", other).await.expect(409).problem(),
        "other-content"
    );
    match &ruled.served.home.records {
        Records::Files => {
            let directory = ruled.served.home.path().join("runs").join(&run);
            let mut edited = 0;
            for entry in std::fs::read_dir(&directory).unwrap() {
                let path = entry.unwrap().path();
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                if text.contains("u3") {
                    std::fs::write(&path, text.replace("u3", "u6")).unwrap();
                    edited += 1;
                }
            }
            assert!(edited > 0, "the list of the run was not found");
        }
        // The digest of the list is what was approved.
        Records::Database(database) => {
            let edit = format!(
                "UPDATE easemob_admin.run_item SET item = replace(item, 'u3', 'u6') \
                 WHERE item LIKE '%u3%' AND run = (SELECT number FROM easemob_admin.run WHERE id = '{run}') \
                 RETURNING seq"
            );
            assert_eq!(database.run(&edit).len(), 1, "the list of the run was not found");
        }
    }
    let refused = ruled.post(&ruled.ann, &start, json!({})).await;
    assert!(refused.status >= 400, "{refused:?}");
    assert_eq!(ruled.served.sandbox.call_count("users.ban"), 0);
}
