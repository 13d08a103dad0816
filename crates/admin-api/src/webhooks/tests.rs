#![allow(
    clippy::needless_pass_by_value,
    reason = "JSON literals read better without references"
)]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// Reads a post of the app `o#a` with these fields.
fn read(fields: Value) -> Event {
    try_read(fields).unwrap()
}

fn try_read(fields: Value) -> Result<Event, InvalidPost> {
    let mut post = json!({
        "callId": "o#a_1f0c", "security": "0", "timestamp": 1_712_000_000_003_u64, "appkey": "o#a",
        "host": "msync@node", "added": {"later": [true]},
    });
    post.as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    Post::parse(post.to_string().as_bytes()).map(|post| post.event)
}

fn names(users: &[crate::UserId]) -> Vec<&str> {
    users.iter().map(crate::UserId::as_str).collect()
}

fn name(user: Option<&crate::UserId>) -> &str {
    user.map_or("", crate::UserId::as_str)
}

#[test]
fn sessions() {
    for (reason, status, change, online) in [
        ("login", "online", SessionChange::Login, Some(true)),
        ("logout", "offline", SessionChange::Logout, Some(false)),
        ("replaced", "offline", SessionChange::Replaced, Some(false)),
        (
            "frozen",
            "offline",
            SessionChange::Other("frozen".into()),
            Some(false),
        ),
    ] {
        let event = read(json!({
            "reason": reason, "status": status, "user": "o#a_a_b@easemob.com/ios_77e1", "os": "ios",
            "ip": "203.0.113.7:40112", "version": "4.1.0",
        }));
        let Event::Session(session) = event else {
            panic!("{event:?}")
        };
        assert_eq!(
            (session.user.as_str(), session.device.as_str()),
            ("a_b", "ios_77e1")
        );
        assert_eq!((session.change, session.online), (change, online));
    }
    for user in [
        "ann@easemob.com/ios_1",
        "o#a_ann@easemob.com",
        "o#a_@easemob.com/ios_1",
        "x",
    ] {
        let event = try_read(json!({"reason": "login", "status": "online", "user": user}));
        assert_eq!(event, Err(InvalidPost::Session(user.into())));
    }
    let of_another_kind = read(json!({"reason": "cleaning", "user": "ann"}));
    assert!(matches!(of_another_kind, Event::Other(fields) if fields["reason"] == "cleaning"));
}

/// Returns the message of a post after delivery with this body.
fn message(body: Value) -> MessageBody {
    let event = read(json!({
        "chat_type": "groupchat", "eventType": "chat", "group_id": "169", "from": "ann", "to": 169, "msg_id": "89",
        "payload": {"bodies": [body], "ext": {"k": 1}, "from": "ann", "to": "169", "type": "groupchat"},
    }));
    let Event::Message(mut message) = event else {
        panic!("{event:?}")
    };
    assert_eq!(
        (message.id.as_str(), message.chat.clone()),
        ("89", ChatKind::Group)
    );
    assert_eq!(
        (message.to.as_deref(), message.group_id.as_deref()),
        (Some("169"), Some("169"))
    );
    assert_eq!(
        (message.stage.clone(), &message.ext["k"]),
        (Stage::Sent, &json!(1))
    );
    assert!(
        !format!("{message:?}").contains("see you"),
        "it is the users' business"
    );
    message.bodies.0.remove(0)
}

