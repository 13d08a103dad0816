//! What is reported of a user who is banned or unbanned.

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
    /// What became of the user.
    pub outcome: Outcome,
    /// What failed.
    #[serde(flatten)]
    pub failure: Failure,
    /// True if the user was locked, and is no more.
    pub lock_ended: Option<bool>,
}

impl BanReport {
    /// A report without failure.
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

    /// The report of a user whose job was cut off.
    #[must_use]
    pub fn cut_off(item: &Item) -> Self {
        Self {
            failure: Failure::cut_off(),
            ..Self::new(item, Outcome::Unknown)
        }
    }

    /// The report of a call that failed.
    #[must_use]
    pub fn failed(item: &Item, error: &CallError) -> Self {
        Self {
            failure: error.into(),
            ..Self::new(item, error.outcome())
        }
    }
}
