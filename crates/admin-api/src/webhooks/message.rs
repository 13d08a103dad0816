//! Messages: sent, about to be delivered, taken back, changed (pages `callback_message_…`, `callback_presending`).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::model::{UnixMillis, UserId};
use crate::webhooks::fields::Fields;
use crate::webhooks::post::InvalidPost;
use crate::webhooks::private::Private;
use crate::webhooks::word::words;

words! {
    /// What kind of conversation a message belongs to.
    ChatKind {
        /// Between two users.
        Chat = "chat",
        /// In a group; older servers write this for chat rooms, too.
        Group = "groupchat",
        /// In a chat room.
        Room = "chatroom",
    }
}

impl ChatKind {
    fn read(fields: Fields<'_>) -> Self {
        let content = fields.word("content_type").unwrap_or_default();
        match fields.word("chat_type").unwrap_or_default() {
            "groupchat" | "group" if content.starts_with("chat:room:") => Self::Room,
            // Pages of pre-send posts name it so.
            "group" => Self::Group,
            other => Self::of(other),
        }
    }
}

/// How far a message has come.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// The service waits for a [`Verdict`](crate::webhooks::Verdict) before it delivers the message (pre-send).
    BeforeDelivery,
    /// It was sent.
    Sent,
    /// It waits for a user who is offline. A message to a group causes one such post per user.
    Offline,
    /// A stage that this version does not know, as the service writes it.
    Other(String),
}

/// A message.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MessageEvent {
    /// The message's id.
    pub id: String,
    /// How far it has come.
    pub stage: Stage,
    /// What kind of conversation it belongs to.
    pub chat: ChatKind,
    /// The sender.
    pub from: Option<UserId>,
    /// The recipient: a user, group or chat room. For [`Stage::Offline`] it is always a user.
    pub to: Option<String>,
    /// The group or chat room; `None` between two users.
    pub group_id: Option<String>,
    /// What it says. The documented messages have one part.
    pub bodies: Private<Vec<MessageBody>>,
    /// The fields of the app's own.
    pub ext: Private<Map<String, Value>>,
}

impl MessageEvent {
    pub(super) fn read(fields: Fields<'_>) -> Result<Self, InvalidPost> {
        let payload = fields.object("payload");
        let id = fields.text("msg_id").ok_or(InvalidPost::Missing {
            event: "message",
            field: "msg_id",
        })?;
        Ok(Self {
            id,
            stage: match fields.word("eventType") {
                None => Stage::BeforeDelivery,
                Some("chat") => Stage::Sent,
                Some("chat_offline") => Stage::Offline,
                Some(other) => Stage::Other(other.to_owned()),
            },
            chat: ChatKind::read(fields),
            from: fields.user("from"),
            to: fields.text("to"),
            group_id: fields.text("group_id"),
            bodies: Private(MessageBody::all_of(payload)),
            ext: Private(payload.object("ext").map().cloned().unwrap_or_default()),
        })
    }
}

/// What one part of a message says.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum MessageBody {
    /// A text for people.
    Text(String),
    /// A word for a program.
    Command(String),
    /// A picture.
    Image(FileBody),
    /// A recording.
    Audio(FileBody),
    /// A film.
    Video(FileBody),
    /// Any other file.
    File(FileBody),
    /// A place.
    Location {
        /// The latitude, in degrees.
        latitude: Option<f64>,
        /// The longitude, in degrees.
        longitude: Option<f64>,
        /// The address in words.
        address: Option<String>,
    },
    /// An event of the app's own.
    Custom {
        /// Its name.
        event: String,
        /// Its parameters.
        parameters: BTreeMap<String, Value>,
    },
    /// Messages that were forwarded as one; the file has them.
    Combined {
        /// The title.
        title: Option<String>,
        /// The summary.
        summary: Option<String>,
        /// The file.
        file: FileBody,
    },
    /// Any other kind, with all its fields.
    Other(Map<String, Value>),
}

/// A file of a message.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct FileBody {
    /// Where it is.
    pub url: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// The secret that opens it, if it is protected.
    pub secret: Private<Option<String>>,
    /// Its size, in bytes.
    pub bytes: Option<u64>,
    /// Its length, in seconds: recordings and films.
    pub seconds: Option<u64>,
    /// The width of the picture, or of the film's thumbnail, in pixels.
    pub width: Option<u64>,
    /// The height of the picture, or of the film's thumbnail, in pixels.
    pub height: Option<u64>,
    /// Where the thumbnail is: films.
    pub thumbnail_url: Option<String>,
    /// The secret that opens the thumbnail.
    pub thumbnail_secret: Private<Option<String>>,
}

