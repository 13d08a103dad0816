//! Every method of the client once, against the sandbox.

use std::time::Duration;

use easemob_admin_api::endpoints::messages::{
    Conversation, FileKind, Message, OlderTarget, RecallMessage, RecallOutcome,
};
use easemob_admin_api::endpoints::mutes::{MuteFor, Mutes};
use easemob_admin_api::endpoints::push::PushBinding;
use easemob_admin_api::endpoints::users::{PushDisplay, UserChanges};
use easemob_admin_api::{
    AgoraTokenSigner, AppRoot, Client, Credentials, DeviceId, DeviceLimits, Discovery, DiscoveryError,
    ExposeSecret as _, LimitMode, NewUser, OnlineStatus, Platform, RegisterOutcome, UserId, UserQuery,
};
use easemob_admin_sandbox::{Fault, Sandbox};
use futures_util::{StreamExt as _, stream};

use super::setup::{client, hasty_client, sandbox, user};

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
    assert_eq!(client.count_online_in_community("1500").await.unwrap(), 0);
}

#[tokio::test]
async fn push_tokens_and_settings() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    let (client, ann) = (client(&sandbox), user("ann"));
    for notifier in ["fcm", "apns"] {
        client
            .bind_push(&ann, PushBinding::new("d1", "t1", notifier))
            .await
            .unwrap();
    }
    let left = client.unbind_push(&ann, "d1", Some("fcm")).await.unwrap();
    assert_eq!(left, [PushBinding::new("d1", "t1", "apns")]);
    assert_eq!(client.push_bindings(&ann).await.unwrap(), left);
    let changes = UserChanges::new()
        .nickname("Ann")
        .push_display(PushDisplay::Content)
        .quiet(22, 6);
    let updated = client.update_user(&ann, changes).await.unwrap();
    assert_eq!(updated.nickname.as_deref(), Some("Ann"));
    assert_eq!(updated.extra["notification_display_style"], 1);
    let loud = client
        .update_user(&ann, UserChanges::new().not_quiet())
        .await
        .unwrap();
    assert_eq!(
        (
            loud.nickname.as_deref(),
            &loud.extra["notification_no_disturbing"]
        ),
        (Some("Ann"), &false.into())
    );
}

#[tokio::test]
async fn messages() {
    let sandbox = sandbox().await;
    for name in ["ann", "bob"] {
        sandbox.register(name);
    }
    let (client, _clock) = hasty_client(&sandbox);
    let (ann, bob) = (user("ann"), user("bob"));
    let text = Message::text("hi").from(ann.clone()).ext("k", 1);
    let both = [bob.clone(), ann.clone()];
    let sent = client.send_to_users(&both, &text).await;
    assert!(
        sent.iter().all(|(_, id)| id.as_ref().unwrap().is_some()) && sent.len() == 2,
        "{sent:?}"
    );
    let id = sent[0].1.clone().unwrap().unwrap();
    let photo = Message::file(FileKind::Image, "https://x/1").field("filename", "a.jpg");
    let groups: Vec<String> = (0..4).map(|number| number.to_string()).collect();
    let sent = client.send_to_groups(&groups, &photo).await;
    assert_eq!(
        (sent.len(), sandbox.call_count("messages.send_to_groups")),
        (4, 2)
    );
    let said = client
        .send_by_older_call(OlderTarget::Groups(vec!["7".into()]), &text)
        .await
        .unwrap();
    assert_eq!(said, [("7".to_owned(), "success".to_owned())]);
    client.broadcast(&text).await.unwrap();
    client.broadcast_to_online(&text).await.unwrap();
    assert!(client.broadcast(&text).await.unwrap_err().is_rate_limited());
    let waiting = async || client.offline_message_counts(&bob).await.unwrap()["bob"];
    assert_eq!(waiting().await, 2);
    let recall = RecallMessage::new(&id, Conversation::User(bob.clone())).by(ann.clone());
    assert_eq!(
        client.recall_message(recall.clone()).await.unwrap(),
        RecallOutcome::Recalled
    );
    assert_eq!(waiting().await, 1);
    assert_eq!(
        client.recall_message(recall).await.unwrap_err().status(),
        Some(403)
    );
    let forced = RecallMessage::new(&id, Conversation::User(bob.clone())).force();
    assert_eq!(
        client.recall_message(forced).await.unwrap(),
        RecallOutcome::Recalled
    );
    assert!(client.stored_callbacks().await.unwrap().is_empty());
    assert_eq!(
        client.retry_callbacks("202109091440").await.unwrap_err().status(),
        Some(400)
    );
}

