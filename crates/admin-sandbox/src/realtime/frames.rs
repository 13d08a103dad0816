//! The messages on the wire: one binary WebSocket frame is one [`MSync`].
//!
//! Only fields that the sandbox reads or writes are here; others are skipped when reading. Sub-messages that the
//! SDK needs to be there, even if empty, are written as `Some(default)`, and numbers that it needs to be there, even if
//! 0, are `required`: the SDK inside easemob-chat-uikit 3 takes a missing one for no answer, and cannot sign in.

use prost::Message;

/// The domain of groups and threads.
pub(crate) const CONFERENCE: &str = "conference.easemob.com";

/// The domain of users' names.
pub(crate) const DOMAIN: &str = "easemob.com";

/// What an [`MSync`] carries.
pub(crate) mod command {
    pub(crate) const SYNC: i32 = 0;
    pub(crate) const UNREAD: i32 = 1;
    pub(crate) const NOTICE: i32 = 2;
    pub(crate) const PROVISION: i32 = 3;
    pub(crate) const LOGOUT: i32 = 4;
}

/// What the payload of a [`Meta`] is.
pub(crate) mod namespace {
    pub(crate) const STATISTIC: i32 = 0;
    pub(crate) const CHAT: i32 = 1;
    pub(crate) const MUC: i32 = 2;
    pub(crate) const ROSTER: i32 = 3;
    pub(crate) const NOTIFY: i32 = 5;
}

/// The envelope.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct MSync {
    #[prost(message, optional, tag = "2")]
    pub(crate) guid: Option<Jid>,
    #[prost(string, tag = "3")]
    pub(crate) auth: String,
    #[prost(int32, required, tag = "8")]
    pub(crate) command: i32,
    #[prost(bytes = "vec", tag = "9")]
    pub(crate) payload: Vec<u8>,
}

/// The name of a user, a device, or a queue.
#[derive(Clone, PartialEq, Eq, Hash, Message)]
pub(crate) struct Jid {
    #[prost(string, tag = "1")]
    pub(crate) app_key: String,
    #[prost(string, tag = "2")]
    pub(crate) name: String,
    #[prost(string, tag = "3")]
    pub(crate) domain: String,
    #[prost(string, tag = "4")]
    pub(crate) client_resource: String,
}

/// A device asks to be let in, and the answer.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Provision {
    #[prost(int32, tag = "1")]
    pub(crate) os_type: i32,
    #[prost(message, optional, tag = "8")]
    pub(crate) status: Option<Status>,
    #[prost(string, tag = "9")]
    pub(crate) device_uuid: String,
    #[prost(string, tag = "12")]
    pub(crate) device_name: String,
    #[prost(string, tag = "13")]
    pub(crate) resource: String,
    #[prost(string, tag = "18")]
    pub(crate) auth_token: String,
    #[prost(string, tag = "20")]
    pub(crate) session_id: String,
    #[prost(string, tag = "21")]
    pub(crate) reason: String,
}

/// Whether it worked.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Status {
    #[prost(int32, required, tag = "1")]
    pub(crate) error_code: i32,
    #[prost(string, tag = "2")]
    pub(crate) reason: String,
}

impl Status {
    /// An error with its text, which SDKs compare.
    pub(crate) fn error(error_code: i32, reason: impl Into<String>) -> Self {
        Self {
            error_code,
            reason: reason.into(),
        }
    }
}

/// A device sends a message, or asks for what waits in a queue.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SyncUp {
    #[prost(message, optional, tag = "1")]
    pub(crate) meta: Option<Meta>,
    #[prost(uint64, tag = "2")]
    pub(crate) key: u64,
    #[prost(message, optional, tag = "3")]
    pub(crate) queue: Option<Jid>,
}

/// The answer: an acknowledgement, or messages.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SyncDown {
    #[prost(message, optional, tag = "1")]
    pub(crate) status: Option<Status>,
    #[prost(uint64, tag = "2")]
    pub(crate) meta_id: u64,
    #[prost(uint64, tag = "3")]
    pub(crate) server_id: u64,
    #[prost(message, repeated, tag = "4")]
    pub(crate) metas: Vec<Meta>,
    #[prost(uint64, tag = "5")]
    pub(crate) next_key: u64,
    #[prost(message, optional, tag = "6")]
    pub(crate) queue: Option<Jid>,
    #[prost(bool, tag = "7")]
    pub(crate) is_last: bool,
    #[prost(uint64, tag = "8")]
    pub(crate) timestamp: u64,
}

