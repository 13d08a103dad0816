//! Messages that the app sends, takes back, or exports.
//!
//! This is for announcements and for the record, not for chatting: conversations are the business of the client SDKs.

mod broadcast;
mod export;
mod message;
mod older;
mod recall;
mod send;

pub use self::broadcast::{BroadcastToAll, BroadcastToOnline};
pub use self::export::{ExportMessages, InvalidHour, MessageHour};
pub use self::message::{FileKind, Message};
pub use self::older::{OlderTarget, SendOlder};
pub use self::recall::{Conversation, RecallMessage, RecallOutcome};
pub use self::send::{GROUP_BATCH, SendToGroups, SendToUsers, USER_BATCH};

use serde_json::Value;

/// An id, which is larger than what a number in JavaScript holds, and so comes as a text or as a number.
fn id_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