#[test]
fn messages_of_all_types() {
    assert_eq!(
        message(json!({"type": "txt", "msg": "see you"})),
        MessageBody::Text("see you".into())
    );
    for word in ["msg", "action"] {
        assert_eq!(
            message(json!({"type": "cmd", word: "run"})),
            MessageBody::Command("run".into())
        );
    }
    let film = json!({
        "type": "video", "url": "https://im.example.com/1", "filename": "a.mp4", "secret": "s", "file_length": "58103",
        "length": 10, "size": {"width": 360, "height": 480}, "thumb": "https://im.example.com/2", "thumb_secret": "t",
    });
    let MessageBody::Video(film) = message(film) else {
        panic!()
    };
    assert_eq!(
        (film.bytes, film.seconds, film.width, film.height),
        (Some(58_103), Some(10), Some(360), Some(480))
    );
    assert_eq!(
        (film.secret.as_deref(), film.thumbnail_url.as_deref()),
        (Some("s"), Some("https://im.example.com/2"))
    );
    for (kind, is_it) in [
        (
            "img",
            (|body| matches!(body, MessageBody::Image(_))) as fn(&MessageBody) -> bool,
        ),
        ("audio", |body| matches!(body, MessageBody::Audio(_))),
        ("file", |body| matches!(body, MessageBody::File(_))),
        (
            "hologram",
            |body| matches!(body, MessageBody::Other(fields) if fields["type"] == "hologram"),
        ),
    ] {
        assert!(is_it(&message(json!({"type": kind}))), "{kind}");
    }
    for (latitude, longitude) in [(json!(39.9), json!(116.3)), (json!("39.9"), json!("116.3"))] {
        let place = message(json!({"type": "loc", "lat": latitude, "lng": longitude, "addr": "Main St"}));
        let (latitude, longitude, address) = (Some(39.9), Some(116.3), Some("Main St".into()));
        assert_eq!(
            place,
            MessageBody::Location {
                latitude,
                longitude,
                address
            }
        );
    }
    for parameters in [
        json!({"v2:customExts": {"size": "16"}, "customExts": [{"size": "15"}]}),
        json!({"customExts": [{"size": "16"}]}),
        json!({"customExts": {"size": "16"}}),
    ] {
        let mut body = json!({"type": "custom", "customEvent": "gift"});
        body.as_object_mut()
            .unwrap()
            .extend(parameters.as_object().unwrap().clone());
        let MessageBody::Custom { event, parameters } = message(body) else {
            panic!()
        };
        assert_eq!((event.as_str(), &parameters["size"]), ("gift", &json!("16")));
    }
    let combined =
        json!({"type": "txt", "subType": "sub_combine", "title": "Chat", "url": "https://im.example.com/3"});
    assert!(matches!(message(combined), MessageBody::Combined { title: Some(title), .. } if title == "Chat"));
}

#[test]
fn messages_at_all_stages() {
    let post = |event_type: Option<&str>, chat: &str, content: &str, payload: Value| {
        let mut fields = json!({
            "chat_type": chat, "content_type": content, "from": "ann", "to": "bob", "msg_id": 89, "payload": payload,
        });
        if let Some(event_type) = event_type {
            fields["eventType"] = event_type.into();
        }
        match read(fields) {
            Event::Message(message) => (message.stage, message.chat, message.bodies.0),
            event => panic!("{event:?}"),
        }
    };
    let text = || vec![MessageBody::Text("hi".into())];
    let flat = || json!({"msg": "hi", "type": "txt"});
    let bodies = || json!({"bodies": [{"msg": "hi", "type": "txt"}]});
    let one_body = || json!({"bodies": {"msg": "hi", "type": "txt"}});
    assert_eq!(
        post(None, "group", "", flat()),
        (Stage::BeforeDelivery, ChatKind::Group, text())
    );
    assert_eq!(
        post(None, "chatroom", "", bodies()),
        (Stage::BeforeDelivery, ChatKind::Room, text())
    );
    assert_eq!(
        post(Some("chat_offline"), "chat", "", one_body()),
        (Stage::Offline, ChatKind::Chat, text())
    );
    let in_room = post(Some("chat"), "groupchat", "chat:room:text", bodies());
    assert_eq!(in_room, (Stage::Sent, ChatKind::Room, text()));
    let later = post(Some("chat_later"), "chat", "", json!({}));
    assert_eq!(later, (Stage::Other("chat_later".into()), ChatKind::Chat, vec![]));
    let missing = InvalidPost::Missing {
        event: "message",
        field: "msg_id",
    };
    assert_eq!(
        missing.to_string(),
        "cannot read the message: the field `msg_id` is missing"
    );
    assert_eq!(
        try_read(json!({"chat_type": "chat", "payload": flat()})),
        Err(missing)
    );
}