/// What waits for a device; also the answer to its heartbeat.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct UnreadDown {
    #[prost(message, optional, tag = "1")]
    pub(crate) status: Option<Status>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) unread: Vec<Waiting>,
    #[prost(uint64, tag = "3")]
    pub(crate) timestamp: u64,
}

/// A queue that is not empty.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Waiting {
    #[prost(message, optional, tag = "1")]
    pub(crate) queue: Option<Jid>,
    #[prost(uint32, tag = "2")]
    pub(crate) count: u32,
}

/// Something new is in a queue.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Notice {
    #[prost(message, optional, tag = "1")]
    pub(crate) queue: Option<Jid>,
}

/// A device leaves.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Logout {
    #[prost(string, tag = "1")]
    pub(crate) session_id: String,
    #[prost(message, optional, tag = "3")]
    pub(crate) status: Option<Status>,
}

/// One message; what it says is in `payload` and is not looked into.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Meta {
    #[prost(uint64, tag = "1")]
    pub(crate) id: u64,
    #[prost(message, optional, tag = "2")]
    pub(crate) from: Option<Jid>,
    #[prost(message, optional, tag = "3")]
    pub(crate) to: Option<Jid>,
    #[prost(uint64, tag = "4")]
    pub(crate) timestamp: u64,
    #[prost(int32, required, tag = "5")]
    pub(crate) ns: i32,
    #[prost(bytes = "vec", tag = "6")]
    pub(crate) payload: Vec<u8>,
    /// 1 if it is only for who is connected.
    #[prost(int32, tag = "7")]
    pub(crate) route: i32,
    /// Who of a group or chat room gets it; everybody if nobody is named.
    #[prost(string, repeated, tag = "10")]
    pub(crate) directed_users: Vec<String>,
}

/// What a message says; written for messages that the sandbox makes itself.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct MessageBody {
    #[prost(int32, tag = "1")]
    pub(crate) kind: i32,
    #[prost(message, optional, tag = "2")]
    pub(crate) from: Option<Jid>,
    #[prost(message, optional, tag = "3")]
    pub(crate) to: Option<Jid>,
    #[prost(message, repeated, tag = "4")]
    pub(crate) contents: Vec<MessageContent>,
    #[prost(message, repeated, tag = "5")]
    pub(crate) ext: Vec<KeyValue>,
    /// The message that this one is about: a recall or a receipt.
    #[prost(uint64, tag = "6")]
    pub(crate) about_message: u64,
    /// What the service knows of the message beside what it says, as JSON.
    #[prost(string, tag = "9")]
    pub(crate) meta: String,
    /// The message that this one takes the place of.
    #[prost(uint64, tag = "11")]
    pub(crate) edited_message: u64,
    /// 2 if the app's own fields are replaced, too.
    #[prost(int32, tag = "12")]
    pub(crate) edit_scope: i32,
}

/// One part of a message.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct MessageContent {
    #[prost(int32, tag = "1")]
    pub(crate) kind: i32,
    #[prost(string, tag = "2")]
    pub(crate) text: String,
    #[prost(double, tag = "3")]
    pub(crate) latitude: f64,
    #[prost(double, tag = "4")]
    pub(crate) longitude: f64,
    #[prost(string, tag = "5")]
    pub(crate) address: String,
    #[prost(string, tag = "6")]
    pub(crate) display_name: String,
    #[prost(string, tag = "7")]
    pub(crate) remote_path: String,
    #[prost(string, tag = "8")]
    pub(crate) secret_key: String,
    #[prost(int32, tag = "9")]
    pub(crate) file_length: i32,
    #[prost(string, tag = "10")]
    pub(crate) action: String,
    #[prost(int32, tag = "12")]
    pub(crate) duration: i32,
    #[prost(message, optional, tag = "13")]
    pub(crate) size: Option<Size>,
    #[prost(string, tag = "14")]
    pub(crate) thumbnail_path: String,
    #[prost(string, tag = "15")]
    pub(crate) thumbnail_secret: String,
    #[prost(string, tag = "19")]
    pub(crate) custom_event: String,
    #[prost(message, repeated, tag = "20")]
    pub(crate) custom_exts: Vec<KeyValue>,
}

