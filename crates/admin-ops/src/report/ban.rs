//! The report of a user who is banned or unbanned.

use serde::{Deserialize, Serialize};

use super::{Failure, Outcome};
use crate::run::item::Item;
use crate::server::calls::CallError;

/// One user of a run that bans or unbans.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BanReport {
    /// The line of the list.
    pub line: u64,
    /// The user.
    pub user: String,
    /// The outcome for the user.
    pub outcome: Outcome,
    /// The failure, if any.
    #[serde(flatten)]
    pub failure: Failure,
    /// True if the user was locked, and the lock was removed.
    pub lock_ended: Option<bool>,
}

impl BanReport {
    /// Creates a report without failure.
    #[must_use]
    pub fn new(item: &Item, outcome: Outcome) -> Self {
        Self {
            line: item.line,
            user: item.user.to_string(),
            outcome,
            failure: Failure::default(),
            lock_ended: None,
        }
    }

    /// Creates the report of a user whose job was interrupted.
    #[must_use]
    pub fn cut_off(item: &Item) -> Self {
        Self {
            failure: Failure::cut_off(),
            ..Self::new(item, Outcome::Unknown)
        }
    }

    /// Creates the report of a failed call.
    #[must_use]
    pub fn failed(item: &Item, error: &CallError) -> Self {
        Self {
            failure: error.into(),
            ..Self::new(item, error.outcome())
        }
    }
}