#[test]
fn receipts_recalls_and_edits() {
    for (kind, expected) in [
        ("read_ack", ReceiptKind::Read),
        ("channel_ack", ReceiptKind::ConversationRead),
        ("delivery_ack", ReceiptKind::Delivered),
    ] {
        let event = read(json!({
            "chat_type": kind, "eventType": "chat", "from": "ann", "to": "bob", "msg_id": "90",
            "payload": {"ext": {}, "ack_message_id": "89", "bodies": []},
        }));
        let Event::Receipt(receipt) = event else {
            panic!("{event:?}")
        };
        assert_eq!(
            (
                receipt.kind,
                receipt.message_id.as_str(),
                name(receipt.from.as_ref())
            ),
            (expected, "89", "ann")
        );
    }
    for recalled in [
        json!({"recall_id": "89"}),
        json!({"payload": {"ack_message_id": 89}}),
    ] {
        let mut fields =
            json!({"chat_type": "recall", "eventType": "chat", "from": "ann", "to": "1709", "msg_id": "91"});
        fields
            .as_object_mut()
            .unwrap()
            .extend(recalled.as_object().unwrap().clone());
        let Event::Recall(recall) = read(fields) else {
            panic!()
        };
        assert_eq!(
            (recall.message_id.as_str(), recall.to.as_deref()),
            ("89", Some("1709"))
        );
    }
    let event = read(json!({
        "chat_type": "edit", "from": "x", "to": "y", "msg_id": "92",
        "payload": {
            "bodies": [{"msg": "new", "type": "txt"}], "edit_message_id": "89", "from": "ann", "to": "bob", "type": "edit",
            "meta": {"edit_msg": {"count": 1, "edit_time": 1_737_454_241_444_u64, "operator": "easemob_rest_app_admin",
                "send_time": "1737454209069", "sender": "ann"}},
        },
    }));
    let Event::Edit(edit) = event else {
        panic!("{event:?}")
    };
    assert_eq!(
        (
            edit.message_id.as_str(),
            name(edit.from.as_ref()),
            edit.to.as_deref()
        ),
        ("89", "ann", Some("bob"))
    );
    assert_eq!(
        (edit.edits, edit.sent_at.map(|at| at.0)),
        (Some(1), Some(1_737_454_209_069))
    );
    assert_eq!(edit.bodies.0, [MessageBody::Text("new".into())]);
}

#[test]
fn contacts() {
    for word in [
        "add",
        "accept",
        "remote_accept",
        "decline",
        "remote_decline",
        "remove",
        "ban",
        "allow",
        "adopt",
    ] {
        let event = read(json!({
            "chat_type": "roster", "eventType": "chat", "from": "o#a_ann@easemob.com", "to": "bob", "msg_id": "9",
            "payload": {"operation": word, "roster_ver": "DD6E", "reason": "hello", "status": {"error_code": "ok"}},
        }));
        let Event::Contact(contact) = event else {
            panic!("{event:?}")
        };
        assert_eq!(contact.operation.as_str(), word);
        assert_eq!(
            matches!(contact.operation, ContactOperation::Other(_)),
            word == "adopt"
        );
        assert_eq!(
            (
                name(contact.from.as_ref()),
                name(contact.to.as_ref()),
                contact.error
            ),
            ("ann", "bob", None)
        );
    }
}

