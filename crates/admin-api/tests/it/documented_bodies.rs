//! Every body that the public pages, the vendor's SDKs and recorded tests show, decoded.

use std::time::Duration;

use easemob_admin_api::endpoint::Endpoint;
use easemob_admin_api::endpoints::bans::{Ban, Unban};
use easemob_admin_api::endpoints::devices::ListDevices;
use easemob_admin_api::endpoints::limits::{GetLimits, SetLimits};
use easemob_admin_api::endpoints::mutes::{GetMutes, ListMutes, MuteFor, Mutes, SetMutes};
use easemob_admin_api::endpoints::offline::{CountOfflineMessages, GetOfflineMessageStatus, MessageStatus};
use easemob_admin_api::endpoints::password::SetPassword;
use easemob_admin_api::endpoints::presence::{
    CountIn, CountOnline, GetPresence, ListSubscriptions, SetPresence, Subscribe, Unsubscribe,
};
use easemob_admin_api::endpoints::sessions::{DisconnectVerb, LogoutAll, LogoutDevice};
use easemob_admin_api::endpoints::status::{GetStatus, GetStatusBatch};
use easemob_admin_api::endpoints::token::{InheritUserToken, UserTokenByPassword};
use easemob_admin_api::endpoints::users::{
    DeleteOldestUsers, DeleteUser, GetUser, ListUsers, RegisterUser, RegisterUsers,
};
use easemob_admin_api::envelope::Envelope;
use easemob_admin_api::{
    Cursor, DecodeError, DeviceId, DeviceLimits, ExpiresIn, LogoutOutcome, NewUser, OnlineStatus, Platform,
    RegisterOutcome, UserQuery,
};

use super::setup::user;

fn decode<E: Endpoint>(endpoint: &E, body: &str) -> E::Output {
    try_decode(endpoint, body).unwrap_or_else(|error| panic!("{}: {error}\n{body}", E::NAME))
}

fn try_decode<E: Endpoint>(endpoint: &E, body: &str) -> Result<E::Output, DecodeError> {
    Envelope::decode(endpoint, body.as_bytes())
}

fn new(name: &str) -> NewUser {
    NewUser::new(user(name), "pw")
}

