//! Every kind of problem that the service knows is what some request is answered with.

use std::collections::BTreeSet;
use std::time::Duration;

use easemob_admin_api::webhooks::Secrets;
use easemob_admin_sandbox::{Fault, Sandbox};
use easemob_admin_server::problem_kinds;
use easemob_admin_server::service::Settings;
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use crate::records::{Home, Records};
use crate::served::{ADMIN, Answer, Served};

/// The kinds that no request to a service in this process brings about, and where they are tested instead.
const ELSEWHERE: &[(&str, &str)] = &[
    (
        "archived",
        "needs a database whose trail was archived: `retention` of the store, `events` of the PostgreSQL feed",
    ),
    (
        "not-let-in",
        "needs a browser that comes back from an issuer: the attacks on signing in to the console",
    ),
    (
        "issuer-away",
        "needs an issuer that does not answer: the attacks on signing in to the console",
    ),
    (
        "stopping",
        "needs a process that is being stopped: `a_service_that_is_stopped_finishes_who_is_in_progress_and_tells_its_clients`",
    ),
];

/// The problems that were seen.
#[derive(Default)]
struct Seen(BTreeSet<String>);

impl Seen {
    /// Notes a problem, which has the status that its kind has.
    fn note(&mut self, answer: &Answer, expected: &str) {
        let problem = answer.json();
        let kind = problem_kinds().find(|(_, word)| *word == answer.problem());
        assert_eq!(answer.problem(), expected, "{answer:?}");
        assert_eq!(kind.map(|(status, _)| status), Some(answer.status), "{answer:?}");
        assert_eq!(problem["status"], answer.status, "{answer:?}");
        self.0.insert(expected.to_owned());
    }
}

fn users(kind: &str, names: &[&str]) -> Value {
    json!({"action": {"kind": kind, "selection": {}}, "users": names, "reason": "test"})
}