#[test]
fn groups_and_chat_rooms() {
    let group = |operation: &str, kind: &str, payload: Value| {
        let event = read(json!({
            "event": "group_op_event", "id": "2622", "type": kind, "operation": operation, "operator": "@ppAdmin",
            "member_count": 4, "payload": payload,
        }));
        let Event::Group(group) = event else {
            panic!("{event:?}")
        };
        group
    };
    let joined = group(
        "JOIN",
        "GROUP",
        json!({"member": ["ann", "bob"], "type": "DIRECT"}),
    );
    assert_eq!(
        (names(&joined.users), joined.members),
        (vec!["ann", "bob"], Some(4))
    );
    assert_eq!(
        (joined.operation, joined.detail.as_deref()),
        (GroupOperation::Join, Some("DIRECT"))
    );
    let admin = group("ADMIN", "CHATROOM", json!({"admin": ["ann"], "type": "ADD"}));
    assert_eq!(
        (names(&admin.users), admin.is_chat_room),
        (vec!["ann"], Some(true))
    );
    let owner = group(
        "UPDATE",
        "GROUP",
        json!({"owner": "ann", "new_owner": "bob", "type": "OWNER"}),
    );
    assert_eq!(
        (&owner.payload["new_owner"], owner.is_chat_room),
        (&json!("bob"), Some(false))
    );
    for word in [
        "CREATE",
        "DELETE",
        "JOIN",
        "LEAVE",
        "UPDATE",
        "ADMIN",
        "ROOM_SUPER_ADMIN",
        "MUTE",
        "BLOCK",
        "WHITE",
        "SHARE_FILE",
        "SHIELD",
    ] {
        let operation = group(word, "GROUP", json!(null)).operation;
        assert!(
            operation.as_str() == word && !matches!(operation, GroupOperation::Other(_)),
            "{word}"
        );
    }
    assert_eq!(
        group("TELEPORT", "?", json!([])).operation,
        GroupOperation::Other("TELEPORT".into())
    );
}

#[test]
fn groups_and_chat_rooms_in_the_older_form() {
    for (word, error_code, error) in [
        ("create", "ok", None),
        ("kick", "forbidden", Some("forbidden: no right")),
        ("assing_owner", "ok", None),
    ] {
        let event = read(json!({
            "chat_type": "muc", "eventType": "chat", "group_id": "1735", "from": "o#a_ann@easemob.com/android_8070",
            "to": "bob", "msg_id": "9764", "payload": {
                "muc_id": "o#a_1735@conference.easemob.com", "reason": "", "is_chatroom": false, "operation": word,
                "status": {"description": if error.is_some() { "no right" } else { "" }, "error_code": error_code},
            },
        }));
        let Event::Muc(muc) = event else {
            panic!("{event:?}")
        };
        assert_eq!((muc.operation.as_str(), muc.error.as_deref()), (word, error));
        assert_eq!(
            (muc.group_id.as_str(), name(muc.from.as_ref()), muc.reason),
            ("1735", "ann", None)
        );
    }
}

#[test]
fn reactions_and_threads() {
    let event = read(json!({
        "chat_type": "notify", "eventType": "chat", "from": "ann", "to": "bob", "msg_id": "99", "payload": {
            "type": "reaction", "num": 2, "channel_type": "chat", "data": [{
                "messageId": "98", "from": "bob", "to": "cid", "ts": 1_648_722_783_700_u64, "reactions": [
                    {"reaction": "old", "userList": ["bob"], "count": 1},
                    {"reaction": "new", "userList": ["bob"], "count": 1, "op": [{"reactionType": "create", "operator": "bob"}]},
                ],
            }],
        },
    }));
    let Event::Reaction(event) = event else {
        panic!("{event:?}")
    };
    let [old, new] = &event.messages[0].reactions[..] else {
        panic!("{event:?}")
    };
    assert!(old.changes.is_empty() && names(&new.users) == ["bob"]);
    assert_eq!(
        (&new.changes[0].0, name(new.changes[0].1.as_ref())),
        (&ReactionChange::Create, "bob")
    );

    let event = read(json!({
        "chat_type": "notify", "eventType": "chat", "from": "admin", "to": "17", "msg_id": "10", "payload": {
            "type": "thread", "data": {
                "id": "18", "name": "plans", "from": "ann", "operation": "update_msg", "message_count": 49,
                "muc_parent_id": "17", "msg_parent_id": "9", "timestamp": 1_651_029_973_455_u64, "last_message": {
                    "id": "11", "from": "o#a_ann", "to": "o#a_18", "timestamp": 1_651_029_973_455_u64,
                    "payload": {"bodies": [{"msg": "hi", "type": "txt"}], "type": "groupchat"},
                },
            },
        },
    }));
    let Event::Thread(thread) = event else {
        panic!("{event:?}")
    };
    let last = thread.last_message.unwrap();
    assert_eq!(
        (thread.thread_id.as_str(), thread.operation),
        ("18", Some(ThreadOperation::UpdateMessage))
    );
    assert_eq!(
        (name(last.from.as_ref()), last.bodies.0),
        ("ann", vec![MessageBody::Text("hi".into())])
    );
}

