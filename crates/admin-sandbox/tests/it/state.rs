use std::path::Path;
use std::time::Duration;

use easemob_admin_sandbox::{
    LiveEvent, Sandbox, SandboxBuilder, SandboxClock, SandboxError, Seed, SeedUser, StateFileError,
};
use reqwest::Method;
use serde_json::json;

use crate::api::Api;

fn kept_in(folder: &Path) -> SandboxBuilder {
    let ann = SeedUser {
        username: "ann".into(),
        ..SeedUser::default()
    };
    Sandbox::builder()
        .state_file(folder.join("state.json"))
        .clock(SandboxClock::manual(1_000))
        .seed(Seed {
            limits: None,
            users: vec![ann],
        })
        .lock_wait(Duration::ZERO)
}

#[tokio::test]
async fn the_state_outlives_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let api = Api::with(kept_in(folder.path())).await;
    api.sandbox.sign_in("ann", "ios").unwrap();
    api.put("/devices/limits", json!({"default": 2})).await;
    api.sandbox.register("bob");
    api.sandbox.advance(Duration::from_secs(9));
    let (secret, token, devices) = (
        api.sandbox.client_secret().to_owned(),
        api.token.clone(),
        api.sandbox.devices("ann"),
    );
    api.sandbox.shutdown().await.unwrap();

    let mut api = Api::with(kept_in(folder.path())).await;
    assert_eq!(api.sandbox.client_secret(), secret);
    assert_eq!(api.sandbox.devices("ann"), devices);
    assert_eq!(api.sandbox.clock().now_ms(), 10_000);
    api.token = token;
    assert_eq!(api.get("/devices/limits").await.data()["default"], 2);
    // A seed is for new states only: it would have made ann anew.
    assert_eq!(api.get("/users").await.json()["count"], 2);
}

/// What version 94936f1 left, with a group as that version wrote it. It kept messages nowhere.
fn left_by_94936f1() -> serde_json::Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/fixtures/data-94936f1/server.json"
    );
    let mut state: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    state["state"]["groups"] = json!({
        "all": {"1711929600000": {
            "name": "team", "description": "d", "owner": "plan1", "admins": [], "members": ["plan1", "plan2"],
            "entry": {"door": "open", "members_invite": true, "invite_confirm": false},
            "asked": [], "invited": [], "blocked": [], "muted": {"plan2": 5}, "all_muted": false,
            "attributes": {"plan1": {"nick": "P"}},
        }},
        "threads": {},
        "last_id": 1_711_929_600_000_u64,
    });
    state
}

#[tokio::test]
async fn an_earlier_version_s_users_and_groups_are_read_and_messages_are_kept_from_then_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    std::fs::write(&path, left_by_94936f1().to_string()).unwrap();
    for kept in [0, 1] {
        let api = Api::with(Sandbox::builder().app("acme#chat").state_file(&path)).await;
        let root = api.sandbox.app_root();
        assert!(root.ends_with("/acme/chat"), "{root}");
        assert!(api.get("/users/plan2").await.json()["entities"][0]["username"] == "plan2");
        let group = api.get("/chatgroups/1711929600000").await.data();
        assert_eq!(
            (&group[0]["name"], &group[0]["affiliations_count"]),
            (&json!("team"), &json!(2))
        );
        let queue = json!({"queue": "1711929600000@conference.easemob.com"});
        let history = api.post("/users/plan2/messageroaming", queue).await;
        assert_eq!(history.data()["msgs"].as_array().unwrap().len(), kept);
        let message = json!({"from": "plan1", "to": ["1711929600000"], "type": "txt", "body": {"msg": "x"}});
        assert_eq!(api.post("/messages/chatgroups", message).await.status, 200);
        api.sandbox.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn dropping_saves_too() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = kept_in(folder.path()).start().await.unwrap();
    sandbox.register("bob");
    drop(sandbox);
    let sandbox = kept_in(folder.path()).start().await.unwrap();
    assert!(sandbox.sign_in("bob", "ios").is_ok());
}

#[tokio::test]
async fn changes_are_saved_while_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = kept_in(folder.path()).start().await.unwrap();
    sandbox.register("carol");
    let path = folder.path().join("state.json");
    for _ in 0..200 {
        if std::fs::read_to_string(&path).unwrap().contains("carol") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("not saved");
}

#[tokio::test]
async fn two_sandboxes_do_not_share_a_state() {
    let folder = tempfile::tempdir().unwrap();
    let held = kept_in(folder.path()).start().await.unwrap();
    let error = kept_in(folder.path()).start().await.unwrap_err();
    assert!(
        matches!(error, SandboxError::StateFile(StateFileError::Locked { .. })),
        "{error}"
    );
    let waiting = tokio::spawn(kept_in(folder.path()).lock_wait(Duration::from_secs(10)).start());
    held.shutdown().await.unwrap();
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_foreign_file_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    for text in ["", "{\"format\":", "{\"notes\": []}"] {
        std::fs::write(&path, text).unwrap();
        assert!(kept_in(folder.path()).start().await.is_err(), "{text}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
}

#[tokio::test]
async fn a_state_that_cannot_be_saved_is_told_and_saved_later() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("state");
    std::fs::create_dir(&inner).unwrap();
    let api = Api::with(kept_in(&inner)).await;
    let mut events = api.sandbox.watch();
    // A folder that is gone cannot be written to, whoever tries.
    let away = folder.path().join("away");
    std::fs::rename(&inner, &away).unwrap();
    api.sandbox.register("bob");
    let told = async {
        loop {
            let event = events.recv().await.unwrap().event;
            if let LiveEvent::NotSaved { reason } = event {
                return reason;
            }
        }
    };
    let reason = tokio::time::timeout(Duration::from_secs(10), told).await.unwrap();
    let health = async || api.control(Method::GET, "health", None).await.json();
    let unwell = health().await;
    assert_eq!(
        (&unwell["status"], &unwell["reason"]),
        (&json!("state not saved"), &json!(reason))
    );
    std::fs::rename(&away, &inner).unwrap();
    while health().await["status"] != "ok" {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let text = std::fs::read_to_string(inner.join("state.json")).unwrap();
    assert!(text.contains("bob"));
}
