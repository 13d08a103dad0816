//! Push notifications for messages to offline users (page `callback_offline_push`).

use crate::model::UserId;
use crate::webhooks::fields::Fields;
use crate::webhooks::post::InvalidPost;
use crate::webhooks::word::words;

words! {
    /// Whether a notification was sent.
    PushStatus {
        /// It was.
        Success = "success",
        /// It was not; [`PushEvent::detail`] says why.
        Fail = "fail",
        /// Something went wrong; [`PushEvent::error`] says what.
        Error = "error",
    }
}

/// A push notification was sent, or was not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PushEvent {
    /// The message.
    pub message_id: Option<String>,
    /// The user.
    pub user: UserId,
    /// Whether it was sent.
    pub status: Option<PushStatus>,
    /// The push service, such as `APNS`.
    pub channel: Option<String>,
    /// The device.
    pub device_id: Option<String>,
    /// The name of the certificate.
    pub notifier: Option<String>,
    /// Why it was not sent, such as `no push binding`.
    pub detail: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
}

impl PushEvent {
    pub(super) fn read(fields: Fields<'_>) -> Result<Self, InvalidPost> {
        Ok(Self {
            message_id: fields.text("msg_id"),
            user: fields.user("target").ok_or(InvalidPost::Missing {
                event: "push event",
                field: "target",
            })?,
            status: fields.word("status").map(PushStatus::of),
            channel: fields.text("channel"),
            device_id: fields.text("device_id"),
            notifier: fields.text("notifier_name"),
            detail: fields.text("detail"),
            error: fields.text("e_message"),
        })
    }
}
