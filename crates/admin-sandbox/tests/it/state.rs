use std::path::Path;
use std::time::Duration;

use easemob_admin_sandbox::{
    Sandbox, SandboxBuilder, SandboxClock, SandboxError, Seed, SeedUser, StateFileError,
};
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