#[tokio::test]
async fn messages_to_very_many_users_are_cut_by_the_size_of_bodies() {
    let sandbox = sandbox().await;
    let client = client(&sandbox);
    let users: Vec<UserId> = (0..700)
        .map(|number| user(&format!("user-with-a-long-name-{number}")))
        .collect();
    let sent = client.send_to_users(&users, &Message::text("hi")).await;
    let names: Vec<&UserId> = sent.iter().map(|(user, _)| user).collect();
    assert_eq!(names, users.iter().collect::<Vec<_>>());
    assert!(sent.iter().all(|(_, id)| id.as_ref().unwrap().is_some()));
    assert_eq!(sandbox.call_count("messages.send_to_users"), 4);
}

#[tokio::test]
async fn contacts_and_groups() {
    let sandbox = sandbox().await;
    for name in ["ann", "bob", "cid"] {
        sandbox.register(name);
    }
    let client = client(&sandbox);
    let (ann, bob, cid) = (user("ann"), user("bob"), user("cid"));
    let added = client.add_contact(&ann, &bob).await.unwrap();
    assert_eq!(added.unwrap().username, bob);
    assert_eq!(
        client.list_contacts(&bob).await.unwrap(),
        std::slice::from_ref(&ann)
    );
    client.remove_contact(&bob, &ann).await.unwrap();
    assert!(client.list_contacts(&ann).await.unwrap().is_empty());
    assert_eq!(
        client
            .block_users(&ann, &[bob.clone(), cid.clone()])
            .await
            .unwrap(),
        [bob.clone(), cid.clone()]
    );
    client.unblock_user(&ann, &bob).await.unwrap();
    assert_eq!(
        client.list_blocked(&ann).await.unwrap(),
        std::slice::from_ref(&cid)
    );
    assert!(
        client
            .add_contact(&ann, &user("nobody"))
            .await
            .unwrap_err()
            .is_not_found()
    );

    let made = make_group(&sandbox, &client).await;
    let page = client.list_groups_page(1, None).await.unwrap();
    assert_eq!(
        (page.items[0].id.clone(), page.items[0].owner.clone()),
        (made.clone(), Some(ann.clone()))
    );
    assert_eq!((page.items[0].members, page.next), (Some(1), None));
    assert_eq!(
        client
            .add_group_members(&made, &[bob.clone(), cid.clone()])
            .await
            .unwrap(),
        [bob.clone(), cid]
    );
    assert_eq!(
        client
            .add_group_members(&made, std::slice::from_ref(&bob))
            .await
            .unwrap_err()
            .status(),
        Some(400)
    );
    let joined = client.list_joined_groups(&bob, 1, 100).await.unwrap();
    assert_eq!((joined.len(), joined[0].name.as_deref()), (1, Some("team")));
    sandbox.sign_in("bob", "ios").unwrap();
    assert_eq!(client.count_online_in_group(&made).await.unwrap(), 1);
}

