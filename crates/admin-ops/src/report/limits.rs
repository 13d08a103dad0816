//! What is reported of device limits that are set, of a user or of the app.

use std::collections::BTreeMap;

use easemob_admin_api::{DeviceLimits, UserId};
use serde::{Deserialize, Serialize};

use super::{Failure, Outcome};
use crate::server::calls::CallError;

/// One user whose limits are set, or the app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitsReport {
    /// Whose limits they are.
    pub scope: Scope,
    /// The user, unless they are those of the app.
    pub user: Option<String>,
    /// What became of them.
    pub outcome: Outcome,
    /// The limits before; nothing if they could not be read.
    pub before: Option<LimitsView>,
    /// The limits that were meant; nothing for a user who is to have none, or if those before could not be read.
    pub after: Option<LimitsView>,
    /// What failed.
    #[serde(flatten)]
    pub failure: Failure,
}

/// Whose limits they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Those of everybody who has none of their own.
    App,
    /// Those of one user.
    User,
}

impl Scope {
    /// Returns that of a user, or that of the app.
    #[must_use]
    pub fn of(user: Option<&UserId>) -> Self {
        user.map_or(Self::App, |_| Self::User)
    }

    /// Returns the word, as it is serialised.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::User => "user",
        }
    }
}

/// Limits, with the platforms by their words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitsView {
    /// `multi` or `single`, if the server says so.
    pub mode: Option<String>,
    /// The limit of platforms that have none of their own.
    pub default: Option<u32>,
    /// The limits of platforms.
    pub platforms: BTreeMap<String, u32>,
}

impl From<&DeviceLimits> for LimitsView {
    fn from(limits: &DeviceLimits) -> Self {
        let platforms = limits.platforms.iter();
        Self {
            mode: limits.mode.as_ref().map(ToString::to_string),
            default: limits.default,
            platforms: platforms
                .map(|(platform, limit)| (platform.to_string(), *limit))
                .collect(),
        }
    }
}

impl LimitsReport {
    /// A report without failure about a user, or about the app.
    #[must_use]
    pub fn new(user: Option<&UserId>, outcome: Outcome) -> Self {
        Self {
            scope: Scope::of(user),
            user: user.map(ToString::to_string),
            outcome,
            before: None,
            after: None,
            failure: Failure::default(),
        }
    }

    /// Adds the limits before and after.
    #[must_use]
    pub fn between(mut self, before: &DeviceLimits, after: Option<&DeviceLimits>) -> Self {
        self.before = Some(before.into());
        self.after = after.map(LimitsView::from);
        self
    }

    /// Makes it the report of a call that failed.
    #[must_use]
    pub fn failed(mut self, error: &CallError) -> Self {
        self.outcome = error.outcome();
        self.failure = error.into();
        self
    }

    /// The report of a user, or of the app, whose turn was cut off.
    #[must_use]
    pub fn cut_off(user: Option<&UserId>) -> Self {
        Self {
            failure: Failure::cut_off(),
            ..Self::new(user, Outcome::Unknown)
        }
    }
}
