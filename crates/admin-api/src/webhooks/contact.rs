//! Contacts and block lists of users (page "contact and block list events").

use crate::model::UserId;
use crate::webhooks::fields::Fields;
use crate::webhooks::post::InvalidPost;
use crate::webhooks::word::words;

words! {
    /// What happened between two users.
    ContactOperation {
        /// `from` asks `to` to become a contact.
        Add = "add",
        /// `to` accepted, as posted for the devices of `to`.
        Accept = "accept",
        /// The request of `to` was accepted.
        RemoteAccept = "remote_accept",
        /// `to` declined, as posted for the devices of `to`.
        Decline = "decline",
        /// The request of `to` was declined.
        RemoteDecline = "remote_decline",
        /// `from` removed the contact `to`.
        Remove = "remove",
        /// `from` blocked `to`.
        Block = "ban",
        /// `from` unblocked `to`.
        Unblock = "allow",
    }
}

/// A contact or a block list changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ContactEvent {
    /// What happened.
    pub operation: ContactOperation,
    /// Who did it.
    pub from: Option<UserId>,
    /// The other user.
    pub to: Option<UserId>,
    /// What a request says; `None` if it says nothing.
    pub reason: Option<String>,
    /// The error if it failed; `None` for success.
    pub error: Option<String>,
    /// The id of the event's message.
    pub message_id: Option<String>,
}

impl ContactEvent {
    pub(super) fn read(fields: Fields<'_>) -> Result<Self, InvalidPost> {
        let payload = fields.object("payload");
        let operation = payload.word("operation").ok_or(InvalidPost::Missing {
            event: "contact event",
            field: "payload.operation",
        })?;
        Ok(Self {
            operation: ContactOperation::of(operation),
            from: fields.user("from"),
            to: fields.user("to"),
            reason: payload.text("reason"),
            error: error(payload),
            message_id: fields.text("msg_id"),
        })
    }
}

/// Returns the error of a `status`; `ok` is none.
pub(super) fn error(payload: Fields<'_>) -> Option<String> {
    let status = payload.object("status");
    let code = status.text("error_code").filter(|code| code != "ok")?;
    Some(match status.text("description") {
        Some(description) => format!("{code}: {description}"),
        None => code,
    })
}
