//! The answer to a message that is about to be delivered (page `callback_presending`).

use serde::Serialize;
use serde_json::{Map, Value};

/// Whether a message is delivered: the body of the answer to a post of [`Stage::BeforeDelivery`].
///
/// Answer with status 200 within the time that the rule in the console sets, 200 ms by default, and with at most 1000
/// characters. Otherwise the service does what the rule says.
///
/// ```
/// use easemob_admin_api::webhooks::Verdict;
///
/// let refused = Verdict::refuse().code("no links, please");
/// assert_eq!(serde_json::to_string(&refused)?, r#"{"valid":false,"code":"no links, please"}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// [`Stage::BeforeDelivery`]: crate::webhooks::Stage::BeforeDelivery
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[must_use = "a verdict does nothing until it is the answer"]
pub struct Verdict {
    valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(rename = "chatroom_msg_level", skip_serializing_if = "Option::is_none")]
    priority: Option<Priority>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Map<String, Value>>,
}

/// How important a message in a chat room is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Priority {
    /// Delivered first.
    High,
    /// As usual.
    Normal,
    /// Dropped first under load.
    Low,
}

impl Verdict {
    fn new(valid: bool) -> Self {
        Self {
            valid,
            code: None,
            priority: None,
            payload: None,
        }
    }

    /// Delivers the message.
    pub fn deliver() -> Self {
        Self::new(true)
    }

    /// Does not deliver the message.
    pub fn refuse() -> Self {
        Self::new(false)
    }

    /// Sets the error that the sender's SDK shows, if the rule says that it shows one; default
    /// `custom logic denied`.
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// Sets how important the message is; for chat rooms only.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = Some(priority);
        self
    }

    /// Delivers other content instead, in the form of the payload that was posted: texts up to 1 KB, other
    /// kinds only where the vendor has enabled it.
    pub fn replace(mut self, payload: Map<String, Value>) -> Self {
        self.payload = Some(payload);
        self
    }
}
