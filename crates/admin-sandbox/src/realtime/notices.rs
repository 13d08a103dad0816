//! Puts news into their wire form. Pure.

use prost::Message;

use super::frames::{
    CONFERENCE, DOMAIN, EventInfo, Jid, KeyValue, MessageBody, MessageContent, Meta, Muc, Roster, namespace,
};
use crate::rules::notices::{ContactChange, Content, GroupChange, News};

/// Returns the message that tells a user the news, in the system queue.
pub(crate) fn meta(app_key: &str, user: &str, news: &News, id: u64, now_ms: u64) -> (Jid, Meta) {
    let jid = |name: &str| Jid {
        app_key: app_key.into(),
        name: name.into(),
        domain: DOMAIN.into(),
        ..Jid::default()
    };
    let (from, ns, payload) = match news {
        News::Message {
            id,
            from,
            to,
            content,
        } => {
            let other = if user == to { from } else { to };
            let meta = Meta {
                id: *id,
                from: Some(jid(from)),
                to: Some(jid(to)),
                timestamp: now_ms,
                ns: namespace::CHAT,
                payload: message(from, to, content).encode_to_vec(),
            };
            return (jid(other), meta);
        }
        // Minified by its own form: SDKs fail on a byte below 0x10.
        News::Notify(json) => ("admin", namespace::NOTIFY, json.to_string().into_bytes()),
        News::Group {
            change,
            id,
            from,
            device,
            thread,
            ext,
        } => {
            let conference = |id: &str| Jid {
                domain: CONFERENCE.into(),
                ..jid(id)
            };
            let muc = Muc {
                id: Some(conference(id)),
                operation: group_operation(*change),
                from: Some(Jid {
                    client_resource: device.clone(),
                    ..jid(from)
                }),
                to: vec![jid(user)],
                is_thread: thread.is_some(),
                parent: thread.as_ref().map(|(group, _)| conference(group)),
                name: thread.as_ref().map(|(_, name)| name.clone()).unwrap_or_default(),
                event_info: ext.clone().map(|ext| EventInfo { ext }),
            };
            (from.as_str(), namespace::MUC, muc.encode_to_vec())
        }
        News::Contact {
            change,
            from,
            to,
            reason,
        } => {
            let roster = Roster {
                operation: operation(*change),
                from: Some(jid(from)),
                to: vec![jid(to)],
                reason: reason.clone(),
            };
            (from.as_str(), namespace::ROSTER, roster.encode_to_vec())
        }
    };
    let meta = Meta {
        id,
        from: Some(jid(from)),
        to: Some(jid(user)),
        timestamp: now_ms,
        ns,
        payload,
    };
    (jid(""), meta)
}

/// The body of a message between two users.
fn message(from: &str, to: &str, content: &Content) -> MessageBody {
    const CHAT: i32 = 1;
    const STRING: i32 = 7;
    let name = |name: &str| Jid {
        name: name.into(),
        ..Jid::default()
    };
    let part = match content {
        Content::Text(text) => MessageContent {
            kind: 0,
            text: text.clone(),
            ..MessageContent::default()
        },
        Content::Command(action) => MessageContent {
            kind: 6,
            action: action.clone(),
            ..MessageContent::default()
        },
        Content::Custom(event, exts) => MessageContent {
            kind: 7,
            custom_event: event.clone(),
            custom_exts: exts
                .iter()
                .map(|(key, value)| KeyValue {
                    key: key.clone(),
                    kind: STRING,
                    string_value: value.clone(),
                })
                .collect(),
            ..MessageContent::default()
        },
    };
    MessageBody {
        kind: CHAT,
        from: Some(name(from)),
        to: Some(name(to)),
        contents: vec![part],
    }
}

fn group_operation(change: GroupChange) -> i32 {
    match change {
        GroupChange::Created => 0,
        GroupChange::Destroyed => 1,
        GroupChange::Left => 3,
        GroupChange::Kicked => 10,
        GroupChange::Absent => 18,
        GroupChange::DirectlyJoined => 19,
        GroupChange::ThreadCreated => 33,
        GroupChange::ThreadDestroyed => 34,
        GroupChange::ThreadJoined => 35,
        GroupChange::ThreadLeft => 36,
        GroupChange::ThreadRenamed => 38,
        GroupChange::AttributesSet => 45,
    }
}

fn operation(change: ContactChange) -> i32 {
    match change {
        ContactChange::Applied => 2,
        ContactChange::Removed => 3,
        ContactChange::Accepted => 4,
        ContactChange::Declined => 5,
        ContactChange::AcceptedByOther => 8,
        ContactChange::DeclinedByOther => 9,
    }
}