#[test]
fn tokens() {
    let by_password = UserTokenByPassword::new(user("ann"), "pw");
    let inherit = InheritUserToken::new(user("ann"));
    let inherit_on_vip = InheritUserToken::new(user("ann")).unit(ExpiresIn::Milliseconds);
    let app = r#"{"access_token":"YWMt1","expires_in":7200,"application":"8be0"}"#;
    assert_eq!(
        decode(&inherit, app).lifetime,
        Some(Duration::from_secs(2 * 60 * 60))
    );
    assert_eq!(
        decode(&inherit, r#"{"access_token":"YWMt1","expires_in":7200}"#).expose(),
        "YWMt1"
    );
    assert_eq!(decode(&inherit, r#"{"access_token":"YWMt1"}"#).lifetime, None);
    assert_eq!(
        decode(&inherit, r#"{"access_token":"YWMt1","expires_in":0}"#).lifetime,
        None
    );
    assert_eq!(
        decode(&inherit_on_vip, r#"{"access_token":"YWMt1","expires_in":60000}"#).lifetime,
        Some(Duration::from_secs(60))
    );
    let of_user = r#"{"access_token":"YWMt1","expires_in":604800,"user":{"uuid":"1-2","type":"user",
        "created":1712000000001,"modified":1712000000001,"username":"ann","activated":true}}"#;
    assert_eq!(decode(&by_password, of_user).user.unwrap().username, user("ann"));
}

#[test]
fn registration() {
    let single = r#"{"action":"post","application":"8be0","path":"/users","uri":"https://h/o/a/users",
        "entities":[{"uuid":"1-2","type":"user","created":1712000000001,"modified":1712000000001,
        "username":"ann","activated":true,"nickname":"Ann"}],"timestamp":1712000000002,"duration":0,
        "organization":"o","applicationName":"a"}"#;
    let registered = decode(&RegisterUser { user: new("ann") }, single);
    assert_eq!(registered.created.unwrap().0, 1_712_000_000_001);

    let batch = RegisterUsers {
        users: vec![new("u8"), new("u9")],
    };
    let partial = r#"{"action":"post","entities":[{"username":"u8"}],"timestamp":1,"duration":2,
        "data":[{"username":"u9","registerUserFailReason":"the u9 already exists"}]}"#;
    let outcomes = decode(&batch, partial);
    assert!(matches!(&outcomes[0].1, RegisterOutcome::Registered(made) if made.username == user("u8")));
    assert!(
        matches!(&outcomes[1].1, RegisterOutcome::Refused { reason } if reason == "the u9 already exists")
    );
    for complete in [
        r#"{"entities":[{"username":"u8"},{"username":"U9"}],"data":[]}"#,
        r#"{"entities":[{"username":"u8"},{"username":"u9"}]}"#,
    ] {
        let outcomes = decode(&batch, complete);
        assert!(
            outcomes
                .iter()
                .all(|(_, outcome)| matches!(outcome, RegisterOutcome::Registered(_)))
        );
    }
    let silent = decode(&batch, r#"{"entities":[]}"#);
    assert!(matches!(silent[0].1, RegisterOutcome::Unreported));
}

#[test]
fn users() {
    let get = GetUser { user: user("ann") };
    let full = r#"{"action":"get","path":"/users","uri":"https://h/o/a/users/ann","entities":[{"uuid":"1-2",
        "type":"user","created":1712000000001,"modified":1712000000002,"username":"ann","activated":false,
        "notification_display_style":1,"notification_no_disturbing":true,
        "notification_no_disturbing_start":"1","notification_no_disturbing_end":3,
        "notification_ignore_1500":true,"notifier_name":"2882","device_token":"t0",
        "pushInfo":[{"device_Id":"d","device_token":"t","notifier_name":"n"}]}],
        "timestamp":1712000000003,"duration":4,"count":1}"#;
    let ann = decode(&get, full);
    assert!(ann.is_banned());
    assert_eq!(ann.extra["notification_ignore_1500"], true);
    assert_eq!(
        decode(&get, r#"{"entities":[{"username":"ann"}]}"#).activated,
        None
    );
    assert!(try_decode(&get, r#"{"entities":[]}"#).is_err());

    let list = |cursor: Option<&str>| ListUsers {
        query: UserQuery::new(),
        cursor: cursor.map(Cursor::new),
    };
    let page = decode(
        &list(None),
        r#"{"action":"get","params":{"limit":["2"]},"path":"/users","uri":"http://h/o/a/users",
        "entities":[{"username":"ann"},{"username":"bob"}],"timestamp":1,"duration":1,"count":2,
        "cursor":"LTgzNDAxMjM3"}"#,
    );
    assert_eq!(
        (page.items.len(), page.next),
        (2, Some(Cursor::new("LTgzNDAxMjM3")))
    );
    let final_page = r#"{"entities":[{"username":"eve"}],"count":1,"cursor":"LTgzNDAxMjM3"}"#;
    assert_eq!(decode(&list(Some("LTgzNDAxMjM3")), final_page).next, None);
    assert_eq!(
        decode(&list(None), r#"{"entities":[{"username":"eve"}]}"#).next,
        None
    );

    let deleted =
        r#"{"action":"delete","application":"8be0","path":"/users","entities":[{"username":"ann"}]}"#;
    assert_eq!(
        decode(&DeleteUser { user: user("ann") }, deleted).username,
        user("ann")
    );
    let oldest = DeleteOldestUsers {
        count: 30,
        cursor: None,
    };
    let many =
        r#"{"action":"delete","params":{"limit":["30"]},"entities":[{"username":"ann"}],"cursor":"c"}"#;
    assert_eq!(decode(&oldest, many).items.len(), 1);
}

#[test]
fn password_and_bans() {
    let set = SetPassword::new(user("ann"), "pw");
    decode(
        &set,
        r#"{"action":"set user password","timestamp":1712000000001,"duration":8}"#,
    );
    decode(&set, "{}");
    let ban = Ban { user: user("ann") };
    decode(
        &ban,
        r#"{"action":"Deactivate user","entities":[{"username":"ann","activated":false}],"duration":9}"#,
    );
    decode(
        &Unban { user: user("ann") },
        r#"{"action":"activate user","timestamp":1,"duration":9}"#,
    );
    decode(&Unban { user: user("ann") }, "{}");
}

#[test]
fn statuses() {
    let get = GetStatus { user: user("Ann") };
    let online = r#"{"path":"/users/ann/status","uri":"http://h","timestamp":1,"organization":"o",
        "entities":[],"action":"get","data":{"ann":"online"},"duration":1,"applicationName":"a","count":0}"#;
    assert_eq!(decode(&get, online), OnlineStatus::Online);
    assert_eq!(
        decode(&get, r#"{"data":{"ann":"busy"}}"#),
        OnlineStatus::Other("busy".into())
    );
    assert_eq!(decode(&get, r#"{"data":{}}"#), OnlineStatus::Unreported);

    let batch = GetStatusBatch {
        users: vec![user("ann"), user("Bob"), user("eve")],
    };
    let body = r#"{"action":"get batch user status","data":[{"ann":"offline"},{"bob":"online"}],
        "timestamp":1,"duration":1}"#;
    let statuses: Vec<_> = decode(&batch, body)
        .into_iter()
        .map(|(_, status)| status)
        .collect();
    assert_eq!(
        statuses,
        [
            OnlineStatus::Offline,
            OnlineStatus::Online,
            OnlineStatus::Unreported
        ]
    );
}

#[test]
fn devices() {
    let list = ListDevices { user: user("ann") };
    let body = r#"{"path":"/users/ann/resources","uri":"https://h/o/a/users/ann/resources",
        "timestamp":1712000000002,"organization":"o","application":"8be0","entities":[],"action":"get",
        "data":[{"res":"android_55ab","device_uuid":"9f-01","device_name":"Pixel-X"}],"duration":3,
        "applicationName":"a"}"#;
    let devices = decode(&list, body);
    assert_eq!(devices[0].platform(), Platform::Android);
    assert_eq!(devices[0].name.as_deref(), Some("Pixel-X"));
    assert!(decode(&list, r#"{"data":[]}"#).is_empty());
    assert_eq!(
        decode(&list, r#"{"data":[{"res":"tv_1","device_name":""}]}"#)[0].name,
        None
    );
    // Without a list nobody knows what is online: that must not pass for "none".
    assert!(try_decode(&list, "{}").is_err());
    assert!(try_decode(&list, r#"{"data":null}"#).is_err());
}

#[test]
fn logouts() {
    let all = LogoutAll { user: user("ann") };
    let body = r#"{"path":"/users/ann/disconnect","uri":"https://h","timestamp":1,"organization":"o",
        "application":"8be0","entities":[],"action":"get","data":{"result":true},"duration":1,
        "applicationName":"a","count":0}"#;
    assert!((decode(&all, body)).is_logged_out());
    let device = DeviceId::parse("ios_1").unwrap();
    let one = LogoutDevice {
        user: user("ann"),
        device,
        verb: DisconnectVerb::Delete,
    };
    assert!((decode(&one, r#"{"data":{"result":true}}"#)).is_logged_out());
    assert_eq!(
        decode(&one, r#"{"data":{"result":false}}"#),
        LogoutOutcome::NotLoggedOut
    );
    for unconfirmed in ["{}", r#"{"data":{}}"#, r#"{"data":{"result":null}}"#] {
        assert!(try_decode(&one, unconfirmed).is_err(), "{unconfirmed}");
    }
}

#[test]
fn mutes() {
    let set = SetMutes {
        user: user("ann"),
        mutes: Mutes::default(),
    };
    decode(&set, r#"{"path":"/mutes","data":{"result":"ok"},"duration":1}"#);
    let get = GetMutes { user: user("ann") };
    for name in ["o#a_ann", "ann"] {
        let body = format!(
            r#"{{"data":{{"userid":"{name}","chat":0,"groupchat":3600,"chatroom":-1,"unixtime":1712345678}}}}"#
        );
        let mutes = decode(&get, &body);
        assert_eq!(
            (mutes.chat, mutes.chat_room),
            (Some(MuteFor::Nothing), Some(MuteFor::Ever))
        );
    }
    let list = ListMutes {
        page: 1,
        page_size: 50,
    };
    let body = r#"{"data":{"data":[{"username":"ann","chat":10},{"userid":"o#a_b_c","chatroom":0}],
        "unixtime":1712345678}}"#;
    let names: Vec<_> = decode(&list, body)
        .into_iter()
        .map(|row| row.user.to_string())
        .collect();
    assert_eq!(
        names,
        ["ann", "o#a_b_c"],
        "which part is the app key, only the client knows"
    );
}

#[test]
fn offline_messages() {
    let count = CountOfflineMessages { user: user("ann") };
    assert_eq!(decode(&count, r#"{"data":{"ann":0},"count":0}"#)["ann"], 0);
    assert_eq!(decode(&count, r#"{"data":{"ann":"12"}}"#)["ann"], 12);
    assert_eq!(decode(&count, r#"{"data":{"user1":1,"user2":2}}"#).len(), 2);
    let status = GetOfflineMessageStatus {
        user: user("ann"),
        message_id: "77".into(),
    };
    assert_eq!(
        decode(&status, r#"{"data":{"77":"delivered"}}"#),
        MessageStatus::Delivered
    );
    assert_eq!(
        decode(&status, r#"{"data":{"77":"undelivered"}}"#),
        MessageStatus::Undelivered
    );
}

#[test]
fn presence() {
    let (ann, bob) = (user("ann"), user("bob"));
    let set = SetPresence {
        user: ann.clone(),
        device: "ios".into(),
        status: "1".into(),
        ext: String::new(),
    };
    decode(&set, r#"{"result":"ok"}"#);
    let lifetime = std::time::Duration::from_secs(60);
    let subscribe = Subscribe {
        user: ann.clone(),
        to: vec![bob.clone()],
        lifetime,
    };
    let body = r#"{"result":[{"uid":"","last_time":"1712345678","expiry":"1712345738","ext":"x",
        "status":{"android":"0"}}]}"#;
    let subscribed = decode(&subscribe, body);
    assert_eq!(
        (&subscribed[0].user, subscribed[0].expiry),
        (&None, Some(1_712_345_738))
    );
    let get = GetPresence {
        user: ann.clone(),
        about: vec![bob.clone()],
    };
    let twice =
        r#"{"result":[{"uid":"bob","last_time":"1712345678","ext":"","status":{"ios_1":"1","ios_1":"0"}}]}"#;
    assert_eq!(decode(&get, twice)[0].devices.len(), 2);
    let numbers = r#"{"result":[{"uid":"bob","last_time":1712345678,"status":{"ios_1":1}}]}"#;
    assert_eq!(decode(&get, numbers)[0].devices[0].1, "1");
    decode(
        &Unsubscribe {
            user: ann.clone(),
            from: vec![bob],
        },
        r#"{"result":"ok"}"#,
    );
    let list = ListSubscriptions {
        user: ann,
        page: 1,
        page_size: 500,
    };
    let page = decode(
        &list,
        r#"{"result":{"totalnum":"1","sublist":[{"uid":"a","expiry":"1712345678"}]}}"#,
    );
    assert_eq!((page.total, page.subscriptions.len()), (1, 1));
    assert_eq!(
        decode(
            &CountOnline {
                id: "1".into(),
                of: CountIn::Group
            },
            r#"{"result":37}"#
        ),
        37
    );
}

#[test]
fn limits() {
    let body = r#"{"action":"get","data":{"mode":"multi","default":4,"platforms":{"web":2}},"duration":1}"#;
    let limits = DeviceLimits::multi(4).with(Platform::Web, 2);
    assert_eq!(decode(&GetLimits { user: None }, body), limits);
    let set = SetLimits {
        user: None,
        limits: limits.clone(),
    };
    assert_eq!(decode(&set, body), limits);
    assert_eq!(decode(&set, "{}"), limits);
}

/// The error envelopes of the catalogue, as any call may receive them.
#[test]
fn refusals() {
    for (error, description) in [
        ("unauthorized", "Unable to authenticate (OAuth)"),
        (
            "auth_bad_access_token",
            "Unable to authenticate due to corrupt access token",
        ),
        ("service_resource_not_found", "Service resource not found"),
        (
            "organization_application_not_found",
            "Could not find application for o/a from URI: a",
        ),
        (
            "illegal_argument",
            "request body exceeds maximum limit, maximum limit is 100",
        ),
        ("reach_limit", "This request has reached api limit"),
        ("service open exception", "the app not open presence"),
    ] {
        for exception in [
            "",
            r#""exception":"org.apache.usergrid.X","#,
            r#""exception":"UserNotFoundException","#,
        ] {
            let body = format!(
                r#"{{"error":"{error}",{exception}"timestamp":1712000000001,"duration":0,"error_description":"{description}"}}"#
            );
            let refused = try_decode(&ListDevices { user: user("ann") }, &body).unwrap_err();
            assert!(
                refused.problem.contains(error) && refused.problem.contains(description),
                "{refused}"
            );
        }
    }
}

#[test]
fn messages_push_tokens_and_stored_callbacks() {
    use easemob_admin_api::endpoints::callbacks::{ListStoredCallbacks, RetryCallbacks};
    use easemob_admin_api::endpoints::contacts::{AddContact, BlockUsers, ListContacts};
    use easemob_admin_api::endpoints::groups::{AddGroupMembers, ListGroups, ListJoinedGroups};
    use easemob_admin_api::endpoints::messages::{
        BroadcastToAll, Conversation, ExportMessages, Message, MessageHour, OlderTarget, RecallMessage,
        RecallOutcome, SendOlder, SendToUsers,
    };
    use easemob_admin_api::endpoints::push::{ListPushBindings, PushBinding};
    use easemob_admin_api::{ExposeSecret as _, UnixMillis};

    let message = || Message::text("hi");
    let send = SendToUsers {
        users: vec![user("user2"), user("user3")],
        message: message(),
    };
    let body = r#"{"path":"/messages/users","timestamp":1657254052191,"action":"post","data":{"user2":"1029457500870543736"},"duration":0}"#;
    assert_eq!(
        decode(&send, body),
        [Some("1029457500870543736".to_owned()), None]
    );
    let older = SendOlder {
        target: OlderTarget::Users(vec![user("user2")]),
        message: message(),
    };
    assert_eq!(
        decode(&older, r#"{"action":"post","data":{"user2":"success"}}"#),
        [("user2".to_owned(), "success".to_owned())]
    );
    let broadcast = BroadcastToAll { message: message() };
    assert_eq!(
        decode(
            &broadcast,
            r#"{"action":"post","data":{"id":1365344904091349007}}"#
        ),
        "1365344904091349007"
    );
    let recall = RecallMessage::new("1", Conversation::User(user("user2")));
    let body =
        r#"{"action":"post","data":{"recalled":"yes","chattype":"chat","from":"a","to":"b","msg_id":"1"}}"#;
    assert_eq!(decode(&recall, body), RecallOutcome::Recalled);
    let hour = MessageHour::new(2018, 11, 27, 17).unwrap();
    let body = r#"{"action":"get","data":[{"url":"http://x?Expires=1543316122&OSSAccessKeyId=k&Signature=s"}],"timestamp":1}"#;
    let files = decode(&ExportMessages { hour }, body);
    assert!(files[0].expose_secret().starts_with("http://x?Expires"));

    let bindings = ListPushBindings { user: user("ann") };
    let body = r#"{"timestamp":1688031327535,"entities":[{"device_id":"8ce0","device_token":"BAEA","notifier_name":"104410638"}],"action":"get","duration":6}"#;
    assert_eq!(
        decode(&bindings, body),
        [PushBinding::new("8ce0", "BAEA", "104410638")]
    );

    let body = r#"{"path":"/callbacks","action":"post","data":[{"date":"202109091440","size":15,"retry":0}],"duration":153}"#;
    assert_eq!(decode(&ListStoredCallbacks, body)[0].posts, 15);
    let retry = RetryCallbacks::new("202109091440");
    decode(&retry, r#"{"action":"post","data":"success"}"#);
    assert!(try_decode(&retry, r#"{"action":"post","data":"failure"}"#).is_err());

    let list = ListGroups {
        limit: 2,
        cursor: None,
    };
    let body = r#"{"action":"get","data":[{"owner":"o#testapp_user1","groupid":"10","affiliations":2,"type":"group","last_modified":"1441021038124","groupname":"testgroup1"}],"cursor":"Y2h","count":1}"#;
    let page = decode(&list, body);
    assert_eq!(page.items[0].modified, Some(UnixMillis(1_441_021_038_124)));
    assert_eq!(page.next, Some(Cursor::new("Y2h")));
    let joined = ListJoinedGroups {
        user: user("ann"),
        page: 1,
        page_size: 10,
    };
    assert!(
        decode(
            &joined,
            r#"{"action":"get","count":0,"data":[],"entities":[],"properties":{}}"#
        )
        .is_empty()
    );
    let add = AddGroupMembers {
        group: "66".into(),
        users: vec![user("user4"), user("user5")],
    };
    let body =
        r#"{"action":"post","data":{"newmembers":["user5","user4"],"groupid":"66","action":"add_member"}}"#;
    assert_eq!(decode(&add, body), [user("user5"), user("user4")]);

    let contacts = ListContacts { user: user("user1") };
    let body =
        r#"{"action":"get","entities":[],"data":["user3","user2"],"timestamp":1543819826513,"count":2}"#;
    assert_eq!(decode(&contacts, body), [user("user3"), user("user2")]);
    let added = AddContact {
        user: user("user1"),
        other: user("user2"),
    };
    let body = r#"{"action":"post","path":"/users/475/contacts","entities":[{"uuid":"b2a","type":"user","username":"user2","activated":true}]}"#;
    assert_eq!(decode(&added, body).unwrap().username, user("user2"));
    assert!(decode(&added, "{}").is_none());
    let block = BlockUsers {
        user: user("user1"),
        others: vec![user("user2")],
    };
    assert_eq!(
        decode(&block, r#"{"action":"post","data":["user2"]}"#),
        [user("user2")]
    );
}
