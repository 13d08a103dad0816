//! Messages that were reviewed (pages `callback_moderation`, `callback_sensitive_word`).

use crate::model::UserId;
use crate::webhooks::fields::Fields;
use crate::webhooks::post::InvalidPost;
use crate::webhooks::private::Private;
use crate::webhooks::word::words;

words! {
    /// What the service did with a reviewed message.
    ModerationResult {
        /// It was delivered.
        Pass = "PASS",
        /// It was not delivered.
        Reject = "REJECT",
        /// It was delivered with words replaced.
        Exchange = "EXCHANGE",
        /// It was taken back.
        Recall = "RECALL",
    }
}

/// A message was reviewed by the moderation service.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModerationEvent {
    /// The message.
    pub message_id: String,
    /// What the service did with it.
    pub result: Option<ModerationResult>,
    /// What the review found: `PASS`, `REVIEWED` or `REJECT`.
    pub finding: Option<String>,
    /// The kind of risk, in Chinese.
    pub risk: Option<String>,
    /// The kind of message, such as `txt`.
    pub message_type: Option<String>,
    /// The kind of conversation: `chat`, `groupchat` or `chatroom`.
    pub chat: Option<String>,
    /// The sender.
    pub from: Option<UserId>,
    /// The recipient: a user, group or chat room.
    pub to: Option<String>,
    /// The text of a text message.
    pub text: Private<Option<String>>,
    /// The file of any other message.
    pub url: Option<String>,
}

impl ModerationEvent {
    pub(super) fn read(fields: Fields<'_>) -> Result<Self, InvalidPost> {
        Ok(Self {
            message_id: fields.text("messageId").ok_or(InvalidPost::Missing {
                event: "moderation event",
                field: "messageId",
            })?,
            result: fields.word("moderationResult").map(ModerationResult::of),
            finding: fields.text("providerResult"),
            risk: fields.text("riskType"),
            message_type: fields.text("messageType"),
            chat: fields.text("targetType"),
            from: fields.user("from"),
            to: fields.text("to"),
            text: Private(fields.text("msg")),
            url: fields.text("url"),
        })
    }
}

words! {
    /// What the service did with a message that was checked for forbidden words.
    KeywordAction {
        /// It was delivered.
        Pass = "pass",
        /// It was not delivered.
        Refuse = "refuse",
        /// It was delivered with the words replaced.
        Replace = "replace",
    }
}

/// A message was checked for forbidden words.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeywordEvent {
    /// The message.
    pub message_id: String,
    /// What the service did with it.
    pub action: Option<KeywordAction>,
    /// The words.
    pub words: Private<Vec<String>>,
    /// The sender.
    pub from: Option<UserId>,
    /// The recipient.
    pub to: Option<UserId>,
}

impl KeywordEvent {
    pub(super) fn read(fields: Fields<'_>) -> Result<Self, InvalidPost> {
        let uri = fields.word("contentUri").ok_or(InvalidPost::Missing {
            event: "keyword event",
            field: "contentUri",
        })?;
        Ok(Self {
            message_id: uri.strip_prefix("msync:").unwrap_or(uri).to_owned(),
            action: fields.word("status").map(KeywordAction::of),
            words: Private(fields.words("sensitiveWords").map(str::to_owned).collect()),
            from: fields.user("contentOwner"),
            to: fields.user("contentReceiver"),
        })
    }
}
