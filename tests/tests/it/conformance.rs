//! The behaviour that client and server must agree on, run against the sandbox and, where one is
//! configured, against a real server: `EASEMOB_CONFORMANCE_APP_ROOT`, `EASEMOB_CONFORMANCE_CLIENT_ID`,
//! `EASEMOB_CONFORMANCE_CLIENT_SECRET`. Use an app made for tests: users called `conformance-…` are made
//! and deleted.

use easemob_admin_api::{
    AppRoot, Client, Credentials, DeviceId, NewUser, OnlineStatus, RegisterOutcome, UserId, UserQuery,
};
use futures_util::TryStreamExt as _;

use super::env::TestEnv;

fn user(name: &str) -> UserId {
    UserId::parse(format!("conformance-{name}")).unwrap()
}

fn client(root: &str, id: &str, secret: &str) -> Client {
    Client::builder(AppRoot::parse(root).unwrap())
        .credentials(Credentials::client_secret(id, secret))
        .build()
        .unwrap()
}

#[test]
fn the_sandbox_conforms() {
    let env = TestEnv::new();
    let sandbox = env.sandbox();
    let client = client(&sandbox.app_root(), sandbox.client_id(), sandbox.client_secret());
    env.block_on(behaves(&client));
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that did not run says so")]
fn a_configured_server_conforms() {
    let variable = |name: &str| std::env::var(format!("EASEMOB_CONFORMANCE_{name}")).ok();
    let (Some(root), Some(id), Some(secret)) = (
        variable("APP_ROOT"),
        variable("CLIENT_ID"),
        variable("CLIENT_SECRET"),
    ) else {
        eprintln!("skipped: EASEMOB_CONFORMANCE_APP_ROOT, _CLIENT_ID and _CLIENT_SECRET are not all set");
        return;
    };
    TestEnv::bare().block_on(behaves(&client(&root, &id, &secret)));
}

/// What needs devices, and so somebody to sign in.
#[test]
fn devices_of_the_sandbox_are_seen_and_ended_one_by_one() {
    let env = TestEnv::new();
    let sandbox = env.sandbox();
    let client = client(&sandbox.app_root(), sandbox.client_id(), sandbox.client_secret());
    // A bystander whose name is what a route cut at the odd character would reach.
    env.online("a", &["ios_bystander"]);
    for name in ["ann", "a/b", "a%2fb", "批量"] {
        env.online(name, &["ios_1", "android_2", "custom5_web_kiosk"]);
        let user = UserId::parse(name).unwrap();
        env.block_on(async {
            let seen = client.list_devices(&user).await.unwrap();
            let mut platforms: Vec<_> = seen.iter().map(|device| device.platform().to_string()).collect();
            platforms.sort_unstable();
            assert_eq!(platforms, ["android", "custom5", "ios"], "{name}");
            assert_eq!(
                client.status(&user).await.unwrap(),
                OnlineStatus::Online,
                "{name}"
            );

            let phone = DeviceId::parse("ios_1").unwrap();
            let _ = client.logout_device(&user, &phone).await.unwrap();
            let left = client.list_devices(&user).await.unwrap();
            assert!(
                left.len() == 2 && left.iter().all(|device| device.id != phone),
                "{name}"
            );

            let _ = client.logout_all(&user).await.unwrap();
            assert!(client.list_devices(&user).await.unwrap().is_empty(), "{name}");
            assert_eq!(
                client.status(&user).await.unwrap(),
                OnlineStatus::Offline,
                "{name}"
            );
        });
        assert_eq!(env.devices("a"), ["ios_bystander"], "beside {name}");
    }
}

async fn behaves(client: &Client) {
    client.fetch_token().await.unwrap();
    let (ann, bob, nobody) = (user("ann"), user("bob"), user("nobody"));
    for leftover in [&ann, &bob] {
        match client.delete_user(leftover).await {
            Ok(_) => {}
            Err(error) => assert!(error.is_not_found(), "{error:?}"),
        }
    }

    let made = client
        .register_user(NewUser::new(ann.clone(), "pw-conformance"))
        .await
        .unwrap();
    assert!(made.username.is_same(&ann));
    let batch = vec![
        NewUser::new(ann.clone(), "pw-conformance"),
        NewUser::new(bob.clone(), "pw-conformance"),
    ];
    let outcomes = client.register_users(batch).await.unwrap();
    assert!(
        matches!(outcomes[0].1, RegisterOutcome::Refused { .. }),
        "{outcomes:?}"
    );
    assert!(
        matches!(outcomes[1].1, RegisterOutcome::Registered(_)),
        "{outcomes:?}"
    );

    assert!(client.get_user(&ann).await.unwrap().username.is_same(&ann));
    assert!(client.get_user(&nobody).await.unwrap_err().is_not_found());
    let found = client
        .list_users(UserQuery::new())
        .try_any(|listed| std::future::ready(listed.username.is_same(&ann)))
        .await;
    assert!(found.unwrap());

    assert!(client.list_devices(&ann).await.unwrap().is_empty());
    assert_eq!(client.status(&ann).await.unwrap(), OnlineStatus::Offline);
    let batch = client.status_batch(&[ann.clone(), nobody.clone()]).await.unwrap();
    assert!(
        batch.iter().all(|(_, status)| *status == OnlineStatus::Offline),
        "{batch:?}"
    );
    // Nobody is online, so these end no session; whether the answer is true or false is not documented.
    let _ = client.logout_all(&ann).await.unwrap();
    match client
        .logout_device(&ann, &DeviceId::parse("ios_gone").unwrap())
        .await
    {
        Ok(_) => {}
        Err(error) => assert!(!error.is_outcome_unknown(), "{error:?}"),
    }

    client.ban(&ann).await.unwrap();
    assert!(client.get_user(&ann).await.unwrap().is_banned());
    client.user_token(&ann, "pw-conformance").await.unwrap_err();
    client.ban(&ann).await.unwrap();
    client.unban(&ann).await.unwrap();
    assert!(!client.get_user(&ann).await.unwrap().is_banned());

    client.set_password(&ann, "pw-changed").await.unwrap();
    assert!(
        client
            .set_password(&nobody, "pw-changed")
            .await
            .unwrap_err()
            .is_not_found()
    );
    match client.app_limits().await {
        Ok(limits) => assert!(limits.mode.is_some()),
        Err(error) => assert!(error.is_unsupported(), "{error:?}"),
    }

    client.delete_user(&ann).await.unwrap();
    client.delete_user(&bob).await.unwrap();
    assert!(client.delete_user(&ann).await.unwrap_err().is_not_found());
}
