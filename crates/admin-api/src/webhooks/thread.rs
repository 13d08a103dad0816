//! Threads of groups (page `callback_thread`).

use crate::model::{UnixMillis, UserId};
use crate::webhooks::fields::Fields;
use crate::webhooks::message::MessageBody;
use crate::webhooks::post::InvalidPost;
use crate::webhooks::private::Private;
use crate::webhooks::word::words;

words! {
    /// What happened in a thread.
    ThreadOperation {
        /// A message was sent, taken back or changed.
        UpdateMessage = "update_msg",
    }
}

/// A thread changed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ThreadEvent {
    /// The thread.
    pub thread_id: String,
    /// What happened.
    pub operation: Option<ThreadOperation>,
    /// The thread's name.
    pub name: Option<String>,
    /// The group.
    pub group_id: Option<String>,
    /// The message that the thread began with.
    pub message_id: Option<String>,
    /// Who did it.
    pub operator: Option<UserId>,
    /// How many messages the thread has.
    pub messages: Option<u64>,
    /// When it happened.
    pub at: Option<UnixMillis>,
    /// The last message.
    pub last_message: Option<ThreadMessage>,
}

/// The last message of a thread.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ThreadMessage {
    /// The message.
    pub id: Option<String>,
    /// The sender.
    pub from: Option<UserId>,
    /// When it was sent.
    pub at: Option<UnixMillis>,
    /// What it says.
    pub bodies: Private<Vec<MessageBody>>,
}

impl ThreadEvent {
    pub(super) fn read(fields: Fields<'_>) -> Result<Self, InvalidPost> {
        let thread = fields.object("payload").object("data");
        let last = thread.object("last_message");
        Ok(Self {
            thread_id: thread.text("id").ok_or(InvalidPost::Missing {
                event: "thread event",
                field: "payload.data.id",
            })?,
            operation: thread.word("operation").map(ThreadOperation::of),
            name: thread.text("name"),
            group_id: thread.text("muc_parent_id"),
            message_id: thread.text("msg_parent_id"),
            operator: thread.user("from"),
            messages: thread.number("message_count"),
            at: thread.millis("timestamp"),
            last_message: last.map().map(|_| ThreadMessage {
                id: last.text("id"),
                from: last.user("from"),
                at: last.millis("timestamp"),
                bodies: Private(MessageBody::all_of(last.object("payload"))),
            }),
        })
    }
}
