//! The second socket of the newest SDK, `/ws?token=`: over it come the lists that it shows after a sign-in. One binary frame
//! is one message; the first field says of which kind.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message as WsMessage, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, Uri};
use prost::Message;

use super::annotated;
use super::frames::{Jid, Meta};
use crate::rules::App;
use crate::rules::live_event::LiveEvent;
use crate::rules::silent_mode::Silenced;
use crate::rules::tokens::Subject;
use crate::server::connection::Peer;
use crate::server::path;
use crate::service::Service;

/// No question is longer.
const LARGEST_FRAME: usize = 16 * 1024;

/// A socket without a question for so long is closed.
const IDLE: Duration = Duration::from_secs(100);

/// The kinds of messages.
mod kind {
    pub(super) const PING: i32 = 1;
    pub(super) const PONG: i32 = 2;
    pub(super) const CONTACTS: i32 = 3;
    pub(super) const CONTACTS_ANSWER: i32 = 4;
    pub(super) const CONVERSATIONS: i32 = 10;
    pub(super) const CONVERSATIONS_ANSWER: i32 = 11;
    pub(super) const GROUPS: i32 = 12;
    pub(super) const GROUPS_ANSWER: i32 = 13;
}

/// A list is whole, and no list of changes.
const WHOLE: i32 = 2;

/// A group among conversations.
const GROUP_CONVERSATION: i32 = 1;

/// What every question begins with, and is answered with.
#[derive(Clone, PartialEq, Message)]
struct Header {
    #[prost(string, tag = "1")]
    resource: String,
    #[prost(int64, tag = "2")]
    timestamp: i64,
    #[prost(string, tag = "3")]
    request_id: String,
    #[prost(int32, tag = "4")]
    protocol_version: i32,
}

/// A question; what it asks for is in the kind.
#[derive(Clone, PartialEq, Message)]
struct Question {
    #[prost(int32, required, tag = "1")]
    kind: i32,
    #[prost(message, optional, tag = "2")]
    header: Option<Header>,
}