/// Makes a group of Ann's, by a call that this library has no method for.
async fn make_group(sandbox: &Sandbox, client: &Client) -> String {
    use easemob_admin_api::endpoint::{Bucket, Effect, Endpoint, Method, Path};
    use easemob_admin_api::envelope::Envelope;
    use easemob_admin_api::{DecodeError, RateLimit};
    use serde_json::{Value, json};

    struct CreateGroup;

    impl Endpoint for CreateGroup {
        const NAME: &'static str = "groups.create";
        const EFFECT: Effect = Effect::Once;
        const BUCKET: Bucket = Bucket::Own("groups.made", RateLimit::per_second(10));
        type Output = String;

        fn method(&self) -> Method {
            Method::POST
        }

        fn path(&self) -> Path {
            Path::new(["chatgroups"])
        }

        fn body(&self) -> Option<Value> {
            Some(json!({"groupname": "team", "description": "", "public": true, "owner": "ann"}))
        }

        fn decode(&self, answer: &Envelope<'_>) -> Result<String, DecodeError> {
            let data: Value = answer.data()?;
            let id = data["groupid"].as_str();
            id.map(str::to_owned).ok_or_else(|| answer.problem("no group"))
        }
    }

    let id = client.execute(&CreateGroup).await.unwrap();
    assert_eq!(sandbox.call_count("groups.create"), 1);
    id
}

#[tokio::test]
async fn tokens_of_agoras_kind_and_roots_by_app_id() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    let root = AppRoot::parse(&sandbox.app_id_root()).unwrap();
    assert_eq!(root.app_key(), None);
    let with = |credentials| {
        let builder = Client::builder(root.clone()).credentials(credentials);
        builder.transport(crate::transport()).build().unwrap()
    };
    let by_secret = with(Credentials::client_secret(
        sandbox.client_id(),
        sandbox.client_secret(),
    ));
    let signer = AgoraTokenSigner::new(sandbox.app_id(), sandbox.app_certificate());
    let hour = Duration::from_secs(60 * 60);
    let app = by_secret
        .exchange_agora_token(signer.app_token(hour))
        .await
        .unwrap();
    assert!(app.expires.is_some());
    let by_exchange = with(Credentials::fixed_token(app.access_token));
    let ann = by_exchange.get_user(&user("ann")).await.unwrap();
    // By the uuid, as the vendor's Java library has it, and by the name.
    for name in [ann.uuid.as_deref().unwrap(), "ann"] {
        let token = by_secret
            .exchange_agora_token(signer.user_token(name, hour))
            .await
            .unwrap();
        let own = with(Credentials::fixed_token(token.access_token));
        assert_eq!(own.status(&user("ann")).await.unwrap(), OnlineStatus::Offline);
        assert_eq!(
            own.list_users_page(&UserQuery::new(), None)
                .await
                .unwrap_err()
                .status(),
            Some(401)
        );
    }
    let forged = AgoraTokenSigner::new(sandbox.app_id(), "another");
    let forged = forged.app_token(hour);
    let error = by_secret.exchange_agora_token(forged.clone()).await.unwrap_err();
    assert_eq!((error.status(), error.attempts()), (Some(401), 1));
    assert!(!format!("{error:?}").contains(forged.expose_secret()));
}

#[tokio::test]
async fn open_registration() {
    let closed = sandbox().await;
    let ann = || NewUser::new(user("ann"), "pw-ann");
    let error = client(&closed).register_openly(ann()).await.unwrap_err();
    assert_eq!((error.status(), closed.call_count("token")), (Some(401), 0));
    let open = Sandbox::builder().open_registration(true).start().await.unwrap();
    let client = client(&open);
    assert_eq!(client.register_openly(ann()).await.unwrap().username, user("ann"));
    assert!(client.register_openly(ann()).await.is_err());
    assert_eq!(open.call_count("token"), 0);
}

