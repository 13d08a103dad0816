//! A process without file descriptors.

use std::fs::File;
use std::process::Command;

use easemob_admin_api::endpoints::token::AppToken;
use easemob_admin_api::{AppRoot, Client, Credentials, Rates, Reason, RetryPolicy, UserId};
use tokio::task::JoinSet;

/// The part of the client; run by the test below under a limit of its own.
#[tokio::test]
#[ignore = "needs a limit of open files"]
async fn client() {
    let sandbox = AppRoot::parse(&std::env::var("TEST_ROOT").unwrap()).unwrap();
    let builder = || {
        Client::builder(sandbox.clone())
            .credentials(Credentials::fixed_token(std::env::var("TEST_TOKEN").unwrap()))
            .rates(Rates::unlimited())
            .retry(RetryPolicy::none())
    };
    let capped = builder().max_connections(100).build().unwrap();
    let mut calls = JoinSet::new();
    for _ in 0..600 {
        let capped = capped.clone();
        calls.spawn(async move { capped.list_devices(&UserId::parse("ann").unwrap()).await });
    }
    while let Some(call) = calls.join_next().await {
        call.unwrap().unwrap();
    }

    let mut taken = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        taken.push(file);
    }
    let ann = UserId::parse("ann").unwrap();
    let error = builder().build().unwrap().list_devices(&ann).await.unwrap_err();
    assert_eq!(error.reason(), Reason::TooManyOpenFiles, "{error}");
    assert!(
        error.to_string().contains("file descriptors") && !error.is_unreachable(),
        "{error}"
    );
    assert!(error.is_retryable() && !error.is_outcome_unknown(), "{error:?}");
    drop(taken);
}

#[tokio::test]
async fn a_process_that_may_open_no_more_files_is_told_so() {
    let sandbox = easemob_admin_sandbox::Sandbox::builder()
        .rates(easemob_admin_sandbox::Rates::unlimited())
        .start()
        .await
        .unwrap();
    sandbox.register("ann");
    let root = AppRoot::parse(&sandbox.app_root()).unwrap();
    let (id, secret) = (sandbox.client_id(), sandbox.client_secret());
    let own = Client::builder(root).credentials(Credentials::client_secret(id, secret));
    let token = own
        .build()
        .unwrap()
        .execute(&AppToken::new(id, secret))
        .await
        .unwrap();
    let mut limited = Command::new("sh");
    limited
        .args([
            "-c",
            "ulimit -n 160 && exec \"$0\" --exact it::descriptors::client --ignored",
        ])
        .arg(std::env::current_exe().unwrap())
        .env("TEST_ROOT", sandbox.app_root())
        .env("TEST_TOKEN", token.expose());
    let output = tokio::task::spawn_blocking(move || limited.output())
        .await
        .unwrap()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}
