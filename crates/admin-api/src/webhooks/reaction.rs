//! Reactions to messages (page `callback_reaction`).

use crate::model::{UnixMillis, UserId};
use crate::webhooks::fields::Fields;
use crate::webhooks::word::words;

/// Users reacted to messages.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReactionEvent {
    /// The messages, as they are now.
    pub messages: Vec<ReactedMessage>,
}

/// A message and all reactions to it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReactedMessage {
    /// The message.
    pub message_id: Option<String>,
    /// The sender.
    pub from: Option<UserId>,
    /// The recipient: a user or a group.
    pub to: Option<String>,
    /// When the last reaction changed.
    pub at: Option<UnixMillis>,
    /// All reactions; those that this event is about have [`Reaction::changes`].
    pub reactions: Vec<Reaction>,
}

/// A reaction to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reaction {
    /// The emoji or its name.
    pub reaction: Option<String>,
    /// Users who reacted so.
    pub users: Vec<UserId>,
    /// How many users reacted so.
    pub count: Option<u64>,
    /// What this event changed, and who did it.
    pub changes: Vec<(ReactionChange, Option<UserId>)>,
}

words! {
    /// How a reaction changed.
    ReactionChange {
        /// It was added.
        Create = "create",
        /// It was removed.
        Delete = "delete",
    }
}

impl ReactionEvent {
    pub(super) fn read(fields: Fields<'_>) -> Self {
        let messages = fields.object("payload").objects("data");
        Self {
            messages: messages.map(ReactedMessage::read).collect(),
        }
    }
}

impl ReactedMessage {
    fn read(message: Fields<'_>) -> Self {
        Self {
            message_id: message.text("messageId"),
            from: message.user("from"),
            to: message.text("to"),
            at: message.millis("ts"),
            reactions: message.objects("reactions").map(Reaction::read).collect(),
        }
    }
}

impl Reaction {
    fn read(reaction: Fields<'_>) -> Self {
        let changes = reaction.objects("op").filter_map(|change| {
            let kind = ReactionChange::of(change.word("reactionType")?);
            Some((kind, change.user("operator")))
        });
        Self {
            reaction: reaction.text("reaction"),
            users: reaction.users("userList"),
            count: reaction.number("count"),
            changes: changes.collect(),
        }
    }
}
