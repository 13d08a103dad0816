//! Every method of the client once, against the sandbox.

use std::time::Duration;

use easemob_admin_api::endpoints::mutes::{MuteFor, Mutes};
use easemob_admin_api::{
    DeviceId, DeviceLimits, LimitMode, NewUser, OnlineStatus, Platform, RegisterOutcome, UserId, UserQuery,
};

use super::setup::{client, sandbox, user};

#[tokio::test]
async fn accounts() {
    let sandbox = sandbox().await;
    let client = client(&sandbox);
    let ann = client
        .register_user(NewUser::new(user("ann"), "pw-ann").nickname("Ann"))
        .await
        .unwrap();
    assert_eq!(ann.nickname.as_deref(), Some("Ann"));
    assert!(ann.uuid.is_some() && ann.created.is_some() && !ann.is_banned());
    let by_uuid = client
        .get_user(&user(ann.uuid.as_deref().unwrap()))
        .await
        .unwrap();
    assert_eq!(by_uuid.username, user("ann"));

    let batch = ["bob", "ann", "eve"].map(|name| NewUser::new(user(name), format!("pw-{name}")));
    let outcomes = client.register_users(batch.to_vec()).await.unwrap();
    let kinds: Vec<_> = outcomes
        .iter()
        .map(|(user, outcome)| (user.as_str(), matches!(outcome, RegisterOutcome::Registered(_))))
        .collect();
    assert_eq!(kinds, [("bob", true), ("ann", false), ("eve", true)]);

    client.set_password(&user("ann"), "new-password").await.unwrap();
    client.user_token(&user("ann"), "new-password").await.unwrap();
    client.user_token(&user("ann"), "pw-ann").await.unwrap_err();

    client.ban(&user("bob")).await.unwrap();
    assert!(client.get_user(&user("bob")).await.unwrap().is_banned());
    client.unban(&user("bob")).await.unwrap();
    assert!(!client.get_user(&user("bob")).await.unwrap().is_banned());

    client.delete_user(&user("bob")).await.unwrap();
    assert!(client.delete_user(&user("bob")).await.unwrap_err().is_not_found());
    assert!(
        client
            .set_password(&user("bob"), "x")
            .await
            .unwrap_err()
            .is_not_found()
    );
    let deleted = client.delete_oldest_users(1, None).await.unwrap();
    assert_eq!(deleted.items[0].username, user("ann"));
    let left = client.list_users_page(&UserQuery::new(), None).await.unwrap();
    assert_eq!(left.items.len(), 1);
}

#[tokio::test]
async fn devices_and_sessions() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    let phone = sandbox.sign_in("ann", "android").unwrap();
    sandbox.sign_in("ann", "custom5").unwrap();
    sandbox.sign_in("ann", "web").unwrap();
    let client = client(&sandbox);
    let devices = client.list_devices(&user("ann")).await.unwrap();
    let mut platforms: Vec<_> = devices.iter().map(easemob_admin_api::Device::platform).collect();
    platforms.sort();
    assert_eq!(platforms, [Platform::Android, Platform::Web, Platform::Custom(5)]);

    let phone = DeviceId::from_login_id(&phone.login_id).unwrap();
    assert!((client.logout_device(&user("ann"), &phone).await.unwrap()).is_logged_out());
    assert_eq!(sandbox.devices("ann").len(), 2);
    assert!((client.logout_all(&user("ann")).await.unwrap()).is_logged_out());
    assert!(client.list_devices(&user("ann")).await.unwrap().is_empty());
}

