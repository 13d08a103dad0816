//! Receipts: who has read what (pages `callback_single_read_ack`, `callback_group_read_ack`,
//! `callback_single_conversation_ack`).

use crate::model::UserId;
use crate::webhooks::fields::Fields;
use crate::webhooks::post::InvalidPost;
use crate::webhooks::word::words;

words! {
    /// What a receipt says.
    ReceiptKind {
        /// The message was read.
        Read = "read_ack",
        /// All messages of the conversation were read, up to this one.
        ConversationRead = "channel_ack",
        /// The message has arrived. The pages mention such events and do not show one.
        Delivered = "delivery_ack",
    }
}

/// A user has read or received a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceiptEvent {
    /// What it says.
    pub kind: ReceiptKind,
    /// The message that was read.
    pub message_id: String,
    /// The id of the receipt's own message.
    pub id: Option<String>,
    /// Who has read it.
    pub from: Option<UserId>,
    /// Who receives the receipt: a user, or the group of the message.
    pub to: Option<String>,
}

impl ReceiptEvent {
    pub(super) fn read(fields: Fields<'_>) -> Result<Self, InvalidPost> {
        let message_id = fields.object("payload").text("ack_message_id");
        Ok(Self {
            kind: ReceiptKind::of(fields.word("chat_type").unwrap_or_default()),
            message_id: message_id.ok_or(InvalidPost::Missing {
                event: "receipt",
                field: "payload.ack_message_id",
            })?,
            id: fields.text("msg_id"),
            from: fields.user("from"),
            to: fields.text("to"),
        })
    }
}