impl FileBody {
    fn read(body: Fields<'_>) -> Self {
        let size = body.object("size");
        Self {
            url: body.text("url"),
            name: body.text("filename"),
            secret: Private(body.text("secret")),
            bytes: body.number("file_length"),
            seconds: body.number("length"),
            width: size.number("width"),
            height: size.number("height"),
            thumbnail_url: body.text("thumb"),
            thumbnail_secret: Private(body.text("thumb_secret")),
        }
    }
}

impl MessageBody {
    /// Reads the bodies of a payload. Pre-send posts of newer servers have one, and its fields are the payload's.
    pub(super) fn all_of(payload: Fields<'_>) -> Vec<Self> {
        if payload.value("bodies").is_none() {
            let flat = payload.value("type").or_else(|| payload.value("subType"));
            return flat.map(|_| Self::read(payload)).into_iter().collect();
        }
        payload.objects("bodies").map(Self::read).collect()
    }

    fn read(body: Fields<'_>) -> Self {
        let said = |name| {
            let text = body.value(name).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        if body.word("subType") == Some("sub_combine") {
            return Self::Combined {
                title: body.text("title"),
                summary: body.text("summary"),
                file: FileBody::read(body),
            };
        }
        match body.word("type") {
            Some("txt") => Self::Text(said("msg")),
            // The page of sent messages has the word in `msg`, that of pre-send posts in `action`.
            Some("cmd") if body.value("action").is_none() => Self::Command(said("msg")),
            Some("cmd") => Self::Command(said("action")),
            Some("img") => Self::Image(FileBody::read(body)),
            Some("audio") => Self::Audio(FileBody::read(body)),
            Some("video") => Self::Video(FileBody::read(body)),
            Some("file") => Self::File(FileBody::read(body)),
            Some("loc") => Self::Location {
                latitude: body.degrees("lat"),
                longitude: body.degrees("lng"),
                address: body.text("addr"),
            },
            Some("custom") => Self::Custom {
                event: said("customEvent"),
                parameters: parameters(body),
            },
            _ => Self::Other(body.map().cloned().unwrap_or_default()),
        }
    }
}

/// Reads parameters from the newer field, else from the older one: a list of objects, each with some of them.
fn parameters(body: Fields<'_>) -> BTreeMap<String, Value> {
    let newer = body.object("v2:customExts").map();
    let objects: Vec<_> = match newer {
        Some(newer) => vec![newer],
        None => body.objects("customExts").filter_map(Fields::map).collect(),
    };
    let pairs = objects.into_iter().flatten();
    pairs.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// A message was taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecallEvent {
    /// The message that was taken back.
    pub message_id: String,
    /// The id of the event's own message.
    pub id: Option<String>,
    /// The sender.
    pub from: Option<UserId>,
    /// The recipient: a user, group or chat room.
    pub to: Option<String>,
    /// The group or chat room; `None` between two users.
    pub group_id: Option<String>,
}

impl RecallEvent {
    pub(super) fn read(fields: Fields<'_>) -> Result<Self, InvalidPost> {
        let message_id = fields
            .text("recall_id")
            .or_else(|| fields.object("payload").text("ack_message_id"))
            .ok_or(InvalidPost::Missing {
                event: "recall",
                field: "recall_id",
            })?;
        Ok(Self {
            message_id,
            id: fields.text("msg_id"),
            from: fields.user("from"),
            to: fields.text("to"),
            group_id: fields.text("group_id"),
        })
    }
}

/// A message was changed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct EditEvent {
    /// The message that was changed.
    pub message_id: String,
    /// The sender of the message.
    pub from: Option<UserId>,
    /// The recipient: a user, group or chat room.
    pub to: Option<String>,
    /// Who changed it; `easemob_rest_app_admin` is an administrator of the app.
    pub operator: Option<UserId>,
    /// How often it was changed.
    pub edits: Option<u64>,
    /// When it was changed.
    pub edited_at: Option<UnixMillis>,
    /// When it was sent.
    pub sent_at: Option<UnixMillis>,
    /// What it says now.
    pub bodies: Private<Vec<MessageBody>>,
}

impl EditEvent {
    pub(super) fn read(fields: Fields<'_>) -> Result<Self, InvalidPost> {
        let payload = fields.object("payload");
        let edit = payload.object("meta").object("edit_msg");
        let message_id = payload.text("edit_message_id").ok_or(InvalidPost::Missing {
            event: "edit",
            field: "payload.edit_message_id",
        })?;
        Ok(Self {
            message_id,
            from: edit.user("sender").or_else(|| payload.user("from")),
            // The outer ones are internal to the service.
            to: payload.text("to"),
            operator: edit.user("operator"),
            edits: edit.number("count"),
            edited_at: edit.millis("edit_time"),
            sent_at: edit.millis("send_time"),
            bodies: Private(MessageBody::all_of(payload)),
        })
    }
}