#[tokio::test]
async fn statuses() {
    let sandbox = sandbox().await;
    let client = client(&sandbox);
    let users: Vec<UserId> = (0..100).map(|number| user(&format!("u{number}"))).collect();
    for user in &users[..50] {
        sandbox.register(user.as_str());
        sandbox.sign_in(user.as_str(), "ios").unwrap();
    }
    let statuses = client.status_batch(&users).await.unwrap();
    assert!(
        statuses[..50]
            .iter()
            .all(|(_, status)| *status == OnlineStatus::Online)
    );
    assert!(
        statuses[50..]
            .iter()
            .all(|(_, status)| *status == OnlineStatus::Offline)
    );
    assert_eq!(client.status(&users[0]).await.unwrap(), OnlineStatus::Online);
    assert!(client.status(&users[99]).await.unwrap_err().is_not_found());
    let capitals = client.status_batch(&[user("U0")]).await.unwrap();
    assert_eq!(capitals, [(user("U0"), OnlineStatus::Online)]);
    let too_many: Vec<UserId> = (0..101).map(|number| user(&format!("u{number}"))).collect();
    assert!(client.status_batch(&too_many).await.is_err());
    assert_eq!(sandbox.call_count("status.batch"), 2);
}

#[tokio::test]
async fn limits() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    let client = client(&sandbox);
    let ann = user("ann");
    assert_eq!(client.app_limits().await.unwrap().default, Some(4));
    let limits = DeviceLimits::multi(4).with(Platform::Web, 2);
    assert_eq!(
        client
            .set_app_limits(&limits)
            .await
            .unwrap()
            .limit_of(&Platform::Web),
        Some(2)
    );
    assert_eq!(
        client.user_limits(&ann).await.unwrap().limit_of(&Platform::Web),
        Some(2)
    );

    client
        .set_user_limits(&ann, &DeviceLimits::single())
        .await
        .unwrap();
    assert_eq!(
        client.user_limits(&ann).await.unwrap().mode,
        Some(LimitMode::Single)
    );
    sandbox.sign_in("ann", "ios").unwrap();
    assert_eq!(sandbox.sign_in("ann", "web").unwrap().evicted.len(), 1);
    client.clear_user_limits(&ann).await.unwrap();
    assert_eq!(
        client.user_limits(&ann).await.unwrap().mode,
        Some(LimitMode::Multi)
    );
}

#[tokio::test]
async fn mutes_and_offline_messages() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    let client = client(&sandbox);
    let ann = user("ann");
    let hour = MuteFor::Time(Duration::from_secs(60 * 60));
    let mutes = Mutes::default().chat(hour).chat_room(MuteFor::Ever);
    client.set_mutes(&ann, mutes).await.unwrap();
    assert_eq!(client.mutes(&ann).await.unwrap().chat_room, Some(MuteFor::Ever));
    let rows = client.list_mutes(1, 50).await.unwrap();
    assert!(
        rows.iter()
            .any(|row| row.user == ann && row.mutes.chat_room == Some(MuteFor::Ever)),
        "{rows:?}"
    );
    client
        .set_mutes(&ann, Mutes::default().chat(MuteFor::Nothing))
        .await
        .unwrap();
    assert_eq!(client.mutes(&ann).await.unwrap().chat, Some(MuteFor::Nothing));

    assert_eq!(client.offline_message_counts(&ann).await.unwrap()["ann"], 0);
    client
        .offline_message_status(&ann, "1500000000000000010")
        .await
        .unwrap();
}

#[tokio::test]
async fn presence() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    sandbox.register("bob");
    let client = client(&sandbox);
    let (ann, bob) = (user("ann"), user("bob"));
    sandbox.sign_in_as("bob", "ios_1").unwrap();
    client.set_presence(&bob, "ios_1", "1", "busy").await.unwrap();
    let subscribed = client
        .subscribe_presence(&ann, std::slice::from_ref(&bob), Duration::from_secs(60 * 60))
        .await;
    assert_eq!(subscribed.unwrap()[0].ext.as_deref(), Some("busy"));
    let read = client.presence(&ann, std::slice::from_ref(&bob)).await.unwrap();
    assert_eq!(read[0].devices, [("ios_1".to_owned(), "1".to_owned())]);
    let page = client.presence_subscriptions(&ann, 1, 500).await.unwrap();
    assert_eq!((page.total, &page.subscriptions[0].0), (1, &bob));
    client.unsubscribe_presence(&ann, &[bob]).await.unwrap();
    assert_eq!(
        client.presence_subscriptions(&ann, 1, 500).await.unwrap().total,
        0
    );
    assert_eq!(client.count_online_in_group("1500").await.unwrap(), 0);
}
