//! Drafts: forms that somebody has not finished.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A form to be kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"content": {"users": ["ann", "bob"]}})))]
pub struct NewDraft {
    /// What is in it.
    pub content: Value,
}

/// A form that somebody has not finished. Only who keeps it can read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Draft {
    /// When it was kept last.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// When it ends.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub until: Timestamp,
    /// What is in it.
    pub content: Value,
}