#[derive(Clone, PartialEq, Message)]
struct Pong {
    #[prost(int32, required, tag = "1")]
    kind: i32,
    #[prost(int32, required, tag = "2")]
    status: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Contacts {
    #[prost(int32, required, tag = "1")]
    kind: i32,
    #[prost(message, optional, tag = "2")]
    header: Option<Header>,
    #[prost(message, repeated, tag = "3")]
    listed: Vec<Contact>,
    /// 0 ends the list.
    #[prost(uint64, required, tag = "4")]
    cursor: u64,
    #[prost(string, tag = "5")]
    version: String,
    #[prost(int32, tag = "6")]
    whole: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Contact {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    remark: String,
    /// The profile as JSON.
    #[prost(string, tag = "3")]
    profile: String,
}

#[derive(Clone, PartialEq, Message)]
struct Conversations {
    #[prost(int32, required, tag = "1")]
    kind: i32,
    #[prost(message, optional, tag = "2")]
    header: Option<Header>,
    #[prost(message, repeated, tag = "3")]
    listed: Vec<Conversation>,
    #[prost(bool, required, tag = "4")]
    is_last: bool,
    #[prost(int64, tag = "5")]
    finished_ms: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Conversation {
    #[prost(string, tag = "1")]
    other: String,
    #[prost(int32, tag = "2")]
    kind: i32,
    #[prost(message, optional, tag = "3")]
    newest: Option<Newest>,
    #[prost(int64, tag = "6")]
    updated_ms: i64,
    #[prost(int64, tag = "7")]
    pinned_ms: i64,
    #[prost(uint32, tag = "8")]
    unread: u32,
    #[prost(string, repeated, tag = "9")]
    marks: Vec<String>,
    #[prost(int32, tag = "11")]
    remind: i32,
    #[prost(string, tag = "12")]
    group_name: String,
    #[prost(string, tag = "13")]
    group_avatar: String,
    /// The profile of the other user as JSON.
    #[prost(string, tag = "14")]
    profile: String,
}

#[derive(Clone, PartialEq, Message)]
struct Newest {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(message, optional, tag = "2")]
    from: Option<Jid>,
    #[prost(uint64, tag = "4")]
    timestamp: u64,
    #[prost(bytes = "vec", tag = "6")]
    payload: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct Groups {
    #[prost(int32, required, tag = "1")]
    kind: i32,
    #[prost(message, optional, tag = "2")]
    header: Option<Header>,
    #[prost(message, repeated, tag = "3")]
    listed: Vec<Group>,
    #[prost(bool, required, tag = "4")]
    is_last: bool,
    #[prost(int64, tag = "5")]
    finished_ms: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Group {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(string, tag = "3")]
    owner: String,
    #[prost(int64, tag = "4")]
    members: i64,
    #[prost(bool, tag = "5")]
    all_muted: bool,
    #[prost(string, tag = "7")]
    description: String,
    #[prost(string, tag = "8")]
    avatar: String,
    /// 1 is the owner, 2 an admin, 3 a member.
    #[prost(uint32, tag = "9")]
    role: u32,
    #[prost(uint64, tag = "12")]
    created_ms: u64,
    #[prost(uint64, tag = "13")]
    updated_ms: u64,
}

/// Answers `GET /ws?token=`.
pub(crate) async fn upgrade(
    State(service): State<Arc<Service>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    uri: Uri,
    upgrade: WebSocketUpgrade,
) -> Response {
    peer.connection.begin();
    let token = path::query(uri.query()).remove("token").unwrap_or_default();
    let now_ms = service.clock.now_ms();
    let user = service.read(|app| match app.tokens.check(&token, now_ms) {
        Ok(Subject::User(name)) => Some(name.clone()),
        _ => None,
    });
    let Some(user) = user else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    upgrade
        .max_message_size(LARGEST_FRAME)
        .max_frame_size(LARGEST_FRAME)
        .on_upgrade(move |socket| async move {
            peer.connection.keep();
            serve(&service, &user, socket).await;
        })
}

async fn serve(service: &Service, user: &str, mut socket: WebSocket) {
    while let Ok(Some(Ok(message))) = tokio::time::timeout(IDLE, socket.recv()).await {
        let answer = match message {
            WsMessage::Binary(frame) => {
                let now_ms = service.clock.now_ms();
                service.read(|app| answer(app, user, &frame, now_ms))
            }
            WsMessage::Ping(_) | WsMessage::Pong(_) => continue,
            WsMessage::Text(_) => Err("a text frame on the second socket".to_owned()),
            WsMessage::Close(_) => return,
        };
        match answer {
            Ok(answer) => {
                if socket.send(WsMessage::Binary(answer.into())).await.is_err() {
                    return;
                }
            }
            Err(reason) => {
                service.announce(LiveEvent::RefusedFrame {
                    user: user.to_owned(),
                    resource: String::new(),
                    reason,
                });
                return;
            }
        }
    }
}

/// Answers one question.
fn answer(app: &App, user: &str, frame: &[u8], now_ms: u64) -> Result<Vec<u8>, String> {
    let question = Question::decode(frame).map_err(|error| format!("on the second socket: {error}"))?;
    let header = question.header;
    let finished_ms = i64::try_from(now_ms).unwrap_or(i64::MAX);
    Ok(match question.kind {
        kind::PING => Pong {
            kind: kind::PONG,
            status: 0,
        }
        .encode_to_vec(),
        kind::CONTACTS => Contacts {
            kind: kind::CONTACTS_ANSWER,
            header,
            listed: contacts(app, user),
            cursor: 0,
            version: now_ms.to_string(),
            whole: WHOLE,
        }
        .encode_to_vec(),
        kind::CONVERSATIONS => Conversations {
            kind: kind::CONVERSATIONS_ANSWER,
            header,
            listed: conversations(app, user),
            is_last: true,
            finished_ms,
        }
        .encode_to_vec(),
        kind::GROUPS => Groups {
            kind: kind::GROUPS_ANSWER,
            header,
            listed: groups(app, user),
            is_last: true,
            finished_ms,
        }
        .encode_to_vec(),
        other => return Err(format!("unknown question {other} on the second socket")),
    })
}

fn profile(app: &App, user: &str) -> String {
    let profile = app.profiles.get(user);
    profile.map_or_else(String::new, |profile| serde_json::json!(profile).to_string())
}

fn contacts(app: &App, user: &str) -> Vec<Contact> {
    let names = app.contacts.of(user).into_iter();
    names
        .map(|name| Contact {
            remark: app.contacts.remark(user, &name).to_owned(),
            profile: profile(app, &name),
            name,
        })
        .collect()
}

fn conversations(app: &App, user: &str) -> Vec<Conversation> {
    let channels = app.channels(user).into_iter();
    channels
        .map(|channel| {
            let newest = channel.newest(app).and_then(|kept| {
                let meta = Meta::decode(annotated::wire(app, user, &kept).as_slice()).ok()?;
                Some(Newest {
                    id: meta.id,
                    from: meta.from,
                    timestamp: meta.timestamp,
                    payload: meta.payload,
                })
            });
            let about = if channel.in_group {
                Silenced::Group(&channel.other)
            } else {
                Silenced::User(&channel.other)
            };
            let group = app.groups.all.get(&channel.other);
            let millis = |time: u64| i64::try_from(time).unwrap_or(i64::MAX);
            Conversation {
                kind: if channel.in_group { GROUP_CONVERSATION } else { 0 },
                updated_ms: newest.as_ref().map_or(0, |newest| millis(newest.timestamp)),
                newest,
                pinned_ms: channel.state.pinned_ms.map_or(0, millis),
                unread: u32::try_from(channel.unread(app, user)).unwrap_or(u32::MAX),
                marks: channel.state.marks.iter().cloned().collect(),
                remind: match app.silent_mode(user, about).remind.as_deref() {
                    Some("ALL") => 1,
                    Some("AT") => 2,
                    Some("NONE") => 3,
                    _ => 0,
                },
                group_name: group.map_or_else(String::new, |group| group.name.clone()),
                group_avatar: group.map_or_else(String::new, |group| group.avatar.clone()),
                profile: profile(app, &channel.other),
                other: channel.other,
            }
        })
        .collect()
}

fn groups(app: &App, user: &str) -> Vec<Group> {
    let joined = app.groups.of(user).into_iter();
    joined
        .map(|(id, group)| Group {
            id: id.clone(),
            name: group.name.clone(),
            owner: group.owner.clone(),
            members: i64::try_from(group.members.len()).unwrap_or(i64::MAX),
            all_muted: group.all_muted,
            description: group.description.clone(),
            avatar: group.avatar.clone(),
            role: match user {
                user if group.owner == user => 1,
                user if group.admins.contains(user) => 2,
                _ => 3,
            },
            created_ms: group.created_ms,
            updated_ms: group.modified_ms,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::contacts::ContactAct;

    fn ask(app: &App, kind: i32) -> Result<Vec<u8>, String> {
        let header = Header {
            request_id: "r1".into(),
            ..Header::default()
        };
        let question = Question {
            kind,
            header: Some(header),
        };
        answer(app, "ann", &question.encode_to_vec(), 5)
    }

    #[test]
    fn the_lists_of_a_user_come_whole_with_the_id_of_the_question() {
        let mut app = App::new("o#a", None);
        for user in ["ann", "bob"] {
            app.register_for_test(user);
        }
        app.change_contact("ann", None, ContactAct::Add, "bob", "")
            .unwrap();
        app.contacts.set_remark("ann", "bob", "Bobby");
        let contacts = Contacts::decode(ask(&app, kind::CONTACTS).unwrap().as_slice()).unwrap();
        assert_eq!((contacts.kind, contacts.whole, contacts.cursor), (4, WHOLE, 0));
        assert_eq!(contacts.header.unwrap().request_id, "r1");
        assert_eq!(contacts.listed[0].remark, "Bobby");
        let list = Conversations::decode(ask(&app, kind::CONVERSATIONS).unwrap().as_slice()).unwrap();
        assert!(list.is_last && list.listed.is_empty());
        let groups = Groups::decode(ask(&app, kind::GROUPS).unwrap().as_slice()).unwrap();
        assert!(groups.is_last && groups.listed.is_empty());
        assert_eq!(
            Pong::decode(ask(&app, kind::PING).unwrap().as_slice())
                .unwrap()
                .kind,
            2
        );
        assert!(ask(&app, 99).is_err() && answer(&app, "ann", &[0xff], 5).is_err());
    }
}