/// How large a picture is, in pixels.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Size {
    #[prost(double, tag = "1")]
    pub(crate) width: f64,
    #[prost(double, tag = "2")]
    pub(crate) height: f64,
}

/// What a message is.
pub(crate) mod message_kind {
    pub(crate) const CHAT: i32 = 1;
    pub(crate) const GROUP_CHAT: i32 = 2;
    /// The last kind that says something; the later ones are about messages.
    pub(crate) const ROOM: i32 = 3;
    pub(crate) const READ: i32 = 4;
    pub(crate) const DELIVERED: i32 = 5;
    pub(crate) const RECALL: i32 = 6;
    /// A whole conversation was read.
    pub(crate) const CONVERSATION_READ: i32 = 7;
    pub(crate) const EDIT: i32 = 8;
}

/// What a part of a message is.
pub(crate) mod content_kind {
    pub(crate) const TEXT: i32 = 0;
    pub(crate) const IMAGE: i32 = 1;
    pub(crate) const VIDEO: i32 = 2;
    pub(crate) const LOCATION: i32 = 3;
    pub(crate) const VOICE: i32 = 4;
    pub(crate) const FILE: i32 = 5;
    pub(crate) const COMMAND: i32 = 6;
    pub(crate) const CUSTOM: i32 = 7;
}

/// What a parameter is.
pub(crate) mod value_kind {
    pub(crate) const BOOL: i32 = 1;
    pub(crate) const STRING: i32 = 7;
    pub(crate) const JSON: i32 = 8;
}

/// A parameter.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct KeyValue {
    #[prost(string, tag = "1")]
    pub(crate) key: String,
    #[prost(int32, tag = "2")]
    pub(crate) kind: i32,
    #[prost(int64, optional, tag = "3")]
    pub(crate) whole_value: Option<i64>,
    #[prost(string, tag = "6")]
    pub(crate) string_value: String,
}

/// Something about a group or a thread.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Muc {
    #[prost(message, optional, tag = "1")]
    pub(crate) id: Option<Jid>,
    #[prost(int32, tag = "2")]
    pub(crate) operation: i32,
    #[prost(message, optional, tag = "3")]
    pub(crate) from: Option<Jid>,
    #[prost(message, repeated, tag = "4")]
    pub(crate) to: Vec<Jid>,
    #[prost(string, tag = "6")]
    pub(crate) reason: String,
    #[prost(bool, tag = "7")]
    pub(crate) is_room: bool,
    #[prost(message, optional, tag = "8")]
    pub(crate) status: Option<MucStatus>,
    #[prost(bool, tag = "9")]
    pub(crate) is_thread: bool,
    #[prost(message, optional, tag = "10")]
    pub(crate) parent: Option<Jid>,
    #[prost(string, tag = "11")]
    pub(crate) name: String,
    #[prost(message, optional, tag = "12")]
    pub(crate) event_info: Option<EventInfo>,
    #[prost(int32, tag = "13")]
    pub(crate) member_count: i32,
    #[prost(string, tag = "14")]
    pub(crate) ext: String,
    #[prost(bool, tag = "15")]
    pub(crate) leave_other_rooms: bool,
}

/// What somebody who came into a chat room is told of it.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct MucStatus {
    #[prost(int32, tag = "1")]
    pub(crate) error_code: i32,
    /// JSON, by the user's name.
    #[prost(string, tag = "3")]
    pub(crate) room_info: String,
}

/// More about what happened to a group.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct EventInfo {
    #[prost(string, tag = "2")]
    pub(crate) ext: String,
}

/// Something about a contact.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Roster {
    #[prost(int32, tag = "1")]
    pub(crate) operation: i32,
    #[prost(message, optional, tag = "3")]
    pub(crate) from: Option<Jid>,
    #[prost(message, repeated, tag = "4")]
    pub(crate) to: Vec<Jid>,
    #[prost(string, tag = "5")]
    pub(crate) reason: String,
}

/// Why a device has to go.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Statistics {
    #[prost(int32, tag = "1")]
    pub(crate) operation: i32,
    #[prost(string, tag = "10")]
    pub(crate) reason: String,
}

/// Wraps a message into a frame.
pub(crate) fn frame(command: i32, payload: &impl Message) -> Vec<u8> {
    MSync {
        command,
        payload: payload.encode_to_vec(),
        ..MSync::default()
    }
    .encode_to_vec()
}

#[cfg(test)]
mod tests;
