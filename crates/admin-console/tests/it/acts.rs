//! Who may act, and what an act has to be confirmed with. The script of the pages checks the same; it is not there here.

use axum::http::Method;
use easemob_admin_remote::api::Scope;
use serde_json::{Value, json};

use super::browser::Site;

/// A run of 25 users that nobody has begun.
async fn held(site: &Site, kind: &str) -> String {
    let users: Vec<String> = (0..25).map(|number| format!("user{number}")).collect();
    for user in &users {
        site.sandbox.register(user);
        site.sandbox.sign_in(user, "ios").unwrap();
    }
    let action = match kind {
        "logout" => json!({"kind": "logout", "selection": {}}),
        kind => json!({"kind": kind}),
    };
    let body = json!({"action": action, "users": users, "reason": "leak", "hold": true});
    let run = site.api(Method::POST, "/v1/apps/chat/runs", body).await;
    run["id"].as_str().unwrap().to_owned()
}

async fn state(site: &Site, run: &str) -> Value {
    let run = site
        .api(Method::GET, &format!("/v1/apps/chat/runs/{run}"), Value::Null)
        .await;
    run["state"].clone()
}

const OPERATOR: [Scope; 2] = [Scope::SessionsPlan, Scope::SessionsApply];

#[tokio::test(flavor = "multi_thread")]
async fn a_large_act_wants_the_name_of_the_app_and_the_number_that_was_shown() {
    let site = Site::start().await;
    let run = held(&site, "logout").await;
    let mut ann = site.signed_in("ann", &OPERATOR).await;
    let resume = format!("/console/chat/runs/{run}/resume");
    let page = ann.get(&resume).await.expect(200);
    assert!(page.text.contains("data-typed"), "{page:?}");
    let app = site.sandbox.app_key().to_owned();
    for (typed, users, status) in [
        ("", "25", 422),
        (&*app.to_uppercase(), "25", 422),
        (&*app, "", 409),
        (&*app, "24", 409),
    ] {
        let _ = ann
            .post(&resume, &[("typed", typed), ("users", users)])
            .await
            .expect(status);
        assert_eq!(state(&site, &run).await, "unfinished", "{typed} {users}");
    }
    let guessed = [("typed", &*app), ("users", "25"), ("form", "guessed")];
    let _ = ann.send(Method::POST, &resume, &guessed).await.expect(403);
    assert_eq!(site.sandbox.call_count("sessions.logout_all"), 0);
    let _ = ann
        .post(&resume, &[("typed", &app), ("users", "25")])
        .await
        .expect(303);
    while state(&site, &run).await != "done" {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(site.sandbox.devices("user24").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_only_read_is_refused_by_every_act() {
    let site = Site::start().await;
    let run = held(&site, "ban").await;
    let mut reader = site
        .signed_in("eve", &[Scope::DevicesRead, Scope::AuditRead])
        .await;
    let page = reader.get(&format!("/console/chat/runs/{run}")).await.expect(200);
    for word in ["Go on with", "Pause…", "Stop…", "Retry"] {
        assert!(!page.text.contains(word), "{word}");
    }
    let app = site.sandbox.app_key().to_owned();
    let fields = [
        ("typed", app.as_str()),
        ("users", "25"),
        ("reason", "x"),
        ("decision", "approve"),
        ("list", "user1"),
        ("step", "plan"),
    ];
    for path in ["resume", "retry", "pause", "stop"] {
        let _ = reader
            .post(&format!("/console/chat/runs/{run}/{path}"), &fields)
            .await
            .expect(403);
    }
    let _ = reader.post("/console/chat/bulk", &fields).await.expect(403);
    assert_eq!(site.sandbox.call_count("users.ban"), 0);
    assert_eq!(state(&site, &run).await, "unfinished");
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_wants_a_reason_and_nothing_else() {
    let site = Site::start().await;
    let run = held(&site, "logout").await;
    // Whoever may only preview may stop: that is the safe act.
    let mut planner = site.signed_in("pat", &[Scope::SessionsPlan]).await;
    let stop = format!("/console/chat/runs/{run}/stop");
    let page = planner.get(&stop).await.expect(200);
    assert!(
        !page.text.contains("data-typed") && !page.text.contains("btn--danger"),
        "{page:?}"
    );
    let _ = planner.post(&stop, &[("reason", "  ")]).await.expect(422);
    let _ = planner.post(&stop, &[("reason", "wrong list")]).await.expect(303);
    let trail = site
        .api(
            Method::GET,
            &format!("/v1/apps/chat/audit?run={run}&all=true"),
            Value::Null,
        )
        .await;
    assert!(trail.to_string().contains("wrong list"), "{trail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_valid_as_a_whole_or_not_used() {
    let site = Site::start().await;
    let _ = held(&site, "logout").await;
    let mut ann = site.signed_in("ann", &OPERATOR).await;
    let list = "user1\nuser2,\n<script>x</script>\nUSER1";
    let page = ann
        .post_and_go_on(
            "/console/chat/bulk",
            &[("list", list), ("step", "plan"), ("reason", "x")],
        )
        .await;
    assert!(
        page.text.contains("The list has lines that name nobody") && !page.text.contains("<script>x"),
        "{page:?}"
    );
    let taken = ann
        .post_and_go_on("/console/chat/bulk", &[("list", list), ("take", "2")])
        .await;
    assert!(taken.text.contains("user1\nuser2\n"), "{taken:?}");
    let made = ann
        .post(
            "/console/chat/bulk",
            &[("list", list), ("skip", "on"), ("step", "plan"), ("reason", "x")],
        )
        .await
        .expect(303);
    let run = made.place().rsplit('/').next().unwrap().to_owned();
    let seen = site
        .api(Method::GET, &format!("/v1/apps/chat/runs/{run}"), Value::Null)
        .await;
    assert_eq!(
        (&seen["users"], &seen["state"]),
        (&json!(1), &json!("unfinished"))
    );
    assert_eq!(
        site.sandbox.call_count("sessions.logout_all") + site.sandbox.call_count("sessions.logout_device"),
        0
    );
    let nobody = ann
        .post_and_go_on(
            "/console/chat/bulk",
            &[("list", "# nobody"), ("step", "plan"), ("reason", "x")],
        )
        .await;
    assert!(
        nobody.text.contains("The list names nobody"),
        "an empty list is not everybody"
    );
}
