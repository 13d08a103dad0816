//! A call of the vendor that the service passed on, and that changed something.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum OperationState {
    /// It is on record, and is being sent.
    Sent,
    /// It was done.
    Done,
    /// The server refused.
    Refused,
    /// It never left.
    NotSent,
    /// It may have been done: no usable answer came.
    Unknown,
}

/// A call that the service passed on. It can be asked for within seven days; the audit trail has it for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Operation {
    /// Its id, as `x-operation-id` of the answer and `operation` in the audit trail.
    pub id: String,
    /// The name of the app.
    pub app: String,
    /// The call, such as `sessions.logout_all`.
    pub call: String,
    /// Whom it was about; nobody if it does not name them.
    pub users: Vec<String>,
    /// The device that it was about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Who sent it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// The ticket that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// When it was put on record.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// What became of it.
    pub state: OperationState,
    /// When that was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub ended: Option<Timestamp>,
    /// The HTTP status of the server, if it refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why it was not done, or is not known to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
