//! What became of a message since it was sent: edits, reactions, receipts, a thread about it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// What became of a message.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Notes {
    /// The last of its edits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) edit: Option<Edit>,
    /// Who reacted with which reaction, in the order in which they did.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) reactions: BTreeMap<String, Vec<String>>,
    /// The thread that is about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) thread: Option<String>,
    /// Whose devices said that they have it.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) delivered_to: BTreeSet<String>,
    /// Who said to have read it, and when, in milliseconds since 1970.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) read_by: BTreeMap<String, u64>,
}

/// How often a message was changed, and who did it last.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Edit {
    pub(crate) count: u32,
    pub(crate) operator: String,
    /// In milliseconds since 1970.
    pub(crate) at_ms: u64,
}
