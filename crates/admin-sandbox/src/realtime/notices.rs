//! Puts news into their wire form. Pure.

use prost::Message;

use super::frames::{
    CONFERENCE, DOMAIN, EventInfo, Jid, MessageBody, Meta, Muc, Roster, message_kind, namespace,
};
use super::wire_content;
use crate::rules::notices::{ContactChange, GroupChange, GroupNews, News};

/// Returns the message that tells a user the news, and its queue: the system's, or for a message that of the other side.
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
            in_group,
            content,
        } => {
            let kind = if *in_group {
                message_kind::GROUP_CHAT
            } else {
                message_kind::CHAT
            };
            let body = MessageBody {
                kind,
                contents: vec![wire_content::write(&content.said)],
                ext: wire_content::write_ext(&content.ext),
                ..between(from, to)
            };
            return said(app_key, user, (from, to, *in_group), *id, now_ms, &body);
        }
        News::Recalled {
            message,
            from,
            to,
            in_group,
        } => {
            let body = MessageBody {
                kind: message_kind::RECALL,
                about_message: *message,
                ..between(from, to)
            };
            return said(app_key, user, (from, to, *in_group), id, now_ms, &body);
        }
        // Minified by its own form: SDKs fail on a byte below 0x10.
        News::Notify(json) => ("admin", namespace::NOTIFY, json.to_string().into_bytes()),
        News::Group(news) => (
            news.from.as_str(),
            namespace::MUC,
            muc(app_key, user, news).encode_to_vec(),
        ),
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
        ..Meta::default()
    };
    (jid(""), meta)
}

/// The body of news about a group or thread, for `user`.
fn muc(app_key: &str, user: &str, news: &GroupNews) -> Muc {
    let jid = |name: &str, domain: &str| Jid {
        app_key: app_key.into(),
        name: name.into(),
        domain: domain.into(),
        ..Jid::default()
    };
    // Of a mute, SDKs read how long it lasts from a field of its own, and what somebody who comes into a room says.
    let own_field = matches!(news.change, GroupChange::Muted | GroupChange::Present);
    let ext = news.ext.clone();
    Muc {
        id: Some(jid(&news.id, CONFERENCE)),
        operation: group_operation(news.change),
        from: Some(Jid {
            client_resource: news.device.clone(),
            ..jid(&news.from, DOMAIN)
        }),
        to: vec![jid(news.about.as_deref().unwrap_or(user), DOMAIN)],
        reason: news.reason.clone(),
        is_room: news.room.is_some(),
        member_count: news
            .room
            .map_or(0, |count| i32::try_from(count).unwrap_or(i32::MAX)),
        is_thread: news.parent.is_some(),
        parent: news.parent.as_ref().map(|group| jid(group, CONFERENCE)),
        name: news.name.clone(),
        ext: ext.clone().filter(|_| own_field).unwrap_or_default(),
        event_info: ext.filter(|_| !own_field).map(|ext| EventInfo { ext }),
        ..Muc::default()
    }
}

/// Puts into its queue what one user says to another or to a group.
fn said(
    app_key: &str,
    user: &str,
    (from, to, in_group): (&str, &str, bool),
    id: u64,
    now_ms: u64,
    body: &MessageBody,
) -> (Jid, Meta) {
    let jid = |name: &str, domain: &str| Jid {
        app_key: app_key.into(),
        name: name.into(),
        domain: domain.into(),
        ..Jid::default()
    };
    let domain = if in_group { CONFERENCE } else { DOMAIN };
    let other = if user == to { from } else { to };
    let meta = Meta {
        id,
        from: Some(jid(from, DOMAIN)),
        to: Some(jid(to, domain)),
        timestamp: now_ms,
        ns: namespace::CHAT,
        payload: body.encode_to_vec(),
        ..Meta::default()
    };
    (jid(other, domain), meta)
}

/// The frame of a message.
fn between(from: &str, to: &str) -> MessageBody {
    let name = |name: &str| Jid {
        name: name.into(),
        ..Jid::default()
    };
    MessageBody {
        from: Some(name(from)),
        to: Some(name(to)),
        ..MessageBody::default()
    }
}

fn group_operation(change: GroupChange) -> i32 {
    match change {
        GroupChange::Created => 0,
        GroupChange::Destroyed => 1,
        GroupChange::Joined => 2,
        GroupChange::Left => 3,
        GroupChange::Asked => 4,
        GroupChange::Admitted => 5,
        GroupChange::NotAdmitted => 6,
        GroupChange::Invited => 7,
        GroupChange::InvitationTaken => 8,
        GroupChange::InvitationDeclined => 9,
        GroupChange::Kicked => 10,
        GroupChange::Unblocked => 13,
        GroupChange::Updated => 14,
        GroupChange::Present => 17,
        GroupChange::Absent => 18,
        GroupChange::DirectlyJoined => 19,
        GroupChange::OwnerSet => 20,
        GroupChange::AdminAdded => 21,
        GroupChange::AdminRemoved => 22,
        GroupChange::Muted => 23,
        GroupChange::Unmuted => 24,
        GroupChange::Announced => 25,
        GroupChange::FileShared => 27,
        GroupChange::FileRemoved => 28,
        GroupChange::Allowed => 29,
        GroupChange::Disallowed => 30,
        GroupChange::AllMuted => 31,
        GroupChange::AllUnmuted => 32,
        GroupChange::ThreadCreated => 33,
        GroupChange::ThreadDestroyed => 34,
        GroupChange::ThreadJoined => 35,
        GroupChange::ThreadLeft => 36,
        GroupChange::ThreadKicked => 37,
        GroupChange::ThreadRenamed => 38,
        GroupChange::PropertiesSet => 43,
        GroupChange::PropertiesRemoved => 44,
        GroupChange::AttributesSet => 45,
    }
}

fn operation(change: ContactChange) -> i32 {
    match change {
        ContactChange::Applied => 2,
        ContactChange::Removed => 3,
        ContactChange::Accepted => 4,
        ContactChange::Declined => 5,
        ContactChange::Blocked => 6,
        ContactChange::Unblocked => 7,
        ContactChange::AcceptedByOther => 8,
        ContactChange::DeclinedByOther => 9,
    }
}