#[tokio::test]
async fn servers_are_taken_only_from_where_the_caller_allows() {
    let sandbox = sandbox().await;
    let key = easemob_admin_api::AppKey::parse(sandbox.app_key()).unwrap();
    let ask = || Discovery::new(key.clone()).server(sandbox.rest_url());
    let set_up = |builder: easemob_admin_api::ClientBuilder| builder.transport(crate::transport());
    let found = ask().allow(sandbox.rest_url()).find_with(set_up).await.unwrap();
    assert_eq!(found, [AppRoot::parse(&sandbox.app_root()).unwrap()]);
    for refused in [
        ask(),
        ask().allow("https://*.easemob.com"),
        ask().allow("http://127.0.0.1:1"),
    ] {
        let error = refused.find_with(set_up).await.unwrap_err();
        assert!(
            matches!(error, DiscoveryError::NothingAllowed { .. }),
            "{error:?}"
        );
    }
    sandbox.inject(Fault::status("discovery.servers", 400).times(1));
    let refused = ask().allow(sandbox.rest_url()).find_with(set_up).await;
    assert!(matches!(refused, Err(DiscoveryError::Call(_))));
    let other = easemob_admin_api::AppKey::parse("x#y").unwrap();
    let unknown = Discovery::new(other)
        .server(sandbox.rest_url())
        .find_with(set_up)
        .await;
    assert!(matches!(unknown, Err(DiscoveryError::Call(_))));
}

#[tokio::test]
async fn signing_out_elsewhere_and_many_users() {
    let sandbox = sandbox().await;
    for name in ["ann", "bob"] {
        sandbox.register(name);
        for device in ["ios_1", "web_1", "android_1"] {
            sandbox.sign_in_as(name, device).unwrap();
        }
    }
    let (client, ann) = (client(&sandbox), user("ann"));
    let gone = client
        .logout_elsewhere(&ann, &DeviceId::parse("web_2").unwrap())
        .await
        .unwrap();
    assert!(!gone.kept && gone.others.is_empty());
    assert_eq!(
        (
            sandbox.devices("ann").len(),
            sandbox.call_count("sessions.logout_device")
        ),
        (3, 0)
    );
    let elsewhere = client
        .logout_elsewhere(&ann, &DeviceId::parse("web_1").unwrap())
        .await
        .unwrap();
    assert!(
        elsewhere.kept
            && elsewhere
                .others
                .iter()
                .all(|(_, outcome)| outcome.as_ref().unwrap().is_logged_out())
    );
    let left: Vec<String> = sandbox
        .devices("ann")
        .into_iter()
        .map(|device| device.resource)
        .collect();
    assert_eq!(left, ["web_1"]);
    assert_eq!(
        (
            sandbox.call_count("devices.list"),
            sandbox.call_count("sessions.logout_device")
        ),
        (2, 2)
    );

    let users = [ann, user("nobody"), user("bob")];
    let outcomes: Vec<_> = client.logout_all_of(stream::iter(users), 2).collect().await;
    assert_eq!(outcomes.iter().filter(|(_, outcome)| outcome.is_ok()).count(), 2);
    let failed = outcomes.iter().find(|(_, outcome)| outcome.is_err()).unwrap();
    assert_eq!(failed.0, user("nobody"));
    assert!(sandbox.devices("ann").is_empty() && sandbox.devices("bob").is_empty());
    assert_eq!(sandbox.call_count("sessions.logout_all"), 3);
}

/// How many calls are under way is known by what the sandbox has answered while the first ones are held up.
#[tokio::test]
async fn a_stream_of_logouts_goes_no_faster_than_it_is_asked() {
    let sandbox = sandbox().await;
    let client = client(&sandbox);
    let users: Vec<UserId> = (0..6).map(|number| user(&format!("u{number}"))).collect();
    for user in &users {
        sandbox.register(user.as_str());
    }
    let taken = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = {
        let taken = std::sync::Arc::clone(&taken);
        stream::iter(users).inspect(move |_| {
            taken.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        })
    };
    let mut outcomes = Box::pin(client.logout_all_of(counted, 2));
    let mut seen = 0;
    while outcomes.next().await.is_some() {
        seen += 1;
        let taken = taken.load(std::sync::atomic::Ordering::Relaxed);
        assert!(
            taken <= seen + 2,
            "{taken} users were taken when {seen} were done"
        );
    }
    assert_eq!(seen, 6);
}
