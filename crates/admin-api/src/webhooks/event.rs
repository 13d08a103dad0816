//! What happened: one type per kind of post.

use serde_json::{Map, Value};

use crate::webhooks::contact::ContactEvent;
use crate::webhooks::fields::Fields;
use crate::webhooks::group::{GroupEvent, MucEvent};
use crate::webhooks::message::{EditEvent, MessageEvent, RecallEvent};
use crate::webhooks::post::InvalidPost;
use crate::webhooks::private::Private;
use crate::webhooks::push::PushEvent;
use crate::webhooks::reaction::ReactionEvent;
use crate::webhooks::receipt::ReceiptEvent;
use crate::webhooks::review::{KeywordEvent, ModerationEvent};
use crate::webhooks::session::SessionEvent;
use crate::webhooks::thread::ThreadEvent;

/// What a post is about.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A device signed in or out (`userStatus`).
    Session(SessionEvent),
    /// A message, before or after it was delivered.
    Message(MessageEvent),
    /// A message was read.
    Receipt(ReceiptEvent),
    /// A message was taken back.
    Recall(RecallEvent),
    /// A message was changed.
    Edit(EditEvent),
    /// Users reacted to a message.
    Reaction(ReactionEvent),
    /// A thread of a group changed.
    Thread(ThreadEvent),
    /// A contact or a block list of a user changed (`roster`).
    Contact(ContactEvent),
    /// A group or a chat room changed (`group_op_event`).
    Group(GroupEvent),
    /// A group or a chat room changed, in the older form that servers without `group_op_event` post (`muc`).
    Muc(MucEvent),
    /// A push notification for a message was sent, or was not.
    Push(PushEvent),
    /// A message was reviewed by the moderation service.
    Moderation(ModerationEvent),
    /// A message was checked for forbidden words.
    Keyword(KeywordEvent),
    /// Anything else, with all fields of the post.
    Other(Private<Map<String, Value>>),
}

impl Event {
    pub(super) fn read(post: &Map<String, Value>, app_key: Option<&str>) -> Result<Self, InvalidPost> {
        let fields = Fields::of(post, app_key);
        let (chat_type, event_type) = (fields.word("chat_type"), fields.word("eventType"));
        if fields.word("event") == Some("group_op_event") {
            return GroupEvent::read(fields).map(Self::Group);
        }
        if SessionEvent::is_one(fields) {
            return SessionEvent::read(fields).map(Self::Session);
        }
        // Its `chat_type` is that of the message.
        if fields.word("step") == Some("push") {
            return PushEvent::read(fields).map(Self::Push);
        }
        match event_type {
            Some("moderation") => return ModerationEvent::read(fields).map(Self::Moderation),
            Some("keyword_alert") => return KeywordEvent::read(fields).map(Self::Keyword),
            _ => {}
        }
        match (chat_type, fields.object("payload").word("type")) {
            (Some("chat" | "group" | "groupchat" | "chatroom"), _) => {
                MessageEvent::read(fields).map(Self::Message)
            }
            (Some("read_ack" | "channel_ack" | "delivery_ack"), _) => {
                ReceiptEvent::read(fields).map(Self::Receipt)
            }
            (Some("recall"), _) => RecallEvent::read(fields).map(Self::Recall),
            (Some("edit"), _) => EditEvent::read(fields).map(Self::Edit),
            (Some("roster"), _) => ContactEvent::read(fields).map(Self::Contact),
            (Some("muc"), _) => MucEvent::read(fields).map(Self::Muc),
            (Some("notify"), Some("reaction")) => Ok(Self::Reaction(ReactionEvent::read(fields))),
            (Some("notify"), Some("thread")) => ThreadEvent::read(fields).map(Self::Thread),
            _ => Ok(Self::Other(Private(post.clone()))),
        }
    }
}