fn logout(names: &[&str]) -> Value {
    users("logout", names)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_problem_is_produced() {
    let mut seen = Seen::default();
    of_requests(&mut seen).await;
    of_keys(&mut seen).await;
    of_runs(&mut seen).await;
    of_rules(&mut seen).await;
    of_a_server_in_trouble(&mut seen).await;
    of_records_in_trouble(&mut seen).await;
    of_settings(&mut seen).await;
    let all: BTreeSet<String> = problem_kinds().map(|(_, word)| word.to_owned()).collect();
    let elsewhere: BTreeSet<String> = ELSEWHERE.iter().map(|(word, _)| (*word).to_owned()).collect();
    assert!(elsewhere.is_disjoint(&seen.0), "{elsewhere:?} is produced here");
    let missing: Vec<_> = all
        .difference(&seen.0)
        .filter(|word| !elsewhere.contains(*word))
        .collect();
    assert!(missing.is_empty(), "nothing produces {missing:?}");
}

/// What is wrong with a key to be made.
async fn of_keys(seen: &mut Seen) {
    let served = Served::start().await;
    let key = json!({"id": "chosen-by-me", "owner": "ann", "scopes": ["audit:read"], "apps": ["chat"]});
    let made = served
        .ask(Method::POST, "/v1/keys", Some(ADMIN), Some(key.clone()))
        .await;
    assert_eq!(made.expect(201).json()["key"]["id"], "chosen-by-me");
    let again = served.ask(Method::POST, "/v1/keys", Some(ADMIN), Some(key)).await;
    seen.note(&again, "key-exists");
}

/// What is wrong with the request itself, or names what is not there.
async fn of_requests(seen: &mut Seen) {
    let served = Served::start().await;
    let app = |path: &str| format!("/v1/apps/chat/{path}");
    for (expected, method, path, body) in [
        ("bad-request", Method::POST, app("runs"), Some(json!([]))),
        (
            "unknown-field",
            Method::POST,
            app("runs"),
            Some(json!({"nope": 1})),
        ),
        (
            "bad-name",
            Method::POST,
            app("devices"),
            Some(json!({"users": ["a\u{0}b"]})),
        ),
        ("no-users", Method::POST, app("runs"), Some(logout(&[]))),
        ("no-such-path", Method::GET, "/v1/nothing".into(), None),
        ("no-such-app", Method::GET, "/v1/apps/nope/runs".into(), None),
        ("no-such-user", Method::GET, app("users/nobody"), None),
        (
            "no-such-run",
            Method::GET,
            app("runs/20261129-120000-00000a"),
            None,
        ),
        ("no-such-lock", Method::GET, app("users/nobody/lock"), None),
        ("no-such-key", Method::DELETE, "/v1/keys/none".into(), None),
        (
            "no-such-approval",
            Method::GET,
            app("approvals/20261129-120000-00000a"),
            None,
        ),
        ("no-such-operation", Method::GET, app("operations/none"), None),
        ("no-such-draft", Method::GET, app("drafts/none"), None),
        ("no-such-policy", Method::GET, app("limits/policies/9"), None),
        (
            "newer-version",
            Method::POST,
            app("limits/policies"),
            Some(json!({"policy": "default = 3\n", "after": 5, "reason": "test"})),
        ),
        ("no-such-scan", Method::GET, app("logins/scans/none"), None),
        ("no-such-schedule", Method::GET, app("schedules/none"), None),
        ("no-such-watch", Method::GET, app("watches/none"), None),
        ("nothing-kept", Method::GET, app("logins/count"), None),
        ("wrong-method", Method::PATCH, app("runs"), None),
        (
            "nobody-is-told",
            Method::POST,
            "/v1/settings/test-notice".into(),
            None,
        ),
        (
            "no-reason",
            Method::POST,
            app("watches/none/stop"),
            Some(json!({"reason": " "})),
        ),
    ] {
        let answer = served.ask(method, &path, Some(ADMIN), body).await;
        seen.note(&answer, expected);
    }
    let none = served.ask(Method::GET, &app("runs"), None, None).await;
    seen.note(&none, "not-signed-in");
    let reader = served.key(&["devices:read"], &["chat"]).await;
    let refused = served.ask(Method::GET, &app("runs"), Some(&reader), None).await;
    seen.note(&refused, "missing-scope");
    let refused = served
        .ask(Method::GET, "/v1/apps/other/accounts", Some(&reader), None)
        .await;
    seen.note(&refused, "other-app");
    let long = served
        .post(&app("runs"), json!({"reason": "x".repeat(2_000_000)}))
        .await;
    seen.note(&long, "too-large");
    let text = served.sent_as(&app("runs"), "text/plain", "users").await;
    seen.note(&text, "wrong-type");
    served.sandbox.register("ann");
    let scan = served
        .post(&app("logins/scans"), json!({}))
        .await
        .expect(202)
        .json();
    let scan = app(&format!("logins/scans/{}", scan["id"].as_str().unwrap()));
    while served.get(&scan).await.json()["state"] != "complete" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    seen.note(
        &served.get(&app("logins/count?snapshot=99")).await,
        "no-such-snapshot",
    );
}

/// What cannot be done with a run as it is.
async fn of_runs(seen: &mut Seen) {
    let served = Served::start().await;
    served.sandbox.register("ann");
    served.sandbox.sign_in("ann", "ios").unwrap();
    let runs = "/v1/apps/chat/runs";
    let now = Timestamp::now().strftime("%Y%m%d-%H%M%S").to_string();
    let mut held = logout(&["ann"]);
    (held["id"], held["hold"]) = (json!(format!("{now}-00000a")), json!(true));
    let made = served.post(runs, held.clone()).await.expect(201).json();
    let run = format!("{runs}/{}", made["id"].as_str().unwrap());
    held["users"] = json!(["bob"]);
    seen.note(&served.post(runs, held).await, "other-content");
    seen.note(&served.get(&format!("{run}/reports")).await, "not-here");
    served.append(0..1, "20260101-000000-000000");
    seen.note(
        &served.get("/v1/apps/chat/audit/entries/999999").await,
        "no-such-entry",
    );
    let unlock = json!({"action": {"kind": "unlock"}, "users": ["ann"], "reason": "test", "dry_run": true});
    seen.note(&served.post(runs, unlock).await, "not-resumable");
    served
        .sandbox
        .inject(Fault::delay("sessions.logout_all", Duration::from_secs(600)));
    let start = format!("{run}/start");
    let _ = served.post(&start, json!({})).await.expect(202);
    seen.note(&served.post(&start, json!({})).await, "busy");
    served.sandbox.release_calls();
    served.sandbox.clear_faults();
}

/// What the rules of approval refuse.
async fn of_rules(seen: &mut Seen) {
    let served = Served::start().await;
    let rules = json!({"rules": [{"verbs": ["logout", "ban"], "over_users": 1, "needs": [{"group": "leads", "count": 1}]}]});
    let put = served.ask(
        Method::PUT,
        "/v1/apps/chat/approval-rules",
        Some(ADMIN),
        Some(rules),
    );
    let _ = put.await.expect(200);
    let runs = "/v1/apps/chat/runs";
    seen.note(&served.post(runs, logout(&["ann", "bob"])).await, "needs-plan");
    let ban = json!({"action": {"kind": "ban"}, "users": ["ann", "bob"], "reason": "test"});
    let made = served.post(runs, ban).await.expect(202).json();
    let run = made["id"].as_str().unwrap();
    seen.note(
        &served.post(&format!("{runs}/{run}/start"), json!({})).await,
        "needs-approval",
    );
    let own = served
        .post(
            &format!("/v1/apps/chat/approvals/{run}/approve"),
            json!({"reason": "test"}),
        )
        .await;
    seen.note(&own, "cannot-decide");
}

/// What the server of the app answers, or does not.
async fn of_a_server_in_trouble(seen: &mut Seen) {
    let served = Served::start().await;
    served.sandbox.register("ann");
    let devices = "/v1/apps/chat/users/ann/devices";
    for (fault, path, expected) in [
        (Fault::status("devices.list", 403), devices, "upstream"),
        (Fault::cut_before("devices.list"), devices, "upstream-away"),
        (
            Fault::status("limits.get", 405),
            "/v1/apps/chat/limits",
            "unsupported",
        ),
    ] {
        served.sandbox.inject(fault);
        let answer = served.get(path).await;
        served.sandbox.clear_faults();
        seen.note(&answer, expected);
    }
}

/// What a disk does.
async fn of_records_in_trouble(seen: &mut Seen) {
    let served = Served::start().await;
    let mut held = logout(&["ann"]);
    held["hold"] = json!(true);
    let made = served
        .post("/v1/apps/chat/runs", held.clone())
        .await
        .expect(201)
        .json();
    let run = made["id"].as_str().unwrap();
    let journal = served.home.path().join("runs").join(run).join("journal.jsonl");
    std::fs::write(&journal, "no journal\n").unwrap();
    seen.note(&served.get(&format!("/v1/apps/chat/runs/{run}")).await, "broken");
    let kept = served.home.path().join("runs");
    std::fs::remove_dir_all(&kept).unwrap();
    std::fs::write(&kept, "in the way").unwrap();
    seen.note(
        &served.post("/v1/apps/chat/runs", logout(&["ann"])).await,
        "store-away",
    );
}

/// What depends on how the service is run.
async fn of_settings(seen: &mut Seen) {
    let home = Home::of(Records::Files);
    let settings = Settings {
        key_rate: std::num::NonZeroU32::new(1),
        callbacks: [("chat".to_owned(), Secrets::new(["hook-secret"]))].into(),
        ..Settings::default()
    };
    let served = Served::start_set(Sandbox::start().await.unwrap(), home, Timestamp::now, settings);
    let mut answers = Vec::new();
    for _ in 0..50 {
        answers.push(served.get("/v1/whoami").await);
    }
    let refused = answers.iter().find(|answer| answer.status == 429);
    seen.note(refused.expect("more than one in a second"), "too-many-requests");
    let at = Timestamp::now().as_millisecond();
    let post = json!({"callId": "1", "timestamp": at, "security": "0", "appkey": "easemob-demo#sandbox",
        "user": "easemob-demo#sandbox_ann@easemob.com/ios_1", "reason": "login", "status": "online", "os": "ios",
        "version": "4", "ip": "127.0.0.1:1", "host": "h"});
    let unsigned = served
        .ask(Method::POST, "/callbacks/chat", None, Some(post))
        .await;
    seen.note(&unsigned, "not-from-vendor");
}
