//! One token for all tasks.

use std::time::Duration;

use easemob_admin_api::Credentials;
use easemob_admin_sandbox::Fault;

use super::setup::{builder, client, sandbox, user};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_concurrent_calls_cause_one_token_request() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    let client = client(&sandbox);
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.list_devices(&user("ann")).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(sandbox.call_count("devices.list"), 100);
    assert_eq!(sandbox.call_count("token"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_expired_token_is_renewed_once_for_all() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    let client = client(&sandbox);
    client.fetch_token().await.unwrap();
    // Only the server's clock moves: the client believes the token to be good.
    sandbox.advance(Duration::from_secs(24 * 365 * 60 * 60));
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.list_devices(&user("ann")).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(sandbox.call_count("token"), 2);
    assert!(sandbox.call_count("devices.list") <= 200);
}

#[tokio::test]
async fn a_refused_token_is_renewed_and_the_call_succeeds() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    let client = client(&sandbox);
    client.fetch_token().await.unwrap();
    sandbox.inject(Fault::expired_token("devices.list").times(1));
    client.list_devices(&user("ann")).await.unwrap();
    assert_eq!(
        (sandbox.call_count("token"), sandbox.call_count("devices.list")),
        (2, 2)
    );
}

#[tokio::test]
async fn a_second_401_is_final() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    sandbox.inject(Fault::expired_token("devices.list"));
    let client = client(&sandbox);
    let error = client.list_devices(&user("ann")).await.unwrap_err();
    assert!(error.is_unauthorized() && !error.is_retryable(), "{error:?}");
    assert_eq!(
        (sandbox.call_count("token"), sandbox.call_count("devices.list")),
        (2, 2)
    );

    // A right that is missing is a 401 too: it must not cost a token per call.
    for _ in 0..20 {
        client.list_devices(&user("ann")).await.unwrap_err();
    }
    assert_eq!(sandbox.call_count("token"), 2);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_expires() {
    let sandbox = easemob_admin_sandbox::Sandbox::builder()
        .token_ttl(Duration::from_secs(1))
        .start()
        .await
        .unwrap();
    sandbox.register("ann");
    let clock: std::sync::Arc<super::setup::Hasty> = std::sync::Arc::default();
    let shared: std::sync::Arc<dyn easemob_admin_api::transport::clock::Clock> = clock.clone();
    let client = builder(&sandbox).clock(shared.clone()).build().unwrap();
    client.list_devices(&user("ann")).await.unwrap();
    shared
        .sleep_until(shared.now() + Duration::from_millis(950))
        .await;
    client.list_devices(&user("ann")).await.unwrap();
    assert_eq!(
        (sandbox.call_count("token"), sandbox.call_count("devices.list")),
        (2, 2)
    );
}

#[tokio::test]
async fn wrong_credentials_are_said_once_and_plainly() {
    let sandbox = sandbox().await;
    let client = builder(&sandbox)
        .credentials(Credentials::client_secret(sandbox.client_id(), "YXA6wrong"))
        .build()
        .unwrap();
    let error = client.list_devices(&user("ann")).await.unwrap_err();
    assert!(error.is_unauthorized() && !error.is_retryable(), "{error:?}");
    assert_eq!(sandbox.call_count("token"), 1);
    assert_eq!(sandbox.call_count("devices.list"), 0);
}

#[tokio::test]
async fn a_fixed_token_is_never_renewed() {
    let sandbox = sandbox().await;
    let client = builder(&sandbox)
        .credentials(Credentials::fixed_token("YWMtstale"))
        .build()
        .unwrap();
    let error = client.list_devices(&user("ann")).await.unwrap_err();
    assert!(error.is_unauthorized(), "{error:?}");
    assert_eq!(
        (sandbox.call_count("token"), sandbox.call_count("devices.list")),
        (0, 1)
    );
}

#[tokio::test]
async fn user_tokens_open_the_users_own_calls() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    sandbox.register("bob");
    let admin = client(&sandbox);
    for token in [
        admin.user_token(&user("ann"), "pw-ann").await.unwrap(),
        admin.inherit_user_token(&user("ann"), false, None).await.unwrap(),
    ] {
        let ann = builder(&sandbox)
            .credentials(Credentials::fixed_token(token.expose()))
            .build()
            .unwrap();
        ann.list_devices(&user("ann")).await.unwrap();
        assert!(
            ann.list_devices(&user("bob"))
                .await
                .unwrap_err()
                .is_unauthorized()
        );
    }
    let made = admin
        .inherit_user_token(&user("new"), true, Some(Duration::from_secs(60)))
        .await
        .unwrap();
    assert_eq!(made.lifetime, Some(Duration::from_secs(60)));
    admin.get_user(&user("new")).await.unwrap();
}