#[test]
fn pushes_and_reviews() {
    let event = read(json!({
        "chat_type": "chat", "step": "push", "detail": "no push binding", "msg_id": "1029", "status": "fail", "target": "ann",
    }));
    let Event::Push(push) = event else {
        panic!("{event:?}")
    };
    assert_eq!((push.user.as_str(), push.status), ("ann", Some(PushStatus::Fail)));

    let event = read(json!({
        "eventType": "moderation", "moderationResult": "RECALL", "providerResult": "REJECT", "messageType": "txt",
        "messageId": "1F4", "targetType": "chat", "from": "ann", "to": "bob", "msg": "see you", "url": "",
    }));
    let Event::Moderation(review) = event else {
        panic!("{event:?}")
    };
    assert_eq!(
        (review.result, review.text.as_deref(), review.url),
        (Some(ModerationResult::Recall), Some("see you"), None)
    );

    let event = read(json!({
        "eventType": "keyword_alert", "alertReason": "intercepted", "sensitiveWords": ["x"], "status": "refuse",
        "contentOwner": "o#a_ann@easemob.com", "contentReceiver": "o#a_bob@easemob.com", "contentUri": "msync:1232",
        "contentType": "message", "chatType": "chat:user:text",
    }));
    let Event::Keyword(keyword) = event else {
        panic!("{event:?}")
    };
    assert_eq!(
        (keyword.message_id.as_str(), keyword.action),
        ("1232", Some(KeywordAction::Refuse))
    );
    assert_eq!(
        (name(keyword.from.as_ref()), name(keyword.to.as_ref())),
        ("ann", "bob")
    );
}

#[test]
fn what_all_posts_have_in_common() {
    let post = |body: &str| Post::parse(body.as_bytes());
    assert!(matches!(post("[]"), Err(InvalidPost::NotJson(_))));
    assert!(matches!(post("{"), Err(InvalidPost::NotJson(_))));
    let bare = post("{}").unwrap();
    assert_eq!(
        (bare.call_id, bare.at, bare.event),
        (None, None, Event::Other(Private(serde_json::Map::new())))
    );
    // The app key is found where `appkey` is missing, and names of users may be cut inside an emoji.
    let by_id = post(
        r#"{"callId":"o#a_b_3f0c","timestamp":1,"reason":"logout","user":"o#a_b_an\ud83d@easemob.com/ios_1"}"#,
    );
    let Event::Session(session) = by_id.unwrap().event else {
        panic!()
    };
    assert_eq!(session.user.as_str(), "an\u{fffd}");
    for (stamp, at) in [
        ("1712000000003", Some(1_712_000_000_003)),
        ("\"1712000000003\"", Some(1_712_000_000_003)),
        ("1.712000000003e12", Some(1_712_000_000_003)),
        ("9223372036854775808", Some(1 << 63)),
        ("-1", None),
        ("\"now\"", None),
        ("null", None),
    ] {
        let post = post(&format!(r#"{{"callId":"o#a_1","timestamp":{stamp}}}"#)).unwrap();
        assert_eq!(post.at.map(|at| at.0), at, "{stamp}");
    }
}

#[test]
fn one_of_the_secrets_is_enough_and_nothing_else() {
    // echo -n 'o#a_7s3cret1712000000003' | md5sum
    let good = "ebc2401bdede04a8dea750c4a49923dd";
    let signed = |stamp: &str, security: &str, secrets: &[&str]| {
        let post = format!(r#"{{"callId":"o#a_7","security":"{security}","timestamp":{stamp}}}"#);
        let secrets = Secrets::new(secrets.iter().copied());
        Post::parse(post.as_bytes()).unwrap().is_signed_with(&secrets)
    };
    for stamp in ["1712000000003", "\"1712000000003\"", "1.712000000003e12"] {
        assert!(signed(stamp, good, &["s3cret"]), "{stamp}");
    }
    let stamp = "1712000000003";
    assert!(signed(stamp, &good.to_uppercase(), &["old", "s3cret"]));
    for (security, secrets) in [
        (good, &["old"][..]),
        (good, &[]),
        ("", &["s3cret"]),
        (&good[..31], &["s3cret"]),
        (&"0".repeat(32), &["s3cret"]),
    ] {
        assert!(!signed(stamp, security, secrets), "{security} {secrets:?}");
    }
    assert!(!signed("1712000000004", good, &["s3cret"]));
    // echo -n 'o#a_71712000000003' | md5sum: what everybody can sign with.
    let of_nothing = "4d1392eabe29641e74ca7cf74bc1096d";
    for empty in ["", " \n"] {
        assert!(!signed(stamp, of_nothing, &[empty]), "{empty:?}");
    }
    // echo -n 's3cret1712000000003' | md5sum: what a post without id would be signed with.
    let without_id = r#"{"security":"2771af79d00c0349320b39d452f839f2","timestamp":1712000000003}"#;
    assert!(
        !Post::parse(without_id.as_bytes())
            .unwrap()
            .is_signed_with(&Secrets::new(["s3cret"]))
    );
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "(o#a_)?[a-z_@/.]{0,12}(@easemob\\.com)?(/ios_1)?".prop_map(Value::from),
        prop::sample::select(vec![
            "chat",
            "groupchat",
            "roster",
            "muc",
            "notify",
            "recall",
            "edit",
            "read_ack",
            "thread",
            "reaction",
            "login",
            "online",
            "push",
            "moderation",
            "keyword_alert",
            "group_op_event",
            "txt",
            "custom",
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any_name(), inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn any_name() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "callId",
        "security",
        "timestamp",
        "appkey",
        "chat_type",
        "eventType",
        "event",
        "operation",
        "user",
        "reason",
        "status",
        "step",
        "target",
        "payload",
        "type",
        "bodies",
        "ext",
        "data",
        "id",
        "msg_id",
        "recall_id",
        "from",
        "to",
        "ack_message_id",
        "edit_message_id",
        "meta",
        "edit_msg",
        "group_id",
        "member",
        "admin",
        "reactions",
        "op",
        "last_message",
        "messageId",
        "contentUri",
        "sensitiveWords",
        "customExts",
        "v2:customExts",
        "size",
        "subType",
    ])
    .prop_map(str::to_owned)
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Post::parse(&bytes);
    }

    #[test]
    fn any_object_is_survived_and_never_signed_by_chance(
        fields in prop::collection::btree_map(any_name(), any_value(), 0..12),
    ) {
        let body = Value::Object(fields.into_iter().collect()).to_string();
        if let Ok(post) = Post::parse(body.as_bytes()) {
            prop_assert!(!post.is_signed_with(&Secrets::new(["s3cret"])));
            if let Event::Session(session) = post.event {
                prop_assert!(!session.user.as_str().is_empty() && !session.device.as_str().is_empty());
            }
        }
    }
}
